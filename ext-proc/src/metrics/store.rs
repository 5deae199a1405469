//! How the store of limits fares.

use super::{counters, histograms, register};
use prometheus::{HistogramVec, IntCounter, IntCounterVec, Registry};

/// Numbers of the store of limits.
#[derive(Debug)]
pub struct Store {
    /// How long the store of limits took, by operation.
    pub seconds: HistogramVec,
    /// What the store of limits could not do, by operation.
    pub failures: IntCounterVec,
    /// What the store of limits gave up: settlements it could not pass on, notices that nobody took.
    pub dropped: IntCounter,
}

/// From what memory takes to the timeouts of a store elsewhere.
const SECONDS: [f64; 12] =
    [0.000_001, 0.000_004, 0.000_016, 0.000_064, 0.000_25, 0.001, 0.002, 0.004, 0.01, 0.025, 0.05, 0.1];

impl Store {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            seconds: histograms(
                registry,
                "attache_store_seconds",
                "How long the store of limits took, by operation",
                &["op"],
                &SECONDS,
            )?,
            failures: counters(
                registry,
                "attache_store_failures_total",
                "What the store of limits could not do, by operation",
                &["op"],
            )?,
            dropped: register(
                registry,
                IntCounter::new(
                    "attache_store_dropped_total",
                    "What the store of limits gave up: settlements it could not pass on, notices that nobody took",
                )?,
            )?,
        })
    }
}
