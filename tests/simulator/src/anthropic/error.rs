//! Anthropic's error bodies. <https://docs.anthropic.com/en/api/errors>

use bytes::Bytes;
use serde_json::json;

use crate::fault::Fault;
use crate::script::Script;

pub(crate) fn body(fault: &Fault, request_id: &str) -> Bytes {
    let error = json!({
        "type": "error",
        "error": {"type": fault.kind, "message": fault.message},
        "request_id": request_id,
    });
    Bytes::from(error.to_string())
}

/// The error that a script wants: its words where it has some, Anthropic's otherwise.
pub(crate) fn scripted(status: u16, script: &Script, model: &str) -> Fault {
    let mut fault = typical(status, model);
    if let Some(message) = &script.error_message {
        fault.message.clone_from(message);
    }
    if let Some(kind) = &script.error_type {
        fault.kind.clone_from(kind);
    }
    fault
}

fn typical(status: u16, model: &str) -> Fault {
    let new = |kind: &str, message: &str| Fault::new(status, kind, message);
    match status {
        401 => wrong_key(),
        402 => new("billing_error", "Your credit balance is too low to access the Anthropic API."),
        403 => new("permission_error", "Your API key does not have permission to use the specified resource."),
        404 => new("not_found_error", &format!("model: {model}")),
        413 => too_large(),
        429 => new(
            "rate_limit_error",
            "This request would exceed your organization's rate limit of 50 requests per minute. For details, refer to: \
             https://docs.claude.com/en/api/rate-limits.",
        ),
        504 => new("timeout_error", "Request timed out."),
        529 => new("overloaded_error", "Overloaded"),
        500.. => new("api_error", "Internal server error"),
        _ => new("invalid_request_error", "The request could not be processed."),
    }
}

pub(crate) fn no_key() -> Fault {
    Fault::new(401, "authentication_error", "x-api-key header is required")
}

pub(crate) fn wrong_key() -> Fault {
    Fault::new(401, "authentication_error", "invalid x-api-key")
}

pub(crate) fn no_version() -> Fault {
    Fault::invalid("anthropic-version: header is required")
}

pub(crate) fn too_large() -> Fault {
    Fault::new(413, "request_too_large", "Request exceeds the maximum size")
}

pub(crate) fn no_such_url(path: &str) -> Fault {
    Fault::new(404, "not_found_error", format!("Not found: {path}"))
}

pub(crate) fn wrong_method() -> Fault {
    Fault::new(405, "invalid_request_error", "Method Not Allowed")
}
