//! Streams: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html>.
//!
//! The transport is an AWS event stream ([`crate::frame::event_stream`]): a message's type is the frame's event. Here it is
//! read from frames and written as server-sent events, of which [`crate::frame::event_stream::Reframe`] makes messages.

mod decode;
mod encode;

pub use decode::Decoder;
pub use encode::Encoder;

#[cfg(test)]
mod tests;
