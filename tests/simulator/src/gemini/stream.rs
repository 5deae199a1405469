//! An answer in chunks, each a `GenerateContentResponse` with what has been used so far; the last one says why it ended.
//!
//! With `alt=sse` they are server-sent events, without a JSON array that grows.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::{self, Stamp, put};
use super::request::Request;
use super::{error, signature};
use crate::script::{ErrorAfter, Script};
use crate::sse::{self, Event};
use crate::turn::{Turn, pieces};

/// The events of one answer, each written when it is asked for.
pub(crate) struct Events {
    request: Request,
    turn: Turn,
    script: Arc<Script>,
    stamp: Stamp,
    steps: std::vec::IntoIter<Step>,
    array: bool,
    begun: bool,
    said: usize,
    all: usize,
}

/// One chunk; the first number is the candidate's.
enum Step {
    Thought(usize, Range<usize>),
    Text(usize, Range<usize>),
    Call(usize, usize),
    Finish(usize),
    /// The end of the array.
    Close,
}

impl Events {
    pub(crate) fn new(request: Request, turn: Turn, script: &Arc<Script>, stamp: Stamp, array: bool) -> Self {
        let steps = steps(&request, &turn, script, array);
        let all = steps.len();
        let steps = steps.into_iter();
        Self { request, turn, script: Arc::clone(script), stamp, steps, array, begun: false, said: 0, all }
    }

    /// The events are the items of an array.
    pub(crate) fn is_array(&self) -> bool {
        self.array
    }

    /// The bytes of an event.
    pub(crate) fn encode(&mut self, event: &Event) -> Bytes {
        if !self.array {
            return sse::encode(event, self.script.sse);
        }
        let before = match (event.data.as_ref(), self.begun) {
            ("]", true) => "\n",
            ("]", false) => "[",
            (_, true) => "\n,\r\n",
            (_, false) => "[",
        };
        self.begun = true;
        Bytes::from(format!("{before}{}", event.data))
    }

    fn write(&self, step: &Step) -> Value {
        let text = |part: Value, index: &usize| json!({"content": {"parts": [part], "role": "model"}, "index": index});
        match step {
            Step::Thought(index, range) => {
                let thinking = self.turn.thinking.as_deref().and_then(|thinking| thinking.get(range.clone()));
                text(json!({"text": thinking, "thought": true}), index)
            }
            Step::Text(index, range) => text(json!({"text": self.turn.text.get(range.clone())}), index),
            Step::Call(index, n) => text(answer::call(&self.request, &self.turn, self.stamp, *n), index),
            Step::Finish(index) => self.finish(*index),
            Step::Close => Value::Null,
        }
    }

    fn finish(&self, index: usize) -> Value {
        let mut candidate = json!({});
        match &self.turn.refusal {
            Some(refusal) => put(&mut candidate, "finishMessage", json!(refusal)),
            None => {
                let mut part = json!({"text": ""});
                if self.request.signs && self.turn.calls.is_empty() {
                    put(&mut part, "thoughtSignature", json!(signature::of_text(&self.turn.text)));
                }
                put(&mut candidate, "content", json!({"parts": [part], "role": "model"}));
            }
        }
        put(&mut candidate, "finishReason", json!(answer::finish_reason(&self.turn, &self.script)));
        put(&mut candidate, "index", json!(index));
        if let Some(top) = self.request.logprobs {
            put(&mut candidate, "logprobsResult", answer::logprobs(&self.turn.text, top));
        }
        candidate
    }

    #[allow(clippy::cast_precision_loss, reason = "a share of few steps")]
    fn chunk(&mut self, step: &Step) -> Event {
        self.said += 1;
        if matches!(step, Step::Close) {
            return Event { name: "", data: "]".into(), is_delta: false };
        }
        let mut chunk = json!({"candidates": [self.write(step)]});
        if !self.script.omit_usage {
            let is_last = matches!(step, Step::Finish(index) if index + 1 == self.request.candidates);
            let share = if is_last { 1.0 } else { self.said as f64 / (self.all + 1) as f64 };
            put(&mut chunk, "usageMetadata", answer::usage(&self.request, &self.turn, &self.script, share));
        }
        answer::stamped(&mut chunk, &self.request, self.stamp);
        Event { name: "", data: chunk.to_string().into(), is_delta: !matches!(step, Step::Finish(_)) }
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let step = self.steps.next()?;
        Some(self.chunk(&step))
    }
}

fn steps(request: &Request, turn: &Turn, script: &Script, array: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    let each = || 0..request.candidates;
    if let Some(thinking) = &turn.thinking {
        for range in pieces(thinking, script.chunks) {
            steps.extend(each().map(|index| Step::Thought(index, range.clone())));
        }
    }
    for range in pieces(&turn.text, script.chunks) {
        steps.extend(each().map(|index| Step::Text(index, range.clone())));
    }
    for n in 0..turn.calls.len() {
        steps.extend(each().map(|index| Step::Call(index, n)));
    }
    if !script.omit_done {
        steps.extend(each().map(Step::Finish));
    }
    if array {
        steps.push(Step::Close);
    }
    steps
}

/// An error after the 200, and then nothing more.
pub(crate) fn error(error: &ErrorAfter) -> Event {
    Event { name: "", data: error::in_stream(error).into(), is_delta: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::Asked;

    fn bytes(request: Request, script: &str, array: bool) -> String {
        let script = Arc::new(Script::parse(script.as_bytes()).expect("a valid script"));
        let turn = Turn::new(&request.asked, &script);
        let mut events = Events::new(request, turn, &script, Stamp(1), array);
        let mut out = Vec::new();
        while let Some(event) = events.next() {
            out.extend_from_slice(&events.encode(&event));
        }
        String::from_utf8(out).expect("UTF-8")
    }

    fn request(signs: bool) -> Request {
        let asked = Asked { model: "gemini".into(), last_user_text: "hi".into(), prompt_tokens: 3, ..Asked::default() };
        Request { asked, candidates: 1, signs, ..Request::default() }
    }

    #[test]
    fn the_same_chunks_in_both_frames() {
        let script =
            r#"{"thinking":"hm","text":"Hello there","chunks":2,"tool_calls":[{"name":"f","arguments":{"a":1}}]}"#;
        let array: Vec<Value> = serde_json::from_str(&bytes(request(true), script, true)).expect("an array");
        let events = bytes(request(true), script, false);
        let events: Vec<Value> = events
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).expect("JSON"))
            .collect();
        let said = |chunks: &[Value]| chunks.iter().map(|chunk| chunk["candidates"].clone()).collect::<Vec<_>>();
        assert_eq!(said(&array), said(&events));
        assert_eq!(events.len(), 6);
        let call = &events[4]["candidates"][0]["content"]["parts"][0];
        assert_eq!(call["functionCall"]["args"], json!({"a": 1}));
        assert!(call["thoughtSignature"].is_string() && call["functionCall"]["id"].is_string());
        assert_eq!(events[5]["candidates"][0]["finishReason"], "STOP");
        assert_eq!(events[5]["usageMetadata"]["thoughtsTokenCount"], 1);
        assert_eq!(bytes(request(false), r#"{"text":"","omit_done":true}"#, true), "[]");
    }
}
