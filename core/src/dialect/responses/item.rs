//! The items of an answer, as they grow and as they are written.

use super::request::freeform;
use crate::chat::Citation;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// What the sealed content of a thought begins with that another API has withheld: it must go back as that, not as the
/// signature of a thought that can be read.
pub(super) const REDACTED: &str = "redacted_thinking.";
/// What the sealed content of an item begins with that holds the proof of the call before it.
pub(super) const TOOL_SIGNATURE: &str = "tool_call_signature.";

/// One item of an answer.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    /// Its place in the answer, `output_index`.
    pub(super) index: usize,
    pub(super) state: State,
    pub(super) content: Content,
}

/// How far an item, or an answer, is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    InProgress,
    Completed,
    Incomplete,
    Failed,
}

/// What an item says.
#[derive(Debug)]
pub(super) enum Content {
    Message(Vec<Words>),
    Reasoning { text: String, sealed: Option<String> },
    Call(Call),
}

/// A call of a tool.
#[derive(Debug)]
pub(super) struct Call {
    /// Its number in the stream.
    pub(super) tool: u32,
    pub(super) call_id: String,
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    /// The client's tool takes free text, which stands in the arguments.
    pub(super) is_freeform: bool,
    pub(super) arguments: String,
}

/// A part of a message.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) is_refusal: bool,
    pub(super) text: String,
    /// How many characters of the answer's text come before it.
    pub(super) chars_before: u64,
    pub(super) citations: Vec<Cited>,
    /// The entries of a list, without its brackets.
    pub(super) logprobs: String,
}

/// A source of a text.
#[derive(Debug)]
pub(super) struct Cited {
    from: u64,
    to: u64,
    url: Option<String>,
    title: String,
    document: Option<String>,
}

impl Cited {
    /// A citation whose span counts from the beginning of its part.
    pub(super) fn new(citation: &Citation<'_>, (from, to): (u64, u64)) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            from,
            to,
            url: owned(citation.url.as_deref()),
            // SDKs want a title.
            title: owned(citation.title.as_deref().or(citation.url.as_deref())).unwrap_or_default(),
            document: owned(citation.document.as_deref()),
        }
    }

    /// How many bytes it holds.
    pub(super) fn bytes(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        size_of::<Self>() + self.title.len() + length(&self.url) + length(&self.document)
    }

    pub(super) fn written(&self) -> Annotation<'_> {
        match (&self.url, &self.document) {
            (None, Some(file_id)) => Annotation::FileCitation { file_id, filename: &self.title, index: self.to },
            (url, _) => Annotation::UrlCitation {
                url: url.as_deref().unwrap_or_default(),
                title: &self.title,
                start_index: self.from,
                end_index: self.to,
            },
        }
    }
}

/// An item on its way to a client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Written<'b> {
    Message {
        id: &'b str,
        status: State,
        role: &'static str,
        content: Vec<WrittenPart<'b>>,
    },
    Reasoning {
        id: &'b str,
        summary: Vec<WrittenPart<'b>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<&'b str>,
    },
    FunctionCall {
        id: &'b str,
        status: State,
        call_id: &'b str,
        name: &'b str,
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<&'b str>,
        arguments: &'b str,
    },
    CustomToolCall {
        id: &'b str,
        status: State,
        call_id: &'b str,
        name: &'b str,
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<&'b str>,
        input: String,
    },
}

/// A part on its way to a client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum WrittenPart<'b> {
    OutputText { text: &'b str, annotations: Vec<Annotation<'b>>, logprobs: Logprobs<'b> },
    Refusal { refusal: &'b str },
    SummaryText { text: &'b str },
}

/// A source on its way to a client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Annotation<'b> {
    UrlCitation { url: &'b str, title: &'b str, start_index: u64, end_index: u64 },
    FileCitation { file_id: &'b str, filename: &'b str, index: u64 },
}

/// Entries of a list that are JSON already.
pub(super) struct Logprobs<'b>(pub(super) &'b str);

impl Serialize for Logprobs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match RawValue::from_string(format!("[{}]", self.0)) {
            Ok(list) if !self.0.is_empty() => list.serialize(serializer),
            Ok(_) | Err(_) => serializer.collect_seq::<[u8; 0]>([]),
        }
    }
}

impl Item {
    /// The item as it is now.
    pub(super) fn written(&self) -> Written<'_> {
        let (id, status) = (self.id.as_str(), self.state);
        match &self.content {
            Content::Message(parts) => {
                let content = parts.iter().map(Words::written).collect();
                Written::Message { id, status, role: "assistant", content }
            }
            Content::Reasoning { text, sealed } => {
                let summary = if text.is_empty() { Vec::new() } else { vec![WrittenPart::SummaryText { text }] };
                Written::Reasoning { id, summary, encrypted_content: sealed.as_deref() }
            }
            Content::Call(call) => {
                let Call { call_id, name, namespace, is_freeform, arguments, .. } = call;
                let namespace = namespace.as_deref();
                match is_freeform {
                    false => Written::FunctionCall { id, status, call_id, name, namespace, arguments },
                    true => Written::CustomToolCall { id, status, call_id, name, namespace, input: call.input() },
                }
            }
        }
    }
}

impl Call {
    /// The free text for the client's tool.
    pub(super) fn input(&self) -> String {
        if self.arguments.is_empty() { String::new() } else { freeform::input(&self.arguments).into_string() }
    }
}

impl Words {
    pub(super) fn written(&self) -> WrittenPart<'_> {
        if self.is_refusal {
            return WrittenPart::Refusal { refusal: &self.text };
        }
        WrittenPart::OutputText {
            text: &self.text,
            annotations: self.citations.iter().map(Cited::written).collect(),
            logprobs: Logprobs(&self.logprobs),
        }
    }
}
