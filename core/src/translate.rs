//! Two dialects meet: the client's body becomes the provider's, the provider's answer becomes the client's.
//!
//! Where both speak the same dialect nothing is translated: a few named fields are edited and every other byte stays.
//! Otherwise decode → hub → encode. The request step returns the [`Answer`], which carries what the way back needs.

use crate::chat;
use crate::dialect::{Asked, Dialect, StreamDecoder, StreamEncoder, Upstream};
use crate::edit::Object;
use crate::fault::{Fault, FaultKind};
use crate::frame::sse::{self, Frame, Sse, TooLong};
use crate::loss::Losses;
use crate::stream::{self, Event};
use crate::text::Str;
use crate::usage::{Usage, units};
use std::sync::OnceLock;

/// Most bytes of one event of a provider's stream: a whole image or a whole tool call may come in one.
pub const EVENT_BYTES_MAX: usize = 16 << 20;

/// What a client asks, looked at once: all that is needed to decide where it goes.
#[derive(Debug)]
pub struct Ask<'a> {
    front: Dialect,
    object: Object<'a>,
    body: &'a [u8],
    /// The model that the client asked for, as written.
    pub model: Str<'a>,
    /// The client wants a stream.
    pub stream: bool,
    stream_usage: bool,
    /// What it means, once somebody wants to know.
    meaning: OnceLock<Result<chat::Request<'a>, Fault>>,
    /// Most tokens of answer that it may ask for.
    output_cap: Option<u64>,
}

impl<'a> Ask<'a> {
    /// Looks at a client's request body.
    ///
    /// # Errors
    /// A [`Fault`] for a body that is not a JSON object or whose model is missing.
    pub fn read(front: Dialect, body: &'a [u8]) -> Result<Self, Fault> {
        let object = Object::read(body).map_err(Fault::invalid)?;
        let model: Str<'a> = object
            .get("model")
            .map_err(|error| Fault::invalid(error).with_param("model"))?
            .filter(|model: &Str<'a>| !model.is_empty())
            .ok_or_else(|| Fault::invalid("model: the request names no model").with_param("model"))?;
        let stream: Option<bool> = object.get("stream").map_err(|error| Fault::invalid(error).with_param("stream"))?;
        let stream_usage = match (front, object.raw("stream_options")) {
            (Dialect::OpenAi, Some(options)) => includes_usage(options),
            (Dialect::OpenAi, None) => false,
            (Dialect::Anthropic, _) => true,
        };
        let stream = stream.unwrap_or(false);
        Ok(Self { front, object, body, model, stream, stream_usage, meaning: OnceLock::new(), output_cap: None })
    }

    /// The same with at most this many tokens of answer, whatever the client allows.
    pub fn capped(mut self, output_cap: Option<u64>) -> Self {
        self.output_cap = output_cap;
        // What was found out already is not found out again: a body may be large.
        if let (Some(cap), Some(Ok(request))) = (output_cap, self.meaning.get_mut()) {
            cap_output(request, cap);
        }
        self
    }

    /// One of its fields that is a text, where it has that.
    ///
    /// # Errors
    /// A [`Fault`] for a field that is something else.
    pub fn text(&self, field: &str) -> Result<Option<Str<'a>>, Fault> {
        self.object.get(field).map_err(|error| Fault::invalid(error).with_param(field))
    }

    /// The same request with a limit for the answer, for a dialect that demands one; `None` where there is one already.
    pub fn with_output_limit(&self) -> Option<Vec<u8>> {
        let field = self.front.output_field(&Upstream::new(""));
        if self.front == Dialect::OpenAi || self.object.raw(field).is_some() {
            return None;
        }
        let mut edit = self.object.edit();
        edit.set(field, "1");
        Some(edit.write())
    }

