//! Documents that answers rest on: <https://docs.cohere.com/docs/retrieval-augmented-generation-rag>.
//!
//! A document is a string, or a dictionary of which the model reads every name and value. To other dialects it is a text
//! with a title: one with only a `text` (or `snippet`) and a `title` is that, any other goes as the JSON text that it is.

use super::content::media;
use crate::chat::{Media, MediaKind, Message, Part, Role, Source};
use crate::dialect::openai::json::{self, TextOr};
use crate::dialect::wire::{Raw, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;

wire! {
    /// A document with the id by which citations name it.
    struct DocumentFields<'a> { data: Raw<'a>, id: Str<'a> }
}
wire! { struct Data<'a> { text: Raw<'a>, snippet: Raw<'a>, title: Raw<'a> } }

/// Puts a request's documents in front of what the user said last, which is what they are there for.
///
/// # Errors
/// A [`Fault`] for a document without `data`.
pub(super) fn place<'a>(
    documents: Vec<TextOr<'a, DocumentFields<'a>>>,
    citations: bool,
    messages: &mut Vec<Message<'a>>,
    losses: &mut Losses,
) -> Result<(), Fault> {
    if documents.is_empty() {
        return Ok(());
    }
    let mut parts = Vec::with_capacity(documents.len());
    for (index, document) in documents.into_iter().enumerate() {
        let part = match document {
            TextOr::Text(text) => of_text(text, None, citations),
            TextOr::Object(fields) => part(fields, citations, losses).ok_or_else(|| {
                let path = format!("documents[{index}].data");
                Fault::invalid(format!("{path} is missing: expected what the document says")).with_param(path)
            })?,
        };
        parts.push(part);
    }
    match messages.iter_mut().rfind(|message| message.role == Role::User) {
        Some(message) => {
            parts.append(&mut message.parts);
            message.parts = parts;
        }
        None => messages.push(Message { role: Role::User, name: None, parts }),
    }
    Ok(())
}

/// One document; `None` without data. One without a title goes by its id, and of one with both the id is lost.
pub(super) fn part<'a>(fields: DocumentFields<'a>, citations: bool, losses: &mut Losses) -> Option<Part<'a>> {
    let data = fields.data?;
    let (text, title) = read(data);
    if title.is_some() && fields.id.is_some() {
        losses.add("documents.id");
    }
    for field in &fields.unknown {
        losses.add_unknown("documents", field);
    }
    Some(of_text(text, title.or(fields.id), citations))
}

/// What a document in a tool's result says; `None` without data.
pub(super) fn text<'a>(fields: DocumentFields<'a>, losses: &mut Losses) -> Option<Str<'a>> {
    if fields.id.is_some() {
        losses.add("messages.content.document.id");
    }
    fields.data.map(json::text_of)
}

fn of_text<'a>(text: Str<'a>, name: Option<Str<'a>>, citations: bool) -> Part<'a> {
    Part::Media(Media { name, citations, ..media(MediaKind::Document, Source::Text(text)) })
}

/// What the data say, and under which title.
fn read(data: Raw<'_>) -> (Str<'_>, Option<Str<'_>>) {
    let whole = || (json::text_of(data), None);
    let Ok(fields) = serde_json::from_str::<Data<'_>>(data.get()) else { return whole() };
    let (text, title) = (fields.text.xor(fields.snippet), fields.title);
    let (Some(Some(text)), true) = (text.map(json::as_text), fields.unknown.is_empty()) else { return whole() };
    match title.map(json::as_text) {
        Some(None) => whole(),
        Some(title) => (text, title),
        None => (text, None),
    }
}
