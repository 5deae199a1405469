//! The parts of a message's content: text, images, files, sound.

use super::decode::missing;
use crate::chat::{CacheMark, Media, MediaKind, Part, Source, TextPart};
use crate::dialect::data_url::DataUrl;
use crate::dialect::openai::json::TextOr;
use crate::dialect::wire::{OneOrMany, is_media_type, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use std::fmt::Arguments;

wire! {
    /// One part: <https://platform.openai.com/docs/api-reference/chat/create#chat-create-messages>.
    struct WirePart<'a> {
        kind "type": Str<'a>,
        text: Str<'a>,
        refusal: Str<'a>,
        image_url: TextOr<'a, ImageUrl<'a>>,
        input_audio: InputAudio<'a>,
        file: File<'a>,
        video_url: TextOr<'a, ImageUrl<'a>>,
        prompt_cache_breakpoint: Breakpoint<'a>,
        cache_control: CacheControl<'a>,
    }
}
wire! { struct ImageUrl<'a> { url: Str<'a>, detail: Str<'a> } }
wire! { struct InputAudio<'a> { data: Str<'a>, format: Str<'a> } }
wire! {
    /// `format` is LiteLLM's word for the media type.
    struct File<'a> { file_data: Str<'a>, file_id: Str<'a>, filename: Str<'a>, format: Str<'a> }
}
wire! { struct Breakpoint<'a> { _mode "mode": Str<'a> } }
wire! {
    /// Anthropic's cache marker, which LiteLLM and OpenRouter accept on messages, parts and tools.
    struct CacheControl<'a> { _kind "type": Str<'a>, ttl: Str<'a> }
}

impl<'a> CacheControl<'a> {
    /// The marker in the hub; `within` is where it stands, for the losses.
    pub(super) fn into_mark(self, within: &str, losses: &mut Losses) -> CacheMark<'a> {
        for name in &self.unknown {
            losses.add_unknown(within, name);
        }
        CacheMark { ttl: self.ttl }
    }
}

/// Reads a message's content; `path` names the field.
pub(super) fn decode<'a>(
    content: Option<OneOrMany<'a, WirePart<'a>>>,
    path: Arguments<'_>,
    losses: &mut Losses,
) -> Result<Vec<Part<'a>>, Fault> {
    match content {
        None => Ok(Vec::new()),
        Some(OneOrMany::One(text)) if text.is_empty() => Ok(Vec::new()),
        Some(OneOrMany::One(text)) => Ok(vec![Part::Text(text.into())]),
        Some(OneOrMany::Many(wire)) => {
            let mut parts = Vec::with_capacity(wire.len());
            for (i, part) in wire.into_iter().enumerate() {
                parts.extend(decode_part(part, format_args!("{path}[{i}]"), losses)?);
            }
            Ok(parts)
        }
    }
}

fn decode_part<'a>(
    mut part: WirePart<'a>,
    path: Arguments<'_>,
    losses: &mut Losses,
) -> Result<Option<Part<'a>>, Fault> {
    for name in &part.unknown {
        losses.add_unknown("messages.content", name);
    }
    let explicit = part.prompt_cache_breakpoint.take().map(|_| CacheMark::default());
    let marked = part.cache_control.take().map(|control| control.into_mark("messages.content.cache_control", losses));
    let cache = marked.or(explicit);
    let absent = |field: &str, expected: &str| missing(&format!("{path}.{field}"), expected);
    match part.kind.as_deref() {
        Some("text") => {
            let text = part.text.ok_or_else(|| absent("text", "a string"))?;
            Ok(Some(Part::Text(TextPart { text, cache, ..TextPart::default() })))
        }
        Some("image_url") => {
            let image = part.image_url.ok_or_else(|| absent("image_url", "an object with a url"))?;
            web_media(MediaKind::Image, image, cache, format_args!("{path}.image_url.url")).map(Some)
        }
        // Not OpenAI's: vLLM, SGLang, OpenRouter, Qwen and GLM take moving pictures this way.
        Some("video_url") => {
            let video = part.video_url.ok_or_else(|| absent("video_url", "an object with a url"))?;
            web_media(MediaKind::Video, video, cache, format_args!("{path}.video_url.url")).map(Some)
        }
        Some("input_audio") => {
            let audio = part.input_audio.ok_or_else(|| absent("input_audio", "an object with data and format"))?;
            input_audio(audio, cache, path).map(Some)
        }
        Some("file") => {
            let file = part.file.ok_or_else(|| absent("file", "an object with file_data or file_id"))?;
            decode_file(file, cache, path).map(Some)
        }
        Some("refusal") => Ok(Some(Part::Refusal(part.refusal.ok_or_else(|| absent("refusal", "a string"))?))),
        Some(kind) => {
            losses.add_unknown("messages.content", kind);
            Ok(None)
        }
        None => Err(absent("type", "`text`, `image_url`, `input_audio` or `file`")),
    }
}

