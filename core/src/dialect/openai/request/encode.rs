//! The hub → a provider's `POST /v1/chat/completions`.
//!
//! The widest-understood form of each thing: text-only content is one string (several texts are joined by a line end,
//! those of the model by nothing, since they may be pieces of one sentence), because many servers of this dialect refuse
//! lists of parts; `user` and not its successor `safety_identifier`; no parameter that says what holds anyway.
//!
//! Losses are named as Anthropic's dialect spells them where OpenAI's has no word for the thing.

use crate::chat::{self, CacheMark, Format, Media, MediaKind, Part, Reasoning, Role, Source, ToolChoice, ToolResult};
use crate::dialect::openai::texts::Texts;
use crate::dialect::{Encoded, MaxTokensField, Upstream};
use crate::fault::{Fault, FaultKind};
use crate::loss::Losses;
use serde::{Serialize, Serializer};
use serde_json::Number;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// OpenAI takes this many stop sequences.
const STOPS_MAX: usize = 4;
/// A thinking budget up to this many tokens is a low effort …
const BUDGET_LOW_MAX: u64 = 2048;
/// … and up to this many a medium one; above it is a high one. (LiteLLM's and OpenRouter's steps lie close by.)
const BUDGET_MEDIUM_MAX: u64 = 8192;
/// A JSON schema must have a name; this is it when the client gave none.
const SCHEMA_NAME: &str = "response";

#[derive(Serialize)]
struct Body<'b> {
    model: &'b str,
    messages: Vec<Message<'b>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<&'b Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<&'b Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<&'b Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<&'b Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<&'b Number>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop: Vec<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verbosity: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'b RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct Message<'b> {
    role: &'b str,
    /// `null` only where the model calls tools and says nothing.
    content: Option<Content<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Texts<'b>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'b str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'b> {
    Text(Texts<'b>),
    Parts(Vec<PartOut<'b>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum PartOut<'b> {
    Text { text: Cow<'b, str> },
    ImageUrl { image_url: ImageUrl<'b> },
    InputAudio { input_audio: InputAudio<'b> },
    File { file: File<'b> },
}

#[derive(Serialize)]
struct ImageUrl<'b> {
    url: Url<'b>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'b str>,
}

#[derive(Serialize)]
struct InputAudio<'b> {
    data: &'b str,
    format: &'b str,
}

#[derive(Serialize)]
struct File<'b> {
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<Cow<'b, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<Url<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<&'b str>,
}

#[derive(Serialize)]
struct Call<'b> {
    id: &'b str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Called<'b>,
}

#[derive(Serialize)]
struct Called<'b> {
    name: &'b str,
    arguments: &'b str,
}

#[derive(Serialize)]
struct Tool<'b> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'b>,
}

#[derive(Serialize)]
struct Function<'b> {
    name: &'b str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<&'b RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Choice<'b> {
    Word(&'static str),
    Named {
        #[serde(rename = "type")]
        kind: &'static str,
        function: Named<'b>,
    },
}

#[derive(Serialize)]
struct Named<'b> {
    name: &'b str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat<'b> {
    JsonObject,
    JsonSchema { json_schema: JsonSchema<'b> },
}

#[derive(Serialize)]
struct JsonSchema<'b> {
    name: &'b str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'b RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

/// A URL, or the thing itself as a data URL.
enum Url<'b> {
    Web(&'b str),
    Data { media_type: &'b str, data: &'b str },
}

impl Serialize for Url<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Web(url) => serializer.serialize_str(url),
            Self::Data { media_type, data } => serializer.collect_str(&format_args!("data:{media_type};base64,{data}")),
        }
    }
}

