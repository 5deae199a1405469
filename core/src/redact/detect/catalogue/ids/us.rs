//! The United States.

use super::{Detector, PERSONAL, all_if};
use crate::redact::detect::{
    Edge, Tier,
    checksum::{digits, luhn, number, weighted},
};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "us_ssn",
        label: "SSN",
        about: "Social security number of the United States, with dashes",
        group: "us",
        shape: r"\d{3}-\d{2}-\d{4}",
        edge: Edge::Digit,
        bytes_max: 11,
        check: issued,
        source: "https://www.ssa.gov/employer/randomization.html",
        found: &["SSN ⟦536-22-8726⟧.", "社保号⟦219-45-1048⟧。", "his number,⟦899-01-0001⟧, and hers"],
        not_found: &[
            "000-22-8726",
            "666-22-8726 or 536-00-8726 or 536-22-0000",
            "912-34-5678",
            "1536-22-8726",
            "536-22-8726-1",
        ],
        ..PERSONAL
    },
    Detector {
        entity: "us_itin",
        label: "ITIN",
        about: "Individual taxpayer identification number of the United States, with dashes",
        group: "us",
        shape: r"9\d{2}-(?:5\d|6[0-5]|7\d|8[0-8]|9[0-2]|9[4-9])-\d{4}",
        edge: Edge::Digit,
        bytes_max: 11,
        source: "https://www.irs.gov/irm/part3/irm_03-021-263r",
        found: &["ITIN ⟦912-70-3456⟧", "(⟦900-94-0001⟧)", "税号⟦987-65-4321⟧"],
        not_found: &["912-34-5678", "912-93-5678", "812-70-3456", "912-70-34567"],
        ..PERSONAL
    },
    Detector {
        entity: "us_ssn",
        label: "SSN",
        about: "Social security number in one piece or with blanks, behind its name",
        shape: r"\d{3}(?: \d{2} |\d{2})\d{4}",
        edge: Edge::Digit,
        bytes_max: 11,
        check: issued,
        context: &["ssn", "ssns", "social security", "soc sec", "ss#", "社保号"],
        source: "https://www.ssa.gov/employer/randomization.html",
        found: &["SSN: ⟦536228726⟧", "social security number ⟦219 45 1048⟧", "SS# ⟦899010001⟧."],
        not_found: &["order 536228726", "SSN 000228726", "SSN 5362287261", "SSN 536 228726"],
        ..LIKELY
    },
    Detector {
        entity: "us_ein",
        label: "EIN",
        about: "Employer identification number of the United States, behind its name",
        shape: r"(?:0[1-6]|1[0-6]|2[0-7]|3\d|4[0-8]|5[0-9]|6[0-8]|7[1-7]|8[0-8]|9[0-589])-\d{7}",
        edge: Edge::Digit,
        bytes_max: 10,
        context: &["ein", "fein", "employer identification", "federal tax id", "tax id", "taxpayer id"],
        source: "https://www.irs.gov/businesses/small-businesses-self-employed/employer-id-numbers",
        found: &["EIN ⟦12-3456789⟧", "Federal tax ID: ⟦83-0123457⟧", "FEIN=⟦94-7654321⟧"],
        not_found: &["part 12-3456789", "EIN 07-3456789", "EIN 12-34567890", "their 12-3456789"],
        ..LIKELY
    },
    Detector {
        entity: "us_npi",
        label: "NPI",
        about: "National provider identifier of the United States, behind its name",
        shape: r"[12]\d{9}",
        bytes_max: 10,
        check: npi,
        context: &["npi", "national provider"],
        source: "https://www.cms.gov/regulations-and-guidance/administrative-simplification/nationalprovidentstand",
        found: &["NPI: ⟦1733747079⟧", "National Provider Identifier ⟦1932727161⟧", "npi=⟦1525791020⟧"],
        not_found: &["NPI: 1733747078", "call 1733747079", "NPI 3733747079", "NPI 17337470791"],
        ..LIKELY
    },
    Detector {
        entity: "us_dea_number",
        label: "DEA",
        about: "Number of whoever may prescribe controlled substances in the United States, behind its name",
        shape: r"[A-HJ-NPR-UX][A-Z9]\d{7}",
        bytes_max: 9,
        check: dea,
        context: &["dea", "dea number", "dea no", "dea#"],
        source: "https://en.wikipedia.org/wiki/DEA_number",
        found: &["DEA # ⟦AB4763632⟧", "DEA number: ⟦FS4685523⟧", "dea=⟦BK1765900⟧"],
        not_found: &["DEA # AB4763633", "part AB4763632", "DEA QB4763632", "DEA AB47636321"],
        ..LIKELY
    },
    Detector {
        entity: "us_medicare_mbi",
        label: "MBI",
        about: "Medicare beneficiary identifier of the United States, as it stands on the card",
        shape: r"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d-[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d-[AC-HJKMNP-RT-Y]{2}\d{2}",
        bytes_max: 13,
        source: "https://www.cms.gov/medicare/new-medicare-card/understanding-the-mbi",
        found: &["Medicare ⟦1EG4-TE5-MK73⟧", "(⟦9WT8-X47-AA01⟧)", "mbi:⟦3K00-HY2-QR65⟧"],
        not_found: &["0EG4-TE5-MK73", "1SG4-TE5-MK73", "1EG4-TE5-MK7", "1EG4-TE5-MK733"],
        ..LIKELY
    },
    Detector {
        entity: "us_medicare_mbi",
        label: "MBI",
        about: "The same in one piece, behind its name",
        shape: r"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y]{2}\d{2}",
        bytes_max: 11,
        context: &["mbi", "medicare", "beneficiary"],
        source: "https://www.cms.gov/medicare/new-medicare-card/understanding-the-mbi",
        found: &["MBI: ⟦1EG4TE5MK73⟧", "Medicare number ⟦9WT8X47AA01⟧", "beneficiary=⟦3K00HY2QR65⟧"],
        not_found: &["SKU 1EG4TE5MK73", "MBI 1EG4TE5MKK3", "MBI 1EG4TE5MK733"],
        ..LIKELY
    },
];

const LIKELY: Detector = Detector { tier: Tier::Likely, group: "us", ..PERSONAL };

/// No area is 000, 666 or above 899, no group 00, no serial 0000; two numbers became known by being printed on cards.
fn issued(candidate: &str) -> Option<Range<usize>> {
    const PRINTED: [u64; 2] = [78_051_120, 219_099_999];
    let whole = number(candidate)?;
    let (area, group, serial) = (whole / 1_000_000, whole / 10_000 % 100, whole % 10_000);
    let given = area > 0 && area != 666 && area < 900 && group > 0 && serial > 0;
    all_if(candidate, given && !PRINTED.contains(&whole))
}

/// Luhn's rule, as if the number of a card of the United States' health industry stood before it.
fn npi(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, luhn(&format!("80840{candidate}")))
}

/// The last digit is that of a sum in which every other digit counts twice.
fn dea(candidate: &str) -> Option<Range<usize>> {
    let own = candidate.get(2..)?;
    all_if(candidate, digits(own).next_back() == Some(weighted(own, &[1, 2, 1, 2, 1, 2]) % 10))
}
