//! What a client reads that must wait: an error in its dialect and the headers by which SDKs wait.

use super::claims::Meaning;
use super::rule::{Rule, Unit};
use attache_core::fault::{Fault, FaultKind};
use attache_core::limit::Standing;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// Beyond this, waiting is no use to a program that tries again.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A header's name and value.
pub type Header = (Cow<'static, str>, String);

/// A request that a rule does not let through now.
#[derive(Debug)]
pub struct Denied {
    /// What stands in the way.
    pub meaning: Meaning,
    /// How its counter stands.
    pub standing: Standing,
    /// When it may go on, at the earliest.
    pub retry_after: Duration,
    headers: Vec<Header>,
}

impl Denied {
    /// Takes the store's verdict; `None` for one about a claim that nobody made.
    pub(super) fn new(
        wanted: usize,
        retry_after_ms: u64,
        standings: &[Standing],
        meanings: Vec<Meaning>,
    ) -> Option<Self> {
        let headers = headers(meanings.iter().zip(standings));
        let standing = standings.get(wanted).copied()?;
        let retry_after = Duration::from_millis(retry_after_ms.max(1));
        let meaning = meanings.into_iter().nth(wanted)?;
        Some(Self { meaning, standing, retry_after, headers })
    }

    /// The rule.
    pub fn rule(&self) -> &Arc<Rule> {
        &self.meaning.rule
    }

    /// What to say. The codes are OpenAI's own: a program knows `rate_limit_exceeded` and `insufficient_quota`; which limit
    /// it was stands in `param` and in the words.
    pub fn fault(&self) -> Fault {
        let Self { meaning: Meaning { rule, unit, per, .. }, standing, retry_after, .. } = self;
        let wait = humantime::format_duration(Duration::from_secs(seconds(*retry_after)));
        let (name, limit) = (&rule.name, standing.limit);
        let (message, code) = match (unit, &rule.budget) {
            (Unit::Cost, _) | (_, Some(_)) => (
                format!("the budget `{name}` for this {} is used up; it has room again in {wait}", long(per)),
                "insufficient_quota",
            ),
            (Unit::Concurrent, None) => (
                format!("limit `{name}`: {limit} requests at the same time; try again in {wait}"),
                "rate_limit_exceeded",
            ),
            (Unit::Requests | Unit::Tokens | Unit::InputTokens | Unit::OutputTokens, None) => (
                format!(
                    "limit `{name}`: {limit} {} per {per} are used up or held by requests under way; try again in {wait}",
                    unit.words()
                ),
                "rate_limit_exceeded",
            ),
        };
        Fault::new(FaultKind::RateLimit, message).with_code(code).with_param(rule.name.to_string())
    }

    /// What to say beside it.
    pub fn headers(&self) -> Vec<Header> {
        let mut headers = self.headers.clone();
        headers.push(("retry-after".into(), seconds(self.retry_after).to_string()));
        headers.push(("x-attache-limit".into(), self.rule().name.to_string()));
        if self.retry_after > WAIT_MAX {
            // The OpenAI and Anthropic SDKs obey this; otherwise they would try again at once, twice.
            headers.push(("x-should-retry".into(), "false".to_owned()));
        } else {
            headers.push(("retry-after-ms".into(), self.retry_after.as_millis().to_string()));
        }
        headers
    }
}

/// Whole seconds, rounded up.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

fn long(per: &str) -> String {
    match per {
        "hour" | "day" | "week" | "month" | "year" => per.to_owned(),
        other => format!("stretch of {other}"),
    }
}

/// The headers by which OpenAI tells its limits. Where there are limits of ours, a provider's are not the client's business.
pub const HEADERS: [&str; 6] = [
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
];

/// The limits as OpenAI tells them, the tightest of several: `x-ratelimit-limit-requests`, `-remaining-`, `-reset-`, and the
/// same for tokens. <https://platform.openai.com/docs/guides/rate-limits>
pub fn headers<'a>(standings: impl Iterator<Item = (&'a Meaning, &'a Standing)>) -> Vec<Header> {
    let (mut requests, mut tokens): (Option<&Standing>, Option<&Standing>) = (None, None);
    for (meaning, standing) in standings {
        let tightest = match meaning.unit {
            Unit::Requests => &mut requests,
            Unit::Tokens | Unit::InputTokens | Unit::OutputTokens => &mut tokens,
            Unit::Concurrent | Unit::Cost => continue,
        };
        if meaning.rule.budget.is_none() && tightest.is_none_or(|tightest| standing.left() < tightest.left()) {
            *tightest = Some(standing);
        }
    }
    let [limit, remaining, reset, limit_tokens, remaining_tokens, reset_tokens] = HEADERS;
    let mut headers = Vec::new();
    if let Some(standing) = requests {
        tell(&mut headers, [limit, remaining, reset], standing);
    }
    if let Some(standing) = tokens {
        tell(&mut headers, [limit_tokens, remaining_tokens, reset_tokens], standing);
    }
    headers
}

fn tell(headers: &mut Vec<Header>, [limit, remaining, reset]: [&'static str; 3], standing: &Standing) {
    headers.push((limit.into(), standing.limit.to_string()));
    headers.push((remaining.into(), standing.left().to_string()));
    headers.push((reset.into(), span(standing.reset_ms)));
}

/// A time as OpenAI writes it: `120ms`, `1s`, `6m0s`, `1h0m0s`.
fn span(ms: u64) -> String {
    if ms < 1000 {
        return format!("{ms}ms");
    }
    let seconds = ms.div_ceil(1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_openai_writes_them() {
        for (ms, text) in [
            (0, "0ms"),
            (999, "999ms"),
            (1000, "1s"),
            (1001, "2s"),
            (60_000, "1m0s"),
            (360_000, "6m0s"),
            (3_600_000, "1h0m0s"),
        ] {
            assert_eq!(span(ms), text);
        }
    }
}
