//! JSON string literals: what they say, and which bytes say it.
//!
//! A finding is a range of a decoded text; what is replaced is a range of bytes that may be escaped once (a body) or
//! twice (JSON in a string). [`Decoded`] is the way from one to the other; two of them in a row are the way through
//! both. [`escape`] is the way back in.
//!
//! A `\ud83d` without its other half says nothing that UTF-8 could hold: it reads as U+FFFD, and whoever replaces
//! something else leaves its bytes alone.

use std::borrow::Cow;
use std::ops::Range;

/// Bytes of `\u0000`.
const UNICODE_BYTES: usize = 6;

/// The text of a literal (what stands between its quotes), with the way back to the literal's bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded<'a> {
    text: Cow<'a, str>,
    /// Every escape in order; between two of them text and bytes are the same.
    escapes: Vec<Escape>,
}

/// Where an escape stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Escape {
    /// In the text.
    text: Span,
    /// In the literal.
    raw: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: usize,
    bytes: u8,
}

impl Span {
    fn end(self) -> usize {
        self.start + usize::from(self.bytes)
    }
}

impl<'a> Decoded<'a> {
    /// Reads a whole literal. Lenient: what is no escape stands for itself, since the syntax is checked elsewhere.
    pub fn read(raw: &'a str) -> Self {
        let (decoded, bytes) = Self::read_prefix(raw);
        // What is left is the beginning of an escape, and nothing follows it.
        match raw.get(bytes..) {
            None | Some("") => decoded,
            Some(rest) => decoded.with(rest, bytes),
        }
    }

    /// Reads a literal of which more may follow: as far as it is certain, and how many bytes that is. What is left (at
    /// most eleven bytes) begins an escape, or is half of a surrogate pair.
    pub fn read_prefix(raw: &'a str) -> (Self, usize) {
        let Some(first) = memchr::memchr(b'\\', raw.as_bytes()) else {
            return (Self { text: Cow::Borrowed(raw), escapes: Vec::new() }, raw.len());
        };
        let mut text = String::with_capacity(raw.len());
        let mut escapes = Vec::new();
        text.push_str(raw.get(..first).unwrap_or_default());
        let mut at = first;
        while let Some(left) = raw.get(at..).filter(|left| !left.is_empty()) {
            if !left.starts_with('\\') {
                let plain = memchr::memchr(b'\\', left.as_bytes()).unwrap_or(left.len());
                text.push_str(left.get(..plain).unwrap_or_default());
                at += plain;
                continue;
            }
            let Some((character, bytes)) = escaped(left) else { break };
            let start = text.len();
            text.push(character);
            let said = Span { start, bytes: u8::try_from(character.len_utf8()).unwrap_or_default() };
            escapes.push(Escape { text: said, raw: Span { start: at, bytes } });
            at += usize::from(bytes);
        }
        (Self { text: Cow::Owned(text), escapes }, at)
    }

    /// The same with more behind it that stands for itself, but for halves of surrogate pairs.
    fn with(self, rest: &str, at: usize) -> Self {
        let Self { text, mut escapes } = self;
        let mut text = text.into_owned();
        if let Some(behind) = rest.get(UNICODE_BYTES..).filter(|_| unit(rest).is_some()) {
            let said = Span { start: text.len(), bytes: 3 };
            escapes.push(Escape { text: said, raw: Span { start: at, bytes: UNICODE_BYTES as u8 } });
            text.push(char::REPLACEMENT_CHARACTER);
            text.push_str(behind);
        } else {
            text.push_str(rest);
        }
        Self { text: Cow::Owned(text), escapes }
    }

    /// What it says.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it says, without the way back; borrowed where nothing was escaped.
    pub fn into_text(self) -> Cow<'a, str> {
        self.text
    }

    /// Nothing was escaped: text and bytes are the same.
    pub fn is_plain(&self) -> bool {
        self.escapes.is_empty()
    }

    /// The bytes that say this part of the text, never a part of an escape: of one that the part begins or ends in, all.
    pub fn raw(&self, part: Range<usize>) -> Range<usize> {
        let start = self.raw_at(part.start, |escape| escape.raw.start);
        if part.is_empty() {
            return start..start;
        }
        start..self.raw_at(part.end, |escape| escape.raw.end())
    }

    /// The place in the literal of a place in the text; of one inside an escape, what `inside` says.
    fn raw_at(&self, at: usize, inside: impl Fn(&Escape) -> usize) -> usize {
        let before = self.escapes.partition_point(|escape| escape.text.start < at);
        match before.checked_sub(1).and_then(|last| self.escapes.get(last)) {
            None => at,
            Some(last) if at < last.text.end() => inside(last),
            Some(last) => last.raw.end() + (at - last.text.end()),
        }
    }
}

