//! A policy's block, checked and compiled: which detectors are on in which direction, and what happens to each kind where.

use super::detect::{Custom, Detector, Detectors, Kind, catalogue};
use super::{Action, Direction, Redact, config, placeholder, synthetic};
use crate::texts::Scope;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// All scopes, in the order of an action table.
const SCOPES: [Scope; 6] =
    [Scope::System, Scope::User, Scope::Assistant, Scope::ToolCalls, Scope::ToolResults, Scope::ToolDefinitions];

/// Entities that have no detector here, but that analyzers report under these names.
/// <https://microsoft.github.io/presidio/supported_entities/>
const ANALYZED: [&str; 8] =
    ["person", "location", "organization", "nrp", "date_time", "medical_license", "age", "address"];

/// What is looked for in one direction.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) detectors: Detectors,
    rules: Vec<Rule>,
}

/// What happens to one kind.
pub(super) struct Rule {
    pub(super) entity: String,
    pub(super) label: String,
    /// The row of the catalogue; `None` for an operator's own.
    row: Option<&'static Detector>,
    check: OnceLock<Option<synthetic::Check>>,
    actions: [Action; SCOPES.len()],
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule").field("entity", &self.entity).field("actions", &self.actions).finish_non_exhaustive()
    }
}

impl Rule {
    /// How to make another one of the same shape; `None` where nobody can. To find that out takes hundreds of tries: it is
    /// done when the first is asked for.
    pub(super) fn check(&self) -> Option<synthetic::Check> {
        *self.check.get_or_init(|| self.row.and_then(synthetic::Check::of))
    }

    pub(super) fn action(&self, scope: Scope) -> Action {
        let place = SCOPES.iter().position(|known| *known == scope);
        place.and_then(|place| self.actions.get(place)).copied().unwrap_or(Action::Off)
    }
}

impl Side {
    /// `None` where nothing is looked for.
    fn new(config: &Redact, direction: Direction, own: &Own) -> Result<Option<Self>, String> {
        let actions = |entity: &str| SCOPES.map(|scope| action(config, entity, direction, scope));
        let on = |entity: &str| actions(entity).iter().any(|action| *action != Action::Off);
        let rows: Vec<_> = rows(config).filter(|row| on(row.entity)).collect();
        let own: Vec<_> = own.iter().filter(|(name, ..)| on(name)).cloned().collect();
        if rows.is_empty() && own.is_empty() {
            return Ok(None);
        }
        let detectors = Detectors::new(&rows, &own).map_err(|error| located(config, &error))?;
        let rules = detectors.kinds().iter().enumerate().map(|(kind, (entity, label))| Rule {
            entity: entity.clone(),
            label: label.clone(),
            row: rows.get(kind).copied(),
            check: OnceLock::new(),
            actions: actions(entity),
        });
        Ok(Some(Self { rules: rules.collect(), detectors }))
    }

    /// Whether anything that is found may block.
    pub(super) fn blocks(&self) -> bool {
        self.rules.iter().any(|rule| rule.actions.contains(&Action::Block))
    }

    pub(super) fn rule(&self, kind: Kind) -> Option<&Rule> {
        self.rules.get(usize::from(kind))
    }
}

type Own = Vec<(String, String, Custom)>;

/// All of it.
#[derive(Debug)]
pub(super) struct Rules {
    config: Redact,
    labels: BTreeSet<String>,
    pub(super) request: Option<Side>,
    pub(super) response: Option<Side>,
}

impl Rules {
    /// `analyzed`: names of entities that the host asks others for.
    pub(super) fn new(config: &Redact, analyzed: &[String]) -> Result<Self, String> {
        let own = own(config)?;
        check_entities(config, &own, analyzed)?;
        check_scopes(config)?;
        let request = Side::new(config, Direction::Request, &own)?;
        let response = Side::new(config, Direction::Response, &own)?;
        let sides = [&request, &response].into_iter().flatten();
        let labels = sides.flat_map(|side| side.rules.iter().map(|rule| rule.label.clone())).collect();
        Ok(Self { config: config.clone(), labels, request, response })
    }

    /// Whether a label may stand for something that this policy redacts.
    pub(super) fn knows_label(&self, label: &str) -> bool {
        self.labels.contains(label)
    }

    /// What happens to something in a request that others have found.
    pub(super) fn other(&self, name: &str, scope: Scope) -> (String, String, Action) {
        let entity = name.to_lowercase();
        let row = catalogue::all().find(|row| row.entity == entity);
        let label = row.map_or_else(|| placeholder::label_of(name), |row| row.label.to_owned());
        let action = action(&self.config, &entity, Direction::Request, scope);
        (entity, label, action)
    }
}

