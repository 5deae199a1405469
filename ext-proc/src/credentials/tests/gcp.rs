use super::*;
use crate::credentials::gcp::{From, Gcp, Places};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};

/// A key that was made for these tests and opens nothing.
const KEY: &str = include_str!("../gcp/test_key.base64");

/// A service account's file, as Google writes it.
pub(super) fn service_account(token_url: &str) -> Value {
    json!({
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "key-1",
        "private_key": format!("-----BEGIN PRIVATE KEY-----\n{KEY}-----END PRIVATE KEY-----\n"),
        "client_email": "attache@p.iam.gserviceaccount.com",
        "token_uri": token_url,
        "universe_domain": "googleapis.com",
    })
}

/// A person's, as gcloud writes it.
pub(super) fn user(token_url: &str) -> Value {
    json!({
        "type": "authorized_user", "client_id": "c", "client_secret": "hush-1", "refresh_token": "hush-2",
        "quota_project_id": "billed", "token_uri": token_url,
    })
}

fn issued(n: usize, _: &Asked) -> (u16, String) {
    (200, json!({ "access_token": format!("token-{n}"), "expires_in": 3599, "token_type": "Bearer" }).to_string())
}

fn of_file(file: &Value) -> Credentials {
    credentials(&json!({ "gcp": { "service_account": file.to_string() } }))
}

/// What the holder of the test key has signed.
fn claims(assertion: &str) -> Value {
    let (message, signature) = assertion.rsplit_once('.').unwrap();
    let der = STANDARD.decode(KEY.split_whitespace().collect::<String>()).unwrap();
    let key = RsaKeyPair::from_pkcs8(&der).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
    public.verify(message.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let parts: Vec<Value> = message
        .split('.')
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    assert_eq!(parts[0], json!({ "alg": "RS256", "typ": "JWT", "kid": "key-1" }));
    parts[1].clone()
}

#[tokio::test]
async fn a_service_account_signs_for_itself() {
    let endpoint = Endpoint::answering(issued).await;
    let url = format!("{}/token", endpoint.url);
    assert_eq!(headers(&of_file(&service_account(&url))).await.unwrap(), "authorization: Bearer token-1");
    let asked = endpoint.asked();
    assert_eq!(asked[0].path, "/token");
    assert_eq!(asked[0].form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let claims = claims(&asked[0].form["assertion"]);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("attache@p.iam.gserviceaccount.com"), &json!(url)));
    assert_eq!(claims["scope"], "https://www.googleapis.com/auth/cloud-platform");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    assert!(claims["iat"].as_u64().unwrap().abs_diff(now) < 10);
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3600);
}

#[test]
fn older_tools_write_keys_without_a_wrapping() {
    let der = STANDARD.decode(KEY.split_whitespace().collect::<String>()).unwrap();
    // PKCS#8 is PKCS#1 behind 26 bytes that say so.
    let older = STANDARD.encode(&der[26..]);
    let mut file = service_account("https://oauth2.example/token");
    file["private_key"] = json!(format!("-----BEGIN RSA PRIVATE KEY-----\n{older}\n-----END RSA PRIVATE KEY-----"));
    assert!(crate::credentials::gcp::Source::parse(&file.to_string()).is_ok());
}

#[tokio::test]
async fn the_configuration_says_where_and_for_what() {
    let endpoint = Endpoint::answering(issued).await;
    let url = format!("{}/here", endpoint.url);
    let credentials = credentials(&json!({ "gcp": {
        "service_account": service_account("https://oauth2.example/token").to_string(),
        "token_url": url,
        "scopes": ["https://www.googleapis.com/auth/a", "https://www.googleapis.com/auth/b"],
    } }));
    assert!(headers(&credentials).await.is_ok());
    let claims = claims(&endpoint.asked()[0].form["assertion"]);
    assert_eq!(claims["scope"], "https://www.googleapis.com/auth/a https://www.googleapis.com/auth/b");
    assert_eq!(claims["aud"], url);
}

