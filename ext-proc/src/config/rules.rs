//! `rate_limits` and `budgets`: what was written → the rules that exchanges meet.

use super::Problem;
use super::written::prices::Amount;
use super::written::rules::{Budget, OnStoreFailure, RateLimit, Texts, UnknownPrice};
use super::written::{self};
use crate::limits::rule::{BudgetTerms, Dimension, Measure, Rule, Rules, Unit};
use crate::pattern::Pattern;
use crate::store::OnFailure;
use attache_core::limit::{Period, Window};
use attache_core::price::Nanos;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest stretch of time that a sliding window may cover.
const WINDOW_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// The largest limit: numbers above 2⁵³ are not exact everywhere they pass.
const LIMIT_MAX: u64 = 1 << 53;

/// Compiles all rules; what is wrong with them goes to `problems`.
pub fn compile(written: &written::Config, problems: &mut Vec<Problem>) -> Rules {
    let limits = written.rate_limits.iter().map(|(name, limit)| rate_limit(name, limit, problems)).collect::<Vec<_>>();
    let budgets = written.budgets.iter().map(|(name, budget)| {
        if written.rate_limits.contains_key(name) {
            let message = "a rate limit has this name, too; counters and records need different ones";
            problems.push(Problem::at(format!("budgets.{name}"), message));
        }
        budget_rule(name, budget, written, problems)
    });
    let budgets: Vec<Rule> = budgets.collect();
    Rules::new(limits.into_iter().chain(budgets).collect())
}

fn rate_limit(name: &str, written: &RateLimit, problems: &mut Vec<Problem>) -> Rule {
    let at = format!("rate_limits.{name}");
    check_name(name, &at, problems);
    let mut measures = Vec::new();
    for (unit, rates) in [
        (Unit::Requests, &written.requests),
        (Unit::InputTokens, &written.input_tokens),
        (Unit::OutputTokens, &written.output_tokens),
        (Unit::Tokens, &written.tokens),
    ] {
        measures.extend(self::rates(unit, rates, &at, problems));
    }
    if let Some(limit) = written.concurrent {
        let at = format!("{at}.concurrent");
        measures.extend(measure(Unit::Concurrent, limit, Window::Open, String::new(), &at, problems));
    }
    for (i, measure) in measures.iter().enumerate() {
        if measures.iter().take(i).any(|before| before.id == measure.id) {
            // They would share one counter, and every request would count in it twice.
            let message = format!("there are two limits for the same time ({}); keep the smaller one", measure.per);
            problems.push(Problem::at(format!("{at}.{}", measure.unit.as_str()), message));
        }
    }
    if measures.is_empty() && !problems.iter().any(|problem| problem.path.starts_with(&at)) {
        let message = "it limits nothing; give it requests, input_tokens, output_tokens, tokens or concurrent";
        problems.push(Problem::at(&at, message));
    }
    Rule {
        name: name.into(),
        by: dimensions(&written.by, &at, problems),
        when: conditions(&written.when, &at, problems),
        measures,
        soft: false,
        cap_output: written.cap_output,
        on_failure: on_failure(written.on_store_failure),
        budget: None,
    }
}

