//! A chat stream: `message-start`, blocks and calls one after the other, `message-end`.

use serde_json::{Value, json};

use super::answer::{self, Stamp};
use super::request::Request;
use crate::apis::set;
use crate::script::{ErrorAfter, Script};
use crate::sse::Event;
use crate::turn::{Turn, pieces};

/// All events of one answer.
pub(crate) fn events(request: &Request, turn: &Turn, script: &Script, stamp: Stamp) -> Vec<Event> {
    let mut stream = Stream { events: Vec::new(), blocks: 0 };
    let message = json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
    stream.event("message-start", json!({"id": stamp.id(), "delta": {"message": message}}), false);
    if let Some(plan) = answer::plan(turn) {
        for range in pieces(&plan, script.chunks) {
            let message = json!({"tool_plan": plan.get(range)});
            stream.event("tool-plan-delta", json!({"delta": {"message": message}}), true);
        }
    }
    if let Some(thinking) = &turn.thinking {
        stream.block("thinking", thinking, script, false, None);
    }
    let text = answer::said(turn);
    if !text.is_empty() {
        stream.block("text", &text, script, request.logprobs, answer::citation(request, turn));
    }
    for (index, call) in turn.calls.iter().enumerate() {
        let function = json!({"name": call.name, "arguments": ""});
        let start = json!({"id": answer::call_id(call, index, stamp), "type": "function", "function": function});
        stream.event("tool-call-start", json!({"index": index, "delta": {"message": {"tool_calls": start}}}), true);
        for range in pieces(&call.arguments, script.argument_chunks) {
            let piece = json!({"function": {"arguments": call.arguments.get(range)}});
            stream.event("tool-call-delta", json!({"index": index, "delta": {"message": {"tool_calls": piece}}}), true);
        }
        stream.event("tool-call-end", json!({"index": index}), false);
    }
    if !script.omit_done {
        let mut delta = json!({"finish_reason": answer::finish_reason(turn, script)});
        if !script.omit_usage {
            set(&mut delta, "usage", answer::usage(request, turn, script));
        }
        stream.event("message-end", json!({"delta": delta}), false);
    }
    stream.events
}

struct Stream {
    events: Vec<Event>,
    blocks: usize,
}

impl Stream {
    fn event(&mut self, name: &'static str, mut fields: Value, is_delta: bool) {
        set(&mut fields, "type", name.into());
        self.events.push(Event { name, data: fields.to_string().into(), is_delta });
    }

    fn block(&mut self, kind: &'static str, text: &str, script: &Script, logprobs: bool, citation: Option<Value>) {
        let index = self.blocks;
        self.blocks += 1;
        let content = |piece: Value| json!({"index": index, "delta": {"message": {"content": piece}}});
        self.event("content-start", content(json!({"type": kind, kind: ""})), false);
        for piece in pieces(text, script.chunks).into_iter().filter_map(|range| text.get(range)) {
            let mut fields = content(json!({ kind: piece }));
            if logprobs {
                set(&mut fields, "logprobs", answer::logprob(piece));
            }
            self.event("content-delta", fields, true);
        }
        if let Some(citations) = citation {
            self.event("citation-start", json!({"index": 0, "delta": {"message": {"citations": citations}}}), false);
            self.event("citation-end", json!({"index": 0}), false);
        }
        self.event("content-end", json!({"index": index}), false);
    }
}

/// A generation that fails: the last event says so.
pub(crate) fn error(error: &ErrorAfter) -> Event {
    let message = error.message.as_deref().unwrap_or("internal server error");
    let reason = error.kind.as_deref().unwrap_or("ERROR");
    let data = json!({"type": "message-end", "delta": {"error": message, "finish_reason": reason}});
    Event { name: "message-end", data: data.to_string().into(), is_delta: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_named_in_its_data() {
        let script =
            Script::parse(br#"{"thinking":"hm","text":"It is so.","tool_calls":[{"name":"f"}]}"#).expect("valid");
        let request = Request { cited: Some(json!("a document")), logprobs: true, ..Request::default() };
        let turn = Turn::new(&request.asked, &script);
        let events = events(&request, &turn, &script, Stamp(1));
        let mut names: Vec<&str> = Vec::new();
        for event in &events {
            let data: Value = serde_json::from_str(&event.data).expect("JSON");
            assert_eq!(data["type"], event.name);
            names.push(event.name);
        }
        names.dedup();
        let wanted = "message-start content-start content-delta content-end content-start content-delta citation-start citation-end \
                      content-end tool-call-start tool-call-delta tool-call-end message-end";
        assert_eq!(names.join(" "), wanted);
    }
}
