//! The hub's conversation → `instructions` and the items of `input`.

use crate::chat::{Media, MediaKind, Message, Part, Role, Source, ToolCall, ToolResult};
use crate::dialect::data_url::Url;
use crate::dialect::openai::fingerprint::fingerprint;
use crate::dialect::openai::request::conversation::{filename, lost_media, note_cache};
use crate::dialect::openai::texts::Texts;
use crate::loss::Losses;
use serde::Serialize;
use std::borrow::Cow;

/// The API takes ids of calls of at most this many characters.
const CALL_ID_CHARS_MAX: usize = 64;

/// An item on its way to a provider.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item<'b> {
    Message {
        role: &'b str,
        content: Content<'b>,
    },
    FunctionCall {
        call_id: Cow<'b, str>,
        name: &'b str,
        arguments: &'b str,
    },
    FunctionCallOutput {
        call_id: Cow<'b, str>,
        output: Content<'b>,
    },
    /// Without its id: the encrypted content holds it, and one that differs is refused.
    Reasoning {
        summary: Vec<Summary<'b>>,
        encrypted_content: &'b str,
    },
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Content<'b> {
    Text(Texts<'b>),
    Parts(Vec<PartOut<'b>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum PartOut<'b> {
    InputText {
        text: &'b str,
    },
    OutputText {
        text: &'b str,
    },
    Refusal {
        refusal: &'b str,
    },
    InputImage {
        #[serde(skip_serializing_if = "Option::is_none")]
        image_url: Option<Url<'b>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_id: Option<&'b str>,
        detail: &'b str,
    },
    InputFile {
        #[serde(skip_serializing_if = "Option::is_none")]
        filename: Option<Cow<'b, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_data: Option<Url<'b>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_url: Option<&'b str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_id: Option<&'b str>,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "summary_text")]
pub(super) struct Summary<'b> {
    text: &'b str,
}

/// Writes a conversation; adds what it cannot say to `losses`. The system's words at the beginning are the instructions,
/// unless there is nothing else. `thinks`: the model takes its thoughts back.
pub(super) fn encode<'b>(
    messages: &'b [Message<'_>],
    thinks: bool,
    losses: &mut Losses,
) -> (Option<Cow<'b, str>>, Vec<Item<'b>>) {
    let leading = messages.iter().take_while(|message| message.role == Role::System).count();
    let (instructions, conversation) = match messages.split_at_checked(leading) {
        Some((instructions, conversation)) if !conversation.is_empty() => (instructions, conversation),
        Some(_) | None => (&[][..], messages),
    };
    let instructions = written_instructions(instructions, losses);
    let mut items = Items { items: Vec::with_capacity(conversation.len()), thinks, losses };
    for message in conversation {
        items.message(message);
    }
    (instructions, items.items)
}

