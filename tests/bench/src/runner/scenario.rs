//! What is compared: the ways through, and the traffic that is sent along them.

use std::net::SocketAddr;

use attache_bench::exchange::{Expect, Target};
use serde_json::json;

use super::bootstrap::{ANTHROPIC_MODEL, OPENAI_MODEL};
use super::rules::Rules;

/// A request body is padded to about this.
const REQUEST_BYTES: usize = 1024;
/// With words, as people write them: to count a kilobyte of one letter takes another time.
const PROSE: &str = "A request passes through many hands before a model reads it, and each of them wants to know who sends \
                     it, where it goes, and what it may cost. ";

/// A way from the load generator to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    Direct,
    Envoy,
    Noop,
    NoopHeaders,
    WasmRedact,
    WasmGuard,
    WasmRouter,
    WasmUsage,
    WasmTranslate,
    Same,
    Limited,
    Crowded,
    Shared,
    Hit,
    Miss,
    ToAnthropic,
    FromAnthropic,
    Hybrid,
    HybridToAnthropic,
}

/// What requests pass on their way. Scenarios with the same one share its processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Nothing.
    Direct,
    /// An Envoy by itself.
    Bare,
    /// One with the no-op processor.
    Noop(Sees),
    /// One with a filter inside.
    Wasm(WasmFilter),
    /// One with Attaché.
    Attache(Limits),
    /// One with Attaché that sees headers only, and filters inside that read bodies.
    Hybrid,
}

/// What the no-op processor is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sees {
    /// Headers and bodies, both ways.
    All,
    /// What Attaché is sent in its hybrid.
    RequestHeaders,
}

/// A filter inside Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WasmFilter {
    /// Every detector that is on by default; the request holds an address, so that the answer is read, too.
    Redact,
    /// The injection rules for requests, words for both.
    Guard,
    /// Rules by the model's name.
    Router,
    /// Tokens and cost; streams are asked for their usage.
    Usage,
    /// From OpenAI's dialect to Anthropic's and back.
    Translate,
}

impl WasmFilter {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Redact => "redact",
            Self::Guard => "guard",
            Self::Router => "model-router",
            Self::Usage => "usage",
            Self::Translate => "translate",
        }
    }

    /// Its configuration.
    pub(crate) fn configuration(self) -> &'static str {
        match self {
            Self::Redact => r#"{"redact":[{"name":"bench","key":"a secret of the benchmark"}]}"#,
            Self::Guard => {
                r#"{"guards":[{"name":"injection","injection":{}},{"name":"words","on":"both","patterns":{"deny_words":["bluebird"]}}]}"#
            }
            Self::Router => {
                r#"{"routes":[{"name":"anthropic","when":{"model":"claude-*"}},{"name":"openai","when":{"model":"gpt-*"}}]}"#
            }
            Self::Usage => {
                r#"{"usage":[{"name":"bench","prices":[{"provider":"bench","models":["gpt-4o-mini"],"currency":"USD","input":0.15,"output":0.6}]}]}"#
            }
            Self::Translate => {
                r#"{"translate":[{"name":"bench","dialect":"anthropic","url":"http://provider","headers":{"x-api-key":"bench"}}]}"#
            }
        }
    }
}

/// What Attaché knows of callers and limits, and where it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limits {
    /// Nothing.
    None,
    /// Counted in its own memory.
    Memory(Rules),
    /// Counted in a Redis.
    Redis(Rules),
    /// Nothing, and what has been answered before.
    Cached,
}

