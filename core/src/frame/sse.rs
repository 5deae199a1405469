//! Server-sent events: bytes → frames, cut where the stream cuts them and not where the network did.
//!
//! Follows <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>: LF, CRLF and CR
//! end a line, a blank line ends an event, a colon starts a comment, one space after the field's colon is dropped, data
//! lines are joined by LF, a byte order mark at the very start is dropped. Unlike a browser, [`Sse::finish`] gives out a
//! last event without its blank line: providers forget it, and what a model said must not be lost.
//!
//! Never decodes UTF-8: a character that the network cut in two is whole again in its frame.

use std::borrow::Cow;

/// One event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The `event:` field, where there is one.
    pub event: Option<&'a [u8]>,
    /// The `data:` lines joined by LF. Empty for an event of comments only.
    pub data: Cow<'a, [u8]>,
    /// Every byte of the event as it came, its closing blank line included; without the byte order mark of a stream.
    pub raw: &'a [u8],
}

impl Frame<'_> {
    /// Nothing but comments, blank lines or fields that carry no data.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty() && self.event.is_none()
    }
}

/// An event grew beyond the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// The limit, in bytes.
    pub limit: usize,
}

/// Cuts a byte stream into [`Frame`]s. Holds at most one unfinished event.
#[derive(Debug)]
pub struct Sse {
    /// The beginning of an event whose end has not come yet.
    held: Vec<u8>,
    /// How much of `held` is known to contain no event's end.
    searched: usize,
    /// Most bytes of one event.
    limit: usize,
    /// The first bytes of the stream have not been looked at yet.
    at_start: bool,
}

impl Sse {
    /// A cutter for events of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { held: Vec::new(), searched: 0, limit, at_start: true }
    }

    /// Takes the next bytes and calls `each` for every event that they complete.
    ///
    /// # Errors
    /// What `each` returns, or [`TooLong`]. The stream is broken then: do not go on.
    pub fn push<E: From<TooLong>>(
        &mut self,
        chunk: &[u8],
        each: &mut impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.held.is_empty() {
            // The usual case: whole events in a chunk, nothing copied.
            let rest = self.cut(chunk, 0, each)?;
            self.searched = rest.len();
            self.hold(rest)
        } else {
            self.held.extend_from_slice(chunk);
            let held = std::mem::take(&mut self.held);
            let rest = self.cut(&held, self.searched, each)?;
            self.searched = rest.len();
            if rest.len() == held.len() {
                self.held = held;
                self.check()
            } else {
                self.hold(rest)
            }
        }
    }

    /// Ends the stream and gives out a last event that nobody closed.
    ///
    /// # Errors
    /// What `each` returns.
    pub fn finish<E>(&mut self, each: &mut impl FnMut(Frame<'_>) -> Result<(), E>) -> Result<(), E> {
        let held = std::mem::take(&mut self.held);
        self.searched = 0;
        if held.is_empty() { Ok(()) } else { each(parse(&held, self.at_start)) }
    }

    /// Bytes of an unfinished event.
    pub fn held(&self) -> &[u8] {
        &self.held
    }

    /// Gives every whole event in `bytes` to `each`; returns what is left. The first `searched` bytes hold no end.
    fn cut<'b, E: From<TooLong>>(
        &mut self,
        mut bytes: &'b [u8],
        searched: usize,
        each: &mut impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<&'b [u8], E> {
        let mut from = searched;
        while let Some(end) = event_end(bytes, from) {
            let Some((raw, rest)) = bytes.split_at_checked(end) else { break };
            if raw.len() > self.limit {
                return Err(TooLong { limit: self.limit }.into());
            }
            let frame = parse(raw, self.at_start);
            self.at_start = false;
            each(frame)?;
            bytes = rest;
            from = 0;
        }
        Ok(bytes)
    }

    fn hold<E: From<TooLong>>(&mut self, rest: &[u8]) -> Result<(), E> {
        self.held = Vec::from(rest);
        self.check()
    }

    fn check<E: From<TooLong>>(&self) -> Result<(), E> {
        if self.held.len() > self.limit { Err(TooLong { limit: self.limit }.into()) } else { Ok(()) }
    }
}

/// Where the first event ends (behind its blank line), if it ends in `bytes`.
///
/// A CR at the very end of `bytes` may be half of a CRLF, so it ends nothing yet.
fn event_end(bytes: &[u8], searched: usize) -> Option<usize> {
    // An end may begin up to three bytes (CR LF CR) before the part that is new.
    let mut from = searched.saturating_sub(3);
    loop {
        let newline = from + memchr::memchr2(b'\n', b'\r', bytes.get(from..)?)?;
        let after = line_end(bytes, newline)?;
        match bytes.get(after)? {
            b'\n' | b'\r' => return line_end(bytes, after),
            _ => from = after,
        }
    }
}

/// The position behind the line end at `at`; `None` while it cannot be known.
fn line_end(bytes: &[u8], at: usize) -> Option<usize> {
    match (bytes.get(at)?, bytes.get(at + 1)) {
        (b'\r', None) => None,
        (b'\r', Some(b'\n')) => Some(at + 2),
        _ => Some(at + 1),
    }
}

