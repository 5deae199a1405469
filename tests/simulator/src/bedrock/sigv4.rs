//! Signature Version 4, computed again from what arrived:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.
//!
//! For services other than S3 the path is encoded twice: the canonical path is that of the request line, each `%` as `%25`.

use std::fmt::Write as _;

use http::header::HOST;
use http::request::Parts;
use ring::{digest, hmac};

use super::keys::AccessKey;
use crate::fault::Fault;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far a request's clock may be off.
const SKEW_SECONDS_MAX: u64 = 5 * 60;
const SERVICE: &str = "bedrock";

/// The header, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Authorization {
    pub(super) key_id: String,
    date: String,
    region: String,
    service: String,
    signed_headers: Vec<String>,
    signature: String,
}

impl Authorization {
    /// Reads the header.
    ///
    /// # Errors
    /// It is no signature of version 4.
    pub(super) fn parse(header: &str) -> Result<Self, Fault> {
        let incomplete = |what: &str| {
            Fault::new(
                403,
                "IncompleteSignatureException",
                format!("Authorization header requires '{what}' parameter."),
            )
        };
        let fields = header.strip_prefix(ALGORITHM).filter(|fields| fields.starts_with(' '));
        let fields = fields.ok_or_else(|| {
            Fault::new(
                403,
                "IncompleteSignatureException",
                "Authorization header has an algorithm that is not supported.",
            )
        })?;
        let field = |name: &str| {
            let named = |field: &str| field.trim().strip_prefix(name)?.strip_prefix('=').map(str::to_owned);
            fields.split(',').find_map(named).filter(|value| !value.is_empty()).ok_or_else(|| incomplete(name))
        };
        let credential = field("Credential")?;
        let scope: Vec<&str> = credential.split('/').collect();
        let [key_id, date, region, service, "aws4_request"] = scope.as_slice() else {
            let message =
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term";
            return Err(Fault::new(403, "IncompleteSignatureException", format!("{message}, got '{credential}'")));
        };
        Ok(Self {
            key_id: (*key_id).to_owned(),
            date: (*date).to_owned(),
            region: (*region).to_owned(),
            service: (*service).to_owned(),
            signed_headers: field("SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: field("Signature")?,
        })
    }
}

/// Judges a signed request. `key` is the one of its id, if there is such a key.
pub(super) fn check(
    parts: &Parts,
    body: &[u8],
    signed: &Authorization,
    key: Option<&AccessKey>,
    now: u64,
) -> Result<(), Fault> {
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let unknown =
        || Fault::new(403, "UnrecognizedClientException", "The security token included in the request is invalid.");
    let key = key.ok_or_else(unknown)?;
    if header("x-amz-security-token") != key.token.as_deref() {
        return Err(unknown());
    }
    let stamp = header("x-amz-date").unwrap_or_default();
    check_time(stamp, now)?;
    if !stamp.starts_with(&signed.date) || signed.date.len() != 8 {
        return Err(invalid(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.",
        ));
    }
    if signed.service != SERVICE {
        return Err(invalid(&format!("Credential should be scoped to correct service: '{SERVICE}'. ")));
    }
    let is_signed = |name: &str| signed.signed_headers.iter().any(|signed| signed == name);
    let amazons = parts.headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
    if let Some(bare) = ["host", "x-amz-date"].into_iter().chain(amazons).find(|name| !is_signed(name)) {
        return Err(invalid(&format!("'{bare}' must be a 'SignedHeader' in the AWS Authorization.")));
    }
    let hash = hex(digest::digest(&digest::SHA256, body).as_ref());
    if header("x-amz-content-sha256").is_some_and(|told| told != hash) {
        return Err(invalid(
            "The value passed in as x-amz-content-sha256 does not match the SHA-256 hash of the content",
        ));
    }
    let canonical = canonical_request(parts, &signed.signed_headers, &hash);
    let scope = format!("{}/{}/{SERVICE}/aws4_request", signed.date, signed.region);
    let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("{ALGORITHM}\n{stamp}\n{scope}\n{hash}");
    let start = format!("AWS4{}", key.secret).into_bytes();
    let scopes = [signed.date.as_str(), &signed.region, SERVICE, "aws4_request", &to_sign];
    let signature = scopes.iter().fold(start, |key, text| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes()).as_ref().to_vec()
    });
    if hex(&signature) == signed.signature {
        return Ok(());
    }
    Err(invalid(&format!(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and \
         signing method. Consult the service documentation for details.\n\nThe Canonical String for this request should have \
         been\n'{canonical}'\n\nThe String-to-Sign should have been\n'{to_sign}'\n"
    )))
}

fn invalid(message: &str) -> Fault {
    Fault::new(403, "InvalidSignatureException", message)
}

fn check_time(stamp: &str, now: u64) -> Result<(), Fault> {
    let signed = unix_seconds(stamp).ok_or_else(|| {
        Fault::new(
            403,
            "IncompleteSignatureException",
            "Date must be in ISO-8601 'basic format'. See http://en.wikipedia.org/wiki/ISO_8601",
        )
    })?;
    if signed.saturating_add(SKEW_SECONDS_MAX) < now {
        return Err(invalid(&format!("Signature expired: {stamp} is now earlier than the server's time - 5 min.")));
    }
    if now.saturating_add(SKEW_SECONDS_MAX) < signed {
        return Err(invalid(&format!(
            "Signature not yet current: {stamp} is still later than the server's time + 5 min."
        )));
    }
    Ok(())
}

