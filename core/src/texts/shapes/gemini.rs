//! Gemini: <https://ai.google.dev/api/generate-content>,
//! <https://github.com/googleapis/python-genai/blob/main/google/genai/types.py>. Both spellings of a key are read.

use super::super::sense::Sense::{Bytes, Each, Free, In, Pick, Schema, Text, Url, Word};
use super::super::sense::Shape;
use super::super::tape::Value;
use super::super::{Place, Scope};
use super::openai::ERROR;
use crate::texts::moved;

/// A request, an answer, or a wish to count.
pub(super) static BODY: Shape = Shape::new(&[
    ("contents", Pick(content)),
    ("systemInstruction", In(Scope::System, &Each(&CONTENT))),
    ("system_instruction", In(Scope::System, &Each(&CONTENT))),
    ("tools", In(Scope::ToolDefinitions, &Each(&TOOL))),
    ("generationConfig", Each(&CONFIG)),
    ("generation_config", Each(&CONFIG)),
    ("generateContentRequest", Each(&BODY)),
    ("generate_content_request", Each(&BODY)),
    ("toolConfig", Word),
    ("tool_config", Word),
    ("safetySettings", Word),
    ("safety_settings", Word),
    ("cachedContent", Word),
    ("cached_content", Word),
    ("serviceTier", Word),
    ("service_tier", Word),
    ("model", Word),
    ("labels", Free),
    // Answers.
    ("candidates", Pick(candidate)),
    ("promptFeedback", Each(&FEEDBACK)),
    ("usageMetadata", Word),
    ("modelVersion", Word),
    ("responseId", Word),
    ("createTime", Word),
    ("error", In(Scope::User, &Each(&ERROR))),
]);

static CONFIG: Shape = Shape::new(&[
    ("responseSchema", In(Scope::ToolDefinitions, &Schema)),
    ("response_schema", In(Scope::ToolDefinitions, &Schema)),
    ("responseJsonSchema", In(Scope::ToolDefinitions, &Schema)),
    ("response_json_schema", In(Scope::ToolDefinitions, &Schema)),
    ("_responseJsonSchema", In(Scope::ToolDefinitions, &Schema)),
    ("stopSequences", Text),
    // Whole numbers may be strings.
    ("maxOutputTokens", Word),
    ("max_output_tokens", Word),
    ("candidateCount", Word),
    ("candidate_count", Word),
    ("seed", Word),
    ("responseMimeType", Word),
    ("response_mime_type", Word),
    ("responseModalities", Word),
    ("response_modalities", Word),
    ("thinkingConfig", Word),
    ("thinking_config", Word),
    ("speechConfig", Word),
    ("speech_config", Word),
    ("mediaResolution", Word),
    ("media_resolution", Word),
    ("imageConfig", Word),
    ("image_config", Word),
]);

/// Whose words a content holds.
pub(super) fn content(content: Value<'_>, place: Place) -> (Place, &'static Shape) {
    let scope = super::openai::scope(content.word("role").as_deref(), place.scope);
    (Place { scope, ..place }, &CONTENT)
}

static CONTENT: Shape = Shape::new(&[("role", Word), ("parts", Pick(part))]);

/// A thought with its signature must come back as it was. Beside words and calls a signature is a thought of its own,
/// and says nothing about them: <https://ai.google.dev/gemini-api/docs/thought-signatures>.
fn part(part: Value<'_>, place: Place) -> (Place, &'static Shape) {
    let has = |key: &str| part.get(key).is_some();
    let is_thought = part.get("thought").is_some_and(|thought| thought.raw() == "true");
    let signed = is_thought && (has("thoughtSignature") || has("thought_signature"));
    (Place { signed: place.signed || signed, ..place }, &PART)
}

