//! `guards`: what was written → the guards that exchanges meet.

mod callouts;

use super::written::guards::Guard as Written;
use super::written::{self, OnServiceFailure};
use super::{Problem, blocks};
use crate::guards::{Guard, Guards};
use attache_core::guard::{self, Mode, Then};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

const GUARD: blocks::Kind = blocks::Kind { one: "guard", several: "guards", when: "a guard looks" };

/// Compiles all guards; what is wrong with them goes to `problems`.
pub(super) fn compile(written: &written::Config, problems: &mut Vec<Problem>) -> Guards {
    let mut names = BTreeSet::new();
    let (mut compiled, mut ruled) = (Vec::new(), Vec::new());
    for (i, guard) in written.guards.iter().enumerate() {
        let at = format!("guards[{i}]");
        blocks::check_name(&GUARD, &guard.name, &mut names, &at, problems);
        let made = self::guard(guard, written, &at, problems);
        let rules = made.as_ref().and_then(|(_, rules)| rules.clone());
        ruled.extend(rules.map(|rules| (at, guard.name.clone(), rules)));
        compiled.extend(made);
    }
    let enforces = compiled.iter().any(|(guard, _)| guard.mode == Mode::Enforce);
    if enforces && matches!(written.envoy.on_service_failure, OnServiceFailure::PassTo(_)) {
        let message = "while the service is away, requests would pass without any guard; write \
                       `envoy.on_service_failure: refuse`, or `mode: monitor`";
        problems.push(Problem::at("guards", message));
    }
    Guards::new(compiled, material(written)).unwrap_or_else(|message| {
        let before = problems.len();
        // Each alone, so that a complaint has its place.
        for (at, name, rules) in ruled {
            if let Err(message) = guard::Guards::new(&[(name, rules)]) {
                problems.push(placed(&at, &message));
            }
        }
        if problems.len() == before {
            problems.push(Problem::at("guards", message));
        }
        Guards::default()
    })
}

fn guard(
    written: &Written,
    all: &written::Config,
    at: &str,
    problems: &mut Vec<Problem>,
) -> Option<(Guard, Option<guard::Guard>)> {
    let when = blocks::conditions(&GUARD, &written.when, at, problems);
    let rules: guard::Guard = blocks::rules(&written.rules, at, problems)?;
    let before = problems.len();
    check_then(&rules, all, at, problems);
    if problems.len() > before {
        return None;
    }
    let asking = callouts::kinds(written);
    let kinds: Vec<_> = rules.kinds().into_iter().chain(asking.iter().copied()).collect();
    if kinds.len() != 1 {
        let met = if kinds.is_empty() { "none".to_owned() } else { kinds.join(" and ") };
        let known =
            "patterns, unicode, injection, size, language, code, schema, moderation, presidio, webhook, grpc, judge";
        problems.push(Problem::at(at, format!("a guard needs exactly one of {known}; it has {met}")));
        return None;
    }
    let asks = if asking.is_empty() {
        if let Some(name) = callouts::only_for_asking(written) {
            let message = "only guards that ask somebody take it: moderation, presidio, webhook, grpc, judge";
            problems.push(Problem::at(format!("{at}.{name}"), message));
        }
        None
    } else {
        Some(callouts::compile(written, &rules, all, at, problems)?)
    };
    let name = written.name.as_str().into();
    let (on, mode, then) = (rules.on, rules.mode, rules.then.clone());
    let rules = asks.is_none().then_some(rules);
    Some((Guard { name, when, on, mode, then, asks }, rules))
}

/// A hash of the secrets in it: the configuration that is shown does not tell when they change.
fn material(written: &written::Config) -> [u8; 32] {
    let mut hash = Sha256::new();
    for secret in written.guards.iter().flat_map(Written::secrets) {
        blocks::add_secret(&mut hash, secret);
    }
    hash.finalize().into()
}

/// What the core says about a guard begins with which one of those it was given, and the path of what it is about.
fn placed(at: &str, message: &str) -> Problem {
    let message =
        if message.starts_with("guards[") { message.split_once(": ").map_or(message, |(_, why)| why) } else { message };
    blocks::placed(at, message)
}

