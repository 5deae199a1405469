//! What a person writes: `attache.yaml`, field by field. Strict: an unknown key is an error with its path.
//!
//! These types hold no meaning beyond their syntax; [`super::compiled`] says what they mean together.

pub mod auth;
pub mod cache;
pub mod callers;
pub mod fetch;
pub mod guards;
pub mod prices;
pub mod provider;
pub mod redact;
pub mod rules;
pub mod store;

use crate::envoy::Version;
pub use auth::{Auth, Keys};
pub use callers::{Callers, Org, Team};
pub use prices::Prices;
pub use provider::{Dialect, Provider, Tls};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
pub use store::Store;

/// The configuration file of Attaché.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the gateway (Envoy's listener) listens, for `attache envoy`.
    #[serde(default = "default_listen")]
    pub listen: String,
    /// Where the service itself listens.
    #[serde(default)]
    pub service: Service,
    /// Who serves models, by name (`[a-z0-9_-]+`). The name is also the name of the Envoy cluster, unless `cluster` says otherwise.
    pub providers: BTreeMap<String, Provider>,
    /// The names that clients ask for.
    #[serde(default)]
    pub models: BTreeMap<String, Model>,
    /// What models cost, where the built-in list does not know it or is wrong.
    #[serde(default)]
    pub prices: Prices,
    /// Who may ask. Without this section everybody is let in as `anonymous`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callers: Option<Callers>,
    /// Teams of callers, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub teams: BTreeMap<String, Team>,
    /// Organisations of teams, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub orgs: BTreeMap<String, Org>,
    /// What requests and answers may weigh.
    #[serde(default)]
    pub limits: Limits,
    /// How much may be used in a time, by name.
    #[serde(default)]
    pub rate_limits: BTreeMap<String, rules::RateLimit>,
    /// How much may be spent in a period, by name.
    #[serde(default)]
    pub budgets: BTreeMap<String, rules::Budget>,
    /// What must not leave the house; the first whose `when` fits an exchange applies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redact: Vec<redact::Redact>,
    /// Who looks at what is asked and answered, and may stop it; all whose `when` fits an exchange act, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<guards::Guard>,
    /// What has been answered before, and may be answered again. Without this section nothing is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<cache::Cache>,
    /// Where limits, budgets and virtual keys live.
    #[serde(default)]
    pub store: Store,
    /// Where usage records go.
    #[serde(default)]
    pub usage: Usage,
    /// What is logged, and how.
    #[serde(default)]
    pub log: Log,
    /// What `attache envoy` prints beyond the rest of this file.
    #[serde(default)]
    pub envoy: Envoy,
}

impl Config {
    /// The files that hold secrets, or keys of those who issue tokens.
    pub fn secret_files(&self) -> impl Iterator<Item = &str> {
        let of_providers = self.providers.values().flat_map(|provider| {
            let auth = provider.auth.iter().flat_map(Auth::secrets);
            let keys = provider.key.iter().flat_map(Keys::all);
            auth.chain(keys).chain(provider.headers.values())
        });
        let callers = self.callers.iter();
        let of_callers = callers.clone().flat_map(|callers| callers.keys.values().flat_map(|key| &key.value));
        let webhooks = self.budgets.values().flat_map(|budget| &budget.webhook);
        let of_analyzers = self.redact.iter().flat_map(|policy| &policy.presidio);
        let of_analyzers = of_analyzers.flat_map(|presidio| presidio.headers.values());
        let of_redaction = self.redact.iter().flat_map(|policy| &policy.key).chain(of_analyzers);
        let secrets = of_providers.chain(of_callers).chain(&self.service.admin_token).chain(webhooks);
        let of_guards = self.guards.iter().flat_map(guards::Guard::secrets);
        let of_cache = self.cache.iter().flat_map(|cache| &cache.key);
        let secrets = secrets.chain(of_redaction).chain(of_guards).chain(of_cache);
        let files = secrets.filter_map(|secret| match secret {
            Secret::Text(_) => None,
            Secret::File(SecretFile { file }) => Some(file.as_str()),
        });
        files.chain(callers.flat_map(|callers| callers.jwt.iter().filter_map(|issuer| issuer.jwks.file.as_deref())))
    }
}

fn default_listen() -> String {
    "127.0.0.1:10000".to_owned()
}

