//! Errors: `{"error": {"message", "type", "param", "code"}}`.
//!
//! <https://platform.openai.com/docs/guides/error-codes>. Clients tell errors apart by the HTTP status (the SDKs choose
//! their exception class by it); `type` and `code` are for people and for finer distinctions.

use super::json::text_of;
use crate::dialect::wire::{self, Raw, wire};
use crate::fault::{Fault, FaultKind};
use crate::text::{Str, cut};
use serde::Serialize;

/// How much of a provider's message is passed on, in bytes.
const MESSAGE_BYTES_MAX: usize = 2048;
/// How much of a provider's code or parameter name is passed on, in bytes.
const NAME_BYTES_MAX: usize = 128;

wire! {
    /// Every place where a server of this dialect puts its message: `error` (OpenAI; an object or a string), `message`
    /// (older vLLM, Mistral), `detail` (FastAPI; a string or a list), `errors` (Cloudflare; a list).
    struct Body<'a> {
        error: Raw<'a>,
        message: Raw<'a>,
        detail: Raw<'a>,
        errors: Raw<'a>,
        kind "type": Raw<'a>,
        param: Raw<'a>,
        code: Raw<'a>,
    }
}

/// Reads a provider's error answer, whatever its body is.
pub fn decode(status: u16, body: &[u8]) -> Fault {
    let said = said(body);
    let message = match &said {
        Some(said) if !said.message.is_empty() => cut(&said.message, MESSAGE_BYTES_MAX).to_owned(),
        Some(_) => format!("the provider answered {status} without a message"),
        None => format!("the provider answered {status} with {}", described(body)),
    };
    let fault = Fault { kind: FaultKind::of_status(status), status, message, code: None, param: None };
    match said {
        Some(said) => said.name(fault),
        None => fault,
    }
}

/// Reads the `error` of a chunk, or the data of an `error` event: there is no HTTP status that tells the kind.
pub(in crate::dialect) fn decode_in_stream(json: &[u8]) -> Fault {
    let Some(said) = said(json) else {
        return Fault::upstream(format!("the provider's stream reports an error with {}", described(json)));
    };
    let kind = kind_of(said.kind.as_deref()).or_else(|| kind_of(said.code.as_deref())).unwrap_or(FaultKind::Upstream);
    let message = match cut(&said.message, MESSAGE_BYTES_MAX) {
        "" => "the provider's stream reports an error without a message",
        message => message,
    };
    let fault = Fault::new(kind, message);
    said.name(fault)
}

/// What a provider's error says.
#[derive(Default)]
struct Said<'a> {
    message: Str<'a>,
    kind: Option<Str<'a>>,
    code: Option<Str<'a>>,
    param: Option<Str<'a>>,
}

impl Said<'_> {
    /// Puts the machine-readable names on the fault. Where there is no code, the type is one if it says more than
    /// which kind it is (`insufficient_quota`).
    fn name(self, fault: Fault) -> Fault {
        let name = |name: Str<'_>| cut(&name, NAME_BYTES_MAX).to_owned();
        let kind = self.kind.filter(|kind| kind_of(Some(kind)).is_none() && !kind.ends_with("_error"));
        let code = self.code.or(kind).filter(|code| !code.is_empty());
        let param = self.param.filter(|param| !param.is_empty());
        Fault { code: code.map(name), param: param.map(name), ..fault }
    }
}

fn said(body: &[u8]) -> Option<Said<'_>> {
    // Google's servers of this dialect answer with a list of one error.
    let body = body.trim_ascii();
    let body = body.strip_prefix(b"[").and_then(|body| body.strip_suffix(b"]")).unwrap_or(body);
    let outer: Body<'_> = serde_json::from_slice(body).ok()?;
    if outer.error.is_none()
        && let Some(first) =
            outer.errors.and_then(|errors| serde_json::from_str::<Vec<Body<'_>>>(errors.get()).ok()?.pop())
    {
        return Some(from_fields(first));
    }
    let Some(error) = outer.error else { return Some(from_fields(outer)) };
    match serde_json::from_str::<Body<'_>>(error.get()) {
        Ok(inner) => Some(from_fields(inner)),
        // `error` is a string, and what else there is stands beside it.
        Err(_) => Some(Said { message: text_of(error), ..from_fields(outer) }),
    }
}

