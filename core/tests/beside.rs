//! What happens beside the translation: answers are watched, priced and stopped, requests are capped.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test may panic")]

use attache_core::chat::StopReason;
use attache_core::dialect::quirks::{MaxTokensField, Quirks};
use attache_core::dialect::{Dialect, Upstream};
use attache_core::endpoint::Endpoint;
use attache_core::stream::Event;
use attache_core::translate::keep::{Unfit, Whole};
use attache_core::translate::{Answer, Ask, Stop};
use attache_core::usage::Usage;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

const DIALECTS: [Dialect; 3] = [Dialect::OpenAi, Dialect::Responses, Dialect::Anthropic];

fn ask(front: Dialect, fields: &str) -> String {
    let max_tokens =
        if front == Dialect::Anthropic && !fields.contains("max_tokens") { r#""max_tokens":99,"# } else { "" };
    format!(r#"{{"model":"fast",{max_tokens}{fields}"input":"hi","messages":[{{"role":"user","content":"hi"}}]}}"#)
}

fn answer(front: Dialect, upstream: Dialect, fields: &str) -> Answer {
    let body = ask(front, fields);
    let ask = Ask::read(front, body.as_bytes()).unwrap();
    ask.translate(upstream, &Upstream::new("m"), 1_700_000_000).unwrap().answer
}

const WITH_USAGE: &str = r#""stream":true,"stream_options":{"include_usage":true},"#;

fn fixture(dialect: Dialect, kind: &str, name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(dialect.as_str()).join(kind).join(name))
        .unwrap()
}

/// What a client of this dialect reads: every event in words, and whether it ended well.
fn read(dialect: Dialect, stream: &[u8]) -> (Vec<String>, bool) {
    let mut events = Vec::new();
    let (mut state, mut out) = (answer(dialect, dialect, WITH_USAGE).stream(false), Vec::new());
    state.push(stream, &mut out, &mut |event| events.push(format!("{event:?}")));
    state.end(&mut out, &mut |event| events.push(format!("{event:?}")));
    assert_eq!(state.seen().fault, None, "{}", String::from_utf8_lossy(stream));
    (events, state.seen().done)
}

#[test]
fn a_stream_can_be_stopped_anywhere_and_ends_properly() {
    let used = Usage { input: 7, output: 3, ..Usage::default() };
    for (upstream, name) in [
        (Dialect::OpenAi, "choices.sse"),
        (Dialect::OpenAi, "azure.sse"),
        (Dialect::Anthropic, "tools.sse"),
        (Dialect::Anthropic, "thinking.sse"),
        (Dialect::Responses, "reasoning_and_tools.sse"),
        (Dialect::Responses, "citations.sse"),
    ] {
        let stream = fixture(upstream, "streams", name);
        for front in DIALECTS {
            // Of several choices another dialect has none.
            if name == "choices.sse" && front != upstream {
                continue;
            }
            for cut in 0..stream.len() {
                let (mut state, mut out) = (answer(front, upstream, WITH_USAGE).stream(true), Vec::new());
                state.push(&stream[..cut], &mut out, &mut |_| {});
                if state.seen().done {
                    break;
                }
                let begun = state.seen().content;
                state.stop(used, &mut out);
                let (events, done) = read(front, &out);
                assert!(done, "{name} → {front:?}, stopped at {cut}");
                let last = |what: &str| events.iter().rev().find(|event| event.starts_with(what)).cloned();
                assert_eq!(last("Usage"), Some(format!("{:?}", Event::Usage(used))), "{name} → {front:?} at {cut}");
                let starts = events.iter().filter(|event| event.starts_with("Start")).count();
                assert_eq!(starts, 1, "{name} → {front:?} at {cut}: {events:?}");
                if begun {
                    let finish = last("Finish");
                    assert!(finish.is_some(), "{name} → {front:?} at {cut}: {events:?}");
                }
                let length = out.len();
                state.push(&stream[cut..], &mut out, &mut |_| {});
                state.end(&mut out, &mut |_| {});
                assert_eq!(out.len(), length, "nothing follows the end");
                assert!(state.seen().stopped && state.seen().done && state.seen().fault.is_none());
            }
        }
    }
}

#[test]
fn an_answer_that_is_stopped_ran_out_of_tokens() {
    let stream = fixture(Dialect::OpenAi, "streams", "azure.sse");
    let text = String::from_utf8(stream.clone()).unwrap();
    let cut = text.find("\"finish_reason\":\"stop\"").map_or(stream.len() / 2, |at| text[..at].rfind("data:").unwrap());
    for (front, expected) in
        [(Dialect::OpenAi, r#""finish_reason":"length""#), (Dialect::Anthropic, r#""stop_reason":"max_tokens""#)]
    {
        let (mut state, mut out) = (answer(front, Dialect::OpenAi, WITH_USAGE).stream(true), Vec::new());
        state.push(&stream[..cut], &mut out, &mut |_| {});
        state.stop(Usage::default(), &mut out);
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains(expected), "{out}");
    }
}

#[test]
fn a_priced_answer_says_what_it_cost() {
    let price = |event: &mut Event<'_>| {
        if let Event::Usage(usage) = event {
            usage.cost_nanos = Some(1_234_500);
        }
    };
    for upstream in DIALECTS {
        let whole: &[u8] = match upstream {
            Dialect::Completions | Dialect::Gemini | Dialect::Converse | Dialect::Cohere => continue,
            Dialect::OpenAi => br#"{"id":"a","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6},"x":1.50}"#,
            Dialect::Anthropic => br#"{"id":"a","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":1},"x":1.50}"#,
            Dialect::Responses => br#"{"id":"a","object":"response","model":"m","status":"completed","output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"hi","annotations":[]}]}],"usage":{"input_tokens":5,"output_tokens":1,"total_tokens":6},"x":1.50}"#,
        };
        for front in DIALECTS {
            let told = answer(front, upstream, "").whole(whole, &mut |event| price(event)).unwrap();
            let body = String::from_utf8(told.body.unwrap()).unwrap();
            assert!(body.contains(r#""cost":0.0012345"#), "{body}");
            assert_eq!(body.contains(r#""x":1.50"#), front == upstream, "other bytes stay: {body}");
            let silent = answer(front, upstream, "").whole(whole, &mut |_| {}).unwrap();
            assert!(!silent.body.is_some_and(|body| String::from_utf8(body).unwrap().contains("cost")));

            let stream =
                fixture(upstream, "streams", if upstream == Dialect::OpenAi { "azure.sse" } else { "text.sse" });
            for (fields, shown) in [(WITH_USAGE, true), (r#""stream":true,"#, front != Dialect::OpenAi)] {
                let (mut state, mut out) = (answer(front, upstream, fields).stream(false), Vec::new());
                state.push(&stream, &mut out, &mut |event| price(event));
                let out = String::from_utf8(out).unwrap();
                if state.seen().usage.is_some() {
                    assert_eq!(out.contains(r#""cost":0.0012345"#), shown, "{upstream:?} → {front:?}: {out}");
                }
            }
        }
    }
}

#[test]
fn the_service_tier_of_a_whole_answer_is_seen_before_its_usage() {
    for upstream in DIALECTS {
        let whole: &[u8] = match upstream {
            Dialect::Completions | Dialect::Gemini | Dialect::Converse | Dialect::Cohere => continue,
            Dialect::OpenAi => br#"{"id":"a","model":"m","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1},"service_tier":"priority"}"#,
            Dialect::Anthropic => br#"{"id":"a","type":"message","role":"assistant","model":"m","content":[],"stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":1,"service_tier":"priority"}}"#,
            Dialect::Responses => br#"{"id":"a","model":"m","status":"completed","output":[],"usage":{"input_tokens":5,"output_tokens":1},"service_tier":"priority"}"#,
        };
        for front in DIALECTS {
            for fields in ["", r#""stream":true,"#] {
                let mut seen = Vec::new();
                answer(front, upstream, fields).whole(whole, &mut |event| seen.push(format!("{event:?}"))).unwrap();
                let kinds: Vec<_> = seen.iter().map(|event| event.split('(').next().unwrap_or_default()).collect();
                assert_eq!(kinds, ["ServiceTier", "Usage"], "{upstream:?} → {front:?}");
                assert!(seen[0].contains("priority"), "{}", seen[0]);
            }
        }
    }
}

#[test]
fn an_answer_without_usage_is_watched_instead() {
    for upstream in DIALECTS {
        let whole: &[u8] = match upstream {
            Dialect::Completions | Dialect::Gemini | Dialect::Converse | Dialect::Cohere => continue,
            Dialect::OpenAi => br#"{"id":"a","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"four words of text"},"finish_reason":"stop"}]}"#,
            Dialect::Anthropic => br#"{"id":"a","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"four words of text"}],"stop_reason":"end_turn"}"#,
            Dialect::Responses => br#"{"id":"a","model":"m","status":"completed","output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"four words of text"}]}]}"#,
        };
        for front in DIALECTS {
            let mut said = String::new();
            let told = answer(front, upstream, "").whole(whole, &mut |event| {
                if let Event::Text { text, .. } = event {
                    said.push_str(text);
                }
            });
            assert_eq!(told.unwrap().seen.usage, None);
            assert_eq!(said, "four words of text", "{upstream:?} → {front:?}");
        }
    }
}

#[test]
fn a_capped_request_asks_for_no_more() {
    use Dialect::{Anthropic, OpenAi};
    for (front, upstream, fields, field, expected) in [
        (OpenAi, OpenAi, "", "max_completion_tokens", 50),
        (OpenAi, OpenAi, r#""max_tokens":20,"#, "max_tokens", 20),
        (OpenAi, OpenAi, r#""max_tokens":200,"#, "max_tokens", 50),
        (OpenAi, OpenAi, r#""max_completion_tokens":200,"#, "max_completion_tokens", 50),
        (OpenAi, OpenAi, r#""max_completion_tokens":null,"#, "max_completion_tokens", 50),
        (Anthropic, Anthropic, r#""max_tokens":200,"#, "max_tokens", 50),
        (Anthropic, OpenAi, r#""max_tokens":200,"#, "max_completion_tokens", 50),
        (OpenAi, Anthropic, "", "max_tokens", 50),
        (OpenAi, Anthropic, r#""max_tokens":20,"#, "max_tokens", 20),
    ] {
        let body = ask(front, fields);
        let ask = Ask::read(front, body.as_bytes()).unwrap().capped(Some(50));
        let made = ask.translate(upstream, &Upstream::new("m"), 0).unwrap().body.unwrap();
        let made: serde_json::Value = serde_json::from_slice(&made).unwrap();
        assert_eq!(made[field], expected, "{front:?} → {upstream:?} {fields}: {made}");
        assert_eq!(ask.meaning().unwrap().max_tokens, Some(expected));
    }
    // Old servers know one name only.
    let old = Quirks { max_tokens_field: Some(MaxTokensField::MaxTokens), ..Quirks::default() };
    let old = Upstream { quirks: old.into(), ..Upstream::new("m") };
    for (front, upstream, fields, expected) in [
        (OpenAi, &old, "", [None, Some(50)]),
        (OpenAi, &old, r#""max_completion_tokens":200,"#, [None, Some(50)]),
        (OpenAi, &old, r#""max_completion_tokens":10,"max_tokens":200,"#, [None, Some(10)]),
        (OpenAi, &Upstream::new("m"), r#""max_completion_tokens":null,"max_tokens":200,"#, [Some(50), Some(50)]),
        (Anthropic, &Upstream::new("m"), r#""max_completion_tokens":10,"max_tokens":200,"#, [Some(10), Some(50)]),
    ] {
        let body = ask(front, fields);
        let mut ask = Ask::read(front, body.as_bytes()).unwrap();
        ask.meaning().unwrap();
        ask = ask.capped(Some(50));
        assert!(ask.meaning().unwrap().max_tokens <= Some(50), "also where it was known before");
        let made = ask.translate(front, upstream, 0).unwrap().body.unwrap();
        let made: serde_json::Value = serde_json::from_slice(&made).unwrap();
        let met = ["max_completion_tokens", "max_tokens"].map(|field| made[field].as_u64());
        assert_eq!(met, expected, "{front:?} {fields}: {made}");
    }
}

/// Google's JSON has two spellings of each name: whichever the provider reads, it reads the limit.
#[test]
fn a_cap_is_in_every_spelling_that_is_there() {
    let path = "/v1beta/models/g:generateContent";
    for (settings, expected) in [
        ("", r#""generationConfig":{"maxOutputTokens":50}"#),
        (r#""generationConfig":null"#, r#""generationConfig":{"maxOutputTokens":50}"#),
        (r#""generationConfig":{}"#, r#""generationConfig":{"maxOutputTokens":50}"#),
        (r#""generationConfig":{"maxOutputTokens":20}"#, r#""generationConfig":{"maxOutputTokens":20}"#),
        (r#""generationConfig":{"maxOutputTokens":"2e2"}"#, r#""generationConfig":{"maxOutputTokens":50}"#),
        (
            r#""generation_config":{"max_output_tokens":100000,"temperature":0}"#,
            r#""generation_config":{"max_output_tokens":50,"temperature":0}"#,
        ),
        (r#""generation_config":{"maxOutputTokens":90}"#, r#""generation_config":{"maxOutputTokens":50}"#),
        (r#""generation_config":{"temperature":0}"#, r#""generation_config":{"temperature":0,"maxOutputTokens":50}"#),
        (
            r#""generationConfig":{"maxOutputTokens":4,"max_output_tokens":90}"#,
            r#""generationConfig":{"maxOutputTokens":4,"max_output_tokens":50}"#,
        ),
        (
            r#""generationConfig":{},"generation_config":{"max_output_tokens":90}"#,
            r#""generationConfig":{"maxOutputTokens":50},"generation_config":{"max_output_tokens":50}"#,
        ),
    ] {
        let comma = if settings.is_empty() { "" } else { "," };
        let contents = r#""contents":[{"role":"user","parts":[{"text":"hi"}]}]"#;
        let body = format!("{{{contents}{comma}{settings}}}");
        let ask = Ask::read(Endpoint::of(path, false).unwrap(), body.as_bytes()).unwrap().capped(Some(50));
        let made = ask.translate(Dialect::Gemini, &Upstream::new("m"), 0).unwrap().body;
        let made = made.map_or_else(|| body.clone(), |made| String::from_utf8(made).unwrap());
        assert_eq!(made, format!("{{{contents},{expected}}}"), "{settings}");
    }
    let converse = Endpoint::of("/model/m/converse", false).unwrap();
    let body = r#"{"messages":[],"inference_config":{"max_tokens":90}}"#;
    let ask = Ask::read(converse, body.as_bytes()).unwrap().capped(Some(50));
    let made = ask.translate(Dialect::Converse, &Upstream::new("m"), 0).unwrap().body.unwrap();
    assert!(String::from_utf8(made).unwrap().ends_with(r#","inferenceConfig":{"maxTokens":50}}"#));
}

#[test]
fn an_answer_that_names_no_model_is_from_the_one_that_was_asked() {
    let whole = br#"{"id":"a","finish_reason":"COMPLETE","message":{"role":"assistant","content":[{"type":"text","text":"hi"}]},"usage":{"billed_units":{"input_tokens":1,"output_tokens":1}}}"#;
    let begun = b"event: message-start\ndata: {\"id\":\"a\",\"type\":\"message-start\",\"delta\":{\"message\":{\"role\":\"assistant\",\"content\":[]}}}\n\n";
    for front in DIALECTS {
        let told = answer(front, Dialect::Cohere, "").whole(whole, &mut |_| {}).unwrap();
        assert_eq!(told.seen.model.as_deref(), Some("m"));
        assert!(String::from_utf8(told.body.unwrap()).unwrap().contains(r#""model":"m""#), "{front:?}");
        let (mut state, mut out) = (answer(front, Dialect::Cohere, WITH_USAGE).stream(false), Vec::new());
        state.push(begun, &mut out, &mut |_| {});
        assert!(String::from_utf8(out).unwrap().contains(r#""model":"m""#), "{front:?}");
    }
}

/// A stream that is stopped goes on where the provider's own events have left off: every item ends once, under the id and
/// at the place at which it began, and events stay numbered.
#[test]
fn a_stopped_stream_of_responses_keeps_the_provider_s_ids() {
    for name in ["reasoning_and_tools.sse", "citations.sse"] {
        let stream = fixture(Dialect::Responses, "streams", name);
        for cut in 0..stream.len() {
            let (mut state, mut out) =
                (answer(Dialect::Responses, Dialect::Responses, WITH_USAGE).stream(true), Vec::new());
            state.push(&stream[..cut], &mut out, &mut |_| {});
            if state.seen().done {
                break;
            }
            let passed = String::from_utf8_lossy(&out).matches("event: response.output_item.added").count();
            let begun = state.seen().content;
            state.stop_with(&stop("No more."), &mut out);
            let told = String::from_utf8(out).unwrap();
            let (mut open, mut numbers, mut added) = (BTreeMap::new(), Vec::new(), 0);
            for line in told.lines().filter_map(|line| line.strip_prefix("data: ")) {
                let event: Value = serde_json::from_str(line).unwrap();
                numbers.push(event["sequence_number"].as_u64().unwrap());
                let (place, id) = (event["output_index"].as_u64(), event["item"]["id"].as_str());
                match event["type"].as_str().unwrap() {
                    "response.output_item.added" => {
                        added += 1;
                        assert_eq!(open.insert(place, id.map(str::to_owned)), None, "{name} at {cut}: {told}");
                    }
                    "response.output_item.done" => {
                        assert_eq!(open.remove(&place), Some(id.map(str::to_owned)), "{name} at {cut}: {told}");
                    }
                    // A search is none of ours to end.
                    _ if event["item_id"] == "ws" => {}
                    _ => {
                        if let Some(id) = event["item_id"].as_str() {
                            assert_eq!(
                                open.get(&place).cloned().flatten().as_deref(),
                                Some(id),
                                "{name} at {cut}: {told}"
                            );
                        }
                    }
                }
            }
            open.retain(|_, id| id.as_deref() != Some("ws"));
            assert!(open.is_empty() && added >= passed, "{name} at {cut}: {told}");
            assert!(numbers.is_sorted_by(|one, next| one < next), "{name} at {cut}: {numbers:?}");
            assert!(!begun || told.contains("No more."), "{name} at {cut}: {told}");
        }
    }
}

fn stop(words: &'static str) -> Stop<'static> {
    Stop { usage: Usage::default(), reason: StopReason::Refused, last_words: Some(words) }
}

#[test]
fn an_error_with_status_200_is_no_answer_to_keep() {
    let error = br#"{"error":{"message":"overloaded","type":"server_error"}}"#;
    let embed =
        r#"{"model":"m","input":"hi","requests":[],"texts":["hi"],"input_type":"search_query","inputText":"hi"}"#;
    let rerank = r#"{"model":"m","query":"hi","documents":["a"]}"#;
    let check = |path: &str, body: &str, upstream: Dialect, model: &str, good: &str| {
        let ask = Ask::read(Endpoint::of(path, false).unwrap(), body.as_bytes()).unwrap();
        let answer = ask.translate(upstream, &Upstream::new(model), 1_700_000_000).unwrap().answer;
        assert_eq!(answer.fitness(good.as_bytes()), Ok(Whole::Says), "{path}");
        for bad in [&error[..], b"{}", b"", br#"{"data":[],"results":[],"embeddings":[]}"#] {
            assert_eq!(answer.fitness(bad), Err(Unfit::Unreadable), "{path}: {}", String::from_utf8_lossy(bad));
        }
    };
    let vectors = r#"{"object":"list","data":[{"index":0,"embedding":[0.5]}],"model":"m","usage":{"prompt_tokens":1}}"#;
    check("/v1/embeddings", embed, Dialect::OpenAi, "m", vectors);
    check("/v1/embeddings", embed, Dialect::Cohere, "m", vectors);
    let gemini = r#"{"embedding":{"values":[0.5]}}"#;
    let content = r#"{"content":{"parts":[{"text":"hi"}]}}"#;
    check("/v1beta/models/m:embedContent", content, Dialect::Gemini, "m", gemini);
    check("/v2/embed", embed, Dialect::Cohere, "m", r#"{"id":"1","embeddings":{"float":[[0.5]]},"texts":["hi"]}"#);
    check("/v1/rerank", rerank, Dialect::OpenAi, "m", r#"{"results":[{"index":0,"relevance_score":0.5}]}"#);
    check("/v2/rerank", rerank, Dialect::Cohere, "m", r#"{"results":[{"index":0,"relevance_score":0.5}]}"#);
}

#[test]
fn an_answer_of_the_cache_repeats_what_its_reader_said_of_itself() {
    let addressed = |front: Dialect| {
        let body = ask(front, r#""user":"bob","metadata":{"a":"b"},"#);
        let ask = Ask::read(front, body.as_bytes()).unwrap();
        let theirs = br#"{"id":"1","user":"alice","prompt_cache_key":"hers","metadata":{}}"#;
        ask.answered_here(1).addressed(theirs).map(|own| String::from_utf8(own).unwrap())
    };
    let own = r#"{"id":"1","user":"bob","prompt_cache_key":null,"metadata":{"a":"b"}}"#;
    assert_eq!(addressed(Dialect::Responses).as_deref(), Some(own));
    assert_eq!(addressed(Dialect::OpenAi), None);
}
