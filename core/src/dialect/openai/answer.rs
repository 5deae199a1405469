//! What an answer says, whole (`message`) or piece by piece (`delta`): both have the same fields.

use super::extra;
use super::fingerprint::extended;
use super::json;
use super::thinking::Block;
use crate::dialect::wire::{OneOrMany, Raw, wire};
use crate::text::Str;
use serde::de::IgnoredAny;

wire! {
    /// A `message` or a `delta`.
    struct Answer<'a> {
        _role "role": IgnoredAny,
        content: OneOrMany<'a, AnswerPart<'a>>,
        refusal: Str<'a>,
        reasoning_content: Str<'a>,
        reasoning: Raw<'a>,
        reasoning_details: Vec<Detail<'a>>,
        thinking_blocks: Vec<Block<'a>>,
        tool_calls: Vec<AnswerCall<'a>>,
        function_call: AnswerFunction<'a>,
        annotations: Raw<'a>,
        audio: Raw<'a>,
    }
}
wire! {
    /// Some providers answer in a list of parts, as messages may be written; Mistral's models that think always do
    /// (<https://docs.mistral.ai/capabilities/reasoning>).
    struct AnswerPart<'a> {
        kind "type": Str<'a>,
        text: Str<'a>,
        refusal: Str<'a>,
        thinking: OneOrMany<'a, ThoughtPart<'a>>,
        signature: Str<'a>,
        _closed "closed": IgnoredAny,
    }
}
wire! { struct ThoughtPart<'a> { _kind "type": IgnoredAny, text: Str<'a> } }
wire! {
    /// OpenRouter's and MiniMax' list of thoughts: <https://openrouter.ai/docs/use-cases/reasoning-tokens>.
    struct Detail<'a> { kind "type": Str<'a>, text: Str<'a>, summary: Str<'a>, signature: Str<'a>, data: Str<'a> }
}
wire! {
    /// A tool call or a piece of one.
    struct AnswerCall<'a> {
        index: u64,
        id: Str<'a>,
        _kind "type": IgnoredAny,
        function: AnswerFunction<'a>,
        custom: IgnoredAny,
        extra_content: Raw<'a>,
    }
}
wire! { struct AnswerFunction<'a> { name: Str<'a>, arguments: Raw<'a> } }

impl<'a> Answer<'a> {
    /// The thoughts as plain text. Where the blocks carry them too, they are only there.
    pub(super) fn thoughts(&mut self) -> Option<Str<'a>> {
        let in_blocks = |block: &Block<'_>| block.thinking.as_ref().is_some_and(|text| !text.is_empty());
        if self.thinking_blocks.iter().flatten().any(in_blocks) {
            return None;
        }
        let is_there = |text: &Str<'a>| !text.is_empty();
        let text = self.reasoning_content.take().filter(is_there);
        let text = text.or_else(|| self.reasoning.and_then(json::as_text).filter(is_there));
        text.or_else(|| in_details(self.reasoning_details.take().unwrap_or_default()))
    }

    /// Every field that the hub cannot hold.
    pub(super) fn lost(&self) -> impl Iterator<Item = Lost<'_>> {
        let audio = self.audio.map(|_| Lost::Known("choices.audio"));
        let unknown = self.unknown.iter().map(|name| Lost::Unknown(name));
        let is_proof = |detail: &Detail<'_>| detail.signature.is_some() || detail.data.is_some();
        let details = self.reasoning_details.iter().flatten().any(is_proof);
        let details = details.then_some(Lost::Known("choices.reasoning_details"));
        let custom = self.tool_calls.iter().flatten().any(|call| call.custom.is_some());
        let custom = custom.then_some(Lost::Known("choices.tool_calls.custom"));
        let extra = self.tool_calls.iter().flatten().any(|call| extra::signature(call.extra_content).1);
        let extra = extra.then_some(Lost::Known("choices.tool_calls.extra_content"));
        audio.into_iter().chain(custom).chain(extra).chain(details).chain(unknown)
    }
}

/// The thoughts that can be read, where there is no other place for them.
fn in_details(details: Vec<Detail<'_>>) -> Option<Str<'_>> {
    let mut texts =
        details.into_iter().filter_map(|detail| detail.text.or(detail.summary)).filter(|text| !text.is_empty());
    let first = texts.next()?;
    let rest: String = texts.map(Str::into_string).collect();
    Some(if rest.is_empty() { first } else { Str::from(first.into_string() + &rest) })
}

/// The texts of a part of type `thinking`.
pub(super) fn thinking_texts<'a>(thinking: OneOrMany<'a, ThoughtPart<'a>>) -> Vec<Str<'a>> {
    let texts = match thinking {
        OneOrMany::One(text) => vec![text],
        OneOrMany::Many(parts) => parts.into_iter().filter_map(|part| part.text).collect(),
    };
    texts.into_iter().filter(|text| !text.is_empty()).collect()
}

/// A field that the hub cannot hold.
pub(super) enum Lost<'l> {
    /// One that this project knows.
    Known(&'static str),
    /// One that it does not know, by its name.
    Unknown(&'l str),
}

/// The id for a call to which the provider gave none, from the fingerprint of the answer's own id, which makes it
/// differ from those of other turns. OpenAI takes ids of at most 40 bytes.
pub(super) fn made_up_id(answer: u128, choice: u32, tool: usize) -> String {
    format!("call_{:032x}", extended(answer, format!("/{choice}/{tool}").as_bytes()))
}
