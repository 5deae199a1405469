//! Positions in texts that change: what cites them moves along.
//!
//! Positions in what the model says move with it, in characters (OpenAI's and Responses' annotations, Cohere's citations)
//! or bytes (Gemini's). A position in what has not been said yet is told as if nothing changed in between; what repeats
//! the whole answer has it right. Positions in documents of the request (Anthropic's `char_location`, Converse's
//! `documentChar`) count in what the provider read: where something was masked they become null, and the cited text,
//! which is restored, says what is meant.

use super::places::{Channel, kind};
use super::tree::{Kind, Tree};
use super::whole::Edit;
use crate::dialect::Dialect;
use crate::texts::{Shift, Splice, Unit};

/// How many texts are followed, and how many changes of each: of more, positions become null.
const TEXTS_MAX: usize = 512;
const CHANGES_MAX: usize = 4096;

/// The texts of a stream whose positions may be told.
#[derive(Debug, Default)]
pub(super) struct Cited {
    texts: Vec<(Channel, Text)>,
    /// Something has changed somewhere.
    changed: bool,
}

#[derive(Debug, Default)]
struct Text {
    shift: Shift,
    /// How long it is.
    length: u64,
    changes: usize,
}

impl Cited {
    /// A text has grown by this, with what changed in it.
    pub(super) fn grew(&mut self, dialect: Dialect, channel: &Channel, more: &str, splices: &[Splice]) {
        let Some(unit) = unit(dialect) else { return };
        let at = self.texts.iter().position(|(known, _)| known == channel);
        let at = at.unwrap_or_else(|| {
            if self.texts.len() < TEXTS_MAX {
                self.texts.push((*channel, Text::default()));
            }
            self.texts.len() - 1
        });
        let Some((_, text)) = self.texts.get_mut(at).filter(|(known, _)| known == channel) else { return };
        text.changes = text.changes.saturating_add(splices.len());
        if text.changes <= CHANGES_MAX && !splices.is_empty() {
            text.shift.push(more, splices, unit, text.length);
        }
        text.length += unit.count(more);
        self.changed |= !splices.is_empty();
    }

    /// What changes in an event that cites. `masked`: something was masked in the request.
    pub(super) fn edits(&self, dialect: Dialect, tree: &Tree<'_>, masked: bool, edits: &mut Vec<Edit>) {
        if masked {
            in_documents(dialect, tree, edits);
        }
        if !self.changed {
            return;
        }
        match dialect {
            Dialect::OpenAi => self.openai(tree, edits),
            Dialect::Responses => self.responses(tree, edits),
            Dialect::Gemini => self.gemini(tree, edits),
            Dialect::Cohere => self.cohere(tree, edits),
            Dialect::Anthropic | Dialect::Converse | Dialect::Completions => {}
        }
    }

    fn openai(&self, tree: &Tree<'_>, edits: &mut Vec<Edit>) {
        for (place, choice) in items(tree, 0, &["choices"]) {
            let channel = channel(tree.number(choice, "index").unwrap_or(place), 0, 0, "content");
            for (_, annotation) in items(tree, choice, &["delta", "annotations"]) {
                let cited = tree.get(annotation, "url_citation").unwrap_or(annotation);
                self.span(tree, cited, ["start_index", "end_index"], &channel, edits);
            }
        }
    }

    fn responses(&self, tree: &Tree<'_>, edits: &mut Vec<Edit>) {
        let of = |item, part| channel(0, item, part, "response.output_text");
        let output = tree.number(0, "output_index").unwrap_or(0);
        let content = tree.number(0, "content_index").unwrap_or(0);
        let mut one = |annotation: usize, channel: &Channel| {
            self.span(tree, annotation, ["start_index", "end_index"], channel, edits);
            self.rewrite(tree, annotation, "index", channel, edits, |shift, at| shift.end(at));
        };
        tree.get(0, "annotation").into_iter().for_each(|annotation| one(annotation, &of(output, content)));
        for (_, annotation) in items(tree, 0, &["part", "annotations"]) {
            one(annotation, &of(output, content));
        }
        let all = items(tree, 0, &["response", "output"]);
        for (item_at, item) in all.into_iter().chain(tree.get(0, "item").map(|item| (output, item))) {
            for (part_at, part) in items(tree, item, &["content"]) {
                for (_, annotation) in items(tree, part, &["annotations"]) {
                    one(annotation, &of(item_at, part_at));
                }
            }
        }
    }

