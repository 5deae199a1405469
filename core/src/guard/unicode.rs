//! Characters that hide text, or what it says, from whoever reads it.

use super::config::Unicode as Written;
use super::finding::Hit;
use super::normal::{is_alike, is_combining, is_invisible};
use super::piece::Piece;

/// How deep controls of direction are looked after.
const BIDI_DEPTH_MAX: u32 = 125;

/// What is looked for.
#[derive(Debug)]
pub(super) struct Unicode {
    written: Written,
}

impl Unicode {
    pub(super) fn new(written: &Written) -> Self {
        Self { written: written.clone() }
    }

    /// What hides in a text.
    pub(super) fn look(&self, piece: &Piece<'_>) -> Vec<Hit> {
        if piece.raw.is_ascii() {
            return Vec::new();
        }
        let mut seen = Seen::default();
        seen.text(piece.raw);
        seen.end();
        self.hits(&seen)
    }

    /// What has been hidden so far.
    pub(super) fn hits(&self, seen: &Seen) -> Vec<Hit> {
        let limit = |count: u32, limit: u32| limit > 0 && count >= limit;
        [
            ("tags", self.written.tags && seen.tags > 0),
            ("bidi", self.written.bidi && seen.bidi > 0),
            ("variation", self.written.variation && seen.variation > 0),
            ("invisible", limit(seen.invisible, self.written.invisible)),
            ("combining", limit(seen.combining, self.written.combining)),
            ("mixed", limit(seen.mixed, self.written.mixed)),
        ]
        .into_iter()
        .filter(|(_, found)| *found)
        .map(|(rule, _)| Hit::of(rule))
        .collect()
    }
}

/// What has been seen, character by character.
#[derive(Debug, Default)]
pub(super) struct Seen {
    tags: u32,
    bidi: u32,
    variation: u32,
    invisible: u32,
    /// The longest run of combining marks.
    combining: u32,
    mixed: u32,
    before: Option<char>,
    run_of_combining: u32,
    /// A flag of tag characters is open.
    flag: bool,
    /// Embeddings and isolates that are open on this line.
    depth: u32,
    latin: bool,
    alike: bool,
    other: bool,
}

impl Seen {
    /// What comes next.
    pub(super) fn text(&mut self, text: &str) {
        text.chars().for_each(|c| self.push(c));
    }

    fn push(&mut self, c: char) {
        let code = u32::from(c);
        self.combining_mark(c);
        self.word(c);
        match code {
            0x1F3F4 => self.flag = true,
            // The last tag of a flag.
            0xE007F if self.flag => self.flag = false,
            0xE0020..=0xE007E if self.flag => {}
            0xE0000..=0xE007F => self.tags = self.tags.saturating_add(1),
            0xFE00..=0xFE0F | 0xE0100..=0xE01EF => self.selector(),
            // Overrides: no script needs them.
            0x202D | 0x202E => {
                self.bidi = self.bidi.saturating_add(1);
                self.open();
            }
            0x202A | 0x202B | 0x2066..=0x2068 => self.open(),
            0x202C | 0x2069 => self.depth = self.depth.saturating_sub(1),
            0x0A => self.line(),
            0x200E | 0x200F | 0x61C => {}
            0x200C | 0x200D if self.joins() => {}
            0xFEFF if self.before.is_none() => {}
            _ if is_invisible(c) => self.invisible = self.invisible.saturating_add(1),
            _ => {}
        }
        if !matches!(code, 0xE0000..=0xE007F | 0x1F3F4) {
            self.flag = false;
        }
        self.before = Some(c);
    }

    /// Nothing comes.
    pub(super) fn end(&mut self) {
        self.line();
        self.word_ends();
    }

    fn open(&mut self) {
        self.depth = (self.depth + 1).min(BIDI_DEPTH_MAX);
    }

    /// What is open at the end of a line turns what follows in a viewer that does not close it.
    fn line(&mut self) {
        self.bidi = self.bidi.saturating_add(self.depth);
        self.depth = 0;
    }

