//! Editing a JSON object in place: the named fields change, every other byte stays.
//!
//! One pass over the text checks its syntax and finds the top-level fields; edits are spliced in when the text is
//! written out. Where a key comes twice, both are edited: the provider may read either.

mod fields;

use crate::text::{Str, cut};
use serde::de::value::{BoolDeserializer, BorrowedStrDeserializer, Error as Unfit};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::ops::Range;

/// How much of a parser's message is told, in bytes.
const MESSAGE_BYTES_MAX: usize = 512;

/// A JSON object as text, with the place of each of its top-level fields.
#[derive(Debug)]
pub struct Object<'a> {
    text: &'a str,
    fields: Vec<Field<'a>>,
}

/// One `"key": value` of an [`Object`].
#[derive(Debug)]
struct Field<'a> {
    key: Str<'a>,
    value: &'a str,
}

impl<'a> Object<'a> {
    /// Looks through a JSON object.
    ///
    /// # Errors
    /// For a text that is not UTF-8, not JSON, or not an object: what was met, with line and column.
    pub fn read(json: &'a [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(json).map_err(|error| format!("the body is not UTF-8: {error}"))?;
        if let Some(fields) = fields::fields(text) {
            return Ok(Self { text, fields });
        }
        let Fields(fields) = serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => "the body must be a JSON object".to_owned(),
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => format!("the body is not valid JSON: {error}"),
        })?;
        Ok(Self { text, fields })
    }

    /// The raw JSON of a field; of one that comes twice, the last.
    pub fn raw(&self, key: &str) -> Option<&'a str> {
        self.fields.iter().rev().find(|field| field.key == key).map(|field| field.value)
    }

    /// Every field in its order, with its raw JSON.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.fields.iter().map(|field| (field.key.as_str(), field.value))
    }

    /// A field as a value; `None` also for `null`.
    ///
    /// # Errors
    /// What was met and what was expected, for a field of another type.
    pub fn get<T: Deserialize<'a>>(&self, key: &str) -> Result<Option<T>, String> {
        let Some(raw) = self.raw(key) else { return Ok(None) };
        if let Some(value) = plain(raw) {
            return Ok(Some(value));
        }
        serde_json::from_str(raw).map_err(|error| {
            let message = told(&error);
            let what = message.split(" at line").next().unwrap_or_default();
            format!("{key}: {what}")
        })
    }

    /// All of it, as it was read.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Begins an edit of this object.
    pub fn edit(&self) -> Edit<'_, 'a> {
        Edit { object: self, splices: Vec::new(), removed: Vec::new(), appended: Vec::new() }
    }

    /// Where a part of the text lies in it.
    fn range(&self, part: &str) -> Range<usize> {
        let start = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        start..start + part.len()
    }
}

/// Changes to an [`Object`], not yet made.
#[derive(Debug)]
pub struct Edit<'o, 'a> {
    object: &'o Object<'a>,
    /// What replaces which bytes.
    splices: Vec<(Range<usize>, String)>,
    /// The places of fields that go, among all fields.
    removed: Vec<usize>,
    /// New fields, as `"key":value`.
    appended: Vec<String>,
}

impl Edit<'_, '_> {
    /// Gives the field this value (JSON text), wherever it stands; a new field comes last.
    pub fn set(&mut self, key: &str, json: &str) -> &mut Self {
        let mut found = false;
        for field in self.object.fields.iter().filter(|field| field.key == key) {
            found = true;
            if field.value != json {
                self.splices.push((self.object.range(field.value), json.to_owned()));
            }
        }
        if !found {
            self.appended.push(format!("{}:{json}", quoted(key)));
        }
        self
    }

    /// Gives the field this string value.
    pub fn set_str(&mut self, key: &str, value: &str) -> &mut Self {
        self.set(key, &quoted(value))
    }

    /// Takes the field out, wherever it stands, with its comma. Not for one that is set, too.
    pub fn remove(&mut self, key: &str) -> &mut Self {
        let places = self.object.fields.iter().enumerate().filter(|(_, field)| field.key == key);
        self.removed.extend(places.map(|(place, _)| place));
        self
    }

    /// Nothing would change.
    pub fn is_empty(&self) -> bool {
        self.splices.is_empty() && self.removed.is_empty() && self.appended.is_empty()
    }

