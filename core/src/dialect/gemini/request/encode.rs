//! The hub → a request for a provider.

use super::super::model::Model;
use super::body::{Body, GenerationConfigOut, Instruction};
use super::conversation::Conversation;
use super::{thinking, tools};
use crate::chat::{Format, Request, ServiceTier};
use crate::dialect::wire;
use crate::dialect::{Encoded, Upstream};
use crate::endpoint::Hosting;
use crate::fault::Fault;
use crate::loss::Losses;
use serde_json::Number;
use serde_json::value::RawValue;

/// How many stop sequences the API takes (<https://ai.google.dev/api/generate-content#generationconfig>).
const STOPS_MAX: usize = 5;

/// Writes a request for a provider.
///
/// # Errors
/// A [`Fault`] when the request makes no sense in this dialect: nothing is said, an unknown role, a tool with a name or
/// a schema that the API refuses, a forced call without tools.
pub fn encode(request: &Request<'_>, upstream: &Upstream) -> Result<Encoded, Fault> {
    let mut losses = Losses::default();
    let model = Model::of(&upstream.model);
    let is_native = upstream.hosting == Hosting::Native;
    let conversation = Conversation::of(&request.messages, model, &mut losses)?;
    let tools = tools::encode(&request.tools, &mut losses)?;
    let tool_config = tools::encode_choice(request, &mut losses)?;
    note_unsayable(request, &mut losses);
    let body = Body {
        contents: conversation.turns,
        system_instruction: (!conversation.system.is_empty()).then_some(Instruction { parts: conversation.system }),
        tools,
        tool_config,
        generation_config: generation_config(request, upstream, model, &mut losses),
        service_tier: match &request.service_tier {
            // What holds anyway.
            None | Some(ServiceTier::Auto | ServiceTier::Standard) => None,
            // Vertex AI does not know the field.
            Some(ServiceTier::Other(tier)) if matches!(tier.as_str(), "flex" | "priority") && is_native => Some(tier),
            Some(ServiceTier::Other(_)) => {
                losses.add("service_tier");
                None
            }
        },
    };
    let body = wire::written(&body);
    Ok(Encoded { body, losses })
}

fn generation_config<'a>(
    request: &'a Request<'_>,
    upstream: &Upstream,
    model: Model,
    losses: &mut Losses,
) -> GenerationConfigOut<'a> {
    let mut sampling = |value: &'a Option<Number>, field| {
        if value.is_some() && !upstream.sampling {
            losses.add(field);
        }
        value.as_ref().filter(|_| upstream.sampling)
    };
    let (temperature, top_p, top_k) = (
        sampling(&request.temperature, "temperature"),
        sampling(&request.top_p, "top_p"),
        sampling(&request.top_k, "top_k"),
    );
    let (response_mime_type, response_json_schema) = format(request, model, losses);
    GenerationConfigOut {
        max_output_tokens: request.max_tokens,
        temperature,
        top_p,
        top_k,
        candidate_count: request.n.filter(|n| *n != 1),
        stop_sequences: stop_sequences(request, losses),
        seed: seed(request, losses),
        presence_penalty: request.presence_penalty.as_ref(),
        frequency_penalty: request.frequency_penalty.as_ref(),
        response_mime_type,
        response_json_schema,
        response_logprobs: request.logprobs.map(|_| true),
        logprobs: request.logprobs.filter(|top| *top > 0),
        thinking_config: thinking::encode(request.reasoning, model, upstream.reasoning, losses),
    }
}

/// The answer's form. Models before Gemini 3 refuse one beside tools.
fn format<'a>(
    request: &'a Request<'_>,
    model: Model,
    losses: &mut Losses,
) -> (Option<&'static str>, Option<&'a RawValue>) {
    let Some(format) = &request.format else { return (None, None) };
    if model.is_old() && !request.tools.is_empty() {
        losses.add("response_format");
        return (None, None);
    }
    let schema = match format {
        Format::JsonObject => None,
        Format::JsonSchema { schema, description, .. } => {
            if description.is_some() {
                losses.add("response_format.json_schema.description");
            }
            schema.as_deref()
        }
    };
    (Some("application/json"), schema)
}

fn stop_sequences<'a>(request: &'a Request<'_>, losses: &mut Losses) -> Vec<&'a str> {
    let said = || request.stop.iter().map(|stop| stop.as_str()).filter(|stop| !stop.is_empty());
    if said().nth(STOPS_MAX).is_some() {
        losses.add("stop");
    }
    said().take(STOPS_MAX).collect()
}

/// The API's seed has 32 bits.
fn seed<'a>(request: &'a Request<'_>, losses: &mut Losses) -> Option<&'a Number> {
    let seed = request.seed.as_ref()?;
    let fits = seed.as_i64().is_some_and(|seed| i32::try_from(seed).is_ok());
    if !fits {
        losses.add("seed");
    }
    fits.then_some(seed)
}

/// Notes the fields that this dialect has nothing for, unless they say what it does anyway.
fn note_unsayable(request: &Request<'_>, losses: &mut Losses) {
    let is_empty_object = |json: &str| json.bytes().filter(|byte| !byte.is_ascii_whitespace()).eq(*b"{}");
    let fields = [
        ("verbosity", request.verbosity.as_deref().is_some_and(|verbosity| verbosity != "medium")),
        ("user", request.user.is_some()),
        ("metadata", request.metadata.as_ref().is_some_and(|metadata| !is_empty_object(metadata.get()))),
        ("cache_control", request.cache.is_some()),
    ];
    for (field, lost) in fields {
        if lost {
            losses.add(field);
        }
    }
}
