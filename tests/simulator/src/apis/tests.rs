//! What each API takes, answers and refuses.

use super::*;
use base64::Engine as _;
use http::HeaderValue;
use serde_json::json;

/// The status and the body that a request gets, of some type.
fn call(path: &str, content_type: &str, body: &[u8], script: &str) -> (u16, String, Vec<Event>) {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).expect("a header"));
    let script = Script::parse(script.as_bytes()).expect("a script");
    let call = Call {
        method: if path.starts_with("GET ") { &Method::GET } else { &Method::POST },
        path: path.trim_start_matches("GET "),
        headers: &headers,
        body: &Bytes::copy_from_slice(body),
        script: &script,
        n: 1,
        created: 2,
        validates: script.validate.unwrap_or(true),
    };
    let answer = reply(call).expect("one of these APIs").unwrap_or_else(|fault| Answer::refusal(&fault));
    match answer.content {
        Content::Whole(bytes) => (answer.status, String::from_utf8_lossy(&bytes).into_owned(), Vec::new()),
        Content::Events(events) => (answer.status, String::new(), events),
    }
}

fn post(path: &str, body: &Value) -> (u16, Value) {
    let (status, body, _) = call(path, "application/json", body.to_string().as_bytes(), "{}");
    (status, serde_json::from_str(&body).expect("JSON"))
}

