//! [`Base64`]: single bytes of base64 text, without decoding the rest.

/// Base64 text, of the standard or the URL-safe alphabet, without line breaks.
pub(super) struct Base64<'a>(&'a [u8]);

impl<'a> Base64<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(text.as_bytes())
    }

    /// How many bytes it decodes to, give or take two.
    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64 / 4 * 3
    }

    /// The byte at a place of what it decodes to.
    pub(super) fn byte(&self, place: usize) -> Option<u8> {
        let group = place / 3 * 4;
        let digit = |digit: usize| self.0.get(group + digit).copied().and_then(six_bits);
        Some(match place % 3 {
            0 => digit(0)? << 2 | digit(1)? >> 4,
            1 => digit(1)? << 4 | digit(2)? >> 2,
            _ => digit(2)? << 6 | digit(3)?,
        })
    }

    /// Some bytes from a place on.
    pub(super) fn bytes<const N: usize>(&self, place: usize) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        for (offset, byte) in bytes.iter_mut().enumerate() {
            *byte = self.byte(place.checked_add(offset)?)?;
        }
        Some(bytes)
    }

    /// Whether these bytes stand at a place.
    pub(super) fn has(&self, place: usize, expected: &[u8]) -> bool {
        expected.iter().enumerate().all(|(offset, byte)| self.byte(place + offset) == Some(*byte))
    }
}

fn six_bits(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_where_they_stand() {
        let text = Base64::new("aGVsbG8gd29ybGQ=");
        let decoded: Vec<u8> = (0..).map_while(|place| text.byte(place)).collect();
        assert_eq!(decoded, b"hello world");
        assert_eq!(text.bytes::<5>(6), Some(*b"world"));
        assert_eq!(text.bytes::<5>(7), None);
        assert!(text.has(0, b"hello") && !text.has(1, b"hello"));
        assert_eq!(Base64::new("a\nGV").byte(0), None);
    }
}
