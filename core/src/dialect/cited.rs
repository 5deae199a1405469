//! Where in a streamed answer a citation belongs.
//!
//! Some dialects hang citations on a whole part, before or after its text; others name the characters. Who writes for the
//! second kind keeps count with this.

use crate::chat::Citation;
use crate::text::Str;

/// Most citations that wait for the end of their part; further ones cannot be said.
const HELD_MAX: usize = 64;
/// Most bytes of what waits.
const HELD_BYTES_MAX: usize = 256 << 10;

/// The characters of one answer so far, and the citations of its part that is still being said.
#[derive(Debug, Default)]
pub(super) struct Cited {
    /// Characters of all text so far.
    chars: u64,
    /// How many of them came before the part that is being said.
    part: u64,
    held: Vec<Citation<'static>>,
    held_bytes: usize,
}

impl Cited {
    /// More text.
    pub(super) fn text(&mut self, text: &str) {
        self.chars = self.chars.saturating_add(text.chars().count() as u64);
    }

    /// Keeps a citation of the whole part until its end; `false` if there is no room.
    pub(super) fn hold(&mut self, citation: &Citation<'_>) -> bool {
        let Citation { span, url, title, quote, document } = citation;
        let bytes = [url, title, quote, document].into_iter().flatten().map(|text| text.len()).sum();
        let held_bytes = self.held_bytes.saturating_add(bytes);
        if self.held.len() == HELD_MAX || held_bytes > HELD_BYTES_MAX {
            return false;
        }
        let owned = |text: &Option<Str<'_>>| text.as_ref().map(|text| Str::from(text.as_str().to_owned()));
        let (url, title, quote, document) = (owned(url), owned(title), owned(quote), owned(document));
        self.held.push(Citation { span: *span, url, title, quote, document });
        self.held_bytes = held_bytes;
        true
    }

    /// The part has ended: tells its citations, now with their place.
    pub(super) fn part_end(&mut self) -> Vec<Citation<'static>> {
        let span = Some((self.part, self.chars));
        self.part = self.chars;
        self.held_bytes = 0;
        let mut told = std::mem::take(&mut self.held);
        told.iter_mut().for_each(|citation| citation.span = citation.span.or(span));
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_citation_of_a_part_gets_the_characters_of_the_part() {
        let mut cited = Cited::default();
        cited.text("héllo");
        assert_eq!(cited.part_end(), []);
        let of = |url: &'static str| Citation { url: Some(url.into()), ..Citation::default() };
        assert!(cited.hold(&of("https://a")));
        cited.text(" wörld");
        assert!(cited.hold(&of("https://b")));
        let span = Some((5, 11));
        let expected = [Citation { span, ..of("https://a") }, Citation { span, ..of("https://b") }];
        assert_eq!(cited.part_end(), expected);
        assert_eq!(cited.part_end(), []);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut cited = Cited::default();
        let long = Citation { quote: Some("x".repeat(HELD_BYTES_MAX + 1).into()), ..Citation::default() };
        assert!(!cited.hold(&long));
        let kept = (0..1000).filter(|_| cited.hold(&Citation::default())).count();
        assert_eq!(kept, HELD_MAX);
    }
}
