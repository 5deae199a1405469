//! The hub → a whole answer for the client.

use crate::chat::{Choice, MediaKind, Part, Response, StopReason};
use crate::dialect::Asked;
use crate::dialect::openai::finish;
use crate::dialect::openai::texts::Texts;
use crate::dialect::openai::thinking::BlockOut;
use crate::dialect::openai::usage::CountsOut;
use crate::loss::Losses;
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct Completion<'b> {
    id: &'b str,
    object: &'static str,
    created: u64,
    model: &'b str,
    choices: Vec<ChoiceOut<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<CountsOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'b str>,
}

#[derive(Serialize)]
struct ChoiceOut<'b> {
    index: u32,
    message: Message<'b>,
    logprobs: Option<&'b RawValue>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Message<'b> {
    role: &'static str,
    content: Option<Texts<'b>>,
    refusal: Option<Texts<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<Texts<'b>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    thinking_blocks: Vec<BlockOut<'b>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'b>>,
}

#[derive(Serialize)]
struct Call<'b> {
    id: &'b str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'b>,
}

#[derive(Serialize)]
struct Function<'b> {
    name: &'b str,
    arguments: &'b str,
}

/// Writes a whole answer; adds what it cannot say to `losses`.
pub fn encode(response: &Response<'_>, asked: &Asked, losses: &mut Losses) -> Vec<u8> {
    let completion = Completion {
        id: &response.id,
        object: "chat.completion",
        created: response.created.unwrap_or(asked.now),
        model: &response.model,
        choices: response.choices.iter().map(|choice| encode_choice(choice, losses)).collect(),
        usage: response.usage.as_ref().map(CountsOut::from),
        service_tier: response.service_tier.as_deref().and_then(|tier| {
            let known = service_tier(tier);
            if known.is_none() {
                losses.add("service_tier");
            }
            known
        }),
    };
    serde_json::to_vec(&completion).expect("strings and numbers can always be written as JSON")
}

/// The tier in OpenAI's words, which SDKs of strict languages hold as a closed list.
pub(in crate::dialect::openai) fn service_tier(tier: &str) -> Option<&str> {
    match tier {
        "auto" | "default" | "flex" | "scale" | "priority" | "fast" => Some(tier),
        "standard" => Some("default"),
        _ => None,
    }
}

fn encode_choice<'b>(choice: &'b Choice<'_>, losses: &mut Losses) -> ChoiceOut<'b> {
    note_lost_stop(&choice.stop, losses);
    ChoiceOut {
        index: choice.index,
        message: encode_message(&choice.parts, losses),
        logprobs: choice.logprobs.as_deref(),
        finish_reason: finish::encode(&choice.stop),
    }
}

fn note_lost_stop(stop: &StopReason<'_>, losses: &mut Losses) {
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

fn encode_message<'b>(parts: &'b [Part<'_>], losses: &mut Losses) -> Message<'b> {
    let mut message = Message {
        role: "assistant",
        content: None,
        refusal: None,
        reasoning_content: None,
        thinking_blocks: Vec::new(),
        tool_calls: Vec::new(),
    };
    for part in parts {
        match part {
            Part::Text(text) => message.content.get_or_insert_default().push(&text.text),
            Part::Refusal(text) => message.refusal.get_or_insert_default().push(text),
            Part::Thinking { text, signature } => {
                message.reasoning_content.get_or_insert_default().push(text);
                let block = BlockOut::Thinking { index: None, thinking: text, signature: signature.as_deref() };
                message.thinking_blocks.push(block);
            }
            Part::RedactedThinking { data } => {
                message.thinking_blocks.push(BlockOut::RedactedThinking { index: None, data });
            }
            Part::ToolCall(call) => {
                let arguments = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.as_str() };
                let function = Function { name: &call.name, arguments };
                message.tool_calls.push(Call { id: &call.id, kind: "function", function });
            }
            Part::Media(media) => losses.add(match media.kind {
                MediaKind::Image => "content.image",
                MediaKind::Document => "content.document",
                MediaKind::Audio => "content.audio",
            }),
            Part::ToolResult(_) => losses.add("content.tool_result"),
        }
    }
    if message.content.is_none() && message.refusal.is_none() && message.tool_calls.is_empty() {
        message.content = Some(Texts::default());
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Media, Source, ToolResult};

    fn check(parts: Vec<Part<'_>>, stop: StopReason<'_>, expected: &str, lost: &str) {
        let choices = vec![Choice { index: 0, parts, stop, logprobs: None }];
        let response = Response { id: "i".into(), model: "m".into(), choices, ..Response::default() };
        let mut losses = Losses::default();
        let body = String::from_utf8(encode(&response, &Asked { stream_usage: false, now: 7 }, &mut losses)).unwrap();
        let head = r#"{"id":"i","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,"message":{"role":"assistant","#;
        assert_eq!(body, format!("{head}{expected}}}]}}"));
        assert_eq!(losses.header(), lost);
    }

    #[test]
    fn what_cannot_be_said_is_named() {
        let empty = r#""content":"","refusal":null},"logprobs":null,"finish_reason":"stop""#;
        check(vec![], StopReason::End, empty, "");
        check(vec![], StopReason::Sequence(None), empty, "");
        check(vec![], StopReason::Sequence(Some("x".into())), empty, "stop_sequence");
        check(vec![], StopReason::Paused, empty, "stop_reason.pause_turn");
        check(vec![], StopReason::Unknown("eos".into()), empty, "stop_reason.eos");
        let source = Source::Url("https://x".into());
        let media = |kind| {
            let source = source.clone();
            Part::Media(Media { kind, source, name: None, context: None, detail: None, citations: false, cache: None })
        };
        let parts = vec![media(MediaKind::Image), media(MediaKind::Document), media(MediaKind::Audio)];
        check(parts, StopReason::End, empty, "content.image, content.document, content.audio");
        let result = ToolResult { id: "a".into(), content: vec![], is_error: false, cache: None };
        check(vec![Part::ToolResult(result)], StopReason::End, empty, "content.tool_result");
    }

    #[test]
    fn a_refusal_is_told_in_words_and_as_the_reason() {
        let refused = r#""content":null,"refusal":"No."},"logprobs":null,"finish_reason":"content_filter""#;
        check(vec![Part::Refusal("No.".into())], StopReason::Refused, refused, "");
    }
}
