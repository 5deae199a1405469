//! Anthropic's Messages API: what a request must be, and what the answer looks like.
//! Source: <https://docs.anthropic.com/en/api/messages> and the types of the official SDKs.

pub(crate) mod answer;
mod blocks;
mod conversation;
pub(crate) mod error;
pub(crate) mod request;
pub(crate) mod signature;
pub(crate) mod stream;
mod thinking;
mod tools;