fn from_fields(body: Body<'_>) -> Said<'_> {
    Said {
        message: body.message.or(body.detail).map(text_of).unwrap_or_default(),
        kind: body.kind.map(text_of),
        code: body.code.map(text_of),
        param: body.param.map(text_of),
    }
}

/// What a body that is no error of this dialect looks like to a person.
fn described(body: &[u8]) -> String {
    let text = body.trim_ascii();
    match (text.first(), std::str::from_utf8(text)) {
        (None, _) => "an empty body".to_owned(),
        (Some(b'{' | b'['), _) => "JSON that is broken or cut off".to_owned(),
        (Some(b'<'), _) | (_, Err(_)) => "a page that is not JSON".to_owned(),
        (_, Ok(text)) => format!("the text: {}", cut(text, MESSAGE_BYTES_MAX)),
    }
}

/// The kind that a `type`, a `code` or a status as a code stands for.
fn kind_of(name: Option<&str>) -> Option<FaultKind> {
    let name = name?;
    Some(match name {
        "invalid_request_error"
        | "invalid_request"
        | "context_length_exceeded"
        | "content_filter"
        | "content_policy_violation"
        | "BadRequestError" => FaultKind::InvalidRequest,
        "authentication_error" | "invalid_api_key" => FaultKind::Authentication,
        "permission_error" | "permission_denied" => FaultKind::Permission,
        "not_found_error" | "model_not_found" => FaultKind::NotFound,
        "request_too_large" => FaultKind::TooLarge,
        "rate_limit_error" | "rate_limit_exceeded" | "requests" | "tokens" | "insufficient_quota" => {
            FaultKind::RateLimit
        }
        "overloaded_error"
        | "overloaded"
        | "service_unavailable"
        | "service_unavailable_error"
        | "engine_overloaded_error" => FaultKind::Overloaded,
        "timeout" | "timeout_error" => FaultKind::Timeout,
        "server_error" | "api_error" | "internal_error" | "internal_server_error" => FaultKind::Server,
        _ => match name.parse() {
            Ok(status @ 400..=599) => FaultKind::of_status(status),
            Ok(_) | Err(_) => return None,
        },
    })
}

/// An error on its way to a client.
#[derive(Serialize)]
pub(in crate::dialect) struct ErrorBody<'b> {
    error: ErrorObject<'b>,
}

#[derive(Serialize)]
struct ErrorObject<'b> {
    message: &'b str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'b str>,
    code: Option<&'b str>,
}

impl<'b> From<&'b Fault> for ErrorBody<'b> {
    fn from(fault: &'b Fault) -> Self {
        let (kind, code) = names(fault.kind);
        let error = ErrorObject {
            message: &fault.message,
            kind,
            param: fault.param.as_deref(),
            code: fault.code.as_deref().or(code),
        };
        Self { error }
    }
}

/// Writes an error for the client.
pub fn encode(fault: &Fault) -> Vec<u8> {
    wire::written(&ErrorBody::from(fault))
}

/// `type`, and the `code` where the fault has none of its own, as OpenAI's API pairs them.
pub(in crate::dialect) fn names(kind: FaultKind) -> (&'static str, Option<&'static str>) {
    match kind {
        FaultKind::InvalidRequest | FaultKind::NotFound | FaultKind::TooLarge => ("invalid_request_error", None),
        FaultKind::Method => ("invalid_request_error", Some("method_not_supported")),
        FaultKind::Authentication => ("invalid_request_error", Some("invalid_api_key")),
        FaultKind::Permission => ("invalid_request_error", Some("permission_denied")),
        FaultKind::RateLimit => ("rate_limit_error", Some("rate_limit_exceeded")),
        FaultKind::Overloaded => ("server_error", Some("service_unavailable")),
        FaultKind::Timeout => ("server_error", Some("timeout")),
        FaultKind::Upstream => ("server_error", Some("upstream_error")),
        FaultKind::Server => ("server_error", None),
    }
}

