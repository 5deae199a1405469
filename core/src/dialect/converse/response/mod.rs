//! Whole answers: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseResponse.html>.

use super::block::{Block, Side};
use super::citation;
use super::error;
use super::stop::{self, Additional, Held};
use super::tokens::{Counts, Written};
use crate::chat::{Choice, Part, Response, StopReason};
use crate::dialect::Asked;
use crate::dialect::arguments::Input;
use crate::dialect::wire::{self, read, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use crate::usage::Usage;
use serde::Serialize;
use serde::de::IgnoredAny;

wire! {
    struct Answer<'a> {
        output: Output<'a>,
        stop_reason "stopReason": Str<'a>,
        usage: Counts<'a>,
        additional "additionalModelResponseFields": Additional<'a>,
        trace: Trace<'a>,
        tier "serviceTier": Tier<'a>,
        // How long it took and with which latency: facts about the answer that no other dialect has, and no loss.
        metrics: IgnoredAny,
        performance "performanceConfig": IgnoredAny,
        message: IgnoredAny,
    }
}

wire! {
    struct Output<'a> { message: Message<'a> }
}

wire! {
    struct Message<'a> { role: IgnoredAny, content: Vec<Block<'a>> }
}

wire! {
    /// What happened on the way: which model a router chose, what a guardrail found.
    struct Trace<'a> { guardrail: IgnoredAny, router "promptRouter": Router<'a> }
}

wire! {
    struct Router<'a> { model "invokedModelId": Str<'a> }
}

wire! {
    struct Tier<'a> { kind "type": Str<'a> }
}

/// Reads a provider's whole answer. It names no model (but for a router's choice) and has no id.
///
/// # Errors
/// A [`Fault`] of kind `Upstream` for a body that is not an answer.
pub fn decode(body: &[u8]) -> Result<Response<'_>, Fault> {
    let answer: Answer<'_> = read(body).map_err(|bad| {
        let place = bad.path.map(|path| format!(" at {path}")).unwrap_or_default();
        let what = error::one_line(&bad.message);
        Fault::upstream(format!("the provider's answer is not one of the Converse API{place}: {what}"))
    })?;
    let content = answer.output.and_then(|output| output.message).and_then(|message| message.content);
    let Some(content) = content else {
        return Err(Fault::upstream("the provider's answer is not one of the Converse API: it has no message"));
    };
    let mut losses = Losses::default();
    let mut parts = Vec::with_capacity(content.len());
    for block in content {
        parts.extend(part(block, &mut losses)?);
    }
    let trace = answer.trace.unwrap_or_default();
    if trace.guardrail.is_some() {
        losses.add("trace.guardrail");
    }
    for field in &answer.unknown {
        losses.add_unknown("", field);
    }
    let counts = answer.usage.unwrap_or_default();
    if counts.has_server_tools() {
        losses.add("usage.serverToolUsage");
    }
    for field in &counts.unknown {
        losses.add_unknown("usage", field);
    }
    let sequence = answer.additional.and_then(|fields| fields.stop_sequence);
    let stop = stop::decode(answer.stop_reason.unwrap_or_default(), sequence);
    Ok(Response {
        id: Str::default(),
        model: trace.router.and_then(|router| router.model).unwrap_or_default(),
        created: None,
        choices: vec![Choice { index: 0, parts, stop, logprobs: None }],
        usage: counts.usage(),
        service_tier: answer.tier.and_then(|tier| tier.kind),
        losses,
    })
}

/// One block of an answer; `None` for one that the hub has no place for.
fn part<'a>(block: Block<'a>, losses: &mut Losses) -> Result<Option<Part<'a>>, Fault> {
    block.note_lost(Side::Answer, losses);
    Ok(match block {
        Block { text: Some(text), .. } => Some(Part::Text(text.into())),
        Block { reasoning: Some(thought), .. } => thought.into_part(),
        Block { cited: Some(cited), .. } => Some(Part::Text(cited.into_text(Side::Answer, losses))),
        Block { tool_use: Some(call), .. } if call.kind.is_some() => {
            losses.add("output.message.content.toolUse.type");
            None
        }
        Block { tool_use: Some(call), .. } => Some(Part::ToolCall(
            call.into_tool_call()
                .ok_or_else(|| Fault::upstream("the provider's answer has a tool call without an id or a name"))?,
        )),
        Block { tool_result: Some(_), .. } => {
            losses.add("output.message.content.toolResult");
            None
        }
        Block { image, document, video, audio, .. } => {
            for (medium, loss) in [
                (image, "output.message.content.image"),
                (document, "output.message.content.document"),
                (video, "output.message.content.video"),
                (audio, "output.message.content.audio"),
            ] {
                if medium.is_some() {
                    losses.add(loss);
                }
            }
            None
        }
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AnswerOut<'a> {
    output: OutputOut<'a>,
    stop_reason: &'static str,
    usage: Written,
    metrics: Metrics,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_model_response_fields: Option<Sequence<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<TierOut>,
}

#[derive(Serialize)]
struct OutputOut<'a> {
    message: MessageOut<'a>,
}

