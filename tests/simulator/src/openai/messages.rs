//! The conversation of a chat completion request: roles, parts, and tool calls that must be answered.

use serde_json::{Map, Value};

use super::request::{empty_array, missing, only, text_too_long, wrong_type, wrong_value};
use crate::fault::Fault;

const ROLES: [&str; 6] = ["system", "assistant", "user", "function", "tool", "developer"];
/// Longest id of a tool call; other providers make longer ones.
const CALL_ID_MAX: usize = 40;

pub(super) fn check(messages: &[Value]) -> Result<(), Fault> {
    // The calls of the last assistant message that nobody has answered yet.
    let mut unanswered: Vec<&str> = Vec::new();
    let mut answered: Vec<&str> = Vec::new();
    for (n, message) in messages.iter().enumerate() {
        let path = format!("messages[{n}]");
        let message = message.as_object().ok_or_else(|| wrong_type(&path, "an object", message))?;
        let role = message.get("role").ok_or_else(|| missing(&format!("{path}.role")))?;
        let role = role
            .as_str()
            .filter(|role| ROLES.contains(role))
            .ok_or_else(|| wrong_value(&format!("{path}.role"), role, &ROLES))?;
        if role != "tool" {
            all_answered(&unanswered)?;
            answered.clear();
        }
        match role {
            "assistant" => unanswered = check_assistant(message, &path, n)?,
            "tool" => {
                let id = check_tool(message, &path, n)?;
                // A second answer to the same call passes, as it does there.
                if let Some(position) = unanswered.iter().position(|known| *known == id) {
                    answered.push(unanswered.remove(position));
                } else if !answered.contains(&id) {
                    return Err(orphan(n));
                }
            }
            "function" => only(message, &["role", "name", "content"], &path)?,
            "user" => {
                only(message, &["role", "content", "name"], &path)?;
                check_content(message, &path, n, &["text", "image_url", "input_audio", "file"])?;
            }
            _ => {
                only(message, &["role", "content", "name"], &path)?;
                check_content(message, &path, n, &["text"])?;
            }
        }
    }
    all_answered(&unanswered)
}

fn all_answered(unanswered: &[&str]) -> Result<(), Fault> {
    if unanswered.is_empty() {
        return Ok(());
    }
    Err(Fault::invalid(format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The \
         following tool_call_ids did not have response messages: {}",
        unanswered.join(", ")
    ))
    .param("messages"))
}

fn orphan(n: usize) -> Fault {
    Fault::invalid(
        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
    )
    .param(format!("messages.[{n}].role"))
}

fn check_assistant<'a>(message: &'a Map<String, Value>, path: &str, n: usize) -> Result<Vec<&'a str>, Fault> {
    // `annotations` is in answers only, but clients send answers back as they got them.
    only(
        message,
        &["role", "content", "name", "refusal", "audio", "tool_calls", "function_call", "annotations"],
        path,
    )?;
    let set = |name: &str| message.get(name).is_some_and(|value| !value.is_null());
    if set("content") || !["tool_calls", "function_call", "refusal", "audio"].iter().any(|name| set(name)) {
        check_content(message, path, n, &["text", "refusal"])?;
    }
    let path = format!("{path}.tool_calls");
    match message.get("tool_calls") {
        None => Ok(Vec::new()),
        Some(Value::Array(calls)) if calls.is_empty() => Err(empty_array(&path)),
        Some(Value::Array(calls)) => {
            calls.iter().enumerate().map(|(n, call)| check_call(call, &format!("{path}[{n}]"))).collect()
        }
        Some(other) => Err(wrong_type(&path, "an array of objects", other)),
    }
}

/// A tool call that the assistant made; returns its id.
fn check_call<'a>(call: &'a Value, path: &str) -> Result<&'a str, Fault> {
    let call = call.as_object().ok_or_else(|| wrong_type(path, "an object", call))?;
    let id = text(call, "id", path)?;
    if id.len() > CALL_ID_MAX {
        return Err(text_too_long(&format!("{path}.id"), CALL_ID_MAX, id.len()));
    }
    let kind = text(call, "type", path)?;
    let (field, payload) = match kind {
        "function" => ("function", "arguments"),
        "custom" => ("custom", "input"),
        other => return Err(wrong_value(&format!("{path}.type"), &other.into(), &["function", "custom"])),
    };
    only(call, &["id", "type", field], path)?;
    let inner_path = format!("{path}.{field}");
    let inner = call.get(field).ok_or_else(|| missing(&inner_path))?;
    let inner = inner.as_object().ok_or_else(|| wrong_type(&inner_path, "an object", inner))?;
    only(inner, &["name", payload], &inner_path)?;
    text(inner, "name", &inner_path)?;
    text(inner, payload, &inner_path)?;
    Ok(id)
}

