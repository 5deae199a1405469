use super::{Decoder, Encoder};
use crate::chat::{Citation, StopReason};
use crate::dialect::Asked;
use crate::dialect::anthropic::request::tests::json;
use crate::dialect::fixtures;
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
    fixtures::check("anthropic", "streams", |_, stream| {
        let (events, out) = pass(stream, &[]);
        format!("{events}\nwritten again:\n{out}")
    });
}

#[test]
fn wherever_the_network_cuts() {
    for (name, stream) in fixtures::files("anthropic", "streams") {
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
    for (name, stream) in fixtures::files("anthropic", "streams") {
        if name == "error_no_json" {
            continue; // this dialect has one type for the provider's errors and ours
        }
        let (events, out) = pass(&stream, &[]);
        let (again, _) = pass(out.as_bytes(), &[]);
        // Losses are not written, pings only where they fit, and what was used is told at the end.
        let kept = |events: &str| -> Vec<String> {
            let text = |line: &&str| {
                !["Loss", "Ping", "Usage", "ServiceTier", "Finish"].iter().any(|name| line.starts_with(name))
            };
            let mut lines: Vec<_> = events.lines().filter(text).map(|line| line.replace("Refusal", "Text")).collect();
            lines.dedup_by(|next, last| next.starts_with("PartEnd") && last.starts_with("PartEnd"));
            lines.retain(|line| !line.starts_with("PartEnd"));
            lines
        };
        let last_usage = |events: &str| events.lines().rfind(|line| line.starts_with("Usage")).map(str::to_owned);
        assert_eq!(kept(&again), kept(&events), "{name}");
        if events.contains("Done") && name != "whole_input" {
            assert_eq!(last_usage(&again), last_usage(&events), "{name}");
        }
    }
}

#[test]
fn broken_streams() {
    let check = |data: &str, words: &str| {
        let (events, _) = pass(format!("data: {data}\n\n").as_bytes(), &[]);
        assert!(events.contains(words), "{events} has no {words}");
    };
    check("{", "cannot be read");
    check(
        r#"{"type":"content_block_delta","index":9,"delta":{"type":"input_json_delta","partial_json":"{"}}"#,
        "block 9",
    );
    check(r#"{"type":"content_block_start","content_block":{"type":"tool_use","id":"x"}}"#, "without an id or a name");
    let mut many = String::new();
    for index in 0..100 {
        many.push_str(&format!(
            "data: {{\"type\":\"content_block_start\",\"index\":{index},\"content_block\":{{\"type\":\"text\"}}}}\n\n"
        ));
    }
    assert!(pass(many.as_bytes(), &[]).0.contains("more than 64 blocks"));
}

/// What is written for the events, without the frames' names.
fn written(events: &[Event<'_>]) -> Result<Vec<String>, Fault> {
    let mut encoder = Encoder::new(Asked::default());
    let mut out = Vec::new();
    for event in events {
        encoder.event(event, &mut out)?;
    }
    let out = String::from_utf8(out).unwrap();
    Ok(out.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect())
}

#[track_caller]
fn check(events: &[Event<'_>], expected: &[&str]) {
    assert_eq!(written(events).unwrap(), expected);
}

const START: &str = r#"{"type":"message_start","message":{"id":"chatcmpl-1","type":"message","role":"assistant","model":"gpt","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

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

fn delta(reason: &str) -> String {
    format!(
        r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}","stop_sequence":null}},"usage":{{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}}}}"#
    )
}

#[test]
fn a_stream_of_another_dialect() {
    let usage = Usage { input: 100, cached_input: 60, output: 9, reasoning: 4, ..Usage::default() };
    check(
        &[
            Event::Ping,
            start(),
            Event::Thinking { choice: 0, text: "hm".into() },
            text(""),
            text("a"),
            Event::Text { choice: 1, text: "another answer".into() },
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
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"a"}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"b"}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
            r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"call_1","name":"f","input":{}}}"#,
            r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
            r#"{"type":"content_block_stop","index":2}"#,
            r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"call_1","name":"f","input":{}}}"#,
            r#"{"type":"content_block_stop","index":3}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":40,"cache_creation_input_tokens":0,"cache_read_input_tokens":60,"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}}"#,
            STOP,
        ],
    );
}

