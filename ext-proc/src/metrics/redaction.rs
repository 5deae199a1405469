//! What must not leave.

use super::counters;
use prometheus::{IntCounterVec, Registry};

/// Numbers of policies.
#[derive(Debug)]
pub struct Redaction {
    /// What was found that must not leave, and what became of it.
    pub found: IntCounterVec,
    /// Analyzers that gave no answer, by what a policy does then.
    pub analyzer_failures: IntCounterVec,
}

impl Redaction {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            found: counters(
                registry,
                "attache_redactions_total",
                "What was found that must not leave, by what became of it (mask, redact, hash, partial, synthetic, block, detect)",
                &["entity", "action", "direction", "policy"],
            )?,
            analyzer_failures: counters(
                registry,
                "attache_analyzer_failures_total",
                "Requests for which a policy's analyzer gave no answer, by what became of them (open: sent on, closed: refused)",
                &["policy", "outcome"],
            )?,
        })
    }
}
