//! Cohere's `/v2/embed` and `/v2/rerank`: <https://docs.cohere.com/reference/embed>,
//! <https://docs.cohere.com/reference/rerank>, and the types of its SDK.

use serde_json::{Map, Value, json};

use super::rerank::ranked;
use super::{Answer, Call, Content, set, vector};
use crate::turn::tokens;

const EMBED: [&str; 10] = [
    "model",
    "input_type",
    "texts",
    "images",
    "inputs",
    "max_tokens",
    "output_dimension",
    "embedding_types",
    "truncate",
    "priority",
];
const RERANK: [&str; 7] = ["model", "query", "documents", "top_n", "max_tokens_per_doc", "relevant_spans", "priority"];
const INPUT_TYPES: [&str; 5] = ["search_document", "search_query", "classification", "clustering", "image"];
const EMBEDDING_TYPES: [&str; 6] = ["float", "int8", "uint8", "binary", "ubinary", "base64"];
const INPUTS_MAX: usize = 96;

/// A request that is refused: a status and what is wrong.
struct Refused(u16, String);

fn invalid(message: impl Into<String>) -> Refused {
    Refused(400, message.into())
}

pub(super) fn embed(call: Call<'_>) -> Answer {
    answered(call, embeddings)
}

pub(super) fn rerank(call: Call<'_>) -> Answer {
    answered(call, ranking)
}

fn answered(call: Call<'_>, make: fn(Call<'_>) -> Result<Value, Refused>) -> Answer {
    match make(call) {
        Ok(answer) => Answer::json(&answer),
        Err(Refused(status, message)) => {
            let body = json!({"id": id(call), "message": message});
            Answer { status, content: Content::Whole(body.to_string().into()), ..Answer::json(&Value::Null) }
        }
    }
}

fn id(call: Call<'_>) -> String {
    format!("00000000-0000-4000-8000-{:012}", call.n)
}

fn object(call: Call<'_>, known: &[&str]) -> Result<Map<String, Value>, Refused> {
    let Ok(Value::Object(request)) = serde_json::from_slice(call.body) else {
        return Err(invalid("invalid json syntax"));
    };
    let stranger = request.keys().find(|name| call.validates && !known.contains(&name.as_str()));
    match stranger {
        Some(name) => Err(Refused(422, format!("unknown field: parameter '{name}' is not a valid field"))),
        None => Ok(request),
    }
}

fn text<'a>(request: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refused> {
    let text = request.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| invalid(format!("invalid request: {name} is required")))
}

fn embeddings(call: Call<'_>) -> Result<Value, Refused> {
    let request = object(call, &EMBED)?;
    let model = text(&request, "model")?;
    let made = make(&request, model.contains("v4"))?;
    let mut answer = json!({
        "id": id(call), "embeddings": made.by_type, "response_type": "embeddings_by_type",
        "meta": {"api_version": {"version": "2"}},
    });
    if !made.texts.is_empty() {
        set(&mut answer, "texts", json!(made.texts));
    }
    if let Some(units) = call.usage(json!({"input_tokens": made.tokens}))
        && let Some(meta) = answer.get_mut("meta")
    {
        set(meta, "billed_units", units);
    }
    Ok(answer)
}

/// What the model makes of a request, in Cohere's house or in Amazon's.
pub(super) struct Made {
    pub(super) by_type: Map<String, Value>,
    pub(super) texts: Vec<String>,
    pub(super) tokens: u64,
}

/// What is wrong with a request, for houses that say it otherwise.
pub(super) fn made(request: &Map<String, Value>, is_v4: bool) -> Result<Made, String> {
    make(request, is_v4).map_err(|Refused(_, message)| message)
}

fn make(request: &Map<String, Value>, is_v4: bool) -> Result<Made, Refused> {
    let input_type = text(request, "input_type")?;
    if !INPUT_TYPES.contains(&input_type) {
        let known = INPUT_TYPES.join(", ");
        return Err(invalid(format!("invalid request: input_type must be one of {known}, got '{input_type}'")));
    }
    let inputs = inputs(request, input_type, is_v4)?;
    if !(1..=INPUTS_MAX).contains(&inputs.len()) {
        return Err(invalid(format!("invalid request: total number of texts must be between 1 and {INPUTS_MAX}")));
    }
    let truncate = request.get("truncate").map_or(Some("END"), Value::as_str);
    if !truncate.is_some_and(|word| ["NONE", "START", "END"].contains(&word)) {
        return Err(invalid("invalid request: truncate must be one of NONE, START, END"));
    }
    let dimensions = match request.get("output_dimension") {
        None => 16,
        Some(_) if !is_v4 => return Err(invalid("invalid request: output_dimension is not supported for this model")),
        Some(wanted) => match wanted.as_u64() {
            Some(wanted @ (256 | 512 | 1024 | 1536)) => usize::try_from(wanted).unwrap_or(256),
            Some(_) | None => {
                return Err(invalid("invalid request: output_dimension must be one of 256, 512, 1024, 1536"));
            }
        },
    };
    let by_type = by_type(request, &inputs, dimensions)?;
    let has_texts = request.contains_key("texts");
    let tokens = inputs.iter().map(|input| tokens(input.len())).sum();
    Ok(Made { by_type, texts: if has_texts { inputs } else { Vec::new() }, tokens })
}

