//! Events → a stream for a client.
//!
//! What an event has said is held until the end, since `.done` events and the last one repeat it; up to
//! [`HELD_BYTES_MAX`](super::held::HELD_BYTES_MAX) bytes, beyond which the stream ends with an error.
//!
//! Words are one part of one message, however the provider cut them, until something else comes. Calls may be streamed
//! side by side: each is done when the provider says so, or when something else comes.

use super::done::{item_done, part_done};
use super::held::{Answer, Finish};
use super::told::{Teller, Told, json};
use crate::chat::{Citation, Response};
use crate::dialect::Asked;
use crate::dialect::openai::error::ErrorBody;
use crate::dialect::openai::response::{note_lost_stop, service_tier};
use crate::dialect::responses::item::{
    Call, Cited, Content, Item, Logprobs, REDACTED, State, TOOL_SIGNATURE, Words, WrittenPart,
};
use crate::dialect::wire::{Raw, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::stream::{Event, replay};
use serde_json::value::RawValue;

/// A stream of this dialect has one answer; those beyond it cannot be said.
const CHOICE: u32 = 0;

wire! {
    /// Log probabilities as the hub has them.
    struct ChatLogprobs<'a> { content: Raw<'a>, refusal: Raw<'a> }
}

/// Writes one stream to a client.
#[derive(Debug)]
pub struct Encoder {
    stage: Stage,
    pub(super) teller: Teller,
    pub(super) answer: Answer,
    /// How many characters of text came before the hub's part that is being said.
    part_from: u64,
    losses: Losses,
}

/// How far the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// `response.created` has not been written.
    Before,
    /// Between that and the last event.
    Within,
    /// Closed, by its last event or an error.
    Over,
}

impl Encoder {
    /// An encoder for an answer to this request.
    pub fn new(asked: Asked) -> Self {
        let (teller, answer) = (Teller::new(false), Answer::new(asked, true));
        Self { stage: Stage::Before, teller, answer, part_from: 0, losses: Losses::default() }
    }

    /// What has been told since the last time and cannot be said here.
    pub fn take_losses(&mut self) -> Losses {
        std::mem::take(&mut self.losses)
    }

    /// A whole answer, which is what its stream would end with.
    pub(in crate::dialect::responses) fn whole(response: &Response<'_>, asked: Asked) -> Vec<u8> {
        let mut encoder =
            Self { teller: Teller::new(true), answer: Answer::new(asked, false), ..Self::new(Asked::default()) };
        encoder.answer.created = response.created;
        let mut out = Vec::new();
        // Without its bounds nothing that is replayed in order is refused.
        let _told = replay(response, &mut |event| encoder.event(&event, &mut out));
        encoder.answer.write(encoder.answer.end().0, None, &mut out);
        out
    }

