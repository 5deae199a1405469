//! Streams: `GenerateContentResponse`s (<https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent>).
//!
//! No event closes such a stream: an answer is whole when each of its candidates has told why it ended. A chunk that comes
//! after that may still tell what was used.

mod decode;
mod encode;

pub use decode::Decoder;
pub use encode::Encoder;

#[cfg(test)]
mod tests;
