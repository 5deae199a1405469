//! An answer in one piece.

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
        format!("sim{:019}", self.0)
    }
}

/// Sets a field of an object.
pub(super) fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

pub(crate) fn body(request: &Request, turn: &Turn, script: &Script, stamp: Stamp) -> Bytes {
    let candidates: Vec<Value> =
        (0..request.candidates).map(|index| candidate(request, turn, script, stamp, index)).collect();
    let mut answer = json!({"candidates": candidates});
    if !script.omit_usage {
        put(&mut answer, "usageMetadata", usage(request, turn, script, 1.0));
    }
    stamped(&mut answer, request, stamp);
    Bytes::from(answer.to_string())
}

/// What every answer and every chunk carries.
pub(super) fn stamped(answer: &mut Value, request: &Request, stamp: Stamp) {
    put(answer, "modelVersion", json!(request.asked.model));
    if request.vertex {
        put(answer, "createTime", json!("2026-01-01T00:00:00.000001Z"));
    }
    put(answer, "responseId", json!(stamp.id()));
}

fn candidate(request: &Request, turn: &Turn, script: &Script, stamp: Stamp, index: usize) -> Value {
    let mut parts: Vec<Value> = Vec::new();
    if let Some(thinking) = &turn.thinking {
        parts.push(json!({"text": thinking, "thought": true}));
    }
    if !turn.text.is_empty() {
        let mut part = json!({"text": turn.text});
        if request.signs && turn.calls.is_empty() {
            put(&mut part, "thoughtSignature", json!(signature::of_text(&turn.text)));
        }
        parts.push(part);
    }
    parts.extend((0..turn.calls.len()).map(|n| call(request, turn, stamp, n)));
    let mut candidate = json!({});
    if turn.refusal.is_none() {
        put(&mut candidate, "content", json!({"parts": parts, "role": "model"}));
    }
    put(&mut candidate, "finishReason", json!(finish_reason(turn, script)));
    if let Some(refusal) = &turn.refusal {
        put(&mut candidate, "finishMessage", json!(refusal));
    }
    put(&mut candidate, "index", json!(index));
    if let Some(top) = request.logprobs {
        put(&mut candidate, "logprobsResult", logprobs(&turn.text, top));
    }
    candidate
}

/// A function call as a part: signed where it is the first of a model that signs.
pub(super) fn call(request: &Request, turn: &Turn, stamp: Stamp, n: usize) -> Value {
    let Some(call) = turn.calls.get(n) else { return json!({}) };
    let args = args(call);
    let mut called = json!({"name": call.name, "args": args});
    let own = request.signs.then(|| format!("{}_{n}", stamp.id()));
    if let Some(id) = call.id.clone().or(own) {
        put(&mut called, "id", json!(id));
    }
    let mut part = json!({"functionCall": called});
    if request.signs && n == 0 {
        put(&mut part, "thoughtSignature", json!(signature::of_call(&call.name, &args)));
    }
    part
}

/// The API has no way to say arguments that are no object; what is broken becomes empty.
fn args(call: &Call) -> Value {
    serde_json::from_str(&call.arguments).ok().filter(Value::is_object).unwrap_or_else(|| json!({}))
}

/// One token for the whole text: the numbers are made up.
pub(super) fn logprobs(text: &str, top: usize) -> Value {
    let of = |token: &str, probability: f64| json!({"token": token, "tokenId": 7, "logProbability": probability});
    let others: Vec<Value> = (0..top)
        .map(|n| if n == 0 { of(text, -0.25) } else { of(&format!("alt{n}"), -0.25 * (n as f64 + 1.0)) })
        .collect();
    json!({"chosenCandidates": [of(text, -0.25)], "topCandidates": [{"candidates": others}]})
}

pub(super) fn finish_reason<'a>(turn: &Turn, script: &'a Script) -> &'a str {
    if let Some(reason) = &script.stop_reason {
        return reason;
    }
    match turn.stop {
        Stop::End | Stop::Sequence(_) | Stop::Tools => "STOP",
        Stop::Length => "MAX_TOKENS",
        Stop::Refusal => "SAFETY",
    }
}

/// The prompt includes what was cached, the candidates do not include the thoughts. `share`: how much has been said.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "small counts")]
pub(super) fn usage(request: &Request, turn: &Turn, script: &Script, share: f64) -> Value {
    if let Some(usage) = &script.usage {
        return Value::Object(Map::clone(usage));
    }
    let prompt = request.asked.prompt_tokens;
    let thoughts = turn.thinking_tokens();
    let all = (turn.tokens() - thoughts) * u64::try_from(request.candidates).unwrap_or(1);
    let candidates = (all as f64 * share) as u64;
    let mut usage = json!({"promptTokenCount": prompt, "candidatesTokenCount": candidates});
    if thoughts > 0 {
        put(&mut usage, "thoughtsTokenCount", json!(thoughts));
    }
    put(&mut usage, "totalTokenCount", json!(prompt + candidates + thoughts));
    put(&mut usage, "promptTokensDetails", json!([{"modality": "TEXT", "tokenCount": prompt}]));
    if request.vertex {
        put(&mut usage, "trafficType", json!("ON_DEMAND"));
    }
    usage
}
