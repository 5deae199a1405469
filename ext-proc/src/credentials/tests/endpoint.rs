//! A token endpoint on this machine that remembers what it was asked.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What somebody asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    /// The form in the body.
    pub(super) form: BTreeMap<String, String>,
    pub(super) body: String,
}

/// The endpoint; it ends with this.
pub(super) struct Endpoint {
    pub(super) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    delay_ms: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Endpoint {
    /// Answers each request by its number, from 1, and content, with status and body.
    pub(super) async fn answering(answer: impl Fn(usize, &Asked) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let delay_ms = Arc::new(AtomicU64::new(0));
        let shared = Arc::new((answer, asked.clone(), delay_ms.clone()));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                let serve = service_fn(move |request: Request<Incoming>| {
                    let shared = shared.clone();
                    async move {
                        let (answer, asked, delay_ms) = &*shared;
                        let (parts, body) = request.into_parts();
                        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                        let asking = Asked {
                            path: parts.uri.to_string(),
                            headers: parts.headers,
                            form: form_urlencoded::parse(&body).into_owned().collect(),
                            body: String::from_utf8_lossy(&body).into_owned(),
                        };
                        let n = {
                            let mut asked = asked.lock().unwrap();
                            asked.push(asking.clone());
                            asked.len()
                        };
                        tokio::time::sleep(Duration::from_millis(delay_ms.load(Ordering::Relaxed))).await;
                        let (status, body) = answer(n, &asking);
                        let response = Response::builder().status(status).header("metadata-flavor", "Google");
                        Ok::<_, Infallible>(response.body(Full::new(Bytes::from(body))).unwrap())
                    }
                });
                tokio::spawn(async move {
                    let http = hyper::server::conn::http1::Builder::new();
                    let _hung_up = http.serve_connection(TokioIo::new(stream), serve).await;
                });
            }
        });
        Self { url, asked, delay_ms, task }
    }

    pub(super) fn delay_ms(&self, ms: u64) {
        self.delay_ms.store(ms, Ordering::Relaxed);
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}
