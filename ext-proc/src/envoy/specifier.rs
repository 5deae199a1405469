//! Who names the cluster of an attempt.
//!
//! - 1.40 has the specifier `priority_group`: it reads the plan from dynamic metadata.
//! - 1.39 asks any specifier again at every attempt. The one that fits, `matcher`, ends Envoy with a segmentation fault
//!   when it matches dynamic metadata (tried on 1.36 to 1.40), but reads filter state: [`steps_filter`] copies the plan.
//!   A header would not do: what egress takes off the first attempt stays off.
//! - Older ones take the cluster once, from a header that clients cannot set.

use super::clusters::REFUSE;
use super::{ATTACHE, extension};
use crate::config::Config;
use crate::exchange::{Follow, plan};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// How a planned request's route names its cluster: the field of the route's action, and its value.
pub(super) fn of(config: &Config, follow: &Follow) -> (&'static str, Value) {
    match follow {
        Follow::Groups => (INLINE, json!({ "extension": groups() })),
        Follow::Steps => (INLINE, json!({ "extension": matcher(config) })),
        Follow::First | Follow::Orders(_) => ("cluster_header", json!(plan::FIRST_CLUSTER)),
    }
}

const INLINE: &str = "inline_cluster_specifier_plugin";

fn groups() -> Value {
    extension(
        "envoy.router.cluster_specifier_plugin.priority_group",
        "envoy.extensions.router.cluster_specifiers.priority_group.v3.PriorityGroupClusterSpecifier",
        json!({
            // Attempt n goes to element n of the list `priority_groups` in this namespace …
            "override_metadata_namespace": ATTACHE,
            // … and where that cannot be read to a cluster that refuses: any other could get a wrong key.
            "priority_groups": [{ "name": "refuse", "clusters": [{ "cluster_name": REFUSE, "weight": 1 }] }],
        }),
    )
}

/// Which attempts have been made, and then what the plan says for the next one.
fn matcher(config: &Config) -> Value {
    let later = (1..attempts_max(config)).map(|made| (made.to_string(), json!({ "matcher": step(config, made + 1) })));
    let later: Map<String, Value> = later.collect();
    let first = step(config, 1);
    let tree = if later.is_empty() {
        first
    } else {
        json!({
            "matcher_tree": { "input": filter_state(ATTEMPTS_MADE), "exact_match_map": { "map": later } },
            "on_no_match": { "matcher": first },
        })
    };
    extension(
        "envoy.router.cluster_specifier_plugin.matcher",
        "envoy.extensions.router.cluster_specifiers.matcher.v3.MatcherClusterSpecifier",
        json!({ "cluster_matcher": tree }),
    )
}

fn attempts_max(config: &Config) -> u32 {
    config.models.values().map(|model| model.retry.attempts).max().unwrap_or(1)
}

/// The cluster that the plan names for attempt n, one of the providers'; what it does not name refuses.
fn step(config: &Config, n: u32) -> Value {
    let clusters: BTreeSet<&str> = config.providers.values().map(|provider| provider.cluster.as_str()).collect();
    let map: Map<String, Value> = clusters.into_iter().map(|cluster| (cluster.to_owned(), to(cluster))).collect();
    json!({
        "matcher_tree": { "input": filter_state(&key_of(n)), "exact_match_map": { "map": map } },
        "on_no_match": to(REFUSE),
    })
}

fn filter_state(key: &str) -> Value {
    let message = "envoy.extensions.matching.common_inputs.network.v3.FilterStateInput";
    extension("filter_state", message, json!({ "key": key }))
}

fn to(cluster: &str) -> Value {
    let message = "envoy.extensions.router.cluster_specifiers.matcher.v3.ClusterAction";
    json!({ "action": extension(cluster, message, json!({ "cluster": cluster })) })
}

/// The filter state that holds the cluster of attempt n.
fn key_of(n: u32) -> String {
    format!("{ATTACHE}.step.{n}")
}

/// The filter state that holds the number of the last attempt.
const ATTEMPTS_MADE: &str = "attache.attempts_made";

/// The filter behind the exchange stage that puts the plan where the specifier finds it.
pub(super) fn steps_filter(config: &Config) -> Value {
    let steps = (1..=attempts_max(config))
        .map(|n| remembered(&key_of(n), &format!("%DYNAMIC_METADATA({ATTACHE}:steps:{n})%")))
        .collect::<Vec<_>>();
    extension(
        "attache_steps",
        "envoy.extensions.filters.http.set_filter_state.v3.Config",
        json!({ "on_request_headers": steps, "clear_route_cache": true }),
    )
}

/// The filter in a provider's cluster that notes which attempt is made: when Envoy asks for the next cluster it has not
/// counted on yet. Of the filters that may stand there only Lua writes filter state.
pub(super) fn attempt_filter() -> Value {
    let code = format!(
        "function envoy_on_request(handle)\n  local made = handle:headers():get(\"x-envoy-attempt-count\")\n  \
         handle:streamInfo():filterState():set(\"{ATTEMPTS_MADE}\", \"envoy.string\", made)\nend\n"
    );
    extension(
        "attache_attempts_made",
        "envoy.extensions.filters.http.lua.v3.Lua",
        json!({ "default_source_code": { "inline_string": code } }),
    )
}

fn remembered(key: &str, format: &str) -> Value {
    json!({
        "object_key": key,
        "factory_key": "envoy.string",
        "format_string": { "text_format_source": { "inline_string": format }, "omit_empty_values": true },
        "skip_if_empty": true,
    })
}
