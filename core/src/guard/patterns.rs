//! Words and regular expressions that may not, or must, stand in a text.
//!
//! Each is looked for in the text as it stands and in its normal form. Expressions know ASCII classes only (`\w`, `\d`,
//! `\b`), so that a word next to Chinese characters has a boundary, and ignore the case of ASCII letters.

use super::config::Patterns as Written;
use super::finding::Hit;
use super::normal::{is_word, normal};
use super::piece::Piece;
use aho_corasick::AhoCorasick;
use regex_automata::meta::{BuildError, Regex};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};
use std::borrow::Cow;

/// How long one pattern may be, in bytes, and how many there may be of a kind.
const PATTERN_BYTES_MAX: usize = 4096;
const PATTERNS_MAX: usize = 4096;
/// How large the automaton of one pattern may become.
const AUTOMATON_BYTES_MAX: usize = 1 << 20;

/// Compiled patterns.
#[derive(Debug)]
pub(super) struct Patterns {
    deny: Vec<Regex>,
    deny_words: Words,
    allow: Vec<Regex>,
    allow_words: Words,
    except: Vec<Regex>,
}

impl Patterns {
    pub(super) fn new(written: &Written) -> Result<Self, String> {
        let lists = [&written.deny, &written.deny_words, &written.allow, &written.allow_words];
        if lists.iter().all(|list| list.is_empty()) {
            return Err("patterns: nothing to look for: give deny, deny_words, allow or allow_words".to_owned());
        }
        Ok(Self {
            deny: compile("deny", &written.deny)?,
            deny_words: Words::new("deny_words", &written.deny_words)?,
            allow: compile("allow", &written.allow)?,
            allow_words: Words::new("allow_words", &written.allow_words)?,
            except: compile("except", &written.except)?,
        })
    }

    /// What is denied in a text, and that nothing allows it. For a text that is known whole.
    pub(super) fn look(&self, piece: &Piece<'_>) -> Vec<Hit> {
        let mut hits = self.denied(piece);
        if !piece.raw.trim().is_empty() && !self.allows(piece) {
            hits.push(Hit::of("allow"));
        }
        hits
    }

    /// What is denied in a text, or in as much of it as is known.
    pub(super) fn denied(&self, piece: &Piece<'_>) -> Vec<Hit> {
        let mut hits = Vec::new();
        for haystack in [piece.raw, piece.normal()] {
            let haystack = self.without_exceptions(haystack);
            let found = |regex: &Regex| matches(regex, &haystack, piece);
            let rules =
                self.deny.iter().enumerate().filter(|(_, regex)| found(regex)).map(|(i, _)| format!("deny[{i}]"));
            hits.extend(rules.map(|rule| Hit::of(&rule)));
        }
        let haystack = self.without_exceptions(piece.normal());
        hits.extend(self.deny_words.found(&haystack, piece).map(|i| Hit::of(&format!("deny_words[{i}]"))));
        // Both forms of the text may have it.
        hits.sort_by(|a, b| a.rule.cmp(&b.rule));
        hits.dedup();
        hits
    }

    /// Whether only what is allowed is looked for.
    pub(super) fn only_allows(&self) -> bool {
        self.deny.is_empty() && self.deny_words.automaton.is_none()
    }

    /// Whether something allows the text.
    pub(super) fn allows(&self, piece: &Piece<'_>) -> bool {
        let asked = !self.allow.is_empty() || self.allow_words.automaton.is_some();
        let expressions =
            || self.allow.iter().any(|regex| matches(regex, piece.raw, piece) || matches(regex, piece.normal(), piece));
        !asked || expressions() || self.allow_words.found(piece.normal(), piece).next().is_some()
    }

    /// The text with a blank wherever an exception matches.
    fn without_exceptions<'h>(&self, haystack: &'h str) -> Cow<'h, str> {
        let mut haystack = Cow::Borrowed(haystack);
        for regex in &self.except {
            if !regex.is_match(&*haystack) {
                continue;
            }
            let (mut kept, mut from) = (String::with_capacity(haystack.len()), 0);
            for found in regex.find_iter(&*haystack) {
                // An expression of bytes can end within a character: then nothing is excepted.
                if let Some(before) =
                    haystack.get(from..found.start()).filter(|_| haystack.is_char_boundary(found.end()))
                {
                    kept.push_str(before);
                    kept.push(' ');
                    from = found.end();
                }
            }
            kept.push_str(haystack.get(from..).unwrap_or_default());
            haystack = Cow::Owned(kept);
        }
        haystack
    }
}

fn matches(regex: &Regex, haystack: &str, piece: &Piece<'_>) -> bool {
    let begins = piece.begins(haystack);
    let input = Input::new(haystack).range(begins..).anchored(Anchored::No).earliest(true);
    regex.search_half(&input).is_some_and(|end| piece.decided(haystack, begins, end.offset()))
}

