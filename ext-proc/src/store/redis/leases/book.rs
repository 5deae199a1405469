//! The book of one lease: what of it exchanges hold, what they used, what is free. Knows no Redis; time is passed in.
//!
//! What Redis counts as held open by the lease is never less than `held + free + used` of every claim, whether the last
//! message has arrived there or not: so nothing that is given away here can be given away there, too.

use super::heat::Heat;
use crate::store::Wanted;
use crate::store::redis::script::{self, Told};
use attache_core::limit::{Counter, Moved, Standing, Verdict, Window};
use std::sync::Arc;
use tokio::time::{Duration, Instant};

/// How long what is free is given to exchanges, without asking.
const LEASE: Duration = Duration::from_millis(100);
/// After that: how long an exchange that asks for the next lease is waited for, before what is free is given back.
const GRACE: Duration = Duration::from_millis(50);
/// After a message that was not answered: how long nobody tries again.
const PAUSE: Duration = Duration::from_millis(500);
/// After that: how long a lease that nobody asks for counts among those that share a counter.
const REST: Duration = Duration::from_secs(1);
/// The part of a limit that may be free in a replica, as a divisor: 5 %.
const OF_LIMIT: u64 = 20;
/// The part of what was left last that may be asked for, as a divisor: others want some, too.
const OF_LEFT: u64 = 4;

/// What is claimed of a counter: spent, and open.
pub(super) type Need = (u64, u64);

#[derive(Debug)]
pub(super) struct Book {
    shares: Vec<Share>,
    pub(super) heat: Heat,
    /// Exchanges that hold something of it.
    exchanges: usize,
    /// Until when what is free is given away.
    until: Instant,
    /// Number of the last message.
    pub(super) number: u64,
    /// The last message, as long as it is not answered.
    sent: Option<Sent>,
    /// When Redis last answered.
    answered: Instant,
    /// Nobody tries to reach Redis before that.
    pause: Instant,
    /// Since when Redis is to hear of what was used, and of how many exchanges.
    unsaid: Option<(Instant, u64)>,
    /// It is in nobody's table any more.
    gone: bool,
}

/// What the lease has of one claim's counter.
#[derive(Debug)]
struct Share {
    counter: Counter,
    soft: bool,
    /// In no exchange's hands. Less than nothing where exchanges used more than they held.
    free: i128,
    held: u64,
    /// Used, and in no message yet.
    used: u64,
    /// As Redis last told it, with the lease as open.
    standing: Standing,
    /// As many as there are leases of this counter in this replica, and one. None: this one is not among them.
    sharers: Option<Arc<()>>,
}

#[derive(Clone, Debug)]
struct Sent {
    number: u64,
    used: Vec<u64>,
    since: Instant,
    exchanges: u64,
}

/// What Redis is told of one claim.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) used: u64,
    pub(super) held: u64,
    pub(super) wants: u64,
    /// Less than nothing: what was used beyond the lease since a message that was not answered. It is among what is held.
    beyond: i128,
}

/// What Redis is told.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) number: u64,
    pub(super) lines: Vec<Line>,
    at: Instant,
}

impl Share {
    fn new(wanted: &Wanted) -> Self {
        let Wanted { claim, .. } = wanted;
        let standing = Standing { limit: claim.counter.limit, ..Standing::default() };
        Self { counter: claim.counter.clone(), soft: claim.soft, free: 0, held: 0, used: 0, standing, sharers: None }
    }

    /// Moves an amount that is free to an exchange.
    fn give(&mut self, (spent, open): Need) {
        self.free -= i128::from(spent) + i128::from(open);
        self.held = self.held.saturating_add(open);
        self.spend(spent);
    }

    /// What is spent counts until Redis is told; where only what is open counts, it is free again.
    fn spend(&mut self, spent: u64) {
        if self.counter.window == Window::Open {
            self.free += i128::from(spent);
        } else {
            self.used = self.used.saturating_add(spent);
        }
    }

    fn settle(&mut self, open: u64, used: u64) {
        self.held = self.held.saturating_sub(open);
        self.free += i128::from(open) - i128::from(used);
        self.spend(used);
    }

    fn standing(&self) -> Standing {
        let Standing { settled, open, .. } = self.standing;
        Standing { settled: settled.saturating_add(self.used), open: open.saturating_sub(self.used), ..self.standing }
    }

