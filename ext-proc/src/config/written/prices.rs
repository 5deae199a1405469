//! `prices`: what models cost, as price pages write it.

use attache_core::price::Component;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What models cost. A list with a date and a source for every price is built in; `attache prices list` shows it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    /// The built-in list counts. With `false`, only what is written here and in `files`.
    pub built_in: bool,
    /// The currency of budgets (ISO 4217), and of `entries` that name no other.
    pub currency: String,
    /// What one unit of another currency is worth in `currency`: `{ CNY: 0.14 }`.
    pub exchange: BTreeMap<String, Amount>,
    /// Whose list prices a provider has, where its host does not tell: `{ my-proxy: openai }`.
    pub providers: BTreeMap<String, String>,
    /// Price lists, as `attache prices import` prints them. A later one replaces what an earlier one says of a model, and
    /// all replace the built-in list.
    pub files: Vec<String>,
    /// Own prices, which come before every list: by `provider/model`, where the provider is one of this configuration or
    /// a vendor of the lists, or by the model's name alone.
    pub entries: BTreeMap<String, Entry>,
}

impl Default for Prices {
    fn default() -> Self {
        Self {
            built_in: true,
            currency: "USD".to_owned(),
            exchange: BTreeMap::new(),
            providers: BTreeMap::new(),
            files: Vec::new(),
            entries: BTreeMap::new(),
        }
    }
}

/// An exact decimal. YAML keeps 15 digits of a number; what needs more is written as a string.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Amount(pub String);

/// Digits that survive being read as a number of 64 bits, whatever they are.
const DIGITS_MAX: usize = 15;

/// By hand: numbers become text again at once, and those that have lost digits are refused.
impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = |met: &serde_json::Value| format!("expected an amount such as 0.15, not {met}");
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Ok(Self(text)),
            serde_json::Value::Number(number) => {
                let text = number.to_string();
                let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
                let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
                if digits.trim_start_matches('0').len() > DIGITS_MAX {
                    let message = format!("{text} has more digits than a YAML number keeps; write it as a string");
                    return Err(serde::de::Error::custom(message));
                }
                Ok(Self(text))
            }
            met @ (serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_)) => Err(serde::de::Error::custom(wrong(&met))),
        }
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "An exact decimal: a number, or a string for one of more than 15 digits.",
            "anyOf": [
                { "type": "number", "minimum": 0 },
                { "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]{1,4})?$" }
            ]
        })
    }
}

/// A list of prices by component; three types have it, each with more of its own.
macro_rules! rates {
    ($(#[$about:meta])* pub struct $name:ident { $($more:tt)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            /// A million prompt tokens.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub input: Option<Amount>,
            /// A million prompt tokens from the provider's cache. Default: as `input`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub cached_input: Option<Amount>,
            /// A million prompt tokens written to the provider's cache for its usual time.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub cache_write: Option<Amount>,
            /// A million prompt tokens written to the provider's cache for an hour.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub cache_write_1h: Option<Amount>,
            /// A million prompt tokens of audio.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub audio_input: Option<Amount>,
            /// A million prompt tokens of audio from the provider's cache. Default: as `audio_input`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub cached_audio: Option<Amount>,
            /// A million prompt tokens of images, where they are counted apart.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub image_input: Option<Amount>,
            /// A million generated tokens.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub output: Option<Amount>,
            /// A million generated tokens of reasoning. Default: as `output`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub reasoning: Option<Amount>,
            /// A million generated tokens of audio.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub audio_output: Option<Amount>,
            /// A million generated tokens of images, where they are counted apart.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub image_output: Option<Amount>,
            /// A generated image.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub image: Option<Amount>,
            /// The request itself. Default: nothing.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub request: Option<Amount>,
            $($more)*
        }

        impl $name {
            /// What is written of a component.
            pub fn amount(&self, component: Component) -> Option<&Amount> {
                match component {
                    Component::Input => self.input.as_ref(),
                    Component::CachedInput => self.cached_input.as_ref(),
                    Component::CacheWrite => self.cache_write.as_ref(),
                    Component::CacheWrite1h => self.cache_write_1h.as_ref(),
                    Component::AudioInput => self.audio_input.as_ref(),
                    Component::CachedAudio => self.cached_audio.as_ref(),
                    Component::ImageInput => self.image_input.as_ref(),
                    Component::Output => self.output.as_ref(),
                    Component::Reasoning => self.reasoning.as_ref(),
                    Component::AudioOutput => self.audio_output.as_ref(),
                    Component::ImageOutput => self.image_output.as_ref(),
                    Component::Image => self.image.as_ref(),
                    Component::Request => self.request.as_ref(),
                }
            }
        }
    };
}

rates! {
    /// What a model costs, in units of the currency. Using what has no price here makes an exchange's cost unknown.
    pub struct Entry {
        /// The currency. Default: that of `prices`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub currency: Option<String>,
        /// The day on which it was true: `2026-01-31`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub as_of: Option<String>,
        /// Where it is written.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub source: Option<String>,
        /// What a request with more input tokens than this costs, as a whole: `{ 200000: { input: 2.50, output: 15 } }`.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        pub above: BTreeMap<u64, Rates>,
        /// What it costs in other service tiers: `batch`, `flex`, `priority`.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        pub tiers: BTreeMap<String, Tier>,
    }
}

rates! {
    /// What a model costs in a service tier. It stands on its own, but for the fee of a request and the price of an image.
    pub struct Tier {
        /// What a request with more input tokens than this costs, as a whole.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        pub above: BTreeMap<u64, Rates>,
    }
}

rates! {
    /// What a model costs beyond a number of input tokens. It stands on its own, but for the fee of a request and the
    /// price of an image.
    pub struct Rates {}
}
