//! The way back: the answer of whoever served becomes the client's.

use super::message::{Answer, BodyMode, Change, Head, Metadata, Reply};
use super::meter::Meter;
use super::pending::Kept;
use super::settle::{Ending, Settlement};
use super::{Exchange, attempt, local_reply};
use crate::config::Config;
use crate::config::compiled::Target;
use crate::counting::Counting;
use crate::credentials::Used;
use crate::decompress::Decompress;
use crate::limits::held::Held;
use crate::limits::refusal;
use attache_core::dialect::Dialect;
use attache_core::fault::{Fault, FaultKind};
use attache_core::loss::Losses;
use attache_core::price::Nanos;
use attache_core::translate::{self, Watch};
use attache_core::usage::Usage;
use std::borrow::Cow;
use std::sync::Arc;

/// Headers of a provider that speak of its own house or account: not for the client.
const PROVIDER_ONLY: [&str; 8] = [
    "set-cookie",
    "alt-svc",
    "strict-transport-security",
    "openai-organization",
    "openai-project",
    "anthropic-organization-id",
    "content-encoding",
    "trailer",
];

/// The request is on its way.
#[derive(Debug)]
pub struct Sent {
    /// The configuration under which it was planned.
    config: Arc<Config>,
    books: Box<Settlement>,
    /// The way back from the plan's first target.
    answer: translate::Answer,
    /// What is needed when a later attempt answers.
    kept: Option<Kept>,
    /// Which credentials the first attempt carried.
    used: Used,
}

impl Sent {
    pub(super) fn new(
        config: Arc<Config>,
        mut books: Box<Settlement>,
        answer: translate::Answer,
        kept: Option<Kept>,
        used: Used,
    ) -> Self {
        let first = books.plan.as_ref().and_then(|plan| plan.attempt(1)).cloned();
        books.meter = first.map(|target| meter(&config, &books, &target));
        Self { config, books, answer, kept, used }
    }

    /// Takes the response's headers: who answered, and in which form does the body come?
    pub(super) fn head(mut self, head: &Head) -> (Exchange, Reply) {
        self.books.status = head.status();
        self.books.attempts = head.number("upstream.request_attempt_count").unwrap_or(0);
        let details = head.attribute("response.code_details").unwrap_or("via_upstream");
        let target = self.served_by(head);
        match target {
            Some(target) if details == "via_upstream" => self.answered(&target, head),
            _ if details == attempt::LOST => self.lost(),
            _ if details.starts_with("attache_") => self.refused_by_attempt(),
            target => self.unanswered(target.as_deref(), details),
        }
    }

    /// The target whose answer this is; `None` when the request never reached one.
    fn served_by(&self, head: &Head) -> Option<Arc<Target>> {
        let target = self.books.plan.as_ref()?.attempt(self.books.attempts)?;
        let cluster = head.attribute("xds.cluster_name")?;
        (self.books.attempts > 0 && cluster == target.provider.cluster).then(|| target.clone())
    }

