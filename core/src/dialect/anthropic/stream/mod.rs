//! Streams: `message_start` … `message_stop`, <https://platform.claude.com/docs/en/build-with-claude/streaming>.
//!
//! Neither side gathers what the model says: the decoder remembers which blocks are open, the encoder which one it has
//! open and how the answer ends.

mod decode;
mod encode;

pub use decode::Decoder;
pub use encode::Encoder;

#[cfg(test)]
mod tests;
