//! What a medium is, by its own first bytes: <https://mimesniff.spec.whatwg.org/#matching-a-mime-type-pattern>.

use crate::chat::MediaKind;

/// The media type of a medium whose server calls it `declared` (the value of `content-type`, parameters and all; empty for
/// none): what its bytes say, where that agrees with what its server says and with what the client takes it for. Text has
/// no mark of its own: there the server's word counts.
///
/// # Errors
/// What does not agree, in words that follow "it".
pub fn media_type(kind: MediaKind, declared: &str, bytes: &[u8]) -> Result<String, String> {
    let declared = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // What servers say who do not know.
    let is_silent = matches!(declared.as_str(), "" | "application/octet-stream" | "binary/octet-stream");
    let found = match sniffed(bytes) {
        Some(found) if boxed(found, &declared) => declared,
        Some(found) if is_silent || same(found, &declared) => found.to_owned(),
        Some(found) => return Err(format!("is called `{}` and is `{found}`", short(&declared))),
        None if !is_text(bytes) => return Err("is of no kind that is known here".to_owned()),
        None if is_silent => "text/plain".to_owned(),
        None if is_text_type(&declared) => declared,
        None => return Err(format!("is called `{}` and is a text", short(&declared))),
    };
    let (top, wanted) = (found.split('/').next().unwrap_or_default(), wanted(kind));
    if wanted.contains(&top) { Ok(found) } else { Err(format!("is `{found}`, which is no {}", name(kind))) }
}

/// The top-level types that a kind of medium may have.
fn wanted(kind: MediaKind) -> &'static [&'static str] {
    match kind {
        MediaKind::Image => &["image"],
        MediaKind::Document => &["application", "text"],
        MediaKind::Audio => &["audio"],
        MediaKind::Video => &["video"],
    }
}

fn name(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image",
        MediaKind::Document => "document",
        MediaKind::Audio => "sound",
        MediaKind::Video => "video",
    }
}

/// Marks at the beginning of files: where, which bytes, what it is.
const MARKS: [(usize, &[u8], &str); 18] = [
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (8, b"WAVE", "audio/wav"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
    (0, b"\0\0\x01\xba", "video/mpeg"),
    (0, b"\0\0\x01\xb3", "video/mpeg"),
];

fn sniffed(bytes: &[u8]) -> Option<&'static str> {
    let at = |place: usize, mark: &[u8]| bytes.get(place..).is_some_and(|rest| rest.starts_with(mark));
    if let Some((.., found)) = MARKS.iter().find(|(place, mark, _)| at(*place, mark)) {
        let is_riff = !matches!(*found, "image/webp" | "audio/wav") || at(0, b"RIFF");
        return is_riff.then_some(*found);
    }
    if at(4, b"ftyp") {
        return Some(match bytes.get(8..12) {
            Some(b"avif" | b"avis") => "image/avif",
            Some(b"heic" | b"heix" | b"mif1" | b"msf1") => "image/heic",
            Some(b"M4A " | b"M4B ") => "audio/mp4",
            Some(b"qt  ") => "video/quicktime",
            _ => "video/mp4",
        });
    }
    // An MPEG audio frame without a tag before it: eleven bits set, layer III.
    match bytes {
        [0xff, second, ..] if second & 0xe6 == 0xe2 => Some("audio/mpeg"),
        _ => None,
    }
}

/// Whether a server's word and the bytes mean the same.
fn same(found: &str, declared: &str) -> bool {
    let subtype = |text: &str| text.split_once('/').map(|(_, subtype)| subtype.trim_start_matches("x-").to_owned());
    let named = match declared {
        "image/jpg" | "image/pjpeg" => "image/jpeg",
        "image/heif" => "image/heic",
        "audio/mp3" => "audio/mpeg",
        "audio/wave" | "audio/vnd.wave" => "audio/wav",
        "audio/m4a" | "audio/x-m4a" => "audio/mp4",
        "video/x-matroska" => "video/webm",
        other => other,
    };
    named == found
        || subtype(named) == subtype(found)
        // Both hold sound or pictures in the same box.
        || matches!((found, named), ("video/mp4", "audio/mp4") | ("audio/ogg", "audio/opus" | "application/ogg"))
}

