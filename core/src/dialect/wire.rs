//! How dialects read JSON: in one pass, borrowing, with the names of the fields that they do not know.

use super::place;
use crate::edit::told;
use crate::fault::Fault;
use crate::text::{Str, cut};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::io;
use std::marker::PhantomData;

/// Declares a struct for one JSON object of a dialect. Every field is an `Option`; `null` is the same as absent. The
/// names of unknown fields that are not `null` are kept in `unknown` (at most [`UNKNOWN_MAX`]); of a field that
/// comes twice the last one counts, as it does for the providers. A field may have several spellings (`"a" | "b"`).
///
/// ```text
/// wire! { struct Function<'a> { name: Str<'a>, parameters: &'a RawValue } }
/// wire! { struct Tool<'a> { kind "type": Str<'a>, function: Function<'a> } }
/// ```
macro_rules! wire {
    ($(#[$meta:meta])* struct $name:ident<'a> { $($field:ident $($key:literal)|* : $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        pub(super) struct $name<'a> {
            $(pub(super) $field: Option<$type>,)*
            pub(super) unknown: Vec<crate::text::Str<'a>>,
            #[allow(dead_code, reason = "structs without borrowed fields still take the lifetime")]
            pub(super) borrowed: std::marker::PhantomData<&'a ()>,
        }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields<'a>(std::marker::PhantomData<&'a ()>);

                impl<'de: 'a, 'a> serde::de::Visitor<'de> for Fields<'a> {
                    type Value = $name<'a>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut found = $name::default();
                        while let Some(key) = map.next_key::<crate::text::Str<'de>>()? {
                            match key.as_str() {
                                $(crate::dialect::wire::wire!(@key $field $($key)|*) => {
                                    found.$field = map.next_value()?;
                                })*
                                _ => {
                                    let present = map.next_value::<Option<serde::de::IgnoredAny>>()?.is_some();
                                    if present && found.unknown.len() < crate::dialect::wire::UNKNOWN_MAX {
                                        found.unknown.push(key);
                                    }
                                }
                            }
                        }
                        Ok(found)
                    }
                }

                deserializer.deserialize_map(Fields(std::marker::PhantomData))
            }
        }
    };
    (@key $field:ident $($key:literal)|+) => { $($key)|+ };
    (@key $field:ident) => { stringify!($field) };
}
pub(crate) use wire;

/// How many unknown field names one object keeps.
pub(crate) const UNKNOWN_MAX: usize = 16;

/// How many values one request may hold. An empty object of three bytes becomes a struct of several hundred, so that a
/// body within its limit could fill the memory; what models read in one request is far below this.
pub(crate) const VALUES_MAX: usize = 1 << 19;

/// Whether a JSON text holds more than [`VALUES_MAX`] values, roughly: what opens or goes on with an object or a list.
pub(crate) fn has_too_many_values(json: &[u8]) -> bool {
    if json.len() <= VALUES_MAX {
        return false;
    }
    let mut values = 0;
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'{' | b'[' | b',' | b'"')) {
        let (before, after) = rest.split_at(at + 1);
        rest = if before.ends_with(b"\"") { behind_string(after) } else { after };
        values += usize::from(!before.ends_with(b"\""));
    }
    values > VALUES_MAX
}

/// What follows a string whose opening quote has been read.
fn behind_string(mut json: &[u8]) -> &[u8] {
    while let Some(at) = memchr::memchr2(b'"', b'\\', json) {
        let is_end = json.get(at) == Some(&b'"');
        json = json.get(at + if is_end { 1 } else { 2 }..).unwrap_or_default();
        if is_end {
            return json;
        }
    }
    &[]
}

/// Room for a JSON text that is about to be written, in bytes: for most of a chat's, without growing on the way.
const WRITTEN_BYTES: usize = 2048;

/// Writes a value as JSON: one of strings, numbers and JSON that was read before.
pub(crate) fn written(value: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::with_capacity(WRITTEN_BYTES);
    append(value, &mut out);
    out
}

/// The same at the end of what there is.
pub(crate) fn append<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let mut json = serde_json::Serializer::new(Out(out));
    value.serialize(&mut json).expect("strings, numbers and JSON that was read before, written to memory");
}

/// Where JSON is written. Every quote and every comma comes alone, which is no reason to call for a copy of memory.
struct Out<'o>(&'o mut Vec<u8>);

impl io::Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match bytes {
            [one] => self.0.push(*one),
            more => self.0.extend_from_slice(more),
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How much of the path to a fault is told, in bytes.
const PATH_BYTES_MAX: usize = 256;

/// Reads a whole JSON text; the error says where (`messages[2].content`) and what.
pub(crate) fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, BadJson> {
    serde_json::from_slice(json).map_err(|error| BadJson::new(json, &error))
}

/// A JSON text that does not read as what was expected.
#[derive(Debug)]
pub(crate) struct BadJson {
    /// Where, as `messages[2].content`; `None` for the whole text.
    pub(crate) path: Option<String>,
    /// What was met and what was expected.
    pub(crate) message: String,
}

impl BadJson {
    fn new(json: &[u8], error: &serde_json::Error) -> Self {
        let path = place::path(json, error);
        let path = cut(&path, PATH_BYTES_MAX);
        Self { path: (!path.is_empty()).then(|| path.to_owned()), message: told(error) }
    }

