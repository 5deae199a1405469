//! The European Union, but for its north.

use super::{Detector, PERSONAL, all_if};
use crate::redact::detect::{
    Edge,
    checksum::{digits, mod11_10, number, weighted},
};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "es_dni",
        label: "DNI",
        about: "DNI or NIE, the numbers of Spaniards and foreigners in Spain, behind their name",
        group: "eu",
        shape: r"(?:\d{8}|[XYZ]-?\d{7})-?[A-HJ-NP-TV-Z]",
        bytes_max: 11,
        check: dni,
        context: &["dni", "nie", "nif", "documento nacional de identidad"],
        source: "https://www.interior.gob.es/opencms/es/servicios-al-ciudadano/tramites-y-gestiones/dni/calculo-del-digito-de-control-del-nif-nie/",
        found: &["DNI ⟦93786579P⟧", "mi NIE es ⟦X1234567L⟧.", "NIF: ⟦75432319-R⟧"],
        not_found: &["DNI 93786579Q", "ref 93786579P", "NIE X1234567M", "DNI 193786579P"],
        ..PERSONAL
    },
    Detector {
        entity: "it_codice_fiscale",
        label: "CODICEFISCALE",
        about: "Codice fiscale of a person in Italy, also where letters stand for digits",
        group: "eu",
        shape: r"[A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-7LMNP-T][0-9LMNP-V][A-Z][0-9LMNP-V]{3}[A-Z]",
        bytes_max: 16,
        check: codice_fiscale,
        source: "https://www.agenziaentrate.gov.it/portale/web/guest/schede/istanze/richiesta-ts_cf/informazioni-codificazione-pf",
        found: &["CF: ⟦RSSMRA85T10A562S⟧", "⟦BNCGLI92A41H501G⟧", "税号⟦VRDLCU70L15F20RT⟧。"],
        not_found: &["RSSMRA85T10A562T", "RSSMRA85F10A562S", "ARSSMRA85T10A562S", "RSSMRA85T40A562S"],
        ..PERSONAL
    },
    Detector {
        entity: "fr_nir",
        label: "NIR",
        about: "Numéro de sécurité sociale of France",
        group: "eu",
        shape: r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}",
        edge: Edge::Digit,
        bytes_max: 21,
        check: nir,
        source: "https://www.insee.fr/fr/metadonnees/definition/c1409",
        found: &["n° ⟦1 85 05 78 006 084 91⟧", "NIR=⟦269054958815780⟧", "号⟦2 92 02 2A 004 123 03⟧"],
        not_found: &["1 85 05 78 006 084 92", "1 85 13 78 006 084 91", "1850578006084910", "3 85 05 78 006 084 91"],
        ..PERSONAL
    },
    Detector {
        entity: "be_national_number",
        label: "RIJKSREGISTER",
        about: "National register number of Belgium, as it is written",
        group: "eu",
        shape: r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}",
        edge: Edge::Digit,
        bytes_max: 15,
        check: belgian,
        source: "https://www.ibz.rrn.fgov.be/fr/registre-national/",
        found: &["NN ⟦85.07.30-033.28⟧", "(⟦17.07.30-033.84⟧)", "rijksregister:⟦93.05.18-223.61⟧"],
        not_found: &["85.07.30-033.29", "85.13.30-033.28", "85.07.30-033.281", "1.85.07.30-033.28"],
        ..PERSONAL
    },
    Detector {
        entity: "hr_oib",
        label: "OIB",
        about: "OIB of Croatia, behind its name",
        group: "eu",
        shape: r"\d{11}",
        bytes_max: 11,
        check: oib,
        context: &["oib", "osobni identifikacijski broj"],
        source: "https://porezna-uprava.gov.hr/hr/o-oib-u/4363",
        found: &["OIB: ⟦11862527605⟧", "oib=⟦18955597979⟧", "Osobni identifikacijski broj ⟦11471049742⟧."],
        not_found: &["OIB: 11862527606", "broj 11862527605", "OIB 118625276051"],
        ..PERSONAL
    },
    Detector {
        entity: "de_tax_id",
        label: "STEUERID",
        about: "Steuerliche Identifikationsnummer of Germany, behind its name",
        group: "eu",
        shape: r"[1-9]\d(?: \d{3} \d{3} |\d{6})\d{3}",
        bytes_max: 14,
        check: steuer_id,
        context: &[
            "steuer-id",
            "steuer-idnr",
            "steueridentifikationsnummer",
            "identifikationsnummer",
            "idnr",
            "steuer-identifikationsnummer",
        ],
        source: "https://www.bzst.de/DE/Privatpersonen/SteuerlicheIdentifikationsnummer/steuerlicheidentifikationsnummer_node.html",
        found: &["Steuer-ID: ⟦29 314 170 583⟧", "IdNr ⟦62056174833⟧", "Steueridentifikationsnummer ⟦98310679247⟧."],
        not_found: &["Steuer-ID 29314170584", "Konto 62056174833", "IdNr 620561748331", "Steuer-ID 11111111119"],
        ..PERSONAL
    },
    Detector {
        entity: "nl_bsn",
        label: "BSN",
        about: "Burgerservicenummer of the Netherlands, behind its name",
        group: "eu",
        shape: r"\d{9}",
        bytes_max: 9,
        check: bsn,
        context: &["bsn", "burgerservicenummer", "sofinummer", "sofi-nummer"],
        source: "https://www.rvig.nl/burgerservicenummer",
        found: &["BSN ⟦808227658⟧", "burgerservicenummer: ⟦961221380⟧", "(bsn ⟦933125811⟧)"],
        not_found: &["BSN 808227659", "order 808227658", "BSN 000000000", "BSN 8082276581"],
        ..PERSONAL
    },
    Detector {
        entity: "pl_pesel",
        label: "PESEL",
        about: "PESEL of Poland, behind its name",
        group: "eu",
        shape: r"\d{2}\d{2}[0-3]\d{6}",
        bytes_max: 11,
        check: pesel,
        context: &["pesel"],
        source: "https://www.gov.pl/web/gov/czym-jest-numer-pesel",
        found: &["PESEL ⟦44051401359⟧", "pesel: ⟦02270103519⟧", "Numer PESEL to ⟦92031501829⟧."],
        not_found: &["PESEL 44051401358", "numer 44051401359", "PESEL 440514013591"],
        ..PERSONAL
    },
];

