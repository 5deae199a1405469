//! Asking the service that runs with a configuration, through its admin interface.

use super::Anything;
use crate::config::Config;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// Most time for an answer of the service.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// The longest answer of the service, in bytes: the list of 100,000 keys has some ten millions.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// Where the service's admin interface answers, if it does.
pub async fn service(config: &Config) -> Option<SocketAddr> {
    let mut address: SocketAddr = config.written.service.admin.parse().ok()?;
    // Listening everywhere includes here.
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    tokio::net::TcpStream::connect(address).await.ok().map(|_| address)
}

/// Asks it something, with the admin token where that is needed. A body of null is none.
///
/// # Errors
/// What it says, or why it says nothing.
pub async fn ask(
    address: SocketAddr,
    token: Option<&SecretString>,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<Value, Anything> {
    let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    let mut request = http::Request::builder().method(method).uri(format!("http://{address}{path}"));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {}", token.expose_secret()));
    }
    let request = request.header("content-type", "application/json").body(Full::new(body))?;
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let answered = tokio::time::timeout(ANSWER_TIME, async {
        let response = client.request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await?;
        Ok::<_, Anything>((status, body.to_bytes()))
    });
    let (status, body) = answered.await.map_err(|_| format!("attache at {address} does not answer"))??;
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status.is_success() {
        return Ok(answer);
    }
    let message = answer.pointer("/error/message").and_then(Value::as_str);
    Err(message.map_or_else(|| format!("{address} answered with status {status}"), str::to_owned).into())
}
