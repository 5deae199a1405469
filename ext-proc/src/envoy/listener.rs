//! Where clients come in: the listener and its HTTP connection manager.

use super::clusters::extend;
use super::{
    ATTACHE, access_log, buffer_limit_bytes, extension, local_reply, processing, routes, socket_address_of, specifier,
    wasm,
};
use crate::config::{Config, compiled};
use crate::exchange::waiting::PERIOD;
use crate::exchange::{Follow, Topology};
use serde_json::{Value, json};

/// Most time for a client to send a whole request: a prompt of some megabytes over a slow line.
const REQUEST_TIMEOUT: &str = "300s";

/// The gateway's listener.
pub(super) fn gateway(config: &Config, topology: Topology) -> Value {
    json!({
        "name": "gateway",
        "address": socket_address_of(&config.written.listen),
        // Envoy's own 1 MiB would answer 413 to long prompts and base64 images; no other limit on bodies helps.
        "per_connection_buffer_limit_bytes": buffer_limit_bytes(config),
        "filter_chains": [{
            "filters": [extension(
                "envoy.filters.network.http_connection_manager",
                "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                http(config, topology),
            )],
        }],
    })
}

fn http(config: &Config, topology: Topology) -> Value {
    let idle_timeout = compiled::seconds(&config.written.envoy.idle_timeout);
    let mut http = json!({
        "stat_prefix": ATTACHE,
        "codec_type": "AUTO",
        // The client is whoever connects; what it says about itself in x-forwarded-for does not count.
        "use_remote_address": true,
        "skip_xff_append": true,
        "early_header_mutation_extensions": [untrusted_headers(config)],
        // Ids are ours: a client's own x-request-id is replaced.
        "generate_request_id": true,
        "always_set_request_id_in_response": true,
        // Towards an https provider `:scheme` says https, whatever the client's connection was; some HTTP/2 servers check it.
        "scheme_header_transformation": { "match_upstream": true },
        "normalize_path": true,
        "merge_slashes": true,
        // SDKs escape the slash of `/v1/models/provider%2Fmodel`; it must stay one segment.
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "max_request_headers_kb": 96,
        // It also runs while a provider thinks before its first byte, which Envoy's 5 minutes would cut off.
        "stream_idle_timeout": idle_timeout,
        "request_timeout": REQUEST_TIMEOUT,
        "request_headers_timeout": "10s",
        "delayed_close_timeout": "1s",
        "drain_timeout": "30s",
        "common_http_protocol_options": {
            "idle_timeout": "900s",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 1000,
            "initial_stream_window_size": 1 << 20,
            "initial_connection_window_size": 16 << 20,
        },
        "access_log": access_log::logs(&config.written.envoy.access_log, topology),
        "local_reply_config": local_reply::config(config, topology),
        "route_config": routes::config(config, topology),
        "http_filters": filters(config, topology),
    });
    if topology == Topology::Hybrid {
        // The service hears nothing else of an exchange that goes on.
        let period = format!("{}s", PERIOD.as_secs());
        extend(&mut http, json!({ "access_log_options": { "access_log_flush_interval": period } }));
    }
    http
}

fn filters(config: &Config, topology: Topology) -> Vec<Value> {
    let router = extension(
        "envoy.filters.http.router",
        "envoy.extensions.filters.http.router.v3.Router",
        // x-envoy-expected-rq-timeout-ms is nothing for a provider. Retry headers of the service still count.
        json!({ "suppress_envoy_headers": true }),
    );
    let facts = (topology == Topology::Hybrid).then(|| wasm::router(config));
    let exchange = processing::exchange_stage(config, topology);
    let steps = match config.written.envoy.version.follow() {
        Follow::Groups | Follow::First | Follow::Orders(_) => None,
        Follow::Steps => Some(specifier::steps_filter(config)),
    };
    facts.into_iter().chain([exchange]).chain(steps).chain([router]).collect()
}

/// Every `x-attache-…` that does not go on with `cache`.
pub(crate) const ALL_BUT_CACHE: &str = "x-attache-(|[^c].*|c|c[^a].*|ca|ca[^c].*|cac|cac[^h].*|cach|cach[^e].*)";

/// Headers by which a client could steer the gateway, gone before anything reads them: retry policy (`x-envoy-…`), what
/// belongs to the service (`x-attache-…`), addresses.
fn untrusted_headers(config: &Config) -> Value {
    // By these clients say what the cache does for them; the service takes them off.
    let own = match config.cache {
        Some(_) => json!({ "remove_on_match": { "key_matcher": { "safe_regex": { "regex": ALL_BUT_CACHE } } } }),
        None => remove_prefix("x-attache-"),
    };
    extension(
        "envoy.http.early_header_mutation.header_mutation",
        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        json!({
            "mutations": [
                own,
                remove_prefix("x-envoy-"),
                remove_prefix("x-forwarded-"),
                { "remove": "x-gateway-destination-endpoint" },
            ],
        }),
    )
}

/// A mutation that removes every header whose name begins so.
pub(super) fn remove_prefix(prefix: &str) -> Value {
    json!({ "remove_on_match": { "key_matcher": { "prefix": prefix } } })
}
