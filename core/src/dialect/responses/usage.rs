//! `usage`: this API's counts ↔ the hub's convention.
//!
//! Both count the same way: `input_tokens` includes the cached ones, `output_tokens` the reasoning.
//! <https://github.com/openai/openai-python/blob/main/src/openai/types/responses/response_usage.py>

use crate::dialect::wire::{Count, wire};
use crate::usage::{Usage, units};
use serde::Serialize;
use serde_json::value::RawValue;

wire! {
    /// The counts as a provider writes them.
    struct Counts<'a> {
        input_tokens: Count,
        output_tokens: Count,
        input_tokens_details: InputDetails<'a>,
        output_tokens_details: OutputDetails<'a>,
    }
}
wire! {
    /// What the prompt's tokens were.
    struct InputDetails<'a> { cached_tokens: Count, cache_write_tokens: Count, audio_tokens: Count }
}
wire! {
    /// What the generated tokens were.
    struct OutputDetails<'a> { reasoning_tokens: Count, audio_tokens: Count }
}

impl Counts<'_> {
    /// The counts in the hub's convention; `None` where the provider wrote none.
    pub(super) fn into_usage(self) -> Option<Usage> {
        if self.input_tokens.is_none() && self.output_tokens.is_none() {
            return None;
        }
        let count = |count: Option<Count>| count.unwrap_or_default().0;
        let input = self.input_tokens_details.unwrap_or_default();
        let output = self.output_tokens_details.unwrap_or_default();
        Some(Usage {
            input: count(self.input_tokens),
            cached_input: count(input.cached_tokens),
            cache_write: count(input.cache_write_tokens),
            cache_write_1h: 0,
            audio_input: count(input.audio_tokens),
            output: count(self.output_tokens),
            reasoning: count(output.reasoning_tokens),
            audio_output: count(output.audio_tokens),
            cost_nanos: None,
        })
    }
}

/// The counts on their way to a client.
#[derive(Serialize)]
pub(super) struct CountsOut {
    input_tokens: u64,
    input_tokens_details: InputDetailsOut,
    output_tokens: u64,
    output_tokens_details: OutputDetailsOut,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct InputDetailsOut {
    cached_tokens: u64,
    cache_write_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    audio_tokens: u64,
}

#[derive(Serialize)]
struct OutputDetailsOut {
    reasoning_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    audio_tokens: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl From<&Usage> for CountsOut {
    fn from(usage: &Usage) -> Self {
        Self {
            input_tokens: usage.input,
            input_tokens_details: InputDetailsOut {
                cached_tokens: usage.cached_input,
                cache_write_tokens: usage.cache_write,
                audio_tokens: usage.audio_input,
            },
            output_tokens: usage.output,
            output_tokens_details: OutputDetailsOut {
                reasoning_tokens: usage.reasoning,
                audio_tokens: usage.audio_output,
            },
            total_tokens: usage.input.saturating_add(usage.output),
            cost: usage.cost_nanos.and_then(units),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::responses::usage;

    #[test]
    fn input_includes_the_cached_and_output_the_reasoning() {
        let plain = Usage { input: 75, output: 1186, ..Usage::default() };
        for (json, expected) in [
            ("{}", None),
            (r#"{"total_tokens":7}"#, None),
            ("null", None),
            (r#"{"input_tokens":75,"output_tokens":1186,"total_tokens":1261}"#, Some(plain)),
            (r#"{"input_tokens":75.0,"output_tokens":1186,"input_tokens_details":null}"#, Some(plain)),
            (r#"{"input_tokens":75}"#, Some(Usage { output: 0, ..plain })),
            (
                r#"{"input_tokens":75,"input_tokens_details":{"cached_tokens":64,"cache_write_tokens":3},
                    "output_tokens":1186,"output_tokens_details":{"reasoning_tokens":1024},"total_tokens":1261}"#,
                Some(Usage { cached_input: 64, cache_write: 3, reasoning: 1024, ..plain }),
            ),
        ] {
            assert_eq!(usage(json), expected, "{json}");
        }
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let counts = Usage {
            input: 9,
            cached_input: 4,
            cache_write: 2,
            audio_input: 1,
            output: 8,
            reasoning: 3,
            audio_output: 2,
            ..Usage::default()
        };
        let json = serde_json::to_string(&CountsOut::from(&counts)).unwrap();
        assert_eq!(usage(&json), Some(counts));
    }
}
