//! Requests: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>.

mod additional;
mod body;
mod content;
mod conversation;
mod decode;
mod document;
mod encode;
mod tools;

pub use decode::decode;
pub use encode::encode;

#[cfg(test)]
pub(super) mod tests;
