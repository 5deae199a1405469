//! What is found in the cache by meaning.

use super::{counters, gauge, histograms};
use prometheus::{HistogramVec, IntCounterVec, IntGauge, Registry};

/// Numbers of the semantic tier.
#[derive(Debug)]
pub struct Semantic {
    /// Lookups by what came of them and why.
    pub lookups: IntCounterVec,
    /// How long vectors take.
    pub embedding_seconds: HistogramVec,
    /// Samples by what the comparison says: `agree`, `disagree`, `unread`.
    pub verified: IntCounterVec,
    /// Entries that are not served any more, since samples kept disagreeing.
    pub demoted: IntCounterVec,
    /// Vectors in the index, expired ones included.
    pub entries: IntGauge,
    /// Bytes that the index takes, about.
    pub bytes: IntGauge,
    /// What was given up since too much was waiting: changes of the index, for other replicas, comparisons.
    pub dropped: IntCounterVec,
}

/// From a word to a page on a slow core, or a provider elsewhere, in seconds.
const SECONDS: [f64; 12] = [0.000_25, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024];

impl Semantic {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            lookups: counters(
                registry,
                "attache_cache_semantic_lookups_total",
                "Lookups by meaning: hit, shadow (would have been one), sample (asked all the same, and compared), nothing, unfit (the nearest question wants another answer; why), skipped (why)",
                &["rule", "outcome", "why"],
            )?,
            embedding_seconds: histograms(
                registry,
                "attache_cache_embedding_seconds",
                "How long the vector of a question takes",
                &["embedder"],
                &SECONDS,
            )?,
            verified: counters(
                registry,
                "attache_cache_verified_total",
                "Hits by meaning that were asked for all the same: agree, disagree (a false hit, as far as words tell), unread",
                &["rule", "verdict"],
            )?,
            demoted: counters(
                registry,
                "attache_cache_demoted_total",
                "Answers that are not found by meaning any more, since samples kept disagreeing",
                &["rule"],
            )?,
            entries: gauge(registry, "attache_cache_semantic_entries", "Vectors in the index")?,
            bytes: gauge(registry, "attache_cache_semantic_bytes", "Bytes that the index takes, about")?,
            dropped: counters(
                registry,
                "attache_cache_semantic_dropped_total",
                "What was given up since too much was waiting: index (changes), journal (changes for other replicas), sample (comparisons)",
                &["what"],
            )?,
        })
    }
}
