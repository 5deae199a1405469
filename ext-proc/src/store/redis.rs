//! The store that replicas share: counters and shelves in Redis.
//!
//! A hold is one round trip to a script that decides all claims at once, by Redis' own clock. Settling is queued, and no
//! exchange waits for it. What is claimed again and again is held in advance and costs no round trip, see [`leases`].
//! While Redis is away, calls fail at once; that is decided by the link, see [`link`].

mod connect;
mod leases;
mod link;
mod script;
mod settings;
mod settling;
#[cfg(test)]
pub(super) mod tests;

pub use connect::Connection;
pub(super) use leases::{Leased, Part};
pub use link::{Failure, Link};
pub use settings::{Problem, Settings};

use super::{Unavailable, Wanted};
use crate::metrics::Metrics;
use attache_core::limit::{Counter, Moved, Standing, Verdict};
use leases::Leases;
use redis::{Cmd, ErrorKind, FromRedisValue, ServerErrorKind, Value};
use script::{Names, Script, Scripts, amount, put_window};
use settling::{Order, QUEUE_MAX, Settling};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Longest time to wait at the start: whoever comes first should find a link.
const START_MAX: Duration = Duration::from_secs(2);
/// Longest time for what no exchange waits for.
const PATIENT: Duration = Duration::from_secs(5);
/// How often shelves are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Counters and shelves in Redis.
#[derive(Debug)]
pub(super) struct Redis {
    core: Arc<Core>,
    orders: mpsc::Sender<Order>,
    /// None: every hold is a round trip. As long as the other one is there, leases are kept.
    leases: Option<(Arc<Leases>, oneshot::Sender<()>)>,
    /// What makes the ids of this process' holds its own.
    process: u64,
    next: AtomicU64,
    /// The versions in which shelves were last seen.
    seen: Mutex<HashMap<String, Option<String>>>,
}

/// What exchanges and the settling task share.
#[derive(Debug)]
struct Core {
    link: Link,
    scripts: Scripts,
    names: Names,
    metrics: Arc<Metrics>,
    hold_ms: u64,
    timeout: Duration,
    retry: Duration,
    /// A refusal is in the log, and nothing has gone well since.
    told: AtomicBool,
    #[cfg(test)]
    test_now_ms: AtomicU64,
}

/// Why a hold has no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missed {
    /// Nothing was sent.
    NotAsked,
    /// Nobody knows whether it is held: its id is to be settled.
    Perhaps,
}

impl From<Missed> for Unavailable {
    fn from(_: Missed) -> Self {
        Self
    }
}

