//! The hub → a request for a provider.

use super::body::{Block, Body, Content, JsonSchema, Mark, Metadata, OutputConfig, Tool};
use super::messages::Conversation;
use super::tools;
use crate::chat::{CacheMark, Format, Request, ServiceTier};
use crate::dialect::claude::{self, Wish};
use crate::dialect::wire;
use crate::dialect::{Encoded, ThinkingStyle, Upstream};
use crate::fault::Fault;
use crate::loss::Losses;
use serde_json::Number;

/// How many cache breakpoints the API takes
/// (<https://platform.claude.com/docs/en/build-with-claude/prompt-caching>).
const MARKS_MAX: usize = 4;
/// What a model is told that has to answer in JSON without a schema: the API has no field for it.
const JSON_INSTRUCTION: &str =
    "Respond with a single valid JSON object and nothing else: no other text and no code fence around it.";

/// Writes a request for a provider.
///
/// # Errors
/// A [`Fault`] when the request makes no sense in this dialect: no message, an unknown role, a tool with a name or a
/// schema that the API refuses, a forced call without tools.
pub fn encode(request: &Request<'_>, upstream: &Upstream) -> Result<Encoded, Fault> {
    let mut losses = Losses::default();
    let mut conversation = Conversation::of(&request.messages, &mut losses)?;
    let mut tools = tools::tools(&request.tools)?;
    let plan = claude::plan(
        Wish {
            reasoning: request.reasoning,
            can_think: upstream.reasoning,
            style: upstream.thinking,
            max_tokens: request.max_tokens,
            max_tokens_default: upstream.max_tokens_default,
            goes_on_without_thought: conversation.goes_on_without_thought(),
        },
        &mut losses,
    );
    if upstream.thinking == ThinkingStyle::Adaptive {
        // From Claude 4.6 on, models do not continue an assistant's turn.
        conversation.end_with_user(&mut losses);
    }
    let format = format(request, &mut conversation, &mut losses);
    keep_marks(&mut tools, &mut conversation, request.cache.as_ref(), &mut losses);
    let sampling = claude::sampling(request, upstream, plan.thinks(), &mut losses);
    note_unsayable(request, &mut losses);
    let body = Body {
        model: &upstream.model,
        max_tokens: plan.max_tokens,
        tool_choice: tools::choice(request, plan.thinks(), &mut losses)?,
        system: (!conversation.system.is_empty()).then_some(Content(conversation.system)),
        messages: conversation.turns,
        tools,
        thinking: plan.thinking,
        output_config: (plan.effort.is_some() || format.is_some())
            .then_some(OutputConfig { effort: plan.effort, format }),
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        stop_sequences: stop_sequences(request, &mut losses),
        metadata: request.user.as_deref().map(|user_id| Metadata { user_id }),
        service_tier: service_tier(request, &mut losses),
        cache_control: request.cache.as_ref().map(Mark),
        stream: request.stream,
    };
    let body = wire::written(&body);
    Ok(Encoded { body, losses })
}

/// The answer's form. With a schema the API constrains the output (Claude since 4.5, no beta header; every object in the
/// schema needs `additionalProperties: false`, which is the client's business); without one the model is told.
fn format<'a>(
    request: &'a Request<'_>,
    conversation: &mut Conversation<'a>,
    losses: &mut Losses,
) -> Option<JsonSchema<'a>> {
    match &request.format {
        None => None,
        Some(Format::JsonSchema { schema: Some(schema), description, .. }) => {
            if description.is_some() {
                losses.add("response_format.json_schema.description");
            }
            Some(JsonSchema { schema })
        }
        Some(Format::JsonSchema { schema: None, .. } | Format::JsonObject) => {
            losses.add("response_format");
            conversation.system.push(Block::Text { text: JSON_INSTRUCTION, cache_control: None });
            None
        }
    }
}

/// Keeps the last breakpoints where there are more than the API takes: they cover the longest prefixes. The one for the
/// whole request counts too.
fn keep_marks(
    tools: &mut [Tool<'_>],
    conversation: &mut Conversation<'_>,
    whole: Option<&CacheMark<'_>>,
    losses: &mut Losses,
) {
    let all = tools.iter().filter(|tool| tool.cache_control.is_some()).count()
        + conversation.marks().filter(|mark| mark.is_some()).count()
        + usize::from(whole.is_some());
    let excess = all.saturating_sub(MARKS_MAX);
    if excess == 0 {
        return;
    }
    losses.add("cache_control");
    let on_tools = tools.iter_mut().map(|tool| &mut tool.cache_control).filter(|mark| mark.is_some());
    let mut left = excess;
    for mark in on_tools.take(excess) {
        *mark = None;
        left -= 1;
    }
    for mark in conversation.marks().filter(|mark| mark.is_some()).take(left) {
        *mark = None;
    }
}

/// The API refuses sequences of white space only.
fn stop_sequences<'a>(request: &'a Request<'_>, losses: &mut Losses) -> Vec<&'a str> {
    let blank = |stop: &str| stop.trim().is_empty();
    if request.stop.iter().any(|stop| blank(stop)) {
        losses.add("stop");
    }
    request.stop.iter().map(|stop| stop.as_str()).filter(|stop| !blank(stop)).collect()
}

fn service_tier(request: &Request<'_>, losses: &mut Losses) -> Option<&'static str> {
    match &request.service_tier {
        None => None,
        Some(ServiceTier::Auto) => Some("auto"),
        Some(ServiceTier::Standard) => Some("standard_only"),
        Some(ServiceTier::Other(_)) => {
            losses.add("service_tier");
            None
        }
    }
}

/// Notes the fields that this dialect has nothing for, unless they say what it does anyway.
fn note_unsayable(request: &Request<'_>, losses: &mut Losses) {
    let is_set = |number: &Option<Number>| number.as_ref().is_some_and(|number| number.as_f64() != Some(0.0));
    let fields = [
        ("presence_penalty", is_set(&request.presence_penalty)),
        ("frequency_penalty", is_set(&request.frequency_penalty)),
        ("seed", request.seed.is_some()),
        ("n", request.n.is_some_and(|n| n > 1)),
        ("logprobs", request.logprobs.is_some()),
        ("verbosity", request.verbosity.as_deref().is_some_and(|verbosity| verbosity != "medium")),
        ("metadata", request.metadata.as_ref().is_some_and(|metadata| !is_empty_object(metadata.get()))),
    ];
    for (field, lost) in fields {
        if lost {
            losses.add(field);
        }
    }
}

fn is_empty_object(json: &str) -> bool {
    json.bytes().filter(|byte| !byte.is_ascii_whitespace()).eq(*b"{}")
}
