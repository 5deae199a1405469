//! Proofs of other providers' thoughts, on their way through a client of this dialect.
//!
//! `thoughtSignature` is bytes here: Google's SDK reads them from base64 and writes them in another alphabet when it sends
//! them back. What other providers give is a text, every character of which counts. So it travels as base64 of the text,
//! behind a mark by which it is known again.

use crate::text::Str;

/// What stands before a signature.
const SIGNED: &[u8] = b"attache:s:";
/// What stands before a thought that only its provider can read.
const REDACTED: &[u8] = b"attache:r:";

/// What a client sends back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// A signature.
    Signature(String),
    /// A thought that only its provider can read.
    Redacted(String),
}

/// A signature as bytes.
pub(super) fn signed(signature: &str) -> String {
    encode(SIGNED, signature)
}

/// A thought that only its provider can read, as bytes.
pub(super) fn redacted(data: &str) -> String {
    encode(REDACTED, data)
}

/// What was written by [`signed`] or [`redacted`]; anything else, as Google's own signatures, in the usual alphabet.
pub(super) fn read(written: Str<'_>) -> Proof {
    let bytes = decode(&written);
    let text = |mark: &[u8]| {
        let rest = bytes.as_deref()?.strip_prefix(mark)?;
        std::str::from_utf8(rest).ok().map(str::to_owned)
    };
    match (text(SIGNED), text(REDACTED)) {
        (Some(signature), _) => Proof::Signature(signature),
        (None, Some(data)) => Proof::Redacted(data),
        (None, None) => Proof::Signature(super::content::standard_base64(written).into_string()),
    }
}

fn encode(mark: &[u8], text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = mark.iter().chain(text.as_bytes()).copied().collect();
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let held = group.iter().fold(0u32, |held, byte| held << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let symbol = ALPHABET.get((held >> (18 - 6 * place) & 63) as usize).filter(|_| place <= group.len());
            out.push(symbol.map_or('=', |symbol| char::from(*symbol)));
        }
    }
    out
}

/// The bytes of a base64 text in either alphabet, padded or not; `None` if it is none.
fn decode(base64: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(base64.len() / 4 * 3 + 2);
    let (mut held, mut bits) = (0u32, 0u32);
    for symbol in base64.trim_end_matches('=').bytes() {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(value)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_comes_back() {
        assert_eq!(signed("a"), "YXR0YWNoZTpzOmE=");
        for text in ["", "a", "ab", "abc", "gAAA-_é+/==", "Eq+/not base64 at all!"] {
            let for_urls = signed(text).replace('+', "-").replace('/', "_");
            assert_eq!(read(for_urls.trim_end_matches('=').to_owned().into()), Proof::Signature(text.to_owned()));
            assert_eq!(read(redacted(text).into()), Proof::Redacted(text.to_owned()));
        }
        assert_eq!(read("c2ln-_==".into()), Proof::Signature("c2ln+/==".to_owned()));
        assert_eq!(read("no base64!".into()), Proof::Signature("no base64!==".to_owned()));
    }
}
