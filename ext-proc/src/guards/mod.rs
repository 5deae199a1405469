//! Guards: who looks at what is asked and answered, and may stop it. A request is looked at as the client wrote it; an
//! answer before the client reads any of what is stopped.
//!
//! Never keeps, logs or counts a text: a guard's name and the name of its rule are all that is told, and the client reads
//! only the first.

mod acting;
mod asking;
pub mod callout;
mod lookout;
mod told;

pub use acting::Acting;
pub use callout::{CallOut, Passage};
pub use lookout::{Lookout, Passed};
pub use told::Direction;

use crate::config::Config;
use crate::exchange::settle::Settlement;
use crate::limits::rule::{Dimension, Facts};
use crate::pattern::Pattern;
use attache_core::endpoint::Endpoint;
use attache_core::fault::{Fault, FaultKind};
use attache_core::guard::{self, Mode, On, Then};
use attache_core::stream::Event;
use attache_core::translate;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The header by which a client knows that a guard answers.
pub const HEADER: &str = "x-attache-guard";

/// A guard of the configuration.
#[derive(Debug)]
pub struct Guard {
    /// Its name.
    pub name: Arc<str>,
    /// To what it applies; one pattern of each must fit.
    pub when: Vec<(Dimension, Vec<Pattern>)>,
    /// What it looks at.
    pub on: On,
    /// Whether it acts, or only says so.
    pub mode: Mode,
    /// What the client gets instead.
    pub then: Then,
    /// Whom it asks; `None` where it knows by itself.
    pub asks: Option<CallOut>,
}

impl Guard {
    /// The error of what it stops. It says which guard, never what was found.
    pub fn fault(&self, direction: Direction) -> Fault {
        let status = if let Then::Status(status) = self.then { status } else { 400 };
        let message = match direction {
            Direction::Request => format!("the request was stopped by the guard `{}`", self.name),
            Direction::Response => format!("the answer was stopped by the guard `{}`", self.name),
        };
        Fault { status, ..Fault::new(FaultKind::of_status(status), message) }.with_code("guard_blocked")
    }

    /// The model that serves instead.
    pub fn model(&self) -> Option<&str> {
        if let Then::Use(model) = &self.then { Some(model) } else { None }
    }

    /// What the client reads as an ordinary answer, where it is to read one.
    pub fn message(&self) -> Option<&str> {
        if let Then::Message(message) = &self.then { Some(message) } else { None }
    }
}

/// All guards of a configuration.
#[derive(Debug, Default)]
pub struct Guards {
    all: Arc<[Arc<Guard>]>,
    /// The rules of those that know by themselves.
    rules: Option<guard::Guards>,
    /// At which place of all of them the guard of each rule stands.
    places: Arc<[usize]>,
    /// A hash of the secrets in it.
    pub material: [u8; 32],
}

impl Guards {
    /// Compiles guards: each with its rules, where it has some.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(guards: Vec<(Guard, Option<guard::Guard>)>, material: [u8; 32]) -> Result<Self, String> {
        let (mut written, mut places, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (guard, rules)) in guards.into_iter().enumerate() {
            if let Some(rules) = rules {
                written.push((guard.name.to_string(), rules));
                places.push(place);
            }
            all.push(Arc::new(guard));
        }
        let rules = (!all.is_empty()).then(|| guard::Guards::new(&written)).transpose()?;
        Ok(Self { all: all.into(), rules, places: places.into(), material })
    }

    /// All of them, in their order.
    pub fn all(&self) -> &[Arc<Guard>] {
        &self.all
    }

    /// The rules of those that act on an exchange, and which these are; `None` where none does.
    fn acting(&self, facts: &Facts<'_>, endpoint: &Endpoint) -> Option<Acting> {
        let rules = self.rules.as_ref()?;
        if self.is_asked_by_judge(facts) {
            return None;
        }
        let acts: Vec<bool> = self.all.iter().map(|guard| facts.fit(&guard.when, None)).collect();
        let acts_at = |place: usize| acts.get(place).copied().unwrap_or(false);
        let rules = rules.select(&|rule| self.places.get(rule).is_some_and(|place| acts_at(*place)));
        acts.contains(&true).then(|| Acting::new(self.all.clone(), self.places.clone(), rules, acts, endpoint))
    }

    /// Whether the request is one that a judge of ours makes: it would be asked about itself.
    fn is_asked_by_judge(&self, facts: &Facts<'_>) -> bool {
        let Some(authorization) = facts.head.get("authorization") else { return false };
        self.all.iter().filter_map(|guard| guard.asks.as_ref()).any(|call| match &call.asks {
            callout::Asks::Judge(judge) => judge.is_asked_by(authorization),
            callout::Asks::Moderation(_)
            | callout::Asks::Presidio(_)
            | callout::Asks::Webhook(_)
            | callout::Asks::Grpc(_) => false,
        })
    }

    /// The rules of all that know by themselves, and the place of each rule's guard.
    pub fn rules(&self) -> Option<(&guard::Guards, &[usize])> {
        Some((self.rules.as_ref()?, &self.places))
    }
}

