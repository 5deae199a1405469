//! What extended thinking forbids. <https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking>

use serde_json::{Map, Value};

use super::blocks;
use super::conversation::turns;
use super::request::wrong;
use crate::fault::Fault;

const BUDGET_TOKENS_MIN: i64 = 1024;
const SEE: &str =
    "Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking";

pub(super) fn check(request: &Map<String, Value>, messages: &[Value]) -> Result<(), Fault> {
    let Some(thinking) = request.get("thinking") else { return Ok(()) };
    let thinking = thinking.as_object().ok_or_else(|| wrong("thinking", "Input should be an object"))?;
    match thinking.get("type").map(|kind| kind.as_str().unwrap_or_default()) {
        None => Err(wrong("thinking.type", "Field required")),
        Some("disabled") => blocks::only(thinking, &["type"], "thinking.disabled"),
        Some("adaptive") => {
            blocks::only(thinking, &["type", "display"], "thinking.adaptive")?;
            check_sampling(request)
        }
        Some("enabled") => {
            blocks::only(thinking, &["type", "budget_tokens", "display"], "thinking.enabled")?;
            check_budget(request, thinking)?;
            check_sampling(request)?;
            check_last_turn(messages)
        }
        Some(other) => Err(wrong(
            "thinking",
            &format!(
                "Input tag '{other}' found using 'type' does not match any of the expected tags: 'adaptive', 'disabled', 'enabled'"
            ),
        )),
    }
}

fn check_budget(request: &Map<String, Value>, thinking: &Map<String, Value>) -> Result<(), Fault> {
    let path = "thinking.enabled.budget_tokens";
    let budget = thinking.get("budget_tokens").ok_or_else(|| wrong(path, "Field required"))?;
    let budget = budget.as_i64().ok_or_else(|| wrong(path, "Input should be a valid integer"))?;
    if budget < BUDGET_TOKENS_MIN {
        return Err(wrong(path, &format!("Input should be greater than or equal to {BUDGET_TOKENS_MIN}")));
    }
    if request.get("max_tokens").and_then(Value::as_i64).is_some_and(|max_tokens| max_tokens <= budget) {
        return Err(Fault::invalid(format!(
            "`max_tokens` must be greater than `thinking.budget_tokens`. {SEE}#max-tokens-and-context-window-size"
        )));
    }
    Ok(())
}

fn check_sampling(request: &Map<String, Value>) -> Result<(), Fault> {
    let number = |name: &str| request.get(name).and_then(Value::as_f64);
    if number("temperature").is_some_and(|temperature| temperature != 1.0) {
        return Err(Fault::invalid(format!(
            "`temperature` may only be set to 1 when thinking is enabled. {SEE}#important-considerations-when-using-extended-thinking"
        )));
    }
    if number("top_p").is_some_and(|top_p| top_p < 0.95) {
        return Err(Fault::invalid(format!(
            "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled. {SEE}"
        )));
    }
    if request.contains_key("top_k") {
        return Err(Fault::invalid(format!("`top_k` must be unset when thinking is enabled. {SEE}")));
    }
    let choice = request.get("tool_choice").and_then(|choice| choice.get("type")).and_then(Value::as_str);
    if matches!(choice, Some("any" | "tool")) {
        return Err(Fault::invalid("Thinking may not be enabled when tool_choice forces tool use."));
    }
    Ok(())
}

/// A turn that used tools and is not over yet must show the thinking that it began with.
fn check_last_turn(messages: &[Value]) -> Result<(), Fault> {
    let turns = turns(messages);
    let Some(last) = turns.iter().rev().find(|turn| !turn.is_user) else { return Ok(()) };
    let goes_on = turns
        .last()
        .is_some_and(|turn| !turn.is_user || turn.blocks.iter().any(|(.., block)| block["type"] == "tool_result"));
    let uses_tools = last.blocks.iter().any(|(.., block)| block["type"] == "tool_use");
    let Some((message, block, first)) = last.blocks.first().filter(|_| goes_on && uses_tools) else { return Ok(()) };
    let kind = first["type"].as_str().unwrap_or("text");
    if matches!(kind, "thinking" | "redacted_thinking") {
        return Ok(());
    }
    Err(wrong(
        &format!("messages.{message}.content.{block}.type"),
        &format!(
            "Expected `thinking` or `redacted_thinking`, but found `{kind}`. When `thinking` is enabled, a final `assistant` \
             message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). We \
             recommend you include thinking blocks from previous turns. To avoid this requirement, disable `thinking`. {SEE}"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anthropic::request::parse;
    use crate::anthropic::signature;
    use serde_json::json;

    fn with(fields: &Value) -> Result<(), String> {
        let mut request = json!({
            "model": "claude-sonnet-4-0", "max_tokens": 2000, "messages": [{"role": "user", "content": "hello"}],
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        });
        for (name, value) in fields.as_object().expect("an object") {
            request[name] = value.clone();
        }
        parse(request.to_string().as_bytes(), false, true).map(|_| ()).map_err(|fault| fault.message)
    }

    #[test]
    fn what_thinking_forbids() {
        for (fields, message) in [
            (json!({"thinking": {"type": "enabled"}}), "thinking.enabled.budget_tokens: Field required"),
            (
                json!({"thinking": {"type": "enabled", "budget_tokens": 1023}}),
                "thinking.enabled.budget_tokens: Input should be greater",
            ),
            (
                json!({"thinking": {"type": "enabled", "budget_tokens": 2000}}),
                "`max_tokens` must be greater than `thinking.budget_tokens`.",
            ),
            (json!({"thinking": {"type": "on"}}), "thinking: Input tag 'on'"),
            (json!({"temperature": 0.5}), "`temperature` may only be set to 1"),
            (json!({"top_k": 5}), "`top_k` must be unset"),
            (json!({"top_p": 0.9}), "`top_p` must be greater than or equal to 0.95"),
            (json!({"tool_choice": {"type": "any"}}), "Thinking may not be enabled when tool_choice forces tool use."),
        ] {
            let error = with(&fields).expect_err(&fields.to_string());
            assert!(error.starts_with(message), "{fields}: {error}");
        }
        assert_eq!(with(&json!({"temperature": 1, "top_p": 0.95, "tool_choice": {"type": "auto"}})), Ok(()));
    }

    #[test]
    fn an_open_turn_shows_its_thinking() {
        let messages = |first: &[Value]| {
            let uses = json!({"type": "tool_use", "id": "a", "name": "f", "input": {}});
            let mut said = first.to_vec();
            said.push(uses);
            let result = json!([{"type": "tool_result", "tool_use_id": "a"}]);
            json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": said}, {"role": "user", "content": result}]})
        };
        let error = with(&messages(&[])).expect_err("no thinking");
        assert!(
            error.starts_with(
                "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`."
            ),
            "{error}"
        );
        let thought = json!({"type": "thinking", "thinking": "hm", "signature": signature::sign("hm")});
        assert_eq!(with(&messages(&[thought])), Ok(()));
        assert_eq!(with(&messages(&[json!({"type": "redacted_thinking", "data": "x"})])), Ok(()));
    }
}
