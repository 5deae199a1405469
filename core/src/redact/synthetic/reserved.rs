//! Numbers and addresses that belong to nobody: ranges that their registries keep for examples, and the numbers with
//! which payments are tried.
//!
//! What lies in such a range is left alone: it says nothing of anybody, and it may be one of ours. Of cards and e-mail
//! addresses, of which there is no such range or a common one, the policy knows its own by their seal.

use super::Letters;
use crate::redact::placeholder::{Key, base32};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Kinds that have such ranges.
pub(super) fn has(entity: &str) -> bool {
    matches!(entity, "ipv4" | "ipv6" | "mac_address" | "email" | "phone" | "credit_card")
}

/// Whether a value lies in such a range, or is one of ours.
pub(super) fn is_one(key: &Key, tenant: &str, entity: &str, value: &str) -> bool {
    match entity {
        "ipv4" => value.split('-').all(|one| one.parse().is_ok_and(|address: Ipv4Addr| address.is_documentation())),
        "ipv6" => value.parse().is_ok_and(|address: Ipv6Addr| address.segments().starts_with(&[0x2001, 0xdb8])),
        "mac_address" => hex(value).to_ascii_lowercase().starts_with("00005e0053"),
        "email" => value.get(..TAG).is_some_and(|tag| address(key, tenant, tag) == value),
        "phone" => Country::of(value).is_some_and(|country| country.is_kept(&digits(value))),
        "credit_card" => {
            let all = digits(value);
            let tag = all.get(IIN..IIN + tag_of(all.len())).unwrap_or_default();
            !tag.is_empty() && card(key, tenant, &all, tag).is_some_and(|made| made == all)
        }
        _ => false,
    }
}

/// One of them in the shape of a value; `None` where there is none of its shape.
pub(super) fn make(key: &Key, tenant: &str, entity: &str, value: &str, letters: &mut Letters) -> Option<String> {
    match entity {
        "ipv4" => {
            let one = |_| {
                let net = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];
                let [a, b, c] = net.get(usize::from(letters.below(3))).copied().unwrap_or([192, 0, 2]);
                Ipv4Addr::new(a, b, c, letters.below(254) + 1).to_string()
            };
            Some(value.split('-').map(one).collect::<Vec<_>>().join("-"))
        }
        "ipv6" => {
            let mut group = || u16::from(letters.below(255)) << 8 | u16::from(letters.below(255)) | 1;
            Some(Ipv6Addr::new(0x2001, 0xdb8, group(), group(), 0, 0, 0, group()).to_string())
        }
        "mac_address" => Some(filled(value, &format!("00005e0053{:02x}", letters.below(255)))),
        "email" => {
            let mut seed = [0; 32];
            seed.iter_mut().for_each(|byte| *byte = letters.below(u8::MAX));
            Some(address(key, tenant, &base32(&seed, TAG).to_ascii_lowercase()))
        }
        "phone" => Some(filled(value, &Country::of(value)?.number(letters))),
        "credit_card" => {
            let all = digits(value);
            let tag: String = (0..tag_of(all.len())).map(|_| char::from(b'0' + letters.below(10))).collect();
            Some(filled(value, &card(key, tenant, &all, &tag)?))
        }
        _ => None,
    }
}

/// Letters of an e-mail address that are made from the value.
const TAG: usize = 8;

/// Somebody at a house that is kept for examples: <https://www.rfc-editor.org/rfc/rfc2606#section-3>.
fn address(key: &Key, tenant: &str, tag: &str) -> String {
    let seal = base32(&key.code(&["synthetic", tenant, "email", tag]), 6).to_ascii_lowercase();
    format!("{tag}{seal}@example.com")
}

/// Digits that say who issued a card.
const IIN: usize = 6;

