//! Events → a stream for a client.

use super::super::charge::{Written, tier};
use super::super::citation::CitationOut;
use super::super::error;
use super::super::response::ID_UNKNOWN;
use super::super::stop::{self, Held};
use crate::chat::{Citation, StopReason};
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
    finish: Option<StopReason<'static>>,
    usage: Usage,
    /// The service tier, where it was told before the message begins: `message_start` alone has a place for it.
    tier: Option<&'static str>,
    losses: Losses,
}

/// How far the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// `message_start` has not been written.
    Before,
    /// Between `message_start` and `message_stop`.
    Within,
    /// Closed, by its last event or an error.
    Over,
}

/// The block that is being written; there is one at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Nothing,
    Text,
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
    /// A [`Fault`] for a piece of a tool call whose block is closed: blocks come one after the other here, so calls that
    /// are streamed side by side cannot be said.
    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        if self.state == State::Over {
            return Ok(());
        }
        match event {
            Event::Start { id, model } => self.start(id, model, out),
            Event::Text { choice: CHOICE, text } => self.text(text, out),
            Event::Refusal { choice: CHOICE, text } => {
                self.held.refusal = true;
                self.text(text, out);
            }
            Event::Thinking { choice: CHOICE, text } => {
                if !text.is_empty() {
                    self.open(Open::Thinking, &BlockStart::Thinking { thinking: "", signature: "" }, out);
                    self.delta(&Delta::ThinkingDelta { thinking: text }, out);
                }
            }
            Event::Signature { choice: CHOICE, signature } => {
                self.open(Open::Thinking, &BlockStart::Thinking { thinking: "", signature: "" }, out);
                self.delta(&Delta::SignatureDelta { signature }, out);
                self.open = Open::Signed;
            }
            Event::RedactedThinking { choice: CHOICE, data } => {
                self.open(Open::Signed, &BlockStart::RedactedThinking { data }, out);
                self.close(out);
            }
            Event::ToolStart { choice: CHOICE, tool, id, name } => {
                self.held.tools = true;
                self.open(Open::Tool(*tool), &BlockStart::ToolUse { id, name, input: Empty {} }, out);
            }
            Event::ToolArguments { choice: CHOICE, tool, json } => self.arguments(*tool, json, out)?,
            Event::PartEnd { choice: CHOICE } => self.close(out),
            Event::Citation { choice: CHOICE, citation } => self.citation(citation, out),
            Event::ToolSignature { choice: CHOICE, .. } => self.losses.add("tool_calls.signature"),
            Event::Finish { choice: CHOICE, reason } => {
                if let StopReason::Unknown(reason) = reason {
                    self.losses.add_unknown("finish_reason", reason);
                }
                self.finish = Some(owned(reason));
            }
            Event::Usage(usage) => {
                if usage.audio_input > 0 || usage.audio_output > 0 {
                    self.losses.add("usage.audio_tokens");
                }
                self.usage = *usage;
            }
            Event::ServiceTier(spelled) => {
                self.tier = tier(spelled);
                // After `message_start` there is no place for it.
                if self.tier.is_none() || self.state != State::Before {
                    self.losses.add("service_tier");
                }
            }
            Event::Logprobs { .. } => self.losses.add("choices.logprobs"),
            // The API pings only once the message has begun.
            Event::Ping if self.state == State::Within => write(out, "ping", &Bare { kind: "ping" }),
            Event::Done => self.done(out),
            Event::Error(fault) => {
                sse::write(out, Some("error"), |out| error::write(fault, out));
                self.state = State::Over;
            }
            Event::Text { .. }
            | Event::Refusal { .. }
            | Event::Thinking { .. }
            | Event::Signature { .. }
            | Event::RedactedThinking { .. }
            | Event::ToolStart { .. }
            | Event::ToolSignature { .. }
            | Event::ToolArguments { .. }
            | Event::Citation { .. }
            | Event::Finish { .. } => self.losses.add("choices"),
            Event::PartEnd { .. } | Event::Ping | Event::Loss(_) => {}
        }
        Ok(())
    }

    fn start(&mut self, id: &str, model: &str, out: &mut Vec<u8>) {
        if self.state != State::Before {
            return;
        }
        self.state = State::Within;
        let message = MessageStart {
            kind: "message_start",
            message: Message {
                id: if id.is_empty() { ID_UNKNOWN } else { id },
                kind: "message",
                role: "assistant",
                model,
                content: [],
                stop_reason: None,
                stop_sequence: None,
                usage: Written::new(&self.usage, self.tier),
            },
        };
        write(out, "message_start", &message);
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        if !text.is_empty() {
            self.open(Open::Text, &BlockStart::Text { text: "" }, out);
            self.delta(&Delta::TextDelta { text }, out);
        }
    }

    fn citation(&mut self, citation: &Citation<'_>, out: &mut Vec<u8>) {
        let mut losses = std::mem::take(&mut self.losses);
        if let Some(citation) = CitationOut::of(citation, None, &mut losses) {
            self.open(Open::Text, &BlockStart::Text { text: "" }, out);
            self.delta(&Delta::CitationsDelta { citation }, out);
        }
        self.losses = losses;
    }

    fn arguments(&mut self, tool: u32, json: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        if json.is_empty() {
            return Ok(());
        }
        if self.open != Open::Tool(tool) {
            let message = format!(
                "the provider streamed arguments of tool call {tool} while another part was open; \
                 the Anthropic messages API cannot say parts side by side"
            );
            return Err(Fault::upstream(message).with_code("interleaved_tool_calls"));
        }
        self.delta(&Delta::InputJsonDelta { partial_json: json }, out);
        Ok(())
    }

    /// Sees to it that this block is the open one. A tool call or an opaque thought is always a new one.
    fn open(&mut self, wanted: Open, start: &BlockStart<'_>, out: &mut Vec<u8>) {
        if self.open == wanted && matches!(wanted, Open::Text | Open::Thinking) {
            return;
        }
        self.start("", "", out);
        self.close(out);
        let event = ContentBlockStart { kind: "content_block_start", index: self.blocks, content_block: start };
        write(out, "content_block_start", &event);
        self.open = wanted;
    }

    fn delta(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let event = ContentBlockDelta { kind: "content_block_delta", index: self.blocks, delta };
        write(out, "content_block_delta", &event);
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open == Open::Nothing {
            return;
        }
        write(out, "content_block_stop", &ContentBlockStop { kind: "content_block_stop", index: self.blocks });
        self.blocks = self.blocks.saturating_add(1);
        self.open = Open::Nothing;
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        self.start("", "", out);
        self.close(out);
        let reason = self.finish.as_ref().unwrap_or(&StopReason::End);
        let event = MessageDelta {
            kind: "message_delta",
            delta: StopDelta { stop_reason: stop::encode(reason, self.held), stop_sequence: stop::sequence(reason) },
            usage: Written::new(&self.usage, None),
        };
        write(out, "message_delta", &event);
        write(out, "message_stop", &Bare { kind: "message_stop" });
        self.state = State::Over;
    }
}

