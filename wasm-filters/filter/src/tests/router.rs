use super::proxy::{Message, Seen, lead};
use crate::{Filter, ModelRouter};
use serde_json::{Value, json};
use std::rc::Rc;

const CHAT: &str = "/v1/chat/completions";
const NAMES: [&str; 5] =
    ["x-attache-route", "x-attache-cluster", "x-attache-model", "x-attache-front", "x-attache-stream"];

fn filter(configuration: &Value) -> Rc<ModelRouter> {
    Rc::new(ModelRouter::read(configuration.to_string().as_bytes()).unwrap_or_else(|why| panic!("{why}")))
}

fn rules() -> Value {
    json!({
        "routes": [
            { "name": "beta", "when": { "header:x-stage": "beta" }, "cluster": "beta.example" },
            { "name": "pictures", "when": { "model": "gpt-*", "images": true } },
            { "name": "tools", "when": { "model": "gpt-*", "tools": true, "stream": false } },
            { "name": "long", "when": { "model": ["gpt-4o", "o3"], "bytes_min": 1000 }, "route": "long-context" },
            { "name": "openai", "when": { "model": "gpt-*", "front": "openai" } },
            { "name": "gemini", "when": { "front": "gemini", "bytes_max": 100 } },
        ],
        "otherwise": "refuse",
        "body_bytes_max": 4000,
    })
}

fn question(model: &str, more: Value) -> Message {
    let mut body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Message::request(CHAT, &body.to_string()).with(":method", "POST")
}

fn once(filter: &Rc<ModelRouter>, request: &Message) -> Seen {
    lead(filter, request, 7, false, |_| Message::json(200, "{}"))
}

/// What the headers say of a request: route, cluster, model, front, stream.
fn said(filter: &Rc<ModelRouter>, request: &Message) -> [String; 5] {
    let seen = once(filter, request);
    let sent = seen.request.unwrap_or_else(|| panic!("{}", seen.answer.text()));
    assert_eq!(sent.body, request.body, "no byte changes");
    NAMES.map(|name| sent.get(name).to_owned())
}

#[test]
fn the_first_rule_that_fits_says_where_to() {
    let filter = filter(&rules());
    let image = json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a/b"}}]}]});
    let tool = json!({"tools": [{"type": "function", "function": {"name": "f"}}]});
    let streamed = json!({"stream": true, "tools": tool["tools"]});
    let long = json!({"user": "u".repeat(1000)});
    let gemini = Message::request("/v1beta/models/gemini-2.5-pro:streamGenerateContent", "{\"contents\":[]}");
    for (request, expected) in [
        (question("gpt-4o", json!({})), ["openai", "", "gpt-4o", "openai", "false"]),
        (question("gpt-4o", json!({"stream": true})), ["openai", "", "gpt-4o", "openai", "true"]),
        (question("gpt-4o", image), ["pictures", "", "gpt-4o", "openai", "false"]),
        (question("gpt-4o", tool), ["tools", "", "gpt-4o", "openai", "false"]),
        (question("gpt-4o", streamed), ["openai", "", "gpt-4o", "openai", "true"]),
        (question("o3", long.clone()), ["long-context", "", "o3", "openai", "false"]),
        (question("gpt-5", long), ["openai", "", "gpt-5", "openai", "false"]),
        (question("any", json!({})).with("x-stage", "beta"), ["beta", "beta.example", "any", "openai", "false"]),
        (gemini, ["gemini", "", "gemini-2.5-pro", "gemini", "true"]),
    ] {
        assert_eq!(said(&filter, &request), expected, "{request:?}");
    }
}

