//! Tools and the choice among them.
//!
//! A function here is flat (`{"type": "function", "name", "parameters", "strict"}`) and strict unless it says otherwise.

use super::freeform::{self, Format};
use crate::chat::{Tool, ToolChoice};
use crate::dialect::openai::json::TextOr;
use crate::dialect::openai::request::decode::missing;
use crate::dialect::responses::label;
use crate::dialect::wire::{Raw, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use std::borrow::Cow;

wire! {
    /// Any tool: <https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools>.
    struct WireTool<'a> {
        kind "type": Str<'a>,
        name: Str<'a>,
        description: Str<'a>,
        parameters: Raw<'a>,
        strict: bool,
        format: Format<'a>,
        tools: Raw<'a>,
    }
}
wire! { struct WireToolChoice<'a> { kind "type": Str<'a>, name: Str<'a>, mode: Str<'a>, tools: Raw<'a> } }

/// A tool that is no plain function, as the client knows it.
pub(in crate::dialect::responses) struct Form<'a> {
    pub(in crate::dialect::responses) name: Str<'a>,
    pub(in crate::dialect::responses) namespace: Option<Str<'a>>,
    pub(in crate::dialect::responses) is_freeform: bool,
}

/// Reads `tools`.
pub(super) fn decode<'a>(tools: Option<Vec<WireTool<'a>>>, losses: &mut Losses) -> Result<Vec<Tool<'a>>, Fault> {
    let mut decoded = Vec::new();
    for (i, tool) in tools.unwrap_or_default().into_iter().enumerate() {
        decode_tool(tool, None, &format!("tools[{i}]"), &mut decoded, losses)?;
    }
    Ok(decoded)
}

fn decode_tool<'a>(
    mut tool: WireTool<'a>,
    namespace: Option<&str>,
    path: &str,
    decoded: &mut Vec<Tool<'a>>,
    losses: &mut Losses,
) -> Result<(), Fault> {
    let name = tool.name.take();
    let named = || name.clone().ok_or_else(|| missing(&format!("{path}.name"), "the tool's name"));
    let schema = match tool.kind.as_deref() {
        Some("function") => tool.parameters.map(Cow::Borrowed),
        Some("custom") => {
            // Free text without a rule is the same elsewhere; a grammar cannot be forced.
            if tool.format.as_ref().is_some_and(|format| format.kind.as_deref() != Some("text")) {
                losses.add("tools.custom.format");
            }
            freeform::schema(tool.format.as_ref()).map(Cow::Owned)
        }
        Some("namespace") if namespace.is_none() => {
            let tools: Vec<WireTool<'a>> = match tool.tools {
                Some(tools) => serde_json::from_str(tools.get())
                    .map_err(|_| missing(&format!("{path}.tools"), "an array of tools"))?,
                None => Vec::new(),
            };
            let namespace = named()?;
            if tool.description.is_some() {
                losses.add("tools.namespace.description");
            }
            for (i, inner) in tools.into_iter().enumerate() {
                decode_tool(inner, Some(&namespace), &format!("{path}.tools[{i}]"), decoded, losses)?;
            }
            return Ok(());
        }
        Some(kind) => {
            label::lose(label::tool(kind), "tools", kind, losses);
            return Ok(());
        }
        None => return Err(missing(&format!("{path}.type"), "`function`")),
    };
    for name in &tool.unknown {
        losses.add_unknown("tools", name);
    }
    let strict = tool.strict;
    decoded.push(Tool {
        name: hub_name(namespace, named()?),
        description: tool.description,
        schema,
        strict,
        cache: None,
    });
    Ok(())
}

/// The name that a tool has in the hub: other APIs know no namespaces.
pub(in crate::dialect::responses) fn hub_name<'a>(namespace: Option<&str>, name: Str<'a>) -> Str<'a> {
    match namespace {
        None | Some("") => name,
        Some(namespace) => Str::from(format!("{namespace}__{name}")),
    }
}

/// The tools of a request that are no plain functions. What cannot be read is none.
pub(in crate::dialect::responses) fn forms(tools: &str) -> Vec<Form<'_>> {
    let read = |json| serde_json::from_str::<Vec<WireTool<'_>>>(json).unwrap_or_default();
    let mut forms = Vec::new();
    for tool in read(tools) {
        let name = tool.name.unwrap_or_default();
        match tool.kind.as_deref() {
            Some("custom") => forms.push(Form { name, namespace: None, is_freeform: true }),
            Some("namespace") => {
                forms.extend(read(tool.tools.map_or("[]", |tools| tools.get())).into_iter().map(|inner| {
                    let is_freeform = inner.kind.as_deref() == Some("custom");
                    Form { name: inner.name.unwrap_or_default(), namespace: Some(name.clone()), is_freeform }
                }))
            }
            Some(_) | None => {}
        }
    }
    forms
}

