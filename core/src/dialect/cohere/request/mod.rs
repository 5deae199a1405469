//! Requests: `POST /v2/chat`, <https://docs.cohere.com/reference/chat>.

mod body;
mod content;
mod conversation;
mod decode;
mod documents;
mod encode;
mod messages;
mod sampling;

pub use decode::decode;
pub use encode::encode;

#[cfg(test)]
pub(super) mod tests;