fn compile(list: &str, patterns: &[String]) -> Result<Vec<Regex>, String> {
    bounded(list, patterns)?;
    patterns
        .iter()
        .enumerate()
        .map(|(i, pattern)| one(pattern).map_err(|why| format!("patterns.{list}[{i}]: {why}")))
        .collect()
}

fn bounded(list: &str, patterns: &[String]) -> Result<(), String> {
    if patterns.len() > PATTERNS_MAX {
        return Err(format!("patterns.{list}: {} entries, at most {PATTERNS_MAX}", patterns.len()));
    }
    match patterns.iter().position(|pattern| pattern.trim().is_empty() || pattern.len() > PATTERN_BYTES_MAX) {
        Some(i) => Err(format!("patterns.{list}[{i}]: empty, or longer than {PATTERN_BYTES_MAX} bytes")),
        None => Ok(()),
    }
}

fn one(pattern: &str) -> Result<Regex, String> {
    let regex = expression(pattern, true)?;
    if regex.is_match("") {
        return Err("it matches the empty text, and so every text".to_owned());
    }
    Ok(regex)
}

/// An expression of bytes whose automaton is bounded.
pub(super) fn expression(pattern: &str, case_insensitive: bool) -> Result<Regex, String> {
    let pattern = in_bytes(pattern)?;
    let syntax = syntax::Config::new().unicode(false).utf8(false).case_insensitive(case_insensitive).nest_limit(64);
    let limits = Regex::config()
        .nfa_size_limit(Some(AUTOMATON_BYTES_MAX))
        .hybrid_cache_capacity(AUTOMATON_BYTES_MAX)
        .utf8_empty(false);
    Regex::builder().configure(limits).syntax(syntax).build(&pattern).map_err(|error| explain(&error))
}

/// The same expression of bytes: letters beyond ASCII become groups of their bytes. So it means the same wherever it
/// runs, whether or not the tables of Unicode are at hand.
fn in_bytes(pattern: &str) -> Result<String, String> {
    let (mut out, mut class, mut escaped) = (String::with_capacity(pattern.len()), false, false);
    for (at, c) in pattern.char_indices() {
        match c {
            _ if c.is_ascii() => out.push(c),
            _ if class => return Err(format!("{c} cannot stand in a class: write (?:{c}|…)")),
            _ => {
                let mut bytes = [0; 4];
                let bytes = c.encode_utf8(&mut bytes).bytes();
                out.push_str(&format!("(?:{})", bytes.map(|byte| format!("\\x{byte:02X}")).collect::<String>()));
            }
        }
        let flags = pattern.get(at..).and_then(|rest| rest.strip_prefix("(?"));
        if !escaped && !class && flags.is_some_and(turns_unicode_on) {
            return Err("the flag u is not supported: classes are of ASCII".to_owned());
        }
        class = if escaped { class } else { (class || c == '[') && c != ']' };
        escaped = c == '\\' && !escaped;
    }
    Ok(out)
}

fn turns_unicode_on(flags: &str) -> bool {
    flags.chars().take_while(|c| c.is_ascii_alphabetic()).any(|c| c == 'u')
}

fn explain(error: &BuildError) -> String {
    if let Some(limit) = error.size_limit() {
        return format!(
            "its automaton needs more than {limit} bytes: make repetitions shorter, or write words as words"
        );
    }
    let detail = error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string);
    format!("not a regular expression that can be used: {detail}")
}

/// Words and phrases, whole.
#[derive(Debug)]
struct Words {
    automaton: Option<AhoCorasick>,
}

impl Words {
    fn new(list: &str, words: &[String]) -> Result<Self, String> {
        bounded(list, words)?;
        if words.is_empty() {
            return Ok(Self { automaton: None });
        }
        let normals: Vec<String> = words.iter().map(|word| normal(word.trim(), false)).collect();
        if let Some(i) = normals.iter().position(|word| word.trim().is_empty()) {
            return Err(format!("patterns.{list}[{i}]: nothing is left of it in its normal form"));
        }
        let automaton = AhoCorasick::new(normals).map_err(|error| format!("patterns.{list}: {error}"))?;
        Ok(Self { automaton: Some(automaton) })
    }

    /// The places in the list of those that stand in the text as whole words.
    fn found<'h>(&'h self, haystack: &'h str, piece: &'h Piece<'_>) -> impl Iterator<Item = usize> + 'h {
        let all = self.automaton.iter().flat_map(move |automaton| automaton.find_overlapping_iter(haystack));
        all.filter(move |found| {
            whole(haystack, found.start(), found.end()) && piece.decided(haystack, found.start(), found.end())
        })
        .map(|found| found.pattern().as_usize())
    }
}

