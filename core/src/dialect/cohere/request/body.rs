//! The request as it is written: structs that borrow from the hub and know their JSON.

use crate::dialect::data_url::Url;
use crate::dialect::openai::texts::Texts;
use serde::Serialize;
use serde_json::Number;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The whole body.
#[derive(Serialize)]
pub(super) struct Body<'b> {
    pub(super) model: &'b str,
    pub(super) messages: Vec<Message<'b>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<Tool<'b>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) strict_tools: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) documents: Vec<Document<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) citation_options: Option<CitationOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_format: Option<ResponseFormat<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) stop_sequences: Vec<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<&'b Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) frequency_penalty: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) presence_penalty: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) k: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p: Option<Number>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) logprobs: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thinking: Option<Thinking>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) stream: bool,
}

/// A message.
#[derive(Serialize)]
pub(super) struct Message<'b> {
    pub(super) role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<Content<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_plan: Option<Texts<'b>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tool_calls: Vec<Call<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_call_id: Option<&'b str>,
}

/// What a message says: one bare text is written as a string.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Content<'b> {
    Text(&'b str),
    Blocks(Vec<Block<'b>>),
}

impl<'b> Content<'b> {
    /// The blocks; `None` where there are none.
    pub(super) fn of(blocks: Vec<Block<'b>>) -> Option<Self> {
        match blocks.as_slice() {
            [] => None,
            [Block::Text { text }] => Some(Self::Text(text)),
            _ => Some(Self::Blocks(blocks)),
        }
    }
}

/// A content block.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'b> {
    Text { text: &'b str },
    Thinking { thinking: &'b str },
    ImageUrl { image_url: ImageUrl<'b> },
    Document { document: Document<'b> },
}

/// A picture.
#[derive(Serialize)]
pub(super) struct ImageUrl<'b> {
    pub(super) url: Url<'b>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<&'b str>,
}

/// A tool call.
#[derive(Serialize)]
pub(super) struct Call<'b> {
    pub(super) id: &'b str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) function: Called<'b>,
}

/// What is called.
#[derive(Serialize)]
pub(super) struct Called<'b> {
    pub(super) name: &'b str,
    pub(super) arguments: &'b str,
}

/// A document.
#[derive(Serialize)]
pub(super) struct Document<'b> {
    pub(super) data: DocumentData<'b>,
}

/// What a document says.
#[derive(Serialize)]
pub(super) struct DocumentData<'b> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<&'b str>,
    pub(super) text: &'b str,
}

/// Whether answers cite.
#[derive(Serialize)]
pub(super) struct CitationOptions {
    pub(super) mode: &'static str,
}

/// A tool of the client.
#[derive(Serialize)]
pub(super) struct Tool<'b> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) function: Function<'b>,
}

/// What a tool is.
#[derive(Serialize)]
pub(super) struct Function<'b> {
    pub(super) name: &'b str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'b str>,
    pub(super) parameters: Cow<'b, RawValue>,
}

/// The form of the answer.
#[derive(Serialize)]
pub(super) struct ResponseFormat<'b> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) json_schema: Option<&'b RawValue>,
}

/// How to think.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Thinking {
    Enabled {
        #[serde(skip_serializing_if = "Option::is_none")]
        token_budget: Option<u64>,
    },
    Disabled,
}
