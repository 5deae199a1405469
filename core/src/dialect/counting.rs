//! What a stream's counts come to, read one `usage` after the other.

use super::{Dialect, anthropic, gemini};
use crate::usage::Usage;

/// Counts so far. Where a dialect tells them piece by piece, newer ones replace older ones.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counting {
    /// The last word counts.
    Last(Dialect, Option<Usage>),
    /// Prompt and answer are told apart.
    Anthropic(anthropic::Counting),
    /// Likewise.
    Gemini(gemini::Counting),
}

impl Counting {
    pub(crate) fn new(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Anthropic => Self::Anthropic(anthropic::Counting::default()),
            Dialect::Gemini => Self::Gemini(gemini::Counting::default()),
            Dialect::OpenAi | Dialect::Responses | Dialect::Completions | Dialect::Converse | Dialect::Cohere => {
                Self::Last(dialect, None)
            }
        }
    }

    /// Takes the raw JSON of a `usage`.
    pub(crate) fn take(&mut self, json: &str) {
        match self {
            Self::Last(dialect, usage) => *usage = dialect.decode_usage(json).or(*usage),
            Self::Anthropic(counting) => counting.take(json),
            Self::Gemini(counting) => counting.take(json),
        }
    }

    /// What was used, as far as it was said.
    pub(crate) fn usage(&self) -> Option<Usage> {
        match self {
            Self::Last(_, usage) => *usage,
            Self::Anthropic(counting) => counting.usage(),
            Self::Gemini(counting) => counting.usage(),
        }
    }
}
