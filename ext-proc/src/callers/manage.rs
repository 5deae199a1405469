//! What is done with stored keys: make, list, rotate, switch off and on, remove. The admin interface and `attache keys` do
//! the same things by these functions.

use super::Callers;
use super::claims::is_fit;
use super::key::{Made, random};
use super::stored::{Hash, Record};
use crate::config::Config;
use crate::config::callers::unix_seconds;
use crate::config::written::callers::Allow;
use crate::store::Unavailable;
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Random characters of an id.
const ID_CHARS: usize = 16;
/// The longest name of a stored key: it stands in URLs and on command lines.
const NAME_BYTES_MAX: usize = 128;
/// Most tags of a key.
const TAGS_MAX: usize = 50;
/// Most names in one of a key's lists.
const LIST_MAX: usize = 1000;
/// Most hashes that count at once: who rotates more often than this within the overlap loses the oldest.
const HASHES_MAX: usize = 10;
/// The longest overlap.
const OVERLAP_MAX: Duration = Duration::from_secs(366 * 24 * 3600);
/// The longest life of a key, where it has an end.
const LIFE_MAX: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// What a new key shall be.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// The caller's name: letters, digits and `.`, `_`, `-`, `@`, `:`.
    pub name: String,
    /// Its team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// When it ends: `30d` from now on, or `2027-01-01T00:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// What its requests are marked with.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// What it may use.
    #[serde(default)]
    pub allow: Allow,
}

/// How a key is rotated.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// How long the old one still counts: `24h`. Default: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<String>,
    /// When the new one ends. Default: when the old one would have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// Why something was not done.
#[derive(Debug, PartialEq, Eq)]
pub struct Undone {
    /// As HTTP says it.
    pub status: StatusCode,
    /// As a person reads it.
    pub message: String,
}

impl Undone {
    /// Not done, and why.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

impl From<Unavailable> for Undone {
    fn from(_: Unavailable) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the store of keys cannot be reached; nothing was changed")
    }
}

type Done = Result<Value, Undone>;

impl Callers {
    /// Makes a key. The answer is the only place where it ever stands.
    ///
    /// # Errors
    /// What is wrong with the wish, or the store.
    pub async fn create(&self, wish: Create, config: &Config, now: SystemTime) -> Done {
        let now_s = seconds(now);
        check(&wish, config)?;
        let expires_s = wish.expires.as_deref().map(|text| end(text, now_s)).transpose()?;
        let _alone = self.changing.lock().await;
        if self.stored.records().is_none() {
            self.stored.refresh(&self.store).await?;
        }
        let in_config = config.written.callers.as_ref().is_some_and(|callers| callers.keys.contains_key(&wish.name));
        if in_config || self.stored.has_name(&wish.name) {
            let message = format!("there is a key named `{}` already; rotate it, or choose another name", wish.name);
            return Err(Undone::new(StatusCode::CONFLICT, message));
        }
        let (made, id) = (new_key()?, format!("key_{}", random(ID_CHARS).map_err(no_randomness)?));
        let Create { name, team, tags, allow, .. } = wish;
        let hashes = vec![Hash { sha256: made.hash.to_hex(), shown: made.shown.clone(), until_s: None }];
        let record = Record { name, hashes, team, tags, allow, created_s: now_s, expires_s, disabled: false };
        self.stored.put(&self.store, &id, &record).await?;
        tracing::info!(id, name = record.name, "a key was made");
        Ok(with_key(view(&id, &record, now_s), &made))
    }

