//! The access log: one line of JSON per request, on Envoy's stdout or in a file.
//!
//! Request headers are not logged: one of them is a key. And they are the last attempt's by the time it is written, so
//! what the client asked for comes from the dynamic metadata that the service sets.

use super::clusters::extend;
use super::{ATTACHE, extension};
use crate::exchange::Topology;
use attache_core::hybrid;
use serde_json::{Map, Value, json};

/// What the service tells about an exchange. Numbers stay numbers; what was not told is null.
const TOLD: [&str; 8] =
    ["request_id", "front", "model", "provider", "input_tokens", "cached_input_tokens", "output_tokens", "ttft_ms"];

/// What Envoy knows.
const KNOWN: [(&str, &str); 13] = [
    ("start_time", "%START_TIME%"),
    ("method", "%REQ(:METHOD)%"),
    // Without the query, which may hold a key. After a plan it is the provider's path.
    ("path", "%PATH(NQ:PATH)%"),
    ("status", "%RESPONSE_CODE%"),
    ("details", "%RESPONSE_CODE_DETAILS%"),
    ("flags", "%RESPONSE_FLAGS%"),
    ("duration_ms", "%DURATION%"),
    ("bytes_in", "%BYTES_RECEIVED%"),
    ("bytes_out", "%BYTES_SENT%"),
    ("attempts", "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"),
    ("cluster", "%UPSTREAM_CLUSTER_RAW%"),
    ("upstream", "%UPSTREAM_HOST%"),
    ("upstream_failure", "%UPSTREAM_TRANSPORT_FAILURE_REASON%"),
];

/// What a filter tells of an answer in the hybrid, where the service does not know it yet.
const TOLD_BY_FILTER: (&str, &str) = ("usage", "%FILTER_STATE(wasm.attache_usage:PLAIN)%");

/// Most time that a line waits for others on its way to the service: so long limits of simultaneous requests count one that
/// has ended.
const FLUSH: &str = "0.1s";

/// The logs of the listener: for people one, or none; in the hybrid another one for the service.
pub(super) fn logs(to: &str, topology: Topology) -> Value {
    let hybrid = topology == Topology::Hybrid;
    let known = KNOWN.iter().chain(hybrid.then_some(&TOLD_BY_FILTER));
    let known = known.map(|(key, format)| ((*key).to_owned(), json!(format)));
    let told = TOLD.iter().map(|key| ((*key).to_owned(), json!(format!("%DYNAMIC_METADATA({ATTACHE}:{key})%"))));
    let format = json!({ "json_format": known.chain(told).collect::<Map<_, _>>() });
    let for_people = match to {
        "off" => None,
        "stdout" => Some(extension(
            "stdout",
            "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            json!({ "log_format": format }),
        )),
        path => Some(extension(
            "file",
            "envoy.extensions.access_loggers.file.v3.FileAccessLog",
            json!({ "path": path, "log_format": format }),
        )),
    };
    let for_people = for_people.map(|mut log| {
        if hybrid {
            // A line for what goes on is for the service only.
            extend(
                &mut log,
                json!({ "filter": { "log_type_filter": { "types": ["DownstreamPeriodic"], "exclude": true } } }),
            );
        }
        log
    });
    Value::Array(for_people.into_iter().chain(hybrid.then(for_the_service)).collect())
}

/// By this the service learns how exchanges end that it has let go. Requests are logged, too, that never became one: Envoy
/// may have given up on a reply that was on its way.
fn for_the_service() -> Value {
    extension(
        "attache",
        "envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
        json!({ "common_config": {
            "log_name": ATTACHE,
            "transport_api_version": "V3",
            "grpc_service": { "envoy_grpc": { "cluster_name": ATTACHE } },
            "buffer_flush_interval": FLUSH,
            "filter_state_objects_to_log": [hybrid::TOLD_STATE],
        } }),
    )
}
