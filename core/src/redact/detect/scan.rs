//! One pass over a text: where a shape may begin, an automaton is asked; what it says is judged by the shape's rule.

use super::automaton::{Automaton, End, Met};
use super::context::Contexts;
use super::pivot::Pivot;
use super::resolve::Candidate;
use super::rule::Rule;
use super::set::Parts;
use super::words::Words;
use super::{Edge, edge};
use regex_syntax::hir::Hir;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Longer candidates have automata of their own, so that the others' are never followed that far.
const SHORT_BYTES: usize = 512;
/// Ends of one shape from one place that its rule is asked about: the longest between edges.
const ENDS_MAX: u8 = 4;

/// Scratches that are kept: as many searches at once have theirs ready.
const SCRATCHES_MAX: usize = 8;

/// Which of the automata: a bit for each.
type Set = u16;

/// A set for each byte.
struct OfBytes([Set; 1 << 8]);

impl OfBytes {
    fn of(&self, byte: u8) -> Set {
        self.0.get(usize::from(byte)).copied().unwrap_or(0)
    }
}

pub(super) struct Scan {
    rules: Vec<Rule>,
    contexts: Contexts,
    /// By edge and length: bit by bit of a [`Set`].
    automata: Vec<Automaton>,
    /// Which may begin with a byte.
    ones: OfBytes,
    /// Which may begin with a pair of bytes.
    pairs: Vec<Set>,
    /// Which may stand behind a byte.
    behind: OfBytes,
    /// Those of shapes that are looked for by something rare in them.
    pivots: Vec<(Pivot, Automaton)>,
    words: Option<Words>,
    /// Kept for the next searches: an automaton grows while it is used.
    scratches: Mutex<Vec<Scratch>>,
}

/// What a search writes into.
pub(super) struct Scratch {
    automata: Vec<Met>,
    pivots: Vec<Met>,
    ends: Vec<End>,
    asked: Vec<u8>,
}

impl Scan {
    pub(super) fn new(parts: Parts<'_>) -> Result<Self, String> {
        let (mut pivots, mut rest) = (Vec::new(), Vec::new());
        for (rule, shape, edge) in &parts.shapes {
            let bytes_max = parts.rules.get(*rule).map_or(0, |rule| rule.bytes_max);
            match Pivot::of(shape) {
                Some(pivot) => pivots.push((pivot, Automaton::new(*edge, &[(*rule, bytes_max, shape)])?)),
                None => rest.push((*edge, bytes_max, *rule, shape)),
            }
        }
        let automata = automata(&rest)?;
        let (ones, pairs) = beginnings(&automata);
        let mut behind = OfBytes([0; 1 << 8]);
        for (byte, set) in (0..=u8::MAX).zip(&mut behind.0) {
            *set = bits(&automata, |automaton| edge::may_stand_before(automaton.edge, byte));
        }
        let words = if parts.words.is_empty() { None } else { Some(Words::new(&parts.words)?) };
        let contexts = Contexts::new(&parts.contexts)?;
        Ok(Self {
            rules: parts.rules,
            contexts,
            automata,
            ones,
            pairs,
            behind,
            pivots,
            words,
            scratches: Mutex::default(),
        })
    }

    pub(super) fn scratch(&self) -> Scratch {
        let kept = self.scratches.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| Scratch {
            automata: self.automata.iter().map(Automaton::met).collect(),
            pivots: self.pivots.iter().map(|(_, automaton)| automaton.met()).collect(),
            ends: Vec::new(),
            asked: Vec::new(),
        })
    }

    pub(super) fn give_back(&self, scratch: Scratch) {
        let mut kept = self.scratches.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < SCRATCHES_MAX {
            kept.push(scratch);
        }
    }

    /// All candidates that begin in this part of a text and before the first place that is still open, and that place; the
    /// part's end if none is. `end`: nothing follows the text.
    pub(super) fn candidates(
        &self,
        scratch: &mut Scratch,
        text: &str,
        part: Range<usize>,
        end: bool,
    ) -> (Vec<Candidate>, usize) {
        let mut pass = Pass { scan: self, text, end, open: part.end, candidates: Vec::new(), until: Vec::new() };
        pass.automata(scratch, part.start);
        pass.pivots(scratch, part.start);
        pass.words(part.start);
        let open = pass.open;
        pass.candidates.retain(|candidate| candidate.start < open);
        (pass.candidates, open)
    }
}

