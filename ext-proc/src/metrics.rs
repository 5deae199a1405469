//! Numbers for Prometheus. OpenTelemetry's `gen_ai.*` names where they exist, `attache_*` for ours.
//!
//! Every label set is bounded: models and providers are names from the configuration, never a client's words.

mod cache;
mod credentials;
mod exchange;
mod guards;
mod limits;
mod redaction;
mod store;

pub use cache::Cache;
pub use credentials::Credentials;
pub use exchange::Exchange;
pub use guards::Guards;
pub use limits::Limits;
pub use redaction::Redaction;
pub use store::Store;

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder, core::Collector,
};

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// What exchanges come to.
    pub exchange: Exchange,
    /// What limits and budgets did.
    pub limits: Limits,
    /// What must not leave, and what became of it.
    pub redaction: Redaction,
    /// What guards said, and whom they asked.
    pub guards: Guards,
    /// What has been answered before.
    pub cache: Cache,
    /// Requests by what they showed of their caller and what came of it.
    pub auth: IntCounterVec,
    /// Keys and tokens for providers.
    pub credentials: Credentials,
    /// How the store of limits fares.
    pub store: Store,
    /// Usage records that could not be written.
    pub usage_dropped: prometheus::IntCounter,
    /// Reloads of the configuration by result.
    pub config_reloads: IntCounterVec,
    /// What Envoy's access log said of exchanges that filters carry.
    pub logged: IntCounterVec,
    /// gRPC streams that broke the protocol, by what was wrong.
    pub protocol_errors: IntCounterVec,
}

impl Metrics {
    /// All metrics at zero.
    ///
    /// # Errors
    /// Never in practice: only if a name above were invalid or registered twice.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        Ok(Self {
            exchange: Exchange::new(&registry)?,
            limits: Limits::new(&registry)?,
            redaction: Redaction::new(&registry)?,
            guards: Guards::new(&registry)?,
            cache: Cache::new(&registry)?,
            auth: counters(
                &registry,
                "attache_auth_total",
                "Requests by what they showed of their caller (key, jwt, mtls, header, anonymous, none) and what came of it",
                &["source", "outcome"],
            )?,
            credentials: Credentials::new(&registry)?,
            store: Store::new(&registry)?,
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
