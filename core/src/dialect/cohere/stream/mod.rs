//! Streams: <https://docs.cohere.com/docs/streaming>, `message-start` … `message-end`.

mod decode;
mod encode;
mod first_of;

pub use decode::Decoder;
pub use encode::Encoder;

#[cfg(test)]
mod tests;
