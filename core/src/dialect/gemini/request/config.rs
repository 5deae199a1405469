//! A client's `generationConfig` → the hub: <https://ai.google.dev/api/generate-content#generationconfig>.

use super::super::names::{Int, note};
use super::super::schema::{Use, to_json_schema};
use super::thinking::{self, ThinkingConfig};
use crate::chat::{Format, Request};
use crate::dialect::wire::{Raw, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde_json::Number;
use std::borrow::Cow;

wire! {
    struct GenerationConfig<'a> {
        max_output_tokens "maxOutputTokens" | "max_output_tokens": Int,
        temperature: Number,
        top_p "topP" | "top_p": Number,
        top_k "topK" | "top_k": Number,
        candidate_count "candidateCount" | "candidate_count": Int,
        stop_sequences "stopSequences" | "stop_sequences": Vec<Str<'a>>,
        seed: Number,
        presence_penalty "presencePenalty" | "presence_penalty": Number,
        frequency_penalty "frequencyPenalty" | "frequency_penalty": Number,
        mime_type "responseMimeType" | "response_mime_type": Str<'a>,
        schema "responseSchema" | "response_schema": Raw<'a>,
        json_schema "responseJsonSchema" | "response_json_schema" | "_responseJsonSchema": Raw<'a>,
        response_logprobs "responseLogprobs" | "response_logprobs": bool,
        logprobs: Int,
        thinking "thinkingConfig" | "thinking_config": ThinkingConfig<'a>,
        modalities "responseModalities" | "response_modalities": Vec<Str<'a>>,
    }
}

/// The settings that other dialects have nothing for.
const LOST: [&str; 9] = [
    "generationConfig.speechConfig",
    "generationConfig.mediaResolution",
    "generationConfig.audioTimestamp",
    "generationConfig.imageConfig",
    "generationConfig.enableEnhancedCivicAnswers",
    "generationConfig.routingConfig",
    "generationConfig.modelSelectionConfig",
    "generationConfig.enableAffectiveDialog",
    "generationConfig.audioTranscriptionConfig",
];

/// Puts the settings into the request.
///
/// # Errors
/// A [`Fault`] for a limit that is none and for a schema that is none.
pub(super) fn decode<'a>(
    config: GenerationConfig<'a>,
    request: Request<'a>,
    losses: &mut Losses,
) -> Result<Request<'a>, Fault> {
    note(&config.unknown, "generationConfig.", &LOST, losses);
    if config.modalities.iter().flatten().any(|modality| !modality.eq_ignore_ascii_case("TEXT")) {
        losses.add("generationConfig.responseModalities");
    }
    // An unset field of a proto message may come as its default.
    let limit = config.max_output_tokens.filter(|limit| limit.0 != 0);
    if let Some(limit) = limit.filter(|limit| limit.0 < 0) {
        let path = "generationConfig.maxOutputTokens";
        return Err(Fault::invalid(format!("{path} is {}: expected a positive number", limit.0)).with_param(path));
    }
    let top = config.logprobs.map_or(0, Int::count);
    Ok(Request {
        max_tokens: limit.map(Int::count),
        temperature: config.temperature,
        top_p: config.top_p,
        top_k: config.top_k,
        presence_penalty: config.presence_penalty,
        frequency_penalty: config.frequency_penalty,
        seed: config.seed,
        stop: config.stop_sequences.unwrap_or_default(),
        n: config.candidate_count.map(Int::count).filter(|n| *n > 0),
        logprobs: (config.response_logprobs == Some(true)).then_some(top),
        format: format(config.mime_type, config.schema, config.json_schema, losses)?,
        reasoning: config.thinking.and_then(|config| thinking::decode(config, losses)),
        ..request
    })
}

fn format<'a>(
    mime_type: Option<Str<'a>>,
    schema: Option<Raw<'a>>,
    json_schema: Option<Raw<'a>>,
    losses: &mut Losses,
) -> Result<Option<Format<'a>>, Fault> {
    match mime_type.as_deref() {
        Some("application/json") => {}
        None | Some("" | "text/plain") if schema.is_none() && json_schema.is_none() => return Ok(None),
        None => {}
        // An enum as bare text, and whatever comes next.
        Some(_) => {
            losses.add("generationConfig.responseMimeType");
            return Ok(None);
        }
    }
    let schema = match (json_schema, schema) {
        (Some(schema), _) => Cow::Borrowed(schema),
        (None, Some(schema)) => {
            let path = "generationConfig.responseSchema";
            let converted = to_json_schema(schema, Use::Answer, path, losses);
            Cow::Owned(
                converted.map_err(|wrong| Fault::invalid(format!("{path} is no schema: {wrong}")).with_param(path))?,
            )
        }
        (None, None) => return Ok(Some(Format::JsonObject)),
    };
    Ok(Some(Format::JsonSchema { name: None, description: None, schema: Some(schema), strict: None }))
}
