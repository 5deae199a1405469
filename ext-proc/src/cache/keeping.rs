//! What the cache does for one exchange: what it was found to be, and, where it is asked for, what becomes of its answer.
//!
//! An answer is kept when the exchange is over and all has gone well: status 2xx, whole, passed by every guard, and of a kind
//! that holds for those who ask again.

use super::Cache;
use super::controls::Controls;
use super::entry::{About, Entry};
use super::flight::Lead;
use super::lookup::How;
use super::now_ms;
use super::rule::{Rule, Scope};
use super::semantic;
use super::shelf::Shelf;
use crate::exchange::Service;
use crate::exchange::message::Metadata;
use attache_core::cache_key::Key;
use attache_core::gather::{Gather, Lost};
use attache_core::stream::Event;
use attache_core::translate::{self, keep};
use bytes::Bytes;
use rand::Rng;
use std::sync::Arc;
use std::time::Duration;

/// The header that says what the cache did.
pub const HEADER: &str = "x-attache-cache";
/// The header that says how alike two questions are.
pub const SIMILARITY: &str = "x-attache-cache-similarity";
/// By how much of its time an answer may end earlier, so that what was stored together does not end together.
const JITTER: f64 = 0.05;

/// What the cache does for one exchange.
#[derive(Debug)]
pub struct Course {
    /// The rule that applies.
    pub rule: Arc<Rule>,
    /// What came of looking.
    pub outcome: Outcome,
    /// What becomes of the answer; `None`: it is not kept.
    pub keeping: Option<Keeping>,
    /// What was found by meaning and not served.
    pub unserved: Option<Unserved>,
}

/// An answer that was found by meaning and is not served.
#[derive(Clone, Copy, Debug)]
pub struct Unserved {
    /// Why: `shadow`, `sample`.
    pub why: &'static str,
    /// How alike the questions are.
    pub similarity: f32,
}

/// A question that was looked up by meaning.
#[derive(Debug)]
pub struct Alike {
    /// What to remember once it is answered.
    pub asked: semantic::Asked,
    /// What to compare the answer with.
    pub sample: Option<semantic::Sample>,
}

/// What came of looking.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is answered from here.
    Found(Arc<Entry>, How),
    /// A provider is asked.
    Miss,
    /// The cache has nothing to do with it; why.
    Bypass(&'static str),
}

impl Outcome {
    /// The word that clients read.
    pub fn shown(&self) -> &'static str {
        match self {
            Self::Found(_, how) => how.shown(),
            Self::Miss => "miss",
            Self::Bypass(_) => "bypass",
        }
    }

    /// The word in metrics and records.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Found(_, how) => how.as_str(),
            Self::Miss => "miss",
            Self::Bypass(_) => "bypass",
        }
    }
}

impl Course {
    /// One that has nothing to do with the cache.
    pub fn bypassed(rule: &Arc<Rule>, why: &'static str) -> Box<Self> {
        Box::new(Self { rule: rule.clone(), outcome: Outcome::Bypass(why), keeping: None, unserved: None })
    }

    /// Tells Envoy.
    pub fn tell(&self, metadata: &mut Metadata) {
        metadata.text("cache", self.outcome.as_str());
        if let Some(Unserved { why, .. }) = self.unserved {
            metadata.text("cache_semantic", why);
        }
    }
}

/// An answer that is to be kept.
#[derive(Debug)]
pub struct Keeping {
    key: Key,
    about: About,
    /// How long.
    ttl: Duration,
    tool_calls: bool,
    bytes_max: usize,
    /// Those who wait for it.
    lead: Option<Lead>,
    /// How others may find it by meaning.
    alike: Option<Box<Alike>>,
    answer: Gathered,
}