/// Office documents: their files are archives, and the server's word says which.
fn boxed(found: &str, declared: &str) -> bool {
    match found {
        "application/zip" => {
            declared.starts_with("application/vnd.openxmlformats-officedocument.")
                || declared.starts_with("application/vnd.oasis.opendocument.")
        }
        "application/x-ole-storage" => matches!(declared, "application/msword" | "application/vnd.ms-excel"),
        _ => false,
    }
}

fn is_text(bytes: &[u8]) -> bool {
    !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok()
}

fn is_text_type(declared: &str) -> bool {
    declared.starts_with("text/")
        || matches!(declared, "application/json" | "application/xml" | "application/yaml" | "application/x-yaml")
}

/// A server's word, as much of it as a message may repeat.
fn short(declared: &str) -> String {
    declared.chars().filter(|c| c.is_ascii_graphic() && *c != '`').take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use MediaKind::{Audio, Document, Image, Video};

    fn riff(kind: &[u8]) -> Vec<u8> {
        [b"RIFF\x24\0\0\0", kind, b"more"].concat()
    }

    #[test]
    fn what_agrees_is_what_it_is() {
        let (webp, wave, mp4) = (riff(b"WEBP"), riff(b"WAVE"), b"\0\0\0\x18ftypisom".to_vec());
        for (kind, declared, bytes, expected) in [
            (Image, "image/png", &b"\x89PNG\r\n\x1a\n\0"[..], "image/png"),
            (Image, "image/jpg; charset=x", b"\xff\xd8\xff\xe0", "image/jpeg"),
            (Image, "", b"GIF89a", "image/gif"),
            (Image, "application/octet-stream", &webp, "image/webp"),
            (Document, "application/pdf", b"%PDF-1.7", "application/pdf"),
            (Document, "application/x-pdf", b"%PDF-1.7", "application/pdf"),
            (Document, "application/msword", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword"),
            (Document, "text/csv", "a,b\né,ö".as_bytes(), "text/csv"),
            (Document, "", b"hello", "text/plain"),
            (Audio, "audio/x-wav", &wave, "audio/wav"),
            (Audio, "audio/mp3", b"ID3\x04", "audio/mpeg"),
            (Audio, "audio/mpeg", b"\xff\xfb\x90", "audio/mpeg"),
            (Video, "video/mp4", &mp4, "video/mp4"),
        ] {
            assert_eq!(media_type(kind, declared, bytes).as_deref(), Ok(expected), "{declared} {bytes:?}");
        }
    }

    #[test]
    fn what_does_not_agree_is_said() {
        for (kind, declared, bytes, expected) in [
            (Image, "image/png", &b"\xff\xd8\xff\xe0"[..], "is called `image/png` and is `image/jpeg`"),
            (Image, "image/png", b"<html>", "is called `image/png` and is a text"),
            (Image, "text/html", b"<html>", "is `text/html`, which is no image"),
            (Image, "image/svg+xml", b"<svg/>", "is called `image/svg+xml` and is a text"),
            (Image, "application/pdf", b"%PDF-1.7", "is `application/pdf`, which is no image"),
            (Image, "image/png", b"\x7fELF\0", "is of no kind that is known here"),
            (Image, "image/webp", b"XXXX\0\0\0\0WEBP\0", "is of no kind that is known here"),
            (Document, "text/plain", b"\xff\xfe\0a", "is of no kind that is known here"),
            (Document, "text/plain", b"%PDF-1.7", "is called `text/plain` and is `application/pdf`"),
            (Audio, "video/mp4", b"\0\0\0\x18ftypisom", "is `video/mp4`, which is no sound"),
            (Image, "a`\r\nb", b"\x89PNG\r\n\x1a\n", "is called `ab` and is `image/png`"),
            (Image, "", b"", "is `text/plain`, which is no image"),
        ] {
            assert_eq!(media_type(kind, declared, bytes).unwrap_err(), expected, "{declared} {bytes:?}");
        }
    }
}
