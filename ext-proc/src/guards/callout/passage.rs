//! What somebody who is asked reads: texts, with whose words they are.

use attache_core::endpoint::Endpoint;
use attache_core::texts::{self, Place, Scope};

/// A text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Whose words.
    pub scope: Scope,
    /// Which of several answers; 0 in requests.
    pub choice: u32,
    /// The words.
    pub text: String,
}

/// All texts of a request; `None` for a body in which nobody can tell text from anything else.
pub fn of_request(endpoint: &Endpoint, body: &[u8]) -> Option<Vec<Passage>> {
    let mut all = Vec::new();
    let read = texts::request(endpoint, body, &mut |place, text, _| add(&mut all, place, text));
    read.is_ok().then_some(all)
}

/// All texts of a whole answer; `None` as above.
pub fn of_answer(endpoint: &Endpoint, body: &[u8]) -> Option<Vec<Passage>> {
    let mut all = Vec::new();
    let read = texts::answer(endpoint, body, &mut |place, text, _| add(&mut all, place, text));
    read.is_ok().then_some(all)
}

/// Adds a text; what follows each other and is the same person's is one.
fn add(all: &mut Vec<Passage>, place: &Place, text: &str) {
    let Place { scope, choice, .. } = *place;
    if text.trim().is_empty() {
        return;
    }
    match all.last_mut() {
        Some(last) if (last.scope, last.choice) == (scope, choice) => {
            last.text.push('\n');
            last.text.push_str(text);
        }
        _ => all.push(Passage { scope, choice, text: text.to_owned() }),
    }
}

/// How many characters they are together.
pub fn chars(all: &[Passage]) -> usize {
    all.iter().map(|passage| passage.text.chars().count()).sum()
}

/// The end of a text.
pub fn last_chars(text: &str, chars: usize) -> &str {
    let Some(before) = chars.checked_sub(1) else { return "" };
    let start = text.char_indices().rev().nth(before).map_or(0, |(start, _)| start);
    text.get(start..).unwrap_or(text)
}

/// The name of a scope in contracts.
pub fn name_of(scope: Scope) -> &'static str {
    match scope {
        Scope::System => "system",
        Scope::User => "user",
        Scope::Assistant => "assistant",
        Scope::ToolCalls => "tool_calls",
        Scope::ToolResults => "tool_results",
        Scope::ToolDefinitions => "tool_definitions",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attache_core::dialect::Dialect;

    #[test]
    fn what_one_says_in_parts_is_one_text() {
        let body = br#"{"model":"m","messages":[{"role":"system","content":"be kind"},
            {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},{"role":"user","content":" "}]}"#;
        let read = of_request(&Dialect::OpenAi.into(), body).unwrap();
        let read: Vec<_> = read.iter().map(|passage| (name_of(passage.scope), &*passage.text)).collect();
        assert_eq!(read, [("system", "be kind"), ("user", "a\nb")]);
        assert_eq!(of_request(&Dialect::OpenAi.into(), b"{"), None);
    }

    #[test]
    fn the_end_of_a_text_is_cut_between_characters() {
        for (text, count, expected) in [("né früh", 4, "früh"), ("四个字啊", 1, "啊"), ("a", 9, "a"), ("a", 0, "")]
        {
            assert_eq!(last_chars(text, count), expected, "{text} {count}");
        }
    }
}
