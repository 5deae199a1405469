//! The request: who asks → for what → which targets → is there room → the first target's own request.

mod cached;
mod elsewhere;
mod guarded;

use super::message::{Answer, Body, Change, Head, Reply};
use super::pending::{Kept, Slot, UsedCredentials};
use super::plan::Plan;
use super::response::Sent;
use super::settle::{Ending, Prompt, Settlement};
use super::upstream_head::{self, Asking};
use super::{Exchange, Follow, Service, Topology, attempt};
use crate::cache::controls;
use crate::callers::{self, Caller, Stranger};
use crate::config::Config;
use crate::config::compiled::{Model, Target};
use crate::counting::{self, Counting};
use crate::credentials::Used;
use crate::fetch;
use crate::front::{self, Front};
use crate::guards::Guard;
use crate::limits::claims::{self, Claims, Expected};
use crate::limits::held::Held;
use crate::limits::refusal::Denied;
use crate::limits::rule::Facts;
use crate::redaction::{self, Question};
use crate::store::Unavailable;
use attache_core::dialect::Dialect;
use attache_core::endpoint::{Endpoint, Operation};
use attache_core::fault::{Fault, FaultKind};
use attache_core::head::WANTS_COST;
use attache_core::translate::{self, Ask, Translated};
use bytes::Bytes;
use cached::When;
use serde_json::json;
use std::sync::Arc;

