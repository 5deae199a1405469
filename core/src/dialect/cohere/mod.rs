//! Cohere v2 chat: <https://docs.cohere.com/reference/chat>.
//!
//! The facts come from the reference, its OpenAPI document
//! (<https://github.com/cohere-ai/cohere-developer-experience/blob/main/cohere-openapi.yaml>) and the types of Cohere's SDK
//! (<https://github.com/cohere-ai/cohere-python/tree/main/src/cohere/types>).
//!
//! What a model plans before it calls tools is a thought: older models tell it as `tool_plan`, newer ones as a `thinking`
//! block, and both are [`Part::Thinking`](crate::chat::Part) here. Clients get it as a `thinking` block; a provider gets
//! it back as `tool_plan` where the message calls tools, which every model that calls tools knows.
//!
//! A request's `documents` are text documents at the head of the user's last message, with citations unless the client
//! turned them off; what of a provider's citations only repeats them (`sources.document`, `sources.tool_output`) is
//! dropped without being named as a loss.

mod citation;
pub mod error;
mod logprobs;
pub mod request;
pub mod response;
mod stop;
pub mod stream;
mod usage;

use crate::usage::Usage;

/// Reads the `usage` of an answer; `None` for one that says nothing.
pub fn usage(json: &str) -> Option<Usage> {
    serde_json::from_str::<Option<usage::Counts<'_>>>(json).ok()??.usage()
}
