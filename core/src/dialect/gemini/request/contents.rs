//! A client's contents → the hub's messages.

use super::super::content::{ContentFields, FunctionCall, FunctionResponse, PartFields};
use super::super::names::note;
use super::super::signature::{self, Proof};
use super::decode::missing;
use crate::chat::{Message, Part, Role, ToolCall, ToolResult};
use crate::dialect::wire::{Raw, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use std::collections::VecDeque;

/// What a part may be or carry that the hub has no place for.
const LOST: [&str; 14] = [
    "contents.parts.executableCode",
    "contents.parts.codeExecutionResult",
    "contents.parts.toolCall",
    "contents.parts.toolResponse",
    "contents.parts.videoMetadata",
    "contents.parts.mediaResolution",
    "contents.parts.partMetadata",
    "contents.parts.mediaProcessing",
    "contents.parts.speechMetadata",
    "contents.parts.audioTranscription",
    "contents.parts.documentMetadata",
    "contents.parts.spreadsheetMetadata",
    "contents.parts.audioMetadata",
    "contents.parts.thoughtSignature",
];

/// The instructions above the conversation, as the first message. Their role does not count.
pub(super) fn system<'a>(content: ContentFields<'a>, losses: &mut Losses) -> Result<Option<Message<'a>>, Fault> {
    let mut calls = Calls::default();
    let parts = parts(content.parts.unwrap_or_default().0, "systemInstruction", &mut calls, losses)?;
    Ok((!parts.is_empty()).then_some(Message { role: Role::System, name: None, parts }))
}

/// Reads the conversation.
pub(super) fn decode<'a>(
    contents: Vec<ContentFields<'a>>,
    messages: &mut Vec<Message<'a>>,
    losses: &mut Losses,
) -> Result<(), Fault> {
    let mut calls = Calls::default();
    for (index, content) in contents.into_iter().enumerate() {
        note(&content.unknown, "contents.", &[], losses);
        let role = match content.role {
            None => Role::User,
            Some(role) => match role.as_str() {
                "" | "user" => Role::User,
                "model" => Role::Assistant,
                "function" => Role::Tool,
                _ => Role::Unknown(role),
            },
        };
        let parts = parts(content.parts.unwrap_or_default().0, &format!("contents[{index}]"), &mut calls, losses)?;
        // In the hub, a tool says nothing but its result.
        let only_results = parts.iter().all(|part| matches!(part, Part::ToolResult(_)));
        let role = if role == Role::Tool && !only_results { Role::User } else { role };
        messages.push(Message { role, name: None, parts });
    }
    Ok(())
}

/// The calls whose results have not come, to find the one that a result without an id belongs to.
#[derive(Debug, Default)]
struct Calls<'a> {
    open: VecDeque<(Str<'a>, Str<'a>)>,
    /// How many calls had no id.
    nameless: usize,
}

impl<'a> Calls<'a> {
    /// The call's id. One that has none gets the number of its place in the conversation, which it keeps as the
    /// conversation grows.
    fn begin(&mut self, id: Option<Str<'a>>, name: &Str<'a>) -> Str<'a> {
        let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| {
            self.nameless += 1;
            Str::from(format!("call_{}", self.nameless))
        });
        self.open.push_back((id.clone(), name.clone()));
        id
    }

    /// The id of the call that this result answers: its own, or that of the first open call of the function.
    fn end(&mut self, id: Option<Str<'a>>, name: &str) -> Str<'a> {
        let id = id.filter(|id| !id.is_empty());
        let at = self.open.iter().position(|(open, of)| id.as_ref().map_or(of.as_str() == name, |id| open == id));
        let met = at.and_then(|at| self.open.remove(at));
        id.or(met.map(|(id, _)| id)).unwrap_or_else(|| {
            self.nameless += 1;
            Str::from(format!("call_{}", self.nameless))
        })
    }
}

fn parts<'a>(
    fields: Vec<PartFields<'a>>,
    path: &str,
    calls: &mut Calls<'a>,
    losses: &mut Losses,
) -> Result<Vec<Part<'a>>, Fault> {
    let mut parts = Vec::with_capacity(fields.len());
    for (index, fields) in fields.into_iter().enumerate() {
        note(&fields.unknown, "contents.parts.", &LOST, losses);
        part(fields, || format!("{path}.parts[{index}]"), calls, &mut parts, losses)?;
    }
    Ok(parts)
}

