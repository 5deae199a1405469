//! Server-sent events as bytes, in every spelling that the standard allows and clients must read.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>

use std::borrow::Cow;

use bytes::{BufMut, Bytes, BytesMut};

use crate::script::SseStyle;

/// One event that a dialect wants to send.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Empty: no `event:` line.
    pub(crate) name: &'static str,
    pub(crate) data: Cow<'static, str>,
    /// A delta of content: the script's delay goes before it.
    pub(crate) is_delta: bool,
}

pub(crate) fn encode(event: &Event, style: SseStyle) -> Bytes {
    let end: &[u8] = if style.crlf { b"\r\n" } else { b"\n" };
    let colon: &[u8] = if style.no_space { b":" } else { b": " };
    let mut out = BytesMut::with_capacity(event.name.len() + event.data.len() + 32);
    let mut line = |field: &[u8], value: &[u8]| {
        out.put_slice(field);
        out.put_slice(colon);
        out.put_slice(value);
        out.put_slice(end);
    };
    if style.comments {
        line(b"", b"keepalive");
    }
    match style.event_names {
        Some(false) => {}
        Some(true) if event.name.is_empty() => line(b"event", b"message"),
        Some(true) | None if event.name.is_empty() => {}
        Some(true) | None => line(b"event", event.name.as_bytes()),
    }
    match event.data.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        // The reader joins the lines with a newline, and JSON does not mind one between its tokens.
        Some(inside) if style.multi_line => {
            line(b"data", b"{");
            line(b"data", inside.as_bytes());
            line(b"data", b"}");
        }
        Some(_) | None => line(b"data", event.data.as_bytes()),
    }
    out.put_slice(end);
    out.freeze()
}

/// A line that readers skip: how OpenAI-compatible services keep a connection open.
pub(crate) fn comment(style: SseStyle) -> Bytes {
    Bytes::from_static(if style.crlf { b": keepalive\r\n\r\n" } else { b": keepalive\n\n" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(style: &str, wanted: &str) {
        let event = Event { name: "ping", data: r#"{"type":"ping"}"#.into(), is_delta: false };
        let style: SseStyle = serde_json::from_str(style).expect("a valid style");
        assert_eq!(String::from_utf8_lossy(&encode(&event, style)), wanted);
    }

    #[test]
    fn every_spelling() {
        check("{}", "event: ping\ndata: {\"type\":\"ping\"}\n\n");
        check(r#"{"crlf":true}"#, "event: ping\r\ndata: {\"type\":\"ping\"}\r\n\r\n");
        check(r#"{"no_space":true}"#, "event:ping\ndata:{\"type\":\"ping\"}\n\n");
        check(r#"{"event_names":false}"#, "data: {\"type\":\"ping\"}\n\n");
        check(r#"{"comments":true}"#, ": keepalive\nevent: ping\ndata: {\"type\":\"ping\"}\n\n");
        check(r#"{"multi_line":true}"#, "event: ping\ndata: {\ndata: \"type\":\"ping\"\ndata: }\n\n");
    }
}
