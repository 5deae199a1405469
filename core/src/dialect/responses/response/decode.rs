//! A provider's whole answer → the hub.

use crate::chat::{Choice, Part, Response, TextPart, ToolCall};
use crate::dialect::openai::json::{self, text_of};
use crate::dialect::responses::answer::{self, Answer, Item};
use crate::dialect::responses::item::{REDACTED, TOOL_SIGNATURE};
use crate::dialect::responses::request::freeform;
use crate::dialect::responses::usage::Counts;
use crate::dialect::responses::{label, stop};
use crate::dialect::wire::Raw;
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Reads a whole answer. `null` counts as absent everywhere, and only `output` must be there.
///
/// # Errors
/// A [`Fault`] of kind `Upstream` for a body that is no answer, or an answer that is not ready; the provider's own error
/// for one that failed.
pub fn decode(body: &[u8]) -> Result<Response<'_>, Fault> {
    let mut whole: Answer<'_> = json::read_answer(body, "the provider's answer")?;
    let status = whole.status.take().unwrap_or_default();
    match status.as_str() {
        "failed" => return Err(answer::failure(whole.error)),
        "queued" | "in_progress" | "cancelled" => {
            return Err(Fault::upstream(format!("the provider's answer is `{status}`, not completed")));
        }
        _ if whole.error.is_some() => return Err(answer::failure(whole.error)),
        _ => {}
    }
    let Some(output) = whole.output else { return Err(Fault::upstream("the provider's answer has no output")) };
    let mut losses = Losses::default();
    if whole.moderation.is_some() {
        losses.add("moderation");
    }
    for name in &whole.unknown {
        losses.add_unknown("", name);
    }
    let mut said = Said { parts: Vec::new(), logprobs: String::new(), chars: 0, losses: &mut losses };
    for item in output {
        said.item(item);
    }
    let Said { parts, logprobs, .. } = said;
    let reason = whole.incomplete_details.and_then(|details| details.reason);
    let is_whole = status.as_str() != "incomplete";
    let reason = if is_whole { None } else { Some(reason.unwrap_or_else(|| Str::from("max_output_tokens"))) };
    let calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let refused = parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    let stop = stop::decode(reason, calls, refused);
    let choice = Choice { index: 0, parts, stop, logprobs: chat_logprobs(&logprobs).map(Cow::Owned) };
    Ok(Response {
        id: whole.id.unwrap_or_default(),
        model: whole.model.unwrap_or_default(),
        created: whole.created_at.map(|created| created.0),
        choices: vec![choice],
        usage: whole.usage.and_then(Counts::into_usage),
        service_tier: whole.service_tier,
        losses,
    })
}

/// What the items say, one after the other.
struct Said<'a, 'l> {
    parts: Vec<Part<'a>>,
    /// The entries of all lists of log probabilities, without brackets.
    logprobs: String,
    /// Characters of the answer's text so far.
    chars: u64,
    losses: &'l mut Losses,
}

impl<'a> Said<'a, '_> {
    fn item(&mut self, mut item: Item<'a>) {
        for name in &item.unknown {
            if label::output(item.kind()).is_none() {
                self.losses.add_unknown("output", name);
            }
        }
        if item.phase.is_some() {
            self.losses.add("output.phase");
        }
        match item.kind() {
            "message" => {
                for part in item.content.take().unwrap_or_default() {
                    self.part(part);
                }
            }
            "reasoning" => self.reasoning(item),
            "function_call" => {
                let arguments = item.arguments.map(text_of).unwrap_or_default();
                self.call(item, arguments);
            }
            "custom_tool_call" => {
                self.losses.add("output.custom_tool_call");
                let arguments = freeform::arguments(&item.input.map(text_of).unwrap_or_default());
                self.call(item, arguments.into());
            }
            kind => label::lose(label::output(kind), "output", kind, self.losses),
        }
    }

    fn part(&mut self, part: answer::Part<'a>) {
        for name in &part.unknown {
            self.losses.add_unknown("output.content", name);
        }
        match (part.kind.as_deref(), part.text, part.refusal) {
            (Some("output_text"), Some(text), _) => {
                let mut citations = Vec::new();
                for annotation in part.annotations.unwrap_or_default() {
                    match annotation.into_citation(self.chars) {
                        Some(citation) => citations.push(citation),
                        None => self.losses.add("output.content.annotations"),
                    }
                }
                if let Some(entries) = part.logprobs.and_then(entries) {
                    self.logprobs.push_str(if self.logprobs.is_empty() { "" } else { "," });
                    self.logprobs.push_str(entries);
                }
                self.chars = self.chars.saturating_add(text.chars().count() as u64);
                self.parts.push(Part::Text(TextPart { text, citations, cache: None }));
            }
            (Some("refusal"), _, Some(refusal)) => self.parts.push(Part::Refusal(refusal)),
            (kind, _, _) => self.losses.add_unknown("output.content", kind.unwrap_or("type")),
        }
    }

    fn reasoning(&mut self, mut item: Item<'a>) {
        let signature = item.sealed();
        if let Some(data) = signature.as_deref().and_then(|sealed| sealed.strip_prefix(REDACTED)) {
            self.parts.push(Part::RedactedThinking { data: Str::from(data.to_owned()) });
            return;
        }
        if let Some(proof) = signature.as_deref().and_then(|sealed| sealed.strip_prefix(TOOL_SIGNATURE)) {
            if let Some(Part::ToolCall(call)) = self.parts.last_mut() {
                call.signature = Some(Str::from(proof.to_owned()));
            }
            return;
        }
        let text = item.thought();
        // A thought that is neither told nor proven is nothing to anybody.
        if text.is_some() || signature.is_some() {
            self.parts.push(Part::Thinking { text: text.unwrap_or_default(), signature });
        }
    }

    fn call(&mut self, item: Item<'a>, arguments: Str<'a>) {
        if item.namespace.is_some() {
            self.losses.add("output.namespace");
        }
        let id = item.call_id.or(item.id).unwrap_or_default();
        let name = item.name.unwrap_or_default();
        self.parts.push(Part::ToolCall(ToolCall { id, name, arguments, ..ToolCall::default() }));
    }
}

/// The entries of a list that is not empty.
pub(in crate::dialect::responses) fn entries(list: Raw<'_>) -> Option<&str> {
    let entries = list.get().trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    (!entries.is_empty()).then_some(entries)
}

/// Log probabilities as the hub has them: in the shape of chat completions, whose entries are the same.
pub(in crate::dialect::responses) fn chat_logprobs(entries: &str) -> Option<Box<RawValue>> {
    if entries.is_empty() {
        return None;
    }
    RawValue::from_string(format!(r#"{{"content":[{entries}],"refusal":null}}"#)).ok()
}
