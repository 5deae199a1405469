//! What a person writes about a provider.

use super::auth::Keys;
use super::{Auth, Secret};
use attache_core::dialect::quirks::Quirks;
use attache_core::{dialect, endpoint};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who serves models.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = [{ "required": ["preset"] }, { "required": ["dialect", "url"] }]))]
pub struct Provider {
    /// A provider that is known already (`attache presets`): it fills in everything that is not written here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// The key, or several that take turns; sent as the preset says, without a preset as `authorization: Bearer …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Keys>,
    /// What the preset's URL leaves open: `{ region: us-east-1 }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// The wire format that it speaks; what is asked in another one is translated to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Dialect>,
    /// Other wire formats that it speaks at the same URL: requests in these pass untranslated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub also: Option<Vec<Dialect>>,
    /// At which kind of URL and in which envelope it speaks its dialect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosting: Option<Hosting>,
    /// The base URL, as the provider's own SDK takes it: `https://api.openai.com/v1`, `https://api.anthropic.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What every request to it has in its query: `{ api-version: 2024-10-21 }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<BTreeMap<String, String>>,
    /// The credentials that requests to it carry, where they are more than a `key`. None of both: nothing is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Further headers for every request to it, besides the preset's. Their values may be secrets and are treated as such.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// How it deviates from its dialect. Each field that is written stands instead of the preset's.
    #[serde(default)]
    pub quirks: Quirks,
    /// Clients may ask for `provider/model` with any model of this provider.
    #[serde(default)]
    pub expose: bool,
    /// The name of the Envoy cluster, where it is not the provider's own name.
    #[serde(default)]
    pub cluster: Option<String>,
    /// TLS towards an https provider.
    #[serde(default)]
    pub tls: Tls,
    /// Endpoints of its dialect that name no model and are not known here (files, batches, …) go to this provider. One
    /// provider for each dialect.
    #[serde(default)]
    pub other_endpoints: bool,
}

/// A wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// OpenAI chat completions, which most providers speak.
    Openai,
    /// OpenAI responses.
    Responses,
    /// OpenAI legacy completions.
    Completions,
    /// Anthropic messages.
    Anthropic,
    /// Google Gemini generateContent.
    Gemini,
    /// Amazon Bedrock Converse.
    Converse,
    /// Cohere v2 chat.
    Cohere,
}

impl From<Dialect> for dialect::Dialect {
    fn from(written: Dialect) -> Self {
        match written {
            Dialect::Openai => Self::OpenAi,
            Dialect::Responses => Self::Responses,
            Dialect::Completions => Self::Completions,
            Dialect::Anthropic => Self::Anthropic,
            Dialect::Gemini => Self::Gemini,
            Dialect::Converse => Self::Converse,
            Dialect::Cohere => Self::Cohere,
        }
    }
}

/// The same dialect at another kind of URL and in another envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hosting {
    /// As the dialect's own house serves it.
    Native,
    /// Azure OpenAI's deployments: the model is a part of the URL.
    AzureDeployment,
    /// Amazon Bedrock's InvokeModel.
    Bedrock,
    /// Vertex AI's publisher models.
    Vertex,
}

impl From<Hosting> for endpoint::Hosting {
    fn from(written: Hosting) -> Self {
        match written {
            Hosting::Native => Self::Native,
            Hosting::AzureDeployment => Self::AzureDeployment,
            Hosting::Bedrock => Self::Bedrock,
            Hosting::Vertex => Self::Vertex,
        }
    }
}

/// TLS towards a provider.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// The CA bundle that signs the provider's certificate. Default: the system's.
    pub ca_file: Option<String>,
    /// The name to ask for (SNI) and to check. Default: the host of the URL.
    pub server_name: Option<String>,
}
