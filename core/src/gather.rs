//! A streamed answer, put together again as the whole one that it would have been.
//!
//! Holds no more text than it was allowed to: what is larger, and what a stream says that has no place in a whole answer,
//! makes it give up.

use crate::chat::{Choice, Citation, Part, Response, StopReason, TextPart, ToolCall};
use crate::stream::Event;
use crate::text::Str;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Most answers of one stream, and most parts of one answer.
const ITEMS_MAX: usize = 4096;

/// Gathers the events of a stream.
#[derive(Default)]
pub struct Gather {
    response: Response<'static>,
    choices: Vec<Growing>,
    bytes_max: usize,
    /// Whoever reads the stream reads what the whole answer could not say.
    strict: bool,
    bytes: usize,
    done: bool,
    /// Why there will be no whole answer.
    lost: Option<Lost>,
}

/// Why a stream cannot be put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It is larger than was allowed.
    TooLarge,
    /// It failed, or says what nobody understands.
    Broken,
}

/// One answer that grows.
struct Growing {
    index: u32,
    parts: Vec<Growth>,
    /// What comes next begins a part of its own.
    closed: bool,
    logprobs: Vec<String>,
    stop: Option<StopReason<'static>>,
}

/// One part that grows.
enum Growth {
    Text(String, Vec<Citation<'static>>),
    Thinking(String, Option<String>),
    Redacted(String),
    Refusal(String),
    Call { tool: u32, id: String, name: String, arguments: String, signature: Option<String> },
}

/// Shows nothing of what is said.
impl fmt::Debug for Gather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather").field("bytes", &self.bytes).field("lost", &self.lost).finish_non_exhaustive()
    }
}

impl Gather {
    /// For an answer of at most so many bytes of text. `strict`: a stream that says more than a whole answer can is given
    /// up.
    pub fn new(bytes_max: usize, strict: bool) -> Self {
        Self { bytes_max, strict, ..Self::default() }
    }

    /// Takes the next event.
    pub fn event(&mut self, event: &Event<'_>) {
        if self.lost.is_some() {
            return;
        }
        self.bytes = self.bytes.saturating_add(weight(event));
        if self.bytes > self.bytes_max {
            return self.lose(Lost::TooLarge);
        }
        if self.take(event).is_none() {
            self.lose(Lost::Broken);
        }
    }

    /// The whole answer.
    ///
    /// # Errors
    /// Why there is none.
    pub fn whole(self) -> Result<Response<'static>, Lost> {
        let Self { mut response, choices, done, lost, .. } = self;
        if let Some(lost) = lost {
            return Err(lost);
        }
        let whole: Option<Vec<_>> = choices.into_iter().map(Growing::whole).collect();
        response.choices = whole.filter(|whole| done && !whole.is_empty()).ok_or(Lost::Broken)?;
        response.choices.sort_by_key(|choice| choice.index);
        Ok(response)
    }

    fn lose(&mut self, lost: Lost) {
        let bytes = self.bytes;
        *self = Self { lost: Some(lost), bytes, ..Self::default() };
    }

    /// `None` for what makes no sense.
    fn take(&mut self, event: &Event<'_>) -> Option<()> {
        match event {
            Event::Start { id, model } => {
                (self.response.id, self.response.model) = (owned(id), owned(model));
            }
            Event::Text { choice, text } => self.choice(*choice)?.text(text)?,
            Event::Citation { choice, citation } => self.choice(*choice)?.cite(citation)?,
            Event::Thinking { choice, text } => self.choice(*choice)?.think(text)?,
            Event::Signature { choice, signature } => self.choice(*choice)?.sign(signature)?,
            Event::RedactedThinking { choice, data } => {
                self.choice(*choice)?.begin(Growth::Redacted(data.as_str().to_owned()))?;
            }
            Event::Refusal { choice, text } => self.choice(*choice)?.refuse(text)?,
            Event::ToolStart { choice, tool, id, name } => {
                let [id, name] = [id, name].map(|text| text.as_str().to_owned());
                let call = Growth::Call { tool: *tool, id, name, arguments: String::new(), signature: None };
                self.choice(*choice)?.begin(call)?;
            }
            Event::ToolSignature { choice, tool, signature: proof } => {
                if let Growth::Call { signature, .. } = self.choice(*choice)?.call(*tool)? {
                    *signature = Some(proof.as_str().to_owned());
                }
            }
            Event::ToolArguments { choice, tool, json } => {
                if let Growth::Call { arguments, .. } = self.choice(*choice)?.call(*tool)? {
                    arguments.push_str(json);
                }
            }
            Event::PartEnd { choice } => self.choice(*choice)?.closed = true,
            Event::Logprobs { choice, raw } => self.choice(*choice)?.logprobs.push(raw.get().to_owned()),
            Event::Finish { choice, reason } => self.choice(*choice)?.stop = Some(owned_stop(reason)),
            Event::Usage(usage) => {
                // What it costs is told to whom it concerns.
                self.response.usage = Some(crate::usage::Usage { cost_nanos: None, ..*usage });
            }
            Event::ServiceTier(tier) => self.response.service_tier = Some(owned(tier)),
            // How the provider counts is no part of what it says.
            Event::Loss(field) if self.strict && !field.starts_with("usage") => return None,
            Event::Ping | Event::Loss(_) => {}
            Event::Done => self.done = true,
            Event::Error(_) => return None,
        }
        Some(())
    }

    fn choice(&mut self, index: u32) -> Option<&mut Growing> {
        let place = self.choices.iter().position(|choice| choice.index == index);
        let place = place.unwrap_or_else(|| {
            let (parts, logprobs) = (Vec::new(), Vec::new());
            self.choices.push(Growing { index, parts, closed: false, logprobs, stop: None });
            self.choices.len() - 1
        });
        self.choices.get_mut(place).filter(|_| place < ITEMS_MAX)
    }
}

