//! An answer as events: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html>.
//! Only tool calls begin with a `contentBlockStart`.

use std::ops::Range;
use std::sync::Arc;

use serde_json::{Value, json};

use super::answer;
use super::request::Request;
use crate::anthropic::signature;
use crate::script::Script;
use crate::sse::Event;
use crate::turn::{Turn, pieces};

/// The events of one answer, each written when it is asked for.
pub(crate) struct Events {
    request: Request,
    turn: Turn,
    script: Arc<Script>,
    n: u64,
    steps: std::vec::IntoIter<Step>,
}

/// One event; the first number is the index of the block.
enum Step {
    MessageStart,
    Thinking(usize, Range<usize>),
    Signature(usize),
    Redacted(usize),
    Text(usize, Range<usize>),
    ToolStart(usize, usize),
    Input(usize, usize, Range<usize>),
    BlockStop(usize),
    MessageStop,
    Metadata,
}

impl Events {
    pub(crate) fn new(request: Request, turn: Turn, script: &Arc<Script>, n: u64) -> Self {
        let steps = steps(&turn, script).into_iter();
        Self { request, turn, script: Arc::clone(script), n, steps }
    }

    fn text(&self) -> &str {
        self.turn.refusal.as_deref().unwrap_or(&self.turn.text)
    }

    fn write(&self, step: &Step) -> Event {
        match step {
            Step::MessageStart => event("messageStart", json!({"role": "assistant"})),
            Step::Thinking(index, range) => {
                let thinking = self.turn.thinking.as_deref().and_then(|thinking| thinking.get(range.clone()));
                delta(*index, json!({"reasoningContent": {"text": thinking}}))
            }
            Step::Signature(index) => {
                let signature = signature::sign(self.turn.thinking.as_deref().unwrap_or_default());
                Event { is_delta: false, ..delta(*index, json!({"reasoningContent": {"signature": signature}})) }
            }
            Step::Redacted(index) => {
                let data = answer::redacted(self.turn.redacted_thinking.as_deref().unwrap_or_default());
                Event { is_delta: false, ..delta(*index, json!({"reasoningContent": {"redactedContent": data}})) }
            }
            Step::Text(index, range) => delta(*index, json!({"text": self.text().get(range.clone())})),
            Step::ToolStart(index, call) => self.tool_start(*index, *call),
            Step::Input(index, call, range) => {
                let input = self.turn.calls.get(*call).and_then(|call| call.arguments.get(range.clone()));
                delta(*index, json!({"toolUse": {"input": input}}))
            }
            Step::BlockStop(index) => event("contentBlockStop", json!({"contentBlockIndex": index})),
            Step::MessageStop => {
                let mut stop = json!({"stopReason": answer::stop_reason(&self.turn, &self.script)});
                if let (Some(fields), Some(sequence)) =
                    (stop.as_object_mut(), answer::sequence(&self.request, &self.turn))
                {
                    fields.insert("additionalModelResponseFields".to_owned(), json!({"stop_sequence": sequence}));
                }
                event("messageStop", stop)
            }
            Step::Metadata => self.metadata(),
        }
    }

    fn tool_start(&self, index: usize, n: usize) -> Event {
        let Some(call) = self.turn.calls.get(n) else { return event("contentBlockStop", Value::Null) };
        let start = json!({"toolUse": {"toolUseId": answer::call_id(call, n, self.n), "name": call.name}});
        event("contentBlockStart", json!({"contentBlockIndex": index, "start": start}))
    }

    fn metadata(&self) -> Event {
        let mut metadata = json!({"metrics": {"latencyMs": 1}});
        if let Some(fields) = metadata.as_object_mut() {
            if !self.script.omit_usage {
                fields.insert("usage".to_owned(), answer::usage(&self.request, &self.turn, &self.script));
            }
            fields.extend(answer::tier(&self.request));
        }
        event("metadata", metadata)
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let step = self.steps.next()?;
        Some(self.write(&step))
    }
}

