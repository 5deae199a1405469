//! The filters that run inside Envoy.

use super::exchange::missing;
use crate::doctor::at::At;
use crate::doctor::rule::{Hit, Rule, Severity};
use crate::doctor::seen::{Gateway, Seen, upstream_filters, wasm};
use serde_json::Value;
use std::collections::BTreeSet;

/// So many VMs of plugins are no accident.
const VMS_MAX: usize = 8;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "wasm-stop-iteration",
        severity: Severity::Error,
        what: "`allow_on_headers_stop_iteration` is missing on a filter for WASM",
        why: "the filter holds the headers until it knows the body; without this line no body ever comes",
        look: |seen| {
            let holding = plugins(seen).into_iter().filter(|(_, plugin)| holds_headers(plugin));
            let switches = holding.map(|(_, plugin)| plugin.get("allow_on_headers_stop_iteration"));
            switches.filter(|switch| !switch.is_true()).map(|switch| Hit::set(&switch, true)).collect()
        },
    },
    Rule {
        name: "wasm-open",
        severity: Severity::Error,
        what: "a filter for WASM that must read everything may fail open (`FAIL_OPEN`, `fail_open`)",
        why: "with the filter broken, requests pass unread",
        look: |seen| {
            let strict = plugins(seen).into_iter().filter(|(name, _)| *name != "usage");
            strict.filter_map(|(_, plugin)| open(&plugin)).collect()
        },
    },
    Rule {
        name: "wasm-paths",
        severity: Severity::Error,
        what: "`normalize_path` or `merge_slashes` is missing on a listener with filters for WASM",
        why: "a filter knows an API by its path: `//v1/chat/completions` passes unread, and many a provider answers it",
        look: |seen| {
            let read =
                seen.gateways.iter().filter(|gateway| gateway.filters.iter().any(|filter| wasm(filter).is_some()));
            missing(read.flat_map(|gateway| ["normalize_path", "merge_slashes"].map(|switch| gateway.http.get(switch))))
        },
    },
    Rule {
        name: "wasm-order",
        severity: Severity::Warning,
        what: "`redact` stands before `guard`",
        why: "guards read placeholders in requests, and in answers what redaction has not restored",
        look: |seen| seen.gateways.iter().filter_map(redact_before_guard).collect(),
    },
    Rule {
        name: "wasm-vms",
        severity: Severity::Warning,
        what: "more than eight different VMs are configured for WASM",
        why: "every worker has one of each: memory and start-up time grow with both",
        look: |seen| {
            let plugins = plugins(seen);
            let vms: BTreeSet<String> =
                plugins.iter().map(|(_, plugin)| plugin.get("vm_config").value().to_string()).collect();
            let last = plugins.last().filter(|_| vms.len() > VMS_MAX);
            let fix = "give plugins with the same code the same `vm_id` and configuration, or fewer filters";
            last.map(|(_, plugin)| Hit::todo(plugin.place(), format!("{} VMs", vms.len()), fix)).into_iter().collect()
        },
    },
];

fn plugins<'a>(seen: &Seen<'a>) -> Vec<(&'static str, At<'a>)> {
    let inbound = seen.gateways.iter().flat_map(|gateway| &gateway.filters).filter_map(wasm);
    let outbound = seen.clusters.iter().flat_map(upstream_filters);
    inbound.chain(outbound.filter_map(|filter| wasm(&filter))).collect()
}

/// Whether a plugin's own configuration lets headers wait for bodies: a text, or an object that becomes one.
fn holds_headers(plugin: &At<'_>) -> bool {
    let written = plugin.dig(["configuration", "value"]);
    let read: Option<Value> = serde_json::from_str(written.text()).ok();
    read.as_ref().unwrap_or(written.value()).get("hold_headers").and_then(Value::as_bool).unwrap_or(true)
}

fn open(plugin: &At<'_>) -> Option<Hit> {
    let (policy, old) = (plugin.get("failure_policy"), plugin.get("fail_open"));
    if policy.text() == "FAIL_OPEN" {
        return Some(Hit::set(&policy, "FAIL_RELOAD"));
    }
    old.is_true().then(|| Hit::set(&old, false))
}

fn redact_before_guard(gateway: &Gateway<'_>) -> Option<Hit> {
    let place = |wanted: &str| {
        gateway.filters.iter().enumerate().find(|(_, filter)| wasm(filter).is_some_and(|(name, _)| name == wanted))
    };
    let ((redact, filter), (guard, _)) = (place("redact")?, place("guard")?);
    (redact < guard).then(|| Hit::todo(filter.place(), "before `guard`", "put `guard` first"))
}
