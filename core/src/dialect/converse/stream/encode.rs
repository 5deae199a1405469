//! Events → a stream for a client.

use super::super::citation;
use super::super::error;
use super::super::response::{Metrics, Sequence, TierOut, note_uncounted};
use super::super::stop::{self, Held};
use super::super::tokens::Written;
use crate::chat::StopReason;
use crate::dialect::Asked;
use crate::dialect::wire;
use crate::fault::Fault;
use crate::frame::sse;
use crate::loss::Losses;
use crate::stream::Event;
use crate::usage::Usage;
use serde::Serialize;

/// A stream of this dialect has one answer; those beyond it cannot be said.
const CHOICE: u32 = 0;

/// Writes one stream. Holds how the answer ends and what it used, and nothing of what it says.
#[derive(Debug)]
pub struct Encoder {
    state: State,
    /// The index of the next block.
    blocks: u32,
    open: Open,
    held: Held,
    finish: Option<Finish>,
    usage: Usage,
    tier: Option<TierOut>,
    losses: Losses,
}

/// How the answer ended.
#[derive(Debug)]
struct Finish {
    word: &'static str,
    sequence: Option<String>,
}

/// How far the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// `messageStart` has not been written.
    Before,
    /// Between `messageStart` and `metadata`.
    Within,
    /// Closed, by its last event or an error.
    Over,
}

/// The block that is being written; there is one at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Nothing,
    Text,
    /// A text whose sources have been told: more text is another block.
    Cited,
    Thinking,
    /// A thought with its signature: nothing may follow in it.
    Signed,
    Tool(u32),
}

impl Encoder {
    /// An encoder for one stream. Clients of this dialect always get the usage.
    pub fn new(_asked: Asked) -> Self {
        Self {
            state: State::Before,
            blocks: 0,
            open: Open::Nothing,
            held: Held::default(),
            finish: None,
            usage: Usage::default(),
            tier: None,
            losses: Losses::default(),
        }
    }

    /// What has been told since the last time and cannot be said here.
    pub fn take_losses(&mut self) -> Losses {
        std::mem::take(&mut self.losses)
    }

