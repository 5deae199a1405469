//! Budgets that fill up: a line in the log, a number for Prometheus and, where one is configured, a call of a webhook, once
//! for every threshold and period.

use super::rule::{BudgetTerms, Unit};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::outbound::Client;
use arc_swap::ArcSwap;
use attache_core::limit::Moved;
use attache_core::price::Nanos;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Webhooks that are under way at the same time; beyond that a warning stays in the log.
const HOOKS_MAX: usize = 8;

/// Most time for one call of a webhook.
const HOOK_TIME: Duration = Duration::from_secs(10);
/// How long to wait before each try to call it.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(10)];

/// What a webhook reads.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Warning {
    /// The budget's name in the configuration.
    pub budget: String,
    /// Which of the values that it is split by, as its counters are named: `team-month/cost_nanos.month|search`.
    pub counter: String,
    /// The threshold that was passed.
    pub percent: u8,
    /// What is counted: `cost_nanos` or `tokens`.
    pub unit: &'static str,
    /// Settled in this period.
    pub used: u64,
    /// The limit.
    pub limit: u64,
    /// The same for people: `41.5 of 50 USD this month`.
    pub text: String,
}

/// Warns of every budget that passes a threshold, for as long as the process lives.
pub async fn watch(mut moved: mpsc::Receiver<Vec<Moved>>, config: Arc<ArcSwap<Config>>, metrics: Arc<Metrics>) {
    let hooks = Arc::new(tokio::sync::Semaphore::new(HOOKS_MAX));
    let mut client = None;
    while let Some(moved) = moved.recv().await {
        let config = config.load_full();
        for (warning, hook) in moved.iter().flat_map(|moved| warnings(moved, &config)) {
            let Warning { budget, counter, percent, text, .. } = &warning;
            tracing::warn!(budget, counter, percent, "a budget fills up: {text}");
            metrics.limits.warnings.with_label_values(&[budget.as_str(), &percent.to_string()]).inc();
            let Some(hook) = hook else { continue };
            if client.is_none() {
                client = Client::new().inspect_err(|error| tracing::error!(%error, "no webhook can be called")).ok();
            }
            let turn = hooks.clone().try_acquire_owned();
            let (Some(client), Ok(turn)) = (client.clone(), turn) else {
                tracing::error!(budget, "a webhook was not called; this warning is in the log only");
                continue;
            };
            tokio::spawn(async move {
                post(&client, &hook, &warning).await;
                drop(turn);
            });
        }
    }
}

/// Posts a warning; again after a while, when it does not arrive.
async fn post(client: &Client, hook: &SecretString, warning: &Warning) {
    let Ok(json) = serde_json::to_vec(warning) else { return };
    for pause in PAUSES {
        tokio::time::sleep(pause).await;
        match client.post(hook.expose_secret(), json.clone(), HOOK_TIME).await {
            Ok(()) => return,
            Err(error) => tracing::error!(budget = warning.budget, error, "a webhook did not take a warning"),
        }
    }
}

/// The thresholds that a counter has passed, and where to post that.
fn warnings(moved: &Moved, config: &Config) -> Vec<(Warning, Option<SecretString>)> {
    let key = &*moved.counter.key;
    let of_key = |(rule, measure): (&str, &str)| (rule.to_owned(), measure.to_owned());
    let Some((name, measure)) = key.split('|').next().and_then(|head| head.split_once('/')).map(of_key) else {
        return Vec::new();
    };
    let Some(rule) = config.rules.all().iter().find(|rule| *rule.name == *name) else { return Vec::new() };
    let (Some(budget), Some(measure)) = (&rule.budget, rule.measures.iter().find(|met| met.id == measure)) else {
        return Vec::new();
    };
    let BudgetTerms { warn_at, webhook, .. } = budget;
    let limit = moved.counter.limit;
    let at = |percent: &u8| u128::from(limit) * u128::from(*percent);
    let passed = |percent: &&u8| {
        let threshold = at(percent);
        u128::from(moved.before) * 100 < threshold && threshold <= u128::from(moved.after) * 100
    };
    let warning = |percent: &u8| Warning {
        budget: name.clone(),
        counter: key.to_owned(),
        percent: *percent,
        unit: measure.unit.as_str(),
        used: moved.after,
        limit,
        text: in_words(measure.unit, moved.after, limit, &measure.per),
    };
    warn_at.iter().filter(passed).map(|percent| (warning(percent), webhook.clone())).collect()
}

fn in_words(unit: Unit, used: u64, limit: u64, per: &str) -> String {
    match unit {
        Unit::Cost => format!("{} of {} spent in this {per}", Nanos(used), Nanos(limit)),
        Unit::Requests | Unit::InputTokens | Unit::OutputTokens | Unit::Tokens | Unit::Concurrent => {
            format!("{used} of {limit} {} used in this {per}", unit.words())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::compile;
    use attache_core::limit::{Counter, Period, Window};

    #[test]
    fn a_threshold_is_passed_once() {
        let text = "providers: { a: { dialect: openai, url: http://a, expose: true } }\nbudgets: { month: { by: [team], cost: 0.001, per: month, warn_at: [50, 80, 100] } }\n";
        let config = compile(text, &|_| None).unwrap();
        let counter =
            |key: &str| Counter { key: key.into(), window: Window::Calendar(Period::Month), limit: 1_000_000 };
        let percents = |key: &str, before, after| -> Vec<u8> {
            let moved = Moved { counter: counter(key), before, after };
            warnings(&moved, &config).into_iter().map(|(warning, _)| warning.percent).collect()
        };
        let key = "month/cost_nanos.month|search";
        for (before, after, expected) in [
            (0, 499_999, vec![]),
            (499_999, 500_000, vec![50]),
            (500_000, 799_999, vec![]),
            (0, 900_000, vec![50, 80]),
            (900_000, 2_000_000, vec![100]),
            (2_000_000, 3_000_000, vec![]),
        ] {
            assert_eq!(percents(key, before, after), expected, "{before} → {after}");
        }
        assert!(percents("other/cost_nanos.month|search", 0, 900_000).is_empty(), "no such budget any more");
        assert!(percents("month/tokens.month|search", 0, 900_000).is_empty(), "no such number any more");
        let moved = Moved { counter: counter(key), before: 0, after: 600_000 };
        let told = serde_json::to_value(&warnings(&moved, &config)[0].0).unwrap();
        assert_eq!(told["text"], "0.0006 of 0.001 spent in this month");
        assert_eq!((told["budget"].as_str(), told["percent"].as_u64()), (Some("month"), Some(50)));
    }
}
