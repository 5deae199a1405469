//! Functions and the choice among them.

use serde_json::{Map, Value, json};

use super::error::{field, invalid};
use super::url::Call;
use crate::fault::Fault;

const NAME_MAX: usize = 128;

/// # Errors
/// The refusal of the API.
pub(super) fn check(body: &Value, call: &Call) -> Result<(), Fault> {
    let mut names: Vec<&str> = Vec::new();
    for (t, tool) in array(&body["tools"]).iter().enumerate() {
        for (f, function) in array(&tool["functionDeclarations"]).iter().enumerate() {
            let path = format!("tools[{t}].function_declarations[{f}]");
            let name = check_function(function, &path)?;
            if names.contains(&name) {
                return Err(invalid(format!("Duplicate function declaration found: {name}")));
            }
            names.push(name);
        }
    }
    let is_json = body["generationConfig"]["responseMimeType"] == "application/json";
    if is_json && !names.is_empty() && !call.is_new() {
        return Err(invalid("Function calling with a response mime type: 'application/json' is unsupported"));
    }
    check_choice(&body["toolConfig"]["functionCallingConfig"], &names)
}

fn check_function<'a>(function: &'a Value, path: &str) -> Result<&'a str, Fault> {
    let name = function["name"].as_str().unwrap_or_default();
    let fits = name.len() <= NAME_MAX
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte));
    if !fits {
        return Err(field(
            &format!("{path}.name"),
            "[FIELD_INVALID]: Invalid function name. Must start with a letter or an underscore. Must be alphameric (a-z, \
             A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 128.",
        ));
    }
    if let Some(schema) = function.get("parametersJsonSchema") {
        if function.get("parameters").is_some() {
            return Err(field(&format!("{path}.parameters_json_schema"), "is mutually exclusive with `parameters`."));
        }
        if schema["type"] != "object" {
            return Err(field(&format!("{path}.parameters_json_schema"), "the schema must describe an object."));
        }
    }
    if let Some(schema) = function.get("parameters") {
        let path = format!("{path}.parameters");
        if !schema["type"].as_str().unwrap_or_default().eq_ignore_ascii_case("OBJECT") {
            return Err(field(&path, "only allowed for OBJECT type"));
        }
        check_schema(schema, &path)?;
    }
    Ok(name)
}

/// <https://ai.google.dev/api/caching#Schema>
pub(super) fn check_schema(schema: &Value, path: &str) -> Result<(), Fault> {
    let kind = schema["type"].as_str().unwrap_or_default().to_ascii_uppercase();
    match kind.as_str() {
        "OBJECT" | "ARRAY" | "STRING" | "NUMBER" | "INTEGER" | "BOOLEAN" | "NULL" => {}
        "" if schema.get("anyOf").is_some() => {}
        "" => return Err(field(&format!("{path}.type"), "must be specified")),
        other => {
            let path = format!("{path}.type");
            return Err(invalid(format!(
                "Invalid value at '{path}' (type.googleapis.com/google.ai.generativelanguage.v1beta.Type), \"{other}\""
            ))
            .param(path));
        }
    }
    if kind == "ARRAY" && schema.get("items").is_none() {
        return Err(field(&format!("{path}.items"), "missing field."));
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        check_schema(property, &format!("{path}.properties[{name}]"))?;
    }
    for name in array(&schema["required"]) {
        if schema["properties"].get(name.as_str().unwrap_or_default()).is_none() {
            return Err(field(&format!("{path}.required"), "property is not defined"));
        }
    }
    if let Some(items) = schema.get("items") {
        check_schema(items, &format!("{path}.items"))?;
    }
    Ok(())
}

fn check_choice(config: &Value, names: &[&str]) -> Result<(), Fault> {
    if config.is_null() {
        return Ok(());
    }
    if names.is_empty() {
        return Err(invalid("Function calling config is set without function_declarations."));
    }
    let mode = config["mode"].as_str().unwrap_or_default();
    if !matches!(mode, "" | "MODE_UNSPECIFIED" | "AUTO" | "ANY" | "NONE" | "VALIDATED") {
        let path = "tool_config.function_calling_config.mode";
        return Err(invalid(format!("Invalid value at '{path}' (type.googleapis.com/Mode), \"{mode}\"")).param(path));
    }
    let allowed = array(&config["allowedFunctionNames"]);
    if !allowed.is_empty() && !matches!(mode, "ANY" | "VALIDATED") {
        return Err(invalid("Allowed function names should only be set when the function calling mode is ANY."));
    }
    match allowed.iter().filter_map(Value::as_str).find(|name| !names.contains(name)) {
        Some(name) => Err(invalid(format!("Allowed function name {name} is not found in function declarations."))),
        None => Ok(()),
    }
}

/// The function that must be called, with its JSON schema.
pub(super) fn forced(body: &Value) -> Option<(String, Value)> {
    let config = &body["toolConfig"]["functionCallingConfig"];
    if config["mode"] != "ANY" {
        return None;
    }
    let allowed = array(&config["allowedFunctionNames"]);
    let tools = array(&body["tools"]).iter().flat_map(|tool| array(&tool["functionDeclarations"]));
    let mut fitting = tools.filter(|function| allowed.is_empty() || allowed.contains(&function["name"]));
    let function = fitting.next()?;
    let schema = match (function.get("parametersJsonSchema"), function.get("parameters")) {
        (Some(schema), _) => schema.clone(),
        (None, Some(schema)) => json_schema(schema),
        (None, None) => json!({"type": "object"}),
    };
    Some((function["name"].as_str()?.to_owned(), schema))
}

/// Google's schema with the types in lower case, as the examples are made from.
pub(super) fn json_schema(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| {
                let value = match value.as_str() {
                    Some(kind) if name == "type" => Value::String(kind.to_ascii_lowercase()),
                    _ => json_schema(value),
                };
                (name.clone(), value)
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(json_schema).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
