//! Leases: few round trips, and never more than the limit.

use super::*;
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::atomic::AtomicBool;

async fn replicas(settings: &Settings) -> Vec<Arc<Store>> {
    join_all((0..3).map(|_| async { replica(settings.clone(), HOUR).await.0 })).await
}

/// Makes claims hot, on counters that have room: holds and gives back until a lease serves them.
pub(super) async fn heat(store: &Arc<Store>, all: &dyn Fn() -> Vec<Wanted>) -> Hold {
    for _ in 0..500 {
        let hold = held(store, all()).await.expect("it fits");
        if matches!(hold.place, Some(crate::store::Place::Leased(_))) {
            return hold;
        }
    }
    unreachable!("it is hot enough")
}

/// How many scripts Redis has run.
fn scripts(server: &Server) -> u64 {
    let stats: String = server.ask(&["INFO", "commandstats"]);
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")).unwrap_or("0,");
    line.split(',').next().expect("one").parse().expect("a number")
}

/// Looks at counters all the time: none is ever above its limit.
async fn watch(store: &Store, counters: &[Counter], over: &AtomicBool) -> u64 {
    let mut looks = 0;
    while !over.load(Ordering::Relaxed) {
        for standing in store.standings(counters).await.expect("Redis answers") {
            assert!(standing.settled + standing.open <= standing.limit, "{standing:?}");
        }
        looks += 1;
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    looks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_hot_holds_cost_few_round_trips() {
    let Some(server) = Server::start(&[]) else { return };
    let (store, _told) = replica(settings(&server), HOUR).await;
    let (tokens, requests) = (minute("tokens", 100_000_000), minute("requests", 10_000_000));
    let all = || vec![wanted(&requests, 1, 0), wanted(&tokens, 0, 1_000)];
    for _ in 0..60 {
        held(&store, all()).await.expect("it fits").settle(&[0, 300]);
    }
    let before = scripts(&server);
    let begun = Instant::now();
    for _ in 0..1_000 {
        held(&store, all()).await.expect("it fits").settle(&[0, 300]);
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    let calls = scripts(&server) - before;
    eprintln!("{calls} round trips for 1000 holds and settles in {:?}", begun.elapsed());
    assert!(calls < 100, "{calls}");
    store.flush().await;
    let after = [standing(&store, &requests).await, standing(&store, &tokens).await];
    assert_eq!(after.map(|standing| (standing.settled, standing.open)), [(1_060, 0), (318_000, 0)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_do_not_take_it_from_each_other() {
    let Some(server) = Server::start(&[]) else { return };
    let (store, _told) = replica(settings(&server), HOUR).await;
    let counters: Vec<_> = (0..4).map(|i| minute(&format!("c{i}"), 1 << 50)).collect();
    let one = async |_| {
        for _ in 0..200 {
            let all = counters.iter().map(|counter| wanted(counter, 1, 1_000)).collect();
            let mut hold = held(&store, all).await.expect("it fits");
            assert!(matches!(hold.grow(&[100; 4]).await, Ok(Verdict::Held(_))));
            hold.settle(&[500; 4]);
        }
    };
    let before = scripts(&server);
    join_all((0..64).map(one)).await;
    let calls = scripts(&server) - before;
    store.flush().await;
    eprintln!("{calls} round trips for {} holds and growths", 64 * 200);
    assert!(calls < 2_000, "{calls}");
    let after = standing(&store, &counters[3]).await;
    assert_eq!((after.settled, after.open), (64 * 200 * 501, 0));
}

/// Three replicas that want more than there is, of several counters at once; some exchanges grow, some are given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn never_above_the_limit_and_nothing_is_lost() {
    let Some(server) = Server::start(&[]) else { return };
    let stores = replicas(&settings(&server)).await;
    let month = Window::Calendar(Period::Month);
    let (tokens, few, money) =
        (minute("tokens", 100_000), counter("few", Window::Open, 200), counter("money", month, 1 << 40));
    let counters = [tokens.clone(), few.clone(), money.clone()];
    let over = AtomicBool::new(false);
    let leased = AtomicU64::new(0);
    let one = async |i: usize| {
        let (mut used, mut held_ones, mut random) = (0, 0, StdRng::seed_from_u64(i as u64));
        for _ in 0..500 {
            let all = vec![wanted(&tokens, 2, random.random_range(10..50)), wanted(&few, 0, 1), wanted(&money, 3, 900)];
            let Some(mut hold) = held(&stores[i % 3], all).await else {
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            };
            (used, held_ones) = (used + 2, held_ones + 1);
            leased.fetch_add(u64::from(matches!(hold.place, Some(crate::store::Place::Leased(_)))), Ordering::Relaxed);
            tokio::time::sleep(Duration::from_micros(random.random_range(0..3_000))).await;
            if random.random_bool(0.1) {
                let more = [random.random_range(0..100), 0, 0];
                assert!(hold.grow(&more).await.is_ok());
            }
            let most = hold.wanted()[0].claim.open;
            if random.random_bool(0.9) {
                let really = random.random_range(0..=most);
                used += really;
                hold.settle(&[really, 1, 5]);
            }
        }
        (used, held_ones)
    };
    let work = async {
        let all = join_all((0..60).map(one)).await;
        let quiet = Instant::now();
        until(async || standing(&stores[0], &tokens).await.open == 0).await;
        over.store(true, Ordering::Relaxed);
        (all, quiet.elapsed())
    };
    let (looks, (all, quiet)) = tokio::join!(watch(&stores[0], &counters, &over), work);
    let (used, holds) = all.into_iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let [tokens, few, money] = [&tokens, &few, &money].map(|counter| standing(&stores[1], counter));
    let (tokens, few, money) = (tokens.await, few.await, money.await);
    let leased = leased.load(Ordering::Relaxed);
    eprintln!("{holds} holds, {leased} of them leased, {looks} looks; {used} of 100000 used; quiet after {quiet:?}");
    assert_eq!((tokens.settled, tokens.open, few.open, money.open), (used, 0, 0, 0));
    assert!(money.settled >= 3 * holds && money.settled <= 8 * holds, "{money:?}");
    assert!(used >= 80_000, "{used}");
    assert!(leased > 500, "{leased}");
    assert!(quiet < Duration::from_millis(1_500), "{quiet:?}");
    assert_eq!(server.immortal(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_small_limit_is_used_well_by_many() {
    let Some(server) = Server::start(&[]) else { return };
    let stores = replicas(&settings(&server)).await;
    let tokens = minute("tokens", 1_000);
    let over = AtomicBool::new(false);
    let one = async |i: usize| {
        let mut used = 0;
        for _ in 0..300 {
            if let Some(hold) = held(&stores[i % 3], vec![wanted(&tokens, 0, 8)]).await {
                tokio::time::sleep(Duration::from_millis(1)).await;
                hold.settle(&[3]);
                used += 3;
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        used
    };
    let work = async {
        let used: u64 = join_all((0..30).map(one)).await.into_iter().sum();
        until(async || standing(&stores[0], &tokens).await.open == 0).await;
        over.store(true, Ordering::Relaxed);
        used
    };
    let (_, used) = tokio::join!(watch(&stores[0], std::slice::from_ref(&tokens), &over), work);
    assert_eq!(standing(&stores[0], &tokens).await.settled, used);
    eprintln!("{used} of 1000");
    assert!((800..=1_000).contains(&used), "{used}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_free_in_a_lease_is_no_reason_to_deny() {
    let Some(server) = Server::start(&[]) else { return };
    let (store, _told) = replica(settings(&server), HOUR).await;
    let tokens = minute("tokens", 1_000);
    let mut first = heat(&store, &|| vec![wanted(&tokens, 0, 5)]).await;
    // On a busy machine what is free may have returned before anybody looks.
    for _ in 0..50 {
        if standing(&store, &tokens).await.open >= 10 {
            break;
        }
        drop(first);
        first = heat(&store, &|| vec![wanted(&tokens, 0, 5)]).await;
    }
    assert!(standing(&store, &tokens).await.open >= 10, "more than the exchange asked for");
    let rest = held(&store, vec![wanted(&tokens, 0, 995)]).await;
    assert!(rest.is_some(), "all that is left, at once");
    assert_eq!(standing(&store, &tokens).await.open, 1_000);
    let denied = store.hold(vec![wanted(&tokens, 0, 5)]).await.expect("Redis answers");
    assert!(matches!(denied, Decision::Denied { wanted: 0, retry_after_ms: 1_000, .. }), "{denied:?}");
    first.settle(&[2]);
    until(async || standing(&store, &tokens).await.settled == 2).await;
    assert_eq!(standing(&store, &tokens).await.open, 995);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_free_returns_by_itself() {
    let Some(server) = Server::start(&[]) else { return };
    let (store, _told) = replica(settings(&server), HOUR).await;
    let tokens = minute("tokens", 1_000_000);
    let hold = heat(&store, &|| vec![wanted(&tokens, 0, 5)]).await;
    assert!(standing(&store, &tokens).await.open > 5);
    let begun = Instant::now();
    until(async || standing(&store, &tokens).await.open == 5).await;
    eprintln!("free again after {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    hold.settle(&[3]);
    until(async || standing(&store, &tokens).await.open == 0).await;
    assert_eq!(standing(&store, &tokens).await.settled, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_lease_no_more_of_what_they_share_than_one() {
    let Some(server) = Server::start(&[]) else { return };
    let (store, _told) = replica(settings(&server), HOUR).await;
    let shared = minute("shared", 100_000);
    let over = AtomicBool::new(false);
    let one = async |i: usize| {
        let own = minute(&format!("caller {i}"), 1 << 40);
        for _ in 0..500 {
            drop(held(&store, vec![wanted(&own, 0, 40), wanted(&shared, 0, 40)]).await.expect("it fits"));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let look = async {
        let mut all = Vec::new();
        while !over.load(Ordering::Relaxed) {
            all.push(standing(&store, &shared).await.open);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // At the very beginning nobody knows of the others yet.
        all.split_off(all.len() / 2).into_iter().max().expect("some")
    };
    let work = async {
        join_all((0..20).map(one)).await;
        over.store(true, Ordering::Relaxed);
    };
    let (most, ()) = tokio::join!(look, work);
    eprintln!("{most} of 100000 at most");
    assert!(most > 1_000 && most <= 5_000 + 20 * 40, "{most}");
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanges_that_go_on_are_held_and_grow_beyond_the_lease() {
    let Some(server) = Server::start(&[]) else { return };
    let (store, mut told) = replica(settings(&server), Duration::from_millis(600)).await;
    let money = counter("money", Window::Calendar(Period::Month), 10_000);
    let mut hold = heat(&store, &|| vec![wanted(&money, 1, 10)]).await;
    store.flush().await;
    while told.try_recv().is_ok() {}
    let spent = standing(&store, &money).await.settled;
    assert_eq!(standing(&store, &money).await.open, 10, "the exchange holds on, and nothing else does");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(standing(&store, &money).await.open, 10, "longer than a hold lives");
    assert!(matches!(hold.grow(&[0]).await, Ok(Verdict::Held(_))));
    assert!(matches!(hold.grow(&[5_000]).await, Ok(Verdict::Held(_))));
    assert_eq!(standing(&store, &money).await.open, 5_010);
    let denied = hold.grow(&[4_990]).await;
    assert!(matches!(denied, Ok(Verdict::Denied { claim: 0, .. })), "{denied:?}");
    assert_eq!(standing(&store, &money).await.open, 5_010);
    // More than was held: it is charged at once.
    hold.settle(&[6_000]);
    let moved = told.recv().await.expect("it moved");
    assert_eq!(moved, [Moved { counter: money.clone(), before: spent, after: spent + 6_000 }]);
    until(async || standing(&store, &money).await.open == 0).await;
}

#[test]
fn what_a_dead_replica_leased_returns() {
    let Some(server) = Server::start(&[]) else { return };
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("one");
    let (dies, lives) = (runtime(), runtime());
    let tokens = minute("tokens", 1_000);
    let hold = dies.block_on(async {
        let (store, _) = replica(settings(&server), Duration::from_secs(2)).await;
        heat(&store, &|| vec![wanted(&tokens, 0, 5)]).await
    });
    dies.shutdown_background();
    // Nobody waits for a runtime that is gone.
    hold.settle(&[5]);
    lives.block_on(async {
        let (store, _) = replica(settings(&server), HOUR).await;
        assert!(standing(&store, &tokens).await.open >= 10);
        let all = || vec![wanted(&tokens, 0, 1_000)];
        assert!(held(&store, all()).await.is_none());
        tokio::time::sleep(Duration::from_millis(2_100)).await;
        assert_eq!(standing(&store, &tokens).await, Standing { limit: 1_000, ..Standing::default() });
        assert!(held(&store, all()).await.is_some());
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_forgets_hangs_and_dies_in_the_middle() {
    let Some(mut server) = Server::start(&[]) else { return };
    let stores = replicas(&Settings { timeout_ms: 50, ..settings(&server) }).await;
    let tokens = minute("tokens", 10_000_000);
    for trouble in ["FLUSHALL", "SCRIPT FLUSH", "STOP", "kill"] {
        let (over, settled) = (AtomicBool::new(false), AtomicU64::new(0));
        let one = async |i: usize| {
            while !over.load(Ordering::Relaxed) {
                if let Ok(Decision::Held(hold, _)) = stores[i % 3].hold(vec![wanted(&tokens, 1, 100)]).await {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    settled.fetch_add(51, Ordering::Relaxed);
                    hold.settle(&[50]);
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let before = if trouble == "STOP" || trouble == "SCRIPT FLUSH" {
            standing(&stores[0], &tokens).await.settled
        } else {
            0
        };
        let work = join_all((0..12).map(one));
        let mut lost = 0;
        let meddle = async {
            tokio::time::sleep(Duration::from_millis(600)).await;
            match trouble {
                "STOP" => {
                    server.signal("STOP");
                    tokio::time::sleep(Duration::from_millis(1_200)).await;
                    server.signal("CONT");
                }
                "kill" => {
                    server.kill();
                    lost = settled.load(Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(1_200)).await;
                    server.again();
                }
                words => {
                    let () = server.ask(&words.split(' ').collect::<Vec<_>>());
                    lost = if words == "FLUSHALL" { settled.load(Ordering::Relaxed) } else { 0 };
                }
            }
            until(async || stores[0].standings(std::slice::from_ref(&tokens)).await.is_ok()).await;
            tokio::time::sleep(Duration::from_millis(600)).await;
            over.store(true, Ordering::Relaxed);
        };
        tokio::join!(work, meddle);
        let all = settled.load(Ordering::Relaxed);
        let open = async || {
            let found = stores[0].standings(std::slice::from_ref(&tokens)).await;
            found.map_or(u64::MAX, |all| all[0].open)
        };
        until(async || open().await == 0).await;
        join_all(stores.iter().map(|store| store.flush())).await;
        let found = standing(&stores[0], &tokens).await.settled - before;
        eprintln!("{trouble}: {all} used, {found} settled; at most {lost} lost");
        // Holds that were given up in time (a timeout) may have spent 1 each; nothing that was used is charged twice.
        assert!(found >= all - lost && found <= all + all / 100, "{trouble}: {found} of {all}, {lost} lost");
        assert_eq!(open().await, 0, "{trouble}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stops_waiting_for_a_lease_holds_nothing() {
    let Some(server) = Server::start(&[]) else { return };
    let (store, _told) = replica(settings(&server), HOUR).await;
    let few = counter("few", Window::Open, 10_000);
    drop(heat(&store, &|| vec![wanted(&few, 0, 1)]).await);
    for wait in 0..300 {
        let hold = store.hold(vec![wanted(&few, 0, 1)]);
        let _gone = tokio::time::timeout(Duration::from_micros(wait % 40 * 10), hold).await;
        if wait % 10 == 0 {
            store.flush().await;
        }
    }
    store.flush().await;
    until(async || standing(&store, &few).await.open == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_leases_every_hold_is_a_round_trip() {
    let Some(server) = Server::start(&[]) else { return };
    let (store, _told) = replica(Settings { leases: false, ..settings(&server) }, HOUR).await;
    let tokens = minute("tokens", 1_000_000);
    for i in 1..200 {
        let hold = held(&store, vec![wanted(&tokens, 0, 1)]).await.expect("it fits");
        assert_eq!(standing(&store, &tokens).await.open, i);
        std::mem::forget(hold);
    }
}
