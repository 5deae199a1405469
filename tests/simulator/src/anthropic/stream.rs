//! A message as events: start, each block with its start, deltas and stop, then the reason with the usage, then the end.
//! <https://docs.anthropic.com/en/docs/build-with-claude/streaming>

use std::ops::Range;
use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::{self, Stamp};
use super::request::Request;
use super::signature;
use crate::openai::stream::quoted;
use crate::script::{ErrorAfter, Script};
use crate::sse::Event;
use crate::turn::{Turn, pieces};

/// The events of one answer, each written when it is asked for.
pub(crate) struct Events {
    request: Request,
    turn: Turn,
    script: Arc<Script>,
    stamp: Stamp,
    steps: std::vec::IntoIter<Step>,
}

/// One event; the first number is the index of the block.
enum Step {
    MessageStart,
    ThinkingStart(usize),
    Thinking(usize, Range<usize>),
    Signature(usize),
    Redacted(usize),
    TextStart(usize),
    Text(usize, Range<usize>),
    ToolStart(usize, usize),
    Input(usize, usize, Range<usize>),
    BlockStop(usize),
    Ping,
    MessageDelta,
    MessageStop,
}

impl Events {
    pub(crate) fn new(request: Request, turn: Turn, script: &Arc<Script>, stamp: Stamp) -> Self {
        let steps = steps(&request, &turn, script).into_iter();
        Self { request, turn, script: Arc::clone(script), stamp, steps }
    }

    fn thinking(&self) -> &str {
        answer::shown_thinking(&self.request, &self.turn).unwrap_or_default()
    }

