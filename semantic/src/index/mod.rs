//! The vectors of questions that were answered, in memory.
//!
//! Every partition has a slab of its own: an entry is a sketch (one bit for each dimension, its sign), the vector in one
//! byte for each dimension, and when it expires. A search runs over all sketches of the partition, and compares the
//! vectors of the [`CANDIDATES`] whose sketches are nearest. That finds whatever is near: of a vector at a cosine of .9,
//! one sign in seven differs. The similarity that is told is off by .002 at most, since vectors are rounded.
//!
//! Bounded in bytes: when there are too many, the oldest goes, unless it was of use since it was last looked at (the clock
//! algorithm). What has expired is never found, and goes with [`Index::sweep`].
//!
//! It knows ids and partitions as opaque bytes, and no text.

mod record;
mod sketch;
mod slab;

pub use record::{Record, Unread};

use slab::Slab;
use std::collections::{HashMap, VecDeque};
use std::fmt;

/// Vectors that are compared exactly in a search.
pub const CANDIDATES: usize = 64;
/// What a partition takes besides its entries, about.
const PARTITION_BYTES: usize = 384;
/// What an entry takes outside its slab, about: its place by id, and its turn.
const PLACE_BYTES: usize = 112;

/// The name of a partition.
pub type Partition = [u8; 32];
/// The name of an entry: whatever leads to its answer.
pub type Id = [u8; 32];

/// Why a vector is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The model makes others.
    #[error("the vector has {found} dimensions where {expected} are expected")]
    Dimensions {
        /// Those of the vector.
        found: usize,
        /// Those of the index.
        expected: usize,
    },
    /// It has no direction.
    #[error("the vector is zero, or not finite")]
    NoDirection,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    /// Which entry.
    pub id: Id,
    /// The cosine of the angle between the two: 1 is the same direction.
    pub similarity: f32,
}

/// How full an index is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Entries, the expired ones that are still there included.
    pub entries: usize,
    /// Partitions.
    pub partitions: usize,
    /// Bytes, about.
    pub bytes: usize,
}

/// Vectors by partition.
pub struct Index {
    dimensions: usize,
    bytes_max: usize,
    /// The number of each partition that has entries.
    numbers: HashMap<Partition, u32>,
    slabs: HashMap<u32, Slab>,
    places: HashMap<Id, Place>,
    /// All entries in the order in which they may have to go; those whose turn is not the one in `places` are gone.
    turns: VecDeque<(Id, u32)>,
    /// The last partition's number, and the last entry's turn.
    last: (u32, u32),
}

/// Where an entry is.
#[derive(Clone, Copy)]
struct Place {
    /// The partition's number.
    slab: u32,
    /// The place there.
    at: u32,
    turn: u32,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("dimensions", &self.dimensions)
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

impl Index {
    /// An index of vectors of so many dimensions, in about so many bytes.
    pub fn new(dimensions: usize, bytes_max: usize) -> Self {
        let (numbers, slabs, places) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { dimensions, bytes_max, numbers, slabs, places, turns: VecDeque::new(), last: (0, 0) }
    }

    /// How many numbers its vectors have.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// What a vector of so many dimensions takes, in bytes, about.
    pub fn entry_bytes(dimensions: usize) -> usize {
        Slab::entry_bytes(dimensions) + PLACE_BYTES
    }

    /// Says how many bytes it may take, about, from the next vector on.
    pub fn keep_within(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
    }

    /// Adds a vector, of any length, that can be found until `expires` (unix seconds). An entry of the same id goes.
    ///
    /// # Errors
    /// For what is no vector of this index.
    pub fn insert(&mut self, partition: Partition, id: Id, vector: &[f32], expires: u32) -> Result<(), Unfit> {
        let vector = self.unit(vector)?;
        self.remove(&id);
        let (last_slab, last_turn) = &mut self.last;
        let number = *self.numbers.entry(partition).or_insert_with(|| {
            *last_slab = last_slab.wrapping_add(1);
            *last_slab
        });
        *last_turn = last_turn.wrapping_add(1);
        let slab = self.slabs.entry(number).or_insert_with(|| Slab::new(partition, self.dimensions));
        let place = Place { slab: number, at: slab.push(id, &vector, expires), turn: *last_turn };
        self.places.insert(id, place);
        self.turns.push_back((id, place.turn));
        self.make_room();
        self.forget_turns();
        Ok(())
    }

