use super::embedder::Kind;
use super::*;
use crate::cache::entry::About;
use crate::cache::purge::Wish;
use crate::cache::rule::{Scope as Whose, SemanticRule};
use crate::cache::shelf::Memory;
use attache_core::cache_key::Tenant;
use attache_core::dialect::Dialect;
use attache_semantic::synthetic::{Model as Made, Shape, Words};
use bytes::Bytes;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;

const SHAPE: Shape = Shape { hidden: 48, layers: 1, heads: 2, wide: 8, places: 64, mixing: 0.0, seed: 7 };
const WORDS: &str = "capital city\nfrance\naustria\nreset change\npassword\nparis\nvienna\n- what is the of a my how do i not tell me ? [CLS] [SEP]";

/// Puts a made-up model that knows these words into a folder.
pub fn write_model(folder: &Path, words: &str) {
    let model = Made::of(&SHAPE, &Words::read(words));
    std::fs::write(folder.join("config.json"), &model.config).unwrap();
    std::fs::write(folder.join("vocab.txt"), &model.vocabulary).unwrap();
    std::fs::write(folder.join("model.safetensors"), model.weights()).unwrap();
}

#[tokio::test]
async fn who_asks_the_same_in_other_words_gets_the_same_answer() {
    let house = House::new();
    house.store("What is the capital of France?", "Paris.", &house.rule).await;
    let found = house.found("Tell me the capital of France", &house.rule).await.unwrap();
    assert_eq!(
        (found.entry.about.question.as_str(), found.similarity > 0.99),
        ("What is the capital of France?", true)
    );
    assert_eq!(house.outcome("What is the capital of Austria?").await, ("nothing", ""));
    assert_eq!(house.outcome("How do I reset my password?").await, ("nothing", ""));
    assert_eq!(house.outcome("And then?").await, ("skipped", "few_words"));
    assert_eq!(house.outcome("capital of France ".repeat(40).trim()).await, ("skipped", "too_long"));
}

/// The made-up model knows no difference between the two; the guard does.
#[tokio::test]
async fn the_guard_is_asked_about_the_candidate() {
    let house = House::new();
    house.store("Is the capital of France in 2019 a city?", "Yes.", &house.rule).await;
    assert_eq!(house.outcome("Is the capital of France in 2091 a city?").await, ("unfit", "number"));
    house.store("How do I reset my password?", "So.", &house.rule).await;
    assert_eq!(house.outcome("How do I not reset my password?").await, ("unfit", "negation"));
}

#[tokio::test]
async fn everything_but_the_last_words_must_be_the_same() {
    let house = House::new();
    let known = body("What is the capital of France?");
    house.store_body(&known, "Paris.", &house.rule, SCOPE).await;
    let hits =
        async |body: &Value, scope: Scope<'_>| matches!(house.look(body, &house.rule, scope).await, Looked::Found(_));
    let again = body("the capital of France");
    assert!(hits(&again, SCOPE).await);
    let mut changes: Vec<Value> = Vec::new();
    for (pointer, value) in [
        ("/messages/0/content", json!("Answer in French.")),
        ("/messages/1/content", json!("Hallo")),
        ("/temperature", json!(0.1)),
        ("/model", json!("other")),
        ("/tools", json!([{ "type": "function", "function": { "name": "f" } }])),
    ] {
        let mut changed = again.clone();
        match changed.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => changed["tools"] = value,
        }
        changes.push(changed);
    }
    for changed in changes {
        assert!(!hits(&changed, SCOPE).await, "{changed}");
    }
    for scope in [
        Scope { tenant: Tenant::Caller("ben"), ..SCOPE },
        Scope { tenant: Tenant::Shared, ..SCOPE },
        Scope { policy: "2", ..SCOPE },
        Scope { models: &["openai/other"], ..SCOPE },
    ] {
        assert!(!hits(&again, scope).await, "{scope:?}");
    }
    assert!(hits(&again, SCOPE).await);
}

#[tokio::test]
async fn what_is_gone_is_a_miss_and_then_forgotten() {
    let house = House::new();
    let key = house.store("What is the capital of France?", "Paris.", &house.rule).await;
    let wish = Wish { key: Some(key.to_string()), ..Wish::default() };
    house.shelf.purge(&wish.filter(0).unwrap()).await.unwrap();
    assert_eq!(house.outcome("the capital of France").await, ("unfit", "gone"));
    house.settled(|size| size.entries == 0).await;
    let key = house.store("What is the capital of France?", "Paris.", &house.rule).await;
    house.semantic.apply(vec![Change::Remove(*key.as_bytes())]);
    house.settled(|size| size.entries == 0).await;
    assert_eq!(house.outcome("the capital of France").await, ("nothing", ""));
}

#[tokio::test]
async fn the_shadow_only_counts() {
    let house = House::new();
    let rule = with(&house.rule, |rule| rule.shadow = true);
    house.store("What is the capital of France?", "Paris.", &rule).await;
    let looked = house.look(&body("the capital of France"), &rule, SCOPE).await;
    assert!(matches!(looked, Looked::Shadow(_, similarity) if similarity > 0.99), "{looked:?}");
    assert_eq!(house.count("shadow", ""), 1);
}

