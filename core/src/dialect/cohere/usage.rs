//! `usage`: <https://docs.cohere.com/docs/how-does-cohere-pricing-work>.
//!
//! Cohere counts twice. `tokens` is all that the model read and wrote, with the template and the special tokens that Cohere
//! adds; `billed_units` is what the client wrote and pays for. The hub's counts are the billed ones, as OpenTelemetry wants
//! them too (<https://github.com/open-telemetry/semantic-conventions-genai/pull/211>): money, limits and budgets follow
//! the bill. Where only `tokens` are told, they stand in. Input includes the cached tokens, output the thinking.

use crate::dialect::wire::{Count, wire};
use crate::loss::Losses;
use crate::usage::{Usage, units};
use serde::Serialize;
use serde_json::value::RawValue;

wire! {
    /// The counts as the API writes them.
    struct Counts<'a> { billed_units: BilledUnits<'a>, tokens: Tokens<'a>, cached_tokens: Count }
}
wire! {
    struct BilledUnits<'a> { input_tokens: Count, output_tokens: Count, search_units: Count, classifications: Count }
}
wire! { struct Tokens<'a> { input_tokens: Count, output_tokens: Count } }

impl Counts<'_> {
    /// The counts in the hub's convention; `None` where the provider wrote none.
    pub(super) fn usage(&self) -> Option<Usage> {
        let billed = self.billed_units.as_ref();
        let read = self.tokens.as_ref();
        let input = billed.and_then(|units| units.input_tokens).or_else(|| read?.input_tokens);
        let output = billed.and_then(|units| units.output_tokens).or_else(|| read?.output_tokens);
        if input.is_none() && output.is_none() {
            return None;
        }
        let input = input.unwrap_or_default().0;
        Some(Usage {
            input,
            // Of all that the model read, of which the bill may hold only a part.
            cached_input: self.cached_tokens.unwrap_or_default().0.min(input),
            output: output.unwrap_or_default().0,
            ..Usage::default()
        })
    }

    /// What was used and cannot be said elsewhere.
    pub(super) fn lost(&self) -> Option<&'static str> {
        let billed = self.billed_units.as_ref()?;
        let others = [billed.search_units, billed.classifications];
        others.iter().flatten().any(|count| count.0 > 0).then_some("usage.billed_units")
    }
}

/// The counts on their way to a client.
#[derive(Debug, Serialize)]
pub(super) struct Written {
    billed_units: Pair,
    tokens: Pair,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Box<RawValue>>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Pair {
    input_tokens: u64,
    output_tokens: u64,
}

impl Written {
    /// Both counts are the same: other providers bill what their models read.
    pub(super) fn new(usage: &Usage) -> Self {
        let pair = Pair { input_tokens: usage.input, output_tokens: usage.output };
        Self {
            billed_units: pair,
            tokens: pair,
            cached_tokens: (usage.cached_input > 0).then_some(usage.cached_input),
            cost: usage.cost_nanos.and_then(units),
        }
    }
}

/// Notes the parts of the totals that this dialect does not count.
pub(super) fn note_uncounted(usage: &Usage, losses: &mut Losses) {
    let parts = [
        ("usage.cache_write_tokens", usage.cache_write),
        ("usage.reasoning_tokens", usage.reasoning),
        ("usage.audio_tokens", usage.audio_input.max(usage.audio_output)),
    ];
    parts.iter().filter(|(_, count)| *count > 0).for_each(|(field, _)| losses.add(field));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::cohere;

    #[test]
    fn the_bill_counts() {
        let usage = |input, output| Some(Usage { input, output, ..Usage::default() });
        for (json, expected) in [
            (
                r#"{"billed_units":{"input_tokens":37.0,"output_tokens":28},"tokens":{"input_tokens":913,"output_tokens":83}}"#,
                usage(37, 28),
            ),
            (r#"{"tokens":{"input_tokens":913,"output_tokens":83}}"#, usage(913, 83)),
            (
                r#"{"billed_units":{"output_tokens":28},"tokens":{"input_tokens":913,"output_tokens":83}}"#,
                usage(913, 28),
            ),
            (r#"{"billed_units":{"input_tokens":3}}"#, usage(3, 0)),
            (r#"{"billed_units":null,"tokens":{}}"#, None),
            ("{}", None),
            ("null", None),
            ("7", None),
        ] {
            assert_eq!(cohere::usage(json), expected, "{json}");
        }
    }

    #[test]
    fn input_includes_the_cached() {
        let json = r#"{"billed_units":{"input_tokens":100,"output_tokens":1},"cached_tokens":60}"#;
        let usage = Usage { input: 100, cached_input: 60, output: 1, ..Usage::default() };
        assert_eq!(cohere::usage(json), Some(usage));
        let json = r#"{"billed_units":{"input_tokens":40,"output_tokens":1},"cached_tokens":60}"#;
        assert_eq!(cohere::usage(json), Some(Usage { input: 40, cached_input: 40, output: 1, ..Usage::default() }));
        let written = serde_json::to_string(&Written::new(&usage)).unwrap();
        assert_eq!(cohere::usage(&written), Some(usage));
    }

    #[test]
    fn other_units_are_lost() {
        let lost = |json: &str| serde_json::from_str::<Counts<'_>>(json).unwrap().lost();
        assert_eq!(lost(r#"{"billed_units":{"input_tokens":1,"search_units":2}}"#), Some("usage.billed_units"));
        assert_eq!(lost(r#"{"billed_units":{"input_tokens":1,"search_units":0,"classifications":null}}"#), None);
    }
}
