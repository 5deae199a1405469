use super::{Decoder, Encoder};
use crate::chat::{Citation, StopReason};
use crate::dialect::Asked;
use crate::dialect::fixtures;
use crate::fault::{Fault, FaultKind};
use crate::frame::event_stream::{EventStream, Garbled, Mode, Reframe};
use crate::frame::sse::Frame;
use crate::stream::Event;
use crate::usage::Usage;
use proptest::prelude::*;
use std::borrow::Cow;

struct Broken(Fault);

impl From<Garbled> for Broken {
    fn from(garbled: Garbled) -> Self {
        Self(garbled.into())
    }
}

/// Server-sent events as the messages that AWS sends.
fn messages(events: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut reframe = Reframe::new(Mode::Converse, 1 << 20);
    reframe.push(events, &mut out).unwrap();
    reframe.finish(&mut out);
    out
}

/// Every event of a stream that is pushed in pieces which end at `cuts`, and the stream that is written of them.
fn pass(stream: &[u8], cuts: &[usize]) -> (String, String) {
    let mut reader = EventStream::new(1 << 20);
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
        ended = ended.and_then(|()| reader.push(&stream[from..cut], &mut each));
        from = cut;
    }
    if let Err(Broken(fault)) = ended.and_then(|()| reader.finish().map_err(Broken::from)) {
        events.push_str(&format!("{fault:?}\n"));
    }
    (events, String::from_utf8(out).unwrap())
}

#[test]
fn streams_as_documented() {
    fixtures::check("converse", "streams", |_, events| {
        let (events, out) = pass(&messages(events), &[]);
        format!("{events}\nwritten again:\n{out}")
    });
}

#[test]
fn wherever_the_network_cuts() {
    for (name, events) in fixtures::files("converse", "streams") {
        let stream = messages(&events);
        let whole = pass(&stream, &[]);
        for cut in 0..=stream.len() {
            assert_eq!(pass(&stream, &[cut]), whole, "{name} cut at {cut}");
        }
        let every: Vec<usize> = (0..=stream.len()).collect();
        assert_eq!(pass(&stream, &every), whole, "{name} byte by byte");
    }
}

#[test]
fn what_is_written_reads_the_same() {
    for (name, events) in fixtures::files("converse", "streams") {
        let (events, out) = pass(&messages(&events), &[]);
        let (again, _) = pass(&messages(out.as_bytes()), &[]);
        // Losses are not written, and a stream that was cut has no end.
        let kept = |events: &str| -> Vec<String> {
            events
                .lines()
                .filter(|line| !line.starts_with("Loss") && !line.starts_with("PartEnd"))
                .map(str::to_owned)
                .collect()
        };
        let expected = kept(&events);
        let expected = if name == "no_metadata" { expected[..2].to_vec() } else { expected };
        assert_eq!(kept(&again), expected, "{name}");
    }
}

