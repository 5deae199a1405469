//! Requests that the service itself makes: key sets of issuers, webhooks, tokens for providers. Beside exchanges, never on their way.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::sync::OnceLock;
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

    /// The client that all who need one only now and then share.
    ///
    /// # Errors
    /// When the system has no CA certificates.
    pub fn shared() -> Result<Self, String> {
        static SHARED: OnceLock<Client> = OnceLock::new();
        if let Some(client) = SHARED.get() {
            return Ok(client.clone());
        }
        let client = Self::new().map_err(|error| format!("no CA certificates ({error}); set SSL_CERT_FILE"))?;
        Ok(SHARED.get_or_init(|| client).clone())
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
        let request = request.body(body).map_err(|error| format!("not a URL: {error}"))?;
        let answer = self.call(request, bytes_max, time).await?;
        Ok((answer.status(), answer.into_body()))
    }

    /// Sends a request and reads the whole answer, whatever it is.
    ///
    /// # Errors
    /// For no answer in time, or a longer one, in words for the log: nothing of the request or the answer is in them.
    pub async fn call(
        &self,
        request: Request<Bytes>,
        bytes_max: usize,
        time: Duration,
    ) -> Result<Response<Bytes>, String> {
        let answered = async {
            let response = self.0.request(request.map(Full::new)).await.map_err(|error| causes(&error))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, bytes_max).collect().await;
            body.map(|body| Response::from_parts(head, body.to_bytes())).map_err(|error| error.to_string())
        };
        let answered = tokio::time::timeout(time, answered).await;
        answered.unwrap_or_else(|_| Err(format!("no answer within {} s", time.as_secs())))
    }
}

/// Whoever can answer at a URL can be anybody, and whatever is sent there is read on its way: it is TLS, or this machine.
///
/// # Errors
/// What is wrong with it, with an example of how it looks.
pub fn check_url(text: &str, example: &str) -> Result<(), String> {
    let example = format!("expected something like {example}");
    let uri: http::Uri = text.parse().map_err(|error| format!("`{text}` is not a URL ({error}); {example}"))?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let here = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if here => Ok(()),
        Some("http") => Err(format!("http is for this machine only (127.0.0.1); {example}")),
        _ => Err(format!("`{text}` has no https:// in front; {example}")),
    }
}

/// Most bytes of an answer that nobody reads.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// An error with its causes: hyper's own says only `client error (Connect)`.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
