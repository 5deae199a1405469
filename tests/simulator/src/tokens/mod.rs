//! Token endpoints as providers' clouds have them: Google's, Entra's, and the metadata services of machines at Google,
//! Azure and AWS. As strict as the real ones; what they issue expires, and says so itself: a provider in another process
//! (`--issued-tokens`) accepts it until then.

pub(crate) mod aws;
mod azure;
mod google;
mod issued;

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::pace::Body;
use crate::record::Open;
use crate::script::Script;

pub(crate) use issued::Issuer;

/// What the command line says about tokens.
#[derive(Debug, clap::Args)]
pub(crate) struct TokenOptions {
    /// How long tokens of this simulator's token endpoints are good, in seconds.
    #[arg(long, default_value_t = 3600)]
    pub(crate) token_seconds: u64,
    /// As a provider: accepts tokens that a simulator's token endpoint has issued, until they expire, and no others.
    #[arg(long)]
    pub(crate) issued_tokens: bool,
    /// The service account's key file (JSON) whose assertions are accepted; without it any that is well-formed.
    #[arg(long)]
    pub(crate) service_account: Option<PathBuf>,
    /// A client secret of Entra applications that is good; without any, every secret is. May be given several times.
    #[arg(long)]
    pub(crate) client_secret: Vec<String>,
}

/// What all token endpoints share.
pub(crate) struct Tokens {
    pub(crate) issuer: Issuer,
    account: Option<google::Account>,
    client_secrets: Vec<String>,
    /// The provider takes issued tokens only.
    pub(crate) only_issued: bool,
}

impl Tokens {
    /// # Errors
    /// The service account's file is none.
    pub(crate) fn new(options: TokenOptions) -> Result<Self, String> {
        let account = options.service_account.as_deref().map(google::Account::read).transpose()?;
        Ok(Self {
            issuer: Issuer::new(options.token_seconds),
            account,
            client_secrets: options.client_secret,
            only_issued: options.issued_tokens,
        })
    }

    /// Answers a request that is for a token endpoint; others are given back.
    pub(crate) fn answer(
        &self,
        parts: &Parts,
        body: &Bytes,
        script: &Script,
        open: Open,
    ) -> Result<Response<Body>, Open> {
        let Some(endpoint) = Endpoint::of(parts.uri.path()) else { return Err(open) };
        let asked = Asked { parts, form: form_urlencoded::parse(body).into_owned().collect() };
        let answer = match (&script.raw_body, script.status) {
            (Some(raw), status) => Answer::text(status.unwrap_or(200), raw),
            (None, Some(status)) => Answer::error(
                status,
                script.error_code.as_deref().unwrap_or("temporarily_unavailable"),
                script.error_message.as_deref().unwrap_or("scripted"),
            ),
            (None, None) => endpoint.answer(self, &asked).unwrap_or_else(|refusal| refusal),
        };
        let mut response = Response::new(Body::Whole { bytes: Some(Bytes::from(answer.body)), open: Some(open) });
        *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if matches!(endpoint, Endpoint::GoogleMetadata) {
            headers.insert("metadata-flavor", HeaderValue::from_static("Google"));
        }
        Ok(response)
    }
}

/// Which endpoint a path is.
#[derive(Clone, Copy)]
enum Endpoint {
    Google,
    GoogleMetadata,
    Entra,
    AzureMetadata,
    AwsMetadata,
    AwsContainer,
    AwsTokenService,
}

impl Endpoint {
    fn of(path: &str) -> Option<Self> {
        Some(match path {
            "/token" | "/v1/token" => Self::Google,
            "/computeMetadata/v1/instance/service-accounts/default/token" => Self::GoogleMetadata,
            "/metadata/identity/oauth2/token" => Self::AzureMetadata,
            "/v2/credentials" => Self::AwsContainer,
            "/sts/" | "/sts" => Self::AwsTokenService,
            _ if path.ends_with("/oauth2/v2.0/token") => Self::Entra,
            _ if path.starts_with("/latest/") => Self::AwsMetadata,
            _ => return None,
        })
    }

    fn answer(self, tokens: &Tokens, asked: &Asked<'_>) -> Result<Answer, Answer> {
        match self {
            Self::Google => google::token(tokens, asked),
            Self::GoogleMetadata => google::metadata(tokens, asked),
            Self::Entra => azure::token(tokens, asked),
            Self::AzureMetadata => azure::metadata(tokens, asked),
            Self::AwsMetadata => aws::metadata(tokens, asked),
            Self::AwsContainer => aws::container(tokens, asked),
            Self::AwsTokenService => aws::web_identity(tokens, asked),
        }
    }
}

/// A request to a token endpoint.
struct Asked<'a> {
    parts: &'a Parts,
    form: BTreeMap<String, String>,
}

impl Asked<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A field of the form; empty where it is missing.
    fn field(&self, name: &str) -> &str {
        self.form.get(name).map(String::as_str).unwrap_or_default()
    }

    fn query(&self, name: &str) -> Option<String> {
        let query = self.parts.uri.query().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    fn must_be(&self, method: &Method) -> Result<(), Answer> {
        if self.parts.method == *method { Ok(()) } else { Err(Answer::text(405, "")) }
    }

    /// A form in the body, as OAuth asks for it.
    fn must_be_a_form(&self) -> Result<(), Answer> {
        self.must_be(&Method::POST)?;
        let is_form =
            self.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if is_form { Ok(()) } else { Err(Answer::error(400, "invalid_request", "expected a form")) }
    }
}

/// What an endpoint answers.
struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    fn text(status: u16, body: &str) -> Self {
        Self { status, body: body.to_owned() }
    }

    fn json(value: &Value) -> Self {
        Self { status: 200, body: value.to_string() }
    }

    /// OAuth's way (RFC 6749, section 5.2).
    fn error(status: u16, error: &str, description: &str) -> Self {
        Self { status, body: json!({ "error": error, "error_description": description }).to_string() }
    }
}
