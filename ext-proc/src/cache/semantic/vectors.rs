//! The index of this process: searched on the threads of the embedder, changed by one thread of its own. Exchanges only
//! send changes, so none of them ever waits for a search of somebody else's.

use crate::cache::journal::Change;
use crate::metrics::Metrics;
use attache_semantic::index::{Id, Index, Near, Partition, Record, Size};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Most orders that wait; one more is lost, and with it at most a hit.
const ORDERS_MAX: usize = 4096;
/// Vectors that are kept where nobody has said how many.
const ENTRIES_DEFAULT: usize = 100_000;
/// How often what is expired goes.
const SWEEP: Duration = Duration::from_secs(60);

/// What the thread of the index is told.
#[derive(Debug)]
pub(super) enum Order {
    /// A question was answered.
    Learn(Record),
    /// An answer is gone.
    Forget(Id),
    /// All answers are gone.
    Clear,
    /// An entry was of use.
    Touch(Id),
    /// What other replicas did, and this one.
    Heard(Vec<Change>),
}

/// Vectors of questions that were answered.
pub struct Vectors {
    kept: Arc<Kept>,
    orders: OnceLock<Sender<Order>>,
}

struct Kept {
    index: RwLock<Option<Index>>,
    entries_max: AtomicUsize,
    metrics: Arc<Metrics>,
}

impl fmt::Debug for Vectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vectors").field(&self.size()).finish()
    }
}

impl Vectors {
    /// None yet.
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        let (index, entries_max) = (RwLock::new(None), AtomicUsize::new(ENTRIES_DEFAULT));
        Self { kept: Arc::new(Kept { index, entries_max, metrics }), orders: OnceLock::new() }
    }

    /// What finds the nearest in a partition, for another thread.
    pub(super) fn search(
        &self,
        partition: Partition,
        similarity_min: f32,
    ) -> impl FnOnce(&[f32]) -> Option<Near> + Send + 'static {
        let kept = self.kept.clone();
        move |vector| {
            let index = kept.index.read().unwrap_or_else(PoisonError::into_inner);
            // Another model's index knows nothing of this one's vectors.
            index.as_ref()?.nearest(&partition, vector, now(), similarity_min).ok().flatten()
        }
    }

    /// Says how many vectors may be kept, from the next one on.
    pub(super) fn keep_within(&self, entries_max: usize) {
        self.kept.entries_max.store(entries_max, Ordering::Relaxed);
    }

    /// Has something done soon; where too much waits, not at all.
    pub(super) fn order(&self, order: Order) {
        if self.inbox().try_send(order).is_err() {
            self.kept.metrics.cache.semantic.dropped.with_label_values(&["index"]).inc();
        }
    }

    /// How full it is.
    pub fn size(&self) -> Size {
        let index = self.kept.index.read().unwrap_or_else(PoisonError::into_inner);
        index.as_ref().map(Index::size).unwrap_or_default()
    }

    fn inbox(&self) -> &Sender<Order> {
        self.orders.get_or_init(|| {
            let (sender, orders) = channel(ORDERS_MAX);
            let kept = self.kept.clone();
            let thread = std::thread::Builder::new().name("semantic-index".into());
            if let Err(error) = thread.spawn(move || kept.keep(orders)) {
                tracing::error!(%error, "no thread for the index: nothing is found by meaning");
            }
            sender
        })
    }
}

impl Kept {
    /// The thread that changes the index.
    fn keep(&self, mut orders: Receiver<Order>) {
        let mut swept = Instant::now();
        while let Some(order) = orders.blocking_recv() {
            let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
            self.follow(&mut index, order);
            let Some(index) = &mut *index else { continue };
            // What is expired is never found; it only takes room, and where nothing comes nothing needs room.
            if swept.elapsed() > SWEEP {
                index.sweep(now());
                swept = Instant::now();
            }
            let Size { entries, bytes, .. } = index.size();
            self.metrics.cache.semantic.entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
            self.metrics.cache.semantic.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
    }

    fn follow(&self, index: &mut Option<Index>, order: Order) {
        match (index, order) {
            (index, Order::Learn(record)) => self.learn(index, &record),
            (index, Order::Heard(changes)) => {
                for change in changes {
                    let order = match change {
                        Change::Add(added) => Order::Learn(added.vector),
                        Change::Remove(id) => Order::Forget(id),
                        Change::Forget => Order::Clear,
                        Change::Purge(filter) if filter.is_everything() => Order::Clear,
                        // What is purged is not on the shelf any more, and forgotten when it is found.
                        Change::Purge(_) => continue,
                    };
                    self.follow(index, order);
                }
            }
            (Some(index), Order::Forget(id)) => drop(index.remove(&id)),
            (Some(index), Order::Clear) => index.clear(),
            (Some(index), Order::Touch(id)) => index.touch(&id),
            (None, Order::Forget(_) | Order::Clear | Order::Touch(_)) => {}
        }
    }

    /// Vectors of another length are another model's: the first of the new model's makes a new index.
    fn learn(&self, index: &mut Option<Index>, record: &Record) {
        let dimensions = record.vector.len();
        if index.as_ref().is_none_or(|index| index.dimensions() != dimensions) {
            *index = None;
        }
        let index = index.get_or_insert_with(|| Index::new(dimensions, 0));
        let entries_max = self.entries_max.load(Ordering::Relaxed);
        index.keep_within(entries_max.saturating_mul(Index::entry_bytes(dimensions)));
        if let Err(error) = index.insert(record.partition, record.id, &record.vector, record.expires) {
            tracing::debug!(%error, "a vector is not kept");
        }
    }
}

/// Unix seconds.
pub(super) fn now() -> u32 {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    u32::try_from(seconds).unwrap_or(u32::MAX)
}
