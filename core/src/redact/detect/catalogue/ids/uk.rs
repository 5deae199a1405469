//! The United Kingdom.

use super::{Detector, PERSONAL, all_if};
use crate::redact::detect::checksum::{digits, weighted};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "uk_nhs_number",
        label: "NHS",
        about: "NHS number of England, Wales and the Isle of Man, behind its name",
        group: "uk",
        shape: r"\d{3}(?: \d{3} |-\d{3}-|\d{3})\d{4}",
        bytes_max: 12,
        check: nhs,
        context: &["nhs"],
        source: "https://www.datadictionary.nhs.uk/attributes/nhs_number.html",
        found: &["NHS number: ⟦426 018 1599⟧", "NHS no. ⟦7301661312⟧", "her NHS-number is ⟦609-139-0996⟧."],
        not_found: &["NHS number: 426 018 1598", "call 426 018 1599", "NHS 000 000 0000", "NHS 42601815990"],
        ..PERSONAL
    },
    Detector {
        entity: "uk_nino",
        label: "NINO",
        about: "National insurance number of the United Kingdom, in pairs",
        group: "uk",
        shape: r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] \d{2} \d{2} \d{2} [A-D]",
        bytes_max: 13,
        check: nino,
        source: "https://www.gov.uk/hmrc-internal-manuals/national-insurance-manual/nim39110",
        found: &["⟦AB 12 34 56 C⟧", "NINO:⟦SK 98 76 54 A⟧", "保险号⟦JG 10 20 30 D⟧"],
        not_found: &["GB 12 34 56 C", "AB 12 34 56 E", "AO 12 34 56 C", "AB 12 34 56 Cd"],
        ..PERSONAL
    },
    Detector {
        entity: "uk_nino",
        label: "NINO",
        about: "The same in one piece, behind its name",
        group: "uk",
        shape: r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{6} ?[A-D]",
        bytes_max: 11,
        check: nino,
        context: &["national insurance", "nino", "ni number", "ni no"],
        source: "https://www.gov.uk/hmrc-internal-manuals/national-insurance-manual/nim39110",
        found: &["NI number ⟦AB123456C⟧", "national insurance: ⟦SK 987654 A⟧", "nino=⟦JG102030D⟧"],
        not_found: &["part AB123456C", "NI number TN123456C", "NI number AB1234567C"],
        ..PERSONAL
    },
];

fn nhs(candidate: &str) -> Option<Range<usize>> {
    let sum = weighted(candidate, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    all_if(candidate, sum.is_multiple_of(11) && digits(candidate).any(|digit| digit > 0))
}

/// These pairs are never given.
fn nino(candidate: &str) -> Option<Range<usize>> {
    const NEVER: [&str; 7] = ["BG", "GB", "NK", "KN", "TN", "NT", "ZZ"];
    all_if(candidate, !candidate.get(..2).is_some_and(|pair| NEVER.contains(&pair)))
}
