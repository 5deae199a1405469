//! Bedrock's errors: a message in the body, the name in the header `x-amzn-errortype`.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use super::framing;
use crate::fault::Fault;
use crate::script::{ErrorAfter, Script};
use crate::sse::Event;

pub(crate) fn body(fault: &Fault) -> Bytes {
    Bytes::from(json!({"message": fault.message}).to_string())
}

/// A request that is wrong.
pub(crate) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "ValidationException", message)
}

/// What the model behind the API found wrong, in its own words.
pub(super) fn of_model(message: &str) -> Fault {
    invalid(format!("The model returned the following errors: {message}"))
}

/// The headers that a response of this API has beside the common ones.
pub(crate) fn headers(headers: &mut HeaderMap, fault: Option<&Fault>, is_invoked_stream: bool) {
    if let Some(kind) = fault.and_then(|fault| HeaderValue::from_str(&fault.kind).ok()) {
        headers.insert(HeaderName::from_static("x-amzn-errortype"), kind);
    }
    if is_invoked_stream {
        let json = HeaderValue::from_static("application/json");
        headers.insert(HeaderName::from_static("x-amzn-bedrock-content-type"), json);
    }
}

/// An error that the script wants.
pub(crate) fn scripted(status: u16, script: &Script) -> Fault {
    let (kind, message) = match status {
        400 => ("ValidationException", "The provided request is not valid"),
        403 => ("AccessDeniedException", "You don't have access to the model with the specified model ID."),
        404 => {
            ("ResourceNotFoundException", "Could not resolve the foundation model from the provided model identifier.")
        }
        408 => ("ModelTimeoutException", "Model has timed out in processing the request. Try your request again."),
        424 => (
            "ModelErrorException",
            "The system encountered an unexpected error during processing. Try your request again.",
        ),
        429 => ("ThrottlingException", "Too many requests, please wait before trying again."),
        503 => ("ServiceUnavailableException", "Bedrock is unable to process your request."),
        _ => (
            "InternalServerException",
            "The system encountered an unexpected error during processing. Try your request again.",
        ),
    };
    let kind = script.error_type.as_deref().unwrap_or(kind);
    Fault::new(status, kind, script.error_message.as_deref().unwrap_or(message))
}

/// An exception inside of a stream, and then nothing more.
pub(crate) fn exception(error: &ErrorAfter) -> Event {
    let message = error.message.as_deref().unwrap_or("The system encountered an unexpected error during processing.");
    let kind = error.kind.as_deref().and_then(framing::exception_named).unwrap_or("internalServerException");
    Event { name: kind, data: json!({"message": message}).to_string().into(), is_delta: false }
}

pub(crate) fn too_large() -> Fault {
    Fault::new(413, "RequestEntityTooLargeException", "Request body is larger than the maximum size")
}

pub(crate) fn no_such_url() -> Fault {
    Fault::new(404, "UnknownOperationException", "Unable to determine service/operation name to be authorized")
}

pub(crate) fn wrong_method() -> Fault {
    Fault::new(405, "UnknownOperationException", "The requested operation is not recognized by the service.")
}
