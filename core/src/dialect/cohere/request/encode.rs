//! The hub → a request for a provider.

use super::body::{Body, CitationOptions, Function, ResponseFormat, Thinking, Tool};
use super::conversation::Conversation;
use super::sampling;
use crate::chat::{self, Effort, Format, Part, Reasoning, Request, Role, ServiceTier, ToolChoice};
use crate::dialect::schema::completed;
use crate::dialect::wire;
use crate::dialect::{Encoded, Upstream};
use crate::fault::Fault;
use crate::loss::Losses;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// How many stop sequences the API takes.
const STOPS_MAX: usize = 5;
/// The schema of a tool without arguments: the API demands one.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

/// Writes a request for a provider.
///
/// # Errors
/// A [`Fault`] when the request makes no sense in this dialect: no message with content, or an unknown role.
pub fn encode(request: &Request<'_>, upstream: &Upstream) -> Result<Encoded, Fault> {
    let mut losses = Losses::default();
    let format = format(request, &mut losses);
    // The API refuses a form of the answer beside documents, but not beside what the user says.
    let conversation = Conversation::of(&request.messages, format.is_some(), &mut losses)?;
    if request.messages.last().is_some_and(is_prefill) {
        losses.add("messages.role.assistant");
    }
    let sampling = sampling::of(request, upstream, &mut losses);
    let (tools, tool_choice) = tools(request, &mut losses);
    note_unsayable(request, &mut losses);
    let uncited = !conversation.documents.is_empty() && !conversation.citations;
    let body = Body {
        model: &upstream.model,
        messages: conversation.messages,
        strict_tools: strict_tools(tools, &mut losses),
        tools: tools.iter().map(|tool| written(tool, &mut losses)).collect(),
        documents: conversation.documents,
        citation_options: uncited.then_some(CitationOptions { mode: "OFF" }),
        response_format: format,
        max_tokens: request.max_tokens,
        stop_sequences: stops(request, &mut losses),
        temperature: sampling.temperature,
        seed: sampling.seed,
        frequency_penalty: sampling.frequency_penalty,
        presence_penalty: sampling.presence_penalty,
        k: sampling.k,
        p: sampling.p,
        logprobs: request.logprobs.is_some(),
        tool_choice,
        thinking: request.reasoning.and_then(|reasoning| thinking(reasoning, upstream, &mut losses)),
        stream: request.stream,
    };
    let body = wire::written(&body);
    Ok(Encoded { body, losses })
}

/// Whether the conversation ends with words that are put into the model's mouth: here the model begins anew.
fn is_prefill(last: &chat::Message<'_>) -> bool {
    last.role == Role::Assistant && !last.parts.iter().any(|part| matches!(part, Part::ToolCall(_)))
}

/// The answer's form. The API refuses one beside tools
/// (<https://docs.cohere.com/docs/structured-outputs#unsupported-features>), of which the tools are worth more.
fn format<'b>(request: &'b Request<'_>, losses: &mut Losses) -> Option<ResponseFormat<'b>> {
    let format = request.format.as_ref()?;
    if !request.tools.is_empty() {
        losses.add("response_format");
        return None;
    }
    let json_schema = match format {
        Format::JsonObject => None,
        Format::JsonSchema { description, schema, .. } => {
            if description.is_some() {
                losses.add("response_format.json_schema.description");
            }
            schema.as_deref()
        }
    };
    Some(ResponseFormat { kind: "json_object", json_schema })
}

