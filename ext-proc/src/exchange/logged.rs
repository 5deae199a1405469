//! The end of an exchange of the hybrid: what Envoy's access log says of it becomes what the service would have seen itself.

use super::attempt;
use super::plan::Plan;
use super::settle::{Ending, Settlement};
use super::waiting::Ticket;
use crate::config::compiled::Target;
use attache_core::fault::{Fault, FaultKind};
use attache_core::hybrid::Told;
use attache_core::local_reply;
use attache_core::tokens::Delivered;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Why Envoy ended a response, where that was the upstream's.
const BY_UPSTREAM: &str = "via_upstream";

/// A line of Envoy's access log, as far as it matters.
#[derive(Debug, Default)]
pub struct Line {
    /// The exchange's id; empty where Envoy never took our reply.
    pub exchange: String,
    /// The value of x-request-id.
    pub request_id: String,
    /// It goes on.
    pub goes_on: bool,
    /// The status towards the client; 0: none has left.
    pub status: u16,
    /// How many attempts there were.
    pub attempts: u32,
    /// The cluster of the last one.
    pub cluster: String,
    /// Why Envoy says the response ended.
    pub details: String,
    /// The client hung up, or the upstream did, before the answer was whole.
    pub cut: bool,
    /// How long it took.
    pub lasted: Option<Duration>,
    /// When the answer began.
    pub first_byte: Option<Duration>,
    /// What a filter told of the answer.
    pub told: Option<Told>,
}

/// Takes note that the exchange goes on: what it holds stays held.
pub async fn goes_on(ticket: &Ticket, books: &mut Settlement, line: &Line) {
    ticket.under_way.fetch_max(line.attempts, Ordering::Relaxed);
    if let Some(told) = line.told.as_ref().filter(|told| told.attempt == line.attempts) {
        note(books, told);
    }
    if let (Some(held), Some(meter)) = (&mut books.held, &books.meter) {
        // Nothing here ends a stream.
        let _full = held.follow(meter).await;
    }
}

/// Takes note of how it ended, and settles it.
pub fn ended(ticket: &Ticket, mut books: Box<Settlement>, line: Line) {
    books.lasted = line.lasted;
    if line.status == 0 {
        if line.attempts == 0 {
            books.nothing_sent();
        }
        // The client left before any answer: who was at work, the attempts say.
        ticket.under_way.fetch_max(line.attempts, Ordering::Relaxed);
        return;
    }
    (books.status, books.attempts) = (line.status, line.attempts);
    let told = line.told.as_ref().filter(|told| told.attempt == line.attempts);
    match served_by(&ticket.plan, &line) {
        Some(target) if told.is_some() || line.cut || line.details.starts_with(BY_UPSTREAM) => {
            answered(&mut books, &target, told, &line);
        }
        target => unanswered(&mut books, target.as_deref(), &line),
    }
}

/// The target whose answer this is; `None` when the request never reached one.
fn served_by(plan: &Plan, line: &Line) -> Option<Arc<Target>> {
    let target = plan.attempt(line.attempts).filter(|_| line.attempts > 0)?;
    (line.cluster == target.provider.cluster).then(|| target.clone())
}

/// A provider answered, or the filter in its place.
fn answered(books: &mut Settlement, target: &Arc<Target>, told: Option<&Told>, line: &Line) {
    if let Some(meter) = &mut books.meter {
        meter.aim(target);
    }
    let success = (200..300).contains(&line.status);
    if let Some(told) = told {
        note(books, told);
    }
    // A whole answer wants to be paid for, whether the client waited for it or not.
    books.seen.content |= success && !books.stream;
    if let Some(fault) = &books.seen.fault {
        books.served = false;
        (books.ending, books.fault) = (Ending::Failed, Some(fault.kind));
    } else if !success {
        books.failed(FaultKind::of_status(line.status), line.status);
    } else {
        // Of what nobody reads, nobody says that it is whole: it is, if nobody hung up.
        let whole = told.filter(|told| !told.unread).map_or(!line.cut, |told| told.done);
        books.served = whole || books.stream;
        if whole {
            books.ending = Ending::Complete;
        }
    }
    if let (true, true, Some(first)) = (books.stream, books.seen.content, line.first_byte) {
        books.first_token_at(u64::try_from(first.as_millis()).unwrap_or(u64::MAX));
    }
}

/// What the answer told so far.
fn note(books: &mut Settlement, told: &Told) {
    let seen = &mut books.seen;
    (seen.usage, seen.content, seen.done) = (told.usage, told.content, told.done);
    seen.model.clone_from(&told.model);
    seen.fault = told.fault.as_deref().map(|kind| Fault::new(FaultKind::named(kind), ""));
    books.losses = attache_core::loss::Losses::default();
    told.losses.iter().for_each(|name| books.losses.add_told(name));
    told.losses_unknown.iter().for_each(|name| books.losses.add_unknown("", name));
    if let Some(meter) = &mut books.meter {
        let delivered = Delivered { output: told.output, reasoning: told.reasoning };
        meter.told(delivered, told.tier.as_deref());
    }
}

/// Envoy answered by itself, or the attempt stage did.
fn unanswered(books: &mut Settlement, target: Option<&Target>, line: &Line) {
    let kind = if line.details == attempt::LOST {
        attempt::lost_fault().kind
    } else if line.details.starts_with("attache_") {
        FaultKind::of_status(line.status)
    } else {
        local_reply::fault(line.status, &line.details, target.map(|target| &*target.provider.name)).kind
    };
    books.failed(kind, line.status);
}
