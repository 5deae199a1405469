//! What Claude takes, whichever API serves it: how much to think, in the words that the model understands, and sampling.
//!
//! Claude up to 4.5 is given a budget of tokens (<https://platform.claude.com/docs/en/build-with-claude/extended-thinking>),
//! later ones an effort (<https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking>). Claude 4.6 takes both.

use super::wire::wire;
use super::{ThinkingStyle, Upstream};
use crate::chat::{Effort, Reasoning, Request};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde::Serialize;
use serde_json::Number;

/// Below this `top_p` a model that thinks refuses it
/// (<https://platform.claude.com/docs/en/build-with-claude/extended-thinking>).
const TOP_P_MIN_THINKING: f64 = 0.95;
/// The smallest budget that the API takes, in tokens.
const BUDGET_MIN: u64 = 1024;

/// How to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Thinking {
    Enabled { budget_tokens: u64 },
    Adaptive,
    Disabled,
}

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

/// Whether a wish is lost on a model that cannot be told how much to think.
pub(super) fn asks_for_thoughts(reasoning: Reasoning) -> bool {
    matches!(reasoning, Reasoning::Effort(_) | Reasoning::Budget(_))
}

/// Decides how the model thinks.
pub(super) fn plan(wish: Wish, losses: &mut Losses) -> Plan {
    let max_tokens = wish.max_tokens.unwrap_or(wish.max_tokens_default);
    let quiet = |thinking| Plan { thinking, effort: None, max_tokens };
    let Some(reasoning) = wish.reasoning else { return quiet(None) };
    if !wish.can_think {
        if asks_for_thoughts(reasoning) {
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
pub(super) fn effort(tokens: u64) -> Effort {
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

/// The effort that an API's word stands for; `None` for one that nobody here knows.
pub(super) fn effort_of(word: &str) -> Option<Effort> {
    Some(match word {
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" => Effort::XHigh,
        "max" => Effort::Max,
        _ => return None,
    })
}

wire! {
    /// `thinking` as clients write it.
    struct ThinkingFields<'a> { kind "type": Str<'a>, budget_tokens: u64, display: Str<'a> }
}

/// `thinking` and `output_config.effort` in one. An effort without `thinking` is an effort; beside a budget or with
/// thinking off it is a loss.
pub(super) fn reasoning(
    thinking: Option<ThinkingFields<'_>>,
    effort: Option<Effort>,
    losses: &mut Losses,
) -> Result<Option<Reasoning>, Fault> {
    let by_effort = effort.map(Reasoning::Effort);
    let Some(thinking) = thinking else { return Ok(by_effort) };
    if thinking.display.as_deref().is_some_and(|display| display != "summarized") {
        losses.add("thinking.display");
    }
    for field in &thinking.unknown {
        losses.add_unknown("thinking", field);
    }
    let kind = thinking.kind.unwrap_or_default();
    let reasoning = match kind.as_str() {
        "enabled" => Reasoning::Budget(thinking.budget_tokens.ok_or_else(|| {
            Fault::invalid("thinking.budget_tokens is missing: enabled thinking needs a budget")
                .with_param("thinking.budget_tokens")
        })?),
        "disabled" => Reasoning::Off,
        "adaptive" => return Ok(Some(by_effort.unwrap_or(Reasoning::Adaptive))),
        _ => {
            losses.add("thinking.type");
            return Ok(by_effort);
        }
    };
    if effort.is_some() {
        losses.add("output_config.effort");
    }
    Ok(Some(reasoning))
}

/// The sampling parameters that are sent.
#[derive(Debug, Default)]
pub(super) struct Sampling<'a> {
    pub(super) temperature: Option<Number>,
    pub(super) top_p: Option<&'a Number>,
    pub(super) top_k: Option<&'a Number>,
}

/// The API takes temperatures from 0 to 1, and since Claude 4.1 only one of temperature and `top_p`; a model that thinks
/// takes almost none of it. A value that is the default says nothing and is left out without a loss where it would harm.
pub(super) fn sampling<'a>(
    request: &'a Request<'_>,
    upstream: &Upstream,
    thinks: bool,
    losses: &mut Losses,
) -> Sampling<'a> {
    let is_one = |number: &Number| number.as_f64() == Some(1.0);
    let temperature = request.temperature.as_ref();
    let top_p = request.top_p.as_ref();
    if !upstream.sampling || thinks {
        let top_p_fits = |top_p: &&Number| {
            upstream.sampling && top_p.as_f64().is_some_and(|top_p| (TOP_P_MIN_THINKING..=1.0).contains(&top_p))
        };
        let kept = top_p.filter(|top_p| !is_one(top_p)).filter(top_p_fits);
        if temperature.is_some_and(|temperature| !is_one(temperature)) {
            losses.add("temperature");
        }
        if top_p.is_some_and(|top_p| !is_one(top_p)) && kept.is_none() {
            losses.add("top_p");
        }
        if request.top_k.is_some() {
            losses.add("top_k");
        }
        return Sampling { temperature: None, top_p: kept, top_k: None };
    }
    let too_hot = temperature.and_then(Number::as_f64).is_some_and(|temperature| temperature > 1.0);
    if too_hot {
        losses.add("temperature");
    }
    let temperature = if too_hot { Some(Number::from(1)) } else { temperature.cloned() };
    let top_k = request.top_k.as_ref();
    match (temperature, top_p) {
        (Some(temperature), Some(top_p)) if is_one(&temperature) && !is_one(top_p) => {
            Sampling { temperature: None, top_p: Some(top_p), top_k }
        }
        (Some(temperature), Some(top_p)) => {
            if !is_one(top_p) {
                losses.add("top_p");
            }
            Sampling { temperature: Some(temperature), top_p: None, top_k }
        }
        (temperature, top_p) => Sampling { temperature, top_p, top_k },
    }
}
