//! A pool of keys: each in turn, but for those that rest because their provider had enough of them.

use secrecy::SecretString;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How long a key rests after a 429 that does not say for how long.
const REST: Duration = Duration::from_secs(10);
/// The longest that a 429 can send a key to rest.
const REST_MAX: Duration = Duration::from_secs(60 * 60);
/// How long a key rests that is refused: it may have been revoked, or not be known everywhere yet.
const REST_OF_REFUSED: Duration = Duration::from_secs(5 * 60);

/// Keys of one account or of several. Never empty.
#[derive(Debug)]
pub struct Pool {
    keys: Vec<Key>,
    turn: AtomicUsize,
    began: Instant,
}

#[derive(Debug)]
struct Key {
    secret: SecretString,
    /// It rests until so many milliseconds after the pool began; 0: it does not.
    rests_until_ms: AtomicU64,
    /// It was refused when it was last used.
    is_refused: AtomicBool,
}

/// A key was sent to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rest {
    pub(super) reason: Reason,
    pub(super) time: Duration,
    /// A person wants to know: it is refused, and was not before.
    pub(super) is_news: bool,
}

/// Why a key rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Too many requests with it.
    TooMany,
    /// It is no good.
    Refused,
}

impl Reason {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::TooMany => "429",
            Self::Refused => "401",
        }
    }
}

impl Pool {
    /// A pool of these keys, as they are sent; `None` without any.
    pub fn of(secrets: Vec<SecretString>) -> Option<Self> {
        let awake = |secret| Key { secret, rests_until_ms: AtomicU64::new(0), is_refused: AtomicBool::new(false) };
        let keys: Vec<_> = secrets.into_iter().map(awake).collect();
        (!keys.is_empty()).then(|| Self { keys, turn: AtomicUsize::new(0), began: Instant::now() })
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key whose turn it is, with its position; when all rest, the one that rests shortest.
    pub(super) fn next(&self) -> (usize, &SecretString) {
        let now = self.now_ms();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let keys = || self.keys.iter().enumerate();
        let rest = |key: &Key| key.rests_until_ms.load(Ordering::Relaxed).saturating_sub(now);
        // Among those awake only: otherwise the one behind a key that rests would have its turns, too.
        let awake = || keys().filter(|(_, key)| rest(key) == 0);
        let in_turn = turn.checked_rem(awake().count()).and_then(|turn| awake().nth(turn));
        let chosen = in_turn.or_else(|| keys().min_by_key(|(_, key)| rest(key)));
        chosen.map(|(position, key)| (position, &key.secret)).expect("a pool is never empty")
    }

    /// Learns what became of a request with this key.
    pub(super) fn answered(&self, position: usize, status: u16, retry_after_seconds: Option<u64>) -> Option<Rest> {
        let key = self.keys.get(position)?;
        let was_refused = || key.is_refused.swap(status == 401, Ordering::Relaxed);
        let rest = match status {
            429 => {
                let asked = retry_after_seconds.map_or(REST, Duration::from_secs);
                Rest { reason: Reason::TooMany, time: asked.min(REST_MAX), is_news: false }
            }
            401 => Rest { reason: Reason::Refused, time: REST_OF_REFUSED, is_news: !was_refused() },
            200..=299 => {
                // Load before swap: nearly every answer is this one, and keys are shared by all threads.
                if key.is_refused.load(Ordering::Relaxed) {
                    was_refused();
                }
                return None;
            }
            _ => return None,
        };
        let until = self.now_ms().saturating_add(u64::try_from(rest.time.as_millis()).unwrap_or(u64::MAX));
        // A refusal is not cut short by a 429 that was under way.
        key.rests_until_ms.fetch_max(until, Ordering::Relaxed);
        Some(rest)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn pool(keys: &[&str]) -> Pool {
        Pool::of(keys.iter().map(|key| SecretString::from(*key)).collect()).unwrap()
    }

    fn take(pool: &Pool, count: usize) -> String {
        (0..count).map(|_| pool.next().1.expose_secret()).collect::<Vec<_>>().join("")
    }

    #[tokio::test(start_paused = true)]
    async fn each_in_turn_but_for_those_that_rest() {
        let pool = pool(&["a", "b", "c"]);
        assert_eq!(take(&pool, 6), "abcabc");
        let rest = pool.answered(1, 429, Some(3)).unwrap();
        assert_eq!((rest.reason, rest.time, rest.is_news), (Reason::TooMany, Duration::from_secs(3), false));
        assert!(!take(&pool, 6).contains('b'));
        tokio::time::advance(Duration::from_millis(2999)).await;
        assert!(!take(&pool, 6).contains('b'));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(take(&pool, 3).contains('b'));
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_rest_the_one_that_rests_shortest_serves() {
        let pool = pool(&["a", "b", "c"]);
        pool.answered(0, 401, None);
        pool.answered(1, 429, None);
        pool.answered(2, 429, Some(u64::MAX));
        assert_eq!(take(&pool, 3), "bbb");
        tokio::time::advance(REST).await;
        // A 429 that was under way does not cut the longer rest short.
        pool.answered(0, 429, Some(0));
        assert_eq!(take(&pool, 3), "bbb");
        tokio::time::advance(REST_OF_REFUSED).await;
        assert_eq!(take(&pool, 4).replace('b', ""), "aa", "a key that rests makes no other serve twice as often");
        tokio::time::advance(REST_MAX).await;
        assert_eq!(take(&pool, 3).len(), 3);
        assert!(take(&pool, 3).contains('c'), "nobody rests for ever");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_key_is_news_once() {
        let pool = pool(&["a", "b"]);
        assert!(pool.answered(0, 401, None).unwrap().is_news);
        assert!(!pool.answered(0, 401, None).unwrap().is_news);
        assert!(pool.answered(1, 401, None).unwrap().is_news);
        assert_eq!(pool.answered(0, 500, None), None, "no key's fault");
        assert!(!pool.answered(0, 401, None).unwrap().is_news);
        assert_eq!(pool.answered(0, 200, None), None);
        assert!(pool.answered(0, 401, None).unwrap().is_news, "it worked in between");
        assert_eq!(pool.answered(7, 401, None), None);
    }

    #[test]
    fn one_key_serves_always() {
        let pool = pool(&["a"]);
        pool.answered(0, 401, None);
        assert_eq!(take(&pool, 2), "aa");
        assert!(!format!("{pool:?}").contains("\"a\""));
        assert!(Pool::of(Vec::new()).is_none());
    }
}
