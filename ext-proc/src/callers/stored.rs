//! Keys of the store: the whole shelf, by hash, as it last was. Looking one up costs the same among one and among 100,000.

use super::access::Allow;
use super::caller::{Caller, Source};
use super::claims::Said;
use super::key::KeyHash;
use super::rules::Rules;
use super::stranger::Stranger;
use crate::config::callers::allow_list;
use crate::config::written;
use crate::store::{Store, Unavailable};
use arc_swap::ArcSwapOption;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// The shelf of keys.
pub const SHELF: &str = "keys";
/// The least time between two readings of the shelf: many keys made in a row are read together.
const READ_PAUSE: Duration = Duration::from_millis(500);
/// The time after which a shelf that could not be read is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// A key as the store keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The caller's name.
    pub name: String,
    /// The hashes that count, the newest first.
    pub hashes: Vec<Hash>,
    /// The team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// What its requests are marked with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// What it may use.
    #[serde(default)]
    pub allow: written::callers::Allow,
    /// When it was made, in Unix seconds.
    pub created_s: u64,
    /// From when on it counts no more, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_s: Option<u64>,
    /// It does not count for now.
    #[serde(default)]
    pub disabled: bool,
}

/// A hash of a key.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hash {
    /// In hex.
    pub sha256: String,
    /// What people may see of the key.
    pub shown: String,
    /// Until when it counts, in Unix seconds, where a newer one has taken its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_s: Option<u64>,
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hash").field("shown", &self.shown).field("until_s", &self.until_s).finish_non_exhaustive()
    }
}

/// A key, and its caller as it was last found out.
#[derive(Debug)]
struct Key {
    record: Record,
    allow: Arc<Allow>,
    /// Under these rules it is this caller.
    caller: ArcSwapOption<(Arc<Rules>, Caller)>,
}

/// What a hash leads to.
#[derive(Clone, Debug)]
struct Place {
    key: Arc<Key>,
    /// Which of the key's hashes.
    index: usize,
}

/// All keys of the store.
#[derive(Debug, Default)]
pub struct StoredKeys {
    /// `None`: the shelf has not been read yet.
    read: ArcSwapOption<Shelf>,
}

/// The shelf as it last was.
#[derive(Clone, Debug, Default)]
struct Shelf {
    by_hash: HashMap<KeyHash, Place>,
    by_id: BTreeMap<String, Arc<Key>>,
}

impl Shelf {
    fn put(&mut self, id: String, record: Record) {
        self.remove(&id);
        let key = Arc::new(Key { allow: Arc::new(allow_list(&record.allow)), record, caller: ArcSwapOption::empty() });
        for (index, hash) in key.record.hashes.iter().enumerate() {
            if let Some(hash) = KeyHash::from_hex(&hash.sha256) {
                self.by_hash.insert(hash, Place { key: key.clone(), index });
            }
        }
        self.by_id.insert(id, key);
    }

    fn remove(&mut self, id: &str) {
        let Some(key) = self.by_id.remove(id) else { return };
        for hash in key.record.hashes.iter().filter_map(|hash| KeyHash::from_hex(&hash.sha256)) {
            self.by_hash.remove(&hash);
        }
    }
}

