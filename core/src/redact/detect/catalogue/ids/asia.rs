//! Hong Kong, Taiwan, Singapore, Korea, Japan.

use super::{Detector, PERSONAL, all_if, date};
use crate::redact::detect::{
    Edge, Tier,
    checksum::{digits, number, weighted},
};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "hk_id",
        label: "HKID",
        about: "香港身份證號碼: number of a Hong Kong identity card, as it is written",
        shape: r"[A-Z]{1,2}\d{6}\([0-9A]\)",
        bytes_max: 11,
        check: hong_kong,
        source: "https://en.wikipedia.org/wiki/Hong_Kong_identity_card",
        found: &["HKID ⟦Z543337(2)⟧", "身份證號碼⟦K983647(0)⟧。", "⟦WX361442(3)⟧"],
        not_found: &["HKID Z543337(3)", "Z54333(2)", "Z543337[2]"],
        ..LIKELY
    },
    Detector {
        entity: "hk_id",
        label: "HKID",
        about: "The same without brackets, behind its name",
        shape: r"[A-Z]{1,2}\d{6}[0-9A]",
        bytes_max: 9,
        check: hong_kong,
        context: &["hkid", "hkic", "身份證", "身份证", "hong kong id", "hong kong identity card"],
        source: "https://en.wikipedia.org/wiki/Hong_Kong_identity_card",
        found: &["HKID: ⟦C2099622⟧", "身份證號碼 ⟦C771919A⟧", "Hong Kong ID ⟦WX3614423⟧."],
        not_found: &["HKID: C2099623", "ref C2099622", "HKID C20996221"],
        ..LIKELY
    },
    Detector {
        entity: "tw_id",
        label: "TWID",
        about: "國民身分證統一編號 and 統一證號 of Taiwan, behind their name",
        shape: r"[A-Z][1289]\d{8}",
        bytes_max: 10,
        check: taiwan,
        context: &["身分證", "身份證", "統一編號", "統一證號", "居留證", "national id", "taiwan id"],
        source: "https://en.wikipedia.org/wiki/National_identification_card_(Taiwan)",
        found: &["身分證字號:⟦F291626496⟧", "統一證號 ⟦B922784058⟧", "national ID ⟦H171624183⟧."],
        not_found: &["身分證字號:F291626497", "訂單 F291626496", "身分證 F2916264961"],
        ..LIKELY
    },
    Detector {
        entity: "sg_nric",
        label: "NRIC",
        about: "NRIC or FIN of Singapore, behind its name",
        shape: r"[STFGM]\d{7}[A-Z]",
        bytes_max: 9,
        check: nric,
        context: &["nric", "fin", "nric/fin", "identity card", "ic no", "ic number"],
        source: "https://en.wikipedia.org/wiki/National_Registration_Identity_Card",
        found: &["NRIC ⟦S7954220B⟧", "FIN: ⟦G1614336M⟧", "IC no. ⟦T9062762C⟧"],
        not_found: &["NRIC S7954220C", "part S7954220B", "NRIC A7954220B", "FIN G16143361M"],
        ..LIKELY
    },
    Detector {
        entity: "kr_rrn",
        label: "RRN",
        about: "주민등록번호 or 외국인등록번호 of Korea, which have no check digit since 2020, behind their name",
        shape: r"\d{2}[01]\d[0-3]\d-[1-8]\d{6}",
        edge: Edge::Digit,
        bytes_max: 14,
        check: korean,
        context: &["주민등록번호", "주민번호", "등록번호", "rrn", "resident registration", "alien registration"],
        source: "https://en.wikipedia.org/wiki/Resident_registration_number",
        found: &["주민등록번호 ⟦750202-2311579⟧", "RRN: ⟦561105-2464027⟧", "외국인등록번호 ⟦940214-5676695⟧"],
        not_found: &["주민등록번호 751302-2311579", "주문 750202-2311579", "RRN 750202-9311579", "RRN 750202-23115791"],
        ..LIKELY
    },
    Detector {
        entity: "jp_my_number",
        label: "MYNUMBER",
        about: "個人番号 (マイナンバー) of Japan, behind its name",
        shape: r"\d{4}[ -]?\d{4}[ -]?\d{4}",
        edge: Edge::Digit,
        bytes_max: 14,
        check: my_number,
        context: &["マイナンバー", "個人番号", "my number", "individual number"],
        source: "https://www.soumu.go.jp/kojinbango_card/",
        found: &["マイナンバー:⟦632980589915⟧", "個人番号 ⟦5130 4830 7490⟧", "My Number ⟦8450-9281-7253⟧."],
        not_found: &["マイナンバー:632980589916", "注文番号 632980589915", "個人番号 6329805899151"],
        ..LIKELY
    },
];

const LIKELY: Detector = Detector { tier: Tier::Likely, group: "asia", ..PERSONAL };

/// What a letter counts as, where A is 10.
fn value(letter: char) -> u32 {
    letter.to_digit(36).unwrap_or_default()
}

/// By 11, where a check character A stands for 10, and a missing first letter for 36.
fn hong_kong(candidate: &str) -> Option<Range<usize>> {
    let own = || candidate.chars().filter(char::is_ascii_alphanumeric);
    let missing = (own().count() == 8).then_some(36);
    let sum: u32 =
        missing.into_iter().chain(own().map(value)).zip((1..=9).rev()).map(|(value, weight)| value * weight).sum();
    all_if(candidate, sum.is_multiple_of(11))
}

/// The letter stands for two digits, by the order in which places got theirs.
fn taiwan(candidate: &str) -> Option<Range<usize>> {
    const PLACES: &str = "ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let place = 10 + u32::try_from(PLACES.find(candidate.get(..1)?)?).ok()?;
    let sum = place / 10 + place % 10 * 9 + weighted(candidate, &[8, 7, 6, 5, 4, 3, 2, 1, 1]);
    all_if(candidate, sum.is_multiple_of(10))
}

/// How the letter of those with an M is made is not published: it is one of eleven.
fn nric(candidate: &str) -> Option<Range<usize>> {
    let (series, last) = (candidate.get(..1)?, candidate.chars().last()?);
    let sum = weighted(candidate, &[2, 7, 6, 5, 4, 3, 2]);
    let (more, letters) = match series {
        "S" => (0, "JZIHGFEDCBA"),
        "T" => (4, "JZIHGFEDCBA"),
        "F" => (0, "XWUTRQPNMLK"),
        "G" => (4, "XWUTRQPNMLK"),
        _ => return all_if(candidate, "KLJNPQRTUWX".contains(last)),
    };
    let at = usize::try_from((sum + more) % 11).ok()?;
    all_if(candidate, letters.chars().nth(at) == Some(last))
}

/// The digit behind the dash says of which century.
fn korean(candidate: &str) -> Option<Range<usize>> {
    let date = candidate.get(..6).and_then(number)?;
    let century = match digits(candidate).nth(6)? {
        1 | 2 | 5 | 6 => 1900,
        _ => 2000,
    };
    all_if(candidate, date::exists(century + date / 10_000, date / 100 % 100, date % 100))
}

fn my_number(candidate: &str) -> Option<Range<usize>> {
    let rest = weighted(candidate, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    let check = if rest < 2 { 0 } else { 11 - rest };
    all_if(candidate, digits(candidate).next_back() == Some(check) && digits(candidate).any(|digit| digit > 0))
}