/// Writes a chat request for a provider. A stream always asks for its usage: our own metering needs it.
///
/// # Errors
/// Never in practice; a [`Fault`] of kind `Server` if the request cannot be written as JSON.
pub fn encode(request: &chat::Request<'_>, upstream: &Upstream) -> Result<Encoded, Fault> {
    let mut conversation = Conversation::default();
    for message in &request.messages {
        conversation.message(message);
    }
    conversation.flush_held();
    let Conversation { messages, mut losses, .. } = conversation;
    let body = body(request, messages, upstream, &mut losses);
    let body = serde_json::to_vec(&body)
        .map_err(|error| Fault::new(FaultKind::Server, format!("the request cannot be written as JSON: {error}")))?;
    Ok(Encoded { body, losses })
}

fn body<'b>(
    request: &'b chat::Request<'_>,
    messages: Vec<Message<'b>>,
    upstream: &'b Upstream,
    losses: &mut Losses,
) -> Body<'b> {
    note_cache(request.cache.as_ref(), losses);
    if request.top_k.is_some() {
        losses.add("top_k");
    }
    let has_tools = !request.tools.is_empty();
    let is_new_field = upstream.max_tokens_field == MaxTokensField::MaxCompletionTokens;
    Body {
        model: &upstream.model,
        messages,
        tools: request.tools.iter().map(|tool| encode_tool(tool, losses)).collect(),
        tool_choice: tool_choice(request.tool_choice.as_ref(), has_tools, losses),
        // Refused by OpenAI where there are no tools.
        parallel_tool_calls: request.parallel_tools.filter(|_| has_tools),
        max_completion_tokens: request.max_tokens.filter(|_| is_new_field),
        max_tokens: request.max_tokens.filter(|_| !is_new_field),
        temperature: sampling(request.temperature.as_ref(), "temperature", upstream, losses),
        top_p: sampling(request.top_p.as_ref(), "top_p", upstream, losses),
        presence_penalty: request.presence_penalty.as_ref(),
        frequency_penalty: request.frequency_penalty.as_ref(),
        seed: request.seed.as_ref(),
        stop: stop(request, losses),
        n: request.n.filter(|n| *n != 1),
        logprobs: request.logprobs.map(|_| true),
        top_logprobs: request.logprobs.filter(|top| *top > 0),
        response_format: request.format.as_ref().map(response_format),
        reasoning_effort: request.reasoning.and_then(|reasoning| effort(reasoning, losses)),
        verbosity: request.verbosity.as_deref(),
        user: request.user.as_deref(),
        metadata: request.metadata.as_deref(),
        service_tier: request.service_tier.as_ref().and_then(service_tier),
        stream: request.stream.then_some(true),
        stream_options: request.stream.then_some(StreamOptions { include_usage: true }),
    }
}

/// OpenAI caches prompts by itself. It takes explicit breakpoints only for its newest models (GPT-5.6 on), and other
/// servers refuse fields that they do not know, so markers are not translated.
fn note_cache(mark: Option<&CacheMark<'_>>, losses: &mut Losses) {
    if mark.is_some() {
        losses.add("cache_control");
    }
}

fn sampling<'b>(
    value: Option<&'b Number>,
    field: &'static str,
    upstream: &Upstream,
    losses: &mut Losses,
) -> Option<&'b Number> {
    if value.is_some() && !upstream.sampling {
        losses.add(field);
        return None;
    }
    value
}

fn stop<'b>(request: &'b chat::Request<'_>, losses: &mut Losses) -> Vec<&'b str> {
    if request.stop.len() > STOPS_MAX {
        losses.add("stop_sequences");
    }
    request.stop.iter().take(STOPS_MAX).map(|stop| stop.as_str()).collect()
}

fn encode_tool<'b>(tool: &'b chat::Tool<'_>, losses: &mut Losses) -> Tool<'b> {
    note_cache(tool.cache.as_ref(), losses);
    Tool {
        kind: "function",
        function: Function {
            name: &tool.name,
            description: tool.description.as_deref(),
            parameters: tool.schema.as_deref(),
            strict: tool.strict,
        },
    }
}

