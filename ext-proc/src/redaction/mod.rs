//! What must not leave the house: on its way to a provider a request loses what the exchange's policy finds in it, and the
//! answer gets it back. The first stage of an exchange does both; whatever comes after it knows only the masked body.
//!
//! Never keeps, logs or counts a found value: the vault ends with the exchange.

mod analyzer;
mod key;
mod policy;
mod told;

pub use analyzer::Analyzer;
pub use key::Key;
pub use policy::Policy;

use crate::config::Config;
use crate::exchange::Topology;
use crate::exchange::message::{Body, Head};
use crate::exchange::settle::Settlement;
use crate::limits::rule::Facts;
use attache_core::dialect::Dialect;
use attache_core::endpoint::Endpoint;
use attache_core::fault::{Fault, FaultKind};
use attache_core::redact::{BLOCKED, Direction, Masked, Others, Refused, Tally, Vault, Veil, VeilStream, Withheld};
use bytes::Bytes;
use std::borrow::Cow;
use std::sync::Arc;

/// Says what an operator should know of the policies of a configuration that begins to run.
pub fn prepare(config: &Config) {
    let made_up = config.redact.iter().filter(|policy| policy.key_is_made_up);
    for policy in made_up {
        tracing::info!(
            policy = &*policy.name,
            "the policy has no `key`: placeholders differ after a restart and in another process, so prompt caches of \
             providers begin anew"
        );
        if config.written.store.redis.is_some() {
            tracing::warn!(
                policy = &*policy.name,
                "replicas share a store but no `key`: each makes its own placeholders"
            );
        }
    }
}

/// Warns once where replicas serve one client with different keys.
pub fn warn_of_replicas(config: &Config, topology: Topology) {
    static WARNED: std::sync::Once = std::sync::Once::new();
    let apart = topology == Topology::Shared && config.redact.iter().any(|policy| policy.key_is_made_up);
    if apart {
        WARNED.call_once(|| {
            tracing::warn!(
                "replicas serve together, and a `redact` policy has no `key`: each makes its own placeholders"
            );
        });
    }
}

/// What is asked, as far as redaction wants to know.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What for.
    pub endpoint: &'a Endpoint,
    /// The model, as the client names it; empty where it names none.
    pub model: &'a str,
    /// The dialect that the client speaks.
    pub front: Dialect,
    /// The request's headers.
    pub head: &'a Head,
    /// The request's body.
    pub body: Body<'a>,
}

/// What one policy does in one exchange.
#[derive(Debug)]
pub struct Redaction {
    policy: Arc<Policy>,
    tally: Tally,
    /// The way back, until an answer takes it.
    veil: Option<Veil>,
    /// The way back of an answer that streams.
    stream: Option<VeilStream>,
    /// The audit log knows that the answer was withheld.
    audited: bool,
}

/// The policy that applies to a question.
fn policy_of(books: &Settlement, config: &Config, question: &Question<'_>) -> Option<Arc<Policy>> {
    let Question { model, front, head, .. } = *question;
    let facts = Facts { caller: books.caller(), model, front, head };
    config.redact.iter().find(|policy| facts.fit(&policy.when, None)).cloned()
}

/// Whether a policy applies to a question.
pub fn applies(books: &Settlement, config: &Config, question: &Question<'_>) -> bool {
    policy_of(books, config, question).is_some()
}

/// Takes out of a request what must not leave. The new body; `None` where it is right as it is.
///
/// # Errors
/// A fault for a request that must not be sent on; it names the policy and nothing that was found.
pub async fn request(books: &mut Settlement, config: &Config, question: &Question<'_>) -> Result<Option<Bytes>, Fault> {
    let Some(policy) = policy_of(books, config, question) else { return Ok(None) };
    let masked = match question.body {
        Body::Nothing => Ok(Masked { body: None, vault: Vault::default(), tally: Tally::default() }),
        Body::Unread => policy.rules.unread(&policy.tenant(books.caller())),
        Body::Whole(body) => {
            let others = found_by_others(books, &policy, question.endpoint, body).await?;
            policy.rules.request(&policy.tenant(books.caller()), question.endpoint, body, &others)
        }
    };
    let mut redaction =
        Redaction { policy: policy.clone(), tally: Tally::default(), veil: None, stream: None, audited: false };
    match masked {
        Ok(Masked { body, vault, tally }) => {
            redaction.tally = tally;
            redaction.veil = Veil::new(policy.rules.clone(), vault, question.endpoint);
            books.redaction = Some(Box::new(redaction));
            Ok(body.map(Bytes::from))
        }
        Err(refused) => {
            let fault = refused.fault(&policy.name);
            if let Refused::Blocked { entity, tally } = refused {
                told::audit(books, &policy, &entity, Direction::Request);
                redaction.tally = tally;
            }
            books.refused_by = Some(policy.name.clone());
            books.redaction = Some(Box::new(redaction));
            Err(fault)
        }
    }
}

