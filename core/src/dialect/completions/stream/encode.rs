//! Events → chunks for the client.

use super::super::logprobs;
use super::super::response::{note_lost_stop, reason};
use crate::dialect::Asked;
use crate::dialect::openai::error::ErrorBody;
use crate::dialect::openai::response::is_special;
use crate::dialect::openai::stream::CHOICES_MAX;
use crate::dialect::openai::usage::CountsOut;
use crate::dialect::wire;
use crate::fault::Fault;
use crate::frame::sse;
use crate::loss::Losses;
use crate::stream::Event;
use crate::usage::Usage;
use serde::Serialize;

/// Writes one stream to a client. Holds a few bytes for every answer, never what they say.
#[derive(Debug)]
pub struct Encoder {
    asked: Asked,
    /// `{"id":…,"object":…,"created":…,"model":…`
    head: Vec<u8>,
    over: bool,
    choices: Vec<Choice>,
    /// The latest usage; written at the end, if the client asked for it.
    usage: Option<Usage>,
    losses: Losses,
}

/// One answer of the stream.
#[derive(Debug)]
struct Choice {
    index: u32,
    finished: bool,
    /// Where its next token begins, in characters.
    offset: u64,
}

#[derive(Serialize)]
struct ChoiceOut<'b> {
    text: &'b str,
    index: u32,
    logprobs: Option<logprobs::Written>,
    finish_reason: Option<&'static str>,
}

impl Encoder {
    /// An encoder for a client that asked this.
    pub fn new(asked: Asked) -> Self {
        let (head, choices, usage, losses) = (Vec::new(), Vec::new(), None, Losses::default());
        Self { asked, head, over: false, choices, usage, losses }
    }

    /// What has been told since the last time and cannot be said in this dialect.
    pub fn take_losses(&mut self) -> Losses {
        std::mem::take(&mut self.losses)
    }

    /// Appends what the event is in this dialect to `out`.
    ///
    /// # Errors
    /// A [`Fault`] for one answer too many.
    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        if self.over {
            return Ok(());
        }
        match event {
            Event::Start { id, model } => self.start(id, model),
            Event::Text { choice, text } | Event::Refusal { choice, text } => self.text(*choice, text, out)?,
            Event::Logprobs { choice, raw } => {
                let known = self.choice(*choice)?;
                let (offset, logprobs) = logprobs::of_hub(raw, known.offset);
                known.offset = offset;
                if logprobs.is_some() {
                    self.write(&ChoiceOut { text: "", index: *choice, logprobs, finish_reason: None }, out);
                }
            }
            Event::Finish { choice, reason: stop } => {
                if !std::mem::replace(&mut self.choice(*choice)?.finished, true) {
                    note_lost_stop(stop, &mut self.losses);
                    let finish_reason = Some(reason(stop));
                    self.write(&ChoiceOut { text: "", index: *choice, logprobs: None, finish_reason }, out);
                }
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Done => self.done(out),
            Event::Error(fault) => {
                self.over = true;
                sse::write(out, None, |out| json(&ErrorBody::from(fault), out));
            }
            // A comment line without a blank line behind it: some SDKs take any blank line for an event.
            Event::Ping => out.extend_from_slice(b": ping\n"),
            Event::Citation { .. } => self.losses.add("content.citations"),
            Event::Thinking { .. } | Event::RedactedThinking { .. } => self.losses.add("content.thinking"),
            Event::ToolStart { .. } => self.losses.add("content.tool_call"),
            Event::ServiceTier(tier) if is_special(tier) => self.losses.add("service_tier"),
            Event::Signature { .. }
            | Event::ToolSignature { .. }
            | Event::ToolArguments { .. }
            | Event::PartEnd { .. }
            | Event::ServiceTier(_)
            | Event::Loss(_) => {}
        }
        Ok(())
    }

    fn start(&mut self, id: &str, model: &str) {
        if !self.head.is_empty() {
            return;
        }
        let Self { head, asked, .. } = self;
        head.extend_from_slice(b"{\"id\":");
        json(id, head);
        head.extend_from_slice(b",\"object\":\"text_completion\",\"created\":");
        json(&asked.now, head);
        head.extend_from_slice(b",\"model\":");
        json(model, head);
    }

    fn text(&mut self, index: u32, text: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.choice(index)?;
        if !text.is_empty() {
            self.write(&ChoiceOut { text, index, logprobs: None, finish_reason: None }, out);
        }
        Ok(())
    }

    /// The answer of this number.
    fn choice(&mut self, index: u32) -> Result<&mut Choice, Fault> {
        let at = match self.choices.iter().position(|choice| choice.index == index) {
            Some(at) => at,
            None if self.choices.len() == CHOICES_MAX => {
                return Err(Fault::upstream(format!("the provider's stream has more than {CHOICES_MAX} answers")));
            }
            None => {
                self.choices.push(Choice { index, finished: false, offset: 0 });
                self.choices.len() - 1
            }
        };
        self.choices.get_mut(at).ok_or_else(|| Fault::upstream("the provider's stream has no such answer"))
    }

    /// Writes a chunk with one choice.
    fn write(&mut self, choice: &ChoiceOut<'_>, out: &mut Vec<u8>) {
        self.chunk(out, |out, stream_usage| {
            out.push(b'[');
            json(choice, out);
            // "All other chunks will also include a `usage` field, but with a null value."
            out.extend_from_slice(if stream_usage { b"],\"usage\":null" } else { b"]" });
        });
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        self.over = true;
        if let Some(usage) = self.usage.filter(|_| self.asked.stream_usage) {
            self.chunk(out, |out, _| {
                out.extend_from_slice(b"[],\"usage\":");
                json(&CountsOut::from(&usage), out);
            });
        }
        sse::write(out, None, |out| out.extend_from_slice(b"[DONE]"));
    }

    fn chunk(&mut self, out: &mut Vec<u8>, choices: impl FnOnce(&mut Vec<u8>, bool)) {
        self.start("", "");
        sse::write(out, None, |out| {
            out.extend_from_slice(&self.head);
            out.extend_from_slice(b",\"choices\":");
            choices(out, self.asked.stream_usage);
            out.push(b'}');
        });
    }
}

fn json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    wire::append(value, out);
}
