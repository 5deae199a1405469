//! What Cohere refuses in a chat request, in its words, and what the answer needs to know of it.

use serde_json::{Map, Value};

use super::error::{invalid, of};
use super::messages::{self, only};
use crate::fault::Fault;
use crate::turn::{self, Asked};

/// A request as far as the answer depends on it.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) asked: Asked,
    pub(crate) logprobs: bool,
    /// The first document, if answers are to cite.
    pub(crate) cited: Option<Value>,
}

const FIELDS: [&str; 22] = [
    "stream",
    "model",
    "messages",
    "tools",
    "strict_tools",
    "documents",
    "citation_options",
    "response_format",
    "safety_mode",
    "max_tokens",
    "stop_sequences",
    "temperature",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "k",
    "p",
    "logprobs",
    "tool_choice",
    "thinking",
    "priority",
    "return_prompt",
];
/// Numbers and where they must lie.
const RANGES: [(&str, f64, f64); 8] = [
    ("temperature", 0.0, 1.0),
    ("frequency_penalty", 0.0, 1.0),
    ("presence_penalty", 0.0, 1.0),
    ("k", 0.0, 500.0),
    ("p", 0.01, 0.99),
    ("max_tokens", 1.0, 1e9),
    ("priority", 0.0, 999.0),
    ("seed", 0.0, 1.9e19),
];
const WORDS: [(&str, &[&str]); 2] =
    [("tool_choice", &["REQUIRED", "NONE"]), ("safety_mode", &["CONTEXTUAL", "STRICT", "OFF"])];

/// Parses and judges a body.
///
/// # Errors
/// The refusal of the API.
pub(crate) fn parse(body: &[u8], validate: bool) -> Result<Request, Fault> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| of(400, format!("invalid json syntax: {error}")))?;
    let request = value.as_object().ok_or_else(|| of(400, "invalid json syntax: expected an object"))?;
    if validate {
        check(request)?;
    }
    Ok(understand(request))
}

fn check(request: &Map<String, Value>) -> Result<(), Fault> {
    only(request, &FIELDS, "")?;
    if request.get("model").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(of(400, "a model parameter is required for this endpoint."));
    }
    let messages = request.get("messages").and_then(Value::as_array).filter(|list| !list.is_empty());
    messages::check(messages.ok_or_else(|| invalid("messages must not be empty"))?)?;
    for (name, least, most) in RANGES {
        let value = request.get(name).filter(|value| !value.is_null());
        let fits = |value: &Value| value.as_f64().is_some_and(|number| (least..=most).contains(&number));
        if !value.is_none_or(fits) {
            return Err(invalid(format!("{name} must be between {least} and {most} inclusive.")));
        }
    }
    for name in ["stream", "strict_tools", "logprobs"] {
        if request.get(name).is_some_and(|value| !value.is_boolean() && !value.is_null()) {
            return Err(invalid(format!("{name} must be a boolean")));
        }
    }
    for (name, words) in WORDS {
        let value = request.get(name).filter(|value| !value.is_null());
        if value.is_some_and(|value| !value.as_str().is_some_and(|word| words.contains(&word))) {
            return Err(invalid(format!("{name} must be one of: {}", words.join(", "))));
        }
    }
    check_stops(request)?;
    check_tools(request)?;
    check_documents(request)?;
    check_format(request)?;
    check_thinking(request)
}

fn check_stops(request: &Map<String, Value>) -> Result<(), Fault> {
    let Some(stops) = request.get("stop_sequences").filter(|stops| !stops.is_null()) else { return Ok(()) };
    let list = stops.as_array().filter(|list| list.len() <= 5 && list.iter().all(Value::is_string));
    list.map(|_| ()).ok_or_else(|| invalid("stop_sequences must be a list of at most 5 strings"))
}

fn check_tools(request: &Map<String, Value>) -> Result<(), Fault> {
    let tools = list(request, "tools")?;
    if tools.is_empty() {
        let forced = request.get("tool_choice").is_some_and(|choice| choice == "REQUIRED");
        let strict = request.get("strict_tools") == Some(&Value::Bool(true));
        return match forced || strict {
            true => Err(invalid("tools must be provided with tool_choice or strict_tools.")),
            false => Ok(()),
        };
    }
    for (n, tool) in tools.iter().enumerate() {
        let path = format!("tools[{n}]");
        let object = tool.as_object().ok_or_else(|| invalid(format!("{path} must be an object")))?;
        only(object, &["type", "function"], &path)?;
        let function = tool["function"].as_object().filter(|_| tool["type"] == "function");
        let function = function.ok_or_else(|| invalid(format!("{path} must be of type function")))?;
        only(function, &["name", "description", "parameters"], &format!("{path}.function"))?;
        let name = tool.pointer("/function/name").and_then(Value::as_str).unwrap_or_default();
        let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if name.is_empty() || !fits || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(invalid(format!(
                "tool names can only contain certain characters (A-Za-z0-9_) and can't begin with a digit (provided name: '{name}')."
            )));
        }
        if tool.pointer("/function/parameters/type") != Some(&Value::from("object")) {
            return Err(of(400, "schema must be an object"));
        }
    }
    Ok(())
}