/// What the escape at the beginning says, and its bytes; `None` where more is needed to know.
fn escaped(left: &str) -> Option<(char, u8)> {
    let character = match left.as_bytes().get(1)? {
        b'u' => return unicode(left),
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'"' => '"',
        b'/' => '/',
        b'\\' => '\\',
        // No escape: the backslash stands for itself.
        _ => return Some(('\\', 1)),
    };
    Some((character, 2))
}

/// What `\u....` or a pair of them says.
fn unicode(left: &str) -> Option<(char, u8)> {
    const LONE: (char, u8) = (char::REPLACEMENT_CHARACTER, UNICODE_BYTES as u8);
    if left.len() < UNICODE_BYTES {
        let digits = left.get(2..).unwrap_or_default();
        return if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) { None } else { Some(('\\', 1)) };
    }
    let Some(first) = unit(left) else { return Some(('\\', 1)) };
    if !(0xd800..0xdc00).contains(&first) {
        return Some((char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), UNICODE_BYTES as u8));
    }
    let second = left.get(UNICODE_BYTES..).unwrap_or_default();
    if second.len() < UNICODE_BYTES {
        return if begins_low(second) { None } else { Some(LONE) };
    }
    let Some(second @ 0xdc00..=0xdfff) = unit(second) else { return Some(LONE) };
    let character = char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
    Some((character.unwrap_or(char::REPLACEMENT_CHARACTER), 2 * UNICODE_BYTES as u8))
}

