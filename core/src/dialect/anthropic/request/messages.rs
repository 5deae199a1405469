//! The hub's conversation → a system prompt and turns that the API accepts: the first is the user's, each turn is one
//! message, tool results come first in theirs, no text is blank.

use super::body::{Block, Citations, Content, Mark, Source, Speaker, Turn};
use crate::chat::{self, Media, MediaKind, Part, Role, TextPart, ToolCall, ToolResult};
use crate::dialect::arguments::Input;
use crate::fault::Fault;
use crate::loss::Losses;
use std::borrow::Cow;

/// What stands before a conversation that begins with the assistant: the API demands a user's turn there.
const BEFORE_ASSISTANT: &str = "(The conversation begins with the assistant.)";
/// What stands behind a conversation that ends with the assistant, for models that refuse to continue their own turn.
const AFTER_ASSISTANT: &str = "Continue.";

/// The conversation as the API takes it.
#[derive(Debug, Default)]
pub(super) struct Conversation<'a> {
    /// The system prompt's texts.
    pub(super) system: Vec<Block<'a>>,
    /// The turns.
    pub(super) turns: Vec<Turn<'a>>,
}

impl<'a> Conversation<'a> {
    /// Reads the hub's messages.
    ///
    /// System and developer messages all become the system prompt, in their order, wherever they stand: that is what
    /// Anthropic does for OpenAI's SDK (<https://platform.claude.com/docs/en/api/openai-sdk>), and system messages in
    /// mid-conversation exist only for the newest models. For one that changes its place the loss `messages.role.system`
    /// is noted.
    ///
    /// # Errors
    /// A [`Fault`] for a role that nobody knows, or when nothing is said at all.
    pub(super) fn of(messages: &'a [chat::Message<'a>], losses: &mut Losses) -> Result<Self, Fault> {
        let mut all = Self::default();
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
                    let role: String = role.chars().take(64).collect();
                    let path = format!("messages[{index}].role");
                    return Err(Fault::invalid(format!("{path} is `{role}`, which is no role that is known here"))
                        .with_param(path));
                }
            };
            all.say(speaker, &message.parts, losses);
        }
        for turn in &mut all.turns {
            // Stable: results stay in their order, and so does the rest.
            turn.content.0.sort_by_key(|block| !matches!(block, Block::ToolResult { .. }));
        }
        all.begin_with_user(losses);
        if all.turns.is_empty() {
            return Err(Fault::invalid(
                "messages say nothing: the Anthropic messages API needs a message with content",
            )
            .with_param("messages"));
        }
        all.trim_end();
        Ok(all)
    }

    /// A system or developer message.
    fn instruct(&mut self, message: &'a chat::Message<'a>, losses: &mut Losses) {
        if !self.turns.is_empty() {
            losses.add("messages.role.system");
        }
        for part in &message.parts {
            match part {
                Part::Text(part) => self.system.extend(text(part, losses)),
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
    fn say(&mut self, role: Speaker, parts: &'a [Part<'a>], losses: &mut Losses) {
        let blocks = parts.iter().filter_map(|part| block(part, role, losses));
        match self.turns.last_mut() {
            Some(turn) if turn.role == role => turn.content.0.extend(blocks),
            Some(_) | None => {
                let content = Content(blocks.collect());
                if !content.0.is_empty() {
                    self.turns.push(Turn { role, content });
                }
            }
        }
    }

    fn begin_with_user(&mut self, losses: &mut Losses) {
        if self.turns.first().is_some_and(|turn| turn.role == Speaker::Assistant) {
            losses.add("messages.role.assistant");
            self.turns.insert(0, user_text(BEFORE_ASSISTANT));
        }
    }

    /// Ends with a user's turn, for models that do not continue an assistant's
    /// (<https://platform.claude.com/docs/en/build-with-claude/prompt-engineering/prefill-claudes-response>).
    pub(super) fn end_with_user(&mut self, losses: &mut Losses) {
        if self.turns.last().is_some_and(|turn| turn.role == Speaker::Assistant) {
            losses.add("messages.role.assistant");
            self.turns.push(user_text(AFTER_ASSISTANT));
        }
    }

    /// The API refuses an assistant's last text that ends in white space.
    fn trim_end(&mut self) {
        if let Some(Turn { role: Speaker::Assistant, content }) = self.turns.last_mut()
            && let Some(Block::Text { text, .. }) = content.0.last_mut()
        {
            *text = text.trim_end();
        }
    }

    /// Whether the assistant's turn that is still going on (everything since the user last spoke, tool results aside)
    /// begins without a thought. Models that think by budget refuse to go on thinking then
    /// (<https://platform.claude.com/docs/en/build-with-claude/extended-thinking#preserving-thinking-blocks>).
    pub(super) fn goes_on_without_thought(&self) -> bool {
        let spoke_last = self.turns.iter().rposition(|turn| {
            let answers_tool = turn.content.0.iter().any(|block| matches!(block, Block::ToolResult { .. }));
            turn.role == Speaker::User && !answers_tool
        });
        let going_on = self.turns.iter().skip(spoke_last.map_or(0, |index| index + 1));
        let first = going_on.into_iter().find(|turn| turn.role == Speaker::Assistant);
        let begins_with_thought = |turn: &Turn<'_>| {
            matches!(turn.content.0.first(), Some(Block::Thinking { .. } | Block::RedactedThinking { .. }))
        };
        first.is_some_and(|turn| !begins_with_thought(turn))
    }

    /// Every cache breakpoint, in the order of the prompt.
    pub(super) fn marks(&mut self) -> impl Iterator<Item = &mut Option<Mark<'a>>> {
        let spoken = self.turns.iter_mut().flat_map(|turn| &mut turn.content.0);
        self.system.iter_mut().chain(spoken).flat_map(marks)
    }
}

