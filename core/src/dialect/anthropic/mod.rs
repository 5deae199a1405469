//! Anthropic messages: <https://docs.anthropic.com/en/api/messages>.
//!
//! The facts come from the reference and from the types of Anthropic's SDK
//! (<https://github.com/anthropics/anthropic-sdk-python/tree/main/src/anthropic/types>). The API's versioning policy
//! (<https://docs.anthropic.com/en/api/versioning>) promises new block, event and error types at any time, so an unknown
//! type is a loss and never an error.
//!
//! Never looks into schemas and tool inputs: they travel as the text that they were written in.

mod block;
mod charge;
mod citation;
pub mod error;
pub mod request;
pub mod response;
mod stop;
pub mod stream;

use crate::usage::Usage;

/// Reads the `usage` of an answer; `None` for one that says nothing.
pub fn usage(json: &str) -> Option<Usage> {
    let mut counting = Counting::default();
    counting.take(json);
    counting.usage()
}

/// The counts of a stream so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counting(charge::Tally);

impl Counting {
    /// Takes the next ones. What cannot be read says nothing.
    pub(crate) fn take(&mut self, json: &str) {
        if let Ok(Some(counts)) = serde_json::from_str::<Option<charge::Counts<'_>>>(json) {
            self.0.update(&counts);
        }
    }

    pub(crate) fn usage(&self) -> Option<Usage> {
        self.0.usage()
    }
}
