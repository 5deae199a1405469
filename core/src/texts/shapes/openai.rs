//! Chat completions: <https://github.com/openai/openai-python/tree/main/src/openai/types/chat>, with what other servers
//! of the dialect add (thoughts, cache marks, signatures).

use super::super::sense::Sense::{Bytes, Each, Free, In, Json, Pick, Schema, Text, Url, Word};
use super::super::sense::{FREE, Shape};
use super::super::tape::{Kind, Value};
use super::super::{Place, Scope};
use super::anthropic;
use crate::texts::moved;

/// A request, an answer, or an error.
pub(super) static BODY: Shape = Shape::new(&[
    ("messages", Pick(message)),
    ("model", Word),
    ("tools", In(Scope::ToolDefinitions, &Each(&TOOL))),
    ("functions", In(Scope::ToolDefinitions, &Each(&FUNCTION))),
    ("response_format", In(Scope::ToolDefinitions, &Each(&FORMAT))),
    ("prediction", Each(&PART)),
    ("instructions", In(Scope::System, &Text)),
    ("metadata", Free),
    ("stop", Text),
    ("user", Text),
    ("tool_choice", Word),
    ("function_call", Word),
    ("audio", Word),
    ("modalities", Word),
    ("reasoning_effort", Word),
    ("reasoning", Word),
    ("service_tier", Word),
    ("verbosity", Word),
    ("stream_options", Word),
    ("logit_bias", Word),
    ("moderation", Word),
    ("prompt_cache_retention", Word),
    ("prompt_cache_options", Word),
    ("web_search_options", Each(&WEB_SEARCH)),
    ("guided_json", In(Scope::ToolDefinitions, &Schema)),
    // Answers.
    ("choices", Pick(choice)),
    ("id", Word),
    ("object", Word),
    ("usage", Word),
    ("system_fingerprint", Word),
    ("prompt_filter_results", Word),
    ("error", In(Scope::User, &Each(&ERROR))),
]);

static WEB_SEARCH: Shape = Shape::new(&[("search_context_size", Word)]);

/// An error, as most servers write it.
pub(super) static ERROR: Shape = Shape::new(&[("type", Word), ("code", Word), ("status", Word), ("param", Word)]);

/// Whose words a message holds.
pub(super) fn message(message: Value<'_>, place: Place) -> (Place, &'static Shape) {
    let scope = scope(message.word("role").as_deref(), place.scope);
    (Place { scope, ..place }, if scope == Scope::ToolResults { &RESULT } else { &MESSAGE })
}

/// Whose words they are by the role; without one, those of the place.
pub(super) fn scope(role: Option<&str>, place: Scope) -> Scope {
    match role {
        Some("system" | "developer") => Scope::System,
        Some("assistant" | "model") => Scope::Assistant,
        Some("tool" | "function") => Scope::ToolResults,
        Some("user") => Scope::User,
        Some(_) | None => place,
    }
}

static MESSAGE: Shape = Shape::moving(
    &[
        ("role", Word),
        ("content", Each(&PART)),
        ("tool_calls", In(Scope::ToolCalls, &Each(&CALL))),
        ("function_call", In(Scope::ToolCalls, &Each(&CALLED))),
        ("thinking_blocks", Pick(anthropic::block)),
        ("reasoning_details", Pick(reasoning_detail)),
        ("audio", Each(&AUDIO)),
        ("annotations", Each(&ANNOTATION)),
        ("tool_call_id", Word),
        ("cache_control", Word),
    ],
    moved::openai_message,
);

/// A message of a tool, whose name is the tool's.
static RESULT: Shape = Shape::new(&[
    ("role", Word),
    ("content", Each(&PART)),
    ("tool_call_id", Word),
    ("name", Word),
    ("cache_control", Word),
]);

pub(super) static PART: Shape = Shape::new(&[
    ("type", Word),
    ("text", Text),
    ("content", Each(&PART)),
    ("image_url", Url),
    ("video_url", Url),
    ("audio_url", Url),
    ("input_audio", Each(&AUDIO)),
    ("file", Each(&FILE)),
    ("cache_control", Word),
    ("prompt_cache_breakpoint", Word),
]);

static AUDIO: Shape = Shape::new(&[("id", Word), ("data", Bytes), ("format", Word)]);

/// Some servers take a URL for an id.
static FILE: Shape = Shape::new(&[("file_data", Bytes), ("file_id", Url), ("format", Word)]);

static CALL: Shape = Shape::new(&[
    ("id", Word),
    ("type", Word),
    ("function", Each(&CALLED)),
    ("custom", Each(&CUSTOM)),
    ("cache_control", Word),
    ("extra_content", Word),
]);

pub(super) static CALLED: Shape = Shape::new(&[("name", Word), ("arguments", Json(&FREE))]);

static CUSTOM: Shape = Shape::new(&[("name", Word), ("input", Text)]);

/// <https://openrouter.ai/docs/use-cases/reasoning-tokens>
fn reasoning_detail(detail: Value<'_>, place: Place) -> (Place, &'static Shape) {
    let signed = place.signed || detail.get("signature").is_some_and(|signature| signature.kind() == Kind::Text);
    (Place { signed, ..place }, &REASONING_DETAIL)
}

static REASONING_DETAIL: Shape =
    Shape::new(&[("type", Word), ("id", Word), ("format", Word), ("signature", Word), ("data", Word)]);

static ANNOTATION: Shape = Shape::new(&[("type", Word), ("url_citation", Each(&ANNOTATION)), ("file_id", Word)]);

pub(super) static TOOL: Shape =
    Shape::new(&[("type", Word), ("function", Each(&FUNCTION)), ("custom", Each(&FUNCTION)), ("cache_control", Word)]);

static FUNCTION: Shape = Shape::new(&[
    ("name", Word),
    ("parameters", Schema),
    ("format", Each(&GRAMMAR)),
    ("grammar", Each(&GRAMMAR)),
    ("cache_control", Word),
]);

/// The form of a custom tool's input.
pub(super) static GRAMMAR: Shape = Shape::new(&[("type", Word), ("syntax", Word), ("grammar", Each(&GRAMMAR))]);

/// The form of the answer.
pub(super) static FORMAT: Shape =
    Shape::new(&[("type", Word), ("name", Word), ("schema", Schema), ("json_schema", Each(&FORMAT))]);

/// One of several answers.
pub(super) fn choice(choice: Value<'_>, place: Place) -> (Place, &'static Shape) {
    let index = choice.number("index").and_then(|index| u32::try_from(index).ok()).unwrap_or(0);
    (Place { choice: index, scope: Scope::Assistant, ..place }, &CHOICE)
}

static CHOICE: Shape = Shape::moving(
    &[
        ("message", Pick(message)),
        ("finish_reason", Word),
        ("stop_reason", Text),
        ("logprobs", Word),
        ("content_filter_results", Word),
    ],
    moved::openai_choice,
);
