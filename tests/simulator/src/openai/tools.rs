//! Tools, tool choice and answer schemas of a chat completion request.

use serde_json::{Map, Value, json};

use super::messages::text;
use super::request::{array_too_long, empty_array, missing, only, text_too_long, wrong_type, wrong_value};
use crate::fault::Fault;
use crate::turn;

const TOOLS_MAX: usize = 128;
const NAME_MAX: usize = 64;

pub(super) fn check(request: &Map<String, Value>) -> Result<(), Fault> {
    let Some(tools) = request.get("tools").and_then(Value::as_array) else { return only_with_tools(request) };
    if tools.is_empty() {
        return Err(empty_array("tools"));
    }
    if tools.len() > TOOLS_MAX {
        return Err(array_too_long("tools", TOOLS_MAX, tools.len()));
    }
    for (n, tool) in tools.iter().enumerate() {
        check_tool(tool, &format!("tools[{n}]"))?;
    }
    match request.get("tool_choice") {
        None => Ok(()),
        Some(choice) => check_choice(choice, tools),
    }
}

fn only_with_tools(request: &Map<String, Value>) -> Result<(), Fault> {
    for name in ["tool_choice", "parallel_tool_calls"] {
        // "none" without tools says nothing, and passes.
        if request.get(name).is_some_and(|value| value != "none") {
            let message = format!("Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified.");
            return Err(Fault::invalid(message).param(name));
        }
    }
    Ok(())
}

fn check_tool(tool: &Value, path: &str) -> Result<(), Fault> {
    let tool = tool.as_object().ok_or_else(|| wrong_type(path, "an object", tool))?;
    let kind = text(tool, "type", path)?;
    if kind != "function" && kind != "custom" {
        return Err(wrong_value(&format!("{path}.type"), &kind.into(), &["function", "custom"]));
    }
    only(tool, &["type", kind], path)?;
    let path = format!("{path}.{kind}");
    let inner = tool.get(kind).ok_or_else(|| missing(&path))?;
    let inner = inner.as_object().ok_or_else(|| wrong_type(&path, "an object", inner))?;
    let name = check_name(inner, &path)?;
    if kind == "custom" {
        return only(inner, &["name", "description", "format"], &path);
    }
    only(inner, &["name", "description", "parameters", "strict"], &path)?;
    for (field, fits) in [
        ("description", Value::is_string as fn(&Value) -> bool),
        ("strict", |value| value.is_boolean() || value.is_null()),
    ] {
        if let Some(value) = inner.get(field).filter(|value| !fits(value)) {
            let expected = if field == "strict" { "a boolean" } else { "a string" };
            return Err(wrong_type(&format!("{path}.{field}"), expected, value));
        }
    }
    let Some(parameters) = inner.get("parameters") else { return Ok(()) };
    let strict = inner.get("strict").and_then(Value::as_bool).unwrap_or(false);
    let parameters_path = format!("{path}.parameters");
    let object = parameters.as_object().ok_or_else(|| wrong_type(&parameters_path, "an object", parameters))?;
    check_schema(object, strict).map_err(|why| {
        Fault::invalid(format!("Invalid schema for function '{name}': {why}"))
            .param(parameters_path)
            .code("invalid_function_parameters")
    })
}

pub(crate) fn check_name<'a>(object: &'a Map<String, Value>, path: &str) -> Result<&'a str, Fault> {
    let name = text(object, "name", path)?;
    let path = format!("{path}.name");
    if name.len() > NAME_MAX {
        return Err(text_too_long(&path, NAME_MAX, name.len()));
    }
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
        let message = format!(
            "Invalid '{path}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        );
        return Err(Fault::invalid(message).param(path).code("invalid_value"));
    }
    Ok(name)
}

/// What the API looks at in a schema; more of it when it is strict.
pub(crate) fn check_schema(schema: &Map<String, Value>, strict: bool) -> Result<(), String> {
    if schema.is_empty() && !strict {
        return Ok(());
    }
    if schema.get("type").is_none_or(|kind| kind != "object") {
        let got = schema
            .get("type")
            .map_or_else(|| "None".to_owned(), |kind| kind.as_str().map_or_else(|| kind.to_string(), str::to_owned));
        return Err(format!("schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{got}\"'."));
    }
    check_nested(schema, strict, &mut Vec::new())
}

