//! Is there room for it under the limits, and at whom?

use super::refused::{no_such_model, store_away};
use super::{Asked, Refusal};
use crate::config::compiled::{Model, Target};
use crate::counting::{self, Counting, Wanted};
use crate::exchange::plan::Plan;
use crate::exchange::settle::Prompt;
use crate::limits::claims::{self, Claims, Expected};
use crate::limits::held::Held;
use crate::limits::refusal::Denied;
use crate::limits::rule::Facts;
use crate::store::Unavailable;
use attache_core::fault::Fault;
use attache_core::hybrid;
use attache_core::translate::Ask;
use std::sync::Arc;

/// A model, its plan, and the most tokens of answer that may be asked for.
type Planned = (Arc<Model>, Plan, Option<u64>);

/// What is known of a request that is to be weighed.
#[derive(Clone, Copy)]
pub(super) enum Weighed<'r, 'b> {
    /// Nobody looks into it.
    Unread,
    /// All of it, with its bytes.
    Whole(&'r Ask<'b>, &'r [u8]),
    /// What a filter has told.
    Told(&'r hybrid::Ask),
}

impl Weighed<'_, '_> {
    /// The model, as the client names it.
    fn model(&self) -> &str {
        match self {
            Self::Unread => "",
            Self::Whole(ask, _) => &ask.model,
            Self::Told(ask) => &ask.model,
        }
    }
}

impl Asked {
    /// Plans with a model and holds what the exchange may use: with the model that is asked for, or with the one that a
    /// used-up budget names instead. The model, its plan, and the most tokens of answer that may be asked for.
    pub(super) async fn hold(&mut self, asked: Weighed<'_, '_>, model: Arc<Model>) -> Result<Planned, Refusal> {
        let mut plan = self.reachable(&model).ok_or_else(|| no_such_model(asked.model()))?;
        let mut model = model;
        // Rules know a model by the name that it is asked for by; metrics know an exposed one by its provider only.
        let mut named = asked.model().to_owned();
        let mut used_up: Option<Arc<str>> = None;
        loop {
            self.books.model = model.name.clone();
            let denied = match self.room(asked, plan, &named, used_up.as_deref()).await? {
                Ok((plan, cap)) => return Ok((model, plan, cap)),
                Err(denied) => denied,
            };
            let other = denied.rule().budget.as_ref().and_then(|budget| budget.instead.as_deref());
            let other = other.filter(|_| used_up.is_none()).and_then(|other| self.config.model(other));
            // A model that this caller's providers do not serve is no way out.
            let other = other.and_then(|other| Some((self.reachable(&other)?, other)));
            let decisions = &self.books.service().metrics.limits.decisions;
            let decided = |decision| decisions.with_label_values(&[&*denied.rule().name, decision]).inc();
            let Some(other) = other else {
                decided("denied");
                return Err(Refusal::Denied(Box::new(denied)));
            };
            decided("instead");
            used_up = Some(denied.rule().name.clone());
            (plan, model) = other;
            named = model.name.to_string();
        }
    }

    /// Holds what an exchange with the model of this name may use under this plan, less the providers that have no room
    /// themselves. `used_up`: the budget because of which this model serves; it counts what is used, and lets it pass.
    pub(super) async fn room(
        &mut self,
        asked: Weighed<'_, '_>,
        plan: Plan,
        named: &str,
        used_up: Option<&str>,
    ) -> Result<Result<(Plan, Option<u64>), Denied>, Fault> {
        let service = self.books.service().clone();
        let config = self.config.clone();
        let caller = self.books.caller().clone();
        let facts = Facts { caller: &caller, model: named, front: self.asking.front(), head: &self.head };
        let rules = config.rules.of(&facts);
        let mut plan = claims::with_known_price(plan, &rules, &facts).map_err(|(budget, fault)| {
            self.books.refused_by = Some(budget);
            fault
        })?;
        let Some(target) = plan.attempt(1).cloned() else { return Err(no_such_model(named)) };
        let (prompt, wanted) = self.weighed(asked, &target, !rules.is_empty());
        let tokens = prompt.tokens;
        self.books.prompt = Some(prompt);
        let (expected, cap) = match wanted {
            None => (Expected::default(), None),
            Some(wanted) => claims::expected(wanted, tokens, &rules, &facts, &plan, &config),
        };
        loop {
            let claims = Claims::of(&rules, &facts, &plan, expected, &config.prices).passing(used_up);
            if claims.is_empty() {
                return Ok(Ok((plan, cap)));
            }
            let denied = match Held::new(&service.store, claims).await {
                Err(Unavailable) => {
                    service.metrics.limits.decisions.with_label_values(&["", "unavailable"]).inc();
                    return Err(store_away());
                }
                Ok(Ok(held)) => {
                    self.books.held = Some(held);
                    return Ok(Ok((plan, cap)));
                }
                Ok(Err(denied)) => denied,
            };
            // A provider that has no room itself is passed over.
            let Some(full) = denied.meaning.provider.clone() else { return Ok(Err(denied)) };
            let Some(others) = plan.only(|target| target.provider.name != full) else { return Ok(Err(denied)) };
            service.metrics.limits.decisions.with_label_values(&[&*denied.rule().name, "passed_over"]).inc();
            plan = others;
        }
    }

    /// The tokens of a prompt, and what is wanted of the answer where somebody asks for that. `matters`: some rule goes by
    /// the count.
    fn weighed(&self, asked: Weighed<'_, '_>, target: &Arc<Target>, matters: bool) -> (Prompt, Option<Wanted>) {
        match asked {
            Weighed::Unread => (Prompt { tokens: 0, estimated: None }, None),
            Weighed::Told(ask) => {
                let wanted = counting::wanted_by(ask, &self.asking.endpoint);
                (Prompt { tokens: ask.prompt_tokens, estimated: None }, matters.then_some(wanted))
            }
            Weighed::Whole(_, body) if !matters => (Prompt { tokens: counting::rough(body), estimated: None }, None),
            Weighed::Whole(ask, body) => {
                let counting = Counting::best(target, &self.books.service().calibration, body.len());
                let prompt = counting::prompt(ask, body, &counting, &target.upstream.model);
                let estimated = counting.ratio().map(|ratio| (target.clone(), ratio));
                (Prompt { tokens: prompt.tokens, estimated }, Some(counting::wanted(ask)))
            }
        }
    }

    /// Plans an exchange with what the caller may reach of a model.
    pub(super) fn reachable(&self, model: &Model) -> Option<Plan> {
        let caller = self.books.caller();
        Plan::new(model, &mut rand::rng())?.only(|target| caller.may_reach(&target.provider.name))
    }
}
