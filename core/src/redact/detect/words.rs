//! An operator's lists of words.

use super::context::{continues, stands_alone};
use aho_corasick::AhoCorasick;
use std::ops::Range;

/// Most bytes of a word.
const WORD_BYTES_MAX: usize = 256;
/// Most bytes of all words.
const WORDS_BYTES_MAX: usize = 8 << 20;

/// All words of all lists.
pub(super) struct Words {
    automaton: AhoCorasick,
    /// In lower case and in order, to tell what an end of a text may become.
    sorted: Vec<Vec<u8>>,
    /// Which list a word is from.
    lists: Vec<usize>,
    bytes_max: usize,
}

impl Words {
    /// `lists`: each with the place of its rule.
    ///
    /// # Errors
    /// Which word cannot be one.
    pub(super) fn new(lists: &[(usize, &[String])]) -> Result<Self, String> {
        let words = || lists.iter().flat_map(|(rule, words)| words.iter().map(|word| (*rule, word)));
        for (place, (_, word)) in words().enumerate() {
            if word.is_empty() || word.len() > WORD_BYTES_MAX {
                return Err(format!("word {} has {} bytes: from 1 to {WORD_BYTES_MAX} can be", place + 1, word.len()));
            }
        }
        if words().map(|(_, word)| word.len()).sum::<usize>() > WORDS_BYTES_MAX {
            return Err(format!("all words together may have {WORDS_BYTES_MAX} bytes"));
        }
        let mut sorted: Vec<_> = words().map(|(_, word)| word.to_ascii_lowercase().into_bytes()).collect();
        sorted.sort_unstable();
        Ok(Self {
            automaton: AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .build(words().map(|(_, word)| word))
                .map_err(|error| error.to_string())?,
            sorted,
            lists: words().map(|(rule, _)| rule).collect(),
            bytes_max: words().map(|(_, word)| word.len()).max().unwrap_or(0),
        })
    }

    /// All that begin in this part of a text and end in it or later: their rule and where they are.
    pub(super) fn find<'a>(
        &'a self,
        text: &'a str,
        from: usize,
        to: usize,
    ) -> impl Iterator<Item = (usize, Range<usize>)> + 'a {
        let bytes = text.as_bytes();
        let part = bytes.get(from..bytes.len().min(to + self.bytes_max)).unwrap_or_default();
        self.automaton.find_overlapping_iter(part).filter_map(move |word| {
            let range = from + word.start()..from + word.end();
            let stands = range.start < to && stands_alone(bytes, range.start, range.end);
            self.lists.get(word.pattern().as_usize()).copied().filter(|_| stands).map(|rule| (rule, range))
        })
    }

    /// The first place from which on all is the beginning of a word, or a word of which what follows says whether it stands
    /// alone.
    pub(super) fn tail(&self, text: &str, from: usize) -> usize {
        let first = text.len().saturating_sub(self.bytes_max).max(from);
        let begins = |place: &usize| {
            text.is_char_boundary(*place)
                && !continues(text.as_bytes(), *place)
                && text.as_bytes().get(*place..).is_some_and(|tail| self.begins(&tail.to_ascii_lowercase()))
        };
        (first..text.len()).find(begins).unwrap_or(text.len())
    }

    /// Whether a word begins so, or is this.
    fn begins(&self, tail: &[u8]) -> bool {
        let next = self.sorted.partition_point(|word| word.as_slice() < tail);
        self.sorted.get(next).is_some_and(|word| word.starts_with(tail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        Words::new(&[(7, &["Bluebird".into(), "C++".into()]), (8, &["蓝鸟".into()])]).expect("words")
    }

    #[test]
    fn words_stand_alone_in_any_case() {
        let text = "BLUEBIRD, bluebirds, project_bluebird; 代号蓝鸟计划, c++17, C++";
        let found: Vec<_> =
            words().find(text, 0, text.len()).map(|(rule, range)| (rule, text.get(range).expect("found"))).collect();
        assert_eq!(found, [(7, "BLUEBIRD"), (7, "bluebird"), (8, "蓝鸟"), (7, "c++"), (7, "C++")]);
    }

    #[test]
    fn an_end_may_become_a_word() {
        for (text, tail) in
            [("the blue", 4), ("the bluebird", 4), ("the bluebirds", 13), ("the red", 7), ("代号蓝", 6), ("unblue", 6)]
        {
            assert_eq!(words().tail(text, 0), tail, "{text}");
        }
    }

    #[test]
    fn a_word_has_bounds() {
        assert!(
            Words::new(&[(0, &["a".into(), String::new()])])
                .is_err_and(|error| error.starts_with("word 2 has 0 bytes"))
        );
    }
}
