//! Who may use how much: `rate_limits` and `budgets`.

use super::Secret;
use super::prices::Amount;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A rate limit: so much in any stretch of this time. Several numbers in one limit hold together: all or nothing.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimit {
    /// What it counts apart: `caller`, `team`, `org`, `model`, `provider`, `front`, `tag:NAME`, `header:NAME`,
    /// `claim:NAME`. `[caller, model]` counts every caller's use of every model by itself; `[]` counts all together.
    /// Whoever has no such value shares the counter of all who have none.
    pub by: Vec<String>,
    /// To what it applies: the same words, each with one pattern or several (`*` stands for anything). Default: all.
    pub when: BTreeMap<String, Texts>,
    /// Requests: `100/m`, `10/s`, `5000/h`, `100000/d`, `30/10m`, or a list of such.
    pub requests: Texts,
    /// Tokens of the prompt.
    pub input_tokens: Texts,
    /// Tokens of the answer, reasoning included.
    pub output_tokens: Texts,
    /// Tokens of both.
    pub tokens: Texts,
    /// Requests under way at the same time.
    pub concurrent: Option<u64>,
    /// The answer may not outgrow what was held for it: a request without a token limit of its own gets
    /// `limits.output_tokens_expected`, one with a larger limit than this rule allows gets the rule's.
    pub cap_output: bool,
    /// What happens while the store (Redis) cannot be reached.
    pub on_store_failure: OnStoreFailure,
}

/// A budget: so much money, or so many tokens, in a period.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// What it counts apart, as in `rate_limits`: `[team]` gives every team this budget.
    #[serde(default)]
    pub by: Vec<String>,
    /// To what it applies, as in `rate_limits`.
    #[serde(default)]
    pub when: BTreeMap<String, Texts>,
    /// Money, in the currency of `prices.currency`: `500` or `"0.25"`.
    #[serde(default)]
    pub cost: Option<Amount>,
    /// Tokens, prompt and answer.
    #[serde(default)]
    pub tokens: Option<u64>,
    /// `hour`, `day`, `week`, `month` or `year` of the calendar (UTC), or any stretch of time: `30d`, `12h`.
    pub per: String,
    /// Requests beyond it are refused. `false`: it only warns.
    #[serde(default = "yes")]
    pub hard: bool,
    /// At how many percent to warn (log, metric, webhook), once per period and replica set.
    #[serde(default = "default_warn_at")]
    pub warn_at: Vec<u8>,
    /// Where to POST each warning as JSON. Whoever knows such a URL can use it: it is a secret.
    #[serde(default)]
    pub webhook: Option<Secret>,
    /// What happens to a request beyond it, where something else than 429 is wanted.
    #[serde(default)]
    pub over_budget: Option<OverBudget>,
    /// A stream that outgrows what was held for it, with nothing left to hold, ends there: as if its token limit was reached.
    #[serde(default)]
    pub end_streams: bool,
    /// A request whose cost nobody can know, since its model has no price. Default: refused by a hard budget of money.
    #[serde(default)]
    pub unknown_price: Option<UnknownPrice>,
    /// What happens while the store (Redis) cannot be reached.
    #[serde(default)]
    pub on_store_failure: OnStoreFailure,
}

fn yes() -> bool {
    true
}

fn default_warn_at() -> Vec<u8> {
    vec![50, 80, 100]
}

/// What happens to a request beyond a budget.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OverBudget {
    /// This model serves it instead. The budget that is used up counts it and lets it pass; all other limits and budgets
    /// apply to it.
    #[serde(rename = "use")]
    pub model: String,
}

/// What happens to a request whose cost nobody can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownPrice {
    /// It is refused, and says why.
    Refuse,
    /// It passes, and the budget does not see it.
    Allow,
}

/// What happens while the store cannot be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnStoreFailure {
    /// Every replica counts by itself.
    #[default]
    Local,
    /// Requests pass uncounted.
    Open,
    /// Requests are refused with 503.
    Closed,
}

/// One text or several: `fast`, `[fast, "gpt-*"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Texts {
    /// None.
    #[default]
    #[schemars(skip)]
    None,
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Texts {
    /// All of them.
    pub fn all(&self) -> &[String] {
        match self {
            Self::None => &[],
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

/// By hand, for one clear message.
impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde_json::Value;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let value = Value::deserialize(deserializer)?;
        let texts = match value.as_array() {
            Some(several) => several.iter().map(text).collect::<Option<_>>().map(Self::Several),
            None => text(&value).map(Self::One),
        };
        texts
            .ok_or_else(|| serde::de::Error::custom("expected a text or a list of texts; numbers want quotation marks"))
    }
}
