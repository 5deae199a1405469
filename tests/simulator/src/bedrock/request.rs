//! What Converse refuses, in its words, and what the answer needs to know of a request.
//!
//! The SDKs check shapes before they send; what arrives here from a gateway was checked by nobody, so a member that the API
//! does not have is refused, too: it would be lost without a word.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::error::{invalid, of_model};
use super::{conversation, tools};
use crate::fault::Fault;
use crate::turn::{self, Asked};

/// A request as far as the answer depends on it.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) asked: Asked,
    /// The client wants to know which stop sequence ended the answer.
    pub(crate) wants_sequence: bool,
    pub(crate) tier: Option<String>,
}

const FIELDS: [&str; 12] = [
    "messages",
    "system",
    "inferenceConfig",
    "toolConfig",
    "guardrailConfig",
    "additionalModelRequestFields",
    "promptVariables",
    "additionalModelResponseFieldPaths",
    "requestMetadata",
    "performanceConfig",
    "serviceTier",
    "outputConfig",
];
const BUDGET_TOKENS_MIN: i64 = 1024;
const CACHE_POINTS_MAX: usize = 4;

/// Parses and judges a body.
///
/// # Errors
/// The refusal of the API.
pub(crate) fn parse(call: &Call, body: &[u8], validate: bool) -> Result<Request, Fault> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|_| Fault::new(400, "SerializationException", "Could not parse request body into json"))?;
    let request = value.as_object().ok_or_else(|| {
        Fault::new(400, "SerializationException", "Start of structure or map found where not expected")
    })?;
    if validate {
        check(&call.model, request)?;
    }
    Ok(understand(&call.model, request))
}

fn check(model: &str, request: &Map<String, Value>) -> Result<(), Fault> {
    only(request, &FIELDS, "")?;
    conversation::check_system(request)?;
    let messages = request
        .get("messages")
        .and_then(Value::as_array)
        .ok_or_else(|| constraint("messages", "Member must not be null"))?;
    let uses_tools = conversation::check(messages)?;
    check_inference(request)?;
    tools::check(request, uses_tools)?;
    check_cache_points(model, request)?;
    check_additional(model, request)?;
    check_output(request)?;
    check_rest(request)
}

/// Only these members.
pub(super) fn only(object: &Map<String, Value>, known: &[&str], path: &str) -> Result<(), Fault> {
    object.keys().find(|name| !known.contains(&name.as_str())).map_or(Ok(()), |name| {
        let message = "is not permitted, please reformat your input and try again.";
        Err(invalid(format!("Malformed input request: #{path}: extraneous key [{name}] {message}")))
    })
}

/// A value that breaks a rule of the API's model.
pub(super) fn constraint(path: &str, rule: &str) -> Fault {
    invalid(format!("1 validation error detected: Value at '{path}' failed to satisfy constraint: {rule}"))
}

/// Something of another type than the API's model says.
pub(super) fn wrong_type(path: &str) -> Fault {
    Fault::new(400, "SerializationException", format!("Unexpected type of the value at {path}"))
}

fn check_inference(request: &Map<String, Value>) -> Result<(), Fault> {
    let Some(config) = request.get("inferenceConfig") else { return Ok(()) };
    let config = config.as_object().ok_or_else(|| wrong_type("inferenceConfig"))?;
    only(config, &["maxTokens", "temperature", "topP", "stopSequences"], "/inferenceConfig")?;
    if let Some(most) = config.get("maxTokens") {
        let most = most.as_i64().ok_or_else(|| wrong_type("inferenceConfig.maxTokens"))?;
        if most < 1 {
            return Err(constraint("inferenceConfig.maxTokens", "Member must have value greater than or equal to 1"));
        }
    }
    for name in ["temperature", "topP"] {
        let path = format!("inferenceConfig.{name}");
        match config.get(name).map(Value::as_f64) {
            None => {}
            Some(None) => return Err(wrong_type(&path)),
            Some(Some(number)) if (0.0..=1.0).contains(&number) => {}
            Some(Some(number)) if number < 0.0 => {
                return Err(constraint(&path, "Member must have value greater than or equal to 0"));
            }
            Some(Some(_)) => return Err(constraint(&path, "Member must have value less than or equal to 1")),
        }
    }
    if let Some(stops) = config.get("stopSequences") {
        let stops = stops.as_array().ok_or_else(|| wrong_type("inferenceConfig.stopSequences"))?;
        if stops.iter().any(|stop| stop.as_str().is_none_or(str::is_empty)) {
            return Err(constraint(
                "inferenceConfig.stopSequences",
                "Member must have length greater than or equal to 1",
            ));
        }
    }
    Ok(())
}