fn check_nested(schema: &Map<String, Value>, strict: bool, context: &mut Vec<String>) -> Result<(), String> {
    let place = |context: &[String]| {
        let names: Vec<String> = context.iter().map(|name| format!("'{name}'")).collect();
        format!("In context=({}), ", names.join(", "))
    };
    let properties = schema.get("properties").and_then(Value::as_object);
    if strict && schema.get("type").is_some_and(|kind| kind == "object") {
        if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
            return Err(format!(
                "{}'additionalProperties' is required to be supplied and to be false.",
                place(context)
            ));
        }
        let required = schema.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if let Some(name) = properties
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
            .find(|name| !required.iter().any(|known| known == *name))
        {
            return Err(format!(
                "{}'required' is required to be supplied and to be an array including every key in properties. Missing '{name}'.",
                place(context)
            ));
        }
    }
    if schema.get("type").is_some_and(|kind| kind == "array") && !schema.contains_key("items") {
        return Err(format!("{}array schema missing items.", place(context)));
    }
    for (name, inner) in properties.into_iter().flatten() {
        if let Some(inner) = inner.as_object() {
            context.extend(["properties".to_owned(), name.clone()]);
            check_nested(inner, strict, context)?;
            context.truncate(context.len() - 2);
        }
    }
    if let Some(inner) = schema.get("items").and_then(Value::as_object) {
        context.push("items".to_owned());
        check_nested(inner, strict, context)?;
        context.pop();
    }
    Ok(())
}

fn check_choice(choice: &Value, tools: &[Value]) -> Result<(), Fault> {
    match choice {
        Value::String(word) if ["none", "auto", "required"].contains(&word.as_str()) => Ok(()),
        Value::String(_) => Err(wrong_value("tool_choice", choice, &["none", "auto", "required"])),
        Value::Object(object) => match text(object, "type", "tool_choice")? {
            kind @ ("function" | "custom") => {
                only(object, &["type", kind], "tool_choice")?;
                let path = format!("tool_choice.{kind}");
                let inner = object.get(kind).and_then(Value::as_object).ok_or_else(|| missing(&path))?;
                let name = text(inner, "name", &path)?;
                if find(tools, name).is_none() {
                    return Err(Fault::invalid(format!("Tool choice '{name}' not found in 'tools' parameter."))
                        .param("tool_choice"));
                }
                Ok(())
            }
            "allowed_tools" => only(object, &["type", "allowed_tools"], "tool_choice"),
            other => Err(wrong_value("tool_choice.type", &other.into(), &["function", "allowed_tools", "custom"])),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            Err(wrong_type("tool_choice", "one of a string or object", choice))
        }
    }
}

pub(super) fn check_answer_schema(format: &Map<String, Value>) -> Result<(), Fault> {
    let path = "response_format.json_schema";
    let value = format.get("json_schema").ok_or_else(|| missing(path))?;
    let object = value.as_object().ok_or_else(|| wrong_type(path, "an object", value))?;
    only(object, &["name", "description", "schema", "strict"], path)?;
    let name = check_name(object, path)?;
    let strict = object.get("strict").and_then(Value::as_bool).unwrap_or(false);
    let Some(schema) = object.get("schema") else {
        return if strict { Err(missing(&format!("{path}.schema"))) } else { Ok(()) };
    };
    let schema = schema.as_object().ok_or_else(|| wrong_type(&format!("{path}.schema"), "an object", schema))?;
    check_schema(schema, strict).map_err(|why| {
        Fault::invalid(format!("Invalid schema for response_format '{name}': {why}")).param("response_format")
    })
}

/// The tool that the request forces, with its schema.
pub(super) fn forced(request: &Map<String, Value>) -> Option<(String, Value)> {
    let tools = request.get("tools")?.as_array()?;
    let choice = request.get("tool_choice")?;
    let tool = match choice.as_str() {
        Some("required") => tools.first()?,
        Some(_) => return None,
        None => {
            let allowed = choice
                .get("allowed_tools")
                .filter(|allowed| allowed.get("mode").is_some_and(|mode| mode == "required"));
            let named = allowed.and_then(|allowed| allowed.get("tools")?.get(0)).unwrap_or(choice);
            find(tools, named.get("function").or_else(|| named.get("custom"))?.get("name")?.as_str()?)?
        }
    };
    let function = tool.get("function").or_else(|| tool.get("custom"))?;
    let schema = function.get("parameters").cloned().unwrap_or_else(|| json!({"type": "object"}));
    Some((function.get("name")?.as_str()?.to_owned(), schema))
}

