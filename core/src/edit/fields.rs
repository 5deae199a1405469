//! The fields of a JSON object, found in one pass over its text.
//!
//! Every request and every answer is looked at this way, and most of what is in them concerns nobody here: what lies between
//! two fields is checked and passed over, strings eight bytes at a time. Says yes only to what `serde_json` reads, and finds
//! what that finds; whatever is wrong, or rare, is left to `serde_json` and its messages. Never decodes, never recurses.

use super::Field;
use crate::text::Str;

/// After how many words a string is a long one: an image, perhaps. Blocks of words pay only where the machine has vectors, which
/// a filter's does not.
const WORDS: usize = if cfg!(target_arch = "wasm32") { usize::MAX } else { 16 };

/// The fields of the object that the text is, in their order; `None` where somebody else has to look.
pub(super) fn fields(text: &str) -> Option<Vec<Field<'_>>> {
    let mut scan = Scan { json: text.as_bytes(), at: 0 };
    let mut fields = Vec::with_capacity(16);
    scan.take(b'{')?;
    let mut more = scan.peek()? != b'}';
    while more {
        let (begin, end) = scan.key()?;
        // One with escapes would have to be decoded.
        let key = text.get(begin..end).filter(|key| !key.bytes().any(|byte| byte == b'\\'))?;
        scan.peek()?;
        let begin = scan.at;
        scan.value()?;
        fields.push(Field { key: Str::from(key), value: text.get(begin..scan.at)? });
        more = scan.peek()? == b',';
        scan.at += usize::from(more);
    }
    scan.take(b'}')?;
    scan.peek().is_none().then_some(fields)
}

/// A way through a JSON text. A step that fails has met what is no JSON, or not for here.
struct Scan<'a> {
    json: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    /// The next byte that is not blank. It is not taken.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.json.get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Takes this byte, which has to come next, blanks aside.
    fn take(&mut self, expected: u8) -> Option<()> {
        let met = self.peek()?;
        self.at += 1;
        (met == expected).then_some(())
    }

    /// Takes a key and its colon; where the key begins and ends.
    fn key(&mut self) -> Option<(usize, usize)> {
        self.take(b'"')?;
        let begin = self.at;
        self.string()?;
        let end = self.at - 1;
        self.take(b':')?;
        Some((begin, end))
    }

    /// Takes a value, whatever is in it, unless that lies deeper than a word has bits.
    fn value(&mut self) -> Option<()> {
        // What encloses the place, innermost last: 1 is an object, 0 a list. The first 1 is none of them.
        let mut within: u64 = 1;
        loop {
            let byte = self.peek()?;
            match byte {
                b'"' => {
                    self.at += 1;
                    self.string()?;
                }
                b'{' | b'[' => {
                    self.at += 1;
                    within = within.checked_mul(2)? | u64::from(byte == b'{');
                    if self.peek()? != closing(within) {
                        if byte == b'{' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                _ => self.number()?,
            }
            // A value has ended, or an object or a list that is empty is about to.
            loop {
                if within == 1 {
                    return Some(());
                }
                let byte = self.peek()?;
                self.at += 1;
                if byte == b',' {
                    break;
                }
                if byte != closing(within) {
                    return None;
                }
                within >>= 1;
            }
            if within & 1 == 1 {
                self.key()?;
            }
        }
    }

    /// Takes the rest of a string.
    fn string(&mut self) -> Option<()> {
        let mut at = self.at;
        loop {
            let (words, _) = self.json.get(at..)?.as_chunks::<8>();
            for word in words.get(..WORDS).unwrap_or(words) {
                let marks = marks(u64::from_le_bytes(*word));
                if marks != 0 {
                    at += marks.trailing_zeros() as usize / 8;
                    break;
                }
                at += 8;
            }
            match self.json.get(at)? {
                b'"' => {
                    self.at = at + 1;
                    return Some(());
                }
                b'\\' => at += self.escape(at + 1)?,
                0..0x20 => return None,
                // A long string, or the last bytes of the text, which make no word.
                _ => at += 1 + plain(self.json.get(at + 1..)?),
            }
        }
    }

    /// Length of the escape sequence.
    fn escape(&self, at: usize) -> Option<usize> {
        let rest = self.json.get(at..)?;
        match rest.first()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
            b'u' if rest.get(1..5)?.iter().all(u8::is_ascii_hexdigit) => Some(6),
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let is_next = self.json.get(self.at..)?.starts_with(word);
        self.at += word.len();
        is_next.then_some(())
    }

    fn number(&mut self) -> Option<()> {
        self.at += usize::from(self.ahead() == b'-');
        // What follows a leading zero is no digit: nothing that may come next begins with one.
        if self.ahead() == b'0' {
            self.at += 1
        } else {
            self.digits()?
        }
        if self.ahead() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.ahead(), b'e' | b'E') {
            self.at += 1;
            self.at += usize::from(matches!(self.ahead(), b'+' | b'-'));
            self.digits()?;
        }
        Some(())
    }

    /// Takes digits, one at least.
    fn digits(&mut self) -> Option<()> {
        let begin = self.at;
        while self.ahead().is_ascii_digit() {
            self.at += 1;
        }
        (self.at > begin).then_some(())
    }

    /// The next byte; 0, which is nowhere allowed, where there is none.
    fn ahead(&self) -> u8 {
        self.json.get(self.at).copied().unwrap_or(0)
    }
}

