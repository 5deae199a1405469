//! What hangs on a text that changes: positions in it move along, and the probabilities of tokens that are no longer
//! there go.

use super::Splice;
use super::tape::{Kind, Value};
use super::walk::Walk;

/// In what positions are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Unicode characters.
    Chars,
    /// Bytes of UTF-8.
    Bytes,
}

impl Unit {
    /// How many there are in a text.
    pub(crate) fn count(self, text: &str) -> u64 {
        match self {
            Self::Chars => text.chars().count() as u64,
            Self::Bytes => text.len() as u64,
        }
    }
}

/// Where the positions of a text are when it has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shift {
    /// Every change in order: where it began and ended, and where it does now.
    cuts: Vec<Cut>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    before: (u64, u64),
    after: (u64, u64),
}

impl Shift {
    /// Of a text as it was, with what changes in it.
    pub fn new(text: &str, splices: &[Splice], unit: Unit) -> Self {
        let mut shift = Self::default();
        shift.push(text, splices, unit, 0);
        shift
    }

    /// Adds a text that begins at a place behind all those before it.
    pub(crate) fn push(&mut self, text: &str, splices: &[Splice], unit: Unit, start: u64) {
        let (mut from, mut at) = (0, start);
        for splice in splices {
            at += unit.count(text.get(from..splice.range.start).unwrap_or_default());
            let end = at + unit.count(text.get(splice.range.clone()).unwrap_or_default());
            let began = self.moved(at);
            self.cuts.push(Cut { before: (at, end), after: (began, began + unit.count(&splice.text)) });
            (from, at) = (splice.range.end, end);
        }
    }

    fn moved(&self, at: u64) -> u64 {
        self.cuts.last().map_or(at, |cut| cut.after.1 + at.saturating_sub(cut.before.1))
    }

    /// Where a piece that begins here begins now: of one that begins in something that was replaced, with all of it.
    pub fn start(&self, at: u64) -> u64 {
        self.place(at, |cut| cut.before.1 <= at, |cut| cut.after.0)
    }

    /// Where a piece that ends here ends now.
    pub fn end(&self, at: u64) -> u64 {
        // What was put in at this very place stands behind the piece.
        self.place(at, |cut| cut.before.1 <= at && cut.before.0 < at, |cut| cut.after.1)
    }

    fn place(&self, at: u64, is_before: impl Fn(&Cut) -> bool, inside: impl Fn(&Cut) -> u64) -> u64 {
        let behind = self.cuts.partition_point(is_before);
        match self.cuts.get(behind).filter(|cut| cut.before.0 < at) {
            Some(cut) => inside(cut),
            None => behind
                .checked_sub(1)
                .and_then(|last| self.cuts.get(last))
                .map_or(at, |cut| cut.after.1 + (at - cut.before.1)),
        }
    }
}

/// A message's sources: `annotations[].url_citation`, in characters of its content.
pub(super) fn openai_message(walk: &mut Walk<'_, '_>, message: Value<'_>) {
    let Some(shift) = message.get("content").and_then(|content| of(walk, content, Unit::Chars)) else { return };
    for annotation in message.get("annotations").into_iter().flat_map(Value::items) {
        let cited = annotation.get("url_citation").unwrap_or(annotation);
        span(walk, cited, ["start_index", "end_index"], &shift);
    }
}

/// A choice's probabilities. Of what was masked, the tokens would tell.
pub(super) fn openai_choice(walk: &mut Walk<'_, '_>, choice: Value<'_>) {
    forget(walk, choice, "logprobs", "null");
}

/// A transcript's probabilities.
pub(super) fn transcript(walk: &mut Walk<'_, '_>, answer: Value<'_>) {
    forget(walk, answer, "logprobs", "null");
}

/// A part's sources and probabilities; SDKs want a list of those.
pub(super) fn responses_part(walk: &mut Walk<'_, '_>, part: Value<'_>) {
    let Some(shift) = part.get("text").and_then(|text| of(walk, text, Unit::Chars)) else { return };
    forget(walk, part, "logprobs", "[]");
    for annotation in part.get("annotations").into_iter().flat_map(Value::items) {
        span(walk, annotation, ["start_index", "end_index"], &shift);
        // Where in the text the mark of a file stands.
        rewrite(walk, annotation, "index", |at| shift.end(at));
    }
}

/// A candidate's sources, in bytes: of one of its parts, or of all its text.
pub(super) fn gemini_candidate(walk: &mut Walk<'_, '_>, candidate: Value<'_>) {
    forget(walk, candidate, "logprobsResult", "null");
    let parts: Vec<Value<'_>> =
        candidate.get("content").and_then(|content| content.get("parts")).into_iter().flat_map(Value::items).collect();
    let (mut whole, mut bytes) = (Shift::default(), 0);
    for part in parts.iter().filter(|part| part.get("thought").is_none_or(|thought| thought.raw() != "true")) {
        let Some((value, text)) = part.get("text").and_then(|value| Some((value, value.text()?))) else { continue };
        whole.push(&text, walk.changes(value), Unit::Bytes, bytes);
        bytes += text.len() as u64;
    }
    for list in ["citations", "citationSources"] {
        let cited = candidate.get("citationMetadata").and_then(|metadata| metadata.get(list));
        for source in cited.into_iter().flat_map(Value::items) {
            span(walk, source, ["startIndex", "endIndex"], &whole);
        }
    }
    let shifts: Vec<Option<Shift>> =
        parts.iter().map(|part| part.get("text").and_then(|text| of(walk, text, Unit::Bytes))).collect();
    let supports = candidate.get("groundingMetadata").and_then(|metadata| metadata.get("groundingSupports"));
    for segment in supports.into_iter().flat_map(Value::items).filter_map(|support| support.get("segment")) {
        let part = usize::try_from(segment.number("partIndex").unwrap_or(0)).unwrap_or(usize::MAX);
        if let Some(Some(shift)) = shifts.get(part) {
            span(walk, segment, ["startIndex", "endIndex"], shift);
        }
    }
}

