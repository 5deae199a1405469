//! What a character reads as, in ASCII.
//!
//! Compatibility forms and accents from <https://www.unicode.org/Public/UCD/latest/ucd/UnicodeData.txt>; look-alikes of
//! Latin letters from <https://www.unicode.org/Public/security/latest/confusables.txt> (UTS #39): a selection and a few neighbours, the ones
//! that common fonts draw alike.

/// The ASCII reading in small letters; `None` for what has none.
pub(super) fn fold(c: char) -> Option<&'static str> {
    let code = u32::from(c);
    match code {
        0xA0 | 0x1680 | 0x2000..=0x200A | 0x2028 | 0x2029 | 0x202F | 0x205F | 0x3000 | 0x85 => Some(" "),
        0xC0..=0x17F => LATIN.get(index(code, 0xC0)).copied().filter(|plain| !plain.is_empty()),
        0x24B6..=0x24E9 => letter(index(code, 0x24B6)),
        0x249C..=0x24B5 => letter(index(code, 0x249C)),
        0xFF01..=0xFF5E => ascii(index(code, 0xFF01) + 0x21),
        0x1D400..=0x1D6A3 => letter(index(code, 0x1D400)),
        0x1D7CE..=0x1D7FF => ascii(0x30 + index(code, 0x1D7CE) % 10),
        0x1F110..=0x1F129 => letter(index(code, 0x1F110)),
        0x1F130..=0x1F149 => letter(index(code, 0x1F130)),
        0x1F150..=0x1F169 => letter(index(code, 0x1F150)),
        0x1F170..=0x1F189 => letter(index(code, 0x1F170)),
        0x1F1E6..=0x1F1FF => letter(index(code, 0x1F1E6)),
        0x2080..=0x2089 => ascii(0x30 + index(code, 0x2080)),
        0x2074..=0x2079 => ascii(0x30 + index(code, 0x2070)),
        _ => alike(c),
    }
}

/// Whether a character of another script is drawn like a Latin letter.
pub(in crate::guard) fn is_alike(c: char) -> bool {
    matches!(u32::from(c), 0x370..=0x52F | 0x530..=0x58F | 0x13A0..=0x13FF) && alike(c).is_some()
}

fn index(code: u32, first: u32) -> usize {
    usize::try_from(code.saturating_sub(first)).unwrap_or(usize::MAX)
}

fn letter(index: usize) -> Option<&'static str> {
    ascii(0x61 + index % 26)
}

/// Small letters, digits and signs.
const ASCII: &str = "!\"#$%&'()*+,-./0123456789:;<=>?@abcdefghijklmnopqrstuvwxyz[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";

fn ascii(code: usize) -> Option<&'static str> {
    let at = code.checked_sub(0x21)?;
    ASCII.get(at..=at)
}

/// U+00C0 to U+017F.
const LATIN: [&str; 192] = [
    "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", "d", "n", "o", "o", "o", "o", "o",
    "x", "o", "u", "u", "u", "u", "y", "th", "ss", "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i",
    "i", "i", "i", "d", "n", "o", "o", "o", "o", "o", "", "o", "u", "u", "u", "u", "y", "th", "y", "a", "a", "a", "a",
    "a", "a", "c", "c", "c", "c", "c", "c", "c", "c", "d", "d", "d", "d", "e", "e", "e", "e", "e", "e", "e", "e", "e",
    "e", "g", "g", "g", "g", "g", "g", "g", "g", "h", "h", "h", "h", "i", "i", "i", "i", "i", "i", "i", "i", "i", "i",
    "ij", "ij", "j", "j", "k", "k", "k", "l", "l", "l", "l", "l", "l", "l", "l", "l", "l", "n", "n", "n", "n", "n",
    "n", "n", "n", "n", "o", "o", "o", "o", "o", "o", "oe", "oe", "r", "r", "r", "r", "r", "r", "s", "s", "s", "s",
    "s", "s", "s", "s", "t", "t", "t", "t", "t", "t", "u", "u", "u", "u", "u", "u", "u", "u", "u", "u", "u", "u", "w",
    "w", "y", "y", "y", "z", "z", "z", "z", "z", "z", "s",
];