    /// What the request means. It is found out once.
    ///
    /// # Errors
    /// As [`Dialect::decode_request`].
    pub fn meaning(&self) -> Result<&chat::Request<'a>, &Fault> {
        let meaning = self.meaning.get_or_init(|| {
            let mut request = self.front.decode_request(self.body)?;
            if let Some(cap) = self.output_cap {
                cap_output(&mut request, cap);
            }
            Ok(request)
        });
        meaning.as_ref()
    }

    /// Makes the request for one upstream. `now` is unix seconds.
    ///
    /// # Errors
    /// A [`Fault`] for a request that cannot be read, or makes no sense in the upstream's dialect.
    pub fn translate(&self, dialect: Dialect, upstream: &Upstream, now: u64) -> Result<Translated, Fault> {
        let asked = Asked { stream_usage: self.stream_usage, now };
        let answer = Answer { front: self.front, upstream: dialect, stream: self.stream, asked };
        if dialect == self.front {
            return Ok(Translated { body: self.edited(upstream), losses: Losses::default(), answer });
        }
        let request = self.meaning().map_err(Fault::clone)?;
        let encoded = dialect.encode_request(request, upstream)?;
        let mut losses = request.losses.clone();
        losses.extend(encoded.losses);
        Ok(Translated { body: Some(encoded.body), losses, answer })
    }

    /// The client's own bytes with the named edits; `None` when there are none to make.
    fn edited(&self, upstream: &Upstream) -> Option<Vec<u8>> {
        let mut edit = self.object.edit();
        // Not only where the name read is another one: a second `model` in the body must not reach the provider.
        edit.set_str("model", &upstream.model);
        if self.front == Dialect::OpenAi && self.stream && !self.stream_usage {
            edit.set("stream_options", &with_usage(self.object.raw("stream_options")));
        }
        if let Some(cap) = self.output_cap {
            let names = self.front.output_fields();
            let written = || names.iter().filter_map(|name| self.object.raw(name));
            let wanted: Option<u64> = written().find_map(|wanted| wanted.trim().parse().ok());
            let most = wanted.map_or(cap, |wanted| wanted.min(cap)).to_string();
            // All that are there, since nobody knows which of two the provider reads. Old servers ignore the new name; the
            // new ones take the old name, but not both.
            let own = self.front.output_field(upstream);
            let alone = written().next().is_none() || own == "max_tokens";
            for name in names.iter().filter(|name| self.object.raw(name).is_some() || (**name == own && alone)) {
                edit.set(name, &most);
            }
        }
        (!edit.is_empty()).then(|| edit.write())
    }
}

fn cap_output(request: &mut chat::Request<'_>, cap: u64) {
    request.max_tokens = Some(request.max_tokens.map_or(cap, |wanted| wanted.min(cap)));
}

/// Whether OpenAI's `stream_options` ask for the usage.
fn includes_usage(options: &str) -> bool {
    Object::read(options.as_bytes())
        .ok()
        .and_then(|options| options.get("include_usage").ok().flatten())
        .unwrap_or(false)
}

/// OpenAI's `stream_options` with the usage asked for, and everything else in it as it was.
fn with_usage(options: Option<&str>) -> String {
    let edited = options.and_then(|options| {
        let options = Object::read(options.as_bytes()).ok()?;
        let mut edit = options.edit();
        edit.set("include_usage", "true");
        String::from_utf8(edit.write()).ok()
    });
    edited.unwrap_or_else(|| r#"{"include_usage":true}"#.to_owned())
}

/// A request, ready for one upstream.
#[derive(Debug)]
pub struct Translated {
    /// The body; `None` when the client's own bytes are right as they are.
    pub body: Option<Vec<u8>>,
    /// What it could not say.
    pub losses: Losses,
    /// How to bring the answer back.
    pub answer: Answer,
}

/// Brings an upstream's answer back to the client's dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    front: Dialect,
    upstream: Dialect,
    stream: bool,
    asked: Asked,
}

/// A whole answer for the client, and what was seen in it.
#[derive(Debug)]
pub struct Whole {
    /// The body; `None` when the provider's own bytes are right as they are.
    pub body: Option<Vec<u8>>,
    /// The body is a stream of events, because the client wanted one and the provider gave none.
    pub is_stream: bool,
    /// What was seen.
    pub seen: Seen,
}

