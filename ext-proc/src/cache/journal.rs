//! What replicas tell each other: a stream in Redis to which every one appends, and which every one follows.
//!
//! Vectors go to every replica's own index, and so do purges. Nothing here is needed for an answer to be right: a vector
//! leads to an entry that lies in Redis by itself, until it expires, and where there is none it is a miss. What must hold is
//! that nobody serves what was purged. So entries of Redis are believed only while this replica has [heard](Journal::hears)
//! of all purges a moment ago; otherwise the cache is as good as away.
//!
//! [`follow`] reads the stream on a connection of its own, [`record`] is what stands in it. It is bounded in length: Redis
//! cuts off the oldest. When Redis was emptied, everything that was read before is forgotten.

mod follow;
mod record;

pub use record::{Added, Record};

use super::purge::{Epoch, Filter, PURGES_MAX, Purges, Tags};
use super::wire::{Away, Wire, epoch};
use crate::store::{RedisProblem, RedisSettings};
use arc_swap::ArcSwap;
use attache_core::cache_key::Key;
use follow::Follower;
use redis::{Cmd, Value};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Records that wait to be written. Beyond it they are dropped and counted: a vector is not worth waiting for.
const WAITING_MAX: usize = 1024;
/// Longest time for what no exchange waits for.
const PATIENT: Duration = Duration::from_secs(2);
/// For so long entries are believed after all purges were known.
const HEARD_MAX: Duration = Duration::from_secs(3);
/// What the fields of purges begin with, in the state.
const PURGE_FIELD: &str = "purge ";

/// What happened elsewhere, or here: a replica hears itself, too.
#[derive(Debug)]
pub enum Change {
    /// A vector can be found.
    Add(Box<Added>),
    /// A vector leads nowhere any more.
    Remove(attache_semantic::index::Id),
    /// What this names is to be forgotten.
    Purge(Filter),
    /// Redis was emptied: everything is to be forgotten. What it holds now follows.
    Forget,
}

/// Takes what happened, in its order, a few hundred changes at a time. Must not wait.
pub type Apply = Arc<dyn Fn(Vec<Change>) + Send + Sync>;

/// Why nothing was purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPurged {
    /// Redis cannot be told.
    #[error("the cache's Redis does not answer: nobody else has heard of it; try again")]
    Away,
    /// Too many purges of different things are remembered.
    #[error("more than {PURGES_MAX} different purges are remembered; purge more at once, or everything")]
    TooMany,
}

/// How a replica stands to the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// It is followed, and all purges are known.
    pub hears: bool,
    /// For how long not everything has been read, in milliseconds. None: never yet.
    pub behind_ms: Option<u64>,
    /// Records that were read.
    pub read: u64,
    /// Records that nobody understood.
    pub unread: u64,
    /// Purges that are remembered.
    pub purges: usize,
}

/// The journal, as one replica writes and follows it.
pub struct Journal {
    known: Arc<Known>,
    wire: Arc<Wire>,
    records: mpsc::Sender<Record>,
    length_max: u64,
    apply: Apply,
    tasks: [AbortHandle; 2],
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("standing", &self.standing()).finish_non_exhaustive()
    }
}

