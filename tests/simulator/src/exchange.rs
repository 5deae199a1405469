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
use crate::tokens::Tokens;
use crate::turn::Turn;
use crate::{anthropic, apis, bedrock, cohere, completions, control, gemini, models, openai, responses, tokens};

/// A longer request body is refused with a 413.
const REQUEST_BYTES_MAX: usize = 64 << 20;

/// What all connections share.
pub(crate) struct Simulator {
    pub(crate) scripts: Scripts,
    pub(crate) records: Arc<Records>,
    /// Keys that are good; empty: every key is.
    pub(crate) keys: Vec<String>,
    /// The answers of the Responses API that are kept.
    pub(crate) responses: responses::store::Store,
    /// AWS access keys that are good.
    pub(crate) access_keys: Vec<bedrock::keys::AccessKey>,
    pub(crate) tokens: Tokens,
}

impl Simulator {
    /// Whether a key is good, or a token.
    fn knows(&self, key: &str) -> bool {
        if self.tokens.only_issued {
            return self.tokens.issuer.accepts(key);
        }
        self.keys.is_empty() || self.keys.iter().any(|good| good == key)
    }
}

/// Whose API a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    OpenAi,
    Anthropic,
    Cohere,
    Gemini,
    Bedrock,
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
    /// What a URL of Google's asks for.
    google: Option<gemini::url::Call>,
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
    let open = match simulator.tokens.answer(&parts, &body, &script, open) {
        Ok(response) => return Ok(response),
        Err(open) => open,
    };
    let google = gemini::url::Call::of(path, parts.uri.query());
    let dialect = if google.is_some() { Dialect::Gemini } else { Dialect::of(path, &parts.headers) };
    let exchange = Exchange {
        simulator: &simulator,
        script: &script,
        parts: &parts,
        body: &body,
        dialect,
        google,
        too_large,
        n: open.n,
    };
    if let Some(answer) = exchange.beside() {
        return Ok(exchange.respond_beside(answer, open, &connection));
    }
    let (reply, fault) = match exchange.reply() {
        Ok(reply) => (reply, None),
        Err(fault) => (exchange.refuse(&fault), Some(fault)),
    };
    let is_chunks = matches!(reply.content, Source::Chunks(_));
    let mut response = exchange.respond(reply, open, &connection);
    if dialect == Dialect::Bedrock {
        bedrock::error::headers(response.headers_mut(), fault.as_ref(), is_chunks);
    }
    Ok(response)
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
            "/v2/chat" | "/v2/embed" | "/v2/rerank" => Self::Cohere,
            _ if path.starts_with("/v1beta/") || headers.contains_key("x-goog-api-key") => Self::Gemini,
            _ if path.starts_with("/model/") => Self::Bedrock,
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
                Dialect::Cohere => cohere::error::scripted(status, self.script, &model),
                Dialect::Gemini => gemini::error::scripted(status, self.script, &model),
                Dialect::Bedrock => bedrock::error::scripted(status, self.script),
            });
        }
        if let Some(call) = &self.google {
            return self.google(call);
        }
        if self.dialect == Dialect::Bedrock {
            return self.bedrock();
        }
        match (self.parts.uri.path(), &self.parts.method) {
            ("/v1/chat/completions", &Method::POST) => self.chat_completion(),
            ("/v1/completions", &Method::POST) => self.completion(),
            ("/v2/chat", &Method::POST) => self.cohere_chat(),
            ("/v1/messages", &Method::POST) => self.message(),
            ("/v1/messages/count_tokens", &Method::POST) => self.count_tokens(),
            (responses::PATH, &Method::POST) => self.response(),
            (path, method) if responses::serves(path) => {
                let content = responses::kept(method, path, &self.simulator.responses)?;
                Ok(Reply { status: 200, content: Source::from(content) })
            }
            ("/v1/models" | "/v1beta/models", &Method::GET) => Ok(Reply {
                status: 200,
                content: Source::whole(match self.dialect {
                    Dialect::OpenAi | Dialect::Bedrock | Dialect::Cohere => models::openai(),
                    Dialect::Anthropic => models::anthropic(),
                    Dialect::Gemini => models::gemini(),
                }),
            }),
            (
                "/v1/chat/completions"
                | "/v1/completions"
                | "/v2/chat"
                | "/v1/messages"
                | "/v1/messages/count_tokens"
                | "/v1/models",
                method,
            ) => Err(match self.dialect {
                Dialect::OpenAi => openai::error::wrong_method(method, self.parts.uri.path()),
                Dialect::Anthropic => anthropic::error::wrong_method(),
                Dialect::Gemini => gemini::error::no_such_url(),
                Dialect::Bedrock => bedrock::error::wrong_method(),
                Dialect::Cohere => cohere::error::wrong_method(),
            }),
            (path, method) => Err(match self.dialect {
                Dialect::OpenAi => openai::error::no_such_url(method, path),
                Dialect::Anthropic => anthropic::error::no_such_url(path),
                Dialect::Gemini => gemini::error::no_such_url(),
                Dialect::Bedrock => bedrock::error::no_such_url(),
                Dialect::Cohere => cohere::error::no_such_url(),
            }),
        }
    }

    /// The answer of an API that is no chat; `None` also where a script or the key decides what is answered.
    fn beside(&self) -> Option<apis::Answer> {
        let fails = self.script.status.is_some_and(|status| status >= 400);
        if fails || self.script.raw_body.is_some() || self.too_large || self.check_key().is_err() {
            return None;
        }
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let call = apis::Call {
            method: &self.parts.method,
            path: self.parts.uri.path(),
            headers: &self.parts.headers,
            body: self.body,
            script: self.script,
            n: self.n,
            created,
            validates: self.validates(),
        };
        Some(apis::reply(call)?.unwrap_or_else(|fault| apis::Answer::refusal(&fault)))
    }

    fn respond_beside(&self, answer: apis::Answer, open: Open, connection: &Arc<Connection>) -> Response<Body> {
        let content = match answer.content {
            apis::Content::Whole(bytes) => Source::whole(bytes),
            apis::Content::Events(events) => Source::Listed(events.into_iter()),
        };
        let mut response = self.respond(Reply { status: answer.status, content }, open, connection);
        let kind =
            self.script.content_type.is_none().then_some((CONTENT_TYPE.as_str(), answer.content_type.to_owned()));
        for (name, value) in kind.into_iter().chain(answer.headers) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }

    fn chat_completion(&self) -> Result<Reply, Fault> {
        self.check_body()?;
        let request = match self.script.strict_as {
            None => openai::request::parse(self.body, self.validates())?,
            Some(vendor) => match openai::vendor::parse(vendor, self.body) {
                Ok(request) => request,
                Err((status, body)) => {
                    return Ok(Reply { status, content: Source::whole(Bytes::from(body.to_string())) });
                }
            },
        };
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

    fn completion(&self) -> Result<Reply, Fault> {
        self.check_body()?;
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let stamp = openai::answer::Stamp { n: self.n, created };
        let content = completions::reply(self.body, self.script, &stamp, self.validates())?;
        Ok(Reply { status: self.script.status.unwrap_or(200), content })
    }

    fn cohere_chat(&self) -> Result<Reply, Fault> {
        self.check_body()?;
        let request = cohere::request::parse(self.body, self.validates())?;
        let turn = Turn::new(&request.asked, self.script);
        let stamp = cohere::answer::Stamp(self.n);
        let content = if request.asked.stream && !self.script.json_instead_of_stream {
            Source::Cohere(cohere::stream::events(&request, &turn, self.script, stamp).into_iter())
        } else {
            Source::whole(cohere::answer::body(&request, &turn, self.script, stamp))
        };
        Ok(Reply { status: self.script.status.unwrap_or(200), content })
    }

    fn response(&self) -> Result<Reply, Fault> {
        self.check_body()?;
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let stamp = responses::Stamp { n: self.n, created };
        let content = responses::create(self.body, self.validates(), self.script, stamp, &self.simulator.responses)?;
        Ok(Reply { status: self.script.status.unwrap_or(200), content: Source::from(content) })
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

    fn bedrock(&self) -> Result<Reply, Fault> {
        let call = bedrock::call::Call::of(self.parts.uri.path()).ok_or_else(bedrock::error::no_such_url)?;
        if self.parts.method != Method::POST {
            return Err(bedrock::error::wrong_method());
        }
        self.check_body()?;
        let streams = call.operation.streams() && !self.script.json_instead_of_stream;
        let content = match call.operation {
            bedrock::call::Operation::Converse | bedrock::call::Operation::ConverseStream => {
                let request = bedrock::request::parse(&call, self.body, self.validates())?;
                let turn = Turn::new(&request.asked, self.script);
                if streams {
                    Source::Converse(bedrock::stream::Events::new(request, turn, self.script, self.n))
                } else {
                    Source::whole(bedrock::answer::body(&request, &turn, self.script, self.n))
                }
            }
            bedrock::call::Operation::Invoke | bedrock::call::Operation::InvokeStream => {
                let request = bedrock::invoke::parse(&call, self.body, self.validates())?;
                let turn = Turn::new(&request.asked, self.script);
                let stamp = anthropic::answer::Stamp(self.n);
                if streams {
                    Source::Chunks(anthropic::stream::Events::new(request, turn, self.script, stamp))
                } else {
                    Source::whole(anthropic::answer::body(&request, &turn, self.script, stamp))
                }
            }
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

    fn google(&self, call: &gemini::url::Call) -> Result<Reply, Fault> {
        self.check_body()?;
        let is_studio = call.house == gemini::url::House::Studio;
        let content = match call.method.as_str() {
            _ if self.parts.method != Method::POST => return Err(gemini::error::no_such_url()),
            "generateContent" | "streamGenerateContent" => {
                let request = gemini::request::parse(self.body, call, self.validates())?;
                let turn = Turn::new(&request.asked, self.script);
                let stamp = gemini::answer::Stamp(self.n);
                if request.asked.stream && !self.script.json_instead_of_stream {
                    Source::Gemini(gemini::stream::Events::new(request, turn, self.script, stamp, !call.sse))
                } else {
                    Source::whole(gemini::answer::body(&request, &turn, self.script, stamp))
                }
            }
            "countTokens" => {
                let tokens = gemini::request::count(self.body, call)?;
                let details = serde_json::json!([{ "modality": "TEXT", "tokenCount": tokens }]);
                let counted = serde_json::json!({ "totalTokens": tokens, "promptTokensDetails": details });
                Source::whole(Bytes::from(counted.to_string()))
            }
            "embedContent" if is_studio => Source::whole(gemini::embed::body(self.body, false)?),
            "batchEmbedContents" if is_studio => Source::whole(gemini::embed::body(self.body, true)?),
            _ => return Err(gemini::error::no_such_url()),
        };
        Ok(Reply { status: self.script.status.unwrap_or(200), content })
    }

    fn validates(&self) -> bool {
        self.script.validate.unwrap_or(true)
    }

    /// What providers ask of the key and the version, before they look at anything else.
    fn check_key(&self) -> Result<(), Fault> {
        // A script that does not want strictness gets none, unless this simulator knows its keys.
        let any_key = self.simulator.keys.is_empty() && self.simulator.access_keys.is_empty();
        if !self.validates() && any_key && !self.simulator.tokens.only_issued {
            return Ok(());
        }
        let header = |name: &HeaderName| {
            self.parts.headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
        };
        let known = |key: &str| self.simulator.knows(key);
        let bearer = header(&AUTHORIZATION)
            .and_then(|value| value.split_at_checked("Bearer ".len()))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer "))
            .map(|(_, key)| key.trim())
            .filter(|key| !key.is_empty());
        match self.dialect {
            Dialect::Bedrock => self.check_bedrock(),
            Dialect::OpenAi => {
                let key = bearer.ok_or_else(openai::error::no_key)?;
                if known(key) { Ok(()) } else { Err(openai::error::wrong_key(key)) }
            }
            Dialect::Cohere => {
                let key = bearer.ok_or_else(cohere::error::no_key)?;
                if known(key) { Ok(()) } else { Err(cohere::error::wrong_key()) }
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
            Dialect::Gemini => {
                let house = self.google.as_ref().map_or(gemini::url::House::Studio, |call| call.house);
                let own = header(&HeaderName::from_static("x-goog-api-key"));
                let key = match house {
                    gemini::url::House::Studio => own.or(self.google.as_ref().and_then(|call| call.key.as_deref())),
                    gemini::url::House::Vertex => bearer,
                };
                let key = key.ok_or_else(|| gemini::error::no_key(house))?;
                if known(key) { Ok(()) } else { Err(gemini::error::wrong_key(house)) }
            }
        }
    }

    /// A signature with one of the keys, or with those that a simulator's token endpoints hand out, while their session is
    /// good; or an API key.
    fn check_bedrock(&self) -> Result<(), Fault> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let Simulator { keys, access_keys, tokens, .. } = self.simulator;
        let session = self.parts.headers.get("x-amz-security-token").and_then(|token| token.to_str().ok());
        let mut access_keys = access_keys.clone();
        if let Some(token) = session.filter(|token| tokens.only_issued && tokens.issuer.accepts(token)) {
            access_keys.push(bedrock::keys::AccessKey {
                id: tokens::aws::ACCESS_KEY_ID.to_owned(),
                secret: tokens::aws::SECRET_ACCESS_KEY.to_owned(),
                token: Some(token.to_owned()),
            });
        }
        let all = keys.is_empty() && access_keys.is_empty() && !tokens.only_issued;
        let known = bedrock::keys::Known { all, access_keys: &access_keys, api_keys: keys, now };
        bedrock::keys::check(self.parts, self.body, &known)
    }

    /// What must hold of the body before it is parsed.
    fn check_body(&self) -> Result<(), Fault> {
        if self.too_large {
            return Err(match self.dialect {
                Dialect::OpenAi => openai::error::too_large(),
                Dialect::Anthropic => anthropic::error::too_large(),
                Dialect::Cohere => cohere::error::too_large(),
                Dialect::Gemini => gemini::error::too_large(),
                Dialect::Bedrock => bedrock::error::too_large(),
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
        if let Some(call) = &self.google {
            return call.model.clone();
        }
        let body: Option<serde_json::Value> = serde_json::from_slice(self.body).ok();
        body.and_then(|body| body.get("model")?.as_str().map(str::to_owned)).unwrap_or_default()
    }

    fn refuse(&self, fault: &Fault) -> Reply {
        let body = match self.dialect {
            Dialect::OpenAi => openai::error::body(fault),
            Dialect::Anthropic => anthropic::error::body(fault, &self.request_id()),
            Dialect::Cohere => cohere::error::body(fault, &self.request_id()),
            Dialect::Gemini => {
                let is_array = |call: &gemini::url::Call| call.method == "streamGenerateContent" && !call.sse;
                gemini::error::body(fault, self.google.as_ref().is_some_and(is_array))
            }
            Dialect::Bedrock => bedrock::error::body(fault),
        };
        Reply { status: fault.status, content: Source::whole(body) }
    }

    fn request_id(&self) -> String {
        match self.dialect {
            Dialect::OpenAi => format!("req_{:032x}", self.n),
            Dialect::Anthropic => format!("req_011sim{:018}", self.n),
            Dialect::Cohere => cohere::answer::Stamp(self.n).id(),
            Dialect::Gemini => format!("{:016x}", self.n),
            Dialect::Bedrock => format!("00000000-0000-4000-8000-{:012}", self.n),
        }
    }

    fn respond(&self, mut reply: Reply, open: Open, connection: &Arc<Connection>) -> Response<Body> {
        let streams = reply.content.content_type();
        let script = self.script;
        let at_once = script.cut_bytes.is_none()
            && !script.gzip
            && script.first_token_ms == 0
            && script.hold_ms_after_done == 0
            && script.trailers.is_empty();
        let body = if let (Source::Raw(bytes), true) = (&mut reply.content, at_once) {
            Body::Whole { bytes: bytes.take(), open: Some(open) }
        } else {
            Body::Paced(Box::new(Paced::new(reply.content, script, connection, open)))
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.write_headers(response.headers_mut(), streams);
        response
    }

    fn write_headers(&self, headers: &mut HeaderMap, streams: Option<&'static str>) {
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
            (None, Some(kind)) => HeaderValue::from_static(kind),
            (None, None) => HeaderValue::from_static("application/json"),
        };
        headers.insert(CONTENT_TYPE, kind);
        if streams.is_some() {
            headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        if self.script.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let id = HeaderValue::from_str(&self.request_id());
        let (id_name, constants) = match self.dialect {
            Dialect::OpenAi => ("x-request-id", OPENAI.as_slice()),
            Dialect::Anthropic => ("request-id", ANTHROPIC.as_slice()),
            Dialect::Cohere => ("x-debug-trace-id", [].as_slice()),
            Dialect::Gemini => ("x-goog-request-id", [].as_slice()),
            Dialect::Bedrock => ("x-amzn-requestid", [].as_slice()),
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
