//! What OpenAI refuses in a chat completion request, in its words, and what the answer needs to know of it.
//!
//! The names and limits are those of the API reference; the sentences are those that the API answers with.

use serde_json::{Map, Value};

use super::{messages, tools};
use crate::fault::Fault;
use crate::turn::{self, Asked};

/// A request as far as the answer depends on it.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) asked: Asked,
    pub(crate) n: usize,
    pub(crate) include_usage: bool,
    pub(crate) obfuscate: bool,
    /// `Some(k)`: log probabilities with k alternatives.
    pub(crate) top_logprobs: Option<usize>,
}

/// What a top-level parameter may be.
pub(crate) enum Kind {
    Bool,
    Integer(i64, i64),
    Number(i64, i64),
    Text,
    OneOf(&'static [&'static str]),
    List,
    Object,
    /// Looked at where it is understood.
    Own,
}

/// Name, kind, and whether null means that it is not set.
const PARAMETERS: [(&str, Kind, bool); 37] = [
    ("messages", Kind::List, false),
    ("model", Kind::Text, false),
    ("audio", Kind::Object, true),
    ("frequency_penalty", Kind::Number(-2, 2), true),
    ("function_call", Kind::Own, false),
    ("functions", Kind::List, false),
    ("logit_bias", Kind::Object, true),
    ("logprobs", Kind::Bool, true),
    ("max_completion_tokens", Kind::Integer(1, i64::MAX), true),
    ("max_tokens", Kind::Integer(1, i64::MAX), true),
    ("metadata", Kind::Object, true),
    ("modalities", Kind::List, true),
    ("moderation", Kind::Object, true),
    ("n", Kind::Integer(1, 128), true),
    ("parallel_tool_calls", Kind::Bool, false),
    ("prediction", Kind::Object, true),
    ("presence_penalty", Kind::Number(-2, 2), true),
    ("prompt_cache_key", Kind::Text, true),
    ("prompt_cache_options", Kind::Object, true),
    ("prompt_cache_retention", Kind::OneOf(&["in_memory", "24h"]), true),
    ("reasoning_effort", Kind::OneOf(&["none", "minimal", "low", "medium", "high", "xhigh", "max"]), true),
    ("response_format", Kind::Object, false),
    ("safety_identifier", Kind::Text, true),
    ("seed", Kind::Integer(i64::MIN, i64::MAX), true),
    ("service_tier", Kind::OneOf(&["auto", "default", "flex", "scale", "priority", "fast"]), true),
    ("stop", Kind::Own, true),
    ("store", Kind::Bool, true),
    ("stream", Kind::Bool, true),
    ("stream_options", Kind::Object, true),
    ("temperature", Kind::Number(0, 2), true),
    ("tool_choice", Kind::Own, false),
    ("tools", Kind::List, false),
    ("top_logprobs", Kind::Integer(0, 20), true),
    ("top_p", Kind::Number(0, 1), true),
    ("user", Kind::Text, false),
    ("verbosity", Kind::OneOf(&["low", "medium", "high"]), true),
    ("web_search_options", Kind::Object, false),
];

/// Parses and judges a body.
///
/// # Errors
/// The refusal of the API.
pub(crate) fn parse(body: &[u8], validate: bool) -> Result<Request, Fault> {
    let value: Value = serde_json::from_slice(body).map_err(|_| not_json())?;
    let request = value.as_object().ok_or_else(not_json)?;
    if validate {
        check(request)?;
    }
    Ok(understand(request))
}

/// What is said of a body that is no JSON object.
pub(crate) fn not_json() -> Fault {
    Fault::invalid(
        "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP \
             library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have \
             trouble figuring out how to fix this, please contact us through our help center at help.openai.com.)",
    )
}

/// Whether a request has only these parameters, each of its kind.
///
/// # Errors
/// The first that is unknown or of another kind.
pub(crate) fn check_parameters(request: &Map<String, Value>, known: &[(&str, Kind, bool)]) -> Result<(), Fault> {
    for (name, value) in request {
        let (_, kind, nullable) = known.iter().find(|(known, ..)| known == name).ok_or_else(|| unknown(name))?;
        if !(value.is_null() && *nullable) {
            kind.check(name, value)?;
        }
    }
    Ok(())
}

