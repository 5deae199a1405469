//! A client's messages → the hub's.

use super::content::{self, Block};
use super::decode::missing;
use crate::chat::{Message, Part, Role, ToolCall, ToolResult};
use crate::dialect::wire::{OneOrMany, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde::de::IgnoredAny;

wire! {
    /// A message of any role.
    struct MessageFields<'a> {
        role: Str<'a>,
        content: OneOrMany<'a, Block<'a>>,
        tool_plan: Str<'a>,
        tool_calls: Vec<CallFields<'a>>,
        tool_call_id: Str<'a>,
        citations: Vec<IgnoredAny>,
    }
}
wire! { struct CallFields<'a> { kind "type": Str<'a>, id: Str<'a>, function: Called<'a> } }
wire! { struct Called<'a> { name: Str<'a>, arguments: Str<'a> } }

/// Reads the messages.
///
/// # Errors
/// A [`Fault`] that names what is missing or has a type that the API does not know.
pub(super) fn decode<'a>(messages: Vec<MessageFields<'a>>, losses: &mut Losses) -> Result<Vec<Message<'a>>, Fault> {
    messages.into_iter().enumerate().map(|(index, fields)| message(fields, index, losses)).collect()
}

fn message<'a>(fields: MessageFields<'a>, index: usize, losses: &mut Losses) -> Result<Message<'a>, Fault> {
    let path = format!("messages[{index}]");
    for field in &fields.unknown {
        losses.add_unknown("messages", field);
    }
    // What an earlier answer rests on says nothing new to the model.
    if fields.citations.as_ref().is_some_and(|citations| !citations.is_empty()) {
        losses.add("messages.citations");
    }
    let known = [("system", Role::System), ("user", Role::User), ("assistant", Role::Assistant), ("tool", Role::Tool)];
    let role = fields.role.as_deref().unwrap_or_default();
    let Some((_, role)) = known.into_iter().find(|(name, _)| *name == role) else {
        let path = format!("{path}.role");
        let message = format!("{path} has to be `user`, `assistant`, `system` or `tool`");
        return Err(Fault::invalid(message).with_param(path));
    };
    let parts = match role {
        Role::Assistant => said_by_model(fields, &path, losses)?,
        Role::Tool => vec![tool_result(fields, &path, losses)?],
        Role::System | Role::Developer | Role::User | Role::Unknown(_) => {
            content::parts(required(fields.content, &path)?, &path, losses)?
        }
    };
    Ok(Message { role, name: None, parts })
}

fn required<T>(content: Option<T>, path: &str) -> Result<T, Fault> {
    content.ok_or_else(|| missing(&format!("{path}.content"), "a string or content blocks"))
}

/// What the model planned comes first, then what it thought and said, then its calls.
fn said_by_model<'a>(fields: MessageFields<'a>, path: &str, losses: &mut Losses) -> Result<Vec<Part<'a>>, Fault> {
    let plan = fields.tool_plan.filter(|plan| !plan.is_empty());
    let mut parts: Vec<Part<'a>> = plan.map(|text| Part::Thinking { text, signature: None }).into_iter().collect();
    if let Some(content) = fields.content {
        parts.extend(content::parts(content, path, losses)?);
    }
    for (index, call) in fields.tool_calls.unwrap_or_default().into_iter().enumerate() {
        let path = format!("{path}.tool_calls[{index}]");
        match call.kind.as_deref() {
            Some("function") | None => parts.push(Part::ToolCall(tool_call(call, &path)?)),
            Some(kind) => losses.add_unknown("messages.tool_calls", kind),
        }
    }
    Ok(parts)
}

fn tool_call<'a>(call: CallFields<'a>, path: &str) -> Result<ToolCall<'a>, Fault> {
    let function = call.function.unwrap_or_default();
    Ok(ToolCall {
        id: call.id.ok_or_else(|| missing(&format!("{path}.id"), "the call's id"))?,
        name: function.name.ok_or_else(|| missing(&format!("{path}.function.name"), "the function's name"))?,
        arguments: function.arguments.unwrap_or_default(),
        ..ToolCall::default()
    })
}

fn tool_result<'a>(fields: MessageFields<'a>, path: &str, losses: &mut Losses) -> Result<Part<'a>, Fault> {
    let id = fields.tool_call_id.ok_or_else(|| missing(&format!("{path}.tool_call_id"), "the id of the tool call"))?;
    let content = content::results(required(fields.content, path)?, path, losses)?;
    Ok(Part::ToolResult(ToolResult { id, content, is_error: false, cache: None }))
}
