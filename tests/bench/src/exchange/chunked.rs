//! The chunked transfer coding, decoded as it arrives (RFC 9112 §7.1). Extensions and trailers are skipped.

use super::ExchangeError;

/// Where in the coding the next byte is.
#[derive(Debug, Default)]
pub(super) struct Chunked(Place);

#[derive(Debug)]
enum Place {
    Size { so_far: usize },
    SizeLineRest { size: usize },
    Data { left: usize },
    DataEnd,
    Trailer { line_is_empty: bool },
    End,
}

impl Default for Place {
    fn default() -> Self {
        Self::Size { so_far: 0 }
    }
}

impl Chunked {
    /// Takes what has arrived and hands the decoded bytes to `see`; true when the body is whole.
    pub(super) fn take(&mut self, mut read: &[u8], see: &mut impl FnMut(&[u8])) -> Result<bool, ExchangeError> {
        while let Some((&byte, rest)) = read.split_first() {
            if let Place::Data { left } = self.0 {
                let (data, after) = read.split_at_checked(left).unwrap_or((read, &[]));
                see(data);
                read = after;
                self.0 = if data.len() == left { Place::DataEnd } else { Place::Data { left: left - data.len() } };
                continue;
            }
            self.step(byte)?;
            read = rest;
        }
        Ok(matches!(self.0, Place::End))
    }

    fn step(&mut self, byte: u8) -> Result<(), ExchangeError> {
        let place = match (&self.0, byte) {
            (Place::Size { so_far }, b'\n') => after_size(*so_far),
            (Place::Size { so_far }, b'\r' | b';') => Place::SizeLineRest { size: *so_far },
            (Place::Size { so_far }, digit) => Place::Size { so_far: grow(*so_far, digit)? },
            (Place::SizeLineRest { size }, b'\n') => after_size(*size),
            (Place::SizeLineRest { size }, _) => Place::SizeLineRest { size: *size },
            (Place::DataEnd, b'\n') => Place::default(),
            (Place::DataEnd, _) => Place::DataEnd,
            (Place::Trailer { line_is_empty: true }, b'\n') => Place::End,
            (Place::Trailer { line_is_empty }, b'\r') => Place::Trailer { line_is_empty: *line_is_empty },
            (Place::Trailer { .. }, byte) => Place::Trailer { line_is_empty: byte == b'\n' },
            (Place::Data { .. } | Place::End, _) => {
                return Err(ExchangeError::Malformed("bytes after the last chunk"));
            }
        };
        self.0 = place;
        Ok(())
    }
}

fn after_size(size: usize) -> Place {
    if size == 0 { Place::Trailer { line_is_empty: true } } else { Place::Data { left: size } }
}

fn grow(so_far: usize, digit: u8) -> Result<usize, ExchangeError> {
    let digit = char::from(digit).to_digit(16).and_then(|digit| usize::try_from(digit).ok());
    digit
        .and_then(|digit| so_far.checked_mul(16)?.checked_add(digit))
        .ok_or(ExchangeError::Malformed("a chunk size that is not hexadecimal"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODED: &[u8] = b"5\r\nhello\r\n1;name=value\r\n \r\nA\r\nwide world\r\n0\r\nx-trailer: 1\r\n\r\n";

    #[test]
    fn the_text_is_the_same_for_every_cut() {
        for cut in 0..=CODED.len() {
            let (first, second) = CODED.split_at(cut);
            let mut chunked = Chunked::default();
            let mut text = Vec::new();
            let mut see = |bytes: &[u8]| text.extend_from_slice(bytes);
            chunked.take(first, &mut see).unwrap();
            let whole = chunked.take(second, &mut see).unwrap() || second.is_empty();
            assert!(whole, "cut at {cut}");
            assert_eq!(text, b"hello wide world", "cut at {cut}");
        }
    }

    #[test]
    fn a_size_that_is_no_number_is_refused() {
        assert!(Chunked::default().take(b"zz\r\n", &mut |_| ()).is_err());
    }
}
