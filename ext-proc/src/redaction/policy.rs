//! A policy of the configuration, ready to use.

use super::{Analyzer, Key};
use crate::callers::Caller;
use crate::config::blocks;
use crate::config::written::redact::{Redact as Written, Tenant};
use crate::limits::rule::Dimension;
use crate::pattern::Pattern;
use attache_core::redact::detect::catalogue;
use attache_core::redact::{self, Redact};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// A policy.
pub struct Policy {
    /// Its name.
    pub name: Arc<str>,
    /// To what it applies; one pattern of each must fit.
    pub when: Vec<(Dimension, Vec<Pattern>)>,
    /// What to look for, and what to do about it.
    pub rules: Arc<redact::Policy>,
    /// Who is asked besides.
    pub analyzer: Option<Analyzer>,
    /// The process has made up the key.
    pub key_is_made_up: bool,
    /// A hash of all of it, key and words included.
    pub material: [u8; 32],
    tenant: Tenant,
    /// Names that may stand in metrics and records.
    entities: BTreeSet<String>,
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Policy {
    /// Compiles a policy.
    ///
    /// # Errors
    /// What is wrong with its rules.
    pub fn new(
        written: &Written,
        rules: &Redact,
        key: &Key,
        when: Vec<(Dimension, Vec<Pattern>)>,
        analyzer: Option<Analyzer>,
    ) -> Result<Self, String> {
        let asked = written.presidio.iter().flat_map(|presidio| &presidio.entities);
        let asked: Vec<_> = asked.map(|entity| entity.to_ascii_lowercase()).collect();
        let compiled = redact::Policy::analyzed(rules, key.bytes(), &asked)?;
        let own = rules.custom.iter().map(|pattern| &pattern.name).chain(rules.words.iter().map(|words| &words.name));
        let named = own.chain(rules.entities.keys()).cloned();
        let known = catalogue::all().map(|row| row.entity.to_owned());
        let entities = known.chain(named).chain(asked).collect();
        Ok(Self {
            name: written.name.as_str().into(),
            when,
            rules: Arc::new(compiled),
            analyzer,
            key_is_made_up: matches!(key, Key::MadeUp),
            material: material(written, key),
            tenant: written.tenant,
            entities,
        })
    }

    /// Among whose requests a value of this caller's always gets the same placeholder.
    pub fn tenant(&self, caller: &Caller) -> String {
        let team = || caller.team.as_ref().map(|team| format!("team {team}"));
        let org = || caller.org.as_ref().map(|org| format!("org {org}"));
        let shared = match self.tenant {
            Tenant::Caller => None,
            Tenant::Team => team(),
            Tenant::Org => org().or_else(team),
        };
        shared.unwrap_or_else(|| format!("caller {}", caller.name))
    }

    /// The name of an entity for metrics and records: an analyzer can make up as many as it likes.
    pub fn shown<'e>(&self, entity: &'e str) -> Cow<'e, str> {
        if self.entities.contains(entity) { Cow::Borrowed(entity) } else { Cow::Borrowed("other") }
    }
}

fn material(written: &Written, key: &Key) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(key.bytes());
    hash.update(serde_json::to_string(&written.rules).unwrap_or_default());
    if let Some(presidio) = &written.presidio {
        for (name, secret) in &presidio.headers {
            hash.update(name);
            blocks::add_secret(&mut hash, secret);
        }
    }
    hash.finalize().into()
}
