//! Australia and New Zealand.

use super::{Detector, PERSONAL, all_if};
use crate::redact::detect::{
    Edge, Tier,
    checksum::{digits, number, weighted},
};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "au_tfn",
        label: "TFN",
        about: "Tax file number of Australia, behind its name",
        shape: r"\d{3}(?: \d{3} |-\d{3}-|\d{3})\d{3}",
        bytes_max: 11,
        check: tfn,
        context: &["tfn", "tax file number", "tax file no"],
        source: "https://www.ato.gov.au/individuals-and-families/tax-file-number",
        found: &["TFN ⟦252 559 396⟧", "Tax file number: ⟦665018300⟧", "tfn=⟦793-775-323⟧"],
        not_found: &["TFN 252 559 397", "phone 252 559 396", "TFN 000 000 000", "TFN 2525593961"],
        ..LIKELY
    },
    Detector {
        entity: "au_abn",
        label: "ABN",
        about: "Business number of Australia, behind its name",
        shape: r"[1-9]\d(?: \d{3} \d{3} |\d{6})\d{3}",
        bytes_max: 14,
        check: abn,
        context: &["abn", "australian business number"],
        source: "https://abr.business.gov.au/Help/AbnFormat",
        found: &["ABN ⟦97 839 438 366⟧", "Australian Business Number: ⟦22413473690⟧", "abn=⟦20608953028⟧"],
        not_found: &["ABN 97 839 438 367", "ref 97 839 438 366", "ABN 978394383661"],
        ..LIKELY
    },
    Detector {
        entity: "au_medicare",
        label: "MEDICARE",
        about: "Number on a Medicare card of Australia, behind its name",
        shape: r"[2-6]\d{3}[ -]?\d{5}[ -]?\d(?:[ /-]?\d)?",
        bytes_max: 14,
        check: medicare,
        context: &["medicare", "medicare card", "medicare no"],
        source: "https://developer.digitalhealth.gov.au/",
        found: &["Medicare no. ⟦4274 00476 1⟧", "Medicare card: ⟦30460361512⟧", "medicare=⟦4061-69187-1⟧"],
        not_found: &["Medicare no. 4275 00476 1", "order 4274 00476 1", "Medicare 1274 00476 1"],
        ..LIKELY
    },
    Detector {
        entity: "nz_ird",
        label: "IRD",
        about: "IRD number of New Zealand, behind its name",
        shape: r"\d{2,3}(?:-\d{3}-|\d{3})\d{3}",
        bytes_max: 11,
        check: ird,
        context: &["ird", "ird number", "ird no", "inland revenue"],
        source: "https://www.ird.govt.nz/managing-my-tax/ird-numbers",
        found: &["IRD number: ⟦069-146-783⟧", "ird=⟦99602767⟧", "IRD no. ⟦22-447-777⟧"],
        not_found: &["IRD number: 069-146-784", "call 069-146-783", "IRD 999-146-783"],
        ..LIKELY
    },
];

const LIKELY: Detector = Detector { tier: Tier::Likely, group: "asia", edge: Edge::Digit, ..PERSONAL };

fn tfn(candidate: &str) -> Option<Range<usize>> {
    let sum = weighted(candidate, &[1, 4, 3, 7, 5, 8, 6, 9, 10]);
    all_if(candidate, sum > 0 && sum.is_multiple_of(11))
}

/// By 89, after 1 was taken from the first digit.
fn abn(candidate: &str) -> Option<Range<usize>> {
    let sum = weighted(candidate, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    all_if(candidate, sum.checked_sub(10)?.is_multiple_of(89))
}

/// The ninth digit checks the eight before it; behind it stand the card's issue and, maybe, the person's place on it.
fn medicare(candidate: &str) -> Option<Range<usize>> {
    let sum = weighted(candidate, &[1, 3, 7, 9, 1, 3, 7, 9]);
    all_if(candidate, digits(candidate).nth(8) == Some(sum % 10))
}

/// By 11; where that leaves 10, with other weights again.
fn ird(candidate: &str) -> Option<Range<usize>> {
    let whole = number(candidate)?;
    let nine = format!("{whole:09}");
    let check = |weights| (11 - weighted(&nine, weights) % 11) % 11;
    let wanted = match check(&[3, 2, 7, 6, 5, 4, 3, 2]) {
        10 => check(&[7, 4, 3, 2, 5, 2, 7, 6]),
        check => check,
    };
    let given = (10_000_000..150_000_000).contains(&whole);
    all_if(candidate, given && digits(&nine).next_back() == Some(wanted))
}