fn check(request: &Map<String, Value>) -> Result<(), Fault> {
    check_parameters(request, &PARAMETERS)?;
    let model = request.get("model").and_then(Value::as_str).filter(|model| !model.is_empty());
    let model = model.ok_or_else(|| Fault::invalid("you must provide a model parameter"))?;
    check_messages(request)?;
    tools::check(request)?;
    check_combinations(request)?;
    check_model_limits(model, request)
}

fn check_messages(request: &Map<String, Value>) -> Result<(), Fault> {
    let list = request.get("messages").and_then(Value::as_array).ok_or_else(|| missing("messages"))?;
    if list.is_empty() {
        return Err(empty_array("messages"));
    }
    messages::check(list)
}

fn check_combinations(request: &Map<String, Value>) -> Result<(), Fault> {
    let set = |name: &str| request.get(name).is_some_and(|value| !value.is_null());
    let is_true = |name: &str| request.get(name).and_then(Value::as_bool).unwrap_or(false);
    if set("max_tokens") && set("max_completion_tokens") {
        return Err(Fault::invalid(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
        )
        .param("max_tokens")
        .code("invalid_parameter_combination"));
    }
    if set("stream_options") && !is_true("stream") {
        return Err(Fault::invalid("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
            .param("stream_options"));
    }
    if set("top_logprobs") && !is_true("logprobs") {
        return Err(Fault::invalid("The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.")
            .param("top_logprobs"));
    }
    if let Some(options) = request.get("stream_options").and_then(Value::as_object) {
        only(options, &["include_usage", "include_obfuscation"], "stream_options")?;
    }
    check_stop(request.get("stop").filter(|stop| !stop.is_null()))?;
    check_metadata(request)?;
    check_response_format(request)
}

fn check_stop(stop: Option<&Value>) -> Result<(), Fault> {
    match stop {
        None | Some(Value::String(_)) => Ok(()),
        Some(Value::Array(items)) if items.len() > 4 => Err(array_too_long("stop", 4, items.len())),
        Some(Value::Array(items)) => match items.iter().enumerate().find(|(_, item)| !item.is_string()) {
            Some((n, item)) => Err(wrong_type(&format!("stop[{n}]"), "a string", item)),
            None => Ok(()),
        },
        Some(other) => Err(wrong_type("stop", "one of a string or array of strings", other)),
    }
}

fn check_metadata(request: &Map<String, Value>) -> Result<(), Fault> {
    let Some(metadata) = request.get("metadata").and_then(Value::as_object) else { return Ok(()) };
    if !request.get("store").and_then(Value::as_bool).unwrap_or(false) {
        return Err(
            Fault::invalid("The 'metadata' parameter is only allowed when 'store' is enabled.").param("metadata")
        );
    }
    if metadata.len() > 16 {
        let message = format!(
            "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with {} properties instead.",
            metadata.len()
        );
        return Err(Fault::invalid(message).param("metadata").code("object_above_max_properties"));
    }
    match metadata.iter().find(|(_, value)| !value.is_string()) {
        Some((name, value)) => Err(wrong_type(&format!("metadata.{name}"), "a string", value)),
        None => Ok(()),
    }
}

fn check_response_format(request: &Map<String, Value>) -> Result<(), Fault> {
    let Some(format) = request.get("response_format").and_then(Value::as_object) else { return Ok(()) };
    let kind = format.get("type").ok_or_else(|| missing("response_format.type"))?;
    match kind.as_str() {
        Some("text") => only(format, &["type"], "response_format"),
        Some("json_object") => {
            only(format, &["type"], "response_format")?;
            let says_json = request.get("messages").is_some_and(messages::mentions_json);
            let fault =
                "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.";
            if says_json { Ok(()) } else { Err(Fault::invalid(fault).param("messages")) }
        }
        Some("json_schema") => {
            only(format, &["type", "json_schema"], "response_format")?;
            tools::check_answer_schema(format)
        }
        Some(_) | None => Err(wrong_value("response_format.type", kind, &["json_object", "json_schema", "text"])),
    }
}

/// What depends on the model: reasoning models take fewer parameters.
fn check_model_limits(model: &str, request: &Map<String, Value>) -> Result<(), Fault> {
    let set = |name: &str| request.get(name).is_some_and(|value| !value.is_null());
    let o_series = ["o1", "o3", "o4"].iter().any(|prefix| model.starts_with(prefix));
    let gpt_5 = model.starts_with("gpt-5") && !model.contains("chat");
    if (o_series || gpt_5) && set("max_tokens") {
        return Err(Fault::invalid(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        )
        .param("max_tokens")
        .code("unsupported_parameter"));
    }
    // gpt-5.1 and later take a temperature when they are not to reason.
    if (o_series || (gpt_5 && !model.starts_with("gpt-5.")))
        && let Some(temperature) =
            request.get("temperature").filter(|value| value.as_f64().is_some_and(|value| value != 1.0))
    {
        let message = format!(
            "Unsupported value: 'temperature' does not support {temperature} with this model. Only the default (1) value is supported."
        );
        return Err(Fault::invalid(message).param("temperature").code("unsupported_value"));
    }
    if (model.starts_with("gpt-4") || model.starts_with("gpt-3.5")) && set("reasoning_effort") {
        return Err(Fault::invalid("Unrecognized request argument supplied: reasoning_effort"));
    }
    Ok(())
}

impl Kind {
    fn check(&self, name: &str, value: &Value) -> Result<(), Fault> {
        let fits = match self {
            Self::Own => true,
            Self::Bool => value.is_boolean(),
            Self::Text => value.is_string(),
            Self::List => value.is_array(),
            Self::Object => value.is_object(),
            Self::OneOf(names) => match value.as_str() {
                Some(text) if !names.contains(&text) => return Err(wrong_value(name, value, names)),
                text => text.is_some(),
            },
            Self::Integer(least, most) => match value.as_i64() {
                Some(n) if n < *least => {
                    return Err(out_of_range(name, value, "integer", "below minimum", ">=", *least));
                }
                Some(n) if n > *most => return Err(out_of_range(name, value, "integer", "above maximum", "<=", *most)),
                None if value.is_u64() => {
                    return Err(out_of_range(name, value, "integer", "above maximum", "<=", *most));
                }
                n => n.is_some(),
            },
            #[expect(clippy::cast_precision_loss, reason = "the limits are small")]
            Self::Number(least, most) => match value.as_f64() {
                Some(n) if n < *least as f64 => {
                    return Err(out_of_range(name, value, "decimal", "below minimum", ">=", *least));
                }
                Some(n) if n > *most as f64 => {
                    return Err(out_of_range(name, value, "decimal", "above maximum", "<=", *most));
                }
                n => n.is_some(),
            },
        };
        if fits { Ok(()) } else { Err(wrong_type(name, self.expected(), value)) }
    }

    fn expected(&self) -> &'static str {
        match self {
            Self::Own => "a value",
            Self::Bool => "a boolean",
            Self::Integer(..) => "an integer",
            Self::Number(..) => "a decimal",
            Self::Text | Self::OneOf(_) => "a string",
            Self::List => "an array of objects",
            Self::Object => "an object",
        }
    }
}

