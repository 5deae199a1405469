//! The exchange stage's filter, and its place in the chain.

use crate::doctor::at::At;
use crate::doctor::rule::{Hit, Rule, Severity};
use crate::doctor::seen::{Gateway, Seen, configured, lists, processor, said, stage, wasm};
use attache_core::hybrid::TOLD_STATE;
use serde_json::Value;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "filter-disabled",
        severity: Severity::Error,
        what: "the exchange stage is switched off: `disabled` in the chain with no route that switches it on, or on a route",
        why: "requests pass unseen",
        look: |seen| seen.gateways.iter().flat_map(disabled).collect(),
    },
    Rule {
        name: "filter-twice",
        severity: Severity::Error,
        what: "two exchange stages stand in one chain",
        why: "every request is translated, limited and booked twice",
        look: |seen| {
            let second = |gateway: &Gateway<'_>| {
                let stages = gateway.filters.iter().filter(|filter| stage(filter) == Some("exchange"));
                stages.skip(1).map(|filter| Hit::todo(filter.place(), "a second one", "remove it")).collect::<Vec<_>>()
            };
            seen.gateways.iter().flat_map(second).collect()
        },
    },
    Rule {
        name: "stage-unsaid",
        severity: Severity::Error,
        what: "the initial metadata does not say `x-attache-topology: sidecar`, `shared` or `hybrid`",
        why: "the service guesses nothing: it refuses such a stream, and Envoy the request",
        look: |seen| {
            let told =
                |stage: &At<'_>| matches!(said(stage, "x-attache-topology"), Some("sidecar" | "shared" | "hybrid"));
            let silent = seen.stages().into_iter().filter(|stage| !told(stage));
            let metadata = silent.map(|stage| stage.dig(["grpc_service", "initial_metadata"]));
            let pair = || serde_json::json!({ "key": "x-attache-topology", "value": "shared" });
            metadata.map(|metadata| Hit::add(&metadata, pair())).collect()
        },
    },
    Rule {
        name: "message-timeout",
        severity: Severity::Error,
        what: "`message_timeout` is below a second; the default is 200 ms",
        why: "a large body or a slow moment of the service becomes an error",
        look: |seen| {
            let timeouts = seen.stages().into_iter().map(|stage| stage.get("message_timeout"));
            let short = timeouts.filter(|timeout| timeout.seconds().unwrap_or(0.2) < 1.0);
            short.map(|timeout| Hit::set(&timeout, "10s")).collect()
        },
    },
    Rule {
        name: "request-unsent",
        severity: Severity::Error,
        what: "the exchange stage is not sent the request: headers skipped, or a body mode other than `BUFFERED` (`NONE` in the hybrid)",
        why: "the service plans by the body, and takes it whole; in the hybrid it lets go after the headers",
        look: |seen| {
            let modes = seen.exchanges().map(|(_, stage)| (is_hybrid(&stage), stage.get("processing_mode")));
            modes.flat_map(|(hybrid, mode)| [headers_skipped(&mode), other_body(&mode, hybrid)]).flatten().collect()
        },
    },
    Rule {
        name: "response-headers-sent",
        severity: Severity::Warning,
        what: "the exchange stage's `response_header_mode` is not `SKIP`",
        why: "the service asks for responses itself; sent always, Envoy's own early 400 and 431 wait for an answer that cannot come",
        look: |seen| {
            let modes = seen.exchanges().map(|(_, stage)| stage.dig(["processing_mode", "response_header_mode"]));
            modes.filter(|mode| mode.text() != "SKIP").map(|mode| Hit::set(&mode, "SKIP")).collect()
        },
    },
    Rule {
        name: "mode-override",
        severity: Severity::Error,
        what: "`allow_mode_override` is missing",
        why: "the service asks for each response as it needs it (stream or whole): Envoy would not listen, and answers pass untranslated",
        look: |seen| missing(asking_for_responses(seen).map(|stage| stage.get("allow_mode_override"))),
    },
    Rule {
        name: "hybrid-unlogged",
        severity: Severity::Error,
        what: "in the hybrid no access log leads to the service with the filter state `wasm.attache_usage`",
        why: "the service does not learn how exchanges end: limits stay held for minutes, and usage is guessed",
        look: |seen| {
            let hybrid = seen.exchanges().filter(|(_, stage)| is_hybrid(stage)).map(|(gateway, _)| gateway);
            let logs = hybrid.map(|gateway| gateway.http.get("access_log"));
            let lacking = logs.filter(|logs| !logs.items().iter().any(tells_usage));
            let fix = "add the access log `attache` that `attache envoy --topology hybrid` prints";
            lacking.map(|logs| Hit::todo(logs.place(), "not there", fix)).collect()
        },
    },
    Rule {
        name: "hybrid-request-ids",
        severity: Severity::Error,
        what: "in the hybrid Envoy does not give every request an id of its own: `preserve_external_request_id`, no `use_remote_address`, `generate_request_id` off, or `internal_address_config`",
        why: "a client chooses its `x-request-id`, and by one that it gives two requests it has the first settled as if nothing had been sent: past limits and budgets",
        look: |seen| {
            let hybrid = seen.exchanges().filter(|(_, stage)| is_hybrid(stage));
            hybrid.flat_map(|(gateway, _)| ids_of_clients(&gateway.http)).collect()
        },
    },
    Rule {
        name: "mutation-rules",
        severity: Severity::Error,
        what: "`mutation_rules` do not allow routing headers (`allow_all_routing`) and Envoy's (`allow_envoy`)",
        why: "the service sets `:path`, `:authority` and the retry headers; Envoy drops them without a word",
        look: |seen| {
            let rules = seen.stages().into_iter().map(|stage| stage.get("mutation_rules"));
            missing(rules.flat_map(|rules| [rules.get("allow_all_routing"), rules.get("allow_envoy")]))
        },
    },
    Rule {
        name: "metadata-refused",
        severity: Severity::Error,
        what: "`metadata_options.receiving_namespaces.untyped` does not name `attache`",
        why: "the plan is dynamic metadata; Envoy drops it, and no request is routed",
        look: |seen| {
            let options = seen.stages().into_iter().map(|stage| stage.get("metadata_options"));
            let lists_of = options.map(|options| options.dig(["receiving_namespaces", "untyped"]));
            lists_of.filter(|list| !lists(list, "attache")).map(|list| Hit::add(&list, "attache")).collect()
        },
    },
    Rule {
        name: "response-attributes",
        severity: Severity::Warning,
        what: "`response_attributes` lack `xds.cluster_name`, `upstream.request_attempt_count` or `response.code_details`",
        why: "the service does not learn who answered, at which attempt, and whether Envoy did: records, metrics and messages are wrong",
        look: |seen| {
            let needed = ["xds.cluster_name", "upstream.request_attempt_count", "response.code_details"];
            asking_for_responses(seen).flat_map(|stage| unlisted(&stage.get("response_attributes"), &needed)).collect()
        },
    },
    Rule {
        name: "full-duplex-twice",
        severity: Severity::Error,
        what: "two ext_proc filters with `FULL_DUPLEX_STREAMED` stand in one chain",
        why: "they truncate bodies (envoy #43983)",
        look: |seen| {
            let second = |gateway: &Gateway<'_>| {
                let duplex = gateway.filters.iter().filter_map(processor).flat_map(|each| duplex_modes(&each));
                duplex.skip(1).map(|mode| Hit::set(&mode, "STREAMED")).collect::<Vec<_>>()
            };
            seen.gateways.iter().flat_map(second).collect()
        },
    },
    Rule {
        name: "full-duplex-open",
        severity: Severity::Error,
        what: "`failure_mode_allow` together with `FULL_DUPLEX_STREAMED`",
        why: "it does not fail open: with the service away, what has a body ends in a 500",
        look: |seen| {
            let processors = seen.gateways.iter().flat_map(|gateway| &gateway.filters).filter_map(processor);
            let both = processors.filter(|each| !duplex_modes(each).is_empty());
            let open = both.map(|each| each.get("failure_mode_allow")).filter(At::is_true);
            open.map(|open| Hit::set(&open, false)).collect()
        },
    },
    Rule {
        name: "compressor-order",
        severity: Severity::Error,
        what: "a compressor stands behind the exchange stage, or behind a filter for WASM",
        why: "responses pass the chain from its end: they are compressed before anybody here can read them",
        look: |seen| seen.gateways.iter().flat_map(compressed_before).collect(),
    },
];

