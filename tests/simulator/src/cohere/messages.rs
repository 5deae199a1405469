//! The conversation of a chat request: roles, blocks, and tool results that must belong to calls.

use serde_json::{Map, Value};

use super::error::{invalid, of};
use crate::fault::Fault;

const BLOCKS: [(&str, &[&str]); 4] = [
    ("system", &["text"]),
    ("user", &["text", "image_url"]),
    ("assistant", &["text", "thinking"]),
    ("tool", &["text", "document"]),
];

pub(super) fn check(messages: &[Value]) -> Result<(), Fault> {
    let mut calls: Vec<&str> = Vec::new();
    for (n, message) in messages.iter().enumerate() {
        let path = format!("messages[{n}]");
        let message = message.as_object().ok_or_else(|| invalid(format!("{path} must be an object")))?;
        let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
        let Some((_, blocks)) = BLOCKS.iter().find(|(known, _)| *known == role) else {
            return Err(invalid(format!("{path}.role must be one of: user, assistant, system, tool")));
        };
        if role == "system" && n > 0 {
            return Err(of(400, "system turn must be the first in the list"));
        }
        let empty = check_content(message.get("content"), blocks, &path)?;
        match role {
            "assistant" => {
                only(message, &["role", "content", "tool_calls", "tool_plan", "citations"], &path)?;
                let called = check_calls(message, &mut calls, &path)?;
                if empty && !called {
                    return Err(of(400, "message must not be empty in a turn"));
                }
            }
            "tool" => {
                only(message, &["role", "content", "tool_call_id"], &path)?;
                let id = message.get("tool_call_id").and_then(Value::as_str).filter(|id| !id.is_empty());
                let id = id.ok_or_else(|| of(400, "tool call id must be provided with tool message"))?;
                if !calls.contains(&id) {
                    return Err(of(400, "tool call id not found in previous tool calls"));
                }
                if !message.contains_key("content") {
                    return Err(invalid(format!("{path}.content is required")));
                }
            }
            _ => {
                only(message, &["role", "content"], &path)?;
                if empty {
                    return Err(of(400, "message must not be empty in a turn"));
                }
            }
        }
    }
    Ok(())
}

/// Whether a content says nothing.
fn check_content(content: Option<&Value>, allowed: &[&str], path: &str) -> Result<bool, Fault> {
    let blocks = match content {
        None | Some(Value::Null) => return Ok(true),
        Some(Value::String(text)) => return Ok(text.is_empty()),
        Some(Value::Array(blocks)) => blocks,
        Some(_) => return Err(invalid(format!("{path}.content must be a string or a list of content blocks"))),
    };
    for (n, block) in blocks.iter().enumerate() {
        let path = format!("{path}.content[{n}]");
        let object = block.as_object().ok_or_else(|| invalid(format!("{path} must be an object")))?;
        let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
        if !allowed.contains(&kind) {
            return Err(invalid(format!("{path}.type must be one of: {}", allowed.join(", "))));
        }
        only(object, &["type", kind], &path)?;
        let inside = object.get(kind).unwrap_or(&Value::Null);
        let fits = match kind {
            "image_url" => is_image(inside, &path)?,
            "document" => is_document(inside),
            _ => inside.as_str().is_some_and(|text| !text.is_empty()),
        };
        if !fits {
            return Err(invalid(format!("{path}.{kind} is missing or empty")));
        }
    }
    Ok(blocks.is_empty())
}

fn is_image(image: &Value, path: &str) -> Result<bool, Fault> {
    let Some(image) = image.as_object() else { return Ok(false) };
    only(image, &["url", "detail"], &format!("{path}.image_url"))?;
    let url = image.get("url").and_then(Value::as_str).unwrap_or_default();
    let inline = url.strip_prefix("data:image/").is_some_and(|rest| rest.contains(";base64,"));
    let detail = image.get("detail").is_none_or(|word| matches!(word.as_str(), Some("auto" | "low" | "high")));
    Ok((inline || url.starts_with("https://") || url.starts_with("http://")) && detail)
}

/// `data` is a dictionary; the guides also send it as the text of one.
pub(super) fn is_document(document: &Value) -> bool {
    let Some(fields) = document.as_object() else { return false };
    let known = fields.keys().all(|name| matches!(name.as_str(), "data" | "id"));
    known && matches!(fields.get("data"), Some(Value::Object(_) | Value::String(_)))
}

/// Notes the message's calls; there were some.
fn check_calls<'m>(message: &'m Map<String, Value>, calls: &mut Vec<&'m str>, path: &str) -> Result<bool, Fault> {
    if message.get("tool_plan").is_some_and(|plan| !plan.is_string()) {
        return Err(invalid(format!("{path}.tool_plan must be a string")));
    }
    let list = match message.get("tool_calls") {
        None | Some(Value::Null) => return Ok(false),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(invalid(format!("{path}.tool_calls must be a list"))),
    };
    for (n, call) in list.iter().enumerate() {
        let path = format!("{path}.tool_calls[{n}]");
        let object = call.as_object().ok_or_else(|| invalid(format!("{path} must be an object")))?;
        only(object, &["id", "type", "function"], &path)?;
        if call["type"] != "function" {
            return Err(of(400, "tool call must be of type function"));
        }
        let id = call["id"].as_str().filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| invalid(format!("{path}.id is required")))?;
        if calls.contains(&id) {
            return Err(of(400, "cannot have duplicate tool ids"));
        }
        calls.push(id);
        let arguments = call.pointer("/function/arguments").and_then(Value::as_str);
        let is_object = |text: &str| serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object());
        if call.pointer("/function/name").and_then(Value::as_str).is_none_or(str::is_empty)
            || !arguments.is_some_and(is_object)
        {
            return Err(invalid(format!("{path}.function must have a name and arguments as a JSON object string")));
        }
    }
    Ok(!list.is_empty())
}

/// Only these fields.
pub(super) fn only(object: &Map<String, Value>, known: &[&str], path: &str) -> Result<(), Fault> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => {
            let dot = if path.is_empty() { "" } else { "." };
            Err(of(422, format!("unknown field: parameter '{path}{dot}{name}' is not a valid field")))
        }
        None => Ok(()),
    }
}

/// What the default answer repeats: the last text by the user.
pub(super) fn last_user_text(messages: &Value) -> String {
    let messages = messages.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut by_user = messages.iter().rev().filter(|message| message["role"] == "user");
    let text = by_user.find_map(|message| match message["content"].as_array() {
        Some(blocks) => blocks.iter().rev().find_map(|block| block["text"].as_str()),
        None => message["content"].as_str(),
    });
    text.unwrap_or_default().to_owned()
}
