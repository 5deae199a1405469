//! What `redact` and `guards` have in common: lists of named blocks, each for some exchanges, with rules that core reads.

use super::written::Secret;
use super::written::rules::Texts;
use super::{Problem, helpful, rules};
use crate::limits::rule::Dimension;
use crate::pattern::Pattern;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

const NAME_BYTES_MAX: usize = 64;

/// What the blocks of a list are called.
pub(super) struct Kind {
    pub(super) one: &'static str,
    pub(super) several: &'static str,
    /// When they are looked up.
    pub(super) when: &'static str,
}

/// Checks a block's name, which stands in headers, metrics and records, and that no other one has it.
pub(super) fn check_name<'w>(
    kind: &Kind,
    name: &'w str,
    names: &mut BTreeSet<&'w str>,
    at: &str,
    problems: &mut Vec<Problem>,
) {
    let at = format!("{at}.name");
    if !names.insert(name) {
        let message = format!("there are two {} `{name}`; records need different names", kind.several);
        problems.push(Problem::at(&at, message));
    }
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(fits) {
        let message = format!("a {}'s name takes 1 to 64 of the characters a-z, 0-9, `_` and `-`", kind.one);
        problems.push(Problem::at(at, message));
    }
}

/// The conditions of a block: nobody knows a provider yet.
pub(super) fn conditions(
    kind: &Kind,
    written: &BTreeMap<String, Texts>,
    at: &str,
    problems: &mut Vec<Problem>,
) -> Vec<(Dimension, Vec<Pattern>)> {
    let when = rules::conditions(written, at, problems);
    if when.iter().any(|(by, _)| *by == Dimension::Provider) {
        let message = format!("who serves is not known yet when {}, and may change; use `model`", kind.when);
        problems.push(Problem::at(format!("{at}.when.provider"), message));
    }
    when
}

/// The rules of a block, as core reads them.
pub(super) fn rules<R: DeserializeOwned>(
    written: &Map<String, Value>,
    at: &str,
    problems: &mut Vec<Problem>,
) -> Option<R> {
    let rules = serde_path_to_error::deserialize(Value::Object(written.clone())).map_err(|error| {
        let path = error.path().to_string();
        let at = if path == "." { at.to_owned() } else { format!("{at}.{path}") };
        problems.push(Problem::at(at, helpful(&error.into_inner().to_string())));
    });
    rules.ok()
}

/// A mistake of which core tells the path within the block.
pub(super) fn placed(at: &str, message: &str) -> Problem {
    match message.split_once(": ") {
        Some((path, why)) if !path.contains([' ', '`']) => Problem::at(format!("{at}.{path}"), why),
        _ => Problem::at(at, message),
    }
}

/// Adds a secret to the hash by which a change of it is known.
pub(crate) fn add_secret(hash: &mut Sha256, secret: &Secret) {
    match secret {
        Secret::Text(text) => hash.update(text),
        Secret::File(file) => hash.update(std::fs::read(&file.file).unwrap_or_default()),
    }
    hash.update([0]);
}
