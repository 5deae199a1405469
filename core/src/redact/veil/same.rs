//! Events that are like the last one but for the piece of text in them: most events of a stream. What was found out about
//! the last one holds for them, too.

use super::places::{Channel, Places};
use super::spine::Spine;
use super::tree::Tree;
use super::whole::Edit;
use crate::dialect::Dialect;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// An event that holds one piece of text, and nothing else that changes or is remembered.
#[derive(Debug)]
pub(super) struct Same {
    name: Option<Vec<u8>>,
    event: String,
    /// What stands between the quotes of the text.
    text: Range<usize>,
    /// Its place in the tree.
    node: usize,
    pub(super) channel: Channel,
    /// What the rest of a text goes out in: made when one is first held.
    spine: OnceLock<Arc<Spine>>,
}

impl Same {
    /// `None` for an event that is more than its text.
    pub(super) fn of(name: Option<&[u8]>, tree: &Tree<'_>, places: &Places) -> Option<Self> {
        let Places { deltas, skipped, server_calls, ends, repeats, failed } = places;
        let [delta] = deltas.as_slice() else { return None };
        let nothing = skipped.iter().all(|node| matches!(tree.raw(*node), "null" | "[]" | "\"\""));
        let plain = nothing && server_calls.is_empty() && ends.is_empty() && !repeats && !failed;
        if !plain || delta.json || tree.get(0, "sequence_number").is_some() {
            return None;
        }
        let span = tree.node(delta.node)?.span.clone();
        let (node, channel) = (delta.node, delta.channel);
        let text = span.start + 1..span.end - 1;
        Some(Self {
            name: name.map(<[u8]>::to_vec),
            event: tree.text.to_owned(),
            text,
            node,
            channel,
            spine: OnceLock::new(),
        })
    }

    /// Whether nothing changed in it but the text.
    pub(super) fn is_all_of(&self, edits: &[Edit]) -> bool {
        edits.iter().all(|(range, _)| *range == self.text)
    }

    /// The text of an event that is like this one; `None` for any other, and where its text is escaped.
    pub(super) fn text<'d>(&self, name: Option<&[u8]>, data: &'d [u8]) -> Option<&'d str> {
        let (before, after) = (self.event.get(..self.text.start)?, self.event.get(self.text.end..)?);
        let text = data.strip_prefix(before.as_bytes())?.strip_suffix(after.as_bytes())?;
        let plain = !text.is_empty() && text.iter().all(|byte| *byte >= b' ' && !matches!(byte, b'"' | b'\\'));
        std::str::from_utf8(text).ok().filter(|_| plain && name == self.name.as_deref())
    }

    /// What the rest of the text goes out in.
    pub(super) fn spine(&self, dialect: Dialect) -> Arc<Spine> {
        let name = self.name.as_deref().and_then(|name| std::str::from_utf8(name).ok());
        let made = || {
            let tree = Tree::read(self.event.as_bytes());
            let spine = tree.map(|tree| Spine::of(&tree, self.node, name).beginning(dialect, &tree));
            Arc::new(spine.unwrap_or_default())
        };
        Arc::clone(self.spine.get_or_init(made))
    }

    /// The event with another text, which is escaped.
    pub(super) fn with(&self, literal: &str) -> String {
        let (before, after) = (self.event.get(..self.text.start), self.event.get(self.text.end..));
        [before.unwrap_or_default(), literal, after.unwrap_or_default()].concat()
    }
}
