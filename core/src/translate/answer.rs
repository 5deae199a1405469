//! The way back: an upstream's answer becomes the client's.

use super::beside::{self, Beside};
use super::framing::Outward;
use super::stream::{Output, Stream};
use super::{Seen, Watch, with_cost};
use crate::chat;
use crate::dialect::quirks::Quirks;
use crate::dialect::{Asked, Dialect};
use crate::edit::Object;
use crate::endpoint::{Endpoint, Framing, Hosting, Operation};
use crate::fault::{Fault, FaultKind};
use crate::loss::Losses;
use crate::names::Names;
use crate::stream::{self, Event};
use crate::text::Str;
use crate::usage::Usage;
use std::sync::{Arc, LazyLock};

/// The habits of a provider that has none of its own.
static USUAL: LazyLock<Arc<Quirks>> = LazyLock::new(Arc::default);

/// Brings an upstream's answer back to the client's dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What the client reads.
    pub(super) dialect: Dialect,
    pub(super) operation: Operation,
    framing: Framing,
    /// The dialect of its errors.
    errors: Dialect,
    pub(super) upstream: Dialect,
    hosting: Hosting,
    stream: bool,
    pub(super) asked: Asked,
    /// The model that was asked: some answers name none.
    pub(super) model: String,
    /// How the provider deviates from its dialect.
    pub(super) quirks: Arc<Quirks>,
    /// The tools that have other names upstream.
    pub(super) names: Option<Arc<Names>>,
    /// What is no chat.
    pub(super) beside: Option<Box<Beside>>,
}

/// A whole answer for the client, and what was seen in it.
#[derive(Debug)]
pub struct Whole {
    /// The body; `None` when the provider's own bytes are right as they are.
    pub body: Option<Vec<u8>>,
    /// The body is a stream of events, because the client wanted one and the provider gave none.
    pub is_stream: bool,
    /// What was seen.
    pub seen: Seen,
}

/// An answer that no model gives.
#[derive(Clone, Copy, Debug)]
pub struct Preset<'a> {
    /// Its id.
    pub id: &'a str,
    /// The model that it is said to be from.
    pub model: &'a str,
    /// Its words.
    pub text: &'a str,
    /// What was used all the same.
    pub usage: Usage,
}

/// An error answer for the client.
#[derive(Debug)]
pub struct ErrorAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body; `None` when the provider's own bytes are right as they are.
    pub body: Option<Vec<u8>>,
    /// What it says, for records.
    pub fault: Fault,
}

impl Answer {
    pub(super) fn new(endpoint: &Endpoint, upstream: Dialect, hosting: Hosting, stream: bool, asked: Asked) -> Self {
        let Endpoint { dialect, operation, framing, .. } = *endpoint;
        let errors = endpoint.errors();
        Self {
            dialect,
            operation,
            framing,
            errors,
            upstream,
            hosting,
            stream,
            asked,
            model: String::new(),
            quirks: USUAL.clone(),
            names: None,
            beside: None,
        }
    }

    /// The same, from this model of the provider.
    pub(super) fn with_model(self, model: &str) -> Self {
        Self { model: model.to_owned(), ..self }
    }

    /// The same, from a provider that deviates from its dialect.
    pub(super) fn with_quirks(self, quirks: Arc<Quirks>) -> Self {
        Self { quirks, ..self }
    }

    /// The way back from one dialect to another without the request before it, as far as there is one. `framing` is how the
    /// client reads streams.
    pub fn between(upstream: Dialect, front: Dialect, framing: Framing, stream: bool, asked: Asked) -> Self {
        let endpoint = Endpoint { framing, ..Endpoint::from(front) };
        Self::new(&endpoint, upstream, Hosting::Native, stream, asked)
    }

    /// The way back from an endpoint that nobody here looks into, at a provider of the client's own dialect.
    pub fn untouched(endpoint: &Endpoint) -> Self {
        Self::new(endpoint, endpoint.dialect, Hosting::Native, false, Asked::default())
    }

