//! A vocabulary: whole pieces are looked up, and only what is not in it is merged from smaller tokens.

use bpe::byte_pair_encoding::BytePairEncoding;

/// Where a vocabulary's merging tables come from.
pub(super) enum Merges {
    /// Embedded ready-made.
    Embedded(&'static BytePairEncoding),
    /// Made in this process.
    Made(Box<BytePairEncoding>),
}

/// The tokens of an encoding.
pub(super) struct Vocabulary {
    short: Table<u64>,
    long: Table<u128>,
    merges: Merges,
    /// Ids from here on are one more than the place in `merges`: an id among them is not an ordinary token.
    gap: u32,
}

impl Vocabulary {
    pub(super) fn new(merges: Merges, gap: u32) -> Self {
        let bpe = merges.get();
        let count = u32::try_from(bpe.num_tokens()).unwrap_or(u32::MAX);
        let of_length = |from: usize, to: usize| {
            let ids = (0..count).filter(move |id| (from..=to).contains(&bpe.token_len(*id)));
            ids.map(move |id| (bpe.token_bytes(id), id))
        };
        let short =
            Table::new(of_length(1, SHORT_MAX).filter_map(|(token, id)| Some((short_key(token, 0, token.len())?, id))));
        let long = Table::new(
            of_length(SHORT_MAX + 1, LONG_MAX).filter_map(|(token, id)| Some((long_key(token, 0, token.len())?, id))),
        );
        Self { short, long, merges, gap }
    }

    /// The tokens in a piece.
    #[inline(always)]
    pub(super) fn count(&self, text: &[u8], start: usize, end: usize) -> u64 {
        if self.whole(text, start, end).is_some() {
            return 1;
        }
        self.merges.get().count(text.get(start..end).unwrap_or_default()) as u64
    }

    /// Appends the tokens of a piece.
    pub(super) fn encode(&self, text: &[u8], start: usize, end: usize, tokens: &mut Vec<u32>) {
        let id = |place: u32| if place < self.gap { place } else { place + 1 };
        if let Some(token) = self.whole(text, start, end) {
            return tokens.push(id(token));
        }
        let piece = text.get(start..end).unwrap_or_default();
        tokens.extend(self.merges.get().encode_via_backtracking(piece).into_iter().map(id));
    }

    #[inline(always)]
    fn whole(&self, text: &[u8], start: usize, end: usize) -> Option<u32> {
        let len = end - start;
        if len <= SHORT_MAX {
            self.short.get(short_key(text, start, len)?)
        } else if len <= LONG_MAX {
            self.long.get(long_key(text, start, len)?)
        } else {
            None
        }
    }
}

impl Merges {
    #[inline(always)]
    fn get(&self) -> &BytePairEncoding {
        match self {
            Self::Embedded(bpe) => bpe,
            Self::Made(bpe) => bpe,
        }
    }
}

/// Bytes of a piece that fit into a `u64` beside its length.
const SHORT_MAX: usize = 7;
/// Bytes of a piece that fit into a `u128` beside its length.
const LONG_MAX: usize = 15;

/// The bytes of a piece and its length in one number, which is never 0.
#[inline(always)]
fn short_key(text: &[u8], start: usize, len: usize) -> Option<u64> {
    let rest = text.get(start..)?;
    let bytes = rest.first_chunk::<8>().copied().unwrap_or_else(|| padded(rest));
    let mask = (1_u64 << (8 * len)) - 1;
    Some(u64::from_le_bytes(bytes) & mask | (len as u64) << 56)
}

#[inline(always)]
fn long_key(text: &[u8], start: usize, len: usize) -> Option<u128> {
    let rest = text.get(start..)?;
    let bytes = rest.first_chunk::<16>().copied().unwrap_or_else(|| padded(rest));
    let mask = (1_u128 << (8 * len)) - 1;
    Some(u128::from_le_bytes(bytes) & mask | (len as u128) << 120)
}

fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut padded = [0; N];
    padded.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
    padded
}

/// A number that stands for a piece.
trait Key: Copy + PartialEq + Default {
    /// Well-mixed bits, the best ones on top.
    fn hash(self) -> u64;
}

impl Key for u64 {
    #[inline(always)]
    fn hash(self) -> u64 {
        let mixed = u128::from(self ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xd6e8_feb8_6659_fd93);
        (mixed >> 64) as u64 ^ mixed as u64
    }
}

impl Key for u128 {
    #[inline(always)]
    fn hash(self) -> u64 {
        (self as u64).hash().wrapping_add((self >> 64) as u64).hash()
    }
}

/// A hash table with open addressing, at most half full, made once.
struct Table<K> {
    keys: Vec<K>,
    ids: Vec<u32>,
    shift: u32,
}

impl<K: Key> Table<K> {
    fn new(entries: impl Iterator<Item = (K, u32)> + Clone) -> Self {
        let size = (entries.clone().count() * 2).next_power_of_two().max(2);
        let mut table = Self { keys: vec![K::default(); size], ids: vec![0; size], shift: 64 - size.trailing_zeros() };
        for (key, id) in entries {
            let place = table.places(key).find(|place| table.keys.get(*place) == Some(&K::default()));
            let place = place.expect("half of the table is free");
            if let (Some(slot), Some(of)) = (table.keys.get_mut(place), table.ids.get_mut(place)) {
                (*slot, *of) = (key, id);
            }
        }
        table
    }

    #[inline(always)]
    fn get(&self, key: K) -> Option<u32> {
        for place in self.places(key) {
            let found = self.keys.get(place)?;
            if *found == key {
                return self.ids.get(place).copied();
            }
            if *found == K::default() {
                return None;
            }
        }
        None
    }

    #[inline(always)]
    fn places(&self, key: K) -> impl Iterator<Item = usize> + use<K> {
        let (first, size) = ((key.hash() >> self.shift) as usize, self.keys.len());
        (0..size).map(move |step| (first + step) & (size - 1))
    }
}
