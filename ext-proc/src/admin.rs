//! The admin interface: health, readiness, metrics, the running configuration (secrets redacted), stored keys and the cache,
//! over HTTP.

use crate::cache::admin as cache;
use crate::callers::admin as keys;
use crate::exchange::Service;
use crate::limits;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;

/// Most connections at once: it is for a few scrapers and a person.
const CONNECTIONS_MAX: usize = 64;

/// The admin interface, bound but not served yet.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    service: Arc<Service>,
    /// Where it listens.
    pub address: SocketAddr,
    /// Answers of `/readyz`; false while draining.
    pub ready: Arc<AtomicBool>,
}

impl Admin {
    /// Binds the address.
    ///
    /// # Errors
    /// When it cannot be bound.
    pub async fn bind(address: &str, service: Arc<Service>) -> Result<Self, String> {
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|error| format!("service.admin: {address}: {error}"))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        Ok(Self { listener, service, address, ready: Arc::new(AtomicBool::new(true)) })
    }

    /// Serves for as long as the process lives.
    pub async fn serve(self) {
        let connections = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok(permit) = connections.clone().acquire_owned().await else { return };
            let Ok((stream, peer)) = self.listener.accept().await else {
                // Out of file descriptors, most likely; a busy loop would not help.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let (service, ready) = (self.service.clone(), self.ready.clone());
            tokio::spawn(async move {
                let answer = service_fn(|request: Request<Incoming>| {
                    let (service, ready) = (service.clone(), ready.load(Ordering::Relaxed));
                    async move {
                        if keys::is_ours(request.uri().path()) {
                            return Ok::<_, Infallible>(answer_keys(&service, peer, request).await);
                        }
                        if cache::is_ours(request.uri().path()) {
                            return Ok(told(cache::answer(&service, peer.ip(), request).await));
                        }
                        let path = request.uri().path();
                        if request.method() == Method::GET && (path == "/limits" || path.starts_with("/limits/")) {
                            let query = request.uri().query().unwrap_or_default();
                            return Ok(told(limits::view::answer(&service, path, query).await));
                        }
                        Ok(answer(&service, ready, request.method(), request.uri().path()))
                    }
                });
                let serving = hyper::server::conn::http1::Builder::new()
                    .timer(hyper_util::rt::TokioTimer::new())
                    .header_read_timeout(Duration::from_secs(10))
                    .serve_connection(TokioIo::new(stream), answer);
                if let Err(error) = serving.await {
                    tracing::debug!(%error, "admin connection");
                }
                drop(permit);
            });
        }
    }
}

/// What is done with keys, for whoever has the admin token.
async fn answer_keys(service: &Service, peer: SocketAddr, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let config = service.config.load_full();
    told(keys::answer(&service.callers, &config, peer.ip(), request).await)
}

/// An answer in JSON that nobody keeps.
fn told((status, json): (StatusCode, serde_json::Value)) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(format!("{json}\n").into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(JSON));
    // A new key stands in it.
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

/// What is counted all the time, and what is only looked up now.
fn metrics(service: &Service) -> Vec<u8> {
    let stats = service.cache.shelf.stats();
    let shown = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    service.metrics.cache.entries.set(shown(stats.entries));
    service.metrics.cache.bytes.set(shown(stats.bytes));
    service.metrics.text()
}

fn answer(service: &Service, ready: bool, method: &Method, path: &str) -> Response<Full<Bytes>> {
    let (mut status, mut kind, mut body) = match path {
        "/healthz" => (StatusCode::OK, TEXT, b"ok\n".to_vec()),
        "/readyz" if ready => (StatusCode::OK, TEXT, b"ready\n".to_vec()),
        "/readyz" => (StatusCode::SERVICE_UNAVAILABLE, TEXT, b"draining\n".to_vec()),
        "/metrics" => (StatusCode::OK, METRICS, metrics(service)),
        "/config" => match serde_json::to_vec_pretty(&service.config.load().written) {
            Ok(json) => (StatusCode::OK, JSON, json),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, TEXT, error.to_string().into_bytes()),
        },
        _ => (
            StatusCode::NOT_FOUND,
            TEXT,
            b"there is /healthz, /readyz, /metrics, /config, /limits, /cache and /keys\n".to_vec(),
        ),
    };
    // hyper leaves the body of an answer to HEAD out.
    if status != StatusCode::NOT_FOUND && !matches!(*method, Method::GET | Method::HEAD) {
        (status, kind, body) = (StatusCode::METHOD_NOT_ALLOWED, TEXT, b"only GET and HEAD\n".to_vec());
    }
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
    }
    response
}

const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";
