//! The guards of one exchange.

use super::callout::Verdict;
use super::told::{self, Decision, Direction};
use super::{Guard, Guarding};
use crate::exchange::settle::Settlement;
use attache_core::endpoint::Endpoint;
use attache_core::guard::{self, Finding, Findings, Mode, Window};
use attache_core::stream::Event;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The guards of one exchange, and what they have said.
pub struct Acting {
    /// All of the configuration, by their places.
    all: Arc<[Arc<Guard>]>,
    /// The place of each rule's guard.
    places: Arc<[usize]>,
    /// Which of them act.
    acts: Vec<bool>,
    rules: guard::Guards,
    endpoint: Endpoint,
    window: Option<Window>,
    /// The directions in which they have looked.
    looked: Vec<Direction>,
    /// Those among them that asked somebody, and about what. What another one stops they are not asked about.
    asked: Vec<(Arc<str>, Direction)>,
    /// What they objected to.
    decisions: Vec<Decision>,
    /// The one that stops the answer under way.
    stopped: Option<Arc<Guard>>,
    /// The one that has another model serve.
    pub(super) instead: Option<Arc<Guard>>,
}

impl fmt::Debug for Acting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acting").field("decisions", &self.decisions).finish_non_exhaustive()
    }
}

impl Acting {
    pub(super) fn new(
        all: Arc<[Arc<Guard>]>,
        places: Arc<[usize]>,
        rules: guard::Guards,
        acts: Vec<bool>,
        endpoint: &Endpoint,
    ) -> Self {
        Self {
            all,
            places,
            acts,
            rules,
            endpoint: endpoint.clone(),
            window: None,
            looked: Vec::new(),
            asked: Vec::new(),
            decisions: Vec::new(),
            stopped: None,
            instead: None,
        }
    }

