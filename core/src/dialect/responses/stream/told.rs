//! One event of a stream, as JSON.

use crate::dialect::responses::item::{Annotation, Logprobs, Written, WrittenPart};
use crate::dialect::wire;
use crate::frame::sse;
use serde::Serialize;

/// The fields of all events about items in one; every event has some of them.
#[derive(Default, Serialize)]
pub(super) struct Told<'b> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) sequence_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item_id: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotation_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refusal: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) arguments: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<Logprobs<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotation: Option<Annotation<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<WrittenPart<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item: Option<Written<'b>>,
}

impl<'b> Told<'b> {
    /// An event about the item of this id and place.
    pub(super) fn of(item_id: &'b str, output_index: usize) -> Self {
        Self { item_id: Some(item_id), output_index: Some(output_index), ..Self::default() }
    }

    /// An event about a whole item.
    pub(super) fn item(item: Written<'b>, output_index: usize) -> Self {
        Self { item: Some(item), output_index: Some(output_index), ..Self::default() }
    }
}

/// Numbers the events and writes them, or keeps them to itself where only the whole answer is wanted.
#[derive(Debug)]
pub(super) struct Teller {
    next: u64,
    is_silent: bool,
}

impl Teller {
    pub(super) fn new(is_silent: bool) -> Self {
        Self { next: 0, is_silent }
    }

    /// Writes an event about an item.
    pub(super) fn tell(&mut self, kind: &'static str, told: Told<'_>, out: &mut Vec<u8>) {
        if self.is_silent {
            return;
        }
        let told = Told { kind, sequence_number: self.number(), ..told };
        sse::write(out, Some(kind), |out| json(&told, out));
    }

    /// Writes an event with other fields: `write` appends them, each with a comma before it.
    pub(super) fn tell_with(&mut self, kind: &'static str, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        if self.is_silent {
            return;
        }
        let number = self.number();
        sse::write(out, Some(kind), |out| {
            out.extend_from_slice(format!(r#"{{"type":"{kind}","sequence_number":{number}"#).as_bytes());
            write(out);
            out.push(b'}');
        });
    }

    /// Goes on behind an event that somebody else has numbered.
    pub(super) fn after(&mut self, number: u64) {
        self.next = number.saturating_add(1);
    }

    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        number
    }
}

/// Appends a value as JSON.
pub(super) fn json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    wire::append(value, out);
}
