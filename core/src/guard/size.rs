//! How much there may be.

use super::config::Size as Written;
use super::finding::Hit;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Limits.
#[derive(Debug)]
pub(super) struct Size {
    written: Written,
}

/// What has been counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    pub(super) chars: u64,
    /// Of the longest text.
    pub(super) text_chars: u64,
    pub(super) texts: u64,
    pub(super) messages: u64,
    pub(super) tools: u64,
}

impl Size {
    pub(super) fn new(written: &Written) -> Result<Self, String> {
        let Written { chars_max, text_chars_max, texts_max, messages_max, tools_max } = written;
        match [chars_max, text_chars_max, texts_max, messages_max, tools_max].iter().any(|max| max.is_some()) {
            true => Ok(Self { written: written.clone() }),
            false => {
                Err("size: no limit is given: chars_max, text_chars_max, texts_max, messages_max or tools_max"
                    .to_owned())
            }
        }
    }

    /// Whether the request itself must be counted, beside its texts.
    pub(super) fn of_requests(&self) -> bool {
        self.written.messages_max.is_some() || self.written.tools_max.is_some()
    }

    pub(super) fn look(&self, counted: &Counted) -> Vec<Hit> {
        [
            ("chars_max", counted.chars, self.written.chars_max),
            ("text_chars_max", counted.text_chars, self.written.text_chars_max),
            ("texts_max", counted.texts, self.written.texts_max),
            ("messages_max", counted.messages, self.written.messages_max),
            ("tools_max", counted.tools, self.written.tools_max),
        ]
        .into_iter()
        .filter(|(_, count, max)| max.is_some_and(|max| *count > max))
        .map(|(rule, _, _)| Hit::of(rule))
        .collect()
    }
}

impl Counted {
    /// Counts one more text.
    pub(super) fn text(&mut self, text: &str) {
        let chars = chars(text);
        self.texts = self.texts.saturating_add(1);
        self.chars = self.chars.saturating_add(chars);
        self.text_chars = self.text_chars.max(chars);
    }

    /// Counts messages and tools, wherever a dialect has them.
    pub(super) fn request(&mut self, body: &[u8]) {
        let Ok(fields) = serde_json::from_slice::<BTreeMap<Cow<'_, str>, &RawValue>>(body) else { return };
        let field = |name: &str| fields.get(name).copied();
        self.messages =
            ["messages", "contents", "input", "chat_history"].into_iter().filter_map(field).map(length).sum();
        let converse = field("toolConfig").and_then(|config| serde_json::from_str::<Tools<'_>>(config.get()).ok());
        let tools = field("tools").or_else(|| converse.and_then(|config| config.tools));
        let tools: Vec<Tools<'_>> = tools.and_then(|tools| serde_json::from_str(tools.get()).ok()).unwrap_or_default();
        self.tools = tools.iter().map(|tool| tool.function_declarations.map_or(1, length)).sum();
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tools<'b> {
    #[serde(borrow)]
    tools: Option<&'b RawValue>,
    #[serde(borrow, rename = "functionDeclarations", alias = "function_declarations")]
    function_declarations: Option<&'b RawValue>,
}

/// Of a list; 0 for anything else.
fn length(list: &RawValue) -> u64 {
    let entries = serde_json::from_str::<Vec<IgnoredAny>>(list.get()).map_or(0, |entries| entries.len());
    u64::try_from(entries).unwrap_or(u64::MAX)
}

/// Unicode scalar values.
pub(super) fn chars(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_tools_are_counted_in_every_dialect() {
        for (body, messages, tools) in [
            (r#"{"messages":[{},{}],"tools":[{"type":"function"}]}"#, 2, 1),
            (r#"{"input":[{},{},{}],"tools":[]}"#, 3, 0),
            (r#"{"input":"text"}"#, 0, 0),
            (r#"{"contents":[{}],"tools":[{"functionDeclarations":[{},{}]},{"google_search":{}}]}"#, 1, 3),
            (r#"{"messages":[{}],"toolConfig":{"tools":[{},{}]}}"#, 1, 2),
            ("[1]", 0, 0),
            ("{", 0, 0),
        ] {
            let mut counted = Counted::default();
            counted.request(body.as_bytes());
            assert_eq!((counted.messages, counted.tools), (messages, tools), "{body}");
        }
    }

    #[test]
    fn limits_are_inclusive() {
        let size =
            Size::new(&Written { chars_max: Some(6), text_chars_max: Some(4), ..Written::default() }).expect("limits");
        let rules = |texts: &[&str]| {
            let mut counted = Counted::default();
            texts.iter().for_each(|text| counted.text(text));
            size.look(&counted).iter().map(|hit| hit.rule.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(rules(&["äöüß", "ab"]), [""; 0]);
        assert_eq!(rules(&["äöüß", "abc"]), ["chars_max"]);
        assert_eq!(rules(&["äöüßa"]), ["text_chars_max"]);
        assert!(Size::new(&Written::default()).is_err());
    }
}
