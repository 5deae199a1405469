//! What is asked of a policy and a vault while an answer streams.

use crate::redact::detect::Finding;
use crate::redact::{Policy, Tally, Vault};
use crate::texts::{Place, Splice};
use std::fmt::Debug;
use std::sync::Arc;

/// The rules of one answer.
pub(super) trait Rules: Debug + Send + Sync {
    /// As [`Detectors::find_from`](crate::redact::detect::Detectors::find_from).
    fn find_from(&self, text: &str, from: usize, end: bool) -> (Vec<Finding>, usize);

    /// From where on the end of a text may be the beginning of a placeholder; the text's length where it is none.
    fn live_from(&self, text: &str) -> usize;

    /// As [`Policy::answer_splices`].
    fn splices(
        &self,
        place: &Place,
        text: &str,
        findings: &[Finding],
        tally: &mut Tally,
    ) -> Result<Vec<Splice>, String>;

    /// Whether something was masked in the request.
    fn masked(&self) -> bool;

    /// Whether anything may be found at all, beside placeholders.
    fn finds(&self) -> bool;

    /// Whether the rest of an answer may have to be withheld.
    fn may_block(&self) -> bool;
}

/// A policy with the vault of an exchange.
#[derive(Clone, Debug)]
pub(super) struct Ruled {
    pub(super) policy: Arc<Policy>,
    pub(super) vault: Arc<Vault>,
}

impl Rules for Ruled {
    fn find_from(&self, text: &str, from: usize, end: bool) -> (Vec<Finding>, usize) {
        match self.policy.answer_detectors() {
            Some(detectors) => detectors.find_from(text, from, end),
            None => (Vec::new(), text.len()),
        }
    }

    fn live_from(&self, text: &str) -> usize {
        text.len() - self.policy.answer_held(&self.vault, text).min(text.len())
    }

    fn splices(
        &self,
        place: &Place,
        text: &str,
        findings: &[Finding],
        tally: &mut Tally,
    ) -> Result<Vec<Splice>, String> {
        self.policy.answer_splices(&self.vault, place, text, findings, tally)
    }

    fn masked(&self) -> bool {
        !self.vault.is_empty()
    }

    fn finds(&self) -> bool {
        self.policy.reads_answers()
    }

    fn may_block(&self) -> bool {
        self.policy.blocks_answers()
    }
}
