//! The wire formats: one folder each, all with the same five doors (request, response, error, stream in, stream out).
//!
//! A dialect knows only itself and the hub; that two dialects meet is [`crate::translate`]'s business. The enums below
//! are matched whole: a new dialect finds every place that must know it.

pub mod anthropic;
pub mod openai;
mod schema;
pub(crate) mod wire;

use crate::chat;
use crate::fault::{Fault, FaultKind};
use crate::frame::sse::Frame;
use crate::loss::Losses;
use crate::stream::Event;
use crate::usage::Usage;

/// A wire format that clients or providers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI chat completions: <https://platform.openai.com/docs/api-reference/chat>.
    OpenAi,
    /// Anthropic messages: <https://docs.anthropic.com/en/api/messages>.
    Anthropic,
}

/// What an encoder must know about the upstream beyond the request: the target's model name and its habits, as data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The provider's own model name.
    pub model: String,
    /// `max_tokens` for dialects that demand one, when the client gave none.
    pub max_tokens_default: u64,
    /// OpenAI dialect: which field carries the limit. Old servers know only `max_tokens`.
    pub max_tokens_field: MaxTokensField,
    /// Anthropic dialect: how the model wants to be told to think.
    pub thinking: ThinkingStyle,
    /// The model takes `temperature`, `top_p` and `top_k`. Some refuse them (Claude since Opus 4.7 answers 400, see
    /// <https://platform.claude.com/docs/en/about-claude/models/migration-guide>): then they are losses.
    pub sampling: bool,
    /// The model can be told how much to think. Others refuse every word about it (gpt-4o answers 400): then a wish for
    /// thoughts is a loss.
    pub reasoning: bool,
}

/// The name of the field that carries the token limit in the OpenAI dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxTokensField {
    /// `max_completion_tokens`: what OpenAI asks for today.
    MaxCompletionTokens,
    /// `max_tokens`: what many servers of this dialect know.
    MaxTokens,
}

/// How an Anthropic model is told to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThinkingStyle {
    /// `thinking: {type: enabled, budget_tokens}`.
    Budget,
    /// `thinking: {type: adaptive}` with `output_config.effort`.
    Adaptive,
}

impl Upstream {
    /// A target with the habits of the dialect's first provider.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            max_tokens_default: 8192,
            max_tokens_field: MaxTokensField::MaxCompletionTokens,
            thinking: ThinkingStyle::Budget,
            sampling: true,
            reasoning: true,
        }
    }
}

/// A request in a provider's dialect.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The JSON body.
    pub body: Vec<u8>,
    /// What the body could not say.
    pub losses: Losses,
}

/// What the answer's encoder must remember of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The client asked for the usage in the stream.
    pub stream_usage: bool,
    /// Unix seconds to claim as creation time where the provider gives none.
    pub now: u64,
}

