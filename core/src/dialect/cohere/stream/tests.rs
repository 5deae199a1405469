use super::{Decoder, Encoder};
use crate::chat::{Citation, StopReason};
use crate::dialect::{Asked, fixtures};
use crate::fault::{Fault, FaultKind};
use crate::frame::sse::{Frame, Sse, TooLong};
use crate::stream::Event;
use crate::usage::Usage;
use proptest::prelude::*;
use serde_json::value::RawValue;
use std::borrow::Cow;

struct Broken(Fault);

impl From<TooLong> for Broken {
    fn from(TooLong { limit }: TooLong) -> Self {
        Self(Fault::upstream(format!("too long: {limit}")))
    }
}

/// Every event of a stream that is pushed in pieces which end at `cuts`, and the stream that is written of them.
fn pass(stream: &[u8], cuts: &[usize]) -> (String, String) {
    let mut sse = Sse::new(1 << 20);
    let mut decoder = Decoder::default();
    let mut encoder = Encoder::new(Asked::default());
    let (mut events, mut out) = (String::new(), Vec::new());
    let mut each = |frame: Frame<'_>| {
        decoder
            .frame(&frame, &mut |event| {
                events.push_str(&format!("{event:?}\n"));
                encoder.event(&event, &mut out).unwrap();
            })
            .map_err(Broken)
    };
    let mut from = 0;
    let mut ended = Ok(());
    for &cut in cuts.iter().chain([&stream.len()]) {
        ended = ended.and_then(|()| sse.push(&stream[from..cut], &mut each));
        from = cut;
    }
    if let Err(Broken(fault)) = ended.and_then(|()| sse.finish(&mut each)) {
        events.push_str(&format!("{fault:?}\n"));
    }
    (events, String::from_utf8(out).unwrap())
}

#[test]
fn streams_as_documented() {
    fixtures::check("cohere", "streams", |_, stream| {
        let (events, out) = pass(stream, &[]);
        format!("{events}\nwritten again:\n{out}")
    });
}

#[test]
fn wherever_the_network_cuts() {
    for (name, stream) in fixtures::files("cohere", "streams") {
        let whole = pass(&stream, &[]);
        for cut in 0..=stream.len() {
            assert_eq!(pass(&stream, &[cut]), whole, "{name} cut at {cut}");
        }
        let every: Vec<usize> = (0..=stream.len()).collect();
        assert_eq!(pass(&stream, &every), whole, "{name} byte by byte");
    }
}

/// What is written reads the same again, but for losses, for where parts end, and for words that this dialect has not.
#[test]
fn what_is_written_reads_the_same() {
    for (name, stream) in fixtures::files("cohere", "streams") {
        let (events, out) = pass(&stream, &[]);
        let (again, twice) = pass(out.as_bytes(), &[]);
        let kept = |events: &str| -> Vec<String> {
            let lines = events.lines().filter(|line| !line.starts_with("Loss") && !line.starts_with("PartEnd"));
            // Where the answer failed, whose fault it is does not survive.
            lines
                .map(|line| {
                    line.replace("Unknown(\"USER_CANCEL\")", "End")
                        .replace("kind: Upstream, status: 502", "kind: Server, status: 500")
                })
                .collect()
        };
        // One that ended without a word on how is `COMPLETE` then.
        if out.contains("message-end") && name != "crlf_done" {
            assert_eq!(kept(&again), kept(&events), "{name}");
        }
        assert_eq!(twice, out, "{name}");
    }
}