/// What an answer told about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Tokens used, as far as the provider has said.
    pub usage: Option<Usage>,
    /// The model that answered, in the provider's words.
    pub model: Option<String>,
    /// Something of the answer itself (text, thought, tool call) has come.
    pub content: bool,
    /// The answer is whole: the dialect's last event has come.
    pub done: bool,
    /// It was stopped by us before its end.
    pub stopped: bool,
    /// What went wrong in it.
    pub fault: Option<Fault>,
    /// What could not be carried to the client.
    pub losses: Losses,
}

impl Answer {
    /// The dialect of the client.
    pub fn front(&self) -> Dialect {
        self.front
    }

    /// The dialect of the provider.
    pub fn upstream(&self) -> Dialect {
        self.upstream
    }

    /// The same way back, from an upstream of another dialect.
    pub fn from_upstream(self, upstream: Dialect) -> Self {
        Self { upstream, ..self }
    }

    /// The client wanted a stream.
    pub fn wants_stream(&self) -> bool {
        self.stream
    }

    /// Takes a provider's whole answer (HTTP 2xx, not a stream). `watch` sees its usage, and may price it; where the
    /// provider tells none, it sees what was said instead.
    ///
    /// # Errors
    /// A [`Fault`] of kind `Upstream` for a body that is not an answer of the provider's dialect.
    pub fn whole(&self, body: &[u8], watch: &mut Watch<'_>) -> Result<Whole, Fault> {
        if self.front == self.upstream && !self.stream {
            return self.watched(body, watch);
        }
        let mut response = self.upstream.decode_response(body)?;
        match response.usage {
            Some(usage) => response.usage = Some(shown(usage, response.service_tier.as_ref(), watch)),
            None => retell(&response, watch),
        }
        let mut seen = Seen {
            usage: response.usage,
            model: Some(response.model.as_str().to_owned()),
            content: true,
            done: true,
            stopped: false,
            fault: None,
            losses: response.losses.clone(),
        };
        let body = if self.stream {
            self.replayed(&response)?
        } else {
            self.front.encode_response(&response, &self.asked, &mut seen.losses)
        };
        Ok(Whole { body: Some(body), is_stream: self.stream, seen })
    }

    /// The provider's bytes as they are; only the usage and the model are read.
    fn watched(&self, body: &[u8], watch: &mut Watch<'_>) -> Result<Whole, Fault> {
        let object = Object::read(body)
            .map_err(|_| Fault::upstream("the provider's answer is not a JSON object; it may have been cut off"))?;
        let told = object.raw("usage");
        let usage = told.and_then(|usage| self.upstream.decode_usage(usage));
        let usage = usage.map(|usage| shown(usage, service_tier(self.upstream, &object).as_ref(), watch));
        let priced = usage.and_then(|usage| usage.cost_nanos).zip(told);
        let body = priced.and_then(|(cost, told)| {
            let mut edit = object.edit();
            edit.set("usage", &with_cost(told, cost)?);
            Some(edit.write())
        });
        if usage.is_none()
            && let Ok(response) = self.upstream.decode_response(object.text().as_bytes())
        {
            retell(&response, watch);
        }
        let seen = Seen {
            usage,
            model: object.get::<Str<'_>>("model").ok().flatten().map(Str::into_string),
            content: true,
            done: true,
            stopped: false,
            fault: None,
            losses: Losses::default(),
        };
        Ok(Whole { body, is_stream: false, seen })
    }

    /// A whole answer as the stream that the client asked for.
    fn replayed(&self, response: &chat::Response<'_>) -> Result<Vec<u8>, Fault> {
        let mut encoder = self.front.stream_encoder(self.asked.clone());
        let mut out = Vec::new();
        stream::replay(response, &mut |event| encoder.event(&event, &mut out))?;
        Ok(out)
    }

