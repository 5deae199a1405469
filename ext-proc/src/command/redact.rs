//! `attache redact`: what a policy finds in a text or a request, and what becomes of it. Nothing is sent, no analyzer is
//! asked, and what was found is shown only to who asks for it.

use super::table::Table;
use super::{Anything, print_bytes};
use crate::config;
use crate::redaction::Policy;
use attache_core::endpoint::Endpoint;
use attache_core::redact::Action;
use attache_core::redact::policy::Found;
use attache_core::texts::{self, Scope};
use serde::Serialize;
use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

/// The largest input that is read, in bytes.
const INPUT_BYTES_MAX: u64 = 1 << 30;

/// Print what stands on standard input as a provider would read it, by a policy as if it were enforced. Exit code 3 where
/// the policy blocks it, and with `--check` where anything is found; 1 for what cannot be read.
#[derive(Debug, clap::Args)]
pub struct Redact {
    /// The configuration file.
    #[arg(long, default_value = "attache.yaml")]
    config: PathBuf,
    /// The policy's name. Default: the first one.
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// The input is the body of a request to this path, such as `/v1/chat/completions`. Default: it is text.
    #[arg(long, value_name = "PATH", value_parser = endpoint)]
    endpoint: Option<Endpoint>,
    /// Among whose requests a value always gets the same placeholder: `caller NAME`, `team NAME` or `org NAME`.
    #[arg(long, default_value = "caller anonymous")]
    tenant: String,
    /// Print what is found instead: where, what, and what becomes of it.
    #[arg(long)]
    explain: bool,
    /// The same as a JSON array, for programs.
    #[arg(long)]
    json: bool,
    /// Let `--explain` or `--json` show the values themselves.
    #[arg(long)]
    show_values: bool,
    /// Exit with 3 where something is found, and print nothing without `--explain` or `--json`.
    #[arg(long)]
    check: bool,
}

/// What was found is more than may be.
#[derive(Debug)]
pub enum Objection {
    /// Something was found so often, and `--check` says that nothing should be.
    Found(usize),
    /// This entity is blocked, so no provider would read any of it.
    Blocked(String),
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found(times) => write!(f, "found {times} that must not leave"),
            Self::Blocked(entity) => write!(f, "the policy blocks `{entity}`; `--explain` says where it stands"),
        }
    }
}

impl std::error::Error for Objection {}

/// What becomes of an input.
struct Redacted {
    /// The input without what must not leave.
    output: Vec<u8>,
    found: Vec<Found>,
    /// The texts in which it was found.
    texts: Vec<String>,
}

/// One thing that was found, as it is shown.
#[derive(Serialize)]
struct Span {
    /// In which of the texts, counted from 1.
    text: usize,
    scope: Scope,
    /// Line and column of its first character, counted from 1.
    start: [usize; 2],
    /// The same behind its last one.
    end: [usize; 2],
    entity: String,
    /// Which policy says so.
    rule: String,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    replacement: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

impl Redact {
    /// Redacts standard input.
    ///
    /// # Errors
    /// An [`Objection`], and anything that a person must read.
    pub fn run(&self) -> Result<(), Anything> {
        let policy = self.policy()?;
        let mut input = Vec::new();
        std::io::stdin().lock().take(INPUT_BYTES_MAX).read_to_end(&mut input)?;
        let Redacted { output, found, texts } = self.redacted(&policy, input)?;
        let blocked = found.iter().find(|found| found.action == Action::Block);
        if self.explain || self.json {
            let spans = found.iter().map(|found| self.span(&policy, found, &texts)).collect::<Vec<_>>();
            print_bytes(self.shown(&spans)?.as_bytes())?;
        } else if !self.check && blocked.is_none() {
            print_bytes(&output)?;
        }
        match blocked {
            _ if self.check && !found.is_empty() => Err(Box::new(Objection::Found(found.len()))),
            Some(blocked) => Err(Box::new(Objection::Blocked(blocked.entity.clone()))),
            None => Ok(()),
        }
    }

