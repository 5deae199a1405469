//! What the API refuses in tools and the choice among them.

use serde_json::{Map, Value, json};

use crate::fault::Fault;
use crate::openai::request::{missing, only, wrong_type, wrong_value};
use crate::openai::tools::{check_name, check_schema};

/// Tools that the API runs by itself; here they are taken and never called.
const HOSTED: &[&str] = &[
    "apply_patch",
    "code_interpreter",
    "computer_use_preview",
    "file_search",
    "image_generation",
    "local_shell",
    "mcp",
    "shell",
    "tool_search",
    "web_search",
    "web_search_preview",
];

pub(super) fn check(request: &Map<String, Value>) -> Result<(), Fault> {
    let tools = request.get("tools").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (n, tool) in tools.iter().enumerate() {
        check_tool(tool, &format!("tools[{n}]"))?;
    }
    match request.get("tool_choice") {
        None => Ok(()),
        Some(choice) => check_choice(choice, tools),
    }
}

fn check_tool(tool: &Value, path: &str) -> Result<(), Fault> {
    let tool = tool.as_object().ok_or_else(|| wrong_type(path, "an object", tool))?;
    let kind = tool.get("type").ok_or_else(|| missing(&format!("{path}.type")))?;
    match kind.as_str() {
        Some("function") => check_function(tool, path),
        Some("custom") => {
            // Chat's form, with everything below `custom`, has no name here.
            check_name(tool, path)?;
            only(tool, &["type", "name", "description", "format", "defer_loading", "allowed_callers", "async"], path)
        }
        Some("namespace") => {
            check_name(tool, path)?;
            only(tool, &["type", "name", "description", "tools"], path)?;
            let inner = tool.get("tools").and_then(Value::as_array).ok_or_else(|| missing(&format!("{path}.tools")))?;
            inner.iter().enumerate().try_for_each(|(n, tool)| check_tool(tool, &format!("{path}.tools[{n}]")))
        }
        Some(hosted) if HOSTED.contains(&hosted) => Ok(()),
        Some(_) | None => {
            let known: Vec<&str> = ["function", "custom", "namespace"].iter().chain(HOSTED).copied().collect();
            Err(wrong_value(&format!("{path}.type"), kind, &known))
        }
    }
}

fn check_function(tool: &Map<String, Value>, path: &str) -> Result<(), Fault> {
    let name = check_name(tool, path)?;
    let known = [
        "type",
        "name",
        "description",
        "parameters",
        "strict",
        "defer_loading",
        "output_schema",
        "allowed_callers",
        "async",
    ];
    only(tool, &known, path)?;
    let strict = match tool.get("strict") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(strict)) => *strict,
        Some(other) => return Err(wrong_type(&format!("{path}.strict"), "a boolean", other)),
    };
    let Some(parameters) = tool.get("parameters").filter(|value| !value.is_null()) else { return Ok(()) };
    let path = format!("{path}.parameters");
    let object = parameters.as_object().ok_or_else(|| wrong_type(&path, "an object", parameters))?;
    check_schema(object, strict).map_err(|why| {
        Fault::invalid(format!("Invalid schema for function '{name}': {why}"))
            .param(path)
            .code("invalid_function_parameters")
    })
}

fn check_choice(choice: &Value, tools: &[Value]) -> Result<(), Fault> {
    match choice {
        Value::String(word) if ["none", "auto", "required"].contains(&word.as_str()) => {
            if word == "required" && tools.is_empty() {
                let message = "Tool choice 'required' must be specified with 'tools' parameter.";
                return Err(Fault::invalid(message).param("tool_choice"));
            }
            Ok(())
        }
        Value::String(_) => Err(wrong_value("tool_choice", choice, &["none", "auto", "required"])),
        Value::Object(object) => match object.get("type").and_then(Value::as_str) {
            Some(kind @ ("function" | "custom")) => {
                only(object, &["type", "name"], "tool_choice")?;
                let name = check_name(object, "tool_choice")?;
                if find(tools, kind, name).is_none() {
                    let message = format!("Tool choice '{kind}' not found in 'tools' parameter.");
                    return Err(Fault::invalid(message).param("tool_choice"));
                }
                Ok(())
            }
            Some("allowed_tools") => only(object, &["type", "mode", "tools"], "tool_choice"),
            Some(kind) if HOSTED.contains(&kind) => Ok(()),
            Some(kind) => Err(wrong_value("tool_choice.type", &kind.into(), &["function", "custom", "allowed_tools"])),
            None => Err(missing("tool_choice.type")),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            Err(wrong_type("tool_choice", "one of a string or object", choice))
        }
    }
}

/// The tool that the request forces, with its schema.
pub(super) fn forced(request: &Map<String, Value>) -> Option<(String, Value)> {
    let tools = request.get("tools")?.as_array()?;
    let choice = request.get("tool_choice")?;
    let tool = match choice.as_str() {
        Some("required") => tools.first()?,
        Some(_) => return None,
        None => find(tools, choice.get("type")?.as_str()?, choice.get("name")?.as_str()?)?,
    };
    let schema = tool.get("parameters").filter(|value| value.is_object()).cloned();
    Some((tool.get("name")?.as_str()?.to_owned(), schema.unwrap_or_else(|| json!({"type": "object"}))))
}

/// Names of the tools that take free text.
pub(super) fn freeform(request: &Map<String, Value>) -> Vec<String> {
    let tools = request.get("tools").and_then(Value::as_array).into_iter().flatten();
    let custom = tools.filter(|tool| tool.get("type").is_some_and(|kind| kind == "custom"));
    custom.filter_map(|tool| tool.get("name")?.as_str().map(str::to_owned)).collect()
}

fn find<'a>(tools: &'a [Value], kind: &str, name: &str) -> Option<&'a Value> {
    tools.iter().find(|tool| {
        tool.get("type").is_some_and(|known| known == kind) && tool.get("name").is_some_and(|known| known == name)
    })
}
