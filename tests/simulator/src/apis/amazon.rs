//! Bedrock's `InvokeModel` of embedding models: Amazon Titan (versions 1 and 2) and Cohere.
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html>,
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html>
//!
//! The key is checked before this is reached.

use http::Method;
use serde_json::{Map, Value, json};

use super::{Answer, Call, Content, cohere, set, vector};
use crate::turn::tokens;

/// The embedding model that a path names: `/model/amazon.titan-embed-text-v2%3A0/invoke`.
pub(super) fn embedding_model(path: &str) -> Option<String> {
    let model = path.strip_prefix("/model/")?.strip_suffix("/invoke")?;
    let model = model.replace("%3A", ":").replace("%3a", ":").replace("%2F", "/");
    (model.contains("titan-embed-text") || model.contains("cohere.embed")).then_some(model)
}

pub(super) fn invoke(call: Call<'_>, model: &str) -> Answer {
    if call.method != Method::POST {
        return refused(405, "UnknownOperationException", "");
    }
    let Ok(Value::Object(request)) = serde_json::from_slice(call.body) else {
        return malformed("", "expected type: JSONObject, found: Null");
    };
    let made =
        if model.contains("cohere") { of_cohere(call, model, &request) } else { of_titan(call, model, &request) };
    match made {
        Ok((body, tokens)) => {
            let mut answer = Answer::json(&body);
            answer.headers = vec![
                ("x-amzn-bedrock-input-token-count", tokens.to_string()),
                ("x-amzn-bedrock-invocation-latency", "1".to_owned()),
                ("x-amzn-requestid", format!("00000000-0000-4000-8000-{:012}", call.n)),
            ];
            answer
        }
        Err(refusal) => *refusal,
    }
}

fn refused(status: u16, kind: &str, message: &str) -> Answer {
    let body = json!({"message": message}).to_string();
    let headers = vec![("x-amzn-errortype", kind.to_owned())];
    Answer { status, headers, content: Content::Whole(body.into()), ..Answer::json(&Value::Null) }
}

fn malformed(place: &str, what: &str) -> Answer {
    let message = format!("Malformed input request: #{place}: {what}, please reformat your input and try again.");
    refused(400, "ValidationException", &message)
}

type Made = Result<(Value, u64), Box<Answer>>;

fn of_titan(call: Call<'_>, model: &str, request: &Map<String, Value>) -> Made {
    let is_first = !model.contains("v2");
    let known: &[&str] =
        if is_first { &["inputText"] } else { &["inputText", "dimensions", "normalize", "embeddingTypes"] };
    only(call, request, known)?;
    let text = match request.get("inputText") {
        None => return Err(malformed("", "required key [inputText] not found").into()),
        Some(Value::String(text)) if text.is_empty() => {
            return Err(malformed("/inputText", "expected minLength: 1, actual: 0").into());
        }
        Some(Value::String(text)) => text,
        Some(_) => return Err(malformed("/inputText", "expected type: String, found: JSONArray").into()),
    };
    let dimensions = match request.get("dimensions").map(Value::as_u64) {
        None if is_first => 1536,
        None => 1024,
        Some(Some(wanted @ (256 | 512 | 1024))) => usize::try_from(wanted).unwrap_or(256),
        Some(_) => return Err(malformed("/dimensions", "is not a valid enum value").into()),
    };
    if request.get("normalize").is_some_and(|value| !value.is_boolean()) {
        return Err(malformed("/normalize", "expected type: Boolean, found: String").into());
    }
    let numbers = vector::of(text, dimensions);
    let count = tokens(text.len());
    let mut answer = json!({"embedding": vector::json(&numbers), "inputTextTokenCount": count});
    if is_first {
        return Ok((answer, count));
    }
    let mut by_type = Map::new();
    let default = [json!("float")];
    let wanted =
        request.get("embeddingTypes").map_or(Some(default.as_slice()), |list| list.as_array().map(Vec::as_slice));
    for name in wanted.unwrap_or_default() {
        match name.as_str() {
            Some("float") => by_type.insert("float".to_owned(), vector::json(&numbers)),
            Some("binary") => {
                let bits = numbers.iter().map(|number| u8::from(*number > 0.0)).collect();
                by_type.insert("binary".to_owned(), bits)
            }
            Some(_) | None => return Err(malformed("/embeddingTypes/0", "is not a valid enum value").into()),
        };
    }
    set(&mut answer, "embeddingsByType", Value::Object(by_type));
    Ok((answer, count))
}

fn of_cohere(call: Call<'_>, model: &str, request: &Map<String, Value>) -> Made {
    let is_v4 = model.contains("v4");
    let mut known = vec!["texts", "images", "input_type", "truncate", "embedding_types"];
    if is_v4 {
        known.extend(["inputs", "max_tokens", "output_dimension"]);
    }
    only(call, request, &known)?;
    let made =
        cohere::made(request, is_v4).map_err(|message| Box::new(refused(400, "ValidationException", &message)))?;
    let id = format!("00000000-0000-4000-8000-{:012}", call.n);
    let mut answer = if request.contains_key("embedding_types") {
        json!({"id": id, "embeddings": made.by_type, "response_type": "embeddings_by_type"})
    } else {
        json!({"id": id, "embeddings": made.by_type.get("float"), "response_type": "embeddings_floats"})
    };
    set(&mut answer, "texts", json!(made.texts));
    Ok((answer, made.tokens))
}

fn only(call: Call<'_>, request: &Map<String, Value>, known: &[&str]) -> Result<(), Box<Answer>> {
    match request.keys().find(|name| call.validates && !known.contains(&name.as_str())) {
        Some(name) => Err(malformed("", &format!("extraneous key [{name}] is not permitted")).into()),
        None => Ok(()),
    }
}
