//! Two dialects meet: every recorded stream, towards every front, cut everywhere, comes out the same.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::wildcard_enum_match_arm,
    reason = "a test may panic"
)]

use attache_core::chat::StopReason;
use attache_core::dialect::{Asked, Dialect, Upstream};
use attache_core::edit::Object;
use attache_core::endpoint::Framing;
use attache_core::stream::Event;
use attache_core::translate::{Answer, Ask, Preset, Seen, Stop};
use attache_core::usage::Usage;
use proptest::prelude::*;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

const DIALECTS: [Dialect; 3] = [Dialect::OpenAi, Dialect::Responses, Dialect::Anthropic];

/// The way back of a small streaming request.
fn answer(front: Dialect, upstream: Dialect, extra: &str) -> Answer {
    let body = format!(
        r#"{{"model":"fast","max_tokens":9,"stream":true{extra},"input":"hi","messages":[{{"role":"user","content":"hi"}}]}}"#
    );
    let ask = Ask::read(front, body.as_bytes()).unwrap();
    ask.translate(upstream, &Upstream::new("m"), 1_700_000_000).unwrap().answer
}

/// What the client gets, and what was seen, when the stream comes in pieces that end at `cuts`.
fn streamed(answer: &Answer, stream: &[u8], cuts: impl IntoIterator<Item = usize>) -> (String, Seen) {
    let mut out = Vec::new();
    let mut state = answer.stream(false);
    let mut from = 0;
    for cut in cuts.into_iter().chain([stream.len()]) {
        state.push(&stream[from..cut], &mut out, &mut |_| {});
        from = cut;
    }
    state.end(&mut out, &mut |_| {});
    (String::from_utf8(out).unwrap(), state.seen().clone())
}

fn fixtures(dialect: Dialect) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(dialect.as_str()).join("streams");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut streams: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "sse")).collect();
    streams.sort();
    assert!(streams.len() >= 5, "{dialect:?} has hardly any streams");
    streams
}

#[test]
fn every_stream_to_every_front_is_the_same_at_every_cut() {
    for upstream in DIALECTS {
        for path in fixtures(upstream) {
            let stream = std::fs::read(&path).unwrap();
            for front in DIALECTS {
                let answer = answer(front, upstream, "");
                let whole = streamed(&answer, &stream, []);
                for cut in 0..=stream.len() {
                    assert_eq!(
                        streamed(&answer, &stream, [cut]),
                        whole,
                        "{} → {front:?}, cut at {cut}",
                        path.display()
                    );
                }
                assert_eq!(streamed(&answer, &stream, 0..stream.len()), whole, "{} → {front:?}", path.display());
            }
        }
    }
}

