//! Tools and tool choice of a Messages request.

use serde_json::{Map, Value, json};

use super::blocks::{check_cache_control, only, text};
use super::request::wrong;
use crate::fault::Fault;

const NAME_MAX: usize = 128;

pub(super) fn check(request: &Map<String, Value>) -> Result<(), Fault> {
    let tools = match request.get("tools") {
        None => &Vec::new(),
        Some(tools) => tools.as_array().ok_or_else(|| wrong("tools", "Input should be a valid list"))?,
    };
    let mut names: Vec<&str> = Vec::new();
    for (n, tool) in tools.iter().enumerate() {
        let name = check_tool(tool, n)?;
        if names.contains(&name) {
            return Err(wrong("tools", "Tool names must be unique."));
        }
        names.push(name);
    }
    match request.get("tool_choice") {
        None => Ok(()),
        Some(choice) => check_choice(choice, &names),
    }
}

fn check_tool(tool: &Value, n: usize) -> Result<&str, Fault> {
    let path = format!("tools.{n}");
    let object = tool.as_object().ok_or_else(|| wrong(&path, "Input should be an object"))?;
    if let Some(control) = object.get("cache_control") {
        check_cache_control(control, &format!("{path}.cache_control"))?;
    }
    let kind =
        object.get("type").filter(|kind| !kind.is_null()).map_or("custom", |kind| kind.as_str().unwrap_or_default());
    if kind != "custom" {
        return check_server_tool(object, kind, &path);
    }
    let path = format!("{path}.custom");
    let known = [
        "type",
        "name",
        "description",
        "input_schema",
        "cache_control",
        "strict",
        "allowed_callers",
        "defer_loading",
        "eager_input_streaming",
        "input_examples",
    ];
    only(object, &known, &path)?;
    let name = text(object, "name", &path)?;
    let fits = (1..=NAME_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if !fits {
        return Err(wrong(&format!("{path}.name"), "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"));
    }
    if object.get("description").is_some_and(|description| !description.is_string()) {
        return Err(wrong(&format!("{path}.description"), "Input should be a valid string"));
    }
    let path = format!("{path}.input_schema");
    let schema = object.get("input_schema").ok_or_else(|| wrong(&path, "Field required"))?;
    let schema = schema.as_object().ok_or_else(|| wrong(&path, "Input should be an object"))?;
    match schema.get("type") {
        None => Err(wrong(&format!("{path}.type"), "Field required")),
        Some(kind) if kind != "object" => Err(wrong(&format!("{path}.type"), "Input should be 'object'")),
        Some(_) => Ok(name),
    }
}

/// Tools that Anthropic defines carry a date in their type.
fn check_server_tool<'a>(object: &'a Map<String, Value>, kind: &str, path: &str) -> Result<&'a str, Fault> {
    const FAMILIES: [&str; 9] = [
        "bash_",
        "text_editor_",
        "computer_",
        "web_search_",
        "web_fetch_",
        "code_execution_",
        "memory_",
        "tool_search_tool_",
        "mcp_toolset",
    ];
    if !FAMILIES.iter().any(|family| kind.starts_with(family)) {
        return Err(wrong(
            path,
            &format!("Input tag '{kind}' found using 'type' does not match any of the expected tags"),
        ));
    }
    if kind == "mcp_toolset" { text(object, "mcp_server_name", path) } else { text(object, "name", path) }
}

