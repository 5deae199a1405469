//! Requests: `POST /v1/completions`, <https://platform.openai.com/docs/api-reference/completions/create>.

mod decode;
mod encode;
mod prompt;
mod transcript;

pub use decode::decode;
pub use encode::encode;

#[cfg(test)]
pub(super) mod tests;
