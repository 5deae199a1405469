//! Tokens: JSON Web Tokens (RFC 7519), verified with the public keys of their issuer.
//!
//! What RFC 8725 warns of is refused: `none` and shared secrets do not exist here, a key verifies only what it is made for,
//! a token without `exp`, or for another audience, is none, and the token chooses nothing but which key of its issuer.

use super::claims::Paths;
use super::jwks::{KeySet, Verdict};
use crate::config::written::callers::Algorithm;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::access::Allow;

/// The longest token, in bytes.
const BYTES_MAX: usize = 16 << 10;
/// How far the clocks of an issuer and of this service may be apart, in seconds.
const LEEWAY_S: f64 = 30.0;

/// Who issues tokens, and what they say.
#[derive(Debug)]
pub struct Issuer {
    /// Its name, as tokens write it.
    pub name: String,
    /// For whom tokens must be.
    pub audiences: Vec<String>,
    /// What they may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// Where its public keys are.
    pub keys: Keys,
    /// Which claims say what.
    pub paths: Paths,
    /// What is put in front of names.
    pub prefix: String,
    /// What all its callers' requests are marked with.
    pub tags: BTreeMap<String, String>,
    /// What all its callers may use.
    pub allow: Arc<Allow>,
}

/// Where an issuer's public keys are.
#[derive(Debug)]
pub enum Keys {
    /// Here, from a file.
    Here(Arc<KeySet>),
    /// At a URL, fetched anew in this interval.
    At(String, Duration),
}

/// A token that is right.
#[derive(Debug)]
pub struct Verified<'a> {
    /// Who issued it.
    pub issuer: &'a Issuer,
    /// What it says.
    pub claims: Value,
    /// Until when, in Unix seconds, with the leeway.
    pub until_s: u64,
}

/// Why a token is not right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// What is wrong with it, for the log.
    Bad(&'static str),
    /// Its time is over.
    Expired,
    /// It names a key that its issuer's set at this URL does not have, or not yet.
    UnknownKey(Option<String>),
    /// The keys of its issuer have not been fetched yet.
    NoKeys,
}

/// Whether a text looks like a token. Whether it is one is another question.
pub fn looks_like_one(text: &str) -> bool {
    // `{"` in base64.
    text.starts_with("eyJ") && text.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// Verifies a token. `fetched` knows the key sets that were fetched, by URL.
///
/// # Errors
/// Why it is not right.
pub fn verify<'a>(
    token: &str,
    issuers: &'a [Issuer],
    fetched: &dyn Fn(&str) -> Option<Arc<KeySet>>,
    now_s: u64,
) -> Result<Verified<'a>, Refused> {
    let bad = Refused::Bad;
    if token.len() > BYTES_MAX {
        return Err(bad("longer than 16 KiB"));
    }
    let (message, signature) = token.rsplit_once('.').ok_or(bad("not three parts"))?;
    let (header, payload) = message.split_once('.').ok_or(bad("not three parts"))?;
    let header: Header = parse(header).ok_or(bad("its header cannot be read"))?;
    if header.crit.is_some() {
        return Err(bad("it has critical extensions, and none is known here"));
    }
    let signature = decode(signature).ok_or(bad("its signature is not base64url"))?;
    let claims: Value = parse(payload).ok_or(bad("its claims cannot be read"))?;
    let issuer = claims.get("iss").and_then(Value::as_str).ok_or(bad("it has no issuer"))?;
    let issuer = issuers.iter().find(|known| known.name == issuer).ok_or(bad("nobody knows its issuer"))?;
    let algorithm = issuer.algorithms.iter().find(|algorithm| format!("{algorithm:?}") == header.alg);
    let algorithm = *algorithm.ok_or(bad("it is signed with an algorithm that is not allowed"))?;
    let keys = match &issuer.keys {
        Keys::Here(keys) => keys.clone(),
        Keys::At(url, _) => fetched(url).ok_or(Refused::NoKeys)?,
    };
    match keys.verify(header.kid.as_deref(), algorithm, message.as_bytes(), &signature) {
        Verdict::Right => {}
        Verdict::Wrong => return Err(bad("its signature is wrong")),
        Verdict::UnknownKey => {
            return Err(Refused::UnknownKey(match &issuer.keys {
                Keys::Here(_) => None,
                Keys::At(url, _) => Some(url.clone()),
            }));
        }
    }
    let until_s = in_time(&claims, now_s)?;
    if !is_for(&claims, &issuer.audiences) {
        return Err(bad("it was made for another audience"));
    }
    Ok(Verified { issuer, claims, until_s })
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

fn parse<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&decode(part)?).ok()
}

/// Checks `exp` and `nbf`; until when it counts.
fn in_time(claims: &Value, now_s: u64) -> Result<u64, Refused> {
    let now = now_s as f64;
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        // RFC 7519 allows fractions.
        Some(time) => time.as_f64().map(Some).ok_or(Refused::Bad("`exp` or `nbf` is not a number")),
    };
    let expires = time("exp")?.ok_or(Refused::Bad("it never expires"))? + LEEWAY_S;
    if expires <= now {
        return Err(Refused::Expired);
    }
    if time("nbf")?.is_some_and(|from| from - LEEWAY_S > now) {
        return Err(Refused::Bad("its time has not come yet"));
    }
    // Saturating: whatever is beyond the end of time is at the end of time.
    Ok(expires as u64)
}

fn is_for(claims: &Value, audiences: &[String]) -> bool {
    let known = |audience: &Value| audience.as_str().is_some_and(|met| audiences.iter().any(|known| known == met));
    match claims.get("aud") {
        Some(Value::Array(several)) => several.iter().any(known),
        Some(one) => known(one),
        None => false,
    }
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
pub(super) mod tests;
