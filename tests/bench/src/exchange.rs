//! One exchange on a keep-alive connection: write the request, read the response, note when what arrived.

mod chunked;
mod watch;

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use chunked::Chunked;
use watch::Watch;

/// More response headers than this is not something that the benchmark's servers send.
const RESPONSE_HEADERS_MAX: usize = 64;
/// A response head that does not end within this many bytes is an error.
const RESPONSE_HEAD_BYTES_MAX: usize = 64 * 1024;
const READ_BYTES: usize = 16 * 1024;

/// What a whole response looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// A JSON body. First token and first byte of the body are the same thing.
    Json,
    /// An event stream that ends with `data: [DONE]`, as OpenAI's chat completions do.
    OpenAiEvents,
    /// An event stream that ends with `message_stop`, as Anthropic's messages do.
    AnthropicEvents,
}

/// Where to send which request, ready to be written to the wire again and again.
#[derive(Clone, Debug)]
pub struct Target {
    address: SocketAddr,
    request: Bytes,
    expect: Expect,
}

impl Target {
    /// A `POST` of `body` (JSON) to `path` at `address`; `headers` are added as they are.
    pub fn post(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &str, expect: Expect) -> Self {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\naccept: */*\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(body);
        Self { address, request: Bytes::from(request), expect }
    }
}

/// When the parts of one response arrived, from the moment when the request was written.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// When writing began.
    pub started: Instant,
    /// The first byte of the response head.
    pub first_byte: Instant,
    /// The first event with generated text; for [`Expect::Json`] the first byte of the body.
    pub first_token: Instant,
    /// The last byte.
    pub finished: Instant,
}

/// Why an exchange does not count.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The connection could not be opened, broke, or was closed early.
    #[error("connection: {0}")]
    Connection(#[from] io::Error),
    /// The response is not HTTP/1.1 as we read it.
    #[error("malformed response: {0}")]
    Malformed(&'static str),
    /// The response is an error, with the beginning of its body.
    #[error("status {status}: {body}")]
    Status {
        /// The HTTP status code.
        status: u16,
        /// The first bytes of the body, for a person to read.
        body: String,
    },
    /// The response ended before the end that its kind promises.
    #[error("truncated: the stream ended without its closing event")]
    Truncated,
}

/// A keep-alive connection to one target.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    /// Connects to the target, without delay on small writes.
    ///
    /// # Errors
    /// When the target does not accept.
    pub async fn open(target: &Target) -> Result<Self, ExchangeError> {
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(READ_BYTES) })
    }

    /// Sends the target's request and reads the response to its end. `on_first_byte` runs as soon as the response
    /// begins. After an error the connection is not usable any more.
    ///
    /// # Errors
    /// See [`ExchangeError`].
    pub async fn exchange(&mut self, target: &Target, on_first_byte: impl FnOnce()) -> Result<Arrival, ExchangeError> {
        let started = Instant::now();
        self.read.clear();
        self.stream.write_all(&target.request).await?;
        self.fill().await?;
        let first_byte = Instant::now();
        on_first_byte();

        let head = self.head().await?;
        let mut watch = Watch::new(target.expect);
        let mut framing = head.framing;
        self.read.drain(..head.bytes);
        loop {
            let whole = framing.take(&self.read, &mut |body| watch.see(body))?;
            self.read.clear();
            if whole {
                break;
            }
            self.fill().await?;
        }

        if head.status != 200 {
            return Err(ExchangeError::Status { status: head.status, body: watch.beginning() });
        }
        let first_token = watch.finish().ok_or(ExchangeError::Truncated)?;
        Ok(Arrival { started, first_byte, first_token, finished: Instant::now() })
    }

    async fn head(&mut self) -> Result<Head, ExchangeError> {
        loop {
            if let Some(head) = Head::parse(&self.read)? {
                return Ok(head);
            }
            if self.read.len() > RESPONSE_HEAD_BYTES_MAX {
                return Err(ExchangeError::Malformed("the head does not end"));
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<(), ExchangeError> {
        if self.stream.read_buf(&mut self.read).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(())
    }
}

struct Head {
    status: u16,
    bytes: usize,
    framing: Framing,
}

impl Head {
    fn parse(read: &[u8]) -> Result<Option<Self>, ExchangeError> {
        let mut headers = [httparse::EMPTY_HEADER; RESPONSE_HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let bytes = match response.parse(read) {
            Ok(httparse::Status::Complete(bytes)) => bytes,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(ExchangeError::Malformed("the head is not HTTP/1.1")),
        };
        let status = response.code.ok_or(ExchangeError::Malformed("no status"))?;
        let framing = Framing::of(response.headers)?;
        Ok(Some(Self { status, bytes, framing }))
    }
}

enum Framing {
    Length(usize),
    Chunked(Chunked),
}

impl Framing {
    fn of(headers: &[httparse::Header<'_>]) -> Result<Self, ExchangeError> {
        let value = |name: &str| headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|h| h.value);
        if value("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case(b"chunked")) {
            return Ok(Self::Chunked(Chunked::default()));
        }
        value("content-length")
            .and_then(|value| std::str::from_utf8(value).ok())
            .and_then(|value| value.parse().ok())
            .map(Self::Length)
            .ok_or(ExchangeError::Malformed("neither chunked nor a content-length"))
    }

    /// Takes what has arrived; true when the body is whole.
    fn take(&mut self, read: &[u8], see: &mut impl FnMut(&[u8])) -> Result<bool, ExchangeError> {
        match self {
            Self::Length(left) => {
                let Some(rest) = left.checked_sub(read.len()) else {
                    return Err(ExchangeError::Malformed("more body than its content-length"));
                };
                see(read);
                *left = rest;
                Ok(rest == 0)
            }
            Self::Chunked(chunked) => chunked.take(read, see),
        }
    }
}
