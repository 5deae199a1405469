//! The request: who asks → for what → which targets → is there room → the first target's own request.

mod by_headers;
mod cached;
mod counted;
mod elsewhere;
mod guarded;
mod ready;
mod refused;
mod room;
mod routed;

use super::message::{Answer, Body, Change, Head, Reply};
use super::pending::{Kept, Slot, UsedCredentials};
use super::plan::Plan;
use super::response::Sent;
use super::settle::Settlement;
use super::upstream_head::Asking;
use super::{Exchange, Follow, Service, Topology, attempt};
use crate::callers::{self, Caller};
use crate::config::Config;
use crate::config::compiled::Model;
use crate::credentials::Used;
use crate::front::{self, Front};
use crate::guards::Guard;
use crate::limits::refusal::Denied;
use crate::redaction::{self, Question};
use attache_core::dialect::Dialect;
use attache_core::endpoint::{Endpoint, Operation};
use attache_core::fault::{Fault, FaultKind};
use attache_core::head::WANTS_COST;
use attache_core::translate::{self, Translated};
use bytes::Bytes;
use cached::When;
use ready::{OfBody, Ready};
use refused::{answer, answer_with, models, no_such_model, refuse, refuse_with, shown, turn_away};
use room::Weighed;
use std::sync::Arc;

/// Nothing has come yet.
#[derive(Debug)]
pub struct Arriving {
    topology: Topology,
    follow: Follow,
    books: Box<Settlement>,
}

impl Arriving {
    pub(super) fn new(service: Arc<Service>, topology: Topology, follow: Follow) -> Self {
        Self { topology, follow, books: Settlement::open(service) }
    }

    /// Takes the request's headers: what does the client speak, who is it, and can it be served at all?
    pub(super) async fn head(self, head: Head) -> (Exchange, Reply) {
        let Self { topology, follow, mut books } = self;
        let config = books.service().config.load_full();
        books.request_id = head.get("x-request-id").unwrap_or_default().to_owned();
        let path = head.get(":path").unwrap_or_default();
        let front = front::of(head.get(":method").unwrap_or_default(), path, head.get("anthropic-version").is_some());
        books.front = front.dialect();
        let dialect = front.dialect();
        match &front {
            Front::Nowhere(dialect, fault) => return refuse(books, *dialect, fault),
            Front::Otherwise { dialect, allowed, fault } => {
                // RFC 9110, 15.5.6: whoever answers 405 says what is allowed.
                let headers = vec![("allow".into(), (*allowed).to_owned())];
                let mut answer = Answer::fault(*dialect, fault);
                answer.headers.extend(headers);
                return refuse_with(books, answer, fault);
            }
            Front::Endpoint(_) | Front::Tokenize | Front::Models { .. } => {}
        }
        let service = books.service().clone();
        match service.callers.who(&head, &config, books.started) {
            Ok(caller) => books.caller = Some(caller),
            Err(stranger) => return turn_away(books, dialect, &stranger),
        }
        let (endpoint, tokenize) = match front {
            Front::Models { one, .. } => return models(books, dialect, one.as_deref(), &config),
            Front::Endpoint(endpoint) => (endpoint, false),
            Front::Tokenize | Front::Nowhere(..) | Front::Otherwise { .. } => {
                (Endpoint { operation: Operation::Count, ..Dialect::OpenAi.into() }, true)
            }
        };
        books.front = endpoint.dialect;
        // From here on there is a record of it, whatever happens.
        books.model_asked = Some(String::new());
        if let Some(fault) = unfit(&head, &config, books.caller(), &endpoint) {
            return refuse(books, dialect, &fault);
        }
        books.wants_cost = head.get(WANTS_COST).is_some_and(|wish| !matches!(wish, "" | "0" | "false"));
        let asking = Asking::of(endpoint, &head);
        let asked = Asked { topology, follow, books, config, asking, tokenize, head, cache_field: None };
        if topology == Topology::Hybrid {
            return asked.by_headers().await;
        }
        // It names no model and nobody looks into it: there is nothing to wait for.
        if asked.asking.endpoint.operation == Operation::Other && !asked.is_looked_into() {
            return asked.elsewhere(None).await;
        }
        (Exchange::Asked(Box::new(asked)), Reply::unchanged())
    }
}

