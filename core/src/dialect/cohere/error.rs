//! Errors: `{"message", "id"}`, <https://docs.cohere.com/reference/errors>.

use crate::dialect::openai;
use crate::dialect::wire::{self, wire};
use crate::fault::{Fault, FaultKind};
use crate::text::Str;
use serde::Serialize;

wire! { struct Body<'a> { message: Str<'a> } }

/// Reads a provider's error answer, whatever its body is.
///
/// Two statuses are Cohere's own: 498 (the token is not valid) is 401 to everybody else, and 499 (the request was
/// cancelled: not by us, who still wait for its answer) is 502.
pub fn decode(status: u16, body: &[u8]) -> Fault {
    let mut fault = openai::error::decode(status, body);
    (fault.kind, fault.status) = match status {
        498 => (FaultKind::Authentication, 401),
        499 => (FaultKind::Upstream, 502),
        _ => (fault.kind, status),
    };
    let own = serde_json::from_slice::<Body<'_>>(body).ok().and_then(|body| body.message).unwrap_or_default();
    if status == 402 {
        fault.code = Some("billing_error".to_owned());
    } else if own.starts_with("too many tokens") {
        fault.code = Some("context_length_exceeded".to_owned());
    }
    fault
}

#[derive(Serialize)]
struct Written<'b> {
    message: &'b str,
}

/// Writes an error for the client. The API's `id` is that of an answer, which there is not.
pub fn encode(fault: &Fault) -> Vec<u8> {
    wire::written(&Written { message: &fault.message })
}

/// The HTTP status with which clients of this dialect expect the fault. The SDK chooses its exception by it, and knows
/// those of OpenAI's API and some more.
pub fn status(fault: &Fault) -> u16 {
    openai::error::status(fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::fixtures;

    #[test]
    fn errors_as_documented() {
        fixtures::check("cohere", "errors", |name, body| {
            let status = name.split('_').next().and_then(|status| status.parse().ok()).unwrap();
            let fault = decode(status, body);
            let written = String::from_utf8(encode(&fault)).unwrap();
            format!("{fault:#?}\n\nwritten with {}: {written}\n", super::status(&fault))
        });
    }
}
