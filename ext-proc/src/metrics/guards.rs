//! What guards said, and whom they asked.

use super::counters;
use prometheus::{IntCounterVec, Registry};

/// Numbers of guards.
#[derive(Debug)]
pub struct Guards {
    /// What guards said.
    pub decisions: IntCounterVec,
    /// Whom guards asked, and whether they answered.
    pub calls: IntCounterVec,
}

impl Guards {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            decisions: counters(
                registry,
                "attache_guard_decisions_total",
                "What guards said of requests and answers: pass, stop, monitor (it would have been stopped)",
                &["guard", "direction", "verdict"],
            )?,
            calls: counters(
                registry,
                "attache_guard_calls_total",
                "Verdicts of those whom guards ask, by how they were come by: answer, cache, failure (no answer that counts), nothing (nothing was said)",
                &["guard", "source"],
            )?,
        })
    }
}
