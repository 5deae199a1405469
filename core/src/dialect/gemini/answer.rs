//! What an answer says, whole or as one chunk of a stream: both have the same form.

use super::citations::{Grounding, Recited};
use super::content::{ContentFields, PartFields};
use super::error::Status;
use super::logprobs;
use super::names::{Int, Many};
use super::usage::Counts;
use crate::dialect::openai::fingerprint::{extended, fingerprint};
use crate::dialect::wire::wire;
use crate::text::Str;
use serde::de::IgnoredAny;

wire! {
    /// A `GenerateContentResponse`.
    struct Answer<'a> {
        candidates: Many<Candidate<'a>>,
        feedback "promptFeedback" | "prompt_feedback": Feedback<'a>,
        usage "usageMetadata" | "usage_metadata": Box<Counts<'a>>,
        model "modelVersion" | "model_version": Str<'a>,
        id "responseId" | "response_id": Str<'a>,
        error: Box<Status<'a>>,
        // Facts about the answer that no other dialect has, and no loss.
        _created "createTime" | "create_time": IgnoredAny,
        _status "modelStatus" | "model_status": IgnoredAny,
    }
}
wire! {
    /// What was found in the prompt.
    struct Feedback<'a> {
        reason "blockReason" | "block_reason": Str<'a>,
        message "blockReasonMessage" | "block_reason_message": Str<'a>,
        _ratings "safetyRatings" | "safety_ratings": IgnoredAny,
    }
}
wire! {
    /// One of the answers, or the next piece of it.
    struct Candidate<'a> {
        index: Int,
        content: ContentFields<'a>,
        finish_reason "finishReason" | "finish_reason": Str<'a>,
        finish_message "finishMessage" | "finish_message": Str<'a>,
        grounding "groundingMetadata" | "grounding_metadata": Box<Grounding<'a>>,
        recited "citationMetadata" | "citation_metadata": Box<Recited<'a>>,
        logprobs "logprobsResult" | "logprobs_result": Box<logprobs::Steps<'a>>,
        _ratings "safetyRatings" | "safety_ratings": IgnoredAny,
        _tokens "tokenCount" | "token_count": IgnoredAny,
        _average "avgLogprobs" | "avg_logprobs": IgnoredAny,
    }
}

/// What a candidate may carry that no other dialect has.
pub(super) const CANDIDATE_LOST: [&str; 3] =
    ["candidates.urlContextMetadata", "candidates.continuationToken", "candidates.groundingAttributions"];

/// What a part may be or carry that the hub has no place for.
pub(super) const PART_LOST: [&str; 7] = [
    "candidates.content.executableCode",
    "candidates.content.codeExecutionResult",
    "candidates.content.toolCall",
    "candidates.content.toolResponse",
    "candidates.content.videoMetadata",
    "candidates.content.partMetadata",
    "candidates.content.audioTranscription",
];

impl Answer<'_> {
    /// Anything by which this can be told from other JSON.
    pub(super) fn is_one(&self) -> bool {
        self.candidates.is_some() || self.feedback.is_some() || self.usage.is_some()
    }
}

impl<'a> Feedback<'a> {
    /// Whether the prompt was refused, and the words for it.
    pub(super) fn refusal(self) -> Option<Option<Str<'a>>> {
        let blocked = self.reason.is_some_and(|reason| !reason.is_empty() && reason != "BLOCK_REASON_UNSPECIFIED");
        blocked.then(|| self.message.filter(|message| !message.is_empty()))
    }
}

impl PartFields<'_> {
    /// A thought.
    pub(super) fn is_thought(&self) -> bool {
        self.thought == Some(true)
    }
}

/// The id of a call to which the provider gave none, from the answer's own id, which makes it differ from those of other
/// turns. OpenAI takes ids of at most 40 bytes.
pub(super) fn made_up_id(answer: &str, choice: u32, call: u32) -> String {
    format!("call_{:032x}", extended(fingerprint(answer), format!("/{choice}/{call}").as_bytes()))
}
