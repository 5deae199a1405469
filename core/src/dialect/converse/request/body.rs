//! The request as it is written: structs that borrow from the hub and know their JSON.

use super::super::citation;
use super::additional;
use crate::chat::CacheMark;
use crate::dialect::arguments::Input;
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_json::Number;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The whole body.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body<'a> {
    pub(super) messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Content::is_empty")]
    pub(super) system: Content<'a>,
    #[serde(skip_serializing_if = "Inference::is_empty")]
    pub(super) inference_config: Inference<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_config: Option<Tools<'a>>,
    #[serde(skip_serializing_if = "additional::Written::is_empty")]
    pub(super) additional_model_request_fields: additional::Written<'a>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) additional_model_response_field_paths: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_metadata: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_tier: Option<Tier<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_config: Option<OutputConfig<'a>>,
}

/// One turn of the conversation.
#[derive(Debug, Serialize)]
pub(super) struct Turn<'a> {
    pub(super) role: Speaker,
    pub(super) content: Content<'a>,
}

/// The roles that every model knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Speaker {
    User,
    Assistant,
}

/// Blocks, each with the cache point behind it.
#[derive(Debug, Default)]
pub(super) struct Content<'a>(pub(super) Vec<Said<'a>>);

/// A block and whether the prompt up to it is worth caching.
#[derive(Debug)]
pub(super) struct Said<'a> {
    pub(super) block: Block<'a>,
    pub(super) mark: Option<Mark<'a>>,
}

impl<'a> From<Block<'a>> for Said<'a> {
    fn from(block: Block<'a>) -> Self {
        Self { block, mark: None }
    }
}

impl Content<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut blocks = serializer.serialize_seq(None)?;
        for said in &self.0 {
            blocks.serialize_element(&said.block)?;
            if let Some(mark) = &said.mark {
                blocks.serialize_element(&CachePointOut { cache_point: mark })?;
            }
        }
        blocks.end()
    }
}

/// A cache point as a block of its own.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CachePointOut<'a> {
    cache_point: &'a Mark<'a>,
}

/// A cache point.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Mark<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'a str>,
}

impl<'a> Mark<'a> {
    pub(super) fn new(mark: &'a CacheMark<'_>) -> Self {
        Self { kind: "default", ttl: mark.ttl.as_deref().filter(|ttl| matches!(*ttl, "5m" | "1h")) }
    }
}

/// A content block: a union, whose member's name is the type.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Block<'a> {
    Text(Cow<'a, str>),
    Image(Medium<'a>),
    Document(Document<'a>),
    Video(Medium<'a>),
    Audio(Medium<'a>),
    ReasoningContent(Thought<'a>),
    #[serde(rename_all = "camelCase")]
    ToolUse {
        tool_use_id: Cow<'a, str>,
        name: Cow<'a, str>,
        input: Input<'a>,
    },
    #[serde(rename_all = "camelCase")]
    ToolResult {
        tool_use_id: Cow<'a, str>,
        content: Content<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<&'static str>,
    },
    CitationsContent {
        content: [citation::WrittenQuote<'a>; 1],
        citations: Vec<citation::Written<'a>>,
    },
}

/// An image, film or sound.
#[derive(Debug, Serialize)]
pub(super) struct Medium<'a> {
    pub(super) format: &'static str,
    pub(super) source: Source<'a>,
}

/// A document.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    pub(super) format: &'static str,
    pub(super) name: String,
    pub(super) source: Source<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) citations: Option<Citations>,
}

/// A document's citations.
#[derive(Debug, Serialize)]
pub(super) struct Citations {
    pub(super) enabled: bool,
}

/// Where the bytes of a medium are.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Source<'a> {
    Bytes(&'a str),
    S3Location { uri: &'a str },
    Text(&'a str),
}

/// A thought.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Thought<'a> {
    ReasoningText { text: &'a str, signature: &'a str },
    RedactedContent(&'a str),
}

/// The common settings.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Inference<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<&'a Number>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) stop_sequences: Vec<&'a str>,
}

impl Inference<'_> {
    fn is_empty(&self) -> bool {
        let Self { max_tokens, temperature, top_p, stop_sequences } = self;
        max_tokens.is_none() && temperature.is_none() && top_p.is_none() && stop_sequences.is_empty()
    }
}

/// `toolConfig`.
#[derive(Debug)]
pub(super) struct Tools<'a> {
    pub(super) tools: Vec<ToolOut<'a>>,
    pub(super) choice: Option<ToolChoiceOut<'a>>,
}

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'t> {
            tools: List<'t>,
            #[serde(skip_serializing_if = "Option::is_none")]
            tool_choice: Option<&'t ToolChoiceOut<'t>>,
        }

        Fields { tools: List(&self.tools), tool_choice: self.choice.as_ref() }.serialize(serializer)
    }
}

/// Tools, each with the cache point behind it.
struct List<'t>(&'t [ToolOut<'t>]);

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Spec<'t> {
            tool_spec: &'t ToolSpecOut<'t>,
        }

        let mut tools = serializer.serialize_seq(None)?;
        for tool in self.0 {
            tools.serialize_element(&Spec { tool_spec: &tool.spec })?;
            if let Some(mark) = &tool.mark {
                tools.serialize_element(&CachePointOut { cache_point: mark })?;
            }
        }
        tools.end()
    }
}

/// A tool, and whether the prompt up to it is worth caching.
#[derive(Debug)]
pub(super) struct ToolOut<'a> {
    pub(super) spec: ToolSpecOut<'a>,
    pub(super) mark: Option<Mark<'a>>,
}

/// A tool of the client.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolSpecOut<'a> {
    pub(super) name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a str>,
    pub(super) input_schema: Schema<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) strict: bool,
}

/// A tool's schema.
#[derive(Debug, Serialize)]
pub(super) struct Schema<'a> {
    pub(super) json: Cow<'a, RawValue>,
}

/// Whether and which tool must be called.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum ToolChoiceOut<'a> {
    Auto {},
    Any {},
    Tool { name: &'a str },
}

/// The service tier.
#[derive(Debug, Serialize)]
pub(super) struct Tier<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
}

/// The output's effort and form.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text_format: Option<TextFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) effort: Option<&'static str>,
}

/// The output's form.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "json_schema")]
pub(super) struct TextFormat<'a> {
    pub(super) structure: Structure<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Structure<'a> {
    pub(super) json_schema: JsonSchema<'a>,
}

/// A schema: a JSON text in a string.
#[derive(Debug, Serialize)]
pub(super) struct JsonSchema<'a> {
    pub(super) schema: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a str>,
}
