//! The walk over a body: every text once, in the order in which it stands, and the edits that come of it.

use super::literal::{Decoded, escape};
use super::sense::{FREE, Sense, Shape};
use super::tape::{Kind, Syntax, Tape, Value};
use super::{Form, Place, Scope, Splice, Visit, bytes};
use std::borrow::Cow;
use std::ops::Range;

/// Digits from which on a whole number may be more than a number.
const NUMBER_DIGITS_MIN: usize = 7;

/// A walk under way.
pub(super) struct Walk<'w, 'v> {
    visit: &'w mut Visit<'v>,
    /// What replaces which bytes of the body, escaped.
    edits: Vec<Splice>,
    /// The texts that change, in order: where their literal begins, and what changes in what it says.
    changed: Vec<(usize, Vec<Splice>)>,
}

impl<'w, 'v> Walk<'w, 'v> {
    /// Visits every text of a JSON text. What replaces which of its bytes, in order.
    pub(super) fn over(tape: &Tape<'_>, sense: &'static Sense, place: Place, visit: &'w mut Visit<'v>) -> Vec<Splice> {
        let mut walk = Self { visit, edits: Vec::new(), changed: Vec::new() };
        walk.sense(sense, "", tape.root(), place);
        walk.edits.sort_by_key(|edit| edit.range.start);
        walk.edits
    }

    fn sense(&mut self, sense: &'static Sense, key: &str, value: Value<'_>, place: Place) {
        let (is_array, is_text) = (value.kind() == Kind::Array, value.kind() == Kind::Text);
        match sense {
            Sense::Word => {}
            Sense::In(scope, sense) => self.sense(sense, key, value, Place { scope: *scope, ..place }),
            Sense::Free => self.free(key, value, place),
            Sense::Text => self.any(key, value, place),
            Sense::Schema if is_text => self.text(value, place),
            Sense::Schema => self.schema(value, place),
            _ if is_array => value.items().for_each(|item| self.sense(sense, key, item, place)),
            Sense::Body if is_text && bytes::are(value.raw()) => self.encoded(value, place, |_| true),
            Sense::Bytes if is_text && bytes::are(value.raw()) => self.encoded(value, place, hides),
            Sense::Url if is_text && bytes::is_data_url(value.raw()) => self.encoded(value, place, hides),
            Sense::Json(inner) if is_text => self.json(inner, value, place),
            Sense::Bytes | Sense::Body | Sense::Url if is_text => self.text(value, place),
            Sense::Each(_) | Sense::Pick(_) | Sense::Map(_) if is_text => self.text(value, place),
            Sense::Bytes | Sense::Body => self.any(key, value, place),
            Sense::Url => self.object(&URL, value, place),
            Sense::Json(inner) => self.sense(inner, key, value, place),
            Sense::Each(shape) => self.object(shape, value, place),
            Sense::Pick(pick) => {
                let (place, shape) = pick(value, place);
                self.object(shape, value, place);
            }
            Sense::Map(sense) => value.fields().for_each(|(key, value)| self.sense(sense, key.raw(), value, place)),
        }
    }

    /// An object with a table.
    fn object(&mut self, shape: &'static Shape, object: Value<'_>, place: Place) {
        let before = self.changed.len();
        for (key, value) in object.fields() {
            let name = name(key);
            match shape.sense(&name) {
                Some(sense) => self.sense(sense, &name, value, place),
                None => self.unknown(&name, value, place),
            }
        }
        if let Some(moved) = shape.moved.filter(|_| self.changed.len() > before) {
            moved(self, object);
        }
    }

    /// Anything in which every string is somebody's.
    fn any(&mut self, key: &str, value: Value<'_>, place: Place) {
        match value.kind() {
            Kind::Text if bytes::seem(key, value.raw()) => self.announced(key, value, place),
            Kind::Text => self.text(value, place),
            Kind::Array => value.items().for_each(|item| self.any(key, item, place)),
            Kind::Object => value.fields().for_each(|(key, value)| self.unknown(&name(key), value, place)),
            Kind::Number | Kind::Word => {}
        }
    }

    /// A field that no table has.
    fn unknown(&mut self, key: &str, value: Value<'_>, place: Place) {
        let is_word = matches!(key, "type" | "@type" | "object" | "role" | "model") && is_identifier(value);
        if !is_word {
            self.any(key, value, place);
        }
    }

