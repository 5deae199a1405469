//! Events → a stream for a client.

use super::super::citation::Written as CitationOut;
use super::super::logprobs;
use super::super::response::{ID_UNKNOWN, note_lost_stop};
use super::super::{stop, usage};
use crate::chat::{Citation, StopReason};
use crate::dialect::Asked;
use crate::dialect::cited::Cited;
use crate::dialect::openai::response::is_special;
use crate::dialect::wire;
use crate::fault::Fault;
use crate::frame::sse;
use crate::loss::Losses;
use crate::stream::Event;
use crate::usage::Usage;
use serde::Serialize;
use serde_json::value::RawValue;

/// A stream of this dialect has one answer; those beyond it cannot be said.
const CHOICE: u32 = 0;

/// Writes one stream. Holds how the answer ends and what it used, and nothing of what it says but citations that wait for
/// the end of their text.
#[derive(Debug)]
pub struct Encoder {
    state: State,
    /// How many content blocks have begun.
    blocks: u32,
    /// The number of the last one.
    block: u32,
    /// How many tool calls have begun.
    tools: u32,
    /// How many citations have been written.
    citations: u32,
    open: Open,
    cited: Cited,
    /// The number of the last block of text, and where it begins in the answer's text, in characters.
    text_block: u32,
    text_at: u64,
    /// Characters of text so far.
    chars: u64,
    finish: Option<&'static str>,
    usage: Option<Usage>,
    losses: Losses,
}

/// How far the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// `message-start` has not been written.
    Before,
    /// Between `message-start` and `message-end`.
    Within,
    /// Closed.
    Over,
}

/// What is being written; there is one at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Nothing,
    Text,
    Thinking,
    Tool { tool: u32, has_arguments: bool },
}

impl Encoder {
    /// An encoder for one stream. Clients of this dialect always get the usage.
    pub fn new(_asked: Asked) -> Self {
        Self {
            state: State::Before,
            blocks: 0,
            block: 0,
            tools: 0,
            citations: 0,
            open: Open::Nothing,
            cited: Cited::default(),
            text_block: 0,
            text_at: 0,
            chars: 0,
            finish: None,
            usage: None,
            losses: Losses::default(),
        }
    }

    /// What has been told since the last time and cannot be said in this dialect.
    pub fn take_losses(&mut self) -> Losses {
        std::mem::take(&mut self.losses)
    }

