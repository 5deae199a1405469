//! JSON as a tape: one pass checks the syntax and notes where every value begins and ends, so that whoever walks it can
//! look ahead (a message's role may stand behind its content) without reading anything twice.

use super::literal::Decoded;
use std::borrow::Cow;
use std::ops::Range;

/// Deepest nesting. Other readers of these bodies stop earlier.
pub(super) const DEPTH_MAX: usize = 256;
/// How many values room is made for at once.
const RESERVED_MAX: usize = 1 << 10;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    /// A string or a key; without its quotes.
    Text,
    Number,
    /// `true`, `false`, `null`.
    Word,
}

/// A value or a key.
#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    start: u32,
    end: u32,
    /// The node behind it and all that is in it.
    next: u32,
}

/// A JSON text, taken apart.
#[derive(Debug)]
pub(super) struct Tape<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

/// What may stand in strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// What JSON allows.
    Strict,
    /// Control characters as well: models write them into arguments.
    Lenient,
}

/// One value of a [`Tape`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'t> {
    tape: &'t Tape<'t>,
    at: u32,
}

impl<'a> Tape<'a> {
    /// Takes a text apart.
    ///
    /// # Errors
    /// Where it is no JSON, and what was expected there; nothing of what stands there.
    pub(super) fn read(text: &'a str, syntax: Syntax) -> Result<Self, String> {
        if u32::try_from(text.len()).is_err() {
            return Err("it is longer than 4 GiB".to_owned());
        }
        let nodes = Vec::with_capacity((text.len() / 16 + 4).min(RESERVED_MAX));
        let mut reader = Reader { bytes: text.as_bytes(), at: 0, nodes, open: Vec::new(), syntax };
        reader.all()?;
        Ok(Self { text, nodes: reader.nodes })
    }

    /// The outermost value.
    pub(super) fn root(&self) -> Value<'_> {
        Value { tape: self, at: 0 }
    }
}

impl<'t> Value<'t> {
    fn node(self) -> Node {
        let nothing = Node { kind: Kind::Word, start: 0, end: 0, next: 0 };
        usize::try_from(self.at).ok().and_then(|at| self.tape.nodes.get(at)).copied().unwrap_or(nothing)
    }

    pub(super) fn kind(self) -> Kind {
        self.node().kind
    }

    /// Where it stands; of a string, what is between its quotes.
    pub(super) fn range(self) -> Range<usize> {
        let Node { start, end, .. } = self.node();
        start as usize..end as usize
    }

    /// How it is written; of a string, what is between its quotes.
    pub(super) fn raw(self) -> &'t str {
        self.tape.text.get(self.range()).unwrap_or_default()
    }

    /// What a string says.
    pub(super) fn text(self) -> Option<Cow<'t, str>> {
        (self.kind() == Kind::Text).then(|| Decoded::read(self.raw()).into_text())
    }

    /// What is in it one after the other: values, or keys with their values in turn.
    fn inside(self) -> impl Iterator<Item = Value<'t>> {
        let (first, end) = match self.kind() {
            Kind::Object | Kind::Array => (self.at + 1, self.node().next),
            Kind::Text | Kind::Number | Kind::Word => (0, 0),
        };
        let mut at = first;
        std::iter::from_fn(move || {
            let value = (at < end).then_some(Value { tape: self.tape, at })?;
            at = value.node().next.max(at + 1);
            Some(value)
        })
    }

    /// The values of an array; of anything else none.
    pub(super) fn items(self) -> impl Iterator<Item = Value<'t>> {
        self.inside().filter(move |_| self.kind() == Kind::Array)
    }

    /// The keys and values of an object, those that come twice too; of anything else none.
    pub(super) fn fields(self) -> impl Iterator<Item = (Value<'t>, Value<'t>)> {
        let mut inside = self.inside();
        let is_object = self.kind() == Kind::Object;
        std::iter::from_fn(move || if is_object { inside.next().zip(inside.next()) } else { None })
    }

    /// A field of an object; of one that comes twice, the last.
    pub(super) fn get(self, key: &str) -> Option<Value<'t>> {
        self.fields().filter(|(found, _)| found.is(key)).last().map(|(_, value)| value)
    }

    /// What a field says that is a string.
    pub(super) fn word(self, key: &str) -> Option<Cow<'t, str>> {
        self.get(key)?.text()
    }

    /// The number of a field, where it is a whole one.
    pub(super) fn number(self, key: &str) -> Option<u64> {
        self.get(key).filter(|value| value.kind() == Kind::Number)?.raw().parse().ok()
    }

    /// Whether a string says this.
    pub(super) fn is(self, text: &str) -> bool {
        let raw = self.raw();
        raw == text || (raw.len() > text.len() && raw.contains('\\') && Decoded::read(raw).text() == text)
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    /// The objects and arrays that are not closed yet.
    open: Vec<u32>,
    syntax: Syntax,
}

