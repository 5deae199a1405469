//! `google.rpc.Status` as JSON. <https://cloud.google.com/apis/design/errors>

use bytes::Bytes;
use serde_json::{Value, json};

use super::url::House;
use crate::fault::Fault;
use crate::script::{ErrorAfter, Script};

/// The body; a stream without server-sent events has it in an array.
pub(crate) fn body(fault: &Fault, in_array: bool) -> Bytes {
    let mut error = json!({"code": fault.status, "message": fault.message, "status": fault.kind});
    let mut details: Vec<Value> = Vec::new();
    if let Some(reason) = &fault.code {
        let domain = "googleapis.com";
        details.push(json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": domain}));
    }
    if let Some(field) = &fault.param {
        let violation = json!({"field": field, "description": fault.message});
        details.push(json!({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}));
    }
    if fault.status == 429 {
        details.push(json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7.5s"}));
    }
    if let Some(fields) = error.as_object_mut().filter(|_| !details.is_empty()) {
        fields.insert("details".to_owned(), Value::Array(details));
    }
    let envelope = json!({"error": error});
    Bytes::from(if in_array { json!([envelope]).to_string() } else { envelope.to_string() })
}

/// A 400 for the caller.
pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "INVALID_ARGUMENT", message)
}

/// A 400 that names the field as the API does.
pub(super) fn field(path: &str, what: &str) -> Fault {
    invalid(format!("* GenerateContentRequest.{path}: {what}\n"))
}

/// The error that a script wants: its words where it has some, Google's otherwise.
pub(crate) fn scripted(status: u16, script: &Script, model: &str) -> Fault {
    let mut fault = typical(status, model);
    if let Some(message) = &script.error_message {
        fault.message.clone_from(message);
    }
    if let Some(kind) = &script.error_type {
        fault.kind.clone_from(kind);
    }
    if let Some(code) = &script.error_code {
        fault.code = Some(code.clone());
    }
    fault
}

fn typical(status: u16, model: &str) -> Fault {
    let new = |kind: &str, message: &str| Fault::new(status, kind, message);
    match status {
        401 => wrong_token(),
        403 => new("PERMISSION_DENIED", "Your project has been denied access. Please contact support."),
        404 => no_such_model(model),
        429 => new(
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota, please check your plan and billing details. For more information on this error, \
             head to: https://ai.google.dev/gemini-api/docs/rate-limits.",
        ),
        503 => new("UNAVAILABLE", "The model is overloaded. Please try again later."),
        504 => new("DEADLINE_EXCEEDED", "The request timed out. Please try again."),
        500.. => new("INTERNAL", "An internal error has occurred. Please retry."),
        _ => new("INVALID_ARGUMENT", "Request contains an invalid argument."),
    }
}

fn no_such_model(model: &str) -> Fault {
    let message = format!(
        "models/{model} is not found for API version v1beta, or is not supported for generateContent. Call ListModels to \
         see the list of available models and their supported methods."
    );
    Fault::new(404, "NOT_FOUND", message)
}

pub(crate) fn no_key(house: House) -> Fault {
    match house {
        House::Studio => Fault::new(
            403,
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other \
             form of API consumer identity to call this API.",
        ),
        House::Vertex => Fault::new(
            401,
            "UNAUTHENTICATED",
            "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other \
             valid authentication credential.",
        )
        .code("CREDENTIALS_MISSING"),
    }
}

pub(crate) fn wrong_key(house: House) -> Fault {
    match house {
        House::Studio => invalid("API key not valid. Please pass a valid API key.").code("API_KEY_INVALID"),
        House::Vertex => wrong_token(),
    }
}

fn wrong_token() -> Fault {
    Fault::new(
        401,
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid \
         authentication credential.",
    )
    .code("ACCESS_TOKEN_TYPE_UNSUPPORTED")
}

pub(crate) fn too_large() -> Fault {
    invalid("Request payload size exceeds the limit: 20971520 bytes.")
}

pub(crate) fn no_such_url() -> Fault {
    Fault::new(404, "NOT_FOUND", "Requested entity was not found.")
}

/// An error after the 200, as the data of an event.
pub(crate) fn in_stream(error: &ErrorAfter) -> String {
    let status = error.kind.as_deref().unwrap_or("UNAVAILABLE");
    let message = error.message.as_deref().unwrap_or("The model is overloaded. Please try again later.");
    json!({"error": {"code": 503, "message": message, "status": status}}).to_string()
}
