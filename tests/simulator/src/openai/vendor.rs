//! What other providers of this dialect refuse, in their words and shapes.
//!
//! Sources: the types of Mistral's SDK (<https://github.com/mistralai/client-python>), Groq's
//! <https://console.groq.com/docs/openai>, DeepSeek's <https://api-docs.deepseek.com/guides/thinking_mode>; the sentences
//! are those that people quote from their answers.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::request::{self, Request};

/// Whose rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Vendor {
    Mistral,
    Groq,
    #[serde(rename = "deepseek")]
    DeepSeek,
}

/// A refusal: status and body.
pub(crate) type Refusal = (u16, Value);

const MISTRAL_REQUEST: [&str; 27] = [
    "model",
    "messages",
    "temperature",
    "top_p",
    "max_tokens",
    "stream",
    "stop",
    "random_seed",
    "metadata",
    "response_format",
    "tools",
    "tool_choice",
    "presence_penalty",
    "frequency_penalty",
    "min_tokens",
    "repetition_penalty",
    "top_k",
    "logprobs",
    "top_logprobs",
    "prompt_logprobs",
    "top_prompt_logprobs",
    "n",
    "prediction",
    "parallel_tool_calls",
    "reasoning_effort",
    "prompt_mode",
    "guardrails",
];

/// Parses and judges a body.
///
/// # Errors
/// The refusal of the vendor.
pub(crate) fn parse(vendor: Vendor, body: &[u8]) -> Result<Request, Refusal> {
    let read = request::parse(body, false).map_err(|fault| (fault.status, json!({"detail": fault.message})))?;
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(fields) = value.as_object() else { return Ok(read) };
    match vendor {
        Vendor::Mistral => mistral(fields)?,
        Vendor::Groq => groq(fields)?,
        Vendor::DeepSeek => deepseek(fields)?,
    }
    // Mistral's streams tell the usage unasked.
    Ok(Request { include_usage: read.include_usage || vendor == Vendor::Mistral, ..read })
}

fn messages(request: &Map<String, Value>) -> impl Iterator<Item = (usize, &Map<String, Value>, &str)> {
    let list = request.get("messages").and_then(Value::as_array).into_iter().flatten();
    list.enumerate().filter_map(|(n, message)| {
        let message = message.as_object()?;
        Some((n, message, message.get("role").and_then(Value::as_str).unwrap_or_default()))
    })
}

fn mistral(request: &Map<String, Value>) -> Result<(), Refusal> {
    let forbidden = |path: Value, input: &Value| {
        let detail =
            json!([{"type": "extra_forbidden", "loc": path, "msg": "Extra inputs are not permitted", "input": input}]);
        mistral_error(422, json!({"detail": detail}), "invalid_request_error", Value::Null)
    };
    for (name, value) in request {
        if !MISTRAL_REQUEST.contains(&name.as_str()) {
            return Err(forbidden(json!(["body", name]), value));
        }
    }
    for (n, message, role) in messages(request) {
        let known: &[&str] = match role {
            "system" | "user" => &["role", "content"],
            "assistant" => &["role", "content", "tool_calls", "prefix"],
            "tool" => &["role", "content", "tool_call_id", "name"],
            _ => return Err(forbidden(json!(["body", "messages", n, "role"]), &json!(role))),
        };
        if let Some((name, value)) = message.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            return Err(forbidden(json!(["body", "messages", n, role, name]), value));
        }
        let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
        for id in calls.filter_map(|call| call.get("id")).chain(message.get("tool_call_id")) {
            let id = id.as_str().unwrap_or_default();
            if id.len() != 9 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                let message = format!("Tool call id was {id} but must be a-z, A-Z, 0-9, with a length of 9.");
                return Err(mistral_error(400, json!(message), "invalid_function_call", json!("3280")));
            }
        }
    }
    Ok(())
}

fn mistral_error(status: u16, message: Value, kind: &str, code: Value) -> Refusal {
    let body = json!({
        "object": "error", "message": message, "type": kind, "param": null, "code": code, "raw_status_code": status,
    });
    (status, body)
}

