//! With a real Redis. Without one they say that they are skipped; `CI` or `ATTACHE_REQUIRE_REDIS` makes that a failure.

mod away;
mod equal;
mod leases;
mod limits;
mod measure;
pub mod server;
mod shelves;
mod ways;

use super::*;
use crate::store::{Backend, Decision, Hold, Memory, OnFailure, Store};
use attache_core::limit::{Claim, Period, Window};
use server::Server;

const HOUR: Duration = Duration::from_secs(3600);

fn settings(server: &Server) -> Settings {
    // Many tests share few cores: only what is about timeouts is in a hurry.
    Settings { url: Some(server.url()), timeout_ms: 2_000, ..Settings::default() }
}

/// One replica.
async fn replica(settings: Settings, hold: Duration) -> (Arc<Store>, mpsc::Receiver<Vec<Moved>>) {
    let metrics = Arc::new(Metrics::new().expect("good names"));
    let (moved, told) = mpsc::channel(1024);
    let redis = Redis::start(settings, hold, metrics.clone(), moved.clone()).await.expect("good settings");
    let backend = Backend::Redis(Arc::new(redis), Arc::new(Memory::new(hold, metrics.clone())));
    (Arc::new(Store { backend, metrics, moved, hold }), told)
}

fn counter(key: &str, window: Window, limit: u64) -> Counter {
    Counter { key: key.into(), window, limit }
}

fn minute(key: &str, limit: u64) -> Counter {
    counter(key, Window::Sliding(60_000), limit)
}

fn wanted(counter: &Counter, spent: u64, open: u64) -> Wanted {
    let claim = Claim { counter: counter.clone(), spent, open, soft: false };
    Wanted { claim, on_failure: OnFailure::Closed }
}

fn or(wanted: Wanted, on_failure: OnFailure) -> Wanted {
    Wanted { on_failure, ..wanted }
}

async fn held(store: &Arc<Store>, wanted: Vec<Wanted>) -> Option<Hold> {
    match store.hold(wanted).await.expect("Redis answers") {
        Decision::Held(hold, _) => Some(hold),
        Decision::Denied { .. } => None,
    }
}

async fn standing(store: &Store, counter: &Counter) -> Standing {
    store.standings(std::slice::from_ref(counter)).await.expect("Redis answers")[0]
}

/// Waits until something is so, for at most half a minute (Sentinels look around every ten seconds).
async fn until(mut so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !so().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not come true");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
