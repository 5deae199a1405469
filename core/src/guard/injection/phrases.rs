//! Words in order: an automaton over all words of the catalogue, and how far each rule has come.

use super::super::normal::{is_word, normal};
use super::super::piece::Piece;
use super::catalogue::{RULES, Rule};
use super::encoded::{Triggers, Turned};
use super::words::{CLASSES, MARKERS};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::sync::OnceLock;

/// Rules add up within this many bytes of a text's normal form.
const STRETCH_BYTES: usize = 4096;
/// Words of a rule are at most this far apart.
const GAP_BYTES_MAX: usize = 40;
/// Words in a rule.
const STEPS_MAX: usize = 4;

/// The compiled catalogue.
#[derive(Debug)]
pub(super) struct Phrases {
    automaton: AhoCorasick,
    /// By pattern.
    words: Vec<Word>,
}

#[derive(Debug, Default)]
struct Word {
    /// Any ending will do.
    prefix: bool,
    /// The rules that wait for it, and at which step, later steps first.
    waiting: Vec<(usize, usize)>,
    turned: Turned,
}

impl Phrases {
    /// All guards read with the same.
    pub(super) fn shared() -> Result<&'static Self, String> {
        static PHRASES: OnceLock<Result<Phrases, String>> = OnceLock::new();
        PHRASES.get_or_init(Self::new).as_ref().map_err(Clone::clone)
    }

    fn new() -> Result<Self, String> {
        let (mut patterns, mut words): (Vec<String>, Vec<Word>) = (Vec::new(), Vec::new());
        let lines = CLASSES.iter().flat_map(|(class, lines)| lines.iter().map(move |line| (*class, line)));
        let listed = lines.flat_map(|(class, line)| line.split('|').map(move |word| (class, word)));
        let markers = MARKERS.split_whitespace().map(|marker| ("marker", marker));
        // Who types in haste leaves the apostrophe out.
        let spellings = listed.flat_map(|(class, word)| {
            [Some(word.to_owned()), word.contains("n't").then(|| word.replace("n't", "nt"))]
                .into_iter()
                .flatten()
                .map(move |word| (class, word))
        });
        let markers = markers.map(|(class, marker)| (class, marker.to_owned()));
        for (class, written) in spellings.chain(markers) {
            let prefix = written.ends_with('*');
            let pattern = normal(written.trim_end_matches('*'), false);
            let at = patterns.iter().zip(&words).position(|(known, word)| *known == pattern && word.prefix == prefix);
            let at = at.unwrap_or_else(|| {
                patterns.push(pattern);
                words.push(Word { prefix, ..Word::default() });
                words.len() - 1
            });
            let Some(word) = words.get_mut(at) else { continue };
            word.turned.add(class);
            for (rule, row) in RULES.iter().enumerate() {
                let steps = row.words.iter().enumerate().rev().filter(|(_, step)| **step == class);
                word.waiting.extend(steps.map(|(step, _)| (rule, step)));
            }
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(patterns)
            .map_err(|error| error.to_string())?;
        Ok(Self { automaton, words })
    }

    /// Reads a text once.
    pub(super) fn read(&self, piece: &Piece<'_>, stretch: &mut Stretch) -> Triggers {
        let text = piece.normal();
        let mut progress = [[None; STEPS_MAX]; RULES.len()];
        let mut triggers = Triggers::default();
        stretch.begin();
        for found in self.automaton.find_overlapping_iter(text) {
            let Some(word) = self.words.get(found.pattern().as_usize()) else { continue };
            if !piece.decided(text, found.start(), found.end())
                || !stands_alone(text, found.start(), found.end(), word.prefix)
            {
                continue;
            }
            triggers.met(word.turned, found.start());
            for &(rule, step) in &word.waiting {
                if let Some(row) = RULES.get(rule)
                    && let Some(steps) = progress.get_mut(rule)
                    && reached(steps, step, text, found.start(), row.gap)
                {
                    if step + 1 == row.words.len() {
                        stretch.found(rule, found.end());
                    } else if let Some(end) = steps.get_mut(step) {
                        *end = Some(found.end());
                    }
                }
            }
        }
        triggers
    }
}

fn stands_alone(text: &str, start: usize, end: usize, prefix: bool) -> bool {
    // ASCII first: it is almost all there is.
    let plain = |byte: Option<&u8>| byte.is_none_or(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric());
    let bytes = text.as_bytes();
    let before = start.checked_sub(1).and_then(|at| bytes.get(at));
    let left = plain(before) || !joined(text, start);
    left && (prefix || plain(bytes.get(end)) || !joined(text, end))
}

/// Whether a word goes on over this place.
fn joined(text: &str, at: usize) -> bool {
    let (before, after) = text.split_at_checked(at).unwrap_or_default();
    before.chars().next_back().is_some_and(is_word) && after.chars().next().is_some_and(is_word)
}

/// Whether the step before was met close by, in the same sentence.
fn reached(steps: &[Option<usize>; STEPS_MAX], step: usize, text: &str, start: usize, gap: usize) -> bool {
    let Some(before) = step.checked_sub(1) else { return true };
    let Some(Some(end)) = steps.get(before) else { return false };
    let Some(between) = text.get(*end..start) else { return false };
    between.len() <= gap.min(GAP_BYTES_MAX) && !between.contains(". ") && !between.contains(['?', '!', '。', ';'])
}

/// Which rules were found close together.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    /// Where each was found last in the text that is being read.
    last: Vec<Option<usize>>,
    /// Those of the heaviest stretch so far, in any text.
    heaviest: Vec<bool>,
    weight: f64,
    /// What belongs to the whole text: its shape, its codings.
    pub(super) marks: Vec<(&'static str, f64)>,
}

impl Stretch {
    fn begin(&mut self) {
        self.last = vec![None; RULES.len()];
    }

    fn found(&mut self, rule: usize, at: usize) {
        if let Some(last) = self.last.get_mut(rule) {
            *last = Some(at);
        }
        let near = |last: &Option<usize>| last.is_some_and(|last| last + STRETCH_BYTES >= at);
        let weight = RULES.iter().zip(&self.last).filter(|(_, last)| near(last)).map(|(rule, _)| rule.weight).sum();
        if weight > self.weight {
            self.weight = weight;
            self.heaviest = self.last.iter().map(near).collect();
        }
    }

    /// Adds what belongs to the whole text, once.
    pub(super) fn mark(&mut self, mark: (&'static str, f64)) {
        if !self.marks.iter().any(|(name, _)| *name == mark.0) {
            self.marks.push(mark);
        }
    }

    /// Takes over what was found in another text, if it is heavier.
    pub(super) fn join(&mut self, other: Self) {
        other.marks.into_iter().for_each(|mark| self.mark(mark));
        if other.weight > self.weight {
            self.weight = other.weight;
            self.heaviest = other.heaviest;
        }
    }

    /// What the phrases add up to.
    pub(super) fn weight(&self) -> f64 {
        self.weight
    }

    /// The rules of the heaviest stretch.
    pub(super) fn rules(&self) -> impl Iterator<Item = &'static Rule> {
        RULES.iter().zip(&self.heaviest).filter_map(|(rule, found)| found.then_some(rule))
    }
}