/// Where the service listens.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    /// The gRPC service for Envoy: `unix:PATH` or `HOST:PORT`. Whoever connects can get the providers' keys: the socket is
    /// for the own user and group, and an address that others reach needs a firewall or network policy before it.
    pub grpc: String,
    /// Health, metrics and the config view: `HOST:PORT`.
    pub admin: String,
    /// What the admin interface's key endpoints (`/keys`) and `attache keys` ask for; at least 20 characters. Without it
    /// these endpoints are closed.
    pub admin_token: Option<Secret>,
    /// Threads that serve exchanges. Default: one per core. Envoy opens one connection per worker, and each connection
    /// stays on one thread.
    pub threads: Option<std::num::NonZeroU16>,
    /// Most seconds to wait for open exchanges after SIGTERM.
    pub drain_seconds: u64,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            grpc: "unix:.run/attache.sock".to_owned(),
            admin: "127.0.0.1:9090".to_owned(),
            admin_token: None,
            threads: None,
            drain_seconds: 600,
        }
    }
}

/// A secret: its text (usually `${ENV}`), or the file that holds it.
#[derive(Clone, JsonSchema)]
#[schemars(untagged)]
pub enum Secret {
    /// The text itself.
    Text(String),
    /// The first line of a file.
    File(SecretFile),
}

/// By hand, so that no message ever repeats what was met.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let file = value.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.get("file"));
        if let Some(text) = value.as_str() {
            Ok(Self::Text(text.to_owned()))
        } else if let Some(file) = file.and_then(serde_json::Value::as_str) {
            Ok(Self::File(SecretFile { file: file.to_owned() }))
        } else {
            Err(serde::de::Error::custom("a secret is a string such as ${ENV}, or { file: PATH }"))
        }
    }
}

/// The file that holds a secret.
#[derive(Clone, JsonSchema)]
pub struct SecretFile {
    /// Its path.
    pub file: String,
}

/// How a secret looks wherever a person may see it.
pub const REDACTED: &str = "[redacted]";

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

/// A name that clients ask for.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Who serves it, in order of preference.
    pub targets: Vec<Target>,
    /// How the first target is chosen.
    #[serde(default)]
    pub select: Select,
    /// When the next target is tried.
    #[serde(default)]
    pub retry: Retry,
    /// What happens to a request that a target's dialect cannot say in full.
    #[serde(default)]
    pub losses: LossPolicy,
    /// Whether media that a request names by URL are fetched for a provider that takes bytes only.
    #[serde(default)]
    pub fetch_media: fetch::FetchMedia,
}

/// A provider and its own name for the model.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// A name from `providers`.
    pub provider: String,
    /// The provider's own model name.
    pub model: String,
    /// `select: weighted`: how often it comes first, relative to the others. 0 = only as a fallback.
    #[serde(default = "default_weight")]
    pub weight: u32,
    /// The `max_tokens` for a dialect that demands one when the client gave none.
    #[serde(default)]
    pub max_tokens_default: Option<u64>,
    /// The path of the model's `tokenizer.json` (Hugging Face), to count its prompts with. Default: OpenAI's models are
    /// counted exactly without one, others by an estimate that learns from what the provider reports.
    #[serde(default)]
    pub tokenizer: Option<String>,
    /// Anthropic dialect: how this model is told to think.
    #[serde(default)]
    pub thinking: Thinking,
    /// The model takes `temperature`, `top_p` and `top_k`. Claude from Opus 4.7 on and OpenAI's reasoning models refuse
    /// them: with `false`, a translated request goes without them.
    #[serde(default = "yes")]
    pub sampling: bool,
    /// The model can be told how much to think. Others (gpt-4o, Claude 3.5) refuse a request that says so: with `false`,
    /// a translated request goes without it.
    #[serde(default = "yes")]
    pub reasoning: bool,
}

fn yes() -> bool {
    true
}

fn default_weight() -> u32 {
    1
}

/// How an Anthropic model is told to think.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Thinking {
    /// A budget of tokens: every model that thinks, up to Claude 4.5.
    #[default]
    Budget,
    /// Adaptive, with an effort: newer models.
    Adaptive,
}

/// How the first target is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// The first that is written.
    #[default]
    InOrder,
    /// By chance, by weight; the others follow in the same manner.
    Weighted,
}

/// When the next target is tried.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Most attempts, the first included. More attempts than targets start over with the first. Default: one per target.
    pub attempts: Option<u32>,
    /// What makes an attempt fail. A connection that cannot be made always does.
    pub on: Vec<RetryOn>,
    /// Most time until a provider's response headers: `30s`, `500ms`. It does not limit streams.
    pub per_try_timeout: Option<String>,
}