/// The letter tells the number's rest by 23; a foreigner's first letter counts as a digit.
pub(super) fn dni(candidate: &str) -> Option<Range<usize>> {
    let (body, letter) = candidate.split_at_checked(candidate.len().checked_sub(1)?)?;
    let first = match body.get(..1)? {
        "Y" => 10_000_000,
        "Z" => 20_000_000,
        _ => 0,
    };
    let rest = usize::try_from((first + number(body)?) % 23).ok()?;
    all_if(candidate, "TRWAGMYFPDXBNJZSQVHLCKE".get(rest..=rest) == Some(letter))
}

/// Decree of 23 December 1976: odd places count by a table, even ones as they are; the rest by 26 is the last letter.
fn codice_fiscale(candidate: &str) -> Option<Range<usize>> {
    const ODD: [u8; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let mut sum = 0;
    for (at, byte) in candidate.bytes().take(15).enumerate() {
        let value = if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' };
        sum += u32::from(if at % 2 == 0 { *ODD.get(usize::from(value))? } else { value });
    }
    let last = candidate.bytes().last()?;
    all_if(candidate, sum % 26 == u32::from(last - b'A') && day_of_birth(candidate.get(9..11)?))
}

/// 1 to 31, and 40 more for women; letters may stand for the digits.
fn day_of_birth(day: &str) -> bool {
    const DIGITS: &str = "LMNPQRSTUV";
    let value = |character: char| character.to_digit(10).or_else(|| u32::try_from(DIGITS.find(character)?).ok());
    let day = day.chars().filter_map(value).fold(0, |day, digit| day * 10 + digit);
    matches!(day, 1..=31 | 41..=71)
}

/// Corsica's departments count as 19 and 18.
fn nir(candidate: &str) -> Option<Range<usize>> {
    let whole = number(&candidate.replace("2A", "19").replace("2B", "18"))?;
    all_if(candidate, 97 - whole / 100 % 97 == whole % 100)
}

/// Whoever is born since 2000 counts with a 2 before.
fn belgian(candidate: &str) -> Option<Range<usize>> {
    let whole = number(candidate)?;
    let (body, check) = (whole / 100, whole % 100);
    let month = whole / 10_000_000 % 100;
    let holds = |body: u64| 97 - body % 97 == check;
    all_if(candidate, month < 13 && (holds(body) || holds(2_000_000_000 + body)))
}

fn oib(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, mod11_10(candidate))
}

/// Of the first ten digits one or two stand more than once, none more than three times.
fn steuer_id(candidate: &str) -> Option<Range<usize>> {
    let often = |of: u32| digits(candidate).take(10).filter(|digit| *digit == of).count();
    let most = (0..10).map(often).max().unwrap_or_default();
    all_if(candidate, (2..=3).contains(&most) && mod11_10(candidate))
}

fn bsn(candidate: &str) -> Option<Range<usize>> {
    let last = digits(candidate).next_back()?;
    let sum = weighted(candidate, &[9, 8, 7, 6, 5, 4, 3, 2]);
    all_if(candidate, sum > 0 && sum % 11 == last)
}

fn pesel(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, weighted(candidate, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10))
}
