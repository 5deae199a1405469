use super::*;
use proptest::prelude::*;

const ROOM: usize = 1 << 30;

#[test]
fn the_nearest_is_found_in_its_partition_only() {
    let mut index = Index::new(3, ROOM);
    index.insert(partition(1), id(1), &[1.0, 0.0, 0.0], 10).unwrap();
    index.insert(partition(1), id(2), &[0.0, 3.0, 0.0], 10).unwrap();
    index.insert(partition(2), id(3), &[0.9, 0.1, 0.0], 10).unwrap();
    let found = |index: &Index, place: u64, vector: &[f32], least: f32| {
        index.nearest(&partition(place), vector, 5, least).unwrap().map(|near| near.id)
    };
    assert_eq!(found(&index, 1, &[2.0, 0.2, 0.0], 0.9), Some(id(1)));
    assert_eq!(found(&index, 1, &[0.1, 0.2, 0.0], 0.5), Some(id(2)));
    assert_eq!(found(&index, 1, &[0.1, 0.2, 0.0], 0.95), None);
    assert_eq!(found(&index, 2, &[0.0, 1.0, 0.0], -1.0), Some(id(3)));
    assert_eq!(found(&index, 3, &[1.0, 0.0, 0.0], -1.0), None);
    assert!(index.remove(&id(1)) && !index.remove(&id(1)));
    assert_eq!(found(&index, 1, &[2.0, 0.2, 0.0], -1.0), Some(id(2)));
    assert_eq!(index.remove_partition(&partition(1)), 1);
    assert_eq!(index.remove_partition(&partition(1)), 0);
    assert_eq!(index.size().entries, 1);
    index.clear();
    assert_eq!(index.size(), Size::default());
}

#[test]
fn what_is_expired_is_never_found() {
    let mut index = Index::new(2, ROOM);
    for number in 0..60 {
        index.insert(partition(0), id(number), &[1.0, number as f32 / 50.0], 100 + number as u32).unwrap();
    }
    for now in [0, 99, 100, 150, 158, 159, 1000] {
        let found = index.nearest(&partition(0), &[1.0, 0.0], now, -1.0).unwrap();
        let expected = u64::from(now.max(99) - 99);
        assert_eq!(found.map(|near| near.id), (expected < 60).then(|| id(expected)), "{now}");
    }
    assert_eq!(index.sweep(150), 51);
    assert_eq!(index.nearest(&partition(0), &[1.0, 0.0], 0, -1.0).unwrap().unwrap().id, id(51));
    assert_eq!(index.sweep(1000), 9);
    assert_eq!(index.size(), Size::default());
}

#[test]
fn what_is_no_vector_is_refused() {
    let mut index = Index::new(2, ROOM);
    for (vector, expected) in [
        (&[1.0][..], Unfit::Dimensions { found: 1, expected: 2 }),
        (&[], Unfit::Dimensions { found: 0, expected: 2 }),
        (&[0.0, 0.0], Unfit::NoDirection),
        (&[f32::NAN, 1.0], Unfit::NoDirection),
        (&[f32::INFINITY, 1.0], Unfit::NoDirection),
    ] {
        assert_eq!(index.insert(partition(0), id(0), vector, 1), Err(expected));
        assert_eq!(index.nearest(&partition(0), vector, 0, 0.0), Err(expected));
    }
    assert_eq!(index.size(), Size::default());
}

