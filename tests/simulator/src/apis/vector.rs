//! Vectors that depend on their input and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Number, Value};

/// So many numbers between -1 and 1 for a text: the same text has the same ones.
pub(super) fn of(text: &str, dimensions: usize) -> Vec<f32> {
    // FNV-1a, stirred on for each number.
    let mut state = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let thousandths = i16::try_from(state % 2001).unwrap_or(0) - 1000;
        f32::from(thousandths) / 1000.0
    };
    (0..dimensions).map(|_| next()).collect()
}

/// As a JSON list, every number as short as it can be.
pub(super) fn json(vector: &[f32]) -> Value {
    let number = |number: &f32| number.to_string().parse::<Number>().map_or(Value::Null, Value::Number);
    vector.iter().map(number).collect()
}

/// In base64, as 32-bit floats, little-endian.
pub(super) fn base64(vector: &[f32]) -> String {
    STANDARD.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())
}
