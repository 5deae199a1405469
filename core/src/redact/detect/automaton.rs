//! Shapes that are tried together: one automaton steps through all that may begin at a place, until none is left.

use super::{Edge, edge};
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{Compiler, NFA, WhichCaptures};
use regex_automata::util::start::Config as Start;
use regex_automata::{Anchored, Input, MatchKind};
use regex_syntax::hir::Hir;

/// Most bytes that the compiled shapes of one automaton take.
const BYTES_MAX: usize = 64 << 20;

/// Most bytes of a character.
const CHARACTER_BYTES_MAX: usize = 4;

/// An end of a shape: which of the automaton's, and where in the text.
pub(super) type End = (usize, usize);

pub(super) struct Automaton {
    dfa: DFA,
    /// What may not stand beside a candidate of these shapes.
    pub(super) edge: Edge,
    /// Place among the rules, of each shape.
    pub(super) rules: Vec<usize>,
    /// Most bytes of a candidate of any of them.
    bytes_max: usize,
    /// Lengths of candidates at and directly behind the bounds of shapes that would go on.
    bounds: Vec<bool>,
    /// Before which bytes one may end.
    behind: Vec<bool>,
    /// Whether one of them looks at what stands before it.
    looks: bool,
}

/// What an automaton writes into while it is followed: its states, as far as they were met.
pub(super) struct Met {
    cache: Cache,
    /// Where it begins, if nothing before matters, and how often the cache had been cleared when that was found out.
    start: Option<(LazyStateID, usize)>,
}

