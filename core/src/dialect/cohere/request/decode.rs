//! A client's request → the hub.

use super::documents;
use super::messages::{self, MessageFields};
use crate::chat::{Format, Reasoning, Request, Tool, ToolChoice};
use crate::dialect::openai::json::{self, TextOr};
use crate::dialect::wire::{Raw, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde_json::Number;
use std::borrow::Cow;

wire! {
    struct Body<'a> {
        model: Str<'a>,
        messages: Vec<MessageFields<'a>>,
        tools: Vec<ToolFields<'a>>,
        strict_tools: bool,
        documents: Vec<TextOr<'a, documents::DocumentFields<'a>>>,
        citation_options: CitationOptions<'a>,
        response_format: ResponseFormat<'a>,
        safety_mode: Str<'a>,
        max_tokens: u64,
        stop_sequences: Vec<Str<'a>>,
        temperature: Number,
        seed: Number,
        frequency_penalty: Number,
        presence_penalty: Number,
        k: Number,
        p: Number,
        logprobs: bool,
        tool_choice: Str<'a>,
        thinking: Thinking<'a>,
        priority: Number,
        stream: bool,
    }
}
wire! { struct ToolFields<'a> { kind "type": Str<'a>, function: Function<'a> } }
wire! { struct Function<'a> { name: Str<'a>, description: Str<'a>, parameters: Raw<'a> } }
wire! { struct CitationOptions<'a> { mode: Str<'a> } }
wire! { struct ResponseFormat<'a> { kind "type": Str<'a>, json_schema: Raw<'a> } }
wire! { struct Thinking<'a> { kind "type": Str<'a>, token_budget: u64 } }

/// Reads a client's request.
///
/// # Errors
/// A [`Fault`] that names the field, for a body that the API would refuse as well.
pub fn decode(body: &[u8]) -> Result<Request<'_>, Fault> {
    let body: Body<'_> = json::read_request(body)?;
    let mut losses = Losses::default();
    note_what_is_lost(&body, &mut losses);
    let model = body.model.filter(|model| !model.is_empty()).ok_or_else(|| missing("model", "the name of a model"))?;
    let spoken = body.messages.filter(|list| !list.is_empty()).ok_or_else(|| missing("messages", "one at least"))?;
    let mut messages = messages::decode(spoken, &mut losses)?;
    let citations = wants_citations(body.citation_options, &mut losses);
    documents::place(body.documents.unwrap_or_default(), citations, &mut messages, &mut losses)?;
    let is_not_zero = |number: &Number| number.as_f64() != Some(0.0);
    Ok(Request {
        model,
        messages,
        tools: tools(body.tools.unwrap_or_default(), body.strict_tools, &mut losses)?,
        tool_choice: body.tool_choice.and_then(|word| tool_choice(&word, &mut losses)),
        max_tokens: body.max_tokens,
        temperature: body.temperature,
        top_p: body.p,
        // 0 turns it off.
        top_k: body.k.filter(is_not_zero),
        presence_penalty: body.presence_penalty.filter(is_not_zero),
        frequency_penalty: body.frequency_penalty.filter(is_not_zero),
        seed: body.seed,
        stop: body.stop_sequences.unwrap_or_default(),
        logprobs: (body.logprobs == Some(true)).then_some(0),
        format: format(body.response_format, &mut losses)?,
        reasoning: reasoning(body.thinking, &mut losses),
        stream: body.stream.unwrap_or(false),
        stream_usage: true,
        losses,
        ..Request::default()
    })
}

/// A required field is not there.
pub(super) fn missing(path: &str, expected: &str) -> Fault {
    Fault::invalid(format!("{path} is missing: expected {expected}")).with_param(path)
}

/// Names the parameters that have no place in the hub, unless they say what holds anyway.
fn note_what_is_lost(body: &Body<'_>, losses: &mut Losses) {
    if body.safety_mode.as_deref().is_some_and(|mode| mode != "CONTEXTUAL") {
        losses.add("safety_mode");
    }
    if body.priority.as_ref().is_some_and(|priority| priority.as_u64() != Some(0)) {
        losses.add("priority");
    }
    for field in &body.unknown {
        losses.add_unknown("", field);
    }
}

/// Whether documents shall be cited: unless the client says otherwise. When the citations come (`FAST`, `ACCURATE`) is up
/// to other providers.
fn wants_citations(options: Option<CitationOptions<'_>>, losses: &mut Losses) -> bool {
    let Some(mode) = options.and_then(|options| options.mode) else { return true };
    let is = |word: &str| mode.eq_ignore_ascii_case(word);
    if is("OFF") || is("DISABLED") {
        return false;
    }
    if !is("ENABLED") {
        losses.add("citation_options.mode");
    }
    true
}

fn tools<'a>(tools: Vec<ToolFields<'a>>, strict: Option<bool>, losses: &mut Losses) -> Result<Vec<Tool<'a>>, Fault> {
    let mut all = Vec::with_capacity(tools.len());
    for (index, tool) in tools.into_iter().enumerate() {
        let kind = tool.kind.as_deref().unwrap_or("function");
        if kind != "function" {
            losses.add_unknown("tools", kind);
            continue;
        }
        let path = format!("tools[{index}].function");
        let function = tool.function.ok_or_else(|| missing(&path, "the function's definition"))?;
        for field in tool.unknown.iter().chain(&function.unknown) {
            losses.add_unknown("tools", field);
        }
        all.push(Tool {
            name: function.name.ok_or_else(|| missing(&format!("{path}.name"), "the function's name"))?,
            description: function.description,
            schema: function.parameters.map(Cow::Borrowed),
            strict,
            cache: None,
        });
    }
    Ok(all)
}

fn tool_choice(word: &str, losses: &mut Losses) -> Option<ToolChoice<'static>> {
    match word {
        "REQUIRED" => Some(ToolChoice::Required),
        "NONE" => Some(ToolChoice::None),
        _ => {
            losses.add("tool_choice");
            None
        }
    }
}

fn format<'a>(format: Option<ResponseFormat<'a>>, losses: &mut Losses) -> Result<Option<Format<'a>>, Fault> {
    let Some(format) = format else { return Ok(None) };
    for field in &format.unknown {
        losses.add_unknown("response_format", field);
    }
    match (format.kind.as_deref(), format.json_schema) {
        (Some("text"), _) => Ok(None),
        (Some("json_object"), None) => Ok(Some(Format::JsonObject)),
        (Some("json_object"), Some(schema)) => Ok(Some(Format::JsonSchema {
            name: None,
            description: None,
            schema: Some(Cow::Borrowed(schema)),
            strict: Some(true), // the API has no other way
        })),
        (Some(_), _) => {
            losses.add("response_format");
            Ok(None)
        }
        (None, _) => Err(missing("response_format.type", "`text` or `json_object`")),
    }
}

fn reasoning(thinking: Option<Thinking<'_>>, losses: &mut Losses) -> Option<Reasoning> {
    let thinking = thinking?;
    for field in &thinking.unknown {
        losses.add_unknown("thinking", field);
    }
    match (thinking.kind.as_deref(), thinking.token_budget) {
        (Some("disabled"), _) => Some(Reasoning::Off),
        (Some("enabled") | None, Some(tokens)) => Some(Reasoning::Budget(tokens)),
        (Some("enabled"), None) => Some(Reasoning::Adaptive),
        (None, None) => None,
        (Some(_), _) => {
            losses.add("thinking");
            None
        }
    }
}
