use super::*;
use crate::credentials::azure::{Azure, SCOPE};

/// An application that asks this endpoint.
pub(super) fn application(endpoint: &Endpoint, secret: &str) -> Value {
    json!({ "azure": {
        "tenant_id": "contoso.example", "client_id": "app-1", "client_secret": secret, "authority": endpoint.url,
    } })
}

fn issued(n: usize, _: &Asked) -> (u16, String) {
    // As the metadata service writes it: numbers in quotes.
    (200, json!({ "access_token": format!("token-{n}"), "expires_in": "3599", "token_type": "Bearer" }).to_string())
}

#[tokio::test]
async fn an_application_shows_its_secret() {
    let endpoint = Endpoint::answering(issued).await;
    let credentials = credentials(&application(&endpoint, "hush/+ &="));
    assert_eq!(headers(&credentials).await.unwrap(), "authorization: Bearer token-1");
    let asked = endpoint.asked();
    let [Asked { path, form, .. }] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(path, "/contoso.example/oauth2/v2.0/token");
    let form: Vec<_> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let expected = [
        "client_id=app-1",
        "client_secret=hush/+ &=",
        "grant_type=client_credentials",
        "scope=https://cognitiveservices.azure.com/.default",
    ];
    assert_eq!(form, expected);
}

#[tokio::test]
async fn an_application_shows_another_issuer_s_token_as_it_is_now() {
    let endpoint = Endpoint::answering(|n, _| {
        (200, json!({ "access_token": format!("token-{n}"), "expires_in": 3600 }).to_string())
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "of-monday\n").unwrap();
    let auth = json!({ "azure": {
        "tenant_id": "t", "client_id": "c", "federated_token_file": file, "authority": endpoint.url,
    } });
    assert!(headers(&credentials(&auth)).await.is_ok());
    std::fs::write(&file, "of-tuesday\n").unwrap();
    assert!(headers(&credentials(&auth)).await.is_ok());
    let shown: Vec<_> = endpoint.asked().iter().map(|asked| asked.form["client_assertion"].clone()).collect();
    assert_eq!(shown, ["of-monday", "of-tuesday"]);
    std::fs::remove_file(&file).unwrap();
    let problem = headers(&credentials(&auth)).await.unwrap_err();
    assert!(problem.contains("cannot read the token in ") && problem.contains("No such file"), "{problem}");
}

#[tokio::test]
async fn a_machine_asks_for_itself() {
    let endpoint = Endpoint::answering(issued).await;
    let auth = json!({ "azure": { "managed_identity": true, "client_id": "mine", "authority": endpoint.url } });
    assert_eq!(headers(&credentials(&auth)).await.unwrap(), "authorization: Bearer token-1");
    let asked = endpoint.asked();
    let expected = "/metadata/identity/oauth2/token?api-version=2018-02-01\
                    &resource=https%3A%2F%2Fcognitiveservices.azure.com&client_id=mine";
    assert_eq!((asked[0].path.as_str(), asked[0].headers["metadata"].to_str().unwrap()), (expected, "true"));
}

#[tokio::test]
async fn an_app_service_asks_where_its_environment_says() {
    let until = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + 3600;
    let endpoint = Endpoint::answering(move |_, _| {
        (200, json!({ "access_token": "token-1", "expires_on": until.to_string() }).to_string())
    })
    .await;
    let url = format!("{}/msi/token", endpoint.url);
    let env = move |name: &str| match name {
        "IDENTITY_ENDPOINT" => Some(url.clone()),
        "IDENTITY_HEADER" => Some("hush".to_owned()),
        _ => None,
    };
    let managed = Azure::managed(None, None, SCOPE, &env);
    let credentials = Credentials::new("p", Kind::azure("p", managed), [0; 32]);
    assert_eq!(headers(&credentials).await.unwrap(), "authorization: Bearer token-1");
    let asked = endpoint.asked();
    assert_eq!(asked[0].path, "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fcognitiveservices.azure.com");
    assert_eq!(asked[0].headers["x-identity-header"], "hush");
}

/// With real time: a token that is refused is replaced once it is no longer young, and not before.
#[tokio::test]
async fn a_token_that_is_refused_at_once_is_kept() {
    let endpoint = Endpoint::answering(issued).await;
    let credentials = credentials(&application(&endpoint, "hush"));
    let (_, used) = carried(&credentials).await.unwrap();
    assert_eq!(used, Used::Token(1));
    credentials.answered(&used, 401, None);
    assert_eq!(headers(&credentials).await.unwrap(), "authorization: Bearer token-1");
    assert_eq!(endpoint.asked().len(), 1);
}
