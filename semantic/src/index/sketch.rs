//! Sketches: the signs of a vector, one bit each, and how many of them differ.

use pulp::{Arch, Simd, WithSimd};

/// How many sketches are compared before the nearest of them are looked at.
const BLOCK: usize = 512;

/// Words of a sketch.
pub(super) fn words(dimensions: usize) -> usize {
    dimensions.div_ceil(64)
}

/// Appends the sketch of a vector.
pub(super) fn push(sketches: &mut Vec<u64>, vector: &[f32]) {
    sketches.extend(vector.chunks(64).map(|chunk| {
        let bits = chunk.iter().enumerate();
        bits.fold(0, |word, (place, value)| word | u64::from(value.is_sign_negative()) << place)
    }));
}

/// The places of the `most` sketches that differ least from a sketch, among those that are alive; in no order.
pub(super) fn nearest(sketches: &[u64], sketch: &[u64], most: usize, is_alive: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut nearest = Nearest { found: Vec::with_capacity(2 * most), most, limit: u32::MAX };
    let mut distances = [0; BLOCK];
    let arch = Arch::new();
    for (block, sketches) in sketches.chunks(BLOCK * sketch.len().max(1)).enumerate() {
        let count = sketches.len() / sketch.len().max(1);
        let Some(distances) = distances.get_mut(..count) else { break };
        arch.dispatch(Distances { sketches, sketch, distances });
        for (place, distance) in distances.iter().enumerate() {
            if *distance < nearest.limit && is_alive(block * BLOCK + place) {
                nearest.push(*distance, block * BLOCK + place);
            }
        }
    }
    nearest.prune();
    nearest.found.into_iter().map(|(_, place)| place).collect()
}

struct Nearest {
    found: Vec<(u32, usize)>,
    most: usize,
    /// What differs in so many bits or more is not among the nearest.
    limit: u32,
}

impl Nearest {
    fn push(&mut self, distance: u32, place: usize) {
        self.found.push((distance, place));
        if self.found.len() >= 2 * self.most {
            self.prune();
        }
    }

    fn prune(&mut self) {
        if self.found.len() > self.most {
            let (_, (distance, _), _) = self.found.select_nth_unstable(self.most);
            self.limit = *distance;
            self.found.truncate(self.most);
        }
    }
}

/// In how many bits each of many sketches differs from one.
struct Distances<'a> {
    sketches: &'a [u64],
    sketch: &'a [u64],
    distances: &'a mut [u32],
}

impl WithSimd for Distances<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        // The sizes of common models as constants, so that the loops unroll: 384, 768 and 1024 dimensions.
        match self.sketch.len() {
            6 => self.of_words::<6>(),
            12 => self.of_words::<12>(),
            16 => self.of_words::<16>(),
            words => {
                for (distance, sketch) in self.distances.iter_mut().zip(self.sketches.chunks_exact(words.max(1))) {
                    *distance = differing(sketch, self.sketch);
                }
            }
        }
    }
}

impl Distances<'_> {
    #[inline(always)]
    fn of_words<const WORDS: usize>(self) {
        let (sketches, _) = self.sketches.as_chunks::<WORDS>();
        let Ok(one): Result<&[u64; WORDS], _> = self.sketch.try_into() else { return };
        for (distance, sketch) in self.distances.iter_mut().zip(sketches) {
            *distance = differing(sketch, one);
        }
    }
}

#[inline(always)]
fn differing(one: &[u64], other: &[u64]) -> u32 {
    one.iter().zip(other).map(|(one, other)| (one ^ other).count_ones()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_are_found_in_every_size() {
        for dimensions in [1, 63, 64, 65, 384, 768, 1000, 1024] {
            let mut sketches = Vec::new();
            let count = 3 * BLOCK + 17;
            for number in 0..count {
                let vector: Vec<f32> =
                    (0..dimensions).map(|place| if place < number % 7 { -1.0 } else { 1.0 }).collect();
                push(&mut sketches, &vector);
            }
            assert_eq!(sketches.len(), count * words(dimensions));
            let sketch = sketches[words(dimensions)..2 * words(dimensions)].to_vec();
            let found = nearest(&sketches, &sketch, 10, |place| place % 2 == 1);
            assert_eq!(found.len(), 10);
            let distance =
                |place: usize| differing(&sketches[place * words(dimensions)..][..words(dimensions)], &sketch);
            assert!(found.iter().all(|place| place % 2 == 1 && distance(*place) == 0), "{dimensions}");
        }
        assert!(nearest(&[], &[1], 10, |_| true).is_empty());
    }
}
