//! The hub's answer: vectors by encoding.

use super::request::Encoding;
use super::vectors::Vector;
use crate::dialect::wire::{self, BadJson};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use crate::usage::Usage;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// An answer with embeddings.
#[derive(Debug, Default)]
pub(super) struct Response<'a> {
    pub(super) id: Option<Str<'a>>,
    pub(super) model: Option<Str<'a>>,
    /// For each encoding that came, a vector for each input.
    pub(super) sets: Vec<(Encoding, Vec<Vector<'a>>)>,
    pub(super) usage: Option<Usage>,
    pub(super) losses: Losses,
}

impl Response<'_> {
    /// Whether every input has its vector.
    ///
    /// # Errors
    /// A [`Fault`] of kind `Upstream` where one has not, or there are too many.
    pub(super) fn check(&self, inputs: usize) -> Result<(), Fault> {
        match self.sets.iter().find(|(_, vectors)| vectors.len() != inputs) {
            Some((_, vectors)) => {
                Err(Fault::upstream(format!("the provider gave {} embeddings for {inputs} inputs", vectors.len())))
            }
            None if self.sets.is_empty() => Err(Fault::upstream("the provider's answer holds no embeddings")),
            None => Ok(()),
        }
    }

    /// The vectors in one encoding, or in what can be made into it.
    pub(super) fn vectors(&self, encoding: Encoding) -> Result<&[Vector<'_>], Fault> {
        let set = |wanted| self.sets.iter().find(|(encoding, _)| *encoding == wanted).map(|(_, set)| set.as_slice());
        let other = match encoding {
            Encoding::Float => set(Encoding::Base64),
            Encoding::Base64 => set(Encoding::Float),
            Encoding::Int8 | Encoding::Uint8 | Encoding::Binary | Encoding::Ubinary | Encoding::TitanBinary => None,
        };
        set(encoding).or(other).ok_or_else(|| {
            Fault::upstream(format!("the provider's answer holds no embeddings as `{}`", encoding.as_str()))
        })
    }

    /// The vectors as lists of numbers.
    pub(super) fn numbers(&self, encoding: Encoding) -> Result<Vec<Cow<'_, RawValue>>, Fault> {
        self.vectors(encoding)?.iter().map(Vector::numbers).collect()
    }
}

/// An answer that does not read, as the provider's fault.
pub(super) fn unreadable(bad: BadJson) -> Fault {
    bad.of_answer("embeddings")
}

/// A JSON body of what was read as JSON before.
pub(super) fn written(body: &impl serde::Serialize) -> Vec<u8> {
    wire::written(body)
}