#[tokio::test]
async fn what_keeps_disagreeing_is_served_no_more() {
    let house = House::new();
    let sampled = with(&house.rule, |rule| rule.verify_sample = 1.0);
    let key = house.store("What is the capital of France?", "The capital of France is Vienna.", &house.rule).await;
    for (round, verdict) in [(1, "agree"), (1, "disagree"), (2, "disagree")] {
        let looked = house.look(&body("the capital of France"), &sampled, SCOPE).await;
        let Looked::Sample(asked, sample) = looked else { panic!("{looked:?}") };
        let said = if verdict == "agree" { "It is Vienna." } else { "It is Paris." };
        let answered = Entry { body: answer(said), about: About::default() };
        house.semantic.compare("faq", &asked, sample, &answered, &house.shelf);
        house
            .eventually(|| house.metrics.cache.semantic.verified.with_label_values(&["faq", verdict]).get() == round)
            .await;
    }
    assert_eq!(house.metrics.cache.semantic.demoted.with_label_values(&["faq"]).get(), 1);
    house.settled(|size| size.entries == 0).await;
    assert_eq!(house.outcome("the capital of France").await, ("nothing", ""));
    // Not even when it comes back.
    let again = house.store("What is the capital of France?", "Vienna.", &house.rule).await;
    assert_eq!((again, house.outcome("the capital of France").await), (key, ("nothing", "")));
}

#[tokio::test]
async fn answers_about_now_are_found_only_for_a_short_time() {
    let house = House::new();
    assert_eq!(house.outcome("What is the capital of France today?").await, ("skipped", "volatile"));
    let short = with(&house.rule, |rule| rule.ttl = Duration::from_secs(60));
    assert!(matches!(
        house.look(&body("What is the capital of France today?"), &short, SCOPE).await,
        Looked::Nothing(_)
    ));
}

