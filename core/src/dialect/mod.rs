//! The wire formats: one folder each, all with the same five doors (request, response, error, stream in, stream out).
//!
//! A dialect knows only itself and the hub; that two dialects meet is [`crate::translate`]'s business. The enums below
//! are matched whole: a new dialect finds every place that must know it.

pub mod anthropic;
mod arguments;
mod cited;
mod claude;
pub mod cohere;
pub mod completions;
pub(crate) mod conform;
pub mod converse;
pub(crate) mod counting;
mod data_url;
pub(crate) mod envelope;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod gemini;
pub mod openai;
mod place;
pub mod quirks;
pub mod responses;
mod schema;
pub(crate) mod wire;

use crate::chat;
use crate::edit::Object;
use crate::endpoint::Hosting;
use crate::fault::{Fault, FaultKind};
use crate::frame::sse::Frame;
use crate::loss::Losses;
use crate::stream::Event;
use crate::usage::Usage;
use quirks::{MaxTokensField, Quirks, Thoughts};
use std::sync::Arc;

/// A wire format that clients or providers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI chat completions: <https://platform.openai.com/docs/api-reference/chat>.
    OpenAi,
    /// OpenAI responses: <https://platform.openai.com/docs/api-reference/responses>.
    Responses,
    /// OpenAI legacy completions: <https://platform.openai.com/docs/api-reference/completions>.
    Completions,
    /// Anthropic messages: <https://docs.anthropic.com/en/api/messages>.
    Anthropic,
    /// Google Gemini generateContent: <https://ai.google.dev/api/generate-content>.
    Gemini,
    /// Amazon Bedrock Converse: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>.
    Converse,
    /// Cohere v2 chat: <https://docs.cohere.com/reference/chat>.
    Cohere,
}

/// Does the same with every dialect's own module.
macro_rules! each {
    ($dialect:expr, $module:ident => $call:expr) => {
        match $dialect {
            Dialect::OpenAi => {
                use openai as $module;
                $call
            }
            Dialect::Responses => {
                use responses as $module;
                $call
            }
            Dialect::Completions => {
                use completions as $module;
                $call
            }
            Dialect::Anthropic => {
                use anthropic as $module;
                $call
            }
            Dialect::Gemini => {
                use gemini as $module;
                $call
            }
            Dialect::Converse => {
                use converse as $module;
                $call
            }
            Dialect::Cohere => {
                use cohere as $module;
                $call
            }
        }
    };
}