/// Reads one part: two in the hub, where a text carries a signature.
fn part<'a>(
    fields: PartFields<'a>,
    path: impl Fn() -> String,
    calls: &mut Calls<'a>,
    parts: &mut Vec<Part<'a>>,
    losses: &mut Losses,
) -> Result<(), Fault> {
    let signature = match fields.signature.filter(|signature| !signature.is_empty()).map(signature::read) {
        Some(Proof::Redacted(data)) => {
            parts.push(Part::RedactedThinking { data: data.into() });
            None
        }
        Some(Proof::Signature(signature)) => Some(Str::from(signature)),
        None => None,
    };
    if let Some(call) = fields.function_call {
        parts.push(Part::ToolCall(function_call(*call, signature, path, calls, losses)?));
        return Ok(());
    }
    if let Some(text) = fields.text {
        if fields.thought == Some(true) {
            parts.push(Part::Thinking { text, signature });
            return Ok(());
        }
        if !text.is_empty() {
            parts.push(Part::Text(text.into()));
        }
        parts.extend(signature.map(|signature| Part::Thinking { text: Str::default(), signature: Some(signature) }));
        return Ok(());
    }
    if signature.is_some() {
        losses.add("contents.parts.thoughtSignature");
    }
    if let Some(blob) = fields.inline_data {
        let path = || format!("{}.inlineData.mimeType", path());
        let media = blob.into_media().ok_or_else(|| missing(&path(), "a media type such as image/png"))?;
        parts.push(Part::Media(media));
    } else if let Some(file) = fields.file_data {
        let media = file.into_media();
        let media = media.ok_or_else(|| missing(&format!("{}.fileData.fileUri", path()), "where the file is"))?;
        parts.push(Part::Media(media));
    } else if let Some(response) = fields.function_response {
        parts.push(Part::ToolResult(function_response(*response, path, calls, losses)?));
    }
    Ok(())
}

fn function_call<'a>(
    call: FunctionCall<'a>,
    signature: Option<Str<'a>>,
    path: impl Fn() -> String,
    calls: &mut Calls<'a>,
    losses: &mut Losses,
) -> Result<ToolCall<'a>, Fault> {
    note(&call.unknown, "contents.parts.functionCall.", &[], losses);
    if call.partial_args.is_some() {
        losses.add("contents.parts.functionCall.partialArgs");
    }
    let name = call.name.ok_or_else(|| missing(&format!("{}.functionCall.name", path()), "the function's name"))?;
    let id = calls.begin(call.id, &name);
    let arguments = Str::from(call.args.map_or("{}", |args| args.get()));
    Ok(ToolCall { id, name, arguments, signature, cache: None })
}

/// What a function's answer may carry that no other dialect has.
const RESPONSE_LOST: [&str; 2] =
    ["contents.parts.functionResponse.willContinue", "contents.parts.functionResponse.scheduling"];

fn function_response<'a>(
    fields: FunctionResponse<'a>,
    path: impl Fn() -> String,
    calls: &mut Calls<'a>,
    losses: &mut Losses,
) -> Result<ToolResult<'a>, Fault> {
    note(&fields.unknown, "contents.parts.functionResponse.", &RESPONSE_LOST, losses);
    let name = fields.name.unwrap_or_default();
    let id = calls.end(fields.id, &name);
    let mut content = Vec::new();
    let mut is_error = false;
    if let Some(raw) = fields.response {
        let (text, failed) =
            answered(raw).ok_or_else(|| missing(&format!("{}.functionResponse.response", path()), "a JSON object"))?;
        is_error = failed;
        content.push(Part::Text(text.into()));
    }
    for part in fields.parts.unwrap_or_default().0 {
        let media = match (part.inline_data, part.file_data) {
            (Some(blob), _) => blob.into_media(),
            (None, Some(file)) => file.into_media(),
            (None, None) => None,
        };
        match media {
            Some(media) => content.push(Part::Media(media)),
            None => losses.add("contents.parts.functionResponse.parts"),
        }
    }
    Ok(ToolResult { id, content, is_error, cache: None })
}

wire! {
    /// The names by which a function's answer is told, where it tells one thing.
    struct Answered<'a> { output: Raw<'a>, result: Raw<'a>, error: Raw<'a> }
}

/// What a function answered, and whether it failed; `None` for what is no object. What stands alone under `output`,
/// `result` or `error` is itself; anything else is the whole object's JSON.
fn answered(raw: Raw<'_>) -> Option<(Str<'_>, bool)> {
    let fields: Answered<'_> = serde_json::from_str(raw.get()).ok()?;
    let alone = match (fields.output, fields.result, fields.error) {
        (Some(said), None, None) | (None, Some(said), None) => Some((said, false)),
        (None, None, Some(said)) => Some((said, true)),
        _ => None,
    };
    Some(match alone.filter(|_| fields.unknown.is_empty()) {
        Some((said, failed)) => (serde_json::from_str(said.get()).unwrap_or_else(|_| Str::from(said.get())), failed),
        None => (Str::from(raw.get()), false),
    })
}
