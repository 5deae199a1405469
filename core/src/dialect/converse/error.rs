//! Errors: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors>.
//!
//! The body is `{"message": …}`; *which* error it is stands in the header `x-amzn-errortype` ([`error_type`]), by which the
//! SDKs choose what they raise. In a stream an error is an exception message, whose type has the same name in lower camel
//! case.

use crate::dialect::wire::{self, Raw, wire};
use crate::fault::{Fault, FaultKind};
use crate::frame::sse::Frame;
use crate::text::{Str, cut};
use serde::Serialize;

/// How much of a provider's message is repeated, in bytes.
const MESSAGE_BYTES_MAX: usize = 2000;
/// How much of a body that is no JSON is repeated, in bytes.
const EXCERPT_BYTES_MAX: usize = 300;

wire! {
    /// An error as the services of AWS write it, with a small or a capital letter.
    struct Said<'a> {
        message: Raw<'a>,
        message_capital "Message": Raw<'a>,
        kind "__type": Str<'a>,
        code: Raw<'a>,
        original_status "originalStatusCode": Raw<'a>,
        original_message "originalMessage": Str<'a>,
        resource "resourceName": Str<'a>,
    }
}

impl Said<'_> {
    fn message(&self) -> Option<String> {
        let text = |raw: Raw<'_>| serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
        let message = self.message.or(self.message_capital).map(text).filter(|message| !message.is_empty());
        message.or_else(|| self.original_message.as_ref().map(|message| message.as_str().to_owned()))
    }
}

/// Reads a provider's error answer, whatever its body is.
pub fn decode(status: u16, body: &[u8]) -> Fault {
    let by_status = kind_of_status(status);
    let fields: Option<Said<'_>> = serde_json::from_slice(body).ok();
    let named = fields.as_ref().and_then(|fields| fields.kind.as_deref()).and_then(kind_of);
    let message = match fields.as_ref().and_then(Said::message) {
        Some(message) => cut(&message, MESSAGE_BYTES_MAX).to_owned(),
        None => format!("the provider answered HTTP {status} with {}", described(body)),
    };
    let fault = of(named.unwrap_or(by_status), message);
    if (400..=599).contains(&status) { Fault { status, ..fault } } else { fault }
}

/// What a body that is no error of this dialect looks like to a person.
fn described(body: &[u8]) -> String {
    let text = body.trim_ascii();
    match (text.first(), std::str::from_utf8(text)) {
        (None, _) => "an empty body".to_owned(),
        (Some(b'{' | b'['), _) => "JSON that is no error of Bedrock's, or cut off".to_owned(),
        (Some(b'<'), _) | (_, Err(_)) => "a page that is not for programs".to_owned(),
        (_, Ok(text)) => format!("the text: {}", one_line(text)),
    }
}

/// Text from the network, cut short and on one line.
pub(super) fn one_line(text: &str) -> String {
    cut(text, EXCERPT_BYTES_MAX).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The fault that a frame of an event stream is, if it is an exception: one whose name says so, or one of a name that
/// nobody knows with nothing in it but a message. For any stream of Bedrock's, also that of InvokeModel.
pub fn of_frame(frame: &Frame<'_>) -> Option<Fault> {
    let name = frame.event.and_then(|name| std::str::from_utf8(name).ok())?;
    let is_exception = name.ends_with("Exception") || name.ends_with("Error");
    if !is_exception {
        return None;
    }
    let message = serde_json::from_slice::<Said<'_>>(&frame.data).ok().and_then(|fields| fields.message());
    let message = match message {
        Some(message) => cut(&message, MESSAGE_BYTES_MAX).to_owned(),
        None => format!("the provider's stream ended with {}", one_line(name)),
    };
    Some(of(kind_of(name).unwrap_or(FaultKind::Upstream), message))
}

fn of(kind: FaultKind, message: String) -> Fault {
    let too_long = is_context_overflow(&message);
    let fault = Fault::new(kind, message);
    if too_long { fault.with_code("context_length_exceeded") } else { fault }
}

/// The API has no error of its own for a prompt beyond the context window, only the models' messages.
fn is_context_overflow(message: &str) -> bool {
    const SIGNS: [&str; 5] = [
        "Input is too long for requested model",
        "prompt is too long",
        "exceed context limit",
        "Input Tokens Exceeded",
        "maximum context length",
    ];
    SIGNS.iter().any(|sign| message.contains(sign))
}

/// The kind that an error's name stands for, in any of its spellings: `ThrottlingException`, `throttlingException`,
/// `com.amazon.coral.service#ThrottlingException:http://…`.
fn kind_of(name: &str) -> Option<FaultKind> {
    let name = name.rsplit('#').next().unwrap_or(name);
    let name = name.split(':').next().unwrap_or(name);
    let name = name.strip_suffix("Exception").or(name.strip_suffix("Error")).unwrap_or(name);
    Some(match name.to_ascii_lowercase().as_str() {
        "validation" | "servicequotaexceeded" | "serialization" | "conflict" => FaultKind::InvalidRequest,
        "accessdenied" => FaultKind::Permission,
        "unrecognizedclient"
        | "invalidsignature"
        | "expiredtoken"
        | "incompletesignature"
        | "missingauthenticationtoken"
        | "invalidclienttokenid"
        | "unauthorized" => FaultKind::Authentication,
        "resourcenotfound" | "unknownoperation" => FaultKind::NotFound,
        "throttling" | "toomanyrequests" | "modelnotready" => FaultKind::RateLimit,
        "modeltimeout" => FaultKind::Timeout,
        "serviceunavailable" => FaultKind::Overloaded,
        "modelstream" | "model" => FaultKind::Upstream,
        // `ModelStreamErrorException` and `ModelErrorException` keep one ending.
        "modelstreamerror" | "modelerror" => FaultKind::Upstream,
        "internalserver" | "internalfailure" | "internal" => FaultKind::Server,
        "requestentitytoolarge" => FaultKind::TooLarge,
        _ => return None,
    })
}

fn kind_of_status(status: u16) -> FaultKind {
    match status {
        408 => FaultKind::Timeout,
        424 => FaultKind::Upstream,
        other => FaultKind::of_status(other),
    }
}

#[derive(Serialize)]
struct Body<'a> {
    message: &'a str,
}