    /// Appends what the event is in this dialect.
    ///
    /// How the answer ended and what it used is written with [`Event::Done`], since other dialects tell the usage after
    /// the end.
    ///
    /// # Errors
    /// A [`Fault`] for a piece of a tool call that is closed: clients run a call when its end comes, so that calls which
    /// are streamed side by side cannot be said.
    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        if self.state == State::Over {
            return Ok(());
        }
        match event {
            Event::Start { id, .. } => self.start(id, out),
            Event::Text { choice: CHOICE, text } | Event::Refusal { choice: CHOICE, text } => self.text(text, out),
            Event::Thinking { choice: CHOICE, text } => self.thinking(text, out),
            Event::Citation { choice: CHOICE, citation } => self.citation(citation, out),
            Event::ToolStart { choice: CHOICE, tool, id, name } => self.tool_start(*tool, id, name, out),
            Event::ToolArguments { choice: CHOICE, tool, json } => self.arguments(*tool, json, out)?,
            Event::PartEnd { choice: CHOICE } => self.part_end(out),
            Event::Logprobs { choice: CHOICE, raw } => self.logprobs(raw, out),
            Event::Finish { choice: CHOICE, reason } => self.finish(reason),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Done => self.done(out),
            Event::Error(fault) => self.fail(fault, out),
            Event::Signature { .. } => self.losses.add("content.thinking.signature"),
            Event::RedactedThinking { .. } => self.losses.add("content.redacted_thinking"),
            Event::ToolSignature { .. } => self.losses.add("content.tool_call.signature"),
            Event::ServiceTier(tier) if is_special(tier) => self.losses.add("service_tier"),
            Event::Text { .. }
            | Event::Refusal { .. }
            | Event::Thinking { .. }
            | Event::Citation { .. }
            | Event::ToolStart { .. }
            | Event::ToolArguments { .. }
            | Event::Logprobs { .. }
            | Event::Finish { .. } => self.losses.add("choices"),
            Event::PartEnd { .. } | Event::Ping | Event::ServiceTier(_) | Event::Loss(_) => {}
        }
        Ok(())
    }

    fn start(&mut self, id: &str, out: &mut Vec<u8>) {
        if self.state != State::Before {
            return;
        }
        self.state = State::Within;
        let message = StartMessage { role: "assistant", content: [], tool_plan: "", tool_calls: [], citations: [] };
        let id = Some(if id.is_empty() { ID_UNKNOWN } else { id });
        write(out, &Written { id, index: None, ..Written::of("message-start", 0, message) });
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        self.open(Open::Text, out);
        self.cited.text(text);
        self.chars = self.chars.saturating_add(text.chars().count() as u64);
        write(out, &Written::of("content-delta", self.block, Content { content: TextPiece { text } }));
    }

    fn thinking(&mut self, thinking: &str, out: &mut Vec<u8>) {
        if !thinking.is_empty() {
            self.open(Open::Thinking, out);
            write(out, &Written::of("content-delta", self.block, Content { content: ThinkingPiece { thinking } }));
        }
    }

    /// Sees to it that a content block of this kind is open.
    fn open(&mut self, wanted: Open, out: &mut Vec<u8>) {
        if self.open == wanted {
            return;
        }
        self.start("", out);
        self.close(out);
        self.block = self.blocks;
        self.blocks = self.blocks.saturating_add(1);
        self.open = wanted;
        if wanted == Open::Text {
            (self.text_block, self.text_at) = (self.block, self.chars);
            let content = BlockStart::Text { text: "" };
            write(out, &Written::of("content-start", self.block, Content { content }));
        } else {
            let content = BlockStart::Thinking { thinking: "" };
            write(out, &Written::of("content-start", self.block, Content { content }));
        }
    }

    /// A part has ended. Texts that follow each other are one block here, as clients expect it of an answer.
    fn part_end(&mut self, out: &mut Vec<u8>) {
        if self.open == Open::Text {
            self.release(out);
        } else {
            self.close(out);
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        self.release(out);
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing => {}
            Open::Text | Open::Thinking => write(out, &Written::end("content-end", self.block)),
            Open::Tool { has_arguments, .. } => {
                let index = self.tools.saturating_sub(1);
                if !has_arguments {
                    // A call without arguments is an empty object to everyone who parses them.
                    write_arguments("{}", index, out);
                }
                write(out, &Written::end("tool-call-end", index));
            }
        }
    }

    /// A citation that names no place is one of the whole part, which is not over yet.
    fn citation(&mut self, citation: &Citation<'_>, out: &mut Vec<u8>) {
        match citation.span {
            Some(span) => self.write_citation(citation, span, out),
            None if self.cited.hold(citation) => {}
            None => self.losses.add("citations"),
        }
    }

    /// Writes the citations that waited for the end of their part.
    fn release(&mut self, out: &mut Vec<u8>) {
        for citation in self.cited.part_end() {
            self.write_citation(&citation, citation.span.unwrap_or_default(), out);
        }
    }

    fn write_citation(&mut self, citation: &Citation<'_>, (start, end): (u64, u64), out: &mut Vec<u8>) {
        self.start("", out);
        let span = (start.saturating_sub(self.text_at), end.saturating_sub(self.text_at));
        let citations = CitationOut::new(span, None, self.text_block, citation);
        write(out, &Written::of("citation-start", self.citations, Citations { citations }));
        write(out, &Written::end("citation-end", self.citations));
        self.citations = self.citations.saturating_add(1);
    }

    fn tool_start(&mut self, tool: u32, id: &str, name: &str, out: &mut Vec<u8>) {
        self.start("", out);
        self.close(out);
        self.open = Open::Tool { tool, has_arguments: false };
        let tool_calls = CallStart { id, kind: "function", function: Called { name, arguments: "" } };
        write(out, &Written::of("tool-call-start", self.tools, Calls { tool_calls }));
        self.tools = self.tools.saturating_add(1);
    }

    fn arguments(&mut self, tool: u32, json: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        if json.is_empty() {
            return Ok(());
        }
        match &mut self.open {
            Open::Tool { tool: open, has_arguments } if *open == tool => {
                *has_arguments |= !json.trim_ascii().is_empty();
                write_arguments(json, self.tools.saturating_sub(1), out);
                Ok(())
            }
            Open::Tool { .. } | Open::Nothing | Open::Text | Open::Thinking => {
                let message = format!(
                    "the provider streamed arguments of tool call {tool} while another part was open; \
                     the Cohere chat API cannot say parts side by side"
                );
                Err(Fault::upstream(message).with_code("interleaved_tool_calls"))
            }
        }
    }

    /// Log probabilities belong to the text that came before them, and here to a piece of it: one that is empty.
    fn logprobs(&mut self, raw: &RawValue, out: &mut Vec<u8>) {
        let (items, lost) = logprobs::of_hub(raw);
        if lost {
            self.losses.add("choices.logprobs");
        }
        for item in items {
            self.open(Open::Text, out);
            let piece = Content { content: TextPiece { text: "" } };
            write(out, &Written { logprobs: Some(item), ..Written::of("content-delta", self.block, piece) });
        }
    }

    fn finish(&mut self, reason: &StopReason<'_>) {
        note_lost_stop(reason, &mut self.losses);
        self.finish = Some(stop::encode(reason, self.tools > 0));
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        self.start("", out);
        self.close(out);
        if let Some(usage) = &self.usage {
            usage::note_uncounted(usage, &mut self.losses);
        }
        let finish_reason = self.finish.unwrap_or_else(|| stop::encode(&StopReason::End, self.tools > 0));
        self.end(finish_reason, None, out);
    }

    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        self.start("", out);
        self.end(stop::of_fault(fault), Some(&fault.message), out);
    }

    fn end(&mut self, finish_reason: &'static str, error: Option<&str>, out: &mut Vec<u8>) {
        let usage = self.usage.as_ref().map(usage::Written::new);
        let event = MessageEnd { kind: "message-end", delta: EndDelta { error, finish_reason, usage } };
        sse::write(out, Some(event.kind), |out| json(&event, out));
        self.state = State::Over;
    }
}