    /// The same, with the tools that have other names upstream.
    pub(super) fn with_names(self, names: Option<Arc<Names>>) -> Self {
        Self { names, ..self }
    }

    /// The same, for what is no chat.
    pub(super) fn beside(self, beside: Beside) -> Self {
        Self { beside: Some(Box::new(beside)), ..self }
    }

    /// The same for a provider that tells the usage only where the client itself asked for it: all of it is the client's.
    #[must_use]
    pub fn with_usage_shown(mut self) -> Self {
        self.asked.stream_usage = true;
        self
    }

    /// The dialect in which the client reads errors.
    pub fn front(&self) -> Dialect {
        self.errors
    }

    /// The dialect of the provider.
    pub fn upstream(&self) -> Dialect {
        self.upstream
    }

    /// The client wanted a stream.
    pub fn wants_stream(&self) -> bool {
        // What passes is wanted as it comes: each API has its own word for a stream (`stream_format: sse`).
        self.stream || self.operation == Operation::Pass
    }

    /// The media type of the client's stream.
    pub fn stream_content_type(&self) -> &'static str {
        self.framing.content_type()
    }

    /// Whether the client's stream is framed as the provider's.
    pub fn is_framed_alike(&self) -> bool {
        self.operation != Operation::Chat || self.framing == Framing::of_upstream(self.upstream, self.hosting)
    }

    /// Whether an answer of this media type is the stream that the provider was asked for.
    pub fn is_stream(&self, content_type: &str) -> bool {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case(Framing::of_upstream(self.upstream, self.hosting).content_type())
            || (self.operation == Operation::Pass && kind.eq_ignore_ascii_case(Framing::Sse.content_type()))
    }

    /// Whether an answer of this media type is JSON that somebody here looks into; all else passes as it is.
    pub fn is_read(&self, content_type: &str) -> bool {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        !matches!(self.operation, Operation::Pass | Operation::Other) || kind.eq_ignore_ascii_case("application/json")
    }

    /// Takes a provider's whole answer (HTTP 2xx, not a stream). `watch` sees its usage, and may price it; where the
    /// provider tells none, it sees what was said instead.
    ///
    /// # Errors
    /// A [`Fault`] of kind `Upstream` for a body that is not an answer of the provider's dialect.
    pub fn whole(&self, body: &[u8], watch: &mut Watch<'_>) -> Result<Whole, Fault> {
        match self.operation {
            Operation::Chat if self.dialect != self.upstream || self.stream => self.translated(body, watch),
            Operation::Chat | Operation::Count => self.watched(body, watch),
            Operation::Embed | Operation::Rerank | Operation::Invoke | Operation::Pass | Operation::Other => {
                self.besides(body, watch)
            }
        }
    }

    /// What is no chat, in the client's shape.
    fn besides(&self, body: &[u8], watch: &mut Watch<'_>) -> Result<Whole, Fault> {
        let (body, usage, losses) = match self.beside.as_ref().map(|beside| beside.answer(body)).transpose()?.flatten()
        {
            Some((made, usage, losses)) => (Some(made), usage, losses),
            None => (None, beside::usage(self.beside.as_deref(), body), Losses::default()),
        };
        let usage = usage.map(|usage| shown(usage, None, watch));
        Ok(Whole { body, is_stream: false, seen: Seen { usage, content: true, done: true, losses, ..Seen::default() } })
    }

    /// A chat answer in the client's dialect.
    fn translated(&self, body: &[u8], watch: &mut Watch<'_>) -> Result<Whole, Fault> {
        let mut response = self.upstream.decode_response_with(body, &self.quirks)?;
        if let Some(names) = &self.names {
            names.restore_response(&mut response);
        }
        if response.model.is_empty() {
            response.model = self.model.clone().into();
        }
        match response.usage {
            Some(usage) => response.usage = Some(shown(usage, response.service_tier.as_ref(), watch)),
            None => retell(&response, watch),
        }
        let mut seen = Seen {
            usage: response.usage,
            model: Some(response.model.as_str().to_owned()),
            content: true,
            done: true,
            losses: response.losses.clone(),
            ..Seen::default()
        };
        let body = if self.stream {
            self.replayed(&response, &mut seen.losses)?
        } else {
            self.dialect.encode_response(&response, &self.asked, &mut seen.losses)
        };
        Ok(Whole { body: Some(body), is_stream: self.stream, seen })
    }

    /// The provider's bytes as they are; only the usage and the model are read.
    fn watched(&self, body: &[u8], watch: &mut Watch<'_>) -> Result<Whole, Fault> {
        let object = Object::read(body)
            .map_err(|_| Fault::upstream("the provider's answer is not a JSON object; it may have been cut off"))?;
        let told = object.raw(self.upstream.usage_field());
        let usage = told.and_then(|usage| self.upstream.decode_usage(usage));
        let usage = usage.map(|usage| shown(usage, service_tier(self.upstream, &object).as_ref(), watch));
        let priced = usage.and_then(|usage| usage.cost_nanos).zip(told).filter(|_| tells_cost(self.dialect));
        let body = priced.and_then(|(cost, told)| {
            let mut edit = object.edit();
            edit.set(self.upstream.usage_field(), &with_cost(told, cost)?);
            Some(edit.write())
        });
        if usage.is_none()
            && self.operation == Operation::Chat
            && let Ok(response) = self.upstream.decode_response(object.text().as_bytes())
        {
            retell(&response, watch);
        }
        let model = object.get::<Str<'_>>(self.upstream.model_field()).ok().flatten().map(Str::into_string);
        Ok(Whole { body, is_stream: false, seen: Seen { usage, model, content: true, done: true, ..Seen::default() } })
    }

    /// An answer of our own in the client's dialect, whole or as the stream that it asked for: declined, with these words.
    /// `None` for what is no chat.
    pub fn preset(&self, preset: &Preset<'_>) -> Option<Vec<u8>> {
        if self.operation != Operation::Chat {
            return None;
        }
        let choice = chat::Choice {
            index: 0,
            parts: vec![chat::Part::Text(Str::from(preset.text).into())],
            stop: chat::StopReason::Refused,
            logprobs: None,
        };
        let response = chat::Response {
            id: preset.id.into(),
            model: preset.model.into(),
            created: Some(self.asked.now),
            choices: vec![choice],
            usage: Some(preset.usage),
            ..chat::Response::default()
        };
        let mut unsaid = Losses::default();
        if self.stream {
            return self.replayed(&response, &mut unsaid).ok();
        }
        Some(self.dialect.encode_response(&response, &self.asked, &mut unsaid))
    }

    /// A whole answer as the stream that the client asked for.
    fn replayed(&self, response: &chat::Response<'_>, losses: &mut Losses) -> Result<Vec<u8>, Fault> {
        let now = response.created.unwrap_or(self.asked.now);
        let mut encoder = self.dialect.stream_encoder(Asked { now, ..self.asked.clone() });
        let mut outward = Outward::new(self.framing);
        let mut out = Vec::new();
        stream::replay(response, &mut |event| outward.events(&mut out, |out| encoder.event(&event, out)))?;
        outward.end(&mut out);
        losses.extend(encoder.take_losses());
        Ok(out)
    }

    /// Takes a provider's error answer. `provider` is its name in the config, for the message.
    pub fn error(&self, provider: &str, status: u16, body: &[u8]) -> ErrorAnswer {
        let fault = self.upstream.decode_error(status, body);
        if matches!(status, 401 | 403) || fault.kind == FaultKind::Authentication {
            // The key at fault is ours, and providers repeat parts of it in the message.
            let message = format!("provider `{provider}` did not accept the gateway's credentials (HTTP {status})");
            let fault = Fault::upstream(message).with_code("provider_credentials");
            return ErrorAnswer { status: fault.status, body: Some(self.errors.encode_error(&fault)), fault };
        }
        if self.errors == self.upstream && is_error(body) {
            return ErrorAnswer { status, body: None, fault };
        }
        ErrorAnswer { status: self.errors.error_status(&fault), body: Some(self.errors.encode_error(&fault)), fault }
    }

    /// Begins to take a provider's stream. `may_stop`: somebody may want to [stop](Stream::stop) it, for which a little
    /// more must be kept in mind.
    pub fn stream(&self, may_stop: bool) -> Stream {
        let framing = Framing::of_upstream(self.upstream, self.hosting);
        let chat = self.operation == Operation::Chat;
        let output = if self.dialect == self.upstream || !chat {
            let shadow = (may_stop && chat).then(|| Box::new(self.dialect.stream_encoder(self.asked.clone())));
            let raw = framing == self.framing || !chat;
            Output::Same { front: self.dialect, hide_usage: chat && !self.asked.stream_usage, raw, shadow }
        } else {
            Output::Other(Box::new(self.dialect.stream_encoder(self.asked.clone())))
        };
        let decoder = chat.then(|| self.upstream.stream_decoder_with(&self.quirks));
        let framings = if chat { (framing, self.framing) } else { (Framing::Sse, Framing::Sse) };
        Stream::new(framings, decoder, self.names.clone(), output).of_model(&self.model)
    }
}

