//! Messages: <https://github.com/anthropics/anthropic-sdk-python/tree/main/src/anthropic/types>.

use super::super::sense::Sense::{Bytes, Each, Free, In, Pick, Schema, Text, Url, Word};
use super::super::sense::Shape;
use super::super::tape::{Kind, Value};
use super::super::{Place, Scope};
use super::openai::{ERROR, FORMAT, scope};

/// A request, an answer, or a batch.
pub(super) static BODY: Shape = Shape::new(&[
    ("system", In(Scope::System, &Pick(block))),
    ("messages", Pick(message)),
    ("tools", In(Scope::ToolDefinitions, &Each(&TOOL))),
    ("model", Word),
    ("stop_sequences", Text),
    ("metadata", Free),
    ("tool_choice", Word),
    ("thinking", Word),
    ("service_tier", Word),
    ("anthropic_version", Word),
    ("anthropic_beta", Word),
    ("betas", Word),
    ("cache_control", Word),
    ("container", Word),
    ("context_management", Word),
    ("inference_geo", Word),
    ("speed", Word),
    ("fallbacks", Word),
    ("fallback_credit_token", Word),
    ("diagnostics", Word),
    ("mcp_servers", In(Scope::ToolDefinitions, &Each(&MCP_SERVER))),
    ("output_config", In(Scope::ToolDefinitions, &Each(&OUTPUT))),
    ("output_format", In(Scope::ToolDefinitions, &Each(&FORMAT))),
    ("requests", Each(&BATCHED)),
    // Answers.
    ("content", In(Scope::Assistant, &Pick(block))),
    ("id", Word),
    ("type", Word),
    ("role", Word),
    ("stop_reason", Word),
    ("usage", Word),
    ("request_id", Word),
    ("error", In(Scope::User, &Each(&ERROR))),
]);

static BATCHED: Shape = Shape::new(&[("params", Each(&BODY))]);

static OUTPUT: Shape = Shape::new(&[("effort", Word), ("format", Each(&FORMAT))]);

/// The token is for that server only.
static MCP_SERVER: Shape = Shape::new(&[
    ("type", Word),
    ("name", Word),
    ("url", Url),
    ("authorization_token", Word),
    ("tool_configuration", Word),
]);

fn message(message: Value<'_>, place: Place) -> (Place, &'static Shape) {
    (Place { scope: scope(message.word("role").as_deref(), place.scope), ..place }, &MESSAGE)
}

static MESSAGE: Shape = Shape::new(&[("role", Word), ("content", Pick(block))]);

/// Whose words a content block holds.
pub(super) fn block(block: Value<'_>, place: Place) -> (Place, &'static Shape) {
    let is_signed = || block.word("signature").is_some_and(|signature| !signature.is_empty());
    let kind = block.word("type").unwrap_or_default();
    match &*kind {
        "thinking" => (Place { signed: place.signed || is_signed(), ..place }, &THINKING),
        "redacted_thinking" => (place, &REDACTED),
        "tool_use" => (Place { scope: Scope::ToolCalls, ..place }, &BLOCK),
        "server_tool_use" | "mcp_tool_use" => (Place { scope: Scope::ToolCalls, server_tool: true, ..place }, &BLOCK),
        "mid_conv_system" => (Place { scope: Scope::System, ..place }, &BLOCK),
        "tool_addition" | "tool_removal" => (Place { scope: Scope::ToolDefinitions, ..place }, &BLOCK),
        "search_result" => (Place { scope: Scope::ToolResults, ..place }, &BLOCK),
        result if result.ends_with("tool_result") => (Place { scope: Scope::ToolResults, ..place }, &BLOCK),
        _ => (place, &BLOCK),
    }
}

static THINKING: Shape =
    Shape::new(&[("type", Word), ("thinking", Text), ("signature", Word), ("cache_control", Word)]);

static REDACTED: Shape = Shape::new(&[("type", Word), ("data", Word)]);

/// Any other block: the fields of all kinds in one.
static BLOCK: Shape = Shape::new(&[
    ("type", Word),
    ("text", Text),
    ("content", Pick(block)),
    ("source", Pick(source)),
    ("input", Free),
    ("tool", Each(&TOOL)),
    ("tool_references", Word),
    ("citations", Each(&CITATION)),
    ("url", Url),
    ("id", Word),
    ("name", Word),
    ("tool_use_id", Word),
    ("tool_name", Word),
    ("server_name", Word),
    ("caller", Word),
    ("cache_control", Word),
    ("file_id", Word),
    ("file_type", Word),
    ("error_code", Word),
    ("stop_reason", Word),
    ("encrypted_content", Word),
    ("encrypted_stdout", Word),
    ("page_age", Word),
    ("retrieved_at", Word),
]);

/// Where a document or image is. Of a search result it is a text.
fn source(source: Value<'_>, place: Place) -> (Place, &'static Shape) {
    let is_base64 = source.get("type").is_some_and(|kind| kind.kind() == Kind::Text && kind.is("base64"));
    (place, if is_base64 { &BYTES } else { &SOURCE })
}

static BYTES: Shape = Shape::new(&[("type", Word), ("media_type", Word), ("data", Bytes)]);

static SOURCE: Shape = Shape::new(&[
    ("type", Word),
    ("media_type", Word),
    ("data", Text),
    ("url", Url),
    ("file_id", Word),
    ("content", Pick(block)),
]);

static CITATION: Shape = Shape::new(&[("type", Word), ("url", Url), ("encrypted_index", Word), ("file_id", Word)]);

static TOOL: Shape = Shape::new(&[
    ("type", Word),
    ("name", Word),
    ("server_name", Word),
    ("input_schema", Schema),
    ("input_examples", Free),
    ("cache_control", Word),
    ("caching", Word),
    ("allowed_callers", Word),
    ("model", Word),
    ("mcp_server_name", Word),
]);
