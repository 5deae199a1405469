//! The hub's conversation → instructions and turns that the API accepts: each turn is one content, what functions
//! answered stands right behind their calls and in the order of the calls, no text is empty.

use super::super::content::{
    Answered, BlobOut, CallOut, FileOut, PartOut, ResponseOut, is_base64, media_type_of, object,
};
use super::super::model::Model;
use super::body::{Speaker, Turn};
use super::tools::is_name;
use crate::chat::{Media, MediaKind, Message, Part, Role, Source, TextPart, ToolCall, ToolResult};
use crate::dialect::arguments::Input;
use crate::fault::Fault;
use crate::loss::Losses;
use std::borrow::Cow;
use std::collections::HashMap;

/// What stands in for the signature of a call that another model made, as the reference allows
/// (<https://ai.google.dev/gemini-api/docs/thought-signatures#faqs>).
const UNSIGNED: &str = "skip_thought_signature_validator";

/// The conversation as the API takes it.
#[derive(Debug, Default)]
pub(super) struct Conversation<'a> {
    /// The instructions' texts.
    pub(super) system: Vec<PartOut<'a>>,
    /// The turns.
    pub(super) turns: Vec<Turn<'a>>,
    /// The functions' names by the ids of their calls: a result here names its function.
    called: HashMap<&'a str, &'a str>,
}

