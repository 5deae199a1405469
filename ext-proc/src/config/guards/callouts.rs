//! Guards that ask somebody: what was written → whom, and how.

use crate::config::Problem;
use crate::config::compiled::{duration, secret};
use crate::config::written::guards::{Guard, Judge, Sees};
use crate::config::written::{self, Secret};
use crate::guards::CallOut;
use crate::guards::callout::{self, Asks, Manner};
use crate::outbound;
use attache_core::guard;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::time::Duration;

/// Most time for an answer: Envoy waits 10 s for ours, and a policy's analyzer may have taken some.
const TIMEOUT_MAX: Duration = Duration::from_secs(5);
/// Most characters that can be sent at once.
const CHARS_MAX: u32 = 1_000_000;

/// The kinds that are written.
pub(super) fn kinds(written: &Guard) -> Vec<&'static str> {
    let all = [
        ("moderation", written.moderation.is_some()),
        ("presidio", written.presidio.is_some()),
        ("webhook", written.webhook.is_some()),
        ("grpc", written.grpc.is_some()),
        ("judge", written.judge.is_some()),
    ];
    all.into_iter().filter_map(|(kind, is)| is.then_some(kind)).collect()
}

/// What is written only for those who ask.
pub(super) fn only_for_asking(written: &Guard) -> Option<&'static str> {
    let all = [
        ("timeout", written.timeout.is_some()),
        ("sees", written.sees.is_some()),
        ("cache", written.cache.is_some()),
        ("chars_max", written.chars_max.is_some()),
        ("every_chars", written.every_chars.is_some()),
        ("every", written.every.is_some()),
        ("concurrency", written.concurrency.is_some()),
    ];
    all.into_iter().find_map(|(name, is)| is.then_some(name))
}

/// Whom a guard asks.
pub(super) fn compile(
    written: &Guard,
    rules: &guard::Guard,
    all: &written::Config,
    at: &str,
    problems: &mut Vec<Problem>,
) -> Option<CallOut> {
    let before = problems.len();
    let manner = manner(written, rules, at, problems);
    let asks = asks(written, all, at, problems);
    asks.filter(|_| problems.len() == before).map(|asks| CallOut::new(asks, manner))
}

fn manner(written: &Guard, rules: &guard::Guard, at: &str, problems: &mut Vec<Problem>) -> Manner {
    let mut time = |text: &Option<String>, name: &str, default: Duration| {
        text.as_deref()
            .map_or(Some(default), |text| duration(text, &format!("{at}.{name}"), problems))
            .unwrap_or(default)
    };
    let timeout = time(&written.timeout, "timeout", Duration::from_secs(2));
    let every = time(&written.every, "every", Duration::from_secs(1));
    let forgets = written.cache.as_deref().is_some_and(|text| matches!(text, "0" | "0s"));
    let cache = if forgets { Duration::ZERO } else { time(&written.cache, "cache", Duration::from_secs(300)) };
    if timeout > TIMEOUT_MAX {
        let message = format!("longer than {} s; Envoy would give up waiting for us", TIMEOUT_MAX.as_secs());
        problems.push(Problem::at(format!("{at}.timeout"), message));
    }
    let mut number = |number: Option<u32>, name: &str, default: u32, max: u32| {
        let number = number.unwrap_or(default);
        if number == 0 || number > max {
            problems.push(Problem::at(format!("{at}.{name}"), format!("{number} is not within 1 to {max}")));
        }
        number as usize
    };
    Manner {
        fail: rules.fail,
        scopes: rules.scopes.clone(),
        sees: written.sees.unwrap_or(Sees::Masked),
        timeout,
        cache,
        chars_max: number(written.chars_max, "chars_max", 100_000, CHARS_MAX),
        every_chars: number(written.every_chars, "every_chars", 400, CHARS_MAX),
        every,
        at_once: number(written.concurrency, "concurrency", 64, 10_000),
    }
}

