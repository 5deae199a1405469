//! Images, documents, sounds and films: a format word instead of a media type, and bytes or a place in S3.

use super::block::DocumentText;
use crate::chat::{CacheMark, Media, MediaKind, Source};
use crate::dialect::wire::{is_media_type, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde::de::IgnoredAny;

/// The words of `format` and the media types they stand for; the first line of a word is its type, further lines are other
/// spellings of it.
const FORMATS: [(MediaKind, &str, &str); 43] = [
    (MediaKind::Image, "png", "image/png"),
    (MediaKind::Image, "jpeg", "image/jpeg"),
    (MediaKind::Image, "jpeg", "image/jpg"),
    (MediaKind::Image, "gif", "image/gif"),
    (MediaKind::Image, "webp", "image/webp"),
    (MediaKind::Document, "pdf", "application/pdf"),
    (MediaKind::Document, "csv", "text/csv"),
    (MediaKind::Document, "doc", "application/msword"),
    (MediaKind::Document, "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (MediaKind::Document, "xls", "application/vnd.ms-excel"),
    (MediaKind::Document, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (MediaKind::Document, "html", "text/html"),
    (MediaKind::Document, "txt", "text/plain"),
    (MediaKind::Document, "md", "text/markdown"),
    (MediaKind::Document, "txt", "application/json"),
    (MediaKind::Video, "mp4", "video/mp4"),
    (MediaKind::Video, "mov", "video/quicktime"),
    (MediaKind::Video, "mov", "video/mov"),
    (MediaKind::Video, "mkv", "video/x-matroska"),
    (MediaKind::Video, "mkv", "video/mkv"),
    (MediaKind::Video, "webm", "video/webm"),
    (MediaKind::Video, "flv", "video/x-flv"),
    (MediaKind::Video, "mpeg", "video/mpeg"),
    (MediaKind::Video, "mpg", "video/mpg"),
    (MediaKind::Video, "wmv", "video/x-ms-wmv"),
    (MediaKind::Video, "three_gp", "video/3gpp"),
    (MediaKind::Audio, "mp3", "audio/mp3"),
    (MediaKind::Audio, "mpeg", "audio/mpeg"),
    (MediaKind::Audio, "mpga", "audio/mpga"),
    (MediaKind::Audio, "wav", "audio/wav"),
    (MediaKind::Audio, "wav", "audio/x-wav"),
    (MediaKind::Audio, "opus", "audio/opus"),
    (MediaKind::Audio, "aac", "audio/aac"),
    (MediaKind::Audio, "x-aac", "audio/x-aac"),
    (MediaKind::Audio, "flac", "audio/flac"),
    (MediaKind::Audio, "mp4", "audio/mp4"),
    (MediaKind::Audio, "m4a", "audio/m4a"),
    (MediaKind::Audio, "m4a", "audio/x-m4a"),
    (MediaKind::Audio, "ogg", "audio/ogg"),
    (MediaKind::Audio, "mkv", "audio/x-matroska"),
    (MediaKind::Audio, "mka", "audio/mka"),
    (MediaKind::Audio, "pcm", "audio/pcm"),
    (MediaKind::Audio, "webm", "audio/webm"),
];

/// The word for a media type; its parameters (`; charset=utf-8`) say nothing here.
pub(super) fn format_of(kind: MediaKind, media_type: &str) -> Option<&'static str> {
    let bare = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    FORMATS.iter().find(|(of, _, known)| *of == kind && *known == bare).map(|(_, format, _)| *format)
}

/// The word for the ending of a document's name, which is mostly the word itself.
pub(super) fn document_format(ending: &str) -> Option<&'static str> {
    let ending = ending.to_ascii_lowercase();
    FORMATS.iter().find(|(of, format, _)| *of == MediaKind::Document && *format == ending).map(|(_, format, _)| *format)
}

/// The media type of a word; one that nobody here knows becomes a type of its kind.
fn media_type_of(kind: MediaKind, format: &str) -> Option<Str<'static>> {
    if let Some((.., known)) = FORMATS.iter().find(|(of, known, _)| *of == kind && *known == format) {
        return Some(Str::from(*known));
    }
    let kind = match kind {
        MediaKind::Image => "image",
        MediaKind::Document => "application",
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
    };
    (!format.is_empty() && is_media_type(format)).then(|| Str::from(format!("{kind}/{format}")))
}

