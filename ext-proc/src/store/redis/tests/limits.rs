//! Three replicas on one Redis: a limit is a limit, and what is held returns.

use super::*;
use futures_util::future::join_all;

async fn three(server: &Server) -> Vec<Arc<Store>> {
    join_all((0..3).map(|_| async { replica(settings(server), HOUR).await.0 })).await
}

/// A hundred at once, over three replicas; how many are held.
async fn rush(stores: &[Arc<Store>], each: impl Fn() -> Vec<Wanted>) -> Vec<Hold> {
    let one = |i: usize| held(&stores[i % stores.len()], each());
    join_all((0..100).map(one)).await.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_get_exactly_what_the_limit_gives() {
    let Some(server) = Server::start(&[]) else { return };
    let stores = three(&server).await;
    let month = Window::Calendar(Period::Month);
    let table = [
        ("tokens", minute("tokens", 1_000), 0, 90, 11),
        ("requests", minute("requests", 20), 1, 0, 20),
        ("concurrency", counter("concurrency", Window::Open, 7), 0, 1, 7),
        ("money", counter("money", month, 5_000_000_000), 0, 333_333_333, 15),
    ];
    for (name, counter, spent, open, fit) in table {
        let holds = rush(&stores, || vec![wanted(&counter, spent, open)]).await;
        assert_eq!(holds.len(), fit, "{name}");
        let standing = standing(&stores[0], &counter).await;
        assert_eq!(standing.settled + standing.open, (spent + open) * fit as u64, "{name}");
        drop(holds);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settling_less_makes_room_and_never_above_the_limit() {
    let Some(server) = Server::start(&[]) else { return };
    let stores = three(&server).await;
    let counter = minute("tokens", 1_000);
    let watch = async {
        loop {
            let standing = standing(&stores[0], &counter).await;
            assert!(standing.settled + standing.open <= 1_000, "{standing:?}");
            if standing.settled > 900 && standing.open == 0 {
                return standing.settled;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let one = async |i: usize| {
        for _ in 0..200 {
            if let Some(hold) = held(&stores[i % 3], vec![wanted(&counter, 0, 90)]).await {
                tokio::time::sleep(Duration::from_millis(2)).await;
                return hold.settle(&[31]);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let both = async { tokio::join!(watch, join_all((0..100).map(one))) };
    let (settled, _) = tokio::time::timeout(Duration::from_secs(20), both).await.expect("it fills");
    assert!(settled <= 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_or_nothing_over_several_counters() {
    let Some(server) = Server::start(&[]) else { return };
    let stores = three(&server).await;
    let (requests, tokens, few) =
        (minute("requests", 1_000), minute("tokens", 1_000_000), counter("few", Window::Open, 3));
    let holds = rush(&stores, || vec![wanted(&requests, 1, 0), wanted(&tokens, 0, 50), wanted(&few, 0, 1)]).await;
    assert_eq!(holds.len(), 3);
    assert_eq!(standing(&stores[1], &requests).await.settled, 3, "whoever was denied by another counter is no request");
    assert_eq!(standing(&stores[1], &tokens).await.open, 150);
    let denied = stores[0].hold(vec![wanted(&requests, 1, 0), wanted(&few, 0, 1)]).await.expect("Redis answers");
    assert!(matches!(denied, Decision::Denied { wanted: 1, retry_after_ms: 1_000, .. }), "{denied:?}");
    for hold in holds {
        hold.settle(&[0, 20, 0]);
    }
    until(async || standing(&stores[1], &few).await.open == 0).await;
    until(async || standing(&stores[1], &tokens).await.settled == 60).await;
    assert_eq!(server.immortal(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_replica_held_returns() {
    let Some(server) = Server::start(&[]) else { return };
    let (dies, _) = replica(settings(&server), Duration::from_millis(700)).await;
    let (lives, _) = replica(settings(&server), HOUR).await;
    let counter = counter("month", Window::Calendar(Period::Month), 100);
    let hold = held(&dies, vec![wanted(&counter, 0, 100)]).await.expect("it fits");
    std::mem::forget(hold);
    assert!(held(&lives, vec![wanted(&counter, 0, 1)]).await.is_none());
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(standing(&lives, &counter).await, Standing { limit: 100, ..Standing::default() });
    assert!(held(&lives, vec![wanted(&counter, 0, 100)]).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_is_renewed_lives_and_one_that_is_late_is_charged() {
    let Some(server) = Server::start(&[]) else { return };
    let (store, mut told) = replica(settings(&server), Duration::from_millis(600)).await;
    let counter = counter("month", Window::Calendar(Period::Month), 100);
    let mut hold = held(&store, vec![wanted(&counter, 0, 60)]).await.expect("it fits");
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(matches!(hold.grow(&[0]).await, Ok(Verdict::Held(_))));
    }
    assert_eq!(standing(&store, &counter).await.open, 60);
    assert!(matches!(hold.grow(&[41]).await, Ok(Verdict::Denied { claim: 0, .. })));
    assert!(matches!(hold.grow(&[40]).await, Ok(Verdict::Held(_))));
    assert_eq!(hold.wanted()[0].claim.open, 100);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(standing(&store, &counter).await.open, 0);
    hold.settle(&[85]);
    let moved = told.recv().await.expect("it moved");
    assert_eq!(moved, [Moved { counter: counter.clone(), before: 0, after: 85 }]);
    assert_eq!(standing(&store, &counter).await.settled, 85);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stops_waiting_holds_nothing() {
    let Some(server) = Server::start(&[]) else { return };
    let (store, _told) = replica(settings(&server), HOUR).await;
    let counter = counter("few", Window::Open, 1_000);
    for wait in 0..40 {
        let hold = store.hold(vec![wanted(&counter, 0, 1)]);
        let _gone = tokio::time::timeout(Duration::from_micros(wait * 10), hold).await;
    }
    store.flush().await;
    until(async || standing(&store, &counter).await.open == 0).await;
    drop(held(&store, vec![wanted(&counter, 0, 5)]).await);
    until(async || standing(&store, &counter).await.open == 0).await;
}

#[tokio::test]
async fn a_clock_that_goes_back_frees_nothing_and_locks_nothing_for_ever() {
    let Some(server) = Server::start(&[]) else { return };
    let (store, _told) = replica(settings(&server), HOUR).await;
    let Backend::Redis(redis, _) = &store.backend else { unreachable!("it is Redis") };
    let noon = 1_800_000_000_000;
    let at = |ms: u64| redis.core.test_now_ms.store(ms, Ordering::Relaxed);
    let (tokens, hour) = (minute("tokens", 100), counter("hour", Window::Calendar(Period::Hour), 1_000));
    let all = |amount| vec![wanted(&tokens, amount, 0), wanted(&hour, amount, 0)];
    at(noon);
    assert!(held(&store, all(100)).await.is_some());
    for back in [1, 1_999, 30_000, 61_000, 7_200_000] {
        at(noon - back);
        assert!(held(&store, all(1)).await.is_none(), "{back} ms back");
    }
    // As far back as the last call (nothing was written by those), the window passes as ever.
    at(noon + 62_001);
    assert!(held(&store, all(100)).await.is_some());
    // From a master whose clock is two hours behind everything counts as settled just now.
    at(noon - 7_200_000);
    assert!(held(&store, vec![wanted(&tokens, 0, 1)]).await.is_none());
    drop(
        held(
            &store,
            vec![Wanted { claim: Claim { soft: true, ..wanted(&tokens, 1, 0).claim }, ..wanted(&tokens, 1, 0) }],
        )
        .await,
    );
    at(noon - 7_200_000 + 62_001);
    assert!(held(&store, vec![wanted(&tokens, 0, 100)]).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_outlives_the_runtimes_that_use_it() {
    let Some(mut server) = Server::start(&[]) else { return };
    let (store, _told) = replica(settings(&server), HOUR).await;
    let counter = counter("few", Window::Open, 10);
    for round in ["first", "after a restart"] {
        // Exchanges live on single-threaded runtimes of their own, as in `workers`.
        for _ in 0..2 {
            let (store, counter) = (store.clone(), counter.clone());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let thread = std::thread::spawn(move || {
                runtime.block_on(async {
                    let all = || vec![wanted(&counter, 0, 5)];
                    // What was given back before may still be on its way, and so may the link.
                    until(async || matches!(store.hold(all()).await, Ok(Decision::Held(..)))).await;
                });
            });
            tokio::task::spawn_blocking(|| thread.join()).await.expect("it ends").expect("nothing failed there");
        }
        store.flush().await;
        assert_eq!(standing(&store, &counter).await.open, 0, "{round}");
        server.kill();
        server.again();
    }
}

#[tokio::test]
async fn a_call_that_arrives_after_its_hold_was_given_up_holds_nothing() {
    let Some(server) = Server::start(&[]) else { return };
    let (store, _told) = replica(settings(&server), HOUR).await;
    let Backend::Redis(redis, _) = &store.backend else { unreachable!("it is Redis") };
    let counter = counter("few", Window::Open, 10);
    let (id, all) = (redis.id(), vec![wanted(&counter, 0, 1)]);
    redis.settle(id.clone(), all.clone(), &[]);
    redis.flush().await;
    assert_eq!(redis.hold(&id, &all).await, Err(Missed::Perhaps));
    assert_eq!(redis.grow(&id, &all, &[1]).await, Err(Unavailable));
    assert_eq!(standing(&store, &counter).await.open, 0);
}
