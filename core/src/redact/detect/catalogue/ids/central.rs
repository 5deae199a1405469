//! Czechia, Slovakia, Hungary, Romania, Bulgaria, Slovenia.

use super::{Detector, PERSONAL, all_if, date};
use crate::redact::detect::{
    Edge, Tier,
    checksum::{digits, number, weighted},
};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "cz_sk_birth_number",
        label: "RODNECISLO",
        about: "Rodné číslo of Czechia and Slovakia, given since 1954, behind its name",
        shape: r"\d{2}[0-35-8]\d[0-3]\d/?\d{4}",
        bytes_max: 11,
        check: rodne_cislo,
        context: &["rodné číslo", "rodne cislo", "rodné č", "r.č", "rč", "birth number"],
        source: "https://www.zakonyprolidi.cz/cs/2000-133#p13",
        found: &["rodné číslo ⟦565314/9788⟧", "r.č. ⟦6809086845⟧", "Rodne cislo: ⟦955624/1651⟧"],
        not_found: &["rodné číslo 565314/9789", "spis 565314/9788", "rodné číslo 561414/9788"],
        ..LIKELY
    },
    Detector {
        entity: "hu_taj",
        label: "TAJ",
        about: "TAJ-szám of Hungary, behind its name",
        shape: r"\d{3}[ -]?\d{3}[ -]?\d{3}",
        bytes_max: 11,
        check: taj,
        context: &["taj", "taj-szám", "tajszám", "társadalombiztosítási"],
        source: "https://net.jogtar.hu/jogszabaly?docid=99600020.tv",
        found: &["TAJ: ⟦130 607 005⟧", "TAJ-szám ⟦344816835⟧", "tajszám=⟦831-113-504⟧"],
        not_found: &["TAJ: 130 607 006", "szám 130 607 005", "TAJ 1306070051", "TAJ 000 000 000"],
        ..LIKELY
    },
    Detector {
        entity: "hu_tax_id",
        label: "ADOAZONOSITO",
        about: "Adóazonosító jel of Hungary, behind its name",
        shape: r"8\d{9}",
        bytes_max: 10,
        check: adoazonosito,
        context: &["adóazonosító", "adóazonosító jel", "adoazonosito", "adóazonosítója"],
        source: "https://net.jogtar.hu/jogszabaly?docid=99600020.tv",
        found: &["adóazonosító jel: ⟦8442005129⟧", "Adóazonosító: ⟦8504932095⟧", "adoazonosito=⟦8060512323⟧"],
        not_found: &["adóazonosító jel: 8442005128", "szám 8442005129", "adóazonosító 84420051291"],
        ..LIKELY
    },
    Detector {
        entity: "ro_cnp",
        label: "CNP",
        about: "Cod numeric personal of Romania, behind its name",
        shape: r"[1-9]\d{2}[01]\d[0-3]\d{7}",
        bytes_max: 13,
        check: cnp,
        context: &["cnp", "cod numeric personal", "codul numeric personal"],
        source: "https://ro.wikipedia.org/wiki/Cod_numeric_personal_(Rom%C3%A2nia)",
        found: &["CNP ⟦2500102137047⟧", "cod numeric personal: ⟦1581205142199⟧", "CNP=⟦2470308214353⟧"],
        not_found: &["CNP 2500102137048", "cont 2500102137047", "CNP 2501302137047", "CNP 25001021370471"],
        ..LIKELY
    },
    Detector {
        entity: "bg_egn",
        label: "EGN",
        about: "ЕГН of Bulgaria, behind its name",
        shape: r"\d{2}[0-5]\d[0-3]\d{5}",
        bytes_max: 10,
        check: egn,
        context: &["егн", "egn", "единен граждански номер"],
        source: "https://www.grao.bg/esgraon.html",
        found: &["ЕГН: ⟦4111099730⟧", "EGN ⟦8706090737⟧", "Единен граждански номер ⟦9311123600⟧."],
        not_found: &["ЕГН: 4111099731", "тел. 4111099730", "ЕГН 4113099730", "EGN 41110997301"],
        ..LIKELY
    },
    Detector {
        entity: "si_emso",
        label: "EMSO",
        about: "EMŠO of Slovenia and the JMBG of its neighbours, behind their name",
        shape: r"[0-3]\d[01]\d[09]\d{8}",
        bytes_max: 13,
        check: emso,
        context: &["emšo", "emso", "jmbg", "јмбг", "matični broj", "maticni broj"],
        source: "https://en.wikipedia.org/wiki/Unique_Master_Citizen_Number",
        found: &["EMŠO: ⟦0301992508167⟧", "emso=⟦0302991501297⟧", "JMBG ⟦2208959505524⟧."],
        not_found: &["EMŠO: 0301992508168", "EAN 0301992508167", "JMBG 0313992508167", "EMŠO 03019925081671"],
        ..LIKELY
    },
];

