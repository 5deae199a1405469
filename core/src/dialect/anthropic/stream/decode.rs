//! A provider's stream → events.

use super::super::block::{Block, Loose, Side, Word, block_loss, word};
use super::super::charge::{Counts, Tally};
use super::super::citation::CitationFields;
use super::super::error::{self, ErrorFields};
use super::super::response::StopDetails;
use super::super::stop;
use crate::dialect::wire::wire;
use crate::fault::Fault;
use crate::frame::sse::Frame;
use crate::stream::Event;
use crate::text::Str;
use serde::de::IgnoredAny;

/// How many blocks may be open at once. The API opens one at a time.
const OPEN_BLOCKS_MAX: usize = 64;
/// A stream of this dialect has one answer.
const CHOICE: u32 = 0;

wire! {
    /// Any event: the fields of all types in one.
    struct AnyEvent<'a> {
        kind "type": Str<'a>,
        index: u64,
        message: Loose<'a, MessageFields<'a>>,
        content_block: Box<Block<'a>>,
        delta: Delta<'a>,
        usage: Box<Counts<'a>>,
        error: Loose<'a, ErrorFields<'a>>,
        context_management: IgnoredAny,
    }
}

wire! {
    struct MessageFields<'a> { id: Str<'a>, model: Str<'a>, usage: Counts<'a> }
}

wire! {
    /// Any delta, that of the message included.
    struct Delta<'a> {
        kind "type": Str<'a>,
        text: Word<'a>,
        partial_json: Word<'a>,
        thinking: Word<'a>,
        signature: Word<'a>,
        citation: Loose<'a, CitationFields<'a>>,
        stop_reason: Str<'a>,
        stop_sequence: Str<'a>,
        stop_details: Box<StopDetails<'a>>,
        container: IgnoredAny,
    }
}

/// Reads one stream. Holds a few numbers for each open block and nothing of what is said.
#[derive(Debug, Default)]
pub struct Decoder {
    open: Vec<Open>,
    tools: u32,
    tally: Tally,
    done: bool,
}

/// A block that has begun and not ended.
#[derive(Clone, Copy, Debug)]
struct Open {
    index: u64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Text or a thought.
    Words,
    /// A tool call; `whole` if its input came with its start.
    Tool { tool: u32, whole: bool },
    /// A block that the hub has no place for: its deltas are lost with it.
    Lost,
}

