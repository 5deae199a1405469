//! What stands for a value: `[LABEL-XXXXXXXXXXXX]`, made from the value and a secret, so that the same value always gets
//! the same one and nobody can guess it.
//!
//! The last characters seal those before: whoever has the secret knows its own placeholders from what merely looks like
//! one, without knowing for what they stand. Hashes (`[LABEL-sha:X…]`) are made alike and sealed apart.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;
use std::ops::Range;

/// Characters that tell values apart, at least: 40 bits. Where two values of an exchange collide, the later gets more.
const TAG_CHARS: usize = 8;
/// Characters that seal the tag: 20 bits.
const SEAL_CHARS: usize = 4;
/// Characters of a hash: 60 bits, since nothing else tells two values apart.
const HASH_CHARS: usize = 12;
/// By how many characters a placeholder grows at a collision, and how often it may.
const GROWTH: (usize, usize) = (4, 8);
/// Most characters of a label.
pub(super) const LABEL_CHARS_MAX: usize = 24;
/// Most characters behind the label.
const CODE_CHARS_MAX: usize = TAG_CHARS + SEAL_CHARS + GROWTH.0 * GROWTH.1;
/// What a hash begins with behind its label.
const HASHED: &str = "sha:";
/// Crockford's base32: no I, L, O, U. <https://www.crockford.com/base32.html>
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The secret of a policy.
#[derive(Clone)]
pub(super) struct Key(Hmac<Sha256>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// From a secret of any length.
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(Hmac::new_from_slice(secret).expect("HMAC takes keys of any length"))
    }

    /// A code of these fields; each is told with its length, so that no two lists of fields read alike.
    pub(super) fn code(&self, fields: &[&str]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for field in fields {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    /// The placeholders that may stand for a value: the second where the first stands for another one already, and so on.
    pub(super) fn placeholders<'k>(
        &'k self,
        tenant: &'k str,
        label: &'k str,
        entity: &str,
        value: &str,
    ) -> impl Iterator<Item = String> + use<'k> {
        let code = self.code(&["placeholder", tenant, entity, value]);
        (0..=GROWTH.1).map(move |growth| {
            let tag = base32(&code, TAG_CHARS + GROWTH.0 * growth);
            let seal = self.seal(tenant, label, "", &tag);
            format!("[{label}-{tag}{seal}]")
        })
    }

    /// The hash of a value: the same for the same value, with no way back.
    pub(super) fn hash(&self, tenant: &str, label: &str, entity: &str, value: &str) -> String {
        let tag = base32(&self.code(&["hash", tenant, entity, value]), HASH_CHARS);
        let seal = self.seal(tenant, label, HASHED, &tag);
        format!("[{label}-{HASHED}{tag}{seal}]")
    }

    fn seal(&self, tenant: &str, label: &str, kind: &str, tag: &str) -> String {
        base32(&self.code(&["seal", tenant, label, kind, tag]), SEAL_CHARS)
    }

    /// Whether this piece of a text is a placeholder or a hash that this key has made for this tenant.
    pub(super) fn made(&self, tenant: &str, piece: &str) -> bool {
        let Some((label, code)) = read(piece) else { return false };
        let (kind, code) = code.strip_prefix(HASHED).map_or(("", code), |code| (HASHED, code));
        let Some((tag, seal)) = code.split_at_checked(code.len().saturating_sub(SEAL_CHARS)) else { return false };
        self.seal(tenant, label, kind, tag) == seal
    }
}

/// The first characters of a code in base32, five bits each; at most 51.
pub(super) fn base32(code: &[u8; 32], chars: usize) -> String {
    let bit = |index: usize| code.get(index / 8).is_some_and(|byte| byte >> (7 - index % 8) & 1 == 1);
    let digit = |index: usize| (0..5).fold(0_usize, |digit, place| digit << 1 | usize::from(bit(index * 5 + place)));
    (0..chars.min(51)).filter_map(|index| ALPHABET.get(digit(index))).map(|byte| char::from(*byte)).collect()
}

/// Every piece of a text that looks like a placeholder, a hash, or a label that stands for something that was redacted.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    memchr::memchr_iter(b'[', text.as_bytes()).filter_map(|start| {
        let longest = 2 + LABEL_CHARS_MAX + 1 + HASHED.len() + CODE_CHARS_MAX;
        let rest = text.as_bytes().get(start..)?;
        let end = start + memchr::memchr(b']', rest.get(..longest).unwrap_or(rest))? + 1;
        read(text.get(start..end)?).map(|_| start..end)
    })
}

