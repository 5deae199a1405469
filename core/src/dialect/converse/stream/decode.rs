//! A provider's stream → events.

use super::super::citation::CitationFields;
use super::super::error;
use super::super::response::Trace;
use super::super::stop::{self, Additional};
use super::super::tokens::Counts;
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
        index "contentBlockIndex": u64,
        start: Start<'a>,
        delta: Delta<'a>,
        stop_reason "stopReason": Str<'a>,
        additional "additionalModelResponseFields": Additional<'a>,
        usage: Counts<'a>,
        trace: Trace<'a>,
        tier "serviceTier": Tier<'a>,
        role: IgnoredAny,
        metrics: IgnoredAny,
        performance "performanceConfig": IgnoredAny,
        // Padding of random length, against those who listen to the sizes of packets.
        p: IgnoredAny,
    }
}

wire! {
    struct Start<'a> { tool_use "toolUse": ToolStart<'a> }
}

wire! {
    struct ToolStart<'a> { kind "type": Str<'a>, id "toolUseId": Str<'a>, name: Str<'a> }
}

wire! {
    struct Delta<'a> {
        text: Str<'a>,
        tool_use "toolUse": ToolDelta<'a>,
        reasoning "reasoningContent": ReasoningDelta<'a>,
        citation: Box<CitationFields<'a>>,
    }
}

wire! {
    struct ToolDelta<'a> { input: Str<'a> }
}

wire! {
    struct ReasoningDelta<'a> { text: Str<'a>, signature: Str<'a>, redacted "redactedContent": Str<'a> }
}

wire! {
    struct Tier<'a> { kind "type": Str<'a> }
}

/// Reads one stream. Holds two numbers for each open tool call and nothing of what is said.
#[derive(Debug, Default)]
pub struct Decoder {
    open: Vec<Open>,
    tools: u32,
    done: bool,
}

/// A block that has begun and not ended. Text and thoughts begin without saying so.
#[derive(Clone, Copy, Debug)]
struct Open {
    index: u64,
    /// Which tool call it is; `None` for a block that the hub has no place for, whose deltas are lost with it.
    tool: Option<u32>,
}

