//! Another value of the same shape that passes the same check, for good: the same one for the same value, tenant and key.
//!
//! Half of what is free in it is made from the value, the other half from the first and the secret: so the policy knows
//! its own and leaves them alone when they come back. A true value is taken for one of those with a chance of less than
//! one in a million; where a shape has too little room for that, there is none.
//!
//! Where a registry keeps a range for examples, the values come from there. Within an exchange no two values of a request
//! get the same one; in what the model says itself that is as good as sure, but for ranges as small as IPv4's.

mod reserved;

use super::detect::Detector;
use super::placeholder::Key;
use std::ops::Range;

/// How many candidates are tried for one that passes.
const CANDIDATES_MAX: u32 = 512;
/// How many values are made for one before one is found that stands for nothing else.
const ATTEMPTS_MAX: u8 = 16;
/// Most bytes of a value that gets another one.
const BYTES_MAX: usize = 64;
/// Digits and letters, at least, that tell one of ours from a true value, the check digits aside.
const SEALED: usize = 7;
/// Digits and letters that are made from the value, at most.
const SEED_MAX: usize = 6;
/// Characters at the beginning that stay: the network of a card, the country of a phone or an account.
const KEPT: usize = 2;
/// Bytes of a check: characters that may have to be what a checksum wants.
const CHECKED: usize = 2;

/// The rule of a detector whose values can be made up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Check {
    entity: &'static str,
    passes: fn(&str) -> Option<Range<usize>>,
}

impl Check {
    /// `None` where made-up values do not pass: a cryptographic checksum, a value that is only a part of its candidate.
    pub(super) fn of(row: &'static Detector) -> Option<Self> {
        let check = Self { entity: row.entity, passes: row.check };
        if reserved::has(row.entity) {
            return Some(check);
        }
        let key = Key::new(b"whether values can be made up");
        let examples = row.found.iter().filter_map(|text| Some(text.split_once('⟦')?.1.split_once('⟧')?.0));
        let mut made = examples.filter_map(|value| check.make(&key, "", value, |_| true));
        made.next().is_some().then_some(check)
    }

    /// Another value. The same one where it is one of these already; `None` where none was found. `free`: whether one
    /// stands for nothing else yet.
    pub(super) fn make(
        &self,
        key: &Key,
        tenant: &str,
        value: &str,
        mut free: impl FnMut(&str) -> bool,
    ) -> Option<String> {
        if value.len() > BYTES_MAX || !value.is_ascii() {
            return None;
        }
        if reserved::is_one(key, tenant, self.entity, value) || self.is_grown(key, tenant, value) {
            return Some(value.to_owned());
        }
        for attempt in 0..ATTEMPTS_MAX {
            let made = self.attempt(key, tenant, value, attempt)?;
            if made != value && free(&made) {
                return Some(made);
            }
        }
        None
    }

    fn attempt(&self, key: &Key, tenant: &str, value: &str, attempt: u8) -> Option<String> {
        let seed = key.code(&["seed", tenant, self.entity, value, &attempt.to_string()]);
        let mut letters = Letters::new(&seed);
        if let Some(made) = reserved::make(key, tenant, self.entity, value, &mut letters) {
            return Some(made);
        }
        let seeds = self.seeds(value)?;
        let seeded = letters.next(value, &(KEPT..KEPT + seeds));
        let seed: String = seeded.chars().filter(char::is_ascii_alphanumeric).skip(KEPT).take(seeds).collect();
        self.grown(key, tenant, value, &seed)
    }

    /// How many characters are made from a value of this shape; `None` for one without room, or that is not whole.
    fn seeds(&self, value: &str) -> Option<usize> {
        let free = value.bytes().filter(u8::is_ascii_alphanumeric).count().checked_sub(KEPT + CHECKED)?;
        let seeds = free.checked_sub(SEALED)?.min(SEED_MAX);
        self.whole(value).then_some(seeds)
    }

    fn is_grown(&self, key: &Key, tenant: &str, value: &str) -> bool {
        let Some(seeds) = self.seeds(value) else { return false };
        let own: String = value.chars().filter(char::is_ascii_alphanumeric).skip(KEPT).take(seeds).collect();
        self.grown(key, tenant, value, &own).is_some_and(|again| again == value)
    }

