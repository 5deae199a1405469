//! Every fixture through every door, at every cut; anything at all through every decoder.

use super::{Echo, error, request, response, stream};
use crate::chat::{Choice, Citation, Part, Response, StopReason, TextPart, ToolCall};
use crate::dialect::{Asked, Upstream};
use crate::edit::Object;
use crate::fault::{Fault, FaultKind};
use crate::frame::sse::{Frame, Sse, TooLong};
use crate::loss::Losses;
use crate::stream::Event;
use crate::usage::Usage;
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/responses").join(name)
}

/// Every file of a fixture folder, by its name.
fn files(name: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension != "snap" && extension != "new"));
    files.sort();
    assert!(!files.is_empty(), "{name} holds no fixtures");
    let read = |file: &PathBuf| std::fs::read(file).unwrap();
    files.iter().map(|file| (file.file_name().unwrap().to_string_lossy().into_owned(), read(file))).collect()
}

/// A snapshot of what `tell` says about every file of a folder, beside it.
fn each(name: &str, tell: impl Fn(&[u8]) -> String) {
    for (file, bytes) in files(name) {
        insta::with_settings!({snapshot_path => folder(name), prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(file, tell(&bytes));
        });
    }
}

fn pretty(json: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(json).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

fn faulty(fault: &Fault) -> String {
    let Fault { kind, status, message, code, param } = fault;
    format!("{} {status}: {message}\ncode: {code:?}\nparam: {param:?}\n", kind.as_str())
}

fn asked() -> Asked {
    Asked { stream_usage: true, now: 1_700_000_000, ..Asked::default() }
}

#[test]
fn requests() {
    each("requests", |body| {
        let hub = match request::decode(body) {
            Ok(hub) => hub,
            Err(fault) => return faulty(&fault),
        };
        let encoded = request::encode(&hub, &Upstream::new("target")).unwrap();
        let again = request::decode(&encoded.body).unwrap();
        let again = request::encode(&again, &Upstream::new("target")).unwrap();
        assert_eq!(String::from_utf8_lossy(&again.body), String::from_utf8_lossy(&encoded.body), "reads the same");
        format!("{hub:#?}\n\nencoded: {}\nlosses: {}\n", pretty(&encoded.body), encoded.losses.header())
    });
}

#[test]
fn responses() {
    each("responses", |body| {
        let hub = match response::decode(body) {
            Ok(hub) => hub,
            Err(fault) => return faulty(&fault),
        };
        let mut losses = Losses::default();
        let encoded = response::encode(&hub, &asked(), &mut losses);
        let again = response::encode(&response::decode(&encoded).unwrap(), &asked(), &mut Losses::default());
        assert_eq!(
            String::from_utf8_lossy(&again),
            String::from_utf8_lossy(&encoded),
            "what is written reads the same"
        );
        format!("{hub:#?}\n\nencoded: {}\nlosses: {}\n", pretty(&encoded), losses.header())
    });
}

#[test]
fn errors() {
    each("errors", |body| {
        let fault = error::decode(500, body);
        format!("{}\nencoded: {}\n", faulty(&fault), pretty(&error::encode(&fault)))
    });
}

struct Broken(Fault);

impl From<TooLong> for Broken {
    fn from(_: TooLong) -> Self {
        Self(Fault::upstream("too long"))
    }
}

/// A stream's events as text, and the stream that they make for a client; pushed in pieces that end at `cuts`.
fn through(sse: &[u8], cuts: &[usize]) -> (String, String) {
    let mut decoder = stream::Decoder::default();
    let mut encoder = stream::Encoder::new(asked());
    let (mut events, mut out) = (String::new(), Vec::new());
    let mut each = |frame: Frame<'_>| {
        let mut said = Ok(());
        let read = decoder.frame(&frame, &mut |event: Event<'_>| {
            writeln!(events, "{event:?}").unwrap();
            said = said.clone().and_then(|()| encoder.event(&event, &mut out));
        });
        read.and(said).map_err(Broken)
    };
    let mut frames = Sse::new(1 << 20);
    let mut from = 0;
    let mut pushed = Ok(());
    for &cut in cuts.iter().chain([&sse.len()]) {
        pushed = pushed.and_then(|()| frames.push(&sse[from..cut], &mut each));
        from = cut;
    }
    if let Err(Broken(fault)) = pushed.and_then(|()| frames.finish(&mut each)) {
        events.push_str(&faulty(&fault));
    }
    (events, String::from_utf8(out).unwrap())
}

