//! The program itself, over a real socket: what arrives, how it breaks, and what it remembers of it.

#![allow(clippy::indexing_slicing, clippy::expect_used, reason = "a test that is out of bounds should fail")]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The binary, ended with the test.
struct Simulator {
    child: Child,
    address: String,
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(arguments: &[&str]) -> Simulator {
    let mut child = Command::new(env!("CARGO_BIN_EXE_simulator"))
        .args(["--name", "test"])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let address =
        line.trim().strip_prefix("simulator test listening on ").expect("the line that is promised").to_owned();
    Simulator { child, address }
}

impl Simulator {
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        write!(stream, "{request}\r\n{body}").expect("written");
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("set");
        stream
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        Answer::read(self.send(method, path, headers, body))
    }

    fn chat(&self, script: &str, body: &Value) -> Answer {
        self.ask("POST", "/v1/chat/completions", &openai(script), &body.to_string())
    }

    fn message(&self, script: &str, body: &Value) -> Answer {
        self.ask("POST", "/v1/messages", &anthropic(script), &body.to_string())
    }

    fn records(&self) -> Value {
        self.ask("GET", "/_sim/requests", &[], "").json()
    }

    /// Waits for the last request to have ended, and says how.
    fn last_ended(&self) -> Value {
        let begun = Instant::now();
        loop {
            let last = self.records().as_array().and_then(|records| records.last().cloned()).unwrap_or_default();
            if last["ended"] != "open" || begun.elapsed() > Duration::from_secs(3) {
                return last;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn openai(script: &str) -> [(&str, &str); 3] {
    [("authorization", "Bearer sk-test"), ("content-type", "application/json"), ("x-sim", script)]
}

fn anthropic(script: &str) -> [(&str, &str); 4] {
    [
        ("x-api-key", "test"),
        ("anthropic-version", "2023-06-01"),
        ("content-type", "application/json"),
        ("x-sim", script),
    ]
}

fn chat(stream: bool) -> Value {
    json!({"model": "gpt-4o", "stream": stream, "messages": [{"role": "user", "content": "hello"}]})
}

fn message(stream: bool) -> Value {
    json!({"model": "claude", "max_tokens": 100, "stream": stream, "messages": [{"role": "user", "content": "hello"}]})
}

/// A response as it came: chunked bodies are put together, `whole` says whether the end of the body was seen.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
    chunks: usize,
    whole: bool,
    reset: bool,
}

impl Answer {
    fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        let reset = loop {
            match stream.read(&mut buffer) {
                Ok(0) => break false,
                Ok(n) => bytes.extend_from_slice(&buffer[..n]),
                Err(error) => break error.kind() == ErrorKind::ConnectionReset,
            }
        };
        let Some(split) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Self { status: 0, head: String::new(), body: Vec::new(), chunks: 0, whole: false, reset };
        };
        let head = String::from_utf8(bytes[..split].to_vec()).expect("ASCII").to_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let rest = &bytes[split + 4..];
        let (body, chunks, whole) =
            if head.contains("transfer-encoding: chunked") { unchunk(rest) } else { (rest.to_vec(), 1, true) };
        Self { status, head, body, chunks, whole, reset }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The data of every event.
    fn data(&self) -> Vec<String> {
        self.text().lines().filter_map(|line| line.strip_prefix("data: ").map(str::to_owned)).collect()
    }
}

fn unchunk(mut rest: &[u8]) -> (Vec<u8>, usize, bool) {
    let mut body = Vec::new();
    let mut chunks = 0;
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let length = usize::from_str_radix(&String::from_utf8_lossy(&rest[..end]), 16).expect("a length");
        if length == 0 {
            return (body, chunks, true);
        }
        let Some(chunk) = rest.get(end + 2..end + 2 + length) else { break };
        body.extend_from_slice(chunk);
        chunks += 1;
        rest = rest.get(end + 4 + length..).unwrap_or_default();
    }
    (body, chunks, false)
}

#[test]
fn both_dialects_answer() {
    let simulator = start(&[]);
    let answer = simulator.chat("{}", &chat(false));
    assert_eq!(answer.status, 200);
    assert!(
        answer.head.contains("x-request-id: req_") && answer.head.contains("x-ratelimit-remaining-requests"),
        "{}",
        answer.head
    );
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "You said: hello");
    let answer = simulator.message("{}", &message(false));
    assert!(
        answer.head.contains("request-id: req_") && answer.head.contains("anthropic-ratelimit-"),
        "{}",
        answer.head
    );
    assert_eq!(answer.json()["content"], json!([{"type": "text", "text": "You said: hello"}]));
    let answer = simulator.chat("{}", &chat(true));
    assert!(answer.head.contains("content-type: text/event-stream") && answer.whole);
    assert_eq!(answer.data().last().map(String::as_str), Some("[DONE]"));
    assert_eq!(simulator.ask("GET", "/v1/models", &openai("{}"), "").json()["object"], "list");
    assert_eq!(simulator.ask("GET", "/v1/models", &anthropic("{}"), "").json()["has_more"], false);
}

