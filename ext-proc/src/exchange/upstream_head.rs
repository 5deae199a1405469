//! The headers of a request for one target, set anew for every attempt: an attempt begins with the headers as the one
//! before it left them, keys included.

use super::message::{Change, Head, Metadata, text};
use crate::config::Config;
use crate::config::compiled::Target;
use attache_core::dialect::Dialect;
use envoy_types::pb::google::protobuf::Struct;
use secrecy::ExposeSecret;

/// The client's credentials and everything that belongs to the client's own account: never for a provider.
const CLIENT_ONLY: [&str; 10] = [
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "cookie",
    "openai-organization",
    "openai-project",
    "x-gateway-destination-endpoint",
    super::request::WANTS_COST,
];

/// The version of the Anthropic API that we speak when the client does not: <https://docs.anthropic.com/en/api/versioning>.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// Request headers that mean something to one dialect only, with the key under which later attempts find the client's.
const OF_A_DIALECT: [(Dialect, &str, &str); 3] = [
    (Dialect::OpenAi, "openai-beta", "openai_beta"),
    (Dialect::Anthropic, ANTHROPIC_VERSION_HEADER, "anthropic_version"),
    (Dialect::Anthropic, "anthropic-beta", "anthropic_beta"),
];
const ANTHROPIC_VERSION_HEADER: &str = "anthropic-version";

/// What the head of a client's request says to one dialect only. It is kept aside, because an attempt at a provider of
/// another dialect takes it off the request, and the next attempt may need it again.
#[derive(Clone, Debug, Default)]
pub struct Particulars {
    /// The query of the path: it belongs to the dialect of the front (Anthropic's `?beta=true`).
    query: Option<String>,
    /// A value for each of [`OF_A_DIALECT`].
    headers: [Option<String>; OF_A_DIALECT.len()],
    /// Only the prompt's tokens are to be counted.
    count: bool,
}

impl Particulars {
    /// Notes them as the client sent them.
    pub(super) fn of(head: &Head, count: bool) -> Self {
        let query = head.get(":path").and_then(|path| path.split_once('?'));
        Self {
            query: query.map(|(_, query)| query.to_owned()),
            headers: OF_A_DIALECT.map(|(_, name, _)| head.get(name).map(str::to_owned)),
            count,
        }
    }

    /// Writes them into the metadata, for attempts that may be made in another process.
    pub(super) fn tell(&self, metadata: &mut Metadata) {
        if let Some(query) = &self.query {
            metadata.text("query", query);
        }
        for ((_, _, key), value) in OF_A_DIALECT.into_iter().zip(&self.headers) {
            if let Some(value) = value {
                metadata.text(key, value);
            }
        }
        if self.count {
            metadata.text("count", "true");
        }
    }

    /// Reads what [`Self::tell`] wrote.
    pub(super) fn told(metadata: &Struct) -> Self {
        let told = |key: &str| metadata.fields.get(key).and_then(text).map(str::to_owned);
        let headers = OF_A_DIALECT.map(|(_, _, key)| told(key));
        Self { query: told("query"), headers, count: told("count").is_some() }
    }
}

/// Changes headers so that they fit the target: its address, path and credentials, nobody else's.
pub(super) fn address(
    change: &mut Change,
    front: Dialect,
    target: &Target,
    config: &Config,
    particulars: &Particulars,
) {
    let provider = &target.provider;
    for name in CLIENT_ONLY {
        change.remove(name);
    }
    for name in &config.credential_headers {
        change.remove(name.clone());
    }
    let endpoint = match provider.dialect {
        Dialect::OpenAi => "/chat/completions",
        Dialect::Anthropic if particulars.count => "/v1/messages/count_tokens",
        Dialect::Anthropic => "/v1/messages",
    };
    let query = particulars.query.as_ref().filter(|_| front == provider.dialect);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    change.set(":path", format!("{}{endpoint}{query}", provider.base_path));
    change.set(":authority", provider.authority.clone());
    change.set("content-type", "application/json");
    // Compressed streams would have to be unpacked here; providers that send them all the same are unpacked.
    change.set("accept-encoding", "identity");
    for ((dialect, name, _), value) in OF_A_DIALECT.into_iter().zip(&particulars.headers) {
        let default = (name == ANTHROPIC_VERSION_HEADER).then_some(ANTHROPIC_VERSION);
        match value.as_deref().or(default).filter(|_| dialect == provider.dialect) {
            Some(value) => change.set(name, value),
            None => change.remove(name),
        };
    }
    for (name, value) in &provider.headers {
        change.set(name.clone(), value.expose_secret());
    }
    if let Some((name, secret)) = &provider.credentials {
        change.set(name.clone(), secret.expose_secret());
    }
}
