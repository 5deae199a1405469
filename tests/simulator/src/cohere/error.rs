//! Cohere's error bodies. <https://docs.cohere.com/reference/errors>

use bytes::Bytes;
use serde_json::json;

use crate::fault::Fault;
use crate::script::Script;

pub(crate) fn body(fault: &Fault, id: &str) -> Bytes {
    Bytes::from(json!({"id": id, "message": fault.message}).to_string())
}

/// The error that a script wants: its words where it has some, Cohere's otherwise.
pub(crate) fn scripted(status: u16, script: &Script, model: &str) -> Fault {
    let mut fault = typical(status, model);
    if let Some(message) = &script.error_message {
        fault.message.clone_from(message);
    }
    fault
}

fn typical(status: u16, model: &str) -> Fault {
    let message = match status {
        401 => return wrong_key(),
        402 => {
            "Please add or update your payment method at https://dashboard.cohere.com/billing?tab=payment to continue"
        }
        404 => {
            return of(
                404,
                format!(
                    "model '{model}' not found, make sure the correct model ID was used and that you have access to the model."
                ),
            );
        }
        413 => return too_large(),
        429 => "You are past the per minute request limit, please wait and try again later.",
        498 => "invalid api token",
        499 => "request cancelled",
        503 => "service unavailable, please try again later",
        500.. => "internal server error, this has been reported to our developers",
        _ => "invalid request: the request could not be processed.",
    };
    of(status, message)
}

pub(super) fn of(status: u16, message: impl Into<String>) -> Fault {
    Fault::new(status, "", message)
}

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    of(400, format!("invalid request: {}", message.into()))
}

pub(crate) fn no_key() -> Fault {
    of(401, "no api key supplied")
}

pub(crate) fn wrong_key() -> Fault {
    of(401, "invalid api token")
}

pub(crate) fn too_large() -> Fault {
    of(413, "request body is too large")
}

pub(crate) fn no_such_url() -> Fault {
    of(404, "404 page not found")
}

pub(crate) fn wrong_method() -> Fault {
    of(405, "method not allowed")
}
