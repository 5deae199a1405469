//! Cohere's v2 chat: what a request must be, and what the answer looks like.
//! Source: <https://docs.cohere.com/reference/chat>, <https://docs.cohere.com/reference/errors> and the types of its SDK.

pub(crate) mod answer;
pub(crate) mod error;
mod messages;
pub(crate) mod request;
pub(crate) mod stream;