impl Decoder {
    /// Takes one frame. The type in the data counts; the frame's name stands in where the data have none.
    ///
    /// # Errors
    /// A [`Fault`] of kind `Upstream` for a frame that is not JSON, for a piece of a tool call that never began, and for
    /// more than 64 open blocks.
    pub fn frame(&mut self, frame: &Frame<'_>, emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Fault> {
        if self.done || frame.data.is_empty() {
            return Ok(());
        }
        if frame.data.trim_ascii() == b"[DONE]" {
            // Not this dialect's, but some servers that imitate it close with it.
            self.done = true;
            emit(Event::Done);
            return Ok(());
        }
        let event: AnyEvent<'_> = match serde_json::from_slice(&frame.data) {
            Ok(event) => event,
            Err(_) if frame.event == Some(b"error") => {
                let text = String::from_utf8_lossy(&frame.data);
                emit(Event::Error(Fault::upstream(format!("the provider reports: {}", error::short(&text)))));
                return Ok(());
            }
            Err(bad) => {
                let bad = error::short(&bad.to_string());
                return Err(Fault::upstream(format!("the provider sent an event that cannot be read: {bad}")));
            }
        };
        let name = frame.event.and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
        let kind = event.kind.clone().unwrap_or_else(|| Str::from(name));
        match kind.as_str() {
            "content_block_delta" => self.block_delta(event, emit)?,
            "content_block_start" => self.block_start(event, emit)?,
            "content_block_stop" => self.block_stop(event.index.unwrap_or(0), emit),
            "message_start" => self.message_start(event, emit),
            "message_delta" => self.message_delta(event, emit),
            "message_stop" => {
                self.done = true;
                emit(Event::Done);
            }
            "ping" => emit(Event::Ping),
            "error" => emit(Event::Error(error::of_fields(event.error.unwrap_or(Loose::Other), None))),
            _ => emit(Event::Loss("stream.event")),
        }
        Ok(())
    }

    fn message_start(&mut self, event: AnyEvent<'_>, emit: &mut dyn FnMut(Event<'_>)) {
        let mut message = event.message.and_then(Loose::object).unwrap_or_default();
        if let Some(tier) = message.usage.as_mut().and_then(|counts| counts.service_tier.take()) {
            emit(Event::ServiceTier(tier));
        }
        emit(Event::Start { id: message.id.unwrap_or_default(), model: message.model.unwrap_or_default() });
        if let Some(counts) = message.usage {
            self.usage(&counts, emit);
        }
    }

    fn message_delta(&mut self, event: AnyEvent<'_>, emit: &mut dyn FnMut(Event<'_>)) {
        let delta = event.delta.unwrap_or_default();
        if !delta.unknown.is_empty() {
            emit(Event::Loss("stream.delta"));
        }
        if delta.container.is_some() {
            emit(Event::Loss("container"));
        }
        if event.context_management.is_some() {
            emit(Event::Loss("context_management"));
        }
        let mut losses = Vec::new();
        if let Some(text) = delta.stop_details.and_then(|details| details.into_words(|loss| losses.push(loss))) {
            emit(Event::Refusal { choice: CHOICE, text });
        }
        losses.into_iter().for_each(|loss| emit(Event::Loss(loss)));
        if let Some(reason) = delta.stop_reason {
            emit(Event::Finish { choice: CHOICE, reason: stop::decode(reason, delta.stop_sequence) });
        }
        if let Some(counts) = event.usage {
            self.usage(&counts, emit);
        }
    }

    fn usage(&mut self, counts: &Counts<'_>, emit: &mut dyn FnMut(Event<'_>)) {
        if counts.has_server_tools() {
            emit(Event::Loss("usage.server_tool_use"));
        }
        if !counts.unknown.is_empty() {
            emit(Event::Loss("usage"));
        }
        self.tally.update(counts);
        if let Some(usage) = self.tally.usage() {
            emit(Event::Usage(usage));
        }
    }

    fn block_start(&mut self, event: AnyEvent<'_>, emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Fault> {
        let index = event.index.unwrap_or(0);
        let mut block = event.content_block.map(|block| *block).unwrap_or_default();
        if !block.unknown.is_empty() {
            emit(Event::Loss("content"));
        }
        let kind = match block.kind() {
            "text" => {
                let citations = block.take_text_citations();
                say(block.text, |text| Event::Text { choice: CHOICE, text }, emit);
                citations.into_iter().for_each(|fields| cite(fields, emit));
                Kind::Words
            }
            "thinking" => {
                say(block.thinking, |text| Event::Thinking { choice: CHOICE, text }, emit);
                say(block.signature, |signature| Event::Signature { choice: CHOICE, signature }, emit);
                Kind::Words
            }
            "redacted_thinking" => {
                say(block.data, |data| Event::RedactedThinking { choice: CHOICE, data }, emit);
                Kind::Words
            }
            "tool_use" => self.tool_start(block, emit)?,
            kind => {
                emit(Event::Loss(block_loss(kind, Side::Answer).unwrap_or("content")));
                Kind::Lost
            }
        };
        self.open.retain(|open| open.index != index);
        if self.open.len() >= OPEN_BLOCKS_MAX {
            return Err(Fault::upstream(format!("the provider opened more than {OPEN_BLOCKS_MAX} blocks at once")));
        }
        self.open.push(Open { index, kind });
        Ok(())
    }

    fn tool_start(&mut self, block: Block<'_>, emit: &mut dyn FnMut(Event<'_>)) -> Result<Kind, Fault> {
        let tool = self.tools;
        self.tools = self.tools.saturating_add(1);
        if block.caller.and_then(Loose::object).is_some_and(|caller| caller.kind.as_deref() != Some("direct")) {
            emit(Event::Loss("content.caller"));
        }
        let (Some(id), Some(name)) = (word(block.id), word(block.name)) else {
            return Err(Fault::upstream("the provider began a tool call without an id or a name"));
        };
        emit(Event::ToolStart { choice: CHOICE, tool, id, name });
        // The API begins with `{}` and sends the input in pieces; some servers send it whole, at the start.
        let input = block.input.map_or("{}", |input| input.get());
        let whole = !input.bytes().filter(|byte| !byte.is_ascii_whitespace()).eq(*b"{}");
        if whole {
            emit(Event::ToolArguments { choice: CHOICE, tool, json: Str::from(input) });
        }
        Ok(Kind::Tool { tool, whole })
    }

    fn block_delta(&mut self, event: AnyEvent<'_>, emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Fault> {
        let index = event.index.unwrap_or(0);
        let kind = self.open.iter().find(|open| open.index == index).map(|open| open.kind);
        if kind == Some(Kind::Lost) {
            return Ok(());
        }
        let delta = event.delta.unwrap_or_default();
        if !delta.unknown.is_empty() {
            emit(Event::Loss("stream.delta"));
        }
        match delta.kind.as_deref().unwrap_or_default() {
            "text_delta" => say(delta.text, |text| Event::Text { choice: CHOICE, text }, emit),
            "thinking_delta" => say(delta.thinking, |text| Event::Thinking { choice: CHOICE, text }, emit),
            "signature_delta" => {
                say(delta.signature, |signature| Event::Signature { choice: CHOICE, signature }, emit);
            }
            "input_json_delta" => match kind {
                Some(Kind::Tool { tool, whole: false }) => {
                    say(delta.partial_json, |json| Event::ToolArguments { choice: CHOICE, tool, json }, emit);
                }
                // What came at the start was all of it: pieces would repeat it.
                Some(Kind::Tool { whole: true, .. }) => {}
                Some(Kind::Words | Kind::Lost) | None => {
                    let message = format!("the provider sent a piece of a tool call in block {index}, which is none");
                    return Err(Fault::upstream(message));
                }
            },
            "citations_delta" => match delta.citation.and_then(Loose::object) {
                Some(fields) => cite(fields, emit),
                None => emit(Event::Loss("content.citations")),
            },
            _ => emit(Event::Loss("stream.delta")),
        }
        Ok(())
    }

    fn block_stop(&mut self, index: u64, emit: &mut dyn FnMut(Event<'_>)) {
        let Some(at) = self.open.iter().position(|open| open.index == index) else { return };
        match self.open.remove(at).kind {
            Kind::Words | Kind::Tool { .. } => emit(Event::PartEnd { choice: CHOICE }),
            Kind::Lost => {}
        }
    }
}

/// Emits a citation of the block that is open.
fn cite(fields: CitationFields<'_>, emit: &mut dyn FnMut(Event<'_>)) {
    if let Some(citation) = fields.into_citation(&mut |loss| emit(Event::Loss(loss))) {
        emit(Event::Citation { choice: CHOICE, citation });
    }
}

/// Emits a piece if there is anything in it.
fn say<'a>(piece: Option<Word<'a>>, event: impl FnOnce(Str<'a>) -> Event<'a>, emit: &mut dyn FnMut(Event<'_>)) {
    if let Some(piece) = word(piece).filter(|piece| !piece.is_empty()) {
        emit(event(piece));
    }
}