fn owned(reason: &StopReason<'_>) -> StopReason<'static> {
    match reason {
        StopReason::End => StopReason::End,
        StopReason::Sequence(sequence) => {
            StopReason::Sequence(sequence.as_ref().map(|sequence| sequence.as_str().to_owned().into()))
        }
        StopReason::Length => StopReason::Length,
        StopReason::ToolCalls => StopReason::ToolCalls,
        StopReason::Refused => StopReason::Refused,
        StopReason::Paused => StopReason::Paused,
        StopReason::Unknown(reason) => StopReason::Unknown(reason.as_str().to_owned().into()),
    }
}

/// Appends one event under its name.
fn write(out: &mut Vec<u8>, name: &'static str, event: &impl Serialize) {
    sse::write(out, Some(name), |out| {
        wire::append(event, out);
    });
}

#[derive(Serialize)]
struct Bare {
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct MessageStart<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: Message<'a>,
}

#[derive(Serialize)]
struct Message<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: &'a str,
    content: [(); 0],
    stop_reason: Option<&'a str>,
    stop_sequence: Option<&'a str>,
    usage: Written<'a>,
}

#[derive(Serialize)]
struct ContentBlockStart<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: u32,
    content_block: &'a BlockStart<'a>,
}

/// A block as it begins. SDKs gather the deltas into it, so every field has to be there.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum BlockStart<'a> {
    Text { text: &'a str },
    Thinking { thinking: &'a str, signature: &'a str },
    RedactedThinking { data: &'a str },
    ToolUse { id: &'a str, name: &'a str, input: Empty },
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct ContentBlockDelta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: u32,
    delta: &'a Delta<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(clippy::enum_variant_names, reason = "the API's names")]
enum Delta<'a> {
    TextDelta { text: &'a str },
    ThinkingDelta { thinking: &'a str },
    SignatureDelta { signature: &'a str },
    InputJsonDelta { partial_json: &'a str },
    CitationsDelta { citation: CitationOut<'a> },
}

#[derive(Serialize)]
struct ContentBlockStop {
    #[serde(rename = "type")]
    kind: &'static str,
    index: u32,
}

#[derive(Serialize)]
struct MessageDelta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    delta: StopDelta<'a>,
    usage: Written<'a>,
}

#[derive(Serialize)]
struct StopDelta<'a> {
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
}
