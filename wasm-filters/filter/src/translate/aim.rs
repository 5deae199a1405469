//! Whom an attempt is made for, where the service plans: an element of its plan, at the provider whose cluster this is.

use super::target::Target;
use crate::Headers;
use attache_core::fault::{Fault, FaultKind};
use attache_core::hybrid::{self, PLAN_HEADER, Plan};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The header in which Envoy counts attempts.
const ATTEMPT: &str = "x-envoy-attempt-count";

/// By this on an answer Envoy's router tries no other target, whatever the status: it reads the status that the client is
/// told, and that of an answer which nobody here understands is a 502, of work that was done and costs money. Whether it
/// makes sense to try again, the provider's own status says. The route takes it off.
pub(super) const LAST: (&str, &str) = ("x-envoy-ratelimited", "true");

/// By this clients learn which attempt they read.
pub(super) const ATTEMPTS: &str = "x-attache-attempts";

/// What is for Envoy's router, or is said by the route, too, where the answer passes it.
pub(crate) const OF_ROUTER: [&str; 2] = [ATTEMPTS, LAST.0];

/// The targets that a cluster's provider may be planned for, by their names in the service's configuration.
pub(super) struct Aims(BTreeMap<String, Rc<Target>>);

/// What the plan says of an attempt.
pub(super) struct Aim {
    /// Which it is, from 1.
    pub(super) attempt: u32,
    /// Another target could be tried after it.
    pub(super) is_followed: bool,
    /// The provider's name for the model; empty where none is named.
    pub(super) model: String,
    /// Most tokens of each answer.
    pub(super) output_cap: Option<u64>,
}

impl Aims {
    /// Of these targets, each with its name. `at`: where the list is written.
    ///
    /// # Errors
    /// For a name that is met twice, for targets of more than one provider, and for none.
    pub(super) fn new(all: Vec<(String, Rc<Target>)>, at: &str) -> Result<Self, String> {
        let mut aims = BTreeMap::new();
        let provider = all.first().map(|(_, target)| target.name.clone());
        for (name, target) in all {
            if Some(&target.name) != provider.as_ref() {
                return Err(format!(
                    "{at}: with `planned` a cluster's filter has the targets of its own provider only"
                ));
            }
            if aims.insert(name.clone(), target).is_some() {
                return Err(format!("{at}: there are two with the target `{name}`"));
            }
        }
        if aims.is_empty() { Err(format!("{at}: expected an item or more, there is none")) } else { Ok(Self(aims)) }
    }

    /// Whom this attempt is made for. In the second place, why it is not: for a log.
    pub(super) fn find(&self, headers: &dyn Headers) -> Result<(Rc<Target>, Aim), &'static str> {
        let attempt = headers.get(ATTEMPT).and_then(|count| count.trim().parse().ok()).filter(|count| *count > 0);
        let attempt: u32 = attempt.ok_or("nobody says which attempt it is")?;
        let plan = headers.get(PLAN_HEADER).ok_or("there is no plan")?;
        let Plan { targets, output_cap } = hybrid::read(&plan).map_err(|_| "the plan cannot be read")?;
        let last = targets.len().checked_sub(1).ok_or("the plan is empty")?;
        let place = usize::try_from(attempt).unwrap_or(usize::MAX).saturating_sub(1).min(last);
        let aim = targets.into_iter().nth(place).ok_or("the plan is empty")?;
        let target = self.0.get(&aim.to).filter(|target| target.name == aim.provider);
        let target = target.ok_or("the plan's target is not one of this cluster's provider")?;
        Ok((target.clone(), Aim { attempt, is_followed: place < last, model: aim.model, output_cap }))
    }

    /// One of them: all have the same provider.
    pub(super) fn any(&self) -> Option<&Rc<Target>> {
        self.0.values().next()
    }
}

/// What a client reads of an attempt that is not made.
pub(super) fn lost() -> Fault {
    let message = "the gateway lost track of this request and did not send it on; try again";
    Fault::new(FaultKind::Server, message).with_code("attempt_refused")
}
