//! Whole answers: <https://docs.cohere.com/reference/chat#response>.

use super::{citation, logprobs, stop, usage};
use crate::chat::{Choice, Part, Response, StopReason, TextPart, ToolCall};
use crate::dialect::Asked;
use crate::dialect::openai::json;
use crate::dialect::openai::response::is_special;
use crate::dialect::openai::texts::Texts;
use crate::dialect::wire::{self, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde::Serialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;

wire! {
    struct Answer<'a> {
        id: Str<'a>,
        finish_reason: Str<'a>,
        message: Message<'a>,
        usage: usage::Counts<'a>,
        logprobs: Vec<logprobs::Item<'a>>,
        error: Str<'a>,
    }
}
wire! {
    struct Message<'a> {
        _role "role": IgnoredAny,
        content: Vec<Block<'a>>,
        tool_plan: Str<'a>,
        tool_calls: Vec<Call<'a>>,
        citations: Vec<citation::Citation<'a>>,
    }
}
wire! {
    /// A content block.
    struct Block<'a> { kind "type": Str<'a>, text: Str<'a>, thinking: Str<'a> }
}
wire! {
    /// A tool call.
    struct Call<'a> { _kind "type": IgnoredAny, id: Str<'a>, function: Function<'a> }
}
wire! {
    /// What is called.
    struct Function<'a> { name: Str<'a>, arguments: Str<'a> }
}

/// Reads a provider's whole answer.
///
/// # Errors
/// A [`Fault`] of kind `Upstream` for a body that is not an answer, and the provider's own fault for one that ended with
/// `ERROR` or `TIMEOUT`.
pub fn decode(body: &[u8]) -> Result<Response<'_>, Fault> {
    let answer: Answer<'_> = json::read_answer(body, "the provider's answer")?;
    let Some(message) = answer.message else {
        return Err(Fault::upstream("the provider's answer has no message"));
    };
    let reason = answer.finish_reason.unwrap_or_default();
    let stop = stop::decode(reason, answer.error.as_deref())?;
    let mut losses = Losses::default();
    for field in &answer.unknown {
        losses.add_unknown("", field);
    }
    let counts = answer.usage.unwrap_or_default();
    counts.lost().into_iter().for_each(|field| losses.add(field));
    let raw = logprobs::to_hub(answer.logprobs.as_deref().unwrap_or_default());
    let choice = Choice { index: 0, parts: parts(message, &mut losses)?, stop, logprobs: raw.map(Cow::Owned) };
    Ok(Response {
        id: answer.id.unwrap_or_default(),
        choices: vec![choice],
        usage: counts.usage(),
        losses,
        ..Response::default()
    })
}

fn parts<'a>(message: Message<'a>, losses: &mut Losses) -> Result<Vec<Part<'a>>, Fault> {
    for field in &message.unknown {
        losses.add_unknown("message", field);
    }
    let plan = message.tool_plan.filter(|plan| !plan.is_empty());
    let mut parts: Vec<Part<'a>> = plan.map(|text| Part::Thinking { text, signature: None }).into_iter().collect();
    let planned = parts.len();
    for block in message.content.unwrap_or_default() {
        for field in &block.unknown {
            losses.add_unknown("message.content", field);
        }
        parts.push(match block.kind.as_deref() {
            Some("thinking") => Part::Thinking { text: block.thinking.unwrap_or_default(), signature: None },
            Some("text") | None => Part::Text(block.text.unwrap_or_default().into()),
            Some(kind) => {
                losses.add_unknown("message.content", kind);
                // It keeps its place, by which citations find theirs.
                Part::Text(TextPart::default())
            }
        });
    }
    for citation in message.citations.unwrap_or_default() {
        cite(citation, parts.get_mut(planned..).unwrap_or_default(), losses);
    }
    parts.retain(|part| !matches!(part, Part::Text(text) if text.text.is_empty() && text.citations.is_empty()));
    for call in message.tool_calls.unwrap_or_default() {
        let function = call.function.unwrap_or_default();
        let (Some(id), Some(name)) = (call.id, function.name) else {
            return Err(Fault::upstream("the provider's answer has a tool call without an id or a name"));
        };
        let arguments = function.arguments.unwrap_or_default();
        parts.push(Part::ToolCall(ToolCall { id, name, arguments, ..ToolCall::default() }));
    }
    Ok(parts)
}

/// Hangs a citation on its text: the block that it names, otherwise the first text.
fn cite<'a>(citation: citation::Citation<'a>, blocks: &mut [Part<'a>], losses: &mut Losses) {
    if citation.has_unknown() {
        losses.add("message.citations");
    }
    if let Some(lost) = citation.lost() {
        return losses.add(lost);
    }
    let named = citation.block().and_then(|index| usize::try_from(index).ok());
    let at = named.or_else(|| blocks.iter().position(|part| matches!(part, Part::Text(_)))).unwrap_or(0);
    let offset = blocks.iter().take(at).map(chars).sum();
    match blocks.get_mut(at) {
        Some(Part::Text(text)) => text.citations.extend(citation.each(offset)),
        Some(_) | None => losses.add("message.citations"),
    }
}

