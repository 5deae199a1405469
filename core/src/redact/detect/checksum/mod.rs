//! Check digits: small pure rules. They look at the digits (and letters, where the rule knows letters) of a text and
//! pass over blanks, dots and dashes between them.

mod base58;
mod bech32;
mod keccak;
mod luhn;
mod mod11;
mod mod97;
mod verhoeff;

pub use luhn::luhn;
pub use mod11::{mod11_2, mod11_10};
pub use mod97::mod97;
pub use verhoeff::verhoeff;

pub(super) use base58::base58check;
pub(super) use bech32::segwit;
pub(super) use keccak::keccak256;

/// The rules that a configuration can name.
pub const NAMES: [&str; 5] = ["luhn", "mod97", "mod11_2", "mod11_10", "verhoeff"];

/// The rule of this name.
pub fn named(name: &str) -> Option<fn(&str) -> bool> {
    match name {
        "luhn" => Some(luhn),
        "mod97" => Some(mod97),
        "mod11_2" => Some(mod11_2),
        "mod11_10" => Some(mod11_10),
        "verhoeff" => Some(verhoeff),
        _ => None,
    }
}

/// The digits of a text, whatever stands between them.
pub(super) fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> + '_ {
    text.bytes().filter(u8::is_ascii_digit).map(|digit| u32::from(digit - b'0'))
}

/// The digits of a text times these weights, added up: the shorter of both ends it.
pub(super) fn weighted(text: &str, weights: &[u32]) -> u32 {
    digits(text).zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// The digits of a text as one number; `None` if it is too large.
pub(super) fn number(text: &str) -> Option<u64> {
    digits(text).try_fold(0_u64, |so_far, digit| so_far.checked_mul(10)?.checked_add(u64::from(digit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_its_rule() {
        assert!(NAMES.iter().all(|name| named(name).is_some()));
        assert!(named("crc").is_none());
    }

    #[test]
    fn no_digits_pass_no_rule() {
        for name in NAMES {
            let rule = named(name).expect("listed");
            assert!(!rule("") && !rule("-") && !rule("Köln") && !rule("7"), "{name}");
        }
    }

    #[test]
    fn one_wrong_digit_is_seen() {
        let good = [
            ("luhn", "79927398713"),
            ("mod97", "GB82WEST12345698765432"),
            ("mod11_2", "11010519491231002X"),
            ("mod11_10", "94577403194"),
            ("verhoeff", "2363"),
        ];
        for (name, text) in good {
            let rule = named(name).expect("listed");
            assert!(rule(text), "{name} of {text}");
            for (at, was) in text.char_indices().filter(|(_, was)| was.is_ascii_digit()) {
                for other in ('0'..='9').filter(|other| *other != was) {
                    let mut changed = text.to_owned();
                    changed.replace_range(at..=at, &other.to_string());
                    assert!(!rule(&changed), "{name} of {changed}");
                }
            }
        }
    }
}
