//! `usageMetadata`: <https://ai.google.dev/api/generate-content#UsageMetadata>.
//!
//! Here `promptTokenCount` includes what came from a cache (`cachedContentTokenCount`), but not what tools of the provider
//! fed back to the model (`toolUsePromptTokenCount`); `candidatesTokenCount` is the answer without the thoughts
//! (`thoughtsTokenCount`), and `totalTokenCount` the sum of the four. The hub's `input` is prompt and tool use, its `output`
//! answer and thoughts. (Where the total shows that the candidates include the thoughts, they are not counted twice.)

use super::names::{Int, Many};
use crate::dialect::wire::wire;
use crate::loss::Losses;
use crate::text::Str;
use crate::usage::{Usage, units};
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

wire! {
    /// The counts as the API writes them. Each chunk of a stream has them so far.
    struct Counts<'a> {
        prompt "promptTokenCount" | "prompt_token_count": Int,
        cached "cachedContentTokenCount" | "cached_content_token_count": Int,
        tool_use "toolUsePromptTokenCount" | "tool_use_prompt_token_count": Int,
        candidates "candidatesTokenCount" | "candidates_token_count": Int,
        thoughts "thoughtsTokenCount" | "thoughts_token_count": Int,
        total "totalTokenCount" | "total_token_count": Int,
        prompt_details "promptTokensDetails" | "prompt_tokens_details": Many<Detail<'a>>,
        candidates_details "candidatesTokensDetails" | "candidates_tokens_details": Many<Detail<'a>>,
        _cache_details "cacheTokensDetails" | "cache_tokens_details": IgnoredAny,
        _tool_use_details "toolUsePromptTokensDetails" | "tool_use_prompt_tokens_details": IgnoredAny,
        traffic "trafficType" | "traffic_type": Str<'a>,
        service_tier "serviceTier" | "service_tier": Str<'a>,
        _cost "cost": IgnoredAny,
    }
}
wire! {
    /// The tokens of one modality.
    struct Detail<'a> { modality: Str<'a>, count "tokenCount" | "token_count": Int }
}

impl<'a> Counts<'a> {
    /// Notes what was counted and cannot be said elsewhere.
    pub(super) fn note(&self, losses: &mut Losses) {
        for field in &self.unknown {
            losses.add_unknown("usageMetadata", field);
        }
    }

    /// The service tier that served, in words that other dialects have.
    pub(super) fn tier(&self) -> Option<Str<'a>> {
        let by_traffic = self.traffic.as_deref().and_then(|traffic| {
            Some(match traffic {
                "ON_DEMAND" => "standard",
                "ON_DEMAND_PRIORITY" => "priority",
                "ON_DEMAND_FLEX" => "flex",
                "ON_DEMAND_OFFPEAK" => "offpeak",
                "PROVISIONED_THROUGHPUT" => "provisioned_throughput",
                _ => return None,
            })
        });
        self.service_tier.clone().or(by_traffic.map(Str::from))
    }
}

/// What has been used so far, in the API's own convention.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    known: bool,
    prompt: u64,
    cached: u64,
    tool_use: u64,
    candidates: u64,
    thoughts: u64,
    total: u64,
    audio_input: u64,
    audio_output: u64,
}

impl Tally {
    /// Takes newer counts: those that are there replace the older ones.
    pub(super) fn update(&mut self, counts: &Counts<'_>) {
        let mut set = |place: &mut u64, count: Option<Int>| {
            if let Some(count) = count {
                *place = count.count();
                self.known = true;
            }
        };
        set(&mut self.prompt, counts.prompt);
        set(&mut self.cached, counts.cached);
        set(&mut self.tool_use, counts.tool_use);
        set(&mut self.candidates, counts.candidates);
        set(&mut self.thoughts, counts.thoughts);
        set(&mut self.total, counts.total);
        set(&mut self.audio_input, counts.prompt_details.as_ref().and_then(audio));
        set(&mut self.audio_output, counts.candidates_details.as_ref().and_then(audio));
    }

    /// The same in the hub's convention; `None` if nothing was ever said.
    pub(super) fn usage(&self) -> Option<Usage> {
        if !self.known {
            return None;
        }
        let input = self.prompt.saturating_add(self.tool_use);
        let includes_thoughts = self.thoughts > 0
            && self.thoughts <= self.candidates
            && self.total == input.saturating_add(self.candidates);
        let output = if includes_thoughts { self.candidates } else { self.candidates.saturating_add(self.thoughts) };
        Some(Usage {
            input,
            cached_input: self.cached.min(input),
            audio_input: self.audio_input.min(input),
            output,
            reasoning: self.thoughts,
            audio_output: self.audio_output.min(output),
            ..Usage::default()
        })
    }
}

