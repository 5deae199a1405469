//! The numbers in a text, however they are written.

use super::words::{Kind, Word};

/// Number words but `one`, which is mostly none.
const WORDS: [(&str, &str); 30] = [
    ("zero", "0"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
    ("thirteen", "13"),
    ("fourteen", "14"),
    ("fifteen", "15"),
    ("sixteen", "16"),
    ("seventeen", "17"),
    ("eighteen", "18"),
    ("nineteen", "19"),
    ("twenty", "20"),
    ("thirty", "30"),
    ("forty", "40"),
    ("fifty", "50"),
    ("sixty", "60"),
    ("seventy", "70"),
    ("eighty", "80"),
    ("ninety", "90"),
    ("hundred", "100"),
    ("thousand", "1000"),
    ("million", "1000000"),
];

/// A word as a number, or as anything else with a digit in it, in one way to write it.
pub(super) fn number(word: &Word) -> Option<String> {
    match word.kind {
        Kind::Digits => Some(plain(&word.text)),
        Kind::Letters => {
            let found = WORDS.iter().find(|(written, _)| *written == word.text);
            found.map(|(_, number)| (*number).to_owned())
        }
        Kind::Han => "〇零一二三四五六七八九十百千万两".contains(&word.text).then(|| word.text.clone()),
        Kind::Sound | Kind::Sign => None,
    }
}

/// `1,000.50` as `1000.50`, `3,5` as `3.5`, `007` as `7`. Zeros at the end stay: 3.10 is a later version than 3.1. What is
/// no number stays as it is.
fn plain(written: &str) -> String {
    let is_grouped =
        written.split(',').skip(1).all(|group| group.split('.').next().is_some_and(|group| group.len() == 3));
    let number = if is_grouped { written.replace(',', "") } else { written.replace(',', ".") };
    let unsigned = number.strip_prefix('-').unwrap_or(&number);
    // Several points make a version or a date, not a number.
    if unsigned.matches('.').count() > 1 || !unsigned.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return number;
    }
    let short = unsigned.trim_start_matches('0');
    let short = if short.is_empty() || short.starts_with('.') { format!("0{short}") } else { short.to_owned() };
    if number.starts_with('-') { format!("-{short}") } else { short }
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    #[test]
    fn numbers_are_read_alike() {
        for (text, expected) in [
            ("1,000 = 1000", "1000 1000"),
            ("1,000.50 3,5 0.50 007 -5", "1000.50 3.5 0.50 7 -5"),
            ("twelve men", "12"),
            ("3.10 3.1 1.2.30", "3.10 3.1 1.2.30"),
            ("mp3 b2b 4th", "mp3 b2b 4th"),
            ("0 0.0", "0 0.0"),
            ("三个人", "三"),
        ] {
            let found: Vec<String> = words(text).iter().filter_map(number).collect();
            assert_eq!(found.join(" "), expected, "{text}");
        }
    }
}
