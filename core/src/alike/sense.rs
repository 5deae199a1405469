//! What the words of a question are for, each by itself.

use super::lexicon::{Member, members, merged, synonym};
use super::number::number;
use super::stem::stem;
use super::stop::is_stop;
use super::words::{Kind, words};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A word with all that is compared of it.
#[derive(Debug)]
pub(super) struct Sense {
    /// In lower case.
    pub(super) text: String,
    /// The same for words that may stand for one another.
    pub(super) root: u64,
    /// It is about the subject.
    pub(super) is_content: bool,
    /// It is written like a name.
    pub(super) is_name: bool,
    /// A number, or something with digits in it.
    pub(super) number: Option<String>,
    pub(super) members: &'static [Member],
    /// What the preposition before it makes of it.
    pub(super) role: Option<Role>,
}

/// What a thing is in a sentence, where a preposition says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    From,
    To,
    By,
    With,
    Before,
    After,
}

impl Role {
    fn of(word: &str) -> Option<Self> {
        match word {
            "from" | "von" | "aus" | "de" | "desde" | "da" | "van" => Some(Self::From),
            "to" | "into" | "towards" | "nach" | "zu" | "vers" | "à" | "a" | "hacia" | "naar" => Some(Self::To),
            "by" => Some(Self::By),
            "with" => Some(Self::With),
            "before" => Some(Self::Before),
            "after" => Some(Self::After),
            _ => None,
        }
    }
}

/// Above this share of words with capitals (in percent) behind the first, capitals make no names.
const CAPITALS_MAX: usize = 60;

/// What a thing may wear between it and its preposition.
const ARTICLES: [&str; 16] =
    ["the", "a", "an", "my", "your", "our", "der", "die", "das", "dem", "den", "la", "le", "les", "el", "los"];
/// How a question begins that is no question: `Name the planets` asks what they are.
const DIRECTIVES: [&str; 7] = ["list", "name", "find", "define", "enumerate", "state", "nenne"];

/// Reads a text.
pub(super) fn senses(text: &str) -> Vec<Sense> {
    let words = words(text);
    let letters = || words.iter().filter(|word| word.kind == Kind::Letters && !word.begins);
    let capitals = letters().filter(|word| word.capital).count();
    let has_names = letters().count() <= 2 || capitals * 100 <= letters().count() * CAPITALS_MAX;
    let mut found: Vec<Sense> = Vec::with_capacity(words.len());
    let mut role = None;
    let mut before_is_number = false;
    let mut rest = words.as_slice();
    while let [word, after @ ..] = rest {
        rest = after;
        let next = after.first();
        if let Some(name) = next.and_then(|next| merged(&word.text, &next.text)) {
            rest = after.get(1..).unwrap_or_default();
            found.push(Sense::new(name.to_owned(), false, role.take()));
            continue;
        }
        let is_operator = word.kind == Kind::Sign && members(&word.text).is_empty();
        let between_numbers = before_is_number && next.and_then(number).is_some();
        before_is_number = number(word).is_some();
        if is_operator && !between_numbers {
            continue;
        }
        // `Is A a subset of B?`
        let is_letter = word.capital && word.text.len() == 1 && !word.begins && word.text != "i";
        let is_name = has_names && word.kind == Kind::Letters && (word.inner_capital || (word.capital && !word.begins));
        let mut sense = Sense::new(word.text.clone(), is_name, role);
        if sense.members.is_empty() {
            let number = if is_operator { Some(word.text.clone()) } else { number(word) };
            sense.root = number.as_ref().map_or(sense.root, root);
            sense.number = number;
        }
        if is_letter {
            (sense.is_content, sense.is_name) = (true, true);
        }
        if word.begins && DIRECTIVES.contains(&word.text.as_str()) {
            sense.is_content = false;
        }
        // `to the house`: the role waits for the thing.
        role = Role::of(&word.text).or(role.filter(|_| ARTICLES.contains(&word.text.as_str())));
        found.push(sense);
    }
    found
}

impl Sense {
    fn new(text: String, is_name: bool, role: Option<Role>) -> Self {
        let members = members(&text);
        let stem = stem(&text);
        let root = match (members.first(), synonym(&stem)) {
            // A member of a class is whatever its synonyms are.
            (Some(member), None) => root(&(member.class, member.member)),
            (_, Some(group)) => root(&group),
            (None, None) => root(&stem),
        };
        let is_content = !is_stop(&text);
        Self { root, is_content, is_name: is_name && is_content, number: None, members, role, text }
    }
}

fn root(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
