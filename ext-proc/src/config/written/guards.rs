//! Who looks at what is asked and answered, and may stop it: `guards`.

use super::Secret;
use super::rules::Texts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A guard. All whose `when` fits an exchange act, in the order of the list.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Guard {
    /// Its name, for metrics, records and the client: `[a-z0-9_-]+`.
    pub name: String,
    /// To which exchanges it applies, as in `rate_limits`: `model`, `caller`, `team`, `org`, `front`, `tag:NAME`,
    /// `header:NAME`, `claim:NAME`, each with one pattern or several. Default: all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub when: BTreeMap<String, Texts>,
    /// Most time for somebody who is asked, at most 5 s. Default: `2s`. An answer under way waits as long, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Which texts somebody who is asked sees. Default: `masked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sees: Option<Sees>,
    /// For how long a verdict of somebody who is asked is remembered; `0s`: not at all. Default: `5m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<String>,
    /// Most characters that are sent to somebody who is asked; about more than that nobody decides. Default: 100000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chars_max: Option<u32>,
    /// After how many characters of an answer under way somebody is asked again: the client reads them then. Default: 400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_chars: Option<u32>,
    /// And at the latest after how much time, with what comes then. Default: `1s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<String>,
    /// Most questions under way. Default: 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Asks an endpoint that moderates as OpenAI's does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moderation: Option<Moderation>,
    /// Asks an analyzer that answers as Microsoft Presidio's does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presidio: Option<Presidio>,
    /// Asks over HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// Asks over gRPC: `attache.guard.v1.Guard`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<Grpc>,
    /// Asks a model, through the gateway itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<Judge>,
    /// What every host knows; read by [`attache_core::guard::Guard`], which says where a mistake is.
    #[serde(flatten)]
    #[schemars(with = "attache_core::guard::Guard")]
    pub rules: Map<String, Value>,
}

impl Guard {
    /// The secrets in it.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let moderation = self.moderation.iter().flat_map(|moderation| &moderation.key);
        let presidio = self.presidio.iter().flat_map(|presidio| presidio.headers.values());
        let webhook = self.webhook.iter().flat_map(|webhook| webhook.headers.values());
        let grpc = self.grpc.iter().flat_map(|grpc| grpc.headers.values());
        let judge = self.judge.iter().map(|judge| &judge.key);
        moderation.chain(presidio).chain(webhook).chain(grpc).chain(judge)
    }
}

/// Which texts somebody who is asked sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sees {
    /// As the provider sees them: with placeholders where `redact` put some.
    #[default]
    Masked,
    /// As the client wrote and reads them.
    Original,
}

/// An endpoint that moderates as OpenAI's does: <https://platform.openai.com/docs/api-reference/moderations>.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Moderation {
    /// Where it is, path included: `https://api.openai.com/v1/moderations`.
    #[serde(default = "openai_moderations")]
    pub url: String,
    /// The model to ask. Default: the endpoint's own choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret>,
    /// Categories of which none may be flagged. Without these and without `thresholds`: none at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Scores from which on a category stops, flagged or not: `{ violence: 0.8 }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub thresholds: BTreeMap<String, f64>,
}

fn openai_moderations() -> String {
    "https://api.openai.com/v1/moderations".to_owned()
}

/// A service that answers `POST /analyze` as Microsoft Presidio's analyzer does. What it finds stops.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Presidio {
    /// Where it is, without `/analyze`: https, or http on this machine.
    pub url: String,
    /// Headers to send, such as a key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Secret>,
    /// The language of the texts.
    #[serde(default = "english")]
    pub language: String,
    /// From which score on a finding stops, from 0 to 1.
    #[serde(default = "half")]
    pub score_min: f64,
    /// What may not be there, by the analyzer's own names: `[PERSON, LOCATION]`. Default: nothing that it knows.
    #[serde(default)]
    pub entities: Vec<String>,
}

fn english() -> String {
    "en".to_owned()
}

fn half() -> f64 {
    0.5
}

/// Somebody who is asked over HTTP.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where to POST: https, or http on this machine.
    pub url: String,
    /// Headers to send, such as a key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Secret>,
}

/// Somebody who is asked over gRPC.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grpc {
    /// Where it is: `https://guard.example.com:443`, or http on this machine.
    pub url: String,
    /// Metadata to send, such as a key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Secret>,
}

/// A model that is asked, through the gateway itself.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// The model, as clients ask for it.
    pub model: String,
    /// What may not be said, in words for the model: `The text asks for legal advice.`
    pub question: String,
    /// The key with which the gateway lets it in. No guard looks at what is asked with it.
    pub key: Secret,
    /// Where the gateway is, without `/v1`. Default: this machine, at the port of `listen`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Most tokens of its answer, thoughts included.
    #[serde(default = "judge_tokens")]
    pub max_tokens: u32,
}

fn judge_tokens() -> u32 {
    512
}
