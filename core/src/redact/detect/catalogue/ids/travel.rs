//! Passports and identity cards that are valid for travel.

use super::{Detector, PERSONAL, all_if};
use crate::redact::detect::{Edge, Tier, checksum::digits};
use std::ops::Range;

/// What passports are called, so far as their owner is not clear from it.
const PASSPORT: &[&str] = &[
    "passport",
    "passports",
    "passport no",
    "passeport",
    "reisepass",
    "pasaporte",
    "passaporto",
    "passaporte",
    "paspoort",
    "护照",
    "護照",
];

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "machine_readable_zone",
        label: "MRZ",
        about: "Second line of a passport's machine-readable zone: number, nationality, date of birth",
        tier: Tier::Certain,
        shape: r"[A-Z0-9<]{9}\d[A-Z]{1,3}<{0,2}\d{7}[MFX<]\d{7}[A-Z0-9<]{14}[0-9<]\d",
        context: &[],
        bytes_max: 44,
        check: zone,
        source: "https://www.icao.int/publications/pages/publication.aspx?docnum=9303",
        found: &[
            "⟦L898902C36UTO7408122F1204159ZE184226B<<<<<10⟧",
            "MRZ ⟦C01X00T478D<<8308126F3109270<<<<<<<<<<<<<<<2⟧",
            "护照⟦3400200135USA9001011M3001019<<<<<<<<<<<<<<<6⟧。",
        ],
        not_found: &[
            "L898902C36UTO7408122F1204159ZE184226B<<<<<11",
            "L898902C36UTO7408123F1204159ZE184226B<<<<<10",
            "L898902C36UTO7408122F1204159ZE184226B<<<<<1",
        ],
        ..TRAVEL
    },
    Detector {
        entity: "machine_readable_zone",
        label: "MRZ",
        about: "First line of a passport's machine-readable zone: the name",
        tier: Tier::Certain,
        shape: r"P[A-Z<][A-Z<]{3}[A-Z]{1,37}<<[A-Z<]{0,36}",
        edge: Edge::None,
        bytes_max: 44,
        context: &[],
        check: name_line,
        source: "https://www.icao.int/publications/pages/publication.aspx?docnum=9303",
        found: &[
            "⟦P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<⟧",
            "护照⟦P<D<<MUSTERMANN<<ERIKA<<<<<<<<<<<<<<<<<<<<<<⟧",
            "MRZ: ⟦PMUSADOE<<JANE<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<⟧.",
        ],
        not_found: &["P<UTOERIKSSON<<ANNA<MARIA", "PROCESS<<<<<<", "HEAD PARENT<<THEIRS"],
        ..TRAVEL
    },
    Detector {
        entity: "in_passport",
        about: "Passport of India, behind its name",
        shape: r"[A-PR-WY][1-9]\d ?\d{4}[1-9]",
        bytes_max: 9,
        source: "https://en.wikipedia.org/wiki/Indian_passport",
        found: &["Passport No. ⟦K4512378⟧", "passport: ⟦A21 90457⟧", "Indian passport ⟦M1234567⟧"],
        not_found: &["part K4512378", "passport K0512378", "passport K45123781"],
        ..TRAVEL
    },
    Detector {
        entity: "cn_passport",
        about: "护照: passport of China, behind its name",
        shape: r"E[A-HJ-NP-Z]\d{7}|[DEGPS]\d{8}|(?:SE|DE|PE|MA|K)\d{7,8}",
        bytes_max: 10,
        source: "https://en.wikipedia.org/wiki/Chinese_passport",
        found: &["护照号码:⟦E12345678⟧", "护照⟦EA1234567⟧", "passport no. ⟦G87654321⟧"],
        not_found: &["订单E12345678", "护照EI1234567", "护照号码:E123456789"],
        ..TRAVEL
    },
    Detector {
        entity: "de_passport",
        about: "Passport or identity card of Germany, behind its name",
        shape: r"[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{8}\d?",
        bytes_max: 10,
        check: german,
        context: &[
            "passport",
            "reisepass",
            "reisepassnummer",
            "passnummer",
            "pass-nr",
            "personalausweis",
            "ausweisnummer",
            "personalausweisnummer",
            "ausweis-nr",
            "identity card",
            "护照",
        ],
        source: "https://www.bmi.bund.de/DE/themen/moderne-verwaltung/ausweise-und-paesse/ausweise-und-paesse-node.html",
        found: &["Reisepass ⟦C01X00T47⟧", "Personalausweis: ⟦L01X00T471⟧", "Ausweisnummer ⟦T22000129⟧"],
        not_found: &["Teil C01X00T47", "Reisepass C01X00T479", "Personalausweis COMPUTING", "Reisepass A01X00T47"],
        ..TRAVEL
    },
    Detector {
        entity: "fr_passport",
        about: "Passport of France, behind its name",
        shape: r"\d{2}[A-Z]{2}\d{5}",
        bytes_max: 9,
        source: "https://www.service-public.fr/particuliers/vosdroits/N360",
        found: &["passeport n° ⟦12AB34567⟧", "Passport: ⟦09CD98765⟧", "passeport ⟦15EF24680⟧."],
        not_found: &["lot 12AB34567", "passeport 12AB3456", "passeport 12AB345678"],
        ..TRAVEL
    },
    Detector {
        entity: "uk_passport",
        about: "Passport of the United Kingdom, behind a word that says whose it is",
        shape: r"\d{9}",
        bytes_max: 9,
        context: &["uk passport", "british passport", "united kingdom passport", "hmpo", "passport office"],
        source: "https://www.gov.uk/passport-advice-line",
        found: &["British passport number ⟦925665416⟧", "UK passport: ⟦107185703⟧", "HMPO, passport No ⟦512345670⟧."],
        not_found: &["ref 925665416", "UK passport 92566541", "UK passport 9256654161"],
        ..TRAVEL
    },
    Detector {
        entity: "us_passport",
        about: "Passport of the United States, behind its name",
        shape: r"[A-Z]?\d{8,9}",
        bytes_max: 9,
        source: "https://travel.state.gov/content/travel/en/passports/passport-help/next-generation-passport.html",
        found: &["Passport: ⟦340020013⟧", "US passport no. ⟦A12345678⟧", "护照号码⟦A01234567⟧"],
        not_found: &["order 340020013", "passport 3400200", "passport 34002001345", "passport AB1234567"],
        check: nine,
        ..TRAVEL
    },
    Detector {
        entity: "passport",
        about: "Passport of Canada, Australia, Japan, Korea, Italy, Spain, the Netherlands and others, behind its name",
        shape: r"[A-Z]{1,3}\d{6,7}[A-Z]?|[A-Z]{2}[A-Z0-9]{6}\d|[A-Z]\d{3}[A-Z]\d{4}",
        bytes_max: 10,
        check: other,
        source: "https://www.consilium.europa.eu/prado/en/search-by-document-country.html",
        found: &["passport ⟦GA302922⟧", "passaporto ⟦YA1234567⟧", "Pasaporte: ⟦PAB123456⟧", "paspoort ⟦NW20AB125⟧"],
        not_found: &["part GA302922", "passport GA30292", "passport CONTROLS1", "passport GA302922123"],
        ..TRAVEL
    },
];

