//! Whether an answer is JSON that satisfies a schema: the part of JSON Schema (draft 2020-12) that structured outputs
//! use. A keyword that is not known is an error when it is compiled, never silently ignored.
//! <https://json-schema.org/draft/2020-12/json-schema-validation>

use super::finding::Hit;
use regex_automata::meta::Regex;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// How long an answer may be, in bytes: beyond, nobody decides.
pub(super) const ANSWER_BYTES_MAX: usize = 1 << 20;
/// How deep a schema and its references go, and how much work one answer makes.
const DEPTH_MAX: usize = 64;
const STEPS_MAX: u32 = 1_000_000;

/// Keywords that say nothing about validity.
const NOTES: &[&str] = &[
    "$schema",
    "$id",
    "$comment",
    "$anchor",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
    "contentEncoding",
    "contentMediaType",
];

/// A compiled schema.
#[derive(Debug)]
pub(super) struct Schema {
    root: Node,
    named: BTreeMap<String, Node>,
}

#[derive(Debug)]
enum Node {
    Always,
    Never,
    Rules(Vec<Rule>),
}

#[derive(Debug)]
enum Rule {
    Type(Vec<String>),
    OneOfValues(Vec<Value>),
    Properties { known: BTreeMap<String, Node>, others: Box<Node> },
    Required(Vec<String>),
    Items { first: Vec<Node>, rest: Box<Node> },
    Count { of: Of, min: u64, max: u64 },
    Least(f64),
    Most(f64),
    Above(f64),
    Below(f64),
    MultipleOf(f64),
    Pattern(Box<Regex>),
    Unique,
    All(Vec<Node>),
    Any(Vec<Node>),
    One(Vec<Node>),
    Not(Box<Node>),
    Named(String),
}

#[derive(Clone, Copy, Debug)]
enum Of {
    Chars,
    Items,
    Properties,
}

impl Schema {
    pub(super) fn new(written: &Value) -> Result<Self, String> {
        let mut names = Vec::new();
        let root = node(written, "schema", 0, &mut names)?;
        let mut named = BTreeMap::new();
        while let Some(name) = names.pop() {
            if named.contains_key(&name) {
                continue;
            }
            let pointer = name
                .strip_prefix('#')
                .ok_or_else(|| format!("schema: $ref {name}: only references within the schema (#/…)"))?;
            let target = written.pointer(pointer).ok_or_else(|| format!("schema: $ref {name} leads nowhere"))?;
            let compiled = node(target, &format!("schema{pointer}"), 0, &mut names)?;
            named.insert(name, compiled);
        }
        Ok(Self { root, named })
    }

    /// `None` when it cannot be decided.
    pub(super) fn look(&self, answer: &str) -> Option<Vec<Hit>> {
        if answer.len() > ANSWER_BYTES_MAX {
            return None;
        }
        let Ok(value) = serde_json::from_str::<Value>(answer) else { return Some(vec![Hit::of("json")]) };
        let mut check = Check { named: &self.named, steps: 0 };
        let valid = check.node(&self.root, &value, 0);
        if check.steps > STEPS_MAX {
            return None;
        }
        Some(if valid { Vec::new() } else { vec![Hit::of("schema")] })
    }
}

fn node(written: &Value, path: &str, depth: usize, names: &mut Vec<String>) -> Result<Node, String> {
    if depth > DEPTH_MAX {
        return Err(format!("{path}: deeper than {DEPTH_MAX}"));
    }
    let Value::Object(fields) = written else {
        return match written {
            Value::Bool(true) => Ok(Node::Always),
            Value::Bool(false) => Ok(Node::Never),
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                Err(format!("{path}: a schema is an object, true or false"))
            }
        };
    };
    let mut rules = Vec::new();
    for (keyword, value) in fields {
        let at = format!("{path}.{keyword}");
        rules.extend(rule(keyword, value, fields, &at, depth, names)?);
    }
    Ok(Node::Rules(rules))
}

