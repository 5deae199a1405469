//! The hub → a whole answer for the client.

use crate::chat::{Choice, MediaKind, Part, Response, StopReason, TextPart};
use crate::dialect::Asked;
use crate::dialect::openai::citation::AnnotationOut;
use crate::dialect::openai::extra::ExtraOut;
use crate::dialect::openai::finish;
use crate::dialect::openai::texts::Texts;
use crate::dialect::openai::thinking::BlockOut;
use crate::dialect::openai::usage::CountsOut;
use crate::dialect::wire;
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<AnnotationOut<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<Texts<'b>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    thinking_blocks: Vec<BlockOut<'b>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<Function<'b>>,
}

#[derive(Serialize)]
struct Call<'b> {
    id: &'b str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'b>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<ExtraOut<'b>>,
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
        choices: response.choices.iter().map(|choice| encode_choice(choice, asked, losses)).collect(),
        usage: response.usage.as_ref().map(CountsOut::from),
        service_tier: response.service_tier.as_deref().and_then(|tier| {
            let known = service_tier(tier);
            if known.is_none() {
                losses.add("service_tier");
            }
            known
        }),
    };
    wire::written(&completion)
}

/// Whether the tier is another one than everybody gets: a dialect without tiers loses nothing of that.
pub(in crate::dialect) fn is_special(tier: &str) -> bool {
    !matches!(tier, "auto" | "default" | "standard")
}

/// The tier in OpenAI's words, which SDKs of strict languages hold as a closed list.
pub(in crate::dialect) fn service_tier(tier: &str) -> Option<&str> {
    match tier {
        "auto" | "default" | "flex" | "scale" | "priority" | "fast" => Some(tier),
        "standard" => Some("default"),
        _ => None,
    }
}

fn encode_choice<'b>(choice: &'b Choice<'_>, asked: &Asked, losses: &mut Losses) -> ChoiceOut<'b> {
    note_lost_stop(&choice.stop, losses);
    let mut message = encode_message(&choice.parts, losses);
    if asked.legacy_functions {
        message.call_one_function(losses);
    }
    ChoiceOut {
        index: choice.index,
        message,
        logprobs: choice.logprobs.as_deref(),
        finish_reason: finish::encode_for(&choice.stop, asked.legacy_functions),
    }
}

impl Message<'_> {
    /// Says the first tool call in the form from before there were several.
    fn call_one_function(&mut self, losses: &mut Losses) {
        let mut calls = std::mem::take(&mut self.tool_calls).into_iter();
        self.function_call = calls.next().map(|call| {
            if call.extra_content.is_some() {
                losses.add("content.tool_call.signature");
            }
            call.function
        });
        if calls.next().is_some() {
            losses.add("content.tool_call");
        }
    }
}

/// How many characters of the text have been said, where citations name their place.
#[derive(Default)]
struct Cited {
    chars: u64,
}

impl Cited {
    /// The citations of the next part of the text.
    fn part<'b>(&mut self, part: &'b TextPart<'_>) -> Vec<AnnotationOut<'b>> {
        let begin = self.chars;
        self.chars = begin.saturating_add(part.text.chars().count() as u64);
        let whole = (begin, self.chars);
        part.citations.iter().filter_map(|citation| AnnotationOut::of(citation, whole)).collect()
    }
}

pub(in crate::dialect) fn note_lost_stop(stop: &StopReason<'_>, losses: &mut Losses) {
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
        annotations: Vec::new(),
        reasoning_content: None,
        thinking_blocks: Vec::new(),
        tool_calls: Vec::new(),
        function_call: None,
    };
    let mut cited = Cited::default();
    for part in parts {
        match part {
            Part::Text(part) => {
                message.content.get_or_insert_default().push(&part.text);
                let annotations = cited.part(part);
                if annotations.len() < part.citations.len() {
                    losses.add("citations");
                }
                message.annotations.extend(annotations);
            }
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
                let extra_content = call.signature.as_deref().map(ExtraOut::new);
                message.tool_calls.push(Call { id: &call.id, kind: "function", function, extra_content });
            }
            Part::Media(media) => losses.add(match media.kind {
                MediaKind::Image => "content.image",
                MediaKind::Document => "content.document",
                MediaKind::Audio => "content.audio",
                MediaKind::Video => "content.video",
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
        let body = String::from_utf8(encode(
            &response,
            &Asked { stream_usage: false, now: 7, ..Asked::default() },
            &mut losses,
        ))
        .unwrap();
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
    fn who_offers_functions_reads_a_function_call() {
        let call = |name: &'static str| {
            Part::ToolCall(crate::chat::ToolCall { id: "a".into(), name: name.into(), ..Default::default() })
        };
        let choice =
            Choice { index: 0, parts: vec![call("f"), call("g")], stop: StopReason::ToolCalls, logprobs: None };
        let response = Response { choices: vec![choice], ..Response::default() };
        let mut losses = Losses::default();
        let body = encode(&response, &Asked { legacy_functions: true, ..Asked::default() }, &mut losses);
        let body = String::from_utf8(body).unwrap();
        let said = r#""message":{"role":"assistant","content":null,"refusal":null,"function_call":{"name":"f","arguments":"{}"}},"logprobs":null,"finish_reason":"function_call""#;
        assert!(body.contains(said), "{body}");
        assert_eq!(losses.header(), "content.tool_call");
    }

    #[test]
    fn a_refusal_is_told_in_words_and_as_the_reason() {
        let refused = r#""content":null,"refusal":"No."},"logprobs":null,"finish_reason":"content_filter""#;
        check(vec![Part::Refusal("No.".into())], StopReason::Refused, refused, "");
    }
}
