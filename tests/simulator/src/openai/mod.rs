//! OpenAI's chat completions: what a request must be, and what the answer looks like.
//! Source: <https://platform.openai.com/docs/api-reference/chat> and the types of the official SDKs.

pub(crate) mod answer;
pub(crate) mod error;
pub(crate) mod logprobs;
pub(crate) mod messages;
pub(crate) mod request;
pub(crate) mod stream;
pub(crate) mod tools;
pub(crate) mod vendor;
