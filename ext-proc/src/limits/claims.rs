//! What the rules want held for an exchange: the counted prompt, the answer that is expected, and what both may cost.

use super::rule::{Facts, Measure, Rule, Unit};
use crate::config::Config;
use crate::config::compiled::Target;
use crate::config::prices::Prices;
use crate::counting::Wanted as WantedAnswer;
use crate::exchange::plan::Plan;
use crate::store::Wanted;
use attache_core::fault::{Fault, FaultKind};
use attache_core::limit::Claim;
use attache_core::usage::Usage;
use std::sync::Arc;

/// Tokens that an exchange may use, before it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The prompt, as counted.
    pub input: u64,
    /// The answer, at most or as far as can be guessed.
    pub output: u64,
}

impl Expected {
    /// The same as usage.
    pub fn usage(self) -> Usage {
        Usage { input: self.input, output: self.output, ..Usage::default() }
    }
}

/// What a claim stands for: which number of which rule, and for whom.
#[derive(Clone, Debug)]
pub struct Meaning {
    /// The rule.
    pub rule: Arc<Rule>,
    /// What is counted.
    pub unit: Unit,
    /// The time in words.
    pub per: Arc<str>,
    /// Only what this provider serves counts.
    pub provider: Option<Arc<str>>,
}

impl Meaning {
    /// A stream that finds nothing left to hold ends.
    pub fn ends_streams(&self) -> bool {
        self.rule.budget.as_ref().is_some_and(|budget| budget.end_streams)
    }
}

/// Claims and what each stands for, in the same order.
#[derive(Debug, Default)]
pub struct Claims {
    /// For the store.
    pub wanted: Vec<Wanted>,
    /// For us.
    pub meanings: Vec<Meaning>,
    /// How many tokens of answer all of them are good for: less than expected where a limit is smaller.
    pub output: u64,
}

impl Claims {
    /// What the rules that apply to an exchange want held for it.
    pub fn of(rules: &[&Arc<Rule>], facts: &Facts<'_>, plan: &Plan, expected: Expected, prices: &Prices) -> Self {
        let mut claims = Self { output: expected.output, ..Self::default() };
        let asks = Asks { facts, plan, expected, prices };
        for rule in rules {
            if rule.by_provider() {
                // Nobody knows yet who will serve: there must be room at every one of them.
                for provider in plan.providers() {
                    claims.add(rule, asks, Some(provider));
                }
            } else {
                claims.add(rule, asks, None);
            }
        }
        claims
    }

    /// The same, but this budget only counts and lets pass.
    pub fn passing(mut self, budget: Option<&str>) -> Self {
        for (meaning, wanted) in self.meanings.iter().zip(&mut self.wanted) {
            wanted.claim.soft |= budget.is_some_and(|budget| *meaning.rule.name == *budget);
        }
        self
    }

    /// Nothing is claimed.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    fn add(&mut self, rule: &Arc<Rule>, asks: Asks<'_>, provider: Option<&Arc<str>>) {
        let facts = asks.facts;
        if !rule.applies(facts, provider.map(|name| &**name)) {
            return;
        }
        for measure in &rule.measures {
            let (spent, open) = asks.amount(measure, provider);
            let counter = rule.counter(measure, facts, provider.map(|name| &**name));
            // A request larger than the limit itself must not wait for ever: on an idle counter it gets all there is.
            let claim = Claim { counter, spent, open: open.min(measure.limit), soft: rule.soft };
            if open > measure.limit {
                self.output = self.output.min(asks.output_within(measure, provider));
            }
            self.wanted.push(Wanted { claim, on_failure: rule.on_failure });
            self.meanings.push(Meaning {
                rule: rule.clone(),
                unit: measure.unit,
                per: measure.per.clone(),
                provider: provider.cloned(),
            });
        }
    }
}

/// What an exchange is expected to use under a plan, and the most tokens that each answer may have, where a rule caps them.
pub fn expected(
    wanted: WantedAnswer,
    prompt_tokens: u64,
    rules: &[&Arc<Rule>],
    facts: &Facts<'_>,
    plan: &Plan,
    config: &Config,
) -> (Expected, Option<u64>) {
    let usual = config.written.limits.output_tokens_expected;
    let answers = wanted.answers;
    let output = wanted.each.unwrap_or(usual.into()).saturating_mul(answers);
    let expected = Expected { input: prompt_tokens, output };
    let Some(cap) = output_cap(rules, facts, plan, expected) else { return (expected, None) };
    // A request says how long each of its answers may be.
    let each = (cap / answers).max(1);
    (Expected { output: each.saturating_mul(answers).min(output), ..expected }, Some(each))
}

/// The most tokens of answer that the rules allow, where one of them caps it: never more than is held.
fn output_cap(rules: &[&Arc<Rule>], facts: &Facts<'_>, plan: &Plan, expected: Expected) -> Option<u64> {
    let applies = |rule: &Rule| match rule.by_provider() {
        true => plan.providers().any(|provider| rule.applies(facts, Some(provider))),
        false => rule.applies(facts, None),
    };
    let measures = rules.iter().filter(|rule| rule.cap_output && applies(rule)).flat_map(|rule| &rule.measures);
    let each = measures.map(|measure| match measure.unit {
        Unit::OutputTokens => measure.limit,
        Unit::Tokens => measure.limit.saturating_sub(expected.input),
        Unit::Requests | Unit::Concurrent | Unit::InputTokens | Unit::Cost => u64::MAX,
    });
    each.min().map(|cap| cap.min(expected.output).max(1))
}

/// What an exchange asks for.
#[derive(Clone, Copy)]
struct Asks<'a> {
    facts: &'a Facts<'a>,
    plan: &'a Plan,
    expected: Expected,
    prices: &'a Prices,
}