    /// What has to go with the fields that go: each with the comma before it, or, where nothing stays before it, with the
    /// one behind it.
    fn cuts(&self) -> Vec<Range<usize>> {
        let text = self.object.text;
        let stays = |place: &usize| !self.removed.contains(place);
        let ranges: Vec<Range<usize>> = self.object.fields.iter().map(|field| self.object.range(field.value)).collect();
        let first = (0..ranges.len()).find(stays).unwrap_or(ranges.len());
        let mut cuts = Vec::new();
        if let Some(last_gone) = first.checked_sub(1).and_then(|place| ranges.get(place)) {
            let begin = text.find('{').map_or(0, |brace| brace + 1);
            let comma = text.get(last_gone.end..).and_then(|rest| rest.find(',')).map_or(0, |comma| comma + 1);
            cuts.push(begin..last_gone.end + if first < ranges.len() { comma } else { 0 });
        }
        let later = self.removed.iter().filter(|place| **place > first);
        cuts.extend(later.filter_map(|place| Some(ranges.get(place.checked_sub(1)?)?.end..ranges.get(*place)?.end)));
        cuts
    }

    /// The edited text.
    pub fn write(mut self) -> Vec<u8> {
        let text = self.object.text;
        self.removed.sort_unstable();
        self.removed.dedup();
        let stays = self.object.fields.len() > self.removed.len();
        if !self.removed.is_empty() {
            let cuts = self.cuts();
            self.splices.extend(cuts.into_iter().map(|cut| (cut, String::new())));
        }
        self.splices.sort_by_key(|(range, _)| range.start);
        let grown: usize = self.splices.iter().map(|(_, new)| new.len()).sum();
        let appended: usize = self.appended.iter().map(|field| field.len() + 1).sum();
        let mut out = Vec::with_capacity(text.len() + grown + appended);
        let mut from = 0;
        for (range, new) in &self.splices {
            out.extend_from_slice(text.get(from..range.start).unwrap_or_default().as_bytes());
            out.extend_from_slice(new.as_bytes());
            from = range.end;
        }
        let rest = text.get(from..).unwrap_or_default();
        if self.appended.is_empty() {
            out.extend_from_slice(rest.as_bytes());
            return out;
        }
        // The object's closing brace is the last one of the text: only blanks may follow it.
        let brace = rest.rfind('}').unwrap_or(rest.len());
        let (inside, closing) = rest.split_at_checked(brace).unwrap_or((rest, ""));
        out.extend_from_slice(inside.as_bytes());
        let mut comma = stays;
        for field in &self.appended {
            if comma {
                out.push(b',');
            }
            out.extend_from_slice(field.as_bytes());
            comma = true;
        }
        out.extend_from_slice(closing.as_bytes());
        out
    }
}

/// Longest text that is read without a parser, in bytes. Where it is not what is wanted, it is told again by the parser.
const PLAIN_BYTES_MAX: usize = 128;

/// A short text without escapes, or a boolean, for a type that takes it: most fields that anybody asks for are one, and a
/// parser costs several times as much.
fn plain<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    let text = json.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match (json, text) {
        (_, Some(text)) if text.len() <= PLAIN_BYTES_MAX && text.bytes().all(|byte| byte != b'\\') => {
            T::deserialize(BorrowedStrDeserializer::<Unfit>::new(text)).ok()
        }
        ("true" | "false", _) => T::deserialize(BoolDeserializer::<Unfit>::new(json == "true")).ok(),
        _ => None,
    }
}

/// A text as a JSON string.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A parser's message, which quotes the value at fault, however long that is.
pub(crate) fn told(error: &serde_json::Error) -> String {
    cut(&error.to_string(), MESSAGE_BYTES_MAX).to_owned()
}

