//! Redis is killed, emptied, hangs and comes back: never a wrong answer, nobody waits, nothing has to be started again.

use super::*;

/// Longest time that a lookup may take when the timeout is 50 ms, with room for a busy machine.
const SOON: Duration = Duration::from_millis(400);

fn hurried(server: &Server) -> Settings {
    Settings { timeout_ms: 50, ..settings(server) }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_dead_there_is_what_this_replica_knows_and_nobody_waits() {
    let Some(mut server) = Server::start(&[]) else { return };
    let (here, there) = (Replica::start(hurried(&server)).await, Replica::start(hurried(&server)).await);
    here.shelf.put(&key(1), entry("faq", "shared", "one")).await;
    server.kill();
    until("it is noticed", async || there.finds(&key(1)).await.is_none()).await;
    for _ in 0..20 {
        let begun = Instant::now();
        assert_eq!(there.shelf.get(&key(1)).await, None);
        assert_eq!(here.shelf.get(&key(1)).await.unwrap().body, "one", "of its own memory");
        there.shelf.put(&key(2), entry("faq", "shared", "two")).await;
        assert_eq!(there.shelf.get(&key(2)).await.unwrap().body, "two");
        assert!(begun.elapsed() < Duration::from_millis(40), "{:?}", begun.elapsed());
    }
    assert!(there.metrics.cache.store_errors.with_label_values(&["get"]).get() > 0);
    assert_eq!(there.purge(Wish { all: true, ..Wish::default() }).await, Err(NotPurged::Away));
    assert_eq!(there.shelf.get(&key(2)).await, None, "purged here all the same");
    // It comes back empty.
    server.again();
    for replica in [&here, &there] {
        replica.hears().await;
        until("it is known to be new", async || replica.count(|change| matches!(change, Change::Forget)) == 2).await;
        assert_eq!(replica.shelf.get(&key(1)).await, None);
    }
    there.shelf.put(&key(1), entry("faq", "shared", "anew")).await;
    assert_eq!(here.finds(&key(1)).await.as_deref(), Some(&b"anew"[..]));
    here.journal().append(vector(1));
    until("the journal goes on", async || there.added() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_costs_a_few_timeouts_and_no_more() {
    let Some(server) = Server::start(&[]) else { return };
    let here = Replica::start(hurried(&server)).await;
    here.shelf.put(&key(1), entry("faq", "shared", "one")).await;
    server.signal("STOP");
    let begun = Instant::now();
    for i in 0..50 {
        let asked = Instant::now();
        let _whatever = here.finds(&key(1)).await;
        assert!(asked.elapsed() < SOON, "lookup {i} took {:?}", asked.elapsed());
    }
    assert!(begun.elapsed() < 4 * SOON, "fifty lookups took {:?}", begun.elapsed());
    server.signal("CONT");
    until("it is found again", async || here.finds(&key(1)).await.is_some()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_emptied_is_empty_for_everybody() {
    let Some(server) = Server::start(&[]) else { return };
    let (here, there) = (Replica::start(settings(&server)).await, Replica::start(settings(&server)).await);
    here.journal().append(vector(1));
    here.purge(Wish { rule: Some("faq".to_owned()), ..Wish::default() }).await.unwrap();
    here.shelf.put(&key(1), entry("faq", "shared", "one")).await;
    until("it is heard", async || there.added() == 1).await;
    let () = server.ask(&["FLUSHALL"]);
    // Somebody is faster than who looks.
    here.journal().append(vector(2));
    assert_eq!((here.shelf.get(&key(1)).await, there.shelf.get(&key(1)).await), (None, None));
    for replica in [&here, &there] {
        until("it is known to be new", async || replica.count(|change| matches!(change, Change::Forget)) == 2).await;
        until("what came since is known", async || {
            let told = replica.told.lock().unwrap();
            let forgot = told.iter().rposition(|change| matches!(change, Change::Forget)).unwrap();
            told.iter().skip(forgot).filter(|change| matches!(change, Change::Add(_))).count() == 1
        })
        .await;
        assert_eq!(replica.journal().standing().purges, 0);
    }
    here.shelf.put(&key(1), entry("faq", "shared", "anew")).await;
    assert_eq!(there.finds(&key(1)).await.as_deref(), Some(&b"anew"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_starts_without_redis() {
    let Some(mut server) = Server::start(&[]) else { return };
    server.kill();
    let here = Replica::begin(hurried(&server));
    here.shelf.put(&key(1), entry("faq", "shared", "one")).await;
    assert_eq!(here.shelf.get(&key(1)).await.unwrap().body, "one");
    assert_eq!(here.journal().standing().behind_ms, None);
    server.again();
    here.hears().await;
    here.shelf.put(&key(2), entry("faq", "shared", "two")).await;
    assert_eq!(here.finds(&key(2)).await.as_deref(), Some(&b"two"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_hear_of_purges_believes_nothing() {
    let Some(server) = Server::start(&[]) else { return };
    let (here, there) = (Replica::start(settings(&server)).await, Replica::start(settings(&server)).await);
    here.shelf.put(&key(1), entry("faq", "shared", "one")).await;
    assert!(there.finds(&key(1)).await.is_some());
    // The journal cannot be read any more, and everything else can.
    let () = server.ask(&["SET", "{attache}:cache:state", "of somebody else"]);
    until("nobody believes", async || there.finds(&key(1)).await.is_none()).await;
    assert!(there.metrics.cache.store_errors.with_label_values(&["deaf"]).get() > 0);
    let () = server.ask(&["DEL", "{attache}:cache:state"]);
    until("it is believed again", async || there.finds(&key(1)).await.is_some()).await;
}
