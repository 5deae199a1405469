//! The ledger: every counter's book, and every hold that is open.
//!
//! A call costs as much as it has claims, however many counters there are. Counters come by being claimed and go when
//! nothing is in their window and nothing is open: each call looks at a few more of them than it made.

use super::window::Settled;
use super::{Claim, Counter, Moved, Standing, Verdict, Window};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// How long a hold that has expired may still be settled.
const LATE_MS: u64 = 24 * 60 * 60 * 1000;
/// How many of these are remembered; beyond it the first that expired are forgotten.
const LATE_MAX: usize = 65_536;
/// What is said where only open holds stand in the way.
const RETRY_UNKNOWN_MS: u64 = 1000;

/// Counters and holds. Time is passed in; where it goes back it is taken to stand still.
#[derive(Debug)]
pub struct Ledger {
    hold_ms: u64,
    now_ms: u64,
    meters: Vec<Option<Meter>>,
    /// Places in `meters` that are empty.
    free: Vec<usize>,
    places: HashMap<Name, usize>,
    /// The place at which tidying goes on.
    tidied: usize,
    holds: HashMap<u64, Held>,
    /// When which hold expires.
    ends: BTreeSet<(u64, u64)>,
    /// When which expired hold is forgotten.
    late: BTreeSet<(u64, u64)>,
    journal: Option<Journal>,
}

/// What makes two counters the same. The limit does not: it may be configured anew.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Name {
    key: Arc<str>,
    window: Window,
}

/// The book of one counter.
#[derive(Debug)]
struct Meter {
    name: Name,
    settled: Settled,
    open: u128,
    /// How many claims of holds point here.
    holds: usize,
    /// It is among the journal's changes.
    changed: bool,
    /// It was among them before.
    saved: bool,
}

#[derive(Debug)]
struct Held {
    parts: Vec<Part>,
    end_ms: u64,
    /// What it held was given back; it may still be settled.
    expired: bool,
}

/// What a hold holds of one counter.
#[derive(Clone, Copy, Debug)]
struct Part {
    place: usize,
    limit: u64,
    spent: u64,
    open: u64,
    soft: bool,
}

impl Part {
    fn all(&self) -> u128 {
        u128::from(self.spent) + u128::from(self.open)
    }
}

/// What a restart must not forget, since somebody last asked.
#[derive(Debug, Default)]
struct Journal {
    changed: Vec<usize>,
    gone: Vec<Name>,
}

/// What a long counter has settled, to be kept beyond the life of the ledger. Without parts: nothing, it can be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The counter's key.
    pub key: Arc<str>,
    /// The counter's window.
    pub window: Window,
    /// When each part began (unix milliseconds), and what was settled in it; oldest first.
    pub parts: Vec<(u64, u64)>,
}

impl Ledger {
    /// An empty one, whose holds live this long unless they are renewed.
    pub fn new(hold_ms: u64) -> Self {
        Self {
            hold_ms,
            now_ms: 0,
            meters: Vec::new(),
            free: Vec::new(),
            places: HashMap::new(),
            tidied: 0,
            holds: HashMap::new(),
            ends: BTreeSet::new(),
            late: BTreeSet::new(),
            journal: None,
        }
    }

    /// Remembers which long counters change, for [`Ledger::changes`].
    pub fn journalled(self) -> Self {
        Self { journal: Some(Journal::default()), ..self }
    }

