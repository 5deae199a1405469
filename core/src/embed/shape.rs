//! [`Shape`]: the APIs that make vectors.

use super::request::Encoding;
use crate::dialect::Dialect;

/// How a request for embeddings and its answer are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// `POST /v1/embeddings`: <https://platform.openai.com/docs/api-reference/embeddings>.
    OpenAi,
    /// `POST …:embedContent`, one input: <https://ai.google.dev/api/embeddings>.
    Gemini,
    /// `POST …:batchEmbedContents`, several.
    GeminiBatch,
    /// `POST …:predict` of a text embedding model on Vertex AI:
    /// <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api>.
    Vertex,
    /// `POST /v2/embed`: <https://docs.cohere.com/reference/embed>.
    Cohere,
    /// Bedrock's `InvokeModel` of an Amazon Titan text embedding model, one input:
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html>.
    Titan,
    /// Bedrock's `InvokeModel` of a Cohere embedding model:
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html>.
    CohereBedrock,
}

impl Shape {
    /// The shape in which a provider of this dialect is asked for vectors of this model; `None` where the dialect has none.
    /// Of Google's it is the Gemini API's: on Vertex AI [`Shape::Vertex`] is the right one.
    pub fn of_upstream(dialect: Dialect, model: &str) -> Option<Self> {
        match dialect {
            Dialect::OpenAi | Dialect::Responses | Dialect::Completions => Some(Self::OpenAi),
            Dialect::Gemini => Some(Self::GeminiBatch),
            Dialect::Cohere => Some(Self::Cohere),
            Dialect::Converse => Self::of_bedrock(model),
            Dialect::Anthropic => None,
        }
    }

    /// The shape of a model on Bedrock, by its name: `amazon.titan-embed-text-v2:0`, `us.cohere.embed-v4:0`, or the ARN of
    /// one of them.
    pub fn of_bedrock(model: &str) -> Option<Self> {
        if model.contains("titan-embed") {
            Some(Self::Titan)
        } else if model.contains("cohere.embed") {
            Some(Self::CohereBedrock)
        } else {
            None
        }
    }

    /// The dialect whose errors and credentials go with it.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::OpenAi => Dialect::OpenAi,
            Self::Gemini | Self::GeminiBatch | Self::Vertex => Dialect::Gemini,
            Self::Cohere => Dialect::Cohere,
            Self::Titan | Self::CohereBedrock => Dialect::Converse,
        }
    }

    /// Whether vectors in this encoding can be had from it.
    pub(super) fn gives(self, encoding: Encoding) -> bool {
        match encoding {
            // One is made of the other where needed.
            Encoding::Float | Encoding::Base64 => true,
            Encoding::Int8 | Encoding::Uint8 | Encoding::Binary | Encoding::Ubinary => {
                matches!(self, Self::Cohere | Self::CohereBedrock)
            }
            Encoding::TitanBinary => self == Self::Titan,
        }
    }
}