/// What happens to this entity here: the most special rule decides.
fn action(config: &Redact, entity: &str, direction: Direction, scope: Scope) -> Action {
    let entity = config.entities.get(entity);
    let limited = |each: &config::Directions| each.scopes.as_ref().is_some_and(|scopes| !scopes.contains(&scope));
    match (direction, entity) {
        (Direction::Request, _)
            if matches!(&config.scopes, config::Scopes::Only(_)) && config.scopes.of(scope).is_some() =>
        {
            Action::Off
        }
        (_, Some(config::Entity::Each(each))) if limited(each) => Action::Off,
        (Direction::Request, entity) => {
            let named = match entity {
                Some(config::Entity::One(action)) => Some(*action),
                Some(config::Entity::Each(each)) => each.request.as_ref().and_then(|actions| actions.of(scope)),
                None => None,
            };
            let general = || config.scopes.of(scope).or_else(|| config.request.of(scope)).unwrap_or(Action::Mask);
            named.unwrap_or_else(general)
        }
        (Direction::Response, entity) => {
            let named = match entity {
                Some(config::Entity::One(Action::Off)) => Some(Action::Off),
                Some(config::Entity::One(_)) | None => None,
                Some(config::Entity::Each(each)) => each.response.as_ref().and_then(|actions| actions.of(scope)),
            };
            named.unwrap_or_else(|| config.response.of(scope).unwrap_or(Action::Off))
        }
    }
}

/// The rows of the catalogue that are on.
fn rows(config: &Redact) -> impl Iterator<Item = &'static Detector> + '_ {
    catalogue::all().filter(|row| {
        let by_tier = config.tiers.iter().any(|tier| match tier {
            config::Tier::Certain => row.tier == super::detect::Tier::Certain,
            config::Tier::Likely => row.tier == super::detect::Tier::Likely,
        });
        by_tier || config.entities.contains_key(row.entity)
    })
}

/// The operator's own kinds, checked as far as that goes without compiling them.
fn own(config: &Redact) -> Result<Own, String> {
    let mut own = Own::new();
    for (index, pattern) in config.custom.iter().enumerate() {
        let path = format!("custom[{index}]");
        let (name, label) = named(&path, &pattern.name, pattern.label.as_deref(), &own)?;
        let (checksum, context) = (pattern.checksum.clone(), pattern.context.clone());
        own.push((name, label, Custom::Pattern { regex: pattern.regex.clone(), checksum, context }));
    }
    for (index, words) in config.words.iter().enumerate() {
        let path = format!("words[{index}]");
        let (name, label) = named(&path, &words.name, words.label.as_deref(), &own)?;
        if words.words.is_empty() || words.words.iter().any(|word| word.trim().is_empty()) {
            return Err(format!("{path}.words: needs at least one word, and none that is empty"));
        }
        own.push((name, label, Custom::Words(words.words.clone())));
    }
    Ok(own)
}

/// What is wrong with one of the operator's own, with its path.
fn located(config: &Redact, error: &str) -> String {
    let about = |name: &str| error.strip_prefix(&format!("`{name}`: "));
    let custom =
        config.custom.iter().enumerate().find_map(|(i, own)| Some((format!("custom[{i}]"), about(&own.name)?)));
    let words =
        || config.words.iter().enumerate().find_map(|(i, own)| Some((format!("words[{i}]"), about(&own.name)?)));
    custom.or_else(words).map_or_else(|| error.to_owned(), |(path, rest)| format!("{path}: {rest}"))
}

fn named(path: &str, name: &str, label: Option<&str>, own: &Own) -> Result<(String, String), String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(fits) {
        return Err(format!("{path}.name: `{name}` is no name: it may have a-z, 0-9 and _, at most 64"));
    }
    if own.iter().any(|(other, ..)| other == name) || catalogue::all().any(|row| row.entity == name) {
        return Err(format!("{path}.name: there is another `{name}`; every kind needs a name of its own"));
    }
    match label {
        Some(label) if !placeholder::is_label(label) => Err(format!(
            "{path}.label: `{label}` is no label: it may have A-Z only, at most {}",
            placeholder::LABEL_CHARS_MAX
        )),
        Some(label) => Ok((name.to_owned(), label.to_owned())),
        None => Ok((name.to_owned(), placeholder::label_of(name))),
    }
}

fn check_entities(config: &Redact, own: &Own, analyzed: &[String]) -> Result<(), String> {
    let analyzed = analyzed.iter().map(|name| name.to_lowercase());
    let known: BTreeSet<String> = catalogue::all()
        .map(|row| row.entity.to_owned())
        .chain(own.iter().map(|(name, ..)| name.clone()))
        .chain(ANALYZED.map(str::to_owned))
        .chain(analyzed)
        .collect();
    let Some(unknown) = config.entities.keys().find(|name| !known.contains(*name)) else { return Ok(()) };
    let near: BTreeMap<usize, &String> = known.iter().rev().map(|name| (distance(name, unknown), name)).collect();
    let hint = match near.first_key_value() {
        Some((distance, name)) if *distance <= 3.min(unknown.chars().count() / 2) => {
            format!("; did you mean `{name}`?")
        }
        _ => "; the docs have a table of them".to_owned(),
    };
    Err(format!("entities.{unknown}: there is no such entity{hint}"))
}

