//! A client's content blocks → the hub's parts.

use super::decode::missing;
use super::documents;
use crate::chat::{Media, MediaKind, Part, Source};
use crate::dialect::data_url::DataUrl;
use crate::dialect::wire::{OneOrMany, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;

wire! {
    /// A content block of any type.
    struct Block<'a> {
        kind "type": Str<'a>,
        text: Str<'a>,
        thinking: Str<'a>,
        image_url: ImageUrl<'a>,
        document: documents::DocumentFields<'a>,
    }
}
wire! { struct ImageUrl<'a> { url: Str<'a>, detail: Str<'a> } }

/// What a message says.
///
/// # Errors
/// A [`Fault`] for a block without what makes it one.
pub(super) fn parts<'a>(
    content: OneOrMany<'a, Block<'a>>,
    path: &str,
    losses: &mut Losses,
) -> Result<Vec<Part<'a>>, Fault> {
    read(content, path, losses, |fields, losses| documents::part(fields, true, losses))
}

/// What a tool said: its documents are texts among others.
///
/// # Errors
/// As [`parts`].
pub(super) fn results<'a>(
    content: OneOrMany<'a, Block<'a>>,
    path: &str,
    losses: &mut Losses,
) -> Result<Vec<Part<'a>>, Fault> {
    read(content, path, losses, |fields, losses| documents::text(fields, losses).map(|text| Part::Text(text.into())))
}

fn read<'a>(
    content: OneOrMany<'a, Block<'a>>,
    path: &str,
    losses: &mut Losses,
    document: impl Fn(documents::DocumentFields<'a>, &mut Losses) -> Option<Part<'a>>,
) -> Result<Vec<Part<'a>>, Fault> {
    let blocks = match content {
        OneOrMany::One(text) => return Ok(vec![Part::Text(text.into())]),
        OneOrMany::Many(blocks) => blocks,
    };
    let mut parts = Vec::with_capacity(blocks.len());
    for (index, block) in blocks.into_iter().enumerate() {
        for field in &block.unknown {
            losses.add_unknown("messages.content", field);
        }
        let absent = |field: &str, expected: &str| missing(&format!("{path}.content[{index}].{field}"), expected);
        match block.kind.as_deref() {
            Some("text") => parts.push(Part::Text(block.text.ok_or_else(|| absent("text", "a string"))?.into())),
            Some("thinking") => {
                let text = block.thinking.ok_or_else(|| absent("thinking", "a string"))?;
                parts.push(Part::Thinking { text, signature: None });
            }
            Some("image_url") => {
                let image = block.image_url.ok_or_else(|| absent("image_url", "an object with a url"))?;
                let url = image.url.ok_or_else(|| absent("image_url.url", "a URL or a data URL"))?;
                let source = image_source(url).ok_or_else(|| absent("image_url.url", "`;base64,` in the data URL"))?;
                parts.push(Part::Media(Media { detail: image.detail, ..media(MediaKind::Image, source) }));
            }
            Some("document") => {
                let fields = block.document.ok_or_else(|| absent("document", "an object with data"))?;
                parts.extend(document(fields, losses));
            }
            Some(kind) => losses.add_unknown("messages.content", kind),
            None => return Err(absent("type", "`text`, `thinking`, `image_url` or `document`")),
        }
    }
    Ok(parts)
}

fn image_source(url: Str<'_>) -> Option<Source<'_>> {
    match DataUrl::read(url) {
        DataUrl::Base64 { media_type, data } => Some(Source::Base64 { media_type, data }),
        DataUrl::None(url) => Some(Source::Url(url)),
        DataUrl::Other => None,
    }
}

/// A medium with nothing but its source.
pub(super) fn media<'a>(kind: MediaKind, source: Source<'a>) -> Media<'a> {
    Media { kind, source, name: None, context: None, detail: None, citations: false, cache: None }
}
