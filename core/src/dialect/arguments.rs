//! A tool call's arguments where a dialect wants them as a JSON object: the model may have written anything.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A tool call's input, which has to be a JSON object.
#[derive(Clone, Copy, Debug)]
pub(super) enum Input<'a> {
    /// As the model wrote it.
    Object(&'a RawValue),
    /// Nothing was written.
    Empty,
    /// What the model wrote is no JSON object: its text as `{"arguments": "…"}`.
    Wrapped(&'a str),
}

impl<'a> Input<'a> {
    /// The input that the arguments are.
    pub(super) fn of(arguments: &'a str) -> Self {
        if arguments.trim_ascii().is_empty() {
            return Self::Empty;
        }
        match serde_json::from_str::<&RawValue>(arguments) {
            Ok(raw) if raw.get().starts_with('{') => Self::Object(raw),
            Ok(_) | Err(_) => Self::Wrapped(arguments),
        }
    }
}

impl Serialize for Input<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Object(raw) => raw.serialize(serializer),
            Self::Empty => serializer.serialize_map(Some(0))?.end(),
            Self::Wrapped(text) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("arguments", text)?;
                map.end()
            }
        }
    }
}
