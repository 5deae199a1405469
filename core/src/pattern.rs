//! Patterns in the configuration: text in which `*` stands for anything, also for nothing.

use std::fmt;

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Takes it as written.
    pub fn new(written: impl Into<String>) -> Self {
        Self(written.into())
    }

    /// The text that alone it matches; `None` where it has a `*`.
    pub fn exact(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(&self.0)
    }

    /// How much of it is fixed, in bytes: the more, the more exact it is.
    pub fn fixed_bytes(&self) -> usize {
        self.0.bytes().filter(|byte| *byte != b'*').count()
    }

    /// Whether it matches the whole text. Linear in the text for each `*`.
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return self.0 == text };
        let Some(mut left) = text.strip_prefix(first) else { return false };
        let mut middle = rest.split('*');
        let last = middle.next_back().unwrap_or_default();
        for piece in middle {
            let Some((_, after)) = left.split_once(piece) else { return false };
            left = after;
        }
        left.ends_with(last)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, fits, fits_not) in [
            ("fast", vec!["fast"], vec!["", "faster", "Fast"]),
            ("*", vec!["", "anything"], vec![]),
            ("gpt-*", vec!["gpt-", "gpt-4o"], vec!["gpt", "my-gpt-4o"]),
            ("*-mini", vec!["-mini", "gpt-4o-mini"], vec!["mini", "gpt-4o-mini-2"]),
            ("a*b*c", vec!["abc", "a-b-c", "abbc"], vec!["ac", "acb", "ab"]),
            ("ab*ba", vec!["abba", "ab-ba"], vec!["aba", "ab"]),
            ("a*a", vec!["aa", "aba"], vec!["a", "ab"]),
            ("a**b", vec!["ab", "axb"], vec!["a"]),
            ("**", vec!["", "x"], vec![]),
        ] {
            for text in fits {
                assert!(Pattern::new(pattern).matches(text), "{pattern} {text}");
            }
            for text in fits_not {
                assert!(!Pattern::new(pattern).matches(text), "{pattern} {text}");
            }
        }
    }
}
