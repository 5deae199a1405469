//! Functions and the choice among them, both ways.

use super::super::names::{Many, note};
use super::super::schema::{Use, to_json_schema};
use super::decode::missing;
use crate::chat::{self, Tool, ToolChoice};
use crate::dialect::schema::completed;
use crate::dialect::wire::{Raw, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::borrow::Cow;

wire! {
    struct ToolFields<'a> { functions "functionDeclarations" | "function_declarations": Many<Function<'a>> }
}
wire! {
    struct Function<'a> {
        name: Str<'a>,
        description: Str<'a>,
        parameters: Raw<'a>,
        json_schema "parametersJsonSchema" | "parameters_json_schema": Raw<'a>,
    }
}
wire! {
    struct ToolConfig<'a> { calling "functionCallingConfig" | "function_calling_config": Calling<'a> }
}
wire! {
    struct Calling<'a> {
        mode: Str<'a>,
        allowed "allowedFunctionNames" | "allowed_function_names": Vec<Str<'a>>,
        streamed "streamFunctionCallArguments" | "stream_function_call_arguments": IgnoredAny,
    }
}

/// Tools that run on Google's side.
const LOST: [&str; 13] = [
    "tools.googleSearch",
    "tools.googleSearchRetrieval",
    "tools.codeExecution",
    "tools.urlContext",
    "tools.googleMaps",
    "tools.fileSearch",
    "tools.computerUse",
    "tools.retrieval",
    "tools.enterpriseWebSearch",
    "tools.parallelAiSearch",
    "tools.exaAiSearch",
    "tools.mcpServers",
    "tools.googleSearchGrounding",
];
/// What a function may say about itself that no other dialect has.
const FUNCTION_LOST: [&str; 3] = [
    "tools.functionDeclarations.response",
    "tools.functionDeclarations.responseJsonSchema",
    "tools.functionDeclarations.behavior",
];

/// The functions that the client offers.
pub(super) fn decode<'a>(tools: Vec<ToolFields<'a>>, losses: &mut Losses) -> Result<Vec<Tool<'a>>, Fault> {
    let mut decoded = Vec::new();
    for (i, tool) in tools.into_iter().enumerate() {
        note(&tool.unknown, "tools.", &LOST, losses);
        for (j, function) in tool.functions.unwrap_or_default().0.into_iter().enumerate() {
            decoded.push(one(function, &|| format!("tools[{i}].functionDeclarations[{j}]"), losses)?);
        }
    }
    Ok(decoded)
}

fn one<'a>(function: Function<'a>, path: &dyn Fn() -> String, losses: &mut Losses) -> Result<Tool<'a>, Fault> {
    note(&function.unknown, "tools.functionDeclarations.", &FUNCTION_LOST, losses);
    let name = function.name.ok_or_else(|| missing(&format!("{}.name", path()), "the function's name"))?;
    let schema = match (function.json_schema, function.parameters) {
        (Some(schema), _) => Some(Cow::Borrowed(schema)),
        (None, Some(schema)) => {
            let within = "tools.functionDeclarations.parameters";
            let converted = to_json_schema(schema, Use::Parameters, within, losses).map_err(|wrong| {
                let path = format!("{}.parameters", path());
                Fault::invalid(format!("{path} is no schema: {wrong}")).with_param(path)
            })?;
            Some(Cow::Owned(converted))
        }
        (None, None) => None,
    };
    Ok(Tool { name, description: function.description, schema, strict: None, cache: None })
}

/// Whether and which function must be called.
pub(super) fn choice<'a>(
    config: Option<ToolConfig<'a>>,
    tools: &[Tool<'_>],
    losses: &mut Losses,
) -> Result<Option<ToolChoice<'a>>, Fault> {
    let Some(config) = config else { return Ok(None) };
    let known = ["toolConfig.retrievalConfig", "toolConfig.includeServerSideToolInvocations"];
    note(&config.unknown, "toolConfig.", &known, losses);
    let Some(calling) = config.calling else { return Ok(None) };
    note(&calling.unknown, "toolConfig.functionCallingConfig.", &[], losses);
    if calling.streamed.is_some() {
        losses.add("toolConfig.functionCallingConfig.streamFunctionCallArguments");
    }
    let allowed = calling.allowed.unwrap_or_default();
    let allows_all = tools.iter().all(|tool| allowed.contains(&tool.name));
    let mode = calling.mode.unwrap_or_default();
    Ok(match mode.to_ascii_uppercase().as_str() {
        "" | "MODE_UNSPECIFIED" => None,
        "AUTO" => Some(ToolChoice::Auto),
        "NONE" => Some(ToolChoice::None),
        "ANY" if tools.is_empty() => {
            // What could have been called was Google's own, and is lost already.
            losses.add("toolConfig.functionCallingConfig");
            None
        }
        "ANY" => Some(match <[Str<'_>; 1]>::try_from(allowed) {
            Ok([name]) => ToolChoice::Named(name),
            Err(allowed) => {
                if !allowed.is_empty() && !allows_all {
                    losses.add("toolConfig.functionCallingConfig.allowedFunctionNames");
                }
                ToolChoice::Required
            }
        }),
        "VALIDATED" => {
            losses.add("toolConfig.functionCallingConfig.mode");
            Some(ToolChoice::Auto)
        }
        _ => {
            let mode: String = mode.chars().take(64).collect();
            let path = "toolConfig.functionCallingConfig.mode";
            let message = format!("{path} is `{mode}`: expected AUTO, ANY, NONE or VALIDATED");
            return Err(Fault::invalid(message).with_param(path));
        }
    })
}

