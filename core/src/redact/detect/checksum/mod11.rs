use super::digits;

/// ISO 7064 MOD 11-2, whose last character may be an `X`: 居民身份证, ISNI, ORCID.
pub fn mod11_2(text: &str) -> bool {
    let ten = text.ends_with(['X', 'x']);
    let count = digits(text).count() + usize::from(ten);
    let sum = digits(text).chain(ten.then_some(10)).fold(0, |sum, value| (sum * 2 + value) % 11);
    count > 1 && sum == 1
}

/// ISO 7064 MOD 11,10: OIB in Croatia, Steuer-ID in Germany.
pub fn mod11_10(text: &str) -> bool {
    let count = digits(text).count();
    let Some(last) = digits(text).next_back() else { return false };
    let product = digits(text).take(count - 1).fold(10, |product, digit| {
        let sum = (product + digit) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    count > 1 && (product + last) % 10 == 1
}
