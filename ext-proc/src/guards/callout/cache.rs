//! Verdicts of those who were asked, remembered for a while: by a keyed hash of what was asked. No text is kept.

use super::Verdict;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Most verdicts that a guard remembers; each takes about 150 bytes.
const VERDICTS_MAX: usize = 10_000;

/// What was asked, as a hash.
pub(super) type Key = [u8; 32];

/// Verdicts of one guard.
#[derive(Debug, Default)]
pub(super) struct Verdicts(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    verdicts: HashMap<Key, (Instant, Verdict)>,
    /// In the order in which they came: the oldest goes first.
    order: VecDeque<Key>,
}

impl Verdicts {
    /// What was said of this, unless it was said longer ago than `time`.
    pub(super) fn recall(&self, key: &Key, time: Duration) -> Option<Verdict> {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, verdict) = remembered.verdicts.get(key)?;
        (since.elapsed() < time).then(|| verdict.clone())
    }

    /// Remembers what was said.
    pub(super) fn remember(&self, key: Key, verdict: &Verdict) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.verdicts.insert(key, (Instant::now(), verdict.clone())).is_none() {
            remembered.order.push_back(key);
        }
        while remembered.order.len() > VERDICTS_MAX {
            if let Some(oldest) = remembered.order.pop_front() {
                remembered.verdicts.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(i: usize) -> Key {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&i.to_be_bytes());
        key
    }

    #[test]
    fn a_verdict_is_remembered_for_a_while() {
        let verdicts = Verdicts::default();
        verdicts.remember(key(1), &Verdict::Allow);
        assert_eq!(verdicts.recall(&key(1), Duration::from_secs(60)), Some(Verdict::Allow));
        assert_eq!(verdicts.recall(&key(1), Duration::ZERO), None);
        assert_eq!(verdicts.recall(&key(2), Duration::from_secs(60)), None);
    }

    #[test]
    fn there_is_room_for_so_many_and_the_oldest_goes() {
        let verdicts = Verdicts::default();
        for i in 0..VERDICTS_MAX + 10 {
            verdicts.remember(key(i), &Verdict::Allow);
            verdicts.remember(key(i), &Verdict::Allow);
        }
        let remembered = verdicts.0.lock().unwrap();
        assert_eq!((remembered.verdicts.len(), remembered.order.len()), (VERDICTS_MAX, VERDICTS_MAX));
        assert!(!remembered.verdicts.contains_key(&key(9)) && remembered.verdicts.contains_key(&key(10)));
    }
}
