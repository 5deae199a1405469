//! What has been answered before, exactly and by meaning.

mod semantic;

pub use semantic::Semantic;

use super::{counters, gauge, histograms};
use prometheus::{IntCounterVec, IntGauge, Registry};

/// Numbers of the cache.
#[derive(Debug)]
pub struct Cache {
    /// Answers that are in this process's memory.
    pub entries: IntGauge,
    /// What they take, in bytes.
    pub bytes: IntGauge,
    /// What came of looking into it.
    pub lookups: IntCounterVec,
    /// Answers that were kept.
    pub stored: IntCounterVec,
    /// Answers that were not kept, by why.
    pub not_stored: IntCounterVec,
    /// What its Redis could not do, by operation.
    pub store_errors: IntCounterVec,
    /// What is found by meaning.
    pub semantic: Semantic,
}

impl Cache {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            entries: gauge(registry, "attache_cache_entries", "Answers that are in this process's memory")?,
            bytes: gauge(registry, "attache_cache_bytes", "What the answers in this process's memory take")?,
            lookups: counters(
                registry,
                "attache_cache_lookups_total",
                "Exchanges to which a rule of the cache applied, by what came of it (hit, coalesced, semantic, miss, bypass)",
                &["rule", "outcome"],
            )?,
            stored: counters(registry, "attache_cache_stored_total", "Answers that were kept", &["rule"])?,
            not_stored: counters(
                registry,
                "attache_cache_not_stored_total",
                "Answers that were not kept, by why",
                &["rule", "reason"],
            )?,
            store_errors: counters(
                registry,
                "attache_cache_store_errors_total",
                "What the cache's Redis could not do, by operation; `deaf`: lookups while it was not known what others purged",
                &["op"],
            )?,
            semantic: Semantic::new(registry)?,
        })
    }
}
