//! `attache cache stats`.

use super::super::table::Table;
use super::super::{Anything, print, running};
use crate::config;
use clap::ValueEnum;
use serde_json::Value;
use std::path::PathBuf;

/// Say what is in the running service's cache, and what became of lookups since it began.
#[derive(Debug, clap::Args)]
pub struct Stats {
    /// The configuration file.
    #[arg(long, default_value = "attache.yaml")]
    config: PathBuf,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Stats {
    pub(super) fn run(self) -> Result<(), Anything> {
        let config = config::load(&self.config)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let told = runtime.block_on(async {
            let address = running::service(&config).await;
            let address = address.ok_or_else(|| super::nobody(&config))?;
            running::ask(address, None, "GET", "/cache", &Value::Null).await
        })?;
        match self.format {
            Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&told)?)),
            Format::Text => print(&text(&told)),
        }
    }
}

fn text(told: &Value) -> String {
    let number = |at: &str| told.pointer(at).and_then(Value::as_u64);
    let count = |at: &str| number(at).unwrap_or_default();
    let mut text = format!("memory: {} answers, {} bytes\n", count("/memory/entries"), count("/memory/bytes"));
    if let Some(up) = told.pointer("/redis/up").and_then(Value::as_bool) {
        text += if up { "redis: answers\n" } else { "redis: does not answer\n" };
    }
    if told.get("journal").is_some() {
        let behind = number("/journal/behind_ms").map_or("never read".to_owned(), |ms| format!("{ms} ms behind"));
        let (read, unread) = (count("/journal/read"), count("/journal/unread"));
        text += &format!("journal: {behind}, {read} records read, {unread} not understood, ");
        text += &format!("{} purges remembered\n", count("/journal/purges"));
    }
    if told.get("index").is_some() {
        let (entries, partitions) = (count("/index/entries"), count("/index/partitions"));
        text += &format!("index: {entries} vectors in {partitions} partitions, {} bytes\n", count("/index/bytes"));
    }
    text + &rules(told)
}

/// What became of lookups, by rule.
fn rules(told: &Value) -> String {
    let Some(rules) = told.get("rules").and_then(Value::as_object).filter(|rules| !rules.is_empty()) else {
        return String::new();
    };
    const OUTCOMES: [&str; 5] = ["hit", "coalesced", "semantic", "miss", "bypass"];
    let head = Table::default().words("rule");
    let mut table = OUTCOMES.iter().fold(head, |table, outcome| table.numbers(outcome));
    for (rule, outcomes) in rules {
        let cell = |outcome: &&str| outcomes.get(*outcome).and_then(Value::as_u64).unwrap_or_default().to_string();
        table.row(std::iter::once(rule.clone()).chain(OUTCOMES.iter().map(cell)).collect());
    }
    format!("\n{}", table.text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_person_reads_what_a_program_is_told() {
        let memory = json!({
            "store": "memory",
            "memory": { "entries": 2, "bytes": 1030 },
            "rules": { "faq": { "hit": 12, "miss": 3 } },
        });
        let expected = "memory: 2 answers, 1030 bytes\n\n\
                        RULE  HIT  COALESCED  SEMANTIC  MISS  BYPASS\n\
                        faq    12          0         0     3       0\n";
        assert_eq!(text(&memory), expected);
        let journal = json!({ "up": true, "behind_ms": 3, "read": 7, "unread": 1, "purges": 2 });
        let index = json!({ "entries": 5, "partitions": 4, "bytes": 300 });
        let redis = json!({ "memory": {}, "redis": { "up": false }, "journal": journal, "index": index, "rules": {} });
        let expected = "memory: 0 answers, 0 bytes\nredis: does not answer\n\
                        journal: 3 ms behind, 7 records read, 1 not understood, 2 purges remembered\n\
                        index: 5 vectors in 4 partitions, 300 bytes\n";
        assert_eq!(text(&redis), expected);
    }
}
