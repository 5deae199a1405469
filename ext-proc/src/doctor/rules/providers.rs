//! The clusters of providers.

use super::gateway::{buffer_bytes, buffer_bytes_min};
use super::service::circuit_breakers;
use crate::doctor::at::{At, Place};
use crate::doctor::rule::{Hit, Rule, Severity};
use crate::doctor::seen::Seen;
use serde_json::json;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "provider-missing",
        severity: Severity::Error,
        what: "Envoy has no cluster for a provider of the service's configuration",
        why: "a plan that names it ends in a 503",
        look: |seen| {
            let providers = seen.config.iter().flat_map(|config| config.providers.values());
            let known = |name: &str| seen.cluster(name).is_some() || seen.exchanges().next().is_none();
            let missing = providers.filter(|provider| !known(&provider.cluster));
            let fix = "print the clusters again with `attache envoy`";
            let place = |name: &str| Place::named(format!("cluster {name}"));
            missing.map(|provider| Hit::todo(&place(&provider.cluster), "not there", fix)).collect()
        },
    },
    Rule {
        name: "provider-circuit-breakers",
        severity: Severity::Error,
        what: "a provider's `circuit_breakers` are Envoy's own: 1024 requests, 3 retries at a time",
        why: "when a provider fails, most requests never see the next target",
        look: |seen| {
            let limits = ["max_connections", "max_pending_requests", "max_requests", "max_retries"];
            seen.providers.iter().filter_map(|provider| circuit_breakers(&provider.cluster, &limits)).collect()
        },
    },
    Rule {
        name: "provider-buffer",
        severity: Severity::Error,
        what: "a provider's `per_connection_buffer_limit_bytes` is smaller than the bodies that come, or larger than the listener's",
        why: "a body that outgrows it is not kept for the next attempt; an answer larger than the listener's buffer hangs",
        look: provider_buffers,
    },
    Rule {
        name: "no-refusing-endpoint",
        severity: Severity::Warning,
        what: "a provider that is found by DNS has no last-priority endpoint that refuses",
        why: "when its name no longer resolves Envoy answers 503 at once, and no other target is tried",
        look: |seen| {
            let by_name = seen.providers.iter().map(|provider| &provider.cluster).filter(|cluster| is_by_name(cluster));
            let endpoints = by_name.map(|cluster| cluster.dig(["load_assignment", "endpoints"]));
            let lacking = endpoints.filter(|endpoints| !has_a_lower_priority(endpoints));
            lacking.map(|endpoints| Hit::add(&endpoints, refusing())).collect()
        },
    },
];

fn provider_buffers(seen: &Seen<'_>) -> Vec<Hit> {
    let listeners = seen.exchanges().map(|(gateway, _)| gateway.listener.get("per_connection_buffer_limit_bytes"));
    // A listener's that is too small is a finding of its own.
    let listener = listeners.filter_map(|limit| limit.number()).filter(|bytes| *bytes >= buffer_bytes_min(seen));
    let listener = listener.fold(f64::INFINITY, f64::min);
    let wanted = if listener.is_finite() { json!(listener as u64) } else { json!(buffer_bytes(seen)) };
    let limits = seen.providers.iter().map(|provider| provider.cluster.get("per_connection_buffer_limit_bytes"));
    let wrong = limits.filter(|limit| {
        let bytes = limit.number().unwrap_or(1_048_576.0);
        bytes < buffer_bytes_min(seen) || bytes > listener
    });
    wrong.map(|limit| Hit::set(&limit, wanted.clone())).collect()
}

fn is_by_name(cluster: &At<'_>) -> bool {
    let kind = cluster.get("type").text();
    matches!(kind, "STRICT_DNS" | "LOGICAL_DNS") || cluster.dig(["cluster_type", "typed_config"]).is_a("DnsCluster")
}

fn has_a_lower_priority(endpoints: &At<'_>) -> bool {
    endpoints.items().iter().any(|group| group.get("priority").number().is_some_and(|priority| priority > 0.0))
}

fn refusing() -> serde_json::Value {
    let address = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 1 } });
    json!({ "priority": 1, "lb_endpoints": [{ "endpoint": { "address": address } }] })
}
