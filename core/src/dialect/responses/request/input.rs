//! `input`: a list of items → messages.
//!
//! Here a turn of the model is many items (thoughts, words, calls), in the hub it is one message, since other dialects
//! want the results of all calls right behind it.

use super::content::{self, WirePart};
use super::freeform;
use super::tools::hub_name;
use crate::chat::{Message, Part, Role, ToolCall, ToolResult};
use crate::dialect::openai::json::text_of;
use crate::dialect::openai::request::decode::missing;
use crate::dialect::responses::item::{REDACTED, TOOL_SIGNATURE};
use crate::dialect::responses::label;
use crate::dialect::wire::{OneOrMany, Raw, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde::de::IgnoredAny;

wire! {
    /// Any item: the fields of all kinds in one.
    struct Item<'a> {
        kind "type": Str<'a>,
        role: Str<'a>,
        content: OneOrMany<'a, WirePart<'a>>,
        phase: Raw<'a>,
        call_id: Str<'a>,
        name: Str<'a>,
        namespace: Str<'a>,
        arguments: Raw<'a>,
        input: Raw<'a>,
        output: Raw<'a>,
        summary: Vec<Thought<'a>>,
        encrypted_content: Str<'a>,
        id: Str<'a>,
        // How far it was when the answer ended: the conversation goes on from what there is.
        _status "status": IgnoredAny,
    }
}
wire! { struct Thought<'a> { text: Str<'a> } }

/// Reads the input and adds its messages to `messages`.
pub(super) fn decode<'a>(
    input: OneOrMany<'a, Item<'a>>,
    messages: &mut Vec<Message<'a>>,
    losses: &mut Losses,
) -> Result<(), Fault> {
    match input {
        OneOrMany::One(text) => messages.push(Message { role: Role::User, name: None, parts: vec![text_part(text)] }),
        OneOrMany::Many(items) => {
            for (i, item) in items.into_iter().enumerate() {
                decode_item(item, &format!("input[{i}]"), messages, losses)?;
            }
        }
    }
    Ok(())
}

fn text_part(text: Str<'_>) -> Part<'_> {
    Part::Text(text.into())
}

fn decode_item<'a>(
    item: Item<'a>,
    path: &str,
    messages: &mut Vec<Message<'a>>,
    losses: &mut Losses,
) -> Result<(), Fault> {
    // A message may leave its type out; so may a reference, which has no role.
    let kind = match item.kind.clone() {
        Some(kind) => kind,
        None if item.role.is_some() => "message".into(),
        None if item.id.is_some() => "item_reference".into(),
        None => return Err(missing(&format!("{path}.type"), "the item's type")),
    };
    let is_known = matches!(
        kind.as_str(),
        "message"
            | "reasoning"
            | "function_call"
            | "custom_tool_call"
            | "function_call_output"
            | "custom_tool_call_output"
    );
    for name in item.unknown.iter().filter(|_| is_known) {
        losses.add_unknown("input", name);
    }
    match kind.as_str() {
        "message" => message(item, path, messages, losses)?,
        "reasoning" => reasoning(item, path, messages, losses)?,
        "function_call" => {
            let arguments = item.arguments.map(text_of).unwrap_or_default();
            call(item, arguments, path, messages)?;
        }
        "custom_tool_call" => {
            let arguments = freeform::arguments(&item.input.map(text_of).unwrap_or_default());
            call(item, arguments.into(), path, messages)?;
        }
        "function_call_output" | "custom_tool_call_output" => result(item, path, messages, losses)?,
        kind => label::lose(label::input(kind), "input", kind, losses),
    }
    Ok(())
}

fn message<'a>(item: Item<'a>, path: &str, messages: &mut Vec<Message<'a>>, losses: &mut Losses) -> Result<(), Fault> {
    if item.phase.is_some() {
        losses.add("input.phase");
    }
    let role =
        item.role.ok_or_else(|| missing(&format!("{path}.role"), "`user`, `assistant`, `system` or `developer`"))?;
    let content = item.content.ok_or_else(|| missing(&format!("{path}.content"), "a string or an array of parts"))?;
    let parts = content::decode(content, &format!("{path}.content"), losses)?;
    let role = match role.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        "developer" => Role::Developer,
        _ => Role::Unknown(role),
    };
    match messages.last_mut() {
        Some(turn) if role == Role::Assistant && turn.role == Role::Assistant && !is_said(turn) => {
            turn.parts.extend(parts);
        }
        Some(_) | None => messages.push(Message { role, name: None, parts }),
    }
    Ok(())
}

