//! The request as a provider takes it that deviates from OpenAI: see [`crate::dialect::conform`].

use super::effort;
use crate::dialect::conform::Changes;
use crate::dialect::openai::fingerprint::fingerprint;
use crate::dialect::quirks::{MaxTokensField, Quirks, RequiredTool, StructuredOutput, ThoughtsBack, ToolCallIds};
use crate::edit::{Object, quoted};
use crate::loss::Losses;
use crate::text::Str;
use serde_json::value::RawValue;

/// The fields in which clients keep the thoughts of earlier turns.
const THOUGHTS: [&str; 4] = ["reasoning_content", "reasoning", "reasoning_details", "thinking_blocks"];

/// Notes what must change.
pub(in crate::dialect) fn conform(request: &mut Changes<'_, '_>, quirks: &Quirks, losses: &mut Losses) {
    match quirks.max_tokens_field {
        Some(MaxTokensField::MaxTokens) => request.rename("max_completion_tokens", "max_tokens"),
        Some(MaxTokensField::MaxCompletionTokens) => request.rename("max_tokens", "max_completion_tokens"),
        None => {}
    }
    if quirks.stream_options == Some(false) {
        request.remove("stream_options");
    }
    tool_choice(request, quirks, losses);
    response_format(request, quirks, losses);
    reasoning(request, quirks, losses);
    if touches_messages(quirks) {
        each(request, "messages", &mut |one| message(one, quirks, losses));
    }
    if refuses(quirks, "tools.") {
        each(request, "tools", &mut |tool| {
            let mut tool = Changes::of(tool);
            within(&mut tool, "function", &mut |function| {
                let mut function = Changes::of(function);
                function.refuse("tools.function.", quirks, losses);
                function.write_text()
            });
            tool.write_text()
        });
    }
}

fn tool_choice(request: &mut Changes<'_, '_>, quirks: &Quirks, losses: &mut Losses) {
    if request.text("tool_choice").as_deref() != Some("required") {
        return;
    }
    match quirks.required_tool.unwrap_or_default() {
        RequiredTool::Required => {}
        RequiredTool::Any => request.set("tool_choice", quoted("any")),
        RequiredTool::Unknown => {
            losses.add("tool_choice");
            request.remove("tool_choice");
        }
    }
}