fn budget_rule(name: &str, written: &Budget, all: &written::Config, problems: &mut Vec<Problem>) -> Rule {
    let at = format!("budgets.{name}");
    check_name(name, &at, problems);
    let mut measures = Vec::new();
    if let Some((window, per)) = period(&written.per, &format!("{at}.per"), problems) {
        if let Some(limit) = written.cost.as_ref().and_then(|cost| money(cost, &format!("{at}.cost"), problems)) {
            measures.extend(measure(Unit::Cost, limit, window, per.clone(), &format!("{at}.cost"), problems));
        }
        if let Some(limit) = written.tokens {
            measures.extend(measure(Unit::Tokens, limit, window, per, &format!("{at}.tokens"), problems));
        }
    }
    if written.cost.is_none() && written.tokens.is_none() {
        problems.push(Problem::at(&at, "it limits nothing; give it `cost` or `tokens`"));
    }
    if let Some(percent) = written.warn_at.iter().find(|percent| !(1..=100).contains(*percent)) {
        problems.push(Problem::at(format!("{at}.warn_at"), format!("{percent} is no percentage from 1 to 100")));
    }
    let webhook = written.webhook.as_ref().and_then(|url| webhook(url, &format!("{at}.webhook"), problems));
    if let Some(over) = &written.over_budget
        && !all.models.contains_key(&over.model)
    {
        let known: Vec<_> = all.models.keys().map(String::as_str).collect();
        let message = format!("no model `{}`; there is: {}", over.model, known.join(", "));
        problems.push(Problem::at(format!("{at}.over_budget.use"), message));
    }
    if written.end_streams && matches!(all.envoy.on_service_failure, written::OnServiceFailure::PassTo(_)) {
        let message =
            "streams that can be ended need `envoy.on_service_failure: refuse`: Envoy cannot pass them on unprocessed";
        problems.push(Problem::at(format!("{at}.end_streams"), message));
    }
    let refuses = if written.hard { UnknownPrice::Refuse } else { UnknownPrice::Allow };
    Rule {
        name: name.into(),
        by: dimensions(&written.by, &at, problems),
        when: conditions(&written.when, &at, problems),
        measures,
        soft: !written.hard,
        cap_output: false,
        on_failure: on_failure(written.on_store_failure),
        budget: Some(BudgetTerms {
            warn_at: written.warn_at.clone(),
            webhook,
            instead: written.over_budget.as_ref().map(|over| over.model.clone()),
            end_streams: written.end_streams,
            refuse_unknown_price: written.cost.is_some()
                && written.unknown_price.unwrap_or(refuses) == UnknownPrice::Refuse,
        }),
    }
}

fn webhook(written: &written::Secret, at: &str, problems: &mut Vec<Problem>) -> Option<SecretString> {
    let url = super::compiled::secret(written, "", at.to_owned(), problems)?;
    let parsed = url.expose_secret().parse::<http::Uri>().ok();
    if parsed.is_none_or(|url| !matches!(url.scheme_str(), Some("https" | "http")) || url.host().is_none()) {
        problems.push(Problem::at(at, "expected a URL that begins with https:// or http://"));
        return None;
    }
    Some(url)
}

/// A rule's name stands in headers, metrics and the names of counters.
fn check_name(name: &str, at: &str, problems: &mut Vec<Problem>) {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if name.is_empty() || name.len() > 64 || !name.bytes().all(fits) {
        problems.push(Problem::at(at, "a rule's name takes 1 to 64 of the characters a-z, A-Z, 0-9, `_`, `-` and `.`"));
    }
}

fn dimensions(written: &[String], at: &str, problems: &mut Vec<Problem>) -> Vec<Dimension> {
    let mut all = Vec::new();
    for (i, by) in written.iter().enumerate() {
        match Dimension::read(by) {
            Ok(by) if all.contains(&by) => {
                problems.push(Problem::at(format!("{at}.by[{i}]"), format!("`{by}` stands twice")))
            }
            Ok(by) => all.push(by),
            Err(message) => problems.push(Problem::at(format!("{at}.by[{i}]"), message)),
        }
    }
    all
}

/// The conditions under which something applies: `when`.
pub(super) fn conditions(
    written: &BTreeMap<String, Texts>,
    at: &str,
    problems: &mut Vec<Problem>,
) -> Vec<(Dimension, Vec<Pattern>)> {
    let mut all = Vec::new();
    for (by, patterns) in written {
        let at = format!("{at}.when.{by}");
        if patterns.all().is_empty() {
            problems.push(Problem::at(&at, "an empty list fits nothing; leave it out to mean all"));
        }
        match Dimension::read(by) {
            Ok(by) => all.push((by, patterns.all().iter().map(Pattern::new).collect())),
            Err(message) => problems.push(Problem::at(at, message)),
        }
    }
    all
}

