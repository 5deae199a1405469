/// Keccak-256 as Ethereum uses it: from before SHA-3 was settled, with other padding. For messages of one block (less than
/// 136 bytes); `None` for longer ones.
pub(in crate::redact::detect) fn keccak256(message: &[u8]) -> Option<[u8; 32]> {
    let mut block = [0; RATE];
    block.get_mut(..message.len())?.copy_from_slice(message);
    *block.get_mut(message.len())? ^= 1;
    *block.last_mut()? ^= 0x80;
    let (lanes, _) = block.as_chunks();
    let mut state: State = std::array::from_fn(|at| lanes.get(at).map_or(0, |lane| u64::from_le_bytes(*lane)));
    for constant in ROUNDS {
        state = round(&state, constant);
    }
    let mut hash = [0; 32];
    for (eight, lane) in hash.chunks_exact_mut(8).zip(state) {
        eight.copy_from_slice(&lane.to_le_bytes());
    }
    Some(hash)
}

/// Five rows of five lanes: lane `x + 5 * y`.
type State = [u64; 25];

/// Bytes of a message that go into one block.
const RATE: usize = 136;

/// One round of Keccak-f: θ, ρ and π, χ, ι.
fn round(state: &State, constant: u64) -> State {
    let columns: [u64; 5] = std::array::from_fn(|x| (0..5).fold(0, |sum, y| sum ^ lane(state, x + 5 * y)));
    let mixed: State =
        std::array::from_fn(|at| lane(state, at) ^ lane(&columns, at + 4) ^ lane(&columns, at + 1).rotate_left(1));
    let moved: State = std::array::from_fn(|at| {
        let from = (at % 5 + at / 5 * 3) % 5 + at % 5 * 5;
        lane(&mixed, from).rotate_left(ROTATIONS.get(from).copied().unwrap_or_default())
    });
    let mut next: State = std::array::from_fn(|at| {
        let row = at / 5 * 5;
        lane(&moved, at) ^ (!lane(&moved, row + (at + 1) % 5) & lane(&moved, row + (at + 2) % 5))
    });
    next[0] ^= constant;
    next
}

/// The lane at a place, which starts again behind the last one.
fn lane<const COUNT: usize>(lanes: &[u64; COUNT], at: usize) -> u64 {
    lanes.get(at % COUNT).copied().unwrap_or_default()
}

const ROTATIONS: [u32; 25] =
    [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14];

const ROUNDS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_nothing() {
        let hash = keccak256(b"").expect("short");
        assert_eq!(hash.first_chunk(), Some(&[0xc5, 0xd2, 0x46, 0x01, 0x86, 0xf7, 0x23, 0x3c]));
        assert_eq!(hash.last_chunk(), Some(&[0x7b, 0xfa, 0xd8, 0x04, 0x5d, 0x85, 0xa4, 0x70]));
        assert_eq!(keccak256(&[0; RATE]), None);
    }
}
