//! What Envoy's own replies mean, by their code details:
//! <https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_conn_man/response_code_details>.

use crate::fault::{Fault, FaultKind};

/// Whether this is a reply of Envoy itself for want of a provider's answer, and not one of some other filter.
pub fn is_known(details: &str) -> bool {
    let word = details.split('{').next().unwrap_or_default();
    word.starts_with("upstream_")
        || matches!(
            word,
            "stream_idle_timeout"
                | "no_healthy_upstream"
                | "cluster_not_found"
                | "no_cluster_found"
                | "route_not_found"
                | "request_payload_too_large"
                | "response_payload_too_large"
        )
}

/// The fault that Envoy's own reply stands for, in words for the client: without addresses, which the details may hold.
pub fn fault(status: u16, details: &str, provider: Option<&str>) -> Fault {
    let provider = provider.map_or_else(|| "the provider".to_owned(), |name| format!("provider `{name}`"));
    // The part before `{` is a fixed word of Envoy.
    let word = details.split('{').next().unwrap_or_default();
    let (kind, message) = match word {
        "upstream_per_try_timeout" | "upstream_response_timeout" | "stream_idle_timeout" => {
            (FaultKind::Timeout, format!("{provider} did not answer in time"))
        }
        "upstream_reset_before_response_started" if details.contains("connection_failure") => {
            (FaultKind::Upstream, format!("{provider} could not be reached"))
        }
        "upstream_reset_before_response_started" if details.contains("overflow") => {
            (FaultKind::Overloaded, format!("too many requests to {provider} are open"))
        }
        "upstream_reset_before_response_started" => {
            (FaultKind::Upstream, format!("{provider} closed the connection before it answered"))
        }
        "no_healthy_upstream" | "cluster_not_found" | "no_cluster_found" => (
            FaultKind::Overloaded,
            "no way leads to the planned provider; the gateway's operator must look at its Envoy".to_owned(),
        ),
        "direct_response" | "route_not_found" => (
            FaultKind::Server,
            "the gateway could not route the request by its plan; the operator must look at its Envoy".to_owned(),
        ),
        "request_payload_too_large" => (FaultKind::TooLarge, "the request body is too large".to_owned()),
        "response_payload_too_large" => (FaultKind::Upstream, format!("the answer of {provider} is too large")),
        _ => (FaultKind::of_status(status), format!("{provider} gave no answer")),
    };
    Fault::new(kind, message).with_code(word.chars().take(64).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envoy_s_replies_become_faults_without_addresses() {
        for (status, details, expected) in [
            (504, "upstream_per_try_timeout", (FaultKind::Timeout, "provider `a` did not answer in time")),
            (
                503,
                "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
                (FaultKind::Upstream, "provider `a` could not be reached"),
            ),
            (
                503,
                "upstream_reset_before_response_started{connection_termination}",
                (FaultKind::Upstream, "provider `a` closed the connection before it answered"),
            ),
            (418, "something_new{10.0.0.1:443}", (FaultKind::InvalidRequest, "provider `a` gave no answer")),
        ] {
            let fault = fault(status, details, Some("a"));
            assert_eq!((fault.kind, fault.message.as_str()), expected, "{details}");
            assert!(!fault.code.unwrap().contains('1'), "{details}");
        }
    }
}
