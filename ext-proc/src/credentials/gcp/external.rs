//! Workload identity federation: a token of another issuer, from a file or a URL, is exchanged for one of Google's
//! (RFC 8693): <https://google.aip.dev/auth/4117>. The file is read anew for every exchange.

use super::super::endpoint::{self, Token};
use super::file::{header, text, url};
use bytes::Bytes;
use http::Request;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// The longest token of another issuer, in bytes.
const SUBJECT_BYTES_MAX: u64 = 64 << 10;

/// Somebody whom another issuer vouches for.
#[derive(Debug)]
pub struct External {
    pub(super) token_url: String,
    /// Where the token of a service account is asked for with what was exchanged.
    pub(super) impersonates: Option<String>,
    pub(super) quota_project: Option<String>,
    audience: String,
    subject_token_type: String,
    subject: Subject,
    /// In a JSON object, under this name.
    field: Option<String>,
}

/// Where the other issuer's token is.
enum Subject {
    File(String),
    Url { url: String, headers: BTreeMap<String, String> },
}

impl External {
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        let source = value.get("credential_source").ok_or("`credential_source` is missing")?;
        let impersonation = "service_account_impersonation_url";
        let format = source.get("format");
        let is_json = format.and_then(|format| format.get("type")).and_then(Value::as_str) == Some("json");
        let field = match format {
            Some(format) if is_json => Some(text(format, "subject_token_field_name")?.to_owned()),
            Some(_) | None => None,
        };
        Ok(Self {
            token_url: url(value, "token_url")?,
            impersonates: value.get(impersonation).map(|_| url(value, impersonation)).transpose()?,
            quota_project: header(value, "quota_project_id")?,
            audience: text(value, "audience")?.to_owned(),
            subject_token_type: text(value, "subject_token_type")?.to_owned(),
            subject: Subject::read(source)?,
            field,
        })
    }

    /// Exchanges the other issuer's token as it is now.
    pub(super) async fn exchange(&self, url: &str, scopes: &str) -> Result<Token, String> {
        let subject = self.subject().await?;
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", &*self.audience),
            ("scope", scopes),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token_type", &*self.subject_token_type),
            ("subject_token", &*subject),
        ];
        endpoint::post_form(url, &form, &[&*subject]).await
    }

    async fn subject(&self) -> Result<String, String> {
        let text = self.subject.fetch().await?;
        let Some(field) = &self.field else { return Ok(text.trim().to_owned()) };
        let value: Option<Value> = serde_json::from_str(&text).ok();
        let token = value.as_ref().and_then(|value| value.get(field)).and_then(Value::as_str);
        token.map(str::to_owned).ok_or_else(|| format!("the subject token is no JSON object with a text `{field}`"))
    }
}

impl Subject {
    fn read(source: &Value) -> Result<Self, String> {
        if source.get("file").is_some() {
            return Ok(Self::File(text(source, "file")?.to_owned()));
        }
        if source.get("url").is_some() {
            let none = serde_json::Map::new();
            let headers = source.get("headers").and_then(Value::as_object).unwrap_or(&none);
            let headers = headers.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
            // Mostly a metadata service of another cloud, which knows no TLS.
            return Ok(Self::Url { url: text(source, "url")?.to_owned(), headers: headers.collect() });
        }
        Err("its `credential_source` has neither `file` nor `url`; other kinds (AWS, executables, certificates) are not \
             supported"
            .to_owned())
    }

    async fn fetch(&self) -> Result<String, String> {
        match self {
            Self::File(path) => read_token(path),
            Self::Url { url, headers } => {
                let whom = "the subject token's URL";
                let request =
                    headers.iter().fold(Request::get(url), |request, (name, value)| request.header(name, value));
                let request = request.body(Bytes::new()).map_err(|_| format!("{whom} or its headers are malformed"))?;
                let answer = endpoint::ask(request, whom).await?;
                if !answer.status().is_success() {
                    return Err(format!("{whom} answered {}", answer.status().as_u16()));
                }
                String::from_utf8(answer.into_body().into())
                    .map_err(|_| format!("{whom} answered something that is no text"))
            }
        }
    }
}

/// Reads a token that somebody else renews in a file.
pub(in crate::credentials) fn read_token(path: &str) -> Result<String, String> {
    let wrong = |error: std::io::Error| format!("cannot read the token in {path}: {error}");
    let length = std::fs::metadata(path).map_err(wrong)?.len();
    if length > SUBJECT_BYTES_MAX {
        return Err(format!("the token in {path} is longer than {SUBJECT_BYTES_MAX} bytes"));
    }
    std::fs::read_to_string(path).map_err(wrong)
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Url { url, .. } => f.debug_struct("Url").field("url", url).finish_non_exhaustive(),
        }
    }
}
