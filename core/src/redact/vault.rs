//! What was masked in this exchange, by its placeholder. Never logged, never shared, gone with the exchange.

use super::placeholder;
use std::collections::BTreeMap;
use std::ops::{Bound, Range};

/// Most values that one exchange may mask.
const VALUES_MAX: usize = 65_536;
/// How many values of an exchange may fail to be made up before no other is tried.
const NOT_MADE_UP_MAX: usize = 64;
/// Most bytes of their originals.
const BYTES_MAX: usize = 8 << 20;

/// The originals of one exchange, by placeholder.
#[derive(Clone, Default)]
pub struct Vault {
    tenant: String,
    originals: BTreeMap<String, String>,
    /// For what made-up values stand: they are not restored.
    made_up: BTreeMap<String, String>,
    /// How many values nobody could make up.
    not_made_up: usize,
    bytes: usize,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(..)")
    }
}

/// More was found than one exchange may hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Vault {
    /// An empty one, of this tenant.
    pub(super) fn of(tenant: &str) -> Self {
        Self { tenant: tenant.to_owned(), ..Self::default() }
    }

    /// Whose it is.
    pub(super) fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Nothing was masked.
    pub fn is_empty(&self) -> bool {
        self.originals.is_empty()
    }

    /// Every placeholder in a text, in order, with what stood there. What is restored is not looked at again.
    pub fn find<'v>(&'v self, text: &str) -> Vec<(Range<usize>, &'v str)> {
        if self.is_empty() {
            return Vec::new();
        }
        let known = |piece: &str| self.original(piece);
        placeholder::pieces(text).filter_map(|range| Some((range.clone(), text.get(range).and_then(known)?))).collect()
    }

    /// How many bytes at the end of a text could still become a placeholder: the longest end of it that begins one.
    pub fn held(&self, text: &str) -> usize {
        // A placeholder has one `[`, its first byte: only the last one in the text can begin an unfinished one.
        let Some(start) = text.rfind('[') else { return 0 };
        let tail = text.get(start..).unwrap_or_default();
        let from = (Bound::Included(tail), Bound::Unbounded);
        let next = self.originals.range::<str, _>(from).find(|(placeholder, _)| placeholder.as_str() != tail);
        next.filter(|(placeholder, _)| placeholder.starts_with(tail)).map_or(0, |_| tail.len())
    }

    /// All placeholders, in order.
    #[cfg(test)]
    pub(super) fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.originals.keys().map(String::as_str)
    }

    /// Whether a made-up value stands for nothing else.
    pub(super) fn is_free(&self, made_up: &str, original: &str) -> bool {
        self.made_up.get(made_up).is_none_or(|known| known == original)
    }

    /// Whether it was made up in this exchange.
    pub(super) fn is_made_up(&self, value: &str) -> bool {
        self.made_up.contains_key(value)
    }

    /// Lets a made-up value stand for an original from now on; `false` where it stands for another.
    pub(super) fn make_up(&mut self, made_up: &str, original: &str) -> bool {
        let free = self.is_free(made_up, original) && self.made_up.len() < VALUES_MAX;
        if free && !self.made_up.contains_key(made_up) {
            self.made_up.insert(made_up.to_owned(), original.to_owned());
        }
        free
    }

    /// Whether it is worth trying: every value that cannot be made up costs hundreds of tries.
    pub(super) fn may_make_up(&self) -> bool {
        self.not_made_up < NOT_MADE_UP_MAX
    }

    /// Counts a value that nobody could make up.
    pub(super) fn count_not_made_up(&mut self) {
        self.not_made_up += 1;
    }

    /// What this placeholder stands for.
    pub(super) fn original(&self, placeholder: &str) -> Option<&str> {
        self.originals.get(placeholder).map(String::as_str)
    }

    /// Keeps an original, and gives its placeholder: the first of `candidates` that stands for nothing else yet.
    pub(super) fn put(&mut self, original: &str, candidates: impl Iterator<Item = String>) -> Result<String, Full> {
        for candidate in candidates {
            match self.original(&candidate) {
                Some(kept) if kept == original => return Ok(candidate),
                Some(_) => {}
                None => {
                    self.bytes = self.bytes.saturating_add(original.len());
                    if self.originals.len() >= VALUES_MAX || self.bytes > BYTES_MAX {
                        return Err(Full);
                    }
                    self.originals.insert(candidate.clone(), original.to_owned());
                    return Ok(candidate);
                }
            }
        }
        Err(Full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(entries: &[(&str, &str)]) -> Vault {
        let mut vault = Vault::default();
        for (placeholder, original) in entries {
            assert_eq!(vault.put(original, std::iter::once((*placeholder).to_owned())).as_deref(), Ok(*placeholder));
        }
        vault
    }

    #[test]
    fn placeholders_are_found_among_lookalikes() {
        let vault = vault(&[("[CARD-0123456789AB]", "1"), ("[CARD-0123456789AC]", "10")]);
        let text = "[CARD-[CARD-0123456789AC] [CARD-0123456789AD] ([CARD-0123456789AB][CARD-0123456789AC";
        assert_eq!(vault.find(text), [(6..25, "10"), (47..66, "1")]);
    }

    #[test]
    fn only_what_could_become_a_placeholder_is_held() {
        let vault = vault(&[("[CARD-0123456789AB]", "1"), ("[MAIL-0123456789AC]", "10")]);
        for (text, held) in [
            ("", 0),
            ("a [", 1),
            ("a [CAR", 4),
            ("[M", 2),
            ("[X", 0),
            ("[[CARD-0123456789AB", 18),
            ("[CARD-0123456789AB]", 0),
            ("[CARD-0123456789AB] ", 0),
            ("[CARD-0123456789AC", 0),
        ] {
            assert_eq!(vault.held(text), held, "{text:?}");
        }
        assert_eq!(Vault::default().held("a ["), 0);
    }

    #[test]
    fn a_collision_gets_the_next_candidate() {
        let candidates = || ["[A-1]", "[A-12]", "[A-123]"].map(str::to_owned).into_iter();
        let mut vault = Vault::default();
        for (original, placeholder) in
            [("x", "[A-1]"), ("y", "[A-12]"), ("x", "[A-1]"), ("y", "[A-12]"), ("z", "[A-123]")]
        {
            assert_eq!(vault.put(original, candidates()).as_deref(), Ok(placeholder));
        }
        assert_eq!(vault.put("w", candidates()), Err(Full));
    }

    #[test]
    fn a_vault_has_its_bounds_and_shows_nothing() {
        let mut vault = Vault::default();
        let long = "x".repeat(BYTES_MAX);
        assert!(vault.put(&long, std::iter::once("[A-1]".to_owned())).is_ok());
        assert_eq!(vault.put("y", std::iter::once("[A-2]".to_owned())), Err(Full));
        assert_eq!(format!("{vault:?}"), "Vault(..)");
    }
}