/// All functions, as they are written: one tool of many.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolOut<'a> {
    function_declarations: Vec<FunctionOut<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FunctionOut<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<Cow<'a, RawValue>>,
}

/// How long a function's name may be, in characters
/// (<https://github.com/googleapis/python-genai/blob/main/google/genai/types.py>, `FunctionDeclaration.name`).
const NAME_CHARS_MAX: usize = 128;

/// Whether a function may have this name.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || b"_.:-".contains(&c);
    name.len() <= NAME_CHARS_MAX
        && name.bytes().all(fits)
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
}

/// The tools that the client offers.
///
/// # Errors
/// A [`Fault`] that names a tool whose name or schema the API would refuse.
pub(super) fn encode<'a>(tools: &'a [Tool<'a>], losses: &mut Losses) -> Result<Vec<ToolOut<'a>>, Fault> {
    if tools.is_empty() {
        return Ok(Vec::new());
    }
    if tools.iter().any(|tool| tool.cache.is_some()) {
        losses.add("tools.cache_control");
    }
    let functions = tools.iter().enumerate().map(|(index, tool)| declared(tool, index));
    Ok(vec![ToolOut { function_declarations: functions.collect::<Result<_, _>>()? }])
}

fn declared<'a>(tool: &'a Tool<'a>, index: usize) -> Result<FunctionOut<'a>, Fault> {
    if !is_name(&tool.name) {
        let name: String = tool.name.chars().take(NAME_CHARS_MAX).collect();
        let path = format!("tools[{index}].name");
        let message = format!(
            "{path} is `{name}`: a function's name begins with a letter or an underscore and has 1 to {NAME_CHARS_MAX} \
             letters, digits, underscores, dots, colons and hyphens"
        );
        return Err(Fault::invalid(message).with_param(path));
    }
    let schema = tool.schema.as_deref().map(|schema| {
        completed(schema, &[("type", "\"object\"")]).ok_or_else(|| {
            let path = format!("tools[{index}].parameters");
            Fault::invalid(format!("{path} is not a JSON object")).with_param(path)
        })
    });
    Ok(FunctionOut {
        name: &tool.name,
        description: tool.description.as_deref(),
        parameters_json_schema: schema.transpose()?,
    })
}

/// The choice among functions, as it is written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfigOut<'a> {
    function_calling_config: CallingOut<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CallingOut<'a> {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_function_names: Option<[&'a str; 1]>,
}

/// Whether and which tool must be called. Arguments are held to strict schemas by the mode `VALIDATED`
/// (<https://ai.google.dev/gemini-api/docs/function-calling#function_calling_modes>); a forced call always is.
///
/// # Errors
/// A [`Fault`] for a call that is demanded where there are no tools.
pub(super) fn encode_choice<'a>(
    request: &'a chat::Request<'a>,
    losses: &mut Losses,
) -> Result<Option<ToolConfigOut<'a>>, Fault> {
    let choice = request.tool_choice.as_ref();
    if request.tools.is_empty() {
        return match choice {
            None | Some(ToolChoice::Auto | ToolChoice::None) => Ok(None),
            Some(ToolChoice::Required | ToolChoice::Named(_)) => {
                Err(Fault::invalid("tool_choice demands a tool call, but the request has no tools")
                    .with_param("tool_choice"))
            }
        };
    }
    if request.parallel_tools == Some(false) {
        losses.add("parallel_tool_calls");
    }
    let is_strict = request.tools.iter().any(|tool| tool.strict == Some(true));
    let (mode, allowed_function_names) = match choice {
        None | Some(ToolChoice::Auto) if is_strict => ("VALIDATED", None),
        None => return Ok(None),
        Some(ToolChoice::Auto) => ("AUTO", None),
        Some(ToolChoice::None) => ("NONE", None),
        Some(ToolChoice::Required) => ("ANY", None),
        Some(ToolChoice::Named(name)) => ("ANY", Some([name.as_str()])),
    };
    Ok(Some(ToolConfigOut { function_calling_config: CallingOut { mode, allowed_function_names } }))
}
