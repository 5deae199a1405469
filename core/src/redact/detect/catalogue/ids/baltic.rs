//! Denmark, Estonia, Latvia, Lithuania.

use super::{Detector, PERSONAL, all_if, date};
use crate::redact::detect::{
    Edge, Tier,
    checksum::{digits, number, weighted},
};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "dk_cpr",
        label: "CPR",
        about: "CPR-nummer of Denmark, which has no check digit since 2007, behind its name",
        shape: r"[0-3]\d[01]\d{3}[- ]?\d{4}",
        bytes_max: 11,
        check: cpr,
        context: &["cpr", "cpr-nr", "cpr-nummer", "cprnummer", "personnummer"],
        source: "https://cpr.dk/cpr-systemet/opbygning-af-cpr-nummeret",
        found: &["CPR-nr. ⟦031254-9101⟧", "cpr: ⟦2105988814⟧", "Personnummer ⟦250755-4474⟧."],
        not_found: &["CPR 031354-9101", "ordre 031254-9101", "CPR 300298-8814", "CPR 031254-91011"],
        ..LIKELY
    },
    Detector {
        entity: "ee_lt_personal_code",
        label: "ISIKUKOOD",
        about: "Isikukood of Estonia and asmens kodas of Lithuania, behind their name",
        shape: r"[1-6]\d{2}[01]\d[0-3]\d{5}",
        bytes_max: 11,
        check: isikukood,
        context: &["isikukood", "asmens kodas", "asmens kodo", "personal code", "personal identification code", "a.k"],
        source: "https://www.riigiteataja.ee/akt/108082025012",
        found: &["Isikukood: ⟦37904177457⟧", "asmens kodas ⟦47606115783⟧", "personal code=⟦38112281689⟧"],
        not_found: &["Isikukood: 37904177458", "arve 37904177457", "isikukood 37913177457", "isikukood 379041774571"],
        ..LIKELY
    },
    Detector {
        entity: "lv_personal_code",
        label: "PERSONASKODS",
        about: "Personas kods of Latvia, since 2017 without a date, behind its name",
        shape: r"\d{6}-?\d{5}",
        bytes_max: 12,
        check: personas_kods,
        context: &["personas kods", "personas kodu", "personas koda", "pers. kods", "p.k"],
        source: "https://likumi.lv/ta/id/335681",
        found: &["personas kods ⟦031098-17182⟧", "Pers. kods: ⟦01045210795⟧", "p.k. ⟦327345-11111⟧"],
        not_found: &["personas kods 031098-17183", "līgums 031098-17182", "personas kods 031398-17182"],
        ..LIKELY
    },
];

const LIKELY: Detector = Detector { tier: Tier::Likely, group: "eu", edge: Edge::Digit, ..PERSONAL };

fn cpr(candidate: &str) -> Option<Range<usize>> {
    let date = number(candidate)? / 10_000;
    let born = |century| date::exists(century + date % 100, date / 100 % 100, date / 10_000);
    all_if(candidate, born(1900) || born(2000))
}

/// By 11; where that leaves 10, with other weights again; where it does so again, 0.
fn isikukood(candidate: &str) -> Option<Range<usize>> {
    let whole = number(candidate)?;
    let century = 1700 + (whole / 10_000_000_000).div_ceil(2) * 100;
    let born = date::exists(century + whole / 100_000_000 % 100, whole / 1_000_000 % 100, whole / 10_000 % 100);
    all_if(candidate, born && digits(candidate).next_back() == Some(twice_by_11(candidate, 10)))
}

/// Whoever was born before July 2017 may have one that begins with the day and is checked by 11.
fn personas_kods(candidate: &str) -> Option<Range<usize>> {
    let whole = number(candidate)?;
    let rest = (1 + weighted(candidate, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9])) % 11 % 10;
    let (day, month) = (whole / 1_000_000_000, whole / 10_000_000 % 100);
    let dated = date::exists(2000, month, day) && digits(candidate).next_back() == Some(rest);
    all_if(candidate, dated || (32..40).contains(&day))
}

/// The check digit of so many digits, as Estonia and Lithuania make it.
pub(super) fn twice_by_11(text: &str, count: usize) -> u32 {
    const WEIGHTS: [u32; 13] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4];
    let rest = |skipped| weighted(text, WEIGHTS.get(skipped..skipped + count).unwrap_or_default()) % 11;
    match rest(0) {
        10 => rest(2) % 10,
        rest => rest,
    }
}
