//! A client's system prompt and messages → the hub's messages.

use super::super::block::{Block, Loose, Side, SourceFields, Word, block_loss, cache_mark, note_block, word};
use crate::chat::{Media, MediaKind, Message, Part, Role, Source, TextPart, ToolResult};
use crate::dialect::wire::{is_media_type, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;

wire! {
    struct MessageFields<'a> { role: Str<'a>, content: Loose<'a, Block<'a>> }
}

/// The system prompt, as the first message.
pub(super) fn system<'a>(system: Option<Loose<'a, Block<'a>>>, losses: &mut Losses) -> Result<Vec<Message<'a>>, Fault> {
    let parts = match system {
        None => return Ok(Vec::new()),
        Some(Loose::Text(text)) => vec![Part::Text(text.into())],
        Some(Loose::List(blocks)) => system_parts(blocks, At::System, losses)?,
        Some(Loose::Object(_) | Loose::Other) => {
            return Err(At::System.wrong("", "a string or an array of text blocks"));
        }
    };
    Ok(vec![Message { role: Role::System, name: None, parts }])
}

/// A system prompt's blocks: texts, and nothing else.
fn system_parts<'a>(blocks: Vec<Loose<'a, Block<'a>>>, at: At, losses: &mut Losses) -> Result<Vec<Part<'a>>, Fault> {
    let mut parts = Vec::with_capacity(blocks.len());
    for block in blocks {
        let block = block.object().ok_or_else(|| at.wrong("", "text blocks"))?;
        match block.kind() {
            "text" => parts.push(text(block, at, losses)?),
            kind => note_block(kind, Side::Request, losses),
        }
    }
    Ok(parts)
}

/// Where in the request a block stands.
#[derive(Clone, Copy, Debug)]
enum At {
    System,
    Message(usize),
    Block { message: usize, block: usize },
}

impl At {
    /// The fault for something that is not there or not what it has to be.
    fn wrong(self, field: &str, expected: &str) -> Fault {
        let mut path = match self {
            At::System => "system".to_owned(),
            At::Message(message) => format!("messages[{message}]"),
            At::Block { message, block } => format!("messages[{message}].content[{block}]"),
        };
        if !field.is_empty() {
            path.push('.');
            path.push_str(field);
        }
        Fault::invalid(format!("{path} is missing or of another type: expected {expected}")).with_param(path)
    }

    fn word<'a>(self, field: &str, value: Option<Word<'a>>) -> Result<Str<'a>, Fault> {
        word(value).ok_or_else(|| self.wrong(field, "a string"))
    }
}

/// Reads one message. It becomes several where system blocks stand between its other blocks.
pub(super) fn message<'a>(
    fields: MessageFields<'a>,
    index: usize,
    messages: &mut Vec<Message<'a>>,
    losses: &mut Losses,
) -> Result<(), Fault> {
    let at = At::Message(index);
    for field in &fields.unknown {
        losses.add_unknown("messages", field);
    }
    let role = match fields.role.ok_or_else(|| at.wrong("role", "`user` or `assistant`"))? {
        role if role == "user" => Role::User,
        role if role == "assistant" => Role::Assistant,
        role if role == "system" => Role::System,
        role => Role::Unknown(role),
    };
    let blocks = match fields.content {
        Some(Loose::Text(text)) => {
            messages.push(Message { role, name: None, parts: vec![Part::Text(text.into())] });
            return Ok(());
        }
        Some(Loose::List(blocks)) => blocks,
        None | Some(Loose::Object(_) | Loose::Other) => {
            return Err(at.wrong("content", "a string or an array of content blocks"));
        }
    };
    let was_empty = blocks.is_empty();
    let before = messages.len();
    let mut parts = Vec::with_capacity(blocks.len());
    for (block_index, block) in blocks.into_iter().enumerate() {
        let at = At::Block { message: index, block: block_index };
        let block = block.object().ok_or_else(|| at.wrong("", "a content block (an object)"))?;
        if block.kind() == "mid_conv_system" {
            if !parts.is_empty() {
                messages.push(Message { role: role.clone(), name: None, parts: std::mem::take(&mut parts) });
            }
            messages.push(Message { role: Role::System, name: None, parts: mid_conversation(block, at, losses)? });
        } else {
            parts.extend(part(block, at, losses)?);
        }
    }
    // A message of which nothing is left is not said at all; one that was empty stays what it was.
    if !parts.is_empty() || (was_empty && messages.len() == before) {
        messages.push(Message { role, name: None, parts });
    }
    Ok(())
}

/// System instructions in the middle of a conversation.
fn mid_conversation<'a>(block: Block<'a>, at: At, losses: &mut Losses) -> Result<Vec<Part<'a>>, Fault> {
    block.note_unknown("messages.content.mid_conv_system", losses);
    let mark = cache_mark(block.cache_control, losses);
    let mut parts = match block.content {
        Some(Loose::Text(text)) => vec![Part::Text(text.into())],
        Some(Loose::List(blocks)) => system_parts(blocks, at, losses)?,
        None | Some(Loose::Object(_) | Loose::Other) => return Err(at.wrong("content", "an array of text blocks")),
    };
    if let (Some(mark), Some(Part::Text(last))) = (mark, parts.last_mut()) {
        last.cache = Some(mark);
    }
    Ok(parts)
}

