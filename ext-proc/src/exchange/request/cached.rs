//! What has been answered before is answered by the cache.

use super::{Asked, Refusal};
use crate::cache::controls::{self, Controls};
use crate::cache::entry::{About, Entry};
use crate::cache::keeping::{self, Alike, Course, Keeping, Outcome, Unserved};
use crate::cache::lookup::{How, Looked, Wanted, is_young};
use crate::cache::now_ms;
use crate::cache::rule::{self, Rule, Rules, Whose};
use crate::cache::semantic::{self, Looking};
use crate::config::compiled::Model;
use crate::exchange::message::Answer;
use crate::limits::refusal;
use crate::limits::rule::Facts;
use attache_core::cache_key::{Request, Scope, Unkeyable, Unrepeatable};
use attache_core::dialect::Dialect;
use attache_core::endpoint::Operation;
use attache_core::fault::{Fault, FaultKind};
use attache_core::translate::Ask;
use bytes::Bytes;
use std::borrow::Cow;
use std::sync::Arc;

/// When the cache looks: rules decide whether an answer from it counts as a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Before limits are asked.
    BeforeHold,
    /// When there is room for the request.
    Held,
}

/// What is there for questions that mean the same.
enum Meant {
    /// An answer, and how alike the questions are.
    Found(Arc<Entry>, f32),
    /// None that is served; what there is to be remembered.
    Nothing(Option<Box<Alike>>, Option<Unserved>),
}

impl Asked {
    /// Takes out of a body what is for the cache only.
    pub(super) fn without_cache_field(&mut self, body: &Bytes) -> Option<Bytes> {
        match self.asking.front() {
            Dialect::OpenAi | Dialect::Responses | Dialect::Completions => self.config.cache.as_ref()?,
            Dialect::Anthropic | Dialect::Gemini | Dialect::Converse | Dialect::Cohere => return None,
        };
        let (left, field) = controls::without_field(body)?;
        self.cache_field = Some(field);
        Some(left)
    }

    /// Looks whether a request has been answered before. The answer, where it has.
    ///
    /// # Errors
    /// A client that wants what cannot be, or no answer but one from here.
    pub(super) async fn cached(
        &mut self,
        ask: &Ask<'_>,
        body: &[u8],
        model: &Model,
        when: When,
    ) -> Result<Option<Answer>, Refusal> {
        let config = self.config.clone();
        let Some(rules) = &config.cache else { return Ok(None) };
        let Some(rule) = self.cache_rule(rules, ask) else { return Ok(None) };
        if rule.count_requests != (when == When::Held) {
            self.served_by_another(model);
            return Ok(None);
        }
        let controls = match rule.client_controls {
            true => Controls::read(&self.head, self.cache_field.as_deref())?,
            false => Controls::default(),
        };
        let (course, found) = match self.looked(rules, &rule, &controls, ask, body, model).await {
            Ok((Looked::Found(entry, how), ..)) => match self.replayed(ask, &entry, how)? {
                Some(answer) => {
                    let outcome = Outcome::Found(entry, how);
                    (Course { rule, outcome, keeping: None, unserved: None }, Some(answer))
                }
                // What cannot be read is as good as nothing.
                None => (Course { rule, outcome: Outcome::Miss, keeping: None, unserved: None }, None),
            },
            Ok((Looked::Nothing(_), ..)) if controls.only_cached => return Err(not_cached().into()),
            Ok((Looked::Nothing(_), keeping, unserved)) => {
                (Course { rule, outcome: Outcome::Miss, keeping, unserved }, None)
            }
            Err(_) if controls.only_cached => return Err(not_cached().into()),
            Err(why) => (*Course::bypassed(&rule, why), None),
        };
        self.books.model = model.name.clone();
        let answer = found.map(|mut answer| {
            course.tell(&mut answer.metadata);
            answer
        });
        self.books.cache = Some(Box::new(course));
        Ok(answer)
    }

    /// The rule that applies.
    fn cache_rule(&self, rules: &Rules, ask: &Ask<'_>) -> Option<Arc<Rule>> {
        match ask.endpoint().operation {
            Operation::Chat | Operation::Embed | Operation::Rerank => {}
            Operation::Count | Operation::Invoke | Operation::Pass | Operation::Other => return None,
        }
        let facts =
            Facts { caller: self.books.caller(), model: &ask.model, front: self.asking.front(), head: &self.head };
        rules.of(&facts).cloned()
    }