/// Where a filter is switched off by name.
fn disabled(gateway: &Gateway<'_>) -> Vec<Hit> {
    let Some(filter) = gateway.filters.iter().find(|filter| stage(filter) == Some("exchange")) else {
        return Vec::new();
    };
    let name = filter.get("name").text();
    let routes = gateway.hosts.iter().flat_map(|host| [vec![host.clone()], host.get("routes").items()].concat());
    let overrides: Vec<_> = routes.map(|at| at.dig(["typed_per_filter_config", name])).filter(At::is_set).collect();
    let off = filter.get("disabled");
    if off.is_true() {
        let on = overrides.iter().any(|each| !each.get("disabled").is_true());
        return if on { Vec::new() } else { vec![Hit::set(&off, false)] };
    }
    // A route that answers by itself, or leads elsewhere, may well do without; a whole virtual host may not.
    let hosts = overrides.iter().map(|each| each.get("disabled")).filter(At::is_true);
    hosts.map(|off| Hit::set(&off, false)).collect()
}

fn headers_skipped(mode: &At<'_>) -> Option<Hit> {
    let headers = mode.get("request_header_mode");
    (headers.text() == "SKIP").then(|| Hit::set(&headers, "SEND"))
}

fn other_body(mode: &At<'_>, hybrid: bool) -> Option<Hit> {
    let body = mode.get("request_body_mode");
    let needed = if hybrid { "NONE" } else { "BUFFERED" };
    let fits = body.text() == needed || (hybrid && !body.is_set());
    (!fits).then(|| Hit::set(&body, needed))
}