fn written_instructions<'b>(messages: &'b [Message<'_>], losses: &mut Losses) -> Option<Cow<'b, str>> {
    let mut texts: Vec<&'b str> = Vec::new();
    for message in messages {
        if message.name.is_some() {
            losses.add("messages.name");
        }
        for part in &message.parts {
            match part {
                Part::Text(text) => {
                    note_cache(text.cache.as_ref(), losses);
                    texts.push(&text.text);
                }
                Part::Refusal(text) => texts.push(text),
                Part::Media(media) => losses.add(lost_media(media.kind)),
                Part::Thinking { .. } | Part::RedactedThinking { .. } | Part::ToolCall(_) | Part::ToolResult(_) => {
                    losses.add("messages.content")
                }
            }
        }
    }
    match texts.as_slice() {
        [] => None,
        [one] => Some(Cow::Borrowed(one)),
        many => Some(Cow::Owned(many.join("\n\n"))),
    }
}

/// The items written so far.
struct Items<'b, 'l> {
    items: Vec<Item<'b>>,
    thinks: bool,
    losses: &'l mut Losses,
}

impl<'b> Items<'b, '_> {
    fn message(&mut self, message: &'b Message<'_>) {
        if message.name.is_some() {
            self.losses.add("messages.name");
        }
        match &message.role {
            Role::Assistant => self.turn(&message.parts),
            Role::System => self.said("system", &message.parts),
            Role::Developer => self.said("developer", &message.parts),
            Role::User | Role::Tool => self.said("user", &message.parts),
            Role::Unknown(role) => self.said(role, &message.parts),
        }
    }

    /// What is said to the model: results of tools first, then the words, if there are any.
    fn said(&mut self, role: &'b str, parts: &'b [Part<'_>]) {
        let before = self.items.len();
        for part in parts {
            if let Part::ToolResult(result) = part {
                self.result(result);
            }
        }
        let has_results = self.items.len() > before;
        let content = self.content(parts);
        if !(content.is_empty() && has_results) {
            self.items.push(Item::Message { role, content: content_of(content) });
        }
    }

    /// What the model said, thought and called, in its order.
    fn turn(&mut self, parts: &'b [Part<'_>]) {
        let mut words = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => {
                    note_cache(text.cache.as_ref(), self.losses);
                    words.push(PartOut::OutputText { text: &text.text });
                }
                Part::Refusal(refusal) => words.push(PartOut::Refusal { refusal }),
                Part::Thinking { text, signature } => {
                    self.words(&mut words);
                    self.thought(text, signature.as_deref());
                }
                Part::RedactedThinking { .. } => self.losses.add("messages.content.redacted_thinking"),
                Part::ToolCall(call) => {
                    self.words(&mut words);
                    self.call(call);
                }
                Part::ToolResult(result) => {
                    self.words(&mut words);
                    self.result(result);
                }
                Part::Media(media) => self.losses.add(lost_media(media.kind)),
            }
        }
        self.words(&mut words);
    }

    /// Writes the words that have gathered as a message.
    fn words(&mut self, words: &mut Vec<PartOut<'b>>) {
        if words.is_empty() {
            return;
        }
        let words = std::mem::take(words);
        let texts: Option<Vec<&str>> = words
            .iter()
            .map(|part| match part {
                PartOut::OutputText { text } => Some(*text),
                PartOut::InputText { .. }
                | PartOut::Refusal { .. }
                | PartOut::InputImage { .. }
                | PartOut::InputFile { .. } => None,
            })
            .collect();
        let content = texts.map_or(Content::Parts(words), |texts| Content::Text(Texts::new(texts, "")));
        self.items.push(Item::Message { role: "assistant", content });
    }

    /// A thought goes back only sealed: without its encrypted content the API looks for it among what it has stored.
    fn thought(&mut self, text: &'b str, sealed: Option<&'b str>) {
        match sealed.filter(|_| self.thinks) {
            Some(encrypted_content) => {
                let summary = if text.is_empty() { Vec::new() } else { vec![Summary { text }] };
                self.items.push(Item::Reasoning { summary, encrypted_content });
            }
            None => self.losses.add("messages.content.thinking"),
        }
    }

    fn call(&mut self, call: &'b ToolCall<'_>) {
        note_cache(call.cache.as_ref(), self.losses);
        if call.signature.is_some() {
            self.losses.add("messages.content.tool_use.signature");
        }
        let arguments = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.as_str() };
        self.items.push(Item::FunctionCall { call_id: call_id(&call.id), name: &call.name, arguments });
    }

    fn result(&mut self, result: &'b ToolResult<'_>) {
        note_cache(result.cache.as_ref(), self.losses);
        if result.is_error {
            self.losses.add("messages.content.tool_result.is_error");
        }
        let output = content_of(self.content(&result.content));
        self.items.push(Item::FunctionCallOutput { call_id: call_id(&result.id), output });
    }

    /// What can stand in a content; tool results are no part of it.
    fn content(&mut self, parts: &'b [Part<'_>]) -> Vec<PartOut<'b>> {
        let mut content = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Part::Text(text) => {
                    note_cache(text.cache.as_ref(), self.losses);
                    content.push(PartOut::InputText { text: &text.text });
                }
                Part::Refusal(text) => content.push(PartOut::InputText { text }),
                Part::Media(media) => content.extend(self.media(media)),
                Part::Thinking { .. } => self.losses.add("messages.content.thinking"),
                Part::RedactedThinking { .. } => self.losses.add("messages.content.redacted_thinking"),
                Part::ToolCall(_) => self.losses.add("messages.content.tool_use"),
                Part::ToolResult(_) => {}
            }
        }
        content
    }

    fn media(&mut self, media: &'b Media<'_>) -> Option<PartOut<'b>> {
        note_cache(media.cache.as_ref(), self.losses);
        if media.citations {
            self.losses.add("messages.content.citations");
        }
        if media.context.is_some() {
            self.losses.add("messages.content.context");
        }
        match media.kind {
            MediaKind::Image => self.image(media),
            MediaKind::Document => self.document(media),
            MediaKind::Audio | MediaKind::Video => {
                self.losses.add(lost_media(media.kind));
                None
            }
        }
    }

    fn image(&mut self, media: &'b Media<'_>) -> Option<PartOut<'b>> {
        let detail = media.detail.as_deref().unwrap_or("auto");
        let (image_url, file_id) = match &media.source {
            Source::Base64 { media_type, data } => (Some(Url::Data { media_type, data }), None),
            Source::Url(url) => (Some(Url::Web(url)), None),
            Source::FileId(id) => (None, Some(id.as_str())),
            Source::Text(_) => {
                self.losses.add(lost_media(media.kind));
                return None;
            }
        };
        Some(PartOut::InputImage { image_url, file_id, detail })
    }

    fn document(&mut self, media: &'b Media<'_>) -> Option<PartOut<'b>> {
        let name = media.name.as_deref();
        let given = name.map(Cow::Borrowed);
        Some(match &media.source {
            Source::Base64 { media_type, data } => PartOut::InputFile {
                filename: Some(filename(name, media_type)),
                file_data: Some(Url::Data { media_type, data }),
                file_url: None,
                file_id: None,
            },
            // The API takes a name only with data.
            Source::Url(url) => {
                self.note_name(name);
                PartOut::InputFile { filename: None, file_data: None, file_url: Some(url), file_id: None }
            }
            Source::FileId(id) => {
                PartOut::InputFile { filename: given, file_data: None, file_url: None, file_id: Some(id) }
            }
            Source::Text(text) => {
                self.note_name(name);
                PartOut::InputText { text }
            }
        })
    }

    fn note_name(&mut self, name: Option<&str>) {
        if name.is_some() {
            self.losses.add("messages.content.title");
        }
    }
}

