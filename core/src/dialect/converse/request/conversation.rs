//! The hub's conversation → a system prompt and turns that the API accepts: the first is the user's, each turn is one
//! message, tool results come first in theirs, no text is blank, a document has a text beside it.

use super::super::citation;
use super::super::media::format_of;
use super::super::model::{Caches, Habits};
use super::body::{Block, Citations, Content, Document, Mark, Medium, Said, Source, Speaker, Thought, Turn};
use super::document;
use crate::chat::{self, CacheMark, Media, MediaKind, Part, Role, TextPart, ToolCall, ToolResult};
use crate::dialect::arguments::Input;
use crate::dialect::openai::fingerprint::fingerprint;
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::cut;
use std::borrow::Cow;

/// What stands before a conversation that begins with the assistant: the API demands a user's turn there.
const BEFORE_ASSISTANT: &str = "(The conversation begins with the assistant.)";
/// What stands behind a conversation that ends with the assistant, for models that refuse to continue their own turn.
const AFTER_ASSISTANT: &str = "Continue.";
/// What stands beside documents without a text: the API demands one.
const BESIDE_DOCUMENT: &str = "(See the document.)";
/// How many cache points the API takes (<https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html>).
const MARKS_MAX: usize = 4;
/// How long the id of a tool call may be, in bytes.
const ID_BYTES_MAX: usize = 64;
/// Bytes of `_` and 16 hexadecimal digits.
const SUFFIX_BYTES: usize = 17;

/// The conversation as the API takes it.
#[derive(Debug)]
pub(super) struct Conversation<'a> {
    /// The system prompt's texts.
    pub(super) system: Content<'a>,
    /// The turns.
    pub(super) turns: Vec<Turn<'a>>,
    /// The names of the tools that were called, each once.
    pub(super) called: Vec<Cow<'a, str>>,
    /// There are calls or results of tools.
    pub(super) uses_tools: bool,
    habits: Habits,
    documents: document::Names,
}

