//! Completions, in one piece and as chunks: every prompt is completed `n` times, with the same words.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::request::Request;
use crate::apis::set;
use crate::openai::answer::Stamp;
use crate::script::Script;
use crate::sse::Event;
use crate::turn::{Stop, Turn, pieces};

pub(super) fn body(request: &Request, turn: &Turn, script: &Script, stamp: &Stamp) -> Bytes {
    let mut answer = head(request, stamp);
    let choices = (0..choices(request)).map(|index| {
        let echo = request.echo.then(|| request.prompts.get(index / request.n)).flatten();
        let text = format!("{}{}", echo.map_or("", String::as_str), turn.text);
        let logprobs = request.logprobs.map(|most| {
            let mut at = 0;
            lists(pieces(&text, script.chunks).into_iter().filter_map(|range| text.get(range)), most, &mut at)
        });
        json!({"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish_reason(turn, script)})
    });
    set(&mut answer, "choices", choices.collect());
    if !script.omit_usage {
        set(&mut answer, "usage", usage(request, turn, script));
    }
    Bytes::from(answer.to_string())
}

pub(super) fn events(request: &Request, turn: &Turn, script: &Script, stamp: &Stamp) -> Vec<Event> {
    let sends_usage = request.include_usage && !script.omit_usage;
    let mut events = Vec::new();
    let mut write = |choices: Value, usage: Value, is_delta: bool| {
        let mut chunk = head(request, stamp);
        set(&mut chunk, "choices", choices);
        if sends_usage {
            set(&mut chunk, "usage", usage);
        }
        events.push(Event { name: "", data: chunk.to_string().into(), is_delta });
    };
    for index in 0..choices(request) {
        let choice = |text: &str, logprobs: Value, reason: Option<&str>| json!([{"text": text, "index": index, "logprobs": logprobs, "finish_reason": reason}]);
        let mut at = 0;
        for piece in pieces(&turn.text, script.chunks).into_iter().filter_map(|range| turn.text.get(range)) {
            let logprobs = request.logprobs.map(|most| lists(std::iter::once(piece), most, &mut at));
            write(choice(piece, logprobs.unwrap_or_default(), None), Value::Null, true);
        }
        write(choice("", Value::Null, Some(finish_reason(turn, script))), Value::Null, false);
    }
    if sends_usage {
        write(json!([]), usage(request, turn, script), false);
    }
    if !script.omit_done {
        events.push(Event { name: "", data: "[DONE]".into(), is_delta: false });
    }
    events
}

fn choices(request: &Request) -> usize {
    request.prompts.len().max(1) * request.n
}

fn head(request: &Request, stamp: &Stamp) -> Value {
    json!({
        "id": format!("cmpl-sim{:025}", stamp.n),
        "object": "text_completion",
        "created": stamp.created,
        "model": request.asked.model,
    })
}

/// The numbers are made up, the places are true.
fn lists<'t>(tokens: impl Iterator<Item = &'t str>, most: usize, at: &mut usize) -> Value {
    let (mut texts, mut offsets, mut tops) = (Vec::new(), Vec::new(), Vec::new());
    for token in tokens {
        texts.push(token);
        offsets.push(*at);
        *at += token.chars().count();
        let mut top = Map::new();
        for n in 0..most {
            let name = if n == 0 { token.to_owned() } else { format!("alt{n}") };
            top.insert(name, json!(-0.25 * (n + 1) as f64));
        }
        tops.push(top);
    }
    let numbers = vec![-0.25; texts.len()];
    json!({"tokens": texts, "token_logprobs": numbers, "top_logprobs": tops, "text_offset": offsets})
}

fn finish_reason<'a>(turn: &Turn, script: &'a Script) -> &'a str {
    if let Some(reason) = &script.stop_reason {
        return reason;
    }
    if turn.stop == Stop::Length { "length" } else { "stop" }
}

fn usage(request: &Request, turn: &Turn, script: &Script) -> Value {
    if let Some(usage) = &script.usage {
        return Value::Object(Map::clone(usage));
    }
    let (prompt, completion) = (request.asked.prompt_tokens, turn.tokens() * choices(request) as u64);
    json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion})
}
