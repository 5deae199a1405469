//! Answers of every dialect with several texts each, and what a client hears of them.

use crate::dialect::Dialect;
use crate::frame::sse;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A text of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Line {
    /// Reasoning that anybody may change.
    Thought,
    /// Reasoning that is signed.
    Signed,
    /// The answer.
    Text,
    /// The second of two answers.
    Second,
    /// Arguments of a tool call.
    Call,
    /// Arguments of a tool that the provider runs.
    ServerCall,
}

/// The texts that an answer of a dialect may have.
pub(super) fn lines(dialect: Dialect) -> &'static [Line] {
    use Line::*;
    match dialect {
        Dialect::OpenAi => &[Thought, Text, Second, Call],
        Dialect::Completions => &[Text, Second],
        Dialect::Responses => &[Thought, Signed, Text, Call, ServerCall],
        Dialect::Anthropic | Dialect::Converse => &[Signed, Text, Call, ServerCall],
        Dialect::Gemini => &[Thought, Text, Second],
        Dialect::Cohere => &[Thought, Text, Call],
    }
}

/// A stream that says these texts in these pieces.
pub(super) fn stream(dialect: Dialect, said: &[(Line, Vec<String>)]) -> Vec<u8> {
    let events = match dialect {
        Dialect::OpenAi | Dialect::Completions | Dialect::Gemini => mixed(dialect, said),
        Dialect::Responses => responses(said),
        Dialect::Anthropic => anthropic(said),
        Dialect::Converse => converse(said),
        Dialect::Cohere => cohere(said),
    };
    let mut out = Vec::new();
    for (number, mut event) in events.into_iter().enumerate() {
        if event == json!("[DONE]") {
            out.extend_from_slice(b"data: [DONE]\n\n");
            continue;
        }
        let name = match dialect {
            Dialect::Converse => {
                event.as_object_mut().unwrap().remove("event").and_then(|name| name.as_str().map(str::to_owned))
            }
            Dialect::Responses | Dialect::Anthropic | Dialect::Cohere => event["type"].as_str().map(str::to_owned),
            Dialect::OpenAi | Dialect::Completions | Dialect::Gemini => None,
        };
        if dialect == Dialect::Responses {
            event["sequence_number"] = number.into();
        }
        sse::write(&mut out, name.as_deref(), |out| out.extend_from_slice(event.to_string().as_bytes()));
    }
    out
}

/// Texts that come at the same time, with the probabilities of their tokens.
fn mixed(dialect: Dialect, said: &[(Line, Vec<String>)]) -> Vec<Value> {
    let probable = |piece: &str| json!({"content":[{"token":piece,"logprob":-1,"top_logprobs":[]}]});
    let chunk = |choice: Value| json!({"id":"c","choices":[choice]});
    let candidate =
        |index: u32, part: Value| json!({"candidates":[{"index":index,"content":{"role":"model","parts":[part]}}]});
    let event = |line: Line, piece: &str, number: usize| match (dialect, line) {
        (Dialect::OpenAi, Line::Text | Line::Second) => {
            let index = u32::from(line == Line::Second);
            chunk(json!({"index":index,"delta":{"content":piece},"logprobs":probable(piece),"finish_reason":null}))
        }
        (Dialect::OpenAi, Line::Thought) => chunk(json!({"index":0,"delta":{"reasoning_content":piece}})),
        (Dialect::OpenAi, _) => {
            let mut call = json!({"index":0,"function":{"arguments":piece}});
            if number == 0 {
                call = json!({"index":0,"id":"call","type":"function","function":{"name":"f","arguments":piece}});
            }
            chunk(json!({"index":0,"delta":{"tool_calls":[call]}}))
        }
        (Dialect::Completions, line) => {
            chunk(json!({"index":u32::from(line == Line::Second),"text":piece,"logprobs":{"tokens":[piece]}}))
        }
        (_, Line::Thought) => candidate(0, json!({"text":piece,"thought":true})),
        (_, line) => candidate(u32::from(line == Line::Second), json!({"text":piece})),
    };
    let longest = said.iter().map(|(_, pieces)| pieces.len()).max().unwrap_or(0);
    let mut events = Vec::new();
    for number in 0..longest {
        let pieces = said.iter().filter_map(|(line, pieces)| Some((*line, pieces.get(number)?)));
        events.extend(pieces.map(|(line, piece)| event(line, piece, number)));
    }
    for index in [0, 1] {
        events.push(match dialect {
            Dialect::Gemini => json!({"candidates":[{"index":index,"finishReason":"STOP"}]}),
            Dialect::Completions => chunk(json!({"index":index,"text":"","finish_reason":"stop"})),
            Dialect::OpenAi | Dialect::Responses | Dialect::Anthropic | Dialect::Converse | Dialect::Cohere => {
                chunk(json!({"index":index,"delta":{},"finish_reason":"stop"}))
            }
        });
    }
    if dialect != Dialect::Gemini {
        events.push(json!("[DONE]"));
    }
    events
}

