//! Whole answers: <https://github.com/anthropics/anthropic-sdk-python/blob/main/src/anthropic/types/message.py>.

use super::block::{Block, Loose, Side, Word, note_block, word};
use super::charge::{Counts, Tally, Written, tier};
use super::citation::CitationOut;
use super::error::{self, ErrorFields};
use super::stop::{self, Held};
use crate::chat::{Choice, Part, Response, StopReason, TextPart};
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
    struct Message<'a> {
        kind "type": Str<'a>,
        id: Str<'a>,
        model: Str<'a>,
        role: IgnoredAny,
        content: Vec<Block<'a>>,
        stop_reason: Str<'a>,
        stop_sequence: Str<'a>,
        stop_details: StopDetails<'a>,
        usage: Counts<'a>,
        container: IgnoredAny,
        context_management: IgnoredAny,
        error: Loose<'a, ErrorFields<'a>>,
    }
}

wire! {
    /// Why the model declined.
    struct StopDetails<'a> { kind "type": Str<'a>, category: Str<'a>, explanation: Word<'a> }
}

impl<'a> StopDetails<'a> {
    /// The words with which the model declines, if there are any.
    pub(super) fn into_words(self, mut lose: impl FnMut(&'static str)) -> Option<Str<'a>> {
        if self.category.is_some() {
            lose("stop_details.category");
        }
        word(self.explanation).filter(|words| !words.is_empty())
    }
}

/// Reads a provider's whole answer.
///
/// # Errors
/// A [`Fault`] of kind `Upstream` for a body that is not an answer, and the provider's own fault for an error that came
/// with HTTP 200.
pub fn decode(body: &[u8]) -> Result<Response<'_>, Fault> {
    let message: Message<'_> = read(body).map_err(|bad| {
        let place = bad.path.map(|path| format!(" at {path}")).unwrap_or_default();
        Fault::upstream(format!(
            "the provider's answer is not an Anthropic message{place}: {}",
            error::short(&bad.message)
        ))
    })?;
    if let Some(fields) = message.error {
        return Err(error::of_fields(fields, None));
    }
    let Some(content) = message.content else {
        return Err(Fault::upstream("the provider's answer is not an Anthropic message: it has no content"));
    };
    let mut losses = Losses::default();
    let mut parts = Vec::with_capacity(content.len());
    for block in content {
        parts.extend(part(block, &mut losses)?);
    }
    parts.extend(
        message.stop_details.and_then(|details| details.into_words(|loss| losses.add(loss))).map(Part::Refusal),
    );
    if message.container.is_some() {
        losses.add("container");
    }
    if message.context_management.is_some() {
        losses.add("context_management");
    }
    for field in &message.unknown {
        losses.add_unknown("", field);
    }
    let stop = match message.stop_reason {
        Some(reason) => stop::decode(reason, message.stop_sequence),
        None => StopReason::Unknown(Str::default()),
    };
    let counts = message.usage.unwrap_or_default();
    counts.note(&mut losses);
    let mut tally = Tally::default();
    tally.update(&counts);
    Ok(Response {
        id: message.id.unwrap_or_default(),
        model: message.model.unwrap_or_default(),
        created: None,
        choices: vec![Choice { index: 0, parts, stop, logprobs: None }],
        usage: tally.usage(),
        service_tier: counts.service_tier,
        losses,
    })
}

/// One block of an answer; `None` for one that the hub has no place for.
fn part<'a>(mut block: Block<'a>, losses: &mut Losses) -> Result<Option<Part<'a>>, Fault> {
    block.note_unknown("content", losses);
    Ok(Some(match block.kind() {
        "text" => {
            let mut lose = |loss| losses.add(loss);
            let citations = block.take_text_citations();
            let citations = citations.into_iter().filter_map(|fields| fields.into_citation(&mut lose)).collect();
            Part::Text(TextPart { text: word(block.text).unwrap_or_default(), citations, cache: None })
        }
        "thinking" => block.into_thinking(),
        "redacted_thinking" => Part::RedactedThinking { data: word(block.data).unwrap_or_default() },
        "tool_use" => Part::ToolCall(
            block
                .into_tool_call(Side::Answer, losses)
                .ok_or_else(|| Fault::upstream("the provider's answer has a tool call without an id or a name"))?,
        ),
        kind => {
            note_block(kind, Side::Answer, losses);
            return Ok(None);
        }
    }))
}

