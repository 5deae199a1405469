//! The request: who asks for what → which targets → the first target's own request.

use super::message::{Answer, Change, Head, Reply};
use super::pending::{Kept, Slot};
use super::plan::Plan;
use super::response::Sent;
use super::settle::{Ending, Settlement};
use super::upstream_head::{self, Particulars};
use super::{Exchange, Service, Topology};
use crate::config::Config;
use crate::config::compiled::Model;
use crate::front::{self, Front};
use attache_core::dialect::Dialect;
use attache_core::fault::{Fault, FaultKind};
use attache_core::translate::{self, Ask, Translated};
use bytes::Bytes;
use std::sync::Arc;

/// How much of a name that nobody has configured is repeated. No configured one is longer.
const MODEL_CHARS_MAX: usize = 300;

/// Nothing has come yet.
#[derive(Debug)]
pub struct Arriving {
    topology: Topology,
    books: Box<Settlement>,
}

impl Arriving {
    pub(super) fn new(service: Arc<Service>, topology: Topology) -> Self {
        Self { topology, books: Settlement::open(service) }
    }

    /// Takes the request's headers: what does the client speak, and can it be served at all?
    pub(super) fn head(self, head: Head) -> (Exchange, Reply) {
        let Self { topology, mut books } = self;
        let config = books.service().config.load_full();
        books.request_id = head.get("x-request-id").unwrap_or_default().to_owned();
        let path = head.get(":path").unwrap_or_default();
        let front = front::of(head.get(":method").unwrap_or_default(), path, head.get("anthropic-version").is_some());
        books.front = front.dialect();
        let dialect = match front {
            Front::Chat(dialect) => dialect,
            Front::Models { dialect, one } => return models(books, dialect, one.as_deref(), &config),
            Front::Nowhere(dialect, fault) => return refuse(books, dialect, &fault),
            Front::Otherwise { dialect, allowed, fault } => {
                // RFC 9110, 15.5.6: whoever answers 405 says what is allowed.
                let headers = vec![("allow".into(), allowed.to_owned())];
                return refuse_with(books, Answer { headers, ..Answer::fault(dialect, &fault) }, &fault);
            }
        };
        // From here on there is a record of it, whatever happens.
        books.model_asked = Some(String::new());
        if let Some(fault) = unfit(&head, &config) {
            return refuse(books, dialect, &fault);
        }
        (Exchange::Asked(Asked { topology, books, config, front: dialect, head }), Reply::unchanged())
    }
}

/// A reason to refuse a request by its headers alone.
fn unfit(head: &Head, config: &Config) -> Option<Fault> {
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
    books: Box<Settlement>,
    config: Arc<Config>,
    front: Dialect,
    head: Head,
}

impl Asked {
    /// Takes the request's body.
    pub(super) fn body(mut self, body: Bytes) -> (Exchange, Reply) {
        match self.sent(body) {
            Ok((answer, kept, change)) => {
                let sent = Sent::new(self.books, answer, kept, self.config.written.limits.body_bytes_max);
                (Exchange::Sent(Box::new(sent)), Reply::Go(change))
            }
            Err(fault) => refuse(self.books, self.front, &fault),
        }
    }

    /// Envoy answered before the body was whole: it was larger than Envoy buffers, or did not come in time. What the
    /// client reads is in its dialect already, by the local replies that `attache envoy` prints.
    pub(super) fn refused_by_envoy(mut self, head: &Head) -> (Exchange, Reply) {
        let status = head.status();
        let mut change = Change::default();
        change.metadata.text("request_id", &self.books.request_id).text("front", self.front.as_str());
        self.books.failed(FaultKind::of_status(status), status);
        (Exchange::Over, Reply::Go(change))
    }

    /// Reads it, plans, and makes the first target's request.
    fn sent(&mut self, body: Bytes) -> Result<(translate::Answer, Option<Kept>, Change), Fault> {
        if let Some(fault) = too_large(body.len() as u64, &self.config) {
            return Err(fault);
        }
        let ask = Ask::read(self.front, &body)?;
        self.books.stream = ask.stream;
        self.books.model_asked = Some(shown(&ask.model));
        let model = self.config.model(&ask.model).ok_or_else(|| no_such_model(&ask.model))?;
        self.books.model = model.name.clone();
        let plan = Plan::new(&model, &mut rand::rng()).ok_or_else(|| no_such_model(&ask.model))?;
        let (plan, made) = first_fit(&ask, plan, &model, self.books.now())?;
        let particulars = Particulars::of(&self.head);
        let mut change = self.routed(&model, &plan, &particulars);
        let Translated { body: translated, losses, answer } = made;
        self.books.losses = losses;
        if let (Topology::Sidecar, Some(target)) = (self.topology, plan.attempt(1)) {
            // In the shared topology the body stays as it is: every attempt makes its own, maybe in another replica.
            upstream_head::address(&mut change, self.front, target, &self.config, &particulars);
            change.set("content-length", translated.as_ref().map_or(body.len(), Vec::len).to_string());
            change.trim(&self.head);
            change.metadata.text("target", &target.provider.cluster);
            change.body = translated;
        }
        let kept = (plan.targets().len() > 1).then(|| self.kept(&body, particulars, model, plan.clone(), &mut change));
        self.books.plan = Some(plan);
        Ok((answer, kept, change))
    }