#[test]
fn broken_streams() {
    let check = |data: &str, words: &str| {
        let (events, _) = pass(format!("data: {data}\n\n").as_bytes(), &[]);
        assert!(events.contains(words), "{events} has no {words}");
    };
    check("{", "cannot be read");
    check(r#"{"type":"tool-call-delta","index":9}"#, "tool call 9, which never began");
    check(r#"{"type":"tool-call-start","delta":{"message":{"tool_calls":{"id":"x"}}}}"#, "without an id or a name");
    check(r#"{"type":"error"}"#, "without a message");
    let tool = "data: {\"type\":\"tool-call-start\",\"delta\":{\"message\":{\"tool_calls\":{\"id\":\"x\",\"function\":{\"name\":\"f\"}}}}}\n\n";
    assert!(pass(tool.repeat(1025).as_bytes(), &[]).0.contains("more than 1024 tool calls"));
    let text = |index: usize| {
        format!(
            "data: {{\"type\":\"content-delta\",\"index\":{index},\"delta\":{{\"message\":{{\"content\":{{\"text\":\"a\"}}}}}}}}\n\n"
        )
    };
    let many: String = (0..65).map(text).collect();
    assert!(pass(many.as_bytes(), &[]).0.contains("more than 64 blocks of text"));
}

/// What is written for the events, without the frames' names, and what is lost.
fn written(events: &[Event<'_>]) -> Result<(Vec<String>, String), Fault> {
    let mut encoder = Encoder::new(Asked::default());
    let mut out = Vec::new();
    for event in events {
        encoder.event(event, &mut out)?;
    }
    let out = String::from_utf8(out).unwrap();
    let lines = out.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect();
    Ok((lines, encoder.take_losses().header()))
}

#[track_caller]
fn check(events: &[Event<'_>], expected: &[&str], lost: &str) {
    let (lines, losses) = written(events).unwrap();
    assert_eq!(lines, expected);
    assert_eq!(losses, lost);
}

const START: &str = r#"{"type":"message-start","id":"chatcmpl-1","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#;
const TEXT: &str = r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#;
const TEXT_END: &str = r#"{"type":"content-end","index":0}"#;

fn start() -> Event<'static> {
    Event::Start { id: "chatcmpl-1".into(), model: "gpt".into() }
}

fn text(text: &'static str) -> Event<'static> {
    Event::Text { choice: 0, text: text.into() }
}

fn tool(tool: u32) -> Event<'static> {
    Event::ToolStart { choice: 0, tool, id: "call_1".into(), name: "f".into() }
}

fn arguments(tool: u32, json: &'static str) -> Event<'static> {
    Event::ToolArguments { choice: 0, tool, json: json.into() }
}

fn finish(reason: StopReason<'static>) -> Event<'static> {
    Event::Finish { choice: 0, reason }
}

#[test]
fn a_stream_of_another_dialect() {
    let usage = Usage { input: 100, cached_input: 60, output: 9, reasoning: 4, ..Usage::default() };
    check(
        &[
            Event::Ping,
            start(),
            Event::Thinking { choice: 0, text: "hm".into() },
            Event::Signature { choice: 0, signature: "s".into() },
            text(""),
            text("a"),
            Event::Text { choice: 1, text: "another answer".into() },
            Event::PartEnd { choice: 0 },
            text("b"),
            tool(0),
            arguments(0, ""),
            arguments(0, "{}"),
            tool(1),
            finish(StopReason::End),
            Event::Usage(usage),
            Event::Done,
            text("too late"),
            Event::Done,
        ],
        &[
            START,
            r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":""}}}}"#,
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"hm"}}}}"#,
            r#"{"type":"content-end","index":0}"#,
            r#"{"type":"content-start","index":1,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
            r#"{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"a"}}}}"#,
            r#"{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"b"}}}}"#,
            r#"{"type":"content-end","index":1}"#,
            r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"call_1","type":"function","function":{"name":"f","arguments":""}}}}}"#,
            r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{}"}}}}}"#,
            r#"{"type":"tool-call-end","index":0}"#,
            r#"{"type":"tool-call-start","index":1,"delta":{"message":{"tool_calls":{"id":"call_1","type":"function","function":{"name":"f","arguments":""}}}}}"#,
            r#"{"type":"tool-call-delta","index":1,"delta":{"message":{"tool_calls":{"function":{"arguments":"{}"}}}}}"#,
            r#"{"type":"tool-call-end","index":1}"#,
            r#"{"type":"message-end","delta":{"finish_reason":"TOOL_CALL","usage":{"billed_units":{"input_tokens":100,"output_tokens":9},"tokens":{"input_tokens":100,"output_tokens":9},"cached_tokens":60}}}"#,
        ],
        "content.thinking.signature, choices, usage.reasoning_tokens",
    );
}

/// A citation of a whole part waits for its end, whichever comes first.
#[test]
fn citations_of_another_dialect() {
    let citation = |span| Event::Citation {
        choice: 0,
        citation: Citation { span, url: Some("https://a".into()), ..Citation::default() },
    };
    let cited = |index: u32, start: u64, end: u64| {
        format!(
            r#"{{"type":"citation-start","index":{index},"delta":{{"message":{{"citations":{{"start":{start},"end":{end},"sources":[{{"type":"document","id":"https://a","document":{{"url":"https://a"}}}}],"content_index":0,"type":"TEXT_CONTENT"}}}}}}}}"#
        )
    };
    check(
        &[
            start(),
            text("Ä "),
            Event::PartEnd { choice: 0 },
            citation(None),
            text("cited"),
            citation(Some((0, 1))),
            Event::PartEnd { choice: 0 },
            Event::Done,
        ],
        &[
            START,
            TEXT,
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Ä "}}}}"#,
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"cited"}}}}"#,
            &cited(0, 0, 1),
            r#"{"type":"citation-end","index":0}"#,
            &cited(1, 2, 7),
            r#"{"type":"citation-end","index":1}"#,
            TEXT_END,
            r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE"}}"#,
        ],
        "",
    );
}