    /// The value of this shape that grows from a seed: the first candidate that passes.
    fn grown(&self, key: &Key, tenant: &str, value: &str, seed: &str) -> Option<String> {
        let seeds = KEPT..KEPT + seed.len();
        let kept: String = value.chars().filter(char::is_ascii_alphanumeric).take(KEPT).collect();
        let shape: String = value.chars().map(class).collect();
        let mut letters = Letters::new(&key.code(&["synthetic", tenant, self.entity, &shape, &kept, seed]));
        let mut seeded = seed.chars();
        let mut place = 0;
        let mut planted = String::with_capacity(value.len());
        for letter in value.chars() {
            let plants = letter.is_ascii_alphanumeric() && seeds.contains(&place);
            planted.push(if plants { seeded.next().unwrap_or(letter) } else { letter });
            place += usize::from(letter.is_ascii_alphanumeric());
        }
        let rest = seeds.end..usize::MAX;
        let mut candidates = (0..CANDIDATES_MAX).map(|_| letters.next(&planted, &rest));
        candidates.find(|candidate| self.whole(candidate))
    }

    fn whole(&self, candidate: &str) -> bool {
        (self.passes)(candidate) == Some(0..candidate.len())
    }
}

/// The class of a character: one of the same class stands in its place.
fn class(letter: char) -> char {
    match letter {
        '0'..='9' => '0',
        'a'..='z' => 'a',
        'A'..='Z' => 'A',
        other => other,
    }
}

/// Letters and digits without end, from a code (splitmix64: <https://prng.di.unimi.it/splitmix64.c>). What they make up is
/// no secret; that nobody can tell from what, is the code's work.
struct Letters(u64);

impl Letters {
    fn new(code: &[u8; 32]) -> Self {
        Self(code.iter().take(8).fold(0, |state, byte| state << 8 | u64::from(*byte)))
    }

