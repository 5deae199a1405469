//! A JSON text as a tree that copies nothing: literals and numbers as they are written.

use super::Unkeyable;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Deepest nesting that is looked into.
const DEPTH_MAX: usize = 128;

/// A JSON value.
#[derive(Debug)]
pub(super) enum Node<'a> {
    /// `null`, `true` or `false`.
    Word(&'a str),
    /// As written.
    Number(&'a str),
    /// What stands between the quotes.
    Text(&'a str),
    List(Vec<Node<'a>>),
    /// In the order written, keys as between their quotes; one that comes twice is here twice.
    Object(Vec<(&'a str, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// Reads a body.
    pub(super) fn read(json: &'a str) -> Result<Self, Unkeyable> {
        // The reader below trusts the syntax.
        let text: &RawValue = serde_json::from_str(json).map_err(|_| Unkeyable::NotJson)?;
        let mut reader = Reader { text: text.get(), at: 0 };
        reader.value(0)
    }

    /// The fields of an object; none of anything else.
    pub(super) fn fields(&self) -> &[(&'a str, Node<'a>)] {
        match self {
            Self::Object(fields) => fields,
            Self::Word(_) | Self::Number(_) | Self::Text(_) | Self::List(_) => &[],
        }
    }

    /// The values of a field, of which a careless body has several.
    pub(super) fn all(&self, key: &str) -> impl Iterator<Item = &Self> {
        self.fields().iter().filter(move |(raw, _)| *decoded(raw) == *key.as_bytes()).map(|(_, value)| value)
    }

    /// Whether it is this text.
    pub(super) fn is(&self, text: &str) -> bool {
        matches!(self, Self::Text(raw) if *decoded(raw) == *text.as_bytes())
    }

    /// Whether it says nothing: `null`, `false`, and what is empty.
    pub(super) fn is_nothing(&self) -> bool {
        match self {
            Self::Word(word) => *word != "true",
            Self::Number(_) => false,
            Self::Text(raw) => raw.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Object(fields) => fields.is_empty(),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Node<'a>, Unkeyable> {
        if depth > DEPTH_MAX {
            return Err(Unkeyable::TooDeep);
        }
        match self.next() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => Ok(Node::Text(self.literal())),
            Some(b'-' | b'0'..=b'9') => Ok(Node::Number(self.bare())),
            Some(_) | None => Ok(Node::Word(self.bare())),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node<'a>, Unkeyable> {
        let mut fields = Vec::new();
        self.at += 1;
        while let Some(b'"') = self.next_of(b"\"}") {
            let key = self.literal();
            self.next_of(b":");
            self.at += 1;
            fields.push((key, self.value(depth + 1)?));
        }
        self.at += 1;
        Ok(Node::Object(fields))
    }

    fn list(&mut self, depth: usize) -> Result<Node<'a>, Unkeyable> {
        let mut items = Vec::new();
        self.at += 1;
        while !matches!(self.next(), Some(b']') | None) {
            items.push(self.value(depth + 1)?);
        }
        self.at += 1;
        Ok(Node::List(items))
    }

    /// The next byte that is neither blank nor a comma.
    fn next(&mut self) -> Option<u8> {
        let is_between = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',');
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += rest.iter().take_while(|byte| is_between(byte)).count();
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte, where it is one of these.
    fn next_of(&mut self, wanted: &[u8]) -> Option<u8> {
        self.next().filter(|byte| wanted.contains(byte))
    }

    /// What stands between the quotes that begin here.
    fn literal(&mut self) -> &'a str {
        let start = self.at + 1;
        let mut end = start;
        while let Some(found) = self.text.as_bytes().get(end..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
            end += found;
            if self.text.as_bytes().get(end) == Some(&b'"') {
                break;
            }
            end += 2;
        }
        self.at = end + 1;
        self.text.get(start..end).unwrap_or_default()
    }

    fn bare(&mut self) -> &'a str {
        let start = self.at;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let is_bare = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        // At least one byte, so that the reader always gets on.
        self.at += rest.iter().take_while(|byte| is_bare(byte)).count().max(1);
        self.text.get(start..self.at).unwrap_or_default()
    }
}

/// What a literal says, in UTF-8; half of a surrogate pair, which UTF-8 cannot say, as three bytes of its own, so that
/// two different literals never become the same.
pub(super) fn decoded(raw: &str) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'\\', raw.as_bytes()) else { return Cow::Borrowed(raw.as_bytes()) };
    let (plain, mut rest) = raw.as_bytes().split_at_checked(first).unwrap_or_default();
    let mut out = Vec::with_capacity(raw.len());
    out.extend_from_slice(plain);
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let Some((escape, after)) = rest.split_first() else { break };
        rest = after;
        match escape {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'u' => rest = unicode(rest, &mut out),
            plain => out.push(*plain),
        }
    }
    Cow::Owned(out)
}

