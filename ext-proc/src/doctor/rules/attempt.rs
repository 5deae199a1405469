//! The attempt stage, in the clusters of providers.

use super::exchange::unlisted;
use crate::doctor::at::At;
use crate::doctor::rule::{Hit, Rule, Severity};
use crate::doctor::seen::{Provider, Seen, configured, lists, removes_prefix, said, stage, upstream_filters};
use crate::envoy::made_for_this_host;
use crate::exchange::message::CLUSTER_OF_HOST;
use serde_json::{Value, json};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "attempt-missing",
        severity: Severity::Error,
        what: "a provider's cluster has no attempt stage, or no cluster has one",
        why: "the second attempt sends one provider what was made for another; in the shared topology nothing is translated at all",
        look: |seen| {
            let with_plan = seen.exchanges().next().is_some();
            let lacking = seen.clusters.iter().filter(|cluster| with_plan && is_provider(seen, cluster));
            let lacking = lacking.filter(|cluster| !has_attempt(cluster)).map(At::place);
            let fix = "give it the `http_filters` that `attache envoy` prints for a provider";
            let mut hits: Vec<_> = lacking.map(|place| Hit::todo(place, "not there", fix)).collect();
            if hits.is_empty() && with_plan && seen.providers.is_empty() {
                hits.push(Hit::todo(&crate::doctor::at::Place::named("clusters"), "none has one", fix));
            }
            hits
        },
    },
    Rule {
        name: "attempt-open",
        severity: Severity::Error,
        what: "the attempt stage may fail open",
        why: "a request that the service did not make for this provider would reach it, with another one's key",
        look: |seen| {
            let switches = attempts(seen).into_iter().map(|(_, stage)| stage.get("failure_mode_allow"));
            switches.filter(At::is_true).map(|switch| Hit::set(&switch, false)).collect()
        },
    },
    Rule {
        name: "attempt-unsent",
        severity: Severity::Error,
        what: "the attempt stage is not sent what its topology needs: headers always, the body (`BUFFERED`) where it is shared",
        why: "the service cannot make the request for this provider",
        look: |seen| attempts(seen).into_iter().flat_map(|(_, stage)| unsent(&stage)).collect(),
    },
    Rule {
        name: "attempt-metadata",
        severity: Severity::Error,
        what: "the attempt stage's `metadata_options.forwarding_namespaces.untyped` does not name `attache`",
        why: "the service does not learn which exchange an attempt belongs to, and refuses it",
        look: |seen| {
            let options = attempts(seen).into_iter().map(|(_, stage)| stage.get("metadata_options"));
            let names = options.map(|options| options.dig(["forwarding_namespaces", "untyped"]));
            names.filter(|list| !lists(list, "attache")).map(|list| Hit::add(&list, "attache")).collect()
        },
    },
    Rule {
        name: "attempt-attributes",
        severity: Severity::Error,
        what: "the attempt stage's `request_attributes` lack `xds.cluster_name` (before several providers: whose the host is) or `upstream.request_attempt_count`",
        why: "the service does not learn for whom and at which attempt, and refuses it",
        look: |seen| {
            let lacking = |(provider, stage): (&Provider<'_>, At<'_>)| {
                let cluster = if provider.leads_to_others() { CLUSTER_OF_HOST } else { "xds.cluster_name" };
                unlisted(&stage.get("request_attributes"), &[cluster, "upstream.request_attempt_count"])
            };
            attempts(seen).into_iter().filter_map(lacking).collect()
        },
    },
    Rule {
        name: "attempt-skipped",
        severity: Severity::Error,
        what: "the attempt stage is skipped for more than the first attempt at the cluster that the request was made for",
        why: "a provider gets what was made for another one",
        look: |seen| seen.providers.iter().flat_map(skipped).collect(),
    },
    Rule {
        name: "internal-headers-leave",
        severity: Severity::Error,
        what: "no filter behind the attempt stage removes request headers that begin with `x-attache-` or `x-envoy-`",
        why: "providers read what is internal",
        look: |seen| {
            let leaves = |provider: &Provider<'_>| leaking(provider, "request_mutations", &["x-attache-", "x-envoy-"]);
            seen.providers.iter().flat_map(leaves).collect()
        },
    },
    Rule {
        name: "retries-forbidden",
        severity: Severity::Warning,
        what: "no filter of a provider's cluster removes response headers that begin with `x-envoy-`",
        why: "a provider that says `x-envoy-ratelimited` keeps Envoy from trying the next target",
        look: |seen| {
            seen.providers.iter().flat_map(|provider| leaking(provider, "response_mutations", &["x-envoy-"])).collect()
        },
    },
];