    fn below(&mut self, count: u8) -> u8 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        u8::try_from((mixed ^ mixed >> 31) % u64::from(count.max(1))).unwrap_or_default()
    }

    /// The value with other letters and digits of the same classes at these places, counted without separators.
    fn next(&mut self, value: &str, places: &Range<usize>) -> String {
        let mut place = 0;
        let mut letter = |letter: char| {
            let (first, count) = match class(letter) {
                '0' => (b'0', 10),
                'a' => (b'a', 26),
                'A' => (b'A', 26),
                _ => return letter,
            };
            place += 1;
            if places.contains(&(place - 1)) { char::from(first + self.below(count)) } else { letter }
        };
        value.chars().map(&mut letter).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::detect::{Edge, Tier};
    use super::*;
    use std::collections::BTreeSet;

    const ROW: Detector = Detector {
        entity: "credit_card",
        label: "CARD",
        about: "",
        tier: Tier::Certain,
        group: "",
        shape: "",
        edge: Edge::Digit,
        bytes_max: 32,
        check: luhn,
        context: &[],
        source: "",
        found: &["⟦4111 1111 1111 1111⟧"],
        not_found: &[],
    };
    static CARD: Detector = ROW;
    static MAIL: Detector = Detector { entity: "email", check: whole, found: &["to ⟦ann@example.net⟧"], ..ROW };
    static KEYS: Detector = Detector { entity: "key", check: only_one, found: &["⟦abcdefghijklmnop⟧"], ..ROW };
    static PASSWORD: Detector =
        Detector { entity: "url", check: a_part, found: &["x://u:⟦abcdefghijklmnop⟧@h"], ..ROW };

    /// Its digits by Luhn's rule.
    fn luhn(text: &str) -> Option<Range<usize>> {
        let digits: Vec<_> = text.chars().filter_map(|digit| digit.to_digit(10)).collect();
        let doubled =
            |(place, digit): (usize, u32)| if place % 2 == 1 { digit * 2 / 10 + digit * 2 % 10 } else { digit };
        let sum: u32 = digits.into_iter().rev().enumerate().map(doubled).sum();
        sum.is_multiple_of(10).then_some(0..text.len())
    }

    fn whole(text: &str) -> Option<Range<usize>> {
        Some(0..text.len())
    }

    fn only_one(text: &str) -> Option<Range<usize>> {
        (text == "abcdefghijklmnop").then_some(0..16)
    }

    fn a_part(text: &str) -> Option<Range<usize>> {
        text.starts_with("x://").then_some(6..22)
    }

    fn made(row: &'static Detector, tenant: &str, value: &str) -> Option<String> {
        Check::of(row)?.make(&Key::new(b"a secret"), tenant, value, |_| true)
    }

    #[test]
    fn a_made_up_value_has_the_shape_and_passes_the_check() {
        let value = "4111 1111-1111 1111";
        let other = made(&CARD, "a", value).expect("a card");
        assert_ne!(other, value);
        assert_eq!(luhn(&other), Some(0..value.len()));
        assert!(other.starts_with("4242 42"), "{other}");
        assert_eq!(other.chars().map(class).collect::<String>(), value.chars().map(class).collect::<String>());
    }

    #[test]
    fn it_is_the_same_for_the_same_value_and_stays_when_it_comes_back() {
        let mut all = BTreeSet::new();
        for number in 0..200_u64 {
            let value = format!("4{:015}", number * 1_234_567);
            let Some(other) = made(&CARD, "a", &value) else { continue };
            assert_eq!(made(&CARD, "a", &value).as_ref(), Some(&other));
            assert_eq!(made(&CARD, "a", &other).as_ref(), Some(&other), "twice");
            assert_ne!(made(&CARD, "b", &value).as_ref(), Some(&other), "another tenant");
            all.insert(other);
        }
        // One in ten passes the check.
        assert!(all.len() >= 15, "{}", all.len());
    }

    #[test]
    fn what_registries_keep_for_examples_is_taken() {
        let key = Key::new(b"a secret");
        for (entity, value, beginning) in [
            ("ipv4", "81.2.69.142", ""),
            ("ipv4", "81.2.69.142-81.2.69.150", ""),
            ("ipv6", "2a02:8071:2ba5:1::7", "2001:db8:"),
            ("mac_address", "3C-22-FB-0A-1B-9E", "00-00-5E-00-53-"),
            ("phone", "+1 (415) 555-2671", "+1 ("),
            ("phone", "(415) 555-2671", "("),
            ("phone", "+44 20 7946 0958", "+44 77 0090 0"),
            ("phone", "+33 1 23 45 67 89", "+33 6 39 98 "),
            ("credit_card", "5555 5555 5555 4444", "5555 55"),
            ("credit_card", "3782-822463-10005", "3782-82"),
            ("email", "ann@corp.example.net", ""),
        ] {
            let check = Check { entity, passes: whole };
            let made = check.make(&key, "a", value, |_| true).unwrap_or_default();
            assert!(made != value && made.starts_with(beginning), "{made}");
            assert!(reserved::is_one(&key, "a", entity, &made), "{made}");
            assert_eq!(check.make(&key, "a", &made, |_| false).as_ref(), Some(&made), "twice");
            if !matches!(entity, "email" | "ipv6" | "ipv4") {
                let shape =
                    |value: &str| value.chars().map(|l| if l.is_alphanumeric() { '0' } else { l }).collect::<String>();
                assert_eq!(shape(&made), shape(value));
            }
        }
    }

    #[test]
    fn no_two_values_get_the_same_one() {
        let (key, mut taken) = (Key::new(b"a secret"), BTreeSet::new());
        let check = Check { entity: "ipv4", passes: whole };
        let mut made = 0;
        for number in 0..=255 {
            let one = check.make(&key, "a", &format!("81.2.69.{number}"), |one| taken.insert(one.to_owned()));
            made += usize::from(one.is_some());
        }
        assert_eq!((made, taken.len()), (256, 256));
    }

    #[test]
    fn an_address_is_somebody_at_a_house_kept_for_examples() {
        let other = made(&MAIL, "a", "ann.smith@corp.example.net").expect("an address");
        assert!(other.ends_with("@example.com") && !other.contains("ann"), "{other}");
        assert_eq!(made(&MAIL, "a", &other).as_ref(), Some(&other), "twice");
    }

    #[test]
    fn every_row_of_the_catalogue_whose_values_can_be_made_up_passes_its_own_check() {
        let key = Key::new(b"a secret");
        for row in crate::redact::detect::catalogue::all() {
            let Some(check) = Check::of(row) else { continue };
            let examples = row.found.iter().filter_map(|text| Some(text.split_once('⟦')?.1.split_once('⟧')?.0));
            for value in examples {
                let Some(other) = check.make(&key, "a", value, |_| true) else { continue };
                assert_eq!(check.make(&key, "a", &other, |_| true).as_ref(), Some(&other), "{}: twice", row.entity);
                if !reserved::has(row.entity) {
                    assert_ne!(other, value, "{}", row.entity);
                    assert_eq!((row.check)(&other), Some(0..other.len()), "{}: {other}", row.entity);
                }
            }
        }
    }

    #[test]
    fn what_nobody_can_make_up_is_known_beforehand() {
        assert!(Check::of(&KEYS).is_none() && Check::of(&PASSWORD).is_none());
        assert_eq!(made(&CARD, "a", "4242 42"), None, "too short to tell it from a true one");
        assert_eq!(made(&CARD, "a", &"0".repeat(BYTES_MAX + 1)), None);
    }
}
