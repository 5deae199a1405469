//! A request that names no model (files, batches, stored answers): it goes on as it is, but for what policies and guards
//! make of it where its body can be read.

use super::room::Weighed;
use super::{Asked, Refusal, too_large};
use crate::config::compiled::Model;
use crate::credentials::Used;
use crate::exchange::message::{Body, Change, Head, Reply};
use crate::exchange::plan::Plan;
use crate::exchange::response::Sent;
use crate::exchange::{Exchange, Topology, upstream_head};
use crate::limits::rule::Facts;
use crate::redaction::Question;
use crate::{front, guards, redaction};
use attache_core::endpoint::Endpoint;
use attache_core::fault::Fault;
use attache_core::translate;
use bytes::Bytes;
use std::sync::Arc;

/// Media types of bodies in which texts can be told from anything else.
const READABLE: [&str; 2] = ["application/json", "multipart/form-data"];

impl Asked {
    /// Whether a policy or a guard looks into its body.
    pub(super) fn is_looked_into(&self) -> bool {
        let (endpoint, front) = (&self.asking.endpoint, self.asking.front());
        let question = Question { endpoint, model: "", front, head: &self.head, body: Body::Unread };
        let facts = Facts { caller: self.books.caller(), model: "", front, head: &self.head };
        is_readable(&self.head)
            && (redaction::applies(&self.books, &self.config, &question) || guards::want_body(&self.config, &facts))
    }

    /// Sends on what names no model, as it is, to the provider that takes such requests of its dialect.
    pub(super) async fn elsewhere(mut self, body: Option<Bytes>) -> (Exchange, Reply) {
        match self.untouched(body).await {
            Ok((change, used)) => {
                let answer = translate::Answer::untouched(&self.asking.endpoint);
                let sent = Sent::new(self.config, self.books, answer, None, used);
                (Exchange::Sent(Box::new(sent)), Reply::Go(change))
            }
            Err(refusal) => self.refused(refusal),
        }
    }

    /// `body`: where a policy must look into it.
    async fn untouched(&mut self, body: Option<Bytes>) -> Result<(Change, Used), Refusal> {
        if let Some(fault) = body.as_ref().and_then(|body| too_large(body.len() as u64, &self.config)) {
            return Err(fault.into());
        }
        let endpoint = self.asking.endpoint.clone();
        let method = self.head.get(":method").unwrap_or_default().to_owned();
        let (model, plan) = self.planned_elsewhere()?;
        let read = match body.as_deref() {
            Some(body) => Body::Whole(body),
            None if self.head.end => Body::Nothing,
            None => Body::Unread,
        };
        self.guarded_elsewhere(&endpoint, read)?;
        let masked = self.redacted(&endpoint, "", read).await?;
        self.others_asked_elsewhere(read, masked.as_deref()).await?;
        let plan = self.room_elsewhere(plan).await?;
        let plan = plan.followed(&self.follow);
        let mut change = self.routed(&model, &plan);
        change.skip_request_body = true;
        let read = if self.head.end { Some(Bytes::new()) } else { masked.clone().or(body) };
        let mut used = Used::Nothing;
        if let (Topology::Sidecar, Some(target)) = (self.topology, plan.attempt(1)) {
            let path = endpoint.upstream_path(endpoint.dialect, target.upstream.hosting, "", false);
            upstream_head::address(&mut change, target, &self.config, &self.asking, &path.unwrap_or_default());
            let signed = upstream_head::sign(&mut change, target, &method, read.as_deref()).await;
            used = signed.map_err(|unavailable| unavailable.fault())?;
            change.trim(&self.head);
            change.metadata.text("target", &target.provider.cluster);
        }
        if let Some(masked) = masked {
            change.set("content-length", masked.len().to_string());
            change.body = Some(masked.into());
        }
        self.books.plan = Some(plan);
        Ok((change, used))
    }

    /// Who takes it, and the plan with them.
    ///
    /// # Errors
    /// Nobody does, or nobody whom the caller may reach.
    pub(super) fn planned_elsewhere(&mut self) -> Result<(Arc<Model>, Plan), Fault> {
        let word = |name: &str| self.head.get(name).unwrap_or_default();
        let nowhere = || front::not_served(word(":method"), word(":path"));
        let model = self.config.elsewhere(self.asking.front()).ok_or_else(nowhere)?;
        let plan = self.reachable(&model).ok_or_else(nowhere)?;
        self.books.model = model.name.clone();
        Ok((model, plan))
    }

    /// The plan, less those who have no room.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) async fn room_elsewhere(&mut self, plan: Plan) -> Result<Plan, Refusal> {
        match self.room(Weighed::Unread, plan, "", None).await? {
            Ok((plan, _)) => Ok(plan),
            Err(denied) => {
                self.books
                    .service()
                    .metrics
                    .limits
                    .decisions
                    .with_label_values(&[&*denied.rule().name, "denied"])
                    .inc();
                Err(Refusal::Denied(Box::new(denied)))
            }
        }
    }

    /// Has guards look at it.
    ///
    /// # Errors
    /// The refusal of the guard that stops it. There is no other model, and nobody reads a message as an answer.
    fn guarded_elsewhere(&mut self, endpoint: &Endpoint, body: Body<'_>) -> Result<(), Refusal> {
        let caller = self.books.caller().clone();
        let facts = Facts { caller: &caller, model: "", front: self.asking.front(), head: &self.head };
        guards::open(&mut self.books, &self.config, &facts, endpoint);
        let (stopped, instead) = match body {
            Body::Nothing => return Ok(()),
            Body::Unread => self.books.guard_request(None),
            Body::Whole(body) => self.books.guard_request(Some(body)),
        };
        stopped.or(instead).map_or(Ok(()), |guard| Err(Refusal::Guarded(guard)))
    }

    /// Has guards ask others about it.
    ///
    /// # Errors
    /// The refusal of the guard that stops it.
    async fn others_asked_elsewhere(&mut self, body: Body<'_>, masked: Option<&[u8]>) -> Result<(), Refusal> {
        let (stopped, instead) = match body {
            Body::Nothing => return Ok(()),
            Body::Unread => self.books.ask_about_request(None, None).await,
            Body::Whole(body) => self.books.ask_about_request(Some(body), masked.or(Some(body))).await,
        };
        stopped.or(instead).map_or(Ok(()), |guard| Err(Refusal::Guarded(guard)))
    }
}

fn is_readable(head: &Head) -> bool {
    let kind = head.get("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    !head.end && READABLE.iter().any(|readable| kind.eq_ignore_ascii_case(readable))
}
