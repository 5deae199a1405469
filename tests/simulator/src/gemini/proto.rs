//! Proto JSON: every message knows its fields, in camelCase or snake_case; anything else is refused in the API's words.
//! <https://protobuf.dev/programming-guides/json/>

use serde_json::{Map, Value};

use super::error::invalid;
use crate::fault::Fault;

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    Bytes,
    Flag,
    Int32,
    Int64,
    Float,
    /// A word; which ones are known is another matter.
    Word,
    /// Any JSON object (`google.protobuf.Struct`).
    Struct,
    /// Any JSON value, or a message that is not looked into.
    Any,
    One(&'static Message),
    Many(&'static Kind),
    Named(&'static Kind),
}

/// A message's fields, in camelCase.
#[derive(Debug)]
pub(super) struct Message(pub(super) &'static [(&'static str, Kind)]);

/// The fields of a message under their camelCase names. A single value stands for a list of one.
///
/// # Errors
/// The refusal of the API, for a field that it does not know and a value of another type.
pub(super) fn read(value: &Value, message: &'static Message, path: &str) -> Result<Value, Fault> {
    let Value::Object(fields) = value else { return Err(wrong_type(path, "message", value)) };
    let mut out = Map::new();
    for (name, value) in fields {
        let camel = camel(name);
        let Some((known, kind)) = message.0.iter().find(|(known, _)| *known == camel) else {
            return Err(unknown(name, path));
        };
        if value.is_null() {
            continue;
        }
        let path = if path.is_empty() { snake(known) } else { format!("{path}.{}", snake(known)) };
        out.insert((*known).to_owned(), read_kind(value, *kind, &path)?);
    }
    Ok(Value::Object(out))
}

fn read_kind(value: &Value, kind: Kind, path: &str) -> Result<Value, Fault> {
    let fits = match kind {
        Kind::One(message) => return read(value, message, path),
        Kind::Many(kind) => {
            let Value::Array(items) = value else { return Ok(Value::Array(vec![read_kind(value, *kind, path)?])) };
            let items = items.iter().enumerate().map(|(n, item)| read_kind(item, *kind, &format!("{path}[{n}]")));
            return items.collect::<Result<_, _>>().map(Value::Array);
        }
        Kind::Named(kind) => {
            let Value::Object(fields) = value else { return Err(wrong_type(path, "map", value)) };
            let fields = fields
                .iter()
                .map(|(name, value)| Ok((name.clone(), read_kind(value, *kind, &format!("{path}[{name:?}].value"))?)));
            return fields.collect::<Result<_, _>>().map(Value::Object);
        }
        Kind::Text | Kind::Word => value.is_string(),
        Kind::Bytes => return read_bytes(value, path),
        Kind::Flag => value.is_boolean(),
        Kind::Int32 => {
            value.as_i64().is_some_and(|n| i32::try_from(n).is_ok())
                || value.as_f64().is_some_and(|n| n.fract() == 0.0 && n.abs() < 2e9)
        }
        Kind::Int64 => {
            value.is_i64() || value.is_u64() || value.as_str().is_some_and(|text| text.parse::<i64>().is_ok())
        }
        Kind::Float => value.is_number(),
        Kind::Struct => value.is_object(),
        Kind::Any => true,
    };
    if fits { Ok(value.clone()) } else { Err(wrong_type(path, name_of(kind), value)) }
}

fn read_bytes(value: &Value, path: &str) -> Result<Value, Fault> {
    let Value::String(text) = value else { return Err(wrong_type(path, "TYPE_BYTES", value)) };
    let is_base64 = text.trim_end_matches('=').bytes().all(|b| b.is_ascii_alphanumeric() || b"+/-_".contains(&b));
    if is_base64 && text.trim_end_matches('=').len() % 4 != 1 {
        return Ok(value.clone());
    }
    Err(invalid(format!("Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed for {value}")).param(path))
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "TYPE_STRING",
        Kind::Bytes => "TYPE_BYTES",
        Kind::Flag => "TYPE_BOOL",
        Kind::Int32 => "TYPE_INT32",
        Kind::Int64 => "TYPE_INT64",
        Kind::Float => "TYPE_FLOAT",
        Kind::Word => "type.googleapis.com/Enum",
        Kind::Struct => "type.googleapis.com/google.protobuf.Struct",
        Kind::Any | Kind::One(_) | Kind::Many(_) | Kind::Named(_) => "message",
    }
}

fn wrong_type(path: &str, kind: &str, value: &Value) -> Fault {
    let short: String = value.to_string().chars().take(100).collect();
    invalid(format!("Invalid value at '{path}' ({kind}), {short}")).param(path)
}

fn unknown(name: &str, path: &str) -> Fault {
    let at = if path.is_empty() { String::new() } else { format!(" at '{path}'") };
    invalid(format!("Invalid JSON payload received. Unknown name \"{name}\"{at}: Cannot find field.")).param(path)
}

fn camel(name: &str) -> String {
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

fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
