//! Where clients come in.

use crate::doctor::rule::{Hit, Rule, Severity};
use crate::doctor::seen::{Seen, configured, is_loopback, removes_clients};
use crate::envoy::ALL_BUT_CACHE;
use serde_json::{Value, json};

/// Envoy's buffers for a connection where nothing else is said, in bytes.
const BUFFER_BYTES_DEFAULT: f64 = 1_048_576.0;

/// What buffers should hold, where the service's configuration does not say it: 64 MiB and some framing.
const BUFFER_BYTES: u64 = 67_174_400;

/// The buffers that bodies need: what the service takes, or what it takes if nothing is configured.
pub(super) fn buffer_bytes(seen: &Seen<'_>) -> u64 {
    seen.config.map_or(BUFFER_BYTES, |config| u64::from(config.written.limits.body_bytes_max) + (64 << 10))
}

/// The least that a buffer must hold to do any good.
pub(super) fn buffer_bytes_min(seen: &Seen<'_>) -> f64 {
    seen.config.map_or(BUFFER_BYTES_DEFAULT + 1.0, |config| f64::from(config.written.limits.body_bytes_max))
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "not-attached",
        severity: Severity::Error,
        what: "no listener has the exchange stage: an ext_proc filter whose initial metadata says `x-attache-stage: exchange`",
        why: "requests pass unseen, and nothing says so: this happens when a route, listener or cluster gets another name",
        look: |seen| {
            let none = seen.gateways.is_empty() && (seen.bystanders > 0 || !seen.providers.is_empty());
            let place = crate::doctor::at::Place::named("http_filters");
            let fix = "put the filter `attache` before the router, as `attache envoy` prints it";
            none.then(|| Hit::todo(&place, "not there", fix)).into_iter().collect()
        },
    },
    Rule {
        name: "listener-buffer",
        severity: Severity::Error,
        what: "the listener's `per_connection_buffer_limit_bytes` is smaller than the bodies that come",
        why: "bodies are taken whole; a prompt that outgrows the buffer (1 MiB by default) is answered with 413",
        look: |seen| {
            let limits = seen.gateways.iter().map(|gateway| gateway.listener.get("per_connection_buffer_limit_bytes"));
            let small = limits.filter(|limit| limit.number().unwrap_or(BUFFER_BYTES_DEFAULT) < buffer_bytes_min(seen));
            small.map(|limit| Hit::set(&limit, buffer_bytes(seen))).collect()
        },
    },
    Rule {
        name: "client-headers-trusted",
        severity: Severity::Error,
        what: "headers that begin with `x-attache-` or `x-envoy-` are not removed before anything reads them",
        why: "a client can set what Envoy and the service tell each other: attempts, timeouts, retries",
        look: |seen| {
            let trusts = seen.exchanges().flat_map(|(gateway, _)| {
                let early = gateway.http.get("early_header_mutation_extensions");
                let mutations: Vec<_> = early.items().iter().map(|each| configured(each).get("mutations")).collect();
                let kept = ["x-attache-", "x-envoy-"].into_iter();
                let kept = kept.filter(|prefix| !mutations.iter().any(|removed| removes_clients(removed, prefix)));
                let kept: Vec<Value> = kept.map(|prefix| removal(seen, prefix)).collect();
                (!kept.is_empty()).then(|| Hit::add(&early, early_mutation(&kept)))
            });
            trusts.collect()
        },
    },
    Rule {
        name: "stream-idle-timeout",
        severity: Severity::Warning,
        what: "`stream_idle_timeout` is Envoy's 5 minutes, or less",
        why: "a model may think for minutes before its first byte, and the exchange is cut",
        look: |seen| {
            let timeouts = seen.exchanges().map(|(gateway, _)| gateway.http.get("stream_idle_timeout"));
            let short = timeouts.filter(|timeout| (0.1..=300.0).contains(&timeout.seconds().unwrap_or(300.0)));
            short.map(|timeout| Hit::set(&timeout, "900s")).collect()
        },
    },
    Rule {
        name: "admin-exposed",
        severity: Severity::Error,
        what: "Envoy's admin interface listens on more than this machine",
        why: "whoever reaches it reads the configuration, keys of filters included, and can stop Envoy",
        look: |seen| {
            let address = seen.admin.get("address");
            let open = address.is_set() && !is_loopback(&address);
            open.then(|| Hit::set(&address.dig(["socket_address", "address"]), "127.0.0.1")).into_iter().collect()
        },
    },
];

/// As `attache envoy` prints it: what clients say to a cache stays, unless it is known that there is none.
fn removal(seen: &Seen<'_>, prefix: &str) -> Value {
    let has_cache = seen.config.is_none_or(|config| config.cache.is_some());
    match prefix {
        "x-attache-" if has_cache => {
            json!({ "remove_on_match": { "key_matcher": { "safe_regex": { "regex": ALL_BUT_CACHE } } } })
        }
        _ => json!({ "remove_on_match": { "key_matcher": { "prefix": prefix } } }),
    }
}

fn early_mutation(mutations: &[Value]) -> Value {
    json!({
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            "mutations": mutations,
        },
    })
}