    /// Anything in which keys and numbers are somebody's, too.
    fn free(&mut self, key: &str, value: Value<'_>, place: Place) {
        match value.kind() {
            Kind::Text if bytes::seem(key, value.raw()) => self.announced(key, value, place),
            Kind::Text => self.text(value, place),
            Kind::Number => self.number(value, place),
            Kind::Array => value.items().for_each(|item| self.free(key, item, place)),
            Kind::Object => value.fields().for_each(|(key, value)| {
                self.plain(key, Place { form: Form::Key, ..place });
                self.free(&name(key), value, place);
            }),
            Kind::Word => {}
        }
    }

    /// A JSON schema: its descriptions, and the values that it names.
    fn schema(&mut self, schema: Value<'_>, place: Place) {
        schema.items().for_each(|item| self.schema(item, place));
        for (key, value) in schema.fields() {
            let name = name(key);
            match &*name {
                "properties" | "patternProperties" | "$defs" | "defs" | "definitions" | "dependentSchemas" => {
                    value.fields().for_each(|(_, schema)| self.schema(schema, place));
                }
                "type" | "format" | "$ref" | "ref" | "$schema" | "$id" | "$anchor" | "$dynamicRef"
                | "$dynamicAnchor" | "required" | "dependentRequired" | "propertyOrdering" | "property_ordering"
                | "contentEncoding" | "contentMediaType" => {}
                "enum" | "const" | "default" | "example" | "examples" => self.free(&name, value, place),
                _ if value.kind() == Kind::Text => self.text(value, place),
                _ => self.schema(value, place),
            }
        }
    }

    /// A text. What a tool answers or a program asks is often JSON; where that hides something in escapes, it is read as
    /// such. Where it hides nothing, it is read as it stands, since a key before a value tells what the value is.
    fn text(&mut self, value: Value<'_>, place: Place) {
        let raw = value.raw();
        let may_hide = matches!(place.scope, Scope::ToolResults | Scope::User | Scope::System)
            && raw.trim_start().starts_with(['{', '[']);
        if may_hide && raw.contains("\\\\") { self.json(&FREE, value, place) } else { self.plain(value, place) }
    }

    /// A string as it stands.
    fn plain(&mut self, value: Value<'_>, place: Place) {
        let decoded = Decoded::read(value.raw());
        let splices = self.looked_at(&place, decoded.text());
        self.replace(value, &decoded, splices);
    }

    /// Bytes under a name that promises them: a file of text among them is read, a provider's own seal is not.
    fn announced(&mut self, key: &str, value: Value<'_>, place: Place) {
        if !bytes::is_seal(key) {
            self.encoded(value, place, hides);
        }
    }

    /// Bytes, which may be a file of text.
    fn encoded(&mut self, value: Value<'_>, place: Place, is_json: fn(&str) -> bool) {
        let Some(encoded) = bytes::text_in(value.raw()) else { return };
        let splices = match is_json(&encoded.text) {
            true => self.inside(&FREE, &encoded.text, place),
            false => self.looked_at(&place, &encoded.text),
        };
        if !splices.is_empty() {
            let text = encoded.with(&edited(encoded.text.as_bytes(), &splices));
            let start = value.range().start;
            self.edits.push(Splice { range: start..start + value.raw().len(), text });
        }
    }

    /// JSON in a string: read as a body of its own, whose edits are this text's changes.
    fn json(&mut self, sense: &'static Sense, value: Value<'_>, place: Place) {
        let decoded = Decoded::read(value.raw());
        let splices = self.inside(sense, decoded.text(), place);
        self.replace(value, &decoded, splices);
    }

    fn inside(&mut self, sense: &'static Sense, json: &str, place: Place) -> Vec<Splice> {
        inside(sense, json, place, self.visit).unwrap_or_else(|| self.looked_at(&place, json))
    }

