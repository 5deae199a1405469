//! The hub: what a chat exchange *means*, whatever dialect it was said in.
//!
//! Typed fields only for what a gateway acts on or what at least two dialects can say; open enums; everything borrowed
//! from the bytes it was read from. Values that nobody here looks into (JSON schemas, tool arguments) are raw JSON
//! text, so numbers of any size survive. A decoder puts the *names* of fields that it does not know into
//! [`Losses`]; an encoder adds what its dialect cannot say.

use crate::loss::Losses;
use crate::text::Str;
use crate::usage::Usage;
use serde_json::Number;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A chat request.
#[derive(Clone, Debug, Default)]
pub struct Request<'a> {
    /// The model that the client asked for, as written.
    pub model: Str<'a>,
    /// The conversation in order, system and developer messages included.
    pub messages: Vec<Message<'a>>,
    /// Tools that the model may call.
    pub tools: Vec<Tool<'a>>,
    /// Whether and which tool must be called.
    pub tool_choice: Option<ToolChoice<'a>>,
    /// Whether several tools may be called in one turn; `None` leaves it to the provider.
    pub parallel_tools: Option<bool>,
    /// Most tokens to generate, reasoning included.
    pub max_tokens: Option<u64>,
    /// Sampling temperature, in the source dialect's range.
    pub temperature: Option<Number>,
    /// Nucleus sampling.
    pub top_p: Option<Number>,
    /// Sampling among the k likeliest tokens.
    pub top_k: Option<Number>,
    /// OpenAI's presence penalty.
    pub presence_penalty: Option<Number>,
    /// OpenAI's frequency penalty.
    pub frequency_penalty: Option<Number>,
    /// Seed for repeatable sampling; any 64-bit value.
    pub seed: Option<Number>,
    /// Sequences that end the answer.
    pub stop: Vec<Str<'a>>,
    /// How many answers (choices) to give.
    pub n: Option<u64>,
    /// Log probabilities wanted: `Some(k)` = with the k likeliest alternatives for each token (0 = only the chosen one).
    pub logprobs: Option<u64>,
    /// The form of the answer; `None` is free text.
    pub format: Option<Format<'a>>,
    /// How much to think before the answer; `None` leaves it to the provider.
    pub reasoning: Option<Reasoning>,
    /// How long-winded the answer is (`low`, `medium`, `high`).
    pub verbosity: Option<Str<'a>>,
    /// Answer as a stream of events.
    pub stream: bool,
    /// The client wants the usage as a stream event (always true in dialects whose streams carry it anyway).
    pub stream_usage: bool,
    /// The end user on whose behalf the request is made.
    pub user: Option<Str<'a>>,
    /// The client's own key-value tags for the request, as written (a JSON object).
    pub metadata: Option<Cow<'a, RawValue>>,
    /// The service tier, as the source dialect spells it.
    pub service_tier: Option<ServiceTier<'a>>,
    /// A cache marker for the whole request (Anthropic's top-level `cache_control`).
    pub cache: Option<CacheMark<'a>>,
    /// What was met in the source but has no place here.
    pub losses: Losses,
}

/// Who speaks in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role<'a> {
    /// Instructions above the conversation.
    System,
    /// OpenAI's newer word for instructions of the application; elsewhere it is a system message.
    Developer,
    /// The user (tool results may stand here too, as in Anthropic's dialect).
    User,
    /// The model.
    Assistant,
    /// A tool's result (OpenAI's dialect): holds [`Part::ToolResult`] only.
    Tool,
    /// A role that we do not know.
    Unknown(Str<'a>),
}

/// One message.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Who speaks.
    pub role: Role<'a>,
    /// The speaker's name, where the dialect has one.
    pub name: Option<Str<'a>>,
    /// What is said. Empty for an empty or null content.
    pub parts: Vec<Part<'a>>,
}

