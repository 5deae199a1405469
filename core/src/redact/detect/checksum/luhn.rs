use super::digits;

/// Luhn's rule (ISO/IEC 7812-1): cards, IMEI, and many national numbers.
pub fn luhn(text: &str) -> bool {
    let mut count = 0;
    let mut sum = 0;
    for digit in digits(text).rev() {
        let doubled = if count % 2 == 1 { digit * 2 } else { digit };
        sum += doubled / 10 + doubled % 10;
        count += 1;
    }
    count > 1 && sum % 10 == 0
}
