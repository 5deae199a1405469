//! Providers as the presets know them: what requests become for them, and their answers for the client.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test may panic")]

use attache_core::dialect::{Dialect, Upstream};
use attache_core::preset;
use attache_core::translate::Ask;
use std::sync::Arc;

fn upstream(name: &str) -> Upstream {
    let preset = preset::named(name).unwrap();
    Upstream { quirks: Arc::new(preset.quirks.clone()), hosting: preset.hosting, ..Upstream::new("the-model") }
}

/// The request for a provider, and the losses.
fn sent(front: Dialect, provider: &str, body: &str) -> (String, String) {
    let made = Ask::read(front, body.as_bytes()).unwrap().translate(Dialect::OpenAi, &upstream(provider), 0).unwrap();
    (String::from_utf8(made.body.unwrap_or_else(|| body.into())).unwrap(), made.losses.header())
}

/// The whole answer of a provider for a client.
fn answered(front: Dialect, provider: &str, answer: &str) -> serde_json::Value {
    let asked = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    let made = Ask::read(front, asked.as_bytes()).unwrap().translate(Dialect::OpenAi, &upstream(provider), 0).unwrap();
    let whole = made.answer.whole(answer.as_bytes(), &mut |_| {}).unwrap();
    serde_json::from_slice(&whole.body.unwrap_or_else(|| answer.into())).unwrap()
}

/// The stream of a provider for a client.
fn streamed(front: Dialect, provider: &str, stream: &str) -> String {
    let asked = r#"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let made = Ask::read(front, asked.as_bytes()).unwrap().translate(Dialect::OpenAi, &upstream(provider), 0).unwrap();
    let mut streams = made.answer.stream(false);
    let mut out = Vec::new();
    streams.push(stream.as_bytes(), &mut out, &mut |_| {});
    streams.end(&mut out, &mut |_| {});
    String::from_utf8(out).unwrap()
}

const OPENAI_CONVERSATION: &str = r#"{"model":"m","stream":true,"max_completion_tokens":50,"seed":7,"user":"u","tool_choice":"required","messages":[{"role":"developer","content":"short"},{"role":"user","content":"hi"},{"role":"assistant","content":null,"reasoning_content":"hm","tool_calls":[{"id":"call_123456789","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_123456789","content":"1"}],"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object","properties":{}}}}],"vendor":{"x":1.50}}"#;

const CLAUDE_CONVERSATION: &str = r#"{"model":"m","max_tokens":4000,"thinking":{"type":"enabled","budget_tokens":2000},"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"sig"},{"type":"tool_use","id":"toolu_01","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_01","content":"1"}]}],"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"}}"#;

#[test]
fn every_openai_like_provider_is_asked_in_its_own_way() {
    let mut read = String::new();
    for preset in preset::all().iter().filter(|preset| preset.dialect == Dialect::OpenAi) {
        for (front, body) in [(Dialect::OpenAi, OPENAI_CONVERSATION), (Dialect::Anthropic, CLAUDE_CONVERSATION)] {
            let (sent, lost) = sent(front, &preset.name, body);
            read.push_str(&format!("{} from {}\n    {sent}\n    lost: {lost}\n", preset.name, front.as_str()));
        }
    }
    insta::assert_snapshot!(read);
}

#[test]
fn thoughts_are_found_wherever_they_stand() {
    let answer = |message: &str| {
        format!(
            r#"{{"id":"1","model":"m","choices":[{{"index":0,"message":{{"role":"assistant",{message}}},"finish_reason":"stop"}}]}}"#
        )
    };
    for (provider, message) in [
        ("deepseek", r#""reasoning_content":"hm","content":"Yes.""#),
        ("cerebras", r#""reasoning":"hm","content":"Yes.""#),
        (
            "openrouter",
            r#""reasoning":null,"reasoning_details":[{"type":"reasoning.text","text":"hm"}],"content":"Yes.""#,
        ),
        ("groq", r#""content":"<think>hm</think>\n\nYes.""#),
        (
            "mistral",
            r#""content":[{"type":"thinking","thinking":[{"type":"text","text":"h"},{"type":"text","text":"m"}]},{"type":"text","text":"Yes."}]"#,
        ),
    ] {
        let claude = answered(Dialect::Anthropic, provider, &answer(message));
        assert_eq!(claude["content"][0]["thinking"], "hm", "{provider}: {claude}");
        assert_eq!(claude["content"][1]["text"], "Yes.", "{provider}: {claude}");
    }
}

#[test]
fn streams_without_a_last_event_are_whole_when_their_answers_are() {
    let chunk = |delta: &str, reason: &str| {
        format!(
            "data: {{\"id\":\"1\",\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{reason}}}]}}\n\n"
        )
    };
    let begun = chunk(r#"{"role":"assistant","content":"h"}"#, "null") + &chunk(r#"{"content":"m. Yes."}"#, "null");
    let ended = begun.clone() + &chunk("{}", "\"stop\"");
    let claude = streamed(Dialect::Anthropic, "tgi", &ended);
    assert!(claude.contains("Yes.") && claude.contains("message_stop") && !claude.contains("error"), "{claude}");
    let same = streamed(Dialect::OpenAi, "tgi", &ended);
    assert_eq!(same, ended, "byte-exact");
    let cut = streamed(Dialect::Anthropic, "tgi", &begun);
    assert!(cut.contains("stream ended before the answer was complete"), "{cut}");
    let strict = streamed(Dialect::Anthropic, "openai", &ended);
    assert!(strict.contains("stream ended before the answer was complete"), "{strict}");
    // Thoughts between tags are thoughts for other dialects, wherever the tags are cut.
    let pieces =
        ["<thi", "nk>hm</", "think>\\n", "Yes."].map(|text| chunk(&format!(r#"{{"content":"{text}"}}"#), "null"));
    let claude =
        streamed(Dialect::Anthropic, "groq", &(pieces.concat() + &chunk("{}", "\"stop\"") + "data: [DONE]\n\n"));
    assert!(claude.contains(r#""thinking":"hm""#) && claude.contains("Yes.") && !claude.contains("think>"), "{claude}");
}

#[test]
fn errors_of_every_shape_are_read() {
    for (status, body, message) in [
        (
            422,
            r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","seed"],"msg":"Extra inputs are not permitted"}]},"type":"invalid_request_error","code":null}"#,
            "Extra inputs are not permitted",
        ),
        (
            400,
            r#"{"object":"error","message":"Tool call id was x but must be a-z, A-Z, 0-9, with a length of 9.","type":"invalid_function_call","param":null,"code":"3280"}"#,
            "with a length of 9",
        ),
        (
            400,
            r#"{"errors":[{"message":"AiError: bad input","code":5006}],"success":false,"result":{},"messages":[]}"#,
            "AiError: bad input",
        ),
        (404, r#"{"detail":"Not Found"}"#, "Not Found"),
        (400, r#"{"code":"invalid-argument","error":"Model grok is odd"}"#, "Model grok is odd"),
        (502, "<html>Bad Gateway</html>", "not JSON"),
    ] {
        let asked = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
        let ask = Ask::read(Dialect::Anthropic, asked.as_bytes()).unwrap();
        let made = ask.translate(Dialect::OpenAi, &upstream("mistral"), 0).unwrap();
        let fault = made.answer.error("it", status, body.as_bytes()).fault;
        assert!(fault.message.contains(message), "{body}: {}", fault.message);
    }
}
