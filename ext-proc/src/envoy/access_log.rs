//! The access log: one line of JSON per request, on Envoy's stdout or in a file.
//!
//! Request headers are not logged: one of them is a key. And they are the last attempt's by the time it is written, so
//! what the client asked for comes from the dynamic metadata that the service sets.

use super::{ATTACHE, extension};
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

/// The logs of the listener: one, or none.
pub(super) fn logs(to: &str) -> Value {
    let known = KNOWN.iter().map(|(key, format)| ((*key).to_owned(), json!(format)));
    let told = TOLD.iter().map(|key| ((*key).to_owned(), json!(format!("%DYNAMIC_METADATA({ATTACHE}:{key})%"))));
    let format = json!({ "json_format": known.chain(told).collect::<Map<_, _>>() });
    match to {
        "off" => json!([]),
        "stdout" => json!([extension(
            "stdout",
            "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            json!({ "log_format": format }),
        )]),
        path => json!([extension(
            "file",
            "envoy.extensions.access_loggers.file.v3.FileAccessLog",
            json!({ "path": path, "log_format": format }),
        )]),
    }
}
