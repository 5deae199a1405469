//! The entries of one partition, side by side.

use super::record::rounded;
use super::{CANDIDATES, Id, Near, Partition, sketch};
use pulp::{Arch, Simd, WithSimd};

/// Entries of a partition; entry n is the nth of every list.
#[derive(Debug)]
pub(super) struct Slab {
    partition: Partition,
    dimensions: usize,
    sketches: Vec<u64>,
    /// The vectors, rounded to 127 steps on either side.
    rounded: Vec<i8>,
    /// What a step of each vector is worth, so that the vector has length one.
    steps: Vec<f32>,
    ids: Vec<Id>,
    /// Unix seconds.
    expires: Vec<u32>,
    used: Vec<bool>,
}

impl Slab {
    pub(super) fn new(partition: Partition, dimensions: usize) -> Self {
        let (sketches, rounded, steps) = (Vec::new(), Vec::new(), Vec::new());
        Self { partition, dimensions, sketches, rounded, steps, ids: Vec::new(), expires: Vec::new(), used: Vec::new() }
    }

    /// What an entry takes here.
    pub(super) fn entry_bytes(dimensions: usize) -> usize {
        sketch::words(dimensions) * 8 + dimensions + size_of::<f32>() + size_of::<Id>() + size_of::<u32>() + 1
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub(super) fn ids(&self) -> &[Id] {
        &self.ids
    }

    pub(super) fn partition(&self) -> &Partition {
        &self.partition
    }

    /// Adds a vector of length one and says where.
    pub(super) fn push(&mut self, id: Id, vector: &[f32], expires: u32) -> u32 {
        self.grow();
        sketch::push(&mut self.sketches, vector);
        let rounded = rounded(vector);
        self.rounded.extend(rounded.clone());
        // The rounded vector is a little longer or shorter: its own length is the right measure.
        self.steps.push(rounded.map(|value| f32::from(value) * f32::from(value)).sum::<f32>().sqrt().recip());
        self.ids.push(id);
        self.expires.push(expires);
        self.used.push(false);
        u32::try_from(self.ids.len() - 1).unwrap_or(u32::MAX)
    }

    /// Makes room in steps of a quarter: most partitions have few entries, and of a large one a half must not lie idle.
    fn grow(&mut self) {
        if self.ids.len() == self.ids.capacity() {
            let more = self.ids.len() / 4 + 1;
            self.sketches.reserve_exact(more * sketch::words(self.dimensions));
            self.rounded.reserve_exact(more * self.dimensions);
            self.steps.reserve_exact(more);
            self.ids.reserve_exact(more);
            self.expires.reserve_exact(more);
            self.used.reserve_exact(more);
        }
    }

    pub(super) fn nearest(&self, vector: &[f32], now: u32) -> Option<Near> {
        let mut sketch = Vec::with_capacity(sketch::words(self.dimensions));
        sketch::push(&mut sketch, vector);
        let is_alive = |place: usize| self.expires.get(place).is_some_and(|expires| *expires > now);
        let candidates = sketch::nearest(&self.sketches, &sketch, CANDIDATES, is_alive);
        let arch = Arch::new();
        let near = |place: usize| {
            let rounded = self.rounded.get(place * self.dimensions..)?.get(..self.dimensions)?;
            let similarity = arch.dispatch(Product { rounded, vector }) * self.steps.get(place)?;
            Some(Near { id: *self.ids.get(place)?, similarity })
        };
        candidates.into_iter().filter_map(near).max_by(|one, other| one.similarity.total_cmp(&other.similarity))
    }

    pub(super) fn touch(&mut self, at: u32) {
        if let Some(used) = self.used.get_mut(at as usize) {
            *used = true;
        }
    }

    /// Whether an entry was touched since this was last asked.
    pub(super) fn was_used(&mut self, at: u32) -> bool {
        self.used.get_mut(at as usize).is_some_and(std::mem::take)
    }

    /// What is expired.
    pub(super) fn expired(&self, now: u32) -> impl Iterator<Item = Id> {
        self.ids.iter().zip(&self.expires).filter(move |(_, expires)| **expires <= now).map(|(id, _)| *id)
    }

    /// Moves the last entry to a place, which makes the lists shorter; says which entry is there now, if any.
    pub(super) fn remove(&mut self, at: u32) -> Option<Id> {
        let at = at as usize;
        swap_out(&mut self.sketches, at, sketch::words(self.dimensions));
        swap_out(&mut self.rounded, at, self.dimensions);
        swap_out(&mut self.steps, at, 1);
        swap_out(&mut self.ids, at, 1);
        swap_out(&mut self.expires, at, 1);
        swap_out(&mut self.used, at, 1);
        if self.ids.len() < self.ids.capacity() / 4 {
            self.sketches.shrink_to_fit();
            self.rounded.shrink_to_fit();
            self.steps.shrink_to_fit();
            self.ids.shrink_to_fit();
            self.expires.shrink_to_fit();
            self.used.shrink_to_fit();
        }
        self.ids.get(at).copied()
    }
}

fn swap_out<T: Copy>(list: &mut Vec<T>, place: usize, width: usize) {
    if let Some(last) = list.len().checked_sub(width) {
        list.copy_within(last.., place * width);
        list.truncate(last);
    }
}

/// The scalar product of a vector and a rounded one, in steps.
struct Product<'a> {
    rounded: &'a [i8],
    vector: &'a [f32],
}

impl WithSimd for Product<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f32 {
        // Eight sums side by side, which the compiler may keep in one register.
        let mut sums = [0.0_f32; 8];
        let ((rounded, rounded_rest), (vector, vector_rest)) =
            (self.rounded.as_chunks::<8>(), self.vector.as_chunks::<8>());
        for (rounded, values) in rounded.iter().zip(vector) {
            for ((sum, step), value) in sums.iter_mut().zip(rounded).zip(values) {
                *sum += f32::from(*step) * value;
            }
        }
        let rest: f32 = rounded_rest.iter().zip(vector_rest).map(|(step, value)| f32::from(*step) * value).sum();
        sums.iter().sum::<f32>() + rest
    }
}
