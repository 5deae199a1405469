//! Names of documents: the API takes only some characters and no name twice.

use std::collections::HashSet;

/// How long a name may be, in characters.
const NAME_CHARS_MAX: usize = 200;
/// How long a number behind a name is at most, in characters.
const NUMBER_CHARS_MAX: usize = 13;
/// What a document without a name is called.
const NAMELESS: &str = "document";

/// The names that one request gives its documents.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashSet<String>,
    /// The last number that a taken name got. It never falls, so that no number is tried twice.
    number: u32,
}

impl Names {
    /// A name that fits and is free, and whether it says what the client's did. The ending of a file (`.pdf`) is said by
    /// `format`.
    pub(super) fn of(&mut self, name: Option<&str>, format: &str) -> (String, bool) {
        let Some(name) = name.filter(|name| !name.is_empty()) else { return (self.free(NAMELESS.to_owned()), true) };
        let bare = name.strip_suffix(format).and_then(|name| name.strip_suffix('.')).unwrap_or(name);
        let fitting = fitting(bare);
        let same = fitting == bare;
        let free = self.free(fitting.clone());
        let same = same && free == fitting;
        (free, same)
    }

    fn free(&mut self, name: String) -> String {
        let mut free = name.clone();
        while !self.taken.insert(free.clone()) {
            self.number = self.number.saturating_add(1);
            let room: String = name.chars().take(NAME_CHARS_MAX - NUMBER_CHARS_MAX).collect();
            free = format!("{room} ({})", self.number);
        }
        free
    }
}

/// The name in letters, digits, single blanks, hyphens, parentheses and brackets.
fn fitting(name: &str) -> String {
    let mut fitting = String::with_capacity(name.len());
    for c in name.trim().chars().take(NAME_CHARS_MAX) {
        match c {
            c if c.is_ascii_alphanumeric() || matches!(c, '-' | '(' | ')' | '[' | ']') => fitting.push(c),
            c if c.is_whitespace() => {
                if !fitting.ends_with(' ') {
                    fitting.push(' ');
                }
            }
            _ => fitting.push('-'),
        }
    }
    if fitting.is_empty() { NAMELESS.to_owned() } else { fitting }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_are_free() {
        let mut names = Names::default();
        for (name, expected, same) in [
            (None, "document", true),
            (Some("report.pdf"), "report", true),
            (Some("report.pdf"), "report (1)", false),
            (Some("a_b.c  d.pdf"), "a-b-c d", false),
            (Some("Übersicht [1]"), "-bersicht [1]", false),
            (None, "document (2)", true),
            (Some("  "), "document (3)", false),
            (Some(""), "document (4)", true),
        ] {
            assert_eq!(names.of(name, "pdf"), (expected.to_owned(), same), "{name:?}");
        }
        let (long, same) = names.of(Some(&"x".repeat(300)), "pdf");
        assert_eq!((long.chars().count(), same), (NAME_CHARS_MAX, false));
    }
}
