//! State that exchanges share: the counters of limits and budgets, and shelves of small durable things such as virtual
//! keys. The one place that knows where they live: in this process's memory ([`memory`]), with a file beside it that
//! outlives the process ([`mod@file`]), or in a Redis that replicas share ([`redis`]).
//!
//! An exchange [holds](Store::hold) what it may use before it is sent on, may [grow](Hold::grow) that, and
//! [settles](Hold::settle) what it really used. What is asked in one call is decided at once: all of it or nothing. Claims
//! of one call on the same counter add up in their order.
//!
//! Nothing here knows what a counter means: its key, window and limit come with every claim.

mod file;
mod memory;
mod redis;

pub use redis::{
    Connection as RedisConnection, Failure as RedisFailure, Link as RedisLink, Problem as RedisProblem,
    Settings as RedisSettings,
};

#[cfg(test)]
pub use redis::tests::server::{Server as RedisServer, free_port};

use crate::config::written;
use crate::metrics::Metrics;
use attache_core::limit::{Claim, Counter, Moved, Standing, Verdict};
use memory::Memory;
use redis::{Leased, Missed, Part, Redis};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How many notices of moved counters may wait for whoever takes them; beyond it they are dropped and counted.
pub const NOTICES_MAX: usize = 1024;

/// The longest time between two renewals of a hold.
const RENEW_MAX: Duration = Duration::from_secs(60);

/// What to do with a claim while the store cannot be reached. Memory always can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It passes uncounted.
    Open,
    /// It is refused: [`Unavailable`].
    #[default]
    Closed,
    /// It is counted in this replica's memory alone.
    Local,
}

/// A claim, and what becomes of it while the store cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What is claimed of which counter.
    pub claim: Claim,
    /// For when nobody can say whether it fits.
    pub on_failure: OnFailure,
}

/// What became of claims.
#[derive(Debug)]
pub enum Decision {
    /// They are held; how every claim's counter stands now, in the order of the claims.
    Held(Hold, Vec<Standing>),
    /// One of them does not fit, and nothing has changed.
    Denied {
        /// The place of the first claim that did not fit.
        wanted: usize,
        /// As in [`Verdict::Denied`].
        retry_after_ms: u64,
        /// How every claim's counter stands, in the order of the claims.
        standings: Vec<Standing>,
    },
}

/// Nobody can say how counters stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store of limits cannot be reached")]
pub struct Unavailable;

/// The store cannot be opened: where, why, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failed(String);

/// State that exchanges share. One per process, in an [`Arc`].
#[derive(Debug)]
pub struct Store {
    backend: Backend,
    metrics: Arc<Metrics>,
    moved: mpsc::Sender<Vec<Moved>>,
    /// How long a hold lives.
    hold: Duration,
}

#[derive(Debug)]
enum Backend {
    Memory(Arc<Memory>),
    /// The memory is for [`OnFailure::Local`].
    Redis(Arc<Redis>, Arc<Memory>),
}

impl Store {
    /// Opens what the configuration names. Counters with a [long window](attache_core::limit::Window::is_long) that an
    /// exchange moved past a whole percent of their limit are sent to `moved` (best a channel of [`NOTICES_MAX`]); when
    /// nobody takes them they are dropped and counted.
    ///
    /// # Errors
    /// What is wrong, and what to do about it.
    pub async fn open(
        written: &written::Store,
        metrics: Arc<Metrics>,
        moved: mpsc::Sender<Vec<Moved>>,
    ) -> Result<Arc<Self>, Failed> {
        let hold = Duration::from_secs(written.hold_seconds);
        let backend = match (&written.memory, &written.redis) {
            (_, Some(settings)) => {
                let redis = Redis::start(settings.clone(), hold, metrics.clone(), moved.clone()).await;
                let redis = redis.map_err(|problem| Failed(format!("store.redis: {problem}")))?;
                Backend::Redis(Arc::new(redis), Arc::new(Memory::new(hold, metrics.clone())))
            }
            (Some(written::store::Memory { file: Some(file) }), None) => {
                let memory = Memory::open(Path::new(file), hold, metrics.clone());
                let memory = memory.map_err(|error| Failed(format!("store.memory.file: {file}: {error}")))?;
                Backend::Memory(Arc::new(memory))
            }
            (Some(written::store::Memory { file: None }) | None, None) => {
                Backend::Memory(Arc::new(Memory::new(hold, metrics.clone())))
            }
        };
        Ok(Arc::new(Self { backend, metrics, moved, hold }))
    }

    /// How often an exchange that goes on should renew its hold: well within its life.
    pub fn renew_every(&self) -> Duration {
        (self.hold / 4).min(RENEW_MAX)
    }

    /// Holds all of these or none.
    ///
    /// # Errors
    /// When the store cannot be reached in time and one of the claims may not do without it.
    pub async fn hold(self: &Arc<Self>, wanted: Vec<Wanted>) -> Result<Decision, Unavailable> {
        match &self.backend {
            Backend::Memory(memory) => Ok(self.hold_in_memory(memory, wanted, Place::Memory)),
            Backend::Redis(redis, memory) => self.hold_in_redis(redis, memory, wanted).await,
        }
    }

