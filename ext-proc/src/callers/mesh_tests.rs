use super::*;
use crate::callers::tests::{compiled, head};
use crate::exchange::message::{list_of, number, object, string};
use envoy_types::pb::google::protobuf::value::Kind;

fn name(named: Named<'_>) -> Result<Option<String>, &'static str> {
    named.map(|named| named.map(|(said, _)| said.name))
}

#[test]
fn what_envoy_has_verified_counts() {
    let callers = "callers: { envoy_jwt: { metadata: payload, claims: { caller: email, team: groups.1, keep: [level] }, prefix: \"m:\" } }";
    let config = compiled(callers);
    let envoy_jwt = config.callers.as_ref().unwrap().envoy_jwt.as_ref().unwrap();
    let groups = list_of(vec![string("a"), string("b")]);
    let payload = object([("email", string("u@x")), ("groups", groups), ("level", number(7.0))]);
    let Some(Kind::StructValue(metadata)) = object([("payload", payload)]).kind else { panic!("an object") };
    let mut head = head(&[]);
    assert_eq!(name(envoy_jwt.named(&head)), Ok(None));
    head.verified.insert(JWT_AUTHN.to_owned(), metadata);
    let (said, _) = envoy_jwt.named(&head).unwrap().unwrap();
    assert_eq!((said.name.as_str(), said.team.as_deref()), ("m:u@x", Some("b")));
    assert_eq!(said.claims["level"], "7");
}

#[test]
fn a_payload_can_come_in_a_header() {
    let config = compiled("callers: { envoy_jwt: { header: X-Jwt-Payload } }");
    let envoy_jwt = config.callers.as_ref().unwrap().envoy_jwt.as_ref().unwrap();
    let payload = URL_SAFE.encode(r#"{"sub":"u1"}"#);
    assert_eq!(name(envoy_jwt.named(&head(&[("x-jwt-payload", &payload)]))), Ok(Some("u1".to_owned())));
    assert_eq!(name(envoy_jwt.named(&head(&[]))), Ok(None));
    assert!(name(envoy_jwt.named(&head(&[("x-jwt-payload", "!")]))).is_err());
    assert!(name(envoy_jwt.named(&head(&[("x-jwt-payload", &payload), ("x-jwt-payload", &payload)]))).is_err());
}

#[test]
fn certificates_are_callers_where_they_are_named() {
    let config = compiled(
        "callers: { mtls: { identities: { \"spiffe://td/ns/search/*\": { team: search }, \"spiffe://td/*\": {}, \
         \"spiffe://td/ns/search/sa/boss\": { caller: boss } } } }",
    );
    let mtls = config.callers.as_ref().unwrap().mtls.as_ref().unwrap();
    let named = |identity: &str| {
        let mut head = head(&[("x-forwarded-client-cert", "URI=spiffe://td/forged")]);
        head.attributes.insert("connection.uri_san_peer_certificate".to_owned(), string(identity));
        mtls.named(&head).unwrap().map(|(said, _)| (said.name, said.team))
    };
    assert_eq!(
        named("spiffe://td/ns/search/sa/app"),
        Some(("spiffe://td/ns/search/sa/app".to_owned(), Some("search".to_owned())))
    );
    assert_eq!(named("spiffe://td/ns/search/sa/boss"), Some(("boss".to_owned(), None)));
    assert_eq!(named("spiffe://td/ns/ads/sa/app"), Some(("spiffe://td/ns/ads/sa/app".to_owned(), None)));
    assert_eq!(named("spiffe://elsewhere/ns/search/sa/app"), None);
    assert_eq!(named(""), None);
}

#[test]
fn the_last_proxy_says_who_its_client_is() {
    let uri = |text: &str| last_field(text, "URI");
    assert_eq!(uri("By=spiffe://td/me;Hash=ab;URI=spiffe://td/a").as_deref(), Some("spiffe://td/a"));
    assert_eq!(uri("URI=spiffe://td/far,By=x;URI=spiffe://td/near").as_deref(), Some("spiffe://td/near"));
    assert_eq!(uri("Subject=\"CN=a,URI=spiffe://td/forged;O=b\";Hash=ab"), None);
    assert_eq!(
        uri("Subject=\"a\\\";URI=spiffe://td/forged\";URI=spiffe://td/real").as_deref(),
        Some("spiffe://td/real")
    );
    assert_eq!(last_field("Subject=\"CN=a,O=b\";URI=", "Subject").as_deref(), Some("CN=a,O=b"));
    for text in ["", ",", ";", "URI", "URI=", "\"", "URI=\""] {
        assert!(uri(text).is_none_or(|uri| uri == "\""), "{text}");
    }
}

#[test]
fn trusted_headers_name_a_caller_once() {
    let config = compiled("callers: { headers: { caller: X-User, team: x-team, tags: { env: x-env } } }");
    let headers = config.callers.as_ref().unwrap().headers.as_ref().unwrap();
    let (said, _) = headers.named(&head(&[("x-user", "u1"), ("x-team", "t"), ("x-env", "prod")])).unwrap().unwrap();
    assert_eq!((said.name.as_str(), said.team.as_deref(), said.tags["env"].as_str()), ("u1", Some("t"), "prod"));
    assert_eq!(name(headers.named(&head(&[("x-team", "t")]))), Ok(None));
    assert_eq!(name(headers.named(&head(&[("x-user", " ")]))), Ok(None));
    for broken in [vec![("x-user", "u1"), ("x-user", "u2")], vec![("x-user", "u1"), ("x-team", "a"), ("x-team", "b")]] {
        assert!(headers.named(&head(&broken)).is_err(), "{broken:?}: one of them may be the client's");
    }
    assert!(headers.named(&head(&[("x-user", &"u".repeat(300))])).is_err());
    // Who asks is no provider's business.
    for name in ["x-user", "x-team", "x-env", "x-forwarded-client-cert"] {
        assert!(config.credential_headers.contains(name), "{name}");
    }
}
