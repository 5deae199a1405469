//! The simulator's own endpoints under `/_sim/`: scripts in, records out.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::exchange::Simulator;
use crate::pace::Body;
use crate::script::Script;

pub(crate) const PREFIX: &str = "/_sim/";

pub(crate) fn serve(simulator: &Simulator, method: &Method, path: &str, body: &Bytes) -> Response<Body> {
    match (method.as_str(), path.strip_prefix(PREFIX).unwrap_or_default()) {
        ("PUT", "script") => match Script::parse(body) {
            Ok(script) => {
                simulator.scripts.set_default(script);
                reply(StatusCode::OK, &json!({}))
            }
            Err(error) => refuse(&error),
        },
        ("POST", "queue") => match simulator.scripts.enqueue(body) {
            Ok(queued) => reply(StatusCode::OK, &json!({"queued": queued})),
            Err(error) => refuse(&error),
        },
        ("DELETE", "queue") => {
            simulator.scripts.clear_queue();
            reply(StatusCode::OK, &json!({}))
        }
        ("GET", "requests") => reply(StatusCode::OK, &simulator.records.to_json()),
        ("DELETE", "requests") => {
            simulator.records.clear();
            reply(StatusCode::OK, &json!({}))
        }
        ("DELETE", "tokens") => {
            simulator.tokens.issuer.revoke();
            reply(StatusCode::OK, &json!({}))
        }
        ("GET", "stats") => reply(StatusCode::OK, &simulator.records.stats()),
        _ => reply(
            StatusCode::NOT_FOUND,
            &json!({"error": "expected PUT script, POST or DELETE queue, GET or DELETE requests, DELETE tokens, or GET stats"}),
        ),
    }
}

/// The script itself is wrong: the simulator's own words, not a provider's.
pub(crate) fn refuse(error: &str) -> Response<Body> {
    reply(StatusCode::BAD_REQUEST, &json!({"error": {"message": error, "type": "simulator_script_error"}}))
}

fn reply(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::Whole { bytes: Some(Bytes::from(value.to_string())), open: None });
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
