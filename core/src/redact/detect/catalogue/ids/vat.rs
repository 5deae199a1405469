//! Numbers of value-added tax in the European Union and of its neighbours: of companies, and of people who work for
//! themselves. Each country has a rule of its own.

use super::{Detector, PERSONAL, all_if, baltic::twice_by_11, central, west};
use crate::redact::detect::{
    Tier,
    checksum::{digits, luhn, mod11_10, number, weighted},
};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "eu_vat_number",
        label: "VAT",
        about: "VAT number of a country of the European Union, of the United Kingdom or Northern Ireland, behind a word that says so",
        tier: Tier::Likely,
        group: "eu",
        shape: r"(?:AT ?U|BE ?|BG ?|CY ?|CZ ?|DE ?|DK ?|EE ?|EL ?|ES ?|FI ?|FR ?|GB ?|HR ?|HU ?|IE ?|IT ?|LT ?|LU ?|LV ?|MT ?|NL ?|PL ?|PT ?|RO ?|SE ?|SI ?|SK ?|XI ?)[0-9A-Z]{7,13}",
        bytes_max: 16,
        check: vat,
        context: &[
            "vat",
            "ust-id",
            "ustid",
            "ust-idnr",
            "ust-id-nr",
            "uid",
            "mwst",
            "tva",
            "iva",
            "btw",
            "moms",
            "nip",
            "dič",
            "dic",
            "partita iva",
            "p.iva",
            "n.i.f",
            "pvn",
            "pvm",
            "ddv",
            "pdv",
            "áfa",
            "afa",
            "alv",
            "kmkr",
            "vies",
            "tax id",
        ],
        source: "https://ec.europa.eu/taxation_customs/vies/",
        found: &["USt-IdNr. ⟦DE264192322⟧", "VAT: ⟦ATU39424315⟧", "P.IVA ⟦IT81924270184⟧", "TVA ⟦FR15052695251⟧"],
        not_found: &["USt-IdNr. DE264192323", "part DE264192322", "VAT ATU39424316", "TVA FR16052695251"],
        ..PERSONAL
    },
    Detector {
        entity: "ch_uid",
        label: "UID",
        about: "Number of a company in Switzerland, as it is written",
        tier: Tier::Likely,
        group: "eu",
        shape: r"CHE[- ]?\d{3}\.\d{3}\.\d{3}",
        bytes_max: 15,
        check: swiss,
        source: "https://www.bfs.admin.ch/bfs/en/home/registers/enterprise-register/enterprise-identification.html",
        found: &["⟦CHE-100.155.212⟧ MWST", "UID: ⟦CHE-107.787.577⟧", "(⟦CHE 116.281.710⟧)"],
        not_found: &["CHE-100.155.213", "CHE-100155212", "ACHE-100.155.212", "CHE-100.155.2121"],
        ..PERSONAL
    },
];

