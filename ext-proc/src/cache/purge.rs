//! What is to be forgotten.
//!
//! Entries carry the [`Tags`] by which they may be purged: hashes of names, so that nothing in Redis names a caller. A
//! [`Filter`] says which of them; whoever asks for one writes a [`Wish`], with names.
//!
//! Where replicas share a Redis, a purge has a number, and every entry says which purge was the last that its writer knew.
//! An entry with a lower number that a purge names is dead, wherever it is met: no clock of two machines is compared, and
//! what a replica stores before it has heard of a purge is dead as well.

use attache_core::cache_key::Key;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::time::Duration;

/// The longest time that an answer is kept. A purge that is older has nothing left to name.
pub const TTL_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// Most purges that are remembered at once, by what they name.
pub const PURGES_MAX: usize = 1024;

/// A purge's number; zero comes before all of them.
pub type Epoch = u64;

/// By what an entry may be purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tags {
    rule: u32,
    model: u32,
    tenant: u32,
    /// Unix seconds.
    stored_at: u32,
}

impl Tags {
    /// How many bytes they are.
    pub const BYTES: usize = 16;

    /// Of an entry of this rule, for this model as the client names it, of this tenant (as entries name it), stored at this time (unix seconds).
    pub fn of(rule: &str, model: &str, tenant: &str, stored_at: u64) -> Self {
        let stored_at = u32::try_from(stored_at).unwrap_or(u32::MAX);
        Self { rule: tag(rule), model: tag(model), tenant: tag(tenant), stored_at }
    }

    /// As bytes.
    pub fn write(&self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        let fields = [self.rule, self.model, self.tenant, self.stored_at];
        for (place, field) in out.chunks_exact_mut(4).zip(fields) {
            place.copy_from_slice(&field.to_be_bytes());
        }
        out
    }

    /// From bytes.
    pub fn read(bytes: &[u8; Self::BYTES]) -> Self {
        let (fields, _) = bytes.as_chunks::<4>();
        let mut fields = fields.iter().map(|field| u32::from_be_bytes(*field));
        let mut next = || fields.next().unwrap_or_default();
        Self { rule: next(), model: next(), tenant: next(), stored_at: next() }
    }
}

/// A name, as far as it is needed to know it again. Two names of one tag are purged together, which costs a miss.
fn tag(name: &str) -> u32 {
    let hash: [u8; 32] = Sha256::digest(name).into();
    hash.first_chunk().map_or(0, |first| u32::from_be_bytes(*first))
}

/// What somebody wants to be forgotten: whatever has all of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wish {
    /// Everything. It has to be said, so that nobody says it by leaving something out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// The rule that stored it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The model, as clients name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Whose it is: `caller/key:NAME`, `team/NAME`, `route/NAME`, `shared`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// How its key begins, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How long ago it was stored at least: `90s`, `1h`, `7d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub older_than: Option<String>,
}

/// A wish that says nothing that can be understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoWish {
    /// What to purge.
    #[error("say what to purge: by rule, model, tenant, key or older_than; or everything, with all")]
    Nothing,
    /// The key's beginning.
    #[error("key is the beginning of a key: 1 to 64 hexadecimal digits")]
    Key,
    /// The age.
    #[error("older_than is a time such as 90s, 1h or 7d")]
    Age,
}

impl Wish {
    /// As it is at this time (unix seconds).
    ///
    /// # Errors
    /// What cannot be understood.
    pub fn filter(&self, now: u64) -> Result<Filter, NoWish> {
        let key = self.key.as_deref().map(str::to_ascii_lowercase);
        let is_prefix =
            |key: &String| (1..=64).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_hexdigit());
        if key.as_ref().is_some_and(|key| !is_prefix(key)) {
            return Err(NoWish::Key);
        }
        let age = self.older_than.as_deref().map(humantime::parse_duration).transpose().map_err(|_| NoWish::Age)?;
        let before = age.map(|age| u32::try_from(now.saturating_sub(age.as_secs())).unwrap_or(u32::MAX));
        let tag = |name: &Option<String>| name.as_deref().map(tag);
        let filter = Filter { rule: tag(&self.rule), model: tag(&self.model), tenant: tag(&self.tenant), key, before };
        if filter.is_everything() != self.all {
            return Err(NoWish::Nothing);
        }
        Ok(filter)
    }
}

