//! `attache envoy --for istio-gateway` and `--for istio-sidecar`: an EnvoyFilter. Istio has no other API for ext_proc.
//!
//! Patches say what Istio does not: everything else stays as the mesh has made it.

use super::pieces::Pieces;
use super::{ATTACHE, bootstrap, typed};
use crate::config::Config;
use crate::config::compiled::split_host_port;
use crate::exchange::Topology;
use serde_json::{Map, Value, json};

const MANAGER: &str = "envoy.filters.network.http_connection_manager";

/// Whose Envoy it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A gateway of its own, with the label `istio: llm-gateway`. The service is a Kubernetes service.
    Gateway,
    /// The sidecar of each application in the filter's namespace that has the label `attache: beside`. The service runs in
    /// the same pod.
    Sidecar,
}

/// The EnvoyFilter; `None` only for what this program does not print.
pub(crate) fn envoy_filter(config: &Config, place: Place) -> Option<Value> {
    let (topology, context, selected) = match place {
        Place::Gateway => (Topology::Shared, "GATEWAY", json!({ "istio": "llm-gateway" })),
        Place::Sidecar => (Topology::Sidecar, "SIDECAR_OUTBOUND", json!({ ATTACHE: "beside" })),
    };
    let pieces = Pieces::of(bootstrap(config, topology))?;
    let pieces = match place {
        // The mesh knows the service: with its own cluster for it come mutual TLS and the service's endpoints.
        Place::Gateway => pieces.with_service_at(&cluster_of_service(config)?),
        Place::Sidecar => pieces,
    };
    let port = match place {
        Place::Gateway => None,
        // Applications send to this port of a service; the sidecar's listener for it is nobody else's.
        Place::Sidecar => Some(split_host_port(&config.written.listen)?.1),
    };
    Some(json!({
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": { "name": format!("{ATTACHE}-ext-proc"), "namespace": ATTACHE },
        "spec": {
            "workloadSelector": { "labels": selected },
            "configPatches": patches(pieces, &Match { context, port }),
        },
    }))
}

/// Istio's name for the cluster of the service.
fn cluster_of_service(config: &Config) -> Option<String> {
    let address = config.written.envoy.service.as_ref().unwrap_or(&config.written.service.grpc);
    let (host, port) = split_host_port(address)?;
    let whole = if host.ends_with(".svc") { format!("{host}.cluster.local") } else { host.to_owned() };
    Some(format!("outbound|{port}||{whole}"))
}

fn patches(pieces: Pieces, to: &Match) -> Vec<Value> {
    let Pieces { buffer_limit_bytes, manager, filters, host, routes, clusters } = pieces;
    let manager = typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        Value::Object(manager),
    );
    let mut patches = vec![
        patch(
            "LISTENER",
            &to.listener(None),
            "MERGE",
            json!({ "per_connection_buffer_limit_bytes": buffer_limit_bytes }),
        ),
        patch(
            "NETWORK_FILTER",
            &to.listener(Some(json!({ "name": MANAGER }))),
            "MERGE",
            json!({ "name": MANAGER, "typed_config": manager }),
        ),
        patch("VIRTUAL_HOST", &to.routes(), "MERGE", Value::Object(host)),
    ];
    let router = json!({ "name": MANAGER, "subFilter": { "name": "envoy.filters.http.router" } });
    let router = to.listener(Some(router));
    patches.extend(filters.into_iter().map(|filter| patch("HTTP_FILTER", &router, "INSERT_BEFORE", filter)));
    // Each goes before those that are there.
    patches.extend(routes.into_iter().rev().map(|route| patch("HTTP_ROUTE", &to.routes(), "INSERT_FIRST", route)));
    patches.extend(clusters.into_iter().map(|cluster| patch("CLUSTER", &to.cluster(), "ADD", cluster)));
    patches
}

fn patch(apply_to: &str, to: &Value, operation: &str, value: Value) -> Value {
    json!({ "applyTo": apply_to, "match": to, "patch": { "operation": operation, "value": value } })
}

/// What is patched.
struct Match {
    context: &'static str,
    port: Option<u16>,
}

impl Match {
    /// A listener, or a filter in it.
    fn listener(&self, filter: Option<Value>) -> Value {
        let mut listener = Map::new();
        if let Some(port) = self.port {
            listener.insert("portNumber".to_owned(), port.into());
        }
        if let Some(filter) = filter {
            listener.insert("filterChain".to_owned(), json!({ "filter": filter }));
        }
        self.of("listener", listener)
    }

    /// The routes of a listener.
    fn routes(&self) -> Value {
        let port = self.port.map(|port| ("portNumber".to_owned(), port.into()));
        self.of("routeConfiguration", port.into_iter().collect())
    }

    fn cluster(&self) -> Value {
        json!({ "context": self.context })
    }

    fn of(&self, kind: &str, fields: Map<String, Value>) -> Value {
        let mut all = self.cluster();
        if let (Value::Object(all), false) = (&mut all, fields.is_empty()) {
            all.insert(kind.to_owned(), fields.into());
        }
        all
    }
}
