//! What one tenant was answered, no other one ever reads.

use super::*;
use attache_core::cache_key::{Keys, Request, Scope, Tenant};
use attache_core::endpoint::Endpoint;
use proptest::prelude::*;

/// Names that look alike in every way that could confuse a key.
fn names() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]{0,2}", "(team|caller|shared|route)[:/]?[ab]?", ".{0,4}"]
}

fn tenant(kind: u8, name: &str) -> Tenant<'_> {
    match kind {
        0 => Tenant::Caller(name),
        1 => Tenant::Team(name),
        2 => Tenant::Route(name),
        _ => Tenant::Shared,
    }
}

fn exact(tenant: Tenant<'_>, policy: &str, question: &str) -> Key {
    let body = serde_json::json!({ "model": "m", "messages": [{ "role": "user", "content": question }] }).to_string();
    let endpoint = Endpoint::of("/v1/chat/completions", false).unwrap();
    let request = Request::read(&endpoint, body.as_bytes()).unwrap();
    let scope = Scope { tenant, policy, models: &["openai/gpt"], also: &[], left_out: &[] };
    Keys::new(b"a secret of replicas").exact(&scope, &request)
}

/// Two tenants ask the same; whoever is another one finds nothing, whoever is the same finds the own answer.
async fn check(
    shelf: &Shelf,
    one: (u8, &str),
    other: (u8, &str),
    question: &str,
    case: &str,
) -> Result<(), TestCaseError> {
    let (one, other) = (tenant(one.0, one.1), tenant(other.0, other.1));
    // Every case has a world of its own.
    let (ours, theirs) = (exact(one, case, question), exact(other, case, question));
    shelf.put(&ours, entry("faq", "whoever", &format!("for {one:?}"))).await;
    let found = shelf.get(&theirs).await;
    let same = one == other || matches!((one, other), (Tenant::Shared, Tenant::Shared));
    prop_assert_eq!(found.is_some(), same, "{:?} asks for what {:?} was told", other, one);
    shelf.put(&theirs, entry("faq", "whoever", &format!("for {other:?}"))).await;
    let read = |entry: Option<Arc<Entry>>| entry.map(|entry| entry.body.clone());
    prop_assert_eq!(
        read(shelf.get(&ours).await),
        Some(if same { format!("for {other:?}") } else { format!("for {one:?}") }.into())
    );
    prop_assert_eq!(read(shelf.get(&theirs).await), Some(format!("for {other:?}").into()));
    Ok(())
}

fn check_many(shelf: &Shelf, cases: u32, runtime: &tokio::runtime::Runtime) {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let inputs = (0_u8..4, names(), 0_u8..4, names(), "[ab ?]{0,6}", any::<u64>());
    let done = runner.run(&inputs, |(kind, name, other_kind, other_name, question, case)| {
        runtime.block_on(check(shelf, (kind, &name), (other_kind, &other_name), &question, &case.to_string()))
    });
    done.unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn in_memory() {
    check_many(&Shelf::Memory(Arc::new(Memory::new(10 << 20))), 256, &runtime());
}

#[test]
fn in_redis() {
    let Some(server) = Server::start(&[]) else { return };
    let runtime = runtime();
    let replica = runtime.block_on(Replica::start(settings(&server)));
    check_many(&replica.shelf, 128, &runtime);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_under_a_key_is_of_no_use_to_who_has_another_secret() {
    let Some(server) = Server::start(&[]) else { return };
    let replica = Replica::start(settings(&server)).await;
    replica.shelf.put(&key(1), entry("faq", "caller/key:alice", "the answer to alice")).await;
    let names: Vec<String> = server.ask(&["KEYS", "*"]);
    let all: Vec<u8> = server.ask(&["GET", &format!("attache:cache:{}", key(1))]);
    assert!(names.iter().all(|name| !name.contains("alice")), "{names:?}");
    assert!(all.len() < 1000, "an entry is small: {} bytes", all.len());
}
