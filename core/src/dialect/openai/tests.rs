//! Every fixture through every door, at every cut; anything at all through every decoder.

use super::{error, request, response, stream};
use crate::dialect::{Asked, Upstream};
use crate::fault::Fault;
use crate::frame::sse::{Sse, TooLong};
use crate::loss::Losses;
use crate::stream::Event;
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const NOW: u64 = 1_700_000_000;

/// Every file of a fixture folder, with a snapshot of what `tell` says about it beside it.
fn each(folder: &str, tell: impl Fn(&[u8]) -> String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/openai").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension != "snap" && extension != "new"));
    files.sort();
    assert!(!files.is_empty(), "{} holds no fixtures", folder.display());
    for file in files {
        let told = tell(&std::fs::read(&file).unwrap());
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        insta::with_settings!({snapshot_path => &folder, prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(name, told);
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

#[test]
fn requests() {
    each("requests", |body| {
        let hub = match request::decode(body) {
            Ok(hub) => hub,
            Err(fault) => return faulty(&fault),
        };
        let encoded = request::encode(&hub, &Upstream::new("target")).unwrap();
        let body = String::from_utf8(encoded.body).unwrap();
        let again = request::encode(&request::decode(body.as_bytes()).unwrap(), &Upstream::new("target")).unwrap();
        assert_eq!(String::from_utf8(again.body).unwrap(), body, "what is written reads the same");
        format!("{hub:#?}\n\nencoded: {body}\nlosses: {}\n", encoded.losses.header())
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
        let asked = Asked { stream_usage: false, now: NOW, ..Asked::default() };
        let encoded = response::encode(&hub, &asked, &mut losses);
        let again = response::encode(&response::decode(&encoded).unwrap(), &asked, &mut Losses::default());
        assert_eq!(again, encoded, "what is written reads the same");
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

/// A stream's events as text, and the stream that they make for a client; pushed in pieces that end at `cuts`.
fn through(sse: &[u8], cuts: &[usize]) -> (String, String) {
    let mut decoder = stream::Decoder::default();
    let mut encoder = stream::Encoder::new(Asked { stream_usage: true, now: NOW, ..Asked::default() });
    let mut events = String::new();
    let mut out = Vec::new();
    let mut each = |frame: crate::frame::sse::Frame<'_>| {
        decoder.frame(&frame, &mut |event: Event<'_>| {
            writeln!(events, "{event:?}").unwrap();
            encoder.event(&event, &mut out).unwrap();
        })
    };
    let mut frames = Sse::new(1 << 20);
    let mut from = 0;
    let mut pushed = Ok(());
    for &cut in cuts.iter().chain([&sse.len()]) {
        pushed = pushed.and_then(|()| frames.push(&sse[from..cut], &mut |frame| each(frame).map_err(Broken)));
        from = cut;
    }
    if let Err(Broken(fault)) = pushed.and_then(|()| frames.finish(&mut |frame| each(frame).map_err(Broken))) {
        events.push_str(&faulty(&fault));
    }
    (events, String::from_utf8(out).unwrap())
}

struct Broken(Fault);

impl From<TooLong> for Broken {
    fn from(_: TooLong) -> Self {
        Self(Fault::upstream("too long"))
    }
}

#[test]
fn streams() {
    each("streams", |sse| {
        let (events, out) = through(sse, &[]);
        for cut in 0..=sse.len() {
            assert_eq!(through(sse, &[cut]), (events.clone(), out.clone()), "cut at {cut}");
        }
        let every: Vec<usize> = (0..=sse.len()).collect();
        assert_eq!(through(sse, &every), (events.clone(), out.clone()), "byte by byte");
        format!("{events}\nencoded:\n{out}")
    });
}

/// What the encoder writes, the decoder reads as the same events again (losses aside), and at any cut.
#[test]
fn what_is_streamed_reads_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/openai/streams");
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "sse") {
            let (_, out) = through(&std::fs::read(&file).unwrap(), &[]);
            let (events, again) = through(out.as_bytes(), &[]);
            assert_eq!(again, out, "{}", file.display());
            for cut in 0..=out.len() {
                assert_eq!(through(out.as_bytes(), &[cut]).0, events, "{} cut at {cut}", file.display());
            }
        }
    }
}

/// JSON that is nearly of this dialect: its field names with any values.
fn near_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?",
        Just("1e400".to_owned()),
        "\"(text|image_url|file|tool|assistant|user|function|stop|tool_calls|data:;base64,|data:é,|[a-zé]{0,5}|\\\\u00e9)\"",
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let key = prop::sample::select(vec![
            "model",
            "messages",
            "role",
            "content",
            "type",
            "text",
            "image_url",
            "url",
            "input_audio",
            "file",
            "file_data",
            "tool_calls",
            "id",
            "function",
            "name",
            "arguments",
            "tool_call_id",
            "choices",
            "message",
            "delta",
            "index",
            "finish_reason",
            "usage",
            "prompt_tokens",
            "error",
            "code",
            "detail",
            "thinking_blocks",
            "thinking",
            "reasoning",
            "tools",
            "tool_choice",
            "stop",
            "response_format",
            "json_schema",
            "custom",
            "function_call",
            "logprobs",
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
        request::encode(&hub, &Upstream::new("m")).unwrap();
    }
    if let Ok(hub) = response::decode(bytes) {
        response::encode(&hub, &Asked::default(), &mut Losses::default());
    }
    let fault = error::decode(500, bytes);
    assert!(!fault.message.is_empty() && fault.message.len() < 4096);
    let sse = [b"data: ", bytes, b"\n\ndata: ", bytes, b"\n\nevent: error\ndata: ", bytes, b"\n\n"].concat();
    through(&sse, &[]);
}

proptest! {
    #[test]
    fn no_json_panics(json in near_json()) {
        through_every_decoder(json.as_bytes());
        through_every_decoder(format!(r#"{{"model":"m","messages":[{{"role":"assistant","content":{json},"tool_calls":{json}}},{{"role":"user","content":[{json}]}}]}}"#).as_bytes());
        through_every_decoder(format!(r#"{{"choices":[{{"delta":{json},"message":{json}}}]}}"#).as_bytes());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        through_every_decoder(&bytes);
    }
}
