use super::{Decoder, Encoder};
use crate::chat::{Citation, StopReason};
use crate::dialect::Asked;
use crate::dialect::fixtures;
use crate::dialect::gemini::signature::signed;
use crate::dialect::gemini::words;
use crate::fault::Fault;
use crate::frame::json_array::JsonArray;
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
    fixtures::check("gemini", "streams", |_, stream| {
        let (events, out) = pass(stream, &[]);
        format!("{events}\nwritten again:\n{out}")
    });
}

#[test]
fn wherever_the_network_cuts() {
    for (name, stream) in fixtures::files("gemini", "streams") {
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
    for (name, stream) in fixtures::files("gemini", "streams") {
        if matches!(name.as_str(), "broken" | "cut") {
            continue;
        }
        let (events, out) = pass(&stream, &[]);
        let (again, _) = pass(out.as_bytes(), &[]);
        // Losses are not written, sources at the end, and what was used once.
        let kept = |events: &str| -> Vec<String> {
            let told = |line: &&str| !["Loss", "Usage", "Citation"].iter().any(|name| line.starts_with(name));
            let words = |line: &str| line.replace("Refusal", "Text").replace("FUTURE_REASON", "OTHER");
            // To a client, a signature is a text that travels as bytes.
            let bytes = |line: String| {
                let signatures =
                    ["c2ln", "c2lnbmF0dXJl"].map(|text| (format!("{text:?}"), format!("{:?}", signed(text))));
                signatures.iter().fold(line, |line, (text, bytes)| line.replace(text, bytes))
            };
            let mut lines: Vec<_> = events.lines().filter(told).map(words).map(bytes).collect();
            // Reasons are told at the end.
            let (ends, mut said): (Vec<_>, Vec<_>) = lines.drain(..).partition(|line| line.starts_with("Finish"));
            said.extend(ends);
            said
        };
        let last = |events: &str, what: &str| events.lines().rfind(|line| line.starts_with(what)).map(str::to_owned);
        assert_eq!(kept(&again), kept(&events), "{name}");
        assert_eq!(last(&again, "Citation"), last(&events, "Citation"), "{name}");
        if events.contains("Done") && name != "usage_after" {
            assert_eq!(last(&again, "Usage"), last(&events, "Usage"), "{name}");
        }
    }
}

#[test]
fn a_stream_as_an_array() {
    for (name, stream) in fixtures::files("gemini", "streams") {
        let (_, out) = pass(&stream, &[]);
        let (mut array, mut json) = (JsonArray::default(), Vec::new());
        out.as_bytes().chunks(7).for_each(|chunk| array.push(chunk, &mut json));
        array.end(&mut json);
        let elements: Vec<serde_json::Value> = serde_json::from_slice(&json).unwrap();
        assert_eq!(elements.len(), out.matches("data: ").count(), "{name}");
    }
}

#[test]
fn too_many_candidates() {
    let mut many = String::new();
    for index in 0..200 {
        many.push_str(&format!("data: {{\"candidates\":[{{\"index\":{index}}}]}}\n\n"));
    }
    assert!(pass(many.as_bytes(), &[]).0.contains("more than 128 candidates"));
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

fn start() -> Event<'static> {
    Event::Start { id: "msg_1".into(), model: "claude".into() }
}

fn text(text: &'static str) -> Event<'static> {
    Event::Text { choice: 0, text: text.into() }
}

fn tool(tool: u32) -> Event<'static> {
    Event::ToolStart { choice: 0, tool, id: format!("call_{tool}").into(), name: "f".into() }
}

fn arguments(tool: u32, json: &'static str) -> Event<'static> {
    Event::ToolArguments { choice: 0, tool, json: json.into() }
}

fn finish(reason: StopReason<'static>) -> Event<'static> {
    Event::Finish { choice: 0, reason }
}

fn chunk(part: &str) -> String {
    format!(
        r#"{{"candidates":[{{"content":{{"parts":[{part}],"role":"model"}},"index":0}}],"modelVersion":"claude","responseId":"msg_1"}}"#
    )
}

fn last(reason: &str, rest: &str) -> String {
    format!(
        r#"{{"candidates":[{{"content":{{"parts":[{{"text":""}}],"role":"model"}},"finishReason":"{reason}","index":0}}]{rest},"modelVersion":"claude","responseId":"msg_1"}}"#
    )
}

#[test]
fn a_stream_of_another_dialect() {
    let usage = Usage { input: 100, cached_input: 60, output: 9, reasoning: 4, ..Usage::default() };
    let events = [
        Event::Ping,
        start(),
        Event::Thinking { choice: 0, text: "hm".into() },
        Event::Signature { choice: 0, signature: "a".into() },
        text(""),
        text("a"),
        tool(0),
        Event::ToolSignature { choice: 0, tool: 0, signature: "a".into() },
        tool(1),
        arguments(1, "{\"x\""),
        arguments(0, ""),
        arguments(1, ":1}"),
        finish(StopReason::ToolCalls),
        Event::Usage(usage),
        Event::Done,
        text("too late"),
        Event::Done,
    ];
    let used = r#","usageMetadata":{"promptTokenCount":100,"candidatesTokenCount":5,"totalTokenCount":109,"cachedContentTokenCount":60,"thoughtsTokenCount":4}"#;
    assert_eq!(
        written(&events).unwrap(),
        [
            chunk(r#"{"text":"hm","thought":true}"#),
            chunk(r#"{"text":"","thoughtSignature":"YXR0YWNoZTpzOmE="}"#),
            chunk(r#"{"text":"a"}"#),
            chunk(r#"{"functionCall":{"id":"call_0","name":"f","args":{}},"thoughtSignature":"YXR0YWNoZTpzOmE="}"#),
            chunk(r#"{"functionCall":{"id":"call_1","name":"f","args":{"x":1}}}"#),
            last("STOP", used),
        ]
    );
}

#[test]
fn arguments_on_several_lines() {
    let events = [start(), tool(0), arguments(0, "{\n  \"x\":\r\n 1}"), finish(StopReason::ToolCalls)];
    let told = chunk(r#"{"functionCall":{"id":"call_0","name":"f","args":{   "x":   1}}}"#);
    assert_eq!(written(&events).unwrap(), [told]);
}

#[test]
fn how_streams_end() {
    assert_eq!(written(&[start(), Event::Done]).unwrap(), [last("STOP", "")]);
    let refused = [start(), Event::Refusal { choice: 0, text: "no".into() }, finish(StopReason::Refused), Event::Done];
    assert_eq!(written(&refused).unwrap(), [chunk(r#"{"text":"no"}"#), last("SAFETY", "")]);
    let error = Event::Error(Fault::upstream("it broke"));
    let said = r#"{"error":{"code":502,"message":"it broke","status":"INTERNAL","details":[]}}"#
        .replace(r#","details":[]"#, "");
    assert_eq!(written(&[error.clone(), start(), Event::Done]).unwrap(), [said.as_str()]);
    assert_eq!(written(&[start(), error]).unwrap(), [said]);
    assert_eq!(written(&[start()]).unwrap(), [""; 0]);
}

#[test]
fn sources_are_told_at_the_end() {
    let citation = Citation { span: Some((0, 2)), url: Some("u".into()), ..Citation::default() };
    let events = [start(), text("På."), Event::Citation { choice: 0, citation }, finish(StopReason::End), Event::Done];
    let told = written(&events).unwrap();
    assert!(
        told[1].contains(
            r#""groundingMetadata":{"groundingChunks":[{"web":{"uri":"u"}}],"groundingSupports":[{"segment":{"startIndex":0,"endIndex":3},"groundingChunkIndices":[0]}]}"#
        ),
        "{told:?}"
    );
}

#[test]
fn what_cannot_be_held() {
    let late = [start(), tool(0), arguments(0, "{"), text("a"), arguments(0, "}")];
    let fault = written(&late).unwrap_err();
    assert_eq!(fault.code.as_deref(), Some("interleaved_tool_calls"));
    let mut encoder = Encoder::new(Asked::default());
    let mut out = Vec::new();
    encoder.event(&tool(0), &mut out).unwrap();
    let piece = "x".repeat(1 << 20);
    let fault = (0..20).find_map(|_| {
        encoder.event(&Event::ToolArguments { choice: 0, tool: 0, json: piece.as_str().into() }, &mut out).err()
    });
    assert!(fault.unwrap().message.contains("bytes of tool arguments"));
    let many: Vec<_> = (0..2000).map(tool).collect();
    assert!(written(&many).unwrap_err().message.contains("calls at once"));
}

fn any_event() -> impl Strategy<Value = Event<'static>> {
    let words = || prop::sample::select(["", "a", "\"é\n", "{}"].as_slice());
    prop_oneof![
        Just(start()),
        words().prop_map(text),
        words().prop_map(|text| Event::Thinking { choice: 0, text: text.into() }),
        words().prop_map(|signature| Event::Signature { choice: 1, signature: signature.into() }),
        words().prop_map(|data| Event::RedactedThinking { choice: 0, data: data.into() }),
        (0u32..3).prop_map(tool),
        (0u32..3, words()).prop_map(|(tool, json)| arguments(tool, json)),
        Just(Event::PartEnd { choice: 0 }),
        Just(finish(StopReason::ToolCalls)),
        Just(Event::Usage(Usage { input: 5, output: 7, ..Usage::default() })),
        Just(Event::Done),
        Just(Event::Error(Fault::upstream("x"))),
    ]
}

proptest! {
    /// Whatever the events are: every chunk is JSON, and what is written can be read.
    #[test]
    fn what_is_written_can_be_read(events in prop::collection::vec(any_event(), 0..20)) {
        let mut encoder = Encoder::new(Asked::default());
        let mut out = Vec::new();
        for event in &events {
            if encoder.event(event, &mut out).is_err() {
                break;
            }
        }
        let (read, _) = pass(&out, &[]);
        prop_assert!(!read.contains("cannot be read"), "{}", read);
    }

    #[test]
    fn nothing_panics(frames in prop::collection::vec(prop_oneof![words::json(), ".{0,40}"], 0..6)) {
        let mut decoder = Decoder::default();
        let mut encoder = Encoder::new(Asked::default());
        let mut out = Vec::new();
        for data in &frames {
            let frame = Frame { event: None, data: Cow::Borrowed(data.as_bytes()), raw: b"" };
            if decoder.frame(&frame, &mut |event| { let _said = encoder.event(&event, &mut out); }).is_err() {
                break;
            }
        }
    }
}
