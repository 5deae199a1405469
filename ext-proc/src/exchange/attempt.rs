//! The attempt stage: a stream of its own per attempt, in the provider's cluster. It makes the request again for the
//! provider that Envoy has chosen.
//!
//! Beside the first stage (sidecar) it finds the client's body by the exchange's id and sees headers only, from the
//! second attempt on. In the shared topology it sees every attempt and takes the client's body from Envoy. In the hybrid a
//! filter makes the request, and only what the provider is shown comes from here.

use super::message::{Answer, Change, Event, Head, Reply, list, text};
use super::plan::Plan;
use super::upstream_head::{self, Asking};
use super::{Service, Topology, Unexpected};
use crate::config::Config;
use crate::config::compiled::Target;
use crate::credentials::{Unavailable, Used};
use crate::fetch;
use attache_core::dialect::Dialect;
use attache_core::endpoint::Operation;
use attache_core::fault::{Fault, FaultKind};
use attache_core::translate::Translated;
use envoy_types::pb::google::protobuf::{Struct, Value, value::Kind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

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
    /// The request is on its way; the answer may say something about its credentials.
    Sent {
        /// To whom.
        target: Arc<Target>,
        /// With which credentials.
        used: Used,
    },
    /// Nothing more is to be done.
    Over,
}

/// An attempt whose body has not come yet.
#[derive(Debug)]
pub struct AttemptPlan {
    service: Arc<Service>,
    config: Arc<Config>,
    asking: Asking,
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
    pub async fn on(self, event: Event) -> Result<(Self, Reply), Unexpected> {
        match (self, event) {
            (Self::Arriving { service, topology }, Event::RequestHeaders(head)) => match topology {
                Topology::Sidecar => Ok(beside(&service, &head).await),
                Topology::Shared => Ok(AttemptPlan::head(&service, head).await),
                Topology::Hybrid => Ok(by_headers(&service, &head).await),
            },
            (Self::Asked(plan), Event::RequestBody(body)) => Ok(plan.body(&body).await),
            (Self::Sent { target, used }, Event::ResponseHeaders(head)) => {
                target.provider.credentials.answered(&used, head.status(), head.retry_after_seconds());
                Ok((Self::Over, Reply::unchanged()))
            }
            (state @ Self::Sent { .. }, _) => Ok((state, Reply::unchanged())),
            (Self::Over, _) => Ok((Self::Over, Reply::unchanged())),
            (state, Event::RequestTrailers) => Ok((state, Reply::unchanged())),
            (state, event) => Err(Unexpected { state: state.name(), got: event.name() }),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Arriving { .. } => "an attempt waiting for request headers",
            Self::Asked(_) => "an attempt waiting for the request body",
            Self::Sent { .. } => "an attempt waiting for its answer",
            Self::Over => "an attempt that is over",
        }
    }
}

/// The sidecar's attempt: everything is at hand.
async fn beside(service: &Service, head: &Head) -> (Attempt, Reply) {
    let metadata = head.metadata.as_ref();
    let slot = metadata.and_then(|m| field(m, "exchange")).and_then(|id| service.pending.find(id));
    if made_already(metadata, head) {
        let chosen = slot.and_then(|slot| Some((chosen(&slot.plan, head)?.1, slot.used.of(1))));
        return (chosen.map_or(Attempt::Over, |(target, used)| Attempt::Sent { target, used }), Reply::unchanged());
    }
    let Some(slot) = slot else { return (Attempt::Over, lost(head, "its exchange is not known here")) };
    let Some((attempt, target)) = chosen(&slot.plan, head) else {
        return (Attempt::Over, lost(head, "it is not part of the plan"));
    };
    slot.begins(attempt);
    match slot.make(&target, service.fetcher.as_ref()).await {
        Err(fault) => (Attempt::Over, Reply::Answer(Answer::fault(slot.asking.endpoint.errors(), &fault))),
        Ok(Translated { body, path, .. }) => {
            let body = body.unwrap_or_else(|| slot.body.to_vec());
            match made(&target, &slot.config, &slot.asking, &path, body).await {
                Err(unavailable) => {
                    (Attempt::Over, without_credentials(slot.asking.endpoint.errors(), head, &unavailable))
                }
                Ok((change, used)) => {
                    slot.used.note(attempt, used);
                    (Attempt::Sent { target, used }, Reply::Replace(change))
                }
            }
        }
    }
}