    /// Keeps what later attempts need; in a sidecar they find it under the exchange's id.
    fn kept(&self, body: &Bytes, particulars: Particulars, model: Arc<Model>, plan: Plan, change: &mut Change) -> Kept {
        let slot = Slot {
            front: self.front,
            body: body.clone(),
            particulars,
            model,
            plan,
            config: self.config.clone(),
            now: self.books.now(),
            under_way: self.books.under_way.clone(),
        };
        match self.topology {
            Topology::Shared => Kept::Own(slot),
            Topology::Sidecar => {
                let registered = self.books.service().pending.register(slot);
                change.metadata.text("exchange", registered.id());
                Kept::Registered(registered)
            }
        }
    }

    /// What Envoy's router needs to follow the plan.
    fn routed(&self, model: &Model, plan: &Plan, particulars: &Particulars) -> Change {
        let mut change = Change { clear_route_cache: true, ..Change::default() };
        // Without Envoy's early removal this is the first place where they can be dropped; nobody here reads them.
        for name in self.head.names().filter(|name| name.starts_with("x-attache-")) {
            change.remove(name.to_owned());
        }
        // By this the router knows a request that was changed for a provider, whatever becomes of the metadata.
        change.set("x-attache-planned", "1");
        let retry = &model.retry;
        if plan.targets().len() > 1 {
            change.set("x-envoy-max-retries", (plan.targets().len() - 1).to_string());
            change.set("x-envoy-retry-on", retry.on.clone());
            if let Some(codes) = retry.status_codes {
                change.set("x-envoy-retriable-status-codes", codes);
            }
        }
        if let Some(timeout) = retry.per_try_timeout {
            change.set("x-envoy-upstream-rq-per-try-timeout-ms", timeout.as_millis().to_string());
        }
        let metadata = &mut change.metadata;
        metadata.text("front", self.front.as_str()).text("model", &*model.name);
        // Egress cleaning takes it off the request: the access log finds it here.
        metadata.text("request_id", &self.books.request_id);
        plan.tell_router(metadata);
        if self.topology == Topology::Shared {
            plan.tell_attempts(metadata);
            particulars.tell(metadata);
        }
        change
    }
}

/// The first target whose dialect can say the request, with the plan from there on.
fn first_fit(ask: &Ask<'_>, plan: Plan, model: &Model, now: u64) -> Result<(Plan, Translated), Fault> {
    let mut refusal = None;
    let mut left = Some(plan);
    while let Some(plan) = left.take() {
        let Some(target) = plan.attempt(1) else { break };
        match ask.translate(target.provider.dialect, &target.upstream, now).and_then(|made| model.judge(made)) {
            Ok(translated) => return Ok((plan, translated)),
            Err(fault) => {
                refusal.get_or_insert(fault);
                left = plan.without_first();
            }
        }
    }
    Err(refusal.unwrap_or_else(|| no_such_model(&ask.model)))
}

fn no_such_model(asked: &str) -> Fault {
    let message = format!("the model `{}` does not exist or you do not have access to it", shown(asked));
    Fault::new(FaultKind::NotFound, message).with_code("model_not_found").with_param("model")
}

/// The name of a model as a client wrote it, for messages and records: it may be as long as a body.
fn shown(asked: &str) -> String {
    asked.chars().take(MODEL_CHARS_MAX).collect()
}

/// Answers with an error instead of going on.
fn refuse(books: Box<Settlement>, front: Dialect, fault: &Fault) -> (Exchange, Reply) {
    refuse_with(books, Answer::fault(front, fault), fault)
}

fn refuse_with(mut books: Box<Settlement>, mut answer: Answer, fault: &Fault) -> (Exchange, Reply) {
    answer.metadata.text("request_id", &books.request_id);
    books.status = answer.status;
    books.fault = Some(fault.kind);
    books.ending = Ending::Answered;
    (Exchange::Over, Reply::Answer(answer))
}

/// Answers with the model list, or with one model.
fn models(mut books: Box<Settlement>, dialect: Dialect, one: Option<&str>, config: &Config) -> (Exchange, Reply) {
    let listed = front::models(dialect, config, one);
    let Some(body) = listed else { return refuse(books, dialect, &no_such_model(one.unwrap_or_default())) };
    books.status = 200;
    books.ending = Ending::Answered;
    let mut answer = Answer { status: 200, body, details: "attache_models".to_owned(), ..Answer::default() };
    answer.metadata.text("request_id", &books.request_id);
    (Exchange::Over, Reply::Answer(answer))
}
