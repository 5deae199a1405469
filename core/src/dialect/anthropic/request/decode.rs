//! A client's request → the hub.

use super::super::block::{Block, CacheControl, Loose, Word, cache_mark};
use super::content::{self, MessageFields};
use crate::chat::{Effort, Format, Request, ServiceTier, Tool, ToolChoice};
use crate::dialect::claude::{self, ThinkingFields};
use crate::dialect::wire::{BadJson, Raw, read, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde::de::IgnoredAny;
use serde_json::Number;
use std::borrow::Cow;

wire! {
    struct Body<'a> {
        model: Str<'a>,
        messages: Vec<MessageFields<'a>>,
        max_tokens: u64,
        system: Loose<'a, Block<'a>>,
        cache_control: Loose<'a, CacheControl<'a>>,
        metadata: Metadata<'a>,
        output_config: OutputConfig<'a>,
        output_format: OutputFormat<'a>,
        service_tier: Str<'a>,
        stop_sequences: Vec<Str<'a>>,
        stream: bool,
        temperature: Number,
        thinking: ThinkingFields<'a>,
        tool_choice: ToolChoiceFields<'a>,
        tools: Vec<ToolFields<'a>>,
        top_k: Number,
        top_p: Number,
        speed: Str<'a>,
        // Where clouds put the API's version: says nothing about the request.
        anthropic_version: IgnoredAny,
    }
}

wire! {
    struct Metadata<'a> { user_id: Str<'a> }
}

wire! {
    struct OutputConfig<'a> { effort: Str<'a>, format: OutputFormat<'a> }
}

wire! {
    struct OutputFormat<'a> { kind "type": Str<'a>, schema: Raw<'a> }
}

wire! {
    struct ToolChoiceFields<'a> { kind "type": Str<'a>, name: Str<'a>, disable_parallel_tool_use: bool }
}

wire! {
    struct ToolFields<'a> {
        kind "type": Str<'a>,
        name: Str<'a>,
        description: Str<'a>,
        input_schema: Raw<'a>,
        strict: bool,
        cache_control: Loose<'a, CacheControl<'a>>,
        eager_input_streaming: bool,
        defer_loading: bool,
        allowed_callers: Vec<Word<'a>>,
        input_examples: IgnoredAny,
    }
}

/// Reads a client's request.
///
/// # Errors
/// A [`Fault`] that names the field, for a body that the API would refuse as well.
pub fn decode(body: &[u8]) -> Result<Request<'_>, Fault> {
    let body: Body<'_> = read(body).map_err(unreadable)?;
    // Where clouds serve it, the URL names the model and the body the version.
    let model = body.model.filter(|model| !model.is_empty()).or(body.anthropic_version.map(|_| Str::default()));
    let model = model.ok_or_else(|| missing("model", "the model's name"))?;
    let max_tokens = body.max_tokens.ok_or_else(|| missing("max_tokens", "the most tokens to generate"))?;
    let mut losses = Losses::default();
    note_unknown(&body.unknown, &mut losses);
    if body.speed.as_deref().is_some_and(|speed| speed != "standard") {
        losses.add("speed");
    }

    let mut messages = content::system(body.system, &mut losses)?;
    let spoken = body.messages.filter(|list| !list.is_empty()).ok_or_else(|| missing("messages", "one at least"))?;
    for (index, fields) in spoken.into_iter().enumerate() {
        content::message(fields, index, &mut messages, &mut losses)?;
    }

    let (effort, format) = output(body.output_config, body.output_format, &mut losses);
    let (tools, server_tools) = tools(body.tools.unwrap_or_default(), &mut losses)?;
    let (tool_choice, parallel_tools) = tool_choice(body.tool_choice, &tools, server_tools, &mut losses)?;
    let user = user(body.metadata, &mut losses);
    Ok(Request {
        model,
        messages,
        tools,
        tool_choice,
        parallel_tools,
        max_tokens: Some(max_tokens),
        temperature: body.temperature,
        top_p: body.top_p,
        top_k: body.top_k,
        stop: body.stop_sequences.unwrap_or_default(),
        format,
        reasoning: claude::reasoning(body.thinking, effort, &mut losses)?,
        stream: body.stream.unwrap_or(false),
        stream_usage: true,
        user,
        service_tier: body.service_tier.map(service_tier),
        cache: cache_mark(body.cache_control, &mut losses),
        losses,
        ..Request::default()
    })
}

