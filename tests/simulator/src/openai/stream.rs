//! A chat completion as chunks: the first names the role, the last of a choice names the reason, then usage, then `[DONE]`.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::{self, Stamp};
use super::logprobs;
use super::request::Request;
use crate::script::{ErrorAfter, Script};
use crate::sse::Event;
use crate::turn::{Turn, pieces};

/// The chunks of one answer, each written when it is asked for.
pub(crate) struct Events {
    request: Request,
    turn: Turn,
    script: Arc<Script>,
    stamp: Stamp,
    /// What all chunks begin with.
    head: String,
    steps: Vec<Step>,
    /// Of the chunks of all choices, which take turns.
    position: usize,
}

/// One chunk of one choice.
enum Step {
    Role,
    Thinking(Range<usize>),
    Text(Range<usize>),
    Refusal(Range<usize>),
    CallStart(usize),
    CallArguments(usize, Range<usize>),
    Finish,
}

impl Events {
    pub(crate) fn new(request: Request, turn: Turn, script: &Arc<Script>, stamp: Stamp) -> Self {
        let head = format!(
            r#"{{"id":"{}","object":"chat.completion.chunk","created":{},"model":{},"service_tier":"default","system_fingerprint":"fp_simulator","choices":["#,
            stamp.id(),
            stamp.created,
            quoted(&request.asked.model),
        );
        let steps = steps(&turn, script);
        Self { request, turn, script: Arc::clone(script), stamp, head, steps, position: 0 }
    }

