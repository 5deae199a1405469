//! What an operator writes: the same block for every host. Its name and when it applies are the host's own.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Texts that blocks refer to by name.
pub type Templates = BTreeMap<String, String>;
/// What `{{name}}` stands for, by name.
pub type Variables = BTreeMap<String, Variable>;

/// What is added to prompts.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Decorator {
    /// Instructions.
    pub system: System,
    /// Messages.
    pub messages: Messages,
}

/// Instructions before and after the client's own, or in their place.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct System {
    /// Before the client's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prepend: Option<Text>,
    /// After the client's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub append: Option<Text>,
    /// In their place: the client's own, wherever they stand, do not reach the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace: Option<Text>,
}

/// Messages around the conversation.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Messages {
    /// Before the client's first, behind all instructions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prepend: Vec<Said>,
    /// After the client's last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub append: Vec<Said>,
}

/// One message.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Who says it.
    pub role: Speaker,
    /// What is said.
    pub content: Text,
}

/// Who says a message.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The user.
    User,
    /// The model.
    Assistant,
}

/// A text with `{{variables}}`, or a template's name.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected a text, or the name of one: {\"template\": \"NAME\"}")]
pub enum Text {
    /// The text.
    Words(String),
    /// The template that holds it.
    Named {
        /// Its name.
        template: String,
    },
}

/// Where a variable's value comes from: a request header that is named here, and nowhere else. Whoever may write that
/// header may write into the prompt.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// The header.
    pub header: String,
    /// What it is where the header is missing. Without it such a request is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// What it may be, as patterns in which `*` stands for anything. Another value is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<String>,
    /// Most bytes of it. A longer value is refused.
    #[serde(default = "bytes_max")]
    pub bytes_max: usize,
}

fn bytes_max() -> usize {
    256
}
