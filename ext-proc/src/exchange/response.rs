//! The way back: the answer of whoever served becomes the client's.

use super::message::{Answer, BodyMode, Change, Head, Metadata, Reply};
use super::meter::Meter;
use super::pending::Kept;
use super::settle::{Ending, Settlement};
use super::{Exchange, attempt};
use crate::cache::keeping;
use crate::config::Config;
use crate::config::compiled::Target;
use crate::counting::Counting;
use crate::credentials::Used;
use crate::decompress::Decompress;
use crate::guards::{self, Direction, Guard, Guarding, Lookout, Passed};
use crate::limits::held::Held;
use crate::limits::refusal;
use crate::redaction;
use attache_core::chat::StopReason;
use attache_core::dialect::Dialect;
use attache_core::endpoint::Endpoint;
use attache_core::fault::{Fault, FaultKind};
use attache_core::head::PROVIDER_ONLY;
use attache_core::local_reply;
use attache_core::loss::Losses;
use attache_core::price::Nanos;
use attache_core::stream::Event;
use attache_core::translate::{self, Preset, Stop, Watch};
use attache_core::usage::Usage;
use std::borrow::Cow;
use std::sync::Arc;

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
        let cluster = head.cluster()?;
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
        // Of what is not there (HEAD was asked for, or there is nothing to say) it matters not which type it would have.
        let content_type = head.get("content-type").filter(|_| !head.end).unwrap_or_default();
        let has_words = books.is_veiled() && content_type.starts_with("text/");
        if success && !answer.is_read(content_type) && !answer.is_stream(content_type) && !has_words {
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
            let guarding = books.begin_guarding();
            let may_stop = books.held.as_ref().is_some_and(Held::may_stop) || guarding == Guarding::MayStop;
            // Only in the costlier mode can an answer end before its provider does.
            let lookout = books.lookout(guarding, || answer.stream(false));
            let ours = may_stop || lookout.is_some() || books.may_withhold();
            change.body_mode = Some(if ours { BodyMode::Ours } else { BodyMode::Streamed });
            let stream = answer.stream(may_stop);
            books.begin_unveiling();
            books.begin_keeping(&answer);
            let state = Streaming { stream, books, decompress, lookout, ours, told: false };
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
pub(super) fn meter(config: &Arc<Config>, books: &Settlement, target: &Arc<Target>) -> Meter {
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
    if let Some(guard) = books.instead_by() {
        change.set(guards::HEADER, &*guard.name);
    }
    if let Some(course) = &books.cache {
        change.set(keeping::HEADER, course.outcome.shown());
        course.tell(&mut change.metadata);
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
    pub(super) async fn body(self, body: &[u8]) -> (Exchange, Reply) {
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
                type_body(&mut change, &answer, false);
            }
            let body = error.body.map_or(body, Cow::Owned);
            return finish(books, &answer, change, Some(error.status), body, false);
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
                // A stream that was made of a whole answer says what that says.
                let (of_provider, told) = match &translated {
                    Some(_) if is_stream => (Some(Endpoint::from(answer.upstream())), &*body),
                    Some(translated) => (None, translated.as_slice()),
                    None => (None, &*body),
                };
                let stops = match books.guard_answer(of_provider.as_ref(), told) {
                    Some(guard) => Some(guard),
                    None => books.ask_about_answer(of_provider.as_ref(), told).await,
                };
                if let Some(guard) = stops {
                    return stopped(books, &answer, change, &guard);
                }
                books.keep_whole(&answer, translated.as_deref(), &body, is_stream);
                if translated.is_some() {
                    type_body(&mut change, &answer, is_stream);
                }
                let body = translated.map_or(body, Cow::Owned);
                finish(books, &answer, change, None, body, is_stream)
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
    type_body(&mut change, answer, false);
    finish(books, answer, change, Some(status), Cow::Owned(front.encode_error(fault)), false)
}

/// Ends a whole answer that a guard stops: with its error, or with what it says instead.
fn stopped(
    mut books: Box<Settlement>,
    answer: &translate::Answer,
    mut change: Change,
    guard: &Guard,
) -> (Exchange, Reply) {
    books.not_kept("guard");
    change.set(guards::HEADER, &*guard.name);
    let id = format!("attache-{}", books.request_id);
    let model = books.model_asked.as_deref().unwrap_or_default();
    let usage = books.seen.usage.unwrap_or_default();
    let preset = guard.message().and_then(|text| answer.preset(&Preset { id: &id, model, text, usage }));
    match preset {
        Some(body) => {
            type_body(&mut change, answer, answer.wants_stream());
            finish(books, answer, change, None, Cow::Owned(body), answer.wants_stream())
        }
        None => fail_late(books, answer, change, &guard.fault(Direction::Response)),
    }
}

/// Adds the header by which the client knows an error, where its dialect has one.
fn name_error(change: &mut Change, front: Dialect, fault: &Fault) {
    if let Some((name, value)) = front.error_header(fault) {
        change.set(name, value);
    }
}

/// Names the type of a body that was made here. What only loses a few words keeps the type with which it came.
fn type_body(change: &mut Change, answer: &translate::Answer, is_stream: bool) {
    change.set("content-type", if is_stream { answer.stream_content_type() } else { "application/json" });
}

/// The last reply to a whole answer.
fn finish(
    mut books: Box<Settlement>,
    answer: &translate::Answer,
    mut change: Change,
    status: Option<u16>,
    body: Cow<'_, [u8]>,
    is_stream: bool,
) -> (Exchange, Reply) {
    let body = match books.unveiled(body, is_stream) {
        Ok(body) => body,
        Err(fault) => return fail_late(books, answer, change, &fault),
    };
    books.tell_redactions(&mut change.metadata);
    if let Some(status) = status {
        change.set(":status", status.to_string());
    }
    if let Cow::Owned(body) = body {
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
    /// Reads ahead for guards.
    lookout: Option<Box<Lookout>>,
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
        match self.decompress.chunk(bytes) {
            Ok(plain) => self.pass(plain, end, &mut out).await,
            Err(fault) => self.stream.fail(fault, &mut out),
        }
        if !end {
            self.follow(&mut out).await;
        }
        // With the end of the client's answer Envoy cuts off a provider that goes on.
        let last = end || self.stream.seen().stopped;
        let last = self.books.unveil(&mut out, last) && self.ours || last;
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
        self.end(false, &mut Vec::new());
        self.books.unveil(&mut Vec::new(), true);
        let mut change = Change::default();
        self.note(&mut change.metadata);
        (Exchange::Over, Reply::Go(change))
    }

    /// Passes on what guards let pass.
    async fn pass(&mut self, bytes: Cow<'_, [u8]>, end: bool, out: &mut Vec<u8>) {
        let Self { stream, books, lookout, .. } = self;
        let over = stream.seen().stopped || stream.seen().fault.is_some();
        let lookout = lookout.as_mut().filter(|_| !over);
        let ahead = lookout.is_some();
        let bytes = match lookout {
            None => bytes,
            Some(lookout) => match lookout.take(books, bytes.into_owned(), end).await {
                Passed::Go(bytes) => Cow::Owned(bytes),
                Passed::Stop(unread) => {
                    // The provider has said it, and wants to be paid for it.
                    if let Some(meter) = &mut books.meter {
                        meter.watch(&mut Event::Text { choice: 0, text: unread.into() });
                    }
                    return self.stop_for_guard(out);
                }
            },
        };
        self.watched(ahead, |stream, watch| stream.push(&bytes, out, watch));
        if end {
            self.end(ahead, out);
        }
    }

    /// The provider's body has ended. `ahead`: guards have seen all of it.
    fn end(&mut self, ahead: bool, out: &mut Vec<u8>) {
        self.watched(ahead, |stream, watch| stream.end(out, watch));
        if self.stream.seen().done {
            // Of providers that end quietly nobody has heard it.
            self.books.keep_event(&Event::Done);
        }
        if !ahead {
            // No guard that is left here stops anything.
            let _monitored = self.books.end_guarding();
        }
    }

    /// Lets the meter look on, and guards where they have not looked `ahead`.
    fn watched(&mut self, ahead: bool, run: impl FnOnce(&mut translate::Stream, &mut Watch<'_>)) {
        let Self { stream, books, .. } = self;
        run(stream, &mut |event| {
            if let Some(meter) = &mut books.meter {
                meter.watch(event);
            }
            books.keep_event(event);
            if !ahead {
                // Who could stop it looks ahead.
                let _monitored = books.guard_event(event);
            }
        });
    }

    /// Holds more for a stream that outgrows what is held for it; ends it where a budget says so and nothing is left.
    async fn follow(&mut self, out: &mut Vec<u8>) {
        let Self { stream, books, .. } = self;
        let seen = stream.seen();
        if seen.done || seen.fault.is_some() {
            return;
        }
        let (Some(held), Some(meter)) = (&mut books.held, &books.meter) else { return };
        let Some(rule) = held.follow(meter).await else { return };
        stream.stop(usage_until_now(books, seen.usage), out);
        tracing::info!(request_id = books.request_id, budget = &*rule.name, "a stream ended: its budget is used up");
        books.service().metrics.limits.decisions.with_label_values(&[&*rule.name, "stopped"]).inc();
        books.refused_by = Some(rule.name.clone());
    }

    /// Ends a stream that a guard stops: whatever that is has not been written.
    fn stop_for_guard(&mut self, out: &mut Vec<u8>) {
        let Self { stream, books, lookout, .. } = self;
        let Some(guard) = books.stopping_guard() else { return };
        let told = lookout.as_ref().and_then(|lookout| lookout.usage()).or(stream.seen().usage);
        let usage = usage_until_now(books, told);
        stream.stop_with(&Stop { usage, reason: StopReason::Refused, last_words: guard.message() }, out);
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
            self.books.tell_redactions(metadata);
            tell_usage(metadata, seen, self.books.meter.as_ref());
            self.told = true;
        }
    }
}

/// What a stream that ends here has used: what its provider told, and what has come since.
fn usage_until_now(books: &Settlement, told: Option<Usage>) -> Usage {
    let prompt = books.prompt.as_ref().map_or(0, |prompt| prompt.tokens);
    let Some(meter) = &books.meter else { return told.unwrap_or_default() };
    let counted = meter.counted(prompt);
    let mut usage = told.map_or(counted, |told| Usage { output: told.output.max(counted.output), ..told });
    usage.cost_nanos = meter.cost_nanos(&usage).filter(|_| meter.shows_cost());
    usage
}

impl Drop for Streaming {
    fn drop(&mut self) {
        let seen = self.stream.seen().clone();
        self.books.served = seen.fault.is_none();
        if let Some(fault) = &seen.fault {
            // The status has left long ago; the stream said it.
            self.books.failed(fault.kind, self.books.status);
        } else if self.books.is_withheld() {
            self.books.failed(redaction::WITHHELD, self.books.status);
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