/// The hybrid's attempt: a filter makes the request, and here is what to show its provider.
async fn by_headers(service: &Service, head: &Head) -> (Attempt, Reply) {
    let metadata = head.metadata.as_ref();
    let ticket = metadata.and_then(|m| field(m, "exchange")).and_then(|id| service.waiting.find(id));
    let Some(ticket) = ticket else { return (Attempt::Over, lost(head, "its exchange is not known here")) };
    let Some((attempt, target)) = chosen(&ticket.plan, head) else {
        return (Attempt::Over, lost(head, "it is not part of the plan"));
    };
    ticket.under_way.fetch_max(attempt, Ordering::Relaxed);
    if made_already(metadata, head) {
        let used = ticket.used.of(attempt);
        return (Attempt::Sent { target, used }, Reply::unchanged());
    }
    let mut change = Change::default();
    match upstream_head::show(&mut change, &target, &ticket.config).await {
        Err(unavailable) => (Attempt::Over, without_credentials(ticket.front, head, &unavailable)),
        Ok(used) => {
            ticket.used.note(attempt, used);
            change.trim(head);
            (Attempt::Sent { target, used }, Reply::Go(change))
        }
    }
}

/// The exchange stage has made the request for this very attempt: the first, at the cluster that it planned. Mostly Envoy
/// sees that by itself and does not ask.
fn made_already(metadata: Option<&Struct>, head: &Head) -> bool {
    let target = metadata.and_then(|m| field(m, "target"));
    head.number("upstream.request_attempt_count") == Some(1) && target.is_some() && target == head.cluster()
}

impl AttemptPlan {
    /// The shared topology's attempt: the plan is in the metadata.
    async fn head(service: &Arc<Service>, head: Head) -> (Attempt, Reply) {
        let config = service.config.load_full();
        let metadata = head.metadata.as_ref();
        let Some(asking) = metadata.and_then(Asking::told) else {
            return (Attempt::Over, lost(&head, "what is asked for is missing"));
        };
        let model = metadata.and_then(|m| field(m, "model")).unwrap_or_default().to_owned();
        let planned = metadata.and_then(|m| m.fields.get("plan")).map(|plan| planned(plan, &model, &config));
        let Some(plan) = planned.flatten() else {
            return (Attempt::Over, lost(&head, "the plan is missing or names what this replica does not know"));
        };
        let Some((_, target)) = chosen(&plan, &head) else {
            return (Attempt::Over, lost(&head, "it is not part of the plan"));
        };
        let output_cap = metadata.and_then(|m| field(m, OUTPUT_CAP)).and_then(|cap| cap.parse().ok());
        let plan = Self { service: service.clone(), config, asking, output_cap, model, target, head };
        if plan.asking.endpoint.operation == Operation::Other {
            // Nobody looks into its body, which may be missing.
            return plan.untouched().await;
        }
        (Attempt::Asked(Box::new(plan)), Reply::unchanged())
    }

    /// What nobody here looks into goes to its provider as it is.
    async fn untouched(self) -> (Attempt, Reply) {
        let Self { config, asking, target, head, .. } = self;
        let mut change = Change { skip_request_body: true, ..Change::default() };
        let dialect = asking.front();
        let path = asking.endpoint.upstream_path(dialect, target.upstream.hosting, "", false).unwrap_or_default();
        upstream_head::address(&mut change, &target, &config, &asking, &path);
        let (method, body) = (head.get(":method").unwrap_or_default(), head.end.then_some(&b""[..]));
        match upstream_head::sign(&mut change, &target, method, body).await {
            Err(unavailable) => (Attempt::Over, without_credentials(asking.endpoint.errors(), &head, &unavailable)),
            Ok(used) => {
                change.trim(&head);
                (Attempt::Sent { target, used }, Reply::Go(change))
            }
        }
    }

