//! How much to think, both ways: <https://ai.google.dev/gemini-api/docs/thinking>.
//!
//! Gemini 2.5 is given a budget of tokens, Gemini 3 a level. The budgets and levels of efforts are those of Google's own
//! translation from OpenAI's dialect (<https://ai.google.dev/gemini-api/docs/openai#thinking>).

use super::super::model::Model;
use super::super::names::{Int, note};
use crate::chat::{Effort, Reasoning};
use crate::dialect::wire::wire;
use crate::loss::Losses;
use crate::text::Str;
use serde::Serialize;

wire! {
    struct ThinkingConfig<'a> {
        include "includeThoughts" | "include_thoughts": bool,
        budget "thinkingBudget" | "thinking_budget": Int,
        level "thinkingLevel" | "thinking_level": Str<'a>,
    }
}

/// What the client wants. A budget of 0 is none, one below it leaves the amount to the model.
pub(super) fn decode(config: ThinkingConfig<'_>, losses: &mut Losses) -> Option<Reasoning> {
    note(&config.unknown, "generationConfig.thinkingConfig.", &[], losses);
    let by_level = config.level.as_deref().and_then(|level| {
        let level = level.to_ascii_uppercase();
        let effort = match level.as_str() {
            "MINIMAL" => Effort::Minimal,
            "LOW" => Effort::Low,
            "MEDIUM" => Effort::Medium,
            "HIGH" => Effort::High,
            "XHIGH" => Effort::XHigh,
            "" | "THINKING_LEVEL_UNSPECIFIED" => return None,
            _ => {
                losses.add("generationConfig.thinkingConfig.thinkingLevel");
                return None;
            }
        };
        Some(Reasoning::Effort(effort))
    });
    let by_budget = config.budget.map(|budget| match budget.0 {
        0 => Reasoning::Off,
        ..0 => Reasoning::Adaptive,
        1.. => Reasoning::Budget(budget.count()),
    });
    let reasoning = by_level.or(by_budget).or((config.include == Some(true)).then_some(Reasoning::Adaptive));
    if config.include == Some(false) && reasoning.is_some_and(|reasoning| reasoning != Reasoning::Off) {
        losses.add("generationConfig.thinkingConfig.includeThoughts");
    }
    reasoning
}

/// How to think, as it is written.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThinkingOut {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    include_thoughts: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_budget: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_level: Option<&'static str>,
}

/// The smallest budget of the models that cannot be without, in tokens.
const BUDGET_MIN: i64 = 128;
/// The budget that leaves the amount to the model.
const BUDGET_DYNAMIC: i64 = -1;

/// Tells the model how to think. `can_think`: it takes the parameters at all.
pub(super) fn encode(
    reasoning: Option<Reasoning>,
    model: Model,
    can_think: bool,
    losses: &mut Losses,
) -> Option<ThinkingOut> {
    let reasoning = reasoning?;
    if !can_think || model.is_thoughtless() {
        if matches!(reasoning, Reasoning::Effort(_) | Reasoning::Budget(_)) {
            losses.add("reasoning_effort");
        }
        return None;
    }
    let shown = ThinkingOut { include_thoughts: true, ..ThinkingOut::default() };
    Some(match reasoning {
        Reasoning::Adaptive if model.is_new() => shown,
        Reasoning::Adaptive => ThinkingOut { thinking_budget: Some(BUDGET_DYNAMIC), ..shown },
        // Gemini 3 takes a budget too, but not one beside a level.
        Reasoning::Budget(tokens) => ThinkingOut { thinking_budget: Some(budget_of(tokens, model, losses)), ..shown },
        Reasoning::Effort(effort) if model.is_new() => {
            ThinkingOut { thinking_level: Some(level(effort, model)), ..shown }
        }
        Reasoning::Effort(effort) => ThinkingOut { thinking_budget: Some(budget(effort)), ..shown },
        Reasoning::Off if model.is_new() => {
            losses.add("thinking.disabled");
            ThinkingOut { thinking_level: Some(level(Effort::Minimal, model)), ..ThinkingOut::default() }
        }
        Reasoning::Off if model.is_pro => {
            losses.add("thinking.disabled");
            ThinkingOut { thinking_budget: Some(BUDGET_MIN), ..ThinkingOut::default() }
        }
        Reasoning::Off => ThinkingOut { thinking_budget: Some(0), ..ThinkingOut::default() },
    })
}

/// The largest budgets of Gemini 2.5: the API refuses more.
fn budget_of(tokens: u64, model: Model, losses: &mut Losses) -> i64 {
    let most = if model.is_pro { 32_768 } else { 24_576 };
    let tokens = i64::try_from(tokens).unwrap_or(i64::MAX);
    if model.is_old() && tokens > most {
        losses.add("thinking.budget_tokens");
        return most;
    }
    if model.is_pro { tokens.max(BUDGET_MIN) } else { tokens }
}

