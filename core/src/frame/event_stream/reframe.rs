//! [`Reframe`]: server-sent events, as every encoder writes them, → an AWS event stream.

use super::{write, write_chunk, write_exception};
use crate::frame::sse::{Frame, Sse, TooLong};
use crate::text::Str;
use serde::Deserialize;

/// What the messages shall look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// ConverseStream: an event's name is the message's type, its data are the payload. A name that ends in `Exception`
    /// makes an exception.
    Converse,
    /// InvokeModelWithResponseStream: each event's data are wrapped into a `chunk`. An `error` event of Anthropic's
    /// dialect becomes the exception that Bedrock has for it.
    Chunk,
}

/// Turns one stream. Holds at most one unfinished event.
#[derive(Debug)]
pub struct Reframe {
    sse: Sse,
    mode: Mode,
}

impl Reframe {
    /// For events of at most `limit` bytes.
    pub fn new(mode: Mode, limit: usize) -> Self {
        Self { sse: Sse::new(limit), mode }
    }

    /// Takes the next bytes of server-sent events and appends a message for each that they complete. Comments and events
    /// without data say nothing here and are dropped.
    ///
    /// # Errors
    /// [`TooLong`]: an event is beyond the limit.
    pub fn push(&mut self, events: &[u8], out: &mut Vec<u8>) -> Result<(), TooLong> {
        let mode = self.mode;
        self.sse.push(events, &mut |frame| {
            one(mode, &frame, out);
            Ok(())
        })
    }

    /// Ends the stream: appends a last event that nobody closed.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let mode = self.mode;
        let finished: Result<(), TooLong> = self.sse.finish(&mut |frame| {
            one(mode, &frame, out);
            Ok(())
        });
        debug_assert!(finished.is_ok(), "nothing in it fails");
    }
}

fn one(mode: Mode, frame: &Frame<'_>, out: &mut Vec<u8>) {
    if frame.data.is_empty() {
        return;
    }
    let name = frame.event.and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
    match mode {
        Mode::Converse if name.ends_with("Exception") => write_exception(out, name, &frame.data),
        Mode::Converse => write(out, name, &frame.data),
        Mode::Chunk if name == "error" => {
            let (exception, message) = exception(&frame.data);
            write_exception(out, exception, serde_json::json!({ "message": message }).to_string().as_bytes());
        }
        Mode::Chunk => write_chunk(out, &frame.data),
    }
}

#[derive(Deserialize)]
struct ErrorEvent<'a> {
    #[serde(borrow)]
    error: ErrorFields<'a>,
}

#[derive(Deserialize)]
struct ErrorFields<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Str<'a>>,
    #[serde(borrow, default)]
    message: Option<Str<'a>>,
}

/// The exception of `ResponseStream` that an error of Anthropic's dialect is, and its words.
fn exception(data: &[u8]) -> (&'static str, String) {
    let Ok(ErrorEvent { error }) = serde_json::from_slice::<ErrorEvent<'_>>(data) else {
        return ("modelStreamErrorException", String::from_utf8_lossy(data).into_owned());
    };
    let name = match error.kind.as_deref().unwrap_or_default() {
        "rate_limit_error" => "throttlingException",
        "overloaded_error" => "serviceUnavailableException",
        "timeout_error" => "modelTimeoutException",
        "invalid_request_error" | "request_too_large" | "not_found_error" => "validationException",
        "api_error" => "internalServerException",
        _ => "modelStreamErrorException",
    };
    (name, error.message.map(Str::into_string).unwrap_or_default())
}