    /// A provider answered.
    fn answered(self, target: &Arc<Target>, head: &Head) -> (Exchange, Reply) {
        let Self { config, mut books, mut answer, kept, used } = self;
        let credentials = &target.provider.credentials;
        // The attempt stage has seen the answer already where it matters for every attempt.
        if !(credentials.has_pool() && matches!(kept, Some(Kept::Registered(_)))) {
            let used = kept.as_ref().map_or(used, |kept| kept.slot().used.of(books.attempts));
            credentials.answered(&used, books.status, head.retry_after_seconds());
        }
        let body_bytes_max = config.written.limits.body_bytes_max;
        let mut losses = std::mem::take(&mut books.losses);
        if let Some(slot) = kept.as_ref().map(Kept::slot).filter(|_| books.attempts > 1) {
            // The attempt was made elsewhere; that it could be made is certain, how, is found out again.
            if let Ok(made) = slot.retrace(target) {
                (answer, losses) = (made.answer, made.losses);
            }
        }
        drop(kept);
        let mut change = Change::default();
        attribute(&mut change, &books, target, &losses);
        change.trim(head);
        books.losses = losses;
        books.meter = Some(meter(&config, &books, target));
        let success = (200..300).contains(&books.status);
        // It wants to be paid for, whether it can be read or not, and whether the client waits for it or not.
        books.seen.content = success && !head.end;
        let content_type = head.get("content-type").unwrap_or_default();
        if success && !answer.is_read(content_type) && !answer.is_stream(content_type) {
            // Files, sound, pictures: it passes as it is, compressed or not.
            change.remove.retain(|name| name != "content-encoding");
            (books.ending, books.served, books.seen.content) = (Ending::Complete, true, true);
            return (Exchange::Over, Reply::Go(change));
        }
        let encoding = head.get("content-encoding").unwrap_or("identity");
        let Some(decompress) = Decompress::of(encoding) else {
            return fail(books, &answer, &translate::unreadable_encoding(encoding), change);
        };
        let is_stream = answer.is_stream(content_type);
        if success && is_stream && answer.wants_stream() && !head.end {
            change.remove("content-length");
            if !answer.is_framed_alike() {
                change.set("content-type", answer.stream_content_type());
            }
            // From here on the provider is at work, and wants to be paid for it.
            books.served = true;
            let may_stop = books.held.as_ref().is_some_and(Held::may_stop);
            // Only in the costlier mode can an answer end before its provider does.
            change.body_mode = Some(if may_stop { BodyMode::Ours } else { BodyMode::Streamed });
            let stream = answer.stream(may_stop);
            let state = Streaming { stream, books, decompress, ours: may_stop, told: false };
            return (Exchange::Streaming(Box::new(state)), Reply::Go(change));
        }
        if head.content_length().is_some_and(|bytes| bytes > body_bytes_max.into()) {
            // Envoy 1.40 can hang on a body that outgrows its buffer before this reply has come.
            let fault = Fault::upstream(format!("the provider's answer is larger than {body_bytes_max} bytes"));
            return fail(books, &answer, &fault, change);
        }
        let target = target.clone();
        let state = Whole { books, answer, decompress, target, success, is_stream, change, body_bytes_max };
        if head.end {
            // No body will come that could be changed.
            return state.bodyless();
        }
        let reply = Change { body_mode: Some(BodyMode::Whole), ..Change::default() };
        (Exchange::Whole(Box::new(state)), Reply::Go(reply))
    }

    /// Envoy answered by itself: nobody could be reached, or nobody answered in time.
    fn unanswered(self, target: Option<&Target>, details: &str) -> (Exchange, Reply) {
        let Self { books, answer, .. } = self;
        let fault = local_reply::fault(books.status, details, target.map(|target| &*target.provider.name));
        tracing::warn!(
            request_id = books.request_id,
            model = &*books.model,
            attempts = books.attempts,
            details,
            "no provider answered"
        );
        let mut change = Change::default();
        if let Some(target) = target {
            attribute(&mut change, &books, target, &Losses::default());
        }
        fail(books, &answer, &fault, change)
    }

    /// Our own attempt stage had no idea what the attempt is about, so neither in which dialect to say so.
    fn lost(self) -> (Exchange, Reply) {
        fail(self.books, &self.answer, &attempt::lost_fault(), Change::default())
    }

    /// Our own attempt stage refused; its answer is in the client's dialect already.
    fn refused_by_attempt(self) -> (Exchange, Reply) {
        let Self { mut books, .. } = self;
        let status = books.status;
        books.failed(FaultKind::of_status(status), status);
        (Exchange::Over, Reply::unchanged())
    }
}

/// Counts what this target answers.
fn meter(config: &Arc<Config>, books: &Settlement, target: &Arc<Target>) -> Meter {
    let calibration = &books.service().calibration;
    // Where nothing is limited, an answer of which the provider tells nothing is only estimated.
    let counting = if books.held.is_some() {
        Counting::best(target, calibration, 0)
    } else {
        Counting::estimate(target, calibration)
    };
    Meter::new(config.clone(), target.clone(), counting, books.wants_cost)
}

/// Tells client and access log who served.
fn attribute(change: &mut Change, books: &Settlement, target: &Target, losses: &Losses) {
    for name in PROVIDER_ONLY {
        change.remove(name);
    }
    change.set("x-attache-provider", &*target.provider.name);
    change.set("x-attache-model", target.upstream.model.clone());
    change.set("x-attache-attempts", books.attempts.to_string());
    if !losses.is_empty() {
        change.set("x-attache-losses", losses.header());
    }
    if let Some(held) = &books.held {
        for name in refusal::HEADERS {
            change.remove(name);
        }
        change.set.extend(refusal::headers(held.standings()));
    }
    let metadata = &mut change.metadata;
    metadata.text("provider", &*target.provider.name).number("attempts", books.attempts.into());
}

/// Answers with an error, whatever was to come.
fn fail(mut books: Box<Settlement>, answer: &translate::Answer, fault: &Fault, change: Change) -> (Exchange, Reply) {
    let mut reply = Answer::fault(answer.front(), fault);
    reply.headers.extend(change.set);
    reply.metadata = change.metadata;
    books.failed(fault.kind, reply.status);
    (Exchange::Over, Reply::Answer(reply))
}