#[test]
fn how_streams_end() {
    check(&[start(), Event::Done], &[START, &delta("end_turn"), STOP]);
    check(&[start(), finish(StopReason::Length), Event::Done], &[START, &delta("max_tokens"), STOP]);
    let refused =
        written(&[start(), Event::Refusal { choice: 0, text: "no".into() }, finish(StopReason::End), Event::Done]);
    assert!(refused.unwrap().contains(&delta("refusal")));
    let error = Event::Error(Fault::upstream("it broke"));
    let said = r#"{"type":"error","error":{"type":"api_error","message":"it broke"}}"#;
    check(&[error.clone(), start(), Event::Done], &[said]);
    check(&[start(), error], &[START, said]);
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
        Just(Event::PartEnd { choice: 0 }),
        Just(finish(StopReason::ToolCalls)),
        Just(Event::Usage(Usage { input: 5, output: 7, ..Usage::default() })),
        Just(Event::Ping),
        Just(Event::Done),
        Just(Event::Error(Fault::upstream("x"))),
    ]
}

proptest! {
    /// Whatever the events are: one block at a time, indexes from 0 without gaps, every delta in the open block.
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
        for (at, data) in out.lines().filter_map(|line| line.strip_prefix("data: ")).enumerate() {
            let event: serde_json::Value = serde_json::from_str(data).unwrap();
            let index = event["index"].as_u64();
            match event["type"].as_str().unwrap() {
                "message_start" => prop_assert_eq!(at, 0),
                "content_block_start" => {
                    prop_assert_eq!((open, index), (None, Some(next)));
                    open = index;
                    next += 1;
                }
                "content_block_delta" => prop_assert_eq!(index, open),
                "content_block_stop" => {
                    prop_assert_eq!(index, open);
                    open = None;
                }
                "message_delta" | "message_stop" => prop_assert_eq!(open, None),
                "ping" => prop_assert!(at > 0),
                "error" => {}
                other => prop_assert!(false, "{other}"),
            }
        }
    }

    #[test]
    fn nothing_panics(frames in prop::collection::vec(prop_oneof![json(), ".{0,40}"], 0..6), name in ".{0,9}") {
        let mut decoder = Decoder::default();
        for data in &frames {
            let frame = Frame { event: Some(name.as_bytes()), data: Cow::Borrowed(data.as_bytes()), raw: b"" };
            if decoder.frame(&frame, &mut |_| {}).is_err() {
                break;
            }
        }
    }
}

#[test]
fn citations_hang_on_the_text() {
    let cite = |url: Option<&'static str>, document: Option<&'static str>| {
        let (url, document) = (url.map(Into::into), document.map(Into::into));
        Event::Citation { choice: 0, citation: Citation { url, document, ..Citation::default() } }
    };
    let written = written(&[start(), text("a"), cite(Some("https://a"), None), cite(None, Some("1"))]).unwrap();
    assert_eq!(
        written[2..],
        [
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"type":"web_search_result_location","cited_text":"","encrypted_index":"","title":null,"url":"https://a"}}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"type":"char_location","cited_text":"","document_index":1,"document_title":null,"end_char_index":0,"file_id":null,"start_char_index":0}}}"#,
        ]
    );
}

#[test]
fn what_cannot_be_said_is_a_loss() {
    let logprobs = serde_json::value::RawValue::from_string("[]".to_owned()).unwrap();
    let citation = |span| Event::Citation {
        choice: 0,
        citation: Citation { span, url: Some("https://a".into()), ..Citation::default() },
    };
    let document = Citation { document: Some("doc-a".into()), ..Citation::default() };
    for (event, loss) in [
        (Event::Text { choice: 1, text: "another".into() }, "choices"),
        (Event::Logprobs { choice: 0, raw: &logprobs }, "choices.logprobs"),
        (Event::ToolSignature { choice: 0, tool: 0, signature: "s".into() }, "tool_calls.signature"),
        (citation(Some((0, 1))), "citations.span"),
        (citation(None), ""),
        (Event::Citation { choice: 0, citation: document }, "citations"),
        (finish(StopReason::Unknown("eos".into())), "finish_reason.eos"),
        (Event::ServiceTier("standard".into()), "service_tier"),
        (Event::Usage(Usage { audio_output: 1, ..Usage::default() }), "usage.audio_tokens"),
    ] {
        let mut encoder = Encoder::new(Asked::default());
        encoder.event(&start(), &mut Vec::new()).unwrap();
        encoder.event(&event, &mut Vec::new()).unwrap();
        assert_eq!(encoder.take_losses().header(), loss);
        assert!(encoder.take_losses().is_empty());
    }
}
