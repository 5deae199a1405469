//! The cluster of the service itself, and what travels to it.

use crate::doctor::at::At;
use crate::doctor::rule::{Hit, Rule, Severity};
use crate::doctor::seen::{http_options, service_of};
use serde_json::{Value, json};

/// What Envoy allows where nothing else is said.
const REQUESTS_DEFAULT: f64 = 1024.0;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "service-missing",
        severity: Severity::Error,
        what: "a stage asks a cluster that Envoy does not have, or none by `envoy_grpc`",
        why: "every request ends in a 503, or passes unseen where failures are allowed",
        look: |seen| {
            let known = |stage: &At<'_>| seen.cluster(service_of(stage)).is_some();
            let lost = seen.stages().into_iter().filter(|stage| !stage.dig(["grpc_service", "google_grpc"]).is_set());
            let lost = lost
                .filter(|stage| !known(stage))
                .map(|stage| stage.dig(["grpc_service", "envoy_grpc", "cluster_name"]));
            let fix = "name the service's cluster";
            lost.map(|name| Hit::todo(name.place(), "no such cluster", fix)).collect()
        },
    },
    Rule {
        name: "service-circuit-breakers",
        severity: Severity::Error,
        what: "the service's `circuit_breakers` are Envoy's own: 1024 open streams",
        why: "an exchange is a stream from its first to its last byte: the next one gets a 500",
        look: |seen| {
            let limits = ["max_connections", "max_pending_requests", "max_requests"];
            seen.services().into_iter().filter_map(|service| circuit_breakers(service, &limits)).collect()
        },
    },
    Rule {
        name: "service-http1",
        severity: Severity::Error,
        what: "the service's cluster does not speak HTTP/2",
        why: "gRPC needs it",
        look: |seen| {
            let old = |service: &At<'_>| service.get("http2_protocol_options").is_set();
            let services = seen.services().into_iter().filter(|service| !old(service));
            let explicit = services.map(|service| http_options(service).get("explicit_http_config"));
            let without = explicit.filter(|explicit| !explicit.get("http2_protocol_options").is_set());
            without.map(|explicit| Hit::set(&explicit, json!({ "http2_protocol_options": {} }))).collect()
        },
    },
    Rule {
        name: "grpc-message-size",
        severity: Severity::Error,
        what: "a stage reaches the service by `google_grpc`, or by `envoy_grpc` with a `max_receive_message_length` below its bodies",
        why: "gRPC messages of 4 MiB at most: longer prompts and answers become errors",
        look: |seen| {
            let stages = seen.stages();
            let google = stages.iter().map(|stage| stage.dig(["grpc_service", "google_grpc"])).filter(At::is_set);
            let fix = "use `envoy_grpc` and a cluster";
            let google = google.map(|google| Hit::todo(google.place(), "in use", fix));
            let own =
                stages.iter().map(|stage| stage.dig(["grpc_service", "envoy_grpc", "max_receive_message_length"]));
            let wanted = super::gateway::buffer_bytes(seen);
            let small = own.filter(|limit| limit.number().is_some_and(|bytes| bytes < wanted as f64));
            google.chain(small.map(|limit| Hit::set(&limit, wanted))).collect()
        },
    },
];

/// A cluster whose circuit breakers stand at Envoy's defaults.
pub(super) fn circuit_breakers(cluster: &At<'_>, limits: &[&str]) -> Option<Hit> {
    let thresholds = cluster.dig(["circuit_breakers", "thresholds"]);
    let items = thresholds.items();
    let default = items.iter().find(|each| matches!(each.get("priority").text(), "" | "DEFAULT"));
    let small = |limit: &&&str| {
        let least = if **limit == "max_retries" { 3.0 } else { REQUESTS_DEFAULT };
        default.and_then(|each| each.get(limit).number()).unwrap_or(least) <= least
    };
    let small: Vec<_> = limits.iter().filter(small).collect();
    if small.is_empty() {
        return None;
    }
    let wanted = small.iter().map(|limit| ((**limit).to_owned(), json!(100_000))).collect::<serde_json::Map<_, _>>();
    Some(match default {
        Some(default) => {
            let kept = default.value().as_object().cloned().unwrap_or_default();
            let all: serde_json::Map<String, Value> = kept.into_iter().chain(wanted).collect();
            Hit::set(default, all)
        }
        None => Hit::add(&thresholds, wanted),
    })
}
