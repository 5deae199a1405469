//! Which of the candidates that overlap are found.

use super::{Finding, Kind, Tier};
use std::cmp::Reverse;
use std::ops::Range;

/// Candidates that hang together are judged together, but not more than so many of them: a text that makes one endless
/// chain of candidates is cut.
const CHAIN_MAX: usize = 128;

/// What a rule has accepted.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// Where its shape begins.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
    /// What of it is found: not nothing.
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
    pub(super) tier: Tier,
    /// Whether an operator looks for it.
    pub(super) own: bool,
}

/// How far candidates are judged.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// Up to here; candidates behind it hang together with what is still open.
    UpTo(usize),
    /// Up to here, where an endless chain was cut: the search begins anew, and what began before it is out.
    Cut(usize),
}

/// Judges all that can be judged: `candidates` are all that begin before `open`. What was found goes to `found`; gives up to
/// where that is so.
pub(super) fn resolve(mut candidates: Vec<Candidate>, open: usize, found: &mut Vec<Finding>) -> Judged {
    candidates.sort_by_key(|candidate| (candidate.start, candidate.range.start, candidate.end, candidate.kind));
    let mut rest = candidates.as_slice();
    while let Some(first) = rest.first() {
        let (linked, end) = chain(rest);
        let (chain, others) = rest.split_at_checked(linked).unwrap_or((rest, &[]));
        if linked == CHAIN_MAX {
            return Judged::Cut(judge(chain, found));
        }
        if end > open {
            return Judged::UpTo(first.start);
        }
        judge(chain, found);
        rest = others;
    }
    Judged::UpTo(open)
}

/// How many candidates hang together from the first one on, and where the last of them ends.
fn chain(candidates: &[Candidate]) -> (usize, usize) {
    let (mut count, mut end) = (0, 0);
    for candidate in candidates.iter().take(CHAIN_MAX) {
        if count > 0 && candidate.start >= end {
            break;
        }
        count += 1;
        end = end.max(candidate.end);
    }
    (count, end)
}

/// An operator's own first, then the surer, then the longer with what they are known by (a password in a URL is no address),
/// then the first: each that overlaps none before it is found. Gives where the last one ends.
fn judge(chain: &[Candidate], found: &mut Vec<Finding>) -> usize {
    let mut order: Vec<_> = chain.iter().collect();
    order.sort_by_key(|one| {
        (!wins(one, chain), one.tier, Reverse(one.end - one.start), Reverse(one.range.len()), one.range.start, one.kind)
    });
    let mut taken: Vec<&Candidate> = Vec::new();
    for one in order {
        if taken.iter().all(|other| other.range.end <= one.range.start || one.range.end <= other.range.start) {
            taken.push(one);
        }
    }
    taken.sort_by_key(|one| one.range.start);
    found.extend(taken.iter().map(|one| Finding { range: one.range.clone(), kind: one.kind }));
    taken.last().map_or(0, |last| last.range.end)
}

/// Whether an operator's own stands above the catalogue's: not a word in the midst of an address or a key, which would stay.
fn wins(one: &Candidate, chain: &[Candidate]) -> bool {
    let holds = |other: &Candidate| {
        let (inner, outer) = (&one.range, &other.range);
        !other.own
            && other.tier == Tier::Certain
            && outer.len() > inner.len()
            && outer.start <= inner.start
            && inner.end <= outer.end
    };
    one.own && !chain.iter().any(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(range: Range<usize>, tier: Tier, kind: Kind) -> Candidate {
        Candidate { start: range.start, end: range.end, range, kind, tier, own: false }
    }

    fn kinds(candidates: &[Candidate], open: usize) -> (Vec<Kind>, Judged) {
        let mut found = Vec::new();
        let settled = resolve(candidates.to_vec(), open, &mut found);
        (found.iter().map(|finding| finding.kind).collect(), settled)
    }

    #[test]
    fn the_surer_then_the_longer_then_the_first() {
        use Tier::{Certain, Likely};
        let overlapping = [candidate(0..9, Likely, 0), candidate(4..8, Certain, 1), candidate(6..12, Certain, 2)];
        assert_eq!(kinds(&overlapping, 20), (vec![2], Judged::UpTo(20)));
        assert_eq!(kinds(&[candidate(0..4, Certain, 3), candidate(2..6, Certain, 4)], 6), (vec![3], Judged::UpTo(6)));
        assert_eq!(kinds(&[candidate(0..4, Likely, 3), candidate(4..6, Certain, 4)], 6), (vec![3, 4], Judged::UpTo(6)));
    }

    #[test]
    fn an_operators_own_wins_unless_it_is_a_part() {
        let own = |range: Range<usize>| Candidate { own: true, ..candidate(range, Tier::Listed, 7) };
        let sure = |range: Range<usize>| candidate(range, Tier::Certain, 0);
        assert_eq!(kinds(&[sure(0..9), own(0..9)], 20).0, [7]);
        assert_eq!(kinds(&[sure(0..9), own(4..12)], 20).0, [7]);
        assert_eq!(kinds(&[sure(0..9), own(4..9)], 20).0, [0]);
        assert_eq!(kinds(&[candidate(0..9, Tier::Likely, 0), own(4..9)], 20).0, [7]);
    }

    #[test]
    fn what_hangs_together_is_judged_together() {
        let candidates = [candidate(1..3, Tier::Certain, 0), candidate(5..9, Tier::Certain, 1)];
        assert_eq!(kinds(&candidates, 8), (vec![0], Judged::UpTo(5)));
    }

    #[test]
    fn an_endless_chain_is_cut() {
        let candidates: Vec<_> = (0..1000).map(|start| candidate(start..start + 2, Tier::Certain, 0)).collect();
        let (found, settled) = kinds(&candidates, 2000);
        assert_eq!((found.len(), settled), (64, Judged::Cut(128)));
    }
}