fn groq(request: &Map<String, Value>) -> Result<(), Refusal> {
    let unsupported = |what: &str| {
        let message = format!("property '{what}' is unsupported");
        (400, json!({"error": {"message": message, "type": "invalid_request_error"}}))
    };
    if let Some(name) = ["logprobs", "logit_bias", "top_logprobs"].into_iter().find(|name| request.contains_key(*name))
    {
        return Err(unsupported(name));
    }
    if request.get("n").and_then(Value::as_u64).is_some_and(|n| n != 1) {
        return Err((
            400,
            json!({"error": {"message": "'n' : number must be at most 1", "type": "invalid_request_error"}}),
        ));
    }
    match messages(request).find(|(_, message, _)| message.contains_key("name")) {
        Some(_) => Err(unsupported("name")),
        None => Ok(()),
    }
}

fn deepseek(request: &Map<String, Value>) -> Result<(), Refusal> {
    let invalid = |status: u16, message: String| {
        let error = json!({"message": message, "type": "invalid_request_error", "param": null, "code": "invalid_request_error"});
        (status, json!({ "error": error }))
    };
    let format = request.get("response_format").and_then(|format| format.get("type")).and_then(Value::as_str);
    if format == Some("json_schema") {
        return Err(invalid(400, "This response_format type is unavailable now".to_owned()));
    }
    let thinks = request.get("thinking").and_then(|thinking| thinking.get("type")).and_then(Value::as_str);
    for (n, message, role) in messages(request) {
        if !matches!(role, "system" | "user" | "assistant" | "tool") {
            let told = format!(
                "Failed to deserialize the JSON body into the target type: messages[{n}].role: unknown variant `{role}`, \
                 expected one of `system`, `user`, `assistant`, `tool`"
            );
            return Err(invalid(422, told));
        }
        if thinks == Some("enabled") && message.contains_key("tool_calls") && !message.contains_key("reasoning_content")
        {
            return Err(invalid(
                400,
                format!("Missing `reasoning_content` field in the assistant message at message index {n}"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(vendor: Vendor, fields: &str) -> String {
        let body = format!(r#"{{"model":"m",{fields}}}"#);
        parse(vendor, body.as_bytes()).map_or_else(|(status, body)| format!("{status} {body}"), |_| "taken".to_owned())
    }

    #[test]
    fn vendors_refuse_what_they_refuse() {
        let hi = r#""messages":[{"role":"user","content":"hi"}]"#;
        for vendor in [Vendor::Mistral, Vendor::Groq, Vendor::DeepSeek] {
            assert_eq!(refused(vendor, hi), "taken");
        }
        for (vendor, fields, expected) in [
            (Vendor::Mistral, r#""max_completion_tokens":5"#, "422 "),
            (Vendor::Mistral, r#""stream":true,"stream_options":{}"#, "extra_forbidden"),
            (Vendor::Mistral, r#""messages":[{"role":"developer","content":"x"}]"#, "extra_forbidden"),
            (
                Vendor::Mistral,
                r#""messages":[{"role":"tool","tool_call_id":"call_1","content":"x"}]"#,
                "with a length of 9",
            ),
            (Vendor::Groq, r#""logprobs":true"#, "'logprobs' is unsupported"),
            (Vendor::Groq, r#""messages":[{"role":"user","name":"ann","content":"x"}]"#, "'name' is unsupported"),
            (Vendor::DeepSeek, r#""response_format":{"type":"json_schema"}"#, "unavailable now"),
            (Vendor::DeepSeek, r#""messages":[{"role":"developer","content":"x"}]"#, "unknown variant `developer`"),
            (
                Vendor::DeepSeek,
                r#""thinking":{"type":"enabled"},"messages":[{"role":"assistant","tool_calls":[]}]"#,
                "Missing `reasoning_content`",
            ),
        ] {
            let met = refused(vendor, fields);
            assert!(met.contains(expected), "{vendor:?} {fields}: {met}");
        }
    }
}
