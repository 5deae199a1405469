//! Brazil.

use super::{Detector, PERSONAL, all_if};
use crate::redact::detect::{Edge, Tier};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "br_cpf",
        label: "CPF",
        about: "Number of a person for Brazil's taxes, as it is written",
        group: "br",
        shape: r"\d{3}\.\d{3}\.\d{3}-\d{2}",
        edge: Edge::Digit,
        bytes_max: 14,
        check: cpf,
        source: "https://www.gov.br/receitafederal/pt-br/assuntos/meu-cpf",
        found: &["CPF ⟦535.493.066-95⟧", "meu número é ⟦683.645.074-00⟧.", "税号⟦952.883.143-57⟧"],
        not_found: &["535.493.066-94", "111.111.111-11", "1.535.493.066-95", "535.493.066-951"],
        ..PERSONAL
    },
    Detector {
        entity: "br_cpf",
        label: "CPF",
        about: "The same in one piece, behind its name",
        tier: Tier::Likely,
        group: "br",
        shape: r"\d{9}-?\d{2}",
        edge: Edge::Digit,
        bytes_max: 12,
        check: cpf,
        context: &["cpf", "cadastro de pessoas físicas"],
        source: "https://www.gov.br/receitafederal/pt-br/assuntos/meu-cpf",
        found: &["CPF: ⟦08581270409⟧", "cpf=⟦519587714-90⟧", "CPF nº ⟦42682634036⟧."],
        not_found: &["CPF: 08581270408", "pedido 08581270409", "CPF 11111111111", "CPF 085812704091"],
    },
    Detector {
        entity: "br_cnpj",
        label: "CNPJ",
        about: "Number of a company in Brazil, as it is written; since 2026 with letters",
        group: "br",
        shape: r"[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-\d{2}",
        bytes_max: 18,
        check: cnpj,
        source: "https://www.gov.br/receitafederal/pt-br/acesso-a-informacao/acoes-e-programas/programas-e-atividades/cnpj-alfanumerico",
        found: &["CNPJ ⟦11.222.333/0001-81⟧", "⟦12.ABC.345/01DE-35⟧", "empresa (⟦60.606.060/0001-84⟧)"],
        not_found: &["11.222.333/0001-82", "12.ABC.345/01DE-36", "00.000.000/0000-00", "11.222.333/0001-811"],
        ..PERSONAL
    },
];

fn cpf(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, two_digits_hold(candidate, 11))
}

fn cnpj(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, two_digits_hold(candidate, 9))
}

/// Two check digits, each over all before it: weights grow from 2 at the end, up to `most` and from 2 again. A letter
/// counts as its place in ASCII behind `0`.
fn two_digits_hold(candidate: &str, most: u32) -> bool {
    let values: Vec<u32> =
        candidate.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| u32::from(byte - b'0')).collect();
    let holds = |check: usize| {
        let (body, rest) = values.split_at(values.len().saturating_sub(check));
        let sum: u32 = body.iter().rev().zip((2..=most).cycle()).map(|(value, weight)| value * weight).sum();
        let wanted = if sum % 11 < 2 { 0 } else { 11 - sum % 11 };
        rest.first() == Some(&wanted)
    };
    holds(2) && holds(1) && values.iter().any(|value| Some(value) != values.first())
}