/// The tools and whether one must be called. That a certain one must be called is said by offering no other.
fn tools<'b>(request: &'b Request<'_>, losses: &mut Losses) -> (&'b [chat::Tool<'b>], Option<&'static str>) {
    let all = &request.tools[..];
    match &request.tool_choice {
        None | Some(ToolChoice::Auto) => (all, None),
        Some(ToolChoice::None) => (all, (!all.is_empty()).then_some("NONE")),
        Some(ToolChoice::Required | ToolChoice::Named(_)) if all.is_empty() => {
            losses.add("tool_choice");
            (all, None)
        }
        Some(ToolChoice::Required) => (all, Some("REQUIRED")),
        Some(ToolChoice::Named(name)) => {
            let named = all.iter().position(|tool| tool.name == *name).and_then(|at| all.get(at..=at));
            if named.is_none() {
                losses.add("tool_choice");
            }
            (named.unwrap_or(all), Some("REQUIRED"))
        }
    }
}

/// Strictness is one setting for all tools, so that it holds only where all want it.
fn strict_tools(tools: &[chat::Tool<'_>], losses: &mut Losses) -> bool {
    let strict = tools.iter().filter(|tool| tool.strict == Some(true)).count();
    let all = strict == tools.len();
    if strict > 0 && !all {
        losses.add("tools.strict");
    }
    strict > 0 && all
}

fn written<'b>(tool: &'b chat::Tool<'_>, losses: &mut Losses) -> Tool<'b> {
    if tool.cache.is_some() {
        losses.add("cache_control");
    }
    let none = || RawValue::from_string(NO_ARGUMENTS.to_owned()).expect("the constant is JSON");
    let parameters = match tool.schema.as_deref() {
        None => Cow::Owned(none()),
        Some(schema) => completed(schema, &[("type", "\"object\"")]).unwrap_or(Cow::Borrowed(schema)),
    };
    let function = Function { name: &tool.name, description: tool.description.as_deref(), parameters };
    Tool { kind: "function", function }
}

fn stops<'b>(request: &'b Request<'_>, losses: &mut Losses) -> Vec<&'b str> {
    if request.stop.len() > STOPS_MAX {
        losses.add("stop_sequences");
    }
    request.stop.iter().take(STOPS_MAX).map(|stop| stop.as_str()).collect()
}

/// How to think: <https://docs.cohere.com/docs/reasoning>. Models that can think do, without a limit unless they are given
/// one; lower efforts are limits.
fn thinking(reasoning: Reasoning, upstream: &Upstream, losses: &mut Losses) -> Option<Thinking> {
    if !upstream.reasoning {
        if matches!(reasoning, Reasoning::Effort(_) | Reasoning::Budget(_)) {
            losses.add("thinking");
        }
        return None;
    }
    let token_budget = match reasoning {
        Reasoning::Off => return Some(Thinking::Disabled),
        Reasoning::Adaptive => None,
        // 0 is refused.
        Reasoning::Budget(tokens) => Some(tokens.max(1)),
        Reasoning::Effort(Effort::Minimal) => Some(512),
        Reasoning::Effort(Effort::Low) => Some(2048),
        Reasoning::Effort(Effort::Medium) => Some(8192),
        Reasoning::Effort(Effort::High | Effort::XHigh | Effort::Max) => None,
    };
    Some(Thinking::Enabled { token_budget })
}

/// Notes the fields that this dialect has nothing for, unless they say what it does anyway.
fn note_unsayable(request: &Request<'_>, losses: &mut Losses) {
    let is_paid_for = |tier: &ServiceTier<'_>| matches!(tier, ServiceTier::Other(_));
    let fields = [
        ("cache_control", request.cache.is_some()),
        ("parallel_tool_calls", request.parallel_tools == Some(false) && !request.tools.is_empty()),
        ("n", request.n.is_some_and(|n| n > 1)),
        ("top_logprobs", request.logprobs.is_some_and(|top| top > 0)),
        ("verbosity", request.verbosity.as_deref().is_some_and(|verbosity| verbosity != "medium")),
        ("user", request.user.is_some()),
        ("metadata", request.metadata.is_some()),
        ("service_tier", request.service_tier.as_ref().is_some_and(is_paid_for)),
    ];
    for (field, _) in fields.iter().filter(|(_, lost)| *lost) {
        losses.add(field);
    }
}
