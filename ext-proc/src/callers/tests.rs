use super::jwt::tests::{NOW_S, Signer, set};
use super::manage::{Create, Rotate, Undone};
use super::*;
use crate::config;
use attache_core::dialect::Dialect;
use attache_core::fault::FaultKind;
use envoy_types::pb::envoy::config::core::v3::HeaderValue;
use http::StatusCode;
use http_body_util::Full;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PROVIDERS: &str = "
service: { admin_token: admin-token-of-the-tests }
providers:
  openai: { dialect: openai, url: https://api.openai.com/v1, expose: true }
  claude: { dialect: anthropic, url: https://api.anthropic.com }
models:
  fast: { targets: [{ provider: openai, model: gpt-4o-mini }] }
  smart: { targets: [{ provider: claude, model: claude-opus-4-5 }] }
";
const ALICE: &str = "a-key-that-alice-made-up";
const BOB: &str = "a-key-that-bob-made-up";

pub(super) fn compiled(callers: &str) -> Config {
    config::compile(&format!("{PROVIDERS}{callers}"), &|_| None).unwrap_or_else(|invalid| panic!("{invalid}"))
}

pub(super) fn head(headers: &[(&str, &str)]) -> Head {
    let header = |(key, value): &(&str, &str)| HeaderValue {
        key: (*key).to_owned(),
        value: String::new(),
        raw_value: value.as_bytes().to_vec(),
    };
    Head { headers: headers.iter().map(header).collect(), ..Head::default() }
}

fn from(address: &str, mut head: Head) -> Head {
    head.attributes.insert(ADDRESS_ATTRIBUTE.to_owned(), crate::exchange::message::string(address));
    head
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

async fn callers() -> Callers {
    let metrics = Arc::new(Metrics::new().unwrap());
    let (moved, _) = tokio::sync::mpsc::channel(1);
    let store = Store::open(&config::written::Store::default(), metrics.clone(), moved).await.unwrap();
    let callers = Callers::new(store, metrics);
    callers.stored.refresh(&callers.store).await.unwrap();
    callers
}

/// Who is let in by these headers: name and source; otherwise why nobody is.
fn who(callers: &Callers, config: &Config, headers: &[(&str, &str)]) -> Result<String, Stranger> {
    callers
        .who(&head(headers), config, at(NOW_S))
        .map(|caller| format!("{} by {}", caller.name, caller.source.as_str()))
}

fn two_keys() -> Config {
    compiled(&format!(
        "callers: {{ keys: {{ alice: {{ value: {ALICE}, team: search, tags: {{ env: prod }}, allow: {{ models: [fast, \"openai/*\"] }} }}, \
         bob: {{ sha256: \"{}\", expires: 2027-01-15T08:00:01Z }}, carol: {{ value: a-key-that-carol-made-up, disabled: true }} }} }}\n\
         teams: {{ search: {{ org: acme, tags: {{ env: dev, cost: a }}, allow: {{ providers: [openai] }} }} }}\n\
         orgs: {{ acme: {{ tags: {{ cost: b, site: eu }}, allow: {{ fronts: [openai] }} }} }}",
        KeyHash::of(BOB).to_hex()
    ))
}

#[tokio::test]
async fn without_the_section_everybody_is_anonymous() {
    let callers = callers().await;
    let config = compiled("");
    assert_eq!(who(&callers, &config, &[]).as_deref(), Ok("anonymous by anonymous"));
    assert_eq!(who(&callers, &config, &[("authorization", "Bearer unused")]).as_deref(), Ok("anonymous by anonymous"));
}

#[tokio::test]
async fn keys_arrive_where_the_sdks_send_them() {
    let (callers, config) = (callers().await, two_keys());
    let bearer = format!("Bearer {ALICE}");
    for header in [
        ("authorization", bearer.as_str()),
        ("authorization", &format!("bearer  {ALICE} ")),
        ("x-api-key", ALICE),
        ("x-goog-api-key", ALICE),
        ("api-key", ALICE),
    ] {
        assert_eq!(who(&callers, &config, &[header]).as_deref(), Ok("alice by key"), "{header:?}");
    }
    for headers in [
        vec![],
        vec![("authorization", ALICE)],
        vec![("authorization", "Basic YWxpY2U6eA==")],
        vec![("authorization", "Bearer ")],
        vec![("x-api-key", "")],
    ] {
        assert_eq!(who(&callers, &config, &headers), Err(Stranger::NoKey), "{headers:?}");
    }
    // The first that is there counts, right or wrong.
    assert_eq!(
        who(&callers, &config, &[("x-api-key", ALICE), ("authorization", &format!("Bearer {BOB}"))]).as_deref(),
        Ok("bob by key")
    );
    assert_eq!(
        who(&callers, &config, &[("authorization", "Bearer wrong"), ("x-api-key", ALICE)]),
        Err(Stranger::WrongKey)
    );
    assert_eq!(
        who(&callers, &config, &[("authorization", "Basic x"), ("x-api-key", ALICE)]).as_deref(),
        Ok("alice by key")
    );
}

#[tokio::test]
async fn expired_and_disabled_keys_let_nobody_in() {
    let (callers, config) = (callers().await, two_keys());
    let bob = head(&[("x-api-key", BOB)]);
    assert!(callers.who(&bob, &config, at(NOW_S)).is_ok(), "a second before");
    assert_eq!(callers.who(&bob, &config, at(NOW_S + 1)).unwrap_err(), Stranger::Expired);
    assert_eq!(who(&callers, &config, &[("x-api-key", "a-key-that-carol-made-up")]), Err(Stranger::Disabled));
    let off =
        "callers: { keys: { alice: { value: a-key-that-alice-made-up, team: t } } }\nteams: { t: { disabled: true } }";
    assert_eq!(who(&callers, &compiled(off), &[("x-api-key", ALICE)]), Err(Stranger::Disabled));
    // A stranger cannot tell what exists.
    let texts =
        [Stranger::WrongKey, Stranger::Expired, Stranger::Disabled, Stranger::BadToken("its signature is wrong")];
    for stranger in texts {
        assert_eq!(stranger.fault(), Stranger::WrongKey.fault());
        assert_eq!(
            (stranger.fault().kind, stranger.fault().code.as_deref()),
            (FaultKind::Authentication, Some("invalid_api_key"))
        );
    }
}

#[tokio::test]
async fn teams_and_organisations_add_and_limit() {
    let (callers, config) = (callers().await, two_keys());
    let alice = callers.who(&head(&[("x-api-key", ALICE)]), &config, at(NOW_S)).unwrap();
    assert_eq!((alice.team.as_deref(), alice.org.as_deref()), (Some("search"), Some("acme")));
    let tags: Vec<_> = alice.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(tags, ["cost=a", "env=prod", "site=eu"]);
    assert!(alice.may_see("fast") && alice.may_see("openai/gpt-4o") && !alice.may_see("smart"));
    assert!(alice.may_reach("openai") && !alice.may_reach("claude"));
    assert!(alice.may_speak(Dialect::OpenAi) && !alice.may_speak(Dialect::Anthropic));
    assert!(alice.may_see("fast") && alice.may_reach("openai") && !alice.may_reach("claude"));
    assert_eq!(front_refused(Dialect::Anthropic).kind, FaultKind::Permission);
    let bob = callers.who(&head(&[("x-api-key", BOB)]), &config, at(NOW_S)).unwrap();
    assert!(bob.may_see("smart") && bob.may_speak(Dialect::Anthropic) && bob.team.is_none());
}

#[tokio::test]
async fn a_team_that_is_not_there_lets_nobody_in() {
    let callers = callers().await;
    let headers = "callers: { headers: { caller: x-user, team: x-team } }\n";
    let named = [("x-user", "u1"), ("x-team", "ads")];
    assert_eq!(who(&callers, &compiled(headers), &named).as_deref(), Ok("u1 by header"), "only a name");
    let strict = compiled(&format!("{headers}teams: {{ search: {{}} }}"));
    assert_eq!(who(&callers, &strict, &named), Err(Stranger::Homeless));
    assert_eq!(who(&callers, &strict, &[("x-user", "u1")]).as_deref(), Ok("u1 by header"), "nobody must have a team");
    assert_eq!(Stranger::Homeless.fault().kind, FaultKind::Permission);
}

#[tokio::test]
async fn what_a_request_shows_itself_counts_first() {
    let callers = callers().await;
    let config = compiled(&format!(
        "callers: {{ keys: {{ alice: {{ value: {ALICE} }} }}, headers: {{ caller: x-user }}, \
         mtls: {{ from: x_forwarded_client_cert, identities: {{ \"spiffe://td/*\": {{}} }} }} }}"
    ));
    let (cert, user) = (("x-forwarded-client-cert", "URI=spiffe://td/app"), ("x-user", "u1"));
    assert_eq!(who(&callers, &config, &[user, cert, ("x-api-key", ALICE)]).as_deref(), Ok("alice by key"));
    assert_eq!(who(&callers, &config, &[user, cert]).as_deref(), Ok("spiffe://td/app by mtls"));
    assert_eq!(
        who(&callers, &config, &[user, ("x-forwarded-client-cert", "URI=spiffe://else/app")]).as_deref(),
        Ok("u1 by header")
    );
    assert_eq!(
        who(&callers, &config, &[user, cert, ("x-api-key", "wrong")]),
        Err(Stranger::WrongKey),
        "nothing makes it good"
    );
    assert!(matches!(who(&callers, &config, &[user, user]), Err(Stranger::BadToken(_))));
    // Where no key counts, what SDKs send is nobody's business.
    let config = compiled("callers: { stored_keys: false, headers: { caller: x-user } }");
    assert_eq!(who(&callers, &config, &[user, ("authorization", "Bearer unused")]).as_deref(), Ok("u1 by header"));
    assert_eq!(who(&callers, &config, &[("authorization", "Bearer unused")]), Err(Stranger::NoKey));
}

#[tokio::test]
async fn anonymous_callers_may_send_anything_but_a_wrong_key_of_ours() {
    let callers = callers().await;
    let config = compiled(&format!("callers: {{ anonymous: allow, keys: {{ alice: {{ value: {ALICE} }} }} }}"));
    assert_eq!(who(&callers, &config, &[("x-api-key", "unused")]).as_deref(), Ok("anonymous by anonymous"));
    assert_eq!(who(&callers, &config, &[]).as_deref(), Ok("anonymous by anonymous"));
    assert_eq!(who(&callers, &config, &[("x-api-key", ALICE)]).as_deref(), Ok("alice by key"));
    assert_eq!(who(&callers, &config, &[("x-api-key", "att-0000")]), Err(Stranger::WrongKey));
}

#[tokio::test]
async fn who_guesses_is_throttled_and_the_neighbours_are_not() {
    let (callers, config) = (callers().await, two_keys());
    let ask = |key: &str, address: &str| callers.who(&from(address, head(&[("x-api-key", key)])), &config, at(NOW_S));
    for i in 0..20 {
        assert_eq!(ask(&format!("guess-{i}"), "192.0.2.1:4711").unwrap_err(), Stranger::WrongKey);
    }
    for key in ["guess", "a-key-that-carol-made-up"] {
        let stranger = ask(key, "192.0.2.1:4712").unwrap_err();
        assert_eq!(stranger.retry_after_seconds(), Some(3), "a switched-off key tells nothing either");
        assert_eq!(stranger.fault().kind, FaultKind::RateLimit);
    }
    assert_eq!(&*ask(ALICE, "192.0.2.1:4713").unwrap().name, "alice", "the same office");
    assert_eq!(ask("guess", "192.0.2.2:4711").unwrap_err(), Stranger::WrongKey, "another address");
    let nothing = callers.who(&from("192.0.2.1:4711", head(&[])), &config, at(NOW_S));
    assert_eq!(nothing.unwrap_err(), Stranger::NoKey, "nothing is no guess");
}

fn idp(more: &str) -> Config {
    compiled(&format!(
        "callers: {{ jwt: [{{ issuer: \"https://idp.example\", audiences: [attache], jwks: {{ url: \"https://idp.example/jwks\" }}, \
         claims: {{ team: groups.0, keep: [level] }}, prefix: \"idp:\" {more} }}] }}"
    ))
}

fn claims() -> Value {
    json!({ "iss": "https://idp.example", "aud": "attache", "sub": "u1", "exp": NOW_S + 60, "groups": ["ads"], "level": 3 })
}

#[tokio::test]
async fn tokens_are_verified_with_fetched_keys_and_the_keys_may_change() {
    let (callers, config) = (callers().await, idp(""));
    let (one, two) = (Signer::es256(), Signer::es256());
    let url = "https://idp.example/jwks";
    let ask =
        |token: &str, now_s| callers.who(&head(&[("authorization", &format!("Bearer {token}"))]), &config, at(now_s));
    let first = one.token(&json!({ "alg": "ES256", "kid": "1" }), &claims());
    assert_eq!(ask(&first, NOW_S).unwrap_err(), Stranger::Unavailable, "no keys yet");
    assert_eq!(Stranger::Unavailable.fault().status, 503);
    callers.key_sets.put(url, set(&[one.jwk("1")]));
    let caller = ask(&first, NOW_S).unwrap();
    assert_eq!((&*caller.name, caller.source, caller.team.as_deref()), ("idp:u1", Source::Jwt, Some("ads")));
    assert_eq!(caller.claims["level"], "3");
    assert_eq!(caller.issuer.as_deref(), Some("https://idp.example"));
    assert_eq!(callers.tokens.len(), 1);
    assert!(ask(&first, NOW_S + 89).is_ok(), "remembered");
    // The issuer signs with a new key: it is asked for, and until it is there the token is none.
    let second = two.token(&json!({ "alg": "ES256", "kid": "2" }), &claims());
    assert!(matches!(ask(&second, NOW_S), Err(Stranger::BadToken(_))));
    assert!(callers.key_sets.wants(url));
    callers.key_sets.put(url, set(&[two.jwk("2")]));
    assert!(ask(&second, NOW_S).is_ok());
    assert!(matches!(ask(&first, NOW_S), Err(Stranger::BadToken(_))), "a key that was withdrawn counts no more");
    assert_eq!(ask(&second, NOW_S + 90).unwrap_err(), Stranger::Expired, "but not for longer than it counts");
}

#[tokio::test]
async fn a_remembered_token_obeys_a_new_configuration() {
    let callers = callers().await;
    let signer = Signer::es256();
    callers.key_sets.put("https://idp.example/jwks", set(&[signer.jwk("1")]));
    let token = format!("Bearer {}", signer.token(&json!({ "alg": "ES256" }), &claims()));
    let head = head(&[("authorization", &token)]);
    assert!(callers.who(&head, &idp(""), at(NOW_S)).unwrap().may_see("smart"));
    assert!(!callers.who(&head, &idp(", allow: { models: [fast] }"), at(NOW_S)).unwrap().may_see("smart"));
    let mut shared = idp("");
    let rules = shared.callers.take().unwrap();
    for i in 0..TOKENS_MAX + 10 {
        let caller = Caller::anonymous();
        let token = Token { caller, until_s: NOW_S + 60, rules: rules.clone(), generation: 1 };
        callers.remember(KeyHash::of(&i.to_string()), token, NOW_S);
    }
    assert!(callers.tokens.len() <= TOKENS_MAX, "what is remembered is bounded");
}

fn wish(name: &str) -> Create {
    Create { name: name.to_owned(), ..Create::default() }
}

fn text<'a>(done: &'a Value, name: &str) -> &'a str {
    done[name].as_str().unwrap_or_else(|| panic!("{name} in {done}"))
}

#[tokio::test]
async fn a_key_is_made_rotated_switched_off_and_removed() {
    let (callers, config) = (callers().await, compiled("callers: {}"));
    let ask = |key: &str, now_s| {
        let found = callers.who(&head(&[("x-api-key", key)]), &config, at(now_s));
        found.map(|caller| caller.name.to_string())
    };
    let made = callers.create(wish("alice"), &config, at(NOW_S)).await.unwrap();
    let (first, id) = (text(&made, "key").to_owned(), text(&made, "id").to_owned());
    assert_eq!(ask(&first, NOW_S).as_deref(), Ok("alice"), "at once");
    let caller = callers.who(&head(&[("x-api-key", &first)]), &config, at(NOW_S)).unwrap();
    assert_eq!(caller.key.as_deref(), first.get(..10));
    let twice = callers.create(wish("alice"), &config, at(NOW_S)).await.unwrap_err();
    assert_eq!(twice.status, StatusCode::CONFLICT);

    let rotate = Rotate { overlap: Some("1h".to_owned()), expires: None };
    let rotated = callers.rotate("alice", rotate, at(NOW_S)).await.unwrap();
    let second = text(&rotated, "key").to_owned();
    assert_eq!(
        (ask(&first, NOW_S + 3599).is_ok(), ask(&second, NOW_S + 3599).is_ok()),
        (true, true),
        "both for an hour"
    );
    assert_eq!(ask(&first, NOW_S + 3600), Err(Stranger::Expired));
    let third = callers.rotate(&id, Rotate::default(), at(NOW_S)).await.unwrap();
    assert_eq!(ask(&second, NOW_S), Err(Stranger::WrongKey), "without an overlap the old one is over");
    assert_eq!(ask(&first, NOW_S), Err(Stranger::WrongKey));
    let third = text(&third, "key");

    callers.set_disabled("alice", true, at(NOW_S)).await.unwrap();
    assert_eq!(ask(third, NOW_S), Err(Stranger::Disabled));
    callers.set_disabled("alice", false, at(NOW_S)).await.unwrap();
    assert_eq!(ask(third, NOW_S).as_deref(), Ok("alice"));

    let listed = callers.list(&config, at(NOW_S)).await.unwrap().to_string();
    let hash = KeyHash::of(third).to_hex();
    assert!(
        listed.contains(third.get(..10).unwrap()) && !listed.contains(third) && !listed.contains(&hash),
        "{listed}"
    );
    let debug = format!("{callers:?}");
    assert!(!debug.contains(third) && !debug.contains(&hash), "{debug}");

    callers.remove("alice").await.unwrap();
    assert_eq!(ask(third, NOW_S), Err(Stranger::WrongKey));
    assert_eq!(callers.remove("alice").await.unwrap_err().status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn stored_keys_end_and_obey_the_configuration() {
    let (callers, config) =
        (callers().await, compiled("callers: {}\nteams: { search: { allow: { models: [fast] } } }"));
    let team = Some("search".to_owned());
    let wish = Create { team, expires: Some("30d".to_owned()), ..wish("alice") };
    let made = callers.create(wish, &config, at(NOW_S)).await.unwrap();
    let head = head(&[("x-api-key", text(&made, "key"))]);
    assert_eq!(text(&made, "expires"), "2027-02-14T08:00:00Z");
    let days = 24 * 3600;
    assert!(!callers.who(&head, &config, at(NOW_S + 30 * days - 1)).unwrap().may_see("smart"));
    assert_eq!(callers.who(&head, &config, at(NOW_S + 30 * days)).unwrap_err(), Stranger::Expired);
    // What the team may use is the running configuration's to say, also of a caller that is known already.
    let wider = compiled("callers: {}\nteams: { search: {} }");
    assert!(callers.who(&head, &wider, at(NOW_S)).unwrap().may_see("smart"));
    let gone = compiled("callers: {}\nteams: { ads: {} }");
    assert_eq!(callers.who(&head, &gone, at(NOW_S)).unwrap_err(), Stranger::Homeless);
    assert_eq!(
        callers.who(&head, &compiled("callers: { stored_keys: false, keys: {} }"), at(NOW_S)).unwrap_err(),
        Stranger::NoKey
    );
}

#[tokio::test]
async fn nobody_knows_stored_keys_before_they_are_read() {
    let metrics = Arc::new(Metrics::new().unwrap());
    let (moved, _) = tokio::sync::mpsc::channel(1);
    let store = Store::open(&config::written::Store::default(), metrics.clone(), moved).await.unwrap();
    let (callers, config) = (Callers::new(store, metrics), two_keys());
    assert_eq!(who(&callers, &config, &[("x-api-key", "att-anything")]), Err(Stranger::Unavailable));
    assert_eq!(who(&callers, &config, &[("x-api-key", ALICE)]).as_deref(), Ok("alice by key"));
    assert_eq!(
        who(&callers, &config, &[("x-api-key", "other")]),
        Err(Stranger::WrongKey),
        "no stored key looks like this"
    );
}

#[tokio::test]
async fn wishes_are_checked() {
    let (callers, config) = (callers().await, two_keys());
    let with = |change: &dyn Fn(&mut Create)| {
        let mut wish = wish("dave");
        change(&mut wish);
        wish
    };
    for bad in [
        with(&|wish| wish.name = String::new()),
        with(&|wish| wish.name = "a/b".to_owned()),
        with(&|wish| wish.name = "x".repeat(200)),
        with(&|wish| wish.team = Some("nobody".to_owned())),
        with(&|wish| wish.expires = Some("soon".to_owned())),
        with(&|wish| wish.expires = Some("2020-01-01T00:00:00Z".to_owned())),
        with(&|wish| wish.expires = Some("0s".to_owned())),
        with(&|wish| wish.expires = Some("9999999y".to_owned())),
        with(&|wish| wish.tags = [("a\n".to_owned(), "b".to_owned())].into()),
        with(&|wish| wish.allow.models = Some(vec!["x".to_owned(); 2000])),
    ] {
        let shown = format!("{bad:?}");
        let undone = callers.create(bad, &config, at(NOW_S)).await.unwrap_err();
        assert_eq!(undone.status, StatusCode::BAD_REQUEST, "{shown}");
    }
    let taken = callers.create(wish("alice"), &config, at(NOW_S)).await.unwrap_err();
    assert_eq!(taken.status, StatusCode::CONFLICT, "the configuration has one of this name");
    let off = compiled("callers: { stored_keys: false }");
    assert!(callers.create(wish("dave"), &off, at(NOW_S)).await.is_err());
    for overlap in ["soon", "9999y"] {
        let rotate = Rotate { overlap: Some(overlap.to_owned()), expires: None };
        assert!(matches!(
            callers.rotate("x", rotate, at(NOW_S)).await,
            Err(Undone { status: StatusCode::BAD_REQUEST, .. })
        ));
    }
}

/// Asks the admin interface as HTTP does.
async fn admin(callers: &Callers, config: &Config, ask: &str, token: Option<&str>, body: &str) -> (u16, Value) {
    let (method, path) = ask.split_once(' ').unwrap();
    let mut request = http::Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(Full::new(bytes::Bytes::from(body.to_owned()))).unwrap();
    let (status, answer) = admin::answer(callers, config, "127.0.0.1".parse().unwrap(), request).await;
    (status.as_u16(), answer)
}

#[tokio::test]
async fn the_admin_token_opens_the_key_endpoints() {
    let (callers, config) = (callers().await, two_keys());
    let token = Some("admin-token-of-the-tests");
    let (status, made) =
        admin(&callers, &config, "POST /keys", token, r#"{ "name": "dave", "tags": { "a": "b" } }"#).await;
    assert_eq!(status, 201, "{made}");
    assert!(who(&callers, &config, &[("x-api-key", text(&made, "key"))]).is_ok());
    let (status, listed) = admin(&callers, &config, "GET /keys", token, "").await;
    let names: Vec<_> = listed["keys"].as_array().unwrap().iter().map(|key| text(key, "name")).collect();
    assert_eq!((status, names), (200, vec!["alice", "bob", "carol", "dave"]));
    assert!(!listed.to_string().contains(&KeyHash::of(ALICE).to_hex()) && !listed.to_string().contains(ALICE));
    for (ask, body, expected) in [
        ("POST /keys/dave/rotate", r#"{ "overlap": "24h" }"#, 200),
        ("POST /keys/dave/disable", "", 200),
        ("POST /keys/dave/enable", "", 200),
        ("POST /keys/dave/rotate", r#"{ "overlapp": "24h" }"#, 400),
        ("POST /keys", r#"{ "name": "eve", "admin": true }"#, 400),
        ("POST /keys", "[", 400),
        ("POST /keys", &"x".repeat(100_000), 413),
        ("POST /keys/alice/disable", "", 404),
        ("PUT /keys", "", 405),
        ("GET /keys/dave", "", 405),
        ("GET /keys/dave/rotate", "", 405),
        ("POST /keys/dave/explode", "", 404),
        ("POST /keys//rotate", "", 404),
        ("DELETE /keys/dave", "", 200),
        ("DELETE /keys/dave", "", 404),
    ] {
        let (status, answer) = admin(&callers, &config, ask, token, body).await;
        assert_eq!(status, expected, "{ask}: {answer}");
    }
}

#[tokio::test]
async fn without_the_admin_token_they_stay_closed() {
    let (callers, config) = (callers().await, two_keys());
    assert_eq!(admin(&callers, &config, "GET /keys", None, "").await.0, 401);
    for _ in 0..10 {
        assert_eq!(admin(&callers, &config, "GET /keys", Some("a-guess"), "").await.0, 401);
    }
    assert_eq!(admin(&callers, &config, "GET /keys", Some("a-guess"), "").await.0, 429);
    assert_eq!(
        admin(&callers, &config, "GET /keys", Some("admin-token-of-the-tests"), "").await.0,
        200,
        "the right one"
    );
    let text = PROVIDERS.replace("service: { admin_token: admin-token-of-the-tests }", "callers: {}");
    let closed = config::compile(&text, &|_| None).unwrap();
    let (status, answer) = admin(&callers, &closed, "GET /keys", Some(""), "").await;
    assert_eq!(status, 403);
    assert!(answer.to_string().contains("service: { admin_token"), "{answer}");
}

#[tokio::test]
async fn nothing_secret_shows() {
    let (callers, config) = (callers().await, two_keys());
    let _let_in = who(&callers, &config, &[("x-api-key", ALICE)]);
    let seen = [
        serde_json::to_string(&config.written).unwrap(),
        format!("{config:?}"),
        format!("{callers:?}"),
        String::from_utf8(callers.metrics.text()).unwrap(),
    ];
    let secrets = [
        ALICE.to_owned(),
        BOB.to_owned(),
        KeyHash::of(ALICE).to_hex(),
        KeyHash::of(BOB).to_hex(),
        "admin-token-of-the-tests".to_owned(),
        "a-key-that-carol".to_owned(),
    ];
    for (text, secret) in seen.iter().flat_map(|text| secrets.iter().map(move |secret| (text, secret))) {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(seen[3].contains(r#"attache_auth_total{outcome="ok",source="key"} 1"#), "{}", seen[3]);
}

/// One look-up among 100,000 keys costs what it costs among one. Generous: the machine has other work.
#[tokio::test]
async fn a_hundred_thousand_keys_cost_what_one_costs() {
    let config = compiled("callers: {}");
    let time = |callers: &Callers, key: &str| {
        let head = head(&[("x-api-key", key)]);
        let rounds = (0..20).map(|_| {
            let began = Instant::now();
            for _ in 0..200 {
                assert!(callers.who(&head, &config, at(NOW_S)).is_ok());
            }
            began.elapsed()
        });
        rounds.min().unwrap()
    };
    let (few, many) = (callers().await, callers().await);
    for i in 0..100_000 {
        let sha256 = KeyHash::of(&format!("att-{i}")).to_hex();
        let record =
            json!({ "name": format!("caller-{i}"), "hashes": [{ "sha256": sha256, "shown": "att-" }], "created_s": 0 });
        let store = if i == 0 { vec![&few, &many] } else { vec![&many] };
        for callers in store {
            callers.store.put(stored::SHELF, &format!("key_{i}"), record.to_string().as_bytes()).await.unwrap();
        }
    }
    few.stored.refresh(&few.store).await.unwrap();
    many.stored.refresh(&many.store).await.unwrap();
    let (one, hundred_thousand) = (time(&few, "att-0"), time(&many, "att-77777"));
    assert!(hundred_thousand < one * 4, "{one:?} for one, {hundred_thousand:?} for 100,000, each 200 times");
}

/// What people read who get the section wrong.
#[test]
fn mistakes_are_explained() {
    let issuer = "issuer: i, audiences: [a], jwks: { url: \"https://idp.example\" }";
    let mut read = String::new();
    for section in [
        "callers: { key: {} }".to_owned(),
        "callers: { anonymous: maybe }".to_owned(),
        "callers: { keys: { alice: att-secret } }".to_owned(),
        "callers: { keys: { alice: { sha256: [1] } } }".to_owned(),
        "callers: { keys: { alice: { sha256: att-secret } } }".to_owned(),
        "callers: { keys: { alice: { valeu: att-secret } } }".to_owned(),
        "callers: { keys: { alice: {} } }".to_owned(),
        "callers: { keys: { alice: { value: att-secret } } }".to_owned(),
        format!("callers: {{ keys: {{ alice: {{ value: {ALICE} }}, bob: {{ value: {ALICE} }} }} }}"),
        format!("callers: {{ keys: {{ alice: {{ value: {ALICE}, expires: tomorrow }} }} }}"),
        format!(
            "callers: {{ keys: {{ alice: {{ value: {ALICE}, allow: {{ models: [fats], providers: [opnai] }} }} }} }}"
        ),
        format!(
            "callers: {{ keys: {{ alice: {{ value: {ALICE}, team: serch }} }} }}\nteams: {{ search: {{ org: acme }} }}"
        ),
        "teams: { search: {} }".to_owned(),
        "callers: { jwt: [{ issuer: i }] }".to_owned(),
        format!("callers: {{ jwt: [{{ {} }}] }}", issuer.replace("[a]", "[]")),
        format!("callers: {{ jwt: [{{ {issuer}, algorithms: [HS256] }}] }}"),
        format!("callers: {{ jwt: [{{ {issuer} }}, {{ {issuer} }}] }}"),
        format!("callers: {{ jwt: [{{ {} }}] }}", issuer.replace("https", "http")),
        "callers: { jwt: [{ issuer: i, audiences: [a], jwks: { file: /nonexistent } }] }".to_owned(),
        "callers: { jwt: [{ issuer: i, audiences: [a], jwks: {} }] }".to_owned(),
        "callers: { envoy_jwt: {} }".to_owned(),
        "callers: { mtls: { identities: {} } }".to_owned(),
        "callers: { headers: { caller: authorization, team: x-envoy-team, tags: { a: \"b c\" } } }".to_owned(),
        "callers: { throttle: { failures: 0, per: often } }".to_owned(),
    ] {
        let complaint = config::compile(&format!("{PROVIDERS}{section}"), &|_| None)
            .map_or_else(|it| it.to_string(), |_| "good".to_owned());
        assert!(!complaint.contains("att-secret") && !complaint.contains(ALICE), "{complaint}");
        read.push_str(&format!("{section}\n    {}\n", complaint.replace('\n', "\n    ")));
    }
    insta::assert_snapshot!(read);
}