/// Whether what stands there is no part of a longer word.
pub(super) fn whole(haystack: &str, start: usize, end: usize) -> bool {
    let joined = |left: Option<char>, right: Option<char>| left.is_some_and(is_word) && right.is_some_and(is_word);
    let (before, rest) = haystack.split_at_checked(start).unwrap_or_default();
    let (word, after) = rest.split_at_checked(end.saturating_sub(start)).unwrap_or_default();
    !joined(before.chars().next_back(), word.chars().next()) && !joined(word.chars().next_back(), after.chars().next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Scope;

    fn list(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    fn rules(written: &Written, text: &str) -> Vec<String> {
        let piece = Piece::new(text, false, Scope::User);
        let mut rules: Vec<_> =
            Patterns::new(written).expect("compiles").look(&piece).iter().map(|hit| hit.rule.to_string()).collect();
        rules.dedup();
        rules
    }

    #[test]
    fn denied_words_are_found_whole_and_however_they_are_written() {
        let written = Written { deny_words: list(&["bluebird", "Straße", "苹果"]), ..Written::default() };
        for text in [
            "the BlueBird flies",
            "ｂｌｕｅｂｉｒｄ",
            "blue\u{200b}bird",
            "项目bluebird的",
            "bluеbird",
            "blu3bird",
            "STRASSE",
            "吃苹果吗",
        ] {
            assert_eq!(rules(&written, text).len(), 1, "{text}");
        }
        for text in ["bluebirds", "blue bird", "strassen", ""] {
            assert_eq!(rules(&written, text), [""; 0], "{text}");
        }
    }

    #[test]
    fn expressions_ignore_case_and_know_exceptions() {
        let written =
            Written { deny: list(&[r"\bproject-\d+\b"]), except: list(&["project-1000"]), ..Written::default() };
        assert_eq!(rules(&written, "see PROJECT-77 now"), ["deny[0]"]);
        assert_eq!(rules(&written, "ｐｒｏｊｅｃｔ－７７"), ["deny[0]"]);
        assert_eq!(rules(&written, "见project-77吧"), ["deny[0]"]);
        assert_eq!(rules(&written, "see Project-1000 now"), [""; 0]);
        assert_eq!(rules(&written, "project-1000, project-1001"), ["deny[0]"]);
        assert_eq!(rules(&written, "myproject-77"), [""; 0]);
        let written = Written { deny: list(&[r"caf(é|è)s?\b", "苹果+"]), ..Written::default() };
        assert_eq!(rules(&written, "Les cafés"), ["deny[0]"]);
        assert_eq!(rules(&written, "吃苹果果"), ["deny[1]"]);
    }

    #[test]
    fn where_something_must_match_something_does() {
        let written = Written { allow: list(&[r"\border\b"]), allow_words: list(&["refund"]), ..Written::default() };
        assert_eq!(rules(&written, "where is my Order?"), [""; 0]);
        assert_eq!(rules(&written, "I want a REFUND"), [""; 0]);
        assert_eq!(rules(&written, "write me a poem"), ["allow"]);
        assert_eq!(rules(&written, "  \n"), [""; 0]);
    }

    #[test]
    fn what_may_still_change_is_not_decided() {
        let patterns =
            Patterns::new(&Written { deny_words: list(&["blue"]), deny: list(&["red"]), ..Written::default() });
        let patterns = patterns.expect("compiles");
        for (text, open, found) in
            [("is blue", true, false), ("is blue.", true, true), ("is blue", false, true), ("is red", true, false)]
        {
            assert_eq!(!patterns.denied(&Piece::new(text, open, Scope::Assistant)).is_empty(), found, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_compiled_is_explained() {
        let error = |deny: &str| {
            let compiled = Patterns::new(&Written { deny: list(&[deny]), ..Written::default() });
            compiled.err().unwrap_or_else(|| panic!("{deny} is refused"))
        };
        assert!(
            error("(").starts_with("patterns.deny[0]: not a regular expression that can be used"),
            "{}",
            error("(")
        );
        assert!(error("a*").contains("empty text"));
        assert!(error("").contains("empty"));
        assert!(
            error("((a{100}){100}){100}").contains("automaton needs more than"),
            "{}",
            error("((a{100}){100}){100}")
        );
        assert!(error("[éè]x").contains("class"), "{}", error("[éè]x"));
        assert!(error(r"(?iu:\b)x").contains("flag u"), "{}", error(r"(?iu:\b)x"));
        assert!(error(r"\p{Greek}").contains("not a regular"), "{}", error(r"\p{Greek}"));
        assert!(Patterns::new(&Written::default()).is_err());
    }
}