impl Automaton {
    /// `shapes`: with their rule's place, and the most bytes of a candidate.
    pub(super) fn new(edge: Edge, shapes: &[(usize, usize, &Hir)]) -> Result<Self, String> {
        let nfa = compile(&shapes.iter().map(|(.., shape)| *shape).collect::<Vec<_>>(), BYTES_MAX)?;
        let config = DFA::config().match_kind(MatchKind::All).skip_cache_capacity_check(true);
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa).map_err(|error| error.to_string())?;
        let looks = shapes.iter().any(|(.., shape)| !shape.properties().look_set().is_empty());
        let bytes_max = shapes.iter().map(|(_, bytes_max, _)| *bytes_max).max().unwrap_or(0);
        Ok(Self {
            dfa,
            edge,
            rules: shapes.iter().map(|(rule, ..)| *rule).collect(),
            bytes_max,
            bounds: bounds(bytes_max, shapes),
            behind: (0..=u8::MAX).map(|byte| edge::may_stand_behind(edge, byte)).collect(),
            looks,
        })
    }

    pub(super) fn met(&self) -> Met {
        Met { cache: self.dfa.create_cache(), start: None }
    }

    /// All ends of the shapes that begin at this place and may be such by what stands behind, in order; and whether more text could make other ones.
    pub(super) fn run(&self, met: &mut Met, text: &str, start: usize, ends: &mut Vec<End>) -> bool {
        ends.clear();
        let Some(mut state) = self.start(met, text, start) else { return false };
        let cache = &mut met.cache;
        // Of each match the automaton tells one byte later; and one more says whether a shape goes on behind the bound.
        let bytes = text.as_bytes().get(start..).unwrap_or_default();
        for (at, &byte) in bytes.iter().take(self.bytes_max + 2).enumerate() {
            let Ok(next) = self.dfa.next_state(cache, state, byte) else { return false };
            state = next;
            if state.is_tagged() {
                if state.is_match() {
                    let is = |table: &[bool], place: usize| table.get(place).is_some_and(|is| *is);
                    if is(&self.behind, usize::from(byte)) || is(&self.bounds, at) {
                        self.note(cache, state, start + at, ends);
                    }
                } else if state.is_dead() || state.is_quit() {
                    return false;
                }
            }
        }
        if bytes.len() >= self.bytes_max + 2 {
            return false;
        }
        if let Ok(last) = self.dfa.next_eoi_state(cache, state) {
            self.note(cache, last, text.len(), ends);
        }
        true
    }

    fn start(&self, met: &mut Met, text: &str, start: usize) -> Option<LazyStateID> {
        let cleared = met.cache.clear_count();
        if let Some((state, _)) = met.start.filter(|(_, when)| *when == cleared && !self.looks) {
            return Some(state);
        }
        let input = Input::new(text).span(start..text.len()).anchored(Anchored::Yes);
        let state = self.dfa.start_state_forward(&mut met.cache, &input).ok()?;
        met.start = Some((state, met.cache.clear_count()));
        Some(state)
    }

    fn note(&self, cache: &Cache, state: LazyStateID, at: usize, ends: &mut Vec<End>) {
        if state.is_match() && self.dfa.match_len(cache, state) == 1 {
            ends.push((self.dfa.match_pattern(cache, state, 0).as_usize(), at));
        } else if state.is_match() {
            let shapes = (0..self.dfa.match_len(cache, state)).map(|index| self.dfa.match_pattern(cache, state, index));
            ends.extend(shapes.map(|shape| (shape.as_usize(), at)));
        }
    }

    /// The bytes that a shape may begin with, and the pairs of them.
    pub(super) fn beginnings(&self) -> Beginnings {
        let mut beginnings = Beginnings { one: vec![false; 1 << 8], two: vec![false; 1 << 16] };
        if self.note_beginnings(&mut beginnings).is_none() {
            beginnings.one.fill(true);
            beginnings.two.fill(true);
        }
        beginnings
    }

    /// `None` if the automaton is too large to tell: its cache was cleared, and states from before mean nothing.
    fn note_beginnings(&self, beginnings: &mut Beginnings) -> Option<()> {
        let mut cache = self.dfa.create_cache();
        let classes = self.dfa.byte_classes();
        // A shape may look at what stands before it.
        for before in [None, Some(b'a'), Some(b' '), Some(b'\n'), Some(b'\r')] {
            let config = Start::new().look_behind(before).anchored(Anchored::Yes);
            let start = self.dfa.start_state(&mut cache, &config).ok()?;
            // Bytes of one class, which stand side by side in most, lead to one state.
            let (mut one, mut last) = (None, None);
            for (first, pairs) in (0..=u8::MAX).zip(beginnings.two.chunks_mut(1 << 8)) {
                if last.replace(classes.get(first)) != Some(classes.get(first)) {
                    let state = self.step(&mut cache, start, first)?;
                    one = if state.is_dead() { None } else { Some(self.seconds(&mut cache, state)?) };
                }
                if let Some(seconds) = &one {
                    *beginnings.one.get_mut(usize::from(first))? = true;
                    pairs.iter_mut().zip(seconds).for_each(|(pair, follows)| *pair |= follows);
                }
            }
        }
        Some(())
    }

    /// Which bytes may follow.
    fn seconds(&self, cache: &mut Cache, state: LazyStateID) -> Option<Vec<bool>> {
        let classes = self.dfa.byte_classes();
        let (mut lives, mut last) = (false, None);
        let mut follows = |byte: u8| {
            if last.replace(classes.get(byte)) != Some(classes.get(byte)) {
                lives = !self.step(cache, state, byte)?.is_dead();
            }
            Some(lives)
        };
        (0..=u8::MAX).map(&mut follows).collect()
    }

    fn step(&self, cache: &mut Cache, state: LazyStateID, byte: u8) -> Option<LazyStateID> {
        self.dfa.next_state(cache, state, byte).ok().filter(|_| cache.clear_count() == 0)
    }
}

/// Of shapes whose longest match is longer than their bound: the bound, and up to a character more.
fn bounds(bytes_max: usize, shapes: &[(usize, usize, &Hir)]) -> Vec<bool> {
    let mut bounds = vec![false; bytes_max + 1 + CHARACTER_BYTES_MAX];
    for (_, bound, shape) in shapes {
        if shape.properties().maximum_len().is_none_or(|most| most > *bound) {
            let at_bound = bounds.iter_mut().skip(*bound).take(1 + CHARACTER_BYTES_MAX);
            at_bound.for_each(|is| *is = true);
        }
    }
    bounds
}

/// Compiles shapes into at most so many bytes.
pub(super) fn compile(shapes: &[&Hir], bytes_max: usize) -> Result<NFA, String> {
    let config = NFA::config().which_captures(WhichCaptures::None).nfa_size_limit(Some(bytes_max));
    Compiler::new().configure(config).build_many_from_hir(shapes).map_err(|error| error.to_string())
}

/// What shapes may begin with.
pub(super) struct Beginnings {
    /// By a byte.
    pub(super) one: Vec<bool>,
    /// By a byte times 256 and the one behind it.
    pub(super) two: Vec<bool>,
}
