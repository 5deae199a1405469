use super::{Decoder, Encoder};
use crate::chat::StopReason;
use crate::dialect::{Asked, fixtures};
use crate::fault::Fault;
use crate::frame::sse::{Frame, Sse, TooLong};
use crate::stream::Event;
use crate::usage::Usage;
use proptest::prelude::*;
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
    let mut encoder = Encoder::new(Asked { stream_usage: true, now: 7, ..Asked::default() });
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
    fixtures::check("completions", "streams", |_, stream| {
        let (events, out) = pass(stream, &[]);
        format!("{events}\nwritten again:\n{out}")
    });
}

#[test]
fn wherever_the_network_cuts() {
    for (name, stream) in fixtures::files("completions", "streams") {
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
    for (name, stream) in fixtures::files("completions", "streams") {
        let (events, out) = pass(&stream, &[]);
        let (again, twice) = pass(out.as_bytes(), &[]);
        let kept = |events: &str| -> Vec<String> {
            let lines = events.lines().filter(|line| !line.starts_with("Loss") && !line.starts_with("Fault"));
            lines.map(|line| line.replace("Unknown(\"eos\")", "End")).collect()
        };
        if name != "error_event" && name != "error_in_chunk" {
            assert_eq!(kept(&again), kept(&events), "{name}");
        }
        assert_eq!(twice, out, "{name}");
    }
}

#[test]
fn too_many_answers() {
    let chunk = |index: usize| format!("data: {{\"choices\":[{{\"index\":{index},\"finish_reason\":\"stop\"}}]}}\n\n");
    let many: String = (0..129).map(chunk).collect();
    assert!(pass(many.as_bytes(), &[]).0.contains("more than 128 choices"));
    let mut encoder = Encoder::new(Asked::default());
    let text = |choice| Event::Text { choice, text: "a".into() };
    for choice in 0..128 {
        encoder.event(&text(choice), &mut Vec::new()).unwrap();
    }
    assert!(encoder.event(&text(128), &mut Vec::new()).is_err());
}

/// What is written for the events, and what is lost.
fn written(stream_usage: bool, events: &[Event<'_>]) -> (String, String) {
    let mut encoder = Encoder::new(Asked { stream_usage, now: 7, ..Asked::default() });
    let mut out = Vec::new();
    for event in events {
        encoder.event(event, &mut out).unwrap();
    }
    (String::from_utf8(out).unwrap(), encoder.take_losses().header())
}

#[test]
fn a_stream_of_another_dialect() {
    let events = [
        Event::Start { id: "i".into(), model: "m".into() },
        Event::Thinking { choice: 0, text: "hm".into() },
        Event::Text { choice: 0, text: "".into() },
        Event::Ping,
        Event::Text { choice: 0, text: "a\n".into() },
        Event::ToolStart { choice: 0, tool: 0, id: "c".into(), name: "f".into() },
        Event::Finish { choice: 0, reason: StopReason::ToolCalls },
        Event::Finish { choice: 0, reason: StopReason::End },
        Event::Usage(Usage { input: 3, output: 2, ..Usage::default() }),
        Event::Done,
        Event::Done,
    ];
    let head = r#"data: {"id":"i","object":"text_completion","created":7,"model":"m","choices":["#;
    let said = r#"{"text":"a\n","index":0,"logprobs":null,"finish_reason":null}]"#;
    let ended = r#"{"text":"","index":0,"logprobs":null,"finish_reason":"stop"}]"#;
    let (out, lost) = written(false, &events);
    assert_eq!(out, format!(": ping\n{head}{said}}}\n\n{head}{ended}}}\n\ndata: [DONE]\n\n"));
    assert_eq!(lost, "content.thinking, content.tool_call");
    let (out, _) = written(true, &events);
    assert!(out.starts_with(&format!(": ping\n{head}{said},\"usage\":null}}\n\n{head}{ended},\"usage\":null}}\n\n{head}],\"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5,")), "{out}");
    let (out, _) = written(false, &[Event::Error(Fault::upstream("it broke")), Event::Done]);
    assert!(out.starts_with(r#"data: {"error":{"message":"it broke""#) && !out.contains("[DONE]"), "{out}");
}

proptest! {
    #[test]
    fn nothing_panics(frames in prop::collection::vec(prop_oneof![super::super::request::tests::json(), ".{0,40}"], 0..6)) {
        let mut decoder = Decoder::default();
        let mut encoder = Encoder::new(Asked::default());
        for data in &frames {
            let frame = Frame { event: None, data: Cow::Borrowed(data.as_bytes()), raw: b"" };
            let mut out = Vec::new();
            if decoder.frame(&frame, &mut |event| drop(encoder.event(&event, &mut out))).is_err() {
                break;
            }
            for line in String::from_utf8(out).unwrap().lines().filter_map(|line| line.strip_prefix("data: {")) {
                let chunk = format!("{{{line}");
                prop_assert!(serde_json::from_str::<serde_json::Value>(&chunk).is_ok(), "{}", chunk);
            }
        }
    }
}