#[tokio::test]
async fn a_person_s_token_is_refreshed_and_names_who_pays() {
    let endpoint = Endpoint::answering(issued).await;
    let credentials = of_file(&user(&endpoint.url));
    assert_eq!(headers(&credentials).await.unwrap(), "authorization: Bearer token-1\nx-goog-user-project: billed");
    assert_eq!(credentials.header_names(), ["authorization", "x-goog-user-project"]);
    let form = &endpoint.asked()[0].form;
    assert_eq!((&*form["grant_type"], &*form["refresh_token"]), ("refresh_token", "hush-2"));
}

#[tokio::test]
async fn another_issuer_s_token_is_exchanged_and_impersonates() {
    let endpoint = Endpoint::answering(|n, asked| match asked.path.as_str() {
        "/subject" => (200, json!({ "value": "subject-of-url" }).to_string()),
        "/impersonate" => (200, json!({ "accessToken": "acting", "expireTime": "2099-01-01T00:00:00Z" }).to_string()),
        _ => issued(n, asked),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("subject");
    std::fs::write(&file, "subject-of-file\n").unwrap();
    let external = |source: Value, impersonates: Option<&str>| {
        let mut file = json!({
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k8s",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": format!("{}/sts", endpoint.url),
            "credential_source": source,
        });
        if let Some(path) = impersonates {
            file["service_account_impersonation_url"] = json!(format!("{}{path}", endpoint.url));
        }
        file
    };
    let alone = of_file(&external(json!({ "file": file }), None));
    assert_eq!(headers(&alone).await.unwrap(), "authorization: Bearer token-1");
    let by_url = json!({
        "url": format!("{}/subject", endpoint.url), "headers": { "metadata": "True" },
        "format": { "type": "json", "subject_token_field_name": "value" },
    });
    let acting = of_file(&external(by_url, Some("/impersonate")));
    assert_eq!(headers(&acting).await.unwrap(), "authorization: Bearer acting");
    let asked = endpoint.asked();
    let paths: Vec<_> = asked.iter().map(|asked| asked.path.as_str()).collect();
    assert_eq!(paths, ["/sts", "/subject", "/sts", "/impersonate"]);
    assert_eq!(asked[0].form["subject_token"], "subject-of-file");
    assert_eq!(asked[0].form["grant_type"], "urn:ietf:params:oauth:grant-type:token-exchange");
    assert_eq!(asked[1].headers["metadata"], "True");
    assert_eq!(asked[2].form["subject_token"], "subject-of-url");
    assert_eq!(asked[3].headers["authorization"], "Bearer token-3");
    let body: Value = serde_json::from_str(&asked[3].body).unwrap();
    assert_eq!(body["scope"], json!(["https://www.googleapis.com/auth/cloud-platform"]));
    // The file goes away: the next token says so.
    std::fs::remove_file(&file).unwrap();
    let problem = headers(&of_file(&external(json!({ "file": file }), None))).await.unwrap_err();
    assert!(problem.contains("cannot read the token in "), "{problem}");
}

#[tokio::test]
async fn a_person_may_act_as_a_service_account() {
    let endpoint = Endpoint::answering(|n, asked| match asked.path.as_str() {
        "/impersonate" => (403, json!({ "error": { "message": "no", "status": "PERMISSION_DENIED" } }).to_string()),
        _ => issued(n, asked),
    })
    .await;
    let credentials = of_file(&json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url": format!("{}/impersonate", endpoint.url),
        "source_credentials": user(&endpoint.url),
    }));
    let problem = headers(&credentials).await.unwrap_err();
    assert_eq!(problem, "provider p: no token: the impersonation endpoint answered 403 PERMISSION_DENIED (no)");
}

