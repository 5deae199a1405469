//! What is asked for beside chats: completions, embeddings, rankings, images, sound, moderation, and Bedrock's
//! InvokeModel with a body that no dialect owns.

use super::super::sense::Sense::{Bytes, Each, Free, In, Pick, Text, Url, Word};
use super::super::sense::Shape;
use super::super::tape::{Kind, Value};
use super::super::{Place, Scope};
use super::openai::{ERROR, PART};
use super::{anthropic, converse, gemini, openai};
use crate::texts::moved;

/// Completions: <https://platform.openai.com/docs/api-reference/completions>. A prompt of tokens is numbers.
pub(super) static COMPLETIONS: Shape = Shape::new(&[
    ("prompt", Text),
    ("suffix", Text),
    ("stop", Text),
    ("user", Text),
    ("metadata", Free),
    ("model", Word),
    ("logit_bias", Word),
    ("stream_options", Word),
    ("choices", Pick(openai::choice)),
    ("id", Word),
    ("object", Word),
    ("usage", Word),
    ("system_fingerprint", Word),
    ("error", In(Scope::User, &Each(&ERROR))),
]);

/// Embeddings, whoever's: <https://platform.openai.com/docs/api-reference/embeddings>,
/// <https://docs.cohere.com/reference/embed>, <https://ai.google.dev/api/embeddings>,
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html>.
pub(super) static EMBEDDINGS: Shape = Shape::new(&[
    ("input", Text),
    ("texts", Text),
    ("images", Url),
    ("inputs", Each(&EMBEDDED)),
    ("requests", Each(&EMBEDDINGS)),
    ("content", Pick(gemini::content)),
    ("instances", Each(&INSTANCE)),
    ("inputText", Text),
    ("inputImage", Bytes),
    ("embedContentConfig", Each(&EMBEDDINGS)),
    ("title", Text),
    ("user", Text),
    ("model", Word),
    ("encoding_format", Word),
    ("input_type", Word),
    ("embedding_types", Word),
    ("embeddingTypes", Word),
    ("truncate", Word),
    ("task", Word),
    ("taskType", Word),
    ("task_type", Word),
    // Answers.
    ("data", Each(&VECTOR)),
    ("embedding", Word),
    ("embeddings", Word),
    ("embeddingsByType", Word),
    ("predictions", Word),
    ("object", Word),
    ("id", Word),
    ("usage", Word),
    ("meta", Word),
    ("metadata", Word),
    ("response_type", Word),
    ("error", In(Scope::User, &Each(&ERROR))),
]);

static EMBEDDED: Shape = Shape::new(&[("content", Each(&PART))]);

static INSTANCE: Shape = Shape::new(&[("content", Text), ("title", Text), ("task_type", Word), ("taskType", Word)]);

static VECTOR: Shape = Shape::new(&[("object", Word), ("embedding", Word)]);

/// Rankings: <https://docs.cohere.com/reference/rerank>, <https://api.jina.ai/redoc#tag/rerank>.
pub(super) static RANKING: Shape = Shape::new(&[
    ("query", Text),
    ("documents", Free),
    ("model", Word),
    ("rank_fields", Word),
    ("id", Word),
    ("object", Word),
    ("usage", Word),
    ("meta", Word),
    ("error", In(Scope::User, &Each(&ERROR))),
]);

/// Images, sound, moderation: <https://platform.openai.com/docs/api-reference/images>, `/audio`, `/moderations`.
pub(super) static PASSED: Shape = Shape::moving(
    &[
        ("input", Each(&PART)),
        ("instructions", In(Scope::System, &Text)),
        ("prompt", Text),
        ("model", Word),
        ("voice", Word),
        ("size", Word),
        ("quality", Word),
        ("style", Word),
        ("background", Word),
        ("moderation", Word),
        ("response_format", Word),
        ("output_format", Word),
        ("stream_format", Word),
        ("input_fidelity", Word),
        ("language", Word),
        ("include", Word),
        ("timestamp_granularities", Word),
        ("image", Bytes),
        ("images", Each(&IMAGE)),
        ("mask", Each(&IMAGE)),
        // Answers.
        ("text", In(Scope::Assistant, &Text)),
        ("segments", In(Scope::Assistant, &Text)),
        ("words", In(Scope::Assistant, &Text)),
        ("data", In(Scope::Assistant, &Each(&IMAGE))),
        ("results", Word),
        ("logprobs", Word),
        ("id", Word),
        ("task", Word),
        ("object", Word),
        ("usage", Word),
        ("error", In(Scope::User, &Each(&ERROR))),
    ],
    moved::transcript,
);

static IMAGE: Shape = Shape::new(&[("b64_json", Bytes), ("url", Url), ("image_url", Url), ("file_id", Word)]);

/// InvokeModel: the body says what it is.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html>
pub(super) fn invoked(body: Value<'_>, place: Place) -> (Place, &'static Shape) {
    let has = |key: &str| body.get(key).is_some();
    let shape = if has("anthropic_version") || body.word("type").is_some_and(|kind| kind == "message") {
        &anthropic::BODY
    } else if has("schemaVersion") || has("inferenceConfig") || is_object(body, "output") {
        &converse::BODY
    } else if has("messages") || has("choices") {
        &openai::BODY
    } else {
        &INVOKED
    };
    (place, shape)
}

fn is_object(body: Value<'_>, key: &str) -> bool {
    body.get(key).is_some_and(|value| value.kind() == Kind::Object)
}

/// Titan, Llama, Mistral, Command and others: a text in, a text out.
static INVOKED: Shape = Shape::new(&[
    ("preamble", In(Scope::System, &Text)),
    ("inputImage", Bytes),
    ("images", Bytes),
    ("embeddingTypes", Word),
    ("embedding_types", Word),
    ("input_type", Word),
    ("truncate", Word),
    ("taskType", Word),
    ("results", In(Scope::Assistant, &Each(&GENERATED))),
    ("outputs", In(Scope::Assistant, &Each(&GENERATED))),
    ("generation", In(Scope::Assistant, &Text)),
    ("generations", In(Scope::Assistant, &Text)),
    ("completion", In(Scope::Assistant, &Text)),
    ("embedding", Word),
    ("embeddings", Word),
    ("embeddingsByType", Word),
]);

static GENERATED: Shape = Shape::new(&[("completionReason", Word), ("stop_reason", Word), ("finish_reason", Word)]);
