//! Tools and response schemas, as the model gets to read them.
//!
//! OpenAI shows tools to its models as a TypeScript namespace with comments, which models have recited and gpt-oss
//! documents (<https://developers.openai.com/cookbook/articles/openai-harmony>). What is counted here is that text;
//! usage reports of the older models differ from it by a few tokens a tool. Anthropic puts a fixed prompt before tools
//! and shows them as JSON.

use super::Counter;
use super::family::Family;
use super::request::Tally;
use crate::chat::{Format, Tool};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fmt::Write;

/// `# Tools`, `## functions` and what ends them.
const OPENAI_TOOLS: u64 = 9;
/// What a system message that is there anyway saves.
const OPENAI_SYSTEM_SHARED: u64 = 4;
/// The largest of Anthropic's documented prompts for tools (159 to 530 tokens by model and choice):
/// <https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview#pricing>.
const CLAUDE_TOOLS: u64 = 530;
/// Around a tool that is shown as JSON; a guess.
const JSON_TOOL: u64 = 16;
/// `# Response Formats` and the name's frame.
const FORMAT: u64 = 12;

/// What the tools add to a prompt.
pub(super) fn of_tools(tools: &[Tool<'_>], has_system: bool, counter: &Counter<'_>, family: Family) -> Tally {
    if tools.is_empty() {
        return Tally::default();
    }
    match family {
        Family::OpenAi => {
            let frame = if has_system { OPENAI_TOOLS - OPENAI_SYSTEM_SHARED } else { OPENAI_TOOLS + 4 };
            Tally::guess(counter.count(&namespace(tools)).saturating_add(frame))
        }
        Family::Claude | Family::NewClaude => Tally::guess(CLAUDE_TOOLS) + as_json(tools, counter),
        Family::Gemini
        | Family::NewGemini
        | Family::Llama
        | Family::Mistral
        | Family::Qwen
        | Family::DeepSeek
        | Family::Other => as_json(tools, counter),
    }
}

/// What the form of the answer adds to a prompt.
pub(super) fn of_format(format: Option<&Format<'_>>, counter: &Counter<'_>) -> Tally {
    match format {
        None | Some(Format::JsonObject) => Tally::default(),
        Some(Format::JsonSchema { name, description, schema, .. }) => {
            let texts = name.iter().chain(description).map(|text| counter.count(text)).sum::<u64>();
            let schema = schema.as_ref().map_or(0, |schema| counter.count(schema.get()));
            Tally::guess(FORMAT.saturating_add(texts).saturating_add(schema))
        }
    }
}

fn as_json(tools: &[Tool<'_>], counter: &Counter<'_>) -> Tally {
    let of_tool = |tool: &Tool<'_>| {
        let description = tool.description.as_ref().map_or(0, |text| counter.count(text));
        let schema = tool.schema.as_ref().map_or(0, |schema| counter.count(schema.get()));
        Tally::guess(JSON_TOOL + counter.count(&tool.name)) + Tally::guess(description) + Tally::guess(schema)
    };
    tools.iter().map(of_tool).sum()
}

/// The tools as OpenAI writes them.
fn namespace(tools: &[Tool<'_>]) -> String {
    let mut out = "namespace functions {\n\n".to_owned();
    for tool in tools {
        if let Some(description) = &tool.description {
            comment(description, &mut out);
        }
        let schema = tool.schema.as_ref().map(|schema| serde_json::from_str::<Value>(schema.get()));
        let _ = match schema {
            Some(Ok(Value::Object(schema))) if has_properties(&schema) => {
                let _ = write!(out, "type {} = (_: ", tool.name);
                object(&schema, &mut out);
                out.write_str(") => any;\n\n")
            }
            // Deeper than we read: as it was written.
            Some(Err(_)) => writeln!(out, "type {} = (_: {}) => any;\n", tool.name, raw(tool)),
            Some(Ok(_)) | None => writeln!(out, "type {} = () => any;\n", tool.name),
        };
    }
    out.push_str("} // namespace functions");
    out
}

fn raw<'t>(tool: &'t Tool<'_>) -> &'t str {
    tool.schema.as_ref().map_or("", |schema| schema.get())
}

fn has_properties(schema: &Map<String, Value>) -> bool {
    schema.get("properties").and_then(Value::as_object).is_some_and(|properties| !properties.is_empty())
}

fn comment(text: &str, out: &mut String) {
    for line in text.lines() {
        let _ = writeln!(out, "// {line}");
    }
}

/// The properties of an object, one a line. How deep this goes is bounded by the JSON parser (128).
fn object(schema: &Map<String, Value>, out: &mut String) {
    let required = schema.get("required").and_then(Value::as_array);
    let required: HashSet<&str> = required.into_iter().flatten().filter_map(Value::as_str).collect();
    out.push_str("{\n");
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if let Some(description) = property.get("description").and_then(Value::as_str) {
            comment(description, out);
        }
        let optional = if required.contains(name.as_str()) { "" } else { "?" };
        let _ = write!(out, "{name}{optional}: ");
        type_of(property, out);
        match property.get("default") {
            Some(default) => {
                let _ = writeln!(out, ", // default: {default}");
            }
            None => out.push_str(",\n"),
        }
    }
    out.push('}');
}

fn type_of(schema: &Value, out: &mut String) {
    let alternatives = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(key).and_then(Value::as_array));
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        union(values, |value, out| out.push_str(&value.to_string()), out);
    } else if let Some(alternatives) = alternatives {
        union(alternatives, type_of, out);
    } else {
        match schema.get("type") {
            Some(Value::String(name)) => named_type(name, schema, out),
            Some(Value::Array(names)) => {
                union(names, |name, out| named_type(name.as_str().unwrap_or("any"), schema, out), out);
            }
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => out.push_str("any"),
        }
    }
}

fn union(members: &[Value], member: impl Fn(&Value, &mut String), out: &mut String) {
    for (place, value) in members.iter().enumerate() {
        if place > 0 {
            out.push_str(" | ");
        }
        member(value, out);
    }
}

fn named_type(name: &str, schema: &Value, out: &mut String) {
    match (name, schema) {
        ("integer", _) => out.push_str("number"),
        ("object", Value::Object(schema)) if has_properties(schema) => object(schema, out),
        ("array", schema) => {
            match schema.get("items") {
                Some(items) => type_of(items, out),
                None => out.push_str("any"),
            }
            out.push_str("[]");
        }
        (name, _) => out.push_str(name),
    }
}
