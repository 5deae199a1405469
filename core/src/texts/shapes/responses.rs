//! Responses: <https://github.com/openai/openai-python/tree/main/src/openai/types/responses>.

use super::super::sense::Sense::{Bytes, Each, Free, In, Json, Map, Pick, Schema, Text, Url, Word};
use super::super::sense::{FREE, Shape};
use super::super::tape::{Kind, Value};
use super::super::{Place, Scope};
use super::openai::{ERROR, FORMAT, GRAMMAR, scope};
use crate::texts::moved;

/// A request, or an answer, which repeats most of it.
pub(super) static BODY: Shape = Shape::new(&[
    ("input", Pick(item)),
    ("items", Pick(item)),
    ("output", In(Scope::Assistant, &Pick(item))),
    ("instructions", In(Scope::System, &Pick(item))),
    ("prompt", In(Scope::System, &Each(&PROMPT))),
    ("tools", In(Scope::ToolDefinitions, &Each(&TOOL))),
    ("text", In(Scope::ToolDefinitions, &Each(&TEXT_CONFIG))),
    ("metadata", In(Scope::User, &Free)),
    ("user", In(Scope::User, &Text)),
    ("safety_identifier", In(Scope::User, &Text)),
    ("prompt_cache_key", In(Scope::User, &Text)),
    ("model", Word),
    ("include", Word),
    ("reasoning", Word),
    ("tool_choice", Word),
    ("previous_response_id", Word),
    ("conversation", Word),
    ("service_tier", Word),
    ("truncation", Word),
    ("stream_options", Word),
    ("context_management", Word),
    ("moderation", Word),
    ("prompt_cache_retention", Word),
    ("prompt_cache_options", Word),
    ("id", Word),
    ("object", Word),
    ("status", Word),
    ("usage", Word),
    ("incomplete_details", Word),
    ("error", In(Scope::User, &Each(&ERROR))),
]);

static PROMPT: Shape = Shape::new(&[("id", Word), ("version", Word), ("variables", Map(&Each(&PART)))]);

static TEXT_CONFIG: Shape = Shape::new(&[("format", Each(&FORMAT)), ("verbosity", Word)]);

/// Whose words an item holds.
fn item(item: Value<'_>, place: Place) -> (Place, &'static Shape) {
    let is_sealed = || item.get("encrypted_content").is_some_and(|sealed| sealed.kind() == Kind::Text);
    let kind = item.word("type").unwrap_or_default();
    let scope = match &*kind {
        "message" | "" => scope(item.word("role").as_deref(), place.scope),
        "reasoning" | "compaction" => Scope::Assistant,
        "mcp_list_tools" | "additional_tools" | "tool_search_output" => Scope::ToolDefinitions,
        "mcp_approval_response" => Scope::User,
        output if output.ends_with("_output") => Scope::ToolResults,
        call if is_call(call) => Scope::ToolCalls,
        _ => place.scope,
    };
    let signed = place.signed || (kind == "reasoning" && is_sealed());
    let server_tool = place.server_tool || is_server_call(&kind, item);
    (Place { scope, signed, server_tool, ..place }, if kind == "code_interpreter_call" { &CODE } else { &ITEM })
}

fn is_call(kind: &str) -> bool {
    kind.ends_with("_call") || matches!(kind, "mcp_approval_request" | "program")
}

/// Whether a tool runs at the provider. A shell runs there when its environment is a container.
fn is_server_call(kind: &str, item: Value<'_>) -> bool {
    match kind {
        "web_search_call"
        | "file_search_call"
        | "code_interpreter_call"
        | "image_generation_call"
        | "mcp_call"
        | "mcp_approval_request"
        | "program" => true,
        "tool_search_call" => item.word("execution").is_none_or(|where_| where_ == "server"),
        "shell_call" => item.get("environment").and_then(|place| place.word("type")).is_some_and(|at| at != "local"),
        _ => false,
    }
}

/// Any item: the fields of all kinds in one.
static ITEM: Shape = Shape::new(&[
    ("type", Word),
    ("role", Word),
    ("content", Each(&PART)),
    ("arguments", Json(&FREE)),
    ("input", Text),
    ("output", In(Scope::ToolResults, &Each(&PART))),
    ("summary", Each(&PART)),
    ("encrypted_content", Word),
    ("id", Word),
    ("call_id", Word),
    ("status", Word),
    ("phase", Word),
    ("name", Word),
    ("namespace", Word),
    ("server_label", Word),
    ("container_id", Word),
    ("approval_request_id", Word),
    ("execution", Word),
    ("caller", Word),
    ("created_by", Word),
    ("fingerprint", Word),
    ("action", Each(&ACTION)),
    ("actions", Each(&ACTION)),
    ("operation", Each(&ACTION)),
    ("environment", Each(&ACTION)),
    ("queries", Text),
    ("results", In(Scope::ToolResults, &Each(&FOUND))),
    ("outputs", In(Scope::ToolResults, &Each(&PART))),
    ("result", In(Scope::ToolResults, &Bytes)),
    ("error", In(Scope::ToolResults, &Each(&ERROR))),
    ("tools", In(Scope::ToolDefinitions, &Each(&TOOL))),
    ("quality", Word),
    ("size", Word),
    ("background", Word),
    ("output_format", Word),
]);

/// Code that the provider runs.
static CODE: Shape = Shape::new(&[
    ("type", Word),
    ("id", Word),
    ("status", Word),
    ("container_id", Word),
    ("code", Text),
    ("outputs", In(Scope::ToolResults, &Each(&PART))),
]);

/// What a tool is to do.
static ACTION: Shape = Shape::new(&[
    ("type", Word),
    ("button", Word),
    ("url", Url),
    ("env", Free),
    ("container_id", Word),
    ("sources", In(Scope::ToolResults, &Each(&FOUND))),
]);

static FOUND: Shape = Shape::new(&[("type", Word), ("file_id", Word), ("url", Url), ("attributes", Free)]);

static PART: Shape = Shape::moving(
    &[
        ("type", Word),
        ("text", Text),
        ("image_url", Url),
        ("file_data", Bytes),
        ("file_url", Url),
        ("url", Url),
        ("file_id", Word),
        ("detail", Word),
        ("input_audio", Each(&AUDIO)),
        ("annotations", Each(&ANNOTATION)),
        ("logprobs", Word),
        ("encrypted_content", Word),
        ("outcome", Word),
        ("prompt_cache_breakpoint", Word),
    ],
    moved::responses_part,
);

static AUDIO: Shape = Shape::new(&[("data", Bytes), ("format", Word)]);

static ANNOTATION: Shape = Shape::new(&[("type", Word), ("url", Url), ("file_id", Word), ("container_id", Word)]);

/// A tool. What it needs to get into a server (`authorization`, `headers`) is for that server only.
static TOOL: Shape = Shape::new(&[
    ("type", Word),
    ("name", Word),
    ("parameters", Schema),
    ("input_schema", Schema),
    ("output_schema", Schema),
    ("format", Each(&GRAMMAR)),
    ("tools", Each(&TOOL)),
    ("server_label", Word),
    ("connector_id", Word),
    ("authorization", Word),
    ("headers", Word),
    ("allowed_tools", Word),
    ("allowed_callers", Word),
    ("require_approval", Word),
    ("vector_store_ids", Word),
    ("container", Word),
    ("environment", Word),
    ("execution", Word),
    ("model", Word),
    ("quality", Word),
    ("size", Word),
    ("background", Word),
    ("moderation", Word),
    ("output_format", Word),
    ("search_context_size", Word),
    ("ranking_options", Word),
    ("input_image_mask", Each(&PART)),
]);
