//! What an operator writes: the same block for every host.
//!
//! Of several actions that could apply to what was found, the most special does: the entity's own, then its scope's, then
//! its direction's.

use super::Action;
use crate::texts::Scope;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// A redaction policy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Redact {
    /// Whether it acts, or only counts.
    pub mode: Mode,
    /// Which detectors are on beside those that `entities` names: `certain` (by a checksum or an unmistakable shape) and
    /// `likely` (only with a word before them that says so).
    pub tiers: Vec<Tier>,
    /// What happens to what is found in requests: one action, or one for each scope.
    pub request: Actions,
    /// What happens to what the model itself says: one action, or one for each scope.
    pub response: Actions,
    /// What happens to these entities. Naming one switches its detector on.
    pub entities: BTreeMap<String, Entity>,
    /// Where requests are looked at: a list of scopes, or a map from scopes to actions. Default: everywhere.
    pub scopes: Scopes,
    /// Further entities, by a regular expression.
    pub custom: Vec<Pattern>,
    /// Further entities, by lists of words.
    pub words: Vec<Words>,
    /// Where answers get back what was masked; in what the model says always.
    pub restore: Restore,
    /// What happens to a body in which nobody can tell text from anything else.
    pub unreadable: OnUnreadable,
}

impl Default for Redact {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            tiers: vec![Tier::Certain],
            request: Actions::One(Action::Mask),
            response: Actions::One(Action::Off),
            entities: BTreeMap::new(),
            scopes: Scopes::All,
            custom: Vec::new(),
            words: Vec::new(),
            restore: Restore::default(),
            unreadable: OnUnreadable::default(),
        }
    }
}

/// Whether a policy acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It acts.
    #[default]
    Enforce,
    /// It finds and counts, and changes nothing.
    Monitor,
}

/// Detectors by how sure they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// By a checksum or an unmistakable shape.
    Certain,
    /// Only with a word before them that says so.
    Likely,
}

/// What happens to a body in which nobody can tell text from anything else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnUnreadable {
    /// The request is refused.
    #[default]
    Refuse,
    /// It passes unseen.
    Pass,
}

/// One action, or one for each scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Actions {
    /// The same everywhere.
    One(Action),
    /// By scope; for a scope that is not named, the less special rule decides.
    Each(ByScope),
}

/// Actions by scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ByScope {
    /// In system and developer messages, instructions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<Action>,
    /// In what users say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Action>,
    /// In what models say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assistant: Option<Action>,
    /// In arguments of tool calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<Action>,
    /// In what tools answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_results: Option<Action>,
    /// In descriptions and schemas of tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_definitions: Option<Action>,
}

impl Actions {
    /// The action in this scope, where one is named.
    pub fn of(&self, scope: Scope) -> Option<Action> {
        match self {
            Self::One(action) => Some(*action),
            Self::Each(each) => each.of(scope),
        }
    }
}

impl ByScope {
    fn of(&self, scope: Scope) -> Option<Action> {
        match scope {
            Scope::System => self.system,
            Scope::User => self.user,
            Scope::Assistant => self.assistant,
            Scope::ToolCalls => self.tool_calls,
            Scope::ToolResults => self.tool_results,
            Scope::ToolDefinitions => self.tool_definitions,
        }
    }
}

/// Where requests are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Scopes {
    /// Everywhere.
    #[default]
    #[cfg_attr(feature = "schema", schemars(skip))]
    All,
    /// Only in these.
    Only(Vec<Scope>),
    /// With these actions; in a scope that is not named, what `request` says.
    Each(ByScope),
}

impl Scopes {
    /// The action in this scope, where one is named.
    pub fn of(&self, scope: Scope) -> Option<Action> {
        match self {
            Self::All => None,
            Self::Only(scopes) => (!scopes.contains(&scope)).then_some(Action::Off),
            Self::Each(each) => each.of(scope),
        }
    }
}

/// What happens to an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Entity {
    /// In requests. What the model itself says follows `response`, but for `off`, which means both.
    One(Action),
    /// By direction.
    Each(Directions),
}

/// What happens to an entity, by direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Directions {
    /// In requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Actions>,
    /// In what the model itself says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Actions>,
    /// Only in these scopes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<Scope>>,
}

/// An entity by a regular expression.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// Its name, as in `entities`: a-z, 0-9 and `_`.
    pub name: String,
    /// What its placeholders begin with: A-Z. Default: its name's letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The regular expression; bounded in what it may match.
    pub regex: String,
    /// The name of a checksum that makes sure: `luhn`, `mod97`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// Words one of which must stand shortly before it. Default: none needed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<String>,
}

/// An entity by a list of words.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Its name, as in `entities`: a-z, 0-9 and `_`.
    pub name: String,
    /// What its placeholders begin with: A-Z. Default: its name's letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The words, found without regard to case.
    pub words: Vec<String>,
}

/// Where answers get back what was masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Restore {
    /// In arguments of tools that the client runs.
    pub tool_calls: bool,
    /// In arguments of tools that the provider runs.
    pub server_tools: bool,
}

impl Default for Restore {
    fn default() -> Self {
        Self { tool_calls: true, server_tools: false }
    }
}

impl<'de> Deserialize<'de> for Actions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOr(
            "an action, or a map from scopes to actions",
            Self::One,
            Self::Each,
            PhantomData,
        ))
    }
}

impl<'de> Deserialize<'de> for Entity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "an action, or a map with `request`, `response`, `scopes`";
        deserializer.deserialize_any(OneOr(expected, Self::One, Self::Each, PhantomData))
    }
}

/// Reads a word or a map. Not serde's `untagged`: its errors do not say what is wrong.
struct OneOr<T, M>(&'static str, fn(Action) -> T, fn(M) -> T, PhantomData<M>);

impl<'de, T, M: Deserialize<'de>> Visitor<'de> for OneOr<T, M> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<T, E> {
        Action::deserialize(StrDeserializer::new(word)).map(self.1)
    }

    fn visit_bool<E: serde::de::Error>(self, on: bool) -> Result<T, E> {
        // YAML 1.1 reads a bare `off` as a truth value.
        if on { Err(E::custom("`on` is no action: say which one, such as `mask`")) } else { Ok(self.1(Action::Off)) }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        M::deserialize(MapAccessDeserializer::new(map)).map(self.2)
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListOrMap;
        impl<'de> Visitor<'de> for ListOrMap {
            type Value = Scopes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of scopes, or a map from scopes to actions")
            }

            fn visit_unit<E>(self) -> Result<Scopes, E> {
                Ok(Scopes::All)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scopes, A::Error> {
                let mut scopes = Vec::new();
                while let Some(scope) = list.next_element()? {
                    scopes.push(scope);
                }
                Ok(Scopes::Only(scopes))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Scopes, A::Error> {
                ByScope::deserialize(MapAccessDeserializer::new(map)).map(Scopes::Each)
            }
        }
        deserializer.deserialize_any(ListOrMap)
    }
}