#[test]
fn gemini_answers_in_both_houses_and_both_frames() {
    let simulator = start(&["--api-key", "good"]);
    let body = json!({"contents": [{"parts": [{"text": "hello"}]}]}).to_string();
    let key = [("x-goog-api-key", "good"), ("content-type", "application/json")];
    let studio = |method: &str| format!("/v1beta/models/gemini-2.5-flash:{method}");
    let answer = simulator.ask("POST", &studio("generateContent"), &key, &body);
    assert_eq!(answer.json()["candidates"][0]["content"]["parts"][0]["text"], "You said: hello");
    let in_query = format!("{}?key=good", studio("generateContent"));
    assert_eq!(simulator.ask("POST", &in_query, &[], &body).status, 200);
    let vertex = "/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-flash:generateContent";
    let answer = simulator.ask("POST", vertex, &[("authorization", "Bearer good")], &body);
    assert_eq!(answer.json()["usageMetadata"]["trafficType"], "ON_DEMAND");
    assert_eq!(simulator.ask("POST", vertex, &key, &body).status, 401);

    let answer = simulator.ask("POST", &studio("streamGenerateContent?alt=sse"), &key, &body);
    assert!(answer.head.contains("content-type: text/event-stream"));
    let last: Value = serde_json::from_str(answer.data().last().expect("chunks")).expect("JSON");
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    let array = simulator.ask("POST", &studio("streamGenerateContent"), &key, &body);
    assert!(array.head.contains("content-type: application/json"));
    assert_eq!(array.json().as_array().map(Vec::len), Some(answer.data().len()));

    let wrong = [("x-goog-api-key", "bad")];
    let answer = simulator.ask("POST", &studio("generateContent"), &wrong, &body);
    assert_eq!((answer.status, &answer.json()["error"]["details"][0]["reason"]), (400, &json!("API_KEY_INVALID")));
    assert_eq!(simulator.ask("POST", &studio("generateContent"), &[], &body).status, 403);
    let answer = simulator.ask("POST", &studio("streamGenerateContent"), &wrong, &body);
    assert_eq!(answer.json()[0]["error"]["status"], "INVALID_ARGUMENT");
    assert_eq!(simulator.ask("GET", &studio("generateContent"), &key, "").status, 404);
    assert_eq!(simulator.ask("POST", &studio("countTokens"), &key, &body).json()["totalTokens"], 2);
    let text = json!({"content": {"parts": [{"text": "x"}]}, "outputDimensionality": 3}).to_string();
    let vector = simulator.ask("POST", &studio("embedContent"), &key, &text).json();
    assert_eq!(vector["embedding"]["values"].as_array().map(Vec::len), Some(3));
}

