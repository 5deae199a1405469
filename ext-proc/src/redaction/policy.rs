//! A policy of the configuration, ready to use.

use super::{Analyzer, Key};
use crate::callers::Caller;
use crate::config::written::redact::{Redact as Written, Tenant};
use crate::limits::rule::Dimension;
use crate::pattern::Pattern;
use attache_core::redact::detect::catalogue;
use attache_core::redact::{self, Redact};
use serde_json::Value;
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
    /// It may withhold what models say.
    pub blocks_answers: bool,
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
        let own = |field: &str| {
            let list = written.rules.get(field).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(|item| item.get("name")?.as_str()).map(str::to_owned).collect::<Vec<_>>()
        };
        let named = written.rules.get("entities").and_then(Value::as_object).into_iter().flat_map(|all| all.keys());
        let known = catalogue::all().map(|row| row.entity.to_owned());
        let entities = known.chain(own("custom")).chain(own("words")).chain(named.cloned()).chain(asked).collect();
        let blocks_answers = compiled.reads_answers() && blocks_answers(&written.rules);
        Ok(Self {
            name: written.name.as_str().into(),
            when,
            rules: Arc::new(compiled),
            analyzer,
            key_is_made_up: matches!(key, Key::MadeUp),
            blocks_answers,
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

/// Whether some action of a policy may withhold what a model says.
fn blocks_answers(rules: &serde_json::Map<String, Value>) -> bool {
    let monitors = rules.get("mode").and_then(Value::as_str) == Some("monitor");
    let entities = rules.get("entities").and_then(Value::as_object);
    let of_answers = |entity: &Value| match entity.as_object() {
        Some(directions) => directions.get("response").is_some_and(blocks),
        None => blocks(entity),
    };
    !monitors && (rules.get("response").is_some_and(blocks) || entities.is_some_and(|all| all.values().any(of_answers)))
}

/// Whether one action, or that of some scope, is to block.
fn blocks(actions: &Value) -> bool {
    let one = |action: &Value| action.as_str() == Some("block");
    one(actions) || actions.as_object().is_some_and(|scopes| scopes.values().any(one))
}

fn material(written: &Written, key: &Key) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(key.bytes());
    hash.update(serde_json::to_string(&written.rules).unwrap_or_default());
    if let Some(presidio) = &written.presidio {
        use crate::config::written::Secret;
        for (name, secret) in &presidio.headers {
            hash.update(name);
            match secret {
                Secret::Text(text) => hash.update(text),
                Secret::File(file) => hash.update(std::fs::read(&file.file).unwrap_or_default()),
            }
        }
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_may_be_withheld_makes_answers_costlier() {
        for (rules, expected) in [
            (json!({}), false),
            (json!({ "request": "block", "response": "redact" }), false),
            (json!({ "response": "block" }), true),
            (json!({ "mode": "monitor", "response": "block" }), false),
            (json!({ "response": { "assistant": "block", "tool_calls": "off" } }), true),
            (json!({ "entities": { "email": "block" } }), true),
            (json!({ "entities": { "email": { "request": "block", "response": "redact" } } }), false),
            (json!({ "entities": { "email": { "response": { "assistant": "block" } } } }), true),
        ] {
            assert_eq!(blocks_answers(rules.as_object().unwrap()), expected, "{rules}");
        }
    }
}
