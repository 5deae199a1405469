//! The guard against false hits: a reason why two questions that look alike want different answers.
//!
//! It judges one pair, the question and the best candidate, in microseconds. It may say of two questions that mean the
//! same that they differ (then the model is asked, as it would be without a cache); it should hardly ever miss the
//! contrary. In this order must agree: numbers, negations, members of classes that exclude one another (days, units,
//! places, opposites, question words), names, the order of all these, and, where two questions are laid out in the same
//! words, whatever word one has and the other has not.

use super::frame::{is_turned, missing, shared_percent};
use super::lexicon::{Rule, rule};
use super::sense::{Role, Sense, senses};

/// From this share of common words on (in percent), two questions are one with something changed.
const FRAME_PERCENT_MIN: usize = 60;

/// Longer texts are not compared, in bytes: no encoder's window holds them, and the work grows with their square.
const BYTES_MAX: usize = 8 << 10;

/// Why one answer does not fit two questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Difference {
    /// Other numbers, versions, dates.
    Number,
    /// One denies what the other does not.
    Negation,
    /// Another day, unit, place, colour …, or the opposite.
    Class,
    /// Another name.
    Name,
    /// The same things the other way round.
    Order,
    /// Another subject in the same words.
    Word,
    /// They are too long to be compared.
    Length,
}

impl Difference {
    /// The word for it in metrics and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Negation => "negation",
            Self::Class => "class",
            Self::Name => "name",
            Self::Order => "order",
            Self::Word => "word",
            Self::Length => "length",
        }
    }
}

/// Why two questions want different answers; `None` where nothing is known against it.
pub fn difference(one: &str, other: &str) -> Option<Difference> {
    if one.split_whitespace().eq(other.split_whitespace()) {
        return None;
    }
    if one.len().max(other.len()) > BYTES_MAX {
        return Some(Difference::Length);
    }
    let pair = Pair { one: senses(one), other: senses(other) };
    if pair.numbers_differ() {
        return Some(Difference::Number);
    }
    if negations(&pair.one) != negations(&pair.other) {
        return Some(Difference::Negation);
    }
    if pair.classes_differ() {
        return Some(Difference::Class);
    }
    if lacks_name(&pair.one, &pair.other) || lacks_name(&pair.other, &pair.one) {
        return Some(Difference::Name);
    }
    pair.subjects_differ().or_else(|| pair.order_differs().then_some(Difference::Order))
}

struct Pair {
    one: Vec<Sense>,
    other: Vec<Sense>,
}

impl Pair {
    fn numbers_differ(&self) -> bool {
        let numbers = |senses: &'_ [Sense]| {
            let mut found: Vec<String> = senses.iter().filter_map(|sense| sense.number.clone()).collect();
            found.sort_unstable();
            found
        };
        numbers(&self.one) != numbers(&self.other)
    }

    fn classes_differ(&self) -> bool {
        let members = |senses: &'_ [Sense]| {
            let mut found: Vec<_> = senses.iter().flat_map(|sense| sense.members).copied().collect();
            found.sort_unstable();
            found.dedup();
            found
        };
        let (one, other) = (members(&self.one), members(&self.other));
        one.iter().chain(&other).any(|member| {
            let of_class = |all: &[super::lexicon::Member]| -> Vec<u16> {
                all.iter().filter(|found| found.class == member.class).map(|found| found.member).collect()
            };
            let (one, other) = (of_class(&one), of_class(&other));
            let both = !one.is_empty() && !other.is_empty();
            match rule(member.class) {
                Rule::Same => one != other,
                Rule::SameIfAny => both && one != other,
                Rule::Overlap => both && !one.iter().any(|member| other.contains(member)),
            }
        })
    }

    /// What one is about and the other is not.
    fn subjects_differ(&self) -> Option<Difference> {
        let (one, other) = (subjects(&self.one), subjects(&self.other));
        let roots = |senses: &[&Sense]| -> Vec<u64> { senses.iter().map(|sense| sense.root).collect() };
        let (ones, others) = (roots(&one), roots(&other));
        let lacks = |senses: &[&Sense], mine: &[u64], theirs: &[u64]| -> Vec<String> {
            let missing = missing(&mine.iter().collect::<Vec<_>>(), &theirs.iter().collect::<Vec<_>>());
            senses.iter().filter(|sense| missing.contains(&&sense.root)).map(|sense| sense.text.clone()).collect()
        };
        let (only_one, only_other) = (lacks(&one, &ones, &others), lacks(&other, &others, &ones));
        if only_one.iter().any(|word| only_other.iter().any(|with| is_denied(word, with) || is_denied(with, word))) {
            return Some(Difference::Negation);
        }
        let all = |senses: &[Sense]| -> Vec<u64> { senses.iter().map(|sense| sense.root).collect() };
        let is_framed = shared_percent(&all(&self.one), &all(&self.other)) >= FRAME_PERCENT_MIN;
        let most = only_one.len().max(only_other.len());
        let is_exchanged = only_one.len() == 1 && only_other.len() == 1 && one.len() > 1;
        (most > 0 && (is_framed || is_exchanged)).then_some(Difference::Word)
    }

    fn order_differs(&self) -> bool {
        let (one, other) = (subjects(&self.one), subjects(&self.other));
        let roots = |senses: &[&Sense]| -> Vec<u64> { senses.iter().map(|sense| sense.root).collect() };
        let (ones, others) = (roots(&one), roots(&other));
        let same_words = ones.len() == others.len()
            && missing(&ones.iter().collect::<Vec<_>>(), &others.iter().collect::<Vec<_>>()).is_empty();
        if one.iter().any(|sense| other.iter().any(|with| roles_clash(sense, with, same_words))) {
            return true;
        }
        if is_symmetric(&self.one) && is_symmetric(&self.other) {
            return false;
        }
        let firm = |senses: &[&Sense]| -> Vec<u64> {
            let is_firm = |sense: &&&Sense| sense.is_name || sense.number.is_some() || is_firm_class(sense);
            senses.iter().filter(is_firm).map(|sense| sense.root).collect()
        };
        let (firm_one, firm_other) = (firm(&one), firm(&other));
        let firm_differ = firm_one.len() == firm_other.len()
            && firm_one != firm_other
            && missing(&firm_one.iter().collect::<Vec<_>>(), &firm_other.iter().collect::<Vec<_>>()).is_empty();
        firm_differ || (same_words && !is_turned(&ones, &others))
    }
}

