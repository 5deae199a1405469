//! A conversation as one text.

use crate::chat::{MediaKind, Message, Part, Role, Source};
use crate::fault::Fault;
use crate::loss::Losses;

/// What ends a completion that goes on with the user's next words.
pub(super) const USER_NEXT: &str = "\n\nUser:";

/// A prompt.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Transcript {
    /// The text.
    pub(super) text: String,
    /// It holds turns under the names of who speaks.
    pub(super) has_turns: bool,
}

/// One message's words.
struct Turn {
    speaker: &'static str,
    words: String,
}

impl Transcript {
    /// Writes the conversation down.
    ///
    /// # Errors
    /// A [`Fault`] for a role that nobody knows, for tool calls and their results, and for a conversation that says
    /// nothing.
    pub(super) fn of(messages: &[Message<'_>], losses: &mut Losses) -> Result<Self, Fault> {
        let (mut paragraphs, mut turns) = (Vec::new(), Vec::new());
        for (index, message) in messages.iter().enumerate() {
            if message.name.is_some() {
                losses.add("messages.name");
            }
            let words = words(&message.parts, index, losses)?;
            match &message.role {
                Role::System | Role::Developer => paragraphs.push(words),
                Role::User => turns.push(Turn { speaker: "User", words }),
                Role::Assistant => turns.push(Turn { speaker: "Assistant", words }),
                Role::Tool => return Err(tools(index)),
                Role::Unknown(role) => {
                    let role: String = role.chars().take(64).collect();
                    let path = format!("messages[{index}].role");
                    return Err(Fault::invalid(format!("{path} is `{role}`, which is no role that is known here"))
                        .with_param(path));
                }
            }
        }
        turns.retain(|turn| !turn.words.is_empty());
        paragraphs.retain(|words| !words.is_empty());
        let has_turns = turns.iter().any(|turn| turn.speaker == "Assistant");
        if has_turns {
            losses.add("messages.role");
            let open = turns.last().is_some_and(|turn| turn.speaker == "User");
            paragraphs.extend(turns.into_iter().map(|turn| format!("{}: {}", turn.speaker, turn.words)));
            paragraphs.extend(open.then(|| "Assistant:".to_owned()));
        } else {
            paragraphs.extend(turns.into_iter().map(|turn| turn.words));
        }
        if paragraphs.is_empty() {
            let message = "messages say nothing: the completions API needs a text to complete";
            return Err(Fault::invalid(message).with_param("messages"));
        }
        Ok(Self { text: paragraphs.join("\n\n"), has_turns })
    }
}

fn words(parts: &[Part<'_>], index: usize, losses: &mut Losses) -> Result<String, Fault> {
    let mut texts: Vec<&str> = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Part::Text(text) => {
                if text.cache.is_some() {
                    losses.add("cache_control");
                }
                texts.push(&text.text);
            }
            Part::Refusal(text) => texts.push(text),
            Part::Media(media) => match (media.kind, &media.source) {
                (MediaKind::Document, Source::Text(text)) => texts.push(text),
                (MediaKind::Image, _) => losses.add("messages.content.image"),
                (MediaKind::Document, _) => losses.add("messages.content.document"),
                (MediaKind::Audio, _) => losses.add("messages.content.audio"),
                (MediaKind::Video, _) => losses.add("messages.content.video"),
            },
            Part::Thinking { .. } => losses.add("messages.content.thinking"),
            Part::RedactedThinking { .. } => losses.add("messages.content.redacted_thinking"),
            Part::ToolCall(_) | Part::ToolResult(_) => return Err(tools(index)),
        }
    }
    Ok(texts.join("\n\n"))
}

fn tools(index: usize) -> Fault {
    let path = format!("messages[{index}]");
    let message = format!("{path} belongs to a tool call, but this model's provider only completes texts");
    Fault::invalid(message).with_param(path)
}