impl Journal {
    /// Starts to follow the journal, on this runtime, which outlives every call. It is kept at about `length_max` records.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn start(
        settings: RedisSettings,
        wire: Arc<Wire>,
        length_max: u64,
        apply: Apply,
    ) -> Result<Arc<Self>, RedisProblem> {
        settings.check()?;
        let known = Arc::new(Known::default());
        let (records, inbox) = mpsc::channel(WAITING_MAX);
        let follower = Follower::new(settings, wire.clone(), known.clone(), apply.clone());
        let tasks = [
            tokio::spawn(follower.run()).abort_handle(),
            tokio::spawn(write(wire.clone(), inbox, length_max)).abort_handle(),
        ];
        Ok(Arc::new(Self { known, wire, records, length_max, apply, tasks }))
    }

    /// Tells everybody of a vector, or that one leads nowhere, soon. Never waits.
    pub fn append(&self, record: Record) {
        if self.records.try_send(record).is_err() {
            self.wire.metrics.cache.store_errors.with_label_values(&["append"]).inc();
        }
    }

    /// The number of the last purge that is known.
    pub fn epoch(&self) -> Epoch {
        self.known.purges.load().latest()
    }

    /// Whether all purges were known a moment ago.
    pub fn hears(&self) -> bool {
        self.known.heard_ago().is_some_and(|ago| ago <= HEARD_MAX)
    }

    /// Whether an entry was purged.
    pub fn is_purged(&self, key: &Key, tags: &Tags, epoch: Epoch) -> bool {
        self.known.purges.load().cover(key, tags, epoch)
    }

    /// Has everybody forget what this names. This replica has when it returns.
    ///
    /// # Errors
    /// Why the others cannot be told. This replica has forgotten it all the same.
    pub async fn purge(&self, filter: &Filter) -> Result<(), NotPurged> {
        (self.apply)(vec![Change::Purge(filter.clone())]);
        let record = Record::Purge(filter.clone()).write();
        let mut command = redis::cmd("EVAL");
        command.arg(include_str!("journal/purge.lua")).arg(2).arg(self.wire.journal()).arg(self.wire.state());
        command.arg(self.length_max).arg(record).arg(format!("{PURGE_FIELD}{}", filter.same()));
        // An earlier purge of the same may reach further back.
        let purges = self.known.purges.load_full();
        let whole = purges.with_earlier(filter.clone());
        command.arg(whole.write()).arg(u8::from(filter.is_everything())).arg(PURGES_MAX).arg(PURGE_FIELD);
        let reply = self.wire.ask("purge", &command, PATIENT).await.map_err(|Away| NotPurged::Away)?;
        let id = text(&reply).and_then(epoch).ok_or(NotPurged::TooMany)?;
        self.known.learn(id, whole);
        Ok(())
    }

    /// How this replica stands.
    pub fn standing(&self) -> Standing {
        let known = &self.known;
        Standing {
            hears: self.hears(),
            behind_ms: known.all_read_ago().map(|ago| u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)),
            read: known.read.load(Ordering::Relaxed),
            unread: known.unread.load(Ordering::Relaxed),
            purges: known.purges.load().len(),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// What is known of the journal.
#[derive(Debug)]
struct Known {
    purges: ArcSwap<Purges>,
    begun: Instant,
    /// When all purges were known last, and when everything was read last: milliseconds since it began, zero for never.
    heard_ms: AtomicU64,
    all_read_ms: AtomicU64,
    read: AtomicU64,
    unread: AtomicU64,
}

impl Default for Known {
    fn default() -> Self {
        let zero = AtomicU64::default;
        let begun = Instant::now();
        let purges = ArcSwap::default();
        Self { purges, begun, heard_ms: zero(), all_read_ms: zero(), read: zero(), unread: zero() }
    }
}

impl Known {
    /// Learns of a purge; says whether it was news.
    fn learn(&self, epoch: Epoch, filter: Filter) -> bool {
        if self.purges.load().knows(epoch, &filter) {
            return false;
        }
        let mut news = false;
        self.purges.rcu(|purges| {
            let mut purges = Purges::clone(purges);
            news = purges.add(epoch, filter.clone());
            purges
        });
        news
    }

    /// All purges were known when something was asked that has been answered now.
    fn hear(&self, asked: Instant) {
        self.heard_ms.store(self.since_begun(asked), Ordering::Relaxed);
    }

    fn read_all(&self, asked: Instant) {
        self.all_read_ms.store(self.since_begun(asked), Ordering::Relaxed);
    }

    fn heard_ago(&self) -> Option<Duration> {
        self.ago(&self.heard_ms)
    }

    fn all_read_ago(&self) -> Option<Duration> {
        self.ago(&self.all_read_ms)
    }

    fn since_begun(&self, time: Instant) -> u64 {
        u64::try_from(time.duration_since(self.begun).as_millis()).unwrap_or(u64::MAX).max(1)
    }

    fn ago(&self, ms: &AtomicU64) -> Option<Duration> {
        let then = ms.load(Ordering::Relaxed);
        (then != 0).then(|| self.begun.elapsed().saturating_sub(Duration::from_millis(then)))
    }
}

/// Writes records down as they come.
async fn write(wire: Arc<Wire>, mut inbox: mpsc::Receiver<Record>, length_max: u64) {
    while let Some(record) = inbox.recv().await {
        let mut command: Cmd = redis::cmd("XADD");
        command.arg(wire.journal()).arg("MAXLEN").arg("~").arg(length_max).arg("*").arg("r").arg(record.write());
        // What cannot be written is counted, and missed by the others.
        let _written = wire.ask("append", &command, PATIENT).await;
    }
}

/// A text in a reply.
fn text(value: &Value) -> Option<&str> {
    if let Value::BulkString(bytes) = value {
        return std::str::from_utf8(bytes).ok();
    }
    if let Value::SimpleString(text) = value { Some(text) } else { None }
}