#[test]
fn streams() {
    each("streams", |sse| {
        let (events, out) = through(sse, &[]);
        format!("{events}\nencoded:\n{out}")
    });
}

#[test]
fn wherever_the_network_cuts() {
    for (name, sse) in files("streams") {
        let whole = through(&sse, &[]);
        for cut in 0..=sse.len() {
            assert_eq!(through(&sse, &[cut]), whole, "{name} cut at {cut}");
        }
        let every: Vec<usize> = (0..=sse.len()).collect();
        assert_eq!(through(&sse, &every), whole, "{name} byte by byte");
    }
}

/// What the encoder writes, the decoder reads as the same answer again.
#[test]
fn what_is_streamed_reads_the_same() {
    for (name, sse) in files("streams") {
        let (events, out) = through(&sse, &[]);
        let (again, written) = through(out.as_bytes(), &[]);
        assert_eq!(written, out.replace(": ping\n", ""), "{name}");
        // Losses are not written, pings are comments, the tier is told with the end, and a message is one part.
        let kept = |events: &str| -> Vec<String> {
            let not = ["Loss", "Ping", "ServiceTier", "PartEnd"];
            events.lines().filter(|line| !not.iter().any(|name| line.starts_with(name))).map(str::to_owned).collect()
        };
        if !matches!(name.as_str(), "side_by_side.sse" | "custom_tool.sse" | "reasoning_and_tools.sse" | "broken.sse") {
            assert_eq!(kept(&again), kept(&events), "{name}");
        }
    }
}

/// A stream ends with the answer that the same events make as a whole.
#[test]
fn the_last_event_holds_the_whole_answer() {
    for (name, body) in files("responses") {
        let Ok(hub) = response::decode(&body) else { continue };
        let whole = response::encode(&hub, &asked(), &mut Losses::default());
        let (mut encoder, mut out) = (stream::Encoder::new(asked()), Vec::new());
        crate::stream::replay(&hub, &mut |event| encoder.event(&event, &mut out)).unwrap();
        let out = String::from_utf8(out).unwrap();
        let last = out.lines().rfind(|line| line.starts_with("data: ")).unwrap().trim_start_matches("data: ");
        let value = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        let (mut told, mut whole) = (value(last)["response"].clone(), value(std::str::from_utf8(&whole).unwrap()));
        // A stream begins before anybody knows when the provider says that it did.
        told["created_at"] = serde_json::Value::Null;
        whole["created_at"] = serde_json::Value::Null;
        assert_eq!(told, whole, "{name}");
    }
}

/// Every event of a stream has what SDKs demand: its number, and the places that it is about.
#[test]
fn events_are_numbered_and_placed() {
    for (name, sse) in files("streams") {
        let (_, out) = through(&sse, &[]);
        let mut added: Vec<String> = Vec::new();
        for (n, line) in out.lines().filter_map(|line| line.strip_prefix("data: ")).enumerate() {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(event["sequence_number"], n, "{name}: {line}");
            if event["type"] == "response.output_item.added" {
                assert_eq!(event["output_index"], added.len(), "{name}: {line}");
                added.push(event["item"]["id"].as_str().unwrap().to_owned());
            } else if let Some(id) = event["item_id"].as_str() {
                let index = usize::try_from(event["output_index"].as_u64().unwrap()).unwrap();
                assert_eq!(added[index], id, "{name}: {line}");
            }
        }
    }
}

