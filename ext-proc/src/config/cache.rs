//! `cache`: what was written → what is cached, for whom.

use super::compiled::secret;
use super::provider::Provider;
use super::written::cache::{self, Cache, Ignorable, Mode, Shelf};
use super::written::{self};
use super::{Problem, blocks, embedder};
use crate::cache::purge::TTL_MAX;
use crate::cache::rule::{Rule, Rules, SemanticRule};
use crate::guards::Guards;
use crate::redaction::Policy;
use attache_core::cache_key::Keys;
use secrecy::ExposeSecret;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Fewer bytes can be guessed.
const KEY_BYTES_MIN: usize = 16;
/// Less memory than this holds hardly an answer.
const MEMORY_BYTES_MIN: u64 = 1 << 20;
/// The longest time that a request waits for another one's answer.
const WAIT_MAX: Duration = Duration::from_secs(600);
const RULE: blocks::Kind = blocks::Kind { one: "rule", several: "rules", when: "the cache looks" };

/// Compiles it, where there is one; what is wrong with it goes to `problems`.
pub(super) fn compile(
    written: &written::Config,
    redact: &[Arc<Policy>],
    guards: &Guards,
    providers: &BTreeMap<String, Arc<Provider>>,
    problems: &mut Vec<Problem>,
) -> Option<Rules> {
    let cache = written.cache.as_ref()?;
    let key = key(cache, problems);
    check_sizes(cache, problems);
    if cache.store == Shelf::Redis && written.store.redis.is_none() {
        let message = "there is no Redis to keep answers in; write `store: { redis: { url: redis://HOST:PORT } }`";
        problems.push(Problem::at("cache.store", message));
    }
    if cache.rules.is_empty() {
        problems.push(Problem::at("cache.rules", "without a rule nothing is cached; leave `cache` out to mean that"));
    }
    let embedder = cache.embedder.as_ref().and_then(|embedder| embedder::compile(embedder, providers, problems));
    let mut names = BTreeSet::new();
    let mut rules = Vec::new();
    for (i, rule) in cache.rules.iter().enumerate() {
        let at = format!("cache.rules[{i}]");
        blocks::check_name(&RULE, &rule.name, &mut names, &at, problems);
        if rule.semantic.mode != Mode::Off && cache.embedder.is_none() {
            let message = "nobody makes vectors; write `cache.embedder: { path: FOLDER }`";
            problems.push(Problem::at(format!("{at}.semantic"), message));
        }
        rules.push(Arc::new(self::rule(rule, &at, problems)));
    }
    Some(Rules {
        keys: Keys::new(&key),
        material: Sha256::digest(key).into(),
        in_redis: cache.store == Shelf::Redis,
        memory_bytes_max: cache.memory_bytes_max,
        entry_bytes_max: cache.entry_bytes_max as usize,
        rules,
        embedder,
        policy: policy(written, redact, guards),
        setups: setups(written),
    })
}

fn key(written: &Cache, problems: &mut Vec<Problem>) -> Vec<u8> {
    /// One that this process has made up. It outlives reloads.
    static MADE_UP: LazyLock<[u8; 32]> = LazyLock::new(rand::random);
    let at = "cache.key";
    let Some(key) = &written.key else {
        if written.store == Shelf::Redis {
            let message = "replicas share answers only with a key that all of them have; write `key: \"${CACHE_KEY}\"`";
            problems.push(Problem::at(at, message));
        }
        return MADE_UP.to_vec();
    };
    let Some(key) = secret(key, "", at.to_owned(), problems) else { return MADE_UP.to_vec() };
    let bytes = key.expose_secret().len();
    if bytes < KEY_BYTES_MIN {
        let message = format!("the key has {bytes} bytes and could be guessed; give it at least {KEY_BYTES_MIN}");
        problems.push(Problem::at(at, message));
    }
    key.expose_secret().as_bytes().to_vec()
}

