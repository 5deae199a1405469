//! The command itself: what it takes, what it prints, how it ends.

use super::read::{self, Read};
use super::rule::{Fix, Severity};
use super::{Finding, examine};
use crate::config;
use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::path::PathBuf;

/// Look for traps in an Envoy's configuration: the one of a running Envoy, or a file. Exit code 0: none that is an error;
/// 1: at least one; 2: nothing could be read.
#[derive(Debug, clap::Args)]
pub struct Doctor {
    /// Envoy's admin interface.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9901", conflicts_with = "envoy_config")]
    admin: String,
    /// Let `--admin` be another machine. What its admin interface tells travels unencrypted.
    #[arg(long)]
    remote: bool,
    /// A bootstrap in YAML or JSON, or a saved `/config_dump`, instead of a running Envoy.
    #[arg(long, value_name = "FILE")]
    envoy_config: Option<PathBuf>,
    /// The service's configuration: with it, its providers, limits and `envoy.version` are compared with Envoy's.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// Lines.
    Text,
    /// An array of objects.
    Json,
}

/// There are errors, and how many.
#[derive(Debug)]
pub struct Ill(usize);

impl fmt::Display for Ill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to be mended", counted(self.0, "error"))
    }
}

impl std::error::Error for Ill {}

/// Nothing could be read, and why.
#[derive(Debug)]
pub struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

impl Doctor {
    /// Looks, and says what is to be printed and whether it is good.
    ///
    /// # Errors
    /// [`Unreadable`]. What is found is no error of this function.
    pub fn run(&self) -> Result<(String, Option<Ill>), Unreadable> {
        let config = self.config.as_deref().map(config::load).transpose();
        let config = config.map_err(|error| Unreadable(error.to_string()))?;
        let read = self.read().map_err(Unreadable)?;
        let findings = examine(&read, config.as_ref());
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
        let printed = match self.format {
            Format::Text => text(&findings, errors),
            Format::Json => {
                let json = serde_json::to_string_pretty(&findings).map_err(|error| Unreadable(error.to_string()))?;
                format!("{json}\n")
            }
        };
        Ok((printed, (errors > 0).then_some(Ill(errors))))
    }

    fn read(&self) -> Result<Read, String> {
        if let Some(path) = &self.envoy_config {
            return read::file(path);
        }
        let uri: http::Uri = self.admin.parse().map_err(|error| format!("`{}` is not a URL: {error}", self.admin))?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        if uri.scheme_str() != Some("http") {
            return Err(format!("`{}`: expected something like http://127.0.0.1:9901", self.admin));
        }
        let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if !is_here && !self.remote {
            return Err(format!("`{}` is another machine; say `--remote` if that is meant", self.admin));
        }
        read::admin(&self.admin)
    }
}

pub(super) fn text(findings: &[Finding], errors: usize) -> String {
    let mut text = String::new();
    for finding in findings {
        let Finding { rule, severity, what, why, at, found, fix, .. } = finding;
        let fix = match fix {
            Fix::Set(value) => format!("set it to {value}"),
            Fix::Add(value) => format!("add {value}"),
            Fix::Do(what) => what.clone(),
        };
        // Writing to a text cannot fail.
        let _written = writeln!(
            text,
            "{}: {what} [{rule}]\n  at:    {at}\n  found: {found}\n  fix:   {fix}\n  why:   {why}\n",
            severity.as_str()
        );
    }
    let warnings = findings.len() - errors;
    let _written = writeln!(text, "{}, {}", counted(errors, "error"), counted(warnings, "warning"));
    text
}

fn counted(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}
