//! What OpenAI refuses in a completion request, and what the answer needs to know of it.

use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::openai::request::{Kind, check_parameters, missing, not_json, wrong_type};
use crate::turn::{self, Asked};

/// Tokens of a completion for which nobody set a limit.
const MAX_TOKENS_DEFAULT: u64 = 16;

/// A request as far as the answer depends on it.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) asked: Asked,
    /// The prompts; tokens are words here.
    pub(super) prompts: Vec<String>,
    pub(super) n: usize,
    pub(super) echo: bool,
    pub(super) logprobs: Option<usize>,
    pub(super) include_usage: bool,
}

const PARAMETERS: [(&str, Kind, bool); 18] = [
    ("model", Kind::Text, false),
    ("prompt", Kind::Own, false),
    ("best_of", Kind::Integer(1, 20), true),
    ("echo", Kind::Bool, true),
    ("frequency_penalty", Kind::Number(-2, 2), true),
    ("logit_bias", Kind::Object, true),
    ("logprobs", Kind::Integer(0, 5), true),
    ("max_tokens", Kind::Integer(0, i64::MAX), true),
    ("n", Kind::Integer(1, 128), true),
    ("presence_penalty", Kind::Number(-2, 2), true),
    ("seed", Kind::Integer(i64::MIN, i64::MAX), true),
    ("stop", Kind::Own, true),
    ("stream", Kind::Bool, true),
    ("stream_options", Kind::Object, true),
    ("suffix", Kind::Text, true),
    ("temperature", Kind::Number(0, 2), true),
    ("top_p", Kind::Number(0, 1), true),
    ("user", Kind::Text, false),
];

/// Parses and judges a body.
///
/// # Errors
/// The refusal of the API.
pub(super) fn parse(body: &[u8], validate: bool) -> Result<Request, Fault> {
    let Ok(Value::Object(request)) = serde_json::from_slice(body) else { return Err(not_json()) };
    if validate {
        check(&request)?;
    }
    Ok(understand(&request))
}

fn check(request: &Map<String, Value>) -> Result<(), Fault> {
    check_parameters(request, &PARAMETERS)?;
    let model = request.get("model").and_then(Value::as_str).filter(|model| !model.is_empty());
    let model = model.ok_or_else(|| Fault::invalid("you must provide a model parameter"))?;
    if model.starts_with("gpt-") && !model.contains("instruct") {
        let message = "This is a chat model and not supported in the v1/completions endpoint. Did you mean to use v1/chat/completions?";
        return Err(Fault { status: 404, ..Fault::invalid(message).param("model") });
    }
    check_prompt(request.get("prompt").ok_or_else(|| missing("prompt"))?)?;
    let is_true = |name: &str| request.get(name).and_then(Value::as_bool).unwrap_or(false);
    let number = |name: &str, default| request.get(name).and_then(Value::as_u64).unwrap_or(default);
    if request.contains_key("stream_options") && !is_true("stream") {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(Fault::invalid(message).param("stream_options"));
    }
    if number("best_of", 1) < number("n", 1) && request.contains_key("best_of") {
        return Err(Fault::invalid("best_of must be greater than or equal to n.").param("best_of"));
    }
    if is_true("stream") && number("best_of", 1) > 1 {
        return Err(Fault::invalid("best_of > 1 is not supported when streaming.").param("best_of"));
    }
    let fits = |stops: &[Value]| stops.len() <= 4 && stops.iter().all(Value::is_string);
    match request.get("stop") {
        None | Some(Value::Null | Value::String(_)) => Ok(()),
        Some(Value::Array(stops)) if fits(stops) => Ok(()),
        Some(other) => Err(wrong_type("stop", "a string or an array of at most 4 strings", other)),
    }
}