/// `20150830T123600Z` as unix seconds: <https://howardhinnant.github.io/date_algorithms.html#days_from_civil>.
fn unix_seconds(stamp: &str) -> Option<u64> {
    let digits = |range: std::ops::Range<usize>| stamp.get(range)?.parse::<u64>().ok();
    let valid = stamp.len() == 16 && stamp.get(8..9) == Some("T") && stamp.ends_with('Z');
    let (year, month, day) = (digits(0..4)?, digits(4..6)?, digits(6..8)?);
    let (hour, minute, second) = (digits(9..11)?, digits(11..13)?, digits(13..15)?);
    if !valid || !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let shifted = year - u64::from(month <= 2);
    let (era, of_era) = (shifted / 400, shifted % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

fn canonical_request(parts: &Parts, signed_headers: &[String], body_hash: &str) -> String {
    let mut text = format!("{}\n{}\n", parts.method, encoded(parts.uri.path()));
    let mut query: Vec<&str> =
        parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).collect();
    query.sort_unstable();
    text.push_str(&query.join("&"));
    text.push('\n');
    for name in signed_headers {
        // Over HTTP/2 the host is the request's authority.
        let authority = parts.uri.authority().filter(|_| name == HOST.as_str() && !parts.headers.contains_key(HOST));
        let value = match authority {
            Some(authority) => authority.as_str().to_owned(),
            None => {
                let values = parts.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
                let values: Vec<String> =
                    values.map(|value| value.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
                values.join(",")
            }
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}:{value}");
    }
    let _ = write!(text, "\n{}\n{body_hash}", signed_headers.join(";"));
    text
}

/// The path of the request line, encoded once more.
fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len() + 8);
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    /// A request that botocore 1.44 signed with the key of AWS' documentation.
    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/bedrock/aws4_request, \
        SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, \
        Signature=8e1e1e96bdc6aa2cee80e6850599ef5a9ba15afec3e8185c8f8fa4643f53c170";
    const BODY: &[u8] = br#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#;
    const NOW: u64 = 1_767_225_600; // 2026-01-01T00:00:00Z

    fn request(path: &str, authorization: &str) -> Parts {
        Request::post(path)
            .header("host", "bedrock-runtime.us-east-1.amazonaws.com")
            .header("content-type", "application/json")
            .header("x-amz-date", "20260101T000000Z")
            .header("x-amz-security-token", "TOKEN")
            .header("authorization", authorization)
            .body(())
            .expect("a request")
            .into_parts()
            .0
    }

    fn judge(path: &str, authorization: &str, body: &[u8], key: &str, now: u64) -> Result<(), String> {
        let parts = request(path, authorization);
        let key = AccessKey::parse(key).expect("a key");
        let signed = Authorization::parse(authorization).map_err(|fault| fault.kind)?;
        check(&parts, body, &signed, (key.id == signed.key_id).then_some(&key), now).map_err(|fault| fault.kind)
    }

    const PATH: &str = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse";
    const KEY: &str = "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY:TOKEN";

    #[test]
    fn what_an_sdk_signed_is_good() {
        assert_eq!(judge(PATH, SIGNED, BODY, KEY, NOW), Ok(()));
        assert_eq!(judge(PATH, SIGNED, BODY, KEY, NOW + 299), Ok(()));
    }

    #[test]
    fn what_was_changed_is_not() {
        let bad = |kind: &str| Err(kind.to_owned());
        let invalid = bad("InvalidSignatureException");
        assert_eq!(judge(PATH, SIGNED, b"{}", KEY, NOW), invalid);
        assert_eq!(judge(&PATH.replace("%3A", ":"), SIGNED, BODY, KEY, NOW), invalid);
        assert_eq!(judge(PATH, SIGNED, BODY, KEY, NOW + 301), invalid);
        assert_eq!(judge(PATH, SIGNED, BODY, KEY, NOW - 301), invalid);
        assert_eq!(judge(PATH, SIGNED, BODY, "AKIDEXAMPLE:other:TOKEN", NOW), invalid);
        assert_eq!(judge(PATH, &SIGNED.replace("/bedrock/", "/s3/"), BODY, KEY, NOW), invalid);
        assert_eq!(judge(PATH, &SIGNED.replace("20260101/", "20260102/"), BODY, KEY, NOW), invalid);
        assert_eq!(judge(PATH, &SIGNED.replace("x-amz-security-token", "x"), BODY, KEY, NOW), invalid);
        let unknown = bad("UnrecognizedClientException");
        assert_eq!(judge(PATH, SIGNED, BODY, "OTHER:secret:TOKEN", NOW), unknown);
        assert_eq!(judge(PATH, SIGNED, BODY, "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NOW), unknown);
        let incomplete = bad("IncompleteSignatureException");
        assert_eq!(judge(PATH, "Basic abc", BODY, KEY, NOW), incomplete);
        assert_eq!(judge(PATH, "AWS4-HMAC-SHA256 Credential=a/b", BODY, KEY, NOW), incomplete);
    }

    #[test]
    fn time_stamps() {
        assert_eq!(unix_seconds("20260101T000000Z"), Some(NOW));
        assert_eq!(unix_seconds("19700101T000001Z"), Some(1));
        assert_eq!(unix_seconds("20240229T235959Z"), Some(1_709_251_199));
        for bad in ["", "2026-01-01T00:00:00Z", "20261301T000000Z", "20260101T000000", "2026010éT00000Z"] {
            assert_eq!(unix_seconds(bad), None, "{bad}");
        }
    }
}
