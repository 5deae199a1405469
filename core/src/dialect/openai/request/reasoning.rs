//! How much to think, in the spellings of three APIs.

use crate::chat::{Effort, Reasoning};
use crate::dialect::openai::json::TextOr;
use crate::dialect::wire::wire;
use crate::loss::Losses;
use crate::text::Str;

wire! {
    /// LiteLLM passes Anthropic's parameter through; DeepSeek, Kimi and GLM use it without a budget.
    struct AnthropicThinking<'a> { kind "type": Str<'a>, budget_tokens: u64 }
}
wire! {
    /// <https://openrouter.ai/docs/use-cases/reasoning-tokens>
    struct OpenRouterReasoning<'a> { effort: Str<'a>, max_tokens: u64, enabled: bool, exclude: bool }
}

/// How much to think, from whichever of the three parameters says most: `thinking` (Anthropic's), `reasoning`
/// (OpenRouter's), `reasoning_effort` (OpenAI's; LiteLLM takes an object there too).
pub(super) fn decode<'a>(
    effort: Option<TextOr<'a, OpenRouterReasoning<'a>>>,
    reasoning: Option<OpenRouterReasoning<'a>>,
    thinking: Option<AnthropicThinking<'a>>,
    losses: &mut Losses,
) -> Option<Reasoning> {
    let (word, in_effort) = match effort {
        Some(TextOr::Text(word)) => (Some(word), None),
        Some(TextOr::Object(object)) => (None, Some(object)),
        None => (None, None),
    };
    let word = word.and_then(|word| effort_of(&word, "reasoning_effort", losses));
    let asked = reasoning.or(in_effort).and_then(|object| openrouter_reasoning(object, losses)).or(word);
    match thinking {
        Some(thinking) => anthropic_thinking(&thinking, asked, losses),
        None => asked,
    }
}

pub(in crate::dialect) fn effort_of(word: &str, field: &'static str, losses: &mut Losses) -> Option<Reasoning> {
    let effort = match word {
        "none" => return Some(Reasoning::Off),
        "minimal" => Effort::Minimal,
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" => Effort::XHigh,
        "max" => Effort::Max,
        _ => {
            losses.add(field);
            return None;
        }
    };
    Some(Reasoning::Effort(effort))
}

fn openrouter_reasoning(reasoning: OpenRouterReasoning<'_>, losses: &mut Losses) -> Option<Reasoning> {
    for name in &reasoning.unknown {
        losses.add_unknown("reasoning", name);
    }
    if reasoning.exclude == Some(true) {
        losses.add("reasoning.exclude");
    }
    if reasoning.enabled == Some(false) {
        return Some(Reasoning::Off);
    }
    if let Some(budget) = reasoning.max_tokens {
        return Some(Reasoning::Budget(budget));
    }
    let effort = reasoning.effort.and_then(|word| effort_of(&word, "reasoning.effort", losses));
    effort.or((reasoning.enabled == Some(true)).then_some(Reasoning::Adaptive))
}

fn anthropic_thinking(
    thinking: &AnthropicThinking<'_>,
    asked: Option<Reasoning>,
    losses: &mut Losses,
) -> Option<Reasoning> {
    for name in &thinking.unknown {
        losses.add_unknown("thinking", name);
    }
    match (thinking.kind.as_deref(), thinking.budget_tokens) {
        (Some("disabled"), _) => Some(Reasoning::Off),
        (Some("enabled"), Some(budget)) => {
            if asked.is_some_and(|asked| asked != Reasoning::Budget(budget)) {
                losses.add("reasoning_effort");
            }
            Some(Reasoning::Budget(budget))
        }
        (Some("enabled" | "adaptive"), _) => asked.or(Some(Reasoning::Adaptive)),
        (Some(_) | None, _) => {
            losses.add("thinking");
            asked
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::openai::request::decode::tests::{check, told};

    #[test]
    fn thinking_in_every_spelling() {
        for (fields, expected, losses) in [
            (r#""reasoning_effort":"none""#, "Some(Off)", ""),
            (r#""reasoning_effort":"minimal""#, "Some(Effort(Minimal))", ""),
            (r#""reasoning_effort":"max""#, "Some(Effort(Max))", ""),
            (r#""reasoning_effort":"huge""#, "None", "reasoning_effort"),
            (r#""reasoning_effort":null"#, "None", ""),
            (r#""reasoning_effort":{"effort":"low","summary":"auto"}"#, "Some(Effort(Low))", "reasoning.summary"),
            (r#""reasoning":{"effort":"high"}"#, "Some(Effort(High))", ""),
            (r#""reasoning":{"max_tokens":2000,"exclude":true}"#, "Some(Budget(2000))", "reasoning.exclude"),
            (r#""reasoning":{"enabled":true}"#, "Some(Adaptive)", ""),
            (r#""reasoning":{"enabled":false,"effort":"low"}"#, "Some(Off)", ""),
            (r#""reasoning":{"effort":"odd"}"#, "None", "reasoning.effort"),
            (r#""thinking":{"type":"enabled","budget_tokens":1024}"#, "Some(Budget(1024))", ""),
            (
                r#""thinking":{"type":"enabled","budget_tokens":1024},"reasoning_effort":"low""#,
                "Some(Budget(1024))",
                "reasoning_effort",
            ),
            (r#""thinking":{"type":"enabled"}"#, "Some(Adaptive)", ""),
            (
                r#""thinking":{"type":"adaptive","display":"omitted"},"reasoning_effort":"low""#,
                "Some(Effort(Low))",
                "thinking.display",
            ),
            (r#""thinking":{"type":"disabled"}"#, "Some(Off)", ""),
            (r#""thinking":{"type":"new"}"#, "None", "thinking"),
        ] {
            check(fields, |request| told(request.reasoning), expected, losses);
        }
    }
}