#[test]
fn log_probabilities_hang_on_empty_pieces() {
    let raw =
        RawValue::from_string(r#"{"content":[{"token":"a","logprob":-1,"top_logprobs":[]}]}"#.to_owned()).unwrap();
    check(
        &[start(), text("a"), Event::Logprobs { choice: 0, raw: &raw }, Event::Done],
        &[
            START,
            TEXT,
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"a"}}}}"#,
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":""}}},"logprobs":{"text":"a","token_ids":[],"logprobs":[-1]}}"#,
            TEXT_END,
            r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE"}}"#,
        ],
        "",
    );
}

#[test]
fn how_streams_end() {
    let end = |reason: &str| format!(r#"{{"type":"message-end","delta":{{"finish_reason":"{reason}"}}}}"#);
    check(&[start(), Event::Done], &[START, &end("COMPLETE")], "");
    check(&[start(), finish(StopReason::Length), Event::Done], &[START, &end("MAX_TOKENS")], "");
    check(&[start(), finish(StopReason::Refused), Event::Done], &[START, &end("COMPLETE")], "finish_reason.refusal");
    let failed = |kind| Event::Error(Fault::new(kind, "it broke"));
    let said = r#"{"type":"message-end","delta":{"error":"it broke","finish_reason":"ERROR"}}"#;
    check(&[start(), failed(FaultKind::Upstream), Event::Done], &[START, said], "");
    let said = r#"{"type":"message-end","delta":{"error":"it broke","finish_reason":"TIMEOUT"}}"#;
    check(&[start(), failed(FaultKind::Timeout)], &[START, said], "");
}

#[test]
fn calls_side_by_side_cannot_be_said() {
    let events = [start(), tool(0), arguments(0, "{"), tool(1), arguments(1, "{"), arguments(0, "}")];
    let fault = written(&events).unwrap_err();
    assert_eq!(fault.code.as_deref(), Some("interleaved_tool_calls"));
}

fn any_event() -> impl Strategy<Value = Event<'static>> {
    let words = || prop::sample::select(["", "a", "\"é\n", "{}"].as_slice());
    prop_oneof![
        Just(start()),
        words().prop_map(text),
        words().prop_map(|text| Event::Thinking { choice: 0, text: text.into() }),
        words().prop_map(|text| Event::Refusal { choice: 0, text: text.into() }),
        (0u32..3).prop_map(tool),
        (0u32..3, words()).prop_map(|(tool, json)| arguments(tool, json)),
        prop::option::of((0u64..5, 0u64..5))
            .prop_map(|span| Event::Citation { choice: 0, citation: Citation { span, ..Citation::default() } }),
        Just(Event::PartEnd { choice: 0 }),
        Just(finish(StopReason::ToolCalls)),
        Just(Event::Usage(Usage { input: 5, output: 7, ..Usage::default() })),
        Just(Event::Ping),
        Just(Event::Done),
        Just(Event::Error(Fault::upstream("x"))),
    ]
}

proptest! {
    /// Whatever the events are: one block or call at a time, numbered from 0 without gaps, every piece in the open one.
    #[test]
    fn blocks_come_one_after_the_other(events in prop::collection::vec(any_event(), 0..20)) {
        let mut encoder = Encoder::new(Asked::default());
        let mut out = Vec::new();
        for event in &events {
            if encoder.event(event, &mut out).is_err() {
                break;
            }
        }
        let out = String::from_utf8(out).unwrap();
        let (mut open, mut blocks, mut calls, mut over) = (None, 0, 0, false);
        for (at, data) in out.lines().filter_map(|line| line.strip_prefix("data: ")).enumerate() {
            let event: serde_json::Value = serde_json::from_str(data).unwrap();
            let index = event["index"].as_u64();
            prop_assert!(!over);
            match event["type"].as_str().unwrap() {
                "message-start" => prop_assert_eq!(at, 0),
                "content-start" => {
                    prop_assert_eq!((open, index), (None, Some(blocks)));
                    open = Some(("content", blocks));
                    blocks += 1;
                }
                "tool-call-start" => {
                    prop_assert_eq!((open, index), (None, Some(calls)));
                    open = Some(("call", calls));
                    calls += 1;
                }
                "content-delta" => prop_assert_eq!(open, index.map(|index| ("content", index))),
                "tool-call-delta" => prop_assert_eq!(open, index.map(|index| ("call", index))),
                "content-end" | "tool-call-end" => {
                    prop_assert_eq!(open.take().map(|(_, index)| index), index);
                }
                "citation-start" | "citation-end" => {}
                "message-end" => over = true,
                other => prop_assert!(false, "{}", other),
            }
        }
    }

    #[test]
    fn nothing_panics(frames in prop::collection::vec(prop_oneof![super::super::request::tests::json(), ".{0,40}"], 0..6), name in ".{0,9}") {
        let mut decoder = Decoder::default();
        for data in &frames {
            let frame = Frame { event: Some(name.as_bytes()), data: Cow::Borrowed(data.as_bytes()), raw: b"" };
            if decoder.frame(&frame, &mut |_| {}).is_err() {
                break;
            }
        }
    }
}
