//! All detectors that come with Attaché, one file for each group.

mod contact;
mod crypto;
mod ids;
mod network;
mod payment;
mod secrets;
mod token;

use super::{Detector, Edge, Tier};
use std::ops::Range;

#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;

/// Every one, in the order of the table in the docs.
pub fn all() -> impl Iterator<Item = &'static Detector> {
    let shaped = [contact::ROWS, payment::ROWS, network::ROWS];
    shaped.into_iter().chain(ids::GROUPS).chain([crypto::ROWS, token::ROWS]).chain(secrets::GROUPS).flatten()
}

/// What most rows share: sure, between words, all of the candidate.
const PERSONAL: Detector = Detector {
    entity: "",
    label: "ID",
    about: "",
    tier: Tier::Certain,
    group: "personal",
    shape: "",
    edge: Edge::Word,
    bytes_max: 0,
    check: whole,
    context: &[],
    source: "",
    found: &[],
    not_found: &[],
};

/// The candidate, as it stands.
#[expect(clippy::unnecessary_wraps, reason = "the signature of a check")]
fn whole(candidate: &str) -> Option<Range<usize>> {
    Some(0..candidate.len())
}

/// The candidate, if a rule holds.
fn all_if(candidate: &str, holds: bool) -> Option<Range<usize>> {
    holds.then_some(0..candidate.len())
}
