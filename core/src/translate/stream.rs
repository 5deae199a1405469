//! A streamed answer on its way.

use super::answer::tells_cost;
use super::framing::{Frames, Outward};
use super::{Seen, Until, Watch, with_cost};
use crate::chat;
use crate::dialect::{Asked, Dialect, StreamDecoder, StreamEncoder};
use crate::edit::Object;
use crate::endpoint::Framing;
use crate::fault::Fault;
use crate::frame::event_stream::Garbled;
use crate::frame::sse::{self, Frame, TooLong};
use crate::names::Names;
use crate::stream::Event;
use crate::text::Str;
use crate::told;
use crate::usage::Usage;
use std::ops::ControlFlow;
use std::sync::Arc;

/// A provider's stream on its way to the client. Holds one unfinished event at most.
#[derive(Debug)]
pub struct Stream {
    frames: Frames,
    outward: Outward,
    flow: Flow,
}

/// What happens to each event of a [`Stream`].
#[derive(Debug)]
struct Flow {
    /// `None` for a stream that is no chat: only its usage is looked for.
    decoder: Option<StreamDecoder>,
    names: Option<Arc<Names>>,
    /// What an answer that names no model is said to be from.
    model: String,
    output: Output,
    seen: Seen,
    course: Course,
}

/// How far a stream has come, as far as stopping it needs to know.
#[derive(Debug, Default)]
struct Course {
    started: bool,
    /// Some answer has ended.
    finished: bool,
    /// Answers that have begun and not ended. Few: more than [`CHOICES_MAX`] are not followed.
    open: Vec<u32>,
}

/// Most choices whose end is followed.
const CHOICES_MAX: usize = 128;

/// How events leave.
#[derive(Debug)]
pub(super) enum Output {
    /// As they came. `hide_usage`: we asked for the usage, the client did not. `raw`: in the framing in which they came, too.
    /// `shadow` is told what passes, so that it can say the end if the stream is stopped.
    Same { front: Dialect, hide_usage: bool, raw: bool, shadow: Option<Box<StreamEncoder>> },
    /// In another dialect.
    Other(Box<StreamEncoder>),
}

impl Stream {
    /// A stream that comes in the first and leaves in the second framing.
    pub(super) fn new(
        (inward, outward): (Framing, Framing),
        decoder: Option<StreamDecoder>,
        names: Option<Arc<Names>>,
        output: Output,
    ) -> Self {
        let flow =
            Flow { decoder, names, model: String::new(), output, seen: Seen::default(), course: Course::default() };
        Self { frames: Frames::new(inward), outward: Outward::new(outward), flow }
    }

    /// The same, from this model.
    pub(super) fn of_model(mut self, model: &str) -> Self {
        model.clone_into(&mut self.flow.model);
        self
    }

