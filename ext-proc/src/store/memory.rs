//! The store of one process: a ledger behind a lock, and shelves; with a file beside it that outlives the process.
//!
//! A thread of its own writes to the file what changed in the ledger, a few times a second, so that no exchange waits for
//! a disk. Shelves are on disk before a call returns.

use super::file::{Failure, File};
use super::{Unavailable, Wanted};
use crate::metrics::Metrics;
use attache_core::limit::{Counter, Ledger, Moved, Saved, Standing, Verdict};
use prometheus::Histogram;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;

/// How often the file follows the memory.
const WRITE_EVERY: Duration = Duration::from_millis(200);
/// How many counters are taken from the ledger while nobody else can use it.
const TAKEN_AT_ONCE: usize = 256;
/// How many empty counters are looked for in a ledger between two writes, and are forgotten.
const SWEPT_AT_ONCE: usize = 256;
/// Longest time that the end of the process waits for the file.
const FLUSH_TIME: Duration = Duration::from_secs(5);

/// Counters and shelves of this process alone.
#[derive(Debug)]
pub(super) struct Memory {
    ledger: Arc<Mutex<Ledger>>,
    next_id: AtomicU64,
    shelves: Shelves,
    changed: Mutex<HashMap<String, Arc<Notify>>>,
    /// Asks the writer to write now, and to say when it has; and its thread.
    writer: Option<(SyncSender<SyncSender<()>>, JoinHandle<()>)>,
    metrics: Arc<Metrics>,
    timers: Timers,
}

/// How long each operation of an exchange took, found once: to look a label up costs as much as the operation.
#[derive(Debug)]
struct Timers {
    hold: Histogram,
    grow: Histogram,
    settle: Histogram,
}

impl Timers {
    fn new(metrics: &Metrics) -> Self {
        let of = |op| metrics.store.seconds.with_label_values(&[op]);
        Self { hold: of("hold"), grow: of("grow"), settle: of("settle") }
    }
}

#[derive(Debug)]
enum Shelves {
    Memory(Mutex<BTreeMap<(String, String), Vec<u8>>>),
    File(Arc<File>),
}

impl Memory {
    /// Nothing outlives it.
    pub(super) fn new(hold: Duration, metrics: Arc<Metrics>) -> Self {
        Self {
            ledger: Arc::new(Mutex::new(Ledger::new(hold_ms(hold)))),
            next_id: AtomicU64::new(0),
            shelves: Shelves::Memory(Mutex::default()),
            changed: Mutex::default(),
            writer: None,
            timers: Timers::new(&metrics),
            metrics,
        }
    }

    /// Goes on where the file ends.
    pub(super) fn open(path: &Path, hold: Duration, metrics: Arc<Metrics>) -> Result<Self, Failure> {
        let file = Arc::new(File::open(path)?);
        let mut ledger = Ledger::new(hold_ms(hold)).journalled();
        let saved = file.counters()?;
        saved.iter().for_each(|saved| ledger.restore(now_ms(), saved));
        tracing::info!(file = %path.display(), counters = saved.len(), "the store goes on where its file ends");
        let ledger = Arc::new(Mutex::new(ledger));
        let (sender, asked) = sync_channel(1);
        let writer =
            Writer { file: file.clone(), ledger: ledger.clone(), metrics: metrics.clone(), waiting: Vec::new() };
        let thread = std::thread::Builder::new().name("store-file".into()).spawn(move || writer.run(&asked))?;
        let mut memory = Self::new(hold, metrics);
        (memory.ledger, memory.shelves, memory.writer) = (ledger, Shelves::File(file), Some((sender, thread)));
        Ok(memory)
    }

    /// The hold's id, and what came of it.
    pub(super) fn hold(&self, wanted: &[Wanted]) -> (u64, Verdict) {
        let _timed = self.timers.hold.start_timer();
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let claims = wanted.iter().map(|wanted| &wanted.claim);
        (id, locked(&self.ledger).hold(now_ms(), id, claims))
    }

    /// None: the hold was forgotten.
    pub(super) fn grow(&self, id: u64, more: &[u64]) -> Option<Verdict> {
        let _timed = self.timers.grow.start_timer();
        locked(&self.ledger).grow(now_ms(), id, more)
    }

    pub(super) fn settle(&self, id: u64, used: &[u64]) -> Vec<Moved> {
        let _timed = self.timers.settle.start_timer();
        locked(&self.ledger).settle(now_ms(), id, used)
    }

    pub(super) fn standings(&self, counters: &[Counter]) -> Vec<Standing> {
        locked(&self.ledger).standings(now_ms(), counters)
    }

    pub(super) async fn shelf(&self, shelf: &str) -> Result<Vec<(String, Vec<u8>)>, Unavailable> {
        match &self.shelves {
            Shelves::Memory(shelves) => {
                let shelves = locked(shelves);
                let from_here = shelves.range((shelf.to_owned(), String::new())..);
                let here = from_here.take_while(|((on, _), _)| on == shelf);
                Ok(here.map(|((_, id), content)| (id.clone(), content.clone())).collect())
            }
            Shelves::File(file) => {
                let shelf = shelf.to_owned();
                self.on_disk("shelf", file, move |file| file.shelf(&shelf)).await
            }
        }
    }