    /// Holds all claims under an id that no other hold has, or none.
    pub fn hold<'a>(
        &mut self,
        now_ms: u64,
        id: u64,
        claims: impl IntoIterator<Item = &'a Claim, IntoIter: Clone>,
    ) -> Verdict {
        self.advance(now_ms);
        let (claims, before) = (claims.into_iter(), self.places.len());
        let mut parts = Vec::with_capacity(claims.size_hint().0);
        for claim in claims.clone() {
            let place = self.place(&claim.counter);
            let Claim { spent, open, soft, ref counter } = *claim;
            let part = Part { place, limit: counter.limit, spent, open, soft };
            if let Err(retry_after_ms) = self.claim(&part) {
                self.unclaim(&parts);
                let (claim, standings) = (parts.len(), self.stand(claims.map(|claim| &claim.counter)));
                self.tidy(1 + 2 * (self.places.len() - before));
                return Verdict::Denied { claim, retry_after_ms, standings };
            }
            parts.push(part);
        }
        for part in &parts {
            self.charge(part.place, part.spent, part.spent);
            self.meter(part.place).holds += 1;
        }
        let standings = parts.iter().map(|part| self.standing(part)).collect();
        if let Some(old) = self.holds.remove(&id) {
            self.release(id, &old);
        }
        let end_ms = self.now_ms.saturating_add(self.hold_ms);
        self.ends.insert((end_ms, id));
        self.holds.insert(id, Held { parts, end_ms, expired: false });
        self.tidy(1 + 2 * (self.places.len() - before));
        Verdict::Held(standings)
    }

    /// Adds to what a hold holds open, all or nothing, and renews its life. One that has expired must fit anew as a
    /// whole. None: no such hold, or it was settled.
    pub fn grow(&mut self, now_ms: u64, id: u64, more: &[u64]) -> Option<Verdict> {
        self.advance(now_ms);
        let mut held = self.holds.remove(&id)?;
        let verdict = self.enlarge(&mut held, more);
        if matches!(verdict, Verdict::Held(_)) {
            let (old, new) = ((held.end_ms, id), (self.now_ms.saturating_add(self.hold_ms), id));
            if held.expired {
                self.late.remove(&old)
            } else {
                self.ends.remove(&old)
            };
            self.ends.insert(new);
            (held.end_ms, held.expired) = (new.0, false);
        }
        self.holds.insert(id, held);
        Some(verdict)
    }

    fn enlarge(&mut self, held: &mut Held, more: &[u64]) -> Verdict {
        let more = more.iter().copied().chain(std::iter::repeat(0));
        let wanted: Vec<Part> = held
            .parts
            .iter()
            .zip(more)
            .map(|(part, more)| {
                let open = if held.expired { part.open.saturating_add(more) } else { more };
                Part { spent: 0, open, ..*part }
            })
            .collect();
        let refused = wanted.iter().enumerate().find_map(|(i, part)| Some((i, self.claim(part).err()?)));
        if let Some((claim, _)) = refused {
            self.unclaim(wanted.get(..claim).unwrap_or_default());
        } else {
            for (part, wanted) in held.parts.iter_mut().zip(&wanted) {
                part.open = if held.expired { wanted.open } else { part.open.saturating_add(wanted.open) };
            }
        }
        let standings = wanted.iter().map(|part| self.standing(part)).collect();
        match refused {
            Some((claim, retry_after_ms)) => Verdict::Denied { claim, retry_after_ms, standings },
            None => Verdict::Held(standings),
        }
    }

    /// Settles what a hold really used, and gives back what it held. What is not said was not used. A hold that has
    /// expired is charged all the same; one that was settled before is not known any more, and nothing happens.
    pub fn settle(&mut self, now_ms: u64, id: u64, used: &[u64]) -> Vec<Moved> {
        self.advance(now_ms);
        let Some(held) = self.holds.remove(&id) else { return Vec::new() };
        let mut moved = Vec::with_capacity(used.len());
        for (part, used) in held.parts.iter().zip(used).filter(|(_, used)| **used > 0) {
            let (before, after) = self.charge(part.place, 0, *used);
            let Name { key, window } = self.meter(part.place).name.clone();
            if window != Window::Open {
                moved.push(Moved { counter: Counter { key, window, limit: part.limit }, before, after });
            }
        }
        self.release(id, &held);
        self.tidy(1);
        moved
    }

    /// How counters stand, in their order.
    pub fn standings<'a>(&mut self, now_ms: u64, counters: impl IntoIterator<Item = &'a Counter>) -> Vec<Standing> {
        self.advance(now_ms);
        self.stand(counters)
    }

    /// How many counters have something in their window or open, as far as anybody has looked.
    pub fn counters(&self) -> usize {
        self.places.len()
    }

    /// Looks at this many counters and forgets those that are empty; lets holds expire. Calls do that on their way; this is
    /// for a ledger that nobody calls.
    pub fn sweep(&mut self, now_ms: u64, counters: usize) {
        self.advance(now_ms);
        self.tidy(counters);
    }

    /// At most so many of the long counters that changed since they were last asked for, and those that were forgotten.
    pub fn changes(&mut self, now_ms: u64, max: usize) -> Vec<Saved> {
        self.advance(now_ms);
        let Some(journal) = &mut self.journal else { return Vec::new() };
        let gone = journal.gone.drain(journal.gone.len().saturating_sub(max)..);
        let mut saved: Vec<_> = gone.map(|Name { key, window }| Saved { key, window, parts: Vec::new() }).collect();
        let left = max - saved.len();
        let changed = journal.changed.split_off(journal.changed.len().saturating_sub(left));
        for place in changed {
            let now_ms = self.now_ms;
            let meter = self.meter(place);
            (meter.changed, meter.saved) = (false, true);
            meter.settled.roll(now_ms);
            let Name { key, window } = meter.name.clone();
            saved.push(Saved { key, window, parts: meter.settled.parts() });
        }
        saved
    }

    /// Takes up a counter as it was saved, as far as it still counts.
    pub fn restore(&mut self, now_ms: u64, saved: &Saved) {
        self.advance(now_ms);
        let now_ms = self.now_ms;
        let counter = Counter { key: saved.key.clone(), window: saved.window, limit: 0 };
        let place = self.place(&counter);
        let meter = self.meter(place);
        meter.saved = true;
        meter.settled.restore(now_ms, &saved.parts);
    }

    /// Lets time pass: holds expire.
    fn advance(&mut self, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
        while let Some((end_ms, id)) = self.ends.first().copied()
            && end_ms <= self.now_ms
        {
            self.ends.pop_first();
            let Some(held) = self.holds.get_mut(&id) else { continue };
            (held.end_ms, held.expired) = (end_ms.saturating_add(LATE_MS), true);
            self.late.insert((held.end_ms, id));
            let parts = held.parts.clone();
            for part in parts {
                self.meter(part.place).open -= u128::from(part.open);
            }
        }
        while let Some((end_ms, id)) = self.late.first().copied()
            && (end_ms <= self.now_ms || self.late.len() > LATE_MAX)
        {
            self.late.pop_first();
            if let Some(held) = self.holds.remove(&id) {
                self.release(id, &held);
            }
        }
    }

    /// Gives back what a hold holds that is not among the holds any more.
    fn release(&mut self, id: u64, held: &Held) {
        let set = if held.expired { &mut self.late } else { &mut self.ends };
        set.remove(&(held.end_ms, id));
        for part in &held.parts {
            let meter = self.meter(part.place);
            meter.holds -= 1;
            if !held.expired {
                meter.open -= u128::from(part.open);
            }
        }
    }

    /// Takes all of a claim as open, if it fits; otherwise when it will, in milliseconds.
    fn claim(&mut self, part: &Part) -> Result<(), u64> {
        let (now_ms, all) = (self.now_ms, part.all());
        let meter = self.meter(part.place);
        meter.settled.roll(now_ms);
        let sum = meter.settled.total() + meter.open + all;
        let beyond = sum.saturating_sub(u128::from(part.limit));
        if beyond > 0 && all > 0 && !part.soft {
            return Err(meter.settled.leaves_in(now_ms, beyond).unwrap_or(RETRY_UNKNOWN_MS));
        }
        meter.open += all;
        Ok(())
    }

    /// Takes claims back.
    fn unclaim(&mut self, parts: &[Part]) {
        for part in parts {
            self.meter(part.place).open -= part.all();
        }
    }

    /// Settles an amount now, after taking away from what is open; what was settled before and after.
    fn charge(&mut self, place: usize, open: u64, used: u64) -> (u64, u64) {
        let (now_ms, journalled) = (self.now_ms, self.journal.is_some());
        let meter = self.meter(place);
        meter.open -= u128::from(open);
        meter.settled.roll(now_ms);
        let before = meter.settled.total();
        meter.settled.add(now_ms, used);
        let after = meter.settled.total();
        let changes = journalled && before != after && meter.name.window.is_long() && !meter.changed;
        meter.changed |= changes;
        if changes && let Some(journal) = &mut self.journal {
            journal.changed.push(place);
        }
        (short(before), short(after))
    }

    fn standing(&mut self, part: &Part) -> Standing {
        let now_ms = self.now_ms;
        let meter = self.meter(part.place);
        meter.settled.roll(now_ms);
        meter.standing(part.limit, now_ms)
    }

    fn stand<'a>(&mut self, counters: impl IntoIterator<Item = &'a Counter>) -> Vec<Standing> {
        let now_ms = self.now_ms;
        let standing = |counter: &Counter| {
            let name = Name { key: counter.key.clone(), window: counter.window };
            let Some(place) = self.places.get(&name).copied() else {
                return Standing { limit: counter.limit, ..Standing::default() };
            };
            let meter = self.meter(place);
            meter.settled.roll(now_ms);
            meter.standing(counter.limit, now_ms)
        };
        counters.into_iter().map(standing).collect()
    }

    /// The place of a counter's book, which is opened if need be.
    fn place(&mut self, counter: &Counter) -> usize {
        let name = Name { key: counter.key.clone(), window: counter.window };
        if let Some(place) = self.places.get(&name) {
            return *place;
        }
        let settled = Settled::new(counter.window, self.now_ms);
        let meter = Meter { name: name.clone(), settled, open: 0, holds: 0, changed: false, saved: false };
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                self.meters.push(None);
                self.meters.len() - 1
            }
        };
        if let Some(empty) = self.meters.get_mut(place) {
            *empty = Some(meter);
        }
        self.places.insert(name, place);
        place
    }

    fn meter(&mut self, place: usize) -> &mut Meter {
        let meter = self.meters.get_mut(place).and_then(Option::as_mut);
        meter.expect("a place that is pointed to keeps its meter: only idle ones are tidied away")
    }

    /// Looks at the next few counters, and forgets those that are empty.
    fn tidy(&mut self, counters: usize) {
        for _ in 0..counters.min(self.meters.len()) {
            self.tidied = if self.tidied + 1 < self.meters.len() { self.tidied + 1 } else { 0 };
            let Some(found) = self.meters.get_mut(self.tidied) else { return };
            if let Some(meter) = found.take_if(|meter| meter.is_idle(self.now_ms)) {
                self.free.push(self.tidied);
                self.places.remove(&meter.name);
                if let (Some(journal), true) = (&mut self.journal, meter.saved) {
                    journal.gone.push(meter.name);
                }
            }
        }
    }
}

impl Meter {
    fn standing(&self, limit: u64, now_ms: u64) -> Standing {
        let settled = self.settled.total();
        let reset_ms = if settled == 0 { 0 } else { self.settled.leaves_in(now_ms, settled).unwrap_or(0) };
        Standing { limit, settled: short(settled), open: short(self.open), reset_ms }
    }

    fn is_idle(&mut self, now_ms: u64) -> bool {
        if self.holds > 0 || self.open > 0 || self.changed {
            return false;
        }
        self.settled.roll(now_ms);
        self.settled.total() == 0
    }
}

/// What is beyond all numbers is the greatest of them.
fn short(amount: u128) -> u64 {
    u64::try_from(amount).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