    /// The same as the caller's fault.
    pub(crate) fn of_request(self) -> Fault {
        match self.path {
            Some(path) => Fault::invalid(format!("{path}: {}", self.message)).with_param(path),
            None => Fault::invalid(format!("the body is not valid JSON: {}", self.message)),
        }
    }

    /// The same as the fault of a provider, whose answer does not hold what was expected.
    pub(crate) fn of_answer(self, expected: &str) -> Fault {
        let place = self.path.map(|path| format!(" at {path}")).unwrap_or_default();
        Fault::upstream(format!("the provider's answer holds no {expected}{place}: {}", self.message))
    }
}

/// A value that is a string in short form and a list of `T` in long form (message content, system prompts, stops).
#[derive(Debug)]
pub(crate) enum OneOrMany<'a, T> {
    /// The short form.
    One(Str<'a>),
    /// The long form.
    Many(Vec<T>),
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<'a, T>(PhantomData<(&'a (), T)>);

        impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for Either<'a, T> {
            type Value = OneOrMany<'a, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(OneOrMany::One(Str::from(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(OneOrMany::One(Str::from(text.to_owned())))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
                Ok(OneOrMany::One(Str::from(text)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut many = Vec::new();
                while let Some(item) = items.next_element()? {
                    many.push(item);
                }
                Ok(OneOrMany::Many(many))
            }
        }

        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// A number that counts something. Servers that write `12.0` or `-1` exist, and an answer must not fail over them: what
/// is no count at all (negative) counts as 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Count, E> {
                Ok(Count(number))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Count, E> {
                Ok(Count(u64::try_from(number).unwrap_or(0)))
            }

            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
            fn visit_f64<E: Error>(self, number: f64) -> Result<Count, E> {
                Ok(Count(number as u64))
            }
        }

        deserializer.deserialize_any(Number)
    }
}

/// Whether a text can be a media type (some dialects put it into a data URL, where it must not end anything):
/// <https://www.rfc-editor.org/rfc/rfc6838#section-4.2>.
pub(crate) fn is_media_type(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/!#$&^_.+-".contains(&b))
}

/// Raw JSON that is there at all: `null` reads as absent through `Option`.
pub(crate) type Raw<'a> = &'a RawValue;

#[cfg(test)]
mod tests {
    use super::*;

    wire! { struct Inner<'a> { kind "type": Str<'a>, schema: Raw<'a> } }
    wire! { struct Outer<'a> { name: Str<'a>, inner: Vec<Inner<'a>>, content: OneOrMany<'a, Inner<'a>> } }

    #[test]
    fn known_fields_are_read_and_unknown_ones_named() {
        let json = br#"{"name":"a\nb","x":{"y":[1]},"inner":[{"type":"t","schema":{"n":123456789012345678901234567890}}],"z":null,"content":"s","name":"last"}"#;
        let outer: Outer<'_> = read(json).unwrap();
        assert_eq!(outer.name.unwrap(), "last");
        assert_eq!(outer.unknown, [Str::from("x")]);
        let inner = &outer.inner.unwrap()[0];
        assert_eq!(inner.kind.as_deref(), Some("t"));
        assert_eq!(inner.schema.unwrap().get(), r#"{"n":123456789012345678901234567890}"#);
        assert!(matches!(outer.content, Some(OneOrMany::One(text)) if text == "s"));
    }

    #[test]
    fn counts_are_read_from_any_number() {
        for (json, expected) in
            [("12", 12), ("12.0", 12), ("-1", 0), ("1e30", u64::MAX), ("18446744073709551615", u64::MAX)]
        {
            assert_eq!(serde_json::from_str::<Count>(json).unwrap(), Count(expected), "{json}");
        }
        assert!(serde_json::from_str::<Count>("\"12\"").is_err());
    }

    #[test]
    fn values_are_counted_outside_of_strings() {
        let list = |value: &str| format!("[{}\"\"]", value.repeat(VALUES_MAX));
        assert!(has_too_many_values(list("{},").as_bytes()));
        assert!(has_too_many_values(list("1,").as_bytes()));
        assert!(!has_too_many_values(&list("1,").as_bytes()[5..]));
        assert!(!has_too_many_values(format!(r#"["{}"]"#, r#"{,[\""#.repeat(VALUES_MAX)).as_bytes()));
        assert!(!has_too_many_values(format!("\"{}", "\\".repeat(VALUES_MAX | 1)).as_bytes()));
    }

    #[test]
    fn errors_say_where_and_what() {
        let error = read::<Outer<'_>>(br#"{"inner":[{},{"type":7}]}"#).unwrap_err();
        assert_eq!(error.path.as_deref(), Some("inner[1].type"));
        assert!(error.message.starts_with("invalid type: integer `7`, expected a string"), "{}", error.message);
        for (broken, path) in [(r#"{"na"#, None), (r#"{"inner":[{"type":"t","sch"#, Some("inner[0]"))] {
            assert_eq!(read::<Outer<'_>>(broken.as_bytes()).unwrap_err().path.as_deref(), path);
        }
        let long = format!(r#"{{"inner":"{}"}}"#, "é".repeat(5000));
        assert!(read::<Outer<'_>>(long.as_bytes()).unwrap_err().message.len() < 600);
        assert!(read::<Outer<'_>>(b"{} x").is_err());
        assert!(read::<Outer<'_>>(b"").is_err());
    }
}
