//! Where Envoy asks the service: the ext_proc filters of the two stages.
//!
//! A stream that the service ends properly before it has answered means "no objection" to Envoy, also when failures are
//! not allowed; therefore `super::egress` runs before the attempt stage.

use super::clusters::extend;
use super::clusters::service_is_elsewhere;
use super::routes::pass_to;
use super::{ATTACHE, extension, orders};
use crate::callers::mesh::JWT_AUTHN;
use crate::config::Config;
use crate::config::compiled::Provider;
use crate::exchange::message::CLUSTER_OF_HOST;
use crate::exchange::{Follow, Topology};
use serde_json::{Value, json};
use std::time::Duration;

/// Most time for one answer of the service. It answers in milliseconds, but a slow moment is no reason for an error, and
/// Envoy's own 200 ms make every such moment one.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// The exchange's own stream, from the request's headers to the last byte of the response. In the hybrid it is over with
/// the request's headers.
pub(super) fn exchange_stage(config: &Config, topology: Topology) -> Value {
    let mut fields = json!({ "grpc_service": grpc_service("exchange", config, topology) });
    let modes = match topology {
        Topology::Sidecar | Topology::Shared => json!({
            // The response is not asked for here but by the service, in its answer to the request's headers: with SEND
            // Envoy's early 400 and 431 would wait for an answer that cannot come, and the client would read nothing.
            "processing_mode": mode("BUFFERED", "SKIP", "SKIP"),
            "allow_mode_override": true,
        }),
        Topology::Hybrid => json!({ "processing_mode": mode("NONE", "SKIP", "SKIP") }),
    };
    let same = json!({
        "failure_mode_allow": pass_to(config).is_some(),
        "status_on_error": { "code": 503 },
        "message_timeout": message_timeout(config),
        "mutation_rules": mutation_rules(),
        // What the service sets is for the router, the access log and the attempt stage. Nothing is forwarded that need
        // not be: it would ride on every chunk of the response.
        "metadata_options": { "receiving_namespaces": { "untyped": [ATTACHE] } },
    });
    extend(&mut fields, modes);
    extend(&mut fields, same);
    if topology != Topology::Hybrid {
        // Who answered, at which attempt, and whether it was Envoy itself.
        let told = json!(["xds.cluster_name", "upstream.request_attempt_count", "response.code_details"]);
        extend(&mut fields, json!({ "response_attributes": told }));
    }
    let has_orders = !orders::names(config).is_empty();
    let attributes = fields.get_mut("response_attributes").and_then(Value::as_array_mut);
    if let (true, Some(attributes)) = (has_orders, attributes) {
        attributes.push(CLUSTER_OF_HOST.into());
    }
    if let (Value::Object(fields), Some(rules)) = (&mut fields, &config.callers) {
        // By these callers are known, and those who guess keys.
        fields.insert("request_attributes".to_owned(), rules.attributes().collect());
        if rules.reads_metadata() {
            let options = json!({
                "forwarding_namespaces": { "untyped": [JWT_AUTHN] },
                "receiving_namespaces": { "untyped": [ATTACHE] },
            });
            fields.insert("metadata_options".to_owned(), options);
        }
    }
    ext_proc("attache", fields)
}

/// A request may wait for the answer to another one before it is let through.
fn message_timeout(config: &Config) -> String {
    let rules = config.cache.iter().flat_map(|cache| &cache.rules);
    let wait = rules.filter_map(|rule| rule.coalesce).max().unwrap_or_default();
    seconds(MESSAGE_TIMEOUT + wait)
}

fn seconds(time: Duration) -> String {
    match time.subsec_millis() {
        0 => format!("{}s", time.as_secs()),
        millis => format!("{}.{millis:03}s", time.as_secs()),
    }
}

