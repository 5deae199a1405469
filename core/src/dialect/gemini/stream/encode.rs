//! Events → a stream for a client.

use super::super::citations;
use super::super::content::{CallOut, PartOut};
use super::super::error;
use super::super::finish;
use super::super::logprobs;
use super::super::offsets::Offsets;
use super::super::response::{CandidateOut, ContentOut, ResponseOut};
use super::super::signature;
use super::super::usage::Written;
use crate::chat::{Citation, StopReason};
use crate::dialect::Asked;
use crate::dialect::arguments::Input;
use crate::dialect::wire;
use crate::fault::Fault;
use crate::frame::sse;
use crate::loss::Losses;
use crate::stream::Event;
use crate::usage::Usage;
use std::borrow::Cow;

/// How many answers one stream may have.
const CHOICES_MAX: usize = 128;
/// How many calls of one answer may be open at once.
const CALLS_MAX: usize = 1024;
/// How many bytes of arguments may be gathered at once: here a call is told whole.
const ARGUMENTS_BYTES_MAX: usize = 16 << 20;
/// How many sources of one answer are told.
const CITATIONS_MAX: usize = 1024;

/// Writes one stream. Holds open calls until they are whole, and the sources and the reasons until the end.
#[derive(Debug, Default)]
pub struct Encoder {
    over: bool,
    id: String,
    model: String,
    usage: Option<Usage>,
    choices: Vec<Held>,
    arguments_bytes: usize,
    losses: Losses,
}

/// What one answer has that cannot be said yet.
#[derive(Debug, Default)]
struct Held {
    index: u32,
    calls: Vec<Call>,
    text: Offsets,
    citations: Vec<Citation<'static>>,
    finish: Option<StopReason<'static>>,
}

#[derive(Debug)]
struct Call {
    tool: u32,
    id: String,
    name: String,
    signature: Option<String>,
    arguments: String,
}

impl Encoder {
    /// An encoder for one stream. Clients of this dialect always get the usage.
    pub fn new(_asked: Asked) -> Self {
        Self::default()
    }

    /// What has been told since the last time and cannot be said here.
    pub fn take_losses(&mut self) -> Losses {
        std::mem::take(&mut self.losses)
    }

    /// Appends what the event is in this dialect.
    ///
    /// A call is written once it is whole: with the next thing that its answer says, or with the answer's end. How the
    /// answers ended and what they used is written with [`Event::Done`], in the last chunk, since other dialects tell the
    /// usage after the end.
    ///
    /// # Errors
    /// A [`Fault`] for a piece of a call that has been written already, and where there is more of something than this
    /// encoder holds.
    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        if self.over {
            return Ok(());
        }
        match event {
            Event::Start { id, model } => {
                id.as_str().clone_into(&mut self.id);
                model.as_str().clone_into(&mut self.model);
            }
            Event::Text { choice, text } => {
                self.held(*choice)?.text.push(text);
                self.say_text(*choice, text, out)?;
            }
            Event::Refusal { choice, text } => self.say_text(*choice, text, out)?,
            Event::Thinking { choice, text } => {
                if !text.is_empty() {
                    self.say(*choice, PartOut::thought(text, None), out)?;
                }
            }
            Event::Signature { choice, signature } => {
                let proof = Cow::Owned(signature::signed(signature));
                self.say(*choice, PartOut::thought("", Some(proof)), out)?;
            }
            Event::ToolStart { choice, tool, id, name } => {
                let held = self.held(*choice)?;
                if held.calls.len() >= CALLS_MAX {
                    return Err(Fault::upstream(format!("the provider opened more than {CALLS_MAX} calls at once")));
                }
                held.calls.push(Call {
                    tool: *tool,
                    id: id.as_str().to_owned(),
                    name: name.as_str().to_owned(),
                    signature: None,
                    arguments: String::new(),
                });
            }
            Event::ToolSignature { choice, tool, signature } => {
                self.call(*choice, *tool)?.signature = Some(signature::signed(signature));
            }
            Event::ToolArguments { choice, tool, json } => {
                if !json.is_empty() {
                    self.gather(json.len())?;
                    self.call(*choice, *tool)?.arguments.push_str(json);
                }
            }
            Event::Citation { choice, citation } => {
                let held = self.held(*choice)?;
                if held.citations.len() < CITATIONS_MAX {
                    held.citations.push(owned(citation));
                } else {
                    self.losses.add("choices.citations");
                }
            }
            Event::Logprobs { choice, raw } => {
                if let Some(result) = logprobs::encode(raw) {
                    let candidate =
                        CandidateOut { index: *choice, logprobs_result: Some(result), ..CandidateOut::default() };
                    self.write(candidate, out);
                } else {
                    self.losses.add("choices.logprobs");
                }
            }
            Event::Finish { choice, reason } => {
                if finish::is_lost(reason) {
                    self.losses.add("finish_reason");
                }
                self.flush(*choice, out)?;
                self.held(*choice)?.finish = Some(kept(reason));
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Done => self.done(out)?,
            Event::Error(fault) => {
                sse::write(out, None, |out| error::write(fault, out));
                self.over = true;
            }
            Event::RedactedThinking { choice, data } => {
                let data = Cow::Owned(signature::redacted(data));
                self.say(*choice, PartOut::thought("", Some(data)), out)?;
            }
            Event::ServiceTier(tier) => {
                if !matches!(tier.as_str(), "standard" | "default") {
                    self.losses.add("service_tier");
                }
            }
            Event::PartEnd { .. } | Event::Ping | Event::Loss(_) => {}
        }
        Ok(())
    }

