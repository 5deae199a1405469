//! What the API refuses in the items of `input`.

use serde_json::{Map, Value};

use super::answer::sealed_id;
use super::store::Store;
use crate::fault::Fault;
use crate::openai::messages::text;
use crate::openai::request::{missing, only, text_too_long, wrong_type, wrong_value};

const CALL_ID_MAX: usize = 64;
const ROLES: &[&str] = &["assistant", "system", "developer", "user"];

/// Judges the items; `before` is what was said in the exchange that they go on from.
pub(super) fn check(items: &[Value], before: &[Value], store: &Store) -> Result<(), Fault> {
    for (n, item) in items.iter().enumerate() {
        let path = format!("input[{n}]");
        let object = item.as_object().ok_or_else(|| wrong_type(&path, "an object", item))?;
        check_item(object, &path, store)?;
    }
    check_calls(items, before)
}

fn check_item(item: &Map<String, Value>, path: &str, store: &Store) -> Result<(), Fault> {
    let kind = match (item.get("type").and_then(Value::as_str), item.contains_key("role")) {
        (Some(kind), _) => kind,
        (None, true) => "message",
        (None, false) if item.contains_key("id") => "item_reference",
        (None, false) => return Err(missing(&format!("{path}.type"))),
    };
    match kind {
        "message" => check_message(item, path),
        "function_call" | "custom_tool_call" => {
            let said = if kind == "function_call" { "arguments" } else { "input" };
            only(item, &["type", "id", "call_id", "name", "namespace", said, "status", "caller"], path)?;
            check_id(item, if kind == "function_call" { "fc" } else { "ctc" }, path)?;
            for name in ["call_id", "name", said] {
                text(item, name, path)?;
            }
            check_call_id(item, path)
        }
        "function_call_output" | "custom_tool_call_output" => {
            only(item, &["type", "id", "call_id", "output", "status", "name", "caller"], path)?;
            text(item, "call_id", path)?;
            check_call_id(item, path)?;
            let output = item.get("output").ok_or_else(|| missing(&format!("{path}.output")))?;
            check_content(output, &["input_text", "input_image", "input_file"], &format!("{path}.output"))
        }
        "reasoning" => check_reasoning(item, path, store),
        "item_reference" => {
            let id = text(item, "id", path)?;
            if store.has_item(id) { Ok(()) } else { Err(not_kept(id)) }
        }
        "web_search_call"
        | "file_search_call"
        | "compaction"
        | "local_shell_call"
        | "local_shell_call_output"
        | "mcp_list_tools"
        | "mcp_call"
        | "image_generation_call"
        | "code_interpreter_call" => Ok(()),
        other => Err(wrong_value(
            &format!("{path}.type"),
            &other.into(),
            &["message", "reasoning", "function_call", "function_call_output", "custom_tool_call", "item_reference"],
        )),
    }
}

fn check_message(item: &Map<String, Value>, path: &str) -> Result<(), Fault> {
    only(item, &["type", "id", "role", "content", "status", "phase"], path)?;
    check_id(item, "msg", path)?;
    let role = text(item, "role", path)?;
    if !ROLES.contains(&role) {
        return Err(wrong_value(&format!("{path}.role"), &role.into(), ROLES));
    }
    let content = item.get("content").ok_or_else(|| missing(&format!("{path}.content")))?;
    let kinds: &[&str] =
        if role == "assistant" { &["output_text", "refusal"] } else { &["input_text", "input_image", "input_file"] };
    check_content(content, kinds, &format!("{path}.content"))
}

fn check_content(content: &Value, kinds: &[&str], path: &str) -> Result<(), Fault> {
    let parts = match content {
        Value::String(_) => return Ok(()),
        Value::Array(parts) => parts,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            return Err(wrong_type(path, "one of a string or array of objects", content));
        }
    };
    for (n, part) in parts.iter().enumerate() {
        let path = format!("{path}[{n}]");
        let part = part.as_object().ok_or_else(|| wrong_type(&path, "an object", part))?;
        let kind = text(part, "type", &path)?;
        if !kinds.contains(&kind) {
            return Err(wrong_value(&path, &kind.into(), kinds));
        }
        check_part(part, kind, &path)?;
    }
    Ok(())
}

