//! `finishReason`: <https://ai.google.dev/api/generate-content#FinishReason>.

use crate::chat::StopReason;
use crate::text::Str;

/// The API's words that mean that somebody stepped in.
const REFUSED: [&str; 12] = [
    "SAFETY",
    "RECITATION",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "LANGUAGE",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "MODEL_ARMOR",
    "ESCALATION",
    "PUP_LIMITED_DISABLED",
];
/// The words for an answer that went wrong in some way that no other dialect has a word for.
const OTHER: [&str; 8] = [
    "OTHER",
    "MALFORMED_FUNCTION_CALL",
    "MALFORMED_RESPONSE",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MISSING_THOUGHT_SIGNATURE",
    "NO_IMAGE",
    "IMAGE_OTHER",
];

/// What the API's word means; `None` where the answer has not ended. `STOP` is also what ends an answer with tool calls.
pub(super) fn decode(reason: Option<Str<'_>>, called_tools: bool) -> Option<StopReason<'_>> {
    let reason = reason?;
    Some(match reason.as_str() {
        "" | "FINISH_REASON_UNSPECIFIED" => return None,
        "STOP" if called_tools => StopReason::ToolCalls,
        "STOP" => StopReason::End,
        "MAX_TOKENS" => StopReason::Length,
        "CONTINUATION" => StopReason::Paused,
        word if REFUSED.contains(&word) => StopReason::Refused,
        _ => StopReason::Unknown(reason),
    })
}

/// The API's word. A paused answer has `CONTINUATION`, one that ended for a reason that the API does not know `OTHER`.
pub(super) fn encode(reason: &StopReason<'_>) -> &'static str {
    match reason {
        StopReason::End | StopReason::Sequence(_) | StopReason::ToolCalls => "STOP",
        StopReason::Length => "MAX_TOKENS",
        StopReason::Refused => "SAFETY",
        StopReason::Paused => "CONTINUATION",
        StopReason::Unknown(word) => OTHER.iter().copied().find(|known| word == known).unwrap_or("OTHER"),
    }
}

/// Whether the reason is one that the API has no word for.
pub(super) fn is_lost(reason: &StopReason<'_>) -> bool {
    match reason {
        StopReason::Unknown(word) => !word.is_empty() && !OTHER.contains(&word.as_str()),
        StopReason::End
        | StopReason::Sequence(_)
        | StopReason::ToolCalls
        | StopReason::Length
        | StopReason::Refused
        | StopReason::Paused => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_and_back() {
        for (word, expected) in [
            ("STOP", StopReason::End),
            ("MAX_TOKENS", StopReason::Length),
            ("SAFETY", StopReason::Refused),
            ("CONTINUATION", StopReason::Paused),
            ("MALFORMED_FUNCTION_CALL", StopReason::Unknown("MALFORMED_FUNCTION_CALL".into())),
        ] {
            let decoded = decode(Some(word.into()), false).unwrap();
            assert_eq!(decoded, expected);
            assert_eq!(encode(&decoded), word);
        }
        assert!(REFUSED.iter().all(|word| decode(Some((*word).into()), true) == Some(StopReason::Refused)));
        assert_eq!(decode(Some("STOP".into()), true), Some(StopReason::ToolCalls));
        assert_eq!(decode(Some("FINISH_REASON_UNSPECIFIED".into()), false), None);
        assert_eq!(decode(None, false), None);
        let strange = StopReason::Unknown("eos".into());
        assert_eq!((encode(&strange), is_lost(&strange)), ("OTHER", true));
        assert!(OTHER.iter().all(|word| !is_lost(&StopReason::Unknown((*word).into()))));
    }
}