fn check_documents(request: &Map<String, Value>) -> Result<(), Fault> {
    let documents = list(request, "documents")?;
    for (n, document) in documents.iter().enumerate() {
        if !(document.is_string() || messages::is_document(document)) {
            return Err(invalid(format!("document at index {n} must be a string or an object with data")));
        }
    }
    let Some(options) = request.get("citation_options").and_then(Value::as_object) else { return Ok(()) };
    only(options, &["mode"], "citation_options")?;
    let mode = options.get("mode").and_then(Value::as_str).unwrap_or("ENABLED").to_ascii_uppercase();
    match mode.as_str() {
        "ENABLED" | "DISABLED" | "FAST" | "ACCURATE" | "OFF" => Ok(()),
        _ => Err(invalid("citation_options.mode must be one of: ENABLED, DISABLED, FAST, ACCURATE, OFF")),
    }
}

fn check_format(request: &Map<String, Value>) -> Result<(), Fault> {
    let Some(format) = request.get("response_format").filter(|format| !format.is_null()) else { return Ok(()) };
    let object = format.as_object().ok_or_else(|| invalid("response_format must be an object"))?;
    only(object, &["type", "json_schema"], "response_format")?;
    match (format["type"].as_str(), object.get("json_schema")) {
        (Some("text"), None) => return Ok(()),
        (Some("json_object"), None | Some(Value::Object(_))) => {}
        _ => return Err(invalid("response_format.type must be one of: text, json_object")),
    }
    if !list(request, "documents")?.is_empty() {
        return Err(invalid("response_format is not supported with RAG."));
    }
    match list(request, "tools")?.is_empty() {
        true => Ok(()),
        false => Err(invalid("response_format is not supported with tools.")),
    }
}

fn check_thinking(request: &Map<String, Value>) -> Result<(), Fault> {
    let Some(thinking) = request.get("thinking").filter(|thinking| !thinking.is_null()) else { return Ok(()) };
    let object = thinking.as_object().ok_or_else(|| invalid("thinking must be an object"))?;
    only(object, &["type", "token_budget"], "thinking")?;
    if !matches!(thinking["type"].as_str(), Some("enabled" | "disabled")) {
        return Err(invalid("thinking.type must be one of: enabled, disabled"));
    }
    match object.get("token_budget").is_none_or(|budget| budget.as_u64().is_some_and(|budget| budget > 0)) {
        true => Ok(()),
        false => Err(invalid("thinking.token_budget must be a positive integer")),
    }
}

fn list<'r>(request: &'r Map<String, Value>, name: &str) -> Result<&'r [Value], Fault> {
    match request.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(invalid(format!("{name} must be a list"))),
    }
}

