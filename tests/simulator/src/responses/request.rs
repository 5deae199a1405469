//! What the API refuses in a request, in its words, and what the answer needs to know of it.

use serde_json::{Map, Value, json};

use super::store::Store;
use super::{input, tools};
use crate::fault::Fault;
use crate::openai::request::{
    Kind, array_too_long, check_parameters, missing, not_json, only, wrong_type, wrong_value,
};
use crate::openai::tools::{check_name, check_schema};
use crate::turn::{self, Asked};

/// A request as far as the answer depends on it.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) asked: Asked,
    /// All that has been said, what was kept of earlier exchanges included.
    pub(crate) conversation: Vec<Value>,
    /// The answer is kept.
    pub(crate) stores: bool,
    /// Thoughts come with their sealed content.
    pub(crate) seals: bool,
    /// Thoughts come with a summary.
    pub(crate) summarizes: bool,
    pub(crate) obfuscates: bool,
    /// `Some(k)`: log probabilities with k alternatives.
    pub(crate) top_logprobs: Option<usize>,
    /// Names of tools that take free text.
    pub(crate) freeform: Vec<String>,
    /// The parameters that the answer repeats.
    pub(crate) echo: Map<String, Value>,
}

const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];
const TIERS: &[&str] = &["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"];
const INCLUDABLE: &[&str] = &[
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
];

/// Name, kind, and whether null means that it is not set.
const PARAMETERS: [(&str, Kind, bool); 34] = [
    ("model", Kind::Text, false),
    ("input", Kind::Own, false),
    ("access_programs", Kind::Object, false),
    ("background", Kind::Bool, true),
    ("context_management", Kind::List, true),
    ("conversation", Kind::Own, true),
    ("image", Kind::Object, false),
    ("include", Kind::List, true),
    ("instructions", Kind::Text, true),
    ("max_output_tokens", Kind::Integer(16, i64::MAX), true),
    ("max_tool_calls", Kind::Integer(1, i64::MAX), true),
    ("metadata", Kind::Object, true),
    ("moderation", Kind::Object, true),
    ("parallel_tool_calls", Kind::Bool, true),
    ("previous_response_id", Kind::Text, true),
    ("prompt", Kind::Object, true),
    ("prompt_cache_key", Kind::Text, true),
    ("prompt_cache_options", Kind::Object, false),
    ("prompt_cache_retention", Kind::OneOf(&["in_memory", "24h"]), true),
    ("reasoning", Kind::Object, true),
    ("safety_identifier", Kind::Text, true),
    ("service_tier", Kind::OneOf(TIERS), true),
    ("store", Kind::Bool, true),
    ("stream", Kind::Bool, true),
    ("stream_options", Kind::Object, true),
    ("temperature", Kind::Number(0, 2), true),
    ("text", Kind::Object, false),
    ("tool_choice", Kind::Own, false),
    ("tools", Kind::List, false),
    ("top_logprobs", Kind::Integer(0, 20), true),
    ("top_p", Kind::Number(0, 1), true),
    ("truncation", Kind::OneOf(&["auto", "disabled"]), true),
    ("user", Kind::Text, false),
    ("client_metadata", Kind::Object, true),
];

/// Parameters of chat completions that have another name here.
const MOVED: [(&str, &str); 5] = [
    ("messages", "input"),
    ("max_tokens", "max_output_tokens"),
    ("max_completion_tokens", "max_output_tokens"),
    ("response_format", "text.format"),
    ("reasoning_effort", "reasoning.effort"),
];

/// Parses and judges a body.
///
/// # Errors
/// The refusal of the API.
pub(crate) fn parse(body: &[u8], validate: bool, store: &Store) -> Result<Request, Fault> {
    let value: Value = serde_json::from_slice(body).map_err(|_| not_json())?;
    let request = value.as_object().ok_or_else(not_json)?;
    let before = before(request, store)?;
    if validate {
        check(request, &before, store)?;
    }
    Ok(understand(request, before))
}

/// What was said in the exchange that this one goes on from.
fn before(request: &Map<String, Value>, store: &Store) -> Result<Vec<Value>, Fault> {
    let Some(id) = request.get("previous_response_id").and_then(Value::as_str) else { return Ok(Vec::new()) };
    store.conversation(id).ok_or_else(|| {
        Fault::invalid(format!("Previous response with id '{id}' not found."))
            .param("previous_response_id")
            .code("previous_response_not_found")
    })
}

