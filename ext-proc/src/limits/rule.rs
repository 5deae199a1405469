//! Rules: what a rate limit or a budget means, and which of them apply to an exchange.

use crate::callers::Caller;
use crate::exchange::message::Head;
use crate::pattern::Pattern;
use crate::store::OnFailure;
use attache_core::dialect::Dialect;
use attache_core::limit::{Counter, Window};
use secrecy::SecretString;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// By what counters are split, and rules are chosen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// Who asks.
    Caller,
    /// The caller's team.
    Team,
    /// The team's organisation.
    Org,
    /// The model that is asked for.
    Model,
    /// Who serves.
    Provider,
    /// What the client speaks.
    Front,
    /// A tag of the caller.
    Tag(String),
    /// A header of the request.
    Header(String),
    /// A claim of the caller's token.
    Claim(String),
}

/// Headers that hold credentials: their values must not become the names of counters.
const NEVER: [&str; 6] = ["authorization", "proxy-authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie"];

impl Dimension {
    /// Reads it as it is written.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(written: &str) -> Result<Self, String> {
        match written.split_once(':') {
            None => match written {
                "caller" => Ok(Self::Caller),
                "team" => Ok(Self::Team),
                "org" => Ok(Self::Org),
                "model" => Ok(Self::Model),
                "provider" => Ok(Self::Provider),
                "front" => Ok(Self::Front),
                _ => Err(unknown(written)),
            },
            Some((_, "")) => Err(unknown(written)),
            Some(("tag", name)) => Ok(Self::Tag(name.to_owned())),
            Some(("claim", name)) => Ok(Self::Claim(name.to_owned())),
            Some(("header", name)) => {
                let name = name.to_ascii_lowercase();
                if NEVER.contains(&name.as_str()) {
                    return Err(format!("`{name}` holds a secret, and counters have readable names; use `caller`"));
                }
                Ok(Self::Header(name))
            }
            Some(_) => Err(unknown(written)),
        }
    }
}

fn unknown(written: &str) -> String {
    format!(
        "`{written}` is nothing to tell requests apart by; there is caller, team, org, model, provider, front, tag:NAME, \
         header:NAME and claim:NAME"
    )
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Requests.
    Requests,
    /// Tokens of the prompt.
    InputTokens,
    /// Tokens of the answer.
    OutputTokens,
    /// Tokens of both.
    Tokens,
    /// Requests under way.
    Concurrent,
    /// Money, in billionths of the currency's unit.
    Cost,
}

impl Unit {
    /// Its name in records and in the names of counters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Tokens => "tokens",
            Self::Concurrent => "concurrent",
            Self::Cost => "cost_nanos",
        }
    }

    /// Its name in a sentence: "the limit of 100 …".
    pub fn words(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::InputTokens => "input tokens",
            Self::OutputTokens => "output tokens",
            Self::Tokens => "tokens",
            Self::Concurrent => "requests at the same time",
            Self::Cost => "money",
        }
    }
}

/// One number of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// What is counted.
    pub unit: Unit,
    /// Most of it.
    pub limit: u64,
    /// In which time.
    pub window: Window,
    /// That time in words: `minute`, `10m`, `month`; empty for [`Unit::Concurrent`].
    pub per: Arc<str>,
    /// What makes its counters' names its own: `tokens.60000`.
    pub id: String,
}

/// What else a budget does.
#[derive(Clone, Debug)]
pub struct BudgetTerms {
    /// At how many percent to warn.
    pub warn_at: Vec<u8>,
    /// Where to post warnings.
    pub webhook: Option<SecretString>,
    /// The model that serves instead.
    pub instead: Option<String>,
    /// A stream that finds nothing left to hold ends.
    pub end_streams: bool,
    /// A request without a known price is refused.
    pub refuse_unknown_price: bool,
}

/// A rate limit or a budget.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// What its counters are split by.
    pub by: Vec<Dimension>,
    /// To what it applies; one pattern of each must fit.
    pub when: Vec<(Dimension, Vec<Pattern>)>,
    /// Its numbers.
    pub measures: Vec<Measure>,
    /// It counts and warns, but never refuses.
    pub soft: bool,
    /// Answers may not outgrow what is held.
    pub cap_output: bool,
    /// What to do without a store.
    pub on_failure: OnFailure,
    /// What makes it a budget.
    pub budget: Option<BudgetTerms>,
}

impl Rule {
    /// Whether who serves matters to it.
    pub fn by_provider(&self) -> bool {
        self.by.contains(&Dimension::Provider) || self.when.iter().any(|(by, _)| *by == Dimension::Provider)
    }

