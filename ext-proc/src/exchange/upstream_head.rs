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
use attache_core::head::{self, ANTHROPIC_BETA_HEADER, CLIENT_ONLY, OF_A_DIALECT};
use attache_core::translate::Ask;
use envoy_types::pb::google::protobuf::Struct;
use secrecy::ExposeSecret;
use std::time::SystemTime;

/// The keys under which later attempts find the client's values of [`OF_A_DIALECT`].
const KEYS: [&str; OF_A_DIALECT.len()] = ["openai_beta", "anthropic_version", "anthropic_beta"];

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
        let headers = OF_A_DIALECT.map(|(_, name)| head.get(name).map(str::to_owned));
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

    /// What it says besides its body and its endpoint, by name: a provider may answer otherwise for it.
    pub(super) fn beside(&self) -> Vec<(&'static str, String)> {
        let query = self.path.split_once('?').map(|(_, query)| ("query", query_for_upstream(query)));
        let headers = OF_A_DIALECT.iter().zip(&self.headers);
        let headers = headers.filter_map(|((_, name), value)| Some((*name, value.clone()?)));
        headers.chain(query.filter(|(_, query)| !query.is_empty())).collect()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let met = OF_A_DIALECT.iter().zip(&self.headers).find(|((_, met), _)| *met == name);
        met.and_then(|(_, value)| value.as_deref())
    }

    /// Writes it into the metadata, for attempts that may be made in another process.
    pub(super) fn tell(&self, metadata: &mut Metadata) {
        metadata.text("path", &self.path);
        if let Some(form) = &self.form {
            metadata.text("form", form);
        }
        for (key, value) in KEYS.into_iter().zip(&self.headers) {
            if let Some(value) = value {
                metadata.text(key, value);
            }
        }
    }

    /// Reads what [`Self::tell`] wrote; `None` where nothing was written.
    pub(super) fn told(metadata: &Struct) -> Option<Self> {
        let told = |key: &str| metadata.fields.get(key).and_then(text).map(str::to_owned);
        let path = told("path")?;
        let headers = KEYS.map(told);
        let endpoint = Endpoint::of(&path, told("front").as_deref() == Some(Dialect::Anthropic.as_str()))?;
        Some(Self { endpoint, path, headers, form: told("form") })
    }
}

/// Changes headers so that they fit the target: its address, path and credentials, nobody else's. `path`: where the request
/// goes below the provider's base URL.
pub(super) fn address(change: &mut Change, target: &Target, config: &Config, asking: &Asking, path: &str) {
    let provider = &target.provider;
    let dialect = provider.dialect_for(asking.front());
    take_off(change, config);
    let of_client = (dialect == asking.front()).then_some(&*asking.path);
    change.set(":path", head::path(&provider.base_path, path, provider.query.as_deref(), of_client));
    change.set(":authority", provider.authority.clone());
    // What nobody here looks into stays what it is: forms, sound, lines of JSON.
    if !matches!(asking.endpoint.operation, Operation::Pass | Operation::Other) {
        change.set("content-type", "application/json");
    }
    // Compressed streams would have to be unpacked here; providers that send them all the same are unpacked.
    change.set("accept-encoding", "identity");
    for ((of, name), value) in OF_A_DIALECT.into_iter().zip(&asking.headers) {
        match head::of_dialect(of, name, value.as_deref(), dialect) {
            Some(value) => change.set(name, value),
            None => change.remove(name),
        };
    }
    for (name, value) in &provider.headers {
        change.set(name.clone(), value.expose_secret());
    }
}

/// Takes off what the client shows the gateway, and what any provider is shown.
fn take_off(change: &mut Change, config: &Config) {
    for name in CLIENT_ONLY {
        change.remove(name);
    }
    for name in &config.credential_headers {
        change.remove(name.clone());
    }
}

/// Changes headers so that they show this target's provider what it asks to be shown, and nobody else's. Where it goes and
/// what else it says is made elsewhere, its headers of a dialect ([`OF_A_DIALECT`]), too.
///
/// # Errors
/// The credentials cannot be had at the moment.
pub(super) async fn show(change: &mut Change, target: &Target, config: &Config) -> Result<Used, Unavailable> {
    take_off(change, config);
    for (name, value) in &target.provider.headers {
        if !OF_A_DIALECT.iter().any(|(_, of_dialect)| of_dialect == name) {
            change.set(name.clone(), value.expose_secret());
        }
    }
    // Neither path nor body is there to be signed: whoever wants that is refused with the configuration.
    sign(change, target, "POST", None).await
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
