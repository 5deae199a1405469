//! What a provider's configuration means: its own words, and the preset's where it has none.

mod resolved;
mod url;

use super::Problem;
use super::compiled::{header_name, secret};
use super::credentials;
use super::written;
use crate::credentials::Credentials;
use attache_core::dialect::quirks::Quirks;
use attache_core::dialect::{Dialect, Upstream};
use attache_core::endpoint::Hosting;
use resolved::Resolved;
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use url::Url;

/// A provider.
#[derive(Debug)]
pub struct Provider {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// The Envoy cluster that leads to it.
    pub cluster: String,
    /// What it speaks. What is asked in another dialect is translated to the first; never empty.
    pub speaks: Vec<Dialect>,
    /// At which kind of URL and in which envelope.
    pub hosting: Hosting,
    /// The value for `:authority`: host, and the port where it is not the scheme's own.
    pub authority: String,
    /// Host to connect to.
    pub host: String,
    /// Port to connect to.
    pub port: u16,
    /// https.
    pub tls: bool,
    /// The path of its URL, without a slash at the end.
    pub base_path: String,
    /// What every request has in its query, escaped: `api-version=2024-10-21`.
    pub query: Option<String>,
    /// What requests show it.
    pub credentials: Arc<Credentials>,
    /// Further headers for every request.
    pub headers: Vec<(String, SecretString)>,
    /// Clients may ask for `provider/model`.
    pub expose: bool,
    /// Endpoints of its dialects that are not known here go to it.
    pub other_endpoints: bool,
    /// How it deviates from its dialect.
    pub quirks: Arc<Quirks>,
}

impl Provider {
    pub(super) fn compile(name: &str, written: &written::Provider, problems: &mut Vec<Problem>) -> Option<Self> {
        let at = format!("providers.{name}");
        let before = problems.len();
        if !is_name(name) {
            let message = "a provider's name becomes a cluster name: use a-z, 0-9, `_` and `-` only";
            problems.push(Problem::at(&at, message));
        }
        let resolved = Resolved::of(written, &at, problems)?;
        let url = Url::parse(&resolved.url).map_err(|message| problems.push(Problem::at(format!("{at}.url"), message)));
        let (auth, auth_at) = match (&written.auth, &resolved.key) {
            (Some(_), Some(_)) => {
                problems.push(Problem::at(
                    format!("{at}.key"),
                    "there are credentials in `auth` already: write one of both",
                ));
                (None, "")
            }
            (Some(auth), None) => (Some(auth), "auth"),
            (None, Some(auth)) => (Some(auth), "key"),
            (None, None) => (None, ""),
        };
        let before_auth = problems.len();
        let credentials = credentials::compile(name, auth, &format!("{at}.{auth_at}"), problems);
        if auth_at == "key" {
            // A key is one value here: its place was the preset's.
            let key = format!("{at}.key");
            problems.iter_mut().skip(before_auth).for_each(|problem| problem.path.clone_from(&key));
        }
        let headers = headers(&resolved.headers, &format!("{at}.headers"), problems);
        check_twice(credentials.iter().flat_map(Credentials::header_names), &headers, &at, problems);
        if problems.len() > before {
            return None;
        }
        let Url { tls, host, port, authority, path } = url.ok()?;
        Some(Self {
            name: name.into(),
            cluster: written.cluster.clone().unwrap_or_else(|| name.to_owned()),
            speaks: resolved.speaks,
            hosting: resolved.hosting,
            authority,
            host,
            port,
            tls,
            base_path: path,
            query: resolved.query,
            credentials: Arc::new(credentials?),
            headers,
            expose: written.expose,
            other_endpoints: written.other_endpoints,
            quirks: Arc::new(resolved.quirks),
        })
    }

    /// What requests in other dialects are translated to.
    pub fn primary(&self) -> Dialect {
        self.speaks.first().copied().unwrap_or(Dialect::OpenAi)
    }

    /// In which dialect it is asked what a client asks in `front`: in the same if it speaks that.
    pub fn dialect_for(&self, front: Dialect) -> Dialect {
        if self.speaks.contains(&front) { front } else { self.primary() }
    }

    /// One of its models, with the provider's quirks.
    pub fn upstream(&self, model: &str) -> Upstream {
        Upstream { hosting: self.hosting, quirks: self.quirks.clone(), ..Upstream::new(model) }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}

fn headers(
    written: &BTreeMap<String, written::Secret>,
    at: &str,
    problems: &mut Vec<Problem>,
) -> Vec<(String, SecretString)> {
    let headers = written.iter().filter_map(|(name, value)| {
        let name = header_name(name, at, problems)?;
        let value = secret(value, "", format!("{at}.{name}"), problems)?;
        Some((name, value))
    });
    headers.collect()
}

/// A header that is configured twice: which value counts would be anybody's guess.
fn check_twice<'a>(
    of_auth: impl Iterator<Item = &'a str>,
    headers: &'a [(String, SecretString)],
    at: &str,
    problems: &mut Vec<Problem>,
) {
    let mut seen: BTreeSet<&str> = of_auth.collect();
    for (name, _) in headers {
        if !seen.insert(name) {
            let message = "this header is set twice, here and in `auth` or in other letter case";
            problems.push(Problem::at(format!("{at}.headers.{name}"), message));
        }
    }
}

/// What several providers must not share.
pub(super) fn check_together(providers: &BTreeMap<String, Arc<Provider>>, problems: &mut Vec<Problem>) {
    check_clusters(providers, problems);
    check_other_endpoints(providers, problems);
}

/// Clusters are shared ground: two providers on one cluster would get each other's keys.
fn check_clusters(providers: &BTreeMap<String, Arc<Provider>>, problems: &mut Vec<Problem>) {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    for (name, provider) in providers {
        if let Some(other) = seen.insert(&provider.cluster, name) {
            let message = format!("cluster `{}` belongs to provider `{other}` already", provider.cluster);
            problems.push(Problem::at(format!("providers.{name}.cluster"), message));
        }
        if provider.cluster.is_empty() {
            problems.push(Problem::at(format!("providers.{name}.cluster"), "the name of a cluster is empty"));
        }
        if provider.cluster.starts_with("attache") {
            let message = "cluster names that begin with `attache` are the gateway's own";
            problems.push(Problem::at(format!("providers.{name}"), message));
        }
    }
}

/// A request that names no model can go to one provider only.
fn check_other_endpoints(providers: &BTreeMap<String, Arc<Provider>>, problems: &mut Vec<Problem>) {
    let mut seen: HashMap<Dialect, &str> = HashMap::new();
    for (name, provider) in providers.iter().filter(|(_, provider)| provider.other_endpoints) {
        for dialect in &provider.speaks {
            if let Some(other) = seen.insert(*dialect, name) {
                let message = format!("the other endpoints of {} go to provider `{other}` already", dialect.as_str());
                problems.push(Problem::at(format!("providers.{name}.other_endpoints"), message));
            }
        }
    }
}
