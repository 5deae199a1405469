//! A provider's stream → events.

use super::super::answer::{Answer, CANDIDATE_LOST, Candidate, Feedback, PART_LOST, made_up_id};
use super::super::citations;
use super::super::content::PartFields;
use super::super::error;
use super::super::finish;
use super::super::logprobs;
use super::super::names::{Many, camel};
use super::super::offsets::Offsets;
use super::super::usage::Tally;
use crate::chat::StopReason;
use crate::fault::Fault;
use crate::frame::sse::Frame;
use crate::loss::Losses;
use crate::stream::Event;
use crate::text::Str;

/// How many candidates are followed. The API gives 8 at most.
const CANDIDATES_MAX: usize = 128;

/// Reads one stream. Holds the answer's id and the shape of its text, and nothing of what is said.
#[derive(Debug, Default)]
pub struct Decoder {
    started: bool,
    done: bool,
    id: String,
    tally: Tally,
    candidates: Vec<Course>,
}

/// How far one candidate is.
#[derive(Debug, Default)]
struct Course {
    index: u32,
    tools: u32,
    finished: bool,
    text: Offsets,
}

impl Decoder {
    /// Takes one frame. What the whole stream has used is told with every chunk, also after the end.
    ///
    /// # Errors
    /// A [`Fault`] of kind `Upstream` for a frame that is not JSON and for more than 128 candidates.
    pub fn frame(&mut self, frame: &Frame<'_>, emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Fault> {
        if frame.data.is_empty() {
            return Ok(());
        }
        if frame.data.trim_ascii() == b"[DONE]" {
            // Not this dialect's, but some servers that imitate it close with it.
            self.finish(emit);
            return Ok(());
        }
        // An error may stand in an array of one.
        let chunks: Many<Answer<'_>> = serde_json::from_slice(&frame.data).map_err(|bad| {
            let bad = error::short(&bad.to_string());
            Fault::upstream(format!("the provider sent a chunk that cannot be read: {bad}"))
        })?;
        for chunk in chunks.0 {
            self.chunk(chunk, emit)?;
        }
        Ok(())
    }

    fn chunk(&mut self, chunk: Answer<'_>, emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Fault> {
        if let Some(status) = chunk.error {
            if !self.done {
                emit(Event::Error(error::of_status(*status, None)));
            }
            return Ok(());
        }
        if !chunk.unknown.is_empty() {
            emit(Event::Loss("stream.chunk"));
        }
        let counts = chunk.usage;
        if !self.started {
            self.started = true;
            let id = chunk.id.unwrap_or_default();
            self.id = id.as_str().to_owned();
            if let Some(tier) = counts.as_ref().and_then(|counts| counts.tier()) {
                emit(Event::ServiceTier(tier));
            }
            emit(Event::Start { id, model: chunk.model.unwrap_or_default() });
        }
        let candidates = chunk.candidates.unwrap_or_default().0;
        if candidates.is_empty()
            && self.candidates.is_empty()
            && let Some(words) = chunk.feedback.and_then(Feedback::refusal)
        {
            self.candidates.push(Course { finished: true, ..Course::default() });
            if let Some(text) = words {
                emit(Event::Refusal { choice: 0, text });
            }
            emit(Event::Finish { choice: 0, reason: StopReason::Refused });
        }
        for (candidate, position) in candidates.into_iter().zip(0u32..) {
            self.candidate(candidate, position, emit)?;
        }
        if let Some(counts) = counts {
            if !counts.unknown.is_empty() {
                emit(Event::Loss("usageMetadata"));
            }
            self.tally.update(&counts);
            if let Some(usage) = self.tally.usage() {
                emit(Event::Usage(usage));
            }
        }
        if !self.candidates.is_empty() && self.candidates.iter().all(|candidate| candidate.finished) {
            self.finish(emit);
        }
        Ok(())
    }

    fn finish(&mut self, emit: &mut dyn FnMut(Event<'_>)) {
        if !std::mem::replace(&mut self.done, true) {
            emit(Event::Done);
        }
    }

    fn candidate(
        &mut self,
        candidate: Candidate<'_>,
        position: u32,
        emit: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Fault> {
        let index = candidate.index.and_then(|index| u32::try_from(index.0).ok()).unwrap_or(position);
        let at = self.candidates.iter().position(|course| course.index == index);
        if at.is_none() && self.candidates.len() >= CANDIDATES_MAX {
            return Err(Fault::upstream(format!("the provider sent more than {CANDIDATES_MAX} candidates")));
        }
        let at = at.unwrap_or_else(|| {
            self.candidates.push(Course { index, ..Course::default() });
            self.candidates.len() - 1
        });
        let Some(course) = self.candidates.get_mut(at) else { return Ok(()) };
        if course.finished {
            return Ok(());
        }
        lost(&candidate.unknown, "candidates.", &CANDIDATE_LOST, "candidates", emit);
        for part in candidate.content.and_then(|content| content.parts).unwrap_or_default().0 {
            course.part(part, &self.id, emit);
        }
        let (grounding, recited) = (candidate.grounding, candidate.recited);
        if grounding.is_some() || recited.is_some() {
            let mut losses = Losses::default();
            let (grounding, recited) = (grounding.map(|boxed| *boxed), recited.map(|boxed| *boxed));
            // The chunks' parts are one text to those who gather them.
            for citation in citations::decode(grounding, recited, &course.text, &|_| 0, &mut losses) {
                emit(Event::Citation { choice: index, citation });
            }
            if !losses.is_empty() {
                emit(Event::Loss("candidates.groundingMetadata"));
            }
        }
        if let Some(raw) = candidate.logprobs.and_then(|result| logprobs::decode(&result)) {
            emit(Event::Logprobs { choice: index, raw: &raw });
        }
        let explained = candidate.finish_message.filter(|message| !message.is_empty());
        if let Some(reason) = finish::decode(candidate.finish_reason, course.tools > 0) {
            match explained {
                Some(text) if reason == StopReason::Refused => emit(Event::Refusal { choice: index, text }),
                Some(_) => emit(Event::Loss("candidates.finishMessage")),
                None => {}
            }
            course.finished = true;
            emit(Event::Finish { choice: index, reason });
        }
        Ok(())
    }
}

impl Course {
    fn part(&mut self, part: PartFields<'_>, answer: &str, emit: &mut dyn FnMut(Event<'_>)) {
        let choice = self.index;
        lost(&part.unknown, "candidates.content.", &PART_LOST, "candidates.content", emit);
        let is_thought = part.is_thought();
        let signature = part.signature.filter(|signature| !signature.is_empty());
        if let Some(call) = part.function_call {
            let tool = self.tools;
            self.tools = self.tools.saturating_add(1);
            if call.partial_args.is_some() || !call.unknown.is_empty() {
                emit(Event::Loss("candidates.content.functionCall"));
            }
            let id = call.id.filter(|id| !id.is_empty());
            let id = id.unwrap_or_else(|| made_up_id(answer, choice, tool).into());
            emit(Event::ToolStart { choice, tool, id, name: call.name.unwrap_or_default() });
            if let Some(signature) = signature {
                emit(Event::ToolSignature { choice, tool, signature });
            }
            emit(Event::ToolArguments { choice, tool, json: Str::from(call.args.map_or("{}", |args| args.get())) });
            emit(Event::PartEnd { choice });
            return;
        }
        if let Some(text) = part.text.filter(|text| !text.is_empty()) {
            if is_thought {
                emit(Event::Thinking { choice, text });
            } else {
                self.text.push(&text);
                emit(Event::Text { choice, text });
            }
        } else if part.inline_data.is_some() || part.file_data.is_some() {
            emit(Event::Loss("candidates.content.inlineData"));
        }
        if let Some(signature) = signature {
            emit(Event::Signature { choice, signature });
        }
    }
}

/// Tells of fields that cannot be carried: those in `known` by their path, others by where they stand.
fn lost(
    fields: &[Str<'_>],
    within: &str,
    known: &[&'static str],
    other: &'static str,
    emit: &mut dyn FnMut(Event<'_>),
) {
    for field in fields {
        let name = camel(field);
        let path = known.iter().find(|path| path.strip_prefix(within) == Some(name.as_str()));
        emit(Event::Loss(path.copied().unwrap_or(other)));
    }
}