/// The HTTP status with which this dialect's clients expect the fault: statuses that only other APIs or proxies use
/// become the nearest one that OpenAI documents.
pub fn status(fault: &Fault) -> u16 {
    match fault.status {
        529 => 503,
        520..=530 => 502,
        400..=599 => fault.status,
        _ => fault.kind.status(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_a_providers_error() {
        for (status, body, expected) in [
            (
                400,
                r#"{"error":{"message":"too long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
                ("too long", Some("context_length_exceeded"), Some("messages")),
            ),
            (
                429,
                r#"{"error":{"message":"quota","type":"insufficient_quota","param":null,"code":null}}"#,
                ("quota", None, None),
            ),
            (403, r#"{"error":{"message":"region","type":"request_forbidden","code":""}}"#, ("region", Some(""), None)),
            (
                429,
                r#"{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"x"}}}"#,
                ("Provider returned error", Some("429"), None),
            ),
            (500, r#"{"error":"CUDA out of memory"}"#, ("CUDA out of memory", None, None)),
            (400, r#"{"error":"no","code":"x"}"#, ("no", Some("x"), None)),
            (
                400,
                r#"{"object":"error","message":"bad","type":"BadRequestError","code":40001}"#,
                ("bad", Some("40001"), None),
            ),
            (404, r#"{"detail":"Not Found"}"#, ("Not Found", None, None)),
            (
                422,
                r#"{"detail":[{"loc":["body"],"msg":"missing"}]}"#,
                (r#"[{"loc":["body"],"msg":"missing"}]"#, None, None),
            ),
            (
                400,
                r#"[{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT"}}]"#,
                ("bad", Some("400"), None),
            ),
            (
                502,
                "<html><h1>Bad Gateway</h1></html>",
                ("the provider answered 502 with a page that is not JSON", None, None),
            ),
            (500, "", ("the provider answered 500 with an empty body", None, None)),
            (
                500,
                r#"{"error":{"message":"cu"#,
                ("the provider answered 500 with JSON that is broken or cut off", None, None),
            ),
            (503, "no healthy upstream", ("the provider answered 503 with the text: no healthy upstream", None, None)),
            (500, "{}", ("the provider answered 500 without a message", None, None)),
            (500, r#"{"error":null}"#, ("the provider answered 500 without a message", None, None)),
            (500, "null", ("the provider answered 500 with the text: null", None, None)),
        ] {
            let fault = decode(status, body.as_bytes());
            let (message, code, param) = expected;
            assert_eq!(fault.message, message, "{body}");
            assert_eq!(fault.status, status);
            assert_eq!(fault.kind, FaultKind::of_status(status));
            assert_eq!(fault.code.as_deref(), code.filter(|code| !code.is_empty()), "{body}");
            assert_eq!(fault.param.as_deref(), param, "{body}");
        }
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let body = format!(r#"{{"error":{{"message":"{}"}}}}"#, "é".repeat(5000));
        let message = decode(500, body.as_bytes()).message;
        assert_eq!(message.len(), MESSAGE_BYTES_MAX);
    }

    #[test]
    fn in_a_stream_the_type_or_the_code_tells_the_kind() {
        for (json, kind, message) in [
            (r#"{"error":{"message":"m","type":"server_error"}}"#, FaultKind::Server, "m"),
            (r#"{"error":{"message":"m","code":"rate_limit_exceeded"}}"#, FaultKind::RateLimit, "m"),
            (r#"{"error":{"message":"m","code":503}}"#, FaultKind::Overloaded, "m"),
            (r#"{"error":{"message":"m","type":"new_error"}}"#, FaultKind::Upstream, "m"),
            (r#"{"message":"m","type":"overloaded_error"}"#, FaultKind::Overloaded, "m"),
            (r#"{"error":{}}"#, FaultKind::Upstream, "the provider's stream reports an error without a message"),
            ("oops", FaultKind::Upstream, "the provider's stream reports an error with the text: oops"),
        ] {
            let fault = decode_in_stream(json.as_bytes());
            assert_eq!((fault.kind, fault.message.as_str()), (kind, message), "{json}");
        }
    }

    #[test]
    fn clients_get_openais_shape() {
        let fault = Fault::invalid("no model").with_param("model").with_code("model_not_found");
        let json = String::from_utf8(encode(&fault)).unwrap();
        assert_eq!(
            json,
            r#"{"error":{"message":"no model","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#
        );
        let json = String::from_utf8(encode(&Fault::new(FaultKind::RateLimit, "slow \"down\"\n"))).unwrap();
        assert_eq!(
            json,
            r#"{"error":{"message":"slow \"down\"\n","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}"#
        );
        for (given, expected) in [(529, 503), (524, 502), (400, 400), (418, 418), (200, 502), (504, 504)] {
            assert_eq!(status(&Fault { status: given, ..Fault::upstream("") }), expected);
        }
    }
}