    /// The entry of a partition whose vector is nearest, if it is at least this near and not expired at `now` (unix
    /// seconds).
    ///
    /// # Errors
    /// For what is no vector of this index.
    pub fn nearest(
        &self,
        partition: &Partition,
        vector: &[f32],
        now: u32,
        similarity_min: f32,
    ) -> Result<Option<Near>, Unfit> {
        let vector = self.unit(vector)?;
        let slab = self.numbers.get(partition).and_then(|number| self.slabs.get(number));
        let found = slab.and_then(|slab| slab.nearest(&vector, now));
        Ok(found.filter(|near| near.similarity >= similarity_min))
    }

    /// Says that an entry was of use, so that it stays when others go.
    pub fn touch(&mut self, id: &Id) {
        if let Some(place) = self.places.get(id)
            && let Some(slab) = self.slabs.get_mut(&place.slab)
        {
            slab.touch(place.at);
        }
    }

    /// Takes an entry out; says whether it was there.
    pub fn remove(&mut self, id: &Id) -> bool {
        let Some(place) = self.places.remove(id) else { return false };
        let Some(slab) = self.slabs.get_mut(&place.slab) else { return false };
        // The last entry of the slab fills the gap.
        if let Some(moved) = slab.remove(place.at)
            && let Some(moved) = self.places.get_mut(&moved)
        {
            moved.at = place.at;
        }
        if slab.is_empty() {
            self.numbers.remove(slab.partition());
            self.slabs.remove(&place.slab);
        }
        true
    }

    /// Takes everything out of a partition; says how much.
    pub fn remove_partition(&mut self, partition: &Partition) -> usize {
        let slab = self.numbers.remove(partition).and_then(|number| self.slabs.remove(&number));
        let ids: Vec<Id> = slab.map(|slab| slab.ids().to_vec()).unwrap_or_default();
        for id in &ids {
            self.places.remove(id);
        }
        self.forget_turns();
        ids.len()
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        *self = Self::new(self.dimensions, self.bytes_max);
    }

    /// Takes out what is expired at `now` (unix seconds); says how much.
    pub fn sweep(&mut self, now: u32) -> usize {
        let expired: Vec<Id> = self.slabs.values().flat_map(|slab| slab.expired(now)).collect();
        for id in &expired {
            self.remove(id);
        }
        self.forget_turns();
        expired.len()
    }

    /// How full it is.
    pub fn size(&self) -> Size {
        let entries = self.places.len();
        let bytes = entries * Self::entry_bytes(self.dimensions) + self.slabs.len() * PARTITION_BYTES;
        Size { entries, partitions: self.slabs.len(), bytes }
    }

    fn make_room(&mut self) {
        while self.size().bytes > self.bytes_max && self.places.len() > 1 {
            let Some((id, turn)) = self.turns.pop_front() else { return };
            let Some(place) = self.places.get(&id).filter(|place| place.turn == turn) else { continue };
            let was_used = self.slabs.get_mut(&place.slab).is_some_and(|slab| slab.was_used(place.at));
            if was_used {
                self.turns.push_back((id, turn));
            } else {
                self.remove(&id);
            }
        }
    }

    /// Keeps the turns of what is gone from piling up.
    fn forget_turns(&mut self) {
        if self.turns.len() > 64 && self.turns.len() > 2 * self.places.len() {
            let places = &self.places;
            self.turns.retain(|(id, turn)| places.get(id).is_some_and(|place| place.turn == *turn));
        }
    }

    /// The same direction at length one.
    fn unit(&self, vector: &[f32]) -> Result<Vec<f32>, Unfit> {
        if vector.len() != self.dimensions {
            return Err(Unfit::Dimensions { found: vector.len(), expected: self.dimensions });
        }
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        if !length.is_normal() {
            return Err(Unfit::NoDirection);
        }
        Ok(vector.iter().map(|value| value / length).collect())
    }
}

#[cfg(test)]
mod tests;