    /// Appends what the event is in this dialect to `out`: whole SSE events.
    ///
    /// # Errors
    /// A [`Fault`] for an answer that is longer or has more parts than is held, and for arguments of a call that did not
    /// begin or is done.
    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        if self.stage == Stage::Over || (self.answer.finish.is_some() && !closes(event)) {
            return Ok(());
        }
        self.note_what_is_lost(event);
        match event {
            Event::Start { id, model } => self.start(id, model, out),
            Event::Finish { choice: CHOICE, reason } => self.finish(Finish::from(reason), out),
            Event::Usage(usage) => self.answer.usage = Some(*usage),
            Event::ServiceTier(tier) => self.answer.tier = Some(tier.as_str().to_owned()),
            // A comment line without a blank line behind it: some SDKs take any blank line for an event.
            Event::Ping => out.extend_from_slice(b": ping\n"),
            Event::Done => self.done(out),
            Event::Error(fault) => self.fail(fault, out),
            Event::Text { choice: CHOICE, text } => self.words(text, false, out)?,
            Event::Refusal { choice: CHOICE, text } => self.words(text, true, out)?,
            Event::Thinking { choice: CHOICE, text } => self.thinking(text, out)?,
            Event::Signature { choice: CHOICE, signature } => self.signature(signature, out)?,
            Event::RedactedThinking { choice: CHOICE, data } => self.sealed(&format!("{REDACTED}{data}"), out)?,
            Event::ToolStart { choice: CHOICE, tool, id, name } => self.tool_start(*tool, id, name, out)?,
            Event::ToolSignature { choice: CHOICE, signature, .. } => {
                self.sealed(&format!("{TOOL_SIGNATURE}{signature}"), out)?;
            }
            Event::ToolArguments { choice: CHOICE, tool, json } => self.tool_arguments(*tool, json, out)?,
            Event::Citation { choice: CHOICE, citation } => self.citation(citation, out)?,
            Event::Logprobs { choice: CHOICE, raw } => self.logprobs(raw, out)?,
            Event::PartEnd { choice: CHOICE } => self.part_end(out),
            Event::Text { .. }
            | Event::Refusal { .. }
            | Event::Thinking { .. }
            | Event::Signature { .. }
            | Event::RedactedThinking { .. }
            | Event::ToolStart { .. }
            | Event::ToolSignature { .. }
            | Event::ToolArguments { .. }
            | Event::Citation { .. }
            | Event::Logprobs { .. }
            | Event::PartEnd { .. }
            | Event::Finish { .. } => self.losses.add("choices"),
            Event::Loss(_) => {}
        }
        Ok(())
    }

    fn note_what_is_lost(&mut self, event: &Event<'_>) {
        match event {
            Event::Finish { choice: CHOICE, reason } => note_lost_stop(reason, &mut self.losses),
            Event::ServiceTier(tier) if service_tier(tier).is_none() => self.losses.add("service_tier"),
            Event::Citation { choice: CHOICE, citation } if citation.quote.is_some() => {
                self.losses.add("content.citations.quote");
            }
            Event::Start { .. }
            | Event::Finish { .. }
            | Event::Usage(_)
            | Event::ServiceTier(_)
            | Event::Ping
            | Event::Done
            | Event::Error(_)
            | Event::Text { .. }
            | Event::Refusal { .. }
            | Event::Thinking { .. }
            | Event::Signature { .. }
            | Event::RedactedThinking { .. }
            | Event::ToolStart { .. }
            | Event::ToolSignature { .. }
            | Event::ToolArguments { .. }
            | Event::Citation { .. }
            | Event::Logprobs { .. }
            | Event::PartEnd { .. }
            | Event::Loss(_) => {}
        }
    }

    fn start(&mut self, id: &str, model: &str, out: &mut Vec<u8>) {
        if self.stage != Stage::Before {
            return;
        }
        self.stage = Stage::Within;
        self.answer.begin(id, model);
        self.answer("response.created", State::InProgress, None, out);
        self.answer("response.in_progress", State::InProgress, None, out);
    }

    /// Writes an event about the whole answer.
    fn answer(&mut self, kind: &'static str, status: State, fault: Option<&Fault>, out: &mut Vec<u8>) {
        let Self { teller, answer, .. } = self;
        teller.tell_with(kind, out, |out| {
            out.extend_from_slice(b",\"response\":");
            answer.write(status, fault, out);
        });
    }

    /// Adds an item, after those that something else has ended; calls go on side by side.
    fn add(&mut self, content: Content, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.start("", "", out);
        let beside = matches!(content, Content::Call(_));
        self.close(State::Completed, |item| !(beside && matches!(item.content, Content::Call(_))), out);
        self.push(content, out)
    }

    fn push(&mut self, content: Content, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.answer.add(content)?;
        if let Some(item) = self.answer.items.last() {
            self.teller.tell("response.output_item.added", Told::item(item.written(), item.index), out);
        }
        Ok(())
    }

    fn words(&mut self, text: &str, is_refusal: bool, out: &mut Vec<u8>) -> Result<(), Fault> {
        if text.is_empty() {
            return Ok(());
        }
        if !matches!(
            self.answer.items.last(),
            Some(Item { state: State::InProgress, content: Content::Message(_), .. })
        ) {
            self.add(Content::Message(Vec::new()), out)?;
        }
        self.answer.hold(text.len())?;
        let Self { teller, answer, part_from, .. } = self;
        let Some(Item { id, index, content: Content::Message(parts), .. }) = answer.items.last_mut() else {
            return Ok(());
        };
        let output_index = *index;
        if parts.last().is_none_or(|last| last.is_refusal != is_refusal) {
            part_done(teller, (id, output_index), parts, out);
            let content_index = Some(parts.len());
            let chars_before = answer.chars;
            *part_from = chars_before;
            let new =
                Words { is_refusal, text: String::new(), chars_before, citations: Vec::new(), logprobs: String::new() };
            let told = Told { content_index, part: Some(new.written()), ..Told::of(id, output_index) };
            teller.tell("response.content_part.added", told, out);
            parts.push(new);
        }
        let content_index = Some(parts.len().saturating_sub(1));
        let Some(part) = parts.last_mut() else { return Ok(()) };
        part.text.push_str(text);
        let told = Told { content_index, delta: Some(text), ..Told::of(id, output_index) };
        if is_refusal {
            teller.tell("response.refusal.delta", told, out);
        } else {
            answer.chars = answer.chars.saturating_add(text.chars().count() as u64);
            teller.tell("response.output_text.delta", Told { logprobs: Some(Logprobs("")), ..told }, out);
        }
        Ok(())
    }

    fn thinking(&mut self, thought: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        if thought.is_empty() {
            return Ok(());
        }
        let last = self.answer.items.last();
        if !matches!(last, Some(Item { state: State::InProgress, content: Content::Reasoning { .. }, .. })) {
            self.add(Content::Reasoning { text: String::new(), sealed: None }, out)?;
        }
        self.answer.hold(thought.len())?;
        let Self { teller, answer, .. } = self;
        let Some(Item { id, index, content: Content::Reasoning { text, .. }, .. }) = answer.items.last_mut() else {
            return Ok(());
        };
        let about = |id| Told { summary_index: Some(0), ..Told::of(id, *index) };
        if text.is_empty() {
            let part = Some(WrittenPart::SummaryText { text: "" });
            teller.tell("response.reasoning_summary_part.added", Told { part, ..about(id) }, out);
        }
        text.push_str(thought);
        teller.tell("response.reasoning_summary_text.delta", Told { delta: Some(thought), ..about(id) }, out);
        Ok(())
    }

    /// The proof of the thought that is open; of one that stays dark if there is none.
    fn signature(&mut self, signature: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        let last = self.answer.items.last();
        if !matches!(last, Some(Item { state: State::InProgress, content: Content::Reasoning { .. }, .. })) {
            self.add(Content::Reasoning { text: String::new(), sealed: None }, out)?;
        }
        self.seal(signature, out)
    }

    /// A thought, or a proof, that only its provider can read. Calls that are open go on.
    fn sealed(&mut self, data: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.start("", "", out);
        self.close(State::Completed, |item| !matches!(item.content, Content::Call(_)), out);
        self.push(Content::Reasoning { text: String::new(), sealed: None }, out)?;
        self.seal(data, out)
    }

    fn seal(&mut self, data: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.answer.hold(data.len())?;
        if let Some(Item { content: Content::Reasoning { sealed, .. }, .. }) = self.answer.items.last_mut() {
            *sealed = Some(data.to_owned());
        }
        self.close(State::Completed, |item| matches!(item.content, Content::Reasoning { .. }), out);
        Ok(())
    }

    fn tool_start(&mut self, tool: u32, id: &str, name: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.answer.hold(id.len().saturating_add(name.len()))?;
        let was = self.answer.echo().tool(name);
        let call = Call {
            tool,
            call_id: id.to_owned(),
            name: was.map_or_else(|| name.to_owned(), |was| was.name.clone()),
            namespace: was.and_then(|was| was.namespace.clone()),
            is_freeform: was.is_some_and(|was| was.is_freeform),
            arguments: String::new(),
        };
        self.add(Content::Call(call), out)
    }

    fn tool_arguments(&mut self, tool: u32, json: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        if json.is_empty() {
            return Ok(());
        }
        self.answer.hold(json.len())?;
        let Self { teller, answer, .. } = self;
        let found = answer.items.iter_mut().rev().find_map(|item| match item {
            Item { id, index, state: State::InProgress, content: Content::Call(call) } if call.tool == tool => {
                Some((*index, id, call))
            }
            Item { .. } => None,
        });
        let Some((index, id, call)) = found else {
            let message = format!("the provider streamed arguments of tool call {tool}, which is not open");
            return Err(Fault::upstream(message));
        };
        call.arguments.push_str(json);
        // A free text can be taken out of its JSON only when that is whole.
        if !call.is_freeform {
            let told = Told { delta: Some(json), ..Told::of(id, index) };
            teller.tell("response.function_call_arguments.delta", told, out);
        }
        Ok(())
    }

    /// Hangs a source on the words before it.
    fn citation(&mut self, citation: &Citation<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let Self { teller, answer, part_from, .. } = self;
        let (from, to) = citation.span.unwrap_or((*part_from, answer.chars));
        let Some((index, id, _, (at, part))) = last_text(&mut answer.items) else { return Ok(()) };
        let within = |place: u64| place.saturating_sub(part.chars_before);
        let cited = Cited::new(citation, (within(from), within(to)));
        let bytes = cited.bytes();
        let told = Told {
            content_index: Some(at),
            annotation_index: Some(part.citations.len()),
            annotation: Some(cited.written()),
            ..Told::of(id, index)
        };
        teller.tell("response.output_text.annotation.added", told, out);
        part.citations.push(cited);
        answer.hold(bytes)
    }

    /// Log probabilities come behind the words that they are of; here they come with a delta.
    fn logprobs(&mut self, raw: &RawValue, out: &mut Vec<u8>) -> Result<(), Fault> {
        let Ok(ChatLogprobs { content: Some(content), .. }) = serde_json::from_str(raw.get()) else { return Ok(()) };
        let list = content.get().trim();
        let Some(entries) = list.strip_prefix('[').and_then(|list| list.strip_suffix(']')) else { return Ok(()) };
        // A line end between two values would end the line of the event; in a string it cannot stand.
        let entries = entries.trim().replace(['\n', '\r'], " ");
        let Self { teller, answer, .. } = self;
        let Some((index, id, is_open, (at, part))) = last_text(&mut answer.items) else { return Ok(()) };
        if entries.is_empty() {
            return Ok(());
        }
        if !part.logprobs.is_empty() {
            part.logprobs.push(',');
        }
        part.logprobs.push_str(&entries);
        if is_open {
            let logprobs = Some(Logprobs(&entries));
            let told = Told { content_index: Some(at), delta: Some(""), logprobs, ..Told::of(id, index) };
            teller.tell("response.output_text.delta", told, out);
        }
        answer.hold(entries.len())
    }

    fn part_end(&mut self, out: &mut Vec<u8>) {
        self.part_from = self.answer.chars;
        let open = |item: &&Item| item.state == State::InProgress;
        let mut calls = self.answer.items.iter().filter(open).filter(|item| matches!(item.content, Content::Call(_)));
        let is_one_call = calls.next().is_some() && calls.next().is_none();
        self.close(
            State::Completed,
            |item| match item.content {
                Content::Message(_) => false,
                Content::Reasoning { .. } => true,
                // Of several that are open nobody knows which one has ended.
                Content::Call(_) => is_one_call,
            },
            out,
        );
    }

    fn finish(&mut self, finish: Finish, out: &mut Vec<u8>) {
        if self.answer.finish.is_none() {
            self.answer.finish = Some(finish);
            self.close(self.answer.end().0, |_| true, out);
        }
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        self.start("", "", out);
        self.close(State::Completed, |_| true, out);
        self.stage = Stage::Over;
        let (state, reason) = self.answer.end();
        let kind = if reason.is_some() { "response.incomplete" } else { "response.completed" };
        self.answer(kind, state, None, out);
    }

    /// SDKs raise the `error` event, others wait for the answer to fail.
    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        let is_begun = self.stage == Stage::Within;
        self.stage = Stage::Over;
        self.teller.tell_with("error", out, |out| {
            out.extend_from_slice(b",\"code\":");
            json(&fault.code, out);
            out.extend_from_slice(b",\"message\":");
            json(&fault.message, out);
            out.extend_from_slice(b",\"param\":");
            json(&fault.param, out);
            out.push(b',');
            // `{"error":{…}}` without its braces.
            let error = serde_json::to_vec(&ErrorBody::from(fault)).unwrap_or_default();
            out.extend_from_slice(error.get(1..error.len().saturating_sub(1)).unwrap_or_default());
        });
        if is_begun {
            self.answer("response.failed", State::Failed, Some(fault), out);
        }
    }

    /// Ends the open items that `which` names.
    fn close(&mut self, state: State, which: impl Fn(&Item) -> bool, out: &mut Vec<u8>) {
        let Self { teller, answer, .. } = self;
        for item in &mut answer.items {
            if item.state == State::InProgress && which(item) {
                item.state = state;
                item_done(teller, item, out);
            }
        }
    }
}

/// What may come when the answer has ended.
fn closes(event: &Event<'_>) -> bool {
    matches!(event, Event::Usage(_) | Event::ServiceTier(_) | Event::Ping | Event::Done | Event::Error(_))
}

/// The part of text that came last: its item's index and id, whether that is open, its own index and itself.
fn last_text(items: &mut [Item]) -> Option<(usize, &str, bool, (usize, &mut Words))> {
    items.iter_mut().rev().find_map(|Item { id, index, state, content }| match content {
        Content::Message(parts) => {
            let part = parts.iter_mut().enumerate().rev().find(|(_, part)| !part.is_refusal)?;
            Some((*index, id.as_str(), *state == State::InProgress, part))
        }
        Content::Reasoning { .. } | Content::Call(_) => None,
    })
}
