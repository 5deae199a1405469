//! The lists of models, in both shapes. Any other name is served as well.

use bytes::Bytes;
use serde_json::{Value, json};

const OPENAI: [&str; 6] = ["gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-5", "gpt-5-mini", "o4-mini"];
const ANTHROPIC: [(&str, &str); 3] = [
    ("claude-opus-4-5", "Claude Opus 4.5"),
    ("claude-sonnet-4-5", "Claude Sonnet 4.5"),
    ("claude-haiku-4-5", "Claude Haiku 4.5"),
];

pub(crate) fn openai() -> Bytes {
    let data: Vec<Value> = OPENAI
        .iter()
        .map(|id| json!({"id": id, "object": "model", "created": 1_715_367_049, "owned_by": "system"}))
        .collect();
    Bytes::from(json!({"object": "list", "data": data}).to_string())
}

pub(crate) fn anthropic() -> Bytes {
    let data: Vec<Value> = ANTHROPIC
        .iter()
        .map(
            |(id, name)| json!({"type": "model", "id": id, "display_name": name, "created_at": "2025-10-01T00:00:00Z"}),
        )
        .collect();
    let [(first, _), .., (last, _)] = ANTHROPIC;
    Bytes::from(json!({"data": data, "has_more": false, "first_id": first, "last_id": last}).to_string())
}

pub(crate) fn gemini() -> Bytes {
    let models: Vec<Value> = ["gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-flash", "gemini-embedding-001"]
        .iter()
        .map(|id| json!({"name": format!("models/{id}"), "version": "001", "displayName": id}))
        .collect();
    Bytes::from(json!({"models": models}).to_string())
}