/// How many characters of the answer's text a part is.
fn chars(part: &Part<'_>) -> u64 {
    match part {
        Part::Text(text) => text.text.chars().count() as u64,
        Part::Refusal(text) => text.chars().count() as u64,
        Part::Media(_)
        | Part::Thinking { .. }
        | Part::RedactedThinking { .. }
        | Part::ToolCall(_)
        | Part::ToolResult(_) => 0,
    }
}

/// The id of an answer whose provider gave none.
pub(super) const ID_UNKNOWN: &str = "unknown";

#[derive(Serialize)]
struct AnswerOut<'b> {
    id: &'b str,
    finish_reason: &'static str,
    message: MessageOut<'b>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<usage::Written>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logprobs: Vec<logprobs::Written>,
}

#[derive(Default, Serialize)]
struct MessageOut<'b> {
    role: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<CallOut<'b>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    content: Vec<BlockOut<'b>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    citations: Vec<citation::Written<'b>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum BlockOut<'b> {
    Text { text: Texts<'b> },
    Thinking { thinking: &'b str },
}

#[derive(Serialize)]
struct CallOut<'b> {
    id: &'b str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: FunctionOut<'b>,
}

#[derive(Serialize)]
struct FunctionOut<'b> {
    name: &'b str,
    arguments: &'b str,
}

/// Writes a whole answer for the client. Of several choices only the first can be said, and of the answer itself neither
/// its model nor when it was made.
pub fn encode(response: &Response<'_>, _asked: &Asked, losses: &mut Losses) -> Vec<u8> {
    if response.choices.len() > 1 {
        losses.add("choices");
    }
    if response.service_tier.as_deref().is_some_and(is_special) {
        losses.add("service_tier");
    }
    let first = response.choices.first();
    let stop = first.map_or(&StopReason::End, |choice| &choice.stop);
    note_lost_stop(stop, losses);
    let message = message(first.map_or(&[], |choice| &choice.parts), losses);
    let (logprobs, lost) =
        first.and_then(|choice| choice.logprobs.as_deref()).map(logprobs::of_hub).unwrap_or_default();
    if lost {
        losses.add("choices.logprobs");
    }
    if let Some(usage) = &response.usage {
        usage::note_uncounted(usage, losses);
    }
    let answer = AnswerOut {
        id: if response.id.is_empty() { ID_UNKNOWN } else { &response.id },
        finish_reason: stop::encode(stop, !message.tool_calls.is_empty()),
        message,
        usage: response.usage.as_ref().map(usage::Written::new),
        logprobs,
    };
    wire::written(&answer)
}

/// Notes an end that this dialect has no word for.
pub(super) fn note_lost_stop(stop: &StopReason<'_>, losses: &mut Losses) {
    match stop {
        StopReason::Sequence(Some(_)) => losses.add("stop_sequence"),
        StopReason::Refused => losses.add("finish_reason.refusal"),
        StopReason::Paused => losses.add("stop_reason.pause_turn"),
        StopReason::Unknown(reason) => losses.add_unknown("finish_reason", reason),
        StopReason::End | StopReason::Sequence(None) | StopReason::Length | StopReason::ToolCalls => {}
    }
}

/// The message's parts. Texts that follow each other are one block, as clients expect it of an answer
/// (`message.content[0].text`).
fn message<'b>(parts: &'b [Part<'_>], losses: &mut Losses) -> MessageOut<'b> {
    let mut message = MessageOut { role: "assistant", ..MessageOut::default() };
    let is_cited = parts.iter().any(|part| matches!(part, Part::Text(text) if !text.citations.is_empty()));
    let mut place = citation::Place::default();
    for part in parts {
        match part {
            Part::Text(text) => {
                message.say(&text.text, &mut place);
                message.citations.extend(citation::written(text, place));
            }
            Part::Refusal(text) => message.say(text, &mut place),
            Part::Thinking { text, signature } => {
                if signature.is_some() {
                    losses.add("content.thinking.signature");
                }
                if !text.is_empty() {
                    message.content.push(BlockOut::Thinking { thinking: text });
                }
            }
            Part::RedactedThinking { .. } => losses.add("content.redacted_thinking"),
            Part::ToolCall(call) => {
                if call.signature.is_some() {
                    losses.add("content.tool_call.signature");
                }
                let arguments = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.as_str() };
                let function = FunctionOut { name: &call.name, arguments };
                message.tool_calls.push(CallOut { id: &call.id, kind: "function", function });
            }
            Part::Media(_) | Part::ToolResult(_) => losses.add("content"),
        }
        if is_cited {
            place.part = place.part.saturating_add(chars(part));
        }
    }
    message
}

impl<'b> MessageOut<'b> {
    /// Says more in the last block, if that is a text, or in a new one.
    fn say(&mut self, text: &'b str, place: &mut citation::Place) {
        if text.is_empty() {
            return;
        }
        if let Some(BlockOut::Text { text: said }) = self.content.last_mut() {
            return said.push(text);
        }
        place.block = u32::try_from(self.content.len()).unwrap_or(u32::MAX);
        place.block_at = place.part;
        self.content.push(BlockOut::Text { text: Texts::new(vec![text], "") });
    }
}

#[cfg(test)]
mod tests;