/// A piece of a message, of a tool's result, or of an answer.
#[derive(Clone, Debug)]
pub enum Part<'a> {
    /// Plain text.
    Text(TextPart<'a>),
    /// An image, document, sound …
    Media(Media<'a>),
    /// What the model thought, with the provider's proof that it was its own thought.
    Thinking {
        /// The thought; may be empty or a summary.
        text: Str<'a>,
        /// The provider's signature; without it the thought cannot go back to a provider that signs.
        signature: Option<Str<'a>>,
    },
    /// A thought that only its provider can read.
    RedactedThinking {
        /// Opaque data.
        data: Str<'a>,
    },
    /// The model calls a tool.
    ToolCall(ToolCall<'a>),
    /// What a tool answered.
    ToolResult(ToolResult<'a>),
    /// The model declines, in words.
    Refusal(Str<'a>),
}

/// Text with what may hang on it.
#[derive(Clone, Debug, Default)]
pub struct TextPart<'a> {
    /// The text.
    pub text: Str<'a>,
    /// What the text rests on, in an answer.
    pub citations: Vec<Citation<'a>>,
    /// The prompt up to and including this part is worth caching.
    pub cache: Option<CacheMark<'a>>,
}

impl<'a> From<Str<'a>> for TextPart<'a> {
    fn from(text: Str<'a>) -> Self {
        Self { text, ..Self::default() }
    }
}

/// A source that a piece of an answer's text rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Citation<'a> {
    /// The piece: characters (Unicode scalar values) of the answer's text, end excluded. `None`: the whole text part.
    pub span: Option<(u64, u64)>,
    /// Where the source is on the network.
    pub url: Option<Str<'a>>,
    /// Its title.
    pub title: Option<Str<'a>>,
    /// Its words that support the piece.
    pub quote: Option<Str<'a>>,
    /// The client's own document, by the id or index that the provider gives it.
    pub document: Option<Str<'a>>,
}

/// A prompt-cache marker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheMark<'a> {
    /// How long to keep it (`5m`, `1h`), where the source says so.
    pub ttl: Option<Str<'a>>,
}

/// What kind of thing a [`Media`] part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A PDF or text document.
    Document,
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
}

/// An image, document or sound in a message.
#[derive(Clone, Debug)]
pub struct Media<'a> {
    /// What it is.
    pub kind: MediaKind,
    /// Where its bytes are.
    pub source: Source<'a>,
    /// A file name or title, where there is one.
    pub name: Option<Str<'a>>,
    /// Words about it for the model (Anthropic's document `context`).
    pub context: Option<Str<'a>>,
    /// How closely to look at an image (`low`, `high`, `auto`).
    pub detail: Option<Str<'a>>,
    /// Answers shall cite this document.
    pub citations: bool,
    /// The prompt up to and including this part is worth caching.
    pub cache: Option<CacheMark<'a>>,
}

/// Where a medium's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// In the request, base64-encoded.
    Base64 {
        /// MIME type: `image/png`. For OpenAI's `input_audio` this is `audio/wav` or `audio/mp3`.
        media_type: Str<'a>,
        /// Base64 text, as written.
        data: Str<'a>,
    },
    /// Somewhere on the network.
    Url(Str<'a>),
    /// Uploaded to the provider before.
    FileId(Str<'a>),
    /// The text itself (plain-text documents).
    Text(Str<'a>),
}

/// A tool call by the model.
#[derive(Clone, Debug, Default)]
pub struct ToolCall<'a> {
    /// The call's id, by which its result refers to it.
    pub id: Str<'a>,
    /// The tool's name.
    pub name: Str<'a>,
    /// The arguments as JSON text, as the model wrote it (may be empty or broken JSON).
    pub arguments: Str<'a>,
    /// The provider's proof of the thought that led to the call (Gemini's `thoughtSignature`); it wants it back.
    pub signature: Option<Str<'a>>,
    /// The prompt up to and including this part is worth caching.
    pub cache: Option<CacheMark<'a>>,
}

/// A tool's answer.
#[derive(Clone, Debug)]
pub struct ToolResult<'a> {
    /// The id of the call.
    pub id: Str<'a>,
    /// What the tool said: text, images, documents.
    pub content: Vec<Part<'a>>,
    /// The tool failed.
    pub is_error: bool,
    /// The prompt up to and including this part is worth caching.
    pub cache: Option<CacheMark<'a>>,
}

