//! What deciding costs without any I/O: `cargo bench -p attache-bench`. Every line also says how many bytes of input
//! it gets through in a second.
//!
//! A request or a stream of a typical size should cost a few microseconds here: the hop around it costs ten to a
//! hundred (see the README), so that is where the larger savings are.

mod guard;
mod redact;

use std::hint::black_box;

use attache_core::alike::difference;
use attache_core::cache_key::{Conditions, Keys, Request, Scope, Tenant};
use attache_core::dialect::{Dialect, Upstream};
use attache_core::endpoint::Endpoint;
use attache_core::frame::sse::{Sse, TooLong};
use attache_core::limit::{self, Claim, Ledger, Verdict, Window};
use attache_core::texts;
use attache_core::tokens::{self, Counter, Encoding, Ratio};
use attache_core::translate::{Answer, Ask};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use serde_json::{Value, json};

const NOW: u64 = 1_700_000_000;
const EVENT_BYTES_MAX: usize = 1 << 20;
const EVENTS: usize = 20;
const EVENT_TEXT: &str = "a piece of the answer that is about fifty bytes on";

/// The dialects that are measured from and to OpenAI's: with Anthropic's as the measure of the others.
const DIALECTS: [Dialect; 7] = [
    Dialect::OpenAi,
    Dialect::Anthropic,
    Dialect::Responses,
    Dialect::Completions,
    Dialect::Gemini,
    Dialect::Converse,
    Dialect::Cohere,
];

fn main() {
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    requests(&mut criterion);
    texts(&mut criterion);
    redact::detectors(&mut criterion);
    redact::requests(&mut criterion);
    redact::answers(&mut criterion);
    guard::texts(&mut criterion);
    guard::streams(&mut criterion);
    sse(&mut criterion);
    streams(&mut criterion);
    tokens_of_text(&mut criterion);
    tokens_of_requests(&mut criterion);
    limits(&mut criterion);
    cache_keys(&mut criterion);
    guard(&mut criterion);
    criterion.final_summary();
}

/// The client's body, read and made ready for a provider: `same` edits the model's name in place.
fn requests(criterion: &mut Criterion) {
    for (size, turns) in [("1 KB", 2), ("100 KB", 200)] {
        let mut group = criterion.benchmark_group(format!("request, {size}"));
        for front in [Dialect::OpenAi, Dialect::Anthropic] {
            let body = request_body(front, turns, false);
            group.throughput(Throughput::Bytes(body.len() as u64));
            // From OpenAI's to every dialect; from Anthropic's only to the two that most people use.
            let upstreams =
                if front == Dialect::OpenAi { DIALECTS.as_slice() } else { DIALECTS.get(..2).unwrap_or_default() };
            for upstream in upstreams.iter().copied() {
                let model = Upstream::new("another-model");
                group.bench_function(direction(front, upstream), |bencher| {
                    bencher.iter(|| {
                        let ask = Ask::read(front, black_box(&body)).expect("the body is valid");
                        ask.translate(upstream, &model, NOW).expect("the body can be translated")
                    });
                });
            }
        }
    }
}

/// Every text of a body visited, and nothing changed: what redaction and guards cost before they look for anything.
fn texts(criterion: &mut Criterion) {
    for (size, turns) in [("1 KB", 2), ("100 KB", 200)] {
        let mut group = criterion.benchmark_group(format!("texts, {size}"));
        for front in [Dialect::OpenAi, Dialect::Anthropic] {
            let body = request_body(front, turns, false);
            let endpoint = Endpoint::from(front);
            group.throughput(Throughput::Bytes(body.len() as u64));
            group.bench_function(front.as_str(), |bencher| {
                bencher.iter(|| {
                    let mut bytes = 0;
                    let edited = texts::request(&endpoint, black_box(&body), &mut |_, text, _| bytes += text.len());
                    assert_eq!(edited, Ok(None));
                    bytes
                });
            });
        }
    }
}

