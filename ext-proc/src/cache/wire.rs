//! The Redis of the cache: a link of its own, so that no limit waits behind a long answer, and where things are there.
//!
//! ```text
//! PREFIX:cache:KEY          an entry, until it expires; each by itself, anywhere in a cluster
//! {PREFIX}:cache:journal    a stream: vectors that were added and removed, purges
//! {PREFIX}:cache:state      a hash: since when it all exists, and the purges that still matter
//! ```

use super::purge::Epoch;
use crate::metrics::Metrics;
use crate::store::{RedisFailure, RedisLink, RedisProblem, RedisSettings};
use attache_core::cache_key::Key;
use redis::{Cmd, Value};
use std::sync::Arc;
use std::time::Duration;

/// Redis did not do it, or not in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cache's Redis does not answer")]
pub struct Away;

/// The link, and the names.
#[derive(Debug)]
pub struct Wire {
    link: RedisLink,
    prefix: String,
    /// Longest time that a request waits.
    pub timeout: Duration,
    /// It is a cluster: one node does not know the keys of another.
    pub is_cluster: bool,
    /// Counts what goes wrong.
    pub metrics: Arc<Metrics>,
}

impl Wire {
    /// Starts to connect, on this runtime, which outlives every call.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn start(settings: RedisSettings, metrics: Arc<Metrics>) -> Result<Self, RedisProblem> {
        settings.check()?;
        let (prefix, timeout, is_cluster) = (settings.prefix.clone(), settings.timeout(), !settings.cluster.is_empty());
        let link = RedisLink::start(settings, "cache: what others stored is missed until it does");
        Ok(Self { link, prefix, timeout, is_cluster, metrics })
    }

    /// Whether Redis answered last.
    pub fn is_up(&self) -> bool {
        self.link.is_up()
    }

    /// Asks Redis something, and counts it when there is no answer. While Redis is away this fails at once.
    pub async fn ask(&self, op: &str, command: &Cmd, timeout: Duration) -> Result<Value, Away> {
        match self.link.ask(command, timeout).await {
            Ok(value) => Ok(value),
            Err(failure) => {
                self.metrics.cache.store_errors.with_label_values(&[op]).inc();
                if let RedisFailure::Refused(error) = failure {
                    tracing::debug!(op, %error, "Redis refused a call of the cache");
                }
                Err(Away)
            }
        }
    }

    /// Where an entry is.
    pub fn entry(&self, key: &Key) -> String {
        format!("{}{key}", self.entries())
    }

    /// How the names of all entries begin.
    pub fn entries(&self) -> String {
        format!("{}:cache:", self.prefix)
    }

    /// The names of all entries, as a pattern of SCAN.
    pub fn entries_pattern(&self) -> String {
        let mut pattern = String::new();
        for char in self.entries().chars() {
            if matches!(char, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
                pattern.push('\\');
            }
            pattern.push(char);
        }
        pattern + "*"
    }

    /// Where the journal is.
    pub fn journal(&self) -> String {
        format!("{{{}}}:cache:journal", self.prefix)
    }

    /// Where the state is.
    pub fn state(&self) -> String {
        format!("{{{}}}:cache:state", self.prefix)
    }
}

/// The number of a purge with this id in the stream, which is a time and a count. They grow, by Redis' own clock, also
/// across everything that empties Redis.
pub fn epoch(id: &str) -> Option<Epoch> {
    let (ms, count) = id.split_once('-')?;
    let (ms, count): (u64, u64) = (ms.parse().ok()?, count.parse().ok()?);
    Some(ms.checked_mul(1 << 16)? | count.min(0xffff))
}
