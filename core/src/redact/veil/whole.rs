//! Texts that an event holds whole: all that is no piece of another, wherever it stands.

use super::arguments::Arguments;
use super::grown::spliced;
use super::rules::Rules;
use super::tree::{Kind, Tree};
use crate::redact::Tally;
use crate::texts::literal::{Decoded, escape};
use crate::texts::{Form, Place, Scope};
use std::ops::Range;

/// Keys whose strings are the protocol's own words, ids and payloads.
const WORDS: [&str; 46] = [
    "id",
    "object",
    "model",
    "type",
    "role",
    "status",
    "name",
    "index",
    "format",
    "provider",
    "code",
    "param",
    "system_fingerprint",
    "finish_reason",
    "native_finish_reason",
    "stop_reason",
    "service_tier",
    "item_id",
    "call_id",
    "tool_call_id",
    "response_id",
    "previous_response_id",
    "tool_use_id",
    "signature",
    "thought_signature",
    "thoughtSignature",
    "encrypted_content",
    "encrypted_index",
    "redactedContent",
    "obfuscation",
    "p",
    "finishReason",
    "modelVersion",
    "responseId",
    "createTime",
    "stopReason",
    "toolUseId",
    "mimeType",
    "mime_type",
    "media_type",
    "data",
    "bytes",
    "blockReason",
    "category",
    "probability",
    "file_id",
];

/// A change of an event: which bytes, and what stands there then.
pub(super) type Edit = (Range<usize>, String);

/// Looks at one value or key that is no piece of a text that grows. `called`: whether it stands in
/// the arguments of a tool call, and whether it belongs to a tool that the provider runs.
///
/// # Errors
/// The entity because of which nothing may pass.
pub(super) fn look(
    rules: &dyn Rules,
    tree: &Tree<'_>,
    node: usize,
    called: (bool, bool),
    edits: &mut Vec<Edit>,
    tally: &mut Tally,
) -> Result<(), String> {
    let Some(known) = tree.node(node) else { return Ok(()) };
    let (arguments, server) = called;
    let called = arguments || (server && matches!(&*tree.key(node), "code" | "query" | "queries" | "input"));
    let scope = if called { Scope::ToolCalls } else { Scope::Assistant };
    let place = Place { scope, form: Form::Text, signed: false, server_tool: server, choice: 0 };
    if arguments && !known.key.is_empty() {
        let literal = tree.text.get(known.key.clone()).unwrap_or_default();
        let place = Place { form: Form::Key, ..place };
        text(rules, &place, literal, known.key.start, edits, tally)?;
    }
    match known.kind {
        Kind::String => {
            let key = tree.key(node);
            let Some(literal) = tree.literal(node) else { return Ok(()) };
            if !arguments && (WORDS.contains(&&*key) || literal.starts_with("data:")) {
                return Ok(());
            }
            let at = known.span.start + 1;
            if matches!(&*key, "arguments" | "partial_json") {
                return json(rules, &Place { scope: Scope::ToolCalls, ..place }, literal, at, edits, tally);
            }
            text(rules, &place, literal, at, edits, tally)
        }
        Kind::Word if arguments && tree.raw(node).starts_with(|met: char| met == '-' || met.is_ascii_digit()) => {
            edits.extend(number(rules, &place, tree.raw(node), tally)?.map(|new| (known.span.clone(), new)));
            Ok(())
        }
        Kind::Word | Kind::Object | Kind::Array => Ok(()),
    }
}

/// A number, or another word of JSON that is whole: the string that stands there then; `None` where it stays.
pub(super) fn number(
    rules: &dyn Rules,
    place: &Place,
    word: &str,
    tally: &mut Tally,
) -> Result<Option<String>, String> {
    let (findings, _) = rules.find_from(word, 0, true);
    let splices = rules.splices(&Place { form: Form::Number, ..*place }, word, &findings, tally)?;
    Ok((!splices.is_empty()).then(|| format!("\"{}\"", escape(&spliced(word, &splices)))))
}

/// A text that is whole.
pub(super) fn text(
    rules: &dyn Rules,
    place: &Place,
    literal: &str,
    at: usize,
    edits: &mut Vec<Edit>,
    tally: &mut Tally,
) -> Result<(), String> {
    let decoded = Decoded::read(literal);
    let (findings, _) = rules.find_from(decoded.text(), 0, true);
    for splice in rules.splices(place, decoded.text(), &findings, tally)? {
        let range = decoded.raw(splice.range.clone());
        edits.push((at + range.start..at + range.end, escape(&splice.text).into_owned()));
    }
    Ok(())
}

/// A text that is JSON.
fn json(
    rules: &dyn Rules,
    place: &Place,
    literal: &str,
    at: usize,
    edits: &mut Vec<Edit>,
    tally: &mut Tally,
) -> Result<(), String> {
    let decoded = Decoded::read(literal);
    let mut out = String::with_capacity(literal.len());
    Arguments::default().push(rules, place, decoded.text(), true, &mut out, tally)?;
    if out != decoded.text() {
        edits.push((at..at + literal.len(), escape(&out).into_owned()));
    }
    Ok(())
}

/// Whether a value is the arguments of a tool call, told as JSON or as a text of it.
pub(super) fn is_arguments(tree: &Tree<'_>, node: usize) -> bool {
    let parent = tree.node(node).map_or(0, |node| node.parent);
    let named = node != 0 && tree.node(parent).is_some_and(|parent| parent.kind == Kind::Object);
    named && matches!(&*tree.key(node), "args" | "input" | "arguments")
}
