//! A provider's whole answer → the hub.

use super::super::answer::{Answer, CANDIDATE_LOST, Candidate, Feedback, PART_LOST, made_up_id};
use super::super::citations;
use super::super::content::{FunctionCall, PartFields};
use super::super::error;
use super::super::finish;
use super::super::logprobs;
use super::super::names::note;
use super::super::offsets::Offsets;
use super::super::usage::Tally;
use crate::chat::{Choice, Part, Response, StopReason, ToolCall};
use crate::dialect::wire::read;
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use std::borrow::Cow;

/// Reads a provider's whole answer. A prompt that was refused is an answer that was refused.
///
/// # Errors
/// A [`Fault`] of kind `Upstream` for a body that is no answer, and the provider's own fault for an error that came with
/// HTTP 200.
pub fn decode(body: &[u8]) -> Result<Response<'_>, Fault> {
    let answer: Answer<'_> = read(body).map_err(|bad| {
        let place = bad.path.map(|path| format!(" at {path}")).unwrap_or_default();
        let words = error::short(&bad.message);
        Fault::upstream(format!("the provider's answer is not a Gemini answer{place}: {words}"))
    })?;
    let is_one = answer.is_one();
    if let Some(status) = answer.error {
        return Err(error::of_status(*status, None));
    }
    if !is_one {
        return Err(Fault::upstream("the provider's answer is not a Gemini answer: it has no candidates"));
    }
    let mut losses = Losses::default();
    note(&answer.unknown, "", &[], &mut losses);
    let id = answer.id.unwrap_or_default();
    let mut choices = Vec::new();
    for (candidate, position) in answer.candidates.unwrap_or_default().0.into_iter().zip(0u32..) {
        choices.push(choice(candidate, position, &id, &mut losses));
    }
    let refusal = answer.feedback.and_then(Feedback::refusal);
    if choices.is_empty() {
        let (stop, words) = match refusal {
            Some(words) => (StopReason::Refused, words),
            None => (StopReason::Unknown(Str::default()), None),
        };
        choices.push(Choice { index: 0, parts: words.map(Part::Refusal).into_iter().collect(), stop, logprobs: None });
    }
    let counts = answer.usage.map(|counts| *counts).unwrap_or_default();
    counts.note(&mut losses);
    let mut tally = Tally::default();
    tally.update(&counts);
    Ok(Response {
        id,
        model: answer.model.unwrap_or_default(),
        created: None,
        choices,
        usage: tally.usage(),
        service_tier: counts.tier(),
        losses,
    })
}

fn choice<'a>(candidate: Candidate<'a>, position: u32, answer: &str, losses: &mut Losses) -> Choice<'a> {
    note(&candidate.unknown, "candidates.", &CANDIDATE_LOST, losses);
    let index = candidate.index.and_then(|index| u32::try_from(index.0).ok()).unwrap_or(position);
    let mut said = Said { choice: index, answer, ..Said::default() };
    for (fields, number) in
        candidate.content.and_then(|content| content.parts).unwrap_or_default().0.into_iter().zip(0u64..)
    {
        note(&fields.unknown, "candidates.content.", &PART_LOST, losses);
        said.part(fields, number, losses);
    }
    let stop = finish::decode(candidate.finish_reason, said.calls > 0);
    let stop = stop.unwrap_or(StopReason::Unknown(Str::default()));
    let explained = candidate.finish_message.filter(|message| !message.is_empty());
    if stop == StopReason::Refused {
        said.parts.extend(explained.map(Part::Refusal));
    } else if explained.is_some() {
        losses.add("candidates.finishMessage");
    }
    let grounding = candidate.grounding.map(|grounding| *grounding);
    let recited = candidate.recited.map(|recited| *recited);
    if grounding.is_some() || recited.is_some() {
        said.cite(grounding, recited, losses);
    }
    let logprobs = candidate.logprobs.and_then(|result| logprobs::decode(&result)).map(Cow::Owned);
    Choice { index, parts: said.parts, stop, logprobs }
}

/// What one candidate has said.
#[derive(Default)]
struct Said<'a, 'i> {
    choice: u32,
    answer: &'i str,
    parts: Vec<Part<'a>>,
    calls: u32,
    /// The text, and where each part of it begins: its number among the provider's, its place among the hub's, its first
    /// byte.
    offsets: Offsets,
    starts: Vec<(u64, usize, u64)>,
}

impl<'a> Said<'a, '_> {
    fn part(&mut self, fields: PartFields<'a>, number: u64, losses: &mut Losses) {
        let is_thought = fields.is_thought();
        let signature = fields.signature.filter(|signature| !signature.is_empty());
        if let Some(call) = fields.function_call {
            self.call(*call, signature, losses);
            return;
        }
        if let Some(text) = fields.text {
            if is_thought {
                self.parts.push(Part::Thinking { text, signature });
                return;
            }
            if !text.is_empty() {
                self.starts.push((number, self.parts.len(), self.offsets.bytes()));
                self.offsets.push(&text);
                self.parts.push(Part::Text(text.into()));
            }
        } else if let Some(media) = fields.inline_data.and_then(|blob| blob.into_media()) {
            self.parts.push(Part::Media(media));
        } else if let Some(media) = fields.file_data.and_then(|file| file.into_media()) {
            self.parts.push(Part::Media(media));
        }
        self.parts
            .extend(signature.map(|signature| Part::Thinking { text: Str::default(), signature: Some(signature) }));
    }

    fn call(&mut self, call: FunctionCall<'a>, signature: Option<Str<'a>>, losses: &mut Losses) {
        note(&call.unknown, "candidates.content.functionCall.", &[], losses);
        if call.partial_args.is_some() {
            losses.add("candidates.content.functionCall.partialArgs");
        }
        let id = call.id.filter(|id| !id.is_empty());
        self.parts.push(Part::ToolCall(ToolCall {
            id: id.unwrap_or_else(|| made_up_id(self.answer, self.choice, self.calls).into()),
            name: call.name.unwrap_or_default(),
            arguments: Str::from(call.args.map_or("{}", |args| args.get())),
            signature,
            cache: None,
        }));
        self.calls += 1;
    }

    /// Hangs each source on the text part in which its piece begins.
    fn cite(
        &mut self,
        grounding: Option<citations::Grounding<'a>>,
        recited: Option<citations::Recited<'a>>,
        losses: &mut Losses,
    ) {
        let Self { parts, offsets, starts, .. } = self;
        let part_start =
            |part: u64| starts.iter().find(|(number, ..)| *number == part).map_or(0, |(_, _, first_byte)| *first_byte);
        let found = citations::decode(grounding, recited, offsets, &part_start, losses);
        for citation in found {
            let byte = citation.span.and_then(|(start, _)| offsets.byte_at(start)).unwrap_or(u64::MAX);
            let home = starts.iter().rev().find(|(_, _, first_byte)| *first_byte <= byte).map(|(_, place, _)| *place);
            match home.and_then(|place| parts.get_mut(place)) {
                Some(Part::Text(part)) => part.citations.push(citation),
                _ => losses.add("candidates.groundingMetadata"),
            }
        }
    }
}
