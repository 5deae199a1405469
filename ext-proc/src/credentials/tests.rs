//! Every kind of credentials against token endpoints on this machine.

mod azure;
mod docs;
mod endpoint;
mod gcp;
mod reload;

use super::*;
use crate::config::written::auth::Auth;
use endpoint::{Asked, Endpoint};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// The credentials of provider `p` with this `auth`.
fn credentials(auth: &Value) -> Credentials {
    let auth: Auth = serde_json::from_value(auth.clone()).unwrap();
    let mut problems = Vec::new();
    let compiled = crate::config::credentials::compile("p", Some(&auth), "auth", &mut problems);
    compiled.unwrap_or_else(|| panic!("{problems:?}"))
}

/// What a request carries, or why it cannot be sent.
async fn carried(credentials: &Credentials) -> Result<(String, Used), String> {
    let request = ToSign {
        method: "POST",
        authority: "provider.example",
        path_and_query: "/v1/chat",
        headers: &[("content-type", "application/json")],
        body: Some(b"{}"),
        now: SystemTime::now(),
    };
    let signed = credentials.sign(&request).await.map_err(|unavailable| unavailable.to_string())?;
    let headers = signed.headers.iter().map(|(name, value)| format!("{name}: {}", value.expose_secret()));
    Ok((headers.collect::<Vec<_>>().join("\n"), signed.used))
}

/// Only what a request carries.
async fn headers(credentials: &Credentials) -> Result<String, String> {
    carried(credentials).await.map(|(headers, _)| headers)
}

#[tokio::test]
async fn a_hundred_exchanges_wait_for_one_token() {
    let endpoint = Endpoint::answering(|n, _| {
        (200, json!({ "access_token": format!("token-{n}"), "expires_in": 3600, "token_type": "Bearer" }).to_string())
    })
    .await;
    endpoint.delay_ms(300);
    let credentials = Arc::new(credentials(&azure::application(&endpoint, "hush")));
    let asking = (0..100).map(|_| {
        let credentials = credentials.clone();
        tokio::spawn(async move { headers(&credentials).await })
    });
    for headers in futures_util::future::join_all(asking).await {
        assert_eq!(headers.unwrap(), Ok("authorization: Bearer token-1".to_owned()));
    }
    assert_eq!(endpoint.asked().len(), 1);
}

#[tokio::test]
async fn garbage_is_told_and_never_believed() {
    let huge = "x".repeat(1 << 20);
    for (status, body, expected) in [
        (200, "<html>", "the token endpoint answered something that is no JSON object"),
        (200, huge.as_str(), "length limit exceeded"),
        (500, "", "the token endpoint answered 500"),
        (302, "", "the token endpoint answered 302"),
        (200, r#"{"access_token":"x","expires_in":0}"#, "what was issued has expired already"),
        (
            401,
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: hush-secret is wrong"}"#,
            "the token endpoint answered 401 invalid_client (AADSTS7000215: [redacted] is wrong)",
        ),
    ] {
        let (answer_status, answer) = (status, body.to_owned());
        let endpoint = Endpoint::answering(move |_, _| (answer_status, answer.clone())).await;
        let credentials = credentials(&azure::application(&endpoint, "hush-secret"));
        let problem = headers(&credentials).await.unwrap_err();
        assert!(problem.starts_with("provider p: no token: ") && problem.contains(expected), "{problem}");
        assert!(!problem.contains("hush") && problem.len() < 500, "{problem}");
        // At once, and without asking again: it is in its pause.
        assert_eq!(headers(&credentials).await.unwrap_err(), problem);
        assert_eq!(endpoint.asked().len(), 1, "{expected}");
    }
    let nobody = credentials(&json!({ "azure": {
        "tenant_id": "t", "client_id": "c", "client_secret": "hush", "authority": "http://127.0.0.1:1",
    } }));
    let problem = headers(&nobody).await.unwrap_err();
    assert!(problem.contains("the token endpoint: ") && problem.contains("refused"), "{problem}");
}

#[tokio::test]
async fn an_endpoint_that_never_answers_holds_nobody_up() {
    let endpoint = Endpoint::answering(|_, _| (200, String::new())).await;
    endpoint.delay_ms(60_000);
    let credentials = credentials(&azure::application(&endpoint, "hush"));
    let began = std::time::Instant::now();
    assert_eq!(headers(&credentials).await.unwrap_err(), "provider p: no token: no answer within 2 s so far");
    let waited = began.elapsed();
    assert!((1900..20_000).contains(&waited.as_millis()), "{waited:?}");
    assert!(headers(&credentials).await.is_err());
    assert!(began.elapsed() - waited < std::time::Duration::from_millis(1_900), "the next one does not wait again");
}

#[tokio::test]
async fn what_a_client_reads_says_nothing_of_the_inside() {
    let endpoint = Endpoint::answering(|_, _| (400, r#"{"error":"invalid_grant"}"#.to_owned())).await;
    let credentials = credentials(&azure::application(&endpoint, "hush"));
    let request = ToSign {
        method: "POST",
        authority: "a",
        path_and_query: "/",
        headers: &[],
        body: None,
        now: SystemTime::now(),
    };
    let unavailable = credentials.sign(&request).await.unwrap_err();
    let fault = unavailable.fault();
    assert_eq!((fault.status, fault.code.as_deref()), (502, Some("provider_credentials")));
    assert_eq!(fault.message, "the gateway has no valid credentials for provider `p` at the moment");
}

#[test]
fn secrets_show_nowhere() {
    let account = gcp::service_account("http://127.0.0.1:1/token");
    let pem = account["private_key"].as_str().unwrap().to_owned();
    for auth in [
        json!({ "bearer": ["hush-1", "hush-2"] }),
        json!({ "query": "key", "value": "hush-1" }),
        json!({ "aws": {
            "region": "r", "access_key_id": "AKID", "secret_access_key": "hush-1", "session_token": "hush-2",
        } }),
        json!({ "gcp": { "service_account": account.to_string() } }),
        json!({ "gcp": { "service_account": gcp::user("http://127.0.0.1:1/token").to_string() } }),
        json!({ "azure": { "tenant_id": "t", "client_id": "c", "client_secret": "hush-1" } }),
    ] {
        let credentials = credentials(&auth);
        let written: Auth = serde_json::from_value(auth).unwrap();
        let kind = &credentials.live.load().kind;
        let shown = format!("{credentials:?} {kind:?} {written:?} {}", serde_json::to_string(&written).unwrap());
        assert!(!shown.contains("hush") && !shown.contains("PRIVATE") && !shown.contains(&pem), "{shown}");
    }
}