/// Puts shapes that may be tried together into one automaton.
fn automata(shapes: &[(Edge, usize, usize, &Hir)]) -> Result<Vec<Automaton>, String> {
    let mut automata = Vec::new();
    for edge in [Edge::Word, Edge::Digit, Edge::Number, Edge::Token, Edge::None] {
        for long in [false, true] {
            let of_these =
                shapes.iter().filter(|(its, bytes_max, ..)| *its == edge && (*bytes_max > SHORT_BYTES) == long);
            let together: Vec<_> = of_these.map(|(_, bytes_max, rule, shape)| (*rule, *bytes_max, *shape)).collect();
            if !together.is_empty() {
                automata.push(Automaton::new(edge, &together)?);
            }
        }
    }
    Ok(automata)
}

/// Which automata may begin with which byte, and with which pair.
fn beginnings(automata: &[Automaton]) -> (OfBytes, Vec<Set>) {
    let (mut ones, mut pairs) = (OfBytes([0; 1 << 8]), vec![0; 1 << 16]);
    for (place, automaton) in automata.iter().enumerate() {
        let beginnings = automaton.beginnings();
        let mark = |sets: &mut [Set], begins: Vec<bool>| {
            sets.iter_mut().zip(begins).for_each(|(set, begins)| *set |= Set::from(begins) << place);
        };
        mark(&mut ones.0, beginnings.one);
        mark(&mut pairs, beginnings.two);
    }
    (ones, pairs)
}

fn bits(automata: &[Automaton], has: impl Fn(&Automaton) -> bool) -> Set {
    automata.iter().enumerate().fold(0, |set, (place, automaton)| set | Set::from(has(automaton)) << place)
}

/// A search through a part of a text.
struct Pass<'a> {
    scan: &'a Scan,
    text: &'a str,
    end: bool,
    /// From where on all is open.
    open: usize,
    candidates: Vec<Candidate>,
    /// Up to where an operator's expression has matched: the rule's place and where.
    until: Vec<(usize, usize)>,
}

