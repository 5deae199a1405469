//! InvokeModel with Anthropic's bodies: the same as the Messages API, but for the envelope.
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html>

use bytes::Bytes;
use serde_json::Value;

use super::call::Call;
use super::error::invalid;
use crate::anthropic;
use crate::fault::Fault;

/// Reads and judges a body.
///
/// # Errors
/// The refusal of the API, with Anthropic's words in it where Anthropic judges.
pub(crate) fn parse(call: &Call, body: &Bytes, validate: bool) -> Result<anthropic::request::Request, Fault> {
    if !call.model.contains("anthropic.") && validate {
        return Err(invalid("The provided model identifier is invalid."));
    }
    let malformed =
        |what: &str| invalid(format!("Malformed input request: {what}, please reformat your input and try again."));
    let value: Value = serde_json::from_slice(body).map_err(|_| malformed("expected a JSON object"))?;
    let Value::Object(mut request) = value else { return Err(malformed("#: expected type: JSONObject")) };
    if validate {
        if let Some(name) = ["model", "stream"].into_iter().find(|name| request.contains_key(*name)) {
            return Err(malformed(&format!("#: extraneous key [{name}] is not permitted")));
        }
        match request.get("anthropic_version") {
            Some(version) if version == "bedrock-2023-05-31" => {}
            Some(_) => return Err(invalid("anthropic_version: Input should be 'bedrock-2023-05-31'")),
            None => return Err(malformed("#: required key [anthropic_version] not found")),
        }
        let is_list = |betas: &Value| betas.as_array().is_some_and(|betas| betas.iter().all(Value::is_string));
        if request.get("anthropic_beta").is_some_and(|betas| !is_list(betas)) {
            return Err(malformed("#/anthropic_beta: expected type: JSONArray"));
        }
    }
    request.shift_remove("anthropic_version");
    let beta = request.shift_remove("anthropic_beta").is_some();
    request.insert("model".to_owned(), call.model.clone().into());
    request.insert("stream".to_owned(), call.operation.streams().into());
    let native = Value::Object(request).to_string();
    anthropic::request::parse(native.as_bytes(), beta, validate).map_err(|fault| Fault {
        kind: "ValidationException".to_owned(),
        status: 400,
        ..fault
    })
}

#[cfg(test)]
mod tests {
    use super::super::call::Operation;
    use super::*;

    #[test]
    fn the_envelope() {
        let call = |model: &str| Call { model: model.to_owned(), operation: Operation::InvokeStream };
        let judge = |model: &str, body: &'static str| parse(&call(model), &Bytes::from_static(body.as_bytes()), true);
        let claude = "anthropic.claude-3-haiku-20240307-v1:0";
        let good = r#"{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["x"],"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
        let request = judge(claude, good).expect("a good request");
        assert!(request.asked.stream && request.asked.model == claude);
        for (model, body, message) in [
            ("meta.llama3", good, "The provided model identifier"),
            (claude, "[]", "Malformed input request: #: expected type"),
            (claude, r#"{"model":"x"}"#, "Malformed input request: #: extraneous key [model]"),
            (claude, r#"{"stream":true}"#, "Malformed input request: #: extraneous key [stream]"),
            (claude, "{}", "Malformed input request: #: required key [anthropic_version]"),
            (claude, r#"{"anthropic_version":"2023-06-01"}"#, "anthropic_version: Input should be"),
            (
                claude,
                r#"{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":"x"}"#,
                "Malformed input request: #/anthropic_beta",
            ),
            (claude, r#"{"anthropic_version":"bedrock-2023-05-31"}"#, "messages: Field required"),
        ] {
            let fault = judge(model, body).expect_err(body);
            assert!(fault.message.starts_with(message), "{body}: {}", fault.message);
            assert_eq!((fault.status, fault.kind.as_str()), (400, "ValidationException"));
        }
    }
}
