//! How a regular expression is read: over characters, with classes that are ASCII wherever they are built in.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::Hir;

/// Deepest nesting of groups.
const DEPTH_MAX: u32 = 64;

/// Reads an expression. `\d`, `\w`, `\s` and `\b` are ASCII; a `.` and what a class excludes are characters.
///
/// # Errors
/// What is wrong with it, in many lines with a mark at the place.
pub(super) fn parse(pattern: &str) -> Result<Hir, String> {
    let parser = |unicode| ParserBuilder::new().nest_limit(DEPTH_MAX).unicode(unicode).utf8(true).build();
    // What holds ASCII only is read as bytes: that knows letters without case, which would need large tables otherwise.
    match parser(false).parse(pattern) {
        Ok(shape) => Ok(shape),
        Err(_) => parser(true).parse(&with_ascii_classes(pattern)).map_err(|error| error.to_string()),
    }
}

/// The expression with its built-in classes written out, in brackets or outside.
fn with_ascii_classes(pattern: &str) -> String {
    let mut written = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let Some(escaped) = (character == '\\').then(|| characters.next()).flatten() else {
            written.push(character);
            continue;
        };
        match escaped {
            'd' => written.push_str("[0-9]"),
            'D' => written.push_str("[^0-9]"),
            's' => written.push_str(r"[\t-\r ]"),
            'S' => written.push_str(r"[^\t-\r ]"),
            'w' => written.push_str("[0-9A-Za-z_]"),
            'W' => written.push_str("[^0-9A-Za-z_]"),
            'b' => written.push_str(r"(?-u:\b)"),
            other => written.extend(['\\', other]),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ascii_in_brackets_too() {
        assert_eq!(with_ascii_classes(r"[\d.]\\d\S"), r"[[0-9].]\\d[^\t-\r ]");
        for pattern in
            [r"(?i)emp-\d{6}", r"[项目]\d+", r"工号\s?[\w-]{4}", ".{3}", r"[^\s,]+", r"\bE\d+\b", "(?:京|沪)[A-Z]"]
        {
            assert!(parse(pattern).is_ok(), "{pattern}: {}", parse(pattern).unwrap_err());
        }
        assert!(parse("(").is_err_and(|error| error.contains("unclosed group")));
    }
}
