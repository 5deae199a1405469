//! Vehicles and devices: who has the number finds their owner.

use super::{Detector, PERSONAL, all_if};
use crate::redact::detect::{
    Edge, Tier,
    checksum::{digits, luhn},
};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "vin",
        label: "VIN",
        about: "Vehicle identification number with the check digit of North America and China",
        shape: r"[1-9A-HJ-NPR-Z][0-9A-HJ-NPR-Z]{7}[0-9X][0-9A-HJ-NPR-Z]{4}\d{4}",
        bytes_max: 17,
        check: checked,
        source: "https://www.ecfr.gov/current/title-49/subtitle-B/chapter-V/part-565",
        found: &["⟦1M8GDM9AXKP042788⟧", "sold ⟦5YJ3E1EA77F123456⟧,", "车架号⟦JH4KA82600C012345⟧"],
        not_found: &["1M8GDM9A1KP042788", "1M8GDM9AXKPO42788", "A1M8GDM9AXKP042788", "11111111111111111"],
        ..THING
    },
    Detector {
        entity: "vin",
        label: "VIN",
        about: "Vehicle identification number of anywhere, behind its name",
        shape: r"[1-9A-HJ-NPR-Z][0-9A-HJ-NPR-Z]{12}\d{4}",
        bytes_max: 17,
        check: mixed,
        context: &[
            "vin",
            "vehicle identification",
            "chassis",
            "fahrgestellnummer",
            "fin",
            "fahrzeug-identifizierungsnummer",
            "châssis",
            "bastidor",
            "telaio",
            "车架号",
            "车辆识别代号",
            "車台番号",
        ],
        source: "https://www.iso.org/standard/52200.html",
        found: &["VIN ⟦WVWZZZ1JZ3W386752⟧", "Fahrgestellnummer: ⟦WDB1240221B012345⟧", "车架号:⟦LSVAA49J132047371⟧"],
        not_found: &[
            "code WVWZZZ1JZ3W386752",
            "VIN WVWZZZ1JZ3W38675",
            "VIN WVWZZZ1JZ3O386752",
            "VIN 12345678901234567",
        ],
        ..THING
    },
    Detector {
        entity: "imei",
        label: "IMEI",
        about: "Number of a mobile device, behind its name",
        shape: r"\d{2}(?:-\d{6}-|\d{6}| \d{6} )\d{6}[ -]?\d",
        edge: Edge::Digit,
        bytes_max: 18,
        check: imei,
        context: &["imei", "imei1", "imei2", "device id", "串号"],
        source: "https://www.gsma.com/solutions-and-impact/industry-services/device-services/imei/",
        found: &["IMEI: ⟦353898212734743⟧", "imei ⟦35-367494-328055-7⟧", "手机串号⟦359586121062223⟧"],
        not_found: &["IMEI: 353898212734744", "no 353898212734743", "IMEI 3538982127347431", "IMEI 000000000000000"],
        ..THING
    },
];

const THING: Detector = Detector { tier: Tier::Likely, group: "things", ..PERSONAL };

/// 49 CFR 565.15(c): letters count as digits, places are weighed, and the rest by 11 is the ninth character.
fn checked(candidate: &str) -> Option<Range<usize>> {
    const LETTERS: &str = "0123456789.ABCDEFGH..JKLMN.P.R..STUVWXYZ";
    const WEIGHTS: [usize; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let value = |character| LETTERS.find(character).map(|place| place % 10);
    let sum: usize = candidate.chars().zip(WEIGHTS).filter_map(|(of, weight)| Some(value(of)? * weight)).sum();
    let check = match sum % 11 {
        10 => "X".to_owned(),
        digit => digit.to_string(),
    };
    mixed(candidate).filter(|_| candidate.get(8..9) == Some(check.as_str()))
}

/// No number has digits alone, or one letter.
fn mixed(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, candidate.bytes().filter(u8::is_ascii_uppercase).count() > 1)
}

fn imei(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, luhn(candidate) && digits(candidate).any(|digit| digit > 0))
}
