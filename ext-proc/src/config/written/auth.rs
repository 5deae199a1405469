//! What requests show a provider.

use super::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The credentials of a provider, in one of these forms: `{ bearer: KEYS }`, `{ header: NAME, value: KEYS }`,
/// `{ query: NAME, value: KEYS }`, `{ aws: … }`, `{ gcp: … }`, `{ azure: … }`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// Sent as `authorization: Bearer …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer: Option<Keys>,
    /// The header that carries `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The query parameter that carries `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// What `header` or `query` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Keys>,
    /// Requests are signed for AWS (Signature Version 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<Aws>,
    /// Requests carry an access token of Google Cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcp: Option<Gcp>,
    /// Requests carry an access token of Microsoft Entra.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure: Option<Azure>,
}

impl Auth {
    /// Every secret in it.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let keys = [&self.bearer, &self.value].into_iter().flatten().flat_map(Keys::all);
        let aws = self.aws.iter();
        let aws = aws.flat_map(|aws| [&aws.access_key_id, &aws.secret_access_key, &aws.session_token]);
        let gcp = self.gcp.iter().map(|gcp| &gcp.service_account);
        let azure = self.azure.iter().map(|azure| &azure.client_secret);
        keys.chain(aws.chain(gcp).chain(azure).flatten())
    }
}

/// A key, or a pool of them: each in turn, but for those that rest because of a 429 or a 401.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Keys {
    /// One.
    One(Secret),
    /// A pool.
    Pool(Vec<Secret>),
}

impl Keys {
    /// All of them.
    pub fn all(&self) -> &[Secret] {
        match self {
            Self::One(key) => std::slice::from_ref(key),
            Self::Pool(keys) => keys,
        }
    }
}

/// By hand, so that no message ever repeats what was met.
impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde_json::Value;
        let value = Value::deserialize(deserializer)?;
        let wrong =
            |_| serde::de::Error::custom("a key is a string such as ${ENV}, or { file: PATH }, or a list of such");
        match value {
            Value::Array(keys) => {
                keys.into_iter().map(Secret::deserialize).collect::<Result<_, _>>().map(Self::Pool).map_err(wrong)
            }
            one @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
                Secret::deserialize(one).map(Self::One).map_err(wrong)
            }
        }
    }
}

impl Serialize for Keys {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(key) => key.serialize(serializer),
            Self::Pool(keys) => keys.serialize(serializer),
        }
    }
}

/// How requests are signed for AWS. Without keys the standard chain finds them: environment, profile, web identity,
/// container, instance metadata.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Aws {
    /// `us-east-1`.
    pub region: String,
    /// The service's name in the signature. Default: `bedrock`.
    #[serde(default = "default_service")]
    pub service: String,
    /// An access key, with `secret_access_key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<Secret>,
    /// Its secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<Secret>,
    /// The token of a temporary access key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<Secret>,
    /// The profile in the shared configuration files that the chain reads. Default: `AWS_PROFILE`, or `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

fn default_service() -> String {
    "bedrock".to_owned()
}

/// Where access tokens of Google Cloud come from. Without `service_account`: application default credentials, that is
/// the file that `GOOGLE_APPLICATION_CREDENTIALS` names (a service account, workload identity, a user), the one of
/// `gcloud auth application-default login`, or the metadata server.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Gcp {
    /// The JSON key of a service account, or any other credentials file of Google's: usually `{ file: PATH }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<Secret>,
    /// Where tokens are asked for, instead of where the credentials say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// What tokens are for. Default: `https://www.googleapis.com/auth/cloud-platform`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// Where access tokens of Microsoft Entra come from: client credentials (`tenant_id`, `client_id` and `client_secret` or
/// `federated_token_file`), or `managed_identity: true`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Azure {
    /// The directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The application; of a managed identity: which one, where a machine has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The application's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Secret>,
    /// Instead of a secret: a token of another issuer that the application trusts (AKS workload identity). Read again
    /// for every token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub federated_token_file: Option<String>,
    /// The machine's own identity, asked for at the instance metadata service.
    #[serde(skip_serializing_if = "is_false")]
    pub managed_identity: bool,
    /// Where tokens are asked for. Default: `https://login.microsoftonline.com`; of managed identities
    /// `http://169.254.169.254`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// What tokens are for. Default: `https://cognitiveservices.azure.com/.default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
