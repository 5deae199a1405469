//! Google's credentials files: one JSON object, whose `type` says what else is in it. No message repeats what it holds.

use super::external::External;
use super::key::ServiceAccount;
use crate::outbound::check_url;
use secrecy::SecretString;
use serde_json::Value;

/// Where Google's own token endpoint is.
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";

/// Whose tokens they are.
#[derive(Debug)]
pub enum Source {
    /// A service account with a key of its own.
    ServiceAccount(ServiceAccount),
    /// A person who has logged in with gcloud.
    User(User),
    /// Somebody whom another issuer vouches for (workload identity federation).
    External(External),
    /// A service account, for somebody who may act as one.
    Impersonated {
        /// Where its tokens are asked for.
        url: String,
        /// Who asks.
        by: Box<Source>,
    },
    /// The machine's own account.
    Metadata {
        /// The metadata server.
        host: String,
    },
}

/// A person who has logged in.
#[derive(Debug)]
pub struct User {
    pub(super) token_url: String,
    pub(super) client_id: String,
    pub(super) client_secret: SecretString,
    pub(super) refresh_token: SecretString,
    quota_project: Option<String>,
}

impl Source {
    /// Reads a credentials file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: Value =
            serde_json::from_str(text).map_err(|_| "not JSON; expected a credentials file of Google's")?;
        Self::read(&value)
    }

    fn read(value: &Value) -> Result<Self, String> {
        match text(value, "type")? {
            "service_account" => ServiceAccount::read(value, TOKEN_URL).map(Self::ServiceAccount),
            "authorized_user" => User::read(value).map(Self::User),
            "external_account" => External::read(value).map(Self::External),
            "impersonated_service_account" => {
                let url = url(value, "service_account_impersonation_url")?;
                let by = value.get("source_credentials").ok_or("`source_credentials` is missing")?;
                let by = Self::read(by).map_err(|problem| format!("source_credentials: {problem}"))?;
                if matches!(by, Self::Impersonated { .. }) {
                    return Err(
                        "source_credentials: nobody impersonates on behalf of an impersonated account".to_owned()
                    );
                }
                Ok(Self::Impersonated { url, by: Box::new(by) })
            }
            _ => Err("its `type` is none of service_account, authorized_user, external_account, \
                      impersonated_service_account"
                .to_owned()),
        }
    }

    pub(super) fn quota_project(&self) -> Option<&str> {
        match self {
            Self::User(user) => user.quota_project.as_deref(),
            Self::External(external) => external.quota_project.as_deref(),
            Self::ServiceAccount(_) | Self::Impersonated { .. } | Self::Metadata { .. } => None,
        }
    }
}

impl User {
    fn read(value: &Value) -> Result<Self, String> {
        Ok(Self {
            token_url: if value.get("token_uri").is_some() { url(value, "token_uri")? } else { TOKEN_URL.to_owned() },
            client_id: text(value, "client_id")?.to_owned(),
            client_secret: text(value, "client_secret")?.into(),
            refresh_token: text(value, "refresh_token")?.into(),
            quota_project: header(value, "quota_project_id")?,
        })
    }
}

/// A text that must be there.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, String> {
    let text = value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| format!("`{name}` is missing, or no text"))
}

/// A text that may be there, and becomes a header.
pub(super) fn header(value: &Value, name: &str) -> Result<Option<String>, String> {
    let Some(text) = value.get(name).and_then(Value::as_str) else { return Ok(None) };
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| Some(text.to_owned())).ok_or_else(|| format!("`{name}` cannot be a header"))
}

/// A URL that must be there. Whoever is there gets what can be exchanged for money: https, or this machine.
pub(super) fn url(value: &Value, name: &str) -> Result<String, String> {
    let text = text(value, name)?;
    check_url(text, TOKEN_URL).map_err(|problem| format!("`{name}`: {problem}"))?;
    Ok(text.to_owned())
}
