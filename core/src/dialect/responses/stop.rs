//! Why an answer ended: it is `completed` or it is `incomplete` for a reason.
//!
//! <https://platform.openai.com/docs/api-reference/responses/object#responses/object-incomplete_details>

use crate::chat::StopReason;
use crate::text::Str;

/// Reads why; `incomplete` is the reason of an answer that is not whole.
pub(super) fn decode(incomplete: Option<Str<'_>>, called_tools: bool, refused: bool) -> StopReason<'_> {
    match incomplete {
        None if called_tools => StopReason::ToolCalls,
        None if refused => StopReason::Refused,
        None => StopReason::End,
        Some(reason) => match reason.as_str() {
            "max_output_tokens" => StopReason::Length,
            "content_filter" => StopReason::Refused,
            _ => StopReason::Unknown(reason),
        },
    }
}
