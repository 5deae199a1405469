use super::*;
use crate::config::written::store::Memory as InMemory;
use attache_core::limit::{Period, Window};
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

const HOUR_MS: u64 = 60 * 60 * 1000;

fn counter(key: &str, window: Window, limit: u64) -> Counter {
    Counter { key: key.into(), window, limit }
}

fn wanted(counter: &Counter, spent: u64, open: u64) -> Wanted {
    Wanted { claim: Claim { counter: counter.clone(), spent, open, soft: false }, on_failure: OnFailure::Closed }
}

async fn open_with(written: &written::Store) -> Result<(Arc<Store>, Arc<Metrics>, Receiver<Vec<Moved>>), Failed> {
    let (metrics, (moved, notices)) = (Arc::new(Metrics::new().unwrap()), mpsc::channel(4));
    Ok((Store::open(written, metrics.clone(), moved).await?, metrics, notices))
}

fn in_file(path: &Path) -> written::Store {
    let memory = InMemory { file: Some(path.to_str().unwrap().to_owned()) };
    written::Store { memory: Some(memory), ..written::Store::default() }
}

async fn hold(store: &Arc<Store>, wanted: Vec<Wanted>) -> Option<Hold> {
    match store.hold(wanted).await.unwrap() {
        Decision::Held(hold, _) => Some(hold),
        Decision::Denied { .. } => None,
    }
}

async fn standing(store: &Store, counter: &Counter) -> (u64, u64) {
    let standings = store.standings(std::slice::from_ref(counter)).await.unwrap();
    (standings[0].settled, standings[0].open)
}

#[tokio::test]
async fn a_hold_is_settled_once_and_given_back_when_dropped() {
    let (store, ..) = open_with(&written::Store::default()).await.unwrap();
    let tokens = counter("tokens", Window::Sliding(60_000), 100);
    let first = hold(&store, vec![wanted(&tokens, 0, 100)]).await.unwrap();
    assert!(hold(&store, vec![wanted(&tokens, 0, 1)]).await.is_none());
    drop(first);
    assert_eq!(standing(&store, &tokens).await, (0, 0));
    hold(&store, vec![wanted(&tokens, 0, 100)]).await.unwrap().settle(&[70]);
    assert_eq!(standing(&store, &tokens).await, (70, 0), "settled, and not given back once more");
}