#[derive(Serialize)]
struct MessageOut<'a> {
    role: &'static str,
    content: Vec<BlockOut<'a>>,
}

/// How long it took. The field has to be there; it is measured elsewhere, so here it is always 0.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metrics {
    latency_ms: u64,
}

/// The client's stop sequence that ended the answer.
#[derive(Debug, Serialize)]
pub(super) struct Sequence<'a> {
    pub(super) stop_sequence: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct TierOut {
    #[serde(rename = "type")]
    kind: &'static str,
}

impl TierOut {
    /// The tier as this dialect spells it; `None` for one that it does not know.
    pub(super) fn new(spelled: &str) -> Option<Self> {
        let kind = match spelled {
            "default" | "standard" => "default",
            "priority" => "priority",
            "flex" => "flex",
            "reserved" => "reserved",
            _ => return None,
        };
        Some(Self { kind })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum BlockOut<'a> {
    Text(&'a str),
    ReasoningContent(Thought<'a>),
    #[serde(rename_all = "camelCase")]
    ToolUse {
        tool_use_id: &'a str,
        name: &'a str,
        input: Input<'a>,
    },
    CitationsContent {
        content: [citation::WrittenQuote<'a>; 1],
        citations: Vec<citation::Written<'a>>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Thought<'a> {
    ReasoningText {
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<&'a str>,
    },
    RedactedContent(&'a str),
}

/// Writes a whole answer for the client. Of several choices only the first can be said.
pub fn encode(response: &Response<'_>, _asked: &Asked, losses: &mut Losses) -> Vec<u8> {
    if response.choices.len() > 1 {
        losses.add("choices");
    }
    let first = response.choices.first();
    let parts = first.map_or(&[][..], |choice| &choice.parts);
    let stop = first.map_or(&StopReason::End, |choice| &choice.stop);
    if first.is_some_and(|choice| choice.logprobs.is_some()) {
        losses.add("choices.logprobs");
    }
    if let StopReason::Unknown(reason) = stop {
        losses.add_unknown("finish_reason", reason);
    }
    let held = Held {
        tools: parts.iter().any(|part| matches!(part, Part::ToolCall(_))),
        refusal: parts.iter().any(|part| matches!(part, Part::Refusal(_))),
    };
    let tier = response.service_tier.as_deref();
    let service_tier = tier.and_then(TierOut::new);
    if tier.is_some() && service_tier.is_none() {
        losses.add("service_tier");
    }
    let content = parts.iter().filter_map(|part| block(part, losses)).collect();
    let answer = AnswerOut {
        output: OutputOut { message: MessageOut { role: "assistant", content } },
        stop_reason: stop::encode(stop, held),
        usage: usage(response, losses),
        metrics: Metrics::default(),
        additional_model_response_fields: stop::sequence(stop).map(|stop_sequence| Sequence { stop_sequence }),
        service_tier,
    };
    wire::written(&answer)
}

fn usage(response: &Response<'_>, losses: &mut Losses) -> Written {
    let usage = response.usage.unwrap_or_else(|| {
        losses.add("usage");
        Usage::default()
    });
    note_uncounted(&usage, losses);
    Written::new(&usage)
}

/// Notes the parts of what was used for which this dialect has no count.
pub(super) fn note_uncounted(usage: &Usage, losses: &mut Losses) {
    if usage.audio_input > 0 || usage.audio_output > 0 {
        losses.add("usage.audio_tokens");
    }
    if usage.reasoning > 0 {
        losses.add("usage.reasoning_tokens");
    }
}

fn block<'a>(part: &'a Part<'_>, losses: &mut Losses) -> Option<BlockOut<'a>> {
    Some(match part {
        Part::Text(part) if part.text.is_empty() && part.citations.is_empty() => return None,
        Part::Text(part) if part.citations.is_empty() => BlockOut::Text(&part.text),
        Part::Text(part) => {
            if part.citations.iter().any(|citation| citation.span.is_some()) {
                losses.add("choices.message.annotations.span");
            }
            BlockOut::CitationsContent {
                content: [citation::WrittenQuote { text: &part.text }],
                citations: part.citations.iter().map(citation::Written::new).collect(),
            }
        }
        Part::Refusal(text) => BlockOut::Text(text),
        Part::Thinking { text, signature } => {
            BlockOut::ReasoningContent(Thought::ReasoningText { text, signature: signature.as_deref() })
        }
        Part::RedactedThinking { data } => BlockOut::ReasoningContent(Thought::RedactedContent(data)),
        Part::ToolCall(call) => {
            let input = Input::of(&call.arguments);
            if matches!(input, Input::Wrapped(_)) {
                losses.add("choices.message.tool_calls.function.arguments");
            }
            if call.signature.is_some() {
                losses.add("choices.message.tool_calls.signature");
            }
            BlockOut::ToolUse { tool_use_id: &call.id, name: &call.name, input }
        }
        Part::Media(_) | Part::ToolResult(_) => {
            losses.add("choices.message.content");
            return None;
        }
    })
}

#[cfg(test)]
mod tests;
