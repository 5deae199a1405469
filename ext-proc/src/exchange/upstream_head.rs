//! The head of a request: what a client's says, kept aside for every attempt, and the one for a target, set anew for every
//! attempt: an attempt begins with the headers as the one before it left them, keys included.

use super::message::{Change, Head, Metadata, text};
use crate::config::Config;
use crate::config::compiled::Target;
use crate::credentials::{ToSign, Unavailable, Used};
use attache_core::dialect::Dialect;
use attache_core::endpoint::{Endpoint, Operation, query_for_upstream};
use attache_core::fault::Fault;
use attache_core::form::Form;
use attache_core::translate::Ask;
use envoy_types::pb::google::protobuf::Struct;
use secrecy::ExposeSecret;
use std::time::SystemTime;

/// The client's credentials and everything that belongs to the client's own account: never for a provider.
const CLIENT_ONLY: [&str; 14] = [
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-goog-user-project",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
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
    (Dialect::Anthropic, ANTHROPIC_BETA_HEADER, "anthropic_beta"),
];
const ANTHROPIC_VERSION_HEADER: &str = "anthropic-version";
const ANTHROPIC_BETA_HEADER: &str = "anthropic-beta";

/// What the head of a client's request asks for, and what it says to one dialect only. It is kept aside, because an attempt
/// takes it off the request or changes it, and the next attempt may need it again.
#[derive(Clone, Debug)]
pub struct Asking {
    /// What is asked for.
    pub endpoint: Endpoint,
    /// The path and query, as the client sent them.
    path: String,
    /// A value for each of [`OF_A_DIALECT`].
    headers: [Option<String>; OF_A_DIALECT.len()],
    /// The type of a body that is a form.
    form: Option<String>,
}

impl Asking {
    /// Notes it as the client sent it.
    pub(super) fn of(endpoint: Endpoint, head: &Head) -> Self {
        let path = head.get(":path").unwrap_or_default().to_owned();
        let headers = OF_A_DIALECT.map(|(_, name, _)| head.get(name).map(str::to_owned));
        let passes = endpoint.operation == Operation::Pass;
        let form = head.get("content-type").filter(|kind| passes && Form::is_type(kind)).map(str::to_owned);
        Self { endpoint, path, headers, form }
    }

    /// The dialect that the client speaks.
    pub fn front(&self) -> Dialect {
        self.endpoint.dialect
    }

    /// Looks at the body of the request.
    ///
    /// # Errors
    /// As [`Ask::read`].
    pub fn read<'a>(&self, body: &'a [u8]) -> Result<Ask<'a>, Fault> {
        if let Some(content_type) = &self.form {
            return Ask::read_form(self.endpoint.clone(), content_type, body);
        }
        Ok(Ask::read(self.endpoint.clone(), body)?.with_betas(self.header(ANTHROPIC_BETA_HEADER)))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let met = OF_A_DIALECT.iter().zip(&self.headers).find(|((_, met, _), _)| *met == name);
        met.and_then(|(_, value)| value.as_deref())
    }

    /// Writes it into the metadata, for attempts that may be made in another process.
    pub(super) fn tell(&self, metadata: &mut Metadata) {
        metadata.text("path", &self.path);
        if let Some(form) = &self.form {
            metadata.text("form", form);
        }
        for ((_, _, key), value) in OF_A_DIALECT.into_iter().zip(&self.headers) {
            if let Some(value) = value {
                metadata.text(key, value);
            }
        }
    }

    /// Reads what [`Self::tell`] wrote; `None` where nothing was written.
    pub(super) fn told(metadata: &Struct) -> Option<Self> {
        let told = |key: &str| metadata.fields.get(key).and_then(text).map(str::to_owned);
        let path = told("path")?;
        let headers = OF_A_DIALECT.map(|(_, _, key)| told(key));
        let endpoint = Endpoint::of(&path, told("front").as_deref() == Some(Dialect::Anthropic.as_str()))?;
        Some(Self { endpoint, path, headers, form: told("form") })
    }
}

/// Changes headers so that they fit the target: its address, path and credentials, nobody else's. `path`: where the request
/// goes below the provider's base URL.
pub(super) fn address(change: &mut Change, target: &Target, config: &Config, asking: &Asking, path: &str) {
    let provider = &target.provider;
    let dialect = provider.dialect_for(asking.front());
    for name in CLIENT_ONLY {
        change.remove(name);
    }
    for name in &config.credential_headers {
        change.remove(name.clone());
    }
    change
        .set(":path", with_query(&format!("{}{path}", provider.base_path), provider.query.as_deref(), asking, dialect));
    change.set(":authority", provider.authority.clone());
    // What nobody here looks into stays what it is: forms, sound, lines of JSON.
    if !matches!(asking.endpoint.operation, Operation::Pass | Operation::Other) {
        change.set("content-type", "application/json");
    }
    // Compressed streams would have to be unpacked here; providers that send them all the same are unpacked.
    change.set("accept-encoding", "identity");
    for ((of, name, _), value) in OF_A_DIALECT.into_iter().zip(&asking.headers) {
        let default = (name == ANTHROPIC_VERSION_HEADER).then_some(ANTHROPIC_VERSION);
        match value.as_deref().or(default).filter(|_| of == dialect || (of == Dialect::OpenAi && is_openai(dialect))) {
            Some(value) => change.set(name, value),
            None => change.remove(name),
        };
    }
    for (name, value) in &provider.headers {
        change.set(name.clone(), value.expose_secret());
    }
}

/// Puts the provider's credentials on the finished request: a signature covers its path, headers and body. `None` where
/// nobody here reads the body.
///
/// # Errors
/// They cannot be had at the moment.
pub(super) async fn sign(
    change: &mut Change,
    target: &Target,
    method: &str,
    body: Option<&[u8]>,
) -> Result<Used, Unavailable> {
    let headers: Vec<_> = change.set.iter().map(|(name, value)| (&**name, value.as_str())).collect();
    let path = headers.iter().find_map(|(name, value)| (*name == ":path").then_some(*value)).unwrap_or("/");
    let request = ToSign {
        method,
        authority: &target.provider.authority,
        path_and_query: path,
        headers: &headers,
        body,
        now: SystemTime::now(),
    };
    let signed = target.provider.credentials.sign(&request).await?;
    if signed.query.is_some() {
        let path = signed.path(path);
        change.set.retain(|(name, _)| name != ":path");
        change.set(":path", path);
    }
    for (name, secret) in signed.headers {
        change.set(name, secret.expose_secret());
    }
    Ok(signed.used)
}

/// The dialects of OpenAI's own API.
fn is_openai(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::OpenAi | Dialect::Responses | Dialect::Completions)
}

/// The path with what the provider wants in every query and, if it speaks the client's dialect, the client's own query.
fn with_query(path: &str, of_provider: Option<&str>, asking: &Asking, dialect: Dialect) -> String {
    let of_client = asking.path.split_once('?').filter(|_| dialect == asking.front());
    let of_client = of_client.map(|(_, query)| query_for_upstream(query)).filter(|query| !query.is_empty());
    let mut path = path.to_owned();
    for query in of_provider.into_iter().chain(of_client.as_deref()) {
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(query);
    }
    path
}
