//! Whole answers: <https://platform.openai.com/docs/api-reference/completions/object>.

use super::logprobs;
use crate::chat::{Choice, Part, Response, StopReason};
use crate::dialect::Asked;
use crate::dialect::openai::response::is_special;
use crate::dialect::openai::texts::Texts;
use crate::dialect::openai::usage::CountsOut;
use crate::dialect::openai::{error, finish, json};
use crate::dialect::wire::{self, Count, Raw, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde::Serialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;

wire! {
    /// A `text_completion`.
    struct Completion<'a> {
        id: Str<'a>,
        model: Str<'a>,
        created: Count,
        choices: Vec<WireChoice<'a>>,
        usage: Raw<'a>,
        service_tier: Str<'a>,
        error: Raw<'a>,
        _object "object": IgnoredAny,
        _system_fingerprint "system_fingerprint": IgnoredAny,
    }
}
wire! {
    /// A choice, whole or a piece of one: both have the same fields.
    struct WireChoice<'a> { index: Count, text: Str<'a>, logprobs: logprobs::Lists<'a>, finish_reason: Str<'a> }
}

/// Reads a provider's whole answer.
///
/// # Errors
/// A [`Fault`] of kind `Upstream` for a body that is no answer, and the provider's own error where it put one into an
/// answer with status 200.
pub fn decode(body: &[u8]) -> Result<Response<'_>, Fault> {
    let completion: Completion<'_> = json::read_answer(body, "the provider's answer")?;
    if completion.error.is_some() {
        return Err(error::decode_in_stream(body));
    }
    let Some(choices) = completion.choices else {
        return Err(Fault::upstream("the provider's answer has no choices"));
    };
    let mut losses = Losses::default();
    for field in &completion.unknown {
        losses.add_unknown("", field);
    }
    let choices =
        choices.into_iter().zip(0u32..).map(|(choice, position)| decode_choice(choice, position, &mut losses));
    Ok(Response {
        choices: choices.collect(),
        id: completion.id.unwrap_or_default(),
        model: completion.model.unwrap_or_default(),
        created: completion.created.map(|created| created.0),
        usage: completion.usage.and_then(|usage| super::usage(usage.get())),
        service_tier: completion.service_tier,
        losses,
    })
}

fn decode_choice<'a>(choice: WireChoice<'a>, position: u32, losses: &mut Losses) -> Choice<'a> {
    for field in &choice.unknown {
        losses.add_unknown("choices", field);
    }
    let raw = choice.logprobs.as_ref().and_then(logprobs::to_hub);
    let reason = choice.finish_reason.filter(|reason| !reason.is_empty()).unwrap_or_else(|| Str::from("stop"));
    let text = choice.text.filter(|text| !text.is_empty());
    Choice {
        index: choice.index.map_or(position, |index| u32::try_from(index.0).unwrap_or(position)),
        parts: text.map(|text| Part::Text(text.into())).into_iter().collect(),
        stop: finish::decode(reason, false, false),
        logprobs: raw.map(Cow::Owned),
    }
}

#[derive(Serialize)]
struct CompletionOut<'b> {
    id: &'b str,
    object: &'static str,
    created: u64,
    model: &'b str,
    choices: Vec<ChoiceOut<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<CountsOut>,
}

#[derive(Serialize)]
struct ChoiceOut<'b> {
    text: Texts<'b>,
    index: u32,
    logprobs: Option<logprobs::Written>,
    finish_reason: &'static str,
}

/// Writes a whole answer for the client: of each choice its words.
pub fn encode(response: &Response<'_>, asked: &Asked, losses: &mut Losses) -> Vec<u8> {
    if response.service_tier.as_deref().is_some_and(is_special) {
        losses.add("service_tier");
    }
    let completion = CompletionOut {
        id: &response.id,
        object: "text_completion",
        created: response.created.unwrap_or(asked.now),
        model: &response.model,
        choices: response.choices.iter().map(|choice| encode_choice(choice, losses)).collect(),
        usage: response.usage.as_ref().map(CountsOut::from),
    };
    wire::written(&completion)
}

