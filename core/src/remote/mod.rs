//! Media that a request names by URL and a dialect takes only as bytes: which they are, and the bytes put in their place.
//!
//! Never fetches anything: that is the host's business, if it may.

mod kind;

pub use kind::media_type;

use crate::chat::{Media, MediaKind, Part, Request, Source};
use crate::dialect::Dialect;
use crate::text::Str;

/// A medium on the network that the dialect takes only as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where it is: `https://…` or `http://…`, as the client wrote it.
    pub url: String,
    /// What it is said to be.
    pub kind: MediaKind,
}

/// A medium that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The URL as the client wrote it.
    pub url: String,
    /// What it is, by its own bytes: see [`media_type`].
    pub media_type: String,
    /// Its bytes as base64 text.
    pub base64: String,
}

/// Every medium of a request that must be fetched for a dialect, each once, in the order of the request.
pub fn wanted(request: &Request<'_>, dialect: Dialect) -> Vec<Wanted> {
    let mut all: Vec<Wanted> = Vec::new();
    for part in request.messages.iter().flat_map(|message| &message.parts) {
        note(part, dialect, &mut all);
    }
    all
}

fn note(part: &Part<'_>, dialect: Dialect, all: &mut Vec<Wanted>) {
    match part {
        Part::Media(Media { kind, source: Source::Url(url), .. }) => {
            if is_web_url(url) && takes_bytes_only(dialect, *kind, url) && all.iter().all(|known| known.url != **url) {
                all.push(Wanted { url: url.as_str().to_owned(), kind: *kind });
            }
        }
        Part::ToolResult(result) => result.content.iter().for_each(|part| note(part, dialect, all)),
        Part::Media(_)
        | Part::Text(_)
        | Part::Thinking { .. }
        | Part::RedactedThinking { .. }
        | Part::ToolCall(_)
        | Part::Refusal(_) => {}
    }
}

fn is_web_url(url: &str) -> bool {
    let has = |scheme: &str| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    has("https://") || has("http://")
}

/// Whether a dialect takes such a medium as bytes, and not by this URL.
fn takes_bytes_only(dialect: Dialect, kind: MediaKind, url: &str) -> bool {
    use MediaKind::{Audio, Document, Image, Video};
    match (dialect, kind) {
        // `file_data` and `input_audio` are bytes.
        (Dialect::OpenAi, Document | Audio) => true,
        (Dialect::OpenAi, Image | Video) => false,
        // There is `image_url` and `file_url`, and no sound.
        (Dialect::Responses, Image | Document | Audio | Video) => false,
        (Dialect::Completions, _) => false,
        // There is a source `url` for both, and no sound.
        (Dialect::Anthropic, Image | Document | Audio | Video) => false,
        // `fileData` takes files in Google's own stores; public URLs only with some models
        // (<https://ai.google.dev/gemini-api/docs/file-input-methods>).
        (Dialect::Gemini, _) => !is_googles_own(url),
        // Bytes or a place in S3: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageSource.html>.
        (Dialect::Converse, Image | Document | Audio | Video) => true,
        // Documents are text. Images may be web URLs: <https://docs.cohere.com/docs/image-inputs>.
        (Dialect::Cohere, Document) => true,
        (Dialect::Cohere, Image | Audio | Video) => false,
    }
}

/// Whether a URL names something that Gemini reads by itself: an uploaded file, a place in Cloud Storage, a YouTube video.
fn is_googles_own(url: &str) -> bool {
    let host = url.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let host = host.unwrap_or_default().to_ascii_lowercase();
    matches!(
        host.as_str(),
        "generativelanguage.googleapis.com" | "www.youtube.com" | "youtube.com" | "m.youtube.com" | "youtu.be"
    )
}

/// Puts fetched bytes where the request named their URL.
pub fn put(request: &mut Request<'_>, fetched: &[Fetched]) {
    if fetched.is_empty() {
        return;
    }
    for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        put_into(part, fetched);
    }
}