/// What each vector is made of, as a text.
fn inputs(request: &Map<String, Value>, input_type: &str, is_v4: bool) -> Result<Vec<String>, Refused> {
    let list = |name: &str| match request.get(name) {
        None => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(_) => Err(invalid(format!("invalid type: parameter {name} must be a list"))),
    };
    let string = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| invalid("invalid type: not a string"));
    match (list("texts")?, list("images")?, list("inputs")?) {
        (Some(_), None, None) if input_type == "image" => {
            Err(invalid("invalid request: texts cannot be embedded with input_type 'image'"))
        }
        (Some(texts), None, None) => texts.iter().map(string).collect(),
        (None, Some(images), None) => {
            if !is_v4 && (input_type != "image" || images.len() != 1) {
                return Err(invalid("invalid request: this model takes one image with input_type 'image'"));
            }
            images.iter().map(|image| string(image).and_then(data_uri)).collect()
        }
        (None, None, Some(_)) if !is_v4 => Err(invalid("invalid request: inputs are not supported for this model")),
        (None, None, Some(inputs)) => inputs.iter().map(mixed).collect(),
        (None, None, None) => Err(invalid("invalid request: one of texts, images or inputs is required")),
        _ => Err(invalid("invalid request: only one of texts, images or inputs may be given")),
    }
}

fn mixed(input: &Value) -> Result<String, Refused> {
    let wrong = || invalid("invalid request: each input needs a content of texts and images");
    let content = input.get("content").and_then(Value::as_array).filter(|parts| !parts.is_empty()).ok_or_else(wrong)?;
    content
        .iter()
        .map(|part| match part.get("type").and_then(Value::as_str) {
            Some("text") => part.get("text").and_then(Value::as_str).map(str::to_owned).ok_or_else(wrong),
            Some("image_url") => {
                let url = part.pointer("/image_url/url").and_then(Value::as_str).ok_or_else(wrong)?;
                data_uri(url.to_owned())
            }
            Some(_) | None => Err(wrong()),
        })
        .collect()
}

fn data_uri(uri: String) -> Result<String, Refused> {
    let kinds = ["image/jpeg", "image/png", "image/webp", "image/gif"];
    let is_one = kinds.iter().any(|kind| uri.starts_with(&format!("data:{kind};base64,")));
    if is_one { Ok(uri) } else { Err(invalid("invalid request: image must be a valid data URI")) }
}

fn by_type(request: &Map<String, Value>, inputs: &[String], dimensions: usize) -> Result<Map<String, Value>, Refused> {
    let default = vec![json!("float")];
    let wanted = request.get("embedding_types").map_or(Some(&default), Value::as_array);
    let wanted = wanted.filter(|wanted| !wanted.is_empty());
    let mut found = Map::new();
    for name in wanted.ok_or_else(|| invalid("invalid request: embedding_types must be a list"))? {
        let name = name.as_str().filter(|name| EMBEDDING_TYPES.contains(name)).ok_or_else(|| {
            invalid(format!("invalid request: embedding_types must be of {}", EMBEDDING_TYPES.join(", ")))
        })?;
        found.insert(
            name.to_owned(),
            inputs.iter().map(|input| encoded(name, &vector::of(input, dimensions))).collect(),
        );
    }
    Ok(found)
}

#[expect(clippy::cast_possible_truncation, reason = "a number between -1 and 1 times 127")]
fn encoded(name: &str, numbers: &[f32]) -> Value {
    let bits =
        || numbers.chunks(8).map(|eight| eight.iter().fold(0_u8, |byte, number| byte << 1 | u8::from(*number > 0.0)));
    let int8 = || numbers.iter().map(|number| (number * 127.0) as i16);
    match name {
        "base64" => vector::base64(numbers).into(),
        "int8" => int8().collect(),
        "uint8" => int8().map(|number| number + 128).collect(),
        "ubinary" => bits().collect(),
        "binary" => bits().map(|byte| i16::from(byte) - 128).collect(),
        _ => vector::json(numbers),
    }
}

fn ranking(call: Call<'_>) -> Result<Value, Refused> {
    let request = object(call, &RERANK)?;
    text(&request, "model")?;
    let query = text(&request, "query")?;
    let list = request.get("documents").and_then(Value::as_array).filter(|list| !list.is_empty());
    let mut documents = Vec::new();
    for document in list.ok_or_else(|| invalid("invalid request: list of documents must not be empty"))? {
        let text = document.as_str().ok_or_else(|| invalid("invalid type: parameter documents must be strings"))?;
        documents.push(text);
    }
    let top_n = match request.get("top_n") {
        None => None,
        Some(top_n) => {
            let wrong = || invalid("invalid request: top_n must be at least 1");
            Some(top_n.as_u64().filter(|top_n| *top_n > 0).ok_or_else(wrong)?)
        }
    };
    let result = |(index, score): (usize, f64)| json!({"index": index, "relevance_score": score});
    let results: Vec<Value> = ranked(query, &documents, top_n).into_iter().map(result).collect();
    let mut answer = json!({"id": id(call), "results": results, "meta": {"api_version": {"version": "2"}}});
    if let Some(units) = call.usage(json!({"search_units": 1}))
        && let Some(meta) = answer.get_mut("meta")
    {
        set(meta, "billed_units", units);
    }
    Ok(answer)
}
