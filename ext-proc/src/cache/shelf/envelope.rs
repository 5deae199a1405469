//! What lies in Redis under a key: the entry's bytes, packed, and before them what a purge must know.
//!
//! A version, the number of the last purge that the writer knew, the tags, how long the entry is unpacked, and the entry
//! as a raw deflate stream. Whatever is not read as that is a miss.

use super::super::purge::{Epoch, Tags};
use bytes::Bytes;
use flate2::Compression;
use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;
use std::io::{Read, Write};

/// The version that is written; no other is read.
const VERSION: u8 = 1;
/// What stands before the packed entry.
pub const HEAD_BYTES: usize = 1 + 8 + Tags::BYTES + 4;

/// What is said of an entry before it is unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last purge that the writer knew.
    pub epoch: Epoch,
    /// By what it may be purged.
    pub tags: Tags,
    /// How many bytes the entry has.
    bytes: u32,
}

impl Head {
    /// Reads what stands before an entry, and gives the rest.
    pub fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (version, rest) = bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        let (epoch, rest) = rest.split_first_chunk()?;
        let (tags, rest) = rest.split_first_chunk()?;
        let (bytes, rest) = rest.split_first_chunk()?;
        let head =
            Self { epoch: Epoch::from_be_bytes(*epoch), tags: Tags::read(tags), bytes: u32::from_be_bytes(*bytes) };
        Some((head, rest))
    }

    /// Unpacks what came after this. None: it is not what was said, or longer than `bytes_max`.
    pub fn unpack(&self, packed: &[u8], bytes_max: usize) -> Option<Bytes> {
        let length = usize::try_from(self.bytes).ok().filter(|length| *length <= bytes_max)?;
        // The room is not taken on the word of what was read.
        let mut entry = Vec::new();
        DeflateDecoder::new(packed).take(u64::from(self.bytes) + 1).read_to_end(&mut entry).ok()?;
        (entry.len() == length).then(|| entry.into())
    }
}

/// Packs an entry. None: it is longer than can be said.
pub fn pack(epoch: Epoch, tags: &Tags, entry: &[u8]) -> Option<Vec<u8>> {
    let bytes = u32::try_from(entry.len()).ok()?;
    let mut out = Vec::with_capacity(HEAD_BYTES + entry.len() / 2);
    out.push(VERSION);
    out.extend(epoch.to_be_bytes());
    out.extend(tags.write());
    out.extend(bytes.to_be_bytes());
    let mut encoder = DeflateEncoder::new(out, Compression::default());
    encoder.write_all(entry).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX: usize = 1 << 20;

    fn unpacked(bytes: &[u8]) -> Option<(Head, Bytes)> {
        let (head, rest) = Head::read(bytes)?;
        Some((head, head.unpack(rest, MAX)?))
    }

    #[test]
    fn text_is_packed() {
        let entry = b"{\"role\":\"assistant\",\"content\":\"The capital of France is Paris.\"}".repeat(20);
        let packed = pack(1, &Tags::of("a", "b", "c", 1), &entry).unwrap();
        assert!(packed.len() < entry.len() / 5, "{} of {}", packed.len(), entry.len());
    }

    #[test]
    fn what_unpacks_to_more_than_it_says_or_than_there_may_be_is_no_entry() {
        let bomb = vec![0; 2 * MAX];
        let packed = pack(0, &Tags::of("", "", "", 0), &bomb).unwrap();
        assert!(packed.len() < 4096 && unpacked(&packed).is_none());
        let mut liar = packed;
        liar[HEAD_BYTES - 4..HEAD_BYTES].copy_from_slice(&10_u32.to_be_bytes());
        assert!(unpacked(&liar).is_none());
    }

    proptest! {
        #[test]
        fn an_entry_comes_back(entry in any::<Vec<u8>>(), epoch in any::<u64>(), at in any::<u32>()) {
            let tags = Tags::of("rule", "model", "shared", at.into());
            let packed = pack(epoch, &tags, &entry).unwrap();
            let (head, read) = unpacked(&packed).unwrap();
            prop_assert_eq!((head.epoch, head.tags, &*read), (epoch, tags, &*entry));
            for cut in 0..packed.len() {
                prop_assert!(unpacked(&packed[..cut]).is_none_or(|(_, read)| read == entry), "cut at {}", cut);
            }
        }

        #[test]
        fn no_bytes_break_it(mut bytes in any::<Vec<u8>>(), versioned in any::<bool>()) {
            if let (true, Some(version)) = (versioned, bytes.first_mut()) {
                *version = VERSION;
            }
            let _whatever = unpacked(&bytes);
        }

        #[test]
        fn no_change_of_a_byte_breaks_it(entry in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), by in 1_u8..) {
            let mut packed = pack(7, &Tags::of("a", "b", "c", 1), &entry).unwrap();
            let at = at.index(packed.len());
            packed[at] ^= by;
            let _whatever = unpacked(&packed);
        }
    }
}