/// Bytes into events, one network chunk per event, and not looked into any further.
fn sse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sse");
    let events = events(Dialect::OpenAi);
    group.throughput(total_bytes(&events));
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            let mut sse = Sse::new(EVENT_BYTES_MAX);
            let mut data_bytes = 0;
            for chunk in &events {
                sse.push(black_box(chunk), &mut |frame| {
                    data_bytes += frame.data.len();
                    Ok::<_, TooLong>(())
                })
                .expect("the events are short");
            }
            data_bytes
        });
    });
}

/// A provider's stream brought back to the client; `same` only watches it go by.
fn streams(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("stream, {EVENTS} events"));
    for front in [Dialect::OpenAi, Dialect::Anthropic] {
        for upstream in [Dialect::OpenAi, Dialect::Anthropic] {
            stream(&mut group, front, upstream);
        }
    }
    for other in DIALECTS.into_iter().skip(2) {
        stream(&mut group, Dialect::OpenAi, other);
        stream(&mut group, other, Dialect::OpenAi);
    }
}

fn stream(group: &mut BenchmarkGroup<'_, WallTime>, front: Dialect, upstream: Dialect) {
    let answer = answer(front, upstream);
    let events = events(upstream);
    group.throughput(total_bytes(&events));
    group.bench_function(direction(upstream, front), |bencher| {
        bencher.iter(|| {
            let mut stream = answer.stream(false);
            let mut out = Vec::new();
            for chunk in &events {
                stream.push(black_box(chunk), &mut out, &mut |_| {});
            }
            stream.end(&mut out, &mut |_| {});
            out
        });
    });
}

/// A hundred kilobytes of each sort of text, counted; the sorts of the last line are the worst that we know.
fn tokens_of_text(criterion: &mut Criterion) {
    let texts = [
        ("English", include_str!("../../../../core/fixtures/tokens/english.txt")),
        ("Chinese", include_str!("../../../../core/fixtures/tokens/chinese.txt")),
        ("code", include_str!("../../../../core/fixtures/tokens/code.py.txt")),
        ("JSON", include_str!("../../../../core/fixtures/tokens/data.json")),
        ("emoji", include_str!("../../../../core/fixtures/tokens/emoji.txt")),
        ("blanks", " "),
        ("one letter", "a"),
        ("two letters", "ab"),
    ];
    for encoding in [Encoding::O200k, Encoding::Cl100k, Encoding::P50k, Encoding::R50k] {
        let counter = Counter::Exact(encoding);
        count_all(criterion, &format!("tokens, {}", encoding.as_str()), &texts, &counter);
    }
    count_all(criterion, "tokens, estimate", &texts, &Counter::Estimate(Ratio::PLAIN));
}

fn count_all(criterion: &mut Criterion, name: &str, texts: &[(&str, &str)], counter: &Counter<'_>) {
    let mut group = criterion.benchmark_group(name);
    for (sort, text) in texts {
        let text = text.repeat(100_000 / text.len());
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(*sort, |bencher| bencher.iter(|| counter.count(black_box(&text))));
    }
}

/// Decoded requests of the sizes above.
fn tokens_of_requests(criterion: &mut Criterion) {
    for (size, turns) in [("1 KB", 2), ("100 KB", 200)] {
        let mut group = criterion.benchmark_group(format!("tokens of a request, {size}"));
        let body = request_body(Dialect::OpenAi, turns, false);
        let request = Dialect::OpenAi.decode_request(&body).expect("the body is valid");
        group.throughput(Throughput::Bytes(body.len() as u64));
        for model in ["gpt-4o", "claude-opus-4-6"] {
            let counter = Counter::of_model(model);
            group.bench_function(model, |bencher| {
                bencher.iter(|| tokens::of_request(black_box(&request), &counter, model));
            });
        }
        group.bench_function("bytes", |bencher| {
            bencher.iter(|| tokens::of_bytes(black_box(&body), &Counter::Estimate(Ratio::PLAIN)));
        });
    }
}

fn direction(from: Dialect, to: Dialect) -> String {
    if from == to { format!("{} same", from.as_str()) } else { format!("{} to {}", from.as_str(), to.as_str()) }
}