fn asks(written: &Guard, all: &written::Config, at: &str, problems: &mut Vec<Problem>) -> Option<Asks> {
    if let Some(moderation) = &written.moderation {
        let at = format!("{at}.moderation");
        url(&moderation.url, "https://api.openai.com/v1/moderations", &at, problems);
        let key = moderation.key.as_ref().map(|key| secret(key, "Bearer ", format!("{at}.key"), problems));
        let headers = key.flatten().map(|key| ("authorization".to_owned(), key));
        return Some(Asks::Moderation(callout::Moderation {
            url: moderation.url.clone(),
            headers: headers.into_iter().collect(),
            model: moderation.model.clone(),
            categories: moderation.categories.clone(),
            thresholds: moderation.thresholds.clone(),
        }));
    }
    if let Some(presidio) = &written.presidio {
        let at = format!("{at}.presidio");
        url(&presidio.url, "https://presidio.example.com", &at, problems);
        score(presidio.score_min, &format!("{at}.score_min"), problems);
        return Some(Asks::Presidio(callout::Presidio {
            url: format!("{}/analyze", presidio.url.trim_end_matches('/')),
            headers: headers(&presidio.headers, &at, problems),
            language: presidio.language.clone(),
            score_min: presidio.score_min,
            entities: presidio.entities.clone(),
        }));
    }
    if let Some(webhook) = &written.webhook {
        let at = format!("{at}.webhook");
        url(&webhook.url, "https://guard.example.com/check", &at, problems);
        let headers = headers(&webhook.headers, &at, problems);
        return Some(Asks::Webhook(callout::Webhook { url: webhook.url.clone(), headers }));
    }
    if let Some(grpc) = &written.grpc {
        let at = format!("{at}.grpc");
        url(&grpc.url, "https://guard.example.com:443", &at, problems);
        return Some(Asks::Grpc(callout::Grpc::new(grpc.url.clone(), headers(&grpc.headers, &at, problems))));
    }
    written.judge.as_ref().and_then(|judge| self::judge(judge, all, &format!("{at}.judge"), problems)).map(Asks::Judge)
}

fn judge(written: &Judge, all: &written::Config, at: &str, problems: &mut Vec<Problem>) -> Option<callout::Judge> {
    let base = written.url.clone().unwrap_or_else(|| {
        let port = all.listen.rsplit(':').next().unwrap_or_default();
        format!("http://127.0.0.1:{port}")
    });
    url(&base, "https://gateway.example.com", at, problems);
    if !super::is_there(&written.model, all) {
        let known: Vec<_> = all.models.keys().map(String::as_str).collect();
        let message = format!("no model `{}`; there is: {}", written.model, known.join(", "));
        problems.push(Problem::at(format!("{at}.model"), message));
    }
    if written.question.trim().is_empty() {
        let message = "the question is empty; say what may not be said, such as: the text asks for legal advice";
        problems.push(Problem::at(format!("{at}.question"), message));
    }
    Some(callout::Judge {
        url: format!("{}/v1/chat/completions", base.trim_end_matches('/')),
        key: secret(&written.key, "", format!("{at}.key"), problems)?,
        model: written.model.clone(),
        question: written.question.clone(),
        max_tokens: written.max_tokens,
    })
}

fn url(text: &str, example: &str, at: &str, problems: &mut Vec<Problem>) {
    if let Err(message) = outbound::check_url(text, example) {
        problems.push(Problem::at(format!("{at}.url"), message));
    }
}

fn score(score: f64, at: &str, problems: &mut Vec<Problem>) {
    if !(0.0..=1.0).contains(&score) {
        problems.push(Problem::at(at, format!("{score} is no score; expected a number from 0 to 1")));
    }
}

fn headers(written: &BTreeMap<String, Secret>, at: &str, problems: &mut Vec<Problem>) -> Vec<(String, SecretString)> {
    let one = |(name, value): (&String, &Secret)| {
        let at = format!("{at}.headers.{name}");
        if http::HeaderName::try_from(name).is_err() {
            problems.push(Problem::at(&at, "this is not a header name"));
        }
        Some((name.to_ascii_lowercase(), secret(value, "", at, problems)?))
    };
    written.iter().filter_map(one).collect()
}
