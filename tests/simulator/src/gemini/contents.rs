//! The conversation: roles, parts, calls and what answers them, signatures.

use serde_json::Value;

use super::error::{field, invalid};
use super::signature;
use super::url::{Call, House};
use crate::fault::Fault;

/// What the models take in a request. <https://ai.google.dev/gemini-api/docs/file-input-methods>
const MEDIA_TYPES: [&str; 34] = [
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/heic",
    "image/heif",
    "image/bmp",
    "application/pdf",
    "application/json",
    "text/plain",
    "text/html",
    "text/css",
    "text/csv",
    "text/xml",
    "text/markdown",
    "text/rtf",
    "text/javascript",
    "text/x-python",
    "audio/wav",
    "audio/mp3",
    "audio/mpeg",
    "audio/aiff",
    "audio/aac",
    "audio/ogg",
    "audio/flac",
    "audio/m4a",
    "video/mp4",
    "video/mpeg",
    "video/mov",
    "video/quicktime",
    "video/avi",
    "video/x-flv",
    "video/webm",
    "video/wmv",
    "video/3gpp",
];

/// # Errors
/// The refusal of the API.
pub(super) fn check(body: &Value, call: &Call) -> Result<(), Fault> {
    let contents = body["contents"].as_array().filter(|contents| !contents.is_empty());
    let contents = contents.ok_or_else(|| field("contents", "contents is not specified"))?;
    for (n, content) in contents.iter().enumerate() {
        check_role(content, contents.len())?;
        check_parts(content, &format!("contents[{n}]"), call)?;
    }
    if let Some(system) = body.get("systemInstruction") {
        check_parts(system, "system_instruction", call)?;
        if parts(system).iter().any(|part| part.get("text").is_none()) {
            return Err(invalid("System instruction only supports text parts."));
        }
    }
    check_calls(contents)?;
    if call.is_new() { check_signatures(contents, call) } else { Ok(()) }
}

fn check_role(content: &Value, contents: usize) -> Result<(), Fault> {
    match content.get("role").and_then(Value::as_str) {
        Some("user" | "model" | "function") => Ok(()),
        None | Some("") if contents == 1 => Ok(()),
        None | Some(_) => Err(invalid("Please use a valid role: user, model.")),
    }
}

/// The kinds of data of which a part has one.
const DATA: [&str; 9] = [
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
];

fn check_parts(content: &Value, path: &str, call: &Call) -> Result<(), Fault> {
    if parts(content).is_empty() {
        return Err(field(&format!("{path}.parts"), "contents.parts must not be empty."));
    }
    for (n, part) in parts(content).iter().enumerate() {
        let path = format!("{path}.parts[{n}]");
        match DATA.iter().filter(|kind| part.get(**kind).is_some()).count() {
            1 => {}
            0 => {
                return Err(field(
                    &format!("{path}.data"),
                    "required oneof field 'data' must have one initialized field",
                ));
            }
            _ => {
                let message = format!("Invalid value at '{path}' (oneof), oneof field 'data' is already set.");
                return Err(invalid(message));
            }
        }
        let is_empty = part["text"] == "" && part.get("thoughtSignature").is_none();
        if is_empty && call.house == House::Vertex {
            return Err(invalid(
                "Unable to submit request because it must have a text parameter. Add a text parameter and try again.",
            ));
        }
        check_media(part, &path, call)?;
        for response in [&part["functionResponse"]] {
            for part in parts(response) {
                check_media(part, &path, call)?;
            }
        }
        for (kind, spelled) in [("functionCall", "function_call"), ("functionResponse", "function_response")] {
            if part.get(kind).is_some_and(|data| data["name"].as_str().unwrap_or_default().is_empty()) {
                return Err(field(&format!("{path}.{spelled}.name"), "Name cannot be empty."));
            }
        }
    }
    Ok(())
}

