//! [`Caller`]: who asks, once that is known.

use super::access::Access;
use attache_core::dialect::Dialect;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

/// The name of everybody of whom nothing is known.
pub const ANONYMOUS: &str = "anonymous";

/// Who asks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Identity>);

/// What is known of a caller.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The name, for limits, records and people.
    pub name: Arc<str>,
    /// How it proved who it is.
    pub source: Source,
    /// Who vouches for it, of a token: names are an issuer's own.
    pub issuer: Option<Arc<str>>,
    /// The beginning of its key as people may see it (`att-Ab3dE9`); only of keys that were made here.
    pub key: Option<Arc<str>>,
    /// Its team.
    pub team: Option<Arc<str>>,
    /// Its organisation.
    pub org: Option<Arc<str>>,
    /// What its requests are marked with: its own tags over its team's over its organisation's.
    pub tags: BTreeMap<String, String>,
    /// The claims that the configuration keeps, by their path.
    pub claims: BTreeMap<String, String>,
    /// What it may use.
    pub access: Access,
}

/// How a caller proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A virtual key.
    Key,
    /// A token that was verified here.
    Jwt,
    /// A token that Envoy verified.
    EnvoyJwt,
    /// A certificate that Envoy verified.
    Mtls,
    /// Trusted headers.
    Headers,
    /// It did not.
    Anonymous,
}

impl Source {
    /// In a word, for metrics and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Jwt | Self::EnvoyJwt => "jwt",
            Self::Mtls => "mtls",
            Self::Headers => "header",
            Self::Anonymous => "anonymous",
        }
    }
}

impl Caller {
    /// A caller of whom this is known.
    pub fn new(identity: Identity) -> Self {
        Self(Arc::new(identity))
    }

    /// Somebody of whom nothing is known, and who may use everything.
    pub fn anonymous() -> Self {
        Self::new(Identity {
            name: ANONYMOUS.into(),
            source: Source::Anonymous,
            issuer: None,
            key: None,
            team: None,
            org: None,
            tags: BTreeMap::new(),
            claims: BTreeMap::new(),
            access: Access::default(),
        })
    }

    /// Whether this model exists for it, by the name that it asks for. What it may not see answers as if it did not exist.
    pub fn may_see(&self, model: &str) -> bool {
        self.access.model(model)
    }

    /// Whether this provider may serve it.
    pub fn may_reach(&self, provider: &str) -> bool {
        self.access.provider(provider)
    }

    /// Whether it may speak this dialect; otherwise [`super::front_refused`] says so.
    pub fn may_speak(&self, front: Dialect) -> bool {
        self.access.front(front)
    }
}

impl Deref for Caller {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}
