//! What is refused in a request, in the API's words, and what the answer needs to know of it.

use serde_json::{Value, json};

use super::error::invalid;
use super::proto::read;
use super::url::{Call, House};
use super::{contents, fields, settings, tools};
use crate::fault::Fault;
use crate::turn::{self, Asked};

/// A request as far as the answer depends on it.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) asked: Asked,
    /// How many answers.
    pub(crate) candidates: usize,
    /// Log probabilities, with so many alternatives.
    pub(crate) logprobs: Option<usize>,
    /// A model that signs its calls and gives them ids.
    pub(crate) signs: bool,
    pub(crate) vertex: bool,
}

/// Parses and judges a body.
///
/// # Errors
/// The refusal of the API.
pub(crate) fn parse(body: &[u8], call: &Call, validate: bool) -> Result<Request, Fault> {
    let body = parsed(body)?;
    let message = if call.house == House::Vertex { &fields::VERTEX_REQUEST } else { &fields::REQUEST };
    let body = match read(&body, message, "") {
        Ok(body) => body,
        Err(fault) if validate => return Err(fault),
        Err(_) => body,
    };
    if validate {
        check(&body, call)?;
    }
    Ok(understand(&body, call))
}

/// The prompt's tokens, for `countTokens`. <https://ai.google.dev/api/tokens>
///
/// # Errors
/// The refusal of the API.
pub(crate) fn count(body: &[u8], call: &Call) -> Result<u64, Fault> {
    let body = read(&parsed(body)?, &fields::COUNT, "")?;
    let whole = body.get("generateContentRequest");
    if whole.is_some() && (body.get("contents").is_some() || call.house == House::Vertex) {
        return Err(invalid("Request contains an invalid argument."));
    }
    if call.house == House::Studio
        && whole.is_none()
        && (body.get("tools").is_some() || body.get("systemInstruction").is_some())
    {
        return Err(invalid("Invalid JSON payload received. Unknown name \"tools\": Cannot find field."));
    }
    let body = whole.unwrap_or(&body);
    contents::check(body, call)?;
    Ok(understand(body, call).asked.prompt_tokens)
}

fn parsed(body: &[u8]) -> Result<Value, Fault> {
    serde_json::from_slice(body)
        .map_err(|error| invalid(format!("Invalid JSON payload received. Unexpected token.\n{error}")))
}

fn check(body: &Value, call: &Call) -> Result<(), Fault> {
    contents::check(body, call)?;
    tools::check(body, call)?;
    settings::check(body, call)
}

