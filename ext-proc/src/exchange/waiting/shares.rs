//! How many exchanges wait, and how many of them are one caller's.

use crate::callers::Caller;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Callers are counted in so many places: the few that meet in one count as one caller.
const PLACES: usize = 4096;

/// Room for exchanges. No caller gets more of it than is left for all others: one alone gets half, each of two a third. It
/// takes many callers, each of them greedy, to leave none for the next.
#[derive(Debug)]
pub(super) struct Shares {
    max: usize,
    taken: AtomicUsize,
    of_callers: Box<[AtomicUsize]>,
    secret: RandomState,
}

/// Room for one exchange, until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    shares: Arc<Shares>,
    place: Option<usize>,
}

impl Shares {
    pub(super) fn of(max: usize) -> Self {
        let of_callers = (0..PLACES).map(|_| AtomicUsize::new(0)).collect();
        Self { max, taken: AtomicUsize::new(0), of_callers, secret: RandomState::new() }
    }

    /// Takes room for an exchange of this caller, or of somebody where nobody is told from anybody else.
    pub(super) fn take(self: &Arc<Self>, caller: Option<&Caller>) -> Option<Share> {
        let place = caller.map(|caller| self.place_of(caller));
        let left = self.max.saturating_sub(self.taken.load(Relaxed));
        let own = place.and_then(|place| self.of_callers.get(place)).map_or(0, |own| own.load(Relaxed));
        // Requests that come at the same moment may be let in together: a few too many do no harm.
        (own < left).then(|| {
            let share = Share { shares: self.clone(), place };
            share.counters().for_each(|counter| _ = counter.fetch_add(1, Relaxed));
            share
        })
    }

    /// Nobody can choose a name that meets another's.
    fn place_of(&self, caller: &Caller) -> usize {
        let hash = self.secret.hash_one((&caller.name, &caller.issuer));
        usize::try_from(hash % PLACES as u64).unwrap_or_default()
    }
}

impl Share {
    fn counters(&self) -> impl Iterator<Item = &AtomicUsize> {
        let own = self.place.and_then(|place| self.shares.of_callers.get(place));
        std::iter::once(&self.shares.taken).chain(own)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.counters().for_each(|counter| _ = counter.fetch_sub(1, Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callers::caller::Identity;

    fn named(name: &str) -> Caller {
        Caller::new(Identity { name: name.into(), ..Identity::clone(&Caller::anonymous()) })
    }

    fn fill(shares: &Arc<Shares>, caller: Option<&Caller>) -> Vec<Share> {
        std::iter::from_fn(|| shares.take(caller)).collect()
    }

    #[test]
    fn who_takes_all_there_is_leaves_room_for_others() {
        let shares = Arc::new(Shares::of(120));
        let [ann, bob, cy] = ["ann", "bob", "cy"].map(named);
        let ann_s = fill(&shares, Some(&ann));
        let bob_s = fill(&shares, Some(&bob));
        assert_eq!((ann_s.len(), bob_s.len()), (60, 30));
        drop(ann_s);
        assert_eq!(fill(&shares, Some(&bob)).len(), 30, "half of it, where nobody else has any");
        drop(bob_s);
        assert_eq!(fill(&shares, Some(&cy)).len(), 60);
        assert_eq!(shares.taken.load(Relaxed), 0);
        assert!(shares.of_callers.iter().all(|own| own.load(Relaxed) == 0), "what is over is nobody's");
    }

    #[test]
    fn where_nobody_has_a_name_all_of_it_is_everybody_s() {
        let shares = Arc::new(Shares::of(120));
        assert_eq!(fill(&shares, None).len(), 120);
    }
}
