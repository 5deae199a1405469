//! `thinking_blocks`: thoughts with their signatures, as LiteLLM brought them into this dialect.
//!
//! <https://docs.litellm.ai/docs/reasoning_content>: a message carries the thoughts as one string in
//! `reasoning_content` for people and as `thinking_blocks` for the provider that must see its own thoughts again.

use crate::chat::Part;
use crate::dialect::wire::wire;
use crate::text::Str;
use serde::Serialize;
use serde::de::IgnoredAny;

wire! {
    /// One block. Clients that gather a stream leave `index` in it.
    struct Block<'a> { kind "type": Str<'a>, thinking: Str<'a>, signature: Str<'a>, data: Str<'a>, _index "index": IgnoredAny }
}

impl<'a> Block<'a> {
    /// The block as a part; `None` for a kind that we do not know.
    pub(super) fn into_part(self) -> Option<Part<'a>> {
        match self.kind.as_deref() {
            Some("thinking") | None => Some(Part::Thinking {
                text: self.thinking.unwrap_or_default(),
                signature: self.signature.filter(|signature| !signature.is_empty()),
            }),
            Some("redacted_thinking") => Some(Part::RedactedThinking { data: self.data.unwrap_or_default() }),
            Some(_) => None,
        }
    }
}

/// A block on its way to a client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum BlockOut<'b> {
    /// A thought that can be read.
    Thinking {
        /// In streams: which block of the message. The OpenAI SDK's own gathering of deltas needs it in every list.
        #[serde(skip_serializing_if = "Option::is_none")]
        index: Option<u32>,
        thinking: &'b str,
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<&'b str>,
    },
    /// A thought that only its provider can read.
    RedactedThinking {
        /// As above.
        #[serde(skip_serializing_if = "Option::is_none")]
        index: Option<u32>,
        data: &'b str,
    },
}