fn by_default(places: Places) -> Credentials {
    let gcp = Gcp { from: From::Default(places), token_url: None, scopes: Vec::new() };
    Credentials::new("p", Kind::gcp("p", gcp), [0; 32])
}

#[tokio::test]
async fn default_credentials_are_where_google_s_tools_put_them() {
    let endpoint = Endpoint::answering(issued).await;
    let host = endpoint.url.strip_prefix("http://").unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let places = Places { file: None, gcloud: Some(folder.path().to_owned()), metadata_host: Some(host) };
    // No file: the machine's own.
    assert_eq!(headers(&by_default(places.clone())).await.unwrap(), "authorization: Bearer token-1");
    let asked = endpoint.asked();
    assert_eq!(asked[0].path, "/computeMetadata/v1/instance/service-accounts/default/token");
    assert_eq!(asked[0].headers["metadata-flavor"], "Google");
    // gcloud's.
    let file = folder.path().join("application_default_credentials.json");
    std::fs::write(&file, user(&endpoint.url).to_string()).unwrap();
    assert!(headers(&by_default(places.clone())).await.unwrap().ends_with("x-goog-user-project: billed"));
    // One that is named, and nothing else when it is not there.
    let named = folder.path().join("account.json");
    let places = Places { file: Some(named.display().to_string()), ..places };
    let problem = headers(&by_default(places.clone())).await.unwrap_err();
    assert!(problem.contains("cannot read ") && problem.contains("account.json"), "{problem}");
    std::fs::write(&named, service_account(&endpoint.url).to_string()).unwrap();
    assert_eq!(headers(&by_default(places)).await.unwrap(), "authorization: Bearer token-3");
}

#[test]
fn the_environment_says_where_to_look() {
    let env = |set: &'static [(&str, &str)]| {
        move |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    };
    let places = Places::of(&env(&[("HOME", "/home/me"), ("GOOGLE_APPLICATION_CREDENTIALS", "")]));
    assert_eq!(places.gcloud.unwrap().to_str(), Some("/home/me/.config/gcloud"));
    assert_eq!(places.file, None, "set to nothing is not set");
    let places = Places::of(&env(&[("CLOUDSDK_CONFIG", "/g"), ("HOME", "/home/me"), ("GCE_METADATA_HOST", "m:80")]));
    assert_eq!((places.gcloud.unwrap().to_str(), places.metadata_host.as_deref()), (Some("/g"), Some("m:80")));
}

#[test]
fn what_is_no_credentials_file_is_explained() {
    let url = "https://oauth2.example/token";
    let without = |name: &str| {
        let mut file = service_account(url);
        file.as_object_mut().unwrap().remove(name);
        file.to_string()
    };
    let with = |name: &str, value: &str| {
        let mut file = service_account(url);
        file[name] = json!(value);
        file.to_string()
    };
    let external = |source: Value| {
        json!({
            "type": "external_account", "audience": "a", "subject_token_type": "t", "token_url": url,
            "credential_source": source,
        })
    };
    for (text, expected) in [
        ("hush".to_owned(), "not JSON"),
        ("[]".to_owned(), "`type` is missing"),
        (with("type", "hush"), "its `type` is none of"),
        (without("client_email"), "`client_email` is missing"),
        (without("private_key"), "`private_key` is missing"),
        (with("private_key", "hush"), "`private_key` is no RSA key"),
        (
            with("private_key", "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----"),
            "`private_key` is no RSA key",
        ),
        (with("token_uri", "http://collector.example"), "`token_uri`: http is for this machine only"),
        (external(json!({ "environment_id": "aws1" })).to_string(), "neither `file` nor `url`"),
        (
            external(json!({ "file": "f", "format": { "type": "json" } })).to_string(),
            "`subject_token_field_name` is missing",
        ),
    ] {
        let problem = crate::credentials::gcp::Source::parse(&text).unwrap_err();
        assert!(problem.contains(expected) && !problem.contains("hush"), "{problem}");
    }
}
