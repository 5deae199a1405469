//! Google's Gemini API and Vertex AI: what a request must be, and what the answer looks like.
//! Source: <https://ai.google.dev/api/generate-content>, <https://ai.google.dev/gemini-api/docs/thought-signatures>, the
//! types of the official SDK, and error bodies as users report them.

#![allow(clippy::indexing_slicing, reason = "only JSON values are indexed, by name: what is not there is null")]

pub(crate) mod answer;
mod contents;
pub(crate) mod embed;
pub(crate) mod error;
mod fields;
mod proto;
pub(crate) mod request;
mod settings;
mod signature;
pub(crate) mod stream;
mod tools;
pub(crate) mod url;