impl Decoder {
    /// Takes one frame. `metadata` is the last one; what comes after it is dropped.
    ///
    /// # Errors
    /// A [`Fault`] of kind `Upstream` for a frame that is not JSON, for a piece of a tool call that never began, and for
    /// more than 64 open blocks.
    pub fn frame(&mut self, frame: &Frame<'_>, emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Fault> {
        if self.done || frame.data.is_empty() {
            return Ok(());
        }
        if let Some(fault) = error::of_frame(frame) {
            emit(Event::Error(fault));
            return Ok(());
        }
        let event: AnyEvent<'_> = serde_json::from_slice(&frame.data).map_err(|bad| {
            let bad = error::one_line(&bad.to_string());
            Fault::upstream(format!("the provider sent an event that cannot be read: {bad}"))
        })?;
        if !event.unknown.is_empty() {
            emit(Event::Loss("stream.event"));
        }
        match frame.event.unwrap_or_default() {
            b"contentBlockDelta" => self.block_delta(event, emit)?,
            b"contentBlockStart" => self.block_start(event, emit)?,
            b"contentBlockStop" => self.block_stop(event.index.unwrap_or(0), emit),
            b"messageStart" => emit(Event::Start { id: Str::default(), model: Str::default() }),
            b"messageStop" => {
                let sequence = event.additional.and_then(|fields| fields.stop_sequence);
                let reason = stop::decode(event.stop_reason.unwrap_or_default(), sequence);
                emit(Event::Finish { choice: CHOICE, reason });
            }
            b"metadata" => self.metadata(event, emit),
            _ => emit(Event::Loss("stream.event")),
        }
        Ok(())
    }

    fn metadata(&mut self, event: AnyEvent<'_>, emit: &mut dyn FnMut(Event<'_>)) {
        if event.trace.is_some_and(|trace| trace.guardrail.is_some()) {
            emit(Event::Loss("trace.guardrail"));
        }
        if let Some(tier) = event.tier.and_then(|tier| tier.kind) {
            emit(Event::ServiceTier(tier));
        }
        if let Some(counts) = event.usage {
            if counts.has_server_tools() {
                emit(Event::Loss("usage.serverToolUsage"));
            }
            if !counts.unknown.is_empty() {
                emit(Event::Loss("usage"));
            }
            if let Some(usage) = counts.usage() {
                emit(Event::Usage(usage));
            }
        }
        self.done = true;
        emit(Event::Done);
    }

    fn block_start(&mut self, event: AnyEvent<'_>, emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Fault> {
        let index = event.index.unwrap_or(0);
        self.open.retain(|open| open.index != index);
        let start = event.start.unwrap_or_default();
        let tool = match start.tool_use {
            Some(ToolStart { kind: None, id, name, .. }) => {
                let (Some(id), Some(name)) = (id, name) else {
                    return Err(Fault::upstream("the provider began a tool call without an id or a name"));
                };
                let tool = self.tools;
                self.tools = self.tools.saturating_add(1);
                emit(Event::ToolStart { choice: CHOICE, tool, id, name });
                Some(tool)
            }
            Some(ToolStart { kind: Some(_), .. }) => {
                emit(Event::Loss("stream.contentBlockStart.toolUse.type"));
                None
            }
            // An empty start is one of a text.
            None if start.unknown.is_empty() => return Ok(()),
            None => {
                emit(Event::Loss("stream.contentBlockStart"));
                None
            }
        };
        if self.open.len() >= OPEN_BLOCKS_MAX {
            return Err(Fault::upstream(format!("the provider opened more than {OPEN_BLOCKS_MAX} blocks at once")));
        }
        self.open.push(Open { index, tool });
        Ok(())
    }

    fn block_delta(&mut self, event: AnyEvent<'_>, emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Fault> {
        let index = event.index.unwrap_or(0);
        let open = self.open.iter().find(|open| open.index == index).map(|open| open.tool);
        if open == Some(None) {
            return Ok(());
        }
        let delta = event.delta.unwrap_or_default();
        if !delta.unknown.is_empty() {
            emit(Event::Loss("stream.delta"));
        }
        say(delta.text, |text| Event::Text { choice: CHOICE, text }, emit);
        if let Some(thought) = delta.reasoning {
            say(thought.text, |text| Event::Thinking { choice: CHOICE, text }, emit);
            say(thought.signature, |signature| Event::Signature { choice: CHOICE, signature }, emit);
            say(thought.redacted, |data| Event::RedactedThinking { choice: CHOICE, data }, emit);
        }
        if let Some(citation) = delta.citation {
            let mut inside = false;
            let citation = citation.into_citation(&mut || inside = true);
            if inside {
                emit(Event::Loss("stream.delta.citation.location"));
            }
            emit(Event::Citation { choice: CHOICE, citation });
        }
        if let Some(piece) = delta.tool_use {
            let Some(Some(tool)) = open else {
                let message = format!("the provider sent a piece of a tool call in block {index}, which is none");
                return Err(Fault::upstream(message));
            };
            say(piece.input, |json| Event::ToolArguments { choice: CHOICE, tool, json }, emit);
        }
        Ok(())
    }

    fn block_stop(&mut self, index: u64, emit: &mut dyn FnMut(Event<'_>)) {
        let open = self.open.iter().position(|open| open.index == index).map(|at| self.open.remove(at).tool);
        if open != Some(None) {
            emit(Event::PartEnd { choice: CHOICE });
        }
    }
}

/// Emits a piece if there is anything in it.
fn say<'a>(piece: Option<Str<'a>>, event: impl FnOnce(Str<'a>) -> Event<'a>, emit: &mut dyn FnMut(Event<'_>)) {
    if let Some(piece) = piece.filter(|piece| !piece.is_empty()) {
        emit(event(piece));
    }
}