fn check_choice(choice: &Value, names: &[&str]) -> Result<(), Fault> {
    let object = choice.as_object().ok_or_else(|| wrong("tool_choice", "Input should be an object"))?;
    if names.is_empty() && object.get("type").is_none_or(|kind| kind != "none") {
        return Err(Fault::invalid("tool_choice may only be specified while providing tools."));
    }
    let kind = text(object, "type", "tool_choice")?;
    let path = format!("tool_choice.{kind}");
    match kind {
        "auto" | "any" => only(object, &["type", "disable_parallel_tool_use"], &path),
        "none" => only(object, &["type"], &path),
        "tool" => {
            only(object, &["type", "name", "disable_parallel_tool_use"], &path)?;
            let name = text(object, "name", &path)?;
            if names.contains(&name) {
                Ok(())
            } else {
                Err(Fault::invalid(format!("Tool '{name}' not found in provided tools")))
            }
        }
        other => Err(wrong(
            "tool_choice",
            &format!(
                "Input tag '{other}' found using 'type' does not match any of the expected tags: 'auto', 'any', 'tool', 'none'"
            ),
        )),
    }
}

/// The tool that the request forces, with its schema.
pub(super) fn forced(request: &Map<String, Value>) -> Option<(String, Value)> {
    let tools = request.get("tools")?.as_array()?;
    let choice = request.get("tool_choice")?;
    let tool = match choice.get("type")?.as_str()? {
        "any" => tools.first()?,
        "tool" => tools.iter().find(|tool| tool.get("name").is_some() && tool.get("name") == choice.get("name"))?,
        _ => return None,
    };
    let schema = tool.get("input_schema").cloned().unwrap_or_else(|| json!({"type": "object"}));
    Some((tool.get("name")?.as_str()?.to_owned(), schema))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_that_are_wrong() {
        let tool = |name: &str| json!({"name": name, "input_schema": {"type": "object"}});
        for (request, message) in [
            (json!({"tools": [{"name": "f"}]}), "tools.0.custom.input_schema: Field required"),
            (json!({"tools": [{"name": "f", "input_schema": {}}]}), "tools.0.custom.input_schema.type: Field required"),
            (
                json!({"tools": [{"name": "f", "input_schema": {"type": "string"}}]}),
                "tools.0.custom.input_schema.type: Input should be 'object'",
            ),
            (
                json!({"tools": [tool("a.b")]}),
                "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
            ),
            (json!({"tools": [tool(&"x".repeat(129))]}), "tools.0.custom.name: String should match pattern"),
            (json!({"tools": [tool("f"), tool("f")]}), "tools: Tool names must be unique."),
            (json!({"tools": [{"type": "function", "function": {"name": "f"}}]}), "tools.0: Input tag 'function'"),
            (
                json!({"tools": [{"name": "f", "parameters": {}, "input_schema": {"type": "object"}}]}),
                "tools.0.custom.parameters: Extra inputs are not permitted",
            ),
            (json!({"tool_choice": {"type": "auto"}}), "tool_choice may only be specified while providing tools."),
            (json!({"tools": [tool("f")], "tool_choice": "auto"}), "tool_choice: Input should be an object"),
            (json!({"tools": [tool("f")], "tool_choice": {"type": "required"}}), "tool_choice: Input tag 'required'"),
            (
                json!({"tools": [tool("f")], "tool_choice": {"type": "tool", "name": "g"}}),
                "Tool 'g' not found in provided tools",
            ),
        ] {
            let fault = check(request.as_object().expect("an object")).expect_err(&request.to_string());
            assert!(fault.message.starts_with(message), "{request}: {}", fault.message);
        }
    }

    #[test]
    fn a_choice_forces_a_tool() {
        let tool = |name: &str| json!({"name": name, "input_schema": {"type": "object"}});
        let name = |choice: Value| {
            let request = json!({"tools": [tool("f"), tool("g"), {"type": "web_search_20250305", "name": "web_search"}], "tool_choice": choice});
            assert_eq!(check(request.as_object().expect("an object")), Ok(()));
            forced(request.as_object().expect("an object")).map(|(name, _)| name)
        };
        assert_eq!(name(json!({"type": "auto"})), None);
        assert_eq!(name(json!({"type": "any", "disable_parallel_tool_use": true})).as_deref(), Some("f"));
        assert_eq!(name(json!({"type": "tool", "name": "g"})).as_deref(), Some("g"));
    }
}