/// An answer that is taken whole.
#[derive(Debug)]
pub struct Whole {
    books: Box<Settlement>,
    answer: translate::Answer,
    decompress: Decompress,
    target: Arc<Target>,
    success: bool,
    is_stream: bool,
    /// What is already known to change; it waits for the body.
    change: Change,
    body_bytes_max: u32,
}

impl Whole {
    /// Takes the body.
    pub(super) fn body(self, body: &[u8]) -> (Exchange, Reply) {
        let Self { mut books, answer, mut decompress, target, success, is_stream, mut change, body_bytes_max } = self;
        let body = match decompress.whole(body, body_bytes_max as usize) {
            Ok(body) => body,
            Err(fault) => return fail_late(books, &answer, change, &fault),
        };
        if !success {
            let error = answer.error(&target.provider.name, books.status, &body);
            books.failed(error.fault.kind, error.status);
            if error.body.is_some() {
                name_error(&mut change, answer.front(), &error.fault);
            }
            let body = error.body.map_or(body, Cow::Owned);
            return finish(books, change, Some(error.status), body, "application/json");
        }
        let whole = if is_stream {
            Err(Fault::upstream("the provider sent a stream that nobody asked for"))
        } else {
            match &mut books.meter {
                Some(meter) => answer.whole(&body, &mut |event| meter.watch(event)),
                None => answer.whole(&body, &mut |_| {}),
            }
        };
        match whole {
            Err(fault) => fail_late(books, &answer, change, &fault),
            Ok(translate::Whole { body: translated, is_stream, seen }) => {
                books.ending = Ending::Complete;
                books.served = true;
                tell_usage(&mut change.metadata, &seen, books.meter.as_ref());
                if let Some(cost) = seen.usage.and_then(|usage| usage.cost_nanos) {
                    change.set("x-attache-cost", Nanos(cost).to_string());
                }
                let all: Vec<&str> = books.losses.names().chain(seen.losses.names()).collect();
                if !seen.losses.is_empty() {
                    change.set.retain(|(name, _)| name != "x-attache-losses");
                    change.set("x-attache-losses", all.join(", "));
                }
                books.seen = seen;
                let body = translated.map_or(body, Cow::Owned);
                let kind = if is_stream { answer.stream_content_type() } else { "application/json" };
                finish(books, change, None, body, kind)
            }
        }
    }

    /// A response without a body.
    fn bodyless(self) -> (Exchange, Reply) {
        let Self { books, answer, target, success, change, .. } = self;
        let fault = if success {
            Fault::upstream("the provider's answer is empty")
        } else {
            answer.error(&target.provider.name, books.status, b"").fault
        };
        fail(books, &answer, &fault, change)
    }
}

/// Ends a whole answer with an error of ours; its headers have not left yet.
fn fail_late(
    mut books: Box<Settlement>,
    answer: &translate::Answer,
    mut change: Change,
    fault: &Fault,
) -> (Exchange, Reply) {
    let front = answer.front();
    let status = front.error_status(fault);
    books.failed(fault.kind, status);
    name_error(&mut change, front, fault);
    finish(books, change, Some(status), Cow::Owned(front.encode_error(fault)), "application/json")
}

/// Adds the header by which the client knows an error, where its dialect has one.
fn name_error(change: &mut Change, front: Dialect, fault: &Fault) {
    if let Some((name, value)) = front.error_header(fault) {
        change.set(name, value);
    }
}

/// The last reply to a whole answer.
fn finish(
    books: Box<Settlement>,
    mut change: Change,
    status: Option<u16>,
    body: Cow<'_, [u8]>,
    content_type: &'static str,
) -> (Exchange, Reply) {
    if let Some(status) = status {
        change.set(":status", status.to_string());
    }
    if let Cow::Owned(body) = body {
        change.set("content-type", content_type);
        change.set("content-length", body.len().to_string());
        change.body = Some(body);
    }
    drop(books);
    (Exchange::Over, Reply::Go(change))
}

/// An answer that is passed on as it comes.
#[derive(Debug)]
pub struct Streaming {
    books: Box<Settlement>,
    stream: translate::Stream,
    decompress: Decompress,
    /// The body comes in the mode [`BodyMode::Ours`].
    ours: bool,
    /// Envoy has been told the usage.
    told: bool,
}

