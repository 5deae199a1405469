//! Tokens: what a request weighs before it is sent, and what an answer has delivered so far.
//!
//! OpenAI's models are counted with their own tokenizer ([`Encoding`]), exactly; others with a tokenizer that the host
//! has loaded, or by an estimate from the classes of characters ([`Ratio`]) that leans to the high side, because what is
//! held too high is given back, and what is held too low is spent already. [`Learned`] brings the estimate closer to
//! what a provider reports. [`of_request`] adds what the provider adds: the frames of messages, tools, images, sound.
//!
//! Nothing here keeps or logs any text.

mod class;
mod delivered;
mod encoding;
mod estimate;
mod family;
mod media;
mod request;
mod shape;
mod split;
mod tool;
mod vocabulary;

pub use delivered::Delivered;
pub use encoding::Encoding;
pub use estimate::{Learned, Ratio};
pub use request::{of_bytes, of_request};

use std::fmt;

/// How text is counted.
#[derive(Clone, Copy)]
pub enum Counter<'a> {
    /// With the model's own tokenizer.
    Exact(Encoding),
    /// By the classes of its characters.
    Estimate(Ratio),
    /// With a tokenizer that the host has loaded (a `tokenizer.json`).
    Custom(&'a (dyn Fn(&str) -> u64 + Sync)),
}

impl Counter<'_> {
    /// The best way to count for a model, by its name alone: OpenAI's exactly, everything else estimated.
    pub fn of_model(model: &str) -> Counter<'static> {
        match Encoding::of_model(model) {
            Some(encoding) => Counter::Exact(encoding),
            None => Counter::Estimate(Ratio::of_model(model)),
        }
    }

    /// The tokens of a text by itself, without any frame around it.
    pub fn count(&self, text: &str) -> u64 {
        match self {
            Self::Exact(encoding) => encoding.count(text),
            Self::Estimate(ratio) => ratio.count(text),
            Self::Custom(count) => count(text),
        }
    }

    /// How this counter counts.
    pub fn method(&self) -> Method {
        match self {
            Self::Exact(_) => Method::Exact,
            Self::Estimate(_) => Method::Estimated,
            Self::Custom(_) => Method::Tokenizer,
        }
    }
}

impl fmt::Debug for Counter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(encoding) => f.debug_tuple("Exact").field(encoding).finish(),
            Self::Estimate(ratio) => f.debug_tuple("Estimate").field(ratio).finish(),
            Self::Custom(_) => f.write_str("Custom"),
        }
    }
}

/// A number of tokens and how far it can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The tokens.
    pub tokens: u64,
    /// How they were counted.
    pub method: Method,
}

/// How tokens were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// With the model's own tokenizer and the provider's documented rules; nothing was guessed.
    Exact,
    /// With a tokenizer that the host has loaded; the frames of messages are assumed to be like OpenAI's.
    Tokenizer,
    /// At least a part is an estimate: the text, or tools, or a medium whose size nobody here can see.
    Estimated,
}

impl Method {
    /// The word for it in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Tokenizer => "tokenizer",
            Self::Estimated => "estimated",
        }
    }
}

/// The tokens of a text by itself: an embeddings input, a line of a batch.
pub fn of_text(text: &str, counter: &Counter<'_>) -> Count {
    Count { tokens: counter.count(text), method: counter.method() }
}

#[cfg(test)]
mod tests;
