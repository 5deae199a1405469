//! Virtual keys: how one looks, how it is made, and what is kept of it (its hash).

use rand::TryRngCore;
use rand::rngs::OsRng;
use ring::digest;
use secrecy::SecretString;
use std::fmt;
use subtle::ConstantTimeEq;

/// How every key that is made here begins: a scanner that finds one in a repository knows what it is.
pub const BEGINNING: &str = "att-";
/// Characters after it: 43 of 62 are 256 bits.
const RANDOM_CHARS: usize = 43;
/// How much of a key people may see: the beginning and 6 characters. 220 bits stay secret.
const SHOWN_CHARS: usize = BEGINNING.len() + 6;
/// The fewest characters of a key that somebody made up: whoever guesses is slowed down, but not stopped.
pub const CHARS_MIN: usize = 20;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key that was just made. Its text is shown once and kept nowhere.
pub struct Made {
    /// The key.
    pub text: SecretString,
    /// What is kept of it.
    pub hash: KeyHash,
    /// What people may see of it.
    pub shown: String,
}

impl Made {
    /// Makes a key.
    ///
    /// # Errors
    /// When the operating system has no randomness to give.
    pub fn new() -> Result<Self, rand::rand_core::OsError> {
        let mut text = BEGINNING.to_owned();
        text.push_str(&random(RANDOM_CHARS)?);
        let (hash, shown) = (KeyHash::of(&text), text.chars().take(SHOWN_CHARS).collect());
        Ok(Self { text: text.into(), hash, shown })
    }
}

/// This many random characters, each as likely as any other.
///
/// # Errors
/// When the operating system has no randomness to give.
pub fn random(chars: usize) -> Result<String, rand::rand_core::OsError> {
    let mut text = String::with_capacity(chars);
    while text.len() < chars {
        let mut bytes = [0; 64];
        OsRng.try_fill_bytes(&mut bytes)?;
        // Of 256 values 248 are four times the alphabet; the rest would make the first characters likelier.
        let fair = bytes.into_iter().filter(|byte| *byte < 248);
        let drawn = fair.filter_map(|byte| ALPHABET.get(usize::from(byte % 62)).copied().map(char::from));
        text.extend(drawn.take(chars - text.len()));
    }
    Ok(text)
}

/// The SHA-256 of a key. A plain hash is enough for what cannot be guessed. Compared in constant time; never shown.
#[derive(Clone, Copy, Eq)]
pub struct KeyHash([u8; digest::SHA256_OUTPUT_LEN]);

impl KeyHash {
    /// The hash of a text.
    pub fn of(text: &str) -> Self {
        Self::of_all([text])
    }

    /// The hash of several texts, none of which can be mistaken for the end or the beginning of another.
    pub fn of_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for (i, text) in texts.into_iter().enumerate() {
            if i > 0 {
                context.update(&[0]);
            }
            context.update(text.as_bytes());
        }
        let mut hash = [0; digest::SHA256_OUTPUT_LEN];
        hash.copy_from_slice(context.finish().as_ref());
        Self(hash)
    }

    /// The hash that these 64 hex digits write.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut hash = [0; digest::SHA256_OUTPUT_LEN];
        let mut digits = text.trim().chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
        for byte in &mut hash {
            *byte = digits.next()?? << 4 | digits.next()??;
        }
        digits.next().is_none().then_some(Self(hash))
    }

    /// In hex, for the store.
    pub fn to_hex(self) -> String {
        use fmt::Write;
        let mut text = String::with_capacity(64);
        for byte in self.0 {
            // Writing into a String cannot fail.
            let _written = write!(text, "{byte:02x}");
        }
        text
    }
}

impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

#[allow(clippy::derived_hash_with_manual_eq, reason = "equal is what has the same bytes, only found out more slowly")]
impl std::hash::Hash for KeyHash {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hash]")
    }
}

/// Whether two secrets are the same, in a time that tells nothing about either.
pub fn same_secret(one: &str, other: &str) -> bool {
    KeyHash::of(one) == KeyHash::of(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use std::collections::HashSet;

    #[test]
    fn keys_are_made_of_256_random_bits() {
        let keys: HashSet<_> = (0..1000).map(|_| Made::new().unwrap().text.expose_secret().to_owned()).collect();
        assert_eq!(keys.len(), 1000);
        let mut seen = HashSet::new();
        for key in &keys {
            let random = key.strip_prefix(BEGINNING).unwrap();
            assert_eq!(random.len(), RANDOM_CHARS, "{key}");
            seen.extend(random.bytes());
        }
        assert_eq!(seen, ALPHABET.iter().copied().collect(), "every character occurs, no other does");
    }

    #[test]
    fn what_is_kept_shows_nothing() {
        let made = Made::new().unwrap();
        assert_eq!(made.shown.len(), 10);
        assert!(made.text.expose_secret().starts_with(&made.shown));
        assert_eq!(format!("{:?} {:?}", made.hash, made.text), "[hash] SecretBox<str>([REDACTED])");
    }

    #[test]
    fn hashes_are_those_that_sha256sum_prints() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(KeyHash::of("abc").to_hex(), abc);
        assert!(KeyHash::from_hex(&abc.to_uppercase()) == Some(KeyHash::of("abc")));
        for wrong in [
            "",
            "abc",
            abc.strip_prefix('a').unwrap_or("a"),
            &format!("{abc}0"),
            &abc.replace('b', "g"),
            &"é".repeat(32),
        ] {
            assert!(KeyHash::from_hex(wrong).is_none(), "{wrong}");
        }
        assert!(same_secret("one", "one") && !same_secret("one", "other") && !same_secret("one", "one "));
    }
}
