//! What is compared: the ways through, and the traffic that is sent along them.

use std::net::SocketAddr;

use attache_bench::exchange::{Expect, Target};
use serde_json::json;

use super::bootstrap::{ANTHROPIC_MODEL, OPENAI_MODEL};

/// A request body is padded to about this.
const REQUEST_BYTES: usize = 1024;

/// A way from the load generator to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    Direct,
    Envoy,
    Noop,
    Same,
    ToAnthropic,
    FromAnthropic,
}

impl Scenario {
    pub(crate) const ALL: [Self; 6] =
        [Self::Direct, Self::Envoy, Self::Noop, Self::Same, Self::ToAnthropic, Self::FromAnthropic];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Envoy => "bare envoy",
            Self::Noop => "envoy + no-op ext_proc",
            Self::Same => "attache, openai -> openai",
            Self::ToAnthropic => "attache, openai -> anthropic",
            Self::FromAnthropic => "attache, anthropic -> openai",
        }
    }

    pub(crate) fn needs_attache(self) -> bool {
        match self {
            Self::Direct | Self::Envoy | Self::Noop => false,
            Self::Same | Self::ToAnthropic | Self::FromAnthropic => true,
        }
    }

    pub(crate) fn target(self, address: SocketAddr, workload: Workload) -> Target {
        let (path, model) = match self {
            Self::Direct | Self::Envoy | Self::Noop | Self::Same => ("/v1/chat/completions", OPENAI_MODEL),
            Self::ToAnthropic => ("/v1/chat/completions", ANTHROPIC_MODEL),
            Self::FromAnthropic => ("/v1/messages", OPENAI_MODEL),
        };
        let expect = match (workload, self) {
            (Workload::Chat, _) => Expect::Json,
            (Workload::Stream, Self::FromAnthropic) => Expect::AnthropicEvents,
            (Workload::Stream, _) => Expect::OpenAiEvents,
        };
        let body = |padding: usize| {
            let text = "x".repeat(padding);
            json!({
                "model": model,
                "max_tokens": 1000,
                "stream": workload == Workload::Stream,
                "messages": [
                    {"role": "user", "content": "What did we speak about?"},
                    {"role": "assistant", "content": "About what a hop costs."},
                    {"role": "user", "content": text},
                ],
            })
            .to_string()
        };
        let padded = body(REQUEST_BYTES.saturating_sub(body(0).len()));
        let headers = [("authorization", "Bearer bench"), ("anthropic-version", "2023-06-01")];
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