static PART: Shape = Shape::new(&[
    ("text", Text),
    ("thoughtSignature", Word),
    ("thought_signature", Word),
    ("inlineData", Each(&BLOB)),
    ("inline_data", Each(&BLOB)),
    ("fileData", Each(&BLOB)),
    ("file_data", Each(&BLOB)),
    ("functionCall", In(Scope::ToolCalls, &Each(&CALL))),
    ("function_call", In(Scope::ToolCalls, &Each(&CALL))),
    ("functionResponse", In(Scope::ToolResults, &Each(&RESULT))),
    ("function_response", In(Scope::ToolResults, &Each(&RESULT))),
    ("toolCall", Pick(server_call)),
    ("tool_call", Pick(server_call)),
    ("toolResponse", In(Scope::ToolResults, &Each(&RESULT))),
    ("tool_response", In(Scope::ToolResults, &Each(&RESULT))),
    ("executableCode", Pick(server_call)),
    ("executable_code", Pick(server_call)),
    ("codeExecutionResult", In(Scope::ToolResults, &Each(&RESULT))),
    ("code_execution_result", In(Scope::ToolResults, &Each(&RESULT))),
    ("partMetadata", Free),
    ("part_metadata", Free),
    ("videoMetadata", Word),
    ("video_metadata", Word),
    ("mediaResolution", Word),
    ("media_resolution", Word),
]);

/// Bytes, here or elsewhere.
static BLOB: Shape =
    Shape::new(&[("data", Bytes), ("mimeType", Word), ("mime_type", Word), ("fileUri", Url), ("file_uri", Url)]);

fn server_call(_: Value<'_>, place: Place) -> (Place, &'static Shape) {
    (Place { scope: Scope::ToolCalls, server_tool: true, ..place }, &CALL)
}

static CALL: Shape = Shape::new(&[
    ("id", Word),
    ("name", Word),
    ("args", Free),
    ("language", Word),
    ("toolType", Word),
    ("tool_type", Word),
]);

static RESULT: Shape = Shape::new(&[
    ("id", Word),
    ("name", Word),
    ("response", Free),
    ("parts", Pick(part)),
    ("outcome", Word),
    ("scheduling", Word),
    ("toolType", Word),
    ("tool_type", Word),
]);

static TOOL: Shape = Shape::new(&[
    ("functionDeclarations", Each(&FUNCTION)),
    ("function_declarations", Each(&FUNCTION)),
    ("retrieval", Word),
]);

static FUNCTION: Shape = Shape::new(&[
    ("name", Word),
    ("behavior", Word),
    ("parameters", Schema),
    ("parametersJsonSchema", Schema),
    ("parameters_json_schema", Schema),
    ("response", Schema),
    ("responseJsonSchema", Schema),
    ("response_json_schema", Schema),
]);

/// One of several answers.
fn candidate(candidate: Value<'_>, place: Place) -> (Place, &'static Shape) {
    let index = candidate.number("index").and_then(|index| u32::try_from(index).ok()).unwrap_or(0);
    (Place { choice: index, scope: Scope::Assistant, ..place }, &CANDIDATE)
}

static CANDIDATE: Shape = Shape::moving(
    &[
        ("content", Each(&CONTENT)),
        ("finishReason", Word),
        ("safetyRatings", Word),
        ("logprobsResult", Word),
        ("citationMetadata", Each(&CITED)),
        ("groundingMetadata", Each(&GROUNDING)),
        ("groundingAttributions", In(Scope::ToolResults, &Text)),
        ("urlContextMetadata", In(Scope::ToolResults, &Text)),
    ],
    moved::gemini_candidate,
);

static CITED: Shape = Shape::new(&[("citations", Each(&SOURCE)), ("citationSources", Each(&SOURCE))]);

static SOURCE: Shape = Shape::new(&[("license", Word), ("publicationDate", Word)]);

static GROUNDING: Shape = Shape::new(&[
    ("groundingChunks", In(Scope::ToolResults, &Text)),
    ("searchEntryPoint", Each(&ENTRY)),
    ("googleMapsWidgetContextToken", Word),
]);

static ENTRY: Shape = Shape::new(&[("sdkBlob", Bytes)]);

static FEEDBACK: Shape = Shape::new(&[("blockReason", Word), ("safetyRatings", Word)]);