    /// Appends what the event is in this dialect.
    ///
    /// How the answer ended and what it used is written with [`Event::Done`], since other dialects tell the usage after
    /// the end. Without a [`Event::Finish`] before it the answer ends with `tool_use` if it called tools, otherwise with
    /// `end_turn`: the provider said that it is whole.
    ///
    /// # Errors
    /// A [`Fault`] for a piece of a tool call whose block is closed: clients gather one block at a time, so calls that are
    /// streamed side by side cannot be said.
    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        if self.state == State::Over {
            return Ok(());
        }
        match event {
            Event::Start { .. } => self.start(out),
            Event::Text { choice: CHOICE, text } => self.text(text, out),
            Event::Refusal { choice: CHOICE, text } => {
                self.held.refusal = true;
                self.text(text, out);
            }
            Event::Citation { choice: CHOICE, citation } => {
                if citation.span.is_some() {
                    self.losses.add("choices.message.annotations.span");
                }
                if !matches!(self.open, Open::Text | Open::Cited) {
                    self.open(Open::Text, out);
                }
                self.delta(&Delta::Citation(citation::Written::new(citation)), out);
                self.open = Open::Cited;
            }
            Event::Thinking { choice: CHOICE, text } => {
                if !text.is_empty() {
                    self.open(Open::Thinking, out);
                    self.delta(&Delta::ReasoningContent(Thought::Text(text)), out);
                }
            }
            Event::Signature { choice: CHOICE, signature } => {
                self.open(Open::Thinking, out);
                self.delta(&Delta::ReasoningContent(Thought::Signature(signature)), out);
                self.open = Open::Signed;
            }
            Event::RedactedThinking { choice: CHOICE, data } => {
                self.open(Open::Signed, out);
                self.delta(&Delta::ReasoningContent(Thought::RedactedContent(data)), out);
                self.close(out);
            }
            Event::ToolStart { choice: CHOICE, tool, id, name } => {
                self.held.tools = true;
                self.open(Open::Tool(*tool), out);
                let start = ToolStart { tool_use_id: id, name };
                let event = BlockStart { start: Start { tool_use: start }, content_block_index: self.blocks };
                write(out, "contentBlockStart", &event);
            }
            Event::ToolArguments { choice: CHOICE, tool, json } => self.arguments(*tool, json, out)?,
            Event::PartEnd { choice: CHOICE } => self.close(out),
            Event::ToolSignature { choice: CHOICE, .. } => self.losses.add("choices.message.tool_calls.signature"),
            Event::Finish { choice: CHOICE, reason } => {
                if let StopReason::Unknown(reason) = reason {
                    self.losses.add_unknown("finish_reason", reason);
                }
                let sequence = stop::sequence(reason).map(str::to_owned);
                self.finish = Some(Finish { word: stop::encode(reason, self.held), sequence });
            }
            Event::Usage(usage) => {
                note_uncounted(usage, &mut self.losses);
                self.usage = *usage;
            }
            Event::ServiceTier(spelled) => {
                self.tier = TierOut::new(spelled);
                if self.tier.is_none() {
                    self.losses.add("service_tier");
                }
            }
            Event::Logprobs { .. } => self.losses.add("choices.logprobs"),
            Event::Done => self.done(out),
            Event::Error(fault) => {
                sse::write(out, Some(error::exception_type(fault)), |out| error::write(fault, out));
                self.state = State::Over;
            }
            Event::Text { .. }
            | Event::Refusal { .. }
            | Event::Citation { .. }
            | Event::Thinking { .. }
            | Event::Signature { .. }
            | Event::RedactedThinking { .. }
            | Event::ToolStart { .. }
            | Event::ToolSignature { .. }
            | Event::ToolArguments { .. }
            | Event::Finish { .. } => self.losses.add("choices"),
            // This dialect has no pings.
            Event::PartEnd { .. } | Event::Ping | Event::Loss(_) => {}
        }
        Ok(())
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if self.state == State::Before {
            self.state = State::Within;
            write(out, "messageStart", &MessageStart { role: "assistant" });
        }
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        if !text.is_empty() {
            self.open(Open::Text, out);
            self.delta(&Delta::Text(text), out);
        }
    }

    fn arguments(&mut self, tool: u32, json: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        if json.is_empty() {
            return Ok(());
        }
        if self.open != Open::Tool(tool) {
            let message = format!(
                "the provider streamed arguments of tool call {tool} while another part was open; \
                 the Converse API says parts one after the other"
            );
            return Err(Fault::upstream(message).with_code("interleaved_tool_calls"));
        }
        self.delta(&Delta::ToolUse { input: json }, out);
        Ok(())
    }

    /// Sees to it that this block is the open one. A tool call or an opaque thought is always a new one. Only tool calls
    /// begin with an event of their own.
    fn open(&mut self, wanted: Open, out: &mut Vec<u8>) {
        if self.open == wanted && matches!(wanted, Open::Text | Open::Thinking) {
            return;
        }
        self.start(out);
        self.close(out);
        self.open = wanted;
    }

    fn delta(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        write(out, "contentBlockDelta", &BlockDelta { content_block_index: self.blocks, delta });
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open == Open::Nothing {
            return;
        }
        write(out, "contentBlockStop", &BlockStop { content_block_index: self.blocks });
        self.blocks = self.blocks.saturating_add(1);
        self.open = Open::Nothing;
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        self.start(out);
        self.close(out);
        let (word, sequence) = match &self.finish {
            Some(Finish { word, sequence }) => (*word, sequence.as_deref()),
            None => (stop::encode(&StopReason::End, self.held), None),
        };
        let additional_model_response_fields = sequence.map(|stop_sequence| Sequence { stop_sequence });
        write(out, "messageStop", &MessageStop { stop_reason: word, additional_model_response_fields });
        let (usage, metrics) = (Written::new(&self.usage), Metrics::default());
        write(out, "metadata", &Metadata { usage, metrics, service_tier: self.tier.take() });
        self.state = State::Over;
    }
}

/// Appends one event under its name.
fn write(out: &mut Vec<u8>, name: &'static str, event: &impl Serialize) {
    sse::write(out, Some(name), |out| {
        wire::append(event, out);
    });
}

#[derive(Serialize)]
struct MessageStart {
    role: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlockStart<'a> {
    content_block_index: u32,
    start: Start<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Start<'a> {
    tool_use: ToolStart<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolStart<'a> {
    tool_use_id: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlockDelta<'a> {
    content_block_index: u32,
    delta: &'a Delta<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Delta<'a> {
    Text(&'a str),
    ToolUse { input: &'a str },
    ReasoningContent(Thought<'a>),
    Citation(citation::Written<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Thought<'a> {
    Text(&'a str),
    Signature(&'a str),
    RedactedContent(&'a str),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlockStop {
    content_block_index: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageStop<'a> {
    stop_reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_model_response_fields: Option<Sequence<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    usage: Written,
    metrics: Metrics,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<TierOut>,
}
