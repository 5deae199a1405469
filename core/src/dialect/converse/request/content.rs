//! A client's system prompt and messages → the hub's messages.

use super::super::block::{Block, Guarded, Side, ToolResult, ToolUse, mark};
use super::super::media;
use crate::chat::{self, MediaKind, Message, Part, Role};
use crate::dialect::wire::wire;
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;

wire! {
    struct MessageFields<'a> { role: Str<'a>, content: Vec<Block<'a>> }
}

/// Where in the request a block stands.
#[derive(Clone, Copy, Debug)]
enum At {
    System(usize),
    Block { message: usize, block: usize },
}

impl At {
    fn path(self) -> String {
        match self {
            Self::System(block) => format!("system[{block}]"),
            Self::Block { message, block } => format!("messages[{message}].content[{block}]"),
        }
    }

    fn wrong(self, field: &str, expected: &str) -> Fault {
        let path = format!("{}.{field}", self.path());
        Fault::invalid(format!("{path} is missing: expected {expected}")).with_param(path)
    }
}

/// The system prompt, as the first message.
pub(super) fn system<'a>(blocks: Vec<Block<'a>>, losses: &mut Losses) -> Result<Vec<Message<'a>>, Fault> {
    if blocks.is_empty() {
        return Ok(Vec::new());
    }
    let mut parts = Vec::with_capacity(blocks.len());
    for (index, block) in blocks.into_iter().enumerate() {
        add(&mut parts, block, At::System(index), losses)?;
    }
    Ok(vec![Message { role: Role::System, name: None, parts }])
}

/// One message.
pub(super) fn message<'a>(fields: MessageFields<'a>, index: usize, losses: &mut Losses) -> Result<Message<'a>, Fault> {
    for field in &fields.unknown {
        losses.add_unknown("messages", field);
    }
    let wrong = |field: &str, expected: &str| {
        let path = format!("messages[{index}].{field}");
        Fault::invalid(format!("{path} is missing: expected {expected}")).with_param(path)
    };
    let role = match fields.role.ok_or_else(|| wrong("role", "`user` or `assistant`"))? {
        role if role == "user" => Role::User,
        role if role == "assistant" => Role::Assistant,
        role if role == "system" => Role::System,
        role => Role::Unknown(role),
    };
    let blocks = fields.content.ok_or_else(|| wrong("content", "an array of content blocks"))?;
    let mut parts = Vec::with_capacity(blocks.len());
    for (block, fields) in blocks.into_iter().enumerate() {
        add(&mut parts, fields, At::Block { message: index, block }, losses)?;
    }
    Ok(Message { role, name: None, parts })
}

/// Adds what a block says. It is one part, a mark on the part before it, or nothing where the hub has no place for it.
fn add<'a>(parts: &mut Vec<Part<'a>>, mut block: Block<'a>, at: At, losses: &mut Losses) -> Result<(), Fault> {
    block.note_lost(Side::Request, losses);
    if let Some(point) = block.cache_point.take() {
        if !mark(parts, point.into_mark()) {
            losses.add("messages.content.cachePoint");
        }
        return Ok(());
    }
    if let Some(call) = block.tool_use.take() {
        parts.extend(tool_call(call, at, losses)?);
        return Ok(());
    }
    if let Some(result) = block.tool_result.take() {
        parts.push(Part::ToolResult(tool_result(*result, at, losses)?));
        return Ok(());
    }
    if let Some(thought) = block.reasoning.take() {
        parts.extend(thought.into_part());
        return Ok(());
    }
    if let Some(guarded) = block.guarded.take() {
        losses.add("messages.content.guardContent");
        parts.extend(unguarded(*guarded, at, losses)?);
        return Ok(());
    }
    if let Some(cited) = block.cited.take() {
        parts.push(Part::Text(cited.into_text(Side::Request, losses)));
        return Ok(());
    }
    parts.extend(plain(block, at, losses)?);
    Ok(())
}

/// Text and media, which may also stand in a tool's result.
fn plain<'a>(block: Block<'a>, at: At, losses: &mut Losses) -> Result<Option<Part<'a>>, Fault> {
    let (fields, kind, member) = match block {
        Block { text: Some(text), .. } => return Ok(Some(Part::Text(text.into()))),
        // Where a result is JSON it is what the model reads as text.
        Block { json: Some(json), .. } => return Ok(Some(Part::Text(Str::from(json.get()).into()))),
        Block { image: Some(fields), .. } => (fields, MediaKind::Image, "image"),
        Block { document: Some(fields), .. } => (fields, MediaKind::Document, "document"),
        Block { video: Some(fields), .. } => (fields, MediaKind::Video, "video"),
        Block { audio: Some(fields), .. } => (fields, MediaKind::Audio, "audio"),
        Block { .. } => return Ok(None),
    };
    let path = || format!("{}.{member}", at.path());
    media::decode(*fields, kind, &path, losses).map(Part::Media).map(Some)
}

fn unguarded<'a>(guarded: Guarded<'a>, at: At, losses: &mut Losses) -> Result<Option<Part<'a>>, Fault> {
    if let Some(text) = guarded.text.and_then(|text| text.text) {
        return Ok(Some(Part::Text(text.into())));
    }
    let Some(fields) = guarded.image else { return Ok(None) };
    let path = || format!("{}.guardContent.image", at.path());
    media::decode(fields, MediaKind::Image, &path, losses).map(Part::Media).map(Some)
}

fn tool_call<'a>(call: ToolUse<'a>, at: At, losses: &mut Losses) -> Result<Option<Part<'a>>, Fault> {
    for field in &call.unknown {
        losses.add_unknown("messages.content.toolUse", field);
    }
    // A tool that the provider ran itself.
    if call.kind.is_some() {
        losses.add("messages.content.toolUse.type");
        return Ok(None);
    }
    let call = call.into_tool_call().ok_or_else(|| at.wrong("toolUse", "`toolUseId` and `name`"))?;
    Ok(Some(Part::ToolCall(call)))
}

fn tool_result<'a>(result: ToolResult<'a>, at: At, losses: &mut Losses) -> Result<chat::ToolResult<'a>, Fault> {
    for field in &result.unknown {
        losses.add_unknown("messages.content.toolResult", field);
    }
    if result.kind.is_some() {
        losses.add("messages.content.toolResult.type");
    }
    let id = result.id.ok_or_else(|| at.wrong("toolResult.toolUseId", "the id of the call"))?;
    let mut content = Vec::new();
    for block in result.content.unwrap_or_default() {
        block.note_lost(Side::Request, losses);
        content.extend(plain(block, at, losses)?);
    }
    Ok(chat::ToolResult { id, content, is_error: result.status.as_deref() == Some("error"), cache: None })
}