/// An attempt's stream, in the cluster of its provider.
///
/// `of_whom`: the attributes that say whose the chosen host is.
pub(super) fn attempt_stage(config: &Config, of_whom: &[&str], sees_answers: bool, topology: Topology) -> Value {
    let request_body = match topology {
        // The service has the client's body already: it answers the headers with headers and body at once.
        Topology::Sidecar | Topology::Hybrid => "NONE",
        // Each attempt sees the body as the client sent it, whatever was made of it for the one before.
        Topology::Shared => "BUFFERED",
    };
    // The exchange stage sees only the answer of the last attempt.
    let response_headers = if sees_answers { "SEND" } else { "SKIP" };
    // Hardly any response has trailers, but until they could come the stream stays open.
    let response_trailers = if watches_every_attempt(config) { "SEND" } else { "SKIP" };
    let attributes = [of_whom, &["upstream.request_attempt_count"]].concat();
    ext_proc(
        "attache_attempt",
        json!({
            "grpc_service": grpc_service("attempt", config, topology),
            "processing_mode": mode(request_body, response_headers, response_trailers),
            // Never true: a request that the service did not make for this provider must not reach it.
            "failure_mode_allow": false,
            "status_on_error": { "code": 503 },
            "message_timeout": seconds(MESSAGE_TIMEOUT),
            "mutation_rules": mutation_rules(),
            "metadata_options": {
                "forwarding_namespaces": { "untyped": [ATTACHE] },
                "receiving_namespaces": { "untyped": [ATTACHE] },
            },
            "request_attributes": attributes,
        }),
    )
}

/// Where requests are passed on while the service is away, the exchange stage may fail open, also when the answer is on
/// its way: it would reach the client untranslated, and what is cut would look whole. The attempt stage never fails open,
/// so there it stays with every attempt to its end: should the service die, the answer dies with it.
pub(super) fn watches_every_attempt(config: &Config) -> bool {
    pass_to(config).is_some()
}

/// Whether the attempt stage learns from the status of every attempt's answer: which key of a pool has to rest, and, where
/// it signs the first attempt, too, which token is no longer good.
pub(super) fn watches_answers(provider: &Provider, topology: Topology) -> bool {
    match topology {
        Topology::Sidecar => provider.credentials.has_pool(),
        Topology::Shared | Topology::Hybrid => provider.credentials.learns(),
    }
}

fn ext_proc(name: &str, fields: Value) -> Value {
    extension(name, "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor", fields)
}

/// The service, and what it learns about a stream before the first message. A header would not do: clients send headers.
fn grpc_service(stage: &str, config: &Config, topology: Topology) -> Value {
    let topology = match topology {
        Topology::Sidecar => "sidecar",
        Topology::Shared => "shared",
        Topology::Hybrid => "hybrid",
    };
    let mut service = json!({
        "envoy_grpc": { "cluster_name": ATTACHE },
        "initial_metadata": [
            { "key": "x-attache-stage", "value": stage },
            { "key": "x-attache-topology", "value": topology },
        ],
    });
    let follow = match config.written.envoy.version.follow() {
        Follow::Groups => None,
        Follow::Steps => Some("steps"),
        Follow::First | Follow::Orders(_) => Some("first"),
    };
    let told = service.get_mut("initial_metadata").and_then(Value::as_array_mut);
    if let (Some(told), Some(follow)) = (told, follow) {
        told.push(json!({ "key": "x-attache-follow", "value": follow }));
        let orders = orders::names(config);
        if stage == "exchange" && !orders.is_empty() {
            told.push(json!({ "key": "x-attache-orders", "value": orders }));
        }
    }
    if let (Value::Object(service), true) = (&mut service, service_is_elsewhere(config)) {
        // A replica that has just gone has seen nothing of the stream: another one may.
        service.insert(
            "retry_policy".to_owned(),
            json!({ "retry_on": "connect-failure,refused-stream,reset-before-request", "num_retries": 3 }),
        );
    }
    service
}

/// What is sent to the service unless it asks for something else.
fn mode(request_body: &str, response_headers: &str, response_trailers: &str) -> Value {
    json!({
        "request_header_mode": "SEND",
        "request_body_mode": request_body,
        "request_trailer_mode": "SKIP",
        "response_header_mode": response_headers,
        "response_body_mode": "NONE",
        "response_trailer_mode": response_trailers,
    })
}

/// The service sets `:path`, `:authority` and the retry headers.
fn mutation_rules() -> Value {
    json!({ "allow_all_routing": true, "allow_envoy": true })
}
