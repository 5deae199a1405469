//! Closed loop: every connection sends the next request when the last response is whole.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time;

use crate::exchange::{Arrival, Connection, ExchangeError, Target};

/// A server that refuses must not turn the loop into a busy one.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(20);
/// Streams of one length that start together stay in step for ever, and events that arrive in the same instant are cheaper
/// than those that do not. Starting one after the other makes every run meet the same mixture.
const BETWEEN_STARTS: Duration = Duration::from_micros(1300);
/// How long exchanges under way may still take when the loop is told to stop.
const LAST_EXCHANGES_TIMEOUT: Duration = Duration::from_secs(10);

/// A running load.
#[derive(Debug)]
pub struct Load {
    workers: JoinSet<()>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: std::sync::atomic::AtomicBool,
    record: Mutex<Record>,
}

#[derive(Debug, Default)]
struct Record {
    measuring: bool,
    arrivals: Vec<Arrival>,
    errors: u64,
    last_error: Option<String>,
}

impl Load {
    /// Starts `concurrency` connections that send until [`Load::finish`]. Nothing is recorded yet.
    pub fn start(target: &Target, concurrency: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let mut workers = JoinSet::new();
        let mut wait = Duration::ZERO;
        for _ in 0..concurrency {
            workers.spawn(send(target.clone(), Arc::clone(&shared), wait));
            wait += BETWEEN_STARTS;
        }
        Self { workers, shared }
    }

    /// Lets the load run for `duration` and reports what was completed (or failed) within it.
    pub async fn measure(&self, duration: Duration) -> Report {
        let began = Instant::now();
        self.shared.with(|record| *record = Record { measuring: true, ..Record::default() });
        time::sleep(duration).await;
        let record = self.shared.with(std::mem::take);
        Report::new(record, began.elapsed())
    }

    /// Lets the exchanges under way end, then closes the connections. False when some had to be cut off.
    pub async fn finish(mut self) -> bool {
        self.shared.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let all_ended = async { while self.workers.join_next().await.is_some() {} };
        time::timeout(LAST_EXCHANGES_TIMEOUT, all_ended).await.is_ok()
    }
}

async fn send(target: Target, shared: Arc<Shared>, wait: Duration) {
    time::sleep(wait).await;
    let mut idle = None;
    while !shared.stop.load(std::sync::atomic::Ordering::Relaxed) {
        match send_one(&target, idle.take()).await {
            Ok((arrival, connection)) => {
                idle = Some(connection);
                shared.with(|record| record.add(arrival));
            }
            Err(error) => {
                shared.with(|record| record.fail(&error));
                time::sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
}

async fn send_one(target: &Target, idle: Option<Connection>) -> Result<(Arrival, Connection), ExchangeError> {
    let mut connection = match idle {
        Some(connection) => connection,
        None => Connection::open(target).await?,
    };
    let arrival = connection.exchange(target, || ()).await?;
    Ok((arrival, connection))
}

impl Shared {
    fn with<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        change(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Record {
    fn add(&mut self, arrival: Arrival) {
        if self.measuring {
            self.arrivals.push(arrival);
        }
    }

    fn fail(&mut self, error: &ExchangeError) {
        if self.measuring {
            self.errors += 1;
            self.last_error = Some(error.to_string());
        }
    }
}

/// What one measured window gave.
#[derive(Clone, Debug)]
pub struct Report {
    /// Whole exchanges within the window.
    pub completed: u64,
    /// Exchanges that failed within the window.
    pub errors: u64,
    /// The last failure, for a person to read.
    pub last_error: Option<String>,
    /// Completed exchanges per second.
    pub per_second: f64,
    /// From the request's first byte to the response's last.
    pub latency: Percentiles,
    /// To the response's first byte.
    pub first_byte: Percentiles,
    /// To the first event with text.
    pub first_token: Percentiles,
}

impl Report {
    fn new(record: Record, window: Duration) -> Self {
        let of = |end: fn(&Arrival) -> Instant| {
            Percentiles::of(record.arrivals.iter().map(|arrival| end(arrival) - arrival.started).collect())
        };
        Self {
            completed: record.arrivals.len() as u64,
            errors: record.errors,
            per_second: record.arrivals.len() as f64 / window.as_secs_f64(),
            latency: of(|arrival| arrival.finished),
            first_byte: of(|arrival| arrival.first_byte),
            first_token: of(|arrival| arrival.first_token),
            last_error: record.last_error,
        }
    }

    /// The report as JSON; times in microseconds.
    pub fn to_json(&self) -> Value {
        json!({
            "completed": self.completed,
            "errors": self.errors,
            "last_error": self.last_error,
            "per_second": self.per_second,
            "latency_us": self.latency.to_json(),
            "first_byte_us": self.first_byte.to_json(),
            "first_token_us": self.first_token.to_json(),
        })
    }
}

/// The middle and the slow end of a distribution; zero when there was nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Percentiles {
    /// Half of them were at most this.
    pub p50: Duration,
    /// 99 of 100 were at most this.
    pub p99: Duration,
}

impl Percentiles {
    fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        let at = |percent: usize| {
            let index = (durations.len() * percent).div_ceil(100).saturating_sub(1);
            durations.get(index).copied().unwrap_or_default()
        };
        Self { p50: at(50), p99: at(99) }
    }

    fn to_json(self) -> Value {
        json!({ "p50": self.p50.as_secs_f64() * 1e6, "p99": self.p99.as_secs_f64() * 1e6 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let percentiles = Percentiles::of((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!(percentiles.p50, Duration::from_millis(100));
        assert_eq!(percentiles.p99, Duration::from_millis(198));
        assert_eq!(Percentiles::of(Vec::new()).p99, Duration::ZERO);
    }
}
