//! AWS event streams, written by hand so that the gateway's reader is tested against another's bytes.
//! <https://smithy.io/2.0/aws/amazon-eventstream.html>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, Bytes, BytesMut};

use crate::sse::Event;

pub(crate) const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// The exceptions of the two streams.
const EXCEPTIONS: [&str; 6] = [
    "internalServerException",
    "modelStreamErrorException",
    "modelTimeoutException",
    "serviceUnavailableException",
    "throttlingException",
    "validationException",
];

/// The exception of this name, in whatever case its first letter is.
pub(super) fn exception_named(name: &str) -> Option<&'static str> {
    EXCEPTIONS.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

/// One event as a message: its name is the type, and that of an exception says so.
pub(crate) fn encode(event: &Event) -> Bytes {
    message(event.name, event.data.as_bytes())
}

/// One event of the model's own API, wrapped as InvokeModelWithResponseStream wraps it. Padding hides its length.
pub(crate) fn encode_chunk(event: &Event) -> Bytes {
    if EXCEPTIONS.contains(&event.name) {
        return encode(event);
    }
    let padding = "abcdefghijklmnopqrstuvwxyz".get(..event.data.len() % 26).unwrap_or_default();
    let payload = format!(r#"{{"bytes":"{}","p":"{padding}"}}"#, STANDARD.encode(event.data.as_bytes()));
    message("chunk", payload.as_bytes())
}

fn message(name: &str, payload: &[u8]) -> Bytes {
    let (kind, type_header) =
        if EXCEPTIONS.contains(&name) { ("exception", ":exception-type") } else { ("event", ":event-type") };
    let mut headers = BytesMut::new();
    for (name, value) in [(type_header, name), (":content-type", "application/json"), (":message-type", kind)] {
        headers.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        headers.put_slice(name.as_bytes());
        headers.put_u8(7); // a string
        headers.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        headers.put_slice(value.as_bytes());
    }
    let mut out = BytesMut::with_capacity(16 + headers.len() + payload.len());
    out.put_u32(u32::try_from(16 + headers.len() + payload.len()).unwrap_or(u32::MAX));
    out.put_u32(u32::try_from(headers.len()).unwrap_or(u32::MAX));
    out.put_u32(crc32fast::hash(&out));
    out.put_slice(&headers);
    out.put_slice(payload);
    out.put_u32(crc32fast::hash(&out));
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_message() {
        let event = Event { name: "throttlingException", data: "{}".into(), is_delta: false };
        let bytes = encode(&event);
        assert_eq!(bytes.get(..4), Some(u32::try_from(bytes.len()).expect("short").to_be_bytes().as_slice()));
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(
            text.contains("\x0f:exception-type\x07\0\x13throttlingException\r:content-type\x07\0\x10application/json")
        );
        assert!(text.contains(":message-type\x07\0\texception{}"));
        let (head, tail) = bytes.split_at(bytes.len() - 4);
        assert_eq!(crc32fast::hash(head).to_be_bytes(), tail);
        let ping = Event { name: "ping", data: "{}".into(), is_delta: false };
        assert!(String::from_utf8_lossy(&encode_chunk(&ping)).contains(r#"{"bytes":"e30=","p":"ab"}"#));
    }
}
