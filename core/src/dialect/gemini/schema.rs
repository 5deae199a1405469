//! Google's `Schema` (<https://ai.google.dev/api/caching#Schema>), a part of OpenAPI's, as JSON Schema.
//!
//! The other way is never needed: the API takes JSON Schema as it is in `parametersJsonSchema` and `responseJsonSchema`.

use super::names::{Int, camel};
use crate::dialect::wire::{Raw, wire};
use crate::loss::Losses;
use crate::text::Str;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Number;
use serde_json::value::{RawValue, to_raw_value};
use std::fmt;

wire! {
    /// A schema as Google writes it.
    struct Schema<'a> {
        kind "type": Str<'a>,
        title: Str<'a>,
        description: Str<'a>,
        format: Str<'a>,
        nullable: bool,
        choices "enum": Raw<'a>,
        items: Box<Schema<'a>>,
        prefix_items "prefixItems" | "prefix_items": Vec<Schema<'a>>,
        min_items "minItems" | "min_items": Int,
        max_items "maxItems" | "max_items": Int,
        properties: Properties<'a>,
        required: Raw<'a>,
        min_properties "minProperties" | "min_properties": Int,
        max_properties "maxProperties" | "max_properties": Int,
        additional_properties "additionalProperties" | "additional_properties": Additional<'a>,
        minimum: Number,
        maximum: Number,
        min_length "minLength" | "min_length": Int,
        max_length "maxLength" | "max_length": Int,
        pattern: Str<'a>,
        default: Raw<'a>,
        example: Raw<'a>,
        any_of "anyOf" | "any_of": Vec<Schema<'a>>,
        reference "ref": Str<'a>,
        defs: Properties<'a>,
        // The order in which the model writes the properties: the properties stand in theirs.
        _ordering "propertyOrdering" | "property_ordering": IgnoredAny,
    }
}

/// Named schemas in their order.
#[derive(Debug, Default)]
pub(super) struct Properties<'a>(Vec<(Str<'a>, Schema<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Properties<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Properties<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of schemas")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    all.push(entry);
                }
                Ok(Properties(all))
            }
        }

        deserializer.deserialize_map(Each)
    }
}

/// Whether there may be other properties, and which.
#[derive(Debug)]
pub(super) enum Additional<'a> {
    Allowed(bool),
    Like(Box<Schema<'a>>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Additional<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Additional<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a boolean or a schema")
            }

            fn visit_bool<E>(self, allowed: bool) -> Result<Self::Value, E> {
                Ok(Additional::Allowed(allowed))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let schema = Schema::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Additional::Like(Box::new(schema)))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// What a schema is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// A function's parameters.
    Parameters,
    /// The answer. Google's models write no property that is not in it, and other providers want to be told so.
    Answer,
}

/// The schema as JSON Schema; members that Google's reference does not know are noted, under `within`.
///
/// # Errors
/// What is wrong with it, in words, where it is no schema.
pub(super) fn to_json_schema(
    raw: &RawValue,
    what: Use,
    within: &str,
    losses: &mut Losses,
) -> Result<Box<RawValue>, String> {
    let mut schema: Schema<'_> = serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
    schema.note(within, losses);
    if what == Use::Answer {
        schema.close();
    }
    to_raw_value(&schema).map_err(|error| error.to_string())
}

impl Schema<'_> {
    fn note(&self, within: &str, losses: &mut Losses) {
        for field in &self.unknown {
            losses.add_unknown(within, &camel(field));
        }
        let like = match &self.additional_properties {
            Some(Additional::Like(schema)) => Some(schema),
            Some(Additional::Allowed(_)) | None => None,
        };
        let named = self.properties.iter().chain(&self.defs).flat_map(|all| &all.0).map(|(_, schema)| schema);
        let listed = self.any_of.iter().chain(&self.prefix_items).flatten();
        let single = self.items.iter().chain(like).map(AsRef::as_ref);
        for schema in named.chain(listed).chain(single) {
            schema.note(within, losses);
        }
    }
}

impl Schema<'_> {
    /// Allows no properties but those that are named, where nothing is said about others.
    fn close(&mut self) {
        let is_object = self.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("object"));
        if is_object && self.properties.as_ref().is_some_and(|properties| !properties.0.is_empty()) {
            self.additional_properties.get_or_insert(Additional::Allowed(false));
        }
        let named = self.properties.iter_mut().chain(&mut self.defs).flat_map(|all| &mut all.0);
        named.for_each(|(_, schema)| schema.close());
        self.any_of.iter_mut().chain(&mut self.prefix_items).flatten().for_each(Schema::close);
        self.items.iter_mut().for_each(|schema| schema.close());
    }
}