    fn chunk(&self, step: &Step, choice: usize) -> Event {
        let part = |text: &str, range: &Range<usize>| quoted(text.get(range.clone()).unwrap_or_default());
        let mut logprobs = None;
        let (delta, is_delta) = match step {
            Step::Role if self.turn.calls.is_empty() || !self.turn.text.is_empty() => {
                (r#"{"role":"assistant","content":"","refusal":null}"#.to_owned(), false)
            }
            Step::Role => (r#"{"role":"assistant","content":null,"refusal":null}"#.to_owned(), false),
            Step::Thinking(range) => {
                let text = part(self.turn.thinking.as_deref().unwrap_or_default(), range);
                (format!(r#"{{"reasoning_content":{text}}}"#), true)
            }
            Step::Text(range) => {
                logprobs = self.logprobs(range);
                (format!(r#"{{"content":{}}}"#, part(&self.turn.text, range)), true)
            }
            Step::Refusal(range) => {
                (format!(r#"{{"refusal":{}}}"#, part(self.turn.refusal.as_deref().unwrap_or_default(), range)), true)
            }
            Step::CallStart(n) => (self.call_start(*n, choice), true),
            Step::CallArguments(n, range) => {
                let arguments = part(self.turn.calls.get(*n).map_or("", |call| &call.arguments), range);
                (format!(r#"{{"tool_calls":[{{"index":{n},"function":{{"arguments":{arguments}}}}}]}}"#), true)
            }
            Step::Finish => ("{}".to_owned(), false),
        };
        let reason = match step {
            Step::Finish => Cow::Owned(quoted(answer::finish_reason(&self.turn, &self.script))),
            Step::Role
            | Step::Thinking(_)
            | Step::Text(_)
            | Step::Refusal(_)
            | Step::CallStart(_)
            | Step::CallArguments(..) => Cow::Borrowed("null"),
        };
        let mut data = String::with_capacity(self.head.len() + delta.len() + 128);
        let logprobs = logprobs.map_or(Cow::Borrowed("null"), |value| Cow::Owned(value.to_string()));
        // Writing to a String cannot fail.
        let _ = write!(
            data,
            r#"{}{{"index":{choice},"delta":{delta},"logprobs":{logprobs},"finish_reason":{reason}}}]"#,
            self.head
        );
        data.push_str(if self.sends_usage() { r#","usage":null"# } else { "" });
        data.push_str(self.obfuscation());
        data.push('}');
        Event { name: "", data: data.into(), is_delta }
    }

    fn call_start(&self, n: usize, choice: usize) -> String {
        let Some(call) = self.turn.calls.get(n) else { return "{}".to_owned() };
        let id = quoted(&answer::call_id(call, n, choice, &self.stamp));
        let name = quoted(&call.name);
        format!(
            r#"{{"tool_calls":[{{"index":{n},"id":{id},"type":"function","function":{{"name":{name},"arguments":""}}}}]}}"#
        )
    }

    fn logprobs(&self, range: &Range<usize>) -> Option<Value> {
        let alternatives = self.request.top_logprobs?;
        let token = self.turn.text.get(range.clone())?;
        Some(json!({"content": [logprobs::of(token, alternatives)], "refusal": null}))
    }

    fn sends_usage(&self) -> bool {
        self.request.include_usage && !self.script.omit_usage
    }

    /// The real one pads its chunks so that their lengths say nothing; clients have to read past it.
    fn obfuscation(&self) -> &'static str {
        const PADDING: [&str; 4] =
            [r#","obfuscation":"nT7""#, r#","obfuscation":"q""#, r#","obfuscation":"Zk3vB9""#, r#","obfuscation":"""#];
        if self.request.obfuscate {
            PADDING.get(self.position % PADDING.len()).copied().unwrap_or_default()
        } else {
            ""
        }
    }

    fn usage(&self) -> Event {
        let usage = answer::usage(&self.request, &self.turn, &self.script);
        Event {
            name: "",
            data: format!(r#"{}],"usage":{usage}{}}}"#, self.head, self.obfuscation()).into(),
            is_delta: false,
        }
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let choices = self.request.n.max(1);
        let event = match self.steps.get(self.position / choices) {
            Some(step) => Some(self.chunk(step, self.position % choices)),
            None => match (self.position - self.steps.len() * choices, self.sends_usage(), self.script.omit_done) {
                (0, true, _) => Some(self.usage()),
                (0, false, false) | (1, true, false) => {
                    Some(Event { name: "", data: "[DONE]".into(), is_delta: false })
                }
                _ => None,
            },
        };
        self.position += usize::from(event.is_some());
        event
    }
}

fn steps(turn: &Turn, script: &Script) -> Vec<Step> {
    let mut steps = vec![Step::Role];
    let thinking = turn.thinking.as_deref().unwrap_or_default();
    steps.extend(pieces(thinking, script.chunks).into_iter().map(Step::Thinking));
    steps.extend(pieces(&turn.text, script.chunks).into_iter().map(Step::Text));
    steps.extend(pieces(turn.refusal.as_deref().unwrap_or_default(), script.chunks).into_iter().map(Step::Refusal));
    for (n, call) in turn.calls.iter().enumerate() {
        steps.push(Step::CallStart(n));
        steps.extend(
            pieces(&call.arguments, script.argument_chunks).into_iter().map(|range| Step::CallArguments(n, range)),
        );
    }
    steps.push(Step::Finish);
    steps
}

/// An error after the 200: an event with `error` in it, and then nothing more.
pub(crate) fn error(error: &ErrorAfter) -> Event {
    let message =
        error.message.as_deref().unwrap_or("The server had an error while processing your request. Sorry about that!");
    let kind = error.kind.as_deref().unwrap_or("server_error");
    let body = json!({"error": {"message": message, "type": kind, "param": null, "code": null}});
    Event { name: "", data: body.to_string().into(), is_delta: false }
}

/// A JSON string.
pub(crate) fn quoted(text: &str) -> String {
    // A str always has a JSON form.
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::Asked;

    fn chunks(request: Request, script: &str) -> Vec<Value> {
        let script = Arc::new(Script::parse(script.as_bytes()).expect("a valid script"));
        let turn = Turn::new(&request.asked, &script);
        Events::new(request, turn, &script, Stamp { n: 1, created: 1_700_000_000 })
            .map(|event| {
                if event.data == "[DONE]" { json!("[DONE]") } else { serde_json::from_str(&event.data).expect("JSON") }
            })
            .collect()
    }

    fn request(n: usize, include_usage: bool) -> Request {
        let asked = Asked { model: "gpt-4o".into(), last_user_text: "hi".into(), prompt_tokens: 3, ..Asked::default() };
        Request { asked, n, include_usage, obfuscate: false, top_logprobs: None }
    }

    fn joined(chunks: &[Value], choice: usize, pointer: &str) -> String {
        let of_choice = chunks.iter().filter(|chunk| chunk.pointer("/choices/0/index") == Some(&json!(choice)));
        of_choice.filter_map(|chunk| chunk.pointer(pointer).and_then(Value::as_str)).collect()
    }

    #[test]
    fn role_text_reason_done() {
        let chunks = chunks(request(1, false), r#"{"text":"Hello there","chunks":3}"#);
        assert_eq!(chunks.len(), 6);
        assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": "", "refusal": null}));
        assert_eq!(joined(&chunks, 0, "/choices/0/delta/content"), "Hello there");
        assert_eq!(chunks[4]["choices"][0]["finish_reason"], "stop");
        assert_eq!(chunks[4]["choices"][0]["delta"], json!({}));
        assert_eq!(chunks[5], "[DONE]");
        assert!(chunks[..5].iter().all(|chunk| chunk.get("usage").is_none()), "nobody asked for usage");
    }

    #[test]
    fn usage_when_asked_for() {
        let chunks = chunks(request(1, true), r#"{"text":"Hello there","chunks":1}"#);
        assert_eq!(chunks.len(), 5);
        assert!(chunks[..3].iter().all(|chunk| chunk["usage"].is_null() && chunk.get("usage").is_some()));
        assert_eq!(chunks[3]["choices"], json!([]));
        assert_eq!(chunks[3]["usage"]["total_tokens"], 6);
    }

    #[test]
    fn choices_take_turns() {
        let chunks = chunks(request(3, true), r#"{"text":"Hello there","chunks":4}"#);
        assert_eq!(chunks.len(), 3 * 6 + 2);
        for choice in 0..3 {
            assert_eq!(joined(&chunks, choice, "/choices/0/delta/content"), "Hello there");
        }
        assert_eq!(chunks[18]["usage"]["completion_tokens"], 9);
    }

    #[test]
    fn parallel_calls_come_in_fragments() {
        let script = r#"{"tool_calls":[{"name":"f","arguments":{"city":"Zürich"}},{"name":"g","arguments":"{broken","id":"x"}],"argument_chunks":4}"#;
        let chunks = chunks(request(1, false), script);
        let of = |n: usize, field: &str| -> String {
            let calls = chunks.iter().filter_map(|chunk| chunk.pointer("/choices/0/delta/tool_calls/0"));
            calls
                .filter(|call| call["index"] == n)
                .filter_map(|call| call.pointer(field).and_then(Value::as_str))
                .collect()
        };
        assert_eq!(
            (of(0, "/function/name"), of(0, "/function/arguments")),
            ("f".into(), r#"{"city":"Zürich"}"#.into())
        );
        assert_eq!((of(1, "/id"), of(1, "/function/arguments")), ("x".into(), "{broken".into()));
        assert_eq!(chunks[chunks.len() - 2]["choices"][0]["finish_reason"], "tool_calls");
        assert_eq!(chunks[0]["choices"][0]["delta"]["content"], Value::Null);
        assert_eq!(chunks.len(), 1 + 5 + 5 + 1 + 1);
    }

    #[test]
    fn thinking_refusal_logprobs_and_overrides() {
        let all = chunks(
            request(1, false),
            r#"{"thinking":"hmm","refusal":"no","finish_reason":"content_filter","omit_done":true}"#,
        );
        assert_eq!(joined(&all, 0, "/choices/0/delta/reasoning_content"), "hmm");
        assert_eq!(joined(&all, 0, "/choices/0/delta/refusal"), "no");
        assert_eq!(all[all.len() - 1]["choices"][0]["finish_reason"], "content_filter");
        let with = Request { top_logprobs: Some(2), obfuscate: true, ..request(1, false) };
        let all = chunks(with, r#"{"text":"é","chunks":1}"#);
        assert_eq!(all[1]["choices"][0]["logprobs"]["content"][0]["bytes"], json!([0xC3, 0xA9]));
        assert_eq!(all[1]["choices"][0]["logprobs"]["content"][0]["top_logprobs"].as_array().map(Vec::len), Some(2));
        assert!(all[1].get("obfuscation").is_some());
    }
}
