//! What token endpoints answer: a token with its lifetime, or why there is none (RFC 6749, sections 5.1 and 5.2).
//!
//! They are believed in nothing: answers are bounded, errors are repeated without control characters, cut short, and
//! without what was sent.

use crate::outbound::Client;
use bytes::Bytes;
use http::{Request, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// Most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Most time for one request.
const TIME: Duration = Duration::from_secs(10);
/// The longest error that is repeated.
const SAID_CHARS_MAX: usize = 300;
/// How long a token is good whose issuer does not say.
const LIFETIME: Duration = Duration::from_secs(300);

/// A token.
pub(super) struct Token {
    pub(super) text: SecretString,
    pub(super) lifetime: Duration,
}

/// Asks for a form's worth of token. `secrets` is what was sent and must not be repeated.
///
/// # Errors
/// Why there is none, in words for the log.
pub(super) async fn post_form(url: &str, form: &[(&str, &str)], secrets: &[&str]) -> Result<Token, String> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = Request::post(url).header("content-type", "application/x-www-form-urlencoded");
    let request = request.body(Bytes::from(body));
    let answer = ask(request.map_err(|_| "the token endpoint's URL is none")?, "the token endpoint").await?;
    token(&answer, "the token endpoint", secrets)
}

/// Sends a request; `whom` is for the log.
///
/// # Errors
/// For no answer.
pub(super) async fn ask(request: Request<Bytes>, whom: &str) -> Result<Response<Bytes>, String> {
    let answer = Client::shared()?.call(request, ANSWER_BYTES_MAX, TIME).await;
    answer.map_err(|problem| format!("{whom}: {problem}"))
}

/// Reads a token out of an answer.
///
/// # Errors
/// Why there is none.
pub(super) fn token(answer: &Response<Bytes>, whom: &str, secrets: &[&str]) -> Result<Token, String> {
    let value = json(answer, whom, secrets)?;
    let text = value
        .get("access_token")
        .and_then(Value::as_str)
        .ok_or_else(|| format!("{whom} answered without access_token"))?;
    let lifetime = match (seconds(value.get("expires_in")), seconds(value.get("expires_on"))) {
        (Some(seconds), _) => Duration::from_secs(seconds),
        // Azure's way: a point in time.
        (None, Some(unix)) => until(SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(unix))),
        (None, None) => LIFETIME,
    };
    Ok(Token { text: fit_for_a_header(text, whom)?, lifetime })
}

/// The JSON of an answer that says success.
///
/// # Errors
/// What it says instead.
pub(super) fn json(answer: &Response<Bytes>, whom: &str, secrets: &[&str]) -> Result<Value, String> {
    let status = answer.status();
    let value: Option<Value> = serde_json::from_slice(answer.body()).ok();
    if status != http::StatusCode::OK {
        let said = value.as_ref().map(|value| said(value, secrets)).unwrap_or_default();
        return Err(format!("{whom} answered {}{said}", status.as_u16()));
    }
    value.filter(Value::is_object).ok_or_else(|| format!("{whom} answered something that is no JSON object"))
}

/// A token as a header can carry it.
///
/// # Errors
/// It cannot.
pub(super) fn fit_for_a_header(text: &str, whom: &str) -> Result<SecretString, String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("{whom} answered with an access token that no header can carry"));
    }
    Ok(SecretString::from(text))
}

/// How long it is until then; nothing where that is over.
pub(super) fn until(time: Option<SystemTime>) -> Duration {
    time.and_then(|time| time.duration_since(SystemTime::now()).ok()).unwrap_or_default()
}

/// A number, or one in quotes.
fn seconds(value: Option<&Value>) -> Option<u64> {
    let value = value?;
    // What is negative has expired.
    let number = value.as_i64().map(|seconds| u64::try_from(seconds).unwrap_or(0)).or_else(|| value.as_u64());
    number.or_else(|| value.as_str()?.parse().ok()).or_else(|| value.as_f64().map(|seconds| seconds as u64))
}

/// An error in the words of its sender: OAuth's (`error`, `error_description`) or Google's (`error: { status, message }`).
fn said(value: &Value, secrets: &[&str]) -> String {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(|text| clean(text, secrets));
    let error = value.get("error");
    let inner = |name: &str| text(error.and_then(|error| error.get(name)));
    let code = text(error).or_else(|| inner("status")).map(|code| format!(" {code}")).unwrap_or_default();
    let why = text(value.get("error_description")).or_else(|| inner("message"));
    format!("{code}{}", why.map(|why| format!(" ({why})")).unwrap_or_default())
}

/// Without what must not be in a log.
fn clean(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, crate::config::written::REDACTED);
    }
    let text = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    text.take(SAID_CHARS_MAX).collect()
}

/// `Bearer …`.
pub(super) fn bearer(token: &Token) -> SecretString {
    SecretString::from(format!("Bearer {}", token.text.expose_secret()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Result<(String, u64), String> {
        let answer = Response::builder().status(status).body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
        let token = token(&answer, "the token endpoint", &["hush"])?;
        Ok((token.text.expose_secret().to_owned(), token.lifetime.as_secs()))
    }

    #[test]
    fn lifetimes_come_in_many_forms() {
        for (expires, seconds) in [
            (r#","expires_in":3599"#, 3599),
            (r#","expires_in":"3599""#, 3599),
            (r#","expires_in":3599.9"#, 3599),
            (r#","expires_in":-5"#, 0),
            (r#","expires_in":18446744073709551615"#, u64::MAX),
            (r#","expires_on":"1""#, 0),
            (r#","expires_on":18446744073709551615"#, 0),
            (r#","expires_in":"soon""#, 300),
            ("", 300),
        ] {
            let read = read(200, &format!(r#"{{"access_token":"ya29.x","token_type":"Bearer"{expires}}}"#));
            assert_eq!(read, Ok(("ya29.x".to_owned(), seconds)), "{expires}");
        }
    }

    #[test]
    fn errors_are_told_without_secrets() {
        let long = format!(r#"{{"error":"{}"}}"#, "x".repeat(9999));
        for (status, body, expected) in [
            (
                400,
                r#"{"error":"invalid_grant","error_description":"Invalid\nJWT hush Signature."}"#,
                "the token endpoint answered 400 invalid_grant (Invalid JWT [redacted] Signature.)",
            ),
            (
                403,
                r#"{"error":{"code":403,"message":"not allowed","status":"PERMISSION_DENIED"}}"#,
                "the token endpoint answered 403 PERMISSION_DENIED (not allowed)",
            ),
            (502, "<html>hush</html>", "the token endpoint answered 502"),
            (302, "", "the token endpoint answered 302"),
            (200, "<html>hush</html>", "the token endpoint answered something that is no JSON object"),
            (200, "[]", "the token endpoint answered something that is no JSON object"),
            (200, r#"{"id_token":"hush"}"#, "the token endpoint answered without access_token"),
            (200, r#"{"access_token":7}"#, "the token endpoint answered without access_token"),
            (
                200,
                r#"{"access_token":"a\r\nb"}"#,
                "the token endpoint answered with an access token that no header can carry",
            ),
        ] {
            assert_eq!(read(status, body), Err(expected.to_owned()));
        }
        assert!(read(400, &long).unwrap_err().len() < 400);
    }
}
