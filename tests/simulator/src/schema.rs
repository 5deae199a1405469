//! An example value for a JSON schema: what a model that is forced to fill a shape would send.
//!
//! Enough of JSON Schema for tool parameters and structured answers; not a validator.

use serde_json::{Map, Value};

/// A schema nested deeper than this ends in null, so that a schema that refers to itself ends.
const DEPTH_MAX: usize = 12;

/// The smallest plausible value: required properties, first enum entry, `"value"`, 1, true.
pub(crate) fn example(schema: &Value) -> Value {
    example_of(schema, schema, 0)
}

fn example_of(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    let inner = |schema: &Value| example_of(schema, root, depth + 1);
    if let Some(fixed) = schema.get("const").or_else(|| schema.get("enum")?.get(0)) {
        return fixed.clone();
    }
    if let Some(target) =
        schema.get("$ref").and_then(Value::as_str).and_then(|path| root.pointer(path.strip_prefix('#')?))
    {
        return inner(target);
    }
    if let Some(first) = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema.get(key)?.get(0)) {
        return inner(first);
    }
    match type_of(schema) {
        "object" => object(schema, inner),
        "array" => {
            let count = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1).min(8);
            (0..count).map(|_| schema.get("items").map_or(Value::from("value"), inner)).collect()
        }
        "string" => string(schema).into(),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| 1.into()),
        "boolean" => true.into(),
        "null" => Value::Null,
        _ => "value".into(),
    }
}

fn type_of(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(name)) => name,
        // ["string", "null"]: the first is the one that says something.
        Some(Value::Array(names)) => names.first().and_then(Value::as_str).unwrap_or_default(),
        _ if schema.get("properties").is_some() => "object",
        _ if schema.get("items").is_some() => "array",
        _ => "",
    }
}

fn object(schema: &Value, inner: impl Fn(&Value) -> Value) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let mut fields = Map::new();
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        let value = properties.and_then(|properties| properties.get(name)).map_or(Value::from("value"), &inner);
        fields.insert(name.to_owned(), value);
    }
    Value::Object(fields)
}

fn string(schema: &Value) -> String {
    match schema.get("format").and_then(Value::as_str) {
        Some("date") => "2026-01-01".to_owned(),
        Some("date-time") => "2026-01-01T00:00:00Z".to_owned(),
        Some("email") => "someone@example.com".to_owned(),
        Some("uri") => "https://example.com/".to_owned(),
        Some("uuid") => "00000000-0000-4000-8000-000000000000".to_owned(),
        Some(_) | None => {
            let shortest =
                schema.get("minLength").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            format!("{:x<width$}", "value", width = shortest.min(1000))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn examples_fit() {
        for (schema, wanted) in [
            (
                json!({"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}},"required":["b","a"]}),
                json!({"b":1,"a":"value"}),
            ),
            (json!({"type":"object","properties":{"a":{"type":"string"}}}), json!({})),
            (json!({"enum":["celsius","f"]}), json!("celsius")),
            (json!({"type":["number","null"],"minimum":5}), json!(5)),
            (json!({"type":"array","items":{"type":"boolean"}}), json!([true])),
            (json!({"anyOf":[{"type":"null"},{"type":"string"}]}), json!(null)),
            (
                json!({"$defs":{"x":{"const":7}},"type":"object","properties":{"p":{"$ref":"#/$defs/x"}},"required":["p"]}),
                json!({"p":7}),
            ),
            (json!({"type":"string","minLength":7}), json!("valuexx")),
            (json!({}), json!("value")),
        ] {
            assert_eq!(example(&schema), wanted, "{schema}");
        }
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = json!({"type":"object","properties":{"next":{"$ref":"#"}},"required":["next"]});
        assert!(example(&schema).is_object());
    }
}
