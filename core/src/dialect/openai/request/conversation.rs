//! The hub's conversation → messages for a provider.
//!
//! A tool message holds only text here, and every result must come right after the calls. So a turn's results come
//! first, and what else they held (images, files) follows in the user's message, with a text that names the call.

use crate::chat::{self, CacheMark, Media, MediaKind, Part, Role, Source, TextPart, ToolResult};
use crate::dialect::data_url::Url;
use crate::dialect::openai::texts::Texts;
use crate::dialect::quirks::ThoughtsBack;
use crate::loss::Losses;
use serde::Serialize;
use std::borrow::Cow;

/// Writes the messages; adds what they cannot say to `losses`.
pub(super) fn encode<'b>(
    messages: &'b [chat::Message<'_>],
    thoughts: ThoughtsBack,
    losses: &mut Losses,
) -> Vec<Message<'b>> {
    let mut conversation = Conversation { thoughts, ..Conversation::default() };
    for message in messages {
        conversation.message(message);
    }
    conversation.flush_held();
    losses.extend(conversation.losses);
    conversation.messages
}

/// A message on its way to a provider.
#[derive(Default, Serialize)]
pub(super) struct Message<'b> {
    role: &'b str,
    /// `null` only where the model calls tools and says nothing.
    content: Option<Content<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<Texts<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Texts<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Texts<'b>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'b str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'b> {
    Text(Texts<'b>),
    Parts(Vec<PartOut<'b>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum PartOut<'b> {
    Text { text: Cow<'b, str> },
    ImageUrl { image_url: ImageUrl<'b> },
    VideoUrl { video_url: ImageUrl<'b> },
    InputAudio { input_audio: InputAudio<'b> },
    File { file: File<'b> },
}

#[derive(Serialize)]
struct ImageUrl<'b> {
    url: Url<'b>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'b str>,
}

#[derive(Serialize)]
struct InputAudio<'b> {
    data: &'b str,
    format: &'b str,
}

#[derive(Serialize)]
struct File<'b> {
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<Cow<'b, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<Url<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<&'b str>,
}

#[derive(Serialize)]
struct Call<'b> {
    id: &'b str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Called<'b>,
}

#[derive(Serialize)]
struct Called<'b> {
    name: &'b str,
    arguments: &'b str,
}

/// The messages written so far.
#[derive(Default)]
struct Conversation<'b> {
    messages: Vec<Message<'b>>,
    /// Media from tool results, until the last result of the turn has been written.
    held: Vec<PartOut<'b>>,
    /// Where thoughts go.
    thoughts: ThoughtsBack,
    losses: Losses,
}

impl<'b> Conversation<'b> {
    fn message(&mut self, message: &'b chat::Message<'_>) {
        let name = message.name.as_deref();
        match &message.role {
            Role::System => self.instructions("system", name, &message.parts),
            Role::Developer => self.instructions("developer", name, &message.parts),
            Role::Assistant => {
                self.flush_held();
                self.assistant(name, &message.parts);
                self.results(&message.parts);
            }
            Role::User => self.user("user", name, &message.parts),
            Role::Tool => self.user("user", None, &message.parts),
            Role::Unknown(role) => self.user(role, name, &message.parts),
        }
    }

    fn instructions(&mut self, role: &'b str, name: Option<&'b str>, parts: &'b [Part<'_>]) {
        self.flush_held();
        let content = self.content(parts);
        self.push(role, name, content);
    }

    /// A user's message: tool results first, then what the user says, if anything.
    fn user(&mut self, role: &'b str, name: Option<&'b str>, parts: &'b [Part<'_>]) {
        let has_results = self.results(parts);
        let said = self.content(parts);
        if said.is_empty() && has_results {
            return;
        }
        let mut content = std::mem::take(&mut self.held);
        content.extend(said);
        self.push(role, name, content);
    }

    fn flush_held(&mut self) {
        if !self.held.is_empty() {
            let content = std::mem::take(&mut self.held);
            self.push("user", None, content);
        }
    }

    fn push(&mut self, role: &'b str, name: Option<&'b str>, content: Vec<PartOut<'b>>) {
        let content = Some(content_of(content));
        self.messages.push(Message { role, content, name, ..Message::default() });
    }

    /// Writes every tool result as a message of its own; there were some.
    fn results(&mut self, parts: &'b [Part<'_>]) -> bool {
        let before = self.messages.len();
        for part in parts {
            if let Part::ToolResult(result) = part {
                self.result(result);
            }
        }
        self.messages.len() > before
    }

    fn result(&mut self, result: &'b ToolResult<'_>) {
        note_cache(result.cache.as_ref(), &mut self.losses);
        if result.is_error {
            self.losses.add("messages.content.tool_result.is_error");
        }
        let mut pieces = Vec::new();
        let mut media = Vec::new();
        for part in self.content(&result.content) {
            match part {
                PartOut::Text { text: Cow::Borrowed(text) } => pieces.push(text),
                PartOut::Text { text: Cow::Owned(_) }
                | PartOut::ImageUrl { .. }
                | PartOut::VideoUrl { .. }
                | PartOut::InputAudio { .. }
                | PartOut::File { .. } => media.push(part),
            }
        }
        if !media.is_empty() {
            let text = Cow::Owned(format!("Files that tool call {} returned:", result.id));
            self.held.push(PartOut::Text { text });
            self.held.append(&mut media);
        }
        self.messages.push(Message {
            role: "tool",
            content: Some(Content::Text(Texts::new(pieces, "\n\n"))),
            tool_call_id: Some(&result.id),
            ..Message::default()
        });
    }

    /// What can stand in a content; tool results are no part of it.
    fn content(&mut self, parts: &'b [Part<'_>]) -> Vec<PartOut<'b>> {
        let mut content = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Part::Text(text) => {
                    self.note_text(text);
                    content.push(PartOut::Text { text: Cow::Borrowed(&text.text) });
                }
                Part::Media(media) => content.extend(self.media(media)),
                Part::Refusal(text) => content.push(PartOut::Text { text: Cow::Borrowed(text) }),
                Part::Thinking { .. } => self.losses.add("messages.content.thinking"),
                Part::RedactedThinking { .. } => self.losses.add("messages.content.redacted_thinking"),
                Part::ToolCall(_) => self.losses.add("messages.content.tool_use"),
                Part::ToolResult(_) => {}
            }
        }
        content
    }

    fn assistant(&mut self, name: Option<&'b str>, parts: &'b [Part<'_>]) {
        let thoughts = self.thoughts(parts);
        let mut said = Vec::new();
        if !thoughts.is_empty() && self.thoughts == ThoughtsBack::ThinkTags {
            said.push("<think>");
            said.extend(&thoughts);
            said.push("</think>\n\n");
        }
        let mut refused = Vec::new();
        let mut tool_calls = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => {
                    self.note_text(text);
                    said.push(text.text.as_str());
                }
                Part::Refusal(text) => refused.push(text.as_str()),
                Part::ToolCall(call) => {
                    note_cache(call.cache.as_ref(), &mut self.losses);
                    if call.signature.is_some() {
                        self.losses.add("tool_calls.signature");
                    }
                    tool_calls.push(encode_call(call));
                }
                Part::Media(media) => self.losses.add(lost_media(media.kind)),
                Part::RedactedThinking { .. } => self.losses.add("messages.content.redacted_thinking"),
                Part::Thinking { .. } | Part::ToolResult(_) => {}
            }
        }
        let field = |place| (self.thoughts == place && !thoughts.is_empty()).then(|| Texts::new(thoughts.clone(), ""));
        let (reasoning_content, reasoning) = (field(ThoughtsBack::ReasoningContent), field(ThoughtsBack::Reasoning));
        let is_silent = said.is_empty() && !(tool_calls.is_empty() && refused.is_empty());
        self.messages.push(Message {
            role: "assistant",
            content: (!is_silent).then_some(Content::Text(Texts::new(said, ""))),
            name,
            reasoning_content,
            reasoning,
            refusal: (!refused.is_empty()).then_some(Texts::new(refused, "")),
            tool_calls,
            tool_call_id: None,
        });
    }

    /// The thoughts that go back; the others are lost, and so is every proof, which is another provider's.
    fn thoughts(&mut self, parts: &'b [Part<'_>]) -> Vec<&'b str> {
        let goes_back = match self.thoughts {
            ThoughtsBack::AsWritten | ThoughtsBack::Never => false,
            ThoughtsBack::ReasoningContent | ThoughtsBack::Reasoning | ThoughtsBack::ThinkTags => true,
        };
        let mut thoughts = Vec::new();
        for part in parts {
            let Part::Thinking { text, signature } = part else { continue };
            if !goes_back || text.is_empty() {
                self.losses.add("messages.content.thinking");
                continue;
            }
            if signature.is_some() {
                self.losses.add("messages.content.thinking.signature");
            }
            thoughts.push(text.as_str());
        }
        thoughts
    }

    /// What hangs on a text and cannot be said.
    fn note_text(&mut self, text: &TextPart<'_>) {
        note_cache(text.cache.as_ref(), &mut self.losses);
        if !text.citations.is_empty() {
            self.losses.add("messages.content.citations");
        }
    }

    fn media(&mut self, media: &'b Media<'_>) -> Option<PartOut<'b>> {
        note_cache(media.cache.as_ref(), &mut self.losses);
        if media.citations {
            self.losses.add("messages.content.citations");
        }
        if media.context.is_some() {
            self.losses.add("messages.content.context");
        }
        match (media.kind, &media.source) {
            (MediaKind::Image, Source::Base64 { media_type, data }) => {
                Some(image(media, Url::Data { media_type, data }))
            }
            (MediaKind::Image, Source::Url(url)) => Some(image(media, Url::Web(url))),
            (MediaKind::Video, Source::Base64 { media_type, data }) => {
                Some(video(media, Url::Data { media_type, data }))
            }
            (MediaKind::Video, Source::Url(url)) => Some(video(media, Url::Web(url))),
            (MediaKind::Audio, Source::Base64 { media_type, data }) => {
                Some(PartOut::InputAudio { input_audio: InputAudio { data, format: audio_format(media_type) } })
            }
            (MediaKind::Document, Source::Base64 { media_type, data }) => Some(PartOut::File {
                file: File {
                    filename: Some(filename(media.name.as_deref(), media_type)),
                    file_data: Some(Url::Data { media_type, data }),
                    file_id: None,
                },
            }),
            (MediaKind::Document, Source::FileId(id)) => {
                let filename = media.name.as_deref().map(Cow::Borrowed);
                Some(PartOut::File { file: File { filename, file_data: None, file_id: Some(id) } })
            }
            (MediaKind::Document, Source::Text(text)) => {
                if media.name.is_some() {
                    self.losses.add("messages.content.title");
                }
                Some(PartOut::Text { text: Cow::Borrowed(text) })
            }
            (MediaKind::Document, Source::Url(_))
            | (MediaKind::Audio, Source::Url(_) | Source::FileId(_) | Source::Text(_))
            | (MediaKind::Image | MediaKind::Video, Source::FileId(_) | Source::Text(_)) => {
                self.losses.add(lost_media(media.kind));
                None
            }
        }
    }
}