    /// Whether it applies. `provider`: who may serve, where that matters.
    pub fn applies(&self, facts: &Facts<'_>, provider: Option<&str>) -> bool {
        facts.fit(&self.when, provider)
    }

    /// One of its counters. Its name is printable, without spaces, never longer than some hundred bytes.
    pub fn counter(&self, measure: &Measure, facts: &Facts<'_>, provider: Option<&str>) -> Counter {
        self.counter_of(measure, |by| facts.value(by, provider))
    }

    /// The counter of these values.
    pub fn counter_of<'v>(&self, measure: &Measure, value: impl Fn(&Dimension) -> Option<&'v str>) -> Counter {
        let mut key = String::with_capacity(COUNTER_BYTES_USUAL);
        key.push_str(&self.name);
        key.push('/');
        key.push_str(&measure.id);
        for by in &self.by {
            key.push('|');
            match value(by) {
                Some(value) => write_value(&mut key, value),
                None => key.push('-'),
            }
        }
        Counter { key: key.into(), window: measure.window, limit: measure.limit }
    }
}

/// Long enough for most counters' names.
const COUNTER_BYTES_USUAL: usize = 128;

/// Most bytes of a value that stand in a counter's name as they are; of a longer one stand its beginning and a hash.
const VALUE_BYTES_MAX: usize = 64;

/// Appends a value so that no other value gives the same text: what is not a letter, a digit or one of `._:/@-` is escaped,
/// and a value that is just `-` differs from none.
fn write_value(key: &mut String, value: &str) {
    let (shown, rest) = value.as_bytes().split_at_checked(VALUE_BYTES_MAX).unwrap_or((value.as_bytes(), b""));
    for byte in shown {
        match byte {
            b'-' if value == "-" => key.push_str("%2d"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b':' | b'/' | b'@' | b'-' => {
                key.push(char::from(*byte));
            }
            _ => key.push_str(&format!("%{byte:02x}")),
        }
    }
    if !rest.is_empty() {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(rest);
        key.push('%');
        key.push('#');
        for byte in digest.iter().take(12) {
            key.push_str(&format!("{byte:02x}"));
        }
    }
}

/// What rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// The model that is asked for, by its configured name.
    pub model: &'a str,
    /// What the client speaks.
    pub front: Dialect,
    /// The request's headers.
    pub head: &'a Head,
}

impl Facts<'_> {
    /// Whether an exchange is what these conditions ask for: one pattern of each fits. `provider`: who may serve, where that
    /// matters.
    pub fn fit(&self, when: &[(Dimension, Vec<Pattern>)], provider: Option<&str>) -> bool {
        when.iter().all(|(by, patterns)| {
            self.value(by, provider).is_some_and(|value| patterns.iter().any(|pattern| pattern.matches(value)))
        })
    }

    fn value<'v>(&'v self, by: &Dimension, provider: Option<&'v str>) -> Option<&'v str> {
        let value = match by {
            Dimension::Caller => Some(&*self.caller.name),
            Dimension::Team => self.caller.team.as_deref(),
            Dimension::Org => self.caller.org.as_deref(),
            Dimension::Model => Some(self.model),
            Dimension::Provider => provider,
            Dimension::Front => Some(self.front.as_str()),
            Dimension::Tag(name) => self.caller.tags.get(name).map(String::as_str),
            Dimension::Header(name) => self.head.get(name),
            Dimension::Claim(name) => self.caller.claims.get(name).map(String::as_str),
        };
        value.filter(|value| !value.is_empty())
    }
}

/// All rules, found by what an exchange is: a thousand rules for a thousand teams cost an exchange as much as one.
#[derive(Debug, Default)]
pub struct Rules {
    all: Vec<Arc<Rule>>,
    /// Rules that ask for no exact value.
    general: Vec<usize>,
    /// Rules by one exact value that they ask for.
    particular: HashMap<Dimension, HashMap<String, Vec<usize>>>,
}

impl Rules {
    /// Puts rules in order.
    pub fn new(rules: Vec<Rule>) -> Self {
        let mut sorted = Self::default();
        for (index, rule) in rules.into_iter().enumerate() {
            // Who serves is not one value but several.
            let exact = rule.when.iter().find_map(|(by, patterns)| {
                let values: Option<Vec<&str>> = patterns.iter().map(Pattern::exact).collect();
                (*by != Dimension::Provider).then_some(by).zip(values)
            });
            match exact {
                None => sorted.general.push(index),
                Some((by, values)) => {
                    let by_value = sorted.particular.entry(by.clone()).or_default();
                    for value in values {
                        let rules = by_value.entry(value.to_owned()).or_default();
                        if rules.last() != Some(&index) {
                            rules.push(index);
                        }
                    }
                }
            }
            sorted.all.push(Arc::new(rule));
        }
        sorted
    }