impl Growing {
    fn begin(&mut self, part: Growth) -> Option<()> {
        self.closed = false;
        self.parts.push(part);
        (self.parts.len() <= ITEMS_MAX).then_some(())
    }

    /// The last part, unless it has ended.
    fn open(&mut self) -> Option<&mut Growth> {
        if self.closed { None } else { self.parts.last_mut() }
    }

    fn text(&mut self, more: &str) -> Option<()> {
        if let Some(Growth::Text(text, _)) = self.open() {
            text.push_str(more);
            return Some(());
        }
        self.begin(Growth::Text(more.to_owned(), Vec::new()))
    }

    fn think(&mut self, more: &str) -> Option<()> {
        if let Some(Growth::Thinking(text, None)) = self.open() {
            text.push_str(more);
            return Some(());
        }
        self.begin(Growth::Thinking(more.to_owned(), None))
    }

    fn refuse(&mut self, more: &str) -> Option<()> {
        if let Some(Growth::Refusal(text)) = self.open() {
            text.push_str(more);
            return Some(());
        }
        self.begin(Growth::Refusal(more.to_owned()))
    }

    /// A citation belongs to the text before it, ended or not.
    fn cite(&mut self, citation: &Citation<'_>) -> Option<()> {
        let text = self.parts.iter_mut().rev().find_map(|part| match part {
            Growth::Text(_, citations) => Some(citations),
            Growth::Thinking(..) | Growth::Redacted(_) | Growth::Refusal(_) | Growth::Call { .. } => None,
        });
        match text {
            Some(citations) => citations.push(owned_citation(citation)),
            None => self.begin(Growth::Text(String::new(), vec![owned_citation(citation)]))?,
        }
        Some(())
    }

    /// A signature belongs to the thought before it, ended or not; a thought may have nothing but a signature.
    fn sign(&mut self, proof: &str) -> Option<()> {
        if let Some(Growth::Thinking(_, signature @ None)) = self.parts.last_mut() {
            *signature = Some(proof.to_owned());
            return Some(());
        }
        self.begin(Growth::Thinking(String::new(), Some(proof.to_owned())))
    }

    fn call(&mut self, wanted: u32) -> Option<&mut Growth> {
        self.parts.iter_mut().rev().find(|part| matches!(part, Growth::Call { tool, .. } if *tool == wanted))
    }

    fn whole(self) -> Option<Choice<'static>> {
        let logprobs = joined(&self.logprobs)?;
        let parts = self.parts.into_iter().map(Growth::whole).collect();
        Some(Choice { index: self.index, parts, stop: self.stop?, logprobs })
    }
}

impl Growth {
    fn whole(self) -> Part<'static> {
        match self {
            Self::Text(text, citations) => Part::Text(TextPart { text: text.into(), citations, cache: None }),
            Self::Thinking(text, signature) => {
                Part::Thinking { text: text.into(), signature: signature.map(Str::from) }
            }
            Self::Redacted(data) => Part::RedactedThinking { data: data.into() },
            Self::Refusal(text) => Part::Refusal(text.into()),
            Self::Call { id, name, arguments, signature, .. } => Part::ToolCall(ToolCall {
                id: id.into(),
                name: name.into(),
                arguments: arguments.into(),
                signature: signature.map(Str::from),
                cache: None,
            }),
        }
    }
}