    /// All keys, without anything that is secret.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn list(&self, config: &Config, now: SystemTime) -> Done {
        self.stored.refresh(&self.store).await?;
        let now_s = seconds(now);
        let mut keys: Vec<_> = self.stored.records().unwrap_or_default();
        keys.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name));
        let stored = keys.iter().map(|(id, record)| view(id, record, now_s));
        let written = config.written.callers.iter().flat_map(|callers| &callers.keys).map(|(name, key)| {
            json!({ "name": name, "source": "config", "team": key.team, "tags": key.tags, "allow": key.allow,
                "expires": key.expires, "disabled": key.disabled })
        });
        Ok(json!({ "keys": written.chain(stored).collect::<Vec<_>>() }))
    }

    /// Gives a key's caller a new one; the old one counts as long as the overlap says.
    ///
    /// # Errors
    /// What is wrong with the wish, or the store; no such key.
    pub async fn rotate(&self, which: &str, wish: Rotate, now: SystemTime) -> Done {
        let now_s = seconds(now);
        let overlap = wish.overlap.as_deref().map(|text| span(text, OVERLAP_MAX)).transpose()?.unwrap_or_default();
        let expires_s = wish.expires.as_deref().map(|text| end(text, now_s)).transpose()?;
        let made = new_key()?;
        let changed = self.change(which, |record| {
            let until_s = now_s.saturating_add(overlap.as_secs());
            for hash in &mut record.hashes {
                hash.until_s = Some(hash.until_s.map_or(until_s, |before| before.min(until_s)));
            }
            record.hashes.retain(|hash| hash.until_s.is_some_and(|until_s| until_s > now_s));
            record.hashes.insert(0, Hash { sha256: made.hash.to_hex(), shown: made.shown.clone(), until_s: None });
            record.hashes.truncate(HASHES_MAX);
            record.expires_s = expires_s.or(record.expires_s);
        });
        let (id, record) = changed.await?;
        tracing::info!(id, name = record.name, "a key was rotated");
        Ok(with_key(view(&id, &record, now_s), &made))
    }

    /// Switches a key off, or on again.
    ///
    /// # Errors
    /// No such key, or the store.
    pub async fn set_disabled(&self, which: &str, disabled: bool, now: SystemTime) -> Done {
        let (id, record) = self.change(which, |record| record.disabled = disabled).await?;
        tracing::info!(id, name = record.name, disabled, "a key was switched");
        Ok(view(&id, &record, seconds(now)))
    }

    /// Removes a key.
    ///
    /// # Errors
    /// No such key, or the store.
    pub async fn remove(&self, which: &str) -> Done {
        let _alone = self.changing.lock().await;
        let (id, record) = self.find_record(which).await?;
        self.stored.remove(&self.store, &id).await?;
        tracing::info!(id, name = record.name, "a key was removed");
        Ok(json!({ "id": id, "name": record.name, "removed": true }))
    }

    async fn change(&self, which: &str, change: impl FnOnce(&mut Record)) -> Result<(String, Record), Undone> {
        let _alone = self.changing.lock().await;
        let (id, mut record) = self.find_record(which).await?;
        change(&mut record);
        self.stored.put(&self.store, &id, &record).await?;
        Ok((id, record))
    }

    /// The key with this id, or the only one with this name, as the store has it now.
    async fn find_record(&self, which: &str) -> Result<(String, Record), Undone> {
        self.stored.refresh(&self.store).await?;
        let records = self.stored.records().unwrap_or_default();
        if let Some(found) = records.iter().find(|(id, _)| id == which) {
            return Ok(found.clone());
        }
        let mut named = records.into_iter().filter(|(_, record)| record.name == which);
        match (named.next(), named.next()) {
            (Some(found), None) => Ok(found),
            (Some(_), Some(_)) => {
                Err(Undone::new(StatusCode::CONFLICT, format!("several keys are named `{which}`; say which by its id")))
            }
            (None, _) => {
                let message =
                    format!("no stored key has the id or name `{which}`; keys in the configuration are changed there");
                Err(Undone::new(StatusCode::NOT_FOUND, message))
            }
        }
    }
}