fn check_scopes(config: &Redact) -> Result<(), String> {
    if matches!(&config.scopes, config::Scopes::Only(scopes) if scopes.is_empty()) {
        return Err("scopes: an empty list looks nowhere; leave it out to look everywhere".to_owned());
    }
    for (name, entity) in &config.entities {
        let scopes = match entity {
            config::Entity::One(_) => None,
            config::Entity::Each(each) => each.scopes.as_ref(),
        };
        if scopes.is_some_and(Vec::is_empty) {
            return Err(format!("entities.{name}.scopes: an empty list looks nowhere; say `off` for that"));
        }
    }
    Ok(())
}

/// How many characters must change for one to become the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (index, a) in one.chars().enumerate() {
        let mut above_left = index;
        let mut left = index + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, b) in row.iter_mut().skip(1).zip(other.chars()) {
            let cost = (above_left + usize::from(a != b)).min(left + 1).min(*cell + 1);
            above_left = std::mem::replace(cell, cost);
            left = cost;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> Redact {
        serde_json::from_str(json).expect("a policy")
    }

    fn error(json: &str) -> String {
        match serde_json::from_str::<Redact>(json) {
            Ok(config) => {
                Rules::new(&config, &["SHOE_SIZE".to_owned()]).map(|_| String::new()).unwrap_or_else(|error| error)
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn errors_say_where_and_what() {
        for (json, told) in [
            (r#"{"entities":{"persom":"mask"}}"#, "entities.persom: there is no such entity; did you mean `person`?"),
            (
                r#"{"entities":{"zzzzzzzz":"mask"}}"#,
                "entities.zzzzzzzz: there is no such entity; the docs have a table",
            ),
            (r#"{"entities":{"person":"maks"}}"#, "unknown variant `maks`, expected one of `mask`"),
            (r#"{"entities":{"person":{"requests":"mask"}}}"#, "unknown field `requests`, expected one of `request`"),
            (r#"{"entities":{"person":{"scopes":[]}}}"#, "entities.person.scopes: an empty list"),
            (r#"{"entities":{"person":3}}"#, "expected an action, or a map with `request`"),
            (r#"{"request":{"users":"mask"}}"#, "unknown field `users`"),
            (r#"{"scopes":[]}"#, "scopes: an empty list"),
            (r#"{"scopes":["tools"]}"#, "unknown variant `tools`"),
            (r#"{"custom":[{"name":"A","regex":"x"}]}"#, "custom[0].name: `A` is no name"),
            (r#"{"custom":[{"name":"a","label":"emp-1","regex":"x"}]}"#, "custom[0].label: `emp-1` is no label"),
            (
                r#"{"custom":[{"name":"a","regex":"x"}],"words":[{"name":"a","words":["b"]}]}"#,
                "words[0].name: there is another `a`",
            ),
            (r#"{"custom":[{"name":"a","regex":"x"},{"name":"b","regex":"["}]}"#, "custom[1]: regex parse error"),
            (r#"{"words":[{"name":"a","words":[]}]}"#, "words[0].words: needs at least one word"),
            (r#"{"tier":["certain"]}"#, "unknown field `tier`"),
            (r#"{"entities":{"shoe_size":"mask"}}"#, ""),
            ("{}", ""),
        ] {
            let error = error(json);
            assert!(error.contains(told) && error.is_empty() == told.is_empty(), "{json}: {error}");
        }
    }

    #[test]
    fn the_most_special_rule_decides() {
        let config = config(
            r#"{
                "request": {"user": "redact"}, "response": {"assistant": "redact"},
                "scopes": {"system": "hash", "tool_results": "off"},
                "entities": {
                    "a": "partial", "b": {"request": {"system": "block"}, "response": "mask"},
                    "c": {"request": "block", "scopes": ["user"]}, "d": "off"
                }
            }"#,
        );
        use {Action::*, Direction::*};
        for (entity, direction, scope, expected) in [
            ("x", Request, Scope::User, Redact),
            ("x", Request, Scope::System, Hash),
            ("x", Request, Scope::ToolResults, Off),
            ("x", Request, Scope::ToolCalls, Mask),
            ("x", Response, Scope::Assistant, Redact),
            ("x", Response, Scope::ToolCalls, Off),
            ("a", Request, Scope::System, Partial),
            ("a", Request, Scope::ToolResults, Partial),
            ("a", Response, Scope::Assistant, Redact),
            ("b", Request, Scope::System, Block),
            ("b", Request, Scope::User, Redact),
            ("b", Response, Scope::ToolCalls, Mask),
            ("c", Request, Scope::User, Block),
            ("c", Request, Scope::System, Off),
            ("c", Response, Scope::Assistant, Off),
            ("d", Request, Scope::User, Off),
            ("d", Response, Scope::Assistant, Off),
        ] {
            assert_eq!(action(&config, entity, direction, scope), expected, "{entity} {direction:?} {scope:?}");
        }
        let only = self::config(r#"{"scopes":["user"],"entities":{"a":"mask"}}"#);
        assert_eq!(action(&only, "a", Request, Scope::System), Off);
        assert_eq!(action(&only, "a", Request, Scope::User), Mask);
    }

    #[test]
    fn distances_are_those_of_levenshtein() {
        for (one, other, expected) in [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "abc", 0), ("ab", "ba", 2)] {
            assert_eq!(distance(one, other), expected);
            assert_eq!(distance(other, one), expected);
        }
    }
}