/// The id of an answer whose provider gave none.
pub(super) const ID_UNKNOWN: &str = "msg_unknown";

#[derive(Serialize)]
struct MessageOut<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<BlockOut<'a>>,
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
    usage: Written<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum BlockOut<'a> {
    Text {
        text: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        citations: Vec<CitationOut<'a>>,
    },
    Thinking {
        thinking: &'a str,
        signature: &'a str,
    },
    RedactedThinking {
        data: &'a str,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: Input<'a>,
    },
}

/// Writes a whole answer for the client. Of several choices only the first can be said. Arguments that are no JSON object
/// go as `{"arguments": "<their text>"}`, so that the client's tool loop can answer them.
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
    let message = MessageOut {
        id: if response.id.is_empty() { ID_UNKNOWN } else { &response.id },
        kind: "message",
        role: "assistant",
        model: &response.model,
        content: parts.iter().filter_map(|part| block(part, losses)).collect(),
        stop_reason: stop::encode(stop, held),
        stop_sequence: stop::sequence(stop),
        usage: usage(response, losses),
    };
    wire::written(&message)
}

fn usage<'a>(response: &'a Response<'_>, losses: &mut Losses) -> Written<'a> {
    let usage = response.usage.unwrap_or_else(|| {
        losses.add("usage");
        Usage::default()
    });
    if usage.audio_input > 0 || usage.audio_output > 0 {
        losses.add("usage.audio_tokens");
    }
    let service_tier = response.service_tier.as_deref();
    if service_tier.is_some_and(|spelled| tier(spelled).is_none()) {
        losses.add("service_tier");
    }
    Written::new(&usage, service_tier)
}

