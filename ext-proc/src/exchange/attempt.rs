//! The attempt stage: a stream of its own per attempt, in the provider's cluster. It makes the request again for the
//! provider that Envoy has chosen.
//!
//! Beside the first stage (sidecar) it finds the client's body by the exchange's id and sees headers only, from the
//! second attempt on. In the shared topology it sees every attempt and takes the client's body from Envoy.

use super::message::{Answer, Change, Event, Head, Reply, list, text};
use super::plan::Plan;
use super::upstream_head::{self, Particulars};
use super::{Service, Topology, Unexpected};
use crate::config::Config;
use crate::config::compiled::Target;
use attache_core::dialect::Dialect;
use attache_core::fault::{Fault, FaultKind};
use attache_core::translate::{Ask, Translated};
use envoy_types::pb::google::protobuf::{Struct, Value, value::Kind};
use std::sync::Arc;

/// One attempt.
#[derive(Debug)]
pub enum Attempt {
    /// Nothing has come yet.
    Arriving {
        /// What all exchanges share.
        service: Arc<Service>,
        /// Where translation happens.
        topology: Topology,
    },
    /// The shared topology waits for the client's body.
    Asked(Box<AttemptPlan>),
    /// Nothing more is to be done.
    Over,
}

/// An attempt whose body has not come yet.
#[derive(Debug)]
pub struct AttemptPlan {
    config: Arc<Config>,
    front: Dialect,
    particulars: Particulars,
    output_cap: Option<u64>,
    model: String,
    target: Arc<Target>,
    head: Head,
}

impl Attempt {
    /// Takes one message.
    ///
    /// # Errors
    /// For a message that cannot come now.
    pub fn on(self, event: Event) -> Result<(Self, Reply), Unexpected> {
        match (self, event) {
            (Self::Arriving { service, topology }, Event::RequestHeaders(head)) => match topology {
                Topology::Sidecar => Ok((Self::Over, beside(&service, &head))),
                Topology::Shared => Ok(AttemptPlan::head(&service, head)),
            },
            (Self::Asked(plan), Event::RequestBody(body)) => Ok((Self::Over, plan.body(&body))),
            (Self::Over, _) => Ok((Self::Over, Reply::unchanged())),
            (state, Event::RequestTrailers) => Ok((state, Reply::unchanged())),
            (state, event) => Err(Unexpected { state: state.name(), got: event.name() }),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Arriving { .. } => "an attempt waiting for request headers",
            Self::Asked(_) => "an attempt waiting for the request body",
            Self::Over => "an attempt that is over",
        }
    }
}

/// The sidecar's attempt: everything is at hand.
fn beside(service: &Service, head: &Head) -> Reply {
    let metadata = head.metadata.as_ref();
    if made_already(metadata, head) {
        return Reply::unchanged();
    }
    let slot = metadata.and_then(|m| field(m, "exchange")).and_then(|id| service.pending.find(id));
    let Some(slot) = slot else { return lost(head, "its exchange is not known here") };
    let Some((attempt, target)) = chosen(&slot.plan, head) else { return lost(head, "it is not part of the plan") };
    slot.begins(attempt);
    match slot.translate(&target) {
        Err(fault) => Reply::Answer(Answer::fault(slot.front, &fault)),
        Ok(Translated { body, .. }) => {
            let body = body.unwrap_or_else(|| slot.body.to_vec());
            Reply::Replace(made(slot.front, &target, &slot.config, &slot.particulars, body))
        }
    }
}

/// The exchange stage has made the request for this very attempt: the first, at the cluster that it planned. Mostly Envoy
/// sees that by itself and does not ask.
fn made_already(metadata: Option<&Struct>, head: &Head) -> bool {
    let target = metadata.and_then(|m| field(m, "target"));
    head.number("upstream.request_attempt_count") == Some(1)
        && target.is_some()
        && target == head.attribute("xds.cluster_name")
}