fn understand(body: &Value, call: &Call) -> Request {
    let config = &body["generationConfig"];
    let schema = match (config["responseJsonSchema"].as_object(), config["responseSchema"].as_object()) {
        (Some(_), _) => Some(config["responseJsonSchema"].clone()),
        (None, Some(_)) => Some(tools::json_schema(&config["responseSchema"])),
        (None, None) => None,
    };
    let is_json = config["responseMimeType"] == "application/json";
    let read: usize =
        ["contents", "systemInstruction", "tools"].iter().map(|field| turn::prompt_bytes(&body[*field])).sum();
    let texts =
        |value: &Value| value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let asked = Asked {
        model: call.model.clone(),
        stream: call.method == "streamGenerateContent",
        last_user_text: contents::last_user_text(body),
        prompt_tokens: turn::tokens(read),
        forced_tool: tools::forced(body),
        answer_schema: is_json.then(|| schema.unwrap_or_else(turn::any_object_schema)),
        stop: texts(&config["stopSequences"]),
        output_tokens_max: config["maxOutputTokens"].as_u64(),
        thinking: config["thinkingConfig"]["includeThoughts"] == json!(true),
    };
    Request {
        asked,
        candidates: config["candidateCount"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(1).clamp(1, 8),
        logprobs: (config["responseLogprobs"] == json!(true))
            .then(|| config["logprobs"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0)),
        signs: call.is_new(),
        vertex: call.house == House::Vertex,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(house: House, model: &str) -> Call {
        Call { house, model: model.to_owned(), method: "generateContent".to_owned(), sse: false, key: None }
    }

    fn refused(model: &str, body: &Value, words: &str) {
        for house in [House::Studio, House::Vertex] {
            let fault = parse(body.to_string().as_bytes(), &call(house, model), true).expect_err(words);
            assert!(fault.message.contains(words) || house == House::Vertex, "{fault:?} has no {words}");
            assert_eq!((fault.status, fault.kind.as_str()), (400, "INVALID_ARGUMENT"), "{body}");
        }
    }

    fn with(fields: &Value) -> Value {
        let mut body = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
        body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        body
    }

    #[test]
    fn what_is_refused() {
        let flash = "gemini-2.5-flash";
        refused(flash, &json!({}), "contents is not specified");
        refused(flash, &with(&json!({"max_tokens": 1})), "Unknown name \"max_tokens\": Cannot find field.");
        refused(
            flash,
            &with(&json!({"generationConfig": {"maxTokens": 1}})),
            "Unknown name \"maxTokens\" at 'generation_config'",
        );
        refused(
            flash,
            &with(&json!({"generationConfig": {"temperature": "hot"}})),
            "'generation_config.temperature' (TYPE_FLOAT)",
        );
        refused(flash, &with(&json!({"generationConfig": {"temperature": 3}})), "in the range [0.0, 2.0]");
        refused(flash, &with(&json!({"generationConfig": {"seed": 5_000_000_000_u64}})), "TYPE_INT32");
        refused(
            flash,
            &with(&json!({"generationConfig": {"stopSequences": ["a", "b", "c", "d", "e", "f"]}})),
            "exceed 5",
        );
        refused(
            flash,
            &with(&json!({"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}})),
            "not supported",
        );
        refused(
            "gemini-2.5-pro",
            &with(&json!({"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}})),
            "only works in thinking mode",
        );
        refused(flash, &with(&json!({"generationConfig": {"responseJsonSchema": {}}})), "only allowed when");
        refused(
            flash,
            &json!({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}),
            "valid role: user, model",
        );
        refused(flash, &json!({"contents": [{"parts": [{}]}]}), "required oneof field 'data'");
        refused(
            flash,
            &json!({"contents": [{"parts": [{"inlineData": {"mimeType": "image/tiff", "data": "aaaa"}}]}]}),
            "Unsupported MIME type",
        );
        refused(
            flash,
            &json!({"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "a!"}}]}]}),
            "Base64 decoding failed",
        );
        refused(
            flash,
            &with(&json!({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}})),
            "without function_declarations",
        );
        refused(
            flash,
            &with(&json!({"tools": [{"functionDeclarations": [{"name": "a b"}]}]})),
            "Invalid function name",
        );
        let both = json!({"tools": [{"functionDeclarations": [{"name": "f"}]}], "generationConfig": {"responseMimeType": "application/json"}});
        refused(flash, &with(&both), "is unsupported");
    }

    #[test]
    fn calls_and_their_answers() {
        let user = json!({"role": "user", "parts": [{"text": "hi"}]});
        let called = |signature: Option<&str>| {
            let mut part = json!({"functionCall": {"name": "f", "args": {"x": 1}}});
            if let Some(signature) = signature {
                super::super::answer::put(&mut part, "thoughtSignature", json!(signature));
            }
            json!({"role": "model", "parts": [part]})
        };
        let answered =
            json!({"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"ok": true}}}]});
        let of = |contents: &[&Value]| json!({"contents": contents});
        let (old, new) = ("gemini-2.5-flash", "gemini-3-pro-preview");
        refused(old, &of(&[&user, &answered]), "immediately after a function call turn");
        refused(old, &of(&[&user, &called(None), &user]), "is equal to the number of function call parts");
        refused(old, &of(&[&called(None), &answered]), "immediately after a user turn");
        refused(new, &of(&[&user, &called(None), &answered]), "missing a thought_signature");
        refused(new, &of(&[&user, &called(Some("c2ln")), &answered]), "is not valid");
        let own = super::super::signature::of_call("f", &json!({"x": 1}));
        for (model, signature) in
            [(old, None), (new, Some(own.as_str())), (new, Some("skip_thought_signature_validator"))]
        {
            let body = of(&[&user, &called(signature), &answered]);
            parse(body.to_string().as_bytes(), &call(House::Studio, model), true).expect("accepted");
        }
        // What was before the user last spoke is not looked at.
        let body = of(&[&user, &called(None), &answered, &user]);
        let before = parse(body.to_string().as_bytes(), &call(House::Studio, new), true);
        before.expect("accepted");
    }

    #[test]
    fn both_spellings_are_read() {
        let body = json!({"contents": {"parts": {"text": "hi"}}, "generation_config": {"max_output_tokens": 7, "stop_sequences": ["x"]}});
        let request =
            parse(body.to_string().as_bytes(), &call(House::Studio, "gemini-2.5-flash"), true).expect("accepted");
        assert_eq!((request.asked.output_tokens_max, request.asked.stop), (Some(7), vec!["x".to_owned()]));
        assert_eq!(request.asked.last_user_text, "hi");
        assert_eq!(count(br#"{"contents":[{"parts":[{"text":"12345678"}]}]}"#, &call(House::Studio, "m")), Ok(2));
    }
}
