//! How often the same counters are claimed, and how much of them.

use super::book::Need;
use tokio::time::{Duration, Instant};

/// Holds in a second from which on a lease is asked for.
const HOT: u64 = 50;
/// Over which time holds are counted.
const COUNTED: Duration = Duration::from_secs(1);
/// A lease is for what so many milliseconds need: longer than it lasts, since traffic comes in bursts.
const AHEAD_MS: u64 = 200;

#[derive(Debug)]
pub(super) struct Heat {
    since: Instant,
    now: Counted,
    /// In a second, when it was counted last.
    before: Counted,
}

#[derive(Debug)]
struct Counted {
    times: u64,
    claimed: Vec<u64>,
}

impl Counted {
    fn new(claims: usize) -> Self {
        Self { times: 0, claimed: vec![0; claims] }
    }
}

impl Heat {
    pub(super) fn new(claims: usize, now: Instant) -> Self {
        Self { since: now, now: Counted::new(claims), before: Counted::new(claims) }
    }

    /// Counts a hold; whether there are many.
    pub(super) fn count(&mut self, need: &[Need], now: Instant) -> bool {
        let elapsed = now.duration_since(self.since);
        if elapsed >= COUNTED {
            let ms = milliseconds(elapsed);
            let in_a_second = |number: u64| number.saturating_mul(1000) / ms;
            let claims = self.now.claimed.len();
            let counted = std::mem::replace(&mut self.now, Counted::new(claims));
            let claimed = counted.claimed.into_iter().map(in_a_second).collect();
            (self.before, self.since) = (Counted { times: in_a_second(counted.times), claimed }, now);
        }
        self.now.times += 1;
        for (claimed, (spent, open)) in self.now.claimed.iter_mut().zip(need) {
            *claimed = claimed.saturating_add(*spent).saturating_add(*open);
        }
        self.now.times.max(self.before.times) >= HOT
    }

    /// What will soon be claimed of every counter, if it goes on like that.
    pub(super) fn soon(&self, now: Instant) -> impl Iterator<Item = u64> {
        let ms = milliseconds(now.duration_since(self.since)).max(AHEAD_MS);
        let soon = move |(now, before): (&u64, &u64)| {
            (now.saturating_mul(AHEAD_MS) / ms).max(before.saturating_mul(AHEAD_MS) / 1000)
        };
        self.now.claimed.iter().zip(&self.before.claimed).map(soon)
    }

    /// Nobody has asked for a while, or only few.
    pub(super) fn is_cold(&self, now: Instant) -> bool {
        now.duration_since(self.since) >= 2 * COUNTED
            || (now.duration_since(self.since) >= COUNTED && self.now.times < HOT)
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}
