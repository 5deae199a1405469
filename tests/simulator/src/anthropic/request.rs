//! What Anthropic refuses in a Messages request, in its words, and what the answer needs to know of it.

use serde_json::{Map, Value};

use super::{blocks, conversation, thinking, tools};
use crate::fault::Fault;
use crate::turn::{self, Asked};

/// A request as far as the answer depends on it.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) asked: Asked,
    /// Thinking is done but not shown: an empty text with a signature.
    pub(crate) omit_thinking: bool,
}

/// Fields of the API, and of its beta.
const FIELDS: [&str; 27] = [
    "model",
    "messages",
    "max_tokens",
    "cache_control",
    "container",
    "inference_geo",
    "metadata",
    "output_config",
    "service_tier",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
    "context_management",
    "diagnostics",
    "fallback_credit_token",
    "fallbacks",
    "mcp_servers",
    "output_format",
    "speed",
    "user_profile_id",
    "betas",
];
/// Of those, the ones that need an `anthropic-beta` header.
const BETA_FIELDS: [&str; 7] = [
    "context_management",
    "diagnostics",
    "fallback_credit_token",
    "fallbacks",
    "mcp_servers",
    "output_format",
    "speed",
];
/// Fields of a request that only counts, and of its beta.
const COUNT_FIELDS: [&str; 8] =
    ["model", "messages", "cache_control", "output_config", "system", "thinking", "tool_choice", "tools"];
const COUNT_BETA_FIELDS: [&str; 4] = ["context_management", "mcp_servers", "output_format", "speed"];
const CACHE_BREAKPOINTS_MAX: usize = 4;

/// Parses and judges a body.
///
/// # Errors
/// The refusal of the API.
pub(crate) fn parse(body: &[u8], beta: bool, validate: bool) -> Result<Request, Fault> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Fault::invalid(format!("The request body is not valid JSON: {error}")))?;
    let request = value.as_object().ok_or_else(|| Fault::invalid("Input should be a valid dictionary"))?;
    if validate {
        check(request, beta)?;
    }
    Ok(understand(request))
}

/// The prompt's tokens, for a request of `/v1/messages/count_tokens`: what would be read, and nothing of how to answer.
/// <https://platform.claude.com/docs/en/api/messages/count_tokens>
///
/// # Errors
/// The refusal of the API.
pub(crate) fn count(body: &[u8], beta: bool, validate: bool) -> Result<u64, Fault> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Fault::invalid(format!("The request body is not valid JSON: {error}")))?;
    let request = value.as_object().ok_or_else(|| Fault::invalid("Input should be a valid dictionary"))?;
    if validate {
        let known = |name: &str| COUNT_FIELDS.contains(&name) || (beta && COUNT_BETA_FIELDS.contains(&name));
        check_fields(request, &["model", "messages"], known)?;
        check_content(request)?;
    }
    Ok(understand(request).asked.prompt_tokens)
}

fn check(request: &Map<String, Value>, beta: bool) -> Result<(), Fault> {
    // `betas` and `user_profile_id` travel as headers; in the body they are not known.
    let known = |name: &str| {
        FIELDS.contains(&name) && !matches!(name, "betas" | "user_profile_id") && (beta || !BETA_FIELDS.contains(&name))
    };
    check_fields(request, &["model", "messages", "max_tokens"], known)?;
    check_content(request)
}

fn check_fields(request: &Map<String, Value>, required: &[&str], known: impl Fn(&str) -> bool) -> Result<(), Fault> {
    if let Some(name) = required.iter().find(|name| !request.contains_key(**name)) {
        return Err(Fault::invalid(format!("{name}: Field required")));
    }
    request.keys().find(|name| !known(name)).map_or(Ok(()), |name| Err(extra(name)))
}

fn check_content(request: &Map<String, Value>) -> Result<(), Fault> {
    check_scalars(request)?;
    check_metadata(request)?;
    check_stop_sequences(request)?;
    check_system(request)?;
    check_output(request)?;
    tools::check(request)?;
    let messages = request
        .get("messages")
        .and_then(Value::as_array)
        .ok_or_else(|| wrong("messages", "Input should be a valid list"))?;
    if messages.is_empty() {
        return Err(wrong("messages", "at least one message is required"));
    }
    conversation::check(messages)?;
    thinking::check(request, messages)?;
    check_cache_control(request)
}

