//! What every printed bootstrap holds, whatever the configuration.

use super::*;
use crate::config;
use crate::exchange::Topology::{Hybrid, Shared, Sidecar};
use std::process::Command;

const QUICKSTART: &str = include_str!("../../../examples/quickstart/attache.yaml");

#[test]
fn no_limit_of_envoy_s_stays_at_its_default() {
    for (name, bootstrap) in all_kinds() {
        let buffer = |value: &Value| value["per_connection_buffer_limit_bytes"].as_u64();
        let listener = &bootstrap["static_resources"]["listeners"][0];
        assert!(buffer(listener) > Some(1 << 20), "{name}: bodies of 1 MiB are normal");
        for cluster in clusters_of(&bootstrap) {
            let thresholds = cluster["circuit_breakers"]["thresholds"].as_array().unwrap();
            let priorities: Vec<_> = thresholds.iter().map(|threshold| &threshold["priority"]).collect();
            assert_eq!(priorities, ["DEFAULT", "HIGH"], "{name}: {}", cluster["name"]);
            for threshold in thresholds {
                for limit in ["max_connections", "max_pending_requests", "max_requests", "max_retries"] {
                    assert_eq!(threshold[limit], 100_000, "{name}: {} {limit}", cluster["name"]);
                }
            }
            if cluster["name"] != clusters::REFUSE {
                assert_eq!(buffer(cluster), buffer(listener), "{name}: {}", cluster["name"]);
            }
        }
    }
}

#[test]
fn no_secret_is_printed() {
    let hybrid = ("hybrid".to_owned(), bootstrap(&config("unix:s.sock", "refuse"), Hybrid));
    for (name, bootstrap) in all_kinds().into_iter().chain([hybrid]) {
        let text = yaml(&bootstrap, Version::V1_40).unwrap();
        for secret in ["s3cret", "Bearer", "header-value"] {
            assert!(!text.contains(secret), "{name}: {secret}");
        }
    }
}

#[test]
fn the_yaml_says_the_same_as_the_value() {
    for (name, bootstrap) in all_kinds() {
        let text = yaml(&bootstrap, Version::V1_40).unwrap();
        assert!(text.starts_with("# An Envoy gateway for LLM traffic"), "{name}");
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), bootstrap, "{name}");
    }
}

#[test]
fn the_sample_is_what_the_quickstart_prints() {
    let printed = yaml(&bootstrap(&config::compile(QUICKSTART, &|_| None).unwrap(), Sidecar), Version::V1_40).unwrap();
    let sample = include_str!("../../../envoy/envoy.yaml");
    assert!(
        printed == sample,
        "print it again: attache envoy --config examples/quickstart/attache.yaml > envoy/envoy.yaml"
    );
}

#[test]
fn the_sample_of_the_hybrid_is_what_the_quickstart_prints() {
    let config = config::compile(QUICKSTART, &|_| None).unwrap();
    assert_eq!(unfit_for_hybrid(&config, true), None);
    let printed = yaml(&bootstrap(&config, Hybrid), Version::V1_40).unwrap();
    let sample = include_str!("../../../envoy/envoy-hybrid.yaml");
    assert!(
        printed == sample,
        "print it again: attache envoy --config examples/quickstart/attache.yaml --topology hybrid > envoy/envoy-hybrid.yaml"
    );
}

