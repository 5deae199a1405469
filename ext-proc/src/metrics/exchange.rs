//! What exchanges come to.

use super::{counters, gauge, histograms};
use prometheus::{HistogramVec, IntCounterVec, IntGauge, Registry};

/// Numbers of exchanges.
#[derive(Debug)]
pub struct Exchange {
    /// Exchanges by how they ended.
    pub ended: IntCounterVec,
    /// Attempts by provider and outcome.
    pub attempts: IntCounterVec,
    /// Exchanges that are open now.
    pub open: IntGauge,
    /// Fields that a translation could not carry.
    pub losses: IntCounterVec,
    /// Duration of exchanges (`gen_ai.client.operation.duration`).
    pub duration: HistogramVec,
    /// Time to the first event with content (`gen_ai.client.operation.time_to_first_chunk`).
    pub first_token: HistogramVec,
    /// Tokens (`gen_ai.client.token.usage`).
    pub tokens: HistogramVec,
    /// What exchanges cost, in billionths of the currency's unit.
    pub cost: IntCounterVec,
    /// Exchanges that used something of which nobody knows what it costs.
    pub unpriced: IntCounterVec,
}

/// Buckets of OpenTelemetry's advice for durations of model calls, in seconds.
const SECONDS: [f64; 14] = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// The same for tokens.
const TOKENS: [f64; 14] = [
    1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0,
    67108864.0,
];
const GEN_AI: [&str; 3] = ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"];

impl Exchange {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            ended: counters(
                registry,
                "attache_exchanges_total",
                "Exchanges by how they ended",
                &["front", "model", "provider", "ending", "status"],
            )?,
            attempts: counters(
                registry,
                "attache_attempts_total",
                "Attempts by provider and outcome",
                &["provider", "outcome"],
            )?,
            open: gauge(registry, "attache_open_exchanges", "Exchanges that are open now")?,
            losses: counters(
                registry,
                "attache_losses_total",
                "Fields that a translation could not carry",
                &["front", "provider", "field"],
            )?,
            duration: histograms(
                registry,
                "gen_ai_client_operation_duration_seconds",
                "Duration of exchanges",
                &GEN_AI,
                &SECONDS,
            )?,
            first_token: histograms(
                registry,
                "gen_ai_client_operation_time_to_first_chunk_seconds",
                "Time until the first event of a stream that held something of the answer",
                &GEN_AI,
                &SECONDS,
            )?,
            tokens: histograms(
                registry,
                "gen_ai_client_token_usage",
                "Tokens by type: input and output are totals",
                &[&GEN_AI[..], &["gen_ai_token_type"]].concat(),
                &TOKENS,
            )?,
            cost: counters(
                registry,
                "attache_cost_nanos_total",
                "What exchanges cost, in billionths of the unit of prices.currency",
                &["provider", "model"],
            )?,
            unpriced: counters(
                registry,
                "attache_unpriced_exchanges_total",
                "Exchanges that used something of which nobody knows what it costs",
                &["provider", "model"],
            )?,
        })
    }
}