/// The number of the `\u....` at the beginning.
fn unit(left: &str) -> Option<u32> {
    let digits = left.strip_prefix("\\u")?.get(..4)?;
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// Whether the second half of a pair may begin so.
fn begins_low(second: &str) -> bool {
    let mut expected = ["\\", "u", "dD", "cdefCDEF", "0123456789abcdefABCDEF"].iter();
    second.chars().all(|met| expected.next().is_some_and(|set| set.contains(met)))
}

/// A text as it stands between the quotes of a literal.
pub fn escape(text: &str) -> Cow<'_, str> {
    let Some(first) = text.bytes().position(needs_escape) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(text.get(..first).unwrap_or_default());
    for character in text.get(first..).unwrap_or_default().chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..' ' => out.push_str(&format!("\\u{:04x}", u32::from(character))),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// A text as it stands in a literal in a literal …: escaped this many times.
pub fn escape_times(text: &str, times: usize) -> String {
    (0..times).fold(text.to_owned(), |text, _| escape(&text).into_owned())
}

fn needs_escape(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn literals_are_read() {
        for (raw, text) in [
            ("", ""),
            ("plain é 字", "plain é 字"),
            (r#"a\n\t\r\b\f\"\\\/z"#, "a\n\t\r\u{8}\u{c}\"\\/z"),
            (r"\u00e9\u5b57\uD83D\ude00!", "é字😀!"),
            (r"\ud83d", "\u{fffd}"),
            (r"\ud83d4111", "\u{fffd}4111"),
            (r"\ud83d\n", "\u{fffd}\n"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
            (r"\ude00x", "\u{fffd}x"),
            (r"\ud83d\u0041", "\u{fffd}A"),
            // Not JSON, but nothing is lost.
            (r"\x\u12\", r"\x\u12\"),
            (r"a\u+123", r"a\u+123"),
            (r"\ud83d\ude", "\u{fffd}\\ude"),
        ] {
            assert_eq!(Decoded::read(raw).text(), text, "{raw}");
        }
    }

    #[test]
    fn parts_are_found_in_the_bytes() {
        let raw = r"a\u00e9b\ud83d\ude00c\n";
        let decoded = Decoded::read(raw);
        assert_eq!(decoded.text(), "aéb😀c\n");
        for (part, bytes) in [
            (0..1, "a"),
            (1..3, r"\u00e9"),
            (2..3, r"\u00e9"),
            (1..2, r"\u00e9"),
            (3..4, "b"),
            (3..8, r"b\ud83d\ude00"),
            (8..9, "c"),
            (8..10, r"c\n"),
            (9..10, r"\n"),
            (0..10, raw),
            (3..3, ""),
        ] {
            assert_eq!(raw.get(decoded.raw(part.clone())), Some(bytes), "{part:?}");
        }
        assert_eq!(decoded.raw(3..3), 7..7);
        assert!(Decoded::read("é").is_plain() && !decoded.is_plain());
    }

    #[test]
    fn what_may_go_on_is_left() {
        for (raw, certain) in [
            ("ab", 2),
            (r"ab\", 2),
            (r"ab\u", 2),
            (r"ab\u00e", 2),
            (r"ab\u00e9", 8),
            (r"\ud83d", 0),
            (r"\ud83d\", 0),
            (r"\ud83d\ude0", 0),
            (r"\ud83d\ude00", 12),
            (r"\ud83d\n", 8),
            (r"\ud83dx", 7),
            (r"\ud83d\ud8", 6),
            (r"x\\", 3),
        ] {
            assert_eq!(Decoded::read_prefix(raw).1, certain, "{raw}");
        }
    }

    #[test]
    fn texts_are_escaped() {
        for (text, times, raw) in [
            ("a\"\\\n\r\t\u{1}é", 1, r#"a\"\\\n\r\t\u0001é"#),
            ("a\"\n", 2, r#"a\\\"\\n"#),
            ("plain", 2, "plain"),
            ("\"", 0, "\""),
        ] {
            assert_eq!(escape_times(text, times), raw);
        }
    }

    /// Literals of every kind of escape, halves of pairs among them.
    fn literal() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[a-z0-9 é字😀]{1,3}",
            r#"\\["\\/bfnrt]"#,
            r"\\u00[0-7][0-9a-fA-F]",
            r"\\u[ef][0-9]{3}",
            Just(r"\ud83d".to_owned()),
            Just(r"\uDE00".to_owned()),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn serde_reads_the_same(raw in literal()) {
            if let Ok(text) = serde_json::from_str::<String>(&format!("\"{raw}\"")) {
                let decoded = Decoded::read(&raw);
                prop_assert_eq!(decoded.text(), &text);
                prop_assert_eq!(serde_json::from_str::<String>(&format!("\"{}\"", escape(&text))).unwrap(), text);
            }
        }

        /// Cut anywhere between two characters, both sides of the bytes say both sides of the text.
        #[test]
        fn every_place_has_its_bytes(raw in literal()) {
            let decoded = Decoded::read(&raw);
            let text = decoded.text();
            for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                let cut = decoded.raw(at..at).start;
                let (left, right) = raw.split_at(cut);
                let (left, right) = (Decoded::read(left), Decoded::read(right));
                prop_assert_eq!(format!("{}{}", left.text(), right.text()), text);
                prop_assert_eq!(decoded.raw(0..at).end, if at == 0 { 0 } else { cut });
            }
        }

        /// However a literal is cut, read piece by piece it says the same.
        #[test]
        fn a_literal_in_pieces_says_the_same(raw in literal(), cut in 0usize..64) {
            let cut = (0..=cut.min(raw.len())).rev().find(|at| raw.is_char_boundary(*at)).unwrap_or(0);
            let (first, bytes) = Decoded::read_prefix(raw.get(..cut).unwrap());
            prop_assert!(cut - bytes <= 11);
            let whole = format!("{}{}", first.text(), Decoded::read(raw.get(bytes..).unwrap()).text());
            let at_once = Decoded::read(&raw);
            prop_assert_eq!(whole, at_once.text());
        }

        #[test]
        fn anything_is_read(raw in r#"[\\ud83e0"n字]{0,24}"#) {
            let decoded = Decoded::read(&raw);
            let text = decoded.text();
            for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                let part = decoded.raw(at..text.len());
                prop_assert!(raw.get(part).is_some());
            }
        }
    }
}
