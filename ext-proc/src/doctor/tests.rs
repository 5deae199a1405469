//! Every trap in a configuration that has it and no other; none in what this project prints and shows.

use super::at::Step;
use super::*;
use crate::envoy::{self, Version};
use crate::exchange::Topology;
use read::{Host, Running};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const CONFIG: &str = include_str!("../../../examples/quickstart/attache.yaml");
const BY_HAND: &str = include_str!("../../../envoy/by-hand.yaml");
const WASM: &str = include_str!("../../../examples/wasm/envoy.yaml");
const TRANSLATE: &str = include_str!("../../../examples/wasm/translate.yaml");
const ROUTED: &str = include_str!("../../../envoy/envoy-wasm.yaml");

/// Short names for places in what is printed.
const PLACES: [(&str, &str); 10] = [
    ("LISTENER", "/static_resources/listeners/0"),
    ("HTTP", "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config"),
    ("HOST", "HTTP/route_config/virtual_hosts/0"),
    ("EXCHANGE", "HTTP/http_filters/0/typed_config"),
    ("PROVIDER", "/static_resources/clusters/0"),
    (
        "FILTERS",
        "PROVIDER/typed_extension_protocol_options/envoy.extensions.upstreams.http.v3.HttpProtocolOptions/http_filters",
    ),
    ("ORDER", "/static_resources/clusters/2"),
    (
        "OF_ORDER",
        "ORDER/typed_extension_protocol_options/envoy.extensions.upstreams.http.v3.HttpProtocolOptions/http_filters",
    ),
    ("SERVICE", "/static_resources/clusters/3"),
    ("PLUGIN", "HTTP/http_filters/1/typed_config/config"),
];

