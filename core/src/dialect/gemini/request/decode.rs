//! A client's request → the hub.

use super::super::content::ContentFields;
use super::super::names::{Many, note};
use super::config::{self, GenerationConfig};
use super::contents;
use super::tools::{self, ToolConfig, ToolFields};
use crate::chat::{Request, ServiceTier};
use crate::dialect::wire::{BadJson, read, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde::de::IgnoredAny;

wire! {
    struct Body<'a> {
        contents: Many<ContentFields<'a>>,
        system "systemInstruction" | "system_instruction": ContentFields<'a>,
        tools: Many<ToolFields<'a>>,
        tool_config "toolConfig" | "tool_config": ToolConfig<'a>,
        generation_config "generationConfig" | "generation_config": GenerationConfig<'a>,
        cached_content "cachedContent" | "cached_content": Str<'a>,
        continuation "continuationToken" | "continuation_token": IgnoredAny,
        service_tier "serviceTier" | "service_tier": Str<'a>,
        // Stands in the URL.
        _model "model": IgnoredAny,
    }
}

/// The fields of the API that other dialects have nothing for.
const LOST: [&str; 6] =
    ["safetySettings", "labels", "modelArmorConfig", "store", "automaticContinuation", "generationOutputConfig"];

/// Reads a client's request. Its model and whether it is for a stream stand in the URL: they are left empty.
///
/// # Errors
/// A [`Fault`] that names the field, for a body that the API would refuse as well, and for one that rests on what only
/// Google has (`cachedContent`): without it another question would be asked.
pub fn decode(body: &[u8]) -> Result<Request<'_>, Fault> {
    let body: Body<'_> = read(body).map_err(unreadable)?;
    for (field, is_set) in [
        ("cachedContent", body.cached_content.as_ref().is_some_and(|name| !name.is_empty())),
        ("continuationToken", body.continuation.is_some()),
    ] {
        if is_set {
            let message =
                format!("{field} names something that is kept at Google: this model's provider is another one");
            return Err(Fault::invalid(message).with_param(field));
        }
    }
    let mut losses = Losses::default();
    note(&body.unknown, "", &LOST, &mut losses);
    let mut messages = Vec::new();
    if let Some(system) = body.system {
        messages.extend(contents::system(system, &mut losses)?);
    }
    let spoken = body.contents.filter(|contents| !contents.0.is_empty());
    let spoken = spoken.ok_or_else(|| missing("contents", "one at least"))?;
    contents::decode(spoken.0, &mut messages, &mut losses)?;
    let tools = tools::decode(body.tools.unwrap_or_default().0, &mut losses)?;
    let tool_choice = tools::choice(body.tool_config, &tools, &mut losses)?;
    let request = Request {
        messages,
        tools,
        tool_choice,
        stream_usage: true,
        service_tier: body.service_tier.and_then(service_tier),
        ..Request::default()
    };
    let mut request = config::decode(body.generation_config.unwrap_or_default(), request, &mut losses)?;
    request.losses = losses;
    Ok(request)
}

fn service_tier(tier: Str<'_>) -> Option<ServiceTier<'_>> {
    let word = tier.to_ascii_lowercase();
    match word.trim_start_matches("service_tier_") {
        "" | "unspecified" => None,
        "standard" => Some(ServiceTier::Standard),
        word => Some(ServiceTier::Other(Str::from(word.to_owned()))),
    }
}

/// How much of a parser's message is repeated, in characters: it may quote the client's value.
const PARSER_CHARS_MAX: usize = 200;

fn unreadable(bad: BadJson) -> Fault {
    let found: String = bad.message.chars().take(PARSER_CHARS_MAX).collect();
    let fault = Fault::invalid(format!("the body is not a request of the Gemini API: {found}"));
    match bad.path {
        Some(path) => fault.with_param(path),
        None => fault,
    }
}

/// The fault for a field that is not there.
pub(super) fn missing(field: &str, what: &str) -> Fault {
    Fault::invalid(format!("{field} is missing: the Gemini API needs {what}")).with_param(field)
}