/// The number of a card of the issuer with whose numbers payments are tried (<https://docs.stripe.com/testing>), for this
/// tag: sealed, and with its check digit.
fn card(key: &Key, tenant: &str, like: &str, tag: &str) -> Option<String> {
    let iin = match (like.as_bytes().first()?, like.len()) {
        (b'4', 16) => "424242",
        (b'2' | b'5', 16) => "555555",
        (b'6', 16) => "601111",
        (b'3', 15) => "378282",
        (b'3', 14) => "305693",
        _ => return None,
    };
    let mut letters = Letters::new(&key.code(&["synthetic", tenant, "credit_card", iin, tag]));
    let mut number = format!("{iin}{tag}");
    while number.len() + 1 < like.len() {
        number.push(char::from(b'0' + letters.below(10)));
    }
    let doubled = |(place, digit): (usize, u32)| if place % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit };
    let sum: u32 = number.chars().rev().filter_map(|digit| digit.to_digit(10)).enumerate().map(doubled).sum();
    number.push(char::from_digit((10 - sum % 10) % 10, 10)?);
    Some(number)
}

/// Digits of a card that are made from the value: half of those that are free.
fn tag_of(digits: usize) -> usize {
    digits.saturating_sub(IIN + 1) / 2
}

/// Countries whose phone numbers for films and examples we know.
#[derive(Clone, Copy)]
enum Country {
    /// 555-0100 to 555-0199: <https://www.nanpa.com/numbering/555-line-numbers>.
    NorthAmerica,
    /// The same without +1.
    NorthAmericaWithin,
    /// 07700 900000 to 900999:
    /// <https://www.ofcom.org.uk/phones-and-broadband/phone-numbers/numbers-for-drama>.
    Britain,
    /// 06 39 98 00 00 to 99 99: <https://www.arcep.fr/>, decision 2018-0881.
    France,
}

impl Country {
    fn of(value: &str) -> Option<Self> {
        let all = digits(value);
        match (value.starts_with('+'), all.as_bytes(), all.len()) {
            (true, [b'1', ..], 11) => Some(Self::NorthAmerica),
            (true, [b'4', b'4', ..], 12) => Some(Self::Britain),
            (true, [b'3', b'3', ..], 11) => Some(Self::France),
            (false, [b'2'..=b'9', ..], 10) if value.starts_with('(') => Some(Self::NorthAmericaWithin),
            _ => None,
        }
    }

    fn number(self, letters: &mut Letters) -> String {
        let mut digit = |from: u8, count: u8| char::from(b'0' + from + letters.below(count));
        let mut american = || {
            // No area has 9 in its middle, and 1 and 1 at its end are services.
            let area: String = [digit(2, 8), digit(2, 7), digit(0, 10)].iter().collect();
            format!("{area}55501{}{}", digit(0, 10), digit(0, 10))
        };
        match self {
            Self::NorthAmerica => format!("1{}", american()),
            Self::NorthAmericaWithin => american(),
            Self::Britain => format!("447700900{}{}{}", digit(0, 10), digit(0, 10), digit(0, 10)),
            Self::France => {
                format!("3363998{}{}{}{}", digit(0, 10), digit(0, 10), digit(0, 10), digit(0, 10))
            }
        }
    }

    fn is_kept(self, digits: &str) -> bool {
        match self {
            Self::NorthAmerica => digits.get(4..9) == Some("55501"),
            Self::NorthAmericaWithin => digits.get(3..8) == Some("55501"),
            Self::Britain => digits.starts_with("447700900"),
            Self::France => digits.starts_with("3363998"),
        }
    }
}

fn digits(value: &str) -> String {
    value.chars().filter(char::is_ascii_digit).collect()
}

fn hex(value: &str) -> String {
    value.chars().filter(char::is_ascii_hexdigit).collect()
}

/// A value with other digits (and letters, where it has some) in the same places.
fn filled(value: &str, with: &str) -> String {
    let mut with = with.chars();
    let mut letter = |letter: char| {
        if !letter.is_ascii_alphanumeric() {
            return letter;
        }
        let made = with.next().unwrap_or('0');
        if value.bytes().any(|byte| byte.is_ascii_uppercase()) { made.to_ascii_uppercase() } else { made }
    };
    value.chars().map(&mut letter).collect()
}
