//! Payloads of bytes: what stands in a string and says nothing.
//!
//! The rule: where the protocol puts bytes (the data of images, sound and files), a value is left out that consists of
//! base64 letters only, or is a data URL of them. Where nobody knows what stands (an unknown field), the same is left out
//! only under a name that promises bytes ([`promises`]) and from [`BYTES_MIN`] bytes on. Anything else is text, whatever it
//! looks like: what a user says in base64 is looked at.
//!
//! A file of plain text travels as bytes, too. So bytes are decoded where they begin like text, and are text if all of them
//! are ([`text_in`]), whatever type they are said to have.

use super::literal::{Decoded, escape};
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE};
use std::borrow::Cow;

/// Shorter ones under an unknown field are looked at.
const BYTES_MIN: usize = 512;
/// Longest beginning of a data URL: `data:image/svg+xml;charset=utf-8;base64`.
const HEAD_BYTES_MAX: usize = 256;

/// Lines of base64 in a letter are at least so long: two words under each other are no lines of it.
const LINE_BYTES_MIN: usize = 60;

/// Whether a value where bytes are expected holds some.
pub(super) fn are(raw: &str) -> bool {
    Payload::read(raw).is_some()
}

/// Whether a URL carries its bytes in itself.
pub(super) fn is_data_url(raw: &str) -> bool {
    Payload::read(raw).is_some_and(|payload| !payload.head.is_empty())
}

/// Base64 that a literal holds.
struct Payload<'r> {
    /// Of a data URL, with its comma.
    head: Cow<'r, str>,
    letters: Cow<'r, str>,
}

impl<'r> Payload<'r> {
    fn read(raw: &'r str) -> Option<Self> {
        let text = plain(raw);
        let head = head_bytes(&text)?;
        let (head, letters) = match text {
            Cow::Borrowed(text) => {
                let (head, letters) = text.split_at_checked(head)?;
                (Cow::Borrowed(head), Cow::Borrowed(letters))
            }
            Cow::Owned(mut text) => {
                let letters = text.split_off(head);
                (Cow::Owned(text), Cow::Owned(in_one_line(letters)))
            }
        };
        is_base64(&letters).then_some(Self { head, letters })
    }
}

/// What a literal says. Some serializers escape slashes, others the signs of HTML, `=` among them.
fn plain(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let without = raw.replace("\\/", "/");
    if without.contains('\\') { Cow::Owned(Decoded::read(raw).text().to_owned()) } else { Cow::Owned(without) }
}

/// How long the beginning of a data URL is, with its comma; 0 of anything else. `None` where no base64 follows.
fn head_bytes(text: &str) -> Option<usize> {
    if !text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return Some(0);
    }
    let (head, _) = text.split_once(',').filter(|(head, _)| head.len() <= HEAD_BYTES_MAX)?;
    let is_encoded = head.rsplit(';').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("base64"));
    is_encoded.then_some(head.len() + 1)
}

/// Base64 as letters carry it, without its line ends. Lines of different lengths are words.
fn in_one_line(letters: String) -> String {
    let lines: Vec<&str> = letters.trim_end().lines().collect();
    let [first, middle @ .., last] = lines.as_slice() else { return letters };
    let are_lines = first.len() >= LINE_BYTES_MIN
        && middle.iter().all(|line| line.len() == first.len())
        && last.len() <= first.len();
    if are_lines { lines.concat() } else { letters }
}

/// Whether a value under an unknown field is bytes, by its name and shape.
pub(super) fn seem(key: &str, raw: &str) -> bool {
    raw.len() >= BYTES_MIN && promises(key) && are(raw)
}

/// The names under which a provider finds its own seal: never looked into.
pub(super) fn is_seal(key: &str) -> bool {
    matches!(key, "embedding" | "signature" | "encrypted_content" | "thought_signature")
}

/// The names under which bytes are found.
fn promises(key: &str) -> bool {
    const NAMES: [&str; 10] =
        ["data", "b64_json", "bytes", "base64", "blob", "file_data", "image", "image_url", "url", "audio"];
    NAMES.contains(&key) || is_seal(key)
}

/// How many letters tell whether the rest is worth decoding.
const SNIFFED: usize = 64;

/// Text that stands in a literal as base64.
pub(super) struct Encoded {
    pub(super) text: String,
    /// Of a data URL.
    head: String,
    charset: Charset,
    is_url_safe: bool,
}

/// How the bytes of a text are read.
#[derive(Clone, Copy)]
enum Charset {
    Utf8,
    /// Any charset that begins with ASCII, byte by byte.
    Latin1,
    Utf16 {
        is_big: bool,
    },
}

impl Encoded {
    /// The literal with another text in its place.
    pub(super) fn with(&self, text: &[u8]) -> String {
        let bytes = self.charset.bytes(String::from_utf8_lossy(text));
        let letters = if self.is_url_safe { URL_SAFE.encode(bytes) } else { STANDARD.encode(bytes) };
        format!("{}{letters}", escape(&self.head))
    }
}

impl Charset {
    fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0xFE, 0xFF, ..] => Self::Utf16 { is_big: true },
            [0xFF, 0xFE, ..] => Self::Utf16 { is_big: false },
            _ if std::str::from_utf8(bytes).is_ok() => Self::Utf8,
            _ => Self::Latin1,
        }
    }

    /// The text, if it is one.
    fn text(self, bytes: Vec<u8>) -> Option<String> {
        match self {
            Self::Utf8 => String::from_utf8(bytes).ok(),
            Self::Latin1 => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
            Self::Utf16 { is_big } => {
                let unit = |pair: &[u8]| match pair {
                    [a, b] if is_big => u16::from_be_bytes([*a, *b]),
                    [a, b] => u16::from_le_bytes([*a, *b]),
                    _ => 0,
                };
                char::decode_utf16(bytes.chunks(2).map(unit)).collect::<Result<_, _>>().ok()
            }
        }
    }

    fn bytes(self, text: Cow<'_, str>) -> Vec<u8> {
        match self {
            Self::Utf8 => text.into_owned().into_bytes(),
            Self::Latin1 => {
                let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
                bytes.unwrap_or_else(|| text.into_owned().into_bytes())
            }
            Self::Utf16 { is_big: true } => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::Utf16 { is_big: false } => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        }
    }
}