#[tokio::test]
async fn what_replicas_tell_each_other_is_done() {
    let house = House::new();
    let key = house.store("What is the capital of France?", "Paris.", &house.rule).await;
    let vector = house.embedder.look("How do I reset my password?", |_| ()).await.ok().unwrap().vector.to_vec();
    let vector = Record { partition: [1; 32], id: [2; 32], expires: u32::MAX, vector };
    let added = Added { tags: Entry::tags(&Entry { body: Bytes::new(), about: About::default() }), vector };
    house.semantic.apply(vec![Change::Add(Box::new(added))]);
    house.settled(|size| size.entries == 2).await;
    house.semantic.apply(vec![Change::Remove(*key.as_bytes())]);
    house.settled(|size| size.entries == 1).await;
    assert_eq!(house.outcome("the capital of France").await, ("nothing", ""));
    house.semantic.apply(vec![Change::Purge(Filter::read(br#"{"rule":1}"#))]);
    house.semantic.apply(vec![Change::Purge(Filter::default())]);
    house.settled(|size| size.entries == 0).await;
    house.store("What is the capital of France?", "Paris.", &house.rule).await;
    house.semantic.purge(&Filter::default());
    house.settled(|size| size.entries == 0).await;
}

#[tokio::test]
async fn masked_answers_are_never_found_by_meaning() {
    let house = House::new();
    let looked = house.look(&body("What is the capital of France?"), &house.rule, SCOPE).await;
    let Looked::Nothing(asked) = looked else { panic!("{looked:?}") };
    let about = About { question: asked.text().to_owned(), expires_at: u64::MAX, ..About::default() };
    let masked = Entry { body: answer("It is [CITY-0123456789AB]."), about };
    house.semantic.learn(&asked, &Key::from_bytes([3; 32]), &masked, &house.shelf);
    house.store("How do I reset my password?", "So.", &house.rule).await;
    assert_eq!(house.semantic.size().entries, 1);
}

/// Every thread busy and the queue full: the exchange hears so at once, and nothing grows.
#[tokio::test]
async fn a_full_queue_is_skipped() {
    let house = House::new();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let (begun, begins) = tokio::sync::oneshot::channel();
    let busy = move || {
        begun.send(()).unwrap();
        let _told = wait.recv();
    };
    house.embedder.work(busy).unwrap();
    begins.await.unwrap();
    while house.embedder.work(|| {}).is_ok() {}
    assert_eq!(
        house.outcome("What is the capital of France?").await,
        ("skipped", "queue_full"),
        "it would wait for ever"
    );
    drop(go);
    house.eventually(|| house.embedder.work(|| {}).is_ok()).await;
    assert_eq!(house.outcome("What is the capital of France?").await, ("nothing", ""));
}

const SCOPE: Scope<'static> =
    Scope { tenant: Tenant::Caller("ann"), policy: "1", models: &["openai/gpt-4o"], also: &[], left_out: &[] };

struct House {
    semantic: Semantic,
    shelf: Shelf,
    metrics: Arc<Metrics>,
    embedder: Arc<Embedder>,
    rule: Rule,
    keys: Keys,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_model(folder.path(), WORDS);
        let kind = Kind::InProcess(Model::load(folder.path()).unwrap());
        let metrics = Arc::new(Metrics::new().unwrap());
        let semantic =
            SemanticRule { shadow: false, threshold: 0.92, verify_sample: 0.0, ttl: Duration::from_secs(3600) };
        Self {
            semantic: Semantic::new(metrics.clone()),
            shelf: Shelf::Memory(Arc::new(Memory::new(1 << 20))),
            metrics,
            embedder: Arc::new(Embedder::new(kind, Duration::from_secs(5), 1, 2, 100)),
            rule: Rule {
                name: "faq".into(),
                when: Vec::new(),
                scope: Whose::Caller,
                ttl: Duration::from_secs(3600),
                store_tool_calls: false,
                count_requests: true,
                client_controls: true,
                coalesce: None,
                ignore: Vec::new(),
                semantic: Some(semantic),
            },
            keys: Keys::new(b"a key of the tests"),
        }
    }

    async fn look(&self, body: &Value, rule: &Rule, scope: Scope<'_>) -> Looked {
        let (body, endpoint) = (body.to_string(), Endpoint::from(Dialect::OpenAi));
        let request = Request::read(&endpoint, body.as_bytes()).unwrap();
        let Self { embedder, keys, .. } = self;
        let endpoint = &endpoint;
        let looking = Looking { rule, embedder, endpoint, request: &request, keys, scope: &scope, redacted: false };
        self.semantic.look(&looking, &self.shelf).await
    }

    async fn found(&self, question: &str, rule: &Rule) -> Option<Found> {
        match self.look(&body(question), rule, SCOPE).await {
            Looked::Found(found) => Some(found),
            Looked::Skipped | Looked::Nothing(_) | Looked::Shadow(..) | Looked::Sample(..) => None,
        }
    }

    /// What metrics say of a lookup.
    async fn outcome(&self, question: &str) -> (&'static str, &'static str) {
        let body = body(question).to_string();
        let endpoint = Endpoint::from(Dialect::OpenAi);
        let request = Request::read(&endpoint, body.as_bytes()).unwrap();
        let Self { embedder, keys, rule, .. } = self;
        let endpoint = &endpoint;
        let looking = Looking { rule, embedder, endpoint, request: &request, keys, scope: &SCOPE, redacted: false };
        let (_, outcome, why) = self.semantic.looked(&looking, &self.shelf).await;
        (outcome, why)
    }

    fn count(&self, outcome: &str, why: &str) -> u64 {
        self.metrics.cache.semantic.lookups.with_label_values(&["faq", outcome, why]).get()
    }

    async fn store(&self, question: &str, answer: &str, rule: &Rule) -> Key {
        self.store_body(&body(question), answer, rule, SCOPE).await
    }

    /// What an exchange does whose question was not found.
    async fn store_body(&self, asked: &Value, said: &str, rule: &Rule, scope: Scope<'_>) -> Key {
        let looked = match self.look(asked, rule, scope).await {
            Looked::Nothing(asked) | Looked::Shadow(asked, _) | Looked::Sample(asked, _) => asked,
            other @ (Looked::Skipped | Looked::Found(_)) => panic!("{other:?}"),
        };
        let (asked, endpoint) = (asked.to_string(), Endpoint::from(Dialect::OpenAi));
        let key = self.keys.exact(&scope, &Request::read(&endpoint, asked.as_bytes()).unwrap());
        let stored_at = crate::cache::now_ms();
        let expires_at = stored_at + 60_000;
        let about = About { question: looked.text().to_owned(), stored_at, expires_at, ..About::default() };
        let entry = Arc::new(Entry { body: answer(said), about });
        self.shelf.put(&key, entry.clone()).await;
        let before = self.semantic.size().entries;
        self.semantic.learn(&looked, &key, &entry, &self.shelf);
        if !self.semantic.standing.is_demoted(&key) {
            self.settled(|size| size.entries > before).await;
        }
        key
    }

    async fn settled(&self, is: impl Fn(Size) -> bool) {
        self.eventually(|| is(self.semantic.size())).await;
    }

    async fn eventually(&self, is: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is() {
            assert!(begun.elapsed() < Duration::from_secs(5), "it never was");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn with(rule: &Rule, change: impl FnOnce(&mut SemanticRule)) -> Rule {
    let mut semantic = rule.semantic.unwrap();
    change(&mut semantic);
    let Rule { name, when, ignore, .. } = rule;
    Rule { name: name.clone(), when: when.clone(), ignore: ignore.clone(), semantic: Some(semantic), ..*rule }
}

fn body(question: &str) -> Value {
    json!({ "model": "fast", "temperature": 0.7, "messages": [
        { "role": "system", "content": "Be brief." },
        { "role": "assistant", "content": "Hello." },
        { "role": "user", "content": question },
    ] })
}

fn answer(text: &str) -> Bytes {
    let choice = json!({ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": "stop" });
    json!({ "id": "c", "object": "chat.completion", "model": "m", "choices": [choice] }).to_string().into()
}
