//! Whole answers: <https://ai.google.dev/api/generate-content#generatecontentresponse>.

mod decode;
mod encode;

pub use decode::decode;
pub use encode::encode;
pub(super) use encode::{CandidateOut, ContentOut, ResponseOut};

#[cfg(test)]
mod tests;
