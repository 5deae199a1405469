//! An answer in one piece.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::request::Request;
use crate::anthropic::signature;
use crate::script::Script;
use crate::turn::{Call, Stop, Turn};

pub(crate) fn body(request: &Request, turn: &Turn, script: &Script, n: u64) -> Bytes {
    let mut content: Vec<Value> = Vec::new();
    if let Some(thinking) = &turn.thinking {
        let said = json!({"text": thinking, "signature": signature::sign(thinking)});
        content.push(json!({"reasoningContent": {"reasoningText": said}}));
    }
    if let Some(data) = &turn.redacted_thinking {
        content.push(json!({"reasoningContent": {"redactedContent": redacted(data)}}));
    }
    let text = turn.refusal.as_deref().unwrap_or(&turn.text);
    if !text.is_empty() {
        content.push(json!({"text": text}));
    }
    for (index, call) in turn.calls.iter().enumerate() {
        let id = call_id(call, index, n);
        content.push(json!({"toolUse": {"toolUseId": id, "name": call.name, "input": input(call)}}));
    }
    let mut answer = json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason(turn, script),
        "metrics": {"latencyMs": 1},
    });
    if let Some(fields) = answer.as_object_mut() {
        if !script.omit_usage {
            fields.insert("usage".to_owned(), usage(request, turn, script));
        }
        fields.extend(extras(request, turn));
    }
    Bytes::from(answer.to_string())
}

/// Bytes that only the model can read; in JSON they are base64.
pub(super) fn redacted(data: &str) -> String {
    if STANDARD.decode(data).is_ok() { data.to_owned() } else { STANDARD.encode(data) }
}

/// The API has no way to say arguments that are no object; what is broken becomes empty.
fn input(call: &Call) -> Value {
    serde_json::from_str(&call.arguments).ok().filter(Value::is_object).unwrap_or_else(|| json!({}))
}

pub(super) fn call_id(call: &Call, index: usize, n: u64) -> String {
    call.id.clone().unwrap_or_else(|| format!("tooluse_sim{n:011}-{index:04}"))
}

pub(super) fn stop_reason<'a>(turn: &Turn, script: &'a Script) -> &'a str {
    if let Some(reason) = &script.stop_reason {
        return reason;
    }
    match turn.stop {
        Stop::End => "end_turn",
        Stop::Length => "max_tokens",
        Stop::Sequence(_) => "stop_sequence",
        Stop::Tools => "tool_use",
        Stop::Refusal => "content_filtered",
    }
}

/// What stands in an answer only where it was asked for.
fn extras(request: &Request, turn: &Turn) -> Map<String, Value> {
    let mut extras = Map::new();
    if let Some(sequence) = sequence(request, turn) {
        extras.insert("additionalModelResponseFields".to_owned(), json!({"stop_sequence": sequence}));
    }
    extras.extend(tier(request));
    extras
}

pub(super) fn sequence<'a>(request: &Request, turn: &'a Turn) -> Option<&'a str> {
    match &turn.stop {
        Stop::Sequence(sequence) if request.wants_sequence => Some(sequence),
        Stop::Sequence(_) | Stop::End | Stop::Length | Stop::Tools | Stop::Refusal => None,
    }
}

pub(super) fn tier(request: &Request) -> Option<(String, Value)> {
    request.tier.as_ref().map(|tier| ("serviceTier".to_owned(), json!({"type": tier})))
}

/// Input does not include what was read from or written to the cache.
pub(super) fn usage(request: &Request, turn: &Turn, script: &Script) -> Value {
    if let Some(usage) = &script.usage {
        return Value::Object(Map::clone(usage));
    }
    let (input, output) = (request.asked.prompt_tokens, turn.tokens());
    json!({"inputTokens": input, "outputTokens": output, "totalTokens": input + output, "serverToolUsage": {}})
}