/// OpenAI refuses a choice where there are no tools; one that changes nothing then is no loss.
fn tool_choice<'b>(choice: Option<&'b ToolChoice<'_>>, has_tools: bool, losses: &mut Losses) -> Option<Choice<'b>> {
    match choice? {
        ToolChoice::Auto | ToolChoice::None if !has_tools => None,
        ToolChoice::Required | ToolChoice::Named(_) if !has_tools => {
            losses.add("tool_choice");
            None
        }
        ToolChoice::Auto => Some(Choice::Word("auto")),
        ToolChoice::None => Some(Choice::Word("none")),
        ToolChoice::Required => Some(Choice::Word("required")),
        ToolChoice::Named(name) => Some(Choice::Named { kind: "function", function: Named { name } }),
    }
}

fn response_format<'b>(format: &'b Format<'_>) -> ResponseFormat<'b> {
    match format {
        Format::JsonObject => ResponseFormat::JsonObject,
        Format::JsonSchema { name, description, schema, strict } => ResponseFormat::JsonSchema {
            json_schema: JsonSchema {
                name: name.as_deref().unwrap_or(SCHEMA_NAME),
                description: description.as_deref(),
                schema: schema.as_deref(),
                strict: *strict,
            },
        },
    }
}

/// `reasoning_effort`. `none` is not sent: models that cannot think do not know the field, and many that can refuse the
/// word (o3, gpt-5), so that the provider's default stands in for it.
fn effort(reasoning: Reasoning, losses: &mut Losses) -> Option<&'static str> {
    match reasoning {
        Reasoning::Off => {
            losses.add("thinking.disabled");
            None
        }
        Reasoning::Effort(effort) => Some(match effort {
            chat::Effort::Minimal => "minimal",
            chat::Effort::Low => "low",
            chat::Effort::Medium => "medium",
            chat::Effort::High => "high",
            chat::Effort::XHigh => "xhigh",
            chat::Effort::Max => "max",
        }),
        Reasoning::Budget(..=BUDGET_LOW_MAX) => Some("low"),
        Reasoning::Budget(..=BUDGET_MEDIUM_MAX) => Some("medium"),
        Reasoning::Budget(_) => Some("high"),
        Reasoning::Adaptive => None,
    }
}

/// `auto` is what holds without the field, which many servers do not know.
fn service_tier<'b>(tier: &'b chat::ServiceTier<'_>) -> Option<&'b str> {
    match tier {
        chat::ServiceTier::Auto => None,
        chat::ServiceTier::Standard => Some("default"),
        chat::ServiceTier::Other(other) => Some(other),
    }
}

/// The messages written so far.
#[derive(Default)]
struct Conversation<'b> {
    messages: Vec<Message<'b>>,
    /// Media from tool results. A tool message holds only text, so they follow in a user message, and not before the
    /// last tool message of the turn: all results must come right after the calls.
    held: Vec<PartOut<'b>>,
    losses: Losses,
}

impl<'b> Conversation<'b> {
    fn message(&mut self, message: &'b chat::Message<'_>) {
        let name = message.name.as_deref();
        match &message.role {
            Role::System => self.instructions("system", name, &message.parts),
            Role::Developer => self.instructions("developer", name, &message.parts),
            Role::Assistant => {
                self.flush_held();
                self.assistant(name, &message.parts);
                self.results(&message.parts);
            }
            Role::User => self.user("user", name, &message.parts),
            Role::Tool => self.user("user", None, &message.parts),
            Role::Unknown(role) => self.user(role, name, &message.parts),
        }
    }

