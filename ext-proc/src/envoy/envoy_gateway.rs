//! `attache envoy --for envoy-gateway`: an EnvoyPatchPolicy with what Envoy Gateway has no other API for. The filter itself is
//! an EnvoyExtensionPolicy (`envoy/envoy-gateway/gateway.yaml`), whose names these patches rely on.

use super::pieces::{Pieces, UNAVAILABLE};
use super::{ATTACHE, bootstrap};
use crate::config::Config;
use crate::exchange::Topology;
use serde_json::{Value, json};

/// The EnvoyExtensionPolicy's first ext_proc, as Envoy Gateway names its cluster.
const SERVICE: &str = "envoyextensionpolicy/attache/llm/extproc/0";
/// Listener and routes of the Gateway `llm` in the namespace `attache`, listener `http`.
const LISTENER: &str = "attache/llm/http";
/// The HTTPRoute's route, for what the service has not seen.
const ROUTE: &str = "httproute/attache/llm/rule/0/match/0/*";

/// Fields of the filter that an EnvoyExtensionPolicy cannot say.
const OF_FILTER: [&str; 3] = ["mutation_rules", "request_attributes", "response_attributes"];

/// The EnvoyPatchPolicy; `None` only for what this program does not print.
pub(crate) fn patch_policy(config: &Config) -> Option<Value> {
    let pieces = Pieces::of(bootstrap(config, Topology::Shared))?.with_service_at(SERVICE);
    Some(json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "EnvoyPatchPolicy",
        "metadata": { "name": "llm", "namespace": ATTACHE },
        "spec": {
            "targetRef": { "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "llm" },
            "type": "JSONPatch",
            "jsonPatches": patches(pieces),
        },
    }))
}

fn patches(pieces: Pieces) -> Vec<Value> {
    let Pieces { filters, mut manager, host, routes, clusters, .. } = pieces;
    let mut filters = filters.into_iter();
    let of_filter = filters.next().as_ref().and_then(|filter| filter.get("typed_config")).cloned().unwrap_or_default();
    let of_service = of_filter.pointer("/grpc_service").cloned().unwrap_or_default();
    let mut patches = Vec::new();
    for name in ["initial_metadata", "retry_policy"] {
        patches.extend(of_service.get(name).map(|value| add_to_filter(&format!("grpc_service/{name}"), value)));
    }
    patches.extend(OF_FILTER.iter().filter_map(|name| Some(add_to_filter(name, of_filter.get(name)?))));
    patches.extend(filters.map(|filter| {
        // Added where the router is, it stands before it.
        let operation = json!({ "op": "add", "jsonPath": filter_named("envoy.filters.http.router"), "value": filter });
        change("listener.v3.Listener", LISTENER, &operation)
    }));
    // The rest of the connection manager is the ClientTrafficPolicy's.
    patches.extend(manager.get_mut("local_reply_config").map(|replies| {
        let path = "/default_filter_chain/filters/0/typed_config/local_reply_config";
        change(
            "listener.v3.Listener",
            LISTENER,
            &json!({ "op": "add", "path": path, "value": for_their_route(replies) }),
        )
    }));
    let routes_of = |path: String, value: Value| {
        let operation = json!({ "op": "add", "path": format!("/virtual_hosts/0/{path}"), "value": value });
        change("route.v3.RouteConfiguration", LISTENER, &operation)
    };
    patches.extend(host.into_iter().map(|(name, value)| routes_of(name, value)));
    // Each goes before those that are there.
    patches.extend(routes.into_iter().rev().map(|route| routes_of("routes/0".to_owned(), route)));
    patches.extend(clusters.into_iter().map(|cluster| {
        let name = cluster.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        change("cluster.v3.Cluster", &name, &json!({ "op": "add", "path": "", "value": cluster }))
    }));
    patches
}

/// Adds a field to the filter that the EnvoyExtensionPolicy has made.
fn add_to_filter(path: &str, value: &Value) -> Value {
    let place = format!("{}.typed_config", filter_named(&format!("envoy.filters.http.ext_proc/{SERVICE}")));
    let operation = json!({ "op": "add", "jsonPath": place, "path": path, "value": value });
    change("listener.v3.Listener", LISTENER, &operation)
}

/// A filter, wherever it stands in the chain.
fn filter_named(name: &str) -> String {
    format!("$.default_filter_chain.filters[0].typed_config.http_filters[?(@.name=='{name}')]")
}

fn change(kind: &str, name: &str, operation: &Value) -> Value {
    json!({ "type": format!("type.googleapis.com/envoy.config.{kind}"), "name": name, "operation": operation })
}

/// The conditions that name our own last route name theirs.
fn for_their_route(replies: &mut Value) -> Value {
    match replies {
        Value::String(text) => {
            let ours = format!("xds.route_name == '{UNAVAILABLE}'");
            *text = text.replace(&ours, &format!("xds.route_name == '{ROUTE}'"));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| *value = for_their_route(value)),
        Value::Object(fields) => fields.values_mut().for_each(|value| *value = for_their_route(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    replies.take()
}