    fn gemini(&self, tree: &Tree<'_>, edits: &mut Vec<Edit>) {
        let root = if tree.node(0).is_some_and(|node| node.kind == Kind::Array) { 1 } else { 0 };
        for (place, candidate) in items(tree, root, &["candidates"]) {
            let channel = channel(tree.number(candidate, "index").unwrap_or(place), 0, 0, "text");
            let supports = items(tree, candidate, &["groundingMetadata", "groundingSupports"]);
            let segments = supports.into_iter().filter_map(|(_, support)| tree.get(support, "segment"));
            let sources =
                ["citations", "citationSources"].map(|list| items(tree, candidate, &["citationMetadata", list]));
            let sources = sources.into_iter().flatten().map(|(_, source)| source);
            for cited in segments.chain(sources) {
                self.span(tree, cited, ["startIndex", "endIndex"], &channel, edits);
            }
        }
    }

    fn cohere(&self, tree: &Tree<'_>, edits: &mut Vec<Edit>) {
        let Some(citations) = tree.at(0, &["delta", "message", "citations"]) else { return };
        let is_list = tree.node(citations).is_some_and(|node| node.kind == Kind::Array);
        let all: Vec<usize> = if is_list { tree.children(citations).collect() } else { vec![citations] };
        for citation in all {
            let block = tree.number(citation, "content_index").unwrap_or(0);
            let kind = tree.word(citation, &["type"]);
            let named = match kind.as_deref() {
                Some("PLAN") => "tool_plan",
                Some("THINKING_CONTENT") => "thinking",
                _ => "text",
            };
            self.span(tree, citation, ["start", "end"], &channel(0, block, 0, named), edits);
        }
    }

    fn span(&self, tree: &Tree<'_>, cited: usize, keys: [&str; 2], channel: &Channel, edits: &mut Vec<Edit>) {
        let [start, end] = keys;
        self.rewrite(tree, cited, start, channel, edits, |shift, at| shift.start(at));
        self.rewrite(tree, cited, end, channel, edits, |shift, at| shift.end(at));
    }

    fn rewrite(
        &self,
        tree: &Tree<'_>,
        cited: usize,
        key: &str,
        channel: &Channel,
        edits: &mut Vec<Edit>,
        moved: impl Fn(&Shift, u64) -> u64,
    ) {
        let Some((_, text)) = self.texts.iter().find(|(known, _)| known == channel) else { return };
        let Some((node, at)) = tree.get(cited, key).zip(tree.number(cited, key)) else { return };
        let now = (text.changes <= CHANGES_MAX).then(|| moved(&text.shift, at).to_string());
        if let Some(known) = tree.node(node) {
            edits.push((known.span.clone(), now.unwrap_or_else(|| "null".to_owned())));
        }
    }
}

/// Positions in documents of the request, of which nobody here knows by how much they are off.
pub(super) fn in_documents(dialect: Dialect, tree: &Tree<'_>, edits: &mut Vec<Edit>) {
    let (keys, told) = match dialect {
        Dialect::Anthropic => (["start_char_index", "end_char_index"], "_char_index\""),
        Dialect::Converse => (["start", "end"], "\"documentChar\""),
        Dialect::OpenAi | Dialect::Completions | Dialect::Responses | Dialect::Gemini | Dialect::Cohere => return,
    };
    if memchr::memmem::find(tree.text.as_bytes(), told.as_bytes()).is_none() {
        return;
    }
    for (node, known) in tree.all().filter(|(_, node)| node.kind == Kind::Word) {
        let owned = || dialect != Dialect::Converse || tree.key(known.parent) == "documentChar";
        if keys.contains(&&*tree.key(node)) && owned() {
            edits.push((known.span.clone(), "null".to_owned()));
        }
    }
}

/// In what a dialect counts in what the model says; `None` for one that does not.
fn unit(dialect: Dialect) -> Option<Unit> {
    match dialect {
        Dialect::OpenAi | Dialect::Responses | Dialect::Cohere => Some(Unit::Chars),
        Dialect::Gemini => Some(Unit::Bytes),
        Dialect::Anthropic | Dialect::Converse | Dialect::Completions => None,
    }
}

fn channel(choice: u64, item: u64, part: u64, name: &str) -> Channel {
    Channel { choice: u32::try_from(choice).unwrap_or(u32::MAX), item, part, kind: kind(name) }
}

/// The items of the list at the end of these keys, with their places.
fn items(tree: &Tree<'_>, node: usize, path: &[&str]) -> Vec<(u64, usize)> {
    let list = tree.at(node, path).filter(|list| tree.node(*list).is_some_and(|node| node.kind == Kind::Array));
    let items = list.into_iter().flat_map(|list| tree.children(list));
    items.enumerate().map(|(place, item)| (place as u64, item)).collect()
}
