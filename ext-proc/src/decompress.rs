//! Answers that come compressed although we asked for identity: unpacked statefully, chunk after chunk.

use attache_core::fault::Fault;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use std::borrow::Cow;
use std::io::Write;

/// Most bytes that one chunk of a stream may unpack to.
const CHUNK_BYTES_MAX: usize = 32 << 20;
/// How much is unpacked between two looks at the limit.
const STEP_BYTES: usize = 4096;

/// Unpacks one answer.
#[derive(Debug)]
pub enum Decompress {
    /// Nothing to do.
    Identity,
    /// gzip.
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// deflate, which means zlib: <https://www.rfc-editor.org/rfc/rfc9110#field.content-encoding>.
    Deflate(Box<ZlibDecoder<Vec<u8>>>),
}

impl Decompress {
    /// For this `content-encoding`; `None` for one that we cannot unpack.
    pub fn of(encoding: &str) -> Option<Self> {
        match encoding.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))),
            "deflate" => Some(Self::Deflate(Box::new(ZlibDecoder::new(Vec::new())))),
            _ => None,
        }
    }

    /// Bytes pass as they are.
    pub fn is_identity(&self) -> bool {
        matches!(self, Self::Identity)
    }

    /// Unpacks the next chunk of a stream.
    ///
    /// # Errors
    /// A [`Fault`] for bytes that are not what the encoding says, or that unpack to too much.
    pub fn chunk<'b>(&mut self, bytes: &'b [u8]) -> Result<Cow<'b, [u8]>, Fault> {
        self.unpack(bytes, CHUNK_BYTES_MAX)
    }

    /// Unpacks a whole answer.
    ///
    /// # Errors
    /// A [`Fault`] for bytes that are not what the encoding says, or that unpack to more than `limit` bytes.
    pub fn whole<'b>(&mut self, bytes: &'b [u8], limit: usize) -> Result<Cow<'b, [u8]>, Fault> {
        self.unpack(bytes, limit)
    }

    fn unpack<'b>(&mut self, bytes: &'b [u8], limit: usize) -> Result<Cow<'b, [u8]>, Fault> {
        match self {
            Self::Identity => Ok(Cow::Borrowed(bytes)),
            Self::Gzip(decoder) => steps(&mut **decoder, bytes, limit, MultiGzDecoder::get_mut),
            Self::Deflate(decoder) => steps(&mut **decoder, bytes, limit, ZlibDecoder::get_mut),
        }
        .map_err(|problem| Fault::upstream(format!("the provider's compressed answer {problem}")))
    }
}

fn steps<W: Write>(
    decoder: &mut W,
    bytes: &[u8],
    limit: usize,
    out: impl Fn(&mut W) -> &mut Vec<u8>,
) -> Result<Cow<'static, [u8]>, String> {
    for step in bytes.chunks(STEP_BYTES) {
        decoder.write_all(step).map_err(|error| format!("cannot be unpacked: {error}"))?;
        if out(decoder).len() > limit {
            return Err(format!("unpacks to more than {limit} bytes"));
        }
    }
    decoder.flush().map_err(|error| format!("cannot be unpacked: {error}"))?;
    Ok(Cow::Owned(std::mem::take(out(decoder))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_unpacks_at_every_cut() {
        let text = b"data: {\"a\":1}\n\ndata: [DONE]\n\n".repeat(20);
        let bytes = packed(&text);
        for cut in 0..=bytes.len() {
            let mut decompress = Decompress::of("gzip").unwrap();
            let (first, second) = bytes.split_at(cut);
            let mut out = decompress.chunk(first).unwrap().into_owned();
            out.extend_from_slice(&decompress.chunk(second).unwrap());
            assert_eq!(out, text, "cut at {cut}");
        }
    }

    #[test]
    fn bombs_and_rubbish_are_refused() {
        let bomb = packed(&vec![0; 10 << 20]);
        let fault = Decompress::of("gzip").unwrap().whole(&bomb, 1 << 20).unwrap_err();
        assert!(fault.message.contains("more than 1048576 bytes"), "{}", fault.message);
        assert!(Decompress::of("gzip").unwrap().chunk(b"not gzip at all").is_err());
        assert!(Decompress::of("br").is_none());
    }
}
