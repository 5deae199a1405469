//! Answers in this process's memory: as many bytes as the configuration allows; what is asked for often stays.

use super::Stats;
use crate::cache::entry::Entry;
use crate::cache::journal::Change;
use crate::cache::now_ms;
use crate::cache::purge::Filter;
use attache_core::cache_key::Key;
use moka::Expiry;
use moka::sync::Cache;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Answers in memory.
#[derive(Debug)]
pub struct Memory {
    entries: Cache<Key, Arc<Entry>>,
}

/// Entries end when they say so.
struct Ends;

impl Expiry<Key, Arc<Entry>> for Ends {
    fn expire_after_create(&self, _: &Key, entry: &Arc<Entry>, _: Instant) -> Option<Duration> {
        Some(Duration::from_millis(entry.about.expires_at.saturating_sub(now_ms())))
    }

    fn expire_after_update(&self, key: &Key, entry: &Arc<Entry>, at: Instant, _: Option<Duration>) -> Option<Duration> {
        self.expire_after_create(key, entry, at)
    }
}

impl Memory {
    /// Room for so many bytes.
    pub fn new(bytes_max: u64) -> Self {
        let weigh = |_: &Key, entry: &Arc<Entry>| u32::try_from(entry.bytes()).unwrap_or(u32::MAX);
        Self { entries: Cache::builder().max_capacity(bytes_max).weigher(weigh).expire_after(Ends).build() }
    }

    /// The answer of this name.
    pub fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        // Clocks that are set back do not bring an answer back to life, nor forward keep it.
        self.entries.get(key).filter(|entry| entry.lives(now_ms()))
    }

    /// Keeps an answer.
    pub fn put(&self, key: &Key, entry: Arc<Entry>) {
        self.entries.insert(*key, entry);
    }

    /// Takes an answer away.
    pub fn remove(&self, key: &Key) {
        self.entries.invalidate(key);
    }

    /// Follows what happens elsewhere.
    pub fn apply(&self, change: &Change) {
        match change {
            Change::Purge(filter) => drop(self.purge(filter)),
            Change::Forget => self.entries.invalidate_all(),
            Change::Add(_) | Change::Remove(_) => {}
        }
    }

    /// Takes away all that this names.
    pub fn purge(&self, filter: &Filter) -> u64 {
        let fit = self.entries.iter().filter(|(key, entry)| filter.names(key, &entry.tags()));
        fit.map(|(key, _)| self.entries.invalidate(&*key)).count() as u64
    }

    /// What is there now.
    pub fn stats(&self) -> Stats {
        self.entries.run_pending_tasks();
        Stats { entries: self.entries.entry_count(), bytes: self.entries.weighted_size() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::entry::About;
    use crate::cache::purge::Wish;
    use attache_core::cache_key::{Keys, Request, Scope, Tenant};
    use attache_core::endpoint::Endpoint;
    use bytes::Bytes;

    fn key(of: usize) -> Key {
        let body = format!("{{\"n\":{of}}}");
        let endpoint = Endpoint::of("/v1/chat/completions", false).unwrap();
        let request = Request::read(&endpoint, body.as_bytes()).unwrap();
        let scope = Scope { tenant: Tenant::Shared, policy: "", models: &[], also: &[], left_out: &[] };
        Keys::new(b"secret").exact(&scope, &request)
    }

    fn entry(model: &str, bytes: usize, lives: Duration) -> Arc<Entry> {
        let stored_at = now_ms();
        let expires_at = stored_at + u64::try_from(lives.as_millis()).unwrap();
        let about = About { model: model.into(), stored_at, expires_at, ..About::default() };
        Arc::new(Entry { body: Bytes::from(vec![b'x'; bytes]), about })
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn it_holds_no_more_than_it_may() {
        let memory = Memory::new(100_000);
        for i in 0..1000 {
            memory.put(&key(i), entry("m", 2000, HOUR));
        }
        let Stats { entries, bytes } = memory.stats();
        assert!((1..=40).contains(&entries) && bytes <= 100_000, "{entries} entries of {bytes} bytes");
        memory.put(&key(1), entry("m", 200_000, HOUR));
        memory.stats();
        assert_eq!(memory.get(&key(1)), None, "larger than all there is");
    }

    #[test]
    fn what_has_ended_is_gone() {
        let memory = Memory::new(100_000);
        memory.put(&key(1), entry("m", 10, Duration::from_millis(30)));
        memory.put(&key(2), entry("m", 10, HOUR));
        memory.put(&key(2), entry("m", 10, Duration::from_millis(30)));
        assert!(memory.get(&key(1)).is_some() && memory.get(&key(2)).is_some());
        std::thread::sleep(Duration::from_millis(40));
        assert_eq!((memory.get(&key(1)), memory.get(&key(2))), (None, None));
    }

    #[test]
    fn purging_takes_what_fits() {
        let memory = Memory::new(100_000);
        memory.put(&key(1), entry("a", 10, HOUR));
        memory.put(&key(2), entry("b", 10, HOUR));
        let filter = Wish { model: Some("a".into()), ..Wish::default() }.filter(0).unwrap();
        assert_eq!(memory.purge(&filter), 1);
        assert!(memory.get(&key(1)).is_none() && memory.get(&key(2)).is_some());
        let filter = Wish { key: key(2).to_string().get(..6).map(str::to_owned), ..Wish::default() }.filter(0).unwrap();
        assert_eq!(memory.purge(&filter), 1);
        assert_eq!(memory.stats(), Stats::default());
    }
}
