//! When somebody was born.

use super::{Detector, PERSONAL, all_if, date};
use crate::redact::detect::{Edge, Tier, checksum::digits, checksum::number};
use std::ops::Range;

/// What says that a day is somebody's first.
const BORN: &[&str] = &[
    "born",
    "born on",
    "dob",
    "d.o.b",
    "date of birth",
    "date_of_birth",
    "dateofbirth",
    "birthdate",
    "birth date",
    "birthday",
    "birth_date",
    "geboren",
    "geb",
    "geburtsdatum",
    "geburtstag",
    "né le",
    "née le",
    "date de naissance",
    "nacido",
    "nacida",
    "fecha de nacimiento",
    "nascido",
    "nascida",
    "data de nascimento",
    "nato il",
    "nata il",
    "data di nascita",
    "geboortedatum",
    "data urodzenia",
    "urodzony",
    "urodzona",
    "födelsedatum",
    "född",
    "fødselsdato",
    "дата рождения",
    "родился",
    "родилась",
    "出生",
    "生日",
    "生年月日",
    "誕生日",
    "생년월일",
    "생일",
];

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "date_of_birth",
        label: "BIRTHDATE",
        about: "Day in digits behind a word that says that somebody was born",
        shape: r"(?:18|19|20)\d{2}[-/.](?:0?[1-9]|1[0-2])[-/.][0-3]?\d|[0-3]?\d[-/. ][0-3]?\d[-/. ](?:18|19|20)\d{2}|(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])[0-3]\d",
        edge: Edge::Digit,
        bytes_max: 10,
        check: in_digits,
        source: "https://www.iso.org/iso-8601-date-and-time-format.html",
        found: &[
            "DOB: ⟦03/14/1985⟧",
            "geboren am ⟦14.3.1985⟧ in Köln",
            "\"birth_date\": \"⟦1985-03-14⟧\"",
            "生日⟦19850314⟧",
        ],
        not_found: &["due 03/14/1985", "DOB: 31/31/1985", "born 1985-02-30", "born in 1985", "DOB 3.14.19851"],
        ..BIRTH
    },
    Detector {
        entity: "date_of_birth",
        label: "BIRTHDATE",
        about: "Day with the month's name, English, German, French or Spanish, behind such a word",
        shape: r"[0-3]?\d(?:st|nd|rd|th|er|\.)?,? (?:of |de )?(?:(?i:jan|feb|mar|apr|avr|may|mai|jun|jui|jul|aug|ago|aou|sep|oct|okt|nov|dec|dez|dic|ene|fev|abr)|(?i:m)är|(?i:ao)û|(?i:d)éc|(?i:f)év)[a-z]{0,7}\.?,? (?:de )?(?:18|19|20)\d{2}|(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.? [0-3]?\d(?:st|nd|rd|th)?,? (?:18|19|20)\d{2}",
        bytes_max: 32,
        source: "https://cldr.unicode.org/",
        found: &["born on ⟦March 14th, 1985⟧", "née le ⟦14 août 1985⟧", "geboren am ⟦3. Oktober 1990⟧"],
        not_found: &["signed on March 14th, 1985", "born on Marching 1985", "born 14 August"],
        ..BIRTH
    },
    Detector {
        entity: "date_of_birth",
        label: "BIRTHDATE",
        about: "Day with 年, 月 and 日, or 년, 월 and 일, behind such a word",
        shape: r"(?:18|19|20)\d{2} ?(?:年|년) ?\d{1,2} ?(?:月|월) ?\d{1,2} ?(?:日|일)",
        edge: Edge::Digit,
        bytes_max: 25,
        source: "https://cldr.unicode.org/",
        found: &["出生日期:⟦1985年3月14日⟧", "生年月日 ⟦1985年03月14日⟧", "생년월일 ⟦1985년 3월 14일⟧"],
        not_found: &["会议于1985年3月14日", "出生于1985年", "生日3月14日"],
        ..BIRTH
    },
];

const BIRTH: Detector = Detector { tier: Tier::Likely, context: BORN, ..PERSONAL };

/// In one of the three orders that people write.
fn in_digits(candidate: &str) -> Option<Range<usize>> {
    let mut parts = candidate.split(['-', '/', '.', ' ']).filter_map(number);
    let separators: Vec<u8> = candidate.bytes().filter(|byte| !byte.is_ascii_digit()).collect();
    let alike = separators.first() == separators.get(1);
    let born = match (parts.next()?, parts.next(), parts.next()) {
        (whole, None, None) if digits(candidate).count() == 8 => {
            date::exists(whole / 10_000, whole / 100 % 100, whole % 100)
        }
        (year, Some(month), Some(day)) if year > 99 => date::exists(year, month, day),
        (first, Some(second), Some(year)) => date::exists(year, second, first) || date::exists(year, first, second),
        _ => false,
    };
    all_if(candidate, born && alike)
}
