//! The edges of a veiled stream: the client's framing in, the same framing out.

use crate::endpoint::Framing;
use crate::fault::Fault;
use crate::frame::event_stream::{EventStream, Garbled, Mode, Reframe, unwrap_chunk};
use crate::frame::sse::{self, Frame, Sse, TooLong};

/// Most bytes of one event.
pub(super) const EVENT_BYTES_MAX: usize = 32 << 20;

/// Why a stream cannot be read on.
#[derive(Debug)]
pub(super) struct Broken(pub(super) Fault);

impl From<TooLong> for Broken {
    fn from(TooLong { limit }: TooLong) -> Self {
        Self(Fault::upstream(format!("an event of the answer is longer than {limit} bytes")))
    }
}

impl From<Garbled> for Broken {
    fn from(garbled: Garbled) -> Self {
        Self(garbled.into())
    }
}

/// Cuts the stream into events. Holds at most one unfinished event.
#[derive(Debug)]
pub(super) enum Inlet {
    Sse(Sse),
    Messages(EventStream),
    Chunks(EventStream),
    Items(Items),
}

impl Inlet {
    pub(super) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Sse => Self::Sse(Sse::new(EVENT_BYTES_MAX)),
            Framing::EventStream => Self::Messages(EventStream::new(EVENT_BYTES_MAX)),
            Framing::Chunks => Self::Chunks(EventStream::new(EVENT_BYTES_MAX)),
            Framing::JsonArray => Self::Items(Items::default()),
        }
    }

    pub(super) fn push(&mut self, chunk: &[u8], each: &mut dyn FnMut(Frame<'_>)) -> Result<(), Broken> {
        match self {
            Self::Sse(sse) => sse.push(chunk, &mut |frame| {
                each(frame);
                Ok(())
            }),
            Self::Messages(messages) => messages.push(chunk, &mut |frame| {
                each(frame);
                Ok(())
            }),
            Self::Chunks(messages) => messages.push(chunk, &mut |frame| {
                match unwrap_chunk(&frame) {
                    Some(inner) => each(Frame { event: None, data: inner.into(), raw: frame.raw }),
                    None => each(frame),
                }
                Ok(())
            }),
            Self::Items(items) => items.push(chunk, each),
        }
    }

    /// Gives out a last event that nobody closed, where the framing allows that.
    pub(super) fn finish(&mut self, each: &mut dyn FnMut(Frame<'_>)) {
        if let Self::Sse(sse) = self {
            let finished: Result<(), TooLong> = sse.finish(&mut |frame| {
                each(frame);
                Ok(())
            });
            debug_assert!(finished.is_ok(), "nothing in it fails");
        }
    }
}

/// Cuts a JSON array that grows into its items; what stands between them comes with the item behind it.
#[derive(Debug, Default)]
pub(super) struct Items {
    held: Vec<u8>,
    /// How much of `held` has been read.
    read: usize,
    /// Where the item begins.
    begin: Option<usize>,
    depth: usize,
    /// What is open outermost is an object, and no array.
    in_object: bool,
    in_string: bool,
    escaped: bool,
}

impl Items {
    fn push(&mut self, chunk: &[u8], each: &mut dyn FnMut(Frame<'_>)) -> Result<(), Broken> {
        self.held.extend_from_slice(chunk);
        let held = std::mem::take(&mut self.held);
        let mut from = 0;
        while let Some(byte) = held.get(self.read).copied() {
            self.read += 1;
            if !self.byte(byte) {
                continue;
            }
            let end = self.read;
            let raw = held.get(from..end).unwrap_or_default();
            let data = held.get(self.begin.take().unwrap_or(end)..end).unwrap_or_default();
            each(Frame { event: None, data: data.into(), raw });
            from = end;
        }
        self.held = held.get(from..).unwrap_or_default().to_vec();
        self.read -= from;
        self.begin = self.begin.map(|begin| begin - from);
        if self.held.len() > EVENT_BYTES_MAX { Err(TooLong { limit: EVENT_BYTES_MAX }.into()) } else { Ok(()) }
    }

    /// Whether an item, or the array, ends with this byte.
    fn byte(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        let at = self.read - 1;
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => {
                if self.depth == 0 {
                    self.in_object = byte == b'{';
                }
                self.depth += 1;
                if self.depth == 2 || (byte == b'{' && self.depth == 1) {
                    self.begin.get_or_insert(at);
                }
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                // An object in place of the array is an item, too.
                return self.depth == 0 || (self.depth == 1 && self.begin.is_some() && !self.in_object);
            }
            _ => {}
        }
        false
    }
}

/// Writes events as the client reads them.
#[derive(Debug)]
pub(super) struct Outlet {
    framing: Framing,
    /// An item of an array has been written.
    begun: bool,
    closed: bool,
}

impl Outlet {
    pub(super) fn new(framing: Framing) -> Self {
        Self { framing, begun: false, closed: false }
    }

    /// An event as it came.
    pub(super) fn raw(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) {
        if self.framing == Framing::JsonArray {
            if frame.data.is_empty() {
                self.closed = true;
                out.extend_from_slice(frame.raw);
            } else {
                self.item(frame, &frame.data, out);
            }
        } else {
            out.extend_from_slice(frame.raw);
        }
    }

    /// An event with other data.
    pub(super) fn edited(&mut self, frame: &Frame<'_>, data: &[u8], out: &mut Vec<u8>) {
        match self.framing {
            Framing::JsonArray => self.item(frame, data, out),
            Framing::Sse if frame.raw.contains(&b'\r') => {
                self.event(frame.event.and_then(|name| std::str::from_utf8(name).ok()), data, out);
            }
            Framing::Sse => {
                let mut written = false;
                for line in frame.raw.split_inclusive(|byte| *byte == b'\n') {
                    if !line.starts_with(b"data:") && line.trim_ascii() != b"data" {
                        out.extend_from_slice(line);
                    } else if !std::mem::replace(&mut written, true) {
                        out.extend_from_slice(b"data: ");
                        one_line(data, out);
                        out.push(b'\n');
                    }
                }
                if !frame.raw.ends_with(b"\n\n") {
                    out.push(b'\n');
                }
            }
            Framing::EventStream | Framing::Chunks => {
                self.event(frame.event.and_then(|name| std::str::from_utf8(name).ok()), data, out);
            }
        }
    }

    /// An event of our own.
    pub(super) fn event(&mut self, name: Option<&str>, data: &[u8], out: &mut Vec<u8>) {
        let mode = match self.framing {
            Framing::Sse => return sse::write(out, name, |out| one_line(data, out)),
            Framing::JsonArray => {
                out.extend_from_slice(if std::mem::replace(&mut self.begun, true) { b",\n" } else { b"[" });
                out.extend_from_slice(data);
                return;
            }
            Framing::EventStream => Mode::Converse,
            Framing::Chunks => Mode::Chunk,
        };
        let mut events = Vec::with_capacity(data.len() + 64);
        sse::write(&mut events, name, |out| one_line(data, out));
        // It is not longer than the event that came, but for a few bytes.
        let _fits = Reframe::new(mode, 2 * EVENT_BYTES_MAX).push(&events, out);
    }

    fn item(&mut self, frame: &Frame<'_>, data: &[u8], out: &mut Vec<u8>) {
        let before = frame.raw.get(..frame.raw.len().saturating_sub(frame.data.len())).unwrap_or_default();
        let again = self.begun && before.contains(&b'[');
        out.extend_from_slice(if again { b",\n" } else { before });
        out.extend_from_slice(data);
        self.begun = true;
    }

    /// Nothing more follows: an array is closed.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        if self.framing == Framing::JsonArray && self.begun && !std::mem::replace(&mut self.closed, true) {
            out.extend_from_slice(b"\n]");
        }
    }
}

/// JSON on one line: a line end between two values is a blank.
fn one_line(data: &[u8], out: &mut Vec<u8>) {
    out.extend(data.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
}