    fn instructions(&mut self, role: &'b str, name: Option<&'b str>, parts: &'b [Part<'_>]) {
        self.flush_held();
        let content = self.content(parts);
        self.push(role, name, content);
    }

    /// A user's message: tool results first, then what the user says, if anything.
    fn user(&mut self, role: &'b str, name: Option<&'b str>, parts: &'b [Part<'_>]) {
        let has_results = self.results(parts);
        let said = self.content(parts);
        if said.is_empty() && has_results {
            return;
        }
        let mut content = std::mem::take(&mut self.held);
        content.extend(said);
        self.push(role, name, content);
    }

    fn flush_held(&mut self) {
        if !self.held.is_empty() {
            let content = std::mem::take(&mut self.held);
            self.push("user", None, content);
        }
    }

    fn push(&mut self, role: &'b str, name: Option<&'b str>, content: Vec<PartOut<'b>>) {
        let content = Some(content_of(content));
        self.messages.push(Message { role, content, name, refusal: None, tool_calls: Vec::new(), tool_call_id: None });
    }

    /// Writes every tool result as a message of its own; there were some.
    fn results(&mut self, parts: &'b [Part<'_>]) -> bool {
        let before = self.messages.len();
        for part in parts {
            if let Part::ToolResult(result) = part {
                self.result(result);
            }
        }
        self.messages.len() > before
    }

    fn result(&mut self, result: &'b ToolResult<'_>) {
        note_cache(result.cache.as_ref(), &mut self.losses);
        if result.is_error {
            self.losses.add("messages.content.tool_result.is_error");
        }
        let mut pieces = Vec::new();
        let mut media = Vec::new();
        for part in self.content(&result.content) {
            match part {
                PartOut::Text { text: Cow::Borrowed(text) } => pieces.push(text),
                PartOut::Text { text: Cow::Owned(_) }
                | PartOut::ImageUrl { .. }
                | PartOut::InputAudio { .. }
                | PartOut::File { .. } => media.push(part),
            }
        }
        if !media.is_empty() {
            let text = Cow::Owned(format!("Files that tool call {} returned:", result.id));
            self.held.push(PartOut::Text { text });
            self.held.append(&mut media);
        }
        self.messages.push(Message {
            role: "tool",
            content: Some(Content::Text(Texts::new(pieces, "\n"))),
            name: None,
            refusal: None,
            tool_calls: Vec::new(),
            tool_call_id: Some(&result.id),
        });
    }

    /// What can stand in a content; tool results are no part of it.
    fn content(&mut self, parts: &'b [Part<'_>]) -> Vec<PartOut<'b>> {
        let mut content = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Part::Text(text) => {
                    note_cache(text.cache.as_ref(), &mut self.losses);
                    content.push(PartOut::Text { text: Cow::Borrowed(&text.text) });
                }
                Part::Media(media) => content.extend(self.media(media)),
                Part::Refusal(text) => content.push(PartOut::Text { text: Cow::Borrowed(text) }),
                Part::Thinking { .. } => self.losses.add("messages.content.thinking"),
                Part::RedactedThinking { .. } => self.losses.add("messages.content.redacted_thinking"),
                Part::ToolCall(_) => self.losses.add("messages.content.tool_use"),
                Part::ToolResult(_) => {}
            }
        }
        content
    }

    fn assistant(&mut self, name: Option<&'b str>, parts: &'b [Part<'_>]) {
        let mut said = Vec::new();
        let mut refused = Vec::new();
        let mut tool_calls = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => {
                    note_cache(text.cache.as_ref(), &mut self.losses);
                    said.push(text.text.as_str());
                }
                Part::Refusal(text) => refused.push(text.as_str()),
                Part::ToolCall(call) => {
                    note_cache(call.cache.as_ref(), &mut self.losses);
                    tool_calls.push(encode_call(call));
                }
                Part::Media(media) => self.losses.add(lost_media(media.kind)),
                Part::Thinking { .. } => self.losses.add("messages.content.thinking"),
                Part::RedactedThinking { .. } => self.losses.add("messages.content.redacted_thinking"),
                Part::ToolResult(_) => {}
            }
        }
        let is_silent = said.is_empty() && !(tool_calls.is_empty() && refused.is_empty());
        self.messages.push(Message {
            role: "assistant",
            content: (!is_silent).then_some(Content::Text(Texts::new(said, ""))),
            name,
            refusal: (!refused.is_empty()).then_some(Texts::new(refused, "")),
            tool_calls,
            tool_call_id: None,
        });
    }

    fn media(&mut self, media: &'b Media<'_>) -> Option<PartOut<'b>> {
        note_cache(media.cache.as_ref(), &mut self.losses);
        if media.citations {
            self.losses.add("messages.content.citations");
        }
        if media.context.is_some() {
            self.losses.add("messages.content.context");
        }
        match (media.kind, &media.source) {
            (MediaKind::Image, Source::Base64 { media_type, data }) => {
                Some(image(media, Url::Data { media_type, data }))
            }
            (MediaKind::Image, Source::Url(url)) => Some(image(media, Url::Web(url))),
            (MediaKind::Audio, Source::Base64 { media_type, data }) => {
                Some(PartOut::InputAudio { input_audio: InputAudio { data, format: audio_format(media_type) } })
            }
            (MediaKind::Document, Source::Base64 { media_type, data }) => Some(PartOut::File {
                file: File {
                    filename: Some(filename(media.name.as_deref(), media_type)),
                    file_data: Some(Url::Data { media_type, data }),
                    file_id: None,
                },
            }),
            (MediaKind::Document, Source::FileId(id)) => {
                let filename = media.name.as_deref().map(Cow::Borrowed);
                Some(PartOut::File { file: File { filename, file_data: None, file_id: Some(id) } })
            }
            (MediaKind::Document, Source::Text(text)) => {
                if media.name.is_some() {
                    self.losses.add("messages.content.title");
                }
                Some(PartOut::Text { text: Cow::Borrowed(text) })
            }
            (MediaKind::Document, Source::Url(_))
            | (MediaKind::Audio, Source::Url(_) | Source::FileId(_) | Source::Text(_))
            | (MediaKind::Image, Source::FileId(_) | Source::Text(_)) => {
                self.losses.add(lost_media(media.kind));
                None
            }
        }
    }
}