/// How much of a parser's message is repeated, in characters: it may quote the client's value.
const PARSER_CHARS_MAX: usize = 200;

fn unreadable(bad: BadJson) -> Fault {
    let found: String = bad.message.chars().take(PARSER_CHARS_MAX).collect();
    let fault = Fault::invalid(format!("the body is not a request of the Anthropic messages API: {found}"));
    match bad.path {
        Some(path) => fault.with_param(path),
        None => fault,
    }
}

fn missing(field: &'static str, what: &str) -> Fault {
    Fault::invalid(format!("{field} is missing: the Anthropic messages API needs {what}")).with_param(field)
}

/// The fields of the API that other dialects have nothing for.
const FIELDS_LOST: [&str; 8] = [
    "container",
    "inference_geo",
    "mcp_servers",
    "context_management",
    "diagnostics",
    "fallbacks",
    "fallback_credit_token",
    "betas",
];

fn note_unknown(fields: &[Str<'_>], losses: &mut Losses) {
    for field in fields {
        match FIELDS_LOST.iter().find(|known| *field == **known) {
            Some(known) => losses.add(known),
            None => losses.add_unknown("", field),
        }
    }
}

/// The output's effort and form.
fn output<'a>(
    config: Option<OutputConfig<'a>>,
    older: Option<OutputFormat<'a>>,
    losses: &mut Losses,
) -> (Option<Effort>, Option<Format<'a>>) {
    let config = config.unwrap_or_default();
    for field in &config.unknown {
        losses.add_unknown("output_config", field);
    }
    let effort = config.effort.and_then(|effort| {
        let known = claude::effort_of(&effort);
        if known.is_none() {
            losses.add("output_config.effort");
        }
        known
    });
    // `output_format` is the beta's name for `output_config.format`.
    let format = config.format.or(older).and_then(|format| {
        let known = format.kind.as_deref() == Some("json_schema");
        if !known || !format.unknown.is_empty() {
            losses.add("output_config.format");
        }
        known.then(|| Format::JsonSchema {
            name: None,
            description: None,
            schema: format.schema.map(Cow::Borrowed),
            strict: Some(true), // the API has no other way
        })
    });
    (effort, format)
}

/// Tools that run on the provider's side, by the beginning of their type (a date follows).
const SERVER_TOOLS: [(&str, &str); 11] = [
    ("web_search_", "tools.web_search"),
    ("web_fetch_", "tools.web_fetch"),
    ("code_execution_", "tools.code_execution"),
    ("bash_", "tools.bash"),
    ("text_editor_", "tools.text_editor"),
    ("computer_", "tools.computer"),
    ("memory_", "tools.memory"),
    ("tool_search_tool_", "tools.tool_search_tool"),
    ("advisor_", "tools.advisor"),
    ("mcp_toolset", "tools.mcp_toolset"),
    ("agent_toolset", "tools.agent_toolset"),
];

/// The client's own tools, and whether there were others (which the API defines and which are losses).
fn tools<'a>(list: Vec<ToolFields<'a>>, losses: &mut Losses) -> Result<(Vec<Tool<'a>>, bool), Fault> {
    let mut tools = Vec::with_capacity(list.len());
    let mut server_tools = false;
    for (index, fields) in list.into_iter().enumerate() {
        match fields.kind.as_deref() {
            None | Some("custom") => tools.push(tool(fields, index, losses)?),
            Some(kind) => {
                server_tools = true;
                match SERVER_TOOLS.iter().find(|(prefix, _)| kind.starts_with(prefix)) {
                    Some((_, loss)) => losses.add(loss),
                    None => losses.add_unknown("tools", kind),
                }
            }
        }
    }
    Ok((tools, server_tools))
}

