//! Shelves in memory and in a real Redis. Without one they say that they are skipped, as those of the store do.

mod away;
mod journal;
mod measure;
mod purging;
mod tenants;
mod ways;

use super::entry::About;
use super::journal::{Added, Change, Journal, Record};
use super::purge::Wish;
use super::rule::{Rule, Scope};
use super::shelf::{Memory, Redis, Shelf};
use super::*;
use crate::store::{RedisServer as Server, RedisSettings as Settings};
use attache_core::cache_key::Key;
use attache_semantic::index;
use bytes::Bytes;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

fn settings(server: &Server) -> Settings {
    // Many tests share few cores: only what is about timeouts is in a hurry.
    Settings { url: Some(server.url()), timeout_ms: 2_000, ..Settings::default() }
}

/// One replica, and what it was told.
struct Replica {
    shelf: Shelf,
    metrics: Arc<Metrics>,
    told: Arc<Mutex<Vec<Change>>>,
}

impl Replica {
    /// One that may not have a Redis yet.
    fn begin(settings: Settings) -> Self {
        Self::begin_with(settings, 1000)
    }

    /// With a journal of so many records.
    fn begin_with(settings: Settings, records_max: u64) -> Self {
        let metrics = Arc::new(Metrics::new().unwrap());
        let memory = Arc::new(Memory::new(10 << 20));
        let told = Arc::new(Mutex::new(Vec::new()));
        let (local, list) = (memory.clone(), told.clone());
        let apply = Arc::new(move |changes: Vec<Change>| {
            changes.iter().for_each(|change| local.apply(change));
            list.lock().unwrap_or_else(PoisonError::into_inner).extend(changes);
        });
        let redis = Redis::start(settings, records_max, apply, metrics.clone()).unwrap();
        Self { shelf: Shelf::Redis(Box::new(redis), memory), metrics, told }
    }

    async fn start(settings: Settings) -> Self {
        let replica = Self::begin(settings);
        replica.hears().await;
        replica
    }

    fn journal(&self) -> &Arc<Journal> {
        self.shelf.journal().unwrap()
    }

    /// Waits until Redis and the journal are there.
    async fn hears(&self) {
        let Shelf::Redis(redis, _) = &self.shelf else { unreachable!("it is one") };
        until("Redis is there", async || redis.is_up() && self.journal().hears()).await;
    }

    /// How many of the changes that it was told are such.
    fn count(&self, such: impl Fn(&Change) -> bool) -> usize {
        self.told.lock().unwrap().iter().filter(|change| such(change)).count()
    }

    fn added(&self) -> usize {
        self.count(|change| matches!(change, Change::Add(_)))
    }

    /// What another replica would be told: nothing of it comes from this one's memory.
    async fn finds(&self, key: &Key) -> Option<Bytes> {
        let (Shelf::Redis(_, memory) | Shelf::Memory(memory)) = &self.shelf;
        memory.remove(key);
        self.shelf.get(key).await.map(|entry| entry.body.clone())
    }

    async fn purge(&self, wish: Wish) -> Result<u64, NotPurged> {
        self.shelf.purge(&wish.filter(now_ms() / 1000).unwrap()).await
    }
}

/// A rule that says nothing in particular.
pub(super) fn rule(scope: Scope) -> Rule {
    Rule {
        name: "faq".into(),
        when: Vec::new(),
        scope,
        ttl: Duration::from_secs(3600),
        store_tool_calls: false,
        count_requests: true,
        client_controls: true,
        coalesce: Some(Duration::from_secs(5)),
        ignore: Vec::new(),
        semantic: None,
    }
}

pub(super) fn key(byte: u8) -> Key {
    Key::from_bytes([byte; 32])
}

pub(super) fn entry(rule: &str, tenant: &str, body: &str) -> Arc<Entry> {
    let (stored_at, body) = (now_ms(), Bytes::copy_from_slice(body.as_bytes()));
    let (rule, tenant, model) = (rule.to_owned(), tenant.to_owned(), "gpt".to_owned());
    let about = About { rule, tenant, model, stored_at, expires_at: stored_at + 3_600_000, ..About::default() };
    Arc::new(Entry { body, about })
}

/// A vector in the journal.
fn vector(byte: u8) -> Record {
    let vector = (0..384_u32).map(|i| ((i + u32::from(byte) * 7) as f32 * 0.37).sin()).collect();
    let vector = index::Record { partition: [1; 32], id: *key(byte).as_bytes(), expires: u32::MAX, vector };
    Record::Add(Box::new(Added { tags: entry("faq", "shared", "").tags(), vector }))
}

/// Waits until something is so, for at most half a minute.
async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !so().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not come true: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
