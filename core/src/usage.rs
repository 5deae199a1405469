//! [`Usage`]: the tokens of one exchange, under one convention.

/// Tokens of one exchange, in the hub's convention; each dialect converts from and to its own.
///
/// `input` and `output` are totals (as OpenTelemetry's `gen_ai.usage.*` asks): `input` includes `cached_input` and
/// `cache_write`; `output` includes `reasoning`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
}