impl<'a> Conversation<'a> {
    /// Reads the hub's messages. System and developer messages all become the instruction, in their order, wherever they
    /// stand; for one that changes its place the loss `messages.role.system` is noted.
    ///
    /// # Errors
    /// A [`Fault`] for a role that nobody knows, or when nothing is said at all.
    pub(super) fn of(messages: &'a [Message<'a>], model: Model, losses: &mut Losses) -> Result<Self, Fault> {
        let mut all = Self::default();
        for (index, message) in messages.iter().enumerate() {
            if message.name.is_some() {
                losses.add("messages.name");
            }
            let speaker = match &message.role {
                Role::System | Role::Developer => {
                    all.instruct(message, losses);
                    continue;
                }
                Role::User | Role::Tool => Speaker::User,
                Role::Assistant => Speaker::Model,
                Role::Unknown(role) => {
                    let role: String = role.chars().take(64).collect();
                    let path = format!("messages[{index}].role");
                    return Err(Fault::invalid(format!("{path} is `{role}`, which is no role that is known here"))
                        .with_param(path));
                }
            };
            all.say(speaker, &message.parts, model, losses);
        }
        if all.turns.is_empty() {
            let message = "messages say nothing: the Gemini API needs a content with parts";
            return Err(Fault::invalid(message).with_param("messages"));
        }
        all.order_results();
        if model.checks_signatures() {
            all.sign();
        }
        Ok(all)
    }

    fn instruct(&mut self, message: &'a Message<'a>, losses: &mut Losses) {
        if !self.turns.is_empty() {
            losses.add("messages.role.system");
        }
        for part in &message.parts {
            match part {
                Part::Text(part) => self.system.extend(text(part, losses)),
                Part::Media(_)
                | Part::Thinking { .. }
                | Part::RedactedThinking { .. }
                | Part::ToolCall(_)
                | Part::ToolResult(_)
                | Part::Refusal(_) => losses.add("messages.content"),
            }
        }
    }

    /// Says the parts in this speaker's turn. Nothing is said by a message without content.
    fn say(&mut self, role: Speaker, parts: &'a [Part<'a>], model: Model, losses: &mut Losses) {
        let mut said = Vec::with_capacity(parts.len());
        for part in parts {
            self.part(part, role, model, &mut said, losses);
        }
        match self.turns.last_mut() {
            Some(turn) if turn.role == role => turn.parts.append(&mut said),
            Some(_) | None if said.is_empty() => {}
            Some(_) | None => self.turns.push(Turn { role, parts: said }),
        }
    }

    fn part(
        &mut self,
        part: &'a Part<'a>,
        role: Speaker,
        model: Model,
        said: &mut Vec<PartOut<'a>>,
        losses: &mut Losses,
    ) {
        let is_model = role == Speaker::Model;
        match part {
            Part::Text(part) => said.extend(text(part, losses)),
            Part::Refusal(words) => said.extend((!words.is_empty()).then(|| PartOut::text(words))),
            Part::Media(medium) => said.extend(media(medium, losses)),
            Part::ToolCall(call) if is_model => said.push(self.call(call, losses)),
            Part::ToolResult(result) if !is_model => self.result(result, model, said, losses),
            Part::Thinking { text, signature } if is_model => {
                let proof = signature.as_deref().filter(|signature| is_base64(signature));
                if signature.is_some() && proof.is_none() {
                    losses.add("messages.content.thinking.signature");
                }
                if proof.is_some() || !text.is_empty() {
                    said.push(PartOut::thought(text, proof.map(Cow::Borrowed)));
                }
            }
            Part::Thinking { .. } => losses.add("messages.content.thinking"),
            Part::RedactedThinking { .. } => losses.add("messages.content.redacted_thinking"),
            Part::ToolCall(_) => losses.add("messages.tool_calls"),
            Part::ToolResult(_) => losses.add("messages.content.tool_result"),
        }
    }

    fn call(&mut self, call: &'a ToolCall<'a>, losses: &mut Losses) -> PartOut<'a> {
        self.called.insert(&call.id, &call.name);
        if call.cache.is_some() {
            losses.add("messages.content.cache_control");
        }
        let args = Input::of(&call.arguments);
        if matches!(args, Input::Wrapped(_)) {
            losses.add("messages.tool_calls.function.arguments");
        }
        let name = name(&call.name, losses);
        let signature = call.signature.as_deref().filter(|signature| is_base64(signature));
        let call = CallOut { id: &call.id, name, args };
        PartOut { function_call: Some(call), thought_signature: signature.map(Cow::Borrowed), ..PartOut::default() }
    }

    fn result(&mut self, result: &'a ToolResult<'a>, model: Model, said: &mut Vec<PartOut<'a>>, losses: &mut Losses) {
        if result.cache.is_some() {
            losses.add("messages.content.cache_control");
        }
        let mut texts = Vec::new();
        let mut seen = Vec::new();
        for part in &result.content {
            match part {
                Part::Text(part) => {
                    if part.cache.is_some() {
                        losses.add("messages.content.cache_control");
                    }
                    texts.push(part.text.as_str());
                }
                Part::Media(medium) => seen.extend(media(medium, losses)),
                Part::Thinking { .. }
                | Part::RedactedThinking { .. }
                | Part::ToolCall(_)
                | Part::ToolResult(_)
                | Part::Refusal(_) => losses.add("messages.content"),
            }
        }
        // A result whose call is not there is named after its id: the API says what is wrong with it.
        let name = name(self.called.get(result.id.as_str()).copied().unwrap_or(&result.id), losses);
        let (inside, beside) = if model.is_old() { (Vec::new(), seen) } else { (seen, Vec::new()) };
        let response = answered(texts, result.is_error);
        let response = ResponseOut { id: &result.id, name, response, parts: inside };
        said.push(PartOut { function_response: Some(response), ..PartOut::default() });
        said.extend(beside);
    }

    /// Brings the results of each turn to its beginning, in the order of the calls in the turn before it: by their order
    /// alone does the API tell two calls of one function apart where it has no ids.
    fn order_results(&mut self) {
        let mut calls: HashMap<&'a str, usize> = HashMap::new();
        for turn in &mut self.turns {
            match turn.role {
                Speaker::Model => {
                    let ids = turn.parts.iter().filter_map(|part| part.function_call.as_ref());
                    calls = ids.enumerate().map(|(at, call)| (call.id, at)).collect();
                }
                Speaker::User => turn.parts.sort_by_key(|part| match &part.function_response {
                    Some(response) => calls.get(response.id).copied().unwrap_or(usize::MAX - 1),
                    None => usize::MAX,
                }),
            }
        }
    }

    /// Sees to it that the first call of each step since the user last spoke has a signature: Gemini 3 refuses a turn
    /// without.
    fn sign(&mut self) {
        let spoke_last = self.turns.iter().rposition(|turn| {
            turn.role == Speaker::User && turn.parts.iter().all(|part| part.function_response.is_none())
        });
        for turn in self.turns.iter_mut().skip(spoke_last.map_or(0, |at| at + 1)) {
            let mut calls = turn.parts.iter_mut().filter(|part| part.function_call.is_some());
            if let Some(first) = calls.next()
                && first.thought_signature.is_none()
            {
                first.thought_signature = Some(Cow::Borrowed(UNSIGNED));
            }
        }
    }
}

