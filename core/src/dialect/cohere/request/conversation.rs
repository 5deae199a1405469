//! The hub's conversation → messages and documents for a provider.
//!
//! Instructions come first, in one message: the API refuses them anywhere else (`system turn must be the first in the
//! list`, <https://docs.cohere.com/reference/errors>), and it refuses a turn that says nothing. Text documents leave the
//! messages for the request's `documents`, where the model can cite them.

use super::body::{Block, Call, Called, Content, Document, DocumentData, ImageUrl, Message};
use crate::chat::{self, Media, MediaKind, Part, Role, Source, ToolResult};
use crate::dialect::data_url::Url;
use crate::dialect::openai::texts::Texts;
use crate::fault::Fault;
use crate::loss::Losses;

/// The conversation as the API takes it.
pub(super) struct Conversation<'b> {
    /// The messages.
    pub(super) messages: Vec<Message<'b>>,
    /// What answers may cite.
    pub(super) documents: Vec<Document<'b>>,
    /// Somebody wants citations of them.
    pub(super) citations: bool,
    instructions: Vec<Block<'b>>,
    /// Documents are said where they stand: the request has something that the API refuses beside `documents`.
    in_place: bool,
    losses: Losses,
}

impl<'b> Conversation<'b> {
    /// Reads the hub's messages.
    ///
    /// # Errors
    /// A [`Fault`] for a role that nobody knows, or when nothing is said at all.
    pub(super) fn of(messages: &'b [chat::Message<'_>], in_place: bool, losses: &mut Losses) -> Result<Self, Fault> {
        let mut all = Self {
            messages: Vec::with_capacity(messages.len()),
            documents: Vec::new(),
            citations: false,
            instructions: Vec::new(),
            in_place,
            losses: Losses::default(),
        };
        for (index, message) in messages.iter().enumerate() {
            all.message(message, index)?;
        }
        if let Some(content) = Content::of(std::mem::take(&mut all.instructions)) {
            all.messages.insert(0, said("system", Some(content)));
        }
        losses.extend(std::mem::take(&mut all.losses));
        if all.messages.is_empty() {
            let message = "messages say nothing: the Cohere chat API needs a message with content";
            return Err(Fault::invalid(message).with_param("messages"));
        }
        Ok(all)
    }

    fn message(&mut self, message: &'b chat::Message<'_>, index: usize) -> Result<(), Fault> {
        if message.name.is_some() {
            self.losses.add("messages.name");
        }
        match &message.role {
            Role::System | Role::Developer => {
                if !self.messages.is_empty() {
                    self.losses.add("messages.role.system");
                }
                let blocks = self.blocks(&message.parts);
                self.instructions.extend(blocks.into_iter().filter(|block| matches!(block, Block::Text { .. })));
            }
            Role::User | Role::Tool => self.user(&message.parts),
            Role::Assistant => self.assistant(&message.parts),
            Role::Unknown(role) => {
                let role: String = role.chars().take(64).collect();
                let path = format!("messages[{index}].role");
                return Err(
                    Fault::invalid(format!("{path} is `{role}`, which is no role that is known here")).with_param(path)
                );
            }
        }
        Ok(())
    }

    /// A user's message: tool results first, then what the user says, if anything.
    fn user(&mut self, parts: &'b [Part<'_>]) {
        for part in parts {
            if let Part::ToolResult(result) = part {
                self.result(result);
            }
        }
        if let Some(content) = Content::of(self.blocks(parts)) {
            self.messages.push(said("user", Some(content)));
        }
    }

    fn result(&mut self, result: &'b ToolResult<'_>) {
        self.note_cache(result.cache.is_some());
        if result.is_error {
            self.losses.add("messages.content.tool_result.is_error");
        }
        let mut blocks = Vec::with_capacity(result.content.len());
        for part in &result.content {
            match part {
                Part::Text(text) => {
                    self.note_cache(text.cache.is_some());
                    blocks.push(Block::Text { text: &text.text });
                }
                Part::Media(media) => match text_of(media) {
                    Some(text) => {
                        self.note_document(media);
                        blocks.push(Block::Document { document: document(media, text) });
                    }
                    None => self.losses.add("messages.content.tool_result.content"),
                },
                Part::Thinking { .. }
                | Part::RedactedThinking { .. }
                | Part::ToolCall(_)
                | Part::ToolResult(_)
                | Part::Refusal(_) => self.losses.add("messages.content.tool_result.content"),
            }
        }
        let content = Content::of(blocks).unwrap_or(Content::Text(""));
        self.messages.push(Message { tool_call_id: Some(&result.id), ..said("tool", Some(content)) });
    }

    fn assistant(&mut self, parts: &'b [Part<'_>]) {
        let mut content = Vec::new();
        let mut thoughts = Vec::new();
        let mut tool_calls = Vec::new();
        let calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
        for part in parts {
            match part {
                Part::Thinking { text, signature } => {
                    if signature.is_some() {
                        self.losses.add("messages.content.thinking.signature");
                    }
                    match text.as_str() {
                        "" => {}
                        text if calls => thoughts.push(text),
                        text => content.push(Block::Thinking { thinking: text }),
                    }
                }
                Part::ToolCall(call) => tool_calls.push(self.call(call)),
                Part::Text(_)
                | Part::Media(_)
                | Part::RedactedThinking { .. }
                | Part::ToolResult(_)
                | Part::Refusal(_) => {
                    content.extend(self.block(part).filter(|block| matches!(block, Block::Text { .. })));
                }
            }
        }
        let tool_plan = (!thoughts.is_empty()).then(|| Texts::new(thoughts, "\n\n"));
        let content = Content::of(content);
        if content.is_some() || tool_plan.is_some() || !tool_calls.is_empty() {
            self.messages.push(Message { tool_plan, tool_calls, ..said("assistant", content) });
        }
    }

    fn call(&mut self, call: &'b chat::ToolCall<'_>) -> Call<'b> {
        self.note_cache(call.cache.is_some());
        if call.signature.is_some() {
            self.losses.add("messages.tool_calls.signature");
        }
        // A call without arguments is an empty object to everyone who parses them.
        let arguments = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.as_str() };
        Call { id: &call.id, kind: "function", function: Called { name: &call.name, arguments } }
    }

    fn blocks(&mut self, parts: &'b [Part<'_>]) -> Vec<Block<'b>> {
        parts.iter().filter_map(|part| self.block(part)).collect()
    }

    /// One part of what is said; `None` for what cannot be said, or stands elsewhere.
    fn block(&mut self, part: &'b Part<'_>) -> Option<Block<'b>> {
        match part {
            Part::Text(text) => {
                self.note_cache(text.cache.is_some());
                if !text.citations.is_empty() {
                    self.losses.add("messages.content.citations");
                }
                (!text.text.is_empty()).then_some(Block::Text { text: &text.text })
            }
            Part::Refusal(text) => (!text.is_empty()).then_some(Block::Text { text }),
            Part::Media(media) => self.media(media),
            Part::Thinking { .. } => self.lose("messages.content.thinking"),
            Part::RedactedThinking { .. } => self.lose("messages.content.redacted_thinking"),
            Part::ToolCall(_) => self.lose("messages.tool_calls"),
            Part::ToolResult(_) => None,
        }
    }

    fn media(&mut self, media: &'b Media<'_>) -> Option<Block<'b>> {
        let detail = media.detail.as_deref();
        match (media.kind, &media.source) {
            (MediaKind::Image, Source::Base64 { media_type, data }) => {
                self.note_cache(media.cache.is_some());
                Some(Block::ImageUrl { image_url: ImageUrl { url: Url::Data { media_type, data }, detail } })
            }
            (MediaKind::Image, Source::Url(url)) => {
                self.note_cache(media.cache.is_some());
                Some(Block::ImageUrl { image_url: ImageUrl { url: Url::Web(url), detail } })
            }
            (MediaKind::Document, Source::Text(text)) => {
                self.note_document(media);
                if !self.in_place {
                    self.citations |= media.citations;
                    self.documents.push(document(media, text));
                    return None;
                }
                if media.citations {
                    self.losses.add("messages.content.citations");
                }
                if media.name.is_some() {
                    self.losses.add("messages.content.title");
                }
                (!text.is_empty()).then_some(Block::Text { text })
            }
            (MediaKind::Image, Source::FileId(_) | Source::Text(_)) => self.lose("messages.content.image"),
            (MediaKind::Document, Source::Base64 { .. } | Source::Url(_) | Source::FileId(_)) => {
                self.lose("messages.content.document")
            }
            (MediaKind::Audio, _) => self.lose("messages.content.audio"),
            (MediaKind::Video, _) => self.lose("messages.content.video"),
        }
    }

    fn note_document(&mut self, media: &Media<'_>) {
        self.note_cache(media.cache.is_some());
        if media.context.is_some() {
            self.losses.add("messages.content.context");
        }
    }

    /// Cohere caches prompts by itself and takes no markers.
    fn note_cache(&mut self, marked: bool) {
        if marked {
            self.losses.add("cache_control");
        }
    }

    fn lose(&mut self, field: &'static str) -> Option<Block<'b>> {
        self.losses.add(field);
        None
    }
}

fn said<'b>(role: &'static str, content: Option<Content<'b>>) -> Message<'b> {
    Message { role, content, tool_plan: None, tool_calls: Vec::new(), tool_call_id: None }
}

/// The text of a text document.
fn text_of<'b>(media: &'b Media<'_>) -> Option<&'b str> {
    match (media.kind, &media.source) {
        (MediaKind::Document, Source::Text(text)) => Some(text),
        (MediaKind::Document | MediaKind::Image | MediaKind::Audio | MediaKind::Video, _) => None,
    }
}

fn document<'b>(media: &'b Media<'_>, text: &'b str) -> Document<'b> {
    Document { data: DocumentData { title: media.name.as_deref(), text } }
}