impl Reader<'_> {
    fn all(&mut self) -> Result<(), String> {
        self.value()?;
        while let Some(container) = self.open.last().copied() {
            self.step(container)?;
        }
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.expected("the end")),
        }
    }

    /// Behind a value in an object or array: the next one, or the end.
    fn step(&mut self, container: u32) -> Result<(), String> {
        let is_object = self.node(container).is_some_and(|node| node.kind == Kind::Object);
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                if is_object { self.field() } else { self.value() }
            }
            Some(b'}') if is_object => self.close(container),
            Some(b']') if !is_object => self.close(container),
            Some(_) | None => Err(self.expected(if is_object { "`,` or `}`" } else { "`,` or `]`" })),
        }
    }

    fn node(&mut self, at: u32) -> Option<&mut Node> {
        self.nodes.get_mut(usize::try_from(at).ok()?)
    }

    fn close(&mut self, container: u32) -> Result<(), String> {
        self.at += 1;
        self.open.pop();
        let (end, next) = (place(self.at), place(self.nodes.len()));
        if let Some(node) = self.node(container) {
            (node.end, node.next) = (end, next);
        }
        Ok(())
    }

    /// A key, and the beginning of its value.
    fn field(&mut self) -> Result<(), String> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a key"));
        }
        self.string()?;
        if self.peek() != Some(b':') {
            return Err(self.expected("`:`"));
        }
        self.at += 1;
        self.value()
    }

    /// A value; of an object or array the beginning, with what stands first in it.
    fn value(&mut self) -> Result<(), String> {
        loop {
            let (kind, end) = match self.peek() {
                Some(b'"') => return self.string(),
                Some(b'-' | b'0'..=b'9') => return self.number(),
                Some(b'{') => (Kind::Object, b'}'),
                Some(b'[') => (Kind::Array, b']'),
                Some(_) | None => return self.word(),
            };
            if self.open.len() == DEPTH_MAX {
                return Err(format!("it is nested deeper than {DEPTH_MAX} levels"));
            }
            let container = place(self.nodes.len());
            self.push(kind, self.at..self.at);
            self.open.push(container);
            self.at += 1;
            match self.peek() {
                Some(byte) if byte == end => return self.close(container),
                Some(_) | None if kind == Kind::Object => {
                    if self.peek() != Some(b'"') {
                        return Err(self.expected("a key or `}`"));
                    }
                    self.string()?;
                    if self.peek() != Some(b':') {
                        return Err(self.expected("`:`"));
                    }
                    self.at += 1;
                }
                Some(_) | None => {}
            }
        }
    }

    fn push(&mut self, kind: Kind, range: Range<usize>) {
        let next = place(self.nodes.len() + 1);
        self.nodes.push(Node { kind, start: place(range.start), end: place(range.end), next });
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    fn string(&mut self) -> Result<(), String> {
        let start = self.at + 1;
        self.at = start;
        loop {
            let left = self.bytes.get(self.at..).unwrap_or_default();
            let Some(plain) = memchr::memchr2(b'"', b'\\', left) else {
                self.at = self.bytes.len();
                return Err(self.expected("the end of a string"));
            };
            let has_control = |bytes: &[u8]| bytes.iter().fold(false, |found, byte| found | (*byte < b' '));
            if self.syntax == Syntax::Strict && has_control(left.get(..plain).unwrap_or_default()) {
                return Err(self.expected("no control character in a string"));
            }
            self.at += plain;
            if left.get(plain) == Some(&b'"') {
                self.push(Kind::Text, start..self.at);
                self.at += 1;
                return Ok(());
            }
            let is_hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
            self.at += match left.get(plain + 1) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                Some(b'u') if left.get(plain + 2..plain + 6).is_some_and(is_hex) => 6,
                Some(_) | None => return Err(self.expected("an escape that JSON knows")),
            };
        }
    }

    fn number(&mut self) -> Result<(), String> {
        let start = self.at;
        self.skip(b'-');
        if !self.skip(b'0') {
            self.digits()?;
        }
        if self.skip(b'.') {
            self.digits()?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            let _sign = self.skip(b'+') || self.skip(b'-');
            self.digits()?;
        }
        self.push(Kind::Number, start..self.at);
        Ok(())
    }

    fn skip(&mut self, byte: u8) -> bool {
        let is_next = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn digits(&mut self) -> Result<(), String> {
        let left = self.bytes.get(self.at..).unwrap_or_default();
        let count = left.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(self.expected("a digit")) } else { Ok(()) }
    }

    fn word(&mut self) -> Result<(), String> {
        let left = self.bytes.get(self.at..).unwrap_or_default();
        let words: [&[u8]; 3] = [b"true", b"false", b"null"];
        let word = words.into_iter().find(|word| left.starts_with(word)).ok_or_else(|| self.expected("a value"))?;
        self.push(Kind::Word, self.at..self.at + word.len());
        self.at += word.len();
        Ok(())
    }

    fn expected(&self, what: &str) -> String {
        format!("expected {what} at byte {}", self.at)
    }
}