fn vat(candidate: &str) -> Option<Range<usize>> {
    let (country, own) = candidate.split_at_checked(2)?;
    let own = own.trim_start();
    let last = digits(own).next_back()?;
    let holds = match country {
        "AT" => {
            let doubled = digits(own).enumerate().take(7).map(|(at, digit)| twice_if(at % 2 == 1, digit));
            shaped(own, "U00000000") && (doubled.sum::<u32>() + 4 + last).is_multiple_of(10)
        }
        "BE" => shaped(own, "0000000000") && number(own).is_some_and(|of| 97 - of / 100 % 97 == of % 100),
        "BG" => shaped(own, "000000000") && bulgarian(own) == last,
        "CY" => shaped(own, "00000000A") && cypriot(own),
        "CZ" => {
            shaped(own, "00000000") && !own.starts_with('9') && czech(own) == last
                || shaped(own, "0000000000") && central::rodne_cislo(own).is_some()
        }
        "DE" => shaped(own, "000000000") && mod11_10(own),
        "DK" => shaped(own, "00000000") && weighted(own, &[2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11),
        "EE" => shaped(own, "000000000") && weighted(own, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10),
        "EL" => shaped(own, "000000000") && west::afm(own).is_some(),
        "ES" => spanish(own),
        "FI" => shaped(own, "00000000") && weighted(own, &[7, 9, 10, 5, 8, 4, 2, 1]).is_multiple_of(11),
        "FR" => french(own),
        "GB" | "XI" => shaped(own, "000000000") && matches!(british(own), 0 | 42),
        "HR" => shaped(own, "00000000000") && mod11_10(own),
        "HU" => shaped(own, "00000000") && weighted(own, &[9, 7, 3, 1, 9, 7, 3, 1]).is_multiple_of(10),
        "IE" => (shaped(own, "0000000A") || shaped(own, "0000000AA")) && west::pps(own).is_some(),
        "IT" => shaped(own, "00000000000") && luhn(own),
        "LT" => (shaped(own, "000000000") || shaped(own, "000000000000")) && twice_by_11(own, own.len() - 1) == last,
        "LU" => shaped(own, "00000000") && number(own).is_some_and(|of| of / 100 % 89 == of % 100),
        "LV" => shaped(own, "00000000000") && weighted(own, &[9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1]) % 11 == 3,
        "MT" => shaped(own, "00000000") && weighted(own, &[3, 4, 6, 7, 8, 9, 10, 1]).is_multiple_of(37),
        "NL" => shaped(own, "000000000B00"),
        "PL" => shaped(own, "0000000000") && weighted(own, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == last,
        "PT" => shaped(own, "000000000") && west::nif(own).is_some(),
        "RO" => romanian(own),
        "SE" => shaped(own, "000000000000") && own.ends_with("01") && own.get(..10).is_some_and(luhn),
        "SI" => shaped(own, "00000000") && (11 - weighted(own, &[8, 7, 6, 5, 4, 3, 2]) % 11) % 11 % 10 == last,
        "SK" => shaped(own, "0000000000") && number(own).is_some_and(|of| of.is_multiple_of(11)),
        _ => false,
    };
    all_if(candidate, holds && digits(own).any(|digit| digit > 0))
}

/// Whether a number has digits where the pattern has them, and letters where it has `A`.
fn shaped(own: &str, pattern: &str) -> bool {
    let fits = |(of, wanted): (u8, u8)| match wanted {
        b'0' => of.is_ascii_digit(),
        b'A' => of.is_ascii_uppercase(),
        other => of == other,
    };
    own.len() == pattern.len() && own.bytes().zip(pattern.bytes()).all(fits)
}

fn twice_if(doubled: bool, digit: u32) -> u32 {
    if doubled { digit * 2 / 10 + digit * 2 % 10 } else { digit }
}

fn bulgarian(own: &str) -> u32 {
    match weighted(own, &[1, 2, 3, 4, 5, 6, 7, 8]) % 11 {
        10 => weighted(own, &[3, 4, 5, 6, 7, 8, 9, 10]) % 11 % 10,
        rest => rest,
    }
}

/// Every other digit counts by a table; the rest by 26 is the letter.
fn cypriot(own: &str) -> bool {
    const ODD: [u32; 10] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];
    let value = |(at, digit): (usize, u32)| match at % 2 {
        0 => ODD.get(digit as usize).copied().unwrap_or_default(),
        _ => digit,
    };
    let sum: u32 = digits(own).enumerate().map(value).sum();
    own.bytes().last().is_some_and(|letter| u32::from(letter - b'A') == sum % 26)
}

/// A company's; people have their birth number.
fn czech(own: &str) -> u32 {
    match weighted(own, &[8, 7, 6, 5, 4, 3, 2]) % 11 {
        0 => 1,
        rest => (11 - rest) % 10,
    }
}

/// Of a company, with a check digit or letter; of a person, as DNI or NIE.
fn spanish(own: &str) -> bool {
    if shaped(own, "00000000A") || own.starts_with(['X', 'Y', 'Z']) && shaped(own, "A0000000A") {
        return super::eu::dni(own).is_some();
    }
    let rest = digits(own).take(7).enumerate().map(|(at, digit)| twice_if(at % 2 == 0, digit)).sum::<u32>() % 10;
    let check = (10 - rest) % 10;
    let letter = "JABCDEFGHI".chars().nth(check as usize);
    let holds = own.chars().last().is_some_and(|last| last.to_digit(10) == Some(check) || Some(last) == letter);
    holds && (shaped(own, "A00000000") || shaped(own, "A0000000A"))
}

/// Two digits tell the rest by 97 of the number behind them; letters among them are newer and tell it otherwise.
fn french(own: &str) -> bool {
    let Some((key, siren)) = own.split_at_checked(2) else { return false };
    let holds = |siren: u64| key.parse() == Ok((12 + 3 * (siren % 97)) % 97);
    let numbered = key.bytes().all(|byte| byte.is_ascii_digit());
    shaped(siren, "000000000") && luhn(siren) && (!numbered || number(siren).is_some_and(holds))
}

/// What is left by 97, with the last two digits as they are: nothing, or 42 of newer ones.
fn british(own: &str) -> u32 {
    weighted(own, &[8, 7, 6, 5, 4, 3, 2, 10, 1]) % 97
}

/// Two to ten digits, weighed from behind.
fn romanian(own: &str) -> bool {
    let weights = [2, 3, 5, 7, 1, 2, 3, 5, 7];
    let sum: u32 = digits(own).rev().skip(1).zip(weights).map(|(digit, weight)| digit * weight).sum();
    let numbered = own.bytes().all(|byte| byte.is_ascii_digit()) && own.len() < 11;
    numbered && digits(own).next_back() == Some(sum * 10 % 11 % 10)
}

fn swiss(candidate: &str) -> Option<Range<usize>> {
    let rest = weighted(candidate, &[5, 4, 3, 2, 7, 6, 5, 4]) % 11;
    all_if(candidate, digits(candidate).next_back() == Some((11 - rest) % 11))
}
