use super::proxy::{Message, Seen, events, lead};
use crate::{Filter, Translate};
use serde_json::{Value, json};
use std::rc::Rc;

const CHAT: &str = "/v1/chat/completions";

fn filter(targets: &Value) -> Rc<Translate> {
    let configuration = json!({"translate": targets, "body_bytes_max": 4000});
    Rc::new(Translate::read(configuration.to_string().as_bytes()).unwrap_or_else(|why| panic!("{why}")))
}

fn claude(more: &Value) -> Rc<Translate> {
    let mut target = json!({"name": "claude", "preset": "anthropic", "models": {"fast": "claude-haiku-4-5"}});
    target.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    filter(&json!([target]))
}

fn asked(more: &Value) -> String {
    let mut body = json!({"model": "fast", "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body.to_string()
}

fn request(more: &Value) -> Message {
    Message::request(CHAT, &asked(more))
        .with("authorization", "Bearer of the client")
        .with("x-attache-route", "a")
        .with("cookie", "c")
        .with("openai-beta", "x=1")
}

fn answered() -> Message {
    let answer = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "Hello"}], "usage": {"input_tokens": 3, "output_tokens": 1}});
    Message::json(200, answer.to_string()).with("set-cookie", "s").with("anthropic-organization-id", "o")
}

