//! The edges of a stream: how a provider's events are framed, and how the client's are.

use super::EVENT_BYTES_MAX;
use super::stream::Broken;
use crate::dialect::converse::error::of_frame;
use crate::endpoint::Framing;
use crate::frame::event_stream::{EventStream, Mode, Reframe, unwrap_chunk};
use crate::frame::json_array::JsonArray;
use crate::frame::sse::{Frame, Sse};

/// Cuts a provider's stream into frames. Holds at most one unfinished event.
#[derive(Debug)]
pub(super) enum Frames {
    /// Server-sent events.
    Sse(Sse),
    /// Messages of an AWS event-stream.
    Messages(EventStream),
    /// The same, each with an event of another dialect in it.
    Chunks(EventStream),
}

impl Frames {
    pub(super) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Sse | Framing::JsonArray => Self::Sse(Sse::new(EVENT_BYTES_MAX)),
            Framing::EventStream => Self::Messages(EventStream::new(EVENT_BYTES_MAX)),
            Framing::Chunks => Self::Chunks(EventStream::new(EVENT_BYTES_MAX)),
        }
    }

    /// Takes the next bytes and calls `each` for every event that they complete.
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        each: &mut impl FnMut(Frame<'_>) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        match self {
            Self::Sse(sse) => sse.push(chunk, each),
            Self::Messages(messages) => messages.push(chunk, each),
            Self::Chunks(messages) => messages.push(chunk, &mut |frame| match unwrap_chunk(&frame) {
                Some(inner) => each(Frame { event: None, data: inner.into(), raw: frame.raw }),
                // Exceptions are Bedrock's, whatever the dialect of the model is.
                None => of_frame(&frame).map_or_else(|| each(frame), |fault| Err(Broken::from(fault))),
            }),
        }
    }

    /// Ends the stream and gives out a last event that nobody closed, where the framing allows that.
    pub(super) fn finish(&mut self, each: &mut impl FnMut(Frame<'_>) -> Result<(), Broken>) -> Result<(), Broken> {
        match self {
            Self::Sse(sse) => sse.finish(each),
            Self::Messages(messages) | Self::Chunks(messages) => Ok(messages.finish()?),
        }
    }
}

/// How the client's events leave, when they are written as server-sent events first.
#[derive(Debug)]
pub(super) enum Outward {
    /// As they are.
    Sse,
    /// As messages of an AWS event-stream.
    Messages(Reframe),
    /// As the items of a JSON array.
    Array(JsonArray),
}

impl Outward {
    pub(super) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Sse => Self::Sse,
            Framing::JsonArray => Self::Array(JsonArray::default()),
            Framing::EventStream => Self::Messages(Reframe::new(Mode::Converse, EVENT_BYTES_MAX)),
            Framing::Chunks => Self::Messages(Reframe::new(Mode::Chunk, EVENT_BYTES_MAX)),
        }
    }

    /// Appends what `write` writes as server-sent events.
    pub(super) fn events<R>(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        if let Self::Sse = self {
            return write(out);
        }
        let mut events = Vec::new();
        let wrote = write(&mut events);
        match self {
            Self::Sse => {}
            // Our own encoders write no event of such a size: theirs are bounded.
            Self::Messages(reframe) => drop(reframe.push(&events, out)),
            Self::Array(array) => array.push(&events, out),
        }
        wrote
    }

    /// Nothing more follows.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Sse => {}
            Self::Messages(reframe) => reframe.finish(out),
            Self::Array(array) => array.end(out),
        }
    }
}
