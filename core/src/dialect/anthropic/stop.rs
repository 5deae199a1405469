//! `stop_reason`: <https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons>.

use crate::chat::StopReason;
use crate::text::Str;

/// What the API's word means.
pub(super) fn decode<'a>(reason: Str<'a>, sequence: Option<Str<'a>>) -> StopReason<'a> {
    match reason.as_str() {
        "end_turn" => StopReason::End,
        "max_tokens" | "model_context_window_exceeded" => StopReason::Length,
        "stop_sequence" => StopReason::Sequence(sequence),
        "tool_use" => StopReason::ToolCalls,
        "pause_turn" => StopReason::Paused,
        "refusal" => StopReason::Refused,
        _ => StopReason::Unknown(reason),
    }
}

/// What the answer held, which decides where the provider's own word is too weak.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    /// Tool calls. Servers of the OpenAI dialect end them with `stop` when the tool was forced, but a client of this
    /// dialect runs tools only on `tool_use`.
    pub(super) tools: bool,
    /// Words of refusal, which the OpenAI dialect ends with `stop`.
    pub(super) refusal: bool,
}

/// The API's word. One that it does not have becomes `end_turn`.
pub(super) fn encode(reason: &StopReason<'_>, held: Held) -> &'static str {
    match reason {
        StopReason::Length => "max_tokens",
        StopReason::Sequence(Some(_)) => "stop_sequence",
        StopReason::ToolCalls => "tool_use",
        StopReason::Refused => "refusal",
        StopReason::Paused => "pause_turn",
        StopReason::End | StopReason::Unknown(_) | StopReason::Sequence(None) if held.tools => "tool_use",
        StopReason::End | StopReason::Unknown(_) | StopReason::Sequence(None) if held.refusal => "refusal",
        StopReason::Sequence(None) => "stop_sequence",
        StopReason::End | StopReason::Unknown(_) => "end_turn",
    }
}

/// The client's stop sequence that ended the answer, where it is known.
pub(super) fn sequence<'a>(reason: &'a StopReason<'_>) -> Option<&'a str> {
    match reason {
        StopReason::Sequence(sequence) => sequence.as_deref(),
        StopReason::End
        | StopReason::Length
        | StopReason::ToolCalls
        | StopReason::Refused
        | StopReason::Paused
        | StopReason::Unknown(_) => None,
    }
}