fn steps(turn: &Turn, script: &Script) -> Vec<Step> {
    let mut steps = vec![Step::MessageStart];
    let mut index = 0;
    let mut block = |steps: &mut Vec<Step>, inside: &dyn Fn(usize) -> Vec<Step>| {
        steps.extend(inside(index));
        steps.push(Step::BlockStop(index));
        index += 1;
    };
    if let Some(thinking) = &turn.thinking {
        block(&mut steps, &|index| {
            let said = pieces(thinking, script.chunks).into_iter().map(|range| Step::Thinking(index, range));
            said.chain([Step::Signature(index)]).collect()
        });
    }
    if turn.redacted_thinking.is_some() {
        block(&mut steps, &|index| vec![Step::Redacted(index)]);
    }
    let text = turn.refusal.as_deref().unwrap_or(&turn.text);
    if !text.is_empty() {
        block(&mut steps, &|index| {
            pieces(text, script.chunks).into_iter().map(|range| Step::Text(index, range)).collect()
        });
    }
    for (n, call) in turn.calls.iter().enumerate() {
        block(&mut steps, &|index| {
            let input = pieces(&call.arguments, script.argument_chunks).into_iter();
            // A call without arguments has no deltas.
            let input = input.filter(|_| call.arguments != "{}").map(|range| Step::Input(index, n, range));
            [Step::ToolStart(index, n)].into_iter().chain(input).collect()
        });
    }
    steps.push(Step::MessageStop);
    if !script.omit_done {
        steps.push(Step::Metadata);
    }
    steps
}

fn event(name: &'static str, mut data: Value) -> Event {
    // Padding hides the length of what is said.
    let padding = "abcdefghijklmnopqrstuvwxyz".get(..data.to_string().len() % 26).unwrap_or_default();
    if let Some(fields) = data.as_object_mut() {
        fields.insert("p".to_owned(), padding.into());
    }
    Event { name, data: data.to_string().into(), is_delta: false }
}

fn delta(index: usize, delta: Value) -> Event {
    Event { is_delta: true, ..event("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta})) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::Asked;

    fn events(script: &str) -> Vec<(&'static str, Value)> {
        let script = Arc::new(Script::parse(script.as_bytes()).expect("a valid script"));
        let asked = Asked { model: "m".into(), last_user_text: "hi".into(), prompt_tokens: 3, ..Asked::default() };
        let request = Request { asked, ..Request::default() };
        let turn = Turn::new(&request.asked, &script);
        let events = Events::new(request, turn, &script, 1);
        events.map(|event| (event.name, serde_json::from_str(&event.data).expect("JSON"))).collect()
    }

    #[test]
    fn the_order_of_an_answer() {
        let script = r#"{"thinking":"hm","redacted_thinking":"x","text":"Hello there","chunks":2,"tool_calls":[{"name":"f","arguments":{"a":1}},{"name":"g"}],"argument_chunks":1}"#;
        let events = events(script);
        let names: Vec<&str> = events.iter().map(|(name, _)| *name).collect();
        let (delta, start, stop) = ("contentBlockDelta", "contentBlockStart", "contentBlockStop");
        let wanted = [
            "messageStart",
            delta,
            delta,
            delta,
            stop,
            delta,
            stop,
            delta,
            delta,
            stop,
            start,
            delta,
            stop,
            start,
            stop,
            "messageStop",
            "metadata",
        ];
        assert_eq!(names, wanted);
        let indexes: Vec<u64> = events.iter().filter_map(|(_, data)| data["contentBlockIndex"].as_u64()).collect();
        assert_eq!(indexes, [0, 0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4]);
        let text: String = events.iter().filter_map(|(_, data)| data["delta"]["text"].as_str()).collect();
        assert_eq!(text, "Hello there");
        assert_eq!(events[15].1["stopReason"], "tool_use");
        assert_eq!(events[16].1["usage"]["inputTokens"], 3);
    }

    #[test]
    fn omissions() {
        let events = events(r#"{"omit_done":true,"refusal":"no"}"#);
        assert_eq!(events[events.len() - 1].1["stopReason"], "content_filtered");
    }
}