    pub(super) async fn put(&self, shelf: &str, id: &str, content: &[u8]) -> Result<(), Unavailable> {
        let name = (shelf.to_owned(), id.to_owned());
        let content = content.to_vec();
        match &self.shelves {
            Shelves::Memory(shelves) => drop(locked(shelves).insert(name, content)),
            Shelves::File(file) => {
                self.on_disk("put", file, move |file| file.put(&name.0, &name.1, &content)).await?;
            }
        }
        self.notice(shelf).notify_one();
        Ok(())
    }

    pub(super) async fn remove(&self, shelf: &str, id: &str) -> Result<bool, Unavailable> {
        let name = (shelf.to_owned(), id.to_owned());
        let was_there = match &self.shelves {
            Shelves::Memory(shelves) => locked(shelves).remove(&name).is_some(),
            Shelves::File(file) => self.on_disk("remove", file, move |file| file.remove(&name.0, &name.1)).await?,
        };
        if was_there {
            self.notice(shelf).notify_one();
        }
        Ok(was_there)
    }

    /// A change while nobody waits is kept for whoever waits next.
    pub(super) async fn shelf_changed(&self, shelf: &str) {
        self.notice(shelf).notified().await;
    }

    /// Shelves are few, and the program's own words.
    fn notice(&self, shelf: &str) -> Arc<Notify> {
        locked(&self.changed).entry(shelf.to_owned()).or_default().clone()
    }

    /// Disks are slow: elsewhere.
    async fn on_disk<T: Send + 'static>(
        &self,
        op: &'static str,
        file: &Arc<File>,
        call: impl FnOnce(&File) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let file = file.clone();
        let done = tokio::task::spawn_blocking(move || call(&file)).await;
        let failed = match done {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(failure)) => failure.to_string(),
            Err(error) => error.to_string(),
        };
        self.metrics.store.failures.with_label_values(&[op]).inc();
        tracing::error!(op, error = failed, "the store's file failed");
        Err(Unavailable)
    }

    /// Writes down what waits; returns when that is done, or hopeless.
    pub(super) fn flush(&self) {
        let (done, is_done) = sync_channel(1);
        let asked = self.writer.as_ref().is_some_and(|(writer, _)| writer.send(done).is_ok());
        if asked && is_done.recv_timeout(FLUSH_TIME).is_err() {
            tracing::error!("the store's file was not written in time; what was counted last may be missing");
        }
    }
}

/// Writes down what waits, and closes the file.
impl Drop for Memory {
    fn drop(&mut self) {
        let Some((sender, thread)) = self.writer.take() else { return };
        drop(sender);
        if thread.join().is_err() {
            tracing::error!(
                "the thread that writes the store's file ended badly; what was counted last may be missing"
            );
        }
    }
}

/// What was poisoned was left whole: nothing in a critical section can fail halfway.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hold_ms(hold: Duration) -> u64 {
    u64::try_from(hold.as_millis()).unwrap_or(u64::MAX)
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Writes what changed in a ledger to its file, until nobody holds the sender any more.
struct Writer {
    file: Arc<File>,
    ledger: Arc<Mutex<Ledger>>,
    metrics: Arc<Metrics>,
    /// What a failed write left. Only the last of a counter matters.
    waiting: Vec<Saved>,
}

impl Writer {
    fn run(mut self, asked: &Receiver<SyncSender<()>>) {
        loop {
            let asked = asked.recv_timeout(WRITE_EVERY);
            self.write();
            match asked {
                Ok(done) => drop(done.send(())),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn write(&mut self) {
        locked(&self.ledger).sweep(now_ms(), SWEPT_AT_ONCE);
        loop {
            let some = locked(&self.ledger).changes(now_ms(), TAKEN_AT_ONCE);
            if some.is_empty() {
                break;
            }
            self.waiting.extend(some);
        }
        if self.waiting.is_empty() {
            return;
        }
        let begun = std::time::Instant::now();
        match self.file.save(&self.waiting) {
            Ok(()) => self.waiting.clear(),
            Err(error) => {
                self.metrics.store.failures.with_label_values(&["write"]).inc();
                tracing::error!(%error, "the store's file was not written; it is tried again");
                self.keep_the_last();
            }
        }
        self.metrics.store.seconds.with_label_values(&["write"]).observe(begun.elapsed().as_secs_f64());
    }

    /// So that a disk that stays full costs no more memory than there are counters.
    fn keep_the_last(&mut self) {
        let last = self.waiting.drain(..).map(|saved| ((saved.key.clone(), saved.window), saved));
        self.waiting = last.collect::<HashMap<_, _>>().into_values().collect();
    }
}