    /// A number: with a change in it, it becomes a string.
    fn number(&mut self, value: Value<'_>, place: Place) {
        // A whole number that went through a float says so.
        let written = value.raw().trim_end_matches(".0");
        let digits = written.trim_start_matches('-');
        if digits.len() < NUMBER_DIGITS_MIN || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return;
        }
        let splices = self.looked_at(&Place { form: Form::Number, ..place }, written);
        if !splices.is_empty() {
            let text = String::from_utf8(edited(written.as_bytes(), &splices)).unwrap_or_default();
            self.edits.push(Splice { range: value.range(), text: format!("\"{}\"", escape(&text)) });
        }
    }

    /// What whoever looks wants to change in a text.
    fn looked_at(&mut self, place: &Place, text: &str) -> Vec<Splice> {
        let mut splices = Vec::new();
        if !text.is_empty() {
            (self.visit)(place, text, &mut splices);
        }
        proper(text, splices)
    }

    /// Takes the changes of a text over into the body.
    fn replace(&mut self, value: Value<'_>, decoded: &Decoded<'_>, splices: Vec<Splice>) {
        if splices.is_empty() {
            return;
        }
        let start = value.range().start;
        self.edits.extend(splices.iter().map(|splice| {
            let raw = decoded.raw(splice.range.clone());
            Splice { range: start + raw.start..start + raw.end, text: escape(&splice.text).into_owned() }
        }));
        self.changed.push((start, splices));
    }

    /// What changes in a text that has been visited.
    pub(super) fn changes(&self, value: Value<'_>) -> &[Splice] {
        let start = value.range().start;
        let at = self.changed.partition_point(|(before, _)| *before < start);
        let found = self.changed.get(at).filter(|(at, _)| *at == start && value.kind() == Kind::Text);
        found.map_or(&[], |(_, splices)| splices)
    }

    /// Writes something else in place of a value that is no text.
    pub(super) fn rewrite(&mut self, value: Value<'_>, json: String) {
        if value.kind() != Kind::Text && value.raw() != json {
            self.edits.push(Splice { range: value.range(), text: json });
        }
    }
}

/// A URL with what may stand beside it.
static URL: Shape = Shape::new(&[("url", Sense::Url), ("detail", Sense::Word), ("format", Sense::Word)]);

/// Visits what is in a JSON text; `None` where it is no JSON.
pub(super) fn inside(sense: &'static Sense, json: &str, place: Place, visit: &mut Visit<'_>) -> Option<Vec<Splice>> {
    let tape = Tape::read(json, Syntax::Lenient).ok()?;
    Some(Walk::over(&tape, sense, place, visit))
}

/// Visits a text that is no JSON.
pub(super) fn bare(text: &str, place: Place, visit: &mut Visit<'_>) -> Vec<Splice> {
    let mut walk = Walk { visit, edits: Vec::new(), changed: Vec::new() };
    walk.looked_at(&place, text)
}

/// A body with its changes, which are in order.
pub(super) fn edited(body: &[u8], changes: &[Splice]) -> Vec<u8> {
    let grown: usize = changes.iter().map(|change| change.text.len()).sum();
    let mut out = Vec::with_capacity(body.len() + grown);
    let mut from = 0;
    for change in changes {
        out.extend_from_slice(body.get(from..change.range.start).unwrap_or_default());
        out.extend_from_slice(change.text.as_bytes());
        from = change.range.end.max(from);
    }
    out.extend_from_slice(body.get(from..).unwrap_or_default());
    out
}

/// Changes that can be made: in order, beside each other, between characters. What is out of order is not lost, but it
/// takes what it overlaps with it: a piece too much is gone rather than one too few.
fn proper(text: &str, mut splices: Vec<Splice>) -> Vec<Splice> {
    let is_cut = |range: &Range<usize>| text.get(range.clone()).is_some();
    let is_proper = splices.iter().all(|splice| is_cut(&splice.range))
        && splices.windows(2).all(|pair| matches!(pair, [a, b] if a.range.end <= b.range.start));
    if is_proper {
        return splices;
    }
    splices.sort_by_key(|splice| splice.range.start);
    let mut from = 0;
    for splice in &mut splices {
        let start = (0..=splice.range.start.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let end = splice.range.end.clamp(start, text.len());
        let end = (end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        splice.range = start.max(from)..end.max(start).max(from);
        from = splice.range.end;
    }
    splices
}

/// Whether a text is JSON in which escapes hide something.
fn hides(text: &str) -> bool {
    text.contains('\\') && text.trim_start().starts_with(['{', '['])
}

/// What a key says.
fn name<'t>(key: Value<'t>) -> Cow<'t, str> {
    key.text().unwrap_or_default()
}

/// Whether a value is a word of a protocol: letters, digits and what joins them, not long and not only digits.
fn is_identifier(value: Value<'_>) -> bool {
    let raw = value.raw();
    let joined = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:".contains(&byte);
    value.kind() == Kind::Text
        && raw.len() <= 64
        && raw.starts_with(|first: char| first.is_ascii_alphabetic())
        && raw.bytes().all(joined)
}