/// Log probabilities of all pieces in one; `None` where they cannot be read. The outer `None` of that is a failure.
#[allow(clippy::option_option, reason = "no log probabilities are an answer, too")]
fn joined(pieces: &[String]) -> Option<Option<Cow<'static, RawValue>>> {
    #[derive(Deserialize)]
    struct Piece<'a> {
        #[serde(borrow, default)]
        content: Option<Vec<&'a RawValue>>,
        #[serde(borrow, default)]
        refusal: Option<Vec<&'a RawValue>>,
    }
    if pieces.is_empty() {
        return Some(None);
    }
    let pieces: Vec<Piece<'_>> = pieces.iter().map(|piece| serde_json::from_str(piece).ok()).collect::<Option<_>>()?;
    let content = list(pieces.iter().filter_map(|piece| piece.content.as_ref()).flatten());
    let refusal = list(pieces.iter().filter_map(|piece| piece.refusal.as_ref()).flatten());
    RawValue::from_string(format!("{{\"content\":{content},\"refusal\":{refusal}}}")).ok().map(Cow::Owned).map(Some)
}

/// A list of JSON values; `null` without any.
fn list<'a>(values: impl Iterator<Item = &'a &'a RawValue>) -> String {
    let texts: Vec<&str> = values.map(|value| value.get()).collect();
    if texts.is_empty() { "null".to_owned() } else { format!("[{}]", texts.join(",")) }
}

/// What an event adds to what is held.
fn weight(event: &Event<'_>) -> usize {
    /// A part by itself.
    const PART: usize = 64;
    match event {
        Event::Text { text, .. } | Event::Thinking { text, .. } | Event::Refusal { text, .. } => text.len(),
        Event::ToolArguments { json, .. } => json.len(),
        Event::Start { id, model } => id.len() + model.len(),
        Event::Signature { signature, .. } | Event::ToolSignature { signature, .. } => PART + signature.len(),
        Event::RedactedThinking { data, .. } => PART + data.len(),
        Event::ToolStart { id, name, .. } => PART + id.len() + name.len(),
        Event::Logprobs { raw, .. } => raw.get().len(),
        Event::Citation { citation: Citation { url, title, quote, document, .. }, .. } => {
            PART + [url, title, quote, document].into_iter().flatten().map(|text| text.len()).sum::<usize>()
        }
        Event::ServiceTier(tier) => tier.len(),
        Event::PartEnd { .. }
        | Event::Finish { .. }
        | Event::Usage(_)
        | Event::Ping
        | Event::Loss(_)
        | Event::Done
        | Event::Error(_) => 0,
    }
}

