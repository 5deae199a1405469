//! `usage`: OpenAI's counts ↔ the hub's convention.
//!
//! Both count the same way: `prompt_tokens` includes the cached ones, `completion_tokens` the reasoning.
//! <https://platform.openai.com/docs/api-reference/chat/object#chat/object-usage>

use crate::dialect::wire::{Count, wire};
use crate::usage::{Usage, units};
use serde::Serialize;
use serde_json::value::RawValue;

wire! {
    /// The counts as a provider writes them. Counts that no bill depends on (predictions) are among the unknown.
    struct Counts<'a> {
        prompt_tokens: Count,
        completion_tokens: Count,
        total_tokens: Count,
        prompt_tokens_details: PromptDetails<'a>,
        completion_tokens_details: CompletionDetails<'a>,
        // DeepSeek's name for the cached part.
        prompt_cache_hit_tokens: Count,
    }
}
wire! {
    /// What the prompt's tokens were.
    struct PromptDetails<'a> { cached_tokens: Count, cache_write_tokens: Count, audio_tokens: Count }
}
wire! {
    /// What the generated tokens were.
    struct CompletionDetails<'a> { reasoning_tokens: Count, audio_tokens: Count }
}

impl Counts<'_> {
    /// The counts in the hub's convention; `None` where the provider wrote none.
    pub(super) fn into_usage(self) -> Option<Usage> {
        if self.prompt_tokens.is_none() && self.completion_tokens.is_none() {
            return None;
        }
        let count = |count: Option<Count>| count.unwrap_or_default().0;
        let prompt = self.prompt_tokens_details.unwrap_or_default();
        let completion = self.completion_tokens_details.unwrap_or_default();
        let input = count(self.prompt_tokens);
        let reasoning = count(completion.reasoning_tokens);
        let mut output = count(self.completion_tokens);
        // xAI counts the reasoning beside `completion_tokens`; only the total tells.
        let with_reasoning = output.saturating_add(reasoning);
        if reasoning > 0 && self.total_tokens == Some(Count(input.saturating_add(with_reasoning))) {
            output = with_reasoning;
        }
        Some(Usage {
            input,
            cached_input: count(prompt.cached_tokens.or(self.prompt_cache_hit_tokens)),
            cache_write: count(prompt.cache_write_tokens),
            cache_write_1h: 0,
            audio_input: count(prompt.audio_tokens),
            output,
            reasoning,
            audio_output: count(completion.audio_tokens),
            cost_nanos: None,
        })
    }
}

/// The counts on their way to a client.
#[derive(Serialize)]
pub(in crate::dialect) struct CountsOut {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetailsOut,
    completion_tokens_details: CompletionDetailsOut,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct PromptDetailsOut {
    cached_tokens: u64,
    cache_write_tokens: u64,
    audio_tokens: u64,
}

#[derive(Serialize)]
struct CompletionDetailsOut {
    reasoning_tokens: u64,
    audio_tokens: u64,
}

impl From<&Usage> for CountsOut {
    fn from(usage: &Usage) -> Self {
        Self {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.input.saturating_add(usage.output),
            prompt_tokens_details: PromptDetailsOut {
                cached_tokens: usage.cached_input,
                cache_write_tokens: usage.cache_write,
                audio_tokens: usage.audio_input,
            },
            completion_tokens_details: CompletionDetailsOut {
                reasoning_tokens: usage.reasoning,
                audio_tokens: usage.audio_output,
            },
            cost: usage.cost_nanos.and_then(units),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<Usage>) {
        let counts: Counts<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(counts.into_usage(), expected, "{json}");
    }

    #[test]
    fn counts_of_every_provider() {
        check("{}", None);
        check(r#"{"total_tokens":7}"#, None);
        let plain = Usage { input: 10, output: 5, ..Usage::default() };
        check(r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}"#, Some(plain));
        check(r#"{"prompt_tokens":10.0,"completion_tokens":5,"prompt_tokens_details":null}"#, Some(plain));
        check(r#"{"prompt_tokens":10}"#, Some(Usage { output: 0, ..plain }));
        check(
            r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,
                "prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":3,"audio_tokens":2},
                "completion_tokens_details":{"reasoning_tokens":1,"audio_tokens":1,"accepted_prediction_tokens":9}}"#,
            Some(Usage { cached_input: 4, cache_write: 3, audio_input: 2, reasoning: 1, audio_output: 1, ..plain }),
        );
        // xAI: the reasoning stands beside the completion.
        check(
            r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":115,"completion_tokens_details":{"reasoning_tokens":100}}"#,
            Some(Usage { output: 105, reasoning: 100, ..plain }),
        );
        // DeepSeek.
        check(
            r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_cache_hit_tokens":8,"prompt_cache_miss_tokens":2}"#,
            Some(Usage { cached_input: 8, ..plain }),
        );
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let usage = Usage {
            input: 10,
            cached_input: 4,
            cache_write: 3,
            cache_write_1h: 0,
            audio_input: 2,
            output: 5,
            reasoning: 1,
            audio_output: 1,
            cost_nanos: None,
        };
        let json = serde_json::to_string(&CountsOut::from(&usage)).unwrap();
        check(&json, Some(usage));
        assert!(json.contains(r#""total_tokens":15"#));
    }
}
