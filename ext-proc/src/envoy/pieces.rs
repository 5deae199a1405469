//! A bootstrap in pieces, for an Envoy whose configuration somebody else writes: Istio, Envoy Gateway.

use super::ATTACHE;
use serde_json::{Map, Value};

/// What `attache envoy` would print, taken apart. What a mesh decides by itself (addresses, access logs, its own idea of
/// who the client is) is not among it.
pub(super) struct Pieces {
    /// The listener's buffer, in bytes.
    pub buffer_limit_bytes: Value,
    /// Fields of the HTTP connection manager.
    pub manager: Map<String, Value>,
    /// The exchange stage's filter, and what follows it before the router.
    pub filters: Vec<Value>,
    /// Fields of the virtual host.
    pub host: Map<String, Value>,
    /// Routes for what the service has seen, the first that matches counts. What it has not seen takes the mesh's route.
    pub routes: Vec<Value>,
    /// Every cluster.
    pub clusters: Vec<Value>,
}

/// What goes into a connection manager that a mesh has made.
const OF_MANAGER: [&str; 6] = [
    "early_header_mutation_extensions",
    "scheme_header_transformation",
    "path_with_escaped_slashes_action",
    "stream_idle_timeout",
    "request_timeout",
    "local_reply_config",
];

/// What goes into a virtual host that a mesh has made.
const OF_HOST: [&str; 2] = ["include_request_attempt_count", "response_headers_to_add"];

/// The route of ours whose place the mesh's own takes.
pub(super) const UNAVAILABLE: &str = "unavailable";

impl Pieces {
    /// Takes a bootstrap apart. `None` for what this program does not print.
    pub fn of(mut bootstrap: Value) -> Option<Self> {
        let Value::Array(clusters) = bootstrap.pointer_mut("/static_resources/clusters")?.take() else { return None };
        let mut listener = bootstrap.pointer_mut("/static_resources/listeners/0")?.take();
        let mut manager = listener.pointer_mut("/filter_chains/0/filters/0/typed_config")?.take();
        let mut host = manager.pointer_mut("/route_config/virtual_hosts/0")?.take();
        let Value::Array(mut filters) = manager.pointer_mut("/http_filters")?.take() else { return None };
        let _router = filters.pop()?;
        let Value::Array(mut routes) = host.pointer_mut("/routes")?.take() else { return None };
        routes.retain(|route| route.pointer("/name").and_then(Value::as_str) != Some(UNAVAILABLE));
        trust_the_mesh(manager.pointer_mut("/early_header_mutation_extensions/0/typed_config/mutations")?);
        Some(Self {
            buffer_limit_bytes: listener.pointer_mut("/per_connection_buffer_limit_bytes")?.take(),
            filters,
            manager: chosen(&mut manager, &OF_MANAGER),
            host: chosen(&mut host, &OF_HOST),
            routes,
            clusters,
        })
    }

    /// The service is reached by a cluster that the mesh makes, under this name. Such a name is no authority, which Envoy
    /// would make of it: the service would refuse every stream.
    pub fn with_service_at(mut self, cluster: &str) -> Self {
        self.clusters.retain(|met| met.pointer("/name").and_then(Value::as_str) != Some(ATTACHE));
        for value in self.clusters.iter_mut().chain(&mut self.filters) {
            rename_service(value, cluster);
        }
        self
    }
}

/// Addresses of clients are the mesh's to believe or not: it takes `x-forwarded-…` away from whom it does not trust.
fn trust_the_mesh(mutations: &mut Value) {
    if let Value::Array(mutations) = mutations {
        let forwarded = Some("x-forwarded-");
        let prefix =
            |each: &Value| each.pointer("/remove_on_match/key_matcher/prefix").and_then(Value::as_str) == forwarded;
        mutations.retain(|each| !prefix(each));
    }
}

fn chosen(object: &mut Value, names: &[&str]) -> Map<String, Value> {
    let mut fields = Map::new();
    for name in names {
        if let Some(value) = object.get_mut(name) {
            fields.insert((*name).to_owned(), value.take());
        }
    }
    fields
}

/// Every filter that asks the service asks it at that cluster.
fn rename_service(value: &mut Value, cluster: &str) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::Object(grpc)) = fields.get_mut("envoy_grpc") {
                grpc.insert("cluster_name".to_owned(), cluster.into());
                grpc.insert("authority".to_owned(), ATTACHE.into());
            }
            fields.values_mut().for_each(|value| rename_service(value, cluster));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rename_service(value, cluster)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::config;
    use crate::envoy::{Place, envoy_filter, patch_policy};
    use serde_json::Value;

    const CONFIG: &str = r#"
service: { grpc: "0.0.0.0:9002", admin: "0.0.0.0:9090" }
envoy: { service: "attache.llm.svc:9002" }
callers: { anonymous: allow }
providers:
  a: { dialect: openai, url: "https://a.example/v1", auth: { bearer: s3cret } }
  b: { dialect: anthropic, url: "http://b.example", auth: { header: x-api-key, value: s3cret } }
models:
  m: { targets: [{ provider: a, model: x }, { provider: b, model: y }] }
"#;

    /// Where every filter of a manifest asks the service.
    fn asked(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                let name = fields.get("envoy_grpc").and_then(|grpc| grpc["cluster_name"].as_str());
                found.extend(name.map(str::to_owned));
                fields.values().for_each(|value| asked(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| asked(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn every_filter_asks_the_service_where_the_mesh_knows_it() {
        let config = config::compile(CONFIG, &|_| None).unwrap();
        let forms = [
            (envoy_filter(&config, Place::Gateway), "outbound|9002||attache.llm.svc.cluster.local", 3),
            (envoy_filter(&config, Place::Sidecar), "attache", 3),
            // The exchange stage is an EnvoyExtensionPolicy's.
            (patch_policy(&config), "envoyextensionpolicy/attache/llm/extproc/0", 2),
        ];
        for (manifest, cluster, filters) in forms {
            let manifest = manifest.unwrap();
            let mut found = Vec::new();
            asked(&manifest, &mut found);
            assert_eq!(found, vec![cluster; filters]);
            let text = manifest.to_string();
            assert!(!text.contains("s3cret"));
            assert!(text.contains("source.address"), "callers are known by it");
            assert!(!text.contains("x-forwarded-\"}}},{\"remove\":\"x-gateway"), "the mesh knows who its clients are");
            assert_eq!(text.contains("\"name\":\"attache\",\"connect_timeout\""), cluster == "attache", "{cluster}");
        }
    }

    #[test]
    fn only_what_is_reached_over_the_network_can_be_told_to_a_gateway() {
        let config =
            config::compile(&CONFIG.replace("\"0.0.0.0:9002\"", "\"unix:a.sock\"").replace("envoy: {", "#"), &|_| None);
        assert_eq!(envoy_filter(&config.unwrap(), Place::Gateway), None);
    }
}