fn check(request: &Map<String, Value>, before: &[Value], store: &Store) -> Result<(), Fault> {
    if let Some((old, new)) = MOVED.iter().find(|(old, _)| request.contains_key(*old)) {
        let message = format!(
            "Unsupported parameter: '{old}'. In the Responses API, this parameter has moved to '{new}'. Try again with the \
             new parameter. See the API documentation for more information: \
             https://platform.openai.com/docs/api-reference/responses/create."
        );
        return Err(Fault::invalid(message).param(*old).code("unsupported_parameter"));
    }
    check_parameters(request, &PARAMETERS)?;
    let model = request.get("model").and_then(Value::as_str).filter(|model| !model.is_empty());
    let model = model.ok_or_else(|| missing("model"))?;
    match request.get("input") {
        None | Some(Value::Null) => return Err(missing("input")),
        Some(Value::String(_)) => {}
        Some(Value::Array(items)) => input::check(items, before, store)?,
        Some(other) => return Err(wrong_type("input", "one of a string or array of input items", other)),
    }
    tools::check(request)?;
    check_include(request)?;
    check_options(request)?;
    check_format(request)?;
    check_model(model, request)
}

fn check_include(request: &Map<String, Value>) -> Result<(), Fault> {
    for (n, name) in request.get("include").and_then(Value::as_array).into_iter().flatten().enumerate() {
        if name.as_str().is_none_or(|name| !INCLUDABLE.contains(&name)) {
            return Err(wrong_value(&format!("include[{n}]"), name, INCLUDABLE));
        }
    }
    Ok(())
}

fn check_options(request: &Map<String, Value>) -> Result<(), Fault> {
    let object = |name: &str| request.get(name).and_then(Value::as_object);
    if let Some(options) = object("stream_options") {
        if request.get("stream") != Some(&Value::Bool(true)) {
            let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
            return Err(Fault::invalid(message).param("stream_options"));
        }
        only(options, &["include_obfuscation"], "stream_options")?;
    }
    if let Some(reasoning) = object("reasoning") {
        only(reasoning, &["effort", "summary", "generate_summary", "context", "mode"], "reasoning")?;
        one_of(reasoning, "effort", "reasoning", EFFORTS)?;
        one_of(reasoning, "summary", "reasoning", &["auto", "concise", "detailed"])?;
    }
    if let Some(metadata) = object("metadata") {
        if metadata.len() > 16 {
            return Err(array_too_long("metadata", 16, metadata.len()).code("object_above_max_properties"));
        }
        if let Some((name, value)) = metadata.iter().find(|(_, value)| !value.is_string()) {
            return Err(wrong_type(&format!("metadata.{name}"), "a string", value));
        }
    }
    Ok(())
}

fn one_of(object: &Map<String, Value>, name: &str, within: &str, known: &[&str]) -> Result<(), Fault> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(()),
        Some(value) if value.as_str().is_some_and(|word| known.contains(&word)) => Ok(()),
        Some(value) => Err(wrong_value(&format!("{within}.{name}"), value, known)),
    }
}

fn check_format(request: &Map<String, Value>) -> Result<(), Fault> {
    let Some(text) = request.get("text").and_then(Value::as_object) else { return Ok(()) };
    only(text, &["format", "verbosity"], "text")?;
    one_of(text, "verbosity", "text", &["low", "medium", "high"])?;
    let Some(format) = text.get("format").and_then(Value::as_object) else { return Ok(()) };
    let kind = format.get("type").ok_or_else(|| missing("text.format.type"))?;
    match kind.as_str() {
        Some("text") => only(format, &["type"], "text.format"),
        Some("json_object") => {
            only(format, &["type"], "text.format")?;
            let says_json = ["input", "instructions"].iter().filter_map(|name| request.get(*name)).any(mentions_json);
            let message = "Response input messages must contain the word 'json' in some form to use 'text.format' of type \
                           'json_object'.";
            if says_json { Ok(()) } else { Err(Fault::invalid(message).param("input")) }
        }
        Some("json_schema") => {
            only(format, &["type", "name", "schema", "strict", "description"], "text.format")?;
            let name = check_name(format, "text.format")?;
            let schema = format.get("schema").ok_or_else(|| missing("text.format.schema"))?;
            let object = schema.as_object().ok_or_else(|| wrong_type("text.format.schema", "an object", schema))?;
            let strict = format.get("strict").and_then(Value::as_bool).unwrap_or(false);
            check_schema(object, strict).map_err(|why| {
                Fault::invalid(format!("Invalid schema for response_format '{name}': {why}"))
                    .param("text.format.schema")
                    .code("invalid_json_schema")
            })
        }
        Some(_) | None => Err(wrong_value("text.format.type", kind, &["json_object", "json_schema", "text"])),
    }
}