fn check_sizes(written: &Cache, problems: &mut Vec<Problem>) {
    let Cache { memory_bytes_max, entry_bytes_max, .. } = *written;
    if memory_bytes_max < MEMORY_BYTES_MIN {
        let message = format!("{memory_bytes_max} bytes hold hardly an answer; give it at least {MEMORY_BYTES_MIN}");
        problems.push(Problem::at("cache.memory_bytes_max", message));
    } else if entry_bytes_max < 1024 || u64::from(entry_bytes_max) > memory_bytes_max {
        let message = format!("{entry_bytes_max} bytes; from 1024 to `memory_bytes_max` make sense");
        problems.push(Problem::at("cache.entry_bytes_max", message));
    }
}

fn rule(written: &cache::Rule, at: &str, problems: &mut Vec<Problem>) -> Rule {
    let ttl = time(&written.ttl, TTL_MAX, &format!("{at}.ttl"), problems);
    let coalesce =
        (written.coalesce != "off").then(|| time(&written.coalesce, WAIT_MAX, &format!("{at}.coalesce"), problems));
    let ignore = written.ignore.iter().map(|field| match field {
        Ignorable::User => "user",
        Ignorable::SafetyIdentifier => "safety_identifier",
        Ignorable::Metadata => "metadata",
    });
    Rule {
        name: written.name.as_str().into(),
        when: blocks::conditions(&RULE, &written.when, at, problems),
        scope: written.scope,
        ttl,
        store_tool_calls: written.store_tool_calls,
        count_requests: written.count_requests,
        client_controls: written.client_controls,
        coalesce,
        ignore: ignore.collect(),
        semantic: semantic(&written.semantic, ttl, &format!("{at}.semantic"), problems),
    }
}

fn semantic(written: &cache::Semantic, ttl: Duration, at: &str, problems: &mut Vec<Problem>) -> Option<SemanticRule> {
    let cache::Semantic { mode, threshold, verify_sample, .. } = *written;
    if !(0.5..=1.0).contains(&threshold) {
        let message = format!("{threshold} makes no sense; expected a cosine from 0.5 to 1 such as 0.92");
        problems.push(Problem::at(format!("{at}.threshold"), message));
    }
    if !(0.0..=1.0).contains(&verify_sample) {
        let message = format!("{verify_sample} is no share; expected a number from 0 to 1");
        problems.push(Problem::at(format!("{at}.verify_sample"), message));
    }
    let own = written.ttl.as_ref().map(|own| time(own, TTL_MAX, &format!("{at}.ttl"), problems));
    (mode != Mode::Off).then(|| SemanticRule {
        shadow: mode == Mode::Shadow,
        threshold,
        verify_sample,
        // What is not kept any more is not found.
        ttl: own.unwrap_or(ttl).min(ttl),
    })
}

/// A time that may be longer than those of Envoy.
fn time(text: &str, most: Duration, at: &str, problems: &mut Vec<Problem>) -> Duration {
    let complaint = match humantime::parse_duration(text) {
        Ok(time) if time > most => format!("`{text}` is longer than {}", humantime::format_duration(most)),
        Ok(time) if time >= Duration::from_millis(1) => return time,
        Ok(_) => format!("`{text}` is shorter than a millisecond"),
        Err(_) => format!("`{text}` is not a time; expected something like 30s, 15m or 12h"),
    };
    problems.push(Problem::at(at, complaint));
    Duration::ZERO
}

/// What operators let happen to requests and answers. A change of any of it makes every answer another one.
fn policy(written: &written::Config, redact: &[Arc<Policy>], guards: &Guards) -> String {
    let mut hash = Sha256::new();
    add(&mut hash, &written.redact);
    redact.iter().for_each(|policy| hash.update(policy.material));
    add(&mut hash, &written.guards);
    hash.update(guards.material);
    hex(hash)
}

/// How every provider and model is set up, as far as answers depend on it.
fn setups(written: &written::Config) -> BTreeMap<String, String> {
    let hashed = |part: &dyn Fn(&mut Sha256)| {
        let mut hash = Sha256::new();
        part(&mut hash);
        hex(hash)
    };
    let providers = written.providers.iter().map(|(name, provider)| {
        let provider = |hash: &mut Sha256| add(hash, provider);
        (format!("provider {name}"), hashed(&provider))
    });
    let models = written.models.iter().map(|(name, model)| {
        let model = |hash: &mut Sha256| {
            add(hash, &model.targets);
            add(hash, &model.losses);
            add(hash, &model.fetch_media);
        };
        (format!("model {name}"), hashed(&model))
    });
    providers.chain(models).collect()
}

