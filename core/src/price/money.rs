//! Amounts of money as whole numbers.

use super::decimal::{self, NotAnAmount};
use std::fmt;
use std::str::FromStr;

/// Decimal places of [`Picos`].
const PICO_PLACES: u32 = 12;
/// Decimal places of [`Nanos`].
const NANO_PLACES: u32 = 9;
const PICOS_IN_A_UNIT: u128 = 1_000_000_000_000;
const PICOS_IN_A_NANO: u128 = 1_000;

/// The price of one unit, in 10⁻¹² of the currency's unit: a million tokens for 0.15 make 150,000 picos a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Picos(pub u64);

impl Picos {
    /// Reads a price that is written for one unit or for a million: `0.15` for a million tokens, `1.5e-07` for one.
    ///
    /// # Errors
    /// It is no decimal, or finer than a pico for one unit.
    pub fn read(text: &str, per: u32) -> Result<Self, NotAnAmount> {
        Ok(Self(decimal::scaled(text, PICO_PLACES.saturating_sub(per.ilog10()))?))
    }

    /// The price for `per` units (1 or a million), as price lists write it.
    pub fn per(self, per: u32) -> impl fmt::Display {
        Decimal(self.0, PICO_PLACES.saturating_sub(per.ilog10()))
    }
}

/// An amount that is booked, in 10⁻⁹ of the currency's unit. Written and read as a decimal: `0.0012345`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

impl Nanos {
    /// Rounds an exact sum of picos, half up. `None` when it is more than fits (18 thousand million units).
    pub fn of_picos(picos: u128) -> Option<Self> {
        rounded(picos, PICOS_IN_A_NANO)
    }
}

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write(self.0, NANO_PLACES, f)
    }
}

impl FromStr for Nanos {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        decimal::scaled(text, NANO_PLACES).map(Self)
    }
}

/// `dividend / divisor`, half up.
fn rounded(dividend: u128, divisor: u128) -> Option<Nanos> {
    let half_up = dividend.checked_add(divisor / 2)? / divisor;
    u64::try_from(half_up).ok().map(Nanos)
}

/// A currency by its ISO 4217 code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The dollar of the United States, in which most providers bill.
    pub const USD: Self = Self(*b"USD");

    /// Its code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Currency {
    type Err = &'static str;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        let bytes: Option<[u8; 3]> = code.as_bytes().try_into().ok();
        bytes
            .filter(|bytes| bytes.iter().all(u8::is_ascii_uppercase))
            .map(Self)
            .ok_or("expected a currency's code of three capital letters, such as USD")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one unit of a currency is worth in another: 0.14 dollars for a yuan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange(u64);

impl Exchange {
    /// An amount in the other currency, rounded half up. `None` when it is more than fits.
    pub fn convert(self, amount: Nanos) -> Option<Nanos> {
        rounded(u128::from(amount.0) * u128::from(self.0), PICOS_IN_A_UNIT)
    }
}

impl FromStr for Exchange {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        decimal::scaled(text, PICO_PLACES).map(Self)
    }
}

struct Decimal(u64, u32);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write(self.0, self.1, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_rounded_half_up() {
        for (picos, nanos) in [(0, 0), (499, 0), (500, 1), (1499, 1), (1500, 2), (2500, 3)] {
            assert_eq!(Nanos::of_picos(picos), Some(Nanos(nanos)), "{picos}");
        }
        assert_eq!(Nanos::of_picos(u128::MAX), None);
        assert_eq!(Nanos::of_picos(u128::from(u64::MAX) * 1000 + 499), Some(Nanos(u64::MAX)));
        assert_eq!(Nanos::of_picos(u128::from(u64::MAX) * 1000 + 500), None);
    }

    #[test]
    fn amounts_are_written_exactly() {
        for (nanos, text) in [(1_234_500, "0.0012345"), (2_000_000_000, "2"), (1, "0.000000001"), (0, "0")] {
            assert_eq!(Nanos(nanos).to_string(), text);
            assert_eq!(text.parse(), Ok(Nanos(nanos)));
        }
        assert_eq!(Picos::read("0.15", 1_000_000), Ok(Picos(150_000)));
        assert_eq!(Picos::read("1.5e-07", 1), Ok(Picos(150_000)));
        assert_eq!(Picos(150_000).per(1_000_000).to_string(), "0.15");
        assert_eq!(Picos(40_000_000_000).per(1).to_string(), "0.04");
    }

    #[test]
    fn currencies_are_converted_once() {
        let yuan: Exchange = "0.14".parse().unwrap();
        assert_eq!(yuan.convert(Nanos(10_000_000_000)), Some(Nanos(1_400_000_000)));
        assert_eq!(yuan.convert(Nanos(25)), Some(Nanos(4)), "3.5 is rounded up");
        assert_eq!("9000000".parse::<Exchange>().unwrap().convert(Nanos(u64::MAX)), None);
        assert!("usd".parse::<Currency>().is_err());
        assert_eq!("CNY".parse::<Currency>().unwrap().to_string(), "CNY");
    }
}
