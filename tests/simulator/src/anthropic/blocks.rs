//! Content blocks: which there are, what each must have.

use serde_json::{Map, Value};

use super::request::{extra, wrong};
use super::signature;
use crate::fault::Fault;

/// Where a block stands: not every kind may stand everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    System,
    User,
    Assistant,
    ToolResult,
}

const USER: [&str; 7] =
    ["text", "image", "document", "search_result", "tool_result", "container_upload", "mid_conv_system"];
const ASSISTANT: [&str; 4] = ["text", "thinking", "redacted_thinking", "tool_use"];
const TOOL_RESULT: [&str; 5] = ["text", "image", "search_result", "document", "tool_reference"];
/// Blocks of tools that run on Anthropic's side: they come back as they were sent; their insides are not looked at.
const SERVER: [&str; 10] = [
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "mcp_tool_use",
    "mcp_tool_result",
    "compaction",
];

pub(super) fn check(block: &Value, path: &str, place: Place) -> Result<(), Fault> {
    let object = block.as_object().ok_or_else(|| wrong(path, "Input should be an object"))?;
    let kind = object.get("type").ok_or_else(|| wrong(&format!("{path}.type"), "Field required"))?;
    let kind = kind.as_str().unwrap_or_default();
    let allowed: &[&str] = match place {
        Place::System => &["text"],
        Place::User => &USER,
        Place::Assistant => &ASSISTANT,
        Place::ToolResult => &TOOL_RESULT,
    };
    let from_server = matches!(place, Place::User | Place::Assistant) && SERVER.contains(&kind);
    if !allowed.contains(&kind) && !from_server {
        return Err(not_here(kind, path, place, allowed));
    }
    if let Some(control) = object.get("cache_control") {
        if matches!(kind, "thinking" | "redacted_thinking") {
            return Err(extra(&format!("{path}.{kind}.cache_control")));
        }
        check_cache_control(control, &format!("{path}.cache_control"))?;
    }
    let inside = format!("{path}.{kind}");
    match kind {
        "text" => check_text(object, path, &inside),
        "image" => {
            only(object, &["type", "source", "cache_control"], &inside)?;
            check_source(object, &inside, &["base64", "url", "file"])
        }
        "document" => {
            only(object, &["type", "source", "cache_control", "citations", "context", "title"], &inside)?;
            check_source(object, &inside, &["base64", "text", "content", "url", "file"])
        }
        "tool_use" => check_tool_use(object, &inside),
        "tool_result" => check_tool_result(object, path, &inside),
        "thinking" => {
            only(object, &["type", "thinking", "signature"], &inside)?;
            let thinking = text(object, "thinking", &inside)?;
            let signature = text(object, "signature", &inside)?;
            let valid = signature::is_valid(signature, thinking);
            if valid { Ok(()) } else { Err(wrong(path, "Invalid `signature` in `thinking` block")) }
        }
        "redacted_thinking" => {
            only(object, &["type", "data"], &inside)?;
            let data = text(object, "data", &inside)?;
            if data.is_empty() { Err(wrong(path, "Invalid `data` in `redacted_thinking` block")) } else { Ok(()) }
        }
        _ => Ok(()),
    }
}

fn not_here(kind: &str, path: &str, place: Place, allowed: &[&str]) -> Fault {
    if place == Place::System {
        return wrong(&format!("{path}.type"), "Input should be 'text'");
    }
    if USER.contains(&kind) || ASSISTANT.contains(&kind) {
        let role = if place == Place::User { "user" } else { "assistant" };
        if place != Place::ToolResult {
            return Fault::invalid(format!("{path}: `{kind}` blocks are not allowed in `{role}` messages"));
        }
    }
    let tags: Vec<String> = allowed.iter().map(|tag| format!("'{tag}'")).collect();
    wrong(
        path,
        &format!("Input tag '{kind}' found using 'type' does not match any of the expected tags: {}", tags.join(", ")),
    )
}

fn check_text(object: &Map<String, Value>, path: &str, inside: &str) -> Result<(), Fault> {
    only(object, &["type", "text", "cache_control", "citations"], inside)?;
    let text = text(object, "text", inside)?;
    let top = path.split('.').next().unwrap_or(path);
    if text.is_empty() {
        return Err(wrong(top, "text content blocks must be non-empty"));
    }
    if text.trim().is_empty() {
        return Err(wrong(top, "text content blocks must contain non-whitespace text"));
    }
    Ok(())
}

