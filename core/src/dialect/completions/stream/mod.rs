//! Streams: chunks that are small completions, closed by `[DONE]`,
//! <https://platform.openai.com/docs/api-reference/completions/create#completions-create-stream>.

mod decode;
mod encode;

pub use decode::Decoder;
pub use encode::Encoder;

#[cfg(test)]
mod tests;