fn check_scalars(request: &Map<String, Value>) -> Result<(), Fault> {
    let model =
        request.get("model").and_then(Value::as_str).ok_or_else(|| wrong("model", "Input should be a valid string"))?;
    if model.is_empty() {
        return Err(wrong("model", "String should have at least 1 character"));
    }
    let whole = |name: &str, least: i64| match request.get(name) {
        None => Ok(()),
        Some(value) => match value.as_i64() {
            Some(n) if n >= least => Ok(()),
            Some(_) => Err(wrong(name, &format!("Input should be greater than or equal to {least}"))),
            None => Err(wrong(name, "Input should be a valid integer")),
        },
    };
    whole("max_tokens", 1)?;
    whole("top_k", 0)?;
    for name in ["temperature", "top_p"] {
        match request.get(name).map(Value::as_f64) {
            None => {}
            Some(None) => return Err(wrong(name, "Input should be a valid number")),
            Some(Some(n)) if (0.0..=1.0).contains(&n) => {}
            Some(Some(_)) => return Err(wrong(name, "range: 0..1")),
        }
    }
    if let Some(value) = request.get("stream").filter(|value| !value.is_boolean()) {
        return Err(wrong("stream", &format!("Input should be a valid boolean, got {value}")));
    }
    let tier = request.get("service_tier");
    if tier.is_some_and(|tier| tier != "auto" && tier != "standard_only") {
        return Err(wrong("service_tier", "Input should be 'auto' or 'standard_only'"));
    }
    let both = request.contains_key("temperature") && request.contains_key("top_p");
    if both && one_sampler_only(model) {
        return Err(Fault::invalid(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        ));
    }
    Ok(())
}

/// Claude Opus 4.1 and all later models take temperature or top_p, not both.
fn one_sampler_only(model: &str) -> bool {
    ["opus-4-1", "-4-5", "-4-6", "-4-7", "-4-8", "-5"].iter().any(|mark| model.contains(mark))
        && !model.contains("claude-3")
}

fn check_metadata(request: &Map<String, Value>) -> Result<(), Fault> {
    let Some(metadata) = request.get("metadata") else { return Ok(()) };
    let metadata = metadata.as_object().ok_or_else(|| wrong("metadata", "Input should be an object"))?;
    for (name, value) in metadata {
        if name != "user_id" {
            return Err(extra(&format!("metadata.{name}")));
        }
        if !value.is_null() && !value.is_string() {
            return Err(wrong("metadata.user_id", "Input should be a valid string"));
        }
    }
    Ok(())
}

fn check_stop_sequences(request: &Map<String, Value>) -> Result<(), Fault> {
    let Some(sequences) = request.get("stop_sequences") else { return Ok(()) };
    let sequences = sequences.as_array().ok_or_else(|| wrong("stop_sequences", "Input should be a valid list"))?;
    for (n, sequence) in sequences.iter().enumerate() {
        let text =
            sequence.as_str().ok_or_else(|| wrong(&format!("stop_sequences.{n}"), "Input should be a valid string"))?;
        if text.trim().is_empty() {
            return Err(wrong("stop_sequences", "each stop sequence must contain non-whitespace"));
        }
    }
    Ok(())
}

fn check_system(request: &Map<String, Value>) -> Result<(), Fault> {
    match request.get("system") {
        None | Some(Value::String(_)) => Ok(()),
        Some(Value::Array(items)) => items
            .iter()
            .enumerate()
            .try_for_each(|(n, block)| blocks::check(block, &format!("system.{n}"), blocks::Place::System)),
        Some(_) => Err(wrong("system", "Input should be a valid string or list of text blocks")),
    }
}

