//! Errors: <https://platform.claude.com/docs/en/api/errors>.

use super::block::{Loose, Word, word};
use crate::dialect::wire::{self, wire};
use crate::fault::{Fault, FaultKind};
use crate::text::Str;
use serde::Serialize;
use serde::de::IgnoredAny;

/// How much of a provider's message is repeated, in characters.
const MESSAGE_CHARS_MAX: usize = 2000;
/// How much of a body that is no JSON is repeated, in characters.
const EXCERPT_CHARS_MAX: usize = 300;
/// The API's own status for having no capacity.
const STATUS_OVERLOADED: u16 = 529;
/// The status of an account that has not paid.
const STATUS_BILLING: u16 = 402;

wire! {
    /// An error as the API writes it, and as what stands before it may: `{"error": "…"}`, `{"message": "…"}`.
    struct Envelope<'a> {
        kind "type": IgnoredAny,
        error: Loose<'a, ErrorFields<'a>>,
        message: Word<'a>,
        detail: Word<'a>,
    }
}

wire! {
    struct ErrorFields<'a> { kind "type": Word<'a>, message: Word<'a> }
}

/// Reads a provider's error answer, whatever its body is.
pub fn decode(status: u16, body: &[u8]) -> Fault {
    let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(body) else {
        return bodiless(status, body);
    };
    match (envelope.error, word(envelope.message).or(word(envelope.detail))) {
        (Some(fields), _) => of_fields(fields, Some(status)),
        (None, Some(message)) => of(FaultKind::of_status(status), Some(status), &message),
        (None, None) => bodiless(status, body),
    }
}

/// The fault that an `error` object is. `status` is the HTTP status, where the error came with one of its own.
pub(super) fn of_fields(fields: Loose<'_, ErrorFields<'_>>, status: Option<u16>) -> Fault {
    let (kind, message) = match fields {
        Loose::Object(fields) => (word(fields.kind).unwrap_or_default(), word(fields.message).unwrap_or_default()),
        Loose::Text(message) => (Str::default(), message),
        Loose::List(_) | Loose::Other => (Str::default(), Str::default()),
    };
    let by_status = || status.map_or(FaultKind::Upstream, FaultKind::of_status);
    let mut fault = of(kind_of(&kind).unwrap_or_else(by_status), status, &message);
    if kind == "billing_error" {
        fault.code = Some(kind.into_string());
    } else if is_context_overflow(&message) {
        fault.code = Some("context_length_exceeded".to_owned());
    }
    fault
}

fn of(kind: FaultKind, status: Option<u16>, message: &str) -> Fault {
    let message: String = if message.is_empty() {
        "the provider reports an error without a message".to_owned()
    } else {
        message.chars().take(MESSAGE_CHARS_MAX).collect()
    };
    let mut fault = Fault::new(kind, message);
    if let Some(status) = status.filter(|status| (400..=599).contains(status)) {
        fault.status = status;
    }
    fault
}

/// A body that says nothing in a form that is known.
fn bodiless(status: u16, body: &[u8]) -> Fault {
    let text = String::from_utf8_lossy(body.get(..EXCERPT_CHARS_MAX * 4).unwrap_or(body));
    let text = text.trim();
    let message = if text.is_empty() {
        format!("the provider answered HTTP {status} without a body")
    } else if text.starts_with('<') {
        format!("the provider answered HTTP {status} with a page that is not for programs (HTML)")
    } else {
        format!("the provider answered HTTP {status}: {}", short(text))
    };
    of(FaultKind::of_status(status), Some(status), &message)
}

/// Text from the network, cut short and on one line.
pub(super) fn short(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(EXCERPT_CHARS_MAX).collect()
}

/// What an error's type means; `None` for one that we do not know, which is judged by the status.
fn kind_of(kind: &str) -> Option<FaultKind> {
    Some(match kind {
        "invalid_request_error" => FaultKind::InvalidRequest,
        "authentication_error" => FaultKind::Authentication,
        "permission_error" | "billing_error" => FaultKind::Permission,
        "not_found_error" => FaultKind::NotFound,
        "request_too_large" => FaultKind::TooLarge,
        "rate_limit_error" => FaultKind::RateLimit,
        "timeout_error" => FaultKind::Timeout,
        "overloaded_error" => FaultKind::Overloaded,
        "api_error" => FaultKind::Server,
        _ => return None,
    })
}