/// What an encoder must know about the upstream beyond the request: the target's model name and its habits, as data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The provider's own model name.
    pub model: String,
    /// The house that serves it.
    pub hosting: Hosting,
    /// `max_tokens` for dialects that demand one, when the client gave none.
    pub max_tokens_default: u64,
    /// How its provider deviates from its dialect.
    pub quirks: Arc<Quirks>,
    /// Anthropic dialect: how the model wants to be told to think.
    pub thinking: ThinkingStyle,
    /// The model takes `temperature`, `top_p` and `top_k`. Some refuse them (Claude since Opus 4.7 answers 400, see
    /// <https://platform.claude.com/docs/en/about-claude/models/migration-guide>): then they are losses.
    pub sampling: bool,
    /// The model can be told how much to think. Others refuse every word about it (gpt-4o answers 400): then a wish for
    /// thoughts is a loss.
    pub reasoning: bool,
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
            hosting: Hosting::Native,
            max_tokens_default: 8192,
            quirks: Arc::default(),
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
    /// OpenAI dialect: the client offered `functions`, the form before `tools`, and reads a `function_call`.
    pub legacy_functions: bool,
    /// What the answer repeats of the request ([`Dialect::echo`]); `None` is a request that says nothing.
    pub echo: Option<Arc<responses::Echo>>,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 7] =
        [Self::OpenAi, Self::Responses, Self::Completions, Self::Anthropic, Self::Gemini, Self::Converse, Self::Cohere];

    /// The dialect of this name in config, metrics and logs.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == name)
    }

    /// The dialect's name in config, metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Responses => "responses",
            Self::Completions => "completions",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Converse => "converse",
            Self::Cohere => "cohere",
        }
    }

    /// What an answer of this dialect needs again of its request, where it needs anything.
    pub fn echo(self, request: &Object<'_>) -> Option<Arc<responses::Echo>> {
        match self {
            Self::Responses => Some(Arc::new(responses::Echo::of(request))),
            Self::OpenAi | Self::Completions | Self::Anthropic | Self::Gemini | Self::Converse | Self::Cohere => None,
        }
    }

    /// The field of a request that limits the tokens of its answer.
    pub fn output_field(self, upstream: &Upstream) -> &'static str {
        match (self, upstream.quirks.max_tokens_field.unwrap_or_default()) {
            (Self::OpenAi, MaxTokensField::MaxCompletionTokens) => "max_completion_tokens",
            (Self::Responses, _) => "max_output_tokens",
            (Self::Gemini, _) => "generationConfig.maxOutputTokens",
            (Self::Converse, _) => "inferenceConfig.maxTokens",
            (Self::OpenAi, MaxTokensField::MaxTokens) | (Self::Completions | Self::Anthropic | Self::Cohere, _) => {
                "max_tokens"
            }
        }
    }

    /// All the fields in which a request may limit the answer, the one that counts first. Google's JSON knows each name in two
    /// spellings.
    pub fn output_fields(self) -> &'static [&'static str] {
        match self {
            Self::OpenAi => &["max_completion_tokens", "max_tokens"],
            Self::Responses => &["max_output_tokens"],
            Self::Completions | Self::Anthropic | Self::Cohere => &["max_tokens"],
            Self::Gemini => &[
                "generationConfig.maxOutputTokens",
                "generationConfig.max_output_tokens",
                "generation_config.maxOutputTokens",
                "generation_config.max_output_tokens",
            ],
            Self::Converse => &["inferenceConfig.maxTokens"],
        }
    }

    /// All the fields in which a request may ask for several answers.
    pub fn answers_fields(self) -> &'static [&'static str] {
        match self {
            Self::OpenAi | Self::Completions => &["n", "best_of"],
            Self::Gemini => &[
                "generationConfig.candidateCount",
                "generationConfig.candidate_count",
                "generation_config.candidateCount",
                "generation_config.candidate_count",
            ],
            Self::Responses | Self::Anthropic | Self::Converse | Self::Cohere => &[],
        }
    }

    /// The field of a whole answer that tells its usage.
    pub(crate) fn usage_field(self) -> &'static str {
        if self == Self::Gemini { "usageMetadata" } else { "usage" }
    }

    /// The field of a whole answer that tells which model answered.
    pub(crate) fn model_field(self) -> &'static str {
        if self == Self::Gemini { "modelVersion" } else { "model" }
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
        each!(self, dialect => dialect::request::decode(body))
    }

    /// Writes a request for a provider.
    ///
    /// # Errors
    /// A [`Fault`] when the request makes no sense in this dialect at all (not for single fields: those are losses).
    pub fn encode_request(self, request: &chat::Request<'_>, upstream: &Upstream) -> Result<Encoded, Fault> {
        let mut encoded = each!(self, dialect => dialect::request::encode(request, upstream))?;
        if let Some(body) = self.conform(&encoded.body, upstream, &mut encoded.losses) {
            encoded.body = body;
        }
        Ok(encoded)
    }

    /// Makes a request body of this dialect fit a provider that deviates from it; `None` when it does so already. Adds
    /// what cannot be said to `losses`.
    pub fn conform(self, body: &[u8], upstream: &Upstream, losses: &mut Losses) -> Option<Vec<u8>> {
        conform::conform(self, body, upstream, losses)
    }

    /// Reads a provider's whole answer (HTTP 200, not a stream).
    ///
    /// # Errors
    /// A [`Fault`] of kind `Upstream` for a body that is not an answer of this dialect.
    pub fn decode_response(self, body: &[u8]) -> Result<chat::Response<'_>, Fault> {
        each!(self, dialect => dialect::response::decode(body))
    }

    /// The same, of a provider that deviates from its dialect.
    ///
    /// # Errors
    /// As [`Dialect::decode_response`].
    pub fn decode_response_with<'b>(self, body: &'b [u8], quirks: &Quirks) -> Result<chat::Response<'b>, Fault> {
        let mut response = self.decode_response(body)?;
        if self == Self::OpenAi && quirks.thoughts == Some(Thoughts::ThinkTags) {
            openai::think_tags::split(&mut response);
        }
        Ok(response)
    }

    /// Reads the `usage` of an answer (raw JSON of that field); `None` for one that says nothing.
    pub fn decode_usage(self, json: &str) -> Option<Usage> {
        each!(self, dialect => dialect::usage(json))
    }

    /// Writes a whole answer for the client; adds what it cannot say to `losses`.
    pub fn encode_response(self, response: &chat::Response<'_>, asked: &Asked, losses: &mut Losses) -> Vec<u8> {
        each!(self, dialect => dialect::response::encode(response, asked, losses))
    }

    /// Reads a provider's error answer, whatever its body is (also HTML, empty or cut).
    pub fn decode_error(self, status: u16, body: &[u8]) -> Fault {
        each!(self, dialect => dialect::error::decode(status, body))
    }

    /// Writes an error for the client; the HTTP status to send it with is [`Dialect::error_status`].
    pub fn encode_error(self, fault: &Fault) -> Vec<u8> {
        each!(self, dialect => dialect::error::encode(fault))
    }

    /// The HTTP status with which this dialect's clients expect the fault.
    pub fn error_status(self, fault: &Fault) -> u16 {
        each!(self, dialect => dialect::error::status(fault))
    }

    /// The header, beside status and body, by which this dialect's clients know the fault: name and value.
    pub fn error_header(self, fault: &Fault) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Converse => Some(("x-amzn-errortype", converse::error::error_type(fault))),
            Self::OpenAi | Self::Responses | Self::Completions | Self::Anthropic | Self::Gemini | Self::Cohere => None,
        }
    }

    /// A decoder for one stream of a provider.
    pub fn stream_decoder(self) -> StreamDecoder {
        match self {
            Self::OpenAi => StreamDecoder::OpenAi(openai::stream::Decoder::default()),
            Self::Responses => StreamDecoder::Responses(responses::stream::Decoder::default()),
            Self::Completions => StreamDecoder::Completions(completions::stream::Decoder::default()),
            Self::Anthropic => StreamDecoder::Anthropic(anthropic::stream::Decoder::default()),
            Self::Gemini => StreamDecoder::Gemini(gemini::stream::Decoder::default()),
            Self::Converse => StreamDecoder::Converse(converse::stream::Decoder::default()),
            Self::Cohere => StreamDecoder::Cohere(cohere::stream::Decoder::default()),
        }
    }

    /// The same, of a provider that deviates from its dialect.
    pub fn stream_decoder_with(self, quirks: &Quirks) -> StreamDecoder {
        match self {
            Self::OpenAi => StreamDecoder::OpenAi(openai::stream::Decoder::new(quirks)),
            Self::Responses | Self::Completions | Self::Anthropic | Self::Gemini | Self::Converse | Self::Cohere => {
                self.stream_decoder()
            }
        }
    }

    /// An encoder for one stream to a client.
    pub fn stream_encoder(self, asked: Asked) -> StreamEncoder {
        match self {
            Self::OpenAi => StreamEncoder::OpenAi(openai::stream::Encoder::new(asked)),
            Self::Responses => StreamEncoder::Responses(Box::new(responses::stream::Encoder::new(asked))),
            Self::Completions => StreamEncoder::Completions(completions::stream::Encoder::new(asked)),
            Self::Anthropic => StreamEncoder::Anthropic(anthropic::stream::Encoder::new(asked)),
            Self::Gemini => StreamEncoder::Gemini(gemini::stream::Encoder::new(asked)),
            Self::Converse => StreamEncoder::Converse(converse::stream::Encoder::new(asked)),
            Self::Cohere => StreamEncoder::Cohere(cohere::stream::Encoder::new(asked)),
        }
    }
}