/// Writes an error for the client. It is only half of it: the header `x-amzn-errortype` says which ([`error_type`]).
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
    wire::append(&Body { message }, out);
}

/// The value of the header `x-amzn-errortype`, which every error answer to a client of Bedrock's needs (Converse and
/// InvokeModel alike): the SDKs raise the exception of this name.
pub fn error_type(fault: &Fault) -> &'static str {
    match fault.kind {
        FaultKind::InvalidRequest | FaultKind::Method | FaultKind::TooLarge => "ValidationException",
        FaultKind::Authentication => "UnrecognizedClientException",
        FaultKind::Permission => "AccessDeniedException",
        FaultKind::NotFound => "ResourceNotFoundException",
        FaultKind::RateLimit => "ThrottlingException",
        FaultKind::Overloaded => "ServiceUnavailableException",
        FaultKind::Timeout => "ModelTimeoutException",
        FaultKind::Upstream | FaultKind::Server => "InternalServerException",
    }
}

/// The type of the exception message that ends a stream of ConverseStream's.
pub(super) fn exception_type(fault: &Fault) -> &'static str {
    match fault.kind {
        FaultKind::InvalidRequest
        | FaultKind::Method
        | FaultKind::TooLarge
        | FaultKind::Authentication
        | FaultKind::Permission
        | FaultKind::NotFound => "validationException",
        FaultKind::RateLimit => "throttlingException",
        FaultKind::Overloaded => "serviceUnavailableException",
        FaultKind::Timeout | FaultKind::Upstream => "modelStreamErrorException",
        FaultKind::Server => "internalServerException",
    }
}

/// The HTTP status with which this dialect's clients expect the fault: that of its exception. A fault of an upstream keeps
/// its own, which the SDKs try again as they do any 5xx.
pub fn status(fault: &Fault) -> u16 {
    match fault.kind {
        FaultKind::InvalidRequest => 400,
        FaultKind::Authentication | FaultKind::Permission => 403,
        FaultKind::Timeout => 408,
        FaultKind::Upstream | FaultKind::Server if (500..=599).contains(&fault.status) => fault.status,
        FaultKind::NotFound
        | FaultKind::Method
        | FaultKind::TooLarge
        | FaultKind::RateLimit
        | FaultKind::Overloaded
        | FaultKind::Upstream
        | FaultKind::Server => fault.kind.status(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::fixtures;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    #[test]
    fn errors_as_documented() {
        fixtures::check("converse", "errors", |name, body| {
            let status_code = name.split('_').next().unwrap().parse().unwrap();
            let fault = decode(status_code, body);
            let again = String::from_utf8(encode(&fault)).unwrap();
            format!("{fault:#?}\n\nto a client, with HTTP {} and {}:\n{again}\n", status(&fault), error_type(&fault))
        });
    }

    #[test]
    fn names_in_every_spelling() {
        for (name, kind) in [
            ("ThrottlingException", Some(FaultKind::RateLimit)),
            ("throttlingException", Some(FaultKind::RateLimit)),
            ("com.amazon.coral.service#AccessDeniedException", Some(FaultKind::Permission)),
            ("ValidationException:http://internal.amazon.com/coral/", Some(FaultKind::InvalidRequest)),
            ("modelStreamErrorException", Some(FaultKind::Upstream)),
            ("ModelErrorException", Some(FaultKind::Upstream)),
            ("internalServerException", Some(FaultKind::Server)),
            ("InternalServerError", Some(FaultKind::Server)),
            ("messageStart", None),
        ] {
            assert_eq!(kind_of(name), kind, "{name}");
        }
        for kind in [FaultKind::RateLimit, FaultKind::Overloaded, FaultKind::InvalidRequest, FaultKind::Server] {
            let fault = Fault::new(kind, "x");
            assert_eq!(kind_of(error_type(&fault)), Some(kind));
            assert_eq!(kind_of(exception_type(&fault)), Some(kind));
        }
    }

    #[test]
    fn faults_of_others() {
        let fault = Fault::invalid("must be positive").with_param("inferenceConfig.maxTokens");
        let expected = r#"{"message":"inferenceConfig.maxTokens: must be positive"}"#;
        assert_eq!(String::from_utf8(encode(&fault)).unwrap(), expected);
        assert_eq!((status(&fault), error_type(&fault)), (400, "ValidationException"));
        assert_eq!(status(&Fault::new(FaultKind::Timeout, "")), 408);
        assert_eq!(status(&Fault::upstream("")), 502);
    }

    proptest! {
        #[test]
        fn nothing_panics(status_code: u16, body: Vec<u8>, name in ".{0,20}") {
            let fault = decode(status_code, &body);
            prop_assert!((400..=599).contains(&status(&fault)));
            prop_assert!(serde_json::from_slice::<IgnoredAny>(&encode(&fault)).is_ok());
            let frame = Frame { event: Some(name.as_bytes()), data: body.as_slice().into(), raw: b"" };
            let _ = of_frame(&frame);
        }
    }
}
