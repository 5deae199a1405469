//! The hub → a whole answer for the client.

use super::super::citations::{self, GroundingOut};
use super::super::content::{BlobOut, CallOut, PartOut};
use super::super::finish;
use super::super::logprobs;
use super::super::offsets::Offsets;
use super::super::signature;
use super::super::usage::Written;
use crate::chat::{Choice, Part, Response, Source};
use crate::dialect::Asked;
use crate::dialect::arguments::Input;
use crate::dialect::wire;
use crate::loss::Losses;
use serde::Serialize;
use std::borrow::Cow;

/// An answer or a chunk of one, as it is written.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct ResponseOut<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in super::super) candidates: Vec<CandidateOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) usage_metadata: Option<Written>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(in super::super) model_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(in super::super) response_id: &'a str,
}

/// One of the answers.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct CandidateOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) content: Option<ContentOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) finish_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) grounding_metadata: Option<GroundingOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) logprobs_result: Option<logprobs::Written<'a>>,
    pub(in super::super) index: u32,
}

/// What it says.
#[derive(Debug, Serialize)]
pub(in super::super) struct ContentOut<'a> {
    parts: Vec<PartOut<'a>>,
    role: &'static str,
}

impl<'a> ContentOut<'a> {
    /// What the model says.
    pub(in super::super) fn of(parts: Vec<PartOut<'a>>) -> Self {
        Self { parts, role: "model" }
    }
}

/// Writes a whole answer for the client. Words of refusal become text. Arguments that are no JSON object go as
/// `{"arguments": "<their text>"}`, so that the client's tool loop can answer them.
pub fn encode(response: &Response<'_>, _asked: &Asked, losses: &mut Losses) -> Vec<u8> {
    if response.service_tier.as_deref().is_some_and(|tier| !matches!(tier, "standard" | "default")) {
        losses.add("service_tier");
    }
    if response.usage.is_some_and(|usage| usage.cache_write > 0) {
        losses.add("usage.cache_write");
    }
    let answer = ResponseOut {
        candidates: response.choices.iter().map(|choice| candidate(choice, losses)).collect(),
        usage_metadata: response.usage.as_ref().map(Written::from),
        model_version: &response.model,
        response_id: &response.id,
    };
    wire::written(&answer)
}

fn candidate<'a>(choice: &'a Choice<'_>, losses: &mut Losses) -> CandidateOut<'a> {
    if finish::is_lost(&choice.stop) {
        losses.add("finish_reason");
    }
    let logprobs_result = choice.logprobs.as_deref().and_then(logprobs::encode);
    if choice.logprobs.is_some() && logprobs_result.is_none() {
        losses.add("choices.logprobs");
    }
    CandidateOut {
        content: Some(ContentOut::of(choice.parts.iter().filter_map(|part| part_out(part, losses)).collect())),
        finish_reason: Some(finish::encode(&choice.stop)),
        grounding_metadata: grounding(&choice.parts),
        logprobs_result,
        index: choice.index,
    }
}

/// The sources of the texts.
fn grounding<'a>(parts: &'a [Part<'_>]) -> Option<GroundingOut<'a>> {
    let texts = || {
        parts.iter().zip(0u64..).filter_map(|(part, number)| match part {
            Part::Text(text) => Some((text, number)),
            Part::Media(_)
            | Part::Thinking { .. }
            | Part::RedactedThinking { .. }
            | Part::ToolCall(_)
            | Part::ToolResult(_)
            | Part::Refusal(_) => None,
        })
    };
    if texts().all(|(text, _)| text.citations.is_empty()) {
        return None;
    }
    let mut offsets = Offsets::default();
    let mut starts = Vec::new();
    for (text, number) in texts() {
        starts.push((number, offsets.bytes()));
        offsets.push(&text.text);
    }
    let part_at = |byte: u64| starts.iter().rev().find(|(_, start)| *start <= byte).copied().unwrap_or_default();
    citations::encode(texts().flat_map(|(text, _)| &text.citations), &offsets, &part_at)
}

fn part_out<'a>(part: &'a Part<'_>, losses: &mut Losses) -> Option<PartOut<'a>> {
    Some(match part {
        Part::Text(part) => PartOut::text(&part.text),
        Part::Refusal(text) => PartOut::text(text),
        Part::Thinking { text, signature } => {
            PartOut::thought(text, signature.as_deref().map(|proof| Cow::Owned(signature::signed(proof))))
        }
        Part::ToolCall(call) => {
            let args = Input::of(&call.arguments);
            if matches!(args, Input::Wrapped(_)) {
                losses.add("choices.message.tool_calls.function.arguments");
            }
            PartOut {
                function_call: Some(CallOut { id: &call.id, name: Cow::Borrowed(&call.name), args }),
                thought_signature: call.signature.as_deref().map(|proof| Cow::Owned(signature::signed(proof))),
                ..PartOut::default()
            }
        }
        Part::Media(media) => match &media.source {
            Source::Base64 { media_type, data } => {
                PartOut { inline_data: Some(BlobOut { mime_type: media_type, data }), ..PartOut::default() }
            }
            Source::Text(text) => PartOut::text(text),
            Source::Url(_) | Source::FileId(_) => return lose("choices.message.content", losses),
        },
        Part::RedactedThinking { data } => PartOut::thought("", Some(Cow::Owned(signature::redacted(data)))),
        Part::ToolResult(_) => return lose("choices.message.content", losses),
    })
}

fn lose<'a>(field: &'static str, losses: &mut Losses) -> Option<PartOut<'a>> {
    losses.add(field);
    None
}
