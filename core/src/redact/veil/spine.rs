//! A delta event without all that must not be said twice: what is held goes out in one like the last.

use super::tree::{Kind, Tree};
use crate::dialect::Dialect;

/// An event with a gap for a text.
#[derive(Debug, Default)]
pub(super) struct Spine {
    pub(super) name: Option<String>,
    before: String,
    after: String,
}

impl Spine {
    /// The event around this piece of text: the way to it, with what names it.
    pub(super) fn of(tree: &Tree<'_>, gap: usize, name: Option<&str>) -> Self {
        let mut way = vec![gap];
        while let Some(parent) = way.last().filter(|at| **at != 0).and_then(|at| tree.node(*at)) {
            way.push(parent.parent);
        }
        way.reverse();
        let mut spine = Self { name: name.map(str::to_owned), ..Self::default() };
        let list = |node: usize| tree.key(node);
        let mut owner = String::new();
        for pair in way.windows(2) {
            let (Some(at), Some(next)) = (pair.first(), pair.last()) else { continue };
            let is_array = tree.node(*at).is_some_and(|node| node.kind == Kind::Array);
            if !list(*at).is_empty() {
                owner = list(*at).into_owned();
            }
            spine.level(tree, *at, *next, is_array, &owner);
        }
        spine
    }

    fn level(&mut self, tree: &Tree<'_>, at: usize, next: usize, is_array: bool, owner: &str) {
        if is_array {
            self.before.push('[');
            self.after.insert(0, ']');
            return;
        }
        self.before.push('{');
        let mut behind = String::new();
        for child in tree.children(at).filter(|child| *child != next) {
            let key = tree.key(child);
            let Some(node) = tree.node(child).filter(|node| matches!(node.kind, Kind::String | Kind::Word)) else {
                continue;
            };
            let value = match stays(owner, &key) {
                Stays::No => continue,
                Stays::Yes => tree.raw(child),
                Stays::Null => "null",
            };
            let into = if child < next { &mut self.before } else { &mut behind };
            if child > next {
                into.push(',');
            }
            into.push('"');
            into.push_str(tree.text.get(node.key.clone()).unwrap_or_default());
            into.push_str("\":");
            into.push_str(value);
            if child < next {
                into.push(',');
            }
        }
        let key = tree.node(next).map_or(0..0, |node| node.key.clone());
        self.before.push('"');
        self.before.push_str(tree.text.get(key).unwrap_or_default());
        self.before.push_str("\":");
        behind.push('}');
        self.after.insert_str(0, &behind);
    }

    /// Where the text came with the event that begins its block: an event that only goes on.
    pub(super) fn beginning(self, dialect: Dialect, tree: &Tree<'_>) -> Self {
        let index = tree.number(0, "index").unwrap_or(0);
        let kind = tree.word(0, &["type"]).or(self.name.as_deref().map(|name| name.to_owned().into()));
        let (kind, before, after) = match (dialect, kind.as_deref()) {
            (Dialect::Anthropic, Some("content_block_start")) => {
                ("content_block_delta", r#""delta":{"type":"text_delta","text":"#, "}}")
            }
            (Dialect::Cohere, Some("content-start")) if self.before.contains("thinking\":") => {
                ("content-delta", r#""delta":{"message":{"content":{"thinking":"#, "}}}}")
            }
            (Dialect::Cohere, Some("content-start")) => {
                ("content-delta", r#""delta":{"message":{"content":{"text":"#, "}}}}")
            }
            (Dialect::Cohere, Some("tool-call-start")) => {
                ("tool-call-delta", r#""delta":{"message":{"tool_calls":{"function":{"arguments":"#, "}}}}}")
            }
            _ => return self,
        };
        let before = format!(r#"{{"type":"{kind}","index":{index},{before}"#);
        Self { name: self.name.map(|_| kind.to_owned()), before, after: after.to_owned() }
    }

    /// The event with this text, which is escaped, and this number.
    pub(super) fn with(&self, literal: &str, number: Option<u64>) -> String {
        let rest = self.before.strip_prefix('{').unwrap_or_default();
        let number = number.map(|number| format!("\"sequence_number\":{number},")).unwrap_or_default();
        format!("{{{number}{rest}\"{literal}\"{}", self.after).replace(['\n', '\r'], " ")
    }
}

enum Stays {
    Yes,
    No,
    Null,
}

/// What stays of the object in the field `owner` (of a list its items, of the event itself nothing).
fn stays(owner: &str, key: &str) -> Stays {
    let yes = match owner {
        "" => matches!(
            key,
            "id" | "object"
                | "created"
                | "model"
                | "system_fingerprint"
                | "service_tier"
                | "type"
                | "index"
                | "item_id"
                | "output_index"
                | "content_index"
                | "summary_index"
                | "modelVersion"
                | "responseId"
                | "contentBlockIndex"
        ),
        "choices" | "tool_calls" | "candidates" if key == "index" => true,
        "choices" if matches!(key, "finish_reason" | "logprobs") => return Stays::Null,
        "content" | "thinking" | "reasoning_details" | "reasoning" | "parts" => {
            matches!(key, "type" | "index" | "role" | "thought")
        }
        "delta" => key == "type",
        _ => false,
    };
    if yes { Stays::Yes } else { Stays::No }
}
