//! India.

use super::{Detector, PERSONAL, all_if};
use crate::redact::detect::{
    Edge, Tier,
    checksum::{digits, verhoeff},
};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "in_gstin",
        label: "GSTIN",
        about: "GSTIN: number of whoever pays the goods and services tax in India, with a PAN inside",
        shape: r"[0-3]\d[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z][0-9A-Z]Z[0-9A-Z]",
        bytes_max: 15,
        check: gstin,
        source: "https://en.wikipedia.org/wiki/Goods_and_Services_Tax_(India)",
        found: &["GSTIN ⟦27RYHPA5380D1Z7⟧", "gst:⟦27BYNPS6170B1Z5⟧", "税号⟦27LJYPA1186H1ZM⟧。"],
        not_found: &["27RYHPA5380D1Z8", "39RYHPA5380D1Z7", "27RYHZA5380D1Z7", "27RYHPA5380D1Z71"],
        ..INDIAN
    },
    Detector {
        entity: "in_aadhaar",
        label: "AADHAAR",
        about: "Aadhaar: number of a resident of India, behind its name",
        tier: Tier::Likely,
        shape: r"[2-9]\d{3}(?: \d{4} |-\d{4}-|\d{4})\d{4}",
        edge: Edge::Digit,
        bytes_max: 14,
        check: aadhaar,
        context: &["aadhaar", "aadhar", "adhaar", "uidai", "uid", "आधार"],
        source: "https://uidai.gov.in/en/my-aadhaar/about-your-aadhaar.html",
        found: &["Aadhaar: ⟦6907 4758 9164⟧", "आधार ⟦728876302654⟧", "UIDAI no. ⟦8349-3207-3784⟧"],
        not_found: &[
            "Aadhaar: 6907 4758 9165",
            "order 6907 4758 9164",
            "Aadhaar 69074758 9164",
            "Aadhaar 6907475891641",
        ],
        ..INDIAN
    },
    Detector {
        entity: "in_pan",
        label: "PAN",
        about: "PAN: number of whoever pays income tax in India, behind its name",
        tier: Tier::Likely,
        shape: r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]",
        bytes_max: 10,
        check: pan,
        context: &["pan", "pan card", "permanent account number", "income tax", "आयकर", "पैन"],
        source: "https://incometaxindia.gov.in/Pages/faqs.aspx?k=FAQs+on+PAN",
        found: &["PAN ⟦IUKPZ9183L⟧", "Permanent Account Number: ⟦GOQPT3764L⟧", "पैन ⟦BUUPH4778T⟧"],
        not_found: &["PAN IUKZZ9183L", "SKU IUKPZ9183L", "PAN IUKPZ0000L", "PAN IUKPZ91831L"],
        ..INDIAN
    },
];

const INDIAN: Detector = Detector { group: "asia", ..PERSONAL };

/// Luhn's rule over 36 digits and letters; the first two digits are a state.
fn gstin(candidate: &str) -> Option<Range<usize>> {
    let sum: u32 = candidate
        .chars()
        .filter_map(|character| character.to_digit(36))
        .enumerate()
        .map(|(at, value)| if at % 2 == 1 { value * 2 / 36 + value * 2 % 36 } else { value })
        .sum();
    let state: u32 = digits(candidate).take(2).fold(0, |state, digit| state * 10 + digit);
    all_if(candidate, sum.is_multiple_of(36) && (1..=38).contains(&state))
}

fn aadhaar(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, verhoeff(candidate))
}

fn pan(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, digits(candidate).any(|digit| digit > 0))
}
