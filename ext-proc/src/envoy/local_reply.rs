//! What clients read when Envoy itself answers: the error shape of their dialect, in words that a person understands.
//!
//! While the service is alive it rewrites most of these; they stay for requests that never reach it (broken HTTP, bodies
//! that are too large) and for the time when it is away.

use super::typed;
use crate::config::Config;
use crate::exchange::Topology;
use attache_core::dialect::Dialect;
use attache_core::fault::{Fault, FaultKind};
use serde_json::{Value, json};

/// The dialects whose errors differ from OpenAI's, each with the signs (in CEL) by which the service knows who asks.
const OTHERS: [(Dialect, &str); 4] = [
    (Dialect::Anthropic, "request.path.startsWith('/v1/messages') || 'anthropic-version' in request.headers"),
    (Dialect::Gemini, "request.path.startsWith('/v1beta/')"),
    (Dialect::Converse, "request.path.startsWith('/model/')"),
    (Dialect::Cohere, "request.path.startsWith('/v2/')"),
];

/// Does the client speak this dialect? What the service found out decides. Before that, the signs by which it decides;
/// not after, since path and headers are the provider's then.
fn asked_in(dialect: Dialect, signs: &str) -> String {
    format!(
        "(metadata.filter_metadata['attache']['front'] == '{}' \
         || (!('attache' in metadata.filter_metadata && 'front' in metadata.filter_metadata['attache']) && ({signs})))",
        dialect.as_str()
    )
}

/// The rewriting of Envoy's own answers; the first mapper that matches counts.
pub(super) fn config(config: &Config, topology: Topology) -> Value {
    let mut mappers = vec![answers_of_the_service()];
    if topology == Topology::Hybrid {
        mappers.push(answers_of_filters());
    }
    for (condition, fault) in cases(config) {
        for (dialect, signs) in OTHERS {
            mappers.push(mapper(&format!("{condition} && {}", asked_in(dialect, signs)), dialect, &fault));
        }
        mappers.push(mapper(condition, Dialect::OpenAi, &fault));
    }
    json!({ "mappers": mappers })
}

/// The service's own answers (all name themselves `attache_…`) come here too, and must leave as they are: a mapper
/// without a format changes nothing.
fn answers_of_the_service() -> Value {
    json!({ "filter": expression("response.code_details.startsWith('attache_')") })
}

/// Nor those of filters for WASM, which give no details. Envoy's own always have some.
fn answers_of_filters() -> Value {
    json!({ "filter": expression("response.code_details == ''") })
}

/// When (in CEL) Envoy says what. The messages hold no code details beyond Envoy's fixed words: those of upstream
/// failures name addresses.
fn cases(config: &Config) -> [(&'static str, Fault); 9] {
    let limit = config.written.limits.body_bytes_max;
    [
        (
            "(response.code_details.startsWith('ext_proc_error') \
             || (response.code_details == 'direct_response' && xds.route_name == 'unavailable'))",
            Fault::new(FaultKind::Server, "the gateway's policy service is not available; try again later")
                .with_code("policy_service_unavailable"),
        ),
        (
            "response.code_details == 'direct_response' && xds.route_name == 'processed'",
            Fault::new(
                FaultKind::Server,
                "the gateway has no plan for this request; its operator must look at its log",
            )
            .with_code("not_planned"),
        ),
        (
            "response.code_details == 'request_payload_too_large'",
            Fault::new(FaultKind::TooLarge, format!("the request body is larger than {limit} bytes"))
                .with_code("request_too_large"),
        ),
        (
            "response.code_details == 'response_payload_too_large'",
            Fault::upstream(format!("the provider's answer is larger than {limit} bytes"))
                .with_code("answer_too_large"),
        ),
        ("response.code == 431", Fault::invalid("the request's headers are too large").with_code("headers_too_large")),
        (
            "response.code == 408",
            Fault::invalid("the request did not arrive in time; send it again").with_code("request_timeout"),
        ),
        (
            "response.code >= 400 && response.code < 500",
            // Envoy's word for what is wrong is of its own making here.
            Fault::invalid("the gateway cannot read this HTTP request: %RESPONSE_CODE_DETAILS%").with_code("bad_http"),
        ),
        (
            "response.code == 504",
            Fault::new(FaultKind::Timeout, "the provider did not answer in time").with_code("timeout"),
        ),
        (
            "response.code >= 500",
            Fault::upstream("the gateway could not reach the provider; try again later")
                .with_code("upstream_unavailable"),
        ),
    ]
}

fn mapper(condition: &str, dialect: Dialect, fault: &Fault) -> Value {
    let shape: Value = serde_json::from_slice(&dialect.encode_error(fault)).expect("an encoded error is JSON");
    json!({
        "filter": expression(condition),
        "body_format_override": { "json_format": shape, "content_type": "application/json" },
    })
}

/// A filter by a CEL expression.
fn expression(expression: &str) -> Value {
    json!({
        "extension_filter": {
            "name": "envoy.access_loggers.extension_filters.cel",
            "typed_config": typed(
                "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
                json!({ "expression": expression }),
            ),
        },
    })
}
