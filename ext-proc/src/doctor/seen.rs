//! What an Envoy is configured to do, as far as the rules look at it.

use super::at::At;
use super::read::{Host, Read, Running};
use crate::config::Config;
use crate::envoy::ALL_BUT_CACHE;
use serde_json::Value;
use std::collections::BTreeSet;

/// Everything that rules look at.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Envoy's admin interface.
    pub admin: At<'a>,
    /// HTTP connection managers in which the exchange stage or one of the filters for WASM stands.
    pub gateways: Vec<Gateway<'a>>,
    /// All other HTTP connection managers.
    pub bystanders: usize,
    /// All clusters.
    pub clusters: Vec<At<'a>>,
    /// The clusters in which an attempt stage stands.
    pub providers: Vec<Provider<'a>>,
    /// What it has counted and found out, where a running Envoy was asked.
    pub running: Option<&'a Running>,
    /// Major and minor version, where it is known.
    pub version: Option<(u64, u64)>,
    /// What the service is configured to do, where that was given.
    pub config: Option<&'a Config>,
}

/// An HTTP connection manager, and what belongs to it.
#[derive(Debug)]
pub struct Gateway<'a> {
    /// Where it listens.
    pub listener: At<'a>,
    /// The manager's own configuration.
    pub http: At<'a>,
    /// Its HTTP filters.
    pub filters: Vec<At<'a>>,
    /// Its virtual hosts, where they are known.
    pub hosts: Vec<At<'a>>,
}

/// A cluster with an attempt stage.
#[derive(Debug)]
pub struct Provider<'a> {
    /// The cluster.
    pub cluster: At<'a>,
    /// Its HTTP filters.
    pub filters: Vec<At<'a>>,
}

impl<'a> Seen<'a> {
    /// Looks at what was read.
    pub fn new(read: &'a Read, config: Option<&'a Config>) -> Self {
        let clusters = read.clusters();
        let managers = managers(read);
        let all = managers.len();
        let gateways: Vec<_> = managers.into_iter().filter(Gateway::is_ours).collect();
        let provider = |cluster: &At<'a>| {
            let filters = upstream_filters(cluster);
            let is_one = filters.iter().any(|filter| stage(filter) == Some("attempt"));
            is_one.then(|| Provider { cluster: cluster.clone(), filters })
        };
        Self {
            admin: read.admin(),
            bystanders: all - gateways.len(),
            gateways,
            providers: clusters.iter().filter_map(provider).collect(),
            clusters,
            running: read.running.as_ref(),
            version: read.version(),
            config,
        }
    }

    /// The gateways with an exchange stage.
    pub fn exchanges(&self) -> impl Iterator<Item = (&Gateway<'a>, At<'a>)> {
        self.gateways.iter().filter_map(|gateway| Some((gateway, gateway.exchange()?)))
    }

    /// Both stages' ext_proc filters, wherever they stand.
    pub fn stages(&self) -> Vec<At<'a>> {
        let exchanges = self.exchanges().map(|(_, stage)| stage);
        exchanges.chain(self.providers.iter().filter_map(Provider::attempt)).collect()
    }

    /// The clusters of the service.
    pub fn services(&self) -> Vec<&At<'a>> {
        let names: BTreeSet<&str> = self.stages().iter().map(service_of).collect();
        self.clusters.iter().filter(|cluster| names.contains(cluster.get("name").text())).collect()
    }

    /// A cluster by name.
    pub fn cluster(&self, name: &str) -> Option<&At<'a>> {
        self.clusters.iter().find(|cluster| cluster.get("name").text() == name)
    }

    /// The routes that lead to a cluster, with their virtual hosts.
    pub fn routes(&self) -> Vec<(At<'a>, At<'a>)> {
        let hosts = self.gateways.iter().flat_map(|gateway| &gateway.hosts);
        let routes =
            hosts.flat_map(|host| host.get("routes").items().into_iter().map(move |route| (host.clone(), route)));
        routes.filter(|(_, route)| route.get("route").is_set()).collect()
    }

    /// The hosts of a cluster, where a running Envoy was asked.
    pub fn hosts(&self, cluster: &At<'_>) -> Option<&'a [Host]> {
        self.running?.hosts.get(cluster.get("name").text()).map(Vec::as_slice)
    }

    /// The value of a counter.
    pub fn stat(&self, name: &str) -> u64 {
        self.running.and_then(|running| running.stats.get(name)).copied().unwrap_or_default()
    }
}

impl<'a> Gateway<'a> {
    fn is_ours(&self) -> bool {
        self.exchange().is_some() || self.filters.iter().any(|filter| wasm(filter).is_some())
    }

    /// The exchange stage's own configuration.
    pub fn exchange(&self) -> Option<At<'a>> {
        self.filters.iter().find(|filter| stage(filter) == Some("exchange")).and_then(processor)
    }
}

impl<'a> Provider<'a> {
    /// Whether it is no provider's own cluster but leads to some, one after the other.
    pub fn leads_to_others(&self) -> bool {
        self.cluster.dig(["cluster_type", "name"]).text() == "envoy.clusters.composite"
    }

    /// The attempt stage's own configuration.
    pub fn attempt(&self) -> Option<At<'a>> {
        self.filters.iter().find(|filter| stage(filter) == Some("attempt")).and_then(processor)
    }
}

