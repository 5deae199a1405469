use super::proxy::{Message, Seen, lead};
use crate::{Filter, Prompt};
use serde_json::{Value, json};
use std::rc::Rc;

const CHAT: &str = "/v1/chat/completions";

fn filter(more: Value) -> Rc<Prompt> {
    let mut configuration = json!({
        "prompt": [
            { "name": "house", "system": { "prepend": { "template": "polite" } } },
            { "name": "german", "when": { "header:x-team": "de" }, "messages": { "append": [{ "role": "user", "content": "Auf Deutsch, {{who}}." }] } },
        ],
        "templates": { "polite": "Be polite." },
        "variables": { "who": { "header": "x-who", "default": "bitte", "bytes_max": 20 } },
        "body_bytes_max": 4000,
    });
    configuration.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Rc::new(Prompt::read(configuration.to_string().as_bytes()).unwrap_or_else(|why| panic!("{why}")))
}

fn once(filter: &Rc<Prompt>, request: &Message) -> Seen {
    lead(filter, request, 5, false, |_| Message::json(200, "{ \"answer\": 1 }"))
}

fn sent(filter: &Rc<Prompt>, request: &Message) -> Message {
    let seen = once(filter, request);
    assert_eq!(seen.answer.text(), "{ \"answer\": 1 }");
    seen.request.unwrap_or_else(|| panic!("{}", seen.answer.text()))
}

#[test]
fn every_decorator_that_fits_acts() {
    let filter = filter(json!({}));
    let hello = Message::request(CHAT, r#"{"model":"m", "messages":[{"role":"user","content":"hi"}]}"#);
    let decorated = sent(&filter, &hello);
    let system = r#"{"role":"system","content":"Be polite."},"#;
    let expected = format!(r#"{{"model":"m", "messages":[{system}{{"role":"user","content":"hi"}}]}}"#);
    assert_eq!(
        (decorated.text(), decorated.get("content-length")),
        (expected.as_str(), expected.len().to_string().as_str())
    );
    let named = hello.clone().with("x-team", "de").with("x-who", "\"Ann\"}]");
    let both = sent(&filter, &named).value();
    assert_eq!(both["messages"][2], json!({"role": "user", "content": "Auf Deutsch, \"Ann\"}]."}));
    assert_eq!(sent(&filter, &hello.with("x-team", "de")).value()["messages"][2]["content"], "Auf Deutsch, bitte.");
    let claude = Message::request("/v1/messages", r#"{"model":"m","max_tokens":9,"system":"S","messages":[]}"#);
    assert_eq!(sent(&filter, &claude).value()["system"][0]["text"], "Be polite.");
    let seen = once(&filter, &named);
    let counted: Vec<&str> = seen.told.counts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(counted, ["attache_decorated.rule.house", "attache_decorated.rule.german"]);
}

#[test]
fn what_has_no_prompt_passes() {
    let filter = filter(json!({}));
    for request in [
        Message::request("/v1/embeddings", r#"{"model":"m","input":"x"}"#),
        Message::request("/v1/files", "a file"),
        Message::request("/healthz", "hello"),
        Message::request("/v1/models", ""),
        Message::request(CHAT, "").with(":method", "GET"),
    ] {
        assert_eq!(sent(&filter, &request), request);
    }
}

#[test]
fn what_cannot_be_decorated_is_refused_or_passes() {
    let (strict, lenient) = (filter(json!({})), filter(json!({"unreadable": "pass"})));
    for request in [
        Message::request(CHAT, "{not json"),
        Message::request(CHAT, "\u{1f}\u{8b}"),
        Message::request(CHAT, r#"{"model":"m","messages":"hi"}"#),
        Message::request("/v1/messages", r#"{"model":"m","messages":[],"system":7}"#),
    ] {
        let seen = once(&strict, &request);
        assert_eq!((seen.request, seen.answer.get(":status")), (None, "400"), "{request:?}");
        assert!(seen.answer.value()["error"]["type"].is_string());
        assert_eq!(sent(&lenient, &request), request);
    }
    let large = Message::request(CHAT, &format!(r#"{{"model":"m","messages":[],"user":"{}"}}"#, "u".repeat(5000)));
    assert_eq!(once(&strict, &large).answer.get(":status"), "413");
    assert_eq!(sent(&lenient, &large), large);
    // A variable that may not be used is never left out.
    let wrong =
        Message::request(CHAT, r#"{"model":"m","messages":[]}"#).with("x-team", "de").with("x-who", &"w".repeat(21));
    assert_eq!(once(&lenient, &wrong).answer.value()["error"]["code"], "prompt_variable");
}

#[test]
fn a_body_of_a_model_that_nobody_knows_is_refused_where_words_would_be_added() {
    let llama = Message::request("/model/meta.llama3-8b-instruct-v1:0/invoke", r#"{"prompt":"hi"}"#);
    assert_eq!(once(&filter(json!({})), &llama).answer.get(":status"), "400");
    assert_eq!(sent(&filter(json!({"unreadable": "pass"})), &llama).text(), r#"{"prompt":"hi"}"#);
}
