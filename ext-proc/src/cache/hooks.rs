//! Where an exchange's answer passes by.

use super::entry::About;
use super::keeping::{Course, Outcome, Unserved};
use crate::exchange::settle::{Ending, Settlement};
use attache_core::stream::Event;
use attache_core::translate::Answer;
use attache_core::usage::Usage;
use attache_proto::usage::v1 as proto;

impl Settlement {
    /// An answer begins to stream.
    pub fn begin_keeping(&mut self, answer: &Answer) {
        if let Some(keeping) = self.keeping() {
            keeping.begins(answer);
        }
    }

    /// The next event of a stream, as the client reads it.
    pub fn keep_event(&mut self, event: &Event<'_>) {
        if let Some(keeping) = self.keeping() {
            keeping.event(event);
        }
    }

    /// A whole answer, `translated` from the provider's `body` where that was necessary, maybe to a stream.
    pub fn keep_whole(&mut self, answer: &Answer, translated: Option<&[u8]>, body: &[u8], is_stream: bool) {
        let priced = self.wants_cost;
        let Some(keeping) = self.keeping() else { return };
        let whole = match translated {
            Some(_) if is_stream => answer.unstreamed(body),
            Some(translated) if priced => answer.unpriced(translated),
            None if priced => answer.unpriced(body),
            Some(translated) => Ok(translated.to_vec()),
            None => Ok(body.to_vec()),
        };
        match whole {
            Ok(whole) => keeping.whole(whole.into(), answer),
            Err(unfit) => keeping.unfit(unfit.as_str()),
        }
    }

    /// The answer is not for others.
    pub fn not_kept(&mut self, why: &'static str) {
        if let Some(keeping) = self.keeping() {
            keeping.unfit(why);
        }
    }

    fn keeping(&mut self) -> Option<&mut super::keeping::Keeping> {
        self.cache.as_mut()?.keeping.as_mut()
    }

    /// Keeps the answer, if all has gone well. What was used for it, and what that cost.
    pub fn settle_cache(&mut self, usage: Option<&Usage>, cost_nanos: Option<u64>) {
        let Some(course) = &mut self.cache else { return };
        let Some(keeping) = course.keeping.take() else { return };
        let rule = course.rule.name.clone();
        let kept = if self.seen.stopped {
            Err(keeping.discard("stopped", false))
        } else if self.ending == Ending::Complete && self.served && (200..300).contains(&self.status) {
            let target = self.plan.as_ref().and_then(|plan| plan.attempt(self.attempts));
            let served = About {
                provider: target.map(|target| target.provider.name.to_string()).unwrap_or_default(),
                upstream_model: target.map(|target| target.upstream.model.clone()).unwrap_or_default(),
                usage: usage.copied(),
                cost_nanos,
                ..About::default()
            };
            keeping.keep(self.service(), served).map(drop)
        } else {
            // What is wrong with a request is wrong with all of its kind; another kind of failure may be over.
            let again = !(400..500).contains(&self.status) || matches!(self.status, 408 | 429);
            Err(keeping.discard(if self.ending == Ending::Cut { "cut" } else { "failed" }, again))
        };
        let metrics = &self.service().metrics;
        match kept {
            Ok(()) => metrics.cache.stored.with_label_values(&[&*rule]).inc(),
            Err(why) => metrics.cache.not_stored.with_label_values(&[&*rule, why]).inc(),
        }
    }
}

impl Course {
    /// For the usage record. `now_ms`: when it was found.
    pub fn record(&self, now_ms: u64) -> proto::Cache {
        let mut record = proto::Cache {
            rule: self.rule.name.to_string(),
            outcome: self.outcome.as_str().to_owned(),
            ..proto::Cache::default()
        };
        match &self.outcome {
            Outcome::Miss => {
                if let Some(Unserved { why, similarity }) = self.unserved {
                    (record.reason, record.similarity) = (Some(why.to_owned()), Some(similarity));
                }
            }
            Outcome::Bypass(why) => record.reason = Some((*why).to_owned()),
            Outcome::Found(entry, how) => {
                record.age_seconds = Some(entry.age_seconds(now_ms));
                record.saved_nanos = entry.about.cost_nanos;
                record.saved_tokens = entry.about.usage.map(|usage| usage.input.saturating_add(usage.output));
                record.similarity = match how {
                    super::lookup::How::Alike(similarity) => Some(*similarity),
                    super::lookup::How::Exact | super::lookup::How::Coalesced => None,
                };
            }
        }
        record
    }
}
