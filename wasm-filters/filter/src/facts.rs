//! What a request asks for, told to the service, which sees headers only.

use crate::Question;
use attache_core::endpoint::Operation;
use attache_core::hybrid::{self, Ask, MODEL_CHARS_MAX};

/// The text of the header [`hybrid::ASK_HEADER`]; `None` where it would be longer than a header may be.
pub(crate) fn of(question: &Question<'_>) -> Option<String> {
    let asked = question.ask;
    // What nobody reads here counts by what its head says.
    let bytes = if question.unread { question.length().unwrap_or_default() } else { question.body.len() };
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    let ask = Ask {
        model: question.model.chars().take(MODEL_CHARS_MAX).collect(),
        stream: crate::wants_stream(question),
        prompt_tokens: asked.map_or(0, |asked| prompt_tokens(asked, question, bytes)),
        output_max: asked.and_then(attache_core::translate::Ask::output_max),
        answers: asked.map_or(1, attache_core::translate::Ask::answers),
        bytes,
    };
    hybrid::write(&ask).ok()
}

/// The tokens of a prompt, about as the service counts them where it reads bodies itself.
fn prompt_tokens(asked: &attache_core::translate::Ask<'_>, question: &Question<'_>, bytes: u64) -> u64 {
    match asked.endpoint().operation {
        // Sound, pictures: what they weigh, their provider says.
        Operation::Pass | Operation::Other => 0,
        Operation::Chat | Operation::Count | Operation::Embed | Operation::Rerank | Operation::Invoke => {
            if question.unread { hybrid::rough(bytes) } else { hybrid::prompt(question.body) }
        }
    }
}
