//! The filter `translate`: what a client asks in its own dialect goes to a provider in the provider's, and the answer comes
//! back as the client reads it.
//!
//! Never chooses a provider: Envoy's routes do. Never holds a key that a client or an operator did not write: a provider's
//! credentials are put on by whoever keeps them (Envoy's `credential_injector`).

mod stage;
mod target;
mod url;

pub use stage::Translating;

use crate::block::{Block, Blocks};
use crate::when::When;
use crate::{Asked, Change, Filter, Headers, Question};
use attache_core::endpoint::{Endpoint, Operation};
use attache_core::head::{CLIENT_ONLY, INTERNAL};
use std::rc::Rc;
use target::Target;

/// The filter `translate`, configured: the first target whose `when` fits an exchange is what its request is made for.
pub struct Translate {
    targets: Vec<(When, Rc<Target>)>,
    body_bytes_max: usize,
    per_attempt: bool,
}

impl Filter for Translate {
    type Stage = Translating;

    fn read(configuration: &[u8]) -> Result<Self, String> {
        let mut blocks = Blocks::read_with(configuration, "translate", &["per_attempt"])?;
        let per_attempt = blocks.more("per_attempt")?;
        let Blocks { list, body_bytes_max, .. } = blocks;
        let targets = list.into_iter().map(|block| {
            let Block { at, name, when, key, tenant, rules } = block;
            if key.is_some() || tenant.is_some() {
                return Err(format!(
                    "{at}: a target has no `key` and no `tenant`; Envoy's credential_injector holds keys"
                ));
            }
            if let Some(changed) = when.headers().find(|name| per_attempt && changes(name)) {
                return Err(format!(
                    "{at}.when.header:{changed}: with `per_attempt` a later attempt does not find this header any more; each \
                     cluster has an instance of its own, and needs no such condition"
                ));
            }
            Ok((when, Rc::new(Target::new(name, rules, &at)?)))
        });
        Ok(Self { targets: targets.collect::<Result<_, _>>()?, body_bytes_max, per_attempt })
    }

    fn body_bytes_max(&self) -> usize {
        self.body_bytes_max
    }

    fn insists(&self) -> Option<String> {
        Some("the filter `translate`".to_owned())
    }

    fn per_attempt(&self) -> bool {
        self.per_attempt
    }

    /// What one attempt carried, no other one may.
    fn every_head(&self) -> Change {
        if !self.per_attempt {
            return Change::default();
        }
        Change { remove: CLIENT_ONLY.map(Into::into).into(), remove_prefixed: Some(INTERNAL), ..Change::default() }
    }

    fn reads_request(&self, endpoint: &Endpoint, _headers: &Headers<'_>) -> bool {
        // Nobody looks into what names no model.
        endpoint.operation != Operation::Other
    }

    fn open(&self, question: &Question<'_>) -> Option<Translating> {
        let (_, target) = self.targets.iter().find(|(when, _)| when.fits(question))?;
        Some(Translating::new(target.clone(), question.endpoint.clone()))
    }

    fn open_unread(&self, question: &Question<'_>) -> Option<(Translating, Asked)> {
        let mut stage = self.open(question)?;
        let asked = stage.untouched(question);
        Some((stage, asked))
    }
}

/// Whether an attempt changes this header of a client.
fn changes(header: &str) -> bool {
    header.starts_with(INTERNAL) || CLIENT_ONLY.contains(&header)
}