fn responses(said: &[(Line, Vec<String>)]) -> Vec<Value> {
    let mut events = vec![json!({"type":"response.created","response":{"id":"r","status":"in_progress","output":[]}})];
    let mut output = Vec::new();
    for (at, (line, pieces)) in said.iter().enumerate() {
        let (at, whole) = (json!(at), pieces.concat());
        let sealed = if *line == Line::Signed { json!("c2VhbGVk") } else { Value::Null };
        let (kind, key, item, begun) = match line {
            Line::Thought | Line::Signed => (
                "response.reasoning_summary_text",
                "text",
                json!({"type":"reasoning","summary":[{"type":"summary_text","text":whole}],"encrypted_content":sealed}),
                json!({"type":"reasoning","summary":[],"encrypted_content":sealed}),
            ),
            Line::Text | Line::Second => (
                "response.output_text",
                "text",
                json!({"type":"message","role":"assistant","content":[{"type":"output_text","text":whole,"annotations":[]}]}),
                json!({"type":"message","role":"assistant","content":[]}),
            ),
            Line::Call => (
                "response.function_call_arguments",
                "arguments",
                json!({"type":"function_call","name":"f","call_id":"a","arguments":whole}),
                json!({"type":"function_call","name":"f","call_id":"a","arguments":""}),
            ),
            Line::ServerCall => (
                "response.mcp_call_arguments",
                "arguments",
                json!({"type":"mcp_call","name":"f","server_label":"s","arguments":whole}),
                json!({"type":"mcp_call","name":"f","server_label":"s","arguments":""}),
            ),
        };
        events.push(json!({"type":"response.output_item.added","output_index":at,"item":begun}));
        if *line == Line::Text {
            events.push(json!({"type":"response.content_part.added","item_id":"i","output_index":at,"content_index":0,"part":{"type":"output_text","text":""}}));
        }
        for piece in pieces {
            let mut event = json!({"type":format!("{kind}.delta"),"item_id":"i","output_index":at,"delta":piece});
            if *line == Line::Text {
                event["content_index"] = 0.into();
                event["logprobs"] = json!([{"token":piece,"logprob":-1}]);
            } else if matches!(line, Line::Thought | Line::Signed) {
                event["summary_index"] = 0.into();
            }
            events.push(event);
        }
        let mut done = json!({"type":format!("{kind}.done"),"item_id":"i","output_index":at,key:whole});
        if *line == Line::Text {
            done["content_index"] = 0.into();
            done["logprobs"] = json!([{"token":whole,"logprob":-1}]);
        }
        events.push(done);
        if *line == Line::Text {
            events.push(json!({"type":"response.content_part.done","item_id":"i","output_index":at,"content_index":0,"part":{"type":"output_text","text":whole}}));
        }
        events.push(json!({"type":"response.output_item.done","output_index":at,"item":item}));
        output.push(item);
    }
    events.push(json!({"type":"response.completed","response":{"id":"r","status":"completed","output":output}}));
    events
}

