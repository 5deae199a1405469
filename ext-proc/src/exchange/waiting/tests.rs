use super::*;
use crate::cache::Cache;
use crate::callers::Callers;
use crate::config::{self, written};
use crate::credentials::Used;
use crate::exchange::Service;
use crate::metrics::Metrics;
use crate::store::Store;
use crate::usage_log::UsageLog;
use arc_swap::ArcSwap;

const CONFIG: &str = "
providers: { openai: { dialect: openai, url: https://api.openai.com/v1 } }
models: { fast: { targets: [{ provider: openai, model: gpt-4o-mini }] } }
";

async fn service() -> Arc<Service> {
    let config = config::compile(CONFIG, &|_| None).unwrap();
    let metrics = Arc::new(Metrics::new().unwrap());
    let (moved, _) = tokio::sync::mpsc::channel(1);
    let store = Store::open(&written::Store::default(), metrics.clone(), moved).await.unwrap();
    let cache = Cache::open(&config, &metrics).unwrap_or_else(|_| panic!("no Redis is configured"));
    Arc::new(Service {
        config: Arc::new(ArcSwap::from_pointee(config)),
        pending: Default::default(),
        waiting: Waiting::default(),
        usage: UsageLog::open("off", metrics.clone()).unwrap().0,
        callers: Callers::new(store.clone(), metrics.clone()),
        metrics,
        store,
        cache,
        calibration: Default::default(),
        fetcher: None,
    })
}

/// An exchange that waits; its id.
fn admitted(service: &Arc<Service>, request_id: &str) -> String {
    admit(service, request_id).unwrap()
}

fn admit(service: &Arc<Service>, request_id: &str) -> Option<String> {
    let config = service.config.load_full();
    let target = config.target("fast", "openai", "gpt-4o-mini").unwrap();
    let ticket = Ticket {
        plan: Plan::of(vec![target]).unwrap(),
        config,
        front: Dialect::OpenAi,
        under_way: Arc::default(),
        used: UsedCredentials::first(Used::Nothing),
    };
    let mut books = Settlement::open(service.clone());
    books.request_id = request_id.to_owned();
    service.waiting.admit(Arc::new(ticket), books).ok()
}

fn open(service: &Service) -> i64 {
    service.metrics.exchange.open.get()
}

#[test]
fn an_id_is_a_number_that_somebody_was_given() {
    let waiting = Waiting::default();
    for id in ["", "0", "zz", "-1", &"f".repeat(32), &"f".repeat(40)] {
        assert!(waiting.find(id).is_none() && waiting.lend(id).is_err(), "{id}");
        assert_eq!((waiting.end(id, Line::default()), waiting.end_untaken(id)), (Err(Unknown), Err(Unknown)), "{id}");
    }
    assert_eq!((waiting.expire(), waiting.clear()), (0, 0));
}

#[tokio::test]
async fn attempts_find_what_they_need_while_the_books_are_followed() {
    let service = service().await;
    let waiting = &service.waiting;
    let id = admitted(&service, "a");
    let (_, books) = waiting.lend(&id).unwrap().unwrap();
    assert!(waiting.find(&id).is_some(), "a retry may begin now");
    assert!(waiting.lend(&id).unwrap().is_none(), "the next line may come before the store has answered");
    waiting.give_back(&id, books);
    assert!(waiting.lend(&id).unwrap().is_some());
}

#[tokio::test]
async fn an_end_while_the_books_are_followed_settles_them_once_they_are_back() {
    let service = service().await;
    let waiting = &service.waiting;
    let id = admitted(&service, "a");
    let (_, books) = waiting.lend(&id).unwrap().unwrap();
    assert_eq!(waiting.end(&id, Line { status: 200, attempts: 1, ..Line::default() }), Ok(()));
    assert_eq!(open(&service), 1);
    waiting.give_back(&id, books);
    assert_eq!(open(&service), 0);
    assert!(waiting.find(&id).is_none() && waiting.end(&id, Line::default()).is_err(), "it does not live again");
}

#[tokio::test]
async fn books_that_come_back_to_nobody_are_settled() {
    let service = service().await;
    let id = admitted(&service, "a");
    let (_, books) = service.waiting.lend(&id).unwrap().unwrap();
    assert_eq!(service.waiting.clear(), 1);
    service.waiting.give_back(&id, books);
    assert_eq!((open(&service), service.waiting.clear()), (0, 0));
}

#[tokio::test]
async fn what_envoy_never_took_is_found_by_its_request() {
    let service = service().await;
    let waiting = &service.waiting;
    let nameless = admitted(&service, "");
    assert_eq!(waiting.end_untaken(""), Err(Unknown), "it may be anybody's");
    assert_eq!(waiting.end(&nameless, Line::default()), Ok(()));
    let ids = ["a", "a", "b"].map(|request_id| admitted(&service, request_id));
    assert_ne!(ids[0], ids[1], "of requests under one id each has its own exchange");
    assert_eq!(waiting.end_untaken("b"), Ok(()));
    assert_eq!(waiting.end_untaken("b"), Err(Unknown));
    assert!(waiting.find(&ids[0]).is_some() && waiting.find(&ids[1]).is_some());
    assert_eq!((open(&service), waiting.clear(), open(&service)), (2, 2, 0));
}

#[tokio::test]
async fn there_is_room_again_however_one_ends() {
    let mut service = Arc::into_inner(service().await).unwrap();
    service.waiting = Waiting::with_room(2);
    let service = Arc::new(service);
    let waiting = &service.waiting;
    let full = || {
        let ids = ["a", "b"].map(|request_id| admitted(&service, request_id));
        assert_eq!((admit(&service, "c"), open(&service)), (None, 2));
        ids
    };
    let [a, b] = full();
    assert_eq!((waiting.end(&a, Line::default()), waiting.end_untaken("b")), (Ok(()), Ok(())));
    assert!(waiting.find(&b).is_none());
    full();
    assert_eq!(waiting.clear(), 2);
    let [a, b] = full();
    let (_, books) = waiting.lend(&a).unwrap().unwrap();
    assert_eq!((waiting.end(&a, Line::default()), admit(&service, "c")), (Ok(()), None), "its books are still out");
    waiting.give_back(&a, books);
    assert_eq!(waiting.end(&b, Line::default()), Ok(()));
    full();
}