    /// Takes the next bytes and appends to `out` what the client gets for them: whole events only. Never fails: what
    /// cannot be decoded becomes the client's error event, and from then on nothing more is written.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>, watch: &mut Watch<'_>) {
        self.push_until(chunk, out, &mut |event| {
            watch(event);
            ControlFlow::Continue(())
        });
    }

    /// The same, as long as `until` lets events pass: the one that it does not, the rest of its frame and all that comes
    /// after are not written. Whoever holds a stream up [stops](Self::stop_with) it then.
    pub fn push_until(&mut self, chunk: &[u8], out: &mut Vec<u8>, until: &mut Until<'_>) {
        let Self { frames, outward, flow } = self;
        if flow.over() {
            return;
        }
        let mut sink = Sink { outward, out };
        if let Err(Broken(fault)) = frames.push(chunk, &mut |frame| flow.frame(&frame, &mut sink, until)) {
            flow.fail(fault, &mut sink);
        }
    }

    /// Takes the proper end of the provider's body. A stream that ends without its dialect's last event ends with an
    /// error event for the client, so that a cut answer never looks whole.
    pub fn end(&mut self, out: &mut Vec<u8>, watch: &mut Watch<'_>) {
        self.end_until(out, &mut |event| {
            watch(event);
            ControlFlow::Continue(())
        });
    }

    /// The same, as [`Self::push_until`].
    pub fn end_until(&mut self, out: &mut Vec<u8>, until: &mut Until<'_>) {
        let Self { frames, outward, flow } = self;
        if flow.over() {
            return;
        }
        let mut sink = Sink { outward, out };
        let ended = frames.finish(&mut |frame| flow.last_frame(&frame, &mut sink, until));
        if flow.over() {
            return;
        }
        match ended {
            Ok(()) if flow.decoder.is_none() => flow.seen.done = true,
            _ if flow.seen.done => {}
            Err(Broken(fault)) => return flow.fail(fault, &mut sink),
            Ok(()) if flow.decoder.as_ref().is_some_and(StreamDecoder::is_complete) => flow.done(&mut sink),
            Ok(()) => {
                let message = "the provider's stream ended before the answer was complete";
                return flow.fail(Fault::upstream(message).with_code("stream_truncated"), &mut sink);
            }
        }
        sink.end();
    }

    /// Ends the stream with the client's error event, for a reason that lies outside of it. The first reason counts.
    pub fn fail(&mut self, fault: Fault, out: &mut Vec<u8>) {
        if self.flow.seen.fault.is_none() {
            self.flow.fail(fault, &mut Sink { outward: &mut self.outward, out });
        }
    }

    /// Ends the stream here, properly: every open answer as if its token limit was reached, then the usage and the
    /// dialect's last event. What the provider sends after that is dropped. Only for a stream that was begun with `may_stop`.
    pub fn stop(&mut self, usage: Usage, out: &mut Vec<u8>) {
        self.stop_with(&Stop { usage, reason: chat::StopReason::Length, last_words: None }, out);
    }

    /// The same for another reason, and with last words in every open answer.
    pub fn stop_with(&mut self, stop: &Stop<'_>, out: &mut Vec<u8>) {
        let Seen { fault, stopped, done, .. } = &self.flow.seen;
        if fault.is_none() && !stopped && !done {
            self.flow.stop(stop, &mut Sink { outward: &mut self.outward, out });
        }
    }

    /// What has been seen so far.
    pub fn seen(&self) -> &Seen {
        &self.flow.seen
    }
}

/// How a stream ends that is stopped.
#[derive(Clone, Debug)]
pub struct Stop<'a> {
    /// What was used.
    pub usage: Usage,
    /// Why every open answer ends.
    pub reason: chat::StopReason<'a>,
    /// What every open answer says before it ends.
    pub last_words: Option<&'a str>,
}

/// Where the client's bytes go.
struct Sink<'s> {
    outward: &'s mut Outward,
    out: &'s mut Vec<u8>,
}

impl Sink<'_> {
    /// Bytes that are in the client's framing already.
    fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// What is written as server-sent events.
    fn events<R>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        self.outward.events(self.out, write)
    }

    /// Nothing more follows.
    fn end(&mut self) {
        self.outward.end(self.out);
    }
}

impl Output {
    /// Writes an event whose meaning has been told, where it leaves as it came. `usage_seen`: it told the usage; `cost`: and
    /// what that costs.
    fn pass(&mut self, frame: &Frame<'_>, usage_seen: bool, cost: Option<u64>, sink: &mut Sink<'_>) {
        let Self::Same { front, hide_usage, raw, shadow } = self else { return };
        if let Some(shadow) = shadow {
            shadow.overhear(frame);
        }
        if *hide_usage && usage_seen {
            return sink.events(|out| without_usage(frame, out));
        }
        match cost.filter(|_| tells_cost(*front)) {
            Some(cost) => sink.events(|out| priced(frame, cost, out)),
            None if *raw => sink.raw(frame.raw),
            None => sink.events(|out| reframed(frame, out)),
        }
    }
}

