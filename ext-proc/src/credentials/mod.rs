//! What a request shows its provider: a key of a pool, a token that is fetched and renewed, a signature.
//!
//! [`Credentials::sign`] says what to put on a request, [`Credentials::answered`] learns from what became of it. What is
//! at hand is given at once; only a token that is not there yet is waited for, and never long: a provider whose
//! credentials cannot be had is passed over. No secret is ever in a message, a log line, or what `Debug` shows.

pub mod aws;
pub mod azure;
mod endpoint;
pub mod gcp;
mod place;
mod pool;
mod renewed;

pub use place::Place;
pub use pool::Pool;

use crate::config::Config;
use crate::metrics::Metrics;
use arc_swap::ArcSwap;
use attache_core::fault::{Fault, FaultKind};
use aws_smithy_runtime_api::client::identity::Identity;
use renewed::Renewed;
use secrecy::SecretString;
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

/// The credentials of one provider.
pub struct Credentials {
    provider: Arc<str>,
    header_names: Vec<String>,
    has_pool: bool,
    learns: bool,
    /// A digest of everything that they are made of, secrets and files included.
    fingerprint: [u8; 32],
    live: ArcSwap<Live>,
}

/// What a reload of the configuration keeps where nothing has changed: which keys rest, which token is held.
struct Live {
    kind: Kind,
    metrics: OnceLock<Arc<Metrics>>,
}

/// What they are.
#[derive(Debug)]
pub enum Kind {
    /// None: nothing is sent.
    Nothing,
    /// Keys, one of which is sent as it is.
    Keys(Place, Pool),
    /// Every request is signed with keys of AWS.
    Aws(aws::Scope, AwsKeys),
    /// An access token of Google Cloud.
    Gcp(Renewed<gcp::Gcp>),
    /// An access token of Microsoft Entra.
    Azure(Renewed<azure::Azure>),
}

/// Which keys of AWS.
#[derive(Debug)]
pub enum AwsKeys {
    /// These.
    Own(Identity),
    /// Those that the standard chain finds.
    Chain(Renewed<aws::Chain>),
}

impl Kind {
    /// An access token of Google Cloud.
    pub fn gcp(provider: &str, gcp: gcp::Gcp) -> Self {
        Self::Gcp(Renewed::new(provider, gcp))
    }

    /// An access token of Microsoft Entra.
    pub fn azure(provider: &str, azure: azure::Azure) -> Self {
        Self::Azure(Renewed::new(provider, azure))
    }

    /// Signatures with keys from AWS's standard chain.
    pub fn aws_chain(provider: &str, scope: aws::Scope, profile: Option<String>) -> Self {
        let chain = aws::Chain { region: scope.region.clone(), profile };
        Self::Aws(scope, AwsKeys::Chain(Renewed::new(provider, chain)))
    }

    fn header_names(&self) -> Vec<String> {
        let names: &[&str] = match self {
            Self::Nothing => &[],
            Self::Keys(place, _) => return place.header_name().map(str::to_owned).into_iter().collect(),
            Self::Aws(..) => &aws::HEADERS,
            Self::Gcp(_) => &[AUTHORIZATION, QUOTA_PROJECT],
            Self::Azure(_) => &[AUTHORIZATION],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Whether they come from an issuer and expire.
    fn is_issued(&self) -> bool {
        match self {
            Self::Nothing | Self::Keys(..) | Self::Aws(_, AwsKeys::Own(_)) => false,
            Self::Aws(_, AwsKeys::Chain(_)) | Self::Gcp(_) | Self::Azure(_) => true,
        }
    }

    fn begin(&self, metrics: &Arc<Metrics>) {
        match self {
            Self::Nothing | Self::Keys(..) | Self::Aws(_, AwsKeys::Own(_)) => {}
            Self::Aws(_, AwsKeys::Chain(chain)) => chain.begin(metrics),
            Self::Gcp(gcp) => gcp.begin(metrics),
            Self::Azure(azure) => azure.begin(metrics),
        }
    }
}

const AUTHORIZATION: &str = "authorization";
/// Which project's quota a request counts in: <https://cloud.google.com/apis/docs/system-parameters>.
const QUOTA_PROJECT: &str = "x-goog-user-project";

/// A request that is about to be sent.
#[derive(Clone, Copy)]
pub struct ToSign<'a> {
    /// `POST`.
    pub method: &'a str,
    /// Host, and the port where it is not the scheme's own.
    pub authority: &'a str,
    /// As it goes over the wire, percent-encoded where it must be.
    pub path_and_query: &'a str,
    /// The headers that it will have, names in lower case.
    pub headers: &'a [(&'a str, &'a str)],
    /// The whole body; `None` where nobody has read it.
    pub body: Option<&'a [u8]>,
    /// When: signatures are good for some minutes.
    pub now: SystemTime,
}

/// What a request has to carry.
#[derive(Debug)]
pub struct Signed {
    /// Headers to set, names in lower case.
    pub headers: Vec<(Cow<'static, str>, SecretString)>,
    /// A query parameter to add, neither part encoded; [`Signed::path`] does that.
    pub query: Option<(String, SecretString)>,
    /// What to name to [`Credentials::answered`].
    pub used: Used,
}

impl Signed {
    fn nothing() -> Self {
        Self { headers: Vec::new(), query: None, used: Used::Nothing }
    }

