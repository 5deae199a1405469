//! Settling: whatever ends an exchange drops its [`Settlement`], and that books it, exactly once: what was held is settled,
//! metrics and the usage record are written. A hang-up, a reset and a broken gRPC stream end here too.

use super::Service;
use super::message::Metadata;
use super::meter::Meter;
use super::plan::Plan;
use crate::cache::keeping::{Course, Outcome};
use crate::cache::now_ms;
use crate::callers::Caller;
use crate::config::compiled::Target;
use crate::guards::Acting;
use crate::limits::held::{Held, Used};
use crate::redaction::Redaction;
use attache_core::dialect::Dialect;
use attache_core::fault::FaultKind;
use attache_core::loss::Losses;
use attache_core::tokens::Ratio;
use attache_core::translate::Seen;
use attache_core::usage::Usage;
use attache_proto::usage::v1::{self as proto, Attempt, Cost, Limit, Tokens, UsageRecord};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The answer was whole.
    Complete,
    /// The service itself answered: a model list, a refusal.
    Answered,
    /// An error reached the client, before the answer or in the middle of it.
    Failed,
    /// The client hung up, or the upstream reset, before the answer was whole.
    Cut,
}

impl Ending {
    fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Cut => "cut",
        }
    }
}

/// A prompt by our own count.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// Its tokens.
    pub tokens: u64,
    /// For which target and with which ratio it was estimated; `None` for a count that is exact, or too rough to learn from.
    pub estimated: Option<(Arc<Target>, Ratio)>,
}

/// What is known of an exchange for the books; booked when dropped.
#[derive(Debug)]
pub struct Settlement {
    service: Arc<Service>,
    began: Instant,
    /// When it began.
    pub started: SystemTime,
    /// The value of x-request-id.
    pub request_id: String,
    /// The client's dialect.
    pub front: Dialect,
    /// Who asks, once that is known.
    pub caller: Option<Caller>,
    /// The client asked for a stream.
    pub stream: bool,
    /// The client asked what it costs.
    pub wants_cost: bool,
    /// The model that the client asked for; `None` while it has not been read.
    pub model_asked: Option<String>,
    /// The configured name of that model, for metrics; empty while it is not known.
    pub model: Arc<str>,
    /// The plan, once there is one.
    pub plan: Option<Plan>,
    /// The prompt's tokens by our own count. `None`: nothing is
    /// used, whatever happens.
    pub prompt: Option<Prompt>,
    /// What is held for it.
    pub held: Option<Held>,
    /// The limit, budget or policy that refused it, or withheld its answer.
    pub refused_by: Option<Arc<str>>,
    /// What must not leave, and the way back; `None` where no policy applies.
    pub redaction: Option<Box<Redaction>>,
    /// Who may stop it; `None` where no guard looks.
    pub guards: Option<Box<Acting>>,
    /// What the cache does for it; `None` where no rule applies.
    pub cache: Option<Box<Course>>,
    /// Counts the answer, once there is one.
    pub meter: Option<Meter>,
    /// How many attempts Envoy made; 0 until it says so, with the response's headers.
    pub attempts: u32,
    /// The latest attempt under way, as far as it is seen here.
    pub under_way: Arc<AtomicU32>,
    /// HTTP status towards the client; 0 while there is none.
    pub status: u16,
    /// How it ended; what is still open when it is dropped was cut.
    pub ending: Ending,
    /// Whose fault, if it failed.
    pub fault: Option<FaultKind>,
    /// The last attempt answered with success.
    pub served: bool,
    /// What the answer told.
    pub seen: Seen,
    /// What could not be carried, on the way there.
    pub losses: Losses,
    first_token_ms: Option<u64>,
    /// How long it took, where somebody else has measured that.
    pub lasted: Option<Duration>,
}

impl Settlement {
    /// Opens the books for an exchange.
    pub fn open(service: Arc<Service>) -> Box<Self> {
        service.metrics.exchange.open.inc();
        Box::new(Self {
            service,
            began: Instant::now(),
            started: SystemTime::now(),
            request_id: String::new(),
            front: Dialect::OpenAi,
            caller: None,
            stream: false,
            wants_cost: false,
            model_asked: None,
            model: Arc::from(""),
            plan: None,
            prompt: None,
            held: None,
            refused_by: None,
            redaction: None,
            guards: None,
            cache: None,
            meter: None,
            attempts: 0,
            under_way: Arc::new(AtomicU32::new(1)),
            status: 0,
            ending: Ending::Cut,
            fault: None,
            served: false,
            seen: Seen::default(),
            losses: Losses::default(),
            first_token_ms: None,
            lasted: None,
        })
    }

    /// What all exchanges share.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Who asks; nobody in particular before that is known.
    pub fn caller(&self) -> &Caller {
        static ANONYMOUS: LazyLock<Caller> = LazyLock::new(Caller::anonymous);
        self.caller.as_ref().unwrap_or(&ANONYMOUS)
    }

