//! Settling, off the exchanges' path: a bounded queue, and a task that sends what is in it, many at once, and tries again
//! while Redis is away.
//!
//! Trying again is safe: a hold is settled once, whoever asks how often.

use super::Core;
use super::script::{amount, numbers, put_window};
use crate::store::Wanted;
use attache_core::limit::Moved;
use futures_util::future::join_all;
use redis::Value;
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Holds that wait to be settled. What comes beyond it is dropped and counted.
pub(super) const QUEUE_MAX: usize = 65_536;
/// Settled at once.
const TOGETHER_MAX: usize = 128;
/// Longest time to wait for Redis: nobody waits for us.
pub(super) const TIMEOUT: Duration = Duration::from_secs(1);
/// Between two tries: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// What the task is asked.
#[derive(Debug)]
pub(super) enum Order {
    /// To settle a hold.
    Settle(Settling),
    /// To say when everything that was ordered before is done or dropped.
    Flush(oneshot::Sender<()>),
}

/// A hold that is to be settled.
#[derive(Debug)]
pub(super) struct Settling {
    pub(super) id: String,
    pub(super) wanted: Vec<Wanted>,
    pub(super) used: Vec<u64>,
    pub(super) since: Instant,
}

impl Settling {
    /// What was really used of each claim's counter.
    fn used(&self) -> impl Iterator<Item = (&Wanted, u64)> {
        self.wanted.iter().zip(self.used.iter().copied().chain(std::iter::repeat(0)))
    }
}

/// Settles until nobody is left who could order it.
pub(super) async fn run(core: std::sync::Arc<Core>, mut orders: Receiver<Order>, moved: mpsc::Sender<Vec<Moved>>) {
    let mut together = Vec::with_capacity(TOGETHER_MAX);
    while orders.recv_many(&mut together, TOGETHER_MAX).await > 0 {
        let mut flushed = Vec::new();
        let mut settlings = Vec::with_capacity(together.len());
        for order in together.drain(..) {
            match order {
                Order::Settle(settling) => settlings.push(settling),
                Order::Flush(done) => flushed.push(done),
            }
        }
        settle_all(&core, settlings, &moved).await;
        for done in flushed {
            // Whoever asked may have stopped waiting.
            let _heard = done.send(());
        }
    }
}

/// Settles these, however long it takes, but none for longer than is configured.
async fn settle_all(core: &Core, mut left: Vec<Settling>, moved: &mpsc::Sender<Vec<Moved>>) {
    let mut pause = PAUSE.0;
    let mut told = false;
    loop {
        left = settle_together(core, left, moved).await;
        let before = left.len();
        left.retain(|settling| settling.since.elapsed() < core.retry);
        let dropped = before - left.len();
        if dropped > 0 {
            core.metrics.store.dropped.inc_by(u64::try_from(dropped).unwrap_or(u64::MAX));
            if !told {
                told = true;
                tracing::error!(dropped, "what was used could not be settled in Redis for too long and is dropped");
            }
        }
        if left.is_empty() {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// Settles these at once; returns those of which nobody knows whether they are settled.
async fn settle_together(core: &Core, all: Vec<Settling>, moved: &mpsc::Sender<Vec<Moved>>) -> Vec<Settling> {
    let mut left = Vec::new();
    let results = join_all(all.iter().map(|settling| settle(core, settling))).await;
    for (settling, result) in all.into_iter().zip(results) {
        match result {
            Some(mut counters) => {
                counters.retain(Moved::passes_a_percent);
                if !counters.is_empty() && moved.try_send(counters).is_err() {
                    core.metrics.store.dropped.inc();
                }
            }
            None => left.push(settling),
        }
    }
    left
}

/// None: not known to be settled. Otherwise the counters with a long window that moved.
pub(super) async fn settle(core: &Core, settling: &Settling) -> Option<Vec<Moved>> {
    let counters = settling.wanted.iter().map(|wanted| &wanted.claim.counter);
    let keys = core.names.of_hold(&settling.id, counters);
    let reply = core.eval("settle", &core.scripts.settle, &keys, TIMEOUT, |command| {
        command.arg(core.time()).arg(&settling.id).arg(core.mark_ms());
        for (wanted, used) in settling.used() {
            put_window(command, wanted.claim.counter.window);
            command.arg(amount(used));
        }
    });
    Some(moved_by(settling, reply.await.ok()?))
}

fn moved_by(settling: &Settling, reply: Value) -> Vec<Moved> {
    let numbers = numbers(reply).unwrap_or_default();
    let (pairs, _) = numbers.as_chunks();
    let long = |((wanted, used), &[before, after]): ((&Wanted, u64), &[u64; 2])| {
        let counter = &wanted.claim.counter;
        (counter.window.is_long() && used > 0).then(|| Moved { counter: counter.clone(), before, after })
    };
    settling.used().zip(pairs).filter_map(long).collect()
}
