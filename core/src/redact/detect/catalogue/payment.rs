//! How people pay: cards and bank accounts.

use super::{Detector, PERSONAL, all_if};
use crate::redact::detect::{
    Edge,
    checksum::{digits, luhn, mod97},
};
use std::ops::Range;

const CARD: Detector = Detector {
    entity: "credit_card",
    label: "CARD",
    group: "financial",
    edge: Edge::Number,
    source: "https://en.wikipedia.org/wiki/Payment_card_number#Issuer_identification_number_(IIN)",
    ..PERSONAL
};

pub(super) const ROWS: &[Detector] = &[
    Detector {
        about: "Number of a payment card, of 16 digits, or 14, 15 or 19 where its issuer has such: by issuer, length and check digit (Luhn)",
        shape: r"[2-6]\d{13,18}|[89]\d{15}|\d{4}(?: \d{4}){3}(?: \d{3})?|\d{4}(?:-\d{4}){3}(?:-\d{3})?|\d{4}(?:\.\d{4}){3}|3\d{3}[ -]\d{6}[ -]\d{4,5}|62\d{4}[ -]\d{10,13}",
        bytes_max: 23,
        check: card,
        found: &[
            "卡号⟦4111111111111111⟧扣款",
            "card ⟦5555 5555 5555 4444⟧, 12/29",
            "⟦3782-822463-10005⟧",
            "⟦4111 1111 1111 1111⟧ 123 is its code",
            "pan=⟦6205500000000000004⟧;",
            "⟦2223-0031-2200-3222⟧|12/29",
        ],
        not_found: &[
            "4111111111111112",
            "1111111111111117",
            "0.4111111111111111",
            "a4111111111111111",
            "41111111111111111",
            "4111-1111-1111-1111-1111",
            "7000000000000005",
        ],
        ..CARD
    },
    Detector {
        about: "The same of any length from 12 to 19 digits, behind a word that says so",
        shape: r"[2-6]\d{11,18}",
        bytes_max: 19,
        check: any_length,
        context: &[
            "card",
            "credit",
            "debit",
            "visa",
            "maestro",
            "pan",
            "karte",
            "kreditkarte",
            "carte",
            "tarjeta",
            "carta",
            "cartão",
            "карта",
            "卡号",
            "信用卡",
            "银行卡",
            "カード",
            "카드",
        ],
        found: &["Visa ⟦4222222222222⟧", "卡号⟦675964982648⟧", "debit card: ⟦501800000009⟧."],
        not_found: &["4222222222222", "card 4222222222223", "card 412345678901", "board 675964982648"],
        ..CARD
    },
    Detector {
        entity: "iban",
        label: "IBAN",
        about: "Number of a bank account (IBAN), with or without blanks: by country, length and check digits",
        group: "financial",
        shape: r"[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?",
        bytes_max: 42,
        check: account,
        source: "https://www.swift.com/standards/data-standards/iban-international-bank-account-number",
        found: &[
            "IBAN ⟦GB82WEST12345698765432⟧.",
            "auf ⟦DE89 3704 0044 0532 0130 00⟧ überweisen",
            "账户⟦FR1420041010050500013M02606⟧已冻结",
            "to ⟦NL91 ABNA 0417 1643 00⟧, please",
            "iban=⟦at611904300234573201⟧",
            "⟦AT61 1904 3002 3457 3201⟧ BIC ABCD",
        ],
        not_found: &[
            "GB82WEST12345698765433",
            "GB82 WEST 1234 5698 7654",
            "XX82WEST12345698765432",
            "GB82WEST123456987654321",
            "DE12 apples and 15 pears",
        ],
        ..PERSONAL
    },
];

fn card(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, issued(candidate) && luhn(candidate))
}

/// Whether somebody issues cards that begin so, with so many digits.
fn issued(candidate: &str) -> bool {
    let six = digits(candidate).take(6).fold(0, |number, digit| number * 10 + digit);
    let (two, four) = (six / 10_000, six / 100);
    match digits(candidate).count() {
        // Diners Club, American Express, and UnionPay of China's banks.
        14 => matches!(two, 36 | 38 | 39) || matches!(four, 3000..=3059 | 3095),
        15 => matches!(two, 34 | 37),
        19 => two == 62,
        16 => {
            matches!(two, 40..=49 | 51..=55 | 60 | 62 | 65 | 81 | 82)
                || matches!(four, 2200..=2204 | 2221..=2720 | 3528..=3589 | 5090..=5099 | 6360..=6369 | 6440..=6499 | 9792)
                || maestro(four)
                || matches!(six, 506_099..=506_198 | 506_699..=506_778)
        }
        _ => false,
    }
}

fn maestro(four: u32) -> bool {
    matches!(four, 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763)
}

/// Maestro's have from 12 digits on, old ones of Visa 13, and up to 19 many.
fn any_length(candidate: &str) -> Option<Range<usize>> {
    let four = digits(candidate).take(4).fold(0, |number, digit| number * 10 + digit);
    let begins = match candidate.len() {
        12 => maestro(four),
        13 => maestro(four) || four / 1000 == 4,
        _ => true,
    };
    all_if(candidate, begins && luhn(candidate))
}

fn account(candidate: &str) -> Option<Range<usize>> {
    let (country, _) = candidate.split_at_checked(2)?;
    let count = candidate.bytes().filter(u8::is_ascii_alphanumeric).count();
    let as_long = |(its, length): &(&str, u8)| usize::from(*length) == count && its.eq_ignore_ascii_case(country);
    all_if(candidate, LENGTHS.iter().any(as_long) && mod97(candidate))
}

/// How long the numbers of a country are: the registry of ISO 13616.
#[rustfmt::skip]
const LENGTHS: [(&str, u8); 89] = [
    ("AD", 24), ("AE", 23), ("AL", 28), ("AT", 20), ("AZ", 28), ("BA", 20), ("BE", 16), ("BG", 22), ("BH", 22),
    ("BI", 27), ("BR", 29), ("BY", 28), ("CH", 21), ("CR", 22), ("CY", 28), ("CZ", 24), ("DE", 22), ("DJ", 27),
    ("DK", 18), ("DO", 28), ("EE", 20), ("EG", 29), ("ES", 24), ("FI", 18), ("FK", 18), ("FO", 18), ("FR", 27),
    ("GB", 22), ("GE", 22), ("GI", 23), ("GL", 18), ("GR", 27), ("GT", 28), ("HN", 28), ("HR", 21), ("HU", 28),
    ("IE", 22), ("IL", 23), ("IQ", 23), ("IS", 26), ("IT", 27), ("JO", 30), ("KW", 30), ("KZ", 20), ("LB", 28),
    ("LC", 32), ("LI", 21), ("LT", 20), ("LU", 20), ("LV", 21), ("LY", 25), ("MC", 27), ("MD", 24), ("ME", 22),
    ("MK", 19), ("MN", 20), ("MR", 27), ("MT", 31), ("MU", 30), ("NI", 28), ("NL", 18), ("NO", 15), ("OM", 23),
    ("PK", 24), ("PL", 28), ("PS", 29), ("PT", 25), ("QA", 29), ("RO", 24), ("RS", 22), ("RU", 33), ("SA", 24),
    ("SC", 31), ("SD", 18), ("SE", 24), ("SI", 19), ("SK", 24), ("SM", 27), ("SO", 23), ("ST", 25), ("SV", 28),
    ("TL", 23), ("TN", 24), ("TR", 26), ("UA", 29), ("VA", 22), ("VG", 24), ("XK", 20), ("YE", 30),
];
