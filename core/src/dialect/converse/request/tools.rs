//! `toolConfig`, both ways.

use super::super::block::CachePoint;
use super::super::model::{Caches, Habits};
use super::body::{Mark, Schema, ToolChoiceOut, ToolOut, ToolSpecOut, Tools};
use crate::chat::{self, Request, Tool, ToolChoice};
use crate::dialect::schema::completed;
use crate::dialect::wire::{Raw, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::{Str, cut};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// How long a tool's name may be, in characters.
const NAME_CHARS_MAX: usize = 64;
/// The schema of a tool without arguments.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

wire! {
    struct ToolConfig<'a> { tools: Vec<ToolFields<'a>>, choice "toolChoice": Choice<'a> }
}

wire! {
    struct ToolFields<'a> {
        spec "toolSpec": ToolSpec<'a>,
        system "systemTool": IgnoredAny,
        cache_point "cachePoint": CachePoint<'a>,
    }
}

wire! {
    struct ToolSpec<'a> { name: Str<'a>, description: Str<'a>, schema "inputSchema": SchemaFields<'a>, strict: bool }
}

wire! {
    struct SchemaFields<'a> { json: Raw<'a> }
}

wire! {
    struct Choice<'a> { auto: IgnoredAny, any: IgnoredAny, tool: Named<'a> }
}

wire! {
    struct Named<'a> { name: Str<'a> }
}

/// A client's tools and its choice.
///
/// # Errors
/// A [`Fault`] for a tool or a choice without its name.
pub(super) fn decode<'a>(
    config: Option<ToolConfig<'a>>,
    losses: &mut Losses,
) -> Result<(Vec<Tool<'a>>, Option<ToolChoice<'a>>), Fault> {
    let config = config.unwrap_or_default();
    let missing = |path: String| Fault::invalid(format!("{path} is missing: a tool needs a name")).with_param(path);
    let mut tools: Vec<Tool<'a>> = Vec::new();
    for (index, fields) in config.tools.into_iter().flatten().enumerate() {
        for member in &fields.unknown {
            losses.add_unknown("toolConfig.tools", member);
        }
        if fields.system.is_some() {
            losses.add("toolConfig.tools.systemTool");
        }
        if let Some(point) = fields.cache_point {
            match tools.last_mut() {
                Some(tool) => tool.cache = Some(point.into_mark()),
                None => losses.add("toolConfig.tools.cachePoint"),
            }
        }
        if let Some(spec) = fields.spec {
            for field in &spec.unknown {
                losses.add_unknown("toolConfig.tools.toolSpec", field);
            }
            tools.push(Tool {
                name: spec.name.ok_or_else(|| missing(format!("toolConfig.tools[{index}].toolSpec.name")))?,
                description: spec.description,
                schema: spec.schema.and_then(|schema| schema.json).map(Cow::Borrowed),
                strict: spec.strict,
                cache: None,
            });
        }
    }
    let Some(choice) = config.choice else { return Ok((tools, None)) };
    for member in &choice.unknown {
        losses.add_unknown("toolConfig.toolChoice", member);
    }
    let choice = match choice {
        Choice { tool: Some(named), .. } => {
            Some(ToolChoice::Named(named.name.ok_or_else(|| missing("toolConfig.toolChoice.tool.name".to_owned()))?))
        }
        Choice { any: Some(_), .. } => Some(ToolChoice::Required),
        Choice { auto: Some(_), .. } => Some(ToolChoice::Auto),
        Choice { .. } => None,
    };
    Ok((tools, choice))
}

/// What surrounds the tools of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a, 's> {
    /// The names of the tools that the conversation called.
    pub(super) called: &'s [Cow<'a, str>],
    /// The conversation holds calls or results, with which the API demands tools.
    pub(super) in_use: bool,
    /// The model thinks, and cannot be forced to call a tool then.
    pub(super) thinks: bool,
    pub(super) habits: Habits,
}