impl Asks<'_> {
    /// What is settled at once, and what is held open.
    fn amount(self, measure: &Measure, provider: Option<&Arc<str>>) -> (u64, u64) {
        let Expected { input, output } = self.expected;
        match measure.unit {
            // Whether a provider gets it is known at the end only.
            Unit::Requests if provider.is_some() => (0, 1),
            Unit::Requests => (1, 0),
            Unit::Concurrent => (0, 1),
            Unit::InputTokens => (0, input),
            Unit::OutputTokens => (0, output),
            Unit::Tokens => (0, input.saturating_add(output)),
            Unit::Cost => (0, self.cost(provider)),
        }
    }

    /// How many tokens of answer a limit is good for that is smaller than what is expected.
    fn output_within(self, measure: &Measure, provider: Option<&Arc<str>>) -> u64 {
        let Expected { input, output } = self.expected;
        match measure.unit {
            Unit::Requests | Unit::Concurrent | Unit::InputTokens => output,
            Unit::OutputTokens => measure.limit,
            Unit::Tokens => measure.limit.saturating_sub(input),
            Unit::Cost => {
                let prompt = Self { expected: Expected { input, output: 0 }, ..self }.cost(provider);
                let left = u128::from(measure.limit.saturating_sub(prompt));
                let all = u128::from(self.cost(provider).saturating_sub(prompt)).max(1);
                u64::try_from(u128::from(output) * left / all).unwrap_or(output)
            }
        }
    }

    /// The most that it can cost at any target of the plan; 0 where no price is known.
    fn cost(self, provider: Option<&Arc<str>>) -> u64 {
        let usage = self.expected.usage();
        let targets = self.plan.targets().iter();
        let targets = targets.filter(|target| provider.is_none_or(|name| *name == target.provider.name));
        targets.filter_map(|target| self.prices.cost_nanos(target.price.as_deref(), &usage, None)).max().unwrap_or(0)
    }
}

/// The plan without the targets that cost nobody knows what, where a hard budget applies to them.
///
/// # Errors
/// When none is left: the budget that refuses, and what the client reads.
pub fn with_known_price(plan: Plan, rules: &[&Arc<Rule>], facts: &Facts<'_>) -> Result<Plan, (Arc<str>, Fault)> {
    let refused_by = |target: &Target| match &target.price {
        Some(_) => None,
        None => refuses_unknown_price(rules, facts, &target.provider.name),
    };
    let budget = plan.attempt(1).and_then(|target| refused_by(target)).map(|rule| rule.name.clone());
    plan.only(|target| refused_by(target).is_none()).ok_or_else(|| {
        let budget: Arc<str> = budget.unwrap_or_else(|| Arc::from(""));
        let message = format!(
            "nobody knows what this model costs, and the budget `{budget}` applies to it; ask for another model, or have a \
             price put into the gateway's configuration"
        );
        (budget, Fault::new(FaultKind::Permission, message).with_code("price_unknown").with_param("model"))
    })
}

/// The budget, if there is one among these rules, that refuses what a provider serves when nobody knows its price.
fn refuses_unknown_price<'r>(rules: &[&'r Arc<Rule>], facts: &Facts<'_>, provider: &str) -> Option<&'r Arc<Rule>> {
    let refuses = |rule: &&&Arc<Rule>| rule.budget.as_ref().is_some_and(|budget| budget.refuse_unknown_price);
    rules.iter().filter(refuses).find(|rule| rule.applies(facts, Some(provider))).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callers::Caller;
    use crate::config::compile;
    use crate::counting;
    use crate::exchange::message::Head;
    use attache_core::dialect::Dialect;
    use attache_core::translate::Ask;

    #[test]
    fn a_cap_is_for_all_answers_and_for_those_to_whom_its_rule_applies() {
        let base = "providers: { a: { dialect: openai, url: http://a }, b: { dialect: openai, url: http://b } }\nmodels: { fast: { targets: [{ provider: a, model: m }] } }\n";
        for (rule, fields, expected) in [
            ("", r#""max_tokens":4000,"#, (1000, Some(1000))),
            ("", r#""max_tokens":4000,"n":4,"#, (1000, Some(250))),
            ("", r#""max_tokens":100,"n":4,"#, (400, Some(100))),
            ("", r#""max_tokens":4000,"n":1e1,"#, (1000, Some(100))),
            ("", r#""max_completion_tokens":1,"max_tokens":4000,"#, (1000, Some(1000))),
            ("when: { provider: a }, ", r#""max_tokens":4000,"#, (1000, Some(1000))),
            ("when: { provider: b }, ", r#""max_tokens":4000,"#, (4000, None)),
            ("when: { provider: a, team: \"intern*\" }, ", r#""max_tokens":4000,"#, (4000, None)),
        ] {
            let config = compile(
                &format!("{base}rate_limits: {{ x: {{ {rule}output_tokens: 1000/m, cap_output: true }} }}"),
                &|_| None,
            );
            let config = config.unwrap();
            let body = format!(r#"{{"model":"fast",{fields}"messages":[{{"role":"user","content":"hi"}}]}}"#);
            let ask = Ask::read(Dialect::OpenAi, body.as_bytes()).unwrap();
            let (caller, head) = (Caller::anonymous(), Head::default());
            let facts = Facts { caller: &caller, model: "fast", front: Dialect::OpenAi, head: &head };
            let plan = Plan::new(&config.model("fast").unwrap(), &mut rand::rng()).unwrap();
            let wanted = counting::wanted(&ask);
            let (met, cap) = self::expected(wanted, 5, &config.rules.of(&facts), &facts, &plan, &config);
            assert_eq!((met.output, cap), expected, "{rule}{fields}");
        }
    }
}
