//! What Envoy's router, its access log and the attempt stage are told of a plan.

use super::Asked;
use crate::cache::controls;
use crate::config::compiled::Model;
use crate::exchange::Topology;
use crate::exchange::message::Change;
use crate::exchange::plan::Plan;

impl Asked {
    /// What Envoy's router needs to follow the plan.
    pub(super) fn routed(&self, model: &Model, plan: &Plan) -> Change {
        let mut change = Change { clear_route_cache: true, ..Change::default() };
        // Without Envoy's early removal this is the first place where they can be dropped; nobody here reads them.
        for name in self.head.names().filter(|name| name.starts_with("x-attache-")) {
            change.remove(name.to_owned());
        }
        if self.books.cache.is_some() {
            for name in self.head.names().filter(|name| controls::is_control(name)) {
                change.remove(name.to_owned());
            }
        }
        // By this the router knows a request that was changed for a provider, whatever becomes of the metadata.
        change.set("x-attache-planned", "1");
        let retry = &model.retry;
        if plan.targets().len() > 1 {
            change.set("x-envoy-max-retries", (plan.targets().len() - 1).to_string());
            change.set("x-envoy-retry-on", retry.on.clone());
            if let Some(codes) = retry.status_codes {
                change.set("x-envoy-retriable-status-codes", codes);
            }
        }
        if let Some(timeout) = retry.per_try_timeout {
            change.set("x-envoy-upstream-rq-per-try-timeout-ms", timeout.as_millis().to_string());
        }
        let metadata = &mut change.metadata;
        metadata.text("front", self.asking.front().as_str()).text("model", &*model.name);
        // Egress cleaning takes it off the request: the access log finds it here.
        metadata.text("request_id", &self.books.request_id);
        self.books.tell_redactions(metadata);
        let caller = self.books.caller();
        metadata.text("caller", &*caller.name);
        if let Some(team) = &caller.team {
            metadata.text("team", &**team);
        }
        if self.topology == Topology::Shared {
            plan.tell_attempts(metadata);
            self.asking.tell(metadata);
        }
        plan.tell_router(&self.follow, &mut change);
        change
    }
}