#[tokio::test]
async fn a_hold_grows() {
    let (store, ..) = open_with(&written::Store::default()).await.unwrap();
    let tokens = counter("tokens", Window::Sliding(60_000), 100);
    let mut held = hold(&store, vec![wanted(&tokens, 0, 60)]).await.unwrap();
    assert!(matches!(held.grow(&[41]).await, Ok(Verdict::Denied { claim: 0, .. })));
    assert!(matches!(held.grow(&[40]).await, Ok(Verdict::Held(_))));
    assert_eq!(held.wanted()[0].claim.open, 100);
    assert_eq!(standing(&store, &tokens).await, (0, 100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_never_hold_more_than_the_limit() {
    let (store, ..) = open_with(&written::Store::default()).await.unwrap();
    let (tokens, at_once) = (counter("tokens", Window::Sliding(HOUR_MS), 1000), counter("at once", Window::Open, 5));
    let (mut clients, most) = (Vec::new(), Arc::new(std::sync::atomic::AtomicUsize::new(0)));
    for _ in 0..100 {
        let (store, tokens, at_once, most) = (store.clone(), tokens.clone(), at_once.clone(), most.clone());
        clients.push(tokio::spawn(async move {
            let mut used = 0;
            for _ in 0..20 {
                let Some(held) = hold(&store, vec![wanted(&tokens, 0, 15), wanted(&at_once, 0, 1)]).await else {
                    continue;
                };
                let (settled, open) = standing(&store, &tokens).await;
                assert!(settled + open <= 1000);
                most.fetch_max(standing(&store, &at_once).await.1 as usize, std::sync::atomic::Ordering::Relaxed);
                tokio::task::yield_now().await;
                held.settle(&[10]);
                used += 10;
            }
            used
        }));
    }
    let mut used = 0;
    for client in clients {
        used += client.await.unwrap();
    }
    assert_eq!(standing(&store, &tokens).await, (used, 0));
    assert!((800..=1000).contains(&used), "{used}");
    assert!(most.load(std::sync::atomic::Ordering::Relaxed) <= 5);
}

#[tokio::test]
async fn long_counters_that_move_are_told() {
    let (store, metrics, mut notices) = open_with(&written::Store::default()).await.unwrap();
    let (month, minute) =
        (counter("month", Window::Calendar(Period::Month), 100), counter("m", Window::Sliding(60_000), 9));
    let wide = counter("wide", Window::Calendar(Period::Month), 1000);
    let all = vec![wanted(&month, 3, 10), wanted(&minute, 1, 1), wanted(&wide, 1, 8)];
    // Nine of a thousand are less than a percent: no threshold can lie there.
    hold(&store, all).await.unwrap().settle(&[7, 1, 8]);
    let moved = |before, after| vec![Moved { counter: month.clone(), before, after }];
    assert_eq!(notices.try_recv(), Ok(moved(0, 3)), "a request is a request");
    assert_eq!(notices.try_recv(), Ok(moved(3, 10)));
    assert!(notices.try_recv().is_err());
    for _ in 0..6 {
        hold(&store, vec![wanted(&month, 0, 1)]).await.unwrap().settle(&[1]);
    }
    assert_eq!(metrics.store.dropped.get(), 2, "nobody waits for whoever takes them");
    drop(notices);
    hold(&store, vec![wanted(&month, 0, 1)]).await.unwrap().settle(&[1]);
    assert!(String::from_utf8(metrics.text()).unwrap().contains("attache_store_seconds_count{op=\"settle\"} 8"));
}

#[tokio::test]
async fn what_is_long_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let written = in_file(&folder.path().join("state.redb"));
    let (month, minute) =
        (counter("month", Window::Calendar(Period::Year), 100), counter("m", Window::Sliding(60_000), 9));
    let (store, ..) = open_with(&written).await.unwrap();
    let pinned = hold(&store, vec![wanted(&month, 1, 60)]).await.unwrap();
    hold(&store, vec![wanted(&month, 1, 10), wanted(&minute, 0, 5)]).await.unwrap().settle(&[8, 5]);
    store.put("keys", "a", b"{}").await.unwrap();
    store.flush().await;
    // As when a process is killed: what is held open is in nobody's hands any more.
    std::fs::copy(folder.path().join("state.redb"), folder.path().join("copy.redb")).unwrap();
    let (next, ..) = open_with(&in_file(&folder.path().join("copy.redb"))).await.unwrap();
    assert_eq!(standing(&next, &month).await, (10, 0));
    assert_eq!(standing(&next, &minute).await, (0, 0));
    assert_eq!(next.shelf("keys").await.unwrap(), [("a".to_owned(), b"{}".to_vec())]);
    // A second process finds the door closed, and the first may still write while it ends.
    let refused = open_with(&written).await.map(drop).unwrap_err().to_string();
    assert!(
        refused.starts_with("store.memory.file: ") && refused.contains("another process has this file open"),
        "{refused}"
    );
    pinned.settle(&[20]);
    drop(store);
    let (next, ..) = open_with(&written).await.unwrap();
    assert_eq!(standing(&next, &month).await, (30, 0));
}

#[tokio::test]
async fn the_file_follows_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let (store, ..) = open_with(&in_file(&path)).await.unwrap();
    let month = counter("month", Window::Calendar(Period::Year), 100);
    hold(&store, vec![wanted(&month, 0, 10)]).await.unwrap().settle(&[8]);
    let copy = folder.path().join("copy.redb");
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        std::fs::copy(&path, &copy).unwrap();
        // A copy that was made in the middle of a write may be half of the old and half of the new.
        if let Ok((copied, ..)) = open_with(&in_file(&copy)).await
            && standing(&copied, &month).await == (8, 0)
        {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "it did not get there");
    }
}

#[tokio::test]
async fn shelves_tell_of_changes() {
    let folder = tempfile::tempdir().unwrap();
    for written in [written::Store::default(), in_file(&folder.path().join("state.redb"))] {
        let (store, ..) = open_with(&written).await.unwrap();
        for (shelf, id) in [("keys", "b"), ("keys", "a"), ("others", "c")] {
            store.put(shelf, id, id.as_bytes()).await.unwrap();
        }
        let shelf = store.shelf("keys").await.unwrap();
        assert_eq!(shelf, [("a".to_owned(), b"a".to_vec()), ("b".to_owned(), b"b".to_vec())]);
        let soon = Duration::from_millis(50);
        tokio::time::timeout(soon, store.shelf_changed("keys")).await.expect("it changed before anybody waited");
        tokio::time::timeout(soon, store.shelf_changed("keys")).await.expect_err("nothing changed since");
        assert!(store.remove("keys", "a").await.unwrap());
        assert!(!store.remove("keys", "a").await.unwrap());
        tokio::time::timeout(soon, store.shelf_changed("keys")).await.expect("something was removed");
        assert_eq!(store.shelf("keys").await.unwrap().len(), 1);
    }
}
