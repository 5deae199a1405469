//! An entry as bytes, for an index elsewhere: 453 bytes with 384 dimensions.
//!
//! A version, the partition, the id, when it expires (unix seconds, big-endian), and the vector as the index keeps it, in
//! one byte for each dimension. What was read is put in with [`Index::insert`](super::Index::insert) and rounds to the
//! very same bytes.

use super::{Id, Partition};

/// The version that is written. Others are not read: an entry that nobody understands is a miss.
const VERSION: u8 = 1;

/// An entry on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Where it belongs.
    pub partition: Partition,
    /// Its name.
    pub id: Id,
    /// When it expires, in unix seconds.
    pub expires: u32,
    /// Its direction; the length does not matter.
    pub vector: Vec<f32>,
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Somebody else wrote it.
    #[error("the record is of another version")]
    Version,
    /// It ends too early.
    #[error("the record is cut off")]
    Cut,
}

impl Record {
    /// As bytes.
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + 32 + 32 + 4 + self.vector.len());
        out.push(VERSION);
        out.extend(self.partition);
        out.extend(self.id);
        out.extend(self.expires.to_be_bytes());
        out.extend(rounded(&self.vector).map(|value| value.to_be_bytes()[0]));
        out
    }

    /// From bytes.
    ///
    /// # Errors
    /// Why they are no record.
    pub fn read(bytes: &[u8]) -> Result<Self, Unread> {
        let (version, rest) = bytes.split_first().ok_or(Unread::Cut)?;
        if *version != VERSION {
            return Err(Unread::Version);
        }
        let (partition, rest) = rest.split_first_chunk().ok_or(Unread::Cut)?;
        let (id, rest) = rest.split_first_chunk().ok_or(Unread::Cut)?;
        let (expires, vector) = rest.split_first_chunk().ok_or(Unread::Cut)?;
        let vector: Vec<f32> = vector.iter().map(|byte| f32::from(i8::from_be_bytes([*byte]))).collect();
        if vector.is_empty() {
            return Err(Unread::Cut);
        }
        Ok(Self { partition: *partition, id: *id, expires: u32::from_be_bytes(*expires), vector })
    }
}

/// A vector in 127 steps on either side.
pub(super) fn rounded(vector: &[f32]) -> impl Iterator<Item = i8> + Clone {
    let step = vector.iter().fold(0.0_f32, |most, value| most.max(value.abs())) / 127.0;
    vector.iter().map(move |value| (value / step).round() as i8)
}

#[cfg(test)]
mod tests {
    use super::super::{Index, Near};
    use super::*;

    #[test]
    fn a_record_comes_back_as_the_index_keeps_it() {
        let vector: Vec<f32> = (0..384).map(|place| ((place * 37 % 101) as f32 - 50.3) * 0.01).collect();
        let record = Record { partition: [7; 32], id: [9; 32], expires: 1_900_000_000, vector: vector.clone() };
        let bytes = record.write();
        assert_eq!(bytes.len(), 453);
        let read = Record::read(&bytes).unwrap();
        assert_eq!((read.partition, read.id, read.expires), (record.partition, record.id, record.expires));
        assert_eq!(read.write(), bytes);
        let similarity = |inserted: &[f32]| {
            let mut index = Index::new(384, usize::MAX);
            index.insert([7; 32], [9; 32], inserted, u32::MAX).unwrap();
            let near: Near = index.nearest(&[7; 32], &vector, 0, 0.9).unwrap().unwrap();
            near.similarity
        };
        assert_eq!(similarity(&vector), similarity(&read.vector));
    }

    #[test]
    fn what_is_no_record_is_not_read() {
        let bytes = Record { partition: [7; 32], id: [9; 32], expires: 1, vector: vec![1.0, -1.0] }.write();
        for length in 0..bytes.len() - 2 {
            assert_eq!(Record::read(&bytes[..length]), Err(Unread::Cut), "{length}");
        }
        assert_eq!(Record::read(&bytes[..bytes.len() - 2]), Err(Unread::Cut));
        assert_eq!(Record::read(&[2, 0]), Err(Unread::Version));
    }
}
