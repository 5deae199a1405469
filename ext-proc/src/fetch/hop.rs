//! One request to one URL: look up, check, connect to what was checked, ask, read.

use super::rules::Rules;
use super::take;
use super::url::Url;
use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION,
};
use http::header::{HeaderName, USER_AGENT};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// Most bytes of an answer's headers.
const HEAD_BYTES_MAX: usize = 32 << 10;

/// Most bytes that are reserved because an answer announces them.
const RESERVED_BYTES_MAX: usize = 1 << 20;

/// One place to ask.
pub(super) struct Hop<'h> {
    pub rules: &'h Rules,
    pub tls: &'h Arc<rustls::ClientConfig>,
    pub url: &'h Url,
}

/// What a place answered.
pub(super) enum Answered {
    /// It is here: its `content-type` and its bytes.
    Medium { declared: String, bytes: Vec<u8> },
    /// It is elsewhere.
    Elsewhere(String),
}

impl Hop<'_> {
    /// Asks, in words that follow "it" where that fails. `left` is how many bytes may still be read.
    pub(super) async fn ask(&self, left: &AtomicUsize) -> Result<Answered, String> {
        let tcp = self.connect().await?;
        let mut driver = JoinSet::new();
        let response = if self.url.is_https {
            let name = ServerName::try_from(self.url.host.clone()).map_err(|_| "has no valid name".to_owned())?;
            let tls = TlsConnector::from(self.tls.clone()).connect(name, tcp).await;
            self.exchange(tls.map_err(|_| "does not speak TLS with a certificate that is trusted")?, &mut driver)
                .await?
        } else {
            self.exchange(tcp, &mut driver).await?
        };
        match response.status().as_u16() {
            200 => read(response, left).await,
            status @ (301 | 302 | 303 | 307 | 308) => match text(response.headers(), &LOCATION) {
                Some(location) => Ok(Answered::Elsewhere(location.to_owned())),
                None => Err(format!("answered with status {status} and says not where to go")),
            },
            status => Err(format!("answered with status {status}")),
        }
    }

    /// Connects to an address that was checked. One bad address among a name's addresses is enough to refuse all of them.
    async fn connect(&self) -> Result<TcpStream, String> {
        let found = tokio::net::lookup_host((self.url.host.as_str(), self.url.port)).await;
        let addresses: Vec<SocketAddr> = found.map_err(|_| "has a host whose name is not known")?.collect();
        if addresses.is_empty() || !addresses.iter().all(|address| self.rules.allows(address.ip())) {
            return Err("is at an address from which nothing is fetched".to_owned());
        }
        for address in addresses {
            if let Ok(connected) = TcpStream::connect(address).await {
                return Ok(connected);
            }
        }
        Err("is at a host that cannot be reached".to_owned())
    }

    /// Sends the request. Nothing in it is the client's but the URL.
    /// `driver` keeps the connection going; without it, it ends.
    async fn exchange<C>(
        &self,
        connection: C,
        driver: &mut JoinSet<hyper::Result<()>>,
    ) -> Result<Response<Incoming>, String>
    where
        C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let failed = |_| "does not answer as a web server does".to_owned();
        let mut builder = hyper::client::conn::http1::Builder::new();
        builder.max_buf_size(HEAD_BYTES_MAX);
        let (mut sender, connection) = builder.handshake(TokioIo::new(connection)).await.map_err(failed)?;
        driver.spawn(connection);
        let request = Request::get(&self.url.path)
            .header(HOST, self.url.authority())
            .header(ACCEPT, "*/*")
            .header(ACCEPT_ENCODING, "identity")
            .header(CONNECTION, "close")
            .header(USER_AGENT, concat!("attache/", env!("CARGO_PKG_VERSION")))
            .body(Empty::<Bytes>::new())
            .map_err(|_| "is no valid URL".to_owned())?;
        sender.send_request(request).await.map_err(failed)
    }
}

/// Reads the body, counting while it comes.
async fn read(response: Response<Incoming>, left: &AtomicUsize) -> Result<Answered, String> {
    let headers = response.headers();
    if text(headers, &CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err("answered with a compressed body, which was not asked for".to_owned());
    }
    let announced: Option<usize> = text(headers, &CONTENT_LENGTH).and_then(|length| length.parse().ok());
    if announced.is_some_and(|announced| announced > left.load(Ordering::Relaxed)) {
        take(left, usize::MAX)?;
    }
    let declared = text(headers, &CONTENT_TYPE).unwrap_or_default().to_owned();
    let mut body = response.into_body();
    let mut bytes = Vec::with_capacity(announced.unwrap_or(0).min(RESERVED_BYTES_MAX));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| "broke off".to_owned())?;
        if let Ok(data) = frame.into_data() {
            take(left, data.len())?;
            bytes.extend_from_slice(&data);
        }
    }
    Ok(Answered::Medium { declared, bytes })
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
