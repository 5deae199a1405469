use sha2::{Digest, Sha256};

const ALPHABET: &str = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// The first byte of what a text in Base58Check stands for, if that is so many bytes long (four bytes of checksum among
/// them) and the checksum holds.
pub(in crate::redact::detect) fn base58check(text: &str, length: usize) -> Option<u8> {
    let mut bytes = vec![0_u8; length];
    for character in text.chars() {
        let mut carry = u32::try_from(ALPHABET.find(character)?).ok()?;
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 58;
            let [low, ..] = carry.to_le_bytes();
            *byte = low;
            carry >>= 8;
        }
        if carry > 0 {
            return None;
        }
    }
    let (payload, checksum) = bytes.split_at_checked(length.checked_sub(4)?)?;
    let hash = Sha256::digest(Sha256::digest(payload));
    hash.starts_with(checksum).then(|| payload.first().copied())?
}