impl Default for Retry {
    fn default() -> Self {
        use RetryOn::{ConnectFailure, Reset, ServerError, Timeout, TooMany};
        Self {
            attempts: None,
            on: vec![ServerError, TooMany, ConnectFailure, Reset, Timeout],
            per_try_timeout: Some("60s".to_owned()),
        }
    }
}

/// What makes an attempt fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(transform = also_as_a_number)]
pub enum RetryOn {
    /// HTTP status 500 to 599, also 529. For Envoy that includes no answer at all: `connect_failure`, `reset`, `timeout`.
    #[serde(rename = "5xx")]
    ServerError,
    /// HTTP status 429.
    #[serde(rename = "429")]
    TooMany,
    /// No connection: refused, unreachable, no such name, wrong certificate.
    #[serde(rename = "connect_failure")]
    ConnectFailure,
    /// The connection broke before the response headers, or there was none. For Envoy that is one thing with `timeout`.
    #[serde(rename = "reset")]
    Reset,
    /// No response headers within `per_try_timeout`.
    #[serde(rename = "timeout")]
    Timeout,
}

/// YAML reads a plain `429` as a number.
fn also_as_a_number(schema: &mut schemars::Schema) {
    if let Some(serde_json::Value::Array(words)) = schema.get_mut("oneOf") {
        words.push(serde_json::json!({ "description": "HTTP status 429.", "const": 429 }));
    }
}

/// By hand, because YAML reads a plain `429` as a number.
impl<'de> Deserialize<'de> for RetryOn {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let word = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match word.as_str() {
            "5xx" => Ok(Self::ServerError),
            "429" => Ok(Self::TooMany),
            "connect_failure" => Ok(Self::ConnectFailure),
            "reset" => Ok(Self::Reset),
            "timeout" => Ok(Self::Timeout),
            _ => Err(serde::de::Error::custom(format!(
                "`{word}` is nothing to retry on; there is 5xx, 429, connect_failure, reset, timeout"
            ))),
        }
    }
}

/// What happens to a request that a target's dialect cannot say in full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossPolicy {
    /// It goes on without; `x-attache-losses` and a metric name what is missing.
    #[default]
    Allow,
    /// It is refused with 400.
    Refuse,
}

/// What requests and answers may weigh.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most bytes of a request's body, and of an answer that is not a stream.
    pub body_bytes_max: u32,
    /// How many tokens of answer are held (see `rate_limits`) for a request that does not limit them itself. A stream
    /// that needs more holds more on its way.
    pub output_tokens_expected: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes_max: 64 << 20, output_tokens_expected: 1024 }
    }
}

/// Where usage records go: one line of JSON per exchange.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Usage {
    /// `stdout`, `off`, or the path of a file to append to.
    pub to: UsageTo,
}

/// Where usage records go.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct UsageTo(pub String);

impl Default for UsageTo {
    fn default() -> Self {
        Self("stdout".to_owned())
    }
}

/// What is logged (to stderr), and how.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,attache=debug`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
    }
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object per line.
    Json,
}

/// What `attache envoy` prints beyond the rest.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Envoy {
    /// Envoy's own admin interface.
    pub admin: String,
    /// Longest silence in a stream, or of a provider that is thinking, before the exchange is cut: `15m`.
    pub idle_timeout: String,
    /// Longest wait for a connection to a provider.
    pub connect_timeout: String,
    /// Where Envoy writes its access log: `stdout`, `off`, or the path of a file.
    pub access_log: String,
    /// Where Envoy finds this service, if not at `service.grpc` (which may say `0.0.0.0:9002`): `attache.svc:9002`.
    pub service: Option<String>,
    /// What happens to requests while this service is away.
    pub on_service_failure: OnServiceFailure,
    /// The folder with the WASM filters, as Envoy finds it: for `--topology hybrid`.
    pub wasm: String,
    /// The Envoy that it is printed for: `1.40`. Before 1.39 no request moves on to another provider.
    pub version: Version,
}

impl Default for Envoy {
    fn default() -> Self {
        Self {
            admin: "127.0.0.1:9901".to_owned(),
            idle_timeout: "15m".to_owned(),
            connect_timeout: "5s".to_owned(),
            access_log: "stdout".to_owned(),
            service: None,
            on_service_failure: OnServiceFailure::Refuse,
            wasm: "target/wasm-filters".to_owned(),
            version: Version::default(),
        }
    }
}

/// What happens to requests while this service is away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnServiceFailure {
    /// A clear 503 in the client's dialect.
    #[default]
    Refuse,
    /// The request goes unchanged, with the client's own credentials, to this provider.
    PassTo(String),
}
