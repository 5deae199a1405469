//! The key endpoints of the admin interface: `/keys`, for whoever has the admin token.
//!
//! ```text
//! GET    /keys                  all of them, nothing secret
//! POST   /keys                  { name, team?, expires?, tags?, allow? } → the key, this once
//! POST   /keys/{id}/rotate      { overlap?, expires? } → the new key, this once
//! POST   /keys/{id}/disable
//! POST   /keys/{id}/enable
//! DELETE /keys/{id}
//! ```
//!
//! `{id}` is a key's id, or its name where only one has it.

use super::Callers;
use super::key::same_secret;
use super::manage::{Create, Rotate, Undone};
use super::throttle::Rate;
use crate::config::Config;
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Body;
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The largest body, in bytes.
const BODY_BYTES_MAX: usize = 64 << 10;
/// Most time for a body to come.
const BODY_TIME: Duration = Duration::from_secs(10);
/// Wrong admin tokens per address.
const RATE: Rate = Rate { failures: 10, per: Duration::from_secs(60) };

/// What is to be done with which key.
#[derive(Debug, PartialEq, Eq)]
enum Wish<'a> {
    List,
    Create,
    Rotate(&'a str),
    Disable(&'a str),
    Enable(&'a str),
    Remove(&'a str),
}

/// Whether a path is one of these.
pub fn is_ours(path: &str) -> bool {
    path == "/keys" || path.starts_with("/keys/")
}

/// Answers a request with a status and JSON.
pub async fn answer<B>(
    callers: &Callers,
    config: &Config,
    from: IpAddr,
    request: http::Request<B>,
) -> (StatusCode, Value)
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match done(callers, config, from, request).await {
        Ok(answered) => answered,
        Err(Undone { status, message }) => (status, json!({ "error": { "message": message } })),
    }
}

async fn done<B>(
    callers: &Callers,
    config: &Config,
    from: IpAddr,
    request: http::Request<B>,
) -> Result<(StatusCode, Value), Undone>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let now = SystemTime::now();
    authorize(callers, config, from, request.headers(), now)?;
    let (parts, body) = request.into_parts();
    let wish = wish(&parts.method, parts.uri.path())?;
    let done = match wish {
        Wish::List => callers.list(config, now).await,
        Wish::Create => {
            let made = callers.create(read::<Create, B>(body).await?, config, now).await;
            return made.map(|made| (StatusCode::CREATED, made));
        }
        Wish::Rotate(id) => callers.rotate(id, read::<Rotate, B>(body).await?, now).await,
        Wish::Disable(id) => callers.set_disabled(id, true, now).await,
        Wish::Enable(id) => callers.set_disabled(id, false, now).await,
        Wish::Remove(id) => callers.remove(id).await,
    };
    done.map(|done| (StatusCode::OK, done))
}

/// Lets those in who have the admin token. Who has it is never throttled, whoever else guesses from the same address.
///
/// # Errors
/// What to tell those who have it not.
pub fn authorize(
    callers: &Callers,
    config: &Config,
    from: IpAddr,
    headers: &HeaderMap,
    now: SystemTime,
) -> Result<(), Undone> {
    let Some(token) = &config.admin_token else {
        let message = "what needs the admin token is closed; write `service: { admin_token: \"${ATTACHE_ADMIN_TOKEN}\" }` to open them";
        return Err(Undone::new(StatusCode::FORBIDDEN, message));
    };
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(super::bearer);
    let (source, outcome, refused) = match shown.map(str::trim) {
        Some(shown) if same_secret(shown, token.expose_secret()) => ("admin", "ok", None),
        None => {
            let message = "send the admin token (service.admin_token) as `authorization: Bearer TOKEN`";
            ("admin", "no_key", Some(Undone::new(StatusCode::UNAUTHORIZED, message)))
        }
        Some(_) => {
            let now_ms = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
            match callers.admin_throttle.fail(Some(from), RATE, u64::try_from(now_ms).unwrap_or(u64::MAX)) {
                Ok(()) => {
                    ("admin", "wrong_key", Some(Undone::new(StatusCode::UNAUTHORIZED, "this is not the admin token")))
                }
                Err(_) => {
                    let message = "too many wrong admin tokens came from this address; try again in a minute";
                    ("admin", "throttled", Some(Undone::new(StatusCode::TOO_MANY_REQUESTS, message)))
                }
            }
        }
    };
    callers.metrics.auth.with_label_values(&[source, outcome]).inc();
    refused.map_or(Ok(()), Err)
}

fn wish<'a>(method: &Method, path: &'a str) -> Result<Wish<'a>, Undone> {
    let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
    let (allowed, wish) = match (parts.as_slice(), method) {
        (["keys"], &Method::GET) => return Ok(Wish::List),
        (["keys"], _) => ("GET or POST", (method == Method::POST).then_some(Wish::Create)),
        (["keys", id], _) if !id.is_empty() => ("DELETE", (method == Method::DELETE).then_some(Wish::Remove(id))),
        (["keys", id, verb @ ("rotate" | "disable" | "enable")], _) if !id.is_empty() => {
            let wish = match *verb {
                "rotate" => Wish::Rotate(id),
                "disable" => Wish::Disable(id),
                _ => Wish::Enable(id),
            };
            ("POST", (method == Method::POST).then_some(wish))
        }
        _ => {
            let message =
                "there is GET and POST /keys, POST /keys/{id}/rotate, /disable and /enable, and DELETE /keys/{id}";
            return Err(Undone::new(StatusCode::NOT_FOUND, message));
        }
    };
    wish.ok_or_else(|| Undone::new(StatusCode::METHOD_NOT_ALLOWED, format!("{path} takes {allowed}")))
}

/// Reads a body: none is an empty object.
///
/// # Errors
/// Why it is none.
pub async fn read<T: DeserializeOwned, B>(body: B) -> Result<T, Undone>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let collected = tokio::time::timeout(BODY_TIME, Limited::new(body, BODY_BYTES_MAX).collect()).await;
    let collected = collected.map_err(|_| Undone::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"))?;
    let collected = collected.map_err(|_| {
        let message = format!("the body broke off, or is larger than {BODY_BYTES_MAX} bytes");
        Undone::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    })?;
    let bytes = collected.to_bytes();
    let bytes = if bytes.is_empty() { b"{}" } else { &*bytes };
    serde_json::from_slice(bytes)
        .map_err(|error| Undone::new(StatusCode::BAD_REQUEST, format!("the body is not what was expected: {error}")))
}
