//! Where text is: every place in a request or an answer where somebody's words stand, whoever's they are and however
//! deep, with edits that leave every other byte alone.
//!
//! A place that nobody knows is a place with text: an unknown string field is visited like a known one. What is left out
//! are the protocol's own words (names of models, types, roles, ids, enums) and payloads of bytes (images, sound, files
//! that are no text): base64 and data URLs where the protocol puts bytes; under an unknown name that promises bytes
//! (`data`, `b64_json`, …) base64 of 512 bytes or more. A file of plain text is a text, though it travels as base64. What
//! a user says in base64 is looked at like anything else.
//!
//! Never looked into: text in pictures, PDF and office files, and JSON in a string within JSON in a string.

mod bytes;
mod form;
pub mod literal;
mod moved;
mod sense;
mod shapes;
mod tape;
#[cfg(test)]
mod tests;
mod walk;

pub use moved::{Shift, Unit};

use crate::endpoint::{Endpoint, Operation};
use std::ops::Range;
use tape::{Syntax, Tape};

/// Whose words a text holds, as policies tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// System and developer messages, instructions.
    System,
    /// What users say, documents that they attach, inputs of embeddings, reranking and moderation; all that is nothing else.
    User,
    /// What models say, their reasoning included.
    Assistant,
    /// Arguments of tool calls.
    ToolCalls,
    /// What tools answer, and retrieved documents.
    ToolResults,
    /// Descriptions and schemas of tools.
    ToolDefinitions,
}

/// In which form a text stands where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// A JSON string.
    Text,
    /// The key of an object whose keys are free (tool arguments). Its value comes right behind it.
    Key,
    /// A number that may be more than a number (tool arguments): a replacement becomes a JSON string.
    Number,
}

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose words they are.
    pub scope: Scope,
    /// The form.
    pub form: Form,
    /// Changing a single byte breaks a provider's signature on it (signed thinking).
    pub signed: bool,
    /// The arguments are for a tool that the provider itself runs.
    pub server_tool: bool,
    /// Which of several answers (OpenAI's `n`); 0 in requests.
    pub choice: u32,
}

/// A piece of a text that becomes something else. Byte positions in the decoded text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// Where.
    pub range: Range<usize>,
    /// What stands there then, not escaped.
    pub text: String,
}

/// Who looks at every text: decoded, in reading order. What it adds to the list (in order, not overlapping) is changed.
/// JSON in a string (tool arguments) is looked at string by string, decoded twice.
pub type Visit<'v> = dyn FnMut(&Place, &str, &mut Vec<Splice>) + 'v;

/// A body in which nobody can tell text from anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(pub String);

/// Visits every text of a request, a form's too. The edited body; `None` when nothing changed.
///
/// # Errors
/// For a body that is neither JSON nor a form; of nothing at all there is nothing to read.
pub fn request(endpoint: &Endpoint, body: &[u8], visit: &mut Visit<'_>) -> Result<Option<Vec<u8>>, Unreadable> {
    let place = Place::of(Scope::User);
    if form::is_form(body) {
        return form::request(body, place, visit);
    }
    let text = utf8(body)?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    walked(text, shapes::of(endpoint), place, visit)
}

/// Visits every text of a whole answer in the client's dialect. The edited body; `None` when nothing changed. Where a
/// text changes, the log probabilities of its tokens go, and positions in it (citations) move along.
///
/// An answer that is no JSON is one text (what a proxy says, a transcript in another format), or bytes (sound, a file),
/// which pass.
///
/// # Errors
/// For an answer that begins like JSON and is none, and for bytes where there can be none.
pub fn answer(endpoint: &Endpoint, body: &[u8], visit: &mut Visit<'_>) -> Result<Option<Vec<u8>>, Unreadable> {
    // What comes back with vectors and rankings is the user's own.
    let is_echo = matches!(endpoint.operation, Operation::Embed | Operation::Rerank);
    let place = Place::of(if is_echo { Scope::User } else { Scope::Assistant });
    let text = match utf8(body) {
        Ok(text) => text,
        Err(_) if matches!(endpoint.operation, Operation::Pass | Operation::Other) => return Ok(None),
        Err(unreadable) => return Err(unreadable),
    };
    if !text.trim_start().starts_with(['{', '[', '"']) {
        let changes = walk::bare(text, place, visit);
        return Ok((!changes.is_empty()).then(|| walk::edited(body, &changes)));
    }
    walked(text, shapes::of(endpoint), place, visit)
}

/// Visits every text in the arguments of a tool call, as JSON text: values, keys, long numbers; arguments that are no
/// JSON are one text. The edited arguments; `None` when nothing changed.
pub fn arguments(json: &str, place: Place, visit: &mut Visit<'_>) -> Option<String> {
    let changes = walk::inside(&sense::FREE, json, place, visit).unwrap_or_else(|| walk::bare(json, place, visit));
    // Texts come of texts, cut between characters.
    (!changes.is_empty()).then(|| String::from_utf8_lossy(&walk::edited(json.as_bytes(), &changes)).into_owned())
}

impl Place {
    /// A text of somebody, of which nothing else is known.
    pub fn of(scope: Scope) -> Self {
        Self { scope, form: Form::Text, signed: false, server_tool: false, choice: 0 }
    }
}

fn utf8(body: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(body).map_err(|error| Unreadable(format!("the body is not UTF-8: {error}")))
}

fn walked(
    text: &str,
    sense: &'static sense::Sense,
    place: Place,
    visit: &mut Visit<'_>,
) -> Result<Option<Vec<u8>>, Unreadable> {
    let tape =
        Tape::read(text, Syntax::Strict).map_err(|error| Unreadable(format!("the body is not valid JSON: {error}")))?;
    let edits = walk::Walk::over(&tape, sense, place, visit);
    Ok((!edits.is_empty()).then(|| walk::edited(text.as_bytes(), &edits)))
}