wire! {
    /// Any medium: the fields of all kinds in one.
    struct MediaFields<'a> {
        format: Str<'a>,
        name: Str<'a>,
        source: SourceFields<'a>,
        context: Str<'a>,
        citations: Citations<'a>,
        error: IgnoredAny,
    }
}

wire! {
    struct SourceFields<'a> {
        bytes: Str<'a>,
        s3 "s3Location": S3<'a>,
        text: Str<'a>,
        content: Vec<DocumentText<'a>>,
    }
}

wire! {
    struct S3<'a> { uri: Str<'a>, owner "bucketOwner": Str<'a> }
}

wire! {
    struct Citations<'a> { enabled: bool }
}

/// A medium of a request. `path` is where it stands.
///
/// # Errors
/// A [`Fault`] for one without a source, or with bytes of no known kind.
pub(super) fn decode<'a>(
    fields: MediaFields<'a>,
    kind: MediaKind,
    path: &dyn Fn() -> String,
    losses: &mut Losses,
) -> Result<Media<'a>, Fault> {
    for field in &fields.unknown {
        losses.add_unknown("messages.content", field);
    }
    let wrong = |field: &str, expected: &str| {
        let path = format!("{}.{field}", path());
        Fault::invalid(format!("{path} is missing or not what it has to be: expected {expected}")).with_param(path)
    };
    let source = fields.source.ok_or_else(|| wrong("source", "`bytes` or `s3Location`"))?;
    for field in &source.unknown {
        losses.add_unknown("messages.content.source", field);
    }
    let source = match source {
        SourceFields { bytes: Some(data), .. } => {
            let format = fields.format.as_deref().unwrap_or_default();
            let media_type = media_type_of(kind, format).ok_or_else(|| wrong("format", "a format such as `png`"))?;
            Source::Base64 { media_type, data }
        }
        SourceFields { s3: Some(place), .. } => {
            if place.owner.is_some() {
                losses.add("messages.content.source.s3Location.bucketOwner");
            }
            Source::Url(place.uri.ok_or_else(|| wrong("source.s3Location.uri", "`s3://…`"))?)
        }
        SourceFields { text: Some(text), .. } => Source::Text(text),
        SourceFields { content: Some(texts), .. } => {
            losses.add("messages.content.source.content");
            Source::Text(joined(texts))
        }
        SourceFields { .. } => return Err(wrong("source", "`bytes` or `s3Location`")),
    };
    Ok(Media {
        kind,
        source,
        name: fields.name,
        context: fields.context,
        detail: None,
        citations: fields.citations.and_then(|citations| citations.enabled).unwrap_or(false),
        cache: None::<CacheMark<'_>>,
    })
}

/// The texts of a document that is made of several, which is what citations point to.
fn joined(texts: Vec<DocumentText<'_>>) -> Str<'_> {
    let texts: Vec<Str<'_>> = texts.into_iter().filter_map(|text| text.text).collect();
    match <[Str<'_>; 1]>::try_from(texts) {
        Ok([only]) => only,
        Err(texts) => Str::from(texts.iter().map(Str::as_str).collect::<Vec<_>>().join("\n\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_media_types() {
        for (kind, format, media_type) in FORMATS {
            assert_eq!(format_of(kind, media_type), Some(format), "{media_type}");
            let back = media_type_of(kind, format).unwrap();
            assert_eq!(format_of(kind, &back), Some(format), "{format} → {back}");
        }
        assert_eq!(format_of(MediaKind::Document, "Text/Plain; charset=utf-8"), Some("txt"));
        assert_eq!(format_of(MediaKind::Image, "image/tiff"), None);
        assert_eq!(media_type_of(MediaKind::Image, "heic").as_deref(), Some("image/heic"));
        assert_eq!(media_type_of(MediaKind::Image, "a b"), None);
        assert_eq!(media_type_of(MediaKind::Document, ""), None);
    }
}