/// How PDF, whose bytes are counted, PNG and JPEG begin: a few bytes of them could be read as Latin-1.
const NO_TEXT: [&[u8]; 3] = [b"%PDF", b"\x89PN", b"\xff\xd8"];

/// The text that [bytes](are) hold, if they do: one without control characters.
pub(super) fn text_in(raw: &str) -> Option<Encoded> {
    let Payload { head, letters } = Payload::read(raw)?;
    let is_url_safe = letters.contains(['-', '_']);
    let alphabet = if is_url_safe { base64::alphabet::URL_SAFE } else { base64::alphabet::STANDARD };
    let either = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&alphabet, either);
    let beginning = engine.decode(letters.get(..SNIFFED).unwrap_or(&letters)).ok()?;
    let is_wide = matches!(Charset::of(&beginning), Charset::Utf16 { .. });
    let is_known = NO_TEXT.iter().any(|known| beginning.starts_with(known));
    if beginning.is_empty() || is_known || (!is_wide && beginning.iter().any(is_control)) {
        return None;
    }
    let bytes = engine.decode(&*letters).ok()?;
    if !is_wide && bytes.iter().any(is_control) {
        return None;
    }
    let charset = Charset::of(&bytes);
    let text = charset.text(bytes)?;
    let is_text = !text.bytes().any(|byte| is_control(&byte));
    is_text.then(|| Encoded { text, head: head.into_owned(), charset, is_url_safe })
}

fn is_control(byte: &u8) -> bool {
    *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c)
}

/// Letters of both base64 alphabets only.
fn is_base64(letters: &str) -> bool {
    let is_letter = |byte: u8| {
        // Without branches, so that megabytes of them are looked at many at a time.
        byte.is_ascii_alphanumeric()
            | (byte == b'+')
            | (byte == b'/')
            | (byte == b'-')
            | (byte == b'_')
            | (byte == b'=')
    };
    letters.bytes().fold(true, |all, byte| all & is_letter(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_known_by_their_letters() {
        for (raw, expected) in [
            ("aGVsbG8+/-_=", true),
            (r"aGVs\/bG8=", true),
            ("", true),
            ("a b", false),
            ("a@b", false),
            (r"a\u0041", true),
            (r"aGVsbG8\u003d", true),
            (r"a\u0040", false),
            (r"hello\nworld", false),
            ("data:image/png;base64,aGVs", true),
            ("DATA:text/plain;charset=utf-8;Base64,aGVs", true),
            ("data:text/plain,hello", false),
            ("data:text/plain;base64,not bytes", false),
            ("https://example.com/a", false),
        ] {
            assert_eq!(are(raw), expected, "{raw}");
        }
        assert!(!is_data_url("aGVs") && is_data_url("data:;base64,aGVs"));
    }

    #[test]
    fn files_of_text_are_read() {
        for (raw, text) in [
            ("aGVsbG8=", Some("hello")),
            ("aGVsbG8", Some("hello")),
            ("data:text/plain;base64,YcOpCg==", Some("aé\n")),
            (r"Pz8\/", Some("???")),
            ("Pz8_", Some("???")),
            ("iVBORw0KGgo=", None),
            ("JVBERi0xLjcK", None),
            ("UklGRiQAAABXQVZF", None),
            ("aGVsbG8AaGVsbG8=", None),
            ("a", None),
            ("", None),
        ] {
            let encoded = text_in(raw);
            assert_eq!(encoded.as_ref().map(|encoded| encoded.text.as_str()), text, "{raw}");
        }
        // Latin-1, UTF-16 with its mark, lines as in letters, escaped signs.
        let card = "Käse 4111";
        let latin: Vec<u8> = card.chars().filter_map(|c| u8::try_from(c).ok()).collect();
        let wide: Vec<u8> = format!("\u{feff}{card}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let lines = STANDARD.encode(card.repeat(12));
        let (first, second) = lines.split_at(76);
        for (raw, text) in [
            (STANDARD.encode(&latin), card.to_owned()),
            (STANDARD.encode(&wide), format!("\u{feff}{card}")),
            (format!("{first}\\r\\n{}", second.get(..76).unwrap()), card.repeat(12).get(..114).unwrap().to_owned()),
            ("YQ\\u003d\\u003d".to_owned(), "a".to_owned()),
            ("data:text\\/plain;base64,YQ\\u003d\\u003d".to_owned(), "a".to_owned()),
        ] {
            let encoded = text_in(&raw).unwrap_or_else(|| panic!("{raw} is text"));
            assert_eq!(encoded.text, text, "{raw}");
            let again = text_in(&encoded.with(text.as_bytes())).unwrap();
            assert_eq!((again.text, again.head), (text, encoded.head), "{raw}");
        }
        let long = STANDARD.encode("é".repeat(1000));
        assert_eq!(text_in(&long).unwrap().with("é".repeat(1000).as_bytes()), long);
    }

    #[test]
    fn under_unknown_names_bytes_are_long_and_announced() {
        let long = "QUJD".repeat(128);
        assert!(seem("data", &long) && seem("b64_json", &format!("data:a/b;base64,{long}")));
        assert!(!seem("text", &long) && !seem("data", long.get(4..).unwrap()) && !seem("data", &format!("{long} ")));
    }
}
