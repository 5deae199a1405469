//! What has been answered before: `cache`.

use super::Secret;
use super::rules::Texts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Answers that are kept, and who may read them again.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// The secret from which the names of entries are made, at least 16 bytes. Without it every process makes up its own;
    /// `store: redis` needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret>,
    /// Where answers are kept.
    #[serde(default)]
    pub store: Shelf,
    /// Most bytes of answers in this process's memory.
    #[serde(default = "default_memory_bytes_max")]
    pub memory_bytes_max: u64,
    /// Most bytes of one answer; larger ones are not kept.
    #[serde(default = "default_entry_bytes_max")]
    pub entry_bytes_max: u32,
    /// What is cached, and for whom: the first whose `when` fits an exchange applies. What none fits is not cached.
    pub rules: Vec<Rule>,
    /// Who makes vectors of questions; needed where a rule has `semantic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedder: Option<Embedder>,
}

fn default_memory_bytes_max() -> u64 {
    256 << 20
}

fn default_entry_bytes_max() -> u32 {
    1 << 20
}

/// Where answers are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shelf {
    /// This process's memory.
    #[default]
    Memory,
    /// The Redis of `store`, which replicas share.
    Redis,
}

/// What is cached, and for whom.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, for metrics and records: `[a-z0-9_-]+`.
    pub name: String,
    /// To which exchanges it applies, as in `rate_limits`: `model`, `caller`, `team`, `org`, `front`, `tag:NAME`,
    /// `header:NAME`, `claim:NAME`, each with one pattern or several. Default: all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub when: BTreeMap<String, Texts>,
    /// Who reads what was answered to whom.
    #[serde(default)]
    pub scope: Scope,
    /// How long an answer is kept.
    #[serde(default = "default_ttl")]
    pub ttl: String,
    /// Answers that call tools are kept, too.
    #[serde(default)]
    pub store_tool_calls: bool,
    /// An answer from the cache counts as a request for `rate_limits`.
    #[serde(default = "yes")]
    pub count_requests: bool,
    /// Clients may say by headers what the cache does for them: skip it, refresh it, keep for how long.
    #[serde(default = "yes")]
    pub client_controls: bool,
    /// How long a request waits for the answer to an identical one that is under way, before it asks by itself; `off`: not at
    /// all.
    #[serde(default = "default_coalesce")]
    pub coalesce: String,
    /// Fields of requests that say who asks and change no answer: requests that differ in them only are the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<Ignorable>,
    /// Questions that mean the same may have the same answer.
    #[serde(default)]
    pub semantic: Semantic,
}

fn default_ttl() -> String {
    "1h".to_owned()
}

fn default_coalesce() -> String {
    "30s".to_owned()
}

fn yes() -> bool {
    true
}

/// Who reads what was answered to whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Each caller its own. Whoever is nobody in particular has no cache.
    #[default]
    Caller,
    /// The callers of a team. Whoever has none has no cache.
    Team,
    /// All to whom this rule applies.
    Route,
    /// All to whom a rule with this scope applies.
    Shared,
}

/// A field that says who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ignorable {
    /// The end user's id.
    User,
    /// The same in OpenAI's newer words.
    SafetyIdentifier,
    /// The client's own notes.
    Metadata,
}

/// Whether questions that mean the same have the same answer.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Semantic {
    /// Whether it answers, or only counts what it would have answered.
    pub mode: Mode,
    /// How alike two questions must be: the cosine of their vectors.
    pub threshold: f32,
    /// Which share of its answers is asked for all the same and compared.
    pub verify_sample: f64,
    /// How long an answer can be found by its meaning. Default: as long as it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<String>,
}

impl Default for Semantic {
    fn default() -> Self {
        Self { mode: Mode::Off, threshold: 0.92, verify_sample: 0.0, ttl: None }
    }
}

/// What semantic lookups do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// There are none.
    #[default]
    Off,
    /// They count what they would have answered.
    Shadow,
    /// They answer.
    On,
}

/// Who makes vectors of questions: a model in this process (`path`), or a provider's (`provider` and `model`).
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Embedder {
    /// The folder of a sentence encoder: `config.json`, `tokenizer.json`, `model.safetensors`. To try things out without one, a
    /// file with a list of words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A provider of `providers` that serves embeddings as OpenAI does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The provider's name for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Most time for a lookup, the vector included; one that takes longer is skipped.
    #[serde(default = "default_timeout")]
    pub timeout: String,
    /// Threads that make vectors and search. Default: half of the processor's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u16>,
    /// Most lookups that wait for a thread, or for a provider; one more is skipped.
    #[serde(default = "default_queue")]
    pub queue: u16,
    /// Most questions that are remembered; then the oldest that were of no use go.
    #[serde(default = "default_entries_max")]
    pub entries_max: u32,
}

fn default_queue() -> u16 {
    64
}

fn default_entries_max() -> u32 {
    100_000
}

fn default_timeout() -> String {
    "1s".to_owned()
}
