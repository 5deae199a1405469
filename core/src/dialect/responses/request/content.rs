//! The parts of a message's or a result's content: text, images, files.

use crate::chat::{CacheMark, Media, MediaKind, Part, Source, TextPart};
use crate::dialect::data_url::DataUrl;
use crate::dialect::openai::request::content::{is_web_url, media, media_type_of};
use crate::dialect::openai::request::decode::missing;
use crate::dialect::wire::{OneOrMany, Raw, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;

wire! {
    /// One part: <https://platform.openai.com/docs/api-reference/responses/create#responses-create-input>.
    struct WirePart<'a> {
        kind "type": Str<'a>,
        text: Str<'a>,
        refusal: Str<'a>,
        image_url: Str<'a>,
        detail: Str<'a>,
        file_id: Str<'a>,
        file_data: Str<'a>,
        file_url: Str<'a>,
        filename: Str<'a>,
        input_audio: InputAudio<'a>,
        prompt_cache_breakpoint: Breakpoint<'a>,
        // What an answer hung on its text: it is for people, and the model does not see it again.
        annotations: Raw<'a>,
        logprobs: Raw<'a>,
    }
}
wire! { struct InputAudio<'a> { data: Str<'a>, format: Str<'a> } }
wire! { struct Breakpoint<'a> { _mode "mode": Str<'a>, ttl: Str<'a> } }

/// Reads a content; `path` names the field.
pub(super) fn decode<'a>(
    content: OneOrMany<'a, WirePart<'a>>,
    path: &str,
    losses: &mut Losses,
) -> Result<Vec<Part<'a>>, Fault> {
    match content {
        OneOrMany::One(text) if text.is_empty() => Ok(Vec::new()),
        OneOrMany::One(text) => Ok(vec![Part::Text(text.into())]),
        OneOrMany::Many(wire) => {
            let mut parts = Vec::with_capacity(wire.len());
            for (i, part) in wire.into_iter().enumerate() {
                parts.extend(decode_part(part, &format!("{path}[{i}]"), losses)?);
            }
            Ok(parts)
        }
    }
}

fn decode_part<'a>(mut part: WirePart<'a>, path: &str, losses: &mut Losses) -> Result<Option<Part<'a>>, Fault> {
    for name in &part.unknown {
        losses.add_unknown("input.content", name);
    }
    let cache = part.prompt_cache_breakpoint.take().map(|mark| CacheMark { ttl: mark.ttl });
    let absent = |field: &str, expected: &str| missing(&format!("{path}.{field}"), expected);
    match part.kind.as_deref() {
        Some("input_text" | "output_text" | "text") => {
            let text = part.text.take().ok_or_else(|| absent("text", "a string"))?;
            Ok(Some(Part::Text(TextPart { text, cache, ..TextPart::default() })))
        }
        Some("refusal") => Ok(Some(Part::Refusal(part.refusal.take().ok_or_else(|| absent("refusal", "a string"))?))),
        Some("input_image") => image(part, cache, path).map(Some),
        Some("input_file") => file(part, cache, path, losses).map(Some),
        Some("input_audio") => {
            let audio = part.input_audio.take().unwrap_or_default();
            let data = audio.data.ok_or_else(|| absent("input_audio.data", "base64 text"))?;
            let format = audio.format.ok_or_else(|| absent("input_audio.format", "`wav` or `mp3`"))?;
            let media_type = Str::from(format!("audio/{format}"));
            Ok(Some(Part::Media(media(MediaKind::Audio, Source::Base64 { media_type, data }, cache))))
        }
        Some(kind) => {
            losses.add_unknown("input.content", kind);
            Ok(None)
        }
        None => Err(absent("type", "`input_text`, `input_image`, `input_file` or `output_text`")),
    }
}

fn image<'a>(part: WirePart<'a>, cache: Option<CacheMark<'a>>, path: &str) -> Result<Part<'a>, Fault> {
    let source = match (part.image_url, part.file_id) {
        (Some(url), _) => match data_url(url, path, "image_url")? {
            Ok(source) => source,
            Err(url) => Source::Url(url),
        },
        (None, Some(id)) => Source::FileId(id),
        (None, None) => return Err(missing(&format!("{path}.image_url"), "a URL, a data URL or a file_id")),
    };
    Ok(Part::Media(Media { detail: part.detail, ..media(MediaKind::Image, source, cache) }))
}

fn file<'a>(
    part: WirePart<'a>,
    cache: Option<CacheMark<'a>>,
    path: &str,
    losses: &mut Losses,
) -> Result<Part<'a>, Fault> {
    if part.detail.as_deref().is_some_and(|detail| detail != "auto") {
        losses.add("input.content.detail");
    }
    let source = match (part.file_data, part.file_url, part.file_id) {
        (Some(data), _, _) => match data_url(data, path, "file_data")? {
            Ok(source) => source,
            Err(url) if is_web_url(&url) => Source::Url(url),
            Err(data) => Source::Base64 { media_type: Str::from(media_type_of(part.filename.as_deref())), data },
        },
        (None, Some(url), _) => Source::Url(url),
        (None, None, Some(id)) => Source::FileId(id),
        (None, None, None) => return Err(missing(&format!("{path}.file_data"), "file_data, file_url or file_id")),
    };
    let kind = match &source {
        Source::Base64 { media_type, .. } if media_type.starts_with("image/") => MediaKind::Image,
        Source::Base64 { media_type, .. } if media_type.starts_with("audio/") => MediaKind::Audio,
        Source::Base64 { .. } | Source::Url(_) | Source::FileId(_) | Source::Text(_) => MediaKind::Document,
    };
    Ok(Part::Media(Media { name: part.filename, ..media(kind, source, cache) }))
}

/// The bytes in a data URL; otherwise the text again.
fn data_url<'a>(text: Str<'a>, path: &str, field: &str) -> Result<Result<Source<'a>, Str<'a>>, Fault> {
    match DataUrl::read(text) {
        DataUrl::Base64 { media_type, data } => Ok(Ok(Source::Base64 { media_type, data })),
        DataUrl::None(text) => Ok(Err(text)),
        DataUrl::Other => {
            let path = format!("{path}.{field}");
            Err(Fault::invalid(format!("{path} is a data URL without base64: expected `;base64,` in it"))
                .with_param(path))
        }
    }
}
