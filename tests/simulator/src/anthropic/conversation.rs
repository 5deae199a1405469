//! The messages of a request: whose turn it is, and tool results right after the tool uses that they answer.

use serde_json::Value;

use super::blocks::{self, Place};
use super::request::wrong;
use crate::fault::Fault;

pub(super) fn check(messages: &[Value]) -> Result<(), Fault> {
    for (n, message) in messages.iter().enumerate() {
        check_message(message, n, n + 1 == messages.len())?;
    }
    if messages.first().is_some_and(|message| message["role"] != "user") {
        return Err(wrong("messages", "first message must use the \"user\" role"));
    }
    check_tool_pairs(&turns(messages))?;
    match messages.last().filter(|message| message["role"] == "assistant").map(last_text) {
        Some(text) if text.ends_with(char::is_whitespace) => {
            Err(wrong("messages", "final assistant content cannot end with trailing whitespace"))
        }
        Some(_) | None => Ok(()),
    }
}

fn check_message(message: &Value, n: usize, is_last: bool) -> Result<(), Fault> {
    let path = format!("messages.{n}");
    let object = message.as_object().ok_or_else(|| wrong(&path, "Input should be an object"))?;
    let place = match object.get("role").map(Value::as_str) {
        None => return Err(wrong(&format!("{path}.role"), "Field required")),
        Some(Some("user")) => Place::User,
        Some(Some("assistant")) => Place::Assistant,
        Some(Some("system")) => {
            return Err(wrong(
                "messages",
                "Unexpected role \"system\". The Messages API accepts a top-level `system` parameter, not \"system\" as an input message role.",
            ));
        }
        Some(role) => {
            let expected = "Allowed roles are \"user\" or \"assistant\"";
            return Err(wrong("messages", &format!("Unexpected role \"{}\". {expected}", role.unwrap_or_default())));
        }
    };
    blocks::only(object, &["role", "content"], &path)?;
    let non_empty =
        || wrong(&path, "all messages must have non-empty content except for the optional final assistant message");
    let may_be_empty = is_last && place == Place::Assistant;
    match object.get("content") {
        None => Err(wrong(&format!("{path}.content"), "Field required")),
        Some(Value::String(text)) if text.is_empty() && !may_be_empty => Err(non_empty()),
        Some(Value::String(text)) if !text.is_empty() && text.trim().is_empty() => {
            Err(wrong("messages", "text content blocks must contain non-whitespace text"))
        }
        Some(Value::String(_)) => Ok(()),
        Some(Value::Array(blocks)) if blocks.is_empty() && !may_be_empty => Err(non_empty()),
        Some(Value::Array(blocks)) => blocks
            .iter()
            .enumerate()
            .try_for_each(|(b, block)| blocks::check(block, &format!("{path}.content.{b}"), place)),
        Some(_) => Err(wrong(&format!("{path}.content"), "Input should be a valid string or list of blocks")),
    }
}

/// Consecutive messages of one role are one turn.
pub(super) struct Turn<'a> {
    /// The index of its first message, and of the block in its message.
    pub(super) blocks: Vec<(usize, usize, &'a Value)>,
    pub(super) is_user: bool,
    pub(super) first: usize,
}

pub(super) fn turns(messages: &[Value]) -> Vec<Turn<'_>> {
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for (n, message) in messages.iter().enumerate() {
        let is_user = message["role"] == "user";
        if turns.last().is_none_or(|turn| turn.is_user != is_user) {
            turns.push(Turn { blocks: Vec::new(), is_user, first: n });
        }
        let blocks = match &message["content"] {
            Value::Array(blocks) => blocks.as_slice(),
            // A text stands for one text block.
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                std::slice::from_ref(&message["content"])
            }
        };
        if let Some(turn) = turns.last_mut() {
            turn.blocks.extend(blocks.iter().enumerate().map(|(b, block)| (n, b, block)));
        }
    }
    turns
}

