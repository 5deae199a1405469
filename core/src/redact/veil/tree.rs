//! A JSON text with the place of everything in it: what is changed is changed in place.

use crate::texts::literal::Decoded;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::ops::Range;

/// A JSON value and all that is in it, in reading order.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    pub(super) text: &'a str,
    nodes: Vec<Node>,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// What stands between the quotes of its key; empty at the same place for the items of arrays.
    pub(super) key: Range<usize>,
    /// All of it, quotes included.
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
    pub(super) parent: usize,
    /// Where the next one that is not in it stands among all.
    next: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    String,
    /// A number, `true`, `false` or `null`.
    Word,
}

impl<'a> Tree<'a> {
    /// Reads a text; `None` for one that is no JSON.
    pub(super) fn read(data: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(data).ok()?;
        serde_json::from_str::<IgnoredAny>(text).ok()?;
        let mut tree = Self { text, nodes: Vec::with_capacity(32) };
        let (mut open, mut at, mut key) = (Vec::new(), 0, 0..0);
        let bytes = text.as_bytes();
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' => {
                    let end = string_end(bytes, at);
                    let colon = bytes.get(end..)?.iter().position(|byte| !byte.is_ascii_whitespace());
                    let colon = colon.map_or(end, |blanks| end + blanks);
                    if bytes.get(colon) == Some(&b':') {
                        (key, at) = (at + 1..end - 1, colon + 1);
                        continue;
                    }
                    tree.add(Kind::String, std::mem::take(&mut key), at..end, &open);
                    at = end;
                }
                b'{' | b'[' => {
                    let kind = if *byte == b'{' { Kind::Object } else { Kind::Array };
                    tree.add(kind, std::mem::take(&mut key), at..at, &open);
                    open.push(tree.nodes.len() - 1);
                    at += 1;
                }
                b'}' | b']' => {
                    at += 1;
                    let next = tree.nodes.len();
                    if let Some(node) = open.pop().and_then(|node| tree.nodes.get_mut(node)) {
                        (node.span.end, node.next) = (at, next);
                    }
                }
                b',' | b' ' | b'\n' | b'\r' | b'\t' => at += 1,
                _ => {
                    let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
                    let end = bytes.get(at..)?.iter().position(ends).map_or(bytes.len(), |len| at + len);
                    tree.add(Kind::Word, std::mem::take(&mut key), at..end, &open);
                    at = end;
                }
            }
        }
        (!tree.nodes.is_empty()).then_some(tree)
    }

    fn add(&mut self, kind: Kind, key: Range<usize>, span: Range<usize>, open: &[usize]) {
        let next = self.nodes.len() + 1;
        self.nodes.push(Node { key, span, kind, parent: open.last().copied().unwrap_or(0), next });
    }

    pub(super) fn node(&self, node: usize) -> Option<&Node> {
        self.nodes.get(node)
    }

    /// Everything, in reading order.
    pub(super) fn all(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes.iter().enumerate()
    }

    /// The values in an object or array.
    pub(super) fn children(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.nodes.get(node).map_or(0, |node| node.next);
        let mut at = node + 1;
        std::iter::from_fn(move || {
            let child = (at < end).then_some(at)?;
            at = self.nodes.get(child)?.next;
            Some(child)
        })
    }

    /// Everything in it, itself included.
    pub(super) fn subtree(&self, node: usize) -> Range<usize> {
        node..self.nodes.get(node).map_or(node, |node| node.next)
    }

    /// The value of this key; of several the last.
    pub(super) fn get(&self, node: usize, key: &str) -> Option<usize> {
        self.children(node).filter(|child| self.key(*child) == key).last()
    }

    /// The value at the end of these keys.
    pub(super) fn at(&self, node: usize, path: &[&str]) -> Option<usize> {
        path.iter().try_fold(node, |node, key| self.get(node, key))
    }

    /// A value's key.
    pub(super) fn key(&self, node: usize) -> Cow<'a, str> {
        let key = self.nodes.get(node).map_or(0..0, |node| node.key.clone());
        Decoded::read(self.text.get(key).unwrap_or_default()).into_text()
    }

    /// A value's bytes.
    pub(super) fn raw(&self, node: usize) -> &'a str {
        self.nodes.get(node).and_then(|node| self.text.get(node.span.clone())).unwrap_or_default()
    }

    /// What stands between the quotes of a string.
    pub(super) fn literal(&self, node: usize) -> Option<&'a str> {
        let known = self.nodes.get(node).filter(|node| node.kind == Kind::String)?;
        self.text.get(known.span.start + 1..known.span.end - 1)
    }

    /// What a string says.
    pub(super) fn string(&self, node: usize) -> Option<Cow<'a, str>> {
        self.literal(node).map(|raw| Decoded::read(raw).into_text())
    }

    /// What the string at the end of these keys says.
    pub(super) fn word(&self, node: usize, path: &[&str]) -> Option<Cow<'a, str>> {
        self.at(node, path).and_then(|node| self.string(node))
    }

    /// The number of this key.
    pub(super) fn number(&self, node: usize, key: &str) -> Option<u64> {
        self.get(node, key).and_then(|node| self.raw(node).parse().ok())
    }
}

/// The place behind a string that begins at `at`.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}