/// Reads one stream of a provider: frames in, events out. Its state is bounded.
#[derive(Debug)]
pub enum StreamDecoder {
    /// `chat.completion.chunk`s, closed by `[DONE]`.
    OpenAi(openai::stream::Decoder),
    /// `response.created` … `response.completed`.
    Responses(responses::stream::Decoder),
    /// `text_completion` chunks, closed by `[DONE]`.
    Completions(completions::stream::Decoder),
    /// `message_start` … `message_stop`.
    Anthropic(anthropic::stream::Decoder),
    /// `GenerateContentResponse`s.
    Gemini(gemini::stream::Decoder),
    /// `messageStart` … `metadata`.
    Converse(converse::stream::Decoder),
    /// `message-start` … `message-end`.
    Cohere(cohere::stream::Decoder),
}

impl StreamDecoder {
    /// The answer is whole though the dialect's last event has not come, and need not: some providers send none.
    pub fn is_complete(&self) -> bool {
        match self {
            Self::OpenAi(decoder) => decoder.is_complete(),
            Self::Responses(_)
            | Self::Completions(_)
            | Self::Anthropic(_)
            | Self::Gemini(_)
            | Self::Converse(_)
            | Self::Cohere(_) => false,
        }
    }

    /// Takes one frame and tells `emit` what it means: any number of events.
    ///
    /// # Errors
    /// A [`Fault`] of kind `Upstream` for a frame that cannot be decoded. The stream is broken then: do not go on.
    pub fn frame(&mut self, frame: &Frame<'_>, emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Fault> {
        match self {
            Self::OpenAi(decoder) => decoder.frame(frame, emit),
            Self::Responses(decoder) => decoder.frame(frame, emit),
            Self::Completions(decoder) => decoder.frame(frame, emit),
            Self::Anthropic(decoder) => decoder.frame(frame, emit),
            Self::Gemini(decoder) => decoder.frame(frame, emit),
            Self::Converse(decoder) => decoder.frame(frame, emit),
            Self::Cohere(decoder) => decoder.frame(frame, emit),
        }
    }
}

