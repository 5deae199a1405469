//! Text cut into the pieces within which tokens are merged: OpenAI's patterns, written out by hand.
//!
//! A pattern is tried at one place and always matches something there; its alternatives are tried in order, each
//! greedily, as in a backtracking engine. No character is looked at more than a few times, whatever the text.

use super::class::{CASELESS, END, LETTER, LINE, LOWER, MARK, NUMBER, OTHER, SPACE, Table, UPPER};

/// o200k: what a word may begin with.
const HEAD: u8 = UPPER | CASELESS | MARK;
/// o200k: what a word may end with.
const TAIL: u8 = LOWER | CASELESS | MARK;
/// Neither white space nor letter nor number.
const SIGN: u8 = OTHER | MARK;
const WHITE: u8 = SPACE | LINE;

/// A text whose characters have classes.
#[derive(Clone, Copy)]
pub(super) struct Text<'t> {
    bytes: &'t [u8],
    table: &'static Table,
}

impl<'t> Text<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { bytes: text.as_bytes(), table: Table::get() }
    }

    /// The pieces, from one end of the text to the other: `end` is where the piece that begins at a place ends.
    #[inline(always)]
    pub(super) fn pieces(self, end: impl Fn(&Self, usize) -> usize, mut piece: impl FnMut(&'t [u8], usize, usize)) {
        let mut at = 0;
        while at < self.bytes.len() {
            let next = end(&self, at).max(at + 1);
            piece(self.bytes, at, next);
            at = next;
        }
    }

    /// Where o200k's piece ends:
    /// ```text
    /// [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
    /// [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
    /// \p{N}{1,3}
    ///  ?[^\s\p{L}\p{N}]+[\r\n/]*
    /// \s*[\r\n]+
    /// \s+(?!\S)
    /// \s+
    /// ```
    #[inline(always)]
    pub(super) fn o200k(&self, at: usize) -> usize {
        let (class, len) = self.class(at);
        let next = at + len;
        if class & LETTER != 0 {
            let (Word::Lower(end) | Word::Upper(end)) = self.word(at) else { return next };
            return self.contraction(end, true);
        }
        if class & NUMBER != 0 {
            return self.up_to_three_numbers(next);
        }
        if class & LINE == 0 {
            match self.word(next) {
                Word::Lower(end) => return self.contraction(end, true),
                // The first alternative matches the mark alone before the second is tried with it as a prefix.
                Word::Upper(_) | Word::No if class & MARK != 0 => return self.contraction(next, true),
                Word::Upper(end) => return self.contraction(end, true),
                Word::No => {}
            }
        }
        match self.signs(at, class, next) {
            Some(end) => self.run_of_bytes(end, |byte| matches!(byte, b'\r' | b'\n' | b'/')),
            None => self.white(at, false),
        }
    }

    /// Where cl100k's piece ends:
    /// ```text
    /// '(?i:[sdmt]|ll|ve|re)
    /// [^\r\n\p{L}\p{N}]?+\p{L}++
    /// \p{N}{1,3}+
    ///  ?[^\s\p{L}\p{N}]++[\r\n]*+
    /// \s++$
    /// \s*[\r\n]
    /// \s+(?!\S)
    /// \s
    /// ```
    #[inline(always)]
    pub(super) fn cl100k(&self, at: usize) -> usize {
        let short = self.contraction(at, true);
        if short > at {
            return short;
        }
        let (class, len) = self.class(at);
        let next = at + len;
        if class & LETTER != 0 {
            return self.run(next, LETTER);
        }
        if class & NUMBER != 0 {
            return self.up_to_three_numbers(next);
        }
        if class & LINE == 0 {
            let end = self.run(next, LETTER);
            if end > next {
                return end;
            }
        }
        match self.signs(at, class, next) {
            Some(end) => self.run_of_bytes(end, |byte| matches!(byte, b'\r' | b'\n')),
            None => self.white(at, true),
        }
    }

    /// Where the piece of p50k and r50k ends:
    /// ```text
    /// '(?:[sdmt]|ll|ve|re)
    ///  ?\p{L}++
    ///  ?\p{N}++
    ///  ?[^\s\p{L}\p{N}]++
    /// \s++$
    /// \s+(?!\S)
    /// \s
    /// ```
    #[inline(always)]
    pub(super) fn gpt2(&self, at: usize) -> usize {
        let short = self.contraction(at, false);
        if short > at {
            return short;
        }
        let after_blank = if self.bytes.get(at) == Some(&b' ') { at + 1 } else { at };
        let (class, _) = self.class(after_blank);
        for kind in [LETTER, NUMBER, SIGN] {
            if class & kind != 0 {
                return self.run(after_blank, kind);
            }
        }
        let end = self.run(at, WHITE);
        self.white_before(at, end)
    }

    /// A word of o200k: capitals and then small letters, or as much of that as there is.
    #[inline(always)]
    fn word(&self, at: usize) -> Word {
        let mut end = at;
        let mut lower_end = None;
        let mut found = self.class(end);
        while found.0 & HEAD != 0 {
            end += found.1;
            if found.0 & TAIL != 0 {
                lower_end = Some(end);
            }
            found = self.class(end);
        }
        match lower_end {
            _ if found.0 & LOWER != 0 => Word::Lower(self.run(end + found.1, TAIL)),
            Some(lower_end) => Word::Lower(lower_end),
            None if end > at => Word::Upper(end),
            None => Word::No,
        }
    }

    /// The end of `'s`, `'ll` and the like, where one begins here; otherwise `at`.
    #[inline(always)]
    fn contraction(&self, at: usize, any_case: bool) -> usize {
        if self.bytes.get(at) != Some(&b'\'') { at } else { self.contraction_after_quote(at, any_case) }
    }

    fn contraction_after_quote(&self, at: usize, any_case: bool) -> usize {
        let fold = |byte: &u8| if any_case { byte.to_ascii_lowercase() } else { *byte };
        let first = self.bytes.get(at + 1).map(fold);
        let second = self.bytes.get(at + 2).map(fold);
        match (first, second) {
            (Some(b's' | b'd' | b'm' | b't'), _) => at + 2,
            (Some(b'l'), Some(b'l')) | (Some(b'v' | b'r'), Some(b'e')) => at + 3,
            // U+017F, the long s, is an s in any case.
            (Some(0xc5), Some(0xbf)) if any_case => at + 3,
            _ => at,
        }
    }

    #[inline(always)]
    fn up_to_three_numbers(&self, mut end: usize) -> usize {
        for _ in 0..2 {
            let (class, len) = self.class(end);
            if class & NUMBER == 0 {
                break;
            }
            end += len;
        }
        end
    }

    /// ` ?[^\s\p{L}\p{N}]+`, where it matches.
    #[inline(always)]
    fn signs(&self, at: usize, class: u8, next: usize) -> Option<usize> {
        if class & SIGN != 0 {
            return Some(self.run(next, SIGN));
        }
        if self.bytes.get(at) != Some(&b' ') {
            return None;
        }
        let end = self.run(next, SIGN);
        (end > next).then_some(end)
    }

    /// White space of o200k and cl100k: to the last end of a line in it; otherwise all but the last character before
    /// something else. `whole_at_end`: at the end of the text all of it, even if there are ends of lines.
    #[inline(always)]
    fn white(&self, at: usize, whole_at_end: bool) -> usize {
        let mut end = at;
        let mut line_end = None;
        let mut found = self.class(end);
        while found.0 & WHITE != 0 {
            end += found.1;
            if found.0 & LINE != 0 {
                line_end = Some(end);
            }
            found = self.class(end);
        }
        match line_end {
            _ if whole_at_end && found.0 == END => end,
            Some(line_end) => line_end,
            None => self.white_before(at, end),
        }
    }

    /// `\s+(?!\S)` and then `\s`, where the white space ends at `end`.
    #[inline(always)]
    fn white_before(&self, at: usize, end: usize) -> usize {
        if end >= self.bytes.len() {
            return end;
        }
        let last = (at..end).rev().find(|place| self.bytes.get(*place).is_some_and(|byte| byte & 0xc0 != 0x80));
        last.filter(|last| *last > at).unwrap_or(end)
    }

    #[inline(always)]
    fn run(&self, mut at: usize, classes: u8) -> usize {
        loop {
            let (class, len) = self.class(at);
            if class & classes == 0 {
                return at;
            }
            at += len;
        }
    }

    #[inline(always)]
    fn run_of_bytes(&self, at: usize, belongs: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + rest.iter().take_while(|byte| belongs(**byte)).count()
    }

    /// The class of the character that begins at a place, and its length in bytes; [`END`] at the end.
    #[inline(always)]
    fn class(&self, at: usize) -> (u8, usize) {
        #[cfg(test)]
        LOOKS.set(LOOKS.get() + 1);
        match self.bytes.get(at) {
            Some(byte) if byte.is_ascii() => (self.table.of_ascii(*byte), 1),
            Some(first) => self.class_beyond_ascii(*first, at),
            None => (END, 0),
        }
    }

    #[inline]
    fn class_beyond_ascii(&self, first: u8, at: usize) -> (u8, usize) {
        let more = |place: usize| u32::from(self.bytes.get(at + place).copied().unwrap_or(0) & 0x3f);
        let first = u32::from(first);
        let (character, len) = match first {
            0..0xe0 => ((first & 0x1f) << 6 | more(1), 2),
            0xe0..0xf0 => ((first & 0x0f) << 12 | more(1) << 6 | more(2), 3),
            _ => ((first & 0x07) << 18 | more(1) << 12 | more(2) << 6 | more(3), 4),
        };
        (self.table.of_char(character), len)
    }
}

enum Word {
    /// It ends in what a word may end with, here.
    Lower(usize),
    /// Only capitals, to here.
    Upper(usize),
    /// No word begins here.
    No,
}

#[cfg(test)]
std::thread_local! {
    /// How many characters were looked at in this thread.
    pub(super) static LOOKS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}
