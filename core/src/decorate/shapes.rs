//! Where each dialect keeps instructions and messages.

use super::list::{Item, List};
use super::{Decoration, Line, Speaker};
use crate::dialect::Dialect;
use crate::edit::{Edit, Object, quoted};
use crate::fault::Fault;

/// What stands between instructions that become one text.
const BETWEEN: &str = "\n\n";
/// Who gives instructions in a list of messages.
const INSTRUCTORS: [&str; 2] = ["system", "developer"];

/// Writes a decoration into the request itself.
///
/// # Errors
/// As [`Decoration::write`].
pub(super) fn write(dialect: Dialect, object: &Object<'_>, with: &Decoration) -> Result<Vec<u8>, Fault> {
    let mut edit = object.edit();
    match dialect {
        Dialect::OpenAi | Dialect::Cohere => chat(object, &mut edit, with)?,
        Dialect::Anthropic => anthropic(object, &mut edit, with)?,
        Dialect::Gemini => gemini(object, &mut edit, with)?,
        Dialect::Converse => converse(object, &mut edit, with)?,
        Dialect::Responses => responses(object, &mut edit, with)?,
        Dialect::Completions => completions(object, &mut edit, with)?,
    }
    Ok(edit.write())
}

/// Instructions are messages: <https://platform.openai.com/docs/api-reference/chat/create>,
/// <https://docs.cohere.com/v2/reference/chat>.
fn chat(object: &Object<'_>, edit: &mut Edit<'_, '_>, with: &Decoration) -> Result<(), Fault> {
    let list = List::read(object, "messages")?;
    let instructs = |place: &usize| instructs(&list, *place);
    let leading = (0..list.len()).take_while(instructs).count();
    // A request that instructs as a developer goes on doing so: models do not take both.
    let role = list.roles(0).into_iter().find(|role| INSTRUCTORS.contains(&role.as_str()));
    let role = role.as_deref().unwrap_or("system");
    let new = |text: &String| Item::New(said(role, &quoted(text)));
    let said = |new: &Line| Item::New(line(new));
    let mut items: Vec<Item> = with.system_before.iter().map(new).collect();
    if !with.replaces_system {
        items.extend((0..leading).map(Item::Own));
    }
    items.extend(with.system_after.iter().map(new));
    items.extend(with.before.iter().map(said));
    items.extend((leading..list.len()).filter(|place| !with.replaces_system || !instructs(place)).map(Item::Own));
    items.extend(with.after.iter().map(said));
    edit.set("messages", &list.write(&items));
    Ok(())
}

