//! What limits and budgets did.

use super::counters;
use prometheus::{IntCounterVec, Registry};

/// Numbers of limits and budgets.
#[derive(Debug)]
pub struct Limits {
    /// How often limits and budgets let nothing through.
    pub decisions: IntCounterVec,
    /// Budgets that passed one of their thresholds.
    pub warnings: IntCounterVec,
}

impl Limits {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            decisions: counters(
                registry,
                "attache_limit_decisions_total",
                "What limits and budgets did: denied, passed_over (a provider without room), instead (another model), stopped (a stream), unavailable (no store)",
                &["limit", "decision"],
            )?,
            warnings: counters(
                registry,
                "attache_budget_warnings_total",
                "Budgets that passed one of their thresholds",
                &["budget", "percent"],
            )?,
        })
    }
}