const TRAVEL: Detector =
    Detector { label: "PASSPORT", tier: Tier::Likely, group: "travel", context: PASSPORT, ..PERSONAL };

/// ICAO 9303: digits count as they are, letters from A = 10, `<` as 0, weighed 7, 3, 1.
fn holds(field: &str, check: &str) -> bool {
    let value = |character: char| if character == '<' { 0 } else { character.to_digit(36).unwrap_or_default() };
    let sum: u32 = field.chars().zip([7, 3, 1].into_iter().cycle()).map(|(of, weight)| value(of) * weight).sum();
    value(check.chars().next().unwrap_or('<')) == sum % 10
}

/// Three fields with a check digit, one that may have one, and a last digit over all of them.
fn zone(candidate: &str) -> Option<Range<usize>> {
    let part = |range: Range<usize>| candidate.get(range);
    let pairs = [(0..9, 9..10), (13..19, 19..20), (21..27, 27..28), (28..42, 42..43)];
    let fields = pairs
        .into_iter()
        .all(|(field, check)| part(field).zip(part(check)).is_some_and(|(field, check)| holds(field, check)));
    let all = format!("{}{}{}", part(0..10)?, part(13..20)?, part(21..43)?);
    all_if(candidate, candidate.len() == 44 && fields && holds(&all, part(43..44)?))
}

/// As wide as the passport.
fn name_line(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, candidate.len() == 44)
}

fn nine(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, candidate.len() == 9)
}

/// With the check digit of the machine-readable zone, or without. A word has no three digits.
fn german(candidate: &str) -> Option<Range<usize>> {
    let (own, check) = candidate.split_at_checked(9)?;
    all_if(candidate, digits(own).count() > 2 && (check.is_empty() || holds(own, check)))
}

fn other(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, (8..=10).contains(&candidate.len()) && digits(candidate).count() > 2)
}
