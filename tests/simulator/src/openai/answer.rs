//! A chat completion in one piece.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::logprobs;
use super::request::Request;
use super::stream::quoted;
use crate::script::Script;
use crate::turn::{Call, Stop, Turn, pieces};

/// What every chunk and every answer of one exchange repeats.
#[derive(Debug)]
pub(crate) struct Stamp {
    /// The number of the request: ids are made from it.
    pub(crate) n: u64,
    /// Unix seconds.
    pub(crate) created: u64,
}

impl Stamp {
    pub(super) fn id(&self) -> String {
        format!("chatcmpl-sim{:025}", self.n)
    }
}

/// Written by hand: this is the path that benchmarks take.
pub(crate) fn body(request: &Request, turn: &Turn, script: &Script, stamp: &Stamp) -> Bytes {
    let mut choices = String::new();
    for index in 0..request.n {
        choices.push_str(if index > 0 { "," } else { "" });
        choices.push_str(&choice(index, request, turn, script, stamp));
    }
    let usage = if script.omit_usage { String::new() } else { format!(r#""usage":{},"#, usage(request, turn, script)) };
    Bytes::from(format!(
        r#"{{"id":"{}","object":"chat.completion","created":{},"model":{},"choices":[{choices}],{usage}"service_tier":"default","system_fingerprint":"fp_simulator"}}"#,
        stamp.id(),
        stamp.created,
        quoted(&request.asked.model),
    ))
}

fn choice(index: usize, request: &Request, turn: &Turn, script: &Script, stamp: &Stamp) -> String {
    let or_null = |text: Option<&str>| text.map_or_else(|| "null".to_owned(), quoted);
    let silent = turn.text.is_empty() && (!turn.calls.is_empty() || turn.refusal.is_some());
    let content = or_null(Some(turn.text.as_str()).filter(|_| !silent));
    let refusal = or_null(turn.refusal.as_deref());
    let mut more = String::new();
    if let Some(thinking) = &turn.thinking {
        more.push_str(r#","reasoning_content":"#);
        more.push_str(&quoted(thinking));
    }
    if !turn.calls.is_empty() {
        let calls: Value = turn.calls.iter().enumerate().map(|(n, call)| tool_call(call, n, index, stamp)).collect();
        more.push_str(r#","tool_calls":"#);
        more.push_str(&calls.to_string());
    }
    let logprobs = request.top_logprobs.map_or(Value::Null, |alternatives| {
        let tokens: Vec<Value> = pieces(&turn.text, script.chunks)
            .into_iter()
            .filter_map(|range| turn.text.get(range))
            .map(|token| logprobs::of(token, alternatives))
            .collect();
        json!({"content": tokens, "refusal": null})
    });
    format!(
        r#"{{"index":{index},"message":{{"role":"assistant","content":{content},"refusal":{refusal},"annotations":[]{more}}},"logprobs":{logprobs},"finish_reason":{}}}"#,
        quoted(finish_reason(turn, script)),
    )
}

fn tool_call(call: &Call, n: usize, choice: usize, stamp: &Stamp) -> Value {
    json!({
        "id": call_id(call, n, choice, stamp),
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    })
}

pub(super) fn call_id(call: &Call, n: usize, choice: usize, stamp: &Stamp) -> String {
    call.id.clone().unwrap_or_else(|| format!("call_sim{:013}{choice:04}{n:04}", stamp.n))
}

pub(super) fn finish_reason<'a>(turn: &Turn, script: &'a Script) -> &'a str {
    if let Some(reason) = &script.stop_reason {
        return reason;
    }
    match turn.stop {
        Stop::End | Stop::Sequence(_) | Stop::Refusal => "stop",
        Stop::Length => "length",
        Stop::Tools => "tool_calls",
    }
}

/// Input includes what was cached; output includes reasoning. JSON.
pub(super) fn usage(request: &Request, turn: &Turn, script: &Script) -> String {
    if let Some(usage) = &script.usage {
        return Value::Object(Map::clone(usage)).to_string();
    }
    let prompt = request.asked.prompt_tokens;
    let completion = turn.tokens() * u64::try_from(request.n).unwrap_or(1);
    format!(
        r#"{{"prompt_tokens":{prompt},"completion_tokens":{completion},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":0,"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":{},"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#,
        prompt + completion,
        turn.thinking_tokens(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::Asked;

    #[test]
    fn every_answer_is_json() {
        for (script, pointer, wanted) in [
            ("{}", "/choices/1/message/content", json!("You said: \"hi\"")),
            (r#"{"omit_usage":true}"#, "/usage", Value::Null),
            (r#"{"usage":{"total_tokens":7}}"#, "/usage", json!({"total_tokens": 7})),
            (
                r#"{"refusal":"no"}"#,
                "/choices/0/message",
                json!({"role":"assistant","content":null,"refusal":"no","annotations":[]}),
            ),
            (r#"{"thinking":"hm"}"#, "/choices/0/message/reasoning_content", json!("hm")),
            (
                r#"{"tool_calls":[{"name":"f","arguments":{"a":1}}]}"#,
                "/choices/0/message/tool_calls/0/function",
                json!({"name":"f","arguments":"{\"a\":1}"}),
            ),
            (r#"{"tool_calls":[{"name":"f"}]}"#, "/choices/0/finish_reason", json!("tool_calls")),
            (r#"{"finish_reason":"length"}"#, "/choices/0/finish_reason", json!("length")),
            (r#"{"text":"a b"}"#, "/choices/0/logprobs/content/0/token", json!("a b")),
        ] {
            let script = Script::parse(script.as_bytes()).expect("a valid script");
            let asked = Asked { model: "m\"".into(), last_user_text: "\"hi\"".into(), ..Asked::default() };
            let request = Request { asked, n: 2, top_logprobs: Some(1), ..Request::default() };
            let turn = Turn::new(&request.asked, &script);
            let body = body(&request, &turn, &script, &Stamp { n: 1, created: 2 });
            let answer: Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(answer.pointer(pointer).cloned().unwrap_or_default(), wanted, "{answer}");
            assert_eq!(answer["choices"].as_array().map(Vec::len), Some(2));
        }
    }
}