/// Reads `tool_choice`.
pub(super) fn decode_choice<'a>(
    choice: Option<TextOr<'a, WireToolChoice<'a>>>,
    losses: &mut Losses,
) -> Result<Option<ToolChoice<'a>>, Fault> {
    let choice = match choice {
        None => return Ok(None),
        Some(TextOr::Text(word)) => return Ok(choice_word(&word, "tool_choice", losses)),
        Some(TextOr::Object(choice)) => choice,
    };
    match choice.kind.as_deref() {
        Some("function" | "custom") => {
            let name = choice.name.ok_or_else(|| missing("tool_choice.name", "the name of a tool"))?;
            Ok(Some(ToolChoice::Named(name)))
        }
        Some("allowed_tools") => {
            // That a tool must be called can still be said, which ones are allowed cannot.
            losses.add("tool_choice.allowed_tools");
            Ok(choice.mode.and_then(|mode| choice_word(&mode, "tool_choice.mode", losses)))
        }
        Some(_) => {
            losses.add("tool_choice");
            Ok(None)
        }
        None => Err(missing("tool_choice.type", "`function`")),
    }
}

fn choice_word<'a>(word: &str, field: &'static str, losses: &mut Losses) -> Option<ToolChoice<'a>> {
    match word {
        "auto" => Some(ToolChoice::Auto),
        "none" => Some(ToolChoice::None),
        "required" => Some(ToolChoice::Required),
        _ => {
            losses.add(field);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::responses::request::decode::tests::{check, refused, told};

    #[test]
    fn choices_of_tools() {
        for (fields, expected, losses) in [
            (r#""tool_choice":"auto""#, "Some(Auto)", ""),
            (r#""tool_choice":"none""#, "Some(None)", ""),
            (r#""tool_choice":"required""#, "Some(Required)", ""),
            (r#""tool_choice":"new""#, "None", "tool_choice"),
            (r#""tool_choice":{"type":"function","name":"f"}"#, "Some(Named(\"f\"))", ""),
            (r#""tool_choice":{"type":"custom","name":"c"}"#, "Some(Named(\"c\"))", ""),
            (r#""tool_choice":{"type":"web_search_preview"}"#, "None", "tool_choice"),
            (
                r#""tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"}]}"#,
                "Some(Required)",
                "tool_choice.allowed_tools",
            ),
        ] {
            check(fields, |request| told(request.tool_choice), expected, losses);
        }
        refused(r#""tool_choice":{"type":"function"}"#, "tool_choice.name", "the name of a tool");
        refused(r#""tool_choice":{}"#, "tool_choice.type", "`function`");
    }

    #[test]
    fn tools_of_every_kind() {
        let names = |request: crate::chat::Request<'_>| {
            request.tools.iter().map(|tool| format!("{} {:?}", tool.name, tool.strict)).collect::<Vec<_>>().join(", ")
        };
        for (tools, expected, losses) in [
            (r#"{"type":"function","name":"f","parameters":{}}"#, "f None", ""),
            (
                r#"{"type":"function","name":"f","strict":false,"defer_loading":true}"#,
                "f Some(false)",
                "tools.defer_loading",
            ),
            (r#"{"type":"custom","name":"c","format":{"type":"text"}}"#, "c None", ""),
            (r#"{"type":"custom","name":"c","format":{"type":"grammar"}}"#, "c None", "tools.custom.format"),
            (
                r#"{"type":"namespace","name":"mcp","description":"d","tools":[{"type":"function","name":"a"},{"type":"function","name":"b"}]}"#,
                "mcp__a None, mcp__b None",
                "tools.namespace.description",
            ),
            (r#"{"type":"web_search"},{"type":"brand_new"}"#, "", "tools.web_search, tools.brand_new"),
        ] {
            check(&format!(r#""tools":[{tools}]"#), names, expected, losses);
        }
        refused(r#""tools":[{"name":"f"}]"#, "tools[0].type", "`function`");
        refused(r#""tools":[{"type":"function"}]"#, "tools[0].name", "the tool's name");
        let inner = r#""tools":[{"type":"namespace","name":"n","tools":[{"type":"custom"}]}]"#;
        refused(inner, "tools[0].tools[0].name", "the tool's name");
    }
}
