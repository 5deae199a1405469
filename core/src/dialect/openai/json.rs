//! Values that come in more than one JSON type, and what a person reads when one comes in the wrong type.

use crate::dialect::wire::{self, BadJson};
use crate::fault::Fault;
use crate::text::Str;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;

/// A string in short form, an object in long form (`tool_choice`, `image_url`).
#[derive(Debug)]
pub(in crate::dialect) enum TextOr<'a, T> {
    /// The short form.
    Text(Str<'a>),
    /// The long form.
    Object(T),
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for TextOr<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<'a, T>(PhantomData<(&'a (), T)>);

        impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for Either<'a, T> {
            type Value = TextOr<'a, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an object")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(TextOr::Text(Str::from(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(TextOr::Text(Str::from(text.to_owned())))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
                Ok(TextOr::Text(Str::from(text)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(TextOr::Object)
            }
        }

        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// The text of a value that should be a JSON string. Anything else (some write arguments as an object) is its own text.
pub(in crate::dialect) fn text_of(raw: &RawValue) -> Str<'_> {
    as_text(raw).unwrap_or_else(|| Str::from(raw.get()))
}

/// The text of a value that is a JSON string.
pub(in crate::dialect) fn as_text(raw: &RawValue) -> Option<Str<'_>> {
    serde_json::from_str(raw.get()).ok()
}

/// The raw JSON is this text, blanks aside.
pub(in crate::dialect) fn is(raw: &RawValue, text: &str) -> bool {
    raw.get().bytes().filter(|byte| !byte.is_ascii_whitespace()).eq(text.bytes())
}

/// Reads a client's body.
pub(in crate::dialect) fn read_request<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Fault> {
    wire::read(json).map_err(|bad| {
        let fault = Fault::invalid(described(&bad));
        match place(&bad) {
            Some(path) => fault.with_param(path),
            None => fault,
        }
    })
}

/// Reads a provider's JSON; `what` names it.
pub(in crate::dialect) fn read_answer<'a, T: Deserialize<'a>>(json: &'a [u8], what: &str) -> Result<T, Fault> {
    wire::read(json).map_err(|bad| Fault::upstream(format!("{what} cannot be read: {}", described(&bad))))
}

/// The field at fault. Broken syntax is at no field's fault, wherever it was met.
fn place(bad: &BadJson) -> Option<&str> {
    bad.path.as_deref().filter(|_| bad.message.starts_with("invalid "))
}

fn described(bad: &BadJson) -> String {
    match place(bad) {
        // With the path, line and column only distract.
        Some(path) => format!("{path}: {}", bad.message.split(" at line ").next().unwrap_or_default()),
        None => bad.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_keeps_what_is_no_string() {
        for (json, expected) in [(r#""a\nb""#, "a\nb"), (r#"{"a": 1}"#, r#"{"a": 1}"#), ("7", "7")] {
            assert_eq!(text_of(serde_json::from_str(json).unwrap()), *expected);
        }
    }
}