    /// The path with the query parameter. Whatever of that name was there before is gone: a client's own key.
    pub fn path(&self, path_and_query: &str) -> String {
        place::path(path_and_query, self.query.as_ref())
    }
}

/// Which of its provider's credentials a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    /// None, or some that cannot be another one the next time.
    Nothing,
    /// The key at this position of the pool.
    Key(usize),
    /// The token of this number.
    Token(u64),
}

/// A provider's credentials cannot be had at the moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("provider {provider}: {problem}")]
pub struct Unavailable {
    provider: Arc<str>,
    problem: Arc<str>,
}

impl Unavailable {
    /// What a client reads where no other provider is left. Why they cannot be had is for the log.
    pub fn fault(&self) -> Fault {
        let message = format!("the gateway has no valid credentials for provider `{}` at the moment", self.provider);
        Fault::new(FaultKind::Upstream, message).with_code("provider_credentials")
    }
}

impl Credentials {
    /// The credentials of this provider. `fingerprint` is a digest of all that they are made of.
    pub fn new(provider: &str, kind: Kind, fingerprint: [u8; 32]) -> Self {
        let header_names = kind.header_names();
        let has_pool = matches!(&kind, Kind::Keys(_, pool) if pool.len() > 1);
        let learns = has_pool || kind.is_issued();
        let live = ArcSwap::from_pointee(Live { kind, metrics: OnceLock::new() });
        Self { provider: provider.into(), header_names, has_pool, learns, fingerprint, live }
    }

    /// The names of the headers that they stand in: none of them may reach another provider.
    pub fn header_names(&self) -> Vec<&str> {
        self.header_names.iter().map(String::as_str).collect()
    }

    /// The name of the query parameter that they stand in, likewise.
    pub fn query_name(&self) -> Option<String> {
        match &self.live.load().kind {
            Kind::Keys(place, _) => place.query_name().map(str::to_owned),
            Kind::Nothing | Kind::Aws(..) | Kind::Gcp(_) | Kind::Azure(_) => None,
        }
    }

    /// Whether they sign a request, its body included.
    pub fn signs(&self) -> bool {
        match &self.live.load().kind {
            Kind::Aws(..) => true,
            Kind::Nothing | Kind::Keys(..) | Kind::Gcp(_) | Kind::Azure(_) => false,
        }
    }

    /// Whether there are several keys, so that the answer of every attempt matters, also of one that is followed by another.
    pub fn has_pool(&self) -> bool {
        self.has_pool
    }

    /// Whether answers can change what the next request carries.
    pub fn learns(&self) -> bool {
        self.learns
    }

    /// Waits until requests can be signed, where that is to be expected soon.
    ///
    /// # Errors
    /// They cannot be had: the next target is to be tried.
    pub async fn ready(&self) -> Result<(), Unavailable> {
        let live = self.live.load_full();
        match &live.kind {
            Kind::Nothing | Kind::Keys(..) | Kind::Aws(_, AwsKeys::Own(_)) => Ok(()),
            Kind::Aws(_, AwsKeys::Chain(chain)) => {
                chain.get().await.map(drop).map_err(|problem| self.unavailable("no keys", &problem))
            }
            Kind::Gcp(gcp) => gcp.get().await.map(drop).map_err(|problem| self.unavailable("no token", &problem)),
            Kind::Azure(azure) => azure.get().await.map(drop).map_err(|problem| self.unavailable("no token", &problem)),
        }
    }

    /// Whether it is known that they cannot be had now.
    pub fn are_away(&self) -> bool {
        match &self.live.load().kind {
            Kind::Nothing | Kind::Keys(..) | Kind::Aws(_, AwsKeys::Own(_)) => false,
            Kind::Aws(_, AwsKeys::Chain(chain)) => chain.is_away(),
            Kind::Gcp(gcp) => gcp.is_away(),
            Kind::Azure(azure) => azure.is_away(),
        }
    }