    fn write(&self, step: &Step) -> Event {
        match step {
            Step::MessageStart => self.message_start(),
            Step::ThinkingStart(index) => start(*index, r#"{"type":"thinking","thinking":"","signature":""}"#),
            Step::Thinking(index, range) => {
                delta(*index, "thinking_delta", "thinking", self.thinking().get(range.clone()))
            }
            Step::Signature(index) => {
                let signature = signature::sign(self.thinking());
                Event { is_delta: false, ..delta(*index, "signature_delta", "signature", Some(&signature)) }
            }
            Step::Redacted(index) => {
                let data = quoted(self.turn.redacted_thinking.as_deref().unwrap_or_default());
                start(*index, &format!(r#"{{"type":"redacted_thinking","data":{data}}}"#))
            }
            Step::TextStart(index) => start(*index, r#"{"type":"text","text":""}"#),
            Step::Text(index, range) => delta(*index, "text_delta", "text", self.turn.text.get(range.clone())),
            Step::ToolStart(index, n) => self.tool_start(*index, *n),
            Step::Input(index, n, range) => {
                let arguments = self.turn.calls.get(*n).and_then(|call| call.arguments.get(range.clone()));
                delta(*index, "input_json_delta", "partial_json", arguments)
            }
            Step::BlockStop(index) => {
                event("content_block_stop", format!(r#"{{"type":"content_block_stop","index":{index}}}"#))
            }
            Step::Ping => ping(),
            Step::MessageDelta => self.message_delta(),
            Step::MessageStop => event("message_stop", r#"{"type":"message_stop"}"#.to_owned()),
        }
    }

    fn message_start(&self) -> Event {
        let mut message = json!({
            "id": self.stamp.id(),
            "type": "message",
            "role": "assistant",
            "model": self.request.asked.model,
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
        });
        if let Some(fields) = message.as_object_mut().filter(|_| !self.script.omit_usage) {
            // The first token is already counted, the rest comes with the end.
            let mut usage = answer::usage(&self.request, &self.turn, &self.script, 1);
            if let Some(output) = usage.get_mut("output_tokens") {
                *output = 1.into();
            }
            if let Some(fields) = usage.as_object_mut() {
                fields.shift_remove("output_tokens_details");
            }
            fields.insert("usage".to_owned(), usage);
        }
        event("message_start", format!(r#"{{"type":"message_start","message":{message}}}"#))
    }

    fn tool_start(&self, index: usize, n: usize) -> Event {
        let Some(call) = self.turn.calls.get(n) else { return ping() };
        let id = quoted(&answer::call_id(call, n, self.stamp));
        start(index, &format!(r#"{{"type":"tool_use","id":{id},"name":{},"input":{{}}}}"#, quoted(&call.name)))
    }

    fn message_delta(&self) -> Event {
        let mut delta = json!({
            "stop_reason": answer::stop_reason(&self.turn, &self.script),
            "stop_sequence": answer::stop_sequence(&self.turn),
        });
        if let (Some(fields), Some(details)) = (delta.as_object_mut(), answer::stop_details(&self.turn)) {
            fields.insert("stop_details".to_owned(), details);
        }
        if self.script.omit_usage {
            return event("message_delta", format!(r#"{{"type":"message_delta","delta":{delta}}}"#));
        }
        let mut usage = answer::usage(&self.request, &self.turn, &self.script, self.turn.tokens());
        if let Some(fields) = usage.as_object_mut().filter(|_| self.script.usage.is_none()) {
            fields.retain(|name, _| !matches!(name.as_str(), "cache_creation" | "service_tier"));
        }
        event("message_delta", format!(r#"{{"type":"message_delta","delta":{delta},"usage":{usage}}}"#))
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let step = self.steps.next()?;
        Some(self.write(&step))
    }
}

fn steps(request: &Request, turn: &Turn, script: &Script) -> Vec<Step> {
    let mut steps = vec![Step::MessageStart];
    let mut index = 0;
    let mut block = |steps: &mut Vec<Step>, inside: &dyn Fn(usize, &mut Vec<Step>)| {
        inside(index, steps);
        if index == 0 {
            // The real one sends a ping after the start of the first block.
            steps.insert(2.min(steps.len()), Step::Ping);
        }
        steps.push(Step::BlockStop(index));
        index += 1;
    };
    if let Some(thinking) = answer::shown_thinking(request, turn) {
        block(&mut steps, &|index, steps| {
            steps.push(Step::ThinkingStart(index));
            steps.extend(pieces(thinking, script.chunks).into_iter().map(|range| Step::Thinking(index, range)));
            steps.push(Step::Signature(index));
        });
    }
    if turn.redacted_thinking.is_some() {
        block(&mut steps, &|index, steps| steps.push(Step::Redacted(index)));
    }
    if !turn.text.is_empty() {
        block(&mut steps, &|index, steps| {
            steps.push(Step::TextStart(index));
            steps.extend(pieces(&turn.text, script.chunks).into_iter().map(|range| Step::Text(index, range)));
        });
    }
    for (n, call) in turn.calls.iter().enumerate() {
        block(&mut steps, &|index, steps| {
            steps.push(Step::ToolStart(index, n));
            // The first fragment is always empty; a call without arguments has no other.
            steps.push(Step::Input(index, n, 0..0));
            if call.arguments != "{}" {
                steps.extend(
                    pieces(&call.arguments, script.argument_chunks)
                        .into_iter()
                        .map(|range| Step::Input(index, n, range)),
                );
            }
        });
    }
    steps.push(Step::MessageDelta);
    if !script.omit_done {
        steps.push(Step::MessageStop);
    }
    steps
}

fn event(name: &'static str, data: String) -> Event {
    Event { name, data: data.into(), is_delta: false }
}

fn start(index: usize, block: &str) -> Event {
    event("content_block_start", format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#))
}

fn delta(index: usize, kind: &str, field: &str, text: Option<&str>) -> Event {
    let text = quoted(text.unwrap_or_default());
    let data =
        format!(r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"{kind}","{field}":{text}}}}}"#);
    Event { is_delta: true, ..event("content_block_delta", data) }
}

pub(crate) fn ping() -> Event {
    Event { name: "ping", data: r#"{"type": "ping"}"#.into(), is_delta: false }
}

/// An error after the 200: an `error` event, and then nothing more.
pub(crate) fn error(error: &ErrorAfter) -> Event {
    let kind = error.kind.as_deref().unwrap_or("overloaded_error");
    let message = error.message.as_deref().unwrap_or("Overloaded");
    let body: Value = json!({"type": "error", "error": {"type": kind, "message": message}});
    event("error", body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::Asked;

    fn events(request: Request, script: &str) -> Vec<(&'static str, Value)> {
        let script = Arc::new(Script::parse(script.as_bytes()).expect("a valid script"));
        let turn = Turn::new(&request.asked, &script);
        Events::new(request, turn, &script, Stamp(1))
            .map(|event| (event.name, serde_json::from_str(&event.data).expect("JSON")))
            .collect()
    }

    fn request() -> Request {
        let asked = Asked { model: "claude".into(), last_user_text: "hi".into(), prompt_tokens: 3, ..Asked::default() };
        Request { asked, omit_thinking: false }
    }

    fn names(events: &[(&'static str, Value)]) -> Vec<&'static str> {
        events.iter().map(|(name, _)| *name).collect()
    }

    fn joined(events: &[(&'static str, Value)], index: usize, field: &str) -> String {
        let of_block = events.iter().filter(|(_, data)| data["index"] == index);
        of_block.filter_map(|(_, data)| data["delta"][field].as_str()).collect()
    }

    #[test]
    fn the_order_of_a_text() {
        let events = events(request(), r#"{"text":"Hello there","chunks":2}"#);
        let wanted = [
            "message_start",
            "content_block_start",
            "ping",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ];
        assert_eq!(names(&events), wanted);
        assert!(events.iter().all(|(name, data)| data["type"] == *name), "the name says the type");
        assert_eq!(joined(&events, 0, "text"), "Hello there");
        assert_eq!(events[0].1["message"]["usage"]["output_tokens"], 1);
        assert_eq!(events[6].1["usage"]["output_tokens"], 3);
        assert_eq!(events[6].1["delta"], json!({"stop_reason": "end_turn", "stop_sequence": null}));
    }

    #[test]
    fn thinking_is_signed_and_tools_follow() {
        let script = r#"{"thinking":"hmm, let me see","redacted_thinking":"abc","text":"ok","tool_calls":[{"name":"f","arguments":{"a":1}},{"name":"g"}],"argument_chunks":3}"#;
        let events = events(request(), script);
        assert_eq!(joined(&events, 0, "thinking"), "hmm, let me see");
        assert!(signature::is_valid(&joined(&events, 0, "signature"), "hmm, let me see"));
        let starts: Vec<&str> = events.iter().filter_map(|(_, data)| data["content_block"]["type"].as_str()).collect();
        assert_eq!(starts, ["thinking", "redacted_thinking", "text", "tool_use", "tool_use"]);
        assert_eq!(joined(&events, 3, "partial_json"), r#"{"a":1}"#);
        assert_eq!(joined(&events, 4, "partial_json"), "");
        assert_eq!(events[events.len() - 2].1["delta"]["stop_reason"], "tool_use");
        let stops = events.iter().filter(|(name, _)| *name == "content_block_stop").count();
        assert_eq!(stops, 5, "every block ends");
        assert_eq!(names(&events).iter().filter(|name| **name == "ping").count(), 1);
        assert_eq!(events[2].0, "ping");
    }

    #[test]
    fn omissions_and_overrides() {
        let all = events(request(), r#"{"omit_done":true,"omit_usage":true,"stop_reason":"pause_turn"}"#);
        assert_eq!(all[all.len() - 1].0, "message_delta");
        assert!(all[all.len() - 1].1.get("usage").is_none() && all[0].1["message"].get("usage").is_none());
        assert_eq!(all[all.len() - 1].1["delta"]["stop_reason"], "pause_turn");
        let all = events(
            request(),
            r#"{"usage":{"input_tokens":7,"output_tokens":9,"cache_read_input_tokens":5},"refusal":"no"}"#,
        );
        assert_eq!(
            all[0].1["message"]["usage"],
            json!({"input_tokens": 7, "output_tokens": 1, "cache_read_input_tokens": 5})
        );
        assert_eq!(all[1].1["usage"]["output_tokens"], 9);
        assert_eq!(all[1].1["delta"]["stop_details"]["explanation"], "no");
        let hidden = Request { omit_thinking: true, ..request() };
        let all = events(hidden, r#"{"thinking":"secret"}"#);
        assert!(all.iter().all(|(_, data)| !data.to_string().contains("secret")));
    }
}