/// One text is a string; anything else is a list of parts.
fn content_of(parts: Vec<PartOut<'_>>) -> Content<'_> {
    match parts.as_slice() {
        [] => Content::Text(Texts::default()),
        [PartOut::InputText { text }] => Content::Text(Texts::new(vec![text], "")),
        _ => Content::Parts(parts),
    }
}

/// The id of a call. A longer one (some hold signatures) becomes its fingerprint, in the call and in its result.
fn call_id(id: &str) -> Cow<'_, str> {
    if id.chars().nth(CALL_ID_CHARS_MAX).is_none() {
        return Cow::Borrowed(id);
    }
    Cow::Owned(format!("call_{:032x}", fingerprint(id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Str;

    fn text(text: &'static str) -> Part<'static> {
        Part::Text(Str::from(text).into())
    }

    fn message(role: Role<'static>, parts: Vec<Part<'static>>) -> Message<'static> {
        Message { role, name: None, parts }
    }

    fn media(kind: MediaKind, source: Source<'static>) -> Part<'static> {
        Part::Media(Media { kind, source, name: None, context: None, detail: None, citations: false, cache: None })
    }

    /// Instructions, items and losses of a conversation.
    fn check(messages: &[Message<'_>], instructions: Option<&str>, expected: &[&str], lost: &str) {
        let mut losses = Losses::default();
        let (told, items) = encode(messages, true, &mut losses);
        assert_eq!(told.as_deref(), instructions);
        let items: Vec<String> = items.iter().map(|item| serde_json::to_string(item).unwrap()).collect();
        assert_eq!(items, expected);
        assert_eq!(losses.header(), lost);
    }

    #[test]
    fn the_system_speaks_first_as_instructions() {
        let system = |words| message(Role::System, vec![text(words)]);
        let user = message(Role::User, vec![text("hi")]);
        let hi = r#"{"type":"message","role":"user","content":"hi"}"#;
        check(&[system("a"), system("b"), user.clone()], Some("a\n\nb"), &[hi], "");
        check(&[user, system("a")], None, &[hi, r#"{"type":"message","role":"system","content":"a"}"#], "");
        check(&[system("a")], None, &[r#"{"type":"message","role":"system","content":"a"}"#], "");
    }

    #[test]
    fn a_turn_keeps_its_order() {
        let call = ToolCall { id: "c".into(), name: "f".into(), ..ToolCall::default() };
        let thinking =
            |signature: Option<&'static str>| Part::Thinking { text: "hm".into(), signature: signature.map(Str::from) };
        let turn = vec![thinking(Some("sealed")), text("one "), text("two"), Part::ToolCall(call), text("three")];
        check(
            &[message(Role::Assistant, turn)],
            None,
            &[
                r#"{"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"sealed"}"#,
                r#"{"type":"message","role":"assistant","content":"one two"}"#,
                r#"{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}"#,
                r#"{"type":"message","role":"assistant","content":"three"}"#,
            ],
            "",
        );
        let lost = vec![thinking(None), Part::RedactedThinking { data: "d".into() }, Part::Refusal("No.".into())];
        check(
            &[message(Role::Assistant, lost)],
            None,
            &[r#"{"type":"message","role":"assistant","content":[{"type":"refusal","refusal":"No."}]}"#],
            "messages.content.thinking, messages.content.redacted_thinking",
        );
    }

    #[test]
    fn results_come_before_words_and_may_hold_images() {
        let image = media(MediaKind::Image, Source::Url("https://x/y.png".into()));
        let result = |id: &'static str, content| {
            Part::ToolResult(ToolResult { id: id.into(), content, is_error: true, cache: None })
        };
        let parts = vec![text("and"), result("a", vec![text("1")]), result("b", vec![text("2"), image])];
        check(
            &[message(Role::User, parts)],
            None,
            &[
                r#"{"type":"function_call_output","call_id":"a","output":"1"}"#,
                r#"{"type":"function_call_output","call_id":"b","output":[{"type":"input_text","text":"2"},{"type":"input_image","image_url":"https://x/y.png","detail":"auto"}]}"#,
                r#"{"type":"message","role":"user","content":"and"}"#,
            ],
            "messages.content.tool_result.is_error",
        );
        let long = "x".repeat(65);
        let call = ToolCall { id: long.clone().into(), name: "f".into(), ..ToolCall::default() };
        let id = format!("call_{:032x}", fingerprint(&long));
        let output = ToolResult { id: long.into(), content: vec![], is_error: false, cache: None };
        check(
            &[
                message(Role::Assistant, vec![Part::ToolCall(call)]),
                message(Role::Tool, vec![Part::ToolResult(output)]),
            ],
            None,
            &[
                &format!(r#"{{"type":"function_call","call_id":"{id}","name":"f","arguments":"{{}}"}}"#),
                &format!(r#"{{"type":"function_call_output","call_id":"{id}","output":""}}"#),
            ],
            "",
        );
    }

    #[test]
    fn media_of_every_source() {
        let data = || Source::Base64 { media_type: "application/pdf".into(), data: "QQ==".into() };
        let url = || Source::Url("https://x/y".into());
        let id = || Source::FileId("file-1".into());
        for (kind, source, expected, lost) in [
            (
                MediaKind::Image,
                data(),
                r#"{"type":"input_image","image_url":"data:application/pdf;base64,QQ==","detail":"auto"}"#,
                "",
            ),
            (MediaKind::Image, id(), r#"{"type":"input_image","file_id":"file-1","detail":"auto"}"#, ""),
            (
                MediaKind::Document,
                data(),
                r#"{"type":"input_file","filename":"document.pdf","file_data":"data:application/pdf;base64,QQ=="}"#,
                "",
            ),
            (MediaKind::Document, url(), r#"{"type":"input_file","file_url":"https://x/y"}"#, ""),
            (MediaKind::Document, id(), r#"{"type":"input_file","file_id":"file-1"}"#, ""),
            (MediaKind::Audio, data(), r#"{"type":"input_text","text":"?"}"#, "messages.content.audio"),
            (MediaKind::Video, url(), r#"{"type":"input_text","text":"?"}"#, "messages.content.video"),
        ] {
            let asked = r#"{"type":"input_text","text":"?"}"#;
            let content = if lost.is_empty() { format!("[{asked},{expected}]") } else { "\"?\"".to_owned() };
            let item = format!(r#"{{"type":"message","role":"user","content":{content}}}"#);
            check(&[message(Role::User, vec![text("?"), media(kind, source)])], None, &[&item], lost);
        }
    }
}