fn budget(effort: Effort) -> i64 {
    match effort {
        Effort::Minimal | Effort::Low => 1024,
        Effort::Medium => 8192,
        Effort::High | Effort::XHigh | Effort::Max => 24_576,
    }
}

/// The level of an effort. What is above high is not known by every model, and neither is what is below low by `pro`.
fn level(effort: Effort, model: Model) -> &'static str {
    match effort {
        Effort::Minimal if model.is_pro => "low",
        Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium if model.has_medium() => "medium",
        Effort::Medium | Effort::High | Effort::XHigh | Effort::Max => "high",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_want() {
        for (config, expected, lost) in [
            (r#"{"thinkingBudget":0}"#, "Some(Off)", ""),
            (r#"{"thinkingBudget":-1,"includeThoughts":true}"#, "Some(Adaptive)", ""),
            (r#"{"thinking_budget":2048}"#, "Some(Budget(2048))", ""),
            (r#"{"thinkingLevel":"low"}"#, "Some(Effort(Low))", ""),
            (r#"{"thinkingLevel":"ULTRA"}"#, "None", "generationConfig.thinkingConfig.thinkingLevel"),
            (r#"{"includeThoughts":true}"#, "Some(Adaptive)", ""),
            (r#"{"includeThoughts":false}"#, "None", ""),
            (
                r#"{"includeThoughts":false,"thinkingLevel":"HIGH","x":1}"#,
                "Some(Effort(High))",
                "generationConfig.thinkingConfig.x, generationConfig.thinkingConfig.includeThoughts",
            ),
        ] {
            let mut losses = Losses::default();
            let reasoning = decode(serde_json::from_str(config).unwrap(), &mut losses);
            assert_eq!((format!("{reasoning:?}").as_str(), losses.header().as_str()), (expected, lost), "{config}");
        }
    }

    #[test]
    fn what_models_are_told() {
        let (flash, pro, new, new_pro, alias) =
            ("gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-flash", "gemini-3-pro-preview", "gemini-flash-latest");
        for (model, reasoning, expected, lost) in [
            (flash, Reasoning::Off, r#"{"thinkingBudget":0}"#, ""),
            (pro, Reasoning::Off, r#"{"thinkingBudget":128}"#, "thinking.disabled"),
            (new, Reasoning::Off, r#"{"thinkingLevel":"minimal"}"#, "thinking.disabled"),
            (new_pro, Reasoning::Off, r#"{"thinkingLevel":"low"}"#, "thinking.disabled"),
            (flash, Reasoning::Effort(Effort::Medium), r#"{"includeThoughts":true,"thinkingBudget":8192}"#, ""),
            (alias, Reasoning::Effort(Effort::Max), r#"{"includeThoughts":true,"thinkingBudget":24576}"#, ""),
            (new, Reasoning::Effort(Effort::Medium), r#"{"includeThoughts":true,"thinkingLevel":"medium"}"#, ""),
            (new_pro, Reasoning::Effort(Effort::Medium), r#"{"includeThoughts":true,"thinkingLevel":"high"}"#, ""),
            (new, Reasoning::Budget(5000), r#"{"includeThoughts":true,"thinkingBudget":5000}"#, ""),
            (pro, Reasoning::Budget(1), r#"{"includeThoughts":true,"thinkingBudget":128}"#, ""),
            (
                flash,
                Reasoning::Budget(30_000),
                r#"{"includeThoughts":true,"thinkingBudget":24576}"#,
                "thinking.budget_tokens",
            ),
            (new, Reasoning::Adaptive, r#"{"includeThoughts":true}"#, ""),
            (flash, Reasoning::Adaptive, r#"{"includeThoughts":true,"thinkingBudget":-1}"#, ""),
            ("gemini-2.0-flash", Reasoning::Effort(Effort::Low), "null", "reasoning_effort"),
            ("gemini-2.0-flash", Reasoning::Off, "null", ""),
        ] {
            let mut losses = Losses::default();
            let told = encode(Some(reasoning), Model::of(model), true, &mut losses);
            let told = serde_json::to_string(&told).unwrap();
            assert_eq!((told.as_str(), losses.header().as_str()), (expected, lost), "{model} {reasoning:?}");
        }
        let mut losses = Losses::default();
        assert_eq!(encode(Some(Reasoning::Budget(9)), Model::of(new), false, &mut losses), None);
        assert_eq!(losses.header(), "reasoning_effort");
    }
}