impl Serialize for Schema<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let nullable = self.nullable == Some(true);
        let mut map = serializer.serialize_map(None)?;
        macro_rules! entries {
            ($($name:literal: $field:ident),*) => {
                $(if let Some(value) = &self.$field {
                    map.serialize_entry($name, value)?;
                })*
            };
        }
        // A schema cannot be nullable beside `anyOf` and without a type: null is one more alternative then.
        match self.kind.as_deref().map(str::to_ascii_lowercase) {
            Some(kind) if kind == "type_unspecified" => {}
            Some(kind) if nullable => map.serialize_entry("type", &[kind.as_str(), "null"])?,
            Some(kind) => map.serialize_entry("type", &kind)?,
            None => {}
        }
        entries!("title": title, "description": description, "format": format, "pattern": pattern, "default": default);
        if let Some(choices) = self.choices {
            map.serialize_entry("enum", &Choices { choices, nullable })?;
        }
        entries!(
            "minimum": minimum, "maximum": maximum, "properties": properties, "required": required,
            "additionalProperties": additional_properties, "items": items, "prefixItems": prefix_items
        );
        let counts = [
            ("minLength", self.min_length),
            ("maxLength", self.max_length),
            ("minItems", self.min_items),
            ("maxItems", self.max_items),
            ("minProperties", self.min_properties),
            ("maxProperties", self.max_properties),
        ];
        for (name, count) in counts {
            if let Some(count) = count {
                map.serialize_entry(name, &count.count())?;
            }
        }
        if let Some(any_of) = &self.any_of {
            map.serialize_entry("anyOf", &AnyOf { any_of, or_null: nullable && self.kind.is_none() })?;
        }
        if let Some(example) = self.example {
            map.serialize_entry("examples", &[example])?;
        }
        if let Some(reference) = &self.reference {
            map.serialize_entry("$ref", &reference.replacen("#/defs/", "#/$defs/", 1))?;
        }
        entries!("$defs": defs);
        map.end()
    }
}

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, schema)| (name, schema)))
    }
}

impl Serialize for Additional<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Allowed(allowed) => allowed.serialize(serializer),
            Self::Like(schema) => schema.serialize(serializer),
        }
    }
}

/// Values that a nullable schema allows include null, which JSON Schema wants to be told.
struct Choices<'a> {
    choices: &'a RawValue,
    nullable: bool,
}

impl Serialize for Choices<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let list: Vec<&RawValue> = serde_json::from_str(self.choices.get()).map_err(serde::ser::Error::custom)?;
        let null = (self.nullable && list.iter().all(|choice| choice.get() != "null")).then_some(RawValue::NULL);
        serializer.collect_seq(list.into_iter().chain(null))
    }
}

struct AnyOf<'s, 'a> {
    any_of: &'s [Schema<'a>],
    or_null: bool,
}

impl Serialize for AnyOf<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let null = self.or_null.then(|| Schema { kind: Some(Str::from("null")), ..Schema::default() });
        serializer.collect_seq(self.any_of.iter().chain(&null))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn converted(schema: &str) -> (String, String) {
        let raw = RawValue::from_string(schema.to_owned()).unwrap();
        let mut losses = Losses::default();
        let json = to_json_schema(&raw, Use::Parameters, "tools", &mut losses)
            .map_or_else(|error| error, |json| json.get().to_owned());
        (json, losses.header())
    }

    fn check(schema: &str, expected: &str, lost: &str) {
        assert_eq!(converted(schema), (expected.to_owned(), lost.to_owned()));
    }

    #[test]
    fn google_as_json_schema() {
        check("{}", "{}", "");
        check(r#"{"type":"STRING"}"#, r#"{"type":"string"}"#, "");
        check(r#"{"type":"TYPE_UNSPECIFIED"}"#, "{}", "");
        check(
            r#"{"type":"string","enum":["a"],"nullable":true}"#,
            r#"{"type":["string","null"],"enum":["a",null]}"#,
            "",
        );
        check(
            r#"{"type":"OBJECT","properties":{"b":{"type":"INTEGER","format":"int64"},"a":{"type":"ARRAY","items":{"type":"NUMBER","minimum":0.5},"minItems":"2"}},"required":["b"],"propertyOrdering":["b","a"]}"#,
            r#"{"type":"object","properties":{"b":{"type":"integer","format":"int64"},"a":{"type":"array","items":{"type":"number","minimum":0.5},"minItems":2}},"required":["b"]}"#,
            "",
        );
        check(
            r#"{"any_of":[{"type":"STRING"},{"type":"BOOLEAN","x_y":1}],"nullable":true,"example":7,"z":null}"#,
            r#"{"anyOf":[{"type":"string"},{"type":"boolean"},{"type":"null"}],"examples":[7]}"#,
            "tools.xY",
        );
        check(
            r##"{"ref":"#/defs/T","defs":{"T":{"type":"OBJECT","additionalProperties":{"type":"STRING"}}}}"##,
            r##"{"$ref":"#/$defs/T","$defs":{"T":{"type":"object","additionalProperties":{"type":"string"}}}}"##,
            "",
        );
        check(r#"{"additionalProperties":false}"#, r#"{"additionalProperties":false}"#, "");
    }

    #[test]
    fn an_answer_has_what_is_named_and_no_more() {
        let raw = r#"{"type":"ARRAY","items":{"type":"OBJECT","properties":{"a":{"type":"OBJECT"}}}}"#;
        let raw = RawValue::from_string(raw.to_owned()).unwrap();
        let closed = to_json_schema(&raw, Use::Answer, "", &mut Losses::default()).unwrap();
        assert_eq!(
            closed.get(),
            r#"{"type":"array","items":{"type":"object","properties":{"a":{"type":"object"}},"additionalProperties":false}}"#
        );
    }

    #[test]
    fn what_is_no_schema_is_said() {
        assert!(converted("7").0.contains("expected an object"));
        assert!(converted(r#"{"enum":7}"#).0.contains("expected a sequence"));
        let deep = format!("{}{}", r#"{"items":"#.repeat(500) + "{}", "}".repeat(500));
        assert!(converted(&deep).0.contains("recursion limit"));
    }

    proptest! {
        #[test]
        fn nothing_panics(schema in crate::dialect::gemini::words::json()) {
            if RawValue::from_string(schema.clone()).is_ok() {
                converted(&schema);
            }
        }
    }
}
