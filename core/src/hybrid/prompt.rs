//! The tokens of a prompt by its bytes, where nobody looks into it any further: a quarter of them, but for files, which weigh
//! about what the whole count says of them.
//!
//! Most of a large body is not looked at: a file is a long run of base64, and whoever finds a blank goes on behind it.

use super::rough;

/// Tokens of a picture, or of anything else whose size does not tell more.
pub const MEDIUM_TOKENS: u64 = 1_000;

/// What is in base64 and at least this long may be a file.
const FILE_BYTES_MIN: usize = 1024;
/// The longest beginning of a data URL, and the longest name of a field before a file, in bytes.
const BEFORE_BYTES_MAX: usize = 128;
/// The fields in which requests hold files. In all others there is text, however it looks.
const FIELDS: [&[u8]; 10] = [
    b"data",
    b"bytes",
    b"url",
    b"file_data",
    b"image",
    b"image_url",
    b"images",
    b"inputImage",
    b"bytesBase64Encoded",
    b"document_url",
];

/// How files begin, in base64, and how many bytes of them are a token, where they grow with their length: a page of a PDF
/// has 4,000 for 50,000 bytes, a second of sound about 16 of them, one of video 300 for 125,000. What begins otherwise is text.
const FORMATS: [(&[u8], Option<u64>); 13] = [
    (b"iVBORw0KGgo", None),  // PNG
    (b"/9j/", None),         // JPEG
    (br"\/9j\/", None),      // the same with its slashes escaped
    (b"R0lGOD", None),       // GIF
    (b"UklGR", None),        // WebP, WAV
    (b"SUkqA", None),        // TIFF
    (b"JVBERi", Some(12)),   // PDF
    (b"SUQz", Some(1_000)),  // MP3
    (b"//", Some(1_000)),    // MP3 without a head
    (b"T2dnU", Some(1_000)), // Ogg
    (b"ZkxhQ", Some(1_000)), // FLAC
    (b"GkXfo", Some(400)),   // WebM
    (b"AAAA", Some(400)),    // MP4
];

/// The tokens of a prompt, roughly.
pub fn prompt(body: &[u8]) -> u64 {
    let (mut text, mut files) = (body.len() as u64, 0_u64);
    let mut rest = 0;
    while let Some(run) = next_run(body, rest) {
        rest = run.end;
        let Some(tokens) =
            body.get(..run.start).zip(body.get(run.clone())).and_then(|(before, run)| of_file(before, run))
        else {
            continue;
        };
        text = text.saturating_sub(run.len() as u64);
        files = files.saturating_add(tokens);
    }
    rough(text).saturating_add(files)
}

/// The next run of base64 that is long enough. `from` must be where one may begin.
fn next_run(body: &[u8], mut from: usize) -> Option<std::ops::Range<usize>> {
    loop {
        let window = body.get(from..from.checked_add(FILE_BYTES_MIN)?)?;
        match window.iter().rposition(|byte| !is_base64(*byte)) {
            // No run around it is long enough.
            Some(other) => from += other + 1,
            None => {
                let rest = body.get(from..).unwrap_or_default();
                let length = rest.iter().position(|byte| !is_base64(*byte)).unwrap_or(rest.len());
                return Some(from..from + length);
            }
        }
    }
}

/// Base64 in either alphabet, with what JSON may write in it: escaped slashes and ends of lines.
fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=' | b'\\')
}

/// The tokens of a file; `None` for what is none.
fn of_file(before: &[u8], run: &[u8]) -> Option<u64> {
    let start = before.len().saturating_sub(BEFORE_BYTES_MAX);
    let near = before.get(start..)?;
    let quote = near.iter().rposition(|byte| *byte == b'"')?;
    let (outside, begun) = near.split_at_checked(quote)?;
    let begun = begun.get(1..)?;
    if !(begun.is_empty() || (begun.starts_with(b"data:") && begun.ends_with(b";base64,"))) {
        return None;
    }
    FIELDS.contains(&field_before(outside)?).then_some(())?;
    let (_, bytes_per_token) = FORMATS.iter().find(|(beginning, _)| run.starts_with(beginning))?;
    let bytes = run.len() as u64 / 4 * 3;
    Some(bytes_per_token.map_or(MEDIUM_TOKENS, |bytes_per_token| MEDIUM_TOKENS.max(bytes / bytes_per_token)))
}

