//! Google's: assertions of service accounts, refresh tokens, exchanged tokens, and the metadata server.
//! <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Method;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

use super::issued::now_ms;
use super::{Answer, Asked, Tokens};

/// The longest that an assertion may be good, in seconds, and how far clocks may be apart.
const ASSERTION_SECONDS_MAX: u64 = 3600;
const SKEW_SECONDS: u64 = 300;

/// A service account that is known.
pub(super) struct Account {
    email: String,
    public_key: Vec<u8>,
}

impl Account {
    /// Reads its key file.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let wrong = |what: &str| format!("{}: {what}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| wrong(&error.to_string()))?;
        let file: Value = serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
        let field = |name: &str| file.get(name).and_then(Value::as_str).ok_or_else(|| wrong(&format!("no {name}")));
        let base64: String = field("private_key")?.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(base64).map_err(|error| wrong(&error.to_string()))?;
        let key = RsaKeyPair::from_pkcs8(&der).map_err(|error| wrong(&error.to_string()))?;
        Ok(Self { email: field("client_email")?.to_owned(), public_key: key.public_key().as_ref().to_vec() })
    }
}

pub(super) fn token(tokens: &Tokens, asked: &Asked<'_>) -> Result<Answer, Answer> {
    asked.must_be_a_form()?;
    let mut more = json!({});
    match asked.field("grant_type") {
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => assertion(tokens, asked)?,
        "refresh_token" => {
            if ["client_id", "client_secret", "refresh_token"].iter().any(|name| asked.field(name).is_empty()) {
                return Err(Answer::error(400, "invalid_request", "Missing required parameter"));
            }
        }
        "urn:ietf:params:oauth:grant-type:token-exchange" => {
            for name in ["audience", "subject_token", "subject_token_type", "scope"] {
                if asked.field(name).is_empty() {
                    return Err(Answer::error(400, "invalid_request", &format!("Missing required parameter: {name}")));
                }
            }
            more = json!({ "issued_token_type": "urn:ietf:params:oauth:token-type:access_token" });
        }
        other => return Err(Answer::error(400, "unsupported_grant_type", &format!("Invalid grant_type: {other}"))),
    }
    Ok(issued(tokens, more))
}

fn issued(tokens: &Tokens, more: Value) -> Answer {
    let mut answer = json!({
        "access_token": tokens.issuer.issue(), "expires_in": tokens.issuer.seconds, "token_type": "Bearer",
    });
    if let (Value::Object(answer), Value::Object(more)) = (&mut answer, more) {
        answer.extend(more);
    }
    Answer::json(&answer)
}

/// Judges what a service account has signed.
fn assertion(tokens: &Tokens, asked: &Asked<'_>) -> Result<(), Answer> {
    let grant = |why: &str| Answer::error(400, "invalid_grant", why);
    let (message, signature) = asked.field("assertion").rsplit_once('.').ok_or_else(|| grant("Invalid JWT"))?;
    let (header, claims) = message.split_once('.').ok_or_else(|| grant("Invalid JWT"))?;
    let part = |part: &str| -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok() };
    let (Some(header), Some(claims)) = (part(header), part(claims)) else { return Err(grant("Invalid JWT")) };
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| claims.get(name).and_then(Value::as_u64).unwrap_or_default();
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        return Err(grant("Invalid JWT: unsupported algorithm"));
    }
    if let Some(account) = &tokens.account {
        if text("iss") != account.email {
            return Err(grant("Invalid grant: account not found"));
        }
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &account.public_key);
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        key.verify(message.as_bytes(), &signature).map_err(|_| grant("Invalid JWT Signature."))?;
    }
    let (now, issued_at, expires) = (now_ms() / 1000, number("iat"), number("exp"));
    let lives = issued_at <= now + SKEW_SECONDS && now <= expires && expires <= issued_at + ASSERTION_SECONDS_MAX;
    if !lives {
        return Err(grant(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
        ));
    }
    let here = format!("http://{}{}", asked.header("host").unwrap_or_default(), asked.parts.uri.path());
    if text("aud") != here {
        return Err(grant("Invalid JWT: Failed audience check."));
    }
    if !text("scope").starts_with("https://www.googleapis.com/auth/") {
        return Err(Answer::error(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided."));
    }
    Ok(())
}

/// <https://cloud.google.com/compute/docs/metadata/querying-metadata>
pub(super) fn metadata(tokens: &Tokens, asked: &Asked<'_>) -> Result<Answer, Answer> {
    asked.must_be(&Method::GET)?;
    if asked.header("metadata-flavor") != Some("Google") {
        return Err(Answer::text(403, "Missing Metadata-Flavor:Google header."));
    }
    Ok(issued(tokens, json!({})))
}
