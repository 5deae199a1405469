//! Rules for tests: placeholders `[NAME-0001]` and `[NAME-0002]`, and numbers `#…#` that are found.

use super::super::arguments::Arguments;
use super::super::grown::spliced;
use super::super::rules::Rules;
use crate::redact::detect::Finding;
use crate::redact::{Action, Direction, Tally};
use crate::texts::{Form, Place, Scope, Splice};

#[derive(Clone, Debug)]
pub(super) struct Double {
    /// Numbers block instead of being replaced.
    pub(super) block: bool,
    /// The detectors are on.
    pub(super) held: bool,
}

impl Default for Double {
    fn default() -> Self {
        Self { block: false, held: true }
    }
}

const NAMES: [(&str, &str); 2] = [("[NAME-0001]", "Ann \"A\"\n"), ("[NAME-0002]", "Bo\u{1F600}")];

pub(super) const PLACE: Place =
    Place { scope: Scope::Assistant, form: Form::Text, signed: false, server_tool: false, choice: 0 };

impl Double {
    /// What a whole text becomes.
    pub(super) fn text(&self, text: &str) -> String {
        let (findings, _) = self.find_from(text, 0, true);
        spliced(text, &self.splices(&PLACE, text, &findings, &mut Tally::default()).unwrap())
    }

    /// What a whole JSON text becomes.
    pub(super) fn json(&self, text: &str) -> String {
        let mut out = String::new();
        Arguments::default().push(self, &PLACE, text, true, &mut out, &mut Tally::default()).unwrap();
        out
    }
}

impl Rules for Double {
    fn find_from(&self, text: &str, from: usize, end: bool) -> (Vec<Finding>, usize) {
        let (mut findings, mut at) = (Vec::new(), from);
        while let Some(start) = text.get(at..).unwrap().find('#').filter(|_| self.held).map(|found| at + found) {
            let digits = text.get(start + 1..).unwrap().bytes().take_while(u8::is_ascii_digit).count().min(4);
            match text.as_bytes().get(start + 1 + digits) {
                Some(b'#') if digits > 0 => {
                    findings.push(Finding { range: start..start + digits + 2, kind: 0 });
                    at = start + digits + 2;
                }
                None if !end => return (findings, start),
                _ => at = start + 1,
            }
        }
        (findings, text.len())
    }

    fn live_from(&self, text: &str) -> usize {
        let begins = |tail: &str| NAMES.iter().any(|(name, _)| name.len() > tail.len() && name.starts_with(tail));
        text.rfind('[').filter(|start| begins(text.get(*start..).unwrap())).unwrap_or(text.len())
    }

    fn splices(
        &self,
        _place: &Place,
        text: &str,
        findings: &[Finding],
        tally: &mut Tally,
    ) -> Result<Vec<Splice>, String> {
        let mut splices = Vec::new();
        for (name, original) in NAMES {
            let found = text.match_indices(name).map(|(at, _)| (at..at + name.len(), original.to_owned()));
            splices.extend(found.map(|(range, text)| Splice { range, text }));
        }
        for finding in findings {
            if self.block {
                return Err("number".to_owned());
            }
            tally.add("number", Action::Redact, Direction::Response);
            splices.push(Splice { range: finding.range.clone(), text: "<N>".to_owned() });
        }
        splices.sort_by_key(|splice| splice.range.start);
        Ok(splices)
    }

    fn masked(&self) -> bool {
        true
    }

    fn finds(&self) -> bool {
        self.held
    }

    fn may_block(&self) -> bool {
        self.block
    }
}
