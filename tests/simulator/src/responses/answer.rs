//! An answer in one piece.

use serde_json::{Map, Value, json};

use super::request::Request;
use super::{Stamp, with};
use crate::openai::logprobs;
use crate::script::Script;
use crate::turn::{Call, Stop, Turn, pieces};

/// What sealed content begins with, as the real one's does.
const SEAL: &str = "gAAAAABsim_";

/// What an answer repeats of its request, and what holds where that says nothing.
const REPEATED: [(&str, &str); 18] = [
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("prompt_cache_key", "null"),
    ("prompt_cache_retention", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("temperature", "1.0"),
    ("text", r#"{"format":{"type":"text"},"verbosity":"medium"}"#),
    ("tool_choice", r#""auto""#),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "1.0"),
    ("truncation", r#""disabled""#),
    ("user", "null"),
];

/// Makes the answer.
pub(super) fn of(request: &Request, turn: &Turn, script: &Script, stamp: Stamp) -> Value {
    let incomplete = incomplete(turn, script);
    let answer = json!({
        "id": format!("resp_sim{:045}", stamp.n),
        "object": "response",
        "created_at": stamp.created,
        "status": if incomplete.is_some() { "incomplete" } else { "completed" },
        "background": false,
        "error": null,
        "incomplete_details": incomplete.map(|reason| json!({"reason": reason})),
        "model": request.asked.model,
        "output": output(request, turn, script, stamp, incomplete.is_some()),
        "service_tier": "default",
        "store": request.stores,
        "usage": if script.omit_usage { Value::Null } else { usage(request, turn, script) },
    });
    let repeated = REPEATED.iter().map(|(name, default)| {
        let written = request.echo.get(*name).filter(|value| !value.is_null()).cloned();
        let value = written.unwrap_or_else(|| serde_json::from_str(default).unwrap_or_default());
        ((*name).to_owned(), value)
    });
    with(answer, Value::Object(repeated.collect()))
}

fn incomplete<'a>(turn: &Turn, script: &'a Script) -> Option<&'a str> {
    match script.stop_reason.as_deref() {
        Some("length" | "max_output_tokens") => Some("max_output_tokens"),
        Some("stop" | "tool_calls") => None,
        Some(other) => Some(other),
        None => (turn.stop == Stop::Length).then_some("max_output_tokens"),
    }
}

fn output(request: &Request, turn: &Turn, script: &Script, stamp: Stamp, is_cut: bool) -> Vec<Value> {
    let mut items = Vec::new();
    if turn.thinking.is_some() || turn.redacted_thinking.is_some() {
        let id = format!("rs_sim{:045}", stamp.n);
        let summary = turn.thinking.as_ref().filter(|_| request.summarizes || script.thinking.is_some());
        let summary: Vec<Value> = summary.iter().map(|text| json!({"type": "summary_text", "text": text})).collect();
        let sealed = if request.seals { json!({"encrypted_content": sealed(&id)}) } else { json!({}) };
        items.push(with(json!({"id": id, "type": "reasoning", "summary": summary}), sealed));
    }
    if !turn.text.is_empty() || (turn.calls.is_empty() && turn.refusal.is_none()) || turn.refusal.is_some() {
        let status = if is_cut { "incomplete" } else { "completed" };
        let id = format!("msg_sim{:044}", stamp.n);
        items.push(json!({
            "id": id, "type": "message", "status": status, "role": "assistant", "content": content(request, turn, script),
        }));
    }
    items.extend(turn.calls.iter().enumerate().map(|(n, call)| called(call, n, request, stamp)));
    items
}

fn content(request: &Request, turn: &Turn, script: &Script) -> Vec<Value> {
    let mut parts = Vec::new();
    if turn.refusal.is_none() || !turn.text.is_empty() {
        parts.push(json!({
            "type": "output_text", "text": turn.text, "annotations": [], "logprobs": logprobs_of(&turn.text, request, script),
        }));
    }
    parts.extend(turn.refusal.iter().map(|refusal| json!({"type": "refusal", "refusal": refusal})));
    parts
}

fn logprobs_of(text: &str, request: &Request, script: &Script) -> Vec<Value> {
    let Some(alternatives) = request.top_logprobs else { return Vec::new() };
    let tokens = pieces(text, script.chunks).into_iter().filter_map(|range| text.get(range));
    tokens.map(|token| logprobs::of(token, alternatives)).collect()
}

fn called(call: &Call, n: usize, request: &Request, stamp: Stamp) -> Value {
    let call_id = call.id.clone().unwrap_or_else(|| format!("call_sim{:015}{n:04}", stamp.n));
    if request.freeform.contains(&call.name) {
        return json!({
            "id": format!("ctc_sim{:040}{n:04}", stamp.n), "type": "custom_tool_call", "status": "completed",
            "call_id": call_id, "name": call.name, "input": call.arguments,
        });
    }
    json!({
        "id": format!("fc_sim{:041}{n:04}", stamp.n), "type": "function_call", "status": "completed",
        "call_id": call_id, "name": call.name, "arguments": call.arguments,
    })
}

/// The thought of this id, sealed: who opens it sees whose it is.
fn sealed(id: &str) -> String {
    format!("{SEAL}{id}=")
}

/// Whose thought it is; `None` for what this API has not sealed.
pub(super) fn sealed_id(sealed: &str) -> Option<&str> {
    sealed.strip_prefix(SEAL)?.strip_suffix('=')
}

/// Input includes what was cached; output includes reasoning.
fn usage(request: &Request, turn: &Turn, script: &Script) -> Value {
    if let Some(usage) = &script.usage {
        return Value::Object(Map::clone(usage));
    }
    let (input, output) = (request.asked.prompt_tokens, turn.tokens());
    json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": turn.thinking_tokens()},
        "total_tokens": input + output,
    })
}