fn anthropic(said: &[(Line, Vec<String>)]) -> Vec<Value> {
    let mut events =
        vec![json!({"type":"message_start","message":{"id":"m","role":"assistant","model":"c","content":[]}})];
    for (at, (line, pieces)) in said.iter().enumerate() {
        let (block, kind, key) = match line {
            Line::Thought | Line::Signed => {
                (json!({"type":"thinking","thinking":"","signature":""}), "thinking_delta", "thinking")
            }
            Line::Text | Line::Second => (json!({"type":"text","text":""}), "text_delta", "text"),
            Line::Call => {
                (json!({"type":"tool_use","id":"t","name":"f","input":{}}), "input_json_delta", "partial_json")
            }
            Line::ServerCall => (
                json!({"type":"server_tool_use","id":"s","name":"web_search","input":{}}),
                "input_json_delta",
                "partial_json",
            ),
        };
        events.push(json!({"type":"content_block_start","index":at,"content_block":block}));
        events.extend(
            pieces.iter().map(|piece| json!({"type":"content_block_delta","index":at,"delta":{"type":kind,key:piece}})),
        );
        if *line == Line::Signed {
            events.push(json!({"type":"content_block_delta","index":at,"delta":{"type":"signature_delta","signature":"c2lnbmVk"}}));
        }
        events.push(json!({"type":"content_block_stop","index":at}));
    }
    events.push(json!({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}));
    events.push(json!({"type":"message_stop"}));
    events
}