fn response_format(request: &mut Changes<'_, '_>, quirks: &Quirks, losses: &mut Losses) {
    let knows = quirks.structured_output.unwrap_or_default();
    let Some(format) = request.now("response_format").and_then(|format| Object::read(format.as_bytes()).ok()) else {
        return;
    };
    let kind: Option<Str<'_>> = format.get("type").ok().flatten();
    match (kind.as_deref(), knows) {
        (Some("json_schema"), StructuredOutput::JsonObject) => {
            losses.add("response_format.json_schema");
            request.set("response_format", r#"{"type":"json_object"}"#.to_owned());
        }
        (Some("json_schema" | "json_object"), StructuredOutput::None) => {
            losses.add("response_format");
            request.remove("response_format");
        }
        (_, StructuredOutput::None) => request.remove("response_format"),
        (_, StructuredOutput::JsonSchema | StructuredOutput::JsonObject) => {}
    }
}

/// A client says how much to think in OpenAI's word; whatever else it says, it says to this very provider.
fn reasoning(request: &mut Changes<'_, '_>, quirks: &Quirks, losses: &mut Losses) {
    let told = request.text("reasoning_effort").and_then(|word| effort::retold(&word, quirks, losses));
    let Some(told) = told.and_then(|told| serde_json::to_string(&told).ok()) else { return };
    request.remove("reasoning_effort");
    let Ok(told) = Object::read(told.as_bytes()) else { return };
    for (name, value) in told.fields() {
        match request.now(name).and_then(|own| Object::read(own.as_bytes()).ok()) {
            // An object that both write: the client's own fields stay.
            Some(own) if value.starts_with('{') => {
                let mut both = Changes::of(&own);
                for (name, value) in Object::read(value.as_bytes()).iter().flat_map(Object::fields) {
                    if both.now(name).is_none() {
                        both.set(name, value.to_owned());
                    }
                }
                if let Some(both) = both.write_text() {
                    request.set(name, both);
                }
            }
            Some(_) => {}
            None if request.now(name).is_some() => {}
            None => request.set(name, value.to_owned()),
        }
    }
}

fn touches_messages(quirks: &Quirks) -> bool {
    let moves_thoughts = match quirks.thoughts_back.unwrap_or_default() {
        ThoughtsBack::AsWritten | ThoughtsBack::ThinkTags => false,
        ThoughtsBack::Never | ThoughtsBack::ReasoningContent | ThoughtsBack::Reasoning => true,
    };
    quirks.developer_role == Some(false)
        || quirks.tool_call_ids.unwrap_or_default() != ToolCallIds::Any
        || moves_thoughts
        || refuses(quirks, "messages.")
}

fn refuses(quirks: &Quirks, within: &str) -> bool {
    quirks.refuses.iter().flatten().any(|path| path.starts_with(within))
}

fn message(message: &Object<'_>, quirks: &Quirks, losses: &mut Losses) -> Option<String> {
    let mut message = Changes::of(message);
    if quirks.developer_role == Some(false) && message.text("role").as_deref() == Some("developer") {
        message.set("role", quoted("system"));
    }
    if quirks.tool_call_ids == Some(ToolCallIds::NineAlphanumerics) {
        if let Some(id) = message.text("tool_call_id") {
            message.set("tool_call_id", quoted(&nine_alphanumerics(&id)));
        }
        each(&mut message, "tool_calls", &mut |call| {
            let mut call = Changes::of(call);
            let id = call.text("id")?;
            call.set("id", quoted(&nine_alphanumerics(&id)));
            call.write_text()
        });
    }
    match quirks.thoughts_back.unwrap_or_default() {
        ThoughtsBack::AsWritten | ThoughtsBack::ThinkTags => {}
        ThoughtsBack::ReasoningContent => message.rename("reasoning", "reasoning_content"),
        ThoughtsBack::Reasoning => message.rename("reasoning_content", "reasoning"),
        ThoughtsBack::Never => {
            if THOUGHTS.iter().any(|field| message.now(field).is_some_and(|thoughts| thoughts != "null")) {
                losses.add("messages.reasoning_content");
            }
            THOUGHTS.iter().for_each(|field| message.remove(field));
        }
    }
    message.refuse("messages.", quirks, losses);
    message.write_text()
}

/// Nine letters and digits that stand for an id: such an id itself, for any other one always the same.
fn nine_alphanumerics(id: &str) -> String {
    const LENGTH: usize = 9;
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if id.len() == LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return id.to_owned();
    }
    let mut number = fingerprint(id);
    let mut next = || {
        let letter = LETTERS.iter().cycle().nth(usize::try_from(number % 62).unwrap_or_default());
        number /= 62;
        letter.copied().map_or('0', char::from)
    };
    (0..LENGTH).map(|_| next()).collect()
}

/// Changes each object in a list; what is no object stays as it is.
fn each(outer: &mut Changes<'_, '_>, name: &str, change: &mut dyn FnMut(&Object<'_>) -> Option<String>) {
    let Some(list) = outer.now(name) else { return };
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(list) else { return };
    let changed: Vec<Option<String>> =
        items.iter().map(|item| change(&Object::read(item.get().as_bytes()).ok()?)).collect();
    if changed.iter().all(Option::is_none) {
        return;
    }
    let mut made = String::with_capacity(list.len());
    let mut from = 0;
    for (item, changed) in items.iter().zip(&changed) {
        let Some(changed) = changed else { continue };
        let start = (item.get().as_ptr() as usize).saturating_sub(list.as_ptr() as usize);
        made.push_str(list.get(from..start).unwrap_or_default());
        made.push_str(changed);
        from = start + item.get().len();
    }
    made.push_str(list.get(from..).unwrap_or_default());
    outer.set(name, made);
}

/// Changes an object in an object.
fn within(outer: &mut Changes<'_, '_>, name: &str, change: &mut dyn FnMut(&Object<'_>) -> Option<String>) {
    let changed = outer.now(name).and_then(|inner| change(&Object::read(inner.as_bytes()).ok()?));
    if let Some(changed) = changed {
        outer.set(name, changed);
    }
}

#[cfg(test)]
#[path = "conform_tests.rs"]
mod tests;
