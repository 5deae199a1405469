//! `stopReason`: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseResponse.html>.

use crate::chat::StopReason;
use crate::dialect::wire::wire;
use crate::text::Str;

wire! {
    /// `additionalModelResponseFields`, as far as somebody here asked for them.
    struct Additional<'a> { stop_sequence: Str<'a> }
}

/// The path by which the model is asked for the client's stop sequence that ended the answer.
pub(super) const SEQUENCE_PATH: &str = "/stop_sequence";

/// What the API's word means.
pub(super) fn decode<'a>(reason: Str<'a>, sequence: Option<Str<'a>>) -> StopReason<'a> {
    match reason.as_str() {
        "end_turn" => StopReason::End,
        "max_tokens" | "model_context_window_exceeded" => StopReason::Length,
        "stop_sequence" => StopReason::Sequence(sequence),
        "tool_use" => StopReason::ToolCalls,
        "guardrail_intervened" | "content_filtered" | "refusal" => StopReason::Refused,
        // `malformed_model_output` and `malformed_tool_use` among them.
        _ => StopReason::Unknown(reason),
    }
}

/// What the answer held, which decides where the provider's own word is too weak.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    /// Tool calls: a client of this dialect runs tools only on `tool_use`.
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
        StopReason::Refused => "content_filtered",
        StopReason::End | StopReason::Unknown(_) | StopReason::Sequence(None) | StopReason::Paused if held.tools => {
            "tool_use"
        }
        StopReason::End | StopReason::Unknown(_) | StopReason::Sequence(None) if held.refusal => "content_filtered",
        StopReason::Sequence(None) => "stop_sequence",
        StopReason::End | StopReason::Unknown(_) | StopReason::Paused => "end_turn",
    }
}

/// The client's stop sequence that ended the answer, where it is known.
pub(super) fn sequence<'a>(reason: &'a StopReason<'_>) -> Option<&'a str> {
    if let StopReason::Sequence(sequence) = reason { sequence.as_deref() } else { None }
}
