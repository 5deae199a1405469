//! A provider's stream → events.
//!
//! Words come as deltas; `.done` events and the last one repeat what was said, and are read only for what no delta said:
//! servers that imitate this API leave out one or the other.

use super::ITEMS_MAX;
use crate::dialect::openai::error;
use crate::dialect::openai::json::{self, text_of};
use crate::dialect::responses::answer::{Annotation, Head, Item, failure};
use crate::dialect::responses::item::{REDACTED, TOOL_SIGNATURE};
use crate::dialect::responses::response::decode::{chat_logprobs, entries};
use crate::dialect::responses::usage::Counts;
use crate::dialect::responses::{label, stop};
use crate::dialect::wire::{Raw, wire};
use crate::edit::quoted;
use crate::fault::Fault;
use crate::frame::sse::Frame;
use crate::stream::Event;
use crate::text::Str;

/// A stream of this dialect has one answer.
const CHOICE: u32 = 0;

wire! {
    /// Any event: the fields of all types in one.
    struct AnyEvent<'a> {
        kind "type": Str<'a>,
        response: Head<'a>,
        item: Box<Item<'a>>,
        output_index: u64,
        content_index: u64,
        summary_index: u64,
        delta: Raw<'a>,
        arguments: Raw<'a>,
        logprobs: Raw<'a>,
        annotation: Box<Annotation<'a>>,
    }
}