    fn hold_in_memory(
        self: &Arc<Self>,
        memory: &Arc<Memory>,
        wanted: Vec<Wanted>,
        place: fn(Arc<Memory>, u64) -> Place,
    ) -> Decision {
        let (id, verdict) = memory.hold(&wanted);
        match verdict {
            Verdict::Held(standings) => {
                self.announce(spent(&wanted, &standings));
                let place = Some(place(memory.clone(), id));
                Decision::Held(Hold { store: self.clone(), wanted, place }, standings)
            }
            Verdict::Denied { claim, retry_after_ms, standings } => {
                Decision::Denied { wanted: claim, retry_after_ms, standings }
            }
        }
    }

    async fn hold_in_redis(
        self: &Arc<Self>,
        redis: &Arc<Redis>,
        memory: &Arc<Memory>,
        wanted: Vec<Wanted>,
    ) -> Result<Decision, Unavailable> {
        if wanted.is_empty() {
            return self.hold_without(memory, wanted);
        }
        match redis.lease(&wanted).await {
            Leased::Held(part, standings) => {
                let place = Some(Place::Leased(part));
                return Ok(Decision::Held(Hold { store: self.clone(), wanted, place }, standings));
            }
            Leased::Denied(wanted, retry_after_ms, standings) => {
                return Ok(Decision::Denied { wanted, retry_after_ms, standings });
            }
            Leased::Missed => return self.hold_without(memory, wanted),
            Leased::No => {}
        }
        let id = redis.id();
        // It is there before the answer is: when this future is dropped, or nobody knows what became of the call, then
        // dropping the hold frees whatever Redis holds.
        let place = Some(Place::Redis(redis.clone(), id.clone()));
        let mut hold = Hold { store: self.clone(), wanted, place };
        match redis.hold(&id, &hold.wanted).await {
            Ok(Verdict::Held(standings)) => {
                self.announce(spent(&hold.wanted, &standings));
                Ok(Decision::Held(hold, standings))
            }
            Ok(Verdict::Denied { claim, retry_after_ms, standings }) => {
                hold.place = None;
                Ok(Decision::Denied { wanted: claim, retry_after_ms, standings })
            }
            Err(missed) => {
                if missed == Missed::NotAsked {
                    hold.place = None;
                }
                let wanted = hold.wanted.clone();
                drop(hold);
                self.hold_without(memory, wanted)
            }
        }
    }

    /// Decides without the store that is shared, as each claim says. What passes uncounted stands at nothing.
    fn hold_without(self: &Arc<Self>, memory: &Arc<Memory>, wanted: Vec<Wanted>) -> Result<Decision, Unavailable> {
        if wanted.iter().any(|wanted| wanted.on_failure == OnFailure::Closed) {
            return Err(Unavailable);
        }
        let uncounted = |wanted: Wanted| match wanted.on_failure {
            OnFailure::Local => wanted,
            // Claims of nothing never deny and change nothing.
            OnFailure::Open | OnFailure::Closed => {
                Wanted { claim: Claim { spent: 0, open: 0, ..wanted.claim }, on_failure: wanted.on_failure }
            }
        };
        let counted = wanted.iter().cloned().map(uncounted).collect();
        let mut decision = self.hold_in_memory(memory, counted, Place::Local);
        if let Decision::Held(hold, _) = &mut decision {
            hold.wanted = wanted;
        }
        Ok(decision)
    }

    /// How counters stand, in their order. Changes nothing.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn standings(&self, counters: &[Counter]) -> Result<Vec<Standing>, Unavailable> {
        match &self.backend {
            Backend::Memory(memory) => Ok(memory.standings(counters)),
            Backend::Redis(redis, _) => redis.standings(counters).await,
        }
    }

    /// Everything on a shelf: id and content, by id.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn shelf(&self, shelf: &str) -> Result<Vec<(String, Vec<u8>)>, Unavailable> {
        match &self.backend {
            Backend::Memory(memory) => memory.shelf(shelf).await,
            Backend::Redis(redis, _) => redis.shelf(shelf).await,
        }
    }

    /// Puts something on a shelf, in place of what has the same id. It is durable when this returns.
    ///
    /// # Errors
    /// When the store cannot be reached or not written; then nothing has changed.
    pub async fn put(&self, shelf: &str, id: &str, value: &[u8]) -> Result<(), Unavailable> {
        match &self.backend {
            Backend::Memory(memory) => memory.put(shelf, id, value).await,
            Backend::Redis(redis, _) => redis.put(shelf, id, value).await,
        }
    }

    /// Takes something from a shelf; whether it was there.
    ///
    /// # Errors
    /// When the store cannot be reached or not written; then nothing has changed.
    pub async fn remove(&self, shelf: &str, id: &str) -> Result<bool, Unavailable> {
        match &self.backend {
            Backend::Memory(memory) => memory.remove(shelf, id).await,
            Backend::Redis(redis, _) => redis.remove(shelf, id).await,
        }
    }

    /// Waits until a shelf may have changed since the last call returned. For one waiter per shelf.
    pub async fn shelf_changed(&self, shelf: &str) {
        match &self.backend {
            Backend::Memory(memory) => memory.shelf_changed(shelf).await,
            Backend::Redis(redis, _) => redis.shelf_changed(shelf).await,
        }
    }

    /// Writes down what still waits to be written. For the end of the process: it may take seconds.
    pub async fn flush(&self) {
        match &self.backend {
            Backend::Memory(memory) => memory.flush(),
            Backend::Redis(redis, _) => redis.flush().await,
        }
    }

    /// Tells of what was moved far enough to matter: whoever listens is not woken by every exchange. Never waits.
    fn announce(&self, mut moved: Vec<Moved>) {
        moved.retain(|moved| moved.counter.window.is_long() && moved.passes_a_percent());
        if !moved.is_empty() && self.moved.try_send(moved).is_err() {
            self.metrics.store.dropped.inc();
        }
    }
}