#[test]
fn the_oldest_goes_unless_it_was_of_use() {
    let bytes_of_ten = 10 * (Slab::entry_bytes(4) + PLACE_BYTES) + PARTITION_BYTES;
    let mut index = Index::new(4, bytes_of_ten);
    for number in 0..10 {
        index.insert(partition(0), id(number), &[1.0, 0.0, 0.0, number as f32], 9).unwrap();
    }
    index.touch(&id(0));
    index.touch(&id(99));
    for number in 10..15 {
        index.insert(partition(0), id(number), &[1.0, 0.0, 0.0, number as f32], 9).unwrap();
    }
    let there: Vec<u64> = (0..15).filter(|number| index.places.contains_key(&id(*number))).collect();
    assert_eq!(there, [0, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
    assert!(index.size().bytes <= bytes_of_ten);
    // The same entry again is one entry, however often.
    for _ in 0..1000 {
        index.insert(partition(0), id(14), &[1.0, 0.0, 0.0, 14.0], 9).unwrap();
    }
    assert_eq!(index.size().entries, 10);
    assert!(index.turns.len() < 100);
}

/// Against every cosine computed one by one: whatever is near enough to be served is found first.
#[test]
fn nothing_near_is_missed() {
    let dimensions = 384;
    let mut random = Random(7);
    let mut index = Index::new(dimensions, ROOM);
    // Questions come in bunches, as they do of users.
    let subjects: Vec<Vec<f32>> = (0..100).map(|_| random.vector(dimensions)).collect();
    let mut vectors = Vec::new();
    for number in 0..10_000 {
        let cosine = 0.5 + 0.45 * random.unit();
        let vector = random.near(&subjects[number % subjects.len()], cosine);
        index.insert(partition(0), id(number as u64), &vector, 9).unwrap();
        vectors.push(vector);
    }
    let (mut asked, mut found) = (0, 0);
    for number in 0..100 {
        let nearness = 0.90 + 0.09 * random.unit();
        let query = random.near(&vectors[number * 97], nearness);
        let cosines = vectors.iter().map(|vector| cosine(vector, &query));
        let (best, similarity) = cosines.enumerate().max_by(|one, other| one.1.total_cmp(&other.1)).unwrap();
        let near = index.nearest(&partition(0), &query, 0, 0.85).unwrap();
        if similarity > 0.852 {
            asked += 1;
            let near = near.expect("something is near");
            assert!((near.similarity - cosine(&vectors[number_of(near.id)], &query)).abs() < 0.002);
            found += usize::from(near.id == id(best as u64) || (near.similarity - similarity).abs() < 0.002);
        }
    }
    assert!(asked > 75, "{asked}");
    assert_eq!(found, asked);
}

proptest! {
    /// Whatever is done in whatever order, the index holds what a plain map would.
    #[test]
    fn it_holds_what_was_put_in(steps in prop::collection::vec((0..5u8, 0..4u64, 0..12u64, 1..8u32), 0..80)) {
        let mut index = Index::new(5, ROOM);
        let mut model: HashMap<u64, (u64, u32)> = HashMap::new();
        for (what, place, number, expires) in steps {
            match what {
                0..=1 => {
                    index.insert(partition(place), id(number), &direction(number), expires).unwrap();
                    model.insert(number, (place, expires));
                }
                2 => prop_assert_eq!(index.remove(&id(number)), model.remove(&number).is_some()),
                3 => {
                    let before = model.len();
                    model.retain(|_, (with, _)| *with != place);
                    prop_assert_eq!(index.remove_partition(&partition(place)), before - model.len());
                }
                _ => {
                    let before = model.len();
                    model.retain(|_, (_, until)| *until > expires);
                    prop_assert_eq!(index.sweep(expires), before - model.len());
                }
            }
            prop_assert_eq!(index.size().entries, model.len());
            for (number, (place, until)) in &model {
                let near = index.nearest(&partition(*place), &direction(*number), until - 1, 0.999).unwrap();
                prop_assert_eq!(near.map(|near| near.id), Some(id(*number)));
            }
        }
    }
}

/// Twelve directions of which no two are alike.
fn direction(number: u64) -> Vec<f32> {
    let angle = number as f32 * 0.5;
    vec![angle.cos(), angle.sin(), 0.1, (number % 3) as f32 - 1.0, 0.2]
}

fn partition(number: u64) -> Partition {
    let mut partition = [0; 32];
    partition[..8].copy_from_slice(&number.to_be_bytes());
    partition
}

fn id(number: u64) -> Id {
    partition(number)
}

fn number_of(id: Id) -> usize {
    usize::try_from(u64::from_be_bytes(*id.first_chunk().unwrap())).unwrap()
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    let dot = |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(one, other)| one * other).sum::<f32>();
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
}

/// Numbers that are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }

    /// A direction, each as likely as any other, about.
    fn vector(&mut self, dimensions: usize) -> Vec<f32> {
        (0..dimensions).map(|_| (0..4).map(|_| self.unit() - 0.5).sum()).collect()
    }

    /// A vector at about this cosine from another.
    fn near(&mut self, vector: &[f32], cosine: f32) -> Vec<f32> {
        let length = |vector: &[f32]| vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        let other = self.vector(vector.len());
        let (along, aside) = (cosine / length(vector), (1.0 - cosine * cosine).sqrt() / length(&other));
        vector.iter().zip(&other).map(|(value, other)| value * along + other * aside).collect()
    }
}