    /// Takes a provider's error answer. `provider` is its name in the config, for the message.
    pub fn error(&self, provider: &str, status: u16, body: &[u8]) -> ErrorAnswer {
        if matches!(status, 401 | 403) {
            // The key at fault is ours, and providers repeat parts of it in the message.
            let message = format!("provider `{provider}` did not accept the gateway's credentials (HTTP {status})");
            let fault = Fault::upstream(message).with_code("provider_credentials");
            return ErrorAnswer { status: fault.status, body: Some(self.front.encode_error(&fault)), fault };
        }
        let fault = self.upstream.decode_error(status, body);
        if self.front == self.upstream && is_error(body) {
            return ErrorAnswer { status, body: None, fault };
        }
        ErrorAnswer { status: self.front.error_status(&fault), body: Some(self.front.encode_error(&fault)), fault }
    }

    /// Begins to take a provider's stream. `may_stop`: somebody may want to [stop](Stream::stop) it, for which a little
    /// more must be kept in mind.
    pub fn stream(&self, may_stop: bool) -> Stream {
        let output = if self.front == self.upstream {
            let shadow = may_stop.then(|| Box::new(self.front.stream_encoder(self.asked.clone())));
            Output::Same { front: self.front, hide_usage: !self.asked.stream_usage, shadow }
        } else {
            Output::Other(self.front.stream_encoder(self.asked.clone()))
        };
        Stream {
            events: Sse::new(EVENT_BYTES_MAX),
            flow: Flow {
                decoder: self.upstream.stream_decoder(),
                output,
                seen: Seen::default(),
                course: Course::default(),
            },
        }
    }
}

/// Who looks on while an answer passes: every event, before it is written. What it changes in an [`Event::Usage`] is what
/// the client reads.
pub type Watch<'w> = dyn FnMut(&mut Event<'_>) + 'w;

/// Shows usage to the watch; before it the service tier, on which its price depends.
fn shown(usage: Usage, tier: Option<&Str<'_>>, watch: &mut Watch<'_>) -> Usage {
    if let Some(tier) = tier {
        watch(&mut Event::ServiceTier(tier.reborrow()));
    }
    let mut event = Event::Usage(usage);
    watch(&mut event);
    if let Event::Usage(usage) = event { usage } else { usage }
}

/// The service tier of a whole answer, where it says one.
fn service_tier<'a>(dialect: Dialect, answer: &Object<'a>) -> Option<Str<'a>> {
    let tier = match dialect {
        Dialect::OpenAi => answer.get("service_tier"),
        Dialect::Anthropic => Object::read(answer.raw("usage")?.as_bytes()).ok()?.get("service_tier"),
    };
    tier.ok().flatten()
}

/// Shows the watch what a whole answer says.
fn retell(response: &chat::Response<'_>, watch: &mut Watch<'_>) {
    let told: Result<(), std::convert::Infallible> = stream::replay(response, &mut |mut event| {
        watch(&mut event);
        Ok(())
    });
    match told {
        Ok(()) => {}
        Err(never) => match never {},
    }
}

/// A `usage` object with its cost.
fn with_cost(usage: &str, cost_nanos: u64) -> Option<String> {
    let usage = Object::read(usage.as_bytes()).ok()?;
    let mut edit = usage.edit();
    edit.set("cost", units(cost_nanos)?.get());
    String::from_utf8(edit.write()).ok()
}

/// Whether a body has the `error` object by which the SDKs of both dialects read an error.
fn is_error(body: &[u8]) -> bool {
    Object::read(body).is_ok_and(|body| body.raw("error").is_some_and(|error| Object::read(error.as_bytes()).is_ok()))
}

/// An error answer for the client.
#[derive(Debug)]
pub struct ErrorAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body; `None` when the provider's own bytes are right as they are.
    pub body: Option<Vec<u8>>,
    /// What it says, for records.
    pub fault: Fault,
}

/// A provider's stream on its way to the client. Holds one unfinished event at most.
#[derive(Debug)]
pub struct Stream {
    events: Sse,
    flow: Flow,
}

