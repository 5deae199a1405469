//! Short names for long ones.

/// FNV-1a, 128 bits: <https://www.rfc-editor.org/rfc/rfc9923>. The same on every platform and in every release, so that
/// what is named after it keeps its name. Not a secret, and no defence against somebody who looks for collisions.
pub(crate) fn fingerprint(text: &str) -> u128 {
    extended(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, text.as_bytes())
}

/// The fingerprint of a text that goes on with these bytes.
pub(crate) fn extended(fingerprint: u128, bytes: &[u8]) -> u128 {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(fingerprint, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(fingerprint("a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        assert_eq!(extended(fingerprint("foo"), b"bar"), fingerprint("foobar"));
    }
}
