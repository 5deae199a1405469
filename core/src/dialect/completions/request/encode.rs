//! The hub → a request for a provider.

use super::transcript::{Transcript, USER_NEXT};
use crate::chat::{self, Reasoning, Request, ToolChoice};
use crate::dialect::wire;
use crate::dialect::{Encoded, Upstream};
use crate::fault::Fault;
use crate::loss::Losses;
use serde::Serialize;
use serde_json::Number;

/// How many stop sequences the API takes.
const STOPS_MAX: usize = 4;
/// How many alternatives for each token the API tells.
const LOGPROBS_MAX: u64 = 5;
/// Most tokens for a client that set no limit: the API's own default of 16 is no answer, and the smallest context of
/// OpenAI's models of this API is 4096.
const MAX_TOKENS_DEFAULT: u64 = 2048;

#[derive(Serialize)]
struct Body<'b> {
    model: &'b str,
    prompt: &'b str,
    max_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<&'b Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<&'b Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<&'b Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<&'b Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<&'b Number>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop: Vec<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'b str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// Writes a request for a provider. A stream asks for its usage: our own metering needs it.
///
/// # Errors
/// A [`Fault`] for a request with tools, and for a conversation that cannot be written as a text.
pub fn encode(request: &Request<'_>, upstream: &Upstream) -> Result<Encoded, Fault> {
    let can_call = !matches!(request.tool_choice, Some(ToolChoice::None));
    if !request.tools.is_empty() && can_call {
        let message = "tools: this model's provider only completes texts and calls no tools";
        return Err(Fault::invalid(message).with_param("tools"));
    }
    let mut losses = Losses::default();
    let transcript = Transcript::of(&request.messages, &mut losses)?;
    note_unsayable(request, &mut losses);
    let sampling = |number, field| sampling(number, field, upstream, &mut losses);
    let (temperature, top_p) = both(request, sampling);
    let body = Body {
        model: &upstream.model,
        prompt: &transcript.text,
        max_tokens: request.max_tokens.unwrap_or(upstream.max_tokens_default.min(MAX_TOKENS_DEFAULT)),
        temperature,
        top_p,
        presence_penalty: request.presence_penalty.as_ref(),
        frequency_penalty: request.frequency_penalty.as_ref(),
        seed: request.seed.as_ref(),
        stop: stops(request, transcript.has_turns, &mut losses),
        n: request.n.filter(|n| *n != 1),
        logprobs: request.logprobs.map(|top| top.min(LOGPROBS_MAX)),
        user: request.user.as_deref(),
        stream: request.stream,
        stream_options: stream_options(request, upstream),
    };
    let body = wire::written(&body);
    Ok(Encoded { body, losses })
}

fn stream_options(request: &Request<'_>, upstream: &Upstream) -> Option<StreamOptions> {
    let known = upstream.quirks.stream_options.unwrap_or(true);
    (request.stream && known).then_some(StreamOptions { include_usage: true })
}

fn both<'b>(
    request: &'b Request<'_>,
    mut sampling: impl FnMut(Option<&'b Number>, &'static str) -> Option<&'b Number>,
) -> (Option<&'b Number>, Option<&'b Number>) {
    (sampling(request.temperature.as_ref(), "temperature"), sampling(request.top_p.as_ref(), "top_p"))
}

fn sampling<'b>(
    number: Option<&'b Number>,
    field: &'static str,
    upstream: &Upstream,
    losses: &mut Losses,
) -> Option<&'b Number> {
    if number.is_some() && !upstream.sampling {
        losses.add(field);
        return None;
    }
    number
}

/// The client's, and where there are turns the user's next: a base model writes the whole dialogue.
fn stops<'b>(request: &'b Request<'_>, has_turns: bool, losses: &mut Losses) -> Vec<&'b str> {
    let own = has_turns.then_some(USER_NEXT);
    let room = STOPS_MAX - usize::from(has_turns);
    if request.stop.len() > room {
        losses.add("stop_sequences");
    }
    request.stop.iter().take(room).map(|stop| stop.as_str()).chain(own).collect()
}

/// Notes the fields that this dialect has nothing for, unless they say what it does anyway.
fn note_unsayable(request: &Request<'_>, losses: &mut Losses) {
    let thinks = |reasoning| matches!(reasoning, Reasoning::Effort(_) | Reasoning::Budget(_));
    let is_paid_for = |tier: &chat::ServiceTier<'_>| matches!(tier, chat::ServiceTier::Other(_));
    let fields = [
        ("tools", !request.tools.is_empty()),
        ("response_format", request.format.is_some()),
        ("thinking", request.reasoning.is_some_and(thinks)),
        ("top_k", request.top_k.is_some()),
        ("top_logprobs", request.logprobs.is_some_and(|top| top > LOGPROBS_MAX)),
        ("verbosity", request.verbosity.as_deref().is_some_and(|verbosity| verbosity != "medium")),
        ("metadata", request.metadata.is_some()),
        ("service_tier", request.service_tier.as_ref().is_some_and(is_paid_for)),
        ("cache_control", request.cache.is_some()),
    ];
    for (field, _) in fields.iter().filter(|(_, lost)| *lost) {
        losses.add(field);
    }
}
