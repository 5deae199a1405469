//! `additionalModelRequestFields`: what only some models take, in their own words.

use super::super::model::{Habits, Thinks, TopK};
use crate::chat::{Effort, Reasoning};
use crate::dialect::claude::{self, Plan, Thinking, ThinkingFields};
use crate::dialect::wire::wire;
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde::Serialize;
use serde_json::Number;

wire! {
    struct Additional<'a> {
        thinking: ThinkingFields<'a>,
        // The name that the first Claude on this API had for it.
        thinking_old "reasoning_config": ThinkingFields<'a>,
        output_config: OutputConfig<'a>,
        nova "reasoningConfig": NovaReasoning<'a>,
        effort "reasoning_effort": Str<'a>,
        top_k: Number,
        k: Number,
        inference "inferenceConfig": NovaInference<'a>,
    }
}

wire! {
    struct OutputConfig<'a> { effort: Str<'a> }
}

wire! {
    struct NovaReasoning<'a> { kind "type": Str<'a>, effort "maxReasoningEffort": Str<'a> }
}

wire! {
    struct NovaInference<'a> { top_k "topK": Number }
}

/// What of it means something to the hub.
#[derive(Debug, Default)]
pub(super) struct Meaning {
    pub(super) top_k: Option<Number>,
    pub(super) reasoning: Option<Reasoning>,
}

/// Reads a client's fields. `effort` is what `outputConfig` says.
///
/// # Errors
/// A [`Fault`] for thinking without its budget.
pub(super) fn decode(fields: Additional<'_>, effort: Option<Effort>, losses: &mut Losses) -> Result<Meaning, Fault> {
    const WITHIN: &str = "additionalModelRequestFields";
    let inference = fields.inference.unwrap_or_default();
    let output_config = fields.output_config.unwrap_or_default();
    let unknown = fields.unknown.iter().chain(&inference.unknown).chain(&output_config.unknown);
    unknown.for_each(|field| losses.add_unknown(WITHIN, field));
    let top_k = fields.top_k.or(fields.k).or(inference.top_k);
    let word = output_config.effort.or(fields.effort);
    let effort = effort.or(word.and_then(|word| match word.as_str() {
        "minimal" => Some(Effort::Minimal),
        word => {
            let known = claude::effort_of(word);
            if known.is_none() {
                losses.add("additionalModelRequestFields.reasoning_effort");
            }
            known
        }
    }));
    let reasoning = match fields.nova {
        Some(NovaReasoning { kind: Some(kind), .. }) if kind == "disabled" => Some(Reasoning::Off),
        Some(NovaReasoning { effort: Some(word), .. }) => {
            Some(claude::effort_of(&word).map_or(Reasoning::Adaptive, Reasoning::Effort))
        }
        Some(NovaReasoning { .. }) => Some(Reasoning::Adaptive),
        None => {
            let thinking = fields.thinking.or(fields.thinking_old);
            claude::reasoning(thinking, effort, losses).map_err(|fault| within(WITHIN, fault))?
        }
    };
    Ok(Meaning { top_k, reasoning })
}

fn within(path: &str, fault: Fault) -> Fault {
    let param = fault.param.as_deref().map(|param| format!("{path}.{param}"));
    Fault { param, ..fault }
}

/// The fields for a provider.
#[derive(Debug, Default, Serialize)]
pub(super) struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    #[serde(rename = "reasoningConfig", skip_serializing_if = "Option::is_none")]
    nova: Option<WrittenNova>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<&'a Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<&'a Number>,
    #[serde(rename = "inferenceConfig", skip_serializing_if = "Option::is_none")]
    inference: Option<WrittenInference<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenNova {
    #[serde(rename = "type")]
    kind: &'static str,
    max_reasoning_effort: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenInference<'a> {
    top_k: &'a Number,
}

impl<'a> Written<'a> {
    pub(super) fn is_empty(&self) -> bool {
        let Self { thinking, nova, reasoning_effort, top_k, k, inference } = self;
        thinking.is_none()
            && nova.is_none()
            && reasoning_effort.is_none()
            && top_k.is_none()
            && k.is_none()
            && inference.is_none()
    }

    /// The number of likeliest tokens, where the model takes it.
    pub(super) fn set_top_k(&mut self, top_k: Option<&'a Number>, habits: Habits, losses: &mut Losses) {
        let Some(wanted) = top_k else { return };
        match habits.top_k {
            TopK::Snake => self.top_k = top_k,
            TopK::Letter => self.k = top_k,
            TopK::Nested => self.inference = Some(WrittenInference { top_k: wanted }),
            TopK::Nowhere => losses.add("top_k"),
        }
    }

    /// Claude's way to think.
    pub(super) fn set_plan(&mut self, plan: &Plan) {
        self.thinking = plan.thinking;
    }

    /// How much a model thinks that is no Claude. Returns whether it thinks so hard that it takes no limits beside it.
    pub(super) fn set_reasoning(&mut self, wish: Option<Reasoning>, habits: Habits, losses: &mut Losses) -> bool {
        let effort = match wish {
            None => return false,
            Some(Reasoning::Effort(effort)) => effort,
            Some(Reasoning::Budget(tokens)) => {
                losses.add("thinking.budget_tokens");
                claude::effort(tokens)
            }
            Some(Reasoning::Adaptive) => Effort::Medium,
            Some(Reasoning::Off) => {
                if habits.thinks == Thinks::Effort {
                    losses.add("reasoning_effort");
                    self.reasoning_effort = Some("low");
                }
                return false; // the others think only when they are told to
            }
        };
        let word = match effort {
            Effort::Minimal | Effort::Low => "low",
            Effort::Medium => "medium",
            Effort::High | Effort::XHigh | Effort::Max => "high",
        };
        match habits.thinks {
            Thinks::Nova => {
                self.nova = Some(WrittenNova { kind: "enabled", max_reasoning_effort: word });
                return word == "high";
            }
            Thinks::Effort => self.reasoning_effort = Some(word),
            Thinks::Not | Thinks::Claude => losses.add("reasoning_effort"),
        }
        false
    }
}
