//! The order of messages and blocks.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::content;
use super::error::invalid;
use super::request::{constraint, only, wrong_type};
use crate::fault::Fault;

pub(super) fn check_system(request: &Map<String, Value>) -> Result<(), Fault> {
    let Some(system) = request.get("system") else { return Ok(()) };
    for (n, block) in system.as_array().ok_or_else(|| wrong_type("system"))?.iter().enumerate() {
        content::check_system(block, &format!("system.{n}"))?;
    }
    Ok(())
}

/// Judges the conversation; returns whether there are blocks of tools in it.
pub(super) fn check(messages: &[Value]) -> Result<bool, Fault> {
    let mut names = HashSet::new();
    let mut uses_tools = false;
    let mut called: Vec<&str> = Vec::new();
    let mut before = None;
    for (n, message) in messages.iter().enumerate() {
        let fields = message.as_object().ok_or_else(|| wrong_type(&format!("messages.{n}")))?;
        only(fields, &["role", "content"], &format!("/messages/{n}"))?;
        let is_user = match fields.get("role").and_then(Value::as_str) {
            Some("user") => true,
            Some("assistant") => false,
            _ => {
                let rule = "Member must satisfy enum value set: [user, assistant]";
                return Err(constraint(&format!("messages.{}.member.role", n + 1), rule));
            }
        };
        if before.is_none() && !is_user {
            return Err(invalid(
                "A conversation must start with a user message. Try again with a conversation that starts with a user message.",
            ));
        }
        if before == Some(is_user) {
            return Err(invalid(
                "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between \
                 user and assistant roles and try again.",
            ));
        }
        before = Some(is_user);
        let blocks = fields.get("content").and_then(Value::as_array).filter(|blocks| !blocks.is_empty());
        let blocks = blocks.ok_or_else(|| {
            invalid(format!(
                "The content field in the Message object at messages.{n} is empty. Add a ContentBlock object to the content field \
                 and try again."
            ))
        })?;
        for (block, value) in blocks.iter().enumerate() {
            content::check(value, &format!("messages.{n}.content.{block}"), is_user, &mut names)?;
        }
        let has = |kind: &str| blocks.iter().any(|block| block.get(kind).is_some());
        uses_tools |= has("toolUse") || has("toolResult");
        if has("document") && !has("text") {
            return Err(invalid(
                "A text block must be included with document content. Add a text block and try again.",
            ));
        }
        if is_user {
            check_results(blocks, &called, n)?;
        }
        called = blocks.iter().filter_map(|block| block.get("toolUse")?.get("toolUseId")?.as_str()).collect();
    }
    if !called.is_empty() {
        return Err(missing(&called, messages.len()));
    }
    if before.is_none() {
        return Err(invalid(
            "A conversation must start with a user message. Try again with a conversation that starts with a user message.",
        ));
    }
    Ok(uses_tools)
}

/// Every call of the turn before is answered, once, and nothing else is.
fn check_results(blocks: &[Value], called: &[&str], n: usize) -> Result<(), Fault> {
    let answered: Vec<&str> =
        blocks.iter().filter_map(|block| block.get("toolResult")?.get("toolUseId")?.as_str()).collect();
    if answered.len() > called.len() || answered.iter().any(|id| !called.contains(id)) {
        return Err(invalid(format!(
            "The number of toolResult blocks at messages.{n}.content exceeds the number of toolUse blocks of previous turn."
        )));
    }
    let open: Vec<&str> = called.iter().copied().filter(|id| !answered.contains(id)).collect();
    if open.is_empty() { Ok(()) } else { Err(missing(&open, n)) }
}

fn missing(ids: &[&str], n: usize) -> Fault {
    invalid(format!("Expected toolResult blocks at messages.{n}.content for the following Ids: {}", ids.join(", ")))
}