fn rates(unit: Unit, written: &Texts, at: &str, problems: &mut Vec<Problem>) -> Vec<Measure> {
    let at = format!("{at}.{}", unit.as_str());
    let all = written.all().iter().filter_map(|text| {
        let Some((limit, window, per)) = rate(text) else {
            let message =
                format!("`{text}` is no rate; expected something like 100/m, 10/s, 5000/h, 100000/d or 30/10m");
            problems.push(Problem::at(&at, message));
            return None;
        };
        measure(unit, limit, window, per, &at, problems)
    });
    all.collect()
}

/// Reads `100/m`, `30/10m`.
fn rate(text: &str) -> Option<(u64, Window, String)> {
    let (limit, per) = text.split_once('/')?;
    let limit = limit.trim().replace('_', "").parse().ok()?;
    let per = per.trim();
    let each = if per.starts_with(|first: char| first.is_ascii_digit()) { per.to_owned() } else { format!("1{per}") };
    let window = sliding(&each)?;
    let words = match per {
        "s" => "second",
        "m" | "min" => "minute",
        "h" => "hour",
        "d" => "day",
        other => other,
    };
    Some((limit, window, words.to_owned()))
}

fn sliding(text: &str) -> Option<Window> {
    let time =
        humantime::parse_duration(text).ok().filter(|time| *time >= Duration::from_secs(1) && *time <= WINDOW_MAX)?;
    Some(Window::Sliding(u64::try_from(time.as_millis()).ok()?))
}

fn period(text: &str, at: &str, problems: &mut Vec<Problem>) -> Option<(Window, String)> {
    let calendar = |period| Some(Window::Calendar(period));
    let window = match text {
        "hour" => calendar(Period::Hour),
        "day" => calendar(Period::Day),
        "week" => calendar(Period::Week),
        "month" => calendar(Period::Month),
        "year" => calendar(Period::Year),
        _ => sliding(text),
    };
    if window.is_none() {
        let message = format!(
            "`{text}` is no period; expected hour, day, week, month, year, or a time from 1s to 366d such as 30d or 12h"
        );
        problems.push(Problem::at(at, message));
    }
    Some((window?, text.to_owned()))
}

fn money(written: &Amount, at: &str, problems: &mut Vec<Problem>) -> Option<u64> {
    match written.0.parse() {
        Ok(Nanos(nanos)) => Some(nanos),
        Err(error) => {
            problems.push(Problem::at(
                at,
                format!("`{}` is no amount of money ({error}); expected 500 or \"0.25\"", written.0),
            ));
            None
        }
    }
}

fn measure(
    unit: Unit,
    limit: u64,
    window: Window,
    per: String,
    at: &str,
    problems: &mut Vec<Problem>,
) -> Option<Measure> {
    if limit == 0 || limit > LIMIT_MAX {
        let message = if limit == 0 {
            "a limit of 0 lets nobody in; use `callers` to lock somebody out"
        } else {
            "the limit is larger than 2^53"
        };
        problems.push(Problem::at(at, message));
        return None;
    }
    let time = match window {
        Window::Open => "open".to_owned(),
        Window::Sliding(ms) => ms.to_string(),
        Window::Calendar(period) => format!("{period:?}").to_lowercase(),
    };
    Some(Measure { unit, limit, window, per: per.into(), id: format!("{}.{time}", unit.as_str()) })
}

