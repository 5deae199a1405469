//! Streams of every dialect around a text, and the texts in a stream.

use crate::dialect::Dialect;
use crate::endpoint::Framing;
use crate::frame::event_stream::{EventStream, Garbled, Mode, Reframe, unwrap_chunk};
use crate::frame::json_array::JsonArray;
use crate::frame::sse::{self, Frame, Sse, TooLong};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// All of one text of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) what: String,
    pub(super) json: bool,
    pub(super) text: String,
}

/// A stream that says these pieces: as text, or as the arguments of a call.
pub(super) fn stream(dialect: Dialect, pieces: &[&str], json: bool) -> Vec<u8> {
    let whole = pieces.concat();
    let mut events: Vec<Value> = Vec::new();
    let (mut before, mut behind) = (Vec::new(), Vec::new());
    match dialect {
        Dialect::OpenAi => {
            before.push(json!({"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}));
            if json {
                before.push(json!({"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}}]}));
            }
            behind.push(json!({"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}));
            behind.push(json!("[DONE]"));
        }
        Dialect::Completions => {
            behind.push(json!({"id":"c","choices":[{"index":0,"text":"","finish_reason":"stop"}]}));
            behind.push(json!("[DONE]"));
        }
        Dialect::Responses => {
            let item = if json {
                json!({"type":"function_call","name":"f","call_id":"a","arguments":""})
            } else {
                json!({"type":"message","content":[]})
            };
            before.push(json!({"type":"response.created","response":{"id":"r","status":"in_progress","output":[]}}));
            before.push(json!({"type":"response.output_item.added","output_index":0,"item":item}));
            let item = if json {
                behind.push(json!({"type":"response.function_call_arguments.done","item_id":"i","output_index":0,"arguments":whole}));
                json!({"type":"function_call","name":"f","call_id":"a","arguments":whole})
            } else {
                before.push(json!({"type":"response.content_part.added","item_id":"i","output_index":0,"content_index":0,"part":{"type":"output_text","text":""}}));
                behind.push(json!({"type":"response.output_text.done","item_id":"i","output_index":0,"content_index":0,"text":whole}));
                json!({"type":"message","content":[{"type":"output_text","text":whole}]})
            };
            behind.push(json!({"type":"response.output_item.done","output_index":0,"item":item}));
            behind
                .push(json!({"type":"response.completed","response":{"id":"r","status":"completed","output":[item]}}));
        }
        Dialect::Anthropic => {
            let block = if json {
                json!({"type":"tool_use","id":"t","name":"f","input":{}})
            } else {
                json!({"type":"text","text":""})
            };
            before
                .push(json!({"type":"message_start","message":{"id":"m","role":"assistant","model":"c","content":[]}}));
            before.push(json!({"type":"content_block_start","index":0,"content_block":block}));
            behind.push(json!({"type":"content_block_stop","index":0}));
            behind.push(json!({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}));
            behind.push(json!({"type":"message_stop"}));
        }
        Dialect::Gemini => behind.push(json!({"candidates":[{"index":0,"finishReason":"STOP"}],"modelVersion":"g"})),
        Dialect::Converse => {
            before.push(json!({"event":"messageStart","role":"assistant"}));
            if json {
                before.push(json!({"event":"contentBlockStart","contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t","name":"f"}}}));
            }
            behind.push(json!({"event":"contentBlockStop","contentBlockIndex":0}));
            behind.push(json!({"event":"messageStop","stopReason":"end_turn"}));
            behind.push(json!({"event":"metadata","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}));
        }
        Dialect::Cohere => {
            before.push(json!({"type":"message-start","id":"m"}));
            if json {
                before.push(json!({"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"a","function":{"name":"f","arguments":""}}}}}));
                behind.push(json!({"type":"tool-call-end","index":0}));
            } else {
                before.push(
                    json!({"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}),
                );
                behind.push(json!({"type":"content-end","index":0}));
            }
            behind.push(json!({"type":"message-end","delta":{"finish_reason":"COMPLETE"}}));
        }
    }
    events.append(&mut before);
    // Calls come whole in this dialect.
    let parts: Vec<&str> = if json && dialect == Dialect::Gemini { vec![&whole] } else { pieces.to_vec() };
    events.extend(parts.iter().map(|piece| delta(dialect, piece, json)));
    events.append(&mut behind);
    written(dialect, events)
}

fn delta(dialect: Dialect, piece: &str, json: bool) -> Value {
    match (dialect, json) {
        (Dialect::OpenAi, false) => {
            json!({"id":"c","choices":[{"index":0,"delta":{"content":piece},"finish_reason":null}]})
        }
        (Dialect::OpenAi, true) => {
            json!({"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":piece}}]}}]})
        }
        (Dialect::Completions, _) => json!({"id":"c","choices":[{"index":0,"text":piece,"logprobs":null}]}),
        (Dialect::Responses, false) => {
            json!({"type":"response.output_text.delta","item_id":"i","output_index":0,"content_index":0,"delta":piece,"logprobs":[]})
        }
        (Dialect::Responses, true) => {
            json!({"type":"response.function_call_arguments.delta","item_id":"i","output_index":0,"delta":piece})
        }
        (Dialect::Anthropic, false) => {
            json!({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":piece}})
        }
        (Dialect::Anthropic, true) => {
            json!({"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":piece}})
        }
        (Dialect::Gemini, false) => {
            json!({"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":piece}]}}],"modelVersion":"g"})
        }
        (Dialect::Gemini, true) => {
            json!({"candidates":[{"index":0,"content":{"role":"model","parts":[{"functionCall":{"name":"f","args":serde_json::from_str::<Value>(piece).unwrap()}}]}}]})
        }
        (Dialect::Converse, false) => json!({"event":"contentBlockDelta","contentBlockIndex":0,"delta":{"text":piece}}),
        (Dialect::Converse, true) => {
            json!({"event":"contentBlockDelta","contentBlockIndex":0,"delta":{"toolUse":{"input":piece}}})
        }
        (Dialect::Cohere, false) => {
            json!({"type":"content-delta","index":0,"delta":{"message":{"content":{"text":piece}}}})
        }
        (Dialect::Cohere, true) => {
            json!({"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":piece}}}}})
        }
    }
}

fn written(dialect: Dialect, events: Vec<Value>) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, mut event) in events.into_iter().enumerate() {
        if event == json!("[DONE]") {
            out.extend_from_slice(b"data: [DONE]\n\n");
            continue;
        }
        let name = match dialect {
            Dialect::Converse => {
                event.as_object_mut().unwrap().remove("event").map(|name| name.as_str().unwrap().to_owned())
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

/// The events of a stream.
pub(super) fn frames(stream: &[u8], each: &mut dyn FnMut(Frame<'_>)) {
    let mut sse = Sse::new(1 << 24);
    let mut one = |frame: Frame<'_>| {
        if !frame.data.is_empty() {
            each(frame);
        }
        Ok::<(), TooLong>(())
    };
    sse.push(stream, &mut one).unwrap();
    sse.finish(&mut one).unwrap();
}

/// The same stream in another framing.
pub(super) fn framed(framing: Framing, stream: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match framing {
        Framing::Sse => out.extend_from_slice(stream),
        Framing::JsonArray => {
            let mut array = JsonArray::default();
            array.push(stream, &mut out);
            array.end(&mut out);
        }
        Framing::EventStream => Reframe::new(Mode::Converse, 1 << 24).push(stream, &mut out).unwrap(),
        Framing::Chunks => Reframe::new(Mode::Chunk, 1 << 24).push(stream, &mut out).unwrap(),
    }
    out
}

/// The way back.
pub(super) fn unframed(framing: Framing, stream: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match framing {
        Framing::Sse => out.extend_from_slice(stream),
        Framing::JsonArray => {
            let items: Vec<Value> = serde_json::from_slice(stream).unwrap();
            items.iter().for_each(|item| sse::write(&mut out, None, |out| out.extend(item.to_string().bytes())));
        }
        Framing::EventStream | Framing::Chunks => {
            let mut messages = EventStream::new(1 << 24);
            let mut each = |frame: Frame<'_>| {
                let data = unwrap_chunk(&frame).unwrap_or_else(|| frame.data.to_vec());
                let name = if framing == Framing::Chunks { None } else { frame.event };
                let name = name.map(|name| std::str::from_utf8(name).unwrap());
                sse::write(&mut out, name, |out| out.extend_from_slice(&data));
                Ok::<(), Garbled>(())
            };
            messages.push(stream, &mut each).unwrap();
            messages.finish().unwrap();
        }
    }
    out
}

/// Every text of a stream: pieces put together as clients do, and those that come whole.
pub(super) fn said(_dialect: Dialect, stream: &[u8]) -> Vec<Said> {
    let mut all: BTreeMap<(String, bool), String> = BTreeMap::new();
    let mut copies = 0;
    let mut add = |what: String, json: bool, text: &Value| {
        if let Some(text) = text.as_str() {
            all.entry((what, json)).or_default().push_str(text);
        }
    };
    frames(stream, &mut |frame| {
        let Ok(event) = serde_json::from_slice::<Value>(&frame.data) else { return };
        let none = Vec::new();
        for choice in event["choices"].as_array().unwrap_or(&none) {
            let index = &choice["index"];
            let delta = &choice["delta"];
            add(format!("text {index}"), false, &choice["text"]);
            add(format!("content {index}"), false, &delta["content"]);
            add(format!("thought {index}"), false, &delta["reasoning_content"]);
            for call in delta["tool_calls"].as_array().unwrap_or(&none) {
                add(format!("call {index} {}", call["index"]), true, &call["function"]["arguments"]);
            }
        }
        for candidate in event["candidates"].as_array().unwrap_or(&none) {
            for part in candidate["content"]["parts"].as_array().unwrap_or(&none) {
                add(format!("candidate {}", candidate["index"]), false, &part["text"]);
                let args = &part["functionCall"]["args"];
                if args.is_object() {
                    add("args".to_owned(), true, &args.to_string().into());
                }
            }
        }
        let kind = event["type"].as_str().unwrap_or_default();
        add(format!("{kind} {}", event["output_index"]), kind.contains("arguments"), &event["delta"]);
        add(format!("{kind} text"), false, &event["text"]);
        add(format!("{kind} arguments"), true, &event["arguments"]);
        for (name, item) in [("item", &event["item"]), ("output", &event["response"]["output"][0])] {
            copies += 1;
            add(format!("{kind} {name} arguments {copies}").replace(char::is_numeric, ""), true, &item["arguments"]);
            add(format!("{kind} {name} text"), false, &item["content"][0]["text"]);
        }
        add("block".to_owned(), false, &event["content_block"]["text"]);
        add("block".to_owned(), false, &event["delta"]["text"]);
        add("json".to_owned(), true, &event["delta"]["partial_json"]);
        add("input".to_owned(), true, &event["delta"]["toolUse"]["input"]);
        let message = &event["delta"]["message"];
        add("cohere".to_owned(), false, &message["content"]["text"]);
        add("cohere call".to_owned(), true, &message["tool_calls"]["function"]["arguments"]);
    });
    let all = all.into_iter().filter(|(_, text)| !text.is_empty());
    all.map(|((what, json), text)| Said { what, json, text }).collect()
}

/// Nothing that was found stands anywhere, in any coat.
pub(super) fn clean(stream: &[u8]) {
    let shown = String::from_utf8_lossy(stream);
    assert!(!shown.contains("#77#") && !shown.contains("#12#"), "{shown}");
}