fn write_arguments(json: &str, index: u32, out: &mut Vec<u8>) {
    let tool_calls = CallDelta { function: Arguments { arguments: json } };
    write(out, &Written::of("tool-call-delta", index, Calls { tool_calls }));
}

/// Appends one event under its name.
fn write<M: Serialize>(out: &mut Vec<u8>, event: &Written<'_, M>) {
    sse::write(out, Some(event.kind), |out| json(event, out));
}

fn json(value: &impl Serialize, out: &mut Vec<u8>) {
    wire::append(value, out);
}

/// Any event but the last.
#[derive(Serialize)]
struct Written<'b, M> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<Delta<M>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<logprobs::Written>,
}

impl<M> Written<'_, M> {
    fn of(kind: &'static str, index: u32, message: M) -> Self {
        Self { kind, id: None, index: Some(index), delta: Some(Delta { message }), logprobs: None }
    }
}

impl Written<'_, ()> {
    fn end(kind: &'static str, index: u32) -> Self {
        Self { kind, id: None, index: Some(index), delta: None, logprobs: None }
    }
}

#[derive(Serialize)]
struct Delta<M> {
    message: M,
}

/// The message as it begins, with every field, as the API sends it.
#[derive(Serialize)]
struct StartMessage {
    role: &'static str,
    content: [(); 0],
    tool_plan: &'static str,
    tool_calls: [(); 0],
    citations: [(); 0],
}

#[derive(Serialize)]
struct Content<C> {
    content: C,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum BlockStart {
    Text { text: &'static str },
    Thinking { thinking: &'static str },
}

#[derive(Serialize)]
struct TextPiece<'b> {
    text: &'b str,
}

#[derive(Serialize)]
struct ThinkingPiece<'b> {
    thinking: &'b str,
}

#[derive(Serialize)]
struct Citations<'b> {
    citations: CitationOut<'b>,
}

#[derive(Serialize)]
struct Calls<C> {
    tool_calls: C,
}

#[derive(Serialize)]
struct CallStart<'b> {
    id: &'b str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Called<'b>,
}

#[derive(Serialize)]
struct Called<'b> {
    name: &'b str,
    arguments: &'static str,
}

#[derive(Serialize)]
struct CallDelta<'b> {
    function: Arguments<'b>,
}

#[derive(Serialize)]
struct Arguments<'b> {
    arguments: &'b str,
}

#[derive(Serialize)]
struct MessageEnd<'b> {
    #[serde(rename = "type")]
    kind: &'static str,
    delta: EndDelta<'b>,
}

#[derive(Serialize)]
struct EndDelta<'b> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'b str>,
    finish_reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<usage::Written>,
}