    /// A budget has another model serve than the one for which the cache was asked: its answer is not that one's.
    fn served_by_another(&mut self, model: &Model) {
        let keeping = self.books.cache.as_mut().and_then(|course| course.keeping.as_mut());
        if let Some(keeping) = keeping.filter(|keeping| keeping.model() != &*model.name) {
            keeping.unfit("other_model");
        }
    }

    /// What the cache has, and the way to keep what it has not.
    ///
    /// # Errors
    /// Why it has nothing to do with the request.
    async fn looked(
        &self,
        rules: &Rules,
        rule: &Arc<Rule>,
        controls: &Controls,
        ask: &Ask<'_>,
        body: &[u8],
        model: &Model,
    ) -> Result<(Looked, Option<Keeping>, Option<Unserved>), &'static str> {
        if controls.no_lookup && controls.no_store {
            return Err("client");
        }
        let caller = self.books.caller();
        let whose = Whose::of(rule, caller).ok_or("no_caller")?;
        let endpoint = ask.endpoint();
        let request = Request::read(endpoint, body).map_err(|unkeyable| match unkeyable {
            Unkeyable::NotJson => "not_json",
            Unkeyable::TooDeep => "too_deep",
        })?;
        if let Some(unrepeatable) = request.unrepeatable() {
            return Err(match unrepeatable {
                Unrepeatable::Conversation => "conversation",
                Unrepeatable::Background => "background",
                Unrepeatable::Container => "container",
                Unrepeatable::Acts => "acts",
            });
        }
        let reachable = model.targets.iter().filter(|target| caller.may_reach(&target.provider.name));
        let targets = rules.targets(&model.name, reachable);
        let models: Vec<&str> = targets.iter().map(String::as_str).collect();
        let beside = self.asking.beside();
        let salts = controls.salts.iter().chain(&beside);
        let also: Vec<(&str, &str)> = salts.map(|(name, value)| (*name, value.as_str())).collect();
        let policy = self.cache_policy(rules);
        let scope =
            Scope { tenant: whose.tenant(), policy: &policy, models: &models, also: &also, left_out: &rule.ignore };
        let key = rules.keys.exact(&scope, &request);
        let service = self.books.service();
        let looked = service.cache.look(&Wanted { key, rule, controls }).await;
        let Looked::Nothing(lead) = looked else { return Ok((looked, None, None)) };
        let alike = match &rules.embedder {
            Some(embedder) if rule.semantic.is_some() && !controls.no_lookup => {
                let redacted = self.books.is_veiled();
                let keys = &rules.keys;
                let looking = Looking { rule, embedder, endpoint, request: &request, keys, scope: &scope, redacted };
                self.alike(&looking, controls).await
            }
            Some(_) | None => Meant::Nothing(None, None),
        };
        let (alike, unserved) = match alike {
            Meant::Found(entry, similarity) => {
                if let Some(lead) = lead {
                    lead.lands_alike(entry.clone(), similarity);
                }
                return Ok((Looked::Found(entry, How::Alike(similarity)), None, None));
            }
            Meant::Nothing(alike, unserved) => (alike, unserved),
        };
        let about = About {
            front: endpoint.dialect.as_str().to_owned(),
            operation: endpoint.operation.as_str().to_owned(),
            model: model.name.to_string(),
            tenant: whose.tag(),
            rule: rule.name.to_string(),
            ..About::default()
        };
        let keeping = Keeping::new(key, rule, controls, about, rules.entry_bytes_max, lead);
        let keeping = keeping.map(|keeping| keeping.found_by_meaning(alike));
        Ok((Looked::Nothing(None), keeping, unserved))
    }

    /// What is there for questions that mean the same.
    async fn alike(&self, looking: &Looking<'_>, controls: &Controls) -> Meant {
        let cache = &self.books.service().cache;
        let unserved = |why, similarity| Some(Unserved { why, similarity });
        match cache.semantic.look(looking, &cache.shelf).await {
            semantic::Looked::Skipped => Meant::Nothing(None, None),
            semantic::Looked::Nothing(asked) => Meant::Nothing(Some(Box::new(Alike { asked, sample: None })), None),
            semantic::Looked::Found(found) if is_young(&found.entry, controls) => {
                Meant::Found(found.entry, found.similarity)
            }
            // The client's own answer will be newer.
            semantic::Looked::Found(_) => Meant::Nothing(None, None),
            semantic::Looked::Shadow(asked, similarity) => {
                Meant::Nothing(Some(Box::new(Alike { asked, sample: None })), unserved("shadow", similarity))
            }
            // Whoever takes no other answer gets this one.
            semantic::Looked::Sample(_, sample) if controls.only_cached => {
                let semantic::Found { entry, similarity, .. } = sample.into_found();
                if is_young(&entry, controls) { Meant::Found(entry, similarity) } else { Meant::Nothing(None, None) }
            }
            semantic::Looked::Sample(asked, sample) => {
                let similarity = sample.similarity();
                Meant::Nothing(Some(Box::new(Alike { asked, sample: Some(sample) })), unserved("sample", similarity))
            }
        }
    }

    /// What operators let happen to this exchange: others under the same configuration may be under other policies.
    fn cache_policy(&self, rules: &Rules) -> String {
        let guards = self.books.guards.iter().flat_map(|guards| guards.names());
        let redaction = self.books.redaction.iter().map(|redaction| redaction.policy());
        let names = guards.chain(["/"]).chain(redaction);
        let policy = names.fold(rules.policy.clone(), |policy, name| policy + " " + name);
        match &self.books.guards {
            // What it let one caller read it has not let another read.
            Some(guards) if guards.answer_by_caller() => policy + " " + &rule::known_as(self.books.caller()),
            Some(_) | None => policy,
        }
    }

    /// An answer of the cache, as the client asked for it; `None` where nobody can read it any more.
    ///
    /// # Errors
    /// A policy does not let it out.
    fn replayed(&mut self, ask: &Ask<'_>, entry: &Entry, how: How) -> Result<Option<Answer>, Fault> {
        let streams = ask.stream && ask.endpoint().operation == Operation::Chat;
        let mut headers: Vec<(Cow<'static, str>, String)> = Vec::new();
        let body = if streams {
            let way_back = ask.answered_here(self.books.now());
            headers.push(("content-type".into(), way_back.stream_content_type().to_owned()));
            match way_back.whole(&entry.body, &mut |_| {}) {
                Ok(whole) => whole.body.unwrap_or_default(),
                Err(_) => return Ok(None),
            }
        } else {
            let own = ask.answered_here(self.books.now()).addressed(&entry.body);
            own.unwrap_or_else(|| entry.body.to_vec())
        };
        let body = self.books.unveiled(Cow::Owned(body), streams)?.into_owned();
        let about = &entry.about;
        headers.push((keeping::HEADER.into(), how.shown().to_owned()));
        headers.push(("age".into(), entry.age_seconds(now_ms()).to_string()));
        if let How::Alike(similarity) = how {
            headers.push((keeping::SIMILARITY.into(), format!("{similarity:.4}")));
        }
        headers.push(("x-attache-provider".into(), about.provider.clone()));
        headers.push(("x-attache-model".into(), about.upstream_model.clone()));
        if self.books.wants_cost {
            headers.push(("x-attache-cost".into(), "0".to_owned()));
        }
        if let Some(held) = &self.books.held {
            headers.extend(refusal::headers(held.standings()));
        }
        let mut answer =
            Answer { status: 200, headers, body, details: "attache_cache".to_owned(), ..Answer::default() };
        let caller = self.books.caller();
        let metadata = &mut answer.metadata;
        metadata.text("front", self.asking.front().as_str()).text("model", &about.model).text("caller", &*caller.name);
        metadata.text("provider", &about.provider);
        if let Some(team) = &caller.team {
            metadata.text("team", &**team);
        }
        Ok(Some(answer))
    }
}

fn not_cached() -> Fault {
    let message = "the cache has no answer to this, and `only-if-cached` asks for no other one";
    Fault::new(FaultKind::Timeout, message).with_code("not_cached")
}
