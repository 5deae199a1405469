//! Answers that are found by meaning: whoever asks the same in other words gets the same answer.
//!
//! Only the last words of the user are compared; everything else must be the same to the byte, down to the tenant and the
//! embedding model (`attache_core::cache_key`). A lookup makes a vector of the question and finds the nearest one of
//! its partition, both on threads of their own ([`pool`]); when they have too much to do, there is no lookup. The one candidate
//! is then fetched and must pass the guard: a question that differs in a number, a name, a negation is another one
//! (`attache_core::alike`). What samples say of what was found so is in [`standing`].
//!
//! The question stands in the entry, beside its answer; the index holds vectors and keys only. Never logs a text.

pub mod embedder;
pub mod model;
mod pool;
mod remote;
mod standing;
#[cfg(test)]
pub mod tests;
mod vectors;

pub use embedder::Embedder;
pub use model::Model;
pub use remote::Remote;

use super::journal::{self, Added, Change};
use super::lookup::age;
use super::purge::Filter;
use super::rule::Rule;
use super::wire::Away;
use super::{Entry, Shelf};
use crate::guards::callout::passage;
use crate::metrics::Metrics;
use attache_core::alike::{Difference, agreement_percent, difference};
use attache_core::cache_key::{Conditions, ExactOnly, Key, Keys, Request, Scope, has_placeholder};
use attache_core::endpoint::Endpoint;
use attache_core::texts;
use attache_semantic::index::{Record, Size};
use standing::{Standing, Verdict};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use vectors::{Order, Vectors};

/// Longest question, in bytes; longer than most models' windows.
const QUESTION_BYTES_MAX: usize = 8 << 10;
/// Answers that can be found for no longer than this may be about now.
const VOLATILE_TTL_MAX: Duration = Duration::from_secs(60);
/// From this share of common words on (in percent) two answers agree.
const AGREEMENT_PERCENT_MIN: usize = 50;

/// What all exchanges share of it. It survives reloads: vectors of another model are never compared.
pub struct Semantic {
    vectors: Arc<Vectors>,
    standing: Arc<Standing>,
    metrics: Arc<Metrics>,
}

impl fmt::Debug for Semantic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semantic").field("vectors", &self.vectors).finish_non_exhaustive()
    }
}

/// What an exchange knows when it looks.
#[derive(Clone, Copy)]
pub struct Looking<'a> {
    /// The rule that applies; it has `semantic`.
    pub rule: &'a Rule,
    /// Who makes vectors.
    pub embedder: &'a Arc<Embedder>,
    /// Where it is asked.
    pub endpoint: &'a Endpoint,
    /// What is asked, masked where redaction masked it.
    pub request: &'a Request<'a>,
    /// Makes the name of the partition.
    pub keys: &'a Keys,
    /// As for the exact key.
    pub scope: &'a Scope<'a>,
    /// Redaction has taken something out.
    pub redacted: bool,
}

/// What came of looking.
#[derive(Debug)]
pub enum Looked {
    /// It was not looked up; metrics say why.
    Skipped,
    /// There is nothing that fits.
    Nothing(Asked),
    /// An answer.
    Found(Found),
    /// There is an answer, and the rule only counts: ask the model.
    Shadow(Asked, f32),
    /// There is an answer, and it is to be compared with the model's: ask it, then [`Semantic::compare`].
    Sample(Asked, Sample),
}

/// A question that was looked up: what [`Semantic::learn`] needs once it is answered.
#[derive(Clone)]
pub struct Asked {
    partition: [u8; 32],
    vector: Arc<[f32]>,
    text: Arc<str>,
    ttl: Duration,
}

impl Asked {
    /// What is asked, for [`About::question`](super::entry::About::question).
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Shows nothing of what was asked.
impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asked({} bytes)", self.text.len())
    }
}

/// An answer that was found.
#[derive(Debug)]
pub struct Found {
    /// Its name.
    pub key: Key,
    /// The answer.
    pub entry: Arc<Entry>,
    /// How near the questions are.
    pub similarity: f32,
}