impl AttemptPlan {
    /// The shared topology's attempt: the plan is in the metadata.
    fn head(service: &Service, head: Head) -> (Attempt, Reply) {
        let config = service.config.load_full();
        let metadata = head.metadata.as_ref();
        let front = front_of(metadata);
        let model = metadata.and_then(|m| field(m, "model")).unwrap_or_default().to_owned();
        let planned = metadata.and_then(|m| m.fields.get("plan")).map(|plan| planned(plan, &model, &config));
        let Some(plan) = planned.flatten() else {
            return (Attempt::Over, lost(&head, "the plan is missing or names what this replica does not know"));
        };
        let Some((_, target)) = chosen(&plan, &head) else {
            return (Attempt::Over, lost(&head, "it is not part of the plan"));
        };
        let particulars = metadata.map(Particulars::told).unwrap_or_default();
        let output_cap = metadata.and_then(|m| field(m, OUTPUT_CAP)).and_then(|cap| cap.parse().ok());
        let plan = Self { config, front, particulars, output_cap, model, target, head };
        (Attempt::Asked(Box::new(plan)), Reply::unchanged())
    }

    fn body(self, body: &[u8]) -> Reply {
        let Self { config, front, particulars, output_cap, model, target, head } = self;
        let made_body = Ask::read(front, body).and_then(|ask| {
            let translated = ask.capped(output_cap).translate(target.provider.dialect, &target.upstream, now())?;
            match config.models.get(&model) {
                Some(model) => model.judge(translated),
                None => Ok(translated),
            }
        });
        match made_body {
            Err(fault) => Reply::Answer(Answer::fault(front, &fault)),
            Ok(Translated { body: translated, .. }) => {
                let length = translated.as_ref().map_or(body.len(), Vec::len);
                let mut change = Change { body: translated, ..Change::default() };
                upstream_head::address(&mut change, front, &target, &config, &particulars);
                change.set("content-length", length.to_string());
                change.trim(&head);
                Reply::Go(change)
            }
        }
    }
}

/// Headers and body for the target at once. Envoy drops the length then; a filter behind this one puts it back.
fn made(front: Dialect, target: &Target, config: &Config, particulars: &Particulars, body: Vec<u8>) -> Change {
    let mut change = Change::default();
    upstream_head::address(&mut change, front, target, config, particulars);
    change.metadata.text("content_length", body.len().to_string());
    change.body = Some(body);
    change
}

/// Number and target of this attempt, if Envoy has chosen its cluster: no provider ever gets a request, or a key, that
/// was made for another one.
fn chosen(plan: &Plan, head: &Head) -> Option<(u32, Arc<Target>)> {
    let attempt = head.number("upstream.request_attempt_count")?;
    let cluster = head.attribute("xds.cluster_name")?;
    let target = plan.attempt(attempt).filter(|target| target.provider.cluster == cluster)?;
    Some((attempt, target.clone()))
}

/// Reads the plan that the first stage wrote into the metadata.
fn planned(plan: &Value, model: &str, config: &Config) -> Option<Plan> {
    let attempts = list(plan).iter().map(|attempt| {
        let Some(Kind::StructValue(attempt)) = &attempt.kind else { return None };
        config.target(model, field(attempt, "provider")?, field(attempt, "model")?)
    });
    Plan::of(attempts.collect::<Option<Vec<_>>>()?)
}

fn field<'a>(metadata: &'a Struct, key: &str) -> Option<&'a str> {
    text(metadata.fields.get(key)?)
}

fn front_of(metadata: Option<&Struct>) -> Dialect {
    match metadata.and_then(|m| field(m, "front")) {
        Some("anthropic") => Dialect::Anthropic,
        _ => Dialect::OpenAi,
    }
}

/// The metadata key of the most tokens of answer that may be asked for.
pub(super) const OUTPUT_CAP: &str = "output_cap";

/// What a refusal of [`lost`] calls itself: the exchange stage, which knows the client's dialect, says it again.
pub(super) const LOST: &str = "attache_attempt_refused";

/// Refuses an attempt that cannot be made safely.
fn lost(head: &Head, why: &str) -> Reply {
    tracing::error!(
        why,
        request_id = head.get("x-request-id"),
        cluster = head.attribute("xds.cluster_name"),
        attempt = head.number("upstream.request_attempt_count"),
        "attempt refused; are the filters the ones that `attache envoy` prints?"
    );
    Reply::Answer(Answer { details: LOST.to_owned(), ..Answer::fault(Dialect::OpenAi, &lost_fault()) })
}

/// What the client reads of it.
pub(super) fn lost_fault() -> Fault {
    let message = "the gateway lost track of this request and did not send it on; try again";
    Fault::new(FaultKind::Server, message).with_code("attempt_refused")
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
