//! A response body: what to send comes from a dialect, when and how it goes wrong comes from the script.
//!
//! A stream is one small boxed state machine: its events are written when they are due, not before, so that
//! thousands of open streams cost little.

use std::fmt;
use std::io::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderName, HeaderValue};
use hyper::body::{Frame, SizeHint};
use tokio::time::Sleep;

use crate::record::{Ended, Open};
use crate::script::Script;
use crate::sse::{self, Event};
use crate::{anthropic, bedrock, cohere, gemini, openai, responses};

/// What was sent before a reset has this long to reach the other side: a reset throws away what is still in the socket.
const BEFORE_RESET: Duration = Duration::from_millis(20);

/// Shared by a connection and its exchanges: whether it is to be closed with a TCP reset.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    pub(crate) reset: AtomicBool,
}

/// The script wants the connection gone; hyper drops it when a body or service returns an error.
#[derive(Debug)]
pub(crate) struct ScriptedReset;

impl fmt::Display for ScriptedReset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the script resets this connection")
    }
}

impl std::error::Error for ScriptedReset {}

/// A response body.
pub(crate) enum Body {
    /// Ready at once, sent with the headers in one write.
    Whole {
        bytes: Option<Bytes>,
        open: Option<Open>,
    },
    Paced(Box<Paced>),
}

/// Where the bytes come from.
pub(crate) enum Source {
    OpenAi(openai::stream::Events),
    Anthropic(anthropic::stream::Events),
    Cohere(std::vec::IntoIter<Event>),
    /// Those of OpenAI's responses.
    Responses(std::vec::IntoIter<Event>),
    /// In an AWS event stream.
    Converse(bedrock::stream::Events),
    /// Anthropic's events, each in a `chunk` of an AWS event stream.
    Chunks(anthropic::stream::Events),
    Gemini(gemini::stream::Events),
    /// Events that are known from the start.
    Listed(std::vec::IntoIter<Event>),
    Raw(Option<Bytes>),
}

/// A body that takes its time, in pieces.
pub(crate) struct Paced {
    source: Source,
    script: Arc<Script>,
    connection: Arc<Connection>,
    open: Open,
    phase: Phase,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Read from the source, waiting for its delay.
    held: Option<Event>,
    deltas_sent: bool,
    garbage_sent: bool,
    pings_left: usize,
    /// Ready to be sent.
    out: BytesMut,
    /// `out` goes even if it is shorter than `cut_bytes`.
    flush: bool,
    /// Let hyper write what it has before the next piece.
    pause: bool,
    /// Between the pieces of a body that has no events.
    gap: Option<Pin<Box<Sleep>>>,
    gzip: Option<Box<GzEncoder<Vec<u8>>>>,
    /// What comes behind the last byte.
    trailers: Option<HeaderMap>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Start,
    Events,
    Hold,
    Hang,
    Reset,
    Finish,
    Over,
}