#[test]
fn in_the_hybrid_filters_have_the_bodies_and_a_cluster_knows_its_own_provider_only() {
    let bootstrap = bootstrap(&config("unix:s.sock", "refuse"), Hybrid);
    let names =
        |filters: &Vec<Value>| filters.iter().map(|filter| filter["name"].to_string()).collect::<Vec<_>>().join(" ");
    let http = http_of(&bootstrap);
    let inbound = http["http_filters"].as_array().unwrap();
    assert_eq!(names(inbound), r#""attache_facts" "attache" "envoy.filters.http.router""#);
    let mode = &inbound[1]["typed_config"]["processing_mode"];
    assert_eq!((&mode["request_body_mode"], &mode["response_header_mode"]), (&json!("NONE"), &json!("SKIP")));
    assert_eq!(inbound[1]["typed_config"]["allow_mode_override"], Value::Null);
    assert!(http["access_log"].to_string().contains("wasm.attache_usage"));
    for (cluster, provider, targets) in [
        ("openai", "openai", vec!["fast/openai/m"]),
        ("claude-cluster", "claude", vec!["fast/claude/m"]),
        ("named", "named", vec!["named/*"]),
    ] {
        let filters = filters_of(&bootstrap, cluster);
        let expected = r#""attache_strip" "attache_translate" "attache_attempt" "attache_clean" "envoy.filters.http.upstream_codec""#;
        assert_eq!(names(filters), expected);
        let rules = filters[1].pointer("/typed_config/config/configuration/value").unwrap().as_str().unwrap();
        let rules: Value = serde_json::from_str(rules).unwrap();
        assert_eq!((&rules["planned"], &rules["per_attempt"]), (&json!(true), &json!(true)));
        let entries = rules["translate"].as_array().unwrap();
        assert!(entries.iter().all(|entry| entry["name"] == provider && entry.get("headers").is_none()), "{rules}");
        assert_eq!(entries.iter().map(|entry| entry["target"].as_str().unwrap()).collect::<Vec<_>>(), targets);
    }
}

#[test]
fn what_the_hybrid_cannot_do_is_said_before_it_is_printed() {
    let quickstart = |more: &str| config::compile(&format!("{QUICKSTART}\n{more}"), &|_| None).unwrap();
    for (more, expected) in [
        (
            "redact: [{ name: a, mode: monitor }]",
            "redact: the service does not see bodies there; put the WASM filter `redact`",
        ),
        ("guards: [{ name: a, patterns: { deny_words: [crow] } }]", "the WASM filter `guard`"),
        ("cache: { rules: [{ name: all, scope: caller, ttl: 1h }] }", "cache: "),
        ("envoy: { version: 1.38 }", "Envoy 1.38 stays"),
        ("service: { grpc: \"attache.svc:9002\" }", "service.grpc: "),
        ("budgets: { b: { tokens: 5, per: day, end_streams: true } }", "budgets.b.end_streams"),
        ("envoy: { on_service_failure: { pass_to: openai } }", "envoy.on_service_failure"),
        ("store: { hold_seconds: 20 }", "store.hold_seconds"),
    ] {
        let unfit = unfit_for_hybrid(&quickstart(more), true).expect(more);
        assert!(unfit.contains(expected), "{more}: {unfit}");
    }
    assert!(unfit_for_hybrid(&quickstart(""), false).unwrap().contains("--for"));
}

#[test]
fn a_request_for_one_provider_never_reaches_another_with_its_key() {
    for (topology, skipped_when_ready) in [(Sidecar, true), (Shared, false)] {
        let bootstrap = bootstrap(&config("unix:s.sock", "refuse"), topology);
        for name in ["openai", "claude-cluster"] {
            let filters = filters_of(&bootstrap, name);
            let names: Vec<_> = filters.iter().map(|filter| filter["name"].as_str().unwrap()).collect();
            let codec = "envoy.filters.http.upstream_codec";
            assert_eq!(names, ["attache_strip", "attache_attempt", "attache_clean", codec], "{topology:?}");
            for filter in &filters[..2] {
                let matcher = filter.pointer("/typed_config/xds_matcher").map(Value::to_string);
                assert_eq!(matcher.is_some(), skipped_when_ready, "{topology:?} {name}");
                assert!(matcher.is_none_or(|matcher| matcher.contains(&format!("{{\"exact\":\"{name}\"}}"))));
            }
            let stripped = filters[0].to_string();
            for header in ["authorization", "x-api-key", "x-own-key", "x-team"] {
                assert!(stripped.contains(&format!("{{\"remove\":\"{header}\"}}")), "{topology:?} {name}: {header}");
            }
            // The client's own version of the dialect is no credential, and is missed when it is gone.
            assert!(!stripped.contains("anthropic-version"));
            let attempt = filters[1].to_string();
            assert!(attempt.contains("\"failure_mode_allow\":false"), "{topology:?}");
            assert!(
                attempt.contains("\"xds.cluster_name\""),
                "{topology:?}: the stage knows its provider by the cluster"
            );
        }
    }
}

#[test]
fn the_two_topologies_differ_in_who_sends_the_body() {
    for (topology, name, body) in [(Sidecar, "sidecar", "NONE"), (Shared, "shared", "BUFFERED")] {
        let bootstrap = bootstrap(&config("unix:s.sock", "refuse"), topology);
        let attempt = filters_of(&bootstrap, "openai")[1].to_string();
        assert!(attempt.contains(&format!("\"request_body_mode\":\"{body}\"")), "{name}");
        assert!(attempt.contains(&format!("{{\"key\":\"x-attache-topology\",\"value\":\"{name}\"}}")), "{name}");
        let exchange = http_of(&bootstrap)["http_filters"][0].to_string();
        assert!(exchange.contains("\"response_header_mode\":\"SKIP\""), "or Envoy's own 400 would be swallowed");
        assert!(exchange.contains(&format!("{{\"key\":\"x-attache-topology\",\"value\":\"{name}\"}}")), "{name}");
    }
}

#[test]
fn the_service_is_beside_envoy_or_in_the_network() {
    for (grpc, address, checked) in [
        ("unix:.run/a.sock", json!({ "pipe": { "path": ".run/a.sock" } }), false),
        ("attache.svc:9002", socket_address("attache.svc", 9002), true),
        ("0.0.0.0:9002", socket_address("127.0.0.1", 9002), true),
        ("[::]:9002", socket_address("::1", 9002), true),
    ] {
        let bootstrap = bootstrap(&config(grpc, "refuse"), Shared);
        let service = cluster_named(&bootstrap, ATTACHE);
        let endpoint = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address";
        assert_eq!(service.pointer(endpoint), Some(&address), "{grpc}");
        assert_eq!(service.get("health_checks").is_some(), checked, "{grpc}");
        assert_eq!(service.pointer("/common_lb_config/healthy_panic_threshold/value").is_some(), checked, "{grpc}");
    }
}

#[test]
fn https_is_checked_by_name_and_http_needs_no_tls() {
    let bootstrap = bootstrap(&config("unix:s.sock", "refuse"), Sidecar);
    let tls = |name| cluster_named(&bootstrap, name).pointer("/transport_socket/typed_config").cloned();
    let validation = |ca_file: &str, kind: &str, name: &str| {
        json!({
            "trusted_ca": { "filename": ca_file },
            "match_typed_subject_alt_names": [{ "san_type": kind, "matcher": { "exact": name } }],
        })
    };
    for (cluster, sni, expected) in [
        (
            "claude-cluster",
            "api.anthropic.com",
            validation("/etc/ssl/certs/ca-certificates.crt", "DNS", "api.anthropic.com"),
        ),
        ("named", "inside.example", validation("ca.pem", "DNS", "inside.example")),
        ("by_address", "", validation("/etc/ssl/certs/ca-certificates.crt", "IP_ADDRESS", "192.0.2.1")),
    ] {
        let context = tls(cluster).unwrap();
        assert_eq!(context["sni"], sni, "{cluster}");
        assert_eq!(context["common_tls_context"]["validation_context"], expected, "{cluster}");
    }
    assert_eq!(tls("openai"), None);
}

#[test]
fn a_provider_without_addresses_is_a_failed_connection() {
    let bootstrap = bootstrap(&config("unix:s.sock", "refuse"), Sidecar);
    let endpoints = &cluster_named(&bootstrap, "openai")["load_assignment"]["endpoints"];
    let address = |at: usize| endpoints.pointer(&format!("/{at}/lb_endpoints/0/endpoint/address")).cloned();
    assert_eq!(address(0), Some(socket_address("openai.example", 8080)));
    assert_eq!(address(1), Some(socket_address("127.0.0.1", 1)));
}

/// The route of requests that the service has changed.
const TOUCHED: &str = "processed / ?x-attache-planned";

#[test]
fn while_the_service_is_away_requests_are_refused() {
    let bootstrap = bootstrap(&config("unix:s.sock", "refuse"), Sidecar);
    assert_eq!(routes_of(&bootstrap), ["planned / ?model", "processed / ?front", TOUCHED, "unavailable /"]);
    assert_eq!(http_of(&bootstrap)["http_filters"][0]["typed_config"]["failure_mode_allow"], false);
}

#[test]
fn or_they_are_passed_on_as_they_came_unless_they_were_touched() {
    for (provider, base, passed) in [
        ("openai", "/v1", vec!["unavailable /v1/messages", "passed_on /v1/ → openai.example:8080/v1/"]),
        (
            "claude",
            "",
            vec![
                "passed_on /v1/messages → api.anthropic.com/v1/messages",
                "passed_on /v1/models → api.anthropic.com/v1/models",
            ],
        ),
    ] {
        let bootstrap = bootstrap(&config("unix:s.sock", &format!("{{ pass_to: {provider} }}")), Sidecar);
        let expected =
            [vec!["planned / ?model", "processed / ?front", TOUCHED], passed, vec!["unavailable /"]].concat();
        assert_eq!(routes_of(&bootstrap), expected, "{provider}{base}");
        assert_eq!(http_of(&bootstrap)["http_filters"][0]["typed_config"]["failure_mode_allow"], true);
        let watching = filters_of(&bootstrap, "openai")[1].to_string();
        assert!(!watching.contains("xds_matcher"), "the stage that never fails open watches every attempt …");
        assert!(watching.contains("\"response_trailer_mode\":\"SEND\""), "… to its end");
        let filters = filters_of(&bootstrap, &format!("attache_pass_to_{provider}"));
        let names: Vec<_> = filters.iter().map(|filter| filter["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["attache_clean", "envoy.filters.http.upstream_codec"], "{provider}: nobody processes it");
        assert!(!filters[0].to_string().contains("\"authorization\""), "{provider}: the client's key goes with it");
    }
}

#[test]
fn envoy_s_own_answers_speak_every_dialect() {
    let bootstrap = bootstrap(&config("unix:s.sock", "refuse"), Sidecar);
    let mappers = http_of(&bootstrap)["local_reply_config"]["mappers"].as_array().unwrap();
    let (ours, rest) = mappers.split_first().unwrap();
    assert_eq!(ours.get("body_format_override"), None, "our own answers stay as they are");
    let expression = |mapper: &Value| {
        mapper.pointer("/filter/extension_filter/typed_config/expression").unwrap().as_str().unwrap().to_owned()
    };
    let message = |mapper: &Value| {
        let shape = &mapper["body_format_override"]["json_format"];
        shape.pointer("/error/message").or(shape.get("message")).unwrap().clone()
    };
    assert_eq!(rest.len() % 5, 0);
    for same in rest.chunks(5) {
        let (openai, others) = same.split_last().unwrap();
        for (other, name) in others.iter().zip(["anthropic", "gemini", "converse", "cohere"]) {
            assert!(expression(other).starts_with(&expression(openai)), "the same case, OpenAI's last");
            assert!(expression(other).contains(&format!("'{name}'")));
            assert_eq!(message(other), message(openai), "{name}");
        }
    }
    for route in
        routes_of(&bootstrap).iter().filter_map(|route| route.split(' ').next()).filter(|name| *name != "planned")
    {
        let named = format!("xds.route_name == '{route}'");
        assert!(mappers.iter().any(|mapper| mapper.to_string().contains(&named)), "nobody says what {route} means");
    }
}

#[test]
fn an_older_envoy_gets_what_it_can_do() {
    for (version, specifier, refreshes, follow) in [
        (Version::V1_36, "\"cluster_header\":\"x-attache-to\"", false, Some("first")),
        (Version::V1_37, "\"cluster_header\":\"x-attache-to\"", false, Some("first")),
        (Version::V1_38, "\"cluster_header\":\"x-attache-to\"", false, Some("first")),
        (Version::V1_39, "MatcherClusterSpecifier", true, Some("steps")),
        (Version::V1_40, "PriorityGroupClusterSpecifier", true, None),
    ] {
        let mut config = config("unix:s.sock", "refuse");
        config.written.envoy.version = version;
        for topology in [Sidecar, Shared] {
            let bootstrap = bootstrap(&config, topology);
            let planned =
                http_of(&bootstrap).pointer("/route_config/virtual_hosts/0/routes/0/route").unwrap().to_string();
            assert!(planned.contains(specifier), "{version:?}: {planned}");
            assert_eq!(planned.contains("refresh_cluster_on_retry"), refreshes, "{version:?}");
            // It loads, and then ends Envoy.
            assert!(!planned.contains("DynamicMetadataInput"), "{version:?}");
            let told = bootstrap.to_string();
            let told = ["first", "steps"]
                .into_iter()
                .find(|how| told.contains(&json!({ "key": "x-attache-follow", "value": how }).to_string()));
            assert_eq!(told, follow, "{version:?}");
        }
        let missing = missing(&config);
        assert_eq!(missing.is_some(), version == Version::V1_36, "{version:?}");
        assert!(missing.is_none_or(|missing| missing.contains("`fast`")));
    }
}

/// Asks a real Envoy, where `ENVOY` names one.
#[test]
fn envoy_takes_it() {
    let Ok(envoy) = std::env::var("ENVOY") else {
        println!("skipped: ENVOY does not name an Envoy binary");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (name, bootstrap) in all_kinds() {
        let file = folder.path().join(format!("{name}.yaml"));
        std::fs::write(
            &file,
            yaml(&bootstrap, Version::V1_40).unwrap().replace("ca.pem", "/etc/ssl/certs/ca-certificates.crt"),
        )
        .unwrap();
        let output = Command::new(&envoy).args(["--mode", "validate", "-c"]).arg(&file).output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {log}");
        assert!(!log.contains("deprecated"), "{name}: {log}");
    }
}

// ---

fn config(grpc: &str, on_service_failure: &str) -> Config {
    let text = format!(
        r#"
service: {{ grpc: "{grpc}" }}
providers:
  openai: {{ dialect: openai, url: "http://openai.example:8080/v1", auth: {{ bearer: s3cret-1 }} }}
  claude:
    dialect: anthropic
    url: https://api.anthropic.com
    cluster: claude-cluster
    auth: {{ header: x-own-key, value: s3cret-2 }}
    headers: {{ x-team: header-value }}
  named:
    dialect: openai
    url: https://192.0.2.7:8443/openai
    tls: {{ server_name: inside.example, ca_file: ca.pem }}
  by_address: {{ dialect: openai, url: "https://192.0.2.1" }}
models:
  fast: {{ targets: [{{ provider: openai, model: m }}, {{ provider: claude, model: m }}] }}
envoy: {{ on_service_failure: {on_service_failure} }}
"#
    );
    config::compile(&text, &|_| None).unwrap()
}

/// A bootstrap of every kind, with a name for each.
#[test]
fn envoy_tells_what_callers_are_known_by() {
    let exchange_stage = |callers: &str| {
        let config = config::compile(&format!("{QUICKSTART}\n{callers}"), &|_| None).unwrap();
        let bootstrap = bootstrap(&config, Sidecar);
        let http = &bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
        http["http_filters"][0]["typed_config"].clone()
    };
    assert_eq!(exchange_stage("")["request_attributes"], Value::Null, "nobody asks: nothing is sent");
    let stage = exchange_stage("callers: { mtls: { identities: { \"*\": {} } } }");
    assert_eq!(stage["request_attributes"], json!(["source.address", "connection.uri_san_peer_certificate"]));
    assert_eq!(stage["metadata_options"], exchange_stage("")["metadata_options"]);
    let stage = exchange_stage("callers: { envoy_jwt: { metadata: payload } }");
    let forwarded = &stage["metadata_options"]["forwarding_namespaces"]["untyped"];
    assert_eq!(forwarded, &json!(["envoy.filters.http.jwt_authn"]));
    assert_eq!(stage["metadata_options"]["receiving_namespaces"]["untyped"], json!(["attache"]));
}

fn all_kinds() -> Vec<(String, Value)> {
    let mut kinds = Vec::new();
    for (topology, name) in [(Sidecar, "sidecar"), (Shared, "shared")] {
        for (grpc, where_) in [("unix:.run/a.sock", "unix"), ("attache.example:9002", "tcp")] {
            for (failure, failure_name) in
                [("refuse", "refuse"), ("{ pass_to: openai }", "openai"), ("{ pass_to: claude }", "claude")]
            {
                let bootstrap = bootstrap(&config(grpc, failure), topology);
                kinds.push((format!("{name}-{where_}-{failure_name}"), bootstrap));
            }
        }
    }
    kinds
}

fn clusters_of(bootstrap: &Value) -> &Vec<Value> {
    bootstrap["static_resources"]["clusters"].as_array().unwrap()
}

fn cluster_named<'a>(bootstrap: &'a Value, name: &str) -> &'a Value {
    clusters_of(bootstrap).iter().find(|cluster| cluster["name"] == name).unwrap()
}

fn filters_of<'a>(bootstrap: &'a Value, cluster: &str) -> &'a Vec<Value> {
    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    cluster_named(bootstrap, cluster)["typed_extension_protocol_options"][options]["http_filters"].as_array().unwrap()
}

