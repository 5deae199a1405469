//! What stands at a place of a format: the vocabulary in which every dialect's tables are written.

use super::tape::Value;
use super::walk::Walk;
use super::{Place, Scope};

/// What stands at a place. Of an array it is said of each item; where an object is expected, a string is text.
pub(super) enum Sense {
    /// The protocol's own words, and numbers that nobody reads: not looked at, however deep.
    Word,
    /// Somebody's words. Of an object everything in it.
    Text,
    /// Bytes as base64 or as a data URL; text where it is neither.
    Bytes,
    /// A body of another dialect, as base64.
    Body,
    /// A URL, which is text unless it holds the thing itself. Or an object with one.
    Url,
    /// JSON in a string, with what it holds; text where it is no JSON.
    Json(&'static Sense),
    /// Any JSON of somebody: values, long numbers, and keys.
    Free,
    /// A JSON schema.
    Schema,
    /// An object with the fields of a table.
    Each(&'static Shape),
    /// An object whose table and place depend on what else is in it.
    Pick(fn(Value<'_>, Place) -> (Place, &'static Shape)),
    /// The same words, but somebody else's.
    In(Scope, &'static Sense),
    /// An object whose keys are free and whose values are this.
    Map(&'static Sense),
}

/// The table of an object: what its fields hold. What is not in it is text.
pub(super) struct Shape {
    pub(super) fields: &'static [(&'static str, Sense)],
    /// What to do when a text in it has changed: positions move, probabilities go.
    pub(super) moved: Option<fn(&mut Walk<'_, '_>, Value<'_>)>,
}

impl Shape {
    pub(super) const fn new(fields: &'static [(&'static str, Sense)]) -> Self {
        Self { fields, moved: None }
    }

    pub(super) const fn moving(
        fields: &'static [(&'static str, Sense)],
        moved: fn(&mut Walk<'_, '_>, Value<'_>),
    ) -> Self {
        Self { fields, moved: Some(moved) }
    }

    /// What stands under a key; `None` for one that is not in the table.
    pub(super) fn sense(&self, key: &str) -> Option<&'static Sense> {
        self.fields.iter().find(|(name, _)| *name == key).map(|(_, sense)| sense)
    }
}

/// What JSON in a string may hold.
pub(super) static FREE: Sense = Sense::Free;
pub(super) static SCHEMA: Sense = Sense::Schema;