/// A rule, what it is tried on, and what is written where; null takes a field away.
type Trap = (&'static str, &'static str, Vec<(&'static str, Value)>);

fn traps() -> Vec<Trap> {
    let duplex = json!({ "@type": EXT_PROC, "processing_mode": { "request_body_mode": "FULL_DUPLEX_STREAMED" } });
    let open = json!({ "@type": EXT_PROC, "processing_mode": { "response_body_mode": "FULL_DUPLEX_STREAMED" }, "failure_mode_allow": true });
    let compressor = json!({ "name": "c", "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.compressor.v3.Compressor" } });
    let matcher = json!({ "extension": { "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.router.cluster_specifiers.matcher.v3.MatcherClusterSpecifier",
        "cluster_matcher": { "matcher_list": { "matchers": [{ "predicate": { "single_predicate": { "input": { "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.matching.common_inputs.network.v3.DynamicMetadataInput" } } } } }] } },
    } } });
    let specifier = "HOST/routes/0/route/inline_cluster_specifier_plugin/extension/typed_config";
    let groups: &str = Box::leak(format!("{specifier}/priority_groups/0/clusters/0/cluster_name").into_boxed_str());
    let namespace: &str = Box::leak(format!("{specifier}/override_metadata_namespace").into_boxed_str());
    let vms = (0..9).map(|i| {
        json!({ "name": "w", "typed_config": { "@type": WASM_TYPE, "config": {
        "name": "usage", "allow_on_headers_stop_iteration": true, "vm_config": { "vm_id": i } } } })
    });
    vec![
        ("not-attached", "shared", vec![("HTTP/http_filters/0", json!({}))]),
        ("listener-buffer", "wasm", vec![("LISTENER/per_connection_buffer_limit_bytes", Value::Null)]),
        (
            "listener-buffer",
            "shared",
            vec![
                ("LISTENER/per_connection_buffer_limit_bytes", json!(1_000_000)),
                ("PROVIDER/per_connection_buffer_limit_bytes", json!(67_174_400)),
            ],
        ),
        ("client-headers-trusted", "shared", vec![("HTTP/early_header_mutation_extensions", Value::Null)]),
        (
            "client-headers-trusted",
            "shared",
            vec![("HTTP/early_header_mutation_extensions/0/typed_config/mutations/1", json!({}))],
        ),
        ("stream-idle-timeout", "by-hand", vec![("HTTP/stream_idle_timeout", Value::Null)]),
        ("admin-exposed", "wasm", vec![("/admin/address/socket_address/address", json!("0.0.0.0"))]),
        ("filter-disabled", "shared", vec![("HTTP/http_filters/0/disabled", json!(true))]),
        (
            "filter-disabled",
            "shared",
            vec![("HOST/typed_per_filter_config", json!({ "attache": { "disabled": true } }))],
        ),
        ("filter-twice", "twice", vec![]),
        ("stage-unsaid", "shared", vec![("EXCHANGE/grpc_service/initial_metadata/1", json!({}))]),
        ("message-timeout", "shared", vec![("EXCHANGE/message_timeout", Value::Null)]),
        ("message-timeout", "shared", vec![("FILTERS/1/typed_config/message_timeout", json!("0.200s"))]),
        ("request-unsent", "shared", vec![("EXCHANGE/processing_mode/request_body_mode", json!("STREAMED"))]),
        ("request-unsent", "by-hand", vec![("EXCHANGE/processing_mode/request_header_mode", json!("SKIP"))]),
        ("response-headers-sent", "shared", vec![("EXCHANGE/processing_mode/response_header_mode", Value::Null)]),
        ("mode-override", "shared", vec![("EXCHANGE/allow_mode_override", Value::Null)]),
        (
            "request-unsent",
            "hybrid",
            vec![("HTTP/http_filters/1/typed_config/processing_mode/request_body_mode", json!("BUFFERED"))],
        ),
        (
            "hybrid-unlogged",
            "hybrid",
            vec![("HTTP/access_log/1/typed_config/common_config/filter_state_objects_to_log", Value::Null)],
        ),
        ("hybrid-unlogged", "hybrid", vec![("HTTP/access_log", Value::Null)]),
        ("hybrid-request-ids", "hybrid", vec![("HTTP/preserve_external_request_id", json!(true))]),
        ("hybrid-request-ids", "hybrid", vec![("HTTP/generate_request_id", json!(false))]),
        ("hybrid-request-ids", "hybrid", vec![("HTTP/use_remote_address", Value::Null)]),
        ("hybrid-request-ids", "hybrid", vec![("HTTP/internal_address_config", json!({}))]),
        ("mutation-rules", "shared", vec![("EXCHANGE/mutation_rules", Value::Null)]),
        ("mutation-rules", "shared", vec![("FILTERS/1/typed_config/mutation_rules/allow_envoy", json!(false))]),
        ("metadata-refused", "shared", vec![("EXCHANGE/metadata_options", Value::Null)]),
        (
            "metadata-refused",
            "shared",
            vec![("FILTERS/1/typed_config/metadata_options/receiving_namespaces", json!({ "untyped": ["other"] }))],
        ),
        ("response-attributes", "shared", vec![("EXCHANGE/response_attributes/1", json!("other"))]),
        (
            "full-duplex-twice",
            "shared",
            vec![
                ("HTTP/http_filters/1", json!({ "typed_config": duplex })),
                ("HTTP/http_filters/2", json!({ "typed_config": duplex })),
            ],
        ),
        ("full-duplex-open", "shared", vec![("HTTP/http_filters/1", json!({ "typed_config": open }))]),
        ("compressor-order", "shared", vec![("HTTP/http_filters/1", compressor.clone())]),
        ("compressor-order", "wasm", vec![("HTTP/http_filters/2", compressor)]),
        ("attempt-count", "shared", vec![("HOST/include_request_attempt_count", Value::Null)]),
        ("refresh-cluster", "shared", vec![("HOST/routes/0/route/retry_policy/refresh_cluster_on_retry", Value::Null)]),
        ("refresh-cluster", "1.39", vec![("HOST/routes/0/route/retry_policy", Value::Null)]),
        ("order-missing", "1.38", vec![("ORDER", json!({}))]),
        ("plan-unread", "shared", vec![(namespace, Value::Null)]),
        ("default-group-serves", "shared", vec![(groups, json!("openai"))]),
        ("matcher-crash", "shared", vec![("HOST/routes/0/route/inline_cluster_specifier_plugin", matcher)]),
        ("route-timeout", "shared", vec![("HOST/routes/0/route/timeout", Value::Null)]),
        ("route-timeout", "wasm", vec![("HOST/routes/1/route/timeout", json!("30s"))]),
        ("cluster-by-client", "1.36", vec![("HOST/routes/0/route/cluster_header", json!("X-Provider"))]),
        (
            "address-by-header",
            "shared",
            vec![(
                "/static_resources/clusters/4",
                json!({ "name": "o", "type": "ORIGINAL_DST", "original_dst_lb_config": { "use_http_header": true } }),
            )],
        ),
        ("attempt-missing", "shared with config", vec![("FILTERS/1", json!({}))]),
        (
            "attempt-missing",
            "shared",
            vec![("FILTERS/1", json!({})), ("/static_resources/clusters/1", json!({ "name": "openai" }))],
        ),
        ("attempt-open", "shared", vec![("FILTERS/1/typed_config/failure_mode_allow", json!(true))]),
        ("attempt-unsent", "shared", vec![("FILTERS/1/typed_config/processing_mode/request_body_mode", json!("NONE"))]),
        (
            "attempt-unsent",
            "sidecar",
            vec![(
                "FILTERS/1/typed_config/extension_config/typed_config/processing_mode/request_header_mode",
                json!("SKIP"),
            )],
        ),
        (
            "attempt-metadata",
            "shared",
            vec![("FILTERS/1/typed_config/metadata_options/forwarding_namespaces", Value::Null)],
        ),
        ("attempt-attributes", "shared", vec![("FILTERS/1/typed_config/request_attributes", Value::Null)]),
        (
            "attempt-skipped",
            "sidecar",
            vec![(
                "FILTERS/1/typed_config/xds_matcher/matcher_list/matchers/0/predicate/and_matcher/predicate/1",
                json!({}),
            )],
        ),
        ("attempt-attributes", "1.38", vec![("OF_ORDER/1/typed_config/request_attributes/1", json!("other"))]),
        (
            "attempt-skipped",
            "1.38 sidecar",
            vec![(
                "OF_ORDER/1/typed_config/xds_matcher/matcher_list/matchers/0/predicate/single_predicate/custom_match/typed_config/expr_match/cel_expr_parsed/expr/call_expr/function",
                json!("_||_"),
            )],
        ),
        ("attempt-skipped", "sidecar", vec![("PROVIDER/name", json!("another"))]),
        ("internal-headers-leave", "shared", vec![("FILTERS/2/typed_config/mutations/request_mutations/0", json!({}))]),
        ("retries-forbidden", "shared", vec![("FILTERS/2/typed_config/mutations/response_mutations", Value::Null)]),
        ("provider-missing", "shared with config", vec![("PROVIDER", json!({}))]),
        (
            "provider-circuit-breakers",
            "shared",
            vec![("PROVIDER/circuit_breakers/thresholds/0/max_retries", Value::Null)],
        ),
        ("provider-circuit-breakers", "by-hand", vec![("/static_resources/clusters/2/circuit_breakers", Value::Null)]),
        ("provider-buffer", "shared", vec![("PROVIDER/per_connection_buffer_limit_bytes", Value::Null)]),
        ("provider-buffer", "shared", vec![("PROVIDER/per_connection_buffer_limit_bytes", json!(1_000_000_000))]),
        ("no-refusing-endpoint", "shared", vec![("PROVIDER/load_assignment/endpoints/1", json!({}))]),
        ("service-missing", "shared", vec![("EXCHANGE/grpc_service/envoy_grpc/cluster_name", json!("gone"))]),
        (
            "service-circuit-breakers",
            "shared",
            vec![("SERVICE/circuit_breakers/thresholds/0/max_requests", Value::Null)],
        ),
        ("service-circuit-breakers", "shared", vec![("SERVICE/circuit_breakers", Value::Null)]),
        ("service-http1", "shared", vec![("SERVICE/typed_extension_protocol_options", Value::Null)]),
        (
            "grpc-message-size",
            "shared",
            vec![("EXCHANGE/grpc_service/google_grpc", json!({})), ("EXCHANGE/grpc_service/envoy_grpc", Value::Null)],
        ),
        (
            "grpc-message-size",
            "shared",
            vec![("EXCHANGE/grpc_service/envoy_grpc/max_receive_message_length", json!(4_194_304))],
        ),
        ("wasm-stop-iteration", "wasm", vec![("PLUGIN/allow_on_headers_stop_iteration", Value::Null)]),
        (
            "wasm-stop-iteration",
            "routed",
            vec![("FILTERS/0/typed_config/config/allow_on_headers_stop_iteration", Value::Null)],
        ),
        ("wasm-open", "wasm", vec![("PLUGIN/failure_policy", json!("FAIL_OPEN"))]),
        ("wasm-open", "wasm", vec![("PLUGIN/failure_policy", Value::Null), ("PLUGIN/fail_open", json!(true))]),
        ("wasm-paths", "wasm", vec![("HTTP/normalize_path", Value::Null)]),
        ("wasm-paths", "routed", vec![("HTTP/normalize_path", json!(false)), ("HTTP/merge_slashes", Value::Null)]),
        ("wasm-paths", "translate", vec![("HTTP/merge_slashes", Value::Null)]),
        (
            "wasm-order",
            "wasm",
            vec![("PLUGIN/name", json!("guard")), ("HTTP/http_filters/0/typed_config/config/name", json!("redact"))],
        ),
        ("wasm-vms", "wasm", vec![("HTTP/http_filters", vms.collect())]),
        ("envoy-too-old", "running 1.38 with config", vec![]),
        ("envoy-untried", "running 1.35", vec![]),
        ("no-other-provider", "1.36 with config", vec![]),
        ("seen-service-away", "no healthy host in attache", vec![]),
        ("seen-service-away", "counted cluster.attache.upstream_cx_connect_fail", vec![]),
        ("seen-no-host", "only a refusing host in openai", vec![]),
        ("seen-no-host", "no healthy host in claude", vec![]),
        ("seen-certificates", "counted cluster.openai.ssl.fail_verify_san", vec![]),
        ("seen-protocol-errors", "counted cluster.attache.upstream_cx_protocol_error", vec![]),
        ("seen-protocol-errors", "counted cluster.openai.upstream_cx_protocol_error", vec![]),
        ("seen-breakers-open", "counted cluster.openai.circuit_breakers.default.rq_open", vec![]),
        ("seen-failed-streams", "counted http.attache.ext_proc.streams_failed", vec![]),
        ("seen-vm-crashes", "counted wasm.usage.vm_reload_success", vec![]),
        ("seen-overflow", "counted cluster.attache.upstream_rq_pending_overflow", vec![]),
        ("seen-timeouts", "counted http.attache.ext_proc.message_timeouts", vec![]),
        ("seen-passed", "counted cluster.openai.ext_proc.failure_mode_allowed", vec![]),
        ("seen-refused-changes", "counted http.attache.ext_proc.rejected_header_mutations", vec![]),
        ("seen-too-large", "counted http.attache.downstream_rq_too_large", vec![]),
        ("seen-vms", "counted wasm.envoy.wasm.runtime.v8.active", vec![]),
    ]
}

