use super::*;
use crate::callers::jwks::KeySet;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::json;

pub(in crate::callers) const NOW_S: u64 = 1_800_000_000;
const ISSUER: &str = "https://idp.example";
/// Made once with OpenSSL: ring makes no RSA keys.
const RSA: &str = include_str!("rsa_tokens.json");

/// Somebody who signs tokens.
pub(in crate::callers) enum Signer {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl Signer {
    pub(in crate::callers) fn es256() -> Self {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        Self::Es256(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &SystemRandom::new()).unwrap())
    }

    fn eddsa() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::EdDsa(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    pub(in crate::callers) fn jwk(&self, id: &str) -> Value {
        match self {
            Self::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "x": encode(x), "y": encode(y) })
            }
            Self::EdDsa(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "x": encode(pair.public_key().as_ref()) })
            }
        }
    }

    pub(in crate::callers) fn token(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let signature = match self {
            Self::Es256(pair) => pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
            Self::EdDsa(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", encode(&signature))
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(in crate::callers) fn set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn issuer(keys: &[Value], algorithms: &[Algorithm]) -> Vec<Issuer> {
    vec![Issuer {
        name: ISSUER.to_owned(),
        audiences: vec!["attache".to_owned(), "gateway".to_owned()],
        algorithms: algorithms.to_vec(),
        keys: Keys::Here(Arc::new(set(keys))),
        paths: Paths { caller: "sub".to_owned(), team: None, org: None, tags: BTreeMap::new(), keep: Vec::new() },
        prefix: String::new(),
        tags: BTreeMap::new(),
        allow: Arc::default(),
    }]
}

fn good() -> Value {
    json!({ "iss": ISSUER, "aud": "attache", "sub": "u1", "exp": NOW_S + 60 })
}

fn judged(issuers: &[Issuer], token: &str) -> Result<u64, Refused> {
    verify(token, issuers, &|_| None, NOW_S).map(|verified| verified.until_s)
}

#[test]
fn every_family_is_verified() {
    use Algorithm::{ES256, EdDSA, PS256, RS256};
    let (ec, ed) = (Signer::es256(), Signer::eddsa());
    let rsa: Value = serde_json::from_str(RSA).unwrap();
    let issuers = issuer(&[ec.jwk("ec"), ed.jwk("ed"), rsa["jwk"].clone()], &[ES256, EdDSA, PS256, RS256]);
    for token in [
        ec.token(&json!({ "alg": "ES256", "kid": "ec" }), &good()),
        ec.token(&json!({ "alg": "ES256", "typ": "JWT" }), &good()),
        ed.token(&json!({ "alg": "EdDSA", "kid": "ed" }), &good()),
        rsa["RS256"].as_str().unwrap().to_owned(),
        rsa["PS256"].as_str().unwrap().to_owned(),
    ] {
        assert!(looks_like_one(&token));
        assert!(judged(&issuers, &token).is_ok(), "{token}: {:?}", judged(&issuers, &token));
        // Any other byte anywhere, and it is none.
        for at in (0..token.len()).step_by(7) {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'Q' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(changed == token || judged(&issuers, &changed).is_err(), "{changed}");
        }
    }
}

#[test]
fn what_a_token_says_of_itself_is_checked() {
    let signer = Signer::es256();
    let issuers = issuer(&[signer.jwk("1")], &[Algorithm::ES256]);
    let with = |name: &str, value: Value| {
        let mut claims = good();
        claims[name] = value;
        judged(&issuers, &signer.token(&json!({ "alg": "ES256", "kid": "1" }), &claims))
    };
    let audience = Err(Refused::Bad("it was made for another audience"));
    let expiry = Err(Refused::Bad("it never expires"));
    for (name, value, expected) in [
        ("aud", json!("attache"), Ok(NOW_S + 90)),
        ("aud", json!(["other", "gateway"]), Ok(NOW_S + 90)),
        ("aud", json!("other"), audience.clone()),
        ("aud", json!(["attache-2"]), audience.clone()),
        ("aud", json!(null), audience.clone()),
        ("aud", json!([]), audience.clone()),
        ("aud", json!({ "attache": true }), audience),
        ("exp", json!(NOW_S - 29), Ok(NOW_S + 1)),
        ("exp", json!(NOW_S - 30), Err(Refused::Expired)),
        ("exp", json!(-1), Err(Refused::Expired)),
        ("exp", json!(NOW_S as f64 + 0.5), Ok(NOW_S + 30)),
        ("exp", json!(1e300), Ok(u64::MAX)),
        ("exp", json!("2100"), Err(Refused::Bad("`exp` or `nbf` is not a number"))),
        ("exp", json!(null), Err(Refused::Bad("`exp` or `nbf` is not a number"))),
        ("nbf", json!(NOW_S + 30), Ok(NOW_S + 90)),
        ("nbf", json!(NOW_S + 31), Err(Refused::Bad("its time has not come yet"))),
        ("iss", json!("https://idp.example/"), Err(Refused::Bad("nobody knows its issuer"))),
        ("iss", json!(7), Err(Refused::Bad("it has no issuer"))),
    ] {
        assert_eq!(with(name, value.clone()), expected, "{name}: {value}");
    }
    let mut endless = good();
    endless.as_object_mut().unwrap().remove("exp");
    assert_eq!(judged(&issuers, &signer.token(&json!({ "alg": "ES256" }), &endless)), expiry);
}

/// RFC 8725, 2.1: the token chooses nothing.
#[test]
fn algorithms_are_not_confused() {
    use Algorithm::{ES256, EdDSA, RS256};
    let (signer, other) = (Signer::es256(), Signer::es256());
    let rsa: Value = serde_json::from_str(RSA).unwrap();
    let issuers = issuer(&[signer.jwk("1"), rsa["jwk"].clone()], &[ES256, EdDSA]);
    let bad = |why| Err(Refused::Bad(why));
    let not_allowed = || bad("it is signed with an algorithm that is not allowed");
    for alg in ["none", "None", "", "HS256", "HS512", "RS256", "PS256", "es256", "ES384"] {
        assert_eq!(
            judged(&issuers, &signer.token(&json!({ "alg": alg, "kid": "1" }), &good())),
            not_allowed(),
            "{alg}"
        );
    }
    assert_eq!(judged(&issuers, rsa["RS256"].as_str().unwrap()), not_allowed(), "a good one, but not of this kind");
    let unknown = Err(Refused::UnknownKey(None));
    let token = |alg: &str, kid: &str| signer.token(&json!({ "alg": alg, "kid": kid }), &good());
    assert_eq!(judged(&issuers, &token("EdDSA", "1")), unknown, "an EC key is none for EdDSA");
    assert_eq!(judged(&issuers, &token("ES256", "rsa")), unknown, "an RSA key is none for ES256");
    let forged = other.token(&json!({ "alg": "ES256", "kid": "1" }), &good());
    assert_eq!(judged(&issuers, &forged), bad("its signature is wrong"));
    let header = json!({ "alg": "ES256", "kid": "1", "crit": ["b64"], "b64": false });
    assert_eq!(
        judged(&issuers, &signer.token(&header, &good())),
        bad("it has critical extensions, and none is known here")
    );
    // A key in the token's own header is not even read.
    let header = json!({ "alg": "ES256", "jwk": other.jwk("1"), "jku": "https://evil.example" });
    assert_eq!(judged(&issuers, &other.token(&header, &good())), bad("its signature is wrong"));
    // A key that says what it is for is for nothing else.
    let mut jwk = rsa["jwk"].clone();
    jwk["alg"] = "PS256".into();
    assert_eq!(judged(&issuer(&[jwk], &[RS256]), rsa["RS256"].as_str().unwrap()), unknown);
    let mut jwk = signer.jwk("1");
    jwk["use"] = "enc".into();
    assert_eq!(judged(&issuer(&[jwk, other.jwk("2")], &[ES256]), &token("ES256", "1")), unknown);
}

#[test]
fn without_a_key_id_there_must_be_no_choice() {
    let (one, two) = (Signer::es256(), Signer::es256());
    let token = one.token(&json!({ "alg": "ES256" }), &good());
    assert!(judged(&issuer(&[one.jwk("1")], &[Algorithm::ES256]), &token).is_ok());
    assert!(judged(&issuer(&[one.jwk("1"), two.jwk("2")], &[Algorithm::ES256]), &token).is_err());
}

#[test]
fn what_is_no_token_is_refused() {
    let signer = Signer::es256();
    let issuers = issuer(&[signer.jwk("1")], &[Algorithm::ES256]);
    let token = signer.token(&json!({ "alg": "ES256" }), &good());
    let long = format!("{token}{}", "A".repeat(BYTES_MAX));
    let parts: Vec<_> = token.split('.').collect();
    for text in [
        "",
        ".",
        "..",
        "...",
        "eyJ.eyJ.",
        "é.é.é",
        "eyJhbGciOiJub25lIn0.e30.",
        &long,
        &format!("{token}.x"),
        &format!("{}.{}.", parts[0], parts[1]),
        &format!("{}..{}", parts[0], parts[2]),
        &format!("{token}="),
    ] {
        assert!(judged(&issuers, text).is_err(), "{text}");
    }
}