    fn held(&mut self, choice: u32) -> Result<&mut Held, Fault> {
        let at = self.choices.iter().position(|held| held.index == choice);
        if at.is_none() && self.choices.len() >= CHOICES_MAX {
            return Err(Fault::upstream(format!("the provider sent more than {CHOICES_MAX} choices")));
        }
        let at = at.unwrap_or_else(|| {
            self.choices.push(Held { index: choice, ..Held::default() });
            self.choices.len() - 1
        });
        self.choices.get_mut(at).ok_or_else(|| Fault::upstream("a choice that has just been met is gone"))
    }

    fn call(&mut self, choice: u32, tool: u32) -> Result<&mut Call, Fault> {
        self.held(choice)?.calls.iter_mut().find(|call| call.tool == tool).ok_or_else(|| {
            let message = format!(
                "the provider streamed a piece of tool call {tool} that had ended or never began; \
                 the Gemini API tells calls whole"
            );
            Fault::upstream(message).with_code("interleaved_tool_calls")
        })
    }

    fn gather(&mut self, bytes: usize) -> Result<(), Fault> {
        self.arguments_bytes = self.arguments_bytes.saturating_add(bytes);
        if self.arguments_bytes > ARGUMENTS_BYTES_MAX {
            let message = format!("the provider sent more than {ARGUMENTS_BYTES_MAX} bytes of tool arguments");
            return Err(Fault::upstream(message));
        }
        Ok(())
    }

    fn say_text(&mut self, choice: u32, text: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        if text.is_empty() { Ok(()) } else { self.say(choice, PartOut::text(text), out) }
    }

    fn say(&mut self, choice: u32, part: PartOut<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.flush(choice, out)?;
        let content = Some(ContentOut::of(vec![part]));
        self.write(CandidateOut { index: choice, content, ..CandidateOut::default() }, out);
        Ok(())
    }

    /// Writes the calls that are held, each in a chunk of its own.
    fn flush(&mut self, choice: u32, out: &mut Vec<u8>) -> Result<(), Fault> {
        for call in std::mem::take(&mut self.held(choice)?.calls) {
            self.arguments_bytes = self.arguments_bytes.saturating_sub(call.arguments.len());
            let args = Input::of(&call.arguments);
            if matches!(args, Input::Wrapped(_)) {
                self.losses.add("choices.message.tool_calls.function.arguments");
            }
            let part = PartOut {
                function_call: Some(CallOut { id: &call.id, name: Cow::Borrowed(&call.name), args }),
                thought_signature: call.signature.as_deref().map(Cow::Borrowed),
                ..PartOut::default()
            };
            let content = Some(ContentOut::of(vec![part]));
            self.write(CandidateOut { index: choice, content, ..CandidateOut::default() }, out);
        }
        Ok(())
    }

    fn write(&self, candidate: CandidateOut<'_>, out: &mut Vec<u8>) {
        self.write_all(vec![candidate], None, out);
    }

    fn write_all(&self, candidates: Vec<CandidateOut<'_>>, usage: Option<&Usage>, out: &mut Vec<u8>) {
        let chunk = ResponseOut {
            candidates,
            usage_metadata: usage.map(Written::from),
            model_version: &self.model,
            response_id: &self.id,
        };
        sse::write(out, None, |out| {
            let begin = out.len();
            wire::append(&chunk, out);
            // Arguments stand here as the model wrote them, maybe on several lines; an event's data is one line.
            let written = out.iter_mut().skip(begin).filter(|byte| matches!(byte, b'\n' | b'\r'));
            written.for_each(|byte| *byte = b' ');
        });
    }

    /// The last chunk: how every answer ended, and what was used. An answer that did not say how it ended was done.
    fn done(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.over = true;
        if self.choices.is_empty() {
            self.choices.push(Held::default());
        }
        let open: Vec<u32> = self.choices.iter().map(|held| held.index).collect();
        for choice in open {
            self.flush(choice, out)?;
        }
        let candidates = self.choices.iter().map(|held| CandidateOut {
            index: held.index,
            content: Some(ContentOut::of(vec![PartOut::text("")])),
            finish_reason: Some(finish::encode(held.finish.as_ref().unwrap_or(&StopReason::End))),
            grounding_metadata: citations::encode(held.citations.iter(), &held.text, &|_| (0, 0)),
            ..CandidateOut::default()
        });
        self.write_all(candidates.collect(), self.usage.as_ref(), out);
        Ok(())
    }
}

fn owned(citation: &Citation<'_>) -> Citation<'static> {
    let own = |text: &Option<crate::text::Str<'_>>| text.as_ref().map(|text| text.as_str().to_owned().into());
    Citation {
        span: citation.span,
        url: own(&citation.url),
        title: own(&citation.title),
        quote: own(&citation.quote),
        document: own(&citation.document),
    }
}

fn kept(reason: &StopReason<'_>) -> StopReason<'static> {
    match reason {
        StopReason::End => StopReason::End,
        StopReason::Sequence(_) => StopReason::Sequence(None),
        StopReason::Length => StopReason::Length,
        StopReason::ToolCalls => StopReason::ToolCalls,
        StopReason::Refused => StopReason::Refused,
        StopReason::Paused => StopReason::Paused,
        StopReason::Unknown(reason) => StopReason::Unknown(reason.as_str().to_owned().into()),
    }
}