fn rule(
    keyword: &str,
    value: &Value,
    fields: &Map<String, Value>,
    at: &str,
    depth: usize,
    names: &mut Vec<String>,
) -> Result<Option<Rule>, String> {
    let mut list = |value: &Value| -> Result<Vec<Node>, String> {
        let entries = value.as_array().ok_or_else(|| format!("{at}: a list of schemas"))?;
        entries.iter().map(|entry| node(entry, at, depth + 1, names)).collect()
    };
    let number = || value.as_f64().ok_or_else(|| format!("{at}: a number"));
    let count = || value.as_u64().ok_or_else(|| format!("{at}: a whole number from 0 on"));
    let at_least = |of| count().map(|min| Rule::Count { of, min, max: u64::MAX });
    let at_most = |of| count().map(|max| Rule::Count { of, min: 0, max });
    Ok(Some(match keyword {
        "type" => Rule::Type(types(value, at)?),
        "enum" => Rule::OneOfValues(value.as_array().ok_or_else(|| format!("{at}: a list"))?.clone()),
        "const" => Rule::OneOfValues(vec![value.clone()]),
        "properties" => properties(fields, at, depth, names)?,
        "additionalProperties" if fields.contains_key("properties") => return Ok(None),
        "additionalProperties" => properties(fields, at, depth, names)?,
        "required" => Rule::Required(strings(value, at)?),
        "prefixItems" => items(fields, at, depth, names)?,
        "items" if fields.contains_key("prefixItems") => return Ok(None),
        "items" => items(fields, at, depth, names)?,
        "minItems" => at_least(Of::Items)?,
        "maxItems" => at_most(Of::Items)?,
        "minLength" => at_least(Of::Chars)?,
        "maxLength" => at_most(Of::Chars)?,
        "minProperties" => at_least(Of::Properties)?,
        "maxProperties" => at_most(Of::Properties)?,
        "minimum" => Rule::Least(number()?),
        "maximum" => Rule::Most(number()?),
        "exclusiveMinimum" => Rule::Above(number()?),
        "exclusiveMaximum" => Rule::Below(number()?),
        "multipleOf" => Rule::MultipleOf(number()?),
        "pattern" => {
            let pattern = value.as_str().ok_or_else(|| format!("{at}: a regular expression"))?;
            Rule::Pattern(Box::new(super::patterns::expression(pattern, false).map_err(|why| format!("{at}: {why}"))?))
        }
        "uniqueItems" => match value {
            Value::Bool(true) => Rule::Unique,
            Value::Bool(false)
            | Value::Null
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => return Ok(None),
        },
        "allOf" => Rule::All(list(value)?),
        "anyOf" => Rule::Any(list(value)?),
        "oneOf" => Rule::One(list(value)?),
        "not" => Rule::Not(Box::new(node(value, at, depth + 1, names)?)),
        "$ref" => {
            let name = value.as_str().ok_or_else(|| format!("{at}: a reference"))?;
            names.push(name.to_owned());
            Rule::Named(name.to_owned())
        }
        _ if NOTES.contains(&keyword) => return Ok(None),
        _ => return Err(format!("{at}: this keyword is not supported")),
    }))
}

fn types(value: &Value, at: &str) -> Result<Vec<String>, String> {
    let types = value.as_str().map_or_else(|| strings(value, at), |one| Ok(vec![one.to_owned()]))?;
    let known = ["null", "boolean", "integer", "number", "string", "array", "object"];
    match types.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("{at}: {name} is none of {}", known.join(", "))),
        None => Ok(types),
    }
}

fn strings(value: &Value, at: &str) -> Result<Vec<String>, String> {
    serde_json::from_value(value.clone()).map_err(|_| format!("{at}: a list of strings"))
}

fn properties(fields: &Map<String, Value>, at: &str, depth: usize, names: &mut Vec<String>) -> Result<Rule, String> {
    let mut known = BTreeMap::new();
    if let Some(written) = fields.get("properties") {
        for (name, written) in written.as_object().ok_or_else(|| format!("{at}: an object of schemas"))? {
            known.insert(name.clone(), node(written, &format!("{at}.{name}"), depth + 1, names)?);
        }
    }
    let others =
        fields.get("additionalProperties").map_or(Ok(Node::Always), |others| node(others, at, depth + 1, names))?;
    Ok(Rule::Properties { known, others: Box::new(others) })
}

