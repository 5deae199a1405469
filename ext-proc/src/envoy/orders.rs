//! Clusters that lead to one provider after the other: how Envoy 1.37 and 1.38, which choose a request's cluster once, get
//! to another provider all the same.
//!
//! The n-th attempt at a `composite` cluster goes to a host of its n-th cluster, over that one's connections: TLS and
//! protocol are the provider's own. Filters and circuit breakers for retries are the composite's, so the attempt stage
//! stands here, and learns from the host itself whose it is.
//!
//! The list is fixed, and plans are not: there is one cluster for each order in which a model's plans begin, and the
//! exchange stage tells the service which. A plan that has none stays with its first provider.

use super::clusters::{Protocol, circuit_breakers, http};
use super::{ATTACHE, buffer_limit_bytes, egress, extension};
use crate::config::Config;
use crate::config::compiled::{Model, Provider, Target};
use crate::exchange::Topology;
use crate::exchange::plan::{ORDER, ORDER_SEPARATOR};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The most targets of a weighted model whose orders are printed: any of them may come first, and any next, so that four
/// have 24.
const WEIGHTED_MAX: usize = 4;
/// The most orders of a bootstrap: their names travel with every exchange.
const ORDERS_MAX: usize = 32;

/// The cluster of every attempt.
type Order<'a> = Vec<&'a str>;

/// The clusters.
pub(super) fn clusters(config: &Config, topology: Topology) -> Vec<Value> {
    printed(config).iter().map(|order| cluster(config, order, topology)).collect()
}

/// The names of the clusters, for the service; empty without any.
pub(super) fn names(config: &Config) -> String {
    printed(config).iter().map(name).collect::<Vec<_>>().join(" ")
}

/// Whether the plans of a model are followed from provider to provider.
pub(super) fn follows(config: &Config, model: &Model) -> bool {
    let printed = printed(config);
    let orders = of(model);
    !orders.is_empty() && orders.iter().all(|order| printed.iter().any(|printed| printed.starts_with(order)))
}

/// What a host says of itself.
pub(super) fn host_metadata(provider: &Provider) -> Value {
    json!({ "filter_metadata": { ATTACHE: { "cluster": provider.cluster } } })
}

/// Matches the first attempt at the host of the cluster for which the exchange stage has made the request. Whose a host is
/// no other matcher can ask.
pub(crate) fn made_for_this_host() -> Value {
    let is_first = equal(of_key(field(name_of("request"), "headers"), "x-envoy-attempt-count"), text("1"));
    let target = of_key(of_key(field(name_of("metadata"), "filter_metadata"), ATTACHE), "target");
    let host = field(field(name_of("xds"), "upstream_host_metadata"), "filter_metadata");
    let here = equal(target, of_key(of_key(host, ATTACHE), "cluster"));
    let input = extension("attributes", "xds.type.matcher.v3.HttpAttributesCelMatchInput", json!({}));
    let matcher = extension(
        "made_for_this_host",
        "xds.type.matcher.v3.CelMatcher",
        json!({ "expr_match": { "cel_expr_parsed": { "expr": call("_&&_", [is_first, here]) } } }),
    );
    json!({ "single_predicate": { "input": input, "custom_match": matcher } })
}

/// The orders that have a cluster.
fn printed(config: &Config) -> Vec<Order<'_>> {
    if !config.written.envoy.version.has_composite() {
        return Vec::new();
    }
    let mut models: Vec<_> = config.models.iter().map(|(name, model)| (of(model), name)).collect();
    // By name, too: whoever prints it again gets the same.
    models.sort_by_key(|(orders, name)| (orders.len(), *name));
    let whole = models.iter().map(|(orders, _)| orders.clone());
    let shortened = models.iter().map(|(orders, _)| orders.iter().flat_map(one_left_out).collect());
    whole
        .chain(shortened)
        .fold(BTreeSet::new(), |all, more: BTreeSet<Order<'_>>| {
            let both = longest(&(&all | &more));
            if both.len() <= ORDERS_MAX { both } else { all }
        })
        .into_iter()
        .collect()
}

