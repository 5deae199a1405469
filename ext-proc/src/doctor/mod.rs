//! `attache doctor`: what is wrong with an Envoy's configuration, each finding with the line to change.
//!
//! [`read`] takes a file or asks a running Envoy, [`seen`] says what there is, [`rules`] holds the traps. Nothing here
//! changes anything, and no value that could be a secret is ever shown.

mod at;
mod command;
mod read;
mod rule;
mod rules;
mod seen;

pub use command::{Doctor, Ill, Unreadable};

use crate::config::Config;
use read::Read;
use rule::{Fix, Severity};
use seen::Seen;
use serde::Serialize;

/// A trap, and where it is.
#[derive(Debug, Serialize)]
struct Finding {
    rule: &'static str,
    severity: Severity,
    what: &'static str,
    why: &'static str,
    /// Where.
    at: String,
    found: String,
    fix: Fix,
    #[cfg(test)]
    #[serde(skip)]
    place: at::Place,
}

/// All findings, the worst first.
fn examine(read: &Read, config: Option<&Config>) -> Vec<Finding> {
    let seen = Seen::new(read, config);
    let mut findings: Vec<Finding> = Vec::new();
    for rule in rules::all() {
        findings.extend((rule.look)(&seen).into_iter().map(|hit| Finding {
            rule: rule.name,
            severity: rule.severity,
            what: rule.what,
            why: rule.why,
            at: hit.at.to_string(),
            found: hit.found,
            fix: hit.fix,
            #[cfg(test)]
            place: hit.at,
        }));
    }
    findings.sort_by_key(|finding| finding.severity);
    findings
}

#[cfg(test)]
mod tests;