impl<'a> Conversation<'a> {
    /// Reads the hub's messages. All system and developer messages become the system prompt, in their order; for one that
    /// changes its place the loss `messages.role.system` is noted.
    ///
    /// # Errors
    /// A [`Fault`] for a role that nobody knows, or when nothing is said at all.
    pub(super) fn of(messages: &'a [chat::Message<'_>], habits: Habits, losses: &mut Losses) -> Result<Self, Fault> {
        let mut all = Self {
            system: Content::default(),
            turns: Vec::new(),
            called: Vec::new(),
            uses_tools: false,
            habits,
            documents: document::Names::default(),
        };
        for (index, message) in messages.iter().enumerate() {
            if message.name.is_some() {
                losses.add("messages.name");
            }
            let speaker = match &message.role {
                Role::System | Role::Developer => {
                    all.instruct(message, losses);
                    continue;
                }
                Role::User | Role::Tool => Speaker::User,
                Role::Assistant => Speaker::Assistant,
                Role::Unknown(role) => {
                    let path = format!("messages[{index}].role");
                    let role = cut(role, ID_BYTES_MAX);
                    return Err(Fault::invalid(format!("{path} is `{role}`, which is no role that is known here"))
                        .with_param(path));
                }
            };
            all.say(speaker, &message.parts, losses);
        }
        if all.turns.is_empty() {
            return Err(Fault::invalid("messages say nothing: the Converse API needs a message with content")
                .with_param("messages"));
        }
        all.settle(losses);
        Ok(all)
    }

    /// A system or developer message.
    fn instruct(&mut self, message: &'a chat::Message<'_>, losses: &mut Losses) {
        if !self.turns.is_empty() {
            losses.add("messages.role.system");
        }
        for part in &message.parts {
            match part {
                Part::Text(part) => self.system.0.extend(self.text(part, losses)),
                Part::Media(_)
                | Part::Thinking { .. }
                | Part::RedactedThinking { .. }
                | Part::ToolCall(_)
                | Part::ToolResult(_)
                | Part::Refusal(_) => losses.add("messages.content"),
            }
        }
    }

    /// Says the parts in this speaker's turn. Nothing is said by a message without content.
    fn say(&mut self, role: Speaker, parts: &'a [Part<'_>], losses: &mut Losses) {
        let said: Vec<Said<'a>> = parts.iter().filter_map(|part| self.part(part, role, losses)).collect();
        match self.turns.last_mut() {
            Some(turn) if turn.role == role => turn.content.0.extend(said),
            Some(_) | None if said.is_empty() => {}
            Some(_) | None => self.turns.push(Turn { role, content: Content(said) }),
        }
    }

    /// One part as a block of this speaker; `None` for what cannot be said.
    fn part(&mut self, part: &'a Part<'_>, role: Speaker, losses: &mut Losses) -> Option<Said<'a>> {
        let assistant = role == Speaker::Assistant;
        match part {
            Part::Text(part) => self.text(part, losses),
            Part::Refusal(words) => solid(words).map(|words| Block::Text(words.into()).into()),
            Part::Media(medium) if !assistant => self.medium(medium, losses),
            Part::ToolResult(result) if !assistant => Some(self.tool_result(result, losses)),
            Part::ToolCall(call) if assistant => Some(self.tool_use(call, losses)),
            Part::Thinking { text, signature: Some(signature) } if assistant => {
                Some(Block::ReasoningContent(Thought::ReasoningText { text, signature }).into())
            }
            Part::RedactedThinking { data } if assistant && is_base64(data) => {
                Some(Block::ReasoningContent(Thought::RedactedContent(data)).into())
            }
            // A thought without its signature is not taken back.
            Part::Thinking { .. } | Part::RedactedThinking { .. } => lose("messages.content.thinking", losses),
            Part::Media(_) => lose("messages.content", losses),
            Part::ToolCall(_) => lose("messages.tool_calls", losses),
            Part::ToolResult(_) => lose("messages.content.tool_result", losses),
        }
    }

    fn text(&self, part: &'a TextPart<'_>, losses: &mut Losses) -> Option<Said<'a>> {
        let Some(text) = solid(&part.text) else {
            // What was marked is the prompt up to here; without a block there is no place for the mark.
            if part.cache.is_some() {
                losses.add("messages.content.cache_control");
            }
            return None;
        };
        let block = if part.citations.is_empty() {
            Block::Text(text.into())
        } else {
            if part.citations.iter().any(|citation| citation.span.is_some()) {
                losses.add("messages.content.citations.span");
            }
            Block::CitationsContent {
                content: [citation::WrittenQuote { text }],
                citations: part.citations.iter().map(citation::Written::new).collect(),
            }
        };
        Some(Said { block, mark: self.mark(part.cache.as_ref(), losses) })
    }

    /// A mark, where the model takes cache points.
    fn mark(&self, mark: Option<&'a CacheMark<'_>>, losses: &mut Losses) -> Option<Mark<'a>> {
        let mark = mark?;
        if self.habits.caches == Caches::Nothing {
            losses.add("messages.content.cache_control");
            return None;
        }
        Some(Mark::new(mark))
    }

    fn medium(&mut self, medium: &'a Media<'_>, losses: &mut Losses) -> Option<Said<'a>> {
        if medium.detail.as_deref().is_some_and(|detail| detail != "auto") {
            losses.add("messages.content.image_url.detail");
        }
        let lost = match medium.kind {
            MediaKind::Image => "messages.content.image_url",
            MediaKind::Document => "messages.content.file",
            MediaKind::Audio => "messages.content.input_audio",
            MediaKind::Video => "messages.content.video",
        };
        let format = match &medium.source {
            chat::Source::Base64 { media_type, .. } => format_of(medium.kind, media_type),
            chat::Source::Url(url) => format_of_name(medium.kind, url),
            chat::Source::Text(_) if medium.kind == MediaKind::Document => Some("txt"),
            chat::Source::Text(_) | chat::Source::FileId(_) => None,
        };
        let source = match &medium.source {
            chat::Source::Base64 { data, .. } => Source::Bytes(data),
            chat::Source::Url(uri) if uri.starts_with("s3://") => Source::S3Location { uri },
            chat::Source::Text(text) => Source::Text(text),
            // What is elsewhere on the network, or with another provider, cannot travel.
            chat::Source::Url(_) | chat::Source::FileId(_) => return lose(lost, losses),
        };
        let Some(format) = format else { return lose(lost, losses) };
        let block = match medium.kind {
            MediaKind::Image => Block::Image(Medium { format, source }),
            MediaKind::Video => Block::Video(Medium { format, source }),
            MediaKind::Audio => Block::Audio(Medium { format, source }),
            MediaKind::Document => {
                let (name, same) = self.documents.of(medium.name.as_deref(), format);
                if !same {
                    losses.add("messages.content.file.filename");
                }
                let citations = medium.citations.then_some(Citations { enabled: true });
                Block::Document(Document { format, name, source, context: medium.context.as_deref(), citations })
            }
        };
        Some(Said { block, mark: self.mark(medium.cache.as_ref(), losses) })
    }

    fn tool_use(&mut self, call: &'a ToolCall<'_>, losses: &mut Losses) -> Said<'a> {
        let input = Input::of(&call.arguments);
        if matches!(input, Input::Wrapped(_)) {
            losses.add("messages.tool_calls.function.arguments");
        }
        if call.signature.is_some() {
            losses.add("messages.tool_calls.signature");
        }
        let name = plain(&call.name, &['_', '-']);
        if matches!(name, Cow::Owned(_)) {
            losses.add("messages.tool_calls.function.name");
        }
        self.uses_tools = true;
        if !self.called.contains(&name) {
            self.called.push(name.clone());
        }
        let block = Block::ToolUse { tool_use_id: tool_id(&call.id), name, input };
        Said { block, mark: self.mark(call.cache.as_ref(), losses) }
    }

    fn tool_result(&mut self, result: &'a ToolResult<'_>, losses: &mut Losses) -> Said<'a> {
        self.uses_tools = true;
        let mut content = Vec::with_capacity(result.content.len());
        let mut inner_mark = None;
        for part in &result.content {
            let said = match part {
                Part::Text(part) => self.text(part, losses),
                Part::Media(medium) => self.medium(medium, losses),
                Part::Thinking { .. }
                | Part::RedactedThinking { .. }
                | Part::ToolCall(_)
                | Part::ToolResult(_)
                | Part::Refusal(_) => lose("messages.content", losses),
            };
            // A result has no place for a cache point: one inside of it moves behind it.
            content.extend(said.map(|mut said| {
                inner_mark = said.mark.take().or(inner_mark);
                said
            }));
        }
        let mark = self.mark(result.cache.as_ref(), losses).or(inner_mark);
        let status = result.is_error.then_some("error");
        let block = Block::ToolResult { tool_use_id: tool_id(&result.id), content: Content(content), status };
        Said { block, mark }
    }

    /// Puts the turns into the order that the API demands.
    fn settle(&mut self, losses: &mut Losses) {
        for turn in self.turns.iter_mut().filter(|turn| turn.role == Speaker::User) {
            // Stable: results stay in their order, and so does the rest.
            turn.content.0.sort_by_key(|said| !matches!(said.block, Block::ToolResult { .. }));
            let has = |is: fn(&Block<'_>) -> bool| turn.content.0.iter().any(|said| is(&said.block));
            if has(|block| matches!(block, Block::Document(_))) && !has(|block| matches!(block, Block::Text(_))) {
                turn.content.0.push(Block::Text(BESIDE_DOCUMENT.into()).into());
            }
        }
        if self.turns.first().is_some_and(|turn| turn.role == Speaker::Assistant) {
            losses.add("messages.role.assistant");
            self.turns.insert(0, user_text(BEFORE_ASSISTANT));
        }
        // A last text of the assistant that ends in white space is refused.
        if let Some(Turn { role: Speaker::Assistant, content }) = self.turns.last_mut()
            && let Some(Said { block: Block::Text(text), .. }) = content.0.last_mut()
            && let Cow::Borrowed(whole) = text
        {
            *text = Cow::Borrowed(whole.trim_end());
        }
    }

    /// Ends with a user's turn, for models that do not continue an assistant's.
    pub(super) fn end_with_user(&mut self, losses: &mut Losses) {
        if self.turns.last().is_some_and(|turn| turn.role == Speaker::Assistant) {
            losses.add("messages.role.assistant");
            self.turns.push(user_text(AFTER_ASSISTANT));
        }
    }

    /// Adds an instruction to the system prompt.
    pub(super) fn add_instruction(&mut self, text: &'static str) {
        self.system.0.push(Block::Text(text.into()).into());
    }

    /// Whether the assistant's turn that is still going on begins without a thought: a Claude that thinks by budget refuses
    /// to go on thinking then.
    pub(super) fn goes_on_without_thought(&self) -> bool {
        let spoke_last = self.turns.iter().rposition(|turn| {
            let answers_tool = turn.content.0.iter().any(|said| matches!(said.block, Block::ToolResult { .. }));
            turn.role == Speaker::User && !answers_tool
        });
        let mut going_on = self.turns.iter().skip(spoke_last.map_or(0, |index| index + 1));
        let first = going_on.find(|turn| turn.role == Speaker::Assistant);
        first.is_some_and(|turn| {
            let first = turn.content.0.first();
            !matches!(first, Some(Said { block: Block::ReasoningContent(_), .. }))
        })
    }

    /// The mark of the whole request goes behind its last block; of more than the API takes, the last ones stay, since they
    /// cover the longest prefixes. `on_tools` is how many of them stand there; returns how many must go there.
    pub(super) fn keep_marks(
        &mut self,
        whole: Option<&'a CacheMark<'_>>,
        on_tools: usize,
        losses: &mut Losses,
    ) -> usize {
        let whole = self.mark(whole, losses);
        if let Some(last) = self.turns.last_mut().and_then(|turn| turn.content.0.last_mut()) {
            last.mark = last.mark.or(whole);
        }
        let said = self.turns.iter_mut().flat_map(|turn| &mut turn.content.0);
        let marks = self.system.0.iter_mut().chain(said).map(|said| &mut said.mark).filter(|mark| mark.is_some());
        let marks: Vec<_> = marks.collect();
        let excess = (marks.len() + on_tools).saturating_sub(MARKS_MAX);
        if excess > 0 {
            losses.add("cache_control");
        }
        let off_tools = excess.min(on_tools);
        marks.into_iter().take(excess - off_tools).for_each(|mark| *mark = None);
        off_tools
    }
}