fn check_tool<'a>(message: &'a Map<String, Value>, path: &str, n: usize) -> Result<&'a str, Fault> {
    only(message, &["role", "content", "tool_call_id", "name"], path)?;
    let id = text(message, "tool_call_id", path)?;
    check_content(message, path, n, &["text"])?;
    Ok(id)
}

fn check_content(message: &Map<String, Value>, path: &str, n: usize, kinds: &[&str]) -> Result<(), Fault> {
    let path = format!("{path}.content");
    match message.get("content") {
        None => Err(missing(&path)),
        Some(Value::Null) => Err(Fault::invalid("Invalid value for 'content': expected a string, got null.")
            .param(format!("messages.[{n}].content"))),
        Some(Value::String(_)) => Ok(()),
        Some(Value::Array(parts)) if parts.is_empty() => Err(empty_array(&path)),
        Some(Value::Array(parts)) => {
            parts.iter().enumerate().try_for_each(|(n, part)| check_part(part, &format!("{path}[{n}]"), kinds))
        }
        Some(other) => Err(wrong_type(&path, "one of a string or array of objects", other)),
    }
}

fn check_part(part: &Value, path: &str, kinds: &[&str]) -> Result<(), Fault> {
    let object = part.as_object().ok_or_else(|| wrong_type(path, "an object", part))?;
    let kind = text(object, "type", path)?;
    if !kinds.contains(&kind) {
        return Err(wrong_value(&format!("{path}.type"), &kind.into(), kinds));
    }
    only(object, &["type", kind, "prompt_cache_breakpoint"], path)?;
    match kind {
        "text" | "refusal" => text(object, kind, path).map(|_| ()),
        "image_url" => check_image(object, path),
        "input_audio" => inner(object, kind, &["data", "format"], &["data", "format"], path),
        _ => inner(object, kind, &["file_data", "file_id", "filename"], &[], path),
    }
}

fn check_image(part: &Map<String, Value>, path: &str) -> Result<(), Fault> {
    inner(part, "image_url", &["url", "detail"], &["url"], path)?;
    let image = part.get("image_url");
    let url = image.and_then(|image| image.get("url")).and_then(Value::as_str).unwrap_or_default();
    if let Some(detail) = image.and_then(|image| image.get("detail")) {
        let details = ["low", "high", "auto"];
        if !detail.as_str().is_some_and(|detail| details.contains(&detail)) {
            return Err(wrong_value(&format!("{path}.image_url.detail"), detail, &details));
        }
    }
    let refused =
        |message: &str, code: &str| Err(Fault::invalid(message).param(format!("{path}.image_url.url")).code(code));
    if let Some(data) = url.strip_prefix("data:") {
        let image = data.strip_prefix("image/").is_some_and(|rest| rest.contains(";base64,"));
        if image {
            return Ok(());
        }
        return refused(
            "Invalid base64 image_url. Expected a base64-encoded data URL with an image MIME type (e.g. \
             'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got unsupported MIME type.",
            "invalid_image_format",
        );
    }
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(());
    }
    refused(
        &format!(
            "Invalid 'messages': expected a URL that starts with http:// or https://, or a base64 data URL, but got '{url}'."
        ),
        "invalid_image_url",
    )
}

/// An object inside a part: which fields it may have, which texts it must have.
fn inner(part: &Map<String, Value>, name: &str, known: &[&str], needed: &[&str], path: &str) -> Result<(), Fault> {
    let path = format!("{path}.{name}");
    let value = part.get(name).ok_or_else(|| missing(&path))?;
    let object = value.as_object().ok_or_else(|| wrong_type(&path, "an object", value))?;
    only(object, known, &path)?;
    needed.iter().try_for_each(|field| text(object, field, &path).map(|_| ()))
}

/// A text that must be there.
pub(crate) fn text<'a>(object: &'a Map<String, Value>, name: &str, path: &str) -> Result<&'a str, Fault> {
    let path = || format!("{path}.{name}");
    let value = object.get(name).ok_or_else(|| missing(&path()))?;
    value.as_str().ok_or_else(|| wrong_type(&path(), "a string", value))
}

/// What the default answer repeats: the last text of the last user message.
pub(super) fn last_user_text(messages: &Value) -> String {
    let messages = messages.as_array().map(Vec::as_slice).unwrap_or_default();
    let last = messages.iter().rev().find(|message| message.get("role").is_some_and(|role| role == "user"));
    match last.and_then(|message| message.get("content")) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let last = parts.iter().rev().find_map(|part| part.get("text").and_then(Value::as_str));
            last.unwrap_or_default().to_owned()
        }
        _ => String::new(),
    }
}