/// The words that a question is about.
fn subjects(senses: &[Sense]) -> Vec<&Sense> {
    senses.iter().filter(|sense| sense.is_content || sense.number.is_some()).collect()
}

/// Things that are told apart by where they stand: places, units, languages.
fn is_firm_class(sense: &Sense) -> bool {
    sense.members.iter().any(|member| rule(member.class) == Rule::Same)
}

/// The same thing in two parts of which a preposition says that they are not the same.
fn roles_clash(one: &Sense, other: &Sense, same_words: bool) -> bool {
    one.root == other.root
        && match (one.role, other.role) {
            (Some(one), Some(other)) => one != other,
            // Who does it, and to whom it is done.
            (Some(Role::By), None) | (None, Some(Role::By)) => same_words,
            (None, None | Some(_)) | (Some(_), None) => false,
        }
}

/// Whether the order of things does not matter in what is asked.
fn is_symmetric(senses: &[Sense]) -> bool {
    let words = [
        "difference",
        "differences",
        "differ",
        "compare",
        "comparison",
        "versus",
        "vs",
        "between",
        "similarities",
        "distance",
        "far",
    ];
    senses.iter().any(|sense| words.contains(&sense.text.as_str()))
}

/// A name in one that is not in the other, in whatever letters.
fn lacks_name(one: &[Sense], other: &[Sense]) -> bool {
    one.iter().any(|sense| sense.is_name && !other.iter().any(|with| with.root == sense.root))
}

/// How often something is denied.
fn negations(senses: &[Sense]) -> usize {
    let words = [
        "not", "no", "never", "without", "cannot", "none", "nobody", "nothing", "neither", "nor", "except", "nicht",
        "kein", "keine", "keinen", "nie", "niemals", "ohne", "ne", "jamais", "sans", "nunca", "sin", "senza", "mai",
        "não", "sem", "niet", "geen", "zonder", "不", "没", "沒", "未", "无", "無", "非", "别", "別",
    ];
    let ends = ["n't", "ない", "않는", "없는", "지않"];
    let denies = |text: &str| words.contains(&text) || ends.iter().any(|end| text.ends_with(end));
    let single = senses.iter().filter(|sense| denies(&sense.text)).count();
    // In Japanese the word is two sounds.
    single + senses.windows(2).filter(|pair| matches!(pair, [one, two] if one.text == "な" && two.text == "い")).count()
}

/// Whether a word is another one denied: `possible`, `impossible`.
fn is_denied(word: &str, with: &str) -> bool {
    let prefixes = ["un", "in", "im", "il", "ir", "dis", "non", "de", "anti", "mis"];
    prefixes.iter().any(|prefix| word.strip_prefix(prefix) == Some(with)) && with.len() > 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_reason_is_told() {
        for (one, other, expected) in [
            ("Give me 5 names", "Give me 6 names", Some(Difference::Number)),
            ("Is this mushroom edible?", "Is this mushroom inedible?", Some(Difference::Negation)),
            ("Which foods contain gluten?", "Which foods don't contain gluten?", Some(Difference::Negation)),
            ("Is the shop open on Monday?", "Is the shop open on Friday?", Some(Difference::Class)),
            ("Who founded Microsoft?", "Who founded Netflix?", Some(Difference::Name)),
            ("From Paris to London", "From London to Paris", Some(Difference::Order)),
            ("How do I cook rice?", "How do I cook pasta?", Some(Difference::Word)),
            ("How do I cook rice?", "how can I cook rice", None),
            ("", "", None),
            // The same word in two places, and blanks alone that differ.
            ("% By% ", "% By%", None),
        ] {
            assert_eq!(difference(one, other), expected, "{one} / {other}");
        }
        let long = "and how do people get to work in winter ".repeat(250);
        assert_eq!(difference(&long, &format!("{long}?")), Some(Difference::Length));
        assert_eq!(difference(&long, &long), None);
    }

    proptest! {
        /// It judges whatever is asked, and both ways alike.
        #[test]
        fn nothing_panics(one in ".{0,60}", other in ".{0,60}", words in "([a-zA-ZéÄ0-9$%'.,?-]{1,6} ){0,20}") {
            prop_assert_eq!(difference(&one, &other).is_some(), difference(&other, &one).is_some());
            prop_assert_eq!(difference(&words, words.trim()), None);
            prop_assert_eq!(difference(&words, &words.to_uppercase()).is_some(), difference(&words.to_uppercase(), &words).is_some());
        }

        /// A number more or another one is never overlooked.
        #[test]
        fn numbers_are_never_overlooked(words in "[a-z]{1,6}( [a-z]{1,6}){0,8}", one in 2..5000u32, other in 2..5000u32) {
            prop_assert_eq!(difference(&format!("{words} {one}"), &words), Some(Difference::Number));
            if one != other {
                prop_assert_eq!(difference(&format!("{words} {one}"), &format!("{words} {other}")), Some(Difference::Number));
            }
        }
    }
}
