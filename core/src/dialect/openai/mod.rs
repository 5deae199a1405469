//! OpenAI chat completions: <https://platform.openai.com/docs/api-reference/chat>, the dialect that most providers speak.
//!
//! Beyond OpenAI's own reference it reads what the field has agreed on: `reasoning_content`, `reasoning` and
//! `thinking_blocks` on assistant messages, `cache_control` on messages, parts and tools, `thinking`, `reasoning` and
//! `top_k` as parameters (LiteLLM, OpenRouter, DeepSeek, vLLM). Thoughts are written to clients the same way, so that a
//! thought with its signature survives a round trip through a chat client.
//!
//! Three things of an answer are dropped without being named as losses, since they say nothing about it: `object`,
//! `system_fingerprint` and `obfuscation` (padding against eavesdroppers).
//!
//! Never guesses what a model can do: a request that the target model refuses is the provider's to refuse.

mod answer;
mod citation;
pub mod error;
mod extra;
pub(crate) mod fingerprint;
pub(super) mod finish;
pub(super) mod json;
pub mod request;
pub mod response;
pub mod stream;
pub(super) mod texts;
pub(crate) mod think_tags;
mod thinking;
pub(super) mod usage;

use crate::usage::Usage;

/// Reads the `usage` of an answer or a chunk; `None` for one that counts nothing.
pub fn usage(json: &str) -> Option<Usage> {
    serde_json::from_str::<usage::Counts<'_>>(json).ok()?.into_usage()
}

#[cfg(test)]
mod tests;