fn mentions_json(value: &Value) -> bool {
    value.to_string().to_ascii_lowercase().contains("json")
}

/// What depends on the model: those that reason take no temperature, the others no thoughts.
fn check_model(model: &str, request: &Map<String, Value>) -> Result<(), Fault> {
    let unsupported = |path: &str| {
        Fault::invalid(format!("Unsupported parameter: '{path}' is not supported with this model."))
            .param(path)
            .code("unsupported_parameter")
    };
    let is_set = |name: &str| request.get(name).is_some_and(|value| !value.is_null());
    if reasons(model) && !model.starts_with("gpt-5.") {
        if let Some(name) = ["temperature", "top_p"].iter().find(|name| is_set(name)) {
            return Err(unsupported(name));
        }
    } else if !reasons(model) {
        let reasoning = request.get("reasoning").and_then(Value::as_object);
        for name in ["effort", "summary"] {
            if reasoning.and_then(|reasoning| reasoning.get(name)).is_some_and(|value| !value.is_null()) {
                return Err(unsupported(&format!("reasoning.{name}")));
            }
        }
        if includes(request, "reasoning.encrypted_content") {
            return Err(Fault::invalid("Encrypted content is not supported with this model.").param("include"));
        }
    }
    Ok(())
}

/// The model thinks before it answers. Names that are no model of OpenAI's may.
fn reasons(model: &str) -> bool {
    !["gpt-4", "gpt-3.5", "chatgpt"].iter().any(|prefix| model.starts_with(prefix))
}

fn includes(request: &Map<String, Value>, name: &str) -> bool {
    let list = request.get("include").and_then(Value::as_array);
    list.is_some_and(|list| list.iter().any(|included| included == name))
}

fn understand(request: &Map<String, Value>, before: Vec<Value>) -> Request {
    let field = |name: &str| request.get(name).filter(|value| !value.is_null());
    let number = |name: &str| field(name).and_then(Value::as_u64);
    let flag = |name: &str, default: bool| field(name).and_then(Value::as_bool).unwrap_or(default);
    let inner =
        |outer: &str, name: &str| field(outer).and_then(|outer| outer.get(name)).filter(|value| !value.is_null());
    let mut conversation = before;
    match field("input") {
        Some(Value::String(text)) => conversation.push(json!({"role": "user", "content": text})),
        Some(Value::Array(items)) => conversation.extend(items.iter().cloned()),
        Some(_) | None => {}
    }
    let said = Value::Array(conversation.clone());
    let read = [field("instructions"), field("tools"), Some(&said)].into_iter().flatten().map(turn::prompt_bytes).sum();
    let effort = inner("reasoning", "effort").and_then(Value::as_str);
    let top = number("top_logprobs").unwrap_or(0);
    let wants_logprobs = includes(request, "message.output_text.logprobs");
    Request {
        asked: Asked {
            model: field("model").and_then(Value::as_str).unwrap_or_default().to_owned(),
            stream: flag("stream", false),
            last_user_text: input::last_user_text(&conversation),
            prompt_tokens: turn::tokens(read),
            forced_tool: tools::forced(request),
            answer_schema: answer_schema(inner("text", "format")),
            stop: Vec::new(),
            output_tokens_max: number("max_output_tokens"),
            thinking: effort.is_some_and(|effort| effort != "none"),
        },
        conversation,
        stores: flag("store", true),
        seals: includes(request, "reasoning.encrypted_content"),
        summarizes: inner("reasoning", "summary").is_some(),
        obfuscates: inner("stream_options", "include_obfuscation").and_then(Value::as_bool).unwrap_or(true),
        top_logprobs: wants_logprobs.then(|| usize::try_from(top).unwrap_or(0).min(20)),
        freeform: tools::freeform(request),
        echo: request.clone(),
    }
}

/// The shape that the answer must have, if the request gives one.
fn answer_schema(format: Option<&Value>) -> Option<Value> {
    match format?.get("type")?.as_str()? {
        "json_object" => Some(turn::any_object_schema()),
        "json_schema" => Some(format?.get("schema")?.clone()),
        _ => None,
    }
}
