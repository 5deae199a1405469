//! Ireland, Portugal, Greece, Luxembourg.

use super::{Detector, PERSONAL, all_if, date};
use crate::redact::detect::{
    Tier,
    checksum::{digits, luhn, number, verhoeff, weighted},
};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "ie_pps",
        label: "PPS",
        about: "Personal Public Service number of Ireland, behind its name",
        shape: r"\d{7}[A-W][A-IW]?",
        bytes_max: 9,
        check: pps,
        context: &["pps", "ppsn", "pps no", "personal public service"],
        source: "https://www.gov.ie/en/department-of-social-protection/publications/personal-public-service-number-code-of-practice/",
        found: &["PPS number: ⟦1705743M⟧", "ppsn=⟦2359421UW⟧", "PPS No. ⟦0932389GW⟧."],
        not_found: &["PPS number: 1705743N", "part 1705743M", "PPS 11705743M"],
        ..LIKELY
    },
    Detector {
        entity: "pt_nif",
        label: "NIF",
        about: "NIF of Portugal, behind its name",
        shape: r"[1-35689]\d{2} ?\d{3} ?\d{3}",
        bytes_max: 11,
        check: nif,
        context: &["nif", "contribuinte", "nipc", "número de identificação fiscal"],
        source: "https://pt.wikipedia.org/wiki/N%C3%BAmero_de_identifica%C3%A7%C3%A3o_fiscal",
        found: &["NIF ⟦284587885⟧", "contribuinte n.º ⟦580 559 777⟧", "NIPC: ⟦504611780⟧"],
        not_found: &["NIF 284587886", "fatura 284587885", "NIF 2845878851", "NIF 484587885"],
        ..LIKELY
    },
    Detector {
        entity: "gr_afm",
        label: "AFM",
        about: "ΑΦΜ of Greece, behind its name",
        shape: r"\d{9}",
        bytes_max: 9,
        check: afm,
        context: &["αφμ", "α.φ.μ", "afm", "a.f.m"],
        source: "https://www.aade.gr/en/individuals/tax-services/register-tax-identification-number-tin-afm",
        found: &["ΑΦΜ: ⟦525537082⟧", "Α.Φ.Μ. ⟦619720822⟧", "afm=⟦832088002⟧"],
        not_found: &["ΑΦΜ: 525537083", "τηλ. 525537082", "ΑΦΜ 000000000", "AFM 5255370821"],
        ..LIKELY
    },
    Detector {
        entity: "gr_amka",
        label: "AMKA",
        about: "ΑΜΚΑ of Greece, behind its name",
        shape: r"[0-3]\d[01]\d{8}",
        bytes_max: 11,
        check: amka,
        context: &["αμκα", "α.μ.κ.α", "amka", "a.m.k.a"],
        source: "https://www.amka.gr/tieinai.html",
        found: &["ΑΜΚΑ ⟦01060933627⟧", "Α.Μ.Κ.Α.: ⟦14028715143⟧", "amka=⟦17094141433⟧"],
        not_found: &["ΑΜΚΑ 01060933628", "αρ. 01060933627", "ΑΜΚΑ 01160933627", "AMKA 010609336271"],
        ..LIKELY
    },
    Detector {
        entity: "lu_matricule",
        label: "MATRICULE",
        about: "Matricule of Luxembourg, behind its name",
        shape: r"(?:18|19|20)\d{2}[01]\d[0-3]\d{6}",
        bytes_max: 13,
        check: matricule,
        context: &["matricule", "identification nationale", "numéro d'identification", "cns", "ccss"],
        source: "https://guichet.public.lu/en/citoyens/citoyennete/donnees-registres/registre-national/numero-identification.html",
        found: &["matricule ⟦1956070594157⟧", "Matricule: ⟦1950031478229⟧", "CNS ⟦1983070554369⟧."],
        not_found: &["matricule 1956070594158", "EAN 1956070594157", "matricule 1956130594157"],
        ..LIKELY
    },
];

const LIKELY: Detector = Detector { tier: Tier::Likely, group: "eu", ..PERSONAL };

/// The rest by 23 is a letter of the alphabet, W for none; another letter behind it counts nine times.
pub(super) fn pps(candidate: &str) -> Option<Range<usize>> {
    let mut letters = candidate.bytes().skip_while(u8::is_ascii_digit);
    let (check, second) = (letters.next()?, letters.next());
    let value = |letter: u8| if letter == b'W' { 0 } else { u32::from(letter - b'A') + 1 };
    let sum = weighted(candidate, &[8, 7, 6, 5, 4, 3, 2]) + second.map_or(0, |letter| 9 * value(letter));
    all_if(candidate, sum % 23 == value(check))
}

pub(super) fn nif(candidate: &str) -> Option<Range<usize>> {
    let sum = weighted(candidate, &[9, 8, 7, 6, 5, 4, 3, 2]);
    all_if(candidate, digits(candidate).next_back() == Some((11 - sum % 11) % 11 % 10))
}

pub(super) fn afm(candidate: &str) -> Option<Range<usize>> {
    let sum = weighted(candidate, &[256, 128, 64, 32, 16, 8, 4, 2]);
    all_if(candidate, sum > 0 && digits(candidate).next_back() == Some(sum % 11 % 10))
}

fn amka(candidate: &str) -> Option<Range<usize>> {
    let date = number(candidate)? / 100_000;
    let born = |century| date::exists(century + date % 100, date / 100 % 100, date / 10_000);
    all_if(candidate, (born(1900) || born(2000)) && luhn(candidate))
}

/// Both check digits are of the first eleven: the first one by Luhn, the second one by Verhoeff.
fn matricule(candidate: &str) -> Option<Range<usize>> {
    let whole = number(candidate)?;
    let born = date::exists(whole / 1_000_000_000, whole / 10_000_000 % 100, whole / 100_000 % 100);
    let (body, checks) = candidate.split_at_checked(11)?;
    let (first, second) = checks.split_at_checked(1)?;
    all_if(candidate, born && luhn(&format!("{body}{first}")) && verhoeff(&format!("{body}{second}")))
}