fn put_into(part: &mut Part<'_>, fetched: &[Fetched]) {
    match part {
        Part::Media(media) => {
            let Source::Url(url) = &media.source else { return };
            let Some(found) = fetched.iter().find(|found| found.url == **url) else { return };
            let (media_type, data) = (Str::from(found.media_type.clone()), Str::from(found.base64.clone()));
            media.source = Source::Base64 { media_type, data };
        }
        Part::ToolResult(result) => result.content.iter_mut().for_each(|part| put_into(part, fetched)),
        Part::Text(_)
        | Part::Thinking { .. }
        | Part::RedactedThinking { .. }
        | Part::ToolCall(_)
        | Part::Refusal(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Message, Role, ToolResult};

    fn medium(kind: MediaKind, url: &str) -> Part<'_> {
        let source = Source::Url(url.into());
        Part::Media(Media { kind, source, name: None, context: None, detail: None, citations: false, cache: None })
    }

    fn asking(parts: Vec<Part<'_>>) -> Request<'_> {
        Request { messages: vec![Message { role: Role::User, name: None, parts }], ..Request::default() }
    }

    #[test]
    fn what_a_dialect_takes_as_bytes_only() {
        use MediaKind::{Audio, Document, Image, Video};
        for (dialect, kinds) in [
            (Dialect::OpenAi, &[Document, Audio][..]),
            (Dialect::Responses, &[]),
            (Dialect::Completions, &[]),
            (Dialect::Anthropic, &[]),
            (Dialect::Gemini, &[Image, Document, Audio, Video]),
            (Dialect::Converse, &[Image, Document, Audio, Video]),
            (Dialect::Cohere, &[Document]),
        ] {
            for kind in [Image, Document, Audio, Video] {
                let request = asking(vec![medium(kind, "https://example.com/a")]);
                let expected: &[_] = if kinds.contains(&kind) { &[kind] } else { &[] };
                let kinds: Vec<_> = wanted(&request, dialect).iter().map(|wanted| wanted.kind).collect();
                assert_eq!(kinds, expected, "{dialect:?}");
            }
        }
    }

    #[test]
    fn each_url_is_fetched_once_and_put_everywhere() {
        let within = Part::ToolResult(ToolResult {
            id: "c".into(),
            content: vec![medium(MediaKind::Image, "HTTP://example.com/b"), medium(MediaKind::Image, "s3://bucket/c")],
            is_error: false,
            cache: None,
        });
        let image = || medium(MediaKind::Image, "https://example.com/a");
        let mut request = asking(vec![image(), within, image(), medium(MediaKind::Image, "gs://bucket/d")]);
        let urls: Vec<_> = wanted(&request, Dialect::Converse).into_iter().map(|wanted| wanted.url).collect();
        assert_eq!(urls, ["https://example.com/a", "HTTP://example.com/b"]);
        let fetched =
            urls.into_iter().map(|url| Fetched { url, media_type: "image/png".into(), base64: "AA==".into() });
        put(&mut request, &fetched.collect::<Vec<_>>());
        assert_eq!(wanted(&request, Dialect::Converse), []);
        let told = format!("{:?}", request.messages);
        assert_eq!(told.matches("Base64").count(), 3, "{told}");
        assert_eq!(told.matches("://bucket").count(), 2, "{told}");
    }

    #[test]
    fn gemini_reads_some_by_itself() {
        for (url, is_wanted) in [
            ("https://generativelanguage.googleapis.com/v1beta/files/a", false),
            ("https://www.youtube.com/watch?v=a", false),
            ("https://youtu.be/a", false),
            ("https://youtu.be.example.com/a", true),
            ("https://example.com/?youtu.be", true),
        ] {
            let request = asking(vec![medium(MediaKind::Video, url)]);
            assert_eq!(!wanted(&request, Dialect::Gemini).is_empty(), is_wanted, "{url}");
        }
    }
}
