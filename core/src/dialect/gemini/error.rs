//! Errors: `google.rpc.Status` in JSON (<https://cloud.google.com/apis/design/errors>), also in an array of one, as
//! streams without `alt=sse` have it; <https://ai.google.dev/gemini-api/docs/troubleshooting>.

use super::names::Many;
use crate::dialect::wire::{self, wire};
use crate::fault::{Fault, FaultKind};
use crate::text::Str;
use serde::Serialize;

/// How much of a provider's message is repeated, in characters.
const MESSAGE_CHARS_MAX: usize = 2000;
/// How much of a body that is no JSON is repeated, in characters.
const EXCERPT_CHARS_MAX: usize = 300;

wire! {
    struct Envelope<'a> { error: Status<'a> }
}
wire! {
    /// What went wrong.
    struct Status<'a> { message: Str<'a>, status: Str<'a>, details: Vec<Detail<'a>> }
}
wire! {
    /// Any detail: the fields of the types that say something here.
    struct Detail<'a> {
        reason: Str<'a>,
        violations "fieldViolations" | "field_violations": Vec<Violation<'a>>,
        retry_delay "retryDelay" | "retry_delay": Str<'a>,
    }
}
wire! {
    struct Violation<'a> { field: Str<'a> }
}

fn read(body: &[u8]) -> Option<Status<'_>> {
    let envelopes: Many<Envelope<'_>> = serde_json::from_slice(body).ok()?;
    envelopes.0.into_iter().find_map(|envelope| envelope.error)
}

/// Reads a provider's error answer, whatever its body is. An invalid key, which the API answers with 400, is what it is: a
/// fault of the kind [`FaultKind::Authentication`].
pub fn decode(status: u16, body: &[u8]) -> Fault {
    match read(body) {
        Some(error) => of_status(error, Some(status)),
        None => bodiless(status, body),
    }
}

/// How long to wait before the next try, in milliseconds, where the error says so (`RetryInfo`).
pub fn retry_delay_ms(body: &[u8]) -> Option<u64> {
    let details = read(body)?.details?;
    let delay = details.into_iter().find_map(|detail| detail.retry_delay)?;
    let (seconds, fraction) = delay.strip_suffix('s').map(|all| all.split_once('.').unwrap_or((all, "")))?;
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    seconds.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(millis.parse().ok()?)
}

/// The fault that an `error` object is. `status` is the HTTP status, where the error came with one of its own.
pub(super) fn of_status(error: Status<'_>, status: Option<u16>) -> Fault {
    let details = error.details.unwrap_or_default();
    let reason = details.iter().find_map(|detail| detail.reason.as_deref()).unwrap_or_default();
    let message = error.message.unwrap_or_default();
    let is_key = matches!(reason, "API_KEY_INVALID" | "API_KEY_EXPIRED" | "ACCESS_TOKEN_EXPIRED")
        || message.starts_with("API key not valid")
        || message.starts_with("API key expired");
    let kind = if is_key {
        FaultKind::Authentication
    } else {
        let by_status = || status.map_or(FaultKind::Upstream, FaultKind::of_status);
        error.status.as_deref().and_then(kind_of).unwrap_or_else(by_status)
    };
    let mut fault = of(kind, status.filter(|_| !is_key), &message);
    if is_context_overflow(&message) {
        fault.code = Some("context_length_exceeded".to_owned());
    } else if !reason.is_empty() {
        fault.code = Some(reason.chars().take(64).collect::<String>().to_ascii_lowercase());
    }
    let mut fields = details.iter().flat_map(|detail| detail.violations.iter().flatten());
    fault.param =
        fields.find_map(|violation| violation.field.as_deref()).map(|field| field.chars().take(200).collect());
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

/// What a status' name means; `None` for one that we do not know, which is judged by the number.
fn kind_of(name: &str) -> Option<FaultKind> {
    Some(match name {
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" | "ALREADY_EXISTS" => FaultKind::InvalidRequest,
        "UNAUTHENTICATED" => FaultKind::Authentication,
        "PERMISSION_DENIED" => FaultKind::Permission,
        "NOT_FOUND" => FaultKind::NotFound,
        "RESOURCE_EXHAUSTED" => FaultKind::RateLimit,
        "UNAVAILABLE" => FaultKind::Overloaded,
        "DEADLINE_EXCEEDED" => FaultKind::Timeout,
        "INTERNAL" | "UNKNOWN" | "DATA_LOSS" | "ABORTED" => FaultKind::Server,
        _ => return None,
    })
}

/// The API has no code for a prompt beyond the context window, only this message.
fn is_context_overflow(message: &str) -> bool {
    message.contains("exceeds the maximum number of tokens allowed")
}

#[derive(Serialize)]
struct EnvelopeOut<'a> {
    // First: Google's SDK knows an error in a stream by the text with which it begins.
    error: StatusOut<'a>,
}