fn encode_choice<'b>(choice: &'b Choice<'_>, losses: &mut Losses) -> ChoiceOut<'b> {
    let mut text = Texts::default();
    for part in &choice.parts {
        match part {
            Part::Text(part) => {
                if !part.citations.is_empty() {
                    losses.add("content.citations");
                }
                text.push(&part.text);
            }
            Part::Refusal(words) => text.push(words),
            Part::Thinking { .. } | Part::RedactedThinking { .. } => losses.add("content.thinking"),
            Part::ToolCall(_) => losses.add("content.tool_call"),
            Part::Media(_) | Part::ToolResult(_) => losses.add("content"),
        }
    }
    note_lost_stop(&choice.stop, losses);
    let logprobs = choice.logprobs.as_deref().and_then(|raw| logprobs::of_hub(raw, 0).1);
    ChoiceOut { text, index: choice.index, logprobs, finish_reason: reason(&choice.stop) }
}

/// The API's word for an end. It knows of no tools.
pub(super) fn reason(stop: &StopReason<'_>) -> &'static str {
    if *stop == StopReason::ToolCalls { "stop" } else { finish::encode(stop) }
}

/// Notes an end that this dialect has no word for.
pub(super) fn note_lost_stop(stop: &StopReason<'_>, losses: &mut Losses) {
    match stop {
        StopReason::Sequence(Some(_)) => losses.add("stop_sequence"),
        StopReason::Paused => losses.add("stop_reason.pause_turn"),
        StopReason::Unknown(reason) => losses.add_unknown("stop_reason", reason),
        StopReason::End
        | StopReason::Sequence(None)
        | StopReason::Length
        | StopReason::ToolCalls
        | StopReason::Refused => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::TextPart;
    use crate::dialect::fixtures;

    fn render(body: &[u8]) -> String {
        let response = match decode(body) {
            Ok(response) => response,
            Err(fault) => return format!("{fault:#?}"),
        };
        let mut losses = Losses::default();
        let again = encode(&response, &Asked { now: 7, ..Asked::default() }, &mut losses);
        let again = String::from_utf8(again).unwrap();
        format!("{response:#?}\n\nwritten again:\n{again}\nlosses: {}\n", losses.header())
    }

    #[test]
    fn answers_as_documented() {
        fixtures::check("completions", "responses", |_, body| render(body));
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for (name, body) in fixtures::files("completions", "responses") {
            let Ok(first) = decode(&body) else { continue };
            let asked = Asked { now: 7, ..Asked::default() };
            let again = encode(&first, &asked, &mut Losses::default());
            let twice = encode(&decode(&again).unwrap(), &asked, &mut Losses::default());
            assert_eq!(again, twice, "{name}");
        }
    }

    #[test]
    fn only_words_are_a_completion() {
        let text = |text: &'static str| Part::Text(TextPart { text: text.into(), ..TextPart::default() });
        let thought = Part::Thinking { text: "hm".into(), signature: None };
        let call = Part::ToolCall(Default::default());
        let parts = vec![thought, text("a"), Part::Refusal("b".into()), call];
        let choices = vec![Choice { index: 0, parts, stop: StopReason::ToolCalls, logprobs: None }];
        let response = Response { id: "i".into(), model: "m".into(), choices, ..Response::default() };
        let mut losses = Losses::default();
        let body = encode(&response, &Asked { now: 7, ..Asked::default() }, &mut losses);
        assert_eq!(
            String::from_utf8(body).unwrap(),
            r#"{"id":"i","object":"text_completion","created":7,"model":"m","choices":[{"text":"ab","index":0,"logprobs":null,"finish_reason":"stop"}]}"#
        );
        assert_eq!(losses.header(), "content.thinking, content.tool_call");
    }
}
