//! An answer as events: each item is added, grows and is done; the last event repeats it all.

use serde_json::{Value, json};

use super::request::Request;
use super::{at, with};
use crate::openai::logprobs;
use crate::script::{ErrorAfter, Script};
use crate::sse::Event;
use crate::turn::pieces;

/// The events of an answer.
pub(super) fn events(answer: &Value, request: &Request, script: &Script) -> Vec<Event> {
    let mut told = Told { events: Vec::new(), request, script };
    let unsaid = json!({
        "status": "in_progress", "output": [], "usage": null, "service_tier": "auto", "incomplete_details": null,
    });
    let begun = with(answer.clone(), unsaid);
    told.tell("response.created", json!({"response": begun}));
    told.tell("response.in_progress", json!({"response": begun}));
    for (index, item) in at(answer, "output").as_array().into_iter().flatten().enumerate() {
        told.item(item, index);
    }
    if !script.omit_done {
        let is_whole = at(answer, "status") == "completed";
        let last = if is_whole { "response.completed" } else { "response.incomplete" };
        told.tell(last, json!({"response": answer}));
    }
    told.events
}

struct Told<'a> {
    events: Vec<Event>,
    request: &'a Request,
    script: &'a Script,
}

impl Told<'_> {
    fn tell(&mut self, name: &'static str, data: Value) {
        let is_delta = name.ends_with(".delta");
        // The real one pads its deltas so that their lengths say nothing.
        let padding =
            ["nT7", "q", "Zk3vB9", ""].get(self.events.len() % 4).filter(|_| is_delta && self.request.obfuscates);
        let padding = padding.map_or_else(|| json!({}), |padding| json!({"obfuscation": padding}));
        let data = with(with(data, json!({"type": name, "sequence_number": self.events.len()})), padding);
        self.events.push(Event { name, data: data.to_string().into(), is_delta });
    }

    fn item(&mut self, item: &Value, index: usize) {
        let id = &at(item, "id");
        let about = |more: Value| with(json!({"item_id": id, "output_index": index}), more);
        let status = if item.get("status").is_some() { json!({"status": "in_progress"}) } else { json!({}) };
        let begun =
            |empty: Value| json!({"output_index": index, "item": with(with(item.clone(), status.clone()), empty)});
        match at(item, "type").as_str() {
            Some("message") => {
                self.tell("response.output_item.added", begun(json!({"content": []})));
                for (n, part) in at(item, "content").as_array().into_iter().flatten().enumerate() {
                    self.part(part, &about(json!({"content_index": n})));
                }
            }
            Some("reasoning") => {
                self.tell("response.output_item.added", begun(json!({"summary": []})));
                for (n, part) in at(item, "summary").as_array().into_iter().flatten().enumerate() {
                    self.summary(part, &about(json!({"summary_index": n})));
                }
            }
            Some("custom_tool_call") => {
                self.tell("response.output_item.added", begun(json!({"input": ""})));
                let input = at(item, "input").as_str().unwrap_or_default();
                self.deltas(
                    "response.custom_tool_call_input.delta",
                    input,
                    self.script.argument_chunks,
                    &about(json!({})),
                );
                self.tell("response.custom_tool_call_input.done", about(json!({"input": input})));
            }
            _ => {
                self.tell("response.output_item.added", begun(json!({"arguments": ""})));
                let arguments = at(item, "arguments").as_str().unwrap_or_default();
                self.deltas(
                    "response.function_call_arguments.delta",
                    arguments,
                    self.script.argument_chunks,
                    &about(json!({})),
                );
                let done = json!({"arguments": arguments, "name": at(item, "name")});
                self.tell("response.function_call_arguments.done", about(done));
            }
        }
        self.tell("response.output_item.done", json!({"output_index": index, "item": item}));
    }

    fn part(&mut self, part: &Value, about: &Value) {
        let tell = |more: Value| with(about.clone(), more);
        if at(part, "type") == "refusal" {
            let refusal = at(part, "refusal").as_str().unwrap_or_default();
            self.tell("response.content_part.added", tell(json!({"part": {"type": "refusal", "refusal": ""}})));
            self.deltas("response.refusal.delta", refusal, self.script.chunks, about);
            self.tell("response.refusal.done", tell(json!({"refusal": refusal})));
        } else {
            let text = at(part, "text").as_str().unwrap_or_default();
            let empty = json!({"type": "output_text", "text": "", "annotations": [], "logprobs": []});
            self.tell("response.content_part.added", tell(json!({"part": empty})));
            for range in pieces(text, self.script.chunks) {
                let piece = text.get(range).unwrap_or_default();
                let entries: Vec<Value> =
                    self.request.top_logprobs.map(|n| logprobs::of(piece, n)).into_iter().collect();
                self.tell("response.output_text.delta", tell(json!({"delta": piece, "logprobs": entries})));
            }
            self.tell("response.output_text.done", tell(json!({"text": text, "logprobs": at(part, "logprobs")})));
        }
        self.tell("response.content_part.done", tell(json!({"part": part})));
    }

    fn summary(&mut self, part: &Value, about: &Value) {
        let tell = |more: Value| with(about.clone(), more);
        let text = at(part, "text").as_str().unwrap_or_default();
        let empty = json!({"type": "summary_text", "text": ""});
        self.tell("response.reasoning_summary_part.added", tell(json!({"part": empty})));
        self.deltas("response.reasoning_summary_text.delta", text, self.script.chunks, about);
        self.tell("response.reasoning_summary_text.done", tell(json!({"text": text})));
        self.tell("response.reasoning_summary_part.done", tell(json!({"part": part})));
    }

    fn deltas(&mut self, name: &'static str, text: &str, wanted: Option<usize>, about: &Value) {
        for range in pieces(text, wanted) {
            let piece = text.get(range).unwrap_or_default();
            self.tell(name, with(about.clone(), json!({"delta": piece})));
        }
    }
}

/// An error after the 200, as the SDKs raise it.
pub(crate) fn error(error: &ErrorAfter) -> Event {
    let message =
        error.message.as_deref().unwrap_or("The server had an error while processing your request. Sorry about that!");
    let kind = error.kind.as_deref().unwrap_or("server_error");
    let inner = json!({"type": kind, "code": kind, "message": message, "param": null});
    let data = json!({"type": "error", "sequence_number": error.after, "error": inner});
    Event { name: "error", data: data.to_string().into(), is_delta: false }
}
