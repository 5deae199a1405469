//! How many texts of a file the injection rules find: `cargo run --release -p attache-core --example recall -- OPTIONS FILE...`
//!
//! A file is CSV (with a header), JSON (a list), JSONL, or text with a line for each. `FILE:FIELD` names the field with the
//! text (strings and lists of strings; several with `+`), `FILE:FIELD:NAME=VALUE` takes only records with that value.
//!
//! `--part tune` and `--part held` take either half of the texts, always the same by a hash of the text: rules are written
//! with the one before the eyes, and what `docs/guards.md` reports is of the other. `--scope tool_results` judges them
//! as such, `--threshold N` differently, `--show found` or `--show missed` prints texts and what was found in them.

#![allow(clippy::print_stdout, reason = "a report for a person")]

use attache_core::guard::config::{Guard, Injection};
use attache_core::guard::{Findings, Guards, Way};
use attache_core::texts::Scope;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::error::Error;

type Outcome<T> = Result<T, Box<dyn Error>>;

struct Options {
    part: String,
    scope: Scope,
    threshold: f64,
    show: String,
    files: Vec<String>,
}

fn main() -> Outcome<()> {
    let options = options()?;
    let judge = guards(options.threshold)?;
    // Everything that is found at all, to say why.
    let all = guards(1e-6)?;
    println!("{:>7} {:>7} {:>7}  source ({} part)", "texts", "found", "%", options.part);
    for file in &options.files {
        let texts = texts(file, &options.part)?;
        let (mut found, mut rules) = (0_u32, BTreeMap::<String, u32>::new());
        for text in &texts {
            let is = judge.texts(Way::Request, &[(options.scope, text)]).stop().is_some();
            found += u32::from(is);
            let findings = all.texts(Way::Request, &[(options.scope, text)]);
            if is {
                names(&findings).into_iter().for_each(|name| *rules.entry(name).or_default() += 1);
            }
            if (options.show == "found" && is) || (options.show == "missed" && !is) {
                let shown: String = text.replace('\n', "⏎").chars().take(400).collect();
                println!("  {:?}\n    {shown}", names(&findings));
            }
        }
        let many = u32::try_from(texts.len())?;
        let percent = 100.0 * f64::from(found) / f64::from(many.max(1));
        println!("{many:>7} {found:>7} {percent:>7.2}  {file}");
        let mut rules: Vec<_> = rules.into_iter().collect();
        rules.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let rules: Vec<_> = rules.iter().take(8).map(|(name, count)| format!("{name} {count}")).collect();
        println!("{:>25}{}", "", rules.join(", "));
    }
    Ok(())
}

fn options() -> Outcome<Options> {
    let mut options =
        Options { part: "all".into(), scope: Scope::User, threshold: 1.0, show: String::new(), files: vec![] };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg}: a value is missing"));
        match arg.as_str() {
            "--part" => options.part = value()?,
            "--scope" => options.scope = serde_json::from_value(Value::String(value()?))?,
            "--threshold" => options.threshold = value()?.parse()?,
            "--show" => options.show = value()?,
            _ => options.files.push(arg),
        }
    }
    Ok(options)
}

fn guards(threshold: f64) -> Outcome<Guards> {
    let injection = Injection { threshold, ..Injection::default() };
    Ok(Guards::new(&[("injection".to_owned(), Guard { injection: Some(injection), ..Guard::default() })])?)
}

fn names(findings: &Findings) -> Vec<String> {
    findings.0.iter().flat_map(|finding| &finding.hits).map(|hit| hit.rule.to_string()).collect()
}

/// The different texts of a file that belong to the part.
fn texts(file: &str, part: &str) -> Outcome<Vec<String>> {
    let mut named = file.split(':');
    let (path, field, only) = (named.next().unwrap_or_default(), named.next(), named.next());
    let content = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let records: Vec<Value> = match path.rsplit('.').next() {
        Some("json") => match serde_json::from_str(&content)? {
            Value::Object(fields) => {
                fields.into_iter().flat_map(|(_, list)| list.as_array().cloned().unwrap_or_default()).collect()
            }
            Value::Array(list) => list,
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => vec![other],
        },
        // A line that is no JSON is left out.
        Some("jsonl") => content.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
        Some("csv") => csv(&content)?,
        _ => content.lines().map(|line| Value::String(line.to_owned())).collect(),
    };
    let mut seen = HashSet::new();
    let wanted = records.iter().filter(|record| only.is_none_or(|only| is(record, only)));
    let texts =
        wanted.map(|record| text(record, field)).filter(|text| !text.trim().is_empty() && seen.insert(text.clone()));
    let half = |text: &String| match part {
        "tune" => hash(text).is_multiple_of(2),
        "held" => hash(text) % 2 == 1,
        _ => true,
    };
    Ok(texts.collect::<Vec<_>>().into_iter().filter(half).collect())
}

fn is(record: &Value, only: &str) -> bool {
    let Some((name, value)) = only.split_once('=') else { return false };
    let said = |met: &Value| met.as_str().map_or_else(|| met.to_string(), str::to_owned);
    record.get(name).map(said).is_some_and(|said| said == value)
}

fn text(record: &Value, field: Option<&str>) -> String {
    let Some(field) = field else { return record.as_str().unwrap_or_default().to_owned() };
    let strings = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    };
    field.split('+').filter_map(|name| record.get(name)).map(strings).collect::<Vec<_>>().join("\n")
}

/// FNV-1a: the same everywhere and for ever.
fn hash(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step) >> 7
}

/// The records of a file with a header.
fn csv(content: &str) -> Outcome<Vec<Value>> {
    let rows = csv::ReaderBuilder::new().flexible(true).from_reader(content.as_bytes()).into_deserialize();
    let records: Result<Vec<BTreeMap<String, String>>, _> = rows.collect();
    let record =
        |fields: BTreeMap<String, String>| fields.into_iter().map(|(name, text)| (name, text.into())).collect();
    Ok(records?.into_iter().map(record).map(Value::Object).collect())
}