    /// Every rule.
    pub fn all(&self) -> &[Arc<Rule>] {
        &self.all
    }

    /// The rules that may apply to an exchange, in the order of the configuration.
    pub fn of(&self, facts: &Facts<'_>) -> Vec<&Arc<Rule>> {
        let particular =
            self.particular.iter().filter_map(|(by, by_value)| by_value.get(facts.value(by, None)?)).flatten();
        let mut indices: Vec<usize> = self.general.iter().chain(particular).copied().collect();
        indices.sort_unstable();
        indices.into_iter().filter_map(|index| self.all.get(index)).collect()
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caller => f.write_str("caller"),
            Self::Team => f.write_str("team"),
            Self::Org => f.write_str("org"),
            Self::Model => f.write_str("model"),
            Self::Provider => f.write_str("provider"),
            Self::Front => f.write_str("front"),
            Self::Tag(name) => write!(f, "tag:{name}"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Claim(name) => write!(f, "claim:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, compile};
    use envoy_types::pb::envoy::config::core::v3::HeaderValue;

    fn config(rules: &str) -> Config {
        let base = "providers: { a: { dialect: openai, url: http://a } }\nmodels: { fast: { targets: [{ provider: a, model: m }] } }\n";
        compile(&format!("{base}rate_limits:\n{rules}\n"), &|_| None).unwrap()
    }

    fn head(name: &str, value: &str) -> Head {
        let header = HeaderValue { key: name.to_owned(), value: value.to_owned(), raw_value: Vec::new() };
        Head { headers: vec![header], ..Head::default() }
    }

    fn names(config: &Config, facts: &Facts<'_>) -> Vec<String> {
        let applies = |rule: &&&Arc<Rule>| rule.applies(facts, None);
        config.rules.of(facts).iter().filter(applies).map(|rule| rule.name.to_string()).collect()
    }

    #[test]
    fn rules_are_found_by_what_an_exchange_is() {
        let config = config(
            r#"
  all: { requests: 1/s }
  fast: { when: { model: fast }, requests: 1/s }
  others: { when: { model: [slow, "x-*"] }, requests: 1/s }
  either: { when: { model: [slow, fast, fast] }, requests: 1/s }
  openai: { when: { front: openai, model: "f*" }, requests: 1/s }
  team: { when: { team: "*" }, requests: 1/s }
  header: { when: { "header:X-Tier": gold }, requests: 1/s }
"#,
        );
        let caller = Caller::anonymous();
        let plain = Head::default();
        let facts = Facts { caller: &caller, model: "fast", front: Dialect::OpenAi, head: &plain };
        assert_eq!(names(&config, &facts), ["all", "either", "fast", "openai"]);
        let gold = head("x-tier", "gold");
        let facts = Facts { model: "x-1", front: Dialect::Anthropic, head: &gold, ..facts };
        assert_eq!(names(&config, &facts), ["all", "header", "others"]);
    }

    #[test]
    fn counters_are_named_after_what_splits_them() {
        let config = config("  r: { by: [model, \"header:x-user\"], tokens: 5/m }");
        let caller = Caller::anonymous();
        let rule = &config.rules.all()[0];
        let key = |value: Option<&str>| {
            let head = value.map(|value| head("x-user", value)).unwrap_or_default();
            let facts = Facts { caller: &caller, model: "fast", front: Dialect::OpenAi, head: &head };
            rule.counter(&rule.measures[0], &facts, None).key.to_string()
        };
        assert_eq!(key(Some("ann@example.com")), "r/tokens.60000|fast|ann@example.com");
        assert_eq!(key(None), "r/tokens.60000|fast|-");
        assert_eq!(key(Some("a|b c\u{e9}")), "r/tokens.60000|fast|a%7cb%20c%c3%a9");
        // Whoever has no value, and whoever says it is `-`, are not the same; nor are two long values with one beginning.
        let long = |end: char| key(Some(&format!("{}{end}", "x".repeat(100_000))));
        assert!(key(Some("-")) != key(None) && long('a') != long('b') && long('a').len() < 200);
    }

    #[test]
    fn a_thousand_rules_for_a_thousand_models_cost_one() {
        let rules: String =
            (0..1000).map(|i| format!("  r{i}: {{ when: {{ model: m{i} }}, requests: 1/s }}\n")).collect();
        let config = config(&rules);
        let (caller, head) = (Caller::anonymous(), Head::default());
        let facts = Facts { caller: &caller, model: "m77", front: Dialect::OpenAi, head: &head };
        assert_eq!(config.rules.of(&facts).len(), 1);
        assert_eq!(names(&config, &facts), ["r77"]);
    }
}
