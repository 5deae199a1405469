//! South Africa and Israel.

use super::{Detector, PERSONAL, all_if, date};
use crate::redact::detect::{
    Tier,
    checksum::{digits, luhn, number},
};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "za_id",
        label: "ZAID",
        about: "Identity number of South Africa, behind its name",
        tier: Tier::Likely,
        group: "africa",
        shape: r"\d{2}[01]\d[0-3]\d ?\d{4} ?[0-2][89]\d",
        bytes_max: 15,
        check: south_african,
        context: &[
            "id",
            "id number",
            "id no",
            "identity number",
            "identity no",
            "id-nommer",
            "identiteitsnommer",
            "rsa id",
        ],
        source: "https://en.wikipedia.org/wiki/South_African_identity_card",
        found: &["ID number: ⟦7303193223089⟧", "RSA ID ⟦690420 8837 085⟧", "Identity no. ⟦4105128186080⟧"],
        not_found: &["ID number: 7303193223088", "EAN 7303193223089", "ID number: 7313193223089", "ID 73031932230891"],
        ..PERSONAL
    },
    Detector {
        entity: "il_id",
        label: "TEUDATZEHUT",
        about: "Identity number of Israel, behind its name",
        tier: Tier::Likely,
        group: "africa",
        shape: r"\d{8}-?\d",
        bytes_max: 10,
        check: israeli,
        context: &["תעודת זהות", "ת.ז", "ת\"ז", "מספר זהות", "teudat zehut", "israeli id", "israel id", "mispar zehut"],
        source: "https://en.wikipedia.org/wiki/Israeli_identity_card",
        found: &["ת.ז. ⟦100250646⟧", "Teudat Zehut: ⟦029399896⟧", "תעודת זהות ⟦68639750-6⟧"],
        not_found: &["ת.ז. 100250647", "טלפון 100250646", "Israeli ID 000000000", "Israeli ID 1002506461"],
        ..PERSONAL
    },
];

fn south_african(candidate: &str) -> Option<Range<usize>> {
    let date = number(candidate)? / 10_000_000;
    let born = |century| date::exists(century + date / 10_000, date / 100 % 100, date % 100);
    all_if(candidate, (born(1900) || born(2000)) && luhn(candidate))
}

fn israeli(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, luhn(candidate) && digits(candidate).any(|digit| digit > 0))
}
