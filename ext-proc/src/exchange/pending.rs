//! Where the two stages of one exchange meet: the request, kept for later attempts, under an id that nobody can guess.
//!
//! An entry lives from the plan until the response's headers, or the hang-up: its [`Registered`] handle removes it.

use super::plan::Plan;
use super::upstream_head::Asking;
use crate::config::Config;
use crate::config::compiled::{Model, Target};
use crate::credentials::Used;
use crate::fetch::{self, Fetcher};
use attache_core::fault::Fault;
use attache_core::translate::Translated;
use bytes::Bytes;
use dashmap::DashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What a later attempt needs to know of an exchange.
#[derive(Debug)]
pub struct Slot {
    /// What the client asks for, by its head.
    pub asking: Asking,
    /// The client's body, as it came.
    pub body: Bytes,
    /// The model that was asked for.
    pub model: Arc<Model>,
    /// The plan.
    pub plan: Plan,
    /// The configuration under which it was made.
    pub config: Arc<Config>,
    /// Unix seconds at which the exchange began.
    pub now: u64,
    /// Most tokens of answer that may be asked for.
    pub output_cap: Option<u64>,
    /// The latest attempt under way.
    pub under_way: Arc<AtomicU32>,
    /// Which credentials attempts carried.
    pub used: UsedCredentials,
}

/// Which credentials each attempt carried.
#[derive(Debug)]
pub struct UsedCredentials(Mutex<Vec<(u32, Used)>>);

impl UsedCredentials {
    /// Those of the first attempt.
    pub fn first(used: Used) -> Self {
        Self(Mutex::new(vec![(1, used)]))
    }

    /// Notes those of an attempt.
    pub fn note(&self, attempt: u32, used: Used) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((attempt, used));
    }

    /// Those of an attempt.
    pub fn of(&self, attempt: u32) -> Used {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.iter().rev().find(|(of, _)| *of == attempt).map_or(Used::Nothing, |(_, used)| *used)
    }
}

impl Slot {
    /// Notes that this attempt is under way.
    pub fn begins(&self, attempt: u32) {
        self.under_way.fetch_max(attempt, Ordering::Relaxed);
    }

    /// Makes the request for a target of the plan.
    ///
    /// # Errors
    /// As [`Ask::translate`](attache_core::translate::Ask::translate), where the model's policy on losses refuses it, and
    /// where media cannot be fetched.
    pub async fn make(&self, target: &Target, fetcher: Option<&Fetcher>) -> Result<Translated, Fault> {
        let mut ask = self.asking.read(&self.body)?.capped(self.output_cap);
        let dialect = target.provider.dialect_for(ask.endpoint().dialect);
        fetch::complete(&mut ask, dialect, self.model.fetch_media.as_ref(), fetcher).await?;
        self.model.judge(ask.translate(dialect, &target.upstream, self.now)?)
    }

    /// Finds out again how the request for a target was made: the way back from it, and what was lost.
    ///
    /// # Errors
    /// As [`Self::make`].
    pub fn retrace(&self, target: &Target) -> Result<Translated, Fault> {
        let mut ask = self.asking.read(&self.body)?.capped(self.output_cap);
        let dialect = target.provider.dialect_for(ask.endpoint().dialect);
        fetch::promise(&mut ask, dialect, self.model.fetch_media.as_ref());
        self.model.judge(ask.translate(dialect, &target.upstream, self.now)?)
    }
}

/// A slot, kept until the response's headers: for the attempt stage of this process, or for our own way back only.
#[derive(Debug)]
pub enum Kept {
    /// The attempt stage can find it.
    Registered(Registered),
    /// Nobody else needs it.
    Own(Box<Slot>),
}

impl Kept {
    /// What is kept.
    pub fn slot(&self) -> &Slot {
        match self {
            Self::Registered(registered) => &registered.slot,
            Self::Own(slot) => slot,
        }
    }
}

/// All slots of this process.
#[derive(Clone, Debug, Default)]
pub struct Pending(Arc<DashMap<u128, Arc<Slot>>>);

impl Pending {
    /// Keeps a slot for as long as the handle lives.
    pub fn register(&self, slot: Slot) -> Registered {
        let slot = Arc::new(slot);
        let id = rand::random();
        self.0.insert(id, slot.clone());
        Registered { pending: self.clone(), id, slot }
    }

    /// The slot of an exchange, by the id that its metadata carries.
    pub fn find(&self, id: &str) -> Option<Arc<Slot>> {
        let id = u128::from_str_radix(id, 16).ok()?;
        self.0.get(&id).map(|slot| slot.value().clone())
    }
}

/// A slot that can be found; dropping this ends that.
#[derive(Debug)]
pub struct Registered {
    pending: Pending,
    id: u128,
    slot: Arc<Slot>,
}

impl Registered {
    /// The id under which it can be found.
    pub fn id(&self) -> String {
        format!("{:032x}", self.id)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.pending.0.remove(&self.id);
    }
}