/// Reads the fields of one event.
fn parse(raw: &[u8], at_start: bool) -> Frame<'_> {
    // A byte order mark is no part of the first event: clients that do not know it lose that event.
    let raw = raw.strip_prefix(b"\xEF\xBB\xBF").filter(|_| at_start).unwrap_or(raw);
    let mut rest = raw;
    let mut event = None;
    let mut data: Option<Cow<'_, [u8]>> = None;
    while !rest.is_empty() {
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        rest = after.strip_prefix(b"\r\n").or_else(|| after.split_first().map(|(_, rest)| rest)).unwrap_or(&[]);
        if let Some(value) = field(line, b"data") {
            match &mut data {
                None => data = Some(Cow::Borrowed(value)),
                Some(joined) => {
                    let joined = joined.to_mut();
                    joined.push(b'\n');
                    joined.extend_from_slice(value);
                }
            }
        } else if let Some(value) = field(line, b"event") {
            event = Some(value);
        }
    }
    Frame { event, data: data.unwrap_or_default(), raw }
}

/// The value of `name: value`, with at most one leading space dropped.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(name)?;
    if rest.is_empty() {
        return Some(rest); // a field without a colon has an empty value
    }
    let value = rest.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

/// Appends one event: an optional `event:` line, one `data:` line (the text must hold no line end), a blank line.
pub fn write(out: &mut Vec<u8>, event: Option<&str>, data: impl FnOnce(&mut Vec<u8>)) {
    if let Some(event) = event {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(event.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    data(out);
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Event and data of every frame, with the stream pushed in pieces that end at `cuts`.
    fn frames(stream: &[u8], cuts: &[usize]) -> Vec<(Option<String>, String)> {
        let mut sse = Sse::new(1 << 20);
        let mut seen = Vec::new();
        let mut raw = Vec::new();
        let mut each = |frame: Frame<'_>| {
            raw.extend_from_slice(frame.raw);
            if !frame.is_empty() {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                seen.push((frame.event.map(text), text(&frame.data)));
            }
            Ok::<(), TooLong>(())
        };
        let mut from = 0;
        for &cut in cuts.iter().chain([&stream.len()]) {
            sse.push(&stream[from..cut], &mut each).unwrap();
            from = cut;
        }
        sse.finish(&mut each).unwrap();
        let whole = stream.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(stream);
        assert_eq!(raw, whole, "every byte belongs to exactly one frame, but for a byte order mark");
        seen
    }

    fn check(stream: &str, expected: &[(Option<&str>, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(e, d)| (e.map(str::to_owned), (*d).to_owned())).collect();
        let stream = stream.as_bytes();
        assert_eq!(frames(stream, &[]), expected);
        for cut in 0..=stream.len() {
            assert_eq!(frames(stream, &[cut]), expected, "cut at {cut}");
        }
        let every: Vec<usize> = (0..=stream.len()).collect();
        assert_eq!(frames(stream, &every), expected, "byte by byte");
    }

    #[test]
    fn the_forms_that_providers_send() {
        check("data: {\"a\":1}\n\ndata: [DONE]\n\n", &[(None, "{\"a\":1}"), (None, "[DONE]")]);
        check("event: ping\ndata: {}\n\n", &[(Some("ping"), "{}")]);
        check("data:x\n\n", &[(None, "x")]);
        check("data:  x\n\n", &[(None, " x")]);
        check("data: a\r\n\r\ndata: b\r\n\r\n", &[(None, "a"), (None, "b")]);
        check("data: a\r\rdata: b\r\r", &[(None, "a"), (None, "b")]);
        check(": keep-alive\n\ndata: a\n\n", &[(None, "a")]);
        check(": c\ndata: a\nid: 7\nretry: 9\n\n", &[(None, "a")]);
        check("data: a\ndata: b\n\n", &[(None, "a\nb")]);
        check("\u{FEFF}data: a\n\n", &[(None, "a")]);
        check("data: last", &[(None, "last")]);
        check("data: last\n", &[(None, "last")]);
        check("\n\n\ndata: a\n\n\n\n", &[(None, "a")]);
        check("data: é€😀\n\n", &[(None, "é€😀")]);
        check("database: x\n\n", &[]);
        check("", &[]);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut sse = Sse::new(100);
        let mut each = |_: Frame<'_>| Ok::<(), TooLong>(());
        assert_eq!(sse.push(&[b'x'; 60], &mut each), Ok(()));
        assert_eq!(sse.push(&[b'x'; 60], &mut each), Err(TooLong { limit: 100 }));
    }

    proptest! {
        #[test]
        fn any_bytes_any_cuts(stream in "([dataev:nt \r\n]|\u{FEFF}|é){0,60}", cuts in prop::collection::vec(0usize..200, 0..6)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.sort_unstable();
            prop_assert_eq!(frames(stream.as_bytes(), &cuts), frames(stream.as_bytes(), &[]));
        }
    }
}
