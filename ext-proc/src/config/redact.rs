//! `redact`: what was written → the policies that exchanges meet.

use super::compiled::{duration, secret};
use super::written::redact::{Presidio, Redact};
use super::written::{self, OnServiceFailure};
use super::{Problem, blocks};
use crate::outbound;
use crate::redaction::{Analyzer, Key, Policy};
use secrecy::ExposeSecret;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Fewer bytes can be guessed.
const KEY_BYTES_MIN: usize = 16;
const POLICY: blocks::Kind = blocks::Kind { one: "policy", several: "policies", when: "a request is redacted" };

/// Compiles all policies; what is wrong with them goes to `problems`.
pub(super) fn compile(written: &written::Config, problems: &mut Vec<Problem>) -> Vec<Arc<Policy>> {
    let mut names = BTreeSet::new();
    let compiled = written.redact.iter().enumerate().filter_map(|(i, policy)| {
        let at = format!("redact[{i}]");
        blocks::check_name(&POLICY, &policy.name, &mut names, &at, problems);
        self::policy(policy, &at, problems).map(Arc::new)
    });
    let compiled: Vec<_> = compiled.collect();
    if !written.redact.is_empty() && matches!(written.envoy.on_service_failure, OnServiceFailure::PassTo(_)) {
        let message = "while the service is away, requests would leave as they are, and `redact` says that they may not; \
                       write `envoy.on_service_failure: refuse`";
        problems.push(Problem::at("redact", message));
    }
    compiled
}

fn policy(written: &Redact, at: &str, problems: &mut Vec<Problem>) -> Option<Policy> {
    let when = blocks::conditions(&POLICY, &written.when, at, problems);
    let key = key(written, at, problems)?;
    let presidio = written.presidio.as_ref().map(|presidio| analyzer(presidio, &format!("{at}.presidio"), problems));
    let rules = blocks::rules(&written.rules, at, problems)?;
    // An analyzer that is wrong has been complained of.
    let analyzer = presidio.flatten();
    let made = Policy::new(written, &rules, &key, when, analyzer);
    made.map_err(|message| problems.push(blocks::placed(at, &message))).ok()
}

fn key(written: &Redact, at: &str, problems: &mut Vec<Problem>) -> Option<Key> {
    let Some(written) = &written.key else { return Some(Key::of_this_process()) };
    let at = format!("{at}.key");
    let key = secret(written, "", at.clone(), problems)?;
    let bytes = key.expose_secret().len();
    if bytes < KEY_BYTES_MIN {
        let message = format!("the key has {bytes} bytes and could be guessed; give it at least {KEY_BYTES_MIN}");
        problems.push(Problem::at(at, message));
        return None;
    }
    Some(Key::Written(key))
}

fn analyzer(written: &Presidio, at: &str, problems: &mut Vec<Problem>) -> Option<Analyzer> {
    let before = problems.len();
    if let Err(message) = outbound::check_url(&written.url, "https://presidio.example.com") {
        problems.push(Problem::at(format!("{at}.url"), message));
    }
    if !(0.0..=1.0).contains(&written.score_min) {
        let message = format!("{} is no score; expected a number from 0 to 1", written.score_min);
        problems.push(Problem::at(format!("{at}.score_min"), message));
    }
    let timeout = duration(&written.timeout, &format!("{at}.timeout"), problems);
    let headers = written.headers.iter().filter_map(|(name, value)| {
        let at = format!("{at}.headers.{name}");
        if http::HeaderName::try_from(name).is_err() {
            problems.push(Problem::at(&at, "this is not a header name"));
        }
        Some((name.clone(), secret(value, "", at, problems)?))
    });
    let headers = headers.collect();
    (problems.len() == before).then(|| Analyzer::new(written, timeout.unwrap_or_default(), headers))
}

#[cfg(test)]
mod tests {
    use crate::config::tests::section::{complaints, config};

    #[test]
    fn keys_and_words_are_never_shown() {
        let config = config(
            r#"redact: [ { name: all, key: "${KEY}", words: [ { name: project, label: PROJECT, words: [Bluebird] } ],
                 presidio: { url: "https://a.example", headers: { x-key: "${KEY}" } } } ]"#,
        )
        .unwrap();
        for shown in [format!("{:?}", config.redact), serde_json::to_string(&config.written).unwrap()] {
            assert!(!shown.contains("sixteen") && !shown.contains("Bluebird"), "{shown}");
        }
        assert_eq!(config.written.secret_files().count(), 0);
    }

    #[test]
    fn a_change_of_the_key_or_of_a_word_is_a_change() {
        let of = |redact: &str| config(redact).unwrap().redact[0].material;
        let word =
            |word: &str| format!("redact: [ {{ name: a, words: [ {{ name: w, label: W, words: [{word}] }} ] }} ]");
        assert_eq!(of(&word("one")), of(&word("one")));
        assert_ne!(of(&word("one")), of(&word("two")));
        let key = |key: &str| format!("redact: [ {{ name: a, key: {key} }} ]");
        assert_ne!(of(&key("0123456789abcdef")), of(&key("0123456789abcdeg")));
    }

    /// Every way to get it wrong that people find, and what they read. The snapshot is the documentation.
    #[test]
    fn mistakes_are_explained() {
        let written = [
            "redact: { name: a }",
            "redact: [ { mode: monitor } ]",
            "redact: [ { name: \"All of it\" } ]",
            "redact: [ { name: a }, { name: a } ]",
            "redact: [ { name: a, when: { modell: fast } } ]",
            "redact: [ { name: a, when: { model: [] } } ]",
            "redact: [ { name: a, when: { provider: p } } ]",
            "redact: [ { name: a, key: short } ]",
            "redact: [ { name: a, key: [0123456789abcdef] } ]",
            "redact: [ { name: a, key: \"${NONE}\" } ]",
            "redact: [ { name: a, tenant: user } ]",
            "redact: [ { name: a, modes: monitor } ]",
            "redact: [ { name: a, mode: observe } ]",
            "redact: [ { name: a, request: hide } ]",
            "redact: [ { name: a, entities: { us_snn: mask } } ]",
            "redact: [ { name: a, entities: { email: blok } } ]",
            "redact: [ { name: a, scopes: [users] } ]",
            "redact: [ { name: a, custom: [ { name: x, label: X, regex: \"[\" } ] } ]",
            "redact: [ { name: a, custom: [ { name: x, label: x-1, regex: x } ] } ]",
            "redact: [ { name: a, custom: [ { name: x, regex: x, checksum: lun } ] } ]",
            "redact: [ { name: a, words: [ { name: x, words: [] } ] } ]",
            "redact: [ { name: a, presidio: { } } ]",
            "redact: [ { name: a, presidio: { url: \"http://presidio:3000\" } } ]",
            "redact: [ { name: a, presidio: { url: \"https://a.example\", score_min: 40 } } ]",
            "redact: [ { name: a, presidio: { url: \"https://a.example\", timeout: 2 } } ]",
            "redact: [ { name: a, presidio: { url: \"https://a.example\", fail: never } } ]",
            "redact: [ { name: a } ]\nenvoy: { on_service_failure: { pass_to: p } }",
        ];
        insta::assert_snapshot!(complaints(&written, config));
    }
}
