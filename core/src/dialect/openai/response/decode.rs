//! A provider's whole answer → the hub.

use crate::chat::{Choice, Citation, Part, Response, ToolCall};
use crate::dialect::openai::answer::{
    Answer, AnswerCall, AnswerFunction, AnswerPart, Lost, made_up_id, thinking_texts,
};
use crate::dialect::openai::fingerprint::fingerprint;
use crate::dialect::openai::json;
use crate::dialect::openai::usage::Counts;
use crate::dialect::openai::{citation, error, extra, finish};
use crate::dialect::wire::{Count, OneOrMany, Raw, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde::de::IgnoredAny;
use std::borrow::Cow;

wire! {
    /// A `chat.completion`.
    struct Completion<'a> {
        id: Str<'a>,
        model: Str<'a>,
        created: Count,
        choices: Vec<WireChoice<'a>>,
        usage: Counts<'a>,
        service_tier: Str<'a>,
        error: Raw<'a>,
        moderation: Raw<'a>,
        _object "object": IgnoredAny,
        _system_fingerprint "system_fingerprint": IgnoredAny,
    }
}
wire! {
    struct WireChoice<'a> {
        index: Count,
        message: Answer<'a>,
        finish_reason: Str<'a>,
        logprobs: Raw<'a>,
        error: Raw<'a>,
    }
}

/// Reads a whole answer. `null` counts as absent everywhere, and only `choices` must be there.
///
/// # Errors
/// A [`Fault`] of kind `Upstream` for a body that is no answer; the provider's own error where it put one into an
/// answer with status 200 (OpenRouter does).
pub fn decode(body: &[u8]) -> Result<Response<'_>, Fault> {
    let completion: Completion<'_> = json::read_answer(body, "the provider's answer")?;
    if completion.error.is_some() {
        return Err(error::decode_in_stream(body));
    }
    let Some(choices) = completion.choices else {
        return Err(Fault::upstream("the provider's answer has no choices"));
    };
    let mut losses = Losses::default();
    if completion.moderation.is_some() {
        losses.add("moderation");
    }
    for name in &completion.unknown {
        losses.add_unknown("", name);
    }
    let id = completion.id.unwrap_or_default();
    let answer_id = fingerprint(&id);
    let choices = choices.into_iter().zip(0u32..);
    let choices = choices
        .map(|(choice, position)| decode_choice(choice, position, answer_id, &mut losses))
        .collect::<Result<_, _>>()?;
    Ok(Response {
        id,
        model: completion.model.unwrap_or_default(),
        created: completion.created.map(|created| created.0),
        choices,
        usage: completion.usage.and_then(Counts::into_usage),
        service_tier: completion.service_tier,
        losses,
    })
}

fn decode_choice<'a>(
    choice: WireChoice<'a>,
    position: u32,
    answer_id: u128,
    losses: &mut Losses,
) -> Result<Choice<'a>, Fault> {
    if let Some(error) = choice.error {
        return Err(error::decode_in_stream(error.get().as_bytes()));
    }
    for name in &choice.unknown {
        losses.add_unknown("choices", name);
    }
    let index = choice.index.map_or(position, |index| u32::try_from(index.0).unwrap_or(position));
    let parts = decode_parts(choice.message.unwrap_or_default(), index, answer_id, losses);
    let called_tools = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    // Some leave the reason empty.
    let reason = choice.finish_reason.filter(|reason| !reason.is_empty()).unwrap_or_else(|| Str::from("stop"));
    let refused = parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    let stop = finish::decode(reason, called_tools, refused);
    Ok(Choice { index, parts, stop, logprobs: choice.logprobs.map(Cow::Borrowed) })
}

fn decode_parts<'a>(mut answer: Answer<'a>, choice: u32, answer_id: u128, losses: &mut Losses) -> Vec<Part<'a>> {
    for lost in answer.lost() {
        match lost {
            Lost::Known(field) => losses.add(field),
            Lost::Unknown(name) => losses.add_unknown("choices.message", name),
        }
    }
    let mut parts = Vec::new();
    parts.extend(answer.thoughts().map(|text| Part::Thinking { text, signature: None }));
    for block in answer.thinking_blocks.take().unwrap_or_default() {
        match block.into_part() {
            Some(part) => parts.push(part),
            None => losses.add("choices.thinking_blocks"),
        }
    }
    decode_content(answer.content.take(), &mut parts, losses);
    cite(citation::decode(answer.annotations, |loss| losses.add(loss)), &mut parts, losses);
    parts.extend(answer.refusal.take().filter(|text| !text.is_empty()).map(Part::Refusal));
    let calls = answer.tool_calls.take().unwrap_or_default();
    let legacy =
        answer.function_call.take().map(|function| AnswerCall { function: Some(function), ..AnswerCall::default() });
    let calls = calls.into_iter().filter(|call| call.custom.is_none()).chain(legacy);
    parts.extend(calls.enumerate().map(|(i, call)| decode_call(call, i, choice, answer_id)));
    parts
}

/// Citations name their place in the whole text; they hang on its last part.
fn cite<'a>(citations: Vec<Citation<'a>>, parts: &mut [Part<'a>], losses: &mut Losses) {
    if citations.is_empty() {
        return;
    }
    match parts.iter_mut().rev().find_map(|part| if let Part::Text(text) = part { Some(text) } else { None }) {
        Some(text) => text.citations = citations,
        None => losses.add("choices.annotations"),
    }
}

fn decode_content<'a>(content: Option<OneOrMany<'a, AnswerPart<'a>>>, parts: &mut Vec<Part<'a>>, losses: &mut Losses) {
    let many = match content {
        None => return,
        Some(OneOrMany::One(text)) => {
            parts.extend((!text.is_empty()).then(|| Part::Text(text.into())));
            return;
        }
        Some(OneOrMany::Many(many)) => many,
    };
    for part in many {
        if part.kind.as_deref() == Some("thinking")
            && let Some(thinking) = part.thinking
        {
            let signature = part.signature.filter(|signature| !signature.is_empty());
            let text = thinking_texts(thinking).into_iter().map(Str::into_string).collect::<String>();
            if !text.is_empty() || signature.is_some() {
                parts.push(Part::Thinking { text: text.into(), signature });
            }
            continue;
        }
        match (part.kind.as_deref(), part.text, part.refusal) {
            (Some("text"), Some(text), _) => parts.push(Part::Text(text.into())),
            (Some("refusal"), _, Some(text)) => parts.push(Part::Refusal(text)),
            (kind, _, _) => losses.add_unknown("choices.message.content", kind.unwrap_or("type")),
        }
    }
}

fn decode_call<'a>(call: AnswerCall<'a>, position: usize, choice: u32, answer_id: u128) -> Part<'a> {
    let AnswerFunction { name, arguments, .. } = call.function.unwrap_or_default();
    let id = call.id.filter(|id| !id.is_empty());
    Part::ToolCall(ToolCall {
        id: id.unwrap_or_else(|| made_up_id(answer_id, choice, position).into()),
        name: name.unwrap_or_default(),
        arguments: arguments.map(json::text_of).unwrap_or_default(),
        signature: extra::signature(call.extra_content).0,
        ..ToolCall::default()
    })
}