impl Redis {
    /// Starts to connect, and waits a little for it: without Redis this process serves all the same. Belongs on the runtime
    /// that lives as long as the process: its tasks own the connection.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub(super) async fn start(
        settings: Settings,
        hold: Duration,
        metrics: Arc<Metrics>,
        moved: mpsc::Sender<Vec<Moved>>,
    ) -> Result<Self, Problem> {
        settings.check()?;
        let with_leases = settings.leases;
        let core = Arc::new(Core {
            names: Names::new(&settings.prefix),
            timeout: settings.timeout(),
            retry: settings.retry(),
            hold_ms: u64::try_from(hold.as_millis()).unwrap_or(u64::MAX),
            scripts: Scripts::new(),
            metrics,
            told: AtomicBool::new(false),
            #[cfg(test)]
            test_now_ms: AtomicU64::new(0),
            link: Link::start(settings, "limits are decided by on_store_failure until it does"),
        });
        let (orders, inbox) = mpsc::channel(QUEUE_MAX);
        let leases = with_leases.then(|| Leases::start(core.clone(), moved.clone()));
        tokio::spawn(settling::run(core.clone(), inbox, moved));
        core.link.up(START_MAX).await;
        Ok(Self { core, orders, leases, process: rand::random(), next: AtomicU64::new(0), seen: Mutex::default() })
    }

    /// A hold's id, which no other process has.
    pub(super) fn id(&self) -> String {
        format!("{:016x}{:x}", self.process, self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Holds all of these under this id, or none.
    ///
    /// # Errors
    /// When Redis cannot be reached in time.
    pub(super) async fn hold(&self, id: &str, wanted: &[Wanted]) -> Result<Verdict, Missed> {
        if !self.core.link.is_up() {
            self.core.metrics.store.failures.with_label_values(&["hold"]).inc();
            return Err(Missed::NotAsked);
        }
        let counters = wanted.iter().map(|wanted| &wanted.claim.counter);
        let keys = self.core.names.of_hold(id, counters.clone());
        let reply = self.core.eval("hold", &self.core.scripts.hold, &keys, self.core.timeout, |command| {
            command.arg(self.core.time()).arg(id).arg(self.core.hold_ms);
            for Wanted { claim, .. } in wanted {
                put_window(command, claim.counter.window);
                command.arg(amount(claim.counter.limit)).arg(amount(claim.spent)).arg(amount(claim.open));
                command.arg(u8::from(claim.soft));
            }
        });
        let verdict = script::verdict(reply.await?, counters).ok_or(Missed::Perhaps)?;
        if let Some((leases, _)) = &self.leases {
            leases.note(wanted, &verdict);
        }
        Ok(verdict)
    }

    /// Holds all of these as a part of what this replica holds in advance, if it does.
    pub(super) async fn lease(&self, wanted: &[Wanted]) -> Leased {
        match &self.leases {
            Some((leases, _)) => leases.hold(wanted).await,
            None => Leased::No,
        }
    }

    /// Adds to what a hold holds, all or nothing, and renews its life. `wanted` is what it holds so far.
    ///
    /// # Errors
    /// When Redis cannot be reached in time. What was held stays held.
    pub(super) async fn grow(&self, id: &str, wanted: &[Wanted], more: &[u64]) -> Result<Verdict, Unavailable> {
        let counters = wanted.iter().map(|wanted| &wanted.claim.counter);
        let keys = self.core.names.of_hold(id, counters.clone());
        let reply = self.core.eval("grow", &self.core.scripts.grow, &keys, self.core.timeout, |command| {
            command.arg(self.core.time()).arg(id).arg(self.core.hold_ms);
            for (Wanted { claim, .. }, more) in wanted.iter().zip(more.iter().chain(std::iter::repeat(&0))) {
                put_window(command, claim.counter.window);
                command.arg(amount(claim.counter.limit)).arg(amount(claim.open.saturating_add(*more)));
                command.arg(u8::from(claim.soft));
            }
        });
        script::verdict(reply.await?, counters).ok_or(Unavailable)
    }

    /// Settles a hold, soon. Never waits.
    pub(super) fn settle(&self, id: String, wanted: Vec<Wanted>, used: &[u64]) {
        let settling = Settling { id, wanted, used: used.to_vec(), since: Instant::now() };
        if self.orders.try_send(Order::Settle(settling)).is_err() {
            self.core.metrics.store.dropped.inc();
        }
    }

    /// Waits until everything that was settled before is in Redis, but not long for a Redis that is away: whoever asks is
    /// about to end.
    pub(super) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        let flush = async {
            if self.orders.send(Order::Flush(done)).await.is_ok() {
                // An error means that the task has ended with its runtime: then there is nothing to wait for.
                let _flushed = flushed.await;
            }
            if let Some((leases, _)) = &self.leases {
                leases.flush().await;
            }
        };
        if tokio::time::timeout(PATIENT, flush).await.is_err() {
            tracing::error!("Redis is away: what was used last is not settled there");
        }
    }

    pub(super) async fn standings(&self, counters: &[Counter]) -> Result<Vec<Standing>, Unavailable> {
        let keys: Vec<_> = self.core.names.of_counters(counters.iter()).collect();
        let reply = self.core.eval("standings", &self.core.scripts.standings, &keys, PATIENT, |command| {
            command.arg(self.core.time());
            for counter in counters {
                put_window(command, counter.window);
            }
        });
        let numbers = script::numbers(reply.await?).ok_or(Unavailable)?;
        Ok(script::standings(&numbers, counters.iter()))
    }

    pub(super) async fn shelf(&self, shelf: &str) -> Result<Vec<(String, Vec<u8>)>, Unavailable> {
        let [content, version] = self.core.names.of_shelf(shelf);
        // The version first: what changes between the two is then seen as a change.
        let version = self.version(&version).await?;
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(shelf.to_owned(), version);
        let reply = self.core.ask("shelf", redis::cmd("HGETALL").arg(content), PATIENT).await?;
        let mut things = Vec::<(String, Vec<u8>)>::from_redis_value(reply).map_err(|_| Unavailable)?;
        things.sort_unstable();
        Ok(things)
    }

    pub(super) async fn put(&self, shelf: &str, id: &str, value: &[u8]) -> Result<(), Unavailable> {
        let keys = self.core.names.of_shelf(shelf);
        let fill = |command: &mut Cmd| {
            command.arg(id).arg(value);
        };
        self.core.eval("put", &self.core.scripts.shelve, &keys, PATIENT, fill).await?;
        Ok(())
    }

    pub(super) async fn remove(&self, shelf: &str, id: &str) -> Result<bool, Unavailable> {
        let keys = self.core.names.of_shelf(shelf);
        let fill = |command: &mut Cmd| {
            command.arg(id);
        };
        let reply = self.core.eval("remove", &self.core.scripts.shelve, &keys, PATIENT, fill).await?;
        Ok(reply == Value::Int(1))
    }

    /// Waits until a shelf has another version than when it was last read or waited for.
    pub(super) async fn shelf_changed(&self, shelf: &str) {
        let [_, key] = self.core.names.of_shelf(shelf);
        loop {
            if let Ok(version) = self.version(&key).await {
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                let before = seen.insert(shelf.to_owned(), version.clone());
                if before.is_none_or(|before| before != version) {
                    return;
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn version(&self, key: &str) -> Result<Option<String>, Unavailable> {
        let reply = self.core.ask("version", redis::cmd("GET").arg(key), PATIENT).await?;
        Option::<String>::from_redis_value(reply).map_err(|_| Unavailable)
    }
}

impl Core {
    /// Calls a script: by its hash, and with its source where Redis does not know it (any more).
    async fn eval(
        &self,
        op: &str,
        script: &Script,
        keys: &[String],
        timeout: Duration,
        fill: impl Fn(&mut Cmd),
    ) -> Result<Value, Missed> {
        let begun = Instant::now();
        let mut whole = false;
        let result = loop {
            let mut command = script.call(whole, keys);
            fill(&mut command);
            match self.link.ask(&command, timeout.saturating_sub(begun.elapsed())).await {
                Err(Failure::Refused(error))
                    if !whole && error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) =>
                {
                    whole = true;
                }
                result => break result,
            }
        };
        self.note(op, begun, result)
    }

    async fn ask(&self, op: &str, command: &Cmd, timeout: Duration) -> Result<Value, Missed> {
        let begun = Instant::now();
        self.note(op, begun, self.link.ask(command, timeout).await)
    }

    /// How long Redis remembers what it was told, in milliseconds: nobody tries again once this has passed, and the try
    /// before may still be on its way.
    fn mark_ms(&self) -> u64 {
        let ms = self.retry.as_millis() + 2 * settling::TIMEOUT.max(self.timeout).as_millis() + 30_000;
        u64::try_from(ms).unwrap_or(u64::MAX)
    }

    /// The time for a script: none, since Redis' clock decides.
    #[cfg(not(test))]
    fn time(&self) -> &'static str {
        ""
    }

    /// The time for a script: none, or what a test says.
    #[cfg(test)]
    fn time(&self) -> String {
        match self.test_now_ms.load(Ordering::Relaxed) {
            0 => String::new(),
            now_ms => now_ms.to_string(),
        }
    }

    fn note(&self, op: &str, begun: Instant, result: Result<Value, Failure>) -> Result<Value, Missed> {
        self.metrics.store.seconds.with_label_values(&[op]).observe(begun.elapsed().as_secs_f64());
        let failure = match result {
            Ok(value) => {
                if self.told.load(Ordering::Relaxed) {
                    self.told.store(false, Ordering::Relaxed);
                }
                return Ok(value);
            }
            Err(failure) => failure,
        };
        self.metrics.store.failures.with_label_values(&[op]).inc();
        match failure {
            Failure::Down => return Err(Missed::NotAsked),
            Failure::Refused(error) if !self.told.swap(true, Ordering::Relaxed) => {
                tracing::warn!(op, %error, "Redis refused a call");
            }
            Failure::Refused(_) | Failure::Silence => {}
        }
        Err(Missed::Perhaps)
    }
}