#[test]
fn broken_streams() {
    let check = |name: &str, data: &str, words: &str| {
        let (events, _) = pass(&messages(format!("event: {name}\ndata: {data}\n\n").as_bytes()), &[]);
        assert!(events.contains(words), "{events} has no {words}");
    };
    check("messageStart", "{", "cannot be read");
    check("contentBlockDelta", r#"{"contentBlockIndex":9,"delta":{"toolUse":{"input":"{"}}}"#, "block 9");
    check("contentBlockStart", r#"{"start":{"toolUse":{"toolUseId":"x"}}}"#, "without an id or a name");
    check("validationException", "not JSON", "validationException");
    let mut many = String::new();
    for index in 0..100 {
        many.push_str(&format!(
            "event: contentBlockStart\ndata: {{\"contentBlockIndex\":{index},\"start\":{{\"toolUse\":{{\"toolUseId\":\"a\",\"name\":\"f\"}}}}}}\n\n"
        ));
    }
    assert!(pass(&messages(many.as_bytes()), &[]).0.contains("more than 64 blocks"));
}

/// What is written for the events: each event's name and data.
fn written(events: &[Event<'_>]) -> Result<Vec<String>, Fault> {
    let mut encoder = Encoder::new(Asked::default());
    let mut out = Vec::new();
    for event in events {
        encoder.event(event, &mut out)?;
    }
    let out = String::from_utf8(out).unwrap();
    let one = |event: &str| event.replace("event: ", "").replace("\ndata: ", " ");
    Ok(out.split_terminator("\n\n").map(one).collect())
}

#[track_caller]
fn check(events: &[Event<'_>], expected: &[&str]) {
    assert_eq!(written(events).unwrap(), expected);
}

const START: &str = r#"messageStart {"role":"assistant"}"#;
const NOTHING_USED: &str =
    r#"metadata {"usage":{"inputTokens":0,"outputTokens":0,"totalTokens":0},"metrics":{"latencyMs":0}}"#;

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

fn cite() -> Event<'static> {
    let citation =
        Citation { url: Some("https://a.example".into()), document: Some("d".into()), ..Citation::default() };
    Event::Citation { choice: 0, citation }
}

#[test]
fn a_stream_of_another_dialect() {
    let usage = Usage { input: 100, cached_input: 60, output: 9, reasoning: 4, ..Usage::default() };
    check(
        &[
            Event::Ping,
            Event::ServiceTier("priority".into()),
            start(),
            Event::Thinking { choice: 0, text: "hm".into() },
            text(""),
            text("a"),
            Event::Text { choice: 1, text: "another answer".into() },
            text("b"),
            cite(),
            text("c"),
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
            r#"contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"hm"}}}"#,
            r#"contentBlockStop {"contentBlockIndex":0}"#,
            r#"contentBlockDelta {"contentBlockIndex":1,"delta":{"text":"a"}}"#,
            r#"contentBlockDelta {"contentBlockIndex":1,"delta":{"text":"b"}}"#,
            r#"contentBlockDelta {"contentBlockIndex":1,"delta":{"citation":{"source":"d","location":{"web":{"url":"https://a.example"}}}}}"#,
            r#"contentBlockStop {"contentBlockIndex":1}"#,
            r#"contentBlockDelta {"contentBlockIndex":2,"delta":{"text":"c"}}"#,
            r#"contentBlockStop {"contentBlockIndex":2}"#,
            r#"contentBlockStart {"contentBlockIndex":3,"start":{"toolUse":{"toolUseId":"call_1","name":"f"}}}"#,
            r#"contentBlockDelta {"contentBlockIndex":3,"delta":{"toolUse":{"input":"{}"}}}"#,
            r#"contentBlockStop {"contentBlockIndex":3}"#,
            r#"contentBlockStart {"contentBlockIndex":4,"start":{"toolUse":{"toolUseId":"call_1","name":"f"}}}"#,
            r#"contentBlockStop {"contentBlockIndex":4}"#,
            r#"messageStop {"stopReason":"tool_use"}"#,
            r#"metadata {"usage":{"inputTokens":40,"outputTokens":9,"totalTokens":109,"cacheReadInputTokens":60,"cacheWriteInputTokens":0},"metrics":{"latencyMs":0},"serviceTier":{"type":"priority"}}"#,
        ],
    );
}

#[test]
fn how_streams_end() {
    let stop = |word: &str| format!(r#"messageStop {{"stopReason":"{word}"}}"#);
    check(&[start(), Event::Done], &[START, &stop("end_turn"), NOTHING_USED]);
    check(&[start(), finish(StopReason::Length), Event::Done], &[START, &stop("max_tokens"), NOTHING_USED]);
    let refused =
        written(&[start(), Event::Refusal { choice: 0, text: "no".into() }, finish(StopReason::End), Event::Done]);
    assert!(refused.unwrap().contains(&stop("content_filtered")));
    for (kind, name) in [
        (FaultKind::Upstream, "modelStreamErrorException"),
        (FaultKind::RateLimit, "throttlingException"),
        (FaultKind::Overloaded, "serviceUnavailableException"),
        (FaultKind::InvalidRequest, "validationException"),
        (FaultKind::Server, "internalServerException"),
    ] {
        let error = Event::Error(Fault::new(kind, "it broke"));
        let said = format!(r#"{name} {{"message":"it broke"}}"#);
        check(&[error.clone(), start(), Event::Done], &[&said]);
        check(&[start(), error], &[START, &said]);
    }
}

#[test]
fn calls_side_by_side_cannot_be_said() {
    let events = [start(), tool(0), arguments(0, "{"), tool(1), arguments(1, "{"), arguments(0, "}")];
    let fault = written(&events).unwrap_err();
    assert_eq!(fault.code.as_deref(), Some("interleaved_tool_calls"));
    assert!(fault.message.contains("tool call 0"), "{}", fault.message);
}

fn any_event() -> impl Strategy<Value = Event<'static>> {
    let words = || prop::sample::select(["", "a", "\"é\n", "{}"].as_slice());
    prop_oneof![
        Just(start()),
        words().prop_map(text),
        words().prop_map(|text| Event::Thinking { choice: 0, text: text.into() }),
        words().prop_map(|signature| Event::Signature { choice: 0, signature: signature.into() }),
        words().prop_map(|data| Event::RedactedThinking { choice: 0, data: data.into() }),
        words().prop_map(|text| Event::Refusal { choice: 0, text: text.into() }),
        (0u32..3).prop_map(tool),
        (0u32..3, words()).prop_map(|(tool, json)| arguments(tool, json)),
        Just(cite()),
        Just(Event::PartEnd { choice: 0 }),
        Just(finish(StopReason::ToolCalls)),
        Just(Event::Usage(Usage { input: 5, output: 7, ..Usage::default() })),
        Just(Event::Ping),
        Just(Event::Done),
        Just(Event::Error(Fault::upstream("x"))),
    ]
}

proptest! {
    /// Whatever the events are: one block at a time, indexes from 0 without gaps, every delta in the block that is next or
    /// open.
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
        let (mut open, mut next) = (None, 0u64);
        for (at, event) in out.split_terminator("\n\n").enumerate() {
            let (name, data) = event.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
            let data: serde_json::Value = serde_json::from_str(data).unwrap();
            let index = data["contentBlockIndex"].as_u64();
            match name {
                "messageStart" => prop_assert_eq!(at, 0),
                "contentBlockStart" | "contentBlockDelta" => {
                    prop_assert_eq!(index, Some(open.unwrap_or(next)));
                    if open.is_none() {
                        next += 1;
                    }
                    open = index;
                }
                "contentBlockStop" => {
                    prop_assert_eq!(index, open);
                    open = None;
                }
                "messageStop" | "metadata" => prop_assert_eq!(open, None),
                name => prop_assert!(name.ends_with("Exception"), "{}", name),
            }
        }
    }

    #[test]
    fn nothing_panics(
        frames in prop::collection::vec((
            prop::sample::select(["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "x", "xException"].as_slice()),
            prop_oneof![super::super::request::tests::json(), ".{0,40}"],
        ), 0..6),
    ) {
        let mut decoder = Decoder::default();
        for (name, data) in &frames {
            let frame = Frame { event: Some(name.as_bytes()), data: Cow::Borrowed(data.as_bytes()), raw: b"" };
            if decoder.frame(&frame, &mut |_| {}).is_err() {
                break;
            }
        }
    }
}

#[test]
fn what_cannot_be_said_is_a_loss() {
    let logprobs = serde_json::value::RawValue::from_string("[]".to_owned()).unwrap();
    let citation = |span| Event::Citation {
        choice: 0,
        citation: Citation { span, url: Some("https://a".into()), ..Citation::default() },
    };
    for (event, loss) in [
        (Event::Text { choice: 1, text: "another".into() }, "choices"),
        (Event::Logprobs { choice: 0, raw: &logprobs }, "choices.logprobs"),
        (Event::ToolSignature { choice: 0, tool: 0, signature: "s".into() }, "choices.message.tool_calls.signature"),
        (citation(Some((0, 1))), "choices.message.annotations.span"),
        (citation(None), ""),
        (Event::Finish { choice: 0, reason: StopReason::Unknown("eos".into()) }, "finish_reason.eos"),
        (Event::ServiceTier("batch".into()), "service_tier"),
        (Event::Usage(Usage { reasoning: 1, ..Default::default() }), "usage.reasoning_tokens"),
        (Event::Usage(Usage { audio_output: 1, ..Default::default() }), "usage.audio_tokens"),
    ] {
        let mut encoder = Encoder::new(Asked::default());
        encoder.event(&event, &mut Vec::new()).unwrap();
        assert_eq!(encoder.take_losses().header(), loss, "{event:?}");
        assert!(encoder.take_losses().is_empty());
    }
}
