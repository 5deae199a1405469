//! Who makes vectors of questions, and where the work of that is done.

use super::model::Model;
use super::pool::{Full, Pool};
use super::remote::{NoVector, Remote};
use attache_semantic::encoder::NotEncoded;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A model, and the threads on which vectors are made and searched.
#[derive(Debug)]
pub struct Embedder {
    /// Who makes them.
    pub kind: Kind,
    name: String,
    /// Most time for a lookup: one that takes longer is skipped.
    pub timeout: Duration,
    /// Most vectors that are remembered.
    pub entries_max: usize,
    pool: Pool,
}

/// Who makes vectors.
#[derive(Debug)]
pub enum Kind {
    /// A model in this process.
    InProcess(Arc<Model>),
    /// A provider.
    Remote(Remote),
}

/// Why a question was not looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotLookedUp {
    /// Too many lookups are waiting.
    QueueFull,
    /// It took too long.
    Late,
    /// The question does not fit into the model's window.
    TooLong,
    /// There is no vector for it.
    NoVector,
}

impl NotLookedUp {
    /// The word for it in metrics and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Late => "late",
            Self::TooLong => "too_long",
            Self::NoVector => "no_vector",
        }
    }
}

impl From<Full> for NotLookedUp {
    fn from(_: Full) -> Self {
        Self::QueueFull
    }
}

impl From<NotEncoded> for NotLookedUp {
    fn from(problem: NotEncoded) -> Self {
        match problem {
            NotEncoded::TooLong { .. } => Self::TooLong,
            NotEncoded::Uncut => Self::NoVector,
        }
    }
}

/// A vector, what was found with it, and how long the vector took.
pub struct Made<T> {
    /// The vector.
    pub vector: Arc<[f32]>,
    /// What was found.
    pub found: T,
    /// How long the vector took to make.
    pub took: Duration,
}

impl Embedder {
    /// Vectors are made by this, and searched on so many threads, with so many lookups waiting at most.
    pub fn new(kind: Kind, timeout: Duration, threads: usize, queue: usize, entries_max: usize) -> Self {
        let name = match &kind {
            Kind::InProcess(model) => model.name().to_owned(),
            Kind::Remote(remote) => remote.name(),
        };
        Self { kind, name, timeout, entries_max, pool: Pool::new(threads, queue) }
    }

    /// A name that another model, or another version of it, does not have: vectors of different names are not compared.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// For metrics: `in_process` or `remote`.
    pub fn where_it_is(&self) -> &'static str {
        match &self.kind {
            Kind::InProcess(_) => "in_process",
            Kind::Remote(_) => "remote",
        }
    }

    /// Has something else done on the threads of the embedder.
    ///
    /// # Errors
    /// When too much work is waiting.
    pub fn work(&self, work: impl FnOnce() + Send + 'static) -> Result<(), Full> {
        self.pool.do_it(work)
    }

    /// Makes the vector of a text and looks for something with it; neither happens on the thread of an exchange.
    ///
    /// # Errors
    /// Why not.
    pub async fn look<T: Send + 'static>(
        &self,
        text: &str,
        search: impl FnOnce(&[f32]) -> T + Send + 'static,
    ) -> Result<Made<T>, NotLookedUp> {
        let looked = async {
            let begun = Instant::now();
            match &self.kind {
                Kind::InProcess(model) => {
                    let (model, text) = (model.clone(), text.to_owned());
                    let work = self.pool.work(move || {
                        let begun = Instant::now();
                        let vector = model.vector(&text)?;
                        Ok(Made { took: begun.elapsed(), found: search(&vector), vector: vector.into() })
                    })?;
                    done(work).await?
                }
                Kind::Remote(remote) => {
                    let vector = remote.vector(text, self.timeout).await.map_err(|problem| match problem {
                        NoVector::Full => NotLookedUp::QueueFull,
                        NoVector::Away(_) => NotLookedUp::NoVector,
                    })?;
                    let (vector, took): (Arc<[f32]>, _) = (vector.into(), begun.elapsed());
                    let searched = vector.clone();
                    let found = done(self.pool.work(move || search(&searched))?).await?;
                    Ok(Made { vector, found, took })
                }
            }
        };
        tokio::time::timeout(self.timeout, looked).await.unwrap_or(Err(NotLookedUp::Late))
    }
}

/// What work comes to. Work that ends badly tells nothing.
async fn done<T>(work: oneshot::Receiver<T>) -> Result<T, NotLookedUp> {
    work.await.map_err(|_| NotLookedUp::NoVector)
}
