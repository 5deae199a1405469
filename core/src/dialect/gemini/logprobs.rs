//! `logprobsResult` ↔ OpenAI's log probabilities, which are the hub's:
//! <https://ai.google.dev/api/generate-content#LogprobsResult>.

use super::names::Many;
use crate::dialect::wire::wire;
use crate::text::Str;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Number;
use serde_json::value::{RawValue, to_raw_value};

wire! {
    /// The chosen tokens, and the likeliest ones at each step.
    struct Steps<'a> {
        chosen "chosenCandidates" | "chosen_candidates": Many<Token<'a>>,
        top "topCandidates" | "top_candidates": Many<Top<'a>>,
        _sum "logProbabilitySum" | "log_probability_sum": IgnoredAny,
    }
}
wire! {
    /// The likeliest tokens of one step.
    struct Top<'a> { candidates: Many<Token<'a>> }
}
wire! {
    /// A token and how likely it is.
    struct Token<'a> {
        token: Str<'a>,
        _id "tokenId" | "token_id": IgnoredAny,
        probability "logProbability" | "log_probability": Number,
    }
}

/// OpenAI's form.
#[derive(Serialize)]
struct OpenAi<'a> {
    content: Vec<Step<'a>>,
    refusal: Option<()>,
}

#[derive(Serialize)]
struct Step<'a> {
    #[serde(flatten)]
    chosen: Likely<'a>,
    top_logprobs: Vec<Likely<'a>>,
}

#[derive(Serialize)]
struct Likely<'a> {
    token: &'a str,
    logprob: Number,
    bytes: &'a [u8],
}

impl<'a> Token<'a> {
    fn likely(&'a self) -> Likely<'a> {
        let token = self.token.as_deref().unwrap_or_default();
        Likely { token, logprob: self.probability.clone().unwrap_or_else(|| Number::from(0)), bytes: token.as_bytes() }
    }
}

/// In OpenAI's form; `None` where nothing is told.
pub(super) fn decode(result: &Steps<'_>) -> Option<Box<RawValue>> {
    let chosen = result.chosen.as_ref().filter(|chosen| !chosen.0.is_empty())?;
    let mut top = result.top.iter().flat_map(|top| &top.0);
    let content = chosen.0.iter().map(|token| {
        let others = top.next().and_then(|top| top.candidates.as_ref());
        Step { chosen: token.likely(), top_logprobs: others.iter().flat_map(|top| &top.0).map(Token::likely).collect() }
    });
    to_raw_value(&OpenAi { content: content.collect(), refusal: None }).ok()
}

wire! {
    /// OpenAI's form, as it is read.
    struct StepsIn<'a> { content: Vec<StepIn<'a>> }
}
wire! {
    /// One step.
    struct StepIn<'a> { token: Str<'a>, logprob: Number, top "top_logprobs": Vec<LikelyIn<'a>> }
}
wire! {
    /// A token that was likely.
    struct LikelyIn<'a> { token: Str<'a>, logprob: Number }
}

/// The same in this dialect's form.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written<'a> {
    chosen_candidates: Vec<TokenOut<'a>>,
    top_candidates: Vec<TopOut<'a>>,
}

#[derive(Debug, Serialize)]
struct TopOut<'a> {
    candidates: Vec<TokenOut<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenOut<'a> {
    token: Str<'a>,
    log_probability: Number,
}

impl<'a> TokenOut<'a> {
    fn of(token: Option<Str<'a>>, logprob: Option<Number>) -> Self {
        Self { token: token.unwrap_or_default(), log_probability: logprob.unwrap_or_else(|| Number::from(0)) }
    }
}

/// Reads OpenAI's form; `None` for what is none, or tells nothing of the text.
pub(super) fn encode(raw: &RawValue) -> Option<Written<'_>> {
    let steps: StepsIn<'_> = serde_json::from_str(raw.get()).ok()?;
    let steps = steps.content.filter(|steps| !steps.is_empty())?;
    let mut out = Written { chosen_candidates: Vec::new(), top_candidates: Vec::new() };
    for step in steps {
        out.chosen_candidates.push(TokenOut::of(step.token, step.logprob));
        let top = step.top.unwrap_or_default().into_iter();
        out.top_candidates.push(TopOut { candidates: top.map(|top| TokenOut::of(top.token, top.logprob)).collect() });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let gemini = r#"{"chosenCandidates":[{"token":"Hé","logProbability":-0.25},{"token":"!","logProbability":-1}],"topCandidates":[{"candidates":[{"token":"Hé","logProbability":-0.25},{"token":"Ho","logProbability":-2.5}]},{"candidates":[]}]}"#;
        let result: Steps<'_> = serde_json::from_str(gemini).unwrap();
        let openai = decode(&result).unwrap();
        assert_eq!(
            openai.get(),
            r#"{"content":[{"token":"Hé","logprob":-0.25,"bytes":[72,195,169],"top_logprobs":[{"token":"Hé","logprob":-0.25,"bytes":[72,195,169]},{"token":"Ho","logprob":-2.5,"bytes":[72,111]}]},{"token":"!","logprob":-1,"bytes":[33],"top_logprobs":[]}],"refusal":null}"#
        );
        assert_eq!(serde_json::to_string(&encode(&openai).unwrap()).unwrap(), gemini);
        assert!(decode(&Steps::default()).is_none());
        for nothing in ["{}", "7", r#"{"content":[]}"#] {
            assert!(encode(&RawValue::from_string(nothing.to_owned()).unwrap()).is_none());
        }
    }
}