const EXT_PROC: &str = "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor";
const WASM_TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

#[test]
fn every_trap_is_found_and_mended_by_what_is_said() {
    let (mut tried, mut wrong) = (BTreeSet::new(), Vec::new());
    for (rule, base, edits) in traps() {
        let mut sample = Sample::new(base);
        for (place, value) in &edits {
            write(&mut sample.document, &pointer(place), value.clone());
        }
        let findings = sample.findings();
        let found: BTreeSet<_> = findings.iter().map(|finding| finding.rule).collect();
        if found != BTreeSet::from([rule]) {
            wrong.push(format!("{rule} in {base}, {edits:?}: found {found:?}"));
        }
        let mut lines = 0;
        for finding in &findings {
            let (Fix::Set(value) | Fix::Add(value)) = &finding.fix else { continue };
            let adds = matches!(finding.fix, Fix::Add(_));
            mend(&mut sample.document, finding.place.steps(), value, adds);
            lines += 1;
        }
        if lines == findings.len() {
            let left: Vec<_> = sample.findings().iter().map(|finding| finding.at.clone()).collect();
            if !left.is_empty() {
                wrong.push(format!("{rule} in {base}: what is said does not mend it: {left:?}"));
            }
        }
        tried.insert(rule);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let all: BTreeSet<_> = rules::all().map(|rule| rule.name).collect();
    assert_eq!(tried, all, "a rule that nothing tries");
}

#[test]
fn what_is_printed_and_shown_here_has_none() {
    for name in [
        "sidecar",
        "shared",
        "hybrid",
        "1.36",
        "1.37",
        "1.38",
        "1.38 sidecar",
        "1.39",
        "by-hand",
        "wasm",
        "routed",
        "translate",
    ] {
        for base in [name.to_owned(), format!("running {name}")] {
            let findings = Sample::new(&base).findings();
            assert!(findings.is_empty(), "{base}: {findings:#?}");
        }
    }
    for name in ["sidecar with config", "shared with config", "hybrid with config", "1.39 with config"] {
        assert!(Sample::new(name).findings().is_empty(), "{name}");
    }
}

#[test]
fn ids_of_clients_are_no_trap_where_the_service_follows_an_exchange_itself() {
    for name in ["sidecar", "shared", "routed"] {
        let mut sample = Sample::new(name);
        write(&mut sample.document, &pointer("HTTP/preserve_external_request_id"), json!(true));
        assert!(sample.findings().is_empty(), "{name}: {:#?}", sample.findings());
    }
}

#[test]
fn filters_that_hold_no_headers_need_no_switch_for_it() {
    for written in [json!(r#"{"redact": [], "hold_headers": false}"#), json!({ "redact": [], "hold_headers": false })] {
        let mut sample = Sample::new("wasm");
        write(&mut sample.document, &pointer("PLUGIN/allow_on_headers_stop_iteration"), Value::Null);
        assert_eq!(sample.findings().len(), 1);
        write(&mut sample.document, &pointer("PLUGIN/configuration/value"), written);
        assert!(sample.findings().is_empty());
    }
}

#[test]
fn what_is_printed_with_a_cache_has_none() {
    for version in [Version::V1_36, Version::V1_37, Version::V1_38, Version::V1_39, Version::V1_40] {
        for topology in [Topology::Sidecar, Topology::Shared] {
            let with_cache = format!("{CONFIG}\ncache: {{ rules: [{{ name: all, scope: caller, ttl: 1h }}] }}\n");
            let mut config = crate::config::compile(&with_cache, &|_| None).unwrap();
            config.written.envoy.version = version;
            let document = envoy::bootstrap(&config, topology);
            assert!(document.to_string().contains("safe_regex"), "{version:?}: nothing is kept for the cache");
            let mut sample = Sample { document, running: Running::default(), config: None };
            let findings = sample.findings();
            assert!(findings.is_empty(), "{version:?}, {topology:?}: {findings:#?}");
            // What is kept for the cache is a client's to set, and so chooses no cluster.
            write(&mut sample.document, &pointer("HOST/routes/0/route/cluster_header"), json!("x-attache-cache-to"));
            let found: Vec<_> = sample.findings().iter().map(|finding| finding.rule).collect();
            assert_eq!(found, ["cluster-by-client"], "{version:?}, {topology:?}");
        }
    }
}

#[test]
fn what_clients_say_to_a_cache_is_kept_by_what_is_proposed() {
    let with_cache = format!("{CONFIG}\ncache: {{ rules: [{{ name: all, scope: caller, ttl: 1h }}] }}\n");
    let compiled = |text: &str| Some(crate::config::compile(text, &|_| None).unwrap());
    for (config, kept) in [(None, true), (compiled(&with_cache), true), (compiled(CONFIG), false)] {
        let mut sample = Sample { config, ..Sample::new("shared") };
        write(&mut sample.document, &pointer("HTTP/early_header_mutation_extensions"), Value::Null);
        let findings = sample.findings();
        assert_eq!(findings.len(), 1);
        let fix = serde_json::to_string(&findings[0].fix).unwrap();
        assert_eq!(fix.contains(&json!(envoy::ALL_BUT_CACHE).to_string()), kept, "{fix}");
        assert_eq!(fix.contains("\"prefix\":\"x-attache-\""), !kept, "{fix}");
    }
}

#[test]
fn a_dump_and_camel_case_say_the_same() {
    let trap = |sample: &mut Sample| {
        write(&mut sample.document, &pointer("EXCHANGE/message_timeout"), Value::Null);
        write(&mut sample.document, &pointer("SERVICE/circuit_breakers"), Value::Null);
    };
    let mut file = Sample::new("shared");
    trap(&mut file);
    let rules = |findings: Vec<Finding>| findings.iter().map(|finding| finding.rule).collect::<Vec<_>>();
    let expected = rules(file.findings());
    assert_eq!(expected, ["message-timeout", "service-circuit-breakers"]);
    let camel = file.document.to_string().replace("processing_mode", "processingMode");
    let camel = camel.replace("circuit_breakers", "circuitBreakers").replace("static_resources", "staticResources");
    assert_eq!(rules(examine(&read::text(&camel).unwrap(), None)), expected);
    let dumped = Sample { document: dumped(&file.document, (1, 40)), ..file };
    let findings = dumped.findings();
    assert_eq!(
        findings[0].at,
        "listener gateway: filter_chains[0].filters[0].typed_config.http_filters[0].typed_config.message_timeout"
    );
    assert_eq!(findings[1].at, "cluster attache: circuit_breakers.thresholds");
    assert_eq!(rules(findings), expected);
}

#[test]
fn nothing_secret_is_shown() {
    let mut sample = Sample::new("shared");
    // Wherever a text stands there could be a key.
    fn poison(value: &mut Value) {
        match value {
            Value::String(text) if text.len() > 3 && !text.contains("envoy") => *text = "sk-S3CRET-key".to_owned(),
            Value::Array(items) => items.iter_mut().for_each(poison),
            Value::Object(fields) => {
                fields
                    .iter_mut()
                    .filter(|(key, _)| !matches!(key.as_str(), "@type" | "key" | "value" | "name"))
                    .for_each(|(_, value)| poison(value));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    poison(&mut sample.document);
    let findings = sample.findings();
    assert!(findings.len() > 10, "{}", findings.len());
    for finding in findings {
        assert!(!finding.found.contains("S3CRET") && !finding.at.contains("S3CRET"), "{finding:?}");
    }
}

#[test]
fn nothing_secret_is_in_what_is_to_be_written() {
    let lists = [("request_mutations", "internal-headers-leave"), ("response_mutations", "retries-forbidden")];
    for (direction, rule) in lists {
        let mut sample = Sample::new("shared");
        let own = json!([{ "append": { "header": { "key": "authorization", "value": "Bearer made-up-S3CRET" } } }]);
        write(&mut sample.document, &pointer(&format!("FILTERS/2/typed_config/mutations/{direction}")), own);
        let findings = sample.findings();
        assert!(!findings.is_empty() && findings.iter().all(|finding| finding.rule == rule), "{findings:?}");
        let printed = [command::text(&findings, 0), serde_json::to_string(&findings).unwrap()];
        for printed in printed {
            assert!(printed.contains("x-envoy-"), "{printed}");
            assert!(!printed.contains("S3CRET") && !printed.contains("authorization"), "{printed}");
        }
        for Finding { place, fix, .. } in findings {
            let Fix::Add(value) = fix else { panic!("{fix:?}") };
            mend(&mut sample.document, place.steps(), &value, true);
        }
        assert!(sample.findings().is_empty(), "{rule}");
        assert!(sample.document.to_string().contains("made-up-S3CRET"), "the operator's own line stays");
    }
}

#[test]
fn what_is_no_configuration_is_told_without_its_text() {
    for text in ["", "[]", "{}", "s3cret: [", "just s3cret", "{\"static_resources\": ", "configs"] {
        let error = read::text(text).unwrap_err();
        assert!(!error.contains("s3cret"), "{error}");
    }
}

/// Whatever a file or an admin interface says, looking at it ends, and without a panic.
#[test]
fn no_json_breaks_it() {
    use proptest::prelude::*;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zA-Z_.]{0,12}".prop_map(Value::from),
    ];
    let json = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec(("[a-z_@]{1,20}", inner), 0..4)
                .prop_map(|fields| Value::from(fields.into_iter().collect::<Map<_, _>>())),
        ]
    });
    let bases = ["sidecar", "running shared", "wasm", "running 1.39"].map(|name| Sample::new(name).document);
    let config = crate::config::compile(CONFIG, &|_| None).unwrap();
    proptest!(ProptestConfig::with_cases(200), |(at in any::<prop::sample::Index>(), base in 0..4_usize, with in json)| {
        let mut document = bases[base].clone();
        let places = places(&document, String::new());
        let place = &places[at.index(places.len())];
        *document.pointer_mut(place).unwrap() = with;
        if let Ok(read) = read::text(&document.to_string()) {
            for finding in examine(&read, Some(&config)) {
                prop_assert!(!finding.at.is_empty());
            }
        }
    });
}

