//! The link to Redis: a connection while there is one, and a task that makes the next.
//!
//! It is the circuit breaker as well: when a connection breaks, or several calls in a row hear nothing, it is taken away, and
//! calls fail at once, without waiting, until the task has found a Redis that answers.

use super::connect::Connection;
use super::settings::Settings;
use arc_swap::ArcSwapOption;
use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Calls in a row without an answer, after which nobody waits any more.
const SILENT_MAX: u32 = 3;
/// Between two attempts to find Redis.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// A link to Redis, for calls from any runtime.
#[derive(Debug)]
pub struct Link {
    line: Arc<Line>,
    keeper: AbortHandle,
}

struct Line {
    connection: ArcSwapOption<Connection>,
    /// Calls in a row without an answer.
    silent: AtomicU32,
    lost: Notify,
    made: Notify,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("up", &self.connection.load().is_some()).finish_non_exhaustive()
    }
}

/// Why a call has no answer.
#[derive(Debug)]
pub enum Failure {
    /// There is no connection: nothing was sent.
    Down,
    /// Nobody knows whether it was done.
    Silence,
    /// Redis refused it; it is not done.
    Refused(RedisError),
}

impl Link {
    /// Starts to connect, on this runtime, which outlives every call. `meanwhile` is what an operator reads while there is no
    /// connection.
    pub fn start(settings: Settings, meanwhile: &'static str) -> Self {
        let line = Arc::new(Line {
            connection: ArcSwapOption::empty(),
            silent: AtomicU32::new(0),
            lost: Notify::new(),
            made: Notify::new(),
        });
        let keeper = tokio::spawn(keep(line.clone(), settings, meanwhile)).abort_handle();
        Self { line, keeper }
    }

    /// Waits until there is a connection, but no longer than this; whether there is one.
    pub async fn up(&self, longest: Duration) -> bool {
        let made = self.line.made.notified();
        if !self.is_up() {
            let _known = tokio::time::timeout(longest, made).await;
        }
        self.is_up()
    }

    /// Whether there is a connection.
    pub fn is_up(&self) -> bool {
        self.line.connection.load().is_some()
    }

    /// Asks Redis something.
    ///
    /// # Errors
    /// Why there is no answer; without a connection at once.
    pub async fn ask(&self, command: &Cmd, timeout: Duration) -> Result<Value, Failure> {
        let Some(connection) = self.line.connection.load_full() else { return Err(Failure::Down) };
        let mut handle = (*connection).clone();
        match tokio::time::timeout(timeout, handle.run(command)).await {
            Ok(Ok(Value::ServerError(error))) => self.refused(&connection, error.into()),
            Ok(Ok(value)) => {
                if self.line.silent.load(Ordering::Relaxed) != 0 {
                    self.line.silent.store(0, Ordering::Relaxed);
                }
                Ok(value)
            }
            Ok(Err(error)) => self.refused(&connection, error),
            Err(_elapsed) => {
                if self.line.silent.fetch_add(1, Ordering::Relaxed) + 1 >= SILENT_MAX {
                    self.lose(&connection);
                }
                Err(Failure::Silence)
            }
        }
    }

    fn refused(&self, connection: &Arc<Connection>, error: RedisError) -> Result<Value, Failure> {
        match fault(&error) {
            Fault::Call => Err(Failure::Refused(error)),
            Fault::Server => {
                self.lose(connection);
                Err(Failure::Refused(error))
            }
            Fault::Connection => {
                self.lose(connection);
                Err(Failure::Silence)
            }
        }
    }

    /// Takes this connection away, if it is still the one.
    fn lose(&self, connection: &Arc<Connection>) {
        let before = self.line.connection.compare_and_swap(connection, None);
        if before.as_ref().is_some_and(|before| Arc::ptr_eq(before, connection)) {
            self.line.lost.notify_one();
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Whose fault an error is.
enum Fault {
    /// This call's; the next may well succeed.
    Call,
    /// The server's: a replica, or one that is not ready. Another may have taken its place.
    Server,
    /// The connection's.
    Connection,
}

fn fault(error: &RedisError) -> Fault {
    let kind = error.kind();
    let server = [
        ErrorKind::Server(ServerErrorKind::ReadOnly),
        ErrorKind::Server(ServerErrorKind::MasterDown),
        ErrorKind::Server(ServerErrorKind::ClusterDown),
        ErrorKind::Server(ServerErrorKind::BusyLoading),
        ErrorKind::AuthenticationFailed,
    ];
    if server.contains(&kind) {
        Fault::Server
    } else if matches!(kind, ErrorKind::Server(_) | ErrorKind::Extension) {
        Fault::Call
    } else {
        Fault::Connection
    }
}

async fn keep(line: Arc<Line>, settings: Settings, meanwhile: &str) {
    let mut told = false;
    loop {
        let since = Instant::now();
        match Connection::open(&settings).await {
            Ok(connection) => {
                line.silent.store(0, Ordering::Relaxed);
                line.connection.store(Some(Arc::new(connection)));
                line.made.notify_waiters();
                tracing::info!("Redis answers");
                line.lost.notified().await;
                told = false;
                tracing::warn!("Redis does not answer: {meanwhile}");
            }
            Err(error) if !told => {
                told = true;
                tracing::warn!(%error, "Redis cannot be reached; trying every second");
            }
            Err(_) => {}
        }
        tokio::time::sleep_until(since + PROBE_EVERY).await;
    }
}
