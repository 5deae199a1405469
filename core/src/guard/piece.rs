//! A text as rules look at it.

use super::normal::normal;
use crate::texts::Scope;
use std::cell::OnceCell;

/// A text, or as much of it as is known, as it stands and in its normal form.
#[derive(Debug)]
pub(super) struct Piece<'t> {
    /// As it stands.
    pub(super) raw: &'t str,
    /// In its normal form, once somebody asks.
    normal: OnceCell<String>,
    /// More may come: what touches the end is not decided yet, since the next character may undo it.
    pub(super) open: bool,
    /// Something stood before: its first character is only there to tell whether a word begins behind it.
    pub(super) cut: bool,
    /// Whose words.
    pub(super) scope: Scope,
}

impl<'t> Piece<'t> {
    pub(super) fn new(raw: &'t str, open: bool, scope: Scope) -> Self {
        Self { raw, normal: OnceCell::new(), open, cut: false, scope }
    }

    /// The same, where something stood before.
    pub(super) fn behind(self, cut: bool) -> Self {
        Self { cut, ..self }
    }

    /// In its normal form.
    pub(super) fn normal(&self) -> &str {
        self.normal.get_or_init(|| normal(self.raw, self.open))
    }

    /// Whether a match of this range is decided, and not only what is left of one.
    pub(super) fn decided(&self, haystack: &str, start: usize, end: usize) -> bool {
        (!self.open || end < haystack.len()) && start >= self.begins(haystack)
    }

    /// Where in this form of it matches may begin.
    pub(super) fn begins(&self, haystack: &str) -> usize {
        if self.cut { haystack.chars().next().map_or(0, char::len_utf8) } else { 0 }
    }
}

/// The last place at or before this one that lies between two characters.
pub(super) fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}
