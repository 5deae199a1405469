//! One request and its answer, from the body to the response: record, script, key, validation, answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::{Body as _, Incoming};

use crate::fault::Fault;
use crate::pace::{Body, Connection, Paced, ScriptedReset, Source};
use crate::record::{Arrival, Ended, Open, Records};
use crate::script::{Script, Scripts};
use crate::turn::Turn;
use crate::{anthropic, control, models, openai};

/// A longer request body is refused with a 413.
const REQUEST_BYTES_MAX: usize = 64 << 20;

/// What all connections share.
pub(crate) struct Simulator {
    pub(crate) scripts: Scripts,
    pub(crate) records: Arc<Records>,
    /// Keys that are good; empty: every key is.
    pub(crate) keys: Vec<String>,
}

/// Whose API a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    OpenAi,
    Anthropic,
}

/// What is to be sent.
struct Reply {
    status: u16,
    content: Source,
}

/// One request, read whole.
struct Exchange<'a> {
    simulator: &'a Simulator,
    script: &'a Arc<Script>,
    parts: &'a Parts,
    body: &'a Bytes,
    dialect: Dialect,
    too_large: bool,
    n: u64,
}

/// Answers one request.
///
/// # Errors
/// The script wants the connection reset instead.
pub(crate) async fn serve(
    simulator: Arc<Simulator>,
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Body>, ScriptedReset> {
    let (parts, incoming) = request.into_parts();
    let (body, too_large) = match read(incoming).await {
        Ok(body) => (body, false),
        Err(Unread::TooLarge) => (Bytes::new(), true),
        // Nobody waits for an answer any more; there was no request.
        Err(Unread::ClientGone) => return Err(ScriptedReset),
    };
    let path = parts.uri.path();
    if path.starts_with(control::PREFIX) {
        return Ok(control::serve(&simulator, &parts.method, path, &body));
    }
    let (script, record) = match simulator.scripts.pick(parts.headers.get("x-sim").map(HeaderValue::as_bytes)) {
        Ok(picked) => picked,
        Err(error) => return Ok(control::refuse(&error)),
    };
    let path_with_query = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let arrival = Arrival { method: &parts.method, path: path_with_query, headers: &parts.headers, body: &body };
    let mut open = simulator.records.begin(&arrival, record);
    // Dropped here while it waits: the client has gone.
    if script.latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(script.latency_ms)).await;
    }
    if script.never_answer {
        std::future::pending::<()>().await;
    }
    if script.reset_before_headers {
        connection.reset.store(true, Ordering::Release);
        open.end(Ended::ResetByScript);
        return Err(ScriptedReset);
    }
    let dialect = Dialect::of(path, &parts.headers);
    let exchange =
        Exchange { simulator: &simulator, script: &script, parts: &parts, body: &body, dialect, too_large, n: open.n };
    let reply = exchange.reply().unwrap_or_else(|fault| exchange.refuse(&fault));
    Ok(exchange.respond(reply, open, &connection))
}

/// Why there is no request body.
enum Unread {
    TooLarge,
    ClientGone,
}