/// Instructions are a field, a text or blocks: <https://docs.anthropic.com/en/api/messages>.
fn anthropic(object: &Object<'_>, edit: &mut Edit<'_, '_>, with: &Decoration) -> Result<(), Fault> {
    if with.changes_system() {
        let own = object.raw("system").filter(|own| !matches!(*own, "null" | "\"\"" | "[]") && !with.replaces_system);
        let block = |text: &str| format!(r#"{{"type":"text","text":{text}}}"#);
        let new = |text: &String| block(&quoted(text));
        let all: Vec<&String> = with.system_before.iter().chain(&with.system_after).collect();
        match (own, all.as_slice()) {
            (None, []) => edit.remove("system"),
            (None, [text]) => edit.set("system", &quoted(text)),
            (None, several) => edit.set("system", &listed(several.iter().map(|text| new(text)))),
            (Some(own), _) if own.starts_with('"') => {
                let (before, after) = (with.system_before.iter().map(new), with.system_after.iter().map(new));
                edit.set("system", &listed(before.chain([block(own)]).chain(after)))
            }
            (Some(_), _) => {
                let list = List::read(object, "system")?;
                edit.set("system", &list.write(&around(&list, &with.system_before, &with.system_after, new)))
            }
        };
    }
    conversation(object, edit, "messages", with, line)
}

/// Instructions are a content of their own, in either spelling: <https://ai.google.dev/api/generate-content>.
fn gemini(object: &Object<'_>, edit: &mut Edit<'_, '_>, with: &Decoration) -> Result<(), Fault> {
    let part = |text: &String| format!(r#"{{"text":{}}}"#, quoted(text));
    if with.changes_system() {
        let spellings = ["systemInstruction", "system_instruction"];
        let written = spellings.into_iter().filter(|field| object.raw(field).is_some_and(|own| own != "null"));
        let written: Vec<&str> = written.collect();
        let home = written.first().copied().unwrap_or("systemInstruction");
        if with.replaces_system || written.is_empty() {
            let parts: Vec<String> = with.system_before.iter().chain(&with.system_after).map(part).collect();
            match parts.is_empty() {
                true => edit.remove(home),
                false => edit.set(home, &format!(r#"{{"parts":{}}}"#, listed(parts))),
            };
            for other in written.into_iter().skip(1) {
                edit.remove(other);
            }
        } else {
            for field in written {
                edit.set(field, &instruction(object, field, with, part)?);
            }
        }
    }
    conversation(object, edit, "contents", with, |line| {
        let role = match line.speaker {
            Speaker::User => "user",
            Speaker::Assistant => "model",
        };
        format!(r#"{{"role":"{role}","parts":[{{"text":{}}}]}}"#, quoted(&line.text))
    })
}

/// A client's instructions with new ones around them.
fn instruction(
    object: &Object<'_>,
    field: &str,
    with: &Decoration,
    part: impl Fn(&String) -> String,
) -> Result<String, Fault> {
    let wrong = || Fault::invalid(format!("{field}: expected an object")).with_param(field);
    let own = Object::read(object.raw(field).unwrap_or_default().as_bytes()).map_err(|_| wrong())?;
    let list = List::read_one_or_many(&own, "parts")?;
    let mut edit = own.edit();
    edit.set("parts", &list.write(&around(&list, &with.system_before, &with.system_after, part)));
    String::from_utf8(edit.write()).map_err(|_| wrong())
}

/// Instructions are blocks: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>.
fn converse(object: &Object<'_>, edit: &mut Edit<'_, '_>, with: &Decoration) -> Result<(), Fault> {
    if with.changes_system() {
        let list = List::read(object, "system")?;
        let block = |text: &String| format!(r#"{{"text":{}}}"#, quoted(text));
        let mut items = around(&list, &with.system_before, &with.system_after, block);
        if with.replaces_system {
            items.retain(|item| matches!(item, Item::New(_)));
        }
        if items.is_empty() {
            edit.remove("system");
        } else {
            edit.set("system", &list.write(&items));
        }
    }
    conversation(object, edit, "messages", with, |line| {
        said(role(line.speaker), &format!(r#"[{{"text":{}}}]"#, quoted(&line.text)))
    })
}

/// Instructions are one text: <https://platform.openai.com/docs/api-reference/responses/create>.
fn responses(object: &Object<'_>, edit: &mut Edit<'_, '_>, with: &Decoration) -> Result<(), Fault> {
    if with.changes_system() {
        let own = object.raw("instructions").filter(|own| *own != "null" && !with.replaces_system);
        joined(edit, "instructions", own, with)?;
    }
    let text = object.raw("input").filter(|input| input.starts_with('"'));
    match text {
        Some(text) if with.changes_messages() => {
            let (before, after) = (with.before.iter().map(line), with.after.iter().map(line));
            edit.set("input", &listed(before.chain([said("user", text)]).chain(after)));
            Ok(())
        }
        Some(_) => Ok(()),
        None => conversation(object, edit, "input", with, line),
    }
}

/// There is a text to go on with, and nothing else: <https://platform.openai.com/docs/api-reference/completions/create>.
fn completions(object: &Object<'_>, edit: &mut Edit<'_, '_>, with: &Decoration) -> Result<(), Fault> {
    if with.changes_messages() {
        let message = "messages are added to this request, and a text to complete has none: ask by chat";
        return Err(Fault::invalid(message).with_param("prompt"));
    }
    // All of it stands before the text: what is asked for goes on where that ends.
    let mut before = with.system_before.clone();
    before.extend(with.system_after.iter().cloned());
    let with = Decoration { system_before: before, ..Decoration::default() };
    let own = object.raw("prompt").filter(|own| *own != "null");
    if own.is_none_or(|own| own.starts_with('"')) {
        return joined(edit, "prompt", own, &with);
    }
    let wrong =
        || Fault::invalid("prompt: instructions are added to it, which takes texts, no tokens").with_param("prompt");
    let list = List::read(object, "prompt")?;
    let items = (0..list.len()).map(|place| {
        let own = list.raw(place).filter(|own| own.starts_with('"')).ok_or_else(wrong)?;
        Ok(Item::New(one_text(Some(own), &with)))
    });
    edit.set("prompt", &list.write(&items.collect::<Result<Vec<_>, Fault>>()?));
    Ok(())
}

/// The list of messages with new ones around it; where the client's instructions go, without those in it.
fn conversation(
    object: &Object<'_>,
    edit: &mut Edit<'_, '_>,
    field: &str,
    with: &Decoration,
    new: impl Fn(&Line) -> String,
) -> Result<(), Fault> {
    let list = if field == "contents" { List::read_one_or_many(object, field)? } else { List::read(object, field)? };
    let mut items = around(&list, &with.before, &with.after, new);
    let all = items.len();
    if with.replaces_system {
        items.retain(|item| match item {
            Item::Own(place) => !instructs(&list, *place),
            Item::New(_) => true,
        });
    }
    if with.changes_messages() || items.len() < all {
        edit.set(field, &list.write(&items));
    }
    Ok(())
}

/// All items of a list with new ones around them.
fn around<T>(list: &List<'_>, before: &[T], after: &[T], new: impl Fn(&T) -> String) -> Vec<Item> {
    let own = (0..list.len()).map(Item::Own);
    let new = |one: &T| Item::New(new(one));
    before.iter().map(new).chain(own).chain(after.iter().map(new)).collect()
}

fn instructs(list: &List<'_>, place: usize) -> bool {
    list.roles(place).iter().any(|role| INSTRUCTORS.contains(&role.as_str()))
}

/// Gives a field the instructions as one text, joined to the client's own.
fn joined(edit: &mut Edit<'_, '_>, field: &str, own: Option<&str>, with: &Decoration) -> Result<(), Fault> {
    if own.is_some_and(|own| !own.starts_with('"')) {
        return Err(Fault::invalid(format!("{field}: expected a text")).with_param(field));
    }
    match one_text(own, with) {
        nothing if nothing == "\"\"" => edit.remove(field),
        text => edit.set(field, &text),
    };
    Ok(())
}

/// Instructions around a JSON string, as a JSON string: of its own bytes, none changes.
fn one_text(own: Option<&str>, with: &Decoration) -> String {
    let own = own.map(inside).filter(|own| !own.is_empty());
    let new = |text: &String| inside(&quoted(text)).to_owned();
    let before = with.system_before.iter().map(new);
    let after = with.system_after.iter().map(new);
    let all: Vec<String> = before.chain(own.map(str::to_owned)).chain(after).collect();
    format!("\"{}\"", all.join(inside(&quoted(BETWEEN))))
}

/// A JSON string without its quotes.
fn inside(literal: &str) -> &str {
    literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default()
}

/// A list of JSON values.
fn listed(values: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", values.into_iter().collect::<Vec<_>>().join(","))
}

fn line(line: &Line) -> String {
    said(role(line.speaker), &quoted(&line.text))
}

fn said(role: &str, content: &str) -> String {
    format!(r#"{{"role":"{role}","content":{content}}}"#)
}

fn role(speaker: Speaker) -> &'static str {
    match speaker {
        Speaker::User => "user",
        Speaker::Assistant => "assistant",
    }
}