#[test]
fn what_clients_write_into_the_headers_goes() {
    let filter = filter(
        &json!({"routes": [{"name": "only", "when": {"model": "m"}}], "unreadable": "pass", "body_bytes_max": 200}),
    );
    let forged = |message: Message| NAMES.iter().fold(message, |message, name| message.with(name, "forged"));
    for request in [
        forged(Message::request("/healthz", "")),
        forged(Message::request("/v1/files", "a file")),
        forged(Message::request(CHAT, "{not json")),
        forged(question("other", json!({}))),
        forged(question("m", json!({"user": "u".repeat(400)}))),
        forged(Message::request(CHAT, "hello")).with("upgrade", "websocket"),
        forged(question("a\r\nx-attache-route: b", json!({}))),
        forged(question("ü", json!({}))),
    ] {
        let seen = once(&filter, &request);
        let sent = seen.request.unwrap_or_else(|| panic!("{}", seen.answer.text()));
        for name in NAMES {
            assert_ne!(sent.get(name), "forged", "{name} {request:?}");
            assert!(sent.get(name).is_ascii() && !sent.get(name).contains(['\r', '\n']));
        }
        assert_eq!((sent.get("x-attache-route"), sent.get("x-attache-cluster")), ("", ""));
    }
}

#[test]
fn what_nobody_knows_is_refused_in_the_client_s_words() {
    let refusing = filter(&rules());
    for (request, status, code) in [
        (question("claude", json!({})), "404", "model_not_found"),
        (Message::request(CHAT, "{\"messages\":[]}").with(":method", "POST"), "400", ""),
        (Message::request(CHAT, "\u{1f}\u{8b}"), "400", ""),
        (Message::request(CHAT, "").with(":method", "POST"), "400", ""),
        (question("gpt-4o", json!({"user": "u".repeat(5000)})), "413", "request_not_readable"),
    ] {
        let seen = once(&refusing, &request);
        assert!(seen.request.is_none(), "{request:?}");
        let error = &seen.answer.value()["error"];
        assert_eq!((seen.answer.get(":status"), error["code"].as_str().unwrap_or_default()), (status, code), "{error}");
    }
    let claude = Message::request("/v1/messages", r#"{"model":"claude","max_tokens":1,"messages":[]}"#);
    let seen = once(&refusing, &claude);
    assert_eq!(seen.answer.value()["error"]["type"], "not_found_error");
    // What names no model is no unknown one; what is stored is asked for without a body.
    for request in [Message::request("/v1/models", ""), Message::request(CHAT, "").with(":method", "GET")] {
        assert!(once(&refusing, &request).request.is_some());
    }
    let seen = once(&refusing, &question("claude", json!({})));
    assert_eq!(seen.told.counts, [("attache_routed.rule.unknown".to_owned(), 1)]);
    let passing =
        filter(&json!({"routes": [{"name": "a", "when": {"model": "a"}}], "otherwise": {"to": {"route": "rest"}}}));
    assert_eq!(said(&passing, &question("b", json!({})))[0], "rest");
    assert_eq!(said(&passing, &Message::request("/v1/files", "bytes"))[0], "rest");
}

#[test]
fn a_model_in_a_form_is_read() {
    let router = filter(&json!({"routes": [{"name": "ears", "when": {"model": "whisper-*"}}]}));
    let form = "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--b\r\ncontent-disposition: \
                form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n\u{0}\u{1}\r\n--b--\r\n";
    let request =
        Message::request("/v1/audio/transcriptions", form).with("content-type", "multipart/form-data; boundary=b");
    assert_eq!(said(&router, &request)[..3], ["ears", "", "whisper-1"]);
}

#[test]
fn what_nobody_read_fits_no_rule_about_it() {
    let rules = json!([
        { "name": "plain", "when": { "tools": false, "images": false, "stream": false } },
        { "name": "short", "when": { "bytes_max": 1000 } },
        { "name": "long", "when": { "bytes_min": 1000 } },
        { "name": "any" },
    ]);
    let filter = filter(&json!({"routes": rules, "unreadable": "pass", "body_bytes_max": 200}));
    let large = question("m", json!({"user": "u".repeat(2000)}));
    let length = large.body.len().to_string();
    assert_eq!(said(&filter, &large.clone().with("content-length", &length))[0], "long");
    assert_eq!(said(&filter, &large.without("content-length"))[0], "any");
}
