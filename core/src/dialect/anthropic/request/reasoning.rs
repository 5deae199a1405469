//! How much to think, in the words that the target model understands.
//!
//! Claude up to 4.5 is given a budget of tokens (<https://platform.claude.com/docs/en/build-with-claude/extended-thinking>),
//! later ones an effort (<https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking>). Claude 4.6 takes both.

use super::body::Thinking;
use crate::chat::{Effort, Reasoning};
use crate::dialect::ThinkingStyle;
use crate::loss::Losses;

/// The smallest budget that the API takes, in tokens.
const BUDGET_MIN: u64 = 1024;

/// What thinking means for the request.
#[derive(Debug)]
pub(super) struct Plan {
    /// The field `thinking`; absent leaves it to the model.
    pub(super) thinking: Option<Thinking>,
    /// The field `output_config.effort`.
    pub(super) effort: Option<&'static str>,
    /// The field `max_tokens`.
    pub(super) max_tokens: u64,
}

impl Plan {
    /// The model is told to think.
    pub(super) fn thinks(&self) -> bool {
        match self.thinking {
            Some(Thinking::Enabled { .. } | Thinking::Adaptive) => true,
            Some(Thinking::Disabled) | None => false,
        }
    }
}

/// What was asked, and what surrounds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) reasoning: Option<Reasoning>,
    /// The model takes the parameters of thinking at all.
    pub(super) can_think: bool,
    pub(super) style: ThinkingStyle,
    /// What the client set as the limit.
    pub(super) max_tokens: Option<u64>,
    /// The limit for clients that set none.
    pub(super) max_tokens_default: u64,
    /// The conversation is in the middle of a turn that began without a thought.
    pub(super) goes_on_without_thought: bool,
}

/// Decides how the model thinks.
pub(super) fn plan(wish: Wish, losses: &mut Losses) -> Plan {
    let max_tokens = wish.max_tokens.unwrap_or(wish.max_tokens_default);
    let quiet = |thinking| Plan { thinking, effort: None, max_tokens };
    let Some(reasoning) = wish.reasoning else { return quiet(None) };
    if !wish.can_think {
        if matches!(reasoning, Reasoning::Effort(_) | Reasoning::Budget(_)) {
            losses.add("reasoning_effort");
        }
        return quiet(None);
    }
    match (wish.style, reasoning) {
        // Models of this style think only when they are told to.
        (ThinkingStyle::Budget, Reasoning::Off) => quiet(None),
        (ThinkingStyle::Budget, Reasoning::Budget(tokens)) => by_budget(wish, tokens, losses),
        (ThinkingStyle::Budget, Reasoning::Effort(effort)) => {
            by_budget(wish, budget(effort).min(room(wish.max_tokens)), losses)
        }
        (ThinkingStyle::Budget, Reasoning::Adaptive) => {
            losses.add("thinking");
            by_budget(wish, budget(Effort::Medium).min(room(wish.max_tokens)), losses)
        }
        // Most models of this style think unless they are told not to.
        (ThinkingStyle::Adaptive, Reasoning::Off) => quiet(Some(Thinking::Disabled)),
        (ThinkingStyle::Adaptive, Reasoning::Adaptive) => quiet(Some(Thinking::Adaptive)),
        (ThinkingStyle::Adaptive, Reasoning::Effort(effort)) => {
            Plan { thinking: Some(Thinking::Adaptive), effort: Some(word(effort)), max_tokens }
        }
        (ThinkingStyle::Adaptive, Reasoning::Budget(tokens)) => {
            losses.add("thinking.budget_tokens");
            Plan { thinking: Some(Thinking::Adaptive), effort: Some(word(effort(tokens))), max_tokens }
        }
    }
}

/// How much of a limit an effort may take: a fifth stays for the answer. (OpenRouter's high effort takes four fifths too.)
fn room(max_tokens: Option<u64>) -> u64 {
    max_tokens.map_or(u64::MAX, |limit| limit.saturating_sub(limit / 5).max(BUDGET_MIN))
}

/// Thinking by a budget, which has to stay below `max_tokens`: a limit that the client gave holds, another one grows.
fn by_budget(wish: Wish, tokens: u64, losses: &mut Losses) -> Plan {
    let tokens = tokens.max(BUDGET_MIN);
    let (budget_tokens, max_tokens) = match wish.max_tokens {
        None => (tokens, tokens.saturating_add(wish.max_tokens_default.max(1))),
        Some(limit) => (tokens.min(limit.saturating_sub(1)), limit),
    };
    if budget_tokens < BUDGET_MIN || wish.goes_on_without_thought {
        losses.add("reasoning_effort");
        let max_tokens = wish.max_tokens.unwrap_or(wish.max_tokens_default);
        return Plan { thinking: None, effort: None, max_tokens };
    }
    Plan { thinking: Some(Thinking::Enabled { budget_tokens }), effort: None, max_tokens }
}

/// The budget of an effort, in tokens. The lowest is the API's minimum; from there it doubles, with a step of four
/// between low and medium, up to 32k, beyond which the reference says that models hardly use it.
fn budget(effort: Effort) -> u64 {
    match effort {
        Effort::Minimal => BUDGET_MIN,
        Effort::Low => 2048,
        Effort::Medium => 8192,
        Effort::High => 16384,
        Effort::XHigh | Effort::Max => 32768,
    }
}

/// The effort that comes nearest to a budget: the way back of [`budget`].
fn effort(tokens: u64) -> Effort {
    match tokens {
        0..=4095 => Effort::Low,
        4096..=12287 => Effort::Medium,
        12288..=24575 => Effort::High,
        _ => Effort::XHigh,
    }
}

/// The API's word for an effort; it has none below `low`.
fn word(effort: Effort) -> &'static str {
    match effort {
        Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::XHigh => "xhigh",
        Effort::Max => "max",
    }
}