/// The API has no code for a prompt beyond the context window, only this message.
fn is_context_overflow(message: &str) -> bool {
    message.starts_with("prompt is too long") || message.contains("exceed context limit")
}

#[derive(Serialize)]
struct EnvelopeOut<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: ErrorOut<'a>,
}

#[derive(Serialize)]
struct ErrorOut<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
}

/// Writes an error for the client.
pub fn encode(fault: &Fault) -> Vec<u8> {
    let mut out = Vec::new();
    write(fault, &mut out);
    out
}

/// Appends an error. This dialect has no field for the parameter at fault, so the message begins with it.
pub(super) fn write(fault: &Fault, out: &mut Vec<u8>) {
    let with_param = match &fault.param {
        Some(param) if !fault.message.contains(param.as_str()) => Some(format!("{param}: {}", fault.message)),
        Some(_) | None => None,
    };
    let message = with_param.as_deref().unwrap_or(&fault.message);
    let envelope = EnvelopeOut { kind: "error", error: ErrorOut { kind: type_of(fault), message } };
    wire::append(&envelope, out);
}

fn type_of(fault: &Fault) -> &'static str {
    if fault.status == STATUS_BILLING {
        return "billing_error";
    }
    match fault.kind {
        FaultKind::InvalidRequest | FaultKind::Method => "invalid_request_error",
        FaultKind::Authentication => "authentication_error",
        FaultKind::Permission => "permission_error",
        FaultKind::NotFound => "not_found_error",
        FaultKind::TooLarge => "request_too_large",
        FaultKind::RateLimit => "rate_limit_error",
        FaultKind::Overloaded => "overloaded_error",
        FaultKind::Timeout => "timeout_error",
        FaultKind::Upstream | FaultKind::Server => "api_error",
    }
}

/// The HTTP status with which this dialect's clients expect the fault.
pub fn status(fault: &Fault) -> u16 {
    match fault.kind {
        FaultKind::Overloaded => STATUS_OVERLOADED,
        FaultKind::InvalidRequest
        | FaultKind::Authentication
        | FaultKind::Permission
        | FaultKind::NotFound
        | FaultKind::Method
        | FaultKind::TooLarge
        | FaultKind::RateLimit
        | FaultKind::Timeout
        | FaultKind::Upstream
        | FaultKind::Server => {
            if (400..=599).contains(&fault.status) {
                fault.status
            } else {
                fault.kind.status()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::fixtures;
    use proptest::prelude::*;

    #[test]
    fn errors_as_documented() {
        fixtures::check("anthropic", "errors", |name, body| {
            let status_code = name.split('_').next().unwrap().parse().unwrap();
            let fault = decode(status_code, body);
            let again = String::from_utf8(encode(&fault)).unwrap();
            format!("{fault:#?}\n\nto a client, with HTTP {}:\n{again}\n", status(&fault))
        });
    }

    #[test]
    fn faults_of_others() {
        let fault = Fault::invalid("must be positive").with_param("max_tokens");
        let expected =
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: must be positive"}}"#;
        assert_eq!(String::from_utf8(encode(&fault)).unwrap(), expected);
        assert_eq!(status(&fault), 400);
        assert_eq!(status(&Fault::new(FaultKind::Overloaded, "")), 529);
        let mut odd = Fault::new(FaultKind::RateLimit, "");
        odd.status = 200;
        assert_eq!(status(&odd), 429);
    }

    #[test]
    fn long_messages_are_cut() {
        let body = format!(r#"{{"error":{{"message":"{}"}}}}"#, "é".repeat(10_000));
        assert_eq!(decode(400, body.as_bytes()).message.chars().count(), MESSAGE_CHARS_MAX);
        assert!(decode(500, "ü".repeat(10_000).as_bytes()).message.chars().count() < 400);
    }

    proptest! {
        #[test]
        fn nothing_panics(status_code: u16, body: Vec<u8>) {
            let fault = decode(status_code, &body);
            prop_assert!((400..=599).contains(&status(&fault)));
            prop_assert!(serde_json::from_slice::<IgnoredAny>(&encode(&fault)).is_ok());
        }
    }
}
