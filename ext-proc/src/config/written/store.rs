//! Where limits, budgets and virtual keys live.

use crate::store::RedisSettings;
use schemars::{JsonSchema, Schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where limits, budgets and virtual keys live: `memory`, or one of the fields below.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(transform = also_a_word)]
pub struct Store {
    /// This process's memory. The default: without a file, what was counted and the keys that were made are lost when the
    /// process ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// A Redis or Valkey that replicas share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis: Option<RedisSettings>,
    /// How long what an exchange holds stays held, in seconds, if nothing more is heard of it. Streams renew it.
    #[serde(default = "default_hold_seconds")]
    pub hold_seconds: u64,
}

/// This process's memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Memory {
    /// A file that outlives the process: keys, and what was used of limits and budgets over an hour and more. What is
    /// counted reaches it within a fifth of a second: a process that is killed can forget that much, and what it held open.
    /// One process at a time opens it.
    pub file: Option<String>,
}

/// What may stand between the braces.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(default)]
    memory: Option<Memory>,
    #[serde(default)]
    redis: Option<RedisSettings>,
    #[serde(default = "default_hold_seconds")]
    hold_seconds: u64,
}

fn default_hold_seconds() -> u64 {
    600
}

impl Default for Store {
    fn default() -> Self {
        Self { memory: None, redis: None, hold_seconds: default_hold_seconds() }
    }
}

/// By hand, because it may be a word.
impl<'de> Deserialize<'de> for Store {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrFields)
    }
}

const EXPECTED: &str = "`memory`, { memory: { file: PATH } } or { redis: { url: redis://HOST:PORT } }";

struct WordOrFields;

impl<'de> Visitor<'de> for WordOrFields {
    type Value = Store;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Store, E> {
        match word {
            "memory" => Ok(Store::default()),
            _ => Err(E::custom(format!("`{word}` is no store; expected {EXPECTED}"))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Store, A::Error> {
        let Fields { memory, redis, hold_seconds } = Fields::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Store { memory, redis, hold_seconds })
    }
}

/// The schema says so, too, and that nothing else may stand there.
fn also_a_word(schema: &mut Schema) {
    schema.insert("additionalProperties".to_owned(), false.into());
    let fields = std::mem::take(schema);
    schema.insert("anyOf".to_owned(), serde_json::json!([{ "const": "memory" }, fields]));
}