fn add(hash: &mut Sha256, part: &impl Serialize) {
    hash.update(serde_json::to_string(part).unwrap_or_default());
    hash.update([0]);
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().take(16).fold(String::new(), |mut hex, byte| {
        let _written = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use crate::config::compile;
    use crate::config::tests::section::{GOOD, complaints, config};

    #[test]
    fn the_key_is_never_shown() {
        let config = config(r#"cache: { key: "${KEY}", rules: [ { name: all } ] }"#).unwrap();
        for shown in [format!("{:?}", config.cache), serde_json::to_string(&config.written).unwrap()] {
            assert!(!shown.contains("sixteen"), "{shown}");
        }
    }

    #[test]
    fn a_change_of_what_shapes_answers_makes_them_others() {
        let cache = "cache: { rules: [ { name: all } ] }";
        let of = |rest: &str| {
            let rules = config(&format!("{cache}\n{rest}")).unwrap().cache.unwrap();
            (rules.policy, rules.setups)
        };
        let guard = |word: &str| format!("guards: [ {{ name: a, patterns: {{ deny_words: [{word}] }} }} ]");
        assert_eq!(of(""), of("limits: { body_bytes_max: 4096 }"));
        assert_eq!(of(&guard("one")), of(&guard("one")));
        assert_ne!(of(&guard("one")), of(&guard("two")));
        let redact = |key: &str| format!("redact: [ {{ name: a, key: {key} }} ]");
        assert_ne!(of(&redact("0123456789abcdef")), of(&redact("0123456789abcdeg")));
        let other = GOOD.replace("provider: p, model: m", "provider: p, model: m, sampling: false");
        let other = compile(&format!("{other}{cache}"), &|_| None).unwrap().cache.unwrap();
        assert_ne!(of("").1, other.setups);
    }

    /// Every way to get it wrong that people find, and what they read. The snapshot is the documentation.
    #[test]
    fn mistakes_are_explained() {
        let written = [
            "cache: {}",
            "cache: { rules: [] }",
            "cache: { rules: [ { } ] }",
            "cache: { rules: [ { name: a }, { name: a } ] }",
            "cache: { rules: [ { name: All } ] }",
            "cache: { rules: [ { name: a, when: { provider: p } } ] }",
            "cache: { rules: [ { name: a, when: { modell: fast } } ] }",
            "cache: { rules: [ { name: a, scope: everybody } ] }",
            "cache: { rules: [ { name: a, ttl: 3600 } ] }",
            "cache: { rules: [ { name: a, ttl: 2years } ] }",
            "cache: { rules: [ { name: a, coalesce: never } ] }",
            "cache: { rules: [ { name: a, ignore: [messages] } ] }",
            "cache: { key: short, rules: [ { name: a } ] }",
            "cache: { store: redis, key: 0123456789abcdef, rules: [ { name: a } ] }",
            "cache: { store: redis, rules: [ { name: a } ] }\nstore: { redis: { url: \"redis://r:6379\" } }",
            "cache: { memory_bytes_max: 1000, rules: [ { name: a } ] }",
            "cache: { entry_bytes_max: 10, rules: [ { name: a } ] }",
            "cache: { rules: [ { name: a, semantic: { mode: \"on\" } } ] }",
            "cache: { rules: [ { name: a, semantic: { threshold: 92 } } ] }",
            "cache: { rules: [ { name: a, semantic: { verify_sample: 5 } } ] }",
            "cache: { embedder: { provider: p }, rules: [ { name: a } ] }",
            "cache: { embedder: { provider: q, model: m }, rules: [ { name: a } ] }",
        ];
        insta::assert_snapshot!(complaints(&written, config));
    }
}
