//! `POST /v1/embeddings`: <https://platform.openai.com/docs/api-reference/embeddings>.

use serde_json::{Map, Value, json};

use super::{Answer, Call, required, set, vector};
use crate::fault::Fault;
use crate::openai::request::Kind;
use crate::turn;

const PARAMETERS: [(&str, Kind, bool); 5] = [
    ("input", Kind::Own, false),
    ("model", Kind::Text, false),
    ("dimensions", Kind::Integer(1, i64::MAX), true),
    ("encoding_format", Kind::OneOf(&["float", "base64"]), false),
    ("user", Kind::Text, false),
];
const INPUTS_MAX: usize = 2048;
const TOKENS_MAX: u64 = 8192;
const ALL_TOKENS_MAX: u64 = 300_000;

/// What one vector is for: something to make it of, and its tokens.
struct Input {
    text: String,
    tokens: u64,
}

pub(super) fn answer(call: Call<'_>) -> Result<Answer, Fault> {
    let request = call.json(&PARAMETERS)?;
    let model = required(&request, "model").map_err(|_| Fault::invalid("you must provide a model parameter"))?;
    let inputs = inputs(request.get("input").unwrap_or(&Value::Null)).ok_or_else(wrong_input)?;
    if call.validates {
        check(&inputs)?;
    }
    let dimensions = dimensions(model, &request)?;
    let is_base64 = request.get("encoding_format").and_then(Value::as_str) == Some("base64");
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| {
            let numbers = vector::of(&input.text, dimensions);
            let embedding = if is_base64 { vector::base64(&numbers).into() } else { vector::json(&numbers) };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let tokens: u64 = inputs.iter().map(|input| input.tokens).sum();
    let mut answer = json!({"object": "list", "data": data, "model": model});
    if let Some(usage) = call.usage(json!({"prompt_tokens": tokens, "total_tokens": tokens})) {
        set(&mut answer, "usage", usage);
    }
    Ok(Answer::json(&answer))
}

/// A text, texts, tokens, or lists of tokens; `None` for anything else.
fn inputs(input: &Value) -> Option<Vec<Input>> {
    match input {
        Value::String(_) => Some(vec![one(input)?]),
        Value::Array(items) if items.first().is_some_and(Value::is_number) => Some(vec![one(input)?]),
        Value::Array(items) if !items.is_empty() && items.len() <= INPUTS_MAX => items.iter().map(one).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn one(input: &Value) -> Option<Input> {
    match input {
        Value::String(text) if !text.is_empty() => Some(Input { text: text.clone(), tokens: turn::tokens(text.len()) }),
        Value::Array(tokens) if !tokens.is_empty() && tokens.iter().all(Value::is_u64) => {
            Some(Input { text: input.to_string(), tokens: u64::try_from(tokens.len()).ok()? })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn wrong_input() -> Fault {
    Fault::invalid(
        "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.",
    )
}

fn check(inputs: &[Input]) -> Result<(), Fault> {
    if let Some(long) = inputs.iter().find(|input| input.tokens > TOKENS_MAX) {
        return Err(Fault::invalid(format!(
            "This model's maximum context length is {TOKENS_MAX} tokens, however you requested {} tokens ({} in your \
             prompt; 0 for the completion). Please reduce your prompt; or completion length.",
            long.tokens, long.tokens,
        )));
    }
    let all: u64 = inputs.iter().map(|input| input.tokens).sum();
    if all > ALL_TOKENS_MAX {
        let message = format!("Requested {all} tokens, max {ALL_TOKENS_MAX} tokens per request");
        return Err(Fault { kind: "max_tokens_per_request".to_owned(), ..Fault::invalid(message) }
            .code("max_tokens_per_request"));
    }
    Ok(())
}

/// How long the vectors are.
fn dimensions(model: &str, request: &Map<String, Value>) -> Result<usize, Fault> {
    let most = match model {
        "text-embedding-3-small" | "text-embedding-ada-002" => 1536,
        "text-embedding-3-large" => 3072,
        _ => 8,
    };
    let Some(wanted) = request.get("dimensions").and_then(Value::as_u64) else { return Ok(most) };
    if model == "text-embedding-ada-002" {
        return Err(Fault::invalid("This model does not support specifying dimensions.").param("dimensions"));
    }
    usize::try_from(wanted).ok().filter(|wanted| *wanted <= most.max(1536)).ok_or_else(|| {
        Fault::invalid(format!("Invalid value for 'dimensions' = {wanted}. Must be less than or equal to {most}."))
            .param("dimensions")
    })
}
