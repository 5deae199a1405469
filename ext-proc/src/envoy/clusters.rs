//! Where requests go: one cluster per provider, the service, and a cluster that refuses.

use super::{ATTACHE, buffer_limit_bytes, egress, extension, orders, routes, socket_address, typed};
use crate::config::compiled::{Provider, seconds, split_host_port};
use crate::config::{Config, written};
use crate::exchange::Topology;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The cluster without endpoints: it answers 503 at once, and is not retried.
pub(super) const REFUSE: &str = "attache_refuse";

/// Where the usual systems keep the certificates that they trust (Debian, Ubuntu, Alpine, and Envoy's own image).
const SYSTEM_CA_FILE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A loopback port that nobody serves.
const REFUSING_PORT: u16 = 1;

/// More requests than any Envoy here will ever have open.
const UNLIMITED: u32 = 100_000;

/// All clusters: the providers' by name, then our own.
pub(super) fn all(config: &Config, topology: Topology) -> Vec<Value> {
    let providers = config.providers.values().map(|provider| {
        let filters = egress::filters(config, provider, topology);
        cluster_of(config, provider, &provider.cluster, &filters)
    });
    let pass_to = routes::pass_to(config)
        .map(|provider| cluster_of(config, provider, &pass_to_cluster(provider), &egress::filters_of_unprocessed()));
    let orders = orders::clusters(config, topology);
    providers.chain(pass_to).chain(orders).chain([refuse(), service(config)]).collect()
}

/// Name of the cluster for requests that were not processed: the same provider, other filters.
pub(super) fn pass_to_cluster(provider: &Provider) -> String {
    format!("attache_pass_to_{}", provider.name)
}

/// A cluster that leads to a provider. No outlier detection and no health checks: who is tried next is the plan's choice,
/// and 429 or 529 of one model say nothing about the next request.
fn cluster_of(config: &Config, provider: &Provider, name: &str, filters: &Value) -> Value {
    let host = |address: Value| {
        let mut host = endpoint(&address);
        if !orders::names(config).is_empty() {
            extend(&mut host, json!({ "metadata": orders::host_metadata(provider) }));
        }
        host
    };
    let mut cluster = json!({
        "name": name,
        "cluster_type": dns(),
        "connect_timeout": seconds(&config.written.envoy.connect_timeout),
        "per_connection_buffer_limit_bytes": buffer_limit_bytes(config),
        "circuit_breakers": circuit_breakers(),
        "upstream_connection_options": tcp_keepalive(),
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [
                { "priority": 0, "lb_endpoints": [host(socket_address(&provider.host, provider.port))] },
                // Without a host (its name does not resolve) the cluster would answer 503, and Envoy does not retry that. A
                // refused connection is retried: the next attempt goes to the next target.
                { "priority": 1, "lb_endpoints": [host(socket_address("127.0.0.1", REFUSING_PORT))] },
            ],
        },
        "typed_extension_protocol_options": http(if provider.tls { Protocol::ByAlpn } else { Protocol::Http1 }, json!({
            // Below the time after which common front doors close: who sends on a connection that is being closed fails.
            "common_http_protocol_options": { "idle_timeout": "50s", "max_headers_count": 200 },
            "http_filters": filters,
        })),
    });
    if provider.tls {
        let written = config.written.providers.get(&*provider.name).map(|provider| &provider.tls);
        extend(&mut cluster, json!({ "transport_socket": tls(&provider.host, written) }));
    }
    cluster
}

/// Hosts by DNS, all addresses of a name, asked again when its time is over.
fn dns() -> Value {
    extension(
        "envoy.cluster.dns",
        "envoy.extensions.clusters.dns.v3.DnsCluster",
        json!({ "dns_lookup_family": "V4_PREFERRED", "dns_refresh_rate": "5s", "respect_dns_ttl": true }),
    )
}

/// TLS towards a provider: the name is asked for and checked, whatever `:authority` an attempt before has left.
fn tls(host: &str, written: Option<&written::Tls>) -> Value {
    let name = written.and_then(|tls| tls.server_name.as_deref()).unwrap_or(host);
    let ca_file = written.and_then(|tls| tls.ca_file.as_deref()).unwrap_or(SYSTEM_CA_FILE);
    let is_address = name.parse::<IpAddr>().is_ok();
    extension(
        "envoy.transport_sockets.tls",
        "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        json!({
            // SNI knows names only.
            "sni": if is_address { "" } else { name },
            "common_tls_context": {
                "tls_params": { "tls_minimum_protocol_version": "TLSv1_2" },
                "validation_context": {
                    "trusted_ca": { "filename": ca_file },
                    "match_typed_subject_alt_names": [{
                        "san_type": if is_address { "IP_ADDRESS" } else { "DNS" },
                        "matcher": { "exact": name },
                    }],
                },
            },
        }),
    )
}

/// The cluster that a plan which cannot be read ends in.
fn refuse() -> Value {
    json!({
        "name": REFUSE,
        "connect_timeout": "1s",
        "circuit_breakers": circuit_breakers(),
        "load_assignment": { "cluster_name": REFUSE },
    })
}