/// A place on the tape or in its text, which is shorter than 4 GiB.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    #[test]
    fn values_are_found() {
        let json = r#" {"a": [1, "x\"", {"b":null}], "\u0061":-2.5e3, "c":{}, "d":[]} "#;
        let tape = Tape::read(json, Syntax::Strict).unwrap();
        let root = tape.root();
        let fields: Vec<(&str, &str)> = root.fields().map(|(key, value)| (key.raw(), value.raw())).collect();
        assert_eq!(fields, [("a", r#"[1, "x\"", {"b":null}]"#), (r"\u0061", "-2.5e3"), ("c", "{}"), ("d", "[]")]);
        assert_eq!(root.get("a").unwrap().raw(), "-2.5e3");
        let (_, first) = root.fields().next().unwrap();
        let items: Vec<&str> = first.items().map(Value::raw).collect();
        assert_eq!(items, ["1", r#"x\""#, r#"{"b":null}"#]);
        assert_eq!(first.items().nth(1).unwrap().text().unwrap(), "x\"");
        assert_eq!(first.fields().count() + root.items().count(), 0);
    }

    #[test]
    fn errors_say_where_and_not_what() {
        for (json, error) in [
            ("", "expected a value at byte 0"),
            ("{\"a\" 1}", "expected `:` at byte 5"),
            ("{\"a\":1,}", "expected a key at byte 7"),
            ("{1:2}", "expected a key or `}` at byte 1"),
            ("[1 2]", "expected `,` or `]` at byte 3"),
            ("{\"a\":1]", "expected `,` or `}` at byte 6"),
            ("[01]", "expected `,` or `]` at byte 2"),
            ("\"abc", "expected the end of a string at byte 4"),
            ("\"\\x\"", "expected an escape that JSON knows at byte 1"),
            ("\"a\nb\"", "expected no control character in a string at byte 1"),
            ("{} {}", "expected the end at byte 3"),
        ] {
            assert_eq!(Tape::read(json, Syntax::Strict).unwrap_err(), error, "{json}");
        }
        assert!(Tape::read("\"a\nb\"", Syntax::Lenient).is_ok());
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Tape::read(&deep(DEPTH_MAX), Syntax::Strict).is_ok());
        let error = Tape::read(&deep(DEPTH_MAX + 1), Syntax::Strict).unwrap_err();
        assert_eq!(error, "it is nested deeper than 256 levels");
    }

    proptest! {
        /// It is JSON for us where it is JSON for everybody.
        #[test]
        fn the_syntax_is_jsons(json in r#"([\[\]{},:" ]|"a"|"\\u00e9"|\\|1|-|0|\.5|e|true|null){0,16}"#) {
            let is_json = serde_json::from_str::<IgnoredAny>(&json).is_ok();
            prop_assert_eq!(Tape::read(&json, Syntax::Strict).is_ok(), is_json, "{}", json);
        }
    }
}
