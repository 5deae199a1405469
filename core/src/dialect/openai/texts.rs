//! Several texts that this dialect says as one string.

use serde::{Serialize, Serializer};
use std::fmt;

/// Pieces that are written as one string, without putting them together first.
#[derive(Default)]
pub(in crate::dialect) struct Texts<'b> {
    pieces: Vec<&'b str>,
    between: &'static str,
}

impl<'b> Texts<'b> {
    /// These pieces with `between` in between.
    pub(in crate::dialect) fn new(pieces: Vec<&'b str>, between: &'static str) -> Self {
        Self { pieces, between }
    }

    /// Adds a piece at the end.
    pub(in crate::dialect) fn push(&mut self, piece: &'b str) {
        self.pieces.push(piece);
    }
}

impl fmt::Display for Texts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, piece) in self.pieces.iter().enumerate() {
            if i > 0 {
                f.write_str(self.between)?;
            }
            f.write_str(piece)?;
        }
        Ok(())
    }
}

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.pieces.as_slice() {
            [one] => serializer.serialize_str(one),
            _ => serializer.collect_str(self),
        }
    }
}
