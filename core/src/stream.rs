//! The vocabulary of streams: every dialect's decoder emits these events, every dialect's encoder takes them.

use crate::chat::{Citation, Part, Response, StopReason, TextPart};
use crate::fault::Fault;
use crate::text::Str;
use crate::usage::Usage;
use serde_json::value::RawValue;

/// One thing that happens in a streamed answer.
///
/// `choice` numbers the answers from 0, as OpenAI does; `tool` numbers the tool calls of one choice from 0 in the order
/// in which they began.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// The answer begins. Comes once and first, but for [`Event::ServiceTier`].
    Start {
        /// The provider's id of the answer.
        id: Str<'a>,
        /// The model that answers, in the provider's words.
        model: Str<'a>,
    },
    /// More text.
    Text {
        /// Which answer.
        choice: u32,
        /// The piece.
        text: Str<'a>,
    },
    /// What the text rests on. Its span counts from the beginning of the answer's text.
    Citation {
        /// Which answer.
        choice: u32,
        /// The source.
        citation: Citation<'a>,
    },
    /// More of a thought.
    Thinking {
        /// Which answer.
        choice: u32,
        /// The piece.
        text: Str<'a>,
    },
    /// The signature of the thought that just ended.
    Signature {
        /// Which answer.
        choice: u32,
        /// The provider's proof.
        signature: Str<'a>,
    },
    /// A thought that only its provider can read.
    RedactedThinking {
        /// Which answer.
        choice: u32,
        /// Opaque data.
        data: Str<'a>,
    },
    /// More of the words with which the model declines.
    Refusal {
        /// Which answer.
        choice: u32,
        /// The piece.
        text: Str<'a>,
    },
    /// A tool call begins.
    ToolStart {
        /// Which answer.
        choice: u32,
        /// Which tool call of this answer.
        tool: u32,
        /// The call's id.
        id: Str<'a>,
        /// The tool's name.
        name: Str<'a>,
    },
    /// The provider's proof of the thought that led to the tool call; comes right after its start.
    ToolSignature {
        /// Which answer.
        choice: u32,
        /// Which tool call of this answer.
        tool: u32,
        /// The proof.
        signature: Str<'a>,
    },
    /// More of a tool call's arguments.
    ToolArguments {
        /// Which answer.
        choice: u32,
        /// Which tool call of this answer.
        tool: u32,
        /// A piece of JSON text.
        json: Str<'a>,
    },
    /// A part (text, thought or tool call) has ended and nothing more of it will come. Emitted where the dialect says
    /// so; encoders must not depend on it.
    PartEnd {
        /// Which answer.
        choice: u32,
    },
    /// Log probabilities in OpenAI's shape.
    Logprobs {
        /// Which answer.
        choice: u32,
        /// As written.
        raw: &'a RawValue,
    },
    /// One answer has ended.
    Finish {
        /// Which answer.
        choice: u32,
        /// Why.
        reason: StopReason<'a>,
    },
    /// What has been used so far. A later one replaces an earlier one.
    Usage(Usage),
    /// The service tier that serves, as the provider spells it. Comes before [`Event::Start`] where it is known then:
    /// clients look for it where the answer begins.
    ServiceTier(Str<'a>),
    /// The provider keeps the connection warm.
    Ping,
    /// Something that cannot be said in another dialect: named, not carried.
    Loss(&'static str),
    /// The dialect's last event: the answer is whole.
    Done,
    /// The provider says that it failed.
    Error(Fault),
}

/// A piece of what a provider bills as output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Of text, of the words with which the model declines, of a tool call's name or arguments.
    Output(&'a str),
    /// Of a thought that can be read.
    Thought(&'a str),
}

impl Event<'_> {
    /// What of the answer it brings; `None` where nobody can tell its tokens.
    pub fn piece(&self) -> Option<Piece<'_>> {
        match self {
            Self::Text { text, .. } | Self::Refusal { text, .. } => Some(Piece::Output(text)),
            Self::ToolStart { name, .. } => Some(Piece::Output(name)),
            Self::ToolArguments { json, .. } => Some(Piece::Output(json)),
            Self::Thinking { text, .. } => Some(Piece::Thought(text)),
            Self::Start { .. }
            | Self::Citation { .. }
            | Self::Signature { .. }
            | Self::RedactedThinking { .. }
            | Self::ToolSignature { .. }
            | Self::PartEnd { .. }
            | Self::Logprobs { .. }
            | Self::Finish { .. }
            | Self::ServiceTier(_)
            | Self::Usage(_)
            | Self::Ping
            | Self::Loss(_)
            | Self::Done
            | Self::Error(_) => None,
        }
    }
}

/// Tells a whole answer as the events of a stream.
///
/// # Errors
/// The first that `emit` returns.
pub fn replay<E>(response: &Response<'_>, emit: &mut impl FnMut(Event<'_>) -> Result<(), E>) -> Result<(), E> {
    if let Some(tier) = &response.service_tier {
        emit(Event::ServiceTier(tier.reborrow()))?;
    }
    emit(Event::Start { id: response.id.reborrow(), model: response.model.reborrow() })?;
    for answer in &response.choices {
        let mut tool = 0;
        for part in &answer.parts {
            replay_part(part, answer.index, &mut tool, emit)?;
        }
        if let Some(raw) = &answer.logprobs {
            emit(Event::Logprobs { choice: answer.index, raw })?;
        }
        emit(Event::Finish { choice: answer.index, reason: answer.stop.clone() })?;
    }
    if let Some(usage) = response.usage {
        emit(Event::Usage(usage))?;
    }
    emit(Event::Done)
}

fn replay_part<E>(
    part: &Part<'_>,
    choice: u32,
    tool: &mut u32,
    emit: &mut impl FnMut(Event<'_>) -> Result<(), E>,
) -> Result<(), E> {
    match part {
        Part::Text(TextPart { text, citations, .. }) => {
            emit(Event::Text { choice, text: text.reborrow() })?;
            for citation in citations {
                emit(Event::Citation { choice, citation: citation.clone() })?;
            }
        }
        Part::Thinking { text, signature } => {
            emit(Event::Thinking { choice, text: text.reborrow() })?;
            if let Some(signature) = signature {
                emit(Event::Signature { choice, signature: signature.reborrow() })?;
            }
        }
        Part::RedactedThinking { data } => emit(Event::RedactedThinking { choice, data: data.reborrow() })?,
        Part::Refusal(text) => emit(Event::Refusal { choice, text: text.reborrow() })?,
        Part::ToolCall(call) => {
            emit(Event::ToolStart { choice, tool: *tool, id: call.id.reborrow(), name: call.name.reborrow() })?;
            if let Some(signature) = &call.signature {
                emit(Event::ToolSignature { choice, tool: *tool, signature: signature.reborrow() })?;
            }
            emit(Event::ToolArguments { choice, tool: *tool, json: call.arguments.reborrow() })?;
            *tool += 1;
        }
        // A model neither sends media nor tool results in these dialects.
        Part::Media(_) | Part::ToolResult(_) => emit(Event::Loss("choices.content"))?,
    }
    emit(Event::PartEnd { choice })
}
