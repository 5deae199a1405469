//! Shapes whose beginning says little but in which something rare stands soon (`name@host`, `scheme://…`): they are looked
//! for by that, not at every word.

use memchr::memmem::Finder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Most bytes before the rare thing.
const LEAD_MAX: usize = 128;
/// Letters that a shape may begin with, from which on it says little.
const BROAD: usize = 20;

/// The rare thing, and what stands before it.
pub(super) struct Pivot {
    finder: Finder<'static>,
    lead: Bytes,
    lead_max: usize,
}

impl Pivot {
    /// That of a shape, if it has one.
    pub(super) fn of(shape: &Hir) -> Option<Self> {
        let HirKind::Concat(parts) = shape.kind() else { return None };
        let (mut lead, mut lead_max) = (Bytes::default(), 0);
        for part in parts {
            if let HirKind::Literal(literal) = part.kind()
                && lead_max > 0
                && !literal.0.iter().any(|&byte| lead.has(byte))
            {
                return Some(Self { finder: Finder::new(&literal.0).into_owned(), lead, lead_max });
            }
            lead.add(part)?;
            if lead_max == 0 && lead.letters() < BROAD {
                return None;
            }
            lead_max += part.properties().maximum_len()?;
            if lead_max > LEAD_MAX {
                return None;
            }
        }
        None
    }

    /// Where a shape may begin that has the rare thing at each of the places in this part of a text: from and to.
    pub(super) fn starts<'a>(
        &'a self,
        text: &'a [u8],
        from: usize,
        to: usize,
    ) -> impl Iterator<Item = (usize, usize)> + 'a {
        let last = text.len().min(to + self.lead_max + self.finder.needle().len());
        let places = self.finder.find_iter(text.get(from..last).unwrap_or_default());
        places.map(move |place| (self.back(text, from, from + place, false), (from + place).min(to)))
    }

    /// The first place from which on all could belong to what stands before the rare thing, or to its own beginning.
    pub(super) fn tail(&self, text: &[u8], from: usize) -> usize {
        self.back(text, from, text.len(), true)
    }

    fn back(&self, text: &[u8], from: usize, to: usize, with_needle: bool) -> usize {
        let needle = self.finder.needle();
        let most = self.lead_max + if with_needle { needle.len() } else { 0 };
        let before = text.get(from..to).unwrap_or_default().iter().rev().take(most);
        to - before.take_while(|byte| self.lead.has(**byte) || with_needle && needle.contains(byte)).count()
    }
}

/// A set of bytes.
#[derive(Default)]
struct Bytes([u64; 4]);

impl Bytes {
    fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte >> 6)).is_some_and(|word| word >> (byte & 63) & 1 == 1)
    }

    fn insert(&mut self, bytes: impl Iterator<Item = u8>) {
        for byte in bytes {
            if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
                *word |= 1 << (byte & 63);
            }
        }
    }

    fn letters(&self) -> usize {
        (b'a'..=b'z').filter(|letter| self.has(*letter)).count()
    }

    /// Adds all bytes of all that a part can be, if they are ASCII.
    fn add(&mut self, part: &Hir) -> Option<()> {
        match part.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => self.insert(literal.0.iter().copied()),
            HirKind::Class(Class::Bytes(class)) => {
                class.iter().for_each(|range| self.insert(range.start()..=range.end()))
            }
            HirKind::Class(Class::Unicode(class)) => {
                for range in class.iter() {
                    let (start, end) = (u8::try_from(range.start()).ok()?, u8::try_from(range.end()).ok()?);
                    self.insert(start..=end);
                }
            }
            HirKind::Repetition(repetition) => self.add(&repetition.sub)?,
            HirKind::Capture(capture) => self.add(&capture.sub)?,
            HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().try_for_each(|part| self.add(part))?,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::detect::syntax;

    #[test]
    fn what_is_rare_is_looked_for() {
        let pivot = |shape| Pivot::of(&syntax::parse(shape).expect("a shape"));
        let mail = pivot(r"[a-z0-9.]{1,64}@[a-z.]{3,99}").expect("by its @");
        assert_eq!(mail.starts(b"write to me@x.y, or a.b@c", 0, 25).collect::<Vec<_>>(), [(9, 11), (20, 23)]);
        assert_eq!(mail.tail(b"write to me", 0), 9);
        let link = pivot("[a-z][a-z+]{0,9}://[^ ]+").expect("by its ://");
        assert_eq!(link.tail(b"see http:/", 0), 4);
        for shape in ["sk-[a-z]{9}", "[A-F0-9]{8}-x", "[a-z]+@", "[a-z@]{1,9}@", "[a-z]{200}@", "[a-z]{9}"] {
            assert!(pivot(shape).is_none(), "{shape}");
        }
    }
}