fn user_text(text: &'static str) -> Turn<'static> {
    Turn { role: Speaker::User, content: Content(vec![Block::Text { text, cache_control: None }]) }
}

/// The breakpoints on one block: those inside of a tool's result first.
fn marks<'b, 'a>(block: &'b mut Block<'a>) -> Vec<&'b mut Option<Mark<'a>>> {
    match block {
        Block::Text { cache_control, .. }
        | Block::Image { cache_control, .. }
        | Block::Document { cache_control, .. }
        | Block::ToolUse { cache_control, .. } => vec![cache_control],
        Block::ToolResult { content, cache_control, .. } => {
            let mut all: Vec<_> = content.0.iter_mut().flat_map(marks).collect();
            all.push(cache_control);
            all
        }
        Block::Thinking { .. } | Block::RedactedThinking { .. } => Vec::new(),
    }
}

/// One part as a block of this speaker; `None` for what cannot be said.
fn block<'a>(part: &'a Part<'a>, role: Speaker, losses: &mut Losses) -> Option<Block<'a>> {
    let assistant = role == Speaker::Assistant;
    match part {
        Part::Text(part) => text(part, losses),
        Part::Refusal(words) => solid(words).map(|text| Block::Text { text, cache_control: None }),
        Part::Media(medium) if !assistant => media(medium, losses),
        Part::ToolResult(result) if !assistant => Some(tool_result(result, losses)),
        Part::ToolCall(call) if assistant => Some(tool_use(call, losses)),
        Part::Thinking { text, signature: Some(signature) } if assistant => {
            Some(Block::Thinking { thinking: text, signature })
        }
        Part::RedactedThinking { data } if assistant => Some(Block::RedactedThinking { data }),
        // A thought without its signature is not taken back.
        Part::Thinking { .. } | Part::RedactedThinking { .. } => lose("messages.content.thinking", losses),
        Part::Media(_) => lose("messages.content", losses),
        Part::ToolCall(_) => lose("messages.tool_calls", losses),
        Part::ToolResult(_) => lose("messages.content.tool_result", losses),
    }
}

fn lose<'a>(field: &'static str, losses: &mut Losses) -> Option<Block<'a>> {
    losses.add(field);
    None
}

/// The text if there is anything in it: the API refuses blank text blocks.
fn solid(text: &str) -> Option<&str> {
    (!text.trim().is_empty()).then_some(text)
}

fn text<'a>(part: &'a TextPart<'a>, losses: &mut Losses) -> Option<Block<'a>> {
    let block = solid(&part.text).map(|text| Block::Text { text, cache_control: part.cache.as_ref().map(Mark) });
    if block.is_none() && part.cache.is_some() {
        losses.add("messages.content.cache_control");
    }
    // They need the provider's own proof (`encrypted_index`) or the place in the source, which the hub has not.
    if !part.citations.is_empty() {
        losses.add("messages.content.citations");
    }
    block
}