/// Claude and Nova cache prompts, the others do not; and no more than four times.
fn check_cache_points(model: &str, request: &Map<String, Value>) -> Result<(), Fault> {
    let within = |name: &str| request.get(name).map_or(0, cache_points);
    let (in_tools, elsewhere) = (within("toolConfig"), within("messages") + within("system"));
    let caches = model.contains("anthropic.") || (model.contains("amazon.nova") && in_tools == 0);
    if in_tools + elsewhere > 0 && !caches {
        let message = "You invoked an unsupported model or your request did not allow prompt caching. See the documentation for more information.";
        return Err(Fault::new(403, "AccessDeniedException", message));
    }
    if in_tools + elsewhere > CACHE_POINTS_MAX {
        let found = in_tools + elsewhere;
        let message =
            format!("A maximum of {CACHE_POINTS_MAX} blocks with cache_control may be provided. Found {found}.");
        return Err(of_model(&message));
    }
    Ok(())
}

fn cache_points(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(cache_points).sum(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "input" | "json" | "inputSchema"))
            .map(|(name, value)| usize::from(name == "cachePoint") + cache_points(value))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// What the model takes beyond the API: it refuses what it does not know.
fn check_additional(model: &str, request: &Map<String, Value>) -> Result<(), Fault> {
    let Some(fields) = request.get("additionalModelRequestFields") else { return Ok(()) };
    let fields = fields.as_object().ok_or_else(|| wrong_type("additionalModelRequestFields"))?;
    let known: &[&str] = match model {
        model if model.contains("anthropic.") => {
            &["thinking", "reasoning_config", "top_k", "anthropic_beta", "output_config", "metadata", "tool_choice"]
        }
        model if model.contains("amazon.nova-2") => &["inferenceConfig", "reasoningConfig"],
        model if model.contains("amazon.nova") => &["inferenceConfig"],
        model if model.contains("openai.") => &["reasoning_effort"],
        model if model.contains("mistral.") => &["top_k"],
        model if model.contains("cohere.") => &["k", "p"],
        _ => &[],
    };
    if let Some(name) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(of_model(&format!("{name}: Extra inputs are not permitted")));
    }
    check_thinking(request, fields)?;
    let config = fields.get("reasoningConfig").and_then(|config| config.get("maxReasoningEffort"));
    if config.is_some_and(|effort| effort == "high") && request.contains_key("inferenceConfig") {
        return Err(invalid("temperature, topP and maxTokens must be unset when maxReasoningEffort is high"));
    }
    Ok(())
}

/// Claude's rules for thinking.
fn check_thinking(request: &Map<String, Value>, fields: &Map<String, Value>) -> Result<(), Fault> {
    let Some(thinking) = fields.get("thinking").or(fields.get("reasoning_config")) else { return Ok(()) };
    let inference = |name: &str| request.get("inferenceConfig").and_then(|config| config.get(name));
    match thinking.get("type").and_then(Value::as_str) {
        Some("enabled") => {
            let budget = thinking.get("budget_tokens").and_then(Value::as_i64);
            let budget = budget.ok_or_else(|| of_model("thinking.enabled.budget_tokens: Field required"))?;
            if budget < BUDGET_TOKENS_MIN {
                let message = "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024";
                return Err(of_model(message));
            }
            if inference("maxTokens").and_then(Value::as_i64).is_some_and(|most| most <= budget) {
                return Err(of_model("`max_tokens` must be greater than `thinking.budget_tokens`."));
            }
        }
        Some("adaptive") => {}
        Some("disabled") => return Ok(()),
        _ => return Err(of_model("thinking: Input tag found using 'type' does not match any of the expected tags")),
    }
    if inference("temperature").and_then(Value::as_f64).is_some_and(|temperature| temperature != 1.0) {
        return Err(of_model("`temperature` may only be set to 1 when thinking is enabled."));
    }
    if fields.contains_key("top_k") {
        return Err(of_model("`top_k` must be unset when thinking is enabled."));
    }
    let choice = request.get("toolConfig").and_then(|config| config.get("toolChoice"));
    if choice.is_some_and(|choice| choice.get("any").is_some() || choice.get("tool").is_some()) {
        return Err(of_model("Thinking may not be enabled when tool_choice forces tool use."));
    }
    Ok(())
}

