//! What the tests of one section of the configuration share.

use crate::config::{Config, compile};

/// The smallest configuration, to put a section behind. `KEY` is in the environment.
pub(in crate::config) const GOOD: &str = r#"
providers: { p: { dialect: openai, url: https://p.example } }
models: { fast: { targets: [ { provider: p, model: m } ] } }
"#;

/// It with these sections.
pub(in crate::config) fn config(sections: &str) -> Result<Config, String> {
    let env = |name: &str| (name == "KEY").then(|| "a key of sixteen bytes or more".to_owned());
    compile(&format!("{GOOD}{sections}"), &env).map_err(|invalid| invalid.to_string())
}

/// Each of these, and below it what a person reads of it: for a snapshot, which is the documentation.
pub(in crate::config) fn complaints<T>(written: &[&str], compiled: impl Fn(&str) -> Result<T, String>) -> String {
    let read = written.iter().map(|written| {
        let complaint = compiled(written).map_or_else(|complaint| complaint, |_| "good".to_owned());
        format!("{written}\n    {}\n", complaint.replace('\n', "\n    "))
    });
    read.collect()
}
