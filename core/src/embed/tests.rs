//! Every front towards every upstream: requests, answers, losses and refusals.

use super::*;
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::PathBuf;

const SHAPES: [Shape; 7] = [
    Shape::OpenAi,
    Shape::Gemini,
    Shape::GeminiBatch,
    Shape::Vertex,
    Shape::Cohere,
    Shape::Titan,
    Shape::CohereBedrock,
];

fn front(name: &str) -> Shape {
    match name.split('_').next() {
        Some("openai") => Shape::OpenAi,
        Some("gemini") => Shape::Gemini,
        Some("batch") => Shape::GeminiBatch,
        Some("vertex") => Shape::Vertex,
        Some("cohere") => Shape::Cohere,
        Some("titan") => Shape::Titan,
        Some("bedrock") => Shape::CohereBedrock,
        _ => unreachable!("{name} begins with no shape"),
    }
}

fn folder(area: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fixtures", "embed", area].iter().collect()
}

fn files(area: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder(area))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no fixtures in {area}");
    files
}

fn check_all(area: &str, render: impl Fn(&str, &[u8]) -> String) {
    for (name, bytes) in files(area) {
        let rendered = render(&name, &bytes);
        insta::with_settings!({
            snapshot_path => folder(area), prepend_module_to_snapshot => false, omit_expression => true,
        }, { insta::assert_snapshot!(name.as_str(), rendered) });
    }
}

/// The client's request as every upstream gets it, and what each could not be told.
#[test]
fn requests_towards_every_upstream() {
    check_all("requests", |name, body| {
        let mut out = String::new();
        texts(front(name), body, &mut |said| writeln!(out, "{said:?}").unwrap());
        for upstream in SHAPES {
            write!(out, "\n{upstream:?}: ").unwrap();
            match encode(front(name), upstream, body, &Target::new("the-model")) {
                Ok((encoded, _)) => {
                    out.push_str(std::str::from_utf8(&encoded.body).unwrap());
                    writeln!(out, "\n  losses: {}", encoded.losses.header()).unwrap();
                }
                Err(fault) => writeln!(out, "{} {} ({:?})", fault.status, fault.message, fault.param).unwrap(),
            }
        }
        out
    });
}

/// A provider's answer as every front gets it.
#[test]
fn answers_towards_every_front() {
    check_all("answers", |name, body| {
        let shape = front(name);
        let inputs = if name.ends_with("two") { 2 } else { 1 };
        let mut out = format!("{:?}\n", usage(shape, body));
        for front in SHAPES {
            for encodings in [vec![], vec![Encoding::Base64]] {
                let asked = Asked { encodings, inputs };
                write!(out, "\n{front:?} {:?}: ", asked.encodings).unwrap();
                match answer(front, shape, &asked, "the-model", body) {
                    Ok((body, _, losses)) => {
                        out.push_str(std::str::from_utf8(&body).unwrap());
                        writeln!(out, "\n  losses: {}", losses.header()).unwrap();
                    }
                    Err(fault) => writeln!(out, "{} {}", fault.status, fault.message).unwrap(),
                }
            }
        }
        out
    });
}

fn translated(front: Shape, upstream: Shape, body: &str) -> (String, Asked) {
    let (encoded, asked) = encode(front, upstream, body.as_bytes(), &Target::new("m")).unwrap();
    (String::from_utf8(encoded.body).unwrap(), asked)
}