fn answer(front: Dialect, upstream: Dialect) -> Answer {
    let body = request_body(front, if front == Dialect::Completions { 0 } else { 1 }, true);
    // Of some dialects the URL tells the model and that a stream is wanted.
    let endpoint = Endpoint { model: Some("a-model".to_owned()), stream: Some(true), ..front.into() };
    let ask = Ask::read(endpoint, &body).expect("the body is valid");
    ask.translate(upstream, &Upstream::new("model"), NOW).expect("the body can be translated").answer
}

fn request_body(front: Dialect, turns: usize, stream: bool) -> Vec<u8> {
    if !matches!(front, Dialect::OpenAi | Dialect::Anthropic) {
        let body = request_body(Dialect::OpenAi, turns, stream);
        let ask = Ask::read(Dialect::OpenAi, &body).expect("the body is valid");
        let made = ask.translate(front, &Upstream::new("model"), NOW).expect("the body can be translated");
        return made.body.expect("it is another dialect");
    }
    let text = EVENT_TEXT.repeat(4);
    let messages = (0..turns).flat_map(|_| {
        let question = json!({ "role": "user", "content": format!("{text} \"quoted\"\n{text}") });
        [question, json!({ "role": "assistant", "content": EVENT_TEXT })]
    });
    let last = json!({ "role": "user", "content": "And then?" });
    let messages: Vec<Value> = messages.chain([last]).collect();
    let mut body = json!({ "model": "a-model", "max_tokens": 1000, "stream": stream, "messages": messages });
    if let (Dialect::Anthropic, Some(body)) = (front, body.as_object_mut()) {
        body.insert("system".to_owned(), json!("You answer in one paragraph."));
    }
    body.to_string().into_bytes()
}

/// A provider's answer, one chunk per event.
fn events(dialect: Dialect) -> Vec<Vec<u8>> {
    let events = match dialect {
        Dialect::OpenAi => openai_events(),
        Dialect::Anthropic => anthropic_events(),
        Dialect::Responses | Dialect::Completions | Dialect::Gemini | Dialect::Converse | Dialect::Cohere => {
            return told_in(dialect);
        }
    };
    events.into_iter().map(String::into_bytes).collect()
}

/// The same answer, as we ourselves tell it in a dialect.
fn told_in(dialect: Dialect) -> Vec<Vec<u8>> {
    let mut stream = answer(dialect, Dialect::OpenAi).stream(false);
    let mut events = Vec::new();
    for event in openai_events() {
        let mut out = Vec::new();
        stream.push(event.as_bytes(), &mut out, &mut |_| {});
        events.push(out);
    }
    let mut out = Vec::new();
    stream.end(&mut out, &mut |_| {});
    events.push(out);
    events
}

fn openai_events() -> Vec<String> {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
        let chunk = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": NOW, "model": "model", "choices": [choice],
        });
        format!("data: {chunk}\n\n")
    };
    let mut events = vec![chunk(json!({ "role": "assistant", "content": "" }), Value::Null)];
    events.extend((0..EVENTS).map(|_| chunk(json!({ "content": EVENT_TEXT }), Value::Null)));
    events.push(chunk(json!({}), json!("stop")));
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn anthropic_events() -> Vec<String> {
    let event = |kind: &str, mut data: Value| {
        if let Some(data) = data.as_object_mut() {
            data.insert("type".to_owned(), json!(kind));
        }
        format!("event: {kind}\ndata: {data}\n\n")
    };
    let message = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "model", "content": [], "stop_reason": null,
        "stop_sequence": null, "usage": { "input_tokens": 10, "output_tokens": 1 },
    });
    let delta = json!({ "index": 0, "delta": { "type": "text_delta", "text": EVENT_TEXT } });
    let stop = json!({
        "delta": { "stop_reason": "end_turn", "stop_sequence": null }, "usage": { "output_tokens": 100 },
    });
    let mut events = vec![
        event("message_start", json!({ "message": message })),
        event("content_block_start", json!({ "index": 0, "content_block": { "type": "text", "text": "" } })),
    ];
    events.extend((0..EVENTS).map(|_| event("content_block_delta", delta.clone())));
    events.push(event("content_block_stop", json!({ "index": 0 })));
    events.push(event("message_delta", stop));
    events.push(event("message_stop", json!({})));
    events
}