impl Paced {
    pub(crate) fn new(source: Source, script: &Arc<Script>, connection: &Arc<Connection>, open: Open) -> Self {
        Self {
            source,
            script: Arc::clone(script),
            connection: Arc::clone(connection),
            open,
            phase: Phase::Start,
            sleep: None,
            held: None,
            deltas_sent: false,
            garbage_sent: false,
            pings_left: script.pings,
            out: BytesMut::new(),
            flush: false,
            pause: false,
            gap: None,
            gzip: script.gzip.then(|| Box::new(GzEncoder::new(Vec::new(), Compression::fast()))),
            trailers: trailers(script),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ScriptedReset>>> {
        loop {
            if std::mem::take(&mut self.pause) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if let Some(gap) = &mut self.gap {
                ready!(gap.as_mut().poll(cx));
                self.gap = None;
            }
            if let Some(piece) = self.next_piece() {
                return Poll::Ready(Some(Ok(piece)));
            }
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            match self.phase {
                Phase::Start => self.start(),
                Phase::Events => self.advance(),
                Phase::Hold => {
                    self.phase = Phase::Finish;
                    self.wait(self.script.hold_ms_after_done);
                }
                // Nobody wakes it: it ends when the other side goes.
                Phase::Hang => return Poll::Pending,
                Phase::Reset => {
                    self.phase = Phase::Over;
                    self.connection.reset.store(true, Ordering::Release);
                    self.open.end(Ended::ResetByScript);
                    return Poll::Ready(Some(Err(ScriptedReset)));
                }
                Phase::Finish => {
                    self.phase = Phase::Over;
                    if let Some(trailer) = self.gzip.take().and_then(|gzip| gzip.finish().ok()) {
                        self.out.extend_from_slice(&trailer);
                    }
                    self.flush = true;
                }
                Phase::Over => {
                    self.open.end(Ended::Complete);
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn start(&mut self) {
        self.phase = Phase::Events;
        self.wait(self.script.first_token_ms);
        if self.script.sse.bom && !matches!(self.source, Source::Raw(_) | Source::Converse(_) | Source::Chunks(_)) {
            self.write(b"\xEF\xBB\xBF");
        }
    }

    /// One event, or one fault.
    fn advance(&mut self) {
        if self.fault_due(false) {
            return;
        }
        let (event, waited) = match self.held.take() {
            Some(event) => (Some(event), true),
            None => (self.next_event(), false),
        };
        match event {
            None => {
                if !self.fault_due(true) && self.phase == Phase::Events {
                    self.phase = Phase::Hold;
                }
            }
            Some(event) if event.is_delta && self.deltas_sent && !waited && self.script.chunk_delay_ms > 0 => {
                self.held = Some(event);
                self.wait(self.script.chunk_delay_ms);
            }
            Some(event) => {
                if self.pings_left > 0 && self.open.events_sent > 0 {
                    self.pings_left -= 1;
                    let ping = self.source.ping(&self.script);
                    self.write(&ping);
                }
                self.deltas_sent |= event.is_delta;
                self.open.count_event();
                let bytes = self.source.framed(&event, &self.script);
                self.write(&bytes);
            }
        }
    }

    /// Does what the script wants to go wrong now. At the end of the events everything is due.
    fn fault_due(&mut self, at_end: bool) -> bool {
        let sent = self.open.events_sent;
        let due = |after: Option<u64>| after.is_some_and(|after| at_end || sent >= after);
        if matches!(self.source, Source::Raw(_)) {
            return false;
        }
        if !self.garbage_sent && due(self.script.garbage_after_events) {
            self.garbage_sent = true;
            self.open.count_event();
            let garbage = self.source.garbage();
            self.write(&garbage);
            // Counts as an event; what is due after it is seen in the next step.
            return true;
        }
        if due(self.script.error_after_events.as_ref().map(|error| error.after)) {
            self.phase = Phase::Finish;
            if let Some(event) = self.source.error(&self.script) {
                self.open.count_event();
                let bytes = self.source.framed(&event, &self.script);
                self.write(&bytes);
            }
        } else if due(self.script.close_after_events) {
            self.phase = Phase::Finish;
        } else if due(self.script.reset_after_events) {
            self.phase = Phase::Reset;
            self.sleep = Some(Box::pin(tokio::time::sleep(BEFORE_RESET)));
            self.flush = true;
        } else if due(self.script.never_finish_after_events) {
            self.phase = Phase::Hang;
            self.flush = true;
        } else {
            return false;
        }
        true
    }

    fn next_event(&mut self) -> Option<Event> {
        match &mut self.source {
            Source::OpenAi(events) => events.next(),
            Source::Anthropic(events) | Source::Chunks(events) => events.next(),
            Source::Converse(events) => events.next(),
            Source::Gemini(events) => events.next(),
            Source::Cohere(events) | Source::Responses(events) | Source::Listed(events) => events.next(),
            Source::Raw(bytes) => {
                if let Some(bytes) = bytes.take() {
                    self.write(&bytes);
                }
                None
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        match &mut self.gzip {
            None => self.out.extend_from_slice(bytes),
            Some(gzip) => {
                // Into memory: it cannot fail.
                let _ = gzip.write_all(bytes).and_then(|()| gzip.flush());
                self.out.extend_from_slice(&std::mem::take(gzip.get_mut()));
            }
        }
    }

    fn next_piece(&mut self) -> Option<Bytes> {
        let Some(cut) = self.script.cut_bytes else {
            self.flush = false;
            return (!self.out.is_empty()).then(|| self.out.split().freeze());
        };
        if self.out.len() < cut && !self.flush {
            return None;
        }
        if self.out.is_empty() {
            self.flush = false;
            return None;
        }
        self.pause = true;
        if matches!(self.source, Source::Raw(_)) && self.script.chunk_delay_ms > 0 {
            self.gap = Some(Box::pin(tokio::time::sleep(Duration::from_millis(self.script.chunk_delay_ms))));
        }
        let length = cut.min(self.out.len());
        Some(self.out.split_to(length).freeze())
    }

    fn wait(&mut self, ms: u64) {
        if ms > 0 {
            self.flush = true;
            self.sleep = Some(Box::pin(tokio::time::sleep(Duration::from_millis(ms))));
        }
    }
}

/// Both names and values were checked when the script was read.
fn trailers(script: &Script) -> Option<HeaderMap> {
    let read = |(name, value): (&String, &String)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
    };
    (!script.trailers.is_empty()).then(|| script.trailers.iter().filter_map(read).collect())
}

impl From<responses::Content> for Source {
    fn from(content: responses::Content) -> Self {
        match content {
            responses::Content::Whole(bytes) => Self::whole(bytes),
            responses::Content::Events(events) => Self::Responses(events.into_iter()),
        }
    }
}

impl Source {
    /// A body without events.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::Raw(Some(bytes))
    }

    /// The media type of a body of events; `None` for one without.
    pub(crate) fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::Gemini(events) if events.is_array() => Some("application/json"),
            Self::OpenAi(_)
            | Self::Anthropic(_)
            | Self::Cohere(_)
            | Self::Responses(_)
            | Self::Gemini(_)
            | Self::Listed(_) => Some("text/event-stream; charset=utf-8"),
            Self::Converse(_) | Self::Chunks(_) => Some(bedrock::framing::CONTENT_TYPE),
            Self::Raw(_) => None,
        }
    }

    /// An event as it goes over the wire.
    fn framed(&mut self, event: &Event, script: &Script) -> Bytes {
        match self {
            Self::Gemini(events) => events.encode(event),
            Self::OpenAi(_)
            | Self::Anthropic(_)
            | Self::Cohere(_)
            | Self::Listed(_)
            | Self::Responses(_)
            | Self::Raw(_) => sse::encode(event, script.sse),
            Self::Converse(_) => bedrock::framing::encode(event),
            Self::Chunks(_) => bedrock::framing::encode_chunk(event),
        }
    }

    /// An event that nobody can read.
    fn garbage(&mut self) -> Bytes {
        match self {
            Self::OpenAi(_)
            | Self::Gemini(_)
            | Self::Anthropic(_)
            | Self::Cohere(_)
            | Self::Listed(_)
            | Self::Responses(_)
            | Self::Raw(_) => Bytes::from_static(b"data: {not json\n\n"),
            Self::Converse(_) | Self::Chunks(_) => {
                let event = Event { name: "contentBlockDelta", data: "{not json".into(), is_delta: false };
                self.framed(&event, &Script::default())
            }
        }
    }

    /// What keeps a connection open. AWS event streams have nothing for it.
    fn ping(&mut self, script: &Script) -> Bytes {
        match self {
            Self::Gemini(events) if events.is_array() => Bytes::from_static(b"\n"),
            Self::OpenAi(_)
            | Self::Gemini(_)
            | Self::Cohere(_)
            | Self::Listed(_)
            | Self::Responses(_)
            | Self::Raw(_) => sse::comment(script.sse),
            Self::Anthropic(_) | Self::Chunks(_) => self.framed(&anthropic::stream::ping(), script),
            Self::Converse(_) => Bytes::new(),
        }
    }

    fn error(&self, script: &Script) -> Option<Event> {
        let error = script.error_after_events.as_ref()?;
        match self {
            Self::OpenAi(_) | Self::Listed(_) => Some(openai::stream::error(error)),
            Self::Responses(_) => Some(responses::stream::error(error)),
            Self::Gemini(_) => Some(gemini::stream::error(error)),
            Self::Anthropic(_) => Some(anthropic::stream::error(error)),
            Self::Cohere(_) => Some(cohere::stream::error(error)),
            Self::Converse(_) | Self::Chunks(_) => Some(bedrock::error::exception(error)),
            Self::Raw(_) => None,
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = ScriptedReset;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ScriptedReset>>> {
        match self.get_mut() {
            Self::Whole { bytes, open } => {
                if let Some(mut open) = open.take() {
                    open.end(Ended::Complete);
                }
                Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::Paced(paced) => Poll::Ready(match ready!(paced.poll(cx)) {
                Some(piece) => Some(piece.map(Frame::data)),
                None => paced.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))),
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole { bytes, .. } => bytes.is_none(),
            // Polled to the end, where it says that it is complete.
            Self::Paced(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { bytes, .. } => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX)))
            }
            Self::Paced(_) => SizeHint::default(),
        }
    }
}
