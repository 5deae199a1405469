//! The configuration: what was [written] → what it means ([compiled]).
//!
//! Every error names the path in the file, what was met and what to do about it.

pub(crate) mod blocks;
mod by_headers;
mod cache;
pub mod callers;
pub mod compiled;
pub(crate) mod credentials;
mod embedder;
mod expand;
mod guards;
pub mod prices;
pub mod provider;
mod redact;
pub mod reload;
mod rules;
pub mod written;

pub use compiled::Config;

use std::fmt;
use std::path::Path;

/// Everything that is wrong with a configuration, for a person to read.
#[derive(Debug)]
pub struct Invalid(pub Vec<Problem>);

/// One thing that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where in the file: `models.fast.targets[0].provider`; empty for the file as a whole.
    pub path: String,
    /// What was met, what was expected, what to do.
    pub message: String,
}

impl Problem {
    /// A problem at a path.
    pub fn at(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl From<Problem> for Invalid {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Problem { path, message }) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            if path.is_empty() { f.write_str(message)? } else { write!(f, "{path}: {message}")? }
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}

/// Most values in a configuration; each virtual key is about six. The parser's own limit is for documents of strangers.
const YAML_NODES_MAX: usize = 10_000_000;

/// Reads and compiles a configuration file with the process's environment.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(path: &Path) -> Result<Config, Invalid> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Problem::at("", format!("cannot read {}: {error}; name the file with --config FILE", path.display()))
    })?;
    compile(&text, &|name| std::env::var(name).ok())
}

/// Compiles the text of a configuration. `env` looks up environment variables.
///
/// # Errors
/// Everything that is wrong with it.
pub fn compile(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, Invalid> {
    // `off` is a word here, as in YAML 1.2: `usage: { to: off }`.
    let budget = serde_saphyr::budget! { max_nodes: YAML_NODES_MAX, max_events: 2 * YAML_NODES_MAX };
    let options = serde_saphyr::options! { strict_booleans: true, budget: budget };
    let mut value: serde_json::Value = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| Problem::at("", format!("not valid YAML: {}", without_snippet(&error.to_string()))))?;
    expand::variables(&mut value, env)?;
    if value.is_null() {
        return Err(Problem::at("", "the file is empty; it needs at least `providers` and `models`").into());
    }
    let written: written::Config = serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        // Whatever was met where a secret may stand may be one.
        let message = if path.starts_with("providers.") && path.split('.').any(|part| matches!(part, "auth" | "headers" | "key")) {
            credentials::expected(&path).to_owned()
        } else if path.starts_with("callers.keys.") {
            "expected { sha256: HASH } or { value: SECRET }, where a secret is a string such as ${ENV}, or { file: PATH }; \
             beside it team, expires, disabled, tags: { NAME: VALUE }, allow: { models, providers, fronts }"
                .to_owned()
        } else {
            helpful(&error.into_inner().to_string())
        };
        Problem::at(path, message)
    })?;
    Config::compile(written)
}

/// The first line of a parser's message: its excerpt of the file could show a secret.
fn without_snippet(message: &str) -> &str {
    message.lines().next().unwrap_or_default().trim_start_matches("error: ")
}

/// Puts the likeliest right spelling in front of serde's list of what it knows.
fn helpful(message: &str) -> String {
    let unknown = ["unknown field `", "unknown variant `"];
    let Some((kind, rest)) = unknown.iter().find_map(|kind| Some((kind, message.strip_prefix(kind)?))) else {
        return message.to_owned();
    };
    let Some((met, rest)) = rest.split_once('`') else { return message.to_owned() };
    let known = rest.split('`').skip(1).step_by(2);
    let nearest = known.map(|name| (strsim::damerau_levenshtein(met, name), name)).min();
    match nearest {
        Some((distance, name)) if distance <= 3 => format!("{kind}{met}`; did you mean `{name}`?"),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