fn check_output(request: &Map<String, Value>) -> Result<(), Fault> {
    let Some(config) = request.get("outputConfig") else { return Ok(()) };
    let config = config.as_object().ok_or_else(|| wrong_type("outputConfig"))?;
    only(config, &["textFormat", "effort"], "/outputConfig")?;
    if let Some(effort) = config.get("effort")
        && !["low", "medium", "high", "xhigh", "max"].iter().any(|known| effort == known)
    {
        return Err(invalid(
            "The effort level is not supported. Supported values are low, medium, high, xhigh, and max.",
        ));
    }
    let Some(format) = config.get("textFormat") else { return Ok(()) };
    if format.get("type").is_none_or(|kind| kind != "json_schema") {
        return Err(constraint("outputConfig.textFormat.type", "Member must satisfy enum value set: [json_schema]"));
    }
    answer_schema(request)
        .map(|_| ())
        .ok_or_else(|| invalid("The JSON schema in outputConfig.textFormat is not valid JSON."))
}

fn check_rest(request: &Map<String, Value>) -> Result<(), Fault> {
    if let Some(tier) = request.get("serviceTier")
        && !["priority", "default", "flex", "reserved"]
            .iter()
            .any(|known| tier.get("type").is_some_and(|kind| kind == known))
    {
        let rule = "Member must satisfy enum value set: [priority, default, flex, reserved]";
        return Err(constraint("serviceTier.type", rule));
    }
    if let Some(tags) = request.get("requestMetadata") {
        let tags = tags.as_object().ok_or_else(|| wrong_type("requestMetadata"))?;
        if tags.is_empty() || tags.len() > 16 {
            return Err(constraint("requestMetadata", "Member must have between 1 and 16 entries"));
        }
        if tags.values().any(|value| !value.is_string()) {
            return Err(wrong_type("requestMetadata"));
        }
    }
    if let Some(paths) = request.get("additionalModelResponseFieldPaths") {
        let paths = paths.as_array().ok_or_else(|| wrong_type("additionalModelResponseFieldPaths"))?;
        if paths.iter().any(|path| path.as_str().is_none_or(|path| !path.starts_with('/'))) {
            return Err(invalid("The additionalModelResponseFieldPaths contain an invalid JSON Pointer."));
        }
    }
    Ok(())
}

fn answer_schema(request: &Map<String, Value>) -> Option<Value> {
    let schema = request.get("outputConfig")?.get("textFormat")?.get("structure")?.get("jsonSchema")?.get("schema")?;
    serde_json::from_str(schema.as_str()?).ok()
}

