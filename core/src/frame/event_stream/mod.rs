//! AWS event streams: messages of length, headers, payload and two checksums.
//!
//! Follows <https://smithy.io/2.0/aws/amazon-eventstream.html> and its transport
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html> (every number big-endian):
//!
//! ```text
//! total length u32 | headers' length u32 | CRC32 of both | headers | payload | CRC32 of all before it
//! ```
//!
//! No length is believed before its checksum is right, and none above the reader's limit. Never looks into payloads, but
//! for the `{"bytes": …}` in which InvokeModel wraps what a model's own API would have sent.

mod chunk;
mod garbled;
mod headers;
mod read;
mod reframe;
mod write;

pub use chunk::unwrap_chunk;
pub use garbled::Garbled;
pub use read::EventStream;
pub use reframe::{Mode, Reframe};
pub use write::{write, write_chunk, write_exception};

/// Bytes of the two lengths.
const LENGTHS_BYTES: usize = 8;
/// Bytes of the lengths and their checksum.
const PRELUDE_BYTES: usize = LENGTHS_BYTES + CHECKSUM_BYTES;
/// Bytes of a checksum.
const CHECKSUM_BYTES: usize = 4;
/// Bytes of a message without headers and payload.
const MESSAGE_BYTES_MIN: usize = PRELUDE_BYTES + CHECKSUM_BYTES;

#[cfg(test)]
mod tests;
