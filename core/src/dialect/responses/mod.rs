//! OpenAI Responses: <https://platform.openai.com/docs/api-reference/responses>.
//!
//! The API keeps state where its client wants that; here it is only spoken without: what refers to something stored
//! (`previous_response_id`, `conversation`, `prompt`, `background`) is refused, since it works only with a provider of this
//! very dialect, and upstream nothing is stored (`store: false`). Thoughts then travel with the conversation, as
//! `encrypted_content`, which is the hub's signature.
//!
//! Freeform (`custom`) tools and tools in namespaces are functions in the hub, and what they were again in the answer
//! ([`Echo`]); only a freeform tool's grammar is lost. Hosted tools (web search, file search, MCP …) are losses.
//!
//! Never looks into encrypted content, and never makes up the id of a thought that goes back: OpenAI checks that the id
//! is the one within, and takes a thought without an id.

mod answer;
mod echo;
pub mod error;
mod item;
mod label;
pub mod request;
pub mod response;
mod stop;
pub mod stream;
mod usage;

pub use echo::Echo;

use crate::usage::Usage;

/// Reads the `usage` of an answer; `None` for one that says nothing.
pub fn usage(json: &str) -> Option<Usage> {
    serde_json::from_str::<usage::Counts<'_>>(json).ok()?.into_usage()
}

#[cfg(test)]
mod tests;
