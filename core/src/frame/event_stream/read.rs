//! Bytes → messages.

use super::headers::Headers;
use super::{CHECKSUM_BYTES, Garbled, LENGTHS_BYTES, MESSAGE_BYTES_MIN, PRELUDE_BYTES};
use crate::frame::sse::Frame;
use std::borrow::Cow;

/// Cuts a byte stream into messages. Holds at most one unfinished message.
#[derive(Debug)]
pub struct EventStream {
    /// The beginning of a message whose end has not come yet.
    held: Vec<u8>,
    /// Most bytes of one message.
    limit: usize,
}

impl EventStream {
    /// A cutter for messages of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { held: Vec::new(), limit }
    }

    /// Takes the next bytes and calls `each` for every message that they complete.
    ///
    /// A [`Frame`]'s `event` is the `:event-type` or `:exception-type`; for a message of type `error` it is the
    /// `:error-code`, and the data are `{"message": …}`, as an exception's are. Its `raw` is the whole message.
    ///
    /// # Errors
    /// What `each` returns, or [`Garbled`]. The stream is broken then: do not go on.
    pub fn push<E: From<Garbled>>(
        &mut self,
        chunk: &[u8],
        each: &mut impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.held.is_empty() {
            // The usual case: whole messages in a chunk, nothing copied.
            let rest = self.cut(chunk, each)?;
            self.held.extend_from_slice(rest);
            return Ok(());
        }
        self.held.extend_from_slice(chunk);
        let held = std::mem::take(&mut self.held);
        let rest = self.cut(&held, each)?.len();
        self.held = held;
        self.held.drain(..self.held.len().saturating_sub(rest));
        Ok(())
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// [`Garbled::CutOff`] where a message has begun and not ended.
    pub fn finish(&mut self) -> Result<(), Garbled> {
        if std::mem::take(&mut self.held).is_empty() { Ok(()) } else { Err(Garbled::CutOff) }
    }

    /// Bytes of an unfinished message.
    pub fn held(&self) -> &[u8] {
        &self.held
    }

    /// Gives every whole message in `bytes` to `each`; returns what is left.
    fn cut<'b, E: From<Garbled>>(
        &self,
        mut bytes: &'b [u8],
        each: &mut impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<&'b [u8], E> {
        while let Some(prelude) = Prelude::read(bytes, self.limit)? {
            let Some((raw, rest)) = bytes.split_at_checked(prelude.total) else { break };
            each(parse(raw, prelude.headers)?)?;
            bytes = rest;
        }
        Ok(bytes)
    }
}

/// The lengths at a message's beginning, checked.
#[derive(Clone, Copy, Debug)]
struct Prelude {
    /// Bytes of the whole message.
    total: usize,
    /// Bytes of its headers.
    headers: usize,
}

impl Prelude {
    /// `None` while it is not all there.
    fn read(bytes: &[u8], limit: usize) -> Result<Option<Self>, Garbled> {
        let Some((lengths, rest)) = bytes.split_first_chunk::<LENGTHS_BYTES>() else { return Ok(None) };
        let Some(checksum) = rest.first_chunk::<CHECKSUM_BYTES>() else { return Ok(None) };
        if crc32fast::hash(lengths) != u32::from_be_bytes(*checksum) {
            return Err(Garbled::BadPrelude);
        }
        let [a, b, c, d, e, f, g, h] = *lengths;
        let size = |bytes| usize::try_from(u32::from_be_bytes(bytes)).unwrap_or(usize::MAX);
        let (total, headers) = (size([a, b, c, d]), size([e, f, g, h]));
        if total > limit {
            return Err(Garbled::TooLong { limit });
        }
        if total < MESSAGE_BYTES_MIN || headers > total - MESSAGE_BYTES_MIN {
            return Err(Garbled::BadLength);
        }
        Ok(Some(Self { total, headers }))
    }
}

/// Reads a whole message.
fn parse(raw: &[u8], headers_bytes: usize) -> Result<Frame<'_>, Garbled> {
    let (checked, checksum) = raw.split_last_chunk::<CHECKSUM_BYTES>().ok_or(Garbled::BadLength)?;
    if crc32fast::hash(checked) != u32::from_be_bytes(*checksum) {
        return Err(Garbled::BadChecksum);
    }
    let behind = checked.get(PRELUDE_BYTES..).and_then(|rest| rest.split_at_checked(headers_bytes));
    let (headers, payload) = behind.ok_or(Garbled::BadLength)?;
    let headers = Headers::read(headers)?;
    Ok(match headers.message_type {
        Some(b"exception") => {
            Frame { event: headers.exception_type.or(Some(b"exception")), data: Cow::Borrowed(payload), raw }
        }
        Some(b"error") => {
            let message = String::from_utf8_lossy(headers.error_message.unwrap_or_default());
            let data = serde_json::json!({ "message": message }).to_string().into_bytes();
            Frame { event: headers.error_code.or(Some(b"error")), data: Cow::Owned(data), raw }
        }
        // A message without a type is an event, as the SDKs read it.
        Some(_) | None => Frame { event: headers.event_type, data: Cow::Borrowed(payload), raw },
    })
}