/// As much of the answer as has come.
#[derive(Debug)]
enum Gathered {
    Nothing,
    Streaming(Box<(Gather, translate::Answer)>),
    Whole(Bytes),
    Unfit(&'static str),
}

impl Keeping {
    /// An answer to the request of this name, for those who wait for it. `None` where the client wants it kept by nobody, or
    /// passes by what others read: of that no client says what becomes.
    pub fn new(
        key: Key,
        rule: &Rule,
        controls: &Controls,
        about: About,
        bytes_max: usize,
        lead: Option<Lead>,
    ) -> Option<Self> {
        let own = rule.scope == Scope::Caller;
        // Whoever leads has found nothing that could be replaced.
        let passes_by = controls.no_lookup || controls.age_max.is_some() && lead.is_none();
        if controls.no_store || passes_by && !own {
            return None;
        }
        let ttl = controls.ttl.filter(|_| own).map_or(rule.ttl, |wanted| wanted.min(rule.ttl));
        let tool_calls = rule.store_tool_calls;
        Some(Self { key, about, ttl, tool_calls, bytes_max, lead, alike: None, answer: Gathered::Nothing })
    }

    /// It may be found by what means the same.
    pub fn found_by_meaning(mut self, alike: Option<Box<Alike>>) -> Self {
        self.about.question = alike.as_ref().map(|alike| alike.asked.text().to_owned()).unwrap_or_default();
        self.alike = alike;
        self
    }

    /// The configured name of the model that was to answer.
    pub fn model(&self) -> &str {
        &self.about.model
    }

    /// The answer begins to stream.
    pub fn begins(&mut self, answer: &translate::Answer) {
        if self.is_unfit() {
            return;
        }
        self.answer = Gathered::Streaming(Box::new((answer.gather(self.bytes_max), answer.clone())));
    }

    /// The next event of a stream, as the client reads it.
    pub fn event(&mut self, event: &Event<'_>) {
        if let Gathered::Streaming(streaming) = &mut self.answer {
            streaming.0.event(event);
        }
    }

    /// The whole answer, as the client would read it.
    pub fn whole(&mut self, body: Bytes, answer: &translate::Answer) {
        if self.is_unfit() {
            return;
        }
        self.answer = match self.fit(&body, answer) {
            Ok(()) => Gathered::Whole(body),
            Err(why) => Gathered::Unfit(why),
        };
    }

    /// The answer is not for others, whatever comes.
    pub fn unfit(&mut self, why: &'static str) {
        if self.is_unfit() {
            return;
        }
        self.answer = Gathered::Unfit(why);
        if let Some(lead) = self.lead.take() {
            lead.not_for_others();
        }
    }

    fn is_unfit(&self) -> bool {
        matches!(self.answer, Gathered::Unfit(_))
    }

    /// The exchange is over, and there is no answer to keep; why. `again`: one of those who wait may have more luck.
    pub fn discard(mut self, why: &'static str, again: bool) -> &'static str {
        let (why, again) = if let Gathered::Unfit(why) = self.answer { (why, false) } else { (why, again) };
        if let Some(lead) = self.lead.take().filter(|_| !again) {
            lead.not_for_others();
        }
        why
    }

    fn fit(&self, body: &[u8], answer: &translate::Answer) -> Result<(), &'static str> {
        if body.len() > self.bytes_max {
            return Err("too_large");
        }
        match answer.fitness(body) {
            Ok(keep::Whole::CallsTools) if !self.tool_calls => Err("tool_calls"),
            Ok(keep::Whole::CallsTools | keep::Whole::Says) => Ok(()),
            Err(unfit) => Err(unfit.as_str()),
        }
    }

    /// The exchange is over, and the answer was whole.
    ///
    /// # Errors
    /// Why it is not kept.
    pub fn keep(mut self, service: &Arc<Service>, served: About) -> Result<Arc<Entry>, &'static str> {
        let body = match std::mem::replace(&mut self.answer, Gathered::Nothing) {
            Gathered::Whole(body) => Ok(body),
            Gathered::Unfit(why) => Err(why),
            Gathered::Nothing => Err("unread"),
            Gathered::Streaming(streaming) => {
                let (gather, answer) = *streaming;
                gather.whole().map_err(lost).and_then(|response| {
                    let body = answer.gathered(&response);
                    self.fit(&body, &answer).map(|()| body.into())
                })
            }
        };
        let body = match body {
            Ok(body) => body,
            Err(why) => {
                if let Some(lead) = self.lead.take() {
                    lead.not_for_others();
                }
                return Err(why);
            }
        };
        let entry = Arc::new(Entry { body, about: self.ends(served) });
        let (asked, sample) = self.alike.take().map(|alike| (alike.asked, alike.sample)).unzip();
        if let (Some(asked), Some(Some(sample))) = (&asked, sample) {
            let cache = &service.cache;
            cache.semantic.compare(&entry.about.rule, asked, sample, &entry, &cache.shelf);
        }
        store(service, self.key, entry.clone(), asked, self.lead.take());
        Ok(entry)
    }