/// All fields of an object in their order.
struct Fields<'a>(Vec<Field<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(16);
                while let Some((key, value)) = map.next_entry::<Str<'de>, &'de RawValue>()? {
                    fields.push(Field { key, value: value.get() });
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn edited(json: &str, edits: &[(&str, &str)]) -> String {
        let object = Object::read(json.as_bytes()).unwrap();
        let mut edit = object.edit();
        for (key, value) in edits {
            edit.set(key, value);
        }
        String::from_utf8(edit.write()).unwrap()
    }

    #[test]
    fn fields_go_with_their_commas() {
        for (json, gone, expected) in [
            (r#"{"a":1,"b":2,"c":3}"#, &["a"][..], r#"{"b":2,"c":3}"#),
            (r#"{ "a" : 1 , "b":2, "c":3}"#, &["b"], r#"{ "a" : 1, "c":3}"#),
            (r#"{"a":1,"b":2,"c":3 }"#, &["c"], r#"{"a":1,"b":2 }"#),
            (r#"{"a":1,"b":2,"c":3}"#, &["a", "b"], r#"{"c":3}"#),
            (r#"{"a":1,"b":2,"c":3}"#, &["b", "c"], r#"{"a":1}"#),
            (r#"{"a":{"a":1},"b":"a","a":2}"#, &["a"], r#"{"b":"a"}"#),
            (r#"{ "a":1 }"#, &["a"], "{ }"),
            (r#"{"b":1}"#, &["a"], r#"{"b":1}"#),
        ] {
            let object = Object::read(json.as_bytes()).unwrap();
            let mut edit = object.edit();
            for key in gone {
                edit.remove(key);
            }
            assert_eq!(String::from_utf8(edit.write()).unwrap(), expected, "{json} without {gone:?}");
            let mut edit = object.edit();
            for key in gone {
                edit.remove(key);
            }
            edit.set("new", "7");
            let written = edit.write();
            let again: serde_json::Value = serde_json::from_slice(&written).unwrap();
            assert_eq!(again["new"], 7);
            assert!(gone.iter().all(|key| again.get(key).is_none()), "{json}");
        }
    }

    #[test]
    fn only_named_fields_change() {
        for (json, edits, expected) in [
            (r#"{ "model" : "a", "x":1.50 }"#, vec![("model", "\"b\"")], r#"{ "model" : "b", "x":1.50 }"#),
            (r#"{"x":{"model":"a"}}"#, vec![("model", "1")], r#"{"x":{"model":"a"},"model":1}"#),
            ("{}\n", vec![("a", "1"), ("b", "2")], "{\"a\":1,\"b\":2}\n"),
            ("{ }", vec![("a", "1")], "{ \"a\":1}"),
            (r#"{"model":"a","model":"c"}"#, vec![("model", "\"b\"")], r#"{"model":"b","model":"b"}"#),
            (r#"{"mod\u0065l":"a"}"#, vec![("model", "\"b\"")], r#"{"mod\u0065l":"b"}"#),
            (r#"{"s":"}\"}","n":1e400}"#, vec![("z", "{}")], r#"{"s":"}\"}","n":1e400,"z":{}}"#),
        ] {
            assert_eq!(edited(json, &edits), expected);
        }
    }

    #[test]
    fn fields_are_read_and_errors_speak() {
        let object = Object::read(br#"{"stream":true,"n":null,"model":"a","model":"b"}"#).unwrap();
        assert_eq!(object.get::<bool>("stream"), Ok(Some(true)));
        assert_eq!(object.get::<bool>("n"), Ok(None));
        assert_eq!(object.get::<Str<'_>>("model").unwrap().as_deref(), Some("b"));
        assert_eq!(object.get::<bool>("model").unwrap_err(), "model: invalid type: string \"b\", expected a boolean");
        assert_eq!(
            object.get::<Str<'_>>("stream").unwrap_err(),
            "stream: invalid type: boolean `true`, expected a string"
        );
        for (json, error) in [
            ("", "the body is not valid JSON: EOF while parsing a value at line 1 column 0"),
            ("[]", "the body must be a JSON object"),
            ("{\"a\":1,}", "the body is not valid JSON: trailing comma at line 1 column 8"),
            ("{} x", "the body is not valid JSON: trailing characters at line 1 column 4"),
        ] {
            assert_eq!(Object::read(json.as_bytes()).unwrap_err(), error);
        }
        assert!(Object::read(b"{\"a\":\"\xff\"}").unwrap_err().starts_with("the body is not UTF-8"));
    }

    #[test]
    fn a_plain_value_is_what_the_parser_reads() {
        fn check<'a, T: Deserialize<'a> + PartialEq + fmt::Debug>(json: &'a str) {
            let parsed = serde_json::from_str::<T>(json).ok();
            assert!(plain::<T>(json).is_none_or(|value| parsed == Some(value)), "{json}");
        }
        let long = format!("\"{}\"", "a".repeat(PLAIN_BYTES_MAX + 1));
        for json in ["true", "false", "null", "1", r#""""#, r#""a""#, r#""é""#, r#""a\"b""#, r#""\u00e9""#, "[]", &long]
        {
            check::<bool>(json);
            check::<Str<'_>>(json);
            check::<String>(json);
            check::<Option<Str<'_>>>(json);
            check::<u64>(json);
            check::<char>(json);
            check::<serde_json::Value>(json);
        }
        assert_eq!(plain(r#""a""#), Some(Str::from("a")));
        assert_eq!(plain("true"), Some(true));
    }

    proptest! {
        /// Whatever else is in the object survives byte for byte.
        #[test]
        fn other_bytes_survive(
            before in r#"( |\n){0,2}"#,
            unknown in prop::collection::vec((r"[a-z]{1,6}\\u00e9", r#"(-?[1-9][0-9]{0,40}(\.[0-9]{1,20})?|"[^"\\\x00-\x1f]{0,10}"|\[[1-9]?, ?null\]|\{"model": ?"x"\})"#), 0..5),
        ) {
            let unknown = unknown.iter().filter(|(_, v)| !v.starts_with("[,")).map(|(k, v)| format!(r#""{k}" : {v}"#)).collect::<Vec<_>>().join(" , ");
            let comma = if unknown.is_empty() { "" } else { "," };
            let json = |model: &str| format!("{before}{{ \"model\": {model}{comma}{unknown}{before}}}{before}");
            prop_assert_eq!(edited(&json("\"a\""), &[("model", "\"long name\"")]), json("\"long name\""));
        }
    }
}