/// The exchange stages that ask for responses: in the hybrid filters see them.
fn asking_for_responses<'s, 'a>(seen: &'s Seen<'a>) -> impl Iterator<Item = At<'a>> + use<'s, 'a> {
    seen.exchanges().map(|(_, stage)| stage).filter(|stage| !is_hybrid(stage))
}

fn tells_usage(log: &At<'_>) -> bool {
    let config = configured(log).get("common_config");
    configured(log).is_a("HttpGrpcAccessLogConfig") && lists(&config.get("filter_state_objects_to_log"), TOLD_STATE)
}

/// Whatever lets a client's own x-request-id through, each with what takes it away.
fn ids_of_clients(http: &At<'_>) -> Vec<Hit> {
    let kept = Some(http.get("preserve_external_request_id")).filter(At::is_true).map(|kept| Hit::set(&kept, false));
    // It may be left out: then ids are made.
    let unmade = Some(http.get("generate_request_id")).filter(|made| made.value() == &Value::Bool(false));
    let unmade = unmade.map(|made| Hit::set(&made, true));
    // Otherwise every client counts as a proxy of the operator's own, and here whoever has one of those addresses; all
    // private ones, where it names none.
    let inside = Some(http.get("use_remote_address")).filter(|edge| !edge.is_true()).map(|edge| Hit::set(&edge, true));
    let internal = Some(http.get("internal_address_config")).filter(At::is_set);
    let internal = internal.map(|internal| Hit::todo(internal.place(), "set", "remove it"));
    [kept, unmade, inside, internal].into_iter().flatten().collect()
}

fn is_hybrid(stage: &At<'_>) -> bool {
    said(stage, "x-attache-topology") == Some("hybrid")
}

/// Those of these switches that are off.
pub(super) fn missing<'a>(switches: impl Iterator<Item = At<'a>>) -> Vec<Hit> {
    switches.filter(|switch| !switch.is_true()).map(|switch| Hit::set(&switch, true)).collect()
}

/// Those of these names that a list lacks, as one finding.
pub(super) fn unlisted(list: &At<'_>, needed: &[&str]) -> Option<Hit> {
    let there: Vec<&str> = list.items().iter().map(At::text).collect();
    let lacks = needed.iter().any(|name| !there.contains(name));
    let all = there.iter().chain(needed.iter().filter(|name| !there.contains(name)));
    lacks.then(|| Hit::set(list, all.copied().collect::<Vec<_>>()))
}

fn duplex_modes<'a>(processor: &At<'a>) -> Vec<At<'a>> {
    let mode = processor.get("processing_mode");
    let modes = ["request_body_mode", "response_body_mode"].map(|field| mode.get(field));
    // One per filter: what counts is whether it is there.
    modes.into_iter().filter(|mode| mode.text() == "FULL_DUPLEX_STREAMED").take(1).collect()
}

fn compressed_before(gateway: &Gateway<'_>) -> Vec<Hit> {
    let is_reader = |filter: &At<'_>| stage(filter) == Some("exchange") || wasm(filter).is_some();
    let behind = gateway.filters.iter().skip_while(|filter| !is_reader(filter));
    let compressors = behind.filter(|filter| configured(filter).is_a("Compressor"));
    let fix = "put it before the filters that read the response";
    compressors.map(|filter| Hit::todo(filter.place(), "behind them", fix)).collect()
}
