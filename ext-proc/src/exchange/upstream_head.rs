//! The headers of a request for one target, set anew for every attempt: an attempt begins with the headers as the one
//! before it left them, keys included.

use super::message::Change;
use crate::config::Config;
use crate::config::compiled::Target;
use attache_core::dialect::Dialect;
use secrecy::ExposeSecret;

/// The client's credentials and everything that belongs to the client's own account: never for a provider.
const CLIENT_ONLY: [&str; 9] = [
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "cookie",
    "openai-organization",
    "openai-project",
    "x-gateway-destination-endpoint",
];

/// The version of the Anthropic API that we speak when the client does not: <https://docs.anthropic.com/en/api/versioning>.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// Changes headers so that they fit the target: its address, path and credentials, nobody else's.
pub(super) fn address(change: &mut Change, front: Dialect, target: &Target, config: &Config, query: Option<&str>) {
    let provider = &target.provider;
    for name in CLIENT_ONLY {
        change.remove(name);
    }
    for name in &config.credential_headers {
        change.remove(name.clone());
    }
    let endpoint = match provider.dialect {
        Dialect::OpenAi => "/chat/completions",
        Dialect::Anthropic => "/v1/messages",
    };
    // The query belongs to the client's dialect (Anthropic's `?beta=true`).
    let query = query.filter(|_| front == provider.dialect).map(|query| format!("?{query}")).unwrap_or_default();
    change.set(":path", format!("{}{endpoint}{query}", provider.base_path));
    change.set(":authority", provider.authority.clone());
    change.set("content-type", "application/json");
    // Compressed streams would have to be unpacked here; providers that send them all the same are unpacked.
    change.set("accept-encoding", "identity");
    match (front, provider.dialect) {
        (Dialect::OpenAi, Dialect::Anthropic) => {
            change.set("anthropic-version", ANTHROPIC_VERSION);
        }
        (Dialect::OpenAi, Dialect::OpenAi) => {
            change.remove("anthropic-version"); // of an earlier attempt
        }
        (Dialect::Anthropic, Dialect::OpenAi | Dialect::Anthropic) => {}
    }
    for (name, value) in &provider.headers {
        change.set(name.clone(), value.expose_secret());
    }
    if let Some((name, secret)) = &provider.credentials {
        change.set(name.clone(), secret.expose_secret());
    }
}