fn understand(model: &str, request: &Map<String, Value>) -> Request {
    let inference = |name: &str| request.get("inferenceConfig").and_then(|config| config.get(name));
    let stop = inference("stopSequences").and_then(Value::as_array).into_iter().flatten();
    let additional = request.get("additionalModelRequestFields");
    let thinking = additional.and_then(|fields| fields.get("thinking").or(fields.get("reasoningConfig")));
    let thinks = thinking.and_then(|thinking| thinking.get("type")).is_some_and(|kind| kind != "disabled");
    let read = ["system", "messages", "toolConfig"].iter().filter_map(|name| request.get(*name));
    let asked = Asked {
        model: model.to_owned(),
        stream: false, // the URL says so
        last_user_text: conversation::last_user_text(request),
        prompt_tokens: turn::tokens(read.map(turn::prompt_bytes).sum()),
        forced_tool: tools::forced(request),
        answer_schema: answer_schema(request),
        stop: stop.filter_map(|stop| stop.as_str().map(str::to_owned)).collect(),
        output_tokens_max: inference("maxTokens").and_then(Value::as_u64),
        thinking: thinks,
    };
    let paths = request.get("additionalModelResponseFieldPaths").and_then(Value::as_array);
    Request {
        asked,
        wants_sequence: paths.is_some_and(|paths| paths.contains(&json!("/stop_sequence"))),
        tier: request.get("serviceTier").and_then(|tier| tier.get("type")?.as_str().map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::Operation;
    use super::*;

    fn judge(model: &str, fields: &Value) -> Result<Request, Fault> {
        let mut request = json!({"messages": [{"role": "user", "content": [{"text": "hello"}]}]});
        for (name, value) in fields.as_object().expect("an object") {
            if value == "ABSENT" {
                request.as_object_mut().expect("an object").shift_remove(name);
            } else {
                request[name] = value.clone();
            }
        }
        let call = Call { model: model.to_owned(), operation: Operation::Converse };
        let body = request.to_string();
        assert!(parse(&call, body.as_bytes(), false).is_ok(), "validate: false lets it pass: {body}");
        parse(&call, body.as_bytes(), true)
    }

    const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

    #[test]
    fn what_is_wrong_is_refused() {
        let point = json!({"cachePoint": {"type": "default"}});
        let tools = json!({"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}], "toolChoice": {"any": {}}});
        let thinking = json!({"thinking": {"type": "enabled", "budget_tokens": 2000}});
        for (fields, message) in [
            (json!({"messages": "ABSENT"}), "1 validation error detected: Value at 'messages'"),
            (json!({"model": "m"}), "Malformed input request: #: extraneous key [model]"),
            (json!({"stream": true}), "Malformed input request: #: extraneous key [stream]"),
            (
                json!({"inferenceConfig": {"maxTokens": 0}}),
                "1 validation error detected: Value at 'inferenceConfig.maxTokens'",
            ),
            (
                json!({"inferenceConfig": {"temperature": 1.5}}),
                "1 validation error detected: Value at 'inferenceConfig.temperature'",
            ),
            (
                json!({"inferenceConfig": {"topK": 1}}),
                "Malformed input request: #/inferenceConfig: extraneous key [topK]",
            ),
            (json!({"inferenceConfig": {"stopSequences": [""]}}), "1 validation error detected"),
            (
                json!({"additionalModelRequestFields": {"frequency_penalty": 1}}),
                "The model returned the following errors: frequency_penalty",
            ),
            (
                json!({"additionalModelRequestFields": {"thinking": {"type": "enabled"}}}),
                "The model returned the following errors: thinking.enabled.budget_tokens: Field",
            ),
            (
                json!({"additionalModelRequestFields": thinking, "inferenceConfig": {"maxTokens": 2000}}),
                "The model returned the following errors: `max_tokens`",
            ),
            (
                json!({"additionalModelRequestFields": thinking, "toolConfig": tools}),
                "The model returned the following errors: Thinking may not",
            ),
            (
                json!({"system": [{"text": "x"}, point, point, point, point, point]}),
                "The model returned the following errors: A maximum of 4",
            ),
            (json!({"outputConfig": {"effort": "most"}}), "The effort level"),
            (
                json!({"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{"}}}}}),
                "The JSON schema",
            ),
            (json!({"serviceTier": {"type": "scale"}}), "1 validation error detected: Value at 'serviceTier.type'"),
            (json!({"requestMetadata": {}}), "1 validation error detected: Value at 'requestMetadata'"),
            (json!({"additionalModelResponseFieldPaths": ["stop_sequence"]}), "The additionalModelResponseFieldPaths"),
        ] {
            let fault = judge(CLAUDE, &fields).expect_err(&fields.to_string());
            assert!(fault.message.starts_with(message), "{fields}: {}", fault.message);
            assert_eq!((fault.status, fault.kind.as_str()), (400, "ValidationException"), "{fields}");
        }
        let cached = json!({"system": [{"text": "x"}, point]});
        assert_eq!(judge("meta.llama3-8b-instruct-v1:0", &cached).expect_err("no cache").kind, "AccessDeniedException");
        let high = json!({"inferenceConfig": {"maxTokens": 9}, "additionalModelRequestFields": {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}});
        assert!(judge("amazon.nova-2-lite-v1:0", &high).expect_err("limits").message.starts_with("temperature, topP"));
    }

    #[test]
    fn what_the_api_takes_is_taken() {
        let request = judge(
            CLAUDE,
            &json!({
                "system": [{"text": "x"}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
                "inferenceConfig": {"maxTokens": 5000, "temperature": 1, "stopSequences": ["END"]},
                "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2000}},
                "additionalModelResponseFieldPaths": ["/stop_sequence"], "requestMetadata": {"team": "a"},
                "serviceTier": {"type": "flex"}, "performanceConfig": {"latency": "standard"},
                "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{\"type\":\"object\"}"}}}},
            }),
        );
        let request = request.expect("a good request");
        assert!(request.wants_sequence && request.asked.thinking && request.asked.answer_schema.is_some());
        assert_eq!((request.asked.last_user_text.as_str(), request.tier.as_deref()), ("hello", Some("flex")));
    }
}
