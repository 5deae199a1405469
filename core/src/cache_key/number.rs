//! One way to write every number: `1`, `1.0`, `10e-1` and `0.1E+1` are the same.

/// A number by its value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) negative: bool,
    /// Decimal digits without zeros at either end; none for zero.
    pub(super) digits: String,
    /// The power of ten of the last digit.
    pub(super) exponent: i64,
}

impl Number {
    /// Reads a JSON number; `None` where the exponent is beyond all reason. Then it is what is written.
    pub(super) fn read(written: &str) -> Option<Self> {
        let (negative, rest) = match written.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, written),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        let short = digits.trim_end_matches('0');
        if short.is_empty() {
            return Some(Self { negative: false, digits: String::new(), exponent: 0 });
        }
        let zeros = i64::try_from(digits.len() - short.len()).ok()?;
        let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?.checked_add(zeros)?;
        Some(Self { negative, digits: short.to_owned(), exponent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_equal_is_written_alike() {
        for (group, others) in [
            (&["1", "1.0", "1e0", "10e-1", "0.1E+1", "1.000"][..], &["-1", "1.01", "10", "11"][..]),
            (&["0", "-0", "0.0", "0e99", "-0.00"], &["0.1"]),
            (&["0.7", "7e-1", "0.70"], &["0.07", "0.77", "-0.7"]),
            (&["1200", "1.2e3"], &["120", "12000"]),
            (
                &["123456789012345678901234567890", "1.2345678901234567890123456789e29"],
                &["123456789012345678901234567891"],
            ),
        ] {
            let normal = Number::read(group[0]).unwrap();
            assert!(group.iter().all(|same| Number::read(same).as_ref() == Some(&normal)), "{group:?}");
            assert!(others.iter().all(|other| Number::read(other).as_ref() != Some(&normal)), "{others:?}");
        }
        assert_eq!(Number::read("1e99999999999999999999"), None);
        assert_eq!(Number::read("0.1e-9223372036854775808"), None);
    }
}