/// The tools for a provider.
///
/// The API has no word for "no tool": tools that must not be called are left out, unless the conversation holds calls. Then
/// it demands tools (<https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use-inference-call.html>), so they stay
/// and the choice is lost; and where the request has none, those that were called stand in without their arguments.
///
/// # Errors
/// A [`Fault`] that names a tool whose name or schema the API would refuse, and for a call that is demanded without tools.
pub(super) fn encode<'a>(
    request: &'a Request<'_>,
    around: Around<'a, '_>,
    losses: &mut Losses,
) -> Result<Option<Tools<'a>>, Fault> {
    let mut tools =
        request.tools.iter().enumerate().map(|(index, tool)| one(tool, index)).collect::<Result<Vec<_>, _>>()?;
    if request.parallel_tools == Some(false) && !tools.is_empty() {
        losses.add("parallel_tool_calls");
    }
    if around.habits.caches != Caches::All && tools.iter().any(|tool| tool.mark.is_some()) {
        losses.add("tools.cache_control");
        tools.iter_mut().for_each(|tool| tool.mark = None);
    }
    let choice = request.tool_choice.as_ref();
    if tools.is_empty() {
        if matches!(choice, Some(ToolChoice::Required | ToolChoice::Named(_))) {
            return Err(Fault::invalid("tool_choice demands a tool call, but the request has no tools")
                .with_param("tool_choice"));
        }
        return Ok(around.in_use.then(|| {
            losses.add("tools");
            Tools { tools: stand_ins(around.called), choice: None }
        }));
    }
    let choice = match choice {
        Some(ToolChoice::None) if around.in_use => {
            losses.add("tool_choice");
            None
        }
        Some(ToolChoice::None) => return Ok(None),
        Some(ToolChoice::Required | ToolChoice::Named(_)) if around.thinks => {
            losses.add("tool_choice");
            None
        }
        Some(ToolChoice::Required) => Some(ToolChoiceOut::Any {}),
        Some(ToolChoice::Named(name)) => Some(ToolChoiceOut::Tool { name }),
        Some(ToolChoice::Auto) => Some(ToolChoiceOut::Auto {}),
        None => None,
    };
    Ok(Some(Tools { tools, choice }))
}

fn one<'a>(tool: &'a chat::Tool<'_>, index: usize) -> Result<ToolOut<'a>, Fault> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if tool.name.is_empty() || tool.name.len() > NAME_CHARS_MAX || !tool.name.chars().all(fits) {
        let name = cut(&tool.name, NAME_CHARS_MAX);
        let path = format!("tools[{index}].name");
        let message = format!(
            "{path} is `{name}`: a tool's name has 1 to {NAME_CHARS_MAX} letters, digits, underscores and hyphens"
        );
        return Err(Fault::invalid(message).with_param(path));
    }
    let json = match tool.schema.as_deref() {
        None => no_arguments(),
        Some(raw) => completed(raw, &[("type", "\"object\"")]).ok_or_else(|| {
            let path = format!("tools[{index}].inputSchema");
            Fault::invalid(format!("{path} is not a JSON object")).with_param(path)
        })?,
    };
    let tool_spec = ToolSpecOut {
        name: Cow::Borrowed(&tool.name),
        // The API refuses an empty one.
        description: tool.description.as_deref().filter(|words| !words.is_empty()),
        input_schema: Schema { json },
        strict: tool.strict == Some(true),
    };
    Ok(ToolOut { spec: tool_spec, mark: tool.cache.as_ref().map(Mark::new) })
}

fn no_arguments() -> Cow<'static, RawValue> {
    Cow::Owned(RawValue::from_string(NO_ARGUMENTS.to_owned()).expect("the constant is JSON"))
}

/// Tools of which only the names are known.
fn stand_ins<'a>(called: &[Cow<'a, str>]) -> Vec<ToolOut<'a>> {
    let nameless = [Cow::Borrowed("tool")];
    let names = if called.is_empty() { &nameless } else { called };
    let spec = |name: &Cow<'a, str>| ToolSpecOut {
        name: name.clone(),
        description: None,
        input_schema: Schema { json: no_arguments() },
        strict: false,
    };
    names.iter().map(|name| ToolOut { spec: spec(name), mark: None }).collect()
}