impl StoredKeys {
    /// Whose key this is; `None`: nobody's.
    ///
    /// # Errors
    /// Why it lets nobody in.
    pub fn find(&self, hash: &KeyHash, rules: &Arc<Rules>, now_s: u64) -> Result<Option<Caller>, Stranger> {
        let shelf = self.read.load();
        let Some(shelf) = shelf.as_ref() else { return Err(Stranger::Unavailable) };
        let Some(Place { key, index }) = shelf.by_hash.get(hash) else { return Ok(None) };
        let hash = key.record.hashes.get(*index);
        let over = |until_s: Option<u64>| until_s.is_some_and(|until_s| until_s <= now_s);
        if key.record.disabled {
            return Err(Stranger::Disabled);
        }
        if over(key.record.expires_s) || over(hash.and_then(|hash| hash.until_s)) {
            return Err(Stranger::Expired);
        }
        if let Some((under, caller)) = key.caller.load().as_deref()
            && Arc::ptr_eq(under, rules)
            && caller.key.as_deref() == hash.map(|hash| hash.shown.as_str())
        {
            return Ok(Some(caller.clone()));
        }
        let Record { name, team, tags, .. } = &key.record;
        let said = Said { name: name.clone(), team: team.clone(), tags: tags.clone(), ..Said::default() };
        let caller = rules.groups.caller(said, Source::Key, hash.map(|hash| hash.shown.as_str()), &key.allow)?;
        key.caller.store(Some(Arc::new((rules.clone(), caller.clone()))));
        Ok(Some(caller))
    }

    /// All keys with their ids, as they last were; `None` before the shelf was read.
    pub fn records(&self) -> Option<Vec<(String, Record)>> {
        let shelf = self.read.load();
        let shelf = shelf.as_ref()?;
        Some(shelf.by_id.iter().map(|(id, key)| (id.clone(), key.record.clone())).collect())
    }

    /// Whether some key has this name.
    pub fn has_name(&self, name: &str) -> bool {
        self.read.load().as_ref().is_some_and(|shelf| shelf.by_id.values().any(|key| key.record.name == name))
    }

    /// Reads the shelf.
    ///
    /// # Errors
    /// When the store cannot be reached; what was known stays.
    pub async fn refresh(&self, store: &Store) -> Result<(), Unavailable> {
        let mut shelf = Shelf::default();
        for (id, bytes) in store.shelf(SHELF).await? {
            match serde_json::from_slice(&bytes) {
                Ok(record) => shelf.put(id, record),
                // Not the content: it holds hashes.
                Err(_) => tracing::error!(id, "a stored key cannot be read; it lets nobody in"),
            }
        }
        self.read.store(Some(Arc::new(shelf)));
        Ok(())
    }

    /// Puts a key on the shelf, or changes it. It counts here when this returns, elsewhere a moment later.
    ///
    /// # Errors
    /// When the store cannot be reached; then nothing has changed.
    pub async fn put(&self, store: &Store, id: &str, record: &Record) -> Result<(), Unavailable> {
        let bytes = serde_json::to_vec(record).map_err(|_| Unavailable)?;
        store.put(SHELF, id, &bytes).await?;
        self.change(|shelf| shelf.put(id.to_owned(), record.clone()));
        Ok(())
    }

    /// Takes a key from the shelf; whether it was there.
    ///
    /// # Errors
    /// When the store cannot be reached; then nothing has changed.
    pub async fn remove(&self, store: &Store, id: &str) -> Result<bool, Unavailable> {
        let there = store.remove(SHELF, id).await?;
        self.change(|shelf| shelf.remove(id));
        Ok(there)
    }

    fn change(&self, change: impl Fn(&mut Shelf)) {
        self.read.rcu(|shelf| {
            // One that was not read yet stays so: it would look as if there were no other keys.
            let mut shelf = Shelf::clone(shelf.as_ref()?);
            change(&mut shelf);
            Some(Arc::new(shelf))
        });
    }

    /// Keeps up with the shelf for as long as the process lives.
    pub async fn keep_up(&self, store: &Store) {
        let mut away = false;
        loop {
            match self.refresh(store).await {
                Ok(()) if away => {
                    away = false;
                    tracing::info!("stored keys can be read again");
                }
                Ok(()) => {}
                Err(error) => {
                    if !std::mem::replace(&mut away, true) {
                        tracing::error!(%error, "stored keys cannot be read; those that are known keep counting");
                    }
                    tokio::time::sleep(RETRY_PAUSE).await;
                    continue;
                }
            }
            store.shelf_changed(SHELF).await;
            tokio::time::sleep(READ_PAUSE).await;
        }
    }
}
