//! Signatures of thinking blocks: made from the thinking text, so that a block that comes back changed is found out.
//!
//! Not cryptography: it proves that a gateway carried text and signature together and whole, nothing more.

use std::hash::Hasher as _;

/// What a signature of this simulator begins with ("SIMULATOR" in base64).
const MARK: &str = "U0lNVUxBVE9S";

pub(crate) fn sign(thinking: &str) -> String {
    format!("{MARK}{:016x}{:016x}", hash(thinking, 0), hash(thinking, 1))
}

pub(crate) fn is_valid(signature: &str, thinking: &str) -> bool {
    signature == sign(thinking)
}

/// FNV-1a: the same in every run and on every machine, which std's hasher does not promise.
fn hash(text: &str, seed: u8) -> u64 {
    struct Fnv(u64);
    impl std::hash::Hasher for Fnv {
        fn finish(&self) -> u64 {
            self.0
        }
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
    }
    let mut fnv = Fnv(0xcbf2_9ce4_8422_2325);
    fnv.write(&[seed]);
    fnv.write(text.as_bytes());
    fnv.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_thought_is_found_out() {
        let signature = sign("I think.");
        assert!(is_valid(&signature, "I think."));
        assert!(!is_valid(&signature, "I think"));
        assert!(!is_valid("", ""));
        assert_eq!(sign(""), "U0lNVUxBVE9Saf63bd4c8601b7dfaf63bc4c8601b62c", "the same in every build");
    }
}