fn attempts<'s, 'a>(seen: &'s Seen<'a>) -> Vec<(&'s Provider<'a>, At<'a>)> {
    seen.providers.iter().filter_map(|provider| Some((provider, provider.attempt()?))).collect()
}

/// By the service's configuration.
fn is_provider(seen: &Seen<'_>, cluster: &At<'_>) -> bool {
    let name = cluster.get("name").text();
    seen.config.is_some_and(|config| config.providers.values().any(|provider| provider.cluster == name))
}

fn has_attempt(cluster: &At<'_>) -> bool {
    upstream_filters(cluster).iter().any(|filter| stage(filter) == Some("attempt"))
}

fn unsent(stage: &At<'_>) -> Vec<Hit> {
    let mode = stage.get("processing_mode");
    let (headers, body) = (mode.get("request_header_mode"), mode.get("request_body_mode"));
    let mut hits = Vec::new();
    if headers.text() == "SKIP" {
        hits.push(Hit::set(&headers, "SEND"));
    }
    let sent = if body.is_set() { body.text() } else { "NONE" };
    let needed = match said(stage, "x-attache-topology") {
        Some("shared") => "BUFFERED",
        _ => "NONE",
    };
    if sent != needed {
        hits.push(Hit::set(&body, needed));
    }
    hits
}

/// A matcher that skips the stage must ask both for the first attempt and for this very cluster.
fn skipped(provider: &Provider<'_>) -> Vec<Hit> {
    let Some(filter) = provider.filters.iter().find(|filter| stage(filter) == Some("attempt")) else {
        return Vec::new();
    };
    let matcher = filter.dig(["typed_config", "xds_matcher"]);
    if !matcher.is_set() {
        return Vec::new();
    }
    let topology = provider.attempt().and_then(|stage| said(&stage, "x-attache-topology"));
    if topology == Some("shared") {
        let fix = "take the filter out of its `ExtensionWithMatcher`";
        return vec![Hit::todo(matcher.place(), "skipped at times", fix)];
    }
    let skips = matcher.dig(["matcher_list", "matchers"]).items();
    let cluster = provider.cluster.get("name").text();
    let careless = skips.iter().map(|skip| skip.get("predicate"));
    let careless = careless.filter(|skip| !asks_for_both(skip, cluster) && *skip.value() != made_for_this_host());
    if provider.leads_to_others() {
        let fix = "print the cluster again with `attache envoy`: the skip asks whose the host is";
        return careless.map(|predicate| Hit::todo(predicate.place(), "skipped at times", fix)).collect();
    }
    let fix = format!("ask for `x-envoy-attempt-count` 1 and for the metadata `attache.target` `{cluster}`");
    careless.map(|predicate| Hit::todo(predicate.place(), "not both are asked for", fix.clone())).collect()
}

fn asks_for_both(predicate: &At<'_>, cluster: &str) -> bool {
    let all = predicate.dig(["and_matcher", "predicate"]).items();
    let all: Vec<_> = all.iter().map(|each| each.get("single_predicate")).collect();
    let first = all.iter().any(|each| {
        each.dig(["input", "typed_config", "header_name"]).text() == "x-envoy-attempt-count"
            && each.dig(["value_match", "exact"]).text() == "1"
    });
    let here = all.iter().any(|each| {
        each.dig(["input", "typed_config", "filter"]).text() == "attache"
            && each.dig(["custom_match", "typed_config", "value", "string_match", "exact"]).text() == cluster
    });
    first && here
}

/// The prefixes of headers that no filter behind the attempt stage removes.
fn leaking(provider: &Provider<'_>, direction: &str, prefixes: &[&str]) -> Vec<Hit> {
    let behind = provider.filters.iter().skip_while(|filter| stage(filter) != Some("attempt")).skip(1);
    let cleaners: Vec<_> = behind.filter(|filter| configured(filter).is_a("HeaderMutation")).collect();
    let lists: Vec<_> = cleaners.iter().map(|filter| configured(filter).dig(["mutations", direction])).collect();
    let kept = prefixes.iter().filter(|prefix| !lists.iter().any(|list| removes_prefix(list, prefix)));
    let kept: Vec<Value> =
        kept.map(|prefix| json!({ "remove_on_match": { "key_matcher": { "prefix": prefix } } })).collect();
    if kept.is_empty() {
        return Vec::new();
    }
    match lists.last() {
        // What the list holds stays unsaid: a header that it writes may be a key.
        Some(list) if list.is_set() => kept.into_iter().map(|each| Hit::add(list, each)).collect(),
        Some(list) => vec![Hit::set(list, kept)],
        None => {
            let fix = "put the filter `attache_clean` that `attache envoy` prints behind the attempt stage";
            vec![Hit::todo(provider.cluster.place(), "not there", fix)]
        }
    }
}