impl Scenario {
    pub(crate) const ALL: [Self; 19] = [
        Self::Direct,
        Self::Envoy,
        Self::Noop,
        Self::NoopHeaders,
        Self::WasmRedact,
        Self::WasmGuard,
        Self::WasmRouter,
        Self::WasmUsage,
        Self::WasmTranslate,
        Self::Same,
        Self::Limited,
        Self::Crowded,
        Self::Shared,
        Self::Hit,
        Self::Miss,
        Self::ToAnthropic,
        Self::FromAnthropic,
        Self::Hybrid,
        Self::HybridToAnthropic,
    ];
    /// Those that differ from [`Scenario::Same`] in their limits only.
    pub(crate) const LIMITED: [Self; 3] = [Self::Limited, Self::Crowded, Self::Shared];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Envoy => "bare envoy",
            Self::Noop => "envoy + no-op ext_proc",
            Self::NoopHeaders => "envoy + no-op ext_proc, request headers only",
            Self::WasmRedact => "envoy + wasm redact",
            Self::WasmGuard => "envoy + wasm guard",
            Self::WasmRouter => "envoy + wasm model-router",
            Self::WasmUsage => "envoy + wasm usage",
            Self::WasmTranslate => "envoy + wasm translate, openai -> anthropic",
            Self::Same => "attache, openai -> openai",
            Self::Limited => "attache, key + 4 limits + budget",
            Self::Crowded => "attache, 100000 keys, 1000 limits",
            Self::Shared => "attache, limits in Redis",
            Self::Hit => "attache, answered by the cache",
            Self::Miss => "attache, missed by the cache",
            Self::ToAnthropic => "attache, openai -> anthropic",
            Self::FromAnthropic => "attache, anthropic -> openai",
            Self::Hybrid => "attache hybrid, openai -> openai",
            Self::HybridToAnthropic => "attache hybrid, openai -> anthropic",
        }
    }

    pub(crate) fn way(self) -> Way {
        match self {
            Self::Direct => Way::Direct,
            Self::Envoy => Way::Bare,
            Self::Noop => Way::Noop(Sees::All),
            Self::NoopHeaders => Way::Noop(Sees::RequestHeaders),
            Self::WasmRedact => Way::Wasm(WasmFilter::Redact),
            Self::WasmGuard => Way::Wasm(WasmFilter::Guard),
            Self::WasmRouter => Way::Wasm(WasmFilter::Router),
            Self::WasmUsage => Way::Wasm(WasmFilter::Usage),
            Self::WasmTranslate => Way::Wasm(WasmFilter::Translate),
            Self::Same | Self::ToAnthropic | Self::FromAnthropic => Way::Attache(Limits::None),
            Self::Limited => Way::Attache(Limits::Memory(Rules::FEW)),
            Self::Crowded => Way::Attache(Limits::Memory(Rules::MANY)),
            Self::Shared => Way::Attache(Limits::Redis(Rules::FEW)),
            Self::Hit | Self::Miss => Way::Attache(Limits::Cached),
            Self::Hybrid | Self::HybridToAnthropic => Way::Hybrid,
        }
    }

    pub(crate) fn needs_attache(self) -> bool {
        matches!(self.way(), Way::Attache(_) | Way::Hybrid)
    }

    /// The filters that it needs.
    pub(crate) fn wasm(self) -> Vec<WasmFilter> {
        match self.way() {
            Way::Wasm(filter) => vec![filter],
            Way::Hybrid => vec![WasmFilter::Router, WasmFilter::Translate],
            Way::Direct | Way::Bare | Way::Noop(_) | Way::Attache(_) => Vec::new(),
        }
    }

    pub(crate) fn needs_redis(self) -> bool {
        matches!(self.way(), Way::Attache(Limits::Redis(_)))
    }

    pub(crate) fn target(self, address: SocketAddr, workload: Workload) -> Target {
        let (path, model) = match self {
            Self::Direct
            | Self::Envoy
            | Self::Noop
            | Self::NoopHeaders
            | Self::WasmRedact
            | Self::WasmGuard
            | Self::WasmRouter
            | Self::WasmUsage
            | Self::Same
            | Self::Limited
            | Self::Crowded
            | Self::Shared
            | Self::Hit
            | Self::Miss
            | Self::Hybrid => ("/v1/chat/completions", OPENAI_MODEL),
            Self::WasmTranslate | Self::ToAnthropic | Self::HybridToAnthropic => {
                ("/v1/chat/completions", ANTHROPIC_MODEL)
            }
            Self::FromAnthropic => ("/v1/messages", OPENAI_MODEL),
        };
        let expect = match (workload, self) {
            (Workload::Chat, _) => Expect::Json,
            (Workload::Stream, Self::FromAnthropic) => Expect::AnthropicEvents,
            (Workload::Stream, _) => Expect::OpenAiEvents,
        };
        let found = if self == Self::WasmRedact { "Write to ann.miller@example.com. " } else { "" };
        let body = |padding: usize| {
            let text: String = PROSE.chars().cycle().take(padding).collect();
            json!({
                "model": model,
                "max_tokens": 1000,
                "stream": workload == Workload::Stream,
                "messages": [
                    {"role": "user", "content": "What did we speak about?"},
                    {"role": "assistant", "content": "About what a hop costs."},
                    {"role": "user", "content": format!("{found}{text}")},
                ],
            })
            .to_string()
        };
        let padded = body(REQUEST_BYTES.saturating_sub(body(0).len()));
        let key = match self.way() {
            Way::Attache(Limits::Memory(rules) | Limits::Redis(rules)) => rules.secret(),
            Way::Direct
            | Way::Bare
            | Way::Noop(_)
            | Way::Wasm(_)
            | Way::Attache(Limits::None | Limits::Cached)
            | Way::Hybrid => "bench".to_owned(),
        };
        let authorization = format!("Bearer {key}");
        // Found, but too old: the answer is looked up, asked for and kept all the same.
        let age = if self == Self::Miss { "max-age=0" } else { "max-age=3600" };
        let headers =
            [("authorization", authorization.as_str()), ("anthropic-version", "2023-06-01"), ("cache-control", age)];
        Target::post(address, path, &headers, &padded, expect)
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    /// A whole answer of about 1 KB.
    Chat,
    /// The same text in 20 events.
    Stream,
}

impl Workload {
    pub(crate) const ALL: [Self; 2] = [Self::Chat, Self::Stream];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Stream => "stream",
        }
    }
}

/// What the simulator plays in the table's cells. The pause keeps the 20 events apart on their way: without it they
/// would meet in one read and be counted as one message.
pub(crate) const SCRIPT: &str = r#"{"record":false,"chunks":20,"text_bytes":1000,"chunk_delay_ms":5}"#;

/// Slow streams: they outlive the opening of all of them.
pub(crate) const HOLD_SCRIPT: &str = r#"{"record":false,"chunks":30,"text_bytes":1500,"chunk_delay_ms":500}"#;
