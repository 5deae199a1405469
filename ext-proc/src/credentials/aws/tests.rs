use super::*;
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// What Amazon's own signer makes of requests: `vectors.py` has asked it.
const VECTORS: &str = include_str!("vectors.json");

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

#[test]
fn requests_are_signed_as_amazon_s_own_signer_signs_them() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(vectors["unix_seconds"].as_u64().unwrap());
    let requests = vectors["requests"].as_array().unwrap();
    assert!(requests.len() >= 11);
    for vector in requests {
        let text = |name: &str| vector[name].as_str().unwrap();
        let token = vector["session_token"].as_str().map(SecretString::from);
        let keys = keys(&ID.into(), &SECRET.into(), token.as_ref());
        let scope = Scope { region: text("region").to_owned(), service: text("service").to_owned() };
        let more = vector["headers"].as_object().unwrap();
        // What is not part of the signature may change on its way.
        let mut headers = vec![("content-type", "application/json"), ("accept", "*/*"), ("x-amzn-trace-id", "1")];
        headers.extend(more.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())));
        // A client's own signature is not signed again.
        headers.extend([("authorization", "AWS4-HMAC-SHA256 Credential=client"), ("x-amz-date", "20200101T000000Z")]);
        let request = ToSign {
            method: text("method"),
            authority: text("authority"),
            path_and_query: text("path"),
            headers: &headers,
            body: Some(text("body").as_bytes()),
            now,
        };
        let mut signed: Vec<_> = signature(&scope, &keys, &request).unwrap();
        signed.sort_by(|a, b| a.0.cmp(&b.0));
        let signed: Vec<_> = signed.iter().map(|(name, value)| format!("{name}: {}", value.expose_secret())).collect();
        let expected = vector["signed"].as_object().unwrap();
        let expected: Vec<_> =
            expected.iter().map(|(name, value)| format!("{name}: {}", value.as_str().unwrap())).collect();
        assert_eq!(signed, expected, "{}", text("name"));
    }
}

#[test]
fn a_body_that_nobody_has_read_cannot_be_signed() {
    let keys = keys(&ID.into(), &SECRET.into(), None);
    let scope = Scope { region: "r".to_owned(), service: "s".to_owned() };
    let now = SystemTime::UNIX_EPOCH;
    let request = ToSign { method: "PUT", authority: "a", path_and_query: "/", headers: &[], body: None, now };
    let problem = signature(&scope, &keys, &request).unwrap_err();
    assert_eq!(problem, "its body is passed on unread, and AWS wants it signed");
}

#[test]
fn keys_show_nowhere() {
    let keys = keys(&ID.into(), &SECRET.into(), Some(&"hush-hush".into()));
    let shown = format!("{keys:?}");
    assert!(!shown.contains(SECRET) && !shown.contains("hush-hush"), "{shown}");
}