fn items(fields: &Map<String, Value>, at: &str, depth: usize, names: &mut Vec<String>) -> Result<Rule, String> {
    let first = fields.get("prefixItems").map_or(Some(&[][..]), |list| list.as_array().map(Vec::as_slice));
    let first = first.ok_or_else(|| format!("{at}: a list of schemas"))?;
    let first = first.iter().map(|entry| node(entry, at, depth + 1, names)).collect::<Result<_, _>>()?;
    let rest = fields.get("items").map_or(Ok(Node::Always), |rest| node(rest, at, depth + 1, names))?;
    Ok(Rule::Items { first, rest: Box::new(rest) })
}

/// One answer being checked.
struct Check<'s> {
    named: &'s BTreeMap<String, Node>,
    steps: u32,
}

impl Check<'_> {
    fn node(&mut self, node: &Node, value: &Value, depth: usize) -> bool {
        self.steps = self.steps.saturating_add(1);
        if depth > 4 * DEPTH_MAX || self.steps > STEPS_MAX {
            self.steps = u32::MAX;
            return false;
        }
        match node {
            Node::Always => true,
            Node::Never => false,
            Node::Rules(rules) => rules.iter().all(|rule| self.rule(rule, value, depth + 1)),
        }
    }

    fn rule(&mut self, rule: &Rule, value: &Value, depth: usize) -> bool {
        let number = |holds: &dyn Fn(f64) -> bool| value.as_f64().is_none_or(holds);
        match rule {
            Rule::Type(types) => types.iter().any(|name| is(value, name)),
            Rule::OneOfValues(values) => values.iter().any(|one| same(one, value)),
            Rule::Properties { known, others } => value.as_object().is_none_or(|fields| {
                fields.iter().all(|(name, field)| self.node(known.get(name).unwrap_or(others), field, depth))
            }),
            Rule::Required(names) => {
                value.as_object().is_none_or(|fields| names.iter().all(|name| fields.contains_key(name)))
            }
            Rule::Items { first, rest } => value.as_array().is_none_or(|entries| {
                entries.iter().enumerate().all(|(i, entry)| self.node(first.get(i).unwrap_or(rest), entry, depth))
            }),
            Rule::Count { of, min, max } => count(value, *of).is_none_or(|count| (*min..=*max).contains(&count)),
            Rule::Least(least) => number(&|number| number >= *least),
            Rule::Most(most) => number(&|number| number <= *most),
            Rule::Above(above) => number(&|number| number > *above),
            Rule::Below(below) => number(&|number| number < *below),
            Rule::MultipleOf(step) => number(&|number| (number / step).fract() == 0.0),
            Rule::Pattern(regex) => value.as_str().is_none_or(|text| regex.is_match(text)),
            Rule::Unique => value.as_array().is_none_or(|entries| self.unique(entries)),
            Rule::All(nodes) => nodes.iter().all(|node| self.node(node, value, depth)),
            Rule::Any(nodes) => nodes.iter().any(|node| self.node(node, value, depth)),
            Rule::One(nodes) => nodes.iter().filter(|node| self.node(node, value, depth)).count() == 1,
            Rule::Not(node) => !self.node(node, value, depth),
            Rule::Named(name) => self.named.get(name).is_some_and(|node| self.node(node, value, depth)),
        }
    }

    fn unique(&mut self, entries: &[Value]) -> bool {
        let pairs = entries.len().saturating_mul(entries.len()) / 2;
        self.steps = self.steps.saturating_add(u32::try_from(pairs).unwrap_or(u32::MAX));
        self.steps <= STEPS_MAX
            && entries.iter().enumerate().all(|(i, one)| !entries.iter().skip(i + 1).any(|other| same(one, other)))
    }
}

fn is(value: &Value, name: &str) -> bool {
    match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::Number(number) => {
            name == "number" || (name == "integer" && number.as_f64().is_some_and(|number| number.fract() == 0.0))
        }
        Value::String(_) => name == "string",
        Value::Array(_) => name == "array",
        Value::Object(_) => name == "object",
    }
}

