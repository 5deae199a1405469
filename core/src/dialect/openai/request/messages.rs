//! The conversation: who says what, which tools were called and what they answered.

use super::content::{self, CacheControl, WirePart};
use super::decode::missing;
use crate::chat::{CacheMark, Message as Said, Part, Role, ToolCall, ToolResult};
use crate::dialect::openai::thinking::Block;
use crate::dialect::openai::{extra, json};
use crate::dialect::wire::{OneOrMany, Raw, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde::de::IgnoredAny;
use std::fmt::Arguments;

wire! {
    /// A message of any role.
    struct Message<'a> {
        role: Str<'a>,
        content: OneOrMany<'a, WirePart<'a>>,
        name: Str<'a>,
        refusal: Str<'a>,
        tool_calls: Vec<WireCall<'a>>,
        tool_call_id: Str<'a>,
        function_call: WireFunction<'a>,
        audio: Raw<'a>,
        annotations: Raw<'a>,
        // Not OpenAI's, but widely sent back: the thoughts of an earlier answer.
        reasoning_content: Str<'a>,
        reasoning: Raw<'a>,
        thinking_blocks: Vec<Block<'a>>,
        cache_control: CacheControl<'a>,
    }
}
wire! {
    struct WireCall<'a> {
        id: Str<'a>,
        kind "type": Str<'a>,
        function: WireFunction<'a>,
        custom: Custom<'a>,
        _index "index": IgnoredAny,
        cache_control: CacheControl<'a>,
        extra_content: Raw<'a>,
    }
}
wire! { struct WireFunction<'a> { name: Str<'a>, arguments: Raw<'a> } }
wire! { struct Custom<'a> { name: Str<'a>, input: Str<'a> } }

/// Reads a conversation.
pub(super) fn decode<'a>(messages: Vec<Message<'a>>, losses: &mut Losses) -> Result<Vec<Said<'a>>, Fault> {
    if messages.is_empty() {
        return Err(Fault::invalid("messages is empty: expected at least one message").with_param("messages"));
    }
    let mut conversation = Conversation { legacy_calls: 0, losses };
    let messages = messages.into_iter().enumerate();
    messages.map(|(i, message)| conversation.message(message, format_args!("messages[{i}]"))).collect()
}

/// What reading one message must know of those before it.
struct Conversation<'l> {
    /// How many calls of the legacy form have been met. They have no ids, so they are numbered.
    legacy_calls: usize,
    losses: &'l mut Losses,
}