    /// Most that may be free.
    fn bound(&self) -> u64 {
        let sharers = self.sharers.as_ref().map_or(1, |sharers| Arc::strong_count(sharers).saturating_sub(1).max(1));
        let of_limit = self.standing.limit / OF_LIMIT / u64::try_from(sharers).unwrap_or(u64::MAX);
        if self.soft { of_limit } else { of_limit.min(self.standing.left() / OF_LEFT) }
    }
}

impl Book {
    pub(super) fn new(wanted: &[Wanted], now: Instant) -> Self {
        Self {
            shares: wanted.iter().map(Share::new).collect(),
            heat: Heat::new(wanted.len(), now),
            exchanges: 0,
            until: now,
            number: 0,
            sent: None,
            answered: now,
            pause: now,
            unsaid: None,
            gone: false,
        }
    }

    /// Gives an exchange what it needs, if all of it is free.
    pub(super) fn take(&mut self, need: &[Need], now: Instant) -> Option<Vec<Standing>> {
        let fits = |(share, need): (&Share, &Need)| {
            let amount = i128::from(need.0) + i128::from(need.1);
            amount == 0 || amount <= share.free
        };
        if self.gone || now >= self.until || !self.shares.iter().zip(need).all(fits) {
            return None;
        }
        self.give(need, now);
        Some(self.standings())
    }

    fn give(&mut self, need: &[Need], now: Instant) {
        self.exchanges += 1;
        self.shares.iter_mut().zip(need).for_each(|(share, need)| share.give(*need));
        if need.iter().any(|(spent, _)| *spent > 0) {
            self.unsaid.get_or_insert((now, 0));
        }
    }

    /// Takes back what an exchange held open, less what it used. Whether Redis is to hear of it at once: more was used than
    /// is leased.
    pub(super) fn settle(&mut self, open: &[u64], used: &[u64], now: Instant) -> bool {
        self.exchanges = self.exchanges.saturating_sub(1);
        let used = used.iter().copied().chain(std::iter::repeat(0));
        self.shares.iter_mut().zip(open).zip(used).for_each(|((share, open), used)| share.settle(*open, used));
        self.unsaid.get_or_insert((now, 0)).1 += 1;
        self.is_short()
    }

    /// Whether an exchange may ask now.
    pub(super) fn may_ask(&self, now: Instant) -> bool {
        !self.gone && now >= self.pause
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone
    }

    /// Redis was told something and has not answered.
    pub(super) fn is_unanswered(&self) -> bool {
        self.sent.is_some()
    }

    fn is_short(&self) -> bool {
        self.shares.iter().any(|share| share.free < 0)
    }

    pub(super) fn has_free(&self) -> bool {
        self.shares.iter().any(|share| share.free > 0)
    }

    pub(super) fn standings(&self) -> Vec<Standing> {
        self.shares.iter().map(Share::standing).collect()
    }

    /// How the counters stand, told by an ordinary hold. It has not seen what was used since the last message either.
    pub(super) fn note(&mut self, standings: &[Standing]) {
        self.shares.iter_mut().zip(standings).for_each(|(share, standing)| share.standing = *standing);
    }

    /// What a lease should have free, from which this need is served first. None: it would not be worth
    /// so many holds.
    pub(super) fn wish(&self, need: &[Need], worth: u64, now: Instant) -> Option<Vec<u64>> {
        let wish = |((share, (spent, open)), soon): ((&Share, &Need), u64)| {
            let (need, bound) = (spent.saturating_add(*open), share.bound());
            (bound >= need.saturating_mul(worth)).then(|| soon.max(need.saturating_mul(worth)).min(bound))
        };
        self.shares.iter().zip(need).zip(self.heat.soon(now)).map(wish).collect()
    }

    pub(super) fn is_sharing(&self) -> bool {
        self.shares.iter().all(|share| share.sharers.is_some())
    }

    pub(super) fn begin_sharing(&mut self, sharers: Vec<Arc<()>>) {
        self.shares.iter_mut().zip(sharers).for_each(|(share, sharers)| share.sharers = Some(sharers));
    }

    /// Leaves counters to others, when nobody has asked for a while.
    pub(super) fn rest(&mut self, now: Instant) {
        if now >= self.until + REST {
            self.shares.iter_mut().for_each(|share| share.sharers = None);
        }
    }

    /// Whether Redis is to hear something now, though no exchange asks.
    pub(super) fn is_due(&self, life: Duration, now: Instant) -> bool {
        if now < self.pause {
            return false;
        }
        let over = now >= self.until + GRACE;
        let news = self.sent.is_some() || self.unsaid.is_some() || self.has_free();
        let alive = self.exchanges > 0 && now.duration_since(self.answered) >= life / 3;
        self.is_short() || (over && news) || alive
    }

