//! What is said when a part or an item is done: all of it again.

use super::told::{Teller, Told};
use crate::dialect::responses::item::{Content, Item, Logprobs, Words, WrittenPart};

/// Says that the last part of a message is done, if it has one.
pub(super) fn part_done(teller: &mut Teller, (id, index): (&str, usize), parts: &[Words], out: &mut Vec<u8>) {
    let Some(part) = parts.last() else { return };
    let about = || Told { content_index: Some(parts.len().saturating_sub(1)), ..Told::of(id, index) };
    if part.is_refusal {
        teller.tell("response.refusal.done", Told { refusal: Some(&part.text), ..about() }, out);
    } else {
        let logprobs = Some(Logprobs(&part.logprobs));
        teller.tell("response.output_text.done", Told { text: Some(&part.text), logprobs, ..about() }, out);
    }
    teller.tell("response.content_part.done", Told { part: Some(part.written()), ..about() }, out);
}

/// Says that an item is done.
pub(super) fn item_done(teller: &mut Teller, item: &mut Item, out: &mut Vec<u8>) {
    let index = item.index;
    match &mut item.content {
        Content::Message(parts) => part_done(teller, (&item.id, index), parts, out),
        Content::Reasoning { text, .. } if text.is_empty() => {}
        Content::Reasoning { text, .. } => {
            let about = || Told { summary_index: Some(0), ..Told::of(&item.id, index) };
            teller.tell("response.reasoning_summary_text.done", Told { text: Some(text), ..about() }, out);
            let part = Some(WrittenPart::SummaryText { text });
            teller.tell("response.reasoning_summary_part.done", Told { part, ..about() }, out);
        }
        Content::Call(call) if call.is_freeform => {
            let input = call.input();
            let about = || Told::of(&item.id, index);
            teller.tell("response.custom_tool_call_input.delta", Told { delta: Some(&input), ..about() }, out);
            teller.tell("response.custom_tool_call_input.done", Told { input: Some(&input), ..about() }, out);
        }
        Content::Call(call) => {
            let about = || Told::of(&item.id, index);
            // Whoever parses the arguments of a call without any needs an object.
            if call.arguments.trim().is_empty() {
                "{}".clone_into(&mut call.arguments);
                teller.tell("response.function_call_arguments.delta", Told { delta: Some("{}"), ..about() }, out);
            }
            let told = Told { name: Some(&call.name), arguments: Some(&call.arguments), ..about() };
            teller.tell("response.function_call_arguments.done", told, out);
        }
    }
    teller.tell("response.output_item.done", Told::item(item.written(), index), out);
}
