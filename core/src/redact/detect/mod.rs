//! What can be found in a text: personal data and secrets, each by its shape and by a rule that makes sure.

mod automaton;
pub mod catalogue;
pub mod checksum;
mod context;
mod edge;
mod pivot;
mod resolve;
mod rule;
mod scan;
mod set;
mod syntax;
#[cfg(test)]
mod tests;
mod words;

pub use rule::OWN_BYTES_MAX;
pub use set::Detectors;

use std::ops::Range;

/// How sure a detector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// By a checksum or an unmistakable shape: on by default.
    Certain,
    /// Only with a word before it that says so, or where somebody asks for it.
    Likely,
    /// By a list of words, or by somebody who is asked.
    Listed,
}

/// One kind of thing that can be found: a row of the [`catalogue`].
#[derive(Clone, Copy, Debug)]
pub struct Detector {
    /// Its name in configurations, records and metrics: `credit_card`.
    pub entity: &'static str,
    /// What its placeholders begin with: `CARD` (A–Z only).
    pub label: &'static str,
    /// In one line, for the table in the docs.
    pub about: &'static str,
    /// How sure it is.
    pub tier: Tier,
    /// The section of the table: `personal`, `financial`, `network`, `secret`, `eu`, `cn`, …
    pub group: &'static str,
    /// What a candidate looks like: a regular expression whose classes (`\d`, `\w`, `\s`) are ASCII. Every end that it
    /// allows between [edges](Self::edge) is tried, the longest first, whatever it prefers itself.
    pub shape: &'static str,
    /// What may not stand beside it.
    pub edge: Edge,
    /// Most bytes of a candidate. Where the shape would go on, the bound is its edge: what stands before it is found,
    /// and the rest stays. Where the shape itself ends sooner (keys of at most so many characters), a longer run is no candidate.
    pub bytes_max: usize,
    /// Whether a candidate is one, and which part of it.
    pub check: fn(&str) -> Option<Range<usize>>,
    /// Words one of which must stand shortly before it, without case; empty: none needed.
    pub context: &'static [&'static str],
    /// Where the shape and the rule are described.
    pub source: &'static str,
    /// Texts in which exactly one is found; the thing between `⟦` and `⟧`. At least three.
    pub found: &'static [&'static str],
    /// Texts that look alike and hold none. At least three.
    pub not_found: &'static [&'static str],
}

/// What may not stand directly before and behind a candidate. All ASCII: a Chinese character is an edge like a blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edge {
    /// A letter, a digit or `_`.
    Word,
    /// A digit, or a digit behind `.` or `-`: parts of decimals and of longer numbers. A comma is an edge: tables are
    /// written with it.
    Digit,
    /// What [`Word`](Self::Word) and [`Digit`](Self::Digit) say: numbers that neither a name nor a decimal may hold.
    Number,
    /// A letter, a digit or one of `_-+/`: parts of longer keys. A `.` before it; behind it a `.` with a letter or digit, and
    /// a `=`. Not a `=` before it (`KEY=sk-…`) and not a full stop behind it.
    Token,
    /// Anything may.
    None,
}

/// The place of a kind among a set's [`kinds`](Detectors::kinds).
pub type Kind = u16;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where, in bytes of the text.
    pub range: Range<usize>,
    /// What.
    pub kind: Kind,
}

/// What an operator adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Custom {
    /// A regular expression over characters, with the name of a checksum of the [`catalogue`] (`luhn`, `mod97`, …).
    Pattern {
        /// The expression: its classes are ASCII, `.` is a character, nothing need stand beside a match but what it says
        /// itself. The longest match counts, and of that at most [`OWN_BYTES_MAX`] bytes.
        regex: String,
        /// The rule that makes sure.
        checksum: Option<String>,
        /// Words one of which must stand shortly before.
        context: Vec<String>,
    },
    /// Words, found without regard to case, between edges.
    Words(Vec<String>),
}

/// Bytes before the undecided part of a growing text that [`Detectors::find_from`] wants to see again.
pub const CONTEXT_BYTES: usize = 64;