impl Dialect {
    /// The dialect's name in config, metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
        }
    }

    /// The field of a request that limits the tokens of its answer.
    pub fn output_field(self, upstream: &Upstream) -> &'static str {
        match (self, upstream.max_tokens_field) {
            (Self::OpenAi, MaxTokensField::MaxCompletionTokens) => "max_completion_tokens",
            (Self::OpenAi, MaxTokensField::MaxTokens) | (Self::Anthropic, _) => "max_tokens",
        }
    }

    /// All the fields in which a request may limit the answer, the one that counts first.
    pub fn output_fields(self) -> &'static [&'static str] {
        match self {
            Self::OpenAi => &["max_completion_tokens", "max_tokens"],
            Self::Anthropic => &["max_tokens"],
        }
    }

    /// Reads a client's chat request.
    ///
    /// # Errors
    /// A [`Fault`] that names the field, for a body that is not a request of this dialect, and one for a body of more
    /// values than anybody asks with.
    pub fn decode_request(self, body: &[u8]) -> Result<chat::Request<'_>, Fault> {
        if wire::has_too_many_values(body) {
            let message = format!("the body holds more than {} JSON values", wire::VALUES_MAX);
            return Err(Fault::new(FaultKind::TooLarge, message));
        }
        match self {
            Self::OpenAi => openai::request::decode(body),
            Self::Anthropic => anthropic::request::decode(body),
        }
    }

    /// Writes a request for a provider.
    ///
    /// # Errors
    /// A [`Fault`] when the request makes no sense in this dialect at all (not for single fields: those are losses).
    pub fn encode_request(self, request: &chat::Request<'_>, upstream: &Upstream) -> Result<Encoded, Fault> {
        match self {
            Self::OpenAi => openai::request::encode(request, upstream),
            Self::Anthropic => anthropic::request::encode(request, upstream),
        }
    }

    /// Reads a provider's whole answer (HTTP 200, not a stream).
    ///
    /// # Errors
    /// A [`Fault`] of kind `Upstream` for a body that is not an answer of this dialect.
    pub fn decode_response(self, body: &[u8]) -> Result<chat::Response<'_>, Fault> {
        match self {
            Self::OpenAi => openai::response::decode(body),
            Self::Anthropic => anthropic::response::decode(body),
        }
    }

    /// Reads the `usage` of an answer (raw JSON of that field); `None` for one that says nothing.
    pub fn decode_usage(self, json: &str) -> Option<Usage> {
        match self {
            Self::OpenAi => openai::usage(json),
            Self::Anthropic => anthropic::usage(json),
        }
    }

    /// Writes a whole answer for the client; adds what it cannot say to `losses`.
    pub fn encode_response(self, response: &chat::Response<'_>, asked: &Asked, losses: &mut Losses) -> Vec<u8> {
        match self {
            Self::OpenAi => openai::response::encode(response, asked, losses),
            Self::Anthropic => anthropic::response::encode(response, asked, losses),
        }
    }

    /// Reads a provider's error answer, whatever its body is (also HTML, empty or cut).
    pub fn decode_error(self, status: u16, body: &[u8]) -> Fault {
        match self {
            Self::OpenAi => openai::error::decode(status, body),
            Self::Anthropic => anthropic::error::decode(status, body),
        }
    }

    /// Writes an error for the client; the HTTP status to send it with is [`Dialect::error_status`].
    pub fn encode_error(self, fault: &Fault) -> Vec<u8> {
        match self {
            Self::OpenAi => openai::error::encode(fault),
            Self::Anthropic => anthropic::error::encode(fault),
        }
    }

    /// The HTTP status with which this dialect's clients expect the fault.
    pub fn error_status(self, fault: &Fault) -> u16 {
        match self {
            Self::OpenAi => openai::error::status(fault),
            Self::Anthropic => anthropic::error::status(fault),
        }
    }

    /// A decoder for one stream of a provider.
    pub fn stream_decoder(self) -> StreamDecoder {
        match self {
            Self::OpenAi => StreamDecoder::OpenAi(openai::stream::Decoder::default()),
            Self::Anthropic => StreamDecoder::Anthropic(anthropic::stream::Decoder::default()),
        }
    }

    /// An encoder for one stream to a client.
    pub fn stream_encoder(self, asked: Asked) -> StreamEncoder {
        match self {
            Self::OpenAi => StreamEncoder::OpenAi(openai::stream::Encoder::new(asked)),
            Self::Anthropic => StreamEncoder::Anthropic(anthropic::stream::Encoder::new(asked)),
        }
    }
}

/// Reads one stream of a provider: frames in, events out. Its state is bounded.
#[derive(Debug)]
pub enum StreamDecoder {
    /// `chat.completion.chunk`s, closed by `[DONE]`.
    OpenAi(openai::stream::Decoder),
    /// `message_start` … `message_stop`.
    Anthropic(anthropic::stream::Decoder),
}

impl StreamDecoder {
    /// Takes one frame and tells `emit` what it means: any number of events.
    ///
    /// # Errors
    /// A [`Fault`] of kind `Upstream` for a frame that cannot be decoded. The stream is broken then: do not go on.
    pub fn frame(&mut self, frame: &Frame<'_>, emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Fault> {
        match self {
            Self::OpenAi(decoder) => decoder.frame(frame, emit),
            Self::Anthropic(decoder) => decoder.frame(frame, emit),
        }
    }
}

/// Writes one stream to a client: events in, bytes out. Its state is bounded.
#[derive(Debug)]
pub enum StreamEncoder {
    /// `chat.completion.chunk`s, closed by `[DONE]`.
    OpenAi(openai::stream::Encoder),
    /// `message_start` … `message_stop`.
    Anthropic(anthropic::stream::Encoder),
}

impl StreamEncoder {
    /// Appends what the event is in this dialect to `out`: any number of whole SSE events. [`Event::Done`] writes the
    /// dialect's last event; [`Event::Error`] writes its error event, after which nothing more may be written.
    ///
    /// # Errors
    /// A [`Fault`] when the events cannot be said in this dialect in this order; the caller writes it as an error event.
    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        match self {
            Self::OpenAi(encoder) => encoder.event(event, out),
            Self::Anthropic(encoder) => encoder.event(event, out),
        }
    }
}