fn text<'a>(part: &'a TextPart<'a>, losses: &mut Losses) -> Option<PartOut<'a>> {
    if part.cache.is_some() {
        losses.add("messages.content.cache_control");
    }
    (!part.text.is_empty()).then(|| PartOut::text(&part.text))
}

/// A name in the only characters that the API takes; others become `_`.
fn name<'a>(name: &'a str, losses: &mut Losses) -> Cow<'a, str> {
    if is_name(name) {
        return Cow::Borrowed(name);
    }
    losses.add("messages.tool_calls.function.name");
    let plain = name.chars().take(100).map(|c| if c.is_ascii_alphanumeric() || "_.:-".contains(c) { c } else { '_' });
    Cow::Owned(std::iter::once('_').chain(plain).collect())
}

/// A run of this many digits does not fit into a double, which is what the API makes of every number in here.
const DIGITS_EXACT_MAX: usize = 15;

/// What a function said, as the API wants it: an object as it is (unless numbers in it would change), everything else
/// under `output`, what went wrong under `error`.
fn answered<'a>(texts: Vec<&'a str>, is_error: bool) -> Answered<'a> {
    let said = match texts.as_slice() {
        [one] => Cow::Borrowed(*one),
        many => Cow::Owned(many.join("\n")),
    };
    if is_error {
        return Answered::Error(said);
    }
    if let Cow::Borrowed(text) = said
        && !has_long_number(text)
        && let Some(raw) = object(text).filter(|raw| !stands_alone(raw.get()))
    {
        return Answered::Object(raw);
    }
    Answered::Output(said)
}

fn has_long_number(json: &str) -> bool {
    let mut run = 0;
    json.bytes().any(|byte| {
        run = if byte.is_ascii_digit() { run + 1 } else { 0 };
        run > DIGITS_EXACT_MAX
    })
}

/// Whether an object has the names by which a function's answer is told: they would be taken for it.
fn stands_alone(json: &str) -> bool {
    let json = json.trim_start_matches(|c: char| c == '{' || c.is_ascii_whitespace());
    ["\"output\"", "\"result\"", "\"error\""].iter().any(|key| json.starts_with(key))
}

fn media<'a>(medium: &'a Media<'a>, losses: &mut Losses) -> Option<PartOut<'a>> {
    for (field, lost) in [
        ("messages.content.cache_control", medium.cache.is_some()),
        ("messages.content.image_url.detail", medium.detail.as_deref().is_some_and(|detail| detail != "auto")),
        ("messages.content.citations", medium.citations),
        ("messages.content.context", medium.context.is_some()),
        ("messages.content.title", medium.name.is_some()),
    ] {
        if lost {
            losses.add(field);
        }
    }
    let file = |uri: Cow<'a, str>, mime_type| {
        Some(PartOut { file_data: Some(FileOut { mime_type, file_uri: uri }), ..PartOut::default() })
    };
    match &medium.source {
        Source::Base64 { media_type, data } => {
            let mime_type = if media_type == "image/jpg" { "image/jpeg" } else { media_type.as_str() };
            Some(PartOut { inline_data: Some(BlobOut { mime_type, data }), ..PartOut::default() })
        }
        Source::Text(text) => (!text.is_empty()).then(|| PartOut::text(text)),
        Source::Url(url) => file(Cow::Borrowed(url), Some(media_type_of(url).unwrap_or(usual(medium.kind)))),
        Source::FileId(id) if id.contains("://") => file(Cow::Borrowed(id), media_type_of(id)),
        Source::FileId(id) if id.starts_with("files/") => {
            file(Cow::Owned(format!("https://generativelanguage.googleapis.com/v1beta/{id}")), None)
        }
        // Another provider's.
        Source::FileId(_) => {
            losses.add("messages.content.file_id");
            None
        }
    }
}

/// The media type that most things of the kind have.
fn usual(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image/jpeg",
        MediaKind::Document => "application/pdf",
        MediaKind::Audio => "audio/mp3",
        MediaKind::Video => "video/mp4",
    }
}