/// Whether answers of this dialect may hold the cost beside the usage: some clients refuse fields that they do not know.
pub(super) fn tells_cost(front: Dialect) -> bool {
    match front {
        Dialect::OpenAi | Dialect::Responses | Dialect::Completions | Dialect::Anthropic | Dialect::Cohere => true,
        Dialect::Gemini | Dialect::Converse => false,
    }
}

/// Shows usage to the watch; before it the service tier, on which its price depends.
fn shown(usage: Usage, tier: Option<&Str<'_>>, watch: &mut Watch<'_>) -> Usage {
    if let Some(tier) = tier {
        watch(&mut Event::ServiceTier(tier.reborrow()));
    }
    let mut event = Event::Usage(usage);
    watch(&mut event);
    if let Event::Usage(usage) = event { usage } else { usage }
}

/// The service tier of a whole answer, where it says one.
pub(super) fn service_tier<'a>(dialect: Dialect, answer: &Object<'a>) -> Option<Str<'a>> {
    let tier = match dialect {
        Dialect::OpenAi | Dialect::Responses | Dialect::Completions => answer.get("service_tier"),
        Dialect::Anthropic => Object::read(answer.raw("usage")?.as_bytes()).ok()?.get("service_tier"),
        Dialect::Converse => Object::read(answer.raw("serviceTier")?.as_bytes()).ok()?.get("type"),
        Dialect::Gemini | Dialect::Cohere => return None,
    };
    tier.ok().flatten()
}

/// Shows the watch what a whole answer says.
fn retell(response: &chat::Response<'_>, watch: &mut Watch<'_>) {
    let told: Result<(), std::convert::Infallible> = stream::replay(response, &mut |mut event| {
        watch(&mut event);
        Ok(())
    });
    match told {
        Ok(()) => {}
        Err(never) => match never {},
    }
}

/// Whether a body is an error as the SDKs of the dialects read one: an `error` object, or a `message` (Cohere, AWS).
fn is_error(body: &[u8]) -> bool {
    let is_object = |error: &str| Object::read(error.as_bytes()).is_ok();
    Object::read(body).is_ok_and(|body| {
        body.raw("error").is_some_and(is_object) || matches!(body.get::<Str<'_>>("message"), Ok(Some(_)))
    })
}

/// A fault for an answer that has an encoding nobody here can read.
pub fn unreadable_encoding(encoding: &str) -> Fault {
    let encoding: String = encoding.chars().filter(char::is_ascii_graphic).take(32).collect();
    Fault::new(
        FaultKind::Upstream,
        format!("the provider's answer is encoded as `{encoding}`, which was not asked for"),
    )
}