fn understand(request: &Map<String, Value>) -> Request {
    let field = |name: &str| request.get(name);
    let number = |name: &str| field(name).and_then(Value::as_u64);
    let flag = |name: &str| field(name).and_then(Value::as_bool).unwrap_or(false);
    let option = |name: &str| field("stream_options").and_then(|options| options.get(name)).and_then(Value::as_bool);
    let read: usize = ["messages", "tools"].iter().filter_map(|name| field(name)).map(turn::prompt_bytes).sum();
    Request {
        asked: Asked {
            model: field("model").and_then(Value::as_str).unwrap_or_default().to_owned(),
            stream: flag("stream"),
            last_user_text: field("messages").map(messages::last_user_text).unwrap_or_default(),
            prompt_tokens: turn::tokens(read),
            forced_tool: tools::forced(request),
            answer_schema: tools::answer_schema(request),
            stop: match field("stop") {
                Some(Value::String(one)) => vec![one.clone()],
                Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                _ => Vec::new(),
            },
            output_tokens_max: number("max_completion_tokens").or_else(|| number("max_tokens")),
            thinking: false,
        },
        n: number("n").and_then(|n| usize::try_from(n).ok()).unwrap_or(1).clamp(1, 128),
        include_usage: option("include_usage").unwrap_or(false),
        obfuscate: option("include_obfuscation").unwrap_or(true),
        top_logprobs: flag("logprobs")
            .then(|| number("top_logprobs").and_then(|n| usize::try_from(n).ok()).unwrap_or(0).min(20)),
    }
}

/// Only these fields, or `Unknown parameter`.
pub(crate) fn only(object: &Map<String, Value>, known: &[&str], path: &str) -> Result<(), Fault> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(unknown(&format!("{path}.{name}"))),
        None => Ok(()),
    }
}

