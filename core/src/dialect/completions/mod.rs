//! OpenAI legacy completions: <https://platform.openai.com/docs/api-reference/completions>, the dialect of base models.
//!
//! A completion goes on with a text; a chat answers one. Between the two, this is what users of both expect:
//!
//! - **A completions client, a chat provider.** The prompt is what the user says, the answer's words are the completion.
//!   One prompt only: several, and prompts of tokens, are refused. What continues or frames a text (`suffix`, `echo`,
//!   `best_of`) is a loss. A client that sets no `max_tokens` gets the provider's limit, not the 16 tokens of OpenAI's
//!   completions, of which models that think would spend all on thoughts.
//! - **A chat client, a completions provider.** A system prompt and one user's message are the prompt as they are, with a
//!   blank line between them: nobody else's words are put beside those of the user. A longer conversation is written as a
//!   transcript (`User: …`, `Assistant: …`) that ends where the assistant speaks next, which is a loss by name
//!   (`messages.role`), and ends before the model plays the user. Text is all that can be said: tools are refused.
//!
//! Errors, usage and ends of answers are those of the chat dialect.

pub mod error;
mod logprobs;
pub mod request;
pub mod response;
pub mod stream;

use crate::usage::Usage;

/// Reads the `usage` of an answer or a chunk; `None` for one that counts nothing.
pub fn usage(json: &str) -> Option<Usage> {
    super::openai::usage(json)
}