fn web_media<'a>(
    kind: MediaKind,
    given: TextOr<'a, ImageUrl<'a>>,
    cache: Option<CacheMark<'a>>,
    path: Arguments<'_>,
) -> Result<Part<'a>, Fault> {
    let (url, detail) = match given {
        TextOr::Text(url) => (Some(url), None),
        TextOr::Object(image) => (image.url, image.detail),
    };
    let url = url.ok_or_else(|| missing(&path.to_string(), "a URL or a data URL"))?;
    let source = match DataUrl::read(url) {
        DataUrl::Base64 { media_type, data } => Source::Base64 { media_type, data },
        DataUrl::None(url) => Source::Url(url),
        DataUrl::Other => {
            return Err(Fault::invalid(format!("{path} is a data URL without base64: expected `;base64,` in it"))
                .with_param(path.to_string()));
        }
    };
    Ok(Part::Media(Media { detail, ..media(kind, source, cache) }))
}

fn input_audio<'a>(
    audio: InputAudio<'a>,
    cache: Option<CacheMark<'a>>,
    path: Arguments<'_>,
) -> Result<Part<'a>, Fault> {
    let data = audio.data.ok_or_else(|| missing(&format!("{path}.input_audio.data"), "base64 text"))?;
    let format = audio.format.ok_or_else(|| missing(&format!("{path}.input_audio.format"), "`wav` or `mp3`"))?;
    let media_type = match format.as_str() {
        "wav" => Str::from("audio/wav"),
        "mp3" => Str::from("audio/mp3"),
        other => Str::from(format!("audio/{other}")),
    };
    Ok(Part::Media(media(MediaKind::Audio, Source::Base64 { media_type, data }, cache)))
}

fn decode_file<'a>(file: File<'a>, cache: Option<CacheMark<'a>>, path: Arguments<'_>) -> Result<Part<'a>, Fault> {
    let source = match (file.file_data, file.file_id) {
        (Some(data), _) => file_data(data, file.format, file.filename.as_deref(), path)?,
        // LiteLLM takes a URL for an id.
        (None, Some(id)) if is_web_url(&id) => Source::Url(id),
        (None, Some(id)) => Source::FileId(id),
        (None, None) => return Err(missing(&format!("{path}.file.file_data"), "file_data or file_id")),
    };
    let kind = match &source {
        Source::Base64 { media_type, .. } if media_type.starts_with("image/") => MediaKind::Image,
        Source::Base64 { media_type, .. } if media_type.starts_with("audio/") => MediaKind::Audio,
        Source::Base64 { .. } | Source::Url(_) | Source::FileId(_) | Source::Text(_) => MediaKind::Document,
    };
    Ok(Part::Media(Media { name: file.filename, ..media(kind, source, cache) }))
}

/// `file_data` is a data URL at OpenAI, bare base64 in its reference, and OpenRouter takes a URL.
fn file_data<'a>(
    data: Str<'a>,
    format: Option<Str<'a>>,
    filename: Option<&str>,
    path: Arguments<'_>,
) -> Result<Source<'a>, Fault> {
    match DataUrl::read(data) {
        DataUrl::Base64 { media_type, data } => Ok(Source::Base64 { media_type, data }),
        DataUrl::None(url) if is_web_url(&url) => Ok(Source::Url(url)),
        DataUrl::None(data) => {
            let media_type =
                format.filter(|format| is_media_type(format)).unwrap_or_else(|| Str::from(media_type_of(filename)));
            Ok(Source::Base64 { media_type, data })
        }
        DataUrl::Other => {
            let path = format!("{path}.file.file_data");
            Err(Fault::invalid(format!("{path} is a data URL without base64: expected `;base64,` in it"))
                .with_param(path))
        }
    }
}

/// The media type that a file's name tells; PDF is what this dialect sends files for.
pub(in crate::dialect) fn media_type_of(filename: Option<&str>) -> &'static str {
    let extension =
        filename.and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("txt" | "text" | "log") => "text/plain",
        Some("md" | "markdown") => "text/markdown",
        Some("csv") => "text/csv",
        Some("html" | "htm") => "text/html",
        Some("json") => "application/json",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some(_) | None => "application/pdf",
    }
}

pub(in crate::dialect) fn is_web_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

pub(in crate::dialect) fn media<'a>(kind: MediaKind, source: Source<'a>, cache: Option<CacheMark<'a>>) -> Media<'a> {
    Media { kind, source, name: None, context: None, detail: None, citations: false, cache }
}