fn check_part(part: &Map<String, Value>, kind: &str, path: &str) -> Result<(), Fault> {
    let is_set = |name: &str| part.get(name).is_some_and(|value| !value.is_null());
    match kind {
        "input_text" => {
            only(part, &["type", "text", "prompt_cache_breakpoint"], path)?;
            text(part, "text", path).map(|_| ())
        }
        "output_text" => {
            only(part, &["type", "text", "annotations", "logprobs"], path)?;
            text(part, "text", path).map(|_| ())
        }
        "refusal" => {
            only(part, &["type", "refusal"], path)?;
            text(part, "refusal", path).map(|_| ())
        }
        "input_image" => {
            only(part, &["type", "image_url", "file_id", "detail", "prompt_cache_breakpoint"], path)?;
            match part.get("image_url").and_then(Value::as_str) {
                Some(url) if url.starts_with("https://") || url.starts_with("http://") => Ok(()),
                Some(url) if url.starts_with("data:image/") && url.contains(";base64,") => Ok(()),
                Some(_) => {
                    let path = format!("{path}.image_url");
                    let message =
                        format!("Invalid '{path}'. Expected a valid URL, but got a value with an invalid format.");
                    Err(Fault::invalid(message).param(path).code("invalid_value"))
                }
                None if is_set("file_id") => Ok(()),
                None => Err(missing(&format!("{path}.image_url"))),
            }
        }
        "input_file" => {
            let known = ["type", "file_data", "file_id", "file_url", "filename", "detail", "prompt_cache_breakpoint"];
            only(part, &known, path)?;
            let given = ["file_data", "file_id", "file_url"].iter().filter(|name| is_set(name)).count();
            if given != 1 {
                let message = "Mutually exclusive parameters: expected one of 'file_data', 'file_id' or 'file_url'.";
                return Err(Fault::invalid(message).param(path).code("mutually_exclusive_parameters"));
            }
            if is_set("file_data") && !is_set("filename") {
                return Err(missing(&format!("{path}.filename")));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A thought is found by its id or opened by its key.
fn check_reasoning(item: &Map<String, Value>, path: &str, store: &Store) -> Result<(), Fault> {
    only(item, &["type", "id", "summary", "content", "encrypted_content", "status"], path)?;
    check_id(item, "rs", path)?;
    if !item.get("summary").is_some_and(Value::is_array) {
        return Err(missing(&format!("{path}.summary")));
    }
    let id = item.get("id").and_then(Value::as_str);
    let Some(sealed) = item.get("encrypted_content").and_then(Value::as_str) else {
        let id = id.ok_or_else(|| missing(&format!("{path}.id")))?;
        return if store.has_item(id) { Ok(()) } else { Err(not_kept(id)) };
    };
    let refused = |message: String| Fault::invalid(message).code("invalid_encrypted_content");
    let Some(within) = sealed_id(sealed) else {
        let shown: String = sealed.chars().take(4).collect();
        return Err(refused(format!("The encrypted content {shown}... could not be verified.")));
    };
    match id {
        Some(id) if id != within => Err(refused(format!(
            "The encrypted content for item {id} could not be verified. Reason: Encrypted content item_id did not match the \
             target item id."
        ))),
        Some(_) | None => Ok(()),
    }
}

fn not_kept(id: &str) -> Fault {
    let message = format!(
        "Item with id '{id}' not found. Items are not persisted when `store` is set to false. Try again with `store` set to \
         true, or remove this item from your input."
    );
    Fault { status: 404, ..Fault::invalid(message).param("input") }
}

/// Every call has its output and every output its call.
fn check_calls(items: &[Value], before: &[Value]) -> Result<(), Fault> {
    let ids = |items: &[Value], kinds: [&str; 2]| -> Vec<String> {
        let of_kind =
            |item: &&Value| item.get("type").and_then(Value::as_str).is_some_and(|kind| kinds.contains(&kind));
        let id = |item: &Value| item.get("call_id").and_then(Value::as_str).map(str::to_owned);
        items.iter().filter(of_kind).filter_map(id).collect()
    };
    let all: Vec<Value> = before.iter().chain(items).cloned().collect();
    let calls = ids(&all, ["function_call", "custom_tool_call"]);
    let outputs = ids(&all, ["function_call_output", "custom_tool_call_output"]);
    if let Some(id) = outputs.iter().find(|id| !calls.contains(id)) {
        return Err(
            Fault::invalid(format!("No tool call found for function call output with call_id {id}.")).param("input")
        );
    }
    match calls.iter().find(|id| !outputs.contains(id)) {
        Some(id) => Err(Fault::invalid(format!("No tool output found for function call {id}.")).param("input")),
        None => Ok(()),
    }
}

fn check_id(item: &Map<String, Value>, prefix: &str, path: &str) -> Result<(), Fault> {
    match item.get("id").and_then(Value::as_str) {
        Some(id) if !id.starts_with(prefix) => {
            let path = format!("{path}.id");
            let message = format!("Invalid '{path}': '{id}'. Expected an ID that begins with '{prefix}'.");
            Err(Fault::invalid(message).param(path).code("invalid_value"))
        }
        Some(_) | None => Ok(()),
    }
}

fn check_call_id(item: &Map<String, Value>, path: &str) -> Result<(), Fault> {
    let length = item.get("call_id").and_then(Value::as_str).map_or(0, |id| id.chars().count());
    if length > CALL_ID_MAX { Err(text_too_long(&format!("{path}.call_id"), CALL_ID_MAX, length)) } else { Ok(()) }
}

/// The words that the default answer repeats.
pub(super) fn last_user_text(conversation: &[Value]) -> String {
    let last = conversation.iter().rev().find(|item| item.get("role").is_some_and(|role| role == "user"));
    match last.and_then(|item| item.get("content")) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let text = |part: &Value| part.get("text").and_then(Value::as_str).map(str::to_owned);
            parts.iter().filter_map(text).collect::<Vec<_>>().join(" ")
        }
        Some(_) | None => String::new(),
    }
}