    /// Forgets it, when there is nothing in it and nobody asked lately.
    pub(super) fn forget(&mut self, now: Instant) -> bool {
        self.gone = self.is_empty() && self.heat.is_cold(now);
        self.gone
    }

    fn is_empty(&self) -> bool {
        self.exchanges == 0 && self.is_said()
    }

    /// Redis has heard everything, and nothing is free.
    pub(super) fn is_said(&self) -> bool {
        self.sent.is_none() && self.unsaid.is_none() && self.shares.iter().all(|share| share.free == 0)
    }

    /// What was used longer ago than that is not told any more; of how many exchanges.
    pub(super) fn give_up(&mut self, retry: Duration, now: Instant) -> u64 {
        let mut dropped = 0;
        if let Some(sent) = self.sent.take_if(|sent| now.duration_since(sent.since) >= retry) {
            dropped += sent.exchanges.max(1);
        }
        if let Some((_, exchanges)) = self.unsaid.take_if(|(since, _)| now.duration_since(*since) >= retry) {
            dropped += exchanges.max(1);
            self.shares.iter_mut().for_each(|share| share.used = 0);
        }
        dropped
    }

    /// What stays free when nobody asks for more: as much as now, or nothing when the time is up.
    pub(super) fn keeps(&self, now: Instant) -> Vec<u64> {
        let over = now >= self.until;
        let keeps = |share: &Share| if over { 0 } else { u64::try_from(share.free).unwrap_or(0) };
        self.shares.iter().map(keeps).collect()
    }

    /// What Redis is to hear now, when this much shall be free. Nothing is free until it has answered, but what exchanges
    /// give back meanwhile. A message that was not answered goes first: what was used since is held as open.
    pub(super) fn message(&mut self, free: &[u64], now: Instant) -> Message {
        if self.sent.is_none() {
            self.number += 1;
            let (since, exchanges) = self.unsaid.take().unwrap_or((now, 0));
            let used = self.shares.iter_mut().map(|share| std::mem::take(&mut share.used)).collect();
            self.sent = Some(Sent { number: self.number, used, since, exchanges });
        }
        let (number, used) = self.sent.iter().map(|sent| (sent.number, sent.used.clone())).next().unwrap_or_default();
        let free = free.iter().copied().chain(std::iter::repeat(0));
        let line = |((share, used), free): ((&mut Share, u64), u64)| {
            // Without `used` there is nothing beyond the lease that Redis is not told as used.
            let beyond = if share.used > 0 { share.free.min(0) } else { 0 };
            share.free = beyond;
            let held = script::amount(share.held.saturating_add(share.used));
            Line { used, held, wants: script::amount(held.saturating_add(free)), beyond }
        };
        let lines = self.shares.iter_mut().zip(used).zip(free).map(line).collect();
        Message { number, lines, at: now }
    }

    /// Redis did not answer: perhaps it has heard, perhaps not.
    pub(super) fn unheard(&mut self, now: Instant) {
        self.pause = now + PAUSE;
    }

    /// Redis has heard it before: what it has granted then nobody knows.
    pub(super) fn heard_before(&mut self, now: Instant) {
        (self.sent, self.answered) = (None, now);
    }

    /// Redis has answered. An exchange that needs something gets it of what was granted.
    pub(super) fn heard(&mut self, message: &Message, told: &Told, need: Option<&[Need]>, now: Instant) {
        (self.sent, self.answered) = (None, now);
        self.shares.iter_mut().zip(&message.lines).for_each(|(share, line)| share.free -= line.beyond);
        match &told.verdict {
            Verdict::Held(standings) => {
                self.note(standings);
                for (share, line) in self.shares.iter_mut().zip(&message.lines) {
                    share.free += i128::from(line.wants) - i128::from(line.held);
                }
                // From when it was asked: on the safe side.
                self.until = message.at + LEASE;
                if let Some(need) = need {
                    self.give(need, now);
                }
            }
            Verdict::Denied { standings, .. } => self.note(standings),
        }
    }

    /// The counters with a long window that a message has moved.
    pub(super) fn moved(&self, message: &Message, told: &Told) -> Vec<Moved> {
        let moved = |((share, line), &[before, after]): ((&Share, &Line), &[u64; 2])| {
            let long = share.counter.window.is_long() && line.used > 0;
            long.then(|| Moved { counter: share.counter.clone(), before, after })
        };
        self.shares.iter().zip(&message.lines).zip(&told.moved).filter_map(moved).collect()
    }
}

#[cfg(test)]
mod tests;
