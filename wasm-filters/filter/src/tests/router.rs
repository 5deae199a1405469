use super::proxy::{Message, Seen, lead};
use crate::{Filter, ModelRouter};
use serde_json::{Value, json};
use std::rc::Rc;

const CHAT: &str = "/v1/chat/completions";
const NAMES: [&str; 5] =
    ["x-attache-route", "x-attache-cluster", "x-attache-model", "x-attache-front", "x-attache-stream"];
/// What only filters and the service write.
const BETWEEN: [&str; 2] = ["x-attache-ask", "x-attache-plan"];

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
    let forged =
        |message: Message| NAMES.iter().chain(&BETWEEN).fold(message, |message, name| message.with(name, "forged"));
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
        assert_eq!(BETWEEN.map(|name| sent.get(name)), ["", ""]);
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

#[test]
fn facts_say_what_is_asked_for() {
    let filter = filter(&json!({"routes": [], "facts": true, "unreadable": "pass", "body_bytes_max": 450}));
    let asked = |request: &Message| {
        let forged = request.clone().with("x-attache-ask", "forged").with("x-attache-plan", "forged");
        let sent = once(&filter, &forged).request.unwrap();
        assert_eq!((&sent.body, sent.get("x-attache-plan")), (&request.body, ""));
        serde_json::from_str::<Value>(sent.get("x-attache-ask")).unwrap_or_else(|_| panic!("{sent:?}"))
    };
    let chat = question("f\u{fc}r\r\nx: y", json!({"stream": true, "max_completion_tokens": 100, "n": 3}));
    let bytes = chat.body.len();
    let expected = json!({"model": "f\u{fc}r\r\nx: y", "stream": true, "prompt_tokens": bytes / 4, "output_max": 100, "answers": 3, "bytes": bytes});
    assert_eq!(asked(&chat), expected);
    let gemini =
        Message::request("/v1beta/models/g:streamGenerateContent", r#"{"generationConfig":{"maxOutputTokens":5}}"#);
    let expected = json!({"model": "g", "stream": true, "prompt_tokens": 10, "output_max": 5, "bytes": 42});
    assert_eq!(asked(&gemini), expected);
    let nothing = |bytes: usize| json!({"model": "", "stream": false, "prompt_tokens": 0, "bytes": bytes});
    assert_eq!(asked(&Message::request("/v1/files", "bytes")), nothing(5));
    assert_eq!(asked(&Message::request("/v1/models", "")), nothing(0));
    assert_eq!(asked(&Message::request(CHAT, "{not json")), nothing(9));
    let large = question("m", json!({"user": "u".repeat(400)}));
    assert_eq!(asked(&large), nothing(large.body.len()));
    let long = question(&"m".repeat(350), json!({}));
    assert_eq!(asked(&long)["model"].as_str().map(str::len), Some(300));
    // A picture is no text, and what only its provider understands weighs nothing here.
    let filter = self::filter(&json!({"routes": [], "facts": true}));
    let asked = |request: &Message| -> Value {
        let sent = once(&filter, request).request.unwrap();
        serde_json::from_str(sent.get("x-attache-ask")).unwrap()
    };
    let picture = format!("data:image/png;base64,iVBORw0KGgo{}", "A".repeat(3_000_000));
    let content = json!([{"type": "image_url", "image_url": {"url": picture}}]);
    let shown = question("m", json!({"messages": [{"role": "user", "content": content}]}));
    let tokens = asked(&shown)["prompt_tokens"].as_u64().unwrap();
    assert!((1_000..1_100).contains(&tokens), "{tokens}");
    let drawn =
        Message::request("/v1/images/generations", &json!({"model": "m", "prompt": "a".repeat(4_000)}).to_string());
    assert_eq!(asked(&drawn)["prompt_tokens"], 0);
    // Nobody is told where nobody asks; and what is no LLM's is nobody's business.
    let elsewhere = once(&filter, &Message::request("/healthz", "").with("x-attache-ask", "forged"));
    assert_eq!(elsewhere.request.unwrap().get("x-attache-ask"), "");
    let silent = self::filter(&json!({"routes": [{"name": "a"}]}));
    assert_eq!(once(&silent, &question("m", json!({}))).request.unwrap().get("x-attache-ask"), "");
}
