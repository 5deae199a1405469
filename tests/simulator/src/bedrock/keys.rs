//! Who asks: a signature of version 4, or an API key as a bearer.

use http::header::AUTHORIZATION;
use http::request::Parts;

use super::sigv4;
use crate::fault::Fault;

/// An access key that is good.
#[derive(Clone)]
pub(crate) struct AccessKey {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
}

impl AccessKey {
    /// Reads `ID:SECRET[:TOKEN]`.
    ///
    /// # Errors
    /// It has another form.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ':').map(str::to_owned);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(id), Some(secret), token) if !id.is_empty() && !secret.is_empty() => Ok(Self { id, secret, token }),
            _ => Err("expected ID:SECRET or ID:SECRET:TOKEN".to_owned()),
        }
    }
}

/// What is checked.
pub(crate) struct Known<'a> {
    /// Any bearer and any signature is good.
    pub(crate) all: bool,
    pub(crate) access_keys: &'a [AccessKey],
    pub(crate) api_keys: &'a [String],
    /// Unix seconds.
    pub(crate) now: u64,
}

pub(crate) fn check(parts: &Parts, body: &[u8], known: &Known<'_>) -> Result<(), Fault> {
    let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if let Some(key) = header.strip_prefix("Bearer ") {
        let good = !key.trim().is_empty() && (known.all || known.api_keys.iter().any(|good| good == key.trim()));
        let message = "Authentication failed: Please make sure your API Key is valid.";
        return if good { Ok(()) } else { Err(Fault::new(403, "AccessDeniedException", message)) };
    }
    if header.is_empty() {
        return Err(Fault::new(403, "MissingAuthenticationTokenException", "Missing Authentication Token"));
    }
    let signed = sigv4::Authorization::parse(header)?;
    if known.all {
        return Ok(());
    }
    let key = known.access_keys.iter().find(|key| key.id == signed.key_id);
    sigv4::check(parts, body, &signed, key, known.now)
}
