//! Austria, Switzerland, Turkey: numbers of social security and of citizens.

use super::{Detector, PERSONAL, all_if};
use crate::redact::detect::{
    Edge, Tier,
    checksum::{digits, number, weighted},
};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "ch_ahv",
        label: "AHV",
        about: "AHV-Nummer of Switzerland, as it is written",
        group: "eu",
        shape: r"756\.\d{4}\.\d{4}\.\d{2}",
        edge: Edge::Digit,
        bytes_max: 16,
        check: ahv,
        source: "https://www.zas.admin.ch/zas/en/home/partenaires-et-institutions-/navs13.html",
        found: &["AHV ⟦756.9926.0509.48⟧", "(⟦756.0765.1740.17⟧)", "号⟦756.6317.5210.25⟧。"],
        not_found: &["756.9926.0509.49", "757.9926.0509.48", "756.9926.0509.481", "1.756.9926.0509.48"],
        ..PERSONAL
    },
    Detector {
        entity: "ch_ahv",
        label: "AHV",
        about: "The same in one piece, behind its name",
        tier: Tier::Likely,
        group: "eu",
        shape: r"756\d{10}",
        bytes_max: 13,
        check: ahv,
        context: &["ahv", "avs", "ahv-nummer", "ahvn13", "navs13", "sozialversicherungsnummer"],
        source: "https://www.zas.admin.ch/zas/en/home/partenaires-et-institutions-/navs13.html",
        found: &["AHV-Nummer: ⟦7569926050948⟧", "n° AVS ⟦7560765174017⟧", "navs13=⟦7566317521025⟧"],
        not_found: &["AHV 7569926050949", "EAN 7569926050948", "AHV 75699260509481"],
        ..PERSONAL
    },
    Detector {
        entity: "at_svnr",
        label: "SVNR",
        about: "Sozialversicherungsnummer of Austria, behind its name",
        tier: Tier::Likely,
        group: "eu",
        shape: r"[1-9]\d{3} ?[0-3]\d[01]\d{3}",
        bytes_max: 11,
        check: svnr,
        context: &["svnr", "sv-nr", "sv-nummer", "sozialversicherungsnummer", "versicherungsnummer"],
        source: "https://www.sozialversicherung.at/cdscontent/?contentid=10007.844013",
        found: &["SVNR ⟦8145 260379⟧", "Sozialversicherungsnummer: ⟦5652110697⟧", "SV-Nr. ⟦8067 220784⟧"],
        not_found: &["SVNR 8146 260379", "Konto 8145 260379", "SVNR 81452603791"],
        ..PERSONAL
    },
    Detector {
        entity: "tr_tckn",
        label: "TCKN",
        about: "T.C. kimlik numarası of Turkey, behind its name",
        tier: Tier::Likely,
        group: "africa",
        shape: r"[1-9]\d{9}[02468]",
        bytes_max: 11,
        check: tckn,
        context: &["tckn", "tc kimlik", "t.c. kimlik", "tc no", "kimlik no", "kimlik numarası", "tc kimlik no"],
        source: "https://en.wikipedia.org/wiki/Turkish_Identification_Number",
        found: &["TC Kimlik No: ⟦40462348944⟧", "tckn=⟦56672738420⟧", "T.C. kimlik numarası ⟦11535755204⟧."],
        not_found: &["TC Kimlik No: 40462348946", "no 40462348944", "TCKN 404623489441"],
        ..PERSONAL
    },
];

/// EAN-13.
fn ahv(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, weighted(candidate, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10))
}

/// The fourth digit checks the others by 11; the date may have a month up to 15 where a day has run out of numbers.
fn svnr(candidate: &str) -> Option<Range<usize>> {
    let sum = weighted(candidate, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]);
    let date = number(candidate)? % 1_000_000;
    let born = (1..=31).contains(&(date / 10_000)) && (1..=15).contains(&(date / 100 % 100));
    all_if(candidate, born && digits(candidate).nth(3) == Some(sum % 11))
}

fn tckn(candidate: &str) -> Option<Range<usize>> {
    let tenth = weighted(candidate, &[7, 9, 7, 9, 7, 9, 7, 9, 7]) % 10;
    let last = digits(candidate).take(10).sum::<u32>() % 10;
    all_if(candidate, digits(candidate).skip(9).eq([tenth, last]))
}
