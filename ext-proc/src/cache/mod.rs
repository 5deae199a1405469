//! What has been answered before: a request that was asked already is answered from here.
//!
//! An exchange looks once what it wants to send, after everybody who may stop it has had a say and its limits are held:
//! what it is called ([`rule`]: whose, under which rules) and whether it is there. What is not, is asked for, and kept when
//! the answer is whole. Everything here knows the masked body only, so neither keys nor answers hold what redaction takes out.
//!
//! Never crosses tenants, never answers with anything but a whole answer, never fails an exchange.

pub mod admin;
pub mod controls;
pub mod entry;
pub mod flight;
mod hooks;
pub mod journal;
pub mod keeping;
pub mod lookup;
pub mod purge;
pub mod rule;
pub mod semantic;
pub mod shelf;
mod wire;

pub use entry::Entry;
pub use rule::Rules;
pub use semantic::Semantic;
pub use shelf::Shelf;

use crate::config::Config;
use crate::metrics::Metrics;
use crate::store::RedisProblem;
use flight::Flights;
use journal::{Change, NotPurged};
use purge::Filter;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// What all exchanges share. It survives reloads: what was stored under a rule that has changed is not found any more.
#[derive(Debug)]
pub struct Cache {
    /// Where answers are kept.
    pub shelf: Shelf,
    /// Requests that are under way, and those that wait for their answers.
    pub flights: Flights,
    /// What finds them by meaning.
    pub semantic: Arc<Semantic>,
}

/// Memory for answers where the configuration that the process began with has no cache; a reload may bring one.
const MEMORY_BYTES_DEFAULT: u64 = 256 << 20;

impl Cache {
    /// As the configuration says. Belongs on the runtime that lives as long as the process.
    ///
    /// # Errors
    /// What is wrong with the settings of Redis.
    pub fn open(config: &Config, metrics: &Arc<Metrics>) -> Result<Self, RedisProblem> {
        let bytes_max = config.cache.as_ref().map_or(MEMORY_BYTES_DEFAULT, |rules| rules.memory_bytes_max);
        let memory = Arc::new(shelf::Memory::new(bytes_max));
        let semantic = Arc::new(Semantic::new(metrics.clone()));
        let embedder = config.cache.as_ref().and_then(|rules| rules.embedder.as_ref());
        if let Some(embedder) = embedder {
            semantic.keep_within(embedder.entries_max);
        }
        let flights = Flights::default();
        let in_redis = config.cache.as_ref().is_some_and(|rules| rules.in_redis);
        let Some(settings) = config.written.store.redis.clone().filter(|_| in_redis) else {
            return Ok(Self { shelf: Shelf::Memory(memory), flights, semantic });
        };
        let (local, vectors, landed) = (memory.clone(), semantic.clone(), flights.clone());
        let apply = Arc::new(move |changes: Vec<Change>| {
            changes.iter().for_each(|change| local.apply(change));
            if changes.iter().any(|change| matches!(change, Change::Purge(_) | Change::Forget)) {
                landed.forget();
            }
            vectors.apply(changes);
        });
        let records_max = embedder.map_or(0, |embedder| embedder.entries_max as u64).max(JOURNAL_RECORDS_MIN);
        let redis = shelf::Redis::start(settings, records_max, apply, metrics.clone())?;
        Ok(Self { shelf: Shelf::Redis(Box::new(redis), memory), flights, semantic })
    }

    /// Forgets what this names, everywhere; how many answers went from this process's memory.
    ///
    /// # Errors
    /// Why other replicas do not know of it. This one has forgotten it all the same.
    pub async fn purge(&self, filter: &Filter) -> Result<u64, NotPurged> {
        self.semantic.purge(filter);
        self.flights.forget();
        self.shelf.purge(filter).await
    }
}

/// Fewest records of the journal: where nothing is found by meaning, it holds purges alone.
const JOURNAL_RECORDS_MIN: u64 = 1000;

/// Now, in unix milliseconds.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