    /// When it was stored, and when it ends: a little earlier than it may.
    fn ends(&self, served: About) -> About {
        let stored_at = now_ms();
        let ttl = self.ttl.mul_f64(1.0 - rand::rng().random_range(0.0..JITTER));
        let expires_at = stored_at.saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        let About { front, operation, model, tenant, rule, question, .. } = self.about.clone();
        About { front, operation, model, tenant, rule, question, stored_at, expires_at, ..served }
    }
}

fn lost(lost: Lost) -> &'static str {
    match lost {
        Lost::TooLarge => "too_large",
        Lost::Broken => "not_sayable",
    }
}

/// Puts an answer on the shelf, and only then has its question be found. Nobody waits for that but in memory, where it takes
/// no time: those who wait have it at once, and those who come before it is on the shelf have it from who led.
fn store(service: &Arc<Service>, key: Key, entry: Arc<Entry>, asked: Option<semantic::Asked>, lead: Option<Lead>) {
    let learn = move |cache: &Cache, entry: &Entry| {
        if let Some(asked) = asked {
            cache.semantic.learn(&asked, &key, entry, &cache.shelf);
        }
    };
    match &service.cache.shelf {
        Shelf::Memory(memory) => {
            memory.put(&key, entry.clone());
            learn(&service.cache, &entry);
            if let Some(lead) = lead {
                lead.lands(entry);
            }
        }
        Shelf::Redis(_, memory) => {
            memory.put(&key, entry.clone());
            if let Some(lead) = &lead {
                lead.has(entry.clone());
            }
            // Without a runtime the process is ending.
            let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
            let service = service.clone();
            runtime.spawn(async move {
                service.cache.shelf.put(&key, entry.clone()).await;
                learn(&service.cache, &entry);
                drop(lead);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::flight::{Flights, Joined};
    use crate::cache::tests::{key, rule};
    use attache_core::dialect::Dialect;
    use attache_core::translate::Ask;

    fn lead() -> Option<Lead> {
        match Flights::default().join(&key(1)) {
            Joined::Leads(lead) => Some(lead),
            Joined::Follows(_) => None,
        }
    }

    fn keeping(scope: Scope, controls: &Controls, lead: Option<Lead>) -> Option<Keeping> {
        Keeping::new(key(1), &rule(scope), controls, About::default(), 1 << 20, lead)
    }

    #[test]
    fn what_is_not_for_others_stays_so_whatever_comes() {
        let ask = Ask::read(Dialect::OpenAi, br#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#).unwrap();
        let answer = ask.answered_here(0);
        let mut keeping = keeping(Scope::Shared, &Controls::default(), lead()).unwrap();
        keeping.unfit("other_model");
        assert!(keeping.lead.is_none(), "nobody waits for it");
        keeping.unfit("guard");
        keeping.begins(&answer);
        keeping.event(&Event::Done);
        keeping.whole(Bytes::from_static(b"{}"), &answer);
        assert!(matches!(keeping.answer, Gathered::Unfit("other_model")));
    }

    /// Nobody makes others read another answer, or for a shorter time.
    #[test]
    fn clients_have_a_say_in_their_own_answers_only() {
        let second = Some(Duration::from_secs(1));
        let passing =
            [Controls { no_lookup: true, ..Controls::default() }, Controls { age_max: second, ..Controls::default() }];
        let shorter = Controls { ttl: second, ..Controls::default() };
        for scope in [Scope::Team, Scope::Route, Scope::Shared] {
            for controls in &passing {
                assert!(keeping(scope, controls, None).is_none());
            }
            assert!(keeping(scope, &passing[1], lead()).is_some(), "there is nothing to replace");
            assert_eq!(keeping(scope, &shorter, None).unwrap().ttl, rule(scope).ttl);
        }
        for controls in &passing {
            assert!(keeping(Scope::Caller, controls, None).is_some());
        }
        assert_eq!(Some(keeping(Scope::Caller, &shorter, None).unwrap().ttl), second);
    }
}