    /// Says what this request has to carry.
    ///
    /// # Errors
    /// They cannot be had: the next target is to be tried.
    pub async fn sign(&self, request: &ToSign<'_>) -> Result<Signed, Unavailable> {
        let live = self.live.load_full();
        match &live.kind {
            Kind::Nothing => Ok(Signed::nothing()),
            Kind::Keys(place, pool) => {
                let (position, key) = pool.next();
                Ok(place.signed(key, Used::Key(position)))
            }
            Kind::Aws(scope, AwsKeys::Own(keys)) => self.signed_for_aws(scope, keys, request, Used::Nothing),
            Kind::Aws(scope, AwsKeys::Chain(chain)) => {
                let held = chain.get().await.map_err(|problem| self.unavailable("no keys", &problem))?;
                self.signed_for_aws(scope, &held.item, request, Used::Token(held.number))
            }
            Kind::Gcp(gcp) => {
                let held = gcp.get().await.map_err(|problem| self.unavailable("no token", &problem))?;
                let quota = held.item.quota_project.as_ref();
                let quota = quota.map(|project| (QUOTA_PROJECT.into(), SecretString::from(project.as_str())));
                let headers = [(AUTHORIZATION.into(), held.item.bearer.clone())].into_iter().chain(quota).collect();
                Ok(Signed { headers, query: None, used: Used::Token(held.number) })
            }
            Kind::Azure(azure) => {
                let held = azure.get().await.map_err(|problem| self.unavailable("no token", &problem))?;
                let headers = vec![(AUTHORIZATION.into(), held.item.clone())];
                Ok(Signed { headers, query: None, used: Used::Token(held.number) })
            }
        }
    }

    fn signed_for_aws(
        &self,
        scope: &aws::Scope,
        keys: &Identity,
        request: &ToSign<'_>,
        used: Used,
    ) -> Result<Signed, Unavailable> {
        let headers = aws::signature(scope, keys, request);
        let headers = headers.map_err(|problem| self.unavailable("the request cannot be signed", &problem))?;
        Ok(Signed { headers, query: None, used })
    }

    fn unavailable(&self, what: &str, problem: &str) -> Unavailable {
        Unavailable { provider: self.provider.clone(), problem: format!("{what}: {problem}").into() }
    }

    /// Learns what the provider answered to a request that carried this.
    pub fn answered(&self, used: &Used, status: u16, retry_after_seconds: Option<u64>) {
        let live = self.live.load();
        match (&live.kind, *used) {
            (Kind::Keys(_, pool), Used::Key(position)) => {
                if let Some(rest) = pool.answered(position, status, retry_after_seconds) {
                    self.tell(&live, position, pool.len(), rest);
                }
            }
            // A token that was revoked. Google and Entra say so with 401 and nothing else.
            (Kind::Gcp(gcp), Used::Token(number)) if status == 401 => gcp.refused(number),
            (Kind::Azure(azure), Used::Token(number)) if status == 401 => azure.refused(number),
            // AWS says it with 403, and the same of rights that are missing.
            (Kind::Aws(_, AwsKeys::Chain(chain)), Used::Token(number)) if status == 403 => chain.doubted(number),
            (Kind::Nothing | Kind::Keys(..) | Kind::Aws(..) | Kind::Gcp(_) | Kind::Azure(_), _) => {}
        }
    }

    fn tell(&self, live: &Live, position: usize, keys: usize, rest: pool::Rest) {
        if let Some(metrics) = live.metrics.get() {
            metrics.credentials.rests.with_label_values(&[&*self.provider, rest.reason.as_str()]).inc();
        }
        if rest.is_news {
            let (provider, key, seconds) = (&*self.provider, position + 1, rest.time.as_secs());
            tracing::error!(provider, key, keys, seconds, "the provider refuses this key (401); it rests");
        }
    }

    /// Whether these are the same as others, secrets and all.
    pub fn same_as(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

/// Gives the credentials of a configuration what those of the one before have learnt, where they are the same, and lets
/// tokens be fetched before the first request needs them.
pub fn prepare(new: &Config, old: Option<&Config>, metrics: &Arc<Metrics>) {
    for (name, provider) in &new.providers {
        let before = old.and_then(|old| old.providers.get(name)).map(|provider| &provider.credentials);
        if let Some(before) = before.filter(|before| before.same_as(&provider.credentials)) {
            provider.credentials.live.store(before.live.load_full());
        }
        let live = provider.credentials.live.load();
        let _known_already = live.metrics.set(metrics.clone());
        live.kind.begin(metrics);
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provider, header_names, .. } = self;
        f.debug_struct("Credentials").field("provider", provider).field("headers", header_names).finish_non_exhaustive()
    }
}

impl fmt::Debug for ToSign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToSign")
            .field("method", &self.method)
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
