//! What must not leave the house: `redact`.

use super::Secret;
use super::rules::Texts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A policy that finds personal data and secrets in requests and answers. The first whose `when` fits an exchange applies.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Redact {
    /// Its name, for metrics, records and refusals: `[a-z0-9_-]+`.
    pub name: String,
    /// To which exchanges it applies, as in `rate_limits`: `model`, `caller`, `team`, `org`, `front`, `tag:NAME`,
    /// `header:NAME`, `claim:NAME`, each with one pattern or several. Default: all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub when: BTreeMap<String, Texts>,
    /// The secret from which placeholders and hashes are made, at least 16 bytes. Without it every process makes up its own,
    /// and the same value gets other placeholders after a restart and in another replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret>,
    /// Among whose requests a value always gets the same placeholder.
    #[serde(default)]
    pub tenant: Tenant,
    /// An analyzer that is asked for what patterns cannot find: names, addresses, organisations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presidio: Option<Presidio>,
    /// What every host knows; read by [`attache_core::redact::Redact`], which says where a mistake is.
    #[serde(flatten, serialize_with = "without_words")]
    #[schemars(with = "attache_core::redact::Redact")]
    pub rules: Map<String, Value>,
}

/// Shows how many words there are, and none of them: they are what must not be read.
fn without_words<S: Serializer>(rules: &Map<String, Value>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut shown = rules.clone();
    let lists = shown.get_mut("words").and_then(Value::as_array_mut).into_iter().flatten();
    for words in lists.filter_map(|list| list.get_mut("words")) {
        *words = match words.as_array() {
            Some(words) => Value::from(vec![super::REDACTED; words.len()]),
            None => Value::from(super::REDACTED),
        };
    }
    shown.serialize(serializer)
}

/// Among whose requests a value always gets the same placeholder. Nobody else can tell that it is the same one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tenant {
    /// Each caller's own.
    #[default]
    Caller,
    /// The caller's team's; its own where it has none.
    Team,
    /// The team's organisation's; the next smaller one where there is none.
    Org,
}

/// A service that answers `POST /analyze` as Microsoft Presidio's analyzer does.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Presidio {
    /// Where it is, without `/analyze`: https, or http on this machine.
    pub url: String,
    /// Headers to send, such as a key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Secret>,
    /// The language of the texts.
    #[serde(default = "default_language")]
    pub language: String,
    /// How sure it must be, from 0 to 1.
    #[serde(default = "default_score_min")]
    pub score_min: f64,
    /// Most time for all texts of a request together.
    #[serde(default = "default_timeout")]
    pub timeout: String,
    /// What to look for, by the analyzer's own names: `[PERSON, LOCATION]`. Default: all that it knows.
    #[serde(default)]
    pub entities: Vec<String>,
    /// What happens to a request when it gives no answer, or a wrong one.
    #[serde(default)]
    pub fail: OnFailure,
    /// It takes several texts in one call, as Presidio does from 2.2.361 on. Otherwise there is a call for each text.
    #[serde(default)]
    pub batch: bool,
}

fn default_language() -> String {
    "en".to_owned()
}

fn default_score_min() -> f64 {
    0.5
}

fn default_timeout() -> String {
    "2s".to_owned()
}

/// What happens when somebody who is asked gives no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The request goes on without what would have been found.
    Open,
    /// The request is refused with 503.
    #[default]
    Closed,
}