impl Conversation<'_> {
    fn message<'a>(&mut self, mut message: Message<'a>, path: Arguments<'_>) -> Result<Said<'a>, Fault> {
        self.note_what_is_lost(&message);
        let cache =
            message.cache_control.take().map(|control| control.into_mark("messages.cache_control", self.losses));
        let role = message.role.take().ok_or_else(|| missing(&format!("{path}.role"), "a role such as `user`"))?;
        let role = match role.as_str() {
            "system" => Role::System,
            "developer" => Role::Developer,
            "user" => Role::User,
            "assistant" => return self.assistant(message, cache, path),
            "tool" => return self.tool(message, cache, path),
            "function" => return self.function(message, cache, path),
            _ => Role::Unknown(role),
        };
        let mut parts = self.content(&mut message, path)?;
        self.mark_last(&mut parts, cache);
        Ok(Said { role, name: message.name, parts })
    }

    fn note_what_is_lost(&mut self, message: &Message<'_>) {
        if message.audio.is_some() {
            self.losses.add("messages.audio");
        }
        // SDKs send an answer back with its empty list.
        if message.annotations.is_some_and(|annotations| !json::is(annotations, "[]")) {
            self.losses.add("messages.annotations");
        }
        for name in &message.unknown {
            self.losses.add_unknown("messages", name);
        }
    }

    fn content<'a>(&mut self, message: &mut Message<'a>, path: Arguments<'_>) -> Result<Vec<Part<'a>>, Fault> {
        content::decode(message.content.take(), format_args!("{path}.content"), self.losses)
    }

    /// An answer of the model: thoughts first, then words, then calls, as this dialect has no order between them.
    fn assistant<'a>(
        &mut self,
        mut message: Message<'a>,
        cache: Option<CacheMark<'a>>,
        path: Arguments<'_>,
    ) -> Result<Said<'a>, Fault> {
        let mut parts = self.thoughts(&mut message);
        parts.append(&mut self.content(&mut message, path)?);
        parts.extend(message.refusal.filter(|refusal| !refusal.is_empty()).map(Part::Refusal));
        for (i, call) in message.tool_calls.take().unwrap_or_default().into_iter().enumerate() {
            parts.push(self.call(call, format_args!("{path}.tool_calls[{i}]"))?);
        }
        if let Some(function) = message.function_call.take() {
            self.legacy_calls += 1;
            let id = Str::from(legacy_id(self.legacy_calls));
            parts.push(Part::ToolCall(self.called(id, function, format_args!("{path}.function_call"))?));
        }
        self.mark_last(&mut parts, cache);
        Ok(Said { role: Role::Assistant, name: message.name, parts })
    }

    /// The blocks hold the signatures, so they win over the same thoughts as plain text.
    fn thoughts<'a>(&mut self, message: &mut Message<'a>) -> Vec<Part<'a>> {
        let mut parts = Vec::new();
        for block in message.thinking_blocks.take().unwrap_or_default() {
            match block.into_part() {
                Some(part) => parts.push(part),
                None => self.losses.add("messages.thinking_blocks"),
            }
        }
        if !parts.is_empty() {
            return parts;
        }
        let reasoning = message.reasoning.and_then(json::as_text);
        if message.reasoning.is_some() && reasoning.is_none() {
            self.losses.add("messages.reasoning");
        }
        let said = message.reasoning_content.take().or(reasoning).filter(|text| !text.is_empty());
        said.map(|text| Part::Thinking { text, signature: None }).into_iter().collect()
    }

    fn call<'a>(&mut self, call: WireCall<'a>, path: Arguments<'_>) -> Result<Part<'a>, Fault> {
        for name in &call.unknown {
            self.losses.add_unknown("messages.tool_calls", name);
        }
        let id = call.id.ok_or_else(|| missing(&format!("{path}.id"), "the call's id"))?;
        let cache =
            call.cache_control.map(|control| control.into_mark("messages.tool_calls.cache_control", self.losses));
        let (signature, has_more) = extra::signature(call.extra_content);
        if has_more {
            self.losses.add("messages.tool_calls.extra_content");
        }
        match (call.function, call.custom) {
            (Some(function), _) => {
                let call = self.called(id, function, format_args!("{path}.function"))?;
                Ok(Part::ToolCall(ToolCall { cache, signature, ..call }))
            }
            (None, Some(custom)) => {
                // The call must stay, since its result follows; its free text becomes one argument.
                self.losses.add("messages.tool_calls.custom");
                let name = custom.name.ok_or_else(|| missing(&format!("{path}.custom.name"), "the tool's name"))?;
                let input = crate::edit::quoted(&custom.input.unwrap_or_default());
                Ok(Part::ToolCall(ToolCall {
                    id,
                    name,
                    arguments: format!("{{\"input\":{input}}}").into(),
                    cache,
                    ..ToolCall::default()
                }))
            }
            (None, None) => Err(missing(&format!("{path}.function"), "the function that is called")),
        }
    }

    fn called<'a>(
        &mut self,
        id: Str<'a>,
        function: WireFunction<'a>,
        path: Arguments<'_>,
    ) -> Result<ToolCall<'a>, Fault> {
        for name in &function.unknown {
            self.losses.add_unknown("messages.tool_calls.function", name);
        }
        let name = function.name.ok_or_else(|| missing(&format!("{path}.name"), "the function's name"))?;
        let arguments = function.arguments.map(json::text_of).unwrap_or_default();
        Ok(ToolCall { id, name, arguments, ..ToolCall::default() })
    }

    fn tool<'a>(
        &mut self,
        mut message: Message<'a>,
        cache: Option<CacheMark<'a>>,
        path: Arguments<'_>,
    ) -> Result<Said<'a>, Fault> {
        let id = message.tool_call_id.take();
        let id = id.ok_or_else(|| missing(&format!("{path}.tool_call_id"), "the id of the call that it answers"))?;
        self.result(id, message, cache, path)
    }

    /// The legacy form of a result: it answers the call before it.
    fn function<'a>(
        &mut self,
        message: Message<'a>,
        cache: Option<CacheMark<'a>>,
        path: Arguments<'_>,
    ) -> Result<Said<'a>, Fault> {
        self.result(Str::from(legacy_id(self.legacy_calls)), message, cache, path)
    }

    fn result<'a>(
        &mut self,
        id: Str<'a>,
        mut message: Message<'a>,
        cache: Option<CacheMark<'a>>,
        path: Arguments<'_>,
    ) -> Result<Said<'a>, Fault> {
        let content = self.content(&mut message, path)?;
        let result = Part::ToolResult(ToolResult { id, content, is_error: false, cache });
        // A name here is the function's, and the call has said it.
        Ok(Said { role: Role::Tool, name: None, parts: vec![result] })
    }

    /// A marker on a message stands for one on its last part.
    fn mark_last<'a>(&mut self, parts: &mut [Part<'a>], mark: Option<CacheMark<'a>>) {
        let Some(mark) = mark else { return };
        let cache = parts.iter_mut().rev().find_map(|part| match part {
            Part::Text(text) => Some(&mut text.cache),
            Part::Media(media) => Some(&mut media.cache),
            Part::ToolCall(call) => Some(&mut call.cache),
            Part::ToolResult(result) => Some(&mut result.cache),
            Part::Thinking { .. } | Part::RedactedThinking { .. } | Part::Refusal(_) => None,
        });
        match cache {
            Some(cache) => *cache = Some(mark),
            None => self.losses.add("messages.cache_control"),
        }
    }
}

fn legacy_id(number: usize) -> String {
    format!("call_{number}")
}