/// The shape that the answer must have, if the request gives one.
pub(super) fn answer_schema(request: &Map<String, Value>) -> Option<Value> {
    let format = request.get("response_format")?;
    match format.get("type")?.as_str()? {
        "json_object" => Some(turn::any_object_schema()),
        "json_schema" => {
            Some(format.get("json_schema")?.get("schema").cloned().unwrap_or_else(turn::any_object_schema))
        }
        _ => None,
    }
}

fn find<'a>(tools: &'a [Value], name: &str) -> Option<&'a Value> {
    tools.iter().find(|tool| {
        let inner = tool.get("function").or_else(|| tool.get("custom"));
        inner.and_then(|inner| inner.get("name")).is_some_and(|known| known == name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(fields: &Value) -> Value {
        let mut function = json!({"name": "f"});
        for (name, value) in fields.as_object().expect("an object") {
            function[name] = value.clone();
        }
        json!({"tools": [{"type": "function", "function": function}]})
    }

    fn refused(request: &Value, message: &str, param: &str) {
        let fault = check(request.as_object().expect("an object")).expect_err(&request.to_string());
        assert!(fault.message.starts_with(message), "{request}: {}", fault.message);
        assert_eq!(fault.param.as_deref(), Some(param), "{request}");
    }

    #[test]
    fn tools_that_are_wrong() {
        let strict = |schema: Value| function(&json!({"strict": true, "parameters": schema}));
        for (request, message, param) in [
            (json!({"tools": []}), "Invalid 'tools': empty array.", "tools"),
            (
                json!({"tools": vec![json!({"type": "function", "function": {"name": "f"}}); 129]}),
                "Invalid 'tools': array too long.",
                "tools",
            ),
            (
                json!({"tools": [{"name": "f", "input_schema": {}}]}),
                "Missing required parameter: 'tools[0].type'.",
                "tools[0].type",
            ),
            (
                json!({"tools": [{"type": "function", "function": {"name": "f"}, "cache_control": {}}]}),
                "Unknown parameter",
                "tools[0].cache_control",
            ),
            (
                function(&json!({"name": "a.b"})),
                "Invalid 'tools[0].function.name': string does not match",
                "tools[0].function.name",
            ),
            (
                function(&json!({"name": "x".repeat(65)})),
                "Invalid 'tools[0].function.name': string too long",
                "tools[0].function.name",
            ),
            (function(&json!({"description": null})), "Invalid type", "tools[0].function.description"),
            (
                function(&json!({"parameters": {"type": "string"}})),
                "Invalid schema for function 'f': schema must be",
                "tools[0].function.parameters",
            ),
            (
                function(&json!({"parameters": {"type": "object", "properties": {"a": {"type": "array"}}}})),
                "Invalid schema for function 'f': In context=('properties', 'a'), array schema missing items",
                "tools[0].function.parameters",
            ),
            (
                strict(json!({"type": "object", "properties": {}})),
                "Invalid schema for function 'f': In context=(), 'additionalProperties'",
                "tools[0].function.parameters",
            ),
            (
                strict(json!({"type": "object", "properties": {"a": {}}, "additionalProperties": false})),
                "Invalid schema for function 'f': In context=(), 'required'",
                "tools[0].function.parameters",
            ),
            (json!({"tool_choice": "auto"}), "Invalid value for 'tool_choice'", "tool_choice"),
            (json!({"parallel_tool_calls": false}), "Invalid value for 'parallel_tool_calls'", "parallel_tool_calls"),
            (
                json!({"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "any"}),
                "Invalid value: 'any'.",
                "tool_choice",
            ),
            (
                json!({"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": {"type": "function", "function": {"name": "g"}}}),
                "Tool choice 'g' not found",
                "tool_choice",
            ),
        ] {
            refused(&request, message, param);
        }
    }

    #[test]
    fn a_choice_forces_a_tool() {
        let name = |choice: Value| {
            let tools = json!([{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "g"}}]);
            let request = json!({"tools": tools, "tool_choice": choice});
            assert_eq!(check(request.as_object().expect("an object")), Ok(()));
            forced(request.as_object().expect("an object")).map(|(name, _)| name)
        };
        assert_eq!(name(json!("auto")), None);
        assert_eq!(name(json!("none")), None);
        assert_eq!(name(json!("required")).as_deref(), Some("f"));
        assert_eq!(name(json!({"type": "function", "function": {"name": "g"}})).as_deref(), Some("g"));
    }
}
