//! A trap, and what is said about each place in which it is found.

use super::at::{At, Place};
use super::seen::Seen;
use serde::Serialize;
use serde_json::Value;

/// A trap.
#[derive(Debug)]
pub struct Rule {
    /// What it is called.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub what: &'static str,
    /// What comes of it.
    pub why: &'static str,
    /// Finds it.
    pub look: fn(&Seen<'_>) -> Vec<Hit>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Requests fail, answers break, or something gets where it must not.
    Error,
    /// It works, until something else happens.
    Warning,
}

impl Severity {
    /// As people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A place in which a trap is found.
#[derive(Debug)]
pub struct Hit {
    /// Where.
    pub at: Place,
    /// What stands there, without anything that could be a secret.
    pub found: String,
    /// What to do about it.
    pub fix: Fix,
}

/// What to do about a finding.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fix {
    /// Write this value there.
    Set(Value),
    /// Add this element to the list there.
    Add(Value),
    /// Something that no single line does.
    Do(String),
}

impl Hit {
    /// A field that must have another value.
    pub fn set(at: &At<'_>, value: impl Into<Value>) -> Self {
        Self { at: at.place().clone(), found: at.shown(), fix: Fix::Set(value.into()) }
    }

    /// A list in which an element is missing.
    pub fn add(at: &At<'_>, value: impl Into<Value>) -> Self {
        // An element is added to a list; where there is none, it begins with it.
        let fix = if at.is_set() { Fix::Add(value.into()) } else { Fix::Set(Value::Array(vec![value.into()])) };
        Self { at: at.place().clone(), found: "not there".to_owned(), fix }
    }

    /// Something that takes more than a line.
    pub fn todo(at: &Place, found: impl Into<String>, what: impl Into<String>) -> Self {
        Self { at: at.clone(), found: found.into(), fix: Fix::Do(what.into()) }
    }
}
