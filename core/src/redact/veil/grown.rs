//! A decoded text that grows: how much of it may go on now.

use super::rules::Rules;
use crate::redact::Tally;
use crate::redact::detect::{CONTEXT_BYTES, Finding};
use crate::texts::{Place, Splice};

/// What has not gone on yet, and a little of what has: detectors look back.
#[derive(Debug, Default)]
pub(super) struct Grown {
    window: String,
    /// Up to where it has gone on.
    gone: usize,
    /// Up to where the detectors have decided.
    decided: usize,
    /// What they found behind `gone`.
    findings: Vec<Finding>,
}

/// What may go on.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// So many bytes of what was pending.
    pub(super) bytes: usize,
    /// What changes in them; positions from the beginning of what was pending.
    pub(super) splices: Vec<Splice>,
    /// Nothing behind them may pass: the entity because of which.
    pub(super) blocked: Option<String>,
}

impl Grown {
    /// What has not gone on.
    pub(super) fn pending(&self) -> &str {
        self.window.get(self.gone..).unwrap_or_default()
    }

    /// Takes more of the text; `end`: all that is left.
    pub(super) fn step(&mut self, rules: &dyn Rules, place: &Place, more: &str, end: bool, tally: &mut Tally) -> Step {
        self.window.push_str(more);
        if self.pending().is_empty() {
            return Step::default();
        }
        let (found, decided) = rules.find_from(&self.window, self.decided, end);
        self.decided = decided.min(self.window.len()).max(self.decided);
        self.findings.extend(found);
        let safe = if end { self.window.len() } else { self.safe(rules, place) };
        let bytes = safe.saturating_sub(self.gone);
        let text = self.pending().get(..bytes).unwrap_or_default();
        let findings: Vec<Finding> = self.findings.iter().filter_map(|found| within(found, self.gone, safe)).collect();
        match rules.splices(place, text, &findings, tally) {
            Ok(splices) => Step { bytes, splices, blocked: None },
            Err(entity) => before_block(rules, place, text, &findings, entity),
        }
    }

    /// Forgets what has gone on, but for what detectors look back at.
    pub(super) fn take(&mut self, bytes: usize) {
        self.gone = self.gone.saturating_add(bytes).min(self.window.len());
        self.decided = self.decided.max(self.gone);
        let gone = self.gone;
        self.findings.retain(|found| found.range.start >= gone);
        let wanted = gone.saturating_sub(CONTEXT_BYTES);
        let cut = (0..=wanted).rev().find(|at| self.window.is_char_boundary(*at)).unwrap_or(0);
        // Moving a few bytes to the front with every token is cheaper when it happens seldom.
        if cut > 2 * CONTEXT_BYTES || (cut > 0 && self.pending().is_empty()) {
            self.window.drain(..cut);
            self.gone -= cut;
            self.decided -= cut;
            for found in &mut self.findings {
                found.range = found.range.start - cut..found.range.end - cut;
            }
        }
    }

    /// Up to where nothing depends on what follows: no finding, no placeholder and nothing that may become one lies
    /// across that place.
    fn safe(&self, rules: &dyn Rules, place: &Place) -> usize {
        let live = self.gone + rules.live_from(self.pending());
        let mut safe = self.decided.min(live).max(self.gone);
        if safe == self.window.len() || safe == self.gone {
            return safe;
        }
        let end = self.window.len();
        let findings: Vec<Finding> = self.findings.iter().filter_map(|found| within(found, self.gone, end)).collect();
        let splices = rules.splices(place, self.pending(), &findings, &mut Tally::default()).unwrap_or_default();
        let found = self.findings.iter().map(|found| found.range.clone());
        let spliced = splices.iter().map(|splice| self.gone + splice.range.start..self.gone + splice.range.end);
        let mut ranges: Vec<_> = found.chain(spliced).collect();
        ranges.sort_by_key(|range| std::cmp::Reverse(range.end));
        loop {
            let across = ranges.iter().filter(|range| range.start < safe && safe < range.end).map(|range| range.start);
            let Some(start) = across.min() else { break };
            safe = start.max(self.gone);
        }
        (self.gone..=safe).rev().find(|at| self.window.is_char_boundary(*at)).unwrap_or(self.gone)
    }
}

/// A finding, with positions from `from` on.
fn within(found: &Finding, from: usize, to: usize) -> Option<Finding> {
    let fits = from <= found.range.start && found.range.end <= to;
    fits.then(|| Finding { range: found.range.start - from..found.range.end - from, kind: found.kind })
}

/// What may go on before the first finding that blocks.
fn before_block(rules: &dyn Rules, place: &Place, text: &str, findings: &[Finding], entity: String) -> Step {
    let mut best = (0, Vec::new());
    for (count, found) in findings.iter().enumerate() {
        let start = found.range.start;
        let before = findings.get(..count).unwrap_or_default();
        let part = text.get(..start).unwrap_or_default();
        match rules.splices(place, part, before, &mut Tally::default()) {
            Ok(splices) => best = (start, splices),
            Err(_) => break,
        }
    }
    let (bytes, splices) = best;
    Step { bytes, splices, blocked: Some(entity) }
}

/// A text with its splices made; `escape` makes what is put in fit.
pub(super) fn spliced(text: &str, splices: &[Splice]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for splice in splices {
        out.push_str(text.get(from..splice.range.start).unwrap_or_default());
        out.push_str(&splice.text);
        from = splice.range.end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}
