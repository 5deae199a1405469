//! Google Gemini generateContent: <https://ai.google.dev/api/generate-content>; Vertex AI serves the same.
//!
//! The facts come from the reference and from the types of Google's SDK
//! (<https://github.com/googleapis/python-genai/blob/main/google/genai/types.py>). The API reads proto JSON
//! (<https://protobuf.dev/programming-guides/json/>): names in camelCase or snake_case, 64-bit numbers also as strings, a
//! single value where a list is meant. All of that is read; camelCase is written. Enums are open.
//!
//! The model and whether a stream is wanted stand in the URL: neither is read from the body nor written into it.

mod answer;
mod citations;
mod content;
pub mod count;
pub mod error;
mod finish;
mod logprobs;
mod model;
mod names;
mod offsets;
pub mod request;
pub mod response;
mod schema;
mod signature;
pub mod stream;
mod usage;
#[cfg(test)]
mod words;

use crate::usage::Usage;

/// Reads the `usageMetadata` of an answer; `None` for one that says nothing.
pub fn usage(json: &str) -> Option<Usage> {
    let mut counting = Counting::default();
    counting.take(json);
    counting.usage()
}

/// The counts of a stream so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counting(usage::Tally);

impl Counting {
    /// Takes the next ones. What cannot be read says nothing.
    pub(crate) fn take(&mut self, json: &str) {
        if let Ok(Some(counts)) = serde_json::from_str::<Option<usage::Counts<'_>>>(json) {
            self.0.update(&counts);
        }
    }

    pub(crate) fn usage(&self) -> Option<Usage> {
        self.0.usage()
    }
}