/// What kind of failure an answer is that a policy withholds: as with guards, one that is not worth a retry.
pub const WITHHELD: FaultKind = FaultKind::InvalidRequest;

/// Asks the analyzer of a policy, where it has one.
async fn found_by_others(
    books: &mut Settlement,
    policy: &Policy,
    endpoint: &Endpoint,
    body: &[u8],
) -> Result<Others, Fault> {
    let Some(analyzer) = &policy.analyzer else { return Ok(Others::new()) };
    let failure = match analyzer.analyze(endpoint, body).await {
        Ok(found) => return Ok(found),
        Err(failure) => failure,
    };
    let outcome = if analyzer.fails_open() { "open" } else { "closed" };
    books.service().metrics.redaction.analyzer_failures.with_label_values(&[&*policy.name, outcome]).inc();
    tracing::warn!(
        request_id = books.request_id,
        policy = &*policy.name,
        problem = failure,
        fails = outcome,
        "an analyzer gave no answer"
    );
    if analyzer.fails_open() {
        return Ok(Others::new());
    }
    books.refused_by = Some(policy.name.clone());
    let message = format!("the policy `{}` cannot look into the request at the moment; try again", policy.name);
    Err(Fault::new(FaultKind::Overloaded, message).with_code("redaction_unavailable"))
}

impl Redaction {
    /// The policy's name.
    pub fn policy(&self) -> &str {
        &self.policy.name
    }

    /// The way back, while no answer has taken it.
    pub fn veil(&self) -> Option<Veil> {
        self.veil.clone()
    }
}

impl Settlement {
    /// A whole answer or error, as the client may read it.
    ///
    /// # Errors
    /// A fault in place of an answer that is withheld.
    pub fn unveiled<'b>(&mut self, body: Cow<'b, [u8]>, is_stream: bool) -> Result<Cow<'b, [u8]>, Fault> {
        let Some(redaction) = self.redaction.as_deref_mut() else { return Ok(body) };
        let Some(veil) = redaction.veil.take() else { return Ok(body) };
        if is_stream {
            redaction.stream = Some(veil.stream());
            let mut out = body.into_owned();
            self.unveil(&mut out, true);
            return Ok(Cow::Owned(out));
        }
        match veil.whole(&body, &mut redaction.tally) {
            Ok(changed) => Ok(changed.map_or(body, Cow::Owned)),
            Err(Withheld::Blocked(entity)) => {
                let policy = redaction.policy.clone();
                self.withheld(&policy, &entity);
                let message =
                    format!("the answer is withheld: the policy `{}` does not let out something in it", policy.name);
                Err(Fault::new(WITHHELD, message).with_code(BLOCKED))
            }
            Err(unreadable) => Err(unreadable.fault()),
        }
    }

    /// Whether the answer must be looked into.
    pub fn is_veiled(&self) -> bool {
        self.redaction.as_ref().is_some_and(|redaction| redaction.veil.is_some())
    }

    /// Whether the rest of an answer that streams was kept from the client.
    pub fn is_withheld(&self) -> bool {
        let stream = self.redaction.as_ref().and_then(|redaction| redaction.stream.as_ref());
        stream.is_some_and(VeilStream::is_withheld)
    }

    /// Begins an answer that streams.
    pub fn begin_unveiling(&mut self) {
        if let Some(redaction) = self.redaction.as_deref_mut() {
            redaction.stream = redaction.veil.take().map(|veil| veil.stream());
        }
    }

    /// The next piece of a stream, as the client may read it; `end`: the last one. True where nothing more may pass.
    pub fn unveil(&mut self, piece: &mut Vec<u8>, end: bool) -> bool {
        let Some(redaction) = self.redaction.as_deref_mut() else { return false };
        let Some(stream) = &mut redaction.stream else { return false };
        let mut out = Vec::with_capacity(piece.len());
        stream.push(piece, &mut out);
        if end {
            stream.end(&mut out);
        }
        *piece = out;
        let Some(entity) = stream.blocked().map(str::to_owned) else { return false };
        if !std::mem::replace(&mut redaction.audited, true) {
            let policy = redaction.policy.clone();
            self.withheld(&policy, &entity);
        }
        true
    }

    /// Whether the answer's stream may have to end before its provider does.
    pub fn may_withhold(&self) -> bool {
        self.redaction
            .as_ref()
            .is_some_and(|redaction| redaction.veil.is_some() && redaction.policy.rules.blocks_answers())
    }

    fn withheld(&mut self, policy: &Policy, entity: &str) {
        self.refused_by = Some(policy.name.clone());
        told::audit(self, policy, entity, Direction::Response);
    }
}