async fn read(mut incoming: Incoming) -> Result<Bytes, Unread> {
    if incoming.size_hint().lower() > u64::try_from(REQUEST_BYTES_MAX).unwrap_or(u64::MAX) {
        return Err(Unread::TooLarge);
    }
    let mut next = async || std::future::poll_fn(|cx| std::pin::Pin::new(&mut incoming).poll_frame(cx)).await;
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = next().await {
        let Ok(data) = frame.map_err(|_| Unread::ClientGone)?.into_data() else { continue };
        if first.is_empty() {
            first = data;
            continue;
        }
        // A second piece: only now is a copy needed.
        if rest.is_empty() {
            rest.extend_from_slice(&first);
        }
        if rest.len() + data.len() > REQUEST_BYTES_MAX {
            return Err(Unread::TooLarge);
        }
        rest.extend_from_slice(&data);
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

impl Dialect {
    fn of(path: &str, headers: &HeaderMap) -> Self {
        match path {
            "/v1/chat/completions" => Self::OpenAi,
            "/v1/messages" | "/v1/messages/count_tokens" => Self::Anthropic,
            _ if headers.contains_key("anthropic-version") => Self::Anthropic,
            _ => Self::OpenAi,
        }
    }
}

impl Exchange<'_> {
    fn reply(&self) -> Result<Reply, Fault> {
        self.check_key()?;
        if let Some(raw) = &self.script.raw_body {
            let content = Source::whole(Bytes::copy_from_slice(raw.as_bytes()));
            return Ok(Reply { status: self.script.status.unwrap_or(200), content });
        }
        if let Some(status) = self.script.status.filter(|status| *status >= 400) {
            let model = self.model();
            return Err(match self.dialect {
                Dialect::OpenAi => openai::error::scripted(status, self.script, &model),
                Dialect::Anthropic => anthropic::error::scripted(status, self.script, &model),
            });
        }
        match (self.parts.uri.path(), &self.parts.method) {
            ("/v1/chat/completions", &Method::POST) => self.chat_completion(),
            ("/v1/messages", &Method::POST) => self.message(),
            ("/v1/messages/count_tokens", &Method::POST) => self.count_tokens(),
            ("/v1/models", &Method::GET) => Ok(Reply {
                status: 200,
                content: Source::whole(match self.dialect {
                    Dialect::OpenAi => models::openai(),
                    Dialect::Anthropic => models::anthropic(),
                }),
            }),
            ("/v1/chat/completions" | "/v1/messages" | "/v1/messages/count_tokens" | "/v1/models", method) => {
                Err(match self.dialect {
                    Dialect::OpenAi => openai::error::wrong_method(method, self.parts.uri.path()),
                    Dialect::Anthropic => anthropic::error::wrong_method(),
                })
            }
            (path, method) => Err(match self.dialect {
                Dialect::OpenAi => openai::error::no_such_url(method, path),
                Dialect::Anthropic => anthropic::error::no_such_url(path),
            }),
        }
    }

    fn chat_completion(&self) -> Result<Reply, Fault> {
        self.check_body()?;
        let request = openai::request::parse(self.body, self.validates())?;
        let turn = Turn::new(&request.asked, self.script);
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let stamp = openai::answer::Stamp { n: self.n, created };
        let content = if request.asked.stream && !self.script.json_instead_of_stream {
            Source::OpenAi(openai::stream::Events::new(request, turn, self.script, stamp))
        } else {
            Source::whole(openai::answer::body(&request, &turn, self.script, &stamp))
        };
        Ok(Reply { status: self.script.status.unwrap_or(200), content })
    }

    fn message(&self) -> Result<Reply, Fault> {
        self.check_body()?;
        let beta = self.parts.headers.contains_key("anthropic-beta");
        let request = anthropic::request::parse(self.body, beta, self.validates())?;
        let turn = Turn::new(&request.asked, self.script);
        let stamp = anthropic::answer::Stamp(self.n);
        let content = if request.asked.stream && !self.script.json_instead_of_stream {
            Source::Anthropic(anthropic::stream::Events::new(request, turn, self.script, stamp))
        } else {
            Source::whole(anthropic::answer::body(&request, &turn, self.script, stamp))
        };
        Ok(Reply { status: self.script.status.unwrap_or(200), content })
    }

    fn count_tokens(&self) -> Result<Reply, Fault> {
        self.check_body()?;
        let beta = self.parts.headers.contains_key("anthropic-beta");
        let tokens = anthropic::request::count(self.body, beta, self.validates())?;
        let content = Source::whole(Bytes::from(serde_json::json!({ "input_tokens": tokens }).to_string()));
        Ok(Reply { status: self.script.status.unwrap_or(200), content })
    }

    fn validates(&self) -> bool {
        self.script.validate.unwrap_or(true)
    }

    /// What providers ask of the key and the version, before they look at anything else.
    fn check_key(&self) -> Result<(), Fault> {
        // A script that does not want strictness gets none, unless this simulator knows its keys.
        if !self.validates() && self.simulator.keys.is_empty() {
            return Ok(());
        }
        let header = |name: &HeaderName| {
            self.parts.headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
        };
        let known = |key: &str| self.simulator.keys.is_empty() || self.simulator.keys.iter().any(|good| good == key);
        let bearer = header(&AUTHORIZATION)
            .and_then(|value| value.split_at_checked("Bearer ".len()))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer "))
            .map(|(_, key)| key.trim())
            .filter(|key| !key.is_empty());
        match self.dialect {
            Dialect::OpenAi => {
                let key = bearer.ok_or_else(openai::error::no_key)?;
                if known(key) { Ok(()) } else { Err(openai::error::wrong_key(key)) }
            }
            Dialect::Anthropic => {
                // One of the two: older SDKs send the key as x-api-key, newer ones and short-lived tokens as a bearer.
                // https://platform.claude.com/docs/en/manage-claude/authentication
                let own = header(&HeaderName::from_static("x-api-key"));
                let key = own.or(bearer).ok_or_else(anthropic::error::no_key)?;
                if !known(key) {
                    return Err(anthropic::error::wrong_key());
                }
                header(&HeaderName::from_static("anthropic-version"))
                    .map(|_| ())
                    .ok_or_else(anthropic::error::no_version)
            }
        }
    }

    /// What must hold of the body before it is parsed.
    fn check_body(&self) -> Result<(), Fault> {
        if self.too_large {
            return Err(match self.dialect {
                Dialect::OpenAi => openai::error::too_large(),
                Dialect::Anthropic => anthropic::error::too_large(),
            });
        }
        if self.script.require_content_length && !self.parts.headers.contains_key(CONTENT_LENGTH) {
            return Err(Fault::new(
                411,
                "invalid_request_error",
                "Length Required: this API does not take chunked request bodies.",
            ));
        }
        let kind = self.parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_json = kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
        if self.validates() && self.dialect == Dialect::OpenAi && !is_json {
            return Err(Fault::invalid(format!(
                "Unsupported content type: '{kind}'. This API method only accepts 'application/json' requests, but you specified \
                 the header 'Content-Type: {kind}'. Please try again with a supported content type."
            ))
            .code("unsupported_content_type"));
        }
        Ok(())
    }

    fn model(&self) -> String {
        let body: Option<serde_json::Value> = serde_json::from_slice(self.body).ok();
        body.and_then(|body| body.get("model")?.as_str().map(str::to_owned)).unwrap_or_default()
    }

    fn refuse(&self, fault: &Fault) -> Reply {
        let body = match self.dialect {
            Dialect::OpenAi => openai::error::body(fault),
            Dialect::Anthropic => anthropic::error::body(fault, &self.request_id()),
        };
        Reply { status: fault.status, content: Source::whole(body) }
    }

    fn request_id(&self) -> String {
        match self.dialect {
            Dialect::OpenAi => format!("req_{:032x}", self.n),
            Dialect::Anthropic => format!("req_011sim{:018}", self.n),
        }
    }

    fn respond(&self, reply: Reply, open: Open, connection: &Arc<Connection>) -> Response<Body> {
        let streams = !matches!(reply.content, Source::Raw(_));
        let script = self.script;
        let at_once =
            script.cut_bytes.is_none() && !script.gzip && script.first_token_ms == 0 && script.hold_ms_after_done == 0;
        let body = match reply.content {
            Source::Raw(bytes) if at_once => Body::Whole { bytes, open: Some(open) },
            source @ (Source::Raw(_) | Source::OpenAi(_) | Source::Anthropic(_)) => {
                Body::Paced(Box::new(Paced::new(source, script, connection, open)))
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.write_headers(response.headers_mut(), streams);
        response
    }

    fn write_headers(&self, headers: &mut HeaderMap, streams: bool) {
        static OPENAI: [(HeaderName, HeaderValue); 9] = [
            constant("openai-organization", "simulator"),
            constant("openai-processing-ms", "1"),
            constant("openai-version", "2020-10-01"),
            constant("x-ratelimit-limit-requests", "10000"),
            constant("x-ratelimit-limit-tokens", "2000000"),
            constant("x-ratelimit-remaining-requests", "9999"),
            constant("x-ratelimit-remaining-tokens", "1999990"),
            constant("x-ratelimit-reset-requests", "6ms"),
            constant("x-ratelimit-reset-tokens", "0s"),
        ];
        static ANTHROPIC: [(HeaderName, HeaderValue); 10] = [
            constant("anthropic-organization-id", "00000000-0000-4000-8000-000000000000"),
            constant("anthropic-ratelimit-requests-limit", "4000"),
            constant("anthropic-ratelimit-requests-remaining", "3999"),
            constant("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:00Z"),
            constant("anthropic-ratelimit-input-tokens-limit", "400000"),
            constant("anthropic-ratelimit-input-tokens-remaining", "399000"),
            constant("anthropic-ratelimit-input-tokens-reset", "2026-01-01T00:00:00Z"),
            constant("anthropic-ratelimit-output-tokens-limit", "80000"),
            constant("anthropic-ratelimit-output-tokens-remaining", "80000"),
            constant("anthropic-ratelimit-output-tokens-reset", "2026-01-01T00:00:00Z"),
        ];
        let kind = match (&self.script.content_type, streams) {
            (Some(kind), _) => HeaderValue::from_str(kind).unwrap_or_else(|_| HeaderValue::from_static("text/plain")),
            (None, true) => HeaderValue::from_static("text/event-stream; charset=utf-8"),
            (None, false) => HeaderValue::from_static("application/json"),
        };
        headers.insert(CONTENT_TYPE, kind);
        if streams {
            headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        if self.script.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let id = HeaderValue::from_str(&self.request_id());
        let (id_name, constants) = match self.dialect {
            Dialect::OpenAi => ("x-request-id", OPENAI.as_slice()),
            Dialect::Anthropic => ("request-id", ANTHROPIC.as_slice()),
        };
        if let Ok(id) = id {
            headers.insert(HeaderName::from_static(id_name), id);
        }
        headers.extend(constants.iter().cloned());
        for (name, value) in &self.script.headers {
            // Both were checked when the script was read.
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
    }
}

const fn constant(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
    (HeaderName::from_static(name), HeaderValue::from_static(value))
}
