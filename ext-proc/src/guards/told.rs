//! What operators learn of guards: which one said what, by which rule. Never a text.

use super::{Acting, Guard};
use crate::exchange::message::Metadata;
use crate::exchange::settle::Settlement;
use crate::metrics::Metrics;
use attache_core::guard::{Mode, On};
use attache_proto::usage::v1 as proto;
use std::sync::Arc;

/// Which way something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the provider.
    Request,
    /// To the client.
    Response,
}

impl Direction {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }

    /// Whether a guard on this looks in this direction.
    pub(super) fn is_watched(self, on: On) -> bool {
        match self {
            Self::Request => on.request(),
            Self::Response => on.response(),
        }
    }
}

/// What a guard objected to.
#[derive(Debug)]
pub struct Decision {
    guard: Arc<str>,
    rule: String,
    direction: Direction,
    mode: Mode,
}

impl Decision {
    pub(super) fn new(guard: &Guard, rule: &str, direction: Direction, mode: Mode) -> Self {
        Self { guard: guard.name.clone(), rule: rule.to_owned(), direction, mode }
    }

    /// Whether it is this guard's in this direction.
    pub(super) fn is_of(&self, guard: &Guard, direction: Direction) -> bool {
        self.guard == guard.name && self.direction == direction
    }

    fn verdict(&self) -> &'static str {
        match self.mode {
            Mode::Enforce => "stop",
            Mode::Monitor => "monitor",
        }
    }
}

/// The audit log's line: for what was stopped only.
pub(super) fn tell(books: &Settlement, decision: &Decision) {
    if decision.mode == Mode::Enforce {
        tracing::info!(
            target: "attache::audit",
            request_id = books.request_id,
            guard = &*decision.guard,
            rule = decision.rule,
            caller = &*books.caller().name,
            direction = decision.direction.as_str(),
            "stopped"
        );
    }
}

impl Acting {
    /// Counts it all for Prometheus.
    pub fn count_in(&self, metrics: &Metrics) {
        let count = |guard: &str, direction: Direction, verdict: &str| {
            metrics.guards.decisions.with_label_values(&[guard, direction.as_str(), verdict]).inc();
        };
        for decision in self.decisions() {
            count(&decision.guard, decision.direction, decision.verdict());
        }
        for (guard, direction) in self.passed() {
            count(&guard.name, direction, "pass");
        }
    }

    /// Objections, for the usage record.
    pub fn record(&self) -> Vec<proto::GuardDecision> {
        let one = |decision: &Decision| proto::GuardDecision {
            guard: decision.guard.to_string(),
            rule: decision.rule.clone(),
            verdict: decision.verdict().to_owned(),
            direction: decision.direction.as_str().to_owned(),
        };
        self.decisions().iter().map(one).collect()
    }

    /// Tells Envoy which guard acted last.
    pub fn tell(&self, metadata: &mut Metadata) {
        let last = self.decisions().iter().rev().find(|decision| decision.mode == Mode::Enforce);
        if let Some(decision) = last {
            metadata.text("guard", &*decision.guard);
        }
    }
}
