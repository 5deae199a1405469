//! How much of two questions is said in the same words, in the same order.

/// Most words that are laid side by side; longer texts count as laid out alike, which is the strict case.
const WORDS_MAX: usize = 96;

/// The share of words, in percent of the longer text, that stand in both in the same order.
pub(super) fn shared_percent(one: &[u64], other: &[u64]) -> usize {
    let longest = one.len().max(other.len());
    if longest == 0 || longest > WORDS_MAX {
        return 100;
    }
    // The longest common subsequence, one row at a time.
    let mut row = vec![0; other.len() + 1];
    for word in one {
        let mut diagonal = 0;
        let mut left = 0;
        for (cell, with) in row.iter_mut().skip(1).zip(other) {
            let above = *cell;
            *cell = if word == with { diagonal + 1 } else { above.max(left) };
            (diagonal, left) = (above, *cell);
        }
    }
    row.last().copied().unwrap_or(0) * 100 / longest
}

/// What is in one list and not in the other, as often as it is.
pub(super) fn missing<'a, T: PartialEq>(one: &[&'a T], other: &[&'a T]) -> Vec<&'a T> {
    let mut left = other.to_vec();
    let mut missing = Vec::new();
    for item in one {
        match left.iter().position(|with| with == item) {
            Some(place) => drop(left.swap_remove(place)),
            None => missing.push(*item),
        }
    }
    missing
}

/// Whether one list is the other, begun somewhere else.
pub(super) fn is_turned<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    let turned = |by: usize| one.iter().cycle().skip(by).take(one.len()).eq(other.iter());
    one.len() == other.len() && (0..one.len().max(1)).any(turned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_are_counted_in_their_order() {
        for (one, other, expected) in [
            (&[1, 2, 3][..], &[1, 2, 3][..], 100),
            (&[1, 2, 3, 4], &[1, 9, 3, 4], 75),
            (&[1, 2], &[2, 1], 50),
            (&[1], &[2], 0),
            (&[], &[1, 2], 0),
            (&[1, 2, 3, 4], &[0, 1, 2, 0, 3, 4, 0, 0], 50),
        ] {
            assert_eq!(shared_percent(one, other), expected);
            assert_eq!(shared_percent(other, one), expected);
        }
        assert_eq!(missing(&[&1, &1, &2], &[&1, &3]), [&1, &2]);
        assert!(is_turned(&[1, 2, 3], &[3, 1, 2]) && !is_turned(&[1, 2, 3], &[3, 2, 1]) && is_turned::<u8>(&[], &[]));
    }
}
