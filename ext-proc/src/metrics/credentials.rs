//! Keys and tokens for providers.

use super::counters;
use prometheus::{IntCounterVec, Registry};

/// Numbers of credentials.
#[derive(Debug)]
pub struct Credentials {
    /// Keys that were sent to rest, by the status for which.
    pub rests: IntCounterVec,
    /// Fetches of tokens and temporary keys, by outcome.
    pub renewals: IntCounterVec,
}

impl Credentials {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            rests: counters(
                registry,
                "attache_credential_rests_total",
                "Keys of providers that were sent to rest, by the status for which (429, 401)",
                &["provider", "reason"],
            )?,
            renewals: counters(
                registry,
                "attache_credential_renewals_total",
                "Fetches of tokens and temporary keys for providers, by outcome (ok, failed)",
                &["provider", "outcome"],
            )?,
        })
    }
}
