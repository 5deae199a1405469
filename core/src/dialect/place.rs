//! Where in a JSON text a reader has stopped, as a path: found by walking the text again, without any idea of what it means.
//!
//! A reader that keeps track of the path is slow, and is a second copy of every decoder beside the fast one.

use crate::text::Str;
use serde_json::error::Category;

/// How deep a path is followed: deeper than any decoder reads. What is deeper still, nobody decodes: it is passed over.
const DEPTH_MAX: usize = 128;

/// The path (`messages[2].content`) to the value at which a reader of this text has stopped with this error; empty for the
/// whole text. In broken JSON that is the value that breaks off, or what holds it where none has begun.
pub(super) fn path(json: &[u8], error: &serde_json::Error) -> String {
    let stop = match error.classify() {
        // The text itself says where it ends too soon.
        Category::Eof => usize::MAX,
        Category::Data | Category::Syntax | Category::Io => offset(json, error),
    };
    // Readers that take several types go into a list before they refuse it.
    let list = error.classify() == Category::Data && error.to_string().starts_with("invalid type: sequence");
    let mut walk = Walk { json, at: 0, stop, list, open: Vec::new() };
    let over = walk.walk();
    walk.path(&over)
}

/// How many bytes had been read. Lines and columns count from 1 and in bytes.
fn offset(json: &[u8], error: &serde_json::Error) -> usize {
    let before = error.line().saturating_sub(2);
    let line = match error.line() {
        0 | 1 => 0,
        _ => memchr::memchr_iter(b'\n', json).nth(before).map_or(json.len(), |end| end + 1),
    };
    line.saturating_add(error.column())
}

struct Walk<'a> {
    json: &'a [u8],
    /// How far it has come.
    at: usize,
    /// How far the reader has come.
    stop: usize,
    /// A list was met where none was expected.
    list: bool,
    /// What has begun and has not ended, from the outside in.
    open: Vec<Open<'a>>,
}

/// An object or a list, and where in it.
enum Open<'a> {
    /// At the value of this key, as written; `None` before the first.
    Object(Option<&'a [u8]>),
    /// At this element.
    List(usize),
}

/// What comes next.
#[derive(Clone, Copy)]
enum Next {
    Value,
    /// The first element of a list, or its end.
    ElementOrEnd,
    /// The first key of an object, or its end.
    KeyOrEnd,
    Key,
    Colon,
    /// A value is over.
    CommaOrEnd,
}

/// The walk is over: at a value of what is open, or between two.
enum Over {
    AtValue,
    Between,
}

impl<'a> Walk<'a> {
    /// Walks to where the reader has stopped, or to where the text breaks.
    fn walk(&mut self) -> Over {
        let mut next = Next::Value;
        loop {
            match self.step(next) {
                Ok(following) => next = following,
                Err(over) => return over,
            }
        }
    }