/// How many bytes of a string are plain for sure.
fn plain(text: &[u8]) -> usize {
    let is_plain = |block: &&[u8; 32]| {
        let (words, _) = block.as_chunks();
        words.iter().fold(0, |all, word| all | marks(u64::from_le_bytes(*word))) == 0
    };
    text.as_chunks().0.iter().take_while(is_plain).count() * 32
}

/// What ends the innermost object or list.
fn closing(within: u64) -> u8 {
    if within & 1 == 1 { b'}' } else { b']' }
}

/// Marks the high bits of the bytes at which a string is no longer plain: quotes, backslashes and control characters. Only the
/// lowest mark is to be trusted: a subtraction that goes below zero borrows from the byte above.
fn marks(word: u64) -> u64 {
    const EACH: u64 = u64::MAX / 0xff;
    // With one bit flipped the quote lies right behind the control characters.
    let quote_or_control = (word ^ (EACH * 0x02)).wrapping_sub(EACH * 0x21);
    let backslash = (word ^ (EACH * 0x5c)).wrapping_sub(EACH);
    (quote_or_control | backslash) & !word & (EACH * 0x80)
}

#[cfg(test)]
mod tests {
    use super::super::Fields;
    use super::*;
    use proptest::prelude::*;

    /// What it says yes to is what `serde_json` reads; whether it does.
    fn check(text: &str) -> bool {
        let Some(found) = fields(text) else { return false };
        let Fields(read) = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let place = |field: &Field<'_>| (field.value.as_ptr(), field.value.len());
        let same = |(a, b): (&Field<'_>, &Field<'_>)| a.key == b.key && place(a) == place(b);
        assert!(found.len() == read.len() && found.iter().zip(&read).all(same), "{text}: {found:?} and {read:?}");
        true
    }

    /// As a field's value, inside of others, and with more or less of a text behind it.
    fn check_value(value: &str, is_passed: bool) {
        for (before, after) in [
            ("{\"a\":", "}"),
            ("{\"a\":", "}        "),
            (" { \"a\" : ", " , \"b\":null\n}\r\n\t"),
            ("{\"a\":[", "]}"),
            ("{\"a\":[{},[],[0,", ",1e5],{\"a\":true}],\"a\":2}"),
            ("{\"a\":{\"b\":[], \"c\" :", "}, \"a long key of more than a word\":{}}"),
        ] {
            let text = format!("{before}{value}{after}");
            assert_eq!(check(&text), is_passed, "{text}");
        }
    }

    #[test]
    fn values_are_passed_as_serde_json_passes_them() {
        for value in
            ["0", "-0", "7", "1234567890123456789012345678901234567890", "1.50", "0.0", "1e999", "0E+0", "1.5e-7"]
        {
            check_value(value, true);
        }
        for value in
            ["01", "-", "-a", "+1", ".5", "1.", "1.e5", "1e", "1e+", "0x1", "1_0", "NaN", "Infinity", "1 2", "--1"]
        {
            check_value(value, false);
        }
        for value in ["true", "false", "null", "{}", "[]", "{ }", "[ ]", r#"{"":""}"#, "[[[[]]],{}]", r#"{"\u0061":1}"#]
        {
            check_value(value, true);
        }
        for value in
            ["tru", "truee", "nul", "falsa", "True", "[", "]", "{", "}", "[}", "{]", "[1,]", "[,]", "{,}", "{1:2}"]
        {
            check_value(value, false);
        }
        for value in
            [r#"{"a"}"#, r#"{"a":}"#, r#"{"a":1,}"#, r#"{"a" "b"}"#, "[1 2]", "[1:2]", r#"{"a":1;"b":2}"#, "'a'"]
        {
            check_value(value, false);
        }
        for blank in ["\u{b}", "\u{c}", "\0", "\u{a0}", "\u{feff}", "\u{2028}", "/**/", "//\n"] {
            check_value(&format!("{blank}1"), false);
            check_value(&format!("[1{blank}]"), false);
        }
    }

    #[test]
    fn strings_end_where_they_end() {
        // Every place that a byte of interest can have in a word, in a short string and in a long one.
        for length in (0..20).chain([63, 64, 65, 127, 128, 129, 161, 200]) {
            let plain = "a".repeat(length);
            for passed in
                ["", "é", "\u{7f}", "😀", "\\\\", "\\\"", "\\/", "\\n", "\\u00e9", "\\ud800", "\\uDbCd\\n", "!#[]"]
            {
                check_value(&format!("\"{plain}{passed}\""), true);
                check_value(&format!("\"{passed}{plain}{passed}b\""), true);
            }
            for fault in ["\n", "\t", "\0", "\u{1f}", "\\x", "\\u00g0", "\\u00\\n", "\\u+123", "\\", "\"", "\\u12é"] {
                check_value(&format!("\"{plain}{fault}\""), false);
                check_value(&format!("\"{plain}é{fault}{plain}\""), false);
            }
        }
    }

    #[test]
    fn what_is_rare_is_left() {
        for text in [
            "",
            " ",
            "[]",
            "1",
            "\"a\"",
            "{",
            "{}}",
            "{} x",
            "{\"a\\u0062\":1}",
            "{\"a\":1",
            "{\"a\n\":1}",
            "\u{feff}{}",
        ] {
            assert!(!check(text), "{text}");
        }
        for text in ["{}", " { } \n", "{\"\":1}", "{\"é\":1,\"é\":2}"] {
            assert!(check(text), "{text}");
        }
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = |depth: usize| format!("{{\"a\":{}1{}}}", open.repeat(depth), close.repeat(depth));
            assert!(check(&deep(63)));
            assert!(!check(&deep(64)));
            assert!(!check(&deep(200_000)));
        }
    }

    fn fixtures(folder: &std::path::Path, found: &mut Vec<String>) {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                fixtures(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                found.extend(std::fs::read_to_string(path));
            }
        }
    }

