//! OpenAI's error bodies. <https://platform.openai.com/docs/guides/error-codes>

use bytes::Bytes;
use serde_json::json;

use crate::fault::Fault;
use crate::script::Script;

pub(crate) fn body(fault: &Fault) -> Bytes {
    let error = json!({"error": {
        "message": fault.message,
        "type": fault.kind,
        "param": fault.param,
        "code": fault.code,
    }});
    Bytes::from(format!("{error:#}"))
}

/// The error that a script wants: its words where it has some, OpenAI's otherwise.
pub(crate) fn scripted(status: u16, script: &Script, model: &str) -> Fault {
    let mut fault = typical(status, model);
    if let Some(message) = &script.error_message {
        fault.message.clone_from(message);
    }
    if let Some(kind) = &script.error_type {
        fault.kind.clone_from(kind);
    }
    if script.error_code.is_some() {
        fault.code.clone_from(&script.error_code);
    }
    fault
}

fn typical(status: u16, model: &str) -> Fault {
    let new = |kind: &str, message: &str| Fault::new(status, kind, message);
    match status {
        401 => wrong_key("sk-simul"),
        403 => new("invalid_request_error", "Country, region, or territory not supported").code("unsupported_country_region_territory"),
        404 => Fault { status, ..Fault::invalid(format!("The model `{model}` does not exist or you do not have access to it.")) }
            .code("model_not_found"),
        408 => new("server_error", "Request timed out."),
        413 => too_large(),
        429 => new(
            "requests",
            &format!(
                "Rate limit reached for {model} in organization org-simulator on requests per min (RPM): Limit 500, \
                 Used 500, Requested 1. Please try again in 120ms. Visit https://platform.openai.com/account/rate-limits \
                 to learn more."
            ),
        )
        .code("rate_limit_exceeded"),
        503 => new("service_unavailable_error", "The engine is currently overloaded, please try again later."),
        500.. => new("server_error", "The server had an error while processing your request. Sorry about that!"),
        _ => new("invalid_request_error", "The request could not be processed."),
    }
}

pub(crate) fn no_key() -> Fault {
    Fault::new(
        401,
        "invalid_request_error",
        "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth \
         (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're accessing the \
         API from your browser and are prompted for a username and password. You can obtain an API key from \
         https://platform.openai.com/account/api-keys.",
    )
}

/// The real one shows the first and the last characters of the key; so does this, of long keys only.
pub(crate) fn wrong_key(key: &str) -> Fault {
    let shown: String = if key.chars().count() < 16 {
        key.chars().map(|_| '*').collect()
    } else {
        let last = key.chars().count() - 4;
        key.chars().enumerate().map(|(n, char)| if n < 8 || n >= last { char } else { '*' }).collect()
    };
    Fault::new(
        401,
        "invalid_request_error",
        format!(
            "Incorrect API key provided: {shown}. You can find your API key at https://platform.openai.com/account/api-keys."
        ),
    )
    .code("invalid_api_key")
}

pub(crate) fn too_large() -> Fault {
    Fault::new(413, "invalid_request_error", "Request body is too large.")
}

pub(crate) fn no_such_url(method: &http::Method, path: &str) -> Fault {
    Fault::new(404, "invalid_request_error", format!("Invalid URL ({method} {path})"))
}

pub(crate) fn wrong_method(method: &http::Method, path: &str) -> Fault {
    let hint = "(HINT: Perhaps you meant to use a different HTTP method?)";
    Fault::new(405, "invalid_request_error", format!("Not allowed to {method} on {path}. {hint}"))
        .code("method_not_supported")
}