fn audio(details: &Many<Detail<'_>>) -> Option<Int> {
    details.0.iter().find(|detail| detail.modality.as_deref() == Some("AUDIO")).and_then(|detail| detail.count)
}

/// The hub's usage as this dialect writes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    prompt_token_count: u64,
    candidates_token_count: u64,
    total_token_count: u64,
    #[serde(skip_serializing_if = "is_none")]
    cached_content_token_count: u64,
    #[serde(skip_serializing_if = "is_none")]
    thoughts_token_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens_details: Option<Vec<DetailOut>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates_tokens_details: Option<Vec<DetailOut>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Box<RawValue>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DetailOut {
    modality: &'static str,
    token_count: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

impl From<&Usage> for Written {
    fn from(usage: &Usage) -> Self {
        let candidates = usage.output.saturating_sub(usage.reasoning);
        Self {
            prompt_token_count: usage.input,
            candidates_token_count: candidates,
            total_token_count: usage.input.saturating_add(usage.output),
            cached_content_token_count: usage.cached_input,
            thoughts_token_count: usage.reasoning,
            prompt_tokens_details: details(usage.input, usage.audio_input),
            candidates_tokens_details: details(candidates, usage.audio_output),
            cost: usage.cost_nanos.and_then(units),
        }
    }
}

/// The split by modality, where sound was among it.
fn details(all: u64, audio: u64) -> Option<Vec<DetailOut>> {
    (audio > 0).then(|| {
        let text = DetailOut { modality: "TEXT", token_count: all.saturating_sub(audio) };
        vec![text, DetailOut { modality: "AUDIO", token_count: audio }]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<Usage>) {
        assert_eq!(super::super::usage(json), expected, "{json}");
    }

    #[test]
    fn input_and_output_are_sums() {
        check(
            r#"{"promptTokenCount":2000,"cachedContentTokenCount":1500,"toolUsePromptTokenCount":300,
                "candidatesTokenCount":120,"thoughtsTokenCount":10,"totalTokenCount":2430,
                "promptTokensDetails":[{"modality":"TEXT","tokenCount":1900},{"modality":"AUDIO","tokenCount":100}],
                "candidatesTokensDetails":[{"modality":"AUDIO","tokenCount":20}],"trafficType":"ON_DEMAND"}"#,
            Some(Usage {
                input: 2300,
                cached_input: 1500,
                audio_input: 100,
                output: 130,
                reasoning: 10,
                audio_output: 20,
                ..Usage::default()
            }),
        );
        let plain = Some(Usage { input: 1, output: 2, ..Usage::default() });
        check(r#"{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3}"#, plain);
        check(r#"{"prompt_token_count":"1","candidates_token_count":"2"}"#, plain);
        check("{}", None);
        check("null", None);
        check("7", None);
    }

    #[test]
    fn thoughts_are_not_counted_twice() {
        let included =
            r#"{"promptTokenCount":5,"candidatesTokenCount":20,"thoughtsTokenCount":8,"totalTokenCount":25}"#;
        check(included, Some(Usage { input: 5, output: 20, reasoning: 8, ..Usage::default() }));
        let beside = r#"{"promptTokenCount":5,"candidatesTokenCount":20,"thoughtsTokenCount":8,"totalTokenCount":33}"#;
        check(beside, Some(Usage { input: 5, output: 28, reasoning: 8, ..Usage::default() }));
    }

    #[test]
    fn no_number_is_too_large_or_too_strange() {
        check(
            r#"{"promptTokenCount":18446744073709551615,"toolUsePromptTokenCount":-4,"cachedContentTokenCount":1e40}"#,
            Some(Usage { input: i64::MAX as u64, cached_input: i64::MAX as u64, ..Usage::default() }),
        );
    }

    #[test]
    fn writing_is_the_way_back() {
        let usage = Usage {
            input: 2300,
            cached_input: 1500,
            audio_input: 100,
            output: 130,
            reasoning: 10,
            audio_output: 20,
            ..Usage::default()
        };
        let json = serde_json::to_string(&Written::from(&usage)).unwrap();
        check(&json, Some(usage));
        assert!(json.contains(r#""totalTokenCount":2430"#), "{json}");
    }
}
