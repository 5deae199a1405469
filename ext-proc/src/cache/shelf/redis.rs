//! Entries in Redis: one GET for a lookup, and each expires by itself.
//!
//! While Redis is away, everything is a miss at once, see [`Wire`]. So it is while this replica does not know what was
//! purged, see [`Journal::hears`].

use super::super::journal::{Apply, Journal, NotPurged};
use super::super::purge::{Filter, TTL_MAX, Tags};
use super::super::wire::{Away, Wire};
use super::envelope::{HEAD_BYTES, Head, pack};
use crate::metrics::Metrics;
use crate::store::{RedisProblem, RedisSettings};
use attache_core::cache_key::Key;
use bytes::Bytes;
use futures_util::future::try_join_all;
use redis::{FromRedisValue, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// Most bytes of an entry, unpacked, whatever somebody wrote there.
const ENTRY_BYTES_MAX: usize = 64 << 20;
/// Longest time for what no exchange waits for.
const PATIENT: Duration = Duration::from_secs(2);
/// Takes an entry out whose head is still the same.
const UNLINK_SAME: &str =
    "if redis.call('GETRANGE', KEYS[1], 0, ARGV[2]) == ARGV[1] then return redis.call('UNLINK', KEYS[1]) end";
/// Keys that are looked at together when purged entries are taken out.
const SWEEP_KEYS: usize = 200;
/// Between two of these.
const SWEEP_PAUSE: Duration = Duration::from_millis(5);

/// A shelf that replicas share.
#[derive(Debug)]
pub struct Redis {
    wire: Arc<Wire>,
    journal: Arc<Journal>,
    purged: Arc<Notify>,
    sweeper: AbortHandle,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// An entry.
    Entry(Bytes),
    /// There is none, or it was purged.
    Nothing,
    /// Nobody can say.
    Away,
}

impl Redis {
    /// Starts to connect, and to follow the journal, which keeps about so many records. Belongs on the runtime that lives as
    /// long as the process.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn start(
        settings: RedisSettings,
        records_max: u64,
        apply: Apply,
        metrics: Arc<Metrics>,
    ) -> Result<Self, RedisProblem> {
        let wire = Arc::new(Wire::start(settings.clone(), metrics)?);
        let journal = Journal::start(settings, wire.clone(), records_max, apply)?;
        let purged = Arc::new(Notify::new());
        let sweeper = tokio::spawn(sweep(wire.clone(), journal.clone(), purged.clone())).abort_handle();
        Ok(Self { wire, journal, purged, sweeper })
    }

    /// What replicas tell each other.
    pub fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// Whether Redis answered last.
    pub fn is_up(&self) -> bool {
        self.wire.is_up()
    }

    /// Looks for an entry.
    pub async fn get(&self, key: &Key) -> Found {
        if !self.journal.hears() {
            self.wire.metrics.cache.store_errors.with_label_values(&["deaf"]).inc();
            return Found::Away;
        }
        let mut command = redis::cmd("GET");
        command.arg(self.wire.entry(key));
        let packed = match self.wire.ask("get", &command, self.wire.timeout).await {
            Ok(Value::BulkString(packed)) => packed,
            Ok(_) => return Found::Nothing,
            Err(Away) => return Found::Away,
        };
        let Some((head, rest)) = Head::read(&packed) else { return Found::Nothing };
        if self.journal.is_purged(key, &head.tags, head.epoch) {
            return Found::Nothing;
        }
        head.unpack(rest, ENTRY_BYTES_MAX).map_or(Found::Nothing, Found::Entry)
    }

    /// Stores an entry for so long, in place of what has the same key. Failures are counted, and no more.
    pub async fn put(&self, key: &Key, tags: &Tags, entry: &[u8], ttl: Duration) {
        let ttl_ms = u64::try_from(ttl.min(TTL_MAX).as_millis()).unwrap_or(u64::MAX);
        // Who does not know what was purged cannot say that this was not.
        if ttl_ms == 0 || entry.len() > ENTRY_BYTES_MAX || !self.journal.hears() {
            return;
        }
        let Some(packed) = pack(self.journal.epoch(), tags, entry) else { return };
        let mut command = redis::cmd("SET");
        command.arg(self.wire.entry(key)).arg(packed).arg("PX").arg(ttl_ms);
        let _stored = self.wire.ask("put", &command, PATIENT).await;
    }

    /// Has every replica forget what this names: at once, since it is not found any more. The room is given back soon.
    ///
    /// # Errors
    /// Why the others cannot be told.
    pub async fn purge(&self, filter: &Filter) -> Result<(), NotPurged> {
        self.journal.purge(filter).await?;
        self.purged.notify_one();
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.sweeper.abort();
    }
}

/// Takes out what was purged, whenever something was. In a cluster, where one node does not know the keys of the others,
/// it expires instead.
async fn sweep(wire: Arc<Wire>, journal: Arc<Journal>, purged: Arc<Notify>) {
    loop {
        purged.notified().await;
        if !wire.is_cluster && sweep_once(&wire, &journal).await.is_err() {
            tracing::warn!("the cache's Redis does not answer: what was purged stays there, unseen, until it expires");
        }
    }
}

async fn sweep_once(wire: &Wire, journal: &Journal) -> Result<(), Away> {
    let mut cursor = "0".to_owned();
    loop {
        let (next, keys) = scan(wire, &cursor).await?;
        let looks = keys.iter().map(|key| take_out(wire, journal, key));
        try_join_all(looks).await?;
        if next == "0" {
            return Ok(());
        }
        cursor = next;
        tokio::time::sleep(SWEEP_PAUSE).await;
    }
}

async fn take_out(wire: &Wire, journal: &Journal, name: &str) -> Result<(), Away> {
    let Some(key) = name.strip_prefix(&wire.entries()).and_then(|key| key.parse().ok()) else { return Ok(()) };
    let mut look = redis::cmd("GETRANGE");
    look.arg(name).arg(0).arg(HEAD_BYTES);
    let Value::BulkString(head) = wire.ask("sweep", &look, PATIENT).await? else { return Ok(()) };
    if Head::read(&head).is_some_and(|(head, _)| journal.is_purged(&key, &head.tags, head.epoch)) {
        // Only this one: another may have taken its place since.
        let mut unlink = redis::cmd("EVAL");
        unlink.arg(UNLINK_SAME).arg(1).arg(name).arg(head).arg(HEAD_BYTES);
        wire.ask("sweep", &unlink, PATIENT).await?;
    }
    Ok(())
}

/// Some entries' names, and where to go on.
async fn scan(wire: &Wire, cursor: &str) -> Result<(String, Vec<String>), Away> {
    let mut command = redis::cmd("SCAN");
    command.arg(cursor).arg("MATCH").arg(wire.entries_pattern()).arg("COUNT").arg(SWEEP_KEYS);
    let reply = wire.ask("sweep", &command, PATIENT).await?;
    <(String, Vec<String>)>::from_redis_value(reply).map_err(|_| Away)
}
