//! Limits that hold before and settle after: what a counter is, what a request claims of it, and whether it may.
//!
//! An exchange *holds* what it may use at most before it is sent on, and *settles* what it really used when it is over.
//! A counter admits a claim only while what was settled in its window, what is held open and the claim together stay
//! within the limit; so neither concurrency nor the edge of a window lets more through.
//!
//! Nothing here knows a clock: `now_ms` (unix milliseconds) is passed in.

mod calendar;
mod ledger;
mod window;

pub use ledger::{Ledger, Saved};

use std::sync::Arc;

/// One number that is limited: the tokens of one caller in a minute, the money of one team in a month.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Counter {
    /// Which one: rule and the values it is split by. Unique among all counters; free of spaces and control characters.
    pub key: Arc<str>,
    /// Over which time it counts.
    pub window: Window,
    /// Most that may be settled in the window and open at once, in the counter's unit.
    pub limit: u64,
}

/// Over which time a counter counts what was settled. What is open counts always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// Only what is open counts: concurrency.
    Open,
    /// Any stretch of time of this length in milliseconds.
    Sliding(u64),
    /// The calendar's hour, day, ISO week, month or year, in UTC.
    Calendar(Period),
}

/// Sub-buckets of a sliding window. The window counts the current one and this many before it.
pub const BUCKETS: u64 = 30;
/// From this length on a sliding window is a long one.
const LONG_MS: u64 = 60 * 60 * 1000;

impl Window {
    /// How much time one sub-bucket of a sliding window of this length covers, in milliseconds. Rounded up: what was
    /// settled in one is then at least the window's length old when it no longer counts.
    pub fn bucket_ms(sliding_ms: u64) -> u64 {
        sliding_ms.div_ceil(BUCKETS).max(1)
    }

    /// Long enough that people care for single movements, and that a restart must not forget it: a calendar's, or a
    /// sliding hour and more.
    pub fn is_long(self) -> bool {
        match self {
            Self::Open => false,
            Self::Sliding(ms) => ms >= LONG_MS,
            Self::Calendar(_) => true,
        }
    }
}

/// A stretch of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    /// From full hour to full hour.
    Hour,
    /// From midnight to midnight.
    Day,
    /// From Monday to Monday.
    Week,
    /// From the first to the first.
    Month,
    /// From the first of January to the first of January.
    Year,
}

/// What an exchange wants of a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The counter.
    pub counter: Counter,
    /// Settled at once, whatever comes of the exchange (a request is a request).
    pub spent: u64,
    /// Held open until the exchange is settled.
    pub open: u64,
    /// It is counted, but never denies (a soft budget).
    pub soft: bool,
}

/// How a counter stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The limit.
    pub limit: u64,
    /// Settled in the window.
    pub settled: u64,
    /// Held open.
    pub open: u64,
    /// Milliseconds until everything that is settled now has left the window; 0 when nothing is.
    pub reset_ms: u64,
}

impl Standing {
    /// What may still be claimed.
    pub fn left(&self) -> u64 {
        self.limit.saturating_sub(self.settled).saturating_sub(self.open)
    }
}

/// What became of claims: all of them or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They are held. How every claim's counter stands now, in the order of the claims.
    Held(Vec<Standing>),
    /// One of them does not fit, and nothing has changed.
    Denied {
        /// The first claim (by its place) that did not fit.
        claim: usize,
        /// Milliseconds after which it fits, if nobody else claims anything and what is open stays open; at least 1. Where
        /// only open holds stand in the way, nobody can know: 1000.
        retry_after_ms: u64,
        /// How every claim's counter stands, in the order of the claims.
        standings: Vec<Standing>,
    },
}

/// What an exchange really used of a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actual {
    /// The counter.
    pub counter: Counter,
    /// What was held open for it.
    pub held: u64,
    /// What is settled now, in the window at the time of settling. It may be more than was held: then the counter can
    /// stand above its limit, and admits nothing until that has left the window.
    pub used: u64,
}

/// A counter that was moved by settling, for thresholds: a budget passes 80 % exactly when `before < 80 % ≤ after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The counter.
    pub counter: Counter,
    /// Settled in the window before.
    pub before: u64,
    /// Settled in the window after.
    pub after: u64,
}

impl Moved {
    /// Whether it passed a whole percent of the limit, as thresholds are: most exchanges of a large budget do not.
    pub fn passes_a_percent(&self) -> bool {
        let percent = |settled: u64| (u128::from(settled) * 100).checked_div(self.counter.limit.into());
        percent(self.before) < percent(self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percent_is_passed_where_a_threshold_could_be() {
        let passes = |limit, before, after| {
            let counter = Counter { key: "k".into(), window: Window::Sliding(1000), limit };
            Moved { counter, before, after }.passes_a_percent()
        };
        for limit in [1, 7, 100, 999, u64::MAX] {
            for (before, after) in [(0, 0), (0, 1), (5, 6), (6, 7), (49, 50), (499, 500), (500, 509), (510, 509)] {
                let scaled = |settled: u64| u128::from(settled) * 100;
                let threshold = (1..=60_000).map(|percent| percent * u128::from(limit));
                let expected = threshold.into_iter().any(|at| scaled(before) < at && at <= scaled(after));
                assert_eq!(passes(limit, before, after), expected, "{before} to {after} of {limit}");
            }
        }
        assert!(!passes(0, 0, 1), "nothing is a part of no limit");
    }
}
