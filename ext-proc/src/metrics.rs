//! Numbers for Prometheus. OpenTelemetry's `gen_ai.*` names where they exist, `attache_*` for ours.
//!
//! Every label set is bounded: models and providers are names from the configuration, never a client's words.

mod cache;

pub use cache::Cache;

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder, core::Collector,
};

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Exchanges by how they ended.
    pub exchanges: IntCounterVec,
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
    /// How often limits and budgets let nothing through.
    pub limit_decisions: IntCounterVec,
    /// What was found that must not leave, and what became of it.
    pub redactions: IntCounterVec,
    /// Whom guards asked, and whether they answered.
    pub guard_calls: IntCounterVec,
    /// What guards said.
    pub guard_decisions: IntCounterVec,
    /// What has been answered before.
    pub cache: Cache,
    /// Analyzers that gave no answer, by what a policy does then.
    pub analyzer_failures: IntCounterVec,
    /// Budgets that passed one of their thresholds.
    pub budget_warnings: IntCounterVec,
    /// Requests by what they showed of their caller and what came of it.
    pub auth: IntCounterVec,
    /// Keys that were sent to rest, by the status for which.
    pub credential_rests: IntCounterVec,
    /// Fetches of tokens and temporary keys, by outcome.
    pub credential_renewals: IntCounterVec,
    /// Usage records that could not be written.
    pub usage_dropped: prometheus::IntCounter,
    /// Reloads of the configuration by result.
    pub config_reloads: IntCounterVec,
    /// How long the store of limits took, by operation.
    pub store_seconds: HistogramVec,
    /// What the store of limits could not do, by operation.
    pub store_failures: IntCounterVec,
    /// What the store of limits gave up: settlements it could not pass on, notices that nobody took.
    pub store_dropped: prometheus::IntCounter,
    /// What Envoy's access log said of exchanges that filters carry.
    pub logged: IntCounterVec,
    /// gRPC streams that broke the protocol, by what was wrong.
    pub protocol_errors: IntCounterVec,
}

/// Buckets of OpenTelemetry's advice for durations of model calls, in seconds.
const SECONDS: [f64; 14] = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// The same for tokens.
const TOKENS: [f64; 14] = [
    1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0,
    67108864.0,
];
/// From what memory takes to the timeouts of a store elsewhere.
const STORE_SECONDS: [f64; 12] =
    [0.000_001, 0.000_004, 0.000_016, 0.000_064, 0.000_25, 0.001, 0.002, 0.004, 0.01, 0.025, 0.05, 0.1];
const GEN_AI: [&str; 3] = ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"];

