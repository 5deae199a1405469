//! `usage`: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html>.
//!
//! Here `inputTokens` are only the tokens that neither came from the cache nor went into it: those are counted beside
//! them (<https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html>). The hub's `input` is the sum.
//! `outputTokens` includes the reasoning, which is nowhere told apart; `totalTokens` is everything.

use crate::dialect::wire::{Count, Raw, wire};
use crate::usage::{Usage, units};
use serde::Serialize;
use serde_json::value::RawValue;

wire! {
    struct Counts<'a> {
        input "inputTokens": Count,
        output "outputTokens": Count,
        total "totalTokens": Count,
        cache_read "cacheReadInputTokens": Count,
        cache_write "cacheWriteInputTokens": Count,
        // The same two under the names of the preview, which the API still writes.
        cache_read_old "cacheReadInputTokenCount": Count,
        cache_write_old "cacheWriteInputTokenCount": Count,
        cache_details "cacheDetails": Vec<CacheDetail<'a>>,
        server_tools "serverToolUsage": Raw<'a>,
    }
}

wire! {
    /// What was written to the cache for this long.
    struct CacheDetail<'a> { ttl: crate::text::Str<'a>, tokens "inputTokens": Count }
}

impl Counts<'_> {
    /// The same in the hub's convention; `None` if nothing is said.
    pub(super) fn usage(&self) -> Option<Usage> {
        let count = |count: Option<Count>| count.map_or(0, |count| count.0);
        if self.input.is_none() && self.output.is_none() {
            return None;
        }
        let cached_input = count(self.cache_read.or(self.cache_read_old));
        let cache_write = count(self.cache_write.or(self.cache_write_old));
        let for_an_hour = |detail: &&CacheDetail<'_>| detail.ttl.as_deref() == Some("1h");
        let hour = self.cache_details.iter().flatten().filter(for_an_hour);
        let hour = hour.fold(0u64, |sum, detail| sum.saturating_add(count(detail.tokens)));
        Some(Usage {
            input: count(self.input).saturating_add(cached_input).saturating_add(cache_write),
            cached_input,
            cache_write,
            cache_write_1h: hour.min(cache_write),
            output: count(self.output),
            ..Usage::default()
        })
    }

    /// Tools on the provider's side were used, which cost money beside the tokens.
    pub(super) fn has_server_tools(&self) -> bool {
        self.server_tools.is_some_and(|tools| tools.get().contains(':'))
    }
}

/// The hub's usage as this dialect writes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    input_tokens: u64,
    output_tokens: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_read_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cache_details: Vec<WrittenDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Box<RawValue>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenDetail {
    ttl: &'static str,
    input_tokens: u64,
}

impl Written {
    /// The usage in this dialect's convention. The counts of the cache are there where it was used.
    pub(super) fn new(usage: &Usage) -> Self {
        let cache_used = usage.cached_input > 0 || usage.cache_write > 0;
        let minutes = usage.cache_write.saturating_sub(usage.cache_write_1h);
        let details = [("1h", usage.cache_write_1h), ("5m", minutes)];
        Self {
            input_tokens: usage.input.saturating_sub(usage.cached_input).saturating_sub(usage.cache_write),
            output_tokens: usage.output,
            total_tokens: usage.input.saturating_add(usage.output),
            cache_read_input_tokens: cache_used.then_some(usage.cached_input),
            cache_write_input_tokens: cache_used.then_some(usage.cache_write),
            cache_details: details
                .into_iter()
                .filter(|(_, tokens)| usage.cache_write_1h > 0 && *tokens > 0)
                .map(|(ttl, input_tokens)| WrittenDetail { ttl, input_tokens })
                .collect(),
            cost: usage.cost_nanos.and_then(units),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<Usage>) {
        assert_eq!(super::super::usage(json), expected, "{json}");
    }

    const USAGE: Usage = Usage {
        input: 2310,
        cached_input: 2000,
        cache_write: 300,
        cache_write_1h: 200,
        audio_input: 0,
        output: 50,
        reasoning: 0,
        audio_output: 0,
        cost_nanos: None,
    };

    #[test]
    fn input_is_the_sum() {
        check(
            r#"{"inputTokens":10,"outputTokens":50,"totalTokens":2360,"cacheReadInputTokens":2000,"cacheWriteInputTokens":300,
                "cacheDetails":[{"ttl":"1h","inputTokens":200},{"ttl":"5m","inputTokens":100}],"serverToolUsage":{}}"#,
            Some(USAGE),
        );
        check(
            r#"{"inputTokens":1,"outputTokens":2,"totalTokens":6,"cacheReadInputTokenCount":3,"cacheWriteInputTokenCount":0}"#,
            Some(Usage { input: 4, cached_input: 3, output: 2, ..Usage::default() }),
        );
        check(r#"{"inputTokens":1.0,"outputTokens":-2}"#, Some(Usage { input: 1, ..Usage::default() }));
        for nothing in ["{}", "null", "7", "{"] {
            check(nothing, None);
        }
    }

    #[test]
    fn writing_is_the_way_back() {
        let json = serde_json::to_string(&Written::new(&USAGE)).unwrap();
        check(&json, Some(USAGE));
        assert!(json.contains(r#""inputTokens":10,"outputTokens":50,"totalTokens":2360"#), "{json}");
        let plain = Written::new(&Usage { input: 1, output: 2, ..Usage::default() });
        assert_eq!(serde_json::to_string(&plain).unwrap(), r#"{"inputTokens":1,"outputTokens":2,"totalTokens":3}"#);
    }

    #[test]
    fn tools_of_the_provider_are_noticed() {
        let counts = |json| serde_json::from_str::<Counts<'_>>(json).unwrap().has_server_tools();
        assert!(counts(r#"{"serverToolUsage":{"webSearchRequests":1}}"#));
        assert!(!counts(r#"{"serverToolUsage":{}}"#) && !counts("{}"));
    }
}