/// Says what the digits behind `\u` mean, and gives what follows them.
fn unicode<'r>(digits: &'r [u8], out: &mut Vec<u8>) -> &'r [u8] {
    let Some((unit, rest)) = unit(digits) else { return digits };
    let low = match rest {
        [b'\\', b'u', behind @ ..] if (0xd800..0xdc00).contains(&unit) => self::unit(behind),
        _ => None,
    };
    if let Some((low, behind)) = low.filter(|(low, _)| (0xdc00..0xe000).contains(low)) {
        let scalar = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        out.extend(char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER).to_string().bytes());
        return behind;
    }
    match char::from_u32(unit) {
        Some(character) => out.extend(character.to_string().bytes()),
        None => out.extend([0xe0 | (unit >> 12) as u8, 0x80 | (unit >> 6 & 63) as u8, 0x80 | (unit & 63) as u8]),
    }
    rest
}

fn unit(digits: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = digits.split_at_checked(4)?;
    let digits = std::str::from_utf8(digits).ok()?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn literals_are_decoded_without_loss() {
        for (raw, expected) in [
            ("plain é", "plain é".as_bytes()),
            (r#"a\"\\\/\n\t\r\b\f"#, b"a\"\\/\n\t\r\x08\x0c"),
            (r"\u00e9\ud83d\ude00", "é😀".as_bytes()),
            (r"\ud83d", b"\xed\xa0\xbd"),
            (r"\ud83dx", b"\xed\xa0\xbdx"),
            (r"\ud83d\u0041", b"\xed\xa0\xbdA"),
            (r"\ufffd", "\u{fffd}".as_bytes()),
        ] {
            assert_eq!(&*decoded(raw), expected, "{raw}");
        }
    }

    #[test]
    fn what_is_no_json_or_too_deep_is_said_to_be() {
        for body in ["", "{", "{\"a\":1,}", "nul", "\"a", "{} {}"] {
            assert_eq!(Node::read(body).err(), Some(Unkeyable::NotJson), "{body}");
        }
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(Node::read(&nested(100_000)).err(), Some(Unkeyable::TooDeep));
        assert!(Node::read(&nested(DEPTH_MAX)).is_ok());
    }

    #[test]
    fn fields_are_found_however_their_keys_are_written() {
        let tree =
            Node::read(r#" { "mod\u0065l" : "a\u0062", "x":[1 , -2.5e3,true,null,{}, []], "model":null } "#).unwrap();
        let found: Vec<bool> = tree.all("model").map(|value| value.is("ab")).collect();
        assert_eq!(found, [true, false]);
        assert!(matches!(tree.all("x").next(), Some(Node::List(items)) if items.len() == 6));
    }

    proptest! {
        /// Reading agrees with serde_json's reading.
        #[test]
        fn literals_say_what_serde_json_says(text in any::<String>()) {
            let literal = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(&*decoded(literal.get(1..literal.len() - 1).unwrap()), text.as_bytes());
            let list = format!("[{literal}, {literal} ]");
            let Node::List(items) = Node::read(&list).unwrap() else { panic!("a list") };
            prop_assert_eq!(items.len(), 2);
            prop_assert!(items.iter().all(|item| item.is(&text)));
        }

        #[test]
        fn nothing_panics(json in r#"[\[\]{}":,0-9a\\u ]{0,32}"#) {
            let _ = Node::read(&json);
            let mut reader = Reader { text: &json, at: 0 };
            let _ = reader.value(0);
            let _ = decoded(&json);
        }
    }
}
