//! How a provider deviates from its dialect, as data: two providers that differ in words differ only here.
//!
//! Each field is absent where the provider does as the dialect's first provider does. A preset fills them in
//! ([`crate::preset`]), and an operator's own words come before the preset's, field by field.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A provider's deviations. Those of the OpenAI chat dialect, unless a field says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Quirks {
    /// The field that carries the token limit. Default: `max_completion_tokens`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens_field: Option<MaxTokensField>,
    /// `stream_options` is known. With `false` it is neither added nor passed on. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_options: Option<bool>,
    /// Streams end with `[DONE]`. With `false` it is enough that every answer has ended, and the body properly. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done_event: Option<bool>,
    /// The role `developer` is known. With `false` such messages are sent as `system`. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub developer_role: Option<bool>,
    /// Fields that the provider refuses, which therefore are not sent: of the request (`logprobs`), of its messages
    /// (`messages.name`), of its tools (`tools.function.strict`). Any dialect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refuses: Option<Vec<String>>,
    /// Fields of the request that are called otherwise here: `{ seed: random_seed }`. Any dialect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renames: Option<BTreeMap<String, String>>,
    /// Fields that every request gets, unless it has them already: `{ reasoning_format: parsed }`. Any dialect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adds: Option<BTreeMap<String, Value>>,
    /// What demands a tool call in `tool_choice`. Default: `required`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_tool: Option<RequiredTool>,
    /// Which ids tool calls may have. Default: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_call_ids: Option<ToolCallIds>,
    /// What `response_format` can say. Default: `json_schema`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structured_output: Option<StructuredOutput>,
    /// How it is told how much to think. Default: `effort`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<ReasoningField>,
    /// The words for an effort that it knows, `none` among them if thinking can be turned off with it. Others become the
    /// nearest one. Default: all but `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub efforts: Option<Vec<EffortWord>>,
    /// Where an answer's thoughts stand. Default: `fields`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thoughts: Option<Thoughts>,
    /// Whether the thoughts of earlier turns go back to it. Default: `as_written`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thoughts_back: Option<ThoughtsBack>,
}

/// The name of the field that carries the token limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MaxTokensField {
    /// `max_completion_tokens`: what OpenAI asks for today.
    #[default]
    MaxCompletionTokens,
    /// `max_tokens`: what many servers of this dialect know.
    MaxTokens,
}

/// The word that demands a tool call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RequiredTool {
    /// `required`, as OpenAI says it.
    #[default]
    Required,
    /// `any`.
    Any,
    /// There is none: such a wish is a loss.
    Unknown,
}

/// Which ids tool calls may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ToolCallIds {
    /// Any text.
    #[default]
    Any,
    /// Exactly nine letters and digits. Others are mapped, the same id always to the same one.
    NineAlphanumerics,
}

/// What `response_format` can say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StructuredOutput {
    /// A JSON schema.
    #[default]
    JsonSchema,
    /// Any JSON object: a schema is a loss.
    JsonObject,
    /// Nothing: a wish for JSON is a loss.
    None,
}

/// How a provider is told how much to think.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReasoningField {
    /// `reasoning_effort: low`.
    #[default]
    Effort,
    /// `thinking: { type: enabled }` or `disabled`.
    Thinking,
    /// The same with `budget_tokens`.
    ThinkingBudget,
    /// `thinking: { type: enabled }` or `disabled`, and `reasoning_effort`.
    ThinkingAndEffort,
    /// `thinking: { type: adaptive }` or `disabled`.
    AdaptiveThinking,
    /// `enable_thinking: true` and `thinking_budget: 1024`.
    EnableThinking,
    /// `reasoning: { effort }`, `{ max_tokens }` or `{ enabled: false }`.
    Object,
    /// `chat_template_kwargs: { enable_thinking: true }`.
    TemplateEnableThinking,
    /// `chat_template_kwargs: { thinking: true }`.
    TemplateThinking,
    /// It cannot be told.
    None,
}

/// A word for how much to think, from less to more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum EffortWord {
    /// Not at all.
    None,
    /// OpenAI's least.
    Minimal,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Above high.
    XHigh,
    /// All there is.
    Max,
}

/// Where the thoughts of an answer stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Thoughts {
    /// In fields of their own: `reasoning_content`, `reasoning`, `reasoning_details`, or parts of type `thinking`.
    #[default]
    Fields,
    /// There, or at the beginning of the text between `<think>` and `</think>`.
    ThinkTags,
}

/// Whether the thoughts of earlier turns go back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ThoughtsBack {
    /// As the client wrote them in this dialect; from other dialects, not at all.
    #[default]
    AsWritten,
    /// Never: the provider refuses messages that hold them.
    Never,
    /// In `reasoning_content`.
    ReasoningContent,
    /// In `reasoning`.
    Reasoning,
    /// In the text, between `<think>` and `</think>`; clients of the same dialect have it there already.
    ThinkTags,
}

impl Quirks {
    /// What is wrong with them, if anything: the field, and what a person reads.
    pub fn complaint(&self) -> Option<(&'static str, String)> {
        let is_known = |path: &str| {
            let name = path.strip_prefix("messages.").or(path.strip_prefix("tools.function.")).unwrap_or(path);
            !name.is_empty() && !name.contains('.')
        };
        let odd = self.refuses.iter().flatten().find(|path| !is_known(path))?;
        let message = format!("`{odd}`: expected FIELD, messages.FIELD or tools.function.FIELD");
        Some(("refuses", message))
    }
}

/// Takes each field from the first that says it.
macro_rules! either {
    ($own:ident, $base:ident: $($field:ident),+ $(,)?) => { Self { $($field: $own.$field.or($base.$field)),+ } };
}

impl Quirks {
    /// These, and what they leave open as `base` says it.
    pub fn over(self, base: Self) -> Self {
        either!(
            self,
            base: max_tokens_field,
            stream_options,
            done_event,
            developer_role,
            refuses,
            renames,
            adds,
            required_tool,
            tool_call_ids,
            structured_output,
            reasoning,
            efforts,
            thoughts,
            thoughts_back,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operators_words_come_first() {
        let read = |json| serde_json::from_str::<Quirks>(json).unwrap();
        let own = read(r#"{"stream_options":true,"refuses":[]}"#);
        let preset = read(r#"{"stream_options":false,"refuses":["n"],"max_tokens_field":"max_tokens"}"#);
        let expected = read(r#"{"stream_options":true,"refuses":[],"max_tokens_field":"max_tokens"}"#);
        assert_eq!(own.over(preset), expected);
        assert!(serde_json::from_str::<Quirks>(r#"{"strem_options":true}"#).is_err());
    }
}