/// What happens to each event of a [`Stream`].
#[derive(Debug)]
struct Flow {
    decoder: StreamDecoder,
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
enum Output {
    /// As they came. `hide_usage`: we asked for the usage, the client did not. `shadow` is told what passes, so that it can
    /// say the end if the stream is stopped.
    Same { front: Dialect, hide_usage: bool, shadow: Option<Box<StreamEncoder>> },
    /// In another dialect.
    Other(StreamEncoder),
}

impl Stream {
    /// Takes the next bytes and appends to `out` what the client gets for them: whole events only. Never fails: what
    /// cannot be decoded becomes the client's error event, and from then on nothing more is written.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>, watch: &mut Watch<'_>) {
        let flow = &mut self.flow;
        if flow.over() {
            return;
        }
        if let Err(Broken(fault)) = self.events.push(chunk, &mut |frame| flow.frame(&frame, out, watch)) {
            flow.fail(fault, out);
        }
    }

    /// Takes the proper end of the provider's body. A stream that ends without its dialect's last event ends with an
    /// error event for the client, so that a cut answer never looks whole.
    pub fn end(&mut self, out: &mut Vec<u8>, watch: &mut Watch<'_>) {
        let flow = &mut self.flow;
        if flow.over() {
            return;
        }
        let ended = self.events.finish(&mut |frame| flow.last_frame(&frame, out, watch));
        if flow.seen.fault.is_some() {
            return;
        }
        match ended {
            _ if flow.seen.done => {}
            Err(Broken(fault)) => flow.fail(fault, out),
            Ok(()) => {
                let message = "the provider's stream ended before the answer was complete";
                flow.fail(Fault::upstream(message).with_code("stream_truncated"), out);
            }
        }
    }

    /// Ends the stream with the client's error event, for a reason that lies outside of it. The first reason counts.
    pub fn fail(&mut self, fault: Fault, out: &mut Vec<u8>) {
        if self.flow.seen.fault.is_none() {
            self.flow.fail(fault, out);
        }
    }

    /// Ends the stream here, properly: every open answer as if its token limit was reached, then the usage and the
    /// dialect's last event. What the provider sends after that is dropped. Only for a stream that was begun with `may_stop`.
    pub fn stop(&mut self, usage: Usage, out: &mut Vec<u8>) {
        if !self.flow.over() && !self.flow.seen.done {
            self.flow.stop(usage, out);
        }
    }

    /// What has been seen so far.
    pub fn seen(&self) -> &Seen {
        &self.flow.seen
    }
}

impl Flow {
    /// Takes one event of the provider.
    fn frame(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>, watch: &mut Watch<'_>) -> Result<(), Broken> {
        if self.over() {
            return Ok(());
        }
        let Self { decoder, output, seen, course } = self;
        let mut usage_seen = false;
        let mut cost = None;
        let mut encoded = Ok(());
        let mut unread = Vec::new();
        let decoded = decoder.frame(frame, &mut |mut event| {
            watch(&mut event);
            if let Event::Usage(usage) = &event {
                (usage_seen, cost) = (true, usage.cost_nanos);
            }
            seen.note(&event);
            course.follow(&event);
            match &mut *output {
                Output::Other(encoder) if encoded.is_ok() => encoded = encoder.event(&event, out),
                // What the shadow cannot say, it cannot end either; that shows when it has to.
                Output::Same { shadow: Some(shadow), .. } => {
                    let _told = shadow.event(&event, &mut unread);
                    unread.clear();
                }
                Output::Other(_) | Output::Same { shadow: None, .. } => {}
            }
        });
        match decoded {
            // Nothing is translated here: what is JSON, the client may understand where we do not.
            Err(_) if matches!(output, Output::Same { .. }) && Object::read(&frame.data).is_ok() => {}
            decoded => decoded?,
        }
        encoded?;
        match output {
            Output::Same { hide_usage: true, .. } if usage_seen => without_usage(frame, out),
            Output::Same { .. } => match cost {
                Some(cost) => priced(frame, cost, out),
                None => out.extend_from_slice(frame.raw),
            },
            Output::Other(_) => {}
        }
        Ok(())
    }