/// A tool that the client offers.
#[derive(Clone, Debug)]
pub struct Tool<'a> {
    /// Its name.
    pub name: Str<'a>,
    /// What it does, for the model.
    pub description: Option<Str<'a>>,
    /// JSON Schema of its arguments; `None` = no arguments.
    pub schema: Option<Cow<'a, RawValue>>,
    /// Arguments must fit the schema.
    pub strict: Option<bool>,
    /// The prompt up to and including this tool is worth caching.
    pub cache: Option<CacheMark<'a>>,
}

/// Whether and which tool must be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice<'a> {
    /// The model decides.
    Auto,
    /// No tool.
    None,
    /// At least one, whichever.
    Required,
    /// This one.
    Named(Str<'a>),
}

/// The form of the answer.
#[derive(Clone, Debug)]
pub enum Format<'a> {
    /// Any JSON object.
    JsonObject,
    /// JSON that fits a schema.
    JsonSchema {
        /// A name for the schema (OpenAI wants one).
        name: Option<Str<'a>>,
        /// What the answer is, for the model.
        description: Option<Str<'a>>,
        /// The schema.
        schema: Option<Cow<'a, RawValue>>,
        /// The answer must fit.
        strict: Option<bool>,
    },
}

/// How much to think before the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reasoning {
    /// Not at all.
    Off,
    /// As much as the model sees fit, under an effort where one is given.
    Effort(Effort),
    /// At most this many tokens.
    Budget(u64),
    /// The model decides.
    Adaptive,
}

/// Levels of effort, from all dialects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// OpenAI's least.
    Minimal,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Above high.
    XHigh,
    /// All there is.
    Max,
}

/// A service tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceTier<'a> {
    /// The provider's choice.
    Auto,
    /// The ordinary tier, never the paid-for priority (OpenAI `default`, Anthropic `standard_only`).
    Standard,
    /// Another one, as the source dialect spells it.
    Other(Str<'a>),
}

/// A whole answer.
#[derive(Clone, Debug, Default)]
pub struct Response<'a> {
    /// The provider's id for it.
    pub id: Str<'a>,
    /// The model that answered, in the provider's words.
    pub model: Str<'a>,
    /// Unix seconds, where the provider tells.
    pub created: Option<u64>,
    /// The answers; one unless the client asked for more.
    pub choices: Vec<Choice<'a>>,
    /// What it used; `None` when the provider did not say.
    pub usage: Option<Usage>,
    /// The service tier that served, as the provider spells it.
    pub service_tier: Option<Str<'a>>,
    /// What was met in the source but has no place here.
    pub losses: Losses,
}

/// One of the answers.
#[derive(Clone, Debug)]
pub struct Choice<'a> {
    /// Its number, from 0.
    pub index: u32,
    /// What it says.
    pub parts: Vec<Part<'a>>,
    /// Why it ended.
    pub stop: StopReason<'a>,
    /// Log probabilities in OpenAI's shape, as written.
    pub logprobs: Option<Cow<'a, RawValue>>,
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason<'a> {
    /// The model was done.
    End,
    /// One of the client's stop sequences (OpenAI does not say which, nor tells it from `End`).
    Sequence(Option<Str<'a>>),
    /// `max_tokens` or the context window was used up.
    Length,
    /// The model calls tools and waits for their results.
    ToolCalls,
    /// The model declined or a filter stepped in.
    Refused,
    /// A long turn was paused and can be continued (Anthropic's `pause_turn`).
    Paused,
    /// A reason that we do not know, as the provider spells it.
    Unknown(Str<'a>),
}
