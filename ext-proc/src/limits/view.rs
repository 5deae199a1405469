//! How limits and budgets stand, for an operator: `GET /limits` on the admin interface.

use super::rule::{Dimension, Rule, Unit};
use crate::exchange::Service;
use attache_core::limit::{Counter, Standing};
use attache_core::price::Nanos;
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

/// Answers `GET /limits` (all rules) and `GET /limits/NAME?caller=alice&team=search` (how the counters of these values stand).
pub async fn answer(service: &Service, path: &str, query: &str) -> (StatusCode, Value) {
    let config = service.config.load_full();
    let rules = config.rules.all();
    let name = path.strip_prefix("/limits").unwrap_or_default().trim_matches('/');
    if name.is_empty() {
        return (StatusCode::OK, json!({ "limits": rules.iter().map(described).collect::<Vec<_>>() }));
    }
    let Some(rule) = rules.iter().find(|rule| *rule.name == *name) else {
        return (
            StatusCode::NOT_FOUND,
            json!({ "error": format!("there is no limit or budget `{}`", printable(name)) }),
        );
    };
    let values: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    if let Some((unknown, _)) = values.iter().find(|(by, _)| !rule.by.iter().any(|known| known.to_string() == *by)) {
        let by: Vec<String> = rule.by.iter().map(ToString::to_string).collect();
        let error = format!("`{name}` is not split by `{}`, but by: {}", printable(unknown), by.join(", "));
        return (StatusCode::BAD_REQUEST, json!({ "error": error }));
    }
    let value = |by: &Dimension| {
        let by = by.to_string();
        values.iter().find(|(name, _)| *name == by).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    };
    let counters: Vec<Counter> = rule.measures.iter().map(|measure| rule.counter_of(measure, value)).collect();
    match service.store.standings(&counters).await {
        Ok(standings) => (StatusCode::OK, json!({ "name": name, "standings": told(rule, &counters, &standings) })),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, json!({ "error": error.to_string() })),
    }
}

fn described(rule: &Arc<Rule>) -> Value {
    let measures = rule.measures.iter().map(|measure| {
        json!({ "unit": unit(measure.unit), "limit": amount(measure.unit, measure.limit), "per": &*measure.per })
    });
    json!({
        "name": &*rule.name,
        "by": rule.by.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "budget": rule.budget.is_some(),
        "measures": measures.collect::<Vec<_>>(),
    })
}

fn told(rule: &Rule, counters: &[Counter], standings: &[Standing]) -> Vec<Value> {
    let of = rule.measures.iter().zip(counters).zip(standings);
    let told = of.map(|((measure, counter), standing)| {
        let amount = |number| amount(measure.unit, number);
        json!({
            "counter": &*counter.key,
            "unit": unit(measure.unit),
            "per": &*measure.per,
            "limit": amount(standing.limit),
            "settled": amount(standing.settled),
            "open": amount(standing.open),
            "left": amount(standing.left()),
            "reset_ms": standing.reset_ms,
        })
    });
    told.collect()
}

fn unit(unit: Unit) -> &'static str {
    if unit == Unit::Cost { "cost" } else { unit.as_str() }
}

/// Money as exact text in whole units, everything else as a number.
fn amount(unit: Unit, number: u64) -> Value {
    if unit == Unit::Cost { Nanos(number).to_string().into() } else { number.into() }
}

fn printable(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(64).collect()
}