/// A reason to refuse a request by its headers alone.
fn unfit(head: &Head, config: &Config, caller: &Caller, endpoint: &Endpoint) -> Option<Fault> {
    if !caller.may_speak(endpoint.dialect) {
        return Some(callers::front_refused(endpoint.dialect));
    }
    if endpoint.operation == Operation::Other {
        return None;
    }
    if head.end {
        return Some(Fault::invalid("the request has no body; expected a JSON object"));
    }
    if let Some(fault) = head.content_length().and_then(|bytes| too_large(bytes, config)) {
        return Some(fault);
    }
    let encoding = head.get("content-encoding").filter(|encoding| !encoding.eq_ignore_ascii_case("identity"));
    encoding.map(|_| Fault::invalid("the request body is compressed; send it without content-encoding"))
}

fn too_large(bytes: u64, config: &Config) -> Option<Fault> {
    let limit = config.written.limits.body_bytes_max;
    let message = format!("the request body is larger than {limit} bytes");
    (bytes > limit.into()).then(|| Fault::new(FaultKind::TooLarge, message))
}

/// The headers are known, the body is not.
#[derive(Debug)]
pub struct Asked {
    topology: Topology,
    follow: Follow,
    books: Box<Settlement>,
    config: Arc<Config>,
    /// What is asked for, by the head.
    asking: Asking,
    /// The tokens are asked for in vLLM's words.
    tokenize: bool,
    head: Head,
    /// What the body said to the cache.
    cache_field: Option<String>,
}

/// What became of a request.
#[allow(clippy::large_enum_variant, reason = "it lives from one function's end to the next line")]
enum Outcome {
    /// It goes on to a provider.
    Sent(translate::Answer, Option<Kept>, Used, Change),
    /// It is answered here.
    Answered(Vec<u8>),
    /// A guard answers in a model's place, or the cache.
    Preset(Answer),
}

