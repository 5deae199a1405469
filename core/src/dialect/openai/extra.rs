//! `extra_content` of a tool call: Google's own place in this dialect for the signature that its models want back.
//!
//! <https://ai.google.dev/gemini-api/docs/thought-signatures>: `{"google": {"thought_signature": "…"}}`. Answers are
//! written with it, and it is read from answers and from histories; no other provider's request gets it.

use crate::dialect::wire::{Raw, wire};
use crate::text::Str;
use serde::Serialize;

wire! { struct ExtraContent<'a> { google: Google<'a> } }
wire! { struct Google<'a> { thought_signature: Str<'a> } }

/// The signature in a call's `extra_content`, and whether there is something else in it.
pub(super) fn signature(extra: Option<Raw<'_>>) -> (Option<Str<'_>>, bool) {
    let Some(raw) = extra else { return (None, false) };
    let Ok(extra) = serde_json::from_str::<ExtraContent<'_>>(raw.get()) else { return (None, true) };
    let google = extra.google.unwrap_or_default();
    let has_more = !extra.unknown.is_empty() || !google.unknown.is_empty();
    (google.thought_signature.filter(|signature| !signature.is_empty()), has_more)
}

/// `extra_content` on its way to a client.
#[derive(Serialize)]
pub(super) struct ExtraOut<'b> {
    google: GoogleOut<'b>,
}

#[derive(Serialize)]
struct GoogleOut<'b> {
    thought_signature: &'b str,
}

impl<'b> ExtraOut<'b> {
    /// With this signature.
    pub(super) fn new(thought_signature: &'b str) -> Self {
        Self { google: GoogleOut { thought_signature } }
    }
}