    fn step(&mut self, next: Next) -> Result<Next, Over> {
        let rest = self.rest().trim_ascii_start();
        self.at = self.json.len().saturating_sub(rest.len());
        match (next, rest.first()) {
            // A comma promises another element; a colon has a value behind it.
            (Next::Value, None | Some(b']')) => match self.open.last() {
                Some(Open::List(_)) => Err(Over::Between),
                Some(Open::Object(_)) | None => Err(Over::AtValue),
            },
            (Next::ElementOrEnd, Some(b']')) | (Next::KeyOrEnd, Some(b'}')) => self.close(),
            (Next::Value | Next::ElementOrEnd, Some(first)) => self.value(*first),
            (Next::KeyOrEnd | Next::Key, Some(b'"')) => self.key(),
            (Next::Colon, Some(b':')) => self.pass(Next::Value),
            (Next::CommaOrEnd, Some(byte)) => match (self.open.last_mut(), byte) {
                (Some(Open::Object(_)), b',') => self.pass(Next::Key),
                (Some(Open::List(index)), b',') => {
                    *index = index.saturating_add(1);
                    self.pass(Next::Value)
                }
                (Some(Open::Object(_)), b'}') | (Some(Open::List(_)), b']') => self.close(),
                (Some(_) | None, _) => Err(Over::Between),
            },
            (Next::KeyOrEnd | Next::Key | Next::Colon, Some(_)) | (_, None) => Err(Over::Between),
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.json.get(self.at..).unwrap_or_default()
    }

    /// Passes one byte.
    fn pass(&mut self, next: Next) -> Result<Next, Over> {
        self.at += 1;
        Ok(next)
    }

    /// What was open ends, and with it a value.
    fn close(&mut self) -> Result<Next, Over> {
        self.open.pop();
        self.at += 1;
        self.behind_value()
    }

    fn behind_value(&self) -> Result<Next, Over> {
        if self.at >= self.stop { Err(Over::AtValue) } else { Ok(Next::CommaOrEnd) }
    }

    /// Takes a value, or the beginning of an object or a list.
    fn value(&mut self, first: u8) -> Result<Next, Over> {
        let is_list = first == b'[';
        if self.at >= self.stop {
            // It is the list around this value that was met.
            return Err(if self.list && !is_list { Over::Between } else { Over::AtValue });
        }
        // The reader may have gone in before it refused, and then says where it is within; of two lists it means the inner one.
        let gone_in = if is_list { self.list && !self.rest().starts_with(b"[[") } else { first == b'{' };
        if gone_in && self.at + 1 >= self.stop {
            return Err(Over::AtValue);
        }
        let (open, next) = match first {
            b'{' => (Open::Object(None), Next::KeyOrEnd),
            b'[' => (Open::List(0), Next::ElementOrEnd),
            b'"' => return self.behind(behind_string(self.rest())),
            _ => return self.behind(behind_scalar(self.rest())),
        };
        if self.open.len() >= DEPTH_MAX {
            return self.behind(behind_brackets(self.rest()));
        }
        self.open.push(open);
        self.pass(next)
    }

    /// A value ends before these bytes; `None`: it does not end.
    fn behind(&mut self, rest: Option<&[u8]>) -> Result<Next, Over> {
        self.at = self.json.len().saturating_sub(rest.ok_or(Over::AtValue)?.len());
        self.behind_value()
    }

    fn key(&mut self) -> Result<Next, Over> {
        let behind = behind_string(self.rest()).ok_or(Over::Between)?;
        let begin = std::mem::replace(&mut self.at, self.json.len().saturating_sub(behind.len()));
        if self.at >= self.stop {
            return Err(Over::Between);
        }
        if let Some(Open::Object(key)) = self.open.last_mut() {
            *key = self.json.get(begin..self.at);
        }
        Ok(Next::Colon)
    }

    /// The path to where it is.
    fn path(mut self, over: &Over) -> String {
        if let Over::Between = over {
            self.open.pop();
        }
        let mut path = String::new();
        for open in &self.open {
            match open {
                Open::Object(key) => {
                    let key = key.and_then(|key| serde_json::from_slice::<Str<'_>>(key).ok());
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key.as_deref().unwrap_or("?"));
                }
                Open::List(index) => path.push_str(&format!("[{index}]")),
            }
        }
        // A key that cannot be read names nothing.
        path.truncate(path.trim_end_matches(['.', '?']).len());
        path
    }
}

/// What follows a string; `None` for one without an end.
fn behind_string(json: &[u8]) -> Option<&[u8]> {
    let mut rest = json.get(1..)?;
    loop {
        let at = memchr::memchr2(b'"', b'\\', rest)?;
        if rest.get(at) == Some(&b'"') {
            return rest.get(at + 1..);
        }
        rest = rest.get(at + 2..)?;
    }
}

/// What follows an object or a list, whose brackets are counted and not compared; `None` for one without an end.
fn behind_brackets(json: &[u8]) -> Option<&[u8]> {
    let (mut depth, mut rest) = (0_usize, json);
    loop {
        match rest.first()? {
            b'"' => {
                rest = behind_string(rest)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        rest = rest.get(1..)?;
        if depth == 0 {
            return Some(rest);
        }
    }
}

/// What follows a number or a word; `None` for what is neither.
fn behind_scalar(json: &[u8]) -> Option<&[u8]> {
    let words: [&[u8]; 3] = [b"null", b"true", b"false"];
    if let Some(rest) = words.iter().find_map(|word| json.strip_prefix(*word)) {
        return Some(rest);
    }
    let digits = |json: &'_ [u8]| json.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut rest = json.strip_prefix(b"-").unwrap_or(json);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.starts_with(b"0")) {
        return None;
    }
    rest = rest.get(whole..)?;
    if let Some(fraction) = rest.strip_prefix(b".") {
        rest = fraction.get(Some(digits(fraction)).filter(|digits| *digits > 0)?..)?;
    }
    if let Some(exponent) = rest.strip_prefix(b"e").or(rest.strip_prefix(b"E")) {
        let exponent = exponent.strip_prefix(b"+").or(exponent.strip_prefix(b"-")).unwrap_or(exponent);
        rest = exponent.get(Some(digits(exponent)).filter(|digits| *digits > 0)?..)?;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::openai::json::TextOr;
    use crate::dialect::wire::{Count, OneOrMany, Raw, wire};
    use proptest::prelude::*;

    wire! { struct Part<'a> { kind "type": Str<'a>, url: TextOr<'a, Source<'a>>, n: Count } }
    wire! { struct Source<'a> { data: Str<'a>, wide: bool } }
    wire! {
        struct Body<'a> {
            model: Str<'a>,
            parts: OneOrMany<'a, Part<'a>>,
            stop: Vec<Str<'a>>,
            lists: Vec<Vec<u64>>,
            raw: Raw<'a>,
            share: f64,
        }
    }

