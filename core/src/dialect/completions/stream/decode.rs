//! A provider's chunks → events.

use super::super::response::WireChoice;
use super::super::{logprobs, usage as usage_of};
use crate::dialect::openai::stream::CHOICES_MAX;
use crate::dialect::openai::{error, finish, json};
use crate::dialect::wire::{Raw, wire};
use crate::fault::Fault;
use crate::frame::sse::Frame;
use crate::stream::Event;
use crate::text::Str;
use serde::de::IgnoredAny;

wire! {
    struct Chunk<'a> {
        id: Str<'a>,
        model: Str<'a>,
        choices: Vec<WireChoice<'a>>,
        usage: Raw<'a>,
        service_tier: Str<'a>,
        error: Raw<'a>,
        _created "created": IgnoredAny,
        _object "object": IgnoredAny,
        _system_fingerprint "system_fingerprint": IgnoredAny,
        _obfuscation "obfuscation": IgnoredAny,
    }
}

/// What a decoder tells its events to.
type Emit<'e> = &'e mut dyn FnMut(Event<'_>);

/// Reads one stream. Holds the numbers of the answers that have ended.
#[derive(Debug, Default)]
pub struct Decoder {
    started: bool,
    over: bool,
    finished: Vec<u32>,
}

impl Decoder {
    /// Takes one frame and tells `emit` what it means.
    ///
    /// # Errors
    /// A [`Fault`] of kind `Upstream` for a frame that is no chunk, or one answer too many.
    pub fn frame(&mut self, frame: &Frame<'_>, emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Fault> {
        let data = frame.data.trim_ascii();
        if self.over || (data.is_empty() && frame.event != Some(b"error")) {
            return Ok(());
        }
        if data.starts_with(b"[DONE]") {
            self.over = true;
            emit(Event::Done);
            return Ok(());
        }
        if frame.event == Some(b"error") {
            self.fail(data, emit);
            return Ok(());
        }
        let chunk: Chunk<'_> = json::read_answer(data, "a chunk of the provider's stream")?;
        if chunk.error.is_some() {
            self.fail(data, emit);
            return Ok(());
        }
        self.chunk(chunk, emit)
    }

    fn fail(&mut self, data: &[u8], emit: Emit<'_>) {
        self.over = true;
        emit(Event::Error(error::decode_in_stream(data)));
    }

    fn chunk(&mut self, chunk: Chunk<'_>, emit: Emit<'_>) -> Result<(), Fault> {
        if let Some(tier) = chunk.service_tier {
            emit(Event::ServiceTier(tier));
        }
        if !std::mem::replace(&mut self.started, true) {
            emit(Event::Start { id: chunk.id.unwrap_or_default(), model: chunk.model.unwrap_or_default() });
        }
        if !chunk.unknown.is_empty() {
            emit(Event::Loss("chunk.unknown"));
        }
        for (choice, position) in chunk.choices.unwrap_or_default().into_iter().zip(0u32..) {
            self.choice(choice, position, emit)?;
        }
        if let Some(usage) = chunk.usage.and_then(|usage| usage_of(usage.get())) {
            emit(Event::Usage(usage));
        }
        Ok(())
    }

    fn choice(&mut self, wire: WireChoice<'_>, position: u32, emit: Emit<'_>) -> Result<(), Fault> {
        let choice = wire.index.map_or(position, |index| u32::try_from(index.0).unwrap_or(position));
        if self.finished.contains(&choice) {
            return Ok(());
        }
        if !wire.unknown.is_empty() {
            emit(Event::Loss("choices.unknown"));
        }
        if let Some(text) = wire.text.filter(|text| !text.is_empty()) {
            emit(Event::Text { choice, text });
        }
        if let Some(raw) = &wire.logprobs.as_ref().and_then(logprobs::to_hub) {
            emit(Event::Logprobs { choice, raw });
        }
        if let Some(reason) = wire.finish_reason.filter(|reason| !reason.is_empty()) {
            if self.finished.len() == CHOICES_MAX {
                return Err(Fault::upstream(format!("the provider's stream has more than {CHOICES_MAX} choices")));
            }
            self.finished.push(choice);
            emit(Event::Finish { choice, reason: finish::decode(reason, false, false) });
        }
        Ok(())
    }
}
