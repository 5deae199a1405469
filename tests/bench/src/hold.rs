//! Many slow streams at once: what does one that is open cost?

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{self, Instant};

use crate::exchange::{Connection, ExchangeError, Target};

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Streams that are being opened or are open.
#[derive(Debug)]
pub struct Hold {
    streams: JoinSet<Result<(), ExchangeError>>,
    begun: Arc<AtomicUsize>,
    wanted: usize,
}

impl Hold {
    /// Opens `streams` connections with one request each, `per_second` of them in every second.
    pub fn start(target: &Target, streams: usize, per_second: u32) -> Self {
        let begun = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let gap = Duration::from_secs(1) / per_second.max(1);
        let now = Instant::now();
        let mut wait = Duration::ZERO;
        for _ in 0..streams {
            tasks.spawn(open_one(target.clone(), now + wait, Arc::clone(&begun)));
            wait += gap;
        }
        Self { streams: tasks, begun, wanted: streams }
    }

    /// Waits until every stream has had its first byte; gives up after `timeout`. Returns how many have.
    pub async fn all_open(&self, timeout: Duration) -> usize {
        let deadline = Instant::now() + timeout;
        while self.begun.load(Ordering::Relaxed) < self.wanted && Instant::now() < deadline {
            time::sleep(POLL_INTERVAL).await;
        }
        self.begun.load(Ordering::Relaxed)
    }

    /// Waits until every stream has ended, at most `timeout`; what has not ended by then is an error.
    pub async fn finish(mut self, timeout: Duration) -> HoldReport {
        let mut report = HoldReport { wanted: self.wanted, ..HoldReport::default() };
        let deadline = Instant::now() + timeout;
        while let Ok(Some(ended)) = time::timeout_at(deadline, self.streams.join_next()).await {
            match ended {
                Ok(Ok(())) => report.completed += 1,
                Ok(Err(error)) => report.last_error = Some(error.to_string()),
                Err(error) => report.last_error = Some(error.to_string()),
            }
        }
        report.errors = report.wanted - report.completed;
        report
    }
}

async fn open_one(target: Target, when: Instant, begun: Arc<AtomicUsize>) -> Result<(), ExchangeError> {
    time::sleep_until(when).await;
    let mut connection = Connection::open(&target).await?;
    connection
        .exchange(&target, || {
            begun.fetch_add(1, Ordering::Relaxed);
        })
        .await?;
    Ok(())
}

/// What became of the streams.
#[derive(Clone, Debug, Default)]
pub struct HoldReport {
    /// How many were to be opened.
    pub wanted: usize,
    /// How many ended whole.
    pub completed: usize,
    /// How many did not.
    pub errors: usize,
    /// The last failure, for a person to read.
    pub last_error: Option<String>,
}