fn streamed() -> String {
    events(&[
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "content": [], "usage": {"input_tokens": 3, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Héllo"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}),
        json!({"type": "message_stop"}),
    ])
}

#[test]
fn a_request_goes_to_its_provider_in_the_provider_s_words() {
    let seen = lead(&claude(&json!({"headers": {"x-house": "a"}})), &request(&json!({})), 5, false, |_| answered());
    let sent = seen.request.unwrap();
    assert_eq!((sent.get(":path"), sent.get(":authority")), ("/v1/messages", "api.anthropic.com"));
    assert_eq!(sent.value()["model"], "claude-haiku-4-5");
    assert_eq!((sent.get("anthropic-version"), sent.get("x-house")), ("2023-06-01", "a"));
    assert_eq!(sent.get("content-length"), sent.body.len().to_string());
    for gone in ["authorization", "cookie", "openai-beta", "x-attache-route"] {
        assert_eq!(sent.get(gone), "", "{gone}");
    }
    assert_eq!(seen.answer.value()["choices"][0]["message"]["content"], "Hello");
    assert_eq!(
        (seen.answer.get("x-attache-provider"), seen.answer.get("x-attache-model")),
        ("claude", "claude-haiku-4-5")
    );
    assert_eq!((seen.answer.get("set-cookie"), seen.answer.get("anthropic-organization-id")), ("", ""));
    assert_eq!(seen.answer.get("content-length"), seen.answer.body.len().to_string());
}

#[test]
fn a_stream_comes_back_the_same_under_every_cut() {
    let stream = streamed();
    let through = |cut: usize, trailers: bool| {
        let seen = lead(&claude(&json!({})), &request(&json!({"stream": true})), cut, trailers, |_| {
            Message::stream(stream.clone())
        });
        assert_eq!(seen.answer.get("x-attache-provider"), "claude");
        seen.answer.text().to_owned()
    };
    let whole = through(usize::MAX, false);
    assert!(whole.contains("Héllo") && whole.ends_with("data: [DONE]\n\n"), "{whole}");
    for cut in 1..stream.len() {
        assert_eq!(through(cut, false), whole, "{cut}");
        assert_eq!(through(cut, true), whole, "{cut}");
    }
    let cut_off = lead(&claude(&json!({})), &request(&json!({"stream": true})), 9, false, |_| {
        Message::stream(stream.split("event: message_delta").next().unwrap_or_default())
    });
    assert!(cut_off.answer.text().contains("stream_truncated"), "{}", cut_off.answer.text());
}

#[test]
fn the_same_dialect_keeps_every_byte_but_the_model() {
    let same = filter(
        &json!([{"name": "a", "dialect": "openai", "url": "http://a.example:8000/base/v1", "model": "m", "query": {"api-version": "1 2"}}]),
    );
    let body = "{ \"model\" : \"fast\",\n \"unknown\": 1.50, \"messages\":[] }";
    let asked = Message::request("/v1/chat/completions?key=secret&beta=1", body);
    let seen = lead(&same, &asked, 4, false, |_| Message::json(200, "{\"choices\": [ ]}"));
    let sent = seen.request.unwrap();
    assert_eq!(sent.text(), body.replace("fast", "m"));
    assert_eq!(sent.get(":path"), "/base/v1/chat/completions?api-version=1+2&beta=1");
    assert_eq!(sent.get(":authority"), "a.example:8000");
    assert_eq!(seen.answer.text(), "{\"choices\": [ ]}");
}

fn code(seen: &Seen) -> (&str, String) {
    (seen.answer.get(":status"), seen.answer.value()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn what_cannot_be_said_is_lost_or_refused() {
    let odd = json!({"logit_bias": {"1": 2}});
    let seen = lead(&claude(&json!({})), &request(&odd), 50, false, |_| answered());
    assert_eq!(seen.answer.get("x-attache-losses"), "logit_bias");
    let seen = lead(&claude(&json!({"losses": "refuse"})), &request(&odd), 50, false, |_| answered());
    assert!(seen.request.is_none());
    assert_eq!(code(&seen), ("400", "translation_loss".to_owned()));
}

#[test]
fn what_cannot_be_read_is_refused_in_the_client_s_words() {
    let ask = |request: &Message| lead(&claude(&json!({})), request, 50, false, |_| answered());
    for body in ["{not json", "[]", "", "{\"model\": \"fast\"}"] {
        let seen = ask(&Message::request(CHAT, body));
        assert!(seen.request.is_none() && seen.answer.get(":status") == "400", "{body}: {:?}", seen.answer);
    }
    let seen = ask(&Message::request(CHAT, &asked(&json!({"user": "x".repeat(5000)}))));
    assert_eq!(code(&seen), ("413", "request_not_readable".to_owned()));
    let seen = ask(&Message::request("/v1/files", ""));
    assert_eq!(code(&seen), ("400", "unsupported_endpoint".to_owned()));
    let seen = ask(&Message::request("/v1/images/generations", "{\"model\":\"fast\"}"));
    assert_eq!(code(&seen), ("400", "unsupported_endpoint".to_owned()));
    let seen = ask(&Message::request("/healthz", ""));
    assert_eq!(seen.request.unwrap().get(":authority"), "", "nothing of an LLM");
}

#[test]
fn what_goes_wrong_is_said_in_the_client_s_words() {
    let through = |answer: Message| lead(&claude(&json!({})), &request(&json!({})), 7, false, |_| answer.clone());
    let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}).to_string();
    let seen = through(Message::json(529, error));
    assert_eq!((seen.answer.get(":status"), seen.answer.value()["error"]["message"].as_str()), ("503", Some("busy")));
    let seen = through(Message::json(401, "{\"error\": {\"message\": \"sk-secret is wrong\"}}"));
    assert_eq!(code(&seen), ("502", "provider_credentials".to_owned()));
    assert!(!seen.answer.text().contains("sk-secret"));
    for broken in [
        Message::json(200, "<html>"),
        Message::json(200, ""),
        answered().with("content-encoding", "gzip"),
        Message::stream(streamed()),
    ] {
        let seen = through(broken);
        assert_eq!(seen.answer.get(":status"), "502", "{:?}", seen.answer);
        assert_eq!(seen.answer.get("x-attache-provider"), "claude");
    }
    let own = Message::json(503, "upstream connect error")
        .with(":details", "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error}");
    let seen = through(own);
    assert_eq!(seen.answer.value()["error"]["message"], "provider `claude` could not be reached");
    let seen = through(Message::json(403, "denied").with(":details", "rbac_access_denied"));
    assert_eq!((seen.answer.get(":status"), seen.answer.text()), ("403", "denied"));
}

#[test]
fn other_endpoints_go_to_a_provider_of_their_dialect_unread() {
    let same = filter(&json!([{"name": "a", "preset": "openai"}]));
    let asked =
        Message::request("/v1/files?limit=2", "no JSON at all, and passed on").with("authorization", "Bearer c");
    let seen = lead(&same, &asked, 4, false, |_| Message::json(200, "{}"));
    let sent = seen.request.unwrap();
    assert_eq!((sent.get(":path"), sent.get("authorization")), ("/v1/files?limit=2", ""));
    assert_eq!((sent.text(), seen.answer.text()), ("no JSON at all, and passed on", "{}"));
}

/// A target in a cluster, where every attempt is made anew.
fn attempt(target: &Value) -> Result<Rc<Translate>, String> {
    let configuration = json!({"translate": [target], "per_attempt": true});
    Translate::read(configuration.to_string().as_bytes()).map(Rc::new)
}

#[test]
fn an_attempt_takes_nothing_from_the_one_before() {
    let openai = attempt(&json!({"name": "openai", "preset": "openai"})).unwrap();
    // As an attempt at another provider left it: its length, its key.
    let left = request(&json!({})).with("content-length", "7").with("x-api-key", "of the first");
    let sent = lead(&openai, &left, usize::MAX, false, |_| answered()).request.unwrap();
    assert_eq!(sent.text(), asked(&json!({})));
    assert_eq!((sent.get("content-length"), sent.get("x-api-key")), (&*sent.body.len().to_string(), ""));
    // What nobody makes anew would go on as it was made for somebody else.
    let other = attempt(&json!({"name": "openai", "preset": "openai", "when": {"model": "o3"}})).unwrap();
    let seen = lead(&other, &left, usize::MAX, false, |_| answered());
    assert_eq!((seen.request.is_none(), seen.answer.get(":status")), (true, "404"));
    let elsewhere = Message::request("/files/1", "x").with("x-api-key", "of the first");
    assert_eq!(lead(&other, &elsewhere, usize::MAX, false, |_| answered()).request.unwrap().get("x-api-key"), "");
}

#[test]
fn an_attempt_does_not_go_by_what_attempts_change() {
    for header in ["x-attache-route", "authorization"] {
        let when = json!({format!("header:{header}"): "a"});
        let why = attempt(&json!({"name": "a", "preset": "openai", "when": when})).err().unwrap();
        assert!(why.starts_with(&format!("translate[0].when.header:{header}: ")), "{why}");
    }
    assert!(attempt(&json!({"name": "a", "preset": "openai", "when": {"header:x-tenant": "a"}})).is_ok());
}

#[test]
fn a_client_s_word_makes_no_headers() {
    for model in ["a\r\nset-cookie: s", "ü", &"m".repeat(300), " a"] {
        let target = filter(&json!([{"name": "openai", "preset": "openai"}]));
        let seen = lead(&target, &request(&json!({"model": model})), usize::MAX, false, |_| answered());
        assert_eq!((seen.answer.get("x-attache-provider"), seen.answer.get("x-attache-model")), ("openai", ""));
    }
}
