//! `Content` and its parts as they stand in requests, answers and streams: <https://ai.google.dev/api/caching#Part>.

use super::names::Many;
use crate::chat::{Media, MediaKind, Source};
use crate::dialect::arguments::Input;
use crate::dialect::wire::{Raw, is_media_type, wire};
use crate::text::Str;
use serde::de::IgnoredAny;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

wire! {
    /// Who says what.
    struct ContentFields<'a> { role: Str<'a>, parts: Many<PartFields<'a>> }
}
wire! {
    /// Any part: one of the kinds, with what may hang on it.
    struct PartFields<'a> {
        text: Str<'a>,
        thought: bool,
        signature "thoughtSignature" | "thought_signature": Str<'a>,
        inline_data "inlineData" | "inline_data": Box<Blob<'a>>,
        file_data "fileData" | "file_data": Box<FileData<'a>>,
        function_call "functionCall" | "function_call": Box<FunctionCall<'a>>,
        function_response "functionResponse" | "function_response": Box<FunctionResponse<'a>>,
    }
}
wire! {
    /// Bytes in the request.
    struct Blob<'a> {
        mime_type "mimeType" | "mime_type": Str<'a>,
        data: Str<'a>,
        display_name "displayName" | "display_name": Str<'a>,
    }
}
wire! {
    /// Bytes elsewhere.
    struct FileData<'a> {
        mime_type "mimeType" | "mime_type": Str<'a>,
        uri "fileUri" | "file_uri": Str<'a>,
        display_name "displayName" | "display_name": Str<'a>,
    }
}
wire! {
    /// The model calls a function.
    struct FunctionCall<'a> {
        id: Str<'a>,
        name: Str<'a>,
        args: Raw<'a>,
        // Vertex streams arguments in pieces to those who ask for it, which we do not.
        partial_args "partialArgs" | "partial_args": IgnoredAny,
        will_continue "willContinue" | "will_continue": bool,
    }
}
wire! {
    /// What a function answered.
    struct FunctionResponse<'a> {
        id: Str<'a>,
        name: Str<'a>,
        response: Raw<'a>,
        parts: Many<ResponsePart<'a>>,
    }
}
wire! {
    /// A medium in a function's answer.
    struct ResponsePart<'a> {
        inline_data "inlineData" | "inline_data": Blob<'a>,
        file_data "fileData" | "file_data": FileData<'a>,
    }
}

impl<'a> Blob<'a> {
    /// The medium; `None` without a proper media type.
    pub(super) fn into_media(self) -> Option<Media<'a>> {
        let media_type = self.mime_type.filter(|media_type| is_media_type(media_type) && !media_type.is_empty())?;
        let kind = kind_of(&media_type);
        let source = Source::Base64 { media_type, data: standard_base64(self.data.unwrap_or_default()) };
        Some(media(kind, source, self.display_name))
    }
}

/// Base64 in the alphabet that every dialect takes. Proto JSON also takes the one for URLs, and Google's SDK writes it.
pub(super) fn standard_base64(text: Str<'_>) -> Str<'_> {
    if memchr::memchr2(b'-', b'_', text.as_bytes()).is_none() && text.len().is_multiple_of(4) {
        return text;
    }
    let letter = |c| match c {
        '-' => '+',
        '_' => '/',
        c => c,
    };
    let padding = (4 - text.len() % 4) % 4;
    let standard: String = text.chars().map(letter).chain("=".repeat(padding).chars()).collect();
    Str::from(standard)
}

/// Whether a text can be bytes in JSON: anything else no client of this dialect can read.
pub(super) fn is_base64(text: &str) -> bool {
    let letters = text.trim_end_matches('=');
    letters.len() % 4 != 1 && letters.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/_-".contains(&b))
}

/// Where files uploaded to the Gemini API are.
const FILES: &str = "https://generativelanguage.googleapis.com/";

impl<'a> FileData<'a> {
    /// The medium; `None` without a place. What only Google can read is a file's id: elsewhere nobody can fetch it.
    pub(super) fn into_media(self) -> Option<Media<'a>> {
        let uri = self.uri.filter(|uri| !uri.is_empty())?;
        let kind = self.mime_type.as_deref().map_or_else(|| kind_of_uri(&uri), kind_of);
        let is_web = (uri.starts_with("https://") || uri.starts_with("http://")) && !uri.starts_with(FILES);
        let source = if is_web { Source::Url(uri) } else { Source::FileId(uri) };
        Some(media(kind, source, self.display_name))
    }
}

fn media<'a>(kind: MediaKind, source: Source<'a>, name: Option<Str<'a>>) -> Media<'a> {
    Media { kind, source, name, context: None, detail: None, citations: false, cache: None }
}