fn owned(text: &Str<'_>) -> Str<'static> {
    text.as_str().to_owned().into()
}

fn owned_citation(citation: &Citation<'_>) -> Citation<'static> {
    let Citation { span, url, title, quote, document } = citation;
    let [url, title, quote, document] = [url, title, quote, document].map(|text| text.as_ref().map(owned));
    Citation { span: *span, url, title, quote, document }
}

fn owned_stop(reason: &StopReason<'_>) -> StopReason<'static> {
    match reason {
        StopReason::End => StopReason::End,
        StopReason::Sequence(which) => StopReason::Sequence(which.as_ref().map(owned)),
        StopReason::Length => StopReason::Length,
        StopReason::ToolCalls => StopReason::ToolCalls,
        StopReason::Refused => StopReason::Refused,
        StopReason::Paused => StopReason::Paused,
        StopReason::Unknown(word) => StopReason::Unknown(owned(word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{Asked, Dialect, fixtures};
    use crate::frame::sse::{Sse, TooLong};
    use crate::loss::Losses;
    use crate::stream::replay;
    use crate::usage::Usage;

    fn gathered(dialect: Dialect, stream: &[u8]) -> Result<Response<'static>, Lost> {
        let mut gather = Gather::new(1 << 20, false);
        let mut decoder = dialect.stream_decoder();
        let mut sse = Sse::new(1 << 20);
        let mut each = |frame: crate::frame::sse::Frame<'_>| -> Result<(), TooLong> {
            if decoder.frame(&frame, &mut |event| gather.event(&event)).is_err() {
                gather.event(&Event::Error(crate::fault::Fault::upstream("unreadable")));
            }
            Ok(())
        };
        sse.push(stream, &mut each).unwrap();
        sse.finish(&mut each).unwrap();
        gather.whole()
    }

    /// A stream, put together, written whole, read and streamed again, and put together once more, says the same.
    #[test]
    fn a_stream_survives_being_kept() {
        let mut differ = Vec::new();
        for dialect in Dialect::ALL {
            let mut kept = 0;
            for (name, stream) in fixtures::files(dialect.as_str(), "streams") {
                let Ok(first) = gathered(dialect, &stream) else { continue };
                if first.choices.iter().any(|choice| matches!(choice.stop, StopReason::Unknown(_))) {
                    continue; // nobody keeps it, and no dialect can say it
                }
                let asked = Asked { stream_usage: true, ..Asked::default() };
                let body = dialect.encode_response(&first, &asked, &mut Losses::default());
                let whole = dialect.decode_response(&body).unwrap();
                let (mut encoder, mut out) = (dialect.stream_encoder(asked), Vec::new());
                replay(&whole, &mut |event| encoder.event(&event, &mut out)).unwrap();
                let (first, again) = (said(&first), gathered(dialect, &out).map(|again| said(&again)));
                if again.as_ref() != Ok(&first) {
                    differ.push(format!("{} {name}\n  {first}\n  {again:?}", dialect.as_str()));
                }
                kept += 1;
            }
            assert!(kept >= 1, "{} kept none of its streams", dialect.as_str());
        }
        assert!(differ.is_empty(), "{}", differ.join("\n"));
    }

    /// What a client reads: words, calls, ends and usage of every answer.
    fn said(response: &Response<'_>) -> String {
        let tokens = |usage: Usage| (usage.input, usage.output);
        let choice = |choice: &Choice<'_>| {
            // Dialects order thoughts, words and calls in their own ways, and join neighbours.
            let (mut words, mut thoughts, mut calls) = (String::new(), String::new(), Vec::new());
            for part in &choice.parts {
                match part {
                    Part::Text(TextPart { text, .. }) | Part::Refusal(text) => words.push_str(text),
                    Part::Thinking { text, .. } => thoughts.push_str(text),
                    Part::RedactedThinking { .. } => {}
                    Part::ToolCall(ToolCall { name, arguments, .. }) => {
                        // No arguments are an empty object in most dialects.
                        calls.push(format!("{name} {}", if arguments.is_empty() { "{}" } else { arguments }));
                    }
                    Part::Media(_) | Part::ToolResult(_) => unreachable!("no model says that"),
                }
            }
            format!("{} says {words:?} thinks {thoughts:?} calls {calls:?} {:?}", choice.index, choice.stop)
        };
        let choices: Vec<String> = response.choices.iter().map(choice).collect();
        // Some dialects cannot leave the usage out: then it is none.
        format!("{choices:?} {:?}", response.usage.map(tokens).unwrap_or_default())
    }

    #[test]
    fn calls_that_come_in_pieces() {
        let mut gather = Gather::new(1 << 20, true);
        let json = |tool, json: &'static str| Event::ToolArguments { choice: 0, tool, json: json.into() };
        let start = |tool, name: &'static str| Event::ToolStart { choice: 0, tool, id: name.into(), name: name.into() };
        for event in [
            Event::Text { choice: 0, text: "I ".into() },
            Event::Text { choice: 0, text: "look".into() },
            start(0, "a"),
            json(0, "{\"x\""),
            start(1, "b"),
            json(1, "{}"),
            json(0, ":1}"),
            Event::Finish { choice: 0, reason: StopReason::ToolCalls },
            Event::Usage(Usage { output: 3, cost_nanos: Some(9), ..Usage::default() }),
            Event::Done,
        ] {
            gather.event(&event);
        }
        let whole = gather.whole().unwrap();
        let calls = vec![r#"a {"x":1}"#, "b {}"];
        let expected = format!("0 says \"I look\" thinks \"\" calls {calls:?} ToolCalls");
        assert_eq!(said(&whole), format!("{:?} (0, 3)", [expected]));
        assert_eq!(whole.usage.unwrap().cost_nanos, None, "what it cost then is nobody's business now");
    }

    #[test]
    fn what_is_not_whole_is_given_up() {
        let text = || Event::Text { choice: 0, text: "0123456789".into() };
        let end = || [Event::Finish { choice: 0, reason: StopReason::End }, Event::Done];
        for (events, expected) in [
            (vec![text()], Lost::Broken),
            (vec![text(), Event::Done], Lost::Broken),
            (vec![Event::Done], Lost::Broken),
            (
                [text()].into_iter().chain([Event::Error(crate::fault::Fault::upstream("x"))]).chain(end()).collect(),
                Lost::Broken,
            ),
            ([text()].into_iter().chain([Event::Loss("x")]).chain(end()).collect(), Lost::Broken),
            ([text(), text(), text()].into_iter().chain(end()).collect(), Lost::TooLarge),
        ] {
            let mut gather = Gather::new(25, true);
            events.iter().for_each(|event| gather.event(event));
            assert_eq!(gather.whole().map(|whole| said(&whole)), Err(expected), "{events:?}");
        }
    }
}
