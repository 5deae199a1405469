//! Converse: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>.

use super::super::sense::Sense::{Body, Bytes, Each, Free, In, Json, Map, Pick, Schema, Text, Url, Word};
use super::super::sense::{SCHEMA, Shape};
use super::super::tape::Value;
use super::super::{Place, Scope};
use super::openai::{ERROR, scope};

/// A request, an answer, or a wish to count.
pub(super) static BODY: Shape = Shape::new(&[
    ("messages", Pick(message)),
    ("system", In(Scope::System, &Pick(block))),
    ("toolConfig", In(Scope::ToolDefinitions, &Each(&TOOLS))),
    ("inferenceConfig", Text),
    ("outputConfig", In(Scope::ToolDefinitions, &Each(&OUTPUT_CONFIG))),
    ("promptVariables", In(Scope::System, &Map(&Text))),
    ("requestMetadata", Free),
    ("additionalModelResponseFieldPaths", Word),
    ("guardrailConfig", Word),
    ("performanceConfig", Word),
    ("serviceTier", Word),
    ("schemaVersion", Word),
    ("modelId", Word),
    ("input", Each(&COUNTED)),
    // Answers.
    ("output", In(Scope::Assistant, &Each(&OUTPUT))),
    ("stopReason", Word),
    ("usage", Word),
    ("metrics", Word),
    ("__type", Word),
    ("error", In(Scope::User, &Each(&ERROR))),
]);

/// What is to be counted. InvokeModel's body is bytes of another dialect.
static COUNTED: Shape = Shape::new(&[("converse", Each(&BODY)), ("invokeModel", Each(&BLOB))]);

static BLOB: Shape = Shape::new(&[("body", Body)]);

static OUTPUT: Shape = Shape::new(&[("message", Pick(message))]);

fn message(message: Value<'_>, place: Place) -> (Place, &'static Shape) {
    (Place { scope: scope(message.word("role").as_deref(), place.scope), ..place }, &MESSAGE)
}

static MESSAGE: Shape = Shape::new(&[("role", Word), ("content", Pick(block))]);

/// A block is a union: the member's name is the type. Only thoughts and calls need a look at what is in them.
fn block(_: Value<'_>, place: Place) -> (Place, &'static Shape) {
    (place, &BLOCK)
}

static BLOCK: Shape = Shape::new(&[
    ("text", Text),
    ("json", Free),
    ("toolUse", Pick(call)),
    ("toolResult", In(Scope::ToolResults, &Each(&RESULT))),
    ("reasoningContent", Pick(thought)),
    ("citationsContent", Each(&CITED)),
    ("searchResult", In(Scope::ToolResults, &Each(&FOUND))),
    ("guardContent", Each(&GUARDED)),
    ("image", Each(&MEDIUM)),
    ("document", Each(&MEDIUM)),
    ("video", Each(&MEDIUM)),
    ("audio", Each(&MEDIUM)),
    ("cachePoint", Word),
]);

fn call(call: Value<'_>, place: Place) -> (Place, &'static Shape) {
    let server_tool = place.server_tool || call.word("type").is_some_and(|kind| kind.starts_with("server"));
    (Place { scope: Scope::ToolCalls, server_tool, ..place }, &CALL)
}

static CALL: Shape = Shape::new(&[("toolUseId", Word), ("name", Word), ("type", Word), ("input", Free)]);

static RESULT: Shape = Shape::new(&[("toolUseId", Word), ("status", Word), ("type", Word), ("content", Pick(block))]);

fn thought(thought: Value<'_>, place: Place) -> (Place, &'static Shape) {
    let signature = thought.get("reasoningText").and_then(|text| text.word("signature"));
    let signed = place.signed || signature.is_some_and(|signature| !signature.is_empty());
    (Place { signed, ..place }, &THOUGHT)
}

static THOUGHT: Shape = Shape::new(&[("reasoningText", Each(&REASONING)), ("redactedContent", Word)]);

static REASONING: Shape = Shape::new(&[("text", Text), ("signature", Word)]);

static CITED: Shape = Shape::new(&[("content", Pick(block)), ("citations", Each(&CITATION))]);

static CITATION: Shape = Shape::new(&[("sourceContent", Pick(block))]);

static FOUND: Shape = Shape::new(&[("content", Pick(block)), ("citations", Word)]);

static GUARDED: Shape = Shape::new(&[("text", Each(&QUALIFIED)), ("image", Each(&MEDIUM))]);

static QUALIFIED: Shape = Shape::new(&[("text", Text), ("qualifiers", Word)]);

/// An image, document, film or sound.
static MEDIUM: Shape = Shape::new(&[("format", Word), ("source", Each(&SOURCE)), ("citations", Word)]);

static SOURCE: Shape =
    Shape::new(&[("bytes", Bytes), ("text", Text), ("content", Pick(block)), ("s3Location", Each(&S3))]);

static S3: Shape = Shape::new(&[("uri", Url), ("bucketOwner", Word)]);

static TOOLS: Shape = Shape::new(&[("tools", Each(&TOOL)), ("toolChoice", Word)]);

static TOOL: Shape = Shape::new(&[("toolSpec", Each(&SPEC)), ("systemTool", Word), ("cachePoint", Word)]);

static SPEC: Shape = Shape::new(&[("name", Word), ("inputSchema", Each(&SPEC_SCHEMA))]);

static SPEC_SCHEMA: Shape = Shape::new(&[("json", Schema)]);

static OUTPUT_CONFIG: Shape = Shape::new(&[("effort", Word), ("textFormat", Each(&FORMAT))]);

static FORMAT: Shape = Shape::new(&[("type", Word), ("structure", Each(&STRUCTURE))]);

static STRUCTURE: Shape = Shape::new(&[("jsonSchema", Each(&JSON_SCHEMA))]);

/// The schema is JSON in a string.
static JSON_SCHEMA: Shape = Shape::new(&[("name", Word), ("schema", Json(&SCHEMA))]);
