//! `POST /v1/moderations`: <https://platform.openai.com/docs/api-reference/moderations>.

use serde_json::{Map, Value, json};

use super::{Answer, Call};
use crate::fault::Fault;
use crate::openai::request::{Kind, missing, wrong_type};

const PARAMETERS: [(&str, Kind, bool); 2] = [("input", Kind::Own, false), ("model", Kind::Text, false)];
const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

/// What speaks of violence (the word is in it) is flagged; nothing else is.
pub(super) fn answer(call: Call<'_>) -> Result<Answer, Fault> {
    let request = call.json(&PARAMETERS)?;
    let results: Vec<Value> = match request.get("input") {
        Some(Value::String(text)) => vec![result(text)],
        Some(Value::Array(items)) if items.iter().any(Value::is_object) => vec![result(&parts(items)?)],
        Some(Value::Array(items)) if !items.is_empty() => items
            .iter()
            .map(|item| item.as_str().map(result).ok_or_else(|| wrong_input(item)))
            .collect::<Result<_, _>>()?,
        None => return Err(missing("input")),
        Some(other) => return Err(wrong_input(other)),
    };
    let model = request.get("model").and_then(Value::as_str).unwrap_or("omni-moderation-latest");
    Ok(Answer::json(&json!({"id": format!("modr-sim{}", call.n), "model": model, "results": results})))
}

fn wrong_input(got: &Value) -> Fault {
    wrong_type("input", "one of a string, array of strings, or array of objects", got)
}

/// What several parts say together.
fn parts(items: &[Value]) -> Result<String, Fault> {
    let mut text = String::new();
    for item in items {
        match item.get("type").and_then(Value::as_str) {
            Some("text") => {
                text.push_str(item.get("text").and_then(Value::as_str).ok_or_else(|| missing("input[].text"))?)
            }
            Some("image_url") => {
                item.pointer("/image_url/url")
                    .and_then(Value::as_str)
                    .ok_or_else(|| missing("input[].image_url.url"))?;
            }
            Some(_) | None => return Err(wrong_input(item)),
        }
    }
    Ok(text)
}

fn result(text: &str) -> Value {
    let flagged = text.contains("violence");
    let each = |value: fn(bool) -> Value| -> Map<String, Value> {
        CATEGORIES.iter().map(|name| ((*name).to_owned(), value(flagged && *name == "violence"))).collect()
    };
    json!({
        "flagged": flagged,
        "categories": each(Value::Bool),
        "category_scores": each(|is_it| if is_it { json!(0.91) } else { json!(0.0001) }),
        "category_applied_input_types": each(|_| json!(["text"])),
    })
}