/// One content block; `None` for one that the hub has no place for.
fn part<'a>(block: Block<'a>, at: At, losses: &mut Losses) -> Result<Option<Part<'a>>, Fault> {
    let within = "messages.content";
    let part = match block.kind() {
        "text" => return text(block, at, losses).map(Some),
        "image" => return media(block, MediaKind::Image, at, losses),
        "document" => return media(block, MediaKind::Document, at, losses),
        "tool_result" => return tool_result(block, at, losses).map(Some),
        "thinking" => {
            block.note_unknown(within, losses);
            block.into_thinking()
        }
        "redacted_thinking" => {
            block.note_unknown(within, losses);
            Part::RedactedThinking { data: at.word("data", block.data)? }
        }
        "tool_use" => {
            block.note_unknown(within, losses);
            let call = block.into_tool_call(Side::Request, losses);
            Part::ToolCall(call.ok_or_else(|| at.wrong("id", "`id` and `name` as strings"))?)
        }
        "" => return Err(at.wrong("type", "the block's type")),
        kind => {
            note_block(kind, Side::Request, losses);
            return Ok(None);
        }
    };
    Ok(Some(part))
}

fn text<'a>(block: Block<'a>, at: At, losses: &mut Losses) -> Result<Part<'a>, Fault> {
    block.note_unknown("messages.content", losses);
    if matches!(&block.citations, Some(Loose::List(list)) if !list.is_empty()) {
        losses.add("messages.content.citations");
    }
    let cache = cache_mark(block.cache_control, losses);
    Ok(Part::Text(TextPart { text: at.word("text", block.text)?, cache, ..TextPart::default() }))
}

fn tool_result<'a>(block: Block<'a>, at: At, losses: &mut Losses) -> Result<Part<'a>, Fault> {
    block.note_unknown("messages.content", losses);
    let cache = cache_mark(block.cache_control, losses);
    let content = match block.content {
        None => Vec::new(),
        Some(Loose::Text(text)) => vec![Part::Text(text.into())],
        Some(Loose::List(blocks)) => {
            let mut parts = Vec::with_capacity(blocks.len());
            for block in blocks {
                let block = block.object().ok_or_else(|| at.wrong("content", "a string or content blocks"))?;
                match block.kind() {
                    "text" | "image" | "document" => parts.extend(part(block, at, losses)?),
                    kind => note_block(kind, Side::Request, losses),
                }
            }
            parts
        }
        Some(Loose::Object(_) | Loose::Other) => return Err(at.wrong("content", "a string or content blocks")),
    };
    let id = at.word("tool_use_id", block.tool_use_id)?;
    Ok(Part::ToolResult(ToolResult { id, content, is_error: block.is_error.unwrap_or(false), cache }))
}

fn media<'a>(block: Block<'a>, kind: MediaKind, at: At, losses: &mut Losses) -> Result<Option<Part<'a>>, Fault> {
    block.note_unknown("messages.content", losses);
    let cache = cache_mark(block.cache_control, losses);
    let fields = block.source.and_then(Loose::object).ok_or_else(|| at.wrong("source", "an object"))?;
    let Some(source) = source(fields, at, losses)? else { return Ok(None) };
    Ok(Some(Part::Media(Media {
        kind,
        source,
        name: word(block.title),
        context: word(block.context),
        detail: None,
        citations: block.citations.and_then(Loose::object).and_then(|citations| citations.enabled).unwrap_or(false),
        cache,
    })))
}

fn source<'a>(fields: SourceFields<'a>, at: At, losses: &mut Losses) -> Result<Option<Source<'a>>, Fault> {
    for field in &fields.unknown {
        losses.add_unknown("messages.content.source", field);
    }
    let source = match fields.kind.as_deref().unwrap_or_default() {
        "base64" => Source::Base64 {
            media_type: fields
                .media_type
                .filter(|media_type| is_media_type(media_type))
                .ok_or_else(|| at.wrong("source.media_type", "a media type such as image/png"))?,
            data: at.word("source.data", fields.data)?,
        },
        "url" => Source::Url(at.word("source.url", fields.url)?),
        "file" => Source::FileId(at.word("source.file_id", fields.file_id)?),
        "text" => Source::Text(at.word("source.data", fields.data)?),
        "content" => Source::Text(content_text(fields.content, at, losses)?),
        "" => return Err(at.wrong("source.type", "`base64`, `url`, `file`, `text` or `content`")),
        kind => {
            losses.add_unknown("messages.content.source", kind);
            return Ok(None);
        }
    };
    Ok(Some(source))
}

/// A document made of blocks, as one text: where one block ends (which is what citations point to) and images are lost.
fn content_text<'a>(content: Option<Loose<'a, Block<'a>>>, at: At, losses: &mut Losses) -> Result<Str<'a>, Fault> {
    let blocks = match content {
        Some(Loose::Text(text)) => return Ok(text),
        Some(Loose::List(blocks)) => blocks,
        None | Some(Loose::Object(_) | Loose::Other) => return Err(at.wrong("source.content", "a string or blocks")),
    };
    losses.add("messages.content.source.content");
    let mut texts = blocks.into_iter().filter_map(Loose::object).filter_map(|block| match block.kind() {
        "text" => word(block.text),
        kind => {
            if let Some(loss) = block_loss(kind, Side::Request) {
                losses.add(loss);
            }
            None
        }
    });
    let first = texts.next().unwrap_or_default();
    Ok(texts.fold(first, |all, next| {
        let mut all = all.into_string();
        all.push_str("\n\n");
        all.push_str(&next);
        Str::from(all)
    }))
}
