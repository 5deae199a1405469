//! A message's headers: name and typed value.

use super::Garbled;

/// The headers that say what a message is. All others are read over.
#[derive(Debug, Default)]
pub(super) struct Headers<'a> {
    /// `:message-type`: `event`, `exception` or `error`.
    pub(super) message_type: Option<&'a [u8]>,
    /// `:event-type` of an event.
    pub(super) event_type: Option<&'a [u8]>,
    /// `:exception-type` of an exception that the API's model names.
    pub(super) exception_type: Option<&'a [u8]>,
    /// `:error-code` of an error that it does not name.
    pub(super) error_code: Option<&'a [u8]>,
    /// `:error-message`.
    pub(super) error_message: Option<&'a [u8]>,
}

impl<'a> Headers<'a> {
    /// Reads all headers of a message.
    pub(super) fn read(mut bytes: &'a [u8]) -> Result<Self, Garbled> {
        let mut headers = Self::default();
        while !bytes.is_empty() {
            let (name, rest) = counted_by_byte(bytes).ok_or(Garbled::BadHeader)?;
            let (text, rest) = value(rest).ok_or(Garbled::BadHeader)?;
            bytes = rest;
            match name {
                b":message-type" => headers.message_type = text,
                b":event-type" => headers.event_type = text,
                b":exception-type" => headers.exception_type = text,
                b":error-code" => headers.error_code = text,
                b":error-message" => headers.error_message = text,
                _ => {}
            }
        }
        Ok(headers)
    }
}

/// Type number of a string value.
const STRING: u8 = 7;

/// One value: its text if it is a string, and what comes behind it.
fn value(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    let size = match kind {
        0 | 1 => 0, // true, false
        2 => 1,     // byte
        3 => 2,     // short
        4 => 4,     // integer
        5 | 8 => 8, // long, timestamp
        9 => 16,    // uuid
        6 | &STRING => {
            let (text, rest) = counted_by_short(rest)?;
            return Some(((*kind == STRING).then_some(text), rest));
        }
        _ => return None,
    };
    rest.split_at_checked(size).map(|(_, rest)| (None, rest))
}

fn counted_by_byte(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (count, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*count))
}

fn counted_by_short(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (count, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*count)))
}

/// Appends a string header. Names and values here are short words of ours or of the API.
pub(super) fn write(out: &mut Vec<u8>, name: &str, value: &str) {
    let name = name.get(..usize::from(u8::MAX).min(name.len())).unwrap_or_default();
    let value = crate::text::cut(value, usize::from(u16::MAX));
    out.push(u8::try_from(name.len()).unwrap_or_default());
    out.extend_from_slice(name.as_bytes());
    out.push(STRING);
    out.extend_from_slice(&u16::try_from(value.len()).unwrap_or_default().to_be_bytes());
    out.extend_from_slice(value.as_bytes());
}
