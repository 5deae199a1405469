//! `countTokens`: <https://ai.google.dev/api/tokens>.

use super::names::Int;
use crate::dialect::wire::{self, wire};
use crate::edit::Object;
use serde::Serialize;

/// The chat request whose tokens are to be counted: the body itself, or the one in its `generateContentRequest`.
pub fn request(body: &[u8]) -> &[u8] {
    let inner = Object::read(body)
        .ok()
        .and_then(|object| object.raw("generateContentRequest").or_else(|| object.raw("generate_content_request")));
    inner.map_or(body, str::as_bytes)
}

wire! {
    /// A provider's answer.
    struct Counted<'a> { total "totalTokens" | "total_tokens": Int }
}

/// The tokens that a provider counted; `None` for a body that tells none.
pub fn decode(body: &[u8]) -> Option<u64> {
    let counted: Counted<'_> = serde_json::from_slice(body).ok()?;
    counted.total.map(Int::count)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CountedOut {
    total_tokens: u64,
}

/// The answer for a client.
pub fn encode(tokens: u64) -> Vec<u8> {
    wire::written(&CountedOut { total_tokens: tokens })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_in_every_form() {
        assert_eq!(decode(br#"{"totalTokens":31,"promptTokensDetails":[]}"#), Some(31));
        assert_eq!(decode(br#"{"total_tokens":"31"}"#), Some(31));
        assert_eq!(decode(b"{}"), None);
        assert_eq!(decode(&encode(7)), Some(7));
        assert_eq!(request(br#"{"contents":[]}"#), br#"{"contents":[]}"#);
        assert_eq!(request(br#"{"generateContentRequest":{"contents":[]}}"#), br#"{"contents":[]}"#);
    }
}
