use sha3::{Digest, Keccak256};

/// Keccak-256 as Ethereum uses it: from before SHA-3 was settled, with other padding.
pub(in crate::redact::detect) fn keccak256(message: &[u8]) -> [u8; 32] {
    Keccak256::digest(message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_nothing() {
        let hash = keccak256(b"");
        assert_eq!(hash.first_chunk(), Some(&[0xc5, 0xd2, 0x46, 0x01, 0x86, 0xf7, 0x23, 0x3c]));
        assert_eq!(hash.last_chunk(), Some(&[0x7b, 0xfa, 0xd8, 0x04, 0x5d, 0x85, 0xa4, 0x70]));
    }
}