/// A hit that is to be checked.
#[derive(Debug)]
pub struct Sample {
    found: Found,
    /// Whose answers both are.
    endpoint: Endpoint,
    embedder: Arc<Embedder>,
}

impl Sample {
    /// The hit itself.
    pub fn into_found(self) -> Found {
        self.found
    }

    /// How near the questions are.
    pub fn similarity(&self) -> f32 {
        self.found.similarity
    }
}

impl Semantic {
    /// With nothing in it.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        let vectors = Arc::new(Vectors::new(metrics.clone()));
        Self { vectors, standing: Arc::default(), metrics }
    }

    /// Looks for an answer to what means the same.
    pub async fn look(&self, looking: &Looking<'_>, shelf: &Shelf) -> Looked {
        let (looked, outcome, why) = self.looked(looking, shelf).await;
        self.metrics.cache.semantic.lookups.with_label_values(&[&*looking.rule.name, outcome, why]).inc();
        looked
    }

    /// What came of it, and two words about that for metrics.
    async fn looked(&self, looking: &Looking<'_>, shelf: &Shelf) -> (Looked, &'static str, &'static str) {
        let skipped = |why: &'static str| (Looked::Skipped, "skipped", why);
        let Some(rule) = &looking.rule.semantic else { return skipped(ExactOnly::NotOptedIn.as_str()) };
        let conditions = Conditions {
            opted_in: true,
            redacted: looking.redacted,
            bytes_max: QUESTION_BYTES_MAX,
            volatile: rule.ttl <= VOLATILE_TTL_MAX,
        };
        let question = match looking.request.question(&conditions) {
            Ok(question) => question,
            Err(why) => return skipped(why.as_str()),
        };
        let embedder = looking.embedder;
        self.vectors.keep_within(embedder.entries_max);
        let partition = looking.keys.partition(looking.scope, embedder.name(), looking.request, &question);
        let partition = *partition.as_bytes();
        let search = self.vectors.search(partition, rule.threshold);
        let made = match embedder.look(question.text(), search).await {
            Ok(made) => made,
            Err(why) => return skipped(why.as_str()),
        };
        self.metrics
            .cache
            .semantic
            .embedding_seconds
            .with_label_values(&[embedder.where_it_is()])
            .observe(made.took.as_secs_f64());
        let text = question.text().into();
        let asked = Asked { partition, vector: made.vector, text, ttl: rule.ttl };
        let Some(near) = made.found else { return (Looked::Nothing(asked), "nothing", "") };
        let key = Key::from_bytes(near.id);
        let entry = match self.candidate(&key, &asked, shelf).await {
            // A reload may have shortened how long an answer holds.
            Ok(entry) if age(&entry) > looking.rule.ttl.min(rule.ttl) => {
                return (Looked::Nothing(asked), "unfit", "gone");
            }
            Ok(entry) => entry,
            Err(unfit) => return (Looked::Nothing(asked), "unfit", unfit),
        };
        if rule.shadow {
            return (Looked::Shadow(asked, near.similarity), "shadow", "");
        }
        let found = Found { key, entry, similarity: near.similarity };
        if rand::random::<f64>() < rule.verify_sample {
            let (endpoint, embedder) = (looking.endpoint.clone(), embedder.clone());
            return (Looked::Sample(asked, Sample { found, endpoint, embedder }), "sample", "");
        }
        self.vectors.order(Order::Touch(near.id));
        (Looked::Found(found), "hit", "")
    }

    /// The entry that was found, where it is there and answers what is asked.
    async fn candidate(&self, key: &Key, asked: &Asked, shelf: &Shelf) -> Result<Arc<Entry>, &'static str> {
        if self.standing.is_demoted(key) {
            return Err("demoted");
        }
        let entry = match shelf.find(key).await {
            Ok(Some(entry)) => entry,
            Ok(None) => {
                // It has ended, was purged or had to make room.
                self.vectors.order(Order::Forget(*key.as_bytes()));
                return Err("gone");
            }
            Err(Away) => return Err("away"),
        };
        match difference(&asked.text, &entry.about.question) {
            _ if entry.about.question.is_empty() => Err("gone"),
            Some(difference) => Err(Difference::as_str(difference)),
            None => Ok(entry),
        }
    }

    /// Remembers a question whose answer is kept under this name, here and in other replicas.
    pub fn learn(&self, asked: &Asked, key: &Key, entry: &Entry, shelf: &Shelf) {
        // Placeholders in an answer mean something only in the exchange that it was for.
        let is_masked = std::str::from_utf8(&entry.body).map_or(true, has_placeholder);
        if is_masked || self.standing.is_demoted(key) {
            return;
        }
        let ends = u32::try_from(entry.about.expires_at / 1000).unwrap_or(u32::MAX);
        let ttl = u32::try_from(asked.ttl.as_secs().max(1)).unwrap_or(u32::MAX);
        let vector = Record {
            partition: asked.partition,
            id: *key.as_bytes(),
            expires: ends.min(vectors::now().saturating_add(ttl)),
            vector: asked.vector.to_vec(),
        };
        if let Some(journal) = shelf.journal() {
            let added = Added { tags: entry.tags(), vector: vector.clone() };
            journal.append(journal::Record::Add(Box::new(added)));
        }
        self.vectors.order(Order::Learn(vector));
    }

    /// Forgets what this names. What is not everything is forgotten when it is found, and not on the shelf any more.
    pub fn purge(&self, filter: &Filter) {
        if filter.is_everything() {
            self.vectors.order(Order::Clear);
        }
    }

    /// Does what replicas have told each other.
    pub fn apply(&self, changes: Vec<Change>) {
        self.vectors.order(Order::Heard(changes));
    }

    /// Takes note of how many vectors may be kept.
    pub fn keep_within(&self, entries_max: usize) {
        self.vectors.keep_within(entries_max);
    }

    /// How full the index is.
    pub fn size(&self) -> Size {
        self.vectors.size()
    }

    /// Compares the answer that would have been served with the one that was, off the thread of the exchange.
    pub fn compare(&self, rule: &str, asked: &Asked, sample: Sample, answered: &Entry, shelf: &Shelf) {
        let (rule, asked, answered) = (rule.to_owned(), asked.clone(), answered.body.clone());
        let (metrics, standing) = (self.metrics.clone(), self.standing.clone());
        let (vectors, journal) = (self.vectors.clone(), shelf.journal().cloned());
        let Sample { found, endpoint, embedder } = sample;
        let work = move || {
            let verdict = verdict(&asked.text, &found.entry, &endpoint, &answered);
            metrics.cache.semantic.verified.with_label_values(&[&rule, verdict.as_str()]).inc();
            if standing.note(found.key, verdict) {
                metrics.cache.semantic.demoted.with_label_values(&[&rule]).inc();
                let id = *found.key.as_bytes();
                vectors.order(Order::Forget(id));
                if let Some(journal) = journal {
                    journal.append(journal::Record::Remove(id));
                }
            }
        };
        if embedder.work(work).is_err() {
            self.metrics.cache.semantic.dropped.with_label_values(&["sample"]).inc();
        }
    }
}

fn verdict(question: &str, kept: &Entry, endpoint: &Endpoint, answered: &[u8]) -> Verdict {
    let said = |body: &[u8]| {
        let texts = passage::of_answer(endpoint, body)?.into_iter();
        let texts = texts.filter(|passage| passage.scope == texts::Scope::Assistant).map(|passage| passage.text);
        Some(texts.collect::<Vec<_>>().join("\n")).filter(|text| !text.is_empty())
    };
    let (Some(one), Some(other)) = (said(&kept.body), said(answered)) else { return Verdict::Unread };
    let percent = agreement_percent([&one, &other], [&kept.about.question, question]);
    if percent >= AGREEMENT_PERCENT_MIN { Verdict::Agree } else { Verdict::Disagree }
}
