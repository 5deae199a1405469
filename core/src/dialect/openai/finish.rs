//! `finish_reason`: why an answer ended.

use crate::chat::StopReason;
use crate::text::Str;

/// Reads a finish reason. `stop` hides two others: of a choice that called tools it means that it waits for them
/// (OpenAI says so when `tool_choice` named the function, other providers always), and a refusal ends so too.
pub(in crate::dialect) fn decode(reason: Str<'_>, called_tools: bool, refused: bool) -> StopReason<'_> {
    match reason.as_str() {
        "stop" if called_tools => StopReason::ToolCalls,
        "stop" if refused => StopReason::Refused,
        "stop" => StopReason::End,
        "length" => StopReason::Length,
        "tool_calls" | "function_call" => StopReason::ToolCalls,
        "content_filter" => StopReason::Refused,
        _ => StopReason::Unknown(reason),
    }
}

/// The finish reason as one of the words that every SDK knows.
pub(in crate::dialect) fn encode(reason: &StopReason<'_>) -> &'static str {
    match reason {
        StopReason::End | StopReason::Sequence(_) | StopReason::Paused | StopReason::Unknown(_) => "stop",
        StopReason::Length => "length",
        StopReason::ToolCalls => "tool_calls",
        StopReason::Refused => "content_filter",
    }
}

/// The same for a client that may know functions and no tools.
pub(super) fn encode_for(reason: &StopReason<'_>, legacy_functions: bool) -> &'static str {
    match encode(reason) {
        "tool_calls" if legacy_functions => "function_call",
        word => word,
    }
}
