//! Streams: `chat.completion.chunk`s, closed by `[DONE]`.
//!
//! <https://platform.openai.com/docs/api-reference/chat-streaming/streaming>.

mod decode;
mod encode;

pub use decode::Decoder;
pub use encode::Encoder;

/// How many answers one stream may hold; OpenAI's `n` goes to 128.
pub(in crate::dialect) const CHOICES_MAX: usize = 128;
/// How many tool calls one answer of a stream may hold.
const TOOLS_MAX: usize = 1024;
