//! The filters that a request passes on its way out, once per attempt, in the cluster of its provider: strip → attempt
//! stage → clean → codec; in the hybrid a filter that makes the request comes before the attempt stage.
//!
//! An attempt begins with the headers as the one before it left them, the other provider's key included.

use super::listener::remove_prefix;
use super::{ATTACHE, extension, orders, processing, specifier, typed, wasm};
use crate::config::Config;
use crate::config::compiled::Provider;
use crate::exchange::message::CLUSTER_OF_HOST;
use crate::exchange::{Follow, Topology};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Headers that hold a credential, or speak of an account, at one provider or another.
const CREDENTIALS: [&str; 11] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
    "openai-organization",
    "openai-project",
];

/// The upstream filters of a provider's cluster.
pub(super) fn filters(config: &Config, provider: &Provider, topology: Topology) -> Value {
    let sees_answers = processing::watches_answers(provider, topology);
    let attempt = processing::attempt_stage(config, &["xds.cluster_name"], sees_answers, topology);
    let [strip, attempt] = beside(config, attempt, sees_answers, topology, || made_for(provider));
    let noted = match config.written.envoy.version.follow() {
        Follow::Groups | Follow::First | Follow::Orders(_) => None,
        Follow::Steps => Some(specifier::attempt_filter()),
    };
    // Before the attempt stage, so that this one learns the provider's own status: answers pass from the end.
    let made = (topology == Topology::Hybrid).then(|| wasm::translate(config, provider));
    let all = noted.into_iter().chain([strip]).chain(made).chain([attempt, clean(topology), codec()]);
    Value::Array(all.collect())
}

/// The upstream filters of a cluster that leads to these providers one after the other.
pub(super) fn filters_of_order<'a>(
    config: &Config,
    mut providers: impl Iterator<Item = &'a Provider>,
    topology: Topology,
) -> Value {
    let sees_answers = providers.any(|provider| processing::watches_answers(provider, topology));
    let attempt = processing::attempt_stage(config, &["xds.cluster_name", CLUSTER_OF_HOST], sees_answers, topology);
    let [strip, attempt] = beside(config, attempt, sees_answers, topology, orders::made_for_this_host);
    json!([strip, attempt, clean(topology), codec()])
}

/// What takes credentials away, and the attempt stage: beside the service neither is needed where the request has been made
/// for this attempt.
fn beside(
    config: &Config,
    attempt: Value,
    sees_answers: bool,
    topology: Topology,
    made_for_it: impl Fn() -> Value,
) -> [Value; 2] {
    let strip = strip(config);
    match topology {
        Topology::Sidecar | Topology::Hybrid if sees_answers || processing::watches_every_attempt(config) => {
            [unless(&made_for_it(), &strip), attempt]
        }
        Topology::Sidecar | Topology::Hybrid => [unless(&made_for_it(), &strip), unless(&made_for_it(), &attempt)],
        Topology::Shared => [strip, attempt],
    }
}

/// The upstream filters of the cluster that unprocessed requests go to: the client's credentials stay.
pub(super) fn filters_of_unprocessed() -> Value {
    let mut removals = internal_headers().to_vec();
    // These belong to the gateway's own site, not to the provider.
    removals.extend([json!({ "remove": "cookie" }), json!({ "remove": "proxy-authorization" })]);
    json!([header_mutation("attache_clean", &removals, &response_removals()), codec()])
}