/// How an answer that streams is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarding {
    /// Not at all, or as it passes.
    Not,
    /// Ahead of the client, with somebody who is asked and stops nothing.
    Ahead,
    /// Ahead of the client, and it may have to end before its provider does.
    MayStop,
}

/// Whether a guard acts on what is asked by a request of which only the head is known.
pub fn want_body(config: &Config, facts: &Facts<'_>) -> bool {
    config.guards.all.iter().any(|guard| guard.on.request() && facts.fit(&guard.when, None))
}

/// Finds the guards of an exchange.
pub fn open(books: &mut Settlement, config: &Config, facts: &Facts<'_>, endpoint: &Endpoint) {
    books.guards = config.guards.acting(facts, endpoint).map(Box::new);
}

impl Settlement {
    /// What guards say of a request: the one that stops it, and the one that has another model serve it. `body`: `None`
    /// for one that goes by unread.
    pub fn guard_request(&mut self, body: Option<&[u8]>) -> (Option<Arc<Guard>>, Option<Arc<Guard>>) {
        let Some(mut guards) = self.guards.take() else { return (None, None) };
        let said = guards.request(self, body);
        self.guards = Some(guards);
        said
    }

    /// The guard that stops a whole answer. `endpoint`: where it is not in the client's dialect.
    pub fn guard_answer(&mut self, endpoint: Option<&Endpoint>, body: &[u8]) -> Option<Arc<Guard>> {
        let mut guards = self.guards.take()?;
        let stopped = guards.answer(self, endpoint, body);
        self.guards = Some(guards);
        stopped
    }

    /// Begins to look at an answer that streams.
    pub fn begin_guarding(&mut self) -> Guarding {
        self.guards.as_mut().map_or(Guarding::Not, |guards| guards.begin())
    }

    /// Looks at the next event of a stream; `Break`: it is not for the client.
    pub fn guard_event(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        let Some(mut guards) = self.guards.take() else { return ControlFlow::Continue(()) };
        let passes = guards.watch(self, event);
        self.guards = Some(guards);
        passes
    }

    /// Decides what was still open when a stream ended; `Break`: it may not end as if nothing were wrong.
    pub fn end_guarding(&mut self) -> ControlFlow<()> {
        let Some(mut guards) = self.guards.take() else { return ControlFlow::Continue(()) };
        let passes = guards.end(self);
        self.guards = Some(guards);
        passes
    }

    /// Another model serves because of this guard.
    pub fn served_instead_by(&mut self, guard: Arc<Guard>) {
        if let Some(guards) = &mut self.guards {
            guards.instead = Some(guard);
        }
    }

    /// The guard because of which another model serves.
    pub fn instead_by(&self) -> Option<&Guard> {
        self.guards.as_ref()?.instead.as_deref()
    }

    /// Looks ahead in an answer that streams, where some guard wants that. `scout`: another reading of it.
    pub fn lookout(&self, guarding: Guarding, scout: impl FnOnce() -> translate::Stream) -> Option<Box<Lookout>> {
        let may_stop = match guarding {
            Guarding::Not => return None,
            Guarding::Ahead => false,
            Guarding::MayStop => true,
        };
        let asked = self.guards.as_ref()?.asking(Direction::Response);
        let veil = self.redaction.as_ref().and_then(|redaction| redaction.veil());
        Some(Box::new(Lookout::new(scout(), asked, may_stop, veil)))
    }

    /// The guard that stops the stream.
    pub fn stopping_guard(&self) -> Option<Arc<Guard>> {
        self.guards.as_ref().and_then(|guards| guards.stopped().cloned())
    }
}
