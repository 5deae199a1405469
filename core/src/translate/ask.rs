//! The request: looked at once, then made for one upstream after the other.

use super::answer::Answer;
use super::sought::Sought;
use crate::chat;
use crate::dialect::{Asked, Dialect, Upstream, envelope};
use crate::edit::{Edit, Object, quoted};
use crate::endpoint::{Endpoint, Framing, Hosting, Operation};
use crate::fault::Fault;
use crate::form::Form;
use crate::loss::Losses;
use crate::names::Names;
use crate::remote::{self, Fetched, Wanted};
use crate::text::Str;
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

/// What a client asks, looked at once: all that is needed to decide where it goes.
#[derive(Debug)]
pub struct Ask<'a> {
    pub(super) endpoint: Endpoint,
    /// The body, if it is JSON; empty otherwise.
    pub(super) object: Object<'a>,
    /// The body, if it is a form.
    form: Option<Form<'a>>,
    pub(super) body: &'a [u8],
    /// The model that the client asked for, as written; empty where the API does without ([`Operation::Pass`]).
    pub model: Str<'a>,
    /// The client wants a stream.
    pub stream: bool,
    stream_usage: bool,
    /// The features in beta that the client's headers ask for (`anthropic-beta`): some envelopes carry them in the body.
    betas: Option<String>,
    /// What it means, once somebody wants to know.
    meaning: OnceLock<Result<chat::Request<'a>, Fault>>,
    /// Most tokens of answer that it may ask for.
    output_cap: Option<u64>,
}

impl<'a> Ask<'a> {
    /// Looks at the body of a client's request to an endpoint.
    ///
    /// # Errors
    /// A [`Fault`] for a body that is not a JSON object or whose model is missing.
    pub fn read(endpoint: impl Into<Endpoint>, body: &'a [u8]) -> Result<Self, Fault> {
        let object = Object::read(body).map_err(Fault::invalid)?;
        Self::of(invoked(endpoint.into(), &object), object, None, body)
    }

    /// Looks at the body of a client's request to an endpoint that takes forms.
    ///
    /// # Errors
    /// A [`Fault`] for a body that is no form.
    pub fn read_form(endpoint: impl Into<Endpoint>, content_type: &str, body: &'a [u8]) -> Result<Self, Fault> {
        let object = Object::read(b"{}").map_err(Fault::invalid)?;
        Self::of(endpoint.into(), object, Some(Form::read(content_type, body)?), body)
    }

    fn of(endpoint: Endpoint, object: Object<'a>, form: Option<Form<'a>>, body: &'a [u8]) -> Result<Self, Fault> {
        let model = match (&endpoint.model, &form) {
            (Some(model), _) => Some(Str::from(model.clone())),
            (None, Some(form)) => form.field("model").map(Str::from),
            (None, None) => object.get("model").map_err(|error| Fault::invalid(error).with_param("model"))?,
        };
        let model = model.filter(|model: &Str<'a>| !model.is_empty());
        let nameless = endpoint.operation == Operation::Pass;
        let model = model
            .or_else(|| nameless.then(Str::default))
            .ok_or_else(|| Fault::invalid("model: the request names no model").with_param("model"))?;
        let stream = match (endpoint.stream, &form) {
            (Some(stream), _) => stream,
            (None, Some(form)) => form.field("stream") == Some("true"),
            (None, None) => {
                let stream = object.get("stream").map_err(|error| Fault::invalid(error).with_param("stream"))?;
                stream.unwrap_or(false)
            }
        };
        let stream_usage = match (endpoint.dialect, object.raw("stream_options")) {
            (Dialect::OpenAi | Dialect::Completions, Some(options)) => includes_usage(options),
            (Dialect::OpenAi | Dialect::Completions, None) => false,
            (Dialect::Responses | Dialect::Anthropic | Dialect::Gemini | Dialect::Converse | Dialect::Cohere, _) => {
                true
            }
        };
        let (betas, meaning, output_cap) = (None, OnceLock::new(), None);
        Ok(Self { endpoint, object, form, body, model, stream, stream_usage, betas, meaning, output_cap })
    }

    /// The same with the features in beta that the client's headers ask for.
    pub fn with_betas(mut self, betas: Option<&str>) -> Self {
        self.betas = betas.map(str::to_owned);
        self
    }

    /// The same with at most this many tokens of answer, whatever the client allows.
    pub fn capped(mut self, output_cap: Option<u64>) -> Self {
        self.output_cap = output_cap;
        // What was found out already is not found out again: a body may be large.
        if let (Some(cap), Some(Ok(request))) = (output_cap, self.meaning.get_mut()) {
            cap_output(request, cap);
        }
        self
    }

    /// Puts in media that were fetched for it, where an upstream's dialect takes bytes only
    /// ([`Ask::wants_media`]).
    pub fn put_media(&mut self, fetched: &[Fetched]) {
        if let Some(Ok(request)) = self.meaning.get_mut() {
            remote::put(request, fetched);
        }
    }

    /// The media that an upstream of this dialect takes as bytes only, and that the request names by URL.
    pub fn wants_media(&self, dialect: Dialect) -> Vec<Wanted> {
        let chat = self.endpoint.operation == Operation::Chat && dialect != self.endpoint.dialect;
        let meaning = if chat { self.meaning().ok() } else { None };
        meaning.map(|request| remote::wanted(request, dialect)).unwrap_or_default()
    }

    /// What is asked for, and how.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// One of its fields that is a text, where it has that.
    ///
    /// # Errors
    /// A [`Fault`] for a field that is something else.
    pub fn text(&self, field: &str) -> Result<Option<Str<'a>>, Fault> {
        self.object.get(field).map_err(|error| Fault::invalid(error).with_param(field))
    }