#[test]
fn keys_urls_and_bodies_are_judged() {
    let simulator = start(&["--api-key", "sk-test", "--api-key", "other"]);
    assert_eq!(simulator.chat("{}", &chat(false)).status, 200);
    let wrong = [("authorization", "Bearer sk-wrong-and-long-enough"), ("content-type", "application/json")];
    let answer = simulator.ask("POST", "/v1/chat/completions", &wrong, "{}");
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (401, &json!("invalid_api_key")));
    assert_eq!(simulator.ask("POST", "/v1/chat/completions", &[], "{}").status, 401);
    let answer = simulator.message("{}", &message(false));
    assert_eq!((answer.status, &answer.json()["error"]["message"]), (401, &json!("invalid x-api-key")));
    let answer = simulator.ask("POST", "/v1/messages", &[("x-api-key", "other")], "{}");
    assert_eq!(
        (answer.status, &answer.json()["error"]["message"]),
        (400, &json!("anthropic-version: header is required"))
    );
    let bearer = [("authorization", "Bearer other"), ("anthropic-version", "2023-06-01")];
    assert_eq!(simulator.ask("POST", "/v1/messages", &bearer, &message(false).to_string()).status, 200);
    assert_eq!(simulator.ask("POST", "/v1/messages", &[("anthropic-version", "x")], "{}").status, 401);
    let answer = simulator.ask("POST", "/v1/foo", &openai("{}"), "{}");
    assert_eq!((answer.status, &answer.json()["error"]["message"]), (404, &json!("Invalid URL (POST /v1/foo)")));
    let answer = simulator.ask("POST", "/v1/foo", &[("x-api-key", "other"), ("anthropic-version", "x")], "{}");
    assert_eq!((answer.status, &answer.json()["error"]["type"]), (404, &json!("not_found_error")));
    assert_eq!(simulator.ask("GET", "/v1/chat/completions", &openai("{}"), "").status, 405);
    let form = [("authorization", "Bearer sk-test"), ("content-type", "text/plain")];
    assert_eq!(
        simulator.ask("POST", "/v1/chat/completions", &form, &chat(false).to_string()).json()["error"]["code"],
        "unsupported_content_type"
    );
    assert_eq!(simulator.chat("{}", &json!({"model": "m", "messages": [], "foo": 1})).status, 400);
    let answer = simulator.chat(r#"{"nope": 1}"#, &chat(false));
    assert!(answer.status == 400 && answer.text().contains("nope"));
}