fn kind_of(media_type: &str) -> MediaKind {
    match media_type.split('/').next().unwrap_or_default() {
        "image" => MediaKind::Image,
        "audio" => MediaKind::Audio,
        "video" => MediaKind::Video,
        _ => MediaKind::Document,
    }
}

fn kind_of_uri(uri: &str) -> MediaKind {
    let is_youtube = ["https://www.youtube.com/", "https://youtube.com/", "https://youtu.be/"];
    if is_youtube.iter().any(|place| uri.starts_with(place)) {
        return MediaKind::Video;
    }
    media_type_of(uri).map_or(MediaKind::Document, kind_of)
}

/// The media type that a file's name tells.
pub(super) fn media_type_of(uri: &str) -> Option<&'static str> {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let (_, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "pdf" => "application/pdf",
        "txt" | "md" => "text/plain",
        "html" | "htm" => "text/html",
        "csv" => "text/csv",
        "json" => "application/json",
        "mp3" => "audio/mp3",
        "wav" => "audio/wav",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        "m4a" | "aac" => "audio/aac",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "mpeg" | "mpg" => "video/mpeg",
        _ => return None,
    })
}

/// A part as it is written.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) thought: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inline_data: Option<BlobOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file_data: Option<FileOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function_call: Option<CallOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function_response: Option<ResponseOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thought_signature: Option<std::borrow::Cow<'a, str>>,
}

impl<'a> PartOut<'a> {
    /// Plain text.
    pub(super) fn text(text: &'a str) -> Self {
        Self { text: Some(text), ..Self::default() }
    }

    /// A thought, or, where nothing can be read of it, what proves it.
    pub(super) fn thought(text: &'a str, signature: Option<std::borrow::Cow<'a, str>>) -> Self {
        Self { text: Some(text), thought: !text.is_empty(), thought_signature: signature, ..Self::default() }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlobOut<'a> {
    pub(super) mime_type: &'a str,
    pub(super) data: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mime_type: Option<&'a str>,
    pub(super) file_uri: std::borrow::Cow<'a, str>,
}

#[derive(Debug, Serialize)]
pub(super) struct CallOut<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) id: &'a str,
    pub(super) name: std::borrow::Cow<'a, str>,
    pub(super) args: Input<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct ResponseOut<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) id: &'a str,
    pub(super) name: std::borrow::Cow<'a, str>,
    pub(super) response: Answered<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<PartOut<'a>>,
}

/// The text as JSON, if it is an object.
pub(super) fn object(text: &str) -> Option<&RawValue> {
    let text = text.trim_ascii();
    if !text.starts_with('{') {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// What a function answered, which has to be a JSON object: as it is, or under `output` or `error`.
#[derive(Debug)]
pub(super) enum Answered<'a> {
    /// It is an object.
    Object(&'a RawValue),
    /// A text.
    Output(std::borrow::Cow<'a, str>),
    /// What went wrong.
    Error(std::borrow::Cow<'a, str>),
}

impl Serialize for Answered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (key, text) = match self {
            Self::Object(raw) => return raw.serialize(serializer),
            Self::Output(text) => ("output", text),
            Self::Error(text) => ("error", text),
        };
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(key, text)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_in_both_alphabets() {
        for (text, expected) in [("ab+/", "ab+/"), ("ab-_", "ab+/"), ("ab", "ab=="), ("", ""), ("a_=", "a/==")] {
            assert_eq!(standard_base64(text.into()), *expected, "{text}");
        }
        assert!(is_base64("ab+/") && is_base64("ab==") && is_base64("a-_") && !is_base64("a b") && !is_base64("abcde"));
    }

    #[test]
    fn where_files_are() {
        for (json, expected) in [
            (r#"{"fileUri":"gs://b/x.mp4","mimeType":"video/mp4"}"#, "Video FileId(\"gs://b/x.mp4\")"),
            (r#"{"file_uri":"https://example.com/a.PNG?x=1"}"#, "Image Url(\"https://example.com/a.PNG?x=1\")"),
            (r#"{"fileUri":"https://youtu.be/abc"}"#, "Video Url(\"https://youtu.be/abc\")"),
            (
                r#"{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/abc"}"#,
                "Document FileId(\"https://generativelanguage.googleapis.com/v1beta/files/abc\")",
            ),
        ] {
            let file: FileData<'_> = serde_json::from_str(json).unwrap();
            let media = file.into_media().unwrap();
            assert_eq!(format!("{:?} {:?}", media.kind, media.source), expected);
        }
        assert!(FileData::default().into_media().is_none());
        assert!(Blob { mime_type: Some("a b".into()), ..Blob::default() }.into_media().is_none());
    }
}
