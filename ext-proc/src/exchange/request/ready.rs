//! The first target of a plan that can be asked now, and the request for it.

use super::Asked;
use super::refused::no_such_model;
use crate::config::compiled::{Model, Target};
use crate::credentials::{Unavailable, Used};
use crate::exchange::message::Change;
use crate::exchange::plan::Plan;
use crate::exchange::{Topology, upstream_head};
use crate::fetch;
use attache_core::fault::Fault;
use attache_core::translate::{Ask, Translated};

/// A plan whose first target can be asked, and the request for it.
pub(super) struct Ready<M> {
    pub plan: Plan,
    pub made: M,
    /// Its address and credentials, as far as the attempt stage and filters do not see to them.
    pub head: Change,
    pub used: Used,
}

/// How the request for a target is made.
pub(super) trait Make {
    /// What is made, beside the head.
    type Made;

    /// Makes it.
    ///
    /// # Errors
    /// Why this target cannot be asked now.
    async fn make(
        &mut self,
        asked: &Asked,
        target: &Target,
        model: &Model,
    ) -> Result<(Self::Made, Change, Used), Fault>;
}

/// Out of the client's body.
pub(super) struct OfBody<'r, 'b> {
    pub ask: Ask<'b>,
    pub body: &'r [u8],
}

/// Filters make it: only what the provider asks to be shown comes from here.
pub(super) struct ByFilters;

impl Asked {
    /// The first target that can be asked now, with the plan from there on: its dialect can say the request, and its
    /// credentials can be had.
    pub(super) async fn ready<M: Make>(&self, mut make: M, plan: Plan, model: &Model) -> Result<Ready<M::Made>, Fault> {
        let mut refusal = None;
        let mut left = Some(plan);
        while let Some(plan) = left.take() {
            let Some(target) = plan.attempt(1).cloned() else { break };
            match make.make(self, &target, model).await {
                Ok((made, head, used)) => {
                    // A later attempt whose credentials cannot be had would end the exchange: Envoy tries no other one then.
                    let plan = plan.clone().only(|target| !target.provider.credentials.are_away()).unwrap_or(plan);
                    return Ok(Ready { plan, made, head, used });
                }
                Err(fault) => {
                    refusal.get_or_insert(fault);
                    left = plan.without_first();
                }
            }
        }
        Err(refusal.unwrap_or_else(|| no_such_model(&model.name)))
    }

    fn passed_over(&self, unavailable: &Unavailable) -> Fault {
        tracing::warn!(request_id = self.books.request_id, problem = %unavailable, "a provider is passed over");
        unavailable.fault()
    }
}

impl Make for OfBody<'_, '_> {
    type Made = Translated;

    /// In the shared topology only the way back from it counts: the attempt makes its own.
    async fn make(
        &mut self,
        asked: &Asked,
        target: &Target,
        model: &Model,
    ) -> Result<(Translated, Change, Used), Fault> {
        let Self { ask, body } = self;
        let dialect = target.provider.dialect_for(ask.endpoint().dialect);
        let (rules, service) = (model.fetch_media.as_ref(), asked.books.service());
        match asked.topology {
            Topology::Sidecar => fetch::complete(ask, dialect, rules, service.fetcher.as_ref()).await?,
            Topology::Shared | Topology::Hybrid => fetch::promise(ask, dialect, rules),
        }
        let made = model.judge(ask.translate(dialect, &target.upstream, asked.books.now())?)?;
        let mut head = Change::default();
        let signed = match asked.topology {
            // The attempt stage signs; what it cannot get it is not asked for.
            Topology::Shared | Topology::Hybrid => target.provider.credentials.ready().await.map(|()| Used::Nothing),
            Topology::Sidecar => {
                upstream_head::address(&mut head, target, &asked.config, &asked.asking, &made.path);
                let body = Some(made.body.as_deref().unwrap_or(body));
                upstream_head::sign(&mut head, target, "POST", body).await
            }
        };
        let used = signed.map_err(|unavailable| asked.passed_over(&unavailable))?;
        Ok((made, head, used))
    }
}

impl Make for ByFilters {
    type Made = ();

    async fn make(&mut self, asked: &Asked, target: &Target, _: &Model) -> Result<((), Change, Used), Fault> {
        let mut head = Change::default();
        let used = upstream_head::show(&mut head, target, &asked.config).await;
        Ok(((), head, used.map_err(|unavailable| asked.passed_over(&unavailable))?))
    }
}
