//! What samples have said of entries that were found by meaning: one whose answer keeps disagreeing is not served any more.

use attache_core::cache_key::Key;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Disagreements from which on an entry is demoted, if they are more than the agreements.
pub const DISAGREEMENTS_MIN: u32 = 2;
/// Most entries of which something is remembered; of the oldest it is forgotten first.
const ENTRIES_MAX: usize = 20_000;

/// How a sample ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The two answers say the same, as far as words tell.
    Agree,
    /// They do not.
    Disagree,
    /// At least one of them has no text that could be compared.
    Unread,
}

impl Verdict {
    /// The word for it in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agree => "agree",
            Self::Disagree => "disagree",
            Self::Unread => "unread",
        }
    }
}

/// What is known of entries.
#[derive(Debug, Default)]
pub struct Standing(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    counts: HashMap<Key, Counts>,
    /// In the order in which they came.
    order: VecDeque<Key>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    agreed: u32,
    disagreed: u32,
}

impl Counts {
    fn is_demoted(self) -> bool {
        self.disagreed >= DISAGREEMENTS_MIN && self.disagreed > self.agreed
    }
}

impl Standing {
    /// Whether an entry is not served any more.
    pub fn is_demoted(&self, key: &Key) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.counts.get(key).is_some_and(|counts| counts.is_demoted())
    }

    /// Takes note of a sample. True where the entry is demoted by it.
    pub fn note(&self, key: Key, verdict: Verdict) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = &mut *known;
        let counts = known.counts.entry(key).or_insert_with(|| {
            known.order.push_back(key);
            Counts::default()
        });
        let before = counts.is_demoted();
        match verdict {
            Verdict::Agree => counts.agreed = counts.agreed.saturating_add(1),
            Verdict::Disagree => counts.disagreed = counts.disagreed.saturating_add(1),
            Verdict::Unread => {}
        }
        let is_new = counts.is_demoted() && !before;
        if known.order.len() > ENTRIES_MAX
            && let Some(oldest) = known.order.pop_front()
        {
            known.counts.remove(&oldest);
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_keeps_disagreeing_is_demoted() {
        let standing = Standing::default();
        let [good, bad, mixed] = [1, 2, 3].map(|byte| Key::from_bytes([byte; 32]));
        let note =
            |key, verdicts: &[Verdict]| verdicts.iter().map(|verdict| standing.note(key, *verdict)).collect::<Vec<_>>();
        use Verdict::{Agree, Disagree, Unread};
        assert_eq!(note(good, &[Agree, Disagree, Agree, Unread]), [false; 4]);
        assert_eq!(note(bad, &[Disagree, Unread, Disagree, Disagree]), [false, false, true, false]);
        assert_eq!(note(mixed, &[Agree, Agree, Disagree, Disagree, Disagree]), [false, false, false, false, true]);
        assert_eq!([good, bad, mixed].map(|key| standing.is_demoted(&key)), [false, true, true]);
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let standing = Standing::default();
        let key = |number: usize| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_be_bytes());
            Key::from_bytes(key)
        };
        for number in 0..ENTRIES_MAX + 5 {
            standing.note(key(number), Verdict::Disagree);
        }
        let known = standing.0.lock().unwrap();
        assert_eq!((known.counts.len(), known.order.len()), (ENTRIES_MAX, ENTRIES_MAX));
    }
}
