//! Requests that the service itself makes: key sets of issuers, webhooks. Beside exchanges, never on their way.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::time::Duration;

/// A client that trusts the system's CAs and follows no redirects.
#[derive(Clone, Debug)]
pub struct Client(hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Client {
    /// A client.
    ///
    /// # Errors
    /// When the system has no CA certificates.
    pub fn new() -> std::io::Result<Self> {
        let provider = rustls::crypto::ring::default_provider();
        let builder = hyper_rustls::HttpsConnectorBuilder::new().with_provider_and_native_roots(provider)?;
        let connector = builder.https_or_http().enable_http1().build();
        Ok(Self(hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector)))
    }

    /// Reads what is at a URL.
    ///
    /// # Errors
    /// For no answer in time, another status than 200, a longer body, in words for the log.
    pub async fn get(&self, url: &str, bytes_max: usize, time: Duration) -> Result<Bytes, String> {
        let (status, body) = self.send(Method::GET, url, Bytes::new(), bytes_max, time).await?;
        if status == StatusCode::OK { Ok(body) } else { Err(format!("answered with status {}", status.as_u16())) }
    }

    /// Posts JSON to a URL; what it answers does not matter.
    ///
    /// # Errors
    /// For no answer in time, or one that does not say success, in words for the log.
    pub async fn post(&self, url: &str, json: Vec<u8>, time: Duration) -> Result<(), String> {
        let (status, _) = self.send(Method::POST, url, json.into(), ANSWER_BYTES_MAX, time).await?;
        if status.is_success() { Ok(()) } else { Err(format!("answered with status {}", status.as_u16())) }
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        body: Bytes,
        bytes_max: usize,
        time: Duration,
    ) -> Result<(StatusCode, Bytes), String> {
        let request = Request::builder().method(method).uri(url);
        let request = if body.is_empty() { request } else { request.header("content-type", "application/json") };
        let request = request.body(Full::new(body)).map_err(|error| format!("not a URL: {error}"))?;
        let answered = async {
            let response = self.0.request(request).await.map_err(|error| causes(&error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), bytes_max).collect().await;
            body.map(|body| (status, body.to_bytes())).map_err(|error| error.to_string())
        };
        let answered = tokio::time::timeout(time, answered).await;
        answered.unwrap_or_else(|_| Err(format!("no answer within {} s", time.as_secs())))
    }
}

/// Most bytes of an answer that nobody reads.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// An error with its causes: hyper's own says only `client error (Connect)`.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