/// 1 and 1.0 are the same number.
fn same(one: &Value, other: &Value) -> bool {
    one == other || (one.is_number() && one.as_f64() == other.as_f64())
}

fn count(value: &Value, of: Of) -> Option<u64> {
    let count = match of {
        Of::Chars => value.as_str()?.chars().count(),
        Of::Items => value.as_array()?.len(),
        Of::Properties => value.as_object()?.len(),
    };
    u64::try_from(count).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn valid(schema: &Value, answer: &str) -> bool {
        Schema::new(schema).expect("compiles").look(answer).expect("decides").is_empty()
    }

    #[test]
    fn what_satisfies_it_passes_and_nothing_else() {
        let person = json!({
            "type": "object", "additionalProperties": false, "required": ["name", "age"],
            "properties": {
                "name": { "type": "string", "minLength": 1, "pattern": "^[A-Z]" },
                "age": { "type": "integer", "minimum": 0, "exclusiveMaximum": 150 },
                "tags": { "type": "array", "items": { "enum": ["a", "b"] }, "maxItems": 2, "uniqueItems": true },
                "boss": { "anyOf": [{ "$ref": "#" }, { "type": "null" }] },
            },
        });
        for answer in [
            r#"{"name":"Ann","age":3}"#,
            r#" {"name":"Ann","age":3.0,"tags":["a","b"]} "#,
            r#"{"name":"Ann","age":3,"boss":{"name":"Bob","age":50,"boss":null}}"#,
        ] {
            assert!(valid(&person, answer), "{answer}");
        }
        for answer in [
            "Ann, 3",
            r#"{"name":"Ann"}"#,
            r#"{"name":"ann","age":3}"#,
            r#"{"name":"Ann","age":-1}"#,
            r#"{"name":"Ann","age":150}"#,
            r#"{"name":"Ann","age":3.5}"#,
            r#"{"name":"Ann","age":3,"x":1}"#,
            r#"{"name":"Ann","age":3,"tags":["a","a"]}"#,
            r#"{"name":"Ann","age":3,"tags":["c"]}"#,
            r#"{"name":"Ann","age":3,"boss":{"name":"Bob"}}"#,
            "[]",
            "",
            r#"{"name":"Ann","age":3"#,
        ] {
            assert!(!valid(&person, answer), "{answer}");
        }
        assert!(valid(&json!({"oneOf": [{"type": "string"}, {"const": 1}], "not": {"const": "x"}}), "1.0"));
        assert!(!valid(&json!({"oneOf": [{"type": "integer"}, {"const": 1}]}), "1"));
        assert!(!valid(&json!({"oneOf": [{"type": "string"}], "not": {"const": "x"}}), "\"x\""));
        assert!(valid(
            &json!({"prefixItems": [{"type": "string"}], "items": {"type": "number", "multipleOf": 2}}),
            r#"["a", 2, 4]"#
        ));
        assert!(!valid(&json!({"prefixItems": [{"type": "string"}], "items": false}), r#"["a", 2]"#));
    }

    #[test]
    fn what_is_not_supported_is_refused_with_its_path() {
        for (schema, why) in [
            (
                json!({"properties": {"a": {"patternProperties": {}}}}),
                "schema.properties.a.patternProperties: this keyword",
            ),
            (json!({"$ref": "https://example.com/x"}), "only references within"),
            (json!({"$ref": "#/$defs/x"}), "leads nowhere"),
            (json!({"type": "text"}), "none of"),
            (json!([1]), "a schema is an object"),
            (json!({"pattern": "("}), "schema.pattern"),
        ] {
            let error = Schema::new(&schema).err().unwrap_or_else(|| panic!("{schema} is refused"));
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn endless_work_is_not_begun() {
        let endless = Schema::new(&json!({"$ref": "#"})).expect("compiles");
        assert_eq!(endless.look("1"), None);
        let wide = Schema::new(&json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#"}]})).expect("compiles");
        assert_eq!(wide.look("1"), None);
    }
}
