//! [`Usage`]: the tokens of one exchange, under one convention.

use crate::price::Nanos;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Tokens of one exchange, in the hub's convention; each dialect converts from and to its own.
///
/// `input` and `output` are totals (as OpenTelemetry's `gen_ai.usage.*` asks): `input` includes `cached_input` and
/// `cache_write`; `output` includes `reasoning`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// All prompt tokens, the cached and the newly cached ones included.
    pub input: u64,
    /// The part of `input` that was read from the provider's prompt cache.
    pub cached_input: u64,
    /// The part of `input` that was written to the provider's prompt cache (any lifetime).
    pub cache_write: u64,
    /// The part of `cache_write` that is kept for an hour (Anthropic's `ephemeral_1h_input_tokens`).
    pub cache_write_1h: u64,
    /// The part of `input` that is audio.
    pub audio_input: u64,
    /// All generated tokens, the reasoning included.
    pub output: u64,
    /// The part of `output` that was spent on reasoning.
    pub reasoning: u64,
    /// The part of `output` that is audio.
    pub audio_output: u64,
    /// What it cost, in billionths of the currency's unit. No decoder knows; who prices it may tell the client so, who
    /// reads it as `usage.cost`, a number of whole units (OpenRouter's word for it).
    #[serde(skip)]
    pub cost_nanos: Option<u64>,
}

/// Billionths as a JSON number of whole units: `0.0012345`, every digit of it.
pub(crate) fn units(nanos: u64) -> Option<Box<RawValue>> {
    RawValue::from_string(Nanos(nanos).to_string()).ok()
}
