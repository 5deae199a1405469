//! Redis forgets, hangs, dies and comes back.

use super::*;

/// Longest time that a call may take when the timeout is 50 ms, with room for a busy machine.
const SOON: Duration = Duration::from_millis(400);

fn hurried(server: &Server) -> Settings {
    Settings { timeout_ms: 50, ..settings(server) }
}

/// What each failure mode does while Redis is away.
async fn check_modes(store: &Arc<Store>, what: &str) {
    // The first calls may each wait for the timeout, until the link is given up.
    for i in 0..10 {
        let limited = minute("modes", 3);
        let begun = Instant::now();
        let closed = store.hold(vec![wanted(&limited, 0, 1)]).await;
        assert!(matches!(closed, Err(Unavailable)), "{what}: {closed:?}");
        let mixed = store.hold(vec![or(wanted(&limited, 0, 1), OnFailure::Open), wanted(&limited, 0, 1)]).await;
        assert!(matches!(mixed, Err(Unavailable)), "{what}: {mixed:?}");
        let open = store.hold(vec![or(wanted(&limited, 0, 99), OnFailure::Open)]).await;
        assert!(matches!(open, Ok(Decision::Held(_, _))), "{what}: {open:?}");
        assert!(begun.elapsed() < 3 * SOON, "{what}: {:?}", begun.elapsed());
        if i > 5 {
            assert!(
                begun.elapsed() < Duration::from_millis(40),
                "{what}: nobody waits any more: {:?}",
                begun.elapsed()
            );
        }
    }
    check_local(store, what).await;
}

/// Local counts in memory, beside what passes uncounted.
async fn check_local(store: &Arc<Store>, what: &str) {
    let (limited, other) = (minute(&format!("local {what}"), 3), minute("other", 1));
    let both = || vec![or(wanted(&other, 0, 5), OnFailure::Open), or(wanted(&limited, 0, 2), OnFailure::Local)];
    let Ok(Decision::Held(hold, standings)) = store.hold(both()).await else { unreachable!("{what}") };
    assert_eq!(standings[1].open, 2, "{what}");
    let second = store.hold(both()).await;
    assert!(matches!(second, Ok(Decision::Denied { wanted: 1, .. })), "{what}: {second:?}");
    hold.settle(&[5, 1]);
    let third = store.hold(both()).await;
    let Ok(Decision::Held(_, standings)) = third else { unreachable!("{what}") };
    assert_eq!((standings[1].settled, standings[1].open), (1, 2), "{what}");
}

async fn back(store: &Arc<Store>) {
    until(async || store.hold(vec![wanted(&minute("back", 1_000), 0, 1)]).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_and_data_may_vanish() {
    let Some(server) = Server::start(&[]) else { return };
    let (store, _told) = replica(settings(&server), HOUR).await;
    let counter = minute("tokens", 100);
    let mut hold = held(&store, vec![wanted(&counter, 0, 50)]).await.expect("it fits");
    let () = server.ask(&["SCRIPT", "FLUSH"]);
    assert!(held(&store, vec![wanted(&counter, 0, 51)]).await.is_none(), "the same round of calls goes on");
    let () = server.ask(&["SCRIPT", "FLUSH"]);
    assert!(matches!(hold.grow(&[10]).await, Ok(Verdict::Held(_))));
    let () = server.ask(&["FLUSHALL"]);
    assert_eq!(standing(&store, &counter).await.open, 0);
    assert!(matches!(hold.grow(&[0]).await, Ok(Verdict::Held(_))));
    assert_eq!(standing(&store, &counter).await.open, 60, "whoever goes on is seen again");
    let () = server.ask(&["FLUSHALL"]);
    let () = server.ask(&["SCRIPT", "FLUSH"]);
    hold.settle(&[42]);
    until(async || standing(&store, &counter).await.settled == 42).await;
    assert_eq!(server.immortal(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_costs_the_timeout_and_then_nothing() {
    let Some(server) = Server::start(&[]) else { return };
    let (store, _told) = replica(hurried(&server), HOUR).await;
    let counter = minute("tokens", 100);
    back(&store).await;
    let Ok(Decision::Held(hold, _)) = store.hold(vec![wanted(&counter, 0, 50)]).await else { unreachable!("it fits") };
    server.signal("STOP");
    check_modes(&store, "hangs").await;
    hold.settle(&[30]);
    server.signal("CONT");
    back(&store).await;
    until(async || standing(&store, &counter).await.settled == 30).await;
    // Redis has read by now what nobody waited for any more: nothing of it stays held.
    store.flush().await;
    let modes = minute("modes", 3);
    until(async || standing(&store, &modes).await.open == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_dies_is_found_again() {
    let Some(mut server) = Server::start(&[]) else { return };
    let (store, _told) = replica(hurried(&server), HOUR).await;
    let counter = minute("tokens", 100);
    back(&store).await;
    let Ok(Decision::Held(hold, _)) = store.hold(vec![wanted(&counter, 0, 50)]).await else { unreachable!("it fits") };
    server.kill();
    check_modes(&store, "dies").await;
    hold.settle(&[30]);
    server.again();
    until(async || store.standings(std::slice::from_ref(&counter)).await.is_ok_and(|all| all[0].settled == 30)).await;
    assert!(store.hold(vec![wanted(&counter, 0, 71)]).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_starts_without_redis() {
    let Some(mut server) = Server::start(&[]) else { return };
    server.kill();
    let (store, _told) = replica(hurried(&server), HOUR).await;
    check_modes(&store, "starts").await;
    server.again();
    back(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_settled_for_too_long_is_dropped_and_counted() {
    let Some(mut server) = Server::start(&[]) else { return };
    let (store, _told) = replica(Settings { retry_seconds: 1, ..hurried(&server) }, HOUR).await;
    back(&store).await;
    let hold = store.hold(vec![wanted(&minute("tokens", 100), 0, 50)]).await;
    store.flush().await;
    server.kill();
    drop(hold);
    until(async || store.metrics.store.dropped.get() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_only_reads_is_left() {
    let Some(server) = Server::start(&[]) else { return };
    let (store, _told) = replica(hurried(&server), HOUR).await;
    back(&store).await;
    // A replica of nobody that can be reached refuses writes.
    let () = server.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    check_modes(&store, "only reads").await;
    let () = server.ask(&["REPLICAOF", "NO", "ONE"]);
    back(&store).await;
}
