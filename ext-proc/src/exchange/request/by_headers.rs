//! The hybrid: the service sees headers, and among them what a filter tells of the body. It says who may ask, whether there
//! is room, which targets, and what to show the first of them; filters make the requests and bring the answers back.
//!
//! Nothing of the exchange comes here after that but its line in Envoy's access log: the books [wait](crate::exchange::waiting).

use super::ready::{ByFilters, Ready};
use super::refused::{refuse, shown};
use super::room::Weighed;
use super::{Asked, Refusal, too_large};
use crate::config::compiled::Model;
use crate::exchange::Exchange;
use crate::exchange::message::{Change, Reply};
use crate::exchange::pending::UsedCredentials;
use crate::exchange::plan::Plan;
use crate::exchange::response;
use crate::exchange::waiting::Ticket;
use crate::limits::refusal;
use attache_core::endpoint::Operation;
use attache_core::fault::{Fault, FaultKind};
use attache_core::hybrid;
use std::sync::Arc;

/// A request that goes on.
struct Going {
    plan: Plan,
    change: Change,
    ticket: Ticket,
}

impl Asked {
    /// Decides by the headers.
    pub(in crate::exchange) async fn by_headers(mut self) -> (Exchange, Reply) {
        match self.going().await {
            Ok(going) => self.goes(going),
            Err(refusal) => self.refused(refusal),
        }
    }

    async fn going(&mut self) -> Result<Going, Refusal> {
        if let Some(need) = self.config.needs_bodies.first() {
            return Err(self.unfit(need).into());
        }
        if self.asking.endpoint.operation == Operation::Other {
            let (model, plan) = self.planned_elsewhere()?;
            let plan = self.room_elsewhere(plan).await?;
            return Ok(self.aimed(&model, plan, None).await?);
        }
        if self.tokenize {
            return Err(uncounted().into());
        }
        let ask = self.told()?;
        if let Some(fault) = too_large(ask.bytes, &self.config) {
            return Err(fault.into());
        }
        self.books.stream = ask.stream;
        self.books.model_asked = Some(shown(&ask.model));
        let model = self.model(&ask.model)?;
        let (model, plan, cap) = if self.asking.endpoint.operation == Operation::Count {
            let endpoint = self.asking.endpoint.clone();
            let plan = self.counted_upstream(&endpoint, &model).ok_or_else(uncounted)?;
            (model, plan, None)
        } else {
            self.hold(Weighed::Told(&ask), model).await?
        };
        Ok(self.aimed(&model, plan, cap).await?)
    }

    /// What a filter has told of the body.
    ///
    /// # Errors
    /// None has, or in other words than ours: another one stands there, or none.
    fn told(&self) -> Result<hybrid::Ask, Fault> {
        let ask = self.head.get(hybrid::ASK_HEADER).ok_or_else(|| "it is missing".to_owned());
        ask.and_then(hybrid::read).map_err(|why| {
            let header = hybrid::ASK_HEADER;
            self.unfit(&format!("the header {header} of the filter `model-router` cannot be read: {why}"))
        })
    }

    /// Nobody can serve like this.
    fn unfit(&self, why: &str) -> Fault {
        tracing::error!(request_id = self.books.request_id, why, "the topology `hybrid` cannot serve this");
        let message = "the gateway is not set up to read this request; its operator must look at its log";
        Fault::new(FaultKind::Server, message).with_code("not_read")
    }

    /// Aims at the first target that can be asked now.
    async fn aimed(&self, model: &Model, plan: Plan, output_cap: Option<u64>) -> Result<Going, Fault> {
        let Ready { plan, head, used, .. } = self.ready(ByFilters, plan, model).await?;
        let mut change = self.routed(model, &plan);
        change.headers_only = true;
        change.set.extend(head.set);
        change.remove.extend(head.remove);
        let told = plan.told(output_cap).map_err(|why| self.unfit(&format!("the plan cannot be told: {why}")))?;
        change.metadata.text(hybrid::PLAN_KEY, told.clone());
        change.set(hybrid::PLAN_HEADER, told);
        change.trim(&self.head);
        if let Some(target) = plan.attempt(1) {
            change.metadata.text("target", &target.provider.cluster);
        }
        for (name, value) in self.books.held.iter().flat_map(|held| refusal::headers(held.standings())) {
            if let Some(name) = refusal::HEADERS.iter().find(|known| **known == name) {
                change.metadata.text(name, value);
            }
        }
        let ticket = Ticket {
            plan: plan.clone(),
            config: self.config.clone(),
            front: self.asking.endpoint.errors(),
            under_way: self.books.under_way.clone(),
            used: UsedCredentials::first(used),
        };
        Ok(Going { plan, change, ticket })
    }

    /// It goes on, and its books wait.
    fn goes(self, going: Going) -> (Exchange, Reply) {
        let Going { plan, mut change, ticket } = going;
        let Self { mut books, config, asking, .. } = self;
        books.meter = plan.attempt(1).map(|target| response::meter(&config, &books, target));
        books.plan = Some(plan);
        let service = books.service().clone();
        match service.waiting.admit(Arc::new(ticket), books) {
            Ok(id) => {
                change.metadata.text("exchange", id);
                (Exchange::Over, Reply::Go(change))
            }
            Err(mut books) => {
                books.nothing_sent();
                let fault = Fault::new(FaultKind::Overloaded, "too many requests are open; try again later");
                refuse(books, asking.endpoint.errors(), &fault.with_code("too_many_open"))
            }
        }
    }
}

fn uncounted() -> Fault {
    let message = "this gateway does not count tokens itself, and this model's provider has no such endpoint";
    Fault::invalid(message).with_code("unsupported_endpoint")
}