#[test]
fn streams_across_dialects_read_like_this() {
    for upstream in DIALECTS {
        for path in fixtures(upstream) {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let stream = std::fs::read(&path).unwrap();
            for front in DIALECTS.into_iter().filter(|front| *front != upstream) {
                let (out, seen) =
                    streamed(&answer(front, upstream, r#","stream_options":{"include_usage":true}"#), &stream, []);
                insta::assert_snapshot!(
                    format!("{}-to-{}-{name}", upstream.as_str(), front.as_str()),
                    format!("{out}---\n{seen:#?}")
                );
            }
        }
    }
}

#[test]
fn the_same_dialect_passes_byte_for_byte() {
    for dialect in DIALECTS {
        for path in fixtures(dialect) {
            let stream = std::fs::read(&path).unwrap();
            let (out, seen) =
                streamed(&answer(dialect, dialect, r#","stream_options":{"include_usage":true}"#), &stream, []);
            let end = if seen.done { out.len() } else { out.len().min(stream.len()) };
            if seen.done {
                assert_eq!(out.as_bytes(), stream, "{}", path.display());
            } else {
                assert!(seen.fault.is_some(), "{} ended neither well nor badly", path.display());
                let same = out.as_bytes()[..end].iter().zip(&stream).take_while(|(a, b)| a == b).count();
                assert!(out[same..].contains("error") || out.contains("error"), "{}: {out}", path.display());
            }
        }
    }
}

#[test]
fn a_stream_that_is_cut_off_never_looks_whole() {
    for upstream in DIALECTS {
        for path in fixtures(upstream) {
            let stream = std::fs::read(&path).unwrap();
            for front in DIALECTS {
                let answer = answer(front, upstream, "");
                for end in 0..stream.len() {
                    let (out, seen) = streamed(&answer, &stream[..end], []);
                    if seen.done {
                        continue; // only blank lines, or what nobody needs, were cut off
                    }
                    let what = format!("{} → {front:?}, cut off at {end}: {out}", path.display());
                    assert!(seen.fault.is_some(), "{what}");
                    assert!(out.contains("error"), "{what}");
                    let last = if front == Dialect::OpenAi { "data: [DONE]" } else { "event: message_stop" };
                    assert!(!out.contains(last), "{what}");
                }
            }
        }
    }
}

#[test]
fn usage_is_asked_for_and_shown_only_to_those_who_asked() {
    let chunks = concat!(
        r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}],"usage":null}"#,
        "\n\n",
        r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#,
        "\n\ndata: [DONE]\n\n"
    );
    for (options, shown) in [
        ("", false),
        (r#","stream_options":null"#, false),
        (r#","stream_options":{}"#, false),
        (r#","stream_options":{"include_usage":false,"x":1.0}"#, false),
        (r#","stream_options":{"include_usage":true}"#, true),
    ] {
        let body = format!(r#"{{"model":"m","stream":true{options},"messages":[]}}"#);
        let ask = Ask::read(Dialect::OpenAi, body.as_bytes()).unwrap();
        let made = ask.translate(Dialect::OpenAi, &Upstream::new("m"), 0).unwrap();
        let sent = made.body.unwrap_or_else(|| body.clone().into_bytes());
        let sent = Object::read(&sent).unwrap();
        let options = Object::read(sent.raw("stream_options").unwrap().as_bytes()).unwrap();
        assert_eq!(options.get("include_usage"), Ok(Some(true)), "{body}");
        assert_eq!(options.raw("x").is_some(), body.contains(r#""x":1.0"#), "other options stay");
        let (out, seen) = streamed(&made.answer, chunks.as_bytes(), []);
        assert_eq!(seen.usage.unwrap().input, 3);
        assert_eq!(out.contains("prompt_tokens"), shown, "{body}: {out}");
        assert!(out.ends_with("data: [DONE]\n\n"));
        assert!(out.contains(r#""content":"x""#));
    }
}

#[test]
fn usage_is_hidden_in_data_of_several_lines_too() {
    let chunk = "data: {\ndata: \"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}],\ndata: \"usage\":{\"prompt_tokens\":3}}\n\n";
    let (out, seen) = streamed(&answer(Dialect::OpenAi, Dialect::OpenAi, ""), chunk.as_bytes(), []);
    assert_eq!(seen.usage.unwrap().input, 3);
    let expected = "data: { \"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}], \"usage\":null}\n\n";
    assert!(out.starts_with(expected), "{out}");
}

#[test]
fn a_second_model_in_a_body_never_reaches_the_provider() {
    let body = br#"{"model":"dear","model":"fast","messages":[]}"#;
    let ask = Ask::read(Dialect::OpenAi, body).unwrap();
    let sent = ask.translate(Dialect::OpenAi, &Upstream::new("fast"), 0).unwrap().body.unwrap();
    assert_eq!(String::from_utf8(sent).unwrap(), r#"{"model":"fast","model":"fast","messages":[]}"#);
}

#[test]
fn errors_of_providers_reach_the_client_in_its_dialect_but_not_our_keys() {
    let body = br#"{"error":{"message":"Incorrect API key provided: sk-proj-abc","type":"invalid_request_error","code":"invalid_api_key"}}"#;
    for front in DIALECTS {
        let error = answer(front, Dialect::OpenAi, "").error("openai", 401, body);
        let text = String::from_utf8(error.body.unwrap()).unwrap();
        assert_eq!(error.status, 502);
        assert!(
            text.contains("provider `openai` did not accept the gateway's credentials") && !text.contains("sk-proj")
        );
    }
    let limit = br#"{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}"#;
    let same = answer(Dialect::Anthropic, Dialect::Anthropic, "").error("claude", 429, limit);
    assert_eq!((same.status, same.body), (429, None), "the same dialect stays as it is");
    let word = answer(Dialect::OpenAi, Dialect::OpenAi, "").error("openai", 400, br#"{"error":"too long"}"#);
    let word = String::from_utf8(word.body.unwrap()).unwrap();
    assert!(word.starts_with(r#"{"error":{"message":"too long","type":"invalid_request_error""#), "{word}");
    let other = answer(Dialect::OpenAi, Dialect::Anthropic, "").error("claude", 429, limit);
    assert_eq!(other.status, 429);
    assert!(String::from_utf8(other.body.unwrap()).unwrap().contains("slow down"));
}

/// Any JSON value as text, numbers of any size included.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" , "))),
            prop::collection::vec(("[a-z_]{1,8}", inner), 0..4).prop_map(|fields| {
                let fields: Vec<_> = fields.iter().map(|(key, value)| format!("\"{key}\" :{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

#[test]
fn the_same_dialect_passes_json_that_we_do_not_understand_but_nothing_that_is_no_json() {
    let answer = answer(Dialect::OpenAi, Dialect::OpenAi, r#","stream_options":{"include_usage":true}"#);
    let odd = "data: {\"id\":7,\"choices\":\"new\"}\n\ndata: [DONE]\n\n";
    let (out, seen) = streamed(&answer, odd.as_bytes(), []);
    assert_eq!((out.as_str(), seen.done, seen.fault), (odd, true, None));
    let (out, seen) = streamed(&answer, b"data: {\"id\":\n\ndata: [DONE]\n\n", []);
    assert!(seen.fault.is_some() && out.starts_with("data: {\"error\"") && !out.contains("[DONE]"), "{out}");
}

#[test]
fn a_request_of_which_nothing_can_be_said_is_refused() {
    let body = br#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"brand_new"}]}]}"#;
    let ask = Ask::read(Dialect::Anthropic, body).unwrap();
    let fault = ask.translate(Dialect::OpenAi, &Upstream::new("m"), 0).unwrap_err();
    assert_eq!(fault.param.as_deref(), Some("messages"));
    assert_eq!(fault.status, 400);
}

#[test]
fn a_small_body_of_many_values_does_not_become_gigabytes() {
    let body = format!(r#"{{"model":"m","max_tokens":9,"messages":[{}{{}}]}}"#, "{},".repeat(1 << 20));
    for (front, upstream) in [(Dialect::OpenAi, Dialect::Anthropic), (Dialect::Anthropic, Dialect::OpenAi)] {
        let fault = Ask::read(front, body.as_bytes()).unwrap().translate(upstream, &Upstream::new("m"), 0).unwrap_err();
        assert_eq!(fault.status, 413);
    }
}

proptest! {
    /// Unknown fields of any kind reach a provider of the same dialect byte for byte.
    #[test]
    fn unknown_fields_survive_the_same_dialect(
        before in prop::collection::vec(("x_[a-z]{1,8}", json()), 0..3),
        after in prop::collection::vec(("y_[a-z]{1,8}", json()), 0..3),
        stream in any::<bool>(),
    ) {
        let fields = |fields: &[(String, String)]| fields.iter().map(|(k, v)| format!("\"{k}\":  {v},\n")).collect::<String>();
        let with = |model: &str, options: &str| format!(
            "{{ {}\"model\" : \"{model}\",\n{}\"stream\": {stream}, \"messages\":[] {options}}}", fields(&before), fields(&after)
        );
        for dialect in DIALECTS {
            let options = if dialect == Dialect::OpenAi && stream { r#","stream_options":{"include_usage":true}"# } else { "" };
            let body = with("fast", "");
            let made = Ask::read(dialect, body.as_bytes()).unwrap().translate(dialect, &Upstream::new("the-real-one"), 0).unwrap();
            prop_assert!(made.losses.is_empty());
            prop_assert_eq!(String::from_utf8(made.body.unwrap()).unwrap(), with("the-real-one", options));
        }
    }

    /// No bytes of a provider break a stream's state, and none are made up.
    #[test]
    fn any_bytes_from_a_provider_are_survived(
        pieces in prop::collection::vec(prop_oneof![
            any::<Vec<u8>>(),
            json().prop_map(|json| format!("data: {json}\n\n").into_bytes()),
            Just(b"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n".to_vec()),
            Just(b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}\n\n".to_vec()),
            Just(b"data: [DONE]\n\n".to_vec()),
        ], 0..8),
    ) {
        for upstream in DIALECTS {
            for front in DIALECTS {
                let mut state = answer(front, upstream, "").stream(false);
                let mut out = Vec::new();
                for piece in &pieces {
                    state.push(piece, &mut out, &mut |_| {});
                }
                state.end(&mut out, &mut |_| {});
                prop_assert!(state.seen().done || state.seen().fault.is_some());
            }
        }
    }

    /// No body of a client or provider breaks anything.
    #[test]
    fn any_body_is_survived(body in prop_oneof![any::<Vec<u8>>(), json().prop_map(String::into_bytes)]) {
        for front in DIALECTS {
            for upstream in DIALECTS {
                if let Ok(ask) = Ask::read(front, &body) {
                    let _made = ask.translate(upstream, &Upstream::new("m"), 0);
                }
                let answer = answer(front, upstream, "");
                let _whole = answer.whole(&body, &mut |_| {});
                let error = answer.error("p", 500, &body);
                prop_assert!(error.status >= 400);
            }
        }
    }
}

/// All text of a client's stream, why its answers ended, and whether it is whole.
fn read(front: Dialect, stream: &[u8]) -> (String, Vec<String>, bool) {
    let (mut text, mut ends) = (String::new(), Vec::new());
    let mut state = Answer::between(front, Dialect::OpenAi, Framing::Sse, true, Asked::default()).stream(false);
    state.push(stream, &mut Vec::new(), &mut |event| match event {
        Event::Text { text: piece, .. } => text.push_str(piece),
        Event::Finish { reason, .. } => ends.push(format!("{reason:?}")),
        _ => {}
    });
    (text, ends, state.seen().done)
}

#[test]
fn a_stream_that_is_held_up_ends_properly_before_what_holds_it_up() {
    let mut held = 0;
    for (upstream, front) in DIALECTS.into_iter().flat_map(|upstream| DIALECTS.map(|front| (upstream, front))) {
        for path in fixtures(upstream) {
            let stream = std::fs::read(&path).unwrap();
            for (from, cut) in [(2, stream.len()), (1, 1), (3, 7)] {
                let (mut out, mut passed, mut texts) = (Vec::new(), String::new(), 0);
                let mut state = answer(front, upstream, "").stream(true);
                let mut until = |event: &mut Event<'_>| {
                    let Event::Text { text, .. } = event else { return ControlFlow::Continue(()) };
                    texts += 1;
                    if texts >= from {
                        return ControlFlow::Break(());
                    }
                    passed.push_str(text);
                    ControlFlow::Continue(())
                };
                stream.chunks(cut.max(1)).for_each(|piece| state.push_until(piece, &mut out, &mut until));
                if !state.seen().held {
                    continue;
                }
                let stop = Stop { usage: Usage::default(), reason: StopReason::Refused, last_words: Some(" No more.") };
                state.stop_with(&stop, &mut out);
                let written = out.len();
                state.end(&mut out, &mut |_| {});
                assert_eq!(out.len(), written, "nothing follows the last event");
                let (text, ends, done) = read(front, &out);
                let at = format!("{} → {front:?}: {}", path.display(), String::from_utf8_lossy(&out));
                assert_eq!(text, format!("{passed} No more."), "{at}");
                assert!(done && !ends.is_empty() && ends.iter().all(|reason| reason == "Refused"), "{ends:?} {at}");
                held += 1;
            }
        }
    }
    assert!(held > 40, "hardly any stream was held up: {held}");
}

#[test]
fn an_answer_of_our_own_is_read_in_every_dialect() {
    for front in Dialect::ALL {
        for stream in [false, true] {
            let framing = if front == Dialect::Converse { Framing::EventStream } else { Framing::Sse };
            let way_back = Answer::between(front, front, framing, stream, Asked::default());
            let preset = Preset { id: "attache-1", model: "fast", text: "Not here.", usage: Usage::default() };
            let body = way_back.preset(&preset).unwrap();
            let (mut text, mut done) = (String::new(), false);
            if stream {
                let mut state =
                    Answer::between(front, Dialect::OpenAi, Framing::Sse, true, Asked::default()).stream(false);
                state.push(&body, &mut Vec::new(), &mut |event| {
                    if let Event::Text { text: piece, .. } = event {
                        text.push_str(piece);
                    }
                });
                state.end(&mut Vec::new(), &mut |_| {});
                done = state.seen().done;
            } else if let Ok(response) = front.decode_response(&body) {
                done = response.choices.len() == 1;
                text = String::from_utf8_lossy(&body).into_owned();
            }
            assert!(text.contains("Not here.") && done, "{front:?} {stream}: {}", String::from_utf8_lossy(&body));
        }
    }
}