fn alike(c: char) -> Option<&'static str> {
    Some(match c {
        'а' | 'А' | 'α' | 'Α' | 'ά' | 'ɑ' | 'ᴀ' | 'ª' | 'Ꭺ' | 'ạ' | 'Ạ' | 'ả' | 'ấ' | 'ầ' => "a",
        'Β' | 'В' | 'в' | 'ʙ' | 'Ᏼ' | 'ƀ' | 'ḅ' | 'ℬ' | 'Ь' | 'ь' => "b",
        'с' | 'С' | 'ϲ' | 'ᴄ' | 'Ϲ' | 'ℂ' | 'ⅽ' | 'Ꮯ' => "c",
        'ԁ' | 'ᴅ' | 'ⅾ' | 'Ꭰ' | 'ɗ' | 'ḍ' => "d",
        'е' | 'Е' | 'ё' | 'Ё' | 'Ε' | 'ε' | 'έ' | 'ᴇ' | 'ℯ' | 'ℰ' | 'Ꭼ' | 'ẹ' | 'ế' | 'ề' | 'ɛ' | 'ə' => {
            "e"
        }
        'ꜰ' | 'ℱ' | 'ƒ' | 'Ϝ' => "f",
        'ɡ' | 'ɢ' | 'ℊ' | 'Ԍ' | 'ԍ' | 'Ꮐ' | 'ǵ' => "g",
        'һ' | 'Н' | 'н' | 'Η' | 'ʜ' | 'ℎ' | 'ℋ' | 'Һ' | 'Ꮋ' | 'ḥ' => "h",
        'і' | 'І' | 'ї' | 'Ї' | 'ι' | 'Ι' | 'ί' | 'ɪ' | 'ɩ' | 'ℐ' | 'ℹ' | 'ⅰ' | 'Ꭵ' | 'ị' | 'ⁱ' => {
            "i"
        }
        'ј' | 'Ј' | 'ϳ' | 'ᴊ' | 'ʝ' | 'Ꭻ' | 'ʲ' => "j",
        'к' | 'К' | 'κ' | 'Κ' | 'ᴋ' | 'Ꮶ' | 'ḳ' => "k",
        'ʟ' | 'ℓ' | 'ℒ' | 'ⅼ' | 'ӏ' | 'Ӏ' | 'Ꮮ' | 'ḷ' | 'ˡ' => "l",
        'М' | 'Μ' | 'ᴍ' | 'ⅿ' | 'Ꮇ' | 'ℳ' | 'м' | 'ṃ' => "m",
        'Ν' | 'ɴ' | 'ո' | 'ռ' | 'η' | 'ή' | 'ǹ' | 'ṇ' | 'ⁿ' | 'ℕ' | 'п' | 'П' => "n",
        'о' | 'О' | 'ο' | 'Ο' | 'ό' | 'ᴏ' | 'օ' | 'º' | 'ọ' | 'ố' | 'ơ' | 'σ' | 'ℴ' => "o",
        'р' | 'Р' | 'ρ' | 'Ρ' | 'ᴘ' | 'ℙ' | 'Ꮲ' | 'ṗ' => "p",
        'ԛ' | 'Ԛ' | 'զ' | 'ℚ' => "q",
        'ʀ' | 'г' | 'Г' | 'ℝ' | 'ℛ' | 'Ꭱ' | 'Ꮢ' | 'ṛ' => "r",
        'ѕ' | 'Ѕ' | 'ꜱ' | 'Ꮪ' | 'ṣ' | 'ș' | 'ˢ' => "s",
        'т' | 'Т' | 'Τ' | 'τ' | 'ᴛ' | 'Ꭲ' | 'ṭ' | 'ț' | 'ƭ' => "t",
        'υ' | 'ύ' | 'ս' | 'ᴜ' | 'ụ' | 'ư' => "u",
        'ν' | 'ѵ' | 'Ѵ' | 'ᴠ' | 'ⅴ' | 'Ꮩ' => "v",
        'ԝ' | 'Ԝ' | 'ω' | 'ᴡ' | 'Ꮃ' | 'ẁ' | 'ẃ' | 'ʷ' => "w",
        'х' | 'Х' | 'χ' | 'Χ' | 'ⅹ' | '×' => "x",
        'у' | 'У' | 'Υ' | 'γ' | 'ʏ' | 'ү' | 'Ү' | 'ỳ' | 'ʸ' => "y",
        'Ζ' | 'ᴢ' | 'ℤ' | 'Ꮓ' | 'ẓ' => "z",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' | 'ﬆ' => "st",
        '‘' | '’' | '‚' | '‛' | '′' | 'ʼ' | '´' => "'",
        '“' | '”' | '„' | '«' | '»' | '″' => "\"",
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' => "-",
        '…' => "...",
        '․' | '。' => ".",
        '：' | '∶' => ":",
        '⁄' | '∕' => "/",
        '⟨' | '‹' => "<",
        '⟩' | '›' => ">",
        '｜' | 'ǀ' | '∣' => "|",
        '⁰' => "0",
        '¹' => "1",
        '²' => "2",
        '³' => "3",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reading_is_small_ascii() {
        for c in (0x80..0x1F300).filter_map(char::from_u32) {
            if let Some(plain) = fold(c) {
                assert!(plain.is_ascii() && !plain.is_empty(), "{c:?}");
                assert!(!plain.bytes().any(|byte| byte.is_ascii_uppercase()), "{c:?}");
            }
        }
    }
}
