//! Decimals as integers, digit by digit: what is written is what is meant, or it is an error.

use std::fmt;

/// The longest decimal that is read, in bytes; no price needs more.
const BYTES_MAX: usize = 64;

/// Why a text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAnAmount {
    /// It is no decimal number such as `0.15` or `1.5e-7`.
    NotDecimal,
    /// It is less than zero.
    Negative,
    /// It has more decimal places than can be kept.
    TooFine,
    /// It is more than can be kept.
    TooLarge,
}

impl fmt::Display for NotAnAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotDecimal => "it is not a decimal number such as 0.15",
            Self::Negative => "it is less than zero",
            Self::TooFine => "it has more decimal places than can be kept",
            Self::TooLarge => "it is too large",
        })
    }
}

impl std::error::Error for NotAnAmount {}

/// Reads a decimal (`12`, `0.15`, `2.5e-07`) as a whole number of 10^-`places`, exactly.
///
/// # Errors
/// What cannot be kept exactly is refused, never rounded.
pub fn scaled(text: &str, places: u32) -> Result<u64, NotAnAmount> {
    if text.len() > BYTES_MAX {
        return Err(NotAnAmount::NotDecimal);
    }
    if let Some(rest) = text.strip_prefix('-') {
        let zero = scaled(rest, places)? == 0;
        return if zero { Ok(0) } else { Err(NotAnAmount::Negative) };
    }
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent_of(exponent)?),
        None => (text, 0),
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((_, "")) => return Err(NotAnAmount::NotDecimal),
        Some((whole, fraction)) => (whole, fraction),
        None => (number, ""),
    };
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|digit| digit.is_ascii_digit()) {
        return Err(NotAnAmount::NotDecimal);
    }
    let fraction = fraction.trim_end_matches('0');
    let shift = exponent + i64::from(places) - i64::try_from(fraction.len()).map_err(|_| NotAnAmount::NotDecimal)?;
    u64::try_from(shifted(digits(whole, fraction)?, shift)?).map_err(|_| NotAnAmount::TooLarge)
}

fn exponent_of(text: &str) -> Result<i64, NotAnAmount> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(NotAnAmount::NotDecimal);
    }
    text.parse().map_err(|_| NotAnAmount::NotDecimal)
}

fn digits(whole: &str, fraction: &str) -> Result<u128, NotAnAmount> {
    whole.bytes().chain(fraction.bytes()).try_fold(0_u128, |number, digit| {
        let number = number.checked_mul(10).and_then(|number| number.checked_add(u128::from(digit - b'0')));
        number.ok_or(NotAnAmount::TooLarge)
    })
}

/// `number` × 10^`shift`, exactly.
fn shifted(number: u128, shift: i64) -> Result<u128, NotAnAmount> {
    if number == 0 {
        return Ok(0);
    }
    let too = if shift < 0 { NotAnAmount::TooFine } else { NotAnAmount::TooLarge };
    let power = u32::try_from(shift.unsigned_abs()).ok().and_then(|power| 10_u128.checked_pow(power)).ok_or(too)?;
    match shift < 0 {
        true if number.is_multiple_of(power) => Ok(number / power),
        true => Err(too),
        false => number.checked_mul(power).ok_or(too),
    }
}

/// Writes a whole number of 10^-`places` as a decimal, exactly and without needless zeros.
pub fn write(number: u64, places: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Some(unit) = 10_u64.checked_pow(places).filter(|unit| *unit > 1) else { return write!(f, "{number}") };
    let (whole, fraction) = (number / unit, number % unit);
    if fraction == 0 {
        return write!(f, "{whole}");
    }
    let fraction = format!("{fraction:0width$}", width = places as usize);
    write!(f, "{whole}.{}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::NotAnAmount::{Negative, NotDecimal, TooFine, TooLarge};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_are_read_exactly_or_not_at_all() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("0.15", Ok(150_000_000)),
            ("2.5e-07", Ok(250)),
            ("1E+2", Ok(100_000_000_000)),
            ("0.000000001", Ok(1)),
            ("0.0000000010000", Ok(1)),
            ("12.3e-1", Ok(1_230_000_000)),
            ("18446744073.709551615", Ok(u64::MAX)),
            ("18446744073.709551616", Err(TooLarge)),
            ("0e9999", Ok(0)),
            ("-0.0", Ok(0)),
            ("-0.1", Err(Negative)),
            ("--1", Err(Negative)),
            ("1e-10", Err(TooFine)),
            ("0.1234567891", Err(TooFine)),
            ("1e-9999", Err(TooFine)),
            ("1e9999", Err(TooLarge)),
            ("99999999999999999999999999999999999999999999", Err(TooLarge)),
            ("1e99999", Err(NotDecimal)),
            ("", Err(NotDecimal)),
            (".5", Err(NotDecimal)),
            ("5.", Err(NotDecimal)),
            ("+5", Err(NotDecimal)),
            ("1_000", Err(NotDecimal)),
            ("0x1", Err(NotDecimal)),
            ("1e", Err(NotDecimal)),
            ("1e1.5", Err(NotDecimal)),
            ("NaN", Err(NotDecimal)),
            ("٣", Err(NotDecimal)),
            ("1 ", Err(NotDecimal)),
            (&"0".repeat(65), Err(NotDecimal)),
        ] {
            assert_eq!(scaled(text, 9), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(number: u64, places in 0_u32..13) {
            struct Written(u64, u32);
            impl fmt::Display for Written {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write(self.0, self.1, f)
                }
            }
            prop_assert_eq!(scaled(&Written(number, places).to_string(), places), Ok(number));
        }

        #[test]
        fn no_text_breaks_it(text in "[-+0-9.eE]{0,12}", places in 0_u32..13) {
            let _read = scaled(&text, places);
        }
    }
}
