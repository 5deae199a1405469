//! The canonical form of a request: what is fed to the HMAC, in one way for all bodies that mean the same.
//!
//! Every piece says what it is and how long, so that no two forms are the same bytes. Sorted are the objects of the
//! protocol. Somebody's own JSON (a schema, the arguments of a call, a document) is read by a model as it is written, and a
//! schema's order is the order of the answer's fields: there, order and numbers stay as they are.

use super::number::Number;
use super::tree::{Node, decoded};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Fields of all dialects under which somebody's own JSON stands.
const FREE: [&str; 21] = [
    "args",
    "arguments",
    "data",
    "document",
    "guided_json",
    "inputSchema",
    "input_schema",
    "json",
    "json_schema",
    "outputSchema",
    "output_schema",
    "parameter_definitions",
    "parameters",
    "parametersJsonSchema",
    "parameters_json_schema",
    "response",
    "responseJsonSchema",
    "responseSchema",
    "response_json_schema",
    "response_schema",
    "schema",
];

/// Marks of what a provider may keep of the prompt. They change the price, not the answer, and wander from turn to turn.
pub(super) const CACHE_MARK: &str = "cache_control";

/// What of a body stays out of its form.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LeftOut<'a> {
    /// Fields at the top.
    pub(super) fields: [&'a [&'a str]; 2],
    /// The literal of a text, by its place.
    pub(super) text: Option<&'a str>,
}

impl LeftOut<'_> {
    fn has_field(&self, key: &[u8]) -> bool {
        self.fields.iter().any(|fields| fields.iter().any(|field| field.as_bytes() == key))
    }

    fn has_text(&self, raw: &str) -> bool {
        self.text.is_some_and(|text| std::ptr::eq(text, raw))
    }
}

/// Writes pieces of the form.
pub(super) struct Form {
    mac: Hmac<Sha256>,
}

impl Form {
    pub(super) fn new(mac: Hmac<Sha256>) -> Self {
        Self { mac }
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.mac.finalize().into_bytes().into()
    }

    /// A text that is no part of the body.
    pub(super) fn text(&mut self, text: &str) {
        self.piece(b's', text.as_bytes());
    }

    /// How many pieces follow.
    pub(super) fn count(&mut self, kind: u8, count: usize) {
        self.mac.update(&[kind]);
        self.mac.update(&(count as u64).to_be_bytes());
    }

    fn piece(&mut self, kind: u8, bytes: &[u8]) {
        self.count(kind, bytes.len());
        self.mac.update(bytes);
    }

    /// A body.
    pub(super) fn body(&mut self, root: &Node<'_>, out: LeftOut<'_>) {
        self.sorted(root.fields(), |key| out.has_field(key), out);
    }

    /// A value of the protocol.
    pub(super) fn value(&mut self, node: &Node<'_>, out: LeftOut<'_>) {
        match node {
            Node::Word(word) => self.piece(b'w', word.as_bytes()),
            Node::Number(written) => self.number(written),
            Node::Text(raw) if out.has_text(raw) => self.count(b'?', 0),
            Node::Text(raw) => self.piece(b's', &decoded(raw)),
            Node::List(items) => {
                self.count(b'l', items.len());
                items.iter().for_each(|item| self.value(item, out));
            }
            Node::Object(fields) => self.sorted(fields, |key| key == CACHE_MARK.as_bytes(), out),
        }
    }

    fn sorted(&mut self, fields: &[(&str, Node<'_>)], goes: impl Fn(&[u8]) -> bool, out: LeftOut<'_>) {
        let named = fields.iter().map(|(key, value)| (decoded(key), value));
        let mut kept: Vec<_> = named.filter(|(key, _)| !goes(key)).collect();
        // Stable: of a key that comes twice nobody knows which one counts, so both do, in their order.
        kept.sort_by(|(one, _), (other, _)| one.cmp(other));
        self.count(b'o', kept.len());
        for (key, value) in kept {
            self.piece(b'k', &key);
            if is_free(&key, value) { self.free(value) } else { self.value(value, out) }
        }
    }

    /// Somebody's own JSON: only blanks and escapes do not matter.
    fn free(&mut self, node: &Node<'_>) {
        match node {
            Node::Word(word) => self.piece(b'w', word.as_bytes()),
            Node::Number(written) => self.piece(b'n', written.as_bytes()),
            Node::Text(raw) => self.piece(b's', &decoded(raw)),
            Node::List(items) => {
                self.count(b'l', items.len());
                items.iter().for_each(|item| self.free(item));
            }
            Node::Object(fields) => {
                self.count(b'o', fields.len());
                for (key, value) in fields {
                    self.piece(b'k', &decoded(key));
                    self.free(value);
                }
            }
        }
    }

    fn number(&mut self, written: &str) {
        let Some(number) = Number::read(written) else { return self.piece(b'n', written.as_bytes()) };
        self.piece(if number.negative { b'-' } else { b'+' }, number.digits.as_bytes());
        self.mac.update(&number.exponent.to_be_bytes());
    }
}

/// Whether somebody's own JSON stands under a key.
fn is_free(key: &[u8], value: &Node<'_>) -> bool {
    // A tool's input is an object; the list of that name is a conversation.
    let is_input = key == b"input" && matches!(value, Node::Object(_));
    is_input || FREE.iter().any(|free| free.as_bytes() == key)
}