impl Flow {
    /// Takes one event of the provider.
    fn frame(&mut self, frame: &Frame<'_>, sink: &mut Sink<'_>, until: &mut Until<'_>) -> Result<(), Broken> {
        if self.over() {
            return Ok(());
        }
        let Self { decoder, names, model, output, seen, course } = self;
        let Some(decoder) = decoder else {
            seen.content = true;
            if let Some(usage) = usage_of(frame) {
                let mut event = Event::Usage(usage);
                // It says nothing that anybody could hold up.
                let _passes = until(&mut event);
                seen.note(&event);
            }
            sink.raw(frame.raw);
            return Ok(());
        };
        let mut usage_seen = false;
        let mut cost = None;
        let mut encoded = Ok(());
        let mut shadowed = Vec::new();
        let mut held = false;
        let decoded = decoder.frame(frame, &mut |event| {
            let mut event = match names {
                Some(names) => names.restore_event(event),
                None => event,
            };
            if let Event::Start { model: told, .. } = &mut event
                && told.is_empty()
            {
                *told = model.clone().into();
            }
            // Of what is held up only the bill counts.
            if held && !matches!(event, Event::Usage(_)) {
                return;
            }
            held |= until(&mut event).is_break();
            if let Event::Usage(usage) = &event {
                (usage_seen, cost) = (true, usage.cost_nanos);
            }
            if held {
                if let Event::Usage(_) = &event {
                    seen.note(&event);
                }
                return;
            }
            seen.note(&event);
            course.follow(&event);
            match &mut *output {
                Output::Other(encoder) if encoded.is_ok() => encoded = sink.events(|out| encoder.event(&event, out)),
                // What the shadow cannot say, it cannot end either; that shows when it has to.
                Output::Same { shadow: Some(shadow), .. } => {
                    let _told = shadow.event(&event, &mut shadowed);
                }
                Output::Other(_) | Output::Same { shadow: None, .. } => {}
            }
        });
        match decoded {
            // Nothing is translated here: what is JSON, the client may understand where we do not.
            Err(_) if matches!(output, Output::Same { .. }) && Object::read(&frame.data).is_ok() => {}
            decoded => decoded?,
        }
        if let Output::Other(encoder) = &mut *output {
            seen.losses.extend(encoder.take_losses());
        }
        encoded?;
        if held {
            seen.held = true;
            // The frame stays here; what came before the event that is held up is said in our own words.
            if let Output::Same { .. } = output {
                sink.events(|out| out.extend_from_slice(&shadowed));
            }
            return Ok(());
        }
        output.pass(frame, usage_seen, cost, sink);
        Ok(())
    }

    /// Takes an event that the provider began and did not close: it counts if it can be read all the same.
    fn last_frame(&mut self, frame: &Frame<'_>, sink: &mut Sink<'_>, until: &mut Until<'_>) -> Result<(), Broken> {
        if frame.data.is_empty() {
            return Ok(());
        }
        self.frame(frame, sink, until)?;
        if !self.seen.done && !self.seen.held && self.decoder.is_some() {
            sink.raw(b"\n\n"); // an error event follows: it must not run into this one
        }
        Ok(())
    }

    /// The answer is whole, though the provider has not sent its dialect's last event.
    fn done(&mut self, sink: &mut Sink<'_>) {
        let said = match &mut self.output {
            Output::Same { .. } => Ok(()),
            Output::Other(encoder) => sink.events(|out| encoder.event(&Event::Done, out)),
        };
        match said {
            Ok(()) => self.seen.done = true,
            Err(fault) => self.fail(fault, sink),
        }
    }

    /// Nothing more is written.
    fn over(&self) -> bool {
        self.seen.fault.is_some() || self.seen.stopped || self.seen.held
    }

    /// Ends the client's stream in all its open answers.
    fn stop(&mut self, stop: &Stop<'_>, sink: &mut Sink<'_>) {
        let Self { output, seen, course, .. } = self;
        let encoder = match output {
            Output::Other(encoder) => encoder,
            Output::Same { shadow: Some(shadow), .. } => shadow,
            Output::Same { shadow: None, .. } => return,
        };
        if course.open.is_empty() && !course.finished {
            course.open.push(0);
        }
        let start = (!course.started).then(|| Event::Start { id: Str::default(), model: Str::default() });
        let ends = course.open.drain(..).flat_map(|choice| {
            let words = stop.last_words.map(|text| Event::Text { choice, text: text.into() });
            words.into_iter().chain([Event::Finish { choice, reason: stop.reason.clone() }])
        });
        let mut said = Ok(());
        for event in start.into_iter().chain(ends).chain([Event::Usage(stop.usage), Event::Done]) {
            said = said.and_then(|()| sink.events(|out| encoder.event(&event, out)));
        }
        match said {
            Ok(()) => {
                sink.end();
                (seen.usage, seen.stopped, seen.done) = (Some(stop.usage), true, true);
            }
            Err(fault) => self.fail(fault, sink),
        }
    }

    /// Ends the client's stream with its error event.
    fn fail(&mut self, fault: Fault, sink: &mut Sink<'_>) {
        let event = Event::Error(fault.clone());
        // An encoder can always say an error; whatever it might answer, there is nothing better to do here.
        let _said = sink.events(|out| match &mut self.output {
            Output::Same { front, .. } => front.stream_encoder(Asked::default()).event(&event, out),
            Output::Other(encoder) => encoder.event(&event, out),
        });
        sink.end();
        self.seen.fault = Some(fault);
    }
}

