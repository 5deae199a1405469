//! What an answer says, whole (`message`) or piece by piece (`delta`): both have the same fields.

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
        thinking_blocks: Vec<Block<'a>>,
        tool_calls: Vec<AnswerCall<'a>>,
        function_call: AnswerFunction<'a>,
        annotations: Raw<'a>,
        audio: Raw<'a>,
    }
}
wire! {
    /// Some providers answer in a list of parts, as messages may be written.
    struct AnswerPart<'a> { kind "type": Str<'a>, text: Str<'a>, refusal: Str<'a> }
}
wire! {
    /// A tool call or a piece of one.
    struct AnswerCall<'a> {
        index: u64,
        id: Str<'a>,
        _kind "type": IgnoredAny,
        function: AnswerFunction<'a>,
        custom: IgnoredAny,
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
        let text = self.reasoning_content.take().or_else(|| self.reasoning.and_then(json::as_text));
        text.filter(|text| !text.is_empty())
    }

    /// Every field that the hub cannot hold.
    pub(super) fn lost(&self) -> impl Iterator<Item = Lost<'_>> {
        let audio = self.audio.map(|_| Lost::Known("choices.audio"));
        let annotations = self.annotations.filter(|list| !json::is(list, "[]"));
        let annotations = annotations.map(|_| Lost::Known("choices.annotations"));
        let unknown = self.unknown.iter().map(|name| Lost::Unknown(name));
        let custom = self.tool_calls.iter().flatten().any(|call| call.custom.is_some());
        let custom = custom.then_some(Lost::Known("choices.tool_calls.custom"));
        audio.into_iter().chain(annotations).chain(custom).chain(unknown)
    }
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
