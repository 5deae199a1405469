//! A service account that signs for itself: <https://developers.google.com/identity/protocols/oauth2/service-account>.

use super::file::{text, url};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// How long an assertion is good, in seconds: Google's most.
const LIFETIME_SECONDS: u64 = 3600;

/// A service account with its key.
pub struct ServiceAccount {
    pub(super) token_url: String,
    email: String,
    key_id: Option<String>,
    key: RsaKeyPair,
}

impl ServiceAccount {
    pub(super) fn read(value: &Value, token_url: &str) -> Result<Self, String> {
        let given = value.get("token_uri").is_some();
        Ok(Self {
            token_url: if given { url(value, "token_uri")? } else { token_url.to_owned() },
            email: text(value, "client_email")?.to_owned(),
            key_id: value.get("private_key_id").and_then(Value::as_str).map(str::to_owned),
            key: key(text(value, "private_key")?)
                .ok_or("`private_key` is no RSA key in PEM form (`-----BEGIN PRIVATE KEY-----`)")?,
        })
    }

    /// What it shows a token endpoint (RFC 7523).
    pub(super) fn assertion(&self, audience: &str, scopes: &str) -> Result<String, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let header = match &self.key_id {
            Some(id) => json!({ "alg": "RS256", "typ": "JWT", "kid": id }),
            None => json!({ "alg": "RS256", "typ": "JWT" }),
        };
        let claims = json!({
            "iss": self.email, "scope": scopes, "aud": audience, "iat": now, "exp": now + LIFETIME_SECONDS,
        });
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encoded(&header), encoded(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        let signed = self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature);
        signed.map_err(|_| "the service account's key cannot sign")?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// PKCS#8 as Google writes it, or PKCS#1 as older tools do.
fn key(pem: &str) -> Option<RsaKeyPair> {
    let (_, rest) = pem.split_once("-----BEGIN ")?;
    let (_, rest) = rest.split_once("PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END")?;
    let body: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(body).ok()?;
    RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der)).ok()
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount").field("email", &self.email).finish_non_exhaustive()
    }
}