impl Pass<'_> {
    fn automata(&mut self, scratch: &mut Scratch, from: usize) {
        if self.scan.automata.is_empty() {
            return;
        }
        let bytes = self.text.as_bytes();
        if from == 0 && self.open > 0 {
            let set = self.set_at(0);
            self.try_at(scratch, 0, set);
        }
        // The last byte of all has none behind it.
        let last = self.open.min(bytes.len().saturating_sub(1));
        let mut at = from.max(1);
        while at < last {
            let Some(found) = self.next_start(at, last) else { break };
            self.try_at(scratch, found.0, found.1);
            if self.open <= found.0 {
                return;
            }
            at = found.0 + 1;
        }
        if self.open == bytes.len() && last > 0 && last >= from {
            let set = self.set_at(last);
            self.try_at(scratch, last, set);
        }
    }

    /// The next place at which something may begin, and what: the innermost loop.
    fn next_start(&self, from: usize, to: usize) -> Option<(usize, Set)> {
        let Scan { ones, pairs, behind, .. } = self.scan;
        let windows = self.text.as_bytes().get(from - 1..to + 1)?.windows(3);
        for (place, window) in windows.enumerate() {
            let &[before, first, second] = window else { continue };
            // The two small tables first: most places are in the midst of a word.
            let set = ones.of(first) & behind.of(before);
            if set != 0 {
                let set = set & pairs.get(usize::from(u16::from_be_bytes([first, second]))).copied().unwrap_or(0);
                if set != 0 {
                    return Some((from + place, set));
                }
            }
        }
        None
    }

    /// What may begin at a place at the rim of the text.
    fn set_at(&self, at: usize) -> Set {
        let bytes = self.text.as_bytes();
        let Some(&first) = bytes.get(at) else { return 0 };
        let begins = match bytes.get(at + 1) {
            Some(&second) => {
                let pair = usize::from(u16::from_be_bytes([first, second]));
                self.scan.pairs.get(pair).copied().unwrap_or(0)
            }
            None => self.scan.ones.of(first),
        };
        match at.checked_sub(1).and_then(|before| bytes.get(before)) {
            Some(&before) => begins & self.scan.behind.of(before),
            None => begins,
        }
    }

    fn try_at(&mut self, scratch: &mut Scratch, at: usize, set: Set) {
        let Scratch { automata, ends, asked, .. } = scratch;
        let mut left = set;
        while left != 0 {
            let place = left.trailing_zeros() as usize;
            left &= left - 1;
            let (Some(automaton), Some(met)) = (self.scan.automata.get(place), automata.get_mut(place)) else {
                continue;
            };
            if edge::before(automaton.edge, self.text.as_bytes(), at) {
                self.ask(automaton, met, (ends, asked), at);
            }
        }
    }

    fn pivots(&mut self, scratch: &mut Scratch, from: usize) {
        let Scratch { pivots, ends, asked, .. } = scratch;
        for ((pivot, automaton), met) in self.scan.pivots.iter().zip(pivots) {
            for (first, last) in pivot.starts(self.text.as_bytes(), from, self.open) {
                self.ask_in_turn(automaton, met, (ends, asked), first..last);
            }
            // What may still become one by something rare that has not come yet.
            let tail = if self.end { self.open } else { pivot.tail(self.text.as_bytes(), from) };
            let grows = |at: &usize| {
                edge::before(automaton.edge, self.text.as_bytes(), *at) && automaton.run(met, self.text, *at, ends)
            };
            if let Some(at) = (tail..self.open).find(grows) {
                self.open = at;
            }
        }
    }

    /// Tries one place after the other until one holds a candidate or is open.
    fn ask_in_turn(
        &mut self,
        automaton: &Automaton,
        met: &mut Met,
        writing: (&mut Vec<End>, &mut Vec<u8>),
        places: Range<usize>,
    ) {
        let (ends, asked) = writing;
        for at in places {
            if at >= self.open
                || edge::before(automaton.edge, self.text.as_bytes(), at) && self.ask(automaton, met, (ends, asked), at)
            {
                return;
            }
        }
    }

    /// Follows an automaton from one place. Whether a candidate begins there, or may do so.
    fn ask(&mut self, automaton: &Automaton, met: &mut Met, writing: (&mut Vec<End>, &mut Vec<u8>), at: usize) -> bool {
        let (ends, asked) = writing;
        let more = automaton.run(met, self.text, at, ends);
        let judged = match (more && !self.end, ends.is_empty()) {
            (true, _) => None,
            (false, true) => Some(false),
            (false, false) => self.judge(automaton, ends, asked, at),
        };
        if judged.is_none() {
            self.open = self.open.min(at);
        }
        judged.unwrap_or(true)
    }

    /// Judges the ends of shapes that begin at one place; `None` if that depends on what follows.
    fn judge(&mut self, automaton: &Automaton, ends: &[End], asked: &mut Vec<u8>, at: usize) -> Option<bool> {
        asked.clear();
        asked.resize(automaton.rules.len(), 0);
        let (before, text) = (self.candidates.len(), self.text);
        for &(shape, end) in ends.iter().rev() {
            let (Some(asked), Some(&place)) = (asked.get_mut(shape), automaton.rules.get(shape)) else { continue };
            let Some(rule) = self.scan.rules.get(place) else { continue };
            let bytes = end - at;
            if bytes > rule.bytes_max {
                *asked |= GOES_ON;
                continue;
            }
            if *asked & !GOES_ON >= ENDS_MAX {
                continue;
            }
            let bound = *asked & GOES_ON != 0 && bytes == rule.bytes_max;
            if !(bound || edge::behind(automaton.edge, text.as_bytes(), end, self.end)?) {
                continue;
            }
            *asked += 1;
            if let Some(range) = self.accepted(place, rule, at, end) {
                *asked |= ENDS_MAX;
                self.candidates.push(Candidate {
                    start: at,
                    end,
                    range,
                    kind: rule.kind,
                    tier: rule.tier,
                    own: rule.own,
                });
            }
        }
        Some(self.candidates.len() > before)
    }

    /// What of a candidate its rule finds.
    fn accepted(&mut self, place: usize, rule: &Rule, at: usize, end: usize) -> Option<Range<usize>> {
        if rule.own && self.until.iter().any(|&(its, until)| its == place && at < until) {
            return None;
        }
        let part = rule.accepts(self.text.get(at..end)?)?;
        if !self.scan.contexts.said(place, self.text, at) {
            return None;
        }
        if rule.own {
            self.until.retain(|&(its, _)| its != place);
            self.until.push((place, end));
        }
        Some(at + part.start..at + part.end)
    }

    fn words(&mut self, from: usize) {
        let Some(words) = &self.scan.words else { return };
        if !self.end {
            self.open = self.open.min(words.tail(self.text, from));
        }
        for (place, range) in words.find(self.text, from, self.open) {
            if let Some(rule) = self.scan.rules.get(place) {
                let (start, end) = (range.start, range.end);
                self.candidates.push(Candidate { start, end, range, kind: rule.kind, tier: rule.tier, own: rule.own });
            }
        }
    }
}

/// Of what was [asked](Scratch::asked) of a shape: it goes on behind its bound.
const GOES_ON: u8 = 0x80;
