//! A tool whose name the upstream would refuse has another one there, and its own again in the answer.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use attache_core::dialect::{Dialect, Upstream};
use attache_core::translate::{Answer, Ask};

const REQUEST: &[u8] = br#"{"model":"m","messages":[
    {"role":"user","content":"Weather?"},
    {"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"mcp/weather now","arguments":"{}"}}]},
    {"role":"tool","tool_call_id":"c","content":"rain"}],
    "tools":[{"type":"function","function":{"name":"mcp/weather now","parameters":{"type":"object"}}}],
    "tool_choice":{"type":"function","function":{"name":"mcp/weather now"}}}"#;

/// The request in Anthropic's dialect, the name that the tool has there, and the way back.
fn translated(stream: bool) -> (String, String, Answer) {
    let mut request = REQUEST.to_vec();
    if stream {
        request.truncate(request.len() - 1);
        request.extend_from_slice(br#","stream":true}"#);
    }
    let ask = Ask::read(Dialect::OpenAi, &request).unwrap();
    let translated = ask.translate(Dialect::Anthropic, &Upstream::new("claude"), 7).unwrap();
    assert!(translated.losses.is_empty(), "{:?}", translated.losses);
    let body: serde_json::Value = serde_json::from_slice(&translated.body.unwrap()).unwrap();
    let name = body["tools"][0]["name"].as_str().unwrap().to_owned();
    (body.to_string(), name, translated.answer)
}

#[test]
fn a_request_says_the_new_name_everywhere() {
    let (body, name, _) = translated(false);
    assert!(name.starts_with("mcp_weather_now_"), "{name}");
    assert_eq!(body.matches(&name).count(), 3, "{body}");
    assert!(!body.contains("mcp/weather"), "{body}");
}

#[test]
fn a_whole_answer_says_the_old_name() {
    let (_, name, answer) = translated(false);
    let body = format!(
        r#"{{"id":"i","model":"m","content":[{{"type":"tool_use","id":"t","name":"{name}","input":{{}}}}],"stop_reason":"tool_use"}}"#
    );
    let whole = answer.whole(body.as_bytes(), &mut |_| {}).unwrap();
    let body = String::from_utf8(whole.body.unwrap()).unwrap();
    assert!(body.contains(r#""name":"mcp/weather now""#), "{body}");
    assert!(!body.contains(&name), "{body}");
}

#[test]
fn a_stream_says_the_old_name() {
    let (_, name, answer) = translated(true);
    let events = format!(
        "data: {{\"type\":\"message_start\",\"message\":{{\"id\":\"i\",\"model\":\"m\"}}}}\n\n\
         data: {{\"type\":\"content_block_start\",\"index\":0,\"content_block\":\
         {{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"{name}\",\"input\":{{}}}}}}\n\n\
         data: {{\"type\":\"content_block_stop\",\"index\":0}}\n\ndata: {{\"type\":\"message_stop\"}}\n\n"
    );
    let (mut stream, mut out) = (answer.stream(false), Vec::new());
    stream.push(events.as_bytes(), &mut out, &mut |_| {});
    stream.end(&mut out, &mut |_| {});
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains(r#""name":"mcp/weather now""#), "{out}");
    assert!(!out.contains(&name), "{out}");
    assert_eq!(stream.seen().fault, None);
}