fn check_media(part: &Value, path: &str, call: &Call) -> Result<(), Fault> {
    if let Some(blob) = part.get("inlineData") {
        let kind = blob["mimeType"].as_str().unwrap_or_default();
        if !MEDIA_TYPES.contains(&kind) {
            return Err(invalid(format!("Unsupported MIME type: {kind}")));
        }
        if blob["data"].as_str().unwrap_or_default().is_empty() {
            return Err(field(&format!("{path}.inline_data.data"), "data is required"));
        }
    }
    if let Some(file) = part.get("fileData") {
        let uri = file["fileUri"].as_str().unwrap_or_default();
        let is_web = uri.starts_with("https://") || uri.starts_with("http://");
        match call.house {
            House::Studio if !is_web => return Err(invalid(format!("Unsupported file URI type: {uri}"))),
            House::Vertex if file["mimeType"].as_str().unwrap_or_default().is_empty() => {
                return Err(invalid("Unable to submit request because it must have a mimeType parameter in fileData."));
            }
            House::Vertex if !is_web && !uri.starts_with("gs://") => {
                return Err(invalid(format!("Invalid file URI: {uri}")));
            }
            House::Studio | House::Vertex => {}
        }
    }
    Ok(())
}

/// Calls stand behind a user's turn or a function's, answers right behind their calls and as many as they.
fn check_calls(contents: &[Value]) -> Result<(), Fault> {
    let mut open = 0;
    for (n, content) in contents.iter().enumerate() {
        let count = |kind: &str| parts(content).iter().filter(|part| part.get(kind).is_some()).count();
        let (calls, answers) = (count("functionCall"), count("functionResponse"));
        let is_model = content["role"] == "model";
        if answers > 0 && (is_model || open == 0) {
            return Err(invalid(
                "Please ensure that function response turn comes immediately after a function call turn.",
            ));
        }
        if answers != open {
            return Err(invalid(
                "Please ensure that the number of function response parts is equal to the number of function call parts of \
                 the function call turn.",
            ));
        }
        let after_model =
            n.checked_sub(1).and_then(|before| contents.get(before)).is_none_or(|before| before["role"] == "model");
        if calls > 0 && (!is_model || after_model) {
            return Err(invalid(
                "Please ensure that function call turn comes immediately after a user turn or after a function response \
                 turn.",
            ));
        }
        open = calls;
    }
    Ok(())
}

/// Gemini 3: the first call of each step of the current turn is signed, and no signature belongs to something else.
fn check_signatures(contents: &[Value], call: &Call) -> Result<(), Fault> {
    let spoke_last = contents.iter().rposition(|content| {
        content["role"] != "model"
            && parts(content).iter().any(|part| part.get("functionResponse").is_none())
            && parts(content).iter().all(|part| part.get("functionResponse").is_none())
    });
    for (n, content) in contents.iter().enumerate() {
        let mut is_first = true;
        for part in parts(content) {
            let signature = part["thoughtSignature"].as_str();
            let Some(called) = part.get("functionCall") else {
                if signature.is_some_and(|signature| !signature::is_ours(signature)) {
                    return Err(invalid("Thought signature is not valid."));
                }
                continue;
            };
            let name = called["name"].as_str().unwrap_or_default();
            match signature {
                Some(signature) if !signature::fits_call(signature, name, &called["args"]) => {
                    return Err(invalid("Thought signature is not valid."));
                }
                None if is_first && spoke_last.is_some_and(|last| n > last) => return Err(unsigned(name, n + 1, call)),
                Some(_) | None => {}
            }
            is_first = false;
        }
    }
    Ok(())
}

fn unsigned(name: &str, position: usize, call: &Call) -> Fault {
    invalid(match call.house {
        House::Studio => format!(
            "Function call is missing a thought_signature in functionCall parts. This is required for tools to work \
             correctly, and missing thought_signature may lead to degraded model performance. Additional data, function \
             call `default_api:{name}` , position {position}. Please refer to \
             https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
        ),
        House::Vertex => format!(
            "Unable to submit request because function call `{name}` in the {position}. content block is missing a \
             `thought_signature`. Learn more: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/thought-signatures"
        ),
    })
}

pub(super) fn parts(content: &Value) -> &[Value] {
    content["parts"].as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn last_user_text(body: &Value) -> String {
    let contents = body["contents"].as_array().into_iter().flatten().rev();
    let texts = contents.filter(|content| content["role"] != "model").find_map(|content| {
        let texts: Vec<&str> = parts(content).iter().filter_map(|part| part["text"].as_str()).collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    });
    texts.unwrap_or_default()
}