fn converse(said: &[(Line, Vec<String>)]) -> Vec<Value> {
    let mut events = vec![json!({"event":"messageStart","role":"assistant"})];
    for (at, (line, pieces)) in said.iter().enumerate() {
        let server = if *line == Line::ServerCall { json!("server_tool_use") } else { Value::Null };
        if matches!(line, Line::Call | Line::ServerCall) {
            events.push(json!({"event":"contentBlockStart","contentBlockIndex":at,"start":{"toolUse":{"toolUseId":"t","name":"f","type":server}}}));
        }
        let delta = |piece: &String| match line {
            Line::Thought | Line::Signed => json!({"reasoningContent":{"text":piece}}),
            Line::Text | Line::Second => json!({"text":piece}),
            Line::Call | Line::ServerCall => json!({"toolUse":{"input":piece}}),
        };
        let event = |piece| json!({"event":"contentBlockDelta","contentBlockIndex":at,"delta":delta(piece)});
        events.extend(pieces.iter().map(event));
        events.push(json!({"event":"contentBlockStop","contentBlockIndex":at}));
    }
    events.push(json!({"event":"messageStop","stopReason":"end_turn"}));
    events.push(json!({"event":"metadata","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}));
    events
}

fn cohere(said: &[(Line, Vec<String>)]) -> Vec<Value> {
    let mut events = vec![json!({"type":"message-start","id":"m"})];
    for (at, (line, pieces)) in said.iter().enumerate() {
        let (name, begun, key) = match line {
            Line::Thought | Line::Signed => {
                ("content", json!({"content":{"type":"thinking","thinking":""}}), "thinking")
            }
            Line::Text | Line::Second => ("content", json!({"content":{"type":"text","text":""}}), "text"),
            Line::Call | Line::ServerCall => (
                "tool-call",
                json!({"tool_calls":{"id":"a","type":"function","function":{"name":"f","arguments":""}}}),
                "arguments",
            ),
        };
        events.push(json!({"type":format!("{name}-start"),"index":at,"delta":{"message":begun}}));
        for piece in pieces {
            let message = match line {
                Line::Call | Line::ServerCall => json!({"tool_calls":{"function":{key:piece}}}),
                Line::Thought | Line::Signed | Line::Text | Line::Second => json!({"content":{key:piece}}),
            };
            events.push(json!({"type":format!("{name}-delta"),"index":at,"delta":{"message":message}}));
        }
        events.push(json!({"type":format!("{name}-end"),"index":at}));
    }
    events.push(json!({"type":"message-end","delta":{"finish_reason":"COMPLETE"}}));
    events
}

/// What a client hears.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Every text, put together.
    pub(super) texts: BTreeMap<Line, String>,
    /// Texts that were told once more as a whole: by the event and the place that told them.
    pub(super) copies: Vec<(String, Line, String)>,
    /// Tokens whose probabilities were told.
    pub(super) tokens: String,
}

/// `said`: the texts in order, since blocks are told by their place.
pub(super) fn heard(dialect: Dialect, lines: &[Line], stream: &[u8]) -> Heard {
    let mut heard = Heard::default();
    super::streams::frames(stream, &mut |frame| {
        let Ok(event) = serde_json::from_slice::<Value>(&frame.data) else { return };
        heard.event(dialect, lines, &event);
    });
    heard.texts.retain(|_, text| !text.is_empty());
    heard
}

impl Heard {
    fn add(&mut self, line: Line, text: &Value) {
        self.texts.entry(line).or_default().push_str(text.as_str().unwrap_or_default());
    }

    fn event(&mut self, dialect: Dialect, lines: &[Line], event: &Value) {
        let none = Vec::new();
        let line = |at: &Value| lines.get(at.as_u64().unwrap_or(0) as usize).copied().unwrap_or(Line::Text);
        for choice in event["choices"].as_array().unwrap_or(&none) {
            let line = if choice["index"] == 1 { Line::Second } else { Line::Text };
            self.add(line, &choice["text"]);
            self.add(line, &choice["delta"]["content"]);
            self.add(Line::Thought, &choice["delta"]["reasoning_content"]);
            self.add(Line::Call, &choice["delta"]["tool_calls"][0]["function"]["arguments"]);
            let tokens = &choice["logprobs"];
            self.tokens.push_str(tokens["content"][0]["token"].as_str().unwrap_or_default());
            self.tokens.push_str(tokens["tokens"][0].as_str().unwrap_or_default());
        }
        for candidate in event["candidates"].as_array().unwrap_or(&none) {
            for part in candidate["content"]["parts"].as_array().unwrap_or(&none) {
                let line = if candidate["index"] == 1 { Line::Second } else { Line::Text };
                self.add(if part["thought"] == true { Line::Thought } else { line }, &part["text"]);
            }
        }
        let kind = event["type"].as_str().unwrap_or_default().to_owned();
        match dialect {
            Dialect::Responses => {
                let this = line(&event["output_index"]);
                self.tokens.push_str(event["logprobs"][0]["token"].as_str().unwrap_or_default());
                if kind.ends_with(".delta") {
                    self.add(this, &event["delta"]);
                }
                let items = event["response"]["output"].as_array().unwrap_or(&none).iter().enumerate();
                let items = items.map(|(at, item)| (line(&json!(at)), item)).chain([(this, &event["item"])]);
                let mut copies =
                    vec![(this, &event["text"]), (this, &event["arguments"]), (this, &event["part"]["text"])];
                for (line, item) in items {
                    let places = [&item["arguments"], &item["content"][0]["text"], &item["summary"][0]["text"]];
                    copies.extend(places.map(|text| (line, text)));
                }
                let copies = copies.into_iter().filter_map(|(line, text)| Some((line, text.as_str()?)));
                let copies = copies.filter(|(_, text)| !text.is_empty());
                self.copies.extend(copies.map(|(line, text)| (kind.clone(), line, text.to_owned())));
            }
            Dialect::Anthropic => {
                let this = line(&event["index"]);
                ["text", "thinking", "partial_json"].iter().for_each(|key| self.add(this, &event["delta"][key]));
            }
            Dialect::Converse => {
                let (this, delta) = (line(&event["contentBlockIndex"]), &event["delta"]);
                self.add(this, &delta["text"]);
                self.add(this, &delta["reasoningContent"]["text"]);
                self.add(this, &delta["toolUse"]["input"]);
            }
            Dialect::Cohere => {
                let (this, message) = (line(&event["index"]), &event["delta"]["message"]);
                self.add(this, &message["content"]["text"]);
                self.add(this, &message["content"]["thinking"]);
                self.add(this, &message["tool_calls"]["function"]["arguments"]);
            }
            Dialect::OpenAi | Dialect::Completions | Dialect::Gemini => {}
        }
    }
}
