//! How a provider is told how much to think: the fields of a request, in the form that its quirks ask for.

use crate::chat::{Effort, Reasoning};
use crate::dialect::Upstream;
use crate::dialect::quirks::{EffortWord, Quirks, ReasoningField};
use crate::loss::Losses;
use serde::Serialize;

/// A thinking budget up to this many tokens is a low effort …
const BUDGET_LOW_MAX: u64 = 2048;
/// … and up to this many a medium one; above it is a high one. (LiteLLM's and OpenRouter's steps lie close by.)
const BUDGET_MEDIUM_MAX: u64 = 8192;
/// The budget of a minimal effort.
const BUDGET_MINIMAL: u64 = 1024;

/// The fields that say it. At most two of them are there.
#[derive(Default, Serialize)]
pub(super) struct Told {
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<EffortWord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_thinking: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_budget: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Object>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_template_kwargs: Option<Template>,
}

#[derive(Serialize)]
struct Thinking {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_tokens: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Object {
    Effort(EffortWord),
    MaxTokens(u64),
    Enabled(bool),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Template {
    EnableThinking(bool),
    Thinking(bool),
}

/// Says a wish in the provider's form; what that cannot say is a loss.
pub(super) fn tell(wish: Reasoning, quirks: &Quirks, losses: &mut Losses) -> Told {
    let on = wish != Reasoning::Off;
    let thinking = |budget| Told { thinking: Some(switch(on, "enabled", budget)), ..Told::default() };
    match quirks.reasoning.unwrap_or_default() {
        ReasoningField::Effort => Told { reasoning_effort: word(wish, quirks, losses), ..Told::default() },
        ReasoningField::Thinking => {
            lose_degree(wish, losses);
            thinking(None)
        }
        ReasoningField::ThinkingBudget => thinking(budget(wish)),
        ReasoningField::ThinkingAndEffort => {
            let effort = if on { word(wish, quirks, losses) } else { None };
            Told { reasoning_effort: effort, ..thinking(None) }
        }
        ReasoningField::AdaptiveThinking => {
            lose_degree(wish, losses);
            Told { thinking: Some(switch(on, "adaptive", None)), ..Told::default() }
        }
        ReasoningField::EnableThinking => {
            Told { enable_thinking: Some(on), thinking_budget: budget(wish), ..Told::default() }
        }
        ReasoningField::Object => Told { reasoning: Some(object(wish, quirks)), ..Told::default() },
        ReasoningField::TemplateEnableThinking => {
            lose_degree(wish, losses);
            Told { chat_template_kwargs: Some(Template::EnableThinking(on)), ..Told::default() }
        }
        ReasoningField::TemplateThinking => {
            lose_degree(wish, losses);
            Told { chat_template_kwargs: Some(Template::Thinking(on)), ..Told::default() }
        }
        ReasoningField::None => {
            match wish {
                Reasoning::Off => losses.add("thinking.disabled"),
                Reasoning::Effort(_) | Reasoning::Budget(_) => losses.add("thinking"),
                Reasoning::Adaptive => {}
            }
            Told::default()
        }
    }
}

/// The effort alone, for a dialect that has a place of its own for it.
pub(in crate::dialect) fn effort(wish: Reasoning, upstream: &Upstream, losses: &mut Losses) -> Option<EffortWord> {
    match wish {
        Reasoning::Effort(_) | Reasoning::Budget(_) if !upstream.reasoning => {
            losses.add("thinking");
            None
        }
        Reasoning::Off | Reasoning::Adaptive if !upstream.reasoning => None,
        Reasoning::Off | Reasoning::Effort(_) | Reasoning::Budget(_) | Reasoning::Adaptive => {
            word(wish, &upstream.quirks, losses)
        }
    }
}

/// What the wish of a client in the same dialect becomes; `None` where its own word is right as it is, or unknown.
pub(super) fn retold(word: &str, quirks: &Quirks, losses: &mut Losses) -> Option<Told> {
    let word: EffortWord = serde_json::from_value(word.into()).ok()?;
    if quirks.reasoning.unwrap_or_default() == ReasoningField::Effort {
        // Without a list the client knows better.
        let known = quirks.efforts.as_ref()?;
        if known.contains(&word) {
            return None;
        }
    }
    Some(tell(meaning(word), quirks, losses))
}

fn meaning(word: EffortWord) -> Reasoning {
    Reasoning::Effort(match word {
        EffortWord::None => return Reasoning::Off,
        EffortWord::Minimal => Effort::Minimal,
        EffortWord::Low => Effort::Low,
        EffortWord::Medium => Effort::Medium,
        EffortWord::High => Effort::High,
        EffortWord::XHigh => Effort::XHigh,
        EffortWord::Max => Effort::Max,
    })
}

/// `reasoning_effort`. `none` is sent only where it is known: models that cannot think do not know the field, and many that
/// can refuse the word (o3, gpt-5), so that the provider's default stands in for it.
fn word(wish: Reasoning, quirks: &Quirks, losses: &mut Losses) -> Option<EffortWord> {
    let wanted = match wish {
        Reasoning::Off if quirks.efforts.as_ref().is_some_and(|known| known.contains(&EffortWord::None)) => {
            return Some(EffortWord::None);
        }
        Reasoning::Off => {
            losses.add("thinking.disabled");
            return None;
        }
        Reasoning::Adaptive => return None,
        Reasoning::Effort(effort) => word_of(effort),
        Reasoning::Budget(..=BUDGET_LOW_MAX) => EffortWord::Low,
        Reasoning::Budget(..=BUDGET_MEDIUM_MAX) => EffortWord::Medium,
        Reasoning::Budget(_) => EffortWord::High,
    };
    Some(nearest(wanted, quirks))
}

fn word_of(effort: Effort) -> EffortWord {
    match effort {
        Effort::Minimal => EffortWord::Minimal,
        Effort::Low => EffortWord::Low,
        Effort::Medium => EffortWord::Medium,
        Effort::High => EffortWord::High,
        Effort::XHigh => EffortWord::XHigh,
        Effort::Max => EffortWord::Max,
    }
}

/// The known word that comes nearest; of two the greater effort.
fn nearest(wanted: EffortWord, quirks: &Quirks) -> EffortWord {
    let known = quirks.efforts.iter().flatten().copied().filter(|word| *word != EffortWord::None);
    known.min_by_key(|word| ((*word as i8 - wanted as i8).abs(), std::cmp::Reverse(*word))).unwrap_or(wanted)
}

fn switch(on: bool, kind: &'static str, budget_tokens: Option<u64>) -> Thinking {
    if on { Thinking { kind, budget_tokens } } else { Thinking { kind: "disabled", budget_tokens: None } }
}

/// The tokens for a wish; above a medium effort the model's own limit holds.
fn budget(wish: Reasoning) -> Option<u64> {
    match wish {
        Reasoning::Budget(tokens) => Some(tokens),
        Reasoning::Effort(Effort::Minimal) => Some(BUDGET_MINIMAL),
        Reasoning::Effort(Effort::Low) => Some(BUDGET_LOW_MAX),
        Reasoning::Effort(Effort::Medium) => Some(BUDGET_MEDIUM_MAX),
        Reasoning::Effort(Effort::High | Effort::XHigh | Effort::Max) | Reasoning::Off | Reasoning::Adaptive => None,
    }
}

fn object(wish: Reasoning, quirks: &Quirks) -> Object {
    match wish {
        Reasoning::Off => Object::Enabled(false),
        Reasoning::Adaptive => Object::Enabled(true),
        Reasoning::Effort(effort) => Object::Effort(nearest(word_of(effort), quirks)),
        Reasoning::Budget(tokens) => Object::MaxTokens(tokens),
    }
}

/// That it shall think can be said, how much cannot.
fn lose_degree(wish: Reasoning, losses: &mut Losses) {
    match wish {
        Reasoning::Effort(_) => losses.add("reasoning_effort"),
        Reasoning::Budget(_) => losses.add("thinking.budget_tokens"),
        Reasoning::Off | Reasoning::Adaptive => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(wish: Reasoning, quirks: &str) -> (String, String) {
        let mut losses = Losses::default();
        let told = tell(wish, &serde_json::from_str(quirks).unwrap(), &mut losses);
        (serde_json::to_string(&told).unwrap(), losses.header())
    }

    #[test]
    fn every_form_of_every_wish() {
        let wishes = [Reasoning::Off, Reasoning::Adaptive, Reasoning::Effort(Effort::Medium), Reasoning::Budget(3000)];
        let mut read = String::new();
        for quirks in [
            "{}",
            r#"{"efforts":["none","low","high"]}"#,
            r#"{"reasoning":"thinking"}"#,
            r#"{"reasoning":"thinking_budget"}"#,
            r#"{"reasoning":"thinking_and_effort","efforts":["low","high","max"]}"#,
            r#"{"reasoning":"adaptive_thinking"}"#,
            r#"{"reasoning":"enable_thinking"}"#,
            r#"{"reasoning":"object"}"#,
            r#"{"reasoning":"template_enable_thinking"}"#,
            r#"{"reasoning":"template_thinking"}"#,
            r#"{"reasoning":"none"}"#,
        ] {
            read.push_str(&format!("{quirks}\n"));
            for wish in wishes {
                let (said, lost) = told(wish, quirks);
                read.push_str(&format!("    {wish:?}: {said} {lost}\n").replace(" \n", "\n"));
            }
        }
        insta::assert_snapshot!(read);
    }

    #[test]
    fn an_unknown_effort_becomes_the_nearest_one() {
        let quirks = r#"{"efforts":["none","low","medium","high"]}"#;
        for (effort, expected) in [(Effort::Minimal, "low"), (Effort::Medium, "medium"), (Effort::Max, "high")] {
            assert_eq!(told(Reasoning::Effort(effort), quirks).0, format!(r#"{{"reasoning_effort":"{expected}"}}"#));
        }
    }
}
