//! The sums of a usage log by row.

use super::super::table::Table;
use crate::config::prices::Prices;
use attache_core::price::{Currency, Nanos};
use attache_proto::usage::v1::{Tokens, UsageRecord};
use serde_json::{Map, Value, json};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;
use std::time::{Duration, UNIX_EPOCH};

/// Most rows. What a client makes up (a model's name) may be different each time: further ones share a row.
const ROWS_MAX: usize = 100_000;
/// What stands for the rows beyond.
const OTHERS: &str = "(others)";
/// What stands for a value that a record does not have.
const NONE: &str = "-";
/// The first millisecond that has no date of four digits for the year.
const YEAR_10000_UNIX_MS: u64 = 253_402_300_800_000;

/// What rows stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    Caller,
    Team,
    Org,
    /// As the client asked for it.
    Model,
    /// Who made the last attempt.
    Provider,
    /// In UTC.
    Day,
    Tag(String),
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "caller" => Self::Caller,
            "team" => Self::Team,
            "org" => Self::Org,
            "model" => Self::Model,
            "provider" => Self::Provider,
            "day" => Self::Day,
            _ => match text.strip_prefix("tag:").filter(|name| !name.is_empty()) {
                Some(name) => Self::Tag(name.to_owned()),
                None => return Err("expected caller, team, org, model, provider, day or tag:NAME".to_owned()),
            },
        })
    }
}

impl Key {
    fn name(&self) -> String {
        match self {
            Self::Caller => "caller".to_owned(),
            Self::Team => "team".to_owned(),
            Self::Org => "org".to_owned(),
            Self::Model => "model".to_owned(),
            Self::Provider => "provider".to_owned(),
            Self::Day => "day".to_owned(),
            Self::Tag(name) => format!("tag:{name}"),
        }
    }

    fn of(&self, record: &UsageRecord) -> String {
        let caller = record.caller.as_ref();
        let value = match self {
            Self::Caller => caller.map(|caller| caller.name.clone()),
            Self::Team => caller.and_then(|caller| caller.team.clone()),
            Self::Org => caller.and_then(|caller| caller.org.clone()),
            Self::Model => Some(record.model.clone()),
            Self::Provider => record.attempts.last().map(|attempt| attempt.provider.clone()),
            Self::Day => Some(day(record.started_unix_ms)),
            Self::Tag(name) => caller.and_then(|caller| caller.tags.get(name).cloned()),
        };
        value.filter(|value| !value.is_empty()).unwrap_or_else(|| NONE.to_owned())
    }
}

fn day(unix_ms: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_millis(unix_ms.min(YEAR_10000_UNIX_MS - 1));
    humantime::format_rfc3339_seconds(time).to_string().chars().take("2026-01-31".len()).collect()
}

/// What was used. Sums of 64-bit numbers cannot overflow 128 bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    exchanges: u128,
    failed: u128,
    cut: u128,
    refused: u128,
    /// Exchanges that used something whose price nobody knows: their cost is in no sum.
    price_unknown: u128,
    tokens: [u128; TOKENS.len()],
    /// Billionths of each currency's unit.
    cost: BTreeMap<Currency, u128>,
}

/// The kinds of tokens, in the order of [`Sums::tokens`].
const TOKENS: [&str; 7] =
    ["input", "cached_input", "cache_write", "output", "reasoning", "audio_input", "audio_output"];

impl Sums {
    fn add(&mut self, record: &UsageRecord, cost: Option<(Currency, u64)>) {
        self.exchanges += 1;
        self.failed += u128::from(record.ending == "failed");
        self.cut += u128::from(record.ending == "cut");
        self.refused += u128::from(record.refused_by.is_some());
        self.price_unknown += u128::from(record.price_unknown);
        if let Some(tokens) = &record.tokens {
            let Tokens {
                input,
                cached_input,
                cache_write,
                cache_write_1h: _,
                output,
                reasoning,
                audio_input,
                audio_output,
            } = *tokens;
            let each = [input, cached_input, cache_write, output, reasoning, audio_input, audio_output];
            self.tokens.iter_mut().zip(each).for_each(|(sum, more)| *sum += u128::from(more));
        }
        if let Some((currency, nanos)) = cost {
            *self.cost.entry(currency).or_default() += u128::from(nanos);
        }
    }

    fn counts(&self) -> [(&'static str, u128); 5] {
        [
            ("exchanges", self.exchanges),
            ("failed", self.failed),
            ("cut", self.cut),
            ("refused", self.refused),
            ("price_unknown", self.price_unknown),
        ]
    }

    /// What the cost is worth in the currency of budgets, as far as that is known.
    fn worth(&self, prices: &Prices) -> u128 {
        let each = self.cost.iter().filter_map(|(currency, nanos)| {
            let nanos = Nanos(u64::try_from(*nanos).ok()?);
            prices.in_budget_currency(nanos, *currency).map(|nanos| u128::from(nanos.0))
        });
        each.sum()
    }
}

/// A usage log, summed up.
#[derive(Debug)]
pub struct Report {
    keys: Vec<Key>,
    rows: HashMap<Vec<String>, Sums>,
    total: Sums,
    /// Lines that are no records.
    pub broken: u64,
}

/// A row's keys and sums.
pub type Row<'a> = (&'a [String], &'a Sums);

impl Report {
    /// An empty report.
    pub fn new(keys: Vec<Key>) -> Self {
        Self { keys, rows: HashMap::new(), total: Sums::default(), broken: 0 }
    }

