//! A set of detectors: compiled, and asked.

use super::resolve::{self, Judged};
use super::rule::{self, Rule};
use super::scan::Scan;
use super::{Custom, Detector, Edge, Finding, Kind};
use regex_syntax::hir::Hir;
use std::fmt;

/// Bytes of a text whose candidates are collected before they are judged.
const SEGMENT_BYTES: usize = 16 << 10;

/// A set of detectors, compiled to find all of them in one pass.
pub struct Detectors {
    kinds: Vec<(String, String)>,
    scan: Scan,
}

impl Detectors {
    /// Compiles these kinds: detectors of the catalogue by row, and an operator's own by name and label.
    ///
    /// # Errors
    /// What is wrong with one of the operator's own.
    pub fn new(rows: &[&'static Detector], own: &[(String, String, Custom)]) -> Result<Self, String> {
        let kinds = rows.iter().map(|row| (row.entity.to_owned(), row.label.to_owned()));
        let kinds: Vec<_> = kinds.chain(own.iter().map(|(name, label, _)| (name.clone(), label.clone()))).collect();
        let mut parts = Parts::default();
        for row in rows {
            let kind = parts.next_kind()?;
            parts.shapes.push((parts.rules.len(), rule::row_shape(row)?, row.edge));
            parts.add(Rule::of(row, kind), row.context.iter().map(|word| (*word).to_owned()).collect());
        }
        for (name, _, custom) in own {
            parts.add_own(custom).map_err(|error| format!("`{name}`: {error}"))?;
        }
        Ok(Self { kinds, scan: Scan::new(parts)? })
    }

    /// Name and label of every kind: first the rows, then the operator's own.
    pub fn kinds(&self) -> &[(String, String)] {
        &self.kinds
    }

    /// Everything in a text, in order, not overlapping: of two that overlap an operator's own (if it is not a
    /// part of something sure), then the surer, then the one of the longer candidate, then the first one.
    pub fn find(&self, text: &str) -> Vec<Finding> {
        self.find_from(text, 0, true).0
    }

    /// The same for a text that grows. `from`: up to where it is decided already, of which at most
    /// [`CONTEXT_BYTES`](super::CONTEXT_BYTES) need to be there still. `end`: nothing more follows. Gives what is certain now, and
    /// up to where that is: nothing before that place can become part of anything else, whatever follows. However a text is
    /// cut, the findings are those of [`find`](Self::find).
    pub fn find_from(&self, text: &str, from: usize, end: bool) -> (Vec<Finding>, usize) {
        let (mut found, mut settled, mut size) = (Vec::new(), from.min(text.len()), SEGMENT_BYTES);
        let mut scratch = self.scan.scratch();
        loop {
            let to = text.len().min(settled + size);
            let (candidates, open) = self.scan.candidates(&mut scratch, text, settled..to, end);
            match resolve::resolve(candidates, open, &mut found) {
                Judged::UpTo(at) => {
                    size = if at > settled { SEGMENT_BYTES.min(size * 2).max(SEGMENT_BYTES / 8) } else { size * 2 };
                    settled = at;
                    if open < to || to == text.len() {
                        break;
                    }
                }
                // What was collected behind the cut is collected again: the next chain is about as long.
                Judged::Cut(at) => {
                    size = at - settled;
                    settled = at;
                }
            }
        }
        self.scan.give_back(scratch);
        (found, settled)
    }
}

/// What was found in operators' words must not be told, and automata tell nothing.
impl fmt::Debug for Detectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detectors").field("kinds", &self.kinds.len()).finish_non_exhaustive()
    }
}

/// What a set is compiled from.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub(super) rules: Vec<Rule>,
    /// Context words of each rule.
    pub(super) contexts: Vec<Vec<String>>,
    /// With the place of their rule.
    pub(super) shapes: Vec<(usize, Hir, Edge)>,
    /// With the place of their rule.
    pub(super) words: Vec<(usize, &'a [String])>,
}

impl<'a> Parts<'a> {
    fn add_own(&mut self, custom: &'a Custom) -> Result<(), String> {
        let rule = Rule::of_own(custom, self.next_kind()?)?;
        match custom {
            Custom::Pattern { regex, context, checksum: _ } => {
                self.shapes.push((self.rules.len(), rule::own_shape(regex)?, rule::OWN_EDGE));
                self.add(rule, context.iter().map(|word| word.to_lowercase()).collect());
            }
            Custom::Words(words) => {
                self.words.push((self.rules.len(), words));
                self.add(rule, Vec::new());
            }
        }
        Ok(())
    }

    fn add(&mut self, rule: Rule, context: Vec<String>) {
        self.rules.push(rule);
        self.contexts.push(context);
    }

    fn next_kind(&self) -> Result<Kind, String> {
        Kind::try_from(self.rules.len()).map_err(|_| format!("more than {} kinds", Kind::MAX))
    }
}
