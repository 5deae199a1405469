//! The hub's tools → the API's.

use super::body::{Mark, Tool, ToolChoice};
use crate::chat;
use crate::dialect::schema::completed;
use crate::fault::Fault;
use crate::loss::Losses;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// How long a tool's name may be, in characters
/// (<https://github.com/anthropics/anthropic-sdk-python/blob/main/src/anthropic/types/tool_param.py>, `name`).
const NAME_CHARS_MAX: usize = 128;
/// The schema of a tool without arguments.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

/// The tools that the client offers.
///
/// # Errors
/// A [`Fault`] that names a tool whose name or schema the API would refuse.
pub(super) fn tools<'a>(tools: &'a [chat::Tool<'a>]) -> Result<Vec<Tool<'a>>, Fault> {
    tools.iter().enumerate().map(|(index, tool)| one(tool, index)).collect()
}

fn one<'a>(tool: &'a chat::Tool<'a>, index: usize) -> Result<Tool<'a>, Fault> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if tool.name.is_empty() || tool.name.len() > NAME_CHARS_MAX || !tool.name.chars().all(fits) {
        let name: String = tool.name.chars().take(NAME_CHARS_MAX).collect();
        let path = format!("tools[{index}].name");
        let message = format!(
            "{path} is `{name}`: a tool's name has 1 to {NAME_CHARS_MAX} letters, digits, underscores and hyphens"
        );
        return Err(Fault::invalid(message).with_param(path));
    }
    Ok(Tool {
        name: &tool.name,
        description: tool.description.as_deref(),
        input_schema: schema(tool.schema.as_deref(), index)?,
        strict: tool.strict == Some(true),
        cache_control: tool.cache.as_ref().map(Mark),
    })
}

/// An input schema, which has to be an object with a `type`. Tools without arguments get the schema of no arguments.
fn schema(schema: Option<&RawValue>, index: usize) -> Result<Cow<'_, RawValue>, Fault> {
    let raw = match schema {
        None => return Ok(Cow::Owned(RawValue::from_string(NO_ARGUMENTS.to_owned()).expect("the constant is JSON"))),
        Some(raw) => raw,
    };
    completed(raw, &[("type", "\"object\"")]).ok_or_else(|| {
        let path = format!("tools[{index}].input_schema");
        Fault::invalid(format!("{path} is not a JSON object")).with_param(path)
    })
}

/// Whether and which tool must be called. `thinking`: the model thinks, and cannot be forced to call a tool then
/// (<https://platform.claude.com/docs/en/build-with-claude/extended-thinking#extended-thinking-with-tool-use>).
///
/// # Errors
/// A [`Fault`] for a call that is demanded where there are no tools.
pub(super) fn choice<'a>(
    request: &'a chat::Request<'a>,
    thinking: bool,
    losses: &mut Losses,
) -> Result<Option<ToolChoice<'a>>, Fault> {
    let disable_parallel_tool_use = request.parallel_tools == Some(false);
    let choice = request.tool_choice.as_ref();
    if request.tools.is_empty() {
        return match choice {
            None | Some(chat::ToolChoice::Auto | chat::ToolChoice::None) => Ok(None),
            Some(chat::ToolChoice::Required | chat::ToolChoice::Named(_)) => {
                Err(Fault::invalid("tool_choice demands a tool call, but the request has no tools")
                    .with_param("tool_choice"))
            }
        };
    }
    let choice = match choice {
        Some(chat::ToolChoice::Required | chat::ToolChoice::Named(_)) if thinking => {
            losses.add("tool_choice");
            ToolChoice::Auto { disable_parallel_tool_use }
        }
        None if !disable_parallel_tool_use => return Ok(None),
        None | Some(chat::ToolChoice::Auto) => ToolChoice::Auto { disable_parallel_tool_use },
        Some(chat::ToolChoice::Required) => ToolChoice::Any { disable_parallel_tool_use },
        Some(chat::ToolChoice::Named(name)) => ToolChoice::Tool { name, disable_parallel_tool_use },
        Some(chat::ToolChoice::None) => ToolChoice::None,
    };
    Ok(Some(choice))
}