#[test]
fn scripted_errors_have_the_shape_of_the_provider() {
    let simulator = start(&[]);
    let script = r#"{"status":429,"headers":{"retry-after":"7"}}"#;
    let answer = simulator.chat(script, &chat(true));
    assert!(answer.status == 429 && answer.head.contains("retry-after: 7"));
    assert_eq!(answer.json()["error"]["code"], "rate_limit_exceeded");
    assert_eq!(simulator.message(script, &message(true)).json()["error"]["type"], "rate_limit_error");
    assert_eq!(simulator.message(r#"{"status":529}"#, &message(false)).json()["error"]["type"], "overloaded_error");
    let answer = simulator.chat(r#"{"status":502,"raw_body":"<html>","content_type":"text/html"}"#, &chat(false));
    assert!(answer.status == 502 && answer.text() == "<html>" && answer.head.contains("content-type: text/html"));
}

#[test]
fn streams_break_as_scripted() {
    let simulator = start(&[]);
    let answer = simulator.chat(r#"{"reset_after_events":2}"#, &chat(true));
    assert!(answer.reset && !answer.whole && answer.data().len() == 2, "{answer:?}");
    assert_eq!(simulator.last_ended()["ended"], "reset_by_script");
    let answer = simulator.message(r#"{"reset_before_headers":true}"#, &message(true));
    assert!(answer.reset && answer.status == 0, "{answer:?}");
    let answer = simulator.chat(r#"{"close_after_events":2}"#, &chat(true));
    assert!(answer.whole && !answer.reset && answer.data().len() == 2, "{answer:?}");
    let answer =
        simulator.message(r#"{"error_after_events":{"after":3,"type":"api_error","message":"boom"}}"#, &message(true));
    let last = answer.data().pop().expect("an event");
    assert_eq!(
        serde_json::from_str::<Value>(&last).expect("JSON"),
        json!({"type": "error", "error": {"type": "api_error", "message": "boom"}})
    );
    assert!(answer.whole && answer.data().len() == 4 && answer.text().contains("event: error\n"));
    let answer = simulator.chat(r#"{"error_after_events":{"after":1}}"#, &chat(true));
    assert!(answer.data().len() == 2 && answer.data()[1].starts_with(r#"{"error":{"#));
    let answer = simulator.chat(r#"{"garbage_after_events":1}"#, &chat(true));
    assert!(answer.data()[1] == "{not json" && answer.data().last().is_some_and(|data| data == "[DONE]"));
    let answer = simulator.chat(r#"{"reset_after_events":9999}"#, &chat(true));
    assert!(answer.reset, "at the end of the events every fault is due");
}

#[test]
fn bodies_are_cut_and_spelled_as_scripted() {
    let simulator = start(&[]);
    let plain = simulator.message(r#"{"text":"héllo wörld 日本"}"#, &message(true));
    let cut = simulator.message(r#"{"text":"héllo wörld 日本","cut_bytes":1}"#, &message(true));
    assert_eq!(cut.chunks, cut.body.len(), "one byte, one chunk");
    let without_id = |answer: &Answer| answer.data().split_off(1);
    assert_eq!(without_id(&plain), without_id(&cut));
    let bom = simulator.chat(r#"{"sse":{"bom":true,"crlf":true}}"#, &chat(true));
    assert!(bom.body.starts_with(b"\xEF\xBB\xBFdata: {") && bom.body.ends_with(b"data: [DONE]\r\n\r\n"));
    let zipped = simulator.chat(r#"{"gzip":true}"#, &chat(true));
    assert!(zipped.head.contains("content-encoding: gzip") && zipped.whole);
    let mut text = String::new();
    flate2::read::GzDecoder::new(zipped.body.as_slice()).read_to_string(&mut text).expect("gzip");
    assert!(text.ends_with("data: [DONE]\n\n"));
    let json = simulator.chat(r#"{"json_instead_of_stream":true}"#, &chat(true));
    assert_eq!(json.json()["object"], "chat.completion");
    let long = simulator.chat(r#"{"text_bytes":100000,"cut_bytes":1000}"#, &chat(false));
    assert_eq!(long.json()["choices"][0]["message"]["content"].as_str().map(str::len), Some(100_000));
}

#[test]
fn a_client_that_leaves_is_noticed_at_once() {
    let simulator = start(&[]);
    for script in [
        r#"{"latency_ms":60000}"#,
        r#"{"never_answer":true}"#,
        r#"{"first_token_ms":60000}"#,
        r#"{"chunks":3,"chunk_delay_ms":60000}"#,
        r#"{"never_finish_after_events":1}"#,
        r#"{"hold_ms_after_done":60000}"#,
    ] {
        let stream = simulator.send("POST", "/v1/messages", &anthropic(script), &message(true).to_string());
        std::thread::sleep(Duration::from_millis(50));
        let open = simulator.records().as_array().and_then(|records| records.last().cloned()).unwrap_or_default();
        assert_eq!(open["ended"], "open", "{script}");
        drop(stream);
        let left = Instant::now();
        assert_eq!(simulator.last_ended()["ended"], "client_gone", "{script}");
        assert!(left.elapsed() < Duration::from_secs(1), "{script}");
    }
    assert_eq!(simulator.ask("GET", "/_sim/stats", &[], "").json()["client_gone"], 6);
}

#[test]
fn what_came_in_is_remembered() {
    let simulator = start(&["--script", r#"{"text":"from the default"}"#]);
    let queued = simulator.ask("POST", "/_sim/queue", &[], r#"[{"text":"from the queue"}]"#);
    assert_eq!(queued.json(), json!({"queued": 1}));
    let text = |headers: &[(&str, &str)]| {
        let answer = simulator.ask("POST", "/v1/chat/completions", headers, &chat(false).to_string());
        answer.json()["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()
    };
    let headers =
        [("authorization", "Bearer x"), ("content-type", "application/json"), ("X-Twice", "1"), ("x-twice", "2")];
    assert_eq!(text(&headers), "from the queue");
    assert_eq!(text(&headers), "from the default");
    let records = simulator.records();
    assert_eq!(records.as_array().map(Vec::len), Some(2));
    assert_eq!((&records[0]["method"], &records[0]["path"]), (&json!("POST"), &json!("/v1/chat/completions")));
    assert_eq!(records[0]["body"], chat(false).to_string());
    assert!(
        records[0]["headers"].to_string().contains(r#"["x-twice","1"],["x-twice","2"]"#),
        "{}",
        records[0]["headers"]
    );
    simulator.ask("DELETE", "/_sim/requests", &[], "");
    assert_eq!(simulator.records(), json!([]));
    simulator.ask("PUT", "/_sim/script", &[], r#"{"record":false}"#);
    assert_eq!(text(&headers), "You said: hello");
    assert_eq!(simulator.records(), json!([]));
}