/// Which entries a purge names: those that have all of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Filter {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Those stored at this time or before, in unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<u32>,
}

impl Filter {
    /// Whether it names every entry.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it names this entry.
    pub fn names(&self, key: &Key, tags: &Tags) -> bool {
        let is = |wanted: Option<u32>, found: u32| wanted.is_none_or(|wanted| wanted == found);
        is(self.rule, tags.rule)
            && is(self.model, tags.model)
            && is(self.tenant, tags.tenant)
            && self.before.is_none_or(|before| tags.stored_at <= before)
            && self.key.as_ref().is_none_or(|prefix| key.to_string().starts_with(prefix))
    }

    /// As text, for other replicas.
    pub fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From a text of another replica. What cannot be read, or says more than is understood here, names everything: rather
    /// an entry is lost than one kept that was to be forgotten.
    pub fn read(text: &[u8]) -> Self {
        let read: Option<Self> = serde_json::from_slice(text).ok();
        let whole = read.filter(|filter| {
            let again = serde_json::to_value(filter).ok();
            again == serde_json::from_slice(text).ok()
        });
        whole.unwrap_or_default()
    }

    /// What it names but for its time: a later purge of the same stands for the earlier one.
    pub fn same(&self) -> String {
        let mut same = self.clone();
        let dated = if same.before.take().is_some() { "dated " } else { "" };
        format!("{dated}{}", same.write())
    }

    /// This and an earlier one of the same.
    pub fn and_earlier(mut self, earlier: &Self) -> Self {
        if let (Some(before), Some(earlier)) = (&mut self.before, earlier.before) {
            *before = earlier.max(*before);
        }
        self
    }
}

/// The purges that are known, by what they name.
#[derive(Clone, Debug, Default)]
pub struct Purges {
    known: HashMap<String, (Epoch, Filter)>,
    latest: Epoch,
}

impl Purges {
    /// The number of the last one.
    pub fn latest(&self) -> Epoch {
        self.latest
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether this one is remembered, or a later one of the same.
    pub fn knows(&self, epoch: Epoch, filter: &Filter) -> bool {
        self.known.get(&filter.same()).is_some_and(|(known, _)| *known >= epoch)
    }

    /// A filter that stands for an earlier one of the same as well.
    pub fn with_earlier(&self, filter: Filter) -> Filter {
        match self.known.get(&filter.same()) {
            Some((_, earlier)) => filter.and_earlier(earlier),
            None => filter,
        }
    }

    /// Adds one; says whether it was news.
    pub fn add(&mut self, epoch: Epoch, filter: Filter) -> bool {
        self.latest = self.latest.max(epoch);
        if filter.is_everything() {
            self.known.retain(|_, (other, _)| *other > epoch);
        }
        // Beyond the bound the whole is forgotten rather than anything kept that was to be.
        let same = filter.same();
        if self.known.len() >= PURGES_MAX && !self.known.contains_key(&same) {
            self.known.clear();
            return self.add(epoch, Filter::default());
        }
        match self.known.get_mut(&same) {
            Some((known, _)) if *known >= epoch => false,
            Some((known, earlier)) => {
                *earlier = filter.and_earlier(earlier);
                *known = epoch;
                true
            }
            None => {
                self.known.insert(same, (epoch, filter));
                true
            }
        }
    }

    /// Whether an entry, written by somebody who knew the purges up to this one, is dead.
    pub fn cover(&self, key: &Key, tags: &Tags, epoch: Epoch) -> bool {
        epoch < self.latest && self.known.values().any(|(purge, filter)| epoch < *purge && filter.names(key, tags))
    }
}

#[cfg(test)]
mod tests;