#[derive(Serialize)]
struct StatusOut<'a> {
    code: u16,
    message: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<DetailOut<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "@type")]
enum DetailOut<'a> {
    #[serde(rename = "type.googleapis.com/google.rpc.ErrorInfo")]
    ErrorInfo { reason: String, domain: &'static str },
    #[serde(rename = "type.googleapis.com/google.rpc.BadRequest", rename_all = "camelCase")]
    BadRequest { field_violations: [ViolationOut<'a>; 1] },
}

#[derive(Serialize)]
struct ViolationOut<'a> {
    field: &'a str,
    description: &'a str,
}

/// Writes an error for the client.
pub fn encode(fault: &Fault) -> Vec<u8> {
    let mut out = Vec::new();
    write(fault, &mut out);
    out
}

/// Appends an error.
pub(super) fn write(fault: &Fault, out: &mut Vec<u8>) {
    let info = fault.code.as_deref().map(|code| {
        let reason = code.to_ascii_uppercase();
        DetailOut::ErrorInfo { reason, domain: "googleapis.com" }
    });
    let bad = fault.param.as_deref().map(|field| {
        let violation = ViolationOut { field, description: &fault.message };
        DetailOut::BadRequest { field_violations: [violation] }
    });
    let error = StatusOut {
        code: status(fault),
        message: &fault.message,
        status: name_of(fault.kind),
        details: info.into_iter().chain(bad).collect(),
    };
    wire::append(&EnvelopeOut { error }, out);
}

fn name_of(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::InvalidRequest | FaultKind::Method | FaultKind::TooLarge => "INVALID_ARGUMENT",
        FaultKind::Authentication => "UNAUTHENTICATED",
        FaultKind::Permission => "PERMISSION_DENIED",
        FaultKind::NotFound => "NOT_FOUND",
        FaultKind::RateLimit => "RESOURCE_EXHAUSTED",
        FaultKind::Overloaded => "UNAVAILABLE",
        FaultKind::Timeout => "DEADLINE_EXCEEDED",
        FaultKind::Upstream | FaultKind::Server => "INTERNAL",
    }
}

/// The HTTP status with which this dialect's clients expect the fault. Overload is 503 here, whatever others say.
pub fn status(fault: &Fault) -> u16 {
    if fault.kind != FaultKind::Overloaded && (400..=599).contains(&fault.status) {
        fault.status
    } else {
        fault.kind.status()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::fixtures;
    use crate::dialect::gemini::words;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    #[test]
    fn errors_as_documented() {
        fixtures::check("gemini", "errors", |name, body| {
            let status_code = name.split('_').next().unwrap().parse().unwrap();
            let fault = decode(status_code, body);
            let again = String::from_utf8(encode(&fault)).unwrap();
            let delay = retry_delay_ms(body).map(|ms| format!("\nnext try in {ms} ms")).unwrap_or_default();
            format!("{fault:#?}{delay}\n\nto a client, with HTTP {}:\n{again}\n", status(&fault))
        });
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for kind in [
            FaultKind::InvalidRequest,
            FaultKind::Authentication,
            FaultKind::Permission,
            FaultKind::NotFound,
            FaultKind::RateLimit,
            FaultKind::Overloaded,
            FaultKind::Timeout,
            FaultKind::Server,
        ] {
            let fault = Fault::new(kind, "words").with_code("some_code").with_param("contents[0]");
            assert_eq!(decode(status(&fault), &encode(&fault)), fault);
        }
        let mut overloaded = Fault::new(FaultKind::Overloaded, "");
        overloaded.status = 529;
        assert_eq!(status(&overloaded), 503);
    }

    #[test]
    fn delays() {
        for (delay, expected) in [
            ("34s", Some(34_000)),
            ("0.5s", Some(500)),
            ("34.07493s", Some(34_074)),
            ("x", None),
            ("99999999999999999999s", None),
        ] {
            let body = format!(r#"{{"error":{{"details":[{{"@type":"x"}},{{"retryDelay":"{delay}"}}]}}}}"#);
            assert_eq!(retry_delay_ms(body.as_bytes()), expected, "{delay}");
        }
    }

    #[test]
    fn long_messages_are_cut() {
        let body = format!(r#"{{"error":{{"message":"{}"}}}}"#, "é".repeat(10_000));
        assert_eq!(decode(400, body.as_bytes()).message.chars().count(), MESSAGE_CHARS_MAX);
        assert!(decode(500, "ü".repeat(10_000).as_bytes()).message.chars().count() < 400);
    }

    proptest! {
        #[test]
        fn nothing_panics(status_code: u16, body: Vec<u8>, json in words::json()) {
            for body in [body, json.into_bytes()] {
                let fault = decode(status_code, &body);
                prop_assert!((400..=599).contains(&status(&fault)));
                prop_assert!(serde_json::from_slice::<IgnoredAny>(&encode(&fault)).is_ok());
                retry_delay_ms(&body);
            }
        }
    }
}