/// Writes one stream to a client: events in, bytes out. Its state is bounded.
#[derive(Debug)]
pub enum StreamEncoder {
    /// `chat.completion.chunk`s, closed by `[DONE]`.
    OpenAi(openai::stream::Encoder),
    /// `response.created` … `response.completed`. Apart, since it holds more than the others.
    Responses(Box<responses::stream::Encoder>),
    /// `text_completion` chunks, closed by `[DONE]`.
    Completions(completions::stream::Encoder),
    /// `message_start` … `message_stop`.
    Anthropic(anthropic::stream::Encoder),
    /// `GenerateContentResponse`s.
    Gemini(gemini::stream::Encoder),
    /// `messageStart` … `metadata`.
    Converse(converse::stream::Encoder),
    /// `message-start` … `message-end`.
    Cohere(cohere::stream::Encoder),
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
            Self::Responses(encoder) => encoder.event(event, out),
            Self::Completions(encoder) => encoder.event(event, out),
            Self::Anthropic(encoder) => encoder.event(event, out),
            Self::Gemini(encoder) => encoder.event(event, out),
            Self::Converse(encoder) => encoder.event(event, out),
            Self::Cohere(encoder) => encoder.event(event, out),
        }
    }

    /// Takes an event of a provider of the same dialect that has gone to the client as it was, after what it means. Where
    /// items have ids, those that are open must end under the ids that the client has read.
    pub fn overhear(&mut self, frame: &Frame<'_>) {
        match self {
            Self::Responses(encoder) => encoder.overhear(frame),
            Self::OpenAi(_)
            | Self::Completions(_)
            | Self::Anthropic(_)
            | Self::Gemini(_)
            | Self::Converse(_)
            | Self::Cohere(_) => {}
        }
    }

    /// What has been told since the last time and cannot be said in this dialect.
    pub fn take_losses(&mut self) -> Losses {
        match self {
            Self::OpenAi(encoder) => encoder.take_losses(),
            Self::Anthropic(encoder) => encoder.take_losses(),
            Self::Completions(encoder) => encoder.take_losses(),
            Self::Gemini(encoder) => encoder.take_losses(),
            Self::Cohere(encoder) => encoder.take_losses(),
            Self::Responses(encoder) => encoder.take_losses(),
            Self::Converse(encoder) => encoder.take_losses(),
        }
    }
}
