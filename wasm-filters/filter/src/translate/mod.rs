//! The filter `translate`: what a client asks in its own dialect goes to a provider in the provider's, and the answer comes
//! back as the client reads it.
//!
//! Never chooses a provider: Envoy's routes do. Never holds a key that a client or an operator did not write: a provider's
//! credentials are put on by whoever keeps them (Envoy's `credential_injector`).

mod aim;
mod report;
mod stage;
mod target;
mod url;

pub(crate) use aim::OF_ROUTER;
pub use stage::Translating;

use crate::block::{Block, Blocks};
use crate::when::When;
use crate::{Asked, Change, Filter, Headers, Question};
use aim::Aims;
use attache_core::endpoint::{Endpoint, Operation};
use attache_core::head::{CLIENT_ONLY, INTERNAL, OF_A_DIALECT};
use std::rc::Rc;
use target::{Target, Written};

/// The filter `translate`, configured.
pub struct Translate {
    targets: Targets,
    body_bytes_max: usize,
    per_attempt: bool,
}

/// Among what a target is chosen for each exchange.
enum Targets {
    /// The first whose `when` fits.
    Fitting(Vec<(When, Rc<Target>)>),
    /// The one that the service has planned.
    Planned(Aims),
}

impl Filter for Translate {
    type Stage = Translating;

    fn read(configuration: &[u8]) -> Result<Self, String> {
        let mut blocks = Blocks::<Written>::read_with(configuration, "translate", &["per_attempt", "planned"])?;
        blocks.must_hold()?;
        let (per_attempt, planned): (bool, bool) = (blocks.more("per_attempt")?, blocks.more("planned")?);
        if planned && !per_attempt {
            return Err("planned: only with `per_attempt`: a plan says who serves each attempt".to_owned());
        }
        let body_bytes_max = blocks.body_bytes_max;
        let targets = if planned {
            let aims = blocks.list.into_iter().map(aim);
            Targets::Planned(Aims::new(aims.collect::<Result<_, _>>()?, "translate")?)
        } else {
            let fitting = blocks.named()?.list.into_iter().map(|block| fitting(block, per_attempt));
            Targets::Fitting(fitting.collect::<Result<_, _>>()?)
        };
        Ok(Self { targets, body_bytes_max, per_attempt })
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

    fn follows_plan(&self) -> bool {
        matches!(self.targets, Targets::Planned(_))
    }

    /// What one attempt carried, no other one may. The service's keys are on a request that it has planned.
    fn every_head(&self) -> Change {
        if !self.per_attempt {
            return Change::default();
        }
        if self.follows_plan() {
            return Change { remove_prefixed: Some(INTERNAL), ..Change::default() };
        }
        Change { remove: CLIENT_ONLY.map(Into::into).into(), remove_prefixed: Some(INTERNAL), ..Change::default() }
    }

    fn reads_request(&self, endpoint: &Endpoint, _headers: &dyn Headers) -> bool {
        // Nobody looks into what names no model.
        endpoint.operation != Operation::Other
    }

    fn open(&self, question: &Question<'_>) -> Option<Translating> {
        let endpoint = question.endpoint.clone();
        let aims = match &self.targets {
            Targets::Planned(aims) => aims,
            Targets::Fitting(targets) => {
                let (_, target) = targets.iter().find(|(when, _)| when.fits(question))?;
                return Some(Translating::new(target.clone(), endpoint));
            }
        };
        match aims.find(question.headers) {
            Ok((target, aim)) => Some(Translating::planned(target, endpoint, aim)),
            Err(why) => Some(Translating::lost(aims.any()?.clone(), endpoint, why)),
        }
    }

    fn open_unread(&self, question: &Question<'_>) -> Option<(Translating, Asked)> {
        let mut stage = self.open(question)?;
        let asked = stage.untouched(question);
        Some((stage, asked))
    }
}

/// A target with its condition.
fn fitting(block: Block<Written>, per_attempt: bool) -> Result<(When, Rc<Target>), String> {
    let Block { at, name, when, rules, .. } = keyless(block)?;
    if let Some(changed) = when.headers().find(|name| per_attempt && changes(name)) {
        return Err(format!(
            "{at}.when.header:{changed}: with `per_attempt` a later attempt does not find this header any more; each cluster \
             has an instance of its own, and needs no such condition"
        ));
    }
    if rules.target.is_some() {
        return Err(format!("{at}.target: only with `planned`"));
    }
    Ok((when, Rc::new(Target::new(name, rules, &at)?)))
}

/// A target with its name in the service's configuration.
fn aim(block: Block<Written>) -> Result<(String, Rc<Target>), String> {
    let Block { at, name, when, rules, .. } = keyless(block)?;
    let Some(planned) = rules.target.clone() else {
        return Err(format!(
            "{at}.target: missing: with `planned`, write the target's name in the service's configuration"
        ));
    };
    if !when.is_always() {
        return Err(format!("{at}.when: with `planned` the plan says who serves"));
    }
    if let Some(field) = rules.names_model() {
        return Err(format!("{at}.{field}: with `planned` the plan says which model"));
    }
    let of_service = |name: &&String| !OF_A_DIALECT.iter().any(|(_, of)| name.eq_ignore_ascii_case(of));
    if let Some(name) = rules.headers.keys().find(of_service) {
        return Err(format!("{at}.headers.{name}: with `planned` the service sets it, with the credentials"));
    }
    let mut target = Target::new(name, rules, &at)?;
    // Those of a preset are the service's to set, too.
    target.headers.retain(|(name, _)| !of_service(&name));
    Ok((planned, Rc::new(target)))
}

fn keyless(block: Block<Written>) -> Result<Block<Written>, String> {
    if block.key.is_some() || block.tenant.is_some() {
        let at = &block.at;
        return Err(format!("{at}: a target has no `key` and no `tenant`; Envoy's credential_injector holds keys"));
    }
    Ok(block)
}

/// Whether an attempt changes this header of a client.
fn changes(header: &str) -> bool {
    header.starts_with(INTERNAL) || CLIENT_ONLY.contains(&header)
}