impl Course {
    fn follow(&mut self, event: &Event<'_>) {
        match event {
            Event::Start { .. } => self.started = true,
            Event::Text { choice, .. }
            | Event::Thinking { choice, .. }
            | Event::RedactedThinking { choice, .. }
            | Event::Refusal { choice, .. }
            | Event::ToolStart { choice, .. } => {
                if !self.open.contains(choice) && self.open.len() < CHOICES_MAX {
                    self.open.push(*choice);
                }
            }
            Event::Finish { choice, .. } => {
                self.finished = true;
                self.open.retain(|met| met != choice);
            }
            Event::Signature { .. }
            | Event::Citation { .. }
            | Event::ToolSignature { .. }
            | Event::ToolArguments { .. }
            | Event::PartEnd { .. }
            | Event::Logprobs { .. }
            | Event::Usage(_)
            | Event::ServiceTier(_)
            | Event::Ping
            | Event::Loss(_)
            | Event::Done
            | Event::Error(_) => {}
        }
    }
}

/// Writes an event with the cost in its `usage`, or in that of the whole answer which it holds (OpenAI's responses).
/// Anthropic's first event has only the prompt's, in `message.usage`: that one stays as it is.
fn priced(frame: &Frame<'_>, cost_nanos: u64, out: &mut Vec<u8>) {
    let edited = Object::read(&frame.data).ok().and_then(|event| {
        let mut edit = event.edit();
        match event.raw("usage") {
            Some(usage) => edit.set("usage", &with_cost(usage, cost_nanos)?),
            None => {
                let response = Object::read(event.raw("response")?.as_bytes()).ok()?;
                let mut inner = response.edit();
                inner.set("usage", &with_cost(response.raw("usage")?, cost_nanos)?);
                edit.set("response", &String::from_utf8(inner.write()).ok()?)
            }
        };
        Some(edit.write())
    });
    match edited {
        Some(edited) => write_event(frame, edited, out),
        None => out.extend_from_slice(frame.raw),
    }
}

/// Writes an OpenAI chunk without its usage: a chunk of usage only is dropped, in another one the usage becomes `null`.
pub(super) fn without_usage(frame: &Frame<'_>, out: &mut Vec<u8>) {
    let Ok(chunk) = Object::read(&frame.data) else { return };
    let choices = chunk.raw("choices").map(str::trim_ascii_start);
    let only_usage = choices.is_none_or(|choices| choices.trim_matches(['[', ']', ' ', '\n', '\r', '\t']).is_empty());
    if only_usage {
        return;
    }
    let mut edit = chunk.edit();
    edit.set("usage", "null");
    write_event(frame, edit.write(), out);
}

/// Writes an event that came in another framing. What it is called, it says itself.
pub(super) fn reframed(frame: &Frame<'_>, out: &mut Vec<u8>) {
    let kind = Object::read(&frame.data).ok().and_then(|event| event.get::<Str<'_>>("type").ok().flatten());
    let name = frame.event.and_then(|event| std::str::from_utf8(event).ok()).or(kind.as_deref());
    let line = frame.data.iter().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { *b });
    sse::write(out, name, |out| out.extend(line));
}

/// The usage in an event of a stream that is no chat: <https://platform.openai.com/docs/api-reference/images-streaming>.
fn usage_of(frame: &Frame<'_>) -> Option<Usage> {
    told::of_frame(frame).tokens
}

/// Writes an event with other data.
fn write_event(frame: &Frame<'_>, data: Vec<u8>, out: &mut Vec<u8>) {
    let event = frame.event.and_then(|event| std::str::from_utf8(event).ok());
    // Data of several lines is joined by line ends, which JSON has only between its values.
    let line = data.into_iter().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { b });
    sse::write(out, event, |out| out.extend(line));
}

/// A stream that cannot go on.
pub(super) struct Broken(pub(super) Fault);

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl From<TooLong> for Broken {
    fn from(TooLong { limit }: TooLong) -> Self {
        Self(Fault::upstream(format!("the provider sent an event of more than {limit} bytes")))
    }
}

impl From<Garbled> for Broken {
    fn from(garbled: Garbled) -> Self {
        Self(Fault::upstream(format!("the provider's event stream is garbled: {garbled}")))
    }
}