/// Why a request goes no further.
enum Refusal {
    /// It cannot be served.
    Fault(Fault),
    /// It would be served at another time.
    Denied(Box<Denied>),
    /// A guard stops it.
    Guarded(Arc<Guard>),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Asked {
    /// Takes the request's body.
    pub(super) async fn body(mut self, body: Bytes) -> (Exchange, Reply) {
        if self.asking.endpoint.operation == Operation::Other {
            return self.elsewhere(Some(body)).await;
        }
        match self.sent(body).await {
            Ok(Outcome::Sent(answer, kept, used, change)) => {
                let sent = Sent::new(self.config, self.books, answer, kept, used);
                (Exchange::Sent(Box::new(sent)), Reply::Go(change))
            }
            Ok(Outcome::Answered(body)) => answer(self.books, body, "attache_count"),
            Ok(Outcome::Preset(answer)) => answer_with(self.books, answer),
            Err(refusal) => self.refused(refusal),
        }
    }

    /// Answers with the reason why it goes no further.
    fn refused(mut self, refusal: Refusal) -> (Exchange, Reply) {
        let dialect = self.asking.endpoint.errors();
        match refusal {
            Refusal::Fault(fault) => refuse(self.books, dialect, &fault),
            Refusal::Denied(denied) => {
                self.books.refused_by = Some(denied.rule().name.clone());
                let fault = denied.fault();
                let mut answer = Answer::fault(dialect, &fault);
                answer.headers.extend(denied.headers());
                refuse_with(self.books, answer, &fault)
            }
            Refusal::Guarded(guard) => {
                let (answer, fault) = guarded::refusal(&guard, dialect);
                refuse_with(self.books, answer, &fault)
            }
        }
    }

    /// Envoy answered before the body was whole: it was larger than Envoy buffers, or did not come in time. What the
    /// client reads is in its dialect already, by the local replies that `attache envoy` prints.
    pub(super) fn refused_by_envoy(mut self, head: &Head) -> (Exchange, Reply) {
        let status = head.status();
        let mut change = Change::default();
        change.metadata.text("request_id", &self.books.request_id).text("front", self.asking.front().as_str());
        self.books.failed(FaultKind::of_status(status), status);
        (Exchange::Over, Reply::Go(change))
    }

    /// Reads it, plans, holds, and makes the first target's request.
    async fn sent(&mut self, body: Bytes) -> Result<Outcome, Refusal> {
        if let Some(fault) = too_large(body.len() as u64, &self.config) {
            return Err(fault.into());
        }
        let stripped = self.without_cache_field(&body);
        let body = stripped.clone().unwrap_or(body);
        let ask = self.asking.read(&body)?;
        self.books.stream = ask.stream;
        self.books.model_asked = Some(shown(&ask.model));
        let model = self.model(&ask.model)?;
        let model = match self.guarded(&ask, &body, model)? {
            Ok(model) => model,
            Err(answer) => return Ok(Outcome::Preset(answer)),
        };
        let masked = self.redacted(ask.endpoint(), &ask.model, Body::Whole(&body)).await?;
        let read = masked.as_deref().unwrap_or(&body);
        let model = match self.others_asked(&ask, &body, read, model).await? {
            Ok(model) => model,
            Err(answer) => return Ok(Outcome::Preset(answer)),
        };
        // From here on nobody knows what the client's body was.
        let (ask, body) = match &masked {
            Some(masked) => (self.asking.read(masked)?, masked.clone()),
            None => (ask, body.clone()),
        };
        if let Some(answer) = self.cached(&ask, &body, &model, When::BeforeHold).await? {
            return Ok(Outcome::Preset(answer));
        }
        let (model, plan, cap) = if ask.endpoint().operation == Operation::Count {
            match self.counted_upstream(ask.endpoint(), &model) {
                Some(plan) => (model, plan, None),
                None => return self.counted_here(&ask, &body, &model),
            }
        } else {
            self.hold(Weighed::Whole(&ask, &body), model).await?
        };
        if let Some(answer) = self.cached(&ask, &body, &model, When::Held).await? {
            return Ok(Outcome::Preset(answer));
        }
        let make = OfBody { ask: ask.capped(cap), body: &body };
        let Ready { plan, made, head, used } = self.ready(make, plan, &model).await?;
        let plan = plan.followed(&self.follow);
        let mut change = self.routed(&model, &plan);
        if let (Topology::Shared, Some(cap)) = (self.topology, cap) {
            change.metadata.text(attempt::OUTPUT_CAP, cap.to_string());
        }
        let Translated { body: translated, losses, answer, .. } = made;
        self.books.losses = losses;
        if let (Topology::Sidecar, Some(target)) = (self.topology, plan.attempt(1)) {
            // In the shared topology the body stays as it is: every attempt makes its own, maybe in another replica.
            change.set.extend(head.set);
            change.remove.extend(head.remove);
            change.set("content-length", translated.as_ref().map_or(body.len(), Vec::len).to_string());
            change.trim(&self.head);
            change.metadata.text("target", &target.provider.cluster);
            change.body = translated;
        }
        if let (Some(changed), None) = (masked.or(stripped), &change.body) {
            change.set("content-length", changed.len().to_string());
            change.body = Some(changed.into());
        }
        let kept = (plan.targets().len() > 1).then(|| self.kept(&body, model, plan.clone(), cap, used, &mut change));
        self.books.plan = Some(plan);
        Ok(Outcome::Sent(answer, kept, used, change))
    }

    /// The model that is asked for, where the caller may know of it.
    fn model(&self, asked: &str) -> Result<Arc<Model>, Fault> {
        let visible = Some(asked).filter(|name| self.books.caller().may_see(name));
        visible.and_then(|name| self.config.model(name)).ok_or_else(|| no_such_model(asked))
    }

    /// Takes out what must not leave; the new body, where something changed.
    async fn redacted(&mut self, endpoint: &Endpoint, model: &str, body: Body<'_>) -> Result<Option<Bytes>, Fault> {
        let front = self.asking.front();
        let question = Question { endpoint, model, front, head: &self.head, body };
        redaction::request(&mut self.books, &self.config, &question).await
    }

    /// Keeps what later attempts need; in a sidecar they find it under the exchange's id.
    fn kept(
        &self,
        body: &Bytes,
        model: Arc<Model>,
        plan: Plan,
        output_cap: Option<u64>,
        used: Used,
        change: &mut Change,
    ) -> Kept {
        let slot = Slot {
            output_cap,
            asking: self.asking.clone(),
            body: body.clone(),
            model,
            plan,
            config: self.config.clone(),
            now: self.books.now(),
            under_way: self.books.under_way.clone(),
            used: UsedCredentials::first(used),
        };
        match self.topology {
            Topology::Shared | Topology::Hybrid => Kept::Own(Box::new(slot)),
            Topology::Sidecar => {
                let registered = self.books.service().pending.register(slot);
                change.metadata.text("exchange", registered.id());
                Kept::Registered(registered)
            }
        }
    }
}