    /// Whether the client reads the usage where its stream tells it.
    pub fn shows_usage(&self) -> bool {
        self.stream_usage
    }

    /// The same request with the wish that a stream tells its usage; `None` where that is so, or nobody streams.
    pub fn asking_for_usage(&self) -> Option<Vec<u8>> {
        let asks = matches!(self.endpoint.dialect, Dialect::OpenAi | Dialect::Completions)
            && self.endpoint.operation == Operation::Chat
            && self.stream
            && !self.stream_usage;
        asks.then(|| {
            let mut edit = self.object.edit();
            edit.set("stream_options", &with_usage(self.object.raw("stream_options")));
            edit.write()
        })
    }

    /// The same request with a limit for the answer, for a dialect that demands one; `None` where there is one already.
    pub fn with_output_limit(&self) -> Option<Vec<u8>> {
        let field = "max_tokens";
        if self.endpoint.dialect != Dialect::Anthropic || self.object.raw(field).is_some() {
            return None;
        }
        let mut edit = self.object.edit();
        edit.set(field, "1");
        Some(edit.write())
    }

    /// What a chat request means. It is found out once.
    ///
    /// # Errors
    /// As [`Dialect::decode_request`]; for what is no chat request, a fault that says so.
    pub fn meaning(&self) -> Result<&chat::Request<'a>, &Fault> {
        let meaning = self.meaning.get_or_init(|| {
            let mut request = self.endpoint.dialect.decode_request(self.chat_body()?)?;
            if self.endpoint.model.is_some() {
                request.model = self.model.clone();
            }
            request.stream = self.stream;
            if let Some(cap) = self.output_cap {
                cap_output(&mut request, cap);
            }
            Ok(request)
        });
        meaning.as_ref()
    }

    /// The chat request in the body: some dialects wrap it when they count its tokens.
    fn chat_body(&self) -> Result<&'a [u8], Fault> {
        let within = |object: &Object<'a>, field: &str| object.raw(field);
        match (self.endpoint.operation, self.endpoint.dialect) {
            (Operation::Count, Dialect::Gemini) => {
                Ok(within(&self.object, "generateContentRequest").map_or(self.body, str::as_bytes))
            }
            (Operation::Count, Dialect::Converse) => {
                let input = within(&self.object, "input").and_then(|input| Object::read(input.as_bytes()).ok());
                let converse = input.and_then(|input| within(&input, "converse"));
                converse.map(str::as_bytes).ok_or_else(|| {
                    let message = "input.converse: only the tokens of a Converse request can be counted here";
                    Fault::invalid(message).with_param("input")
                })
            }
            (Operation::Chat | Operation::Count, _) => Ok(self.body),
            (Operation::Embed | Operation::Rerank | Operation::Invoke | Operation::Pass | Operation::Other, _) => {
                Err(Fault::invalid("this is no chat request"))
            }
        }
    }

    /// Makes the request for one upstream. `now` is unix seconds.
    ///
    /// # Errors
    /// A [`Fault`] for a request that cannot be read, or makes no sense in the upstream's dialect.
    pub fn translate(&self, dialect: Dialect, upstream: &Upstream, now: u64) -> Result<Translated, Fault> {
        let asked = self.asked(now);
        let answer =
            Answer::new(&self.endpoint, dialect, upstream.hosting, self.stream, asked).with_model(&upstream.model);
        let answer = answer.with_quirks(upstream.quirks.clone());
        let path = self.endpoint.upstream_path(dialect, upstream.hosting, &upstream.model, self.stream);
        let path = path.ok_or_else(|| unserved(&self.endpoint, dialect))?;
        let losses = Losses::default();
        match self.endpoint.operation {
            Operation::Chat | Operation::Count if dialect != self.endpoint.dialect => {
                self.chat(dialect, upstream, path, answer)
            }
            Operation::Chat | Operation::Count => {
                let (mut losses, body) = (losses, self.edited(upstream));
                let conformed = dialect.conform(body.as_deref().unwrap_or(self.body), upstream, &mut losses);
                Ok(Translated { path, body: conformed.or(body), losses, answer })
            }
            Operation::Embed => self.embed(dialect, upstream, path, answer),
            Operation::Rerank => self.rerank(dialect, upstream, path, answer),
            Operation::Invoke | Operation::Pass | Operation::Other => {
                Ok(Translated { path, body: self.renamed(upstream)?, losses, answer })
            }
        }
    }

    /// The way back for an answer that no provider gives. `now` is unix seconds.
    pub fn answered_here(&self, now: u64) -> Answer {
        let Endpoint { dialect, hosting, .. } = self.endpoint;
        Answer::new(&self.endpoint, dialect, hosting, self.stream, self.asked(now))
    }

    /// What the answer must remember of the request.
    fn asked(&self, now: u64) -> Asked {
        let legacy_functions = self.object.raw("functions").is_some() && self.object.raw("tools").is_none();
        let echo = self.endpoint.dialect.echo(&self.object).filter(|_| self.endpoint.operation == Operation::Chat);
        Asked { stream_usage: self.stream_usage, now, legacy_functions, echo }
    }

    /// A chat request in another dialect.
    fn chat(
        &self,
        dialect: Dialect,
        upstream: &Upstream,
        path: Cow<'static, str>,
        answer: Answer,
    ) -> Result<Translated, Fault> {
        let request = self.meaning().map_err(Fault::clone)?;
        let names = Names::for_dialect(request, dialect);
        let encoded = match &names {
            None => dialect.encode_request(request, upstream)?,
            Some(names) => {
                let mut request = request.clone();
                names.rename(&mut request);
                dialect.encode_request(&request, upstream)?
            }
        };
        let mut losses = request.losses.clone();
        losses.extend(encoded.losses);
        let answer = answer.with_names(names.map(Arc::new));
        let body = envelope::packed(encoded.body, dialect, upstream.hosting, None);
        Ok(Translated { path, body: Some(body), losses, answer })
    }

    /// The client's own bytes with the named edits; `None` when there are none to make.
    fn edited(&self, upstream: &Upstream) -> Option<Vec<u8>> {
        let dialect = self.endpoint.dialect;
        let mut edit = self.object.edit();
        match dialect {
            Dialect::Anthropic => {
                let (from, to) = (self.endpoint.hosting, upstream.hosting);
                envelope::moved(&mut edit, &self.object, from, to, &upstream.model, self.stream, self.betas.as_deref());
            }
            // Not only where the name read is another one: a second `model` in the body must not reach the provider.
            Dialect::OpenAi | Dialect::Responses | Dialect::Completions | Dialect::Cohere => {
                edit.set_str("model", &upstream.model);
            }
            Dialect::Gemini | Dialect::Converse => {}
        }
        let streams_usage = matches!(dialect, Dialect::OpenAi | Dialect::Completions);
        if streams_usage && self.stream && !self.stream_usage {
            edit.set("stream_options", &with_usage(self.object.raw("stream_options")));
        }
        if let Some(cap) = self.output_cap {
            self.cap(&mut edit, upstream, cap);
        }
        (!edit.is_empty()).then(|| edit.write())
    }

    /// Limits the tokens of the answer in the client's own body.
    fn cap(&self, edit: &mut Edit<'_, 'a>, upstream: &Upstream, cap: u64) {
        let dialect = self.endpoint.dialect;
        let own = dialect.output_field(upstream);
        if let Some((outer, inner)) = own.split_once('.') {
            return self.cap_within(edit, (outer, inner), cap);
        }
        let names = dialect.output_fields();
        let written = || names.iter().filter_map(|name| self.object.raw(name));
        let most = written().find_map(Sought::read).map_or(cap, |wanted| wanted.capped(cap)).to_string();
        // All that are there, since nobody knows which of two the provider reads. Old servers ignore the new name; the
        // new ones take the old name, but not both.
        let alone = written().next().is_none() || own == "max_tokens";
        for name in names.iter().filter(|name| self.object.raw(name).is_some() || (**name == own && alone)) {
            edit.set(name, &most);
        }
    }

    /// The same where the limit is one of several settings: in each spelling that is there, since nobody knows which of two the
    /// provider reads; in the provider's own where there is none.
    fn cap_within(&self, edit: &mut Edit<'_, 'a>, own: (&str, &str), cap: u64) {
        let spellings = || self.endpoint.dialect.output_fields().iter().filter_map(|field| field.split_once('.'));
        let mut outers: Vec<&str> = spellings().map(|(outer, _)| outer).collect();
        outers.dedup();
        let is_object = |outer: &&str| self.object.raw(outer).is_some_and(|settings| settings.trim().starts_with('{'));
        outers.retain(is_object);
        if outers.is_empty() {
            let (outer, inner) = own;
            edit.set(outer, &format!("{{{}:{cap}}}", quoted(inner)));
        }
        for outer in outers {
            let Some(Ok(settings)) = self.object.raw(outer).map(|settings| Object::read(settings.as_bytes())) else {
                continue;
            };
            let mut edited = settings.edit();
            let mut inners: Vec<&str> = spellings().filter(|(of, _)| *of == outer).map(|(_, inner)| inner).collect();
            if inners.iter().any(|inner| settings.raw(inner).is_some()) {
                inners.retain(|inner| settings.raw(inner).is_some());
            } else {
                inners.truncate(1);
            }
            for inner in inners {
                let most = settings.raw(inner).and_then(Sought::read).map_or(cap, |wanted| wanted.capped(cap));
                edited.set(inner, &most.to_string());
            }
            if let Ok(settings) = String::from_utf8(edited.write()) {
                edit.set(outer, &settings);
            }
        }
    }

    /// The client's own bytes with the provider's name for the model, where the body names one.
    pub(super) fn renamed(&self, upstream: &Upstream) -> Result<Option<Vec<u8>>, Fault> {
        if let Some(form) = &self.form {
            return form.with_field("model", &upstream.model).map(Some);
        }
        let mut edit = self.object.edit();
        if self.object.raw("model").is_some() {
            edit.set_str("model", &upstream.model);
        }
        Ok((!edit.is_empty()).then(|| edit.write()))
    }
}

