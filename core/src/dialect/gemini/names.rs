//! How this dialect's JSON is spelled: two spellings of each name, numbers as strings, lists of one without their list.

use crate::loss::Losses;
use crate::text::Str;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// Notes fields that cannot be carried: those in `known` under the name there, others under the client's own.
/// `within` is the path of the object, with a dot at its end where it is not empty; `known` are whole paths.
pub(super) fn note(fields: &[Str<'_>], within: &str, known: &[&'static str], losses: &mut Losses) {
    for field in fields {
        let name = camel(field);
        match known.iter().find(|path| path.strip_prefix(within) == Some(name.as_str())) {
            Some(path) => losses.add(path),
            None => losses.add_unknown(within.trim_end_matches('.'), &name),
        }
    }
}

/// `snake_case` as `camelCase`.
pub(super) fn camel(name: &str) -> String {
    let mut upper = false;
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '_' if !out.is_empty() => upper = true,
            c if std::mem::take(&mut upper) => out.push(c.to_ascii_uppercase()),
            c => out.push(c),
        }
    }
    out
}

/// A list, or its only element without the list.
#[derive(Debug)]
pub(super) struct Many<T>(pub(super) Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMore<T> {
            type Value = Many<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array or an object")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut many = Vec::new();
                while let Some(item) = items.next_element()? {
                    many.push(item);
                }
                Ok(Many(many))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Ok(Many(vec![T::deserialize(MapAccessDeserializer::new(map))?]))
            }
        }

        deserializer.deserialize_any(OneOrMore(PhantomData))
    }
}

/// A whole number, also as a string or with a fraction of nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Int(pub(super) i64);

impl Int {
    /// A count: nothing below 0.
    pub(super) fn count(self) -> u64 {
        u64::try_from(self.0).unwrap_or(0)
    }
}

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = Int;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Int, E> {
                Ok(Int(number))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Int, E> {
                Ok(Int(i64::try_from(number).unwrap_or(i64::MAX)))
            }

            #[allow(clippy::cast_possible_truncation, reason = "the cast saturates")]
            fn visit_f64<E: Error>(self, number: f64) -> Result<Int, E> {
                Ok(Int(number as i64))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Int, E> {
                text.trim().parse().map(Int).map_err(|_| E::custom("a string that holds no whole number"))
            }
        }

        deserializer.deserialize_any(Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_one_way() {
        for (name, expected) in
            [("max_output_tokens", "maxOutputTokens"), ("topP", "topP"), ("_private", "_private"), ("a__b_", "aB")]
        {
            assert_eq!(camel(name), expected);
        }
    }

    #[test]
    fn known_fields_are_noted_by_their_path() {
        let mut losses = Losses::default();
        let known = ["generationConfig.speechConfig", "labels"];
        note(&["speech_config".into(), "new_thing".into()], "generationConfig.", &known, &mut losses);
        note(&["labels".into(), "other".into()], "", &known, &mut losses);
        assert_eq!(losses.header(), "generationConfig.speechConfig, generationConfig.newThing, labels, other");
        assert_eq!(losses.labels().collect::<Vec<_>>(), ["generationConfig.speechConfig", "other", "labels", "other"]);
    }

    #[test]
    fn numbers_and_lists_in_every_form() {
        for (json, expected) in [("7", 7), ("\"7\"", 7), ("-1", -1), ("7.0", 7), ("1e30", i64::MAX)] {
            assert_eq!(serde_json::from_str::<Int>(json).unwrap(), Int(expected), "{json}");
        }
        assert!(serde_json::from_str::<Int>("\"x\"").is_err());
        assert_eq!(serde_json::from_str::<Many<Int>>("[1,2]").unwrap().0.len(), 2);
        assert_eq!(serde_json::from_str::<Many<serde::de::IgnoredAny>>("{}").unwrap().0.len(), 1);
    }
}
