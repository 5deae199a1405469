//! Which requests may be compared by meaning.

use super::question::has_placeholder;
use super::tests::{SCOPE, endpoint, fronts};
use super::*;
use serde_json::{Value, json};

const OPEN: Conditions = Conditions { opted_in: true, redacted: false, bytes_max: 2000, volatile: false };
const CHAT: &str = "/v1/chat/completions";

#[test]
fn every_front_has_a_question() {
    for (path, body) in fronts() {
        assert_eq!(asked(path, &body, &OPEN), Ok("why is the sky blue?".to_owned()), "{path}");
    }
}

#[test]
fn the_partition_is_everything_else() {
    for (path, body) in fronts() {
        let text = body.to_string();
        let other = text.replace("why is the sky blue?", "what makes the sky look blue?");
        assert_eq!(partition(path, &text, "m@1"), partition(path, &other, "m@1"), "{path}");
        assert_ne!(partition(path, &text, "m@1"), partition(path, &text, "m@2"), "{path}");
        for (from, to) in
            [("be brief", "be long"), ("0.7", "0.8"), ("fast", "slow"), ("does f", "does g"), (r#""a":{"#, r#""c":{"#)]
        {
            let changed = text.replace(from, to);
            if changed != text && !(from == "fast" && path.contains("fast")) {
                assert_ne!(partition(path, &text, "m@1"), partition(path, &changed, "m@1"), "{path} {from}");
            }
        }
        assert_ne!(partition(path, &text, "m@1"), exact(path, &text), "{path}");
    }
    let turn = |role: &str, text: &str| json!({ "role": role, "content": text });
    let chat = |turns: &[Value]| json!({ "model": "m", "messages": turns }).to_string();
    let last = turn("user", "why is the sky blue?");
    let keys = [
        chat(std::slice::from_ref(&last)),
        chat(&[turn("system", "why is the sky blue?"), last.clone()]),
        chat(&[turn("user", "hi"), turn("assistant", "hello"), last.clone()]),
        chat(&[turn("user", "hi"), turn("assistant", "hello!"), last.clone()]),
        chat(&[turn("user", "why is the sky blue?"), turn("assistant", "hello!"), last]),
    ]
    .map(|body| partition(CHAT, &body, "m@1"));
    for (place, key) in keys.iter().enumerate() {
        assert!(!keys[..place].contains(key), "{place}");
    }
    // Only the last of several texts is asked; those before it are context.
    let parts = |one: &str, two: &str| {
        json!({ "model": "m", "messages": [{ "role": "user", "content": [{ "type": "text", "text": one },
            { "type": "text", "text": two }] }] })
        .to_string()
    };
    let known = partition(CHAT, &parts("a document", "what subject is treated here?"), "m@1");
    assert_eq!(known, partition(CHAT, &parts("a document", "which subject does this treat"), "m@1"));
    assert_ne!(known, partition(CHAT, &parts("another document", "what subject is treated here?"), "m@1"));
}

#[test]
fn what_is_not_a_plain_question_is_found_exactly_only() {
    let said = |content: Value| json!({ "model": "m", "messages": [{ "role": "user", "content": content }] });
    let with = |key: &str, value: Value| {
        let mut body = said(json!("why is the sky blue?"));
        body[key] = value;
        body
    };
    let image = json!({ "type": "image_url", "image_url": { "url": "https://example.com/a.png" } });
    let text = json!({ "type": "text", "text": "what do you see in this picture" });
    let gemini = "/v1beta/models/m:generateContent";
    let contents = json!([{ "role": "user", "parts": [{ "text": "why is the sky blue?" }] }]);
    for (path, body, expected) in [
        (CHAT, said(json!("")), ExactOnly::FewWords),
        (CHAT, said(json!("and then?")), ExactOnly::FewWords),
        (CHAT, said(json!("Yes please!")), ExactOnly::FewWords),
        (CHAT, said(json!("为什么？")), ExactOnly::FewWords),
        (CHAT, said(json!([image, text])), ExactOnly::NotText),
        (CHAT, said(json!([])), ExactOnly::NotText),
        (CHAT, said(Value::Null), ExactOnly::NotText),
        (CHAT, said(json!("sky ".repeat(600))), ExactOnly::TooLong),
        (CHAT, said(json!("what is the weather in Paris today?")), ExactOnly::Volatile),
        (CHAT, said(json!("who is [PERSON-0123456789AB] working for?")), ExactOnly::Redacted),
        (CHAT, with("n", json!(2)), ExactOnly::Several),
        (CHAT, with("logprobs", json!(true)), ExactOnly::Logprobs),
        (CHAT, with("top_logprobs", json!(3)), ExactOnly::Logprobs),
        (CHAT, with("seed", json!(0)), ExactOnly::Seed),
        (CHAT, json!({ "model": "m", "messages": [] }), ExactOnly::NotFromUser),
        (CHAT, json!({ "model": "m" }), ExactOnly::NotFromUser),
        (
            CHAT,
            json!({ "messages": [{ "role": "user", "content": "why is the sky blue?" }, { "role": "assistant", "content": "Because" }] }),
            ExactOnly::NotFromUser,
        ),
        (
            CHAT,
            json!({ "messages": [{ "role": "user", "content": "why is the sky blue?" },
                { "role": "assistant", "tool_calls": [{ "id": "1", "type": "function", "function": { "name": "f", "arguments": "{}" } }] },
                { "role": "tool", "tool_call_id": "1", "content": "because of scattered light" }] }),
            ExactOnly::NotFromUser,
        ),
        (
            "/v1/messages",
            said(
                json!([{ "type": "tool_result", "tool_use_id": "1", "content": "light" }, { "type": "text", "text": "why is the sky blue?" }]),
            ),
            ExactOnly::NotText,
        ),
        (
            "/v1/responses",
            json!({ "input": [{ "type": "function_call_output", "call_id": "1", "output": "scattered light" }] }),
            ExactOnly::NotFromUser,
        ),
        (
            "/v1/responses",
            json!({ "input": "why is the sky blue?", "include": ["message.output_text.logprobs"] }),
            ExactOnly::Logprobs,
        ),
        ("/v1/completions", json!({ "prompt": ["why is the sky blue?", "why is grass green?"] }), ExactOnly::Several),
        ("/v1/completions", json!({ "prompt": "why is the sky blue?", "best_of": 3 }), ExactOnly::Several),
        (gemini, json!({ "contents": contents, "generationConfig": { "candidateCount": 2 } }), ExactOnly::Several),
        (gemini, json!({ "contents": contents, "generationConfig": { "seed": 1 } }), ExactOnly::Seed),
        (
            gemini,
            json!({ "contents": contents, "generationConfig": { "responseLogprobs": true } }),
            ExactOnly::Logprobs,
        ),
        (
            gemini,
            json!({ "contents": [{ "role": "user", "parts": [{ "text": "sky blue" , "thought": true }] }] }),
            ExactOnly::NotText,
        ),
        (
            gemini,
            json!({ "contents": [{ "role": "user", "parts": [{ "functionResponse": { "name": "f", "response": {} } }] }] }),
            ExactOnly::NotText,
        ),
        (
            gemini,
            json!({ "contents": [{ "role": "model", "parts": [{ "text": "sky blue" }] }] }),
            ExactOnly::NotFromUser,
        ),
        (
            "/model/m/converse",
            json!({ "messages": [{ "role": "user", "content": [{ "text": "sky blue" }, { "toolResult": {} }] }] }),
            ExactOnly::NotText,
        ),
        ("/v1/embeddings", json!({ "model": "m", "input": "why is the sky blue?" }), ExactOnly::NotChat),
    ] {
        assert_eq!(asked(path, &body, &OPEN), Err(expected), "{path} {body}");
    }
    let twice = r#"{"messages":[{"role":"user","content":"why is the sky blue?","role":"assistant"}]}"#;
    assert_eq!(asked_raw(CHAT, twice, &OPEN), Err(ExactOnly::Ambiguous));
}

#[test]
fn the_host_has_a_say() {
    let body = json!({ "messages": [{ "role": "user", "content": "what is the weather in Paris today?" }] });
    assert_eq!(asked(CHAT, &body, &Conditions { opted_in: false, ..OPEN }), Err(ExactOnly::NotOptedIn));
    assert_eq!(asked(CHAT, &body, &Conditions { redacted: true, ..OPEN }), Err(ExactOnly::Redacted));
    assert!(asked(CHAT, &body, &Conditions { volatile: true, ..OPEN }).is_ok());
    let fine = json!({ "n": 1, "seed": null, "logprobs": false, "top_logprobs": null, "messages":
        [{ "role": "user", "content": [{ "type": "text", "text": "why is the sky blue?", "cache_control": { "type": "ephemeral" } }] }] });
    assert!(asked(CHAT, &fine, &OPEN).is_ok());
    let marked = json!({ "messages": [{ "role": "user", "content": [{ "text": "why is the sky blue?" }, { "cachePoint": { "type": "default" } }] }] });
    assert!(asked("/model/m/converse", &marked, &OPEN).is_ok());
}

#[test]
fn placeholders_are_known_by_their_shape() {
    for (text, expected) in [
        ("mail [EMAIL-0123456789AB] now", true),
        ("[US_SSN-sha:0123456789ABCDEF]", true),
        ("[[A-0123456789]", true),
        ("[EMAIL-012345678]", false),
        ("[email-0123456789AB]", false),
        ("[EMAIL-0123456789AB", false),
        ("[-0123456789AB]", false),
        ("a[0] - [1]", false),
    ] {
        assert_eq!(has_placeholder(text), expected, "{text}");
    }
}

fn asked(path: &str, body: &Value, conditions: &Conditions) -> Result<String, ExactOnly> {
    asked_raw(path, &body.to_string(), conditions)
}

fn asked_raw(path: &str, body: &str, conditions: &Conditions) -> Result<String, ExactOnly> {
    let endpoint = endpoint(path);
    let request = Request::read(&endpoint, body.as_bytes()).unwrap();
    request.question(conditions).map(|question| question.text().to_owned())
}

fn partition(path: &str, body: &str, embedder: &str) -> Key {
    let endpoint = endpoint(path);
    let request = Request::read(&endpoint, body.as_bytes()).unwrap();
    Keys::new(b"secret").partition(&SCOPE, embedder, &request, &request.question(&OPEN).unwrap())
}

fn exact(path: &str, body: &str) -> Key {
    let endpoint = endpoint(path);
    Keys::new(b"secret").exact(&SCOPE, &Request::read(&endpoint, body.as_bytes()).unwrap())
}
