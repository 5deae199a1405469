//! What is settled in a window, and when it leaves.

use super::{BUCKETS, Period, Window};
use std::collections::VecDeque;
use std::ops::Range;

/// What one counter has settled in its window. Time must not go back between calls; [`Settled::roll`] comes before a look.
#[derive(Debug)]
pub(super) enum Settled {
    /// Only what is open counts.
    Nothing,
    /// The sub-buckets that hold something, oldest first: number since the epoch, and amount.
    Sliding { bucket_ms: u64, buckets: VecDeque<(u64, u64)>, total: u128 },
    /// The current period.
    Calendar { period: Period, now: Range<u64>, total: u64 },
}

impl Settled {
    pub(super) fn new(window: Window, now_ms: u64) -> Self {
        match window {
            Window::Open => Self::Nothing,
            Window::Sliding(ms) => {
                Self::Sliding { bucket_ms: Window::bucket_ms(ms), buckets: VecDeque::new(), total: 0 }
            }
            Window::Calendar(period) => Self::Calendar { period, now: period.around(now_ms), total: 0 },
        }
    }

    /// Forgets what has left the window.
    pub(super) fn roll(&mut self, now_ms: u64) {
        match self {
            Self::Nothing => {}
            Self::Sliding { bucket_ms, buckets, total } => {
                let current = now_ms / *bucket_ms;
                while let Some((bucket, amount)) = buckets.front()
                    && current - bucket > BUCKETS
                {
                    *total -= u128::from(*amount);
                    buckets.pop_front();
                }
            }
            Self::Calendar { period, now, total } => {
                if now_ms >= now.end {
                    (*now, *total) = (period.around(now_ms), 0);
                }
            }
        }
    }

    /// Settles an amount now.
    pub(super) fn add(&mut self, now_ms: u64, amount: u64) {
        if amount == 0 {
            return;
        }
        match self {
            Self::Nothing => {}
            Self::Sliding { bucket_ms, buckets, total } => {
                let current = now_ms / *bucket_ms;
                match buckets.back_mut() {
                    Some((bucket, sum)) if *bucket == current => {
                        let before = *sum;
                        *sum = sum.saturating_add(amount);
                        *total += u128::from(*sum - before);
                    }
                    _ => {
                        buckets.push_back((current, amount));
                        *total += u128::from(amount);
                    }
                }
            }
            Self::Calendar { total, .. } => *total = total.saturating_add(amount),
        }
    }

    /// What counts now.
    pub(super) fn total(&self) -> u128 {
        match self {
            Self::Nothing => 0,
            Self::Sliding { total, .. } => *total,
            Self::Calendar { total, .. } => u128::from(*total),
        }
    }

    /// Milliseconds until this much has left the window, if it ever does.
    pub(super) fn leaves_in(&self, now_ms: u64, amount: u128) -> Option<u64> {
        let moment = match self {
            Self::Nothing => return None,
            Self::Sliding { bucket_ms, buckets, .. } => {
                let mut left = 0;
                let (bucket, _) = buckets.iter().find(|(_, sum)| {
                    left += u128::from(*sum);
                    left >= amount
                })?;
                (bucket + BUCKETS + 1).saturating_mul(*bucket_ms)
            }
            Self::Calendar { now, total, .. } => {
                if u128::from(*total) < amount {
                    return None;
                }
                now.end
            }
        };
        Some(moment.saturating_sub(now_ms).max(1))
    }

    /// The parts that count, oldest first: when each began, and its amount.
    pub(super) fn parts(&self) -> Vec<(u64, u64)> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Sliding { bucket_ms, buckets, .. } => {
                buckets.iter().map(|(bucket, amount)| (bucket.saturating_mul(*bucket_ms), *amount)).collect()
            }
            Self::Calendar { now, total, .. } => vec![(now.start, *total)],
        }
    }

    /// Takes parts back, oldest first, as far as they still count. What comes from the future (the clock was set back
    /// since) is from now.
    pub(super) fn restore(&mut self, now_ms: u64, parts: &[(u64, u64)]) {
        for (start_ms, amount) in parts {
            let then_ms = (*start_ms).min(now_ms);
            let counts = match self {
                Self::Nothing => false,
                Self::Sliding { bucket_ms, buckets, .. } => {
                    let bucket = then_ms / *bucket_ms;
                    now_ms / *bucket_ms - bucket <= BUCKETS && buckets.back().is_none_or(|(last, _)| *last <= bucket)
                }
                Self::Calendar { now, .. } => now.contains(&then_ms),
            };
            if counts {
                self.add(then_ms, *amount);
            }
        }
    }
}
