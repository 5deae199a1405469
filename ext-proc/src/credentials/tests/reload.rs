use super::*;
use crate::config::compile;

fn config(auth: &str) -> Config {
    let text = format!(
        "providers: {{ p: {{ dialect: openai, url: http://a, auth: {auth} }} }}\n\
         models: {{ m: {{ targets: [{{ provider: p, model: x }}] }} }}\n"
    );
    compile(&text, &|_| None).unwrap()
}

fn of(config: &Config) -> &Credentials {
    &config.providers["p"].credentials
}

#[tokio::test]
async fn a_reload_keeps_what_rests_unless_the_keys_have_changed() {
    let metrics = Arc::new(Metrics::new().unwrap());
    let old = config("{ bearer: [a, b] }");
    prepare(&old, None, &metrics);
    of(&old).answered(&Used::Key(0), 429, None);
    let rests = || metrics.credentials.rests.with_label_values(&["p", "429"]).get();
    assert_eq!(rests(), 1);
    let same = config("{ bearer: [a, b] }");
    prepare(&same, Some(&old), &metrics);
    for _ in 0..3 {
        assert_eq!(headers(of(&same)).await.unwrap(), "authorization: Bearer b");
    }
    of(&same).answered(&Used::Key(1), 401, None);
    assert_eq!((rests(), metrics.credentials.rests.with_label_values(&["p", "401"]).get()), (1, 1));
    let other = config("{ bearer: [a, c] }");
    prepare(&other, Some(&same), &metrics);
    assert_eq!(headers(of(&other)).await.unwrap(), "authorization: Bearer a", "new keys begin awake");
}

#[tokio::test]
async fn a_reload_keeps_tokens_and_a_new_secret_fetches_a_new_one() {
    let endpoint = Endpoint::answering(|n, _| {
        (200, json!({ "access_token": format!("token-{n}"), "expires_in": 3600 }).to_string())
    })
    .await;
    let metrics = Arc::new(Metrics::new().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("account.json");
    let auth = format!("{{ gcp: {{ service_account: {{ file: {} }} }} }}", file.display());
    let account = gcp::service_account(&endpoint.url);
    std::fs::write(&file, account.to_string()).unwrap();
    let old = config(&auth);
    assert!(old.written.secret_files().any(|watched| watched == file.to_str().unwrap()), "it is watched");
    prepare(&old, None, &metrics);
    assert_eq!(headers(of(&old)).await.unwrap(), "authorization: Bearer token-1");
    let same = config(&auth);
    prepare(&same, Some(&old), &metrics);
    assert_eq!(headers(of(&same)).await.unwrap(), "authorization: Bearer token-1");
    let mut another = account;
    another["client_email"] = json!("another@p.iam.gserviceaccount.com");
    std::fs::write(&file, another.to_string()).unwrap();
    let new = config(&auth);
    assert!(!of(&new).same_as(of(&same)));
    prepare(&new, Some(&same), &metrics);
    assert_eq!(headers(of(&new)).await.unwrap(), "authorization: Bearer token-2");
    assert_eq!(metrics.credentials.renewals.with_label_values(&["p", "ok"]).get(), 2);
}
