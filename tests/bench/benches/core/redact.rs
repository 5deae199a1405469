//! What redaction costs: detectors over text, policies over requests, and veils over answers.

use super::{EVENTS, NOW};
use attache_core::dialect::Dialect;
use attache_core::endpoint::Endpoint;
use attache_core::redact::detect::{Detectors, Tier, catalogue};
use attache_core::redact::{Others, Policy, Redact, Tally, Vault, Veil};
use criterion::{Criterion, Throughput};
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::Arc;

/// A megabyte of each sort of text, looked through for all that is sure: ordinary ones, and the worst that we know.
pub(crate) fn detectors(criterion: &mut Criterion) {
    let texts = [
        ("English", include_str!("../../../../core/fixtures/tokens/english.txt")),
        ("Chinese", include_str!("../../../../core/fixtures/tokens/chinese.txt")),
        ("code", include_str!("../../../../core/fixtures/tokens/code.rs.txt")),
        ("JSON", include_str!("../../../../core/fixtures/tokens/data.json")),
        ("numbers", include_str!("../../../../core/fixtures/redact/ordinary/numbers.txt")),
        ("logs", include_str!("../../../../core/fixtures/redact/ordinary/logs.txt")),
        ("base64", "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg"),
        ("hex", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("dashes", "-"),
        ("digits", "4111111111111111"),
        ("digits and blanks", "4 "),
        ("groups of digits", "4111 "),
        ("a@", "a@"),
        ("a@a.", "a@a."),
        ("a.b@", "a.b@"),
        ("eyJ", "eyJ"),
        ("eyJ.", "eyJ."),
        ("sk-", "sk-"),
        ("sk-ant-api03-", "sk-ant-api03-"),
        ("sk-proj-", "sk-proj-"),
        ("xoxb-", "xoxb-"),
        ("?pwd=", "?pwd="),
        ("://", "://"),
        ("a://b:", "a://b:"),
        ("1.1.1.1.", "1.1.1.1."),
        (":", ":"),
        ("2001:", "2001:"),
        ("+1 ", "+1 "),
        ("words of an account", "DE12 abcd "),
        ("beginnings of a key", "-----BEGIN PRIVATE KEY-----"),
    ];
    let rows: Vec<_> = catalogue::all().filter(|row| row.tier == Tier::Certain).collect();
    let detectors = Detectors::new(&rows, &[]).expect("rows");
    let mut group = criterion.benchmark_group("redact/detect");
    group.sample_size(10);
    for (sort, text) in texts {
        let text = text.repeat((1 << 20) / text.len());
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(sort, |bencher| bencher.iter(|| detectors.find(black_box(&text))));
    }
}

/// A chat of a kilobyte without anything in it, and the same with three things to mask.
const CHATS: [(&str, &str); 2] = [
    ("nothing found", "the invoice of last month, and whom may I ask about it?"),
    ("three masked", "ann.smith@example.com, +49 30 901820, card 4111 1111 1111 1111"),
];

fn policy(written: Value) -> Arc<Policy> {
    let config: Redact = serde_json::from_value(written).expect("the policy is well written");
    Arc::new(Policy::new(&config, b"a key of a benchmark").expect("the policy compiles"))
}

fn chat(text: &str) -> Vec<u8> {
    let filling = "Dear team, thank you for your answer of yesterday. I have a question about my account. ".repeat(4);
    let message = |role: &str, content: String| json!({"role": role, "content": content});
    let asked = message("user", format!("{filling}{text}"));
    let messages = [message("system", "You are helpful.".to_owned()), asked, message("user", filling.clone())];
    json!({"model": "a-model", "messages": messages}).to_string().into_bytes()
}

/// Requests of a kilobyte made ready for a provider: the whole of what redaction does to them.
pub(crate) fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("redact, request of 1 KB");
    let policy = policy(json!({}));
    for (name, text) in CHATS {
        let body = chat(text);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| masked(&policy, black_box(&body)).0);
        });
    }
    group.bench_function("the policy compiled", |bencher| bencher.iter(|| self::policy(json!({}))));
}

fn masked(policy: &Policy, body: &[u8]) -> (Option<Vec<u8>>, Vault) {
    let masked = policy.request("a tenant", &Dialect::OpenAi.into(), body, &Others::default());
    let masked = masked.expect("nothing is blocked");
    (masked.body, masked.vault)
}

/// Answers on their way back, whole and streamed: with placeholders to restore, and with rules for what models say.
pub(crate) fn answers(criterion: &mut Criterion) {
    let sides = [("restored", json!({})), ("looked at", json!({"response": "redact"}))];
    for (name, written) in sides {
        let policy = policy(written);
        let body = chat(CHATS.map(|(_, text)| text).concat().as_str());
        let (masked_body, vault) = masked(&policy, &body);
        let said = said(&masked_body.unwrap_or_default());
        let endpoint = Endpoint::from(Dialect::OpenAi);
        let veil = Veil::new(policy, vault, &endpoint).expect("there is something to restore");
        let mut group = criterion.benchmark_group(format!("redact, answer {name}"));

        let whole = json!({"id": "a", "object": "chat.completion", "created": NOW, "model": "a-model", "choices": [
            {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}]});
        let whole = whole.to_string().into_bytes();
        group.throughput(Throughput::Bytes(whole.len() as u64));
        group.bench_function("whole, 1 KB", |bencher| {
            bencher.iter(|| veil.whole(black_box(&whole), &mut Tally::default()).expect("nothing is blocked"));
        });

        for (count, text) in [(EVENTS, said.clone()), (1_000, said.repeat(20))] {
            let events = events(&text, count);
            group.throughput(Throughput::Bytes(events.iter().map(|event| event.len() as u64).sum()));
            group.bench_function(format!("stream, {count} events"), |bencher| {
                bencher.iter(|| {
                    let (mut stream, mut out) = (veil.stream(), Vec::new());
                    events.iter().for_each(|event| stream.push(black_box(event), &mut out));
                    stream.end(&mut out);
                    out
                });
            });
        }
    }
}

/// What the model says: the user's own, with placeholders in it.
fn said(masked: &[u8]) -> String {
    let masked: Value = serde_json::from_slice(masked).expect("the masked body is JSON");
    masked.pointer("/messages/1/content").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A stream that says a text in so many pieces.
fn events(text: &str, count: usize) -> Vec<Vec<u8>> {
    let letters: Vec<char> = text.chars().collect();
    let event = |delta: Value, reason: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
        let chunk = json!({"id": "a", "object": "chat.completion.chunk", "created": NOW, "model": "a-model", "choices": [choice]});
        format!("data: {chunk}\n\n").into_bytes()
    };
    let pieces = letters.chunks(letters.len().div_ceil(count)).map(|piece| piece.iter().collect::<String>());
    let mut events: Vec<_> = pieces.map(|piece| event(json!({"content": piece}), Value::Null)).collect();
    events.push(event(json!({}), json!("stop")));
    events.push(b"data: [DONE]\n\n".to_vec());
    events
}
