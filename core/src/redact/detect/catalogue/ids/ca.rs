//! Canada.

use super::{Detector, PERSONAL, all_if};
use crate::redact::detect::checksum::luhn;
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[Detector {
    entity: "ca_sin",
    label: "SIN",
    about: "Social insurance number of Canada, with dashes or blanks, behind its name",
    group: "ca",
    shape: r"[1-79]\d{2}(?:-\d{3}-| \d{3} )\d{3}",
    bytes_max: 11,
    check: sin,
    context: &["sin", "nas", "social insurance", "assurance sociale"],
    source: "https://www.canada.ca/en/employment-social-development/services/sin.html",
    found: &["SIN ⟦130-824-626⟧", "social insurance number: ⟦519 482 194⟧", "numéro d'assurance sociale ⟦535-181-903⟧"],
    not_found: &["SIN 130-824-627", "call 130-824-626", "SIN 130-824 626", "SIN 830-824-629"],
    ..PERSONAL
}];

fn sin(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, luhn(candidate))
}
