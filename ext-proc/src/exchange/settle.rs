//! Settling: whatever ends an exchange drops its [`Settlement`], and that books it, exactly once: metrics and the usage
//! record. A hang-up, a reset and a broken gRPC stream end here too.

use super::Service;
use super::plan::Plan;
use attache_core::dialect::Dialect;
use attache_core::fault::FaultKind;
use attache_core::loss::Losses;
use attache_core::translate::Seen;
use attache_proto::usage::v1::{Attempt, Tokens, UsageRecord};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

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
    /// The client asked for a stream.
    pub stream: bool,
    /// The model that the client asked for; `None` while it has not been read.
    pub model_asked: Option<String>,
    /// The configured name of that model, for metrics; empty while it is not known.
    pub model: Arc<str>,
    /// The plan, once there is one.
    pub plan: Option<Plan>,
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
}

impl Settlement {
    /// Opens the books for an exchange.
    pub fn open(service: Arc<Service>) -> Box<Self> {
        service.metrics.open.inc();
        Box::new(Self {
            service,
            began: Instant::now(),
            started: SystemTime::now(),
            request_id: String::new(),
            front: Dialect::OpenAi,
            stream: false,
            model_asked: None,
            model: Arc::from(""),
            plan: None,
            attempts: 0,
            under_way: Arc::new(AtomicU32::new(1)),
            status: 0,
            ending: Ending::Cut,
            fault: None,
            served: false,
            seen: Seen::default(),
            losses: Losses::default(),
            first_token_ms: None,
        })
    }

    /// What all exchanges share.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Unix seconds at which it began.
    pub fn now(&self) -> u64 {
        self.started.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    /// Notes that something of a streamed answer has come.
    pub fn first_token(&mut self) -> u64 {
        *self.first_token_ms.get_or_insert_with(|| millis(self.began))
    }

    /// Milliseconds to the first token, once there was one.
    pub fn first_token_ms(&self) -> Option<u64> {
        self.first_token_ms
    }

    /// Notes an error that reaches the client.
    pub fn failed(&mut self, kind: FaultKind, status: u16) {
        self.ending = Ending::Failed;
        self.fault = Some(kind);
        self.status = status;
    }

    /// Name of the provider of the latest attempt; empty before the first.
    fn provider(&self) -> &str {
        let target = self.plan.as_ref().filter(|_| self.attempts > 0).and_then(|plan| plan.attempt(self.attempts));
        target.map_or("", |target| &target.provider.name)
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

    fn count(&self, attempts: &[Attempt]) {
        let metrics = &self.service.metrics;
        let (front, provider, ending) = (self.front.as_str(), self.provider(), self.ending.as_str());
        let status = self.status.to_string();
        metrics.exchanges.with_label_values(&[front, &self.model, provider, ending, &status]).inc();
        for Attempt { provider, outcome, .. } in attempts {
            metrics.attempts.with_label_values(&[provider, outcome]).inc();
        }
        for field in self.losses.labels().chain(self.seen.losses.labels()) {
            metrics.losses.with_label_values(&[front, provider, field]).inc();
        }
        if attempts.is_empty() {
            return;
        }
        let labels = ["chat", provider, &*self.model];
        metrics.duration.with_label_values(&labels).observe(self.began.elapsed().as_secs_f64());
        if let Some(first) = self.first_token_ms {
            metrics.first_token.with_label_values(&labels).observe(first as f64 / 1000.0);
        }
        if let Some(usage) = self.seen.usage {
            for (kind, tokens) in [("input", usage.input), ("output", usage.output)] {
                metrics.tokens.with_label_values(&["chat", provider, &self.model, kind]).observe(tokens as f64);
            }
        }
    }

    fn record(&mut self, model: String, attempts: Vec<Attempt>) -> UsageRecord {
        let seen = std::mem::take(&mut self.seen);
        let losses = self.losses.names().chain(seen.losses.names()).map(str::to_owned).collect();
        UsageRecord {
            request_id: std::mem::take(&mut self.request_id),
            started_unix_ms: self
                .started
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
            duration_ms: millis(self.began),
            first_token_ms: self.first_token_ms,
            front: self.front.as_str().to_owned(),
            stream: self.stream,
            model,
            attempts,
            response_model: seen.model,
            status: u32::from(self.status),
            ending: self.ending.as_str().to_owned(),
            fault: self.fault.map(|kind| kind.as_str().to_owned()),
            tokens: seen.usage.map(|usage| Tokens {
                input: usage.input,
                cached_input: usage.cached_input,
                cache_write: usage.cache_write,
                output: usage.output,
                reasoning: usage.reasoning,
                audio_input: usage.audio_input,
                audio_output: usage.audio_output,
            }),
            losses,
        }
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        self.service.metrics.open.dec();
        if self.ending == Ending::Cut && self.seen.done {
            // The client hung up after the last event had come: nothing is missing.
            self.ending = Ending::Complete;
        }
        if self.attempts == 0 && self.ending == Ending::Cut && self.plan.is_some() {
            // It ended before any response's headers.
            self.attempts = self.under_way.load(Ordering::Relaxed);
        }
        let attempts = self.outcomes();
        self.count(&attempts);
        if let Some(model) = self.model_asked.take() {
            let record = self.record(model, attempts);
            self.service.usage.write(record);
        }
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