/// The turn has its words, and calls nothing: further words are another message.
fn is_said(turn: &Message<'_>) -> bool {
    turn.parts.iter().any(|part| matches!(part, Part::Text(_) | Part::Refusal(_)))
        && !turn.parts.iter().any(|part| matches!(part, Part::ToolCall(_)))
}

/// Adds to the model's turn that is under way, or begins one.
fn say<'a>(part: Part<'a>, messages: &mut Vec<Message<'a>>) {
    match messages.last_mut() {
        Some(last) if last.role == Role::Assistant => last.parts.push(part),
        Some(_) | None => messages.push(Message { role: Role::Assistant, name: None, parts: vec![part] }),
    }
}

fn reasoning<'a>(
    item: Item<'a>,
    path: &str,
    messages: &mut Vec<Message<'a>>,
    losses: &mut Losses,
) -> Result<(), Fault> {
    let signature = item.encrypted_content.filter(|sealed| !sealed.is_empty());
    if let Some(sealed) = &signature {
        if let Some(data) = sealed.strip_prefix(REDACTED) {
            say(Part::RedactedThinking { data: Str::from(data.to_owned()) }, messages);
            return Ok(());
        }
        if let Some(proof) = sealed.strip_prefix(TOOL_SIGNATURE) {
            let last = messages.last_mut().and_then(|last| last.parts.last_mut());
            match last {
                Some(Part::ToolCall(call)) => call.signature = Some(Str::from(proof.to_owned())),
                Some(_) | None => losses.add("input.encrypted_content"),
            }
            return Ok(());
        }
    }
    let mut thoughts: Vec<Str<'a>> = item.summary.into_iter().flatten().filter_map(|thought| thought.text).collect();
    if let Some(OneOrMany::Many(content)) = item.content {
        for (i, part) in content.into_iter().enumerate() {
            match part.text {
                Some(text) => thoughts.push(text),
                None => return Err(missing(&format!("{path}.content[{i}].text"), "a string")),
            }
        }
    }
    let text = match thoughts.len() {
        0 if signature.is_none() => {
            // Only its id tells something, and that only to who stored it.
            losses.add("input.reasoning");
            return Ok(());
        }
        1 => thoughts.pop().unwrap_or_default(),
        _ => Str::from(thoughts.iter().map(Str::as_str).collect::<Vec<_>>().join("\n\n")),
    };
    say(Part::Thinking { text, signature }, messages);
    Ok(())
}

fn call<'a>(item: Item<'a>, arguments: Str<'a>, path: &str, messages: &mut Vec<Message<'a>>) -> Result<(), Fault> {
    let id = item.call_id.ok_or_else(|| missing(&format!("{path}.call_id"), "the id of the call"))?;
    let name = item.name.ok_or_else(|| missing(&format!("{path}.name"), "the tool's name"))?;
    let name = hub_name(item.namespace.as_deref(), name);
    say(Part::ToolCall(ToolCall { id, name, arguments, ..ToolCall::default() }), messages);
    Ok(())
}

fn result<'a>(item: Item<'a>, path: &str, messages: &mut Vec<Message<'a>>, losses: &mut Losses) -> Result<(), Fault> {
    let id = item.call_id.ok_or_else(|| missing(&format!("{path}.call_id"), "the id of the call that it answers"))?;
    let path = format!("{path}.output");
    let expected = "a string or an array of parts";
    let output = item.output.ok_or_else(|| missing(&path, expected))?;
    let output: OneOrMany<'a, WirePart<'a>> = serde_json::from_str(output.get())
        .map_err(|_| Fault::invalid(format!("{path} must be {expected}")).with_param(path.as_str()))?;
    let content = content::decode(output, &path, losses)?;
    let result = ToolResult { id, content, is_error: false, cache: None };
    messages.push(Message { role: Role::Tool, name: None, parts: vec![Part::ToolResult(result)] });
    Ok(())
}