/// What is wrong with a wish, before the store is asked.
fn check(wish: &Create, config: &Config) -> Result<(), Undone> {
    let Create { name, team, tags, allow, .. } = wish;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@' | b':');
    if !(1..=NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(fits) {
        let message = format!("a name has 1 to {NAME_BYTES_MAX} letters, digits and `.`, `_`, `-`, `@`, `:`");
        return Err(Undone::invalid(message));
    }
    if !config.callers.as_ref().is_some_and(|rules| rules.stored_keys) {
        let message = "stored keys do not count in this configuration: write `callers: { stored_keys: true }`";
        return Err(Undone::invalid(message));
    }
    let teams = &config.written.teams;
    if let Some(team) = team.as_ref().filter(|team| !is_fit(team) || !(teams.is_empty() || teams.contains_key(*team))) {
        let known: Vec<_> = teams.keys().map(String::as_str).collect();
        return Err(Undone::invalid(format!("no team {team:?}; there is: {}", known.join(", "))));
    }
    if tags.len() > TAGS_MAX || !tags.iter().all(|(key, value)| is_fit(key) && is_fit(value)) {
        let message = format!("at most {TAGS_MAX} tags, each of 1 to 256 bytes without control characters");
        return Err(Undone::invalid(message));
    }
    let lists = [&allow.models, &allow.providers];
    if lists.into_iter().flatten().any(|names| names.len() > LIST_MAX || !names.iter().all(|name| is_fit(name))) {
        let message = format!("at most {LIST_MAX} names in a list, each of 1 to 256 bytes without control characters");
        return Err(Undone::invalid(message));
    }
    Ok(())
}

/// When something ends that a person writes as a time from now on or as a point in time.
fn end(text: &str, now_s: u64) -> Result<u64, Undone> {
    let end = match humantime::parse_duration(text) {
        Ok(_) => now_s.saturating_add(span(text, LIFE_MAX)?.as_secs()),
        Err(_) => unix_seconds(text)
            .map_err(|_| Undone::invalid(format!("`{text}` is no time; expected 30d, or 2027-01-01T00:00:00Z")))?,
    };
    if end <= now_s {
        return Err(Undone::invalid(format!("`{text}` is over already")));
    }
    Ok(end)
}

fn span(text: &str, longest: Duration) -> Result<Duration, Undone> {
    match humantime::parse_duration(text) {
        Ok(span) if span <= longest => Ok(span),
        Ok(_) => Err(Undone::invalid(format!("`{text}` is longer than {} days", longest.as_secs() / 86400))),
        Err(_) => Err(Undone::invalid(format!("`{text}` is no length of time; expected something like 24h or 30d"))),
    }
}

fn new_key() -> Result<Made, Undone> {
    Made::new().map_err(no_randomness)
}

fn no_randomness(error: rand::rand_core::OsError) -> Undone {
    Undone::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the operating system gave no random bytes: {error}"))
}

/// A key as people may see it.
fn view(id: &str, record: &Record, now_s: u64) -> Value {
    let Record { name, hashes, team, tags, allow, created_s, expires_s, disabled } = record;
    let beginnings = hashes
        .iter()
        .filter(|hash| hash.until_s.is_none_or(|until_s| until_s > now_s))
        .map(|hash| json!({ "beginning": hash.shown, "until": hash.until_s.map(date) }));
    json!({
        "id": id,
        "name": name,
        "source": "store",
        "keys": beginnings.collect::<Vec<_>>(),
        "team": team,
        "tags": tags,
        "allow": allow,
        "created": date(*created_s),
        "expires": expires_s.map(date),
        "expired": expires_s.is_some_and(|expires_s| expires_s <= now_s),
        "disabled": disabled,
    })
}

fn with_key(mut view: Value, made: &Made) -> Value {
    if let Some(fields) = view.as_object_mut() {
        fields.insert("key".to_owned(), made.text.expose_secret().into());
    }
    view
}

/// A point in time as people write it. Beyond the year 9999 nothing is written that way.
fn date(unix_s: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_secs(unix_s.min(253_402_300_799));
    humantime::format_rfc3339_seconds(time).to_string()
}

fn seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