impl Metrics {
    /// All metrics at zero.
    ///
    /// # Errors
    /// Never in practice: only if a name above were invalid or registered twice.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        Ok(Self {
            exchanges: counters(
                &registry,
                "attache_exchanges_total",
                "Exchanges by how they ended",
                &["front", "model", "provider", "ending", "status"],
            )?,
            attempts: counters(
                &registry,
                "attache_attempts_total",
                "Attempts by provider and outcome",
                &["provider", "outcome"],
            )?,
            open: gauge(&registry, "attache_open_exchanges", "Exchanges that are open now")?,
            losses: counters(
                &registry,
                "attache_losses_total",
                "Fields that a translation could not carry",
                &["front", "provider", "field"],
            )?,
            duration: histograms(
                &registry,
                "gen_ai_client_operation_duration_seconds",
                "Duration of exchanges",
                &GEN_AI,
                &SECONDS,
            )?,
            first_token: histograms(
                &registry,
                "gen_ai_client_operation_time_to_first_chunk_seconds",
                "Time until the first event of a stream that held something of the answer",
                &GEN_AI,
                &SECONDS,
            )?,
            tokens: histograms(
                &registry,
                "gen_ai_client_token_usage",
                "Tokens by type: input and output are totals",
                &[&GEN_AI[..], &["gen_ai_token_type"]].concat(),
                &TOKENS,
            )?,
            cost: counters(
                &registry,
                "attache_cost_nanos_total",
                "What exchanges cost, in billionths of the unit of prices.currency",
                &["provider", "model"],
            )?,
            unpriced: counters(
                &registry,
                "attache_unpriced_exchanges_total",
                "Exchanges that used something of which nobody knows what it costs",
                &["provider", "model"],
            )?,
            limit_decisions: counters(
                &registry,
                "attache_limit_decisions_total",
                "What limits and budgets did: denied, passed_over (a provider without room), instead (another model), stopped (a stream), unavailable (no store)",
                &["limit", "decision"],
            )?,
            redactions: counters(
                &registry,
                "attache_redactions_total",
                "What was found that must not leave, by what became of it (mask, redact, hash, partial, synthetic, block, detect)",
                &["entity", "action", "direction", "policy"],
            )?,
            guard_decisions: counters(
                &registry,
                "attache_guard_decisions_total",
                "What guards said of requests and answers: pass, stop, monitor (it would have been stopped)",
                &["guard", "direction", "verdict"],
            )?,
            guard_calls: counters(
                &registry,
                "attache_guard_calls_total",
                "Verdicts of those whom guards ask, by how they were come by: answer, cache, failure (no answer that counts), nothing (nothing was said)",
                &["guard", "source"],
            )?,
            cache: Cache::new(&registry)?,
            analyzer_failures: counters(
                &registry,
                "attache_analyzer_failures_total",
                "Requests for which a policy's analyzer gave no answer, by what became of them (open: sent on, closed: refused)",
                &["policy", "outcome"],
            )?,
            budget_warnings: counters(
                &registry,
                "attache_budget_warnings_total",
                "Budgets that passed one of their thresholds",
                &["budget", "percent"],
            )?,
            auth: counters(
                &registry,
                "attache_auth_total",
                "Requests by what they showed of their caller (key, jwt, mtls, header, anonymous, none) and what came of it",
                &["source", "outcome"],
            )?,
            credential_rests: counters(
                &registry,
                "attache_credential_rests_total",
                "Keys of providers that were sent to rest, by the status for which (429, 401)",
                &["provider", "reason"],
            )?,
            credential_renewals: counters(
                &registry,
                "attache_credential_renewals_total",
                "Fetches of tokens and temporary keys for providers, by outcome (ok, failed)",
                &["provider", "outcome"],
            )?,
            usage_dropped: register(
                &registry,
                prometheus::IntCounter::new(
                    "attache_usage_records_dropped_total",
                    "Usage records that could not be written",
                )?,
            )?,
            config_reloads: counters(
                &registry,
                "attache_config_reloads_total",
                "Reloads of the configuration by result (ok, bad)",
                &["result"],
            )?,
            store_seconds: histograms(
                &registry,
                "attache_store_seconds",
                "How long the store of limits took, by operation",
                &["op"],
                &STORE_SECONDS,
            )?,
            store_failures: counters(
                &registry,
                "attache_store_failures_total",
                "What the store of limits could not do, by operation",
                &["op"],
            )?,
            store_dropped: register(
                &registry,
                prometheus::IntCounter::new(
                    "attache_store_dropped_total",
                    "What the store of limits gave up: settlements it could not pass on, notices that nobody took",
                )?,
            )?,
            logged: counters(
                &registry,
                "attache_logged_exchanges_total",
                "What Envoy's access log said of exchanges that filters carry: goes_on, settled, untaken (Envoy gave up before it had our reply), passed_on (to the process that takes over), unknown (nobody waits for it), expired (nothing was said for long)",
                &["outcome"],
            )?,
            protocol_errors: counters(
                &registry,
                "attache_protocol_errors_total",
                "gRPC streams that broke the external processing protocol",
                &["what"],
            )?,
            registry,
        })
    }

    /// Everything in Prometheus' text format.
    pub fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut out) {
            tracing::error!(%error, "metrics cannot be written");
        }
        out
    }
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntGauge> {
    register(registry, IntGauge::new(name, help)?)
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
    register(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
}

fn histograms(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
    buckets: &[f64],
) -> prometheus::Result<HistogramVec> {
    register(registry, HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)?)
}
