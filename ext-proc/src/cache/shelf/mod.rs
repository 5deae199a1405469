//! Where answers are kept: in this process's memory, or in a Redis that replicas share.
//!
//! A shelf that is away has nothing on it: that is a miss, never an error.

mod envelope;
mod memory;
mod redis;

pub use memory::Memory;
pub use redis::{Found, Redis};

use super::entry::Entry;
use super::journal::{Journal, NotPurged};
use super::now_ms;
use super::purge::Filter;
use super::wire::Away;
use attache_core::cache_key::Key;
use std::sync::Arc;
use std::time::Duration;

/// Where answers are kept.
#[derive(Debug)]
pub enum Shelf {
    /// This process's memory.
    Memory(Arc<Memory>),
    /// A Redis that replicas share. What passed by here lies in memory as well, and is read while Redis is away.
    Redis(Box<Redis>, Arc<Memory>),
}

/// What is on a shelf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// How many answers are in this process's memory.
    pub entries: u64,
    /// What they take, in bytes.
    pub bytes: u64,
}

impl Shelf {
    /// The answer of this name, where it is there and has not ended.
    pub async fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        self.find(key).await.ok().flatten()
    }

    /// The same, for whom it matters why there is none.
    ///
    /// # Errors
    /// When nobody can say whether there is one.
    pub async fn find(&self, key: &Key) -> Result<Option<Arc<Entry>>, Away> {
        let (redis, memory) = match self {
            Self::Memory(memory) => return Ok(memory.get(key)),
            Self::Redis(redis, memory) => (redis, memory),
        };
        let found = match redis.get(key).await {
            Found::Entry(bytes) => Entry::read(&bytes).filter(|entry| entry.lives(now_ms())),
            Found::Nothing => None,
            Found::Away => return memory.get(key).map(Some).ok_or(Away),
        };
        let found = found.map(Arc::new);
        match &found {
            Some(entry) => memory.put(key, entry.clone()),
            // Whatever became of it there, it is not to come back from here.
            None => memory.remove(key),
        }
        Ok(found)
    }

    /// Keeps an answer until it ends, in the place of an older one.
    pub async fn put(&self, key: &Key, entry: Arc<Entry>) {
        match self {
            Self::Memory(memory) => memory.put(key, entry),
            Self::Redis(redis, memory) => {
                let ttl = Duration::from_millis(entry.about.expires_at.saturating_sub(now_ms()));
                redis.put(key, &entry.tags(), &entry.write(), ttl).await;
                memory.put(key, entry);
            }
        }
    }

    /// Takes away all that this names, everywhere; how many there were in this process's memory.
    ///
    /// # Errors
    /// Why other replicas do not know of it.
    pub async fn purge(&self, filter: &Filter) -> Result<u64, NotPurged> {
        match self {
            Self::Memory(memory) => Ok(memory.purge(filter)),
            Self::Redis(redis, memory) => {
                let gone = memory.purge(filter);
                redis.purge(filter).await?;
                Ok(gone)
            }
        }
    }

    /// What is in this process's memory now.
    pub fn stats(&self) -> Stats {
        match self {
            Self::Memory(memory) | Self::Redis(_, memory) => memory.stats(),
        }
    }

    /// What replicas tell each other, where they do.
    pub fn journal(&self) -> Option<&Arc<Journal>> {
        match self {
            Self::Memory(_) => None,
            Self::Redis(redis, _) => Some(redis.journal()),
        }
    }
}
