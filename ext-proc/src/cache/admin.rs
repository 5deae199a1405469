//! The cache's endpoints of the admin interface.
//!
//! ```text
//! GET    /cache          what is in it, and what became of lookups
//! POST   /cache/purge    { rule?, model?, tenant?, key?, older_than? } or { all: true }; needs the admin token
//! DELETE /cache          everything; needs the admin token
//! ```

use super::journal::NotPurged;
use super::now_ms;
use super::purge::{Filter, Wish};
use super::shelf::Shelf;
use crate::callers::Undone;
use crate::callers::admin::{authorize, read};
use crate::exchange::Service;
use crate::metrics::Metrics;
use http::{Method, StatusCode};
use hyper::body::Body;
use prometheus::core::Collector;
use serde_json::{Map, Value, json};
use std::net::IpAddr;
use std::time::SystemTime;

/// Whether a path is one of these.
pub fn is_ours(path: &str) -> bool {
    path == "/cache" || path.starts_with("/cache/")
}

/// Answers a request with a status and JSON.
pub async fn answer<B>(service: &Service, from: IpAddr, request: http::Request<B>) -> (StatusCode, Value)
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match done(service, from, request).await {
        Ok(answer) => (StatusCode::OK, answer),
        Err(Undone { status, message }) => (status, json!({ "error": { "message": message } })),
    }
}

async fn done<B>(service: &Service, from: IpAddr, request: http::Request<B>) -> Result<Value, Undone>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    match (path, &parts.method) {
        ("/cache", &Method::GET | &Method::HEAD) => Ok(told(service)),
        ("/cache", &Method::DELETE) | ("/cache/purge", &Method::POST) => {
            let config = service.config.load_full();
            authorize(&service.callers, &config, from, &parts.headers, SystemTime::now())?;
            let filter = if path == "/cache" { Filter::default() } else { wanted(&read::<Wish, B>(body).await?)? };
            let gone = service.cache.purge(&filter).await.map_err(not_purged)?;
            Ok(json!({ "purged": gone }))
        }
        ("/cache" | "/cache/purge", _) => {
            let message = "there is GET and DELETE /cache, and POST /cache/purge";
            Err(Undone::new(StatusCode::METHOD_NOT_ALLOWED, message))
        }
        _ => Err(Undone::new(StatusCode::NOT_FOUND, "there is GET and DELETE /cache, and POST /cache/purge")),
    }
}

fn wanted(wish: &Wish) -> Result<Filter, Undone> {
    let filter = wish.filter(now_ms() / 1000);
    filter.map_err(|complaint| Undone::new(StatusCode::BAD_REQUEST, complaint.to_string()))
}

fn not_purged(why: NotPurged) -> Undone {
    let status = match why {
        NotPurged::Away => StatusCode::SERVICE_UNAVAILABLE,
        NotPurged::TooMany => StatusCode::CONFLICT,
    };
    Undone::new(status, why.to_string())
}

fn told(service: &Service) -> Value {
    let shelf = &service.cache.shelf;
    let stats = shelf.stats();
    let memory = json!({ "entries": stats.entries, "bytes": stats.bytes });
    let rules = lookups(&service.metrics);
    let size = service.cache.semantic.size();
    let index = json!({ "entries": size.entries, "partitions": size.partitions, "bytes": size.bytes });
    let Shelf::Redis(redis, _) = shelf else {
        return json!({ "store": "memory", "memory": memory, "index": index, "rules": rules });
    };
    let standing = redis.journal().standing();
    let journal = json!({
        "up": standing.hears,
        "behind_ms": standing.behind_ms,
        "read": standing.read,
        "unread": standing.unread,
        "purges": standing.purges,
    });
    let redis = json!({ "up": redis.is_up() });
    json!({ "store": "redis", "memory": memory, "redis": redis, "journal": journal, "index": index, "rules": rules })
}

/// What became of lookups since this process began: by rule, by outcome.
fn lookups(metrics: &Metrics) -> Value {
    let mut rules = Map::new();
    for family in metrics.cache.lookups.collect() {
        for metric in family.get_metric() {
            let label = |name| metric.get_label().iter().find(|label| label.name() == name);
            let (Some(rule), Some(outcome)) = (label("rule"), label("outcome")) else { continue };
            let rule = rules.entry(rule.value()).or_insert_with(|| json!({}));
            if let Some(outcomes) = rule.as_object_mut() {
                // A counter of whole things.
                outcomes.insert(outcome.value().to_owned(), (metric.get_counter().get_value() as u64).into());
            }
        }
    }
    rules.into()
}