    /// Unix seconds at which it began.
    pub fn now(&self) -> u64 {
        self.started.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    /// Notes that something of a streamed answer has come.
    pub fn first_token(&mut self) -> u64 {
        *self.first_token_ms.get_or_insert_with(|| millis(self.began))
    }

    /// Notes when something of a streamed answer came, where somebody else has measured that.
    pub fn first_token_at(&mut self, ms: u64) {
        self.first_token_ms = Some(ms);
    }

    /// Milliseconds to the first token, once there was one.
    pub fn first_token_ms(&self) -> Option<u64> {
        self.first_token_ms
    }

    fn lasted(&self) -> Duration {
        self.lasted.unwrap_or_else(|| self.began.elapsed())
    }

    /// Notes an error that reaches the client.
    pub fn failed(&mut self, kind: FaultKind, status: u16) {
        self.ending = Ending::Failed;
        self.fault = Some(kind);
        self.status = status;
    }

    /// Notes that nothing was sent to any provider, so nothing is used.
    pub fn nothing_sent(&mut self) {
        (self.plan, self.meter, self.prompt) = (None, None, None);
    }

    /// Tells Envoy how often something was found that must not leave, and which guard acted.
    pub fn tell_redactions(&self, metadata: &mut Metadata) {
        if let Some(redaction) = &self.redaction {
            metadata.number("redactions", redaction.count());
        }
        if let Some(guards) = &self.guards {
            guards.tell(metadata);
        }
    }

    /// Name of the provider of the latest attempt; empty before the first.
    fn provider(&self) -> &str {
        let target = self.plan.as_ref().filter(|_| self.attempts > 0).and_then(|plan| plan.attempt(self.attempts));
        target.map_or("", |target| &target.provider.name)
    }

    /// What was used, as far as anybody can know, and whether that is our own count: what the provider says; for an answer
    /// that was cut, or of which it says nothing, the prompt and what was delivered. `None` when nothing was.
    fn used(&self) -> Option<(Usage, bool)> {
        let meter = self.meter.as_ref()?;
        let input = self.prompt.as_ref()?.tokens;
        let delivered = meter.delivered();
        match self.seen.usage {
            Some(told) if self.seen.stopped => Some((told, true)),
            Some(told) if self.seen.done || delivered <= told.output => Some((told, false)),
            Some(told) => Some((Usage { output: delivered, ..told }, true)),
            // Nothing came that anybody would pay for.
            None if self.seen.fault.is_some() && delivered == 0 => None,
            None if self.served || self.seen.content || self.left_alone() => Some((meter.counted(input), true)),
            None => None,
        }
    }

    /// The client hung up before any answer: the provider has the prompt, may be at work on it, and will want to be paid.
    fn left_alone(&self) -> bool {
        self.ending == Ending::Cut && self.status == 0 && self.held.is_some()
    }

    /// Settles what is held; what it was, for the record.
    fn settle(&mut self, used: Option<Usage>, cost_nanos: Option<u64>) -> Vec<Limit> {
        let Some(held) = self.held.take() else { return Vec::new() };
        let provider = self.meter.as_ref().filter(|_| used.is_some()).map(|meter| &*meter.target().provider.name);
        held.settle(&Used { usage: used.unwrap_or_default(), cost_nanos, provider })
    }

    /// An estimate of the prompt meets the truth, and learns.
    fn learn(&self, told: Option<&Usage>) {
        let (Some(meter), Some(prompt), Some(told)) = (&self.meter, &self.prompt, told) else { return };
        let Some((target, ratio)) = &prompt.estimated else { return };
        // Another target than the prompt was counted for may have answered, and of a stream that was stopped the usage may
        // be our own count.
        if Arc::ptr_eq(target, meter.target()) && self.seen.done && !self.seen.stopped {
            self.service.calibration.observe(target, *ratio, prompt.tokens, told.input);
        }
    }

    fn outcomes(&self) -> Vec<Attempt> {
        let Some(plan) = &self.plan else { return Vec::new() };
        (1..=self.attempts)
            .filter_map(|attempt| {
                let target = plan.attempt(attempt)?;
                let served = attempt == self.attempts && self.served;
                Some(Attempt {
                    provider: target.provider.name.to_string(),
                    model: target.upstream.model.clone(),
                    outcome: if served { "served" } else { "failed" }.to_owned(),
                })
            })
            .collect()
    }

    fn count(&self, attempts: &[Attempt], used: Option<&Usage>, cost_nanos: Option<u64>) {
        let metrics = &self.service.metrics;
        let (front, provider, ending) = (self.front.as_str(), self.provider(), self.ending.as_str());
        let status = self.status.to_string();
        metrics.exchange.ended.with_label_values(&[front, &self.model, provider, ending, &status]).inc();
        for Attempt { provider, outcome, .. } in attempts {
            metrics.exchange.attempts.with_label_values(&[provider, outcome]).inc();
        }
        for field in self.losses.labels().chain(self.seen.losses.labels()) {
            metrics.exchange.losses.with_label_values(&[front, provider, field]).inc();
        }
        if let Some(redaction) = &self.redaction {
            redaction.count_in(metrics);
        }
        if let Some(guards) = &self.guards {
            guards.count_in(metrics);
        }
        if let Some(course) = &self.cache {
            metrics.cache.lookups.with_label_values(&[&*course.rule.name, course.outcome.as_str()]).inc();
        }
        if attempts.is_empty() {
            return;
        }
        let labels = ["chat", provider, &*self.model];
        metrics.exchange.duration.with_label_values(&labels).observe(self.lasted().as_secs_f64());
        if let Some(first) = self.first_token_ms {
            metrics.exchange.first_token.with_label_values(&labels).observe(first as f64 / 1000.0);
        }
        if let Some(usage) = used {
            for (kind, tokens) in [("input", usage.input), ("output", usage.output)] {
                metrics
                    .exchange
                    .tokens
                    .with_label_values(&["chat", provider, &self.model, kind])
                    .observe(tokens as f64);
            }
            match cost_nanos {
                Some(nanos) => metrics.exchange.cost.with_label_values(&[provider, &self.model]).inc_by(nanos),
                None => metrics.exchange.unpriced.with_label_values(&[provider, &self.model]).inc(),
            }
        }
    }

    /// What an answer of the cache costs.
    fn cached_cost(&self) -> Option<Cost> {
        let found = self.cache.as_ref().is_some_and(|course| matches!(course.outcome, Outcome::Found(..)));
        let currency = || self.service.config.load().prices.currency.to_string();
        found.then(|| Cost { currency: currency(), nanos: 0, price: "cache".to_owned() })
    }

    fn record(&mut self, model: String, attempts: Vec<Attempt>, bill: Bill) -> UsageRecord {
        let Bill { used, cost_nanos, limits } = bill;
        let caller = self.caller.as_ref().map(recorded);
        let cost = cost_nanos.zip(self.meter.as_ref()).map(|(nanos, meter)| meter.priced(nanos));
        let cost = cost.or_else(|| self.cached_cost());
        let seen = std::mem::take(&mut self.seen);
        let losses = self.losses.names().chain(seen.losses.names()).map(str::to_owned).collect();
        UsageRecord {
            request_id: std::mem::take(&mut self.request_id),
            started_unix_ms: self
                .started
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
            duration_ms: u64::try_from(self.lasted().as_millis()).unwrap_or(u64::MAX),
            first_token_ms: self.first_token_ms,
            front: self.front.as_str().to_owned(),
            stream: self.stream,
            model,
            attempts,
            response_model: seen.model,
            status: u32::from(self.status),
            ending: self.ending.as_str().to_owned(),
            fault: self.fault.map(|kind| kind.as_str().to_owned()),
            tokens: used.map(|(usage, _)| Tokens {
                input: usage.input,
                cached_input: usage.cached_input,
                cache_write: usage.cache_write,
                cache_write_1h: usage.cache_write_1h,
                output: usage.output,
                reasoning: usage.reasoning,
                audio_input: usage.audio_input,
                audio_output: usage.audio_output,
            }),
            losses,
            caller,
            tokens_counted_here: used.is_some_and(|(_, counted_here)| counted_here),
            price_unknown: used.is_some() && cost.is_none(),
            cost,
            limits,
            refused_by: self.refused_by.as_ref().map(ToString::to_string),
            redactions: self.redaction.as_ref().map(|redaction| redaction.record()).unwrap_or_default(),
            guards: self.guards.as_ref().map(|guards| guards.record()).unwrap_or_default(),
            cache: self.cache.as_ref().map(|course| course.record(now_ms())),
        }
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        self.service.metrics.exchange.open.dec();
        if self.ending == Ending::Cut && self.seen.done {
            // The client hung up after the last event had come: nothing is missing.
            self.ending = Ending::Complete;
        }
        if self.attempts == 0 && self.ending == Ending::Cut && self.plan.is_some() {
            // It ended before any response's headers.
            self.attempts = self.under_way.load(Ordering::Relaxed);
            let target = self.plan.as_ref().and_then(|plan| plan.attempt(self.attempts));
            if let (Some(meter), Some(target)) = (&mut self.meter, target) {
                meter.aim(target);
            }
        }
        let attempts = self.outcomes();
        let used = self.used();
        let usage = used.map(|(usage, _)| usage);
        let cost_nanos = usage.as_ref().zip(self.meter.as_ref()).and_then(|(usage, meter)| meter.cost_nanos(usage));
        self.settle_cache(usage.as_ref(), cost_nanos);
        let limits = self.settle(usage, cost_nanos);
        self.learn(self.seen.usage.as_ref());
        self.count(&attempts, usage.as_ref(), cost_nanos);
        if let Some(model) = self.model_asked.take() {
            let record = self.record(model, attempts, Bill { used, cost_nanos, limits });
            self.service.usage.write(record);
        }
    }
}

/// Who asked, for the record.
fn recorded(caller: &Caller) -> proto::Caller {
    proto::Caller {
        name: caller.name.to_string(),
        source: caller.source.as_str().to_owned(),
        team: caller.team.as_ref().map(ToString::to_string),
        org: caller.org.as_ref().map(ToString::to_string),
        tags: caller.tags.clone(),
    }
}

/// What an exchange comes to.
struct Bill {
    used: Option<(Usage, bool)>,
    cost_nanos: Option<u64>,
    limits: Vec<Limit>,
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