/// Structured answers: `output_config.format`, or `output_format` of the beta.
fn check_output(request: &Map<String, Value>) -> Result<(), Fault> {
    if let Some(config) = request.get("output_config") {
        let config = config.as_object().ok_or_else(|| wrong("output_config", "Input should be an object"))?;
        blocks::only(config, &["effort", "format", "task_budget"], "output_config")?;
        let efforts = ["low", "medium", "high", "xhigh", "max"];
        let effort = config.get("effort").filter(|effort| !effort.is_null());
        if effort.is_some_and(|effort| !effort.as_str().is_some_and(|effort| efforts.contains(&effort))) {
            return Err(wrong("output_config.effort", "Input should be 'low', 'medium', 'high', 'xhigh' or 'max'"));
        }
    }
    let formats = [
        ("output_config.format", request.get("output_config").and_then(|config| config.get("format"))),
        ("output_format", request.get("output_format")),
    ];
    for (path, format) in formats {
        let Some(format) = format.filter(|format| !format.is_null()) else { continue };
        let format = format.as_object().ok_or_else(|| wrong(path, "Input should be an object"))?;
        blocks::only(format, &["type", "schema"], path)?;
        if format.get("type").is_none_or(|kind| kind != "json_schema") {
            return Err(wrong(&format!("{path}.type"), "Input should be 'json_schema'"));
        }
        let schema = format.get("schema").ok_or_else(|| wrong(&format!("{path}.schema"), "Field required"))?;
        check_answer_schema(schema, path)?;
    }
    Ok(())
}

fn check_answer_schema(schema: &Value, path: &str) -> Result<(), Fault> {
    let object = schema.as_object().ok_or_else(|| wrong(&format!("{path}.schema"), "Input should be an object"))?;
    let is_object = object.get("type").is_some_and(|kind| kind == "object");
    if is_object && object.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Err(wrong(
            &format!("{path}.schema"),
            "For 'object' type, 'additionalProperties' must be explicitly set to false",
        ));
    }
    let inner = object
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::values)
        .chain(object.get("items"));
    inner.filter(|schema| schema.is_object()).try_for_each(|schema| check_answer_schema(schema, path))
}

fn check_cache_control(request: &Map<String, Value>) -> Result<(), Fault> {
    let found: usize = request.values().map(blocks::count_cache_controls).sum();
    let found = found + usize::from(request.get("cache_control").is_some_and(Value::is_object));
    if found > CACHE_BREAKPOINTS_MAX {
        return Err(Fault::invalid(format!(
            "A maximum of {CACHE_BREAKPOINTS_MAX} blocks with cache_control may be provided. Found {found}."
        )));
    }
    match request.get("cache_control") {
        Some(control) => blocks::check_cache_control(control, "cache_control"),
        None => Ok(()),
    }
}