    fn policy(&self) -> Result<Arc<Policy>, Anything> {
        let config = config::load(&self.config)?;
        let wanted = |policy: &&Arc<Policy>| self.policy.as_deref().is_none_or(|name| *policy.name == *name);
        let policy = config.redact.iter().find(wanted).cloned();
        policy.ok_or_else(|| {
            let known: Vec<_> = config.redact.iter().map(|policy| &*policy.name).collect();
            match &self.policy {
                Some(name) if !known.is_empty() => format!("no policy `{name}`; there is: {}", known.join(", ")).into(),
                _ => format!("{}: it has no `redact` policy", self.config.display()).into(),
            }
        })
    }

    fn redacted(&self, policy: &Policy, input: Vec<u8>) -> Result<Redacted, Anything> {
        let Some(endpoint) = &self.endpoint else {
            let text = String::from_utf8(input).map_err(|_| "the input is no UTF-8 text")?;
            let (redacted, found) = policy.rules.explain_text(&self.tenant, &text);
            return Ok(Redacted { output: redacted.into_bytes(), found, texts: vec![text] });
        };
        let explained = policy.rules.explain(&self.tenant, endpoint, &input);
        let (redacted, found) =
            explained.map_err(|unreadable| format!("the request cannot be read: {}", unreadable.0))?;
        let mut texts = Vec::new();
        let read = texts::request(endpoint, &input, &mut |_, text, _| texts.push(text.to_owned()));
        read.map_err(|unreadable| format!("the request cannot be read: {}", unreadable.0))?;
        Ok(Redacted { output: redacted.unwrap_or(input), found, texts })
    }

    fn span(&self, policy: &Policy, found: &Found, texts: &[String]) -> Span {
        let text = texts.get(found.text).map(String::as_str).unwrap_or_default();
        let value = self.show_values.then(|| text.get(found.range.clone()).unwrap_or_default().to_owned());
        Span {
            text: found.text + 1,
            scope: found.place.scope,
            start: place(text, found.range.start),
            end: place(text, found.range.end),
            entity: found.entity.clone(),
            rule: policy.name.to_string(),
            action: found.action.as_str(),
            replacement: found.replacement.clone(),
            value,
        }
    }

    fn shown(&self, spans: &[Span]) -> Result<String, Anything> {
        if self.json {
            return Ok(format!("{}\n", serde_json::to_string_pretty(spans)?));
        }
        let mut table = Table::default().numbers("text").words("scope").words("from").words("to").words("entity");
        table = table.words("action").words("becomes");
        if self.show_values {
            table = table.words("value");
        }
        for span in spans {
            let place = |[line, column]: [usize; 2]| format!("{line}:{column}");
            let scope = serde_json::to_value(span.scope)?.as_str().unwrap_or_default().to_owned();
            let mut row = vec![span.text.to_string(), scope, place(span.start), place(span.end), span.entity.clone()];
            row.extend([span.action.to_owned(), span.replacement.clone().unwrap_or_default()]);
            row.extend(span.value.clone());
            table.row(row);
        }
        Ok(table.text())
    }
}

/// Line and column of a byte of a text, counted from 1, columns in characters.
fn place(text: &str, at: usize) -> [usize; 2] {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    [before.matches('\n').count() + 1, line.chars().count() + 1]
}

/// The API of a path.
pub(super) fn endpoint(path: &str) -> Result<Endpoint, String> {
    Endpoint::of(path, false).ok_or_else(|| "expected the path of an API, such as /v1/chat/completions".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_as_editors_do() {
        for (text, at, expected) in
            [("", 0, [1, 1]), ("ab", 2, [1, 3]), ("ä\nb", 3, [2, 1]), ("a\r\n\nc", 4, [3, 1]), ("ab", 9, [1, 3])]
        {
            assert_eq!(place(text, at), expected, "{text:?} {at}");
        }
    }
}
