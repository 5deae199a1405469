//! `usage`: <https://github.com/anthropics/anthropic-sdk-python/blob/main/src/anthropic/types/usage.py>.
//!
//! Here `input_tokens` are only the tokens behind the last cache breakpoint: what was read from the cache and what was
//! written to it are counted beside them. The hub's `input` is the sum. (`output_tokens` includes the thinking.)

use crate::dialect::wire::{Count, wire};
use crate::loss::Losses;
use crate::text::Str;
use crate::usage::{Usage, units};
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

wire! {
    /// The counts as the API writes them. A stream's events are cumulative: what they leave out still holds.
    struct Counts<'a> {
        input_tokens: Count,
        cache_read_input_tokens: Count,
        cache_creation_input_tokens: Count,
        cache_creation: ByLifetime<'a>,
        output_tokens: Count,
        output_tokens_details: OutputDetails<'a>,
        server_tool_use: ServerTools<'a>,
        service_tier: Str<'a>,
        // Where it ran and which parts it ran in: facts about the answer that no other dialect has, and no loss.
        inference_geo: IgnoredAny,
        iterations: IgnoredAny,
        speed: IgnoredAny,
    }
}

wire! {
    struct ByLifetime<'a> { hour "ephemeral_1h_input_tokens": Count, minutes "ephemeral_5m_input_tokens": Count }
}

wire! {
    struct OutputDetails<'a> { thinking_tokens: Count }
}

wire! {
    struct ServerTools<'a> { web_search_requests: Count, web_fetch_requests: Count }
}

impl Counts<'_> {
    /// Notes what was used and cannot be said elsewhere.
    pub(super) fn note(&self, losses: &mut Losses) {
        if self.has_server_tools() {
            losses.add("usage.server_tool_use");
        }
        for field in &self.unknown {
            losses.add_unknown("usage", field);
        }
    }

    /// Tools on the provider's side were used, which cost money beside the tokens.
    pub(super) fn has_server_tools(&self) -> bool {
        self.server_tool_use.as_ref().is_some_and(|tools| {
            [tools.web_search_requests, tools.web_fetch_requests].iter().flatten().any(|count| count.0 > 0)
        })
    }
}

/// What has been used so far, in the API's own convention.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    known: bool,
    input: u64,
    cache_read: u64,
    cache_write: u64,
    cache_write_1h: u64,
    output: u64,
    thinking: u64,
}

impl Tally {
    /// Takes newer counts: those that are there replace the older ones.
    pub(super) fn update(&mut self, counts: &Counts<'_>) {
        let mut set = |place: &mut u64, count: Option<Count>| {
            if let Some(Count(count)) = count {
                *place = count;
                self.known = true;
            }
        };
        set(&mut self.input, counts.input_tokens);
        set(&mut self.cache_read, counts.cache_read_input_tokens);
        set(&mut self.output, counts.output_tokens);
        set(&mut self.thinking, counts.output_tokens_details.as_ref().and_then(|details| details.thinking_tokens));
        if let Some(written) = &counts.cache_creation {
            set(&mut self.cache_write_1h, written.hour);
            let sum = [written.hour, written.minutes].iter().flatten().fold(0u64, |sum, n| sum.saturating_add(n.0));
            set(&mut self.cache_write, Some(Count(sum)));
        }
        set(&mut self.cache_write, counts.cache_creation_input_tokens);
    }

    /// The same in the hub's convention; `None` if nothing was ever said.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.known.then(|| Usage {
            input: self.input.saturating_add(self.cache_read).saturating_add(self.cache_write),
            cached_input: self.cache_read,
            cache_write: self.cache_write,
            cache_write_1h: self.cache_write_1h.min(self.cache_write),
            audio_input: 0,
            output: self.output,
            reasoning: self.thinking.min(self.output),
            audio_output: 0,
            cost_nanos: None,
        })
    }
}

/// The hub's usage as this dialect writes it.
#[derive(Debug, Serialize)]
pub(super) struct Written<'a> {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation: Option<WrittenLifetimes>,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<WrittenDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Box<RawValue>>,
}

#[derive(Debug, Serialize)]
struct WrittenLifetimes {
    ephemeral_5m_input_tokens: u64,
    ephemeral_1h_input_tokens: u64,
}

#[derive(Debug, Serialize)]
struct WrittenDetails {
    thinking_tokens: u64,
}

impl<'a> Written<'a> {
    /// The usage in this dialect's convention.
    pub(super) fn new(usage: &Usage, service_tier: Option<&'a str>) -> Self {
        Self {
            input_tokens: usage.input.saturating_sub(usage.cached_input).saturating_sub(usage.cache_write),
            cache_creation_input_tokens: usage.cache_write,
            cache_read_input_tokens: usage.cached_input,
            cache_creation: (usage.cache_write_1h > 0).then(|| WrittenLifetimes {
                ephemeral_5m_input_tokens: usage.cache_write.saturating_sub(usage.cache_write_1h),
                ephemeral_1h_input_tokens: usage.cache_write_1h,
            }),
            output_tokens: usage.output,
            output_tokens_details: (usage.reasoning > 0).then_some(WrittenDetails { thinking_tokens: usage.reasoning }),
            service_tier: service_tier.and_then(tier),
            cost: usage.cost_nanos.and_then(units),
        }
    }
}

/// The service tier as this dialect spells it; `None` for one that it does not know.
pub(super) fn tier(spelled: &str) -> Option<&'static str> {
    match spelled {
        "standard" | "default" => Some("standard"),
        "priority" => Some("priority"),
        "batch" => Some("batch"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<Usage>) {
        assert_eq!(super::super::usage(json), expected, "{json}");
    }

    #[test]
    fn input_is_the_sum() {
        check(
            r#"{"input_tokens":10,"cache_read_input_tokens":2000,"cache_creation_input_tokens":300,
                "cache_creation":{"ephemeral_5m_input_tokens":100,"ephemeral_1h_input_tokens":200},
                "output_tokens":50,"output_tokens_details":{"thinking_tokens":20},"service_tier":"standard"}"#,
            Some(Usage {
                input: 2310,
                cached_input: 2000,
                cache_write: 300,
                cache_write_1h: 200,
                output: 50,
                reasoning: 20,
                ..Usage::default()
            }),
        );
        check(r#"{"input_tokens":1,"output_tokens":2}"#, Some(Usage { input: 1, output: 2, ..Usage::default() }));
        check("{}", None);
        check("null", None);
        check("7", None);
    }

    #[test]
    fn no_number_is_too_large_or_too_strange() {
        check(
            r#"{"input_tokens":18446744073709551615,"cache_read_input_tokens":18446744073709551615}"#,
            Some(Usage { input: u64::MAX, cached_input: u64::MAX, ..Usage::default() }),
        );
        check(r#"{"input_tokens":-1,"output_tokens":12.0}"#, Some(Usage { output: 12, ..Usage::default() }));
    }

    #[test]
    fn writing_is_the_way_back() {
        let usage = Usage {
            input: 2310,
            cached_input: 2000,
            cache_write: 300,
            cache_write_1h: 200,
            output: 50,
            reasoning: 20,
            ..Usage::default()
        };
        let json = serde_json::to_string(&Written::new(&usage, Some("default"))).unwrap();
        check(&json, Some(usage));
        assert!(json.contains(r#""input_tokens":10,"#) && json.contains(r#""service_tier":"standard""#), "{json}");
    }
}