fn check_source(object: &Map<String, Value>, inside: &str, kinds: &[&str]) -> Result<(), Fault> {
    const IMAGE_TYPES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];
    let path = format!("{inside}.source");
    let source = object.get("source").ok_or_else(|| wrong(&path, "Field required"))?;
    let source = source.as_object().ok_or_else(|| wrong(&path, "Input should be an object"))?;
    let kind = text(source, "type", &path)?;
    if !kinds.contains(&kind) {
        let tags: Vec<String> = kinds.iter().map(|tag| format!("'{tag}'")).collect();
        return Err(wrong(
            &path,
            &format!(
                "Input tag '{kind}' found using 'type' does not match any of the expected tags: {}",
                tags.join(", ")
            ),
        ));
    }
    let path = format!("{path}.{kind}");
    match kind {
        "base64" => {
            only(source, &["type", "media_type", "data"], &path)?;
            let media_type = text(source, "media_type", &path)?;
            if inside.ends_with(".image") && !IMAGE_TYPES.contains(&media_type) {
                return Err(wrong(
                    &format!("{path}.media_type"),
                    "Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'",
                ));
            }
            if inside.ends_with(".document") && media_type != "application/pdf" {
                return Err(wrong(&format!("{path}.media_type"), "Input should be 'application/pdf'"));
            }
            let data = text(source, "data", &path)?;
            let base64 =
                !data.is_empty() && data.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(&byte));
            if base64 { Ok(()) } else { Err(wrong(&format!("{path}.data"), "Invalid base64 data")) }
        }
        "url" => {
            only(source, &["type", "url"], &path)?;
            let url = text(source, "url", &path)?;
            let http = url.starts_with("https://") || url.starts_with("http://");
            if http { Ok(()) } else { Err(wrong(&format!("{path}.url"), "Only HTTPS URLs are supported.")) }
        }
        _ => Ok(()),
    }
}

fn check_tool_use(object: &Map<String, Value>, inside: &str) -> Result<(), Fault> {
    only(object, &["type", "id", "name", "input", "cache_control", "caller"], inside)?;
    check_id(text(object, "id", inside)?, &format!("{inside}.id"))?;
    let name = text(object, "name", inside)?;
    if name.is_empty() || name.chars().count() > 200 {
        return Err(wrong(&format!("{inside}.name"), "String should have between 1 and 200 characters"));
    }
    match object.get("input") {
        None => Err(wrong(&format!("{inside}.input"), "Field required")),
        Some(Value::Object(_)) => Ok(()),
        Some(_) => Err(wrong(&format!("{inside}.input"), "Input should be a valid dictionary")),
    }
}

fn check_tool_result(object: &Map<String, Value>, path: &str, inside: &str) -> Result<(), Fault> {
    only(object, &["type", "tool_use_id", "content", "is_error", "cache_control"], inside)?;
    check_id(text(object, "tool_use_id", inside)?, &format!("{inside}.tool_use_id"))?;
    if object.get("is_error").is_some_and(|value| !value.is_boolean()) {
        return Err(wrong(&format!("{inside}.is_error"), "Input should be a valid boolean"));
    }
    match object.get("content") {
        None | Some(Value::String(_)) => Ok(()),
        Some(Value::Array(blocks)) => {
            let place = |n: usize| format!("{path}.tool_result.content.{n}");
            blocks.iter().enumerate().try_for_each(|(n, block)| check(block, &place(n), Place::ToolResult))
        }
        Some(_) => Err(wrong(&format!("{inside}.content"), "Input should be a valid string or list of blocks")),
    }
}

fn check_id(id: &str, path: &str) -> Result<(), Fault> {
    let fits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if fits { Ok(()) } else { Err(wrong(path, "String should match pattern '^[a-zA-Z0-9_-]+$'")) }
}

pub(super) fn check_cache_control(control: &Value, path: &str) -> Result<(), Fault> {
    if control.is_null() {
        return Ok(());
    }
    let object = control.as_object().ok_or_else(|| wrong(path, "Input should be an object"))?;
    // `scope` is newer than the SDK's types, and clients send it.
    only(object, &["type", "ttl", "scope"], path)?;
    match object.get("type") {
        None => return Err(wrong(&format!("{path}.type"), "Field required")),
        Some(kind) if kind != "ephemeral" => return Err(wrong(&format!("{path}.type"), "Input should be 'ephemeral'")),
        Some(_) => {}
    }
    match object.get("ttl") {
        Some(ttl) if ttl != "5m" && ttl != "1h" => Err(wrong(&format!("{path}.ttl"), "Input should be '5m' or '1h'")),
        Some(_) | None => Ok(()),
    }
}

/// Cache breakpoints at any depth of content; not inside of tool inputs and schemas, which are the caller's own.
pub(super) fn count_cache_controls(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(count_cache_controls).sum(),
        Value::Object(fields) => {
            let own = usize::from(
                fields.get("cache_control").is_some_and(Value::is_object)
                    && (fields.contains_key("type") || fields.contains_key("name")),
            );
            own + fields.get("content").map_or(0, count_cache_controls)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Only these fields.
pub(super) fn only(object: &Map<String, Value>, known: &[&str], path: &str) -> Result<(), Fault> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(extra(&format!("{path}.{name}"))),
        None => Ok(()),
    }
}

/// A text that must be there.
pub(super) fn text<'a>(object: &'a Map<String, Value>, name: &str, path: &str) -> Result<&'a str, Fault> {
    match object.get(name) {
        None => Err(wrong(&format!("{path}.{name}"), "Field required")),
        Some(value) => value.as_str().ok_or_else(|| wrong(&format!("{path}.{name}"), "Input should be a valid string")),
    }
}
