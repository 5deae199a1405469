//! JSON schemas of tools' arguments: they travel as they were written, but for what a provider demands at their top.

use crate::edit::Object;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The schema with these members (name and JSON) added where it has none of the name; `None` if it is no object.
pub(super) fn completed<'a>(schema: &'a RawValue, demanded: &[(&str, &str)]) -> Option<Cow<'a, RawValue>> {
    let object = Object::read(schema.get().as_bytes()).ok()?;
    let mut edit = object.edit();
    for (name, json) in demanded.iter().filter(|(name, _)| object.raw(name).is_none()) {
        edit.set(name, json);
    }
    if edit.is_empty() {
        return Some(Cow::Borrowed(schema));
    }
    let completed = String::from_utf8(edit.write()).ok()?;
    RawValue::from_string(completed).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_added() {
        let demanded = [("type", "\"object\""), ("properties", "{}")];
        for (schema, expected) in [
            ("{}", Some(r#"{"type":"object","properties":{}}"#)),
            (r#"{ "type": "object" }"#, Some(r#"{ "type": "object" ,"properties":{}}"#)),
            (r#"{"properties":{"type":1},"n":1e400}"#, Some(r#"{"properties":{"type":1},"n":1e400,"type":"object"}"#)),
            (r#"{"properties":{},"typ\u0065":"object"}"#, Some(r#"{"properties":{},"typ\u0065":"object"}"#)),
            ("true", None),
        ] {
            let raw: Box<RawValue> = serde_json::from_str(schema).unwrap();
            assert_eq!(completed(&raw, &demanded).as_deref().map(RawValue::get), expected);
        }
    }
}