/// Whether what it does can be done.
fn check_then(rules: &guard::Guard, all: &written::Config, at: &str, problems: &mut Vec<Problem>) {
    let at = format!("{at}.then");
    match &rules.then {
        Then::Status(status) if !(400..=499).contains(status) => {
            problems.push(Problem::at(at, format!("{status} is no status for a refusal; expected 400 to 499")));
        }
        Then::Message(text) if text.trim().is_empty() => {
            problems.push(Problem::at(at, "the message is empty; the client would read nothing"));
        }
        Then::Use(_) if rules.on.response() => {
            let message = "another model can only serve instead of a request; write `on: request`";
            problems.push(Problem::at(at, message));
        }
        Then::Use(model) if !is_there(model, all) => {
            let known: Vec<_> = all.models.keys().map(String::as_str).collect();
            problems.push(Problem::at(at, format!("no model `{model}`; there is: {}", known.join(", "))));
        }
        Then::Status(_) | Then::Message(_) | Then::Use(_) => {}
    }
}

/// Whether somebody serves a model of this name.
fn is_there(model: &str, all: &written::Config) -> bool {
    let exposed = |provider: &str| all.providers.get(provider).is_some_and(|provider| provider.expose);
    all.models.contains_key(model)
        || model.split_once('/').is_some_and(|(provider, name)| !name.is_empty() && exposed(provider))
}

#[cfg(test)]
mod tests {
    use crate::config::tests::section::{complaints, config};

    /// Every way to get it wrong that people find, and what they read. The snapshot is the documentation.
    #[test]
    fn mistakes_are_explained() {
        let written = [
            "guards: { name: a }",
            "guards: [ { injection: {} } ]",
            "guards: [ { name: \"No Way\", injection: {} } ]",
            "guards: [ { name: a, injection: {} }, { name: a, unicode: {} } ]",
            "guards: [ { name: a, injection: {}, when: { modell: fast } } ]",
            "guards: [ { name: a, injection: {}, when: { provider: p } } ]",
            "guards: [ { name: a, injektion: {} } ]",
            "guards: [ { name: a, injection: { treshold: 1 } } ]",
            "guards: [ { name: a, injection: {}, mode: observe } ]",
            "guards: [ { name: a, injection: {}, on: answer } ]",
            "guards: [ { name: a, injection: {}, then: { status: 500 } } ]",
            "guards: [ { name: a, injection: {}, then: { message: \" \" } } ]",
            "guards: [ { name: a, injection: {}, then: { use: fats } } ]",
            "guards: [ { name: a, injection: {}, then: { use: p/m } } ]",
            "guards: [ { name: a, injection: {}, on: both, then: { use: fast } } ]",
            "guards: [ { name: a } ]",
            "guards: [ { name: a, injection: {}, unicode: {} } ]",
            "guards: [ { name: a, injection: { threshold: -1 } } ]",
            "guards: [ { name: a, patterns: { deny: [\"(\"] } } ]",
            "guards: [ { name: a, patterns: {} } ]",
            "guards: [ { name: a, language: { allow: [english] } } ]",
            "guards: [ { name: a, schema: {} } ]",
            "guards: [ { name: a, unicode: {}, timeout: 1s } ]",
            "guards: [ { name: a, unicode: {}, webhook: { url: \"https://g.example\" } } ]",
            "guards: [ { name: a, webhook: { url: \"http://guard:80\" } } ]",
            "guards: [ { name: a, webhook: { url: \"https://g.example\", header: {} } } ]",
            "guards: [ { name: a, webhook: { url: \"https://g.example\", headers: { \"a b\": x } } } ]",
            "guards: [ { name: a, webhook: { url: \"https://g.example\" }, timeout: 9s, chars_max: 0, cache: long } ]",
            "guards: [ { name: a, moderation: { key: \"${NONE}\" } } ]",
            "guards: [ { name: a, presidio: { url: \"https://p.example\", score_min: 40 } } ]",
            "guards: [ { name: a, grpc: { url: g.example:443 } } ]",
            "guards: [ { name: a, judge: { model: fats, question: \" \", key: k } } ]",
            "guards: [ { name: a, judge: { model: fast, question: It is rude., key: [k] } } ]",
            "guards: [ { name: a, sees: all, moderation: {} } ]",
            "guards: [ { name: a, injection: {} } ]\nenvoy: { on_service_failure: { pass_to: p } }",
        ];
        insta::assert_snapshot!(complaints(&written, config));
    }
}