/// Text only is one string; anything else is a list of parts.
fn content_of(parts: Vec<PartOut<'_>>) -> Content<'_> {
    let pieces: Option<Vec<&str>> = parts
        .iter()
        .map(|part| match part {
            PartOut::Text { text: Cow::Borrowed(text) } => Some(*text),
            PartOut::Text { text: Cow::Owned(_) }
            | PartOut::ImageUrl { .. }
            | PartOut::InputAudio { .. }
            | PartOut::File { .. } => None,
        })
        .collect();
    match pieces {
        Some(pieces) => Content::Text(Texts::new(pieces, "\n")),
        None => Content::Parts(parts),
    }
}

fn encode_call<'b>(call: &'b chat::ToolCall<'_>) -> Call<'b> {
    // A call without arguments is an empty object to everyone who parses them.
    let arguments = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.as_str() };
    Call { id: &call.id, kind: "function", function: Called { name: &call.name, arguments } }
}

fn image<'b>(media: &'b Media<'_>, url: Url<'b>) -> PartOut<'b> {
    PartOut::ImageUrl { image_url: ImageUrl { url, detail: media.detail.as_deref() } }
}

fn lost_media(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "messages.content.image",
        MediaKind::Document => "messages.content.document",
        MediaKind::Audio => "messages.content.audio",
    }
}

/// `wav` and `mp3` are what OpenAI takes; other servers take more.
fn audio_format(media_type: &str) -> &str {
    let subtype = media_type.split_once('/').map_or(media_type, |(_, subtype)| subtype);
    match subtype {
        "mpeg" | "mp3" => "mp3",
        "wav" | "wave" | "x-wav" | "vnd.wave" => "wav",
        other => other,
    }
}

/// A file needs a name, and the name an extension.
fn filename<'b>(name: Option<&'b str>, media_type: &str) -> Cow<'b, str> {
    let extension = match media_type {
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        "text/markdown" => "md",
        "text/csv" => "csv",
        "text/html" => "html",
        "application/json" => "json",
        _ => "bin",
    };
    match name.filter(|name| !name.is_empty()) {
        Some(name) if name.contains('.') => Cow::Borrowed(name),
        Some(name) => Cow::Owned(format!("{name}.{extension}")),
        None => Cow::Owned(format!("document.{extension}")),
    }
}
