//! `attache envoy`: the Envoy side of a configuration, as a bootstrap that starts a gateway.
//!
//! It reads as the bootstrap does: [`listener`] → [`routes`] and [`processing`] → [`clusters`] with their [`egress`]
//! filters. What [`local_reply`] and [`access_log`] print is for people. Written for Envoy 1.40, and with what
//! [`version`] says for those before it; every line that is not obvious says which fault it prevents.
//!
//! [`istio`] and [`envoy_gateway`] say the same in pieces, where a mesh writes the bootstrap.
//!
//! The bootstrap never holds a secret: credentials travel from the service to the one request that needs them.

mod access_log;
mod clusters;
mod egress;
mod envoy_gateway;
mod istio;
mod listener;
mod local_reply;
mod orders;
mod pieces;
mod processing;
mod routes;
mod specifier;
mod version;
mod wasm;

pub(crate) use version::{Version, missing, unfit_for_hybrid};

pub(crate) use envoy_gateway::patch_policy;
pub(crate) use istio::{Place, envoy_filter};
pub(crate) use listener::ALL_BUT_CACHE;
pub(crate) use orders::made_for_this_host;

use crate::config::Config;
use crate::exchange::Topology;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;

/// What every printed bootstrap begins with.
const HEAD: &str = "\
# An Envoy gateway for LLM traffic: the bootstrap that `attache envoy` prints for a configuration. For Envoy {version}.
# Start it with `envoy -c FILE`. Relative paths (the service's socket) begin where Envoy is started.
# It holds no credentials. Do not edit: change attache.yaml and print it again.
";

/// The dynamic metadata of ours, also the name of the exchange stage's filter and of the service's cluster.
const ATTACHE: &str = "attache";

/// What Envoy buffers beyond the configured limit on bodies, so that a body of exactly that size with its framing fits.
const BODY_SLACK_BYTES: u32 = 64 << 10;

/// Most connections of clients. Without a number Envoy warns at every start, and takes them until memory ends.
const CLIENT_CONNECTIONS_MAX: u32 = 50_000;

/// The Envoy bootstrap for a configuration.
pub(crate) fn bootstrap(config: &Config, topology: Topology) -> Value {
    json!({
        "admin": { "address": socket_address_of(&config.written.envoy.admin) },
        "overload_manager": {
            "resource_monitors": [extension(
                "envoy.resource_monitors.global_downstream_max_connections",
                "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                json!({ "max_active_downstream_connections": CLIENT_CONNECTIONS_MAX }),
            )],
        },
        "static_resources": {
            "listeners": [listener::gateway(config, topology)],
            "clusters": clusters::all(config, topology),
        },
    })
}

/// A bootstrap as YAML.
///
/// # Errors
/// None that a bootstrap can cause: only what YAML cannot say.
pub(crate) fn yaml(bootstrap: &Value, version: Version) -> Result<String, serde_saphyr::ser_error::Error> {
    // One line per value, also for long ones: whoever compares two versions sees what changed.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let head = HEAD.replace("{version}", version.as_str());
    Ok(format!("{head}{}", serde_saphyr::to_string_with_options(bootstrap, options)?))
}

/// What every printed manifest begins with.
const MANIFEST_HEAD: &str = "\
# What `attache envoy --for {form}` prints for a configuration, and what goes with it: docs/mesh.md.
# It holds no credentials. Do not edit: change attache.yaml and print it again.
";

/// A manifest for a mesh as YAML.
///
/// # Errors
/// None that a manifest can cause: only what YAML cannot say.
pub(crate) fn manifest(value: &Value, form: &str) -> Result<String, serde_saphyr::ser_error::Error> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let head = MANIFEST_HEAD.replace("{form}", form);
    Ok(format!("{head}{}", serde_saphyr::to_string_with_options(value, options)?))
}

/// Where Envoy buffers bodies: at the listener and at every cluster alike. Were the listener's limit below a cluster's, an
/// answer taken whole that is larger than the listener's would hang instead of failing. (It still can, until the idle
/// timeout, when that much arrives before the service has answered the response's headers.)
fn buffer_limit_bytes(config: &Config) -> u32 {
    config.written.limits.body_bytes_max.saturating_add(BODY_SLACK_BYTES)
}

/// A message of a named type, as protobuf's `Any` in JSON.
fn typed(message: &str, fields: Value) -> Value {
    let mut typed = Map::new();
    typed.insert("@type".to_owned(), format!("type.googleapis.com/{message}").into());
    if let Value::Object(fields) = fields {
        typed.extend(fields);
    }
    Value::Object(typed)
}

/// An extension of Envoy: its name and its typed configuration.
fn extension(name: &str, message: &str, fields: Value) -> Value {
    json!({ "name": name, "typed_config": typed(message, fields) })
}

fn socket_address(host: &str, port: u16) -> Value {
    json!({ "socket_address": { "address": host, "port_value": port } })
}

/// `IP:PORT`, as the configuration has checked it.
fn socket_address_of(address: &str) -> Value {
    let address: SocketAddr = address.parse().expect("a compiled configuration has checked its addresses");
    socket_address(&address.ip().to_string(), address.port())
}

#[cfg(test)]
mod tests;
