//! `/v1/files`: just enough to show that what a gateway does not know goes through it.
//! <https://platform.openai.com/docs/api-reference/files>
//!
//! Nothing is kept: a file's id tells its size.

use http::Method;
use serde_json::{Value, json};

use super::form::Form;
use super::{Answer, Call, set};
use crate::fault::Fault;
use crate::openai::error;
use crate::openai::request::wrong_value;

const PURPOSES: [&str; 6] = ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"];

pub(super) fn answer(call: Call<'_>) -> Result<Answer, Fault> {
    let below = call.path.trim_start_matches("/v1/files").trim_start_matches('/');
    match (call.method, below.split('/').collect::<Vec<_>>().as_slice()) {
        (&Method::POST, [""]) => upload(call),
        (&Method::GET, [""]) => {
            Ok(Answer::json(&json!({"object": "list", "data": [object(3, call.created)], "has_more": false})))
        }
        (&Method::GET, [id]) => Ok(Answer::json(&object(size(id)?, call.created))),
        (&Method::GET, [id, "content"]) => Ok(Answer::of("application/octet-stream", vec![b'x'; size(id)?])),
        (&Method::DELETE, [id]) => {
            size(id)?;
            Ok(Answer::json(&json!({"id": id, "object": "file", "deleted": true})))
        }
        (method, _) => Err(error::wrong_method(method, call.path)),
    }
}

fn upload(call: Call<'_>) -> Result<Answer, Fault> {
    let form = Form::read(&call, &["file", "purpose", "expires_after[anchor", "expires_after[seconds"])?;
    let purpose = form.required("purpose")?;
    if call.validates && !PURPOSES.contains(&purpose) {
        return Err(wrong_value("purpose", &json!(purpose), &PURPOSES));
    }
    let file = form.file("file")?;
    let mut answer = object(file.content.len(), call.created);
    set(&mut answer, "filename", json!(file.name));
    set(&mut answer, "purpose", json!(purpose));
    Ok(Answer::json(&answer))
}

fn object(bytes: usize, created: u64) -> Value {
    json!({
        "id": format!("file-sim{bytes}"), "object": "file", "bytes": bytes, "created_at": created,
        "filename": "a.jsonl", "purpose": "batch", "status": "processed",
    })
}

/// The size that an id tells.
fn size(id: &str) -> Result<usize, Fault> {
    let size = id.strip_prefix("file-sim").and_then(|size| size.parse().ok()).filter(|size| *size <= 64 << 20);
    size.ok_or_else(|| Fault { status: 404, ..Fault::invalid(format!("No such File object: {id}")) }.param("id"))
}