const LIKELY: Detector = Detector { tier: Tier::Likely, group: "eu", edge: Edge::Digit, ..PERSONAL };

/// By 11, where a rest of 10 was written as 0 at first; to a woman's month 50 is added, and 20 more where a day had run out
/// of numbers.
pub(super) fn rodne_cislo(candidate: &str) -> Option<Range<usize>> {
    let whole = number(candidate)?;
    let (year, month, day) = (whole / 100_000_000, whole / 1_000_000 % 100, whole / 10_000 % 100);
    let month = month % 50;
    let month = if month > 20 { month - 20 } else { month };
    let year = if year < 54 { 2000 + year } else { 1900 + year };
    all_if(candidate, date::exists(year, month, day) && whole / 10 % 11 % 10 == whole % 10)
}

fn taj(candidate: &str) -> Option<Range<usize>> {
    let sum = weighted(candidate, &[3, 7, 3, 7, 3, 7, 3, 7]);
    all_if(candidate, sum > 0 && digits(candidate).next_back() == Some(sum % 10))
}

fn adoazonosito(candidate: &str) -> Option<Range<usize>> {
    let sum = weighted(candidate, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    all_if(candidate, digits(candidate).next_back() == Some(sum % 11))
}

/// A rest of 10 by 11 is written as 1. The first digit says of which century, where anybody says it.
fn cnp(candidate: &str) -> Option<Range<usize>> {
    let whole = number(candidate)?;
    let (year, month, day) = (whole / 10_000_000_000 % 100, whole / 100_000_000 % 100, whole / 1_000_000 % 100);
    let rest = weighted(candidate, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    let holds = digits(candidate).next_back() == Some(if rest == 10 { 1 } else { rest });
    all_if(candidate, holds && [1900, 2000].into_iter().any(|century| date::exists(century + year, month, day)))
}

/// 20 or 40 more in the month stand for the centuries before and behind.
fn egn(candidate: &str) -> Option<Range<usize>> {
    let whole = number(candidate)?;
    let (year, month, day) = (whole / 100_000_000, whole / 1_000_000 % 100, whole / 10_000 % 100);
    let (century, month) = match month {
        41.. => (2000, month - 40),
        21.. => (1800, month - 20),
        _ => (1900, month),
    };
    let rest = weighted(candidate, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10;
    all_if(candidate, date::exists(century + year, month, day) && digits(candidate).next_back() == Some(rest))
}

/// Day, month, and the last three digits of the year.
fn emso(candidate: &str) -> Option<Range<usize>> {
    let whole = number(candidate)?;
    let (day, month, year) = (whole / 100_000_000_000, whole / 1_000_000_000 % 100, whole / 1_000_000 % 1000);
    let year = if year > 800 { 1000 + year } else { 2000 + year };
    let rest = weighted(candidate, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    let holds = digits(candidate).next_back() == Some((11 - rest) % 11 % 10);
    all_if(candidate, date::exists(year, month, day) && holds)
}