fn total_bytes(chunks: &[Vec<u8>]) -> Throughput {
    Throughput::Bytes(chunks.iter().map(|chunk| chunk.len() as u64).sum())
}

/// An exchange's six claims, held and settled, while so many counters are in use. It should not matter how many.
fn limits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("limits, hold and settle 6 claims");
    for counters in [1_000, 100_000_u64] {
        let claims: Vec<[Claim; 6]> =
            (0..counters / 6).map(|caller| std::array::from_fn(|i| claim(caller, i))).collect();
        let (mut ledger, mut id) = (Ledger::new(600_000), 0);
        group.bench_function(format!("{counters} counters"), |bencher| {
            bencher.iter(|| {
                // Another caller each time, far from the last one in memory; a thousand exchanges a second.
                let place = id * 7919 % (counters / 6);
                let claims = claims.get(place as usize).expect("the place is within the callers");
                let now_ms = NOW * 1000 + id / 1000;
                id += 1;
                let verdict = ledger.hold(now_ms, id, black_box(claims));
                assert!(matches!(verdict, Verdict::Held(_)), "the limits are wide");
                ledger.settle(now_ms, id, &[1, 100, 100, 0, 1, 100])
            });
        });
    }
}

fn claim(caller: u64, i: usize) -> Claim {
    let window = match i {
        3 => Window::Open,
        0 => Window::Sliding(1_000),
        5 => Window::Sliding(3_600_000),
        _ => Window::Sliding(60_000),
    };
    let counter = limit::Counter { key: format!("rule {i}|caller {caller}").into(), window, limit: u64::MAX };
    Claim { counter, spent: u64::from(i == 0), open: 1000, soft: false }
}

/// The keys of a request, from its bytes: the exact one, the partition of its question, the hashes of its beginning.
fn cache_keys(criterion: &mut Criterion) {
    let keys = Keys::new(b"a secret of the deployment");
    let scope =
        Scope { tenant: Tenant::Caller("ann"), policy: "1", models: &["openai/gpt-4o"], also: &[], left_out: &[] };
    let conditions = Conditions { opted_in: true, redacted: false, bytes_max: usize::MAX, volatile: true };
    let endpoint = Endpoint::from(Dialect::OpenAi);
    for (size, turns) in [("1 KB", 1), ("100 KB", 199)] {
        let mut group = criterion.benchmark_group(format!("cache keys, {size}"));
        let body = String::from_utf8(request_body(Dialect::OpenAi, turns, false)).expect("JSON is text");
        // A question that stands by itself.
        let body = body.replace("And then?", "How did that end for the king?").into_bytes();
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function("exact", |bencher| {
            bencher
                .iter(|| keys.exact(&scope, &Request::read(&endpoint, black_box(&body)).expect("the body is valid")));
        });
        group.bench_function("exact and partition", |bencher| {
            bencher.iter(|| {
                let request = Request::read(&endpoint, black_box(&body)).expect("the body is valid");
                let question = request.question(&conditions);
                (
                    keys.exact(&scope, &request),
                    question.map(|question| keys.partition(&scope, "m", &request, &question)),
                )
            });
        });
        group.bench_function("blocks", |bencher| {
            bencher.iter(|| keys.blocks("m", &Request::read(&endpoint, black_box(&body)).expect("the body is valid")));
        });
    }
}

/// The guard against false hits, on one pair.
fn guard(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("guard");
    let long = "and how do people in the north of the country get to work in winter ".repeat(8);
    for (size, one, other) in [
        (
            "8 words",
            "How do I get from Paris to London?".to_owned(),
            "How do I travel from Paris to London?".to_owned(),
        ),
        ("120 words", format!("{long} by car?"), format!("{long} by bike?")),
    ] {
        group.bench_function(size, |bencher| bencher.iter(|| difference(black_box(&one), black_box(&other))));
    }
}