/// The same orders without those with which another one begins.
fn longest<'a>(orders: &BTreeSet<Order<'a>>) -> BTreeSet<Order<'a>> {
    let shorter = |order: &Order<'_>| orders.iter().any(|other| other != order && other.starts_with(order));
    orders.iter().filter(|order| !shorter(order)).cloned().collect()
}

/// What is left of an order when a provider has no room or no credentials, or the caller may not use it.
fn one_left_out<'a>(order: &Order<'a>) -> BTreeSet<Order<'a>> {
    let without = |out: &&'a str| order.iter().filter(|cluster| *cluster != out).copied().collect::<Order<'a>>();
    // Of a plan that begins anew the first attempt alone may go.
    let later = order.get(1..).unwrap_or_default().to_vec();
    order.iter().map(without).chain([later]).filter(has_several).collect()
}

/// The orders in which a model's plans try providers; empty where there is one provider only, or too many orders.
fn of(model: &Model) -> BTreeSet<Order<'_>> {
    let targets: Vec<&Arc<Target>> = model.targets.iter().collect();
    let drawn = match model.weights.is_empty() {
        true => vec![targets],
        false if targets.len() <= WEIGHTED_MAX => permutations(targets),
        false => Vec::new(),
    };
    let attempts = model.retry.attempts as usize;
    let orders = drawn.into_iter().map(|targets| {
        targets.into_iter().map(|target| target.provider.cluster.as_str()).cycle().take(attempts).collect()
    });
    orders.filter(|order: &Order<'_>| has_several(order) && order.iter().all(|cluster| can_be_named(cluster))).collect()
}

fn permutations<T: Copy>(items: Vec<T>) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let first = |i: usize| {
        let mut rest = items.clone();
        let first = rest.remove(i);
        permutations(rest).into_iter().map(move |rest| [vec![first], rest].concat())
    };
    (0..items.len()).flat_map(first).collect()
}

fn has_several(order: &Order<'_>) -> bool {
    order.iter().any(|cluster| Some(cluster) != order.first())
}

fn can_be_named(cluster: &str) -> bool {
    !cluster.contains([ORDER_SEPARATOR, ' '])
}

fn name(order: &Order<'_>) -> String {
    format!("{ORDER}{}", order.join(&ORDER_SEPARATOR.to_string()))
}

fn cluster(config: &Config, order: &Order<'_>, topology: Topology) -> Value {
    let providers = || config.providers.values().filter(|provider| order.contains(&provider.cluster.as_str()));
    let clusters: Vec<_> = order.iter().map(|cluster| json!({ "name": cluster })).collect();
    let filters = egress::filters_of_order(config, providers().map(AsRef::as_ref), topology);
    json!({
        "name": name(order),
        "connect_timeout": "1s",
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": extension(
            "envoy.clusters.composite",
            "envoy.extensions.clusters.composite.v3.ClusterConfig",
            json!({ "clusters": clusters }),
        ),
        "per_connection_buffer_limit_bytes": buffer_limit_bytes(config),
        // How many requests may be tried again at a time is counted here, not at the providers.
        "circuit_breakers": circuit_breakers(),
        // The protocol is the chosen host's own; without one said there can be no filters.
        "typed_extension_protocol_options": http(Protocol::Http1, json!({ "http_filters": filters })),
    })
}

fn call<const N: usize>(function: &str, arguments: [Value; N]) -> Value {
    json!({ "call_expr": { "function": function, "args": arguments.to_vec() } })
}

fn equal(left: Value, right: Value) -> Value {
    call("_==_", [left, right])
}

fn of_key(map: Value, key: &str) -> Value {
    call("_[_]", [map, text(key)])
}

fn field(of: Value, name: &str) -> Value {
    json!({ "select_expr": { "operand": of, "field": name } })
}

fn name_of(variable: &str) -> Value {
    json!({ "ident_expr": { "name": variable } })
}

fn text(text: &str) -> Value {
    json!({ "const_expr": { "string_value": text } })
}
