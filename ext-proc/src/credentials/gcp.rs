//! Access tokens of Google Cloud, from whichever credentials there are: <https://google.aip.dev/auth/4110>.

mod adc;
mod external;
mod file;
mod key;

pub use adc::Places;
pub(super) use external::read_token;
pub use file::Source;

use super::endpoint::{self, Token};
use super::renewed::{Issued, Issuer};
use bytes::Bytes;
use http::Request;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// What tokens are for where nothing else is said: everything that the account may do.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Where tokens of one provider come from.
#[derive(Debug)]
pub struct Gcp {
    /// The credentials.
    pub from: From,
    /// Where tokens are asked for, where it is not where the credentials say.
    pub token_url: Option<String>,
    /// What tokens are for; empty: [`SCOPE`].
    pub scopes: Vec<String>,
}

/// Where credentials come from.
#[derive(Debug)]
pub enum From {
    /// They are known.
    Known(Box<Source>),
    /// They are where Google's tools put them.
    Default(Places),
}

/// What requests carry.
pub struct Carried {
    /// `Bearer …`.
    pub(super) bearer: SecretString,
    /// Whose quota and bill it is, where that is not the token's own project.
    pub(super) quota_project: Option<String>,
}

impl Issuer for Gcp {
    type Item = Carried;

    async fn issue(&self) -> Result<Issued<Carried>, String> {
        let found;
        let source = match &self.from {
            From::Known(source) => source,
            From::Default(places) => {
                found = Box::new(places.find()?);
                &found
            }
        };
        let token = self.token(source).await?;
        let quota_project = source.quota_project().map(str::to_owned);
        let carried = Carried { bearer: endpoint::bearer(&token), quota_project };
        Ok(Issued { item: carried, lifetime: token.lifetime })
    }
}

impl Gcp {
    fn scopes(&self) -> Vec<&str> {
        if self.scopes.is_empty() { vec![SCOPE] } else { self.scopes.iter().map(String::as_str).collect() }
    }

    async fn token(&self, source: &Source) -> Result<Token, String> {
        match source {
            Source::ServiceAccount(account) => {
                let url = self.token_url.as_deref().unwrap_or(&account.token_url);
                let assertion = account.assertion(url, &self.scopes().join(" "))?;
                let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", &*assertion)];
                endpoint::post_form(url, &form, &[&*assertion]).await
            }
            Source::User(user) => {
                let url = self.token_url.as_deref().unwrap_or(&user.token_url);
                let (secret, refresh) = (user.client_secret.expose_secret(), user.refresh_token.expose_secret());
                let form = [
                    ("grant_type", "refresh_token"),
                    ("client_id", &*user.client_id),
                    ("client_secret", secret),
                    ("refresh_token", refresh),
                ];
                endpoint::post_form(url, &form, &[secret, refresh]).await
            }
            Source::External(external) => {
                let url = self.token_url.as_deref().unwrap_or(&external.token_url);
                // The token of a pool can be for everything: what it becomes says for what.
                let scopes = if external.impersonates.is_some() { SCOPE.to_owned() } else { self.scopes().join(" ") };
                let token = external.exchange(url, &scopes).await?;
                match &external.impersonates {
                    Some(url) => self.impersonate(url, &token).await,
                    None => Ok(token),
                }
            }
            Source::Impersonated { url, by } => {
                let token = Box::pin(self.token(by)).await?;
                self.impersonate(url, &token).await
            }
            Source::Metadata { host } => self.machine_token(host).await,
        }
    }

    /// A service account's token, for somebody who may have it.
    async fn impersonate(&self, url: &str, token: &Token) -> Result<Token, String> {
        let whom = "the impersonation endpoint";
        let body = json!({ "scope": self.scopes(), "lifetime": "3600s" }).to_string();
        let request = Request::post(url).header("content-type", "application/json");
        let request = request.header("authorization", endpoint::bearer(token).expose_secret());
        let request = request.body(Bytes::from(body)).map_err(|_| "the impersonation URL is none")?;
        let answer = endpoint::ask(request, whom).await?;
        let value = endpoint::json(&answer, whom, &[token.text.expose_secret()])?;
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let made = text("accessToken").ok_or_else(|| format!("{whom} answered without accessToken"))?;
        let until = text("expireTime").and_then(|time| humantime::parse_rfc3339(time).ok());
        let until = until.ok_or_else(|| format!("{whom} answered without a readable expireTime"))?;
        Ok(Token { text: endpoint::fit_for_a_header(made, whom)?, lifetime: endpoint::until(Some(until)) })
    }

    /// The machine's own: <https://cloud.google.com/compute/docs/access/authenticate-workloads>.
    async fn machine_token(&self, host: &str) -> Result<Token, String> {
        let whom = "the metadata server";
        let mut url = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token");
        if !self.scopes.is_empty() {
            let scopes: String = form_urlencoded::byte_serialize(self.scopes.join(",").as_bytes()).collect();
            url.push_str(&format!("?scopes={scopes}"));
        }
        let request = Request::get(url).header("metadata-flavor", "Google").body(Bytes::new());
        let answer = endpoint::ask(request.map_err(|_| "GCE_METADATA_HOST is no host")?, whom).await?;
        if answer.headers().get("metadata-flavor").is_none_or(|flavor| flavor != "Google") {
            // A hotel's login page, for example.
            return Err(format!("what answers as {whom} ({host}) is not Google's"));
        }
        endpoint::token(&answer, whom, &[])
    }
}