/// Text only is one string; anything else is a list of parts.
fn content_of(parts: Vec<PartOut<'_>>) -> Content<'_> {
    let pieces: Option<Vec<&str>> = parts
        .iter()
        .map(|part| match part {
            PartOut::Text { text: Cow::Borrowed(text) } => Some(*text),
            PartOut::Text { text: Cow::Owned(_) }
            | PartOut::ImageUrl { .. }
            | PartOut::VideoUrl { .. }
            | PartOut::InputAudio { .. }
            | PartOut::File { .. } => None,
        })
        .collect();
    match pieces {
        Some(pieces) => Content::Text(Texts::new(pieces, "\n\n")),
        None => Content::Parts(parts),
    }
}

fn encode_call<'b>(call: &'b chat::ToolCall<'_>) -> Call<'b> {
    // A call without arguments is an empty object to everyone who parses them.
    let arguments = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.as_str() };
    Call { id: &call.id, kind: "function", function: Called { name: &call.name, arguments } }
}

fn image<'b>(media: &'b Media<'_>, url: Url<'b>) -> PartOut<'b> {
    PartOut::ImageUrl { image_url: ImageUrl { url, detail: media.detail.as_deref() } }
}

/// OpenAI itself takes no videos; the servers that do have agreed on this.
fn video<'b>(media: &'b Media<'_>, url: Url<'b>) -> PartOut<'b> {
    PartOut::VideoUrl { video_url: ImageUrl { url, detail: media.detail.as_deref() } }
}