    /// Who they are.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().zip(&self.acts).filter(|(_, acts)| **acts).map(|(guard, _)| &*guard.name)
    }

    /// Looks at a request: the guard that stops it, and the one that has another model serve it. `body`: `None` for one
    /// that goes by unread.
    pub(super) fn request(
        &mut self,
        books: &Settlement,
        body: Option<&[u8]>,
    ) -> (Option<Arc<Guard>>, Option<Arc<Guard>>) {
        self.looked.push(Direction::Request);
        let findings = match body {
            Some(body) => self.rules.request(&self.endpoint, body),
            None => self.rules.unread(guard::Way::Request),
        };
        let enforcing = self.note(books, Direction::Request, &findings);
        chosen(enforcing)
    }

    /// Looks at a whole answer: the guard that stops it.
    pub(super) fn answer(
        &mut self,
        books: &Settlement,
        endpoint: Option<&Endpoint>,
        body: &[u8],
    ) -> Option<Arc<Guard>> {
        self.looked.push(Direction::Response);
        let findings = self.rules.answer(endpoint.unwrap_or(&self.endpoint), body);
        self.note(books, Direction::Response, &findings).into_iter().next()
    }

    /// Begins to look at an answer that streams.
    pub(super) fn begin(&mut self) -> Guarding {
        self.window = self.rules.window();
        let looks = || self.acting().filter(|guard| guard.on.response());
        let guarding = if looks().any(|guard| guard.mode == Mode::Enforce) {
            Guarding::MayStop
        } else if looks().any(|guard| guard.asks.is_some()) {
            Guarding::Ahead
        } else {
            Guarding::Not
        };
        if looks().next().is_some() {
            self.looked.push(Direction::Response);
        }
        guarding
    }

    /// Looks at the next event of a stream.
    pub(super) fn watch(&mut self, books: &Settlement, event: &Event<'_>) -> ControlFlow<()> {
        let Some(window) = &mut self.window else { return ControlFlow::Continue(()) };
        let findings = window.watch(event);
        self.stop_by(books, &findings)
    }

    /// Decides what was still open when the stream ended, however it did.
    pub(super) fn end(&mut self, books: &Settlement) -> ControlFlow<()> {
        let Some(window) = &mut self.window else { return ControlFlow::Continue(()) };
        let findings = window.end();
        self.stop_by(books, &findings)
    }

    fn stop_by(&mut self, books: &Settlement, findings: &Findings) -> ControlFlow<()> {
        if findings.is_empty() || self.stopped.is_some() {
            return ControlFlow::Continue(());
        }
        self.stopped = self.note(books, Direction::Response, findings).into_iter().next();
        if self.stopped.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// The guard that stops the stream.
    pub(super) fn stopped(&self) -> Option<&Arc<Guard>> {
        self.stopped.as_ref()
    }

    /// What guards objected to.
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// Guards that have looked in a direction and found nothing there.
    pub fn passed(&self) -> impl Iterator<Item = (&Guard, Direction)> {
        self.looked.iter().flat_map(|direction| {
            let looks = |guard: &&Arc<Guard>| {
                direction.is_watched(guard.on) && (guard.asks.is_none() || self.has_asked(guard, *direction))
            };
            let objected = |guard: &Guard| self.decisions.iter().any(|said| said.is_of(guard, *direction));
            self.acting().filter(looks).filter(move |guard| !objected(guard)).map(|guard| (&**guard, *direction))
        })
    }

    fn acting(&self) -> impl Iterator<Item = &Arc<Guard>> {
        self.all.iter().zip(&self.acts).filter_map(|(guard, acts)| acts.then_some(guard))
    }

    /// Books what was found; the guards that act on it, in the order of the configuration.
    fn note(&mut self, books: &Settlement, direction: Direction, findings: &Findings) -> Vec<Arc<Guard>> {
        let mut enforcing = Vec::new();
        for finding in &findings.0 {
            let Finding { index, .. } = finding;
            let Some(guard) = self.places.get(*index).and_then(|place| self.all.get(*place)).cloned() else { continue };
            enforcing.extend(self.object(books, direction, guard, finding.rule()));
        }
        enforcing
    }

    /// Books one objection; the guard, where it acts on it.
    fn object(
        &mut self,
        books: &Settlement,
        direction: Direction,
        guard: Arc<Guard>,
        rule: &str,
    ) -> Option<Arc<Guard>> {
        let decision = Decision::new(&guard, rule, direction, guard.mode);
        // Of an answer under way somebody may be asked more than once.
        if !self.decisions.iter().any(|said| said.is_of(&guard, direction)) {
            told::tell(books, &decision);
            self.decisions.push(decision);
        }
        (guard.mode == Mode::Enforce).then_some(guard)
    }

    /// Those among them that ask somebody about what goes this way.
    pub(super) fn asking(&self, direction: Direction) -> Vec<Arc<Guard>> {
        let asks = |guard: &&Arc<Guard>| guard.asks.is_some() && direction.is_watched(guard.on);
        self.acting().filter(asks).cloned().collect()
    }

    /// Whether one of them may let one caller read an answer and another not: it asks somebody who is told who asks.
    pub fn answer_by_caller(&self) -> bool {
        let told = |guard: &Arc<Guard>| {
            guard.mode == Mode::Enforce && guard.asks.as_ref().is_some_and(|call| call.asks.is_told_who_asks())
        };
        self.asking(Direction::Response).iter().any(told)
    }

    /// Books what those said who were asked; the guards that act on it, in the order of the configuration.
    pub(super) fn note_verdicts(
        &mut self,
        books: &Settlement,
        direction: Direction,
        verdicts: Vec<(Arc<Guard>, Verdict)>,
    ) -> Vec<Arc<Guard>> {
        for (guard, _) in &verdicts {
            if !self.has_asked(guard, direction) {
                self.asked.push((guard.name.clone(), direction));
            }
        }
        let stops = verdicts.into_iter().filter_map(|(guard, verdict)| match verdict {
            Verdict::Allow => None,
            Verdict::Stop(rule) => self.object(books, direction, guard, &rule),
        });
        stops.collect()
    }

    fn has_asked(&self, guard: &Guard, direction: Direction) -> bool {
        self.asked.iter().any(|(name, way)| (&**name, *way) == (&*guard.name, direction))
    }

    /// What is asked for.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Stops the stream in the name of this guard.
    pub(super) fn stop_stream(&mut self, guard: Arc<Guard>) {
        self.stopped.get_or_insert(guard);
    }
}

/// Of guards that act on a request, the one that stops it, and the one that has another model serve it.
pub(super) fn chosen(enforcing: Vec<Arc<Guard>>) -> (Option<Arc<Guard>>, Option<Arc<Guard>>) {
    let (instead, stops): (Vec<_>, Vec<_>) = enforcing.into_iter().partition(|guard| guard.model().is_some());
    (stops.into_iter().next(), instead.into_iter().next())
}
