//! Mexico, Chile, Argentina.

use super::{Detector, PERSONAL, all_if, date};
use crate::redact::detect::{
    Edge, Tier,
    checksum::{digits, number, weighted},
};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "mx_curp",
        label: "CURP",
        about: "CURP: number of a person in Mexico, with name, date and state of birth inside",
        shape: r"[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{2}[B-DF-HJ-NP-TV-Z]{3}[0-9A-Z]\d",
        bytes_max: 18,
        check: curp,
        source: "https://www.gob.mx/segob/renapo/acciones-y-programas/clave-unica-de-registro-de-poblacion-curp-142226",
        found: &["CURP: ⟦TULQ421128HNLDHJ78⟧", "⟦UAMK851204HNLKJJ65⟧.", "号⟦GILS860618MNLLLM83⟧"],
        not_found: &["TULQ421128HNLDHJ79", "TULQ421328HNLDHJ78", "TULQ421128HXLDHJ78", "XTULQ421128HNLDHJ78"],
        ..MEXICAN
    },
    Detector {
        entity: "mx_rfc",
        label: "RFC",
        about: "RFC: tax number of a person or company in Mexico, behind its name",
        tier: Tier::Likely,
        shape: r"[A-Z&]{3,4}\d{6}[0-9A-Z]{3}",
        bytes_max: 13,
        check: rfc,
        context: &["rfc", "r.f.c", "registro federal de contribuyentes"],
        source: "https://www.sat.gob.mx/portal/public/tramites/inscripcion-en-el-rfc",
        found: &["RFC: ⟦OUVI690401C07⟧", "R.F.C. ⟦TAKM450816U69⟧", "rfc=⟦ABC900302H90⟧"],
        not_found: &["RFC: OUVI691301C07", "lote OUVI690401C07", "RFC OUVI690401C0", "see RFC 9110"],
        ..MEXICAN
    },
    Detector {
        entity: "cl_rut",
        label: "RUT",
        about: "RUT or RUN of Chile, behind its name",
        tier: Tier::Likely,
        shape: r"\d{1,2}(?:\.\d{3}\.|\d{3})\d{3}-[0-9Kk]",
        edge: Edge::Digit,
        bytes_max: 12,
        check: rut,
        context: &["rut", "run", "r.u.t", "rol único", "cédula", "cedula"],
        source: "https://www.registrocivil.cl/",
        found: &["RUT: ⟦19.737.871-9⟧", "run ⟦42126140-7⟧", "Cédula ⟦23.889.367-4⟧."],
        not_found: &["RUT: 19.737.871-8", "pedido 19.737.871-9", "RUT 119.737.871-9"],
        ..MEXICAN
    },
    Detector {
        entity: "ar_cuit",
        label: "CUIT",
        about: "CUIT or CUIL of Argentina, behind its name",
        tier: Tier::Likely,
        shape: r"(?:2[03457]|3[034]|5[015])(?:-\d{8}-|\d{8})\d",
        edge: Edge::Digit,
        bytes_max: 13,
        check: cuit,
        context: &["cuit", "cuil", "c.u.i.t", "c.u.i.l"],
        source: "https://es.wikipedia.org/wiki/Clave_%C3%9Anica_de_Identificaci%C3%B3n_Tributaria",
        found: &["CUIT ⟦20-42675932-3⟧", "C.U.I.L.: ⟦27-25364746-4⟧", "cuil=⟦27951626975⟧"],
        not_found: &["CUIT 20-42675932-4", "ref 20-42675932-3", "CUIT 21-42675932-3", "CUIL 279516269751"],
        ..MEXICAN
    },
];

const MEXICAN: Detector = Detector { group: "latin", ..PERSONAL };

/// Digits and letters count by their place, Ñ among them, weighed from 18 down; the last digit makes the sum a ten.
fn curp(candidate: &str) -> Option<Range<usize>> {
    const ALPHABET: &str = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ";
    const STATES: &str =
        "AS BC BS CC CH CL CM CS DF DG GR GT HG JC MC MN MS NE NL NT OC PL QR QT SL SP SR TC TL TS VZ YN ZS";
    let value = |character| ALPHABET.chars().position(|known| known == character);
    let sum: usize = candidate.chars().zip((2..=18).rev()).filter_map(|(of, weight)| Some(value(of)? * weight)).sum();
    let check = candidate.chars().last()?.to_digit(10)?;
    let state = candidate.get(11..13)?;
    let born = dated(candidate.get(4..10)?)? && STATES.split(' ').any(|known| known == state);
    all_if(candidate, born && (10 - sum % 10) % 10 == check as usize)
}

/// Some have been given with a check character that does not hold: the date decides.
fn rfc(candidate: &str) -> Option<Range<usize>> {
    let date = candidate.get(candidate.len().checked_sub(9)?..candidate.len() - 3)?;
    all_if(candidate, dated(date)?)
}

/// Whether the six digits are a day of this century or the last.
fn dated(six: &str) -> Option<bool> {
    let date = number(six)?;
    let born = |century| date::exists(century + date / 10_000, date / 100 % 100, date % 100);
    Some(born(1900) || born(2000))
}

fn rut(candidate: &str) -> Option<Range<usize>> {
    let (body, check) = candidate.split_once('-')?;
    let sum: u32 = digits(body).rev().zip((2..=7).cycle()).map(|(digit, weight)| digit * weight).sum();
    let wanted = match (11 - sum % 11) % 11 {
        10 => check.eq_ignore_ascii_case("k"),
        digit => check.parse() == Ok(digit),
    };
    all_if(candidate, wanted && sum > 0)
}

fn cuit(candidate: &str) -> Option<Range<usize>> {
    let rest = weighted(candidate, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    let wanted = match (11 - rest) % 11 {
        10 => 9,
        digit => digit,
    };
    all_if(candidate, digits(candidate).next_back() == Some(wanted))
}
