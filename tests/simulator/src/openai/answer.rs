//! A chat completion in one piece.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::logprobs;
use super::request::Request;
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

pub(crate) fn body(request: &Request, turn: &Turn, script: &Script, stamp: &Stamp) -> Bytes {
    let choices: Vec<Value> = (0..request.n).map(|index| choice(index, request, turn, script, stamp)).collect();
    let mut answer = json!({
        "id": stamp.id(),
        "object": "chat.completion",
        "created": stamp.created,
        "model": request.asked.model,
        "choices": choices,
        "usage": usage(request, turn, script),
        "service_tier": "default",
        "system_fingerprint": "fp_simulator",
    });
    if let Some(fields) = answer.as_object_mut().filter(|_| script.omit_usage) {
        fields.shift_remove("usage");
    }
    Bytes::from(answer.to_string())
}

fn choice(index: usize, request: &Request, turn: &Turn, script: &Script, stamp: &Stamp) -> Value {
    let silent = turn.text.is_empty() && (!turn.calls.is_empty() || turn.refusal.is_some());
    let mut message = json!({
        "role": "assistant",
        "content": if silent { Value::Null } else { turn.text.as_str().into() },
        "refusal": turn.refusal,
        "annotations": [],
    });
    if let Some(fields) = message.as_object_mut() {
        if let Some(thinking) = &turn.thinking {
            fields.insert("reasoning_content".to_owned(), thinking.as_str().into());
        }
        if !turn.calls.is_empty() {
            let calls = turn.calls.iter().enumerate().map(|(n, call)| tool_call(call, n, index, stamp)).collect();
            fields.insert("tool_calls".to_owned(), calls);
        }
    }
    let logprobs = request.top_logprobs.map(|alternatives| {
        let tokens: Vec<Value> = pieces(&turn.text, script.chunks)
            .into_iter()
            .filter_map(|range| turn.text.get(range))
            .map(|token| logprobs::of(token, alternatives))
            .collect();
        json!({"content": tokens, "refusal": null})
    });
    json!({"index": index, "message": message, "logprobs": logprobs, "finish_reason": finish_reason(turn, script)})
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

/// Input includes what was cached; output includes reasoning.
pub(super) fn usage(request: &Request, turn: &Turn, script: &Script) -> Value {
    if let Some(usage) = &script.usage {
        return Value::Object(Map::clone(usage));
    }
    let prompt = request.asked.prompt_tokens;
    let completion = turn.tokens() * u64::try_from(request.n).unwrap_or(1);
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": turn.thinking_tokens(),
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}
