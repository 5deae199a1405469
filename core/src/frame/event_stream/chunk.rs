//! InvokeModel's `chunk` events: the model's own events, wrapped.

use crate::frame::sse::Frame;
use crate::text::Str;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    bytes: Str<'a>,
}

/// What the model's own API would have sent: the bytes within a `chunk` event. `None` for any other frame (an exception,
/// for one) and for a chunk that cannot be read.
pub fn unwrap_chunk(frame: &Frame<'_>) -> Option<Vec<u8>> {
    if frame.event != Some(b"chunk") {
        return None;
    }
    let chunk: Chunk<'_> = serde_json::from_slice(&frame.data).ok()?;
    STANDARD.decode(chunk.bytes.as_bytes()).ok()
}
