//! Content blocks: a union, so each has one member, whose name is its type.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::error::{invalid, of_model};
use super::request::{constraint, only, wrong_type};
use crate::anthropic::signature;
use crate::fault::Fault;

const USER: [&str; 9] =
    ["text", "image", "document", "video", "audio", "toolResult", "guardContent", "cachePoint", "searchResult"];
const ASSISTANT: [&str; 5] = ["text", "toolUse", "reasoningContent", "cachePoint", "citationsContent"];
const RESULT: [&str; 6] = ["text", "json", "image", "document", "video", "searchResult"];
const IMAGES: [&str; 4] = ["png", "jpeg", "gif", "webp"];
const DOCUMENTS: [&str; 9] = ["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"];
const VIDEOS: [&str; 9] = ["mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"];
const SOUNDS: [&str; 15] =
    ["mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga", "pcm", "webm"];
const ID_MAX: usize = 64;
const DOCUMENT_NAME_MAX: usize = 200;

pub(super) fn check_system(block: &Value, path: &str) -> Result<(), Fault> {
    let (kind, value) = member(block, path, &["text", "guardContent", "cachePoint"])?;
    check_member(kind, value, path, &mut HashSet::new())
}

/// A block of a message; `names` are those of the documents so far.
pub(super) fn check(block: &Value, path: &str, is_user: bool, names: &mut HashSet<String>) -> Result<(), Fault> {
    let allowed: &[&str] = if is_user { &USER } else { &ASSISTANT };
    let (kind, value) = member(block, path, allowed)?;
    check_member(kind, value, path, names)
}

/// The one member of a union.
fn member<'a>(block: &'a Value, path: &str, allowed: &[&str]) -> Result<(&'a str, &'a Value), Fault> {
    let fields = block.as_object().ok_or_else(|| wrong_type(path))?;
    only(fields, allowed, &format!("/{path}"))?;
    let mut members = fields.iter();
    match (members.next(), members.next()) {
        (Some((kind, value)), None) => Ok((kind, value)),
        _ => Err(invalid(format!(
            "Malformed input request: #/{path}: expected exactly one member of the union to be set"
        ))),
    }
}

fn check_member(kind: &str, value: &Value, path: &str, names: &mut HashSet<String>) -> Result<(), Fault> {
    let at = format!("{path}.{kind}");
    match kind {
        "text" => {
            let text = value.as_str().ok_or_else(|| wrong_type(&at))?;
            if text.trim().is_empty() {
                return Err(invalid(format!(
                    "The text field in the ContentBlock object at {path} is blank. Add text to the text field, and try again."
                )));
            }
            Ok(())
        }
        "json" => {
            let message = "is invalid. Provide a json object for the field and try again.";
            if value.is_object() { Ok(()) } else { Err(invalid(format!("The format of the value at {at} {message}"))) }
        }
        "image" => check_medium(value, &at, &IMAGES, &["format", "source"]),
        "video" => check_medium(value, &at, &VIDEOS, &["format", "source"]),
        "audio" => check_medium(value, &at, &SOUNDS, &["format", "source"]),
        "document" => {
            check_medium(value, &at, &DOCUMENTS, &["format", "name", "source", "context", "citations"])?;
            check_name(value.get("name"), &at, names)
        }
        "toolUse" => check_tool_use(value, &at),
        "toolResult" => check_tool_result(value, &at, names),
        "reasoningContent" => check_thought(value, path, &at),
        "cachePoint" => {
            let point = object(value, &at)?;
            only(point, &["type", "ttl"], &format!("/{at}"))?;
            if point.get("type").is_none_or(|kind| kind != "default") {
                return Err(constraint(&format!("{at}.type"), "Member must satisfy enum value set: [default]"));
            }
            if point.get("ttl").is_some_and(|ttl| ttl != "5m" && ttl != "1h") {
                return Err(constraint(&format!("{at}.ttl"), "Member must satisfy enum value set: [5m, 1h]"));
            }
            Ok(())
        }
        // Their insides are not looked at.
        _ => object(value, &at).map(|_| ()),
    }
}

fn object<'a>(value: &'a Value, path: &str) -> Result<&'a Map<String, Value>, Fault> {
    value.as_object().ok_or_else(|| wrong_type(path))
}

