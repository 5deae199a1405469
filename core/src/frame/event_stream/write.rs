//! Messages → bytes.

use super::{CHECKSUM_BYTES, LENGTHS_BYTES, headers};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Appends an event: a message with this `:event-type` and a JSON payload.
pub fn write(out: &mut Vec<u8>, event_type: &str, payload: &[u8]) {
    message(out, &[(":event-type", event_type), CONTENT_TYPE, (":message-type", "event")], payload);
}

/// Appends an exception: a message with this `:exception-type` and a JSON payload. It is the last one of its stream.
pub fn write_exception(out: &mut Vec<u8>, exception_type: &str, payload: &[u8]) {
    message(out, &[(":exception-type", exception_type), CONTENT_TYPE, (":message-type", "exception")], payload);
}

/// Appends a `chunk` event as InvokeModelWithResponseStream sends it: what the model's own API would have sent, as
/// base64 in `{"bytes": …}`.
pub fn write_chunk(out: &mut Vec<u8>, inner: &[u8]) {
    let mut payload = String::with_capacity(inner.len().div_ceil(3) * 4 + 12);
    payload.push_str("{\"bytes\":\"");
    STANDARD.encode_string(inner, &mut payload);
    payload.push_str("\"}");
    write(out, "chunk", payload.as_bytes());
}

const CONTENT_TYPE: (&str, &str) = (":content-type", "application/json");

fn message(out: &mut Vec<u8>, named: &[(&str, &str)], payload: &[u8]) {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTHS_BYTES + CHECKSUM_BYTES]);
    for (name, value) in named {
        headers::write(out, name, value);
    }
    let headers_bytes = out.len() - start - LENGTHS_BYTES - CHECKSUM_BYTES;
    out.extend_from_slice(payload);
    let total = out.len() - start + CHECKSUM_BYTES;
    // Nobody here holds four gigabytes of one event: frames have limits far below.
    let size = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    if let Some((prelude, _)) = out.get_mut(start..).and_then(|all| all.split_first_chunk_mut::<12>()) {
        let ([a, b, c, d], [e, f, g, h]) = (size(total), size(headers_bytes));
        let [i, j, k, l] = crc32fast::hash(&[a, b, c, d, e, f, g, h]).to_be_bytes();
        *prelude = [a, b, c, d, e, f, g, h, i, j, k, l];
    }
    let checksum = crc32fast::hash(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&checksum.to_be_bytes());
}
