//! The hub → a whole answer for the client.

use crate::chat::{MediaKind, Part, Response};
use crate::dialect::Asked;
use crate::dialect::openai::response::{note_lost_stop, service_tier};
use crate::dialect::responses::stream::Encoder;
use crate::loss::Losses;

/// Writes a whole answer; adds what it cannot say to `losses`.
pub fn encode(response: &Response<'_>, asked: &Asked, losses: &mut Losses) -> Vec<u8> {
    note_what_is_lost(response, losses);
    Encoder::whole(response, asked.clone())
}

fn note_what_is_lost(response: &Response<'_>, losses: &mut Losses) {
    if response.service_tier.as_deref().is_some_and(|tier| service_tier(tier).is_none()) {
        losses.add("service_tier");
    }
    if response.choices.iter().any(|choice| choice.index != 0) {
        losses.add("choices");
    }
    let Some(choice) = response.choices.iter().find(|choice| choice.index == 0) else { return };
    note_lost_stop(&choice.stop, losses);
    for part in &choice.parts {
        match part {
            Part::Text(text) if text.citations.iter().any(|citation| citation.quote.is_some()) => {
                losses.add("content.citations.quote");
            }
            Part::Media(media) => losses.add(match media.kind {
                MediaKind::Image => "content.image",
                MediaKind::Document => "content.document",
                MediaKind::Audio => "content.audio",
                MediaKind::Video => "content.video",
            }),
            Part::ToolResult(_) => losses.add("content.tool_result"),
            Part::Text(_)
            | Part::Thinking { .. }
            | Part::RedactedThinking { .. }
            | Part::ToolCall(_)
            | Part::Refusal(_) => {}
        }
    }
}
