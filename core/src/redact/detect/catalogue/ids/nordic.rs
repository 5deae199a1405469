//! Finland, Norway, Sweden.

use super::{Detector, PERSONAL, all_if, date};
use crate::redact::detect::{
    Edge, Tier,
    checksum::{luhn, number, weighted},
};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "fi_hetu",
        label: "HETU",
        about: "Henkilötunnus of Finland",
        group: "eu",
        shape: r"[0-3]\d[01]\d{3}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]",
        bytes_max: 11,
        check: hetu,
        source: "https://dvv.fi/en/personal-identity-code",
        found: &["hetu ⟦131052-308T⟧", "⟦010594Y3219⟧", "(⟦241201A4520⟧)"],
        not_found: &["131052-308U", "311152-308T", "131052G308T", "1131052-308T"],
        ..PERSONAL
    },
    Detector {
        entity: "no_fodselsnummer",
        label: "FODSELSNUMMER",
        about: "Fødselsnummer or D-nummer of Norway, behind its name",
        group: "eu",
        shape: r"[0-7]\d[01]\d{3} ?\d{5}",
        edge: Edge::Digit,
        bytes_max: 12,
        check: fodselsnummer,
        context: &[
            "fødselsnummer",
            "fødselsnr",
            "fodselsnummer",
            "fnr",
            "d-nummer",
            "d-nr",
            "personnummer",
            "personnr",
        ],
        source: "https://www.skatteetaten.no/en/person/national-registry/identitetsnummer/fodselsnummer/",
        found: &["fnr ⟦01019012057⟧", "Fødselsnummer: ⟦290296 30001⟧", "D-nummer:⟦41019920060⟧"],
        not_found: &["fnr 01019012058", "konto 01019012057", "fnr 32019012057", "fnr 010190120571"],
        ..PERSONAL
    },
    Detector {
        entity: "no_fodselsnummer",
        label: "FODSELSNUMMER",
        about: "The same without a word",
        tier: Tier::Likely,
        group: "eu",
        shape: r"[0-7]\d[01]\d{3} ?\d{5}",
        edge: Edge::Digit,
        bytes_max: 12,
        check: fodselsnummer,
        source: "https://www.skatteetaten.no/en/person/national-registry/identitetsnummer/fodselsnummer/",
        found: &["⟦01019012057⟧", "Kari Nordmann, ⟦290296 30001⟧", "号⟦41019920060⟧"],
        not_found: &["01019012058", "32019012057", "010190120571", "30029630001"],
        ..PERSONAL
    },
    Detector {
        entity: "se_personnummer",
        label: "PERSONNUMMER",
        about: "Personnummer or samordningsnummer of Sweden, with the century",
        group: "eu",
        shape: r"(?:19|20)\d{2}[01]\d{3}-\d{4}",
        edge: Edge::Digit,
        bytes_max: 13,
        check: personnummer,
        source: "https://www.skatteverket.se/privat/folkbokforing/personnummer",
        found: &["⟦19811228-9874⟧", "personnummer ⟦19640823-3234⟧.", "号⟦19900118-9811⟧"],
        not_found: &["19811228-9875", "19811328-9874", "19811228-98741", "19810230-9874"],
        ..PERSONAL
    },
    Detector {
        entity: "se_personnummer",
        label: "PERSONNUMMER",
        about: "The same without the century, behind its name",
        group: "eu",
        shape: r"\d{2}[01]\d{3}[-+]\d{4}",
        edge: Edge::Digit,
        bytes_max: 11,
        check: personnummer,
        context: &["personnummer", "personnr", "pnr", "samordningsnummer"],
        source: "https://www.skatteverket.se/privat/folkbokforing/personnummer",
        found: &["personnummer: ⟦811228-9874⟧", "pnr ⟦640823+3234⟧", "Personnr=⟦900118-9811⟧"],
        not_found: &["personnummer 811228-9875", "order 811228-9874", "pnr 811328-9874"],
        ..PERSONAL
    },
];

/// The date and the number of that day, together by 31, choose the last character.
fn hetu(candidate: &str) -> Option<Range<usize>> {
    let part = |range: Range<usize>| candidate.get(range).and_then(number);
    let (date, of_the_day) = (part(0..6)?, part(7..10)?);
    let year = match candidate.get(6..7)? {
        "+" => 1800,
        "-" | "U" | "V" | "W" | "X" | "Y" => 1900,
        _ => 2000,
    } + date % 100;
    let rest = usize::try_from((date * 1000 + of_the_day) % 31).ok()?;
    let check = "0123456789ABCDEFHJKLMNPRSTUVWXY".get(rest..=rest);
    let born = date::exists(year, date / 100 % 100, date / 10_000) && (2..900).contains(&of_the_day);
    all_if(candidate, born && candidate.get(10..) == check)
}

/// Two check digits by 11, and a day of some century; whoever only stays for a while has 40 added to the day.
fn fodselsnummer(candidate: &str) -> Option<Range<usize>> {
    let part = |range: Range<usize>| candidate.get(range).and_then(number);
    let (day, month, year) = (part(0..2)?, part(2..4)?, part(4..6)?);
    let day = if day > 40 { day - 40 } else { day };
    let born = [1900, 2000].into_iter().any(|century| date::exists(century + year, month, day));
    let first = weighted(candidate, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]);
    let second = weighted(candidate, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]);
    all_if(candidate, born && first.is_multiple_of(11) && second.is_multiple_of(11))
}

/// Luhn's rule over ten digits without the century; 60 is added to the day of whoever is not registered.
fn personnummer(candidate: &str) -> Option<Range<usize>> {
    let ten = candidate.get(candidate.len().checked_sub(11)?..)?;
    let part = |range: Range<usize>| ten.get(range).and_then(number);
    let (year, month, day) = (part(0..2)?, part(2..4)?, part(4..6)?);
    let day = if day > 60 { day - 60 } else { day };
    let born = [1900, 2000].into_iter().any(|century| date::exists(century + year, month, day));
    all_if(candidate, born && luhn(ten))
}