/// The word that `json_object` wants to see somewhere.
pub(super) fn mentions_json(messages: &Value) -> bool {
    match messages {
        Value::String(text) => text.as_bytes().windows(4).any(|window| window.eq_ignore_ascii_case(b"json")),
        Value::Array(items) => items.iter().any(mentions_json),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| matches!(name.as_str(), "content" | "text") && mentions_json(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(messages: &Value, message: &str, param: &str) {
        let fault = check(messages.as_array().expect("an array")).expect_err(&messages.to_string());
        assert!(fault.message.starts_with(message), "{messages}: {}", fault.message);
        assert_eq!(fault.param.as_deref(), Some(param), "{messages}");
    }

    fn call(id: &str) -> Value {
        json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}})
    }

    #[test]
    fn every_call_is_answered_and_every_answer_has_a_call() {
        let user = json!({"role": "user", "content": "hi"});
        let calls = json!({"role": "assistant", "content": null, "tool_calls": [call("a"), call("b")]});
        let answer = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "ok"});
        let good = json!([user, calls, answer("b"), answer("a"), user]);
        assert_eq!(check(good.as_array().expect("an array")), Ok(()));
        let followed = "An assistant message with 'tool_calls' must be followed";
        refused(&json!([user, calls, answer("a")]), followed, "messages");
        refused(&json!([user, calls, answer("a"), user, answer("b")]), followed, "messages");
        refused(
            &json!([user, calls, answer("a"), answer("c")]),
            "Invalid parameter: messages with role 'tool'",
            "messages.[3].role",
        );
        refused(&json!([user, answer("a")]), "Invalid parameter: messages with role 'tool'", "messages.[1].role");
    }

    #[test]
    fn messages_that_are_wrong() {
        let user = |content: Value| json!([{"role": "user", "content": content}]);
        let assistant = |fields: Value| json!([{"role": "assistant", "content": null, "tool_calls": [fields]}]);
        let long = call(&"x".repeat(41));
        for (messages, message, param) in [
            (json!([{"content": "x"}]), "Missing required parameter: 'messages[0].role'.", "messages[0].role"),
            (json!([{"role": "model", "content": "x"}]), "Invalid value: 'model'.", "messages[0].role"),
            (json!([{"role": "user"}]), "Missing required", "messages[0].content"),
            (user(json!(null)), "Invalid value for 'content': expected a string, got null.", "messages.[0].content"),
            (user(json!([])), "Invalid 'messages[0].content': empty array.", "messages[0].content"),
            (user(json!(5)), "Invalid type for 'messages[0].content'", "messages[0].content"),
            (user(json!([{"type": "text"}])), "Missing required", "messages[0].content[0].text"),
            (
                user(json!([{"type": "refusal", "refusal": "x"}])),
                "Invalid value: 'refusal'.",
                "messages[0].content[0].type",
            ),
            (
                user(json!([{"type": "text", "text": "x", "cache_control": {}}])),
                "Unknown parameter",
                "messages[0].content[0].cache_control",
            ),
            (
                user(json!([{"type": "image_url", "image_url": "http://x"}])),
                "Invalid type",
                "messages[0].content[0].image_url",
            ),
            (
                user(json!([{"type": "image_url", "image_url": {"url": "file:///x"}}])),
                "Invalid",
                "messages[0].content[0].image_url.url",
            ),
            (
                user(json!([{"type": "image_url", "image_url": {"url": "data:text/plain,x"}}])),
                "Invalid base64",
                "messages[0].content[0].image_url.url",
            ),
            (
                json!([{"role": "system", "content": [{"type": "image_url"}]}]),
                "Invalid value: 'image_url'.",
                "messages[0].content[0].type",
            ),
            (json!([{"role": "assistant"}]), "Missing required", "messages[0].content"),
            (
                json!([{"role": "assistant", "content": "x", "reasoning_content": "y"}]),
                "Unknown parameter",
                "messages[0].reasoning_content",
            ),
            (
                json!([{"role": "assistant", "content": "x", "tool_calls": []}]),
                "Invalid 'messages[0].tool_calls': empty",
                "messages[0].tool_calls",
            ),
            (
                assistant(json!({"id": "a", "type": "function"})),
                "Missing required",
                "messages[0].tool_calls[0].function",
            ),
            (
                assistant(
                    json!({"id": "a", "type": "function", "index": 0, "function": {"name": "f", "arguments": ""}}),
                ),
                "Unknown parameter",
                "messages[0].tool_calls[0].index",
            ),
            (
                assistant(json!({"id": "a", "type": "function", "function": {"name": "f", "arguments": {}}})),
                "Invalid type for 'messages[0].tool_calls[0].function.arguments': expected a string, but got an object",
                "messages[0].tool_calls[0].function.arguments",
            ),
            (
                assistant(long),
                "Invalid 'messages[0].tool_calls[0].id': string too long.",
                "messages[0].tool_calls[0].id",
            ),
        ] {
            refused(&messages, message, param);
        }
    }

    #[test]
    fn the_last_user_text_is_found() {
        let messages = json!([{"role": "user", "content": "one"}, {"role": "user", "content": [{"type": "text", "text": "two"}, {"type": "image_url"}]}, {"role": "assistant", "content": "three"}]);
        assert_eq!(last_user_text(&messages), "two");
    }
}
