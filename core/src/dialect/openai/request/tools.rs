//! Tools and the choice among them.

use super::content::CacheControl;
use super::decode::missing;
use crate::chat::{Tool, ToolChoice};
use crate::dialect::openai::json::TextOr;
use crate::dialect::wire::{Raw, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use std::borrow::Cow;

wire! { struct WireTool<'a> { kind "type": Str<'a>, function: Function<'a>, cache_control: CacheControl<'a> } }
wire! {
    struct Function<'a> {
        name: Str<'a>,
        description: Str<'a>,
        parameters: Raw<'a>,
        strict: bool,
        cache_control: CacheControl<'a>,
    }
}
wire! { struct Named<'a> { name: Str<'a> } }
wire! { struct WireToolChoice<'a> { kind "type": Str<'a>, function: Named<'a>, allowed_tools: AllowedTools<'a> } }
wire! { struct AllowedTools<'a> { mode: Str<'a> } }

/// Reads `tools` and their legacy form, `functions`.
pub(super) fn decode<'a>(
    tools: Option<Vec<WireTool<'a>>>,
    functions: Option<Vec<Function<'a>>>,
    losses: &mut Losses,
) -> Result<Vec<Tool<'a>>, Fault> {
    let mut decoded = Vec::new();
    for (i, mut tool) in tools.unwrap_or_default().into_iter().enumerate() {
        match (tool.kind.as_deref(), tool.function.take()) {
            (Some("function") | None, Some(function)) => {
                for name in &tool.unknown {
                    losses.add_unknown("tools", name);
                }
                let path = || format!("tools[{i}].function.name");
                decoded.push(function_tool(function, tool.cache_control, path, losses)?);
            }
            (Some("function"), None) => {
                return Err(missing(&format!("tools[{i}].function"), "the function's definition"));
            }
            (Some("custom"), _) => losses.add("tools.custom"),
            (Some(kind), _) => losses.add_unknown("tools", kind),
            (None, None) => return Err(missing(&format!("tools[{i}].type"), "`function`")),
        }
    }
    for (i, function) in functions.unwrap_or_default().into_iter().enumerate() {
        let path = || format!("functions[{i}].name");
        decoded.push(function_tool(function, None, path, losses)?);
    }
    Ok(decoded)
}

fn function_tool<'a>(
    function: Function<'a>,
    cache_control: Option<CacheControl<'a>>,
    path: impl Fn() -> String,
    losses: &mut Losses,
) -> Result<Tool<'a>, Fault> {
    for name in &function.unknown {
        losses.add_unknown("tools.function", name);
    }
    Ok(Tool {
        name: function.name.ok_or_else(|| missing(&path(), "the function's name"))?,
        description: function.description,
        schema: function.parameters.map(Cow::Borrowed),
        strict: function.strict,
        cache: cache_control.or(function.cache_control).map(|control| control.into_mark("tools.cache_control", losses)),
    })
}

/// Reads `tool_choice` or its legacy form, `function_call`.
pub(super) fn decode_choice<'a>(
    choice: Option<TextOr<'a, WireToolChoice<'a>>>,
    legacy: Option<TextOr<'a, Named<'a>>>,
    losses: &mut Losses,
) -> Result<Option<ToolChoice<'a>>, Fault> {
    match choice {
        Some(TextOr::Text(word)) => Ok(choice_word(&word, "tool_choice", losses)),
        Some(TextOr::Object(choice)) => choice_object(choice, losses),
        None => match legacy {
            Some(TextOr::Text(word)) => Ok(choice_word(&word, "function_call", losses)),
            Some(TextOr::Object(named)) => {
                named.name.map(ToolChoice::Named).map(Some).ok_or_else(|| missing("function_call.name", "a name"))
            }
            None => Ok(None),
        },
    }
}

fn choice_word<'a>(word: &str, field: &'static str, losses: &mut Losses) -> Option<ToolChoice<'a>> {
    match word {
        "auto" => Some(ToolChoice::Auto),
        "none" => Some(ToolChoice::None),
        "required" | "any" => Some(ToolChoice::Required),
        _ => {
            losses.add(field);
            None
        }
    }
}

fn choice_object<'a>(choice: WireToolChoice<'a>, losses: &mut Losses) -> Result<Option<ToolChoice<'a>>, Fault> {
    match choice.kind.as_deref() {
        Some("function") | None => {
            let name = choice.function.and_then(|function| function.name);
            let name = name.ok_or_else(|| missing("tool_choice.function.name", "the name of a function"))?;
            Ok(Some(ToolChoice::Named(name)))
        }
        Some("allowed_tools") => {
            // That a tool must be called can still be said, which ones are allowed cannot.
            losses.add("tool_choice.allowed_tools");
            let mode = choice.allowed_tools.and_then(|allowed| allowed.mode);
            Ok(mode.and_then(|mode| choice_word(&mode, "tool_choice.allowed_tools.mode", losses)))
        }
        Some("custom") => {
            losses.add("tool_choice.custom");
            Ok(None)
        }
        Some(word) => Ok(choice_word(word, "tool_choice", losses)),
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::openai::request::decode::tests::{check, told};

    #[test]
    fn choices_of_tools() {
        for (fields, expected, losses) in [
            (r#""tool_choice":"auto""#, "Some(Auto)", ""),
            (r#""tool_choice":"none""#, "Some(None)", ""),
            (r#""tool_choice":"required""#, "Some(Required)", ""),
            (r#""tool_choice":"any""#, "Some(Required)", ""),
            (r#""tool_choice":"new""#, "None", "tool_choice"),
            (r#""tool_choice":{"type":"function","function":{"name":"f"}}"#, "Some(Named(\"f\"))", ""),
            (
                r#""tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[]}}"#,
                "Some(Required)",
                "tool_choice.allowed_tools",
            ),
            (r#""tool_choice":{"type":"custom","custom":{"name":"c"}}"#, "None", "tool_choice.custom"),
            (r#""function_call":"none""#, "Some(None)", ""),
            (r#""function_call":{"name":"f"}"#, "Some(Named(\"f\"))", ""),
            (r#""function_call":"auto","tool_choice":"required""#, "Some(Required)", ""),
        ] {
            check(fields, |request| told(request.tool_choice), expected, losses);
        }
    }
}
