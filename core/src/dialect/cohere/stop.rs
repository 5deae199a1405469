//! `finish_reason`: <https://docs.cohere.com/reference/chat#response.body.finish_reason>.

use crate::chat::StopReason;
use crate::fault::{Fault, FaultKind};
use crate::text::{Str, cut};

/// How much of a provider's error message is passed on, in bytes.
const MESSAGE_BYTES_MAX: usize = 2048;

/// What the API's word means.
///
/// # Errors
/// The provider's fault where the generation failed: what has come of the answer is not the answer.
pub(super) fn decode<'a>(reason: Str<'a>, error: Option<&str>) -> Result<StopReason<'a>, Fault> {
    let failed = |kind, otherwise: &str| {
        let message = error.filter(|message| !message.is_empty()).unwrap_or(otherwise);
        Err(Fault::new(kind, cut(message, MESSAGE_BYTES_MAX)))
    };
    match reason.as_str() {
        "COMPLETE" => Ok(StopReason::End),
        "STOP_SEQUENCE" => Ok(StopReason::Sequence(None)),
        "MAX_TOKENS" => Ok(StopReason::Length),
        "TOOL_CALL" => Ok(StopReason::ToolCalls),
        "ERROR" => failed(FaultKind::Server, "the provider reports that the generation failed"),
        "TIMEOUT" => failed(FaultKind::Timeout, "the provider reports that the generation took too long"),
        _ => Ok(StopReason::Unknown(reason)),
    }
}

/// The API's word. Other dialects end an answer that calls tools with their `stop` too, but a client of this one runs
/// tools only on `TOOL_CALL`.
pub(super) fn encode(reason: &StopReason<'_>, called_tools: bool) -> &'static str {
    match reason {
        StopReason::Length => "MAX_TOKENS",
        StopReason::ToolCalls => "TOOL_CALL",
        StopReason::End | StopReason::Sequence(_) | StopReason::Unknown(_) if called_tools => "TOOL_CALL",
        StopReason::Sequence(_) => "STOP_SEQUENCE",
        StopReason::End | StopReason::Refused | StopReason::Paused | StopReason::Unknown(_) => "COMPLETE",
    }
}

/// The word with which a stream ends that failed.
pub(super) fn of_fault(fault: &Fault) -> &'static str {
    if fault.kind == FaultKind::Timeout { "TIMEOUT" } else { "ERROR" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word() {
        for word in ["COMPLETE", "STOP_SEQUENCE", "MAX_TOKENS", "TOOL_CALL"] {
            assert_eq!(encode(&decode(word.into(), None).unwrap(), false), word);
        }
        assert_eq!(decode("USER_CANCEL".into(), None), Ok(StopReason::Unknown("USER_CANCEL".into())));
        assert_eq!(encode(&StopReason::End, true), "TOOL_CALL");
        assert_eq!(encode(&StopReason::Refused, true), "COMPLETE");
        for (word, kind) in [("ERROR", FaultKind::Server), ("TIMEOUT", FaultKind::Timeout)] {
            let fault = decode(word.into(), Some("out of memory")).unwrap_err();
            assert_eq!((fault.kind, fault.message.as_str()), (kind, "out of memory"));
            assert_eq!(of_fault(&fault), word);
            assert!(decode(word.into(), Some("")).unwrap_err().message.starts_with("the provider reports"));
        }
    }
}
