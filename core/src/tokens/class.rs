//! The classes of characters by which OpenAI's patterns cut text into pieces.

use regex_syntax::hir::{Class as HirClass, HirKind};
use std::sync::LazyLock;

/// Upper-case and title-case letters: `\p{Lu}`, `\p{Lt}`.
pub(super) const UPPER: u8 = 1;
/// Lower-case letters: `\p{Ll}`.
pub(super) const LOWER: u8 = 2;
/// Letters without case: `\p{Lm}`, `\p{Lo}`.
pub(super) const CASELESS: u8 = 4;
/// Marks that combine with the character before them: `\p{M}`.
pub(super) const MARK: u8 = 8;
/// Digits and other numbers: `\p{N}`.
pub(super) const NUMBER: u8 = 16;
/// White space that ends no line: `\s` without `\r` and `\n`.
pub(super) const SPACE: u8 = 32;
/// `\r` and `\n`.
pub(super) const LINE: u8 = 64;
/// Everything else: punctuation, symbols, controls, what is not assigned.
pub(super) const OTHER: u8 = 128;
/// `\p{L}`.
pub(super) const LETTER: u8 = UPPER | LOWER | CASELESS;
/// The end of the text: in no class.
pub(super) const END: u8 = 0;

const BLOCK_BITS: u32 = 7;
const BLOCK: usize = 1 << BLOCK_BITS;
const CHARACTERS: usize = 0x11_0000;

static TABLE: LazyLock<Table> = LazyLock::new(Table::new);

/// The class of every character, in two steps: a block of 128 characters, and the character in the block. Most blocks
/// are alike, so that the whole is about 60 KB.
pub(super) struct Table {
    ascii: [u8; 256],
    blocks: Vec<u16>,
    classes: Vec<u8>,
}

impl Table {
    /// The table; made at the first call, in about two milliseconds.
    pub(super) fn get() -> &'static Self {
        &TABLE
    }

    /// Asks `regex-syntax`, which the reference's regex engine asks, too: so both know the same version of Unicode.
    fn new() -> Self {
        let mut flat = vec![OTHER; CHARACTERS];
        let classes = [
            (r"\p{Lu}", UPPER),
            (r"\p{Lt}", UPPER),
            (r"\p{Ll}", LOWER),
            (r"\p{Lm}", CASELESS),
            (r"\p{Lo}", CASELESS),
            (r"\p{M}", MARK),
            (r"\p{N}", NUMBER),
            (r"\s", SPACE),
            (r"[\r\n]", LINE),
        ];
        for (pattern, class) in classes {
            for (first, last) in ranges(pattern) {
                let members = flat.get_mut(first as usize..=last as usize);
                members.expect("no character lies beyond the last one").fill(class);
            }
        }
        Self::pack(&flat)
    }

    fn pack(flat: &[u8]) -> Self {
        let mut ascii = [END; 256];
        ascii.iter_mut().zip(flat).take(128).for_each(|(slot, class)| *slot = *class);
        let (mut blocks, mut classes): (Vec<u16>, Vec<u8>) = (Vec::new(), Vec::new());
        for block in flat.chunks(BLOCK) {
            let known = classes.chunks(BLOCK).position(|known| known == block);
            let number = known.unwrap_or(classes.len() / BLOCK);
            if known.is_none() {
                classes.extend_from_slice(block);
            }
            blocks.push(u16::try_from(number).expect("there are 8704 blocks in all"));
        }
        Self { ascii, blocks, classes }
    }

    /// The class of a byte below 128.
    #[inline(always)]
    pub(super) fn of_ascii(&self, byte: u8) -> u8 {
        self.ascii.get(usize::from(byte)).copied().unwrap_or(OTHER)
    }

    /// The class of a character.
    #[inline(always)]
    pub(super) fn of_char(&self, character: u32) -> u8 {
        let block = self.blocks.get((character >> BLOCK_BITS) as usize).copied().unwrap_or(0);
        let place = (usize::from(block) << BLOCK_BITS) | (character as usize & (BLOCK - 1));
        self.classes.get(place).copied().unwrap_or(OTHER)
    }
}

fn ranges(pattern: &str) -> Vec<(u32, u32)> {
    let hir = regex_syntax::parse(pattern).expect("the pattern is a class of Unicode");
    match hir.into_kind() {
        HirKind::Class(HirClass::Unicode(class)) => {
            class.ranges().iter().map(|range| (u32::from(range.start()), u32::from(range.end()))).collect()
        }
        HirKind::Class(HirClass::Bytes(class)) => {
            class.ranges().iter().map(|range| (u32::from(range.start()), u32::from(range.end()))).collect()
        }
        HirKind::Empty
        | HirKind::Literal(_)
        | HirKind::Look(_)
        | HirKind::Repetition(_)
        | HirKind::Capture(_)
        | HirKind::Concat(_)
        | HirKind::Alternation(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_the_class_that_the_regex_engine_gives_it() {
        let table = Table::get();
        for (pattern, class) in [
            (r"[\p{Lu}\p{Lt}]", UPPER),
            (r"\p{Ll}", LOWER),
            (r"[\p{Lm}\p{Lo}]", CASELESS),
            (r"\p{M}", MARK),
            (r"\p{N}", NUMBER),
            (r"[\s&&[^\r\n]]", SPACE),
            (r"[\r\n]", LINE),
            (r"[^\s\p{L}\p{M}\p{N}]", OTHER),
        ] {
            let regex = fancy_regex::Regex::new(&format!("^{pattern}$")).expect("a valid pattern");
            let mut text = String::new();
            for character in '\0'..=char::MAX {
                text.clear();
                text.push(character);
                let expected = regex.is_match(&text).expect("a class cannot backtrack");
                assert_eq!(table.of_char(u32::from(character)) == class, expected, "{character:?} {pattern}");
                if character.is_ascii() {
                    assert_eq!(table.of_ascii(character as u8), table.of_char(u32::from(character)));
                }
            }
        }
    }
}
