//! An answer in one piece.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::request::Request;
use crate::script::Script;
use crate::turn::{Call, Stop, Turn, pieces};

/// What the template around a prompt adds to what is billed.
const TEMPLATE_TOKENS: u64 = 66;
/// Characters of the answer that the first document is cited for.
const CITED_CHARS: usize = 8;

/// The number of the request: ids are made from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp(pub(crate) u64);

impl Stamp {
    pub(crate) fn id(self) -> String {
        format!("00000000-0000-4000-8000-{:012}", self.0)
    }
}

pub(crate) fn body(request: &Request, turn: &Turn, script: &Script, stamp: Stamp) -> Bytes {
    let text = said(turn);
    let mut content: Vec<Value> = Vec::new();
    content.extend(turn.thinking.as_ref().map(|thinking| json!({"type": "thinking", "thinking": thinking})));
    content.extend((!text.is_empty()).then(|| json!({"type": "text", "text": text})));
    let mut message = Map::new();
    message.insert("role".to_owned(), "assistant".into());
    if !content.is_empty() {
        message.insert("content".to_owned(), content.into());
    }
    if let Some(plan) = plan(turn) {
        message.insert("tool_plan".to_owned(), plan.into());
    }
    if !turn.calls.is_empty() {
        let calls = turn.calls.iter().enumerate().map(|(n, call)| {
            let function = json!({"name": call.name, "arguments": call.arguments});
            json!({"id": call_id(call, n, stamp), "type": "function", "function": function})
        });
        message.insert("tool_calls".to_owned(), calls.collect());
    }
    if let Some(citation) = citation(request, turn) {
        message.insert("citations".to_owned(), json!([citation]));
    }
    let mut answer = json!({"id": stamp.id(), "message": message, "finish_reason": finish_reason(turn, script)});
    if let Some(fields) = answer.as_object_mut() {
        if !script.omit_usage {
            fields.insert("usage".to_owned(), usage(request, turn, script));
        }
        if request.logprobs {
            let items = pieces(&text, script.chunks).into_iter().filter_map(|range| text.get(range)).map(logprob);
            fields.insert("logprobs".to_owned(), items.collect());
        }
    }
    Bytes::from(answer.to_string())
}

/// A refusal is words like any others.
pub(super) fn said(turn: &Turn) -> String {
    format!("{}{}", turn.text, turn.refusal.as_deref().unwrap_or_default())
}

/// What models that show no thoughts say before they call tools.
pub(super) fn plan(turn: &Turn) -> Option<String> {
    let first = turn.calls.first().filter(|_| turn.thinking.is_none() && turn.text.is_empty())?;
    Some(format!("I will use {}.", first.name))
}

pub(super) fn call_id(call: &Call, n: usize, stamp: Stamp) -> String {
    call.id.clone().unwrap_or_else(|| format!("{}_{:08}{n:04}", call.name, stamp.0))
}

/// The beginning of the answer rests on the first document.
pub(super) fn citation(request: &Request, turn: &Turn) -> Option<Value> {
    let cited = request.cited.as_ref().filter(|_| !turn.text.is_empty())?;
    let text: String = turn.text.chars().take(CITED_CHARS).collect();
    let id = cited.get("id").cloned().unwrap_or_else(|| "doc:0".into());
    let data = cited.get("data").unwrap_or(cited);
    let mut document = data.as_object().cloned().unwrap_or_else(|| Map::from_iter([("text".to_owned(), data.clone())]));
    document.insert("id".to_owned(), id.clone());
    let source = json!({"type": "document", "id": id, "document": document});
    let block = u8::from(turn.thinking.is_some());
    let end = text.chars().count();
    Some(json!({
        "start": 0, "end": end, "text": text, "sources": [source], "content_index": block, "type": "TEXT_CONTENT",
    }))
}

pub(super) fn logprob(text: &str) -> Value {
    json!({"text": text, "token_ids": [text.len()], "logprobs": [-0.25]})
}

pub(super) fn finish_reason<'a>(turn: &Turn, script: &'a Script) -> &'a str {
    if let Some(reason) = &script.stop_reason {
        return reason;
    }
    match turn.stop {
        Stop::End | Stop::Refusal => "COMPLETE",
        Stop::Length => "MAX_TOKENS",
        Stop::Sequence(_) => "STOP_SEQUENCE",
        Stop::Tools => "TOOL_CALL",
    }
}

/// What is billed is less than what the model reads and writes.
pub(super) fn usage(request: &Request, turn: &Turn, script: &Script) -> Value {
    if let Some(usage) = &script.usage {
        return Value::Object(Map::clone(usage));
    }
    let (input, output) = (request.asked.prompt_tokens, turn.tokens());
    json!({
        "billed_units": {"input_tokens": input, "output_tokens": output},
        "tokens": {"input_tokens": input + TEMPLATE_TOKENS, "output_tokens": output + 1},
    })
}