/// Bedrock's InvokeModel takes whatever the model takes: what is asked for shows in the body.
fn invoked(endpoint: Endpoint, object: &Object<'_>) -> Endpoint {
    if endpoint.operation != Operation::Invoke {
        return endpoint;
    }
    let has = |field: &str| object.raw(field).is_some();
    if has("anthropic_version") && has("messages") {
        let framing = Framing::of_upstream(Dialect::Anthropic, Hosting::Bedrock);
        return Endpoint { dialect: Dialect::Anthropic, operation: Operation::Chat, framing, ..endpoint };
    }
    // Cohere's models take texts, images or inputs of both, and say what for.
    if has("inputText") || has("input_type") {
        return Endpoint { operation: Operation::Embed, ..endpoint };
    }
    endpoint
}

fn cap_output(request: &mut chat::Request<'_>, cap: u64) {
    request.max_tokens = Some(request.max_tokens.map_or(cap, |wanted| wanted.min(cap)));
}

/// What is asked for exists in the client's dialect only.
fn unserved(endpoint: &Endpoint, dialect: Dialect) -> Fault {
    let (what, upstream) = (endpoint.operation.as_str(), dialect.as_str());
    let message =
        format!("the model's provider speaks the dialect `{upstream}`, which has no {what}; ask for another model");
    Fault::invalid(message).with_code("unsupported_endpoint")
}

/// Whether OpenAI's `stream_options` ask for the usage.
fn includes_usage(options: &str) -> bool {
    Object::read(options.as_bytes())
        .ok()
        .and_then(|options| options.get("include_usage").ok().flatten())
        .unwrap_or(false)
}

/// OpenAI's `stream_options` with the usage asked for, and everything else in it as it was.
fn with_usage(options: Option<&str>) -> String {
    let edited = options.and_then(|options| {
        let options = Object::read(options.as_bytes()).ok()?;
        let mut edit = options.edit();
        edit.set("include_usage", "true");
        String::from_utf8(edit.write()).ok()
    });
    edited.unwrap_or_else(|| r#"{"include_usage":true}"#.to_owned())
}

/// A request, ready for one upstream.
#[derive(Debug)]
pub struct Translated {
    /// Where it goes, below the provider's base URL; escaped, and with what the path itself asks for in its query.
    pub path: Cow<'static, str>,
    /// The body; `None` when the client's own bytes are right as they are.
    pub body: Option<Vec<u8>>,
    /// What it could not say.
    pub losses: Losses,
    /// How to bring the answer back.
    pub answer: Answer,
}