/// The last text that a user said.
pub(super) fn last_user_text(request: &Map<String, Value>) -> String {
    let messages = request.get("messages").and_then(Value::as_array).into_iter().flatten();
    let said = messages.filter(|message| message.get("role").is_some_and(|role| role == "user"));
    let blocks = said.filter_map(|message| message.get("content")?.as_array()).flatten();
    let text = |block: &Value| block.get("text")?.as_str().map(str::to_owned);
    blocks.rev().find_map(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anthropic::signature;
    use crate::bedrock::error::of_model;
    use serde_json::json;

    fn judge(messages: &Value) -> Result<bool, String> {
        check(messages.as_array().expect("a list")).map_err(|fault| fault.message)
    }

    #[test]
    fn conversations_that_are_wrong() {
        let user = |content: Value| json!({"role": "user", "content": content});
        let assistant = |content: Value| json!({"role": "assistant", "content": content});
        let hi = || user(json!([{"text": "hi"}]));
        let call = |id: &str| json!({"toolUse": {"toolUseId": id, "name": "f", "input": {}}});
        let result = |id: &str| json!({"toolResult": {"toolUseId": id, "content": [{"text": "7"}]}});
        let document =
            |name: &str| json!({"document": {"format": "pdf", "name": name, "source": {"bytes": "JVBERi0="}}});
        for (messages, message) in [
            (json!([]), "A conversation must start with a user message."),
            (json!([assistant(json!([{"text": "x"}]))]), "A conversation must start with a user message."),
            (json!([hi(), hi()]), "A conversation must alternate"),
            (
                json!([{"role": "tool", "content": [{"text": "x"}]}]),
                "1 validation error detected: Value at 'messages.1.member.role'",
            ),
            (
                json!([{"role": "user", "content": []}]),
                "The content field in the Message object at messages.0 is empty.",
            ),
            (
                json!([{"role": "user", "content": [{"text": "x"}], "name": "a"}]),
                "Malformed input request: #/messages/0",
            ),
            (
                json!([user(json!([{"text": " "}]))]),
                "The text field in the ContentBlock object at messages.0.content.0 is blank.",
            ),
            (json!([user(json!([{"type": "text", "text": "x"}]))]), "Malformed input request: #/messages.0.content.0"),
            (json!([user(json!([call("a")]))]), "Malformed input request"),
            (
                json!([hi(), assistant(json!([call("a")]))]),
                "Expected toolResult blocks at messages.2.content for the following Ids: a",
            ),
            (
                json!([hi(), assistant(json!([call("a"), call("b")])), user(json!([result("a")]))]),
                "Expected toolResult blocks at messages.2.content for the following Ids: b",
            ),
            (
                json!([hi(), assistant(json!([call("a")])), user(json!([result("b")]))]),
                "The number of toolResult blocks",
            ),
            (
                json!([hi(), assistant(json!([call("a b")])), user(json!([result("a b")]))]),
                "1 validation error detected: Value at 'messages.1.content.0.toolUse.toolUseId'",
            ),
            (json!([user(json!([document("a")]))]), "A text block must be included"),
            (json!([user(json!([{"text": "x"}, document("a_b")]))]), "The document file name can only contain"),
            (
                json!([user(json!([{"text": "x"}, document("a"), document("a")]))]),
                "Conversation contains duplicate document names",
            ),
            (
                json!([user(json!([{"image": {"format": "jpg", "source": {"bytes": "AAAA"}}}]))]),
                "1 validation error detected: Value at 'messages.0.content.0.image.format'",
            ),
            (
                json!([user(json!([{"image": {"format": "png", "source": {"url": "https://x"}}}]))]),
                "Malformed input request",
            ),
            (json!([user(json!([{"image": {"format": "png", "source": {"bytes": "%"}}}]))]), "The image bytes"),
            (
                json!([hi(), assistant(json!([{"image": {"format": "png", "source": {"bytes": "AAAA"}}}]))]),
                "Malformed input request",
            ),
            (
                json!([
                    hi(),
                    assistant(json!([{"reasoningContent": {"reasoningText": {"text": "hm", "signature": "forged"}}}]))
                ]),
                &of_model("messages.1.content.0: Invalid `signature` in `thinking` block").message,
            ),
        ] {
            let error = judge(&messages).expect_err(&messages.to_string());
            assert!(error.starts_with(message), "{messages}: {error}");
        }
        let thought =
            json!({"reasoningContent": {"reasoningText": {"text": "hm", "signature": signature::sign("hm")}}});
        let good = json!([
            hi(),
            assistant(json!([thought, call("a")])),
            user(json!([result("a"), {"cachePoint": {"type": "default"}}]))
        ]);
        assert_eq!(judge(&good), Ok(true));
        assert_eq!(judge(&json!([hi(), assistant(json!([{"text": "x"}]))])), Ok(false));
    }
}