fn managers(read: &Read) -> Vec<Gateway<'_>> {
    let routes = read.routes();
    let mut found = Vec::new();
    for listener in read.listeners() {
        let chains = listener.get("filter_chains").items().into_iter().chain([listener.get("default_filter_chain")]);
        for http in chains.flat_map(|chain| chain.get("filters").items()).map(|filter| filter.get("typed_config")) {
            if http.is_a("HttpConnectionManager") {
                let (inline, name) = (http.get("route_config"), http.dig(["rds", "route_config_name"]).text());
                let routes = if inline.is_set() { Some(&inline) } else { routes.get(name) };
                let hosts = routes.map(|routes| routes.get("virtual_hosts").items()).unwrap_or_default();
                let filters = http.get("http_filters").items();
                found.push(Gateway { listener: listener.clone(), http, filters, hosts });
            }
        }
    }
    found
}

/// The upstream HTTP filters of a cluster.
pub fn upstream_filters<'a>(cluster: &At<'a>) -> Vec<At<'a>> {
    http_options(cluster).get("http_filters").items()
}

/// The HTTP options of a cluster.
pub fn http_options<'a>(cluster: &At<'a>) -> At<'a> {
    cluster.dig(["typed_extension_protocol_options", "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"])
}

/// What a filter is configured with, also behind a matcher.
pub fn configured<'a>(filter: &At<'a>) -> At<'a> {
    let configured = filter.get("typed_config");
    match configured.is_a("ExtensionWithMatcher") {
        true => configured.dig(["extension_config", "typed_config"]),
        false => configured,
    }
}

/// The configuration of an ext_proc filter.
pub fn processor<'a>(filter: &At<'a>) -> Option<At<'a>> {
    Some(configured(filter)).filter(|configured| configured.is_a("ExternalProcessor"))
}

/// What an ext_proc filter says to the service before the first message.
pub fn said<'a>(processor: &At<'a>, key: &str) -> Option<&'a str> {
    let said = processor.dig(["grpc_service", "initial_metadata"]).items();
    said.into_iter().find(|pair| pair.get("key").text() == key).map(|pair| pair.get("value").text())
}

/// Which of the service's stages a filter is.
pub fn stage<'a>(filter: &At<'a>) -> Option<&'a str> {
    said(&processor(filter)?, "x-attache-stage")
}

/// The name of the cluster that an ext_proc filter asks.
pub fn service_of<'a>(processor: &At<'a>) -> &'a str {
    processor.dig(["grpc_service", "envoy_grpc", "cluster_name"]).text()
}

/// The filters for WASM that this project builds.
const WASM: [&str; 6] = ["guard", "redact", "translate", "usage", "prompt", "model-router"];

/// Name and plugin configuration of a filter of ours for WASM: by the plugin's name, or that of the file.
pub fn wasm<'a>(filter: &At<'a>) -> Option<(&'static str, At<'a>)> {
    let plugin = Some(configured(filter)).filter(|configured| configured.is_a("Wasm"))?.get("config");
    let code = plugin.dig(["vm_config", "code"]);
    let file = code.dig(["local", "filename"]).text().rsplit('/').next().unwrap_or_default();
    let told = plugin.get("name").text();
    let names =
        [told, told.strip_prefix("attache-").unwrap_or_default(), file.strip_suffix(".wasm").unwrap_or_default()];
    let known = names.into_iter().find_map(|name| WASM.into_iter().find(|known| *known == name));
    Some((known?, plugin))
}

/// Whether one of these header mutations removes every header that begins so.
pub fn removes_prefix(mutations: &At<'_>, prefix: &str) -> bool {
    let removed = |mutation: &At<'_>| mutation.dig(["remove_on_match", "key_matcher", "prefix"]).text().to_lowercase();
    mutations.items().iter().map(removed).any(|removed| !removed.is_empty() && prefix.starts_with(&removed))
}

/// Whether one of these early header mutations takes away whatever clients write into headers that begin so. What they say
/// to the cache is theirs to say, and steers nothing.
pub fn removes_clients(mutations: &At<'_>, prefix: &str) -> bool {
    let spares_cache = |mutation: &At<'_>| {
        mutation.dig(["remove_on_match", "key_matcher", "safe_regex", "regex"]).text() == ALL_BUT_CACHE
    };
    let all_but_cache = prefix.starts_with("x-attache-") && !prefix.starts_with("x-attache-cache");
    removes_prefix(mutations, prefix) || (all_but_cache && mutations.items().iter().any(spares_cache))
}

/// Whether a list of texts holds one.
pub fn lists(list: &At<'_>, text: &str) -> bool {
    list.items().iter().any(|item| item.text() == text)
}

/// Whether an address is one of this machine only.
pub fn is_loopback(address: &At<'_>) -> bool {
    let host = address.dig(["socket_address", "address"]).text();
    address.get("pipe").is_set() || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The keys of an object, in snake case: JSON of protobuf may be written in both, and the rules know one.
pub fn in_snake_case(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (snake(key), in_snake_case(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(in_snake_case).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn snake(key: String) -> String {
    let is_camel = key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && key.bytes().any(|byte| byte.is_ascii_uppercase());
    if !is_camel {
        return key;
    }
    key.chars()
        .flat_map(|c| c.is_ascii_uppercase().then_some('_').into_iter().chain([c.to_ascii_lowercase()]))
        .collect()
}