fn said(events: &[Event<'_>], asked: Asked) -> String {
    let (mut encoder, mut out) = (stream::Encoder::new(asked), Vec::new());
    for event in events {
        encoder.event(event, &mut out).unwrap();
    }
    String::from_utf8(out).unwrap()
}

fn start() -> Event<'static> {
    Event::Start { id: "i".into(), model: "m".into() }
}

fn finish(reason: StopReason<'static>) -> Event<'static> {
    Event::Finish { choice: 0, reason }
}

#[test]
fn an_answer_repeats_what_was_asked() {
    let request = br#"{"model":"m","input":"x","instructions":"Be brief.","tools":[{"type":"custom","name":"patch"}]}"#;
    let echo = Some(Arc::new(Echo::of(&Object::read(request).unwrap())));
    let call = |arguments: &'static str| {
        [
            start(),
            Event::ToolStart { choice: 0, tool: 0, id: "c".into(), name: "patch".into() },
            Event::ToolArguments { choice: 0, tool: 0, json: arguments.into() },
            finish(StopReason::ToolCalls),
            Event::Done,
        ]
    };
    let out = said(&call(r#"{"input":"*** \"é\"\n"}"#), Asked { echo, ..asked() });
    assert_eq!(out.matches(r#""instructions":"Be brief.""#).count(), 3, "created, in progress, completed");
    assert!(out.contains(r#"response.custom_tool_call_input.done"#), "{out}");
    assert!(out.contains(r#""name":"patch","input":"*** \"é\"\n"}"#), "{out}");
    let plain = said(&call(r#"{"input":"x"}"#), asked());
    assert!(plain.contains(r#""name":"patch","arguments":"{\"input\":\"x\"}"}"#), "{plain}");
    assert!(plain.contains(r#""instructions":null"#) && plain.contains(r#""tools":[]"#), "{plain}");
}

/// Bedrock's Converse, for one, tells neither.
#[test]
fn an_answer_without_id_and_model_gets_its_own_and_the_one_that_was_asked_for() {
    let echo = Some(Arc::new(Echo::of(&Object::read(br#"{"model":"fast","input":"x"}"#).unwrap())));
    let hub = Response { choices: Vec::new(), ..Response::default() };
    let id = |now| {
        let asked = Asked { now, echo: echo.clone(), ..Asked::default() };
        let body = String::from_utf8(response::encode(&hub, &asked, &mut Losses::default())).unwrap();
        assert!(body.contains(r#""model":"fast""#), "{body}");
        serde_json::from_str::<serde_json::Value>(&body).unwrap()["id"].as_str().unwrap().to_owned()
    };
    assert!(id(1).starts_with("resp_") && id(1) == id(1) && id(1) != id(2));
}

#[test]
fn every_reason_has_its_end() {
    for (reason, end) in [
        (StopReason::End, r#""status":"completed""#),
        (StopReason::ToolCalls, r#""status":"completed""#),
        (StopReason::Sequence(Some("x".into())), r#""status":"completed""#),
        (StopReason::Paused, r#""status":"completed""#),
        (StopReason::Unknown("eos".into()), r#""status":"completed""#),
        (StopReason::Length, r#""incomplete_details":{"reason":"max_output_tokens"}"#),
        (StopReason::Refused, r#""incomplete_details":{"reason":"content_filter"}"#),
    ] {
        let is_whole = end.contains("completed");
        let out = said(&[start(), Event::Text { choice: 0, text: "a".into() }, finish(reason), Event::Done], asked());
        let last = out.lines().rfind(|line| line.starts_with("data: ")).unwrap();
        assert!(last.contains(end), "{last}");
        assert_eq!(last.contains(r#""type":"response.completed""#), is_whole, "{last}");
        assert_eq!(last.contains(r#""type":"response.incomplete""#), !is_whole, "{last}");
    }
    let no = [start(), Event::Refusal { choice: 0, text: "No.".into() }, finish(StopReason::Refused), Event::Done];
    assert!(said(&no, asked()).contains("response.completed"), "a refusal in words is a whole answer");
}

#[test]
fn an_error_is_said_for_those_who_raise_it_and_those_who_wait_for_the_end() {
    let fault = Fault::new(FaultKind::RateLimit, "slow down").with_param("p");
    let error = r#"{"type":"error","sequence_number":N,"code":null,"message":"slow down","param":"p","error":{"message":"slow down","type":"rate_limit_error","param":"p","code":"rate_limit_exceeded"}}"#;
    let alone = said(&[Event::Error(fault.clone()), start()], asked());
    assert_eq!(alone, format!("event: error\ndata: {}\n\n", error.replace('N', "0")));
    let begun = said(&[start(), Event::Text { choice: 0, text: "a".into() }, Event::Error(fault)], asked());
    assert!(begun.contains(&error.replace('N', "5")), "{begun}");
    let last = begun.lines().rfind(|line| line.starts_with("data: ")).unwrap();
    assert!(last.contains(r#""type":"response.failed""#) && last.contains(r#""status":"failed""#), "{last}");
    assert!(last.contains(r#""error":{"code":"rate_limit_exceeded","message":"slow down"}"#), "{last}");
}

#[test]
fn what_is_held_is_bounded() {
    let mut encoder = stream::Encoder::new(asked());
    let mut out = Vec::new();
    let text = "x".repeat(1 << 20);
    let mut said = Ok(());
    for _ in 0..9 {
        said = said.and_then(|()| encoder.event(&Event::Text { choice: 0, text: text.as_str().into() }, &mut out));
        out.clear();
    }
    let fault = said.unwrap_err();
    assert_eq!((fault.code.as_deref(), fault.kind), (Some("answer_too_long"), FaultKind::Upstream));
    let mut encoder = stream::Encoder::new(asked());
    let start = |tool| Event::ToolStart { choice: 0, tool, id: "c".into(), name: "f".into() };
    for tool in 0..1024 {
        encoder.event(&start(tool), &mut out).unwrap();
    }
    assert!(encoder.event(&start(1024), &mut out).is_err());
    let arguments = Event::ToolArguments { choice: 0, tool: 0, json: "{}".into() };
    assert!(stream::Encoder::new(asked()).event(&arguments, &mut out).is_err(), "a call that never began");
}

#[test]
fn a_whole_answer_of_another_dialect() {
    let cited = |span, quote: Option<&'static str>| Citation {
        span,
        url: Some("https://e".into()),
        title: Some("E".into()),
        quote: quote.map(Into::into),
        document: None,
    };
    let document = Citation { document: Some("0".into()), title: Some("a.pdf".into()), ..Citation::default() };
    let text = |text: &'static str, citations| Part::Text(TextPart { text: text.into(), citations, cache: None });
    let signed = ToolCall { id: "c".into(), name: "f".into(), signature: Some("Q2lz".into()), ..ToolCall::default() };
    let parts = vec![
        Part::Thinking { text: "hm".into(), signature: Some("sig".into()) },
        Part::RedactedThinking { data: "Emw".into() },
        text("é1 ", vec![]),
        text("zwei", vec![cited(None, Some("q")), document]),
        Part::ToolCall(signed),
        text("drei", vec![cited(Some((7, 11)), None)]),
    ];
    let choice = |index| Choice { index, parts: parts.clone(), stop: StopReason::Paused, logprobs: None };
    let usage = Usage { input: 7, output: 3, cost_nanos: Some(1_500_000_000), ..Usage::default() };
    let hub = Response {
        id: "msg_1".into(),
        model: "claude".into(),
        choices: vec![choice(0), choice(1)],
        usage: Some(usage),
        service_tier: Some("batch".into()),
        ..Response::default()
    };
    let mut losses = Losses::default();
    let body = String::from_utf8(response::encode(&hub, &asked(), &mut losses)).unwrap();
    assert_eq!(losses.header(), "service_tier, choices, stop_reason.pause_turn, content.citations.quote");
    for expected in [
        r#""summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"sig""#,
        r#""encrypted_content":"redacted_thinking.Emw""#,
        r#""encrypted_content":"tool_call_signature.Q2lz""#,
        r#""text":"é1 zwei""#,
        r#"{"type":"url_citation","url":"https://e","title":"E","start_index":3,"end_index":7}"#,
        r#"{"type":"file_citation","file_id":"0","filename":"a.pdf","index":7}"#,
        r#"{"type":"url_citation","url":"https://e","title":"E","start_index":0,"end_index":4}"#,
        r#""arguments":"{}""#,
        r#""created_at":1700000000"#,
        r#""cost":1.5"#,
    ] {
        assert!(body.contains(expected), "{body} has no {expected}");
    }
    let again = response::decode(body.as_bytes()).unwrap();
    let signatures: Vec<_> = again.choices[0]
        .parts
        .iter()
        .filter_map(|part| if let Part::ToolCall(call) = part { call.signature.as_deref() } else { None })
        .collect();
    assert_eq!(signatures, ["Q2lz"]);
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?",
        "\"(message|function_call|function_call_output|reasoning|custom_tool_call|input_text|input_image|output_text|refusal|completed|incomplete|failed|user|assistant|response\\.(output_text\\.delta|output_item\\.(added|done)|completed|created|reasoning_summary_text\\.delta|function_call_arguments\\.(delta|done)|output_text\\.annotation\\.added)|data:;base64,|[a-zé]{0,5})\"",
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let key = prop::sample::select(vec![
            "model",
            "input",
            "role",
            "content",
            "type",
            "text",
            "refusal",
            "image_url",
            "file_data",
            "file_id",
            "call_id",
            "name",
            "namespace",
            "arguments",
            "output",
            "summary",
            "encrypted_content",
            "tools",
            "tool_choice",
            "format",
            "reasoning",
            "effort",
            "include",
            "status",
            "incomplete_details",
            "reason",
            "usage",
            "input_tokens",
            "response",
            "item",
            "delta",
            "output_index",
            "content_index",
            "summary_index",
            "annotation",
            "annotations",
            "logprobs",
            "start_index",
            "end_index",
            "error",
            "code",
            "id",
            "x",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((key, inner), 0..8).prop_map(|fields| {
                let fields: Vec<String> = fields.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

fn through_every_decoder(bytes: &[u8]) {
    if let Ok(hub) = request::decode(bytes) {
        let _encoded = request::encode(&hub, &Upstream::new("m"));
    }
    if let Ok(hub) = response::decode(bytes) {
        let again = response::encode(&hub, &asked(), &mut Losses::default());
        assert!(response::decode(&again).is_ok());
    }
    if let Ok(object) = Object::read(bytes) {
        let echo = format!("{{{}}}", Echo::of(&object).members());
        assert!(serde_json::from_str::<serde_json::Value>(&echo).is_ok(), "{echo}");
    }
    let fault = error::decode(500, bytes);
    assert!(!fault.message.is_empty() && fault.message.len() < 4096);
    let sse = [b"data: ", bytes, b"\n\ndata: ", bytes, b"\n\nevent: error\ndata: ", bytes, b"\n\n"].concat();
    let (_, out) = through(&sse, &[]);
    through(out.as_bytes(), &[]);
}

proptest! {
    #[test]
    fn no_json_panics(json in json()) {
        through_every_decoder(json.as_bytes());
        through_every_decoder(format!(r#"{{"model":"m","input":[{json},{{"role":"user","content":[{json}]}}],"tools":[{json}]}}"#).as_bytes());
        through_every_decoder(format!(r#"{{"id":"r","output":[{json},{{"type":"message","content":[{json}]}}]}}"#).as_bytes());
        through_every_decoder(format!(r#"{{"type":"response.output_item.done","item":{json},"response":{json}}}"#).as_bytes());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        through_every_decoder(&bytes);
    }
}