    #[test]
    fn every_fixture_cut_and_changed_at_every_byte() {
        let mut texts = Vec::new();
        fixtures(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"), &mut texts);
        let passed = texts.iter().filter(|text| check(text)).count();
        assert!(passed > 100, "{passed} of {}", texts.len());
        for text in texts.iter().filter(|text| text.len() < 300) {
            for (at, _) in text.char_indices() {
                let (before, behind) = text.split_at(at);
                assert!(!check(before) || behind.trim().is_empty());
                let mut chars = behind.chars();
                let byte = chars.next().unwrap();
                check(&format!("{before}{}", chars.as_str()));
                for other in "\"\\{}[]:,0-e.u \n\u{1}é".chars() {
                    check(&format!("{before}{other}{}", chars.as_str()));
                }
                check(&format!("{before}{byte}{byte}{}", chars.as_str()));
            }
        }
    }

    fn json() -> impl Strategy<Value = String> {
        let string = r#""([a-zé{}:,\[\]]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}){0,40}""#;
        let number = r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,4})?";
        let blank = r"[ \n\r\t]{0,2}";
        let leaf = prop_oneof![string, number, "true|false|null"];
        leaf.prop_recursive(6, 48, 6, move |inner| {
            let list = prop::collection::vec((blank, inner.clone()), 0..6);
            let list = (list, blank).prop_map(|(items, end)| {
                let items: Vec<String> = items.iter().map(|(blank, item)| format!("{blank}{item}{blank}")).collect();
                format!("[{}{end}]", items.join(","))
            });
            let object = prop::collection::vec((blank, string, inner), 0..6).prop_map(|fields| {
                let field = |(blank, key, value): &(String, String, String)| {
                    format!("{blank}{key}{blank}:{blank}{value}{blank}")
                };
                format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(","))
            });
            prop_oneof![list, object]
        })
    }

    proptest! {
        #[test]
        fn what_is_json_is_read(values in prop::collection::vec(("[a-zé ]{0,12}", json()), 0..8)) {
            let fields: Vec<String> = values.iter().map(|(key, value)| format!("\"{key}\" : {value}")).collect();
            let text = format!("{{{}}}", fields.join(","));
            prop_assert!(check(&text), "{}", text);
        }

        #[test]
        fn what_is_broken_is_passed_by_nobody_alone(
            values in prop::collection::vec(("[a-z\\\\]{0,12}", json()), 0..8),
            faults in prop::collection::vec((any::<prop::sample::Index>(), "[\"\\\\{}\\[\\]:,0-9eE.+tfnu \n\x01é]{0,3}", 0..3_usize), 1..4),
        ) {
            let fields: Vec<String> = values.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
            let mut text: Vec<char> = format!("{{{}}}", fields.join(",")).chars().collect();
            for (place, new, gone) in faults {
                let at = place.index(text.len() + 1);
                let end = text.len().min(at + gone);
                text.splice(at..end, new.chars());
            }
            check(&text.into_iter().collect::<String>());
        }

        #[test]
        fn no_text_is_too_strange(text in "[\"\\\\{}\\[\\]:,0-9eE.+\\-tfnu \n\x00-\x20é]{0,60}") {
            check(&text);
            check(&format!("{{\"a\":{text}}}"));
        }
    }
}
