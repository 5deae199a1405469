//! Cohere's second chat API: <https://docs.cohere.com/reference/chat>.

use super::super::sense::Sense::{Each, Free, In, Pick, Text, Url, Word};
use super::super::sense::Shape;
use super::super::tape::Value;
use super::super::{Place, Scope};
use super::openai::{CALLED, ERROR, FORMAT, TOOL, scope};
use crate::texts::moved;

/// A request or an answer.
pub(super) static BODY: Shape = Shape::moving(
    &[
        ("messages", Pick(message)),
        ("documents", In(Scope::ToolResults, &Each(&DOCUMENT))),
        ("tools", In(Scope::ToolDefinitions, &Each(&TOOL))),
        ("response_format", In(Scope::ToolDefinitions, &Each(&FORMAT))),
        ("stop_sequences", Text),
        ("model", Word),
        ("tool_choice", Word),
        ("safety_mode", Word),
        ("thinking", Word),
        ("citation_options", Word),
        ("priority", Word),
        // Answers. An error is a `message` with nothing else in it.
        ("message", In(Scope::Assistant, &Pick(message))),
        ("id", Word),
        ("finish_reason", Word),
        ("usage", Word),
        ("logprobs", Word),
        ("error", In(Scope::User, &Each(&ERROR))),
    ],
    moved::cohere_answer,
);

fn message(message: Value<'_>, place: Place) -> (Place, &'static Shape) {
    (Place { scope: scope(message.word("role").as_deref(), place.scope), ..place }, &MESSAGE)
}

static MESSAGE: Shape = Shape::moving(
    &[
        ("role", Word),
        ("content", Each(&BLOCK)),
        ("tool_plan", Text),
        ("tool_calls", In(Scope::ToolCalls, &Each(&CALL))),
        ("tool_call_id", Word),
        ("citations", Each(&CITATION)),
    ],
    moved::cohere_message,
);

static BLOCK: Shape = Shape::new(&[
    ("type", Word),
    ("text", Text),
    ("thinking", Text),
    ("image_url", Url),
    ("document", Each(&DOCUMENT)),
]);

static CALL: Shape = Shape::new(&[("id", Word), ("type", Word), ("function", Each(&CALLED))]);

/// A document: a text, or names and values that the model reads all.
static DOCUMENT: Shape = Shape::new(&[("id", Word), ("data", Free)]);

static CITATION: Shape = Shape::new(&[("type", Word), ("sources", In(Scope::ToolResults, &Each(&SOURCE)))]);

static SOURCE: Shape = Shape::new(&[("type", Word), ("id", Word), ("document", Free), ("tool_output", Free)]);