#[test]
fn the_page_lists_every_rule() {
    let page = include_str!("../../../docs/doctor.md");
    let table: String = rules::all()
        .map(|rule| format!("| `{}` | {} | {} | {} |\n", rule.name, rule.severity.as_str(), rule.what, rule.why))
        .collect();
    assert!(page.contains(&table), "docs/doctor.md must hold this table:\n{table}");
}

// ---

/// A configuration, and what else is known.
struct Sample {
    document: Value,
    running: Running,
    config: Option<Config>,
}

impl Sample {
    /// `[running ]NAME[ with config]`, or `counted NAME OF A COUNTER`.
    fn new(name: &str) -> Self {
        if let Some(counter) = name.strip_prefix("counted ") {
            let stats = [(counter.to_owned(), 65)].into();
            return Self {
                running: Running { stats, ..Running::default() },
                ..Self::new(if counter.starts_with("wasm.usage") { "running routed" } else { "running shared" })
            };
        }
        if let Some(cluster) = name.strip_prefix("only a refusing host in ") {
            let hosts = [(cluster.to_owned(), vec![Host { priority: 1, is_healthy: true }])].into();
            return Self { running: Running { hosts, ..Running::default() }, ..Self::new("running shared") };
        }
        if let Some(cluster) = name.strip_prefix("no healthy host in ") {
            let hosts = [(cluster.to_owned(), vec![Host { priority: 0, is_healthy: false }])].into();
            return Self { running: Running { hosts, ..Running::default() }, ..Self::new("running shared") };
        }
        let (name, with_config) = name.strip_suffix(" with config").map_or((name, false), |name| (name, true));
        let (name, running) = name.strip_prefix("running ").map_or((name, false), |name| (name, true));
        let mut config = crate::config::compile(CONFIG, &|_| None).unwrap();
        let (name, beside) = name.strip_suffix(" sidecar").map_or((name, false), |name| (name, true));
        let (version, number) = match name {
            "1.36" => (Version::V1_36, 36),
            "1.37" => (Version::V1_37, 37),
            "1.38" => (Version::V1_38, 38),
            "1.39" => (Version::V1_39, 39),
            _ => (Version::V1_40, 40),
        };
        let older = running && with_config;
        config.written.envoy.version = if older { Version::V1_40 } else { version };
        let mut document = match name {
            "by-hand" => yaml(BY_HAND),
            "wasm" => yaml(WASM),
            "routed" => yaml(ROUTED),
            "translate" => yaml(TRANSLATE),
            _ if beside => envoy::bootstrap(&config, Topology::Sidecar),
            "sidecar" => envoy::bootstrap(&config, Topology::Sidecar),
            "hybrid" => envoy::bootstrap(&config, Topology::Hybrid),
            _ => envoy::bootstrap(&config, Topology::Shared),
        };
        if name == "twice" {
            let filters = document.pointer_mut(&pointer("HTTP/http_filters")).unwrap().as_array_mut().unwrap();
            filters.insert(0, filters[0].clone());
        }
        if running {
            document = dumped(&document, (1, if name == "1.35" { 35 } else { number }));
        }
        Self { document, running: Running::default(), config: with_config.then_some(config) }
    }

