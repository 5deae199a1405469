//! Routes: how a plan is followed, and for how long.

use crate::doctor::at::{At, Place};
use crate::doctor::rule::{Hit, Rule, Severity};
use crate::doctor::seen::{Gateway, Seen, configured, removes_clients, said};
use serde_json::json;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "attempt-count",
        severity: Severity::Error,
        what: "`include_request_attempt_count` is missing on the virtual host of planned requests",
        why: "the attempt stage does not know that it is not the first: the second provider gets what was made for the first, and no key",
        look: |seen| {
            let hosts = follows(seen).into_iter().map(|(host, _)| host.get("include_request_attempt_count"));
            once(hosts.filter(|count| !count.is_true()).map(|count| Hit::set(&count, true)))
        },
    },
    Rule {
        name: "refresh-cluster",
        severity: Severity::Error,
        what: "the retry policy of planned requests lacks `refresh_cluster_on_retry`",
        why: "every attempt goes to the first target's provider",
        look: |seen| {
            let policies = follows(seen).into_iter().map(|(host, route)| {
                let own = route.dig(["route", "retry_policy"]);
                let of_host = host.get("retry_policy");
                if own.is_set() || !of_host.is_set() { own } else { of_host }
            });
            let refresh = policies.map(|policy| policy.get("refresh_cluster_on_retry"));
            once(refresh.filter(|refresh| !refresh.is_true()).map(|refresh| Hit::set(&refresh, true)))
        },
    },
    Rule {
        name: "order-missing",
        severity: Severity::Error,
        what: "the exchange stage's `x-attache-orders` names a cluster that Envoy does not have",
        why: "plans that try providers in this order end in a 503",
        look: |seen| seen.exchanges().flat_map(|(_, stage)| orders_missing(seen, &stage)).collect(),
    },
    Rule {
        name: "plan-unread",
        severity: Severity::Error,
        what: "the specifier `priority_group` does not read the plan: `override_metadata_namespace` is not `attache`",
        why: "every request goes to the configured groups, whatever was planned",
        look: |seen| {
            let names = groups(seen).into_iter().map(|specifier| specifier.get("override_metadata_namespace"));
            names.filter(|name| name.text() != "attache").map(|name| Hit::set(&name, "attache")).collect()
        },
    },
    Rule {
        name: "default-group-serves",
        severity: Severity::Error,
        what: "a group that is used when no plan can be read leads to a cluster with endpoints",
        why: "such a request would reach one provider with what was made for another, its key included",
        look: |seen| {
            let listed = groups(seen).into_iter().flat_map(|specifier| specifier.get("priority_groups").items());
            let clusters = listed.flat_map(|group| group.get("clusters").items()).map(|each| each.get("cluster_name"));
            let serves = |name: &At<'_>| seen.cluster(name.text()).is_some_and(has_endpoints);
            clusters.filter(serves).map(|name| Hit::set(&name, "attache_refuse")).collect()
        },
    },
    Rule {
        name: "matcher-crash",
        severity: Severity::Error,
        what: "the specifier `matcher` matches with a `custom_match` on dynamic metadata",
        why: "the first request that it is asked about ends Envoy with a segmentation fault (tried on 1.36.4 to 1.40.0)",
        look: |seen| {
            let trees = specifiers(seen, "MatcherClusterSpecifier").into_iter().map(|each| each.get("cluster_matcher"));
            let fix = "print the route again with `attache envoy --envoy-version`: it matches filter state";
            let crash = trees.flat_map(|tree| metadata_inputs(&tree));
            crash.map(|input| Hit::todo(input.place(), "dynamic metadata", fix)).collect()
        },
    },
    Rule {
        name: "route-timeout",
        severity: Severity::Error,
        what: "a route of LLM requests has Envoy's timeout of 15 s, or another one below a minute",
        why: "it covers the whole answer: streams are cut, and long answers become 504",
        look: |seen| {
            let timeouts = seen.routes().into_iter().map(|(_, route)| route.dig(["route", "timeout"]));
            let short = timeouts.filter(|timeout| (0.001..60.0).contains(&timeout.seconds().unwrap_or(15.0)));
            short.map(|timeout| Hit::set(&timeout, "0s")).collect()
        },
    },
    Rule {
        name: "cluster-by-client",
        severity: Severity::Error,
        what: "a route takes its cluster from a header that clients can set",
        why: "a client chooses the provider, past plan, limits and keys",
        look: |seen| seen.gateways.iter().flat_map(clusters_by_client).collect(),
    },
    Rule {
        name: "address-by-header",
        severity: Severity::Error,
        what: "a cluster of type `ORIGINAL_DST` takes the address from a header",
        why: "a client chooses any address that Envoy can reach",
        look: |seen| {
            let by_header =
                seen.clusters.iter().map(|cluster| cluster.dig(["original_dst_lb_config", "use_http_header"]));
            by_header.filter(At::is_true).map(|header| Hit::set(&header, false)).collect()
        },
    },
];

