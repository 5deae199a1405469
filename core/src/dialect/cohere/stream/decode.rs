//! A provider's stream → events.

use super::super::citation::Citation;
use super::super::logprobs;
use super::super::response::{Block, Call};
use super::super::stop;
use super::super::usage::Counts;
use super::first_of::FirstOf;
use crate::dialect::openai::json;
use crate::dialect::wire::{Count, wire};
use crate::fault::{Fault, FaultKind};
use crate::frame::sse::Frame;
use crate::stream::Event;
use crate::text::{Str, cut};
use serde::de::IgnoredAny;

/// How many tool calls one answer may hold.
const TOOLS_MAX: usize = 1024;
/// How many text blocks one answer may hold. The API writes one.
const TEXTS_MAX: usize = 64;
/// How much of a provider's message is passed on, in bytes.
const MESSAGE_BYTES_MAX: usize = 2048;
/// A stream of this dialect has one answer.
const CHOICE: u32 = 0;

wire! {
    /// Any event: the fields of all types in one.
    struct AnyEvent<'a> {
        kind "type": Str<'a>,
        id: Str<'a>,
        index: Count,
        delta: Delta<'a>,
        logprobs: Box<logprobs::Item<'a>>,
        // Of an error that a host of the model sends, or of `debug`.
        message: Str<'a>,
        _prompt "prompt": IgnoredAny,
    }
}
wire! {
    struct Delta<'a> { message: Message<'a>, finish_reason: Str<'a>, usage: Box<Counts<'a>>, error: Str<'a> }
}
wire! {
    struct Message<'a> {
        _role "role": IgnoredAny,
        content: FirstOf<Block<'a>>,
        tool_plan: Str<'a>,
        tool_calls: FirstOf<Call<'a>>,
        citations: FirstOf<Citation<'a>>,
    }
}

/// What a decoder tells its events to.
type Emit<'e> = &'e mut dyn FnMut(Event<'_>);

/// Reads one stream. Holds a few numbers for each text block and tool call and nothing of what is said.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The provider's number of each tool call; its place is ours.
    tools: Vec<u64>,
    /// Where each text block begins in the answer's text, in characters, by the provider's number for it.
    texts: Vec<(u64, u64)>,
    /// Characters of text so far.
    chars: u64,
    done: bool,
}

impl Decoder {
    /// Takes one frame. The type in the data counts; the frame's name stands in where the data have none.
    ///
    /// # Errors
    /// A [`Fault`] of kind `Upstream` for a frame that is not JSON, a piece of a tool call that never began, and one call
    /// or text too many.
    pub fn frame(&mut self, frame: &Frame<'_>, emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Fault> {
        let data = frame.data.trim_ascii();
        if self.done || data.is_empty() {
            return Ok(());
        }
        if data == b"[DONE]" {
            // Not in the reference, but the SDK knows it.
            self.done = true;
            emit(Event::Done);
            return Ok(());
        }
        let event: AnyEvent<'_> = json::read_answer(data, "an event of the provider's stream")?;
        let name = frame.event.and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
        let kind = event.kind.clone().unwrap_or_else(|| Str::from(name));
        self.event(&kind, event, emit)
    }

    fn event(&mut self, kind: &str, event: AnyEvent<'_>, emit: Emit<'_>) -> Result<(), Fault> {
        if !event.unknown.is_empty() {
            emit(Event::Loss("stream.event"));
        }
        let index = event.index.unwrap_or_default().0;
        let mut delta = event.delta.unwrap_or_default();
        let message = delta.message.take().unwrap_or_default();
        if !delta.unknown.is_empty() || !message.unknown.is_empty() {
            emit(Event::Loss("stream.delta"));
        }
        match kind {
            "content-delta" => {
                self.content(message, index, emit)?;
                let raw = event.logprobs.and_then(|item| logprobs::to_hub(std::slice::from_ref(item.as_ref())));
                if let Some(raw) = &raw {
                    emit(Event::Logprobs { choice: CHOICE, raw });
                }
            }
            "content-start" => self.content(message, index, emit)?,
            "tool-plan-delta" => thought(message.tool_plan, emit),
            "tool-call-delta" => self.arguments(message, index, emit)?,
            "tool-call-start" => self.tool_start(message, index, emit)?,
            "content-end" | "tool-call-end" => emit(Event::PartEnd { choice: CHOICE }),
            "citation-start" => self.citation(message, emit),
            "citation-end" => {}
            "message-start" => {
                emit(Event::Start { id: event.id.unwrap_or_default(), model: Str::default() });
                thought(message.tool_plan, emit);
            }
            "message-end" => self.end(delta, emit),
            "debug" => emit(Event::Loss("debug")),
            "error" => self.fail(event.message.as_deref().or(delta.error.as_deref()), emit),
            // An error that came without a name, as in an answer that is none.
            "" if event.message.is_some() => self.fail(event.message.as_deref(), emit),
            _ => emit(Event::Loss("stream.event")),
        }
        Ok(())
    }