    /// Adds a line of the log, if it is one of those wanted.
    pub fn line(&mut self, line: &[u8], wanted: impl FnOnce(u64) -> bool) {
        let Some((record, cost)) = record(line) else {
            self.broken += 1;
            return;
        };
        if !wanted(record.started_unix_ms) {
            return;
        }
        self.total.add(&record, cost);
        let mut row: Vec<String> = self.keys.iter().map(|key| key.of(&record)).collect();
        if self.rows.len() >= ROWS_MAX && !self.rows.contains_key(&row) {
            row.fill(OTHERS.to_owned());
        }
        self.rows.entry(row).or_default().add(&record, cost);
    }

    /// The rows, the most expensive first: in the currency of budgets where it is known what others are worth in it,
    /// otherwise by one currency after the other; then the busiest first.
    pub fn sorted(&self, prices: Option<&Prices>) -> Vec<Row<'_>> {
        let currencies = self.currencies();
        let mut rows: Vec<Row<'_>> = self.rows.iter().map(|(keys, sums)| (keys.as_slice(), sums)).collect();
        rows.sort_by_cached_key(|(keys, sums)| {
            let worth = prices.map(|prices| sums.worth(prices));
            let each: Vec<u128> = currencies.iter().map(|of| sums.cost.get(of).copied().unwrap_or_default()).collect();
            (Reverse(worth), Reverse(each), Reverse(sums.exchanges), keys.to_vec())
        });
        rows
    }

    fn currencies(&self) -> BTreeSet<Currency> {
        self.total.cost.keys().copied().collect()
    }

    /// As a table; for people with a total at its end.
    pub fn table(&self, rows: &[Row<'_>], total: bool) -> Table {
        let currencies = self.currencies();
        let mut table = self.keys.iter().fold(Table::default(), |table, key| table.words(&key.name()));
        for (name, _) in self.total.counts() {
            table = table.numbers(name);
        }
        table = TOKENS.iter().fold(table, |table, name| table.numbers(name));
        for currency in &currencies {
            table = table.numbers(&format!("cost_{}", currency.as_str().to_lowercase()));
        }
        let cells = |keys: Vec<String>, sums: &Sums| {
            let counts = sums.counts().into_iter().map(|(_, count)| count.to_string());
            let tokens = sums.tokens.iter().map(u128::to_string);
            let cost = currencies.iter().map(|currency| decimal(sums.cost.get(currency).copied().unwrap_or_default()));
            keys.into_iter().chain(counts).chain(tokens).chain(cost).collect::<Vec<_>>()
        };
        for (keys, sums) in rows {
            table.row(cells(keys.to_vec(), sums));
        }
        if total {
            let mut keys = vec![String::new(); self.keys.len()];
            if let Some(first) = keys.first_mut() {
                "total".clone_into(first);
            }
            table.row(cells(keys, &self.total));
        }
        table
    }

    /// As JSON: `rows`, `total`, and how many lines were broken.
    pub fn json(&self, rows: &[Row<'_>]) -> Value {
        let rows: Vec<Value> = rows
            .iter()
            .map(|(keys, sums)| {
                let mut row: Map<String, Value> =
                    self.keys.iter().zip(*keys).map(|(key, value)| (key.name(), json!(value))).collect();
                row.extend(sums_json(sums));
                Value::Object(row)
            })
            .collect();
        json!({ "rows": rows, "total": sums_json(&self.total), "broken_lines": self.broken })
    }
}

fn sums_json(sums: &Sums) -> Map<String, Value> {
    let number =
        |number: u128| u64::try_from(number).map_or_else(|_| json!(number.to_string()), |number| json!(number));
    let mut fields: Map<String, Value> =
        sums.counts().into_iter().map(|(name, count)| (name.to_owned(), number(count))).collect();
    let tokens = TOKENS.iter().zip(sums.tokens).map(|(name, count)| ((*name).to_owned(), number(count)));
    fields.insert("tokens".to_owned(), Value::Object(tokens.collect()));
    let cost = sums.cost.iter().map(|(currency, nanos)| (currency.to_string(), json!(decimal(*nanos))));
    fields.insert("cost".to_owned(), Value::Object(cost.collect()));
    fields
}

/// A sum of billionths as an exact decimal.
fn decimal(nanos: u128) -> String {
    match u64::try_from(nanos) {
        Ok(nanos) => Nanos(nanos).to_string(),
        Err(_) => format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000),
    }
}

/// The record that a line is, and its cost; `None` for a line that is none. Every field of a record may be missing in
/// JSON, so that any object looks like one: its time does not lie.
fn record(line: &[u8]) -> Option<(UsageRecord, Option<(Currency, u64)>)> {
    let record: UsageRecord = serde_json::from_slice(line).ok()?;
    if !(1..YEAR_10000_UNIX_MS).contains(&record.started_unix_ms) {
        return None;
    }
    let cost = match &record.cost {
        Some(cost) => Some((cost.currency.parse().ok()?, cost.nanos)),
        None => None,
    };
    Some((record, cost))
}
