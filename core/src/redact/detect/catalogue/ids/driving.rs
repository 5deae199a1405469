//! Driving licences.

use super::{Detector, PERSONAL, all_if};
use crate::redact::detect::{Tier, checksum::digits, checksum::number};
use std::ops::Range;

/// What they are called in English.
const LICENCE: &[&str] = &[
    "driver's license",
    "driver’s license",
    "drivers license",
    "driver license",
    "driving license",
    "driving licence",
    "driver's licence",
    "driver licence",
    "drivers licence",
    "dl number",
    "dl no",
    "dl#",
    "dl #",
    "dln",
    "licence number",
    "license number",
    "driver_license",
    "驾驶证",
    "驾照",
];

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "uk_driving_licence",
        about: "Driver number of Great Britain: name, date of birth and initials are inside",
        shape: r"[A-Z]{1,5}9{0,4}\d[0156]\d[0-3]\d\d[A-Z9]{2}[A-Z0-9][A-Z]{2}",
        bytes_max: 16,
        check: british,
        context: &[],
        source: "https://www.gov.uk/government/publications/inf1d-information-on-driving-licences",
        found: &["⟦MORGA657054SM9IJ⟧", "driver no. ⟦LEE99802154J99XX⟧", "驾照⟦SMITH853151A99AB⟧。"],
        not_found: &["MORGA677054SM9IJ", "MORGA657404SM9IJ", "LEE9802154J99XX", "XMORGA657054SM9IJ"],
        ..DRIVING
    },
    Detector {
        entity: "de_driving_licence",
        about: "Führerschein of Germany, behind its name: authority, number, check digit, issue",
        shape: r"[A-Z][0-9A-Z]{2}[0-9A-Z]{6}[0-9X][0-9A-Z]",
        bytes_max: 11,
        check: three_digits,
        context: &["führerschein", "führerscheinnummer", "führerschein-nr", "fahrerlaubnis", "driving licence"],
        source: "https://www.kba.de/DE/Themen/ZentraleRegister/ZFER/zfer_node.html",
        found: &["Führerschein ⟦B072RRE2I55⟧", "Führerscheinnummer: ⟦J010000SD51⟧", "Fahrerlaubnis ⟦N0704578035⟧"],
        not_found: &["Teil B072RRE2I55", "Führerschein B072RRE2I5", "Führerschein VERLUSTMELDUNG"],
        ..DRIVING
    },
    Detector {
        entity: "fr_driving_licence",
        about: "Permis de conduire of France, behind its name",
        shape: r"\d{2}[A-Z]{2}\d{5}|\d{12}",
        bytes_max: 12,
        context: &["permis de conduire", "n° de permis", "numéro de permis", "permis n°"],
        source: "https://www.service-public.fr/particuliers/vosdroits/F21663",
        found: &["permis de conduire ⟦911091204321⟧", "Numéro de permis : ⟦13AA00002⟧", "permis n° ⟦870667300123⟧"],
        not_found: &["facture 911091204321", "permis de conduire 9110912043", "permis de construire 911091204321"],
        ..DRIVING
    },
    Detector {
        entity: "in_driving_licence",
        about: "Driving licence of India: state, office, year, number; behind its name",
        shape: r"[A-Z]{2}[ -]?\d{2}[ -]?(?:19|20)\d{2}[ -]?\d{7}",
        bytes_max: 18,
        context: LICENCE,
        source: "https://parivahan.gov.in/",
        found: &[
            "DL No ⟦MH14 20110062821⟧",
            "driving licence: ⟦DL-0420110149646⟧",
            "driving license ⟦KA0320150012345⟧",
        ],
        not_found: &["ref MH14 20110062821", "DL No MH14 21110062821", "DL No MH14 2011006282"],
        ..DRIVING
    },
    Detector {
        entity: "us_driving_licence",
        about: "Driver's license of one of the United States, behind its name: each state has a form of its own",
        shape: r"[A-Z]{1,3}\d{5,14}[A-Z]?|\d{7,12}|[A-Z]\d{3}-\d{3,4}-\d{2,4}(?:-\d{2,3}(?:-\d)?)?|\d{2,3}-\d{2,3}-\d{3,4}|[A-Z]{1,2}\d{2}-\d{2}-\d{4}",
        bytes_max: 19,
        check: american,
        context: LICENCE,
        source: "https://www.aamva.org/topics/driver-license-and-identification-standards",
        found: &["driver's license ⟦D1234567⟧", "Drivers License No: ⟦S530-4209-5172⟧", "DLN ⟦12345678⟧"],
        not_found: &["order D1234567", "driver's license ABC", "driver license D1234", "license D1234567"],
        ..DRIVING
    },
];

const DRIVING: Detector = Detector { label: "DRIVINGLICENCE", tier: Tier::Likely, group: "travel", ..PERSONAL };

/// Five letters of the name, filled up with nines; a woman's month has 50 added.
fn british(candidate: &str) -> Option<Range<usize>> {
    let (month, day) = (number(candidate.get(6..8)?)? % 50, number(candidate.get(8..10)?)?);
    let name = candidate.get(..5)?.trim_end_matches('9');
    let named = name.bytes().all(|byte| byte.is_ascii_uppercase());
    all_if(candidate, candidate.len() == 16 && named && (1..=12).contains(&month) && (1..=31).contains(&day))
}

/// Nothing of one digit all over.
fn american(candidate: &str) -> Option<Range<usize>> {
    let first = digits(candidate).next()?;
    all_if(candidate, digits(candidate).any(|digit| digit != first))
}

fn three_digits(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, digits(candidate).count() > 2)
}