fn tool<'a>(fields: ToolFields<'a>, index: usize, losses: &mut Losses) -> Result<Tool<'a>, Fault> {
    for field in &fields.unknown {
        losses.add_unknown("tools", field);
    }
    if fields.eager_input_streaming.is_some() {
        losses.add("tools.eager_input_streaming");
    }
    if fields.defer_loading == Some(true) {
        losses.add("tools.defer_loading");
    }
    let only_direct = |callers: &Vec<Word<'_>>| {
        callers.iter().all(|caller| matches!(caller, Loose::Text(caller) if *caller == "direct"))
    };
    if fields.allowed_callers.as_ref().is_some_and(|callers| !only_direct(callers)) {
        losses.add("tools.allowed_callers");
    }
    if fields.input_examples.is_some() {
        losses.add("tools.input_examples");
    }
    let name = fields.name.ok_or_else(|| {
        Fault::invalid(format!("tools[{index}].name is missing: a tool needs a name"))
            .with_param(format!("tools[{index}].name"))
    })?;
    Ok(Tool {
        name,
        description: fields.description,
        schema: fields.input_schema.map(Cow::Borrowed),
        strict: fields.strict,
        cache: cache_mark(fields.cache_control, losses),
    })
}

/// Whether and which tool must be called, and whether several may be. A choice that only server tools could have
/// fulfilled is lost with them.
fn tool_choice<'a>(
    fields: Option<ToolChoiceFields<'a>>,
    tools: &[Tool<'_>],
    server_tools: bool,
    losses: &mut Losses,
) -> Result<(Option<ToolChoice<'a>>, Option<bool>), Fault> {
    let Some(fields) = fields else { return Ok((None, None)) };
    for field in &fields.unknown {
        losses.add_unknown("tool_choice", field);
    }
    let parallel = (fields.disable_parallel_tool_use == Some(true)).then_some(false);
    let choice = match fields.kind.unwrap_or_default() {
        kind if kind == "auto" => ToolChoice::Auto,
        kind if kind == "any" => ToolChoice::Required,
        kind if kind == "none" => ToolChoice::None,
        kind if kind == "tool" => ToolChoice::Named(fields.name.ok_or_else(|| {
            Fault::invalid("tool_choice.name is missing: the type `tool` needs the tool's name")
                .with_param("tool_choice.name")
        })?),
        kind => {
            let kind: String = kind.chars().take(PARSER_CHARS_MAX).collect();
            let message = format!("tool_choice.type is `{kind}`: expected `auto`, `any`, `tool` or `none`");
            return Err(Fault::invalid(message).with_param("tool_choice.type"));
        }
    };
    let fulfillable = match &choice {
        ToolChoice::Auto | ToolChoice::None => true,
        ToolChoice::Required => !tools.is_empty(),
        ToolChoice::Named(name) => tools.iter().any(|tool| tool.name == *name),
    };
    if server_tools && !fulfillable {
        losses.add("tool_choice");
        return Ok((None, parallel));
    }
    Ok((Some(choice), parallel))
}

fn user<'a>(metadata: Option<Metadata<'a>>, losses: &mut Losses) -> Option<Str<'a>> {
    let metadata = metadata?;
    for field in &metadata.unknown {
        losses.add_unknown("metadata", field);
    }
    metadata.user_id
}

fn service_tier(tier: Str<'_>) -> ServiceTier<'_> {
    match tier.as_str() {
        "auto" => ServiceTier::Auto,
        "standard_only" => ServiceTier::Standard,
        _ => ServiceTier::Other(tier),
    }
}