fn understand(request: &Map<String, Value>) -> Request {
    let field = |name: &str| request.get(name);
    let read: usize =
        ["system", "messages", "tools"].iter().filter_map(|name| field(name)).map(turn::prompt_bytes).sum();
    let format = field("output_config").and_then(|config| config.get("format")).or_else(|| field("output_format"));
    let thinking = field("thinking");
    Request {
        asked: Asked {
            model: field("model").and_then(Value::as_str).unwrap_or_default().to_owned(),
            stream: field("stream").and_then(Value::as_bool).unwrap_or(false),
            last_user_text: field("messages").map(conversation::last_user_text).unwrap_or_default(),
            prompt_tokens: turn::tokens(read),
            forced_tool: tools::forced(request),
            answer_schema: format.and_then(|format| format.get("schema")).cloned(),
            stop: field("stop_sequences")
                .and_then(Value::as_array)
                .map(|sequences| sequences.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                .unwrap_or_default(),
            output_tokens_max: field("max_tokens").and_then(Value::as_u64),
            thinking: thinking.and_then(|thinking| thinking.get("type")).is_some_and(|kind| kind == "enabled"),
        },
        omit_thinking: thinking
            .and_then(|thinking| thinking.get("display"))
            .is_some_and(|display| display == "omitted"),
    }
}

pub(super) fn wrong(path: &str, what: &str) -> Fault {
    Fault::invalid(format!("{path}: {what}"))
}

pub(super) fn extra(path: &str) -> Fault {
    wrong(path, "Extra inputs are not permitted")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(fields: &Value) -> String {
        let mut request = json!({"model": "claude-sonnet-4-0", "max_tokens": 2000, "messages": [{"role": "user", "content": "hello"}]});
        for (name, value) in fields.as_object().expect("an object") {
            if value == "ABSENT" {
                request.as_object_mut().expect("an object").shift_remove(name);
            } else {
                request[name] = value.clone();
            }
        }
        request.to_string()
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let text = |extra: Value| {
            let mut block = json!({"type": "text", "text": "x"});
            block.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
            block
        };
        let cached = text(json!({"cache_control": {"type": "ephemeral"}}));
        for (fields, message) in [
            (json!({"max_tokens": "ABSENT"}), "max_tokens: Field required"),
            (json!({"messages": "ABSENT"}), "messages: Field required"),
            (json!({"model": "ABSENT"}), "model: Field required"),
            (json!({"max_tokens": 0}), "max_tokens: Input should be greater than or equal to 1"),
            (json!({"max_tokens": "5"}), "max_tokens: Input should be a valid integer"),
            (json!({"messages": []}), "messages: at least one message is required"),
            (json!({"foo": 1}), "foo: Extra inputs are not permitted"),
            (json!({"max_completion_tokens": 1}), "max_completion_tokens: Extra inputs are not permitted"),
            (json!({"mcp_servers": []}), "mcp_servers: Extra inputs are not permitted"),
            (json!({"temperature": 1.5}), "temperature: range: 0..1"),
            (json!({"temperature": null}), "temperature: Input should be a valid number"),
            (
                json!({"model": "claude-sonnet-4-5", "temperature": 1, "top_p": 1}),
                "`temperature` and `top_p` cannot both",
            ),
            (json!({"stop_sequences": [" \n"]}), "stop_sequences: each stop sequence must contain non-whitespace"),
            (json!({"stop_sequences": "x"}), "stop_sequences: Input should be a valid list"),
            (json!({"service_tier": "default"}), "service_tier: Input should be 'auto' or 'standard_only'"),
            (json!({"metadata": {"user": "x"}}), "metadata.user: Extra inputs are not permitted"),
            (json!({"system": [{"type": "image"}]}), "system.0.type: Input should be 'text'"),
            (json!({"system": [{"type": "text", "text": ""}]}), "system: text content blocks must be non-empty"),
            (
                json!({"system": [cached, cached, cached, cached, cached]}),
                "A maximum of 4 blocks with cache_control may be provided. Found 5.",
            ),
            (
                json!({"system": [text(json!({"cache_control": {"type": "forever"}}))]}),
                "system.0.cache_control.type: Input should be 'ephemeral'",
            ),
            (
                json!({"system": [text(json!({"cache_control": {"type": "ephemeral", "ttl": "2h"}}))]}),
                "system.0.cache_control.ttl: Input should be '5m' or '1h'",
            ),
            (
                json!({"output_config": {"format": {"type": "json_object"}}}),
                "output_config.format.type: Input should be 'json_schema'",
            ),
            (
                json!({"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}),
                "output_config.format.schema: For 'object' type",
            ),
        ] {
            let body = with(&fields);
            let fault = parse(body.as_bytes(), false, true).expect_err(&body);
            assert!(fault.message.starts_with(message), "{body}: {}", fault.message);
            assert_eq!((fault.status, fault.kind.as_str()), (400, "invalid_request_error"));
            assert!(parse(body.as_bytes(), false, false).is_ok(), "validate: false lets it pass: {body}");
        }
    }

    #[test]
    fn what_the_api_takes_is_taken() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": false});
        let body = with(&json!({
            "system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}], "top_k": 5, "temperature": 0.5,
            "top_p": 0.5, "stop_sequences": ["END"], "metadata": {"user_id": "u"}, "service_tier": "auto", "stream": true,
            "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": schema}},
        }));
        let request = parse(body.as_bytes(), false, true).expect("a good request");
        assert!(request.asked.stream && request.asked.answer_schema.is_some());
        assert_eq!(request.asked.last_user_text, "hello");
        assert!(
            parse(with(&json!({"mcp_servers": []})).as_bytes(), true, true).is_ok(),
            "beta fields with a beta header"
        );
    }
}