fn media<'a>(medium: &'a Media<'a>, losses: &mut Losses) -> Option<Block<'a>> {
    if medium.detail.as_deref().is_some_and(|detail| detail != "auto") {
        losses.add("messages.content.image_url.detail");
    }
    let source = match &medium.source {
        chat::Source::Base64 { media_type, data } => match media_type.as_str() {
            "image/jpg" => Source::Base64 { media_type: "image/jpeg", data }, // what many write, and the API refuses
            // The API takes base64 only for PDFs and images; a text (also JSON and the like) goes as itself.
            other if medium.kind == MediaKind::Document && other != "application/pdf" => match base64_text(data) {
                Some(text) => Source::Text { media_type: "text/plain", data: Cow::Owned(text) },
                None => Source::Base64 { media_type, data },
            },
            _ => Source::Base64 { media_type, data },
        },
        chat::Source::Url(url) => Source::Url { url },
        chat::Source::FileId(file_id) => Source::File { file_id },
        chat::Source::Text(data) => Source::Text { media_type: "text/plain", data: Cow::Borrowed(data) },
    };
    let cache_control = medium.cache.as_ref().map(Mark);
    match medium.kind {
        MediaKind::Image if matches!(source, Source::Text { .. }) => lose("messages.content.image", losses),
        MediaKind::Image => Some(Block::Image { source, cache_control }),
        MediaKind::Document => Some(Block::Document {
            source,
            title: medium.name.as_deref(),
            context: medium.context.as_deref(),
            citations: medium.citations.then_some(Citations { enabled: true }),
            cache_control,
        }),
        MediaKind::Audio => lose("messages.content.input_audio", losses),
        MediaKind::Video => lose("messages.content.video", losses),
    }
}

/// The text that base64 stands for (RFC 4648, padding not required); `None` if it is none.
fn base64_text(base64: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(base64.len() / 4 * 3 + 2);
    let (mut held, mut bits) = (0u32, 0u32);
    for symbol in base64.trim_end_matches('=').bytes() {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(value)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}

fn tool_use<'a>(call: &'a ToolCall<'a>, losses: &mut Losses) -> Block<'a> {
    let input = Input::of(&call.arguments);
    if matches!(input, Input::Wrapped(_)) {
        losses.add("messages.tool_calls.function.arguments");
    }
    if call.signature.is_some() {
        losses.add("tool_calls.signature");
    }
    let name = plain(&call.name);
    if matches!(name, Cow::Owned(_)) {
        losses.add("messages.tool_calls.function.name");
    }
    Block::ToolUse { id: tool_id(&call.id), name, input, cache_control: call.cache.as_ref().map(Mark) }
}

fn tool_result<'a>(result: &'a ToolResult<'a>, losses: &mut Losses) -> Block<'a> {
    let content = result.content.iter().filter_map(|part| match part {
        Part::Text(part) => text(part, losses),
        Part::Media(medium) => media(medium, losses),
        Part::Thinking { .. }
        | Part::RedactedThinking { .. }
        | Part::ToolCall(_)
        | Part::ToolResult(_)
        | Part::Refusal(_) => lose("messages.content", losses),
    });
    Block::ToolResult {
        content: Content(content.collect()),
        tool_use_id: tool_id(&result.id),
        is_error: result.is_error,
        cache_control: result.cache.as_ref().map(Mark),
    }
}

/// A name or id in the only characters that the API takes (`^[a-zA-Z0-9_-]+$`); others become `_`.
fn plain(name: &str) -> Cow<'_, str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !name.is_empty() && name.chars().all(fits) {
        return Cow::Borrowed(name);
    }
    let mut plain: String = name.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    if plain.is_empty() {
        plain.push('_');
    }
    Cow::Owned(plain)
}

/// A tool call's id. Other providers write ids that the API refuses (`functions.bash:0`); the same id always becomes the
/// same, two different ones stay different, so calls and results still belong together and nothing is lost.
fn tool_id(id: &str) -> Cow<'_, str> {
    match plain(id) {
        Cow::Borrowed(id) => Cow::Borrowed(id),
        Cow::Owned(plain) => Cow::Owned(format!("{plain}_{:016x}", fnv(id.as_bytes()))),
    }
}

/// FNV-1a, <http://www.isthe.com/chongo/tech/comp/fnv/>: it only keeps ids apart.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