#[test]
fn a_request_there_and_its_answer_back() {
    let body = r#"{"model":"x","input":["a","b"],"encoding_format":"base64"}"#;
    let (sent, asked) = translated(Shape::OpenAi, Shape::Cohere, body);
    assert_eq!(sent, r#"{"model":"m","input_type":"search_document","texts":["a","b"],"embedding_types":["float"]}"#);
    let answered =
        br#"{"id":"1","embeddings":{"float":[[1,-2.5],[0.1,0]]},"meta":{"billed_units":{"input_tokens":2}}}"#;
    let (body, usage, losses) = answer(Shape::OpenAi, Shape::Cohere, &asked, "x", answered).unwrap();
    let expected = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPwAAIMA="},{"object":"embedding","index":1,"embedding":"zczMPQAAAAA="}],"model":"x","usage":{"prompt_tokens":2,"total_tokens":2}}"#;
    assert_eq!(std::str::from_utf8(&body).unwrap(), expected);
    assert_eq!((usage.unwrap().input, losses.header().as_str()), (2, ""));
}

#[test]
fn a_target_that_says_what_its_vectors_are_for() {
    let target = Target { purpose: Purpose::Query, ..Target::new("m") };
    let (encoded, _) = encode(Shape::OpenAi, Shape::Cohere, br#"{"input":"a"}"#, &target).unwrap();
    assert!(std::str::from_utf8(&encoded.body).unwrap().contains(r#""input_type":"search_query""#));
    let (encoded, _) =
        encode(Shape::OpenAi, Shape::Cohere, br#"{"input":"a","input_type":"passage"}"#, &target).unwrap();
    assert!(std::str::from_utf8(&encoded.body).unwrap().contains(r#""input_type":"search_document""#));
}

fn refused(front: Shape, upstream: Shape, body: &str, message: &str) {
    let fault = encode(front, upstream, body.as_bytes(), &Target::new("m")).unwrap_err();
    assert!(fault.message.contains(message), "{body}: {}", fault.message);
    assert_eq!(fault.status, 400, "{body}");
}

#[test]
fn what_has_no_answer_is_refused() {
    use Shape::{Cohere, Gemini, GeminiBatch, OpenAi, Titan};
    refused(OpenAi, Titan, r#"{"input":["a","b"]}"#, "input: this model takes one input at a time");
    refused(OpenAi, Gemini, r#"{"input":["a","b"]}"#, "one input at a time");
    refused(OpenAi, Titan, r#"{"input":[1,2]}"#, "no tokens");
    refused(OpenAi, Cohere, r#"{"input":[[]]}"#, "a list of tokens needs one at least");
    for upstream in [GeminiBatch, Cohere, Shape::Vertex] {
        refused(OpenAi, upstream, r#"{"input":[[1,2],[3]]}"#, "no tokens");
    }
    for body in [r#"{"input":[]}"#, "{}", r#"{"input":null}"#] {
        refused(OpenAi, Cohere, body, "input: one at least is needed");
    }
    refused(OpenAi, Cohere, r#"{"input":[1,"a"]}"#, "input: invalid type");
    refused(OpenAi, Cohere, r#"{"input":{"a":1}}"#, "input: invalid type");
    refused(OpenAi, Cohere, r#"{"input":["a",null]}"#, "input: invalid type");
    refused(OpenAi, Cohere, r#"{"input":"a","encoding_format":"int8"}"#, "expected one of float, base64");
    refused(OpenAi, Cohere, r#"{"input":"a","dimensions":"3"}"#, "dimensions: invalid type");
    refused(OpenAi, Cohere, "{", "EOF");
    refused(Cohere, OpenAi, r#"{"texts":["a"],"embedding_types":["float","int8"]}"#, "does not give `int8`");
    refused(Cohere, OpenAi, r#"{"texts":["a"],"truncate":"MIDDLE"}"#, "NONE, START, END");
    refused(Cohere, OpenAi, r#"{"texts":["a"],"images":[]}"#, "only one of texts");
    refused(Cohere, OpenAi, r#"{"images":["https://x/y.png"]}"#, "data URI");
    refused(Cohere, OpenAi, r#"{"images":["data:image/png;base64,AA=="]}"#, "no images");
    refused(Cohere, Gemini, r#"{"images":["data:audio/mpeg;base64,AA=="]}"#, "expected an image as a data URI");
    let differ = r#"{"requests":[{"content":{"parts":[{"text":"a"}]},"taskType":"CLUSTERING"},{"content":{"parts":[{"text":"b"}]}}]}"#;
    refused(GeminiBatch, Cohere, differ, "taskType: this model takes one for all inputs");
    refused(Gemini, Cohere, r#"{"content":{"parts":[]}}"#, "content.parts");
    refused(Gemini, Cohere, r#"{"content":{"parts":[{"fileData":{"fileUri":"x"}}]}}"#, "no files");
    let crowd = format!(r#"{{"input":[{}0]}}"#, "0,".repeat(wire::VALUES_MAX));
    assert_eq!(encode(OpenAi, OpenAi, crowd.as_bytes(), &Target::new("m")).unwrap_err().status, 413);
}

#[test]
fn answers_that_are_none() {
    let asked = Asked { encodings: vec![], inputs: 2 };
    for (upstream, body, message) in [
        (Shape::OpenAi, r#"{"data":[{"embedding":[1]}]}"#, "gave 1 embeddings for 2 inputs"),
        (Shape::OpenAi, r#"{"error":{"message":"x"}}"#, "gave 0 embeddings"),
        (Shape::OpenAi, r#"{"data":[{},{}]}"#, "without an embedding"),
        (Shape::OpenAi, r#"{"data":[{"embedding":[1]},{"embedding":{}}]}"#, "neither a list nor base64"),
        (Shape::OpenAi, "<html>", "holds no embeddings"),
        (Shape::OpenAi, "", "holds no embeddings"),
        (Shape::Gemini, "{}", "gave 0"),
        (Shape::Vertex, r#"{"predictions":[{}]}"#, "without values"),
        (Shape::Cohere, "{}", "holds no embeddings"),
        (Shape::Cohere, r#"{"embeddings":{"float":[]}}"#, "holds no embeddings"),
        (Shape::Cohere, r#"{"embeddings":{"int8":[[1],[2]]}}"#, "no embeddings as `float`"),
        (Shape::Titan, r#"{"message":"Bad image"}"#, "Bad image"),
    ] {
        let fault = answer(Shape::OpenAi, upstream, &asked, "m", body.as_bytes()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Upstream, "{body}");
        assert!(fault.message.contains(message), "{body}: {}", fault.message);
    }
}

#[test]
fn shapes_of_providers() {
    use crate::dialect::Dialect;
    for (dialect, model, expected) in [
        (Dialect::OpenAi, "text-embedding-3-small", Some(Shape::OpenAi)),
        (Dialect::Gemini, "gemini-embedding-001", Some(Shape::GeminiBatch)),
        (Dialect::Cohere, "embed-v4.0", Some(Shape::Cohere)),
        (Dialect::Converse, "amazon.titan-embed-text-v2:0", Some(Shape::Titan)),
        (Dialect::Converse, "us.cohere.embed-v4:0", Some(Shape::CohereBedrock)),
        (Dialect::Converse, "anthropic.claude-3", None),
        (Dialect::Anthropic, "claude", None),
    ] {
        assert_eq!(Shape::of_upstream(dialect, model), expected, "{model}");
    }
}

/// Any JSON that is made of these APIs' words.
fn json() -> impl Strategy<Value = String> {
    const KEYS: [&str; 34] = [
        "input",
        "model",
        "dimensions",
        "encoding_format",
        "input_type",
        "requests",
        "content",
        "parts",
        "text",
        "inlineData",
        "mimeType",
        "data",
        "taskType",
        "title",
        "texts",
        "images",
        "inputs",
        "embedding_types",
        "truncate",
        "image_url",
        "url",
        "inputText",
        "embedding",
        "embeddings",
        "values",
        "float",
        "int8",
        "base64",
        "predictions",
        "statistics",
        "token_count",
        "usage",
        "instances",
        "index",
    ];
    let leaf = prop::sample::select(
        [
            "null",
            "1",
            "-2.5",
            "\"a\"",
            "\"float\"",
            "\"base64\"",
            "\"AACAPw==\"",
            "\"data:image/png;base64,AA==\"",
            "\"CLUSTERING\"",
            "\"END\"",
            "[]",
            "{}",
            "1e99",
        ]
        .as_slice(),
    )
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 48, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((prop::sample::select(KEYS.as_slice()), inner), 0..6).prop_map(|members| {
                let members: Vec<String> = members.into_iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_panics(
        body in prop_oneof![json(), ".{0,40}"],
        front in prop::sample::select(SHAPES.as_slice()),
        upstream in prop::sample::select(SHAPES.as_slice()),
    ) {
        let _ = usage(front, body.as_bytes());
        texts(front, body.as_bytes(), &mut |_| {});
        if let Ok((encoded, asked)) = encode(front, upstream, body.as_bytes(), &Target::new("m")) {
            prop_assert!(decode(upstream, &encoded.body).is_ok(), "{body} became {:?}", encoded.body);
            let _ = answer(front, upstream, &asked, "m", body.as_bytes());
        }
    }

    /// What is said to an upstream of another shape is understood there as it was meant.
    #[test]
    fn texts_arrive(
        inputs in prop::collection::vec(".{0,20}", 1..4),
        front in prop::sample::select(vec![Shape::OpenAi, Shape::GeminiBatch, Shape::Vertex, Shape::Cohere, Shape::CohereBedrock]),
        upstream in prop::sample::select(vec![Shape::OpenAi, Shape::GeminiBatch, Shape::Vertex, Shape::Cohere, Shape::CohereBedrock]),
    ) {
        let body = serde_json::json!({ "input": inputs }).to_string();
        let (there, _) = translated(Shape::OpenAi, front, &body);
        let (sent, asked) = translated(front, upstream, &there);
        let mut seen = Vec::new();
        texts(upstream, sent.as_bytes(), &mut |said| if let Said::Text(text) = said { seen.push(text.to_owned()) });
        prop_assert_eq!(&seen, &inputs);
        prop_assert_eq!(asked.inputs, inputs.len());
    }
}
