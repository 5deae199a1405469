//! The messages of the API and their fields, from the types of the official SDK.

use super::proto::Kind::{Any, Bytes, Flag, Float, Int32, Int64, Many, Named, One, Struct, Text, Word};
use super::proto::{Kind, Message};

/// `GenerateContentRequest` of the Gemini API.
pub(super) static REQUEST: Message = Message(&[
    ("model", Text),
    ("contents", Many(&One(&CONTENT))),
    ("systemInstruction", One(&CONTENT)),
    ("tools", Many(&One(&TOOL))),
    ("toolConfig", One(&TOOL_CONFIG)),
    ("safetySettings", Many(&One(&SAFETY))),
    ("generationConfig", One(&GENERATION_CONFIG)),
    ("cachedContent", Text),
    ("serviceTier", Word),
    ("store", Flag),
]);

/// The same of Vertex AI.
pub(super) static VERTEX_REQUEST: Message = Message(&[
    ("model", Text),
    ("contents", Many(&One(&CONTENT))),
    ("systemInstruction", One(&CONTENT)),
    ("tools", Many(&One(&TOOL))),
    ("toolConfig", One(&TOOL_CONFIG)),
    ("safetySettings", Many(&One(&SAFETY))),
    ("generationConfig", One(&GENERATION_CONFIG)),
    ("cachedContent", Text),
    ("labels", Named(&Text)),
    ("modelArmorConfig", Any),
]);

/// `CountTokensRequest` of both: the Gemini API takes a whole request in `generateContentRequest`.
pub(super) static COUNT: Message = Message(&[
    ("model", Text),
    ("contents", Many(&One(&CONTENT))),
    ("generateContentRequest", One(&REQUEST)),
    ("systemInstruction", One(&CONTENT)),
    ("tools", Many(&One(&TOOL))),
    ("generationConfig", One(&GENERATION_CONFIG)),
]);

/// `EmbedContentRequest`.
pub(super) static EMBED: Message = Message(&[
    ("model", Text),
    ("content", One(&CONTENT)),
    ("taskType", Word),
    ("title", Text),
    ("outputDimensionality", Int32),
    ("autoTruncate", Flag),
    ("embedContentConfig", Any),
]);

/// `BatchEmbedContentsRequest`.
pub(super) static EMBED_MANY: Message = Message(&[("requests", Many(&One(&EMBED)))]);

static CONTENT: Message = Message(&[("role", Text), ("parts", Many(&One(&PART)))]);

static PART: Message = Message(&[
    ("text", Text),
    ("inlineData", One(&BLOB)),
    ("fileData", One(&FILE)),
    ("functionCall", One(&CALL)),
    ("functionResponse", One(&RESPONSE)),
    ("executableCode", Any),
    ("codeExecutionResult", Any),
    ("toolCall", Any),
    ("toolResponse", Any),
    ("thought", Flag),
    ("thoughtSignature", Bytes),
    ("videoMetadata", Any),
    ("mediaResolution", Any),
    ("partMetadata", Struct),
]);

static BLOB: Message = Message(&[("mimeType", Text), ("data", Bytes), ("displayName", Text)]);
static FILE: Message = Message(&[("mimeType", Text), ("fileUri", Text), ("displayName", Text)]);
static CALL: Message = Message(&[("id", Text), ("name", Text), ("args", Struct)]);
static RESPONSE: Message = Message(&[
    ("id", Text),
    ("name", Text),
    ("response", Struct),
    ("parts", Many(&One(&RESPONSE_PART))),
    ("willContinue", Flag),
    ("scheduling", Word),
]);
static RESPONSE_PART: Message = Message(&[("inlineData", One(&BLOB)), ("fileData", One(&FILE))]);

static TOOL: Message = Message(&[
    ("functionDeclarations", Many(&One(&FUNCTION))),
    ("googleSearch", Any),
    ("googleSearchRetrieval", Any),
    ("codeExecution", Any),
    ("urlContext", Any),
    ("googleMaps", Any),
    ("fileSearch", Any),
    ("computerUse", Any),
    ("retrieval", Any),
    ("enterpriseWebSearch", Any),
]);
static FUNCTION: Message = Message(&[
    ("name", Text),
    ("description", Text),
    ("parameters", One(&SCHEMA)),
    ("parametersJsonSchema", Any),
    ("response", One(&SCHEMA)),
    ("responseJsonSchema", Any),
    ("behavior", Word),
]);
static SCHEMA: Message = Message(&[
    ("type", Word),
    ("format", Text),
    ("title", Text),
    ("description", Text),
    ("nullable", Flag),
    ("enum", Many(&Text)),
    ("items", One(&SCHEMA)),
    ("minItems", Int64),
    ("maxItems", Int64),
    ("properties", Named(&Kind::One(&SCHEMA))),
    ("required", Many(&Text)),
    ("minProperties", Int64),
    ("maxProperties", Int64),
    ("minimum", Float),
    ("maximum", Float),
    ("minLength", Int64),
    ("maxLength", Int64),
    ("pattern", Text),
    ("default", Any),
    ("example", Any),
    ("anyOf", Many(&One(&SCHEMA))),
    ("propertyOrdering", Many(&Text)),
]);
static TOOL_CONFIG: Message = Message(&[
    ("functionCallingConfig", One(&CALLING)),
    ("retrievalConfig", Any),
    ("includeServerSideToolInvocations", Flag),
]);
static CALLING: Message = Message(&[("mode", Word), ("allowedFunctionNames", Many(&Text))]);
static SAFETY: Message = Message(&[("category", Word), ("threshold", Word), ("method", Word)]);

static GENERATION_CONFIG: Message = Message(&[
    ("stopSequences", Many(&Text)),
    ("responseMimeType", Text),
    ("responseSchema", One(&SCHEMA)),
    ("responseJsonSchema", Any),
    ("responseModalities", Many(&Word)),
    ("candidateCount", Int32),
    ("maxOutputTokens", Int32),
    ("temperature", Float),
    ("topP", Float),
    ("topK", Float),
    ("seed", Int32),
    ("presencePenalty", Float),
    ("frequencyPenalty", Float),
    ("responseLogprobs", Flag),
    ("logprobs", Int32),
    ("enableEnhancedCivicAnswers", Flag),
    ("speechConfig", Any),
    ("thinkingConfig", One(&THINKING)),
    ("imageConfig", Any),
    ("mediaResolution", Word),
    ("audioTimestamp", Flag),
]);
static THINKING: Message = Message(&[("includeThoughts", Flag), ("thinkingBudget", Int32), ("thinkingLevel", Word)]);
