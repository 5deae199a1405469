//! What an encoder learns from a stream that passes it by, in case that it has to end it: the items go on under the ids
//! and places under which the client knows them, and what the provider has ended is not ended again.

use super::encode::Encoder;
use super::held::PARTS_MAX;
use crate::dialect::responses::item::{Content, State, Words};
use crate::dialect::wire::wire;
use crate::frame::sse::Frame;
use crate::text::Str;

/// The longest id that is kept. Those of OpenAI have some fifty characters, those with a thought inside a few hundred.
const ID_BYTES_MAX: usize = 4096;

wire! {
    /// Where an event stands.
    struct Place<'a> {
        kind "type": Str<'a>,
        sequence_number: u64,
        output_index: usize,
        item: Known<'a>,
        part: Known<'a>,
    }
}

wire! {
    /// An item or a part, as far as it is known when it begins.
    struct Known<'a> { kind "type": Str<'a>, id: Str<'a> }
}

impl Encoder {
    /// Takes an event that has gone to the client as it was, after what it means has come as events.
    pub fn overhear(&mut self, frame: &Frame<'_>) {
        // What cannot be read here says nothing about items either.
        let Ok(place) = serde_json::from_slice::<Place<'_>>(&frame.data) else { return };
        if let Some(number) = place.sequence_number {
            self.teller.after(number);
        }
        let Some(index) = place.output_index else { return };
        match place.kind.as_deref() {
            Some("response.output_item.added") => self.overhear_item(index, place.item.unwrap_or_default()),
            Some("response.content_part.added") => {
                let is_refusal = place.part.and_then(|part| part.kind).is_some_and(|kind| *kind == *"refusal");
                self.overhear_part(index, is_refusal);
            }
            Some("response.output_item.done") => {
                let item = self.answer.items.iter_mut().rev().find(|item| item.index == index);
                if let Some(item) = item {
                    item.state = State::Completed;
                }
            }
            Some(_) | None => {}
        }
    }

    fn overhear_item(&mut self, index: usize, item: Known<'_>) {
        let answer = &mut self.answer;
        let next_index = answer.next_index.max(index.saturating_add(1));
        answer.next_index = index;
        let is_begun = match item.kind.as_deref() {
            Some("message") => answer.add(Content::Message(Vec::new())).is_ok(),
            Some("reasoning") => answer.add(Content::Reasoning { text: String::new(), sealed: None }).is_ok(),
            // What it means has begun it already.
            Some("function_call" | "custom_tool_call") => {
                answer.items.last().is_some_and(|item| matches!(item.content, Content::Call(_)))
            }
            // Nothing is said of it, and nothing will be ended.
            Some(_) | None => false,
        };
        answer.next_index = next_index;
        if let Some(begun) = answer.items.last_mut().filter(|_| is_begun) {
            begun.index = index;
            if let Some(id) = item.id.filter(|id| !id.is_empty() && id.len() <= ID_BYTES_MAX) {
                id.as_str().clone_into(&mut begun.id);
            }
        }
    }

    fn overhear_part(&mut self, index: usize, is_refusal: bool) {
        let chars_before = self.answer.chars;
        let parts = self.answer.items.iter_mut().rev().find_map(|item| match &mut item.content {
            Content::Message(parts) if item.index == index => Some(parts),
            Content::Message(_) | Content::Reasoning { .. } | Content::Call(_) => None,
        });
        let Some(parts) = parts.filter(|parts| parts.len() < PARTS_MAX) else { return };
        let (text, citations, logprobs) = (String::new(), Vec::new(), String::new());
        parts.push(Words { is_refusal, text, chars_before, citations, logprobs });
    }
}
