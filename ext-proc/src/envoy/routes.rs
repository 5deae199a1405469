//! Which cluster a request goes to: the plan's, attempt by attempt.

use super::clusters::{extend, pass_to_cluster};
use super::{ATTACHE, specifier};
use crate::config::Config;
use crate::config::compiled::{self, Provider};
use crate::config::written::OnServiceFailure;
use crate::exchange::{Follow, Topology};
use crate::limits::refusal;
use attache_core::dialect::Dialect;
use serde_json::{Value, json};

/// A request that has been processed, but not planned. What it says is in [`super::local_reply`], under this name.
const PROCESSED: &str = "processed";
/// A request about which nobody has decided anything. What it says is in [`super::local_reply`], under this name.
const UNAVAILABLE: &str = "unavailable";

/// The routes, the first that matches counts.
pub(super) fn config(config: &Config, topology: Topology) -> Value {
    let [told, changed] = processed();
    let mut routes = vec![planned(config, topology), told, changed];
    if let Some(provider) = pass_to(config) {
        routes.extend(passed_on(config, provider));
    }
    routes.push(unavailable());
    json!({
        "virtual_hosts": [{
            "name": ATTACHE,
            "domains": ["*"],
            // The attempt stage is skipped by it.
            "include_request_attempt_count": true,
            // Egress cleaning has removed the request's own by now, and a provider's id means nothing here.
            "response_headers_to_add": [{
                "header": { "key": "x-request-id", "value": format!("%DYNAMIC_METADATA({ATTACHE}:request_id)%") },
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                "keep_empty_value": false,
            }],
            "routes": routes,
        }],
    })
}

/// The provider that requests go to while the service is away.
pub(super) fn pass_to(config: &Config) -> Option<&Provider> {
    match &config.written.envoy.on_service_failure {
        OnServiceFailure::Refuse => None,
        OnServiceFailure::PassTo(name) => config.providers.get(name).map(AsRef::as_ref),
    }
}

/// A request for which the service has made a plan. The sign is dynamic metadata, which no client can set.
fn planned(config: &Config, topology: Topology) -> Value {
    let follow = config.written.envoy.version.follow();
    let mut retry_policy = json!({
        "retry_on": "connect-failure",
        "num_retries": 0,
        "refresh_cluster_on_retry": true,
        "retry_back_off": { "base_interval": "0.025s", "max_interval": "0.25s" },
    });
    if let (Follow::First, Value::Object(policy)) = (&follow, &mut retry_policy) {
        policy.remove("refresh_cluster_on_retry");
    }
    let (field, cluster) = specifier::of(config, &follow);
    let mut planned = json!({
        "name": "planned",
        "match": { "prefix": "/", "dynamic_metadata": [told("model")] },
        "route": {
            field: cluster,
            // A route's timeout covers the whole answer: Envoy's 15 s would cut streams.
            "timeout": "0s",
            "idle_timeout": compiled::seconds(&config.written.envoy.idle_timeout),
            // How often and on what is the service's choice, per exchange, by x-envoy-… headers. Without them: one attempt.
            "retry_policy": retry_policy,
        },
    });
    if topology == Topology::Hybrid {
        extend(
            &mut planned,
            json!({
                "response_headers_to_add": told_to_clients(),
                // The filter `translate` has the router try no other target by it.
                "response_headers_to_remove": ["x-envoy-ratelimited"],
            }),
        );
    }
    planned
}

/// What the service would tell the client if it saw the response: how many attempts there were, how limits stand.
fn told_to_clients() -> Vec<Value> {
    let header = |name: &str, value: &str| {
        json!({
            "header": { "key": name, "value": value },
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            "keep_empty_value": false,
        })
    };
    let limits = refusal::HEADERS.map(|name| header(name, &format!("%DYNAMIC_METADATA({ATTACHE}:{name})%")));
    [header("x-attache-attempts", "%UPSTREAM_REQUEST_ATTEMPT_COUNT%")].into_iter().chain(limits).collect()
}

/// A request that the service has seen, but that has no plan: it may hold what is meant for one provider only, so it
/// never takes the routes below. Two signs, either of which would do: the metadata, and, should Envoy not take it, a
/// header that the service sets on every request that it has changed (a client's own is gone before).
fn processed() -> [Value; 2] {
    [
        json!({ "prefix": "/", "dynamic_metadata": [told("front")] }),
        json!({ "prefix": "/", "headers": [{ "name": "x-attache-planned", "present_match": true }] }),
    ]
    .map(|sign| json!({ "name": PROCESSED, "match": sign, "direct_response": refusal() }))
}

/// The service is away: the request goes on as it came, if the provider understands its dialect. A base URL is written
/// as the provider's own SDK takes it: OpenAI's and Gemini's end with the version in the client's path, others' before it.
fn passed_on(config: &Config, provider: &Provider) -> Vec<Value> {
    let base = &provider.base_path;
    let one = |path: &str| vec![passed(config, provider, path, &format!("{base}{path}"))];
    match provider.primary() {
        Dialect::OpenAi | Dialect::Responses | Dialect::Completions => vec![
            json!({
                "name": UNAVAILABLE,
                "match": { "path_separated_prefix": "/v1/messages" },
                "direct_response": refusal(),
            }),
            passed(config, provider, "/v1/", &format!("{base}/")),
        ],
        Dialect::Anthropic => {
            ["/v1/messages", "/v1/models"].map(|path| passed(config, provider, path, &format!("{base}{path}"))).into()
        }
        Dialect::Gemini => vec![passed(config, provider, "/v1beta/", &format!("{base}/"))],
        Dialect::Converse => one("/model/"),
        Dialect::Cohere => one("/v2/"),
    }
}

fn passed(config: &Config, provider: &Provider, prefix: &str, rewritten: &str) -> Value {
    json!({
        "name": "passed_on",
        "match": { "prefix": prefix },
        "route": {
            "cluster": pass_to_cluster(provider),
            "host_rewrite_literal": provider.authority,
            "prefix_rewrite": rewritten,
            "timeout": "0s",
            "idle_timeout": compiled::seconds(&config.written.envoy.idle_timeout),
        },
    })
}

/// The service is away, or has said nothing about this request.
fn unavailable() -> Value {
    json!({ "name": UNAVAILABLE, "match": { "prefix": "/" }, "direct_response": refusal() })
}

fn refusal() -> Value {
    json!({ "status": 503 })
}

/// Matches when the service has set this key (to a text: lists do not count as present).
fn told(key: &str) -> Value {
    json!({ "filter": ATTACHE, "path": [{ "key": key }], "value": { "present_match": true } })
}