    /// Takes an event that the provider began and did not close: it counts if it can be read all the same.
    fn last_frame(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>, watch: &mut Watch<'_>) -> Result<(), Broken> {
        if frame.data.is_empty() {
            return Ok(());
        }
        self.frame(frame, out, watch)?;
        if !self.seen.done {
            out.extend_from_slice(b"\n\n"); // an error event follows: it must not run into this one
        }
        Ok(())
    }

    /// Nothing more is written.
    fn over(&self) -> bool {
        self.seen.fault.is_some() || self.seen.stopped
    }

    /// Ends the client's stream as if all token limits were reached.
    fn stop(&mut self, usage: Usage, out: &mut Vec<u8>) {
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
        let finishes = course.open.drain(..).map(|choice| Event::Finish { choice, reason: chat::StopReason::Length });
        let mut said = Ok(());
        for event in start.into_iter().chain(finishes).chain([Event::Usage(usage), Event::Done]) {
            said = said.and_then(|()| encoder.event(&event, out));
        }
        match said {
            Ok(()) => (seen.usage, seen.stopped, seen.done) = (Some(usage), true, true),
            Err(fault) => self.fail(fault, out),
        }
    }

    /// Ends the client's stream with its error event.
    fn fail(&mut self, fault: Fault, out: &mut Vec<u8>) {
        let event = Event::Error(fault.clone());
        // An encoder can always say an error; whatever it might answer, there is nothing better to do here.
        let _said = match &mut self.output {
            Output::Same { front, .. } => front.stream_encoder(Asked::default()).event(&event, out),
            Output::Other(encoder) => encoder.event(&event, out),
        };
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

impl Seen {
    fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Start { model, .. } => {
                if self.model.is_none() && !model.is_empty() {
                    self.model = Some(model.as_str().to_owned());
                }
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Loss(field) => self.losses.add(field),
            Event::Done => self.done = true,
            Event::Error(fault) => self.fault = Some(fault.clone()),
            Event::Text { .. }
            | Event::Thinking { .. }
            | Event::Signature { .. }
            | Event::RedactedThinking { .. }
            | Event::Refusal { .. }
            | Event::ToolStart { .. }
            | Event::ToolArguments { .. } => self.content = true,
            Event::PartEnd { .. }
            | Event::Logprobs { .. }
            | Event::Finish { .. }
            | Event::ServiceTier(_)
            | Event::Ping => {}
        }
    }
}

/// Writes an event with the cost in its `usage`. Anthropic's first event has only the prompt's, in `message.usage`: that one
/// stays as it is.
fn priced(frame: &Frame<'_>, cost_nanos: u64, out: &mut Vec<u8>) {
    let edited = Object::read(&frame.data).ok().and_then(|event| {
        let mut edit = event.edit();
        edit.set("usage", &with_cost(event.raw("usage")?, cost_nanos)?);
        Some(edit.write())
    });
    match edited {
        Some(edited) => write_event(frame, edited, out),
        None => out.extend_from_slice(frame.raw),
    }
}

/// Writes an OpenAI chunk without its usage: a chunk of usage only is dropped, in another one the usage becomes `null`.
fn without_usage(frame: &Frame<'_>, out: &mut Vec<u8>) {
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

/// Writes an event with other data.
fn write_event(frame: &Frame<'_>, data: Vec<u8>, out: &mut Vec<u8>) {
    let event = frame.event.and_then(|event| std::str::from_utf8(event).ok());
    // Data of several lines is joined by line ends, which JSON has only between its values.
    let line = data.into_iter().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { b });
    sse::write(out, event, |out| out.extend(line));
}

/// A stream that cannot go on.
struct Broken(Fault);

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

/// A fault for an answer that has an encoding nobody here can read.
pub fn unreadable_encoding(encoding: &str) -> Fault {
    let encoding: String = encoding.chars().filter(char::is_ascii_graphic).take(32).collect();
    Fault::new(
        FaultKind::Upstream,
        format!("the provider's answer is encoded as `{encoding}`, which was not asked for"),
    )
}