fn form(parts: &[(&str, Option<&str>, &str)]) -> (String, Vec<u8>) {
    let mut body = String::new();
    for (name, file, content) in parts {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        body.push_str(&format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n"));
    }
    ("multipart/form-data; boundary=b".to_owned(), format!("{body}--b--\r\n").into_bytes())
}

fn refused(path: &str, body: &Value, status: u16, message: &str) {
    let (got, answer) = post(path, body);
    let said = answer.pointer("/error/message").or_else(|| answer.get("message")).and_then(Value::as_str);
    assert!(said.is_some_and(|said| said.contains(message)), "{body}: {answer}");
    assert_eq!(got, status, "{body}");
}

#[test]
fn openai_embeddings() {
    let (status, floats) = post("/v1/embeddings", &json!({"model": "m", "input": ["a", "b", "a"]}));
    assert_eq!((status, floats["data"][2]["index"].as_u64()), (200, Some(2)));
    assert_eq!(floats["data"][0]["embedding"], floats["data"][2]["embedding"]);
    assert_ne!(floats["data"][0]["embedding"], floats["data"][1]["embedding"]);
    assert_eq!(floats["usage"]["prompt_tokens"], 3);
    let (_, packed) = post("/v1/embeddings", &json!({"model": "m", "input": "a", "encoding_format": "base64"}));
    let text = packed["data"][0]["embedding"].as_str().expect("base64");
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
    let first = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    assert_eq!(json!(first.to_string()), json!(floats["data"][0]["embedding"][0].to_string()));
    let (_, tokens) =
        post("/v1/embeddings", &json!({"model": "text-embedding-3-small", "input": [[1, 2], [3]], "dimensions": 5}));
    assert_eq!(
        (tokens["usage"]["total_tokens"].as_u64(), tokens["data"][1]["embedding"].as_array().map(Vec::len)),
        (Some(3), Some(5))
    );

    for input in [json!(""), json!([]), json!([[]]), json!(["a", ""]), json!([1.5]), json!({}), json!(null)] {
        refused("/v1/embeddings", &json!({"model": "m", "input": input}), 400, "'$.input' is invalid");
    }
    refused("/v1/embeddings", &json!({"input": "a"}), 400, "you must provide a model");
    refused("/v1/embeddings", &json!({"model": "m", "input": "a", "input_type": "query"}), 400, "Unknown parameter");
    refused("/v1/embeddings", &json!({"model": "m", "input": "a".repeat(40_000)}), 400, "maximum context length");
    refused(
        "/v1/embeddings",
        &json!({"model": "text-embedding-ada-002", "input": "a", "dimensions": 5}),
        400,
        "dimensions",
    );
    refused("/v1/embeddings", &json!({"model": "m", "input": "a", "encoding_format": "int8"}), 400, "Supported values");
}

#[test]
fn cohere_and_amazon_embeddings() {
    let cohere = |more: Value| {
        let mut request = json!({"model": "embed-v4.0", "input_type": "search_query", "texts": ["a"]});
        for (name, value) in more.as_object().expect("an object") {
            request[name] = value.clone();
        }
        request
    };
    let (status, answer) =
        post("/v2/embed", &cohere(json!({"embedding_types": ["float", "int8", "ubinary"], "output_dimension": 256})));
    assert_eq!((status, answer["embeddings"]["ubinary"][0].as_array().map(Vec::len)), (200, Some(32)), "{answer}");
    assert_eq!(answer["meta"]["billed_units"]["input_tokens"], 1);
    refused("/v2/embed", &json!({"model": "m", "texts": ["a"]}), 400, "input_type is required");
    refused("/v2/embed", &cohere(json!({"user": "u"})), 422, "unknown field: parameter 'user'");
    refused("/v2/embed", &cohere(json!({"images": ["x"]})), 400, "only one of");
    refused("/v2/embed", &cohere(json!({"texts": vec!["a"; 97]})), 400, "between 1 and 96");
    refused("/v2/embed", &cohere(json!({"truncate": "MIDDLE"})), 400, "NONE, START, END");
    refused("/v2/embed", &cohere(json!({"output_dimension": 7})), 400, "output_dimension");
    refused("/v2/embed", &cohere(json!({"embedding_types": ["int4"]})), 400, "embedding_types");

    let titan = "/model/amazon.titan-embed-text-v2%3A0/invoke";
    let (status, answer) =
        post(titan, &json!({"inputText": "a", "dimensions": 256, "embeddingTypes": ["binary", "float"]}));
    assert_eq!((status, answer["embedding"].as_array().map(Vec::len)), (200, Some(256)));
    assert_eq!(answer["embeddingsByType"]["float"], answer["embedding"]);
    refused(titan, &json!({"inputText": "a", "user": "u"}), 400, "extraneous key [user]");
    refused(titan, &json!({"texts": ["a"], "inputText": 1}), 400, "extraneous key [texts]");
    refused(titan, &json!({}), 400, "required key [inputText] not found");
    refused(titan, &json!({"inputText": "a", "dimensions": 300}), 400, "enum");
    refused(
        "/model/amazon.titan-embed-text-v1/invoke",
        &json!({"inputText": "a", "dimensions": 256}),
        400,
        "extraneous",
    );
    let amazon = "/model/cohere.embed-english-v3/invoke";
    let (_, answer) = post(amazon, &json!({"texts": ["a"], "input_type": "clustering"}));
    assert!(answer["embeddings"][0].is_array(), "{answer}");
    refused(amazon, &json!({"model": "m", "texts": ["a"], "input_type": "clustering"}), 400, "extraneous key [model]");
}

#[test]
fn rankings() {
    let documents = json!(["red apples", "blue sky", "a red sky"]);
    let (_, answer) =
        post("/v2/rerank", &json!({"model": "m", "query": "red sky", "documents": documents, "top_n": 2}));
    assert_eq!(answer["results"], json!([{"index": 2, "relevance_score": 1.0}, {"index": 0, "relevance_score": 0.5}]));
    let (_, answer) = post("/v1/rerank", &json!({"model": "m", "query": "red sky", "documents": documents}));
    assert_eq!(answer["results"][0]["document"]["text"], "a red sky");
    refused("/v2/rerank", &json!({"model": "m", "query": "q", "documents": []}), 400, "must not be empty");
    refused("/v2/rerank", &json!({"model": "m", "query": "q", "documents": [{"text": "a"}]}), 400, "strings");
    refused(
        "/v2/rerank",
        &json!({"model": "m", "query": "q", "documents": ["a"], "return_documents": true}),
        422,
        "unknown field",
    );
    refused("/v1/rerank", &json!({"model": "m", "query": "q"}), 400, "documents");
}

#[test]
fn images() {
    let (status, answer) = post("/v1/images/generations", &json!({"model": "gpt-image-1", "prompt": "a cat", "n": 2}));
    assert_eq!((status, answer["data"].as_array().map(Vec::len)), (200, Some(2)), "{answer}");
    assert_eq!(answer["usage"]["output_tokens"], 544);
    let (_, answer) = post("/v1/images/generations", &json!({"model": "dall-e-3", "prompt": "a cat"}));
    assert!(answer["data"][0]["url"].is_string() && answer.get("usage").is_none(), "{answer}");
    let request = json!({"model": "gpt-image-1", "prompt": "a", "stream": true, "partial_images": 2});
    let (_, _, events) = call("/v1/images/generations", "application/json", request.to_string().as_bytes(), "{}");
    let names: Vec<&str> = events.iter().map(|event| event.name).collect();
    assert_eq!(
        names,
        ["image_generation.partial_image", "image_generation.partial_image", "image_generation.completed"]
    );
    refused("/v1/images/generations", &json!({"prompt": ""}), 400, "prompt");
    refused("/v1/images/generations", &json!({"prompt": "a", "model": "dall-e-3", "stream": true}), 400, "Unknown");
    refused(
        "/v1/images/generations",
        &json!({"prompt": "a", "model": "gpt-image-1", "style": "vivid"}),
        400,
        "Unknown",
    );

    let (kind, body) = form(&[("prompt", None, "a"), ("n", None, "3"), ("image[]", Some("a.png"), "\u{0}")]);
    let png = [b"\x89PNG".as_slice(), b"rest"].concat();
    let at = body.iter().rposition(|byte| *byte == 0).expect("the image");
    let body: Vec<u8> = [&body[..at], &png, &body[at + 1..]].concat();
    let (status, answer, _) = call("/v1/images/edits", &kind, &body, "{}");
    assert!(status == 200 && answer.contains("\"image_tokens\":323"), "{answer}");
    let (kind, body) = form(&[("prompt", None, "a"), ("image", Some("a.png"), "no image")]);
    assert!(call("/v1/images/edits", &kind, &body, "{}").1.contains("Invalid image file"));
    let (kind, body) = form(&[("prompt", None, "a"), ("colour", None, "red")]);
    assert!(call("/v1/images/variations", &kind, &body, "{}").1.contains("Unknown parameter: 'prompt'"));
}

#[test]
fn sound() {
    let speech = json!({"model": "gpt-4o-mini-tts", "input": "hello", "voice": "alloy"});
    let (status, sound, _) =
        call("/v1/audio/speech", "application/json", speech.to_string().as_bytes(), r#"{"text_bytes":9}"#);
    assert_eq!((status, sound.as_str()), (200, "hellohell"));
    let mut streamed = speech.clone();
    streamed["stream_format"] = json!("sse");
    let (_, _, events) = call("/v1/audio/speech", "application/json", streamed.to_string().as_bytes(), "{}");
    assert!(events.len() == 5 && events[4].data.contains("speech.audio.done"), "{events:?}");
    refused("/v1/audio/speech", &json!({"model": "tts-1", "input": "a", "voice": "nobody"}), 400, "Supported values");
    refused(
        "/v1/audio/speech",
        &json!({"model": "tts-1", "input": "a".repeat(4097), "voice": "alloy"}),
        400,
        "too long",
    );

    let heard = |model: &str, more: &[(&str, Option<&str>, &str)], name: &str| {
        let mut parts = vec![("file", Some(name), "0123456789"), ("model", None, model)];
        parts.extend(more);
        let (kind, body) = form(&parts);
        call("/v1/audio/transcriptions", &kind, &body, r#"{"text":"hello there"}"#)
    };
    assert_eq!(heard("whisper-1", &[], "a.mp3").1, r#"{"text":"hello there","usage":{"type":"duration","seconds":1}}"#);
    assert!(heard("gpt-4o-transcribe", &[], "a.mp3").1.contains(r#""type":"tokens""#));
    assert!(
        heard("whisper-1", &[("response_format", None, "srt")], "a.mp3")
            .1
            .starts_with("1\n00:00:00,000 --> 00:00:01,000\n")
    );
    assert!(heard("gpt-4o-transcribe", &[("response_format", None, "srt")], "a.mp3").1.contains("not compatible"));
    let (_, _, events) = heard("gpt-4o-transcribe", &[("stream", None, "true")], "a.mp3");
    assert!(events.last().is_some_and(|event| event.data.contains("transcript.text.done")));
    assert!(heard("whisper-1", &[("stream", None, "true")], "a.mp3").2.is_empty());
    assert!(heard("whisper-1", &[], "a.txt").1.contains("Unrecognized file format"));
    assert!(heard("whisper-1", &[("colour", None, "red")], "a.mp3").1.contains("Unknown parameter"));
    assert!(call("/v1/audio/translations", "multipart/form-data", b"", "{}").1.contains("Could not parse"));
}

#[test]
fn moderations_and_files() {
    let (_, answer) = post("/v1/moderations", &json!({"input": ["peace", "violence"]}));
    assert_eq!(
        (&answer["results"][0]["flagged"], &answer["results"][1]["categories"]["violence"]),
        (&json!(false), &json!(true))
    );
    refused("/v1/moderations", &json!({}), 400, "input");
    refused("/v1/moderations", &json!({"input": 7}), 400, "Invalid type");
    let (kind, body) = form(&[("purpose", None, "batch"), ("file", Some("a.jsonl"), "{}\n{}")]);
    let (status, answer, _) = call("/v1/files", &kind, &body, "{}");
    assert!(status == 200 && answer.contains(r#""id":"file-sim5""#), "{answer}");
    assert_eq!(call("GET /v1/files/file-sim5/content", "", b"", "{}").1, "xxxxx");
    assert_eq!(call("GET /v1/files/other", "", b"", "{}").0, 404);
    assert!(call("GET /v1/files", "", b"", "{}").1.contains(r#""object":"list""#));
    assert_eq!(call("GET /v1/embeddings", "", b"", "{}").0, 405);
}