/// What a decoder tells its events to.
type Emit<'e> = &'e mut dyn FnMut(Event<'_>);

/// Reads one stream of a provider. Holds a few numbers for each item that is open, never what it says.
#[derive(Debug, Default)]
pub struct Decoder {
    stage: Stage,
    open: Vec<Open>,
    /// How many calls have begun.
    tools: u32,
    refused: bool,
    tier: Option<String>,
    /// Characters of the answer's text so far.
    chars: u64,
    /// The part that is being said, and how many characters came before it.
    part: (u64, u64),
    part_from: u64,
    /// Losses that have been told: once each is enough.
    told: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Before,
    Within,
    Over,
}

/// An item that has begun and not ended.
#[derive(Debug)]
struct Open {
    index: u64,
    /// The number of its call.
    tool: Option<u32>,
    /// The tool takes free text.
    is_freeform: bool,
    /// Something of it has been told.
    said: bool,
    cited: bool,
    /// Which part of a thought's summary is being told.
    summary_index: u64,
}

impl Decoder {
    /// Takes one frame. The type in the data counts; the frame's name stands in where the data have none.
    ///
    /// # Errors
    /// A [`Fault`] of kind `Upstream` for a frame that is not JSON, and for more items than are followed.
    pub fn frame(&mut self, frame: &Frame<'_>, emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Fault> {
        let data = frame.data.trim_ascii();
        // Some servers close with chat's last event, behind their own.
        if self.stage == Stage::Over || data.is_empty() || data.starts_with(b"[DONE]") {
            return Ok(());
        }
        let name = frame.event.and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
        if name == "error" {
            self.fail(error::decode_in_stream(data), emit);
            return Ok(());
        }
        let mut event: AnyEvent<'_> = json::read_answer(data, "an event of the provider's stream")?;
        let kind = event.kind.take().unwrap_or_else(|| Str::from(name));
        match kind.as_str() {
            "response.output_text.delta" => self.text(&event, emit)?,
            "response.refusal.delta" => {
                self.refused = true;
                self.say(&event, |text| Event::Refusal { choice: CHOICE, text }, emit)?;
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => self.thought(&event, emit)?,
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                self.arguments(&event, emit)?;
            }
            "response.function_call_arguments.done" => self.arguments_done(&event, emit),
            "response.output_text.annotation.added" => self.annotation(event, emit)?,
            "response.output_item.added" => self.item_added(event, emit)?,
            "response.output_item.done" => self.item_done(event, emit)?,
            "response.created" | "response.in_progress" | "response.queued" => self.head(&mut event, emit),
            "response.completed" | "response.incomplete" => {
                self.end(kind.as_str() == "response.completed", event, emit)
            }
            "response.failed" => {
                let head = event.response.take().unwrap_or_default();
                let fault = failure(head.error);
                if let Some(usage) = head.usage.and_then(Counts::into_usage) {
                    emit(Event::Usage(usage));
                }
                self.fail(fault, emit);
            }
            "error" => self.fail(error::decode_in_stream(data), emit),
            "keepalive" => emit(Event::Ping),
            // What they say has been said, or is said by the item when it is done.
            "response.output_text.done"
            | "response.refusal.done"
            | "response.content_part.added"
            | "response.content_part.done"
            | "response.reasoning_summary_part.added"
            | "response.reasoning_summary_part.done"
            | "response.reasoning_summary_text.done"
            | "response.reasoning_text.done"
            | "response.custom_tool_call_input.done" => {}
            _ => self.lose("stream.event", emit),
        }
        Ok(())
    }

    fn fail(&mut self, fault: Fault, emit: Emit<'_>) {
        self.stage = Stage::Over;
        emit(Event::Error(fault));
    }

    /// What an event says about the answer as a whole.
    fn head(&mut self, event: &mut AnyEvent<'_>, emit: Emit<'_>) {
        let Some(head) = &mut event.response else { return };
        // What was asked (`auto`) is not what serves.
        if let Some(tier) = head.service_tier.take().filter(|tier| *tier != "auto")
            && self.tier.as_deref() != Some(tier.as_str())
        {
            self.tier = Some(tier.as_str().to_owned());
            emit(Event::ServiceTier(tier));
        }
        if self.stage == Stage::Before {
            self.stage = Stage::Within;
            emit(Event::Start { id: head.id.take().unwrap_or_default(), model: head.model.take().unwrap_or_default() });
        }
    }

    fn end(&mut self, is_whole: bool, mut event: AnyEvent<'_>, emit: Emit<'_>) {
        self.head(&mut event, emit);
        self.stage = Stage::Over;
        let head = event.response.take().unwrap_or_default();
        let reason = head.incomplete_details.and_then(|details| details.reason);
        let reason = if is_whole { None } else { Some(reason.unwrap_or_else(|| Str::from("max_output_tokens"))) };
        emit(Event::Finish { choice: CHOICE, reason: stop::decode(reason, self.tools > 0, self.refused) });
        if let Some(usage) = head.usage.and_then(Counts::into_usage) {
            emit(Event::Usage(usage));
        }
        emit(Event::Done);
    }

    fn text(&mut self, event: &AnyEvent<'_>, emit: Emit<'_>) -> Result<(), Fault> {
        let part = (event.output_index.unwrap_or(0), event.content_index.unwrap_or(0));
        if self.part != part {
            (self.part, self.part_from) = (part, self.chars);
        }
        let text = event.delta.map(text_of).unwrap_or_default();
        self.chars = self.chars.saturating_add(text.chars().count() as u64);
        self.say(event, |text| Event::Text { choice: CHOICE, text }, emit)?;
        if let Some(raw) = event.logprobs.and_then(entries).and_then(chat_logprobs) {
            emit(Event::Logprobs { choice: CHOICE, raw: &raw });
        }
        Ok(())
    }

    fn thought(&mut self, event: &AnyEvent<'_>, emit: Emit<'_>) -> Result<(), Fault> {
        let summary_index = event.summary_index.unwrap_or(0);
        let open = self.open(event.output_index)?;
        if std::mem::replace(&mut open.summary_index, summary_index) != summary_index && open.said {
            emit(Event::Thinking { choice: CHOICE, text: "\n\n".into() });
        }
        self.say(event, |text| Event::Thinking { choice: CHOICE, text }, emit)
    }

    /// Tells a delta, if there is anything in it.
    fn say<'e>(
        &mut self,
        event: &'e AnyEvent<'_>,
        told: impl FnOnce(Str<'e>) -> Event<'e>,
        emit: Emit<'_>,
    ) -> Result<(), Fault> {
        let Some(text) = event.delta.map(text_of).filter(|text| !text.is_empty()) else { return Ok(()) };
        self.open(event.output_index)?.said = true;
        emit(told(text));
        Ok(())
    }

    /// The open item of this place; a server that does not say that it begins begins it so.
    fn open(&mut self, index: Option<u64>) -> Result<&mut Open, Fault> {
        let index = index.unwrap_or(0);
        let at = match self.open.iter().rposition(|open| open.index == index) {
            Some(at) => at,
            None if self.open.len() >= ITEMS_MAX => {
                return Err(Fault::upstream(format!("the provider's stream has more than {ITEMS_MAX} open items")));
            }
            None => {
                let (tool, is_freeform, said, cited, summary_index) = (None, false, false, false, 0);
                self.open.push(Open { index, tool, is_freeform, said, cited, summary_index });
                self.open.len() - 1
            }
        };
        self.open.get_mut(at).ok_or_else(|| Fault::upstream("the provider's stream has no such item"))
    }

    fn arguments(&mut self, event: &AnyEvent<'_>, emit: Emit<'_>) -> Result<(), Fault> {
        let Some(text) = event.delta.map(text_of).filter(|text| !text.is_empty()) else { return Ok(()) };
        let open = self.open(event.output_index)?;
        let Some(tool) = open.tool else {
            return Err(Fault::upstream("the provider sent a piece of a tool call that never began"));
        };
        let begins = !std::mem::replace(&mut open.said, true);
        let json = if open.is_freeform { freeform_piece(&text, begins).into() } else { text };
        emit(Event::ToolArguments { choice: CHOICE, tool, json });
        Ok(())
    }

    /// The arguments of a call whose deltas never came.
    fn arguments_done(&mut self, event: &AnyEvent<'_>, emit: Emit<'_>) {
        let index = event.output_index.unwrap_or(0);
        let Some(open) = self.open.iter_mut().find(|open| open.index == index && !open.said) else { return };
        let Some(tool) = open.tool else { return };
        if let Some(json) = event.arguments.map(text_of).filter(|json| !json.is_empty()) {
            open.said = true;
            emit(Event::ToolArguments { choice: CHOICE, tool, json });
        }
    }

    fn annotation(&mut self, event: AnyEvent<'_>, emit: Emit<'_>) -> Result<(), Fault> {
        self.open(event.output_index)?.cited = true;
        match event.annotation.and_then(|annotation| annotation.into_citation(self.part_from)) {
            Some(citation) => emit(Event::Citation { choice: CHOICE, citation }),
            None => self.lose("output.content.annotations", emit),
        }
        Ok(())
    }

    fn item_added(&mut self, event: AnyEvent<'_>, emit: Emit<'_>) -> Result<(), Fault> {
        let Some(item) = event.item else { return Ok(()) };
        self.open.retain(|open| Some(open.index) != event.output_index);
        match item.kind() {
            "message" | "reasoning" => {
                self.open(event.output_index)?;
            }
            "function_call" | "custom_tool_call" => self.tool_start(*item, event.output_index, emit)?,
            kind => self.lose(label::output(kind).unwrap_or("output"), emit),
        }
        Ok(())
    }

    fn tool_start(&mut self, item: Item<'_>, index: Option<u64>, emit: Emit<'_>) -> Result<(), Fault> {
        let tool = self.tools;
        self.tools = self.tools.saturating_add(1);
        let is_freeform = item.kind() == "custom_tool_call";
        if is_freeform {
            self.lose("output.custom_tool_call", emit);
        }
        if item.namespace.is_some() {
            self.lose("output.namespace", emit);
        }
        let open = self.open(index)?;
        (open.tool, open.is_freeform) = (Some(tool), is_freeform);
        let id = item.call_id.or(item.id).unwrap_or_default();
        emit(Event::ToolStart { choice: CHOICE, tool, id, name: item.name.unwrap_or_default() });
        Ok(())
    }

    /// An item is whole: tells what no delta has told.
    fn item_done(&mut self, event: AnyEvent<'_>, emit: Emit<'_>) -> Result<(), Fault> {
        let Some(mut item) = event.item else { return Ok(()) };
        match item.kind() {
            "message" => self.message_done(&mut item, event.output_index, emit)?,
            "reasoning" => self.reasoning_done(&mut item, event.output_index, emit)?,
            "function_call" | "custom_tool_call" => self.call_done(*item, event.output_index, emit)?,
            // Its loss has been told where it began, or is told now.
            kind => {
                self.lose(label::output(kind).unwrap_or("output"), emit);
                return Ok(());
            }
        }
        self.open.retain(|open| Some(open.index) != event.output_index.or(Some(0)));
        emit(Event::PartEnd { choice: CHOICE });
        Ok(())
    }

    fn message_done(&mut self, item: &mut Item<'_>, index: Option<u64>, emit: Emit<'_>) -> Result<(), Fault> {
        if item.phase.is_some() {
            self.lose("output.phase", emit);
        }
        let open = self.open(index)?;
        let (said, cited) = (open.said, open.cited);
        let mut from = if said { self.part_from } else { self.chars };
        for part in item.content.take().unwrap_or_default() {
            let text = part.text.unwrap_or_default();
            let length = text.chars().count() as u64;
            if !said && !text.is_empty() {
                self.chars = self.chars.saturating_add(length);
                emit(Event::Text { choice: CHOICE, text });
            }
            if let Some(text) = part.refusal.filter(|text| !said && !text.is_empty()) {
                self.refused = true;
                emit(Event::Refusal { choice: CHOICE, text });
            }
            for annotation in part.annotations.unwrap_or_default().into_iter().filter(|_| !cited) {
                match annotation.into_citation(from) {
                    Some(citation) => emit(Event::Citation { choice: CHOICE, citation }),
                    None => self.lose("output.content.annotations", emit),
                }
            }
            from = from.saturating_add(length);
        }
        Ok(())
    }

    fn reasoning_done(&mut self, item: &mut Item<'_>, index: Option<u64>, emit: Emit<'_>) -> Result<(), Fault> {
        let said = self.open(index)?.said;
        let sealed = item.sealed();
        let tool = self.tools.saturating_sub(1);
        if let Some(data) = sealed.as_deref().and_then(|sealed| sealed.strip_prefix(REDACTED)) {
            emit(Event::RedactedThinking { choice: CHOICE, data: data.into() });
            return Ok(());
        }
        if let Some(proof) = sealed.as_deref().and_then(|sealed| sealed.strip_prefix(TOOL_SIGNATURE)) {
            emit(Event::ToolSignature { choice: CHOICE, tool, signature: proof.into() });
            return Ok(());
        }
        if let Some(text) = item.thought().filter(|_| !said) {
            emit(Event::Thinking { choice: CHOICE, text });
        }
        if let Some(signature) = sealed {
            emit(Event::Signature { choice: CHOICE, signature });
        }
        Ok(())
    }

    fn call_done(&mut self, mut item: Item<'_>, index: Option<u64>, emit: Emit<'_>) -> Result<(), Fault> {
        let (arguments, input) = (item.arguments.take(), item.input.take());
        if self.open(index)?.tool.is_none() {
            self.tool_start(item, index, emit)?;
        }
        let open = self.open(index)?;
        let Some(tool) = open.tool else { return Ok(()) };
        let json: Str<'_> = match (open.is_freeform, open.said) {
            (true, true) => "\"}".into(),
            (true, false) => (freeform_piece(&input.map(text_of).unwrap_or_default(), true) + "\"}").into(),
            (false, true) => return Ok(()),
            (false, false) => arguments.map(text_of).unwrap_or_default(),
        };
        if !json.is_empty() {
            emit(Event::ToolArguments { choice: CHOICE, tool, json });
        }
        Ok(())
    }

    fn lose(&mut self, field: &'static str, emit: Emit<'_>) {
        if !self.told.contains(&field) {
            self.told.push(field);
            emit(Event::Loss(field));
        }
    }
}

/// A piece of a free text as a piece of `{"input":"…"}`.
fn freeform_piece(text: &str, begins: bool) -> String {
    let quoted = quoted(text);
    let piece = quoted.strip_prefix('"').and_then(|piece| piece.strip_suffix('"')).unwrap_or_default();
    if begins { format!(r#"{{"input":"{piece}"#) } else { piece.to_owned() }
}