/// A message's citations, in characters of one of its blocks, or of its plan.
pub(super) fn cohere_message(walk: &mut Walk<'_, '_>, message: Value<'_>) {
    let content = message.get("content");
    let of_block = |block: Value<'_>| {
        let text = block.get("text").or_else(|| block.get("thinking"));
        text.and_then(|text| of(walk, text, Unit::Chars))
    };
    let blocks: Vec<Option<Shift>> = match content {
        Some(text) if text.kind() == Kind::Text => vec![of(walk, text, Unit::Chars)],
        content => content.into_iter().flat_map(Value::items).map(of_block).collect(),
    };
    let plan = message.get("tool_plan").and_then(|plan| of(walk, plan, Unit::Chars));
    for citation in message.get("citations").into_iter().flat_map(Value::items) {
        let block = usize::try_from(citation.number("content_index").unwrap_or(0)).unwrap_or(usize::MAX);
        let is_plan = citation.word("type").is_some_and(|kind| kind == "PLAN");
        let shift = if is_plan { plan.as_ref() } else { blocks.get(block).and_then(Option::as_ref) };
        if let Some(shift) = shift {
            span(walk, citation, ["start", "end"], shift);
        }
    }
}

/// An answer's probabilities.
pub(super) fn cohere_answer(walk: &mut Walk<'_, '_>, answer: Value<'_>) {
    forget(walk, answer, "logprobs", "null");
}

/// How a text has shifted; `None` for one that has not changed.
fn of(walk: &Walk<'_, '_>, text: Value<'_>, unit: Unit) -> Option<Shift> {
    let changes = walk.changes(text);
    let shifted = || Some(Shift::new(&text.text()?, changes, unit));
    if changes.is_empty() { None } else { shifted() }
}

fn span(walk: &mut Walk<'_, '_>, cited: Value<'_>, [start, end]: [&str; 2], shift: &Shift) {
    rewrite(walk, cited, start, |at| shift.start(at));
    rewrite(walk, cited, end, |at| shift.end(at));
}

fn rewrite(walk: &mut Walk<'_, '_>, object: Value<'_>, key: &str, moved: impl Fn(u64) -> u64) {
    for (_, value) in object.fields().filter(|(found, value)| found.is(key) && value.kind() == Kind::Number) {
        if let Ok(at) = value.raw().parse() {
            walk.rewrite(value, moved(at).to_string());
        }
    }
}

/// Takes probabilities away, where there are some.
fn forget(walk: &mut Walk<'_, '_>, object: Value<'_>, key: &str, json: &str) {
    for (_, value) in object.fields().filter(|(found, _)| found.is(key)) {
        if matches!(value.kind(), Kind::Array | Kind::Object) {
            walk.rewrite(value, json.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn splice(range: std::ops::Range<usize>, text: &str) -> Splice {
        Splice { range, text: text.to_owned() }
    }

    #[test]
    fn positions_move() {
        // a é b [cde→X] f [→new] g
        let text = "aébcdefg";
        let splices = [splice(4..7, "X"), splice(8..8, "new")];
        let chars = Shift::new(text, &splices, Unit::Chars);
        for (at, start, end) in [(0, 0, 0), (3, 3, 3), (4, 3, 4), (6, 4, 4), (7, 8, 5), (8, 9, 9)] {
            assert_eq!((chars.start(at), chars.end(at)), (start, end), "at {at}");
        }
        let bytes = Shift::new(text, &splices, Unit::Bytes);
        assert_eq!((bytes.start(4), bytes.end(7), bytes.end(9)), (4, 5, 10));
        assert_eq!(Shift::default().start(7), 7);
    }

    proptest! {
        /// A piece beside all changes is the same piece afterwards.
        #[test]
        fn what_did_not_change_is_found_again(
            pieces in prop::collection::vec(("[a-zé字]{0,3}", "[A-ZÉ]{1,2}", prop::option::of("[0-9字]{0,3}")), 0..5),
        ) {
            let (mut text, mut new, mut splices, mut kept) = (String::new(), String::new(), Vec::new(), Vec::new());
            for (plain, other, replaced) in &pieces {
                kept.push((text.len()..text.len() + plain.len(), plain));
                text.push_str(plain);
                new.push_str(plain);
                if let Some(replaced) = replaced {
                    splices.push(splice(text.len()..text.len() + other.len(), replaced));
                }
                text.push_str(other);
                new.push_str(replaced.as_ref().unwrap_or(other));
            }
            let chars: Vec<char> = new.chars().collect();
            let (by_chars, by_bytes) = (Shift::new(&text, &splices, Unit::Chars), Shift::new(&text, &splices, Unit::Bytes));
            for (range, plain) in kept.into_iter().filter(|(_, plain)| !plain.is_empty()) {
                let count = |at: usize| text.get(..at).unwrap().chars().count() as u64;
                let (start, end) = (by_chars.start(count(range.start)), by_chars.end(count(range.end)));
                let found: String = chars[start as usize..end as usize].iter().collect();
                prop_assert_eq!(&found, plain);
                let (start, end) = (by_bytes.start(range.start as u64), by_bytes.end(range.end as u64));
                prop_assert_eq!(new.get(start as usize..end as usize), Some(plain.as_str()));
            }
        }
    }
}
