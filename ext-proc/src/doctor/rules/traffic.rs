//! What a running Envoy has counted.

use crate::doctor::at::Place;
use crate::doctor::rule::{Hit, Rule, Severity};
use crate::doctor::seen::{Seen, wasm};
use std::collections::BTreeSet;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "seen-breakers-open",
        severity: Severity::Error,
        what: "a circuit breaker of the service's cluster or of a provider's is open now",
        why: "the next request there is refused",
        look: |seen| {
            let gauges = ["cx_open", "cx_pool_open", "rq_open", "rq_pending_open", "rq_retry_open"];
            let all = clusters(seen)
                .into_iter()
                .flat_map(|name| gauges.map(|gauge| format!("cluster.{name}.circuit_breakers.default.{gauge}")));
            counted(seen, all, "raise the cluster's `circuit_breakers`")
        },
    },
    Rule {
        name: "seen-overflow",
        severity: Severity::Error,
        what: "requests to the service or to a provider were refused by circuit breakers",
        why: "each of them was an error for a client, or an attempt that was not made",
        look: |seen| {
            let counters = ["upstream_rq_pending_overflow", "upstream_cx_overflow", "upstream_rq_retry_overflow"];
            let clusters = clusters(seen).into_iter();
            let all = clusters.flat_map(|name| counters.map(|counter| format!("cluster.{name}.{counter}")));
            counted(seen, all, "raise the cluster's `circuit_breakers`")
        },
    },
    Rule {
        name: "seen-timeouts",
        severity: Severity::Warning,
        what: "the service did not answer in time",
        why: "the request ended in an error, or passed unseen",
        look: |seen| {
            counted(
                seen,
                of_ext_proc(seen, "message_timeouts"),
                "raise `message_timeout`, or give the service more CPU",
            )
        },
    },
    Rule {
        name: "seen-failed-streams",
        severity: Severity::Warning,
        what: "streams to the service have failed",
        why: "the request ended in an error, or passed unseen",
        look: |seen| {
            counted(seen, of_ext_proc(seen, "streams_failed"), "look at the service's log: it has ended, or was away")
        },
    },
    Rule {
        name: "seen-passed",
        severity: Severity::Warning,
        what: "requests passed although the service failed",
        why: "nobody limited, masked or booked them",
        look: |seen| counted(seen, of_ext_proc(seen, "failure_mode_allowed"), "look at the service's log and health"),
    },
    Rule {
        name: "seen-refused-changes",
        severity: Severity::Error,
        what: "Envoy has refused changes of headers",
        why: "something that the service set did not take effect",
        look: |seen| counted(seen, of_ext_proc(seen, "rejected_header_mutations"), "see `mutation-rules`"),
    },
    Rule {
        name: "seen-too-large",
        severity: Severity::Warning,
        what: "bodies were larger than Envoy's buffer (413)",
        why: "long prompts and images are normal",
        look: |seen| {
            let names = prefixes(seen).into_iter().flat_map(|prefix| {
                ["downstream_rq_too_large", "rs_too_large"].map(|counter| format!("http.{prefix}.{counter}"))
            });
            counted(
                seen,
                names,
                "raise `per_connection_buffer_limit_bytes` of the listener and the providers' clusters",
            )
        },
    },
    Rule {
        name: "seen-vm-crashes",
        severity: Severity::Error,
        what: "a VM for WASM has crashed: it was loaded again, or is to be (Envoy counts it with `failure_policy: FAIL_RELOAD` only)",
        why: "the requests in it ended in errors, and those until it is loaded again do, too",
        look: |seen| {
            let filters = seen.gateways.iter().flat_map(|gateway| &gateway.filters).filter_map(wasm);
            let names: BTreeSet<&str> = filters.map(|(_, plugin)| plugin.get("name").text()).collect();
            let counters = ["vm_reload", "vm_reload_backoff", "vm_reload_failure", "vm_reload_success"];
            let all = names.into_iter().flat_map(|name| counters.map(|counter| format!("wasm.{name}.{counter}")));
            counted(seen, all, "report what Envoy's log says of the crash")
        },
    },
    Rule {
        name: "seen-vms",
        severity: Severity::Warning,
        what: "more than 64 VMs for WASM are alive",
        why: "each has its own memory",
        look: |seen| {
            let name = "wasm.envoy.wasm.runtime.v8.active";
            let many = Some(seen.stat(name)).filter(|alive| *alive > 64);
            let fix = "see `wasm-vms`, or give Envoy a smaller `--concurrency`";
            many.map(|alive| Hit::todo(&Place::named(name), alive.to_string(), fix)).into_iter().collect()
        },
    },
];

/// The service's clusters, and those of attempts.
fn clusters<'a>(seen: &Seen<'a>) -> Vec<&'a str> {
    let services = seen.services().into_iter().map(|service| service.get("name").text());
    services.chain(seen.providers.iter().map(|provider| provider.cluster.get("name").text())).collect()
}

fn prefixes<'a>(seen: &'a Seen<'_>) -> Vec<&'a str> {
    seen.gateways.iter().map(|gateway| gateway.http.get("stat_prefix").text()).collect()
}

/// A counter of ext_proc, where exchanges and where attempts are processed.
fn of_ext_proc(seen: &Seen<'_>, counter: &str) -> Vec<String> {
    let exchanges = prefixes(seen).into_iter().map(|prefix| format!("http.{prefix}.ext_proc.{counter}"));
    let clusters = seen.providers.iter().map(|provider| provider.cluster.get("name").text());
    exchanges.chain(clusters.map(|name| format!("cluster.{name}.ext_proc.{counter}"))).collect()
}

fn counted(seen: &Seen<'_>, names: impl IntoIterator<Item = String>, fix: &str) -> Vec<Hit> {
    let counts = names.into_iter().map(|name| (seen.stat(&name), name)).filter(|(count, _)| *count > 0);
    counts.map(|(count, name)| Hit::todo(&Place::named(name), count.to_string(), fix)).collect()
}