/// How much of a name that nobody has configured is repeated. No configured one is longer.
const MODEL_CHARS_MAX: usize = 300;

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
        let caller = self.books.caller();
        let visible = Some(&*ask.model).filter(|name| caller.may_see(name));
        let model = visible.and_then(|name| self.config.model(name)).ok_or_else(|| no_such_model(&ask.model))?;
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
            match self.counted_upstream(&ask, &model) {
                Some(plan) => (model, plan, None),
                None => return self.counted_here(&ask, &body, &model),
            }
        } else {
            self.hold(&ask, &body, model).await?
        };
        if let Some(answer) = self.cached(&ask, &body, &model, When::Held).await? {
            return Ok(Outcome::Preset(answer));
        }
        let mut ask = ask.capped(cap);
        let Ready { plan, made, head, used } = self.ready(&mut ask, &body, plan, &model).await?;
        let plan = plan.followed(self.follow);
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

    /// Takes out what must not leave; the new body, where something changed.
    async fn redacted(&mut self, endpoint: &Endpoint, model: &str, body: Body<'_>) -> Result<Option<Bytes>, Fault> {
        let front = self.asking.front();
        let question = Question { endpoint, model, front, head: &self.head, body };
        redaction::request(&mut self.books, &self.config, &question).await
    }

    /// The first target that can be asked now, with the plan from there on: its dialect can say the request, and its
    /// credentials can be had.
    async fn ready(&self, ask: &mut Ask<'_>, body: &[u8], plan: Plan, model: &Model) -> Result<Ready, Fault> {
        let mut refusal = None;
        let mut left = Some(plan);
        while let Some(plan) = left.take() {
            let Some(target) = plan.attempt(1).cloned() else { break };
            match self.made(ask, body, &target, model).await {
                Ok((made, head, used)) => {
                    // A later attempt whose credentials cannot be had would end the exchange: Envoy tries no other one then.
                    let plan = plan.clone().only(|target| !target.provider.credentials.are_away()).unwrap_or(plan);
                    return Ok(Ready { plan, made, head, used });
                }
                Err(fault) => {
                    refusal.get_or_insert(fault);
                    left = plan.without_first();
                }
            }
        }
        Err(refusal.unwrap_or_else(|| no_such_model(&ask.model)))
    }

    /// The request for one target. In the shared topology only the way back from it counts: the attempt makes its own.
    async fn made(
        &self,
        ask: &mut Ask<'_>,
        body: &[u8],
        target: &Target,
        model: &Model,
    ) -> Result<(Translated, Change, Used), Fault> {
        let dialect = target.provider.dialect_for(ask.endpoint().dialect);
        let (rules, service) = (model.fetch_media.as_ref(), self.books.service());
        match self.topology {
            Topology::Sidecar => fetch::complete(ask, dialect, rules, service.fetcher.as_ref()).await?,
            Topology::Shared => fetch::promise(ask, dialect, rules),
        }
        let made = model.judge(ask.translate(dialect, &target.upstream, self.books.now())?)?;
        let mut head = Change::default();
        let signed = match self.topology {
            // The attempt stage signs; what it cannot get it is not asked for.
            Topology::Shared => target.provider.credentials.ready().await.map(|()| Used::Nothing),
            Topology::Sidecar => {
                upstream_head::address(&mut head, target, &self.config, &self.asking, &made.path);
                let body = Some(made.body.as_deref().unwrap_or(body));
                upstream_head::sign(&mut head, target, "POST", body).await
            }
        };
        let used = signed.map_err(|unavailable| {
            tracing::warn!(request_id = self.books.request_id, problem = %unavailable, "a provider is passed over");
            unavailable.fault()
        })?;
        Ok((made, head, used))
    }

    /// Plans with a model and holds what the exchange may use: with the model that is asked for, or with the one that a
    /// used-up budget names instead. The model, its plan, and the most tokens of answer that may be asked for.
    async fn hold(&mut self, ask: &Ask<'_>, body: &[u8], model: Arc<Model>) -> Result<Planned, Refusal> {
        let mut plan = self.reachable(&model).ok_or_else(|| no_such_model(&ask.model))?;
        let mut model = model;
        // Rules know a model by the name that it is asked for by; metrics know an exposed one by its provider only.
        let mut named = ask.model.to_string();
        let mut used_up: Option<Arc<str>> = None;
        loop {
            self.books.model = model.name.clone();
            let denied = match self.room(Some((ask, body)), plan, &named, used_up.as_deref()).await? {
                Ok((plan, cap)) => return Ok((model, plan, cap)),
                Err(denied) => denied,
            };
            let other = denied.rule().budget.as_ref().and_then(|budget| budget.instead.as_deref());
            let other = other.filter(|_| used_up.is_none()).and_then(|other| self.config.model(other));
            // A model that this caller's providers do not serve is no way out.
            let other = other.and_then(|other| Some((self.reachable(&other)?, other)));
            let decisions = &self.books.service().metrics.limit_decisions;
            let decided = |decision| decisions.with_label_values(&[&*denied.rule().name, decision]).inc();
            let Some(other) = other else {
                decided("denied");
                return Err(Refusal::Denied(Box::new(denied)));
            };
            decided("instead");
            used_up = Some(denied.rule().name.clone());
            (plan, model) = other;
            named = model.name.to_string();
        }
    }

    /// Holds what an exchange with the model of this name may use under this plan, less the providers that have no room
    /// themselves. `ask`: what is asked, with its bytes, where somebody here looks into it. `used_up`: the budget because of which this model serves; it counts what is used, and lets it pass.
    async fn room(
        &mut self,
        ask: Option<(&Ask<'_>, &[u8])>,
        plan: Plan,
        named: &str,
        used_up: Option<&str>,
    ) -> Result<Result<(Plan, Option<u64>), Denied>, Fault> {
        let service = self.books.service().clone();
        let config = self.config.clone();
        let caller = self.books.caller().clone();
        let facts = Facts { caller: &caller, model: named, front: self.asking.front(), head: &self.head };
        let rules = config.rules.of(&facts);
        let mut plan = claims::with_known_price(plan, &rules, &facts).map_err(|(budget, fault)| {
            self.books.refused_by = Some(budget);
            fault
        })?;
        let Some(target) = plan.attempt(1).cloned() else { return Err(no_such_model(named)) };
        let (expected, cap) = match ask {
            None => {
                self.books.prompt = Some(Prompt { tokens: 0, estimated: None });
                (Expected::default(), None)
            }
            Some((_, body)) if rules.is_empty() => {
                self.books.prompt = Some(Prompt { tokens: counting::rough(body), estimated: None });
                (Expected::default(), None)
            }
            Some((ask, body)) => {
                let counting = Counting::best(&target, &service.calibration, body.len());
                let prompt = counting::prompt(ask, body, &counting, &target.upstream.model);
                let estimated = counting.ratio().map(|ratio| (target.clone(), ratio));
                self.books.prompt = Some(Prompt { tokens: prompt.tokens, estimated });
                claims::expected(ask, prompt, &rules, &facts, &plan, &config)
            }
        };
        loop {
            let claims = Claims::of(&rules, &facts, &plan, expected, &config.prices).passing(used_up);
            if claims.is_empty() {
                return Ok(Ok((plan, cap)));
            }
            let denied = match Held::new(&service.store, claims).await {
                Err(Unavailable) => {
                    service.metrics.limit_decisions.with_label_values(&["", "unavailable"]).inc();
                    return Err(store_away());
                }
                Ok(Ok(held)) => {
                    self.books.held = Some(held);
                    return Ok(Ok((plan, cap)));
                }
                Ok(Err(denied)) => denied,
            };
            // A provider that has no room itself is passed over.
            let Some(full) = denied.meaning.provider.clone() else { return Ok(Err(denied)) };
            let Some(others) = plan.only(|target| target.provider.name != full) else { return Ok(Err(denied)) };
            service.metrics.limit_decisions.with_label_values(&[&*denied.rule().name, "passed_over"]).inc();
            plan = others;
        }
    }

    /// The plan of a request that only counts: the targets whose provider counts by itself, if the first is one of them.
    fn counted_upstream(&mut self, ask: &Ask<'_>, model: &Arc<Model>) -> Option<Plan> {
        self.books.model = model.name.clone();
        let endpoint = ask.endpoint();
        let counts = |target: &Target| {
            let path = endpoint.upstream_path(endpoint.dialect, target.upstream.hosting, &target.upstream.model, false);
            !self.tokenize && target.provider.speaks.contains(&endpoint.dialect) && path.is_some()
        };
        let plan = self.reachable(model)?;
        plan.attempt(1).is_some_and(|target| counts(target)).then(|| plan.only(counts)).flatten()
    }

    /// Answers how many tokens a prompt has by our own count.
    fn counted_here(&self, ask: &Ask<'_>, body: &Bytes, model: &Model) -> Result<Outcome, Refusal> {
        let plan = self.reachable(model);
        let target = plan.as_ref().and_then(|plan| plan.attempt(1)).ok_or_else(|| no_such_model(&ask.model))?;
        let counting = Counting::best(target, &self.books.service().calibration, body.len());
        if let Some(text) = if self.tokenize { ask.text("prompt")? } else { None } {
            return Ok(Outcome::Answered(counting::tokenized(&text, &counting)));
        }
        // Who only counts need not say how long the answer may be, and a dialect may demand that everywhere else.
        let complete = ask.with_output_limit();
        let ask = self.asking.read(complete.as_deref().unwrap_or(body))?;
        // A request that nobody understands has no tokens that anybody could count.
        ask.meaning().map_err(Fault::clone)?;
        let count = counting::prompt(&ask, body, &counting, &target.upstream.model).tokens;
        let answer = match self.asking.front() {
            _ if self.tokenize => json!({ "count": count, "max_model_len": null, "tokens": [] }),
            Dialect::Gemini => json!({ "totalTokens": count }),
            Dialect::Converse => json!({ "inputTokens": count }),
            Dialect::Responses => json!({ "object": "response.input_tokens", "input_tokens": count }),
            Dialect::OpenAi | Dialect::Completions | Dialect::Anthropic | Dialect::Cohere => {
                json!({ "input_tokens": count })
            }
        };
        Ok(Outcome::Answered(answer.to_string().into_bytes()))
    }

    /// Plans an exchange with what the caller may reach of a model.
    fn reachable(&self, model: &Model) -> Option<Plan> {
        let caller = self.books.caller();
        Plan::new(model, &mut rand::rng())?.only(|target| caller.may_reach(&target.provider.name))
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
            Topology::Shared => Kept::Own(Box::new(slot)),
            Topology::Sidecar => {
                let registered = self.books.service().pending.register(slot);
                change.metadata.text("exchange", registered.id());
                Kept::Registered(registered)
            }
        }
    }

    /// What Envoy's router needs to follow the plan.
    fn routed(&self, model: &Model, plan: &Plan) -> Change {
        let mut change = Change { clear_route_cache: true, ..Change::default() };
        // Without Envoy's early removal this is the first place where they can be dropped; nobody here reads them.
        for name in self.head.names().filter(|name| name.starts_with("x-attache-")) {
            change.remove(name.to_owned());
        }
        if self.books.cache.is_some() {
            for name in self.head.names().filter(|name| controls::is_control(name)) {
                change.remove(name.to_owned());
            }
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
        metadata.text("front", self.asking.front().as_str()).text("model", &*model.name);
        // Egress cleaning takes it off the request: the access log finds it here.
        metadata.text("request_id", &self.books.request_id);
        self.books.tell_redactions(metadata);
        let caller = self.books.caller();
        metadata.text("caller", &*caller.name);
        if let Some(team) = &caller.team {
            metadata.text("team", &**team);
        }
        if self.topology == Topology::Shared {
            plan.tell_attempts(metadata);
            self.asking.tell(metadata);
        }
        plan.tell_router(self.follow, &mut change);
        change
    }
}