    const BODY: &str = r#"{"model":"m", "parts": [ {"type":"t\n"},
        {"url":{"data":"","wide":true}, "n":1.5e2}, { "url" : "https://x" }],
        "stop":["a","b"],"lists":[[1,2],[],[3]],"raw":{"b":[1,{"c":null}]},"x":[{"y":"\u00e9"}],"share":-0.5}"#;

    fn read(json: &[u8]) -> Result<Body<'_>, serde_json::Error> {
        serde_json::from_slice(json)
    }

    #[test]
    fn the_place_is_where_a_person_would_look() {
        assert!(read(BODY.as_bytes()).is_ok());
        for (json, expected) in [
            ("", ""),
            ("[]", ""),
            ("7", ""),
            ("{} x", ""),
            (r#"{"model":7}"#, "model"),
            (r#"{"model":{}}"#, "model"),
            (r#"{"model": [ {}]}"#, "model"),
            (r#"{"model":"\x"}"#, "model"),
            ("{\"model\":\"\u{1}\"}", "model"),
            (r#"{"model":"m"#, "model"),
            (r#"{"model":"m""#, ""),
            (r#"{"model":tru}"#, "model"),
            (r#"{"model" 7}"#, ""),
            (r#"{"x":1,"lists":[[1],[2,"3"]]}"#, "lists[1][1]"),
            (r#"{"lists":[[1],[2,{}]]}"#, "lists[1][1]"),
            (r#"{"lists":[1]}"#, "lists[0]"),
            (r#"{"lists":[{"a":1}]}"#, "lists[0]"),
            (r#"{"lists":[[1e400]]}"#, "lists[0][0]"),
            (r#"{"lists":[[1,]]}"#, "lists[0]"),
            (r#"{"lists":[[1 2]]}"#, "lists[0]"),
            (r#"{"stop":[["a"]]}"#, "stop[0]"),
            (r#"{"parts":7}"#, "parts"),
            (r#"{"parts":[{"url":{"wide":"yes"}}]}"#, "parts[0].url.wide"),
            (r#"{"parts":[{"url":[]}]}"#, "parts[0].url"),
            (r#"{"parts":[{"url":[ 1]}]}"#, "parts[0].url"),
            (r#"{"parts":[{"n": { }}]}"#, "parts[0].n"),
            ("{\n\"parts\":[\n{\n\"n\":\n\"1\"}]}", "parts[0].n"),
            (r#"{"mod\u0065l":7}"#, "model"),
            (r#"{"share":1e999}"#, "share"),
            (r#"{"parts":[{"\url":{}}]}"#, "parts[0]"),
            (r#"{"parts":[{"":x}]}"#, "parts[0]"),
        ] {
            let error = read(json.as_bytes()).unwrap_err();
            assert_eq!(path(json.as_bytes(), &error), expected, "{json}: {error}");
        }
        let place = |json: String| path(json.as_bytes(), &read(json.as_bytes()).unwrap_err());
        assert!(place(format!(r#"{{"x":{}"#, "[".repeat(1 << 20))).starts_with("x[0][0]"));
        let (open, close) = ("[{\"a\":".repeat(100), "}]".repeat(100));
        assert_eq!(place(format!(r#"{{"x":{open}"]"{close},"model":7}}"#)), "model");
    }

    proptest! {
        /// A reader that keeps track of the path says the same. Of broken JSON that nobody looks into it knows less, of a key with
        /// a wrong escape whose it is, and of a list where none was expected, that it was not in it.
        #[test]
        fn it_is_what_a_tracking_reader_says(at in 0..BODY.len(), cut in 0..4usize, new in r#"(|[\[\]{}:,"\\ 0-9tn.x-]{1,2}|\{"a":1\}|"s"|null)"#) {
            let (before, after) = BODY.split_at_checked(at).unwrap_or((BODY, ""));
            let json = match cut {
                0 => before.to_owned(),
                _ => format!("{before}{new}{}", after.get(cut - 1..).unwrap_or_default()),
            };
            if let Err(error) = read(json.as_bytes()) {
                let mut tracked = serde_json::Deserializer::from_slice(json.as_bytes());
                let expected = match serde_path_to_error::deserialize::<_, Body<'_>>(&mut tracked) {
                    Err(error) => error.path().to_string(),
                    Ok(_) => String::new(),
                };
                let (found, expected) = (path(json.as_bytes(), &error), expected.trim_end_matches(['.', '?']));
                let unread = matches!(expected, "x" | "raw") && found.starts_with(expected);
                let escape = error.to_string().starts_with("invalid escape") && expected.starts_with(&*found);
                let within = error.to_string().starts_with("invalid type: sequence") && found == format!("{expected}[0]");
                prop_assert!(found == expected || unread || escape || within, "{found} is not {expected}: {error} in {json}");
            }
        }
    }
}