fn orders_missing(seen: &Seen<'_>, stage: &At<'_>) -> Vec<Hit> {
    let told = said(stage, "x-attache-orders").unwrap_or_default().split_whitespace();
    let missing = told.filter(|name| seen.cluster(name).is_none());
    let fix = "print the clusters again with `attache envoy`";
    missing.map(|name| Hit::todo(&Place::named(format!("cluster {name}")), "not there", fix)).collect()
}

/// The configurations of cluster specifiers of a kind.
fn specifiers<'a>(seen: &Seen<'a>, message: &str) -> Vec<At<'a>> {
    let routes = seen.routes().into_iter().map(|(_, route)| specifier(&route));
    routes.filter(|specifier| specifier.is_a(message)).collect()
}

fn specifier<'a>(route: &At<'a>) -> At<'a> {
    route.dig(["route", "inline_cluster_specifier_plugin", "extension", "typed_config"])
}

fn groups<'a>(seen: &Seen<'a>) -> Vec<At<'a>> {
    specifiers(seen, "PriorityGroupClusterSpecifier")
}

/// The routes whose cluster changes from attempt to attempt, with their virtual hosts.
fn follows<'a>(seen: &Seen<'a>) -> Vec<(At<'a>, At<'a>)> {
    let is_one = |route: &At<'_>| {
        let specifier = specifier(route);
        specifier.is_a("PriorityGroupClusterSpecifier") || specifier.is_a("MatcherClusterSpecifier")
    };
    let with_plan = !seen.providers.is_empty() || seen.exchanges().next().is_some();
    seen.routes().into_iter().filter(|(_, route)| with_plan && is_one(route)).collect()
}

/// Findings at the same place count once.
fn once(hits: impl Iterator<Item = Hit>) -> Vec<Hit> {
    let mut found: Vec<Hit> = Vec::new();
    for hit in hits {
        if !found.iter().any(|before| before.at == hit.at) {
            found.push(hit);
        }
    }
    found
}

fn has_endpoints(cluster: &At<'_>) -> bool {
    let groups = cluster.dig(["load_assignment", "endpoints"]).items();
    let by_discovery = cluster.get("type").text() == "EDS";
    by_discovery || groups.iter().any(|group| !group.get("lb_endpoints").items().is_empty())
}

/// The inputs of dynamic metadata anywhere in a matcher.
fn metadata_inputs<'a>(tree: &At<'a>) -> Vec<At<'a>> {
    if tree.is_a("DynamicMetadataInput") {
        return vec![tree.clone()];
    }
    let inside = tree.fields().into_iter().map(|(_, field)| field).chain(tree.items());
    inside.flat_map(|each| metadata_inputs(&each)).collect()
}

fn clusters_by_client(gateway: &Gateway<'_>) -> Vec<Hit> {
    let early = gateway.http.get("early_header_mutation_extensions").items();
    let removed = |header: &str| early.iter().any(|each| removes_clients(&configured(each).get("mutations"), header));
    let routes = gateway.hosts.iter().flat_map(|host| host.get("routes").items());
    let headers = routes.map(|route| route.dig(["route", "cluster_header"])).filter(At::is_set);
    let open = headers.filter(|header| !removed(&header.text().to_lowercase()));
    open.map(|header| Hit::set(&header, json!("x-attache-to"))).collect()
}
