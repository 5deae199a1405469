//! What the journal says, as bytes.

use super::super::purge::{Filter, Tags};
use attache_core::cache_key::Key;
use attache_semantic::index::{self, Id, Unread};

const ADD: u8 = 1;
const REMOVE: u8 = 2;
const PURGE: u8 = 3;

/// A line of the journal.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A vector, and the answer that it leads to.
    Add(Box<Added>),
    /// A vector that leads nowhere any more.
    Remove(Id),
    /// Something is to be forgotten.
    Purge(Filter),
}

/// A vector that can be found.
#[derive(Clone, Debug, PartialEq)]
pub struct Added {
    /// By what it may be purged.
    pub tags: Tags,
    /// The vector as the index takes it; its id is the key under which the answer lies.
    pub vector: index::Record,
}

impl Added {
    /// Under which key the answer lies.
    pub fn key(&self) -> Key {
        Key::from_bytes(self.vector.id)
    }
}

impl Record {
    /// As bytes: 470 of a vector with 384 dimensions.
    pub fn write(&self) -> Vec<u8> {
        match self {
            Self::Add(added) => {
                let mut out = vec![ADD];
                out.extend(added.tags.write());
                out.extend(added.vector.write());
                out
            }
            Self::Remove(id) => [&[REMOVE], id.as_slice()].concat(),
            Self::Purge(filter) => [&[PURGE], filter.write().as_bytes()].concat(),
        }
    }

    /// From bytes.
    ///
    /// # Errors
    /// Why they are no record. What is known to be a purge is always read as one.
    pub fn read(bytes: &[u8]) -> Result<Self, Unread> {
        match bytes.split_first().ok_or(Unread::Cut)? {
            (&ADD, rest) => {
                let (tags, rest) = rest.split_first_chunk().ok_or(Unread::Cut)?;
                let vector = index::Record::read(rest)?;
                Ok(Self::Add(Box::new(Added { tags: Tags::read(tags), vector })))
            }
            (&REMOVE, rest) => rest.try_into().map(Self::Remove).map_err(|_| Unread::Cut),
            (&PURGE, rest) => Ok(Self::Purge(Filter::read(rest))),
            _ => Err(Unread::Version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn added(dimensions: usize) -> Record {
        let vector = (0..dimensions).map(|i| (i as f32 * 0.37).sin()).collect();
        let vector = index::Record { partition: [7; 32], id: [9; size_of::<Id>()], expires: 1_900_000_000, vector };
        Record::Add(Box::new(Added { tags: Tags::of("faq", "gpt", "shared", 5), vector }))
    }

    #[test]
    fn what_is_written_is_read() {
        let purge = Filter::read(br#"{"rule":7,"key":"ab"}"#);
        for record in
            [added(384), Record::Remove([1; size_of::<Id>()]), Record::Purge(purge), Record::Purge(Filter::default())]
        {
            let bytes = record.write();
            assert_eq!(Record::read(&bytes).map(|read| read.write()), Ok(bytes));
        }
        assert_eq!(added(384).write().len(), 470);
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(mut bytes in any::<Vec<u8>>(), kind in 0_u8..5) {
            if let Some(first) = bytes.first_mut() {
                *first = kind;
            }
            let _whatever = Record::read(&bytes);
        }

        #[test]
        fn no_cut_breaks_it(cut in 0_usize..470) {
            let bytes = added(384).write();
            let _whatever = Record::read(&bytes[..cut]);
        }
    }
}
