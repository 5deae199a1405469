//! What the filters' configurations have in common: a list of blocks, each with a name, a condition and rules of the core.

use crate::BODY_BYTES_MAX;
use crate::when::{When, Written, whole_number};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Longest name of a block: it stands in the names of counters.
const NAME_BYTES_MAX: usize = 64;
/// Most blocks: each has counters of its own.
const BLOCKS_MAX: usize = 64;
/// Most items of a list.
const ITEMS_MAX: usize = 1024;
/// What asks somebody else: for that the service is there.
const CALLS: [&str; 5] = ["moderation", "presidio", "webhook", "grpc", "judge"];

/// A configuration: the list under its name, and what holds for all.
pub(crate) struct Blocks<R> {
    /// The list's name.
    name: &'static str,
    pub(crate) list: Vec<Block<R>>,
    pub(crate) body_bytes_max: usize,
    /// Headers wait until a body is known.
    pub(crate) hold_headers: bool,
    /// The filter's other fields.
    more: Map<String, Value>,
}

/// One block.
pub(crate) struct Block<R> {
    /// Where it stands: `redact[0]`.
    pub(crate) at: String,
    pub(crate) name: String,
    pub(crate) when: When,
    pub(crate) key: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) rules: R,
}

#[derive(Deserialize)]
struct Item {
    name: String,
    #[serde(default)]
    when: Written,
    key: Option<String>,
    tenant: Option<String>,
    #[serde(flatten)]
    rules: Map<String, Value>,
}

impl<R: DeserializeOwned> Blocks<R> {
    /// Reads `{"LIST": [...], "body_bytes_max": ...}`.
    pub(crate) fn read(configuration: &[u8], list: &'static str) -> Result<Self, String> {
        Self::read_with(configuration, list, &[])?.named()
    }

    /// The same where there may be more fields, of these names. The blocks may be any.
    pub(crate) fn read_with(configuration: &[u8], list: &'static str, more: &[&str]) -> Result<Self, String> {
        let written: Value = serde_json::from_slice(configuration)
            .map_err(|error| format!("the plugin's configuration is not JSON: {error}"))?;
        let Value::Object(mut fields) = written else { return Err(format!("expected an object with a list `{list}`")) };
        let items = fields.remove(list).ok_or_else(|| format!("{list}: it is missing; expected a list"))?;
        let body_bytes_max = match fields.remove("body_bytes_max") {
            None => BODY_BYTES_MAX,
            Some(bytes) => whole_number(&bytes).ok_or("body_bytes_max: expected a number of bytes above 0")?,
        };
        let hold_headers = match fields.remove("hold_headers") {
            None => true,
            Some(hold) => hold.as_bool().ok_or("hold_headers: expected true or false")?,
        };
        if let Some(unknown) = fields.keys().find(|field| !more.contains(&field.as_str())) {
            let others: String = more.iter().map(|field| format!(", `{field}`")).collect();
            return Err(format!(
                "{unknown}: unknown field; there is `{list}`{others}, `body_bytes_max` and `hold_headers`"
            ));
        }
        let items: Vec<Item> = serde_path_to_error::deserialize(items).map_err(|error| {
            let path = error.path().to_string();
            let dot = if path.starts_with('[') || path == "." { "" } else { "." };
            format!("{list}{dot}{}: {}", path.trim_matches('.'), error.into_inner())
        })?;
        if items.len() > ITEMS_MAX {
            return Err(format!("{list}: expected at most {ITEMS_MAX} items, there are {}", items.len()));
        }
        let mut blocks = Vec::with_capacity(items.len());
        for (place, item) in items.into_iter().enumerate() {
            blocks.push(Block::read(item, format!("{list}[{place}]"))?);
        }
        Ok(Self { name: list, list: blocks, body_bytes_max, hold_headers, more: fields })
    }

    /// The same, where each block acts under its own name: there are some, and few.
    pub(crate) fn named(self) -> Result<Self, String> {
        let Self { name, list, .. } = &self;
        if list.is_empty() || list.len() > BLOCKS_MAX {
            return Err(format!("{name}: expected 1 to {BLOCKS_MAX} items, there are {}", list.len()));
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = list.iter().find(|block| !names.insert(&block.name)) {
            return Err(format!("{}.name: there are two of the name `{}`", twice.at, twice.name));
        }
        Ok(self)
    }

    /// For who changes headers by what bodies say.
    pub(crate) fn must_hold(&self) -> Result<(), String> {
        let why = "this filter writes headers that a body decides, and must hold them: leave this out, and give Envoy \
                   `allow_on_headers_stop_iteration: true`";
        if self.hold_headers { Ok(()) } else { Err(format!("hold_headers: {why}")) }
    }

    /// One of the filter's other fields; its default where it is not written.
    pub(crate) fn more<T: DeserializeOwned + Default>(&mut self, field: &str) -> Result<T, String> {
        let Some(written) = self.more.remove(field) else { return Ok(T::default()) };
        serde_path_to_error::deserialize(written).map_err(|error| {
            let path = error.path().to_string();
            let dot = if path == "." { "" } else { "." };
            format!("{field}{dot}{}: {}", path.trim_matches('.'), error.into_inner())
        })
    }
}

impl<R: DeserializeOwned> Block<R> {
    fn read(item: Item, at: String) -> Result<Self, String> {
        let Item { name, when, key, tenant, rules } = item;
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(fits) {
            return Err(format!(
                "{at}.name: a name takes 1 to {NAME_BYTES_MAX} of the characters a-z, 0-9, `_` and `-`"
            ));
        }
        if let Some(call) = CALLS.into_iter().find(|call| rules.contains_key(*call)) {
            return Err(format!("{at}.{call}: a filter asks nobody; this needs the service, `attache serve`"));
        }
        let when = When::read(&when, &at)?;
        let rules = serde_path_to_error::deserialize(Value::Object(rules)).map_err(|error| {
            let path = error.path().to_string();
            let dot = if path == "." { "" } else { "." };
            format!("{at}{dot}{}: {}", path.trim_matches('.'), error.into_inner())
        })?;
        Ok(Self { at, name, when, key, tenant, rules })
    }
}