/// What holding has settled at once.
fn spent(wanted: &[Wanted], standings: &[Standing]) -> Vec<Moved> {
    let spending = wanted.iter().zip(standings).filter(|(wanted, _)| wanted.claim.spent > 0);
    let moved = |(wanted, standing): (&Wanted, &Standing)| Moved {
        counter: wanted.claim.counter.clone(),
        before: standing.settled.saturating_sub(wanted.claim.spent),
        after: standing.settled,
    };
    spending.map(moved).collect()
}

/// Claims that are held for one exchange. Dropped unsettled, it settles nothing used: a refund.
#[derive(Debug)]
pub struct Hold {
    store: Arc<Store>,
    wanted: Vec<Wanted>,
    /// None: it is settled.
    place: Option<Place>,
}

/// Where a hold is held.
#[derive(Debug)]
enum Place {
    Memory(Arc<Memory>, u64),
    /// Here, since Redis was away; only what is to be counted locally.
    Local(Arc<Memory>, u64),
    Redis(Arc<Redis>, String),
    /// In Redis, as a part of what this replica holds in advance.
    Leased(Part),
}

impl Hold {
    /// What is held, with what was added by growing.
    pub fn wanted(&self) -> &[Wanted] {
        &self.wanted
    }

    /// Settles what was really used: `used[i]` for `wanted()[i]`, nothing where it is shorter. Never waits.
    pub fn settle(mut self, used: &[u64]) {
        self.settle_once(used);
    }

    /// Adds to what is held open, all or nothing, and renews the life of the hold; zeros only renew it.
    ///
    /// # Errors
    /// When the store cannot be reached in time and one of the claims may not do without it. What was held stays held.
    pub async fn grow(&mut self, more: &[u64]) -> Result<Verdict, Unavailable> {
        let local = self.local(more);
        let verdict = match &mut self.place {
            Some(Place::Memory(memory, id)) => memory.grow(*id, more).ok_or(Unavailable)?,
            Some(Place::Local(memory, id)) => memory.grow(*id, &local).ok_or(Unavailable)?,
            Some(Place::Redis(redis, id)) => {
                let grown = redis.grow(id, &self.wanted, more).await;
                grown.or_else(|_| self.grow_without())?
            }
            Some(Place::Leased(part)) => {
                let grown = part.grow(more).await;
                grown.or_else(|_| self.grow_without())?
            }
            None => return Err(Unavailable),
        };
        if matches!(verdict, Verdict::Held(_)) {
            for (wanted, more) in self.wanted.iter_mut().zip(more) {
                wanted.claim.open = wanted.claim.open.saturating_add(*more);
            }
        }
        Ok(verdict)
    }

    /// Lets a growth pass that cannot be counted, unless a claim may not do without. Settling charges whatever was used;
    /// until then it is not seen.
    fn grow_without(&self) -> Result<Verdict, Unavailable> {
        if self.wanted.iter().any(|wanted| wanted.on_failure == OnFailure::Closed) {
            return Err(Unavailable);
        }
        let standing = |wanted: &Wanted| Standing { limit: wanted.claim.counter.limit, ..Standing::default() };
        Ok(Verdict::Held(self.wanted.iter().map(standing).collect()))
    }

    fn settle_once(&mut self, used: &[u64]) {
        match self.place.take() {
            Some(Place::Memory(memory, id)) => self.store.announce(memory.settle(id, used)),
            Some(Place::Local(memory, id)) => self.store.announce(memory.settle(id, &self.local(used))),
            Some(Place::Redis(redis, id)) => redis.settle(id, std::mem::take(&mut self.wanted), used),
            Some(Place::Leased(part)) => part.settle(used),
            None => {}
        }
    }

    /// Of these amounts only those that are counted locally.
    fn local(&self, amounts: &[u64]) -> Vec<u64> {
        let local = |(wanted, amount): (&Wanted, &u64)| match wanted.on_failure {
            OnFailure::Local => *amount,
            OnFailure::Open | OnFailure::Closed => 0,
        };
        self.wanted.iter().zip(amounts).map(local).collect()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.settle_once(&[]);
    }
}

#[cfg(test)]
mod tests;
