//! Words that say what the number behind them is.

use super::CONTEXT_BYTES;
use aho_corasick::AhoCorasick;
use std::collections::BTreeMap;

/// The context words of all rules.
pub(super) struct Contexts {
    words: AhoCorasick,
    /// Of each rule, the places of its words; none: it needs none.
    of_rules: Vec<Vec<usize>>,
}

impl Contexts {
    /// Those of each rule, in lower case.
    pub(super) fn new(of_rules: &[Vec<String>]) -> Result<Self, String> {
        let mut places = BTreeMap::new();
        for word in of_rules.iter().flatten() {
            let next = places.len();
            places.entry(word.as_str()).or_insert(next);
        }
        let mut words: Vec<_> = places.iter().map(|(word, place)| (*place, *word)).collect();
        words.sort_unstable();
        Ok(Self {
            words: AhoCorasick::new(words.into_iter().map(|(_, word)| word)).map_err(|error| error.to_string())?,
            of_rules: of_rules
                .iter()
                .map(|own| own.iter().filter_map(|word| places.get(word.as_str()).copied()).collect())
                .collect(),
        })
    }

    /// Whether one of a rule's words stands within the last [`CONTEXT_BYTES`] before this place; if it begins or ends in a
    /// letter or digit, not as a part of a longer word.
    pub(super) fn said(&self, rule: usize, text: &str, at: usize) -> bool {
        let own = self.of_rules.get(rule).map_or(&[][..], Vec::as_slice);
        if own.is_empty() {
            return true;
        }
        let first = (at.saturating_sub(CONTEXT_BYTES)..=at).find(|place| text.is_char_boundary(*place));
        let near = first.and_then(|first| text.get(first..at)).unwrap_or_default().to_lowercase();
        self.words.find_overlapping_iter(&near).any(|word| {
            own.contains(&word.pattern().as_usize()) && stands_alone(near.as_bytes(), word.start(), word.end())
        })
    }
}

/// Whether what begins here does not continue a word: a letter or digit behind another one.
pub(super) fn stands_alone(text: &[u8], start: usize, end: usize) -> bool {
    !continues(text, start) && !continues(text, end)
}

/// Whether the bytes on both sides of this place belong to one word.
pub(super) fn continues(text: &[u8], at: usize) -> bool {
    let is_word = |place: Option<usize>| place.and_then(|place| text.get(place)).is_some_and(u8::is_ascii_alphanumeric);
    is_word(at.checked_sub(1)) && is_word(Some(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_before_says_what_it_is() {
        let contexts = Contexts::new(&[vec!["ssn".into(), "护照".into()], Vec::new()]).expect("words");
        let said = |text: &str| contexts.said(0, text, text.len());
        assert!(said("My SSN is ") && said("我的护照号码") && said("ssn: "));
        assert!(!said("assns ") && !said(&format!("ssn {:70}", "")) && !said(""));
        assert!(contexts.said(1, "", 0), "who needs none has it");
    }
}