/// Whether this, the end of a growing text from a `[` on, could still become such a piece.
pub(super) fn begins(tail: &str) -> bool {
    let Some(inner) = tail.strip_prefix('[') else { return false };
    let Some((label, code)) = inner.split_once('-') else { return inner.is_empty() || is_label(inner) };
    let chars = code.strip_prefix(HASHED).unwrap_or(if HASHED.starts_with(code) { "" } else { code });
    is_label(label) && chars.len() <= CODE_CHARS_MAX && chars.bytes().all(|byte| ALPHABET.contains(&byte))
}

/// Label and code of what looks like a placeholder or a hash; the code is empty for a mere label (`[CARD]`).
pub(super) fn read(piece: &str) -> Option<(&str, &str)> {
    let inner = piece.strip_prefix('[')?.strip_suffix(']')?;
    let Some((label, code)) = inner.split_once('-') else { return is_label(inner).then_some((inner, "")) };
    let chars = code.strip_prefix(HASHED).unwrap_or(code);
    let long_enough = (TAG_CHARS + SEAL_CHARS..=CODE_CHARS_MAX).contains(&chars.len());
    (is_label(label) && long_enough && chars.bytes().all(|byte| ALPHABET.contains(&byte))).then_some((label, code))
}

/// Whether placeholders may begin with it.
pub(super) fn is_label(label: &str) -> bool {
    (1..=LABEL_CHARS_MAX).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// A label for an entity that has none: the letters of its name.
pub(super) fn label_of(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_uppercase());
    let label: String = letters.take(LABEL_CHARS_MAX).collect();
    if label.is_empty() { "VALUE".to_owned() } else { label }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new(b"a secret of enough bytes")
    }

    #[test]
    fn a_placeholder_is_the_same_for_the_same_value_tenant_and_key_only() {
        let one = |key: &Key, tenant: &str, entity: &str, value: &str| {
            key.placeholders(tenant, "CARD", entity, value).next().unwrap_or_default()
        };
        let first = one(&key(), "a", "card", "1");
        assert_eq!(first, one(&key(), "a", "card", "1"));
        assert_eq!(first.len(), "[CARD-".len() + TAG_CHARS + SEAL_CHARS + 1);
        let others = [
            one(&key(), "b", "card", "1"),
            one(&key(), "a", "card", "10"),
            one(&key(), "a", "car", "d1"),
            one(&key(), "ac", "ard", "1"),
            one(&Key::new(b"another secret"), "a", "card", "1"),
        ];
        assert!(others.iter().all(|other| *other != first), "{first} {others:?}");
    }

    #[test]
    fn only_what_the_key_made_is_known_as_made() {
        let key = key();
        let made: Vec<_> =
            key.placeholders("a", "CARD", "card", "1").chain([key.hash("a", "CARD", "card", "1")]).collect();
        assert_eq!(made.len(), 10);
        for piece in &made {
            assert!(key.made("a", piece), "{piece}");
            assert!(!key.made("b", piece) && !Key::new(b"another").made("a", piece), "{piece}");
            assert!(!key.made("a", &piece.replace("CARD", "MAIL")), "{piece}");
        }
        for piece in [
            "",
            "[]",
            "[CARD]",
            "[CARD-]",
            "[CARD-4111111111111111]",
            "[CARD-sha:4111111111111111]",
            "[CARD-0123456789AB]",
        ] {
            assert!(!key.made("a", piece), "{piece}");
        }
    }

    #[test]
    fn candidates_grow_from_one_another() {
        let lengths: Vec<_> = key().placeholders("a", "A", "card", "1").map(|candidate| candidate.len()).collect();
        assert_eq!(lengths, [16, 20, 24, 28, 32, 36, 40, 44, 48]);
    }

    #[test]
    fn pieces_are_what_looks_like_placeholders() {
        let text = "[[CARD] [card] [CARD-0123456789AB] [CARD-0123456789AI] [CARD-sha:0123456789ABCDEF][ CARD]卡[X]";
        let pieces: Vec<_> = pieces(text).filter_map(|range| text.get(range)).collect();
        assert_eq!(pieces, ["[CARD]", "[CARD-0123456789AB]", "[CARD-sha:0123456789ABCDEF]", "[X]"]);
    }

    #[test]
    fn every_beginning_of_a_piece_could_become_one() {
        for piece in ["[CARD]", "[CARD-0123456789AB]", "[CARD-sha:0123456789ABCDEF]"] {
            for end in 1..piece.len() {
                assert!(piece.get(..end).is_some_and(begins), "{piece} {end}");
            }
            assert!(!begins(piece), "{piece}");
        }
        for tail in ["", "[a", "[CARD ", "[-", "[CARD-I", "[CARD-shb", "[CARD-sha:a"] {
            assert!(!begins(tail), "{tail:?}");
        }
    }

    #[test]
    fn labels_come_from_names() {
        for (name, label) in [("PERSON", "PERSON"), ("us_itin2", "USITIN"), ("名", "VALUE")] {
            assert_eq!(label_of(name), label);
        }
    }
}
