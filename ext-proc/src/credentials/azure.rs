//! Access tokens of Microsoft Entra: of an application that shows its secret or another issuer's token
//! (<https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>), or of the machine
//! (<https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>).

use super::endpoint::{self, Token};
use super::gcp::read_token;
use super::renewed::{Issued, Issuer};
use bytes::Bytes;
use http::Request;
use secrecy::{ExposeSecret, SecretString};

/// Where applications ask.
pub const AUTHORITY: &str = "https://login.microsoftonline.com";
/// Where machines ask: no TLS, and no way out of the machine.
pub const IMDS: &str = "http://169.254.169.254";
/// What tokens are for: Azure OpenAI and the other AI services.
pub const SCOPE: &str = "https://cognitiveservices.azure.com/.default";

/// Where tokens of one provider come from.
#[derive(Debug)]
pub enum Azure {
    /// An application.
    Application {
        /// `AUTHORITY/TENANT/oauth2/v2.0/token`.
        token_url: String,
        /// Its id.
        client_id: String,
        /// What it shows.
        proof: Proof,
        /// What tokens are for.
        scope: String,
    },
    /// A machine.
    Managed {
        /// Where it asks, with the whole query.
        url: String,
        /// The header that it is asked to send.
        header: (&'static str, SecretString),
    },
}

/// What an application shows.
#[derive(Debug)]
pub enum Proof {
    /// Its secret.
    Secret(SecretString),
    /// A token of another issuer, in this file.
    TokenFile(String),
}

impl Azure {
    /// An application of a tenant.
    pub fn application(authority: &str, tenant_id: &str, client_id: &str, proof: Proof, scope: &str) -> Self {
        let token_url = format!("{}/{tenant_id}/oauth2/v2.0/token", authority.trim_end_matches('/'));
        Self::Application { token_url, client_id: client_id.to_owned(), proof, scope: scope.to_owned() }
    }

    /// A machine's identity. App Service and Container Apps say in the environment where theirs is asked for; elsewhere
    /// it is the instance metadata service.
    pub fn managed(
        authority: Option<&str>,
        client_id: Option<&str>,
        scope: &str,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Self {
        // Machines ask for a resource; applications for all its scopes.
        let resource = scope.strip_suffix("/.default").unwrap_or(scope);
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("resource", resource);
        if let Some(client_id) = client_id {
            query.append_pair("client_id", client_id);
        }
        let query = query.finish();
        let app_service = env("IDENTITY_ENDPOINT").zip(env("IDENTITY_HEADER")).filter(|_| authority.is_none());
        if let Some((endpoint, header)) = app_service {
            let url = format!("{endpoint}?api-version=2019-08-01&{query}");
            return Self::Managed { url, header: ("x-identity-header", header.into()) };
        }
        let authority = authority.unwrap_or(IMDS).trim_end_matches('/');
        let url = format!("{authority}/metadata/identity/oauth2/token?api-version=2018-02-01&{query}");
        Self::Managed { url, header: ("metadata", "true".into()) }
    }

    async fn token(&self) -> Result<Token, String> {
        match self {
            Self::Application { token_url, client_id, proof, scope } => {
                let common = [("grant_type", "client_credentials"), ("client_id", &**client_id), ("scope", &**scope)];
                match proof {
                    Proof::Secret(secret) => {
                        let secret = secret.expose_secret();
                        let form = [&common[..], &[("client_secret", secret)]].concat();
                        endpoint::post_form(token_url, &form, &[secret]).await
                    }
                    Proof::TokenFile(path) => {
                        let token = read_token(path)?;
                        let shown = [
                            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                            ("client_assertion", token.trim()),
                        ];
                        endpoint::post_form(token_url, &[&common[..], &shown].concat(), &[token.trim()]).await
                    }
                }
            }
            Self::Managed { url, header: (name, value) } => {
                let whom = "the managed identity endpoint";
                let request = Request::get(url).header(*name, value.expose_secret()).body(Bytes::new());
                let request = request.map_err(|_| format!("{whom}: its URL or header is malformed"))?;
                let answer = endpoint::ask(request, whom).await?;
                endpoint::token(&answer, whom, &[value.expose_secret()])
            }
        }
    }
}

impl Issuer for Azure {
    type Item = SecretString;

    async fn issue(&self) -> Result<Issued<SecretString>, String> {
        let token = self.token().await?;
        Ok(Issued { item: endpoint::bearer(&token), lifetime: token.lifetime })
    }
}