fn understand(request: &Map<String, Value>) -> Request {
    let field = |name: &str| request.get(name).unwrap_or(&Value::Null);
    let read: usize = ["messages", "tools", "documents"].iter().map(|name| turn::prompt_bytes(field(name))).sum();
    let texts = |name: &str| field(name).as_array().map(Vec::as_slice).unwrap_or_default();
    let format = field("response_format");
    let schema = (format["type"] == "json_object")
        .then(|| format.get("json_schema").cloned().unwrap_or_else(turn::any_object_schema));
    let forced = texts("tools").first().filter(|_| field("tool_choice") == "REQUIRED").map(|tool| &tool["function"]);
    let forced = forced.map(|tool| (tool["name"].as_str().unwrap_or_default().to_owned(), tool["parameters"].clone()));
    let mode = field("citation_options")["mode"].as_str().unwrap_or_default().to_ascii_uppercase();
    let cites = mode != "OFF" && mode != "DISABLED";
    Request {
        asked: Asked {
            model: field("model").as_str().unwrap_or_default().to_owned(),
            stream: field("stream").as_bool().unwrap_or(false),
            last_user_text: messages::last_user_text(field("messages")),
            prompt_tokens: turn::tokens(read),
            forced_tool: forced,
            answer_schema: schema,
            stop: texts("stop_sequences").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            output_tokens_max: field("max_tokens").as_u64(),
            thinking: field("thinking")["type"] == "enabled",
        },
        logprobs: field("logprobs").as_bool().unwrap_or(false),
        cited: texts("documents").first().filter(|_| cites).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(fields: Value) -> Value {
        let mut request = json!({"model": "command-a-03-2025", "messages": [{"role": "user", "content": "hi"}]});
        if let (Some(request), Value::Object(fields)) = (request.as_object_mut(), fields) {
            request.extend(fields);
        }
        request
    }

    fn refused(request: &Value, status: u16, message: &str) {
        let fault = parse(request.to_string().as_bytes(), true).expect_err(&request.to_string());
        assert!(fault.status == status && fault.message.contains(message), "{request}: {fault:?}");
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let tool =
            |name: &str, schema: Value| json!([{"type": "function", "function": {"name": name, "parameters": schema}}]);
        let good = tool("f", json!({"type": "object"}));
        for (request, status, message) in [
            (json!({}), 400, "a model parameter is required"),
            (json!({"model": "m"}), 400, "messages must not be empty"),
            (with(json!({"top_p": 1})), 422, "parameter 'top_p' is not a valid field"),
            (with(json!({"temperature": 1.5})), 400, "temperature must be between 0 and 1 inclusive."),
            (with(json!({"p": 1})), 400, "p must be between 0.01 and 0.99"),
            (with(json!({"k": 501})), 400, "k must be between"),
            (with(json!({"seed": -1})), 400, "seed must be between"),
            (with(json!({"stop_sequences": ["a", "b", "c", "d", "e", "f"]})), 400, "at most 5"),
            (with(json!({"tool_choice": "auto"})), 400, "tool_choice must be one of: REQUIRED, NONE"),
            (with(json!({"tool_choice": "REQUIRED"})), 400, "tools must be provided"),
            (
                with(json!({"tools": tool("get-weather", json!({"type": "object"}))})),
                400,
                "tool names can only contain",
            ),
            (with(json!({"tools": tool("f", json!({}))})), 400, "schema must be an object"),
            (with(json!({"tools": good, "response_format": {"type": "json_object"}})), 400, "not supported with tools"),
            (
                with(json!({"documents": ["a"], "response_format": {"type": "json_object"}})),
                400,
                "not supported with RAG",
            ),
            (with(json!({"documents": [{"text": "a"}]})), 400, "document at index 0"),
            (with(json!({"response_format": {"type": "json_schema"}})), 400, "response_format.type"),
            (with(json!({"thinking": {"type": "enabled", "token_budget": 0}})), 400, "token_budget"),
            (with(json!({"citation_options": {"mode": "LOUD"}})), 400, "citation_options.mode"),
        ] {
            refused(&request, status, message);
        }
        let messages = |messages: Value| with(json!({"messages": messages}));
        let call = json!({"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}});
        let user = json!({"role": "user", "content": "hi"});
        for (list, status, message) in [
            (json!([{"role": "developer", "content": "x"}]), 400, "role must be one of"),
            (json!([user, {"role": "system", "content": "x"}]), 400, "system turn must be the first in the list"),
            (json!([{"role": "user", "content": ""}]), 400, "message must not be empty in a turn"),
            (json!([user, {"role": "assistant"}]), 400, "message must not be empty in a turn"),
            (json!([{"role": "user", "content": "x", "name": "n"}]), 422, "'messages[0].name' is not a valid field"),
            (
                json!([{"role": "user", "content": [{"type": "thinking", "thinking": "x"}]}]),
                400,
                "content[0].type must be",
            ),
            (
                json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]),
                400,
                "image_url",
            ),
            (json!([user, {"role": "tool", "content": "x"}]), 400, "tool call id must be provided with tool message"),
            (
                json!([user, {"role": "tool", "tool_call_id": "z", "content": "x"}]),
                400,
                "not found in previous tool calls",
            ),
            (json!([user, {"role": "assistant", "tool_calls": [call, call]}]), 400, "duplicate tool ids"),
            (json!([user, {"role": "assistant", "tool_calls": [{"id": "a", "type": "x"}]}]), 400, "of type function"),
        ] {
            refused(&messages(list), status, message);
        }
    }

    #[test]
    fn what_the_api_takes_is_taken() {
        let request = json!({
            "model": "m", "stream": true, "logprobs": true, "documents": [{"id": "d", "data": {"text": "x"}}],
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}]},
                {"role": "assistant", "tool_plan": "p", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "a", "content": [{"type": "document", "document": {"data": "{}"}}]},
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "x"}], "citations": []},
                {"role": "user", "content": "and?"},
            ],
            "thinking": {"type": "enabled", "token_budget": 5}, "max_tokens": 9, "seed": 18_446_744_073_709_551_615_u64,
            "citation_options": {"mode": "fast"}, "safety_mode": "STRICT", "priority": 1, "k": 0, "p": 0.75,
        });
        let request = parse(request.to_string().as_bytes(), true).expect("valid");
        assert_eq!(request.asked.last_user_text, "and?");
        assert!(request.asked.thinking && request.logprobs && request.cited.is_some());
    }
}
