//! `toolConfig`.

use serde_json::{Map, Value, json};

use super::content::check_tool_name;
use super::error::invalid;
use super::request::{constraint, only, wrong_type};
use crate::fault::Fault;

/// `in_use`: the conversation holds blocks of tools.
pub(super) fn check(request: &Map<String, Value>, in_use: bool) -> Result<(), Fault> {
    let Some(config) = request.get("toolConfig") else {
        let message = "The toolConfig field must be defined when using toolUse and toolResult content blocks.";
        return if in_use { Err(invalid(message)) } else { Ok(()) };
    };
    let config = config.as_object().ok_or_else(|| wrong_type("toolConfig"))?;
    only(config, &["tools", "toolChoice"], "/toolConfig")?;
    let tools = config.get("tools").and_then(Value::as_array).filter(|tools| !tools.is_empty());
    let rule = "Member must have length greater than or equal to 1";
    let mut names = Vec::new();
    for (n, tool) in tools.ok_or_else(|| constraint("toolConfig.tools", rule))?.iter().enumerate() {
        let path = format!("toolConfig.tools.{n}");
        let fields = tool.as_object().ok_or_else(|| wrong_type(&path))?;
        only(fields, &["toolSpec", "systemTool", "cachePoint"], &format!("/{path}"))?;
        if let Some(spec) = fields.get("toolSpec") {
            names.push(check_spec(spec, &format!("{path}.toolSpec"))?);
        }
    }
    let duplicate = names.iter().enumerate().find(|(n, name)| names.iter().take(*n).any(|other| other == *name));
    if let Some((_, name)) = duplicate {
        return Err(invalid(format!("The tool {name} is defined more than once in toolConfig.tools.")));
    }
    check_choice(config.get("toolChoice"), &names)
}

fn check_spec<'a>(spec: &'a Value, path: &str) -> Result<&'a str, Fault> {
    let spec = spec.as_object().ok_or_else(|| wrong_type(path))?;
    only(spec, &["name", "description", "inputSchema", "strict"], &format!("/{path}"))?;
    check_tool_name(spec.get("name"), &format!("{path}.name"))?;
    if spec.get("description").is_some_and(|words| words.as_str().is_none_or(str::is_empty)) {
        let rule = "Member must have length greater than or equal to 1";
        return Err(constraint(&format!("{path}.description"), rule));
    }
    let schema = spec.get("inputSchema").and_then(|schema| schema.get("json"));
    if schema.is_none_or(|schema| schema.get("type").is_none_or(|kind| kind != "object")) {
        return Err(invalid(format!(
            "The value at {path}.inputSchema.json.type must be one of the following: object. Edit your schema and try again."
        )));
    }
    Ok(spec.get("name").and_then(Value::as_str).unwrap_or_default())
}

fn check_choice(choice: Option<&Value>, names: &[&str]) -> Result<(), Fault> {
    let Some(choice) = choice else { return Ok(()) };
    let fields = choice.as_object().ok_or_else(|| wrong_type("toolConfig.toolChoice"))?;
    only(fields, &["auto", "any", "tool"], "/toolConfig/toolChoice")?;
    if fields.len() != 1 {
        return Err(invalid(
            "Malformed input request: #/toolConfig/toolChoice: expected exactly one member of the union to be set",
        ));
    }
    match fields.get("tool") {
        None => Ok(()),
        Some(tool) => {
            let name = tool.get("name").and_then(Value::as_str).unwrap_or_default();
            let message = "was not found in toolConfig.tools. Specify a tool in toolConfig.tools and try again.";
            if names.contains(&name) { Ok(()) } else { Err(invalid(format!("The tool {name} {message}"))) }
        }
    }
}

/// The tool that the request forces, with its schema.
pub(super) fn forced(request: &Map<String, Value>) -> Option<(String, Value)> {
    let config = request.get("toolConfig")?;
    let choice = config.get("toolChoice")?;
    let mut specs = config.get("tools")?.as_array()?.iter().filter_map(|tool| tool.get("toolSpec"));
    let spec = match (choice.get("any"), choice.get("tool")) {
        (Some(_), _) => specs.next()?,
        (None, Some(tool)) => specs.find(|spec| spec.get("name").is_some() && spec.get("name") == tool.get("name"))?,
        (None, None) => return None,
    };
    let schema = spec.get("inputSchema")?.get("json").cloned().unwrap_or_else(|| json!({"type": "object"}));
    Some((spec.get("name")?.as_str()?.to_owned(), schema))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_that_are_wrong() {
        let spec = |name: &str| json!({"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}});
        for (config, message) in [
            (json!({"tools": []}), "1 validation error detected: Value at 'toolConfig.tools'"),
            (
                json!({"tools": [spec("a.b")]}),
                "1 validation error detected: Value at 'toolConfig.tools.0.toolSpec.name'",
            ),
            (json!({"tools": [spec(&"x".repeat(65))]}), "1 validation error detected"),
            (json!({"tools": [spec("f"), spec("f")]}), "The tool f is defined more than once"),
            (
                json!({"tools": [{"toolSpec": {"name": "f"}}]}),
                "The value at toolConfig.tools.0.toolSpec.inputSchema.json.type",
            ),
            (json!({"tools": [{"function": {}}]}), "Malformed input request: #/toolConfig.tools.0"),
            (
                json!({"tools": [spec("f")], "toolChoice": {"none": {}}}),
                "Malformed input request: #/toolConfig/toolChoice",
            ),
            (json!({"tools": [spec("f")], "toolChoice": {"tool": {"name": "g"}}}), "The tool g was not found"),
            (json!({"tools": [spec("f")], "toolChoice": {"any": {}, "auto": {}}}), "Malformed input request"),
        ] {
            let request = json!({"toolConfig": config});
            let fault = check(request.as_object().expect("an object"), true).expect_err(&request.to_string());
            assert!(fault.message.starts_with(message), "{request}: {}", fault.message);
        }
        assert!(check(&Map::new(), true).is_err_and(|fault| fault.message.starts_with("The toolConfig field must be")));
        assert_eq!(check(&Map::new(), false), Ok(()));
    }

    #[test]
    fn a_choice_forces_a_tool() {
        let spec = |name: &str| json!({"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}});
        let name = |choice: Value| {
            let request =
                json!({"toolConfig": {"tools": [spec("f"), {"cachePoint": {}}, spec("g")], "toolChoice": choice}});
            forced(request.as_object().expect("an object")).map(|(name, _)| name)
        };
        assert_eq!(name(json!({"auto": {}})), None);
        assert_eq!(name(json!({"any": {}})).as_deref(), Some("f"));
        assert_eq!(name(json!({"tool": {"name": "g"}})).as_deref(), Some("g"));
    }
}
