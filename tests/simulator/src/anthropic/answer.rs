//! A message in one piece.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::request::Request;
use super::signature;
use crate::script::Script;
use crate::turn::{Call, Stop, Turn};

/// The number of the request: ids are made from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp(pub(crate) u64);

impl Stamp {
    pub(super) fn id(self) -> String {
        format!("msg_01sim{:019}", self.0)
    }
}

pub(crate) fn body(request: &Request, turn: &Turn, script: &Script, stamp: Stamp) -> Bytes {
    let mut content: Vec<Value> = Vec::new();
    if let Some(thinking) = shown_thinking(request, turn) {
        content.push(json!({"type": "thinking", "thinking": thinking, "signature": signature::sign(thinking)}));
    }
    if let Some(data) = &turn.redacted_thinking {
        content.push(json!({"type": "redacted_thinking", "data": data}));
    }
    if !turn.text.is_empty() {
        content.push(json!({"type": "text", "text": turn.text}));
    }
    for (n, call) in turn.calls.iter().enumerate() {
        content
            .push(json!({"type": "tool_use", "id": call_id(call, n, stamp), "name": call.name, "input": input(call)}));
    }
    let mut answer = json!({
        "id": stamp.id(),
        "type": "message",
        "role": "assistant",
        "model": request.asked.model,
        "content": content,
        "stop_reason": stop_reason(turn, script),
        "stop_sequence": stop_sequence(turn),
    });
    if let Some(fields) = answer.as_object_mut() {
        if let Some(details) = stop_details(turn) {
            fields.insert("stop_details".to_owned(), details);
        }
        if !script.omit_usage {
            fields.insert("usage".to_owned(), usage(request, turn, script, turn.tokens()));
        }
    }
    Bytes::from(answer.to_string())
}

pub(super) fn shown_thinking<'a>(request: &Request, turn: &'a Turn) -> Option<&'a str> {
    turn.thinking.as_deref().map(|thinking| if request.omit_thinking { "" } else { thinking })
}

/// The API has no way to say arguments that are no object; what is broken becomes empty.
fn input(call: &Call) -> Value {
    serde_json::from_str(&call.arguments).ok().filter(Value::is_object).unwrap_or_else(|| json!({}))
}

pub(super) fn call_id(call: &Call, n: usize, stamp: Stamp) -> String {
    call.id.clone().unwrap_or_else(|| format!("toolu_01sim{:013}{n:04}", stamp.0))
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
        Stop::Refusal => "refusal",
    }
}

pub(super) fn stop_sequence(turn: &Turn) -> Option<&str> {
    match &turn.stop {
        Stop::Sequence(sequence) => Some(sequence),
        Stop::End | Stop::Length | Stop::Tools | Stop::Refusal => None,
    }
}

/// Why it refused; only there when it did.
pub(super) fn stop_details(turn: &Turn) -> Option<Value> {
    let explanation = turn.refusal.as_ref()?;
    Some(json!({"type": "refusal", "category": null, "explanation": explanation}))
}

/// Input does not include what was read from or written to the cache.
pub(super) fn usage(request: &Request, turn: &Turn, script: &Script, output_tokens: u64) -> Value {
    if let Some(usage) = &script.usage {
        return Value::Object(Map::clone(usage));
    }
    let mut usage = json!({
        "input_tokens": request.asked.prompt_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
        "service_tier": "standard",
    });
    if let Some(fields) = usage.as_object_mut().filter(|_| turn.thinking.is_some()) {
        fields.insert(
            "output_tokens_details".to_owned(),
            json!({"thinking_tokens": turn.thinking_tokens().min(output_tokens)}),
        );
    }
    usage
}