    /// The beginning of a content block, or more of one.
    fn content(&mut self, message: Message<'_>, index: u64, emit: Emit<'_>) -> Result<(), Fault> {
        let Some(block) = message.content.and_then(|content| content.0) else { return Ok(()) };
        if !block.unknown.is_empty() {
            emit(Event::Loss("message.content"));
        }
        if block.kind.as_deref().is_some_and(|kind| !matches!(kind, "text" | "thinking")) {
            emit(Event::Loss("message.content"));
            return Ok(());
        }
        thought(block.thinking, emit);
        let Some(text) = block.text.filter(|text| !text.is_empty()) else { return Ok(()) };
        if self.texts.last().is_none_or(|(last, _)| *last != index) {
            if self.texts.len() == TEXTS_MAX {
                let message = format!("the provider's stream has more than {TEXTS_MAX} blocks of text");
                return Err(Fault::upstream(message));
            }
            self.texts.push((index, self.chars));
        }
        self.chars = self.chars.saturating_add(text.chars().count() as u64);
        emit(Event::Text { choice: CHOICE, text });
        Ok(())
    }

    fn tool_start(&mut self, message: Message<'_>, index: u64, emit: Emit<'_>) -> Result<(), Fault> {
        let call = message.tool_calls.and_then(|calls| calls.0).unwrap_or_default();
        let function = call.function.unwrap_or_default();
        let (Some(id), Some(name)) = (call.id, function.name) else {
            return Err(Fault::upstream("the provider began a tool call without an id or a name"));
        };
        if self.tools.len() == TOOLS_MAX {
            return Err(Fault::upstream(format!("the provider's stream has more than {TOOLS_MAX} tool calls")));
        }
        let tool = u32::try_from(self.tools.len()).unwrap_or(u32::MAX);
        self.tools.push(index);
        emit(Event::ToolStart { choice: CHOICE, tool, id, name });
        if let Some(json) = function.arguments.filter(|json| !json.is_empty()) {
            emit(Event::ToolArguments { choice: CHOICE, tool, json });
        }
        Ok(())
    }

    fn arguments(&mut self, message: Message<'_>, index: u64, emit: Emit<'_>) -> Result<(), Fault> {
        let Some(tool) = self.tools.iter().rposition(|known| *known == index) else {
            return Err(Fault::upstream(format!("the provider sent a piece of tool call {index}, which never began")));
        };
        let tool = u32::try_from(tool).unwrap_or(u32::MAX);
        let function = message.tool_calls.and_then(|calls| calls.0).and_then(|call| call.function);
        if let Some(json) = function.and_then(|function| function.arguments).filter(|json| !json.is_empty()) {
            emit(Event::ToolArguments { choice: CHOICE, tool, json });
        }
        Ok(())
    }

    fn citation(&self, message: Message<'_>, emit: Emit<'_>) {
        let Some(citation) = message.citations.and_then(|citations| citations.0) else { return };
        if citation.has_unknown() {
            emit(Event::Loss("message.citations"));
        }
        if let Some(lost) = citation.lost() {
            emit(Event::Loss(lost));
            return;
        }
        let named = |block| self.texts.iter().rfind(|(index, _)| *index == block);
        let (_, offset) = citation.block().and_then(named).or(self.texts.first()).copied().unwrap_or_default();
        for citation in citation.each(offset) {
            emit(Event::Citation { choice: CHOICE, citation });
        }
    }

    /// The last event: how the answer ended, and what it used.
    fn end(&mut self, delta: Delta<'_>, emit: Emit<'_>) {
        self.done = true;
        let stop = stop::decode(delta.finish_reason.unwrap_or_default(), delta.error.as_deref());
        if let Ok(reason) = &stop {
            emit(Event::Finish { choice: CHOICE, reason: reason.clone() });
        }
        if let Some(counts) = delta.usage {
            counts.lost().into_iter().for_each(|field| emit(Event::Loss(field)));
            counts.usage().into_iter().for_each(|usage| emit(Event::Usage(usage)));
        }
        emit(match stop {
            Ok(_) => Event::Done,
            Err(fault) => Event::Error(fault),
        });
    }

    fn fail(&mut self, message: Option<&str>, emit: Emit<'_>) {
        self.done = true;
        let message = message.unwrap_or("the provider's stream reports an error without a message");
        emit(Event::Error(Fault::new(FaultKind::Upstream, cut(message, MESSAGE_BYTES_MAX))));
    }
}

fn thought(text: Option<Str<'_>>, emit: Emit<'_>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        emit(Event::Thinking { choice: CHOICE, text });
    }
}