/// The name of the field whose value, or the first of whose values, comes next.
fn field_before(json: &[u8]) -> Option<&[u8]> {
    let json = json.trim_ascii_end();
    let json = json.strip_suffix(b"[").unwrap_or(json).trim_ascii_end();
    let name = json.strip_suffix(b":")?.trim_ascii_end().strip_suffix(b"\"")?;
    let quote = name.iter().rposition(|byte| *byte == b'"')?;
    name.get(quote + 1..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn file(beginning: &str, length: usize) -> String {
        let mut file = beginning.to_owned();
        file.push_str(&"QUJD".repeat(length / 4));
        file
    }

    #[test]
    fn a_file_weighs_what_the_whole_count_says() {
        let picture = file("iVBORw0KGgo", 4_000_000);
        let jpeg = file(r"\/9j\/4AAQ", 4_000_000);
        let pdf = file("JVBERi0x", 4_000_000);
        for (body, files) in [
            (format!(r#"{{"image_url":{{"url":"data:image/png;base64,{picture}"}}}}"#), 1_000),
            (format!(r#"{{"image_url": {{ "url" : "data:image/jpeg;base64,{jpeg}" }}}}"#), 1_000),
            (format!(r#"{{"type":"input_image","image_url":"data:image/png;base64,{picture}"}}"#), 1_000),
            (format!(r#"{{"source":{{"type":"base64","media_type":"image/png","data":"{picture}"}}}}"#), 1_000),
            (format!(r#"{{"inlineData":{{"data": "{picture}"}},"more":{{"data":"{picture}"}}}}"#), 2_000),
            (format!(r#"{{"images":["data:image/png;base64,{picture}"]}}"#), 1_000),
            (format!(r#"{{"document":{{"source":{{"bytes":"{pdf}"}}}}}}"#), 250_000),
            (format!(r#"{{"input_audio":{{"format":"mp3","data":"{}"}}}}"#, file("SUQz", 4_000_000)), 3_000),
        ] {
            let (met, head) = (prompt(body.as_bytes()), body.get(..60).unwrap());
            assert!((files..files + 60).contains(&met), "{met} for {files}: {head}");
        }
    }

    /// Nobody's words weigh less because they look like a file.
    #[test]
    fn what_is_no_file_is_text() {
        let picture = file("iVBORw0KGgo", 40_000);
        for body in [
            format!(r#"{{"content":"{picture}"}}"#),
            format!(r#"{{"text":"data:image/png;base64,{picture}"}}"#),
            format!(r#"{{"text":"say \"data\":\"{picture}"}}"#),
            format!(r#"{{"text":"\"url\":\"data:image/png;base64,{picture}"}}"#),
            format!(r#"{{"data":"{}"}}"#, "Words".repeat(10_000)),
            format!(r#"{{"data":"say {picture}"}}"#),
            format!(r#"{{"data":["a","{picture}"]}}"#),
            picture.clone(),
            String::new(),
            "iVBORw0KGgo".to_owned(),
            format!(r#"{{"data":"{}"}}"#, file("iVBORw0KGgo", 800)),
        ] {
            assert_eq!(prompt(body.as_bytes()), body.len() as u64 / 4, "{body:.60}");
        }
        // The text behind a file counts.
        let body = format!(r#"{{"data":"{picture} {}"}}"#, "word ".repeat(10_000));
        let met = prompt(body.as_bytes());
        assert!((13_500..13_600).contains(&met), "{met}");
    }

    #[test]
    fn a_large_body_is_looked_through_at_once() {
        let begun = Instant::now();
        for body in [
            format!(r#"{{"data":"{}"}}"#, file("iVBORw0KGgo", 20 << 20)),
            "many words of text, ".repeat(1 << 20),
            format!("{} ", "a".repeat(FILE_BYTES_MIN - 1)).repeat(20 << 10),
        ] {
            assert!(prompt(body.as_bytes()) > 0);
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "unoptimised, on a busy machine: {:?}", begun.elapsed());
    }
}