pub(in crate::dialect) fn lost_media(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "messages.content.image",
        MediaKind::Document => "messages.content.document",
        MediaKind::Audio => "messages.content.audio",
        MediaKind::Video => "messages.content.video",
    }
}

/// `wav` and `mp3` are what OpenAI takes; other servers take more.
pub(in crate::dialect) fn audio_format(media_type: &str) -> &str {
    let subtype = media_type.split_once('/').map_or(media_type, |(_, subtype)| subtype);
    match subtype {
        "mpeg" | "mp3" => "mp3",
        "wav" | "wave" | "x-wav" | "vnd.wave" => "wav",
        other => other,
    }
}

/// A file needs a name, and the name an extension.
pub(in crate::dialect) fn filename<'b>(name: Option<&'b str>, media_type: &str) -> Cow<'b, str> {
    let extension = match media_type {
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        "text/markdown" => "md",
        "text/csv" => "csv",
        "text/html" => "html",
        "application/json" => "json",
        _ => "bin",
    };
    match name.filter(|name| !name.is_empty()) {
        Some(name) if name.contains('.') => Cow::Borrowed(name),
        Some(name) => Cow::Owned(format!("{name}.{extension}")),
        None => Cow::Owned(format!("document.{extension}")),
    }
}

/// OpenAI caches prompts by itself. It takes explicit breakpoints only for its newest models (GPT-5.6 on), and other
/// servers refuse fields that they do not know, so markers are not translated.
pub(in crate::dialect) fn note_cache(mark: Option<&CacheMark<'_>>, losses: &mut Losses) {
    if mark.is_some() {
        losses.add("cache_control");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Message as Said, ToolCall};
    use crate::text::Str;

    fn check(messages: &[Said<'_>], expected: &[&str], losses: &str) {
        let mut lost = Losses::default();
        let messages = encode(messages, ThoughtsBack::AsWritten, &mut lost);
        let messages: Vec<String> = messages.iter().map(|message| serde_json::to_string(message).unwrap()).collect();
        assert_eq!(messages, expected);
        assert_eq!(lost.header(), losses);
    }

    fn said<'a>(role: Role<'a>, parts: Vec<Part<'a>>) -> Said<'a> {
        Said { role, name: None, parts }
    }

    fn text(text: &str) -> Part<'_> {
        Part::Text(TextPart { text: text.into(), ..TextPart::default() })
    }

    fn result<'a>(id: &'a str, content: Vec<Part<'a>>, is_error: bool) -> Part<'a> {
        Part::ToolResult(ToolResult { id: id.into(), content, is_error, cache: None })
    }

    fn media(kind: MediaKind, source: Source<'_>) -> Media<'_> {
        Media { kind, source, name: None, context: None, detail: None, citations: false, cache: None }
    }

    fn base64(media_type: &str) -> Source<'_> {
        Source::Base64 { media_type: media_type.into(), data: "AA==".into() }
    }

    #[test]
    fn results_come_first_and_their_images_after_the_last_one() {
        let image = || Part::Media(media(MediaKind::Image, base64("image/png")));
        let turn = said(
            Role::User,
            vec![
                result("a", vec![text("one"), image(), text("two")], false),
                result("b", vec![], true),
                text("And now?"),
            ],
        );
        let files = r#"{"type":"text","text":"Files that tool call a returned:"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}"#;
        let tools = [
            r#"{"role":"tool","content":"one\n\ntwo","tool_call_id":"a"}"#,
            r#"{"role":"tool","content":"","tool_call_id":"b"}"#,
        ];
        let user = format!(r#"{{"role":"user","content":[{files},{{"type":"text","text":"And now?"}}]}}"#);
        check(&[turn], &[tools[0], tools[1], &user], "messages.content.tool_result.is_error");

        // The same from tool messages of their own.
        let turn = [
            said(Role::Tool, vec![result("a", vec![text("one"), image(), text("two")], false)]),
            said(Role::Tool, vec![result("b", vec![], false)]),
            said(Role::Assistant, vec![text("Hm")]),
        ];
        let user = format!(r#"{{"role":"user","content":[{files}]}}"#);
        check(&turn, &[tools[0], tools[1], &user, r#"{"role":"assistant","content":"Hm"}"#], "");
        check(&turn[..2], &[tools[0], tools[1], &user], "");
    }

    #[test]
    fn what_the_model_said() {
        let call = |arguments| {
            Part::ToolCall(ToolCall {
                id: "a".into(),
                name: "f".into(),
                arguments: Str::from(arguments),
                ..ToolCall::default()
            })
        };
        let called = r#""tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]"#;
        let thought = Part::Thinking { text: "hm".into(), signature: Some("s".into()) };
        let redacted = Part::RedactedThinking { data: "d".into() };
        check(
            &[said(Role::Assistant, vec![thought, redacted, text("Look"), text("ing."), call("")])],
            &[&format!(r#"{{"role":"assistant","content":"Looking.",{called}}}"#)],
            "messages.content.thinking, messages.content.redacted_thinking",
        );
        check(
            &[said(Role::Assistant, vec![call(" ")])],
            &[&format!(r#"{{"role":"assistant","content":null,{called}}}"#)],
            "",
        );
        check(&[said(Role::Assistant, vec![])], &[r#"{"role":"assistant","content":""}"#], "");
        check(
            &[said(Role::Assistant, vec![Part::Refusal("No.".into())])],
            &[r#"{"role":"assistant","content":null,"refusal":"No."}"#],
            "",
        );
    }

    #[test]
    fn text_is_one_string() {
        check(&[said(Role::System, vec![text("a"), text("b")])], &[r#"{"role":"system","content":"a\n\nb"}"#], "");
        check(&[said(Role::Developer, vec![text("a")])], &[r#"{"role":"developer","content":"a"}"#], "");
        check(&[said(Role::User, vec![])], &[r#"{"role":"user","content":""}"#], "");
        let marked =
            Part::Text(TextPart { text: "a\"b".into(), cache: Some(CacheMark::default()), ..TextPart::default() });
        check(&[said(Role::User, vec![marked])], &[r#"{"role":"user","content":"a\"b"}"#], "cache_control");
    }

    #[test]
    fn media_of_every_kind() {
        use MediaKind::{Audio, Document, Image};
        let one = |media, expected: &str, losses| {
            let content = if expected.is_empty() { "\"\"".to_owned() } else { format!("[{expected}]") };
            let message = format!(r#"{{"role":"user","content":{content}}}"#);
            check(&[said(Role::User, vec![Part::Media(media)])], &[&message], losses);
        };
        let named = |media, name: &'static str| Media { name: Some(name.into()), ..media };
        let detailed = Media { detail: Some("low".into()), ..media(Image, Source::Url("https://x/a".into())) };
        one(detailed, r#"{"type":"image_url","image_url":{"url":"https://x/a","detail":"low"}}"#, "");
        one(media(Image, Source::FileId("f".into())), "", "messages.content.image");
        one(
            media(Audio, base64("audio/mpeg")),
            r#"{"type":"input_audio","input_audio":{"data":"AA==","format":"mp3"}}"#,
            "",
        );
        one(
            media(Audio, base64("audio/x-wav")),
            r#"{"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}}"#,
            "",
        );
        one(media(Audio, Source::Url("https://x/a".into())), "", "messages.content.audio");
        let pdf = |name: &str| {
            format!(
                r#"{{"type":"file","file":{{"filename":"{name}","file_data":"data:application/pdf;base64,AA=="}}}}"#
            )
        };
        one(media(Document, base64("application/pdf")), &pdf("document.pdf"), "");
        one(named(media(Document, base64("application/pdf")), "Report"), &pdf("Report.pdf"), "");
        one(named(media(Document, base64("application/pdf")), "a.pdf"), &pdf("a.pdf"), "");
        one(media(Document, Source::FileId("f".into())), r#"{"type":"file","file":{"file_id":"f"}}"#, "");
        one(media(Document, Source::Url("https://x/a.pdf".into())), "", "messages.content.document");
        let told = Media {
            citations: true,
            context: Some("c".into()),
            ..named(media(Document, Source::Text("t".into())), "n")
        };
        check(
            &[said(Role::User, vec![Part::Media(told)])],
            &[r#"{"role":"user","content":"t"}"#],
            "messages.content.citations, messages.content.context, messages.content.title",
        );
    }
}
