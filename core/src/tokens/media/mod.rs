//! What images, sound and documents weigh, without decoding them: a few bytes of each are read where they stand.

mod audio;
mod base64;
mod image;
mod vision;

use super::family::Family;
use super::{Counter, request::Tally};
use crate::chat::{Media, MediaKind, Source};
use base64::Base64;

/// Bytes of a PDF in which we expect a page. Scans and slides have more, dense text has less.
const PDF_PAGE_BYTES: u64 = 50_000;
/// Pages of a document whose bytes nobody here can see.
const PAGES_UNSEEN: u64 = 20;
/// Tokens of a page. Anthropic says 1,500 to 3,000 for its text, and each page is shown as an image, too
/// (<https://platform.claude.com/docs/en/build-with-claude/pdf-support>).
const PAGE: u64 = 4_000;
/// Tokens of a page that Gemini looks at (<https://ai.google.dev/gemini-api/docs/document-processing>).
const GEMINI_PAGE: u64 = 258;

/// Tokens of a second of video: about 300 at the default resolution, sound included
/// (<https://ai.google.dev/gemini-api/docs/video-understanding>).
const VIDEO_TOKENS_PER_SECOND: u64 = 300;
/// Bytes of a second of video, at the rate of a modest recording (1 Mbit/s).
const VIDEO_BYTES_PER_SECOND: u64 = 125_000;
/// Seconds of a video whose bytes nobody here can see.
const VIDEO_SECONDS_UNSEEN: u64 = 60;

/// What a medium adds to a prompt.
pub(super) fn of_media(media: &Media<'_>, counter: &Counter<'_>, family: Family, model: &str) -> Tally {
    let words = media.name.iter().chain(&media.context).map(|words| counter.count(words)).sum();
    let medium = match (media.kind, &media.source) {
        (_, Source::Text(text)) => Tally::sure(counter.count(text)),
        (MediaKind::Image, source) => vision::of_image(size(source), media.detail.as_deref(), family, model),
        (MediaKind::Audio, source) => Tally::guess(of_audio(source, family)),
        (MediaKind::Video, source) => Tally::guess(of_video(source)),
        (MediaKind::Document, source) => Tally::guess(of_document(source, counter, family)),
    };
    medium + Tally::sure(words)
}

fn size(source: &Source<'_>) -> Option<(u32, u32)> {
    match source {
        Source::Base64 { data, .. } => image::size(&Base64::new(data)),
        Source::Url(_) | Source::FileId(_) | Source::Text(_) => None,
    }
}

fn of_audio(source: &Source<'_>, family: Family) -> u64 {
    let seconds = match source {
        Source::Base64 { media_type, data } => audio::seconds(media_type, &Base64::new(data)),
        Source::Url(_) | Source::FileId(_) | Source::Text(_) => audio::SECONDS_UNSEEN,
    };
    seconds.saturating_mul(audio::tokens_per_second(family))
}

fn of_video(source: &Source<'_>) -> u64 {
    let seconds = match source {
        Source::Base64 { data, .. } => Base64::new(data).len().div_ceil(VIDEO_BYTES_PER_SECOND),
        Source::Url(_) | Source::FileId(_) | Source::Text(_) => VIDEO_SECONDS_UNSEEN,
    };
    seconds.saturating_mul(VIDEO_TOKENS_PER_SECOND)
}

fn of_document(source: &Source<'_>, counter: &Counter<'_>, family: Family) -> u64 {
    let pages = match source {
        Source::Base64 { media_type, data } if media_type.starts_with("text/") => {
            // Four bytes a token at the least, but for scripts that are not Latin; the text is not decoded for it.
            return Base64::new(data).len().div_ceil(3);
        }
        Source::Base64 { data, .. } => Base64::new(data).len().div_ceil(PDF_PAGE_BYTES),
        Source::Url(_) | Source::FileId(_) => PAGES_UNSEEN,
        Source::Text(text) => return counter.count(text),
    };
    let page = match family {
        Family::Gemini | Family::NewGemini => GEMINI_PAGE,
        Family::OpenAi
        | Family::Claude
        | Family::NewClaude
        | Family::Llama
        | Family::Mistral
        | Family::Qwen
        | Family::DeepSeek
        | Family::Other => PAGE,
    };
    pages.max(1).saturating_mul(page)
}