fn on_failure(written: OnStoreFailure) -> OnFailure {
    match written {
        OnStoreFailure::Local => OnFailure::Local,
        OnStoreFailure::Open => OnFailure::Open,
        OnStoreFailure::Closed => OnFailure::Closed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::section::complaints;
    use crate::config::{Config, compile};

    fn config(rules: &str) -> Result<Config, String> {
        let base = "providers: { a: { dialect: openai, url: http://a } }\nmodels: { fast: { targets: [{ provider: a, model: m }] }, cheap: { targets: [{ provider: a, model: n }] } }\n";
        compile(&format!("{base}{rules}\n"), &|_| None).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn rates_and_periods_mean_what_they_say() {
        let config = config(
            r#"
rate_limits:
  each: { by: [caller, model], requests: [100/m, 5_000/h], tokens: 30/10m, concurrent: 4, cap_output: true }
budgets:
  month: { by: [team], cost: 500, per: month, over_budget: { use: cheap } }
  rolling: { tokens: 1000000, cost: "0.25", per: 30d, hard: false, warn_at: [90], on_store_failure: closed }
"#,
        )
        .unwrap();
        let told = config.rules.all().iter().flat_map(|rule| {
            rule.measures
                .iter()
                .map(|measure| format!("{} {} {} {}", rule.name, measure.id, measure.limit, measure.per))
        });
        let expected = [
            "each requests.60000 100 minute",
            "each requests.3600000 5000 hour",
            "each tokens.600000 30 10m",
            "each concurrent.open 4 ",
            "month cost_nanos.month 500000000000 month",
            "rolling cost_nanos.2592000000 250000000 30d",
            "rolling tokens.2592000000 1000000 30d",
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
        let [each, month, rolling] = config.rules.all() else { panic!("three rules") };
        assert!(each.cap_output && each.budget.is_none() && !month.soft && rolling.soft);
        assert_eq!(month.budget.as_ref().unwrap().instead.as_deref(), Some("cheap"));
        assert!(month.budget.as_ref().unwrap().refuse_unknown_price, "a hard budget of money wants to know prices");
        assert!(!rolling.budget.as_ref().unwrap().refuse_unknown_price);
        assert_eq!(rolling.on_failure, OnFailure::Closed);
        assert_eq!(each.on_failure, OnFailure::Local);
    }

    /// Every way to get it wrong that people find, and what they read. The snapshot is the documentation.
    #[test]
    fn mistakes_are_explained() {
        let written = [
            "rate_limits: { x: { requests: 100 } }",
            "rate_limits: { x: { requests: [100/m, 5] } }",
            "rate_limits: { x: { requests: 100/fortnight } }",
            "rate_limits: { x: { requests: [100/m, 10/60s] } }",
            "rate_limits: { x: { requests: 0/m } }",
            "rate_limits: { x: { requests: 10/ms } }",
            "rate_limits: { x: { tokens: 10/400d } }",
            "rate_limits: { x: { tokens: 99999999999999999/d } }",
            "rate_limits: { x: { by: [caller] } }",
            "rate_limits: { x: { by: [user], requests: 1/s } }",
            "rate_limits: { x: { by: [caller, caller], requests: 1/s } }",
            "rate_limits: { x: { by: [\"header:Authorization\"], requests: 1/s } }",
            "rate_limits: { x: { by: [\"tag:\"], requests: 1/s } }",
            "rate_limits: { x: { when: { modell: fast }, requests: 1/s } }",
            "rate_limits: { x: { when: { model: [] }, requests: 1/s } }",
            "rate_limits: { \"a b\": { requests: 1/s } }",
            "rate_limits: { x: { request: 1/s } }",
            "rate_limits: { x: { requests: 1/s, on_store_failure: close } }",
            "budgets: { x: { per: month } }",
            "budgets: { x: { cost: 5 } }",
            "budgets: { x: { cost: five, per: month } }",
            "budgets: { x: { cost: -5, per: month } }",
            "budgets: { x: { cost: [5], per: month } }",
            "budgets: { x: { cost: 5, per: moon } }",
            "budgets: { x: { cost: 5, per: month, warn_at: [0, 50] } }",
            "budgets: { x: { cost: 5, per: month, webhook: hooks.example } }",
            "budgets: { x: { cost: 5, per: month, over_budget: { use: chep } } }",
            "rate_limits: { x: { requests: 1/s } }\nbudgets: { x: { cost: 5, per: month } }",
        ];
        insta::assert_snapshot!(complaints(&written, config));
    }
}
