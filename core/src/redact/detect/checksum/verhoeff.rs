use super::digits;

/// Verhoeff's rule (the dihedral group of order ten): Aadhaar in India.
pub fn verhoeff(text: &str) -> bool {
    let sum = digits(text).rev().enumerate().fold(0, |sum, (at, digit)| times(sum, permuted(digit, at)));
    digits(text).count() > 1 && sum == 0
}

/// Two turns or flips of a pentagon after each other: 0–4 turn it, 5–9 flip it first.
fn times(left: u32, right: u32) -> u32 {
    match (left < 5, right < 5) {
        (true, true) => (left + right) % 5,
        (true, false) => (left + right) % 5 + 5,
        (false, true) => (left - right) % 5 + 5,
        (false, false) => (5 + left - right) % 5,
    }
}

/// A digit after so many rounds of the rule's permutation, which repeats after eight.
fn permuted(digit: u32, rounds: usize) -> u32 {
    const ONCE: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    (0..rounds % 8).fold(digit, |digit, _| ONCE.get(digit as usize).copied().unwrap_or(digit))
}
