//! What the configuration says about callers, ready to use.

use super::access::{Access, Allow};
use super::caller::{Caller, Identity, Source};
use super::claims::Said;
use super::jwt::Issuer;
use super::key::KeyHash;
use super::mesh::{EnvoyJwt, Headers, Mtls};
use super::stranger::Stranger;
use super::throttle::Rate;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Who may ask, and how they prove it.
#[derive(Debug)]
pub struct Rules {
    /// Who proves nothing is let in.
    pub anonymous: bool,
    /// Keys of the configuration by their hash.
    pub keys: HashMap<KeyHash, Arc<Key>>,
    /// Keys of the store count as well.
    pub stored_keys: bool,
    /// Whose tokens are verified here.
    pub issuers: Vec<Issuer>,
    /// Tokens that Envoy has verified.
    pub envoy_jwt: Option<EnvoyJwt>,
    /// Certificates that Envoy has verified.
    pub mtls: Option<Mtls>,
    /// Trusted headers.
    pub headers: Option<Headers>,
    /// What an address may get wrong.
    pub throttle: Rate,
    /// Teams and organisations.
    pub groups: Groups,
    /// The hash of everything secret in it, and of all key sets: by this a reload sees that something changed.
    pub material: KeyHash,
}

/// A key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// Whose it is, or why nobody gets in by it.
    pub caller: Result<Caller, Stranger>,
    /// From when on it counts no more, in Unix seconds.
    pub expires_s: Option<u64>,
}

/// Teams and organisations, by name.
#[derive(Debug, Default)]
pub struct Groups {
    /// Teams.
    pub teams: BTreeMap<String, Group>,
    /// Organisations.
    pub orgs: BTreeMap<String, Group>,
}

/// A team or an organisation.
#[derive(Debug, Default)]
pub struct Group {
    /// The organisation of a team.
    pub org: Option<String>,
    /// What its callers' requests are marked with.
    pub tags: BTreeMap<String, String>,
    /// What its callers may use.
    pub allow: Arc<Allow>,
    /// Its callers are refused.
    pub disabled: bool,
}

impl Groups {
    /// The caller of whom this is said, with what its team and organisation give it.
    ///
    /// # Errors
    /// When one of them is switched off, or unknown although there are others.
    pub fn caller(
        &self,
        said: Said,
        source: Source,
        key: Option<&str>,
        allow: &Arc<Allow>,
    ) -> Result<Caller, Stranger> {
        let team = find(&self.teams, said.team.as_deref())?;
        // Where the team belongs is the configuration's to say, not the token's.
        let org_name = team.and_then(|team| team.org.clone()).or(said.org);
        let org = find(&self.orgs, org_name.as_deref())?;
        if [team, org].into_iter().flatten().any(|group| group.disabled) {
            return Err(Stranger::Disabled);
        }
        let mut tags = BTreeMap::new();
        for group in [org, team].into_iter().flatten() {
            tags.extend(group.tags.clone());
        }
        tags.extend(said.tags);
        let of_groups = [org, team].into_iter().flatten().map(|group| group.allow.clone());
        Ok(Caller::new(Identity {
            name: said.name.into(),
            source,
            issuer: said.issuer.map(Arc::from),
            key: key.map(Arc::from),
            team: said.team.map(Arc::from),
            org: org_name.map(Arc::from),
            tags,
            claims: said.claims,
            access: Access::all_of(of_groups.chain([allow.clone()])),
        }))
    }
}

/// A group that is there, or none that is named. Where none is written at all, a name is only a name.
fn find<'a>(groups: &'a BTreeMap<String, Group>, name: Option<&str>) -> Result<Option<&'a Group>, Stranger> {
    match name.map(|name| groups.get(name)) {
        None => Ok(None),
        Some(Some(group)) => Ok(Some(group)),
        Some(None) if groups.is_empty() => Ok(None),
        Some(None) => Err(Stranger::Homeless),
    }
}

impl Rules {
    /// The attributes that Envoy is to tell.
    pub fn attributes(&self) -> impl Iterator<Item = &'static str> {
        // Its address as Envoy sees it: of the connection, or further back where Envoy is told to trust proxies.
        let address = super::ADDRESS_ATTRIBUTE;
        [address].into_iter().chain(self.mtls.as_ref().and_then(Mtls::attribute))
    }

    /// Whether Envoy is to forward what its `jwt_authn` filter left in metadata.
    pub fn reads_metadata(&self) -> bool {
        use super::mesh::Payload;
        self.envoy_jwt.as_ref().is_some_and(|envoy_jwt| matches!(envoy_jwt.payload, Payload::Metadata(_)))
    }

    /// The headers that speak of a caller, beside those of keys: none of them is a provider's business.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        use super::mesh::{FORWARDED_CERTIFICATE, Payload};
        let payload = self.envoy_jwt.as_ref().and_then(|envoy_jwt| match &envoy_jwt.payload {
            Payload::Metadata(_) => None,
            Payload::Header(name) => Some(name.as_str()),
        });
        let trusted = self.headers.iter().flat_map(Headers::names).map(String::as_str);
        trusted.chain(payload).chain([FORWARDED_CERTIFICATE])
    }
}