impl Streaming {
    /// Takes the next bytes.
    pub(super) async fn chunk(mut self: Box<Self>, bytes: &[u8], end: bool) -> (Exchange, Reply) {
        let mut out = Vec::with_capacity(if bytes.is_empty() { 0 } else { bytes.len() + 64 });
        let compressed = !self.decompress.is_identity();
        let Self { stream, books, decompress, .. } = &mut *self;
        watched(stream, books.meter.as_mut(), |stream, watch| {
            match decompress.chunk(bytes) {
                Ok(plain) => stream.push(&plain, &mut out, watch),
                Err(fault) => stream.fail(fault, &mut out),
            }
            if end {
                stream.end(&mut out, watch);
            }
        });
        if !end {
            self.follow(&mut out).await;
        }
        // With the end of the client's answer Envoy cuts off a provider that goes on.
        let last = end || self.stream.seen().stopped;
        let mut change = Change { last: self.ours.then_some(last), ..Change::default() };
        // What leaves as it came needs no copy back to Envoy.
        if self.ours || compressed || out != bytes {
            change.body = Some(out);
        }
        self.note(&mut change.metadata);
        let next = if last { Exchange::Over } else { Exchange::Streaming(self) };
        (next, Reply::Go(change))
    }

    /// The body ended with trailers: its last bytes have been answered already, so nothing can be added to it any more.
    pub(super) fn trailers(mut self: Box<Self>) -> (Exchange, Reply) {
        let Self { stream, books, .. } = &mut *self;
        watched(stream, books.meter.as_mut(), |stream, watch| stream.end(&mut Vec::new(), watch));
        let mut change = Change::default();
        self.note(&mut change.metadata);
        (Exchange::Over, Reply::Go(change))
    }

    /// Holds more for a stream that outgrows what is held for it; ends it where a budget says so and nothing is left.
    async fn follow(&mut self, out: &mut Vec<u8>) {
        let Self { stream, books, .. } = self;
        let seen = stream.seen();
        if seen.done || seen.fault.is_some() {
            return;
        }
        let (told, prompt) = (seen.usage, books.prompt.as_ref().map_or(0, |prompt| prompt.tokens));
        let (Some(held), Some(meter)) = (&mut books.held, &books.meter) else { return };
        let Some(rule) = held.follow(meter).await else { return };
        let counted = meter.counted(prompt);
        let mut usage = told.map_or(counted, |told| Usage { output: told.output.max(counted.output), ..told });
        usage.cost_nanos = meter.cost_nanos(&usage).filter(|_| meter.shows_cost());
        stream.stop(usage, out);
        tracing::info!(request_id = books.request_id, budget = &*rule.name, "a stream ended: its budget is used up");
        books.service().metrics.limit_decisions.with_label_values(&[&*rule.name, "stopped"]).inc();
        books.refused_by = Some(rule.name.clone());
    }

    /// Keeps the books up to date, so that they are right whenever the client hangs up.
    fn note(&mut self, metadata: &mut Metadata) {
        let seen = self.stream.seen();
        if seen.content && self.books.first_token_ms().is_none() {
            let first = self.books.first_token();
            metadata.number("ttft_ms", first);
        }
        let over = seen.done || seen.fault.is_some();
        if over && !self.told {
            tell_usage(metadata, seen, self.books.meter.as_ref());
            self.told = true;
        }
    }
}

/// Lets the meter look on.
fn watched(
    stream: &mut translate::Stream,
    meter: Option<&mut Meter>,
    run: impl FnOnce(&mut translate::Stream, &mut Watch<'_>),
) {
    match meter {
        Some(meter) => run(stream, &mut |event| meter.watch(event)),
        None => run(stream, &mut |_| {}),
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        let seen = self.stream.seen().clone();
        self.books.served = seen.fault.is_none();
        if let Some(fault) = &seen.fault {
            // The status has left long ago; the stream said it.
            self.books.failed(fault.kind, self.books.status);
        } else if seen.done {
            self.books.ending = Ending::Complete;
        }
        self.books.seen = seen;
    }
}

fn tell_usage(metadata: &mut Metadata, seen: &translate::Seen, meter: Option<&Meter>) {
    if let Some(usage) = seen.usage {
        if let Some(nanos) = meter.and_then(|meter| meter.cost_nanos(&usage)) {
            // Half up, as the cost itself is rounded.
            metadata.number("cost_microusd", nanos.saturating_add(500) / 1000);
        }
        metadata.number("input_tokens", usage.input);
        metadata.number("cached_input_tokens", usage.cached_input);
        metadata.number("output_tokens", usage.output);
    }
}