/// Takes away every credential before the attempt stage sets the right one. Should that stage ever be passed over, the
/// request leaves without a key rather than with another provider's.
fn strip(config: &Config) -> Value {
    let configured = config.credential_headers.iter().map(String::as_str);
    let names: BTreeSet<&str> = CREDENTIALS.into_iter().chain(configured).collect();
    let remove = |name: &str| json!({ "remove": name });
    let removals: Vec<Value> = names.into_iter().map(remove).collect();
    let parameters = config.providers.values().filter_map(|provider| provider.credentials.query_name());
    let parameters: Vec<Value> = parameters.collect::<BTreeSet<_>>().iter().map(|name| remove(name)).collect();
    let mut strip = header_mutation("attache_strip", &removals, &[]);
    let mutations = strip.pointer_mut("/typed_config/mutations").and_then(Value::as_object_mut);
    if let (false, Some(mutations)) = (parameters.is_empty(), mutations) {
        mutations.insert("query_parameter_mutations".to_owned(), parameters.into());
    }
    strip
}

/// Matches the first attempt to the provider for which the exchange stage has made the request: both, since the first
/// attempt could be at another provider than planned, and that one must not get this one's key.
fn made_for(provider: &Provider) -> Value {
    let first_attempt = json!({
        "single_predicate": {
            "input": extension(
                "attempt",
                "envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
                json!({ "header_name": "x-envoy-attempt-count" }),
            ),
            "value_match": { "exact": "1" },
        },
    });
    let made_for_it = json!({
        "single_predicate": {
            "input": extension(
                "target",
                "envoy.extensions.matching.common_inputs.network.v3.DynamicMetadataInput",
                json!({ "filter": ATTACHE, "path": [{ "key": "target" }] }),
            ),
            "custom_match": extension(
                "cluster",
                "envoy.extensions.matching.input_matchers.metadata.v3.Metadata",
                json!({ "value": { "string_match": { "exact": provider.cluster } } }),
            ),
        },
    });
    json!({ "and_matcher": { "predicate": [first_attempt, made_for_it] } })
}

/// A filter that runs for every attempt that does not match.
fn unless(predicate: &Value, filter: &Value) -> Value {
    let skip = extension("skip", "envoy.extensions.filters.common.matcher.action.v3.SkipFilter", json!({}));
    json!({
        "name": filter.get("name"),
        "typed_config": typed("envoy.extensions.common.matching.v3.ExtensionWithMatcher", json!({
            "extension_config": filter,
            "xds_matcher": { "matcher_list": { "matchers": [{
                "predicate": predicate,
                "on_match": { "action": skip },
            }] } },
        })),
    })
}

/// The last touch: what is internal stays here, in both directions.
fn clean(topology: Topology) -> Value {
    let mut request = match topology {
        // New headers and a new body in one answer lose content-length, and some providers refuse chunked requests. The
        // attempt stage tells it; unset (the first attempt), the header stays as it is.
        Topology::Sidecar => vec![json!({
            "append": {
                "header": { "key": "content-length", "value": format!("%DYNAMIC_METADATA({ATTACHE}:content_length)%") },
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                "keep_empty_value": false,
            },
        })],
        Topology::Shared | Topology::Hybrid => Vec::new(),
    };
    request.extend(internal_headers());
    // The service has noted it; for the provider it would be one more thing by which to tell requests apart.
    request.push(json!({ "remove": "x-request-id" }));
    header_mutation("attache_clean", &request, &response_removals())
}

/// Request headers of ours and Envoy's. Tracing headers (`traceparent` …) go on: they are the client's.
fn internal_headers() -> [Value; 3] {
    ["x-attache-", "x-envoy-", "x-forwarded-"].map(remove_prefix)
}

/// Response headers that a provider must not set: `x-envoy-ratelimited` would keep the router from trying the next target.
fn response_removals() -> [Value; 2] {
    ["x-attache-", "x-envoy-"].map(remove_prefix)
}

fn header_mutation(name: &str, request: &[Value], response: &[Value]) -> Value {
    let mutations = json!({ "request_mutations": request, "response_mutations": response });
    extension(
        name,
        "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
        json!({ "mutations": mutations }),
    )
}

/// Always last: it hands the request to the connection.
fn codec() -> Value {
    extension(
        "envoy.filters.http.upstream_codec",
        "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec",
        json!({}),
    )
}