fn check_medium(value: &Value, path: &str, formats: &[&str], known: &[&str]) -> Result<(), Fault> {
    let fields = object(value, path)?;
    only(fields, known, &format!("/{path}"))?;
    let format = fields.get("format").and_then(Value::as_str).unwrap_or_default();
    if !formats.contains(&format) {
        let rule = format!("Member must satisfy enum value set: [{}]", formats.join(", "));
        return Err(constraint(&format!("{path}.format"), &rule));
    }
    let source =
        fields.get("source").ok_or_else(|| constraint(&format!("{path}.source"), "Member must not be null"))?;
    let (kind, source) = member(source, &format!("{path}.source"), &["bytes", "s3Location", "text", "content"])?;
    let text = source.as_str();
    match kind {
        "bytes" if text.is_none_or(|text| text.is_empty() || STANDARD.decode(text).is_err()) => {
            Err(invalid(format!("The image bytes at {path}.source.bytes are not valid base64")))
        }
        "s3Location" if source.get("uri").and_then(Value::as_str).is_none_or(|uri| !uri.starts_with("s3://")) => {
            Err(constraint(
                &format!("{path}.source.s3Location.uri"),
                "Member must satisfy regular expression pattern: s3://...",
            ))
        }
        "text" if text.is_none() || !path.ends_with(".document") => Err(wrong_type(&format!("{path}.source.text"))),
        _ => Ok(()),
    }
}

fn check_name(name: Option<&Value>, path: &str, names: &mut HashSet<String>) -> Result<(), Fault> {
    let name = name.and_then(Value::as_str).filter(|name| (1..=DOCUMENT_NAME_MAX).contains(&name.chars().count()));
    let name = name.ok_or_else(|| constraint(&format!("{path}.name"), "Member must have length between 1 and 200"))?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c.is_whitespace() || "-()[]".contains(c);
    let twice = name.chars().zip(name.chars().skip(1)).any(|(a, b)| a.is_whitespace() && b.is_whitespace());
    if twice || !name.chars().all(fits) {
        return Err(invalid(
            "The document file name can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, and \
             square brackets. The name can't contain more than one consecutive whitespace character. Edit your file name and try \
             again.",
        ));
    }
    if names.insert(name.to_owned()) {
        Ok(())
    } else {
        Err(invalid("Conversation contains duplicate document names. Edit your file names and try again."))
    }
}

fn check_tool_use(value: &Value, path: &str) -> Result<(), Fault> {
    let fields = object(value, path)?;
    only(fields, &["toolUseId", "name", "input"], &format!("/{path}"))?;
    check_id(fields, path)?;
    check_tool_name(fields.get("name"), &format!("{path}.name"))?;
    if fields.get("input").is_some_and(Value::is_object) {
        return Ok(());
    }
    let message = "is invalid. Provide a json object for the field and try again.";
    Err(invalid(format!("The format of the value at {path}.input {message}")))
}

fn check_tool_result(value: &Value, path: &str, names: &mut HashSet<String>) -> Result<(), Fault> {
    let fields = object(value, path)?;
    only(fields, &["toolUseId", "content", "status"], &format!("/{path}"))?;
    check_id(fields, path)?;
    if fields.get("status").is_some_and(|status| status != "success" && status != "error") {
        return Err(constraint(&format!("{path}.status"), "Member must satisfy enum value set: [success, error]"));
    }
    let content = fields.get("content").and_then(Value::as_array);
    let content = content.ok_or_else(|| constraint(&format!("{path}.content"), "Member must not be null"))?;
    for (n, block) in content.iter().enumerate() {
        let path = format!("{path}.content.{n}");
        let (kind, value) = member(block, &path, &RESULT)?;
        check_member(kind, value, &path, names)?;
    }
    Ok(())
}

fn check_id(fields: &Map<String, Value>, path: &str) -> Result<(), Fault> {
    let id = fields.get("toolUseId").and_then(Value::as_str).unwrap_or_default();
    let fits = (1..=ID_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte));
    if fits {
        return Ok(());
    }
    let rule = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.:-]+";
    Err(constraint(&format!("{path}.toolUseId"), rule))
}

/// A tool's name: letters, digits, `_` and `-`, at most 64.
pub(super) fn check_tool_name(name: Option<&Value>, path: &str) -> Result<(), Fault> {
    let name = name.and_then(Value::as_str).unwrap_or_default();
    let fits = (1..=ID_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let rule = "Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+";
    if fits { Ok(()) } else { Err(constraint(path, rule)) }
}

/// A thought that comes back is what the model signed.
fn check_thought(value: &Value, path: &str, at: &str) -> Result<(), Fault> {
    let (kind, thought) = member(value, at, &["reasoningText", "redactedContent"])?;
    if kind == "redactedContent" {
        let bytes = thought.as_str().is_some_and(|data| STANDARD.decode(data).is_ok());
        return if bytes { Ok(()) } else { Err(wrong_type(&format!("{at}.redactedContent"))) };
    }
    let text = |name: &str| thought.get(name).and_then(Value::as_str).unwrap_or_default();
    if signature::is_valid(text("signature"), text("text")) {
        Ok(())
    } else {
        Err(of_model(&format!("{path}: Invalid `signature` in `thinking` block")))
    }
}