/// A plan whose first target can be asked, and the request for it.
struct Ready {
    plan: Plan,
    made: Translated,
    /// Its address and credentials; empty where the attempt stage sees to them.
    head: Change,
    used: Used,
}

/// A model, its plan, and the most tokens of answer that may be asked for.
type Planned = (Arc<Model>, Plan, Option<u64>);

/// Answers somebody who is not let in.
fn turn_away(books: Box<Settlement>, dialect: Dialect, stranger: &Stranger) -> (Exchange, Reply) {
    let fault = stranger.fault();
    let wait = stranger.retry_after_seconds().map(|seconds| ("retry-after".into(), seconds.to_string()));
    let mut answer = Answer::fault(dialect, &fault);
    answer.headers.extend(wait);
    refuse_with(books, answer, &fault)
}

fn store_away() -> Fault {
    let message = "the gateway cannot look up its limits at the moment; try again";
    Fault::new(FaultKind::Overloaded, message).with_code("limits_unavailable")
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
    books.tell_redactions(&mut answer.metadata);
    books.status = answer.status;
    books.fault = Some(fault.kind);
    books.ending = Ending::Answered;
    (Exchange::Over, Reply::Answer(answer))
}

/// Answers with the model list, or with one model.
fn models(books: Box<Settlement>, dialect: Dialect, one: Option<&str>, config: &Config) -> (Exchange, Reply) {
    let listed = front::models(dialect, config, books.caller(), one);
    let Some(body) = listed else { return refuse(books, dialect, &no_such_model(one.unwrap_or_default())) };
    answer(books, body, "attache_models")
}

/// Answers without a provider.
fn answer(books: Box<Settlement>, body: Vec<u8>, details: &str) -> (Exchange, Reply) {
    answer_with(books, Answer { status: 200, body, details: details.to_owned(), ..Answer::default() })
}

fn answer_with(mut books: Box<Settlement>, mut answer: Answer) -> (Exchange, Reply) {
    books.status = answer.status;
    books.ending = Ending::Answered;
    answer.metadata.text("request_id", &books.request_id);
    books.tell_redactions(&mut answer.metadata);
    (Exchange::Over, Reply::Answer(answer))
}