/// The service itself.
fn service(config: &Config) -> Value {
    let grpc = address_of_service(config);
    let (address, network) = match grpc.strip_prefix("unix:") {
        Some(path) => (json!({ "pipe": { "path": path } }), json!({})),
        None => {
            let (host, port) = split_host_port(grpc).expect("a compiled configuration has checked its addresses");
            (socket_address(&reachable(host), port), over_the_network())
        }
    };
    let mut cluster = json!({
        "name": ATTACHE,
        "connect_timeout": "1s",
        "per_connection_buffer_limit_bytes": buffer_limit_bytes(config),
        "circuit_breakers": circuit_breakers(),
        "load_assignment": { "cluster_name": ATTACHE, "endpoints": [{ "lb_endpoints": [endpoint(&address)] }] },
        // An idle connection to the service costs nothing; making a new one for the next request does.
        "typed_extension_protocol_options":
            http(Protocol::Grpc, json!({ "common_http_protocol_options": { "idle_timeout": "0s" } })),
    });
    extend(&mut cluster, network);
    cluster
}

fn address_of_service(config: &Config) -> &str {
    config.written.envoy.service.as_ref().unwrap_or(&config.written.service.grpc)
}

/// The service is reached over the network: there may be several replicas, and they come and go.
pub(super) fn service_is_elsewhere(config: &Config) -> bool {
    !address_of_service(config).starts_with("unix:")
}

/// What the service needs when it is reached over the network, perhaps as one of several replicas.
fn over_the_network() -> Value {
    json!({
        "cluster_type": dns(),
        // An open stream is the load that counts, and streams last for minutes.
        "lb_policy": "LEAST_REQUEST",
        "upstream_connection_options": tcp_keepalive(),
        // A replica that drains says so and gets no new streams.
        "health_checks": [{
            "timeout": "1s",
            "interval": "2s",
            "no_traffic_interval": "2s",
            "unhealthy_threshold": 2,
            "healthy_threshold": 1,
            "grpc_health_check": {},
        }],
        // Until a health check notices that a replica has gone it would get most requests: nobody has fewer open. One
        // refused connection puts it aside; the next health check that succeeds takes it back. What a replica answers
        // says nothing about it.
        "outlier_detection": {
            "split_external_local_origin_errors": true,
            "consecutive_local_origin_failure": 1,
            "enforcing_consecutive_local_origin_failure": 100,
            "enforcing_local_origin_success_rate": 0,
            "enforcing_consecutive_5xx": 0,
            "enforcing_consecutive_gateway_failure": 0,
            "enforcing_success_rate": 0,
            "interval": "1s",
            "base_ejection_time": "2s",
            "max_ejection_percent": 100,
        },
        // With no healthy replica left, sending to unhealthy ones only turns a clear error into a slow one.
        "common_lb_config": { "healthy_panic_threshold": { "value": 0 } },
    })
}

/// Who listens on every address is reached on the loopback one.
fn reachable(host: &str) -> String {
    match host.parse() {
        Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) => Ipv4Addr::LOCALHOST.to_string(),
        Ok(IpAddr::V6(Ipv6Addr::UNSPECIFIED)) => Ipv6Addr::LOCALHOST.to_string(),
        Ok(_) | Err(_) => host.to_owned(),
    }
}

/// What is spoken on a cluster's connections.
#[derive(Clone, Copy)]
pub(super) enum Protocol {
    /// Without TLS there is nothing to negotiate by.
    Http1,
    /// HTTP/2 where the provider offers it, otherwise HTTP/1.1.
    ByAlpn,
    /// HTTP/2, with windows that a large body does not have to wait for.
    Grpc,
}

/// The HTTP options of a cluster.
pub(super) fn http(protocol: Protocol, mut fields: Value) -> Value {
    let protocol = match protocol {
        Protocol::Http1 => json!({ "explicit_http_config": { "http_protocol_options": {} } }),
        Protocol::ByAlpn => json!({ "auto_config": { "http_protocol_options": {}, "http2_protocol_options": {} } }),
        Protocol::Grpc => json!({ "explicit_http_config": { "http2_protocol_options": {
            "initial_stream_window_size": 16 << 20,
            "initial_connection_window_size": 64 << 20,
        } } }),
    };
    extend(&mut fields, protocol);
    let message = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    json!({ message: typed(message, fields) })
}

/// Adds the fields of one object to another.
pub(super) fn extend(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}

fn endpoint(address: &Value) -> Value {
    json!({ "endpoint": { "address": address } })
}

/// Envoy's own limits are for small services: 1024 open requests (then 500s), and 3 retries at a time, so that most
/// requests of a failing provider would never see the next target.
pub(super) fn circuit_breakers() -> Value {
    let thresholds = ["DEFAULT", "HIGH"].map(|priority| {
        json!({
            "priority": priority,
            "max_connections": UNLIMITED,
            "max_pending_requests": UNLIMITED,
            "max_requests": UNLIMITED,
            "max_retries": UNLIMITED,
        })
    });
    json!({ "thresholds": thresholds })
}

/// A provider that thinks for minutes sends nothing; keepalives keep firewalls from forgetting the connection.
fn tcp_keepalive() -> Value {
    json!({ "tcp_keepalive": { "keepalive_time": 60, "keepalive_interval": 15, "keepalive_probes": 4 } })
}