    async fn body(self, body: &[u8]) -> (Attempt, Reply) {
        let Self { service, config, asking, output_cap, model, target, head } = self;
        let made_body = async {
            let mut ask = asking.read(body)?.capped(output_cap);
            let dialect = target.provider.dialect_for(ask.endpoint().dialect);
            let model = config.models.get(&model);
            let rules = model.and_then(|model| model.fetch_media.as_ref());
            fetch::complete(&mut ask, dialect, rules, service.fetcher.as_ref()).await?;
            let translated = ask.translate(dialect, &target.upstream, now())?;
            match model {
                Some(model) => model.judge(translated),
                None => Ok(translated),
            }
        };
        match made_body.await {
            Err(fault) => (Attempt::Over, Reply::Answer(Answer::fault(asking.endpoint.errors(), &fault))),
            Ok(Translated { body: translated, path, .. }) => {
                let length = translated.as_ref().map_or(body.len(), Vec::len);
                let mut change = Change { body: translated, ..Change::default() };
                upstream_head::address(&mut change, &target, &config, &asking, &path);
                let translated = change.body.take();
                let signed_body = Some(translated.as_deref().unwrap_or(body));
                let used = match upstream_head::sign(&mut change, &target, "POST", signed_body).await {
                    Ok(used) => used,
                    Err(unavailable) => {
                        let refusal = without_credentials(asking.endpoint.errors(), &head, &unavailable);
                        return (Attempt::Over, refusal);
                    }
                };
                change.body = translated;
                change.set("content-length", length.to_string());
                change.trim(&head);
                (Attempt::Sent { target, used }, Reply::Go(change))
            }
        }
    }
}

/// Headers and body for the target at once. Envoy drops the length then; a filter behind this one puts it back.
async fn made(
    target: &Target,
    config: &Config,
    asking: &Asking,
    path: &str,
    body: Vec<u8>,
) -> Result<(Change, Used), Unavailable> {
    let mut change = Change::default();
    upstream_head::address(&mut change, target, config, asking, path);
    let used = upstream_head::sign(&mut change, target, "POST", Some(&body)).await?;
    change.metadata.text("content_length", body.len().to_string());
    change.body = Some(body);
    Ok((change, used))
}

/// Ends an attempt at a provider whose credentials cannot be had, and with it the exchange: Envoy does not try again after an
/// answer of its own filters.
fn without_credentials(front: Dialect, head: &Head, unavailable: &Unavailable) -> Reply {
    tracing::warn!(request_id = head.get("x-request-id"), problem = %unavailable, "an attempt fails");
    Reply::Answer(Answer::fault(front, &unavailable.fault()))
}

/// Number and target of this attempt, if Envoy has chosen its cluster: no provider ever gets a request, or a key, that
/// was made for another one.
fn chosen(plan: &Plan, head: &Head) -> Option<(u32, Arc<Target>)> {
    let attempt = head.number("upstream.request_attempt_count")?;
    let cluster = head.cluster()?;
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

/// The metadata key of the most tokens of answer that may be asked for.
pub(super) const OUTPUT_CAP: &str = "output_cap";

/// What a refusal of [`lost`] calls itself: the exchange stage, which knows the client's dialect, says it again.
pub(super) const LOST: &str = "attache_attempt_refused";

/// Refuses an attempt that cannot be made safely.
fn lost(head: &Head, why: &str) -> Reply {
    tracing::error!(
        why,
        request_id = head.get("x-request-id"),
        cluster = head.cluster(),
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