fn user_text(text: &'static str) -> Turn<'static> {
    Turn { role: Speaker::User, content: Content(vec![Block::Text(text.into()).into()]) }
}

fn lose<'a>(field: &'static str, losses: &mut Losses) -> Option<Said<'a>> {
    losses.add(field);
    None
}

/// A text in which there is something: the API refuses blank ones.
fn solid(text: &str) -> Option<&str> {
    (!text.trim().is_empty()).then_some(text)
}

/// The format of what lies in S3, by the ending of its name.
fn format_of_name(kind: MediaKind, name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    let ending = match (kind, ending) {
        (MediaKind::Image, "jpg") => "image/jpeg".to_owned(),
        (MediaKind::Image, ending) => format!("image/{ending}"),
        (MediaKind::Video, ending) => format!("video/{ending}"),
        (MediaKind::Audio, ending) => format!("audio/{ending}"),
        (MediaKind::Document, ending) => return super::super::media::document_format(ending),
    };
    format_of(kind, &ending)
}

/// Whether a text can be the base64 of bytes.
fn is_base64(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
}

/// A name in letters, digits and these characters; others become `_`.
fn plain<'n>(name: &'n str, also: &[char]) -> Cow<'n, str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || also.contains(&c);
    if !name.is_empty() && name.len() <= ID_BYTES_MAX && name.chars().all(fits) {
        return Cow::Borrowed(name);
    }
    let mut plain: String = name.chars().take(ID_BYTES_MAX).map(|c| if fits(c) { c } else { '_' }).collect();
    if plain.is_empty() {
        plain.push('_');
    }
    Cow::Owned(plain)
}

/// A tool call's id in the characters and the length that the API takes. The same id always becomes the same, two different
/// ones stay different, so calls and results still belong together and nothing is lost.
fn tool_id(id: &str) -> Cow<'_, str> {
    match plain(id, &['_', '-', '.', ':']) {
        Cow::Borrowed(id) => Cow::Borrowed(id),
        Cow::Owned(plain) => {
            let hash = fingerprint(id);
            let room = cut(&plain, ID_BYTES_MAX - SUFFIX_BYTES);
            Cow::Owned(format!("{room}_{:016x}", (hash ^ (hash >> 64)) & u128::from(u64::MAX)))
        }
    }
}
