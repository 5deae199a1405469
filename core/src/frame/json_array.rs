//! Server-sent events → a JSON array that grows: the form of Gemini's streams without `alt=sse`.

/// Most bytes of one event's data. Our own encoders write what goes in here.
const LINE_BYTES_MAX: usize = 32 << 20;

/// Turns server-sent events into `[{…}\n,\n{…}]`: lines end with LF or CRLF, the data of an event is one JSON value, on
/// however many lines. Holds at most one unfinished line.
#[derive(Debug, Default)]
pub struct JsonArray {
    held: Vec<u8>,
    begun: bool,
    /// The event that is going on has had data.
    within: bool,
    /// A line was longer than [`LINE_BYTES_MAX`]: what is left of it is dropped.
    too_long: bool,
}

impl JsonArray {
    /// Takes the next bytes of the stream and appends the elements that they complete.
    pub fn push(&mut self, sse: &[u8], out: &mut Vec<u8>) {
        let mut rest = sse;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            rest = after.get(1..).unwrap_or_default();
            if self.held.is_empty() && !self.too_long {
                self.line(line, out);
            } else {
                self.hold(line);
                let line = std::mem::take(&mut self.held);
                if !std::mem::take(&mut self.too_long) {
                    self.line(&line, out);
                }
            }
        }
        self.hold(rest);
    }

    /// Ends the array: an empty one where nothing came. A line that nobody ended counts.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        let line = std::mem::take(&mut self.held);
        self.line(&line, out);
        if !self.begun {
            out.push(b'[');
        }
        out.extend_from_slice(b"]");
    }

    fn hold(&mut self, piece: &[u8]) {
        if self.held.len().saturating_add(piece.len()) > LINE_BYTES_MAX {
            self.too_long = true;
            self.held = Vec::new();
        }
        if !self.too_long {
            self.held.extend_from_slice(piece);
        }
    }

    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        if line.trim_ascii().is_empty() {
            self.within = false;
        }
        let Some(data) = line.strip_prefix(b"data:") else { return };
        let data = data.trim_ascii();
        if data.is_empty() {
            return;
        }
        if !std::mem::replace(&mut self.within, true) {
            out.extend_from_slice(if self.begun { b",\n" } else { b"[" });
        }
        out.extend_from_slice(data);
        out.push(b'\n');
        self.begun = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(pieces: &[&[u8]]) -> String {
        let (mut array, mut out) = (JsonArray::default(), Vec::new());
        pieces.iter().for_each(|piece| array.push(piece, &mut out));
        array.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn wherever_it_is_cut() {
        let stream = ": ping\n\ndata: {\"a\":\"é\"}\n\nevent: x\ndata: {\"b\":[1]}\r\n\ndata:{}".as_bytes();
        let expected = "[{\"a\":\"é\"}\n,\n{\"b\":[1]}\n,\n{}\n]";
        assert_eq!(array(&[stream]), expected);
        for cut in 0..=stream.len() {
            let (before, after) = stream.split_at(cut);
            assert_eq!(array(&[before, after]), expected, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(array(&bytes), expected);
        let elements: Vec<serde_json::Value> = serde_json::from_str(expected).unwrap();
        assert_eq!(elements.len(), 3);
        assert_eq!(array(&[b"data: {\ndata: \"a\":1\ndata: }\n\ndata: 2\n\n"]), "[{\n\"a\":1\n}\n,\n2\n]");
    }

    #[test]
    fn nothing_is_an_empty_array() {
        assert_eq!(array(&[]), "[]");
        assert_eq!(array(&[b"\n\n: ping\n\n"]), "[]");
    }

    #[test]
    fn what_is_held_is_bounded() {
        let (mut array, mut out) = (JsonArray::default(), Vec::new());
        array.push(b"data: ", &mut out);
        for _ in 0..40 {
            array.push(&vec![b'x'; 1 << 20], &mut out);
            assert!(array.held.len() <= LINE_BYTES_MAX);
        }
        array.push(b"\n\ndata: {}\n\n", &mut out);
        array.end(&mut out);
        assert_eq!(out, b"[{}\n]");
    }
}
