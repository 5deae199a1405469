//! Looking whether a request has been answered before.

use super::controls::Controls;
use super::entry::Entry;
use super::flight::{Flights, Joined, Lead, Waited};
use super::rule::Rule;
use super::shelf::Shelf;
use super::{Cache, now_ms};
use attache_core::cache_key::Key;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A request as the cache knows it.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// Its name.
    pub key: Key,
    /// The rule that applies.
    pub rule: &'a Arc<Rule>,
    /// What the client wants.
    pub controls: &'a Controls,
}

/// What is there.
#[derive(Debug)]
pub enum Looked {
    /// An answer.
    Found(Arc<Entry>, How),
    /// Nothing. Others may wait for the answer that is to come.
    Nothing(Option<Lead>),
}

/// How an answer was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum How {
    /// The same was asked before.
    Exact,
    /// The same was asked at the same time.
    Coalesced,
    /// Something that means the same was asked before; how alike they are.
    Alike(f32),
}

impl How {
    /// The word that clients read.
    pub fn shown(self) -> &'static str {
        match self {
            Self::Exact | Self::Coalesced => "hit",
            Self::Alike(_) => "semantic",
        }
    }

    /// The word for it in metrics and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "hit",
            Self::Coalesced => "coalesced",
            Self::Alike(_) => "semantic",
        }
    }
}

impl Cache {
    /// Looks whether this very request has been answered before, or is about to be.
    pub async fn look(&self, wanted: &Wanted<'_>) -> Looked {
        let Wanted { key, rule, controls } = wanted;
        if controls.no_lookup {
            return Looked::Nothing(None);
        }
        let wait = rule.coalesce.filter(|_| !controls.no_store && !controls.only_cached);
        match wait {
            Some(wait) => shared(&self.shelf, &self.flights, wanted, wait).await,
            None => match self.shelf.get(key).await.filter(|entry| wanted.takes(entry)) {
                Some(entry) => Looked::Found(entry, How::Exact),
                None => Looked::Nothing(None),
            },
        }
    }
}

impl Wanted<'_> {
    /// Whether this answer may be found, and the client takes it.
    fn takes(&self, entry: &Entry) -> bool {
        is_kept(entry, self.rule) && is_young(entry, self.controls)
    }

    /// Whether what a leader found by meaning may be found so by this request, too.
    fn takes_alike(&self, similarity: f32) -> bool {
        self.rule.semantic.is_some_and(|semantic| !semantic.shadow && similarity >= semantic.threshold)
    }
}

/// How long ago an answer was stored.
pub fn age(entry: &Entry) -> Duration {
    Duration::from_millis(now_ms().saturating_sub(entry.about.stored_at))
}

/// Whether a rule still keeps an answer of this age: it may say less than when the answer was stored.
fn is_kept(entry: &Entry, rule: &Rule) -> bool {
    age(entry) <= rule.ttl
}

/// Whether a client takes an answer of this age.
pub fn is_young(entry: &Entry, controls: &Controls) -> bool {
    controls.age_max.is_none_or(|most| age(entry) <= most)
}

/// The same, and where there is nothing, together with all who ask the same now: who leads looks, so that nobody can look
/// before an answer is stored and lead after that.
async fn shared(shelf: &Shelf, flights: &Flights, wanted: &Wanted<'_>, wait: Duration) -> Looked {
    let Wanted { key, rule, controls } = wanted;
    let until = Instant::now() + wait;
    loop {
        match flights.join(key) {
            Joined::Leads(lead) => {
                let kept = shelf.get(key).await.filter(|entry| is_kept(entry, rule));
                let Some(entry) = kept else { return Looked::Nothing(Some(lead)) };
                // Others may take what this client does not.
                lead.lands(entry.clone());
                if is_young(&entry, controls) {
                    return Looked::Found(entry, How::Exact);
                }
                return Looked::Nothing(None);
            }
            Joined::Follows(follow) => match follow.wait(until).await {
                Waited::Landed(entry, alike)
                    if wanted.takes(&entry) && alike.is_none_or(|similarity| wanted.takes_alike(similarity)) =>
                {
                    return Looked::Found(entry, alike.map_or(How::Coalesced, How::Alike));
                }
                Waited::Landed(..) | Waited::Alone => return Looked::Nothing(None),
                Waited::Lost => {}
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::rule::{Scope, SemanticRule};
    use crate::cache::shelf::Memory;
    use crate::cache::tests::{entry, key, rule};

    const WAIT: Duration = Duration::from_secs(5);

    /// One that was stored so many seconds ago.
    fn aged(seconds: u64) -> Arc<Entry> {
        let mut entry = Arc::unwrap_or_clone(entry("faq", "shared", "42"));
        entry.about.stored_at -= seconds * 1000;
        Arc::new(entry)
    }

    fn shelf(entry: Arc<Entry>) -> Shelf {
        let memory = Memory::new(1 << 20);
        memory.put(&key(1), entry);
        Shelf::Memory(Arc::new(memory))
    }

    #[tokio::test]
    async fn what_is_too_old_for_one_is_there_for_those_who_wait() {
        let (shelf, flights, rule) = (shelf(aged(60)), Flights::default(), Arc::new(rule(Scope::Shared)));
        let fresh = Controls { age_max: Some(Duration::from_secs(1)), ..Controls::default() };
        let wanted = Wanted { key: key(1), rule: &rule, controls: &fresh };
        assert!(matches!(shared(&shelf, &flights, &wanted, WAIT).await, Looked::Nothing(None)));
        let wanted = Wanted { controls: &Controls::default(), ..wanted };
        assert!(matches!(shared(&shelf, &flights, &wanted, WAIT).await, Looked::Found(_, How::Exact)));
    }

    #[tokio::test]
    async fn a_shorter_time_applies_to_what_is_stored() {
        let (shelf, flights) = (shelf(aged(60)), Flights::default());
        for (seconds, found) in [(3600, true), (30, false)] {
            let rule = Arc::new(Rule { ttl: Duration::from_secs(seconds), ..rule(Scope::Shared) });
            let wanted = Wanted { key: key(1), rule: &rule, controls: &Controls::default() };
            let looked = shared(&shelf, &flights, &wanted, WAIT).await;
            assert!(matches!((looked, found), (Looked::Found(..), true) | (Looked::Nothing(Some(_)), false)));
        }
    }

    #[tokio::test]
    async fn what_was_found_by_meaning_is_for_those_whose_rule_says_so() {
        let by_meaning = |shadow, threshold| {
            Some(SemanticRule { shadow, threshold, verify_sample: 0.0, ttl: Duration::from_secs(3600) })
        };
        for (semantic, found) in [
            (None, false),
            (by_meaning(true, 0.9), false),
            (by_meaning(false, 0.99), false),
            (by_meaning(false, 0.95), true),
        ] {
            let (shelf, flights) = (Shelf::Memory(Arc::new(Memory::new(1 << 20))), Flights::default());
            let Joined::Leads(lead) = flights.join(&key(1)) else { panic!("somebody else leads") };
            let rule = Arc::new(Rule { semantic, ..rule(Scope::Shared) });
            let waiting = tokio::spawn(async move {
                let wanted = Wanted { key: key(1), rule: &rule, controls: &Controls::default() };
                shared(&shelf, &flights, &wanted, WAIT).await
            });
            tokio::task::yield_now().await;
            lead.lands_alike(aged(0), 0.95);
            let looked = waiting.await.unwrap();
            assert!(matches!(
                (looked, found),
                (Looked::Found(_, How::Alike(_)), true) | (Looked::Nothing(None), false)
            ));
        }
    }
}