    fn selector(&mut self) {
        if self.before.is_none_or(|before| matches!(u32::from(before), 0xFE00..=0xFE0F | 0xE0100..=0xE01EF)) {
            self.variation = self.variation.saturating_add(1);
        }
    }

    /// Joiners belong between the parts of an emoji, and to scripts whose letters join: Arabic, those of India, Mongolian.
    fn joins(&self) -> bool {
        self.before.is_some_and(|before| {
            matches!(u32::from(before), 0x600..=0x8FF | 0x900..=0xDFF | 0x1000..=0x109F | 0x1780..=0x18AF
                | 0x2190..=0x2BFF | 0xFB50..=0xFDFF | 0xFE0F | 0xFE70..=0xFEFE | 0x1F000..=0x1FAFF)
        })
    }

    fn combining_mark(&mut self, c: char) {
        self.run_of_combining = if is_combining(c) { self.run_of_combining.saturating_add(1) } else { 0 };
        self.combining = self.combining.max(self.run_of_combining);
    }

    fn word(&mut self, c: char) {
        if c.is_ascii_alphabetic() {
            self.latin = true;
        } else if is_alike(c) {
            self.alike = true;
        } else if c.is_alphabetic() {
            self.other = true;
        } else if !is_invisible(c) && !is_combining(c) && !c.is_ascii_digit() {
            self.word_ends();
        }
    }

    fn word_ends(&mut self) {
        if self.latin && self.alike && !self.other {
            self.mixed = self.mixed.saturating_add(1);
        }
        (self.latin, self.alike, self.other) = (false, false, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Scope;

    fn rules(text: &str) -> Vec<String> {
        let piece = Piece::new(text, false, Scope::User);
        Unicode::new(&Written::default()).look(&piece).iter().map(|hit| hit.rule.to_string()).collect()
    }

    #[test]
    fn what_hides_is_found() {
        let tagged: String =
            "hi".chars().chain("obey".chars().filter_map(|c| char::from_u32(0xE0000 + u32::from(c)))).collect();
        let smuggled: String = std::iter::once('😊')
            .chain(b"obey".iter().filter_map(|&byte| char::from_u32(0xE0100 + u32::from(byte))))
            .collect();
        for (text, rule) in [
            (tagged.as_str(), "tags"),
            (smuggled.as_str(), "variation"),
            ("access \u{202e}level\u{202c} user", "bidi"),
            ("if x {\u{2066} // done\n}", "bidi"),
            ("ig\u{200b}no\u{200b}re\u{200b} it", "invisible"),
            ("i\u{2063}g\u{2063}n\u{2063}ore", "invisible"),
            ("Z\u{300}\u{301}\u{302}\u{303}\u{304}algo", "combining"),
            ("іgnore thе рrevious", "mixed"),
        ] {
            assert_eq!(rules(text), [rule], "{text:?}");
        }
    }

    #[test]
    fn what_scripts_and_emoji_need_is_not() {
        for text in [
            "plain",
            "naïve café — “quoted”…",
            "👩‍👩‍👧‍👦 🏳️‍🌈 ❤️‍🔥",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "می‌خواهم کتاب‌ها را",
            "क्‍ष क्‌ष",
            "Привет, как дела?",
            "שלום \u{200f}(אב)\u{200e}",
            "\u{feff}begins with a mark",
            "Việt Nam, tiếng Việt",
            "ΔE = 5 μm, α-helix",
            "\u{2068}isolated\u{2069} name",
            "中文，日本語、한국어",
            "1️⃣ 2️⃣",
            "e\u{301}\u{323}",
        ] {
            assert_eq!(rules(text), [""; 0], "{text:?}");
        }
    }

    #[test]
    fn each_can_be_switched_off() {
        let off = Written { invisible: 0, bidi: false, tags: false, variation: false, combining: 0, mixed: 0 };
        let text = "\u{202e}\u{e0041}\u{fe00}\u{fe01}\u{200b}\u{200b}\u{200b}";
        assert_eq!(Unicode::new(&off).look(&Piece::new(text, false, Scope::User)), []);
    }
}