pub(crate) fn unknown(path: &str) -> Fault {
    Fault::invalid(format!("Unknown parameter: '{path}'.")).param(path).code("unknown_parameter")
}

pub(crate) fn missing(path: &str) -> Fault {
    Fault::invalid(format!("Missing required parameter: '{path}'.")).param(path).code("missing_required_parameter")
}

pub(crate) fn wrong_type(path: &str, expected: &str, got: &Value) -> Fault {
    let got = match got {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Fault::invalid(format!("Invalid type for '{path}': expected {expected}, but got {got} instead."))
        .param(path)
        .code("invalid_type")
}

pub(crate) fn wrong_value(path: &str, got: &Value, supported: &[&str]) -> Fault {
    let got = got.as_str().map_or_else(|| got.to_string(), str::to_owned);
    let mut names: Vec<String> = supported.iter().map(|name| format!("'{name}'")).collect();
    if let Some(last) = names.pop_if(|_| supported.len() > 1) {
        names.push(format!("and {last}"));
    }
    let names = names.join(if supported.len() > 2 { ", " } else { " " });
    Fault::invalid(format!("Invalid value: '{got}'. Supported values are: {names}.")).param(path).code("invalid_value")
}

pub(crate) fn empty_array(path: &str) -> Fault {
    Fault::invalid(format!(
        "Invalid '{path}': empty array. Expected an array with minimum length 1, but got an empty array instead."
    ))
    .param(path)
    .code("empty_array")
}

pub(crate) fn array_too_long(path: &str, most: usize, got: usize) -> Fault {
    Fault::invalid(format!(
        "Invalid '{path}': array too long. Expected an array with maximum length {most}, but got an array with length {got} instead."
    ))
    .param(path)
    .code("array_above_max_length")
}

pub(crate) fn text_too_long(path: &str, most: usize, got: usize) -> Fault {
    Fault::invalid(format!(
        "Invalid '{path}': string too long. Expected a string with maximum length {most}, but got a string with length {got} instead."
    ))
    .param(path)
    .code("string_above_max_length")
}

fn out_of_range(path: &str, got: &Value, kind: &str, how: &str, sign: &str, limit: i64) -> Fault {
    let code = format!("{kind}_{}", if how.starts_with("below") { "below_min_value" } else { "above_max_value" });
    Fault::invalid(format!(
        "Invalid '{path}': {kind} {how} value. Expected a value {sign} {limit}, but got {got} instead."
    ))
    .param(path)
    .code(&code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A good request with these fields in it, and what is said about it: message, param, code.
    fn refused(fields: &Value, wanted: (&str, Option<&str>, Option<&str>)) {
        let mut request = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]});
        for (name, value) in fields.as_object().expect("an object") {
            request[name] = value.clone();
        }
        let fault = parse(request.to_string().as_bytes(), true).expect_err(&request.to_string());
        assert!(fault.message.starts_with(wanted.0), "{request}: {}", fault.message);
        assert_eq!((fault.param.as_deref(), fault.code.as_deref()), (wanted.1, wanted.2), "{request}");
        assert!(parse(request.to_string().as_bytes(), false).is_ok(), "validate: false lets it pass: {request}");
    }

    #[test]
    fn parameters_that_are_wrong() {
        let cases: [(Value, &str, Option<&str>, Option<&str>); 29] = [
            (json!({"foo": 1}), "Unknown parameter: 'foo'.", Some("foo"), Some("unknown_parameter")),
            (
                json!({"max_output_tokens": 1}),
                "Unknown parameter",
                Some("max_output_tokens"),
                Some("unknown_parameter"),
            ),
            (json!({"best_of": 1}), "Unknown parameter", Some("best_of"), Some("unknown_parameter")),
            (json!({"messages": []}), "Invalid 'messages': empty array.", Some("messages"), Some("empty_array")),
            (json!({"messages": "hi"}), "Invalid type for 'messages'", Some("messages"), Some("invalid_type")),
            (json!({"model": ""}), "you must provide a model parameter", None, None),
            (json!({"model": null}), "Invalid type for 'model'", Some("model"), Some("invalid_type")),
            (
                json!({"temperature": 2.1}),
                "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 2.1 instead.",
                Some("temperature"),
                Some("decimal_above_max_value"),
            ),
            (
                json!({"temperature": -1}),
                "Invalid 'temperature': decimal below minimum",
                Some("temperature"),
                Some("decimal_below_min_value"),
            ),
            (json!({"temperature": "1"}), "Invalid type for 'temperature'", Some("temperature"), Some("invalid_type")),
            (json!({"n": 0}), "Invalid 'n': integer below minimum", Some("n"), Some("integer_below_min_value")),
            (json!({"n": 129}), "Invalid 'n': integer above maximum", Some("n"), Some("integer_above_max_value")),
            (
                json!({"max_tokens": 0}),
                "Invalid 'max_tokens': integer below",
                Some("max_tokens"),
                Some("integer_below_min_value"),
            ),
            (
                json!({"max_tokens": 1.5}),
                "Invalid type for 'max_tokens': expected an integer, but got a decimal number",
                Some("max_tokens"),
                Some("invalid_type"),
            ),
            (
                json!({"max_tokens": 1, "max_completion_tokens": 1}),
                "Setting 'max_tokens' and",
                Some("max_tokens"),
                Some("invalid_parameter_combination"),
            ),
            (
                json!({"model": "o3-mini", "max_tokens": 1}),
                "Unsupported parameter: 'max_tokens'",
                Some("max_tokens"),
                Some("unsupported_parameter"),
            ),
            (
                json!({"model": "gpt-5.2", "max_tokens": 1}),
                "Unsupported parameter: 'max_tokens'",
                Some("max_tokens"),
                Some("unsupported_parameter"),
            ),
            (
                json!({"model": "gpt-5", "temperature": 0.2}),
                "Unsupported value: 'temperature' does not support 0.2",
                Some("temperature"),
                Some("unsupported_value"),
            ),
            (
                json!({"reasoning_effort": "low"}),
                "Unrecognized request argument supplied: reasoning_effort",
                None,
                None,
            ),
            (
                json!({"stream_options": {"include_usage": true}}),
                "The 'stream_options' parameter is only",
                Some("stream_options"),
                None,
            ),
            (
                json!({"stream": true, "stream_options": {"usage": true}}),
                "Unknown parameter",
                Some("stream_options.usage"),
                Some("unknown_parameter"),
            ),
            (
                json!({"stop": ["a", "b", "c", "d", "e"]}),
                "Invalid 'stop': array too long.",
                Some("stop"),
                Some("array_above_max_length"),
            ),
            (json!({"stop": 3}), "Invalid type for 'stop'", Some("stop"), Some("invalid_type")),
            (json!({"top_logprobs": 2}), "The 'top_logprobs' parameter", Some("top_logprobs"), None),
            (json!({"metadata": {"a": "b"}}), "The 'metadata' parameter is only", Some("metadata"), None),
            (
                json!({"response_format": {"type": "json_object"}}),
                "'messages' must contain the word 'json'",
                Some("messages"),
                None,
            ),
            (
                json!({"response_format": {"type": "xml"}}),
                "Invalid value: 'xml'. Supported values are: 'json_object', 'json_schema', and 'text'.",
                Some("response_format.type"),
                Some("invalid_value"),
            ),
            (json!({"service_tier": "best"}), "Invalid value: 'best'.", Some("service_tier"), Some("invalid_value")),
            (
                json!({"tools": null}),
                "Invalid type for 'tools': expected an array of objects, but got null instead.",
                Some("tools"),
                Some("invalid_type"),
            ),
        ];
        for (fields, message, param, code) in cases {
            refused(&fields, (message, param, code));
        }
    }

    #[test]
    fn what_the_api_takes_is_taken() {
        let request = json!({
            "model": "gpt-4o", "messages": [{"role": "user", "content": "json please"}],
            "temperature": 2, "top_p": 0, "n": 128, "stop": "END", "seed": i64::MAX, "stream": true, "user": "u",
            "stream_options": {"include_usage": true}, "response_format": {"type": "json_object"}, "logprobs": true,
            "top_logprobs": 20, "max_completion_tokens": null, "store": true, "metadata": {"a": "b"}, "logit_bias": {"5": -100},
        });
        let request = parse(request.to_string().as_bytes(), true).expect("a good request");
        assert_eq!((request.n, request.include_usage, request.top_logprobs), (128, true, Some(20)));
        assert_eq!((request.asked.stream, request.asked.stop.as_slice()), (true, ["END".to_owned()].as_slice()));
    }

    #[test]
    fn no_json_is_refused() {
        for body in ["", "{", "[]", "null"] {
            let fault = parse(body.as_bytes(), true).expect_err(body);
            assert!(fault.message.starts_with("We could not parse the JSON body"), "{body}");
        }
    }
}