fn block<'a>(part: &'a Part<'_>, losses: &mut Losses) -> Option<BlockOut<'a>> {
    Some(match part {
        Part::Text(part) if part.text.is_empty() => return None,
        Part::Text(part) => {
            let chars = (!part.citations.is_empty()).then(|| part.text.chars().count() as u64);
            let citations = part.citations.iter();
            let citations = citations.filter_map(|citation| CitationOut::of(citation, chars, losses)).collect();
            BlockOut::Text { text: &part.text, citations }
        }
        Part::Refusal(text) => BlockOut::Text { text, citations: Vec::new() },
        Part::Thinking { text, signature } => {
            BlockOut::Thinking { thinking: text, signature: signature.as_deref().unwrap_or_default() }
        }
        Part::RedactedThinking { data } => BlockOut::RedactedThinking { data },
        Part::ToolCall(call) => {
            let input = Input::of(&call.arguments);
            if matches!(input, Input::Wrapped(_)) {
                losses.add("choices.message.tool_calls.function.arguments");
            }
            if call.signature.is_some() {
                losses.add("tool_calls.signature");
            }
            BlockOut::ToolUse { id: &call.id, name: &call.name, input }
        }
        Part::Media(_) | Part::ToolResult(_) => {
            losses.add("choices.message.content");
            return None;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::anthropic::request::tests::json;
    use crate::dialect::fixtures;
    use proptest::prelude::*;

    /// The hub as lines, and the answer written again.
    fn render(body: &[u8]) -> String {
        let response = match decode(body) {
            Ok(response) => response,
            Err(fault) => return format!("{fault:#?}"),
        };
        let mut lines = format!("id {:?}, model {:?}\n", response.id, response.model);
        for choice in &response.choices {
            for part in &choice.parts {
                lines.push_str(&format!("{part:?}\n"));
            }
            lines.push_str(&format!("stop {:?}\n", choice.stop));
        }
        lines.push_str(&format!("{:?}\ntier {:?}\n", response.usage, response.service_tier));
        lines.push_str(&format!("losses: {}\n\nwritten again:\n", response.losses.header()));
        let mut losses = Losses::default();
        let again = encode(&response, &Asked::default(), &mut losses);
        lines.push_str(std::str::from_utf8(&again).unwrap());
        lines.push_str(&format!("\nlosses: {}\n", losses.header()));
        lines
    }

    #[test]
    fn answers_as_documented() {
        fixtures::check("anthropic", "responses", |_, body| render(body));
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for (name, body) in fixtures::files("anthropic", "responses") {
            let Ok(first) = decode(&body) else { continue };
            if matches!(name.as_str(), "refusal" | "unknown_stop") {
                continue; // words of refusal become text, an unknown reason `end_turn`
            }
            let again = encode(&first, &Asked::default(), &mut Losses::default());
            let mut second = decode(&again).unwrap();
            second.losses = first.losses.clone();
            assert_eq!(format!("{first:?}"), format!("{second:?}"), "{name}");
        }
    }

    fn answer(parts: Vec<Part<'static>>, stop: StopReason<'static>) -> Response<'static> {
        let choice = Choice { index: 0, parts, stop, logprobs: None };
        Response { choices: vec![choice], usage: Some(Usage::default()), ..Response::default() }
    }

    fn check(response: &Response<'_>, expected: &str, lost: &str) {
        let mut losses = Losses::default();
        let body = encode(response, &Asked::default(), &mut losses);
        let body = String::from_utf8(body).unwrap();
        assert!(body.contains(expected), "{body} has no {expected}");
        assert_eq!(losses.header(), lost, "{body}");
    }

    fn call(arguments: &'static str) -> Part<'static> {
        Part::ToolCall(crate::chat::ToolCall {
            id: "call_1".into(),
            name: "f".into(),
            arguments: arguments.into(),
            ..Default::default()
        })
    }

    #[test]
    fn answers_of_other_dialects() {
        let tools = StopReason::ToolCalls;
        let broken = "choices.message.tool_calls.function.arguments";
        check(&answer(vec![call("")], tools.clone()), r#""input":{}"#, "");
        check(&answer(vec![call(" {\"a\": 1e400} ")], tools.clone()), r#""input":{"a": 1e400}"#, "");
        check(&answer(vec![call("{\"a\":")], tools.clone()), r#""input":{"arguments":"{\"a\":"}"#, broken);
        check(&answer(vec![call("[1]")], tools), r#""input":{"arguments":"[1]"}"#, broken);
        check(&answer(vec![call("{}")], StopReason::End), r#""stop_reason":"tool_use""#, "");
        check(&answer(vec![Part::Refusal("No.".into())], StopReason::End), r#""stop_reason":"refusal""#, "");
        check(&answer(vec![Part::Text(Str::from("").into())], StopReason::End), r#""content":[]"#, "");
        let filter = StopReason::Unknown("eos".into());
        check(&answer(vec![], filter), r#""stop_reason":"end_turn""#, "finish_reason.eos");
        let thought = Part::Thinking { text: "hm".into(), signature: None };
        check(&answer(vec![thought], StopReason::Length), r#"{"type":"thinking","thinking":"hm","signature":""}"#, "");

        let mut two = answer(vec![Part::Text(Str::from("first").into())], StopReason::End);
        two.choices.push(Choice { index: 1, parts: vec![], stop: StopReason::End, logprobs: None });
        two.service_tier = Some("flex".into());
        check(&two, r#""text":"first""#, "choices, service_tier");
        check(&Response::default(), r#""id":"msg_unknown""#, "usage");
    }

    proptest! {
        #[test]
        fn nothing_panics(body in prop_oneof![json(), ".{0,80}"]) {
            if let Ok(response) = decode(body.as_bytes()) {
                let again = encode(&response, &Asked::default(), &mut Losses::default());
                prop_assert!(decode(&again).is_ok());
            }
        }
    }
}