fn check_prompt(prompt: &Value) -> Result<(), Fault> {
    let of_tokens = |list: &[Value]| list.iter().all(Value::is_u64);
    let fits = match prompt {
        Value::String(_) => true,
        Value::Array(list) if list.is_empty() => false,
        Value::Array(list) => {
            let lists = |item: &Value| item.as_array().is_some_and(|tokens| of_tokens(tokens));
            of_tokens(list) || list.iter().all(Value::is_string) || list.iter().all(lists)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    };
    if fits { Ok(()) } else { Err(wrong_type("prompt", "a string, array of strings, or array of tokens", prompt)) }
}

fn understand(request: &Map<String, Value>) -> Request {
    let field = |name: &str| request.get(name).unwrap_or(&Value::Null);
    let number = |name: &str| field(name).as_u64().and_then(|n| usize::try_from(n).ok());
    let flag = |name: &str| field(name).as_bool().unwrap_or(false);
    let prompts = prompts(field("prompt"));
    let read = prompts.iter().map(String::len).sum();
    Request {
        asked: Asked {
            model: field("model").as_str().unwrap_or_default().to_owned(),
            stream: flag("stream"),
            last_user_text: prompts.last().cloned().unwrap_or_default(),
            prompt_tokens: turn::tokens(read),
            stop: match field("stop") {
                Value::String(one) => vec![one.clone()],
                Value::Array(several) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
            },
            output_tokens_max: Some(field("max_tokens").as_u64().unwrap_or(MAX_TOKENS_DEFAULT)),
            ..Asked::default()
        },
        n: number("n").unwrap_or(1).clamp(1, 128),
        echo: flag("echo"),
        logprobs: number("logprobs").map(|alternatives| alternatives.min(5)),
        include_usage: field("stream_options")["include_usage"].as_bool().unwrap_or(false),
        prompts,
    }
}

fn prompts(prompt: &Value) -> Vec<String> {
    let tokens = |list: &[Value]| list.iter().map(|token| format!("<{token}>")).collect::<String>();
    let Some(list) = prompt.as_array() else { return vec![prompt.as_str().unwrap_or_default().to_owned()] };
    if list.iter().all(Value::is_u64) {
        return vec![tokens(list)];
    }
    let one = |item: &Value| match item.as_array() {
        Some(list) => tokens(list),
        None => item.as_str().unwrap_or_default().to_owned(),
    };
    list.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_wrong_is_refused() {
        for (request, status, message) in [
            (json!({"prompt": "x"}), 400, "you must provide a model parameter"),
            (json!({"model": "davinci-002"}), 400, "Missing required parameter: 'prompt'."),
            (json!({"model": "gpt-4o", "prompt": "x"}), 404, "This is a chat model"),
            (json!({"model": "davinci-002", "prompt": []}), 400, "Invalid type for 'prompt'"),
            (json!({"model": "davinci-002", "prompt": ["a", 1]}), 400, "Invalid type for 'prompt'"),
            (json!({"model": "davinci-002", "prompt": "x", "messages": []}), 400, "messages"),
            (json!({"model": "davinci-002", "prompt": "x", "logprobs": 6}), 400, "logprobs"),
            (json!({"model": "davinci-002", "prompt": "x", "logprobs": true}), 400, "logprobs"),
            (json!({"model": "davinci-002", "prompt": "x", "n": 3, "best_of": 2}), 400, "best_of"),
            (json!({"model": "davinci-002", "prompt": "x", "stream": true, "best_of": 2}), 400, "streaming"),
            (json!({"model": "davinci-002", "prompt": "x", "stream_options": {}}), 400, "stream_options"),
            (json!({"model": "davinci-002", "prompt": "x", "stop": ["a", "b", "c", "d", "e"]}), 400, "stop"),
        ] {
            let fault = parse(request.to_string().as_bytes(), true).expect_err(&request.to_string());
            assert!(fault.status == status && fault.message.contains(message), "{request}: {fault:?}");
        }
    }

    #[test]
    fn prompts_in_every_form() {
        for (prompt, wanted) in [
            (json!("a"), vec!["a"]),
            (json!(["a", "b"]), vec!["a", "b"]),
            (json!([1, 2]), vec!["<1><2>"]),
            (json!([[1], [2]]), vec!["<1>", "<2>"]),
        ] {
            let request = json!({"model": "gpt-3.5-turbo-instruct", "prompt": prompt});
            let request = parse(request.to_string().as_bytes(), true).expect("valid");
            assert_eq!(request.prompts, wanted);
            assert_eq!(request.asked.output_tokens_max, Some(16));
        }
    }
}