    fn findings(&self) -> Vec<Finding> {
        let read = read::text(&self.document.to_string()).unwrap().with(self.running.clone());
        examine(&read, self.config.as_ref())
    }
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// What a running Envoy's `/config_dump` makes of a bootstrap.
fn dumped(bootstrap: &Value, (major, minor): (u64, u64)) -> Value {
    let each = |list: &str, name: &str| -> Value {
        let items = bootstrap["static_resources"][list].as_array().unwrap();
        items.iter().map(|item| json!({ name: item })).collect()
    };
    let kind = |name: &str| format!("type.googleapis.com/envoy.admin.v3.{name}");
    let version = json!({ "version": { "major_number": major, "minor_number": minor } });
    json!({ "configs": [
        { "@type": kind("BootstrapConfigDump"), "bootstrap": { "admin": bootstrap["admin"], "node": { "user_agent_build_version": version } } },
        { "@type": kind("ClustersConfigDump"), "static_clusters": each("clusters", "cluster") },
        { "@type": kind("ListenersConfigDump"), "static_listeners": each("listeners", "listener") },
    ] })
}

fn pointer(place: &str) -> String {
    let found = PLACES.iter().find_map(|(name, means)| place.strip_prefix(name).map(|rest| format!("{means}{rest}")));
    found.map_or_else(|| place.to_owned(), |place| pointer(&place))
}

/// Writes a value; null takes it away, one past the end of a list adds it.
fn write(document: &mut Value, place: &str, value: Value) {
    let (parent, key) = place.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}")) {
        Value::Object(fields) if value.is_null() => {
            fields.remove(key).unwrap_or_else(|| panic!("no {place}"));
        }
        Value::Object(fields) => {
            fields.insert(key.to_owned(), value);
        }
        Value::Array(items) => match key.parse::<usize>().unwrap() {
            at if at < items.len() => items[at] = value,
            _ => items.push(value),
        },
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => panic!("{place}: {other}"),
    }
}

/// Does what a finding says.
fn mend(document: &mut Value, steps: &[Step], value: &Value, adds: bool) {
    let place = steps.iter().fold(document, |at, step| match step {
        Step::Key(key) => {
            if at.is_null() {
                *at = json!({});
            }
            at.as_object_mut().unwrap().entry(key).or_insert(Value::Null)
        }
        Step::Index(index) => &mut at[*index],
    });
    if adds {
        place.as_array_mut().unwrap().push(value.clone());
    } else {
        *place = value.clone();
    }
}

fn places(value: &Value, place: String) -> Vec<String> {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    let inside: Vec<String> = match value {
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(i, item)| places(item, format!("{place}/{i}"))).collect()
        }
        Value::Object(fields) => {
            fields.iter().flat_map(|(key, field)| places(field, format!("{place}/{}", escaped(key)))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    std::iter::once(place).chain(inside).collect()
}