fn http_of(bootstrap: &Value) -> &Value {
    bootstrap.pointer("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config").unwrap()
}

/// Each route in a line: name, prefix, the metadata or header that it asks for, where it leads.
fn routes_of(bootstrap: &Value) -> Vec<String> {
    let routes = http_of(bootstrap).pointer("/route_config/virtual_hosts/0/routes").unwrap().as_array().unwrap();
    let line = |route: &Value| {
        let text = |at: &str| route.pointer(at).and_then(Value::as_str);
        let prefix = text("/match/prefix").or(text("/match/path_separated_prefix")).unwrap();
        let told = text("/match/dynamic_metadata/0/path/0/key").map(|key| format!(" ?{key}")).unwrap_or_default();
        let header = text("/match/headers/0/name").map(|name| format!(" ?{name}")).unwrap_or_default();
        let to = text("/route/host_rewrite_literal").zip(text("/route/prefix_rewrite"));
        let to = to.map(|(host, path)| format!(" → {host}{path}")).unwrap_or_default();
        format!("{} {prefix}{told}{header}{to}", text("/name").unwrap())
    };
    routes.iter().map(line).collect()
}

#[test]
fn one_cluster_leads_through_each_order_of_providers() {
    let names = |models: &str| {
        let providers = "providers:\n  a: { dialect: openai, url: http://a }\n  b: { dialect: openai, url: http://b }\n  c: { dialect: openai, url: http://c }\n  d: { dialect: openai, url: http://d, cluster: other+d }\n";
        let mut config = config::compile(&format!("{providers}models:\n{models}"), &|_| None).unwrap();
        config.written.envoy.version = Version::V1_38;
        let clusters = orders::clusters(&config, Sidecar);
        let names: Vec<_> = clusters.iter().map(|each| each["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(orders::names(&config), names.join(" "), "the service is told of each");
        let names = names.iter().map(|name| name.replace("attache_order+", "")).collect::<Vec<_>>().join(" ");
        (names, missing(&config).map(|missing| missing.matches('`').count() / 2).unwrap_or_default())
    };
    let model = |name: &str, rest: &str, targets: &str| {
        let targets: Vec<_> = targets.chars().map(|target| format!("{{ provider: {target}, model: m }}")).collect();
        format!("  {name}: {{ {rest} targets: [{}] }}\n", targets.join(", "))
    };
    for (models, expected) in [
        (model("one", "", "a"), ("", 0)),
        (model("same", "", "aa"), ("", 0)),
        (model("once", "retry: { attempts: 1 },", "ab"), ("", 0)),
        (model("two", "", "ab"), ("a+b", 0)),
        (model("again", "retry: { attempts: 3 },", "ab") + &model("two", "", "ab"), ("a+b+a b+a", 0)),
        (model("three", "retry: { attempts: 3 },", "abc"), ("a+b+c a+c b+c", 0)),
        (
            model("three", "select: weighted, retry: { attempts: 3 },", "abc"),
            ("a+b+c a+c+b b+a+c b+c+a c+a+b c+b+a", 0),
        ),
        (model("even", "select: weighted,", "ab"), ("a+b b+a", 0)),
        (model("even", "select: weighted, retry: { attempts: 2 },", "abc"), ("a+b a+c b+a b+c c+a c+b", 0)),
        // Too many orders, and a name that cannot be told.
        (model("many", "select: weighted,", "abcab") + &model("two", "", "ab"), ("a+b", 1)),
        (model("other", "", "ad"), ("", 1)),
    ] {
        let (names, missing) = names(&models);
        assert_eq!((names.as_str(), missing), expected, "{models}");
    }
    // Of too many orders the same ones have a cluster, however often they are printed: those of the models first in name.
    let orders = |n: usize| [n / 9 % 3, n / 3 % 3, n % 3].map(|target| ["a", "b", "c"][target]);
    let many = (0..27).filter(|n| *n % 13 != 0).flat_map(|n| ["a", "b", "c"].map(|last| (n, last)));
    let many: Vec<_> = many.map(|(n, last)| format!("{}{last}", orders(n).concat())).collect();
    let models: String = many
        .iter()
        .enumerate()
        .map(|(i, order)| model(&format!("m{i:02}"), "retry: { attempts: 4 },", order))
        .collect();
    let mut expected: Vec<_> = many[..32].iter().map(|order| order.split("").collect::<Vec<_>>().join("+")).collect();
    expected.sort();
    let expected: Vec<_> = expected.iter().map(|order| order.trim_matches('+')).collect();
    for _ in 0..3 {
        assert_eq!(names(&models), (expected.join(" "), many.len() - 32));
    }
}