fn check_tool_pairs(turns: &[Turn<'_>]) -> Result<(), Fault> {
    let mut seen: Vec<&str> = Vec::new();
    let mut asked: Vec<&str> = Vec::new();
    for (position, turn) in turns.iter().enumerate() {
        if turn.is_user {
            check_results(turn, &asked)?;
            continue;
        }
        asked = of_kind(turn, "tool_use", "id").map(|(.., id)| id).collect();
        for (n, id) in asked.iter().enumerate() {
            if seen.contains(id) || asked.iter().take(n).any(|other| other == id) {
                return Err(wrong("messages", "`tool_use` ids must be unique"));
            }
        }
        seen.extend(&asked);
        let answers: Vec<&str> = match turns.get(position + 1) {
            // Results count only at the very start of the turn.
            Some(next) => next
                .blocks
                .iter()
                .map_while(|(.., block)| {
                    (block["type"] == "tool_result").then(|| block["tool_use_id"].as_str().unwrap_or_default())
                })
                .collect(),
            None => Vec::new(),
        };
        let missing: Vec<&str> = asked.iter().filter(|id| !answers.contains(id)).copied().collect();
        if !missing.is_empty() {
            let last = turn.blocks.last().map_or(turn.first, |(n, ..)| *n);
            return Err(Fault::invalid(format!(
                "messages.{last}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each \
                 `tool_use` block must have a corresponding `tool_result` block in the next message.",
                missing.join(", ")
            )));
        }
    }
    Ok(())
}

fn check_results(turn: &Turn<'_>, asked: &[&str]) -> Result<(), Fault> {
    let mut answered: Vec<&str> = Vec::new();
    for (message, block, id) in of_kind(turn, "tool_result", "tool_use_id") {
        let path = format!("messages.{message}.content.{block}");
        if !asked.contains(&id) {
            return Err(Fault::invalid(format!(
                "{path}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must have a \
                 corresponding `tool_use` block in the previous message."
            )));
        }
        if answered.contains(&id) {
            return Err(wrong(
                &path,
                &format!("each tool_use must have a single result. Found multiple `tool_result` blocks with id: {id}"),
            ));
        }
        answered.push(id);
    }
    Ok(())
}

fn of_kind<'a>(turn: &Turn<'a>, kind: &'static str, id: &'static str) -> impl Iterator<Item = (usize, usize, &'a str)> {
    let blocks: Vec<(usize, usize, &'a Value)> = turn.blocks.clone();
    blocks
        .into_iter()
        .filter(move |(.., block)| block["type"] == kind)
        .map(move |(m, b, block)| (m, b, block[id].as_str().unwrap_or_default()))
}

fn last_text(message: &Value) -> &str {
    let content = &message["content"];
    let last = content.as_array().and_then(|blocks| blocks.last()).map(|block| &block["text"]);
    last.unwrap_or(content).as_str().unwrap_or_default()
}

/// What the default answer repeats: the last text by the user, before any tool results.
pub(super) fn last_user_text(messages: &Value) -> String {
    let messages = messages.as_array().map(Vec::as_slice).unwrap_or_default();
    let by_user = messages.iter().rev().filter(|message| message["role"] == "user").map(|message| &message["content"]);
    let texts = by_user.filter_map(|content| match content.as_array() {
        Some(blocks) => blocks.iter().rev().find_map(|block| block["text"].as_str()),
        None => content.as_str(),
    });
    texts.map(str::to_owned).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anthropic::signature;
    use serde_json::json;

    fn refused(messages: &Value, message: &str) {
        let fault = check(messages.as_array().expect("an array")).expect_err(&messages.to_string());
        assert!(fault.message.starts_with(message), "{messages}: {}", fault.message);
    }

    fn taken(messages: &Value) {
        assert_eq!(check(messages.as_array().expect("an array")), Ok(()), "{messages}");
    }

    fn user(content: Value) -> Value {
        json!({"role": "user", "content": content})
    }

    fn assistant(content: Value) -> Value {
        json!({"role": "assistant", "content": content})
    }

    fn uses(id: &str) -> Value {
        json!({"type": "tool_use", "id": id, "name": "f", "input": {}})
    }

    fn result(id: &str) -> Value {
        json!({"type": "tool_result", "tool_use_id": id, "content": "ok"})
    }

    #[test]
    fn results_come_first_in_the_next_turn() {
        let text = json!({"type": "text", "text": "x"});
        let asks = assistant(json!([text, uses("a"), uses("b")]));
        taken(&json!([user(json!("hi")), asks, user(json!([result("b"), result("a"), text]))]));
        taken(&json!([user(json!("hi")), asks, user(json!([result("a")])), user(json!([result("b")]))]));
        let without = "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: ";
        refused(&json!([user(json!("hi")), asks]), &format!("{without}a, b."));
        refused(&json!([user(json!("hi")), asks, user(json!([result("a")]))]), &format!("{without}b."));
        refused(&json!([user(json!("hi")), asks, user(json!([text, result("a"), result("b")]))]), without);
        let unexpected = "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: a.";
        refused(&json!([user(json!([result("a")]))]), unexpected);
        refused(
            &json!([user(json!("hi")), assistant(json!([uses("a")])), user(json!([result("a"), result("a")]))]),
            "messages.2.content.1: each tool_use must have a single result.",
        );
        refused(
            &json!([user(json!("hi")), assistant(json!([uses("a"), uses("a")]))]),
            "messages: `tool_use` ids must be unique",
        );
    }

    #[test]
    fn consecutive_turns_of_one_role_are_one() {
        taken(&json!([
            user(json!("a")),
            user(json!("b")),
            assistant(json!("c")),
            assistant(json!("d")),
            user(json!("e"))
        ]));
    }

    #[test]
    fn the_last_user_text_is_found() {
        let text = json!({"type": "text", "text": "two"});
        let messages =
            json!([user(json!("one")), user(json!([text])), assistant(json!([uses("a")])), user(json!([result("a")]))]);
        assert_eq!(last_user_text(&messages), "two");
        assert_eq!(last_user_text(&json!([user(json!("one"))])), "one");
    }

    #[test]
    fn messages_that_are_wrong() {
        let block = |block: Value| json!([user(json!([block]))]);
        let said = |block: Value| json!([user(json!("hi")), assistant(json!([block]))]);
        for (messages, message) in [
            (json!([{"role": "system", "content": "x"}]), "messages: Unexpected role \"system\"."),
            (json!([{"role": "tool", "content": "x"}]), "messages: Unexpected role \"tool\"."),
            (json!([assistant(json!("x"))]), "messages: first message must use the \"user\" role"),
            (json!([{"role": "user"}]), "messages.0.content: Field required"),
            (json!([user(json!(""))]), "messages.0: all messages must have non-empty content"),
            (json!([user(json!([]))]), "messages.0: all messages must have non-empty content"),
            (json!([{"role": "user", "content": "x", "name": "n"}]), "messages.0.name: Extra inputs are not permitted"),
            (
                json!([user(json!("x")), assistant(json!("y "))]),
                "messages: final assistant content cannot end with trailing whitespace",
            ),
            (block(json!({"type": "text", "text": ""})), "messages: text content blocks must be non-empty"),
            (block(json!({"type": "text"})), "messages.0.content.0.text.text: Field required"),
            (block(json!({"type": "image_url"})), "messages.0.content.0: Input tag 'image_url' found using 'type'"),
            (block(uses("a")), "messages.0.content.0: `tool_use` blocks are not allowed in `user` messages"),
            (
                block(
                    json!({"type": "image", "source": {"type": "base64", "media_type": "image/bmp", "data": "AA=="}}),
                ),
                "messages.0.content.0.image.source.base64.media_type: Input should be",
            ),
            (
                block(
                    json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "data:x"}}),
                ),
                "messages.0.content.0.image.source.base64.data",
            ),
            (
                block(json!({"type": "image", "source": {"type": "url", "url": "file:///x"}})),
                "messages.0.content.0.image.source.url.url",
            ),
            (
                said(json!({"type": "tool_use", "id": "a b", "name": "f", "input": {}})),
                "messages.1.content.0.tool_use.id: String should match pattern",
            ),
            (
                said(json!({"type": "tool_use", "id": "a", "name": "f", "input": "{}"})),
                "messages.1.content.0.tool_use.input: Input should be a valid dictionary",
            ),
            (
                said(json!({"type": "thinking", "thinking": "x", "signature": "y"})),
                "messages.1.content.0: Invalid `signature` in `thinking` block",
            ),
            (
                said(json!({"type": "thinking", "thinking": "x"})),
                "messages.1.content.0.thinking.signature: Field required",
            ),
        ] {
            refused(&messages, message);
        }
        taken(&said(json!({"type": "thinking", "thinking": "x", "signature": signature::sign("x")})));
    }
}
